//! Finding a patient by name, and by birth date or record number. Asked by POST, so that no name is ever in an address.

use askama::Template;
use axum::body::Body;
use fhir::Json;
use http::{Response, StatusCode};
use identity::Session;
use record::RecordError;

use super::Answer;
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::ask::{Asking, Sheet};
use crate::clinic::banner;
use crate::clinic::name::Name;
use crate::clinic::read::text;
use crate::clinic::shell::{Place, Shell, finds_patients};
use crate::clinic::time;
use crate::refusal::Refusal;

const PAGE_SIZE: &str = "25";
/// Words of a name that are looked for; people have few.
const WORDS_MAX: usize = 6;
const WORD_BYTES_MAX: usize = 80;

#[derive(Template)]
#[template(path = "patients.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    asked_name: &'a str,
    asked_number: &'a str,
    error: Option<&'static str>,
    found: Option<Found>,
}

struct Found {
    heading: String,
    rows: Vec<Row>,
    next: Option<String>,
    is_further: bool,
}

struct Row {
    id: String,
    name: String,
    born: String,
    age: Option<String>,
    sex: String,
    mrn: Option<String>,
    is_dead: bool,
    /// Another row has the same name and birth date: two people, or one with two records.
    has_double: bool,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    asking(asked, &session)?;
    Ok(shown(asked, &session, StatusCode::OK, ["", ""], None, None))
}

pub async fn find(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    let typed = [form.text("name").trim(), form.text("number").trim()];
    let cursor = form.text("cursor");
    let pairs = match cursor {
        "" => wanted(typed),
        cursor => vec![("_cursor", cursor.to_owned())],
    };
    if pairs.is_empty() {
        let error = Some("Type a name, a birth date or a record number first.");
        return Ok(shown(asked, &session, StatusCode::UNPROCESSABLE_ENTITY, typed, error, None));
    }
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    match asking.search("Patient", &pairs).await {
        Ok(sheet) => {
            let found = Found::of(&sheet, asking.record.now_ms(), !cursor.is_empty());
            Ok(shown(asked, &session, StatusCode::OK, typed, None, Some(found)))
        }
        Err(Refusal::Record(RecordError::TooCostly { .. })) => {
            let error = Some("Too many patients match. Add a birth date, a record number or more letters.");
            Ok(shown(asked, &session, StatusCode::UNPROCESSABLE_ENTITY, typed, error, None))
        }
        Err(Refusal::Record(RecordError::Cursor)) => {
            let error = Some("This list is too old to go on. Search again.");
            Ok(shown(asked, &session, StatusCode::UNPROCESSABLE_ENTITY, typed, error, None))
        }
        Err(refusal) => Err(refusal),
    }
}

/// Whoever looks for patients here asks as themselves.
pub(super) fn asking<'a>(asked: &'a Asked<'_>, session: &'a Session) -> Result<Asking<'a>, Refusal> {
    let caller = session.caller.as_ref().filter(|caller| finds_patients(asked.web, caller));
    Ok(Asking { record: asked.web.record(), caller: caller.ok_or(Refusal::NotYours)? })
}

/// The search for what was typed; empty if that was nothing.
pub(super) fn wanted([name, number]: [&str; 2]) -> Vec<(&'static str, String)> {
    let words = name.split(|letter: char| letter.is_whitespace() || letter == ',').filter(|word| !word.is_empty());
    let mut pairs: Vec<(&str, String)> = words.take(WORDS_MAX).map(|word| ("name", literal(word))).collect();
    match (number, time::typed(number)) {
        ("", _) => {}
        (_, Some(date)) => pairs.push(("birthdate", date)),
        // Numbers are typed in either case and kept in one.
        (number, None) => {
            pairs.push(("identifier", format!("{},{}", literal(number), literal(&number.to_uppercase()))))
        }
    }
    if !pairs.is_empty() {
        pairs.extend([("_sort", "family,given,birthdate".to_owned()), ("_count", PAGE_SIZE.to_owned())]);
    }
    pairs
}

/// As a search value: what separates there (R4, search.html#escaping) is meant literally here.
fn literal(word: &str) -> String {
    let word = &word[..word.floor_char_boundary(WORD_BYTES_MAX)];
    let mut out = String::with_capacity(word.len());
    for letter in word.chars() {
        if matches!(letter, '\\' | ',' | '|' | '$') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

impl Found {
    fn of(sheet: &Sheet, now_ms: i64, is_further: bool) -> Self {
        let patients = sheet.resources();
        let keys: Vec<_> = patients.iter().map(|one| (Name::of(one).listed(), text(one, "birthDate"))).collect();
        let has_double = |at: usize| keys.iter().enumerate().any(|(other, key)| other != at && *key == keys[at]);
        let rows = patients.iter().enumerate().map(|(at, one)| Row::of(one, now_ms, has_double(at))).collect();
        let heading = match sheet.total() {
            Some(0) => "No patient found".to_owned(),
            Some(1) => "1 patient".to_owned(),
            Some(total) => format!("{total} patients"),
            None => "Patients".to_owned(),
        };
        Self { heading, rows, next: sheet.next().map(str::to_owned), is_further }
    }
}

impl Row {
    fn of(patient: &Json<'_>, now_ms: i64, has_double: bool) -> Self {
        let birth = text(patient, "birthDate");
        let is_dead = patient.get("deceasedDateTime").is_some()
            || patient.get("deceasedBoolean").and_then(Json::as_bool) == Some(true);
        Self {
            id: text(patient, "id").unwrap_or_default().to_owned(),
            name: Name::of(patient).listed(),
            born: birth.map_or_else(|| time::NOT_KNOWN.to_owned(), time::day),
            age: birth.filter(|_| !is_dead).and_then(|birth| time::age(birth, time::today(now_ms))),
            sex: banner::sex(patient),
            mrn: banner::record_number(patient).map(str::to_owned),
            is_dead,
            has_double,
        }
    }
}

fn shown(
    asked: &Asked<'_>,
    session: &Session,
    status: StatusCode,
    [asked_name, asked_number]: [&str; 2],
    error: Option<&'static str>,
    found: Option<Found>,
) -> Response<Body> {
    let shell = Shell::of(asked.web, session, Place::Patients);
    answer::page(status, &Page { frame: Frame::of(asked.web), shell, asked_name, asked_number, error, found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_a_search_and_nothing_else() {
        let asked = |name: &str, number: &str| {
            let pairs = wanted([name, number]);
            pairs.iter().filter(|(name, _)| !name.starts_with('_')).map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>()
        };
        assert_eq!(asked("adeyemi, ruth", ""), ["name=adeyemi", "name=ruth"]);
        assert_eq!(asked("", "14-Jul-1968"), ["birthdate=1968-07-14"]);
        assert_eq!(asked("", "ws-1"), ["identifier=ws-1,WS-1"]);
        assert_eq!(asked("o|m$", "a,b"), [r"name=o\|m\$", r"identifier=a\,b,A\,B"]);
        assert!(wanted(["", ""]).is_empty() && wanted([" , ", ""]).is_empty());
    }
}
