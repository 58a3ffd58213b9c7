//! What an outpatient clinic orders often: the organization's starter list, and sets of orders that go together.
//!
//! Codes are LOINC. Laboratory codes and displays are those of the synthetic charts (`deid`) and of the Synthea samples; imaging is from
//! the value set c80-doc-typecodes of hl7.fhir.r4.core 4.0.1; specialties are SNOMED CT, from c80-practice-codes of the same.

/// What kind of thing is ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Laboratory,
    Imaging,
    Referral,
}

/// How soon. The codes are those of R4 request-priority.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Priority {
    Routine,
    Urgent,
    Asap,
    Stat,
}

pub struct Item {
    /// As forms and favourites name it.
    pub id: &'static str,
    pub kind: Kind,
    pub name: &'static str,
    pub code: &'static str,
    pub display: &'static str,
}

/// Orders that are placed together; each can be left out.
pub struct Set {
    pub id: &'static str,
    pub name: &'static str,
    pub items: &'static [&'static str],
}

/// A specialty to which patients are referred: SNOMED CT.
pub struct Specialty {
    pub code: &'static str,
    pub name: &'static str,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::Laboratory, Kind::Imaging, Kind::Referral];

    pub fn words(self) -> &'static str {
        match self {
            Kind::Laboratory => "Laboratory",
            Kind::Imaging => "Imaging",
            Kind::Referral => "Referral",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Kind::Laboratory => "laboratory",
            Kind::Imaging => "imaging",
            Kind::Referral => "referral",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// SNOMED CT: R4 servicerequest-category, and "Patient referral".
    pub fn category(self) -> (&'static str, &'static str) {
        match self {
            Kind::Laboratory => ("108252007", "Laboratory procedure"),
            Kind::Imaging => ("363679005", "Imaging"),
            Kind::Referral => ("3457005", "Patient referral"),
        }
    }

    /// Days in which a result or an answer is expected, where nobody named a day: our own, to be set by the organization later.
    pub fn days(self, priority: Priority) -> i64 {
        match (self, priority) {
            (_, Priority::Stat) => 1,
            (Kind::Laboratory, Priority::Asap) => 1,
            (Kind::Laboratory, Priority::Urgent) => 3,
            (Kind::Laboratory, Priority::Routine) => 14,
            (Kind::Imaging, Priority::Asap) => 2,
            (Kind::Imaging, Priority::Urgent) => 7,
            (Kind::Imaging, Priority::Routine) => 30,
            (Kind::Referral, Priority::Asap) => 3,
            (Kind::Referral, Priority::Urgent) => 14,
            (Kind::Referral, Priority::Routine) => 60,
        }
    }
}

impl Priority {
    pub const ALL: [Priority; 4] = [Priority::Routine, Priority::Urgent, Priority::Asap, Priority::Stat];

    pub fn code(self) -> &'static str {
        match self {
            Priority::Routine => "routine",
            Priority::Urgent => "urgent",
            Priority::Asap => "asap",
            Priority::Stat => "stat",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Priority::Routine => "Routine",
            Priority::Urgent => "Urgent",
            Priority::Asap => "As soon as possible",
            Priority::Stat => "At once (stat)",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.code() == code)
    }
}

const fn lab(id: &'static str, name: &'static str, code: &'static str, display: &'static str) -> Item {
    Item { id, kind: Kind::Laboratory, name, code, display }
}

const fn image(id: &'static str, name: &'static str, code: &'static str, display: &'static str) -> Item {
    Item { id, kind: Kind::Imaging, name, code, display }
}

