//! Who a synthetic patient is: name, life dates, address, identifiers, build, and which care stories they live.

use super::Plan;
use super::day::{Day, Moment};
use super::names::{FAMILY, GIVEN_FEMALE, GIVEN_MALE, STREETS, TOWNS};
use super::rng::Rng;
use super::staff;
use super::stories::{STORIES, Setting, Story};
use super::visits::SHOWCASE;

/// Age at which a patient is seen by the adult clinicians.
const ADULT_YEARS: i32 = 18;
/// Patients from this number on may have died; the first ones are what a demo opens with.
const MORTAL_FROM: u32 = 24;
/// The share of patients past the showcase whose life has ended, among those old enough, in percent.
const DECEASED_PERCENT: u32 = 6;
const DECEASED_AGE_MIN: i32 = 76;

const OTHER_TONGUE_EVERY: u32 = 9;
const OTHER_TONGUES: [(&str, &str); 4] =
    [("vi", "Vietnamese"), ("ase", "American Sign Language"), ("ar", "Arabic"), ("zh", "Chinese")];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Smoking {
    Never,
    Former,
    Daily,
}

pub(super) struct Person {
    pub(super) number: u32,
    pub(super) female: bool,
    pub(super) birth: Day,
    /// Age in completed years on the day of generation, or at death.
    pub(super) age: i32,
    pub(super) death: Option<Moment>,
    pub(super) given: &'static str,
    pub(super) middle: Option<&'static str>,
    pub(super) family: &'static str,
    pub(super) origin: Origin,
    pub(super) street: String,
    pub(super) town: &'static (&'static str, &'static str, &'static str, u32),
    pub(super) phone: String,
    pub(super) email: String,
    pub(super) ssn: Option<String>,
    /// The language spoken with them: its code (BCP 47) and name.
    pub(super) tongue: (&'static str, &'static str),
    pub(super) needs_interpreter: bool,
    pub(super) married: bool,
    /// Height in cm once grown.
    pub(super) height_cm: f64,
    pub(super) bmi: f64,
    pub(super) smoking: Smoking,
    /// The first is what the chart is about; the others came earlier.
    pub(super) stories: Vec<&'static Story>,
    pub(super) doctor: usize,
    pub(super) nurse: usize,
}

/// CDC race code and OMB label, `None` where the patient declined, and whether Hispanic or Latino.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    pub(super) race: Option<(&'static str, &'static str)>,
    pub(super) hispanic: bool,
}

const RACES: [Option<(&str, &str)>; 6] = [
    Some(("2106-3", "White")),
    Some(("2054-5", "Black or African American")),
    Some(("2028-9", "Asian")),
    Some(("1002-5", "American Indian or Alaska Native")),
    Some(("2076-8", "Native Hawaiian or Other Pacific Islander")),
    None,
];

/// The patients who also sign in keep plain names, so that their user names can be spoken.
pub(super) fn showcase_name(seed: u64, number: u32) -> (&'static str, &'static str) {
    let mut rng = Rng::new(seed ^ 0x5EED, u64::from(number));
    let (given, family): (&[_], &[_]) = match number {
        1 => (&["Rosa", "Elena", "Naomi", "Grace"], &["Delgado", "Marquez", "Bennett", "Haddad"]),
        _ => (&["Amir", "Julian", "Omar", "Felix"], &["Okafor", "Keller", "Navarro", "Patel"]),
    };
    (rng.word(given), rng.word(family))
}

