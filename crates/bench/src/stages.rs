//! What one GET by id costs, stage by stage, against the budget of docs/ARCHITECTURE.md: each room measured through its own
//! doors, in this process, on a record of its own. TLS and HTTP are what the control costs.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use access::{Action, Object, Role};
use api::{ClientFacts, Identify};
use audit::event::Who;
use audit::{Event, Purpose};
use crypto::{EnvironmentClass, Kek, Part};
use record::{ResourceKey, types};
use server::accounts::{Account, Accounts};
use server::assembly::{House, Opening, Watch};
use server::directory::DataDirectory;
use server::identity::Tokens;
use server::operator;
use store::{Backend, Evidence};

use crate::BenchError;

pub const NOW_MS: i64 = 1_795_348_800_000;
const PATIENTS: usize = 2_000;
const ROUNDS: usize = 3;
const CALLS: usize = 20_000;
/// As many requests at once as the rows have connections.
const AT_ONCE: usize = 64;
/// The integration client may read everything, like the clients of the other rows.
/// Not of the hot path: once for each distinct key and policy version.
const DECIDED_ANEW_US: f64 = 90.0;
const ROLE: &str = "integration";

pub struct Stage {
    pub name: &'static str,
    /// What the budget gives it, in µs.
    pub budget_us: f64,
    pub measured_us: f64,
}

/// The stages below HTTP, and last all of `Record::read` as one.
pub async fn measure() -> Result<Vec<Stage>, BenchError> {
    let failed = |what: &str| BenchError::Process(format!("stages: {what}"));
    let folder = tempfile::tempdir().map_err(|_| failed("no temporary folder"))?;
    let house = house(folder.path(), Arc::new(|| NOW_MS)).await.map_err(|e| failed(&e.to_string()))?;
    let record = house.record.clone();
    let caller = operator::caller(ROLE, Role::Integration, access::Purpose::Treatment, &house.clock);
    let caller = Arc::new(caller.map_err(|e| failed(&e.to_string()))?);
    let kind = types::parse("Patient").ok_or_else(|| failed("no Patient"))?;
    let mut keys = Vec::with_capacity(PATIENTS);
    for n in 0..PATIENTS {
        let written = record.create(&caller, kind, patient(n).as_bytes(), None).await;
        let id = written.map_err(|e| failed(&e.to_string()))?.id;
        keys.push(ResourceKey::parse("Patient", &id).ok_or_else(|| failed("an id"))?);
    }
    let keys = Arc::new(keys);
    // A person in a clinical role stands to each chart somehow, which a trusted system does not.
    let clinician = operator::caller(ROLE, Role::Physician, access::Purpose::Treatment, &house.clock);
    let clinician = Arc::new(clinician.map_err(|e| failed(&e.to_string()))?);
    let (clinic, known) = (record.clone(), keys.clone());
    let mut stages = Vec::new();
    let mut stage = |name, budget_us, measured_us| stages.push(Stage { name, budget_us, measured_us });

    let token = server::accounts::new_token().map_err(|e| failed(&e.to_string()))?;
    let mut account = Account::new("bench".into(), "Bench".into(), "nurse").map_err(|e| failed(&e.to_string()))?;
    account.token = token.clone();
    let accounts = Accounts { users: vec![account], api_token: None };
    let demo = identity::DemoOnly::of(house.class).ok_or_else(|| failed("a demo"))?;
    server::identity::seed(&house.identity, &demo, &accounts).await.map_err(|e| failed(&e.to_string()))?;
    let tokens = Tokens::new(house.identity.clone());
    let facts = || ClientFacts {
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: "bench/1",
        request_id: 1,
        time_ms: NOW_MS,
    };
    stage("caller", 1.0, each(|_| drop(black_box(tokens.identify(&token, facts())))));

    let store = record.store().clone();
    let ids = house.keyring.id_cipher().map_err(|e| failed(&e.to_string()))?;
    let rows: Vec<u64> = keys.iter().filter_map(|key| ids.row(&key.id)).collect();
    let mut held = None;
    let row_us = each_async(async |n| held = store.body(rows[n % rows.len()]).await.ok().flatten()).await;
    stage("row", 9.0, row_us);

    let body = held.ok_or_else(|| failed("no row"))?;
    let keyring = &house.keyring;
    let wrapped = store.chart_key(body.chart).await.map_err(|e| failed(&e.to_string()))?;
    let chart = wrapped.and_then(|wrapped| keyring.admit_chart(body.chart, wrapped).ok());
    let chart = chart.ok_or_else(|| failed("no chart key"))?;
    stage("open", 3.0, each(|_| drop(black_box(keyring.open(&chart, body.row, body.version, Part::Body, &body.body)))));

    let object = Object::of(kind, Some(body.row), Some(access::ChartNo(body.chart)));
    stage("decide", 0.3, each(|_| drop(black_box(record.policies().decide(&caller, Action::Read, &object)))));

    let unseen = unseen(kind);
    let started = Instant::now();
    unseen.iter().for_each(|object| drop(black_box(record.policies().decide(&caller, Action::VRead, object))));
    let decided_us = started.elapsed().as_secs_f64() * 1e6 / unseen.len() as f64;
    stage("decide, for the first time", DECIDED_ANEW_US, decided_us);

    let audited = {
        let store = store.clone();
        at_once(move |n| {
            let store = store.clone();
            async move {
                let who = Who { user: "bench", role: ROLE, ..Who::default() };
                let mut event = Event::new(NOW_MS as u64, audit::Action::Read, Purpose::Treatment, who);
                event.objects =
                    vec![audit::event::Object { row: n as u64, chart: 16, version: 1, type_code: 1, part: 1 }].into();
                if let Ok(evidence) = Evidence::of(&event) {
                    let _ = store.record_event(evidence).await;
                }
            }
        })
        .await
    };
    stage("audit share (64 at once)", 10.0, audited);

    let read = at_once(move |n| {
        let (record, caller, keys) = (record.clone(), caller.clone(), keys.clone());
        async move {
            let _ = record.read(&caller, &keys[n % keys.len()]).await;
        }
    })
    .await;
    stage("Record::read, all of it (64 at once)", 26.0, read);
    let read = at_once(move |n| {
        let (record, caller, keys) = (clinic.clone(), clinician.clone(), known.clone());
        async move {
            let _ = record.read(&caller, &keys[n % keys.len()]).await;
        }
    })
    .await;
    stage("Record::read by who treats (64 at once)", 26.0, read);
    Ok(stages)
}

