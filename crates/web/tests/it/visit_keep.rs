//! From a call into the chart: a file is looked into first, by a daemon that speaks clamd's words, and held back where it should be.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use http::StatusCode;
use serde_json::{Value, json};
use telehealth::scan::{Clamd, ScanError, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use web::CSRF_HEADER;

use crate::clinic::{Answer, Browser, Clinic};
use crate::ward::{look, ward_of};

const PAGE: &str = "/appointments/video/visit";
const PDF: &[u8] = b"%PDF-1.4 a letter\n%%EOF";
const BOUNDARY: &str = "----bound9";
const TOKEN: &str = "00112233445566778899aabbccddeeff";
/// The test file that every scanner finds (eicar.org), in two parts so that none finds it here.
const EICAR: [&str; 2] = [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"];

fn eicar() -> Vec<u8> {
    EICAR.concat().into_bytes()
}

/// A daemon that reads `zINSTREAM` as clamd(8) has it, chunk by chunk, and finds the test file. Deaf: it takes the line and hangs up.
struct Daemon {
    at: Clamd,
    is_deaf: Arc<AtomicBool>,
}

async fn answer<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(mut stream: S, is_deaf: bool) -> Option<()> {
    if is_deaf {
        return None;
    }
    let mut command = [0; 10];
    stream.read_exact(&mut command).await.ok()?;
    assert_eq!(&command, b"zINSTREAM\0");
    let mut whole = Vec::new();
    loop {
        let size = stream.read_u32().await.ok()? as usize;
        if size == 0 {
            break;
        }
        if whole.len() + size > 25 * 1024 * 1024 {
            stream.write_all(b"INSTREAM size limit exceeded. ERROR\0").await.ok()?;
            return None;
        }
        let from = whole.len();
        whole.resize(from + size, 0);
        stream.read_exact(&mut whole[from..]).await.ok()?;
    }
    let found = whole.windows(EICAR[1].len()).any(|part| part == EICAR[1].as_bytes());
    let said: &[u8] = if found { b"stream: Win.Test.EICAR_HDB-1 FOUND\0" } else { b"stream: OK\0" };
    stream.write_all(said).await.ok()
}

async fn daemon() -> Daemon {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = Clamd::Loopback(listener.local_addr().unwrap());
    let is_deaf = Arc::new(AtomicBool::new(false));
    let deaf = is_deaf.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, deaf.load(Ordering::SeqCst)));
        }
    });
    Daemon { at, is_deaf }
}

async fn clinic(scanner: Option<Clamd>) -> Clinic {
    let clinic = ward_of(Clinic::with_scanner(scanner).await).await;
    let appointment = r#""status":"booked","start":"2027-01-04T15:00:00Z","end":"2027-01-04T15:20:00Z",
        "serviceType":[{"coding":[{"system":"http://snomed.info/sct","code":"448337001"}]}],
        "participant":[{"actor":{"reference":"Patient/p1"},"status":"accepted"},{"actor":{"reference":"Practitioner/asha"},"status":"accepted"}]"#;
    clinic.put("Appointment", "video", appointment).await;
    let encounter = r#""status":"in-progress","class":{"code":"VR"},"subject":{"reference":"Patient/p1"},
        "appointment":[{"reference":"Appointment/video"}],"period":{"start":"2027-01-04T15:00:00Z"}"#;
    clinic.put("Encounter", "call", encounter).await;
    clinic
}

