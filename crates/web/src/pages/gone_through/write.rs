//! What going through a list writes: what changed, what is new, and the List that says that it was done; together or not at all.

use access::Labeler;
use fhir::Json;
use serde_json::{Value, json};

use super::kind::{Kind, What};
use super::lines::Line;
use super::{Form, Held};
use crate::client::Asked;
use crate::clinic::banner::holds;
use crate::clinic::deed::{self, Author, Deed};
use crate::clinic::gone_through::New;
use crate::clinic::gone_through::list::{Flag, Going, entry};
use crate::clinic::read::has_code;
use crate::clinic::token;
use crate::clinic::typed::Typed;
use crate::pages::allergies::{self, NO_KNOWN_ALLERGY};
use crate::pages::{immunizations, problems};
use crate::refusal::Refusal;

/// Fields of the forms of the pages, and those of a line of what is new.
const FIELDS: [(&str, &str); 8] = [
    ("substance", "new"),
    ("reaction", "detail"),
    ("severity", "pick"),
    ("problem", "new"),
    ("onset", "detail"),
    ("vaccine", "new"),
    ("day", "detail"),
    ("origin", "pick"),
];

/// What the patient names, as resources; what is wrong with it is noted in the form.
pub fn made(kind: &Kind, asked: &Asked<'_>, birth: Option<&str>, form: &mut Form, author: &Author) -> Vec<Made> {
    let mut all = Vec::new();
    let mut slips = Vec::new();
    for (index, new) in form.new.iter().enumerate().filter(|(_, new)| !new.name.is_empty()) {
        let (mut typed, made) = of(kind, asked, birth, new, author);
        for (field, words) in std::mem::take(&mut typed.slips) {
            let (_, field) = FIELDS.iter().find(|(of, _)| *of == field).unwrap_or(&("", "new"));
            slips.push((format!("{field}-{index}"), format!("{}: {words}", new.name)));
        }
        all.push(Made { index, name: new.name.clone(), of_kind: typed.get("kind").to_owned(), resource: made });
    }
    form.slips.extend(slips);
    all
}

pub struct Made {
    index: usize,
    name: String,
    /// Of an allergy: to a medicine, to a food; empty where that is not known.
    of_kind: String,
    resource: Value,
}

fn of(kind: &Kind, asked: &Asked<'_>, birth: Option<&str>, new: &New, author: &Author) -> (Typed, Value) {
    let (name, detail, pick) = (new.name.clone(), new.detail.clone(), new.pick.clone());
    let patient = json!({ "reference": format!("Patient/{}", asked.ids[0]) });
    match kind.what {
        What::Allergies => {
            let mut typed = Typed::of([
                ("substance", name),
                ("reaction", detail),
                ("severity", pick),
                ("certainty", "unconfirmed".to_owned()),
            ]);
            let mut made = allergies::fill::made(&mut typed, asked, author);
            made["asserter"] = patient;
            (typed, made)
        }
        What::Problems => {
            let mut typed = Typed::of([("problem", name), ("onset", detail), ("certainty", "provisional".to_owned())]);
            let mut made = problems::fill::made(&mut typed, asked, birth, author);
            made["asserter"] = patient;
            (typed, made)
        }
        What::Immunizations => {
            let mut typed =
                Typed::of([("vaccine", name), ("way", "reported".to_owned()), ("day", detail), ("origin", pick)]);
            let made = immunizations::fill::made(&mut typed, asked, birth, author);
            (typed, made)
        }
    }
}

