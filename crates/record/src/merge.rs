//! Two records of one patient, shown and decided as one: `Patient.link` (R4 patient.html#merge). Nothing moves. Each chart keeps
//! its key, its rows and their versions; who treats the patient of one treats the patient of both, and what was consented or refused
//! in one holds for both. So undoing takes two links away, and all is as it was.

use std::sync::Arc;

use access::{Action, Caller, Denial, Labels, Object};
use fhir::{Json, build};
use store::{Backend, Batch, ChartNo};

use crate::administration::reasonable;
use crate::evidence::{Deed, evidence, object};
use crate::facts::{ChartFacts, Links};
use crate::open::Current;
use crate::prepare::Checked;
use crate::request::Preconditions;
use crate::tally::Tally;
use crate::write::empty_write;
use crate::{Record, RecordError, ResourceKey};

pub const REPLACES: &str = "replaces";
pub const REPLACED_BY: &str = "replaced-by";
/// What `active` said of the replaced record before: put back when it is undone.
const WAS_ACTIVE: &str = "urn:wardstone:was-active";
const REASON_BYTES_MAX: usize = 1_000;
/// Records of one patient.
const MERGED_MAX: usize = 16;

pub(crate) type Group = Vec<(ChartNo, Arc<ChartFacts>)>;

/// Two records of one patient, in the versions that were looked at.
pub struct Merging<'a> {
    /// The one that goes on being used, and its version.
    pub surviving: (&'a str, u32),
    pub duplicate: (&'a str, u32),
    pub reason: &'a str,
}

/// The links of a Patient that say that records are one patient's: their type and the id of the other.
pub fn links<'j>(patient: &'j Json<'_>) -> impl Iterator<Item = (&'static str, &'j str)> {
    patient.get("link").map_or(&[][..], Json::items).iter().filter_map(|link| {
        let kind = match link.get("type").and_then(Json::as_str) {
            Some(REPLACES) => REPLACES,
            Some(REPLACED_BY) => REPLACED_BY,
            _ => return None,
        };
        let (of, id) = link.get("other")?.get("reference")?.as_str()?.split_once('/')?;
        (of == "Patient").then_some((kind, id.split('/').next().unwrap_or(id)))
    })
}

impl<B: Backend> Record<B> {
    /// The charts of one patient, this one first, as far as both sides of each link say so.
    pub(crate) async fn group(&self, chart: ChartNo) -> Result<Group, RecordError> {
        let own = self.facts(chart).await?;
        let mut group = vec![(chart, own.clone())];
        let Some(links) = own.links() else { return Ok(group) };
        let root = match &links.replaced_by {
            None => own.clone(),
            Some(root) => match self.facts_of_patient(root).await? {
                Some((at, root)) if says(&root, |of| of.replaces.contains(&links.own)) => {
                    group.push((at, root.clone()));
                    root
                }
                _ => return Ok(group),
            },
        };
        let Some(root) = root.links() else { return Ok(group) };
        for other in root.replaces.iter().filter(|other| **other != links.own).take(MERGED_MAX) {
            match self.facts_of_patient(other).await? {
                Some((at, facts)) if says(&facts, |of| of.replaced_by.as_ref() == Some(&root.own)) => {
                    group.push((at, facts));
                }
                _ => {}
            }
        }
        Ok(group)
    }

    async fn facts_of_patient(&self, patient_id: &str) -> Result<Option<(ChartNo, Arc<ChartFacts>)>, RecordError> {
        match self.chart_of_patient(patient_id).await? {
            Some(chart) => Ok(Some((chart, self.facts(chart).await?))),
            None => Ok(None),
        }
    }

    /// Ids of the patients whose records were merged into this one. Opaque, and of use to who may see what they lead to: each search
    /// that names them is decided and audited as any.
    pub async fn merged_into(&self, patient_id: &str) -> Result<Vec<String>, RecordError> {
        let Some(chart) = self.chart_of_patient(patient_id).await? else { return Ok(Vec::new()) };
        let group = self.group(chart).await?;
        let others = group.iter().skip(1).filter_map(|(_, facts)| facts.links());
        let merged = others.filter(|links| links.replaced_by.as_deref() == Some(patient_id));
        Ok(merged.map(|links| links.own.to_string()).collect())
    }

    /// Ids of the patients whose records are one patient's, this one first. Opaque, as above.
    pub async fn records_of(&self, patient_id: &str) -> Result<Vec<String>, RecordError> {
        let mut ids = vec![patient_id.to_owned()];
        let Some(chart) = self.chart_of_patient(patient_id).await? else { return Ok(ids) };
        let others = self.group(chart).await?;
        ids.extend(others.iter().skip(1).filter_map(|(_, facts)| Some(facts.links()?.own.to_string())));
        Ok(ids)
    }

    /// Whether two charts are one patient's: the same, or of records that are merged.
    pub(crate) async fn is_one_patients(&self, one: ChartNo, other: ChartNo) -> Result<bool, RecordError> {
        Ok(one == other || self.group(one).await?.iter().any(|(chart, _)| *chart == other))
    }

