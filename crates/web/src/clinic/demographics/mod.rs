//! What a clinic knows of who a patient is: the fields of the form, and the same as FHIR (US Core 6.1.0 Patient, USCDI v3).

mod apply;
mod check;
mod codes;
mod read;

use access::{CollectValue, CollectionPolicy};

use crate::forms::Form;

pub use apply::{apply, coverage, name};
pub use check::{Slip, check};
pub use codes::{GENDERS, RELATIONS, said};
pub use read::read;

use codes::{ETHNICITIES, IDENTITIES, LANGUAGES, MARITAL, PRONOUNS, RACES, RELATIONSHIPS, SEXES, STATES, YES};

pub const US_CORE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/";
pub const BIRTHSEX: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex";
pub const RACE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race";
pub const ETHNICITY: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity";
pub const TRIBE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-tribal-affiliation";
pub const IDENTITY: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-genderIdentity";
pub const PRONOUN: &str = "http://hl7.org/fhir/StructureDefinition/individual-pronouns";
pub const INTERPRETER: &str = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired";
pub const SSN: &str = "http://hl7.org/fhir/sid/us-ssn";

/// Bytes of one field; the longest is a street or a tribe.
const TEXT_BYTES_MAX: usize = 120;

pub type Choices = &'static [(&'static str, &'static str)];

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// A day that is past.
    Day,
    /// A day of any time.
    AnyDay,
    Phone,
    Email,
    Zip,
    Ssn,
    One(Choices),
    Many(Choices),
    Tick,
}

/// One field of the form. Its name is its id on the page and its key in [`Values`].
pub struct Field {
    pub name: &'static str,
    pub label: &'static str,
    pub kind: Kind,
    /// Where it is kept: dotted path below the resource, and the extension or system within it. What policy drops is not asked.
    kept: (&'static str, &'static str, &'static str),
    /// Said below it.
    pub hint: &'static str,
}

pub struct Section {
    pub title: &'static str,
    pub id: &'static str,
    pub fields: &'static [Field],
}

const fn field(name: &'static str, label: &'static str, kind: Kind, element: &'static str) -> Field {
    Field { name, label, kind, kept: ("Patient", element, ""), hint: "" }
}

const fn extended(name: &'static str, label: &'static str, kind: Kind, url: &'static str) -> Field {
    Field { name, label, kind, kept: ("Patient", "extension", url), hint: "" }
}

const fn insured(name: &'static str, label: &'static str, kind: Kind, element: &'static str) -> Field {
    Field { name, label, kind, kept: ("Coverage", element, ""), hint: "" }
}

impl Field {
    const fn hinted(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }
}

pub const INSURANCE: &str = "insurance";

pub const SECTIONS: &[Section] = &[
    Section {
        title: "Name",
        id: "name",
        fields: &[
            field("family", "Family name", Kind::Text, "name").hinted("As on the card or passport"),
            field("given", "Given name", Kind::Text, "name"),
            field("middle", "Middle names", Kind::Text, "name"),
            field("preferred", "Preferred name", Kind::Text, "name").hinted("What they like to be called"),
            field("former", "Previous family name", Kind::Text, "name").hinted("Before a marriage or another change"),
            field("suffix", "Suffix", Kind::Text, "name").hinted("Jr., III"),
            field("prefix", "Title", Kind::Text, "name").hinted("Dr., Rev."),
        ],
    },
    Section {
        title: "Birth and sex",
        id: "born",
        fields: &[
            field("birth", "Birth date", Kind::Day, "birthDate").hinted("14-Jul-1968, 7/14/1968, or the year alone"),
            field("gender", "Sex for records and insurance", Kind::One(GENDERS), "gender"),
            extended("birthsex", "Sex given at birth", Kind::One(SEXES), BIRTHSEX),
            extended("identity", "Gender identity", Kind::One(IDENTITIES), IDENTITY).hinted("As the patient says it"),
            extended("pronouns", "Pronouns", Kind::One(PRONOUNS), PRONOUN),
            field("died", "Date of death", Kind::Day, "deceasedDateTime")
                .hinted("Of who has died; the year alone is enough"),
            field("ssn", "Social Security number", Kind::Ssn, "identifier"),
        ],
    },
    Section {
        title: "How to reach them",
        id: "reach",
        fields: &[
            field("mobile", "Mobile phone", Kind::Phone, "telecom"),
            field("phone", "Home phone", Kind::Phone, "telecom"),
            field("work", "Work phone", Kind::Phone, "telecom"),
            field("email", "E-mail", Kind::Email, "telecom"),
        ],
    },
    Section {
        title: "Home address",
        id: "home",
        fields: &[
            field("line", "Street and number", Kind::Text, "address"),
            field("line2", "Apartment or unit", Kind::Text, "address"),
            field("city", "City", Kind::Text, "address"),
            field("state", "State", Kind::One(STATES), "address"),
            field("zip", "ZIP code", Kind::Zip, "address"),
        ],
    },
    Section {
        title: "Previous address",
        id: "before",
        fields: &[
            field("old-line", "Street and number", Kind::Text, "address"),
            field("old-city", "City", Kind::Text, "address"),
            field("old-state", "State", Kind::One(STATES), "address"),
            field("old-zip", "ZIP code", Kind::Zip, "address"),
        ],
    },
    Section {
        title: "Language",
        id: "language-part",
        fields: &[
            field("language", "Preferred language", Kind::One(LANGUAGES), "communication"),
            extended("interpreter", "Needs an interpreter", Kind::Tick, INTERPRETER),
        ],
    },
    Section {
        title: "Origin",
        id: "origin",
        fields: &[
            extended("race", "Race, as the patient says it; more than one may be right", Kind::Many(RACES), RACE),
            extended("ethnicity", "Ethnicity", Kind::One(ETHNICITIES), ETHNICITY),
            extended("tribe", "Tribal affiliation", Kind::Text, TRIBE).hinted("Name of the tribe or village"),
            extended("enrolled", "Enrolled member of the tribe", Kind::One(YES), TRIBE),
            field("marital", "Marital status", Kind::One(MARITAL), "maritalStatus"),
        ],
    },
    Section {
        title: "Next of kin",
        id: "kin",
        fields: &[
            field("kin-family", "Family name", Kind::Text, "contact"),
            field("kin-given", "Given name", Kind::Text, "contact"),
            field("kin-relation", "Who they are", Kind::One(RELATIONS), "contact"),
            field("kin-phone", "Phone", Kind::Phone, "contact"),
        ],
    },
    Section {
        title: "In an emergency call",
        id: "emergency",
        fields: &[
            field("call-family", "Family name", Kind::Text, "contact"),
            field("call-given", "Given name", Kind::Text, "contact"),
            field("call-relation", "Who they are", Kind::One(RELATIONS), "contact"),
            field("call-phone", "Phone", Kind::Phone, "contact"),
        ],
    },
    Section {
        title: "Insurance",
        id: INSURANCE,
        fields: &[
            insured("payer", "Insurance company", Kind::Text, "payor").hinted("As on the card"),
            insured("member", "Member number", Kind::Text, "subscriberId"),
            insured("group", "Group number", Kind::Text, "class"),
            insured("insured-as", "The patient is", Kind::One(RELATIONSHIPS), "relationship"),
            insured("since", "Valid from", Kind::AnyDay, "period"),
            insured("until", "Valid until", Kind::AnyDay, "period"),
        ],
    },
];

/// What the form says: one text a field, several choices of one field with spaces between them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Values(Vec<(&'static str, String)>);

impl Values {
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(held, _)| *held == name).map_or("", |(_, value)| value.as_str())
    }

    pub fn has(&self, name: &str, choice: &str) -> bool {
        self.text(name).split(' ').any(|held| held == choice)
    }

    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        let value = value.into();
        match self.0.iter_mut().find(|(held, _)| *held == name) {
            Some((_, held)) => *held = value,
            None if value.is_empty() => {}
            None => self.0.push((name, value)),
        }
    }

    /// What was typed into the fields that are asked, without the space around it.
    pub fn typed(form: &Form, fields: &[&'static Field]) -> Self {
        let mut values = Self::default();
        for field in fields {
            let said: Vec<&str> = form.each(field.name).map(str::trim).filter(|text| !text.is_empty()).collect();
            let whole = said.join(" ");
            let cut = whole.floor_char_boundary(whole.len().min(4 * TEXT_BYTES_MAX));
            values.set(field.name, &whole[..cut]);
        }
        values
    }

    pub fn is_same(&self, other: &Self, names: &[&str]) -> bool {
        names.iter().all(|name| self.text(name) == other.text(name))
    }
}

