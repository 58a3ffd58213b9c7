//! Clinic notes in SOAP form, coherent with the visit they belong to.

use std::fmt::Write as _;

use super::body::Reading;
use super::chart::Chart;
use super::observe;
use super::rng::Rng;
use super::staff::{CLINIC, STAFF};
use super::stories::{Measure, Setting};
use super::visits::Visit;

const EXAM_ADULT: &[&str] = &[
    "Alert and in no distress. Lungs clear to auscultation. Heart regular without murmur. Abdomen soft and nontender.",
    "Well appearing. Breath sounds equal on both sides, no wheeze. No edema of the legs. Gait steady.",
    "Comfortable at rest. Oropharynx clear, neck supple without adenopathy. Heart sounds normal. Skin warm and dry.",
    "Pleasant and well groomed. Cranial nerves intact, strength full in all limbs. Pulses palpable at both feet.",
    "In good spirits. Thyroid not enlarged. Chest clear. No tenderness over the spine.",
];
const EXAM_IRREGULAR: &[&str] = &[
    "Alert and in no distress. Pulse irregularly irregular, no murmur. Lungs clear. No ankle edema.",
    "Comfortable at rest. Irregular rhythm, neck veins flat. Chest clear. No bruising of the arms.",
];
const EXAM_LUNG: &[&str] = &[
    "Breath sounds distant with a prolonged expiration; no crackles. No cyanosis, no edema.",
    "Speaks in full sentences. Faint end-expiratory wheeze at both bases, no accessory muscle use.",
];
const EXAM_CHILD: &[&str] = &[
    "Playful and alert. Ears and throat normal. Lungs clear. Heart without murmur. Abdomen soft. Hips stable.",
    "Smiles and follows the examiner. Chest clear, femoral pulses full. Skin without rash.",
    "Cooperative. Tympanic membranes pearly. Neck supple. Spine straight. Motor skills appropriate for age.",
];
const EXAM_VIDEO: &[&str] = &[
    "Seen by video from home. Speaks in full sentences, no distress, thought organized.",
    "Video visit, good connection. Looks well, breathing unlabored, mood bright.",
];
const EXAM_PRENATAL: &[&str] = &[
    "Uterus size agrees with dates. Fetal heart tones heard. No edema of hands or face.",
    "Fundal height appropriate. Fetal heart rate in the 140s by Doppler. Reflexes normal.",
];
const EXAM_EARLY: &[&str] = &[
    "Uterus enlarged in keeping with dates, adnexa without mass. No edema.",
    "Comfortable. Thyroid not enlarged, heart and lungs normal. Uterus size agrees with dates.",
];
const HABITS: &[&str] = &[
    "Lives with family; feels safe at home.",
    "Spends much of the day sitting.",
    "Retells the medication list correctly.",
    "No falls in the last year.",
    "Wears a seat belt; smoke detectors at home.",
    "Denies chest pain, fever and weight loss.",
    "No new medications from other clinics.",
    "Cooks at home most days.",
];
const THERAPY: &[&str] = &[
    "Session focused on the link between avoidance and low mood. The patient named two situations to practice before the next session.",
    "We worked through a thought record about a conflict at work; the patient found a kinder alternative explanation.",
    "Grief over a parent's death was the main theme. The patient wept and described relief at speaking about it.",
    "Reviewed the activity schedule: four of six planned activities done. Rumination at night remains and was mapped in detail.",
];

