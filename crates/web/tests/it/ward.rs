//! A clinic with patients: Ruth, whom Asha and Nora treat, and Max, whom nobody of them does.

use access::Role;

use crate::clinic::{Answer, Browser, Clinic};

pub const FAMILY: &str = "Adeyemi";
pub const GIVEN: &str = "Ruth <i>Ada</i>";
pub const MRN: &str = "MR-004718";
pub const BIRTH: &str = "1968-07-14";

pub async fn ward() -> Clinic {
    ward_of(Clinic::new().await).await
}

pub async fn ward_of(clinic: Clinic) -> Clinic {
    for (login, role) in [
        ("asha", Role::Physician),
        ("nora", Role::Nurse),
        ("leo", Role::MedicalAssistant),
        ("ruth", Role::Pharmacist),
        ("zoe", Role::Physician),
    ] {
        clinic.seed_practitioner(login, role).await;
    }
    for (login, role) in [("fay", Role::FrontDesk), ("ben", Role::Billing), ("petra", Role::PrivacyOfficer)] {
        clinic.seed(login, role).await;
    }
    patient(&clinic, "p1", FAMILY, GIVEN, BIRTH, MRN).await;
    team(&clinic, "p1", &["asha", "nora", "leo"]).await;
    chart(&clinic, "p1").await;
    patient(&clinic, "p2", "Brandt", "Max", "1950-01-02", "MR-2").await;
    team(&clinic, "p2", &["zoe"]).await;
    clinic
}

pub async fn patient(clinic: &Clinic, id: &str, family: &str, given: &str, birth: &str, mrn: &str) {
    let members = format!(
        r#""name":[{{"use":"official","family":"{family}","given":["{given}"]}}],"birthDate":"{birth}","gender":"female",
        "identifier":[{{"type":{{"coding":[{{"code":"MR"}}]}},"system":"urn:mrn","value":"{mrn}"}}]"#
    );
    clinic.put("Patient", id, &members).await;
}

pub async fn team(clinic: &Clinic, patient: &str, members: &[&str]) {
    let member = |login: &&str| format!(r#"{{"member":{{"reference":"Practitioner/{login}"}}}}"#);
    let members: Vec<String> = members.iter().map(member).collect();
    let participants = members.join(",");
    let text = format!(r#""status":"active",{},"participant":[{participants}]"#, subject(patient));
    clinic.put("CareTeam", &format!("{patient}-team"), &text).await;
}

/// One of each part of a chart, each with a mark of its own.
async fn chart(clinic: &Clinic, id: &str) {
    let of = subject(id);
    let patient = of.replace("subject", "patient");
    let by = r#"{"reference":"Practitioner/asha"}"#;
    let allergy = format!(
        r#"{patient},"code":{{"text":"Penicillin"}},"criticality":"high",
        "clinicalStatus":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}}]}},
        "reaction":[{{"manifestation":[{{"text":"Anaphylaxis"}}],"severity":"severe"}}]"#
    );
    clinic.put("AllergyIntolerance", "allergy", &allergy).await;
    let problem = format!(
        r#"{of},"code":{{"text":"Gouty arthritis"}},"onsetDateTime":"2014","recorder":{by},
        "clinicalStatus":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}}]}}"#
    );
    clinic.put("Condition", "problem", &problem).await;
    let medicine = format!(
        r#"{of},"status":"active","intent":"order","medicationCodeableConcept":{{"text":"allopurinol 100 MG"}},
        "requester":{by},"dosageInstruction":[{{"text":"1 tablet daily"}}]"#
    );
    clinic.put("MedicationRequest", "medicine", &medicine).await;
    for (name, day, kilograms) in [("weight", "2026-12-01", "83.4"), ("weight-before", "2026-03-01", "80.10")] {
        let weight = format!(
            r#"{of},"status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}}]}}],
            "code":{{"coding":[{{"system":"http://loinc.org","code":"29463-7"}}]}},"effectiveDateTime":"{day}",
            "valueQuantity":{{"value":{kilograms},"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}"#
        );
        clinic.put("Observation", name, &weight).await;
    }
    let result = format!(
        r#"{of},"status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}}]}}],
        "code":{{"text":"Uric acid"}},"effectiveDateTime":"2026-12-02","valueQuantity":{{"value":9.1,"unit":"mg/dL"}},
        "interpretation":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"H"}}]}}]"#
    );
    clinic.put("Observation", "result", &result).await;
    // S: Toe hurts. A: Gout flare. P: Colchicine.
    let data = "UzogVG9lIGh1cnRzLgoKQTogR291dCBmbGFyZS4KClA6IENvbGNoaWNpbmUu";
    let note = format!(
        r#"{of},"status":"current","docStatus":"final","type":{{"text":"Progress note"}},"author":[{by}],"date":"2026-12-02T10:00:00Z",
        "category":[{{"coding":[{{"code":"clinical-note"}}]}}],
        "content":[{{"attachment":{{"contentType":"text/plain","data":"{data}"}}}}]"#
    );
    clinic.put("DocumentReference", "note", &note).await;
    let order = format!(
        r#"{of},"status":"active","intent":"order","code":{{"text":"Foot radiograph"}},"requester":{by},
        "occurrenceDateTime":"2026-12-20""#
    );
    clinic.put("ServiceRequest", "order", &order).await;
    let dose = format!(
        r#"{patient},"status":"completed","vaccineCode":{{"text":"Influenza vaccine"}},"occurrenceDateTime":"2026-10-10""#
    );
    clinic.put("Immunization", "dose", &dose).await;
    let appointment = format!(
        r#""status":"booked","start":"2027-01-20T09:00:00Z","end":"2027-01-20T09:30:00Z","description":"Office visit",
        "participant":[{{"actor":{{"reference":"Patient/{id}"}},"status":"accepted"}}]"#
    );
    clinic.put("Appointment", "appointment", &appointment).await;
    let visit = format!(
        r#"{of},"status":"finished","class":{{"code":"AMB"}},"type":[{{"text":"Follow-up"}}],
        "period":{{"start":"2026-12-02T09:00:00Z","end":"2026-12-02T09:30:00Z"}},
        "reasonReference":[{{"reference":"Condition/problem"}}]"#
    );
    clinic.put("Encounter", "visit", &visit).await;
}

fn subject(id: &str) -> String {
    format!(r#""subject":{{"reference":"Patient/{id}"}}"#)
}

/// Somebody signed in, and a look at an address.
pub async fn look(clinic: &Clinic, login: &str, path: &str) -> (Browser, Answer) {
    let mut browser = Browser::new();
    clinic.signed_in(login, &mut browser).await;
    let answer = browser.get(clinic, path).await;
    (browser, answer)
}
