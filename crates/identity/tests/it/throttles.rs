//! Guessing is slow; its victim is not locked out.

use identity::SignInRefusal;

use crate::browser::Browser;
use crate::clinic::{Clinic, MINUTE_MS};

#[tokio::test]
async fn guessing_waits_for_known_and_unknown_accounts_alike() {
    let clinic = Clinic::new().await;
    for login in ["ana", "nobody"] {
        let guesser = Browser::at(if login == "ana" { "203.0.113.1" } else { "203.0.113.2" });
        let mut answers = Vec::new();
        for _ in 0..6 {
            let refusal = clinic.identity.sign_in_password(login, "guess", None, &guesser.connection()).await;
            answers.push(match refusal {
                Err(SignInRefusal::DoesNotMatch) => 0,
                Err(SignInRefusal::Wait { seconds }) => seconds,
                _ => 99,
            });
        }
        assert_eq!(answers, [0, 0, 0, 0, 0, 1], "{login}");
    }
}

#[tokio::test]
async fn the_owner_on_a_known_device_is_not_delayed_by_who_guesses() {
    let clinic = Clinic::new().await;
    let (own, guesser) = (Browser::new(), Browser::at("203.0.113.1"));
    clinic.sign_in("ana", &own).await;
    for _ in 0..40 {
        let _ = clinic.identity.sign_in_password("ana", "guess", None, &guesser.connection()).await;
        clinic.advance(1_000);
    }
    let stranger = Browser::at("198.51.100.7");
    assert!(matches!(clinic.password("ana", &stranger).await, Err(SignInRefusal::Wait { .. })));
    clinic.sign_in("ana", &own).await;
    // And never for good: a minute is the longest.
    clinic.advance(MINUTE_MS + 1_000);
    assert!(clinic.password("ana", &stranger).await.is_ok());
}

#[tokio::test]
async fn a_known_device_in_a_thiefs_hands_waits_for_its_own_failures() {
    let clinic = Clinic::new().await;
    let own = Browser::new();
    clinic.sign_in("ana", &own).await;
    let mut waited = false;
    for _ in 0..6 {
        let claim = own.claim(&clinic.identity);
        let answer = clinic.identity.sign_in_password("ana", "guess", Some(&claim), &own.connection()).await;
        waited |= matches!(answer, Err(SignInRefusal::Wait { .. }));
    }
    assert!(waited);
}
