//! What somebody else of the house would be let do, before something is given to them: lists offer only who could open it.
//!
//! Nothing is opened by it and nobody acts by it: whoever is given something is decided by their own session when they come.

use access::{Action, DecisionKey, Facts, Labels, Relations, RoleSet, Traits};
use store::Backend;

use crate::{Record, RecordError, ResourceKey, types};

impl<B: Backend> Record<B> {
    /// The row by which accounts name a Practitioner of the directory; none where there is no such person.
    pub async fn practitioner_row(&self, id: &str) -> Result<Option<u64>, RecordError> {
        let Some(key) = ResourceKey::parse("Practitioner", id) else { return Ok(None) };
        let held = self.find(&key).await?.filter(|current| !current.head.deleted());
        Ok(held.map(|current| current.head.row))
    }

    /// Whether policy lets somebody of these roles do each of these with a current resource of a patient whom they treat, which another
    /// wrote and which is as sensitive as `like`: something the caller was shown before they ask. Part 2 records go on to who treats
    /// under the consent by which the caller was shown them. What a patient refuses to one person by name is not looked at here.
    pub async fn would(
        &self,
        roles: RoleSet,
        is_licensed: bool,
        asks: &[(Action, &str)],
        like: Option<&ResourceKey>,
    ) -> Result<bool, RecordError> {
        let Some(purpose) = roles.iter().next().map(access::Role::usual_purpose) else { return Ok(false) };
        let labels = match like {
            Some(key) => self.find(key).await?.map_or(Labels::NONE, |current| current.head.labels),
            None => Labels::NONE,
        };
        let labels = labels.without(Labels::OF_ELEMENTS);
        let consented = if labels.contains(Labels::PART2) { Relations::PART2_CONSENT } else { Relations::NONE };
        for (action, kind) in asks {
            let key = DecisionKey {
                roles,
                action: *action,
                kind: types::parse(kind).ok_or(RecordError::Damaged)?,
                labels,
                traits: Traits::CURRENT,
                relations: Relations::TREATING.union(consented),
                purpose,
                facts: Facts { licensed: is_licensed, ..Facts::GOOD },
                in_scope: true,
            };
            if self.policies().decide_key(&key).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
