//! The way back to where one was: for the same person, and for nobody else.

use access::UserId;
use http::StatusCode;
use identity::Connection;
use web::COOKIE;

use crate::clinic::{Answer, Browser, Clinic, MINUTE_MS, PASSWORD};
use crate::ward::{look, ward};

const PLACE: &str = "/patients/p1";

/// Both steps at a locked screen, as its forms ask for them.
pub async fn unlocked(clinic: &Clinic, browser: &mut Browser, screen: &str) -> Answer {
    let page = browser.get(clinic, screen).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let first = page.after(r#"<form method="post" action=""#);
    let mut form = vec![("password", PASSWORD.to_owned())];
    form.extend(browser.claim(&clinic.identity));
    let second = browser.post(clinic, &first, &form).await;
    assert_eq!(second.status, StatusCode::OK, "{}", second.body);
    let address = second.after(r#"<form method="post" action=""#);
    browser.post(clinic, &address, &[("code", clinic.totp())]).await
}

/// Both steps at the door.
async fn signs_in(clinic: &Clinic, browser: &mut Browser, login: &str) -> Answer {
    let mut form = vec![("login", login.to_owned()), ("password", PASSWORD.to_owned())];
    form.extend(browser.claim(&clinic.identity));
    assert_eq!(browser.post(clinic, "/signin", &form).await.status, StatusCode::OK);
    browser.post(clinic, "/signin/second", &[("code", clinic.totp())]).await
}

async fn locked(clinic: &Clinic, login: &str, place: &str) -> (Browser, String) {
    let (mut browser, page) = look(clinic, login, place).await;
    let form = [("csrf", page.csrf()), ("place", String::new())];
    let answer = browser.post(clinic, &format!("{}?lock", place.split('?').next().unwrap()), &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    (browser, answer.location().to_owned())
}

#[tokio::test]
async fn a_locked_screen_shows_whose_it_is_and_opens_for_that_person_where_they_were() {
    let clinic = ward().await;
    let (mut browser, screen) = locked(&clinic, "asha", PLACE).await;
    assert!(screen.starts_with("/lock?next="), "{screen}");
    let page = browser.get(&clinic, &screen).await;
    assert_eq!(page.status, StatusCode::OK);
    for part in ["Lakeside Clinic", "ASHA", "Password", "somebody else"] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    for hidden in ["asha", "Adeyemi", "ADEYEMI", "MR-004718", "name=\"login\"", "csrf"] {
        assert!(!page.body.contains(hidden), "{hidden} in {}", page.body);
    }
    assert!(!page.body.split("</title>").next().unwrap().contains("ASHA"));
    // Locked is locked, for pages and for scripts.
    for path in [PLACE, "/me"] {
        let answer = browser.get(&clinic, path).await;
        assert!(answer.location().starts_with("/lock?next="), "{path} {}", answer.location());
    }
    let scripted = browser.ask(&clinic, "GET", "/me/events", &[("accept", "application/json")], "".into()).await;
    assert_eq!(scripted.status, StatusCode::UNAUTHORIZED);

    let wrong = page.after(r#"<form method="post" action=""#);
    let answer = browser.post(&clinic, &wrong, &[("password", "not the password".into())]).await;
    assert!(answer.status == StatusCode::UNAUTHORIZED && answer.body.contains("does not match"), "{}", answer.body);
    let back = unlocked(&clinic, &mut browser, &screen).await;
    assert_eq!((back.status, back.location()), (StatusCode::SEE_OTHER, PLACE));
    assert_eq!(browser.get(&clinic, PLACE).await.status, StatusCode::OK);
    // A tab that still shows the locked screen goes on as well.
    assert_eq!(browser.get(&clinic, &screen).await.location(), PLACE);
}

#[tokio::test]
async fn somebody_else_at_a_locked_screen_begins_at_their_own_first_page() {
    let clinic = ward().await;
    for (login, first) in [("nora", "/today"), ("ben", "/patients"), ("root", "/me")] {
        let (mut browser, screen) = locked(&clinic, "asha", PLACE).await;
        // At the locked screen's own forms, whatever they say, and at the door.
        browser.get(&clinic, &screen).await;
        let page = browser.get(&clinic, "/signin").await;
        assert!(!page.body.contains("ASHA") && !page.body.contains("p1"), "{}", page.body);
        let in_now = signs_in(&clinic, &mut browser, login).await;
        assert_eq!((in_now.status, in_now.location()), (StatusCode::SEE_OTHER, "/"), "{login}");
        assert_eq!(browser.get(&clinic, "/").await.location(), first, "{login}");
        let next = screen.split_once('?').unwrap().1;
        assert_eq!(browser.get(&clinic, &format!("/lock?{next}")).await.location(), "/", "{login}");
    }
    // Where the second step is somebody else's with the place of the first still in its address.
    let (mut browser, screen) = locked(&clinic, "asha", PLACE).await;
    let form = [("login", "nora".to_owned()), ("password", PASSWORD.to_owned())];
    browser.post(&clinic, "/signin", &form).await;
    let next = screen.split_once('?').unwrap().1;
    let second = browser.post(&clinic, &format!("/signin/second?{next}"), &[("code", clinic.totp())]).await;
    assert_eq!(second.location(), "/");
}

#[tokio::test]
async fn time_locks_as_its_person_does_and_the_next_day_nobody_is_named() {
    let clinic = ward().await;
    let (mut browser, _) = look(&clinic, "asha", PLACE).await;
    clinic.advance(16 * MINUTE_MS);
    // What the script of an open page asks for: where it was, how far down.
    let screen = "/lock?next=%2Ftoday%3Fday%3D2027-01-05%26who%3Dall%7E00ff00ff00ff00ff";
    let page = browser.get(&clinic, screen).await;
    // The session is only found to be over by asking for it.
    assert!(page.body.contains("ASHA") && !page.body.contains("ADEYEMI"), "{}", page.body);
    let back = unlocked(&clinic, &mut browser, screen).await;
    assert_eq!(back.location(), "/today?day=2027-01-05&who=all#at-00ff00ff00ff00ff");

    clinic.advance(16 * MINUTE_MS);
    let screen = browser.get(&clinic, PLACE).await.location().to_owned();
    clinic.advance(13 * 60 * MINUTE_MS);
    let page = browser.get(&clinic, &screen).await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/signin"));
    assert_eq!(browser.cookie(), None);
    assert_eq!(signs_in(&clinic, &mut browser, "nora").await.location(), "/");
}

#[tokio::test]
async fn after_signing_out_nobody_is_led_anywhere() {
    let clinic = ward().await;
    let (mut browser, page) = look(&clinic, "asha", PLACE).await;
    browser.post(&clinic, "/signout", &[("csrf", page.csrf())]).await;
    // Going back, and what another tab does.
    for path in [PLACE, "/lock?next=%2Fpatients%2Fp1"] {
        let answer = browser.get(&clinic, path).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/signin"), "{path}");
    }
    assert_eq!(signs_in(&clinic, &mut browser, "nora").await.location(), "/");
}

#[tokio::test]
async fn who_follows_a_link_comes_to_it_by_way_of_the_door() {
    let clinic = ward().await;
    for (asked, arrives) in [
        (PLACE, PLACE),
        ("/today?day=2027-01-05&who=all", "/today?day=2027-01-05&who=all"),
        ("/inbox", "/inbox"),
        ("/me", "/me"),
        ("/patients?name=adeyemi", "/patients"),
        ("/stepup", "/"),
        ("/me/events", "/"),
        ("/patients/p1/picture", "/"),
    ] {
        let mut browser = Browser::without_scripts();
        assert_eq!(browser.get(&clinic, asked).await.location(), "/signin", "{asked}");
        assert_eq!(signs_in(&clinic, &mut browser, "asha").await.location(), arrives, "{asked}");
    }
}

#[tokio::test]
async fn who_is_cut_off_comes_back_and_who_may_not_is_not_named() {
    let clinic = ward().await;
    let root = clinic.identity.bearer("demo-root", &Connection::LOCAL).unwrap();
    let asha = clinic.identity.user_of("asha").unwrap();
    let (mut browser, _) = look(&clinic, "asha", PLACE).await;
    clinic.identity.end_sessions_of(&root, asha, None, &Connection::LOCAL).await.unwrap();
    assert_eq!(browser.get(&clinic, PLACE).await.location(), "/signin", "revoked is not locked");
    let mut same = Browser::without_scripts();
    same.cookies = browser.cookies.clone();
    assert_eq!(signs_in(&clinic, &mut browser, "nora").await.location(), "/");
    assert_eq!(signs_in(&clinic, &mut same, "asha").await.location(), PLACE);

    let (mut browser, screen) = locked(&clinic, "leo", PLACE).await;
    let leo: UserId = clinic.identity.user_of("leo").unwrap();
    clinic.identity.deactivate(&root, leo, "left", &Connection::LOCAL).await.unwrap();
    let page = browser.get(&clinic, &screen).await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/signin"));
    assert!(!browser.cookies.iter().any(|(name, _)| name == COOKIE));
}

#[tokio::test]
async fn locking_needs_a_form_of_ours() {
    let clinic = ward().await;
    let (mut browser, page) = look(&clinic, "asha", PLACE).await;
    let csrf = [("csrf", page.csrf())];
    let foreign = browser.post_from(&clinic, "/patients/p1?lock", &csrf, &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.post(&clinic, "/patients/p1?lock", &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.get(&clinic, PLACE).await.status, StatusCode::OK);
    // From an address that is no page to come back to.
    let answer = browser.post(&clinic, "/patients/p1/glass?lock", &csrf).await;
    assert_eq!(answer.location(), "/lock");
    assert_eq!(unlocked(&clinic, &mut browser, "/lock").await.location(), "/");
}
