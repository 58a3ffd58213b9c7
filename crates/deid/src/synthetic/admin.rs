//! Registration: the Patient, their Coverage and their Appointments.

use super::chart::Chart;
use super::day::{Day, Moment};
use super::staff::{self, StaffRef};
use super::stories::Setting;
use super::terms::{self, Coding, coding, v2_0203};
use super::today::{self, Booked, Stage};
use super::visits::Visit;
use super::writer::Writer;
use super::{US_CORE, Urn};

/// How many of the past visits keep their appointment in the book.
const PAST_APPOINTMENTS_MAX: usize = 5;

pub(super) fn medical_record_number(number: u32) -> String {
    format!("WS-{:06}", 100_000 + number)
}

pub(super) fn patient(chart: &mut Chart<'_>) {
    let p = chart.p;
    let subject = chart.subject;
    let mrn = medical_record_number(p.number);
    chart.add_as(subject, "Patient", |w| {
        w.profile(&format!("{US_CORE}us-core-patient"));
        extensions(w, p);
        w.array("identifier", |w| {
            identifier(w, v2_0203("MR", "Medical record number"), terms::ID_MRN, &mrn);
            if let Some(ssn) = &p.ssn {
                identifier(w, v2_0203("SS", "Social Security number"), terms::SSN, ssn);
            }
        });
        w.raw("active", true);
        w.one("name", |w| {
            w.text("use", "official");
            w.text("family", p.family);
            w.array("given", |w| {
                w.text_item(p.given);
                if let Some(middle) = p.middle {
                    w.text_item(middle);
                }
            });
        });
        w.array("telecom", |w| {
            for (system, value, usage) in
                [("phone", &p.phone, if p.age < 18 { "home" } else { "mobile" }), ("email", &p.email, "home")]
            {
                w.item(|w| {
                    w.text("system", system);
                    w.text("value", value);
                    w.text("use", usage);
                });
            }
        });
        w.text("gender", if p.female { "female" } else { "male" });
        w.plain("birthDate", p.birth);
        if let Some(death) = p.death {
            w.plain("deceasedDateTime", death);
        }
        w.one("address", |w| {
            w.text("use", "home");
            w.array("line", |w| w.text_item(&p.street));
            w.text("city", p.town.0);
            w.text("state", p.town.1);
            w.text("postalCode", p.town.2);
            w.text("country", "US");
        });
        if p.age >= 18 {
            let (code, display) = if p.married { ("M", "Married") } else { ("S", "Never Married") };
            let status = coding("http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", code, display);
            w.concept("maritalStatus", &[status], display);
        }
        w.one("communication", |w| {
            let (code, display) = p.tongue;
            w.concept("language", &[coding("urn:ietf:bcp:47", code, display)], display);
            w.raw("preferred", true);
        });
        w.references("generalPractitioner", &[StaffRef(p.doctor)]);
        w.reference("managingOrganization", staff::organization_ref(staff::CLINIC_ID));
    });
}

