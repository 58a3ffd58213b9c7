//! Movers: who gave what to whom, until when.

use access::{ChartNo, Labels, ProxyCategories, ProxyGrant, Role};
use identity::{IdentityError, Kind};

use crate::clinic::{Clinic, DAY_MS, HOUR_MS, here};

#[tokio::test]
async fn nobody_gives_themselves_a_role_and_the_attempt_is_told() {
    let clinic = Clinic::new().await;
    let root = clinic.caller("root");
    let from = clinic.events();
    let own = clinic.identity.grant_role(&root, root.user(), Role::Physician, None, "curious", &here()).await;
    assert!(matches!(own, Err(IdentityError::NotByOneself)));
    assert_eq!(
        clinic.events_from(from),
        [format!("RoleChange denied root: user {}: physician by oneself", root.user().0)]
    );
    let nobody = clinic.identity.grant_role(&clinic.caller("ana"), root.user(), Role::Nurse, None, "x", &here()).await;
    assert!(matches!(nobody, Err(IdentityError::NotPermitted(_))));
}

#[tokio::test]
async fn a_role_ends_by_its_date_and_by_will_and_the_log_has_old_and_new() {
    let clinic = Clinic::new().await;
    let (root, ana) = (clinic.caller("root"), clinic.user("ana"));
    let from = clinic.events();
    let ends_ms = clinic.now_ms() + HOUR_MS;
    clinic.identity.grant_role(&root, ana, Role::Auditor, Some(ends_ms), "audit week", &here()).await.unwrap();
    let roles = || clinic.identity.bearer("demo-ana", &here()).unwrap().roles();
    assert!(roles().contains(Role::Auditor));
    clinic.advance(HOUR_MS);
    assert!(!roles().contains(Role::Auditor) && roles().contains(Role::Physician));
    clinic.identity.end_role(&root, ana, Role::Physician, "retires", &here()).await.unwrap();
    assert!(clinic.identity.bearer("demo-ana", &here()).is_none(), "no role, no caller");
    assert!(clinic.identity.end_role(&root, ana, Role::Physician, "twice", &here()).await.is_err());
    let user = ana.0;
    assert_eq!(
        clinic.events_from(from),
        [
            format!("RoleChange ok root: user {user}: physician -> physician,auditor until {ends_ms}: audit week"),
            format!("RoleChange ok root: user {user}: physician -> none: retires"),
        ]
    );
}

#[tokio::test]
async fn roles_that_nobody_confirmed_for_long_are_listed() {
    let clinic = Clinic::new().await;
    let root = clinic.caller("root");
    clinic.advance(90 * DAY_MS);
    assert_eq!(clinic.identity.recertification(90).len(), 3);
    assert_eq!(clinic.identity.recertification(91).len(), 0);
    clinic.identity.confirm_role(&root, clinic.user("ana"), Role::Physician, &here()).await.unwrap();
    let due: Vec<_> = clinic.identity.recertification(90).into_iter().map(|one| one.login).collect();
    assert_eq!(due, ["root", "vera"]);
}

#[tokio::test]
async fn a_proxy_acts_until_its_grant_ends() {
    let clinic = Clinic::new().await;
    let root = clinic.caller("root");
    let proxy = clinic.seed("paula", Kind::Proxy, Role::Proxy, true).await;
    assert!(clinic.identity.bearer("demo-paula", &here()).is_none(), "a proxy without a grant is nobody");
    let grant = ProxyGrant {
        chart: ChartNo(70),
        categories: ProxyCategories::CLINICAL,
        labels: Labels::NONE,
        adolescent: true,
    };
    let ends_ms = clinic.now_ms() + DAY_MS;
    clinic.identity.grant_proxy(&root, proxy, grant, ends_ms, "mother", &here()).await.unwrap();
    let caller = clinic.identity.bearer("demo-paula", &here()).unwrap();
    assert!(caller.proxies().len() == 1 && caller.proxies()[0].adolescent);
    clinic.identity.end_proxy(&root, proxy, ChartNo(70), "revoked", &here()).await.unwrap();
    assert!(clinic.identity.bearer("demo-paula", &here()).is_none());
    clinic.identity.grant_proxy(&root, proxy, grant, ends_ms, "mother", &here()).await.unwrap();
    clinic.advance(DAY_MS);
    assert!(clinic.identity.bearer("demo-paula", &here()).is_none());
    assert!(clinic.identity.grant_proxy(&root, clinic.user("ana"), grant, i64::MAX, "x", &here()).await.is_err());
}
