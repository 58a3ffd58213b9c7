//! What a chart is made of, and asking for it: each part is a search of its own, so that the log names it with its purpose.

use fhir::Json;
use futures_util::future::try_join_all;
use record::{Facet, Outlook, RecordError, Refusal as Denied, Version};

use crate::clinic::ask::{Asking, Sheet, known};
use crate::refusal::Refusal;

/// A panel, or a half of one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Allergies,
    Flags,
    Problems,
    Prescriptions,
    /// Those that came to their end since one last looked; not asked at a first look.
    Ended,
    Statements,
    Vitals,
    Results,
    Notes,
    Plans,
    Encounters,
    Appointments,
    Orders,
    CareTeam,
    Immunizations,
    Documents,
}

const ALL: [Part; 16] = [
    Part::Allergies,
    Part::Flags,
    Part::Problems,
    Part::Prescriptions,
    Part::Ended,
    Part::Statements,
    Part::Vitals,
    Part::Results,
    Part::Notes,
    Part::Plans,
    Part::Encounters,
    Part::Appointments,
    Part::Orders,
    Part::CareTeam,
    Part::Immunizations,
    Part::Documents,
];

/// What was asked of a chart and came back.
pub struct Parts(Vec<(Part, Shown)>);

pub enum Shown {
    /// Open: an empty list means that there is none.
    Open(Sheet),
    /// Open in part: an empty list means nothing.
    InPart(Sheet),
    /// Not for this role, or withheld: not drawn.
    Closed,
}

impl Shown {
    fn sheet(&self) -> Option<&Sheet> {
        match self {
            Shown::Open(sheet) | Shown::InPart(sheet) => Some(sheet),
            Shown::Closed => None,
        }
    }
}

/// What questions depend on.
#[derive(Default)]
pub struct When {
    /// The day at the clinic, as FHIR writes it.
    pub today: String,
    /// When one looked before, as FHIR writes it.
    pub since: Option<String>,
}

/// How a chart stands to a caller as a whole.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Open,
    /// Policy says that it is withheld and may be told of.
    Withheld,
    /// The role sees parts of charts, and nothing of this one.
    NotTreating,
    /// The role sees nothing of any chart.
    NotYours,
}

impl Part {
    /// Type, and the search beside the patient.
    fn question(self, when: &When) -> (&'static str, Vec<(&'static str, String)>) {
        let (kind, fixed): (_, &[(&str, &str)]) = match self {
            Part::Allergies => ("AllergyIntolerance", &[("_count", "100")]),
            Part::Flags => ("Flag", &[("_count", "50")]),
            Part::Problems => ("Condition", &[("category:not", "encounter-diagnosis"), ("_count", "200")]),
            Part::Prescriptions => (
                "MedicationRequest",
                &[("status", "active,on-hold,draft"), ("_sort", "-authoredon"), ("_count", "100")],
            ),
            Part::Ended => {
                let over = "stopped,completed,cancelled,entered-in-error".to_owned();
                let since = format!("gt{}", when.since.as_deref().unwrap_or_default());
                let pairs = vec![("status", over), ("_lastUpdated", since), ("_count", "50".to_owned())];
                return ("MedicationRequest", pairs);
            }
            Part::Statements => ("MedicationStatement", &[("status", "active,on-hold"), ("_count", "100")]),
            Part::Vitals => ("Observation", &[("category", "vital-signs"), ("_sort", "-date"), ("_count", "200")]),
            Part::Results => ("Observation", &[("category", "laboratory"), ("_sort", "-date"), ("_count", "250")]),
            // What was added to a note stands under it.
            Part::Notes => (
                "DocumentReference",
                &[("category", "clinical-note"), ("relation:not", "appends"), ("_sort", "-date"), ("_count", "3")],
            ),
            Part::Plans => ("CarePlan", &[("status", "active"), ("_count", "20")]),
            Part::Encounters => ("Encounter", &[("_sort", "-date"), ("_count", "12")]),
            Part::Appointments => {
                let (kind, open) = ("Appointment", "booked,pending,arrived,checked-in,proposed");
                let asked = [("status", open), ("_sort", "date"), ("_count", "5")];
                let mut pairs: Vec<_> = asked.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
                pairs.push(("date", format!("ge{}", when.today)));
                return (kind, pairs);
            }
            Part::Orders => {
                ("ServiceRequest", &[("status", "active,on-hold,draft"), ("_sort", "-authored"), ("_count", "50")])
            }
            Part::CareTeam => ("CareTeam", &[("status", "active"), ("_count", "20")]),
            Part::Immunizations => ("Immunization", &[("status", "completed"), ("_sort", "-date"), ("_count", "200")]),
            Part::Documents => ("DocumentReference", &[("_sort", "-date"), ("_count", "12")]),
        };
        (kind, fixed.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
    }
}

