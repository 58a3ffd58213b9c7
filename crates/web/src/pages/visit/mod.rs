//! A visit by video: the clinician's side, from the day's list, and the side of who comes by a link.

mod about;
mod about_forms;
mod beside;
mod encounter;
mod follow;
mod guest;
mod host;
mod keep;
mod mine;
mod passkey;
mod recent;
mod risk;
mod talk;

pub use about::about;
pub use beside::{note, summary};
pub use follow::{Hosts, follow};
pub use guest::forms::{later as forms_later, list as forms, page as form, send as send_form};
pub use guest::{VISIT_COOKIE, agree, check, code, guest, guest_relay, host_relay, open, ticket as guest_ticket};
pub use host::{invite, may_host, page as host, revoke, session as host_session, ticket as host_ticket};
pub use keep::{again as retry_held, file as keep_file, held, throw_away as drop_held};
pub use mine::{Mine, enter, visits as mine};
pub use passkey::{enrol as enrol_passkey, passkey, prove as prove_passkey};
pub use risk::{decide, relay, risk, seen};
pub use talk::keep as keep_talk;

use telehealth::sheets::SheetError;

use super::Answer;
use crate::refusal::Refusal;

/// Where the link of a guest leads; its secret stands behind `#` and so reaches no log.
const GUEST_PATH: &str = "/visit";

fn unread(error: SheetError) -> Refusal {
    tracing::error!(%error, "the sheet of a visit");
    Refusal::Defect
}
