//! R4 search semantics, case by case: a resource, a query, found or not.

use std::borrow::Cow;

use wardstone_fhir::Json;
use wardstone_fhir::search::{HeadMeta, Query, QueryError, QueryOptions, extract, keywords};

/// 2024-07-01T00:00:00Z
pub const NOW_MS: i64 = 1_719_792_000_000;

pub const OPTIONS: QueryOptions<'_> = QueryOptions {
    base_url: "https://clinic.example/fhir",
    lenient: false,
    default_count: 20,
    count_max: 100,
    now_ms: NOW_MS,
};

pub fn pairs(text: &str) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    let pair = |p: &'_ str| p.split_once('=').map(|(a, b)| (a.to_owned().into(), b.to_owned().into()));
    text.split('&').filter(|p| !p.is_empty()).map(|p| pair(p).unwrap_or_else(|| panic!("{p}"))).collect()
}

pub fn query(text: &str) -> Result<Query, QueryError> {
    let (kind, rest) = text.split_once('?').unwrap_or((text, ""));
    Query::parse(kind, &pairs(rest), &OPTIONS)
}

pub fn parsed(text: &str) -> Query {
    query(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// Runs every query against the resource and names all that answer otherwise than said.
fn check(resource: &str, cases: &[(&str, bool)]) {
    let tree = Json::parse_str(resource).unwrap();
    let values = extract(&tree);
    let kind = tree.resource_type().unwrap();
    let id = tree.get("id").and_then(Json::as_str).unwrap_or("x");
    let meta = HeadMeta { id, last_updated_ms: NOW_MS };
    let wrong: Vec<_> = cases
        .iter()
        .filter(|(q, expected)| parsed(&format!("{kind}?{q}")).matches(&meta, values.as_ref()) != *expected)
        .collect();
    assert!(wrong.is_empty(), "{kind}: {wrong:#?}");
}

pub const PATIENT: &str = r#"{"resourceType":"Patient","id":"p1",
 "meta":{"tag":[{"system":"http://t","code":"x"}],"profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient|6.1.0"],
   "security":[{"code":"R"}],"source":"urn:import:7"},
 "identifier":[{"system":"http://hospital/mrn","value":"AbC-12"},{"value":"bare"}],"active":true,
 "name":[{"use":"official","family":"O'Brien-Smythe","given":["Zoë","Maria  Luisa"],"prefix":["Dr."]},{"text":"Zo O’B"}],
 "telecom":[{"system":"phone","value":"(555) 123-4567"},{"system":"email","value":"Zoe.OB@Example.org"}],
 "gender":"female","birthDate":"1980-02-29",
 "address":[{"use":"home","line":["12 Main St.","Apt 4"],"city":"Łódź","state":"MA","postalCode":"02139-1234","country":"US"}],
 "communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"pl"}]}}],
 "generalPractitioner":[{"reference":"Practitioner/d1/_history/3"},{"identifier":{"system":"http://hl7.org/fhir/sid/us-npi","value":"99"}}],
 "managingOrganization":{"reference":"https://clinic.example/fhir/Organization/o1"}}"#;

