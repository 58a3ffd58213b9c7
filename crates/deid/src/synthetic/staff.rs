//! The demo clinic itself: its organization, places, people and their roles, and who may sign in.

use super::day::Day;
use super::rng::Rng;
use super::terms::{self, Coding, coding, sct};
use super::writer::Writer;
use super::{Bundle, DemoUser, Plan, US_CORE, Urn, forms, worklist};

/// Where the staff's and the patients' random lanes part.
const STAFF_LANE: u64 = u64::MAX;

pub(super) const CLINIC: &str = "Saguaro Lantern Family Health";
/// Values of [`terms::ID_ORGANIZATION`] and [`terms::ID_LOCATION`].
pub(super) const CLINIC_ID: &str = "clinic";
pub(super) const PAYERS: [(&str, &str); 4] = [
    ("payer-lantern", "Lantern Mutual Health Plan"),
    ("payer-copper", "Copper State Demonstration PPO"),
    ("payer-medicare", "Demonstration Medicare"),
    ("payer-medicaid", "Demonstration Medicaid"),
];
pub(super) const PLACE_MAIN: &str = "main-campus";
pub(super) const PLACE_LAB: &str = "laboratory";
pub(super) const PLACE_VIRTUAL: &str = "telehealth";
const PLACES: [(&str, &str, Coding); 3] = [
    (PLACE_MAIN, "Saguaro Lantern Main Campus", terms::coding(ROLE_CODE, "OF", "Outpatient facility")),
    (PLACE_LAB, "Saguaro Lantern Laboratory", terms::coding(ROLE_CODE, "OF", "Outpatient facility")),
    (PLACE_VIRTUAL, "Saguaro Lantern Telehealth", terms::coding(ROLE_CODE, "OF", "Outpatient facility")),
];
const ROLE_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
/// Ten digits starting with 9; real NPIs start with 1 or 2.
const NPI_BASE: u64 = 999_000_100;

pub(super) struct Member {
    /// Value of [`terms::ID_STAFF`] and the user name.
    pub(super) id: &'static str,
    pub(super) given: &'static str,
    pub(super) family: &'static str,
    pub(super) suffix: &'static str,
    gender: &'static str,
    taxonomy: Coding,
    /// The SNOMED CT occupation for care teams.
    pub(super) occupation: Coding,
}

impl Member {
    /// As in "Asha Rao, MD".
    pub(super) fn display(&self) -> String {
        format!("{} {}, {}", self.given, self.family, self.suffix)
    }
}

const fn member(
    id: &'static str,
    given: &'static str,
    family: &'static str,
    suffix: &'static str,
    gender: &'static str,
    taxonomy: (&'static str, &'static str),
    occupation: Coding,
) -> Member {
    Member { id, given, family, suffix, gender, taxonomy: coding(terms::NUCC, taxonomy.0, taxonomy.1), occupation }
}

const PCP: Coding = sct("453231000124104", "Primary care provider");
const NURSE: Coding = sct("224535009", "Registered nurse");

pub(super) const FAMILY_DOCTOR: usize = 0;
pub(super) const INTERNIST: usize = 1;
pub(super) const PEDIATRICIAN: usize = 2;
pub(super) const OBSTETRICIAN: usize = 3;
pub(super) const PSYCHOTHERAPIST: usize = 4;
pub(super) const NURSE_FIRST: usize = 5;
pub(super) const NURSE_SECOND: usize = 6;
const PHARMACIST: usize = 7;
const MEDICAL_ASSISTANT: usize = 9;
const CMA: Coding = coding("http://terminology.hl7.org/CodeSystem/v2-2.7-0360", "CMA", "Certified Medical Assistant");

