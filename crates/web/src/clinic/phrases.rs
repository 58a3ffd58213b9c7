//! Dot phrases: `.bp` and its kin stand for data of the chart. The server looks it up as the author, and marks it.

use fhir::Json;
use jiff::tz::TimeZone;

use super::ask::Asking;
use super::banner::Allergies;
use super::day::{self, Day};
use super::names::Names;
use super::note::{Content, pulled};
use super::own::Own;
use super::read::{text, words_of};
use super::{time, value, visit};
use crate::pages::{medicines_said, problems_said, vital_name};
use crate::refusal::Refusal;

/// Each with what it brings.
pub const PHRASES: [(&str, &str); 6] = [
    (".vitals", "the last vital signs"),
    (".bp", "the last blood pressure"),
    (".meds", "current medicines"),
    (".allergies", "allergies"),
    (".problems", "active problems"),
    (ORDERS, "orders and prescriptions of this visit"),
];
pub const ORDERS: &str = ".orders";
/// Measured, and not taken back (R4, observation-status).
const HOLDS: (&str, &str) = ("status", "final,amended,corrected,preliminary");
/// Phrases of one note that are looked up.
const EXPANDED_MAX: usize = 20;

/// Puts the chart's data, and the author's own words, where phrases stand.
pub async fn expand(
    asking: &Asking<'_>,
    (patient_id, encounter): (&str, Option<&str>),
    own: &Own,
    zone: &TimeZone,
    content: &mut Content,
) -> Result<(), Refusal> {
    let mut said: Vec<(&str, String)> = Vec::new();
    let mut left = EXPANDED_MAX;
    for part in content.texts_mut() {
        while left > 0 {
            let Some((at, phrase)) = first(part, own) else { break };
            left -= 1;
            let held = said.iter().find(|(known, _)| *known == phrase).map(|(_, said)| said.clone());
            let data = match held {
                Some(data) => data,
                None => {
                    let data = match own.phrase(phrase) {
                        Some(own) => own.text.clone(),
                        None => one(asking, (patient_id, encounter), zone, phrase).await?,
                    };
                    said.push((phrase, data.clone()));
                    data
                }
            };
            part.replace_range(at..at + phrase.len(), &data);
        }
    }
    Ok(())
}

/// What one phrase stands for now; the phrase itself if it is none.
async fn one(
    asking: &Asking<'_>,
    (patient_id, encounter): (&str, Option<&str>),
    zone: &TimeZone,
    phrase: &str,
) -> Result<String, Refusal> {
    let today = time::day(&Day::of(asking.record.now_ms(), zone).iso());
    let patient = ("patient", patient_id);
    let data = match phrase {
        ".bp" => {
            let asked = [patient, ("code", "http://loinc.org|85354-9"), HOLDS, ("_sort", "-date"), ("_count", "1")];
            let sheet = asking.search_if_ever("Observation", &asked).await?;
            let readings = sheet.resources();
            readings
                .first()
                .map_or_else(|| "no blood pressure is recorded".to_owned(), |one| format!("BP {}", reading(one, zone)))
        }
        ".vitals" => {
            let asked = [patient, ("category", "vital-signs"), HOLDS, ("_sort", "-date"), ("_count", "60")];
            let sheet = asking.search_if_ever("Observation", &asked).await?;
            latest(&sheet.resources(), zone)
        }
        ".meds" => {
            let asked = [patient, ("status", "active"), ("_sort", "-authoredon"), ("_count", "100")];
            let sheet = asking.search_if_ever("MedicationRequest", &asked).await?;
            let held = sheet.resources();
            let names = Names::of(asking, &held, std::iter::empty()).await?;
            listed(medicines_said(&held, &names), "no current medicines are recorded")
        }
        ".problems" => {
            let asked = [patient, ("category:not", "encounter-diagnosis"), ("_count", "200")];
            let sheet = asking.search_if_ever("Condition", &asked).await?;
            listed(problems_said(&sheet.resources()), "no active problems are recorded")
        }
        ".allergies" => {
            let sheet = asking.search_if_ever("AllergyIntolerance", &[patient, ("_count", "100")]).await?;
            match Allergies::of(&sheet.resources(), &Names::default(), zone) {
                Allergies::Listed(list) => {
                    let said = list.iter().map(|one| match one.detail() {
                        none if none.is_empty() => one.substance.clone(),
                        detail => format!("{} ({detail})", one.substance),
                    });
                    said.collect::<Vec<_>>().join("; ")
                }
                Allergies::NoneKnown { what, .. } => what.to_owned(),
                _ => "allergies are not recorded".to_owned(),
            }
        }
        ORDERS => {
            let made = visit::made(asking, patient_id, encounter, zone).await?;
            listed(made.iter().map(visit::Made::said).collect(), "nothing was ordered or prescribed")
        }
        other => return Ok(other.to_owned()),
    };
    Ok(pulled(&today, &data))
}

