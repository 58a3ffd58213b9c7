//! The commands that manage a running server, each as the person who may: sign in, joiners and leavers, roles, sessions,
//! tokens, broken glass, explanations.

use std::process::{Command, Output};

use serde_json::Value;
use testkit::totp_code;

use crate::house::{House, binary, text, wardstone_ok, wardstone_refused};

/// Somebody at a command line of their own.
struct Person<'h> {
    house: &'h House,
    login: String,
    session: String,
    /// Codes are taken once: each sign-in and step-up uses a later one.
    steps: std::cell::Cell<i64>,
}

impl<'h> Person<'h> {
    fn of_role(house: &'h House, role: &str) -> Self {
        let login = house.user(role)["username"].as_str().unwrap().to_owned();
        let person = Self { house, session: house.path(&format!("{login}.session")), login, steps: 0.into() };
        let said = person.sign_in();
        assert!(said.contains("is signed in"), "{said}");
        person
    }

    fn sign_in(&self) -> String {
        let password = self.house.path(&format!("{}.password", self.login));
        std::fs::write(&password, self.secret("password")).unwrap();
        let credentials = self.house.path("credentials.json");
        let arguments = ["login", "--credentials", &credentials, "--login", &self.login, "--password-file", &password];
        let output = self.command(&arguments).env("WARDSTONE_TOTP", self.code()).output().unwrap();
        said(&output, 0, &arguments)
    }

    fn secret(&self, name: &str) -> String {
        let users = self.house.credentials()["users"].as_array().unwrap();
        let user = users.iter().find(|user| user["username"] == self.login.as_str()).unwrap();
        user[name].as_str().unwrap().to_owned()
    }

    /// Within the skew of one step each way there are three codes that were not used. The oldest of them must not grow too old
    /// on its way, so a step that is nearly over is waited for.
    fn code(&self) -> String {
        const STEP_MS: i64 = 30_000;
        const LEFT_MS_MIN: i64 = 12_000;
        let left_ms = STEP_MS - server::clock::now_ms() % STEP_MS;
        if left_ms < LEFT_MS_MIN {
            std::thread::sleep(std::time::Duration::from_millis(left_ms as u64));
        }
        let ahead = self.steps.get() - 1;
        self.steps.set(self.steps.get() + 1);
        totp_code(&self.secret("totp_secret"), server::clock::now_ms(), ahead).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).env("WARDSTONE_SESSION", &self.session).env_remove("RUST_LOG");
        command
    }

    fn ok(&self, arguments: &[&str]) -> String {
        said(&self.command(arguments).output().unwrap(), 0, arguments)
    }

    fn refused(&self, arguments: &[&str]) -> String {
        said(&self.command(arguments).output().unwrap(), 1, arguments)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.ok(&arguments)).unwrap()
    }
}

