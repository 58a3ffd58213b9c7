//! What goes on behind a locked screen stops with its person, and opens nothing while it lasts.

use identity::{Hold, Session};

use crate::browser::Browser;
use crate::clinic::{Clinic, MINUTE_MS, here};

struct Bench {
    clinic: Clinic,
    browser: Browser,
    session: Session,
    hold: Hold,
}

async fn bench() -> Bench {
    let clinic = Clinic::new().await;
    let browser = Browser::new();
    let signed_in = clinic.sign_in("ana", &browser).await;
    let session = clinic.session(&signed_in, &browser).await.unwrap();
    let hold = clinic.identity.hold(&session);
    Bench { clinic, browser, session, hold }
}

impl Bench {
    async fn lock(&self) {
        self.clinic.identity.lock(&self.session, &self.browser.connection()).await.unwrap();
        assert!(self.session.has_ended() && !self.hold.is_over());
    }
}

#[tokio::test]
async fn a_locked_or_idle_screen_lets_go_of_nothing() {
    let bench = bench().await;
    bench.lock().await;
    let other = Browser::new();
    let signed_in = bench.clinic.sign_in("ana", &other).await;
    let idle = bench.clinic.session(&signed_in, &other).await.unwrap();
    let hold = bench.clinic.identity.hold(&idle);
    bench.clinic.advance(15 * MINUTE_MS);
    bench.clinic.identity.sweep().await.unwrap();
    assert!(idle.has_ended() && !hold.is_over() && !bench.hold.is_over());
}

#[tokio::test]
async fn signing_out_and_being_told_to_leave_let_go_at_once() {
    let bench = bench().await;
    bench.clinic.identity.sign_out(&bench.session, &bench.browser.connection()).await.unwrap();
    bench.hold.over().await;
    assert!(bench.hold.is_over());
    assert!(bench.clinic.identity.hold(&bench.session).is_over(), "an ended session holds nothing");
}

#[tokio::test]
async fn behind_a_locked_screen_each_of_what_ends_a_person_ends_the_hold() {
    let told_to_leave = async |bench: &Bench| {
        let root = bench.clinic.caller("root");
        bench.clinic.identity.end_sessions_of(&root, bench.session.user, None, &here()).await.unwrap();
    };
    let bench_of = async || {
        let bench = bench().await;
        bench.lock().await;
        bench
    };
    let bench = bench_of().await;
    told_to_leave(&bench).await;
    assert!(bench.hold.is_over());

    let bench = bench_of().await;
    let root = bench.clinic.caller("root");
    let device = bench.session.device.unwrap();
    bench.clinic.identity.lose_device(&root, device, &here()).await.unwrap();
    assert!(bench.hold.is_over());

    let bench = bench_of().await;
    let root = bench.clinic.caller("root");
    bench.clinic.identity.deactivate(&root, bench.session.user, "left the clinic", &here()).await.unwrap();
    assert!(bench.hold.is_over());
}

#[tokio::test]
async fn the_session_that_unlocked_the_screen_ends_the_hold_when_it_signs_out_and_no_other_does() {
    let bench = bench().await;
    bench.lock().await;
    let elsewhere = Browser::new();
    let signed_in = bench.clinic.sign_in("ana", &elsewhere).await;
    let other = bench.clinic.session(&signed_in, &elsewhere).await.unwrap();
    bench.clinic.identity.sign_out(&other, &elsewhere.connection()).await.unwrap();
    assert!(!bench.hold.is_over(), "another device");
    bench.clinic.advance(MINUTE_MS);
    let signed_in = bench.clinic.sign_in("ana", &bench.browser).await;
    let again = bench.clinic.session(&signed_in, &bench.browser).await.unwrap();
    assert_eq!(again.device, bench.session.device);
    bench.clinic.identity.sign_out(&again, &bench.browser.connection()).await.unwrap();
    assert!(bench.hold.is_over());
}
