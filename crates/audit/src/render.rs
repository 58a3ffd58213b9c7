//! An event as a FHIR R4 AuditEvent after the IHE Basic Audit Log Patterns 1.1.3 (profiles.ihe.net/ITI/BALP).
//! A profile is claimed only when the event meets it: success, a known client address, one datum, one patient.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::LeafIndex;
use crate::event::{Action, Event, Object, Outcome};
use crate::render_json::Json;

/// The server that recorded the event.
#[derive(Debug, Clone, Copy)]
pub struct Recorder<'a> {
    /// The organization's host name.
    pub site: &'a str,
    /// The FHIR base address.
    pub base_url: &'a str,
}

/// What the caller turns into a literal reference (`Observation/abc`, `Patient/xyz`); none leaves the opaque number.
#[derive(Clone, Copy)]
pub enum Named<'a> {
    Row(&'a Object),
    Chart(u64),
}

/// The AuditEvent as JSON. `chart` narrows it to one patient (BALP wants one AuditEvent for each); its id then ends in the
/// patient's place among the charts of the event.
pub fn render(
    event: &Event<'_>,
    leaf_index: LeafIndex,
    chart: Option<u64>,
    recorder: Recorder<'_>,
    resolve: &dyn Fn(Named<'_>) -> Option<String>,
) -> String {
    let mut charts: Vec<u64> = event.objects.iter().map(|object| object.chart).filter(|chart| *chart != 0).collect();
    charts.sort_unstable();
    charts.dedup();
    let mut id = leaf_index.to_string();
    if let Some(chart) = chart {
        if let Ok(place) = charts.binary_search(&chart) {
            id.push_str(&format!("-{place}"));
        }
        charts.retain(|held| *held == chart);
    }
    let objects: Vec<&Object> =
        event.objects.iter().filter(|object| chart.is_none_or(|chart| chart == object.chart)).collect();

    let kind = Kind::of(event.action);
    let mut json = Json::with_capacity(1536 + 160 * objects.len());
    json.open_object();
    json.text("resourceType", "AuditEvent");
    json.text("id", &id);
    if let Some(profile) = profile(event, objects.len(), charts.len()) {
        json.open_named("meta", '{');
        json.open_named("profile", '[');
        json.item(&format!("https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.{profile}"));
        json.close(']');
        json.close('}');
    }
    json.coding_named("type", kind.type_system, kind.type_code);
    if let Some((system, code)) = kind.subtype {
        json.open_named("subtype", '[');
        json.coding(system, code);
        json.close(']');
    }
    json.text("action", kind.action);
    json.text("recorded", &instant(event.time_ms));
    match event.outcome {
        Outcome::Success => json.text("outcome", "0"),
        Outcome::Denied { policy } => {
            json.text("outcome", "4");
            let by = if policy.is_empty() { "denied: nothing permits it" } else { "denied by policy " };
            json.text("outcomeDesc", &format!("{by}{policy}"));
        }
        Outcome::Failed { code } => {
            json.text("outcome", "8");
            json.text("outcomeDesc", &format!("failed with code {code}"));
        }
    }
    json.open_named("purposeOfEvent", '[');
    json.concept("http://terminology.hl7.org/CodeSystem/v3-ActReason", event.purpose.code());
    json.close(']');
    agents(&mut json, event, &kind, recorder);
    json.open_named("source", '{');
    json.text("site", recorder.site);
    json.open_named("observer", '{');
    json.text("display", recorder.site);
    json.close('}');
    json.open_named("type", '[');
    json.coding("http://terminology.hl7.org/CodeSystem/security-source-type", "4");
    json.close(']');
    json.close('}');
    entities(&mut json, event, &objects, &charts, resolve);
    json.close('}');
    json.finish()
}

const REST: &str = "http://terminology.hl7.org/CodeSystem/audit-event-type";
const INTERACTION: &str = "http://hl7.org/fhir/restful-interaction";
const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const LIFECYCLE: &str = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const ENTITY_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";

/// How an action is coded. In reads the data flows from the server, in everything else (as DICOM has it) from the client.
struct Kind {
    type_system: &'static str,
    type_code: &'static str,
    subtype: Option<(&'static str, &'static str)>,
    action: &'static str,
}

impl Kind {
    fn of(action: Action) -> Kind {
        let rest =
            |code, action| Kind { type_system: REST, type_code: "rest", subtype: Some((INTERACTION, code)), action };
        let dicom = |type_code, subtype: Option<&'static str>| Kind {
            type_system: DCM,
            type_code,
            subtype: subtype.map(|code| (DCM, code)),
            action: "E",
        };
        let lifecycle =
            |type_code, code, action| Kind { type_system: DCM, type_code, subtype: Some((LIFECYCLE, code)), action };
        match action {
            Action::Read => rest("read", "R"),
            Action::VRead => rest("vread", "R"),
            Action::History => rest("history-instance", "R"),
            Action::Search => rest("search-type", "E"),
            Action::Create => rest("create", "C"),
            Action::Update => rest("update", "U"),
            Action::Patch => rest("patch", "U"),
            Action::Delete => rest("delete", "D"),
            // A note that is being written is not yet a resource: no interaction of FHIR's is claimed for it.
            Action::DraftOpen => lifecycle("110103", "access", "R"),
            Action::DraftChange => lifecycle("110103", "amend", "U"),
            Action::DraftDiscard => lifecycle("110103", "destroy", "D"),
            Action::Everything => rest("operation", "E"),
            Action::Capabilities => rest("capabilities", "R"),
            Action::Transaction => rest("transaction", "E"),
            Action::Export => dicom("110106", None),
            Action::Import => dicom("110107", None),
            Action::SignIn | Action::StepUp => dicom("110114", Some("110122")),
            Action::SignOut | Action::SessionEnd => dicom("110114", Some("110123")),
            Action::CookieReplay => dicom("110113", Some("110126")),
            Action::LabelChange => dicom("110113", Some("110135")),
            Action::BreakGlass => dicom("110113", Some("110127")),
            Action::RoleChange => dicom("110113", Some("110136")),
            Action::AccountChange | Action::ConsentChange | Action::DeviceChange | Action::TokenChange => {
                dicom("110113", Some("110137"))
            }
            Action::PolicyChange | Action::Configure | Action::AgreementChange => dicom("110113", Some("110131")),
            Action::Noise => dicom("110113", Some("110132")),
            Action::Start | Action::LogBirth => dicom("110100", Some("110120")),
            Action::Stop | Action::LogRetired => dicom("110100", Some("110121")),
            Action::Backup => lifecycle("110100", "archive", "E"),
            Action::Restore => lifecycle("110100", "restore", "E"),
            Action::Merge => lifecycle("110100", "merge", "U"),
            Action::Unmerge => lifecycle("110100", "unmerge", "U"),
            Action::Visit => lifecycle("110100", "visit", "E"),
            Action::Reseal => lifecycle("110100", "encrypt", "U"),
            Action::Erase => lifecycle("110105", "destroy", "D"),
            Action::KeyEvent => dicom("110113", Some("110138")),
            Action::AlertChange => dicom("110113", None),
            Action::Verify | Action::AuditRead | Action::AlertRead | Action::AgreementRead | Action::Explain => {
                dicom("110101", None)
            }
            // What leaves for somebody else's machine, or was kept from it.
            Action::Outward => dicom("110106", None),
            Action::Heartbeat => dicom("110100", None),
        }
    }
}

