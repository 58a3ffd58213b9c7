//! Who treats along: whoever covers somebody, or works with them, treats whom they treat, for as long as it says.
//!
//! Either tie is a PractitionerRole of who treats along, with a code and a period, and with an extension that names whose patients they
//! are: R4 has no element for it. So whose patients they are says so themselves, or an administrator or the integration client does; anybody
//! else would open charts to themselves. A tie is one step and no more: whom somebody treats by a tie of their own, theirs do not treat.
//!
//! A PractitionerRole that is no tie leads to its practitioner wherever a chart names it. Whom it leads to is the directory's: an
//! administrator or the integration client says so.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use access::{Caller, Role, TypeRef};
use fhir::Json;
use store::{Backend, RowNo};

use super::gather::period;
use crate::open::Current;
use crate::search::{Source, Walk};
use crate::{Record, RecordError, ResourceKey, types};

const ROLE: &str = "PractitionerRole";
const SYSTEM: &str = "urn:wardstone:practitioner-role";
const KINDS: [Kind; 2] = [
    // Who left is covered all the same: somebody has to look after their patients.
    Kind { code: "covering", extension: "urn:wardstone:covers", ends_with_them: false },
    Kind { code: "working-with", extension: "urn:wardstone:works-with", ends_with_them: true },
];

struct Kind {
    code: &'static str,
    /// Names whose patients they are.
    extension: &'static str,
    /// Whether it ends when the directory says that whose patients they are is here no more.
    ends_with_them: bool,
}

/// From `from_ms`, included, until `until_ms`, not included. Rows of Practitioners.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tie {
    by: RowNo,
    whose: RowNo,
    from_ms: i64,
    until_ms: i64,
}

/// The ties in one state of the directory, by who treats along.
#[derive(Default)]
pub struct Ties(Mutex<Option<(u64, Arc<[Tie]>)>>);

/// The caller, and whose patients they treat along.
pub struct Treats<'c> {
    ties: Arc<[Tie]>,
    caller: &'c Caller,
}

/// A Practitioner, as a reference leads to them.
#[derive(Clone, Copy)]
struct Person {
    row: RowNo,
    is_active: bool,
}

impl<'c> Treats<'c> {
    pub fn caller(&self) -> &'c Caller {
        self.caller
    }

    pub fn as_any(&self, treats: impl Fn(RowNo) -> bool) -> bool {
        let (Some(own), now_ms) = (self.caller.practitioner(), self.caller.time_ms()) else { return false };
        let first = self.ties.partition_point(|tie| tie.by < own);
        let mut theirs = self.ties[first..].iter().take_while(|tie| tie.by == own);
        treats(own) || theirs.any(|tie| (tie.from_ms..tie.until_ms).contains(&now_ms) && treats(tie.whose))
    }
}

