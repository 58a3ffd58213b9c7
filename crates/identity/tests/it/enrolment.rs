//! Nothing opens before two factors and recovery codes are there; codes end, and are for one.

use access::Role;
use identity::{AccountState, EnrolRefusal, IdentityError, PasswordRefusal, SignInRefusal};
use totp_rs::Secret;

use crate::browser::Browser;
use crate::clinic::{Clinic, DAY_MS, HOUR_MS, PASSWORD, here, totp_of};

#[tokio::test]
async fn an_account_opens_with_password_app_and_recovery_codes_and_not_before() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let (identity, from) = (&clinic.identity, browser.connection());
    let code = clinic.invite("nora", Role::Nurse).await.unwrap().code.unwrap();
    let ticket = identity.open_enrolment(&code, &from).unwrap().ticket;
    let incomplete = async |what: &str| {
        assert!(!identity.enrolment(&ticket, &from).unwrap().is_complete);
        let refused = identity.finish_enrolment(&ticket, None, "", &from).await;
        assert!(matches!(refused, Err(EnrolRefusal::Incomplete)), "{what}");
        let refused = identity.sign_in_password("nora", PASSWORD, None, &from).await;
        assert!(matches!(refused, Err(SignInRefusal::DoesNotMatch)), "{what}");
    };
    incomplete("nothing").await;
    let refused = identity.enrol_password(&ticket, "nora nora nora", &from).await;
    assert!(matches!(refused, Err(EnrolRefusal::Password(PasswordRefusal::Context))));
    identity.enrol_password(&ticket, PASSWORD, &from).await.unwrap();
    incomplete("a password").await;
    identity.enrol_recovery_codes(&ticket, &from).unwrap();
    incomplete("recovery codes are no second factor").await;
    let setup = identity.enrol_totp(&ticket, &from).unwrap();
    let secret = Secret::try_from_base32(setup.secret_base32.as_str()).unwrap();
    assert!(setup.uri.starts_with("otpauth://totp/Lakeside%20Clinic:nora?secret="));
    incomplete("an app that showed no code").await;
    assert!(matches!(identity.confirm_totp(&ticket, "000000", &from), Err(EnrolRefusal::WrongTotp)));
    let shown = totp_of(secret.as_ref(), clinic.now_ms());
    identity.confirm_totp(&ticket, &shown, &from).unwrap();
    let codes = identity.enrol_recovery_codes(&ticket, &from).unwrap();
    assert_eq!(codes.len(), 10);
    assert!(identity.enrolment(&ticket, &from).unwrap().is_complete);
    let signed_in = identity.finish_enrolment(&ticket, Some(&browser.claim(identity)), "laptop", &from).await.unwrap();
    assert!(clinic.session(&signed_in, &browser).await.is_ok());

    // The invitation is spent, the step of the app too, and each recovery code opens once.
    assert!(matches!(identity.open_enrolment(&code, &from), Err(IdentityError::NoSuchCode)));
    let first = clinic.password("nora", &browser).await.unwrap();
    assert!(identity.sign_in_totp(&first.ticket, &shown, "", &from).await.is_err());
    let typed = codes[3].to_uppercase().replace('-', " ");
    let first = clinic.password("nora", &browser).await.unwrap();
    let signed_in = identity.sign_in_recovery(&first.ticket, &typed, "", &from).await.unwrap();
    assert_eq!(signed_in.recovery_left, Some(9));
    let first = clinic.password("nora", &browser).await.unwrap();
    assert!(identity.sign_in_recovery(&first.ticket, &typed, "", &from).await.is_err());
    let first = clinic.password("ana", &browser).await.unwrap();
    assert!(
        identity.sign_in_recovery(&first.ticket, &codes[4], "", &from).await.is_err(),
        "the codes of somebody else"
    );
}

#[tokio::test]
async fn an_invitation_ends_moves_to_no_other_client_and_is_replaced() {
    let clinic = Clinic::new().await;
    let (browser, other) = (Browser::new(), Browser::at("203.0.113.9"));
    let identity = &clinic.identity;
    let invited = clinic.invite("nora", Role::Nurse).await.unwrap();
    let code = invited.code.unwrap();
    let opened = identity.open_enrolment(&code, &browser.connection()).unwrap();
    assert!(identity.enrolment(&opened.ticket, &other.connection()).is_err());
    // Who opens it anew takes it over; the ticket before is void.
    let later = identity.open_enrolment(&code, &other.connection()).unwrap();
    assert!(identity.enrolment(&opened.ticket, &browser.connection()).is_err());
    let again = identity.invite_again(&clinic.caller("root"), invited.user, &here()).await.unwrap();
    assert!(identity.open_enrolment(&code, &browser.connection()).is_err());
    let refused = identity.finish_enrolment(&later.ticket, None, "", &other.connection()).await;
    assert!(refused.is_err());
    clinic.advance(72 * HOUR_MS);
    assert!(matches!(
        identity.open_enrolment(&again.code.unwrap(), &browser.connection()),
        Err(IdentityError::NoSuchCode)
    ));
    assert!(identity.open_enrolment("", &browser.connection()).is_err());
}

