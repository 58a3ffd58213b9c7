//! What is measured: vital signs, laboratory panels, screening scores and social history.

use std::fmt;

use super::body::Reading;
use super::chart::Chart;
use super::day::Moment;
use super::labs::{self, Panel, Test};
use super::person::Smoking;
use super::staff::{self, StaffRef};
use super::stories::{Measure, Setting};
use super::terms::{self, Coding, interpretation, loinc, observation_category, sct, v2_0074};
use super::visits::Visit;
use super::worklist::Reported;
use super::writer::Writer;
use super::{US_CORE, Urn};

/// Blood pressure is taken from three years of age on (AAP).
const PRESSURE_MONTHS_MIN: f64 = 36.0;

/// A number with as many decimals as it is reported with.
pub(super) struct Fixed(pub(super) f64, pub(super) u8);

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            0 => write!(f, "{}", self.0.round() as i64),
            // The digits come from an integer, so that 0.125 rounds the same way everywhere.
            decimals => {
                let scale = if decimals == 1 { 10 } else { 100 };
                let units = (self.0 * f64::from(scale)).round() as i64;
                let width = usize::from(decimals.min(2));
                let sign = if units < 0 { "-" } else { "" };
                write!(f, "{sign}{}.{:0width$}", units.abs() / i64::from(scale), units.abs() % i64::from(scale))
            }
        }
    }
}

const VITAL: Coding = observation_category("vital-signs", "Vital Signs");
const LAB: Coding = observation_category("laboratory", "Laboratory");
const SURVEY: Coding = observation_category("survey", "Survey");
const SOCIAL: Coding = observation_category("social-history", "Social History");
const PROCEDURE: Coding = observation_category("procedure", "Procedure");

const PER_MINUTE: (&str, &str) = ("/min", "/min");

/// What every observation of one moment shares.
#[derive(Clone, Copy)]
struct Frame {
    subject: Urn,
    encounter: Option<Urn>,
    at: Moment,
    performer: usize,
}

fn observation(
    chart: &mut Chart<'_>,
    frame: Frame,
    profile: &str,
    category: &Coding,
    code: &[Coding],
    body: impl FnOnce(&mut Writer),
) -> Urn {
    chart.add("Observation", |w| {
        if !profile.is_empty() {
            w.profile(&format!("{US_CORE}{profile}"));
        }
        w.text("status", "final");
        w.concepts("category", category);
        w.concept("code", code, code[0].display);
        w.reference("subject", frame.subject);
        if let Some(encounter) = frame.encounter {
            w.reference("encounter", encounter);
        }
        w.plain("effectiveDateTime", frame.at);
        w.references("performer", &[StaffRef(frame.performer)]);
        body(w);
    })
}

pub(super) fn vitals(chart: &mut Chart<'_>, visit: &Visit, reading: &Reading, encounter: Urn) {
    let p = chart.p;
    let frame = Frame { subject: chart.subject, encounter: Some(encounter), at: visit.at.later(8), performer: p.nurse };
    let months = p.months_at(visit.at.day);
    if months >= PRESSURE_MONTHS_MIN {
        pressure(chart, frame, reading);
    }
    let mut simple = |profile: &str, code: Coding, value: Fixed, unit: (&str, &str)| {
        observation(chart, frame, profile, &VITAL, &[code], |w| w.quantity("valueQuantity", value, unit.0, unit.1));
    };
    simple("us-core-heart-rate", loinc("8867-4", "Heart rate"), Fixed(reading.get(Measure::Pulse), 0), PER_MINUTE);
    simple(
        "us-core-respiratory-rate",
        loinc("9279-1", "Respiratory rate"),
        Fixed(reading.get(Measure::Breaths), 0),
        PER_MINUTE,
    );
    let fahrenheit = reading.get(Measure::Celsius) * 1.8 + 32.0;
    simple("us-core-body-temperature", loinc("8310-5", "Body temperature"), Fixed(fahrenheit, 1), ("degF", "[degF]"));
    simple("us-core-body-weight", loinc("29463-7", "Body weight"), Fixed(reading.weight, 1), ("kg", "kg"));
    let measured = visit.episode.is_none() && (p.age < 18 || visit.turn == 0);
    if measured {
        simple("us-core-body-height", loinc("8302-2", "Body height"), Fixed(reading.height, 1), ("cm", "cm"));
    }
    if months >= 24.0 && visit.episode.is_none() {
        simple(
            "us-core-bmi",
            loinc("39156-5", "Body mass index (BMI) [Ratio]"),
            Fixed(reading.bmi(), 1),
            ("kg/m2", "kg/m2"),
        );
    }
    let oximetry = [
        loinc("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry"),
        loinc("2708-6", "Oxygen saturation in Arterial blood"),
    ];
    observation(chart, frame, "us-core-pulse-oximetry", &VITAL, &oximetry, |w| {
        w.quantity("valueQuantity", Fixed(reading.get(Measure::Saturation), 0), "%", "%");
    });
}

