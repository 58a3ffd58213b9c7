//! What a token is narrowed to, in the words of SMART App Launch 2: `user/Observation.rs`, `user/*.cruds`.

use std::fmt;

use crate::action::Action;
use crate::error::AccessError;
use crate::types::group_of;

/// Scopes of one token, at most.
pub const SCOPES_MAX: usize = 64;

/// A set of scopes. Never widens what roles allow: an action outside of it is refused whatever policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Box<[Scope]>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Scope {
    /// `user`, `patient` or `system`.
    level: &'static str,
    /// None for `*`.
    kind: Option<Box<str>>,
    letters: u8,
}

/// In the order SMART asks for: create, read, update, delete, search.
const LETTERS: [char; 5] = ['c', 'r', 'u', 'd', 's'];
const CREATE: u8 = 1;
const READ: u8 = 2;
const UPDATE: u8 = 4;
const DELETE: u8 = 8;
const SEARCH: u8 = 16;
const LEVELS: [&str; 3] = ["user", "patient", "system"];

impl Scopes {
    /// Space-separated scopes. Fails on a word that is none, so that a misspelt scope never means less or more than was meant.
    pub fn parse(text: &str) -> Result<Scopes, AccessError> {
        let scopes: Option<Box<[Scope]>> = text.split_whitespace().map(Scope::parse).collect();
        scopes.filter(|scopes| !scopes.is_empty() && scopes.len() <= SCOPES_MAX).map(Scopes).ok_or(AccessError::Scope)
    }

    pub fn allows(&self, action: Action, type_name: &str) -> bool {
        let needed = match action {
            Action::Read | Action::VRead | Action::HistoryInstance => READ,
            Action::Search | Action::SearchSystem | Action::HistoryType | Action::HistorySystem => SEARCH,
            Action::Everything | Action::Export | Action::AuditRead | Action::AuditExport => READ | SEARCH,
            Action::Create => CREATE,
            Action::Update | Action::Patch => UPDATE,
            Action::Delete => DELETE,
            // Administration and the record's own rare acts are not for tokens that are narrowed.
            Action::Merge
            | Action::Erase
            | Action::Label
            | Action::Administer
            | Action::ManageAccounts
            | Action::ManageRoles
            | Action::ManageDevices
            | Action::ManagePolicies
            | Action::ReviewAlerts
            | Action::TendAlerts
            | Action::ActivatePatients
            | Action::ReadAgreements
            | Action::ManageAgreements
            | Action::Answer
            | Action::Explain
            | Action::BreakGlass => return false,
        };
        self.0
            .iter()
            .any(|scope| scope.letters & needed == needed && scope.kind.as_deref().is_none_or(|kind| kind == type_name))
    }
}

impl Scope {
    fn parse(word: &str) -> Option<Scope> {
        let (level, rest) = word.split_once('/')?;
        let level = LEVELS.into_iter().find(|known| *known == level)?;
        let (kind, letters) = rest.split_once('.')?;
        let kind = match kind {
            "*" => None,
            name => Some(group_of(name).map(|_| name.into())?),
        };
        let (mut bits, mut rest) = (0, letters);
        for (bit, letter) in LETTERS.iter().enumerate() {
            if let Some(shorter) = rest.strip_prefix(*letter) {
                bits |= 1 << bit;
                rest = shorter;
            }
        }
        (bits != 0 && rest.is_empty()).then_some(Scope { level, kind, letters: bits })
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.0.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{}/{}.", scope.level, scope.kind.as_deref().unwrap_or("*"))?;
            for (bit, letter) in LETTERS.iter().enumerate().filter(|(bit, _)| scope.letters & 1 << bit != 0) {
                let _ = bit;
                write!(f, "{letter}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_scope_allows_its_type_and_letters_and_nothing_else() {
        let scopes = Scopes::parse("user/Observation.rs user/Patient.r").unwrap();
        assert!(scopes.allows(Action::Read, "Observation"));
        assert!(scopes.allows(Action::Search, "Observation"));
        assert!(!scopes.allows(Action::Create, "Observation"));
        assert!(scopes.allows(Action::VRead, "Patient"));
        assert!(!scopes.allows(Action::Search, "Patient"));
        assert!(!scopes.allows(Action::Everything, "Patient"));
        assert!(!scopes.allows(Action::Read, "Condition"));
        assert!(!Scopes::parse("user/*.cruds").unwrap().allows(Action::Administer, "System"));
    }

    #[test]
    fn what_is_no_scope_is_refused_whole() {
        for text in
            ["", "user/Observation", "user/Observashun.r", "user/*.sr", "launch user/*.r", "user/*.", "users/*.r"]
        {
            assert!(Scopes::parse(text).is_err(), "{text}");
        }
        for text in ["user/*.cruds", "user/Observation.rs patient/Condition.r"] {
            assert_eq!(Scopes::parse(text).unwrap().to_string(), text);
        }
    }
}
