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
mod letters;
mod mine;
mod passkey;
mod recent;
mod risk;
mod somebody_else;
mod talk;

pub use about::about;
pub use access::{
    KeptPasskey, of_patient as passkeys_of_patient, own as own_passkeys, remove as take_passkey,
    remove_own as remove_own_passkey,
};
pub use beside::{note, summary};
pub use follow::{Hosts, follow};
pub use guest::forms::{ShownForms, has_come, later as forms_later, list as forms, page as form, send as send_form};
pub use guest::{VISIT_COOKIE, agree, check, code, guest, guest_relay, host_relay, open, ticket as guest_ticket};
pub use host::{invite, may_host, page as host, revoke, session as host_session, ticket as host_ticket};
pub use keep::{again as retry_held, file as keep_file, held, throw_away as drop_held};
pub use letters::{Told, Visited};
pub use mine::{Mine, enter, visits as mine};
pub use passkey::{enrol as enrol_passkey, passkey, prove as prove_passkey};
pub use risk::{decide, relay, risk, seen};
pub use talk::keep as keep_talk;

use ::access::UserId;
use outward::Occasion;
use telehealth::link::{CLOSES_AFTER_MS, OPENS_BEFORE_MS};
use telehealth::sheets::SheetError;
use telehealth::status::EndReason;

use super::Answer;
use crate::Web;
use crate::refusal::Refusal;

/// Where the link of a guest leads; its secret stands behind `#` and so reaches no log.
const GUEST_PATH: &str = "/visit";

/// The appointment is not to be: its links open nothing any more, and who is in the room is out. Where it is cancelled, who was sent a
/// link is written to; who did not come knows.
pub async fn called_off(web: &Web, of: Visited<'_>, is_cancelled: bool) -> Told {
    let told = match web.guests().revoke_all(of.visit, of.version).await {
        Ok(concerned) if is_cancelled => letters::tell(web, of, Occasion::VisitCancelled, concerned).await,
        Ok(_) => Told::Nobody,
        Err(error) => {
            tracing::error!(%error, "links into a visit that was called off could not be closed");
            Told::None
        }
    };
    web.hall().close(of.visit, EndReason::Revoked);
    told
}

/// The appointment is at another time: what was decided about it and its links go there too. Where it does not open now, who waits for
/// it goes, and comes anew. Who was sent a link is written to.
pub async fn put_off(web: &Web, of: Visited<'_>) -> Told {
    let Visited { visit, version, start_ms, end_ms } = of;
    let now_ms = web.record().now_ms();
    let comes_anew = !(start_ms - OPENS_BEFORE_MS..end_ms + CLOSES_AFTER_MS).contains(&now_ms);
    if let Err(error) = web.sheets().change(visit, |sheet| sheet.put_off(start_ms, comes_anew)) {
        tracing::error!(%error, "what was decided about a visit could not be moved with it");
    }
    let told = match web.guests().move_to(visit, version, start_ms, end_ms).await {
        Ok(concerned) => letters::tell(web, of, Occasion::VisitMoved, concerned).await,
        Err(error) => {
            tracing::error!(%error, "links into a visit could not be moved with it");
            Told::None
        }
    };
    if comes_anew && web.hall().view(visit).is_some_and(|room| !room.has_host) {
        web.hall().close(visit, EndReason::Revoked);
    }
    told
}

/// How the rooms of visits call the account of somebody who is signed in.
fn account_of(user: UserId) -> String {
    format!("user-{}", user.0)
}

/// The account that is called so, and no other.
fn user_of(account: &str) -> Option<UserId> {
    let user = account.strip_prefix("user-")?.parse().ok().map(UserId)?;
    (account_of(user) == account).then_some(user)
}

fn unread(error: SheetError) -> Refusal {
    tracing::error!(%error, "the sheet of a visit");
    Refusal::Defect
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_called_one_thing() {
        for user in [UserId(0), UserId(7), UserId(u64::MAX)] {
            assert_eq!(user_of(&account_of(user)), Some(user));
        }
        for other in
            ["", "7", "user-", "user-user-7", "user-07", "user-+7", "User-7", "user-7 ", "user-18446744073709551616"]
        {
            assert_eq!(user_of(other), None, "{other}");
        }
    }
}
