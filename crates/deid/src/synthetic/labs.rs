//! Laboratory tests with their LOINC codes, UCUM units and adult reference ranges, and the panels they are ordered
//! in.

use super::terms::{Coding, loinc};

/// A laboratory test: how it reads, what is normal, and how many decimals it is reported with.
pub(super) struct Test {
    pub(super) code: Coding,
    pub(super) name: &'static str,
    pub(super) unit: (&'static str, &'static str),
    pub(super) decimals: u8,
    pub(super) low: Option<f64>,
    pub(super) high: Option<f64>,
}

const fn test(
    code: &'static str,
    display: &'static str,
    name: &'static str,
    unit: (&'static str, &'static str),
    decimals: u8,
    low: Option<f64>,
    high: Option<f64>,
) -> Test {
    Test { code: loinc(code, display), name, unit, decimals, low, high }
}

const MG_DL: (&str, &str) = ("mg/dL", "mg/dL");
const MMOL_L: (&str, &str) = ("mmol/L", "mmol/L");

pub(super) static GLUCOSE: Test =
    test("2345-7", "Glucose [Mass/volume] in Serum or Plasma", "Glucose", MG_DL, 0, Some(70.0), Some(99.0));
pub(super) static UREA: Test =
    test("3094-0", "Urea nitrogen [Mass/volume] in Serum or Plasma", "Urea nitrogen", MG_DL, 0, Some(7.0), Some(20.0));
