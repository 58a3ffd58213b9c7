//! Documents: filed by what their bytes say, shown in a sandbox if they are what was filed, signed, kept from the patient.

use access::Role;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fhir::Json;
use http::{StatusCode, header};
use http_body_util::BodyExt;
use record::{DOCUMENT_BYTES_MAX, RecordError, ResourceKey};

use crate::clinic::{Answer, Browser, Clinic};
use crate::ward::{self, look, ward};

const PAGE: &str = "/patients/p1/documents";
const PDF: &[u8] = b"%PDF-1.4 a scan of somebody\n%%EOF";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\nnot really";
const BOUNDARY: &str = "----bound7";

/// A form with a file, as a browser sends it.
async fn send(clinic: &Clinic, browser: &mut Browser, fields: &[(&str, &str)], file: &[u8]) -> Answer {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"Ruth Adeyemi.exe\"\r\nContent-Type: text/html\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let headers = [("sec-fetch-site", "same-origin"), ("content-type", &*kind)];
    browser.ask(clinic, "POST", PAGE, &headers, Body::from(body)).await
}

fn form<'a>(csrf: &'a str, token: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut form = vec![
        ("csrf", csrf),
        ("token", token),
        ("kind", "11488-4"),
        ("title", "Letter of the heart clinic"),
        ("dated", "2026-12-30"),
    ];
    for (name, value) in more {
        form.retain(|(held, _)| held != name);
        form.push((name, value));
    }
    form
}

