//! The door says the same to everybody who does not get in, to the byte.

use access::Role;
use http::StatusCode;

use crate::clinic::{Answer, Browser, Clinic, MINUTE_MS, PASSWORD};

/// From an address of its own, so that nobody is delayed by others.
async fn tries(clinic: &Clinic, address: &'static str, login: &str, password: &str) -> Answer {
    let mut browser = Browser::without_scripts().at(address);
    let answer = browser.post(clinic, "/signin", &[("login", login.into()), ("password", password.into())]).await;
    assert!(browser.cookies.is_empty(), "{login}");
    answer
}

#[tokio::test]
async fn a_wrong_password_and_an_account_that_is_not_there_are_answered_alike() {
    let clinic = Clinic::new().await;
    clinic.seed("leo", Role::Nurse).await;
    clinic.invite("una").await;
    let by = clinic.identity.bearer("demo-root", &identity::Connection::LOCAL).unwrap();
    let leo = clinic.identity.user_of("leo").unwrap();
    clinic.identity.deactivate(&by, leo, "left", &identity::Connection::LOCAL).await.unwrap();

    let wrong = tries(&clinic, "192.0.2.1", "ana", "not the password").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.body.contains("This does not match."), "{}", wrong.body);
    let long = "x".repeat(500);
    let others = [
        ("192.0.2.2", "nobody", "not the password"),
        ("192.0.2.3", "", ""),
        ("192.0.2.4", "una", "not the password"),
        ("192.0.2.5", "leo", PASSWORD),
        ("192.0.2.6", long.as_str(), PASSWORD),
        ("192.0.2.7", "<script>alert(1)</script>", PASSWORD),
    ];
    for (address, login, password) in others {
        let answer = tries(&clinic, address, login, password).await;
        assert!(answer == wrong, "{login} {} {:?} {}", answer.status, answer.headers, answer.body);
    }
}

#[tokio::test]
async fn a_wrong_second_factor_says_no_more_and_opens_nothing() {
    let clinic = Clinic::new().await;
    let mut browser = Browser::new();
    let form = [("login", "ana".to_owned()), ("password", PASSWORD.to_owned())];
    assert_eq!(browser.post(&clinic, "/signin", &form).await.status, StatusCode::OK);
    assert!(browser.is_between_steps());
    // What is between the steps opens nothing.
    assert_eq!(browser.get(&clinic, "/me").await.location(), "/signin");
    let ways = [("has_totp", "yes".to_owned())];
    let code = browser.post(&clinic, "/signin/second", &[&[("code", "000000".to_owned())], &ways[..]].concat()).await;
    clinic.advance(MINUTE_MS);
    let recovery = [&[("recovery", "AAAA-BBBB-CCCC".to_owned())], &ways[..]].concat();
    let recovery = browser.post(&clinic, "/signin/second", &recovery).await;
    assert_eq!(code.status, StatusCode::UNAUTHORIZED);
    assert!(code.body == recovery.body && code.status == recovery.status, "{}", recovery.body);
    assert_eq!(browser.cookie(), None);
}

#[tokio::test]
async fn codes_that_are_wrong_used_or_too_old_are_answered_alike() {
    let clinic = Clinic::new().await;
    let code = clinic.invite("una").await.code.unwrap().to_string();
    let enrol = async |code: &str| Browser::new().post(&clinic, "/enrol", &[("code", code.to_owned())]).await;
    let wrong = enrol("AAAA-BBBB-CCCC-DDDD").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let right = enrol(&code).await;
    assert_eq!((right.status, right.location()), (StatusCode::SEE_OTHER, "/enrol/steps"));
    clinic.advance(60 * 24 * 60 * MINUTE_MS);
    assert!(enrol(&code).await == wrong);
    assert!(enrol("").await == wrong);
}
