//! The times behind those of a flowsheet: by the number of a page of what is held, and behind that by the sealed cursor of the search.
//! Neither says anything of what is there.

use std::collections::HashMap;

use form_urlencoded::Serializer;

use super::ask::{Asking, Sheet};
use crate::client::Asked;
use crate::refusal::Refusal;

/// Of a sealed cursor.
const CURSOR_BYTES_MAX: usize = 4 * 1024;

/// Which times a page shows.
#[derive(Clone, Default)]
pub struct Older {
    from: Option<String>,
    page: usize,
}

impl Older {
    /// Of the query of an address, as [`queried`] reads it.
    pub fn of(query: &mut HashMap<String, String>) -> Self {
        let page = number(query, "older");
        Self { from: query.remove("from").filter(|from| from.len() <= CURSOR_BYTES_MAX), page }
    }

    /// These are not the newest.
    pub fn is_further(&self) -> bool {
        self.from.is_some() || self.page > 0
    }

    pub fn append(&self, query: &mut Serializer<'_, String>) {
        if self.page > 0 {
            query.append_pair("older", &self.page.to_string());
        }
        if let Some(from) = &self.from {
            query.append_pair("from", from);
        }
    }

    pub fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        self.append(&mut query);
        query.finish()
    }

    /// Of times, newest first, those that stand on this page, so many columns at most.
    pub fn shown<'t, T>(&self, times: &'t [T], columns: usize) -> &'t [T] {
        let times = &times[(self.page * columns).min(times.len())..];
        &times[..times.len().min(columns)]
    }

    /// The times behind these: of the results that are held, else of those that the cursor leads to.
    pub fn behind(&self, times: usize, columns: usize, cursor: Option<&str>) -> Option<Self> {
        if (self.page + 1) * columns < times {
            return Some(Self { from: self.from.clone(), page: self.page + 1 });
        }
        cursor.map(|cursor| Self { from: Some(cursor.to_owned()), page: 0 })
    }

    /// What the page looks at: where the cursor leads, else the search with these pairs. The address of another chart's page is none
    /// of this one's.
    pub async fn found(
        &self,
        asking: &Asking<'_>,
        kind: &str,
        patient_id: &str,
        pairs: &[(&str, &str)],
    ) -> Result<Sheet, Refusal> {
        let Some(from) = &self.from else {
            return asking.search(kind, &[&[("patient", patient_id)], pairs].concat()).await;
        };
        let found = asking.search(kind, &[("_cursor", from)]).await?;
        for one in &found.resources() {
            asking.whose(one, patient_id).await?;
        }
        Ok(found)
    }
}

/// The query of the address that was asked for.
pub fn queried(asked: &Asked<'_>) -> HashMap<String, String> {
    let query = asked.parts.uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// A number of a query; none is the first.
pub fn number(query: &HashMap<String, String>, name: &str) -> usize {
    query.get(name).and_then(|text| text.parse::<u16>().ok()).map_or(0, usize::from)
}
