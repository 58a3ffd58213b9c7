//! A prescription as it is read and printed: what, how, how much, for whom, by whom.

use fhir::Json;

use super::save::Kept;
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::head::Head;
use crate::clinic::name;
use crate::clinic::names::Names;
use crate::clinic::read::{all, any_code, reference, text, words, words_of};
use crate::clinic::{day, deed};
use crate::pages::medicines::lines::{doses, name_of};
use crate::refusal::Refusal;

const NPI: &str = "http://hl7.org/fhir/sid/us-npi";

pub struct Sheet {
    pub id: String,
    pub version: u32,
    pub medicine: String,
    pub sig: String,
    /// `30 (thirty) tablets`.
    pub quantity: String,
    pub refills: String,
    pub reason: String,
    pub note: String,
    pub is_exact: bool,
    pub status: &'static str,
    /// Signed and in force: it is printed.
    pub is_active: bool,
    pub ended: String,
    pub on: String,
    pub prescriber: String,
    pub credential: String,
    pub npi: Option<String>,
    pub address: Option<String>,
    pub overrides: Vec<String>,
    pub is_signed_now: bool,
    pub trouble: Option<&'static str>,
    /// Typed into the draft that it was, and not saved.
    pub kept: Option<Kept>,
}

pub async fn of(asked: &Asked<'_>, asking: &Asking<'_>, one: &Json<'static>, head: &Head) -> Result<Sheet, Refusal> {
    let names = Names::of(asking, std::slice::from_ref(one), std::iter::empty()).await?;
    let signer = one.get("requester").and_then(reference).filter(|(kind, _)| *kind == "Practitioner");
    let found = match signer {
        Some((_, id)) => asking.search_if_ever("Practitioner", &[("_id", id)]).await?,
        None => Default::default(),
    };
    let found = found.resources();
    let signer = found.first();
    let dispense = one.get("dispenseRequest");
    let quantity = dispense.and_then(|held| held.get("quantity"));
    let status = text(one, "status").unwrap_or_default();
    Ok(Sheet {
        id: text(one, "id").unwrap_or_default().to_owned(),
        version: deed::version_of(one),
        medicine: name_of(one, &names),
        sig: doses(one, "dosageInstruction"),
        quantity: quantity.map(counted).unwrap_or_default(),
        refills: dispense
            .and_then(|held| held.get("numberOfRepeatsAllowed")?.as_number())
            .map(in_words)
            .unwrap_or_default(),
        reason: reason_of(one),
        note: all(one, "note").iter().filter_map(|note| text(note, "text")).collect::<Vec<_>>().join(" "),
        is_exact: one.get("substitution").and_then(|held| held.get("allowedBoolean")?.as_bool()) == Some(false),
        status: match status {
            "draft" => "Draft, not signed",
            "active" => "Signed",
            "on-hold" => "On hold",
            "stopped" => "Ended",
            "cancelled" => "Discarded",
            "completed" => "Completed",
            "entered-in-error" => "Entered by mistake",
            _ => "Not known",
        },
        is_active: status == "active",
        ended: one.get("statusReason").and_then(words).unwrap_or_default(),
        on: text(one, "authoredOn").map(|at| day::day_of(at, asked.web.zone())).unwrap_or_default(),
        prescriber: signer
            .and_then(name::signed)
            .or_else(|| one.get("requester").and_then(|by| names.name(by)))
            .unwrap_or_default(),
        credential: signer
            .and_then(|who| all(who, "qualification").iter().find_map(|one| one.get("code").and_then(words)))
            .unwrap_or_default(),
        npi: signer.and_then(|who| number(who, NPI)),
        address: head.address.clone(),
        overrides: overrides(asking, one, asked.ids[0]).await?,
        is_signed_now: asked.parts.uri.query() == Some("signed"),
        trouble: None,
        kept: None,
    })
}

fn reason_of(one: &Json<'_>) -> String {
    let named = all(one, "reasonReference").iter().find_map(|reason| text(reason, "display").map(str::to_owned));
    named.or_else(|| words_of(one, "reasonCode")).unwrap_or_default()
}

fn number(who: &Json<'_>, system: &str) -> Option<String> {
    let held = all(who, "identifier").iter().find(|one| text(one, "system") == Some(system))?;
    text(held, "value").map(str::to_owned)
}

/// Warnings that it was signed over, each with its reason.
async fn overrides(asking: &Asking<'_>, one: &Json<'_>, patient_id: &str) -> Result<Vec<String>, Refusal> {
    let ids: Vec<&str> = all(one, "detectedIssue").iter().filter_map(reference).map(|(_, id)| id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let found = asking.search_if_ever("DetectedIssue", &[("patient", patient_id), ("_id", &ids.join(","))]).await?;
    let said = |issue: &Json<'_>| {
        let allergy =
            all(issue, "implicated").first().and_then(|one| text(one, "display")).unwrap_or("An allergy").to_owned();
        let why = all(issue, "mitigation").iter().find_map(|one| one.get("action").and_then(words)).unwrap_or_default();
        format!("{allergy}. Signed all the same. {why}")
    };
    Ok(found.resources().iter().map(said).collect())
}

/// Numbers on paper stand in words too, so that none is added.
fn counted(quantity: &Json<'_>) -> String {
    let Some(value) = quantity.get("value").and_then(Json::as_number) else { return String::new() };
    let unit = text(quantity, "unit").unwrap_or_default();
    let is_more = value != "1" && !unit.is_empty() && !matches!(unit, "mL" | "mg") && !unit.ends_with('s');
    format!("{} {unit}{}", in_words(value), if is_more { "s" } else { "" })
}

/// `30 (thirty)`; a number that is not whole, or past a thousand, stays in digits.
fn in_words(number: &str) -> String {
    const ONES: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let below_hundred = |n: usize| match (n < 20, n / 10, n % 10) {
        (true, ..) => ONES[n].to_owned(),
        (false, tens, 0) => TENS[tens].to_owned(),
        (false, tens, ones) => format!("{}-{}", TENS[tens], ONES[ones]),
    };
    match number.parse::<usize>() {
        Ok(n) if n < 100 => format!("{number} ({})", below_hundred(n)),
        Ok(n) if n < 1_000 && n % 100 == 0 => format!("{number} ({} hundred)", ONES[n / 100]),
        Ok(n) if n < 1_000 => format!("{number} ({} hundred {})", ONES[n / 100], below_hundred(n % 100)),
        _ => number.to_owned(),
    }
}

/// Code of the reason, for who lists them.
pub fn code_of(issue: &Json<'_>) -> Option<String> {
    all(issue, "mitigation").iter().find_map(|one| one.get("action").and_then(any_code)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_out_stands_in_words_too() {
        for (number, said) in [
            ("0", "0 (zero)"),
            ("30", "30 (thirty)"),
            ("21", "21 (twenty-one)"),
            ("200", "200 (two hundred)"),
            ("118", "118 (one hundred eighteen)"),
            ("2.5", "2.5"),
        ] {
            assert_eq!(in_words(number), said);
        }
        let quantity = Json::parse_str(r#"{"value":30,"unit":"tablet"}"#).unwrap_or(Json::Null);
        assert_eq!(counted(&quantity), "30 (thirty) tablets");
    }
}
