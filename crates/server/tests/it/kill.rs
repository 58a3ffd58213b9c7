//! The process dies at any moment: nothing acknowledged is lost, no transaction is half there, no answer is without its
//! audit record.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::Client;

use crate::house::{House, patient, wardstone_ok};

/// Kills in a run of the suite; `WARDSTONE_KILLS=200` is the drill by hand.
const KILLS_DEFAULT: u64 = 8;
const WRITERS: u64 = 3;

/// What clients were told.
#[derive(Default)]
struct Acknowledged {
    /// Id and family name.
    patients: Vec<(String, String)>,
    /// Common part of the ids of both halves.
    transactions: Vec<String>,
    /// Transactions sent, acknowledged or not.
    tried: Vec<String>,
    reads: u64,
}

#[test]
fn after_a_kill_nothing_acknowledged_is_lost_and_nothing_is_half_there() {
    let kills = std::env::var("WARDSTONE_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(KILLS_DEFAULT);
    let mut house = House::start(0);
    let mut all = Acknowledged::default();
    for round in 0..kills {
        let clients: Vec<Client> = (0..WRITERS).map(|_| house.integration()).collect();
        let done = AtomicU64::new(0);
        let results: Vec<Acknowledged> = std::thread::scope(|scope| {
            let done = &done;
            let writers: Vec<_> = (0..WRITERS)
                .zip(clients)
                .map(|(writer, client)| scope.spawn(move || write_until_killed(client, round, writer, done)))
                .collect();
            // Not at the same place each time, and never before there was something to lose.
            while done.load(Ordering::Relaxed) < 5 + (round * 7) % 23 {
                std::thread::sleep(Duration::from_millis(1));
            }
            house.kill();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        for mut result in results {
            all.patients.append(&mut result.patients);
            all.transactions.append(&mut result.transactions);
            all.tried.append(&mut result.tried);
            all.reads += result.reads;
        }
        house.start_again();
    }
    check_data(&house, &all);
    house.stop();
    let said = wardstone_ok(&["audit", "verify", "--data", &house.path("data")]);
    assert!(said.contains("the log is intact"), "{said}");
    check_audit(&house, &all);
}

fn write_until_killed(mut client: Client, round: u64, writer: u64, done: &AtomicU64) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    for n in 0.. {
        let id = format!("k{round}-{writer}-{n}");
        if n % 3 == 2 {
            acknowledged.tried.push(id.clone());
            let body = halves(&id);
            match client.post("/fhir", &body) {
                Ok(answer) if answer.status == 200 => acknowledged.transactions.push(id),
                Ok(answer) => panic!("{}", String::from_utf8_lossy(&answer.body)),
                Err(_) => return acknowledged,
            }
        } else {
            let family = format!("Family{round}x{n}");
            match client.put(&format!("/fhir/Patient/{id}"), &patient(&id, &family)) {
                Ok(answer) if answer.status == 201 => acknowledged.patients.push((id.clone(), family)),
                Ok(answer) => panic!("{}", String::from_utf8_lossy(&answer.body)),
                Err(_) => return acknowledged,
            }
            match client.get(&format!("/fhir/Patient/{id}")) {
                Ok(answer) => {
                    assert_eq!(answer.status, 200);
                    acknowledged.reads += 1;
                }
                Err(_) => return acknowledged,
            }
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
    acknowledged
}

fn halves(id: &str) -> Vec<u8> {
    let put = |kind: &str, resource: Value| {
        let url = format!("{kind}/{}", resource["id"].as_str().unwrap());
        json!({"resource": resource, "request": {"method": "PUT", "url": url}})
    };
    json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        put("Patient", json!({"resourceType": "Patient", "id": format!("{id}-a")})),
        put("Observation", json!({"resourceType": "Observation", "id": format!("{id}-b"), "status": "final",
            "code": {"text": "half"}, "subject": {"reference": format!("Patient/{id}-a")}})),
    ]})
    .to_string()
    .into_bytes()
}

fn check_data(house: &House, all: &Acknowledged) {
    let mut client = house.integration();
    for (id, family) in &all.patients {
        let read = client.get(&format!("/fhir/Patient/{id}")).unwrap();
        assert_eq!(read.status, 200, "Patient/{id} was acknowledged and is lost");
        assert_eq!(read.json()["name"][0]["family"], family.as_str());
    }
    let mut is_there = |kind: &str, id: &str| client.get(&format!("/fhir/{kind}/{id}")).unwrap().status == 200;
    for id in &all.tried {
        let halves = [is_there("Patient", &format!("{id}-a")), is_there("Observation", &format!("{id}-b"))];
        assert_eq!(halves[0], halves[1], "transaction {id} is half there");
        assert!(halves[0] || !all.transactions.contains(id), "transaction {id} was acknowledged and is lost");
    }
}

fn check_audit(house: &House, all: &Acknowledged) {
    let events = house.path("events.ndjson");
    wardstone_ok(&["audit", "export", "--data", &house.path("data"), "--out", &events]);
    let text = std::fs::read_to_string(&events).unwrap();
    let mut named: BTreeMap<String, u64> = BTreeMap::new();
    let (mut reads, mut events) = (0u64, 0u64);
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        events += 1;
        if event["action"] == "R" && event["outcome"] == "0" {
            reads += 1;
        }
        for entity in event["entity"].as_array().into_iter().flatten() {
            if let Some(reference) = entity["what"]["reference"].as_str() {
                let reference = reference.split("/_history").next().unwrap_or(reference);
                *named.entry(reference.to_owned()).or_default() += u64::from(event["action"] != "R");
            }
        }
    }
    assert!(events > 0 && reads >= all.reads, "{} answered reads, {reads} audited", all.reads);
    for id in all.patients.iter().map(|(id, _)| id.clone()).chain(all.transactions.iter().map(|id| format!("{id}-a"))) {
        assert!(named.get(&format!("Patient/{id}")).is_some_and(|writes| *writes > 0), "no write event names {id}");
    }
}
