//! What is written about a visit to who was sent a link: the link itself, and that the visit moved or is not to be.

use compliance::ComplianceError;
use outward::{Letter, Link, Message, MessageId, Occasion, OutwardError, Recipient, Slot};
use telehealth::Secret;
use telehealth::guests::{Correspondent, Way, calendar_name, key_of};

use crate::Web;
use crate::refusal::Refusal;

/// What became of who has a link when the visit changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// There is nobody to tell.
    Nobody,
    /// A letter is on its way, or there.
    Written,
    /// Who was sent a link, or has one by hand, has to be told by somebody.
    Unwritten,
}

/// A visit as letters name it.
#[derive(Clone, Copy)]
pub struct Visited<'v> {
    pub visit: &'v str,
    pub start_ms: i64,
    pub end_ms: i64,
}

impl Visited<'_> {
    fn slot(self, sequence: u32) -> Slot {
        Slot { start_ms: self.start_ms, end_ms: self.end_ms, uid: calendar_name(self.visit), sequence }
    }
}

/// Puts the letter with the link into the outbox. The link is made in any case: who cannot be written to is called.
pub async fn invite(web: &Web, of: Visited<'_>, link: &Secret, to: Recipient) -> Result<&'static str, Refusal> {
    let place = Link::visit(link.bytes()).map_err(|_| Refusal::Defect)?;
    let by = match to {
        Recipient::Email(_) => Way::Email,
        Recipient::Sms(_) => Way::Sms,
    };
    let letter = Letter::new(Occasion::VisitInvitation, Some(of.start_ms), Some(place)).with_slot(of.slot(0));
    let message = Message { id: MessageId(key_of(link)), to, letter, until_ms: of.end_ms };
    match web.outbox().put(message).await {
        Ok(_) => {
            if let Err(error) = web.guests().sent(link, by).await {
                tracing::error!(%error, "that a link was sent could not be kept");
            }
            Ok("It is on its way to the address on file.")
        }
        Err(OutwardError::NotConfigured(_)) => {
            Ok("It was not sent: nothing is set up to send with. Hand it over yourself.")
        }
        Err(OutwardError::Compliance(ComplianceError::NoAgreement { .. })) => {
            Ok("It was not sent: no agreement with who would send it is in force. Hand it over yourself.")
        }
        Err(OutwardError::TooLate) => Ok("It was not sent: the visit is over."),
        Err(error) => {
            tracing::error!(%error, "a link could not be sent");
            Ok("It was not sent. Hand it over yourself.")
        }
    }
}

/// The visit moved, or is cancelled: who was sent a link is written to. It is so whether a letter goes out or not.
pub async fn tell(web: &Web, of: Visited<'_>, occasion: Occasion, whom: Vec<Correspondent>) {
    for one in whom {
        let to = match one.by {
            Way::Email => one.to.parse().map(Recipient::Email).ok(),
            Way::Sms => one.to.parse().map(Recipient::Sms).ok(),
        };
        let Some(to) = to else { continue };
        let letter = Letter::new(occasion, Some(of.start_ms), None).with_slot(of.slot(one.letter.sequence));
        let message = Message { id: MessageId(one.letter.name), to, letter, until_ms: of.end_ms };
        if let Err(error) = web.outbox().put(message).await {
            tracing::warn!(%error, "that a visit changed could not be written to somebody");
        }
    }
}

/// Whether who has a link was written to when the visit changed the last time.
pub fn told(web: &Web, visit: &str) -> Told {
    let Ok(links) = web.guests().of_visit(visit) else { return Told::Unwritten };
    let goes = |name| web.outbox().delivery(MessageId(name)).is_some_and(|delivery| !delivery.is_lost());
    let mut written = links.iter().filter_map(|link| link.letter).filter(|letter| letter.sequence > 0);
    match () {
        () if links.is_empty() => Told::Nobody,
        () if written.any(|letter| goes(letter.name)) => Told::Written,
        () => Told::Unwritten,
    }
}
