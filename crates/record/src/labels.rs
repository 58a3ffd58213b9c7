//! Security labels of content: every coding in the tree, and `meta.security`, against the label tables.

use access::{Labeler, Labels};
use fhir::Json;

/// What the content puts the resource under, and what its writer names in `meta.security`; the first holds the second.
/// A definition is nobody's data, whatever it is about: it is under what its writer names, and nothing else.
pub fn of(resource: &Json<'_>, type_name: &str) -> (Labels, Labels) {
    if access::group_of(type_name) == Some("definitional") {
        let named = named(resource);
        return (named, named);
    }
    let mut labeler = Labeler::of_type(type_name);
    walk(resource, &mut labeler);
    (labeler.labels(), named(resource))
}

/// The sensitive categories that a resource would be in by what it says alone.
pub fn categories_of(resource: &Json<'_>, type_name: &str) -> Labels {
    of(resource, type_name).0.without(Labels::OF_ELEMENTS)
}

/// The labels that `meta.security` names.
pub fn named(resource: &Json<'_>) -> Labels {
    let codings = resource.get("meta").and_then(|meta| meta.get("security")).map_or(&[][..], Json::items);
    codings.iter().map(of_coding).fold(Labels::NONE, Labels::union)
}

pub fn of_coding(coding: &Json<'_>) -> Labels {
    let text = |name| coding.get(name).and_then(Json::as_str);
    let mut labeler = Labeler::default();
    if let (Some(system), Some(code)) = (text("system"), text("code")) {
        labeler.label(system, code);
    }
    labeler.labels()
}

/// The codes of `Identifier.type`.
pub fn identifier_type_codes<'j>(identifier: &'j Json<'_>) -> impl Iterator<Item = &'j str> {
    let codings = identifier.get("type").and_then(|t| t.get("coding")).map_or(&[][..], Json::items);
    codings.iter().filter_map(|c| c.get("code")?.as_str())
}

pub fn is_government_id(identifier: &Json<'_>) -> bool {
    let system = identifier.get("system").and_then(Json::as_str).unwrap_or_default();
    access::is_government_id(system, identifier_type_codes(identifier))
}

fn walk(node: &Json<'_>, labeler: &mut Labeler) {
    match node {
        Json::Array(items) => items.iter().for_each(|item| walk(item, labeler)),
        Json::Object(members) => {
            let text = |name| members.get(name).and_then(Json::as_str);
            if let (Some(system), Some(code)) = (text("system"), text("code")) {
                labeler.label(system, code);
            }
            for (name, value) in members.iter() {
                if name == "identifier" {
                    for identifier in value.items() {
                        let system = identifier.get("system").and_then(Json::as_str).unwrap_or_default();
                        labeler.identifier(system, identifier_type_codes(identifier));
                    }
                }
                walk(value, labeler);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_under_what_its_writer_names_and_not_under_its_codes() {
        let audit_c = r#""code":[{"system":"http://loinc.org","code":"75626-2"}]"#;
        let hiv = r#""meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}"#;
        let labels = |kind, members: &str| of(&Json::parse_str(&format!("{{{members}}}")).unwrap(), kind);
        assert_eq!(labels("Questionnaire", audit_c), (Labels::NONE, Labels::NONE));
        assert_eq!(labels("Questionnaire", &format!("{audit_c},{hiv}")), (Labels::HIV, Labels::HIV));
        assert_eq!(labels("QuestionnaireResponse", audit_c), (Labels::SUBSTANCE_USE, Labels::NONE));
    }
}
