//! What waits for somebody in the demo clinic: fresh laboratory reports, messages, refill requests and tasks; and the trail of who
//! looked at the reports of before.
//!
//! It comes last in a chart, so that everything before it is drawn as it always was.

use std::fmt::Display;

use super::chart::Chart;
use super::day::Moment;
use super::drugs::{BICTEGRAVIR, BUPRENORPHINE_NALOXONE, Med, NALTREXONE};
use super::labs::{self, Panel, Test};
use super::observe::{self, Fixed};
use super::staff::{self, FAMILY_DOCTOR, INTERNIST, NURSE_FIRST, PEDIATRICIAN, StaffRef};
use super::terms::{self, Coding, coding, interpretation, observation_category, sct, v2_0074};
use super::writer::Writer;
use super::{US_CORE, Urn, forms};

const TASK: &str = "urn:wardstone:task";
const ACKNOWLEDGED: Coding = coding(TASK, "acknowledge-result", "Result acknowledged");
const FOLLOW_UP: Coding = coding(TASK, "follow-up", "Follow-up");
const REFILL: Coding = coding(TASK, "refill-request", "Refill request");
const HOUR: i32 = 60;
const DAY: i32 = 24 * HOUR;
/// Reports of before were looked at so many minutes later.
const LOOKED_AT_AFTER: i32 = 20 * HOUR;

/// A report that was written into the chart.
pub(super) struct Reported {
    pub(super) urn: Urn,
    pub(super) issued: Moment,
    pub(super) code: Coding,
    pub(super) name: &'static str,
    pub(super) doctor: usize,
}

/// A report that came in lately.
struct Fresh {
    patient: u32,
    panel: &'static Panel,
    /// One value that is not what the body would give, and its flag.
    odd: Option<(&'static Test, f64, &'static str)>,
    ago: i32,
    /// None: nobody asked for it by name.
    doctor: Option<usize>,
    status: &'static str,
}

static FRESH: [Fresh; 13] = [
    fresh(1, &labs::BMP, Some((&labs::POTASSIUM, 6.4, "HH")), HOUR, Some(FAMILY_DOCTOR)),
    fresh(2, &labs::CBC, Some((&labs::HEMOGLOBIN, 6.8, "LL")), 6 * HOUR, Some(FAMILY_DOCTOR)),
    fresh(3, &labs::A1C_PANEL, None, 26 * HOUR, Some(FAMILY_DOCTOR)),
    fresh(4, &labs::URINE_ALBUMIN, Some((&labs::ALBUMIN_CREATININE, 142.0, "H")), 2 * DAY, Some(FAMILY_DOCTOR)),
    fresh(5, &labs::THYROID, Some((&labs::TSH, 9.84, "H")), 3 * DAY, Some(FAMILY_DOCTOR)),
    fresh(6, &labs::BMP, None, 20 * HOUR, Some(FAMILY_DOCTOR)),
    fresh(7, &labs::BMP, Some((&labs::SODIUM, 119.0, "LL")), 2 * HOUR, Some(INTERNIST)),
    fresh(8, &labs::LIVER, Some((&labs::ALT, 212.0, "H")), 9 * DAY, Some(INTERNIST)),
    fresh(9, &labs::CBC, Some((&labs::PLATELETS, 92.0, "L")), 5 * HOUR, None),
    Fresh { status: "amended", ..fresh(10, &labs::CBC, Some((&labs::WBC, 13.4, "H")), 7 * HOUR, Some(FAMILY_DOCTOR)) },
    fresh(11, &labs::THYROID, None, 8 * DAY, Some(FAMILY_DOCTOR)),
    fresh(13, &labs::A1C_PANEL, None, 5 * DAY, Some(INTERNIST)),
    fresh(15, &labs::CBC, Some((&labs::HEMOGLOBIN, 9.4, "L")), 4 * HOUR, Some(PEDIATRICIAN)),
];

const fn fresh(
    patient: u32,
    panel: &'static Panel,
    odd: Option<(&'static Test, f64, &'static str)>,
    ago: i32,
    doctor: Option<usize>,
) -> Fresh {
    Fresh { patient, panel, odd, ago, doctor, status: "final" }
}

