//! The `wardstone` binary: everything is in the library, so that tests can start the same server in their own process.

fn main() -> std::process::ExitCode {
    server::run()
}
