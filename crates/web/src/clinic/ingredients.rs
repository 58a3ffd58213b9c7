//! What medicines are made of, as far as the tables of medicines and of brands say: so that the same ingredient is seen twice in a
//! chart. What the tables do not name is not compared.

use fhir::Json;

use super::codes::{MEDICINES, RXNORM};
use super::read::{all, text, words};

const BRANDS: &str = include_str!("codes/brands.txt");
/// Behind an ingredient, the salt that it is in.
const SALTS: [&str; 22] = [
    "acetate",
    "acid",
    "anhydrous",
    "besylate",
    "bitartrate",
    "calcium",
    "citrate",
    "disoproxil",
    "fumarate",
    "furoate",
    "hydrobromide",
    "hydrochloride",
    "magnesium",
    "maleate",
    "mesylate",
    "monohydrate",
    "phosphate",
    "potassium",
    "propionate",
    "sodium",
    "succinate",
    "sulfate",
];

/// The ingredients of a medicine, and its RxNorm codes.
pub struct Composition {
    ingredients: Vec<String>,
    codes: Vec<String>,
}

impl Composition {
    /// Of a medicationCodeableConcept, by its words, its displays, and what the table says of its codes.
    pub fn of(concept: &Json<'_>) -> Self {
        let codings = all(concept, "coding");
        let codes: Vec<String> = codings
            .iter()
            .filter(|coding| text(coding, "system") == Some(RXNORM))
            .filter_map(|coding| text(coding, "code").map(str::to_owned))
            .collect();
        let displays = codings.iter().filter_map(|coding| text(coding, "display").map(str::to_owned));
        let rows = MEDICINES.rows().filter(|row| codes.iter().any(|code| code == row.code));
        let names = words(concept).into_iter().chain(displays).chain(rows.map(|row| row.words.to_owned()));
        let mut ingredients = Vec::new();
        for name in names {
            let name = plain(&in_full(&name));
            for known in known() {
                if has(&name, &known) && !ingredients.contains(&known) {
                    ingredients.push(known);
                }
            }
        }
        ingredients.sort();
        Self { ingredients, codes }
    }

    /// What both have: an ingredient, else the same code. In words that go behind "Both have".
    pub fn shared(&self, other: &Self) -> Option<String> {
        let shared: Vec<&str> =
            self.ingredients.iter().filter(|one| other.ingredients.contains(one)).map(String::as_str).collect();
        if !shared.is_empty() {
            return Some(shared.join(" and "));
        }
        self.codes.iter().any(|code| other.codes.contains(code)).then(|| "the same code".to_owned())
    }
}

/// A name, and behind it the ingredients of the brands in it.
pub fn in_full(name: &str) -> String {
    let mut full = name.to_owned();
    for word in name.split(|letter: char| !letter.is_alphanumeric()) {
        if let Some((_, ingredients)) = brands().find(|(brand, _)| brand.eq_ignore_ascii_case(word)) {
            full.push(' ');
            full.push_str(&ingredients.replace(',', " "));
        }
    }
    full
}

/// Whether an ingredient of the table of medicines is in this name: the whole of it, not "metered" nor "vitamin".
pub fn is_known(name: &str) -> bool {
    let name = plain(&in_full(name));
    known().any(|known| has(&name, &known))
}

fn brands() -> impl Iterator<Item = (&'static str, &'static str)> {
    BRANDS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('|'))
}

/// The ingredients of the table: what stands before a strength, without the salt.
fn known() -> impl Iterator<Item = String> {
    MEDICINES.rows().flat_map(|row| row.words.split(" / ").filter_map(ingredient).collect::<Vec<_>>())
}

/// `24 hour metformin hydrochloride 500 mg …` is metformin.
fn ingredient(part: &str) -> Option<String> {
    let mut tokens = part.split_whitespace().peekable();
    let is_number = |token: &str| token.starts_with(|first: char| first.is_ascii_digit());
    // A package or a duration stands before the name: a number and its unit.
    while tokens.peek().is_some_and(|token| is_number(token)) {
        tokens.nth(1);
    }
    let tokens: Vec<&str> = tokens.collect();
    let named = tokens.iter().position(|token| is_number(token)).unwrap_or(tokens.len());
    // Of two numbers in a row the first is part of the name: vitamin B 12.
    let named = named + usize::from(tokens.get(named + 1).is_some_and(|token| is_number(token)));
    let named = plain(&tokens[..named].join(" "));
    (!named.is_empty()).then_some(named)
}

fn plain(name: &str) -> String {
    let tokens = name.split(|letter: char| !letter.is_alphanumeric()).map(str::to_lowercase);
    tokens.filter(|token| !token.is_empty() && !SALTS.contains(&&**token)).collect::<Vec<_>>().join(" ")
}

/// Whole words, in a row.
fn has(name: &str, ingredient: &str) -> bool {
    format!(" {name} ").contains(&format!(" {ingredient} "))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn shared(one: &str, other: &str) -> Option<String> {
        let concept = |text: &str| {
            let concept = MEDICINES.concept(text).to_string();
            Composition::of(&Json::parse_str(&concept).unwrap())
        };
        concept(one).shared(&concept(other))
    }

    #[test]
    fn the_same_ingredient_is_found_in_other_strengths_forms_and_combinations() {
        for (one, other, said) in [
            ("amlodipine 10 mg oral tablet", "Amlodipine besylate 5 mg", Some("amlodipine")),
            (
                "24 hour metformin hydrochloride 500 mg extended release oral tablet",
                "metformin 1000 mg",
                Some("metformin"),
            ),
            (
                "acetaminophen 325 mg oral tablet",
                "acetaminophen 325 mg / oxycodone hydrochloride 5 mg oral tablet",
                Some("acetaminophen"),
            ),
            ("amlodipine 10 mg oral tablet", "allopurinol 100 mg oral tablet", None),
            ("amoxicillin 250 mg oral capsule", "something 250 mg oral capsule", None),
            ("vitamin B 12 5 mg/mL injectable solution", "vitamin B 6 100 mg", None),
            ("not in the table", "not in the table", None),
            ("Percocet 5/325", "acetaminophen 325 mg oral tablet", Some("acetaminophen")),
        ] {
            assert_eq!(shared(one, other).as_deref(), said, "{one} and {other}");
        }
        assert!(is_known("Warfarin 5 mg") && is_known("GLUCOPHAGE XR 500 mg"));
        assert!(!is_known("Symbicort metered dose inhaler") && !is_known("vitamin D 1000 units"));
        assert!(known().all(|one| one.len() > 3 && !one.contains("tablet")), "{:?}", known().collect::<Vec<_>>());
    }
}
