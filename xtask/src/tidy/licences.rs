//! Every library in the tree carries a licence that deny.toml allows. `cargo deny check` says the same and more where it is installed.

use std::path::Path;
use std::process::Command;

use super::Findings;
use crate::cargo;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub fn check(workspace: &Path, findings: &mut Findings) -> Result<(), String> {
    let allowed = allow_list(workspace)?;
    // Only what this machine builds, so that nothing has to be fetched to answer.
    let host = host()?;
    let tree = cargo::metadata(workspace, &["--filter-platform", &host])?;
    for package in tree["packages"].as_array().ok_or("cargo metadata lists no packages")? {
        let name =
            format!("{} {}", package["name"].as_str().unwrap_or("?"), package["version"].as_str().unwrap_or("?"));
        match package["license"].as_str() {
            Some(expression) if permits(expression, &allowed) => {}
            Some(expression) => findings.breaches.push(format!("{name}: licence {expression} is not in deny.toml")),
            None => findings.breaches.push(format!("{name}: names no licence")),
        }
        if package["source"].as_str().is_some_and(|source| source != CRATES_IO) {
            findings.breaches.push(format!("{name}: does not come from crates.io"));
        }
    }
    Ok(())
}

fn host() -> Result<String, String> {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(compiler).arg("-vV").output().map_err(|e| format!("rustc: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc names no host".to_owned())
}

/// The strings of `allow = [ … ]` under `[licenses]` in deny.toml.
fn allow_list(workspace: &Path) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(workspace.join("deny.toml")).map_err(|e| format!("deny.toml: {e}"))?;
    let list = text
        .split_once("[licenses]")
        .and_then(|(_, rest)| rest.split_once("allow = ["))
        .and_then(|(_, rest)| rest.split_once(']'))
        .ok_or("deny.toml: no [licenses] allow list")?
        .0;
    Ok(list.split('"').skip(1).step_by(2).map(str::to_owned).collect())
}

/// An SPDX expression holds under the list: one side of every OR, both of every AND. The old `A/B` means OR.
fn permits(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let holds = either(&words, &mut at, allowed);
    holds && at == words.len()
}

fn either(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut holds = both(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        holds |= both(words, at, allowed);
    }
    holds
}

fn both(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let mut holds = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        holds &= one(words, at, allowed);
    }
    holds
}

fn one(words: &[&str], at: &mut usize, allowed: &[String]) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let holds = either(words, at, allowed);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return holds && closed;
    }
    let mut licence = (*word).to_owned();
    if words.get(*at) == Some(&"WITH") {
        // An exception only adds permissions, so the plain licence in the list is enough.
        let exception = words.get(*at + 1).copied().unwrap_or_default();
        *at += 2;
        let whole = format!("{licence} WITH {exception}");
        if allowed.contains(&whole) {
            licence = whole;
        }
    }
    allowed.contains(&licence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_hold_as_spdx_says() {
        let allowed = ["MIT", "Apache-2.0", "ISC"].map(str::to_owned);
        for good in
            ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "ISC AND (MIT OR GPL-3.0)", "Apache-2.0 WITH LLVM-exception"]
        {
            assert!(permits(good, &allowed), "{good}");
        }
        for bad in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC", "", "ISC AND (GPL-3.0 OR AGPL-3.0)"] {
            assert!(!permits(bad, &allowed), "{bad}");
        }
    }
}
