//! What leaves for other machines: e-mail and text messages that carry no ePHI, kept in an outbox until they are delivered.
//!
//! A message is built from closed words, a time and a random token ([`Letter`]); no type here can be made from a value of the
//! record. The [`Outbox`] keeps it sealed on the desk, and an [`Adapter`] sends it with the register's [`compliance::Cover`]
//! alone: without an agreement in force, or an endpoint that is the organization's own, nothing goes out.

mod adapter;
mod address;
mod authorities;
mod credentials;
mod error;
mod letter;
mod outbox;
mod settings;
mod sms;
mod smtp;

pub use adapter::{Adapter, Failure, Sending};
pub use address::{EmailAddress, Phone, Recipient};
pub use error::OutwardError;
pub use letter::{Clinic, Letter, Link, LinkPlace, Occasion, Rendered, Slot, TOKEN_BYTES_MAX, TOKEN_BYTES_MIN};
pub use outbox::{Adapters, Delivery, DeliveryState, Message, MessageId, Outbox, OutboxParts, TRIES_MAX, delay_ms};
pub use settings::{BodyForm, EmailSettings, Endpoint, Security, Settings, SmsSettings};
pub use sms::HttpSms;
pub use smtp::Smtp;
