//! Answers as tables that a person reads. What a server sends never reaches the terminal as control characters.

use serde_json::Value;

use crate::say;

const CELL_CHARS_MAX: usize = 60;
/// Between columns.
const GAP: &str = "  ";

/// One column: its heading, and where its value is: `holder.login`.
pub type Column = (&'static str, &'static str);

/// Rows of `items`, or a word that there are none.
pub fn table(items: &Value, columns: &[Column]) {
    for line in lines(items, columns) {
        say::line(line);
    }
}

/// `name: value`, a line for each that is there.
pub fn card(item: &Value, fields: &[Column]) {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, at) in fields {
        let text = plain(at_path(item, at));
        if !text.is_empty() {
            say::line(format!("{name:width$}{GAP}{text}"));
        }
    }
}

/// Text without control characters, so that a name cannot move the cursor.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn lines(items: &Value, columns: &[Column]) -> Vec<String> {
    let rows: Vec<Vec<String>> = items.as_array().map_or_else(Vec::new, |items| {
        items.iter().map(|item| columns.iter().map(|(_, at)| cell(item, at)).collect()).collect()
    });
    if rows.is_empty() {
        return vec!["none".into()];
    }
    let headings: Vec<String> = columns.iter().map(|(name, _)| name.to_uppercase()).collect();
    let width = |at: usize| rows.iter().chain([&headings]).map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(text, width)| format!("{text:width$}"));
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    std::iter::once(&headings).chain(&rows).map(line).collect()
}

fn cell(item: &Value, at: &str) -> String {
    let text = plain(at_path(item, at));
    if text.chars().count() <= CELL_CHARS_MAX {
        return text;
    }
    text.chars().take(CELL_CHARS_MAX - 1).chain(['…']).collect()
}

fn at_path<'v>(item: &'v Value, at: &str) -> &'v Value {
    at.split('.').fold(item, |item, name| &item[name])
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::String(text) => clean(text),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => clean(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_is_aligned_and_harmless() {
        let items = json!([
            {"login": "ana", "roles": ["nurse", "billing"], "of": {"fresh": true}},
            {"login": "b\u{1b}[2Jen", "roles": [], "of": {"fresh": false}},
        ]);
        let made = lines(&items, &[("login", "login"), ("roles", "roles"), ("fresh", "of.fresh")]);
        assert_eq!(
            made,
            ["LOGIN    ROLES           FRESH", "ana      nurse, billing  yes", "b [2Jen                  no",]
        );
        assert_eq!(lines(&json!([]), &[("login", "login")]), ["none"]);
    }
}
