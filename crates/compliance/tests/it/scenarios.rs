//! Labelled scenarios.
