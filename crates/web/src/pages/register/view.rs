//! The form as a page has it: sections, fields, what stands in them and what is wrong.

use fhir::Json;

use crate::clinic::banner;
use crate::clinic::demographics::{Field, Kind, SECTIONS, Slip, Values, said};
use crate::clinic::name::Name;
use crate::clinic::read::text;

pub struct FormView {
    pub sections: Vec<SectionView>,
    pub slips: Vec<Slip>,
}

pub struct SectionView {
    pub title: &'static str,
    pub id: &'static str,
    pub fields: Vec<FieldView>,
}

pub struct FieldView {
    pub name: &'static str,
    pub label: &'static str,
    pub hint: &'static str,
    pub value: String,
    pub slip: Option<String>,
    pub is_needed: bool,
    pub input: Input,
}

pub enum Input {
    Text { kind: &'static str, mode: &'static str },
    One(Vec<Choice>),
    Many(Vec<Choice>),
    Tick,
}

pub struct Choice {
    pub code: String,
    pub words: String,
    pub is_chosen: bool,
}

impl FormView {
    pub fn of(fields: &[&'static Field], values: &Values, slips: Vec<Slip>) -> Self {
        let section = |section: &&'static crate::clinic::demographics::Section| {
            let own = fields.iter().filter(|field| section.fields.iter().any(|one| one.name == field.name));
            let fields: Vec<FieldView> = own.map(|field| FieldView::of(field, values, &slips)).collect();
            (!fields.is_empty()).then_some(SectionView { title: section.title, id: section.id, fields })
        };
        let sections = SECTIONS.iter().collect::<Vec<_>>().iter().filter_map(section).collect();
        Self { sections, slips }
    }
}

impl FieldView {
    fn of(field: &'static Field, values: &Values, slips: &[Slip]) -> Self {
        let value = values.text(field.name).to_owned();
        let choices = || {
            let mut all: Vec<Choice> = field
                .choices()
                .iter()
                .map(|(code, words)| Choice {
                    code: (*code).to_owned(),
                    words: (*words).to_owned(),
                    is_chosen: values.has(field.name, code),
                })
                .collect();
            // What the record says and the form does not offer stays what it is.
            let own = value.split(' ').filter(|code| !code.is_empty());
            let others: Vec<Choice> = own
                .filter(|code| !field.choices().iter().any(|(held, _)| held == code))
                .map(|code| Choice { code: code.to_owned(), words: said(field.choices(), code), is_chosen: true })
                .collect();
            all.extend(others);
            all
        };
        let input = match field.kind {
            Kind::One(_) => Input::One(choices()),
            Kind::Many(_) => Input::Many(choices()),
            Kind::Tick => Input::Tick,
            Kind::Phone => Input::Text { kind: "tel", mode: "tel" },
            Kind::Email => Input::Text { kind: "text", mode: "email" },
            Kind::Zip | Kind::Ssn => Input::Text { kind: "text", mode: "numeric" },
            Kind::Text | Kind::Day | Kind::AnyDay => Input::Text { kind: "text", mode: "text" },
        };
        let slip = slips.iter().find(|slip| slip.field == field.name).map(|slip| slip.words.clone());
        let is_needed = matches!(field.name, "family" | "birth" | "gender");
        Self { name: field.name, label: field.label, hint: field.hint, value, slip, is_needed, input }
    }

    /// What describes it to a screen reader.
    pub fn described(&self) -> bool {
        self.slip.is_some() || !self.hint.is_empty()
    }
}

/// Who a page is about, in a line.
pub struct Who {
    pub id: String,
    pub name: String,
    pub born: String,
    pub sex: String,
    pub mrn: String,
}

impl Who {
    pub fn of(patient: &Json<'_>) -> Self {
        Self {
            id: text(patient, "id").unwrap_or_default().to_owned(),
            name: Name::of(patient).listed(),
            born: text(patient, "birthDate").map_or_else(|| "Not known".to_owned(), crate::clinic::time::day),
            sex: banner::sex(patient),
            mrn: banner::record_number(patient).unwrap_or("Not recorded").to_owned(),
        }
    }
}
