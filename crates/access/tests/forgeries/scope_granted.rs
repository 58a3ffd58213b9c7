//! A scope cannot be granted from outside.

use wardstone_access::Scope;

fn main() {
    let _ = Scope::granted;
}