pub(super) static STAFF: [Member; 10] = [
    member("asha.rao", "Asha", "Rao", "MD", "female", ("207Q00000X", "Family Medicine Physician"), PCP),
    member("daniel.osei", "Daniel", "Osei", "MD", "male", ("207R00000X", "Internal Medicine Physician"), PCP),
    member("mei.tanaka", "Mei", "Tanaka", "MD", "female", ("208000000X", "Pediatrics Physician"), PCP),
    member(
        "lucia.ferrer",
        "Lucia",
        "Ferrer",
        "MD",
        "female",
        ("207V00000X", "Obstetrics & Gynecology Physician"),
        sct("11935004", "Obstetrician"),
    ),
    member(
        "samuel.white",
        "Samuel",
        "White",
        "PhD",
        "male",
        ("103TC0700X", "Clinical Psychologist"),
        sct("59944000", "Psychologist"),
    ),
    member("nora.lind", "Nora", "Lind", "RN", "female", ("163W00000X", "Registered Nurse"), NURSE),
    member("tomas.vega", "Tomas", "Vega", "RN", "male", ("163W00000X", "Registered Nurse"), NURSE),
    member(
        "ruth.adler",
        "Ruth",
        "Adler",
        "PharmD",
        "female",
        ("183500000X", "Pharmacist"),
        sct("46255001", "Pharmacist"),
    ),
    member(
        "ines.duarte",
        "Ines",
        "Duarte",
        "MD",
        "female",
        ("2084P0800X", "Psychiatry Physician"),
        sct("80584001", "Psychiatrist"),
    ),
    Member {
        id: "leo.brandt",
        given: "Leo",
        family: "Brandt",
        suffix: "CMA",
        gender: "male",
        taxonomy: CMA,
        occupation: CMA,
    },
];

/// Who brings in whose patients: also those who come for the first time, whom no care team names yet. The first nurse not those of the
/// internist, of whom are most whose chart is the care team's alone.
const WORKING: [(usize, &[usize]); 3] = [
    (NURSE_FIRST, &[FAMILY_DOCTOR]),
    (NURSE_SECOND, &[INTERNIST, PEDIATRICIAN, OBSTETRICIAN]),
    (MEDICAL_ASSISTANT, &[FAMILY_DOCTOR, INTERNIST, PEDIATRICIAN, OBSTETRICIAN]),
];

/// One patient in so many is the care team's alone, and of who works with their doctor: whoever else opens that chart breaks the glass.
const ALONE_EVERY: u32 = 12;

/// Who stands in for doctor and nurse on nearly every care team, brings the patients in and advises on medicines, as in a small clinic.
pub(super) fn stand_ins(number: u32) -> &'static [usize] {
    match number.is_multiple_of(ALONE_EVERY) {
        true => &[],
        false => &[FAMILY_DOCTOR, INTERNIST, NURSE_FIRST, PHARMACIST, MEDICAL_ASSISTANT],
    }
}

/// A conditional reference that resolves once the staff bundle has been posted.
pub(super) struct StaffRef(pub(super) usize);

impl std::fmt::Display for StaffRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Practitioner?identifier={}|{}", terms::ID_STAFF, STAFF[self.0].id)
    }
}

pub(super) fn organization_ref(id: &str) -> String {
    format!("Organization?identifier={}|{id}", terms::ID_ORGANIZATION)
}

pub(super) fn location_ref(id: &str) -> String {
    format!("Location?identifier={}|{id}", terms::ID_LOCATION)
}

struct Roster {
    w: Writer,
    rng: Rng,
}

impl Roster {
    fn add(&mut self, kind: &str, body: impl FnOnce(&mut Writer)) -> Urn {
        let urn = Urn::draw(&mut self.rng);
        super::entry(&mut self.w, urn, kind, body);
        urn
    }
}

/// One transaction: clinic, payers, places, people, roles, schedules and services.
pub(super) fn bundle(plan: &Plan) -> Bundle {
    let mut roster = Roster { w: super::open_bundle(), rng: Rng::new(plan.seed, STAFF_LANE) };
    // Practitioners come first, so that entry n of the bundle is member n of the staff.
    let people: Vec<Urn> = (0..STAFF.len()).map(|i| practitioner(&mut roster, i)).collect();
    let clinic = organization(&mut roster, CLINIC_ID, CLINIC, "prov", "Healthcare Provider", 0);
    for (i, (id, name)) in PAYERS.iter().enumerate() {
        organization(&mut roster, id, name, "pay", "Payer", i + 1);
    }
    let places: Vec<Urn> = (0..PLACES.len()).map(|i| place(&mut roster, i, clinic)).collect();
    for (i, person) in people.iter().enumerate() {
        role(&mut roster, i, *person, clinic, places[0], Day::from_date(plan.today));
        if i <= PSYCHOTHERAPIST {
            schedule(&mut roster, i, *person, places[0]);
        }
    }
    service(&mut roster, "primary-care", "Primary care", clinic, &[places[0], places[2]]);
    service(&mut roster, "laboratory", "Laboratory", clinic, &[places[1]]);
    let (absent, by) = (people[PEDIATRICIAN], people[FAMILY_DOCTOR]);
    roster.add("PractitionerRole", |w| worklist::cover(w, absent, by, Day::from_date(plan.today)));
    for (by, whose) in WORKING.iter().flat_map(|(by, all)| all.iter().map(move |whose| (*by, *whose))) {
        let name = format!("{}.{}", STAFF[by].id, STAFF[whose].id);
        let (whose, by) = (people[whose], people[by]);
        roster.add("PractitionerRole", |w| worklist::works_with(w, &name, whose, by, Day::from_date(plan.today)));
    }
    forms::all(|members| {
        roster.add("Questionnaire", members);
    });
    super::close_bundle(roster.w)
}

