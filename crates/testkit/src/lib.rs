//! For tests only: a real server in this process, a record without HTTP, a client, a clock that stands, a log that traps.

mod client;
mod clock;
mod record;
mod server;
mod totp;
mod trap;

pub use client::{Answer, Client, ClientError, Request};
pub use clock::FakeClock;
pub use record::TestRecord;
pub use server::{TestServer, TestUser};
pub use totp::totp_code;
pub use trap::LogTrap;
