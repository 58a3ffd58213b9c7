//! What is worth a look before a prescription is signed, and stops nobody: what is counted does not fit the form of the medicine, an
//! amount that does not fit the days, and the same ingredient in another medicine of the chart.

use fhir::Json;

use super::fill::{self, OFTEN, UNCOUNTED, UNITS};
use crate::clinic::ask::Asking;
use crate::clinic::ingredients::Composition;
use crate::clinic::names::Names;
use crate::clinic::read::{all, any_code, reference, text};
use crate::clinic::typed::Typed;
use crate::pages::medicines::lines::{doses, name_of};
use crate::refusal::Refusal;

const CURRENT_MAX: &str = "100";
/// Sold in packages that hold what they hold: more than the days need is nothing to point out.
const PACKED: [&str; 3] = ["mL", "{puff}", "[drp]"];
/// Words of a name that say a form, and what may be counted of it.
const FORMS: [(&[&str], &[&str]); 7] = [
    (&["tablet", "tablets", "tab", "tabs", "caplet", "caplets"], &["{tbl}"]),
    (&["capsule", "capsules", "cap", "caps", "softgel", "softgels"], &["{capsule}"]),
    (
        &["suspension", "solution", "syrup", "elixir", "liquid", "concentrate", "injection", "injectable"],
        &["mL", "[drp]"],
    ),
    (&["cream", "ointment", "gel", "lotion", "foam", "shampoo", "paste"], &["{application}", "mL"]),
    (&["inhaler", "puff", "puffs", "actuation", "actuat", "aerosol", "spray"], &["{puff}", "{application}"]),
    (&["patch", "patches", "transdermal"], &["{patch}"]),
    (&["drops", "drop"], &["[drp]", "mL"]),
];
/// A dose that is weighed fits every form.
const WEIGHED: &str = "mg";
const DAY_HOURS: f64 = 24.0;
const WEEK_DAYS: f64 = 7.0;

#[derive(Default)]
pub struct Doubts {
    pub form: Option<String>,
    pub supply: Option<String>,
    pub same: Vec<Same>,
}

/// Another medicine of the chart with the same ingredient.
pub struct Same {
    pub address: String,
    pub name: String,
    pub dose: String,
    pub state: &'static str,
    pub shared: String,
}

impl Doubts {
    pub async fn of(asking: &Asking<'_>, patient_id: &str, draft: &Json<'_>) -> Result<Self, Refusal> {
        let typed = fill::filled(draft, &[]);
        let supply = if fill::is_more(draft) { None } else { supply(&typed) };
        Ok(Self { form: form(&typed), supply, same: same(asking, patient_id, draft).await? })
    }

    pub fn is_none(&self) -> bool {
        self.form.is_none() && self.supply.is_none() && self.same.is_empty()
    }
}

/// Whether what is counted fits a form that the name says. A name that says several fits by any of them: a spray is a solution too.
fn form(typed: &Typed) -> Option<String> {
    let (unit, unit_words) = typed.choice("unit", &UNITS).filter(|(unit, _)| *unit != WEIGHED)?;
    let name = typed.get("medicine").to_lowercase();
    let mut forms: Vec<(&str, &[&str])> = Vec::new();
    for word in name.split(|letter: char| !letter.is_alphanumeric()) {
        forms.extend(FORMS.iter().find(|(words, _)| words.contains(&word)).map(|(_, units)| (word, *units)));
    }
    // A strength by volume: 250 mg/5 mL.
    let plain: String = name.split_whitespace().collect();
    let volume = plain.split('/').skip(1).find(|part| {
        part.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.').starts_with("ml")
    });
    forms.extend(volume.map(|_| ("mL", &["mL", "[drp]"][..])));
    let (word, _) = *forms.first()?;
    let fits = forms.iter().any(|(_, units)| units.contains(&unit));
    let more = if unit == "mL" { "" } else { "s" };
    (!fits).then(|| format!("The name says “{word}”, and the directions count in {unit_words}{more}."))
}

