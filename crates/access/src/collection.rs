//! Collection: what an organization does not need it does not keep. `policies/collection.txt`.

use crate::error::AccessError;
use crate::words::closed;

closed! {
    pub enum CollectAction {
        Keep = "keep",
        /// Left out of what is stored; the answer names the rule.
        Drop = "drop",
        /// The write is refused.
        Refuse = "refuse",
    }
}

/// Rules in order; the first that matches decides.
#[derive(Clone, Debug)]
pub struct CollectionPolicy {
    rules: Vec<CollectRule>,
    /// The elements any rule speaks of, so that a walk looks up only those.
    elements: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectRule {
    pub name: String,
    pub action: CollectAction,
    /// None: every type.
    pub type_name: Option<String>,
    /// Dotted element path below the type, without indexes: `identifier`, `contact.name`.
    pub element: String,
    /// Only with this `system` (of an identifier, contact point or coding).
    pub system: Option<String>,
    /// Only with this `type` code (of an identifier).
    pub type_code: Option<String>,
    /// Only with this `url` (of an extension).
    pub url: Option<String>,
    /// Only with this `code` (of a coding).
    pub code: Option<String>,
}

/// What of an element value rules look at: those of an identifier, contact point or coding, the `url` of an extension and the `code` of a
/// coding.
#[derive(Clone, Copy, Debug, Default)]
pub struct CollectValue<'a> {
    pub system: Option<&'a str>,
    pub type_codes: &'a [&'a str],
    pub url: Option<&'a str>,
    pub code: Option<&'a str>,
}

impl CollectionPolicy {
    /// What the product ships: no social security numbers.
    pub fn standard() -> Result<CollectionPolicy, AccessError> {
        CollectionPolicy::parse(include_str!("../../../policies/collection.txt"))
    }

    pub fn keep_all() -> CollectionPolicy {
        CollectionPolicy { rules: Vec::new(), elements: Vec::new() }
    }

    pub fn new(rules: Vec<CollectRule>) -> CollectionPolicy {
        let mut elements: Vec<String> = rules.iter().map(|rule| rule.element.clone()).collect();
        elements.sort_unstable();
        elements.dedup();
        CollectionPolicy { rules, elements }
    }

    /// Lines of `name: action Type.element [system=uri] [type=code] [url=uri] [code=code]`; `#` starts a comment line.
    pub fn parse(text: &str) -> Result<CollectionPolicy, AccessError> {
        let mut rules: Vec<CollectRule> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let fail = |reason| AccessError::Table { table: "collection", line: index + 1, reason };
            let rule = parse_rule(line).map_err(fail)?;
            if rules.iter().any(|known| known.name == rule.name) {
                return Err(fail("the rule's name is taken"));
            }
            rules.push(rule);
        }
        Ok(CollectionPolicy::new(rules))
    }

    /// Whether any rule speaks of this element path, or of one below it.
    pub fn concerns(&self, element: &str) -> bool {
        self.elements
            .iter()
            .any(|known| known.strip_prefix(element).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    }

    /// Whether such a value would be kept: what is not kept is not asked.
    pub fn keeps(&self, type_name: &str, element: &str, value: CollectValue<'_>) -> bool {
        self.rule_for(type_name, element, value).is_none_or(|rule| rule.action == CollectAction::Keep)
    }

    /// The rule for one element value, if one matches; none means keep.
    pub fn rule_for(&self, type_name: &str, element: &str, value: CollectValue<'_>) -> Option<&CollectRule> {
        let CollectValue { system, type_codes, url, code } = value;
        self.rules.iter().find(|rule| {
            rule.element == element
                && rule.type_name.as_deref().is_none_or(|wanted| wanted == type_name)
                && rule.system.as_deref().is_none_or(|wanted| system == Some(wanted))
                && rule.type_code.as_deref().is_none_or(|wanted| type_codes.contains(&wanted))
                && rule.url.as_deref().is_none_or(|wanted| url == Some(wanted))
                && rule.code.as_deref().is_none_or(|wanted| code == Some(wanted))
        })
    }

    pub fn rules(&self) -> &[CollectRule] {
        &self.rules
    }
}

fn parse_rule(line: &str) -> Result<CollectRule, &'static str> {
    let (name, rest) = line.split_once(": ").ok_or("no name before a colon")?;
    let mut words = rest.split_whitespace();
    let action = words.next().and_then(CollectAction::from_name).ok_or("no action: keep, drop or refuse")?;
    let (type_name, element) = words.next().and_then(|path| path.split_once('.')).ok_or("no Type.element")?;
    if element.is_empty() || (type_name != "*" && crate::types::group_of(type_name).is_none()) {
        return Err("no known Type.element");
    }
    let mut rule = CollectRule {
        name: name.trim().to_string(),
        action,
        type_name: (type_name != "*").then(|| type_name.to_string()),
        element: element.to_string(),
        system: None,
        type_code: None,
        url: None,
        code: None,
    };
    for word in words {
        match word.split_once('=') {
            Some(("system", uri)) => rule.system = Some(uri.to_string()),
            Some(("url", uri)) => rule.url = Some(uri.to_string()),
            Some(("code", code)) => rule.code = Some(code.to_string()),
            Some(("type", code)) => rule.type_code = Some(code.to_string()),
            _ => return Err("an unknown condition"),
        }
    }
    Ok(rule)
}
