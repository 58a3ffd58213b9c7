//! Before a patient is made: whoever may be the same person, side by side with what was typed.

use askama::Template;
use axum::body::Body;
use fhir::Json;
use http::{Response, StatusCode};
use identity::Session;

use super::view::Who;
use crate::answer;
use crate::assets::{Asset, Frame, PATIENT_CSS};
use crate::client::Asked;
use crate::clinic::ask::{Asking, Sheet};
use crate::clinic::demographics::{Field, Values, read};
use crate::clinic::likeness::{Likeness, SHOWN_FROM, number};
use crate::clinic::nicknames;
use crate::clinic::shell::{Place, Shell};
use crate::clinic::time;
use crate::pages::patients::{is_merged, literal};
use crate::refusal::Refusal;

/// Side by side; a page holds no more columns. The likeliest come first.
const SHOWN_MAX: usize = 4;
/// Looked at for each question.
const ASKED_MAX: &str = "200";

pub struct Double {
    pub who: Who,
    pub points: u32,
    pub is_likely: bool,
    pub why: Vec<&'static str>,
    /// Another record goes on instead.
    pub is_merged: bool,
    values: Values,
}

impl Double {
    pub fn of(values: &Values, patient: &Json<'_>) -> Self {
        let likeness = Likeness::of(values, patient);
        let (points, is_likely) = (likeness.points, likeness.is_likely());
        Self {
            who: Who::of(patient),
            points,
            is_likely,
            why: likeness.why,
            is_merged: is_merged(patient),
            values: read(patient),
        }
    }
}

#[derive(Template)]
#[template(path = "patient_doubles.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    found: &'a [Double],
    more: usize,
    rows: Vec<Row>,
    /// Everything that was typed, to be sent again.
    typed: Vec<(&'static str, String)>,
    token: String,
    another: String,
    is_likely: bool,
}

/// One thing, as it was typed and as each candidate has it.
pub struct Row {
    pub label: &'static str,
    pub typed: String,
    pub held: Vec<(String, bool)>,
}

/// Born the same day; named alike; with the same phone, e-mail or number.
pub async fn find(asking: &Asking<'_>, values: &Values) -> Result<Vec<Double>, Refusal> {
    let mut questions: Vec<Vec<(&str, String)>> = Vec::new();
    // Of a year alone there are too many, and it says too little.
    if let Some(birth) = time::typed(values.text("birth")).filter(|date| date.len() == 10) {
        questions.push(vec![("birthdate", birth)]);
    }
    let families = [values.text("family"), values.text("former")];
    let families: Vec<String> = families.into_iter().filter(|name| has_sound(name)).map(literal).collect();
    let mut given = vec![values.text("given").to_owned(), values.text("preferred").to_owned()];
    let others: Vec<String> = given.iter().flat_map(|name| nicknames::others(name)).map(str::to_owned).collect();
    given.extend(others);
    let given: Vec<String> = given.iter().filter(|name| has_sound(name)).map(|name| literal(name)).collect();
    if !families.is_empty() && !given.is_empty() {
        questions.push(vec![("phonetic", families.join(",")), ("phonetic", given.join(","))]);
    } else if !families.is_empty() {
        questions.push(vec![("phonetic", families.join(","))]);
    }
    let mut contacts: Vec<String> = Vec::new();
    for name in ["mobile", "phone", "work"] {
        let digits = number(values.text(name));
        if digits.len() >= 7 {
            contacts.extend([literal(&digits), format!("1{digits}"), format!("+1{digits}")]);
        }
    }
    if !values.text("email").is_empty() {
        contacts.push(literal(values.text("email")));
    }
    if !contacts.is_empty() {
        questions.push(vec![("telecom", contacts.join(","))]);
    }
    let mut found: Vec<Double> = Vec::new();
    for question in &questions {
        let mut pairs: Vec<(&str, &str)> = question.iter().map(|(name, value)| (*name, value.as_str())).collect();
        pairs.push(("_count", ASKED_MAX));
        take(&asking.search("Patient", &pairs).await?, values, &mut found);
    }
    found.sort_by(|a, b| b.points.cmp(&a.points).then_with(|| a.who.id.cmp(&b.who.id)));
    Ok(found)
}

fn take(sheet: &Sheet, values: &Values, found: &mut Vec<Double>) {
    for patient in sheet.resources() {
        let double = Double::of(values, &patient);
        if double.points >= SHOWN_FROM && !found.iter().any(|one| one.who.id == double.who.id) {
            found.push(double);
        }
    }
}

/// What "another person" is said of: exactly these. Whoever turns up later is asked about again.
pub fn names(found: &[Double]) -> String {
    let mut ids: Vec<&str> = found.iter().map(|one| one.who.id.as_str()).collect();
    ids.sort_unstable();
    ids.join(" ")
}

pub fn page(
    asked: &Asked<'_>,
    session: &Session,
    values: &Values,
    fields: &[&'static Field],
    token: String,
    found: Vec<Double>,
) -> Response<Body> {
    let another = names(&found);
    let shown = &found[..found.len().min(SHOWN_MAX)];
    let typed: Vec<_> = fields.iter().map(|field| (field.name, values.text(field.name).to_owned())).collect();
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        css: &PATIENT_CSS,
        rows: rows(values, shown),
        more: found.len() - shown.len(),
        is_likely: found.iter().any(|one| one.is_likely),
        found: shown,
        typed: typed.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
        token,
        another,
    };
    answer::page(StatusCode::CONFLICT, &page)
}

pub fn rows(values: &Values, found: &[Double]) -> Vec<Row> {
    let say = |label: &'static str, of: &dyn Fn(&Values) -> String| {
        let typed = of(values);
        let held = found.iter().map(|one| {
            let held = of(&one.values);
            let is_same = !held.is_empty() && fhir::search::folded(&held) == fhir::search::folded(&typed);
            (held, is_same)
        });
        Row { label, held: held.collect(), typed }
    };
    let joined = |values: &Values, names: &[&str]| {
        let parts = names.iter().map(|name| values.text(name)).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(" ")
    };
    let gender = |values: &Values| {
        crate::clinic::demographics::said(crate::clinic::demographics::GENDERS, values.text("gender"))
    };
    vec![
        say("Family name", &|values| values.text("family").to_uppercase()),
        say("Given names", &|values| joined(values, &["given", "middle"])),
        say("Preferred name", &|values| values.text("preferred").to_owned()),
        say("Previous name", &|values| values.text("former").to_owned()),
        say("Born", &|values| time::typed(values.text("birth")).map(|date| time::day(&date)).unwrap_or_default()),
        say("Sex", &gender),
        say("Mobile", &|values| values.text("mobile").to_owned()),
        say("Home phone", &|values| values.text("phone").to_owned()),
        say("E-mail", &|values| values.text("email").to_owned()),
        say("Address", &|values| joined(values, &["line", "line2", "city", "state", "zip"])),
    ]
    .into_iter()
    .filter(|row| !row.typed.is_empty() || row.held.iter().any(|(held, _)| !held.is_empty()))
    .collect()
}

/// Without letters there is nothing to listen to.
fn has_sound(name: &str) -> bool {
    fhir::search::sounds_alike(name, name)
}