enum To {
    Staff(usize),
    Clinic,
}

/// Patient, whom it is written to, from a colleague or the patient, how long ago, and the text.
static MESSAGES: [(u32, To, Option<usize>, i32, &str); 6] = [
    (
        2,
        To::Staff(FAMILY_DOCTOR),
        None,
        3 * HOUR,
        "I have been short of breath on the stairs since Sunday. Should I come in, or can it wait for my visit?",
    ),
    (4, To::Clinic, None, 5 * HOUR, "Is it all right to take ibuprofen for my back with the tablets I have now?"),
    (
        5,
        To::Staff(FAMILY_DOCTOR),
        None,
        DAY,
        "The new dose makes me dizzy in the morning. My readings at home were 104/62 and 108/60.",
    ),
    (
        7,
        To::Staff(INTERNIST),
        None,
        30 * HOUR,
        "Could you send the letter for my employer again? The first one did not arrive.",
    ),
    (9, To::Clinic, None, 2 * DAY, "Please tell me whether my blood test of last week is ready."),
    (
        6,
        To::Staff(FAMILY_DOCTOR),
        Some(INTERNIST),
        4 * HOUR,
        "I saw this patient for you yesterday. The rash is gone; I stopped the cream. Could you look at the foot at the next visit?",
    ),
];

struct Todo {
    patient: u32,
    code: Coding,
    owner: Option<usize>,
    /// None: the patient.
    requester: Option<usize>,
    ago: i32,
    /// In days from today.
    due: i32,
    /// Empty: a refill of what they take.
    words: &'static str,
}

const fn todo(patient: u32, code: Coding, owner: Option<usize>, requester: Option<usize>, ago: i32, due: i32) -> Todo {
    Todo { patient, code, owner, requester, ago, due, words: "" }
}

const fn follow(patient: u32, owner: Option<usize>, requester: usize, ago: i32, due: i32, words: &'static str) -> Todo {
    Todo { words, ..todo(patient, FOLLOW_UP, owner, Some(requester), ago, due) }
}

static TASKS: [Todo; 7] = [
    todo(3, REFILL, Some(FAMILY_DOCTOR), None, 6 * HOUR, 2),
    todo(8, REFILL, None, None, DAY, 1),
    todo(13, REFILL, Some(INTERNIST), None, 2 * HOUR, 3),
    follow(1, Some(NURSE_FIRST), FAMILY_DOCTOR, 20 * HOUR, 0, "Call: how are the home blood pressure readings?"),
    follow(6, Some(FAMILY_DOCTOR), INTERNIST, 3 * DAY, -1, "Look at the foot photograph and decide on a referral"),
    follow(10, None, FAMILY_DOCTOR, DAY, 4, "Book a repeat blood count in two weeks"),
    follow(14, Some(NURSE_FIRST), INTERNIST, 2 * DAY, 2, "Show how to use the new inhaler, by video"),
];

pub(super) fn add(chart: &mut Chart<'_>) {
    trail(chart);
    if chart.p.death.is_some() {
        return;
    }
    let number = chart.p.number;
    FRESH.iter().filter(|fresh| fresh.patient == number).for_each(|fresh| report(chart, fresh));
    for (_, to, from, ago, words) in MESSAGES.iter().filter(|message| message.0 == number) {
        message(chart, to, *from, *ago, words);
    }
    TASKS.iter().filter(|one| one.patient == number).for_each(|one| task(chart, one));
    if number <= FORMS_UNTIL {
        let (asked, answered) = (at(chart, 3 * DAY), at(chart, DAY));
        forms::ask(chart, asked, answered, number as usize % 3);
    }
}

/// Patients of the first days are asked to fill in forms before they come.
const FORMS_UNTIL: u32 = 18;