#[test]
fn tokens() {
    check(
        PATIENT,
        &[
            ("identifier=AbC-12", true),
            ("identifier=abc-12", true),
            ("identifier=abc", false),
            ("identifier=http://hospital/mrn|AbC-12", true),
            ("identifier=http://other|AbC-12", false),
            ("identifier=http://hospital/MRN|AbC-12", false),
            ("identifier=|AbC-12", false),
            ("identifier=|bare", true),
            ("identifier=http://hospital/mrn|", true),
            ("identifier=http://other|", false),
            ("identifier=nope,bare", true),
            ("identifier=bare&identifier=AbC-12", true),
            ("identifier=bare&identifier=nope", false),
            ("identifier:not=bare", false),
            ("identifier:not=nope", true),
            ("identifier:not=nope,bare", false),
            ("identifier:missing=false", true),
            ("identifier:missing=true", false),
            ("death-date:missing=true", true),
            ("active=true", true),
            ("active=false", false),
            ("active=http://terminology.hl7.org/CodeSystem/special-values|true", true),
            ("deceased=false", true),
            ("deceased=true", false),
            ("gender=female", true),
            ("gender=FEMALE", true),
            ("gender=male,female", true),
            ("gender:not=male", true),
            ("gender=http://hl7.org/fhir/administrative-gender|female", true),
            ("gender=http://other|female", false),
            ("gender=|female", true),
            ("phone=555-123-4567", true),
            ("phone=5551234567", true),
            ("phone=phone|5551234567", true),
            ("phone=555", false),
            ("phone=zoe.ob@example.org", false),
            ("email=zoe.ob@example.org", true),
            ("email=zoeob@example.org", false),
            ("telecom=zoe.ob@example.org", true),
            ("language=pl", true),
            ("address-use=home", true),
            ("_id=p1", true),
            ("_id=P1", false),
            ("_id=p2,p1", true),
            ("_id:not=p1", false),
            ("_tag=http://t|x", true),
            ("_tag=y", false),
            ("_security=R", true),
            ("_security=|r", true),
        ],
    );
    check(
        r#"{"resourceType":"Patient","deceasedDateTime":"2020-01-01"}"#,
        &[("deceased=true", true), ("deceased=false", false), ("death-date=2020", true), ("gender:not=male", true)],
    );
    check(
        r#"{"resourceType":"Patient","deceasedBoolean":false}"#,
        &[("deceased=false", true), ("deceased=true", false)],
    );
    check(
        r#"{"resourceType":"Condition","code":{"text":"only words"}}"#,
        &[("code:missing=false", true), ("code=only", false), ("code:not=x", true), ("severity:missing=true", true)],
    );
    check(
        r#"{"resourceType":"Condition","code":{"coding":[{"system":"http://a,b|c","code":"x\\y$"}]}}"#,
        &[(r"code=http://a\,b\|c|x\\y\$", true), (r"code=http://a\,b\|c|x\\y", false), (r"code=q,x\\y\$", true)],
    );
}

#[test]
fn strings() {
    check(
        PATIENT,
        &[
            ("family=o'brien", true),
            ("family=obrien", true),
            ("family=OBRIENSM", true),
            ("family=smythe", false),
            ("family=brien", false),
            ("given=zoe", true),
            ("given=ZOË", true),
            ("given=Zoé", true),
            ("given=maria luisa", true),
            ("given=maria    lu", true),
            ("given=luisa", false),
            ("given:contains=luisa", true),
            ("given:contains=OË", true),
            ("given:exact=Zoë", true),
            ("given:exact=Zoe", false),
            ("given:exact=zoë", false),
            ("given:exact=Zo", false),
            ("name=dr", true),
            ("name=zo", true),
            ("name=zo ob", true),
            ("name=o", true),
            ("name=x,z", true),
            ("name=x", false),
            ("name:missing=false", true),
            ("address=12 main", true),
            ("address=apt", true),
            ("address=lodz", false),
            ("address=łodz", true),
            ("address-city=Łódź", true),
            ("address-state=ma", true),
            ("address-postalcode=02139", true),
            ("address-postalcode:exact=02139", false),
            ("address-country=us", true),
            ("family=O'Brien&given=zoe&gender=female", true),
            ("family=O'Brien&given=zoe&gender=male", false),
            (r"address=x\,y", false),
        ],
    );
}

