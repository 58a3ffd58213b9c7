//! What people change of their own proofs.

use identity::{EnrolRefusal, IdentityError, SignInRefusal};
use totp_rs::Secret;

use crate::authenticator::Authenticator;
use crate::browser::Browser;
use crate::clinic::{Clinic, MINUTE_MS, PASSWORD, here, totp_of};

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions_and_is_the_only_one() {
    let clinic = Clinic::new().await;
    let (one, two) = (Browser::new(), Browser::new());
    let (mine, other) = (clinic.sign_in("ana", &one).await, clinic.sign_in("ana", &two).await);
    let session = clinic.session(&mine, &one).await.unwrap();
    let identity = &clinic.identity;
    let new = "seven otters cross the ice";
    let refused = identity.change_password(&session, "guess", new, &here()).await;
    assert!(matches!(refused, Err(EnrolRefusal::WrongPassword)));
    let refused = identity.change_password(&session, PASSWORD, "short", &here()).await;
    assert!(matches!(refused, Err(EnrolRefusal::Password(_))));
    identity.change_password(&session, PASSWORD, new, &here()).await.unwrap();
    assert!(clinic.session(&mine, &one).await.is_ok());
    assert!(clinic.session(&other, &two).await.is_err());
    assert!(matches!(clinic.password("ana", &one).await, Err(SignInRefusal::DoesNotMatch)));
    assert!(identity.sign_in_password("ana", new, None, &here()).await.is_ok());
}

#[tokio::test]
async fn proofs_change_only_with_a_fresh_verification_and_stay_enough() {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let signed_in = clinic.sign_in("ana", &browser).await;
    let session = clinic.session(&signed_in, &browser).await.unwrap();
    let identity = &clinic.identity;
    let mut key = Authenticator::new();
    let options = identity.begin_own_passkey(&session).unwrap();
    identity.finish_own_passkey(&session, &key.create(&options), "phone", &here()).await.unwrap();
    assert!(identity.finish_own_passkey(&session, &key.create(&options), "phone", &here()).await.is_err());
    let setup = identity.begin_own_totp(&session).unwrap();
    let secret = Secret::try_from_base32(setup.secret_base32.as_str()).unwrap();
    identity.finish_own_totp(&session, &totp_of(secret.as_ref(), clinic.now_ms()), &here()).await.unwrap();
    assert_eq!(identity.new_recovery_codes(&session, &here()).await.unwrap().len(), 10);
    let view = identity.proofs_of(&session).unwrap();
    assert!(view.has_password && view.has_totp && view.recovery_codes == 10 && view.passkeys.len() == 1);
    // The passkey is the second factor now too.
    let first = clinic.password("ana", &browser).await.unwrap();
    let options = identity.begin_second_passkey(&first.ticket, &browser.connection()).unwrap();
    let answer = key.get(&options);
    let again = identity.finish_passkey(&first.ticket, &answer, None, "", &browser.connection()).await.unwrap();
    let session = clinic.session(&again, &browser).await.unwrap();
    assert!(session.caller.as_ref().unwrap().facts().phishing_resistant);
    identity.remove_own_passkey(&session, &view.passkeys[0].id, &here()).await.unwrap();
    assert!(identity.remove_own_passkey(&session, &view.passkeys[0].id, &here()).await.is_err());
    clinic.advance(6 * MINUTE_MS);
    let stale = [
        identity.begin_own_passkey(&session).err(),
        identity.begin_own_totp(&session).err(),
        identity.new_recovery_codes(&session, &here()).await.err(),
        identity.change_password(&session, PASSWORD, "seven otters cross the ice", &here()).await.err(),
    ];
    for refused in stale {
        assert!(matches!(refused, Some(EnrolRefusal::Unavailable(IdentityError::StepUp))));
    }
}
