//! Whatever is tried in whatever order: a session comes of two factors, and ends with what it stands on.

use access::Role;
use identity::SignedIn;
use proptest::prelude::*;

use crate::browser::Browser;
use crate::clinic::{Clinic, MINUTE_MS, PASSWORD, here, totp_at};

#[derive(Clone, Debug)]
enum Step {
    Password { good: bool },
    Totp { good: bool },
    Passkey,
    Recovery,
    UseTicketAsCookie,
    Wait { minutes: i64 },
    SignOut,
    Deactivate,
    Recover,
    LoseDevice,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any::<bool>().prop_map(|good| Step::Password { good }),
        4 => any::<bool>().prop_map(|good| Step::Totp { good }),
        1 => Just(Step::Passkey),
        1 => Just(Step::Recovery),
        1 => Just(Step::UseTicketAsCookie),
        2 => (1..20_i64).prop_map(|minutes| Step::Wait { minutes }),
        1 => Just(Step::SignOut),
        1 => Just(Step::Deactivate),
        1 => Just(Step::Recover),
        1 => Just(Step::LoseDevice),
    ]
}

/// What has to be true, kept apart from how it is done.
#[derive(Default)]
struct Model {
    /// When the password was right last, and how often a second factor was wrong since.
    password_ms: Option<(i64, u32)>,
    last_step: i64,
    is_closed: bool,
    is_device_lost: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_calls_makes_a_session_without_two_factors(steps in prop::collection::vec(step(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(play(steps));
    }
}

async fn play(steps: Vec<Step>) {
    let clinic = Clinic::new().await;
    let (browser, user) = (Browser::new(), clinic.user("ana"));
    let (mut model, mut ticket) = (Model::default(), String::new());
    let mut open: Vec<SignedIn> = Vec::new();
    for step in steps {
        let (identity, from, now_ms) = (&clinic.identity, browser.connection(), clinic.now_ms());
        let mut made = None;
        match step {
            Step::Password { good } => {
                let claim = browser.claim(identity);
                let password = if good { PASSWORD } else { "guess" };
                match identity.sign_in_password("ana", password, Some(&claim), &from).await {
                    Ok(first) => {
                        assert!(good && !model.is_closed);
                        ticket = first.ticket.to_string();
                        model.password_ms = Some((now_ms, 0));
                    }
                    Err(_) => assert!(identity.session(&ticket, &from).await.is_err()),
                }
            }
            Step::Totp { good } => {
                let code = if good { totp_at(now_ms) } else { "123".into() };
                let may = model.password_ms.is_some_and(|(at_ms, wrong)| now_ms - at_ms < 5 * MINUTE_MS && wrong < 5);
                let is_new = now_ms / 30_000 > model.last_step;
                match identity.sign_in_totp(&ticket, &code, "", &from).await {
                    Ok(signed_in) => {
                        assert!(good && may && is_new && !model.is_closed && !model.is_device_lost);
                        model.last_step = now_ms / 30_000;
                        model.password_ms = None;
                        made = Some(signed_in);
                    }
                    Err(_) => {
                        model.password_ms = model.password_ms.map(|(at_ms, wrong)| (at_ms, wrong + u32::from(!good)))
                    }
                }
            }
            Step::Passkey => {
                let asked = identity.begin_passkey(&from).unwrap();
                assert!(identity.finish_passkey(&asked.ticket, "{}", None, "", &from).await.is_err());
                assert!(identity.sign_in_totp(&asked.ticket, &totp_at(now_ms), "", &from).await.is_err());
            }
            Step::Recovery => {
                assert!(identity.sign_in_recovery(&ticket, "00000-00000-00000", "", &from).await.is_err())
            }
            Step::UseTicketAsCookie => assert!(identity.session(&ticket, &from).await.is_err()),
            Step::Wait { minutes } => clinic.advance(minutes * MINUTE_MS),
            Step::SignOut => {
                if let Some(signed_in) = open.pop()
                    && let Ok(session) = clinic.session(&signed_in, &browser).await
                {
                    identity.sign_out(&session, &from).await.unwrap();
                    assert!(clinic.session(&signed_in, &browser).await.is_err());
                }
            }
            Step::Deactivate => {
                identity.deactivate(&clinic.caller("root"), user, "leaves", &here()).await.unwrap();
                model.is_closed = true;
            }
            Step::Recover => {
                let check = identity::IdentityCheck::Colleague;
                identity.recover(&clinic.caller("root"), user, check, "lost", &here()).await.unwrap();
                model.is_closed = true;
            }
            Step::LoseDevice => {
                for device in identity.devices_of(user) {
                    identity.lose_device(&clinic.caller("root"), device.number, &here()).await.unwrap();
                    model.is_device_lost = true;
                }
            }
        }
        open.extend(made);
        let held = clinic.identity.sessions_of(user).len();
        assert!(held <= open.len());
        if model.is_closed || model.is_device_lost {
            assert_eq!(held, 0);
            for signed_in in &open {
                assert!(clinic.session(signed_in, &browser).await.is_err());
            }
        }
        assert!(!clinic.caller("root").roles().contains(Role::Physician));
    }
}
