//! Forms of a visit of high risk: who is not let into the call is shown no form of it, and files none.

use http::StatusCode;
use serde_json::json;

use crate::authenticator::Authenticator;
use crate::clinic::{Browser, Clinic};
use crate::visit::{agreement, booked, host, send};
use crate::visit_before::seed_patient;
use crate::visit_forms::{ASKED, LIST, asked, come, filled, responses};
use crate::visit_risk::{RISK, Side, posted, prove, ticket};
use crate::ward::{look, ward};

/// Nothing of the form, by any way.
async fn is_shown_nothing(clinic: &Clinic, browser: &mut Browser) {
    for path in [LIST, ASKED] {
        let page = browser.get(clinic, path).await;
        assert!(page.body.contains("The clinic asks this in the visit"), "{path}: {}", page.body);
        assert!(!page.body.contains("Before &#60;b&#62;") && !page.body.contains("pain"), "{path}: {}", page.body);
    }
    for act in ["send", "later", "keep"] {
        let fields = [("act", act.to_owned()), ("version", "1".to_owned()), ("a.pain", "0".to_owned())];
        let sent = browser.post(clinic, ASKED, &fields).await;
        assert!(sent.status.is_client_error() && !sent.body.contains("pain"), "{act}: {} {}", sent.status, sent.body);
    }
    let opened = send(clinic, browser, "/visit/open", None, &json!({})).await;
    assert!(opened.body.contains(r#""forms":0"#), "{}", opened.body);
    assert!(responses(clinic).await.is_empty());
}

#[tokio::test]
async fn in_a_visit_of_high_risk_a_form_is_for_who_proved_who_they_are_and_for_nobody_else() {
    let clinic = ward().await;
    booked(&clinic).await;
    asked(&clinic).await;
    let (mut asha, csrf) = host(&clinic).await;
    let (mut ruth, told) = come(&clinic, "patient").await;
    assert_eq!(told["forms"], 1, "an ordinary visit asks for no passkey");
    posted(&clinic, &mut asha, RISK, Some(&csrf), json!({})).await;
    let ((mut other, told), (mut tom, _)) = (come(&clinic, "patient").await, come(&clinic, "proxy").await);
    assert_eq!(told["forms"], 0);
    for browser in [&mut ruth, &mut other, &mut tom] {
        is_shown_nothing(&clinic, browser).await;
    }

    // Made in the waiting room, and used there: that proves it, of who did it and of nobody who has the same standing.
    let _home = Side::join(&clinic, &ticket(&clinic, &mut ruth, None).await, "cnV0aA");
    assert_eq!(prove(&clinic, &mut ruth, &mut Authenticator::new()).await, StatusCode::OK);
    for browser in [&mut other, &mut tom] {
        is_shown_nothing(&clinic, browser).await;
    }
    let page = ruth.get(&clinic, ASKED).await;
    assert!(page.body.contains("How strong is the pain"), "{}", page.body);

    // The clinician goes on without, and says why.
    let (status, _) = posted(&clinic, &mut asha, RISK, Some(&csrf), json!({ "reason": "Her phone has none" })).await;
    assert_eq!(status, StatusCode::OK);
    assert!(other.get(&clinic, LIST).await.body.contains(ASKED));
    let sent = ruth.post(&clinic, ASKED, &filled(&page, &[("a.pain", "0")])).await;
    assert_eq!((sent.status, sent.location()), (StatusCode::SEE_OTHER, "/visit/forms?sent"), "{}", sent.body);
}

#[tokio::test]
async fn who_is_signed_in_has_the_forms_of_a_visit_of_high_risk() {
    let clinic = ward().await;
    booked(&clinic).await;
    asked(&clinic).await;
    let (mut asha, csrf) = host(&clinic).await;
    posted(&clinic, &mut asha, RISK, Some(&csrf), json!({})).await;
    seed_patient(&clinic, "ruthie", "p1").await;
    let (mut ruth, me) = look(&clinic, "ruthie", "/me").await;
    ruth.post(&clinic, "/my/visits/video", &[("csrf", me.csrf())]).await;
    send(&clinic, &mut ruth, "/visit/agree", None, &agreement()).await;
    assert!(ruth.get(&clinic, ASKED).await.body.contains("How strong is the pain"));
}
