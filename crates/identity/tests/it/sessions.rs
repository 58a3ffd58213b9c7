//! Sessions end by idleness, age and will; their cookie is never one that was there before.

use std::time::Duration;

use access::Role;
use identity::{Remaining, SessionRefusal, SignInRefusal};

use crate::browser::Browser;
use crate::clinic::{Clinic, HOUR_MS, MINUTE_MS, here};

#[tokio::test]
async fn a_session_is_idle_unless_it_is_touched() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let signed_in = clinic.sign_in("ana", &browser).await;
    let session = clinic.session(&signed_in, &browser).await.unwrap();
    clinic.advance(14 * MINUTE_MS);
    // Looking is no activity.
    assert!(clinic.session(&signed_in, &browser).await.is_ok());
    let left = clinic.identity.remaining(&session).unwrap();
    assert_eq!(left, Remaining { idle_s: 60, absolute_s: 12 * 3_600 - 14 * 60 });
    clinic.identity.touch(&session);
    clinic.advance(14 * MINUTE_MS);
    assert!(clinic.session(&signed_in, &browser).await.is_ok());
    let from = clinic.events();
    clinic.advance(MINUTE_MS);
    assert!(matches!(clinic.session(&signed_in, &browser).await, Err(SessionRefusal::Unknown)));
    assert!(clinic.events_from(from)[0].ends_with(": idle"));
    assert!(session.has_ended());
}

#[tokio::test]
async fn a_session_lasts_twelve_hours_however_busy() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let signed_in = clinic.sign_in("ana", &browser).await;
    let session = clinic.session(&signed_in, &browser).await.unwrap();
    for _ in 0..(12 * 6 - 1) {
        clinic.advance(10 * MINUTE_MS);
        clinic.identity.touch(&session);
    }
    assert!(clinic.session(&signed_in, &browser).await.is_ok());
    clinic.advance(10 * MINUTE_MS);
    let from = clinic.events();
    clinic.identity.sweep().await.unwrap();
    assert!(clinic.events_from(from)[0].ends_with(": lasted too long"));
    assert!(clinic.session(&signed_in, &browser).await.is_err());
}

#[tokio::test]
async fn configuration_cannot_keep_sessions_idle_for_more_than_half_an_hour() {
    let clinic = Clinic::new().await;
    for (minutes, hours, is_fine) in [(31, 12, false), (0, 12, false), (15, 25, false), (15, 0, false), (30, 12, true)]
    {
        let opened = clinic.open_with(|settings| {
            settings.idle_minutes = minutes;
            settings.absolute_hours = hours;
        });
        assert_eq!(opened.is_ok(), is_fine, "{minutes} {hours}");
    }
    for (origin, rp_id) in [("http://clinic.example", "clinic.example"), ("https://clinic.example", "other.example")] {
        let opened = clinic.open_with(|settings| (settings.origin, settings.rp_id) = (origin.into(), rp_id.into()));
        assert!(opened.is_err(), "{origin} {rp_id}");
    }
}

#[tokio::test]
async fn no_cookie_from_before_the_sign_in_is_ever_a_session() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let first = clinic.password("ana", &browser).await.unwrap();
    let planted = first.ticket.clone();
    let signed_in = clinic.identity.sign_in_totp(&planted, &clinic.totp(), "", &browser.connection()).await.unwrap();
    assert_ne!(*signed_in.cookie, *planted);
    assert!(clinic.identity.session(&planted, &browser.connection()).await.is_err());
    let again = clinic.sign_in("ana", &browser).await;
    assert_ne!(*again.cookie, *signed_in.cookie);
}

#[tokio::test]
async fn signing_out_ends_at_once_and_everywhere_when_asked() {
    let clinic = Clinic::new().await;
    let (one, two) = (Browser::new(), Browser::new());
    let (first, second) = (clinic.sign_in("ana", &one).await, clinic.sign_in("ana", &two).await);
    let (session, other) = (clinic.session(&first, &one).await.unwrap(), clinic.session(&second, &two).await.unwrap());
    assert_eq!(clinic.identity.sessions_of(session.user).len(), 2);
    let stream = tokio::spawn(async move { other.ended().await });
    clinic.identity.end_own_sessions(&session, true, &here()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(1), stream).await.unwrap().unwrap();
    assert!(clinic.session(&second, &two).await.is_err());
    let from = clinic.events();
    clinic.identity.sign_out(&session, &here()).await.unwrap();
    assert!(clinic.session(&first, &one).await.is_err());
    let number = session.number;
    assert_eq!(
        clinic.events_from(from),
        [format!("SignOut ok ana: session {number}"), format!("SessionEnd ok ana: session {number}: signed out"),]
    );
    assert!(clinic.reopened().sessions_of(session.user).is_empty());
}

