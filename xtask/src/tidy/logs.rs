//! Log lines of the rooms that hold ePHI name opaque things only: no field that could carry a resource's value.

const MACROS: [&str; 6] = ["trace!(", "debug!(", "info!(", "warn!(", "error!(", "event!("];
/// Names of fields and captured variables that could carry a value of somebody's record.
const SUSPECT: [&str; 12] = [
    "body",
    "resource",
    "query",
    "value",
    "patient",
    "json",
    "text",
    "content",
    "identifier",
    "address",
    "narrative",
    "bundle",
];
/// File (its end) and word that were looked at and carry no value.
const LOOKED_AT: [(&str, &str); 0] = [];

/// Line numbers (from 0) and the suspicious word of each log call in `code`.
pub fn suspicious(file: &str, code: &str) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for name in MACROS {
        for (at, _) in code.match_indices(name) {
            let whole = code[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_');
            if !whole {
                continue;
            }
            let call = arguments(&code[at + name.len()..]);
            let line = code[..at].matches('\n').count();
            for word in SUSPECT {
                let looked_at = LOOKED_AT.iter().any(|(end, known)| file.ends_with(end) && *known == word);
                if !looked_at && names(&call, word) {
                    found.push((line, word));
                }
            }
        }
    }
    found
}

/// The text up to the bracket that closes the call, string literals reduced to what they interpolate.
fn arguments(rest: &str) -> String {
    let mut call = String::new();
    let (mut depth, mut quoted, mut braced, mut escaped) = (1, false, false, false);
    for c in rest.chars() {
        if quoted {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => quoted = false,
                '{' => braced = true,
                '}' => braced = false,
                _ if braced => {
                    call.push(c);
                    continue;
                }
                _ => {}
            }
            call.push(' ');
            continue;
        }
        match c {
            '"' => quoted = true,
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        call.push(if c == '"' { ' ' } else { c });
    }
    call
}

fn names(call: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    call.match_indices(word).any(|(at, _)| {
        !call[..at].chars().next_back().is_some_and(part) && !call[at + word.len()..].chars().next().is_some_and(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logged_value_is_found_and_an_opaque_id_is_not() {
        let found = |code| suspicious("crates/record/src/x.rs", code).len();
        assert_eq!(found(r#"tracing::info!(chart = %chart.opaque(), duration_ms, "value of a query opened");"#), 0);
        assert_eq!(found(r#"tracing::warn!(?query, "slow");"#), 1);
        assert_eq!(found(r#"tracing::warn!("slow: {query}");"#), 1);
        assert_eq!(found("tracing::error!(\n    body = %String::from_utf8_lossy(b),\n    \"bad\"\n);"), 1);
        assert_eq!(found(r#"tracing::info!(query_ms, "done"); let value = 3;"#), 0);
    }
}
