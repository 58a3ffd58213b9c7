//! Who the patient is and what comes next: problems, medicines, care team; appointments, orders, immunizations, documents, visits.
//!
//! Each takes what its search disclosed and says it in rows. What is over is left to the history of the chart.

use std::collections::HashMap;

use fhir::Json;
use jiff::civil::Date;

use super::reading::Reading;
use crate::clinic::addenda;
use crate::clinic::names::Names;
use crate::clinic::note;
use crate::clinic::read::{all, any_code, at, code, reference, text, words, words_of};
use crate::pages::medicines::lines::is_masked;

pub const CANCELLED: &str = "cancelled";
const ICD: &str = "http://hl7.org/fhir/sid/icd-10-cm";

/// A row with a line under it.
#[derive(Default)]
pub struct Row {
    pub main: String,
    /// The page of its own, if it has one.
    pub to: Option<String>,
    /// At the right: a date or a state.
    pub side: String,
    /// Said with a chip: overdue, draft, on hold.
    pub mark: Option<&'static str>,
    /// Source, author, date: what is short stays on one line.
    pub under: Vec<String>,
    /// `new` or `changed` since one last looked.
    pub news: Option<&'static str>,
}

pub struct Plan {
    pub news: Option<&'static str>,
    pub title: String,
    pub activities: Vec<String>,
    pub source: Vec<String>,
}

pub struct Member {
    pub name: String,
    pub role: String,
}

fn sentence(parts: impl IntoIterator<Item = Option<String>>) -> Vec<String> {
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect()
}

/// The page of a thing in a chart, where such pages open.
fn page_of(one: &Json<'_>, room: &str, chart: Option<&str>) -> Option<String> {
    Some(format!("/patients/{}/{room}/{}", chart?, text(one, "id")?))
}

fn named(resource: &Json<'_>, element: &str, unnamed: &str) -> String {
    words_of(resource, element).unwrap_or_else(|| unnamed.to_owned())
}

