//! Who comes in: a session by bearer (the command line) or by cookie (pages), never a token that was issued for programs.

use access::{Action, Caller, Object, Reason, TypeRef};
use http::header::{COOKIE, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Method, header};
use identity::{Connection, Identity, Session, SessionRefusal};
use record::{Audited, RecordError};

use super::Manage;
use super::problem::Problem;
use super::route::Gate;
use crate::extract::{ConnectionNo, Peer, bearer};

/// Only over TLS, for this host alone, and not to be read by scripts (RFC 6265bis, section 4.1.3.2).
pub const COOKIE_NAME: &str = "__Host-wardstone";
pub const CSRF_HEADER: &str = "x-wardstone-csrf";
const FETCH_SITE: &str = "sec-fetch-site";

/// Who asks, and how the session came along.
pub(super) struct Guest {
    pub session: Session,
    pub by_cookie: bool,
}

impl Guest {
    /// Who has no role yet has own sessions and devices, and nothing that needs a caller.
    pub fn caller(&self) -> Result<&Caller, Problem> {
        self.session.caller.as_ref().ok_or_else(Problem::not_permitted)
    }
}

/// Where the request comes from; an event without an address would be worse than no answer.
pub(super) fn connection<'p>(parts: &'p Parts, request_id: u128) -> Result<Connection<'p>, Problem> {
    let (Some(Peer(address)), Some(ConnectionNo(number))) =
        (parts.extensions.get::<Peer>(), parts.extensions.get::<ConnectionNo>())
    else {
        return Err(Problem::defect());
    };
    let user_agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok(Connection { number: *number, address: *address, user_agent, request_id })
}

/// The session of the request; none where the address needs none.
pub(super) async fn pass(
    manage: &Manage,
    gate: Gate,
    parts: &Parts,
    from: &Connection<'_>,
) -> Result<Option<Guest>, Problem> {
    if gate == Gate::Open {
        // A page of another site could sign its reader in as somebody else.
        same_site(&parts.headers, manage.origin())?;
        return Ok(None);
    }
    let guest = match bearer(parts) {
        Some(secret) => by_bearer(&manage.0.identity, secret, from).await?,
        None => by_cookie(manage, parts, from).await?,
    };
    if let Gate::May(action) = gate {
        may(manage, &guest, action).await?;
    }
    // Whoever changes something, or types a command, is there. A page that looks by itself is not.
    if !guest.by_cookie || !is_safe(&parts.method) {
        manage.0.identity.touch(&guest.session);
    }
    Ok(Some(guest))
}

async fn by_bearer(identity: &Identity, secret: &str, from: &Connection<'_>) -> Result<Guest, Problem> {
    match identity.session(secret, from).await {
        // A stolen cookie is not better for being sent as a bearer: it still needs the device's connection.
        Ok(session) => Ok(Guest { session, by_cookie: false }),
        Err(SessionRefusal::Unknown) if identity.bearer(secret, from).is_some() => Err(Problem::no_session()),
        Err(refusal) => Err(refused(refusal)),
    }
}

async fn by_cookie(manage: &Manage, parts: &Parts, from: &Connection<'_>) -> Result<Guest, Problem> {
    let cookie = cookie(&parts.headers).ok_or_else(Problem::not_signed_in)?;
    if !is_safe(&parts.method) {
        same_site(&parts.headers, manage.origin())?;
    }
    let session = manage.0.identity.session(cookie, from).await.map_err(refused)?;
    if !is_safe(&parts.method) {
        let sent = parts.headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !session.is_csrf(sent) {
            return Err(Problem::cross_site());
        }
    }
    Ok(Guest { session, by_cookie: true })
}

/// Policy decides, and the record audits what it denies. What a fresh verification would open is said to be that.
async fn may(manage: &Manage, guest: &Guest, action: Action) -> Result<(), Problem> {
    let (caller, record) = (guest.caller()?, &manage.0.record);
    let refused = match record.may(caller, action, tried(action)).await {
        Ok(()) => return Ok(()),
        Err(refused) => refused,
    };
    let system = Object::of(TypeRef::SYSTEM, None, None);
    let denial = record.policies().decide(caller, action, &system).err();
    match denial.filter(|_| matches!(refused, RecordError::Denied(_))) {
        Some(denial) if denial.explain().attributes.contains(&Reason::MfaFresh.name()) => Err(Problem::step_up()),
        // Which addresses there are is no secret; a denial here never looks like absence.
        Some(_) => Err(Problem::not_permitted()),
        None => Err(refused.into()),
    }
}

/// As what the log tells of an attempt.
const fn tried(action: Action) -> Audited {
    match action {
        Action::ManageRoles => Audited::RoleChange,
        Action::ManageDevices => Audited::DeviceChange,
        Action::ManagePolicies => Audited::PolicyChange,
        Action::ReviewAlerts | Action::TendAlerts => Audited::AlertChange,
        Action::ReadAgreements | Action::ManageAgreements => Audited::AgreementChange,
        Action::Explain => Audited::Explain,
        _ => Audited::AccountChange,
    }
}

fn refused(refusal: SessionRefusal) -> Problem {
    match refusal {
        SessionRefusal::Unknown | SessionRefusal::OtherDevice => Problem::not_signed_in(),
        SessionRefusal::Unproven { challenge } => Problem::unproven(challenge),
        SessionRefusal::Unavailable(error) => error.into(),
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Browsers say where a request comes from, and no page can make them say otherwise. What says nothing is no browser.
fn same_site(headers: &HeaderMap, origin: &str) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let is_own = match (text(FETCH_SITE), text(ORIGIN.as_str())) {
        (Some(site), sent) => site == "same-origin" && sent.is_none_or(|sent| sent == origin),
        (None, Some(sent)) => sent == origin,
        (None, None) => cookie(headers).is_none(),
    };
    if is_own { Ok(()) } else { Err(Problem::cross_site()) }
}

/// The one cookie of this name; two of them are somebody's trick.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let mut found = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE_NAME)
        .map(|(_, value)| value);
    found.next().filter(|_| found.next().is_none())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const OWN: &str = "https://clinic.example:8443";

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_request_from_another_page_is_refused() {
        let passes = |pairs: &[(&'static str, &'static str)]| same_site(&headers(pairs), OWN).is_ok();
        assert!(passes(&[("sec-fetch-site", "same-origin"), ("origin", OWN)]));
        assert!(passes(&[("sec-fetch-site", "same-origin")]));
        assert!(passes(&[("origin", OWN)]));
        assert!(passes(&[]), "a command line says nothing and has no cookie");
        for site in ["cross-site", "same-site", "none", ""] {
            assert!(!passes(&[("sec-fetch-site", site), ("origin", OWN)]), "{site}");
        }
        for origin in ["https://clinic.example", "http://clinic.example:8443", "https://evil.example", "null", ""] {
            assert!(!passes(&[("origin", origin)]), "{origin}");
        }
        assert!(!passes(&[("cookie", "__Host-wardstone=x")]), "a browser that hides where it comes from");
    }

    #[test]
    fn one_cookie_is_read_and_two_are_none() {
        let held = |line: &'static str| headers(&[("cookie", line)]);
        assert_eq!(cookie(&held("a=b; __Host-wardstone=x; c=d")), Some("x"));
        assert_eq!(cookie(&held("__Host-wardstone=x; __Host-wardstone=y")), None);
        assert_eq!(cookie(&held("wardstone=x")), None);
    }
}
