//! Stories whose records deserve particular discretion: mood, addiction, HIV.

use super::Measure as M;
use super::{CHRONIC, Drive, Step, Story};
use crate::synthetic::terms::{icd, sct};
use crate::synthetic::{drugs, labs};

pub(super) const DEPRESSION: Story = Story {
    name: "depression",
    ages: (19, 68),
    weight: 9,
    condition: [
        sct("370143000", "Major depressive disorder"),
        icd("F32.1", "Major depressive disorder, single episode, moderate"),
    ],
    companions: &["migraine", "hypothyroidism", "reflux"],
    drives: &[Drive(M::Phq9, (15.0, 20.0), (2.0, 6.0)), Drive(M::Gad7, (9.0, 14.0), (2.0, 6.0))],
    meds: &[Step(&drugs::SERTRALINE, 0, None)],
    panels: &[(&labs::THYROID, 4), (&labs::CBC, 6), (&labs::BMP, 4)],
    procedures: &[sct("228557008", "Cognitive and behavioral therapy")],
    goal: "PHQ-9 below 5 and return to usual activities",
    activities: &[
        "Weekly cognitive behavioral therapy",
        "Safety plan reviewed with patient",
        "Regular sleep and daily activity",
    ],
    opening: &[
        "{name} is a {age}-year-old {sex} with two months of low mood, early waking and loss of interest; no thoughts of suicide.",
        "{name}, {age}, cries easily since a separation and cannot concentrate at work; PHQ-9 is {phq}.",
    ],
    better: &[
        "{name} sleeps through most nights, has gone back to choir and finds therapy useful. PHQ-9 {phq}.",
        "Mood follow-up. Fewer bad days, appetite back; no side effects of sertraline apart from brief nausea.",
        "{name} reports steady mood and has returned to work full time. PHQ-9 {phq}.",
    ],
    worse: &[
        "{name} skipped sertraline for two weeks and feels flat again; PHQ-9 {phq}, no suicidal thoughts.",
        "Mood follow-up. Anniversary of a loss this month; poor sleep, still attending therapy.",
    ],
    judged_new: &["Major depressive disorder, moderate, PHQ-9 {phq}, no current safety concern."],
    judged_better: &["Depression responding to treatment, PHQ-9 {phq}.", "Depression near remission, PHQ-9 {phq}."],
    judged_worse: &["Depression, partial response, PHQ-9 {phq}."],
    plan: &[
        "Continue {meds} and weekly therapy.",
        "Crisis line and clinic numbers given; safety plan up to date.",
        "Repeat PHQ-9 at the next visit.",
    ],
    ..CHRONIC
};

pub(super) const ANXIETY: Story = Story {
    name: "generalized anxiety",
    ages: (19, 64),
    weight: 5,
    condition: [sct("21897009", "Generalized anxiety disorder"), icd("F41.1", "Generalized anxiety disorder")],
    companions: &["migraine", "reflux"],
    drives: &[Drive(M::Gad7, (13.0, 18.0), (3.0, 6.0)), Drive(M::Phq9, (6.0, 9.0), (2.0, 4.0))],
    meds: &[Step(&drugs::SERTRALINE, 1, None)],
    panels: &[(&labs::THYROID, 5), (&labs::CBC, 5), (&labs::BMP, 4)],
    procedures: &[sct("228557008", "Cognitive and behavioral therapy")],
    goal: "GAD-7 below 5",
    activities: &["Cognitive behavioral therapy", "Breathing exercises twice a day", "Less caffeine"],
    opening: &["{name} is a {age}-year-old {sex} who worries for hours each day and cannot relax; GAD-7 {gad}."],
    better: &["{name} uses breathing exercises and sleeps well; GAD-7 {gad}."],
    worse: &["{name} had two panic attacks during exams; GAD-7 {gad}."],
    judged_new: &["Generalized anxiety disorder, GAD-7 {gad}."],
    judged_better: &["Anxiety, much improved, GAD-7 {gad}."],
    judged_worse: &["Anxiety, not yet controlled, GAD-7 {gad}."],
    plan: &["Continue therapy and current treatment.", "Limit caffeine to mornings.", "GAD-7 at each visit."],
    ..CHRONIC
};

