//! Stories of heart, vessels and lungs.

use super::Measure as M;
use super::{CHRONIC, Drive, Step, Story};
use crate::synthetic::terms::{icd, sct};
use crate::synthetic::{drugs, labs};

pub(super) const HYPERTENSION: Story = Story {
    name: "hypertension",
    ages: (34, 84),
    weight: 16,
    bmi_shift: 2.5,
    condition: [sct("59621000", "Essential hypertension (disorder)"), icd("I10", "Essential (primary) hypertension")],
    companions: &["hyperlipidemia", "knee osteoarthritis", "reflux"],
    drives: &[
        Drive(M::Systolic, (150.0, 168.0), (122.0, 132.0)),
        Drive(M::Diastolic, (91.0, 101.0), (74.0, 82.0)),
        Drive(M::WeightGain, (0.0, 0.5), (-2.5, 0.0)),
    ],
    meds: &[
        Step(&drugs::LISINOPRIL_10, 0, Some(1)),
        Step(&drugs::LISINOPRIL_20, 1, None),
        Step(&drugs::AMLODIPINE, 3, None),
    ],
    panels: &[(&labs::BMP, 2), (&labs::LIPID, 5)],
    procedures: &[sct("29303009", "Electrocardiographic procedure")],
    goal: "Blood pressure below 130/80 mmHg",
    activities: &["Home blood pressure monitoring", "Low sodium diet", "Regular aerobic exercise"],
    opening: &[
        "{name} is a {age}-year-old {sex} whose blood pressure was high at two pharmacy checks; no headache or chest pain.",
        "{name}, {age}, comes about high blood pressure readings at home, around {sbp} systolic for a month.",
        "Blood pressure evaluation. {name} adds salt at the table and drinks three coffees a day.",
    ],
    better: &[
        "{name} takes medication every morning; home readings average in the 120s over 70s. No dizziness, no cough.",
        "Blood pressure follow-up. Feels well, walks thirty minutes five days a week, has cut back on salt.",
        "{name} brought a home log; readings have come down since treatment began. No ankle swelling.",
    ],
    worse: &[
        "{name} ran out of tablets for ten days last month; home readings rose to the 150s.",
        "Blood pressure follow-up. Taking ibuprofen for back pain most days; readings above goal.",
    ],
    judged_new: &["Essential hypertension, new, {bp} today and confirmed at home."],
    judged_better: &["Hypertension, controlled at {bp}.", "Hypertension improving, {bp} today on {meds}."],
    judged_worse: &["Hypertension above goal at {bp}."],
    plan: &[
        "Continue {meds}; home log to the next visit.",
        "Basic metabolic panel to follow potassium and creatinine.",
        "Limit sodium to 2 g a day; avoid NSAIDs.",
    ],
    ..CHRONIC
};

pub(super) const FIBRILLATION: Story = Story {
    name: "atrial fibrillation",
    ages: (60, 88),
    weight: 6,
    condition: [sct("49436004", "Atrial fibrillation (disorder)"), icd("I48.91", "Unspecified atrial fibrillation")],
    companions: &["hypertension", "hyperlipidemia", "knee osteoarthritis"],
    drives: &[Drive(M::Pulse, (108.0, 128.0), (68.0, 80.0)), Drive(M::Systolic, (136.0, 146.0), (124.0, 134.0))],
    meds: &[Step(&drugs::APIXABAN, 0, None), Step(&drugs::METOPROLOL, 0, None)],
    panels: &[(&labs::BMP, 2), (&labs::CBC, 3), (&labs::THYROID, 6)],
    procedures: &[
        sct("29303009", "Electrocardiographic procedure"),
        sct("433236007", "Transthoracic echocardiography"),
    ],
    goal: "Resting heart rate below 80 and no bleeding",
    activities: &[
        "Anticoagulation every day without gaps",
        "Renal function and blood count twice a year",
        "Fall risk review",
    ],
    opening: &[
        "{name} is a {age}-year-old {sex} with a week of palpitations and tiredness; pulse irregular at {hr}.",
        "{name}, {age}, noticed an irregular pulse on a home monitor; no syncope, no chest pain.",
    ],
    better: &[
        "{name} no longer notices palpitations; takes apixaban morning and evening, no bruising.",
        "Rhythm follow-up. Climbs stairs without trouble; no bleeding, no falls.",
    ],
    worse: &["{name} felt the heart race on three evenings and missed one day of tablets."],
    judged_new: &["Atrial fibrillation, new, ventricular rate {hr}; stroke risk warrants anticoagulation."],
    judged_better: &["Atrial fibrillation, rate controlled at {hr}."],
    judged_worse: &["Atrial fibrillation with rate {hr}, above goal."],
    plan: &[
        "Continue {meds}.",
        "Bleeding precautions reviewed; no aspirin.",
        "Blood count and creatinine before the next visit.",
    ],
    ..CHRONIC
};

