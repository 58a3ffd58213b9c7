//! The keyword index: which rows may match a keyword (after Cash et al., NDSS 2014).
//!
//! Recent postings are in a tail in memory; older ones in runs on disk, each written once in label order. A run's label is
//! PRF(keyword, run, i), its block sealed references: at rest nobody can tell which blocks belong together. Candidates are
//! always checked against their head again, so stale postings are harmless; missing ones are not, so every commit reaches
//! the tail before it is acknowledged, and a start rebuilds the tail from the heads above the last run.

use std::collections::HashMap;
use std::sync::{Arc, RwLock, Weak};

use access::{Permit, SystemPurpose};
use crypto::hash::Prf;
use crypto::{Keyring, SealKey};
use fhir::search::ValuesRef;
use store::{Backend, ChartNo, Keyword, RowNo, Run, Seq};
use tokio::sync::Notify;

use crate::head::Head;
use crate::search::values_of;
use crate::{Record, RecordError};

/// Resources in the tail after which it is written as a run. At least 1,000, so that a run tells little.
const TAIL_RESOURCES: usize = 8_192;
const RUNS_MAX: usize = 8;
/// References in one block; the rest of the last one is padding.
const BLOCK_PLACES: usize = 16;
const PLACE_BYTES: usize = 9;
/// A run's postings are filled up to a multiple of this with blocks that no label finds.
const POSTINGS_STEP: usize = 256;
/// Heads read at once while following the record.
const FOLLOW_PAGE: usize = 2_000;

/// Where a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub row: RowNo,
    pub chart: ChartNo,
}

pub struct Index {
    keywords: Prf,
    block: SealKey,
    state: RwLock<State>,
    full: Notify,
    /// Held while runs are written.
    writing: tokio::sync::Mutex<()>,
}

struct State {
    runs: Arc<Vec<Run>>,
    /// Runs that a joined one replaced, deleted when no search holds the list that names them.
    retired: Vec<(u32, Weak<Vec<Run>>)>,
    /// A tail that is being written as a run.
    frozen: Option<Arc<Tail>>,
    tail: Tail,
}

struct Tail {
    from: Seq,
    to: Seq,
    resources: usize,
    places: HashMap<Keyword, Vec<Place>>,
}

impl Tail {
    fn after(seq: Seq) -> Self {
        Self { from: seq, to: seq, resources: 0, places: HashMap::new() }
    }

    fn add(&mut self, seq: Seq, place: Place, keywords: &[Keyword]) {
        self.to = seq;
        self.resources += 1;
        for keyword in keywords {
            self.places.entry(*keyword).or_default().push(place);
        }
    }
}

impl Index {
    pub fn new(keyring: &Keyring, runs: Vec<Run>) -> Self {
        let watermark = runs.iter().map(|r| r.to).max().unwrap_or(0);
        // A crash may leave a joined run beside the two it was made of.
        let is_covered = |run: &Run| runs.iter().any(|r| r.run > run.run && r.from <= run.from && run.to <= r.to);
        let (retired, runs): (Vec<Run>, Vec<Run>) = runs.iter().partition(|run| is_covered(run));
        let retired = retired.iter().map(|run| (run.run, Weak::new())).collect();
        Self {
            keywords: keyring.prf("wardstone/index/keyword/v1"),
            block: keyring.seal_key("wardstone/index/block/v1"),
            state: RwLock::new(State { runs: Arc::new(runs), retired, frozen: None, tail: Tail::after(watermark) }),
            full: Notify::new(),
            writing: tokio::sync::Mutex::new(()),
        }
    }

    pub fn label(&self, keyword: &fhir::search::Keyword) -> Keyword {
        self.keywords.label(&keyword.0)
    }

    /// The labels of everything a resource is posted under.
    pub fn labels(&self, type_name: &str, values: ValuesRef<'_>) -> Vec<Keyword> {
        let mut found = Vec::new();
        fhir::search::keywords(type_name, values, &mut found);
        found.iter().map(|k| self.label(k)).collect()
    }

    /// Called for every commit, in commit order, before it is acknowledged. A commit enters as one: the tail never ends
    /// in the middle of it.
    pub fn add_commit<'k>(&self, seq: Seq, rows: impl Iterator<Item = (Place, &'k [Keyword])>) {
        let Ok(mut state) = self.state.write() else { return };
        for (place, keywords) in rows {
            state.tail.add(seq, place, keywords);
        }
        if state.tail.resources >= TAIL_RESOURCES {
            self.full.notify_one();
        }
    }

    fn watermark(&self) -> Seq {
        self.state.read().map_or(0, |s| s.tail.from)
    }
}

