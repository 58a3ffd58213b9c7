//! What forms suggest, with its codes: small tables with their source on top. What is not in them is kept as it was typed.

use serde_json::{Value, json};

const SNOMED: &str = "http://snomed.info/sct";
const ICD: &str = "http://hl7.org/fhir/sid/icd-10-cm";
pub const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
const CVX: &str = "http://hl7.org/fhir/sid/cvx";

/// Lines of `words|…`, and what the columns behind the words mean.
#[derive(Clone, Copy)]
pub struct Table {
    text: &'static str,
    /// The system of the code, or empty where a column of its own says it.
    system: &'static str,
}

pub const PROBLEMS: Table = Table { text: include_str!("problems.txt"), system: "" };
pub const ALLERGENS: Table = Table { text: include_str!("allergens.txt"), system: "" };
pub const REACTIONS: Table = Table { text: include_str!("reactions.txt"), system: SNOMED };
pub const MEDICINES: Table = Table { text: include_str!("medicines.txt"), system: RXNORM };
pub const VACCINES: Table = Table { text: include_str!("vaccines.txt"), system: CVX };

pub struct Row {
    pub words: &'static str,
    pub system: &'static str,
    /// Empty: the words alone.
    pub code: &'static str,
    /// What stands behind the code.
    pub rest: &'static str,
}

impl Table {
    pub fn rows(self) -> impl Iterator<Item = Row> {
        self.text.lines().filter(|line| !line.starts_with('#')).filter_map(move |line| {
            let (words, behind) = line.split_once('|')?;
            let (system, behind) = match self.system {
                "" => {
                    let (system, behind) = behind.split_once('|')?;
                    (system_of(system), behind)
                }
                system => (system, behind),
            };
            let (code, rest) = behind.split_once('|').unwrap_or((behind, ""));
            Some(Row { words, system, code, rest })
        })
    }

    /// The row that these words are, whatever their case.
    pub fn row(self, typed: &str) -> Option<Row> {
        self.rows().find(|row| row.words.to_lowercase() == typed.trim().to_lowercase())
    }

    /// A CodeableConcept: coded if the table has the words, and always as they were typed.
    pub fn concept(self, typed: &str) -> Value {
        let text = typed.trim();
        match self.row(text).filter(|row| !row.code.is_empty()) {
            Some(row) => json!({
                "coding": [{ "system": row.system, "code": row.code, "display": row.words }],
                "text": row.words,
            }),
            None => json!({ "text": text }),
        }
    }
}

fn system_of(short: &str) -> &'static str {
    match short {
        "sct" => SNOMED,
        "icd" => ICD,
        _ => RXNORM,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_tables_has_words_and_a_code_of_its_system() {
        for (table, count) in [(PROBLEMS, 100), (ALLERGENS, 38), (REACTIONS, 10), (MEDICINES, 80), (VACCINES, 18)] {
            let rows: Vec<Row> = table.rows().collect();
            assert!(rows.len() >= count, "{}", rows.len());
            for row in &rows {
                let is_code = row.code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
                assert!(is_code && !row.words.is_empty(), "{}", row.words);
                assert!(!row.code.is_empty() || row.system == SNOMED, "{}", row.words);
                let twice = rows.iter().filter(|one| one.words.to_lowercase() == row.words.to_lowercase()).count();
                assert_eq!(twice, 1, "{}", row.words);
            }
            let lines = table.text.lines().filter(|line| !line.starts_with('#')).count();
            assert_eq!(lines, rows.len());
        }
    }

    #[test]
    fn what_the_table_has_is_coded_and_what_it_has_not_stays_as_typed() {
        let coded = PROBLEMS.concept(" atrial FIBRILLATION ");
        assert_eq!(coded["coding"][0]["code"], "49436004");
        assert_eq!(PROBLEMS.concept("Writer's block"), json!({ "text": "Writer's block" }));
        assert_eq!(REACTIONS.concept("itching"), json!({ "text": "itching" }));
        assert_eq!(ALLERGENS.row("Penicillin").map(|row| row.rest), Some("medication"));
    }
}