/// Objects whose decisions are not cached yet: every standing beside every label.
fn unseen(kind: access::TypeRef) -> Vec<Object> {
    let labels = (0..=15).map(|bit| access::Labels::from_bits(1 << bit));
    let labels: Vec<_> = labels.flatten().filter(|labels| !access::Labels::OF_ELEMENTS.contains(*labels)).collect();
    let of_chart = access::Relations::OF_CHART;
    let relations =
        (0..=of_chart.bits()).filter_map(access::Relations::from_bits).filter(|some| of_chart.contains(*some));
    relations
        .flat_map(|relations| labels.iter().map(move |labels| (relations, *labels)))
        .map(|(relations, labels)| Object { relations, labels, ..Object::of(kind, Some(1), None) })
        .collect()
}

/// An empty demo, its clock handed in.
pub async fn house(folder: &std::path::Path, clock: record::Clock) -> Result<House, server::ServerError> {
    let kek = Kek::generate()?;
    let directory = DataDirectory::create(&folder.join("data"), EnvironmentClass::Demo, &kek)?;
    let opening = Opening {
        directory,
        kek,
        class: Some(EnvironmentClass::Demo),
        base_url: "https://localhost/fhir".into(),
        sink: None,
        watch: Watch::default(),
        clock,
    };
    House::open(opening).await
}

/// The table; `rates` are those of server and control in the same run, whose cost is both cores divided by the rate.
pub fn markdown(stages: &[Stage], rates: Option<(f64, f64)>) -> String {
    let mut out = String::from("| stage of GET by id | budget µs | measured µs |\n|---|---|---|\n");
    let cores = std::thread::available_parallelism().map_or(2, usize::from) as f64;
    let cost = |per_second: f64| cores * 1e6 / per_second;
    if let Some((_, control)) = rates {
        out.push_str(&format!("| TLS and HTTP, generator included (the control) | – | {:.1} |\n", cost(control)));
    }
    for stage in stages {
        out.push_str(&format!("| {} | {:.1} | {:.1} |\n", stage.name, stage.budget_us, stage.measured_us));
    }
    if let Some((server, control)) = rates {
        // 40 % of the control's rate.
        let budget = 2.5 * cost(control);
        out.push_str(&format!("| the whole answer, generator included | {budget:.1} | {:.1} |\n", cost(server)));
    }
    out
}

/// µs of a call on one thread: the median of the rounds.
fn each(mut call: impl FnMut(usize)) -> f64 {
    median(|| {
        let started = Instant::now();
        (0..CALLS).for_each(&mut call);
        started.elapsed().as_secs_f64()
    })
}

async fn each_async(mut call: impl AsyncFnMut(usize)) -> f64 {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        for n in 0..CALLS {
            call(n).await;
        }
        rounds.push(started.elapsed().as_secs_f64());
    }
    median_of(rounds)
}

/// µs of both cores that a call costs when many are under way: wall time by the number of calls.
async fn at_once<F: Future<Output = ()> + Send + 'static>(call: impl Fn(usize) -> F + Clone + Send + 'static) -> f64 {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let tasks: Vec<_> = (0..AT_ONCE)
            .map(|task| {
                let call = call.clone();
                tokio::spawn(async move {
                    for n in (task..CALLS).step_by(AT_ONCE) {
                        call(n).await;
                    }
                })
            })
            .collect();
        for task in tasks {
            let _ = task.await;
        }
        rounds.push(started.elapsed().as_secs_f64());
    }
    median_of(rounds)
}

fn median(mut round: impl FnMut() -> f64) -> f64 {
    median_of((0..ROUNDS).map(|_| round()).collect())
}

fn median_of(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2] * 1e6 / CALLS as f64
}

fn patient(n: usize) -> String {
    format!(
        r#"{{"resourceType":"Patient","identifier":[{{"system":"urn:bench","value":"S{n}"}}],"name":[{{"family":"Stage{n}","given":["Ada"]}}],"telecom":[{{"system":"phone","value":"555-01{:02}"}},{{"system":"email","value":"s{n}@example.org"}}],"gender":"other","birthDate":"1980-01-01","address":[{{"line":["{n} Kiln Lane"],"city":"Boston","state":"MA","postalCode":"02118"}}]}}"#,
        n % 100
    )
}
