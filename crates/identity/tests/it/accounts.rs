//! Joiners and leavers.

use std::sync::Arc;

use access::{Action, Role};
use identity::{AccountState, IdentityError, Kind, Licence, NewAccount, NewToken};

use crate::browser::Browser;
use crate::clinic::{Clinic, DAY_MS, here, new_account};

#[tokio::test]
async fn deactivation_ends_sessions_tokens_roles_and_invitations_before_it_returns() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let signed_in = clinic.sign_in("ana", &browser).await;
    let session = clinic.session(&signed_in, &browser).await.unwrap();
    let new = NewToken { user: session.user, label: "own".into(), scopes: None, purpose: None, days: 30 };
    let token = clinic.identity.issue_token(session.caller.as_ref().unwrap(), new, &here()).await.unwrap();
    assert!(clinic.identity.bearer(&token.secret, &here()).is_some());
    let root = clinic.caller("root");
    assert!(clinic.identity.deactivate(&root, clinic.user("root"), "x", &here()).await.is_err(), "not oneself");
    clinic.identity.deactivate(&root, session.user, "leaves", &here()).await.unwrap();
    for identity in [clinic.identity.clone(), clinic.reopened()] {
        assert!(session.has_ended());
        assert!(identity.session(&signed_in.cookie, &browser.connection()).await.is_err());
        assert!(identity.bearer(&token.secret, &here()).is_none());
        assert!(identity.bearer("demo-ana", &here()).is_none());
        assert!(identity.sign_in_password("ana", crate::clinic::PASSWORD, None, &here()).await.is_err());
        let profile = identity.profile(session.user).unwrap();
        assert_eq!(profile.state, AccountState::Deactivated);
        assert!(profile.roles(clinic.now_ms()).is_empty());
        assert!(identity.tokens_of(session.user).is_empty());
    }
}

#[tokio::test]
async fn who_may_not_administer_is_refused_and_told_to_the_log() {
    let clinic = Clinic::new().await;
    let from = clinic.events();
    let refused = clinic.identity.invite(&clinic.caller("ana"), new_account("x"), &here()).await;
    assert!(matches!(refused, Err(IdentityError::NotPermitted(Action::ManageAccounts))));
    assert_eq!(clinic.events_from(from), ["AccountChange denied ana: manage-accounts"]);
    // A token of one's own brings no fresh verification, so it changes no account.
    let browser = Browser::new();
    let signed_in = clinic.sign_in("root", &browser).await;
    let root = clinic.session(&signed_in, &browser).await.unwrap().caller.unwrap();
    let new = NewToken { user: root.user(), label: "cli".into(), scopes: None, purpose: None, days: 1 };
    let token = clinic.identity.issue_token(&root, new, &here()).await.unwrap();
    let by_token = clinic.identity.bearer(&token.secret, &here()).unwrap();
    let refused = clinic.identity.invite(&by_token, new_account("x"), &here()).await;
    assert!(matches!(refused, Err(IdentityError::StepUp)));
    clinic.identity.invite(&root, new_account("x"), &here()).await.unwrap();
}

#[tokio::test]
async fn logins_are_one_in_every_case_and_kinds_have_their_roles() {
    let clinic = Clinic::new().await;
    let root = clinic.caller("root");
    for new in [
        new_account("ANA"),
        new_account("a b"),
        new_account(""),
        NewAccount { roles: vec![(Role::Patient, None)], ..new_account("p") },
        NewAccount { kind: Kind::Service, roles: vec![(Role::Physician, None)], ..new_account("s") },
        NewAccount { own_chart: Some(3), ..new_account("w") },
        NewAccount { reason: " ".into(), ..new_account("w") },
    ] {
        let login = new.login.clone();
        assert!(matches!(clinic.identity.invite(&root, new, &here()).await, Err(IdentityError::Invalid(_))), "{login}");
    }
}

#[tokio::test]
async fn licence_and_npi_are_checked_and_end() {
    let clinic =
        Clinic::with(|settings| settings.may = Arc::new(|caller, _| caller.roles().contains(Role::Admin))).await;
    let (root, ana) = (clinic.caller("root"), clinic.user("ana"));
    let (identity, browser) = (&clinic.identity, Browser::new());
    assert!(identity.set_npi(&root, ana, Some("1234567890"), &here()).await.is_err());
    identity.set_npi(&root, ana, Some("1234567893"), &here()).await.unwrap();
    let licence = Licence::new("A-1", "NY", "2027-01-01", "2027-01-05").unwrap();
    let signed_in = clinic.sign_in("ana", &browser).await;
    let licensed = async || {
        let session = clinic.session(&signed_in, &browser).await.unwrap();
        identity.touch(&session);
        session.caller.unwrap().facts().licensed
    };
    assert!(!licensed().await);
    identity.set_licence(&root, ana, Some(licence), &here()).await.unwrap();
    assert!(licensed().await);
    clinic.advance(2 * DAY_MS);
    let again = clinic.sign_in("ana", &browser).await;
    assert!(!clinic.session(&again, &browser).await.unwrap().caller.unwrap().facts().licensed);
    assert!(identity.set_licence(&root, root.user(), None, &here()).await.is_err(), "not oneself");
}

#[tokio::test]
async fn what_is_known_of_people_comes_back_after_a_restart() {
    let clinic = Clinic::new().await;
    let invited = clinic.invite("nora", Role::Nurse).await.unwrap();
    let identity = clinic.reopened();
    let profile = identity.profile(invited.user).unwrap();
    assert_eq!((profile.login.as_str(), profile.state), ("nora", AccountState::Invited));
    assert_eq!(profile.grants[0].role, "nurse");
    assert!(identity.open_enrolment(&invited.code.unwrap(), &here()).is_ok());
    assert_eq!(identity.bearer("demo-ana", &here()).unwrap().family(), Some(4));
    assert_eq!(identity.accounts().len(), 4);
}
