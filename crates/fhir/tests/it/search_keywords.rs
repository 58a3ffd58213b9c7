//! The law of the keyword index: whatever a query matches carries a keyword of every list the query offers.

use std::collections::BTreeSet;

use wardstone_fhir::Json;
use wardstone_fhir::search::{HeadMeta, KEYWORDS_MAX, Keyword, ValuesRef, extract, keywords};

use crate::search::{NOW_MS, query};

/// A small seeded generator (SplitMix64): the same cases on every machine.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }

    /// Several picks as the inside of a JSON array.
    fn list(&mut self, max: usize, mut item: impl FnMut(&mut Self) -> String) -> String {
        (0..self.below(max + 1)).map(|_| item(self)).collect::<Vec<_>>().join(",")
    }
}

const NAMES: &[&str] =
    &["O'Brien", "obrien", "Zoë", "Z", "Li", "Lia", "Łukasz", "maria  luisa", "Maria", "--", "Dr.", "李", "İrem", "ﬁa"];
const CODES: &[&str] = &["a", "A", "b", "8867-4", "C1", "c1", "x y"];
const SYSTEMS: &[&str] = &["http://loinc.org", "http://unitsofmeasure.org", "http://own", ""];
const DATES: &[&str] = &[
    "2024",
    "2024-01",
    "2024-01-05",
    "2024-01-31T23:59:59Z",
    "2024-02-01T00:30:00+02:00",
    "2023-12-31",
    "1999-07",
    "2024-02-29",
    "2024-03-01T12:00:00.250Z",
];
const REFERENCES: &[&str] = &[
    "Patient/a",
    "Practitioner/a",
    "Organization/b/_history/2",
    "https://clinic.example/fhir/Practitioner/a",
    "https://x.example/r4/Practitioner/b",
    "urn:uuid:1-2",
    "Location/c",
    "Encounter/a",
    "http://q/Questionnaire/b|2.0",
    "http://q/Questionnaire/b",
    "http://q/plain|1",
];
const PHONES: &[&str] = &["(555) 123-4567", "5551234567", "Ann@Example.org", "ann@example.org", "-"];

