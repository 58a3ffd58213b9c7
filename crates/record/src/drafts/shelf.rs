//! The desk as drafts use it: what is known of each is in memory, what each says lies sealed; durable first, then known.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crypto::hash::Prf;
use crypto::{Keyring, SealKey};
use store::desk::{Change, Desk, EntryKey, Shelf};
use store::{Backend, RowNo};
use tokio::sync::OwnedMutexGuard;
use zeroize::Zeroizing;

use super::held::Held;
use crate::RecordError;

/// Who holds it changes drafts.
pub type Pen = OwnedMutexGuard<()>;

/// The drafts of one organization: what is known of each, in memory, and the desk that they lie on.
pub(crate) struct Drafts {
    pub desk: Arc<Desk>,
    pub tickets: SealKey,
    devices: Prf,
    pub keys: Prf,
    held: Mutex<HashMap<RowNo, Held>>,
    /// One change at a time; it goes with the change to where that is made durable, so that a request that is given up midway
    /// leaves memory and desk the same.
    pen: Arc<tokio::sync::Mutex<()>>,
}

impl Drafts {
    /// Everything but the texts, opened.
    pub fn open(desk: Arc<Desk>, keyring: &Keyring) -> Result<Self, RecordError> {
        let mut held = HashMap::new();
        for entry in desk.load(Shelf::Draft)? {
            let draft = Held::decode(&entry.plain)?;
            held.insert(draft.row, draft);
        }
        Ok(Self {
            desk,
            tickets: keyring.seal_key("wardstone/draft-ticket/v1"),
            devices: keyring.prf("wardstone/draft-device/v1"),
            keys: keyring.prf("wardstone/draft/v1"),
            held: Mutex::new(held),
            pen: Arc::default(),
        })
    }

    /// The highest row that a draft waits for.
    pub fn row_max(&self) -> RowNo {
        self.lock().keys().copied().max().unwrap_or(0)
    }

    /// What a record keeps of a signed draft, so that it is not signed again.
    pub fn signed_label(&self, row: RowNo) -> store::Keyword {
        self.keys.label(format!("signed {row}").as_bytes())
    }

    /// Takes away drafts that became notes just before the process ended.
    pub async fn tidy<B: Backend>(self: &Arc<Self>, store: &B) -> Result<(), RecordError> {
        let rows: Vec<RowNo> = self.lock().keys().copied().collect();
        for row in rows {
            if store.was_done(&self.signed_label(row)).await?
                && let Some(held) = self.of(row)
            {
                self.remove(self.pen().await, held).await?;
            }
        }
        Ok(())
    }

    pub fn of(&self, row: RowNo) -> Option<Held> {
        self.lock().get(&row).cloned()
    }

    pub fn lock(&self) -> MutexGuard<'_, HashMap<RowNo, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub async fn pen(&self) -> Pen {
        self.pen.clone().lock_owned().await
    }

    /// A key of its own for each author and draft.
    pub fn device_key(&self, user: u64, row: RowNo) -> Zeroizing<[u8; 32]> {
        let mut input = [0; 16];
        input[..8].copy_from_slice(&user.to_be_bytes());
        input[8..].copy_from_slice(&row.to_be_bytes());
        Zeroizing::new(self.devices.compute(&input))
    }

    fn entry_key(&self, row: RowNo) -> EntryKey {
        self.keys.label(format!("draft {row}").as_bytes())
    }

    /// Makes a change durable, then memory follows: also when who asked for it has gone.
    pub async fn write(
        self: &Arc<Self>,
        pen: Pen,
        held: Held,
        text: Option<(EntryKey, Zeroizing<Vec<u8>>)>,
        gone: Vec<EntryKey>,
    ) -> Result<(), RecordError> {
        let head = Zeroizing::new(held.encode()?);
        let mut changes = vec![Change::Put { shelf: Shelf::Draft, key: self.entry_key(held.row), plain: head }];
        changes.extend(text.map(|(key, plain)| Change::Put { shelf: Shelf::DraftText, key, plain }));
        changes.extend(gone.into_iter().map(|key| Change::Remove { shelf: Shelf::DraftText, key }));
        self.change(pen, changes, move |drafts| drafts.insert(held.row, held)).await
    }

    pub async fn remove(self: &Arc<Self>, pen: Pen, held: Held) -> Result<(), RecordError> {
        let texts = held.texts().map(|text| Change::Remove { shelf: Shelf::DraftText, key: text.key });
        let mut changes = vec![Change::Remove { shelf: Shelf::Draft, key: self.entry_key(held.row) }];
        changes.extend(texts);
        self.change(pen, changes, move |drafts| drafts.remove(&held.row)).await
    }

    async fn change(
        self: &Arc<Self>,
        pen: Pen,
        changes: Vec<Change>,
        then: impl FnOnce(&mut HashMap<RowNo, Held>) -> Option<Held> + Send + 'static,
    ) -> Result<(), RecordError> {
        let drafts = self.clone();
        let writing = tokio::task::spawn_blocking(move || {
            drafts.desk.write(&changes)?;
            then(&mut drafts.lock());
            drop(pen);
            Ok(())
        });
        writing.await.map_err(|_| RecordError::Unavailable)?
    }
}
