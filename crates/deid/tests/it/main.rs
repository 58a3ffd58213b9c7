//! What the synthetic clinic promises: the same bytes for the same plan, valid R4, US Core shape and clinical sense.

#![allow(clippy::unwrap_used, reason = "tests")]

mod coherence;
mod determinism;
mod shape;
mod tree;
