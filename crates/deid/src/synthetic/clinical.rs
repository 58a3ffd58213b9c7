//! What clinicians write: problems, encounters, prescriptions, procedures, immunizations, allergies, care plans and
//! notes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::chart::Chart;
use super::day::{Day, Moment};
use super::drugs::{self, Med, Vaccine};
use super::rng::Rng;
use super::staff::{self, STAFF, StaffRef};
use super::stories::{Setting, Story};
use super::terms::{
    self, Coding, act, allergy_clinical, allergy_verification, coding, condition_category, condition_clinical,
    condition_verification, loinc, participation, sct,
};
use super::visits::{self, Visit};
use super::writer::Writer;
use super::{US_CORE, Urn};

/// Influenza vaccines are given in autumn of the last years.
const FLU_SEASONS: i32 = 3;
/// Minutes of an office visit, a video visit and a stay in the emergency department.
const VISIT_MINUTES: i32 = 45;
const VIDEO_MINUTES: i32 = 25;
const EMERGENCY_MINUTES: i32 = 170;

/// An entry of the problem list. `encounter` is absent for what was known before the patient joined.
pub(super) fn problem(chart: &mut Chart<'_>, story: &Story, since: Day, recorded: Day, encounter: Option<Urn>) -> Urn {
    let text = story.condition[0].display;
    condition(
        chart,
        "us-core-condition-problems-health-concerns",
        "problem-list-item",
        |chart, w| {
            w.concept("code", &story.condition, text);
            w.reference("subject", chart.subject);
            if let Some(encounter) = encounter {
                w.reference("encounter", encounter);
            }
            w.plain("onsetDateTime", since);
            w.plain("recordedDate", recorded);
            w.reference("recorder", StaffRef(chart.doctor));
        },
        true,
    )
}

pub(super) fn diagnosis(chart: &mut Chart<'_>, codes: &[Coding], encounter: Urn, day: Day, healed: Option<Day>) -> Urn {
    condition(
        chart,
        "us-core-condition-encounter-diagnosis",
        "encounter-diagnosis",
        |chart, w| {
            w.concept("code", codes, codes[0].display);
            w.reference("subject", chart.subject);
            w.reference("encounter", encounter);
            w.plain("onsetDateTime", day);
            if let Some(healed) = healed {
                w.plain("abatementDateTime", healed);
            }
            w.plain("recordedDate", day);
            w.reference("recorder", StaffRef(chart.doctor));
        },
        healed.is_none(),
    )
}

/// What a condition's body needs to know of the chart.
struct Recorder {
    subject: Urn,
    doctor: usize,
}

fn condition(
    chart: &mut Chart<'_>,
    profile: &str,
    category: &'static str,
    body: impl FnOnce(&Recorder, &mut Writer),
    active: bool,
) -> Urn {
    let recorder = Recorder { subject: chart.subject, doctor: chart.p.doctor };
    chart.add("Condition", |w| {
        w.profile(&format!("{US_CORE}{profile}"));
        let status =
            if active { condition_clinical("active", "Active") } else { condition_clinical("resolved", "Resolved") };
        w.concept("clinicalStatus", &[status], status.display);
        w.concept("verificationStatus", &[condition_verification("confirmed", "Confirmed")], "Confirmed");
        let label = if category == "problem-list-item" { "Problem List Item" } else { "Encounter Diagnosis" };
        w.concepts("category", &condition_category(category, label));
        body(&recorder, w);
    })
}

