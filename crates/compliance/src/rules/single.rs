//! Rules that one event is enough for: broken glass, a replayed cookie, a granted role, a failed verification, work past the server.

use audit::Action;

use super::{Finding, Rule, Severity};
use crate::{Ended, Seen};

pub fn see(seen: &Seen, out: &mut Vec<Finding>) {
    match seen.action {
        Action::BreakGlass => out.push(break_glass(seen)),
        Action::CookieReplay => out.push(Finding::about(Rule::CookieReplay, seen, "a session's cookie was replayed")),
        Action::RoleChange => out.extend(role_change(seen)),
        Action::Verify if !seen.is_success() => {
            let mut finding =
                Finding::about(Rule::LogVerification, seen, "the audit log or the record does not verify");
            finding.subject = "system".to_owned();
            out.push(finding);
        }
        _ => {}
    }
    if seen.role == "operator" {
        out.push(operator(seen));
    }
}

fn break_glass(seen: &Seen) -> Finding {
    let words = if seen.is_success() { "broke the glass" } else { "tried to break the glass and may not" };
    let mut finding = Finding::about(Rule::BreakGlass, seen, words);
    finding.chart = seen.charts.first().copied();
    if !seen.is_success() {
        finding.severity = Severity::Medium;
    }
    finding
}

/// The subject is `user 7: nurse -> nurse, admin: reason`; what cannot be read counts as a grant.
fn role_change(seen: &Seen) -> Option<Finding> {
    let user = seen.subject.strip_prefix("user ").and_then(|rest| rest.split_once(':'));
    let about_user = user.and_then(|(user, _)| user.parse().ok());
    let granted = user.and_then(|(_, change)| granted(change));
    let is_denied = seen.ended != Ended::Success;
    let (words, severity) = match granted {
        _ if is_denied => ("tried to change roles and may not".to_owned(), Severity::High),
        Some(granted) if granted.is_empty() => return None,
        Some(granted) => {
            let severity = if is_powerful(&granted) { Severity::High } else { Severity::Medium };
            (format!("granted {}", granted.join(", ")), severity)
        }
        None => ("changed roles".to_owned(), Severity::Medium),
    };
    let mut finding = Finding::about(Rule::RoleGrant, seen, words);
    (finding.about_user, finding.severity) = (about_user, severity);
    Some(finding)
}

/// Roles after the arrow that are not before it. Only words that are roles are taken, for the rest is somebody's reason.
fn granted(change: &str) -> Option<Vec<String>> {
    let (before, rest) = change.split_once("->")?;
    let after = rest.split_once(':').map_or(rest, |(after, _)| after);
    let roles = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_ascii_lowercase() && c != '_');
        words.filter(|word| access::Role::from_name(word).is_some()).map(str::to_owned).collect()
    };
    let before = roles(before);
    Some(roles(after).into_iter().filter(|role| !before.contains(role)).collect())
}

fn is_powerful(roles: &[String]) -> bool {
    roles.iter().any(|role| matches!(role.as_str(), "admin" | "privacy_officer" | "auditor" | "integration"))
}

fn operator(seen: &Seen) -> Finding {
    let is_grave = matches!(seen.action, Action::Restore | Action::Erase | Action::KeyEvent | Action::AccountChange);
    let mut finding = Finding::about(Rule::OperatorCommand, seen, format!("{:?} by an operator", seen.action));
    if is_grave || seen.action == Action::RoleChange {
        finding.severity = Severity::High;
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_added_roles_are_grants() {
        let cases = [
            (" none -> physician: joined", "physician"),
            (" nurse -> admin, nurse until 1795348800000: covers for ana", "admin"),
            (" nurse, admin -> nurse: left the admin role", ""),
            (" nurse -> nurse: renewed", ""),
        ];
        for (change, expected) in cases {
            assert_eq!(granted(change).map(|roles| roles.join(",")).as_deref(), Some(expected), "{change}");
        }
        assert_eq!(granted(" admin by oneself"), None);
    }
}
