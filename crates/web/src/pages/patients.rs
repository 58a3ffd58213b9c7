//! Finding a patient by name, and by birth date or record number. Asked by POST, so that no name is ever in an address; the list has an
//! address that tells nothing.

use askama::Template;
use axum::body::Body;
use fhir::Json;
use http::{Response, StatusCode};
use identity::Session;
use record::RecordError;

use super::Answer;
use super::register::may_register;
use crate::answer;
use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::ask::{Asking, Sheet};
use crate::clinic::banner;
use crate::clinic::name::Name;
use crate::clinic::nicknames;
use crate::clinic::read::{all, text};
use crate::clinic::shell::{Place, Shell, finds_patients};
use crate::clinic::time;
use crate::forms::Form;
use crate::refusal::Refusal;
use crate::searches::{GONE, Searched};

const PAGE_SIZE: &str = "25";
/// Words of a name that are looked for; people have few.
const WORDS_MAX: usize = 6;
const WORD_BYTES_MAX: usize = 80;
/// In the address, where a message or task is to be about the one who is found.
const FOR_TASK: &str = "for=task";

#[derive(Template)]
#[template(path = "patients.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    asked_name: &'a str,
    asked_number: &'a str,
    said: Option<&'static str>,
    error: Option<&'static str>,
    found: Option<Found>,
    /// Found by how their names sound, beside those found by letters.
    alike: Vec<Row>,
    registers: bool,
    /// Whom a message or task is to be about.
    is_for_task: bool,
}

pub(super) struct Found {
    heading: String,
    pub rows: Vec<Row>,
    pub next: Option<String>,
    is_further: bool,
    /// What was typed, as the form of a new patient has it.
    begun: Vec<(&'static str, String)>,
}

pub(super) struct Row {
    pub id: String,
    pub name: String,
    pub born: String,
    pub age: Option<String>,
    pub sex: String,
    pub mrn: Option<String>,
    pub is_dead: bool,
    /// Another record of this patient goes on instead.
    pub is_merged: bool,
    /// Another row has the same name and birth date: two people, or one with two records.
    pub has_double: bool,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let empty = Shown::default();
    match asked.searched(&session) {
        Searched::None => Ok(shown(asked, &session, StatusCode::OK, empty)),
        Searched::Gone => Ok(shown(asked, &session, StatusCode::OK, Shown { said: Some(GONE), ..empty })),
        Searched::For(form) => look(asked, &session, &asking, &form).await,
    }
}

/// Leads to the list. It has an address of its own, so that one comes back to it.
pub async fn find(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    asking(asked, &session)?;
    let search = asked.keep_search(&session, &form, &["name", "number", "cursor"])?;
    let task = if is_for_task(asked) { format!("{FOR_TASK}&") } else { String::new() };
    Ok(answer::see(&format!("/patients?{task}{search}")))
}

async fn look(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>, form: &Form) -> Answer {
    let typed = [form.text("name").trim(), form.text("number").trim()];
    let cursor = form.text("cursor");
    let pairs = match cursor {
        "" => wanted(typed),
        cursor => vec![("_cursor", cursor.to_owned())],
    };
    let refused = |error| {
        let refused = Shown { typed, error: Some(error), ..Shown::default() };
        Ok(shown(asked, session, StatusCode::UNPROCESSABLE_ENTITY, refused))
    };
    if pairs.is_empty() {
        return refused("Type a name, a birth date or a record number first.");
    }
    match found(asking, typed, &pairs, !cursor.is_empty()).await {
        Ok((found, alike)) => {
            Ok(shown(asked, session, StatusCode::OK, Shown { typed, found: Some(found), alike, ..Shown::default() }))
        }
        Err(Refusal::Record(RecordError::TooCostly { .. })) => {
            refused("Too many patients match. Add a birth date, a record number or more letters.")
        }
        Err(Refusal::Record(RecordError::Cursor)) => refused("This list is too old to go on. Search again."),
        Err(refusal) => Err(refusal),
    }
}

/// Those whom a search finds by letters, then those found by sound.
pub(super) async fn found(
    asking: &Asking<'_>,
    typed: [&str; 2],
    pairs: &[(&str, String)],
    is_further: bool,
) -> Result<(Found, Vec<Row>), Refusal> {
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let sheet = asking.search("Patient", &pairs).await?;
    let now_ms = asking.record.now_ms();
    let found = Found::of(&sheet, typed, now_ms, is_further);
    // Behind a first page of many, more letters help and another spelling does not.
    let listens = !is_further && found.next.is_none();
    let alike = if listens { alike(asking, typed, &found, now_ms).await? } else { Vec::new() };
    Ok((found, alike))
}

/// Whoever looks for patients here asks as themselves.
pub(super) fn asking<'a>(asked: &'a Asked<'_>, session: &'a Session) -> Result<Asking<'a>, Refusal> {
    let caller = session.caller.as_ref().filter(|caller| finds_patients(asked.web, caller));
    Ok(Asking { record: asked.web.record(), caller: caller.ok_or(Refusal::NotYours)? })
}