pub(super) fn encounter(chart: &mut Chart<'_>, visit: &Visit, urn: Urn, reason: Option<Urn>) {
    let p = chart.p;
    let setting = p.stories[0].setting;
    let emergency = visit.episode.is_some_and(|e| e.emergency);
    let (class, minutes, place) = match (emergency, visit.telehealth) {
        (true, _) => (act("EMER", "emergency"), EMERGENCY_MINUTES, staff::PLACE_MAIN),
        (_, true) => (act("VR", "virtual"), VIDEO_MINUTES, staff::PLACE_VIRTUAL),
        _ => (act("AMB", "ambulatory"), VISIT_MINUTES, staff::PLACE_MAIN),
    };
    let kind = match (emergency, visit.telehealth, visit.episode.is_some(), setting) {
        (true, ..) => sct("50849002", "Emergency room admission (procedure)"),
        (_, true, ..) => sct("448337001", "Telemedicine consultation with patient (procedure)"),
        (_, _, true, _) => sct("185345009", "Encounter for symptom (procedure)"),
        (.., Setting::Prenatal) => sct("424619006", "Prenatal visit (regime/therapy)"),
        (.., Setting::WellChild) => sct("410620009", "Well child visit (procedure)"),
        (.., Setting::Well) => sct("162673000", "General examination of patient (procedure)"),
        _ if visit.turn == 0 => sct("185345009", "Encounter for symptom (procedure)"),
        _ => sct("390906007", "Follow-up encounter (procedure)"),
    };
    let subject = chart.subject;
    let number = format!("E{:010}", chart.rng.next() % 10_000_000_000);
    chart.add_as(urn, "Encounter", |w| {
        w.profile(&format!("{US_CORE}us-core-encounter"));
        w.identifier(terms::ID_ENCOUNTER, number);
        w.text("status", "finished");
        w.object("class", |w| w.coding_body(&class));
        w.concepts("type", &kind);
        w.reference("subject", subject);
        w.one("participant", |w| {
            w.concepts("type", &participation("PPRF", "primary performer"));
            w.period("period", visit.at, Some(visit.at.later(minutes)));
            w.reference("individual", StaffRef(p.doctor));
        });
        w.period("period", visit.at, Some(visit.at.later(minutes)));
        if let Some(reason) = reason {
            w.references("reasonReference", &[reason]);
            w.one("diagnosis", |w| {
                w.reference("condition", reason);
                w.raw("rank", 1);
            });
        }
        if emergency {
            w.object("hospitalization", |w| {
                let home = coding("http://terminology.hl7.org/CodeSystem/discharge-disposition", "home", "Home");
                w.concept("dischargeDisposition", &[home], "Home");
            });
        }
        w.one("location", |w| w.reference("location", staff::location_ref(place)));
        w.reference("serviceProvider", staff::organization_ref(staff::CLINIC_ID));
    });
}

pub(super) fn prescribe(
    chart: &mut Chart<'_>,
    med: &Med,
    at: Moment,
    encounter: Urn,
    status: &str,
    reason: Option<Urn>,
) {
    let p = chart.p;
    let subject = chart.subject;
    let urn = chart.add("MedicationRequest", |w| {
        w.profile(&format!("{US_CORE}us-core-medicationrequest"));
        w.text("status", status);
        w.text("intent", "order");
        let community =
            coding("http://terminology.hl7.org/CodeSystem/medicationrequest-category", "community", "Community");
        w.concepts("category", &community);
        w.raw("reportedBoolean", false);
        w.concept("medicationCodeableConcept", &[med.drug], med.drug.display);
        w.reference("subject", subject);
        w.reference("encounter", encounter);
        w.plain("authoredOn", at);
        w.reference("requester", StaffRef(p.doctor));
        if let Some(reason) = reason {
            w.references("reasonReference", &[reason]);
        }
        w.one("dosageInstruction", |w| {
            w.text("text", med.sig);
            w.object("timing", |w| {
                w.object("repeat", |w| {
                    w.raw("frequency", med.times);
                    w.raw("period", if med.hours == 24 { 1 } else { med.hours });
                    w.text("periodUnit", if med.hours == 24 { "d" } else { "h" });
                });
            });
            w.raw("asNeededBoolean", med.as_needed);
            w.concept("route", &[*med.route], med.route.display);
            w.one("doseAndRate", |w| w.quantity("doseQuantity", med.dose, med.unit.0, med.unit.1));
        });
        w.object("dispenseRequest", |w| {
            w.raw("numberOfRepeatsAllowed", med.refills);
            let (unit, code) = if med.unit.0 == "puff" { ("inhaler", "{inhaler}") } else { med.unit };
            w.quantity("quantity", med.quantity, unit, code);
        });
    });
    chart.prescribed.push((med.name, urn));
}

pub(super) fn procedure(chart: &mut Chart<'_>, code: &Coding, at: Moment, encounter: Urn) {
    let subject = chart.subject;
    let doctor = chart.p.doctor;
    chart.add("Procedure", |w| {
        w.profile(&format!("{US_CORE}us-core-procedure"));
        w.text("status", "completed");
        w.concept("code", std::slice::from_ref(code), code.display);
        w.reference("subject", subject);
        w.reference("encounter", encounter);
        w.plain("performedDateTime", at);
        w.one("performer", |w| w.reference("actor", StaffRef(doctor)));
    });
}

