//! Guests against a real desk.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use crypto::SealKey;

use super::*;
use crate::MINUTE_MS;
use crate::consent::{self, Language};
use crate::identity_check::{Channel, Checked, Second};
use crate::signal::Role;

const START: i64 = 1_800_000_000_000;

struct Clinic {
    guests: Guests,
    desk: Arc<Desk>,
    now: Arc<AtomicI64>,
    told: Arc<std::sync::Mutex<Vec<What>>>,
    _directory: tempfile::TempDir,
}

fn clinic() -> Clinic {
    let directory = tempfile::tempdir().unwrap();
    let desk = Arc::new(Desk::open(directory.path(), Zeroizing::new([1; 32]), SealKey::new(&[2; 32])).unwrap());
    let now = Arc::new(AtomicI64::new(START));
    let (clock, count) = (now.clone(), AtomicU8::new(1));
    let fill: Fill = Arc::new(move |bytes: &mut [u8]| {
        bytes.fill(count.fetch_add(1, Ordering::SeqCst));
        true
    });
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let tell = told.clone();
    let tell: Tell = Arc::new(move |happened| tell.lock().unwrap().push(happened.what));
    let guests = Guests::new(desk.clone(), Arc::new(move || clock.load(Ordering::SeqCst)), fill, tell);
    Clinic { guests, desk, now, told, _directory: directory }
}

fn patient(visit: &str) -> NewGuest<'_> {
    NewGuest {
        visit,
        purpose: Purpose::Patient,
        label: "The patient",
        start_ms: START,
        end_ms: START + 20 * MINUTE_MS,
        birth_date: Some("1968-07-14".into()),
        number: Some("MR-004718".into()),
        choices: None,
        email: None,
        phone: None,
    }
}

fn reached(visit: &str) -> NewGuest<'_> {
    NewGuest { email: Some("ruth@example.org".into()), ..patient(visit) }
}

#[tokio::test]
async fn a_patient_comes_in_with_link_birth_date_and_number_and_with_nothing_less() {
    let clinic = clinic();
    let link = clinic.guests.invite(patient("v1")).await.unwrap();
    let browser = clinic.guests.binding().unwrap();
    assert!(clinic.guests.open(&link, &browser).await.unwrap().is_to_check);
    assert!(matches!(clinic.guests.entry(&link, &browser).await, Err(GuestError::Unchecked)));
    for (born, number) in [("1968-07-15", "MR-004718"), ("1968-07-14", "MR-1"), ("", "")] {
        let refused = clinic.guests.check(&link, &browser, born, &Second::PatientId(number)).await;
        assert!(matches!(refused, Err(GuestError::Identity(Refused::Mismatch))));
    }
    let right = Second::PatientId("MR-004718");
    assert_eq!(clinic.guests.check(&link, &browser, "1968-07-14", &right).await.unwrap().attempts_left, 2);
    assert!(matches!(clinic.guests.entry(&link, &browser).await, Err(GuestError::NotAgreed)));
    let other = clinic.guests.agree(&link, &browser, consent::VERSION + 1, Language::Es).await;
    assert!(matches!(other, Err(GuestError::OtherWords)));
    let (known, role) = clinic.guests.agree(&link, &browser, consent::VERSION, Language::Es).await.unwrap();
    assert_eq!((known.is_to_agree, role), (false, Role::Patient));
    let (visit, invite) = clinic.guests.entry(&link, &browser).await.unwrap();
    assert_eq!((visit.as_str(), invite.role), ("v1", Role::Patient));
    // Nobody else with the same link, also not after a restart.
    let other = clinic.guests.binding().unwrap();
    let again = Guests::new(
        clinic.desk.clone(),
        clinic.guests.clock.clone(),
        clinic.guests.fill.clone(),
        clinic.guests.tell.clone(),
    );
    assert!(matches!(again.entry(&link, &other).await, Err(GuestError::Link(TelehealthError::LinkBound))));
    assert!(again.entry(&link, &browser).await.is_ok());
    use LinkEvent::{CheckFailed, Checked, Made, Opened};
    let agreed = LinkEvent::Agreed { version: consent::VERSION, language: Language::Es };
    let told = [Made, Opened, CheckFailed, CheckFailed, CheckFailed, Checked, agreed, LinkEvent::Refused];
    let told = told.map(What::Link);
    assert_eq!(*clinic.told.lock().unwrap(), told);
}

