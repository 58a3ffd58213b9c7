//! A caller cannot be had without its checks.

use wardstone_access::{Caller, CallerParts};

fn pretend(parts: CallerParts) -> Caller {
    Caller(parts)
}

fn main() {}
