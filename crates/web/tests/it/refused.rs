//! A page that says no has the places of who is signed in around it, and of nobody else.

use http::StatusCode;

use crate::clinic::Browser;
use crate::ward::{look, ward};

#[tokio::test]
async fn who_is_refused_keeps_the_places_and_the_ways_to_lock_and_to_sign_out() {
    let clinic = ward().await;
    for (login, path, status) in [
        ("asha", "/nowhere", StatusCode::NOT_FOUND),
        ("asha", "/patients/nobody", StatusCode::NOT_FOUND),
        ("root", "/patients", StatusCode::FORBIDDEN),
    ] {
        let (mut browser, me) = look(&clinic, login, "/me").await;
        let refused = browser.get(&clinic, path).await;
        assert_eq!(refused.status, status, "{login} {path}");
        for part in ["This did not work", r#"<button id="lock">"#, r#"<button id="signout">"#, r#"href="/me""#] {
            assert!(refused.body.contains(part), "{login} {path}: {part} in {}", refused.body);
        }
        let leads = |body: &str| body.contains(r#"href="/patients""#);
        assert_eq!(leads(&refused.body), leads(&me.body), "{login} {path}: the places are those of any other page");
        // A form that is refused, too; and the ways work.
        let form = [("csrf", refused.csrf()), ("name", "x".to_owned())];
        if status == StatusCode::FORBIDDEN {
            assert!(browser.post(&clinic, path, &form).await.body.contains(r#"<button id="signout">"#), "{login}");
        }
        assert_eq!(browser.post(&clinic, "/signout", &form[..1]).await.location(), "/signin");
        // Signed out, the address says the same to everybody.
        let nobody = Browser::new().get(&clinic, "/nowhere").await;
        let after = browser.get(&clinic, "/nowhere").await;
        assert!(after.body == nobody.body && !after.body.contains("signout"), "{}", after.body);
    }
}