/// Who looked at what was reported before.
fn trail(chart: &mut Chart<'_>) {
    let end = at(chart, 0);
    for reported in std::mem::take(&mut chart.reports) {
        let subject = chart.subject;
        let when = reported.issued.later(LOOKED_AT_AFTER).min(end);
        let when = chart.p.death.map_or(when, |death| when.min(death));
        let urn = Urn::draw(&mut chart.rng);
        let id = format!("ack.{}.1", reported.urn.id());
        super::entry_as(&mut chart.w, urn, "Task", &id, |w| {
            w.text("status", "completed");
            w.text("intent", "order");
            w.concept("code", &[ACKNOWLEDGED], ACKNOWLEDGED.display);
            w.reference("focus", reported.urn);
            w.reference("for", subject);
            w.plain("authoredOn", when);
            w.plain("lastModified", when);
            w.reference("requester", StaffRef(reported.doctor));
            w.reference("owner", StaffRef(reported.doctor));
            // The reason bears the code of the result, and with it what is sensitive about it.
            w.concept("reasonCode", &[reported.code], reported.name);
        });
    }
}

fn at(chart: &Chart<'_>, ago: i32) -> Moment {
    chart.today.at(0, 0).later(chart.now - ago)
}

fn report(chart: &mut Chart<'_>, fresh: &Fresh) {
    let issued = at(chart, fresh.ago);
    let drawn = issued.later(-5 * HOUR);
    let (subject, p) = (chart.subject, chart.p);
    let mut reading = chart.body.read(p, drawn.day, 0.0, &mut chart.rng);
    // What is made of it follows: blood of little hemoglobin has few cells.
    if let Some((measure, value)) = fresh.odd.and_then(|(test, value, _)| Some((observe::measured(test)?, value))) {
        reading.set(measure, value);
    }
    let age = drawn.day.age(p.birth);
    let order = fresh.doctor.map(|doctor| {
        chart.add("ServiceRequest", |w| {
            w.profile(&format!("{US_CORE}us-core-servicerequest"));
            w.text("status", "completed");
            w.text("intent", "order");
            w.concepts("category", &sct("108252007", "Laboratory procedure"));
            w.concept("code", &[fresh.panel.code], fresh.panel.name);
            w.reference("subject", subject);
            w.plain("occurrenceDateTime", drawn);
            w.plain("authoredOn", drawn.later(-HOUR));
            w.reference("requester", StaffRef(doctor));
        })
    });
    let mut results = Vec::with_capacity(fresh.panel.tests.len());
    for test in fresh.panel.tests {
        let odd = fresh.odd.filter(|(of, ..)| std::ptr::eq(*of, *test));
        let value = odd.map_or_else(|| observe::value_of(test, &reading, p.female, age), |(_, value, _)| value);
        let flag = match odd.map(|(.., flag)| flag) {
            Some("HH") => interpretation("HH", "Critical high"),
            Some("LL") => interpretation("LL", "Critical low"),
            _ => observe::flag(test, value),
        };
        results.push(chart.add("Observation", |w| {
            w.profile(&format!("{US_CORE}us-core-observation-lab"));
            if let Some(order) = order {
                w.references("basedOn", &[order]);
            }
            w.text("status", "final");
            w.concepts("category", &observation_category("laboratory", "Laboratory"));
            w.concept("code", &[test.code], test.name);
            w.reference("subject", subject);
            w.plain("effectiveDateTime", drawn);
            w.plain("issued", issued);
            w.references("performer", &[staff::organization_ref(staff::CLINIC_ID)]);
            w.quantity("valueQuantity", Fixed(value, test.decimals), test.unit.0, test.unit.1);
            w.concepts("interpretation", &flag);
            observe::range(w, test);
        }));
    }
    chart.add("DiagnosticReport", |w| {
        w.profile(&format!("{US_CORE}us-core-diagnosticreport-lab"));
        if let Some(order) = order {
            w.references("basedOn", &[order]);
        }
        w.text("status", fresh.status);
        w.concepts("category", &v2_0074("LAB", "Laboratory"));
        w.concept("code", &[fresh.panel.code], fresh.panel.name);
        w.reference("subject", subject);
        w.plain("effectiveDateTime", drawn);
        w.plain("issued", issued);
        w.references("performer", &[staff::organization_ref(staff::CLINIC_ID)]);
        w.references("result", &results);
    });
}

