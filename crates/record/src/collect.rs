//! The collection policy at work: what the organization does not need is left out before anything is stored.

use access::{CollectAction, CollectValue, CollectionPolicy};
use fhir::{Issue, IssueCode, Json, Object, Severity};

use crate::RecordError;
use crate::labels::identifier_type_codes;

/// Drops or refuses what the policy says; answers one issue for each element dropped.
pub fn apply(policy: &CollectionPolicy, type_name: &str, resource: &mut Json<'_>) -> Result<Vec<Issue>, RecordError> {
    let mut walk = Walk { policy, type_name, issues: Vec::new() };
    if let Some(members) = resource.as_object_mut() {
        walk.object(members, "", type_name)?;
    }
    Ok(walk.issues)
}

struct Walk<'p> {
    policy: &'p CollectionPolicy,
    type_name: &'p str,
    issues: Vec<Issue>,
}

impl Walk<'_> {
    fn object(&mut self, members: &mut Object<'_>, path: &str, expression: &str) -> Result<(), RecordError> {
        let mut emptied = Vec::new();
        for (name, value) in members.iter_mut() {
            // Only a dotted path below an object can be of interest, so scalars cost nothing.
            if !matches!(value, Json::Array(_) | Json::Object(_)) && !self.policy.concerns(name) {
                continue;
            }
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            let expression = format!("{expression}.{name}");
            if self.policy.concerns(&path) && self.element(value, &path, &expression)? {
                emptied.push(name.to_owned());
                continue;
            }
            match value {
                Json::Object(below) => self.object(below, &path, &expression)?,
                Json::Array(items) => {
                    for (i, item) in items.iter_mut().enumerate() {
                        if let Json::Object(below) = item {
                            self.object(below, &path, &format!("{expression}[{i}]"))?;
                        }
                    }
                }
                _ => {}
            }
        }
        for name in emptied {
            members.remove(&name);
        }
        Ok(())
    }

    /// Applies the rules to one element; true when nothing of it is left.
    fn element(&mut self, value: &mut Json<'_>, path: &str, expression: &str) -> Result<bool, RecordError> {
        let Json::Array(items) = value else { return self.one(value, path, expression) };
        let mut kept = Vec::with_capacity(items.len());
        for (i, item) in std::mem::take(items).into_iter().enumerate() {
            if !self.one(&item, path, &format!("{expression}[{i}]"))? {
                kept.push(item);
            }
        }
        *items = kept;
        Ok(items.is_empty())
    }

    fn one(&mut self, item: &Json<'_>, path: &str, expression: &str) -> Result<bool, RecordError> {
        let system = item.get("system").and_then(Json::as_str);
        let codes: Vec<&str> = identifier_type_codes(item).collect();
        let said = |name| item.get(name).and_then(Json::as_str);
        let value = CollectValue { system, type_codes: &codes, url: said("url"), code: said("code") };
        let Some(rule) = self.policy.rule_for(self.type_name, path, value) else { return Ok(false) };
        match rule.action {
            CollectAction::Keep => Ok(false),
            CollectAction::Refuse => Err(RecordError::CollectionRefused { expression: expression.to_owned() }),
            CollectAction::Drop => {
                self.issues.push(Issue {
                    severity: Severity::Information,
                    code: IssueCode::BusinessRule,
                    expression: expression.to_owned(),
                    message: format!("not kept: the organization's collection policy drops it (rule {})", rule.name),
                });
                Ok(true)
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_names_a_code_refuses_what_bears_it_and_nothing_else() {
        let rule = "sexual-orientation: refuse Observation.code.coding system=http://loinc.org code=76690-7\n";
        let policy = CollectionPolicy::parse(rule).unwrap();
        let applied = |code: &str| {
            let text = format!(r#"{{"code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}}}}"#);
            apply(&policy, "Observation", &mut Json::parse_str(&text).unwrap()).map(|issues| issues.len())
        };
        assert!(matches!(applied("76690-7"), Err(RecordError::CollectionRefused { .. })));
        assert!(matches!(applied("11341-5"), Ok(0)));
    }
}
