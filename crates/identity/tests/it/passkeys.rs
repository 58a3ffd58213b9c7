//! Passkeys: what a dishonest browser or authenticator answers opens nothing.

use access::Role;
use identity::{DeviceState, EnrolRefusal, Invited, SignInRefusal, SignedIn};

use crate::authenticator::Authenticator;
use crate::browser::Browser;
use crate::clinic::{Clinic, MINUTE_MS, PASSWORD};

/// Enrols a nurse with nothing but a passkey.
async fn enrolled(clinic: &Clinic, login: &str, browser: &Browser) -> (Authenticator, SignedIn) {
    let Invited { code, .. } = clinic.invite(login, Role::Nurse).await.unwrap();
    let (identity, from) = (&clinic.identity, browser.connection());
    let ticket = identity.open_enrolment(&code.unwrap(), &from).unwrap().ticket;
    let mut authenticator = Authenticator::new();
    let options = identity.enrol_passkey(&ticket, &from).unwrap();
    identity.confirm_passkey(&ticket, &authenticator.create(&options), "phone", &from).unwrap();
    identity.enrol_recovery_codes(&ticket, &from).unwrap();
    let claim = browser.claim(identity);
    let signed_in = identity.finish_enrolment(&ticket, Some(&claim), "laptop", &from).await.unwrap();
    (authenticator, signed_in)
}

async fn sign_in(clinic: &Clinic, key: &mut Authenticator, browser: &Browser) -> Result<SignedIn, SignInRefusal> {
    let from = browser.connection();
    let asked = clinic.identity.begin_passkey(&from).unwrap();
    let answer = key.get(&asked.options);
    let claim = browser.claim(&clinic.identity);
    clinic.identity.finish_passkey(&asked.ticket, &answer, Some(&claim), "laptop", &from).await
}

#[tokio::test]
async fn a_passkey_alone_signs_in_vouches_for_the_device_and_cannot_be_phished() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let (mut key, first) = enrolled(&clinic, "nora", &browser).await;
    assert_eq!(first.device_state, Some(DeviceState::Verified));
    let other = Browser::new();
    let signed_in = sign_in(&clinic, &mut key, &other).await.unwrap();
    let session = clinic.session(&signed_in, &other).await.unwrap();
    let facts = session.caller.unwrap().facts();
    assert!(facts.phishing_resistant && facts.device_verified && facts.mfa_fresh);
    // It has no password, which looks like a wrong one.
    let refused = clinic.identity.sign_in_password("nora", PASSWORD, None, &other.connection()).await;
    assert!(matches!(refused, Err(SignInRefusal::DoesNotMatch)));
}

#[tokio::test]
async fn wrong_origin_wrong_party_no_verification_and_a_counter_that_stands_are_refused() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let (mut key, _) = enrolled(&clinic, "nora", &browser).await;
    sign_in(&clinic, &mut key, &browser).await.unwrap();
    type Tamper = fn(&mut Authenticator);
    let honest: Tamper = |key| {
        key.origin = crate::clinic::ORIGIN.into();
        key.rp_id = crate::clinic::RP_ID.into();
        key.verifies_user = true;
    };
    let tampers: [(&str, Tamper); 6] = [
        ("origin", |key| key.origin = "https://clinic.example.evil.example".into()),
        ("plain", |key| key.origin = "http://clinic.example".into()),
        ("port", |key| key.origin = "https://clinic.example:8443".into()),
        ("party", |key| key.rp_id = "evil.example".into()),
        ("user", |key| key.verifies_user = false),
        ("counter", |key| key.counter = 1),
    ];
    for (what, tamper) in tampers {
        tamper(&mut key);
        let refused = sign_in(&clinic, &mut key, &browser).await;
        assert!(matches!(refused, Err(SignInRefusal::DoesNotMatch)), "{what}");
        honest(&mut key);
    }
    key.counter += 10;
    sign_in(&clinic, &mut key, &browser).await.unwrap();
    key.counter -= 5;
    assert!(sign_in(&clinic, &mut key, &browser).await.is_err(), "a copy that is behind");
}

