//! Stories of joints, head and stomach, and of growing up and growing a family.

use super::Measure as M;
use super::{CHRONIC, Drive, Setting, Step, Story, WELL};
use crate::synthetic::terms::{icd, sct};
use crate::synthetic::{drugs, labs};

pub(super) const ARTHRITIS: Story = Story {
    name: "knee osteoarthritis",
    ages: (52, 86),
    weight: 8,
    bmi_shift: 3.5,
    condition: [
        sct("239873007", "Osteoarthritis of knee (disorder)"),
        icd("M17.9", "Osteoarthritis of knee, unspecified"),
    ],
    companions: &["hypertension", "hypothyroidism", "hyperlipidemia"],
    drives: &[Drive(M::Pain, (6.0, 8.0), (2.0, 4.0)), Drive(M::WeightGain, (0.0, 0.5), (-4.0, -1.0))],
    meds: &[Step(&drugs::ACETAMINOPHEN, 0, None)],
    panels: &[(&labs::BMP, 3), (&labs::CBC, 4)],
    procedures: &[sct("91251008", "Physical therapy procedure")],
    goal: "Walk one mile with pain of 3 or less",
    activities: &["Physical therapy twice a week", "Weight reduction of 5 %", "Quadriceps exercises at home"],
    opening: &[
        "{name} is a {age}-year-old {sex} with a year of knee pain on stairs and morning stiffness under thirty minutes.",
    ],
    better: &[
        "{name} finished eight sessions of physical therapy and now walks in the park; pain {pain} of 10.",
        "Knee follow-up. Stairs are easier, one tablet of acetaminophen on most days.",
    ],
    worse: &["{name} has more knee pain after helping a relative move; pain {pain} of 10, no locking."],
    judged_new: &["Osteoarthritis of the knee, pain {pain} of 10, no effusion."],
    judged_better: &["Knee osteoarthritis, improving with exercise."],
    judged_worse: &["Knee osteoarthritis, flare after overuse."],
    plan: &["Continue {meds} as needed.", "Home exercise sheet renewed.", "Injection discussed if pain stays above 6."],
    ..CHRONIC
};

pub(super) const OSTEOPOROSIS: Story = Story {
    name: "osteoporosis",
    ages: (62, 88),
    female: Some(true),
    weight: 3,
    bmi_shift: -2.5,
    condition: [
        sct("64859006", "Osteoporosis (disorder)"),
        icd("M81.0", "Age-related osteoporosis without current pathological fracture"),
    ],
    companions: &["hypothyroidism", "hypertension", "knee osteoarthritis"],
    drives: &[Drive(M::Pain, (2.0, 4.0), (0.5, 2.0))],
    meds: &[],
    panels: &[(&labs::BMP, 2), (&labs::CBC, 3), (&labs::THYROID, 5)],
    procedures: &[sct("312681000", "Bone density scan")],
    goal: "No fracture; stable bone density",
    activities: &[
        "Weight-bearing exercise",
        "Calcium and vitamin D from diet and supplements",
        "Home fall-hazard check",
    ],
    opening: &[
        "{name} is a {age}-year-old {sex} with low bone density on a scan and height loss of 2 cm; no fractures.",
    ],
    better: &["{name} goes to tai chi twice a week and has not fallen."],
    worse: &["{name} tripped on a rug without injury and is worried about falling."],
    judged_new: &["Osteoporosis by bone density."],
    judged_better: &["Osteoporosis, no falls, exercising."],
    judged_worse: &["Osteoporosis with a recent stumble; gait steady today."],
    plan: &[
        "Calcium intake reviewed; vitamin D daily.",
        "Balance exercises shown.",
        "Bone density again in two years.",
    ],
    ..CHRONIC
};

pub(super) const MIGRAINE: Story = Story {
    name: "migraine",
    ages: (19, 58),
    weight: 5,
    condition: [
        sct("37796009", "Migraine (disorder)"),
        icd("G43.909", "Migraine, unspecified, not intractable, without status migrainosus"),
    ],
    companions: &["allergic rhinitis", "reflux"],
    drives: &[Drive(M::Pain, (6.5, 8.5), (2.0, 4.0))],
    meds: &[Step(&drugs::SUMATRIPTAN, 0, None)],
    panels: &[(&labs::CBC, 4), (&labs::BMP, 3)],
    goal: "Fewer than four headache days a month",
    activities: &["Headache diary", "Regular meals and sleep", "Triptan on no more than nine days a month"],
    opening: &[
        "{name} is a {age}-year-old {sex} with throbbing one-sided headaches twice a week, worse with light, better in the dark.",
    ],
    better: &["{name} had three migraines this quarter; sumatriptan works within an hour."],
    worse: &["{name} had weekly migraines during a stretch of night shifts; pain up to {pain} of 10."],
    judged_new: &["Migraine without aura; normal neurologic examination."],
    judged_better: &["Migraine, fewer days, good response to sumatriptan."],
    judged_worse: &["Migraine, more frequent with poor sleep."],
    plan: &["Continue {meds} at onset.", "Keep the headache diary.", "Hydration and regular sleep."],
    ..CHRONIC
};

