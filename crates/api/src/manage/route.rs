//! The addresses below `/manage`, who may come in, and what each does: one table, so that a new address has a gate or
//! does not compile.

use std::borrow::Cow;

use access::Action;
use http::Method;

use super::problem::Problem;
use crate::extract::percent_decode;

/// Who is let through before the address is looked at any closer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Nobody is signed in yet.
    Open,
    /// Whoever is signed in, about what is their own.
    Own,
    /// Whoever is signed in; the record decides about the very resource.
    Judged,
    /// Who policy lets do this.
    May(Action),
}

#[derive(Debug)]
pub struct Route {
    pub method: Method,
    /// Below `/manage`; `{}` takes one segment.
    pub template: &'static str,
    pub gate: Gate,
    pub(super) act: Act,
}

/// One for each row of [`ROUTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    SignIn,
    Me,
    SignOut,
    StepUp,
    MySessions,
    EndMySession,
    MyDevices,
    MyDeviceLost,
    RetireMyDevice,
    MyTokens,
    MakeMyToken,
    RevokeMyToken,
    Users,
    Invite,
    User,
    Deactivate,
    Reactivate,
    Recover,
    Licence,
    Npi,
    Practitioner,
    OwnChart,
    GrantProxy,
    EndProxy,
    GrantRole,
    EndRole,
    ConfirmRole,
    Recertification,
    Devices,
    VerifyDevice,
    DeviceLost,
    RetireDevice,
    Sessions,
    EndSession,
    Tokens,
    MakeToken,
    RevokeToken,
    BreakGlass,
    GlassLog,
    Label,
    Explain,
    Alerts,
    Alert,
    TakeAlert,
    NoteAlert,
    CloseAlert,
    Reviews,
    Review,
    Policies,
    PolicyVersion,
    Propose,
    Validate,
    Replay,
    Activate,
    Agreements,
    Agreement,
    AddAgreement,
    AmendAgreement,
    EndAgreement,
}

/// Segments that a template may leave open.
pub const OPEN_SEGMENTS_MAX: usize = 2;

pub const ROUTES: &[Route] = {
    use Gate::{Judged, May, Open, Own};
    const ACCOUNTS: Gate = May(Action::ManageAccounts);
    const ROLES: Gate = May(Action::ManageRoles);
    const DEVICES: Gate = May(Action::ManageDevices);
    const POLICIES: Gate = May(Action::ManagePolicies);
    const ALERTS: Gate = May(Action::TendAlerts);
    const REVIEW: Gate = May(Action::ReviewAlerts);
    const READ_BAA: Gate = May(Action::ReadAgreements);
    const KEEP_BAA: Gate = May(Action::ManageAgreements);
    &[
        route(Method::POST, "/session", Open, Act::SignIn),
        route(Method::GET, "/session", Own, Act::Me),
        route(Method::DELETE, "/session", Own, Act::SignOut),
        route(Method::POST, "/session/step-up", Own, Act::StepUp),
        route(Method::GET, "/sessions", Own, Act::MySessions),
        route(Method::DELETE, "/sessions/{}", Own, Act::EndMySession),
        route(Method::GET, "/devices", Own, Act::MyDevices),
        route(Method::POST, "/devices/{}/lost", Own, Act::MyDeviceLost),
        route(Method::POST, "/devices/{}/retire", Own, Act::RetireMyDevice),
        route(Method::GET, "/tokens", Own, Act::MyTokens),
        route(Method::POST, "/tokens", Own, Act::MakeMyToken),
        route(Method::DELETE, "/tokens/{}", Own, Act::RevokeMyToken),
        route(Method::GET, "/users", ACCOUNTS, Act::Users),
        route(Method::POST, "/users", ACCOUNTS, Act::Invite),
        route(Method::GET, "/users/{}", ACCOUNTS, Act::User),
        route(Method::POST, "/users/{}/deactivate", ACCOUNTS, Act::Deactivate),
        route(Method::POST, "/users/{}/reactivate", ACCOUNTS, Act::Reactivate),
        route(Method::POST, "/users/{}/recovery", ACCOUNTS, Act::Recover),
        route(Method::PUT, "/users/{}/licence", ACCOUNTS, Act::Licence),
        route(Method::PUT, "/users/{}/npi", ACCOUNTS, Act::Npi),
        route(Method::PUT, "/users/{}/practitioner", ACCOUNTS, Act::Practitioner),
        route(Method::PUT, "/users/{}/chart", ACCOUNTS, Act::OwnChart),
        route(Method::POST, "/users/{}/proxies", ACCOUNTS, Act::GrantProxy),
        route(Method::DELETE, "/users/{}/proxies/{}", ACCOUNTS, Act::EndProxy),
        route(Method::POST, "/users/{}/roles", ROLES, Act::GrantRole),
        route(Method::POST, "/users/{}/roles/{}/end", ROLES, Act::EndRole),
        route(Method::POST, "/users/{}/roles/{}/confirm", ROLES, Act::ConfirmRole),
        route(Method::GET, "/recertification", ROLES, Act::Recertification),
        route(Method::GET, "/users/{}/devices", DEVICES, Act::Devices),
        route(Method::POST, "/users/{}/devices/{}/verify", DEVICES, Act::VerifyDevice),
        route(Method::POST, "/users/{}/devices/{}/lost", DEVICES, Act::DeviceLost),
        route(Method::POST, "/users/{}/devices/{}/retire", DEVICES, Act::RetireDevice),
        route(Method::GET, "/users/{}/sessions", ACCOUNTS, Act::Sessions),
        route(Method::DELETE, "/users/{}/sessions/{}", ACCOUNTS, Act::EndSession),
        route(Method::GET, "/users/{}/tokens", ACCOUNTS, Act::Tokens),
        route(Method::POST, "/users/{}/tokens", ACCOUNTS, Act::MakeToken),
        route(Method::DELETE, "/users/{}/tokens/{}", ACCOUNTS, Act::RevokeToken),
        route(Method::POST, "/glass", Judged, Act::BreakGlass),
        route(Method::GET, "/glass", REVIEW, Act::GlassLog),
        route(Method::POST, "/labels", Judged, Act::Label),
        route(Method::GET, "/explanations/{}", May(Action::Explain), Act::Explain),
        route(Method::GET, "/alerts", ALERTS, Act::Alerts),
        route(Method::GET, "/alerts/{}", ALERTS, Act::Alert),
        route(Method::POST, "/alerts/{}/take", ALERTS, Act::TakeAlert),
        route(Method::POST, "/alerts/{}/note", ALERTS, Act::NoteAlert),
        route(Method::POST, "/alerts/{}/close", ALERTS, Act::CloseAlert),
        route(Method::GET, "/reviews", REVIEW, Act::Reviews),
        route(Method::POST, "/reviews", REVIEW, Act::Review),
        route(Method::GET, "/policies", POLICIES, Act::Policies),
        route(Method::POST, "/policies", POLICIES, Act::Propose),
        route(Method::POST, "/policies/validate", POLICIES, Act::Validate),
        route(Method::GET, "/policies/{}", POLICIES, Act::PolicyVersion),
        route(Method::POST, "/policies/{}/replay", POLICIES, Act::Replay),
        route(Method::POST, "/policies/{}/activate", POLICIES, Act::Activate),
        route(Method::GET, "/baa", READ_BAA, Act::Agreements),
        route(Method::POST, "/baa", KEEP_BAA, Act::AddAgreement),
        route(Method::GET, "/baa/{}", READ_BAA, Act::Agreement),
        route(Method::PUT, "/baa/{}", KEEP_BAA, Act::AmendAgreement),
        route(Method::POST, "/baa/{}/end", KEEP_BAA, Act::EndAgreement),
    ]
};

