//! A visit of high risk without a browser: what makes it one, whose passkey vouches for which keys, and what a clinician decides instead.

use http::StatusCode;
use serde_json::{Value, json};
use telehealth::hall::{Line, Said};
use telehealth::signal::ParticipantId;
use tokio::sync::mpsc::Receiver;

use crate::authenticator::Authenticator;
use crate::clinic::{Browser, Clinic, MINUTE_MS};
use crate::visit::{agreement, booked, host, link, send};
use crate::ward::{MRN, look, ward};

pub const RISK: &str = "/appointments/video/visit/risk";
pub const SEEN: &str = "/appointments/video/visit/seen";

/// One side of a call, as far as the server sees it.
pub struct Side {
    line: Line,
    said: Receiver<Said>,
    heard: Vec<Value>,
    seq: u64,
}

impl Side {
    pub fn join(clinic: &Clinic, ticket: &str, sign: &str) -> Side {
        let (line, said) = clinic.hall.connect("video").unwrap();
        let mut side = Side { line, said, heard: Vec::new(), seq: 0 };
        let keys = json!({ "sign": sign, "seal": "c2VhbA", "commit": "Y29tbWl0" });
        side.say(json!({ "type": "hello", "ticket": ticket, "resume": null, "keys": keys }));
        side
    }

    pub fn say(&mut self, mut message: Value) {
        self.seq += 1;
        (message["v"], message["seq"]) = (1.into(), self.seq.into());
        self.line.heard(&message.to_string());
    }

    pub fn last(&mut self, kind: &str) -> Value {
        while let Ok(Said::Text(text)) = self.said.try_recv() {
            self.heard.push(serde_json::from_str(&text).unwrap());
        }
        self.heard.iter().rev().find(|one| one["type"] == kind).cloned().unwrap_or_default()
    }

    /// Whether the server lets this patient in when a host asks.
    pub fn admits(&mut self, who: &str) -> bool {
        self.last("");
        let before = self.heard.len();
        self.say(json!({ "type": "admit", "who": who }));
        self.last("");
        !self.heard[before..].iter().any(|one| one["type"] == "error")
    }
}

