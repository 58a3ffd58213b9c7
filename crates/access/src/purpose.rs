//! Why a caller asks: HL7 v3 ActReason codes (value set PurposeOfUse) and the HIPAA uses that policies speak of.

use crate::words::closed;

closed! {
    /// Codes of <http://terminology.hl7.org/CodeSystem/v3-ActReason>.
    pub enum Purpose {
        Treatment = "TREAT",
        ClinicalTrialCare = "CLINTRL",
        CoordinationOfCare = "COC",
        EmergencyTreatment = "ETREAT",
        BreakTheGlass = "BTG",
        EmergencyRoom = "ERTREAT",
        PopulationHealth = "POPHLTH",
        Payment = "HPAYMT",
        ClaimAttachment = "CLMATTCH",
        CoverageAuthorization = "COVAUTH",
        Coverage = "COVERAGE",
        EligibilityDetermination = "ELIGDTRM",
        EligibilityVerification = "ELIGVER",
        Enrollment = "ENROLLM",
        RemittanceAdvice = "REMITADV",
        Operations = "HOPERAT",
        CareManagement = "CAREMGT",
        Fraud = "FRAUD",
        Accreditation = "HACCRED",
        Compliance = "HCOMPL",
        Directory = "HDIRECT",
        DeliveryManagement = "HDM",
        Legal = "HLEGAL",
        QualityImprovement = "HQUALIMP",
        SystemAdministration = "HSYSADMIN",
        Labeling = "LABELING",
        PatientAdministration = "PATADMIN",
        PatientSafety = "PATSFTY",
        RecordsManagement = "RECORDMGT",
        Training = "TRAIN",
        PatientRequest = "PATRQT",
        FamilyRequest = "FAMRQT",
        PowerOfAttorney = "PWATRNY",
        SupportNetwork = "SUPNWK",
        Research = "HRESCH",
        ClinicalTrialResearch = "CLINTRCH",
        PublicHealth = "PUBHLTH",
        Disaster = "DISASTER",
        Threat = "THREAT",
        /// Needs an authorization for each use (45 CFR 164.508(a)(3)); no policy permits it.
        Marketing = "HMARKT",
    }
}

closed! {
    /// What a purpose counts as in policies.
    pub enum Use {
        Treatment = "treatment",
        Emergency = "emergency",
        Payment = "payment",
        Operations = "operations",
        Compliance = "compliance",
        PatientRequest = "patient_request",
        Research = "research",
        PublicHealth = "public_health",
        Threat = "threat",
    }
}

closed! {
    /// Why the system itself works on the record. Audited like a person's purpose.
    pub enum SystemPurpose {
        IndexRebuild = "index-rebuild",
        Import = "import",
        Verify = "verify",
        Backup = "backup",
        Reseal = "reseal",
        Retention = "retention",
        /// To decide: who treats, what was consented to, what a correction reseals. Shows nothing.
        Decide = "decide",
    }
}

impl Purpose {
    pub const SYSTEM: &'static str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";

    pub const fn uses(self) -> &'static [Use] {
        use Purpose as P;
        match self {
            P::Treatment | P::ClinicalTrialCare | P::CoordinationOfCare | P::PopulationHealth => &[Use::Treatment],
            P::EmergencyTreatment | P::BreakTheGlass | P::EmergencyRoom => &[Use::Treatment, Use::Emergency],
            P::Payment
            | P::ClaimAttachment
            | P::CoverageAuthorization
            | P::Coverage
            | P::EligibilityDetermination
            | P::EligibilityVerification
            | P::Enrollment
            | P::RemittanceAdvice => &[Use::Payment],
            P::Fraud | P::Accreditation | P::Compliance | P::Legal => &[Use::Operations, Use::Compliance],
            P::Operations
            | P::CareManagement
            | P::Directory
            | P::DeliveryManagement
            | P::QualityImprovement
            | P::SystemAdministration
            | P::Labeling
            | P::PatientAdministration
            | P::PatientSafety
            | P::RecordsManagement
            | P::Training => &[Use::Operations],
            P::PatientRequest | P::FamilyRequest | P::PowerOfAttorney | P::SupportNetwork => &[Use::PatientRequest],
            P::Research | P::ClinicalTrialResearch => &[Use::Research],
            P::PublicHealth | P::Disaster => &[Use::PublicHealth],
            P::Threat => &[Use::Threat],
            P::Marketing => &[],
        }
    }
}
