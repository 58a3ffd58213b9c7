//! Somebody's own templates and dot phrases. They are of no patient, and nobody else's.

use record::RecordError;
use serde::{Deserialize, Serialize};

use super::ask::Asking;
use super::note::PART_CHARS_MAX;
use super::phrases::PHRASES;

/// Each of templates and phrases.
pub const EACH_MAX: usize = 100;
pub const NAME_CHARS_MAX: usize = 40;
const PHRASE_CHARS_MAX: usize = 31;

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Own {
    #[serde(skip)]
    pub version: u32,
    pub templates: Vec<Template>,
    pub phrases: Vec<Phrase>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Template {
    pub name: String,
    pub parts: [String; 5],
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Phrase {
    /// With its dot.
    pub name: String,
    pub text: String,
}

impl Own {
    pub async fn of(asking: &Asking<'_>) -> Result<Self, RecordError> {
        let held = asking.record.own_texts(asking.caller).await?;
        let own: Self = serde_json::from_str(&held.text).unwrap_or_default();
        Ok(Self { version: held.version, ..own })
    }

    pub async fn keep(&self, asking: &Asking<'_>) -> Result<u32, RecordError> {
        let text = serde_json::to_string(self).map_err(|_| RecordError::Damaged)?;
        asking.record.keep_own_texts(asking.caller, self.version, &text).await
    }

    pub fn template(&self, name: &str) -> Option<&Template> {
        self.templates.iter().find(|one| one.name == name)
    }

    pub fn phrase(&self, name: &str) -> Option<&Phrase> {
        self.phrases.iter().find(|one| one.name == name)
    }

    /// In place of the one of the same name. What is wrong is said.
    pub fn put_template(&mut self, new: Template) -> Result<(), &'static str> {
        if new.name.is_empty() || new.name.chars().count() > NAME_CHARS_MAX {
            return Err("Give it a name of 40 letters at most.");
        }
        if new.parts.iter().all(|part| part.trim().is_empty()) {
            return Err("Write something in at least one part.");
        }
        if new.parts.iter().any(|part| part.chars().count() > PART_CHARS_MAX) {
            return Err("A part is too long.");
        }
        self.templates.retain(|one| one.name != new.name);
        self.templates.push(new);
        self.templates.sort_by_key(|one| one.name.to_lowercase());
        if self.templates.len() > EACH_MAX {
            Err("There are 100 of your own already. Remove one first.")
        } else {
            Ok(())
        }
    }

    pub fn put_phrase(&mut self, new: Phrase) -> Result<(), &'static str> {
        let is_name = new.name.strip_prefix('.').is_some_and(is_word);
        if !is_name {
            return Err("A phrase is a dot and up to 30 small letters or digits, such as .ankle");
        }
        if PHRASES.iter().any(|(name, _)| *name == new.name) {
            return Err("This one brings data of the chart. Choose another name.");
        }
        if new.text.trim().is_empty() {
            return Err("Write what it stands for.");
        }
        if new.text.chars().count() > PART_CHARS_MAX {
            return Err("The text is too long.");
        }
        self.phrases.retain(|one| one.name != new.name);
        self.phrases.push(new);
        self.phrases.sort_by(|a, b| a.name.cmp(&b.name));
        if self.phrases.len() > EACH_MAX { Err("There are 100 of your own already. Remove one first.") } else { Ok(()) }
    }
}

fn is_word(name: &str) -> bool {
    let is_inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..PHRASE_CHARS_MAX).contains(&name.len())
        && name.bytes().all(is_inside)
        && name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_has_a_name_that_is_found_in_a_text_and_is_no_other() {
        let mut own = Own::default();
        let phrase = |name: &str, text: &str| Phrase { name: name.into(), text: text.into() };
        for name in ["ankle", ".", ".Ankle", ".an kle", ".1a", ".meds", ".ä"] {
            assert!(own.put_phrase(phrase(name, "x")).is_err(), "{name}");
        }
        assert!(own.put_phrase(phrase(".ankle", " ")).is_err());
        assert!(own.put_phrase(phrase(".ankle", "Stable.")).is_ok());
        assert!(own.put_phrase(phrase(".ankle", "No swelling.")).is_ok());
        assert_eq!(own.phrases.len(), 1);
        assert_eq!(own.phrase(".ankle").map(|one| one.text.as_str()), Some("No swelling."));
    }
}
