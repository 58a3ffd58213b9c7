//! What should be found, loud and quiet. Some are as quiet as the rules let them be, and are missed: recall says so.

use access::{Role, Traits};
use audit::Action;
use compliance::Rule;

use super::clinic::{CLINIC, DAY_MS, Dice, HOUR_MS, Look, MINUTE_MS, MONDAY_MS, Story, Teller, staff};

const ABROAD: &str = "198.51.100.66";
const LOGINS: [&str; 8] = ["reyes", "silva", "nowak", "tanaka", "kim", "lopez", "adams", "odera"];

pub fn stories() -> Vec<Story> {
    let mut stories = Vec::new();
    let mut tell = |name: &str, tell: &dyn Fn(&mut Teller)| {
        let mut teller = Teller::of(name);
        tell(&mut teller);
        stories.push(teller.story());
    };
    sign_ins(&mut tell);
    measures(&mut tell);
    places(&mut tell);
    volume(&mut tell);
    curiosity(&mut tell);
    hours(&mut tell);
    acts(&mut tell);
    stories
}

type Tell<'a> = &'a mut dyn FnMut(&str, &dyn Fn(&mut Teller));

fn ten_ms() -> u64 {
    MONDAY_MS + 10 * HOUR_MS
}

fn sign_ins(tell: Tell<'_>) {
    tell("one account is guessed at", &|t| {
        t.hostile(&[Rule::FailedSignIns]);
        for at in 0..40 {
            t.failed(ten_ms() + at * 5_000, staff("nowak", Role::Nurse).from(ABROAD, None, ""));
        }
    });
    tell("guesses from many addresses, as slow as the delay allows, and one is right", &|t| {
        let places = ["198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4", "198.51.100.5", "198.51.100.6"];
        t.hostile(&[Rule::FailedSignIns]);
        for (at, place) in (0..).zip(places) {
            t.failed(ten_ms() + at * 2 * MINUTE_MS, staff("reyes", Role::Physician).from(place, None, ""));
        }
        t.act(ten_ms() + 13 * MINUTE_MS, staff("reyes", Role::Physician), Action::SignIn, None);
    });
    tell("one password for every account", &|t| {
        t.hostile(&[Rule::SprayedSignIns]);
        for (at, login) in (0..).zip(LOGINS) {
            t.failed(ten_ms() + at * MINUTE_MS, staff(login, Role::Nurse).from(ABROAD, Some(b"US"), ""));
        }
    });
    tell("the same within one IPv6 network", &|t| {
        let places = ["2001:db8:7::1", "2001:db8:7::a:2", "2001:db8:7::b:3", "2001:db8:7::c:4", "2001:db8:7::d:5"];
        t.hostile(&[Rule::SprayedSignIns]);
        for (at, (login, place)) in (0..).zip(LOGINS.into_iter().zip(places)) {
            t.failed(ten_ms() + at * MINUTE_MS, staff(login, Role::Nurse).from(place, Some(b"US"), ""));
        }
    });
    tell("a burst of requests without a token", &|t| {
        t.hostile(&[Rule::Noise]);
        for at in 0..3 {
            t.noise(ten_ms() + at * MINUTE_MS, ABROAD, 4_000);
        }
    });
    tell("the same from a hundred addresses", &|t| {
        t.hostile(&[Rule::Noise]);
        for at in 0..100u64 {
            let place: &'static str = Box::leak(format!("198.51.100.{}", at + 1).into_boxed_str());
            t.noise(ten_ms() + at * 1_000, place, 50);
        }
    });
}

