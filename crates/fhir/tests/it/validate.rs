//! Small resources, each with one thing wrong: validation names exactly that thing and never repeats a value.

use wardstone_fhir::{ISSUES_MAX, Json, Severity, validate};

/// `severity? code expression` of every issue, errors without their severity.
fn issues(text: &str) -> Vec<String> {
    let resource = Json::parse_str(text).unwrap();
    let mut found = Vec::new();
    for issue in validate(&resource) {
        let mark = if issue.severity == Severity::Warning { "warning " } else { "" };
        found.push(format!("{mark}{} {}", issue.code.as_str(), issue.expression));
    }
    found
}

fn check(kind: &str, members: &str, expected: &str) {
    let comma = if members.is_empty() { "" } else { "," };
    let text = format!(r#"{{"resourceType":"{kind}"{comma}{members}}}"#);
    let expected: Vec<&str> = if expected.is_empty() { Vec::new() } else { vec![expected] };
    assert_eq!(issues(&text), expected, "{text}");
}

/// Patients whose only content is the case.
fn patients(cases: &[(&str, &str)]) {
    for (members, expected) in cases {
        check("Patient", members, expected);
    }
}

/// Observations that are valid but for the case.
fn observations(cases: &[(&str, &str)]) {
    for (members, expected) in cases {
        check("Observation", &format!(r#""status":"final","code":{{"text":"x"}},{members}"#), expected);
    }
}

#[test]
fn what_is_no_resource_is_refused() {
    assert_eq!(issues("[]"), ["structure Resource"]);
    assert_eq!(issues("{}"), ["required Resource"]);
    assert_eq!(issues(r#"{"resourceType":"Pacient"}"#), ["structure Resource"]);
    assert_eq!(issues(r#"{"resourceType":7}"#), ["structure Resource"]);
    assert_eq!(issues(r#"{"resourceType":"DomainResource"}"#), ["structure Resource"]);
    assert_eq!(issues(r#"{"resourceType":"HumanName"}"#), ["structure Resource"]);
}

#[test]
fn names_and_cardinalities_are_checked() {
    patients(&[
        ("", ""),
        (r#""nmae":[{"family":"x"}]"#, "structure Patient.nmae"),
        (r#""12-34-5678":"x""#, "structure Patient"),
        (r#""name":[{"family":"x","resourceType":"HumanName"}]"#, "structure Patient.name[0].resourceType"),
        (r#""name":{"family":"x"}"#, "structure Patient.name"),
        (r#""name":[]"#, "structure Patient.name"),
        (r#""name":[{}]"#, "structure Patient.name[0]"),
        (r#""name":["x"]"#, "structure Patient.name[0]"),
        (r#""name":[null]"#, "structure Patient.name[0]"),
        (r#""name":[{"id":"a"}]"#, "invariant Patient.name[0]"),
        (r#""name":[{"given":"x"}]"#, "structure Patient.name[0].given"),
        (r#""gender":["male"]"#, "structure Patient.gender"),
        (r#""birthDate":null"#, "structure Patient.birthDate"),
        (r#""maritalStatus":[{"text":"x"}]"#, "structure Patient.maritalStatus"),
        (r#""communication":[{"preferred":true}]"#, "required Patient.communication[0].language"),
        (r#""link":[{"other":{"reference":"Patient/1"}}]"#, "required Patient.link[0].type"),
        (r#""_name":[{"id":"a"}]"#, "structure Patient._name"),
    ]);
    check("Observation", r#""code":{"text":"x"}"#, "required Observation.status");
    check("Observation", r#""status":"final""#, "required Observation.code");
    check(
        "MedicationRequest",
        r#""status":"active","intent":"order","subject":{"reference":"Patient/1"}"#,
        "required MedicationRequest.medication",
    );
}

#[test]
fn primitives_have_their_json_kind() {
    patients(&[
        (r#""active":"true""#, "value Patient.active"),
        (r#""active":1"#, "value Patient.active"),
        (r#""birthDate":1970"#, "value Patient.birthDate"),
        (r#""multipleBirthInteger":"2""#, "value Patient.multipleBirth.ofType(integer)"),
        (r#""language":{"text":"en"}"#, "value Patient.language"),
        (r#""name":[{"given":[true]}]"#, "value Patient.name[0].given[0]"),
    ]);
    observations(&[
        (r#""valueQuantity":{"value":"1.5"}"#, "value Observation.value.ofType(Quantity).value"),
        (r#""valueQuantity":{"value":1.50}"#, ""),
        (r#""valueQuantity":{"value":-1.5e-7}"#, ""),
        (r#""valueQuantity":"x""#, "structure Observation.value.ofType(Quantity)"),
    ]);
}

#[test]
fn dates_and_times_are_real() {
    for (date, holds) in [
        ("1970", true),
        ("1970-01", true),
        ("2024-02-29", true),
        ("2000-02-29", true),
        ("9999-12-31", true),
        ("2023-02-29", false),
        ("1900-02-29", false),
        ("1970-13", false),
        ("1970-00-01", false),
        ("1970-04-31", false),
        ("0000", false),
        ("70", false),
        ("1970-1-1", false),
        ("1970-01-01T00:00:00Z", false),
        ("1970-01-01 ", false),
        ("1970/01/01", false),
        ("19700101", false),
    ] {
        patients(&[(&format!(r#""birthDate":"{date}""#), if holds { "" } else { "value Patient.birthDate" })]);
    }
    for (when, holds) in [
        ("2024", true),
        ("2024-05", true),
        ("2024-05-06", true),
        ("2024-05-06T07:08:09Z", true),
        ("2024-05-06T07:08:09.123456+14:00", true),
        ("2024-05-06T23:59:60-05:30", true),
        ("2024-05-06T07:08:09", false),
        ("2024-05-06T07:08Z", false),
        ("2024-05-06T24:00:00Z", false),
        ("2024-05-06T07:60:00Z", false),
        ("2024-05-06T07:08:61Z", false),
        ("2024-05-06T07:08:09.Z", false),
        ("2024-05-06T07:08:09+14:01", false),
        ("2024-05-06T07:08:09+5:00", false),
        ("2024-05-06t07:08:09z", false),
        ("2024-02-30T07:08:09Z", false),
        ("2024-05-06T07:08:09Z ", false),
        ("2024-05T07:08:09Z", false),
    ] {
        let expected = if holds { "" } else { "value Observation.effective.ofType(dateTime)" };
        observations(&[(&format!(r#""effectiveDateTime":"{when}""#), expected)]);
    }
    observations(&[
        (r#""issued":"2024-05-06T07:08:09.1Z""#, ""),
        (r#""issued":"2024-05-06""#, "value Observation.issued"),
        (r#""valueTime":"07:08:09.5""#, ""),
        (r#""valueTime":"07:08""#, "value Observation.value.ofType(time)"),
        (r#""valueTime":"07:08:09Z""#, "value Observation.value.ofType(time)"),
    ]);
}

#[test]
fn text_formats_are_exact() {
    let long_id = "a".repeat(65);
    patients(&[
        (r#""id":"a-B.9""#, ""),
        (r#""id":"a_b""#, "value Patient.id"),
        (r#""id":"""#, "value Patient.id"),
        (&format!(r#""id":"{long_id}""#), "value Patient.id"),
        (r#""implicitRules":"http://a b""#, "value Patient.implicitRules"),
        (r#""language":" en""#, "value Patient.language"),
        (r#""language":"en  US""#, "value Patient.language"),
        (r#""language":"en US""#, ""),
        (r#""name":[{"family":""}]"#, "value Patient.name[0].family"),
        (r#""name":[{"family":"a\u0001b"}]"#, "value Patient.name[0].family"),
        (r#""name":[{"family":"a\tb\r\nc"}]"#, ""),
        (&format!(r#""name":[{{"family":"{}"}}]"#, "x".repeat(1024 * 1024)), ""),
        (&format!(r#""name":[{{"family":"{}"}}]"#, "x".repeat(1024 * 1024 + 1)), "too-long Patient.name[0].family"),
        (r#""photo":[{"data":"QUJD"}]"#, ""),
        (r#""photo":[{"data":"QUI="}]"#, ""),
        (r#""photo":[{"data":"QUI"}]"#, "value Patient.photo[0].data"),
        (r#""photo":[{"data":"Q=JD"}]"#, "value Patient.photo[0].data"),
        (r#""photo":[{"data":"QU_D"}]"#, "value Patient.photo[0].data"),
    ]);
}

#[test]
fn numbers_keep_their_ranges() {
    let integer = "value Patient.multipleBirth.ofType(integer)";
    patients(&[
        (r#""multipleBirthInteger":2147483647"#, ""),
        (r#""multipleBirthInteger":2147483648"#, integer),
        (r#""multipleBirthInteger":1.0"#, integer),
        (r#""multipleBirthInteger":1e2"#, integer),
        (r#""multipleBirthInteger":-0"#, integer),
        (r#""telecom":[{"rank":1}]"#, ""),
        (r#""telecom":[{"rank":0}]"#, "value Patient.telecom[0].rank"),
        (r#""photo":[{"size":0}]"#, ""),
        (r#""photo":[{"size":-1}]"#, "value Patient.photo[0].size"),
    ]);
    let parameter = |value: &str, expected: &str| {
        check("Parameters", &format!(r#""parameter":[{{"name":"x",{value}}}]"#), expected);
    };
    parameter(r#""valueOid":"urn:oid:1.2.840""#, "");
    parameter(r#""valueOid":"urn:oid:3.2""#, "value Parameters.parameter[0].value.ofType(oid)");
    parameter(r#""valueOid":"urn:oid:1.02""#, "value Parameters.parameter[0].value.ofType(oid)");
    parameter(r#""valueOid":"1.2.840""#, "value Parameters.parameter[0].value.ofType(oid)");
    parameter(r#""valueUuid":"urn:uuid:c757873d-ec9a-4326-a141-556f43239520""#, "");
    parameter(
        r#""valueUuid":"urn:uuid:C757873D-EC9A-4326-A141-556F43239520""#,
        "value Parameters.parameter[0].value.ofType(uuid)",
    );
    parameter(
        r#""valueUuid":"c757873d-ec9a-4326-a141-556f43239520""#,
        "value Parameters.parameter[0].value.ofType(uuid)",
    );
}

#[test]
fn a_choice_is_made_once() {
    observations(&[
        (r#""value":"x""#, "structure Observation.value"),
        (r#""valueString":"x","valueInteger":1"#, "structure Observation.value"),
        (
            r#""valueString":"x","_valueInteger":{"extension":[{"url":"http://x","valueCode":"y"}]}"#,
            "structure Observation.value",
        ),
        (r#""valueString":"x","_valueString":{"id":"a"}"#, ""),
        (r#""valueAddress":{"city":"x"}"#, "structure Observation.valueAddress"),
        (r#""_valueQuantity":{"id":"a"}"#, "structure Observation._valueQuantity"),
    ]);
    patients(&[(r#""deceasedBoolean":true,"deceasedDateTime":"2020""#, "structure Patient.deceased")]);
}

#[test]
fn siblings_of_primitives_hold_ids_and_extensions_in_line() {
    let extension = r#"{"extension":[{"url":"http://x","valueCode":"unknown"}]}"#;
    patients(&[
        (&format!(r#""_birthDate":{extension}"#), ""),
        (r#""birthDate":"1970","_birthDate":{"id":"a"}"#, ""),
        (r#""_birthDate":{"id":"a"}"#, "invariant Patient.birthDate"),
        (r#""_birthDate":{}"#, "structure Patient.birthDate"),
        (r#""_birthDate":null"#, "structure Patient.birthDate"),
        (r#""_birthDate":"x""#, "structure Patient.birthDate"),
        (r#""birthDate":"1970","_birthDate":{"value":"x"}"#, "structure Patient.birthDate.value"),
        (r#""_birthDate":{"extension":[{"url":"http://x"}]}"#, "invariant Patient.birthDate.extension[0]"),
        (&format!(r#""name":[{{"given":["a",null],"_given":[null,{extension}]}}]"#), ""),
        (&format!(r#""name":[{{"_given":[{extension}]}}]"#), ""),
        (r#""name":[{"given":["a",null]}]"#, "structure Patient.name[0].given[1]"),
        (&format!(r#""name":[{{"given":["a","b"],"_given":[{extension}]}}]"#), "structure Patient.name[0].given"),
        (&format!(r#""name":[{{"given":["a"],"_given":{extension}}}]"#), "structure Patient.name[0].given"),
    ]);
    check("Observation", &format!(r#""_status":{extension},"code":{{"text":"x"}}"#), "");
}

#[test]
fn extensions_have_a_url_and_one_content() {
    patients(&[
        (r#""extension":[{"url":"http://x","valueString":"y"}]"#, ""),
        (r#""extension":[{"valueString":"y"}]"#, "required Patient.extension[0].url"),
        (r#""extension":[{"url":"http://x"}]"#, "invariant Patient.extension[0]"),
        (
            r#""extension":[{"url":"http://x","valueString":"y","extension":[{"url":"z","valueCode":"c"}]}]"#,
            "invariant Patient.extension[0]",
        ),
        (r#""extension":[{"url":"http://x","valueThing":"y"}]"#, "structure Patient.extension[0].valueThing"),
        (
            r#""extension":[{"url":"http://x","extension":[{"url":"z"}]}]"#,
            "invariant Patient.extension[0].extension[0]",
        ),
        (r#""modifierExtension":[{"valueBoolean":true}]"#, "required Patient.modifierExtension[0].url"),
    ]);
}

#[test]
fn required_codes_are_enforced() {
    patients(&[
        (r#""gender":"male""#, ""),
        (r#""gender":"Male""#, "code-invalid Patient.gender"),
        (r#""name":[{"use":"nick"}]"#, "code-invalid Patient.name[0].use"),
        (r#""telecom":[{"system":"telegraph"}]"#, "code-invalid Patient.telecom[0].system"),
        (r#""contact":[{"gender":"x","name":{"text":"x"}}]"#, "code-invalid Patient.contact[0].gender"),
        (r#""text":{"status":"made-up","div":"<div>x</div>"}"#, "code-invalid Patient.text.status"),
    ]);
    observations(&[
        (r#""valueQuantity":{"value":1,"comparator":"<"}"#, ""),
        (
            r#""valueQuantity":{"value":1,"comparator":"!="}"#,
            "code-invalid Observation.value.ofType(Quantity).comparator",
        ),
    ]);
    let allergy = |status: &str, expected: &str| {
        let members = format!(r#""patient":{{"reference":"Patient/1"}},"clinicalStatus":{status}"#);
        check("AllergyIntolerance", &members, expected);
    };
    let system = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical";
    let fault = "code-invalid AllergyIntolerance.clinicalStatus";
    allergy(&format!(r#"{{"coding":[{{"system":"{system}","code":"active"}}]}}"#), "");
    allergy(
        &format!(r#"{{"coding":[{{"system":"http://x","code":"y"}},{{"system":"{system}","code":"active"}}]}}"#),
        "",
    );
    allergy(&format!(r#"{{"coding":[{{"system":"{system}","code":"gone"}}]}}"#), fault);
    allergy(r#"{"coding":[{"code":"active"}]}"#, fault);
    allergy(r#"{"text":"active"}"#, fault);
}

#[test]
fn references_point_to_what_they_may() {
    let subject = |text: &str, expected: &str| {
        observations(&[(&format!(r#""subject":{{"reference":"{text}"}}"#), expected)]);
    };
    for valid in [
        "Patient/1",
        "Group/a-b.c",
        "Patient/1/_history/2",
        "http://other/fhir/Practitioner/1",
        "https://x",
        "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
        "urn:oid:1.2.3",
        "Patient?identifier=http://x|y",
    ] {
        subject(valid, "");
    }
    subject("Practitioner/1", "structure Observation.subject.reference");
    subject("Practitioner?identifier=x", "structure Observation.subject.reference");
    subject("Pacient/1", "value Observation.subject.reference");
    for malformed in
        ["Patient/", "Patient", "patient/1", "/Patient/1", "Patient/1/2", "Patient/a_b", "1", "Patient?", ":x"]
    {
        subject(malformed, "value Observation.subject.reference");
    }
    subject("#gone", "not-found Observation.subject.reference");
    subject("#", "value Observation.subject.reference");
    observations(&[
        (r#""subject":{"type":"Patient","identifier":{"value":"x"}}"#, ""),
        (r#""subject":{"type":"http://hl7.org/fhir/StructureDefinition/Patient","display":"x"}"#, ""),
        (r#""subject":{"type":"Practitioner","display":"x"}"#, "structure Observation.subject.type"),
        (r#""subject":{"type":"Nobody","display":"x"}"#, "value Observation.subject.type"),
        (r#""subject":{"type":"Group","reference":"Patient/1"}"#, "invariant Observation.subject.type"),
        (r#""subject":{"type":"Patient"}"#, "warning invariant Observation.subject"),
        (r#""subject":"Patient/1""#, "structure Observation.subject"),
        (r#""focus":[{"reference":"Basic/1"}]"#, ""),
        (r#""focus":[{"reference":"Anything/1"}]"#, "value Observation.focus[0].reference"),
    ]);
}

#[test]
fn contained_resources_keep_their_limits() {
    let patient = r#"{"resourceType":"Patient","id":"p"}"#;
    let subject = r#""subject":{"reference":"#.to_owned() + "\"#p\"}";
    let case = |contained: &str, expected: &str| {
        observations(&[(&format!(r#""contained":[{contained}],{subject}"#), expected)])
    };
    case(patient, "");
    case(r#"{"resourceType":"Organization","id":"p","name":"x"}"#, "structure Observation.subject.reference");
    case(&format!(r#"{patient},{patient}"#), "duplicate Observation.contained[1].id");
    case(&format!(r#"{patient},{{"resourceType":"Patient"}}"#), "required Observation.contained[1].id");
    case(&format!(r#"{patient},"x""#), "structure Observation.contained[1]");
    case(r#"{"resourceType":"Patient","id":"p","gender":"x"}"#, "code-invalid Observation.contained[0].gender");
    case(
        r#"{"resourceType":"Patient","id":"p","meta":{"versionId":"1"}}"#,
        "invariant Observation.contained[0].meta.versionId",
    );
    case(r#"{"resourceType":"Patient","id":"p","meta":{"profile":["http://x"]}}"#, "");
    case(
        r#"{"resourceType":"Patient","id":"p","contained":[{"resourceType":"Patient","id":"q"}]}"#,
        "invariant Observation.contained[0].contained",
    );
    case(
        r##"{"resourceType":"Patient","id":"p","managingOrganization":{"reference":"#o"}},{"resourceType":"Organization","id":"o","name":"x"}"##,
        "",
    );
    case(r##"{"resourceType":"Patient","id":"p","link":[{"type":"seealso","other":{"reference":"#"}}]}"##, "");
}

#[test]
fn contained_resources_are_there_for_a_reference() {
    let patient = |text: &str, expected: &str| observations(&[(text, expected)]);
    patient(r#""contained":[{"resourceType":"Patient","id":"p"}]"#, "invariant Observation.contained[0]");
    patient(
        r##""contained":[{"resourceType":"Provenance","id":"p","recorded":"2024-01-01T00:00:00Z","target":[{"reference":"#"}],"agent":[{"who":{"display":"x"}}]}]"##,
        "",
    );
}

#[test]
fn a_simple_quantity_has_no_comparator() {
    observations(&[
        (r#""referenceRange":[{"low":{"value":1}}]"#, ""),
        (
            r#""referenceRange":[{"low":{"value":1,"comparator":"<"}}]"#,
            "structure Observation.referenceRange[0].low.comparator",
        ),
    ]);
}

#[test]
fn bundles_and_parameters_hold_whole_resources() {
    let entry = |resource: &str, expected: &str| {
        check("Bundle", &format!(r#""type":"collection","entry":[{{"resource":{resource}}}]"#), expected);
    };
    entry(r#"{"resourceType":"Patient"}"#, "");
    entry(r#"{"resourceType":"Patient","gender":"x"}"#, "code-invalid Bundle.entry[0].resource.gender");
    entry(r#"{"id":"x"}"#, "required Bundle.entry[0].resource");
    entry(
        r##"{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"#p"}}"##,
        "not-found Bundle.entry[0].resource.subject.reference",
    );
    check("Bundle", r#""type":"heap""#, "code-invalid Bundle.type");
    check(
        "Parameters",
        r#""parameter":[{"name":"x","resource":{"resourceType":"Patient","active":0}}]"#,
        "value Parameters.parameter[0].resource.active",
    );
    check(
        "Parameters",
        r#""parameter":[{"name":"x","part":[{"valueString":"y"}]}]"#,
        "required Parameters.parameter[0].part[0].name",
    );
}

#[test]
fn narrative_is_inert_xhtml() {
    let fault = |div: &str| {
        let mut div_json = Vec::new();
        wardstone_fhir::json::write_string(div, &mut div_json);
        let div_json = String::from_utf8(div_json).unwrap();
        issues(&format!(r#"{{"resourceType":"Patient","text":{{"status":"generated","div":{div_json}}}}}"#)).concat()
    };
    for inert in [
        "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>A &amp; B &#169; &nbsp;<br/></p></div>",
        "<div><a href=\"https://x/?a=1&amp;b=2\">x</a><a href='#here' name=\"there\">y</a></div>",
        "<div><img src=\"data:image/png;base64,AAAA\" alt=\"x\"/></div>",
        "<div style=\"background: url(line.png)\"><!-- a note -->x</div >",
        "<div><table class=\"grid\"><tr><td colspan=\"2\">1</td></tr></table></div>\n",
    ] {
        assert_eq!(fault(inert), "", "{inert}");
    }
    for active in [
        "<div><script>x</script></div>",
        "<div><SCRIPT>x</SCRIPT></div>",
        "<div onclick=\"x\">x</div>",
        "<div><img src=\"a.png\" onerror=\"x\"/></div>",
        "<div><iframe src=\"http://x\"/>x</div>",
        "<div><a href=\"javascript:x\">x</a></div>",
        "<div><a href=\" JaVaScRiPt:x\">x</a></div>",
        "<div><a href=\"java&#115;cript:x\">x</a></div>",
        "<div><a href=\"java\tscript:x\">x</a></div>",
        "<div><a href=\"data:text/html,x\">x</a></div>",
        "<div style=\"background:url(http://x/y.png)\">x</div>",
        "<div style=\"background:URL('//x/y.png')\">x</div>",
        "<div style=\"width:expression(x)\">x</div>",
        "<div><svg/>x</div>",
        "<div><form action=\"x\">x</form></div>",
        "<div><!--> <b>x --></div>",
    ] {
        assert_eq!(fault(active), "security Patient.text.div", "{active}");
    }
    for malformed in [
        "x",
        "<p>x</p>",
        "<divx>x</divx>",
        "<div>x",
        "<div><b>x</div></b>",
        "<div>x</div>y",
        "<div>x</div><div>y</div>",
        "<div> </div>",
        "<div/>",
        "<div>a & b</div>",
        "<div class=x>y</div>",
        "<div class>y</div>",
        "<div xmlns=\"http://x\">y</div>",
        "<div>&lt</div>",
    ] {
        assert_eq!(fault(malformed), "invariant Patient.text.div", "{malformed}");
    }
    assert_eq!(fault(&format!("{}x{}", "<div>".repeat(65), "</div>".repeat(65))), "invariant Patient.text.div");
}

#[test]
fn messages_say_what_is_right_and_never_repeat_a_value() {
    let text = r##"{"resourceType":"Patient","nmae":"Zyxw","gender":"Zyxw","birthDate":"Zyxw","id":"Zyxw_","language":" Zyxw",
        "Zyxw 9":1,"maritalStatus":"Zyxw","name":[{"use":"Zyxw","family":7}],"contained":[{"resourceType":"Zyxw"}],
        "generalPractitioner":[{"reference":"Zyxw/1"},{"reference":"#Zyxw"},{"reference":"Zyxw"},{"type":"Zyxw"}],
        "text":{"status":"Zyxw","div":"<Zyxw>"},"extension":[{"url":"Zyxw Zyxw"}]}"##;
    let found = validate(&Json::parse_str(text).unwrap());
    assert!(found.len() >= 18, "{found:?}");
    for issue in &found {
        assert!(!issue.to_string().contains("Zyxw"), "{issue}");
    }
    let message = |expression: &str| found.iter().find(|i| i.expression == expression).unwrap().message.clone();
    assert_eq!(message("Patient.nmae"), "nmae is not an element of Patient; name is");
    assert_eq!(
        message("Patient.gender"),
        "not a code of http://hl7.org/fhir/ValueSet/administrative-gender: female, male, other, unknown"
    );
    assert_eq!(message("Patient.birthDate"), "date is a real date: YYYY, YYYY-MM or YYYY-MM-DD");
}

#[test]
fn the_number_of_issues_is_bounded() {
    let names = vec!["{}"; 3 * ISSUES_MAX].join(",");
    let text = format!(r#"{{"resourceType":"Patient","name":[{names}]}}"#);
    assert_eq!(issues(&text).len(), ISSUES_MAX);
}

#[test]
fn the_number_of_contained_resources_is_bounded() {
    let contained = |count: usize| {
        let resources: Vec<String> =
            (0..count).map(|i| format!(r#"{{"resourceType":"Patient","id":"p{i}"}}"#)).collect();
        let focus: Vec<String> = (0..count).map(|i| format!("{{\"reference\":\"#p{i}\"}}")).collect();
        format!(r#""contained":[{}],"focus":[{}]"#, resources.join(","), focus.join(","))
    };
    observations(&[(&contained(1_000), "")]);
    let over =
        format!(r#"{{"resourceType":"Observation","status":"final","code":{{"text":"x"}},{}}}"#, contained(1_001));
    assert!(issues(&over).contains(&"too-long Observation.contained".to_owned()));
}
