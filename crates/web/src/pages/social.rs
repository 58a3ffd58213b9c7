//! What a patient says of themselves that lies in no Patient: sexual orientation and occupation, as Observations (US Core 6.1.0, USCDI
//! v3). What the collection policy refuses is not asked; what was taken back stays as an error.

use access::CollectValue;
use askama::Template;
use fhir::Json;
use http::StatusCode;
use identity::Session;
use record::PART2_NOTICE;
use serde_json::{Value, json};

use super::Answer;
use super::patients::asking;
use crate::answer;
use crate::assets::{Asset, Frame, LISTS};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::deed::{self, Author, Deed, Done};
use crate::clinic::head::{Head, opened};
use crate::clinic::read::{LOINC, all, any_code, at, code, text, words};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::tabs::{Tab, tabs};
use crate::clinic::time;
use crate::clinic::token;
use crate::clinic::typed::Typed;
use crate::refusal::Refusal;

const KIND: &str = "Observation";
const ORIENTATION: &str = "76690-7";
const OCCUPATION: &str = "11341-5";
const INDUSTRY: &str = "86188-0";
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
const SNOMED: &str = "http://snomed.info/sct";
const NULL_FLAVOR: &str = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor";
const PROFILE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-";
/// US Core 6.1.0, us-core-sexual-orientation; said as 45 CFR 170.207(o) says it.
const ORIENTATIONS: [(&str, &str); 6] = [
    ("38628009", "Lesbian, gay or homosexual"),
    ("20430005", "Straight or heterosexual"),
    ("42035005", "Bisexual"),
    ("OTH", "Something else"),
    ("UNK", "Does not know"),
    ("ASKU", "Chose not to say"),
];
const FIELDS: [&str; 4] = ["orientation", "other", "occupation", "industry"];

#[derive(Template)]
#[template(path = "social.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    banner: Banner,
    tabs: Vec<Tab>,
    facts: Vec<Fact>,
    form: Option<Entry>,
    is_saved: bool,
    part2_notice: Option<&'static str>,
    opened: String,
}

struct Entry {
    typed: Typed,
    /// Which fields are asked.
    asks_orientation: bool,
    asks_occupation: bool,
    /// Id and version of what the form began with, or nothing.
    began: (String, String),
    /// Of the form, so that it makes each once however often it is sent.
    token: String,
    is_stale: bool,
}

/// What is known now, and since when.
struct Fact {
    label: &'static str,
    said: String,
    since: String,
    /// The same of before.
    earlier: Vec<(String, String)>,
}

struct Held {
    head: Head,
    orientation: Vec<Json<'static>>,
    occupation: Vec<Json<'static>>,
}

impl Held {
    async fn of(asked: &Asked<'_>, session: &Session, asking: &Asking<'_>) -> Result<Option<Self>, Refusal> {
        let codes = format!("{LOINC}|{ORIENTATION},{LOINC}|{OCCUPATION}");
        let pairs = [("code", codes.as_str()), ("_sort", "-date"), ("_count", "100")];
        let Some((head, sheet)) = opened(asked, session, asking, (KIND, false), &pairs).await? else {
            return Ok(None);
        };
        let stands = |one: &Json<'static>| !matches!(text(one, "status"), Some("entered-in-error" | "cancelled"));
        let (mut orientation, mut occupation) = (Vec::new(), Vec::new());
        for one in sheet.owned().into_iter().filter(stands) {
            let of = if one.get("code").and_then(|of| code(of, LOINC)) == Some(ORIENTATION) {
                &mut orientation
            } else {
                &mut occupation
            };
            of.push(one);
        }
        Ok(Some(Self { head, orientation, occupation }))
    }

