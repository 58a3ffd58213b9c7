//! From what the record gives to bytes and headers.

pub mod error;
pub mod json;
pub mod outcome;
pub mod page;
pub mod projection;
pub mod reply;
pub mod time;

pub use error::refuse;