fn coding(rng: &mut Rng) -> String {
    format!(r#"{{"system":"{}","code":"{}"}}"#, rng.pick(SYSTEMS), rng.pick(CODES))
}

fn concept(rng: &mut Rng) -> String {
    let codings = rng.list(5, coding);
    format!(r#"{{"coding":[{codings}],"text":"{}"}}"#, rng.pick(NAMES))
}

fn reference(rng: &mut Rng) -> String {
    format!(r#"{{"reference":"{}"}}"#, rng.pick(REFERENCES))
}

fn identifier(rng: &mut Rng) -> String {
    format!(r#"{{"system":"{}","value":"{}"}}"#, rng.pick(SYSTEMS), rng.pick(CODES))
}

fn period(rng: &mut Rng) -> String {
    match rng.below(4) {
        0 => format!(r#"{{"start":"{}"}}"#, rng.pick(DATES)),
        1 => format!(r#"{{"end":"{}"}}"#, rng.pick(DATES)),
        _ => format!(r#"{{"start":"{}","end":"{}"}}"#, rng.pick(DATES), rng.pick(DATES)),
    }
}

fn human_name(rng: &mut Rng) -> String {
    let given = rng.list(5, |r| format!(r#""{}""#, r.pick(NAMES)));
    format!(r#"{{"family":"{}","given":[{given}],"text":"{} {}"}}"#, rng.pick(NAMES), rng.pick(NAMES), rng.pick(NAMES))
}

fn resource(rng: &mut Rng, kind: &str) -> String {
    let identifiers = rng.list(9, identifier);
    let rest = match kind {
        "Patient" | "Practitioner" => format!(
            r#""name":[{}],"birthDate":"{}","telecom":[{}],"generalPractitioner":[{}]"#,
            rng.list(4, human_name),
            rng.pick(DATES),
            rng.list(6, |r| format!(r#"{{"system":"{}","value":"{}"}}"#, r.pick(&["phone", "email"]), r.pick(PHONES))),
            rng.list(4, reference),
        ),
        "Observation" => {
            let effective = match rng.below(3) {
                0 => format!(r#""effectiveDateTime":"{}""#, rng.pick(DATES)),
                1 => format!(r#""effectivePeriod":{}"#, period(rng)),
                _ => format!(r#""effectiveTiming":{{"event":["{}","{}"]}}"#, rng.pick(DATES), rng.pick(DATES)),
            };
            let performers = rng.list(4, reference);
            format!(r#""code":{},"encounter":{},"performer":[{performers}],{effective}"#, concept(rng), reference(rng))
        }
        "Appointment" => {
            let actors = rng.list(7, |r| format!(r#"{{"actor":{}}}"#, reference(r)));
            format!(r#""start":"{}","participant":[{actors}]"#, rng.pick(DATES))
        }
        "Encounter" => format!(
            r#""period":{},"participant":[{}],"serviceProvider":{}"#,
            period(rng),
            rng.list(5, |r| format!(r#"{{"individual":{}}}"#, reference(r))),
            reference(rng)
        ),
        _ => format!(r#""questionnaire":"{}","authored":"{}""#, rng.pick(REFERENCES), rng.pick(DATES)),
    };
    format!(r#"{{"resourceType":"{kind}","id":"a","identifier":[{identifiers}],{rest}}}"#)
}

const KINDS: &[(&str, &[&str])] = &[
    (
        "Patient",
        &[
            "identifier",
            "name",
            "family",
            "given",
            "phonetic",
            "birthdate",
            "phone",
            "email",
            "telecom",
            "general-practitioner",
        ],
    ),
    ("Practitioner", &["identifier", "name", "family", "given", "phone", "telecom"]),
    ("Observation", &["identifier", "code", "date", "encounter", "performer", "combo-code"]),
    ("Appointment", &["identifier", "date", "actor", "patient", "practitioner", "location"]),
    ("Encounter", &["date", "participant", "practitioner", "service-provider", "identifier"]),
    ("QuestionnaireResponse", &["questionnaire", "authored"]),
];

fn value(rng: &mut Rng, code: &str) -> String {
    match code {
        "name" | "family" | "given" | "phonetic" => rng
            .pick(&[
                "o", "ob", "obrien", "OBRIEN'", "z", "zo", "ł", "luk", "maria l", "l", "lia", "f", "fia", "i", "ire",
                "李", "d", "dr.",
            ])
            .into(),
        "birthdate" | "date" | "authored" => {
            let prefix = rng.pick(&["", "", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]);
            format!("{prefix}{}", rng.pick(DATES))
        }
        "phone" | "email" | "telecom" => format!("{}{}", rng.pick(&["", "", "phone|", "|"]), rng.pick(PHONES)),
        "identifier" | "code" | "combo-code" => match rng.below(6) {
            0 => format!("{}|", rng.pick(SYSTEMS)),
            1 | 2 => format!("{}|{}", rng.pick(SYSTEMS), rng.pick(CODES)),
            _ => rng.pick(CODES).into(),
        },
        _ => rng.pick(&[REFERENCES, &["a", "b", "c"][..]].concat()).into(),
    }
}

fn search(rng: &mut Rng, kind: &str, codes: &[&str]) -> String {
    let one = |rng: &mut Rng| {
        let code = rng.pick(codes);
        let modifier = match code {
            "name" | "family" | "given" => rng.pick(&["", "", "", ":exact", ":contains", ":missing"]),
            "identifier" | "code" => rng.pick(&["", "", "", ":not", ":missing"]),
            "performer" | "actor" | "participant" => rng.pick(&["", "", ":Practitioner", ":missing"]),
            _ => "",
        };
        if modifier == ":missing" {
            return format!("{code}:missing={}", rng.below(2) == 0);
        }
        let values: Vec<String> = (0..1 + rng.below(2)).map(|_| value(rng, code)).collect();
        format!("{code}{modifier}={}", values.join(","))
    };
    let parameters: Vec<String> = (0..1 + rng.below(3)).map(|_| one(rng)).collect();
    format!("{kind}?{}", parameters.join("&"))
}

#[test]
fn every_match_carries_a_keyword_of_every_list() {
    let mut rng = Rng(7);
    let (mut matched, mut narrowed, mut excluded) = (0, 0, 0);
    for _ in 0..4_000 {
        let (kind, codes) = KINDS[rng.below(KINDS.len())];
        let text = resource(&mut rng, kind);
        let tree = Json::parse_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        let values = extract(&tree);
        let mut posted = Vec::new();
        keywords(kind, values.as_ref(), &mut posted);
        assert!(posted.len() <= KEYWORDS_MAX, "{text}");
        let distinct: BTreeSet<&Keyword> = posted.iter().collect();
        assert_eq!(distinct.len(), posted.len(), "{text}");
        for _ in 0..15 {
            let asked = search(&mut rng, kind, codes);
            let Ok(query) = query(&asked) else { continue };
            let lists = query.keywords();
            assert!(lists.last().is_some_and(|l| *l == [Keyword(kind.into())]), "{asked}");
            let carried = lists.iter().filter(|list| list.iter().any(|k| distinct.contains(k))).count();
            if query.matches(&HeadMeta { id: "a", last_updated_ms: NOW_MS }, values.as_ref()) {
                assert_eq!(carried, lists.len(), "{asked} finds {text}");
                matched += 1;
                narrowed += usize::from(lists.len() > 1);
            } else {
                excluded += usize::from(carried < lists.len());
            }
        }
    }
    assert!(matched > 3_000 && narrowed > 2_000 && excluded > 5_000, "{matched} {narrowed} {excluded}");
}

/// What the best list of a query is made of.
fn best(asked: &str) -> Vec<String> {
    let lists = query(asked).unwrap().keywords();
    lists[0].iter().map(|k| String::from_utf8_lossy(&k.0).replace('\u{1f}', " ")).collect()
}

#[test]
fn the_best_list_comes_first() {
    for (asked, expected) in [
        ("Patient?gender=male", vec!["Patient"]),
        ("Patient?name=ab", vec!["Patient name +", "Patient name 1a"]),
        ("Patient?family=Abel", vec!["Patient name +", "Patient name 3abe"]),
        ("Patient?family=Abel&identifier=X1", vec!["Patient identifier +", "Patient identifier =x1"]),
        ("Patient?phone=(555) 1", vec!["Patient telecom +", "Patient telecom =5551"]),
        ("Observation?code:not=a", vec!["Observation"]),
        ("Observation?code=a&date=2024-01-05", vec!["Observation code +", "Observation code =a"]),
        ("Observation?date=ge2024-01-05&date=lt2024-02-01", vec!["Observation date +", "Observation date =24288"]),
        ("Observation?date=ge2024-01-05", vec!["Observation"]),
        ("Encounter?practitioner=p", vec!["Encounter participant +", "Encounter participant =p"]),
    ] {
        assert_eq!(best(asked), expected, "{asked}");
    }
}

#[test]
fn damaged_values_never_panic() {
    let mut rng = Rng(3);
    for _ in 0..600 {
        let (kind, codes) = KINDS[rng.below(KINDS.len())];
        let text = resource(&mut rng, kind);
        let mut bytes = extract(&Json::parse_str(&text).unwrap()).0;
        for _ in 0..1 + rng.below(4) {
            let at = rng.below(bytes.len());
            bytes[at] = rng.next() as u8;
        }
        bytes.truncate(bytes.len() - rng.below(bytes.len().min(8)));
        let Some(values) = ValuesRef::new(&bytes) else { continue };
        let meta = HeadMeta { id: "a", last_updated_ms: NOW_MS };
        let sorts: Vec<_> = codes.iter().filter_map(|c| query(&format!("{kind}?_sort={c}")).ok()).collect();
        let keys: Vec<_> = sorts.iter().map(|q| q.sort_key(&meta, values)).collect();
        assert!(keys.iter().all(|k| k.cmp(k).is_eq()));
        keywords(kind, values, &mut Vec::new());
        for _ in 0..10 {
            if let Ok(query) = query(&search(&mut rng, kind, codes)) {
                query.matches(&meta, values);
            }
        }
    }
}
