//! Tokens: narrowed, dated, shown once; and what is true of a caller who has one.

use std::net::IpAddr;
use std::sync::Arc;

use access::{Action, Purpose, Role, UserId};
use identity::{Connection, DemoOnly, Hours, IdentityError, Kind, Networks, NewAccount, NewToken};

use crate::browser::Browser;
use crate::clinic::{Clinic, DAY_MS, HOUR_MS, MINUTE_MS, here, new_account};

fn token_for(user: UserId) -> NewToken {
    NewToken { user, label: "lab feed".into(), scopes: Some("user/Observation.rs".into()), purpose: None, days: 30 }
}

#[tokio::test]
async fn a_service_has_tokens_with_scopes_that_end() {
    let clinic = Clinic::new().await;
    let root = clinic.caller("root");
    let service = NewAccount { kind: Kind::Service, roles: vec![(Role::Integration, None)], ..new_account("lab") };
    let invited = clinic.identity.invite(&root, service, &here()).await.unwrap();
    assert!(invited.code.is_none());
    let new = NewToken { purpose: Some(Purpose::PublicHealth), ..token_for(invited.user) };
    let token = clinic.identity.issue_token(&root, new, &here()).await.unwrap();
    assert!(token.secret.starts_with("wst_") && token.secret.len() == 4 + 43);
    for identity in [clinic.identity.clone(), clinic.reopened()] {
        let caller = identity.bearer(&token.secret, &here()).unwrap();
        assert!(caller.scopes().unwrap().allows(Action::Read, "Observation"));
        assert!(!caller.scopes().unwrap().allows(Action::Read, "Condition"));
        assert_eq!(caller.purpose(), Purpose::PublicHealth);
        assert!(!caller.facts().mfa_fresh && !caller.facts().device_verified);
    }
    assert!(clinic.identity.bearer(&token.secret[..46], &here()).is_none());
    clinic.advance(30 * DAY_MS);
    assert!(clinic.identity.bearer(&token.secret, &here()).is_none());
    assert!(clinic.identity.tokens_of(invited.user)[0].is_expired);
}

#[tokio::test]
async fn a_token_is_for_oneself_with_a_fresh_verification_or_for_a_service() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let signed_in = clinic.sign_in("ana", &browser).await;
    let ana = clinic.session(&signed_in, &browser).await.unwrap().caller.unwrap();
    let token = clinic.identity.issue_token(&ana, token_for(ana.user()), &here()).await.unwrap();
    let (root, vera) = (clinic.caller("root"), clinic.user("vera"));
    assert!(clinic.identity.issue_token(&root, token_for(ana.user()), &here()).await.is_err(), "of a person");
    assert!(clinic.identity.issue_token(&ana, token_for(vera), &here()).await.is_err());
    for new in [
        NewToken { days: 0, ..token_for(ana.user()) },
        NewToken { days: 366, ..token_for(ana.user()) },
        NewToken { label: " ".into(), ..token_for(ana.user()) },
        NewToken { scopes: Some("everything".into()), ..token_for(ana.user()) },
    ] {
        assert!(matches!(clinic.identity.issue_token(&ana, new, &here()).await, Err(IdentityError::Invalid(_))));
    }
    clinic.advance(6 * MINUTE_MS);
    let stale = clinic.session(&signed_in, &browser).await.unwrap().caller.unwrap();
    let refused = clinic.identity.issue_token(&stale, token_for(ana.user()), &here()).await;
    assert!(matches!(refused, Err(IdentityError::StepUp)));
    assert!(
        clinic.identity.revoke_token(&clinic.caller("vera"), token.number, &here()).await.is_ok(),
        "an administrator"
    );
    assert!(clinic.identity.bearer(&token.secret, &here()).is_none());
    assert!(clinic.identity.revoke_token(&stale, token.number, &here()).await.is_err());
}

#[tokio::test]
async fn hours_networks_and_country_are_facts_of_the_moment() {
    let clinic = Clinic::with(|settings| {
        settings.hours = Hours::weekly("America/New_York", "Mon-Fri 08:00-18:00", &[]).unwrap();
        settings.networks = Networks::parse(&["192.0.2.0/24"]).unwrap();
        settings.country = Arc::new(|address: IpAddr| address.is_ipv4().then_some(*b"US"));
    })
    .await;
    let browser = Browser::new();
    let signed_in = clinic.sign_in("ana", &browser).await;
    let session = clinic.session(&signed_in, &browser).await.unwrap();
    let new = NewToken { scopes: None, days: 2, ..token_for(session.user) };
    let token = clinic.identity.issue_token(session.caller.as_ref().unwrap(), new, &here()).await.unwrap();
    let seen = |address: &str| {
        let from = Connection { address: address.parse().unwrap(), ..here() };
        let caller = clinic.identity.bearer(&token.secret, &from).unwrap();
        (caller.facts().within_hours, caller.facts().network_trusted, caller.country())
    };
    assert_eq!(seen("192.0.2.1"), (true, true, Some(*b"US")));
    assert_eq!(seen("2001:db8::1"), (true, false, None));
    // 10:00 in New York; eight hours later it is 18:00.
    clinic.advance(8 * HOUR_MS);
    assert_eq!(seen("192.0.2.1"), (false, true, Some(*b"US")));
}

#[tokio::test]
async fn broken_glass_is_open_for_its_person_and_an_hour() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let signed_in = clinic.sign_in("ana", &browser).await;
    let session = clinic.session(&signed_in, &browser).await.unwrap();
    let chart = access::ChartNo(9);
    clinic.identity.grant_glass(&session, chart, "unconscious in the ER").await.unwrap();
    let caller = clinic.session(&signed_in, &browser).await.unwrap().caller.unwrap();
    assert!(caller.broken_glass() == [chart] && caller.facts().glass_broken);
    assert_eq!(clinic.reopened().open_glass().len(), 1);
    let program = clinic.caller("ana");
    assert!(program.broken_glass() == [chart] && program.facts().glass_broken, "a person's programs see it too");
    assert!(clinic.caller("root").broken_glass().is_empty(), "and nobody else's");
    clinic.advance(6 * MINUTE_MS);
    let stale = clinic.session(&signed_in, &browser).await.unwrap();
    assert!(matches!(clinic.identity.grant_glass(&stale, chart, "again").await, Err(IdentityError::StepUp)));
    clinic.identity.close_glass(&stale, chart).await.unwrap();
    assert!(clinic.session(&signed_in, &browser).await.unwrap().caller.unwrap().broken_glass().is_empty());
    assert!(clinic.caller("ana").broken_glass().is_empty() && !clinic.caller("ana").facts().glass_broken);
    clinic.advance(HOUR_MS);
    assert!(clinic.identity.open_glass().is_empty());
}

#[test]
fn production_cannot_seed() {
    assert!(DemoOnly::of(crypto::EnvironmentClass::Production).is_none());
    assert!(DemoOnly::of(crypto::EnvironmentClass::Demo).is_some());
}
