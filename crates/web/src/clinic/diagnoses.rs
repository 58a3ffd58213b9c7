//! Diagnoses of a visit in their order, the primary one first. A draft keeps them as one text beside what is typed.

use fhir::Json;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::codes::PROBLEMS;
use super::read::{all, text, words};

pub use record::DIAGNOSES_MAX;
pub const WORDS_CHARS_MAX: usize = 200;

#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Diagnosis {
    pub words: String,
    pub system: String,
    /// Empty: in words alone.
    pub code: String,
    /// It goes on the problem list, too, when the note is signed.
    pub is_new_problem: bool,
}

/// What a button of the form does with them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    Add,
    /// Of the problem list, by the id of the Condition.
    Take(String),
    Up(usize),
    Remove(usize),
    List(usize),
}

impl Step {
    /// `dx-up:1`.
    pub fn parse(act: &str) -> Option<Self> {
        let (name, at) = act.split_once(':').unwrap_or((act, ""));
        let number = || at.parse().ok();
        match name {
            "dx-add" => Some(Step::Add),
            "dx-take" => Some(Step::Take(at.to_owned())),
            "dx-up" => number().map(Step::Up),
            "dx-remove" => number().map(Step::Remove),
            "dx-list" => number().map(Step::List),
            _ => None,
        }
    }
}

impl Diagnosis {
    /// As somebody typed it: by words or by code of the table; what is in neither stays in words.
    pub fn typed(typed: &str) -> Self {
        let typed = typed.trim();
        let by_code = || PROBLEMS.rows().find(|row| !row.code.is_empty() && row.code.eq_ignore_ascii_case(typed));
        match PROBLEMS.row(typed).or_else(by_code) {
            Some(row) => Self {
                words: row.words.to_owned(),
                system: row.system.to_owned(),
                code: row.code.to_owned(),
                is_new_problem: false,
            },
            None => Self { words: typed.to_owned(), ..Self::default() },
        }
    }

    /// A problem of the list, with the code that it has there.
    pub fn of(problem: &Json<'_>) -> Option<Self> {
        let concept = problem.get("code")?;
        let coding = all(concept, "coding").first();
        let member = |name: &str| coding.and_then(|coding| text(coding, name)).unwrap_or_default().to_owned();
        Some(Self { words: words(concept)?, system: member("system"), code: member("code"), is_new_problem: false })
    }

    /// The code as people know it.
    pub fn coded(&self) -> String {
        let system = match self.system.as_str() {
            "http://hl7.org/fhir/sid/icd-10-cm" => "ICD-10-CM ",
            "http://snomed.info/sct" => "SNOMED CT ",
            _ => "",
        };
        if self.code.is_empty() { "no code".to_owned() } else { format!("{system}{}", self.code) }
    }

    pub fn said(&self) -> String {
        if self.code.is_empty() { self.words.clone() } else { format!("{} ({})", self.words, self.coded()) }
    }

    pub fn is_same(&self, other: &Self) -> bool {
        self.words.eq_ignore_ascii_case(&other.words)
            || (!self.code.is_empty() && self.code == other.code && self.system == other.system)
    }

    /// The same to who reads it: the same code, or the same words whatever is between them.
    fn is_alike(&self, other: &Self) -> bool {
        let plain = |words: &str| {
            let words = words.to_lowercase();
            { words.split(|one: char| !one.is_alphanumeric()) }
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        };
        self.is_same(other) || plain(&self.words) == plain(&other.words)
    }

    pub fn concept(&self) -> Value {
        match self.code.is_empty() {
            true => json!({ "text": self.words }),
            false => json!({
                "coding": [{ "system": self.system, "code": self.code, "display": self.words }],
                "text": self.words,
            }),
        }
    }
}

pub fn read(text: &str) -> Vec<Diagnosis> {
    serde_json::from_str(text).unwrap_or_default()
}

pub fn write(diagnoses: &[Diagnosis]) -> String {
    // Nothing is nothing, so that a draft without any stays as it was.
    if diagnoses.is_empty() { String::new() } else { serde_json::to_string(diagnoses).unwrap_or_default() }
}

/// One that is there already is not put there twice.
pub fn add(diagnoses: &mut Vec<Diagnosis>, new: Diagnosis) {
    if !new.words.is_empty() && !diagnoses.iter().any(|one| one.is_same(&new)) && diagnoses.len() < DIAGNOSES_MAX {
        diagnoses.push(new);
    }
}

pub fn said(diagnoses: &[Diagnosis]) -> String {
    let each = diagnoses.iter().enumerate().map(|(at, one)| format!("{}. {}", at + 1, one.said()));
    each.collect::<Vec<_>>().join("\n")
}

/// What is worth a look before they are signed: those without a code, and what stands there twice. Nothing of it is wrong for certain.
pub fn doubts(diagnoses: &[Diagnosis]) -> Vec<String> {
    let uncoded: Vec<String> =
        diagnoses.iter().filter(|one| one.code.is_empty()).map(|one| format!("“{}”", one.words)).collect();
    let mut doubts = Vec::new();
    if !uncoded.is_empty() {
        let verbs = if uncoded.len() == 1 { "has no code and stays" } else { "have no code and stay" };
        doubts.push(format!(
            "{} {verbs} in words: lists and searches that go by codes do not find it.",
            uncoded.join(", ")
        ));
    }
    for (at, one) in diagnoses.iter().enumerate() {
        if let Some(before) = diagnoses[..at].iter().find(|before| before.is_alike(one)) {
            let twice = match before.words == one.words {
                true => format!("“{}” is among the diagnoses twice.", one.words),
                false => format!("“{}” and “{}” look like the same diagnosis.", before.words, one.words),
            };
            doubts.push(twice);
        }
    }
    doubts
}