/// Whether what is given out fits the directions: dose, rhythm, days and amount have to be there, and it is not taken as needed.
fn supply(typed: &Typed) -> Option<String> {
    let (unit, unit_words) = typed.choice("unit", &UNITS).filter(|(unit, _)| !UNCOUNTED.contains(unit))?;
    let number = |name: &str| typed.get(name).parse::<f64>().ok().filter(|value| *value > 0.0);
    let (amount, quantity) = (number("amount")?, number("quantity")?);
    if typed.is("needed", "yes") {
        return None;
    }
    let (code, often) = typed.choice("often", &OFTEN)?;
    let (doses, span) = match code {
        "1" => (1.0, often.to_owned()),
        _ => {
            let days = number("days")?;
            (per_day(code)? * days, format!("{often} for {days} day{}", if days == 1.0 { "" } else { "s" }))
        }
    };
    // A pharmacy counts whole tablets and whole doses.
    let (least, most) = ((doses + TINY).floor() * amount, ((doses - TINY).ceil() * amount - TINY).ceil());
    let refills = typed.get("refills").parse::<f64>().unwrap_or(0.0);
    let fits = |given: f64| given + TINY >= least && (given <= most + TINY || PACKED.contains(&unit));
    let with_refills = quantity * (1.0 + refills);
    // The days may be of one supply, or of all of them.
    if fits(quantity) || fits(with_refills) {
        return None;
    }
    let counted = |value: f64| {
        let is_more = value > 1.0 && unit != "mL";
        format!("{value} {unit_words}{}", if is_more { "s" } else { "" })
    };
    let given = match refills > 0.0 {
        true => format!("{} given out, {with_refills} with the refills", counted(quantity)),
        false => format!("{} given out", counted(quantity)),
    };
    let how = match (quantity < least, with_refills < least) {
        (true, true) => "is less than the directions use",
        (false, false) => "is more than the directions use",
        _ => "does not fit the directions",
    };
    Some(format!(
        "The amount {how}: {} {span} is {}; {given}.",
        counted(amount),
        counted((doses * amount * 100.0).round() / 100.0),
    ))
}

/// Against the last bit of a division.
const TINY: f64 = 1e-6;

/// `2/1/d`: times, of how many, of what.
fn per_day(code: &str) -> Option<f64> {
    let mut parts = code.split('/');
    let (times, period): (f64, f64) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let days = match parts.next()? {
        "h" => period / DAY_HOURS,
        "d" => period,
        "wk" => period * WEEK_DAYS,
        _ => return None,
    };
    Some(times / days)
}

/// What is prescribed or reported and holds. Where both say by which way it is taken and the ways differ, nothing is said: an
/// ointment beside a tablet is seldom a mistake.
async fn same(asking: &Asking<'_>, patient_id: &str, draft: &Json<'_>) -> Result<Vec<Same>, Refusal> {
    let Some(own) = draft.get("medicationCodeableConcept") else { return Ok(Vec::new()) };
    let (own, own_route) = (Composition::of(own), route(draft, "dosageInstruction"));
    let mut same = Vec::new();
    for (kind, dosed, element, place) in [
        ("MedicationRequest", "dosageInstruction", "prescriptions/", "prescribed"),
        ("MedicationStatement", "dosage", "medicines", "reported"),
    ] {
        let pairs = [("patient", patient_id), ("status", "active,on-hold"), ("_count", CURRENT_MAX)];
        let found = asking.search_if_ever(kind, &pairs).await?;
        for one in found.resources() {
            let is_about_a_prescription = all(&one, "basedOn").iter().filter_map(reference).any(|(of, _)| of == KIND);
            let (Some(id), Some(concept)) = (text(&one, "id"), one.get("medicationCodeableConcept")) else { continue };
            if text(draft, "id") == Some(id) && kind == KIND || kind != KIND && is_about_a_prescription {
                continue;
            }
            let is_elsewhere = own_route.zip(route(&one, dosed)).is_some_and(|(own, other)| own != other);
            let Some(shared) = own.shared(&Composition::of(concept)).filter(|_| !is_elsewhere) else { continue };
            let end = if kind == KIND { id } else { "" };
            same.push(Same {
                address: format!("/patients/{patient_id}/{element}{end}"),
                name: name_of(&one, &Names::default()),
                dose: doses(&one, dosed),
                state: if text(&one, "status") == Some("on-hold") { "on hold" } else { place },
                shared,
            });
        }
    }
    Ok(same)
}

const KIND: &str = super::KIND;

