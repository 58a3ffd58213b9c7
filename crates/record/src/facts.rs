//! What a chart says about who treats its patient, what the patient consented to, and who the patient is: the part of a
//! decision that the record computes. Held in memory for each chart, and dropped by any commit that could change it.

mod consent;
mod gather;
mod teams;
mod ties;
mod window;

use access::{Caller, Labels, Object, Relations, Traits};
use store::{Backend, ChartNo, RowNo};

use std::sync::Arc;
use std::sync::atomic::Ordering;

pub use consent::Consent;
pub use ties::{Ties, Treats};
pub use window::Window;

use crate::head::Head;
use crate::{Record, RecordError, types};

/// Types whose every change may change the facts of a chart.
const OF_CHART: [&str; 5] = ["Patient", "CareTeam", "Encounter", "Appointment", "Consent"];
/// Types through which a reference leads to a person who treats.
const OF_DIRECTORY: [&str; 2] = ["Practitioner", "PractitionerRole"];

#[derive(Default)]
pub struct ChartFacts {
    /// By practitioner: when each of them treats.
    windows: Box<[Window]>,
    /// Somebody is or was attributed, in whatever version.
    ever_attributed: bool,
    consents: Box<[Consent]>,
    /// VIP, EMPLOYEE.
    traits: Traits,
    /// Keyed hashes of the patient's family names.
    families: Box<[u64]>,
    /// Of a patient whose record is linked with others: which it replaces, and which replaces it. One side's word; both have to
    /// say it.
    links: Option<Box<Links>>,
    /// The state of the directory that references were resolved in; none where the directory has no say.
    directory: Option<u64>,
}

/// Ids of patients.
pub struct Links {
    pub own: Box<str>,
    pub replaces: Box<[Box<str>]>,
    pub replaced_by: Option<Box<str>>,
}

impl ChartFacts {
    /// How a caller stands to an object of the chart, as [`Relations::OF_CHART`].
    pub fn relations(&self, treats: &Treats<'_>, object: &Object, head: Option<&Head>) -> Relations {
        self.treating(treats).union(self.consented(treats.caller(), object, head))
    }

    /// Whether the caller treats: of all objects of the chart alike.
    pub fn treating(&self, treats: &Treats<'_>) -> Relations {
        let now_ms = treats.caller().time_ms();
        match treats.as_any(|practitioner| window::is_open(&self.windows, practitioner, now_ms)) {
            true => Relations::TREATING,
            false => Relations::NONE,
        }
    }

    /// What consents say of the object.
    pub fn consented(&self, caller: &Caller, object: &Object, head: Option<&Head>) -> Relations {
        match self.consents.is_empty() {
            true => Relations::NONE,
            false => consent::relations(&self.consents, caller, object, head),
        }
    }

    /// What the chart is, to this caller.
    pub fn traits(&self, caller: &Caller) -> Traits {
        match caller.family().is_some_and(|family| self.families.contains(&family)) {
            true => self.traits.union(Traits::SAME_NAME),
            false => self.traits,
        }
    }

    pub fn was_ever_attributed(&self) -> bool {
        self.ever_attributed
    }

    pub fn links(&self) -> Option<&Links> {
        self.links.as_deref()
    }

    fn bytes(&self) -> usize {
        let linked = self.links.as_ref().map_or(0, |links| 80 + 40 * links.replaces.len());
        let consents: usize = self.consents.iter().map(Consent::bytes).sum();
        size_of::<Self>() + size_of_val(&*self.windows) + size_of_val(&*self.families) + consents + linked + 48
    }
}

impl<B: Backend> Record<B> {
    /// The facts of a patient's chart, from memory if they are there.
    pub(crate) async fn facts(&self, chart: ChartNo) -> Result<Arc<ChartFacts>, RecordError> {
        // Before anything is looked up: who is named in the directory while this looks is looked up again next time.
        let directory = self.0.directory.load(Ordering::Acquire);
        let ticket = match self.0.facts.get(chart) {
            Ok(facts) if facts.directory.is_none_or(|seen| seen == directory) => return Ok(facts),
            Ok(_) => {
                self.0.facts.commit(chart, |_| None);
                match self.0.facts.get(chart) {
                    Ok(facts) => return Ok(facts),
                    Err(ticket) => ticket,
                }
            }
            Err(ticket) => ticket,
        };
        let facts = Arc::new(self.gather(chart, directory).await?);
        self.0.facts.fill(chart, facts.clone(), facts.bytes(), ticket);
        Ok(facts)
    }

    /// The id of the caller's own Practitioner, while it stands: one's own entry in the directory, and nothing of a patient.
    pub async fn own_practitioner(&self, caller: &Caller) -> Result<Option<String>, RecordError> {
        let Some(row) = caller.practitioner() else { return Ok(None) };
        let held = self.current(row).await?.filter(|current| !current.head.deleted());
        Ok(held
            .filter(|current| current.head.type_name() == "Practitioner")
            .map(|current| current.head.id().to_owned()))
    }

    /// The keyed hash of a family name, as chart facts hold it: what a caller's own name is compared with.
    pub fn family(&self, name: &str) -> u64 {
        self.0.keyring.family(name)
    }
}

/// Whether a version of this type may change the facts of its chart.
pub fn is_of_chart(type_code: u16) -> bool {
    OF_CHART.contains(&types::name(type_code))
}

/// Whether a version of this type may change where references lead.
pub fn is_of_directory(type_code: u16) -> bool {
    OF_DIRECTORY.contains(&types::name(type_code))
}

/// A reference to a person who treats, resolved: the Practitioner's row, if there is one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Named {
    Practitioner(RowNo),
    /// A practitioner whom the directory does not hold.
    Unknown,
}

/// Labels that codings of `Consent.provision.securityLabel` and the like name.
pub(super) fn label_of(coding: &fhir::Json<'_>) -> Labels {
    crate::labels::of_coding(coding)
}
