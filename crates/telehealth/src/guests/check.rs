//! What a guest says before they come in: who they are, that they agree, and that they want to try the relay; and who came by an
//! account of theirs, who is known already.

use store::desk::EntryKey;

use super::{Guest, GuestError, Guests, Known, SignedIn, came, is_to_agree, is_to_check, key_of, known, put, role_of};
use crate::consent::{self, Language};
use crate::hall::{Happened, LinkEvent, Present, What};
use crate::identity_check::{Channel, Code, IdentityCheck, OnFile, Second, Verified};
use crate::link::{LinkEntry, Purpose};
use crate::room::Invite;
use crate::signal::{ParticipantId, Role};
use crate::{Hashed, Secret};

/// A one-time code on its way.
pub struct Coded {
    /// Of the message, random.
    pub id: EntryKey,
    pub digits: String,
    /// As it is on file.
    pub address: String,
}

/// Who said who they are and agreed: the patient, or who stands for them.
pub struct Visited {
    pub visit: String,
    /// Names the link, and opens nothing.
    pub link: String,
    /// Of the room: opaque.
    pub person: String,
    pub is_proxy: bool,
    /// `user-7`: of who is signed in.
    pub account: Option<String>,
}

impl Guests {
    /// For what only the patient does, or who stands for them, after all that comes before.
    pub async fn visited(&self, link: &Secret, binding: &Secret) -> Result<Visited, GuestError> {
        let _pen = self.pen.lock().await;
        let guest = self.opened(link, binding)?;
        came(&guest)?;
        let is_proxy = match guest.link.purpose {
            Purpose::Patient => false,
            Purpose::Proxy => true,
            _ => return Err(GuestError::NotTheirs),
        };
        Ok(Visited {
            visit: guest.link.visit,
            link: Secret::new(key_of(link)).text(),
            person: guest.person,
            is_proxy,
            account: guest.account,
        })
    }

    /// A form was answered: by whom the log says.
    pub fn answered_form(&self, visited: &Visited) {
        let role = Some(if visited.is_proxy { Role::Proxy } else { Role::Patient });
        let id = ParticipantId::new(Default::default());
        let who = Some(Present { id, person: visited.person.clone(), label: String::new() });
        let what = What::Link(LinkEvent::FormAnswered);
        (self.tell)(Happened { visit: visited.visit.clone(), at_ms: (self.clock)(), role, who, what });
    }

    /// A birth date and one thing more, of who has to say who they are.
    pub async fn check(
        &self,
        link: &Secret,
        binding: &Secret,
        birth_date: &str,
        second: &Second<'_>,
    ) -> Result<Known, GuestError> {
        let _pen = self.pen.lock().await;
        let mut guest = self.opened(link, binding)?;
        if !is_to_check(&guest) {
            return Ok(known(&guest));
        }
        let on_file = OnFile {
            birth_date: guest.birth_date.as_deref(),
            patient_id: guest.number.as_deref(),
            appointment: guest.choices.as_ref().map(|choices| choices.right()),
            choices: guest.choices.as_ref().map_or(0, |choices| choices.all().len()),
        };
        let checked = guest.check.by_link(&on_file, birth_date, second, (self.clock)());
        let refused = checked.map(|verified| guest.verified = Some(verified)).err();
        // The attempt counts before it is answered.
        self.desk.write(&[put(key_of(link), &guest)?])?;
        self.happened(&guest, if refused.is_some() { LinkEvent::CheckFailed } else { LinkEvent::Checked });
        match refused {
            Some(refused) => Err(refused.into()),
            None => Ok(known(&guest)),
        }
    }

    /// A one-time code for what is on file. It counts before it is sent; who could not send it says so with `unsent`.
    pub async fn code(&self, link: &Secret, binding: &Secret, channel: Channel) -> Result<Coded, GuestError> {
        let _pen = self.pen.lock().await;
        let mut guest = self.opened(link, binding)?;
        let on_file = match channel {
            Channel::Email => guest.email.clone(),
            Channel::Sms => guest.phone.clone(),
            Channel::Voice => None,
        };
        let Some(address) = on_file.filter(|_| is_to_check(&guest)) else { return Err(GuestError::NoCode) };
        let (mut random, mut id) = ([0; 8], EntryKey::default());
        if !(self.fill)(&mut random) || !(self.fill)(&mut id) {
            return Err(GuestError::Random);
        }
        let (digits, code) = Code::new(channel, u64::from_be_bytes(random), (self.clock)());
        if !guest.check.expect(code) {
            return Err(GuestError::NoCode);
        }
        self.desk.write(&[put(key_of(link), &guest)?])?;
        self.happened(&guest, LinkEvent::CodeSent);
        Ok(Coded { id, digits, address })
    }

    /// The last code did not go out: it opens nothing, and does not count.
    pub async fn unsent(&self, link: &Secret, binding: &Secret) -> Result<(), GuestError> {
        let _pen = self.pen.lock().await;
        let mut guest = self.opened(link, binding)?;
        guest.check.unsent();
        self.desk.write(&[put(key_of(link), &guest)?])?;
        Ok(())
    }