/// The same deeds in other measures, made from a seed: from what no limit tells to what none overlooks.
fn measures(tell: Tell<'_>) {
    for seed in 0..25 {
        let dice = || Dice::of(9_000 + seed);
        tell(&format!("guesses ({seed})"), &|t| {
            let mut dice = dice();
            let (tries, pause_ms) = (4 + dice.below(40), 5_000 + dice.below(4 * MINUTE_MS));
            t.hostile(&[Rule::FailedSignIns]);
            for at in 0..tries {
                t.failed(ten_ms() + at * pause_ms, staff("nowak", Role::Nurse).from(ABROAD, None, ""));
            }
        });
        tell(&format!("one password for many ({seed})"), &|t| {
            let mut dice = dice();
            let (accounts, pause_ms) = (3 + dice.below(6), 10_000 + dice.below(10 * MINUTE_MS));
            t.hostile(&[Rule::SprayedSignIns]);
            for (at, login) in (0..accounts).zip(LOGINS) {
                t.failed(ten_ms() + at * pause_ms, staff(login, Role::Nurse).from(ABROAD, None, ""));
            }
        });
        tell(&format!("charts beyond the job ({seed})"), &|t| {
            let mut dice = dice();
            let (charts, pause_ms) = (30 + dice.below(200), 10_000 + dice.below(3 * MINUTE_MS));
            t.hostile(&[Rule::LargeReads]);
            for at in 0..charts {
                t.look(
                    MONDAY_MS + 8 * HOUR_MS + at * pause_ms,
                    staff("reyes", Role::Physician),
                    Look::stranger(6_000 + at),
                );
            }
        });
        tell(&format!("the front desk at night ({seed})"), &|t| {
            let mut dice = dice();
            let night_ms = MONDAY_MS + dice.below(5) * DAY_MS + (19 + dice.below(10)) * HOUR_MS;
            t.hostile(&[Rule::AfterHours]);
            for at in 0..1 + dice.below(5) {
                t.look(night_ms + at * MINUTE_MS, staff("kim", Role::FrontDesk), Look::stranger(40 + at));
            }
        });
    }
}

fn places(tell: Tell<'_>) {
    for (name, country) in [("a stolen password used abroad", b"BR"), ("a stolen token used abroad", b"RO")] {
        tell(name, &|t| {
            let who = staff("kim", Role::FrontDesk);
            t.act(ten_ms(), who, Action::SignIn, None);
            t.hostile(&[Rule::NewCountry]);
            let thief = who.from(ABROAD, Some(country), "9");
            t.look(ten_ms() + DAY_MS, thief, Look { kind: "Patient", ..Look::stranger(300) });
        });
    }
    tell("a country tried in vain first", &|t| {
        // Failures teach no place: the success afterwards is still new.
        let who = staff("lopez", Role::Billing);
        t.act(ten_ms(), who, Action::SignIn, None);
        t.failed(ten_ms() + HOUR_MS, who.from(ABROAD, Some(b"VN"), ""));
        t.hostile(&[Rule::NewCountry]);
        t.act(ten_ms() + 2 * HOUR_MS, who.from(ABROAD, Some(b"VN"), "9"), Action::SignIn, None);
    });
    tell("an address of no known country, again and again", &|t| {
        let who = staff("lopez", Role::Billing).from("192.0.2.200", None, "5");
        t.act(ten_ms(), who, Action::SignIn, None);
        t.hostile(&[Rule::UnknownCountry]);
        t.act(ten_ms() + DAY_MS, who.from("192.0.2.201", None, "6"), Action::SignIn, None);
    });
}