    fn facts(&self) -> Vec<Fact> {
        let of = |label: &'static str, all: &[Json<'static>]| {
            let mut each = all.iter().map(|one| (said(one), since(one)));
            let (said, since) = each.next()?;
            Some(Fact { label, said, since, earlier: each.collect() })
        };
        [of("Sexual orientation", &self.orientation), of("Occupation", &self.occupation)]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The form as the record stands.
    fn filled(&self, asking: &Asking<'_>) -> Entry {
        let orientation = self.orientation.first();
        let (mut choice, mut other) = (String::new(), String::new());
        if let Some(one) = orientation {
            choice = one.get("valueCodeableConcept").and_then(any_code).unwrap_or_default().to_owned();
            if choice == "OTH" {
                other = said(one);
            }
        }
        let occupation = self.occupation.first();
        Entry {
            typed: Typed::of([
                ("orientation", choice),
                ("other", if other == "Something else" { String::new() } else { other }),
                ("occupation", occupation.map(work).unwrap_or_default()),
                ("industry", occupation.and_then(industry).unwrap_or_default()),
            ]),
            asks_orientation: is_asked(asking, ORIENTATION),
            asks_occupation: is_asked(asking, OCCUPATION),
            began: (name_of(orientation), name_of(occupation)),
            token: String::new(),
            is_stale: false,
        }
    }
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let Some(held) = Held::of(asked, &session, &asking).await? else { return Ok(super::closed(asked)) };
    let form = deed::may_write(&asking, KIND).then(|| Entry { token: token::fresh(asked), ..held.filled(&asking) });
    shown(asked, &session, &asking, held, form, StatusCode::OK)
}

pub async fn save(asked: &Asked<'_>) -> Answer {
    let form = asked.form();
    let session = asked.writer(&form).await?;
    let asking = asking(asked, &session)?;
    if !deed::may_write(&asking, KIND) {
        return Err(Refusal::NotYours);
    }
    let Some(held) = Held::of(asked, &session, &asking).await? else { return Ok(super::closed(asked)) };
    let now = held.filled(&asking);
    let mut typed = Typed::read(&form, &FIELDS);
    let orientation = typed.choice("orientation", &ORIENTATIONS);
    if orientation.is_none() && !typed.get("orientation").is_empty() {
        typed.slip("orientation", "Choose one of the list.");
    }
    match orientation {
        Some(("OTH", _)) => {}
        // Another choice was made: the words of before go with it.
        Some(_) => typed.set("other", ""),
        None if typed.get("orientation").is_empty()
            && typed.differs(&now.typed, "other")
            && !typed.get("other").is_empty() =>
        {
            typed.slip("orientation", "Choose “Something else” to keep these words.");
        }
        None => typed.set("other", ""),
    }
    if typed.get("occupation").is_empty() && !typed.get("industry").is_empty() {
        typed.slip("occupation", "Say what they do, not only where.");
    }
    let differs = |names: &[&str]| names.iter().any(|name| typed.differs(&now.typed, name));
    let changes = [
        (now.asks_orientation && differs(&["orientation", "other"]), ORIENTATION, &held.orientation),
        (now.asks_occupation && differs(&["occupation", "industry"]), OCCUPATION, &held.occupation),
    ];
    let entry = Entry { typed: typed.clone(), token: token::sent(asked, &form), ..held.filled(&asking) };
    if !typed.slips.is_empty() {
        return shown(asked, &session, &asking, held, Some(entry), StatusCode::UNPROCESSABLE_ENTITY);
    }
    let began = (form.text("orientation-was").to_owned(), form.text("occupation-was").to_owned());
    let is_changed = changes.iter().any(|(changes, ..)| *changes);
    if is_changed && began != now.began {
        let entry = Entry { is_stale: true, token: token::fresh(asked), ..entry };
        return shown(asked, &session, &asking, held, Some(entry), StatusCode::CONFLICT);
    }
    let author = Author::of(asked, &asking).await?;
    let mut deed = Deed::default();
    for (_, code, before) in changes.iter().filter(|(changes, ..)| *changes) {
        let made = if *code == ORIENTATION { oriented(&typed) } else { occupied(&typed, &author) };
        match (made, before) {
            (Some(made), _) => {
                let mut made = whole(made, code, asked.ids[0], &author);
                made["identifier"] = deed::identifier(&entry.token, code);
                deed.create(KIND, deed::condition(&entry.token, code, asked.ids[0]), None, made);
            }
            // Taken back, with what was said before it: it stays, and counts no more.
            (None, before) => {
                for mut one in before.iter().cloned() {
                    deed::set(&mut one, "status", json!("entered-in-error"));
                    deed.update(one)?;
                }
            }
        }
    }
    if !is_changed {
        return Ok(answer::see(&format!("/patients/{}/social", asked.ids[0])));
    }
    match deed.commit(&asking).await? {
        Done::Saved => Ok(deed::to(asked, "social", "saved")),
        Done::Overtaken => {
            let entry = Entry { is_stale: true, token: token::fresh(asked), ..entry };
            shown(asked, &session, &asking, held, Some(entry), StatusCode::CONFLICT)
        }
    }
}

