//! Access: a [`Caller`] and Cedar policies in; a [`Permit`], a [`Scope`] or a [`Denial`] out. Pure: no I/O, no clock.
//!
//! Policies see a closed [`DecisionKey`] and nothing else, so a decision can be cached and a list equals the checks of its items by
//! construction. What a permit opens is stated by the policy itself: `@view` names the elements, `@categories` the sensitive labels.

mod action;
mod cache;
mod caller;
mod collection;
mod engine;
mod error;
mod key;
mod labeler;
mod labels;
mod outcome;
mod policies;
mod purpose;
mod reasons;
mod replay;
mod scopes;
mod types;
mod views;
mod words;

pub use action::Action;
pub use caller::{
    Caller, CallerParts, ChartNo, Facts, GLASS_MAX, LOGIN_BYTES_MAX, PROXIES_MAX, ProxyCategories, ProxyGrant, Role,
    RoleSet, USER_AGENT_BYTES_MAX, UserId,
};
pub use collection::{CollectAction, CollectRule, CollectValue, CollectionPolicy};
pub use error::AccessError;
pub use key::{DecisionKey, Object, PackedKey, Relations, Traits, TypeRef};
pub use labeler::{Labeler, is_government_id};
pub use labels::Labels;
pub use outcome::{Charts, Denial, Explanation, Grantee, Permit, PolicyNo, Reason, Scope};
pub use policies::{LastRuling, Policies, PolicySource, SAFEGUARDS, SOURCE_BYTES_MAX, SOURCE_FILES_MAX};
pub use purpose::{Purpose, SystemPurpose, Use};
pub use replay::{REPLAY_KEYS_MAX, Replay, Replayed};
pub use scopes::{SCOPES_MAX, Scopes};
pub use types::{group_of, resource_types};
pub use views::{TypeView, View};
