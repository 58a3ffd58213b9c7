//! Who may close what, with which words, and what the log keeps of it.

use access::Role;
use audit::Action;
use compliance::{ComplianceError, Filter, Rule, Severity, Verdict};

use crate::house::{House, act, chart_object, person};

const WORDS: &str = "spoke with the physician: the patient had collapsed";

async fn with_broken_glass() -> House {
    let house = House::new();
    house.break_glass("reyes").await;
    let mut follower = house.follower().await;
    follower.catch_up().await.unwrap();
    house
}

#[tokio::test]
async fn broken_glass_is_reviewed_by_the_privacy_officer_with_words_and_every_step_is_in_the_log() {
    let house = with_broken_glass().await;
    let due = house.queue.glass_reviews_due();
    assert_eq!(due.len(), 1);
    let alert = &due[0];
    assert_eq!((alert.rule, alert.severity, alert.about.chart), (Rule::BreakGlass, Severity::High, Some(900)));
    let officer = person("odera", 3, Role::PrivacyOfficer);
    let closed = house.queue.close(&officer, alert.id, Verdict::Justified, WORDS).await;
    assert!(matches!(closed, Err(ComplianceError::NotTheOwner)), "nobody closes what they have not taken");
    house.queue.take(&officer, alert.id).await.unwrap();
    for words in ["", "   ok    ", "fine.    !"] {
        let closed = house.queue.close(&officer, alert.id, Verdict::Justified, words).await;
        assert!(matches!(closed, Err(ComplianceError::Words)), "{words}");
    }
    house.queue.note(&officer, alert.id, "asked the ward for the shift plan").await.unwrap();
    house.queue.close(&officer, alert.id, Verdict::Justified, WORDS).await.unwrap();
    assert!(house.queue.glass_reviews_due().is_empty());
    let again = house.queue.close(&officer, alert.id, Verdict::Violation, WORDS).await;
    assert!(matches!(again, Err(ComplianceError::Closed)));
    assert_eq!(
        house.acts(Action::AlertChange),
        [
            "system alert 1 raised: break_glass".to_owned(),
            "odera alert 1: open -> taken, taken: ".to_owned(),
            "odera alert 1: taken -> taken, noted: asked the ward for the shift plan".to_owned(),
            format!("odera alert 1: taken -> closed, justified: {WORDS}"),
        ]
    );
    let steps: Vec<(String, String)> =
        house.queue.get(1).unwrap().history.iter().map(|step| (step.who.clone(), step.did.clone())).collect();
    let expected = [("system", "raised"), ("odera", "taken"), ("odera", "noted"), ("odera", "justified")];
    assert_eq!(steps, expected.map(|(who, did)| (who.to_owned(), did.to_owned())));
}

#[tokio::test]
async fn nobody_tends_an_alert_about_themselves_or_of_another_role_and_the_attempt_is_kept() {
    let house = House::new();
    let mut grant = act(Action::RoleChange, "adams", "admin");
    grant.subject = Some("user 3: privacy_officer -> privacy_officer,physician: covers");
    house.event(grant).await;
    house.break_glass("odera").await;
    let mut follower = house.follower().await;
    follower.catch_up().await.unwrap();
    let (granter, admin) = (person("adams", 1, Role::PrivacyOfficer), person("bright", 2, Role::Admin));
    let granted = person("odera", 3, Role::PrivacyOfficer);
    let other = person("osei", 4, Role::PrivacyOfficer);
    assert!(matches!(house.queue.take(&granter, 1).await, Err(ComplianceError::AboutOneself)), "who granted");
    assert!(matches!(house.queue.take(&granted, 1).await, Err(ComplianceError::AboutOneself)), "whom it was granted");
    assert!(matches!(house.queue.take(&admin, 1).await, Err(ComplianceError::Unknown(_))));
    assert!(matches!(house.queue.take(&granted, 2).await, Err(ComplianceError::AboutOneself)), "broke the glass");
    house.queue.take(&other, 1).await.unwrap();
    assert_eq!(house.acts(Action::AlertChange).iter().filter(|act| act.ends_with("taken")).count(), 4);
    // Another may take it over, and then the first may not close it.
    house.queue.take(&person("otto", 5, Role::PrivacyOfficer), 1).await.unwrap();
    let closed = house.queue.close(&other, 1, Verdict::Justified, WORDS).await;
    assert!(matches!(closed, Err(ComplianceError::NotTheOwner)));
}

