//! The front desk gives a patient a code after checking who they are; with it the patient opens the own chart, and nobody another.

use http::StatusCode;

use crate::clinic::{Answer, Browser, Clinic, MINUTE_MS, PASSWORD};
use crate::ward::{look, ward};

fn form(page: &Answer, login: &str, check: &str) -> Vec<(&'static str, String)> {
    vec![("csrf", page.csrf()), ("login", login.to_owned()), ("check", check.to_owned())]
}

fn code_of(page: &Answer) -> String {
    page.body.split(r#"<code id="code">"#).nth(1).expect(&page.body).split('<').next().unwrap().to_owned()
}

async fn enrolled(clinic: &Clinic, code: &str) -> Browser {
    let mut browser = Browser::new();
    let begun = browser.post(clinic, "/enrol", &[("code", code.to_owned())]).await;
    assert_eq!(begun.location(), "/enrol/steps", "{}", begun.body);
    browser.post(clinic, "/enrol/password", &[("password", PASSWORD.into()), ("again", PASSWORD.into())]).await;
    let setup = browser.post(clinic, "/enrol/totp", &[]).await;
    let letters = setup.body.split(r#"id="totp-secret">"#).nth(1).unwrap().split('<').next().unwrap().replace(' ', "");
    let secret = totp_rs::Secret::try_from_base32(&letters).unwrap();
    browser.post(clinic, "/enrol/totp/confirm", &[("code", clinic.totp_now(secret.as_ref()))]).await;
    browser.post(clinic, "/enrol/recovery", &[]).await;
    let unread = browser.post(clinic, "/enrol/finish", &[]).await;
    assert!(
        unread.status == StatusCode::UNPROCESSABLE_ENTITY && unread.body.contains("Read how to keep"),
        "{}",
        unread.body
    );
    let opened = browser.post(clinic, "/enrol/finish", &[("guidance", "read".into())]).await;
    assert_eq!((opened.status, opened.location()), (StatusCode::SEE_OTHER, "/"), "{}", opened.body);
    browser
}

#[tokio::test]
async fn the_front_desk_hands_over_a_code_and_the_patient_sets_up_the_account_with_it() {
    let clinic = ward().await;
    let (mut fay, page) = look(&clinic, "fay", "/patients/p1/access").await;
    assert!(page.body.contains("ADEYEMI") && page.body.contains("None yet"), "{}", page.body);
    for (login, check, slip) in [
        ("", "in_person", "Ask what they want"),
        ("ruth@example.org", "", "Say how you know"),
        ("ruth@example.org", "colleague", "Say how you know"),
        ("ru th", "in_person", "This was not done"),
        ("asha", "in_person", "This was not done"),
    ] {
        let refused = fay.post(&clinic, "/patients/p1/access", &form(&page, login, check)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{login} {check}: {}", refused.body);
        assert!(refused.body.contains(slip) && (login.is_empty() || refused.body.contains(login)), "{}", refused.body);
    }
    let made = fay.post(&clinic, "/patients/p1/access", &form(&page, "ruth@example.org", "in_person")).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    // It is ten in the morning at the clinic, and 15:00 in UTC.
    assert!(made.body.contains("-Jan-2027 10:0") && !made.body.contains("UTC"), "{}", made.body);
    assert!(fay.get(&clinic, "/patients/p1/access").await.body.contains("not used yet"));
    // Lost: another one, and the first is void.
    let first = code_of(&made);
    let again = fay.post(&clinic, "/patients/p1/access", &form(&page, "", "two_facts")).await;
    assert_eq!(again.status, StatusCode::CREATED, "{}", again.body);
    let mut other = Browser::new();
    assert_ne!(other.post(&clinic, "/enrol", &[("code", first)]).await.location(), "/enrol/steps");
    let mut ruth = enrolled(&clinic, &code_of(&again)).await;
    let own = ruth.get(&clinic, "/me").await;
    assert!(own.body.contains("ruth@example.org") && own.body.contains("patient"), "{}", own.body);
    // Nobody else's chart, and no page of the front desk.
    for path in ["/patients/p2", "/patients/p1/access"] {
        let answer = ruth.get(&clinic, path).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
    }
    // A new code ends what was there.
    let page = fay.get(&clinic, "/patients/p1/access").await;
    assert!(page.body.contains("in use since") && page.body.contains("void at once"), "{}", page.body);
    fay.post(&clinic, "/patients/p1/access", &form(&page, "", "in_person")).await;
    assert_eq!(ruth.get(&clinic, "/me").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_code_for_a_patient_asks_for_a_fresh_confirmation_and_for_a_role_that_gives_it() {
    let clinic = ward().await;
    let (mut fay, page) = look(&clinic, "fay", "/patients/p1/access").await;
    clinic.advance(6 * MINUTE_MS);
    let stale = fay.post(&clinic, "/patients/p1/access", &form(&page, "ruth@example.org", "in_person")).await;
    assert_eq!((stale.status, stale.location()), (StatusCode::SEE_OTHER, "/stepup?next=/patients/p1/access"));
    let confirmed = fay.post(&clinic, stale.location(), &[("csrf", page.csrf()), ("code", clinic.totp())]).await;
    assert_eq!(confirmed.location(), "/patients/p1/access");
    let made = fay.post(&clinic, "/patients/p1/access", &form(&page, "ruth@example.org", "in_person")).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    for login in ["asha", "nora", "ben"] {
        let (mut browser, answer) = look(&clinic, login, "/patients/p1/access").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{login}");
        let me = browser.get(&clinic, "/me").await;
        let answer = browser.post(&clinic, "/patients/p1/access", &form(&me, "x@example.org", "in_person")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{login}");
        assert!(!browser.get(&clinic, "/patients/p1").await.body.contains("/patients/p1/access"), "{login}");
    }
}
