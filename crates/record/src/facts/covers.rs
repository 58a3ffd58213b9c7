//! Who stands in for whom: whoever covers somebody treats whom they treat, for as long as the cover says.
//!
//! A cover is a PractitionerRole of who covers, with a code and a period, and with an extension that names who is away: R4 has no
//! element for it. So who is away says so themselves, or an administrator or the integration client does; anybody else would open charts to
//! themselves.

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use access::{Caller, Role};
use fhir::Json;
use store::{Backend, RowNo};

use super::gather::period;
use crate::prepare::Checked;
use crate::search::{Source, Walk};
use crate::{Record, RecordError, ResourceKey, types};

const KIND: &str = "PractitionerRole";
const CODE: &str = "urn:wardstone:practitioner-role|covering";
const COVERS: &str = "urn:wardstone:covers";

/// From `from_ms`, included, until `until_ms`, not included. Rows of Practitioners.
#[derive(Clone, Copy)]
pub struct Cover {
    by: RowNo,
    absent: RowNo,
    from_ms: i64,
    until_ms: i64,
}

/// The covers in one state of the directory.
#[derive(Default)]
pub struct Covers(Mutex<Option<(u64, Arc<[Cover]>)>>);

/// The caller, and whom they stand in for now: rows of Practitioners.
pub struct Treats<'c> {
    covers: Arc<[Cover]>,
    caller: &'c Caller,
}

impl<'c> Treats<'c> {
    pub fn caller(&self) -> &'c Caller {
        self.caller
    }

    pub fn as_any(&self, treats: impl Fn(RowNo) -> bool) -> bool {
        let (Some(own), now_ms) = (self.caller.practitioner(), self.caller.time_ms()) else { return false };
        let is_on = |cover: &&Cover| cover.by == own && (cover.from_ms..cover.until_ms).contains(&now_ms);
        treats(own) || self.covers.iter().filter(is_on).any(|cover| treats(cover.absent))
    }
}

impl<B: Backend> Record<B> {
    /// As whom somebody treats.
    pub(crate) async fn treats<'c>(&self, caller: &'c Caller) -> Result<Treats<'c>, RecordError> {
        let covers = match caller.practitioner() {
            Some(_) => self.covers().await?,
            None => Arc::default(),
        };
        Ok(Treats { covers, caller })
    }

    async fn covers(&self) -> Result<Arc<[Cover]>, RecordError> {
        // Before anything is looked up: what changes while this looks is looked up again next time.
        let directory = self.0.directory.load(Ordering::Acquire);
        let held = self.0.covers.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, covers)) = held.filter(|(seen, _)| *seen == directory) {
            return Ok(covers);
        }
        let covers: Arc<[Cover]> = self.read_covers().await?.into();
        *self.0.covers.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((directory, covers.clone()));
        Ok(covers)
    }

    async fn read_covers(&self) -> Result<Vec<Cover>, RecordError> {
        let kind = types::parse(KIND).ok_or(RecordError::Damaged)?;
        let query = self.query(kind, &[(Cow::from("role"), Cow::from(CODE))], false)?;
        let candidates = self.candidates(&self.best(&query.keywords()), 0);
        let mut walk = Walk::new(Source::Keywords(candidates), 0);
        let mut covers = Vec::new();
        while let Some(head) = walk.next(self).await? {
            if head.deleted() || head.type_name() != KIND {
                continue;
            }
            let json = self.opened(&head).await?;
            let role = Json::parse(&json).map_err(|_| RecordError::Damaged)?;
            let Some(absent) = absent(&role).filter(|_| is_active(&role)) else { continue };
            let by = role.get("practitioner").and_then(|by| by.get("reference")).and_then(Json::as_str);
            let (from_ms, until_ms) = period(role.get("period"));
            if let (Some(by), Some(absent)) = (self.row_of(by).await?, self.row_of(Some(absent)).await?) {
                covers.push(Cover { by, absent, from_ms, until_ms });
            }
        }
        Ok(covers)
    }

    async fn row_of(&self, reference: Option<&str>) -> Result<Option<RowNo>, RecordError> {
        let key = reference.and_then(|reference| ResourceKey::parse_reference(self.local(reference)));
        let Some(key) = key.filter(|key| key.kind.name == "Practitioner") else { return Ok(None) };
        Ok(self.find(&key).await?.filter(|held| !held.head.deleted()).map(|held| held.head.row))
    }

    /// Whether the caller may write this, as far as it says that somebody is away.
    pub(crate) async fn may_cover(&self, caller: &Caller, checked: &Checked<'_>) -> Result<bool, RecordError> {
        let Some(absent) = absent(&checked.tree).filter(|_| checked.kind.name == KIND) else { return Ok(true) };
        if caller.roles().contains(Role::Admin) || caller.roles().contains(Role::Integration) {
            return Ok(true);
        }
        let row = self.row_of(Some(absent)).await?;
        Ok(row.is_some() && row == caller.practitioner())
    }
}

/// Who is away, of a cover.
fn absent<'j>(role: &'j Json<'_>) -> Option<&'j str> {
    let extensions = role.get("extension").map_or(&[][..], Json::items);
    let named = extensions.iter().find(|extension| extension.get("url").and_then(Json::as_str) == Some(COVERS))?;
    named.get("valueReference")?.get("reference")?.as_str()
}

fn is_active(role: &Json<'_>) -> bool {
    role.get("active").and_then(Json::as_bool) != Some(false)
}
