//! Argon2 costs 46 MiB and tens of milliseconds: as many at once as there are cores, a short queue, then "busy".

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crypto::PasswordHash;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::{IdentityError, SignInRefusal};

/// Sign-ins that wait for a core, at most: about two seconds of work.
pub const QUEUE_MAX: usize = 64;

pub(crate) struct HashPool {
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    nobody: Arc<PasswordHash>,
}

impl HashPool {
    pub fn new(cores: usize) -> Result<Self, IdentityError> {
        Ok(Self {
            slots: Arc::new(Semaphore::new(cores.max(1))),
            waiting: AtomicUsize::new(0),
            nobody: Arc::new(PasswordHash::of_nobody()?),
        })
    }

    /// Compares with the stored password, or does the same work where there is none.
    pub async fn matches(&self, stored: Option<&[u8]>, password: Zeroizing<String>) -> Result<bool, SignInRefusal> {
        let hash = match stored {
            Some(bytes) => Arc::new(PasswordHash::from_bytes(bytes).map_err(IdentityError::Crypto)?),
            None => self.nobody.clone(),
        };
        Ok(self.run(move || hash.matches(password.as_bytes())).await??)
    }

    pub async fn hash(&self, password: Zeroizing<String>) -> Result<Zeroizing<Vec<u8>>, SignInRefusal> {
        let hash = self.run(move || PasswordHash::of(password.as_bytes())).await??;
        Ok(hash.to_bytes())
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, SignInRefusal> {
        let _place = Place::take(&self.waiting).ok_or(SignInRefusal::Busy)?;
        let slot = self.slots.clone().acquire_owned().await.map_err(|_| IdentityError::Ended)?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(slot);
            result
        });
        Ok(done.await.map_err(|_| IdentityError::Ended)?)
    }
}

impl From<crypto::CryptoError> for SignInRefusal {
    fn from(error: crypto::CryptoError) -> Self {
        SignInRefusal::Unavailable(error.into())
    }
}

/// One place in the queue, given back however the wait ends.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = Place(waiting);
        (waiting.fetch_add(1, Ordering::AcqRel) < QUEUE_MAX).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn beyond_the_queue_the_answer_is_busy_and_places_come_back() {
        let pool = HashPool::new(1).unwrap();
        let places: Vec<_> = (0..QUEUE_MAX).map(|_| Place::take(&pool.waiting).unwrap()).collect();
        let refused = pool.matches(None, Zeroizing::new("x".into())).await;
        assert!(matches!(refused, Err(SignInRefusal::Busy)));
        drop(places);
        assert!(!pool.matches(None, Zeroizing::new("x".into())).await.unwrap());
        assert_eq!(pool.waiting.load(Ordering::Acquire), 0);
    }
}