fn said(output: &Output, code: i32, arguments: &[&str]) -> String {
    let said = format!("{}{}", text(output), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[test]
fn people_are_managed_from_the_command_line() {
    let house = House::start(2);
    let admin = Person::of_role(&house, "admin");

    // The session is a file for its owner, and no demo token opens what a person has to sign in for.
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&admin.session).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let by_token = house.as_role("admin").get("/manage/users").unwrap();
    assert_eq!((by_token.status, by_token.json()["type"].as_str()), (403, Some("urn:wardstone:problem:no-session")));

    // Joiner: a code that is shown once, and no role yet.
    let invite = ["user", "invite", "ben", "--name", "Ben Okoro", "--family", "Okoro", "--reason", "new nurse"];
    let said = admin.ok(&invite);
    assert!(said.contains("/enrol") && said.contains("code") && said.contains("this once"), "{said}");
    assert!(admin.refused(&invite).contains("the login is taken"));
    let said = admin.ok(&["user", "show", "ben"]);
    assert!(said.contains("Ben Okoro") && said.contains("invited"), "{said}");
    let said = admin.ok(&["user", "list", "--state", "invited"]);
    assert_eq!(said.lines().count(), 2, "{said}");

    // Mover: a role with an end and a reason; nobody grants one to themselves.
    admin.ok(&["role", "grant", "ben", "nurse", "--reason", "ward 2", "--until", "2099-06-30"]);
    let said = admin.refused(&["role", "grant", &admin.login, "auditor", "--reason", "I would like to"]);
    assert!(said.contains("second person"), "{said}");
    let grants = admin.json(&["user", "show", "ben"])["grants"].clone();
    assert_eq!((&grants[0]["role"], &grants[0]["ends"]), (&"nurse".into(), &"2099-07-01T00:00:00Z".into()), "{grants}");
    assert!(admin.refused(&["role", "grant", "ben", "wizard", "--reason", "magic"]).contains("no role has this name"));
    admin.ok(&["role", "confirm", "ben", "nurse"]);
    admin.ok(&["role", "end", "ben", "nurse", "--reason", "moved"]);
    admin.ok(&["user", "npi", "ben", "1234567893"]);
    assert!(admin.refused(&["user", "npi", "ben", "1234567890"]).contains("NPI"));

    // What policy does not give is refused, with no word about what is there.
    let nurse = Person::of_role(&house, "nurse");
    for arguments in [&["user", "list"][..], &["role", "due"], &["session", "list", "--user", "ben"]] {
        assert!(nurse.refused(arguments).contains("your roles do not allow this"));
    }
    let said = nurse.ok(&["session", "list"]);
    assert!(said.contains("127.0.0.1") && said.contains("yes"), "{said}");

    // Somebody else's session ends within the next request; the command line says what to do.
    let sessions = admin.json(&["session", "list", "--user", &nurse.login]);
    let number = sessions["sessions"][0]["id"].as_str().unwrap().to_owned();
    admin.ok(&["session", "end", "--user", &nurse.login, &number]);
    assert!(nurse.refused(&["session", "list"]).contains("wardstone login"));
    assert!(admin.refused(&["session", "end", "--user", &nurse.login, &number]).contains("nothing at this address"));

    // Tokens: one's own, narrowed, shown once, dead when revoked.
    let made = admin.json(&["token", "create", "script", "--scope", "user/Practitioner.rs", "--days", "1"]);
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("wst_"), "{secret}");
    let mut program = house.anonymous().with_token(Some(secret));
    assert_eq!(program.get("/fhir/Practitioner?_count=1").unwrap().status, 200);
    assert_ne!(program.get("/fhir/Organization?_count=1").unwrap().status, 200);
    assert_eq!(program.get("/manage/session").unwrap().status, 403, "a token is no session");
    admin.ok(&["token", "revoke", made["id"].as_str().unwrap()]);
    assert_eq!(program.get("/fhir/Practitioner?_count=1").unwrap().status, 401);

    // Leaver.
    admin.ok(&["user", "deactivate", &nurse.login, "--reason", "left"]);
    assert_eq!(house.as_role("nurse").get("/fhir/Patient?_count=1").unwrap().status, 401, "tokens have ended");
    assert!(nurse.refused(&["session", "list"]).contains("wardstone login"));

    // A step-up gives the session a new secret; signing out ends it.
    let before = std::fs::read_to_string(&admin.session).unwrap();
    let output = admin.command(&["login", "--step-up"]).env("WARDSTONE_TOTP", admin.code()).output().unwrap();
    assert!(said_of(&output).contains("freshly"), "{}", said_of(&output));
    assert_ne!(std::fs::read_to_string(&admin.session).unwrap(), before);
    admin.ok(&["user", "list"]);
    std::fs::copy(&admin.session, house.path("copy.session")).unwrap();
    admin.ok(&["logout"]);
    assert!(!std::path::Path::new(&admin.session).exists());
    let stolen = house.path("copy.session");
    assert!(wardstone_refused(&["user", "list", "--session", &stolen], 1).contains("wardstone login"));
}

