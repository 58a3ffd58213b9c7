//! What ordinary days hold: work, forgotten passwords, travels, night duty, and the odd day that looks like more than it is.

use access::{Relations, Role, Traits};
use audit::Action;

use super::clinic::{CLINIC, DAY_MS, Dice, HOME, HOUR_MS, Look, MINUTE_MS, MONDAY_MS, Story, Teller, staff};

pub fn stories() -> Vec<Story> {
    let mut stories: Vec<Story> = (0..10).map(week).collect();
    stories.extend(odd_days());
    stories
}

/// Role, charts on a day, rows of a look.
const JOBS: [(&str, Role, u64, u64); 7] = [
    ("reyes", Role::Physician, 22, 6),
    ("silva", Role::Psychiatrist, 10, 8),
    ("nowak", Role::Nurse, 34, 4),
    ("tanaka", Role::MedicalAssistant, 38, 3),
    ("kim", Role::FrontDesk, 90, 1),
    ("lopez", Role::Billing, 55, 4),
    ("api", Role::Integration, 400, 5),
];

/// Five days of everybody, made from a seed.
fn week(seed: u64) -> Story {
    let mut dice = Dice::of(seed);
    let mut teller = Teller::of(format!("an ordinary week ({seed})"));
    for day in 0..5 {
        let morning_ms = MONDAY_MS + day * DAY_MS + 8 * HOUR_MS;
        for (login, role, charts, rows) in JOBS {
            let who = staff(login, role);
            let mut time_ms = morning_ms + dice.below(20) * MINUTE_MS;
            if role != Role::Integration {
                for _ in 0..dice.below(12).saturating_sub(9) {
                    teller.failed(time_ms, who);
                    time_ms += 20_000;
                }
                teller.act(time_ms, who, Action::SignIn, None);
            }
            let charts = charts * 3 / 4 + dice.below(charts / 2 + 1);
            let pause_ms = 9 * HOUR_MS / charts;
            for _ in 0..charts {
                let chart = 1_000 + dice.below(2_000);
                // Most patients are one's own; desk and billing treat nobody.
                let treats = !matches!(role, Role::FrontDesk | Role::Billing | Role::Integration);
                let look = if treats { Look::read(chart) } else { Look::stranger(chart) };
                let kind = if role == Role::FrontDesk { "Patient" } else { "Observation" };
                let rows = 1 + dice.below(rows * 2);
                // One patient in 200 shares the name of who works with them.
                let traits = if dice.below(200) == 0 && treats { Traits::SAME_NAME } else { Traits::NONE };
                teller.look(time_ms, who, Look { rows, kind, ..look }.of(traits));
                time_ms += pause_ms * 3 / 4 + dice.below(pause_ms / 4);
            }
            // Home in the evening, to look at one's own roster.
            if dice.below(4) == 0 && role != Role::Integration {
                let home = who.from(HOME, Some(b"US"), "2");
                teller.act(morning_ms + 12 * HOUR_MS, home, Action::SignIn, None);
            }
        }
    }
    teller.story()
}

