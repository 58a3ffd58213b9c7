//! Drugs with their RxNorm codes and directions, and vaccines with their CVX codes.

use super::terms::{CVX, Coding, RXNORM, coding, sct};

/// How a dose is told and timed.
pub(super) struct Med {
    pub(super) drug: Coding,
    /// What clinicians call it in a note.
    pub(super) name: &'static str,
    pub(super) sig: &'static str,
    /// UCUM-annotated or plain unit of one dose and its size.
    pub(super) unit: (&'static str, &'static str),
    pub(super) dose: &'static str,
    pub(super) route: &'static Coding,
    /// Times per `hours`.
    pub(super) times: u32,
    pub(super) hours: u32,
    pub(super) as_needed: bool,
    pub(super) quantity: u32,
    pub(super) refills: u32,
}

pub(super) const ORAL: Coding = sct("26643006", "Oral route");
pub(super) const INHALED: Coding = sct("447694001", "Respiratory tract route");
pub(super) const SUBLINGUAL: Coding = sct("37839007", "Sublingual route");
const TABLET: (&str, &str) = ("tablet", "{tbl}");
const CAPSULE: (&str, &str) = ("capsule", "{capsule}");
const PUFF: (&str, &str) = ("puff", "{puff}");

const fn daily(code: &'static str, display: &'static str, name: &'static str, sig: &'static str) -> Med {
    Med {
        drug: coding(RXNORM, code, display),
        name,
        sig,
        unit: TABLET,
        dose: "1",
        route: &ORAL,
        times: 1,
        hours: 24,
        as_needed: false,
        quantity: 90,
        refills: 3,
    }
}
const ONCE: &str = "Take 1 tablet by mouth once daily.";

pub(super) static LISINOPRIL_10: Med = daily("314076", "lisinopril 10 MG Oral Tablet", "lisinopril 10 mg daily", ONCE);
pub(super) static LISINOPRIL_20: Med = daily("314077", "lisinopril 20 MG Oral Tablet", "lisinopril 20 mg daily", ONCE);
pub(super) static AMLODIPINE: Med = daily("197361", "amlodipine 5 MG Oral Tablet", "amlodipine 5 mg daily", ONCE);
pub(super) static LOSARTAN: Med = daily("979492", "losartan potassium 50 MG Oral Tablet", "losartan 50 mg daily", ONCE);
pub(super) static METFORMIN_500: Med = Med {
    times: 2,
    quantity: 180,
    ..daily(
        "861007",
        "metformin hydrochloride 500 MG Oral Tablet",
        "metformin 500 mg twice daily",
        "Take 1 tablet by mouth twice daily with meals.",
    )
};
pub(super) static METFORMIN_1000: Med = Med {
    times: 2,
    quantity: 180,
    ..daily(
        "861004",
        "metformin hydrochloride 1000 MG Oral Tablet",
        "metformin 1000 mg twice daily",
        "Take 1 tablet by mouth twice daily with meals.",
    )
};
pub(super) static ATORVASTATIN_20: Med = daily(
    "617310",
    "atorvastatin 20 MG Oral Tablet",
    "atorvastatin 20 mg nightly",
    "Take 1 tablet by mouth at bedtime.",
);
pub(super) static ATORVASTATIN_40: Med = daily(
    "617311",
    "atorvastatin 40 MG Oral Tablet",
    "atorvastatin 40 mg nightly",
    "Take 1 tablet by mouth at bedtime.",
);
pub(super) static SERTRALINE: Med = daily("312941", "sertraline 50 MG Oral Tablet", "sertraline 50 mg daily", ONCE);
pub(super) static LEVOTHYROXINE_50: Med = daily(
    "966221",
    "levothyroxine sodium 0.05 MG Oral Tablet",
    "levothyroxine 50 mcg daily",
    "Take 1 tablet by mouth every morning on an empty stomach.",
);
pub(super) static LEVOTHYROXINE_75: Med = daily(
    "966222",
    "levothyroxine sodium 0.075 MG Oral Tablet",
    "levothyroxine 75 mcg daily",
    "Take 1 tablet by mouth every morning on an empty stomach.",
);
pub(super) static APIXABAN: Med = Med {
    times: 2,
    quantity: 180,
    ..daily("1364445", "apixaban 5 MG Oral Tablet", "apixaban 5 mg twice daily", "Take 1 tablet by mouth twice daily.")
};
pub(super) static METOPROLOL: Med = daily(
    "866436",
    "24 HR metoprolol succinate 50 MG Extended Release Oral Tablet",
    "metoprolol succinate 50 mg daily",
    ONCE,
);
pub(super) static OMEPRAZOLE: Med = Med {
    unit: CAPSULE,
    quantity: 30,
    refills: 1,
    ..daily(
        "198051",
        "omeprazole 20 MG Delayed Release Oral Capsule",
        "omeprazole 20 mg daily",
        "Take 1 capsule by mouth once daily before breakfast.",
    )
};
pub(super) static ACETAMINOPHEN: Med = Med {
    dose: "2",
    times: 3,
    as_needed: true,
    quantity: 180,
    refills: 1,
    ..daily(
        "313782",
        "acetaminophen 325 MG Oral Tablet",
        "acetaminophen 650 mg as needed",
        "Take 2 tablets by mouth up to three times daily as needed for pain.",
    )
};
pub(super) static ALBUTEROL: Med = Med {
    unit: PUFF,
    dose: "2",
    route: &INHALED,
    times: 1,
    hours: 6,
    as_needed: true,
    quantity: 1,
    refills: 2,
    ..daily(
        "745679",
        "200 ACTUAT albuterol 0.09 MG/ACTUAT Metered Dose Inhaler",
        "albuterol inhaler as needed",
        "Inhale 2 puffs every 6 hours as needed for wheezing or shortness of breath.",
    )
};
pub(super) static FLUTICASONE: Med = Med {
    unit: PUFF,
    dose: "2",
    route: &INHALED,
    times: 2,
    quantity: 1,
    refills: 5,
    ..daily(
        "895994",
        "120 ACTUAT fluticasone propionate 0.044 MG/ACTUAT Metered Dose Inhaler",
        "fluticasone 44 mcg two puffs twice daily",
        "Inhale 2 puffs twice daily with a spacer; rinse mouth after use.",
    )
};
pub(super) static FLUTICASONE_SALMETEROL: Med = Med {
    unit: PUFF,
    route: &INHALED,
    times: 2,
    quantity: 1,
    refills: 5,
    ..daily(
        "896209",
        "60 ACTUAT fluticasone propionate 0.25 MG/ACTUAT / salmeterol 0.05 MG/ACTUAT Dry Powder Inhaler",
        "fluticasone/salmeterol 250/50 twice daily",
        "Inhale 1 puff twice daily; rinse mouth after use.",
    )
};
pub(super) static FERROUS_SULFATE: Med =
    daily("310325", "ferrous sulfate 325 MG Oral Tablet", "ferrous sulfate 325 mg daily", ONCE);