pub(super) const COPD: Story = Story {
    name: "chronic obstructive pulmonary disease",
    ages: (52, 84),
    weight: 7,
    smoker: true,
    bmi_shift: -2.0,
    condition: [
        sct("13645005", "Chronic obstructive lung disease (disorder)"),
        icd("J44.9", "Chronic obstructive pulmonary disease, unspecified"),
    ],
    companions: &["hypertension", "osteoporosis", "hyperlipidemia"],
    drives: &[
        Drive(M::Saturation, (89.5, 91.5), (93.0, 95.0)),
        Drive(M::Fev1Ratio, (52.0, 60.0), (57.0, 64.0)),
        Drive(M::Breaths, (21.0, 24.0), (17.0, 20.0)),
    ],
    meds: &[Step(&drugs::ALBUTEROL, 0, None), Step(&drugs::FLUTICASONE_SALMETEROL, 1, None)],
    panels: &[(&labs::CBC, 4), (&labs::BMP, 5)],
    procedures: &[sct("127783003", "Spirometry"), sct("399208008", "Plain X-ray of chest")],
    goal: "Fewer than one exacerbation a year",
    activities: &["Pulmonary rehabilitation", "Smoking cessation counseling", "Pneumococcal and influenza vaccination"],
    opening: &[
        "{name} is a {age}-year-old {sex} with a morning cough and breathlessness on one flight of stairs; smoked for decades.",
        "{name}, {age}, has had two winters of bronchitis and stops to rest when walking with friends.",
    ],
    better: &[
        "{name} walks to the store without stopping and uses albuterol twice a week.",
        "Lung follow-up. Cough is less, sputum clear; no steroids needed since the last visit.",
    ],
    worse: &[
        "{name} is more breathless since a cold and used albuterol four times yesterday.",
        "Lung follow-up. Could not afford the inhaler last month; more cough in the mornings.",
    ],
    judged_new: &["COPD, FEV1/FVC {fev} %, saturation {spo2} % at rest."],
    judged_better: &["COPD, stable, saturation {spo2} %."],
    judged_worse: &["COPD with more symptoms, saturation {spo2} %, no sign of pneumonia."],
    plan: &[
        "Continue {meds}; inhaler technique checked.",
        "Pulmonary rehabilitation referral.",
        "Tobacco treatment offered again.",
    ],
    ..CHRONIC
};

pub(super) const ASTHMA: Story = Story {
    name: "childhood asthma",
    ages: (6, 15),
    weight: 7,
    bmi_shift: 0.0,
    condition: [
        sct("233678006", "Childhood asthma (disorder)"),
        icd("J45.30", "Mild persistent asthma, uncomplicated"),
    ],
    companions: &["allergic rhinitis"],
    drives: &[
        Drive(M::Fev1Ratio, (71.0, 77.0), (84.0, 89.0)),
        Drive(M::Breaths, (23.0, 26.0), (17.0, 20.0)),
        Drive(M::Saturation, (94.0, 95.5), (98.0, 99.0)),
    ],
    meds: &[Step(&drugs::ALBUTEROL, 0, None), Step(&drugs::FLUTICASONE, 1, None)],
    panels: &[],
    procedures: &[sct("127783003", "Spirometry")],
    goal: "No night-time cough and full participation in sports",
    activities: &[
        "Asthma action plan for home and school",
        "Avoid tobacco smoke and other triggers",
        "Yearly influenza vaccination",
    ],
    opening: &[
        "{name}, {age}, coughs at night twice a week and wheezes when running at school, says {their} parent.",
        "{name} is a {age}-year-old {sex} with recurrent wheeze since a cold this spring and an emergency visit last year.",
    ],
    better: &[
        "{name} uses the spacer every day and has needed albuterol once this month; plays soccer without stopping.",
        "Asthma follow-up. No night cough for weeks; no school missed.",
        "{name} had one cold since the last visit without wheezing. Parent follows the action plan.",
    ],
    worse: &[
        "{name} has needed albuterol most afternoons since the dust storms began.",
        "Asthma follow-up. The controller inhaler was forgotten during travel; cough returned at night.",
    ],
    judged_new: &["Persistent asthma, FEV1/FVC {fev} %, oxygen saturation {spo2} %."],
    judged_better: &["Asthma, well controlled, FEV1/FVC {fev} %."],
    judged_worse: &["Asthma, not well controlled, FEV1/FVC {fev} %."],
    plan: &[
        "Continue {meds}; spacer technique shown again.",
        "Written action plan renewed with a copy for the school nurse.",
        "Return in three months, sooner if albuterol is needed more than twice a week.",
    ],
    ..CHRONIC
};

pub(super) const RHINITIS: Story = Story {
    name: "allergic rhinitis",
    ages: (7, 60),
    weight: 4,
    bmi_shift: -0.5,
    condition: [sct("61582004", "Allergic rhinitis (disorder)"), icd("J30.9", "Allergic rhinitis, unspecified")],
    companions: &["migraine"],
    drives: &[Drive(M::Saturation, (97.0, 98.0), (98.0, 99.0))],
    meds: &[Step(&drugs::LORATADINE, 0, None)],
    panels: &[(&labs::CBC, 3), (&labs::BMP, 4)],
    goal: "Sleep and play without a blocked nose",
    activities: &["Saline rinse in pollen season", "Dust-mite covers", "Antihistamine on symptom days"],
    opening: &["{name}, {age}, sneezes through spring with itchy eyes and a runny nose."],
    better: &["{name} has a clear nose on loratadine and sleeps well."],
    worse: &["{name} has itchy eyes again since the mesquite bloom."],
    judged_new: &["Allergic rhinitis, seasonal pattern."],
    judged_better: &["Allergic rhinitis, controlled."],
    judged_worse: &["Allergic rhinitis, seasonal flare."],
    plan: &["Continue {meds}.", "Saline rinse daily in season.", "Return before next spring."],
    ..CHRONIC
};