fn odd_days() -> Vec<Story> {
    let ten_ms = MONDAY_MS + 10 * HOUR_MS;
    let mut stories = Vec::new();
    let mut tell = |name: &str, tell: &dyn Fn(&mut Teller)| {
        let mut teller = Teller::of(name);
        tell(&mut teller);
        stories.push(teller.story());
    };
    tell("a password forgotten over the holidays, and reset", &|t| {
        let nurse = staff("nowak", Role::Nurse);
        for at in 0..7 {
            t.failed(ten_ms + at * 30_000, nurse);
        }
    });
    tell("two people behind one router mistype", &|t| {
        for (at, login) in ["kim", "lopez"].into_iter().enumerate() {
            let who = staff(login, Role::FrontDesk);
            t.failed(ten_ms + at as u64 * MINUTE_MS, who).act(ten_ms + 5 * MINUTE_MS, who, Action::SignIn, None);
        }
    });
    tell("a conference abroad", &|t| {
        let physician = staff("reyes", Role::Physician);
        t.act(ten_ms, physician, Action::SignIn, None);
        t.act(ten_ms + 5 * DAY_MS, physician.from("198.51.100.7", Some(b"PT"), "2"), Action::SignIn, None);
        t.act(ten_ms + 6 * DAY_MS, physician.from("198.51.100.8", Some(b"PT"), "3"), Action::SignIn, None);
        t.act(ten_ms + 9 * DAY_MS, physician, Action::SignIn, None);
    });
    tell("a telephone network that the table does not know", &|t| {
        let physician = staff("reyes", Role::Physician);
        t.act(ten_ms, physician, Action::SignIn, None);
        t.act(ten_ms + HOUR_MS, physician.from("192.0.2.44", None, "2"), Action::SignIn, None);
    });
    tell("a patient who always comes from the same country", &|t| {
        let patient = staff("ana", Role::Patient);
        for day in 0..20 {
            t.act(ten_ms + day * DAY_MS, patient.from(HOME, Some(b"US"), "3"), Action::SignIn, None);
        }
    });
    tell("vaccination day", &|t| {
        let nurse = staff("nowak", Role::Nurse);
        for at in 0..70 {
            t.look(ten_ms + at * 45_000, nurse, Look::read(5_000 + at));
        }
    });
    tell("one patient with a thick chart", &|t| {
        let physician = staff("reyes", Role::Physician);
        for at in 0..30 {
            t.look(ten_ms + at * MINUTE_MS, physician, Look { rows: 100, ..Look::read(77) });
        }
    });
    tell("a patient takes their own chart home", &|t| {
        let patient = staff("ana", Role::Patient).from(HOME, Some(b"US"), "3");
        let whole = Look {
            action: Action::Everything,
            asked: access::Action::Everything,
            rows: 900,
            relations: Relations::SELF_CHART,
            ..Look::read(77)
        };
        t.look(ten_ms, patient, whole).look(ten_ms + HOUR_MS, patient, whole);
    });
    tell("the month's claims go to the clearing house twice", &|t| {
        let billing = staff("lopez", Role::Billing);
        let claims = Look {
            action: Action::Export,
            asked: access::Action::Export,
            rows: 0,
            count: Some(3_000),
            ..Look::stranger(0)
        };
        t.look(ten_ms, billing, claims).look(ten_ms + 2 * HOUR_MS, billing, claims);
    });
    tell("a physician's own patient is a co-worker, of public interest and of the same name", &|t| {
        let own = Look::read(81).of(Traits::VIP).of(Traits::EMPLOYEE).of(Traits::SAME_NAME);
        for at in 0..5 {
            t.look(ten_ms + at * DAY_MS, staff("reyes", Role::Physician), own);
        }
    });
    tell("the front desk searches for a name and takes in one of public interest", &|t| {
        let desk = staff("kim", Role::FrontDesk);
        let found =
            Look { action: Action::Search, asked: access::Action::Search, kind: "Patient", ..Look::stranger(0) };
        t.look(ten_ms, desk, found.of(Traits::VIP).of(Traits::SAME_NAME));
        t.look(ten_ms + MINUTE_MS, desk, Look { kind: "Patient", ..Look::stranger(82).of(Traits::VIP) });
    });
    tell("the front desk takes in a co-worker with an appointment", &|t| {
        t.look(
            ten_ms,
            staff("kim", Role::FrontDesk),
            Look { kind: "Patient", ..Look::stranger(83).of(Traits::EMPLOYEE) },
        );
    });
    tell("a namesake who is nobody's relative", &|t| {
        t.look(
            ten_ms,
            staff("lopez", Role::Billing),
            Look { kind: "Claim", ..Look::stranger(84).of(Traits::SAME_NAME) },
        );
    });
    tell("night duty", &|t| {
        let (physician, nurse) = (staff("reyes", Role::Physician), staff("nowak", Role::Nurse));
        for at in 0..9 {
            t.look(MONDAY_MS + 20 * HOUR_MS + at * HOUR_MS, physician, Look::read(600 + at));
            let first_met = Look { relations: Relations::UNASSIGNED, ..Look::read(700 + at) };
            t.look(MONDAY_MS + 21 * HOUR_MS + at * HOUR_MS / 2, nurse, first_met);
        }
    });
    tell("billing stays late at the end of the month", &|t| {
        for at in 0..3 {
            t.look(MONDAY_MS + 18 * HOUR_MS + at * MINUTE_MS, staff("lopez", Role::Billing), Look::stranger(90 + at));
        }
    });
    tell("a role ends, and a patient gets an account", &|t| {
        let admin = staff("adams", Role::Admin);
        t.act(ten_ms, admin, Action::RoleChange, Some("user 7: nurse,billing -> nurse: back on the ward"));
        t.act(ten_ms + 1, admin, Action::RoleChange, Some("user 70: none -> patient: asked at the desk"));
    });
    tell("the log verifies and a backup is made by itself", &|t| {
        t.command(ten_ms, "system", Action::Verify, false).command(ten_ms + 1, "system", Action::Backup, false);
    });
    tell("a monitor without a token", &|t| {
        for at in 0..60 {
            t.noise(ten_ms + at * MINUTE_MS, CLINIC, 12);
        }
    });
    tell("a phone with an old token tries all night", &|t| {
        for at in 0..30 {
            t.noise(ten_ms + at * MINUTE_MS, "203.0.113.80", 40);
        }
    });
    stories
}
