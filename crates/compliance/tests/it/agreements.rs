//! Agreements: what is kept of them and for how long, what is covered when, and what the log and the alerts say.

use access::{Caller, Role};
use audit::Action;
use compliance::{
    ComplianceError, Day, Digest, Filter, Party, Register, RegisterParts, Rule, Service, Standing, Terms,
};
use store::Witness;

use crate::house::{House, person};

const WORDS: &str = "signed at the yearly review of vendors";
const DAY_MS: i64 = 86_400_000;

fn register(house: &House) -> Register {
    let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    let (desk, witness) = (house.desk.clone(), Witness::on(house.log.clone()));
    Register::open(RegisterParts { desk, witness, clock: house.clock(), zone }).unwrap()
}

fn officer() -> Caller {
    person("odera", 3, Role::PrivacyOfficer)
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// The clock of the house says 2026-11-26.
fn terms(expires: &str) -> Terms {
    Terms {
        vendor: "Courier Mail, Inc.".into(),
        services: [Service::Email].into(),
        signed: day("2026-11-01"),
        expires: day(expires),
        document: Digest::of(b"as signed"),
        reviewer: "counsel".into(),
        notes: String::new(),
    }
}

fn courier() -> Party {
    Party::Vendor("courier  mail, inc.".into())
}

#[tokio::test]
async fn nothing_goes_to_a_vendor_without_an_agreement_and_the_refusal_is_in_the_log() {
    let house = House::new();
    let register = register(&house);
    let refused = register.cover(&courier(), Service::Email).await;
    let Err(ComplianceError::NoAgreement { vendor, service }) = refused else { panic!("{refused:?}") };
    assert_eq!((vendor.as_str(), service), ("courier  mail, inc.", "email"));
    assert_eq!(house.acts(Action::Outward), ["system email by courier  mail, inc.: no agreement in force"]);
    let own = register.cover(&Party::Own, Service::Email).await.unwrap();
    assert_eq!(own.agreement(), None);
    assert!(own.is_for(&Party::Own, Service::Email) && !own.is_for(&courier(), Service::Email));

    let added = register.add(&officer(), terms("2027-11-01"), WORDS).await.unwrap();
    let cover = register.cover(&courier(), Service::Email).await.unwrap();
    assert_eq!(cover.agreement(), Some(added.id));
    assert!(!cover.is_for(&courier(), Service::Sms), "a word for one service is none for another");
    for (party, service) in [(courier(), Service::Sms), (Party::Vendor("Courier".into()), Service::Email)] {
        assert!(register.cover(&party, service).await.is_err(), "{party:?} {service:?}");
    }
}

#[tokio::test]
async fn an_agreement_covers_its_last_day_and_not_the_next() {
    let house = House::new();
    let register = register(&house);
    let added = register.add(&officer(), terms("2026-11-30"), WORDS).await.unwrap();
    let last_ms = day("2026-11-30").end_ms(register.zone());
    assert_eq!(register.in_force("Courier Mail, Inc.", Service::Email, last_ms - 1), Some(added.clone()));
    assert_eq!(register.in_force("Courier Mail, Inc.", Service::Email, last_ms), None);
    assert_eq!(added.standing(last_ms, register.zone()), Standing::Expired);
    house.advance(last_ms - house.now_ms());
    assert!(register.cover(&courier(), Service::Email).await.is_err());
}

#[tokio::test]
async fn what_was_amended_and_ended_is_kept_with_who_and_why_and_comes_back_after_a_restart() {
    let house = House::new();
    let held = register(&house);
    let added = held.add(&officer(), terms("2027-01-31"), WORDS).await.unwrap();
    let admin = person("adams", 4, Role::Admin);
    let more = Terms { services: [Service::Email, Service::Sms].into(), ..terms("2028-01-31") };
    let amended = held.amend(&admin, added.id, added.version(), more.clone(), "prolonged for a year").await.unwrap();
    let changed: Vec<&str> = amended.history[1].changes.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(changed, ["services", "expires"]);
    assert_eq!(amended.history[1].changes[1].before, "2027-01-31");
    let again = held.amend(&admin, added.id, added.version(), terms("2029-01-31"), "prolonged again").await;
    assert!(matches!(again, Err(ComplianceError::Changed)), "who saw an older version overwrites nothing");
    let other = Terms { vendor: "Another".into(), ..more.clone() };
    let other = held.amend(&admin, added.id, amended.version(), other, "it has another name").await;
    assert!(matches!(other, Err(ComplianceError::Agreement(_))));
    assert!(held.cover(&courier(), Service::Sms).await.is_ok());
    let ended = held.end(&officer(), added.id, amended.version(), "we moved to another vendor").await.unwrap();
    assert!(held.cover(&courier(), Service::Sms).await.is_err());
    let late = held.amend(&admin, added.id, ended.version(), more, "one more year after all").await;
    assert!(matches!(late, Err(ComplianceError::AgreementEnded)));
    assert_eq!(
        house.acts(Action::AgreementChange),
        [
            format!("odera agreement 1 added: Courier Mail, Inc., email, until 2027-01-31: {WORDS}"),
            "adams agreement 1 amended (services, expires): prolonged for a year".to_owned(),
            "odera agreement 1 ended: we moved to another vendor".to_owned(),
        ]
    );
    drop(held);
    let house = house.reopen();
    let kept = register(&house).get(added.id).unwrap();
    assert_eq!(kept, ended);
    assert_eq!(kept.standing(house.now_ms(), &jiff::tz::TimeZone::UTC), Standing::Ended);
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_leaves_nothing_behind() {
    let house = House::new();
    let register = register(&house);
    let base = terms("2027-01-31");
    let wrong = [
        Terms { vendor: "  ".into(), ..base.clone() },
        Terms { vendor: "two\nlines".into(), ..base.clone() },
        Terms { services: [].into(), ..base.clone() },
        Terms { signed: day("2026-11-27"), ..base.clone() },
        Terms { expires: day("2026-10-31"), ..base.clone() },
        Terms { reviewer: String::new(), ..base.clone() },
        Terms { notes: "x".repeat(5_000), ..base.clone() },
    ];
    for terms in wrong {
        let refused = register.add(&officer(), terms.clone(), WORDS).await;
        assert!(matches!(refused, Err(ComplianceError::Agreement(_))), "{terms:?}");
    }
    assert!(matches!(register.add(&officer(), base, "ok").await, Err(ComplianceError::Words)));
    assert!(register.list().is_empty() && house.acts(Action::AgreementChange).is_empty());
}

#[tokio::test]
async fn an_agreement_is_told_of_once_weeks_before_it_expires_and_once_when_it_has() {
    let house = House::new();
    let register = register(&house);
    register.add(&officer(), terms("2027-01-31"), WORDS).await.unwrap();
    let alerts = || house.queue.list(&Filter::default()).iter().map(|alert| alert.rule).collect::<Vec<_>>();
    let last_ms = day("2027-01-31").end_ms(register.zone());
    register.look(&house.queue, 42).await.unwrap();
    assert!(alerts().is_empty());
    house.advance(last_ms - 42 * DAY_MS - house.now_ms());
    for _ in 0..2 {
        register.look(&house.queue, 42).await.unwrap();
        assert_eq!(alerts(), [Rule::AgreementExpiring]);
    }
    assert_eq!(house.queue.get(1).unwrap().about.what.as_deref(), Some("agreement 1 until 2027-01-31"));
    house.advance(42 * DAY_MS);
    for _ in 0..2 {
        register.look(&house.queue, 42).await.unwrap();
        assert_eq!(alerts(), [Rule::AgreementExpired, Rule::AgreementExpiring]);
    }
    assert_eq!(house.acts(Action::AlertChange).len(), 2);
}

#[tokio::test]
async fn an_agreement_that_another_follows_is_not_told_of_and_one_in_part_is() {
    let house = House::new();
    let register = register(&house);
    let both = Terms { services: [Service::Email, Service::Sms].into(), ..terms("2026-12-01") };
    register.add(&officer(), both.clone(), WORDS).await.unwrap();
    register.add(&officer(), terms("2028-12-01"), WORDS).await.unwrap();
    register.look(&house.queue, 42).await.unwrap();
    assert_eq!(house.queue.list(&Filter::default()).len(), 1, "nothing follows for sms");
    let next = Terms { vendor: "Others".into(), services: [Service::Email].into(), ..both };
    register.add(&officer(), next.clone(), WORDS).await.unwrap();
    register.add(&officer(), Terms { expires: day("2027-12-01"), ..next }, WORDS).await.unwrap();
    register.look(&house.queue, 42).await.unwrap();
    assert_eq!(house.queue.list(&Filter::default()).len(), 1, "others are followed");
}

#[tokio::test]
async fn a_vendor_that_is_configured_and_not_covered_is_told_of_until_an_agreement_is_in_force() {
    let house = House::new();
    let register = register(&house);
    let parties = [
        (Service::Turn, Party::Vendor("Relays, Inc.".into())),
        (Service::Email, Party::Own),
        (Service::Sms, Party::Vendor("Courier Mail, Inc.".into())),
    ];
    register.add(&officer(), Terms { services: [Service::Sms].into(), ..terms("2027-01-31") }, WORDS).await.unwrap();
    for _ in 0..2 {
        register.look_at(&house.queue, &parties).await.unwrap();
        house.advance(900_000);
    }
    let raised = house.queue.list(&Filter::default());
    let [alert] = &raised[..] else { panic!("one alert for one vendor: {}", raised.len()) };
    assert_eq!((alert.rule, alert.about.what.as_deref()), (Rule::PartyUncovered, Some("turn by Relays, Inc.")));
    assert_eq!(alert.count, 2, "more of the same joins");
    let covered = Terms { vendor: "Relays, Inc.".into(), services: [Service::Turn].into(), ..terms("2027-01-31") };
    register.add(&officer(), covered, WORDS).await.unwrap();
    register.look_at(&house.queue, &parties).await.unwrap();
    assert_eq!(house.queue.list(&Filter::default())[0].count, 2);
}
