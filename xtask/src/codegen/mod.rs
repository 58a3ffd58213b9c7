//! Turns the official FHIR packages into the text tables that crates/fhir embeds.

mod search;
mod structures;

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

const CORE: &str = "hl7.fhir.r4.core-4.0.1.tgz";

/// One package as published: its JSON resources and the lines that name its origin.
pub struct Package {
    /// `# ` lines that open every table: name, version, checksum, licence.
    pub header: String,
    /// File name inside the package and its content, in name order.
    pub resources: Vec<(String, Value)>,
}

pub struct Table {
    pub file: &'static str,
    pub text: String,
}

#[expect(clippy::print_stdout, reason = "a command-line tool answers on its streams")]
pub fn run(definitions: &Path, tables: &Path) -> Result<(), String> {
    std::fs::create_dir_all(tables).map_err(|e| format!("{}: {e}", tables.display()))?;
    for table in make(definitions)? {
        let path = tables.join(table.file);
        std::fs::write(&path, &table.text).map_err(|e| format!("{}: {e}", path.display()))?;
        println!("{} {} bytes", table.file, table.text.len());
    }
    Ok(())
}

fn make(definitions: &Path) -> Result<Vec<Table>, String> {
    let package = Package::read(&definitions.join(CORE))?;
    let mut made = structures::tables(&package)?;
    made.extend(search::tables(&package)?);
    for table in &mut made {
        table.text.insert_str(0, &package.header);
    }
    Ok(made)
}

impl Package {
    fn read(path: &Path) -> Result<Self, String> {
        let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let mut sha256 = String::new();
        for byte in Sha256::digest(&bytes) {
            write!(sha256, "{byte:02x}").map_err(|e| e.to_string())?;
        }
        let mut resources = Vec::new();
        let mut header = String::new();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        for entry in archive.entries().map_err(|e| e.to_string())? {
            let mut entry = entry.map_err(|e| e.to_string())?;
            let name = entry.path().map_err(|e| e.to_string())?.to_string_lossy().into_owned();
            let Some(file) = name.strip_prefix("package/").filter(|f| f.ends_with(".json") && !f.contains('/')) else {
                continue;
            };
            let mut text = String::new();
            entry.read_to_string(&mut text).map_err(|e| format!("{name}: {e}"))?;
            let value: Value = serde_json::from_str(&text).map_err(|e| format!("{name}: {e}"))?;
            if file == "package.json" {
                header = format!(
                    "# made by `cargo xtask codegen`; not edited by hand\n# {} {}, licence {}\n# sha256 {sha256}\n",
                    text_of(&value, "name"),
                    text_of(&value, "version"),
                    text_of(&value, "license"),
                );
            } else if value.get("resourceType").is_some() {
                resources.push((file.to_owned(), value));
            }
        }
        if header.is_empty() {
            return Err(format!("{}: no package.json", path.display()));
        }
        resources.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Self { header, resources })
    }

    /// Every resource of one type.
    pub fn of_type<'p>(&'p self, resource_type: &'p str) -> impl Iterator<Item = &'p Value> {
        self.resources.iter().map(|(_, v)| v).filter(move |v| text_of(v, "resourceType") == resource_type)
    }
}

/// A string member, or nothing.
pub fn text_of<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// An array member's elements, or none.
pub fn list_of<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    #[expect(clippy::print_stdout, reason = "a skipped test says so")]
    fn shared_the_tables_are_what_the_package_makes() {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let definitions = workspace.join("../shared/definitions");
        if !definitions.exists() {
            println!("SKIP: shared data absent");
            return;
        }
        for table in make(&definitions).unwrap() {
            let held = std::fs::read_to_string(workspace.join("crates/fhir/tables").join(table.file)).unwrap();
            assert!(held == table.text, "{} is out of date: run cargo xtask codegen", table.file);
        }
    }
}
