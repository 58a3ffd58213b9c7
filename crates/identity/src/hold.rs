//! What outlives a locked screen: a visit that its person is in the middle of. A hold opens nothing; it says when whatever hangs on it
//! has to stop, because its person signed out, was told to leave, or lost the device.

use tokio::sync::watch;

use crate::session::Ending;
use crate::state::State;
use crate::{Identity, Session};

/// Cheap to clone. What hangs on it stops when it is over.
#[derive(Clone, Debug)]
pub struct Hold {
    over: watch::Receiver<bool>,
}

/// The same, as the state of the house keeps it.
pub(crate) struct Held {
    session: u64,
    user: u64,
    device: Option<u64>,
    over: watch::Sender<bool>,
}

impl Identity {
    /// Holds what this session began, also while its screen is locked.
    pub fn hold(&self, session: &Session) -> Hold {
        let (sender, over) = watch::channel(false);
        let held = Held { session: session.number, user: session.user.0, device: session.device, over: sender };
        self.change_state(|state| {
            if state.session_numbers.contains_key(&session.number) {
                state.holds.retain(|held| !held.over.is_closed());
                state.holds.push(held);
            }
        });
        Hold { over }
    }
}

impl Hold {
    /// Completes when it is over. A sender that is gone means the same.
    pub async fn over(&self) {
        let mut over = self.over.clone();
        let _ = over.wait_for(|over| *over).await;
    }

    pub fn is_over(&self) -> bool {
        *self.over.borrow() || self.over.has_changed().is_err()
    }
}

impl Ending {
    /// The screen is shut and its person is believed to be near: everything closes but what they are in the middle of.
    fn is_of_the_screen(self) -> bool {
        matches!(self, Ending::Idle | Ending::Locked | Ending::Absolute)
    }
}

impl State {
    /// Called for each session that ends, after it is out.
    pub(crate) fn let_go_of_session(&mut self, number: u64, user: u64, device: Option<u64>, why: Ending) {
        if why.is_of_the_screen() {
            return;
        }
        // One that was begun before the screen was locked belongs to the session that unlocked it.
        let live: Vec<u64> = self.session_numbers.keys().copied().collect();
        let is_orphan = |held: &Held| held.user == user && held.device == device && !live.contains(&held.session);
        self.let_go(|held| held.session == number || is_orphan(held));
    }

    pub(crate) fn let_go_of_user(&mut self, user: u64, but: Option<u64>) {
        self.let_go(|held| held.user == user && Some(held.session) != but);
    }

    pub(crate) fn let_go_of_device(&mut self, device: u64) {
        self.let_go(|held| held.device == Some(device));
    }

    fn let_go(&mut self, is_meant: impl Fn(&Held) -> bool) {
        self.holds.retain(|held| {
            let is_over = is_meant(held);
            if is_over {
                held.over.send_replace(true);
            }
            !is_over
        });
    }
}