fn shown(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    held: Held,
    form: Option<Entry>,
    status: StatusCode,
) -> Answer {
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, session, Place::Patients),
        css: &LISTS,
        facts: held.facts(),
        banner: held.head.banner,
        tabs: tabs(asking, "social"),
        form: form.filter(|form| form.asks_orientation || form.asks_occupation),
        is_saved: asked.parts.uri.query() == Some("saved"),
        part2_notice: held.head.is_part2.then_some(PART2_NOTICE),
        opened: asked.clock(),
    };
    Ok(answer::page(status, &page))
}

/// What the organization refuses to keep is not asked.
fn is_asked(asking: &Asking<'_>, code: &str) -> bool {
    let value = CollectValue { system: Some(LOINC), code: Some(code), ..CollectValue::default() };
    asking.record.collection().keeps(KIND, "code.coding", value)
}

fn oriented(typed: &Typed) -> Option<Value> {
    let (code, words) = typed.choice("orientation", &ORIENTATIONS)?;
    let system = if code.bytes().all(|byte| byte.is_ascii_digit()) { SNOMED } else { NULL_FLAVOR };
    let said = if typed.get("other").is_empty() { words } else { typed.get("other") };
    Some(json!({
        "meta": { "profile": [format!("{PROFILE}sexual-orientation")], "security": [{ "system": CONFIDENTIALITY, "code": "R" }] },
        "code": deed::coded(LOINC, ORIENTATION, "Sexual orientation"),
        "valueCodeableConcept": { "coding": [{ "system": system, "code": code }], "text": said },
    }))
}

fn occupied(typed: &Typed, author: &Author) -> Option<Value> {
    let work = typed.get("occupation");
    if work.is_empty() {
        return None;
    }
    let mut made = json!({
        "meta": { "profile": [format!("{PROFILE}occupation")] },
        "code": deed::coded(LOINC, OCCUPATION, "History of Occupation"),
        "effectivePeriod": { "start": author.now },
        "valueCodeableConcept": { "text": work },
    });
    if !typed.get("industry").is_empty() {
        made["component"] = json!([{
            "code": deed::coded(LOINC, INDUSTRY, "History of Occupation industry"),
            "valueCodeableConcept": { "text": typed.get("industry") },
        }]);
    }
    Some(made)
}

/// What both have.
fn whole(mut made: Value, code: &str, patient_id: &str, author: &Author) -> Value {
    made["resourceType"] = json!(KIND);
    made["status"] = json!("final");
    made["category"] = json!([deed::coded(CATEGORY, "social-history", "Social History")]);
    made["subject"] = json!({ "reference": format!("Patient/{patient_id}") });
    made["issued"] = json!(author.now);
    if code == ORIENTATION {
        made["effectiveDateTime"] = json!(author.now);
    }
    if let Some(author) = author.reference() {
        made["performer"] = json!([author]);
    }
    made
}

/// `Nurse, Hospital`.
fn said(one: &Json<'_>) -> String {
    let value = work(one);
    match industry(one) {
        Some(industry) => format!("{value}, {industry}"),
        None => value,
    }
}

fn work(one: &Json<'_>) -> String {
    one.get("valueCodeableConcept").and_then(words).unwrap_or_else(|| "Not said".to_owned())
}

fn industry(one: &Json<'_>) -> Option<String> {
    let part =
        all(one, "component").iter().find(|part| part.get("code").and_then(|of| code(of, LOINC)) == Some(INDUSTRY))?;
    part.get("valueCodeableConcept").and_then(words)
}

fn since(one: &Json<'_>) -> String {
    let start = at(one, &["effectivePeriod", "start"]).and_then(Json::as_str);
    start.or_else(|| text(one, "effectiveDateTime")).map(time::day).unwrap_or_default()
}

/// Which one it is, in which version.
fn name_of(one: Option<&Json<'_>>) -> String {
    one.map_or_else(
        || "none".to_owned(),
        |one| format!("{}.{}", text(one, "id").unwrap_or_default(), deed::version_of(one)),
    )
}