/// A cuff at home, read out during a video visit.
pub(super) fn home_pressure(chart: &mut Chart<'_>, visit: &Visit, reading: &Reading, encounter: Urn) {
    let frame =
        Frame { subject: chart.subject, encounter: Some(encounter), at: visit.at.later(4), performer: chart.p.nurse };
    pressure(chart, frame, reading);
}

fn pressure(chart: &mut Chart<'_>, frame: Frame, reading: &Reading) {
    let code = [loinc("85354-9", "Blood pressure panel with all children optional")];
    observation(chart, frame, "us-core-blood-pressure", &VITAL, &code, |w| {
        w.array("component", |w| {
            for (code, measure) in [
                (loinc("8480-6", "Systolic blood pressure"), Measure::Systolic),
                (loinc("8462-4", "Diastolic blood pressure"), Measure::Diastolic),
            ] {
                w.item(|w| {
                    w.concept("code", &[code], code.display);
                    w.quantity("valueQuantity", Fixed(reading.get(measure), 0), "mmHg", "mm[Hg]");
                });
            }
        });
    });
}

pub(super) fn smoking(chart: &mut Chart<'_>, visit: &Visit, encounter: Urn) {
    let status = match chart.p.smoking {
        Smoking::Never => sct("266919005", "Never smoked tobacco (finding)"),
        Smoking::Former => sct("8517006", "Ex-smoker (finding)"),
        Smoking::Daily => sct("449868002", "Smokes tobacco daily (finding)"),
    };
    let frame =
        Frame { subject: chart.subject, encounter: Some(encounter), at: visit.at.later(6), performer: chart.p.nurse };
    let code = [loinc("72166-2", "Tobacco smoking status")];
    observation(chart, frame, "us-core-smokingstatus", &SOCIAL, &code, |w| {
        w.concept("valueCodeableConcept", &[status], status.display);
    });
}

/// Pregnancy status and the estimated date of delivery.
pub(super) fn pregnancy(chart: &mut Chart<'_>, visit: &Visit, encounter: Urn) {
    let frame =
        Frame { subject: chart.subject, encounter: Some(encounter), at: visit.at.later(6), performer: chart.p.doctor };
    let pregnant = sct("77386006", "Pregnancy (finding)");
    observation(
        chart,
        frame,
        "us-core-observation-pregnancystatus",
        &SOCIAL,
        &[loinc("82810-3", "Pregnancy status")],
        |w| {
            w.concept("valueCodeableConcept", &[pregnant], "Pregnant");
        },
    );
    let due = visit.at.day.plus((40 - visit.weeks) * 7);
    observation(chart, frame, "", &SOCIAL, &[loinc("11778-8", "Delivery date Estimated")], |w| {
        w.plain("valueDateTime", due)
    });
}

/// The scores that the patient's stories follow.
pub(super) fn scores(chart: &mut Chart<'_>, visit: &Visit, reading: &Reading, encounter: Urn) {
    const SCORE: (&str, &str) = ("{score}", "{score}");
    let frame =
        Frame { subject: chart.subject, encounter: Some(encounter), at: visit.at.later(10), performer: chart.p.nurse };
    for drive in chart.p.stories[0].drives {
        let (code, category, profile, unit) = match drive.0 {
            Measure::Phq9 => (
                loinc("44261-6", "Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]"),
                SURVEY,
                "us-core-observation-screening-assessment",
                SCORE,
            ),
            Measure::Gad7 => (
                loinc("70274-6", "Generalized anxiety disorder 7 item (GAD-7) total score [Reported.PHQ]"),
                SURVEY,
                "us-core-observation-screening-assessment",
                SCORE,
            ),
            Measure::AuditC => {
                (loinc("75626-2", "Total score [AUDIT-C]"), SURVEY, "us-core-observation-screening-assessment", SCORE)
            }
            Measure::Pain => (
                loinc("72514-3", "Pain severity - 0-10 verbal numeric rating [Score] - Reported"),
                SURVEY,
                "us-core-observation-screening-assessment",
                SCORE,
            ),
            Measure::Fev1Ratio if !visit.telehealth => (loinc("19926-5", "FEV1/FVC"), PROCEDURE, "", ("%", "%")),
            _ => continue,
        };
        observation(chart, frame, profile, &category, &[code], |w| {
            w.quantity("valueQuantity", Fixed(reading.get(drive.0), 0), unit.0, unit.1);
        });
    }
}