fn practitioner(roster: &mut Roster, i: usize) -> Urn {
    let m = &STAFF[i];
    roster.add("Practitioner", |w| {
        w.profile(&format!("{US_CORE}us-core-practitioner"));
        w.array("identifier", |w| {
            for (system, value) in [(terms::ID_STAFF, m.id.to_string()), (terms::NPI, npi(NPI_BASE + i as u64))] {
                w.item(|w| {
                    w.text("system", system);
                    w.text("value", &value);
                });
            }
        });
        w.raw("active", true);
        w.one("name", |w| {
            w.text("use", "official");
            w.text("family", m.family);
            w.array("given", |w| w.text_item(m.given));
            w.array("suffix", |w| w.text_item(m.suffix));
        });
        w.array("telecom", |w| {
            telecom(w, "phone", &format!("602-555-01{:02}", 10 + i), "work");
            telecom(w, "email", &format!("{}@wardstone.example", m.id), "work");
        });
        address(w);
        w.text("gender", m.gender);
        w.one("qualification", |w| {
            w.one("extension", licensed);
            w.concept("code", &[m.taxonomy], m.taxonomy.display);
        });
    })
}

/// In force where the clinic is (HL7 Da Vinci PDEX Plan-Net, practitioner-qualification).
fn licensed(w: &mut Writer) {
    w.text("url", "http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition/practitioner-qualification");
    w.array("extension", |w| {
        w.item(|w| {
            w.text("url", "status");
            w.text("valueCode", "active");
        });
        w.item(|w| {
            w.text("url", "whereValid");
            w.concept("valueCodeableConcept", &[coding("https://www.usps.com/", "AZ", "Arizona")], "Arizona");
        });
    });
}

fn telecom(w: &mut Writer, system: &str, value: &str, use_: &str) {
    w.item(|w| {
        w.text("system", system);
        w.text("value", value);
        w.text("use", use_);
    });
}

fn address(w: &mut Writer) {
    w.one("address", address_body);
}

fn address_body(w: &mut Writer) {
    w.text("use", "work");
    w.array("line", |w| w.text_item("1200 Saguaro Lantern Parkway"));
    w.text("city", "Phoenix");
    w.text("state", "AZ");
    w.text("postalCode", "85016");
    w.text("country", "US");
}

fn organization(roster: &mut Roster, id: &str, name: &str, kind: &'static str, label: &'static str, n: usize) -> Urn {
    roster.add("Organization", |w| {
        w.profile(&format!("{US_CORE}us-core-organization"));
        w.array("identifier", |w| {
            let mut pair = |system: &str, value: &str| {
                w.item(|w| {
                    w.text("system", system);
                    w.text("value", value);
                });
            };
            pair(terms::ID_ORGANIZATION, id);
            if n == 0 {
                pair(terms::NPI, &npi(NPI_BASE + 90));
            }
        });
        w.raw("active", true);
        w.concepts("type", &coding("http://terminology.hl7.org/CodeSystem/organization-type", kind, label));
        w.text("name", name);
        w.array("telecom", |w| telecom(w, "phone", &format!("602-555-01{:02}", 90 + n), "work"));
        address(w);
    })
}

fn place(roster: &mut Roster, i: usize, clinic: Urn) -> Urn {
    let (id, name, kind) = &PLACES[i];
    roster.add("Location", |w| {
        w.profile(&format!("{US_CORE}us-core-location"));
        w.identifier(terms::ID_LOCATION, id);
        w.text("status", "active");
        w.text("name", name);
        w.text("mode", "instance");
        w.concepts("type", kind);
        w.array("telecom", |w| telecom(w, "phone", &format!("602-555-01{:02}", 80 + i), "work"));
        w.object("address", address_body);
        w.reference("managingOrganization", clinic);
    })
}

