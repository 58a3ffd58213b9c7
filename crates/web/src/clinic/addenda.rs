//! Addenda: what was said later about a signed note, each a document of its own that appends to it.

use fhir::Json;

use super::ask::{Asking, Sheet};
use super::read::{all, reference, text};
use crate::refusal::Refusal;

/// An addendum may have addenda, and those again.
const ROUNDS_MAX: usize = 4;

/// The id of the document that this one appends to.
pub fn adds_to<'j>(document: &'j Json<'_>) -> Option<&'j str> {
    let appended = all(document, "relatesTo").iter().find(|one| text(one, "code") == Some("appends"))?;
    let (kind, id) = reference(appended.get("target")?)?;
    (kind == "DocumentReference").then_some(id)
}

/// How lists call a document.
pub fn titled(document: &Json<'_>, title: String) -> String {
    if adds_to(document).is_some() { format!("Addendum to {title}") } else { title }
}

/// What was added to these notes, and what to that. Each is disclosed by a search: policy decides, and the log names it.
pub async fn of(asking: &Asking<'_>, patient_id: &str, notes: &[String]) -> Result<Vec<Sheet>, Refusal> {
    let mut found = Vec::new();
    let mut seen: Vec<String> = notes.to_vec();
    let mut to = notes.to_vec();
    while !to.is_empty() && found.len() < ROUNDS_MAX {
        let targets: Vec<String> = to.iter().map(|id| format!("DocumentReference/{id}")).collect();
        let targets = targets.join(",");
        let wanted = [
            ("patient", patient_id),
            ("relatesto", &*targets),
            ("relation", "appends"),
            ("_sort", "date"),
            ("_count", "50"),
        ];
        let sheet = asking.search_if_ever("DocumentReference", &wanted).await?;
        to = sheet.resources().iter().filter_map(|one| text(one, "id").map(str::to_owned)).collect();
        // What appends to itself in a ring is asked for once.
        to.retain(|id| !seen.contains(id));
        seen.extend(to.iter().cloned());
        found.push(sheet);
    }
    Ok(found)
}

/// Those of one note, oldest first: also what was added to an addendum of it.
pub fn under<'s, 'j>(note_id: &str, sheets: &'s [Vec<Json<'j>>]) -> Vec<&'s Json<'j>> {
    let mut ids = vec![note_id.to_owned()];
    let mut under: Vec<&Json<'j>> = Vec::new();
    for sheet in sheets {
        for one in sheet {
            let (Some(id), Some(to)) = (text(one, "id"), adds_to(one)) else { continue };
            if ids.iter().any(|held| held == to) && !ids.iter().any(|held| held == id) {
                ids.push(id.to_owned());
                under.push(one);
            }
        }
    }
    under.sort_by_key(|one| text(one, "date").and_then(|at| at.parse::<jiff::Timestamp>().ok()));
    under
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_to_an_addendum_stands_under_the_note_and_a_ring_ends() {
        let one = |id: &str, to: &str, date: &str| {
            let json = format!(
                r#"{{"id":"{id}","date":"{date}","relatesTo":[{{"code":"appends","target":{{"reference":"DocumentReference/{to}"}}}}]}}"#
            );
            Json::parse_str(&json).unwrap().into_owned()
        };
        let late = one("b", "note", "2026-01-03T00:00:00Z");
        let sheets = [
            vec![late, one("a", "note", "2026-01-01T00:00:00Z"), one("x", "other", "2026-01-01T00:00:00Z")],
            vec![one("c", "a", "2026-01-02T00:00:00Z"), one("note", "c", "2026-01-04T00:00:00Z")],
        ];
        let ids: Vec<_> = under("note", &sheets).into_iter().filter_map(|one| text(one, "id")).collect();
        assert_eq!(ids, ["a", "c", "b"]);
        assert_eq!(titled(&sheets[0][0], "Progress note".into()), "Addendum to Progress note");
        let replaces = r#"{"relatesTo":[{"code":"replaces","target":{"reference":"DocumentReference/n"}}]}"#;
        assert_eq!(adds_to(&Json::parse_str(replaces).unwrap()), None);
    }
}
