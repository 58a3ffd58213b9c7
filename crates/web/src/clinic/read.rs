//! Looking into FHIR JSON. What is missing or malformed is absent: a page shows what is there and never fails for what is not.

use fhir::Json;

pub const LOINC: &str = "http://loinc.org";

/// What SNOMED CT puts behind a name to say what kind of thing it is. People see what kind it is.
const SEMANTIC_TAGS: [&str; 9] = [
    " (disorder)",
    " (finding)",
    " (situation)",
    " (procedure)",
    " (regime/therapy)",
    " (qualifier value)",
    " (substance)",
    " (person)",
    " (event)",
];

pub fn text<'j>(json: &'j Json<'_>, name: &str) -> Option<&'j str> {
    json.get(name)?.as_str().filter(|text| !text.trim().is_empty())
}

pub fn all<'j, 'a>(json: &'j Json<'a>, name: &str) -> &'j [Json<'a>] {
    json.get(name).map_or(&[], Json::items)
}

/// Follows members down, taking the first of each list.
pub fn at<'j, 'a>(json: &'j Json<'a>, path: &[&str]) -> Option<&'j Json<'a>> {
    path.iter().try_fold(json, |held, name| held.get(name)?.items().first())
}

/// A CodeableConcept in words: its own text, else the first display, else the first code.
pub fn words(concept: &Json<'_>) -> Option<String> {
    let codings = all(concept, "coding");
    let first = |name| codings.iter().find_map(|coding| text(coding, name));
    let said = text(concept, "text").or_else(|| first("display")).or_else(|| first("code"))?;
    Some(untagged(said).to_owned())
}

/// The words of the first concept of an element.
pub fn words_of(json: &Json<'_>, name: &str) -> Option<String> {
    all(json, name).iter().find_map(words)
}

/// The code that a concept has in a system.
pub fn code<'j>(concept: &'j Json<'_>, system: &str) -> Option<&'j str> {
    let coding = all(concept, "coding").iter().find(|coding| text(coding, "system") == Some(system))?;
    text(coding, "code")
}

/// The first code of a concept, whatever system it is of: for the closed sets of a required binding.
pub fn any_code<'j>(concept: &'j Json<'_>) -> Option<&'j str> {
    all(concept, "coding").iter().find_map(|coding| text(coding, "code"))
}

/// Whether any concept of an element has the code.
pub fn has_code(json: &Json<'_>, name: &str, wanted: &str) -> bool {
    let codings = all(json, name).iter().flat_map(|concept| all(concept, "coding"));
    codings.into_iter().any(|coding| text(coding, "code") == Some(wanted))
}

/// Type and id of a Reference into this record.
pub fn reference<'j>(reference: &'j Json<'_>) -> Option<(&'j str, &'j str)> {
    let (kind, id) = text(reference, "reference")?.split_once('/')?;
    Some((kind, id.split('/').next().unwrap_or(id)))
}

/// The value of an extension, under the name it has in JSON (`valueBoolean`).
pub fn extension<'j, 'a>(json: &'j Json<'a>, url: &str, name: &str) -> Option<&'j Json<'a>> {
    all(json, "extension").iter().find(|one| text(one, "url") == Some(url))?.get(name)
}

/// The version that a resource is.
pub fn version(resource: &Json<'_>) -> u32 {
    let version = resource.get("meta").and_then(|meta| text(meta, "versionId"));
    version.and_then(|version| version.parse().ok()).unwrap_or_default()
}

fn untagged(said: &str) -> &str {
    SEMANTIC_TAGS.iter().find_map(|tag| said.strip_suffix(tag)).unwrap_or(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json<'_> {
        Json::parse_str(text).unwrap_or(Json::Null)
    }

    #[test]
    fn a_concept_is_said_in_its_own_words_first() {
        for (concept, said) in [
            (r#"{"text":"Gout","coding":[{"display":"Gout (disorder)"}]}"#, Some("Gout")),
            (r#"{"coding":[{"code":"1"},{"code":"2","display":"Gout (disorder)"}]}"#, Some("Gout")),
            (r#"{"coding":[{"system":"s","code":"M10"}]}"#, Some("M10")),
            (r#"{"text":"  "}"#, None),
            ("[]", None),
        ] {
            assert_eq!(words(&json(concept)).as_deref(), said, "{concept}");
        }
    }

    #[test]
    fn references_name_a_type_and_an_id() {
        assert_eq!(reference(&json(r#"{"reference":"Patient/a/_history/2"}"#)), Some(("Patient", "a")));
        assert_eq!(reference(&json(r##"{"reference":"#contained"}"##)), None);
        assert_eq!(reference(&json(r#"{"display":"somebody"}"#)), None);
    }
}
