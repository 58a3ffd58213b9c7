//! Names of people: patients as FAMILY, Given (Title); those who treat as they sign.

use fhir::Json;

use super::read::{all, text};

pub const NOT_KNOWN: &str = "Name not known";

/// A patient's name, so that the family name is never taken for the given one (NHS CUI, PAB).
#[derive(Clone, PartialEq, Eq)]
pub struct Name {
    /// In capitals; empty if nothing is known.
    pub family: String,
    pub given: String,
    pub title: String,
}

impl Name {
    /// The name that holds now: official before usual before any other; never one from before.
    pub fn of(person: &Json<'_>) -> Self {
        let names = all(person, "name");
        let used = |wanted: &str| names.iter().find(|name| text(name, "use") == Some(wanted));
        let other = || names.iter().find(|name| !matches!(text(name, "use"), Some("old" | "maiden")));
        let Some(name) = used("official").or_else(|| used("usual")).or_else(other).or(names.first()) else {
            return Self { family: String::new(), given: String::new(), title: String::new() };
        };
        let (family, given) = (text(name, "family").unwrap_or_default(), joined(name, "given"));
        let whole = if family.is_empty() && given.is_empty() { text(name, "text").unwrap_or_default() } else { family };
        Self { family: whole.to_uppercase(), given, title: joined(name, "prefix") }
    }

    /// `ADEYEMI, Ruth`, for lists and links.
    pub fn listed(&self) -> String {
        match (self.family.is_empty(), self.given.is_empty()) {
            (true, true) => NOT_KNOWN.to_owned(),
            (false, true) => self.family.clone(),
            (true, false) => self.given.clone(),
            (false, false) => format!("{}, {}", self.family, self.given),
        }
    }
}

/// `Asha Rao MD`.
pub fn signed(person: &Json<'_>) -> Option<String> {
    let name = all(person, "name").first()?;
    let parts = [joined(name, "given"), text(name, "family").unwrap_or_default().to_owned(), joined(name, "suffix")];
    let whole = parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ");
    if whole.is_empty() { text(name, "text").map(str::to_owned) } else { Some(whole) }
}

fn joined(name: &Json<'_>, member: &str) -> String {
    all(name, member).iter().filter_map(Json::as_str).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_holds_now_is_shown() {
        for (names, listed) in [
            (r#"[{"use":"old","family":"Moss"},{"family":"Adeyemi","given":["Ruth","Ada"]}]"#, "ADEYEMI, Ruth Ada"),
            (r#"[{"use":"usual","given":["Ru"]},{"use":"official","family":"de la Cruz"}]"#, "DE LA CRUZ"),
            (r#"[{"text":"Ruth Adeyemi"}]"#, "RUTH ADEYEMI"),
            (r#"[{"given":["Baby"]}]"#, "Baby"),
            ("[]", NOT_KNOWN),
        ] {
            let person = format!(r#"{{"name":{names}}}"#);
            assert_eq!(Json::parse_str(&person).map(|person| Name::of(&person).listed()).as_deref(), Ok(listed));
        }
    }
}
