//! The granting constructor is this crate's own.

use wardstone_access::Permit;

fn main() {
    let _ = Permit::granted;
}
