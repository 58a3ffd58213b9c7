//! Into whose hands something of a patient may be given: who treats them by name, has an account that works, and would be let read it and
//! end it. What nobody could open is given to nobody.

use std::collections::BTreeSet;

use access::Action;
use fhir::Json;
use record::ResourceKey;

use super::ask::Asking;
use super::names::Names;
use super::read::{all, reference};
use super::task;
use crate::Web;
use crate::refusal::Refusal;

/// What it is that somebody is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// To do something, or to see to a task.
    Task,
    /// To see to a message: they read it, too.
    Message,
    /// To see to an order, which ends on its own page.
    Order,
    /// To stand by a note that somebody else wrote: who has a licence.
    Cosign,
}

/// What is to be given to somebody.
pub struct Given<'g> {
    pub what: Asked,
    /// It is as sensitive as this, which the caller was shown: type and id.
    pub like: Option<(&'g str, &'g str)>,
    /// A Practitioner's id: who asked for it. It may go back to them, but nobody co-signs what they wrote.
    pub asked_by: Option<&'g str>,
}

impl Asked {
    fn acts(self) -> &'static [(Action, &'static str)] {
        const TASK: (Action, &str) = (Action::Read, "Task");
        const ENDS: (Action, &str) = (Action::Update, "Task");
        match self {
            Asked::Task => &[TASK, ENDS],
            Asked::Message => &[TASK, ENDS, (Action::Create, "Task"), (Action::Read, "Communication")],
            Asked::Order => &[TASK, ENDS, (Action::Read, "ServiceRequest")],
            Asked::Cosign => &[TASK, ENDS, (Action::Read, "DocumentReference"), (Action::Create, "Provenance")],
        }
    }
}

/// Practitioners by id and name. Oneself is among them, but not to co-sign.
pub async fn people(
    web: &Web,
    asking: &Asking<'_>,
    patient: &str,
    own: Option<&str>,
    given: &Given<'_>,
) -> Result<Vec<(String, String)>, Refusal> {
    let teams = [("patient", patient), ("status", "active"), ("_count", "20")];
    let teams = asking.search_if_ever("CareTeam", &teams).await?;
    let mut ids: Vec<String> = own.into_iter().chain(given.asked_by).map(str::to_owned).collect();
    for team in teams.resources() {
        let members = all(&team, "participant").iter().filter_map(|one| reference(one.get("member")?));
        ids.extend(members.filter(|(kind, _)| *kind == "Practitioner").map(|(_, id)| id.to_owned()));
    }
    let mut seen = BTreeSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    let able = able(web, asking, &ids, given).await?;
    let is_cosign = given.what == Asked::Cosign;
    // Who sees this page sees to it, and nobody is asked to co-sign by themselves.
    ids.retain(|id| if Some(id.as_str()) == own { !is_cosign } else { able.contains(id) });
    ids.retain(|id| !is_cosign || Some(id.as_str()) != given.asked_by);
    let named: Vec<Json<'_>> = ids.iter().map(|id| task::refer("Practitioner", id)).collect();
    let names = Names::of(asking, &named, std::iter::empty()).await?;
    let people = ids.into_iter().filter_map(|id| {
        let name = names.person(&id)?;
        let name = if Some(id.as_str()) == own { format!("{name} (you)") } else { name };
        Some((id, name))
    });
    Ok(people.collect())
}

/// Those whom policy would let do what they are asked for.
async fn able(web: &Web, asking: &Asking<'_>, ids: &[String], given: &Given<'_>) -> Result<BTreeSet<String>, Refusal> {
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        rows.extend(asking.record.practitioner_row(id).await?.map(|row| (id, row)));
    }
    let like = given.like.and_then(|(kind, id)| ResourceKey::parse(kind, id));
    let wanted: Vec<u64> = rows.iter().map(|(_, row)| *row).collect();
    let mut able = BTreeSet::new();
    for one in web.identity().colleagues(&wanted) {
        if given.what == Asked::Cosign && !one.is_licensed {
            continue;
        }
        if asking.record.would(one.roles, one.is_licensed, given.what.acts(), like.as_ref()).await? {
            able.extend(rows.iter().filter(|(_, row)| *row == one.practitioner).map(|(id, _)| (*id).clone()));
        }
    }
    Ok(able)
}