pub(super) fn draw(plan: &Plan, number: u32, rng: &mut Rng) -> Person {
    let today = Day::from_date(plan.today);
    let lead = leading_story(number, rng);
    let female = match lead.female {
        Some(female) => female,
        None if number <= 2 => number == 1,
        None => rng.chance(51),
    };
    let (youngest, oldest) = lead.ages;
    let mut age = rng.between(youngest, oldest);
    let birth = today.plus(-(age * 1461 / 4) - rng.between(3, 360));
    age = today.age(birth);
    let death = (number >= MORTAL_FROM && age >= DECEASED_AGE_MIN && rng.chance(DECEASED_PERCENT))
        .then(|| today.plus(-rng.between(5, 60)).at(rng.between(0, 23), rng.between(0, 59)));
    let mut given = rng.word(if female { GIVEN_FEMALE } else { GIVEN_MALE });
    let mut family = rng.word(FAMILY);
    if number <= 2 {
        (given, family) = showcase_name(plan.seed, number);
    }
    let middle = rng.chance(45).then(|| rng.word(if female { GIVEN_FEMALE } else { GIVEN_MALE }));
    let origin = Origin {
        race: RACES[rng.weighted(&[52, 12, 10, 8, 2, 6])],
        hispanic: rng.chance(if number == 1 { 100 } else { 30 }),
    };
    let weights: Vec<u32> = TOWNS.iter().map(|t| t.3).collect();
    let pediatric = age < ADULT_YEARS;
    let tongue = tongue(number, origin, rng);
    let mut person = Person {
        number,
        female,
        birth,
        age,
        death,
        given,
        middle: middle.filter(|m| *m != given),
        family,
        origin,
        street: format!("{} {}", rng.between(101, 9899), rng.word(STREETS)),
        town: &TOWNS[rng.weighted(&weights)],
        phone: format!("{}-555-01{:02}", rng.word(&["602", "480", "623"]), rng.below(100)),
        email: email(given, family, rng),
        ssn: rng.chance(25).then(|| fictitious_ssn(rng)),
        tongue,
        needs_interpreter: tongue.0 != "en" && (number.is_multiple_of(2) || tongue.0 != "es"),
        married: age >= 24 && rng.chance(52),
        height_cm: if female { 163.0 + rng.noise(6.0) } else { 176.5 + rng.noise(6.5) },
        bmi: (26.5 + rng.noise(3.0) + lead.bmi_shift).clamp(18.6, 43.0),
        smoking: Smoking::Never,
        stories: vec![lead],
        doctor: doctor_for(lead, pediatric, number),
        nurse: match rng.chance(50) && !staff::stand_ins(number).is_empty() {
            true => staff::NURSE_FIRST,
            false => staff::NURSE_SECOND,
        },
    };
    person.smoking = smoking(lead, age, rng);
    add_companions(&mut person, rng);
    person
}

/// The first patients walk through every story once, so that a small demo shows all of them.
fn leading_story(number: u32, rng: &mut Rng) -> &'static Story {
    match STORIES.get(number as usize - 1) {
        Some(story) => story,
        None => {
            let weights: Vec<u32> = STORIES.iter().map(|s| s.weight).collect();
            &STORIES[rng.weighted(&weights)]
        }
    }
}

/// Spanish is common; now and then somebody speaks another language.
fn tongue(number: u32, origin: Origin, rng: &mut Rng) -> (&'static str, &'static str) {
    let is_spanish = origin.hispanic && rng.chance(35);
    match (is_spanish, number % OTHER_TONGUE_EVERY) {
        (true, _) => ("es", "Spanish"),
        (false, 5) => OTHER_TONGUES[(number / OTHER_TONGUE_EVERY) as usize % OTHER_TONGUES.len()],
        (false, _) => ("en", "English"),
    }
}

fn doctor_for(lead: &Story, pediatric: bool, number: u32) -> usize {
    match lead.setting {
        Setting::Prenatal => staff::OBSTETRICIAN,
        _ if pediatric => staff::PEDIATRICIAN,
        _ if number.is_multiple_of(3) => staff::INTERNIST,
        _ => staff::FAMILY_DOCTOR,
    }
}

fn smoking(lead: &Story, age: i32, rng: &mut Rng) -> Smoking {
    if age < ADULT_YEARS {
        return Smoking::Never;
    }
    let odds = if lead.smoker { [0, 45, 55] } else { [66, 24, 10] };
    [Smoking::Never, Smoking::Former, Smoking::Daily][rng.weighted(&odds)]
}

fn add_companions(person: &mut Person, rng: &mut Rng) {
    for name in person.stories[0].companions {
        let Some(story) = STORIES.iter().find(|s| s.name == *name) else { continue };
        let fits = person.age >= story.ages.0 && story.female.is_none_or(|female| female == person.female);
        if person.stories.len() < 3 && fits && (person.number <= SHOWCASE || rng.chance(45)) {
            person.stories.push(story);
        }
    }
}

