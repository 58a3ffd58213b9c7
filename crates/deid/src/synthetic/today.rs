//! The running day: how far each visit of today has come by now, so that a demo opens on a clinic at work.

use super::chart::Chart;
use super::day::{Day, Moment};
use super::staff::{self, StaffRef};
use super::terms::{self, Coding, act, icd, participation, sct};
use super::writer::Writer;
use super::{US_CORE, Urn};

/// Half-hour slots from 08:00 to 16:30.
pub(super) const SLOTS: i32 = 18;
pub(super) const SLOT_MINUTES: i32 = 30;
const OPENS: i32 = 8 * 60;
/// The first patients all have something today, so that even a small demo has a full day.
const FIRST_PATIENTS: u32 = 18;
const PERCENT: u32 = 9;
/// Early, late and at night the clinic stands as it does at these times: always somebody has left, waits, and is still to come.
const CLOCK_EARLIEST: i32 = 9 * 60 + 40;
const CLOCK_LATEST: i32 = 13 * 60 + 40;
/// One visit in so many that should be over never began.
const MISSED_EVERY: u32 = 11;

/// How far a visit has come, and since when.
#[derive(Clone, Copy)]
pub(super) enum Stage {
    Ahead,
    Missed,
    Arrived { since: Moment },
    CheckedIn { since: Moment },
    WithClinician { arrived: Moment, since: Moment },
    Seen { arrived: Moment, started: Moment, ended: Moment },
}

/// A visit as its appointment tells it.
pub(super) struct Booked {
    pub at: Moment,
    pub status: &'static str,
    pub video: bool,
    pub stage: Stage,
}

/// Whether this patient comes today. Neighbouring patients get different slots, so that a morning does not pile up on one clinician.
pub(super) fn booked(chart: &mut Chart<'_>) -> Option<Booked> {
    let number = chart.p.number;
    if number > FIRST_PATIENTS && !chart.rng.chance(PERCENT) {
        return None;
    }
    let slot = (number as i32 * 5) % SLOTS;
    let video = chart.rng.chance(40) || number == 2;
    let start = OPENS + slot * SLOT_MINUTES;
    let stage = Stage::of(chart.today, chart.now, start, number);
    Some(Booked { at: chart.today.at(0, start), status: stage.status(), video, stage })
}

impl Stage {
    fn of(today: Day, now: i32, start: i32, number: u32) -> Self {
        let clock = now.clamp(CLOCK_EARLIEST, CLOCK_LATEST);
        // What happened happened before now, at whatever hour now is.
        let at = |minute: i32| today.at(0, 0).later(minute + now - clock);
        let jitter = |span: u32| (number % span) as i32;
        match clock - start {
            40.. if number.is_multiple_of(MISSED_EVERY) => Stage::Missed,
            40.. => Stage::Seen {
                arrived: at(start - 12 + jitter(9)),
                started: at(start + jitter(6)),
                ended: at(start + 22 + jitter(13)),
            },
            5.. => Stage::WithClinician { arrived: at(start - 12 + jitter(9)), since: at(start + jitter(5)) },
            -25.. => Stage::CheckedIn { since: at(clock - 8 - jitter(17)) },
            -50.. => Stage::Arrived { since: at(clock - 2 - jitter(5)) },
            _ => Stage::Ahead,
        }
    }

    fn status(self) -> &'static str {
        match self {
            Stage::Ahead => "booked",
            Stage::Missed => "noshow",
            Stage::Arrived { .. } => "arrived",
            Stage::CheckedIn { .. } | Stage::WithClinician { .. } => "checked-in",
            Stage::Seen { .. } => "fulfilled",
        }
    }

    /// From arriving to leaving.
    pub(super) fn patients_period(self) -> Option<(Moment, Option<Moment>)> {
        match self {
            Stage::Ahead | Stage::Missed => None,
            Stage::Arrived { since } | Stage::CheckedIn { since } => Some((since, None)),
            Stage::WithClinician { arrived, .. } => Some((arrived, None)),
            Stage::Seen { arrived, ended, .. } => Some((arrived, Some(ended))),
        }
    }

    pub(super) fn clinicians_period(self) -> Option<(Moment, Option<Moment>)> {
        match self {
            Stage::WithClinician { since, .. } => Some((since, None)),
            Stage::Seen { started, ended, .. } => Some((started, Some(ended))),
            _ => None,
        }
    }
}

/// The encounter of a visit that has begun; what comes of it is still to be written.
pub(super) fn encounter(chart: &mut Chart<'_>, booked: &Booked, appointment: Urn, reason: Coding) {
    let Some((started, ended)) = booked.stage.clinicians_period() else { return };
    let (subject, doctor) = (chart.subject, chart.p.doctor);
    let (class, kind, place) = match booked.video {
        true => (act("VR", "virtual"), VIDEO, staff::PLACE_VIRTUAL),
        false => (act("AMB", "ambulatory"), OFFICE, staff::PLACE_MAIN),
    };
    let number = format!("E{:010}", chart.rng.next() % 10_000_000_000);
    chart.add("Encounter", |w| {
        w.profile(&format!("{US_CORE}us-core-encounter"));
        w.identifier(terms::ID_ENCOUNTER, number);
        w.text("status", if ended.is_some() { "finished" } else { "in-progress" });
        w.object("class", |w| w.coding_body(&class));
        w.concepts("type", &kind);
        w.reference("subject", subject);
        w.one("participant", |w| {
            w.concepts("type", &participation("PPRF", "primary performer"));
            w.period("period", started, ended);
            w.reference("individual", StaffRef(doctor));
        });
        w.references("appointment", &[appointment]);
        w.period("period", started, ended);
        w.concepts("reasonCode", &reason);
        w.one("location", |w| w.reference("location", staff::location_ref(place)));
        w.reference("serviceProvider", staff::organization_ref(staff::CLINIC_ID));
    });
}

pub(super) const VIDEO: Coding = sct("448337001", "Telemedicine consultation with patient (procedure)");
pub(super) const OFFICE: Coding = sct("185349003", "Encounter for check up (procedure)");

/// What an appointment of this patient is about.
pub(super) fn reason(chart: &Chart<'_>) -> Coding {
    use super::stories::Setting;
    let lead = chart.p.stories[0];
    match lead.setting {
        Setting::Well | Setting::WellChild => icd(lead.condition[1].code, lead.condition[1].display),
        _ => lead.condition[0],
    }
}

/// Someone to interpret, asked for and, for some, found.
pub(super) fn interpreter(w: &mut Writer, language: &str, is_found: bool) {
    w.item(|w| {
        let translator =
            terms::coding("http://terminology.hl7.org/CodeSystem/participant-type", "translator", "Translator");
        w.one("type", |w| {
            w.array("coding", |w| w.item(|w| w.coding_body(&translator)));
            w.plain("text", format_args!("Interpreter, {language}"));
        });
        w.text("required", "required");
        w.text("status", if is_found { "accepted" } else { "needs-action" });
    });
}