/// The diagnoses that a signed note says, in words.
pub fn of_note(note: &str) -> Vec<String> {
    let part = note.split("\n\n").find_map(|part| part.strip_prefix("Diagnoses: "));
    let unnumbered = |line: &str| line.split_once(". ").map_or(line, |(_, words)| words).trim().to_owned();
    let uncoded = |line: String| match line.rsplit_once(" (") {
        Some((words, code)) if code.starts_with("SNOMED CT ") || code.starts_with("ICD-10-CM ") => words.to_owned(),
        _ => line,
    };
    part.unwrap_or_default().lines().map(unnumbered).map(uncoded).filter(|words| !words.is_empty()).collect()
}

/// `problems` are the Conditions that hold, of the problem list.
pub fn step(diagnoses: &mut Vec<Diagnosis>, step: &Step, typed: &mut String, problems: &[Json<'_>]) {
    match step {
        // What finds no room stays where it was typed.
        Step::Add if diagnoses.len() >= DIAGNOSES_MAX => {}
        Step::Add => add(diagnoses, Diagnosis::typed(&std::mem::take(typed))),
        Step::Take(id) => {
            let found = problems.iter().find(|one| text(one, "id") == Some(id));
            if let Some(taken) = found.and_then(Diagnosis::of) {
                add(diagnoses, taken);
            }
        }
        Step::Up(at) if (1..diagnoses.len()).contains(at) => diagnoses.swap(*at, at - 1),
        Step::Remove(at) if *at < diagnoses.len() => drop(diagnoses.remove(*at)),
        Step::List(at) => {
            if let Some(one) = diagnoses.get_mut(*at) {
                one.is_new_problem = !one.is_new_problem;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_code_and_what_is_there_twice_is_pointed_out() {
        let one = |words: &str, code: &str| Diagnosis {
            words: words.into(),
            system: if code.is_empty() { String::new() } else { "http://snomed.info/sct".into() },
            code: code.into(),
            is_new_problem: false,
        };
        assert!(doubts(&[one("Gout", "90560007"), one("Asthma", "195967001")]).is_empty());
        let held = [
            one("Gout", "90560007"),
            one("Gouty arthritis", "90560007"),
            one("Writer's block", ""),
            one("writer's-block", ""),
        ];
        assert_eq!(
            doubts(&held),
            [
                "“Writer's block”, “writer's-block” have no code and stay in words: lists and searches that go by codes do not find it.",
                "“Gout” and “Gouty arthritis” look like the same diagnosis.",
                "“Writer's block” and “writer's-block” look like the same diagnosis.",
            ]
        );
    }

    #[test]
    fn diagnoses_are_typed_by_words_or_code_taken_ordered_and_never_there_twice() {
        let problem =
            r#"{"id":"p","code":{"text":"Gout","coding":[{"system":"http://snomed.info/sct","code":"90560007"}]}}"#;
        let problems = [Json::parse_str(problem).unwrap()];
        let mut held = Vec::new();
        let mut go = |act: &str, typed: &str| {
            step(&mut held, &Step::parse(act).unwrap(), &mut typed.to_owned(), &problems);
            held.iter().map(|one: &Diagnosis| one.words.clone()).collect::<Vec<_>>().join("|")
        };
        assert_eq!(go("dx-add", " acute BRONCHITIS "), "Acute bronchitis");
        assert_eq!(go("dx-add", "10509002"), "Acute bronchitis");
        assert_eq!(go("dx-take:p", ""), "Acute bronchitis|Gout");
        assert_eq!(go("dx-take:p", ""), "Acute bronchitis|Gout");
        assert_eq!(go("dx-take:other", ""), "Acute bronchitis|Gout");
        assert_eq!(go("dx-up:1", ""), "Gout|Acute bronchitis");
        assert_eq!(go("dx-up:0", ""), "Gout|Acute bronchitis");
        assert_eq!(go("dx-add", "Writer's block"), "Gout|Acute bronchitis|Writer's block");
        go("dx-list:2", "");
        assert_eq!(go("dx-remove:0", ""), "Acute bronchitis|Writer's block");
        assert_eq!(go("dx-remove:9", ""), "Acute bronchitis|Writer's block");
        assert!(held[1].is_new_problem && held[1].code.is_empty());
        assert_eq!(said(&held), "1. Acute bronchitis (SNOMED CT 10509002)\n2. Writer's block");
        let note = format!("Plan: 1. x\n\nDiagnoses: {}\n\nPlan: y", said(&held));
        assert_eq!(of_note(&note), ["Acute bronchitis", "Writer's block"]);
        assert!(read(&write(&held)) == held && write(&[]).is_empty() && read("not ours").is_empty());
    }
}
