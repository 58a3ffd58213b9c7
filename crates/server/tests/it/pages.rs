//! The pages on the real listener, asked without a browser: what proves a person lies nowhere in clear, and survives the machine.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use testkit::{Answer, Client, Request, totp_code};

use crate::house::{House, copy_folder, files_below, wardstone_ok};
use crate::planted::{find, forms};

const LABEL: &str = "planted-token-of-the-nurse";

/// What somebody types, and never signs.
const TYPED: &str = "planted whisper about the ferryman";

/// Somebody who signed in without scripts.
struct Visitor {
    client: Client,
    cookies: Vec<(String, String)>,
}

impl Visitor {
    fn sign_in(house: &House) -> Self {
        Self::sign_in_as(house, "nurse", 0)
    }

    /// Each code is taken once: who comes again within half a minute brings the next.
    fn sign_in_as(house: &House, role: &str, steps_ahead: i64) -> Self {
        let nurse = house.user(role);
        let text = |name: &str| nurse[name].as_str().unwrap().to_owned();
        let mut visitor = Self { client: house.anonymous(), cookies: Vec::new() };
        let first = [("login", text("username")), ("password", text("password"))];
        assert_eq!(visitor.post("/signin", &first).status, 200);
        let code = totp_code(&text("totp_secret"), server::clock::now_ms(), steps_ahead).unwrap();
        let second = visitor.post("/signin/second", &[("code", code)]);
        assert_eq!((second.status, second.header("location")), (303, Some("/")));
        visitor
    }