#[tokio::test]
async fn the_first_administrator_comes_by_a_link_and_there_is_one_first() {
    let clinic = Clinic::new().await;
    assert!(
        clinic.identity.first_admin("boss", "Boss", "operator", "a new clinic").await.is_err(),
        "there is one already"
    );
    let root = clinic.caller("root");
    clinic.identity.deactivate(&root, clinic.user("vera"), "leaves", &here()).await.unwrap();
    assert!(clinic.identity.first_admin("boss", "Boss", "operator", "a new clinic").await.is_err());
}

#[tokio::test]
async fn recovery_needs_a_second_person_and_ends_what_was_open() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let signed_in = clinic.sign_in("ana", &browser).await;
    let session = clinic.session(&signed_in, &browser).await.unwrap();
    let (identity, check) = (&clinic.identity, identity::IdentityCheck::Colleague);
    let root = clinic.caller("root");
    let own = identity.recover(&root, clinic.user("root"), check, "lost phone", &here()).await;
    assert!(matches!(own, Err(IdentityError::NotByOneself)));
    let nobody = identity.recover(&clinic.caller("ana"), clinic.user("vera"), check, "x", &here()).await;
    assert!(matches!(nobody, Err(IdentityError::NotPermitted(_))));
    let from = clinic.events();
    let invited = identity.recover(&root, clinic.user("ana"), check, "lost phone", &here()).await.unwrap();
    assert!(session.has_ended());
    assert!(identity.bearer("demo-ana", &here()).is_none());
    assert!(clinic.password("ana", &browser).await.is_err(), "old factors are void");
    let user = clinic.user("ana").0;
    assert_eq!(
        clinic.events_from(from)[..2],
        [
            format!("AccountChange ok root: user {user}: active -> recovering, known by colleague: lost phone"),
            format!("SessionEnd ok root: session {}: account recovery", session.number),
        ]
    );
    let opened = identity.open_enrolment(&invited.code.unwrap(), &browser.connection()).unwrap();
    assert!(opened.is_recovery);
    assert_eq!(identity.profile(clinic.user("ana")).unwrap().state, AccountState::Recovering);
}

#[tokio::test]
async fn patients_are_known_in_person_or_by_two_facts() {
    let clinic = Clinic::new().await;
    let patient = clinic.seed("pat", identity::Kind::Patient, Role::Patient, true).await;
    let root = clinic.caller("root");
    let colleague = identity::IdentityCheck::Colleague;
    assert!(clinic.identity.recover(&root, patient, colleague, "lost phone", &here()).await.is_err());
    let two_facts = identity::IdentityCheck::TwoFacts;
    clinic.identity.recover(&root, patient, two_facts, "lost phone", &here()).await.unwrap();
    let new = identity::NewAccount { kind: identity::Kind::Patient, ..crate::clinic::new_account("paul") };
    assert!(clinic.identity.invite(&root, new, &here()).await.is_err(), "no check was named");
}

#[tokio::test]
async fn who_says_at_enrolment_that_the_guidance_is_read_is_asked_again_after_a_year() {
    for has_read in [true, false] {
        let clinic = Clinic::new().await;
        let browser = Browser::new();
        let (identity, from) = (&clinic.identity, browser.connection());
        let code = clinic.invite("nora", Role::Nurse).await.unwrap().code.unwrap();
        let enrolment = identity.open_enrolment(&code, &from).unwrap();
        let ticket = enrolment.ticket;
        identity.enrol_password(&ticket, PASSWORD, &from).await.unwrap();
        let setup = identity.enrol_totp(&ticket, &from).unwrap();
        let secret = Secret::try_from_base32(setup.secret_base32.as_str()).unwrap();
        identity.confirm_totp(&ticket, &totp_of(secret.as_ref(), clinic.now_ms()), &from).unwrap();
        identity.enrol_recovery_codes(&ticket, &from).unwrap();
        if has_read {
            identity.enrol_guidance(&ticket, &from).unwrap();
        }
        let signed_in =
            identity.finish_enrolment(&ticket, Some(&browser.claim(identity)), "laptop", &from).await.unwrap();
        let session = clinic.session(&signed_in, &browser).await.unwrap();
        assert_eq!(session.is_guidance_due, !has_read);
        identity.acknowledge_guidance(&session, &from).await.unwrap();
        // It holds for a year, also after a restart.
        clinic.advance(364 * DAY_MS);
        assert!(!clinic.reopened().guidance(session.user).unwrap().is_due);
        clinic.advance(DAY_MS);
        assert!(clinic.reopened().guidance(session.user).unwrap().is_due);
    }
}