/// Candidates of a list of keywords (any of them), by ascending row, each once.
pub struct Candidates {
    streams: Vec<Stream>,
    /// Keeps the runs that the streams read from being deleted.
    _runs: Option<Arc<Vec<Run>>>,
}

enum Stream {
    Memory { places: Vec<Place>, at: usize },
    Run { run: u32, keyword: Box<Prf>, block: u32, places: Vec<Place>, at: usize, ended: bool },
}

impl<B: Backend> Record<B> {
    /// Candidates beyond a row.
    pub(crate) fn candidates(&self, any_of: &[Keyword], after: RowNo) -> Candidates {
        let mut streams = Vec::new();
        let Ok(state) = self.0.index.state.read() else { return Candidates { streams, _runs: None } };
        for keyword in any_of {
            let memory = [state.frozen.as_deref(), Some(&state.tail)];
            let mut places: Vec<Place> = Vec::new();
            for tail in memory.into_iter().flatten() {
                places.extend(tail.places.get(keyword).into_iter().flatten().filter(|p| p.row > after));
            }
            places.sort_unstable();
            streams.push(Stream::Memory { places, at: 0 });
            for run in state.runs.iter() {
                streams.push(Stream::Run {
                    run: run.run,
                    keyword: Box::new(Prf::new(keyword)),
                    block: 0,
                    places: Vec::new(),
                    at: 0,
                    ended: false,
                });
            }
        }
        Candidates { streams, _runs: Some(state.runs.clone()) }
    }

    /// The next candidate beyond `after`.
    pub(crate) async fn next_candidate(
        &self,
        candidates: &mut Candidates,
        after: RowNo,
    ) -> Result<Option<Place>, RecordError> {
        let mut next: Option<Place> = None;
        for stream in &mut candidates.streams {
            if let Some(place) = self.peek(stream, after).await?
                && next.is_none_or(|n| place.row < n.row)
            {
                next = Some(place);
            }
        }
        Ok(next)
    }

    async fn peek(&self, stream: &mut Stream, after: RowNo) -> Result<Option<Place>, RecordError> {
        match stream {
            Stream::Memory { places, at } => {
                while places.get(*at).is_some_and(|p| p.row <= after) {
                    *at += 1;
                }
                Ok(places.get(*at).copied())
            }
            Stream::Run { run, keyword, block, places, at, ended } => loop {
                while let Some(place) = places.get(*at) {
                    if place.row > after {
                        return Ok(Some(*place));
                    }
                    *at += 1;
                }
                if *ended {
                    return Ok(None);
                }
                let label = run_label(keyword, *run, *block);
                match self.0.store.posting(*run, &label).await? {
                    Some(sealed) => {
                        *places = self.0.index.open_block(*run, &label, &sealed)?;
                        *ended = places.len() < BLOCK_PLACES;
                        *at = 0;
                        *block += 1;
                    }
                    None => *ended = true,
                }
            },
        }
    }

    /// Brings the tail up to the last commit, commit by commit; writes runs on the way if there is much.
    pub(crate) async fn follow_index(&self) -> Result<(), RecordError> {
        let (mut seq, mut row) = (self.0.index.watermark(), RowNo::MAX >> 1);
        let mut commit: Vec<(Place, Vec<Keyword>)> = Vec::new();
        let mut commit_seq = seq;
        loop {
            let heads = self.0.store.heads_since(seq, row, FOLLOW_PAGE).await?;
            for sealed in &heads {
                if sealed.seq != commit_seq {
                    self.add_followed(commit_seq, &mut commit).await?;
                    commit_seq = sealed.seq;
                }
                let head = self.open_head(sealed).await?;
                commit.push((Place { row: head.row, chart: head.chart }, self.keywords_of(&head).await?));
            }
            match heads.last() {
                Some(last) => (seq, row) = (last.seq, last.row),
                None => return self.add_followed(commit_seq, &mut commit).await,
            }
        }
    }

    async fn add_followed(&self, seq: Seq, commit: &mut Vec<(Place, Vec<Keyword>)>) -> Result<(), RecordError> {
        self.0.index.add_commit(seq, commit.iter().map(|(place, keywords)| (*place, keywords.as_slice())));
        commit.clear();
        self.flush_index(TAIL_RESOURCES * 4).await
    }