fn profile(event: &Event<'_>, objects: usize, charts: usize) -> Option<&'static str> {
    let is_plain = event.outcome == Outcome::Success && event.whence.address.is_some() && charts <= 1;
    let (plain, of_patient) = match event.action {
        Action::Read | Action::VRead => ("Read", "PatientRead"),
        Action::Create => ("Create", "PatientCreate"),
        Action::Update | Action::Patch => ("Update", "PatientUpdate"),
        Action::Delete => ("Delete", "PatientDelete"),
        Action::Search if event.search.is_some() => ("Query", "PatientQuery"),
        _ => return None,
    };
    let fits = is_plain && (event.action == Action::Search || objects == 1);
    fits.then_some(if charts == 1 { of_patient } else { plain })
}

fn agents(json: &mut Json, event: &Event<'_>, kind: &Kind, recorder: Recorder<'_>) {
    // Source Role ID and Destination Role ID.
    let (client, server) = match (event.action, kind.action) {
        (Action::Delete, _) => {
            ((DCM, "110150"), ("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "custodian"))
        }
        (_, "R") => ((DCM, "110152"), (DCM, "110153")),
        _ => ((DCM, "110153"), (DCM, "110152")),
    };
    let user_type = match kind.action {
        "C" | "U" => "AUT",
        "D" => "CST",
        _ => "IRCP",
    };
    json.open_named("agent", '[');

    json.open_object();
    json.concept_named("type", PARTICIPATION, user_type);
    if !event.who.role.is_empty() {
        json.open_named("role", '[');
        json.open_object();
        json.text("text", event.who.role);
        json.close('}');
        json.close(']');
    }
    json.identifier_named("who", "urn:wardstone:user", event.who.user);
    if let Some(session) = event.who.session {
        json.text("altId", session);
    }
    json.raw("requestor", "true");
    json.open_named("purposeOfUse", '[');
    json.concept("http://terminology.hl7.org/CodeSystem/v3-ActReason", event.purpose.code());
    json.close(']');
    json.close('}');

    if let Some(principal) = event.who.on_behalf_of {
        json.open_object();
        json.concept_named("type", PARTICIPATION, "RESP");
        json.identifier_named("who", "urn:wardstone:user", principal);
        json.raw("requestor", "false");
        json.close('}');
    }

    if event.whence.address.is_some() || event.whence.device.is_some() {
        json.open_object();
        json.concept_named("type", client.0, client.1);
        match event.whence.device {
            Some(device) => json.identifier_named("who", "urn:wardstone:device", device),
            None => {
                json.open_named("who", '{');
                json.text("display", "unknown device");
                json.close('}');
            }
        }
        if let Some(agent) = event.whence.user_agent {
            json.text("name", agent);
        }
        json.raw("requestor", "false");
        if let Some(address) = event.whence.address {
            json.network(&address.to_string(), "2");
        }
        json.close('}');
    }

    json.open_object();
    json.concept_named("type", server.0, server.1);
    json.open_named("who", '{');
    json.text("display", recorder.site);
    json.close('}');
    json.raw("requestor", "false");
    json.network(recorder.base_url, "5");
    json.close('}');
    json.close(']');
}

fn entities(
    json: &mut Json,
    event: &Event<'_>,
    objects: &[&Object],
    charts: &[u64],
    resolve: &dyn Fn(Named<'_>) -> Option<String>,
) {
    let details: Vec<(&str, String)> = [
        ("count", event.count.map(|count| count.to_string())),
        ("view", event.view.map(str::to_owned)),
        ("break-glass-reason", event.break_glass.map(str::to_owned)),
        ("country", event.whence.country.map(|country| String::from_utf8_lossy(&country).into_owned())),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.filter(|value| !value.is_empty()).map(|value| (name, value)))
    .collect();
    let has_any = !objects.is_empty()
        || event.search.is_some()
        || event.whence.request_id.is_some()
        || event.subject.is_some()
        || !details.is_empty();
    if !has_any {
        return;
    }
    json.open_named("entity", '[');
    for chart in charts {
        json.open_object();
        json.reference_named("what", resolve(Named::Chart(*chart)), "urn:wardstone:chart", *chart);
        json.coding_named("type", ENTITY_TYPE, "1");
        json.coding_named("role", ENTITY_ROLE, "1");
        json.close('}');
    }
    for object in objects {
        json.open_object();
        json.reference_named("what", resolve(Named::Row(object)), "urn:wardstone:row", object.row);
        json.coding_named("type", ENTITY_TYPE, "2");
        json.coding_named("role", ENTITY_ROLE, "4");
        json.open_named("detail", '[');
        json.detail("version", &object.version.to_string());
        if object.part != 0 {
            json.detail("part", &object.part.to_string());
        }
        json.close(']');
        json.close('}');
    }
    if let Some(search) = event.search {
        json.open_object();
        json.coding_named("type", ENTITY_TYPE, "2");
        json.coding_named("role", ENTITY_ROLE, "24");
        json.text("query", &BASE64.encode(search.query));
        json.close('}');
    }
    if let Some(request_id) = event.whence.request_id {
        json.open_object();
        json.identifier_named("what", "", request_id);
        json.coding_named("type", "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", "XrequestId");
        json.close('}');
    }
    if event.subject.is_some() || !details.is_empty() {
        json.open_object();
        if let Some(subject) = event.subject {
            json.identifier_named("what", "urn:wardstone:subject", subject);
        }
        json.coding_named("type", ENTITY_TYPE, "4");
        if !details.is_empty() {
            json.open_named("detail", '[');
            for (name, value) in &details {
                json.detail(name, value);
            }
            json.close(']');
        }
        json.close('}');
    }
    json.close(']');
}

/// Milliseconds since 1970 as a FHIR instant in UTC.
fn instant(time_ms: u64) -> String {
    let (days, ms) = ((time_ms / 86_400_000) as i64, time_ms % 86_400_000);
    let (year, month, day) = crate::calendar::date_of_day(days);
    let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
    let (second, ms) = (ms / 1000 % 60, ms % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}
