//! What may not be saved: each field that is wrong, with words that say what is right and never repeat what was typed.

use jiff::civil::Date;

use super::{Field, Kind, TEXT_BYTES_MAX, Values};
use crate::clinic::time;

/// No patient is older (the oldest person known was 122).
const YEARS_MAX: i16 = 130;
/// NANP numbers have ten digits; others up to fifteen (ITU-T E.164).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

pub struct Slip {
    pub field: &'static str,
    pub words: String,
}

/// Whatever is wrong, in the order of the form. Checked are the fields that are asked.
pub fn check(values: &Values, fields: &[&'static Field], today: Date) -> Vec<Slip> {
    let mut slips = Vec::new();
    for field in fields {
        if let Some(words) = wrong(field, values.text(field.name), today) {
            slips.push(Slip { field: field.name, words });
        }
    }
    let is_asked = |name: &str| fields.iter().any(|field| field.name == name);
    let has = |name: &str| !values.text(name).is_empty();
    let mut need = |name: &'static str, words: &str| {
        if is_asked(name) && !has(name) && !slips.iter().any(|slip| slip.field == name) {
            slips.push(Slip { field: name, words: words.to_owned() });
        }
    };
    need("family", "Type the family name. Of who has one name alone, type it here.");
    need("birth", "Type the birth date. The year alone is enough if no more is known.");
    need("gender", "Choose the sex for records and insurance, or that it is not known.");
    if has("enrolled") {
        need("tribe", "Type the name of the tribe, or leave out whether the patient is enrolled.");
    }
    for (family, phone, given) in
        [("kin-family", "kin-phone", "kin-given"), ("call-family", "call-phone", "call-given")]
    {
        if has(phone) && !has(given) {
            need(family, "Type the name of the person whom the phone number is of.");
        }
    }
    if has("call-family") || has("call-given") {
        need("call-phone", "Type the phone number to call in an emergency.");
    }
    if has("member") || has("group") || has("since") || has("until") {
        need("payer", "Type the name of the insurance company.");
    }
    if has("payer") {
        need("member", "Type the member number as it stands on the card.");
    }
    let (since, until) = (time::typed(values.text("since")), time::typed(values.text("until")));
    if let (Some(since), Some(until)) = (since, until)
        && until < since
    {
        slips.push(Slip { field: "until", words: "The insurance ends before it begins.".to_owned() });
    }
    let (born, died) = (time::typed(values.text("birth")), time::typed(values.text("died")));
    if let (Some(born), Some(died)) = (born, died)
        && died.get(..born.len().min(died.len())) < born.get(..born.len().min(died.len()))
    {
        slips.push(Slip { field: "died", words: "Date of death: this is before the birth date.".to_owned() });
    }
    let place = |name: &&str| fields.iter().position(|field| field.name == *name);
    slips.sort_by_key(|slip| place(&slip.field));
    slips
}

fn wrong(field: &Field, value: &str, today: Date) -> Option<String> {
    if value.is_empty() {
        return None;
    }
    let label = field.label;
    let said = |words: &str| Some(format!("{label}: {words}"));
    if value.len() > TEXT_BYTES_MAX && !matches!(field.kind, Kind::Many(_)) {
        return said("this is too long.");
    }
    if value.chars().any(char::is_control) {
        return said("take out what is no letter, digit or sign.");
    }
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    match field.kind {
        Kind::Text => (!value.chars().any(char::is_alphanumeric)).then(|| format!("{label}: this has no letters.")),
        Kind::Day => match time::typed(value) {
            None => said("type a date such as 14-Jul-1968, 7/14/1968 or 1968."),
            Some(date) if date > today.to_string() => said("this day is still to come."),
            Some(date)
                if date
                    .get(..4)
                    .and_then(|year| year.parse().ok())
                    .is_none_or(|year: i16| year < today.year() - YEARS_MAX) =>
            {
                said("this is longer ago than anybody lives.")
            }
            Some(_) => None,
        },
        Kind::AnyDay => time::typed(value).is_none().then(|| format!("{label}: type a date such as 1-Jan-2027.")),
        Kind::Phone => {
            let signs = value.chars().all(|c| c.is_ascii_digit() || " +-().xX/".contains(c));
            (!signs || !PHONE_DIGITS.contains(&digits)).then(|| format!("{label}: type a number such as 518-555-0144."))
        }
        Kind::Email => (!is_email(value)).then(|| format!("{label}: type an address such as ruth@example.org.")),
        Kind::Zip => {
            let shape = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
            (!shape || !matches!((value.len(), digits), (5, 5) | (10, 9)))
                .then(|| format!("{label}: type five digits, or nine such as 12207-1234."))
        }
        Kind::Ssn => {
            let shape = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-' || byte == b' ');
            (!shape || digits != 9).then(|| format!("{label}: type nine digits."))
        }
        // A code that the form does not offer stands in the record, or somebody made it up: the record's check decides.
        Kind::One(_) | Kind::Many(_) => {
            let is_code = |c: char| c.is_ascii_alphanumeric() || "-_. ".contains(c);
            (!value.chars().all(is_code)).then(|| format!("{label}: choose one of the list."))
        }
        Kind::Tick => None,
    }
}

/// One @, something before it, a domain with a dot behind it. Whether it is reached only a letter tells.
fn is_email(value: &str) -> bool {
    let Some((local, domain)) = value.split_once('@') else { return false };
    let is_plain =
        |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || "@<>()[],;:\\\"".contains(c));
    is_plain(local)
        && is_plain(domain)
        && domain.split('.').count() > 1
        && domain.split('.').all(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::{Values, asked};
    use super::*;

    fn slips(pairs: &[(&'static str, &str)]) -> Vec<&'static str> {
        let fields = asked(&access::CollectionPolicy::keep_all(), |_, _| true);
        let mut values = Values::default();
        for (name, value) in [("family", "Moss"), ("birth", "1968"), ("gender", "female")].iter().chain(pairs) {
            values.set(name, *value);
        }
        check(&values, &fields, Date::constant(2026, 11, 22)).iter().map(|slip| slip.field).collect()
    }

    #[test]
    fn a_field_that_is_wrong_is_named_and_one_that_is_right_is_not() {
        assert!(slips(&[]).is_empty());
        for (name, right, wrong) in [
            ("birth", "7/14/1968", "23-Nov-2026"),
            ("birth", "1900", "1880"),
            ("family", "O’Brien-李", "--"),
            ("mobile", "+1 (518) 555-0144", "call me"),
            ("email", "r.a@mail.example.org", "r a@example.org"),
            ("zip", "12207-1234", "1220"),
            ("ssn", "219-09-9999", "219"),
            ("died", "2026", "14-Jul-1967"),
            ("race", "2106-3 2028-9", "<b>"),
        ] {
            assert!(slips(&[(name, right)]).is_empty(), "{name} {right}");
            assert_eq!(slips(&[(name, wrong)]), [name], "{name} {wrong}");
        }
    }

    #[test]
    fn what_goes_together_is_asked_together() {
        assert_eq!(slips(&[("family", ""), ("birth", ""), ("gender", "")]), ["family", "birth", "gender"]);
        assert_eq!(slips(&[("call-given", "Tom")]), ["call-phone"]);
        assert_eq!(slips(&[("kin-phone", "518-555-0144")]), ["kin-family"]);
        assert_eq!(slips(&[("member", "W4")]), ["payer"]);
        assert_eq!(slips(&[("payer", "Blue"), ("member", "W4"), ("since", "2027"), ("until", "2026")]), ["until"]);
    }
}