#[tokio::test]
async fn attempts_end_and_count_also_across_a_restart() {
    let clinic = clinic();
    let link = clinic.guests.invite(patient("v1")).await.unwrap();
    let browser = clinic.guests.binding().unwrap();
    for at in 0..crate::identity_check::ATTEMPTS_MAX {
        let again = Guests::new(
            clinic.desk.clone(),
            clinic.guests.clock.clone(),
            clinic.guests.fill.clone(),
            clinic.guests.tell.clone(),
        );
        assert!(again.check(&link, &browser, "1990-01-01", &Second::PatientId("x")).await.is_err(), "{at}");
    }
    let right = clinic.guests.check(&link, &browser, "1968-07-14", &Second::PatientId("MR-004718")).await;
    assert!(matches!(right, Err(GuestError::Identity(Refused::Attempts))));
}

#[tokio::test]
async fn a_revoked_or_unknown_link_opens_nothing_and_old_ones_go() {
    let clinic = clinic();
    let link = clinic.guests.invite(patient("v1")).await.unwrap();
    let browser = clinic.guests.binding().unwrap();
    let listed = clinic.guests.of_visit("v1").unwrap();
    assert!(clinic.guests.revoke("v2", &listed[0].name).await.is_err(), "of another visit");
    clinic.guests.revoke("v1", &listed[0].name).await.unwrap();
    for secret in [link, clinic.guests.binding().unwrap()] {
        let refused = clinic.guests.open(&secret, &browser).await;
        assert!(matches!(refused, Err(GuestError::Link(TelehealthError::LinkRefused))));
    }
    clinic.now.fetch_add(3 * DAY_MS, Ordering::SeqCst);
    let later = NewGuest { start_ms: START + 3 * DAY_MS, end_ms: START + 3 * DAY_MS + MINUTE_MS, ..patient("v9") };
    clinic.guests.invite(later).await.unwrap();
    assert!(clinic.guests.of_visit("v1").unwrap().is_empty());
}

#[tokio::test]
async fn a_day_or_a_code_takes_the_place_of_the_number_and_what_is_on_file_is_not_told() {
    let clinic = clinic();
    let day: jiff::civil::Date = "2026-12-01".parse().unwrap();
    let mut count = 0;
    let mut random = |bytes: &mut [u8]| {
        count += 7;
        bytes.fill(count);
    };
    let choices = Choices::draw(&[(day, true)], &[], "2027-01-04".parse().unwrap(), &mut random);
    let new =
        NewGuest { number: None, choices: choices.clone(), email: Some("ruth@example.org".into()), ..patient("v1") };
    let link = clinic.guests.invite(new).await.unwrap();
    let browser = clinic.guests.binding().unwrap();
    let known = clinic.guests.open(&link, &browser).await.unwrap();
    let again = clinic.guests.open(&link, &browser).await.unwrap();
    assert_eq!(known, again, "looking again tells nothing new");
    assert_eq!((known.ways.number, known.ways.email, known.ways.phone), (false, true, false));
    assert!(!format!("{known:?}").contains("2026"), "days are not for logs");
    let right = choices.unwrap().right().to_owned();
    let wrong = known.ways.choices.iter().find(|one| one.id != right).unwrap();
    let refused = clinic.guests.check(&link, &browser, "1968-07-14", &Second::Appointment(&wrong.id)).await;
    assert!(matches!(refused, Err(GuestError::Identity(Refused::Mismatch))));

    assert!(matches!(clinic.guests.code(&link, &browser, Channel::Sms).await, Err(GuestError::NoCode)));
    let first = clinic.guests.code(&link, &browser, Channel::Email).await.unwrap();
    assert_eq!(first.address, "ruth@example.org");
    clinic.guests.unsent(&link, &browser).await.unwrap();
    let refused = clinic.guests.check(&link, &browser, "1968-07-14", &Second::Code(&first.digits)).await;
    assert!(refused.is_err(), "it was not sent");
    for _ in 0..2 {
        clinic.guests.code(&link, &browser, Channel::Email).await.unwrap();
    }
    let last = clinic.guests.code(&link, &browser, Channel::Email).await.unwrap();
    assert!(matches!(clinic.guests.code(&link, &browser, Channel::Email).await, Err(GuestError::NoCode)), "three");
    let known = clinic.guests.check(&link, &browser, "1968-07-14", &Second::Code(&last.digits)).await.unwrap();
    assert_eq!(known.verified.unwrap().checked, [Checked::Link, Checked::BirthDate, Checked::CodeByEmail]);
    assert_eq!(known.ways, Ways::default(), "nothing is asked any more");
}