fn route<'j>(one: &'j Json<'_>, dosed: &str) -> Option<&'j str> {
    all(one, dosed).iter().find_map(|dose| dose.get("route").and_then(any_code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(amount: &str, unit: &str, often: &str, days: &str, quantity: &str, refills: &str, needed: &str) -> String {
        let fields = [
            ("amount", amount),
            ("unit", unit),
            ("often", often),
            ("days", days),
            ("quantity", quantity),
            ("refills", refills),
            ("needed", needed),
        ];
        supply(&Typed::of(fields.map(|(name, value)| (name, value.to_owned())))).unwrap_or_default()
    }

    #[test]
    fn what_is_counted_has_to_fit_a_form_that_the_name_says() {
        let said = |name: &str, unit: &str| {
            form(&Typed::of([("medicine", name.to_owned()), ("unit", unit.to_owned())])).unwrap_or_default()
        };
        for (name, unit) in [
            ("amoxicillin 500 mg oral tablet", "{tbl}"),
            ("amoxicillin 250 mg oral CAPSULES", "{capsule}"),
            ("amoxicillin 250 mg/5 mL oral suspension", "mL"),
            ("amoxicillin 250 mg/5 mL oral suspension", "mg"),
            ("200 puff albuterol 0.09 mg per puff metered dose inhaler", "{puff}"),
            ("nitroglycerin 0.4 mg per puff mucosal spray", "{puff}"),
            ("fluticasone nasal spray, suspension", "{puff}"),
            ("hydrocortisone 10 mg/mL topical cream", "{application}"),
            ("timolol 0.5 % ophthalmic solution", "[drp]"),
            ("estradiol 0.05 mg per day transdermal system", "{patch}"),
            ("allopurinol 100 mg", "{capsule}"),
        ] {
            assert_eq!(said(name, unit), "", "{name} in {unit}");
        }
        for (name, unit, word) in [
            ("amoxicillin 250 mg/5 mL oral suspension", "{tbl}", "suspension"),
            ("amoxicillin 250 mg / 5 mL", "{tbl}", "mL"),
            ("amoxicillin 250 mg oral capsule", "{tbl}", "capsule"),
            ("200 puff albuterol 0.09 mg per puff metered dose inhaler", "{tbl}", "puff"),
            ("hydrocortisone 1% ointment", "{tbl}", "ointment"),
            ("estradiol 0.05 mg per day patch", "{application}", "patch"),
            ("amoxicillin 500 mg oral tablet", "mL", "tablet"),
        ] {
            assert!(said(name, unit).starts_with(&format!("The name says “{word}”")), "{name}: {}", said(name, unit));
        }
        assert_eq!(
            said("guaifenesin 100 mg/5 mL syrup", "{tbl}"),
            "The name says “syrup”, and the directions count in tablets."
        );
    }

    #[test]
    fn an_amount_that_plainly_does_not_fit_the_days_is_pointed_out_and_rounding_is_not() {
        for (amount, unit, often, days, quantity, refills, needed) in [
            ("1", "{tbl}", "2/1/d", "10", "20", "0", ""),
            ("0.5", "{tbl}", "1/1/d", "15", "8", "0", ""),
            ("1", "{patch}", "1/1/wk", "30", "4", "0", ""),
            ("1", "{patch}", "1/1/wk", "30", "5", "0", ""),
            ("1", "{tbl}", "1/1/d", "30", "30", "2", ""),
            ("1", "{tbl}", "1/1/d", "90", "30", "2", ""),
            ("2", "{puff}", "2/1/d", "30", "200", "0", ""),
            ("1", "{tbl}", "2/1/d", "10", "60", "0", "yes"),
            ("1", "{tbl}", "2/1/d", "", "60", "0", ""),
            ("500", "mg", "2/1/d", "10", "60", "0", ""),
            ("1", "{tbl}", "1/8/h", "7", "21", "0", ""),
            ("1", "{tbl}", "1", "", "1", "0", ""),
        ] {
            assert_eq!(
                said(amount, unit, often, days, quantity, refills, needed),
                "",
                "{amount} {often} {days} {quantity}"
            );
        }
        assert_eq!(
            said("1", "{tbl}", "2/1/d", "10", "30", "0", ""),
            "The amount is more than the directions use: 1 tablet twice daily for 10 days is 20 tablets; 30 tablets given out."
        );
        assert_eq!(
            said("1.5", "{tbl}", "1/8/h", "10", "30", "1", ""),
            "The amount does not fit the directions: 1.5 tablets every 8 hours for 10 days is 45 tablets; 30 tablets given out, 60 with the refills."
        );
        assert!(said("5", "mL", "3/1/d", "10", "100", "0", "").starts_with("The amount is less"));
        assert!(said("1", "{tbl}", "1", "", "30", "0", "").contains("1 tablet once, as a single dose is 1 tablet; 30"));
    }
}