pub(super) struct Allergy {
    code: Coding,
    category: &'static str,
    high: bool,
    reaction: Coding,
}

const HIVES: Coding = sct("126485001", "Urticaria (disorder)");
const RASH: Coding = sct("271807003", "Eruption of skin (disorder)");
const ANAPHYLAXIS: Coding = sct("39579001", "Anaphylaxis (disorder)");
const PENICILLIN: &str = "91936005";

const fn allergy(code: Coding, category: &'static str, high: bool, reaction: Coding) -> Allergy {
    Allergy { code, category, high, reaction }
}

static ALLERGIES: [Allergy; 6] = [
    allergy(sct(PENICILLIN, "Allergy to penicillin (finding)"), "medication", true, HIVES),
    allergy(sct("91939003", "Allergy to sulfonamide (finding)"), "medication", false, RASH),
    allergy(sct("91935009", "Allergy to peanut (finding)"), "food", true, ANAPHYLAXIS),
    allergy(sct("300913006", "Allergy to shellfish (finding)"), "food", false, HIVES),
    allergy(sct("300916003", "Allergy to latex (finding)"), "environment", false, RASH),
    allergy(sct("418689008", "Allergy to grass pollen (finding)"), "environment", false, RASH),
];

impl Allergy {
    pub(super) fn is_penicillin(&self) -> bool {
        self.code.code == PENICILLIN
    }
}

/// Three in five have none.
pub(super) fn draw_allergies(rng: &mut Rng) -> Vec<&'static Allergy> {
    let count = rng.weighted(&[60, 30, 10]);
    let from = rng.below(ALLERGIES.len() as u32) as usize;
    (0..count).map(|i| &ALLERGIES[(from + i * 2) % ALLERGIES.len()]).collect()
}

pub(super) fn allergies(chart: &mut Chart<'_>, held: &[&'static Allergy], joined: Day) {
    let subject = chart.subject;
    let nurse = chart.p.nurse;
    let mut write = |code: Coding, detail: Option<&Allergy>| {
        chart.add("AllergyIntolerance", |w| {
            w.profile(&format!("{US_CORE}us-core-allergyintolerance"));
            w.concept("clinicalStatus", &[allergy_clinical("active", "Active")], "Active");
            w.concept("verificationStatus", &[allergy_verification("confirmed", "Confirmed")], "Confirmed");
            if let Some(allergy) = detail {
                w.text("type", "allergy");
                w.array("category", |w| w.text_item(allergy.category));
                w.text("criticality", if allergy.high { "high" } else { "low" });
            }
            w.concept("code", &[code], code.display);
            w.reference("patient", subject);
            w.plain("recordedDate", joined);
            w.reference("recorder", StaffRef(nurse));
            if let Some(allergy) = detail {
                w.one("reaction", |w| {
                    w.concepts("manifestation", &allergy.reaction);
                    w.text("severity", if allergy.high { "severe" } else { "mild" });
                });
            }
        });
    };
    for allergy in held {
        write(allergy.code, Some(allergy));
    }
    if held.is_empty() {
        write(sct("716186003", "No known allergy (situation)"), None);
    }
}

