//! The codes the generator speaks: a small set of well-known SNOMED CT, LOINC, RxNorm, CVX and HL7 terms with their
//! displays.

pub(super) const UCUM: &str = "http://unitsofmeasure.org";
pub(super) const SNOMED: &str = "http://snomed.info/sct";
pub(super) const LOINC: &str = "http://loinc.org";
pub(super) const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
pub(super) const CVX: &str = "http://hl7.org/fhir/sid/cvx";
pub(super) const ICD10: &str = "http://hl7.org/fhir/sid/icd-10-cm";
pub(super) const NPI: &str = "http://hl7.org/fhir/sid/us-npi";
pub(super) const SSN: &str = "http://hl7.org/fhir/sid/us-ssn";
pub(super) const NUCC: &str = "http://nucc.org/provider-taxonomy";
pub(super) const CDC_RACE: &str = "urn:oid:2.16.840.1.113883.6.238";
pub(super) const SOURCE_OF_PAYMENT: &str = "https://nahdo.org/sopt";

/// `https://wardstone.example/id/` + kind: the namespaces of the demo clinic's own identifiers.
pub(super) const ID_MRN: &str = "https://wardstone.example/id/mrn";
pub(super) const ID_STAFF: &str = "https://wardstone.example/id/staff";
pub(super) const ID_ROLE: &str = "https://wardstone.example/id/role";
pub(super) const ID_ORGANIZATION: &str = "https://wardstone.example/id/organization";
pub(super) const ID_LOCATION: &str = "https://wardstone.example/id/location";
pub(super) const ID_SERVICE: &str = "https://wardstone.example/id/service";
pub(super) const ID_SCHEDULE: &str = "https://wardstone.example/id/schedule";
pub(super) const ID_ENCOUNTER: &str = "https://wardstone.example/id/encounter";
pub(super) const ID_MEMBER: &str = "https://wardstone.example/id/member";

#[derive(Clone, Copy)]
pub(super) struct Coding {
    pub(super) system: &'static str,
    pub(super) code: &'static str,
    pub(super) display: &'static str,
}

pub(super) const fn coding(system: &'static str, code: &'static str, display: &'static str) -> Coding {
    Coding { system, code, display }
}
pub(super) const fn sct(code: &'static str, display: &'static str) -> Coding {
    coding(SNOMED, code, display)
}
pub(super) const fn loinc(code: &'static str, display: &'static str) -> Coding {
    coding(LOINC, code, display)
}
pub(super) const fn icd(code: &'static str, display: &'static str) -> Coding {
    coding(ICD10, code, display)
}

macro_rules! hl7 {
    ($name:ident, $system:literal) => {
        pub(super) const fn $name(code: &'static str, display: &'static str) -> Coding {
            coding(concat!("http://terminology.hl7.org/CodeSystem/", $system), code, display)
        }
    };
}
hl7!(act, "v3-ActCode");
hl7!(v2_0203, "v2-0203");
hl7!(v2_0074, "v2-0074");
hl7!(observation_category, "observation-category");
hl7!(interpretation, "v3-ObservationInterpretation");
hl7!(condition_clinical, "condition-clinical");
hl7!(condition_verification, "condition-ver-status");
hl7!(condition_category, "condition-category");
hl7!(allergy_clinical, "allergyintolerance-clinical");
hl7!(allergy_verification, "allergyintolerance-verification");
hl7!(participation, "v3-ParticipationType");
