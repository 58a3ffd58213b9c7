//! Finds the files of an import and cuts them into pieces.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use fhir::Json;

use super::piece::{Item, Piece};
use crate::ServerError;

/// Lines of a bulk file that commit together.
const LINES_PER_PIECE: usize = 500;
/// And bytes.
const PIECE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// A transaction larger than this is not one.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
const LINE_BYTES_MAX: usize = record::RESOURCE_BYTES_MAX;

/// What is imported when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Bundles of what others refer to: hospitals and practitioners, by the names that generators give such files.
    Directory,
    Bundles,
    /// The Patients of bulk files.
    Patients,
    /// The rest of bulk files.
    Rest,
}

impl Phase {
    pub const ALL: [Phase; 4] = [Phase::Directory, Phase::Bundles, Phase::Patients, Phase::Rest];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bundle,
    DirectoryBundle,
    Lines,
}

/// One file.
pub struct Source {
    pub path: PathBuf,
    pub bytes: u64,
    kind: Kind,
}

/// A line that is no resource.
pub struct MalformedLine {
    pub line: usize,
    pub rule: String,
}

impl Source {
    pub fn is_in(&self, phase: Phase) -> bool {
        match self.kind {
            Kind::DirectoryBundle => phase == Phase::Directory,
            Kind::Bundle => phase == Phase::Bundles,
            Kind::Lines => matches!(phase, Phase::Patients | Phase::Rest),
        }
    }

    pub fn pieces(&self, phase: Phase) -> Result<Pieces, ServerError> {
        if self.kind != Kind::Lines {
            if self.bytes > FILE_BYTES_MAX {
                return Err(ServerError::Refused(format!("a bundle file is limited to {FILE_BYTES_MAX} bytes")));
            }
            let body = std::fs::read(&self.path).map_err(ServerError::io("cannot be read", &self.path))?;
            return Ok(Pieces::One(Some(Piece::bundle(&self.path, body))));
        }
        let file = File::open(&self.path).map_err(ServerError::io("cannot be read", &self.path))?;
        Ok(Pieces::Lines(Lines {
            path: self.path.clone(),
            reader: BufReader::with_capacity(256 * 1024, file),
            patients: phase == Phase::Patients,
            line: 0,
            is_ended: false,
            malformed: VecDeque::new(),
        }))
    }
}

/// Files and folders below the paths, sorted.
pub fn find(paths: &[PathBuf]) -> Result<Vec<Source>, ServerError> {
    let mut sources = Vec::new();
    for path in paths {
        let metadata = std::fs::metadata(path).map_err(ServerError::io("cannot be read", path))?;
        if metadata.is_dir() {
            walk(path, &mut sources)?;
        } else {
            let kind = kind_of(path).ok_or_else(|| {
                ServerError::Usage(format!("{}: neither a .json bundle nor a .ndjson file", path.display()))
            })?;
            sources.push(Source { path: path.clone(), bytes: metadata.len(), kind });
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources.dedup_by(|a, b| a.path == b.path);
    if sources.is_empty() {
        return Err(ServerError::Usage("there is no .json or .ndjson file to import".into()));
    }
    Ok(sources)
}

fn walk(folder: &Path, sources: &mut Vec<Source>) -> Result<(), ServerError> {
    for entry in std::fs::read_dir(folder).map_err(ServerError::io("cannot be read", folder))? {
        let entry = entry.map_err(ServerError::io("cannot be read", folder))?;
        let path = entry.path();
        // Symbolic links are not followed: a folder that contains itself would never end.
        let kind = entry.file_type().map_err(ServerError::io("cannot be read", &path))?;
        if kind.is_dir() {
            walk(&path, sources)?;
        } else if kind.is_file()
            && let Some(kind) = kind_of(&path)
        {
            let bytes = entry.metadata().map_err(ServerError::io("cannot be read", &path))?.len();
            sources.push(Source { path, bytes, kind });
        }
    }
    Ok(())
}

fn kind_of(path: &Path) -> Option<Kind> {
    let name = path.file_name()?.to_str()?;
    match path.extension()?.to_str()? {
        "ndjson" => Some(Kind::Lines),
        "json" if name.starts_with("hospitalInformation") || name.starts_with("practitionerInformation") => {
            Some(Kind::DirectoryBundle)
        }
        "json" => Some(Kind::Bundle),
        _ => None,
    }
}

/// The pieces of one file.
pub enum Pieces {
    One(Option<Piece>),
    Lines(Lines),
}

impl Iterator for Pieces {
    type Item = Result<Piece, MalformedLine>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Pieces::One(piece) => piece.take().map(Ok),
            Pieces::Lines(lines) => lines.next_piece(),
        }
    }
}

pub struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    /// Takes the Patients only, or all except them.
    patients: bool,
    line: usize,
    is_ended: bool,
    malformed: VecDeque<MalformedLine>,
}

impl Lines {
    fn next_piece(&mut self) -> Option<Result<Piece, MalformedLine>> {
        if let Some(malformed) = self.malformed.pop_front() {
            return Some(Err(malformed));
        }
        let mut items: Vec<Item> = Vec::new();
        let (mut bytes, mut source_bytes) = (0, 0);
        while !self.is_ended && items.len() < LINES_PER_PIECE && bytes < PIECE_BYTES_MAX {
            let mut text = Vec::new();
            match self.reader.read_until(b'\n', &mut text) {
                Err(_) => {
                    self.is_ended = true;
                    self.refuse(self.line + 1, "the file cannot be read on");
                }
                Ok(0) => self.is_ended = true,
                Ok(_) => self.line += 1,
            }
            let line = text.trim_ascii();
            if line.is_empty() {
                continue;
            }
            if !self.patients {
                source_bytes += text.len() as u64;
            }
            if line.len() > LINE_BYTES_MAX {
                self.refuse(self.line, "the line is too long");
                continue;
            }
            // A line without the word is no Patient; a line with it must be looked at.
            let may_be_patient = line.windows(9).any(|window| window == b"\"Patient\"");
            if self.patients && !may_be_patient {
                continue;
            }
            match Item::parse(self.line, line) {
                Ok(item) if item.is_patient() == self.patients => {
                    bytes += line.len();
                    items.push(item);
                }
                Ok(_) => {}
                Err(rule) => self.refuse(self.line, &rule),
            }
        }
        if items.is_empty() {
            return self.malformed.pop_front().map(Err);
        }
        Some(Ok(Piece::lines(&self.path, items, source_bytes)))
    }

    /// Said once, by the phase that takes the rest.
    fn refuse(&mut self, line: usize, rule: &str) {
        if !self.patients {
            self.malformed.push_back(MalformedLine { line, rule: rule.to_owned() });
        }
    }
}

/// Reads type and id of one line.
pub(super) fn type_and_id(line: &[u8]) -> Result<(String, String), String> {
    let json = Json::parse(line).map_err(|error| error.to_string())?;
    let kind = json.resource_type().ok_or("no resourceType")?;
    let id = json.get("id").and_then(Json::as_str).ok_or("no id: bulk resources carry their ids")?;
    record::ResourceKey::parse(kind, id).ok_or("no resource type of R4, or a malformed id")?;
    Ok((kind.to_owned(), id.to_owned()))
}
