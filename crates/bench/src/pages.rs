//! What a page costs: every page that a clinician opens, as the physician and the front desk of a demo who signed in with both
//! factors, and the chart of a patient with a long history. Times are the generator's, over loopback TLS, one request at a time,
//! in turns with a bare TLS handler that answers as many bytes as a chart has; each number is the median of three runs.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::BenchError;
use crate::check::{self, locations};
use crate::process::{Control, DemoUser, Server};
use crate::wire::{Connection, Target, header};

/// Of a demo: enough for a busy day.
const PATIENTS: u32 = 25;
/// The long history.
const ENCOUNTERS: usize = 1_000;
const OBSERVATIONS: usize = 20_000;
const ENTRIES: usize = 1_000;
const RUNS: usize = 3;
/// Of each run.
const ROUNDS: usize = 70;
const ROUNDS_QUICK: usize = 4;
const WARM_UP: usize = 10;
const PAGE_MS_MAX: f64 = 30.0;
const LONG_CHART_MS_MAX: f64 = 60.0;
/// What the control answers: the HTML of a usual chart.
const CONTROL_BYTES: usize = 40_000;
/// HTML, styles, scripts and fonts that one page loads on an empty cache.
const PAGE_BYTES_MAX: usize = 150_000;
/// What says what happens for as long as somebody listens.
const STREAM: &str = "/events";
const FORM: &str = "application/x-www-form-urlencoded";
/// Vital signs and laboratory values, in turn.
const CODES: [(&str, &str, &str, &str); 9] = [
    ("8867-4", "vital-signs", "/min", "beats/minute"),
    ("9279-1", "vital-signs", "/min", "breaths/minute"),
    ("8310-5", "vital-signs", "Cel", "°C"),
    ("2708-6", "vital-signs", "%", "%"),
    ("8302-2", "vital-signs", "cm", "cm"),
    ("29463-7", "vital-signs", "kg", "kg"),
    ("4548-4", "laboratory", "%", "%"),
    ("2160-0", "laboratory", "mg/dL", "mg/dL"),
    ("718-7", "laboratory", "g/dL", "g/dL"),
];

struct Measured {
    page: String,
    who: &'static str,
    p50_ms: f64,
    p95_ms: f64,
    control_ms: f64,
    most_ms: f64,
    html: usize,
    weight: usize,
}

impl Measured {
    fn is_met(&self) -> bool {
        self.p95_ms < self.most_ms && self.weight < PAGE_BYTES_MAX
    }
}

/// A page as it was opened.
struct Opened {
    /// Of each run.
    times_ms: Vec<Vec<f64>>,
    control_ms: Vec<Vec<f64>>,
    html: String,
    /// With what it loads.
    weight: usize,
}

impl Opened {
    fn summed(&self, page: String, who: &'static str, most_ms: f64) -> Measured {
        let (p50_ms, p95_ms) = (percentile(&self.times_ms, 0.50), percentile(&self.times_ms, 0.95));
        let control_ms = percentile(&self.control_ms, 0.95);
        Measured { page, who, p50_ms, p95_ms, control_ms, most_ms, html: self.html.len(), weight: self.weight }
    }
}

/// The median of what the runs have there.
fn percentile(runs: &[Vec<f64>], part: f64) -> f64 {
    let of_run = |run: &Vec<f64>| {
        let mut sorted = run.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[((sorted.len() - 1) as f64 * part) as usize]
    };
    let mut each: Vec<f64> = runs.iter().map(of_run).collect();
    each.sort_by(f64::total_cmp);
    each[each.len() / 2]
}