fn extensions(w: &mut Writer, p: &super::person::Person) {
    w.array("extension", |w| {
        w.item(|w| {
            w.plain("url", format_args!("{US_CORE}us-core-race"));
            match p.origin.race {
                Some((code, display)) => origin(w, Some(coding(terms::CDC_RACE, code, display)), display),
                None => {
                    let asked =
                        coding("http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "ASKU", "asked but unknown");
                    origin(w, Some(asked), "Asked but no answer");
                }
            }
        });
        w.item(|w| {
            let (code, display) = match p.origin.hispanic {
                true => ("2135-2", "Hispanic or Latino"),
                false => ("2186-5", "Not Hispanic or Latino"),
            };
            w.plain("url", format_args!("{US_CORE}us-core-ethnicity"));
            origin(w, Some(coding(terms::CDC_RACE, code, display)), display);
        });
        w.item(|w| {
            w.plain("url", format_args!("{US_CORE}us-core-birthsex"));
            w.text("valueCode", if p.female { "F" } else { "M" });
        });
        if p.needs_interpreter {
            w.item(|w| {
                w.text("url", "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired");
                w.raw("valueBoolean", true);
            });
        }
    });
}

fn origin(w: &mut Writer, category: Option<Coding>, text: &str) {
    w.array("extension", |w| {
        if let Some(category) = category {
            w.item(|w| {
                w.text("url", "ombCategory");
                w.object("valueCoding", |w| w.coding_body(&category));
            });
        }
        w.item(|w| {
            w.text("url", "text");
            w.text("valueString", text);
        });
    });
}

fn identifier(w: &mut Writer, kind: Coding, system: &str, value: &str) {
    w.item(|w| {
        w.concept("type", &[kind], kind.display);
        w.text("system", system);
        w.text("value", value);
    });
}

pub(super) fn coverage(chart: &mut Chart<'_>) {
    let p = chart.p;
    let (payer, kind) = match p.age {
        65.. => (2, coding(terms::SOURCE_OF_PAYMENT, "1", "MEDICARE")),
        _ if chart.rng.chance(22) => (3, coding(terms::SOURCE_OF_PAYMENT, "2", "MEDICAID")),
        _ if chart.rng.chance(50) => (0, coding(terms::SOURCE_OF_PAYMENT, "511", "Commercial Managed Care - HMO")),
        _ => (1, coding(terms::SOURCE_OF_PAYMENT, "512", "Commercial Managed Care - PPO")),
    };
    let member = format!("LM{:08}", chart.rng.below(100_000_000));
    let group = format!("G{:04}", chart.rng.between(1000, 9999));
    let since = Day::new(chart.today.year() - 1, 1, 1);
    let subject = chart.subject;
    let (relation, display) = if p.age < 18 { ("child", "Child") } else { ("self", "Self") };
    chart.add("Coverage", |w| {
        w.profile(&format!("{US_CORE}us-core-coverage"));
        w.array("identifier", |w| identifier(w, v2_0203("MB", "Member Number"), terms::ID_MEMBER, &member));
        w.text("status", if p.death.is_some() { "cancelled" } else { "active" });
        w.concept("type", &[kind], kind.display);
        w.text("subscriberId", &member);
        w.reference("beneficiary", subject);
        let relation = coding("http://terminology.hl7.org/CodeSystem/subscriber-relationship", relation, display);
        w.concept("relationship", &[relation], display);
        w.period("period", since, p.death.map(|d| d.day));
        w.references("payor", &[staff::organization_ref(staff::PAYERS[payer].0)]);
        if payer < 2 {
            w.one("class", |w| {
                w.concept(
                    "type",
                    &[coding("http://terminology.hl7.org/CodeSystem/coverage-class", "group", "Group")],
                    "Group",
                );
                w.text("value", &group);
                w.text("name", "Employer group");
            });
        }
    });
}

/// The book: what came about, today, and the weeks ahead.
pub(super) fn appointments(chart: &mut Chart<'_>, visits: &[Visit]) {
    let held: Vec<&Visit> = visits.iter().filter(|v| v.episode.is_none()).collect();
    for visit in &held[held.len().saturating_sub(PAST_APPOINTMENTS_MAX)..] {
        appointment(chart, &Booked::plain(visit.at, "fulfilled", visit.telehealth));
    }
    if chart.p.death.is_some() {
        return;
    }
    let today = chart.today;
    if let Some(booked) = today::booked(chart) {
        let reason = today::reason(chart);
        let urn = appointment(chart, &booked);
        today::encounter(chart, &booked, urn, reason);
    }
    // Every other patient comes back soon, so that the next days are not empty.
    let (soonest, latest) = if chart.p.number.is_multiple_of(2) { (1, 9) } else { (3, 75) };
    let day = today.plus(chart.rng.between(soonest, latest)).workday();
    let at = day.at(8, 0).later(chart.rng.below(today::SLOTS as u32) as i32 * today::SLOT_MINUTES);
    let status = if chart.rng.chance(14) { "cancelled" } else { "booked" };
    let video = chart.rng.chance(30);
    appointment(chart, &Booked::plain(at, status, video));
    if status == "cancelled" && chart.rng.chance(70) {
        let again = at.day.plus(chart.rng.between(5, 15)).workday();
        appointment(chart, &Booked::plain(again.at(9, 30), "booked", false));
    }
}

impl Booked {
    fn plain(at: Moment, status: &'static str, video: bool) -> Self {
        Self { at, status, video, stage: Stage::Ahead }
    }
}

fn appointment(chart: &mut Chart<'_>, booked: &Booked) -> Urn {
    let Booked { at, status, video, stage } = *booked;
    let p = chart.p;
    let subject = chart.subject;
    // Never booked after it took place, nor after today.
    let latest = at.day.min(chart.today);
    let created = latest.plus(-chart.rng.between(7, 40)).at(10, 15);
    let (kind, display) = match p.stories[0].setting {
        Setting::Well | Setting::WellChild => ("CHECKUP", "A routine check-up, such as an annual physical"),
        _ => ("FOLLOWUP", "A follow up visit from a previous appointment"),
    };
    let reason = today::reason(chart);
    let slot = match status {
        "cancelled" => None,
        _ if at.day < chart.today => None,
        _ => Some(slot(chart, at)),
    };
    chart.add("Appointment", |w| {
        w.text("status", status);
        if status == "cancelled" {
            let reason =
                coding("http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason", "pat", "Patient");
            w.concept("cancelationReason", &[reason], "Patient");
        }
        w.concepts("serviceType", if video { &today::VIDEO } else { &today::OFFICE });
        let kind = coding("http://terminology.hl7.org/CodeSystem/v2-0276", kind, display);
        w.concept("appointmentType", &[kind], display);
        w.concepts("reasonCode", &reason);
        w.text("description", if video { "Video visit" } else { "Office visit" });
        w.plain("start", at);
        w.plain("end", at.later(today::SLOT_MINUTES));
        w.raw("minutesDuration", today::SLOT_MINUTES);
        if let Some(slot) = slot {
            w.references("slot", &[slot]);
        }
        w.plain("created", created);
        w.array("participant", |w| {
            let answer = if status == "cancelled" { "declined" } else { "accepted" };
            let place = if video { staff::PLACE_VIRTUAL } else { staff::PLACE_MAIN };
            participant(w, &subject, answer, stage.patients_period());
            participant(w, &StaffRef(p.doctor), "accepted", stage.clinicians_period());
            participant(w, &staff::location_ref(place), "accepted", None);
            if p.needs_interpreter {
                today::interpreter(w, p.tongue.1, p.number.is_multiple_of(2));
            }
        });
    })
}

/// The time in the doctor's calendar, taken: everybody who books sees that, and not by whom.
fn slot(chart: &mut Chart<'_>, at: Moment) -> Urn {
    let doctor = staff::STAFF[chart.p.doctor].id;
    chart.add("Slot", |w| {
        w.reference("schedule", format_args!("Schedule?identifier={}|{doctor}", terms::ID_SCHEDULE));
        w.text("status", "busy");
        w.plain("start", at);
        w.plain("end", at.later(today::SLOT_MINUTES));
    })
}

/// The period is when somebody took part: from arriving to leaving, from beginning to ending.
fn participant(w: &mut Writer, actor: &dyn std::fmt::Display, status: &str, period: Option<(Moment, Option<Moment>)>) {
    w.item(|w| {
        w.reference("actor", actor);
        w.text("required", "required");
        w.text("status", status);
        if let Some((from, until)) = period {
            w.period("period", from, until);
        }
    });
}