pub async fn told(clinic: &Clinic, browser: &mut Browser) -> Value {
    let answer = browser.get(clinic, RISK).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

pub async fn posted(
    clinic: &Clinic,
    browser: &mut Browser,
    path: &str,
    csrf: Option<&str>,
    body: Value,
) -> (StatusCode, Value) {
    let answer = send(clinic, browser, path, csrf, &body).await;
    (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
}

/// Ruth, who opened the link and said who she is.
pub async fn patient(clinic: &Clinic) -> Browser {
    let link = link(clinic, "patient", "").await;
    let mut ruth = Browser::without_scripts();
    posted(clinic, &mut ruth, "/visit/open", None, json!({ "link": link })).await;
    let (status, _) =
        posted(clinic, &mut ruth, "/visit/check", None, json!({ "birth_date": "14-Jul-1968", "number": MRN })).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = posted(clinic, &mut ruth, "/visit/agree", None, agreement()).await;
    assert_eq!(status, StatusCode::OK);
    ruth
}

pub async fn ticket(clinic: &Clinic, browser: &mut Browser, csrf: Option<&str>) -> String {
    let path = if csrf.is_some() { "/appointments/video/visit/ticket" } else { "/visit/ticket" };
    let (status, told) = posted(clinic, browser, path, csrf, json!({})).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    told["ticket"].as_str().unwrap().to_owned()
}

/// The answer of the authenticator to what the page is given, and what the server says of it.
pub async fn prove(clinic: &Clinic, browser: &mut Browser, key: &mut Authenticator) -> StatusCode {
    let (status, mut asked) = posted(clinic, browser, "/visit/passkey", None, json!({})).await;
    assert_eq!(status, StatusCode::OK, "{asked}");
    if let Some(options) = asked.get("enrol") {
        let made: Value = serde_json::from_str(&key.create(&options.to_string())).unwrap();
        let (status, told) = posted(clinic, browser, "/visit/passkey/new", None, json!({ "credential": made })).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        asked = posted(clinic, browser, "/visit/passkey", None, json!({})).await.1;
    }
    let made: Value = serde_json::from_str(&key.get(&asked["prove"].to_string())).unwrap();
    posted(clinic, browser, "/visit/passkey/proof", None, json!({ "credential": made })).await.0
}

#[tokio::test]
async fn a_visit_is_of_high_risk_by_what_the_record_says_of_it_and_by_hand_for_who_hosts_it_alone() {
    let clinic = ward().await;
    booked(&clinic).await;
    let (mut asha, csrf) = host(&clinic).await;
    assert_eq!(told(&clinic, &mut asha).await["high"], false);
    for login in ["fay", "ben", "petra", "zoe"] {
        let (mut browser, answer) = look(&clinic, login, RISK).await;
        assert!(matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND), "{login}");
        let me = browser.get(&clinic, "/me").await;
        let theirs = me.body.split(r#"data-csrf=""#).nth(1).unwrap().split('"').next().unwrap().to_owned();
        let (status, _) = posted(&clinic, &mut browser, RISK, Some(&theirs), json!({})).await;
        assert!(matches!(status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND), "{login}: {status}");
    }
    assert_eq!(told(&clinic, &mut asha).await["high"], false);
    let (status, raised) = posted(&clinic, &mut asha, RISK, Some(&csrf), json!({})).await;
    assert_eq!((status, &raised["high"], &raised["label"]), (StatusCode::OK, &json!(true), &json!(false)));

    let security = r#""meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"PSY"}]},
        "status":"booked","start":"2027-01-04T15:00:00Z","end":"2027-01-04T15:20:00Z",
        "serviceType":[{"coding":[{"system":"http://snomed.info/sct","code":"448337001"}]}],
        "participant":[{"actor":{"reference":"Patient/p1"},"status":"accepted"},{"actor":{"reference":"Practitioner/asha"},"status":"accepted"}]"#;
    clinic.put("Appointment", "video", security).await;
    ticket(&clinic, &mut asha, Some(&csrf)).await;
    assert_eq!(told(&clinic, &mut asha).await["label"], true);
}

#[tokio::test]
async fn a_guest_enrols_a_passkey_that_signs_the_keys_of_the_call_and_is_known_the_next_time() {
    let clinic = ward().await;
    booked(&clinic).await;
    let (mut asha, csrf) = host(&clinic).await;
    posted(&clinic, &mut asha, RISK, Some(&csrf), json!({})).await;
    let mut ruth = patient(&clinic).await;
    let (_, asked) = posted(&clinic, &mut ruth, "/visit/passkey", None, json!({})).await;
    assert!(asked.get("prove").is_none(), "without a call there are no keys to sign");
    let mut room = Side::join(&clinic, &ticket(&clinic, &mut asha, Some(&csrf)).await, "aG9zdA");
    let mut home = Side::join(&clinic, &ticket(&clinic, &mut ruth, None).await, "cnV0aA");
    let who = home.last("welcome")["you"].as_str().unwrap().to_owned();
    assert_eq!(home.last("welcome")["high_risk"], true);
    assert!(!room.admits(&who));
    let mut key = Authenticator::new();
    assert_eq!(prove(&clinic, &mut ruth, &mut key).await, StatusCode::OK);
    // What the host's browser compares with the keys that it holds.
    let id: ParticipantId = serde_json::from_value(json!(who)).unwrap();
    let keys = serde_json::from_value(json!({ "sign": "cnV0aA", "seal": "c2VhbA", "commit": "" })).unwrap();
    let expected = telehealth::risk::digest_of("video", &id, &keys).unwrap().text();
    assert_eq!(room.last("risk")["vouched"], json!([{ "who": who, "keys": expected }]));
    assert!(room.admits(&who));
    let since = told(&clinic, &mut asha).await["passkey"]["since"].clone();
    assert_eq!(since, "passkey enrolled today: nobody knew it before");

    // The same patient by another link, in a call of its own: known, and asked anew.
    let mut again = patient(&clinic).await;
    let mut other = Side::join(&clinic, &ticket(&clinic, &mut again, None).await, "b3RoZXI");
    let second = other.last("welcome")["you"].as_str().unwrap().to_owned();
    assert!(!room.admits(&second));
    let (_, asked) = posted(&clinic, &mut again, "/visit/passkey", None, json!({})).await;
    assert!(asked.get("enrol").is_none() && asked.get("prove").is_some());
    assert_eq!(prove(&clinic, &mut again, &mut key).await, StatusCode::OK);
    assert!(room.admits(&second));
}

#[tokio::test]
async fn an_assertion_over_other_keys_a_replayed_one_and_one_of_another_call_let_nobody_in() {
    let clinic = ward().await;
    booked(&clinic).await;
    let (mut asha, csrf) = host(&clinic).await;
    posted(&clinic, &mut asha, RISK, Some(&csrf), json!({})).await;
    let mut ruth = patient(&clinic).await;
    let mut room = Side::join(&clinic, &ticket(&clinic, &mut asha, Some(&csrf)).await, "aG9zdA");
    let mut home = Side::join(&clinic, &ticket(&clinic, &mut ruth, None).await, "cnV0aA");
    let who = home.last("welcome")["you"].as_str().unwrap().to_owned();
    let mut key = Authenticator::new();
    assert_eq!(prove(&clinic, &mut ruth, &mut key).await, StatusCode::OK);
    assert_eq!(room.last("risk")["vouched"].as_array().unwrap().len(), 1);

    // Her browser comes with other keys: what was signed says nothing of them.
    let mut home = Side::join(&clinic, &ticket(&clinic, &mut ruth, None).await, "bWFsbG9yeQ");
    assert_eq!(home.last("welcome")["you"], who.as_str());
    assert!(!room.admits(&who));
    // Asked over those keys, answered after they changed once more.
    let (_, asked) = posted(&clinic, &mut ruth, "/visit/passkey", None, json!({})).await;
    let answer: Value = serde_json::from_str(&key.get(&asked["prove"].to_string())).unwrap();
    let _home = Side::join(&clinic, &ticket(&clinic, &mut ruth, None).await, "cnV0aA");
    let proof = json!({ "credential": answer });
    let (status, _) = posted(&clinic, &mut ruth, "/visit/passkey/proof", None, proof.clone()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    // Good once, and for its own challenge.
    let (_, asked) = posted(&clinic, &mut ruth, "/visit/passkey", None, json!({})).await;
    let (status, _) = posted(&clinic, &mut ruth, "/visit/passkey/proof", None, proof).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let late: Value = serde_json::from_str(&key.get(&asked["prove"].to_string())).unwrap();
    let (status, _) = posted(&clinic, &mut ruth, "/visit/passkey/proof", None, json!({ "credential": late })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "it was asked for and answered wrongly: ask again");
    assert_eq!(prove(&clinic, &mut ruth, &mut key).await, StatusCode::OK);
    // A stranger's passkey.
    let mut stranger = Authenticator::new();
    stranger.create(&json!({ "publicKey": { "user": { "id": "" }, "challenge": "" } }).to_string());
    assert_eq!(prove(&clinic, &mut ruth, &mut stranger).await, StatusCode::BAD_REQUEST);
    assert!(room.admits(&who));
    clinic.advance(MINUTE_MS);
}

#[tokio::test]
async fn with_a_reason_the_clinician_goes_on_and_with_fewer_than_ten_letters_not() {
    let clinic = ward().await;
    booked(&clinic).await;
    let (mut asha, csrf) = host(&clinic).await;
    let reason = |words: &str| json!({ "reason": words });
    let (status, _) = posted(&clinic, &mut asha, RISK, Some(&csrf), reason("known to me for years")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "an ordinary visit asks for nothing");
    posted(&clinic, &mut asha, RISK, Some(&csrf), json!({})).await;
    let mut ruth = patient(&clinic).await;
    let mut room = Side::join(&clinic, &ticket(&clinic, &mut asha, Some(&csrf)).await, "aG9zdA");
    let mut home = Side::join(&clinic, &ticket(&clinic, &mut ruth, None).await, "cnV0aA");
    let who = home.last("welcome")["you"].as_str().unwrap().to_owned();
    for words in ["", "too short", "          ", &"x".repeat(501)] {
        let (status, _) = posted(&clinic, &mut asha, RISK, Some(&csrf), reason(words)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{words}");
    }
    assert!(!room.admits(&who));
    let (status, shown) = posted(&clinic, &mut asha, RISK, Some(&csrf), reason("known to me for years")).await;
    assert_eq!((status, &shown["high"], &shown["asked"]), (StatusCode::OK, &json!(true), &json!(false)));
    assert_eq!(
        (shown["reason"].as_str(), home.last("risk")["clear"].as_bool()),
        (Some("known to me for years"), Some(true))
    );
    assert!(room.admits(&who));
    // Raised once more, the reason holds no longer.
    let (_, shown) = posted(&clinic, &mut asha, RISK, Some(&csrf), json!({})).await;
    assert_eq!((&shown["asked"], &shown["reason"]), (&json!(true), &Value::Null));
    assert_eq!(home.last("waiting")["place"], 1);
}

#[tokio::test]
async fn who_came_by_a_link_is_out_when_it_is_closed_and_everybody_when_the_visit_is_called_off() {
    let clinic = ward().await;
    booked(&clinic).await;
    let (mut asha, csrf) = host(&clinic).await;
    let room = Side::join(&clinic, &ticket(&clinic, &mut asha, Some(&csrf)).await, "aG9zdA");
    for is_closed in [true, false] {
        let mut ruth = patient(&clinic).await;
        let mut home = Side::join(&clinic, &ticket(&clinic, &mut ruth, None).await, "cnV0aA");
        if is_closed {
            let listed = clinic.guests.of_visit("video").unwrap();
            let name = &listed.iter().find(|one| !one.is_revoked).unwrap().name;
            let path = "/appointments/video/visit/links/revoke";
            let (status, _) = posted(&clinic, &mut asha, path, Some(&csrf), json!({ "name": name })).await;
            assert_eq!(status, StatusCode::OK);
            home.last("removed");
            assert!(clinic.hall.view("video").unwrap().has_host, "the others go on");
        } else {
            let page = asha.get(&clinic, "/appointments/video/cancel").await;
            let field = |name: &'static str| (name, page.after(&format!(r#"name="{name}" value=""#)));
            let mut form: Vec<_> = ["csrf", "id", "version", "day", "who"].map(field).into();
            form.extend([("act", "cancel".to_owned()), ("reason", "pat".to_owned())]);
            let done = asha.post(&clinic, "/today/act", &form).await;
            assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
            // The link was handed over, and nothing is set up to write with.
            let list = asha.get(&clinic, done.location().split('#').next().unwrap()).await;
            assert!(list.body.contains("Cancelled: ADEYEMI"), "{}", list.body);
            assert!(list.body.contains("Nobody was written to: tell who has a link"), "{}", list.body);
            assert_eq!(home.last("ended")["reason"], "revoked");
            assert!(clinic.hall.view("video").is_none());
        }
        let (status, _) = posted(&clinic, &mut ruth, "/visit/ticket", None, json!({})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "no way back in");
    }
    drop(room);
}

#[tokio::test]
async fn who_is_seen_is_confirmed_or_sent_away_with_their_links_and_addresses_are_hidden_before_the_room_is_open() {
    let clinic = ward().await;
    booked(&clinic).await;
    let (mut asha, csrf) = host(&clinic).await;
    let relay = "/appointments/video/visit/relay-only";
    let (status, shown) = posted(&clinic, &mut asha, relay, Some(&csrf), json!({ "only": true })).await;
    assert_eq!((status, &shown["relay"]), (StatusCode::OK, &json!(true)));
    let mut ruth = patient(&clinic).await;
    let mut room = Side::join(&clinic, &ticket(&clinic, &mut asha, Some(&csrf)).await, "aG9zdA");
    let mut home = Side::join(&clinic, &ticket(&clinic, &mut ruth, None).await, "cnV0aA");
    assert_eq!(
        (&room.last("welcome")["relay_only"], &home.last("welcome")["relay_only"]),
        (&json!(true), &json!(true))
    );
    let (status, _) = posted(&clinic, &mut asha, relay, Some(&csrf), json!({ "only": false })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "the room is open");

    let (status, shown) = posted(&clinic, &mut asha, SEEN, Some(&csrf), json!({ "same": true })).await;
    assert!(status == StatusCode::OK && shown["eye"].is_string(), "{shown}");
    let identity = clinic.sheets.of("video").unwrap().identity.unwrap();
    assert!(identity.by_eye.unwrap().clinician.starts_with("user-") && !identity.checked.is_empty());
    let (status, _) = posted(&clinic, &mut asha, SEEN, Some(&csrf), json!({ "same": false })).await;
    assert_eq!((status, home.last("ended")["reason"].as_str()), (StatusCode::OK, Some("revoked")));
    assert!(clinic.sheets.of("video").unwrap().identity.is_none());
    for path in ["/visit/open", "/visit/ticket", "/visit/passkey"] {
        let (status, _) = posted(&clinic, &mut ruth, path, None, json!({})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
    }
}
