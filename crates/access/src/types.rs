//! Resource types and the groups policies name: `policies/types.txt`.

use std::collections::HashMap;
use std::sync::OnceLock;

/// The group of a type (or of `System`); none if the table does not know it.
pub fn group_of(type_name: &str) -> Option<&'static str> {
    table().get(type_name).copied()
}

/// Every known type with its group, by name.
pub fn resource_types() -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut rows: Vec<_> = table().iter().map(|(name, group)| (*name, *group)).collect();
    rows.sort_unstable();
    rows.into_iter()
}

const TYPES: &str = include_str!("../../../policies/types.txt");

fn table() -> &'static HashMap<&'static str, &'static str> {
    static TABLE: OnceLock<HashMap<&'static str, &'static str>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = HashMap::new();
        for line in TYPES.lines().filter(|line| !line.starts_with('#')) {
            if let Some((group, names)) = line.split_once(':') {
                table.extend(names.split_whitespace().map(|name| (name, group)));
            }
        }
        table
    })
}