/// Active problems, newest first, then those that are over.
pub fn problems(conditions: &[Json<'_>], reading: &Reading<'_>) -> (Vec<Row>, Vec<Row>) {
    let (mut active, mut over) = (Vec::new(), Vec::new());
    let verified = |one: &Json<'_>| one.get("verificationStatus").and_then(any_code).map(str::to_owned);
    let mut sorted: Vec<&Json<'_>> = conditions
        .iter()
        .filter(|one| !matches!(verified(one).as_deref(), Some("refuted" | "entered-in-error")))
        .collect();
    sorted.sort_by(|a, b| onset(b).cmp(&onset(a)));
    for one in sorted {
        let is_over =
            matches!(one.get("clinicalStatus").and_then(any_code), Some("inactive" | "remission" | "resolved"));
        let since = onset(one).map(|date| format!("since {}", reading.day(date)));
        let until = text(one, "abatementDateTime").map(|date| format!("until {}", reading.day(date)));
        let icd = one.get("code").and_then(|concept| code(concept, ICD)).map(str::to_owned);
        let recorded = text(one, "recordedDate").map(|date| format!("recorded {}", reading.day(date)));
        let row = Row {
            to: None,
            main: named(one, "code", "Problem without a name"),
            side: String::new(),
            mark: (verified(one).as_deref() == Some("provisional")).then_some("provisional"),
            under: sentence([since, until, icd, recorded, one.get("recorder").and_then(|by| reading.name(by))]),
            news: reading.news(one),
        };
        if is_over { over.push(row) } else { active.push(row) }
    }
    (active, over)
}

fn onset<'j>(condition: &'j Json<'_>) -> Option<&'j str> {
    text(condition, "onsetDateTime").or_else(|| text(at(condition, &["onsetPeriod"])?, "start"))
}

/// What the patient should be taking: prescribed, each with its page in this chart, then what they or others report.
pub fn medicines(
    requests: &[Json<'_>],
    statements: &[Json<'_>],
    chart: Option<&str>,
    reading: &Reading<'_>,
) -> Vec<Row> {
    let name = |one: &Json<'_>| {
        let coded = one.get("medicationCodeableConcept").and_then(words);
        let named = coded.or_else(|| reading.name(one.get("medicationReference")?));
        named.map_or_else(|| "Medicine without a name".to_owned(), |name| legible(&name))
    };
    let doses = |one: &Json<'_>, element: &str| {
        let said: Vec<&str> = all(one, element)
            .iter()
            .filter_map(|dose| text(dose, "text"))
            .map(|said| said.trim_end_matches('.'))
            .collect();
        (!said.is_empty()).then(|| said.join("; "))
    };
    let state = |one: &Json<'_>| match text(one, "status") {
        Some("on-hold") => Some("on hold"),
        Some("draft") => Some("draft"),
        _ => None,
    };
    let prescribed = requests.iter().map(|one| Row {
        to: page_of(one, "prescriptions", chart),
        main: name(one),
        side: String::new(),
        mark: state(one),
        under: sentence([
            doses(one, "dosageInstruction"),
            text(one, "authoredOn").map(|at| reading.day(at)),
            one.get("requester").and_then(|by| reading.name(by)),
        ]),
        news: reading.news(one),
    });
    // What is said of a medicine without its name is for who sees the prescription.
    let prescription = |one: &Json<'_>| {
        let based: Vec<&str> = all(one, "basedOn").iter().filter_map(reference).map(|(_, id)| id).collect();
        requests.iter().find(|one| text(one, "id").is_some_and(|id| based.contains(&id)))
    };
    let told = |one: &Json<'_>| if is_masked(one) { prescription(one).map(name) } else { Some(name(one)) };
    let reported = statements.iter().filter_map(|one| Some((one, told(one)?))).map(|(one, main)| Row {
        to: None,
        main,
        side: "reported".to_owned(),
        mark: state(one),
        under: sentence([
            doses(one, "dosage"),
            text(one, "dateAsserted").map(|at| reading.day(at)),
            one.get("informationSource").and_then(|by| reading.name(by)),
        ]),
        news: reading.news(one),
    });
    prescribed.chain(reported).collect()
}

