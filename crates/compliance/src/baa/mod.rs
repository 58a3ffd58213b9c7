//! Business associate agreements (45 CFR 164.308(b), 164.314(a), 164.502(e), 164.504(e)): which there are, which are in force,
//! and that nothing goes to a vendor without one.

mod agreement;
mod cover;
mod day;
mod register;
mod watch;

pub use agreement::{Agreement, Amendment, Digest, Ended, FieldChange, Service, Standing, Terms, covering};
pub use cover::{Cover, Party};
pub use day::Day;
pub use register::{Register, RegisterParts};
