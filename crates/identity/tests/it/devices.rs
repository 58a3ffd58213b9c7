//! A cookie works where its device is, and nowhere else.

use identity::{DeviceState, SessionRefusal, SignInRefusal};

use crate::browser::Browser;
use crate::clinic::{Clinic, MINUTE_MS, PASSWORD, here};

#[tokio::test]
async fn a_connection_proves_the_device_key_before_the_cookie_works_on_it() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let signed_in = clinic.sign_in("ana", &browser).await;
    assert!(clinic.session(&signed_in, &browser).await.is_ok());
    let second = browser.other_connection();
    let Err(SessionRefusal::Unproven { challenge }) = clinic.identity.session(&signed_in.cookie, &second).await else {
        panic!("not proven yet");
    };
    clinic.identity.prove(&signed_in.cookie, &second, &browser.sign(&challenge)).await.unwrap();
    assert!(clinic.identity.session(&signed_in.cookie, &second).await.is_ok());
    // A proof is good for its connection only.
    let third = browser.other_connection();
    let replayed = clinic.identity.prove(&signed_in.cookie, &third, &browser.sign(&challenge)).await;
    assert!(matches!(replayed, Err(SessionRefusal::OtherDevice)));
}

#[tokio::test]
async fn a_copied_cookie_fails_elsewhere_and_is_told_once() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let thief = Browser::at("203.0.113.66");
    let signed_in = clinic.sign_in("ana", &browser).await;
    let from = clinic.events();
    assert!(matches!(clinic.session(&signed_in, &thief).await, Err(SessionRefusal::Unproven { .. })));
    clinic.identity.sweep().await.unwrap();
    assert_eq!(clinic.events(), from, "it has twenty seconds");
    clinic.advance(20_000);
    clinic.identity.sweep().await.unwrap();
    clinic.identity.sweep().await.unwrap();
    assert!(clinic.session(&signed_in, &thief).await.is_err());
    let events = clinic.events_from(from);
    assert_eq!(events, [format!("CookieReplay 401 ana: session {}", signed_in.session)]);
    assert!(clinic.session(&signed_in, &browser).await.is_ok(), "the owner goes on");
}

#[tokio::test]
async fn a_wrong_signature_is_a_replayed_cookie_at_once() {
    let clinic = Clinic::new().await;
    let (browser, thief) = (Browser::new(), Browser::at("203.0.113.66"));
    let signed_in = clinic.sign_in("ana", &browser).await;
    let Err(SessionRefusal::Unproven { challenge }) = clinic.session(&signed_in, &thief).await else {
        panic!("not proven");
    };
    let from = clinic.events();
    for signature in [thief.sign(&challenge), String::new(), "!".into(), thief.sign(&challenge)] {
        let refused = clinic.identity.prove(&signed_in.cookie, &thief.connection(), &signature).await;
        assert!(matches!(refused, Err(SessionRefusal::OtherDevice)));
    }
    assert_eq!(clinic.events(), from + 1, "once a minute");
    clinic.advance(MINUTE_MS);
    let _ = clinic.identity.prove(&signed_in.cookie, &thief.connection(), "").await;
    assert_eq!(clinic.events(), from + 2);
}

#[tokio::test]
async fn without_a_key_a_session_stays_at_its_address_and_browser() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let here = browser.connection();
    let first = clinic.identity.sign_in_password("ana", PASSWORD, None, &here).await.unwrap();
    let signed_in = clinic.identity.sign_in_totp(&first.ticket, &clinic.totp(), "", &here).await.unwrap();
    assert_eq!(signed_in.device, None);
    let other = browser.other_connection();
    let session = clinic.identity.session(&signed_in.cookie, &other).await.unwrap();
    assert!(!session.caller.unwrap().facts().device_verified);
    let from = clinic.events();
    for thief in [Browser::at("203.0.113.66"), Browser::new().named("curl")] {
        let refused = clinic.identity.session(&signed_in.cookie, &thief.connection()).await;
        assert!(matches!(refused, Err(SessionRefusal::OtherDevice)));
    }
    assert_eq!(clinic.events_from(from), [format!("CookieReplay 401 ana: session {}", signed_in.session)]);
}

#[tokio::test]
async fn an_administrator_vouches_for_a_device_but_not_for_the_own_one() {
    let clinic = Clinic::new().await;
    let (ana, root) = (Browser::new(), Browser::new());
    let mine = clinic.sign_in("ana", &ana).await;
    let own = clinic.sign_in("root", &root).await;
    let admin = clinic.caller("root");
    assert!(clinic.identity.verify_device(&clinic.caller("ana"), mine.device.unwrap(), &here()).await.is_err());
    assert!(clinic.identity.verify_device(&admin, own.device.unwrap(), &here()).await.is_err());
    clinic.identity.verify_device(&admin, mine.device.unwrap(), &here()).await.unwrap();
    let session = clinic.session(&mine, &ana).await.unwrap();
    assert_eq!(session.device_state, Some(DeviceState::Verified));
    assert!(session.caller.unwrap().facts().device_verified);
    let again = clinic.sign_in("ana", &ana).await;
    assert_eq!((again.device, again.device_state), (mine.device, Some(DeviceState::Verified)));
}

#[tokio::test]
async fn a_lost_device_ends_its_sessions_for_everybody_and_opens_no_more() {
    let clinic = Clinic::new().await;
    let shared = Browser::new();
    let ana = clinic.sign_in("ana", &shared).await;
    let vera = clinic.sign_in("vera", &shared).await;
    let elsewhere = Browser::new();
    let safe = clinic.sign_in("ana", &elsewhere).await;
    let session = clinic.session(&safe, &elsewhere).await.unwrap();
    let foreign = clinic.identity.close_own_device(&session, vera.device.unwrap(), true, &here()).await;
    assert!(foreign.is_err(), "not the own one");
    clinic.identity.close_own_device(&session, ana.device.unwrap(), true, &here()).await.unwrap();
    assert!(clinic.session(&ana, &shared).await.is_err());
    assert!(clinic.session(&vera, &shared).await.is_err());
    assert!(clinic.session(&safe, &elsewhere).await.is_ok());
    for login in ["ana", "vera", "root"] {
        let first = clinic.password(login, &shared).await.unwrap();
        let code = clinic.totp();
        let refused = clinic.identity.sign_in_totp(&first.ticket, &code, "", &shared.connection()).await;
        assert!(matches!(refused, Err(SignInRefusal::DeviceRefused)), "{login}");
    }
}

#[tokio::test]
async fn a_claim_is_fresh_and_signed_by_its_key() {
    let clinic = Clinic::new().await;
    let (browser, other) = (Browser::new(), Browser::new());
    let good = browser.claim(&clinic.identity);
    let stale = browser.claim(&clinic.identity);
    clinic.advance(11 * MINUTE_MS);
    let forged = identity::DeviceClaim { signature: other.sign(&good.challenge), ..browser.claim(&clinic.identity) };
    let invented = {
        let challenge = "wardstone-door.1799074800000.AAAA".to_owned();
        identity::DeviceClaim { signature: browser.sign(&challenge), challenge, ..good.clone() }
    };
    for claim in [stale, forged, invented] {
        let here = browser.connection();
        let first = clinic.identity.sign_in_password("ana", PASSWORD, Some(&claim), &here).await.unwrap();
        let signed_in = clinic.identity.sign_in_totp(&first.ticket, &clinic.totp(), "", &here).await.unwrap();
        assert_eq!(signed_in.device, None);
    }
}