    /// A token of one's own, as it is shown once.
    fn token(&mut self) -> String {
        let page = self.ask("GET", "/me", None);
        let csrf = between(&page, r#"name="csrf" value=""#);
        let form =
            [("csrf", csrf), ("label", LABEL.into()), ("scopes", "user/Patient.rs".into()), ("days", "30".into())];
        let made = self.post("/me/tokens", &form);
        assert_eq!(made.status, 201);
        format!("wst_{}", between(&made, r#"id="token-secret">wst_"#))
    }

    fn post(&mut self, path: &str, form: &[(&str, String)]) -> Answer {
        let pairs: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
        self.ask("POST", path, Some(pairs.join("&").as_bytes()))
    }

    fn ask(&mut self, method: &str, path: &str, body: Option<&[u8]>) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let headers = [("sec-fetch-site", "same-origin"), ("cookie", cookies.as_str())];
        let answer = self.client.send(&Request { method, path, body, headers: &headers }).unwrap();
        for (_, value) in answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
            let (name, value) = value.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(held, _)| held != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        answer
    }
}

#[test]
fn what_proves_a_person_is_nowhere_on_the_disk_in_clear() {
    let mut house = House::start(1);
    let mut visitor = Visitor::sign_in(&house);
    let token = visitor.token();
    let mut client = house.anonymous().with_token(Some(&token));
    assert_eq!(client.get("/fhir/Patient").unwrap().status, 200);

    let nurse = house.user("nurse").clone();
    let text = |name: &str| nurse[name].as_str().unwrap().to_owned();
    let secret = server::accounts::from_base32(&text("totp_secret")).unwrap();
    let mut needles: Vec<(String, Vec<u8>)> = vec![("the app's secret, raw".into(), secret.clone())];
    let of_secret = [URL_SAFE_NO_PAD.encode(&secret), format!("{:?}", &secret[..6]).replace(' ', "")];
    let cookies = visitor.cookies.iter().map(|(_, value)| value.clone()).filter(|value| !value.is_empty());
    let planted = ["password", "totp_secret", "token", "username", "name"].map(text).into_iter();
    for value in planted.chain(cookies).chain(of_secret).chain([token, LABEL.to_owned()]) {
        needles.extend(forms(value.trim_matches(['[', ']'])));
    }

    let (data, backup) = (house.path("data"), house.path("backup"));
    wardstone_ok(&["backup", "--data", &data, &backup]);
    let look = || {
        let mut looked = 0;
        for file in files_below(data.as_ref()).into_iter().chain(files_below(backup.as_ref())) {
            let bytes = std::fs::read(&file).unwrap();
            looked += 1;
            for (name, needle) in &needles {
                assert!(!find(&bytes, needle), "{name} is in {}", file.display());
            }
        }
        looked
    };
    assert!(look() > 10);
    assert!(files_below(backup.as_ref()).iter().any(|file| file.ends_with("desk.db")), "accounts are in the backup");
    house.kill();
    look();
}

#[test]
fn a_draft_is_nowhere_on_the_disk_in_clear_and_outlives_the_machine() {
    let mut house = House::start(1);
    let patient = house.user("patient")["patient"].as_str().unwrap().replace("Patient/", "/patients/");
    let mut visitor = Visitor::sign_in_as(&house, "physician", 0);
    let page = visitor.ask("GET", &format!("{patient}/notes/new"), None);
    let place = between(&page, r#"id="note" method="post" action=""#);
    let sheet = |page: &Answer, words: &str| {
        let field = |name: &str| between(page, &format!(r#"name="{name}" value=""#));
        let based_on = if words.ends_with("aside") { "7".to_owned() } else { field("based_on") };
        [("csrf", field("csrf")), ("ticket", field("ticket")), ("based_on", based_on), ("plan", words.to_owned())]
    };
    for words in [TYPED.to_owned(), format!("{TYPED}, aside")] {
        let saved = visitor.post(&place, &sheet(&page, &words));
        assert_eq!((saved.status, saved.header("location")), (303, Some(place.as_str())));
    }
    // Nobody's session: kept by its ticket.
    visitor.cookies.clear();
    let late = visitor.post(&place, &sheet(&page, &format!("{TYPED}, late")));
    assert_eq!(late.status, 303);

    let needles = forms(TYPED);
    let look = |folder: &str| {
        let files = files_below(folder.as_ref());
        assert!(files.len() > 3);
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            for (name, needle) in &needles {
                assert!(!find(&bytes, needle), "{name} is in {}", file.display());
            }
        }
    };
    let whole = house.folder.path().display().to_string();
    let (data, backup, dump, elsewhere) =
        (house.path("data"), house.path("backup"), house.path("dump"), house.path("elsewhere"));
    look(&whole);
    wardstone_ok(&["backup", "--data", &data, &backup]);
    house.kill();
    look(&whole);
    wardstone_ok(&["store", "dump", "--data", &data, &dump]);
    let entries = std::fs::read_to_string(format!("{dump}/desk.entry.tsv")).unwrap();
    assert!(entries.lines().any(|line| line.starts_with("12\t")), "drafts are in the dump");
    wardstone_ok(&["reindex", "--data", &data]);
    let said = wardstone_ok(&["audit", "verify", "--data", &data]);
    assert!(said.contains("the log is intact"), "{said}");
    look(&whole);

    wardstone_ok(&["restore", &backup, "--data", &elsewhere]);
    std::fs::remove_dir_all(house.data()).unwrap();
    copy_folder(elsewhere.as_ref(), &house.data());
    house.start_again();
    let mut visitor = Visitor::sign_in_as(&house, "physician", 1);
    let page = visitor.ask("GET", &place, None);
    let body = String::from_utf8_lossy(&page.body).into_owned();
    for words in ["", ", aside", ", late"] {
        assert!(body.contains(&format!("<dd>{TYPED}{words}</dd>")), "{words}: {body}");
    }
}

#[test]
fn a_persons_token_outlives_the_machine() {
    let mut house = House::start(1);
    let token = Visitor::sign_in(&house).token();
    let (data, backup, elsewhere) = (house.path("data"), house.path("backup"), house.path("elsewhere"));
    wardstone_ok(&["backup", "--data", &data, &backup]);
    house.stop();
    wardstone_ok(&["restore", &backup, "--data", &elsewhere]);
    std::fs::remove_dir_all(house.data()).unwrap();
    copy_folder(elsewhere.as_ref(), &house.data());
    house.start_again();
    let mut client = house.anonymous().with_token(Some(&token));
    assert_eq!(client.get("/fhir/Patient").unwrap().status, 200);
    assert_eq!(house.anonymous().with_token(Some("wst_none")).get("/fhir/Patient").unwrap().status, 401);
}

fn between(answer: &Answer, start: &str) -> String {
    let body = String::from_utf8_lossy(&answer.body);
    let (_, rest) = body.split_once(start).unwrap_or_else(|| panic!("{} has no {start}", answer.status));
    rest.split(['"', '<']).next().unwrap().to_owned()
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
