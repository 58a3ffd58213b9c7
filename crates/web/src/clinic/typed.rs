//! A form as it was typed, with what is wrong beside it: nothing that somebody typed is lost because something was refused.

use crate::forms::Form;

/// Letters of one field.
pub const FIELD_CHARS_MAX: usize = 500;

#[derive(Clone, Default)]
pub struct Typed {
    fields: Vec<(&'static str, String)>,
    /// Refused: field, and why.
    pub slips: Vec<(&'static str, String)>,
}

impl Typed {
    pub fn read(form: &Form, names: &[&'static str]) -> Self {
        let mut typed = Self::default();
        for name in names {
            let text = form.text(name).trim();
            if text.chars().count() > FIELD_CHARS_MAX {
                typed.slip(name, "This is too long. Say it shorter.");
            }
            typed.set(name, text.chars().take(FIELD_CHARS_MAX).collect::<String>());
        }
        typed
    }

    pub fn of<const N: usize>(fields: [(&'static str, String); N]) -> Self {
        Self { fields: fields.into(), slips: Vec::new() }
    }

    pub fn set(&mut self, name: &'static str, text: impl Into<String>) {
        self.fields.retain(|(held, _)| *held != name);
        self.fields.push((name, text.into()));
    }

    pub fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(held, _)| *held == name).map_or("", |(_, text)| text.as_str())
    }

    pub fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == value
    }

    /// What is in the list; an unknown choice is none, since no page of ours sends one.
    pub fn choice<'c>(&self, name: &str, choices: &[(&'c str, &'c str)]) -> Option<(&'c str, &'c str)> {
        choices.iter().copied().find(|(value, _)| !value.is_empty() && *value == self.get(name))
    }

    pub fn slip(&mut self, name: &'static str, words: impl Into<String>) {
        self.slips.push((name, words.into()));
    }

    pub fn slip_of(&self, name: &str) -> Option<&str> {
        self.slips.iter().find(|(field, _)| *field == name).map(|(_, words)| words.as_str())
    }

    /// Which of two fills differ here.
    pub fn differs(&self, from: &Self, name: &str) -> bool {
        self.get(name) != from.get(name)
    }
}