impl<B: Backend> Record<B> {
    /// As whom somebody treats.
    pub(crate) async fn treats<'c>(&self, caller: &'c Caller) -> Result<Treats<'c>, RecordError> {
        let ties = match caller.practitioner() {
            Some(_) => self.ties().await?,
            None => Arc::default(),
        };
        Ok(Treats { ties, caller })
    }

    async fn ties(&self) -> Result<Arc<[Tie]>, RecordError> {
        // Before anything is looked up: what changes while this looks is looked up again next time.
        let directory = self.0.directory.load(Ordering::Acquire);
        let held = self.0.ties.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, ties)) = held.filter(|(seen, _)| *seen == directory) {
            return Ok(ties);
        }
        let ties: Arc<[Tie]> = self.read_ties().await?.into();
        *self.0.ties.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((directory, ties.clone()));
        Ok(ties)
    }

    async fn read_ties(&self) -> Result<Vec<Tie>, RecordError> {
        let (mut ties, mut known) = (Vec::new(), HashMap::new());
        for kind in &KINDS {
            self.read_kind(kind, &mut known, &mut ties).await?;
        }
        ties.sort_unstable();
        Ok(ties)
    }

    async fn read_kind(
        &self,
        kind: &Kind,
        known: &mut HashMap<String, Option<Person>>,
        ties: &mut Vec<Tie>,
    ) -> Result<(), RecordError> {
        let role = types::parse(ROLE).ok_or(RecordError::Damaged)?;
        let wanted = format!("{SYSTEM}|{}", kind.code);
        let query = self.query(role, &[(Cow::from("role"), Cow::from(wanted))], false)?;
        let candidates = self.candidates(&self.best(&query.keywords()), 0);
        let mut walk = Walk::new(Source::Keywords(candidates), 0);
        while let Some(head) = walk.next(self).await? {
            if head.deleted() || head.type_name() != ROLE {
                continue;
            }
            let json = self.opened(head).await?;
            let role = Json::parse(&json).map_err(|_| RecordError::Damaged)?;
            // The index knows what it was once, too.
            let holds = is_active(&role) && has_code(&role, kind.code);
            let Some(whose) = named(&role, kind).next().filter(|_| holds) else { continue };
            let by = role.get("practitioner").and_then(|by| by.get("reference")).and_then(Json::as_str);
            let (from_ms, until_ms) = period(role.get("period"));
            let (by, whose) = (self.person(by, known).await?, self.person(Some(whose), known).await?);
            let (Some(by), Some(whose)) = (by.filter(|by| by.is_active), whose) else { continue };
            if whose.is_active || !kind.ends_with_them {
                ties.push(Tie { by: by.row, whose: whose.row, from_ms, until_ms });
            }
        }
        Ok(())
    }

    async fn person(
        &self,
        reference: Option<&str>,
        known: &mut HashMap<String, Option<Person>>,
    ) -> Result<Option<Person>, RecordError> {
        let Some(reference) = reference else { return Ok(None) };
        if let Some(person) = known.get(reference) {
            return Ok(*person);
        }
        let mut person = None;
        if let Some(held) = self.practitioner_of(reference).await? {
            let json = self.opened(&held.head).await?;
            let is_active = is_active(&Json::parse(&json).map_err(|_| RecordError::Damaged)?);
            person = Some(Person { row: held.head.row, is_active });
        }
        known.insert(reference.to_owned(), person);
        Ok(person)
    }

    async fn practitioner_of(&self, reference: &str) -> Result<Option<Current>, RecordError> {
        let key = ResourceKey::parse_reference(self.local(reference));
        let Some(key) = key.filter(|key| key.kind.name == "Practitioner") else { return Ok(None) };
        Ok(self.find(&key).await?.filter(|held| !held.head.deleted()))
    }

    /// Whom a role stands for where a chart names it, active or not: what a team says of them has its own period, and a refusal in a
    /// consent has to go on. A tie stands for nobody: it is written by others than who keep the directory.
    pub(super) fn stands_for(&self, role: &Json<'_>) -> Option<ResourceKey> {
        if KINDS.iter().any(|kind| named(role, kind).next().is_some()) {
            return None;
        }
        let person = role.get("practitioner")?.get("reference")?.as_str()?;
        ResourceKey::parse_reference(self.local(person)).filter(|key| key.kind.name == "Practitioner")
    }

    /// Whether the caller may put this in the place of what stands, or take that away: everybody whose patients it says, or said, are
    /// treated along is the caller; and it stands for whom it stood for, as charts name it that the caller need not see. An id that the
    /// client chose may be named before anything stands there.
    pub(crate) async fn may_say_who_treats(
        &self,
        caller: &Caller,
        kind: TypeRef,
        next: Option<&Json<'_>>,
        current: Option<&Current>,
        client_chose_id: bool,
    ) -> Result<bool, RecordError> {
        if kind.name != ROLE || caller.roles().contains(Role::Admin) || caller.roles().contains(Role::Integration) {
            return Ok(true);
        }
        let held = match current.filter(|current| !current.head.deleted()) {
            Some(current) => Some(self.opened(&current.head).await?),
            None => None,
        };
        let held = held.as_deref().map(Json::parse).transpose().map_err(|_| RecordError::Damaged)?;
        for role in held.iter().chain(next) {
            for whose in KINDS.iter().flat_map(|kind| named(role, kind)) {
                let row = self.practitioner_of(whose).await?.map(|held| held.head.row);
                if row.is_none() || row != caller.practitioner() {
                    return Ok(false);
                }
            }
        }
        let may_be_named = current.is_some() || client_chose_id;
        let stands_for = |role: Option<&Json<'_>>| role.and_then(|role| self.stands_for(role));
        Ok(!may_be_named || stands_for(held.as_ref()) == stands_for(next))
    }
}

/// Whose patients a role says are treated along.
fn named<'j>(role: &'j Json<'_>, kind: &Kind) -> impl Iterator<Item = &'j str> {
    let extensions = role.get("extension").map_or(&[][..], Json::items).iter();
    extensions
        .filter(|extension| extension.get("url").and_then(Json::as_str) == Some(kind.extension))
        .filter_map(|extension| extension.get("valueReference")?.get("reference")?.as_str())
}

fn has_code(role: &Json<'_>, wanted: &str) -> bool {
    let concepts = role.get("code").map_or(&[][..], Json::items).iter();
    let mut codings = concepts.flat_map(|concept| concept.get("coding").map_or(&[][..], Json::items));
    let is = |coding: &Json<'_>, name: &str, wanted: &str| coding.get(name).and_then(Json::as_str) == Some(wanted);
    codings.any(|coding| is(coding, "system", SYSTEM) && is(coding, "code", wanted))
}

fn is_active(resource: &Json<'_>) -> bool {
    resource.get("active").and_then(Json::as_bool) != Some(false)
}
