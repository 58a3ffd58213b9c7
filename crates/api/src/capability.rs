//! The CapabilityStatement: what this server does, told from the tables it does it by. Built once, at start.

use fhir::search::{self, Kind};
use record::types;

use crate::respond::json::Writer;
use crate::respond::time;
use crate::state::BaseUrl;

const FHIR_VERSION: &str = "4.0.1";
/// What an outside client may do with a type of the record.
const INTERACTIONS: [&str; 9] =
    ["read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type"];
/// What the audit log can be searched by.
const AUDIT_PARAMS: [&str; 6] = ["action", "agent-name", "date", "entity", "outcome", "patient"];
const SYSTEM_INTERACTIONS: [&str; 3] = ["transaction", "batch", "history-system"];
const COMPARTMENTS: [&str; 5] = ["device", "encounter", "patient", "practitioner", "relatedPerson"];
const SECURITY: &str = "TLS only. Every request but this one carries an OAuth 2.0 bearer token. Each use is decided by role, \
                        relationship and purpose, answered with the minimum necessary, and recorded in the audit log first.";
const DOCUMENTATION: &str = "Unknown search parameters are refused unless the client prefers handling=lenient. A page's next \
                             link carries a cursor and no search values. Answers to create and update hold the resource unless \
                             the client prefers return=minimal or return=OperationOutcome.";

pub fn statement(base: &BaseUrl, now_ms: i64) -> Vec<u8> {
    let mut json = Writer::with_capacity(1 << 20);
    json.object(|json| {
        json.member("resourceType", "CapabilityStatement");
        json.member("status", "active");
        json.member("date", &time::instant(now_ms));
        json.member("kind", "instance");
        json.name("software").object(|json| {
            json.member("name", "Wardstone");
            json.member("version", env!("CARGO_PKG_VERSION"));
        });
        json.name("implementation").object(|json| {
            json.member("description", "Wardstone FHIR R4 API");
            json.member("url", base.as_str());
        });
        json.member("fhirVersion", FHIR_VERSION);
        texts(json, "format", &["application/fhir+json", "json"]);
        texts(json, "patchFormat", &["application/json-patch+json"]);
        json.name("rest").array(|json| json.object(rest));
    });
    json.into_bytes()
}

fn rest(json: &mut Writer) {
    json.member("mode", "server");
    json.member("documentation", DOCUMENTATION);
    json.name("security").object(|json| {
        json.name("cors").bool(false);
        json.name("service").array(|json| {
            json.object(|json| {
                json.name("coding").array(|json| {
                    json.object(|json| {
                        json.member("system", "http://terminology.hl7.org/CodeSystem/restful-security-service");
                        json.member("code", "OAuth");
                    });
                });
                json.member("text", "OAuth 2.0 bearer tokens");
            });
        });
        json.member("description", SECURITY);
    });
    json.name("resource").array(|json| {
        for name in fhir::structure::resource_types() {
            json.object(|json| if *name == types::AUDIT_EVENT { audit_event(json) } else { resource(json, name) });
        }
    });
    interactions(json, &SYSTEM_INTERACTIONS);
    let compartments = COMPARTMENTS.map(|name| format!("http://hl7.org/fhir/CompartmentDefinition/{name}"));
    texts(json, "compartment", &compartments);
}

fn resource(json: &mut Writer, name: &str) {
    json.member("type", name);
    profile(json, name);
    interactions(json, &INTERACTIONS);
    json.member("versioning", "versioned");
    for able in ["readHistory", "updateCreate", "conditionalCreate"] {
        json.name(able).bool(true);
    }
    json.member("conditionalRead", "full-support");
    json.name("conditionalUpdate").bool(true);
    json.member("conditionalDelete", "single");
    texts(json, "referencePolicy", &["literal", "logical"]);
    texts(json, "searchInclude", &includes(name));
    texts(json, "searchRevInclude", &reverse_includes(name));
    json.name("searchParam").array(|json| {
        search::parameters(name).for_each(|param| search_param(json, param));
        if name == "Patient" {
            json.object(|json| {
                json.member("name", "phonetic");
                json.member("definition", "http://hl7.org/fhir/SearchParameter/individual-phonetic");
                json.member("type", "string");
            });
        }
    });
    if name == "Patient" {
        json.name("operation").array(|json| {
            json.object(|json| {
                json.member("name", "everything");
                json.member("definition", "http://hl7.org/fhir/OperationDefinition/Patient-everything");
            });
        });
    }
}

