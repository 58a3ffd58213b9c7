//! What the test kit promises to those who use it.

#![expect(clippy::unwrap_used, reason = "tests")]

use record::ResourceKey;
use testkit::{FakeClock, TestRecord, TestServer};

#[test]
fn a_test_server_answers_as_each_role_and_leaves_nothing_behind() {
    let server = TestServer::start(1).unwrap();
    let data = server.data();
    assert_eq!(server.anonymous().get("/fhir/Patient").unwrap().status, 401);
    assert_eq!(server.integration().get("/fhir/Patient").unwrap().status, 200);
    let own = server.users.iter().find_map(|user| user.patient.clone()).unwrap();
    assert_eq!(server.as_role("patient").get(&format!("/fhir/Patient/{own}")).unwrap().status, 200);
    drop(server);
    assert!(!data.exists());
}

#[tokio::test]
async fn a_record_runs_at_the_time_of_its_clock() {
    let kit = TestRecord::open(FakeClock::default()).await.unwrap();
    let caller = kit.integration().unwrap();
    let kind = record::types::parse("Patient").unwrap();
    let body = br#"{"resourceType":"Patient","active":true}"#;
    let first = kit.record().create(&caller, kind, body, None).await.unwrap();
    assert_eq!(first.last_updated_ms, kit.clock.now_ms());
    kit.clock.advance(-86_400_000);
    let second = kit.record().create(&caller, kind, body, None).await.unwrap();
    assert!(second.last_updated_ms >= first.last_updated_ms, "lastUpdated went backwards with the clock");
    let key = ResourceKey::parse("Patient", &second.id).unwrap();
    assert!(kit.record().read(&caller, &key).await.is_ok());
}
