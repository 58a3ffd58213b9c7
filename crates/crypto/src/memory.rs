//! What the operating system may see of this process's memory: no core dump, no debugger of the same user.

/// Turns off core dumps and `ptrace` by the same user. Says which of the two did not work, for `doctor`.
pub fn harden() -> Result<(), &'static str> {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(rustix::process::Resource::Core, none)
        .map_err(|_| "core dumps could not be turned off")?;
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .map_err(|_| "the process could not be made undumpable")
}
