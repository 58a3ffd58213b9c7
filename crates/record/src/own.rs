//! What somebody keeps for their own notes: templates and phrases. One sealed text a person, on the desk: it is of no patient, lies
//! in no chart, and nobody else has a door to it.

use access::{Action, Caller};
use store::Backend;
use store::desk::{Change, EntryKey, Shelf};
use zeroize::Zeroizing;

use crate::{Record, RecordError, types};

pub const OWN_BYTES_MAX: usize = 128 * 1024;

/// The text and its version; 0 where nothing was ever kept.
pub struct OwnTexts {
    pub version: u32,
    pub text: Zeroizing<String>,
}

impl<B: Backend> Record<B> {
    /// The caller's own. Nobody else's can be named.
    pub async fn own_texts(&self, caller: &Caller) -> Result<OwnTexts, RecordError> {
        self.may_keep(caller).await?;
        let (drafts, key) = (self.0.drafts.clone(), self.own_key(caller));
        let reading = tokio::task::spawn_blocking(move || drafts.desk.get(Shelf::Own, &key));
        match reading.await.map_err(|_| RecordError::Unavailable)?? {
            Some(plain) => decoded(&plain),
            None => Ok(OwnTexts { version: 0, text: Zeroizing::default() }),
        }
    }

    /// In place of the version that its owner saw: two tabs never overwrite each other.
    pub async fn keep_own_texts(&self, caller: &Caller, seen: u32, text: &str) -> Result<u32, RecordError> {
        self.may_keep(caller).await?;
        if text.len() > OWN_BYTES_MAX {
            return Err(RecordError::TooMany { what: "bytes of own texts", limit: OWN_BYTES_MAX });
        }
        let pen = self.0.drafts.pen().await;
        let held = self.own_texts(caller).await?.version;
        if held != seen {
            return Err(RecordError::PreconditionFailed { held });
        }
        let version = held + 1;
        let mut plain = Zeroizing::new(version.to_be_bytes().to_vec());
        plain.extend_from_slice(text.as_bytes());
        let (drafts, key) = (self.0.drafts.clone(), self.own_key(caller));
        let writing = tokio::task::spawn_blocking(move || {
            let written = drafts.desk.write(&[Change::Put { shelf: Shelf::Own, key, plain }]);
            drop(pen);
            written
        });
        writing.await.map_err(|_| RecordError::Unavailable)??;
        Ok(version)
    }

    /// Who ever writes notes.
    async fn may_keep(&self, caller: &Caller) -> Result<(), RecordError> {
        let kind = types::parse("DocumentReference").ok_or(RecordError::Damaged)?;
        match self.policies().ever(caller, Action::Create, kind) {
            Ok(()) => Ok(()),
            Err(denial) => Err(self.refuse(caller, audit::Action::DraftOpen, None, &denial).await),
        }
    }

    fn own_key(&self, caller: &Caller) -> EntryKey {
        self.0.drafts.keys.label(format!("own {}", caller.user().0).as_bytes())
    }
}

fn decoded(plain: &[u8]) -> Result<OwnTexts, RecordError> {
    let (version, text) = plain.split_first_chunk::<4>().ok_or(RecordError::Damaged)?;
    let text = String::from_utf8(text.to_vec()).map_err(|_| RecordError::Damaged)?;
    Ok(OwnTexts { version: u32::from_be_bytes(*version), text: Zeroizing::new(text) })
}
