//! Numbers of somebody else's sessions, devices, tokens and passkeys: the answer is the one for what is not there, and nothing ends.

use http::StatusCode;

use access::Role;

use crate::clinic::{Answer, Browser, Clinic};

const NOBODYS: &str = "9007199254740991";

#[tokio::test]
async fn a_number_of_another_person_is_a_number_of_nothing() {
    let clinic = Clinic::new().await;
    clinic.seed("ben", Role::Nurse).await;
    let (mut elsewhere, mut ben, mut ana) = (Browser::new(), Browser::new(), Browser::new());
    clinic.signed_in("ben", &mut elsewhere).await;
    clinic.signed_in("ben", &mut ben).await;
    clinic.signed_in("ana", &mut ana).await;
    let csrf = ben.get(&clinic, "/me").await.csrf();
    let token =
        [("csrf", csrf), ("label", "script".into()), ("scopes", "user/Patient.rs".into()), ("days", "1".into())];
    assert_eq!(ben.post(&clinic, "/me/tokens", &token).await.status, StatusCode::CREATED);
    let page = ben.get(&clinic, "/me").await;
    let number = |form: &str| {
        let (_, below) = page.body.split_once(&format!(r#"action="{form}""#)).unwrap_or_else(|| panic!("no {form}"));
        Answer { status: page.status, headers: page.headers.clone(), body: below.to_owned() }
            .after(r#"name="number" value=""#)
    };

    let own = ana.get(&clinic, "/me").await.csrf();
    for (path, more) in [
        ("/me/sessions/end", None),
        ("/me/devices/close", Some("lost")),
        ("/me/devices/close", Some("retired")),
        ("/me/tokens/revoke", None),
    ] {
        let held = number(path);
        let mut ask = async |number: &str| {
            let mut form = vec![("csrf", own.clone()), ("number", number.to_owned())];
            form.extend(more.map(|word| ("as", word.to_owned())));
            let answer = ana.post(&clinic, path, &form).await;
            (answer.status, answer.headers, answer.body)
        };
        let (found, nothing) = (ask(&held).await, ask(NOBODYS).await);
        assert!(found == nothing, "{path} {more:?}: {} {}, and {}", found.0, found.2, nothing.2);
        assert_ne!(found.0, StatusCode::SEE_OTHER, "{path}: it was done");
    }
    let after = ben.get(&clinic, "/me").await;
    assert!(after.status == StatusCode::OK && elsewhere.get(&clinic, "/me").await.status == StatusCode::OK);
    assert!(after.body.contains("script"), "the token is there");
}
