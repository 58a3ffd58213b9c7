//! The audit log cannot be written: the answer is 503 and holds no data, and when the log is back nothing is missing.

use std::time::{Duration, Instant};

use crate::house::{House, patient, wardstone_ok};

/// Blocks of 512 bytes that no file of the server may outgrow.
const FILE_BLOCKS_MAX: u32 = 1_200;
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn while_the_log_takes_no_event_there_is_no_data() {
    // The signal that a file is too large is ignored, as the process inherits it; what is left is a failing write.
    let mut house = House::start_under(0, &format!("trap '' XFSZ; ulimit -f {FILE_BLOCKS_MAX}"));
    let mut client = house.integration();
    let family = "Unmistakable";
    assert_eq!(client.put("/fhir/Patient/held", &patient("held", family)).unwrap().status, 201);

    let (mut refused, mut answered) = (0, 0);
    let began = Instant::now();
    while refused == 0 {
        assert!(began.elapsed() < PATIENCE, "the log never came to its end after {answered} reads");
        let answer = client.get("/fhir/Patient/held").unwrap();
        match answer.status {
            200 => answered += 1,
            503 => {
                assert!(!String::from_utf8_lossy(&answer.body).contains(family), "data without an audit record");
                assert_eq!(answer.json()["resourceType"], "OperationOutcome");
                refused += 1;
            }
            other => panic!("{other}: {}", String::from_utf8_lossy(&answer.body)),
        }
    }
    // A new segment has room again: the log comes back by itself.
    while client.get("/fhir/Patient/held").unwrap().status != 200 {
        assert!(began.elapsed() < PATIENCE, "the log does not come back");
        std::thread::sleep(Duration::from_millis(50));
    }
    answered += 1;
    house.stop();
    let (data, events) = (house.path("data"), house.path("events.ndjson"));
    let said = wardstone_ok(&["audit", "verify", "--data", &data]);
    assert!(said.contains("the log is intact"), "{said}");
    wardstone_ok(&["audit", "export", "--data", &data, "--out", &events]);
    let text = std::fs::read_to_string(&events).unwrap();
    let reads = text.lines().filter(|line| line.contains("\"action\":\"R\"") && line.contains("Patient/held")).count();
    assert!(reads >= answered, "{answered} answered, {reads} in the log");
}
