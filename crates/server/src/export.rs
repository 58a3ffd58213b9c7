//! Takes resources out of the record, by type, as NDJSON: sealed under a key of its own, or in clear when a named person
//! says why. Each page is decided and audited like every search.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use access::{Purpose, Role};
use crypto::SealKey;
use record::{PAGE_SIZE_MAX, SearchRequest};
use zeroize::Zeroizing;

use crate::assembly::House;
use crate::directory::is_absent_or_empty;
use crate::operator::{self, Operator};
use crate::{ServerError, files};

/// A sealed file is a row of chunks: length, then nonce, ciphertext and tag. File name, number and "last" are bound.
const CHUNK_BYTES: usize = 64 * 1024;
const MAGIC: &[u8; 8] = b"WSEXPT01";
const SEALED_SUFFIX: &str = "sealed";

pub enum Form {
    /// The key goes to a file of its own, which must not lie beside the export.
    Sealed {
        key_file: PathBuf,
    },
    Plaintext,
}

pub struct ExportPlan {
    pub destination: PathBuf,
    pub form: Form,
    pub operator: Operator,
    /// Empty for all types.
    pub types: Vec<String>,
}

/// Answers types and their counts.
pub async fn run(house: &House, plan: &ExportPlan) -> Result<Vec<(&'static str, u64)>, ServerError> {
    if !is_absent_or_empty(&plan.destination)? {
        return Err(ServerError::Refused(format!("{} is not empty", plan.destination.display())));
    }
    files::create_folder(&plan.destination)?;
    let (key, subject) = match &plan.form {
        Form::Sealed { key_file } => {
            crate::kek::refuse_inside(key_file, &plan.destination)?;
            let key = Zeroizing::new(crypto::random_array::<32>()?);
            let hex = Zeroizing::new(crypto::kek::hex_encode(key.as_ref()));
            files::create_secret(key_file, hex.as_bytes())?;
            (Some(key), "sealed")
        }
        Form::Plaintext => (None, "plaintext"),
    };
    let subject = plan.operator.because(subject);
    house.note(audit::Action::Export, &plan.operator.name, Some(&subject)).await?;
    let mut counts = Vec::new();
    for name in fhir::structure::resource_types() {
        let is_wanted = plan.types.is_empty() || plan.types.iter().any(|wanted| wanted == name);
        if !is_wanted || *name == record::types::AUDIT_EVENT {
            continue;
        }
        let count = export_type(house, plan, name, key.as_deref()).await?;
        if count > 0 {
            counts.push((*name, count));
        }
    }
    let total = counts.iter().map(|(_, count)| count).sum();
    let outcome = audit::Outcome::Success;
    house.note_outcome(audit::Action::Export, &plan.operator.name, Some("end"), Some(total), outcome).await?;
    Ok(counts)
}

async fn export_type(
    house: &House,
    plan: &ExportPlan,
    name: &'static str,
    key: Option<&[u8; 32]>,
) -> Result<u64, ServerError> {
    let Some(kind) = record::types::parse(name) else { return Ok(0) };
    let count = (Cow::Borrowed("_count"), Cow::Owned(PAGE_SIZE_MAX.to_string()));
    let mut pairs = vec![count.clone()];
    let mut out: Option<Sink> = None;
    let mut exported = 0;
    loop {
        let caller = operator::caller(&plan.operator.name, Role::Integration, Purpose::Treatment, &house.clock)?;
        let request = SearchRequest { kind, compartment: None, pairs: &pairs, lenient: false };
        let page = house.record.search(&caller, &request).await?.into_inner();
        for (_, version) in page.entries {
            let out = match &mut out {
                Some(out) => out,
                None => out.insert(Sink::create(&plan.destination, name, key)?),
            };
            out.line(version.json())?;
            exported += 1;
        }
        match page.next {
            Some(cursor) => pairs = vec![(Cow::Borrowed("_cursor"), Cow::Owned(cursor))],
            None => break,
        }
    }
    if let Some(out) = out {
        out.finish()?;
    }
    Ok(exported)
}

/// One file of the export.
struct Sink {
    path: PathBuf,
    name: String,
    file: BufWriter<File>,
    sealing: Option<(SealKey, Zeroizing<Vec<u8>>, u64)>,
}

impl Sink {
    fn create(folder: &Path, type_name: &str, key: Option<&[u8; 32]>) -> Result<Self, ServerError> {
        let name = format!("{type_name}.ndjson");
        let path = match key {
            Some(_) => folder.join(format!("{name}.{SEALED_SUFFIX}")),
            None => folder.join(&name),
        };
        files::create_secret(&path, if key.is_some() { MAGIC } else { b"" })?;
        let file = File::options().append(true).open(&path).map_err(ServerError::io("cannot be written", &path))?;
        let sealing = key.map(|key| (SealKey::new(key), Zeroizing::new(Vec::with_capacity(2 * CHUNK_BYTES)), 0));
        Ok(Self { path, name, file: BufWriter::new(file), sealing })
    }

