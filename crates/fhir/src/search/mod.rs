//! Search: what a resource can be found by, and whether a query finds it. All of FHIR R4 search semantics is here, as one
//! matcher over extracted values; the keyword index elsewhere only proposes candidates.

mod date;
mod decimal;
mod error;
mod extract;
mod fold;
mod keywords;
mod matcher;
mod owner;
mod query;
mod sound;
mod systems;
mod table;
mod values;
mod wanted;

pub use error::{Problem, QueryError};
pub use extract::extract;
pub use fold::fold;
pub use keywords::{KEYWORDS_MAX, Keyword, keywords};
pub use matcher::{HeadMeta, SortKeys};
pub use owner::{owner_params, owner_reference};

pub use crate::compartment::params as compartment_params;
pub use query::{Include, Query, QueryOptions, Summary, Total};
pub use table::{Kind, Param, find, parameters, resource_types};
pub use values::{SearchValues, TEXT_BYTES_MAX, VALUES_VERSION, ValuesRef};

/// Text as string search compares it.
pub fn folded(text: &str) -> String {
    fold::fold(text)
}

/// Whether any word of one name sounds like any word of the other.
pub fn sounds_alike(name: &str, other: &str) -> bool {
    let codes: Vec<String> = sound::codes(name).collect();
    sound::codes(other).any(|code| codes.contains(&code))
}

/// The span of a FHIR date, dateTime or instant in milliseconds since 1970: the first in it, the first behind it.
pub fn date_span_ms(text: &str) -> Option<(i64, i64)> {
    date::parse(text).map(|span| (span.low / 1_000, span.high / 1_000))
}
