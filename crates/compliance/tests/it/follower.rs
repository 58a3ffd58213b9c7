//! The log is followed: at once, once, across restarts, and when it stands still.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use audit::Action;
use audit::event::Outcome;
use compliance::{Filter, POLL_MS, Rule, Severity};

use crate::house::{House, act};

#[tokio::test]
async fn an_alert_appears_within_a_second_of_its_event() {
    let house = House::new();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut news = house.queue.subscribe();
    let running = tokio::spawn(house.follower().await.run(stopped));
    let started = Instant::now();
    let leaf = house.break_glass("reyes").await;
    let alert = tokio::time::timeout(Duration::from_secs(1), news.recv()).await.unwrap().unwrap();
    assert_eq!((alert.rule, alert.evidence.as_slice()), (Rule::BreakGlass, [leaf].as_slice()));
    println!("an alert after {} ms (poll {POLL_MS} ms)", started.elapsed().as_millis());
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn nothing_is_raised_twice_or_lost_however_often_the_follower_starts() {
    let mut house = House::new();
    let mut glass = 0;
    for round in 0..6 {
        // Some rounds read at once, some leave events for the next start.
        if round % 2 == 0 {
            let mut follower = house.follower().await;
            house.break_glass("reyes").await;
            follower.catch_up().await.unwrap();
            house.break_glass("silva").await;
        } else {
            house.break_glass("tanaka").await;
            house.break_glass("tanaka").await;
        }
        glass += 2;
        house.advance(60_000);
        house = house.reopen();
    }
    house.follower().await.catch_up().await.unwrap();
    house.follower().await.catch_up().await.unwrap();
    let alerts = house.queue.list(&Filter::default());
    assert_eq!(alerts.len(), glass);
    let mut leaves: Vec<u64> = alerts.iter().flat_map(|alert| alert.evidence.clone()).collect();
    leaves.sort_unstable();
    leaves.dedup();
    assert_eq!(leaves.len(), glass, "each use of the glass is one alert");
    assert_eq!(house.acts(Action::AlertChange).len(), glass);
}

#[tokio::test]
async fn failures_before_a_restart_count_and_an_alert_grows_instead_of_multiplying() {
    let mut house = House::new();
    for round in 0..10 {
        let mut failed = act(Action::SignIn, "nowak", "nurse");
        failed.outcome = Outcome::Failed { code: 401 };
        failed.subject = Some("password, login AAAA");
        house.event(failed).await;
        house.advance(1_000);
        if round == 3 {
            house.follower().await.run(tokio::sync::watch::channel(true).1).await;
            assert!(house.queue.list(&Filter::default()).is_empty(), "four are none too many");
            house = house.reopen();
        }
    }
    let mut follower = house.follower().await;
    follower.catch_up().await.unwrap();
    house.event(act(Action::SignIn, "nowak", "nurse")).await;
    follower.catch_up().await.unwrap();
    let alerts = house.queue.list(&Filter::default());
    assert_eq!(alerts.len(), 1);
    let alert = &alerts[0];
    assert_eq!((alert.rule, alert.count, alert.about.login.as_deref()), (Rule::FailedSignIns, 10, Some("nowak")));
    assert_eq!(alert.severity, Severity::High, "the eleventh try came in");
    assert_eq!(alert.evidence.len(), 11);
}

#[tokio::test]
async fn places_are_remembered_beyond_what_is_seen_again_at_a_start() {
    let mut house = House::new();
    let at = |country: Option<[u8; 2]>| {
        let mut event = act(Action::SignIn, "nowak", "nurse");
        event.whence.address = Some([203, 0, 113, 9].into());
        event.whence.country = country;
        event
    };
    house.event(at(Some(*b"US"))).await;
    house.follower().await.catch_up().await.unwrap();
    house.advance(40 * 86_400_000);
    house = house.reopen();
    house.event(at(Some(*b"US"))).await;
    house.event(at(Some(*b"BR"))).await;
    house.follower().await.catch_up().await.unwrap();
    let alerts = house.queue.list(&Filter::default());
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].rule, alerts[0].about.what.as_deref()), (Rule::NewCountry, Some("BR")));
}

#[tokio::test]
async fn a_log_that_takes_no_events_is_an_alert_at_once_and_its_event_follows() {
    let house = House::new();
    let mut follower = house.follower().await;
    follower.look().await.unwrap();
    house.sealer.is_away.store(true, Ordering::Relaxed);
    let officer = crate::house::person("odera", 3, access::Role::PrivacyOfficer);
    assert!(house.queue.sign_review(&officer, "looked at all of the week", 1, 0).await.is_err());
    let _ = follower.look().await;
    let alerts = house.queue.list(&Filter::default());
    assert_eq!(alerts.len(), 1, "raised although the log cannot take its event");
    assert_eq!((alerts[0].rule, alerts[0].is_witnessed), (Rule::AuditStalled, false));
    house.sealer.is_away.store(false, Ordering::Relaxed);
    house.advance(1_000);
    follower.look().await.unwrap();
    assert!(house.queue.get(1).unwrap().is_witnessed);
    assert_eq!(house.acts(Action::AlertChange), ["system alert 1 was raised: audit_stalled"]);
}

#[tokio::test]
async fn heartbeats_prove_that_events_come_back_and_their_absence_is_an_alert() {
    let house = House::new();
    let mut follower = house.follower().await;
    for _ in 0..10 {
        follower.look().await.unwrap();
        follower.look().await.unwrap();
        house.log.checkpoint_now().unwrap();
        house.advance(300_000);
    }
    assert_eq!(house.acts(Action::Heartbeat).len(), 10);
    assert!(house.queue.list(&Filter::default()).is_empty());
    // The clock goes on, and nothing is read back.
    house.advance(600_000);
    follower.tick().await.unwrap();
    let what = house.queue.list(&Filter::default())[0].about.what.clone();
    assert_eq!(what.as_deref(), Some("heartbeats are missing"));
}

#[tokio::test]
async fn another_log_in_its_place_is_read_from_its_beginning() {
    let house = House::new();
    for login in ["reyes", "silva", "tanaka"] {
        house.break_glass(login).await;
    }
    house.follower().await.catch_up().await.unwrap();
    let folder = house.folder.path().join("audit");
    let house = house.reopen_after(|| std::fs::remove_dir_all(&folder).unwrap());
    for login in ["kim", "lopez", "nowak", "odera", "adams", "bright", "osei"] {
        house.break_glass(login).await;
    }
    house.follower().await.catch_up().await.unwrap();
    assert_eq!(house.queue.list(&Filter::default()).len(), 10, "seven new ones, and none of the three is lost");
}