/// Those whose names sound like what was typed, or go by a short form of it, and whom letters did not find.
async fn alike(asking: &Asking<'_>, typed: [&str; 2], found: &Found, now_ms: i64) -> Result<Vec<Row>, Refusal> {
    let Some(pairs) = sounding(typed) else { return Ok(Vec::new()) };
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let sheet = match asking.search("Patient", &pairs).await {
        Ok(sheet) => sheet,
        Err(Refusal::Record(RecordError::TooCostly { .. })) => return Ok(Vec::new()),
        Err(refusal) => return Err(refusal),
    };
    let rows = sheet.resources().iter().map(|one| Row::of(one, now_ms, false)).collect::<Vec<_>>();
    Ok(rows.into_iter().filter(|row| !found.rows.iter().any(|held| held.id == row.id)).collect())
}

/// The search by sound; none where nothing of it has one.
pub(super) fn sounding([name, number]: [&str; 2]) -> Option<Vec<(&'static str, String)>> {
    let mut has_sound = false;
    let mut pairs: Vec<(&str, String)> = Vec::new();
    for word in words(name) {
        // An initial stands for many names; a word without Latin letters has no sound here.
        if word.chars().count() > 1 && fhir::search::sounds_alike(word, word) {
            let mut each = vec![literal(word)];
            each.extend(nicknames::others(word).map(literal));
            pairs.push(("phonetic", each.join(",")));
            has_sound = true;
        } else {
            pairs.push(("name", literal(word)));
        }
    }
    pairs.extend(numbered(number));
    pairs.extend([("_sort", "family,given,birthdate".to_owned()), ("_count", PAGE_SIZE.to_owned())]);
    has_sound.then_some(pairs)
}

/// `Moss, Ada` is family name and given name; `Ada Moss` the other way round.
fn begun([name, number]: [&str; 2]) -> Vec<(&'static str, String)> {
    let (family, given) = match name.split_once(',') {
        Some((family, given)) => (family, given),
        None => name.rsplit_once(char::is_whitespace).map_or((name, ""), |(given, family)| (family, given)),
    };
    let birth = if time::typed(number).is_some() { number } else { "" };
    let typed = [("family", family.trim()), ("given", given.trim()), ("birth", birth)];
    typed.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, text.to_owned())).collect()
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    let words = name.split(|letter: char| letter.is_whitespace() || letter == ',').filter(|word| !word.is_empty());
    words.take(WORDS_MAX)
}

/// A birth date or a record number.
fn numbered(number: &str) -> Option<(&'static str, String)> {
    match (number, time::typed(number)) {
        ("", _) => None,
        (_, Some(date)) => Some(("birthdate", date)),
        // Numbers are typed in either case and kept in one.
        (number, None) => Some(("identifier", format!("{},{}", literal(number), literal(&number.to_uppercase())))),
    }
}

/// The search for what was typed; empty if that was nothing.
pub(super) fn wanted([name, number]: [&str; 2]) -> Vec<(&'static str, String)> {
    let mut pairs: Vec<(&str, String)> = words(name).map(|word| ("name", literal(word))).collect();
    pairs.extend(numbered(number));
    if !pairs.is_empty() {
        pairs.extend([("_sort", "family,given,birthdate".to_owned()), ("_count", PAGE_SIZE.to_owned())]);
    }
    pairs
}

/// As a search value: what separates there (R4, search.html#escaping) is meant literally here.
pub(super) fn literal(word: &str) -> String {
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
    fn of(sheet: &Sheet, typed: [&str; 2], now_ms: i64, is_further: bool) -> Self {
        let patients = sheet.resources();
        let keys: Vec<_> = patients.iter().map(|one| (Name::of(one).listed(), text(one, "birthDate"))).collect();
        let counts = |at: usize| !is_merged(&patients[at]);
        let has_double = |at: usize| {
            counts(at) && keys.iter().enumerate().any(|(other, key)| other != at && *key == keys[at] && counts(other))
        };
        let rows = patients.iter().enumerate().map(|(at, one)| Row::of(one, now_ms, has_double(at))).collect();
        let heading = match sheet.total() {
            Some(0) => "No patient found".to_owned(),
            Some(1) => "1 patient".to_owned(),
            Some(total) => format!("{total} patients"),
            None => "Patients".to_owned(),
        };
        Self { heading, rows, next: sheet.next().map(str::to_owned), is_further, begun: begun(typed) }
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
            is_merged: is_merged(patient),
            has_double,
        }
    }
}

/// Another record of the patient goes on instead.
pub(super) fn is_merged(patient: &Json<'_>) -> bool {
    all(patient, "link").iter().any(|link| text(link, "type") == Some("replaced-by"))
}

/// What the patient is looked for: said in the address, which names nobody.
fn is_for_task(asked: &Asked<'_>) -> bool {
    let query = asked.parts.uri.query().unwrap_or_default();
    query.split('&').any(|pair| pair == FOR_TASK)
}

#[derive(Default)]
struct Shown<'t> {
    typed: [&'t str; 2],
    said: Option<&'static str>,
    error: Option<&'static str>,
    found: Option<Found>,
    alike: Vec<Row>,
}

fn shown(asked: &Asked<'_>, session: &Session, status: StatusCode, shown: Shown<'_>) -> Response<Body> {
    let Shown { typed: [asked_name, asked_number], said, error, found, alike } = shown;
    let registers = asking(asked, session).is_ok_and(|asking| may_register(&asking));
    let shell = Shell::of(asked.web, session, Place::Patients);
    let frame = Frame::of(asked.web);
    let is_for_task = is_for_task(asked);
    let page = Page { frame, shell, asked_name, asked_number, said, error, found, alike, registers, is_for_task };
    answer::page(status, &page)
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