fn volume(tell: Tell<'_>) {
    tell("charts opened one after the other", &|t| {
        t.hostile(&[Rule::LargeReads]);
        for at in 0..100 {
            t.look(ten_ms() + at * 20_000, staff("reyes", Role::Physician), Look::read(2_000 + at));
        }
    });
    tell("few charts, every row", &|t| {
        t.hostile(&[Rule::LargeReads]);
        let all = |chart| Look { rows: 900, ..Look::stranger(chart) };
        for at in 0..12 {
            t.look(ten_ms() + at * MINUTE_MS, staff("lopez", Role::Billing), all(3_000 + at));
        }
    });
    tell("below the hour's limit for a whole day", &|t| {
        t.hostile(&[Rule::LargeReads]);
        let start_ms = MONDAY_MS + 8 * HOUR_MS;
        for at in 0..190 {
            t.look(start_ms + at * 3 * MINUTE_MS, staff("nowak", Role::Nurse), Look::read(at + 100));
        }
    });
    tell("forty charts a day for a week, below every limit", &|t| {
        t.hostile(&[Rule::LargeReads]);
        for at in 0..200 {
            let time_ms = ten_ms() + at / 40 * DAY_MS + at % 40 * 5 * MINUTE_MS;
            t.look(time_ms, staff("reyes", Role::Physician), Look::stranger(4_000 + at));
        }
    });
    let export = |count| Look {
        action: Action::Export,
        asked: access::Action::Export,
        rows: 0,
        count: Some(count),
        ..Look::stranger(0)
    };
    tell("an export beyond the role's limit", &|t| {
        t.hostile(&[Rule::LargeExports]);
        t.look(ten_ms(), staff("kim", Role::FrontDesk), export(9_000));
    });
    tell("an export in pieces", &|t| {
        t.hostile(&[Rule::LargeExports]);
        for at in 0..12 {
            t.look(ten_ms() + at * HOUR_MS / 2, staff("reyes", Role::Physician), export(450));
        }
    });
    tell("whole charts, one by one", &|t| {
        t.hostile(&[Rule::LargeExports, Rule::LargeReads]);
        let whole = |chart| Look {
            action: Action::Everything,
            asked: access::Action::Everything,
            rows: 400,
            ..Look::read(chart)
        };
        for at in 0..15 {
            t.look(ten_ms() + at * MINUTE_MS, staff("reyes", Role::Physician), whole(500 + at));
        }
    });
}

fn curiosity(tell: Tell<'_>) {
    tell("a nurse looks at her sister", &|t| {
        t.hostile(&[Rule::SameName]);
        t.look(ten_ms(), staff("nowak", Role::Nurse), Look::stranger(61).of(Traits::SAME_NAME));
    });
    tell("billing looks at a namesake's notes by searching in the chart", &|t| {
        t.hostile(&[Rule::SameName]);
        let inside = Look { action: Action::Search, asked: access::Action::Search, ..Look::stranger(62) };
        t.look(ten_ms(), staff("lopez", Role::Billing), inside.of(Traits::SAME_NAME));
    });
    tell("a physician looks at a colleague", &|t| {
        t.hostile(&[Rule::CoWorker]);
        t.look(ten_ms(), staff("reyes", Role::Physician), Look::stranger(63).of(Traits::EMPLOYEE));
    });
    tell("a denied try at a colleague's chart", &|t| {
        t.hostile(&[Rule::CoWorker]);
        t.look(
            ten_ms(),
            staff("kim", Role::FrontDesk),
            Look { allowed: false, ..Look::stranger(64).of(Traits::EMPLOYEE) },
        );
    });
    tell("the history of a colleague's chart", &|t| {
        t.hostile(&[Rule::CoWorker]);
        let history = Look { action: Action::History, asked: access::Action::HistoryInstance, ..Look::stranger(65) };
        t.look(ten_ms(), staff("tanaka", Role::MedicalAssistant), history.of(Traits::EMPLOYEE));
    });
    tell("a colleague who was a patient once: still on the care team", &|t| {
        t.hostile(&[Rule::CoWorker]);
        t.look(ten_ms(), staff("silva", Role::Psychiatrist), Look::read(66).of(Traits::EMPLOYEE));
    });
    tell("everybody looks at the singer", &|t| {
        t.hostile(&[Rule::Vip]);
        for (at, login) in (0..).zip(["nowak", "tanaka", "lopez"]) {
            t.look(ten_ms() + at * MINUTE_MS, staff(login, Role::Nurse), Look::stranger(67).of(Traits::VIP));
        }
    });
    tell("the singer's chart, with the glass broken", &|t| {
        t.hostile(&[Rule::Vip, Rule::BreakGlass]);
        let broken = Look { action: Action::BreakGlass, asked: access::Action::BreakGlass, ..Look::stranger(68) };
        t.look(ten_ms(), staff("reyes", Role::Physician), broken.of(Traits::VIP));
    });
}

