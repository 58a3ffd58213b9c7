//! Leaving out what was answered: hits for which another resource is there, found by the name that the hit's id and version give it.
//!
//! A list of what is left to do so discloses, and writes into the log, what is left and nothing else. That something is left out
//! tells no more than that it was answered, of what the caller may see; who may not see the answer is told nothing of it.

use access::{Permit, SystemPurpose};
use fhir::search::Query;
use store::Backend;

use super::values_of;
use crate::head::Head;
use crate::request::{Pairs, ResourceKey};
use crate::{Record, RecordError};

/// What answers a hit: a resource of this type and name, in the same chart, that matches.
pub struct Unless<'a> {
    pub kind: &'static str,
    /// Of a hit's id and version.
    pub name: &'a (dyn Fn(&str, u32) -> String + Sync),
    pub pairs: &'a Pairs<'a>,
}

/// The same, parsed.
pub(crate) struct Answers<'a> {
    pub unless: &'a Unless<'a>,
    pub query: Query,
}

impl<B: Backend> Record<B> {
    pub(super) async fn is_answered(&self, answers: &Answers<'_>, head: &Head) -> Result<bool, RecordError> {
        let name = (answers.unless.name)(head.id(), head.version);
        let Some(key) = ResourceKey::parse(answers.unless.kind, &name) else { return Ok(false) };
        let Some(answer) = self.find(&key).await? else { return Ok(false) };
        let answer = answer.head;
        // Whoever writes in another chart answers nothing of this one.
        let counts = !answer.deleted() && answer.chart == head.chart;
        if !counts {
            return Ok(false);
        }
        // What is sensitive is sealed apart; it is looked into to decide, and not to show.
        let permit = Permit::system(SystemPurpose::Decide);
        let apart = self.apart_values(&permit, &answer, false).await?;
        Ok(answers.query.matches(&answer.search_meta(), values_of(&answer, apart.as_deref())))
    }
}