/// The text of a visit's note.
pub(super) fn soap(chart: &mut Chart<'_>, visit: &Visit, reading: &Reading, meds: &str) -> String {
    let mut out = String::with_capacity(1400);
    let story = chart.p.stories[0];
    let title = if visit.episode.is_none() && visit.turn == 0 { "History and physical" } else { "Progress note" };
    heading(&mut out, chart, visit, title);
    let better = chart.body.mostly_treated(story);
    let home_pressure = observe::reports_home_pressure(chart, visit);
    let seen = Seen { in_person: !visit.telehealth, pressure: !visit.telehealth || home_pressure, turn: visit.turn };
    let rng = &mut chart.rng;
    let mut lines: Vec<&str> = Vec::with_capacity(4);
    let told: &str = match visit.episode {
        Some(episode) => episode.told,
        None if visit.turn == 0 => rng.word(story.opening),
        None if visit.worse => {
            known(story.worse, seen, rng).unwrap_or("{name} has had a harder time since the last visit.")
        }
        // Movement is felt from about twenty weeks on; the line about it comes first.
        None if story.setting == Setting::Prenatal && visit.weeks < 20 => rng.word(&story.better[1..]),
        None => known(story.better, seen, rng).unwrap_or("{name} is here for follow-up and has no new complaints."),
    };
    lines.push("S: ");
    lines.push(told);
    if chart.p.age >= 18 {
        lines.push(" ");
        lines.push(rng.word(HABITS));
    }
    let mut draft = lines.concat();
    draft.push_str("\n\nO: ");
    if home_pressure {
        draft.push_str("Home blood pressure {bp} mmHg. ");
    }
    objective(&mut draft, visit, reading, story.setting);
    draft.push_str(exam(visit, chart.p.age, story.setting, story.name, rng));
    draft.push_str("\n\nA: ");
    let followed = better || story.setting == Setting::Prenatal || story.drives.is_empty();
    draft.push_str(match visit.episode {
        Some(episode) => episode.judged,
        None if visit.turn == 0 => rng.word(story.judged_new),
        None if visit.worse => {
            known(story.judged_worse, seen, rng).unwrap_or("More symptoms of {story}; causes reviewed.")
        }
        None if followed => known(story.judged_better, seen, rng).unwrap_or("Stable by history: {story}."),
        None => "Under treatment, not yet at goal: {story}.",
    });
    if visit.episode.is_none() && chart.p.stories.len() > 1 {
        draft.push_str(" Also followed: ");
        for (i, other) in chart.p.stories[1..].iter().enumerate() {
            draft.push_str(if i > 0 { ", " } else { "" });
            draft.push_str(other.name);
        }
        draft.push('.');
    }
    draft.push_str("\n\nP: ");
    match visit.episode {
        Some(episode) => draft.push_str(episode.plan),
        None => {
            // One line is left out for variety, but never what is started.
            let from = u32::from(visit.turn == 0);
            let skip = (from + rng.below(story.plan.len() as u32 - from)) as usize;
            for (i, line) in story.plan.iter().enumerate() {
                if story.plan.len() < 3 || i != skip {
                    match line.strip_prefix("Continue ") {
                        Some(rest) if visit.turn == 0 => {
                            draft.push_str("Start ");
                            draft.push_str(rest);
                        }
                        _ => draft.push_str(line),
                    }
                    draft.push(' ');
                }
            }
        }
    }
    fill(&mut out, draft.trim_end(), chart, visit, reading, meds);
    let _ = write!(out, "\n\nSigned: {}\n", STAFF[chart.p.doctor].display());
    out
}

/// What was measured at a visit, so that a note does not quote a value that nobody took.
#[derive(Clone, Copy)]
struct Seen {
    in_person: bool,
    pressure: bool,
    turn: usize,
}

/// Placeholders that need the patient in the room or the laboratory, and those whose panel is drawn at every other visit.
const IN_PERSON: [&str; 10] = ["{hr}", "{spo2}", "{fev}", "{wt}", "{bmi}", "{a1c}", "{ldl}", "{tsh}", "{cd4}", "{vl}"];
const EVERY_OTHER: [&str; 2] = ["{alt}", "{egfr}"];

