//! Stylesheet, script and letters: what pages promise of them holds, and pages hold nothing that a strict policy forbids.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use identity::Connection;

use crate::clinic::{Browser, Clinic, PASSWORD};

/// `WARDSTONE_BLESS=1` writes the digests anew: then the program is to be built again.
#[tokio::test]
async fn every_file_is_served_and_digests_are_those_of_the_texts() {
    let clinic = Clinic::new().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    for path in files(&folder) {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &std::fs::read(&path).unwrap());
        let expected = format!("sha256-{}", STANDARD.encode(digest));
        let beside = path.with_added_extension("sri");
        if std::env::var_os("WARDSTONE_BLESS").is_some() {
            std::fs::write(&beside, &expected).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&beside).unwrap(), expected, "{}", path.display());
        if path.extension().is_some_and(|end| end != "woff2") {
            let address = format!("/assets/{}", path.strip_prefix(&folder).unwrap().display());
            assert_eq!(Browser::new().get(&clinic, &address).await.status, StatusCode::OK, "{address}");
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let is_served =
        |path: &PathBuf| matches!(path.extension().and_then(|end| end.to_str()), Some("css" | "js" | "woff2"));
    files.into_iter().filter(is_served).chain(folders.iter().flat_map(|inner| self::files(inner))).collect()
}

#[tokio::test]
async fn pages_name_what_is_there_and_hold_no_code_of_their_own() {
    let clinic = Clinic::new().await;
    for (name, html) in pages(&clinic).await {
        for forbidden in ["<script>", "<style", " style=", " onclick", " onload", "javascript:", "http://", "<iframe"] {
            assert!(!html.contains(forbidden), "{name}: {forbidden}");
        }
        assert!(html.starts_with("<!doctype html>") && html.contains(r#"<html lang="en">"#), "{name}");
        assert_eq!(html.matches("<h1>").count(), 1, "{name}: one heading says what the page is");
        for start in [r#"<link rel="stylesheet" href=""#, r#"<script type="module" src=""#] {
            let (_, rest) = html.split_once(start).unwrap();
            let address = rest.split('"').next().unwrap();
            assert!(rest.split('>').next().unwrap().contains("integrity=\"sha256-"), "{name}");
            let answer = Browser::new().get(&clinic, address).await;
            assert_eq!(answer.status, StatusCode::OK, "{name}: {address}");
        }
        labels(&name, &html);
    }
}

/// WCAG 1.3.1, 4.1.2: what is filled in has a label.
fn labels(name: &str, html: &str) {
    for input in html.split("<input ").skip(1).map(|rest| rest.split('>').next().unwrap()) {
        if input.contains(r#"type="hidden""#) {
            continue;
        }
        let id = input.split(r#"id=""#).nth(1).unwrap_or_else(|| panic!("{name}: {input}")).split('"').next().unwrap();
        assert!(html.contains(&format!(r#"<label for="{id}">"#)), "{name}: {id}");
    }
}

/// Every page that there is, in its usual state.
async fn pages(clinic: &Clinic) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    let mut stranger = Browser::new();
    for path in ["/signin", "/enrol", "/nowhere"] {
        pages.push((path.to_owned(), stranger.get(clinic, path).await.body));
    }
    let form = [("login", "ana".to_owned()), ("password", PASSWORD.to_owned())];
    pages.push(("second".to_owned(), stranger.post(clinic, "/signin", &form).await.body));

    let code = clinic.invite("una").await.code.unwrap().to_string();
    stranger.post(clinic, "/enrol", &[("code", code)]).await;
    pages.push(("steps".to_owned(), stranger.get(clinic, "/enrol/steps").await.body));
    pages.push(("totp".to_owned(), stranger.post(clinic, "/enrol/totp", &[]).await.body));
    pages.push(("codes".to_owned(), stranger.post(clinic, "/enrol/recovery", &[]).await.body));

    let mut member = Browser::new();
    clinic.signed_in("ana", &mut member).await;
    for path in ["/me", "/me/proofs", "/stepup"] {
        pages.push((path.to_owned(), member.get(clinic, path).await.body));
    }
    member.reconnects();
    pages.push(("prove".to_owned(), member.get(clinic, "/me").await.body));
    assert!(clinic.identity.bearer("demo-ana", &Connection::LOCAL).is_some());
    pages
}
/// A browser keeps what is typed into a form under the field's name, in clear, and offers it to whoever sits there next, unless the page
/// says otherwise. What a password manager may keep is named as such.
#[test]
fn no_browser_is_let_keep_what_is_typed() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut fields = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut form = "";
        for part in text.split('<').skip(1) {
            let word = part.split([' ', '>']).next().unwrap();
            match word {
                "form" => form = part,
                "/form" => form = "",
                "input" if !UNTYPED.iter().any(|kind| part.contains(kind)) => {
                    fields += 1;
                    let is_said = part.contains("autocomplete=\"") || form.contains("autocomplete=\"off\"");
                    assert!(is_said, "{}: <{part}", path.display());
                }
                _ => {}
            }
        }
    }
    assert!(fields > 50, "{fields}");
}

const UNTYPED: [&str; 6] = [
    r#"type="hidden""#,
    r#"type="radio""#,
    r#"type="checkbox""#,
    r#"type="file""#,
    r#"type="submit""#,
    r#"type="range""#,
];