    /// Writes the tail as a run whenever it is full, and merges runs when they are many. Runs until dropped.
    pub async fn maintain_index(self) {
        loop {
            self.0.index.full.notified().await;
            if let Err(error) = self.flush_index(TAIL_RESOURCES).await {
                tracing::error!(%error, "the index tail could not be written; it stays in memory");
            }
        }
    }

    /// Writes the tail as a run if it holds `resources` or more.
    pub async fn flush_index(&self, resources: usize) -> Result<(), RecordError> {
        let _one_at_a_time = self.0.index.writing.lock().await;
        let frozen = {
            let Ok(mut state) = self.0.index.state.write() else { return Err(RecordError::Damaged) };
            if state.tail.resources < resources.max(1) {
                return Ok(());
            }
            let to = state.tail.to;
            let frozen = Arc::new(std::mem::replace(&mut state.tail, Tail::after(to)));
            state.frozen = Some(frozen.clone());
            frozen
        };
        let number = self.0.index.next_run();
        let run = Run { run: number, from: frozen.from, to: frozen.to, resources: frozen.resources as u64 };
        let written = match self.0.index.postings(number, &frozen.places) {
            Ok(postings) => {
                let deleted = self.0.index.take_unheld();
                self.0.store.write_run(run, deleted, postings).await.map_err(RecordError::from)
            }
            Err(error) => Err(error),
        };
        {
            let Ok(mut state) = self.0.index.state.write() else { return Err(RecordError::Damaged) };
            state.frozen = None;
            if let Err(error) = written {
                // Not lost: back into memory, to be tried with the next flush.
                state.tail.from = frozen.from;
                state.tail.resources += frozen.resources;
                for (keyword, places) in &frozen.places {
                    state.tail.places.entry(*keyword).or_default().extend(places);
                }
                return Err(error);
            }
            let mut runs = state.runs.as_ref().clone();
            runs.push(run);
            state.runs = Arc::new(runs);
        }
        self.merge_runs().await
    }

    /// Joins the two smallest neighbours until there are few runs. What is written is read from the heads anew, so
    /// postings of replaced versions fall away.
    async fn merge_runs(&self) -> Result<(), RecordError> {
        loop {
            let runs = self.0.index.state.read().map_err(|_| RecordError::Damaged)?.runs.clone();
            if runs.len() <= RUNS_MAX {
                return Ok(());
            }
            let Some(at) = (0..runs.len() - 1).min_by_key(|&i| runs[i].resources + runs[i + 1].resources) else {
                return Ok(());
            };
            let (first, second) = (runs[at], runs[at + 1]);
            let (places, resources) = self.places_between(first.from, second.to).await?;
            self.wait_for_followers().await?;
            let number = self.0.index.next_run();
            let joined = Run { run: number, from: first.from, to: second.to, resources };
            let postings = self.0.index.postings(number, &places)?;
            self.0.store.write_run(joined, self.0.index.take_unheld(), postings).await?;
            let Ok(mut state) = self.0.index.state.write() else { return Err(RecordError::Damaged) };
            let mut runs = state.runs.as_ref().clone();
            runs.splice(at..=at + 1, [joined]);
            let before = std::mem::replace(&mut state.runs, Arc::new(runs));
            let held = Arc::downgrade(&before);
            state.retired.extend([first.run, second.run].map(|run| (run, held.clone())));
        }
    }

