//! Stories of metabolism: sugar, lipids, thyroid, kidney.

use super::Measure as M;
use super::{CHRONIC, Drive, Step, Story};
use crate::synthetic::terms::{icd, sct};
use crate::synthetic::{drugs, labs};

pub(super) const DIABETES: Story = Story {
    name: "type 2 diabetes",
    ages: (38, 78),
    weight: 14,
    bmi_shift: 5.5,
    condition: [
        sct("44054006", "Diabetes mellitus type 2 (disorder)"),
        icd("E11.65", "Type 2 diabetes mellitus with hyperglycemia"),
    ],
    companions: &["hypertension", "hyperlipidemia", "chronic kidney disease"],
    drives: &[
        Drive(M::A1c, (8.3, 9.9), (6.5, 7.1)),
        Drive(M::WeightGain, (0.0, 0.5), (-5.5, -2.0)),
        Drive(M::Triglycerides, (180.0, 260.0), (130.0, 165.0)),
    ],
    meds: &[Step(&drugs::METFORMIN_500, 0, Some(1)), Step(&drugs::METFORMIN_1000, 1, None)],
    panels: &[(&labs::A1C_PANEL, 1), (&labs::BMP, 3), (&labs::LIPID, 4), (&labs::URINE_ALBUMIN, 3)],
    procedures: &[sct("722161008", "Diabetic retinal eye exam")],
    goal: "Hemoglobin A1c below 7.0 %",
    activities: &[
        "Diabetes self-management education",
        "Yearly retinal eye examination",
        "Foot examination at each visit",
    ],
    opening: &[
        "{name} is a {age}-year-old {sex} with several months of thirst, frequent urination and fatigue.",
        "{name}, {age}, was sent for follow-up of a high glucose found on screening and reports nocturia twice a night.",
        "New evaluation for elevated blood sugar; {name} has a sibling with diabetes and has gained weight over two years.",
    ],
    better: &[
        "{name} checks fasting sugars most mornings, usually between 110 and 135, and takes metformin with meals.",
        "Follow-up of diabetes. No hypoglycemia, no foot numbness. Has cut out sweet drinks and walks after supper.",
        "{name} feels more energetic; nocturia has stopped. Tolerates metformin well.",
    ],
    worse: &[
        "{name} has missed evening metformin doses and home sugars run in the 180s.",
        "Diabetes follow-up. Ate out often over the holidays; loose stools during the first weeks of metformin have settled.",
    ],
    judged_new: &["Type 2 diabetes mellitus, new diagnosis, HbA1c {a1c} %, BMI {bmi}."],
    judged_better: &[
        "Type 2 diabetes, improving: HbA1c {a1c} %.",
        "Type 2 diabetes near goal, HbA1c {a1c} %, no complications on foot examination.",
    ],
    judged_worse: &["Type 2 diabetes above goal, HbA1c {a1c} %."],
    plan: &[
        "Continue {meds}; recheck HbA1c in three months.",
        "Referred to diabetes education; carbohydrate counting reviewed.",
        "Daily foot checks; retinal examination due this year.",
    ],
    ..CHRONIC
};

pub(super) const HYPERLIPIDEMIA: Story = Story {
    name: "hyperlipidemia",
    ages: (38, 78),
    weight: 9,
    bmi_shift: 2.0,
    condition: [sct("55822004", "Hyperlipidemia (disorder)"), icd("E78.5", "Hyperlipidemia, unspecified")],
    companions: &["hypertension", "knee osteoarthritis", "reflux"],
    drives: &[
        Drive(M::Ldl, (158.0, 196.0), (72.0, 98.0)),
        Drive(M::Triglycerides, (160.0, 220.0), (110.0, 145.0)),
        Drive(M::Hdl, (36.0, 44.0), (42.0, 50.0)),
    ],
    meds: &[Step(&drugs::ATORVASTATIN_20, 0, Some(2)), Step(&drugs::ATORVASTATIN_40, 2, None)],
    panels: &[(&labs::LIPID, 1), (&labs::LIVER, 3), (&labs::BMP, 3)],
    goal: "LDL cholesterol below 100 mg/dL",
    activities: &["Statin every evening", "Diet low in saturated fat", "Lipid panel twice a year"],
    opening: &[
        "{name} is a {age}-year-old {sex} with high cholesterol on screening; a parent had a heart attack at 58.",
    ],
    better: &[
        "{name} takes atorvastatin at night without muscle pain and eats fish twice a week.",
        "Cholesterol follow-up. LDL {ldl} on the last panel; no side effects.",
    ],
    worse: &[
        "{name} stopped atorvastatin for a month over worry about muscle aches that turned out to be from gardening.",
    ],
    judged_new: &["Hyperlipidemia, LDL {ldl} mg/dL, raised cardiovascular risk."],
    judged_better: &["Hyperlipidemia, LDL {ldl} mg/dL on treatment."],
    judged_worse: &["Hyperlipidemia above goal, LDL {ldl} mg/dL."],
    plan: &["Continue {meds}.", "Fasting lipid panel before the next visit.", "Mediterranean-style diet reviewed."],
    ..CHRONIC
};

