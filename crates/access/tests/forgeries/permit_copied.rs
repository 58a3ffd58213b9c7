//! A permit cannot be copied.

use wardstone_access::{Permit, SystemPurpose};

fn main() {
    let permit = Permit::system(SystemPurpose::Backup);
    let _again = permit.clone();
}