/// How the caller stands to each part.
pub async fn outlook(asking: &Asking<'_>, patient: &Version) -> Result<Outlook, Refusal> {
    let facet = |part: &Part| {
        let (kind, _) = part.question(&When::default());
        Ok(Facet { kind: known(kind)?, is_vital_sign: *part == Part::Vitals })
    };
    let facets = ALL.iter().map(facet).collect::<Result<Vec<_>, Refusal>>()?;
    Ok(asking.record.outlook(asking.caller, patient, &facets).await?)
}

pub fn standing(outlook: &Outlook) -> Standing {
    let any = |wanted: Result<(), Denied>| outlook.facets.contains(&wanted);
    if any(Ok(())) {
        Standing::Open
    } else if any(Err(Denied::Withheld)) {
        Standing::Withheld
    } else if any(Err(Denied::Absent)) {
        Standing::NotTreating
    } else {
        Standing::NotYours
    }
}

impl Parts {
    /// Asks for all that is open, at once: the log makes them durable together.
    pub async fn of(asking: &Asking<'_>, outlook: &Outlook, patient_id: &str, when: &When) -> Result<Self, Refusal> {
        let each = ALL.iter().zip(&outlook.facets).map(async |(part, outlook)| {
            if *part == Part::Ended && when.since.is_none() {
                return Ok((*part, Shown::Closed));
            }
            let is_whole = match outlook {
                Ok(()) => true,
                Err(Denied::Absent) => false,
                Err(Denied::Never | Denied::Withheld) => return Ok((*part, Shown::Closed)),
            };
            let (kind, pairs) = part.question(when);
            let mut asked: Vec<(&str, &str)> = vec![("patient", patient_id)];
            asked.extend(pairs.iter().map(|(name, value)| (*name, value.as_str())));
            match asking.search_if_ever(kind, &asked).await {
                Ok(sheet) if is_whole => Ok((*part, Shown::Open(sheet))),
                Ok(sheet) if !sheet.resources().is_empty() => Ok((*part, Shown::InPart(sheet))),
                Ok(_) => Ok((*part, Shown::Closed)),
                // An organization's own policy may hide what is asked by.
                Err(Refusal::Record(RecordError::Denied(_) | RecordError::HiddenParameter { .. })) => {
                    Ok((*part, Shown::Closed))
                }
                Err(refusal) => Err(refusal),
            }
        });
        Ok(Self(try_join_all(each).await?))
    }

    pub fn sheets(&self) -> impl Iterator<Item = &Sheet> {
        self.sheets_beside(&[])
    }

    pub fn sheets_beside(&self, parts: &[Part]) -> impl Iterator<Item = &Sheet> {
        let others = self.0.iter().filter(|(part, _)| !parts.contains(part));
        others.filter_map(|(_, shown)| shown.sheet())
    }

    /// Of a part; none of what is closed.
    pub fn resources(&self, part: Part) -> Vec<Json<'_>> {
        self.get(part).map(|(sheet, _)| sheet.resources()).unwrap_or_default()
    }

    /// What came back, and whether it is all.
    pub fn get(&self, part: Part) -> Option<(&Sheet, bool)> {
        self.0.iter().find(|(one, _)| *one == part).and_then(|(_, shown)| match shown {
            Shown::Open(sheet) => Some((sheet, true)),
            Shown::InPart(sheet) => Some((sheet, false)),
            Shown::Closed => None,
        })
    }
}
