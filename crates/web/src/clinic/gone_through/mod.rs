//! Going through a list of a chart with the patient: what the chart says, line by line, beside what the patient says now, and what they
//! name that is not listed. Nothing is saved over what the page did not show.

pub mod list;

use fhir::Json;

use super::deed;
use super::names::Names;
use super::read::text;
use super::token;
use crate::client::Asked;
use crate::forms::Form as Sent;

use list::Went;

/// Lines that one page goes through.
pub const LINES_MAX: usize = 100;
/// Empty lines for what is new; another button brings as many again.
const NEW_LINES: usize = 3;
/// Lines of what is new in one form.
const NEW_MAX: usize = 40;
/// Letters of what is said of a line.
const CHARS_MAX: usize = 300;

/// A line of the chart, and what is said of it.
#[derive(Default)]
pub struct Spoken {
    /// `Condition/ID/VERSION`: what the page showed.
    pub key: String,
    pub name: String,
    pub say: String,
    pub how: String,
    /// New or changed since the page was opened.
    pub mark: Option<&'static str>,
}

/// What the patient names and the chart does not have.
#[derive(Default)]
pub struct New {
    pub name: String,
    pub detail: String,
    pub pick: String,
}

/// Why a form was not saved.
pub enum Gone {
    /// This form was saved, with something else in it.
    SavedBefore,
    Changed(Vec<String>),
}

/// What is typed, beside what the chart has.
pub struct Form<L> {
    pub token: String,
    pub list_version: u32,
    pub lines: Vec<L>,
    pub new: Vec<New>,
    pub is_none: bool,
    pub slips: Vec<(String, String)>,
    pub gone: Option<Gone>,
}

impl Spoken {
    pub fn of(one: &Json<'_>, name: String) -> Self {
        let [kind, id] = ["resourceType", "id"].map(|member| text(one, member).unwrap_or_default());
        Self { key: format!("{kind}/{id}/{}", deed::version_of(one)), name, ..Self::default() }
    }
}

impl<L: AsRef<Spoken> + AsMut<Spoken>> Form<L> {
    pub fn blank(asked: &Asked<'_>, lines: Vec<L>, list: Option<&Json<'_>>) -> Self {
        Self {
            token: token::fresh(asked),
            list_version: list.map_or(0, deed::version_of),
            lines,
            new: (0..NEW_LINES).map(|_| New::default()).collect(),
            is_none: false,
            slips: Vec::new(),
            gone: None,
        }
    }

    /// Fills in what was typed, and gives the lines that the page had shown.
    pub fn read(&mut self, sent: &Sent) -> Vec<String> {
        let cut = |name: &str| sent.text(name).trim().chars().take(CHARS_MAX).collect::<String>();
        let seen: Vec<String> = (0..LINES_MAX * 2)
            .map_while(|index| Some(sent.text(&format!("line-{index}"))).filter(|key| !key.is_empty()))
            .map(str::to_owned)
            .collect();
        for (index, key) in seen.iter().enumerate() {
            let mut lines = self.lines.iter_mut().map(AsMut::as_mut);
            let Some(line) = lines.find(|line| same(&line.key, key)) else { continue };
            line.say = cut(&format!("say-{index}"));
            line.how = cut(&format!("how-{index}"));
        }
        let count = sent.text("rows").parse::<usize>().unwrap_or(0).min(NEW_MAX);
        let new = |index| New {
            name: cut(&format!("new-{index}")),
            detail: cut(&format!("detail-{index}")),
            pick: cut(&format!("pick-{index}")),
        };
        self.new = (0..count).map(new).collect();
        self.is_none = sent.text("none") == "yes";
        seen
    }

    pub fn add_new_lines(&mut self) {
        self.new.extend((0..NEW_LINES).map(|_| New::default()));
    }

    /// Whether this very form was saved; what differs from what it was filled in with is noted, and whatever the page had not shown.
    pub fn was_saved(&mut self, sent: &Sent, seen: &[String], list: Option<&Json<'_>>, names: &Names) -> bool {
        self.gone = match list.filter(|list| list::is_of(list, &self.token)) {
            Some(list) if list::is_told(list, sent) => return true,
            Some(_) => Some(Gone::SavedBefore),
            None => self.overtaken(seen, sent, list, names),
        };
        false
    }

    /// The same after a commit that was overtaken: where another form did not do it, all that was filled in is looked at again.
    pub fn is_saved_meanwhile(
        &mut self,
        asked: &Asked<'_>,
        sent: &Sent,
        list: Option<&Json<'_>>,
        names: &Names,
    ) -> bool {
        let seen = self.read(sent);
        if self.was_saved(sent, &seen, list, names) {
            return true;
        }
        self.token = token::fresh(asked);
        self.gone.get_or_insert_with(|| Gone::Changed(Vec::new()));
        false
    }

    /// What differs between what the page had shown and what holds now; lines are marked.
    fn overtaken(&mut self, seen: &[String], sent: &Sent, list: Option<&Json<'_>>, names: &Names) -> Option<Gone> {
        let mut changes = Vec::new();
        for line in self.lines.iter_mut().map(AsMut::as_mut) {
            match seen.iter().find(|key| same(key, &line.key)) {
                None => line.mark = Some("new since you opened the page"),
                Some(key) if *key != line.key => line.mark = Some("changed since you opened the page"),
                Some(_) => continue,
            }
            changes.extend(line.mark.map(|mark| format!("{}: {mark}", line.name)));
        }
        let is_gone = |key: &&String| !self.lines.iter().any(|line| same(&line.as_ref().key, key));
        let gone = seen.iter().filter(is_gone).count();
        if gone > 0 {
            changes.push(format!("{gone} of the lines you saw are not current any more"));
        }
        let version = list.map_or(0, deed::version_of).to_string();
        if let Some(list) = list.filter(|_| sent.text("list") != version) {
            changes.push(format!("Gone through meanwhile{}", Went::by(list, names)));
        }
        (!changes.is_empty()).then_some(Gone::Changed(changes))
    }

    pub fn has_new(&self) -> bool {
        self.new.iter().any(|new| !new.name.is_empty())
    }

    pub fn slip(&self, name: &str, index: &usize, behind: &str) -> Option<&str> {
        self.slip_of(&format!("{name}-{index}{behind}"))
    }

    pub fn slip_of(&self, name: &str) -> Option<&str> {
        self.slips.iter().find(|(field, _)| field == name).map(|(_, words)| words.as_str())
    }
}

/// The same resource, in whichever version.
fn same(one: &str, other: &str) -> bool {
    one.rsplit_once('/').map(|(id, _)| id) == other.rsplit_once('/').map(|(id, _)| id)
}
