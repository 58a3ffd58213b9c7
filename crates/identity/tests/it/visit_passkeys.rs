//! Passkeys in visits: they sign the keys of one call, and nothing else that they signed stands in for it.

use identity::{EnrolRefusal, IdentityError, SignInRefusal, VisitPatient, VisitProof};
use serde_json::{Value, json};

use crate::authenticator::Authenticator;
use crate::clinic::{Clinic, MINUTE_MS, here};

const ANA: VisitPatient<'_> = VisitPatient { id: "ana", chart: 900, is_proxy: false };

/// The keys of a call, as a hash of whatever the server drew.
fn keys(of: u8) -> impl Fn(&[u8; 32]) -> [u8; 32] {
    move |nonce| nonce.map(|byte| byte ^ of)
}

async fn enrolled(clinic: &Clinic, patient: VisitPatient<'_>) -> Authenticator {
    let mut key = Authenticator::new();
    let options = clinic.identity.begin_visit_enrolment(patient, "link-1").unwrap();
    let made = key.create(&options);
    clinic.identity.finish_visit_enrolment(patient, "link-1", &made, &here()).await.unwrap();
    key
}

async fn finish(clinic: &Clinic, person: &str, answer: &str, of: u8) -> Result<VisitProof, SignInRefusal> {
    clinic.identity.finish_visit_proof(ANA, person, answer, keys(of), &here()).await
}

#[tokio::test]
async fn a_passkey_that_was_enrolled_with_a_link_signs_the_keys_of_a_call_and_is_known_the_next_time() {
    let clinic = Clinic::new().await;
    let identity = &clinic.identity;
    assert!(!identity.has_visit_passkey(ANA).unwrap());
    assert!(matches!(identity.begin_visit_proof(ANA, "link-1", keys(1)), Err(IdentityError::Unknown(_))));
    let enrolled_ms = clinic.now_ms();
    let mut key = enrolled(&clinic, ANA).await;
    for person in ["link-1", "link-2"] {
        let options = identity.begin_visit_proof(ANA, person, keys(1)).unwrap().0;
        let proof = finish(&clinic, person, &key.get(&options), 1).await.unwrap();
        assert_eq!(proof, VisitProof { known_ms: enrolled_ms, of_account: false });
        clinic.advance(30 * 24 * 60 * MINUTE_MS);
    }
    let again = clinic.reopened();
    assert!(again.has_visit_passkey(ANA).unwrap());
    for other in [VisitPatient { id: "ben", ..ANA }, VisitPatient { is_proxy: true, ..ANA }] {
        assert!(!again.has_visit_passkey(other).unwrap(), "of somebody else");
    }
}

#[tokio::test]
async fn an_assertion_over_other_keys_a_replayed_one_and_one_of_another_visit_prove_nothing() {
    let clinic = Clinic::new().await;
    let mut key = enrolled(&clinic, ANA).await;
    let begin = |person: &str, of: u8| clinic.identity.begin_visit_proof(ANA, person, keys(of)).unwrap().0;
    let refused = |found: Result<VisitProof, SignInRefusal>| matches!(found, Err(SignInRefusal::DoesNotMatch));

    // The authenticator was given another challenge than the one that was asked about.
    let mut options: Value = serde_json::from_str(&begin("link-1", 1)).unwrap();
    options["publicKey"]["challenge"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert!(refused(finish(&clinic, "link-1", &key.get(&options.to_string()), 1).await));
    // The keys are others by the time of the answer.
    let options = begin("link-1", 1);
    assert!(refused(finish(&clinic, "link-1", &key.get(&options), 2).await));
    // An answer is good once, and not for a later asking over the same keys.
    let answer = key.get(&begin("link-1", 1));
    finish(&clinic, "link-1", &answer, 1).await.unwrap();
    assert!(matches!(finish(&clinic, "link-1", &answer, 1).await, Err(SignInRefusal::Expired)));
    begin("link-1", 1);
    assert!(refused(finish(&clinic, "link-1", &answer, 1).await));
    // An answer of another visit.
    let answer = key.get(&begin("link-of-another-visit", 1));
    begin("link-1", 1);
    assert!(refused(finish(&clinic, "link-1", &answer, 1).await));
    // Late.
    let answer = key.get(&begin("link-1", 1));
    clinic.advance(60 * MINUTE_MS);
    assert!(matches!(finish(&clinic, "link-1", &answer, 1).await, Err(SignInRefusal::Expired)));
}

#[tokio::test]
async fn somebody_elses_passkey_a_copied_counter_and_one_without_its_person_prove_nothing() {
    let clinic = Clinic::new().await;
    let mut key = enrolled(&clinic, ANA).await;
    let mut bens = enrolled(&clinic, VisitPatient { id: "ben", chart: 901, is_proxy: false }).await;
    let begin = || clinic.identity.begin_visit_proof(ANA, "link-1", keys(1)).unwrap().0;
    let refused = |found: Result<VisitProof, SignInRefusal>| matches!(found, Err(SignInRefusal::DoesNotMatch));
    assert!(refused(finish(&clinic, "link-1", &bens.get(&begin()), 1).await));
    key.counter = 5;
    finish(&clinic, "link-1", &key.get(&begin()), 1).await.unwrap();
    key.counter = 5;
    assert!(refused(finish(&clinic, "link-1", &key.get(&begin()), 1).await));
    key.verifies_user = false;
    assert!(refused(finish(&clinic, "link-1", &key.get(&begin()), 1).await));
}

#[tokio::test]
async fn an_enrolment_is_of_its_own_asking_and_nothing_is_kept_that_the_log_cannot_tell_of() {
    let clinic = Clinic::new().await;
    let mut key = Authenticator::new();
    let options = clinic.identity.begin_visit_enrolment(ANA, "link-1").unwrap();
    let made = key.create(&options);
    let refused = clinic.identity.finish_visit_enrolment(ANA, "link-2", &made, &here()).await;
    assert!(matches!(refused, Err(EnrolRefusal::WrongPasskey)));
    let mut other = Authenticator::new();
    let at_once = other.create(&clinic.identity.begin_visit_enrolment(ANA, "link-3").unwrap());
    clinic.audit_is_away(true);
    assert!(clinic.identity.finish_visit_enrolment(ANA, "link-1", &made, &here()).await.is_err());
    clinic.audit_is_away(false);
    assert!(!clinic.identity.has_visit_passkey(ANA).unwrap());
    // Of two that were begun, the first stands: the second does not come in beside it, and none is begun any more.
    clinic.identity.finish_visit_enrolment(ANA, "link-3", &at_once, &here()).await.unwrap();
    assert_eq!(clinic.identity.visit_passkeys(ANA).unwrap().len(), 1);
    assert!(matches!(clinic.identity.begin_visit_enrolment(ANA, "link-1"), Err(IdentityError::Invalid(_))));
}
