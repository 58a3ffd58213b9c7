//! What an attacker sees who has the files and the database keys: every table, blobs in hexadecimal.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use store::sqlite::dump_at;

use crate::assembly::Keys;
use crate::directory::{DataDirectory, is_absent_or_empty};
use crate::{ServerError, files};

/// Writes `FILE.TABLE.tsv` for each table. Answers the number of rows.
pub fn write(directory: &DataDirectory, keys: &Keys, destination: &Path) -> Result<u64, ServerError> {
    if !is_absent_or_empty(destination)? {
        return Err(ServerError::Refused(format!("{} is not empty", destination.display())));
    }
    files::create_folder(destination)?;
    let rows = dump_at(directory.path(), &keys.databases, &keys.desk(), &mut |file, table| {
        let name = format!("{}.{table}.tsv", file.trim_end_matches(".db"));
        File::create_new(destination.join(name)).map(BufWriter::new)
    })?;
    Ok(rows)
}
