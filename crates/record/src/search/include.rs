//! `_include` and `_revinclude`: what a page's matches refer to, and what refers to them, as far as the caller may see it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use access::{Action, Caller};
use fhir::search::{Include, Query};
use store::{Backend, RowNo};

use super::{Hit, Wanted, shows, values_of};
use crate::cursor::Position;
use crate::head::Head;
use crate::request::ResourceKey;
use crate::tally::Tally;
use crate::{INCLUDES_MAX, Record, RecordError, types};

/// What is gathered while references are followed.
struct Net<'n> {
    known: &'n mut HashSet<RowNo>,
    included: &'n mut Vec<Hit>,
    tally: &'n mut Tally,
}

impl<B: Backend> Record<B> {
    /// What `_include` and `_revinclude` add to a page.
    pub(super) async fn included(
        &self,
        caller: &Caller,
        query: &Query,
        hits: &[Hit],
        tally: &mut Tally,
    ) -> Result<Vec<Hit>, RecordError> {
        let mut included: Vec<Hit> = Vec::new();
        let mut known: HashSet<RowNo> = hits.iter().map(|hit| hit.head.row).collect();
        let mut from = 0..hits.len();
        let mut first = true;
        // Round by round: what was added last is followed again by rules that say `:iterate`.
        while !from.is_empty() {
            let before = included.len();
            let sources: Vec<Arc<Head>> = match first {
                true => hits.iter().map(|hit| hit.head.clone()).collect(),
                false => included[from.clone()].iter().map(|hit| hit.head.clone()).collect(),
            };
            for head in &sources {
                for include in query.includes().iter().filter(|i| first || i.iterate) {
                    self.follow(caller, include, head, &mut Net { known: &mut known, included: &mut included, tally })
                        .await?;
                }
                for include in query.revincludes().iter().filter(|i| first || i.iterate) {
                    self.follow_back(
                        caller,
                        include,
                        head,
                        &mut Net { known: &mut known, included: &mut included, tally },
                    )
                    .await?;
                }
            }
            first = false;
            from = before..included.len();
        }
        Ok(included)
    }

    async fn follow(
        &self,
        caller: &Caller,
        include: &Include,
        head: &Head,
        net: &mut Net<'_>,
    ) -> Result<(), RecordError> {
        if head.type_name() != include.source {
            return Ok(());
        }
        let Ok(permit) = self.judge(caller, Action::Search, head, head).await? else {
            return Ok(());
        };
        if !shows(permit.view(), include.source, include.param) {
            return Ok(());
        }
        let apart = self.apart_values(&permit, head, false).await?;
        let references: Vec<(&'static str, String)> = values_of(head, apart.as_deref())
            .references(include.param)
            .filter(|(target, _)| include.target.is_none_or(|wanted| wanted == *target))
            .map(|(target, id)| (target, id.to_owned()))
            .collect();
        for (target, id) in references {
            let Some(key) = ResourceKey::parse(target, &id) else { continue };
            let Some(current) = self.find(&key).await? else { continue };
            self.add(caller, current.head, net).await?;
        }
        Ok(())
    }

    async fn follow_back(
        &self,
        caller: &Caller,
        include: &Include,
        head: &Head,
        net: &mut Net<'_>,
    ) -> Result<(), RecordError> {
        let Some(kind) = types::parse(include.source) else { return Ok(()) };
        let Ok(scope) = self.policies().scope(caller, Action::Search, kind) else { return Ok(()) };
        if !shows(scope.view(), kind.name, include.param) {
            return Ok(());
        }
        let pair = (Cow::from(include.param.code), Cow::from(head.reference()));
        let query = self.query(kind, &[pair], false)?;
        let wanted = Wanted { from: Position::default(), count: INCLUDES_MAX + 1, total: false };
        let found = Box::pin(self.matches(&scope, &query, None, wanted, net.tally)).await?;
        for hit in found.hits {
            self.add(caller, hit.head, net).await?;
        }
        Ok(())
    }

    /// Adds what the caller may see. More than fits is refused, never cut silently.
    async fn add(&self, caller: &Caller, head: Arc<Head>, net: &mut Net<'_>) -> Result<(), RecordError> {
        if head.deleted() || !net.known.insert(head.row) {
            return Ok(());
        }
        let Ok(permit) = net.tally.judged(self.judge(caller, Action::Search, &head, &head).await?) else {
            return Ok(());
        };
        if net.included.len() == INCLUDES_MAX {
            return Err(RecordError::TooCostly { limit: INCLUDES_MAX });
        }
        net.included.push(Hit { head, permit });
        Ok(())
    }
}