    /// The patient whose record goes on instead of this one.
    pub async fn surviving(&self, patient_id: &str) -> Result<Option<String>, RecordError> {
        let Some(chart) = self.chart_of_patient(patient_id).await? else { return Ok(None) };
        let group = self.group(chart).await?;
        let Some(root) = group.first().and_then(|(_, own)| own.links()?.replaced_by.as_deref()) else {
            return Ok(None);
        };
        let is_mutual = group.iter().any(|(_, facts)| says(facts, |of| *of.own == *root));
        Ok(is_mutual.then(|| root.to_owned()))
    }

    /// Links two records as one patient's. For who may merge both, with a fresh second factor, for a reason.
    pub async fn merge(&self, caller: &Caller, merging: &Merging<'_>) -> Result<(), RecordError> {
        let change = |surviving: &mut Json<'_>, duplicate: &mut Json<'_>| {
            let is_linked = |patient: &Json<'_>, wanted: &str| links(patient).any(|(kind, _)| kind == wanted);
            if is_linked(surviving, REPLACED_BY) || is_linked(duplicate, REPLACED_BY) || is_linked(duplicate, REPLACES)
            {
                return Err(RecordError::Malformed("one of the records is merged already: undo that first"));
            }
            if links(surviving).count() >= MERGED_MAX {
                return Err(RecordError::TooMany { what: "records of one patient", limit: MERGED_MAX });
            }
            let held = duplicate.get("active").and_then(Json::as_bool);
            add_link(surviving, REPLACES, merging.duplicate.0, None)?;
            add_link(duplicate, REPLACED_BY, merging.surviving.0, Some(held))?;
            duplicate.as_object_mut().ok_or(RecordError::Damaged)?.set("active", Json::Bool(false));
            Ok(())
        };
        self.relink(caller, audit::Action::Merge, merging, change).await
    }

    /// Takes the links of a merge away; what was written since stays where it was written.
    pub async fn unmerge(&self, caller: &Caller, merging: &Merging<'_>) -> Result<(), RecordError> {
        let change = |surviving: &mut Json<'_>, duplicate: &mut Json<'_>| {
            remove_link(surviving, REPLACES, merging.duplicate.0)?;
            let was_active = remove_link(duplicate, REPLACED_BY, merging.surviving.0)?;
            let members = duplicate.as_object_mut().ok_or(RecordError::Damaged)?;
            match was_active.as_deref() {
                Some("true") => members.set("active", Json::Bool(true)),
                Some("false") => members.set("active", Json::Bool(false)),
                _ => drop(members.remove("active")),
            }
            Ok(())
        };
        self.relink(caller, audit::Action::Unmerge, merging, change).await
    }

    async fn relink(
        &self,
        caller: &Caller,
        audited: audit::Action,
        merging: &Merging<'_>,
        change: impl FnOnce(&mut Json<'_>, &mut Json<'_>) -> Result<(), RecordError>,
    ) -> Result<(), RecordError> {
        let mut tally = Tally::default();
        let surviving = self.mergeable(caller, audited, merging.surviving, &mut tally).await?;
        let duplicate = self.mergeable(caller, audited, merging.duplicate, &mut tally).await?;
        let objects = [&surviving, &duplicate].map(|current| object(&current.head, access::View::FULL));
        let fail = async |error| Err(self.fail(caller, audited, Some(objects[1]), 422, error).await);
        if surviving.head.row == duplicate.head.row {
            return fail(RecordError::Malformed("a record is not merged with itself")).await;
        }
        let reason = match reasonable(merging.reason, REASON_BYTES_MAX) {
            Ok(reason) => reason,
            Err(error) => return fail(error).await,
        };
        let (one, other) = (self.whole(&surviving).await?, self.whole(&duplicate).await?);
        let mut one = Json::parse(&one).map_err(|_| RecordError::Damaged)?;
        let mut other = Json::parse(&other).map_err(|_| RecordError::Damaged)?;
        if let Err(error) = change(&mut one, &mut other) {
            return fail(error).await;
        }
        let relinked = |current, tree| self.resealed(current, tree, Labels::NONE, current.head.corrected());
        let mut prepared = [relinked(&surviving, one).await?, relinked(&duplicate, other).await?];
        let objects = prepared.each_ref().map(|p| audit::event::Object {
            row: p.row,
            chart: p.chart,
            version: p.version,
            type_code: p.kind.code,
            part: access::View::FULL.id(),
        });
        let deed = Deed { reason: Some(reason), decisions: tally.decided(), ..Deed::of(audited, &objects) };
        let batch = Batch {
            evidence: evidence(caller, self.now_ms(), &deed)?,
            on_commit: self.follower(&prepared),
            keywords: prepared.iter().flat_map(|p| p.keywords.iter().copied()).collect(),
            writes: prepared.each_mut().map(|p| std::mem::replace(&mut p.write, empty_write())).into(),
            unchanged: Vec::new(),
            no_new_match: Vec::new(),
            reserved: Vec::new(),
            once: None,
        };
        match self.0.store.commit(batch).await.map_err(RecordError::from) {
            Ok(_) => Ok(()),
            // Both were looked at in the versions named: another write is another state of affairs.
            Err(RecordError::Conflict) => {
                let error = RecordError::PreconditionFailed { held: merging.surviving.1 + 1 };
                Err(self.fail(caller, audited, Some(objects[0]), 412, error).await)
            }
            Err(error) => Err(error),
        }
    }