pub(super) const ALCOHOL: Story = Story {
    name: "alcohol use disorder",
    ages: (28, 66),
    weight: 3,
    condition: [sct("66590003", "Alcohol dependence (disorder)"), icd("F10.20", "Alcohol dependence, uncomplicated")],
    companions: &["hypertension", "reflux"],
    drives: &[
        Drive(M::AuditC, (9.0, 11.5), (0.5, 3.0)),
        Drive(M::Alt, (72.0, 110.0), (26.0, 40.0)),
        Drive(M::Triglycerides, (190.0, 240.0), (130.0, 160.0)),
    ],
    meds: &[Step(&drugs::NALTREXONE, 0, None)],
    panels: &[(&labs::LIVER, 2), (&labs::CBC, 4), (&labs::BMP, 4)],
    procedures: &[sct("413473000", "Counseling about alcohol consumption")],
    goal: "Ninety days without a drink",
    activities: &["Weekly mutual-help group", "Naltrexone with monthly review", "Liver enzymes every six months"],
    opening: &[
        "{name} is a {age}-year-old {sex} asking for help to stop drinking; eight drinks a day, AUDIT-C {audit}, no seizures.",
        "{name}, {age}, was urged to come by family after missing work; drinks every evening, AUDIT-C {audit}.",
    ],
    better: &[
        "{name} has had no drink for six weeks and goes to a group twice a week; cravings are fewer with naltrexone.",
        "Follow-up of alcohol use. Sleeping better, back at work; one lapse since the last visit. AUDIT-C {audit}.",
    ],
    worse: &["{name} drank on two weekends after a layoff and wants to try again. AUDIT-C {audit}."],
    judged_new: &["Alcohol use disorder, severe; no withdrawal signs today."],
    judged_better: &["Alcohol use disorder, in early remission, ALT {alt} U/L."],
    judged_worse: &["Alcohol use disorder with a recent lapse; motivated."],
    plan: &[
        "Continue {meds} and group support.",
        "Thiamine-rich diet advised; recheck aminotransferases.",
        "Return in four weeks.",
    ],
    ..CHRONIC
};

pub(super) const OPIOID: Story = Story {
    name: "opioid use disorder",
    ages: (22, 58),
    weight: 2,
    condition: [sct("75544000", "Opioid dependence (disorder)"), icd("F11.20", "Opioid dependence, uncomplicated")],
    companions: &["depression"],
    drives: &[Drive(M::Phq9, (10.0, 14.0), (3.0, 7.0)), Drive(M::Pain, (4.0, 6.0), (1.0, 3.0))],
    meds: &[Step(&drugs::BUPRENORPHINE_NALOXONE, 0, None)],
    panels: &[(&labs::LIVER, 2), (&labs::CBC, 4), (&labs::BMP, 4)],
    procedures: &[sct("60112009", "Drug addiction counseling")],
    goal: "Stay in treatment and free of non-prescribed opioids",
    activities: &["Buprenorphine/naloxone daily", "Naloxone kit at home", "Recovery counseling"],
    opening: &[
        "{name} is a {age}-year-old {sex} who became dependent on pain tablets after surgery and asks for treatment.",
    ],
    better: &[
        "{name} takes the tablet daily, has no cravings and has started a new job.",
        "Recovery follow-up. Sleeping well, in touch with family again, no use since the last visit.",
    ],
    worse: &["{name} used once after an argument and called the clinic the next day."],
    judged_new: &["Opioid use disorder; mild withdrawal today, suitable for office induction."],
    judged_better: &["Opioid use disorder on maintenance, stable."],
    judged_worse: &["Opioid use disorder with one lapse; engaged in care."],
    plan: &["Continue {meds}.", "Naloxone kit confirmed at home.", "Weekly, then monthly visits; some by video."],
    ..CHRONIC
};

pub(super) const HIV: Story = Story {
    name: "HIV infection",
    ages: (23, 62),
    weight: 2,
    condition: [
        sct("86406008", "Human immunodeficiency virus infection (disorder)"),
        icd("Z21", "Asymptomatic human immunodeficiency virus [HIV] infection status"),
    ],
    companions: &["hyperlipidemia", "depression"],
    drives: &[Drive(M::ViralLoad, (28_000.0, 61_000.0), (0.0, 12.0)), Drive(M::Cd4, (310.0, 420.0), (590.0, 760.0))],
    meds: &[Step(&drugs::BICTEGRAVIR, 0, None)],
    panels: &[(&labs::HIV_MONITORING, 1), (&labs::BMP, 3), (&labs::CBC, 4)],
    procedures: &[],
    goal: "Viral load below 20 copies/mL",
    activities: &["Daily antiretroviral therapy", "Viral load every three to six months", "Partner services offered"],
    opening: &[
        "{name} is a {age}-year-old {sex} referred after a reactive HIV screening test; feels well, no weight loss.",
    ],
    better: &[
        "{name} takes the combination tablet every day and has missed none this month.",
        "Follow-up of HIV. No side effects; feels well and works full time.",
    ],
    worse: &["{name} missed several doses while travelling and is worried about the viral load."],
    judged_new: &["HIV infection, asymptomatic, CD4 {cd4}, viral load {vl} copies/mL."],
    judged_better: &["HIV infection responding to therapy, CD4 {cd4}, viral load {vl} copies/mL."],
    judged_worse: &["HIV infection; adherence discussed, CD4 {cd4}."],
    plan: &["Continue {meds}; adherence aids offered.", "Viral load and CD4 at the next visit.", "Vaccines reviewed."],
    ..CHRONIC
};
