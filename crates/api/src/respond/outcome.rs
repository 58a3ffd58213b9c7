//! OperationOutcome: what went wrong, as FHIR says it.

use std::borrow::Cow;

use fhir::Issue;

use super::json::Writer;

pub struct Outcome(Vec<Line>);

struct Line {
    severity: &'static str,
    /// Of <http://hl7.org/fhir/ValueSet/issue-type>.
    code: &'static str,
    diagnostics: Cow<'static, str>,
    /// FHIRPath; empty if no element is meant.
    expression: String,
}

impl Outcome {
    pub fn error(code: &'static str, diagnostics: impl Into<Cow<'static, str>>) -> Self {
        Self::of("error", code, diagnostics.into(), String::new())
    }

    pub fn error_at(code: &'static str, diagnostics: impl Into<Cow<'static, str>>, expression: &str) -> Self {
        Self::of("error", code, diagnostics.into(), expression.to_owned())
    }

    pub fn warning(code: &'static str, diagnostics: impl Into<Cow<'static, str>>) -> Self {
        Self::of("warning", code, diagnostics.into(), String::new())
    }

    pub fn information(diagnostics: impl Into<Cow<'static, str>>) -> Self {
        Self::of("information", "informational", diagnostics.into(), String::new())
    }

    /// One line for each issue; `otherwise` if there is none, for an outcome must have one.
    pub fn issues(issues: &[Issue], otherwise: impl FnOnce() -> Self) -> Self {
        let line = |issue: &Issue| Line {
            severity: issue.severity.as_str(),
            code: issue.code.as_str(),
            diagnostics: Cow::Owned(issue.message.clone()),
            expression: issue.expression.clone(),
        };
        if issues.is_empty() { otherwise() } else { Self(issues.iter().map(line).collect()) }
    }

    /// The same, as seen from the bundle: `Patient.name` becomes `Bundle.entry[3].resource.name`.
    pub fn in_entry(mut self, index: usize) -> Self {
        for line in self.0.iter_mut().filter(|line| !line.expression.starts_with("Bundle.")) {
            let inner = line.expression.find(['.', '[']).map(|at| &line.expression[at..]);
            line.expression = match (line.expression.as_str(), inner) {
                ("", _) => format!("Bundle.entry[{index}]"),
                (_, inner) => format!("Bundle.entry[{index}].resource{}", inner.unwrap_or_default()),
            };
        }
        self
    }

    pub fn write(&self, json: &mut Writer) {
        json.object(|json| {
            json.member("resourceType", "OperationOutcome");
            json.name("issue").array(|json| self.0.iter().for_each(|line| line.write(json)));
        });
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut json = Writer::with_capacity(256);
        self.write(&mut json);
        json.into_bytes()
    }

    fn of(severity: &'static str, code: &'static str, diagnostics: Cow<'static, str>, expression: String) -> Self {
        Self(vec![Line { severity, code, diagnostics, expression }])
    }
}

impl Line {
    fn write(&self, json: &mut Writer) {
        json.object(|json| {
            json.member("severity", self.severity);
            json.member("code", self.code);
            json.member("diagnostics", &self.diagnostics);
            if !self.expression.is_empty() {
                json.name("expression").array(|json| json.text(&self.expression));
            }
        });
    }
}