    /// A patient whom the caller may merge, in the version that was looked at.
    async fn mergeable(
        &self,
        caller: &Caller,
        audited: audit::Action,
        (id, version): (&str, u32),
        tally: &mut Tally,
    ) -> Result<Current, RecordError> {
        let key = ResourceKey::parse("Patient", id).ok_or(RecordError::NotFound)?;
        let Some(current) = self.find(&key).await? else {
            return Err(self.absent(caller, Action::Merge, audited, &key).await);
        };
        match tally.judged(self.judge(caller, Action::Merge, &current.head, &current.head).await?) {
            Ok(_) => {}
            Err(denial) => return Err(self.denied(caller, audited, &current.head, &denial).await),
        }
        if current.head.deleted() {
            let named = Some(object(&current.head, access::View::FULL));
            return Err(self.fail(caller, audited, named, 410, RecordError::Gone).await);
        }
        let preconditions = Preconditions { if_match: Some(version), if_none_match: false };
        self.hold(caller, audited, &current, preconditions).await?;
        Ok(current)
    }

    /// Links widen who sees a chart, so who writes a patient otherwise cannot make or break them: that asks for the leave to merge.
    pub(crate) async fn may_link(
        &self,
        caller: &Caller,
        checked: &Checked<'_>,
        current: Option<&Current>,
        asked: &Object,
    ) -> Result<Result<(), Denial>, RecordError> {
        let mut written: Vec<_> = links(&checked.tree).collect();
        if written.is_empty() && current.is_none_or(|current| !has_links(&current.head)) {
            return Ok(Ok(()));
        }
        let held = match current {
            Some(current) if !current.head.deleted() => self.whole(current).await?,
            _ => b"{}".to_vec(),
        };
        let held = Json::parse(&held).map_err(|_| RecordError::Damaged)?;
        let mut before: Vec<_> = links(&held).collect();
        written.sort_unstable();
        before.sort_unstable();
        if written == before {
            return Ok(Ok(()));
        }
        Ok(self.policies().decide(caller, Action::Merge, asked).map(drop))
    }
}

/// As far as the head tells: whether anybody else's record is named.
fn has_links(head: &crate::head::Head) -> bool {
    match (head.values(), fhir::search::find("Patient", "link")) {
        (Some(values), Some(param)) if !head.sealed_apart() => values.references(param).next().is_some(),
        _ => true,
    }
}

fn says(facts: &ChartFacts, what: impl FnOnce(&Links) -> bool) -> bool {
    facts.links().is_some_and(what)
}

fn add_link(
    patient: &mut Json<'_>,
    kind: &'static str,
    other: &str,
    was_active: Option<Option<bool>>,
) -> Result<(), RecordError> {
    let mut link = Vec::new();
    if let Some(was_active) = was_active {
        let said = was_active.map_or("absent", |is| if is { "true" } else { "false" });
        let noted = build::object([("url", build::text(WAS_ACTIVE)), ("valueCode", build::text(said))]);
        link.push(("extension", build::list([noted])));
    }
    link.push(("other", build::reference(&format!("Patient/{other}"))));
    link.push(("type", build::text(kind)));
    let patient = patient.as_object_mut().ok_or(RecordError::Damaged)?;
    match patient.get_mut("link").and_then(Json::as_array_mut) {
        Some(links) => links.push(build::object(link)),
        None => patient.set("link", build::list([build::object(link)])),
    }
    Ok(())
}

/// Takes the link out, and says what `active` was when it was made.
fn remove_link(patient: &mut Json<'_>, kind: &str, other: &str) -> Result<Option<String>, RecordError> {
    let missing = || RecordError::Malformed("these records are not merged");
    let members = patient.as_object_mut().ok_or(RecordError::Damaged)?;
    let links = members.get_mut("link").and_then(Json::as_array_mut).ok_or_else(missing)?;
    let reference = format!("Patient/{other}");
    let at = links.iter().position(|link| {
        link.get("type").and_then(Json::as_str) == Some(kind)
            && link.get("other").and_then(|other| other.get("reference")?.as_str()) == Some(&reference)
    });
    let link = links.remove(at.ok_or_else(missing)?);
    if links.is_empty() {
        members.remove("link");
    }
    let noted = link.get("extension").map_or(&[][..], Json::items);
    let noted = noted.iter().find(|one| one.get("url").and_then(Json::as_str) == Some(WAS_ACTIVE));
    Ok(noted.and_then(|one| one.get("valueCode")?.as_str()).map(str::to_owned))
}