fn role(roster: &mut Roster, i: usize, person: Urn, clinic: Urn, place: Urn, today: Day) {
    let m = &STAFF[i];
    roster.add("PractitionerRole", |w| {
        w.profile(&format!("{US_CORE}us-core-practitionerrole"));
        w.identifier(terms::ID_ROLE, m.id);
        w.raw("active", true);
        w.reference("practitioner", person);
        w.reference("organization", clinic);
        w.concepts("code", &m.occupation);
        w.concepts("specialty", &m.taxonomy);
        w.references("location", &[place]);
        w.array("telecom", |w| telecom(w, "phone", &format!("602-555-01{:02}", 10 + i), "work"));
        match i {
            FAMILY_DOCTOR => w.one("notAvailable", |w| {
                w.text("description", "Conference");
                w.period("during", today.plus(12), Some(today.plus(13)));
            }),
            PSYCHOTHERAPIST => w.one("availableTime", |w| {
                w.array("daysOfWeek", |w| ["mon", "tue", "wed", "thu"].iter().for_each(|day| w.text_item(day)));
                w.text("availableStartTime", "08:00:00");
                w.text("availableEndTime", "16:00:00");
            }),
            _ => {}
        }
    });
}

fn schedule(roster: &mut Roster, i: usize, person: Urn, place: Urn) {
    let m = &STAFF[i];
    roster.add("Schedule", |w| {
        w.identifier(terms::ID_SCHEDULE, m.id);
        w.raw("active", true);
        w.concepts("specialty", &m.taxonomy);
        w.references("actor", &[person, place]);
        w.text("comment", "Monday to Friday, 08:00 to 17:00");
    });
}

fn service(roster: &mut Roster, id: &str, name: &str, clinic: Urn, places: &[Urn]) {
    roster.add("HealthcareService", |w| {
        w.identifier(terms::ID_SERVICE, id);
        w.raw("active", true);
        w.reference("providedBy", clinic);
        w.references("location", places);
        w.text("name", name);
    });
}

/// Nine digits and the check digit: Luhn over the number prefixed with 80840 (CMS, NPI check digit calculation).
fn npi(nine: u64) -> String {
    let digits = format!("80840{nine:09}");
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let d = u32::from(b - b'0') * if i % 2 == 0 { 2 } else { 1 };
            d / 10 + d % 10
        })
        .sum();
    format!("{nine:09}{}", (10 - sum % 10) % 10)
}

/// Everyone who can sign in to the demo; `patients` says how many patients there are to be one of.
pub(super) fn demo_users(seed: u64, patients: u32) -> Vec<DemoUser> {
    let staff = |username: &str, role: &'static str| DemoUser {
        username: username.to_string(),
        name: String::new(),
        role,
        practitioner: STAFF.iter().position(|m| m.id == username),
        patient: None,
        stands_for: None,
    };
    let mut users = vec![
        staff("asha.rao", "physician"),
        staff("daniel.osei", "physician"),
        staff("mei.tanaka", "physician"),
        staff("samuel.white", "physician"),
        staff("nora.lind", "nurse"),
        staff("ben.ortiz", "billing"),
        staff("fay.kim", "front_desk"),
        staff("ada.moss", "admin"),
        staff("otto.vance", "auditor"),
        staff("petra.holm", "privacy_officer"),
    ];
    for number in 1..=patients.min(2) {
        let (given, family) = super::person::showcase_name(seed, number);
        users.push(DemoUser {
            username: format!("{given}.{family}").to_lowercase(),
            name: format!("{given} {family}"),
            role: "patient",
            practitioner: None,
            patient: Some(number),
            stands_for: None,
        });
    }
    // Those who came later stand last: a demo's credentials are read by position, too.
    users.extend([
        staff("ines.duarte", "psychiatrist"),
        staff("leo.brandt", "medical_assistant"),
        staff("ruth.adler", "pharmacist"),
        staff("iris.vale", "research"),
    ]);
    if patients > 0 {
        users.push(DemoUser { stands_for: Some(1), ..staff("nadia.rahal", "proxy") });
    }
    for user in users.iter_mut().filter(|user| user.name.is_empty()) {
        user.name = match user.practitioner {
            Some(i) => STAFF[i].display(),
            None => spoken(&user.username),
        };
    }
    users
}

/// `fay.kim` as "Fay Kim".
fn spoken(username: &str) -> String {
    let mut name = String::with_capacity(username.len());
    for part in username.split('.') {
        if !name.is_empty() {
            name.push(' ');
        }
        let (first, rest) = part.split_at(1);
        name.push_str(&first.to_uppercase());
        name.push_str(rest);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::npi;

    #[test]
    fn npi_check_digit_matches_the_published_example() {
        assert_eq!(npi(123_456_789), "1234567893");
    }
}