#[tokio::test]
async fn who_signed_in_is_known_has_one_way_in_and_agrees_once() {
    let clinic = clinic();
    let new = || SignedIn {
        visit: "v1",
        purpose: Purpose::Patient,
        label: "The patient",
        start_ms: START,
        end_ms: START + 20 * MINUTE_MS,
        account: "user-7",
    };
    let (link, browser, known) = clinic.guests.welcome(new()).await.unwrap();
    assert!(!known.is_to_check && known.is_to_agree);
    assert_eq!(known.verified.unwrap().checked, [Checked::SignedIn]);
    clinic.guests.agree(&link, &browser, consent::VERSION, Language::En).await.unwrap();
    let (_, first) = clinic.guests.entry(&link, &browser).await.unwrap();
    let (other_link, other, known) = clinic.guests.welcome(new()).await.unwrap();
    assert!(!known.is_to_agree);
    assert!(matches!(clinic.guests.entry(&link, &browser).await, Err(GuestError::Link(TelehealthError::LinkRefused))));
    let (_, second) = clinic.guests.entry(&other_link, &other).await.unwrap();
    assert_eq!(first.person, second.person, "the same person in another browser");
    assert_eq!(clinic.guests.of_visit("v1").unwrap().len(), 1);
    let early = SignedIn { start_ms: START + 40 * MINUTE_MS, end_ms: START + 60 * MINUTE_MS, visit: "v2", ..new() };
    assert!(matches!(clinic.guests.welcome(early).await, Err(GuestError::Link(TelehealthError::LinkEarly))));
}

#[tokio::test]
async fn strangers_and_who_tries_the_relay_too_often_wait() {
    let clinic = clinic();
    let (here, there) = ("192.0.2.9".parse().unwrap(), "192.0.2.10".parse().unwrap());
    for _ in 1..STRANGE_MAX {
        clinic.guests.strange(here).unwrap();
    }
    assert!(matches!(clinic.guests.strange(here), Err(GuestError::Wait { seconds: 600 })));
    assert!(clinic.guests.wait(there).is_ok());
    let link = clinic.guests.invite(patient("v1")).await.unwrap();
    let browser = clinic.guests.binding().unwrap();
    assert!(matches!(clinic.guests.try_relay(&link, &browser, |_, _| false).await, Err(GuestError::Unchecked)));
    clinic.guests.check(&link, &browser, "1968-07-14", &Second::PatientId("MR-004718")).await.unwrap();
    for _ in 0..RELAYS_MAX {
        clinic.guests.try_relay(&link, &browser, |_, _| false).await.unwrap();
    }
    assert!(matches!(clinic.guests.try_relay(&link, &browser, |_, _| false).await, Err(GuestError::Wait { .. })));
    clinic.guests.host_tries_relay("v1", "user-1").unwrap();
}

#[tokio::test]
async fn only_the_patient_or_who_stands_for_them_agrees_for_them() {
    let clinic = clinic();
    for (purpose, may) in [
        (Purpose::Patient, true),
        (Purpose::Proxy, true),
        (Purpose::Interpreter, false),
        (Purpose::Family, false),
        (Purpose::Guest, false),
    ] {
        let new = NewGuest { purpose, ..patient("v1") };
        let link = clinic.guests.invite(new).await.unwrap();
        let browser = clinic.guests.binding().unwrap();
        let known = clinic.guests.open(&link, &browser).await.unwrap();
        if known.is_to_check {
            let number = Second::PatientId("MR-004718");
            clinic.guests.check(&link, &browser, "1968-07-14", &number).await.unwrap();
        }
        let agreed = clinic.guests.agree(&link, &browser, consent::VERSION, Language::En).await;
        assert_eq!(agreed.is_ok(), may, "{purpose:?}");
        assert!(may || matches!(agreed, Err(GuestError::NotTheirs)));
    }
}