    fn line(&mut self, json: &[u8]) -> Result<(), ServerError> {
        match &mut self.sealing {
            None => {
                let written = self.file.write_all(json).and_then(|()| self.file.write_all(b"\n"));
                return written.map_err(ServerError::io("cannot be written", &self.path));
            }
            Some((_, plain, _)) => {
                plain.extend_from_slice(json);
                plain.push(b'\n');
            }
        }
        while self.sealing.as_ref().is_some_and(|(_, plain, _)| plain.len() > CHUNK_BYTES) {
            self.chunk(CHUNK_BYTES, false)?;
        }
        Ok(())
    }

    fn chunk(&mut self, bytes: usize, is_last: bool) -> Result<(), ServerError> {
        let Some((key, plain, number)) = &mut self.sealing else { return Ok(()) };
        let sealed = key.seal(&aad(&self.name, *number, is_last), &plain[..bytes])?;
        plain.drain(..bytes);
        *number += 1;
        let length = (sealed.len() as u32).to_be_bytes();
        let written = self.file.write_all(&length).and_then(|()| self.file.write_all(&sealed));
        written.map_err(ServerError::io("cannot be written", &self.path))
    }

    fn finish(mut self) -> Result<(), ServerError> {
        if let Some((_, plain, _)) = &self.sealing {
            let rest = plain.len();
            self.chunk(rest, true)?;
        }
        let flushed = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        flushed.map_err(ServerError::io("cannot be flushed", &self.path))
    }
}

/// Opens one sealed file of an export with its key, onto `out`.
pub fn open_sealed(sealed: &Path, key_file: &Path, out: &mut impl Write) -> Result<(), ServerError> {
    let hex = Zeroizing::new(files::read_text(key_file)?);
    let key = crypto::kek::hex_decode(hex.trim())
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .map(Zeroizing::new)
        .ok_or_else(|| ServerError::Malformed {
            path: key_file.display().to_string(),
            reason: "no export key".into(),
        })?;
    let key = SealKey::new(&key);
    let malformed =
        || ServerError::Malformed { path: sealed.display().to_string(), reason: "not a sealed export".into() };
    let name = sealed.file_stem().and_then(|name| name.to_str()).ok_or_else(malformed)?;
    let file = File::open(sealed).map_err(ServerError::io("cannot be read", sealed))?;
    let mut file = std::io::BufReader::new(file);
    let mut magic = [0; MAGIC.len()];
    file.read_exact(&mut magic).map_err(|_| malformed())?;
    if magic != *MAGIC {
        return Err(malformed());
    }
    let mut number = 0;
    loop {
        let mut length = [0; 4];
        file.read_exact(&mut length).map_err(|_| malformed())?;
        let length = u32::from_be_bytes(length) as usize;
        if length > CHUNK_BYTES + crypto::seal::OVERHEAD {
            return Err(malformed());
        }
        let mut chunk = vec![0; length];
        file.read_exact(&mut chunk).map_err(|_| malformed())?;
        let is_last = file.fill_buf().map_err(ServerError::io("cannot be read", sealed))?.is_empty();
        let plain = Zeroizing::new(key.open(&aad(name, number, is_last), &chunk)?);
        out.write_all(&plain).map_err(|error| ServerError::Refused(format!("cannot write: {}", error.kind())))?;
        if is_last {
            return Ok(());
        }
        number += 1;
    }
}

fn aad(name: &str, number: u64, is_last: bool) -> Vec<u8> {
    let mut aad = b"wardstone/export/v1".to_vec();
    aad.extend_from_slice(name.as_bytes());
    aad.push(0);
    aad.extend_from_slice(&number.to_be_bytes());
    aad.push(u8::from(is_last));
    aad
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_export_opens_whole_and_refuses_to_open_cut_or_swapped() {
        let folder = std::env::temp_dir().join(format!("wardstone-export-{}", std::process::id()));
        files::create_folder(&folder).unwrap();
        let key = [7; 32];
        let key_file = folder.join("key");
        files::create_secret(&key_file, crypto::kek::hex_encode(&key).as_bytes()).unwrap();
        let mut sink = Sink::create(&folder, "Patient", Some(&key)).unwrap();
        let line = vec![b'x'; 50_000];
        for _ in 0..5 {
            sink.line(&line).unwrap();
        }
        sink.finish().unwrap();
        let path = folder.join("Patient.ndjson.sealed");
        let mut plain = Vec::new();
        open_sealed(&path, &key_file, &mut plain).unwrap();
        assert_eq!(plain.len(), 5 * 50_001);

        let whole = std::fs::read(&path).unwrap();
        let first_chunk = MAGIC.len() + 4 + CHUNK_BYTES + crypto::seal::OVERHEAD;
        std::fs::write(&path, &whole[..first_chunk]).unwrap();
        assert!(open_sealed(&path, &key_file, &mut Vec::new()).is_err());
        let other = folder.join("Observation.ndjson.sealed");
        std::fs::write(&other, &whole).unwrap();
        assert!(open_sealed(&other, &key_file, &mut Vec::new()).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