/// The first phrase that stands alone, and where.
fn first<'o>(text: &str, own: &'o Own) -> Option<(usize, &'o str)> {
    let known = PHRASES.iter().map(|(phrase, _)| *phrase).chain(own.phrases.iter().map(|one| one.name.as_str()));
    let found = known.filter_map(|phrase| {
        let stands_alone = |at: usize| {
            let before = text[..at].chars().next_back().is_none_or(char::is_whitespace);
            let after = text[at + phrase.len()..].chars().next();
            before && after.is_none_or(|c| c.is_whitespace() || matches!(c, ',' | ';' | '.' | ')'))
        };
        let at = text.match_indices(phrase).map(|(at, _)| at).find(|at| stands_alone(*at))?;
        Some((at, phrase))
    });
    found.min_by_key(|(at, _)| *at)
}

fn listed(said: Vec<String>, none: &str) -> String {
    if said.is_empty() { none.to_owned() } else { said.join("; ") }
}

/// The newest of each measure, those of one day together.
fn latest(observations: &[Json<'_>], zone: &TimeZone) -> String {
    let mut seen: Vec<String> = Vec::new();
    let mut days: Vec<(String, Vec<String>)> = Vec::new();
    for one in observations {
        let Some(name) = vital_name(one).map(str::to_owned).or_else(|| words_of(one, "code")) else { continue };
        if seen.contains(&name) {
            continue;
        }
        let said = format!("{name} {}", value::whole(&value::of(one)));
        seen.push(name);
        let day = day(one, zone);
        match days.iter_mut().find(|(held, _)| *held == day) {
            Some((_, list)) => list.push(said),
            None => days.push((day, vec![said])),
        }
    }
    let said = days.into_iter().map(|(day, list)| format!("{} on {day}", list.join(", "))).collect();
    listed(said, "no vital signs are recorded")
}

fn reading(observation: &Json<'_>, zone: &TimeZone) -> String {
    format!("{} on {}", value::whole(&value::of(observation)), day(observation, zone))
}

fn day(observation: &Json<'_>, zone: &TimeZone) -> String {
    let taken = text(observation, "effectiveDateTime");
    taken.map_or_else(|| time::NOT_KNOWN.to_owned(), |at| day::day_of(at, zone))
}

#[cfg(test)]
mod tests {
    use super::{Own, first};

    fn first_of(text: &str) -> Option<(usize, String)> {
        first(text, &Own::default()).map(|(at, phrase)| (at, phrase.to_owned()))
    }

    #[test]
    fn a_phrase_stands_alone() {
        assert_eq!(first_of("see .bp today"), Some((4, ".bp".to_owned())));
        assert_eq!(first_of(".meds"), Some((0, ".meds".to_owned())));
        assert_eq!(first_of("a\n.vitals, .bp"), Some((2, ".vitals".to_owned())));
        for none in ["2.bp", ".bpm", "..bp", "word.meds", "", ".unknown"] {
            assert_eq!(first_of(none), None, "{none}");
        }
    }
}