    /// Somebody who said who they are agrees to a visit by video, in the words of `version`; as whom they did.
    pub async fn agree(
        &self,
        link: &Secret,
        binding: &Secret,
        version: u16,
        language: Language,
    ) -> Result<(Known, Role), GuestError> {
        if version != consent::VERSION {
            return Err(GuestError::OtherWords);
        }
        let _pen = self.pen.lock().await;
        let mut guest = self.opened(link, binding)?;
        if is_to_check(&guest) {
            return Err(GuestError::Unchecked);
        }
        // For a patient speaks the patient, or who stands for them: nobody who came to help.
        if !guest.link.purpose.is_visited() {
            return Err(GuestError::NotTheirs);
        }
        if is_to_agree(&guest) {
            guest.agreed = Some(version);
            self.desk.write(&[put(key_of(link), &guest)?])?;
        }
        self.happened(&guest, LinkEvent::Agreed { version, language });
        Ok((known(&guest), role_of(guest.link.purpose)))
    }

    /// What they agreed to could not be kept: they are asked again.
    pub async fn disagree(&self, link: &Secret, binding: &Secret) -> Result<(), GuestError> {
        let _pen = self.pen.lock().await;
        let mut guest = self.opened(link, binding)?;
        guest.agreed = None;
        self.desk.write(&[put(key_of(link), &guest)?])?;
        Ok(())
    }

    /// A guest may try the relay, for so often, unless `is_out` says of the visit and the person that they were taken out.
    pub async fn try_relay(
        &self,
        link: &Secret,
        binding: &Secret,
        is_out: impl Fn(&str, &str) -> bool,
    ) -> Result<(), GuestError> {
        let _pen = self.pen.lock().await;
        let guest = self.opened(link, binding)?;
        if is_to_check(&guest) {
            return Err(GuestError::Unchecked);
        }
        if is_out(&guest.link.visit, &guest.person) {
            return Err(GuestError::TakenOut);
        }
        self.relay_for(key_of(link), &guest.link.visit, role_of(guest.link.purpose))
    }

    /// A guest may begin to make a passkey, for so often.
    pub fn try_passkey(&self, link: &Secret) -> Result<(), GuestError> {
        self.passkeys.take(key_of(link), (self.clock)()).map_err(|seconds| GuestError::Wait { seconds })
    }

    /// A guest may keep what they type into a form, for so often.
    pub fn try_keep(&self, link: &Secret) -> Result<(), GuestError> {
        self.keeps.take(key_of(link), (self.clock)()).map_err(|seconds| GuestError::Wait { seconds })
    }

    /// The clinician, known by their account.
    pub fn host_tries_relay(&self, visit: &str, account: &str) -> Result<(), GuestError> {
        self.relay_for(half("visit-host", account), visit, Role::Clinician)
    }

    fn relay_for(&self, key: EntryKey, visit: &str, role: Role) -> Result<(), GuestError> {
        let at_ms = (self.clock)();
        self.relays.take(key, at_ms).map_err(|seconds| GuestError::Wait { seconds })?;
        let (visit, what) = (visit.to_owned(), What::Link(LinkEvent::RelayTried));
        (self.tell)(Happened { visit, at_ms, role: Some(role), who: None, what });
        Ok(())
    }

    /// A way in for who signed in, bound to the browser that gets it: what they had before is closed.
    pub async fn welcome(&self, new: SignedIn<'_>) -> Result<(Secret, Secret, Known), GuestError> {
        let (secret, binding) = (self.secret()?, self.secret()?);
        let _pen = self.pen.lock().await;
        let mut changes = self.room_for(new.visit, Some(new.account))?;
        let held = self
            .all()?
            .into_iter()
            .find(|(_, guest)| guest.link.visit == new.visit && guest.account.as_deref() == Some(new.account));
        let mut guest = Guest {
            link: LinkEntry::new(new.visit, new.purpose, &secret, new.start_ms, new.end_ms)?,
            check: IdentityCheck::default(),
            label: new.label.to_owned(),
            person: person_of(new.account),
            birth_date: None,
            number: None,
            verified: Some(Verified::signed_in((self.clock)())),
            choices: None,
            email: None,
            phone: None,
            agreed: held.and_then(|(_, guest)| guest.agreed),
            account: Some(new.account.to_owned()),
            written: None,
        };
        guest.link.open(&secret, &binding, (self.clock)())?;
        changes.push(put(key_of(&secret), &guest)?);
        self.desk.write(&changes)?;
        self.happened(&guest, LinkEvent::SignedIn);
        Ok((secret, binding, known(&guest)))
    }
}

/// Names an account where its name has no business.
fn half(usage: &str, account: &str) -> EntryKey {
    Hashed::of(usage, account.as_bytes()).entry_key()
}

/// Names the place of somebody in a visit to their own browser, and tells nothing else: what it keeps there is theirs alone.
pub fn place_of(visit: &str, invite: &Invite) -> String {
    Secret::new(half("visit-place", &format!("{visit} {:?} {}", invite.role, invite.person))).text()
}

/// As whom a room knows somebody with an account.
pub fn person_of(account: &str) -> String {
    Secret::new(half("visit-person", account)).text()
}