    /// Until every commit that the store shows is in the tail too: a row that was replaced while heads were read must be
    /// found there before the runs that knew it are gone.
    async fn wait_for_followers(&self) -> Result<(), RecordError> {
        let newest = self.0.store.heads_before(Seq::MAX, RowNo::MAX >> 1, 1).await?;
        let shown = newest.first().map_or(0, |head| head.seq);
        while self.0.store.last_seq() < shown {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn places_between(&self, from: Seq, to: Seq) -> Result<(HashMap<Keyword, Vec<Place>>, u64), RecordError> {
        let mut places: HashMap<Keyword, Vec<Place>> = HashMap::new();
        let (mut seq, mut row, mut resources) = (from, RowNo::MAX >> 1, 0);
        loop {
            let heads = self.0.store.heads_since(seq, row, FOLLOW_PAGE).await?;
            let Some(last) = heads.last() else { return Ok((places, resources)) };
            (seq, row) = (last.seq, last.row);
            for sealed in heads.iter().take_while(|h| h.seq <= to) {
                let head = self.open_head(sealed).await?;
                resources += 1;
                for keyword in self.keywords_of(&head).await? {
                    places.entry(keyword).or_default().push(Place { row: head.row, chart: head.chart });
                }
            }
            if seq > to {
                return Ok((places, resources));
            }
            tokio::task::yield_now().await;
        }
    }

    async fn keywords_of(&self, head: &Head) -> Result<Vec<Keyword>, RecordError> {
        if head.deleted() {
            return Ok(Vec::new());
        }
        let permit = Permit::system(SystemPurpose::IndexRebuild);
        let apart = self.apart_values(&permit, head, true).await?;
        Ok(self.0.index.labels(head.type_name(), values_of(head, apart.as_deref())))
    }
}

impl Index {
    fn next_run(&self) -> u32 {
        let highest = |s: &State| s.runs.iter().map(|r| r.run).chain(s.retired.iter().map(|r| r.0)).max();
        self.state.read().ok().and_then(|s| highest(&s)).unwrap_or(0) + 1
    }

    /// Retired runs that no search reads any more.
    fn take_unheld(&self) -> Vec<u32> {
        let Ok(mut state) = self.state.write() else { return Vec::new() };
        let (unheld, held) =
            std::mem::take(&mut state.retired).into_iter().partition(|(_, list)| list.strong_count() == 0);
        state.retired = held;
        Vec::into_iter(unheld).map(|(run, _)| run).collect()
    }

    /// The sealed blocks of a run, in label order, with padding.
    fn postings(
        &self,
        run: u32,
        places: &HashMap<Keyword, Vec<Place>>,
    ) -> Result<Vec<(Keyword, Vec<u8>)>, RecordError> {
        let mut postings = Vec::with_capacity(places.len() + POSTINGS_STEP);
        for (keyword, places) in places {
            let keyword = Prf::new(keyword);
            let mut places = places.clone();
            places.sort_unstable();
            places.dedup_by_key(|p| p.row);
            for (i, block) in places.chunks(BLOCK_PLACES).enumerate() {
                let label = run_label(&keyword, run, i as u32);
                postings.push((label, self.seal_block(run, &label, block)?));
            }
        }
        while !postings.len().is_multiple_of(POSTINGS_STEP) {
            let label = crypto::random_array()?;
            postings.push((label, self.seal_block(run, &label, &[])?));
        }
        postings.sort_unstable_by_key(|p| p.0);
        Ok(postings)
    }

    fn seal_block(&self, run: u32, label: &Keyword, places: &[Place]) -> Result<Vec<u8>, RecordError> {
        let mut plain = [0; BLOCK_PLACES * PLACE_BYTES];
        for (place, slot) in places.iter().zip(plain.chunks_exact_mut(PLACE_BYTES)) {
            slot[..5].copy_from_slice(&place.row.to_be_bytes()[3..]);
            slot[5..].copy_from_slice(&(place.chart as u32).to_be_bytes());
        }
        Ok(self.block.seal(&block_aad(run, label), &plain)?)
    }

    fn open_block(&self, run: u32, label: &Keyword, sealed: &[u8]) -> Result<Vec<Place>, RecordError> {
        let plain = self.block.open(&block_aad(run, label), sealed)?;
        let mut places = Vec::with_capacity(BLOCK_PLACES);
        for slot in plain.chunks_exact(PLACE_BYTES) {
            let number = |bytes: &[u8]| bytes.iter().fold(0u64, |n, &b| n << 8 | u64::from(b));
            let place = Place { row: number(&slot[..5]), chart: number(&slot[5..]) };
            // Rows count from 1: the first empty slot ends the block.
            if place.row == 0 {
                break;
            }
            places.push(place);
        }
        Ok(places)
    }
}

fn run_label(keyword: &Prf, run: u32, block: u32) -> Keyword {
    let mut input = [0; 8];
    input[..4].copy_from_slice(&run.to_be_bytes());
    input[4..].copy_from_slice(&block.to_be_bytes());
    keyword.label(&input)
}

fn block_aad(run: u32, label: &Keyword) -> [u8; 20] {
    let mut aad = [0; 20];
    aad[..4].copy_from_slice(&run.to_be_bytes());
    aad[4..].copy_from_slice(label);
    aad
}
