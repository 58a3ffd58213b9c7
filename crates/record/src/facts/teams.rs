//! In which care teams somebody is: what lists of messages and tasks are searched by.

use std::borrow::Cow;

use access::{Action, Caller};
use store::Backend;

use crate::cursor::Position;
use crate::search::Wanted;
use crate::tally::Tally;
use crate::{Record, RecordError, types};

impl<B: Backend> Record<B> {
    /// Ids of active CareTeams that name one of these people or roles (`Practitioner/a,PractitionerRole/b`) and that the caller may
    /// see; and whether there are more. They go into another search, which is decided hit by hit and audited; nobody is shown
    /// anything of a team, so it discloses nothing, and no chart's log fills up because its clinicians look for their messages.
    pub async fn teams_of(
        &self,
        caller: &Caller,
        named: &str,
        teams_max: usize,
    ) -> Result<(Vec<String>, bool), RecordError> {
        let kind = types::parse("CareTeam").ok_or(RecordError::Damaged)?;
        // Who never sees a team has none.
        let Ok(scope) = self.policies().scope(caller, Action::Search, kind) else { return Ok(Default::default()) };
        let pairs = [("participant", named), ("status", "active")];
        let pairs = pairs.map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)));
        let query = self.query(kind, &pairs, false)?;
        if crate::search::visible(&scope, &query).is_err() {
            return Ok(Default::default());
        }
        let wanted = Wanted { from: Position::default(), count: teams_max, total: false };
        let found = self.matches(&scope, &query, None, wanted, &mut Tally::default()).await?;
        Ok((found.hits.iter().map(|hit| hit.head.id().to_owned()).collect(), found.more))
    }
}
