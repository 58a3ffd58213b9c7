//! A visit by video: the clinician's side, from the day's list, and the side of who comes by a link.

mod about;
mod guest;
mod host;
mod mine;
mod recent;

pub use about::about;
pub use guest::{VISIT_COOKIE, agree, check, code, guest, guest_relay, host_relay, open, ticket as guest_ticket};
pub use host::{invite, may_host, page as host, revoke, ticket as host_ticket};
pub use mine::{Mine, enter, visits as mine};

use telehealth::sheets::SheetError;

use super::Answer;
use crate::refusal::Refusal;

/// Where the link of a guest leads; its secret stands behind `#` and so reaches no log.
const GUEST_PATH: &str = "/visit";

fn unread(error: SheetError) -> Refusal {
    tracing::error!(%error, "the sheet of a visit");
    Refusal::Defect
}