/// Care team, goal and care plan of the leading story.
pub(super) fn care(chart: &mut Chart<'_>, story: &Story, day: Day, problem: Option<Urn>) {
    let p = chart.p;
    let subject = chart.subject;
    let ended = p.death.is_some();
    let team = chart.add("CareTeam", |w| {
        w.profile(&format!("{US_CORE}us-core-careteam"));
        w.text("status", if ended { "inactive" } else { "active" });
        w.plain("name", format_args!("Care team of {} {}", p.given, p.family));
        w.reference("subject", subject);
        w.period("period", day, p.death.map(|d| d.day));
        w.array("participant", |w| {
            let mut member = |role: Coding, who: &dyn std::fmt::Display| {
                w.item(|w| {
                    w.concepts("role", &role);
                    w.reference("member", who);
                });
            };
            member(STAFF[p.doctor].occupation, &StaffRef(p.doctor));
            member(STAFF[p.nurse].occupation, &StaffRef(p.nurse));
            for stand_in in staff::stand_ins(p.number) {
                if ![p.doctor, p.nurse].contains(stand_in) {
                    member(STAFF[*stand_in].occupation, &StaffRef(*stand_in));
                }
            }
            member(sct("116154003", "Patient (person)"), &subject);
        });
        w.references("managingOrganization", &[staff::organization_ref(staff::CLINIC_ID)]);
    });
    let goal = chart.add("Goal", |w| {
        w.profile(&format!("{US_CORE}us-core-goal"));
        w.text("lifecycleStatus", if ended { "cancelled" } else { "active" });
        w.object("description", |w| w.text("text", story.goal));
        w.reference("subject", subject);
        w.plain("startDate", day);
        w.one("target", |w| w.plain("dueDate", day.plus(365)));
        if let Some(problem) = problem {
            w.references("addresses", &[problem]);
        }
    });
    chart.add("CarePlan", |w| {
        w.profile(&format!("{US_CORE}us-core-careplan"));
        w.object("text", |w| {
            w.text("status", "generated");
            let mut div = String::from("<div xmlns=\"http://www.w3.org/1999/xhtml\"><ul>");
            for activity in story.activities {
                div.push_str("<li>");
                div.push_str(activity);
                div.push_str("</li>");
            }
            div.push_str("</ul></div>");
            w.text("div", &div);
        });
        w.text("status", if ended { "revoked" } else { "active" });
        w.text("intent", "plan");
        let category = coding(
            "http://hl7.org/fhir/us/core/CodeSystem/careplan-category",
            "assess-plan",
            "Assessment and Plan of Treatment",
        );
        w.concepts("category", &category);
        w.plain("title", format_args!("Care plan: {}", story.name));
        w.reference("subject", subject);
        w.period("period", day, p.death.map(|d| d.day));
        w.plain("created", day);
        w.reference("author", StaffRef(p.doctor));
        w.references("careTeam", &[team]);
        if let Some(problem) = problem {
            w.references("addresses", &[problem]);
        }
        w.references("goal", &[goal]);
        w.array("activity", |w| {
            for activity in story.activities {
                w.item(|w| {
                    w.object("detail", |w| {
                        w.text("status", if ended { "stopped" } else { "in-progress" });
                        w.text("description", activity);
                    });
                });
            }
        });
    });
}

pub(super) fn document(chart: &mut Chart<'_>, visit: &Visit, encounter: Urn, first: bool, text: &str) {
    let kind = if first { loinc("34117-2", "History and physical note") } else { loinc("11506-3", "Progress note") };
    let author = chart.p.doctor;
    note(chart, visit, encounter, kind, kind.display, author, text);
}

pub(super) fn psychotherapy(chart: &mut Chart<'_>, visit: &Visit, encounter: Urn, text: &str) {
    let kind = loinc("11510-5", "Psychology Progress note");
    note(chart, visit, encounter, kind, "Psychology progress note", staff::PSYCHOTHERAPIST, text);
}

fn note(chart: &mut Chart<'_>, visit: &Visit, encounter: Urn, kind: Coding, title: &str, author: usize, text: &str) {
    let subject = chart.subject;
    let written = visit.at.later(55);
    chart.add("DocumentReference", |w| {
        w.profile(&format!("{US_CORE}us-core-documentreference"));
        w.text("status", "current");
        w.text("docStatus", "final");
        w.concept("type", &[kind], title);
        let category = coding(
            "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category",
            "clinical-note",
            "Clinical Note",
        );
        w.concepts("category", &category);
        w.reference("subject", subject);
        w.plain("date", written);
        w.references("author", &[StaffRef(author)]);
        w.reference("custodian", staff::organization_ref(staff::CLINIC_ID));
        w.text("description", title);
        w.one("content", |w| {
            w.object("attachment", |w| {
                w.text("contentType", "text/plain");
                w.text("language", "en-US");
                w.text("data", &STANDARD.encode(text));
                w.raw("size", text.len());
                w.text("title", title);
                w.plain("creation", written);
            });
        });
        w.object("context", |w| {
            w.references("encounter", &[encounter]);
            w.period("period", visit.at, Some(written));
        });
    });
}

