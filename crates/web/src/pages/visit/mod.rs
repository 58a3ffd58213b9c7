//! A visit by video: the clinician's side, from the day's list, and the side of who comes by a link.

mod about;
mod about_forms;
mod access;
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
pub use access::{
    KeptPasskey, of_patient as passkeys_of_patient, own as own_passkeys, remove as take_passkey,
    remove_own as remove_own_passkey,
};
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
use telehealth::status::EndReason;

use super::Answer;
use crate::Web;
use crate::refusal::Refusal;

/// Where the link of a guest leads; its secret stands behind `#` and so reaches no log.
const GUEST_PATH: &str = "/visit";

/// The appointment is not to be: its links open nothing any more, and who is in the room is out.
pub async fn called_off(web: &Web, visit: &str) {
    if let Err(error) = web.guests().revoke_all(visit).await {
        tracing::error!(%error, "links into a visit that was called off could not be closed");
    }
    web.hall().close(visit, EndReason::Revoked);
}

/// The appointment is at another time: its links open with it.
pub async fn put_off(web: &Web, visit: &str, start_ms: i64, end_ms: i64) {
    if let Err(error) = web.guests().move_to(visit, start_ms, end_ms).await {
        tracing::error!(%error, "links into a visit could not be moved with it");
    }
}

fn unread(error: SheetError) -> Refusal {
    tracing::error!(%error, "the sheet of a visit");
    Refusal::Defect
}
