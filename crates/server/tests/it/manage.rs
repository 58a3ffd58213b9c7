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
        Self::after_codes(house, role, 0)
    }

    /// Somebody of whom so many codes were taken a moment ago.
    fn after_codes(house: &'h House, role: &str, taken: i64) -> Self {
        let login = house.user(role)["username"].as_str().unwrap().to_owned();
        let person = Self { house, session: house.path(&format!("{login}.session")), login, steps: taken.into() };
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

    let list = ["alert", "list", "--state", "open", "--rule", "break_glass"];
    let alert = until(|| officer.json(&list)["alerts"][0]["id"].as_str().map(str::to_owned));
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
    // It is no administrator's: not in their list, and nothing at its number.
    let admin = Person::of_role(&house, "admin");
    let seen = admin.json(&["alert", "list", "--rule", "break_glass"]);
    assert_eq!(seen["alerts"].as_array().map(Vec::len), Some(0), "{seen}");
    assert!(admin.refused(&["alert", "show", &alert]).contains("nothing at this address"));
    assert!(admin.refused(&["alert", "take", &alert]).contains("nothing at this address"));
    assert!(admin.refused(&["alert", "reviews"]).contains("your roles do not allow this"));

    // Policies: downloaded, changed, validated, proposed, replayed; never activated by their author.
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
fn agreements_are_kept_from_the_command_line_and_the_doctor_says_what_they_cover() {
    let mut house = House::start(1);
    let (officer, physician) = (Person::of_role(&house, "privacy_officer"), Person::of_role(&house, "physician"));
    let document = house.path("agreement.pdf");
    std::fs::write(&document, b"abc").unwrap();
    let add = [
        "baa",
        "add",
        "Courier, Inc.",
        "--service",
        "email",
        "--signed",
        "2026-01-01",
        "--expires",
        "2999-12-31",
        "--document",
        &document,
        "--words",
        "as decided by the board",
    ];
    assert!(physician.refused(&add).contains("your roles do not allow this"));
    assert!(physician.refused(&["baa", "list"]).contains("your roles do not allow this"));
    let added = officer.json(&add);
    // SHA-256 of `abc` (FIPS 180-2, appendix B.1).
    assert_eq!(added["document"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!((&added["state"], &added["reviewer"]), (&"in_force".into(), &officer.login.as_str().into()));
    officer.ok(&["baa", "amend", "1", "--service", "email", "--service", "sms", "--words", "covers messages too"]);
    assert!(
        officer.refused(&["baa", "amend", "1", "--words", "covers messages too"]).contains("nothing of it changes")
    );
    let said = officer.ok(&["baa", "list"]);
    assert!(said.contains("in_force") && said.contains("Courier, Inc.") && said.contains("sms"), "{said}");

    let config = house.path("wardstone.toml");
    let email = |vendor: &str| {
        let text = format!("[outward.email]\nhost = 'mail.example'\nfrom = 'a@clinic.example'\nvendor = '{vendor}'\n");
        std::fs::write(&config, text).unwrap();
    };
    let data = house.data().display().to_string();
    let doctor = ["doctor", "--data", &data, "--config", &config];
    email("Courier, Inc.");
    assert!(crate::house::wardstone_ok(&doctor).contains("email by Courier, Inc.: agreement 1 is in force until 2999"));
    email("Another");
    assert!(wardstone_refused(&doctor, 1).contains("email by Another: no agreement is in force"));

    assert!(officer.refused(&["baa", "end", "7", "--words", "we moved to another vendor"]).contains("nothing"));
    officer.ok(&["baa", "end", "1", "--words", "we moved to another vendor"]);
    assert!(officer.refused(&["baa", "end", "1", "--words", "we moved to another vendor"]).contains("has ended"));
    let shown = officer.ok(&["baa", "show", "1"]);
    assert!(shown.contains("ended") && shown.contains("covers messages too") && shown.contains("board"), "{shown}");
    house.stop();
    email("Courier, Inc.");
    assert!(wardstone_refused(&doctor, 1).contains("email by Courier, Inc.: no agreement is in force"));
    let relay = "[visits]\ncoturn = ['turn:relay.example:3478']\ncoturn_secret_file = 'secret'\n";
    std::fs::write(&config, format!("{relay}coturn_vendor = 'Courier, Inc.'\n")).unwrap();
    assert!(wardstone_refused(&doctor, 1).contains("relaying by Courier, Inc.: no agreement is in force"));
    std::fs::write(&config, format!("{relay}coturn_own = true\n")).unwrap();
    assert!(crate::house::wardstone_ok(&doctor).contains("relaying goes through a machine declared as"));
}

#[test]
fn broken_glass_opens_one_chart_over_fhir_to_one_person_and_nothing_else() {
    let house = House::start(25);
    let all = house.integration().get("/fhir/Patient?_count=100").unwrap().json();
    let ids: Vec<&str> = all["entry"].as_array().unwrap().iter().filter_map(|e| e["resource"]["id"].as_str()).collect();
    let chart = |id: &str| format!("/fhir/Patient/{id}/$everything?_count=1");
    let mut own = house.as_role("physician");
    let closed: Vec<&str> =
        ids.iter().copied().filter(|id| own.get(&chart(id)).unwrap().status != 200).take(2).collect();
    let [opened, other] = closed[..] else { panic!("the physician treats everybody") };
    let observations = |id: &str| format!("/fhir/Observation?patient={id}&_summary=count");
    let counted = |client: &mut testkit::Client, id: &str| {
        client.get(&observations(id)).unwrap().json()["total"].as_u64().unwrap()
    };
    assert_eq!(counted(&mut own, opened), 0);

    let physician = Person::of_role(&house, "physician");
    physician.ok(&["glass", "break", opened, "--reason", "collapsed at the front desk, allergies unknown"]);
    assert_eq!(own.get(&chart(opened)).unwrap().status, 200);
    assert!(counted(&mut own, opened) > 0);
    assert_ne!(own.get(&chart(other)).unwrap().status, 200);
    assert_eq!(counted(&mut own, other), 0);
    assert_ne!(house.as_role("nurse").get(&chart(opened)).unwrap().status, 200);
}

#[test]
fn labels_explanations_and_proxies_are_the_business_of_those_whom_policy_names() {
    let house = House::start(2);
    let (officer, admin) = (Person::of_role(&house, "privacy_officer"), Person::of_role(&house, "admin"));
    let patient = house.user("patient")["patient"].as_str().unwrap().trim_start_matches("Patient/").to_owned();
    let found = house.integration().get(&format!("/fhir/Observation?patient={patient}&_count=1")).unwrap().json();
    let observation = format!("Observation/{}", found["entry"][0]["resource"]["id"].as_str().unwrap());
    let seen = || house.as_role("patient").get(&format!("/fhir/{observation}")).unwrap().status;
    assert_eq!(seen(), 200);

    // A label closes it, and its correction opens it again; what for is in the log.
    let label = |what: &str, word: &str| {
        ["label", &observation, what, word, "--reason", "entered on the wrong form"].map(str::to_owned)
    };
    let correct = |person: &Person<'_>, what: &str| {
        let arguments = label(what, "psychotherapy");
        person.command(&arguments.each_ref().map(String::as_str)).output().unwrap().status.code()
    };
    assert_eq!(correct(&admin, "--add"), Some(1));
    assert_eq!((correct(&officer, "--add"), seen()), (Some(0), 404));

    // Why the patient did not get it: by the event of the denial.
    let login = house.user("patient")["username"].as_str().unwrap().to_owned();
    let denials = format!("/fhir/AuditEvent?agent-name={login}&outcome=4&_count=1");
    let mut auditor = house.as_role("auditor");
    let denial = auditor.get(&denials).unwrap().json();
    let event = denial["entry"][0]["resource"]["id"].as_str().unwrap_or_else(|| panic!("{denial}")).to_owned();
    let said = officer.ok(&["explain", &event]);
    assert!(said.contains("Observation") && said.contains("read"), "{said}");
    assert!(admin.refused(&["explain", &event]).contains("your roles do not allow this"));
    assert_eq!((correct(&officer, "--remove"), seen()), (Some(0), 200));

    // A proxy, by category and until a day.
    let invite = [
        "user",
        "invite",
        "mia",
        "--name",
        "Mia Chen",
        "--kind",
        "proxy",
        "--checked",
        "in_person",
        "--reason",
        "the mother",
    ];
    admin.ok(&invite);
    let grant = [
        "user",
        "proxy",
        "grant",
        "mia",
        "--patient",
        &patient,
        "--category",
        "scheduling",
        "--until",
        "2099-01-31",
        "--reason",
        "mother",
    ];
    assert!(officer.refused(&grant).contains("your roles do not allow this"));
    admin.ok(&grant);
    let shown = admin.json(&["user", "show", "mia"]);
    assert_eq!(shown["proxies"].as_array().map(Vec::len), Some(1), "{shown}");
    admin.ok(&["user", "proxy", "end", "mia", "--patient", &patient, "--reason", "of age now"]);
    assert_eq!(admin.json(&["user", "show", "mia"])["proxies"].as_array().map(Vec::len), Some(0));
}

#[test]
fn who_takes_data_out_on_the_machine_proves_to_be_somebody_who_may() {
    let mut house = House::start(1);
    house.stop();
    let (data, out) = (house.data().display().to_string(), house.path("out"));
    let password = house.path("password");
    let export = |role: &str, code: &str| {
        let user = house.user(role);
        std::fs::write(&password, user["password"].as_str().unwrap()).unwrap();
        let login = user["username"].as_str().unwrap();
        let mut command = Command::new(binary());
        command.args([
            "export",
            "--data",
            &data,
            "--plaintext",
            "--operator",
            "root",
            "--reason",
            "a test",
            "--as",
            login,
        ]);
        command.args(["--password-file", &password, &out]).env("WARDSTONE_TOTP", code).env_remove("RUST_LOG");
        command.output().unwrap()
    };
    let code = |role: &str| {
        let secret = house.user(role)["totp_secret"].as_str().unwrap();
        totp_code(secret, server::clock::now_ms(), 0).unwrap()
    };
    let wrong = export("admin", "000000");
    assert!(!wrong.status.success() && said_of(&wrong).contains("not proven"), "{}", said_of(&wrong));
    let nurse = export("nurse", &code("nurse"));
    assert!(!nurse.status.success() && said_of(&nurse).contains("your roles do not allow this"), "{}", said_of(&nurse));
    assert!(!std::path::Path::new(&out).exists(), "nothing went out");
    let right = export("admin", &code("admin"));
    assert!(right.status.success(), "{}", said_of(&right));
    assert!(std::fs::read_dir(&out).unwrap().count() > 3);
    // The log names the person, not the operator that was stated.
    let events = house.path("events");
    wardstone_ok(&["audit", "export", "--data", &data, "--operator", "root", "--reason", "a test", "--out", &events]);
    let events = std::fs::read_to_string(&events).unwrap();
    let admin = house.user("admin")["username"].as_str().unwrap();
    let exported = events.lines().filter(|line| line.contains("110106")).any(|line| line.contains(admin));
    assert!(exported, "no export by {admin}");
}

#[test]
fn a_command_on_the_machine_is_an_alert_at_the_next_start_that_an_administrator_closes() {
    let mut house = House::start(1);
    house.stop();
    let data = house.data().display().to_string();
    wardstone_ok(&["reindex", "--data", &data, "--operator", "root", "--reason", "searches were slow"]);
    house.start_again();
    let admin = Person::of_role(&house, "admin");
    let list = ["alert", "list", "--state", "open", "--rule", "operator_command"];
    let alert = until(|| admin.json(&list)["alerts"][0]["id"].as_str().map(str::to_owned));
    let said = admin.ok(&["alert", "show", &alert]);
    assert!(said.contains("operator_command") && said.contains("root"), "{said}");
    admin.ok(&["alert", "take", &alert]);
    admin.ok(&["alert", "close", &alert, "--verdict", "justified", "--words", "planned, ticket of this morning"]);
    // Who looked at it is in the log.
    house.stop();
    let events = house.path("events");
    wardstone_ok(&["audit", "export", "--data", &data, "--operator", "root", "--reason", "test", "--out", &events]);
    let events = std::fs::read_to_string(&events).unwrap();
    for said in [format!("alert {alert} read"), " alerts listed".to_owned(), "searches were slow".to_owned()] {
        assert!(events.contains(&said), "{said} is not in the log");
    }
}

#[test]
fn the_last_administrator_is_recovered_on_the_machine_itself_and_nobody_else() {
    let mut house = House::start(0);
    let (admin, nurse) = (house.user("admin")["username"].clone(), house.user("nurse")["username"].clone());
    let (admin, nurse) = (admin.as_str().unwrap().to_owned(), nurse.as_str().unwrap().to_owned());
    let person = Person::of_role(&house, "admin");
    person.ok(&["role", "grant", &nurse, "admin", "--reason", "covers for the other one"]);
    house.stop();
    let data = house.data().display().to_string();
    let recover = |login: &str| {
        [
            "user",
            "recover-admin",
            "--login",
            login,
            "--data",
            &data,
            "--operator",
            "root",
            "--reason",
            "lost everything",
        ]
        .map(str::to_owned)
    };
    let refused = |login: &str| {
        let arguments = recover(login);
        wardstone_refused(&arguments.each_ref().map(String::as_str), 1)
    };
    assert!(refused(&admin).contains("another administrator can recover"));
    assert!(refused("nobody.at.all").contains("no account has this login"));

    house.start_again();
    let person = Person::after_codes(&house, "admin", 1);
    person.ok(&["role", "end", &nurse, "admin", "--reason", "back again"]);
    house.stop();
    assert!(refused(&nurse).contains("only an administrator"));
    let arguments = recover(&admin);
    let said = wardstone_ok(&arguments.each_ref().map(String::as_str));
    assert!(said.contains("/enrol") && said.contains("this once"), "{said}");

    // The old proofs are void, and somebody is told.
    house.start_again();
    assert_eq!(
        house.anonymous().with_token(house.user("admin")["token"].as_str()).get("/fhir/Patient").unwrap().status,
        401
    );
    let officer = Person::of_role(&house, "privacy_officer");
    let list = ["alert", "list", "--state", "open", "--rule", "operator_command"];
    let alert = until(|| officer.json(&list)["alerts"][0].as_object().cloned());
    assert_eq!((&alert["severity"], &alert["for"]), (&"high".into(), &"admin".into()), "{alert:?}");
    // What was refused is in the log as refused, and what was done says why.
    house.stop();
    let events = house.path("events");
    wardstone_ok(&["audit", "export", "--data", &data, "--operator", "root", "--reason", "a test", "--out", &events]);
    let events = std::fs::read_to_string(&events).unwrap();
    let outcomes = |said: &str| -> Vec<String> {
        let lines = events.lines().filter(|line| line.contains(said));
        lines.map(|line| serde_json::from_str::<Value>(line).unwrap()["outcome"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(outcomes("recovery of the last administrator; reason: lost everything"), ["4"; 3]);
    assert_eq!(outcomes("-> recovering, known by in_person: lost everything"), ["0"]);
}

/// Alerts are there within a second of their event; a busy machine gets longer.
fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let began = std::time::Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed().as_secs() < 20, "it does not come");
    }
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
