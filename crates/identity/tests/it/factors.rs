//! Two factors, each once; unknown and known look alike.

use access::Role;
use identity::{Kind, SignInRefusal};

use crate::browser::Browser;
use crate::clinic::{Clinic, HOUR_MS, MINUTE_MS, PASSWORD, here, totp_at};

#[tokio::test]
async fn a_password_alone_opens_nothing_and_with_a_code_makes_a_session() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let first = clinic.password("ana", &browser).await.unwrap();
    assert!(first.has_totp && !first.has_passkey);
    assert!(clinic.identity.session(&first.ticket, &browser.connection()).await.is_err());
    assert!(clinic.identity.bearer(&first.ticket, &here()).is_none());
    let signed_in = clinic.sign_in("ANA", &browser).await;
    let session = clinic.session(&signed_in, &browser).await.unwrap();
    assert_eq!(session.login, "ana");
    let caller = session.caller.unwrap();
    assert!(caller.facts().mfa_fresh && !caller.facts().phishing_resistant && !caller.facts().device_verified);
    assert!(caller.roles().contains(Role::Physician));
}

#[tokio::test]
async fn every_wrong_first_step_answers_alike_and_is_audited() {
    let clinic = Clinic::new().await;
    clinic.seed("bot", Kind::Service, Role::Integration, true).await;
    clinic.invite("newcomer", Role::Nurse).await.unwrap();
    let from = clinic.events();
    for (login, password) in
        [("ana", "wrong"), ("nobody", PASSWORD), ("bot", PASSWORD), ("newcomer", PASSWORD), ("", "")]
    {
        let refusal = clinic.identity.sign_in_password(login, password, None, &Browser::new().connection()).await;
        assert!(matches!(refusal, Err(SignInRefusal::DoesNotMatch)), "{login}");
    }
    let events = clinic.events_from(from);
    assert_eq!(events.len(), 5);
    assert!(events.iter().all(|event| event.starts_with("SignIn 401 ")), "{events:?}");
    assert!(events[0].starts_with("SignIn 401 ana: password, login "));
    assert!(events[1].starts_with("SignIn 401 : password, login ") && !events[1].contains("nobody"));
}

#[tokio::test]
async fn a_step_of_the_app_is_used_once_also_across_a_restart() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    clinic.sign_in("ana", &browser).await;
    let spent = totp_at(clinic.now_ms());
    for identity in [clinic.identity.clone(), clinic.reopened()] {
        let first = identity.sign_in_password("ana", PASSWORD, None, &browser.connection()).await.unwrap();
        let again = identity.sign_in_totp(&first.ticket, &spent, "", &browser.connection()).await;
        assert!(matches!(again, Err(SignInRefusal::DoesNotMatch)));
    }
    // One step of skew each way, and no further.
    clinic.advance(2 * MINUTE_MS);
    for (skew_ms, is_good) in [(-60_000, false), (60_000, false), (30_000, true)] {
        let first = clinic.password("ana", &browser).await.unwrap();
        let code = totp_at(clinic.now_ms() + skew_ms);
        let answer = clinic.identity.sign_in_totp(&first.ticket, &code, "", &browser.connection()).await;
        assert_eq!(answer.is_ok(), is_good, "{skew_ms}");
    }
}

#[tokio::test]
async fn two_requests_with_one_code_make_one_session() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let (one, two) = (clinic.password("ana", &browser).await.unwrap(), clinic.password("ana", &browser).await.unwrap());
    let (code, from) = (clinic.totp(), browser.connection());
    let (one, two) = tokio::join!(
        clinic.identity.sign_in_totp(&one.ticket, &code, "", &from),
        clinic.identity.sign_in_totp(&two.ticket, &code, "", &from),
    );
    assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1);
}

#[tokio::test]
async fn a_ticket_dies_after_five_minutes_five_errors_one_use_and_elsewhere() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let first = clinic.password("ana", &browser).await.unwrap();
    let elsewhere = Browser::at("203.0.113.5").connection();
    let code = clinic.totp();
    let refusal = clinic.identity.sign_in_totp(&first.ticket, &code, "", &elsewhere).await;
    assert!(matches!(refusal, Err(SignInRefusal::Expired)));
    clinic.identity.sign_in_totp(&first.ticket, &code, "", &browser.connection()).await.unwrap();
    let refusal = clinic.identity.sign_in_totp(&first.ticket, &clinic.totp(), "", &browser.connection()).await;
    assert!(matches!(refusal, Err(SignInRefusal::Expired)));

    let first = clinic.password("ana", &browser).await.unwrap();
    clinic.advance(5 * MINUTE_MS);
    let refusal = clinic.identity.sign_in_totp(&first.ticket, &clinic.totp(), "", &browser.connection()).await;
    assert!(matches!(refusal, Err(SignInRefusal::Expired)));

    let first = clinic.password("ana", &browser).await.unwrap();
    for _ in 0..5 {
        clinic.advance(5_000);
        let refusal = clinic.identity.sign_in_totp(&first.ticket, "000000", "", &browser.connection()).await;
        assert!(matches!(refusal, Err(SignInRefusal::DoesNotMatch)));
    }
    clinic.advance(MINUTE_MS);
    let refusal = clinic.identity.sign_in_totp(&first.ticket, &clinic.totp(), "", &browser.connection()).await;
    assert!(matches!(refusal, Err(SignInRefusal::Expired)));
}

#[tokio::test]
async fn a_command_on_the_machine_proves_its_person_with_both_factors() {
    let clinic = Clinic::new().await;
    let code = clinic.totp();
    let person = clinic.identity.verify_person("ana", PASSWORD, &code).await.unwrap();
    assert_eq!((person.login.as_str(), person.user), ("ana", clinic.user("ana")));
    assert!(clinic.identity.verify_person("ana", PASSWORD, &code).await.is_err(), "the step is spent");
    assert!(clinic.identity.verify_person("ana", "wrong", &clinic.totp()).await.is_err());
    assert!(clinic.identity.sessions_of(person.user).is_empty());
}

#[tokio::test]
async fn what_cannot_be_audited_does_not_happen() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let first = clinic.password("ana", &browser).await.unwrap();
    let code = clinic.totp();
    clinic.audit_is_away(true);
    let refusal = clinic.identity.sign_in_totp(&first.ticket, &code, "", &browser.connection()).await;
    assert!(matches!(refusal, Err(SignInRefusal::Unavailable(_))));
    assert!(clinic.identity.sessions_of(clinic.user("ana")).is_empty());
    assert!(clinic.identity.deactivate(&clinic.caller("root"), clinic.user("ana"), "leaves", &here()).await.is_err());
    assert!(clinic.identity.bearer("demo-ana", &here()).is_some());
    clinic.advance(HOUR_MS);
}
