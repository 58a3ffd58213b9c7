//! There is no default permit.

use wardstone_access::Permit;

fn main() {
    let _: Permit = Default::default();
}