/// The open segments of an address, decoded.
pub(super) type Segments<'p> = [Cow<'p, str>; OPEN_SEGMENTS_MAX];

const fn route(method: Method, template: &'static str, gate: Gate, act: Act) -> Route {
    Route { method, template, gate, act }
}

/// The row for an address below `/manage`, and what stands in its open segments.
pub(super) fn find<'p>(method: &Method, path: &'p str) -> Result<(&'static Route, Segments<'p>), Problem> {
    let mut others = Vec::new();
    for route in ROUTES {
        let Some(segments) = matched(route.template, path) else { continue };
        if route.method == *method {
            return Ok((route, segments));
        }
        others.push(route.method.as_str());
    }
    Err(if others.is_empty() { Problem::not_found() } else { Problem::method(others.join(", ")) })
}

fn matched<'p>(template: &str, path: &'p str) -> Option<Segments<'p>> {
    let mut segments = Segments::default();
    let mut open = 0;
    let mut given = path.split('/');
    for wanted in template.split('/') {
        let given = given.next()?;
        if wanted == "{}" {
            let decoded = percent_decode(given, false).ok().filter(|text| !text.is_empty())?;
            *segments.get_mut(open)? = decoded;
            open += 1;
        } else if wanted != given {
            return None;
        }
    }
    given.next().is_none().then_some(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: Method, path: &str) -> String {
        match find(&method, path) {
            Ok((route, segments)) => format!("{:?} {} {}", route.act, segments[0], segments[1]),
            Err(problem) => problem.status().as_u16().to_string(),
        }
    }

    #[test]
    fn an_address_is_found_with_its_open_segments() {
        assert_eq!(found(Method::GET, "/users/ana"), "User ana ");
        assert_eq!(found(Method::DELETE, "/users/a%2Fb/sessions/9"), "EndSession a/b 9");
        assert_eq!(found(Method::POST, "/policies/validate"), "Validate  ");
        assert_eq!(found(Method::POST, "/policies/7/replay"), "Replay 7 ");
    }

    #[test]
    fn what_is_no_address_is_not_there() {
        for path in ["", "/", "/users/", "/users//sessions", "/users/ana/", "/nothing", "/users/%ff", "/users/a/b/c/d"]
        {
            assert_eq!(found(Method::GET, path), "404", "{path}");
        }
        assert_eq!(found(Method::PATCH, "/users"), "405");
    }

    #[test]
    fn every_template_has_one_row_for_a_method_and_no_more_open_segments_than_there_is_room() {
        for (at, route) in ROUTES.iter().enumerate() {
            assert!(route.template.matches("{}").count() <= OPEN_SEGMENTS_MAX, "{}", route.template);
            let again = ROUTES[at + 1..].iter().any(|other| {
                other.act == route.act || (other.template == route.template && other.method == route.method)
            });
            assert!(!again, "{} {}", route.method, route.template);
        }
    }
}
