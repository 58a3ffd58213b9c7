//! A permit that was given away is gone.

use wardstone_access::{Permit, SystemPurpose};

fn open(_: Permit) {}

fn main() {
    let permit = Permit::system(SystemPurpose::Backup);
    open(permit);
    open(permit);
}
