//! What is written about a visit to who was sent a link: the link itself, and that the visit moved or is not to be.

use std::collections::BTreeMap;

use compliance::ComplianceError;
use outward::{DeliveryState, Letter, Link, Message, MessageId, Occasion, OutwardError, Recipient, Slot};
use telehealth::Secret;
use telehealth::guests::{Concerned, Correspondent, Way, calendar_name, key_of};

use crate::Web;
use crate::refusal::Refusal;

/// Whether who has a link knows that the visit changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// There is nobody to tell.
    Nobody,
    All,
    /// Others were handed their link, or never got it.
    Some,
    None,
}

/// A visit as letters name it.
#[derive(Clone, Copy)]
pub struct Visited<'v> {
    pub visit: &'v str,
    /// Of the appointment: calendars know by it what is newer.
    pub version: u32,
    pub start_ms: i64,
    pub end_ms: i64,
}

impl Visited<'_> {
    fn slot(self) -> Slot {
        let (uid, sequence) = (calendar_name(self.visit), self.version);
        Slot { start_ms: self.start_ms, end_ms: self.end_ms, uid, sequence }
    }
}

/// Puts the letter with the link into the outbox. The link is made in any case: who cannot be written to is called.
pub async fn invite(web: &Web, of: Visited<'_>, link: &Secret, to: Recipient) -> Result<&'static str, Refusal> {
    let place = Link::visit(link.bytes()).map_err(|_| Refusal::Defect)?;
    let by = match to {
        Recipient::Email(_) => Way::Email,
        Recipient::Sms(_) => Way::Sms,
    };
    let letter = Letter::new(Occasion::VisitInvitation, Some(of.start_ms), Some(place)).with_slot(of.slot());
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
pub async fn tell(web: &Web, of: Visited<'_>, occasion: Occasion, concerned: Concerned) -> Told {
    let outbox = web.outbox();
    let (mut written, mut missed) = (0, concerned.others);
    // One letter to each address, to which any of the links went.
    let mut due: BTreeMap<MessageId, (Correspondent, bool)> = BTreeMap::new();
    for one in concerned.written {
        // What waits says what is not so any more. Not to be withdrawn is what was sent meanwhile.
        outbox.withdraw(MessageId(one.before)).await.ok();
        let has_link = outbox.delivery(MessageId(one.link)).is_none_or(|sent| sent.state == DeliveryState::Sent);
        due.entry(MessageId(one.letter)).or_insert((one, false)).1 |= has_link;
    }
    for (name, (one, has_link)) in due {
        let to = match one.by {
            Way::Email => one.to.parse().map(Recipient::Email).ok(),
            Way::Sms => one.to.parse().map(Recipient::Sms).ok(),
        };
        let Some(to) = to.filter(|_| has_link) else {
            missed += 1;
            continue;
        };
        let letter = Letter::new(occasion, Some(of.start_ms), None).with_slot(of.slot());
        match outbox.put(Message { id: name, to, letter, until_ms: of.end_ms }).await {
            Ok(_) => written += 1,
            Err(error) => {
                tracing::warn!(%error, "that a visit changed could not be written to somebody");
                missed += 1;
            }
        }
    }
    match (written, missed) {
        (0, 0) => Told::Nobody,
        (_, 0) => Told::All,
        (0, _) => Told::None,
        _ => Told::Some,
    }
}

impl Told {
    /// As addresses say it.
    pub fn name(self) -> &'static str {
        match self {
            Told::Nobody => "nobody",
            Told::All => "all",
            Told::Some => "some",
            Told::None => "none",
        }
    }

    pub fn words(name: &str) -> &'static str {
        match name {
            "all" => " A message about it is on its way to who was sent a link.",
            "some" => {
                " A message about it is on its way to who was sent a link; somebody else has one, or never got it: tell them."
            }
            "none" => " Nobody was written to: tell who has a link, or waits for one.",
            _ => "",
        }
    }
}
