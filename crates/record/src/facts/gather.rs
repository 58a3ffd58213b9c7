//! Gathers the facts of a chart: which of its heads matter, the few bodies that have to be opened, and where references lead.
//!
//! Bodies are opened for the system, to decide and not to show: nothing of them leaves this room but numbers and bits.

use std::collections::HashMap;
use std::sync::Arc;

use access::{Permit, SystemPurpose, Traits};
use fhir::Json;
use fhir::search::{Kind as ParamKind, parameters};
use store::{Backend, ChartNo};

use super::consent::Consent;
use super::window::{AFTER_ENCOUNTER_MS, AROUND_APPOINTMENT_MS, BEFORE_ENCOUNTER_MS, Window, joined};
use super::{ChartFacts, Links, Named};
use crate::head::Head;
use crate::{Record, RecordError, ResourceKey};

const DAY_MS: i64 = 86_400_000;
/// No appointment lasts longer: one that began before is over, and is not opened to see when.
const APPOINTMENT_MS_MAX: i64 = 7 * DAY_MS;
/// Past versions looked at once to see whether somebody was ever attributed, and before it counts as so.
const PAST_PAGE: usize = 64;
const PAST_MAX: usize = 1_024;
const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

/// Facts in the making.
struct Draft {
    now_ms: i64,
    windows: Vec<Window>,
    ever_attributed: bool,
    /// Where references lead, each looked up once.
    named: HashMap<String, Option<Named>>,
    by_directory: bool,
}

impl<B: Backend> Record<B> {
    pub(super) async fn gather(&self, chart: ChartNo, directory: u64) -> Result<ChartFacts, RecordError> {
        let heads = self.heads_of_chart(chart).await?;
        let mut draft = Draft {
            now_ms: self.now_ms(),
            windows: Vec::new(),
            ever_attributed: false,
            named: HashMap::new(),
            by_directory: false,
        };
        let mut facts = ChartFacts::default();
        let mut consents = Vec::new();
        let mut families = Vec::new();
        let told: Vec<&Arc<Head>> = heads.iter().filter(|head| super::is_of_chart(head.type_code)).collect();
        for head in told.iter().filter(|head| !head.deleted()) {
            match head.type_name() {
                "Patient" => {
                    facts.traits = traits(head);
                    let json = self.opened(head).await?;
                    let patient = parsed(&json)?;
                    let names = patient.get("name").map_or(&[][..], Json::items);
                    families.extend(names.iter().filter_map(|n| n.get("family")?.as_str()).map(|f| self.family(f)));
                    self.patient(&patient, &mut draft).await?;
                    facts.links = links(&patient, head.id());
                }
                "CareTeam" => self.care_team(parsed(&self.opened(head).await?)?, &mut draft).await?,
                "Encounter" => self.encounter(head, &mut draft).await?,
                "Appointment" => self.appointment(head, &mut draft).await?,
                _ => {
                    let json = self.opened(head).await?;
                    consents.extend(self.consent(&parsed(&json)?, &mut draft).await?);
                }
            }
        }
        // Taking a care team off the chart does not make it nobody's.
        for head in told {
            if draft.ever_attributed {
                break;
            }
            draft.ever_attributed = head.type_name() != "Consent" && self.was_attributed(head).await?;
        }
        families.sort_unstable();
        families.dedup();
        facts.windows = joined(draft.windows, draft.now_ms);
        facts.ever_attributed = draft.ever_attributed;
        facts.consents = consents.into_boxed_slice();
        facts.families = families.into_boxed_slice();
        facts.directory = draft.by_directory.then_some(directory);
        Ok(facts)
    }

    async fn patient(&self, patient: &Json<'_>, draft: &mut Draft) -> Result<(), RecordError> {
        for reference in patient.get("generalPractitioner").map_or(&[][..], Json::items) {
            self.attribute(reference, (i64::MIN, i64::MAX), draft).await?;
        }
        Ok(())
    }

    async fn care_team(&self, team: Json<'_>, draft: &mut Draft) -> Result<(), RecordError> {
        let is_active = matches!(status(&team), None | Some("active"));
        let span = if is_active { period(team.get("period")) } else { NEVER };
        for participant in team.get("participant").map_or(&[][..], Json::items) {
            let Some(member) = participant.get("member") else { continue };
            self.attribute(member, within(span, period(participant.get("period"))), draft).await?;
        }
        Ok(())
    }

