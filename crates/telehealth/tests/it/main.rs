//! The room as its participants see it, and relays as clients do.

#![expect(clippy::unwrap_used, reason = "tests")]

mod coturn;
mod embedded;
mod people;
mod risk;
mod room;
mod room_properties;
mod turn_client;
