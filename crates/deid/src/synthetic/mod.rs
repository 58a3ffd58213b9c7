//! Synthetic patients for `wardstone demo`: coherent charts as FHIR R4 transactions shaped by US Core 6.1.0.
//!
//! Everything follows from the seed and the day given; nothing here reads a clock, a file or a real record. The same
//! plan gives the same bytes on every platform until [`GENERATOR_VERSION`] changes. Phones are 555-01xx, e-mail is at
//! example.com and example.org, social security numbers are of areas 000 and 900–999, NPIs start with 9: none was
//! ever issued.

mod admin;
mod body;
mod chart;
mod clinical;
mod day;
mod drugs;
mod episodes;
mod forms;
mod labs;
mod names;
mod notes;
mod observe;
mod person;
mod rng;
mod staff;
mod stories;
mod terms;
mod today;
mod visits;
mod worklist;
mod writer;

use std::fmt;

use jiff::civil::{Date, Time};

use rng::Rng;
use writer::Writer;

/// Part of every random stream: raise it whenever the output for a given plan changes.
pub const GENERATOR_VERSION: u32 = 3;

/// Where the clinic is, as its addresses say: Phoenix, which keeps UTC−7 all year.
pub const ZONE: &str = "America/Phoenix";

const US_CORE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/";

#[derive(Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    pub patients: u32,
    /// The clinic's local date: no past event lies after it, and some appointments lie on it.
    pub today: Date,
    /// The clinic's local time: says how far today's appointments have come.
    pub now: Time,
}

/// One FHIR R4 transaction Bundle.
pub struct Bundle {
    pub json: String,
    /// Number of entries.
    pub resources: usize,
}

pub struct DemoUser {
    /// Short and speakable, lower-case ASCII.
    pub username: String,
    pub name: String,
    /// The name of a role; there is somebody of each but `integration`.
    pub role: &'static str,
    /// Index of the Practitioner's entry in the staff bundle.
    pub practitioner: Option<usize>,
    /// Patient number, counted from 1 in the order of [`Clinic::patient_bundles`]; the Patient is that bundle's entry
    /// 0.
    pub patient: Option<u32>,
    /// The patient whom this user stands for, as a proxy.
    pub stands_for: Option<u32>,
}

/// A clinic that is generated as it is read: no more than one patient is held at a time.
#[derive(Clone, Copy)]
pub struct Clinic {
    plan: Plan,
}

pub fn generate(plan: &Plan) -> Clinic {
    Clinic { plan: *plan }
}

impl Clinic {
    /// Organizations, places, practitioners and their roles. Post it first: patients refer to it by identifier.
    pub fn staff_bundle(&self) -> Bundle {
        staff::bundle(&self.plan)
    }

    pub fn patient_bundles(&self) -> impl ExactSizeIterator<Item = Bundle> + use<> {
        let clinic = *self;
        // `0..n` has a known length; patient numbers start at 1.
        (0..self.plan.patients as usize).map(move |i| clinic.patient_bundle(i as u32 + 1))
    }

    /// Patient `number`, from 1; the same whatever the size of the clinic.
    pub fn patient_bundle(&self, number: u32) -> Bundle {
        chart::bundle(&self.plan, number.max(1))
    }

    /// System and value of the medical record number of patient `number`.
    pub fn medical_record_number(&self, number: u32) -> (&'static str, String) {
        (terms::ID_MRN, admin::medical_record_number(number))
    }

    pub fn demo_users(&self) -> Vec<DemoUser> {
        staff::demo_users(self.plan.seed, self.plan.patients)
    }
}

/// A version 4 shaped UUID from the patient's own stream; displays as `urn:uuid:…`.
#[derive(Clone, Copy)]
struct Urn(u128);

impl Urn {
    fn draw(rng: &mut Rng) -> Self {
        let bits = u128::from(rng.next()) << 64 | u128::from(rng.next());
        Urn(bits & !(0xF000 << 64) & !(0b11 << 62) | (0x4000 << 64) | (0b10 << 62))
    }
}

impl Urn {
    /// Without what says that it is one.
    fn id(self) -> String {
        self.to_string().trim_start_matches("urn:uuid:").to_owned()
    }
}

impl fmt::Display for Urn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        write!(f, "urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

fn open_bundle() -> Writer {
    let mut w = Writer::default();
    w.out.reserve(160 * 1024);
    w.out.push_str(r#"{"resourceType":"Bundle","type":"transaction","entry":["#);
    w
}

fn entry(w: &mut Writer, urn: Urn, kind: &str, body: impl FnOnce(&mut Writer)) {
    asked(w, urn, kind, ("POST", kind), body);
}

/// Under an id of its own, so that others can be named after it.
fn entry_as(w: &mut Writer, urn: Urn, kind: &str, id: &str, body: impl FnOnce(&mut Writer)) {
    let url = format!("{kind}/{id}");
    asked(w, urn, kind, ("PUT", &url), |w| {
        w.text("id", id);
        body(w);
    });
}

fn asked(w: &mut Writer, urn: Urn, kind: &str, (method, url): (&str, &str), body: impl FnOnce(&mut Writer)) {
    w.entries += 1;
    w.item(|w| {
        w.plain("fullUrl", urn);
        w.object("resource", |w| {
            w.text("resourceType", kind);
            body(w);
        });
        w.object("request", |w| {
            w.text("method", method);
            w.text("url", url);
        });
    });
}

fn close_bundle(mut w: Writer) -> Bundle {
    w.out.push_str("]}");
    Bundle { json: w.out, resources: w.entries }
}
