//! Whether a medicine meets an allergy: by ingredient, or by group of ingredients (`codes/groups.txt`). Nothing else is compared: no
//! interactions, doses, age, kidneys or pregnancy. What is compared, and how, stands in docs/lists.md.

use fhir::Json;

use super::banner::Allergy;
use super::codes::ALLERGENS;
use super::ingredients;
use super::read::{all, text, words};

const GROUPS: &str = include_str!("codes/groups.txt");
/// Words of names that are no ingredient: what an allergy is called, salts, forms.
const NO_INGREDIENT: [&str; 44] = [
    "acid",
    "actuat",
    "adverse",
    "allergic",
    "allergy",
    "antibiotics",
    "bitartrate",
    "calcium",
    "capsule",
    "chewable",
    "cream",
    "delayed",
    "drug",
    "extended",
    "hour",
    "hydrobromide",
    "hydrochloride",
    "inhaler",
    "injectable",
    "injection",
    "intolerance",
    "magnesium",
    "medication",
    "medicine",
    "milk",
    "oral",
    "oils",
    "phosphate",
    "potassium",
    "powder",
    "product",
    "products",
    "puff",
    "reaction",
    "release",
    "sodium",
    "solution",
    "spray",
    "substance",
    "succinate",
    "sulfate",
    "suspension",
    "tablet",
    "topical",
];
/// Shorter words say too little.
const WORD_BYTES_MIN: usize = 4;

struct Group {
    name: &'static str,
    names: &'static str,
    members: &'static str,
}

/// How near an allergy is to what is ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nearness {
    /// The same ingredient, or the same group.
    Direct,
    /// A group of which some react to both.
    Near,
}

/// An allergy that a medicine meets.
pub struct Meeting {
    pub allergy_id: String,
    pub allergy: Allergy,
    pub nearness: Nearness,
    /// `amoxicillin is one of the penicillins`.
    pub because: String,
    /// The ingredient of the table, or the word, by which it was found.
    pub ingredient: String,
}

impl Meeting {
    /// Asked about, with a reason that is kept: only a direct match with an allergy of high risk or a severe reaction.
    pub fn interrupts(&self) -> bool {
        self.nearness == Nearness::Direct && self.allergy.is_severe
    }
}

/// What a medicine's name says of its ingredients.
pub struct Medicine {
    words: Vec<String>,
    is_in_table: bool,
}

impl Medicine {
    pub fn of(name: &str) -> Self {
        Self { words: said(name), is_in_table: ingredients::is_known(name) }
    }

    /// Whether the tables know an ingredient of it; else its words alone are compared, and that reassures nobody.
    pub fn is_known(&self) -> bool {
        self.is_in_table || self.words.iter().any(|word| group_of(word).is_some())
    }

    /// Of the allergies that hold: those that it meets, those that interrupt first.
    pub fn meetings(&self, allergies: &[(&Json<'_>, Allergy)]) -> Vec<Meeting> {
        let mut met: Vec<Meeting> = allergies.iter().filter_map(|(one, allergy)| self.meeting(one, allergy)).collect();
        met.sort_by_key(|one| (!one.interrupts(), one.nearness != Nearness::Direct));
        met
    }

    fn meeting(&self, one: &Json<'_>, allergy: &Allergy) -> Option<Meeting> {
        let names = names_of(one);
        let (nearness, because, ingredient) = self.compared(&names)?;
        let (allergy_id, allergy) = (text(one, "id")?.to_owned(), allergy.clone());
        Some(Meeting { allergy_id, allergy, nearness, because, ingredient })
    }

    /// The same word, then the same group, then a near group.
    fn compared(&self, allergy: &[String]) -> Option<(Nearness, String, String)> {
        if let Some(word) = self.words.iter().find(|word| allergy.contains(word)) {
            return Some((Nearness::Direct, format!("{word} is what the allergy is to"), word.clone()));
        }
        let allergic: Vec<&'static str> = allergy.iter().filter_map(|word| group_named(word)).collect();
        let ordered = || self.words.iter().filter_map(|word| Some((word, group_of(word)?)));
        if let Some((word, group)) = ordered().find(|(_, group)| allergic.contains(group)) {
            return Some((Nearness::Direct, format!("{word} is one of the {group}"), word.clone()));
        }
        let (word, group, other) = ordered().find_map(|(word, group)| {
            let other = allergic.iter().find(|other| are_near(group, other))?;
            Some((word, group, *other))
        })?;
        Some((
            Nearness::Near,
            format!("{word} is one of the {group}; some who react to {other} react to them"),
            word.clone(),
        ))
    }
}

/// Words by which an allergy is known: of its text, its codings, and the table's words for its code.
fn names_of(one: &Json<'_>) -> Vec<String> {
    let Some(concept) = one.get("code") else { return Vec::new() };
    let mut names = words(concept).map(|name| said(&name)).unwrap_or_default();
    for coding in all(concept, "coding") {
        names.extend(text(coding, "display").map(said).unwrap_or_default());
        let (system, code) = (text(coding, "system"), text(coding, "code"));
        let row = ALLERGENS.rows().find(|row| system == Some(row.system) && code == Some(row.code));
        names.extend(row.map(|row| said(row.words)).unwrap_or_default());
    }
    names
}

/// Its words, and those of what is in the brands among them.
fn said(name: &str) -> Vec<String> {
    let name = ingredients::in_full(name);
    let words = name.split(|letter: char| !letter.is_alphanumeric()).map(str::to_lowercase);
    let tells = |word: &String| {
        let is_name = word.len() >= WORD_BYTES_MIN && word.bytes().all(|byte| !byte.is_ascii_digit());
        (is_name || group_named(word).is_some()) && !NO_INGREDIENT.contains(&word.as_str())
    };
    words.filter(tells).collect()
}

fn groups() -> impl Iterator<Item = Group> {
    GROUPS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut parts = line.split('|');
        let (name, _atc) = (parts.next()?, parts.next()?);
        Some(Group { name, names: parts.next()?, members: parts.next()? })
    })
}

