//! What changed since one last looked: a line above the chart, of what the panels show.

use jiff::tz::TimeZone;

use super::notes::Note;
use super::panels::CANCELLED;
use super::reading::moment;
use super::{Page, Panel};

/// Without counts: nothing is new.
pub struct Since {
    pub when: String,
    pub counts: Vec<Count>,
    /// Medicines that came to their end meanwhile, and how.
    pub ended: Vec<(String, &'static str)>,
    /// Drafts that nobody signed end so, too: they were never among the medicines.
    pub cancelled: Vec<String>,
}

pub struct Count {
    pub words: String,
    /// Where it stands on the page, or its own address.
    pub address: String,
}

/// How many rows of a panel are new, and whether there could be more of them than were asked for.
struct Tally {
    new: usize,
    is_all: bool,
}

impl Since {
    pub fn of(page: &Page<'_>, since_ms: i64, zone: &TimeZone, ended: Vec<(String, &'static str)>) -> Self {
        let (cancelled, ended): (Vec<_>, Vec<_>) = ended.into_iter().partition(|(_, how)| *how == CANCELLED);
        let cancelled = cancelled.into_iter().map(|(name, _)| name).collect();
        let mut since = Self { when: moment(since_ms, zone), counts: Vec::new(), ended, cancelled };
        let results = page.results.iter().flat_map(|(results, _)| results.shown.iter().chain(&results.further));
        let results: Vec<bool> = results.map(|one| one.news.is_some()).collect();
        since.add(tally(results.into_iter(), page.results_of.is_some()), "result", "results", "results");
        since.add_notes(page);
        since.add_panel(&page.medicines, |row| row.news.is_some(), ["medicine", "medicines", "medicines"]);
        let unsigned = tally(page.unsigned.iter().map(|row| row.news.is_some()), false);
        since.add(unsigned, "unsigned prescription", "unsigned prescriptions", "unsigned");
        since.add(tally(page.allergy_news.iter().map(|_| true), false), "allergy", "allergies", "allergies");
        let problems = page.problems.iter().flat_map(|panel| &panel.rows).chain(&page.problems_over);
        since.add(tally(problems.map(|row| row.news.is_some()), false), "problem", "problems", "problems");
        since.add_panel(&page.vitals, |one| one.news.is_some(), ["vital sign", "vital signs", "vitals"]);
        since.add_panel(&page.orders, |row| row.news.is_some(), ["order", "orders", "orders"]);
        since.add_panel(&page.appointments, |row| row.news.is_some(), ["appointment", "appointments", "next"]);
        since.add_panel(&page.visits, |row| row.news.is_some(), ["visit", "visits", "visits"]);
        since.add_panel(
            &page.immunizations,
            |row| row.news.is_some(),
            ["immunization", "immunizations", "immunizations"],
        );
        since.add_panel(&page.plans, |plan| plan.news.is_some(), ["care plan", "care plans", "plans"]);
        since.add_panel(&page.documents, |row| row.news.is_some(), ["document", "documents", "documents"]);
        since
    }

    /// A single note is a link to itself.
    fn add_notes(&mut self, page: &Page<'_>) {
        let Some(panel) = &page.notes else { return };
        let fresh = |note: &Note| note.news.is_some() || note.addenda.iter().any(|added| added.news.is_some());
        let new: Vec<&str> = panel.rows.iter().filter(|note| fresh(note)).map(|note| &*note.id).collect();
        let address = match new[..] {
            [id] => format!("/patients/{}/notes/{id}", page.banner.id),
            _ => "#notes".to_owned(),
        };
        let tally = Tally { new: new.len(), is_all: new.len() == panel.rows.len() && panel.of.is_some() };
        self.counts.extend(tally.said("note", "notes").map(|words| Count { words, address }));
    }

    fn add_panel<T>(&mut self, panel: &Option<Panel<T>>, is_new: impl Fn(&T) -> bool, [one, many, at]: [&str; 3]) {
        let Some(panel) = panel else { return };
        self.add(tally(panel.rows.iter().map(is_new), panel.of.is_some()), one, many, at);
    }

    fn add(&mut self, tally: Tally, one: &str, many: &str, at: &str) {
        let words = tally.said(one, many);
        self.counts.extend(words.map(|words| Count { words, address: format!("#{at}") }));
    }

    pub fn is_nothing(&self) -> bool {
        self.counts.is_empty() && self.ended.is_empty() && self.cancelled.is_empty()
    }
}

fn tally(rows: impl Iterator<Item = bool>, is_cut: bool) -> Tally {
    let (mut new, mut all) = (0, 0);
    for is_new in rows {
        new += usize::from(is_new);
        all += 1;
    }
    Tally { new, is_all: is_cut && new == all }
}

impl Tally {
    fn said(&self, one: &str, many: &str) -> Option<String> {
        match (self.new, self.is_all) {
            (0, _) => None,
            (new, true) => Some(format!("{new} {many} or more")),
            (1, false) => Some(format!("1 {one}")),
            (new, false) => Some(format!("{new} {many}")),
        }
    }
}
