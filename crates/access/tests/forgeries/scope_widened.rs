//! A scope cannot be widened.

use wardstone_access::{Charts, Scope};

fn widen(scope: &mut Scope) {
    scope.charts = Charts::All;
}

fn main() {}