pub static ITEMS: [Item; 33] = [
    lab("cbc", "Complete blood count", "58410-2", "CBC panel - Blood by Automated count"),
    lab("bmp", "Basic metabolic panel", "24321-2", "Basic metabolic 2000 panel - Serum or Plasma"),
    lab("cmp", "Comprehensive metabolic panel", "24323-8", "Comprehensive metabolic 2000 panel - Serum or Plasma"),
    lab("lipid", "Lipid panel", "24331-1", "Lipid 1996 panel - Serum or Plasma"),
    lab("a1c", "Hemoglobin A1c", "4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood"),
    lab("glucose", "Glucose", "2345-7", "Glucose [Mass/volume] in Serum or Plasma"),
    lab("creatinine", "Creatinine", "2160-0", "Creatinine [Mass/volume] in Serum or Plasma"),
    lab("potassium", "Potassium", "2823-3", "Potassium [Moles/volume] in Serum or Plasma"),
    lab("uacr", "Urine albumin/creatinine ratio", "9318-7", "Albumin/Creatinine [Mass Ratio] in Urine"),
    lab("tsh", "TSH", "3016-3", "Thyrotropin [Units/volume] in Serum or Plasma"),
    lab("t4", "Free T4", "3024-7", "Thyroxine (T4) free [Mass/volume] in Serum or Plasma"),
    lab("alt", "ALT", "1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma"),
    lab("ast", "AST", "1920-8", "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma"),
    lab("bilirubin", "Total bilirubin", "1975-2", "Bilirubin.total [Mass/volume] in Serum or Plasma"),
    lab("probnp", "NT-proBNP", "33762-6", "NT-proBNP"),
    lab(
        "hiv",
        "HIV screen, antigen and antibody",
        "56888-1",
        "HIV 1+2 Ab+HIV1 p24 Ag [Presence] in Serum or Plasma by Immunoassay",
    ),
    lab(
        "fit",
        "Stool blood, immunochemical (FIT)",
        "57905-2",
        "Hemoglobin.gastrointestinal [Presence] in Stool by Immunologic method",
    ),
    image("chest", "Chest X-ray, PA and lateral", "42272-5", "Chest X-ray PA and lateral"),
    image("knee", "Knee X-ray, AP and lateral", "36709-4", "Knee X-ray AP and lateral"),
    image("foot", "Foot X-ray", "24709-8", "Foot X-ray"),
    image("ankle", "Ankle X-ray", "24541-5", "Ankle X-ray"),
    image("hand", "Hand X-ray", "28582-5", "Hand X-ray"),
    image("hip", "Hip X-ray", "24762-7", "Hip X-ray"),
    image("shoulder", "Shoulder X-ray", "24909-4", "Shoulder X-ray"),
    image("lumbar", "Lumbar spine X-ray, AP and lateral", "24970-6", "Spine Lumbar X-ray AP and lateral"),
    image("mammogram", "Screening mammogram, both breasts", "26175-0", "Breast - bilateral Mammogram screening"),
    image("dxa", "Bone density (DXA)", "38268-9", "Skeletal system DXA Bone density"),
    image("abdomen-us", "Abdominal ultrasound", "24558-9", "Abdomen US"),
    image("kidney-us", "Kidney ultrasound, both", "43774-9", "Kidney - bilateral US"),
    image("thyroid-us", "Thyroid ultrasound", "25010-0", "Thyroid US"),
    image("echo", "Echocardiogram, transthoracic", "59281-6", "Transthoracic cardiac echo study report US"),
    image("chest-ct", "Chest CT without contrast", "29252-4", "Chest CT WO contrast"),
    image("head-ct", "Head CT without contrast", "30799-1", "Head CT WO contrast"),
];

pub static SETS: [Set; 5] = [
    Set { id: "diabetes", name: "Diabetes follow-up", items: &["a1c", "bmp", "lipid", "uacr"] },
    Set { id: "pressure", name: "High blood pressure, yearly", items: &["bmp", "lipid", "uacr"] },
    Set { id: "thyroid", name: "Thyroid replacement", items: &["tsh", "t4"] },
    Set { id: "statin", name: "Before and during a statin", items: &["lipid", "alt", "ast"] },
    Set { id: "heart", name: "Breathless, heart suspected", items: &["cbc", "bmp", "tsh", "probnp", "chest", "echo"] },
];

pub static SPECIALTIES: [Specialty; 18] = [
    Specialty { code: "394579002", name: "Cardiology" },
    Specialty { code: "394582007", name: "Dermatology" },
    Specialty { code: "394583002", name: "Endocrinology" },
    Specialty { code: "394584008", name: "Gastroenterology" },
    Specialty { code: "394609007", name: "General surgery" },
    Specialty { code: "394811001", name: "Geriatric medicine" },
    Specialty { code: "394803006", name: "Hematology" },
    Specialty { code: "394807007", name: "Infectious diseases" },
    Specialty { code: "394589003", name: "Nephrology" },
    Specialty { code: "394591006", name: "Neurology" },
    Specialty { code: "394585009", name: "Obstetrics and gynecology" },
    Specialty { code: "394593009", name: "Oncology" },
    Specialty { code: "394594003", name: "Ophthalmology" },
    Specialty { code: "394801008", name: "Orthopedics" },
    Specialty { code: "418960008", name: "Otolaryngology" },
    Specialty { code: "394587001", name: "Psychiatry" },
    Specialty { code: "418112009", name: "Pulmonary medicine" },
    Specialty { code: "394612005", name: "Urology" },
];

pub fn item(id: &str) -> Option<&'static Item> {
    ITEMS.iter().find(|item| item.id == id)
}

pub fn set(id: &str) -> Option<&'static Set> {
    SETS.iter().find(|set| set.id == id)
}

pub fn specialty(code: &str) -> Option<&'static Specialty> {
    SPECIALTIES.iter().find(|one| one.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_item_stands_once_and_sets_name_what_is_there() {
        assert_eq!(ITEMS.iter().map(|one| one.id).collect::<BTreeSet<_>>().len(), ITEMS.len());
        assert_eq!(ITEMS.iter().map(|one| one.code).collect::<BTreeSet<_>>().len(), ITEMS.len());
        for named in SETS.iter().flat_map(|set| set.items) {
            assert!(item(named).is_some(), "{named}");
        }
        // LOINC's check digit (Mod 10).
        for one in &ITEMS {
            let Some((digits, check)) = one.code.split_once('-') else { panic!("{}", one.code) };
            let sum: u32 = digits
                .bytes()
                .rev()
                .enumerate()
                .map(|(at, digit)| {
                    let digit = u32::from(digit - b'0') * if at % 2 == 0 { 2 } else { 1 };
                    digit / 10 + digit % 10
                })
                .sum();
            assert_eq!(check, ((10 - sum % 10) % 10).to_string(), "{}", one.code);
        }
    }

    #[test]
    fn the_sooner_it_is_wanted_the_sooner_it_is_missed() {
        for kind in Kind::ALL {
            let days = Priority::ALL.map(|priority| kind.days(priority));
            assert!(days.is_sorted_by(|a, b| a >= b), "{kind:?} {days:?}");
        }
    }
}