fn message(chart: &mut Chart<'_>, to: &To, from: Option<usize>, ago: i32, words: &str) {
    let (subject, sent) = (chart.subject, at(chart, ago));
    chart.add("Communication", |w| {
        w.text("status", "completed");
        w.reference("subject", subject);
        w.plain("sent", sent);
        match to {
            To::Staff(to) => w.references("recipient", &[StaffRef(*to)]),
            To::Clinic => w.references("recipient", &[staff::organization_ref(staff::CLINIC_ID)]),
        }
        person(w, "sender", from, subject);
        w.one("payload", |w| w.text("contentString", words));
    });
}

fn person(w: &mut Writer, name: &str, staff: Option<usize>, patient: impl Display) {
    match staff {
        Some(staff) => w.reference(name, StaffRef(staff)),
        None => w.reference(name, patient),
    }
}

/// A task says in words what it is about and bears no label, so what is sensitive is not asked for in one.
fn asked_for<'c>(chart: &Chart<'c>) -> Option<&'c Med> {
    let sensitive = [BICTEGRAVIR.name, BUPRENORPHINE_NALOXONE.name, NALTREXONE.name];
    chart.current_meds.iter().copied().find(|med| !sensitive.contains(&med.name))
}

fn task(chart: &mut Chart<'_>, todo: &Todo) {
    let Todo { code, owner, requester, ago, due, words, .. } = todo;
    let (subject, written) = (chart.subject, at(chart, *ago));
    let until = chart.today.plus(*due).at(23, 59);
    let med = asked_for(chart);
    let asked = match med {
        _ if !words.is_empty() => (*words).to_owned(),
        Some(med) => format!("Refill of {}", med.name),
        // Who takes nothing asks for nothing.
        None => return,
    };
    let focus = med.filter(|_| words.is_empty());
    let focus =
        focus.and_then(|med| chart.prescribed.iter().rev().find(|(name, _)| *name == med.name)).map(|(_, urn)| *urn);
    chart.add("Task", |w| {
        w.text("status", "requested");
        w.text("intent", "order");
        w.text("priority", "routine");
        w.concept("code", &[*code], code.display);
        w.text("description", &asked);
        if let Some(urn) = focus {
            w.reference("focus", urn);
        }
        w.reference("for", subject);
        w.plain("authoredOn", written);
        w.plain("lastModified", written);
        person(w, "requester", *requester, subject);
        if let Some(owner) = owner {
            w.reference("owner", StaffRef(*owner));
        }
        w.object("restriction", |w| w.object("period", |w| w.plain("end", until)));
    });
}

/// Who brings the patients of a clinician in, from before the first of them came.
pub(super) fn works_with(w: &mut Writer, name: &str, whose: Urn, by: Urn, today: super::day::Day) {
    let working = coding("urn:wardstone:practitioner-role", "working-with", "Works with a clinician");
    w.identifier(terms::ID_ROLE, format_args!("works.{name}"));
    w.one("extension", |w| {
        w.text("url", "urn:wardstone:works-with");
        w.reference("valueReference", whose);
    });
    w.raw("active", true);
    w.period("period", today.plus(-90).at(0, 0), None::<&str>);
    w.reference("practitioner", by);
    w.concepts("code", &working);
}

/// Somebody is away, and a colleague covers: from yesterday, for a week.
pub(super) fn cover(w: &mut Writer, absent: Urn, by: Urn, today: super::day::Day) {
    let covering = coding("urn:wardstone:practitioner-role", "covering", "Covering clinician");
    w.identifier(terms::ID_ROLE, "cover.mei.tanaka");
    w.one("extension", |w| {
        w.text("url", "urn:wardstone:covers");
        w.reference("valueReference", absent);
    });
    w.raw("active", true);
    w.period("period", today.plus(-1).at(0, 0), Some(today.plus(6).at(0, 0)));
    w.reference("practitioner", by);
    w.concepts("code", &covering);
}