#[test]
fn references() {
    check(
        PATIENT,
        &[
            ("general-practitioner=Practitioner/d1", true),
            ("general-practitioner=d1", true),
            ("general-practitioner:Practitioner=d1", true),
            ("general-practitioner:Organization=d1", false),
            ("general-practitioner=Organization/d1", false),
            ("general-practitioner=https://clinic.example/fhir/Practitioner/d1", true),
            ("general-practitioner=https://elsewhere.example/fhir/Practitioner/d1", false),
            ("general-practitioner=Practitioner/d1/_history/9", true),
            ("general-practitioner=d2,d1", true),
            ("general-practitioner:identifier=http://hl7.org/fhir/sid/us-npi|99", true),
            ("general-practitioner:identifier=99", true),
            ("general-practitioner:identifier=98", false),
            ("general-practitioner=99", false),
            ("organization=o1", true),
            ("organization=Organization/o1", true),
            ("organization=https://clinic.example/fhir/Organization/o1", true),
            ("organization=Organization/o2", false),
            ("link:missing=true", true),
        ],
    );
    check(
        r##"{"resourceType":"Observation","subject":{"reference":"Group/g1"},"specimen":{"reference":"#s"},
            "performer":[{"reference":"https://other.example/fhir/Practitioner/7"},{"reference":"urn:uuid:0c3a"}],
            "device":{"display":"a pump"}}"##,
        &[
            ("subject=Group/g1", true),
            ("subject:Group=g1", true),
            ("subject=Patient/g1", false),
            ("patient=g1", false),
            ("patient:missing=true", true),
            ("performer=https://other.example/fhir/Practitioner/7", true),
            ("performer=https://other.example/fhir/Practitioner/7/_history/1", true),
            ("performer=7", false),
            ("performer=urn:uuid:0c3a", true),
            ("device:missing=false", true),
            ("specimen:missing=false", true),
        ],
    );
    check(
        r#"{"resourceType":"QuestionnaireResponse","questionnaire":"http://q.example/Questionnaire/phq|2.1"}"#,
        &[
            ("questionnaire=http://q.example/Questionnaire/phq", true),
            ("questionnaire=http://q.example/Questionnaire/phq|2.1", true),
            (r"questionnaire=http://q.example/Questionnaire/phq\|2.1", true),
            ("questionnaire=http://q.example/Questionnaire/phq|2.0", false),
            ("questionnaire=http://q.example/Questionnaire/ph", false),
        ],
    );
    check(
        r#"{"resourceType":"Appointment","participant":[{"actor":{"reference":"Patient/a"}},{"actor":{"reference":"Practitioner/b"}}]}"#,
        &[("patient=a", true), ("practitioner=b", true), ("practitioner=a", false), ("actor=a&actor=b", true)],
    );
}

#[test]
fn dates_of_one_day() {
    check(
        PATIENT,
        &[
            ("birthdate=1980-02-29", true),
            ("birthdate=1980-02", true),
            ("birthdate=1980", true),
            ("birthdate=1980-02-29T10:00:00Z", false),
            ("birthdate=1981", false),
            ("birthdate=eq1980-02-29", true),
            ("birthdate=ne1980-02-29", false),
            ("birthdate=ne1980-02-28", true),
            ("birthdate=gt1980-02-28", true),
            ("birthdate=gt1980-02-29", false),
            ("birthdate=ge1980-02-29", true),
            ("birthdate=ge1980-03-01", false),
            ("birthdate=lt1980-03-01", true),
            ("birthdate=lt1980-02-29", false),
            ("birthdate=le1980-02-29", true),
            ("birthdate=le1980-02-28", false),
            ("birthdate=sa1980-02-28", true),
            ("birthdate=sa1980-02", false),
            ("birthdate=eb1980-03", true),
            ("birthdate=eb1980-02-29", false),
            ("birthdate=ap1981", true),
            ("birthdate=ap2020", false),
            ("birthdate=1979,1980", true),
            ("birthdate=ge1980&birthdate=lt1981", true),
            ("_lastUpdated=2024-07-01", true),
            ("_lastUpdated=gt2024-07-01", false),
            ("_lastUpdated=ge2024-07-01T00:00:00Z", true),
            ("_lastUpdated=lt2024-07-01", false),
            ("_lastUpdated=2024-07-01T02:00:00+02:00", true),
        ],
    );
}