/// Prints the table, and fails where a page is slower or heavier than it may be.
pub async fn run(binary: &Path, scratch: &Path, quick: bool) -> Result<String, BenchError> {
    let (server, users) = Server::start_demo(binary, &scratch.join("pages"), scratch, PATIENTS).await?;
    eprintln!("loading a long history");
    let mut program = server.target.connect().await?;
    let long = long_history(&server.target, &mut program).await?;
    let some = check::fetch("Patient?_count=1&_sort=-_lastUpdated", &server.target, &mut program).await?;
    let short = treated(&server.target, &users, &mut program).await?;
    let short = short.or_else(|| some["entry"][0]["resource"]["id"].as_str().map(str::to_owned)).unwrap_or_default();

    let stored = format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n{}", "x".repeat(CONTROL_BYTES));
    let control = Control::start(stored.as_bytes(), scratch).await?;
    let rounds = if quick { ROUNDS_QUICK } else { ROUNDS };
    let (mut measured, mut left_out) = (Vec::new(), BTreeSet::new());
    for who in ["physician", "front_desk"] {
        let user = users.iter().find(|user| user.role == who);
        let user = user.ok_or_else(|| BenchError::Process(format!("the demo has no {who}")))?;
        let mut visitor = Visitor::sign_in(&server.target, user, &control.target).await?;
        let templates = web::ROUTES.iter().filter(|(method, template)| *method == "GET" && !template.ends_with(STREAM));
        let mut deeper = Vec::new();
        let mut seen = BTreeSet::new();
        for (_, template) in templates {
            let ids: &[(&str, f64)] = match template.matches("{}").count() {
                0 => &[("", PAGE_MS_MAX)],
                1 if template.starts_with("/patients/{}") => &[(&short, PAGE_MS_MAX), (&long, LONG_CHART_MS_MAX)],
                _ => {
                    deeper.push(*template);
                    continue;
                }
            };
            for (id, most_ms) in ids {
                let Some(page) = visitor.measure(&template.replace("{}", id), rounds).await? else { continue };
                let name = match *id == long {
                    true => format!("{template}, {ENCOUNTERS} encounters and {OBSERVATIONS} observations"),
                    false => (*template).to_owned(),
                };
                seen.extend(links(&page.html));
                measured.push(page.summed(name, who, *most_ms));
            }
        }
        // What has an id of its own is opened where a page links to one.
        for template in deeper {
            let Some(path) = seen.iter().find(|path| is_of(template, path)).cloned() else {
                left_out.insert(format!("{template} as {who}"));
                continue;
            };
            if let Some(page) = visitor.measure(&path, rounds).await? {
                seen.extend(links(&page.html));
                measured.push(page.summed(template.to_owned(), who, PAGE_MS_MAX));
            }
        }
    }
    server.stop().await?;
    let table = markdown(&measured, &left_out, rounds);
    let has_chart = measured.iter().any(|one| one.most_ms == LONG_CHART_MS_MAX);
    if measured.iter().all(Measured::is_met) && has_chart {
        Ok(table)
    } else {
        Err(BenchError::Process(format!("a page is slower or heavier than it may be\n{table}")))
    }
}

fn markdown(measured: &[Measured], left_out: &BTreeSet<String>, rounds: usize) -> String {
    let mut table = format!(
        "| page, median of {RUNS} runs of {rounds} | as | p50 ms | p95 ms | p95 of the control ms | target | HTML kB | with styles, scripts, fonts kB | verdict |\n|---|---|---|---|---|---|---|---|---|\n"
    );
    for one in measured {
        let verdict = if one.is_met() { "met" } else { "missed" };
        let kilobytes = |bytes: usize| bytes as f64 / 1e3;
        let _ = writeln!(
            table,
            "| {} | {} | {:.1} | {:.1} | {:.1} | < {:.0} ms, < 150 kB | {:.1} | {:.1} | {verdict} |",
            one.page,
            one.who,
            one.p50_ms,
            one.p95_ms,
            one.control_ms,
            one.most_ms,
            kilobytes(one.html),
            kilobytes(one.weight)
        );
    }
    if !left_out.is_empty() {
        let _ =
            writeln!(table, "\nNot measured: {}", left_out.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
    }
    table
}

/// A patient of the physician's day.
async fn treated(target: &Target, users: &[DemoUser], program: &mut Connection) -> Result<Option<String>, BenchError> {
    let token = users.iter().find(|user| user.role == "physician").map(|user| user.token.as_str()).unwrap_or_default();
    let mut mine = target.clone();
    token.clone_into(&mut mine.token);
    let found = check::fetch("Condition?_count=1", &mine, program).await?;
    let subject = found["entry"][0]["resource"]["subject"]["reference"].as_str().unwrap_or_default();
    Ok(subject.strip_prefix("Patient/").map(str::to_owned))
}

async fn long_history(target: &Target, program: &mut Connection) -> Result<String, BenchError> {
    let patient = json!({
        "resourceType": "Patient", "name": [{"family": "Long", "given": ["Ada"]}], "gender": "female", "birthDate": "1950-03-04",
        "identifier": [{"system": "urn:bench:mrn", "value": "L-1", "type": {"coding": [{"code": "MR"}]}}],
    });
    let made = transact(target, program, vec![patient]).await?;
    let patient = made.first().cloned().unwrap_or_default();
    let subject = json!({"reference": patient});
    let encounters: Vec<Value> = (0..ENCOUNTERS)
        .map(|at| {
            json!({
                "resourceType": "Encounter", "status": "finished", "subject": subject,
                "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
                "type": [{"text": "Office visit"}], "period": {"start": day(at, ENCOUNTERS), "end": day(at, ENCOUNTERS)},
            })
        })
        .collect();
    let observations: Vec<Value> = (0..OBSERVATIONS).map(|at| observation(&subject, at)).collect();
    for entries in encounters.chunks(ENTRIES).chain(observations.chunks(ENTRIES)) {
        transact(target, program, entries.to_vec()).await?;
    }
    Ok(patient.trim_start_matches("Patient/").to_owned())
}

fn observation(subject: &Value, at: usize) -> Value {
    let (code, category, unit_code, unit) = CODES[at % CODES.len()];
    json!({
        "resourceType": "Observation", "status": "final", "subject": subject,
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": category}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": code}]},
        "effectiveDateTime": day(at, OBSERVATIONS),
        "valueQuantity": {"value": 60 + at % 40, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit_code},
        "referenceRange": [{"low": {"value": 62, "unit": unit}, "high": {"value": 95, "unit": unit}}],
    })
}