async fn host(clinic: &Clinic, login: &str) -> (Browser, String) {
    let (browser, page) = look(clinic, login, PAGE).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    (browser, page.after(r#"data-csrf=""#))
}

async fn post(clinic: &Clinic, browser: &mut Browser, csrf: &str, path: &str, body: &Value) -> Answer {
    let headers = [
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/json"),
        ("accept", "application/json"),
        (CSRF_HEADER, csrf),
    ];
    browser.ask(clinic, "POST", &format!("{PAGE}/{path}"), &headers, Body::from(body.to_string())).await
}

async fn keep(clinic: &Clinic, browser: &mut Browser, csrf: &str, fields: &[(&str, &str)], file: &[u8]) -> Answer {
    let mut sent = vec![("kind", "51852-2"), ("title", "A letter"), ("from", "patient"), ("token", TOKEN)];
    for (name, value) in fields {
        sent.retain(|(held, _)| held != name);
        sent.push((name, value));
    }
    let mut body = Vec::new();
    for (name, value) in sent {
        let part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n");
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let headers = [
        ("sec-fetch-site", "same-origin"),
        ("content-type", &*kind),
        ("accept", "application/json"),
        (CSRF_HEADER, csrf),
    ];
    browser.ask(clinic, "POST", &format!("{PAGE}/keep/file"), &headers, Body::from(body)).await
}

async fn held(clinic: &Clinic, kind: &str) -> Vec<Value> {
    let all = clinic.all(kind, &[("patient", "p1"), ("_sort", "_id")]).await;
    all.iter().map(|one| serde_json::from_str(one).unwrap()).collect()
}

/// What came into the chart from a call.
async fn documents(clinic: &Clinic) -> Vec<Value> {
    let all = held(clinic, "DocumentReference").await;
    all.into_iter().filter(|one| one["category"][0]["text"] == "Sent in a visit by video").collect()
}

fn told(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test]
async fn a_clean_file_becomes_a_document_of_the_visit_by_who_sent_it_and_once() {
    let clinic = clinic(Some(daemon().await.at)).await;
    let (mut asha, csrf) = host(&clinic, "asha").await;
    for _ in 0..2 {
        let kept = keep(&clinic, &mut asha, &csrf, &[], PDF).await;
        assert_eq!(kept.status, StatusCode::CREATED, "{}", kept.body);
        assert_eq!((&told(&kept)["became"], &told(&kept)["scanner"]), (&json!("kept"), &json!(true)));
    }
    let all = documents(&clinic).await;
    let [document] = &all[..] else { panic!("{all:?}") };
    assert_eq!(document["subject"]["reference"], "Patient/p1");
    assert_eq!(document["author"][0]["reference"], "Patient/p1");
    assert_eq!(document["docStatus"], "preliminary", "nobody has signed it");
    assert_eq!(document["context"]["encounter"][0]["reference"], "Encounter/call");
    assert_eq!(document["context"]["related"][0]["reference"], "Appointment/video");
    assert_eq!(document["content"][0]["attachment"]["contentType"], "application/pdf");
    let said = held(&clinic, "Provenance").await;
    let target = format!("DocumentReference/{}", document["id"].as_str().unwrap());
    let of = said.iter().find(|one| one["target"][0]["reference"] == *target).expect("who filed it");
    assert_eq!(of["agent"][0]["who"]["reference"], "Practitioner/asha");
    assert_eq!(of["agent"][1]["who"]["reference"], "Patient/p1");
    let page = asha.get(&clinic, &format!("/patients/p1/documents/{}", document["id"].as_str().unwrap())).await;
    assert!(page.body.contains("Unchanged since it was filed"), "{}", page.body);
}

#[tokio::test]
async fn what_is_found_in_a_file_holds_it_back_until_it_is_thrown_away() {
    let clinic = clinic(Some(daemon().await.at)).await;
    let (mut asha, csrf) = host(&clinic, "asha").await;
    let file = [b"%PDF-1.4 ".to_vec(), vec![b' '; 200_000], eicar()].concat();
    let answer = keep(&clinic, &mut asha, &csrf, &[], &file).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    let said = told(&answer);
    assert_eq!(
        (&said["became"], &said["held"][0]["why"]),
        (&json!("held"), &json!("something was found in it: Win.Test.EICAR_HDB-1"))
    );
    let again = post(&clinic, &mut asha, &csrf, "held/again", &json!({ "name": TOKEN })).await;
    assert_eq!(told(&again)["became"], "held", "{}", again.body);
    let gone = post(&clinic, &mut asha, &csrf, "held/drop", &json!({ "name": TOKEN })).await;
    assert_eq!(told(&gone)["held"], json!([]), "{}", gone.body);
    let none = post(&clinic, &mut asha, &csrf, "held/again", &json!({ "name": TOKEN })).await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST);
    assert!(documents(&clinic).await.is_empty());
}

#[tokio::test]
async fn a_scanner_that_says_nothing_keeps_files_out_and_lets_them_in_when_it_is_back() {
    let Daemon { at, is_deaf } = daemon().await;
    let clinic = clinic(Some(at)).await;
    let (mut asha, csrf) = host(&clinic, "asha").await;
    is_deaf.store(true, Ordering::SeqCst);
    let answer = keep(&clinic, &mut asha, &csrf, &[], PDF).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    assert!(answer.body.contains("nothing could look into it") && documents(&clinic).await.is_empty());
    // Another clinician who may see the appointment sees it too; nobody else does.
    let (mut nora, nora_csrf) = host(&clinic, "nora").await;
    let seen = post(&clinic, &mut nora, &nora_csrf, "held", &json!({})).await;
    assert_eq!(told(&seen)["held"][0]["title"], "A letter");
    is_deaf.store(false, Ordering::SeqCst);
    let again = post(&clinic, &mut asha, &csrf, "held/again", &json!({ "name": TOKEN })).await;
    assert_eq!((again.status, &told(&again)["held"]), (StatusCode::CREATED, &json!([])), "{}", again.body);
    assert_eq!(documents(&clinic).await.len(), 1);
}

#[tokio::test]
async fn without_a_scanner_a_file_is_kept_and_the_page_is_told_that_nothing_looked() {
    let clinic = clinic(None).await;
    let (mut asha, csrf) = host(&clinic, "asha").await;
    let before = post(&clinic, &mut asha, &csrf, "held", &json!({})).await;
    assert_eq!(told(&before)["scanner"], false);
    let kept = keep(&clinic, &mut asha, &csrf, &[("from", "interpreter"), ("title", "")], PDF).await;
    assert_eq!(kept.status, StatusCode::CREATED, "{}", kept.body);
    let [document] = &documents(&clinic).await[..] else { panic!() };
    assert!(document["author"].is_null(), "the record knows no interpreter");
    assert_eq!(document["description"], "Letter");
    let image = [&[0; 128][..], b"DICM\x02\0"].concat();
    let dicom = [("token", "ffeeddccbbaa99887766554433221100"), ("kind", "18748-4"), ("title", "Foot")];
    let kept = keep(&clinic, &mut asha, &csrf, &dicom, &image).await;
    assert_eq!(kept.status, StatusCode::CREATED, "{}", kept.body);
    let all = documents(&clinic).await;
    let foot = all.iter().find(|one| one["description"] == "Foot").unwrap();
    assert_eq!(foot["content"][0]["attachment"]["contentType"], "application/dicom");
    let page = asha.get(&clinic, &format!("/patients/p1/documents/{}", foot["id"].as_str().unwrap())).await;
    assert!(page.body.contains("A DICOM object is not shown here.") && !page.body.contains("<iframe"), "{}", page.body);
    for (fields, file, words) in [
        (&[("kind", "1-1")][..], PDF, "what kind of document"),
        (&[("token", "x")], PDF, "not the form"),
        (&[], b"MZ\x90\0 a program".as_slice(), "Only PDF, pictures, DICOM"),
        (&[], b"GIF89a\x01\0", "Only PDF"),
        (&[], b"", "Only PDF"),
    ] {
        let refused = keep(&clinic, &mut asha, &csrf, fields, file).await;
        assert!(
            refused.status == StatusCode::BAD_REQUEST && refused.body.to_lowercase().contains(&words.to_lowercase()),
            "{}",
            refused.body
        );
    }
}

#[tokio::test]
async fn what_was_held_back_stays_so_when_nothing_looks_any_more() {
    let clinic = clinic(None).await;
    let (mut asha, csrf) = host(&clinic, "asha").await;
    let form =
        json!({ "kind": "51852-2", "title": "A letter", "dated": "2027-01-04", "from": "patient", "token": TOKEN });
    let why = telehealth::quarantine::Why::Found("Own.Test".into());
    clinic.quarantine.hold(TOKEN, "video", why, form.to_string(), PDF).unwrap();
    let again = post(&clinic, &mut asha, &csrf, "held/again", &json!({ "name": TOKEN })).await;
    assert!(again.status == StatusCode::BAD_REQUEST && again.body.contains("stays held back"), "{}", again.body);
    assert!(documents(&clinic).await.is_empty());
    let seen = post(&clinic, &mut asha, &csrf, "held", &json!({})).await;
    assert_eq!(told(&seen)["held"][0]["why"], "something was found in it: Own.Test");
}

#[tokio::test]
async fn what_goes_into_a_chart_is_decided_for_who_asks() {
    let clinic = clinic(None).await;
    for login in ["zoe", "fay", "ben", "petra"] {
        let (mut browser, me) = look(&clinic, login, "/me").await;
        let csrf = me.after(r#"data-csrf=""#);
        let file = keep(&clinic, &mut browser, &csrf, &[], PDF).await;
        let talk = post(&clinic, &mut browser, &csrf, "keep/talk", &words(&clinic, "Hello")).await;
        let held = post(&clinic, &mut browser, &csrf, "held", &json!({})).await;
        for answer in [file, talk, held] {
            assert!(
                [StatusCode::FORBIDDEN, StatusCode::NOT_FOUND].contains(&answer.status),
                "{login}: {}",
                answer.body
            );
        }
    }
    let (mut asha, _) = host(&clinic, "asha").await;
    let unasked = keep(&clinic, &mut asha, "not the token", &[], PDF).await;
    assert_eq!(unasked.status, StatusCode::FORBIDDEN);
    assert!(documents(&clinic).await.is_empty() && held(&clinic, "Communication").await.is_empty());
}

fn words(clinic: &Clinic, text: &str) -> Value {
    let line = |by: &str, text: &str| json!({ "by": by, "text": text, "at_ms": clinic.now_ms() });
    json!({ "token": TOKEN, "lines": [line("The patient", text), line("ASHA", "Come on Monday.")] })
}

#[tokio::test]
async fn chosen_messages_become_one_communication_of_the_visit() {
    let clinic = clinic(None).await;
    let (mut asha, csrf) = host(&clinic, "asha").await;
    for _ in 0..2 {
        let kept =
            post(&clinic, &mut asha, &csrf, "keep/talk", &words(&clinic, "It hurts\u{7} here.\nAnd there.")).await;
        assert_eq!(kept.status, StatusCode::CREATED, "{}", kept.body);
    }
    let all = held(&clinic, "Communication").await;
    let [one] = &all[..] else { panic!("{all:?}") };
    assert_eq!((&one["status"], &one["subject"]["reference"]), (&json!("completed"), &json!("Patient/p1")));
    assert_eq!(one["sender"]["reference"], "Practitioner/asha");
    assert_eq!(one["about"][0]["reference"], "Appointment/video");
    assert_eq!(one["encounter"]["reference"], "Encounter/call");
    assert_eq!(one["payload"][0]["contentString"], "10:00, The patient: It hurts here.\nAnd there.");
    assert_eq!(one["payload"][1]["contentString"], "10:00, ASHA: Come on Monday.");
    let page = asha.get(&clinic, "/patients/p1/messages").await;
    for part in [
        "Messages of a visit by video",
        "04-Jan-2027 10:00",
        "from Dr asha to the patient",
        "10:00, ASHA: Come on Monday.",
    ] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    assert!(!page.body.contains("In the inbox"), "it waits for nobody");
    for body in [
        json!({ "token": TOKEN, "lines": [] }),
        json!({ "token": "x", "lines": words(&clinic, "a")["lines"] }),
        json!({ "token": TOKEN, "lines": [{ "by": "", "text": "a", "at_ms": clinic.now_ms() }] }),
        json!({ "token": TOKEN, "lines": [{ "by": "a", "text": "a", "at_ms": 0 }] }),
        words(&clinic, &"a".repeat(4_001)),
        words(&clinic, " "),
    ] {
        let refused = post(&clinic, &mut asha, &csrf, "keep/talk", &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.body);
    }
}

#[tokio::test]
async fn the_note_of_a_visit_is_one_press_away() {
    let clinic = clinic(None).await;
    let (mut asha, _) = host(&clinic, "asha").await;
    let to = asha.get(&clinic, &format!("{PAGE}/note")).await;
    assert_eq!((to.status, to.location()), (StatusCode::SEE_OTHER, "/patients/p1/notes/new?encounter=call"));
    let page = asha.get(&clinic, PAGE).await;
    assert!(page.body.contains("tel:+15550100100"), "{}", page.body);
}

#[tokio::test]
async fn the_client_speaks_over_a_socket_and_fails_closed() {
    let directory = tempfile::tempdir().unwrap();
    let path: PathBuf = directory.path().join("clamd.ctl");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, false));
        }
    });
    let clamd = Clamd::Unix(path);
    assert_eq!(clamd.scan(PDF).await.unwrap(), Verdict::Clean);
    assert_eq!(clamd.scan(b"").await.unwrap(), Verdict::Clean);
    assert_eq!(clamd.scan(&eicar()).await.unwrap(), Verdict::Found("Win.Test.EICAR_HDB-1".into()));
    // Over the edge of two chunks.
    let split = [vec![b'x'; 64 * 1024 - 20], eicar()].concat();
    assert!(matches!(clamd.scan(&split).await.unwrap(), Verdict::Found(_)));
    let large = vec![0; 26 * 1024 * 1024];
    assert!(matches!(clamd.scan(&large).await, Err(ScanError::Refused)));
    let away = Clamd::Unix(directory.path().join("nobody.ctl"));
    assert!(matches!(away.scan(PDF).await, Err(ScanError::Away(_))));
    // Takes everything and says nothing.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = mute.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held: Vec<TcpStream> = Vec::new();
        while let Ok((stream, _)) = mute.accept().await {
            held.push(stream);
        }
    });
    let short = std::time::Duration::from_millis(200);
    assert!(matches!(Clamd::Loopback(at).scan_within(PDF, short).await, Err(ScanError::Late)));
}

