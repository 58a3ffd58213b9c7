//! The `wardstone` binary: everything is in the library, so that tests can start the same server in their own process.

/// Measured on the read path: about a tenth of its time went into the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    server::run()
}
