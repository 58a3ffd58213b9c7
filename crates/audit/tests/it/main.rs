//! Facts about events, the tree, tiles, proofs and rendering.
#![expect(clippy::unwrap_used, reason = "tests")]

extern crate wardstone_audit as audit; // the name it has everywhere else in the workspace

mod event;
mod render;
mod tree;