/// The fields that are asked: what the organization would not keep is not, nor what the caller may not record, as `shows` tells of
/// a type and an element.
pub fn asked(policy: &CollectionPolicy, shows: impl Fn(&str, &str) -> bool) -> Vec<&'static Field> {
    let is_asked = |field: &&Field| field.is_kept(policy) && shows(field.kept.0, field.kept.1);
    SECTIONS.iter().flat_map(|section| section.fields).filter(is_asked).collect()
}

impl Field {
    fn is_kept(&self, policy: &CollectionPolicy) -> bool {
        let (kind, element, url) = self.kept;
        let value = match self.name {
            "ssn" => CollectValue { system: Some(SSN), type_codes: &["SS"], ..CollectValue::default() },
            "mobile" | "phone" | "work" => CollectValue { system: Some("phone"), ..CollectValue::default() },
            "email" => CollectValue { system: Some("email"), ..CollectValue::default() },
            _ => CollectValue { url: Some(url).filter(|url| !url.is_empty()), ..CollectValue::default() },
        };
        policy.keeps(kind, element, value)
    }

    pub fn choices(&self) -> Choices {
        match self.kind {
            Kind::One(choices) | Kind::Many(choices) => choices,
            _ => &[],
        }
    }

    /// As people read what a value says.
    pub fn said(&self, value: &str) -> String {
        match self.kind {
            Kind::One(choices) | Kind::Many(choices) => {
                let each = value.split(' ').filter(|code| !code.is_empty());
                each.map(|code| said(choices, code)).collect::<Vec<_>>().join(", ")
            }
            Kind::Tick if value == "yes" => "Yes".to_owned(),
            Kind::Day | Kind::AnyDay if !value.is_empty() => {
                super::time::typed(value).map_or_else(|| value.to_owned(), |date| super::time::day(&date))
            }
            _ => value.to_owned(),
        }
    }
}

pub fn field_of(name: &str) -> Option<&'static Field> {
    SECTIONS.iter().flat_map(|section| section.fields).find(|field| field.name == name)
}