/// The audit log cannot be written to from outside.
fn audit_event(json: &mut Writer) {
    json.member("type", types::AUDIT_EVENT);
    profile(json, types::AUDIT_EVENT);
    interactions(json, &["read", "search-type"]);
    json.member("versioning", "no-version");
    let known = search::parameters(types::AUDIT_EVENT).filter(|param| AUDIT_PARAMS.contains(&param.code));
    json.name("searchParam").array(|json| known.for_each(|param| search_param(json, param)));
}

fn search_param(json: &mut Writer, param: &search::Param) {
    json.object(|json| {
        json.member("name", param.code);
        json.member("definition", &param.documentation());
        json.member("type", param.kind.as_str());
    });
}

fn profile(json: &mut Writer, name: &str) {
    json.name("profile").joined(&["http://hl7.org/fhir/StructureDefinition/", name]);
}

fn interactions(json: &mut Writer, codes: &[&str]) {
    json.name("interaction").array(|json| codes.iter().for_each(|code| json.object(|json| json.member("code", code))));
}

/// FHIR has no empty arrays.
fn texts(json: &mut Writer, name: &str, texts: &[impl AsRef<str>]) {
    if !texts.is_empty() {
        json.name(name).array(|json| texts.iter().for_each(|text| json.text(text.as_ref())));
    }
}

fn includes(name: &str) -> Vec<String> {
    let references = search::parameters(name).filter(|param| param.kind == Kind::Reference);
    references.map(|param| format!("{name}:{}", param.code)).collect()
}

/// Every reference that can point at this type.
fn reverse_includes(name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for source in search::resource_types().iter().filter(|source| **source != types::AUDIT_EVENT) {
        for param in search::parameters(source).filter(|param| param.kind == Kind::Reference) {
            if param.targets().is_empty() || param.targets().contains(&name) {
                found.push(format!("{source}:{}", param.code));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use fhir::Json;

    #[test]
    fn the_statement_is_valid_and_says_what_the_server_does() {
        let bytes = statement(&BaseUrl::parse("https://localhost:8443/fhir/").unwrap(), 1_769_860_800_000);
        let json = Json::parse(&bytes).unwrap();
        let issues = fhir::validate(&json);
        assert!(issues.is_empty(), "{issues:?}");
        let rest = &json.get("rest").unwrap().items()[0];
        let resources = rest.get("resource").unwrap().items();
        assert_eq!(resources.len(), fhir::structure::resource_types().len());

        let codes = |resource: &Json<'_>| -> Vec<String> {
            let interactions = resource.get("interaction").unwrap().items();
            interactions.iter().map(|i| i.get("code").unwrap().as_str().unwrap().to_owned()).collect()
        };
        let named = |name: &str| resources.iter().find(|r| r.get("type").unwrap().as_str() == Some(name)).unwrap();
        assert_eq!(codes(named("AuditEvent")), ["read", "search-type"]);
        assert_eq!(codes(named("Patient")), INTERACTIONS);
        let has = |list: &str, text: &str| {
            named("Patient").get(list).unwrap().items().iter().any(|item| item.as_str() == Some(text))
        };
        assert!(has("searchInclude", "Patient:general-practitioner"));
        assert!(has("searchRevInclude", "Observation:subject"));
        assert!(!has("searchRevInclude", "Patient:organization"));
        let params = named("Patient").get("searchParam").unwrap().items();
        assert!(params.iter().any(|p| p.get("name").unwrap().as_str() == Some("_id")));
        assert!(params.iter().any(|p| p.get("name").unwrap().as_str() == Some("birthdate")));
    }
}