#[tokio::test]
async fn nobody_ends_or_sees_the_sessions_of_others_without_the_right() {
    let clinic = Clinic::new().await;
    let (ana, root) = (Browser::new(), Browser::new());
    let mine = clinic.sign_in("ana", &ana).await;
    let theirs = clinic.sign_in("root", &root).await;
    let session = clinic.session(&mine, &ana).await.unwrap();
    assert!(clinic.identity.end_own_session(&session, theirs.session, &here()).await.is_err());
    let caller = clinic.caller("ana");
    assert!(clinic.identity.end_sessions_of(&caller, clinic.user("root"), None, &here()).await.is_err());
    assert!(clinic.session(&theirs, &root).await.is_ok());
    clinic.identity.end_sessions_of(&clinic.caller("root"), clinic.user("ana"), None, &here()).await.unwrap();
    assert!(session.has_ended());
}

#[tokio::test]
async fn sessions_live_through_a_restart_but_connections_prove_anew() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let signed_in = clinic.sign_in("ana", &browser).await;
    let identity = clinic.reopened();
    let from = browser.connection();
    let Err(SessionRefusal::Unproven { challenge }) = identity.session(&signed_in.cookie, &from).await else {
        panic!("a connection of another process is not proven");
    };
    identity.prove(&signed_in.cookie, &from, &browser.sign(&challenge)).await.unwrap();
    assert!(identity.session(&signed_in.cookie, &from).await.is_ok());
}

#[tokio::test]
async fn step_up_freshens_and_changes_the_cookie() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let signed_in = clinic.sign_in("ana", &browser).await;
    clinic.advance(6 * MINUTE_MS);
    let session = clinic.session(&signed_in, &browser).await.unwrap();
    assert!(!session.caller.as_ref().unwrap().facts().mfa_fresh);
    let wrong = clinic.identity.step_up_totp(&session, "000000", &here()).await;
    assert!(matches!(wrong, Err(SignInRefusal::DoesNotMatch)));
    let renewed = clinic.identity.step_up_totp(&session, &clinic.totp(), &here()).await.unwrap();
    assert_ne!(*renewed.cookie, *signed_in.cookie);
    let session = clinic.identity.session(&renewed.cookie, &browser.connection()).await.unwrap();
    assert!(session.caller.as_ref().unwrap().facts().mfa_fresh);
    // Requests on their way with the old cookie arrive; later ones do not.
    assert!(clinic.session(&signed_in, &browser).await.is_ok());
    clinic.advance(10_000);
    assert!(clinic.session(&signed_in, &browser).await.is_err());
    clinic.advance(5 * MINUTE_MS);
    let session = clinic.identity.session(&renewed.cookie, &browser.connection()).await.unwrap();
    assert!(!session.caller.unwrap().facts().mfa_fresh);
}

#[tokio::test]
async fn a_change_of_roles_is_felt_at_once_and_asks_for_a_new_cookie() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let signed_in = clinic.sign_in("ana", &browser).await;
    let root = clinic.caller("root");
    clinic.identity.grant_role(&root, clinic.user("ana"), Role::Auditor, None, "audit week", &here()).await.unwrap();
    let session = clinic.session(&signed_in, &browser).await.unwrap();
    assert!(session.is_rotation_due && session.caller.as_ref().unwrap().roles().contains(Role::Auditor));
    let renewed = clinic.identity.renew(&session).await.unwrap();
    let session = clinic.identity.session(&renewed.cookie, &browser.connection()).await.unwrap();
    assert!(!session.is_rotation_due);
}

#[tokio::test]
async fn activity_reaches_the_desk_once_a_minute() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let signed_in = clinic.sign_in("ana", &browser).await;
    let session = clinic.session(&signed_in, &browser).await.unwrap();
    clinic.advance(10 * MINUTE_MS);
    clinic.identity.touch(&session);
    clinic.identity.sweep().await.unwrap();
    clinic.advance(10 * MINUTE_MS);
    assert_eq!(clinic.reopened().sessions_of(session.user)[0].active_ms, clinic.now_ms() - 10 * MINUTE_MS);
    assert!(clinic.session(&signed_in, &browser).await.is_ok());
    clinic.advance(HOUR_MS);
}

#[tokio::test]
async fn the_token_against_forged_requests_belongs_to_its_session() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let (one, two) = (clinic.sign_in("ana", &browser).await, clinic.sign_in("ana", &browser).await);
    let session = clinic.session(&one, &browser).await.unwrap();
    assert!(session.is_csrf(&one.csrf) && !session.is_csrf(&two.csrf) && !session.is_csrf(""));
}