/// Spread over twenty years.
fn day(at: usize, of: usize) -> String {
    let days = at * 20 * 365 / of;
    format!("{}-{:02}-{:02}T09:30:00Z", 2006 + days / 365, days % 365 / 31 + 1, days % 28 + 1)
}

async fn transact(target: &Target, program: &mut Connection, resources: Vec<Value>) -> Result<Vec<String>, BenchError> {
    let entries: Vec<Value> = resources
        .into_iter()
        .map(|resource| json!({"request": {"method": "POST", "url": resource["resourceType"]}, "resource": resource}))
        .collect();
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
    let answer = program.exchange(&target.post("", &bundle.to_string())).await?;
    if answer.status != 200 {
        return Err(BenchError::Answer(format!("loading answered {}", answer.status)));
    }
    locations(&check::json(answer.body)?)
}

/// Somebody with a browser whose scripts are off.
struct Visitor {
    connection: Connection,
    control: Connection,
    /// Asked in turns with each page.
    asks_control: Vec<u8>,
    authority: String,
    cookies: Vec<(String, String)>,
}

impl Visitor {
    async fn sign_in(target: &Target, user: &DemoUser, control: &Target) -> Result<Self, BenchError> {
        let authority = target.authority.clone();
        let (connection, control, asks_control) =
            (target.connect().await?, control.connect().await?, control.get("page"));
        let mut visitor = Self { connection, control, asks_control, authority, cookies: Vec::new() };
        let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let first = format!("login={}&password={}", encoded(&user.username), encoded(&user.password));
        let code = testkit::totp_code(&user.totp_secret, server::clock::now_ms(), 0);
        let second = format!("code={}", code.unwrap_or_default());
        for (path, form) in [("/signin", first), ("/signin/second", second)] {
            let (status, _) = visitor.ask("POST", path, &form).await?;
            if !matches!(status, 200 | 303) {
                return Err(BenchError::Answer(format!("{path} answered {status}")));
            }
        }
        Ok(visitor)
    }