    /// From a day before until 30 days after; one that has not ended goes on. Who opened it counts as taking part.
    async fn encounter(&self, head: &Head, draft: &mut Draft) -> Result<(), RecordError> {
        let ended_before = draft.now_ms - AFTER_ENCOUNTER_MS - DAY_MS;
        if self.is_over(head, "date", ended_before) {
            draft.ever_attributed |= names_practitioner(head);
            return Ok(());
        }
        let json = self.opened(head).await?;
        let encounter = parsed(&json)?;
        let (from, until) = period(encounter.get("period"));
        let span = match status(&encounter) {
            Some("cancelled" | "entered-in-error") => NEVER,
            // Over, and nobody says when.
            Some("finished") if until == i64::MAX => NEVER,
            _ => (from.saturating_sub(BEFORE_ENCOUNTER_MS), until.saturating_add(AFTER_ENCOUNTER_MS)),
        };
        if let Some(practitioner) = head.originator() {
            draft.windows.push(Window { practitioner, from_ms: span.0, until_ms: span.1 });
        }
        for participant in encounter.get("participant").map_or(&[][..], Json::items) {
            let Some(individual) = participant.get("individual") else { continue };
            let (from, until) = period(participant.get("period"));
            let own = (from.saturating_sub(BEFORE_ENCOUNTER_MS), until.saturating_add(AFTER_ENCOUNTER_MS));
            self.attribute(individual, within(span, own), draft).await?;
        }
        Ok(())
    }

    /// From a day before the start until a day after the end.
    async fn appointment(&self, head: &Head, draft: &mut Draft) -> Result<(), RecordError> {
        let began_before = draft.now_ms - APPOINTMENT_MS_MAX - AROUND_APPOINTMENT_MS - DAY_MS;
        if self.is_over(head, "date", began_before) {
            draft.ever_attributed |= names_practitioner(head);
            return Ok(());
        }
        let json = self.opened(head).await?;
        let appointment = parsed(&json)?;
        let time = |name: &str| fhir::search::date_span_ms(appointment.get(name)?.as_str()?);
        let holds = matches!(status(&appointment), Some("booked" | "arrived" | "checked-in" | "fulfilled" | "pending"));
        let span = match time("start").filter(|_| holds) {
            Some((start, until)) => {
                let end = time("end").map_or(until, |(_, end)| end).min(start.saturating_add(APPOINTMENT_MS_MAX));
                (start.saturating_sub(AROUND_APPOINTMENT_MS), end.saturating_add(AROUND_APPOINTMENT_MS))
            }
            None => NEVER,
        };
        for participant in appointment.get("participant").map_or(&[][..], Json::items) {
            let Some(actor) = participant.get("actor") else { continue };
            let declined = status(participant) == Some("declined");
            self.attribute(actor, if declined { NEVER } else { span }, draft).await?;
        }
        Ok(())
    }

    async fn consent(&self, consent: &Json<'_>, draft: &mut Draft) -> Result<Option<Consent>, RecordError> {
        let mut references = Vec::new();
        fhir::references::for_each_reference(consent, |reference| references.push(reference.to_owned()));
        for reference in &references {
            self.lookup(reference, draft).await?;
        }
        let resolve = |reference: &str| draft.named.get(reference).copied().flatten();
        Ok(Consent::compile(consent, &resolve))
    }

    /// Notes that a reference attributes a practitioner to the chart, for a time.
    async fn attribute(
        &self,
        reference: &Json<'_>,
        (from_ms, until_ms): (i64, i64),
        draft: &mut Draft,
    ) -> Result<(), RecordError> {
        let Some(text) = reference.get("reference").and_then(Json::as_str) else { return Ok(()) };
        if let Some(named) = self.lookup(text, draft).await? {
            draft.ever_attributed = true;
            if let Named::Practitioner(practitioner) = named {
                draft.windows.push(Window { practitioner, from_ms, until_ms });
            }
        }
        Ok(())
    }

    async fn lookup(&self, reference: &str, draft: &mut Draft) -> Result<Option<Named>, RecordError> {
        if let Some(named) = draft.named.get(reference) {
            return Ok(*named);
        }
        let named = match ResourceKey::parse_reference(self.local(reference)) {
            Some(key) if key.kind.name == "Practitioner" => Some(self.practitioner(&key, draft).await?),
            Some(key) if key.kind.name == "PractitionerRole" => {
                draft.by_directory = true;
                let role = self.find(&key).await?.filter(|role| !role.head.deleted());
                let person = match role {
                    Some(role) => {
                        let json = self.opened(&role.head).await?;
                        self.stands_for(&parsed(&json)?)
                    }
                    None => None,
                };
                match person {
                    Some(key) => Some(self.practitioner(&key, draft).await?),
                    None => Some(Named::Unknown),
                }
            }
            _ => None,
        };
        draft.named.insert(reference.to_owned(), named);
        Ok(named)
    }

    async fn practitioner(&self, key: &ResourceKey, draft: &mut Draft) -> Result<Named, RecordError> {
        if let Some(row) = self.0.ids.row(&key.id)
            && let Ok(head) = self.0.heads.get(row)
            && head.type_code == key.kind.code
        {
            return Ok(Named::Practitioner(row));
        }
        Ok(match self.find(key).await? {
            Some(current) => Named::Practitioner(current.head.row),
            None => {
                draft.by_directory = true;
                Named::Unknown
            }
        })
    }