/// One of the lines that only speak of what was measured.
fn known(lines: &[&'static str], seen: Seen, rng: &mut Rng) -> Option<&'static str> {
    let names = |line: &str, placeholders: &[&str]| placeholders.iter().any(|p| line.contains(p));
    let fits = |line: &str| {
        (seen.in_person || !names(line, &IN_PERSON))
            && (seen.pressure || !line.contains("{bp}"))
            && ((seen.in_person && seen.turn.is_multiple_of(2)) || !names(line, &EVERY_OTHER))
    };
    let count = lines.iter().filter(|line| fits(line)).count();
    let chosen = rng.below(count as u32) as usize;
    lines.iter().filter(|line| fits(line)).nth(chosen).copied()
}

/// A therapist's own note, kept apart from the medical record's visit note.
pub(super) fn psychotherapy(chart: &mut Chart<'_>, visit: &Visit) -> String {
    let mut out = String::with_capacity(600);
    heading(&mut out, chart, visit, "Psychology progress note");
    let first = chart.rng.below(THERAPY.len() as u32) as usize;
    out.push_str(THERAPY[first]);
    out.push(' ');
    out.push_str(THERAPY[(first + 1) % THERAPY.len()]);
    let _ = write!(out, "\n\nSigned: {}\n", STAFF[super::staff::PSYCHOTHERAPIST].display());
    out
}

fn heading(out: &mut String, chart: &Chart<'_>, visit: &Visit, title: &str) {
    let p = chart.p;
    let _ = write!(
        out,
        "{CLINIC}\n{title}\nPatient: {} {}   DOB: {}   MRN: {}\nDate of service: {}\n\n",
        p.given,
        p.family,
        p.birth,
        super::admin::medical_record_number(p.number),
        visit.at.day
    );
}

fn objective(draft: &mut String, visit: &Visit, reading: &Reading, setting: Setting) {
    if visit.telehealth {
        return;
    }
    let fahrenheit = reading.get(Measure::Celsius) * 1.8 + 32.0;
    if setting != Setting::WellChild {
        draft.push_str("BP {bp} mmHg, ");
    }
    let _ = write!(
        draft,
        "HR {{hr}}, RR {}, temp {fahrenheit:.1} °F, SpO2 {{spo2}} %, weight {{wt}} kg, BMI {{bmi}}. ",
        reading.whole(Measure::Breaths)
    );
}

fn exam(visit: &Visit, age: i32, setting: Setting, story: &str, rng: &mut Rng) -> &'static str {
    let lines = match (visit.telehealth, setting) {
        (true, _) => EXAM_VIDEO,
        (_, Setting::Prenatal) if visit.weeks < 20 => EXAM_EARLY,
        (_, Setting::Prenatal) => EXAM_PRENATAL,
        _ if age < 14 => EXAM_CHILD,
        _ if story.contains("pulmonary") => EXAM_LUNG,
        _ if story.contains("fibrillation") => EXAM_IRREGULAR,
        _ => EXAM_ADULT,
    };
    rng.word(lines)
}

/// Replaces the placeholders of a story's prose.
fn fill(out: &mut String, draft: &str, chart: &Chart<'_>, visit: &Visit, reading: &Reading, meds: &str) {
    let p = chart.p;
    let age = visit.at.day.age(p.birth);
    let mut rest = draft;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else { break };
        rest = after;
        let _ = match name {
            "name" => write!(out, "{}", p.spoken()),
            "age" => write!(out, "{age}"),
            "sex" => out.write_str(match (p.female, age < 18) {
                (true, true) => "girl",
                (true, false) => "woman",
                (false, true) => "boy",
                (false, false) => "man",
            }),
            "story" => out.write_str(p.stories[0].name),
            "their" => out.write_str(if p.female { "her" } else { "his" }),
            "meds" => out.write_str(if meds.is_empty() { "current treatment" } else { meds }),
            "bp" => write!(out, "{}/{}", reading.whole(Measure::Systolic), reading.whole(Measure::Diastolic)),
            "sbp" => write!(out, "{}", reading.whole(Measure::Systolic)),
            "hr" => write!(out, "{}", reading.whole(Measure::Pulse)),
            "spo2" => write!(out, "{}", reading.whole(Measure::Saturation)),
            "wt" => write!(out, "{:.1}", reading.weight),
            "bmi" => write!(out, "{:.1}", reading.bmi()),
            "a1c" => write!(out, "{:.1}", reading.get(Measure::A1c)),
            "ldl" => write!(out, "{}", reading.whole(Measure::Ldl)),
            "tsh" => write!(out, "{:.2}", reading.get(Measure::Tsh)),
            "alt" => write!(out, "{}", reading.whole(Measure::Alt)),
            "cd4" => write!(out, "{}", reading.whole(Measure::Cd4)),
            "vl" => match reading.whole(Measure::ViralLoad) {
                load if load < 20 => out.write_str("<20"),
                load => write!(out, "{load}"),
            },
            "egfr" => write!(out, "{:.0}", reading.egfr(p.female, age)),
            "phq" => write!(out, "{}", reading.whole(Measure::Phq9)),
            "gad" => write!(out, "{}", reading.whole(Measure::Gad7)),
            "audit" => write!(out, "{}", reading.whole(Measure::AuditC)),
            "pain" => write!(out, "{}", reading.whole(Measure::Pain)),
            "fev" => write!(out, "{}", reading.whole(Measure::Fev1Ratio)),
            "weeks" => write!(out, "{}", visit.weeks),
            _ => Ok(()),
        };
    }
    out.push_str(rest);
}