fn said_of(output: &Output) -> String {
    format!("{}{}", text(output), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn broken_glass_raises_an_alert_that_somebody_closes_and_policies_change_by_two_people() {
    let house = House::start(2);
    let (physician, officer) = (Person::of_role(&house, "physician"), Person::of_role(&house, "privacy_officer"));
    let patient = house.user("patient")["patient"].as_str().unwrap().to_owned();
    let patient = patient.strip_prefix("Patient/").unwrap();

    assert!(physician.refused(&["glass", "break", patient, "--reason", "why not"]).contains("ten letters"));
    let reason = "unconscious in the waiting room, looking for allergies";
    let said = physician.ok(&["glass", "break", patient, "--reason", reason]);
    assert!(said.contains("open for you until"), "{said}");
    assert!(officer.ok(&["glass", "list"]).contains(reason));
    assert!(physician.refused(&["glass", "list"]).contains("your roles do not allow this"));

    // The alert is there within a second of the event; a busy machine gets longer.
    let list = ["alert", "list", "--state", "open", "--rule", "break_glass"];
    let began = std::time::Instant::now();
    let alert = loop {
        let alerts = officer.json(&list);
        if let Some(id) = alerts["alerts"][0]["id"].as_str() {
            break id.to_owned();
        }
        assert!(began.elapsed().as_secs() < 20, "{alerts}");
    };
    let said = officer.ok(&["alert", "show", &alert]);
    assert!(said.contains("break_glass") && said.contains(&physician.login), "{said}");
    let close =
        ["alert", "close", &alert, "--verdict", "justified", "--words", "spoke with the physician: an emergency"];
    assert!(officer.refused(&close).contains("by who took it"));
    officer.ok(&["alert", "take", &alert]);
    assert!(officer.refused(&["alert", "note", &alert, "--words", "ok"]).contains("words"));
    officer.ok(&close);
    let said = officer.ok(&["alert", "show", &alert]);
    assert!(said.contains("closed") && said.contains("an emergency"), "{said}");
    officer.ok(&["alert", "review", "--words", "looked at every alert of the week"]);
    assert!(officer.ok(&["alert", "reviews"]).contains("looked at every alert"));

    // Policies: downloaded, changed, validated, proposed, replayed; never activated by their author.
    let admin = Person::of_role(&house, "admin");
    let folder = house.path("policies");
    admin.ok(&["policy", "download", "1", &folder]);
    assert!(admin.ok(&["policy", "validate", &folder]).contains("valid"));
    let billing = format!("{folder}/billing.cedar");
    let before = std::fs::read_to_string(&billing).unwrap();
    std::fs::write(&billing, format!("{before}\nthis is no policy")).unwrap();
    assert!(admin.refused(&["policy", "validate", &folder]).contains("billing"));
    std::fs::write(&billing, format!("{before}\n// reviewed\n")).unwrap();
    let said = admin.ok(&["policy", "propose", &folder, "--words", "billing was reviewed"]);
    assert!(said.contains('2'), "{said}");
    let report = admin.json(&["policy", "replay", "2", "--days", "7"]);
    assert_eq!((&report["newly_allowed"], &report["newly_denied"]), (&0.into(), &0.into()), "{report}");
    let activate = ["policy", "activate", "2", "--words", "as decided by the board"];
    assert!(admin.refused(&activate).contains("second person"));
    assert!(physician.refused(&activate).contains("your roles do not allow this"));
    let list = admin.ok(&["policy", "list"]);
    assert!(list.contains("draft") && list.contains("active"), "{list}");
}

#[test]
fn a_wrong_password_an_unknown_login_and_a_used_code_are_one_answer() {
    let house = House::start(0);
    let admin = Person::of_role(&house, "admin");
    let mut nobody = house.anonymous();
    let mut attempt = |login: &str, password: &str, totp: &str| {
        let body = serde_json::json!({"login": login, "password": password, "totp": totp}).to_string();
        let request = testkit::Request {
            method: "POST",
            path: "/manage/session",
            headers: &[("content-type", "application/json")],
            body: Some(body.as_bytes()),
        };
        let answer = nobody.send(&request).unwrap();
        (answer.status, String::from_utf8(answer.body).unwrap())
    };
    let wrong = attempt(&admin.login, "not the password", "000000");
    assert_eq!(wrong.0, 401);
    assert_eq!(attempt("nobody.at.all", "not the password", "000000"), wrong);
    let used = totp_code(&admin.secret("totp_secret"), server::clock::now_ms(), -1).unwrap();
    let spent = attempt(&admin.login, &admin.secret("password"), &used);
    // Throttled after the failures before, or refused like them: never a session.
    assert!(spent == wrong || spent.0 == 429, "{spent:?}");
}

#[test]
fn the_first_administrator_is_made_once_on_the_machine_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (data, kek) = (path("data"), path("kek"));
    let said = wardstone_ok(&["init", "--data", &data, "--kek-file", &kek, "--new-kek"]);
    assert!(said.contains("wardstone user first-admin"), "{said}");
    let arguments = ["user", "first-admin", "--data", &data, "--kek-file", &kek, "--login", "ana"];
    let said = wardstone_refused(&arguments, 2);
    assert!(said.contains("--operator NAME --reason TEXT"), "{said}");
    let named: Vec<&str> = arguments.iter().copied().chain(["--operator", "root", "--reason", "new clinic"]).collect();
    let said = wardstone_ok(&named);
    assert!(said.contains("/enrol") && said.contains("this once"), "{said}");

    // Who and why is in the log, and what only looks at files is there after the next start.
    let by = ["--data", &data, "--kek-file", &kek, "--operator", "root", "--reason", "yearly look"];
    wardstone_refused(&["audit", "verify", "--data", &data, "--kek-file", &kek], 2);
    let verify: Vec<&str> = ["audit", "verify"].into_iter().chain(by).collect();
    wardstone_ok(&verify);
    let events = path("events");
    let export: Vec<&str> = ["audit", "export"].into_iter().chain(by).chain(["--out", &events]).collect();
    wardstone_ok(&export);
    let events = std::fs::read_to_string(&events).unwrap();
    for said in ["first administrator; reason: new clinic", "audit verify at", "yearly look", "export of the audit log"]
    {
        assert!(events.contains(said), "{said} is not in {events}");
    }
}