    /// Whether a version of the past, or this one, names somebody who treats.
    async fn was_attributed(&self, head: &Head) -> Result<bool, RecordError> {
        let mut before = head.version;
        let mut looked_at = 0;
        while before > 1 {
            let page = self.0.store.past_of(head.row, before, PAST_PAGE).await?;
            let Some(last) = page.last() else { break };
            before = last.version;
            looked_at += page.len();
            for past in &page {
                let place = (past.chart, past.row, past.version, past.seq);
                let past = self.open_head_of(place, &past.head).await?;
                // What is sealed apart is not opened for this: it counts as attributed.
                if past.chart == head.chart && (past.sealed_apart() || names_practitioner(&past)) {
                    return Ok(true);
                }
            }
            if looked_at > PAST_MAX {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether everything that the head says of a time ended before; what it does not say may go on.
    fn is_over(&self, head: &Head, code: &str, before_ms: i64) -> bool {
        let (Some(values), Some(param)) = (head.values(), fhir::search::find(head.type_name(), code)) else {
            return false;
        };
        if head.sealed_apart() {
            return false;
        }
        let mut ends = values.spans_ms(param).map(|(_, end)| end).peekable();
        ends.peek().is_some() && ends.all(|end| end < before_ms)
    }

    /// The JSON of a version, for the system.
    pub(crate) async fn opened(&self, head: &Head) -> Result<Vec<u8>, RecordError> {
        let permit = Permit::system(SystemPurpose::Decide);
        let version = match self.0.store.body(head.row).await? {
            Some(body) if body.version == head.version => self.open_version(&permit, head, &body.body).await?,
            // A commit came between: its follower drops what is gathered now.
            _ => match self.0.store.past(head.row, head.version).await? {
                Some(past) => self.open_version(&permit, head, &past.body).await?,
                None => return Err(RecordError::Conflict),
            },
        };
        Ok(version.into_json())
    }
}

/// None of a patient who has one record, as nearly all do.
fn links(patient: &Json<'_>, own: &str) -> Option<Box<Links>> {
    let (mut replaces, mut replaced_by) = (Vec::new(), None);
    for (kind, id) in crate::merge::links(patient) {
        match kind {
            crate::merge::REPLACES => replaces.push(id.into()),
            _ => replaced_by = Some(id.into()),
        }
    }
    let is_linked = !replaces.is_empty() || replaced_by.is_some();
    is_linked.then(|| Box::new(Links { own: own.into(), replaces: replaces.into_boxed_slice(), replaced_by }))
}

const NEVER: (i64, i64) = (0, 0);

fn parsed(json: &[u8]) -> Result<Json<'_>, RecordError> {
    Json::parse(json).map_err(|_| RecordError::Damaged)
}

fn status<'j>(resource: &'j Json<'_>) -> Option<&'j str> {
    resource.get("status").and_then(Json::as_str)
}

/// A FHIR Period in milliseconds, open where it says nothing. A bound that is no date closes it.
pub fn period(period: Option<&Json<'_>>) -> (i64, i64) {
    let Some(period) = period else { return (i64::MIN, i64::MAX) };
    let bound = |name: &str| period.get(name).map(|at| at.as_str().and_then(fhir::search::date_span_ms));
    match (bound("start"), bound("end")) {
        (Some(None), _) | (_, Some(None)) => NEVER,
        (start, end) => {
            (start.flatten().map_or(i64::MIN, |(low, _)| low), end.flatten().map_or(i64::MAX, |(_, high)| high))
        }
    }
}

fn within(a: (i64, i64), b: (i64, i64)) -> (i64, i64) {
    (a.0.max(b.0), a.1.min(b.1))
}

/// Whether a head refers to a practitioner as one who takes part.
fn names_practitioner(head: &Head) -> bool {
    let code = match head.type_name() {
        "Patient" => "general-practitioner",
        "Appointment" => "actor",
        _ => "participant",
    };
    let Some(values) = head.values() else { return false };
    let references = parameters(head.type_name()).filter(|p| p.kind == ParamKind::Reference && p.code == code);
    references
        .flat_map(|param| values.references(param))
        .any(|(name, _)| matches!(name, "Practitioner" | "PractitionerRole"))
}

/// Sensitivity codes of `meta.security` that speak of the person: celebrities, and who works here.
fn traits(patient: &Head) -> Traits {
    let meta = format!("{{{}}}", patient.meta());
    let Ok(meta) = Json::parse_str(&meta) else { return Traits::NONE };
    let mut traits = Traits::NONE;
    for coding in meta.get("security").map_or(&[][..], Json::items) {
        if coding.get("system").and_then(Json::as_str) != Some(ACT_CODE) {
            continue;
        }
        traits = traits.union(match coding.get("code").and_then(Json::as_str) {
            Some("CEL") => Traits::VIP,
            Some("EMP") => Traits::EMPLOYEE,
            _ => Traits::NONE,
        });
    }
    traits
}
