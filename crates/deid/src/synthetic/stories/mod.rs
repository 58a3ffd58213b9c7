//! The care stories: what the illness is, how it moves the body, how it is treated and what people say about it.
//!
//! A story is data; `chart` plays it over a patient's visits. The prose uses the placeholders that `notes::fill`
//! knows.

mod circulation;
mod everyday;
mod metabolic;
mod mind;

use super::drugs::Med;
use super::labs::{self, Panel};
use super::terms::{Coding, icd, sct};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Systolic,
    Diastolic,
    Pulse,
    Breaths,
    Saturation,
    Celsius,
    WeightGain,
    A1c,
    Ldl,
    Hdl,
    Triglycerides,
    Tsh,
    FreeT4,
    Creatinine,
    Hemoglobin,
    Alt,
    UrineAlbumin,
    ViralLoad,
    Cd4,
    Phq9,
    Gad7,
    AuditC,
    Pain,
    Fev1Ratio,
}
pub(super) const MEASURES: usize = 24;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    /// An illness found at the first visit and followed for years.
    Chronic,
    /// Yearly check-ups of a healthy adult.
    Well,
    /// Check-ups of a child by age.
    WellChild,
    Prenatal,
}

/// From where to where a measure moves: untreated and treated ranges. Creatinine is given as the eGFR it stands for,
/// since the same creatinine means different stages of kidney disease by sex and age.
pub(super) struct Drive(pub(super) Measure, pub(super) (f64, f64), pub(super) (f64, f64));

/// A drug from one visit since the diagnosis on, until another where it is replaced.
pub(super) struct Step(pub(super) &'static Med, pub(super) usize, pub(super) Option<usize>);

pub(super) struct Story {
    pub(super) name: &'static str,
    pub(super) setting: Setting,
    pub(super) ages: (i32, i32),
    pub(super) female: Option<bool>,
    pub(super) weight: u32,
    pub(super) smoker: bool,
    pub(super) bmi_shift: f64,
    /// SNOMED CT and ICD-10-CM; a check-up has the encounter's type in the place of the former.
    pub(super) condition: [Coding; 2],
    pub(super) companions: &'static [&'static str],
    pub(super) drives: &'static [Drive],
    pub(super) meds: &'static [Step],
    /// Panels and at which visits: every n-th from the first.
    pub(super) panels: &'static [(&'static Panel, usize)],
    pub(super) procedures: &'static [Coding],
    pub(super) goal: &'static str,
    pub(super) activities: &'static [&'static str],
    pub(super) opening: &'static [&'static str],
    pub(super) better: &'static [&'static str],
    pub(super) worse: &'static [&'static str],
    pub(super) judged_new: &'static [&'static str],
    pub(super) judged_better: &'static [&'static str],
    pub(super) judged_worse: &'static [&'static str],
    pub(super) plan: &'static [&'static str],
}

const WELL: Story = Story {
    name: "wellness",
    setting: Setting::Well,
    ages: (20, 79),
    female: None,
    weight: 8,
    smoker: false,
    bmi_shift: -1.0,
    condition: [
        sct("162673000", "General examination of patient (procedure)"),
        icd("Z00.00", "Encounter for general adult medical examination without abnormal findings"),
    ],
    companions: &["allergic rhinitis", "migraine", "reflux"],
    drives: &[],
    meds: &[],
    panels: &[(&labs::BMP, 1), (&labs::LIPID, 1), (&labs::CBC, 2)],
    procedures: &[],
    goal: "Exercise for 150 minutes each week",
    activities: &["Annual preventive visit", "Age-appropriate cancer screening", "Seasonal influenza vaccination"],
    opening: &[
        "{name} is a {age}-year-old {sex} here for an annual physical and has no complaints.",
        "{name}, {age}, comes for a preventive visit; feels well and sleeps seven hours most nights.",
        "Routine health maintenance visit for {name}, {age}; walks daily and eats a mixed diet.",
    ],
    better: &[
        "{name} returns for a yearly check-up, feels well and has had no hospital visits since the last one.",
        "Here for health maintenance. Energy is good; no chest pain, dyspnea or change in bowel habits.",
    ],
    worse: &["{name} is here for a check-up and mentions more stress at work than last year."],
    judged_new: &["Healthy {age}-year-old with an unremarkable examination."],
    judged_better: &["Health maintenance: doing well, BMI {bmi}, blood pressure {bp}."],
    judged_worse: &["Generally healthy; stress discussed, no red flags."],
    plan: &[
        "Reviewed screening and immunization schedule.",
        "Encouraged regular aerobic exercise and a diet rich in vegetables.",
        "Return in one year or sooner if needed.",
    ],
};

const CHRONIC: Story = Story { setting: Setting::Chronic, procedures: &[], ..WELL };

/// The first patients live these in order; `weight` is how common each is afterwards.
pub(super) static STORIES: [Story; 21] = [
    metabolic::DIABETES,
    circulation::HYPERTENSION,
    everyday::PREGNANCY,
    circulation::ASTHMA,
    mind::DEPRESSION,
    everyday::CHILD,
    mind::ALCOHOL,
    mind::HIV,
    circulation::COPD,
    metabolic::HYPOTHYROIDISM,
    metabolic::HYPERLIPIDEMIA,
    metabolic::KIDNEY,
    circulation::FIBRILLATION,
    everyday::ARTHRITIS,
    mind::OPIOID,
    everyday::MIGRAINE,
    everyday::REFLUX,
    everyday::OSTEOPOROSIS,
    mind::ANXIETY,
    circulation::RHINITIS,
    WELL,
];