/// Numbers that were never issued: area 000, or 900 to 999 with a group that tax numbers do not use either.
fn fictitious_ssn(rng: &mut Rng) -> String {
    let area = if rng.chance(20) { 0 } else { rng.between(900, 999) };
    format!("{area:03}-{:02}-{:04}", rng.between(10, 49), rng.between(1, 9999))
}

fn email(given: &str, family: &str, rng: &mut Rng) -> String {
    let ascii = |s: &str| s.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_lowercase();
    format!("{}.{}{}@example.{}", ascii(given), ascii(family), rng.between(10, 99), rng.word(&["com", "org"]))
}

impl Person {
    /// Height at an age, in cm: a growth curve for children, steady afterwards.
    pub(super) fn height_at(&self, day: Day) -> f64 {
        let share = self.height_cm / if self.female { 163.0 } else { 176.5 };
        match grown(self.months_at(day), self.female, 1) {
            Some(height) => height * share,
            None => self.height_cm,
        }
    }

    /// Weight at an age before illness or treatment moves it, in kg.
    pub(super) fn weight_at(&self, day: Day) -> f64 {
        match grown(self.months_at(day), self.female, 2) {
            Some(weight) => weight * (1.0 + (self.bmi - 26.5) * 0.012),
            None => self.bmi * self.height_cm * self.height_cm / 10_000.0,
        }
    }

    pub(super) fn months_at(&self, day: Day) -> f64 {
        f64::from(day.0 - self.birth.0) / 30.4375
    }

    /// How a note addresses the patient.
    pub(super) fn spoken(&self) -> String {
        if self.age < ADULT_YEARS {
            return self.given.to_string();
        }
        format!("{} {}", if self.female { "Ms." } else { "Mr." }, self.family)
    }
}

/// Months, height in cm and weight in kg near the median of the WHO and CDC growth charts: girls, then boys.
type Growth = [(f64, f64, f64); 16];
const GIRLS: Growth = [
    (0.0, 49.1, 3.2),
    (2.0, 57.1, 5.1),
    (4.0, 62.1, 6.4),
    (6.0, 65.7, 7.3),
    (9.0, 70.1, 8.2),
    (12.0, 74.0, 8.9),
    (18.0, 80.7, 10.2),
    (24.0, 86.4, 11.5),
    (36.0, 94.2, 13.9),
    (48.0, 100.8, 15.9),
    (72.0, 115.0, 20.2),
    (96.0, 127.6, 25.8),
    (120.0, 138.2, 33.1),
    (144.0, 151.2, 41.8),
    (180.0, 161.7, 52.1),
    (216.0, 163.0, 56.5),
];
const BOYS: Growth = [
    (0.0, 49.9, 3.3),
    (2.0, 58.4, 5.6),
    (4.0, 63.9, 7.0),
    (6.0, 67.6, 7.9),
    (9.0, 72.0, 8.9),
    (12.0, 75.7, 9.6),
    (18.0, 82.3, 10.9),
    (24.0, 87.8, 12.2),
    (36.0, 95.0, 14.3),
    (48.0, 102.0, 16.3),
    (72.0, 115.5, 20.7),
    (96.0, 128.0, 25.6),
    (120.0, 138.6, 32.1),
    (144.0, 149.1, 40.7),
    (180.0, 170.0, 56.7),
    (216.0, 176.5, 67.3),
];

/// Height (1) or weight (2) by linear interpolation; `None` once grown.
fn grown(months: f64, female: bool, column: u8) -> Option<f64> {
    let table = if female { &GIRLS } else { &BOYS };
    let value = |row: &(f64, f64, f64)| if column == 1 { row.1 } else { row.2 };
    let after = table.iter().position(|row| row.0 > months)?;
    let (from, to) = (&table[after.saturating_sub(1)], &table[after]);
    let share = ((months - from.0) / (to.0 - from.0)).clamp(0.0, 1.0);
    Some(value(from) + (value(to) - value(from)) * share)
}
