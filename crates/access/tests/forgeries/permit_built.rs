//! A permit cannot be written down.

use wardstone_access::{Grantee, Labels, Permit, SystemPurpose, View};

fn main() {
    let grantee = Grantee::System(SystemPurpose::Backup);
    let _ = Permit { grantee, action: None, subject: None, view: View::FULL, categories: Labels::ALL, policy: None };
}