    async fn ask(&mut self, method: &str, path: &str, form: &str) -> Result<(u16, Vec<u8>), BenchError> {
        let request = self.request(method, path, form);
        let answer = self.connection.exchange(&request).await?;
        let (status, body) = (answer.status, answer.body.to_vec());
        let head = String::from_utf8_lossy(answer.head).into_owned();
        for line in head.lines().filter(|line| line.to_ascii_lowercase().starts_with("set-cookie:")) {
            let pair = line.split_once(':').and_then(|(_, rest)| rest.split(';').next()?.trim().split_once('='));
            if let Some((name, value)) = pair {
                self.cookies.retain(|(held, _)| held != name);
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        Ok((status, body))
    }

    fn request(&self, method: &str, path: &str, form: &str) -> Vec<u8> {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let (host, cookies, length) = (&self.authority, cookies.join("; "), form.len());
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Site: same-origin\r\nAccept: text/html\r\nCookie: {cookies}\r\n\
             Content-Type: {FORM}\r\nContent-Length: {length}\r\n\r\n{form}"
        )
        .into_bytes()
    }

    /// None where this role has no such page.
    async fn measure(&mut self, path: &str, rounds: usize) -> Result<Option<Opened>, BenchError> {
        let request = self.request("GET", path, "");
        let (mut times_ms, mut control_ms) = (vec![Vec::new(); RUNS], vec![Vec::new(); RUNS]);
        let mut html = String::new();
        for round in 0..RUNS * rounds + WARM_UP {
            let began = Instant::now();
            self.control.exchange(&self.asks_control).await?;
            let bare_ms = began.elapsed().as_secs_f64() * 1e3;
            let began = Instant::now();
            let answer = self.connection.exchange(&request).await?;
            let took_ms = began.elapsed().as_secs_f64() * 1e3;
            let is_page = header(answer.head, "content-type").is_some_and(|kind| kind.starts_with("text/html"));
            if answer.status != 200 || !is_page {
                return Ok(None);
            }
            if let Some(at) = round.checked_sub(WARM_UP) {
                times_ms[at / rounds].push(took_ms);
                control_ms[at / rounds].push(bare_ms);
            }
            if round == 0 {
                html = String::from_utf8_lossy(answer.body).into_owned();
            }
        }
        let mut weight = html.len();
        let mut loaded = BTreeSet::new();
        let mut text = html.clone();
        // Styles name fonts.
        for _ in 0..2 {
            let mut styles = String::new();
            for asset in assets(&text) {
                if loaded.insert(asset.clone()) {
                    let (status, body) = self.ask("GET", &asset, "").await?;
                    if status != 200 {
                        return Err(BenchError::Answer(format!("{asset} answered {status}")));
                    }
                    weight += body.len();
                    styles.push_str(&String::from_utf8_lossy(&body));
                }
            }
            text = styles;
        }
        Ok(Some(Opened { times_ms, control_ms, html, weight }))
    }
}

/// Addresses below `/assets/` that a page or a style loads. What stands in a `data-` attribute is a script's, for when it is asked
/// for: modules of a call, of the device check, of the chart beside it.
fn assets(text: &str) -> Vec<String> {
    let ends = |letter: char| matches!(letter, '"' | '\'' | ')' | ' ' | '>');
    let named = text.match_indices("/assets/").filter(|(at, _)| !is_in_data(&text[..*at]));
    named.map(|(at, _)| text[at..].split(ends).next().unwrap_or_default().to_owned()).collect()
}

/// Whether what comes next is within the value of a `data-` attribute.
fn is_in_data(before: &str) -> bool {
    let Some((tag, value)) = before.rsplit_once("=\"") else { return false };
    let name = tag.rsplit([' ', '<']).next().unwrap_or_default();
    !value.contains('"') && name.starts_with("data-")
}

/// Paths that a page links to.
fn links(html: &str) -> impl Iterator<Item = String> {
    let starts = html.match_indices("href=\"/");
    starts.map(|(at, before)| {
        let path = &html[at + before.len() - 1..];
        path[..path.find(['"', '?', '#']).unwrap_or_default()].to_owned()
    })
}

fn is_of(template: &str, path: &str) -> bool {
    let (mut pieces, mut named) = (template.split('/'), path.split('/'));
    loop {
        match (pieces.next(), named.next()) {
            (None, None) => return true,
            (Some("{}"), Some(id)) if !id.is_empty() && id != "new" => {}
            (Some(piece), Some(part)) if piece == part => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_asks_for_later_is_no_weight_of_a_page() {
        let page = r#"<link href="/assets/a.css?sha256-x"><div data-modules="/assets/call/b.js sha256-y;/assets/c.js z;" data-side="host"><script src="/assets/d.js"></script>"#;
        assert_eq!(assets(page), ["/assets/a.css?sha256-x", "/assets/d.js"]);
        assert_eq!(assets(r#"[data-is="x"] { src: url("/assets/f.woff2") }"#), ["/assets/f.woff2"]);
    }
}
