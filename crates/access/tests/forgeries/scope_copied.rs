//! A scope cannot be copied.

use wardstone_access::Scope;

fn again(scope: &Scope) -> Scope {
    scope.clone()
}

fn main() {}
