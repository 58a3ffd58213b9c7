//! Rooms with people in them, told by the clock and by what they hear.

use std::sync::atomic::AtomicI64;

use super::*;
use crate::room::GRACE_MS;
use crate::status::VisitEvent;

const KEYS: &str = r#""keys":{"sign":"a","seal":"b","commit":"c"}"#;

struct Clinic {
    hall: Hall,
    now: Arc<AtomicI64>,
    told: Arc<Mutex<Vec<Happened>>>,
}

fn clinic() -> Clinic {
    let (now, told) = (Arc::new(AtomicI64::new(1_800_000_000_000)), Arc::new(Mutex::new(Vec::new())));
    let (clock, tell, count) = (now.clone(), told.clone(), AtomicU64::new(1));
    let hall = Hall::new(
        Relays::none(),
        false,
        Arc::new(move || clock.load(Ordering::SeqCst)),
        Arc::new(move |bytes: &mut [u8]| {
            bytes.fill(count.fetch_add(1, Ordering::SeqCst) as u8);
            true
        }),
        Arc::new(move |happened| tell.lock().unwrap().push(happened)),
    );
    Clinic { hall, now, told }
}

impl Clinic {
    fn join(&self, person: &str, role: Role) -> (Line, mpsc::Receiver<Said>) {
        let settings = Settings { visit: "v1".into(), relay_only: false, high_risk: false };
        let invite = Invite { person: person.into(), role, label: "Somebody".into() };
        let ticket = self.hall.invite(settings, invite).unwrap().text();
        let (line, said) = self.hall.connect("v1").unwrap();
        line.heard(&format!(r#"{{"v":1,"seq":1,"type":"hello","ticket":"{ticket}","resume":null,{KEYS}}}"#));
        (line, said)
    }

    fn happened(&self) -> Vec<What> {
        self.told.lock().unwrap().iter().map(|one| one.what.clone()).collect()
    }
}

fn heard(said: &mut mpsc::Receiver<Said>) -> String {
    let mut all = String::new();
    while let Ok(Said::Text(text)) = said.try_recv() {
        all.push_str(&text);
        all.push('\n');
    }
    all
}

#[test]
fn who_is_let_in_is_heard_by_the_others_and_what_happens_is_told_with_closed_words() {
    let clinic = clinic();
    let (host, mut to_host) = clinic.join("asha", Role::Clinician);
    let (_patient, mut to_patient) = clinic.join("link", Role::Patient);
    assert!(heard(&mut to_patient).contains(r#""type":"waiting""#));
    let present = heard(&mut to_host);
    let id = present.rsplit(r#""id":""#).next().unwrap().split('"').next().unwrap().to_owned();
    host.heard(&format!(r#"{{"v":1,"seq":2,"type":"admit","who":"{id}"}}"#));
    assert!(heard(&mut to_patient).contains(r#""type":"present""#));
    let told = clinic.happened();
    let status = |wanted| told.iter().any(|what| matches!(what, What::Visit { status, .. } if *status == wanted));
    assert!(status(VisitStatus::Arrived) && status(VisitStatus::InProgress), "{told:?}");
    assert!(told.iter().any(|what| matches!(what, What::Room { what: Audit::Admitted, .. })));
}

#[test]
fn a_room_is_forgotten_when_everybody_is_gone_and_opens_anew() {
    let clinic = clinic();
    let (host, said) = clinic.join("asha", Role::Clinician);
    drop((host, said));
    assert!(clinic.hall.view("v1").is_some(), "a refresh is not an end");
    clinic.now.fetch_add(GRACE_MS + 1, Ordering::SeqCst);
    clinic.hall.tick();
    clinic.hall.tick();
    assert_eq!(clinic.hall.view("v1"), None);
    assert!(clinic.hall.connect("v1").is_none());
    let (_host, mut said) = clinic.join("asha", Role::Clinician);
    assert!(heard(&mut said).contains(r#""type":"welcome""#));
}

#[test]
fn who_waits_is_told_how_many_are_before_them_and_how_late_it_is() {
    let clinic = clinic();
    let start_ms = clinic.now.load(Ordering::SeqCst);
    let (_line, mut said) = clinic.join("link", Role::Patient);
    clinic.hall.plan("v1", Slot { start_ms, clinician: "asha".into() });
    assert!(clinic.hall.view("v1").unwrap().waits_since == Some(start_ms) && clinic.hall.knows("v1", "link"));
    clinic.hall.tick();
    heard(&mut said);
    clinic.now.fetch_add(12 * crate::MINUTE_MS, Ordering::SeqCst);
    clinic.hall.tell_delays(&mut clinic.hall.open());
    assert!(heard(&mut said).contains(r#""late_minutes":10"#));
    for (visit, before, clinician) in [("v0", 1, "asha"), ("v2", 1, "daniel"), ("v3", -1, "asha")] {
        let settings = Settings { visit: visit.into(), relay_only: false, high_risk: false };
        let invite = Invite { person: visit.into(), role: Role::Patient, label: "Somebody".into() };
        clinic.hall.invite(settings, invite).unwrap();
        let start_ms = start_ms - before * crate::MINUTE_MS;
        clinic.hall.plan(visit, Slot { start_ms, clinician: clinician.into() });
    }
    clinic.hall.tell_delays(&mut clinic.hall.open());
    assert!(heard(&mut said).contains(r#""place":2"#));
}

#[test]
fn a_host_who_may_not_any_more_ends_the_room_and_finishes_no_visit() {
    let clinic = clinic();
    let (_host, mut said) = clinic.join("asha", Role::Clinician);
    clinic.hall.close("v1", EndReason::Revoked);
    assert!(heard(&mut said).contains(r#""type":"ended","reason":"revoked""#));
    assert!(clinic.hall.view("v1").is_none() && !clinic.hall.knows("v1", "asha"));
    let finished = |what: &What| matches!(what, What::Visit { event: VisitEvent::Finish, .. });
    assert!(!clinic.happened().iter().any(finished));
}

#[test]
fn a_guest_who_may_not_any_more_is_out_and_the_others_go_on() {
    let clinic = clinic();
    let (_host, mut to_host) = clinic.join("asha", Role::Clinician);
    let (_patient, mut said) = clinic.join("ruth", Role::Patient);
    clinic.hall.expel("v1", "ruth");
    assert!(heard(&mut said).contains(r#""type":"removed""#) && said.is_closed());
    assert!(clinic.hall.view("v1").unwrap().has_host && !clinic.hall.knows("v1", "ruth"));
    let told = heard(&mut to_host);
    let present = told.lines().rfind(|line| line.contains(r#""type":"present""#)).unwrap();
    assert_eq!(present.matches(r#""role":"#).count(), 1, "the host alone is left: {present}");
}

#[test]
fn who_does_not_read_is_cut_off_and_nobody_waits_for_them() {
    let clinic = clinic();
    let (host, mut to_host) = clinic.join("asha", Role::Clinician);
    let (_patient, mut to_patient) = clinic.join("link", Role::Patient);
    let present = heard(&mut to_host);
    let id = present.rsplit(r#""id":""#).next().unwrap().split('"').next().unwrap().to_owned();
    host.heard(&format!(r#"{{"v":1,"seq":2,"type":"admit","who":"{id}"}}"#));
    for seq in 0..2 * WAITING_MAX as u64 {
        clinic.now.fetch_add(100, Ordering::SeqCst);
        let state = r#""type":"state","audio":true,"video":true,"screen":false,"modality":"video","reason":null"#;
        host.heard(&format!(r#"{{"v":1,"seq":{},{state}}}"#, seq + 3));
    }
    let mut count = 0;
    while to_patient.try_recv().is_ok() {
        count += 1;
    }
    assert!(count <= WAITING_MAX);
    assert!(to_patient.is_closed());
}