#[tokio::test]
async fn a_visit_that_is_put_off_takes_its_links_along_and_one_that_is_called_off_closes_them() {
    let clinic = clinic();
    let (link, other) =
        (clinic.guests.invite(reached("v1")).await.unwrap(), clinic.guests.invite(reached("v2")).await.unwrap());
    let browser = clinic.guests.binding().unwrap();
    let later = START + 24 * 60 * MINUTE_MS;
    clinic.guests.sent(&link, Way::Email).await.unwrap();
    let again = clinic.guests.invite(reached("v1")).await.unwrap();
    clinic.guests.sent(&again, Way::Email).await.unwrap();
    clinic.guests.invite(reached("v1")).await.unwrap();
    // Two links to one address are one letter; who was handed one is to be told by somebody.
    let told = clinic.guests.move_to("v1", 2, later, later + 20 * MINUTE_MS).await.unwrap();
    let [one, two] = &told.written[..] else { panic!("{told:?}") };
    assert_eq!((one.by, one.to.as_str(), one.letter, told.others), (Way::Email, "ruth@example.org", two.letter, 1));
    assert!(one.before == one.link && two.before == two.link && one.link != two.link);
    let told_other = clinic.guests.move_to("v2", 2, later, later + 20 * MINUTE_MS).await.unwrap();
    assert_eq!((told_other.written.len(), told_other.others), (0, 1));
    clinic.guests.move_to("v2", 3, START, START + 20 * MINUTE_MS).await.unwrap();
    let letter = one.letter;
    let early = clinic.guests.open(&link, &browser).await;
    assert!(matches!(early, Err(GuestError::Link(TelehealthError::LinkEarly))));
    clinic.now.store(later, Ordering::SeqCst);
    clinic.guests.open(&link, &browser).await.unwrap();
    assert!(matches!(clinic.guests.open(&other, &browser).await, Err(GuestError::Link(TelehealthError::LinkLate))));
    let told = clinic.guests.revoke_all("v1", 3).await.unwrap();
    assert!(told.written.iter().all(|one| one.before == letter && one.letter != letter), "{told:?}");
    assert_eq!(clinic.guests.revoke_all("v1", 4).await.unwrap(), Concerned::default(), "they know");
    assert!(clinic.guests.open(&link, &browser).await.is_err());
    let closed = clinic.told.lock().unwrap().iter().filter(|what| **what == What::Link(LinkEvent::Closed)).count();
    assert_eq!(closed, 3, "each link once");
}

#[tokio::test]
async fn who_came_for_a_visit_that_is_put_off_says_anew_who_and_where_they_are_and_may_come_in_another_browser() {
    let clinic = clinic();
    let link = clinic.guests.invite(patient("v1")).await.unwrap();
    let (browser, other) = (clinic.guests.binding().unwrap(), clinic.guests.binding().unwrap());
    let come = async |browser: &Secret| {
        clinic.guests.open(&link, browser).await.unwrap();
        clinic.guests.check(&link, browser, "1968-07-14", &Second::PatientId("MR-004718")).await.unwrap();
        clinic.guests.agree(&link, browser, consent::VERSION, Language::En).await.unwrap();
    };
    come(&browser).await;
    // A quarter of an hour later it is the same visit.
    let soon = START + 15 * MINUTE_MS;
    clinic.guests.move_to("v1", 2, soon, soon + 20 * MINUTE_MS).await.unwrap();
    assert!(clinic.guests.entry(&link, &browser).await.is_ok());
    assert!(clinic.guests.open_for_ms(&link).unwrap().is_some_and(|left| left > 0));

    let later = START + 24 * 60 * MINUTE_MS;
    clinic.guests.move_to("v1", 2, later, later + 20 * MINUTE_MS).await.unwrap();
    clinic.now.store(later, Ordering::SeqCst);
    let known = clinic.guests.open(&link, &other).await.unwrap();
    assert!(known.is_to_check && known.is_to_agree);
    assert!(matches!(clinic.guests.entry(&link, &other).await, Err(GuestError::Unchecked)));
    assert!(clinic.guests.open(&link, &browser).await.is_err(), "it is the other's now");
    come(&other).await;
    assert!(clinic.guests.entry(&link, &other).await.is_ok());
    clinic.guests.revoke_all("v1", 9).await.unwrap();
    assert_eq!(clinic.guests.open_for_ms(&link).unwrap(), None);
}

#[tokio::test]
async fn who_signed_in_to_a_visit_that_is_put_off_comes_in_anew() {
    let clinic = clinic();
    let new = SignedIn {
        visit: "v1",
        purpose: Purpose::Patient,
        label: "The patient",
        start_ms: START,
        end_ms: START + 20 * MINUTE_MS,
        account: "user-1",
    };
    let (link, binding, _) = clinic.guests.welcome(new).await.unwrap();
    let later = START + 24 * 60 * MINUTE_MS;
    clinic.guests.move_to("v1", 2, later, later + 20 * MINUTE_MS).await.unwrap();
    clinic.now.store(later, Ordering::SeqCst);
    assert!(clinic.guests.open(&link, &binding).await.is_err());
}

#[test]
fn two_people_at_one_browser_have_places_of_their_own() {
    let invite = |person: &str, role| Invite { person: person.into(), role, label: "x".into() };
    let places = [
        place_of("v1", &invite("user-1", Role::Clinician)),
        place_of("v1", &invite("user-2", Role::Clinician)),
        place_of("v1", &invite("user-1", Role::Patient)),
        place_of("v2", &invite("user-1", Role::Clinician)),
    ];
    let different: std::collections::BTreeSet<_> = places.iter().collect();
    assert_eq!(different.len(), places.len());
    assert!(places.iter().all(|place| !place.contains("user")));
    assert_eq!(places[0], place_of("v1", &invite("user-1", Role::Clinician)), "the same after a page is loaded anew");
}
