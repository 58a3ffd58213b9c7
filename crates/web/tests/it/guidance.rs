//! Security guidance is read before the first page, once a year, and nothing else opens before.

use access::Role;
use http::StatusCode;

use crate::clinic::{Browser, Clinic, MINUTE_MS};
use crate::ward::{look, ward};

const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

#[tokio::test]
async fn after_a_year_no_page_opens_before_the_guidance_is_read_and_then_one_is_where_one_was_going() {
    let clinic = ward().await;
    clinic.advance(364 * DAY_MS);
    let (_, page) = look(&clinic, "asha", "/patients/p1").await;
    assert_eq!(page.status, StatusCode::OK);
    clinic.advance(DAY_MS);
    let mut browser = Browser::new();
    clinic.signed_in("asha", &mut browser).await;
    for path in ["/", "/today", "/patients/p1", "/me", "/inbox"] {
        let answer = browser.get(&clinic, path).await;
        assert!(answer.location().starts_with("/guidance"), "{path}: {} {}", answer.status, answer.location());
        assert!(answer.body.is_empty(), "{}", answer.body);
    }
    let due = browser.get(&clinic, "/patients/p1").await;
    let page = browser.get(&clinic, due.location()).await;
    for part in ["Public Wi-Fi", "Updates.", "Passkeys and passwords.", "Emergency access", "I have read it"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(!page.body.contains("Who speaks with people who come and call"), "what is for others");
    // A page of before the words changed says nothing about them, and without the page nothing is read.
    let post = |version: &str, csrf: &str| [("csrf", csrf.to_owned()), ("version", version.to_owned())];
    let csrf = page.csrf();
    for form in [post("0", &csrf), post("1", "other"), post("", &csrf)] {
        let refused = browser.post(&clinic, due.location(), &form).await;
        assert!(refused.status.is_client_error(), "{}", refused.status);
    }
    assert!(browser.get(&clinic, "/me").await.location().starts_with("/guidance"));
    let read = browser.post(&clinic, due.location(), &post("1", &csrf)).await;
    assert_eq!((read.status, read.location()), (StatusCode::SEE_OTHER, "/patients/p1"));
    assert_eq!(browser.get(&clinic, "/patients/p1").await.status, StatusCode::OK);
    // It stays there to be read again, and says when it was.
    let page = browser.get(&clinic, "/guidance").await;
    assert!(page.body.contains("read by you") && !page.body.contains("I have read it"), "{}", page.body);
}

#[tokio::test]
async fn each_reads_what_their_work_asks_for() {
    let clinic = Clinic::new().await;
    for (login, role, part) in [
        ("nora", Role::Nurse, "Who cares for patients"),
        ("fay", Role::FrontDesk, "Who speaks with people"),
        ("petra", Role::PrivacyOfficer, "Who keeps accounts"),
    ] {
        clinic.seed(login, role).await;
        let (_, page) = look(&clinic, login, "/guidance").await;
        let parts = ["Who cares for patients", "Who speaks with people", "Who keeps accounts", "Patients, and who"];
        for one in parts {
            assert_eq!(page.body.contains(one), one == part, "{login}: {one}");
        }
        assert!(page.body.contains("Whoever works here") && page.body.contains("Everybody"), "{login}");
    }
}
