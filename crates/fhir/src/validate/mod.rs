//! Validation against the R4 base definitions: structure, cardinality, formats, required codes, references, narrative.
//!
//! On by default, so it must be cheap: one walk over the tree, nothing allocated unless something is wrong.

mod issue;
mod narrative;
mod path;
mod reference;
mod walk;

pub use issue::{ISSUES_MAX, Issue, IssueCode, Severity};

use crate::json::Json;

/// All that is wrong with a resource, at most [`ISSUES_MAX`] issues; empty when it is valid R4.
///
/// Messages and expressions name elements, types, value sets and allowed codes, never a value of the resource.
pub fn validate(resource: &Json<'_>) -> Vec<Issue> {
    let mut walk = walk::Walk::default();
    walk.root(resource);
    walk.issues
}