pub(super) const REFLUX: Story = Story {
    name: "reflux",
    ages: (25, 78),
    weight: 4,
    bmi_shift: 1.5,
    condition: [
        sct("235595009", "Gastroesophageal reflux disease (disorder)"),
        icd("K21.9", "Gastro-esophageal reflux disease without esophagitis"),
    ],
    companions: &["hypertension", "allergic rhinitis"],
    drives: &[Drive(M::Pain, (4.0, 6.0), (0.5, 2.0))],
    meds: &[Step(&drugs::OMEPRAZOLE, 0, Some(3))],
    panels: &[(&labs::CBC, 3), (&labs::BMP, 4)],
    goal: "Heartburn no more than once a week",
    activities: &[
        "Supper at least three hours before bed",
        "Head of the bed raised",
        "Trial without omeprazole after symptoms settle",
    ],
    opening: &[
        "{name} is a {age}-year-old {sex} with heartburn after supper four nights a week; no trouble swallowing.",
    ],
    better: &["{name} eats earlier and has little heartburn; no cough or hoarseness."],
    worse: &["{name} has heartburn again since a run of late suppers."],
    judged_new: &["Gastroesophageal reflux without alarm symptoms."],
    judged_better: &["Reflux, controlled."],
    judged_worse: &["Reflux, returned with late meals."],
    plan: &[
        "Omeprazole before breakfast for eight weeks, then stepwise reduction.",
        "Smaller suppers; fewer fried foods.",
    ],
    ..CHRONIC
};

pub(super) const PREGNANCY: Story = Story {
    name: "normal pregnancy",
    setting: Setting::Prenatal,
    ages: (21, 39),
    female: Some(true),
    weight: 5,
    condition: [
        sct("72892002", "Normal pregnancy (finding)"),
        icd("Z34.90", "Encounter for supervision of normal pregnancy, unspecified, unspecified trimester"),
    ],
    companions: &[],
    drives: &[
        Drive(M::WeightGain, (0.2, 0.8), (9.5, 13.5)),
        Drive(M::Hemoglobin, (12.4, 13.2), (10.7, 11.6)),
        Drive(M::Pulse, (74.0, 80.0), (84.0, 92.0)),
    ],
    meds: &[Step(&drugs::FERROUS_SULFATE, 3, None)],
    panels: &[(&labs::CBC, 3)],
    procedures: &[sct("271442007", "Fetal anatomy study")],
    goal: "Healthy pregnancy and birth at term",
    activities: &[
        "Prenatal visits as scheduled",
        "Glucose screening at 24 to 28 weeks",
        "Childbirth and breastfeeding class",
    ],
    opening: &[
        "{name} is a {age}-year-old {sex} at {weeks} weeks by dates with a positive home test and mild morning nausea.",
        "First prenatal visit for {name}, {age}, at {weeks} weeks; planned pregnancy, no bleeding or cramps.",
    ],
    better: &[
        "Prenatal visit at {weeks} weeks. Feels the baby move; no bleeding, leakage or headache.",
        "{name} is at {weeks} weeks, sleeping less well but otherwise comfortable; takes the prenatal vitamin daily.",
        "Routine prenatal visit at {weeks} weeks. Nausea has gone; appetite is good.",
    ],
    worse: &["Prenatal visit at {weeks} weeks with heartburn after supper and some leg cramps at night."],
    judged_new: &["Intrauterine pregnancy at {weeks} weeks, size equal to dates."],
    judged_better: &["Pregnancy at {weeks} weeks progressing normally, blood pressure {bp}."],
    judged_worse: &["Pregnancy at {weeks} weeks; minor discomforts of pregnancy, no warning signs."],
    plan: &[
        "Prenatal vitamin with folic acid daily; warning signs reviewed.",
        "Next prenatal visit as scheduled; call for bleeding, leakage or less movement.",
        "Growth and dating appropriate; questions answered.",
    ],
    ..WELL
};

pub(super) const CHILD: Story = Story {
    name: "infant and child check-ups",
    setting: Setting::WellChild,
    ages: (1, 16),
    weight: 16,
    bmi_shift: 0.0,
    condition: [
        sct("410620009", "Well child visit (procedure)"),
        icd("Z00.129", "Encounter for routine child health examination without abnormal findings"),
    ],
    companions: &[],
    panels: &[(&labs::CBC, 4)],
    procedures: &[],
    goal: "Growth and development on track for age",
    activities: &["Well child visits by age", "Immunizations up to date", "Twice-daily tooth brushing with fluoride"],
    opening: &[
        "{name} comes with a parent for a well child visit; eats well, sleeps well, no concerns.",
        "Well child visit. Parent reports good appetite, regular stools and steady growth of {name}.",
    ],
    better: &[
        "{name} is here for a check-up; active, curious and meeting milestones according to the parent.",
        "Check-up for {name}. One cold since the last visit; otherwise healthy and growing.",
        "Well visit: {name} enjoys books and outdoor play; screen time is kept short.",
    ],
    worse: &["Check-up for {name}; a picky eater lately, otherwise well."],
    judged_new: &["Healthy child, weight {wt} kg, normal growth and development."],
    judged_better: &["Well child: growth along the curve, development appropriate for age."],
    judged_worse: &["Well child with picky eating; growth along the curve."],
    plan: &[
        "Immunizations given per schedule; risks and benefits discussed.",
        "Anticipatory guidance on sleep, safety seats and water safety.",
        "Return for the next well visit.",
    ],
    ..WELL
};
