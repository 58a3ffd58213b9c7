//! What stands in a frame beside a call, and that nothing else does, for nobody.

use axum::body::Body;
use http::StatusCode;
use web::ROUTES;

use crate::clinic::{Answer, Browser, Clinic};
use crate::visit::booked;
use crate::ward::{MRN, look, ward};

const CHART: &str = "/patients/p1";
const NOBODY: &str = "frame-ancestors 'none'";
const OURSELVES: &str = "frame-ancestors 'self'";
/// Of a patient's chart, and yet not beside a call: who a patient is and who gets in; what scripts and pictures ask for.
const APART: [&str; 12] = [
    "/tasks/new",
    "/access/passkeys/remove",
    "/edit",
    "/picture",
    "/photo",
    "/insurance",
    "/access",
    "/merge",
    "/unmerge",
    "/phrase",
    "/key",
    "/file",
];
const ALSO: [&str; 4] = ["/appointments/{}/visit/note", "/appointments/{}/visit/summary", "/notes/own", "/stepup"];

async fn asked_as(browser: &mut Browser, clinic: &Clinic, path: &str, headers: &[(&str, &str)]) -> Answer {
    browser.ask(clinic, "GET", path, headers, Body::empty()).await
}

fn policy(answer: &Answer) -> &str {
    answer.headers["content-security-policy"].to_str().unwrap()
}

fn frame_options(answer: &Answer) -> &str {
    answer.headers["x-frame-options"].to_str().unwrap()
}

#[tokio::test]
async fn a_chart_stands_in_a_frame_of_ours_and_says_so_only_there() {
    let clinic = ward().await;
    let (mut asha, alone) = look(&clinic, "asha", CHART).await;
    assert_eq!(alone.status, StatusCode::OK);
    assert!(policy(&alone).contains(NOBODY) && frame_options(&alone) == "DENY");
    assert!(alone.body.contains("data-events=") && !alone.body.contains("data-within="));

    let ours = [("sec-fetch-site", "same-origin"), ("sec-fetch-dest", "iframe")];
    let beside = asked_as(&mut asha, &clinic, CHART, &ours).await;
    assert_eq!(beside.status, StatusCode::OK);
    assert!(policy(&beside).contains(OURSELVES) && !policy(&beside).contains(NOBODY), "{}", policy(&beside));
    assert_eq!(frame_options(&beside), "SAMEORIGIN");
    // All else is as strict as it was.
    assert_eq!(policy(&beside).replace(OURSELVES, NOBODY), policy(&alone));
    assert!(beside.headers["permissions-policy"].to_str().unwrap().contains("camera=(), microphone=()"));
    assert!(beside.body.contains(MRN) && beside.body.contains("/assets/beside.js"));
    // The page around it watches the session; what opens in the frame is said.
    assert!(!beside.body.contains("data-events="));
    let within = beside.body.split(r#"data-within=""#).nth(1).unwrap().split('"').next().unwrap();
    assert!(within.split(' ').any(|place| place == "/patients/{}") && !within.contains("/merge"), "{within}");
}

#[tokio::test]
async fn nobody_else_has_a_chart_in_a_frame() {
    let clinic = ward().await;
    let (mut asha, _) = look(&clinic, "asha", CHART).await;
    for site in ["cross-site", "same-site", "none", ""] {
        for wanted in ["iframe", "frame", "fencedframe", "embed", "object"] {
            let headers = [("sec-fetch-site", site), ("sec-fetch-dest", wanted)];
            let answer = asked_as(&mut asha, &clinic, CHART, &headers).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{site} {wanted}");
            assert!(policy(&answer).contains(NOBODY) && frame_options(&answer) == "DENY", "{site} {wanted}");
            assert!(!answer.body.contains(MRN), "{site} {wanted}");
        }
    }
    // Of ours too only in a frame that scripts of both sides reach, and that no other page of ours may hold.
    for wanted in ["frame", "fencedframe", "embed", "object"] {
        let headers = [("sec-fetch-site", "same-origin"), ("sec-fetch-dest", wanted)];
        assert_eq!(asked_as(&mut asha, &clinic, CHART, &headers).await.status, StatusCode::FORBIDDEN, "{wanted}");
    }
    // Who is not signed in is led to the door, which stands in no frame.
    let ours = [("sec-fetch-site", "same-origin"), ("sec-fetch-dest", "iframe")];
    let mut stranger = Browser::new();
    assert_eq!(asked_as(&mut stranger, &clinic, CHART, &ours).await.status, StatusCode::SEE_OTHER);
    for door in ["/signin", "/lock", "/enrol", "/visit"] {
        let answer = asked_as(&mut stranger, &clinic, door, &ours).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{door}");
        assert!(policy(&answer).contains(NOBODY) && frame_options(&answer) == "DENY", "{door}");
    }
}

#[tokio::test]
async fn each_address_stands_beside_a_call_or_is_refused_in_a_frame() {
    let clinic = ward().await;
    let (mut asha, _) = look(&clinic, "asha", CHART).await;
    let headers =
        [("sec-fetch-site", "same-origin"), ("sec-fetch-dest", "iframe"), ("accept", "text/html"), ("origin", "null")];
    let cookies = asha.cookies.clone();
    let (mut stands, mut refused) = (0, 0);
    for (method, template) in ROUTES {
        if template.ends_with("/documents/{}/file") {
            continue;
        }
        let path = template.replacen("{}", "p1", 1).replace("{}", "x1");
        let answer = asha.send(&clinic, method, &path, &headers, Body::empty()).await;
        let (status, answered) = (answer.status(), answer.headers());
        let allows = answered["content-security-policy"].to_str().unwrap().contains(OURSELVES);
        let of_chart = template.starts_with("/patients/{}") && !APART.iter().any(|end| template.ends_with(end));
        if of_chart || ALSO.contains(template) {
            assert!(allows && answered["x-frame-options"] == "SAMEORIGIN", "{method} {template}: {status}");
            stands += 1;
        } else {
            assert!(status == StatusCode::FORBIDDEN && !allows, "{method} {template}: {status}");
            assert_eq!(answered["x-frame-options"], "DENY", "{method} {template}");
            refused += 1;
        }
        asha.cookies.clone_from(&cookies);
    }
    assert!(stands > 40 && refused > 80, "{stands} and {refused}");
}

#[tokio::test]
async fn of_our_pages_the_clinicians_in_a_visit_alone_holds_pages_in_frames() {
    let clinic = ward().await;
    booked(&clinic).await;
    let (mut asha, room) = look(&clinic, "asha", "/appointments/video/visit").await;
    assert!(policy(&room).contains("frame-src 'self'") && policy(&room).contains(NOBODY), "{}", policy(&room));
    assert!(!room.body.contains("<iframe"), "nothing stands there before it is asked for");
    for (method, template) in ROUTES {
        // The stream has no end.
        if *method != "GET" || template.ends_with("/events") {
            continue;
        }
        let path = template.replacen("{}", "p1", 1).replace("{}", "x1");
        let answer = asha.send(&clinic, "GET", &path, &[], Body::empty()).await;
        let held = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(!held.contains("frame-src"), "{template}: {held}");
    }
    let guest = Browser::new().get(&clinic, "/visit").await;
    assert!(!policy(&guest).contains("frame-src") && !guest.body.contains("workspace"), "{}", policy(&guest));
}