pub(super) static NALTREXONE: Med = Med {
    quantity: 30,
    ..daily("1483744", "naltrexone hydrochloride 50 MG Oral Tablet", "naltrexone 50 mg daily", ONCE)
};
pub(super) static BUPRENORPHINE_NALOXONE: Med = Med {
    route: &SUBLINGUAL,
    quantity: 30,
    refills: 0,
    ..daily(
        "351267",
        "buprenorphine 8 MG / naloxone 2 MG Sublingual Tablet",
        "buprenorphine/naloxone 8/2 mg daily",
        "Dissolve 1 tablet under the tongue once daily.",
    )
};
pub(super) static BICTEGRAVIR: Med = Med {
    quantity: 30,
    refills: 5,
    ..daily(
        "1999667",
        "bictegravir 50 MG / emtricitabine 200 MG / tenofovir alafenamide 25 MG Oral Tablet",
        "bictegravir/emtricitabine/tenofovir daily",
        ONCE,
    )
};
pub(super) static SUMATRIPTAN: Med = Med {
    as_needed: true,
    quantity: 9,
    refills: 3,
    ..daily(
        "313161",
        "sumatriptan 50 MG Oral Tablet",
        "sumatriptan 50 mg as needed",
        "Take 1 tablet by mouth at onset of migraine as needed; may repeat once after 2 hours.",
    )
};
pub(super) static LORATADINE: Med = daily("311372", "loratadine 10 MG Oral Tablet", "loratadine 10 mg daily", ONCE);
pub(super) static AMOXICILLIN: Med = Med {
    unit: CAPSULE,
    times: 3,
    quantity: 21,
    refills: 0,
    ..daily(
        "308182",
        "amoxicillin 250 MG Oral Capsule",
        "amoxicillin 250 mg three times daily for 7 days",
        "Take 1 capsule by mouth three times daily for 7 days.",
    )
};
pub(super) static IBUPROFEN: Med = Med {
    times: 3,
    as_needed: true,
    quantity: 30,
    refills: 0,
    ..daily(
        "310965",
        "ibuprofen 200 MG Oral Tablet",
        "ibuprofen 200 mg as needed",
        "Take 1 tablet by mouth up to three times daily with food as needed for pain.",
    )
};

/// A vaccine; all but the oral one are injected.
pub(super) struct Vaccine {
    pub(super) code: Coding,
    pub(super) site_oral: bool,
}

const fn cvx(code: &'static str, display: &'static str) -> Vaccine {
    Vaccine { code: coding(CVX, code, display), site_oral: false }
}

pub(super) static HEP_B_CHILD: Vaccine = cvx("08", "Hep B, adolescent or pediatric");
pub(super) static ROTAVIRUS: Vaccine = Vaccine { code: coding(CVX, "119", "rotavirus, monovalent"), site_oral: true };
pub(super) static DTAP: Vaccine = cvx("20", "DTaP");
pub(super) static HIB: Vaccine = cvx("49", "Hib (PRP-OMP)");
pub(super) static PCV13: Vaccine = cvx("133", "Pneumococcal conjugate PCV 13");
pub(super) static IPV: Vaccine = cvx("10", "IPV");
pub(super) static MMR: Vaccine = cvx("03", "MMR");
pub(super) static VARICELLA: Vaccine = cvx("21", "varicella");
pub(super) static HEP_A_CHILD: Vaccine = cvx("83", "Hep A, ped/adol, 2 dose");
pub(super) static TDAP: Vaccine = cvx("115", "Tdap");
pub(super) static HPV9: Vaccine = cvx("165", "HPV9");
pub(super) static MENINGOCOCCAL: Vaccine = cvx("114", "meningococcal MCV4P");
pub(super) static FLU: Vaccine = cvx("140", "Influenza, seasonal, injectable, preservative free");
pub(super) static TD: Vaccine = cvx("113", "Td (adult), 5 Lf tetanus toxoid, preservative free, adsorbed");
pub(super) static PPSV23: Vaccine = cvx("33", "pneumococcal polysaccharide PPV23");
pub(super) static ZOSTER: Vaccine = cvx("187", "zoster recombinant");