/// The group that an ingredient is in.
fn group_of(ingredient: &str) -> Option<&'static str> {
    groups().find(|group| group.members.split(',').any(|member| member == ingredient)).map(|group| group.name)
}

/// The group that a word names, or that it is an ingredient of.
fn group_named(word: &str) -> Option<&'static str> {
    let named = groups().find(|group| group.names.split(',').any(|name| name == word)).map(|group| group.name);
    named.or_else(|| group_of(word))
}

fn are_near(one: &str, other: &str) -> bool {
    let mut pairs = GROUPS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" ~ "));
    pairs.any(|(a, b)| (a, b) == (one, other) || (b, a) == (one, other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clinic::names::Names;

    fn met(medicine: &str, allergy: &str) -> Option<(bool, String)> {
        let json = Json::parse_str(allergy).unwrap_or(Json::Null);
        let allergies = [(&json, Allergy::of(&json, &Names::default(), &jiff::tz::TimeZone::UTC))];
        let found = Medicine::of(medicine).meetings(&allergies);
        found.first().map(|one| (one.interrupts(), one.because.clone()))
    }

    fn allergy(code: &str, more: &str) -> String {
        format!(r#"{{"id":"a","code":{code}{more}}}"#)
    }

    const HIGH: &str = r#","criticality":"high""#;
    const SEVERE: &str = r#","reaction":[{"manifestation":[{"text":"Anaphylaxis"}],"severity":"severe"}]"#;
    const PENICILLIN: &str = r#"{"coding":[{"system":"http://snomed.info/sct","code":"91936005"}]}"#;
    const AMOXICILLIN: &str = r#"{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"723"}]}"#;

    #[test]
    fn only_a_direct_match_with_a_severe_allergy_interrupts() {
        let augmentin = "amoxicillin 250 mg / clavulanate 125 mg oral tablet";
        for (medicine, code, more, expected) in [
            // By group, by code alone.
            (augmentin, PENICILLIN, HIGH, Some(true)),
            (augmentin, PENICILLIN, SEVERE, Some(true)),
            (augmentin, PENICILLIN, "", Some(false)),
            // The same ingredient; another of its group; free text.
            ("amoxicillin 500 mg oral tablet", AMOXICILLIN, HIGH, Some(true)),
            ("penicillin V potassium 250 mg oral tablet", AMOXICILLIN, HIGH, Some(true)),
            ("amoxicillin", r#"{"text":"Allergy to Penicillins"}"#, HIGH, Some(true)),
            ("Oxycodone 5 mg", r#"{"text":"codeine"}"#, HIGH, Some(true)),
            ("sulfamethoxazole / trimethoprim", r#"{"text":"sulfa drugs"}"#, HIGH, Some(true)),
            // Some react to both: shown, not asked.
            ("cefuroxime 250 mg oral tablet", PENICILLIN, HIGH, Some(false)),
            ("naproxen 500 mg oral tablet", r#"{"text":"aspirin"}"#, SEVERE, Some(false)),
            // By what is in the brand, on either side.
            ("Augmentin 875 mg tablet", PENICILLIN, HIGH, Some(true)),
            ("sulfadiazine 500 mg", r#"{"text":"Bactrim"}"#, HIGH, Some(true)),
            // In no group, by its word.
            ("allopurinol 100 mg oral tablet", r#"{"text":"Allopurinol"}"#, HIGH, Some(true)),
            // Salts and forms are no ingredients.
            ("losartan potassium 50 mg oral tablet", r#"{"text":"penicillin V potassium"}"#, HIGH, None),
            ("metformin hydrochloride 500 mg oral tablet", r#"{"text":"oral tablet of hydrochloride"}"#, HIGH, None),
            ("lisinopril 10 mg oral tablet", r#"{"text":"Peanut"}"#, HIGH, None),
        ] {
            let found = met(medicine, &allergy(code, more));
            assert_eq!(found.map(|(interrupts, _)| interrupts), expected, "{medicine} and {code}");
        }
        let because = met(augmentin, &allergy(PENICILLIN, HIGH)).map(|(_, because)| because);
        assert_eq!(because.as_deref(), Some("amoxicillin is one of the penicillins"));
    }

    #[test]
    fn a_name_of_which_nothing_is_known_is_said_to_be_so() {
        assert!(Medicine::of("cefuroxime").is_known() && Medicine::of("Warfarin 5 mg").is_known());
        assert!(Medicine::of("Augmentin 875").is_known());
        for unknown in ["amoxicilin 500 mg capsule", "Symbicort metered dose inhaler", "Xyz transdermal system", ""] {
            assert!(!Medicine::of(unknown).is_known(), "{unknown}");
        }
    }

    #[test]
    fn of_each_brand_an_ingredient_is_compared() {
        for line in include_str!("codes/brands.txt").lines().filter(|line| !line.starts_with('#')) {
            let (brand, ingredients) = line.split_once('|').unwrap_or_default();
            let (brand, within) = (Medicine::of(brand), Medicine::of(ingredients));
            assert!(brand.is_known() && brand.words.len() == within.words.len() + 1, "{line}");
        }
    }

    #[test]
    fn each_ingredient_is_in_one_group() {
        let all: Vec<&str> = groups().flat_map(|group| group.members.split(',')).collect();
        for one in &all {
            assert_eq!(all.iter().filter(|other| *other == one).count(), 1, "{one}");
        }
        assert_eq!(groups().count(), 11);
    }
}