#[tokio::test]
async fn an_answer_is_good_once_and_for_its_own_challenge() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let (mut key, _) = enrolled(&clinic, "nora", &browser).await;
    let (identity, from) = (&clinic.identity, browser.connection());
    let asked = identity.begin_passkey(&from).unwrap();
    let answer = key.get(&asked.options);
    identity.finish_passkey(&asked.ticket, &answer, None, "", &from).await.unwrap();
    let again = identity.finish_passkey(&asked.ticket, &answer, None, "", &from).await;
    assert!(matches!(again, Err(SignInRefusal::Expired)));
    let other = identity.begin_passkey(&from).unwrap();
    let replayed = identity.finish_passkey(&other.ticket, &answer, None, "", &from).await;
    assert!(matches!(replayed, Err(SignInRefusal::DoesNotMatch)));
    let late = identity.begin_passkey(&from).unwrap();
    let answer = key.get(&late.options);
    clinic.advance(5 * MINUTE_MS);
    assert!(matches!(
        identity.finish_passkey(&late.ticket, &answer, None, "", &from).await,
        Err(SignInRefusal::Expired)
    ));
    for garbage in ["", "{}", "[]", "null"] {
        let asked = identity.begin_passkey(&from).unwrap();
        let refused = identity.finish_passkey(&asked.ticket, garbage, None, "", &from).await;
        assert!(matches!(refused, Err(SignInRefusal::DoesNotMatch)), "{garbage}");
    }
}

#[tokio::test]
async fn an_authenticator_of_one_does_not_open_for_another() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let (mut nora, _) = enrolled(&clinic, "nora", &browser).await;
    enrolled(&clinic, "otto", &browser).await;
    let mut stranger = Authenticator::new();
    assert!(matches!(sign_in(&clinic, &mut stranger, &browser).await, Err(SignInRefusal::DoesNotMatch)));
    // As the second step after somebody else's password there is none to ask for.
    let first = clinic.password("ana", &browser).await.unwrap();
    assert!(clinic.identity.begin_second_passkey(&first.ticket, &browser.connection()).is_err());
    let signed_in = sign_in(&clinic, &mut nora, &browser).await.unwrap();
    assert_eq!(signed_in.user, clinic.user("nora"));
}

#[tokio::test]
async fn a_registration_without_user_verification_or_from_elsewhere_is_refused() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let (identity, from) = (&clinic.identity, browser.connection());
    let code = clinic.invite("nora", Role::Nurse).await.unwrap().code.unwrap();
    let ticket = identity.open_enrolment(&code, &from).unwrap().ticket;
    type Tamper = fn(&mut Authenticator);
    let tampers: [Tamper; 3] = [
        |key| key.verifies_user = false,
        |key| key.origin = "https://evil.example".into(),
        |key| key.rp_id = "evil.example".into(),
    ];
    for tamper in tampers {
        let mut key = Authenticator::new();
        tamper(&mut key);
        let options = identity.enrol_passkey(&ticket, &from).unwrap();
        let refused = identity.confirm_passkey(&ticket, &key.create(&options), "", &from);
        assert!(matches!(refused, Err(EnrolRefusal::WrongPasskey)));
    }
    // The challenge was used up by the attempt.
    let options = identity.enrol_passkey(&ticket, &from).unwrap();
    let answer = Authenticator::new().create(&options);
    identity.confirm_passkey(&ticket, &answer, "", &from).unwrap();
    assert!(identity.confirm_passkey(&ticket, &answer, "", &from).is_err());
}

#[tokio::test]
async fn a_passkey_steps_up_once_for_each_challenge() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let (mut key, signed_in) = enrolled(&clinic, "nora", &browser).await;
    clinic.advance(6 * MINUTE_MS);
    let session = clinic.session(&signed_in, &browser).await.unwrap();
    assert!(!session.caller.as_ref().unwrap().facts().mfa_fresh);
    let (identity, from) = (&clinic.identity, browser.connection());
    let answer = key.get(&identity.begin_step_up_passkey(&session).unwrap());
    let renewed = identity.finish_step_up_passkey(&session, &answer, &from).await.unwrap();
    let fresh = identity.session(&renewed.cookie, &from).await.unwrap();
    assert!(fresh.caller.as_ref().unwrap().facts().mfa_fresh);
    assert!(identity.finish_step_up_passkey(&fresh, &answer, &from).await.is_err());
    key.verifies_user = false;
    let answer = key.get(&identity.begin_step_up_passkey(&fresh).unwrap());
    assert!(identity.finish_step_up_passkey(&fresh, &answer, &from).await.is_err());
}