fn hours(tell: Tell<'_>) {
    tell("the front desk at two in the morning", &|t| {
        t.hostile(&[Rule::AfterHours]);
        let night_ms = MONDAY_MS + DAY_MS + 2 * HOUR_MS;
        for at in 0..4 {
            t.look(night_ms + at * MINUTE_MS, staff("kim", Role::FrontDesk), Look::stranger(40 + at));
        }
    });
    tell("a physician at night, at charts of nobody's concern", &|t| {
        t.hostile(&[Rule::AfterHours]);
        let night_ms = MONDAY_MS + DAY_MS + 3 * HOUR_MS;
        for at in 0..2 {
            t.look(night_ms + at * MINUTE_MS, staff("reyes", Role::Physician), Look::stranger(50 + at));
        }
    });
    tell("a nurse at night, through the whole list of patients", &|t| {
        t.hostile(&[Rule::AfterHours]);
        let sunday_ms = MONDAY_MS + 6 * DAY_MS + 11 * HOUR_MS;
        for at in 0..25 {
            t.look(sunday_ms + at * 2 * MINUTE_MS, staff("nowak", Role::Nurse), Look::read(70 + at));
        }
    });
    tell("a nurse at night, at one old patient", &|t| {
        // Looks like care, and only the patient knows better.
        t.hostile(&[Rule::AfterHours]);
        t.look(MONDAY_MS + DAY_MS + 2 * HOUR_MS, staff("nowak", Role::Nurse), Look::read(99));
    });
}

fn acts(tell: Tell<'_>) {
    tell("the glass, broken twice for one chart", &|t| {
        t.hostile(&[Rule::BreakGlass]);
        let broken = Look { action: Action::BreakGlass, asked: access::Action::BreakGlass, ..Look::stranger(71) };
        t.look(ten_ms(), staff("reyes", Role::Physician), broken);
        t.look(ten_ms() + 2 * HOUR_MS, staff("reyes", Role::Physician), broken);
    });
    tell("a copied cookie", &|t| {
        t.hostile(&[Rule::CookieReplay]);
        let thief = staff("kim", Role::FrontDesk).from(ABROAD, Some(b"BR"), "1");
        t.act(ten_ms(), thief, Action::CookieReplay, Some("session 1"));
    });
    tell("roles: powerful, oneself, by an operator, unreadable", &|t| {
        t.hostile(&[Rule::RoleGrant]);
        let admin = staff("adams", Role::Admin).from(CLINIC, None, "1");
        t.act(ten_ms(), admin, Action::RoleChange, Some("user 9: nurse -> nurse,admin until 1795348800000: a favour"));
        t.act(ten_ms() + 1, admin, Action::RoleChange, Some("user 9: none -> privacy_officer: a favour"));
        t.act(ten_ms() + 2, admin, Action::RoleChange, Some("something else"));
    });
    tell("a role for oneself", &|t| {
        t.hostile(&[Rule::RoleGrant]);
        t.denied(ten_ms(), staff("adams", Role::Admin), Action::RoleChange, "user 1: privacy_officer by oneself");
    });
    tell("the log does not verify", &|t| {
        t.hostile(&[Rule::LogVerification]);
        t.command(ten_ms(), "system", Action::Verify, true);
    });
    tell("a document that somebody exchanged", &|t| {
        t.hostile(&[Rule::DocumentDamaged]);
        t.damaged(ten_ms(), staff("reyes", Role::Physician), 7);
    });
    tell("a restore nobody planned", &|t| {
        t.hostile(&[Rule::OperatorCommand]);
        t.command(ten_ms(), "mallory", Action::Restore, false);
    });
}