pub(super) const HYPOTHYROIDISM: Story = Story {
    name: "hypothyroidism",
    ages: (26, 76),
    weight: 8,
    bmi_shift: 1.0,
    condition: [sct("40930008", "Hypothyroidism (disorder)"), icd("E03.9", "Hypothyroidism, unspecified")],
    companions: &["hyperlipidemia", "migraine", "allergic rhinitis"],
    drives: &[
        Drive(M::Tsh, (9.0, 15.0), (1.4, 2.9)),
        Drive(M::FreeT4, (0.55, 0.72), (1.1, 1.4)),
        Drive(M::WeightGain, (0.0, 1.0), (-3.5, -1.0)),
        Drive(M::Pulse, (56.0, 62.0), (66.0, 74.0)),
    ],
    meds: &[Step(&drugs::LEVOTHYROXINE_50, 0, Some(1)), Step(&drugs::LEVOTHYROXINE_75, 1, None)],
    panels: &[(&labs::THYROID, 1), (&labs::LIPID, 4), (&labs::CBC, 4)],
    goal: "TSH within the reference range",
    activities: &["Levothyroxine on an empty stomach", "TSH six weeks after each change of dose"],
    opening: &[
        "{name} is a {age}-year-old {sex} with fatigue, dry skin and feeling cold for half a year.",
        "{name}, {age}, has gained weight without eating more and notices hair loss and constipation.",
    ],
    better: &[
        "{name} takes levothyroxine before breakfast; energy is back and skin is less dry.",
        "Thyroid follow-up. No palpitations, weight steady, bowel habits normal.",
    ],
    worse: &["{name} takes levothyroxine together with coffee and calcium and is tired again."],
    judged_new: &["Primary hypothyroidism, TSH {tsh}."],
    judged_better: &["Hypothyroidism, TSH {tsh}, clinically euthyroid."],
    judged_worse: &["Hypothyroidism under-replaced, TSH {tsh}."],
    plan: &[
        "Continue {meds}; take it alone with water.",
        "Recheck TSH in six to eight weeks.",
        "Call for palpitations or tremor.",
    ],
    ..CHRONIC
};

pub(super) const KIDNEY: Story = Story {
    name: "chronic kidney disease",
    ages: (54, 84),
    weight: 6,
    bmi_shift: 1.5,
    condition: [
        sct("700378005", "Chronic kidney disease stage 3A (disorder)"),
        icd("N18.31", "Chronic kidney disease, stage 3a"),
    ],
    companions: &["hypertension", "hyperlipidemia"],
    drives: &[
        Drive(M::Creatinine, (54.0, 58.0), (48.0, 52.0)),
        Drive(M::UrineAlbumin, (90.0, 190.0), (35.0, 70.0)),
        Drive(M::Hemoglobin, (12.2, 13.0), (11.4, 12.4)),
    ],
    meds: &[Step(&drugs::LOSARTAN, 0, None)],
    panels: &[(&labs::BMP, 2), (&labs::URINE_ALBUMIN, 2), (&labs::CBC, 4)],
    goal: "Loss of eGFR below 3 mL/min per year",
    activities: &[
        "Blood pressure below 130/80",
        "Avoid NSAIDs and contrast where possible",
        "Dietitian review of salt and protein",
    ],
    opening: &[
        "{name} is a {age}-year-old {sex} referred for a reduced filtration rate found twice over three months.",
        "{name}, {age}, feels well; creatinine has been above range since last year, urine is clear.",
    ],
    better: &[
        "{name} avoids ibuprofen, drinks enough and takes losartan daily. No swelling.",
        "Kidney follow-up. Appetite good, no itching, no change in urine.",
    ],
    worse: &["{name} took naproxen for a week after a fall; no swelling but feels more tired."],
    judged_new: &["CKD stage 3a, eGFR {egfr}."],
    judged_better: &["CKD stage 3a, stable, eGFR {egfr}."],
    judged_worse: &["CKD, eGFR {egfr}; repeat after stopping the NSAID."],
    plan: &[
        "Continue {meds}; potassium with the next panel.",
        "Urine albumin twice a year.",
        "Doses checked against renal function.",
    ],
    ..CHRONIC
};
