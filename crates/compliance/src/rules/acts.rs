//! Acts that speak for themselves: broken glass, a replayed cookie, a granted role, a log or a document that does not verify, a
//! command on the machine.

use audit::Action;
use audit::event::Outcome;

use super::{Finding, Rule, Seen};
use crate::alert::{About, Severity};

/// Roles that open every door or watch those who do.
const POWERFUL: [&str; 3] = ["admin", "privacy_officer", "auditor"];

/// Words of no grant that matters: nothing, and a patient's access to the own chart.
const ORDINARY: [&str; 3] = ["", "none", "patient"];

pub fn observe(seen: Seen<'_>, out: &mut Vec<Finding>) {
    let event = seen.event;
    match event.action {
        Action::BreakGlass => {
            let severity = if seen.is_success() { Severity::High } else { Severity::Medium };
            let about = About { chart: seen.charts().first().copied(), ..seen.person() };
            out.push(Finding::of(Rule::BreakGlass, severity, seen, about));
        }
        Action::CookieReplay => {
            let about = About { address: event.whence.address, ..seen.person() };
            out.push(Finding::of(Rule::CookieReplay, Severity::High, seen, about));
        }
        Action::RoleChange => out.extend(granted(seen)),
        // Of one document in a chart, not of the log.
        Action::Verify if matches!(event.outcome, Outcome::Failed { .. }) && !event.objects.is_empty() => {
            let about = About { chart: seen.charts().first().copied(), ..seen.person() };
            out.push(Finding::of(Rule::DocumentDamaged, Severity::Critical, seen, about));
        }
        Action::Verify if matches!(event.outcome, Outcome::Failed { .. }) => {
            out.push(Finding::of(Rule::LogVerification, Severity::Critical, seen, seen.person()));
        }
        _ => {}
    }
    if event.who.role == "operator" {
        let severity = match event.action {
            Action::Restore | Action::KeyEvent | Action::Erase | Action::AccountChange | Action::RoleChange => {
                Severity::High
            }
            _ => Severity::Medium,
        };
        out.push(Finding::of(Rule::OperatorCommand, severity, seen, seen.person()));
    }
}

/// `user 7: nurse -> nurse,billing until 1795348800000: why`; denied: `user 7: admin by oneself`.
fn granted(seen: Seen<'_>) -> Option<Finding> {
    let subject = seen.event.subject.unwrap_or_default();
    let user = subject.strip_prefix("user ").and_then(|rest| rest.split(':').next()?.trim().parse().ok());
    let about = |what: String| About { user, what: Some(what), ..seen.person() };
    if !seen.is_success() {
        if subject.ends_with("by oneself") {
            return Some(Finding::of(Rule::RoleGrant, Severity::Critical, seen, about("by oneself".into())));
        }
        return None;
    }
    let Some(change) = user.and_then(|_| subject.split_once(": ")).map(|(_, rest)| rest) else {
        // What cannot be read is looked at.
        return Some(Finding::of(Rule::RoleGrant, Severity::High, seen, about("unreadable".into())));
    };
    let Some((before, rest)) = change.split_once("->") else {
        return Some(Finding::of(Rule::RoleGrant, Severity::High, seen, about("unreadable".into())));
    };
    let after = rest.trim_start().split([' ', ':']).next().unwrap_or_default();
    let held: Vec<&str> = before.trim().split(',').collect();
    let new: Vec<&str> = after.split(',').filter(|role| !ORDINARY.contains(role) && !held.contains(role)).collect();
    if new.is_empty() {
        return None;
    }
    let severity = match new.as_slice() {
        new if new.iter().any(|role| POWERFUL.contains(role)) => Severity::High,
        ["proxy"] => Severity::Low,
        _ => Severity::Medium,
    };
    Some(Finding::of(Rule::RoleGrant, severity, seen, about(new.join(","))))
}