/// Vaccines of childhood with the months at which they are due (CDC schedule).
static CHILDHOOD: [(&Vaccine, &[i32]); 12] = [
    (&drugs::HEP_B_CHILD, &[0, 2, 6]),
    (&drugs::ROTAVIRUS, &[2, 4]),
    (&drugs::DTAP, &[2, 4, 6, 15, 48]),
    (&drugs::HIB, &[2, 4, 12]),
    (&drugs::PCV13, &[2, 4, 6, 12]),
    (&drugs::IPV, &[2, 4, 6, 48]),
    (&drugs::MMR, &[12, 48]),
    (&drugs::VARICELLA, &[12, 48]),
    (&drugs::HEP_A_CHILD, &[12, 18]),
    (&drugs::TDAP, &[132]),
    (&drugs::HPV9, &[132, 138]),
    (&drugs::MENINGOCOCCAL, &[132, 192]),
];

/// Everything due by age, linked to the visit of that day where there was one; older doses came with the patient's
/// papers.
pub(super) fn immunizations(chart: &mut Chart<'_>, visits: &[(Day, Urn)]) {
    let p = chart.p;
    let last = p.death.map_or(chart.today, |d| d.day).plus(-1);
    let mut doses: Vec<(&Vaccine, Day)> = Vec::with_capacity(32);
    if p.age < 18 {
        for (vaccine, months) in &CHILDHOOD {
            doses.extend(
                months
                    .iter()
                    .map(|m| (*vaccine, visits::day_at_months(p.birth, *m).max(p.birth.plus(i32::from(*m == 0))))),
            );
        }
    } else {
        let booster = chart.today.plus(-chart.rng.between(400, 3200)).workday_before();
        let vaccine = if p.stories[0].setting == Setting::Prenatal { &drugs::TDAP } else { &drugs::TD };
        doses.push((
            vaccine,
            if p.stories[0].setting == Setting::Prenatal { last.plus(-20).workday_before() } else { booster },
        ));
        if p.age >= 50 {
            let first = chart.today.plus(-chart.rng.between(150, 900)).workday_before();
            doses.push((&drugs::ZOSTER, first));
            doses.push((&drugs::ZOSTER, first.plus(chart.rng.between(60, 120)).workday()));
        }
        if p.age >= 66 {
            doses.push((&drugs::PPSV23, chart.today.plus(-chart.rng.between(90, 360)).workday_before()));
        }
    }
    for season in 0..FLU_SEASONS {
        let autumn = Day::new(chart.today.year() - season, 9, 20).plus(chart.rng.between(0, 60)).workday();
        if autumn.0 - p.birth.0 > 190 && chart.rng.chance(82) {
            doses.push((&drugs::FLU, autumn));
        }
    }
    doses.sort_by_key(|(_, day)| *day);
    for (vaccine, day) in doses {
        if day <= last {
            immunization(chart, vaccine, day, visits);
        }
    }
}

fn immunization(chart: &mut Chart<'_>, vaccine: &Vaccine, day: Day, visits: &[(Day, Urn)]) {
    let p = chart.p;
    let subject = chart.subject;
    let visit = visits.iter().find(|(held, _)| *held == day).map(|(_, urn)| *urn);
    let ours = visit.is_some() || visits.first().is_some_and(|(joined, _)| *joined <= day);
    let lot = format!("WL{:05}", chart.rng.below(100_000));
    chart.add("Immunization", |w| {
        w.profile(&format!("{US_CORE}us-core-immunization"));
        w.text("status", "completed");
        w.concept("vaccineCode", &[vaccine.code], vaccine.code.display);
        w.reference("patient", subject);
        if let Some(visit) = visit {
            w.reference("encounter", visit);
        }
        w.plain("occurrenceDateTime", day);
        w.raw("primarySource", ours);
        if ours {
            w.reference("location", staff::location_ref(staff::PLACE_MAIN));
            w.text("lotNumber", &lot);
            let (code, display) =
                if vaccine.site_oral { ("PO", "Swallow, oral") } else { ("IM", "Injection, intramuscular") };
            let route = coding("http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration", code, display);
            w.concept("route", &[route], display);
            w.one("performer", |w| w.reference("actor", StaffRef(p.nurse)));
        } else {
            let record =
                coding("http://terminology.hl7.org/CodeSystem/immunization-origin", "record", "Written Record");
            w.concept("reportOrigin", &[record], "Written Record");
        }
    });
}
