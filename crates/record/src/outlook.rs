//! How somebody stands to the parts of a chart, before anything of them is asked for: what a page says instead of showing an
//! empty list that would read as "there is none".

use access::{Action, Caller, ChartNo, Labels, Traits, TypeRef};
use store::Backend;

use crate::standing::Subject;
use crate::{Record, RecordError, Refusal, ResourceKey, Version, charts, types};

/// A part of a chart: resources of a type, or the vital signs among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facet {
    pub kind: TypeRef,
    pub is_vital_sign: bool,
}

pub struct Outlook {
    /// What glass is broken for.
    pub chart: ChartNo,
    /// For each facet whether an ordinary resource of it is open.
    pub facets: Vec<Result<(), Refusal>>,
}

impl<B: Backend> Record<B> {
    /// Asks policy about an ordinary resource of each facet: one that holds now, bears no label and was written by somebody
    /// else. That tells how the caller stands to the chart of a patient whom they were shown, and nothing of what is in it, so
    /// it discloses nothing. Each search that follows is decided hit by hit, and audited.
    pub async fn outlook(&self, caller: &Caller, patient: &Version, facets: &[Facet]) -> Result<Outlook, RecordError> {
        let key = ResourceKey::parse("Patient", patient.id()).filter(|key| key.kind.name == patient.type_name());
        let Some(current) = self.find(&key.ok_or(RecordError::NotFound)?).await? else {
            return Err(RecordError::NotFound);
        };
        let chart = current.head.chart;
        if !charts::is_patient(chart) {
            return Err(RecordError::Damaged);
        }
        let policies = self.policies();
        let mut answers = Vec::with_capacity(facets.len());
        for facet in facets {
            let traits = if facet.is_vital_sign { Traits::VITAL_SIGNS } else { Traits::NONE };
            let subject = Subject {
                kind: types::reference(facet.kind.code),
                row: None,
                chart,
                labels: Labels::NONE,
                traits: traits.union(Traits::CURRENT),
                originator: None,
            };
            let object = self.stood(caller, subject, None).await?;
            let decided = policies.decide(caller, Action::Search, &object);
            answers.push(decided.map(drop).map_err(|denial| Refusal::from(&denial)));
        }
        Ok(Outlook { chart: ChartNo(chart), facets: answers })
    }
}