/// A screening test for HIV; reactive only in the story that begins with it.
pub(super) fn hiv_screen(chart: &mut Chart<'_>, visit: &Visit, encounter: Urn, reactive: bool) {
    let frame =
        Frame { subject: chart.subject, encounter: Some(encounter), at: visit.at.later(20), performer: chart.p.doctor };
    let code = loinc("56888-1", "HIV 1+2 Ab+HIV1 p24 Ag [Presence] in Serum or Plasma by Immunoassay");
    let answer = if reactive {
        sct("10828004", "Positive (qualifier value)")
    } else {
        sct("260385009", "Negative (qualifier value)")
    };
    observation(chart, frame, "us-core-observation-lab", &LAB, &[code], |w| {
        w.concept("valueCodeableConcept", &[answer], if reactive { "Reactive" } else { "Nonreactive" });
    });
}

/// Order, results and report of one panel.
pub(super) fn panel(chart: &mut Chart<'_>, visit: &Visit, reading: &Reading, encounter: Urn, panel: &Panel) {
    let p = chart.p;
    let subject = chart.subject;
    let drawn = visit.at.later(35);
    let age = visit.at.day.age(p.birth);
    let order = chart.add("ServiceRequest", |w| {
        w.profile(&format!("{US_CORE}us-core-servicerequest"));
        w.text("status", "completed");
        w.text("intent", "order");
        w.concepts("category", &sct("108252007", "Laboratory procedure"));
        w.concept("code", &[panel.code], panel.name);
        w.reference("subject", subject);
        w.reference("encounter", encounter);
        w.plain("occurrenceDateTime", drawn);
        w.plain("authoredOn", visit.at.later(20));
        w.reference("requester", StaffRef(p.doctor));
    });
    let results: Vec<Urn> = panel
        .tests
        .iter()
        .map(|test| result(chart, test, value_of(test, reading, p.female, age), drawn, encounter, order))
        .collect();
    let urn = Urn::draw(&mut chart.rng);
    chart.reports.push(Reported {
        urn,
        issued: drawn.later(300),
        code: panel.code,
        name: panel.name,
        doctor: p.doctor,
    });
    super::entry_as(&mut chart.w, urn, "DiagnosticReport", &urn.id(), |w| {
        w.profile(&format!("{US_CORE}us-core-diagnosticreport-lab"));
        w.references("basedOn", &[order]);
        w.text("status", "final");
        w.concepts("category", &v2_0074("LAB", "Laboratory"));
        w.concept("code", &[panel.code], panel.name);
        w.reference("subject", subject);
        w.reference("encounter", encounter);
        w.plain("effectiveDateTime", drawn);
        w.plain("issued", drawn.later(300));
        w.references("performer", &[staff::organization_ref(staff::CLINIC_ID)]);
        w.references("result", &results);
    });
}

fn result(chart: &mut Chart<'_>, test: &Test, value: f64, drawn: Moment, encounter: Urn, order: Urn) -> Urn {
    let subject = chart.subject;
    let flag = flag(test, value);
    chart.add("Observation", |w| {
        w.profile(&format!("{US_CORE}us-core-observation-lab"));
        w.references("basedOn", &[order]);
        w.text("status", "final");
        w.concepts("category", &LAB);
        w.concept("code", &[test.code], test.name);
        w.reference("subject", subject);
        w.reference("encounter", encounter);
        w.plain("effectiveDateTime", drawn);
        w.plain("issued", drawn.later(300));
        w.references("performer", &[staff::organization_ref(staff::CLINIC_ID)]);
        w.object("valueQuantity", |w| {
            // Below the assay's limit of detection only the limit is known.
            let undetected = std::ptr::eq(test, &labs::HIV_VIRAL_LOAD) && value < 20.0;
            w.raw("value", Fixed(if undetected { 20.0 } else { value }, test.decimals));
            if undetected {
                w.text("comparator", "<");
            }
            w.text("unit", test.unit.0);
            w.text("system", terms::UCUM);
            w.text("code", test.unit.1);
        });
        w.concepts("interpretation", &flag);
        range(w, test);
    })
}