/// Ends with the test.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// ClamAV's own daemon, with one signature of ours in place of its database: the one that finds the test file.
#[tokio::test]
async fn a_real_clamd_finds_the_test_file() {
    const CLAMD: &str = "/usr/sbin/clamd";
    if !std::path::Path::new(CLAMD).exists() {
        #[expect(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("skipped: there is no {CLAMD}");
        }
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let signature: String = eicar().iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::create_dir(place("db")).unwrap();
    std::fs::write(place("db/own.ndb"), format!("Own.Test.File:0:*:{signature}\n")).unwrap();
    let (socket, database) = (place("clamd.ctl"), place("db"));
    let settings = format!(
        "LocalSocket {}\nDatabaseDirectory {}\nForeground yes\nStreamMaxLength 11M\n",
        socket.display(),
        database.display()
    );
    std::fs::write(place("clamd.conf"), settings).unwrap();
    let quiet = || std::process::Stdio::null();
    let mut command = std::process::Command::new(CLAMD);
    command.arg("-c").arg(place("clamd.conf")).stdout(quiet()).stderr(quiet());
    let _running = Running(command.spawn().unwrap());
    let clamd = Clamd::Unix(socket);
    for _ in 0..600 {
        if clamd.scan(b"x").await.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(clamd.scan(PDF).await.unwrap(), Verdict::Clean);
    let found = clamd.scan(&[b"%PDF-1.4 ".to_vec(), eicar()].concat()).await.unwrap();
    assert!(matches!(&found, Verdict::Found(name) if name.starts_with("Own.Test.File")), "{found:?}");
    let largest = [b"%PDF-1.4\n".to_vec(), vec![b'y'; record::DOCUMENT_BYTES_MAX - 9]].concat();
    assert_eq!(clamd.scan(&largest).await.unwrap(), Verdict::Clean);
    assert!(matches!(clamd.scan(&vec![b'y'; 12 * 1024 * 1024]).await, Err(ScanError::Refused | ScanError::Away(_))));
}