async fn filed(clinic: &Clinic, browser: &mut Browser, more: &[(&str, &str)], file: &[u8]) -> Answer {
    let page = browser.get(clinic, PAGE).await;
    let (csrf, token) = (page.csrf(), page.after(r#"name="token" value=""#));
    send(clinic, browser, &form(&csrf, &token, more), file).await
}

async fn held(clinic: &Clinic, kind: &str) -> Vec<String> {
    clinic.all(kind, &[("patient", "p1"), ("_sort", "_id")]).await
}

/// What was filed here.
async fn documents(clinic: &Clinic) -> Vec<String> {
    held(clinic, "DocumentReference").await.into_iter().filter(|one| one.contains("urn:wardstone:document")).collect()
}

async fn read(clinic: &Clinic, role: Role, kind: &str, id: &str) -> Result<String, RecordError> {
    let key = ResourceKey::parse(kind, id).unwrap();
    let found = clinic.record.read(&clinic.by(role), &key).await?;
    Ok(String::from_utf8(found.get().json().to_vec()).unwrap())
}

fn id(json: &str) -> String {
    Json::parse_str(json).unwrap().get("id").unwrap().as_str().unwrap().to_owned()
}

fn binary_id(json: &str) -> String {
    json.split("\"Binary/").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// The file as the frame gets it: headers and bytes.
async fn content(clinic: &Clinic, browser: &mut Browser, id: &str) -> (StatusCode, http::HeaderMap, Vec<u8>) {
    let response = browser.send(clinic, "GET", &format!("{PAGE}/{id}/file"), &[], Body::empty()).await;
    let (status, headers) = (response.status(), response.headers().clone());
    (status, headers, response.into_body().collect().await.unwrap().to_bytes().to_vec())
}

fn act(page: &Answer, act: &str, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut form =
        vec![("csrf", page.csrf()), ("version", page.after(r#"name="version" value=""#)), ("act", act.to_owned())];
    form.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    form
}

#[tokio::test]
async fn a_scan_is_filed_shown_in_a_sandbox_and_signed() {
    let clinic = ward().await;
    let (mut browser, page) = look(&clinic, "asha", PAGE).await;
    for part in ["at most 10 MB", "multipart/form-data", "Progress note", "02-Dec-2026"] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    let answer = filed(&clinic, &mut browser, &[("order", "order")], PDF).await;
    assert!(answer.status == StatusCode::SEE_OTHER && answer.location().ends_with("?done=filed"), "{}", answer.body);
    let document = documents(&clinic).await.remove(0);
    for part in [
        "11488-4",
        "Letter of the heart clinic",
        r#""creation":"2026-12-30""#,
        r#""docStatus":"preliminary""#,
        r#""contentType":"application/pdf""#,
        r#""hash":""#,
        "urn:wardstone:sha-256",
        "ServiceRequest/order",
        r#""size":33"#,
    ] {
        assert!(document.contains(part), "{part} in {document}");
    }
    assert!(!document.contains("exe") && !answer.location().contains("heart"), "the name of the file is not kept");
    let (id, binary) = (id(&document), binary_id(&document));
    let bytes = read(&clinic, Role::Integration, "Binary", &binary).await.unwrap();
    assert!(bytes.contains(&STANDARD.encode(PDF)) && bytes.contains("Patient/p1"), "{bytes}");
    // In the patient's chart: nobody reads it who does not read that.
    assert!(read(&clinic, Role::Physician, "Binary", &binary).await.is_err());

    let page = browser.get(&clinic, answer.location()).await;
    let frame = format!(r#"<iframe class="preview" src="{PAGE}/{id}/file""#);
    for part in [&*frame, "its hash was checked just now", "not signed", "sees it", "PDF, 1 kB"] {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    assert!(page.headers["content-security-policy"].to_str().unwrap().contains("frame-src 'self'"));
    let (status, headers, shown) = content(&clinic, &mut browser, &id).await;
    assert_eq!((status, shown), (StatusCode::OK, PDF.to_vec()));
    for (name, value) in [
        ("content-type", "application/pdf"),
        ("content-security-policy", "sandbox; default-src 'none'; frame-ancestors 'self'"),
        ("content-disposition", "inline; filename=\"document.pdf\""),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "SAMEORIGIN"),
        ("cache-control", "no-store"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    for _ in 0..2 {
        let signed = browser.post(&clinic, &format!("{PAGE}/{id}"), &act(&page, "sign", &[])).await;
        assert_eq!(signed.location(), format!("{PAGE}/{id}?done=signed"), "{}", signed.body);
    }
    let signed = documents(&clinic).await.remove(0);
    assert!(
        signed.contains(r#""docStatus":"final""#)
            && signed.contains(r#""authenticator":{"reference":"Practitioner/asha"}"#),
        "{signed}"
    );
    assert_eq!(held(&clinic, "Provenance").await.len(), 2);
    let page = browser.get(&clinic, PAGE).await;
    assert!(page.body.contains("Consult note") && page.body.contains("30-Dec-2026"), "{}", page.body);
}

#[tokio::test]
async fn what_the_bytes_say_counts_and_bad_input_keeps_what_was_typed() {
    let clinic = ward().await;
    let (mut browser, _) = look(&clinic, "asha", PAGE).await;
    for (more, file, said) in [
        (vec![], &b"MZ\x90\0program"[..], "This is no PDF"),
        (vec![], b"", "Choose a file"),
        (vec![("kind", "")], PDF, "Say what kind"),
        (vec![("kind", "34786-4")], PDF, "Say what kind"),
        (vec![("dated", "2027-02-01")], PDF, "still to come"),
        (vec![("dated", "")], PDF, "Say the date"),
        (vec![("order", "other")], PDF, "no longer open"),
        (vec![("keep", "harm"), ("why", "short")], PDF, "ten letters at least"),
        (vec![("why", "would endanger her brother")], PDF, "choose the ground too"),
    ] {
        let refused = filed(&clinic, &mut browser, &more, file).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        for part in [said, "Letter of the heart clinic", "choose the file again"] {
            assert!(refused.body.contains(part), "{part} in {}", refused.body);
        }
    }
    assert!(documents(&clinic).await.is_empty());
    // Markup is a text, and stays one.
    let filed_text = filed(&clinic, &mut browser, &[], b"<script>alert(1)</script>").await;
    assert_eq!(filed_text.status, StatusCode::SEE_OTHER);
    let (_, headers, _) = content(&clinic, &mut browser, &id(&documents(&clinic).await[0])).await;
    assert_eq!(headers[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    let large = filed(&clinic, &mut browser, &[], &vec![b'x'; DOCUMENT_BYTES_MAX + 128 * 1024]).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    let mut whole = PDF.to_vec();
    whole.resize(DOCUMENT_BYTES_MAX, b' ');
    let fits = filed(&clinic, &mut browser, &[], &whole).await;
    assert_eq!(fits.status, StatusCode::SEE_OTHER, "{}", fits.body);
    let (status, _, shown) = content(&clinic, &mut browser, fits.location().split(['/', '?']).nth(4).unwrap()).await;
    assert!(status == StatusCode::OK && shown == whole);
    // A PDF that could run something has no frame, and is a copy or nothing.
    let active = filed(&clinic, &mut browser, &[], b"%PDF-1.4\n<</S/J#61vaScript/JS(app.alert(1))>>").await;
    let place = active.location().to_owned();
    let page = browser.get(&clinic, &place).await;
    assert!(!page.body.contains("<iframe") && page.body.contains("Save a copy"), "{}", page.body);
    let (_, headers, _) = content(&clinic, &mut browser, place.split(['/', '?']).nth(4).unwrap()).await;
    assert_eq!(headers[header::CONTENT_DISPOSITION], "attachment; filename=\"document.pdf\"");
    // A form that is none.
    let headers = [("sec-fetch-site", "same-origin"), ("content-type", "multipart/form-data; boundary=x")];
    let torn = browser.ask(&clinic, "POST", PAGE, &headers, Body::from("--x\r\nContent-Disp")).await;
    assert_eq!(torn.status, StatusCode::BAD_REQUEST);
    // Without the mark of our page.
    let forged = send(&clinic, &mut browser, &form("x", "y", &[]), PDF).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_form_that_is_sent_twice_and_at_once_files_once() {
    let clinic = ward().await;
    let (mut browser, page) = look(&clinic, "asha", PAGE).await;
    let (csrf, token) = (page.csrf(), page.after(r#"name="token" value=""#));
    let fields = form(&csrf, &token, &[]);
    let mut other = Browser::new();
    clinic.signed_in("asha", &mut other).await;
    let second_csrf = other.get(&clinic, PAGE).await.csrf();
    let second = form(&second_csrf, &token, &[]);
    let (one, two) = tokio::join!(send(&clinic, &mut browser, &fields, PNG), send(&clinic, &mut other, &second, PNG));
    let place = |answer: &Answer| answer.location().split('?').next().unwrap().to_owned();
    assert_eq!(place(&one), place(&two), "{} {}", one.body, two.body);
    let again = send(&clinic, &mut browser, &fields, PNG).await;
    assert_eq!(again.location(), format!("{}?done=before", place(&one)));
    assert_eq!(documents(&clinic).await.len(), 1);
    // Another file in the same form is another document: nothing is dropped without a word.
    assert!(send(&clinic, &mut browser, &fields, PDF).await.location().ends_with("done=filed"));
    assert_eq!(documents(&clinic).await.len(), 2);
}

#[tokio::test]
async fn what_is_not_what_was_filed_is_shown_to_nobody_and_is_in_the_log() {
    let clinic = ward().await;
    let (mut browser, _) = look(&clinic, "asha", PAGE).await;
    filed(&clinic, &mut browser, &[], PDF).await;
    let document = documents(&clinic).await.remove(0);
    let (id, binary) = (id(&document), binary_id(&document));
    let page = browser.get(&clinic, &format!("{PAGE}/{id}")).await;
    let data = STANDARD.encode(b"%PDF-1.4 a scan of somebody else");
    let other =
        format!(r#""contentType":"application/pdf","securityContext":{{"reference":"Patient/p1"}},"data":"{data}""#);
    clinic.put("Binary", &binary, &other).await;
    let (status, _, shown) = content(&clinic, &mut browser, &id).await;
    let shown = String::from_utf8(shown).unwrap();
    assert!(
        status == StatusCode::CONFLICT
            && !shown.contains("somebody else")
            && shown.contains("not the one that was filed"),
        "{shown}"
    );
    let now = browser.get(&clinic, &format!("{PAGE}/{id}")).await;
    assert!(
        now.body.contains("This is not the document that was filed") && !now.body.contains("<iframe"),
        "{}",
        now.body
    );
    let refused = browser.post(&clinic, &format!("{PAGE}/{id}"), &act(&page, "sign", &[])).await;
    assert!(
        refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.body.contains("Not signed"),
        "{}",
        refused.body
    );
    let log = clinic.record.store().log_reader();
    let mismatches = (0..log.size())
        .filter_map(|index| log.get(index).unwrap()?.detail)
        .filter(|detail| {
            let event = audit::Event::decode(detail).unwrap();
            event.action == audit::Action::Verify
                && event.subject == Some("a document does not match its hash")
                && event.objects.len() == 2
        })
        .count();
    assert_eq!(mismatches, 3);
}

#[tokio::test]
async fn what_is_kept_from_the_patient_is_so_with_its_bytes_and_its_reason() {
    let clinic = ward().await;
    let (mut browser, _) = look(&clinic, "asha", PAGE).await;
    let why = "would endanger her brother at home";
    filed(&clinic, &mut browser, &[("keep", "harm"), ("why", why)], PDF).await;
    filed(&clinic, &mut browser, &[("title", "Open letter")], PNG).await;
    let all = documents(&clinic).await;
    let (kept, open): (Vec<&String>, Vec<&String>) = all.iter().partition(|one| one.contains("NOPAT"));
    assert_eq!((kept.len(), open.len()), (1, 1));
    let binary = |one: &str| binary_id(one);
    assert!(read(&clinic, Role::Integration, "Binary", &binary(kept[0])).await.unwrap().contains("NOPAT"));
    let provenances = held(&clinic, "Provenance").await;
    assert!(provenances.iter().any(|one| one.contains(why) && one.contains("NOPAT")), "{provenances:?}");
    let picture = browser.get(&clinic, &format!("{PAGE}/{}", id(open[0]))).await;
    assert!(picture.body.contains(r#"<iframe class="preview" sandbox src="#), "{}", picture.body);
    // Later, with a ground and a reason.
    let place = format!("{PAGE}/{}", id(open[0]));
    let page = browser.get(&clinic, &place).await;
    let silent = browser.post(&clinic, &place, &act(&page, "withhold", &[("keep", "harm"), ("why", "no")])).await;
    assert!(
        silent.status == StatusCode::UNPROCESSABLE_ENTITY && silent.body.contains("ten letters"),
        "{}",
        silent.body
    );
    let later = browser
        .post(
            &clinic,
            &place,
            &act(&page, "withhold", &[("keep", "patient-request"), ("why", "she asked not to see it")]),
        )
        .await;
    assert_eq!(later.location(), format!("{place}?done=withheld"), "{}", later.body);
    let now = documents(&clinic).await;
    assert!(now.iter().all(|one| one.contains("NOPAT")));
    assert!(read(&clinic, Role::Integration, "Binary", &binary(open[0])).await.unwrap().contains("NOPAT"));
    let page = browser.get(&clinic, &place).await;
    assert!(
        page.body.contains("does not see it") && page.body.contains("<iframe"),
        "its hash still fits: {}",
        page.body
    );
}

#[tokio::test]
async fn an_error_is_marked_with_a_reason_and_not_shown_any_more() {
    let clinic = ward().await;
    let (mut browser, _) = look(&clinic, "asha", PAGE).await;
    filed(&clinic, &mut browser, &[], PDF).await;
    let id = id(&documents(&clinic).await[0]);
    let place = format!("{PAGE}/{id}");
    let page = browser.get(&clinic, &place).await;
    let silent = browser.post(&clinic, &place, &act(&page, "error", &[("why", "oops")])).await;
    assert_eq!(silent.status, StatusCode::UNPROCESSABLE_ENTITY);
    // Somebody signs it meanwhile.
    browser.post(&clinic, &place, &act(&page, "sign", &[])).await;
    let stale = browser.post(&clinic, &place, &act(&page, "error", &[("why", "it is of another patient")])).await;
    assert!(stale.status == StatusCode::CONFLICT && stale.body.contains("it is of another patient"), "{}", stale.body);
    let page = browser.get(&clinic, &place).await;
    let done = browser.post(&clinic, &place, &act(&page, "error", &[("why", "it is of another patient")])).await;
    assert_eq!(done.location(), format!("{PAGE}?done=error"), "{}", done.body);
    let document = documents(&clinic).await.remove(0);
    assert!(document.contains("entered-in-error") && document.contains("NOPAT"), "{document}");
    assert_eq!(content(&clinic, &mut browser, &id).await.0, StatusCode::NOT_FOUND);
    assert!(!browser.get(&clinic, &place).await.body.contains("<iframe"));
}

#[tokio::test]
async fn each_role_files_and_reads_what_policy_lets_it() {
    let clinic = ward().await;
    let (mut asha, _) = look(&clinic, "asha", PAGE).await;
    filed(&clinic, &mut asha, &[], PDF).await;
    let document = id(&documents(&clinic).await[0]);
    let csrf_of = async |browser: &mut Browser| browser.get(&clinic, "/me").await.csrf();
    for (login, page_status, files, reads) in [
        ("zoe", StatusCode::SEE_OTHER, false, false),
        // A nurse files, and reads what says what is to be done.
        ("nora", StatusCode::OK, true, true),
        ("leo", StatusCode::FORBIDDEN, false, false),
        ("ruth", StatusCode::FORBIDDEN, false, false),
        ("fay", StatusCode::FORBIDDEN, false, false),
        ("ben", StatusCode::FORBIDDEN, false, false),
        ("petra", StatusCode::FORBIDDEN, false, false),
    ] {
        let (mut browser, page) = look(&clinic, login, PAGE).await;
        assert_eq!(page.status, page_status, "{login}: {}", page.body);
        assert_eq!(page.body.contains("File a document"), files, "{login}");
        assert_eq!(page.body.contains("heart clinic"), reads, "{login}");
        assert_eq!(content(&clinic, &mut browser, &document).await.0 == StatusCode::OK, reads, "{login}");
        let csrf = csrf_of(&mut browser).await;
        let before = documents(&clinic).await.len();
        let token = "ab".repeat(16);
        let sent = send(&clinic, &mut browser, &form(&csrf, &token, &[("title", "Own")]), PNG).await;
        assert_eq!(documents(&clinic).await.len() > before, files, "{login}: {}", sent.body);
        if files {
            let page = browser.get(&clinic, sent.location()).await;
            assert!(page.body.contains("<iframe") && page.body.contains("Own"), "{login}: {}", page.body);
        }
    }
    // A document of another chart has another address, whoever asks.
    ward::team(&clinic, "p2", &["asha"]).await;
    assert_eq!(asha.get(&clinic, &format!("/patients/p2/documents/{document}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        asha.get(&clinic, &format!("/patients/p2/documents/{document}/file")).await.status,
        StatusCode::NOT_FOUND
    );
    // Who is not signed in is asked to, before a large file is read.
    let mut nobody = Browser::new();
    let asked = send(&clinic, &mut nobody, &[("csrf", "x")], &vec![b'x'; 1024 * 1024]).await;
    assert_eq!((asked.status, asked.location()), (StatusCode::SEE_OTHER, "/signin"));
}

#[tokio::test]
async fn what_nobody_signed_is_in_somebodys_list_until_it_is_signed_or_an_error() {
    let clinic = ward().await;
    let (mut nora, _) = look(&clinic, "nora", PAGE).await;
    for title in ["Letter of the heart clinic", "Scan of a card"] {
        let done = filed(&clinic, &mut nora, &[("title", title)], PDF).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    }
    // Who signs nothing has no such list.
    for login in ["nora", "leo", "fay", "petra"] {
        let (mut browser, today) = look(&clinic, login, "/today").await;
        assert_eq!(browser.get(&clinic, "/documents").await.status, StatusCode::NOT_FOUND, "{login}");
        assert!(!today.body.contains("nobody signed"), "{login}");
    }
    let (mut asha, today) = look(&clinic, "asha", "/today").await;
    assert!(today.body.contains("filed documents that nobody signed"), "{}", today.body);
    assert!(asha.get(&clinic, "/results").await.body.contains(r#"href="/documents""#));
    let page = asha.get(&clinic, "/documents?show=all").await;
    for part in ["Letter of the heart clinic", "Scan of a card", "ADEYEMI", "<b>2</b> documents wait", "Look and sign"]
    {
        assert!(page.body.contains(part), "{part} in {}", page.body);
    }
    let all = documents(&clinic).await;
    let one = |title: &str| id(all.iter().find(|one| one.contains(title)).unwrap());
    let (letter, scan) = (one("heart clinic"), one("Scan of"));
    let address = format!("{PAGE}/{letter}");
    assert!(page.body.contains(&format!(r#"href="{address}""#)), "{}", page.body);
    let shown = asha.get(&clinic, &address).await;
    assert!(shown.body.contains(" by Dr nora"), "{}", shown.body);
    let act = |page: &Answer, act: &str| {
        let version = page.after(r#"name="version" value=""#);
        vec![
            ("csrf", page.csrf()),
            ("version", version),
            ("why", "filed with the wrong patient".into()),
            ("act", act.into()),
        ]
    };
    let signed = asha.post(&clinic, &address, &act(&shown, "sign")).await;
    assert_eq!(signed.status, StatusCode::SEE_OTHER, "{}", signed.body);
    let page = asha.get(&clinic, "/documents?show=all").await;
    assert!(!page.body.contains("heart clinic") && page.body.contains("<b>1</b> document waits"), "{}", page.body);
    let address = format!("{PAGE}/{scan}");
    let shown = asha.get(&clinic, &address).await;
    assert_eq!(asha.post(&clinic, &address, &act(&shown, "error")).await.status, StatusCode::SEE_OTHER);
    let page = asha.get(&clinic, "/documents?show=all").await;
    assert!(page.body.contains("Every document that you may see is signed."), "{}", page.body);
    assert!(!asha.get(&clinic, "/today").await.body.contains("nobody signed"));
}

#[tokio::test]
async fn an_unsigned_document_is_whose_order_it_answers_or_whose_patient_it_is_about() {
    let clinic = ward().await;
    let write = |id: &'static str, subject: &'static str, date: &'static str, more: &'static str| {
        let members = format!(
            r#""status":"current","docStatus":"preliminary","subject":{{"reference":"Patient/{subject}"}},"date":"{date}",
            "description":"Letter {id}"{more},"content":[{{"attachment":{{"contentType":"text/plain","data":"aGVsbG8="}}}}]"#
        );
        let clinic = &clinic;
        async move { clinic.put("DocumentReference", id, &members).await }
    };
    let order = r#""status":"active","intent":"order","subject":{"reference":"Patient/p1"},"requester":{"reference":"Practitioner/asha"},"code":{"text":"Echo"}"#;
    clinic.put("ServiceRequest", "echo", order).await;
    write("answered", "p1", "2027-01-04T09:00:00Z", r#","context":{"related":[{"reference":"ServiceRequest/echo"}]}"#)
        .await;
    write("late", "p1", "2026-12-20T09:00:00Z", r#","context":{"related":[{"reference":"ServiceRequest/echo"}]}"#)
        .await;
    let (mut asha, mine) = look(&clinic, "asha", "/documents?show=mine").await;
    // What lies longest is first.
    let at = |page: &Answer, part: &str| page.body.find(part).unwrap_or_else(|| panic!("{part} in {}", page.body));
    assert!(at(&mine, "Letter late") < at(&mine, "Letter answered"));
    at(&mine, "Not signed for over 7 days: now the team’s");
    let team = asha.get(&clinic, "/documents?show=team").await;
    assert!(team.body.contains("Letter late") && !team.body.contains("Letter answered"), "{}", team.body);
    // An API client finds the same, by the parameter that R5 has for it.
    let found = clinic.all("DocumentReference", &[("doc-status", "preliminary"), ("patient", "p1")]).await;
    assert_eq!(found.len(), 2, "{found:?}");
}