/// Low, high or normal, of the value as it is reported.
pub(super) fn flag(test: &Test, value: f64) -> Coding {
    let scale = if test.decimals == 0 { 1.0 } else { 100.0 };
    let shown = (value * scale).round() / scale;
    match (test.low, test.high) {
        (Some(low), _) if shown < low => interpretation("L", "Low"),
        (_, Some(high)) if shown > high => interpretation("H", "High"),
        _ => interpretation("N", "Normal"),
    }
}

pub(super) fn range(w: &mut Writer, test: &Test) {
    w.one("referenceRange", |w| {
        if let Some(low) = test.low {
            w.quantity("low", Fixed(low, test.decimals), test.unit.0, test.unit.1);
        }
        if let Some(high) = test.high {
            w.quantity("high", Fixed(high, test.decimals), test.unit.0, test.unit.1);
        }
    });
}

/// What a test reads off the body; none for what is made of other measures.
pub(super) fn measured(test: &Test) -> Option<Measure> {
    let measure = match test.code.code {
        "2160-0" => Measure::Creatinine,
        "2571-8" => Measure::Triglycerides,
        "2085-9" => Measure::Hdl,
        "13457-7" => Measure::Ldl,
        "4548-4" => Measure::A1c,
        "3016-3" => Measure::Tsh,
        "3024-7" => Measure::FreeT4,
        "718-7" => Measure::Hemoglobin,
        "9318-7" => Measure::UrineAlbumin,
        "1742-6" => Measure::Alt,
        "20447-9" => Measure::ViralLoad,
        "24467-3" => Measure::Cd4,
        _ => return None,
    };
    Some(measure)
}

/// A test's value: read from the body, or derived so that related values agree with each other.
pub(super) fn value_of(test: &Test, reading: &Reading, female: bool, age: i32) -> f64 {
    let get = |m: Measure| reading.get(m);
    if let Some(measure) = measured(test) {
        return get(measure);
    }
    // A small swing that differs by test and visit without a draw of its own.
    let swing = (get(Measure::Pulse) * 7.3 + get(Measure::Ldl) * 3.1).fract() - 0.5;
    match test.code.code {
        // Average glucose from HbA1c (ADAG, Nathan et al. 2008); fasting runs about a tenth lower.
        "2345-7" => (28.7 * get(Measure::A1c) - 46.7) * 0.9 + swing * 6.0,
        "3094-0" => 13.0 + (get(Measure::Creatinine) - 0.8).max(0.0) * 16.0 + swing * 3.0,
        "98979-8" => reading.egfr(female, age),
        "2951-2" => 139.5 + swing * 4.0,
        "2823-3" => 4.2 + (get(Measure::Creatinine) - 0.9).max(0.0) * 0.6 + swing * 0.4,
        "2075-0" => 102.5 + swing * 4.0,
        "2028-9" => 25.5 - swing * 3.0,
        "17861-6" => 9.4 + swing * 0.5,
        // Friedewald, Levy, Fredrickson 1972, on the values as they are reported.
        "2093-3" => {
            let part = |m: Measure| get(m).round();
            part(Measure::Ldl) + part(Measure::Hdl) + part(Measure::Triglycerides) / 5.0
        }
        "6690-2" => 6.8 + (get(Measure::Celsius) - 36.8).max(0.0) * 4.0 + swing * 2.0,
        "4544-3" => get(Measure::Hemoglobin) * 2.95,
        "787-2" => 89.0 + swing * 6.0,
        "789-8" => get(Measure::Hemoglobin) * 29.5 / (89.0 + swing * 6.0),
        "777-3" => 245.0 + swing * 90.0,
        "1920-8" => get(Measure::Alt) * 0.78 + 6.0,
        _ => 0.0,
    }
}

/// Whether a visit of this setting takes vital signs at all.
pub(super) fn takes_vitals(visit: &Visit) -> bool {
    !visit.telehealth
}

pub(super) fn reports_home_pressure(chart: &Chart<'_>, visit: &Visit) -> bool {
    visit.telehealth
        && chart.p.stories[0].setting == Setting::Chronic
        && chart.p.stories.iter().any(|s| s.drives.iter().any(|d| d.0 == Measure::Systolic))
}

#[cfg(test)]
mod tests {
    use super::Fixed;

    #[test]
    fn fixed_keeps_its_decimals() {
        let shown: Vec<String> = [(98.6, 1), (120.4, 0), (7.0, 1), (0.85, 2), (1.005, 2), (-0.04, 1)]
            .iter()
            .map(|(v, d)| Fixed(*v, *d).to_string())
            .collect();
        assert_eq!(shown, ["98.6", "120", "7.0", "0.85", "1.00", "0.0"]);
    }
}