/// What came to its end, and how: `stopped`, `completed`, `cancelled`; a mistake was never taken.
pub fn ended(requests: &[Json<'_>], reading: &Reading<'_>) -> Vec<(String, &'static str)> {
    let mut said = Vec::new();
    for one in requests.iter().filter(|one| reading.news(one).is_some()) {
        let how = match text(one, "status") {
            Some("stopped") => "stopped",
            Some("completed") => "completed",
            Some("cancelled") => CANCELLED,
            Some("entered-in-error") => "a mistake, taken back",
            _ => continue,
        };
        said.extend(medicines(std::slice::from_ref(one), &[], None, reading).into_iter().map(|row| (row.main, how)));
    }
    said
}

/// As one line each: for a note.
pub fn medicines_said(requests: &[Json<'_>], names: &Names) -> Vec<String> {
    let rows = medicines(requests, &[], None, &Reading::plain(names)).into_iter();
    let said = rows.zip(requests).map(|(row, one)| {
        let dosed = all(one, "dosageInstruction").iter().any(|dose| text(dose, "text").is_some());
        match row.under.first().filter(|_| dosed) {
            Some(dose) => format!("{}, {dose}", row.main),
            None => row.main,
        }
    });
    said.collect()
}

pub fn problems_said(conditions: &[Json<'_>]) -> Vec<String> {
    let (active, _) = problems(conditions, &Reading::plain(&Names::default()));
    active.into_iter().map(|row| row.main).collect()
}

/// RxNorm writes units in capitals; people must not read MG as a name, nor ML as one (ISMP, electronic communication of doses).
pub fn legible(medicine: &str) -> String {
    let unit = |word: &str| match word {
        "MG" => Some("mg"),
        "MCG" => Some("mcg"),
        "ML" => Some("mL"),
        "MG/ML" => Some("mg/mL"),
        "MG/ACTUAT" => Some("mg per puff"),
        "MCG/ACTUAT" => Some("mcg per puff"),
        _ => None,
    };
    medicine.split(' ').map(|word| unit(word).unwrap_or(word)).collect::<Vec<_>>().join(" ")
}

pub fn care_team(teams: &[Json<'_>], patient: &Json<'_>, reading: &Reading<'_>) -> Vec<Member> {
    let mut members: Vec<Member> = Vec::new();
    let mut add = |name: Option<String>, role: String| {
        if let Some(name) = name
            && !members.iter().any(|held| held.name == name)
        {
            members.push(Member { name, role });
        }
    };
    for participant in teams.iter().flat_map(|team| all(team, "participant")) {
        // The patient is on the own team, and in the banner.
        let Some(member) = participant.get("member").filter(|one| !is_patient(one)) else { continue };
        add(reading.name(member), named(participant, "role", ""));
    }
    for one in all(patient, "generalPractitioner") {
        add(reading.name(one), "Attributed".to_owned());
    }
    members
}

fn is_patient(member: &Json<'_>) -> bool {
    matches!(reference(member), Some(("Patient" | "RelatedPerson", _)))
}

pub fn plans(plans: &[Json<'_>], reading: &Reading<'_>) -> Vec<Plan> {
    let plan = |one: &Json<'_>| Plan {
        news: reading.news(one),
        title: text(one, "title").or_else(|| text(one, "description")).unwrap_or("Care plan").to_owned(),
        activities: all(one, "activity")
            .iter()
            .filter_map(|activity| activity.get("detail"))
            .filter_map(|detail| text(detail, "description").map(str::to_owned).or_else(|| words(detail.get("code")?)))
            .collect(),
        source: sentence([
            one.get("author").and_then(|by| reading.name(by)),
            text(one, "created").map(|at| reading.day(at)),
        ]),
    };
    plans.iter().map(plan).collect()
}

pub fn appointments(booked: &[Json<'_>], reading: &Reading<'_>) -> Vec<Row> {
    let row = |one: &Json<'_>| {
        let actors = all(one, "participant").iter().filter_map(|part| part.get("actor"));
        let with = { actors }.find(|actor| matches!(reference(actor), Some(("Practitioner", _))));
        Row {
            to: None,
            main: text(one, "start").map_or_else(|| "Time not set".to_owned(), |at| reading.moment(at)),
            side: match text(one, "status") {
                Some("arrived" | "checked-in") => "here",
                Some("proposed" | "pending") => "not confirmed",
                _ => "booked",
            }
            .to_owned(),
            mark: None,
            under: sentence([
                text(one, "description").map(str::to_owned).or_else(|| words_of(one, "serviceType")),
                with.and_then(|actor| reading.name(actor)),
                words_of(one, "reasonCode"),
            ]),
            news: reading.news(one),
        }
    };
    booked.iter().map(row).collect()
}

/// What was ordered and has no end yet. One whose time is over is overdue.
pub fn orders(requests: &[Json<'_>], chart: Option<&str>, reading: &Reading<'_>, today: Date) -> Vec<Row> {
    let today = today.to_string();
    let row = |one: &Json<'_>| {
        let due = text(one, "occurrenceDateTime").or_else(|| text(at(one, &["occurrencePeriod"])?, "end"));
        let is_late = due.is_some_and(|due| due.get(..10).is_some_and(|day| day < today.as_str()));
        Row {
            to: page_of(one, "orders", chart),
            main: named(one, "code", "Order without a name"),
            side: due.map(|due| format!("due {}", reading.day(due))).unwrap_or_default(),
            mark: match text(one, "status") {
                Some("draft") => Some("draft"),
                Some("on-hold") => Some("on hold"),
                _ => is_late.then_some("overdue"),
            },
            under: sentence([
                text(one, "authoredOn").map(|date| format!("ordered {}", reading.day(date))),
                one.get("requester").and_then(|by| reading.name(by)),
                text(one, "priority").filter(|priority| *priority != "routine").map(str::to_uppercase),
            ]),
            news: reading.news(one),
        }
    };
    requests.iter().map(row).collect()
}

/// The latest dose of each vaccine, and how many there were.
pub fn immunizations(given: &[Json<'_>], reading: &Reading<'_>) -> Vec<Row> {
    let mut rows: Vec<(Row, u32)> = Vec::new();
    for one in given {
        let main = named(one, "vaccineCode", "Vaccine without a name");
        if let Some((row, doses)) = rows.iter_mut().find(|(row, _)| row.main == main) {
            *doses += 1;
            row.news = row.news.or(reading.news(one));
            continue;
        }
        let by = all(one, "performer").iter().find_map(|part| reading.name(part.get("actor")?));
        let reported = one.get("primarySource").and_then(Json::as_bool) == Some(false);
        let side = text(one, "occurrenceDateTime")
            .map(|at| reading.day(at))
            .or(text(one, "occurrenceString").map(str::to_owned));
        let under = sentence([by, reported.then(|| "from other records".to_owned())]);
        rows.push((
            Row { main, to: None, side: side.unwrap_or_default(), mark: None, under, news: reading.news(one) },
            1,
        ));
    }
    let counted = |(row, doses): (Row, u32)| match doses {
        1 => row,
        doses => {
            let mut under = vec![format!("{doses} doses, the last on this day")];
            under.extend(row.under);
            Row { under, ..row }
        }
    };
    rows.into_iter().map(counted).collect()
}

pub fn documents(held: &[Json<'_>], patient_id: &str, reading: &Reading<'_>) -> Vec<Row> {
    let row = |one: &Json<'_>| Row {
        main: addenda::titled(
            one,
            text(one, "description").map_or_else(|| named(one, "type", "Document without a title"), str::to_owned),
        ),
        to: text(one, "id").map(|id| {
            let room = if note::is_text(one) { "notes" } else { "documents" };
            format!("/patients/{patient_id}/{room}/{id}")
        }),
        side: text(one, "date").map(|at| reading.day(at)).unwrap_or_default(),
        mark: (text(one, "docStatus") == Some("preliminary")).then_some("not signed"),
        under: sentence([reading.names.first(one, "author"), words_of(one, "category")]),
        news: reading.news(one),
    };
    held.iter().filter(|one| text(one, "status") != Some("entered-in-error")).map(row).collect()
}

/// Visits, newest first, with what they were about. A visit has no page but its note.
pub fn encounters(
    visits: &[Json<'_>],
    reasons: &HashMap<String, String>,
    notes: &HashMap<String, String>,
    reading: &Reading<'_>,
) -> Vec<Row> {
    let row = |one: &Json<'_>| {
        let told = |element: &Json<'_>| reasons.get(reference(element)?.1).cloned();
        let reason = words_of(one, "reasonCode")
            .or_else(|| all(one, "reasonReference").iter().find_map(told))
            .or_else(|| all(one, "diagnosis").iter().find_map(|part| told(part.get("condition")?)));
        let class = one.get("class").and_then(|class| text(class, "code")).map(|class| match class {
            "AMB" => "In person",
            "VR" => "Video",
            "EMER" => "Emergency",
            "IMP" | "ACUTE" | "NONAC" => "Inpatient",
            "HH" => "At home",
            _ => "Visit",
        });
        let with = all(one, "participant").iter().find_map(|part| reading.name(part.get("individual")?));
        let start = at(one, &["period"]).and_then(|period| text(period, "start"));
        Row {
            to: text(one, "id").and_then(|id| notes.get(id)).cloned(),
            main: reason.unwrap_or_else(|| named(one, "type", "Visit")),
            side: start.map(|at| reading.moment(at)).unwrap_or_default(),
            mark: (text(one, "status") == Some("in-progress")).then_some("open now"),
            under: sentence([class.map(str::to_owned), words_of(one, "type"), with]),
            news: reading.news(one),
        }
    };
    visits
        .iter()
        .filter(|one| !matches!(text(one, "status"), Some("cancelled" | "entered-in-error")))
        .map(row)
        .collect()
}

/// The pages of notes, by the visit that they are of. What was added to a note stands under it.
pub fn notes_of_visits(documents: &[Json<'_>], patient_id: &str) -> HashMap<String, String> {
    let signed = documents.iter().filter(|one| note::is_text(one) && addenda::adds_to(one).is_none());
    let stands = signed.filter(|one| text(one, "status") == Some("current"));
    let of_visit = stands.filter_map(|one| {
        let visits = all(one.get("context")?, "encounter").iter().filter_map(reference);
        let page = format!("/patients/{patient_id}/notes/{}", text(one, "id")?);
        Some((visits.filter(|(kind, _)| *kind == "Encounter").map(|(_, id)| id.to_owned()).next()?, page))
    });
    of_visit.collect()
}

/// Conditions that visits refer to as their reason.
pub fn reasons_named(visits: &[Json<'_>]) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for one in visits {
        let parts = all(one, "diagnosis").iter().filter_map(|part| part.get("condition"));
        let referred = all(one, "reasonReference").iter().chain(parts).filter_map(reference);
        ids.extend(referred.filter(|(kind, _)| *kind == "Condition").map(|(_, id)| id.to_owned()));
    }
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed<'t>(texts: &[&'t str]) -> Vec<Json<'t>> {
        texts.iter().filter_map(|text| Json::parse_str(text).ok()).collect()
    }

    #[test]
    fn problems_that_are_over_or_refuted_do_not_stand_among_those_that_hold() {
        let held = parsed(&[
            r#"{"code":{"text":"Gout"},"clinicalStatus":{"coding":[{"code":"active"}]},"onsetDateTime":"2014"}"#,
            r#"{"code":{"text":"Otitis"},"clinicalStatus":{"coding":[{"code":"resolved"}]},"abatementDateTime":"2020-02"}"#,
            r#"{"code":{"text":"Asthma"},"verificationStatus":{"coding":[{"code":"refuted"}]}}"#,
        ]);
        let (active, over) = problems(&held, &Reading::plain(&Names::default()));
        let said =
            |rows: &[Row]| rows.iter().map(|row| format!("{}: {}", row.main, row.under.join(", "))).collect::<Vec<_>>();
        assert_eq!(said(&active), ["Gout: since 2014"]);
        assert_eq!(said(&over), ["Otitis: until Feb-2020"]);
    }

    #[test]
    fn an_order_whose_day_is_over_is_overdue() {
        let held = parsed(&[
            r#"{"status":"active","code":{"text":"Eye"},"occurrenceDateTime":"2026-11-01"}"#,
            r#"{"status":"active","code":{"text":"Ear"},"occurrenceDateTime":"2026-11-22"}"#,
            r#"{"status":"draft","code":{"text":"Toe"}}"#,
        ]);
        let rows = orders(&held, None, &Reading::plain(&Names::default()), Date::constant(2026, 11, 22));
        assert_eq!(rows.iter().map(|row| row.mark).collect::<Vec<_>>(), [Some("overdue"), None, Some("draft")]);
    }

    #[test]
    fn a_medicine_is_written_so_that_its_dose_is_read() {
        assert_eq!(legible("metformin 500 MG Oral Tablet"), "metformin 500 mg Oral Tablet");
        assert_eq!(legible("albuterol 0.09 MG/ACTUAT"), "albuterol 0.09 mg per puff");
    }
}