#[tokio::test]
async fn an_administrator_sees_what_is_for_administrators_and_no_chart_and_every_look_is_kept() {
    let house = House::new();
    house.break_glass("reyes").await;
    // Of a privacy officer: somebody else has to be able to close it.
    let mut glass = act(Action::BreakGlass, "odera", "privacy_officer");
    glass.objects = vec![chart_object(900)].into();
    house.event(glass).await;
    let mut command = act(Action::Backup, "root", "operator");
    command.subject = Some("backup; reason: nightly");
    house.event(command).await;
    let mut follower = house.follower().await;
    follower.catch_up().await.unwrap();
    let (admin, officer) = (person("bright", 2, Role::Admin), person("osei", 4, Role::PrivacyOfficer));
    let (seen, open) = house.queue.look_up(&admin, &Filter::default()).await.unwrap();
    let rules: Vec<_> = seen.iter().map(|alert| (alert.rule, alert.about.login.clone().unwrap_or_default())).collect();
    assert_eq!(rules, [(Rule::OperatorCommand, "root".to_owned()), (Rule::BreakGlass, "odera".to_owned())]);
    assert_eq!((open, seen.iter().filter(|alert| alert.about.chart.is_some()).count()), (2, 0));
    let (all, open) = house.queue.look_up(&officer, &Filter::default()).await.unwrap();
    assert_eq!((all.len(), open, all.iter().filter(|alert| alert.about.chart.is_some()).count()), (3, 3, 2));

    let others = all.iter().find(|alert| alert.about.login.as_deref() == Some("reyes")).unwrap().id;
    let about_officer = seen[1].id;
    assert!(matches!(house.queue.read(&admin, others).await, Err(ComplianceError::Unknown(_))));
    assert!(matches!(house.queue.take(&admin, others).await, Err(ComplianceError::Unknown(_))));
    assert_eq!(house.queue.read(&admin, about_officer).await.unwrap().about.chart, None);
    assert_eq!(house.queue.take(&admin, about_officer).await.unwrap().about.chart, None);
    house.queue.close(&admin, about_officer, Verdict::Justified, WORDS).await.unwrap();
    assert_eq!(house.queue.get(about_officer).unwrap().about.chart, Some(900), "the alert itself keeps it");
    assert_eq!(
        house.acts(Action::AlertRead),
        [
            "bright 2 alerts listed".to_owned(),
            "osei 3 alerts listed".to_owned(),
            format!("bright alert {others} read"),
            format!("bright alert {about_officer} read"),
        ]
    );
}

#[tokio::test]
async fn what_cannot_be_audited_does_not_happen() {
    let house = with_broken_glass().await;
    let officer = person("odera", 3, Role::PrivacyOfficer);
    house.sealer.is_away.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(house.queue.take(&officer, 1).await.is_err());
    assert_eq!(house.queue.get(1).unwrap().state.name(), "open");
}

#[tokio::test]
async fn lists_are_narrowed_and_paged_and_alerts_survive_a_restart() {
    let house = House::new();
    for login in ["reyes", "silva", "tanaka"] {
        house.break_glass(login).await;
        house.advance(60_000);
    }
    let mut news = house.queue.subscribe();
    house.follower().await.catch_up().await.unwrap();
    assert_eq!(news.recv().await.unwrap().about.login.as_deref(), Some("reyes"));
    let officer = person("odera", 3, Role::PrivacyOfficer);
    house.queue.take(&officer, 2).await.unwrap();
    let house = house.reopen();
    let ids = |filter: Filter| house.queue.list(&filter).iter().map(|alert| alert.id).collect::<Vec<_>>();
    assert_eq!(ids(Filter::default()), [3, 2, 1]);
    assert_eq!(ids(Filter { limit: Some(1), before: Some(3), ..Filter::default() }), [2]);
    assert_eq!(ids(Filter { state: Some("taken".into()), ..Filter::default() }), [2]);
    assert_eq!(ids(Filter { login: Some("silva".into()), ..Filter::default() }), [2]);
    assert_eq!(ids(Filter { owner: Some("odera".into()), ..Filter::default() }), [2]);
    assert_eq!(ids(Filter { rule: Some(Rule::Noise), ..Filter::default() }), Vec::<u64>::new());
    assert_eq!(ids(Filter { severity_min: Some(Severity::Critical), ..Filter::default() }), Vec::<u64>::new());
}

#[tokio::test]
async fn the_weekly_review_counts_every_rule_and_names_what_waits_too_long() {
    let house = House::new();
    const DAY_MS: i64 = 86_400_000;
    for login in ["reyes", "silva"] {
        house.break_glass(login).await;
        house.follower().await.catch_up().await.unwrap();
        house.advance(4 * DAY_MS);
    }
    let officer = person("odera", 3, Role::PrivacyOfficer);
    house.queue.take(&officer, 2).await.unwrap();
    house.queue.close(&officer, 2, Verdict::Violation, WORDS).await.unwrap();
    let week = house.queue.weekly(house.now_ms(), 5, 7);
    assert_eq!(week.rules.len(), Rule::ALL.len());
    let glass = &week.rules[Rule::BreakGlass as usize];
    assert_eq!((glass.raised, glass.closed, glass.worst), (1, 1, Some(Severity::High)), "the first is of last week");
    assert_eq!((week.open, week.overdue_ids.clone(), week.glass_reviews_due), (1, vec![1], 1));
    assert_eq!((week.by_verdict["violation"], week.recertifications_due, week.last_review_ms), (1, 7, None));
    house.queue.sign_review(&officer, "looked at every alert of the week", 5, 7).await.unwrap();
    let house = house.reopen();
    assert_eq!(house.queue.reviews()[0].week, week);
    assert_eq!(house.queue.weekly(house.now_ms(), 5, 7).last_review_ms, Some(house.now_ms()));
    assert!(house.acts(Action::AlertChange).iter().any(|act| act.starts_with("odera weekly review signed")));
}

#[tokio::test]
async fn an_alert_holds_nothing_of_what_was_read_searched_or_said() {
    let house = House::new();
    let mut event = act(Action::BreakGlass, "reyes", "physician");
    event.break_glass = Some("Ana Ruiz collapsed");
    event.search = Some(audit::event::Search { type_code: 96, query: "name=Ruiz" });
    event.objects = vec![crate::house::chart_object(900)].into();
    house.event(event).await;
    house.follower().await.catch_up().await.unwrap();
    let alert = house.queue.get(1).unwrap();
    let text = format!("{alert:?} {}", alert.summary());
    assert!(text.contains("900") && !text.contains("Ruiz") && !text.contains("collapsed"), "{text}");
    assert_eq!(alert.summary(), "the glass was broken");
}
