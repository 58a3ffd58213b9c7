//! What validation says: an issue as OperationOutcome knows it.

use std::fmt;

/// Validation stops after this many issues.
pub const ISSUES_MAX: usize = 100;

/// Longest list of allowed codes or names a message spells out.
const NAMES_MAX: usize = 24;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    pub severity: Severity,
    pub code: IssueCode,
    /// FHIRPath to the element: `Patient.name[0].family`.
    pub expression: String,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
    Information,
}

/// The codes of <http://hl7.org/fhir/ValueSet/issue-type> that validation and the collection policy use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueCode {
    Structure,
    Required,
    Value,
    Invariant,
    CodeInvalid,
    NotFound,
    Duplicate,
    TooLong,
    Security,
    BusinessRule,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Information => "information",
        }
    }
}

impl IssueCode {
    pub fn as_str(self) -> &'static str {
        match self {
            IssueCode::Structure => "structure",
            IssueCode::Required => "required",
            IssueCode::Value => "value",
            IssueCode::Invariant => "invariant",
            IssueCode::CodeInvalid => "code-invalid",
            IssueCode::NotFound => "not-found",
            IssueCode::Duplicate => "duplicate",
            IssueCode::TooLong => "too-long",
            IssueCode::Security => "security",
            IssueCode::BusinessRule => "business-rule",
        }
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}: {}", self.severity.as_str(), self.code.as_str(), self.expression, self.message)
    }
}

/// `a, b, c`, cut after [`NAMES_MAX`] names.
pub fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut out = String::new();
    for (i, name) in names.enumerate() {
        if i == NAMES_MAX {
            out.push_str(", ...");
            break;
        }
        if i > 0 {
            out.push_str(", ");
        }
        out.push_str(name);
    }
    out
}
