//! Nothing typed is lost, and nobody but its author sees it.

use std::sync::atomic::Ordering;

use access::{Caller, CallerParts, ChartNo, Role, UserId};
use audit::Action as Audited;
use fhir::Json;
use record::{
    DRAFT_BYTES_MAX, Draft, DraftKind, DraftPlace, DraftSave, DraftSaved, NoteToSign, RecordError, Refusal, Withheld,
    WithheldWhy,
};

use crate::clinic::{Clinic, caller, parts};
use crate::world::{clone, found, key, last_event, practitioner, put, reference, sees};

const LATE: &str = "typed when the session was over";

/// Ana, whom Asha treats; Ben is a colleague who does not.
async fn clinic() -> Clinic {
    let clinic = Clinic::new().await;
    for id in ["asha", "ben"] {
        put(&clinic, "Practitioner", id, r#""name":[{"family":"Rao"}]"#).await;
    }
    for id in ["ana", "carl"] {
        put(&clinic, "Patient", id, r#""name":[{"family":"Sato"}],"gender":"female""#).await;
        treated_by(&clinic, id, "asha").await;
    }
    clinic
}

async fn treated_by(clinic: &Clinic, patient: &str, practitioner: &str) {
    let members = format!(
        r#""status":"active","subject":{},"participant":[{{"member":{}}}]"#,
        reference("Patient", patient),
        reference("Practitioner", practitioner)
    );
    put(clinic, "CareTeam", &format!("team-{patient}"), &members).await;
}

async fn doctor(clinic: &Clinic, id: &str) -> Caller {
    Caller::established(doctor_parts(clinic, id).await).unwrap()
}

async fn doctor_parts(clinic: &Clinic, id: &str) -> CallerParts {
    let user = UserId(if id == "asha" { 901 } else { 902 });
    CallerParts { user, login: id.to_owned(), ..practitioner(clinic, Role::Physician, id).await }
}

async fn place(clinic: &Clinic, caller: &Caller) -> DraftPlace {
    clinic.record.new_draft(caller, "ana", &DraftKind::Note, None).await.unwrap()
}

fn text<'a>(draft_id: &'a str, based_on: u32, text: &'a str) -> DraftSave<'a> {
    let (tab, turn, kind) = (0, 0, DraftKind::Note);
    DraftSave { draft_id, kind, encounter_id: None, text, based_on, tab, turn, chosen_from: &[] }
}

/// Saves, and answers the version.
async fn saved(clinic: &Clinic, caller: &Caller, save: &DraftSave<'_>) -> u32 {
    match clinic.record.save_draft(caller, "ana", save).await.unwrap() {
        DraftSaved::Kept { version, .. } => version,
        DraftSaved::Conflict { .. } => panic!("a conflict"),
        DraftSaved::Signed { .. } => panic!("signed"),
    }
}

async fn opened(clinic: &Clinic, caller: &Caller, id: &str) -> Draft {
    clinic.record.open_draft(caller, "ana", id).await.unwrap().into_inner()
}

fn note(text: &str) -> Result<NoteToSign, RecordError> {
    let title = "Progress note".to_owned();
    Ok(NoteToSign {
        type_code: "11506-3",
        type_display: "Progress note",
        title,
        text: text.to_owned(),
        withheld: None,
        diagnoses: vec![],
        plan: vec![],
        cosigner: None,
    })
}

async fn json_of(clinic: &Clinic, type_name: &str, id: &str) -> String {
    let read = clinic.record.read(&caller(Role::Integration), &key(type_name, id)).await.unwrap();
    String::from_utf8(read.get().json().to_vec()).unwrap()
}

#[tokio::test]
async fn what_is_saved_comes_back_after_a_restart_and_belongs_to_its_chart() {
    let mut clinic = clinic().await;
    let asha = doctor(&clinic, "asha").await;
    let DraftPlace { id, .. } = place(&clinic, &asha).await;
    assert_eq!(saved(&clinic, &asha, &text(&id, 0, "cough")).await, 1);
    assert_eq!(saved(&clinic, &asha, &text(&id, 1, "cough since Monday")).await, 2);
    // Sent twice: a double click, or an answer that was lost.
    assert_eq!(saved(&clinic, &asha, &text(&id, 1, "cough since Monday")).await, 2);
    clinic = clinic.restart().await;
    let draft = opened(&clinic, &asha, &id).await;
    assert_eq!((draft.current.text.as_str(), draft.head.version), ("cough since Monday", 2));
    assert_eq!((draft.head.patient_id.as_str(), draft.past.len()), ("ana", 1));
    let earlier = clinic.record.draft_version(&asha, "ana", &id, 1).await.unwrap();
    assert_eq!(earlier.get().text.text.as_str(), "cough");
    let listed = clinic.record.drafts(&asha).await.unwrap();
    assert_eq!(listed.iter().map(|head| head.id.as_str()).collect::<Vec<_>>(), [id.as_str()]);
    // It is in one chart and no other, and no resource.
    assert!(matches!(clinic.record.open_draft(&asha, "carl", &id).await, Err(RecordError::NotFound)));
    assert!(found(&clinic, &asha, "DocumentReference", &[("patient", "ana")]).await.is_empty());
    // The row that waits for the note is given to nothing else.
    put(&clinic, "Patient", "dora", r#""active":true"#).await;
    let other = place(&clinic, &asha).await;
    assert_ne!(other.id, id);
}

#[tokio::test]
async fn nobody_but_the_author_sees_a_draft_at_the_same_workstation_or_elsewhere() {
    let clinic = clinic().await;
    let asha = doctor(&clinic, "asha").await;
    let DraftPlace { id, device_key, .. } = place(&clinic, &asha).await;
    saved(&clinic, &asha, &text(&id, 0, "cough")).await;
    // A colleague who treats the same patient, in the same session place, on the same device.
    let colleague = Caller::established(CallerParts {
        user: UserId(903),
        login: "cleo".into(),
        ..clone(&doctor_parts(&clinic, "asha").await)
    });
    let colleague = colleague.unwrap();
    assert!(matches!(clinic.record.open_draft(&colleague, "ana", &id).await, Err(RecordError::NotFound)));
    assert!(matches!(clinic.record.draft_version(&colleague, "ana", &id, 1).await, Err(RecordError::NotFound)));
    assert!(matches!(clinic.record.discard_draft(&colleague, "ana", &id, 1).await, Err(RecordError::NotFound)));
    let signing = clinic.record.sign_draft(&colleague, "ana", &id, 1, note).await;
    assert!(matches!(signing, Err(RecordError::NotFound)));
    assert!(clinic.record.drafts(&colleague).await.unwrap().is_empty());
    assert!(*clinic.record.draft_device_key(&colleague, "ana", &id).await.unwrap() != *device_key);
    // What the colleague saves under that id is the colleague's, under another.
    let DraftSaved::Kept { id: theirs, .. } =
        clinic.record.save_draft(&colleague, "ana", &text(&id, 1, "mine")).await.unwrap()
    else {
        panic!("kept")
    };
    assert_ne!(theirs, id);
    assert_eq!(opened(&clinic, &asha, &id).await.current.text.as_str(), "cough");
    // The roles that write no notes, and the patient.
    for role in [Role::Billing, Role::FrontDesk, Role::Admin, Role::Auditor] {
        let refused = clinic.record.open_draft(&caller(role), "ana", &id).await;
        assert!(matches!(refused, Err(RecordError::Denied(Refusal::Never))), "{role:?}");
    }
    let ana = crate::clinic::patient(16);
    assert!(matches!(clinic.record.open_draft(&ana, "ana", &id).await, Err(RecordError::Denied(_))));
}

#[tokio::test]
async fn who_may_no_longer_write_in_the_chart_has_a_closed_draft_and_no_lost_one() {
    let clinic = clinic().await;
    let asha = doctor(&clinic, "asha").await;
    let DraftPlace { id, .. } = place(&clinic, &asha).await;
    saved(&clinic, &asha, &text(&id, 0, "cough")).await;
    treated_by(&clinic, "ana", "ben").await;
    let refused = clinic.record.open_draft(&asha, "ana", &id).await;
    assert!(matches!(refused, Err(RecordError::Denied(Refusal::Withheld))));
    let refused = clinic.record.save_draft(&asha, "ana", &text(&id, 1, "more")).await;
    assert!(matches!(refused, Err(RecordError::Denied(_))));
    let listed = clinic.record.drafts(&asha).await.unwrap();
    assert_eq!(listed.iter().map(|head| head.is_open).collect::<Vec<_>>(), [false]);
    // A note by whoever treats the patient now does not need it, and it is there again when the right is.
    treated_by(&clinic, "ana", "asha").await;
    assert_eq!(opened(&clinic, &asha, &id).await.current.text.as_str(), "cough");
}

#[tokio::test]
async fn two_tabs_keep_both_texts_and_the_author_chooses() {
    let clinic = clinic().await;
    let asha = doctor(&clinic, "asha").await;
    let DraftPlace { id, .. } = place(&clinic, &asha).await;
    let tab = |tab, turn, save| DraftSave { tab, turn, ..save };
    saved(&clinic, &asha, &tab(1, 1, text(&id, 0, "cough"))).await;
    saved(&clinic, &asha, &tab(1, 2, text(&id, 1, "cough, fever"))).await;
    let conflict = clinic.record.save_draft(&asha, "ana", &tab(2, 1, text(&id, 1, "cough, no fever"))).await.unwrap();
    let DraftSaved::Conflict { kept, draft } = conflict else { panic!("a conflict") };
    assert_eq!(draft.get().current.text.as_str(), "cough, fever");
    assert_eq!(draft.get().asides[0].text.as_str(), "cough, no fever");
    // Both are there after a crash.
    let clinic = clinic.restart().await;
    let draft = opened(&clinic, &asha, &id).await;
    assert_eq!((draft.asides[0].version, draft.asides.len()), (kept, 1));
    // Nothing is signed over an open question.
    let signing = clinic.record.sign_draft(&asha, "ana", &id, draft.head.version, note).await;
    assert!(matches!(signing, Err(RecordError::PreconditionFailed { .. })));
    let chosen = DraftSave { chosen_from: &[kept], ..text(&id, draft.head.version, "cough, fever on Monday") };
    saved(&clinic, &asha, &chosen).await;
    let draft = opened(&clinic, &asha, &id).await;
    assert_eq!((draft.current.text.as_str(), draft.asides.len()), ("cough, fever on Monday", 0));
    let texts: Vec<u32> = draft.past.iter().map(|(version, _)| *version).collect();
    assert!(texts.contains(&kept), "what was not chosen can be had back");
}

#[tokio::test]
async fn what_comes_after_the_session_waits_for_its_author() {
    let clinic = clinic().await;
    let asha = doctor(&clinic, "asha").await;
    let DraftPlace { id, ticket, .. } = place(&clinic, &asha).await;
    // Also for a note that was never saved before.
    let kept = clinic.record.keep_for_author(&ticket, &text(&id, 0, "cough")).await.unwrap().unwrap();
    assert_eq!((kept.id.as_str(), kept.patient_id.as_str()), (id.as_str(), "ana"));
    assert_eq!(
        last_event(&clinic, |event| (event.action, event.who.user.to_owned())),
        (Audited::DraftChange, "asha".into())
    );
    let draft = opened(&clinic, &asha, &id).await;
    assert!(draft.current.unattended);
    let version = saved(&clinic, &asha, &text(&id, 1, "cough, fever")).await;
    // It follows on what was there: it is what is there when the author is back.
    clinic.record.keep_for_author(&draft.place.ticket, &text(&id, version, LATE)).await.unwrap().unwrap();
    let clinic = clinic.restart().await;
    let draft = opened(&clinic, &asha, &id).await;
    assert_eq!((draft.current.text.as_str(), draft.asides.len()), (LATE, 0));
    // It follows on something else: the author chooses.
    clinic.record.keep_for_author(&ticket, &text(&id, 1, "from an old page")).await.unwrap().unwrap();
    assert_eq!(opened(&clinic, &asha, &id).await.asides[0].text.as_str(), "from an old page");
    // A ticket is good for a week and for nothing that was made up.
    for forged in ["", "AAAA", &ticket[..ticket.len() - 2], &ticket.to_uppercase()] {
        assert!(clinic.record.keep_for_author(forged, &text(&id, 1, "x")).await.unwrap().is_none());
    }
    clinic.clock_ms.fetch_add(8 * 86_400_000, Ordering::Relaxed);
    assert!(clinic.record.keep_for_author(&ticket, &text(&id, 1, "x")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_signed_draft_is_a_note_with_its_provenance_once() {
    let clinic = clinic().await;
    put(&clinic, "Encounter", "visit", &format!(
        r#""status":"in-progress","class":{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"}},"subject":{}"#,
        reference("Patient", "ana")
    )).await;
    let asha = doctor(&clinic, "asha").await;
    let DraftPlace { id, .. } = clinic.record.new_draft(&asha, "ana", &DraftKind::Note, Some("visit")).await.unwrap();
    let save = DraftSave { encounter_id: Some("visit"), ..text(&id, 0, "cough since ***") };
    let version = saved(&clinic, &asha, &save).await;
    let refused = clinic.record.sign_draft(&asha, "ana", &id, version, note).await;
    assert!(matches!(refused, Err(RecordError::Malformed(_))), "placeholders block");
    let version = saved(&clinic, &asha, &text(&id, version, "cough since Monday")).await;
    let refused = clinic.record.sign_draft(&asha, "ana", &id, version - 1, note).await;
    assert!(matches!(refused, Err(RecordError::PreconditionFailed { .. })), "only what its author saw");
    let signed = clinic.record.sign_draft(&asha, "ana", &id, version, note).await.unwrap();
    assert_eq!((signed.note_id.as_str(), signed.was_signed), (id.as_str(), false));
    // A second click.
    let again = clinic.record.sign_draft(&asha, "ana", &id, version, note).await.unwrap();
    assert_eq!((again.note_id.as_str(), again.was_signed), (id.as_str(), true));
    assert!(clinic.record.drafts(&asha).await.unwrap().is_empty());

    let json = json_of(&clinic, "DocumentReference", &id).await;
    let tree = Json::parse_str(&json).unwrap();
    let at = |name: &str| tree.get(name).unwrap();
    assert_eq!(at("docStatus").as_str(), Some("final"));
    assert!(
        json.contains(r#""code":"11506-3""#) && json.contains("Encounter/visit") && json.contains("Practitioner/asha")
    );
    assert!(json.contains("Y291Z2ggc2luY2UgTW9uZGF5"), "the text in base 64");
    let provenances = found(&clinic, &asha, "Provenance", &[("target", &format!("DocumentReference/{id}"))]).await;
    assert_eq!(provenances.len(), 1);
    // The patient reads it.
    let chart = chart_of(&clinic, "ana").await;
    assert!(sees(&clinic, &crate::clinic::patient(chart), "DocumentReference", &id).await);
    // A tab that still has the page open is told, and its text goes beside the note.
    let late = clinic.record.save_draft(&asha, "ana", &text(&id, version, "and fever")).await.unwrap();
    let DraftSaved::Signed { note_id } = late else { panic!("signed") };
    let kind = DraftKind::Addendum { note_id };
    let DraftPlace { id: addendum, .. } = clinic.record.new_draft(&asha, "ana", &kind, None).await.unwrap();
    let version = saved(&clinic, &asha, &DraftSave { kind, ..text(&addendum, 0, "and fever") }).await;
    clinic.record.sign_draft(&asha, "ana", &addendum, version, note).await.unwrap();
    let json = json_of(&clinic, "DocumentReference", &addendum).await;
    assert!(json.contains(r#""code":"appends""#) && json.contains(&id));
}

#[tokio::test]
async fn a_crash_between_note_and_draft_neither_loses_nor_signs_twice() {
    let clinic = clinic().await;
    let asha = doctor(&clinic, "asha").await;
    let DraftPlace { id, .. } = place(&clinic, &asha).await;
    saved(&clinic, &asha, &text(&id, 0, "cough")).await;
    // The desk as it was before signing, as a crash between the commit and the removal leaves it.
    let desk = clinic.directory.path().join("desk.db");
    let (before, held) = (clinic.directory.path().join("desk.before"), clinic.directory.path().join("desk.db-wal"));
    let clinic = clinic.restart().await;
    let copies = [(desk.clone(), before.clone()), (held.clone(), before.with_extension("wal"))];
    for (from, to) in copies.iter().filter(|(from, _)| from.exists()) {
        std::fs::copy(from, to).unwrap();
    }
    clinic.record.sign_draft(&asha, "ana", &id, 1, note).await.unwrap();
    let Clinic { record, directory, clock_ms } = clinic;
    record.store().close();
    drop(record);
    for (to, from) in copies.iter() {
        match from.exists() {
            true => drop(std::fs::copy(from, to).unwrap()),
            false => drop(std::fs::remove_file(to)),
        }
    }
    let _ = std::fs::remove_file(desk.with_extension("db-shm"));
    let clinic = Clinic::again(directory, clock_ms).await;
    assert!(clinic.record.drafts(&asha).await.unwrap().is_empty(), "the note counts");
    let again = clinic.record.sign_draft(&asha, "ana", &id, 1, note).await.unwrap();
    assert!(again.was_signed);
    assert_eq!(found(&clinic, &asha, "DocumentReference", &[("patient", "ana")]).await.len(), 1);
    assert_eq!(found(&clinic, &asha, "Provenance", &[("patient", "ana")]).await.len(), 1);
}

#[tokio::test]
async fn a_withheld_note_needs_a_reason_and_the_patient_does_not_see_that_it_is_there() {
    let clinic = clinic().await;
    let asha = doctor(&clinic, "asha").await;
    let DraftPlace { id, .. } = place(&clinic, &asha).await;
    saved(&clinic, &asha, &text(&id, 0, "what the neighbour told in confidence")).await;
    let withheld = |words: &str| {
        let words = words.to_owned();
        move |text: &str| {
            let withheld = Some(Withheld { why: WithheldWhy::Privacy, words });
            Ok(NoteToSign { withheld, ..note(text)? })
        }
    };
    let refused = clinic.record.sign_draft(&asha, "ana", &id, 1, withheld("short")).await;
    assert!(matches!(refused, Err(RecordError::Malformed(_))));
    let words = "a neighbour told it in confidence";
    clinic.record.sign_draft(&asha, "ana", &id, 1, withheld(words)).await.unwrap();
    let ana = crate::clinic::patient(chart_of(&clinic, "ana").await);
    assert!(!sees(&clinic, &ana, "DocumentReference", &id).await);
    assert!(found(&clinic, &ana, "DocumentReference", &[]).await.is_empty());
    assert!(found(&clinic, &ana, "Provenance", &[]).await.is_empty(), "nor that there is a reason");
    assert!(sees(&clinic, &asha, "DocumentReference", &id).await);
    let provenance = found(&clinic, &asha, "Provenance", &[("target", &format!("DocumentReference/{id}"))]).await;
    let (_, provenance_id) = provenance[0].split_once('/').unwrap();
    let json = json_of(&clinic, "Provenance", provenance_id).await;
    assert!(json.contains(words) && json.contains(r#""code":"privacy""#));
    // What is added to it is kept back with it.
    let kind = DraftKind::Addendum { note_id: id.clone() };
    let DraftPlace { id: addendum, .. } = clinic.record.new_draft(&asha, "ana", &kind, None).await.unwrap();
    saved(&clinic, &asha, &DraftSave { kind, ..text(&addendum, 0, "and again") }).await;
    clinic.record.sign_draft(&asha, "ana", &addendum, 1, note).await.unwrap();
    assert!(!sees(&clinic, &ana, "DocumentReference", &addendum).await);
}

#[tokio::test]
async fn openings_and_discards_are_in_the_log_and_a_discard_takes_what_its_author_saw() {
    let clinic = clinic().await;
    let asha = doctor(&clinic, "asha").await;
    let DraftPlace { id, .. } = place(&clinic, &asha).await;
    saved(&clinic, &asha, &text(&id, 0, "cough")).await;
    let said = |event: &audit::Event<'_>| (event.action, event.objects.first().map(|object| object.version));
    assert_eq!(last_event(&clinic, said), (Audited::DraftChange, Some(1)));
    opened(&clinic, &asha, &id).await;
    assert_eq!(last_event(&clinic, said), (Audited::DraftOpen, Some(1)));
    saved(&clinic, &asha, &text(&id, 1, "cough, fever")).await;
    let refused = clinic.record.discard_draft(&asha, "ana", &id, 1).await;
    assert!(matches!(refused, Err(RecordError::PreconditionFailed { held: 2 })));
    clinic.record.discard_draft(&asha, "ana", &id, 2).await.unwrap();
    assert_eq!(last_event(&clinic, said), (Audited::DraftDiscard, Some(2)));
    assert!(matches!(clinic.record.open_draft(&asha, "ana", &id).await, Err(RecordError::NotFound)));
    // A tab that did not hear of it goes on typing: that is kept.
    assert_eq!(saved(&clinic, &asha, &text(&id, 2, "cough, fever, chills")).await, 3);
    assert_eq!(opened(&clinic, &asha, &id).await.current.text.as_str(), "cough, fever, chills");
}

#[tokio::test]
async fn limits_have_names_and_a_patient_who_is_not_there_has_no_drafts() {
    let clinic = clinic().await;
    let asha = doctor(&clinic, "asha").await;
    let DraftPlace { id, .. } = place(&clinic, &asha).await;
    let long = "x".repeat(DRAFT_BYTES_MAX + 1);
    let refused = clinic.record.save_draft(&asha, "ana", &text(&id, 0, &long)).await;
    assert!(matches!(refused, Err(RecordError::TooMany { .. })));
    for patient in ["nobody", "", "a/b"] {
        let refused = clinic.record.new_draft(&asha, patient, &DraftKind::Note, None).await;
        assert!(matches!(refused, Err(RecordError::NotFound)), "{patient}");
    }
    let refused = clinic.record.save_draft(&asha, "ana", &text("made-up", 0, "x")).await;
    assert!(matches!(refused, Err(RecordError::NotFound)));
    // An account that is tied to no practitioner writes, and signs nothing.
    let unknown = Caller::established(CallerParts { user: UserId(904), ..parts(Role::Physician) }).unwrap();
    put(&clinic, "Patient", "new", r#""active":true"#).await;
    let kind = DraftKind::Note;
    let DraftPlace { id, .. } = clinic.record.new_draft(&unknown, "new", &kind, None).await.unwrap();
    clinic.record.save_draft(&unknown, "new", &text(&id, 0, "cough")).await.unwrap();
    let refused = clinic.record.sign_draft(&unknown, "new", &id, 1, note).await;
    assert!(matches!(refused, Err(RecordError::NotSupported(_))));
}

/// Saves of several tabs and people at once, with a restart in between: what was acknowledged is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_once_nothing_that_was_acknowledged_is_lost() {
    let mut clinic = clinic().await;
    let asha = doctor(&clinic, "asha").await;
    let mut drafts = Vec::new();
    for _ in 0..4 {
        drafts.push(place(&clinic, &asha).await.id);
    }
    for round in 0..3u64 {
        let mut tasks = Vec::new();
        for (number, id) in drafts.iter().cloned().enumerate() {
            let (record, asha) = (clinic.record.clone(), asha.clone());
            tasks.push(tokio::spawn(async move {
                let mut last = String::new();
                for turn in 1..=8u64 {
                    let words = format!("round {round}, draft {number}, turn {turn}");
                    let save = DraftSave { tab: number as u64 + 1, turn: round * 100 + turn, ..text(&id, 0, &words) };
                    let answer = record.save_draft(&asha, "ana", &save).await.unwrap();
                    assert!(matches!(answer, DraftSaved::Kept { .. }));
                    last = words;
                }
                last
            }));
        }
        let mut acknowledged = Vec::new();
        for task in tasks {
            acknowledged.push(task.await.unwrap());
        }
        clinic = clinic.restart().await;
        for (id, words) in drafts.iter().zip(&acknowledged) {
            assert_eq!(opened(&clinic, &asha, id).await.current.text.as_str(), words);
        }
    }
}

async fn chart_of(clinic: &Clinic, patient: &str) -> u64 {
    let link = clinic.record.patient_link(&caller(Role::Admin), patient).await.unwrap();
    let ChartNo(chart) = link.chart;
    chart
}