#[test]
fn dates_of_periods_timings_and_instants() {
    let open = r#"{"resourceType":"Encounter","period":{"start":"2024-03-10T22:30:00-05:00"}}"#;
    check(
        open,
        &[
            ("date=2024-03-11", false),
            ("date=ge2024-03-11", true),
            ("date=gt2030", true),
            ("date=lt2024-03-12", true),
            ("date=lt2024-03-11", false),
            ("date=sa2024-03-10", true),
            ("date=eb2024-03-12", false),
            ("date=ap2024-03-11", true),
        ],
    );
    check(
        r#"{"resourceType":"Encounter","period":{"start":"2024-03-10","end":"2024-03-12"}}"#,
        &[
            ("date=2024-03", true),
            ("date=2024-03-11", false),
            ("date=ne2024-03-11", true),
            ("date=gt2024-03-11", true),
            ("date=gt2024-03-12", false),
            ("date=lt2024-03-11", true),
            ("date=sa2024-03-09", true),
            ("date=eb2024-03-13", true),
            ("date=eb2024-03-12", false),
        ],
    );
    check(
        r#"{"resourceType":"Observation","effectiveTiming":{"event":["2024-01-05","2024-02-05T10:00:00Z"]}}"#,
        &[
            ("date=2024", true),
            ("date=2024-01", false),
            ("date=ge2024-02", false),
            ("date=ge2024-01-31", true),
            ("date=lt2024-01-06", true),
        ],
    );
    check(
        r#"{"resourceType":"Observation","effectiveInstant":"2024-01-05T10:00:00.123Z"}"#,
        &[
            ("date=2024-01-05T10:00:00Z", true),
            ("date=2024-01-05T10:00Z", true),
            ("date=2024-01-05T10:00:00.123Z", true),
            ("date=2024-01-05T10:00:00.124Z", false),
            ("date=gt2024-01-05T10:00:00.122Z", true),
            ("date=2024-01-05T11:00:00+01:00", true),
        ],
    );
    check(
        r#"{"resourceType":"Observation","effectiveDateTime":"not a date"}"#,
        &[("date:missing=false", true), ("date=ge1900", false)],
    );
}

#[test]
fn quantities_and_numbers() {
    let of = |value: &str| {
        format!(
            r#"{{"resourceType":"Observation","valueQuantity":{{"value":{value},"unit":"mg/dl","system":"http://unitsofmeasure.org","code":"mg/dL"}}}}"#
        )
    };
    check(
        &of("5.40"),
        &[
            ("value-quantity=5.4", true),
            ("value-quantity=5.40", true),
            ("value-quantity=5.400", true),
            ("value-quantity=5", true),
            ("value-quantity=6", false),
            ("value-quantity=5.41", false),
            ("value-quantity=5.4|http://unitsofmeasure.org|mg/dL", true),
            ("value-quantity=5.4|http://unitsofmeasure.org|mg/dl", false),
            ("value-quantity=5.4|http://other|mg/dL", false),
            ("value-quantity=5.4||mg/dL", true),
            ("value-quantity=5.4||mg/dl", true),
            ("value-quantity=5.4||g", false),
            ("value-quantity=5.4|http://unitsofmeasure.org|", true),
            ("value-quantity=gt5.3", true),
            ("value-quantity=gt5.4", false),
            ("value-quantity=ge5.4", true),
            ("value-quantity=lt5.4", false),
            ("value-quantity=le5.40", true),
            ("value-quantity=ne5.4", false),
            ("value-quantity=ne5.5", true),
            ("value-quantity=sa5.3", true),
            ("value-quantity=eb5.5", true),
            ("value-quantity=ap5.0", true),
            ("value-quantity=ap4.0", false),
            ("value-quantity=gt5.3|http://unitsofmeasure.org|mg/dL", true),
            ("combo-value-quantity=5.4", true),
        ],
    );
    check(&of("5.35"), &[("value-quantity=5.4", true), ("value-quantity=5.40", false)]);
    check(&of("5.45"), &[("value-quantity=5.4", false)]);
    check(&of("99.5"), &[("value-quantity=100", true), ("value-quantity=1e2", true), ("value-quantity=100.0", false)]);
    check(
        &of("-3.5"),
        &[("value-quantity=-3.5", true), ("value-quantity=lt-3", true), ("value-quantity=ap-3.4", true)],
    );
    check(
        r#"{"resourceType":"Observation","valueQuantity":{"value":5,"comparator":"<"}}"#,
        &[
            ("value-quantity=lt5", true),
            ("value-quantity=gt4", true),
            ("value-quantity=ge5", false),
            ("value-quantity=eb5", true),
            ("value-quantity=5", false),
        ],
    );
    check(
        r#"{"resourceType":"Condition","onsetRange":{"low":{"value":30,"unit":"a"},"high":{"value":40,"unit":"a"}}}"#,
        &[("onset-age=gt35", true), ("onset-age=lt35", true), ("onset-age=gt40", false), ("onset-age=35||a", false)],
    );
    check(
        r#"{"resourceType":"RiskAssessment","prediction":[{"probabilityDecimal":0.075},{"probabilityDecimal":0.9}]}"#,
        &[
            ("probability=0.08", true),
            ("probability=gt0.8", true),
            ("probability=0.9&probability=0.075", true),
            ("probability=gt0.9", false),
            ("probability=9e-1", true),
        ],
    );
    check(
        r#"{"resourceType":"Invoice","totalNet":{"value":40.22,"currency":"EUR"}}"#,
        &[("totalnet=40.22|urn:iso:std:iso:4217|EUR", true), ("totalnet=40.22||USD", false), ("totalnet=gt40", true)],
    );
}