pub fn deed(kind: &Kind, held: &Held, form: &Form, made: Vec<Made>, going: Going<'_>) -> Result<Deed, Refusal> {
    let mut deed = Deed::default();
    let mut entries = Vec::new();
    for line in &form.lines {
        let (said, flag) = said(kind, line);
        if flag != Flag::Unchanged {
            deed.update(changed(kind, line, &said, going.author))?;
        }
        if !line.is_sensitive {
            let item = line.spoken.key.rsplit_once('/').map_or("", |(item, _)| item);
            entries.push(entry(item, &line.spoken.name, flag, &said));
        }
    }
    if kind.what == What::Allergies {
        none_known(&mut deed, held, form, &made, &going)?;
    }
    for one in made {
        let part = format!("new-{}", one.index);
        let mut resource = one.resource;
        resource["identifier"] = deed::identifier(going.token, &part);
        let url = token::full_url(going.token, one.index);
        if !is_sensitive(&resource) {
            entries.push(entry(&url, &one.name, Flag::Unchanged, "New to the chart"));
        }
        deed.create(kind.of, deed::condition(going.token, &part, going.patient_id), Some(url), resource);
    }
    // Who knows of none has an empty list; what was said of each entry that was there is kept with it.
    if form.is_none {
        entries.clear();
    }
    going.record(&mut deed, entries, form.is_none)?;
    Ok(deed)
}

/// What was answered, in words and as a flag: `No longer: took it twice since`.
fn said(kind: &Kind, line: &Line) -> (String, Flag) {
    let words = kind.words(&line.spoken.say);
    let flag = match line.spoken.say.as_str() {
        "over" => Flag::Ceased,
        "mistake" => Flag::Mistaken,
        _ => Flag::Unchanged,
    };
    match line.spoken.how.as_str() {
        "" => (words.to_owned(), flag),
        how => (format!("{words}: {how}"), flag),
    }
}

/// Over, or entered by mistake, as its own page writes it, with what the patient said as a note.
fn changed(kind: &Kind, line: &Line, said: &str, author: &Author) -> Json<'static> {
    let mut one = line.resource.clone();
    let note = format!("{said} (gone through with the patient)");
    let standing = if line.spoken.say == "mistake" { "mistake" } else { "resolved" };
    let told = |now: &Typed| {
        let mut typed = now.clone();
        typed.set("standing", standing);
        typed.set("note", note.as_str());
        typed
    };
    match kind.what {
        What::Allergies => {
            let now = allergies::fill::filled(&one);
            allergies::fill::change(&mut one, &now, &told(&now), author);
        }
        What::Problems => {
            let now = problems::fill::filled(&one);
            problems::fill::change(&mut one, &now, &told(&now), author);
        }
        What::Immunizations => immunizations::fill::mistaken(&mut one, &note, author),
    }
    one
}

/// That no allergy is known is an entry of its own: made or asked again where it was ticked, refuted by what it speaks of.
fn none_known(deed: &mut Deed, held: &Held, form: &Form, made: &[Made], going: &Going<'_>) -> Result<(), Refusal> {
    let mut holding = held.all.iter().map(|(one, _)| one).filter(|one| holds(one) && allergies::is_none_known(one));
    if !form.is_none {
        for one in holding {
            if made.iter().any(|new| allergies::fill::is_contradicted(one, &new.of_kind)) {
                let mut one = one.clone();
                allergies::fill::stand(&mut one, "refuted", "confirmed");
                deed.update(one)?;
            }
        }
        return Ok(());
    }
    if let Some(one) = holding.find(|one| has_code(one, "code", NO_KNOWN_ALLERGY)) {
        return deed.update(allergies::fill::asked_again(one, going.author));
    }
    // Not where somebody lists one at the same time; what this form ends is still there when the condition is looked at.
    let condition = match held.all.iter().any(|(one, _)| holds(one)) {
        false => format!("patient={}&clinical-status=active", going.patient_id),
        true => deed::condition(going.token, "none", going.patient_id),
    };
    let mut none = allergies::fill::none_known(going.patient_id, going.author);
    none["identifier"] = deed::identifier(going.token, "none");
    deed.create("AllergyIntolerance", condition, None, none);
    Ok(())
}

/// Whether its code puts it in a category that is closed to some who see the chart.
fn is_sensitive(resource: &Value) -> bool {
    let mut labeler = Labeler::default();
    for concept in [&resource["code"], &resource["vaccineCode"]] {
        for coding in concept["coding"].as_array().into_iter().flatten() {
            labeler.label(coding["system"].as_str().unwrap_or_default(), coding["code"].as_str().unwrap_or_default());
        }
    }
    !labeler.labels().is_empty()
}