pub(super) static CREATININE: Test =
    test("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "Creatinine", MG_DL, 2, Some(0.57), Some(1.27));
pub(super) static SODIUM: Test =
    test("2951-2", "Sodium [Moles/volume] in Serum or Plasma", "Sodium", MMOL_L, 0, Some(135.0), Some(145.0));
pub(super) static POTASSIUM: Test =
    test("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "Potassium", MMOL_L, 1, Some(3.5), Some(5.1));
pub(super) static CHLORIDE: Test =
    test("2075-0", "Chloride [Moles/volume] in Serum or Plasma", "Chloride", MMOL_L, 0, Some(98.0), Some(107.0));
pub(super) static CARBON_DIOXIDE: Test = test(
    "2028-9",
    "Carbon dioxide, total [Moles/volume] in Serum or Plasma",
    "Carbon dioxide",
    MMOL_L,
    0,
    Some(22.0),
    Some(29.0),
);
pub(super) static CALCIUM: Test =
    test("17861-6", "Calcium [Mass/volume] in Serum or Plasma", "Calcium", MG_DL, 1, Some(8.6), Some(10.3));
pub(super) static EGFR: Test = test(
    "98979-8",
    "Glomerular filtration rate [Volume Rate/Area] in Serum, Plasma or Blood by Creatinine-based formula (CKD-EPI 2021)/1.73 sq M",
    "eGFR (CKD-EPI 2021)",
    ("mL/min/1.73 m2", "mL/min/{1.73_m2}"),
    0,
    Some(60.0),
    None,
);
pub(super) static CHOLESTEROL: Test =
    test("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "Total cholesterol", MG_DL, 0, None, Some(200.0));
pub(super) static TRIGLYCERIDE: Test =
    test("2571-8", "Triglyceride [Mass/volume] in Serum or Plasma", "Triglycerides", MG_DL, 0, None, Some(150.0));
pub(super) static HDL: Test = test(
    "2085-9",
    "Cholesterol in HDL [Mass/volume] in Serum or Plasma",
    "HDL cholesterol",
    MG_DL,
    0,
    Some(40.0),
    None,
);
pub(super) static LDL: Test = test(
    "13457-7",
    "Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation",
    "LDL cholesterol, calculated",
    MG_DL,
    0,
    None,
    Some(130.0),
);
pub(super) static A1C: Test =
    test("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "Hemoglobin A1c", ("%", "%"), 1, Some(4.0), Some(5.6));
pub(super) static TSH: Test = test(
    "3016-3",
    "Thyrotropin [Units/volume] in Serum or Plasma",
    "TSH",
    ("m[IU]/L", "m[IU]/L"),
    2,
    Some(0.4),
    Some(4.5),
);
pub(super) static FREE_T4: Test = test(
    "3024-7",
    "Thyroxine (T4) free [Mass/volume] in Serum or Plasma",
    "Free T4",
    ("ng/dL", "ng/dL"),
    1,
    Some(0.8),
    Some(1.8),
);
pub(super) static WBC: Test = test(
    "6690-2",
    "Leukocytes [#/volume] in Blood by Automated count",
    "White blood cells",
    ("10*3/uL", "10*3/uL"),
    1,
    Some(4.0),
    Some(11.0),
);
pub(super) static RBC: Test = test(
    "789-8",
    "Erythrocytes [#/volume] in Blood by Automated count",
    "Red blood cells",
    ("10*6/uL", "10*6/uL"),
    2,
    Some(3.8),
    Some(5.8),
);
pub(super) static HEMOGLOBIN: Test =
    test("718-7", "Hemoglobin [Mass/volume] in Blood", "Hemoglobin", ("g/dL", "g/dL"), 1, Some(12.0), Some(17.2));
pub(super) static HEMATOCRIT: Test = test(
    "4544-3",
    "Hematocrit [Volume Fraction] of Blood by Automated count",
    "Hematocrit",
    ("%", "%"),
    1,
    Some(36.0),
    Some(51.0),
);
pub(super) static MCV: Test =
    test("787-2", "MCV [Entitic volume] by Automated count", "MCV", ("fL", "fL"), 0, Some(80.0), Some(100.0));
pub(super) static PLATELETS: Test = test(
    "777-3",
    "Platelets [#/volume] in Blood by Automated count",
    "Platelets",
    ("10*3/uL", "10*3/uL"),
    0,
    Some(150.0),
    Some(400.0),
);
pub(super) static ALBUMIN_CREATININE: Test = test(
    "9318-7",
    "Albumin/Creatinine [Mass Ratio] in Urine",
    "Urine albumin/creatinine",
    ("mg/g", "mg/g{creat}"),
    0,
    None,
    Some(30.0),
);
pub(super) static ALT: Test = test(
    "1742-6",
    "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma",
    "ALT",
    ("U/L", "U/L"),
    0,
    Some(7.0),
    Some(56.0),
);
pub(super) static AST: Test = test(
    "1920-8",
    "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma",
    "AST",
    ("U/L", "U/L"),
    0,
    Some(8.0),
    Some(40.0),
);
pub(super) static HIV_VIRAL_LOAD: Test = test(
    "20447-9",
    "HIV 1 RNA [#/volume] (viral load) in Serum or Plasma by NAA with probe detection",
    "HIV-1 viral load",
    ("copies/mL", "{copies}/mL"),
    0,
    None,
    Some(20.0),
);
pub(super) static CD4: Test = test(
    "24467-3",
    "CD3+CD4+ (T4 helper) cells [#/volume] in Blood",
    "CD4 count",
    ("cells/uL", "{cells}/uL"),
    0,
    Some(500.0),
    Some(1500.0),
);

/// Tests ordered and reported together.
pub(super) struct Panel {
    pub(super) code: Coding,
    pub(super) name: &'static str,
    pub(super) tests: &'static [&'static Test],
}

pub(super) static BMP: Panel = Panel {
    code: loinc("24321-2", "Basic metabolic 2000 panel - Serum or Plasma"),
    name: "Basic metabolic panel",
    tests: &[&GLUCOSE, &UREA, &CREATININE, &EGFR, &SODIUM, &POTASSIUM, &CHLORIDE, &CARBON_DIOXIDE, &CALCIUM],
};
pub(super) static LIPID: Panel = Panel {
    code: loinc("24331-1", "Lipid 1996 panel - Serum or Plasma"),
    name: "Lipid panel",
    tests: &[&CHOLESTEROL, &TRIGLYCERIDE, &HDL, &LDL],
};
pub(super) static CBC: Panel = Panel {
    code: loinc("58410-2", "CBC panel - Blood by Automated count"),
    name: "Complete blood count",
    tests: &[&WBC, &RBC, &HEMOGLOBIN, &HEMATOCRIT, &MCV, &PLATELETS],
};
pub(super) static A1C_PANEL: Panel = Panel { code: A1C.code, name: "Hemoglobin A1c", tests: &[&A1C] };
pub(super) static THYROID: Panel = Panel { code: TSH.code, name: "TSH with free T4", tests: &[&TSH, &FREE_T4] };
pub(super) static URINE_ALBUMIN: Panel =
    Panel { code: ALBUMIN_CREATININE.code, name: "Urine albumin/creatinine ratio", tests: &[&ALBUMIN_CREATININE] };
pub(super) static LIVER: Panel = Panel { code: ALT.code, name: "Aminotransferases", tests: &[&ALT, &AST] };
pub(super) static HIV_MONITORING: Panel =
    Panel { code: HIV_VIRAL_LOAD.code, name: "HIV-1 RNA and CD4 count", tests: &[&HIV_VIRAL_LOAD, &CD4] };