#[test]
fn uris() {
    check(
        PATIENT,
        &[
            ("_profile=http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient", true),
            ("_profile=http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient|6.1.0", true),
            ("_profile=http://hl7.org/fhir/us/core/StructureDefinition/us-core", false),
            ("_source=urn:import:7", true),
            ("_source=urn:import:8", false),
        ],
    );
    check(
        r#"{"resourceType":"ValueSet","url":"http://v/ValueSet/x","version":"2"}"#,
        &[("url=http://v/ValueSet/x", true), ("url=http://v/ValueSet/X", false), ("version=2", true)],
    );
}

#[test]
fn components_and_combinations() {
    check(
        r#"{"resourceType":"Observation","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},
            "component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":120}},
                         {"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":80}}]}"#,
        &[
            ("code=8480-6", false),
            ("combo-code=8480-6", true),
            ("combo-code=http://loinc.org|85354-9", true),
            ("component-code=8462-4", true),
            ("component-value-quantity=80", true),
            ("component-value-quantity=81", false),
        ],
    );
    check(
        r#"{"resourceType":"Observation","valueCodeableConcept":{"text":"Never Smoker","coding":[{"code":"266919005"}]}}"#,
        &[("value-string=never", true), ("value-concept=266919005", true), ("value-quantity:missing=true", true)],
    );
}

/// More values than two-byte offsets reach.
#[test]
fn large_resources() {
    let members: Vec<String> =
        (0..4000).map(|n| format!(r#"{{"entity":{{"reference":"Patient/member-number-{n}"}}}}"#)).collect();
    let text = format!(r#"{{"resourceType":"Group","type":"person","member":[{}]}}"#, members.join(","));
    check(
        &text,
        &[
            ("member=Patient/member-number-0", true),
            ("member=member-number-3999", true),
            ("member=member-number-4000", false),
            ("type=person", true),
            ("type=animal", false),
        ],
    );
    let mut posted = Vec::new();
    keywords("Group", extract(&Json::parse_str(&text).unwrap()).as_ref(), &mut posted);
    assert_eq!(posted.len(), 2);
}

/// Whoever changes these bytes raises `VALUES_VERSION`: stored heads hold them.
#[test]
fn the_stored_form_of_version_1() {
    let text = r#"{"resourceType":"Observation","status":"final",
        "code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/p"},
        "effectiveDateTime":"2024-01-05","valueQuantity":{"value":72.0,"system":"http://unitsofmeasure.org","code":"/min"}}"#;
    let hex: String = extract(&Json::parse_str(text).unwrap()).0.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(
        hex,
        concat!(
            "010208004500010048000200",
            "4b0003006b00040007010500",
            "7a0106007e010700a6010800",
            "070007001e001400",
            "1000000010001e00",
            "020566696e616c",
            "010106383836372d34",
            "07660170",
            "060400a07e87270e0600",
            "0b0100900103042f6d696e00",
        )
    );
}
