//! The ticket of a page: lets its text be kept for its author after the session has ended, and shows nothing.

use access::Caller;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::SealKey;
use store::{ChartNo, RowNo};

use super::codec::{Reader, Writer};
use super::held::{DraftKind, read_aim, write_aim};
use crate::RecordError;

const AAD: &[u8] = b"wardstone/draft-ticket/v1";
/// A page that is left open over a long weekend still saves.
const TICKET_MS: i64 = 7 * 86_400_000;
const TICKET_BYTES_MAX: usize = 2_048;

/// Whose draft, in whose chart. Issued only under a permit to write there.
#[derive(Clone)]
pub struct Ticket {
    pub user: u64,
    pub login: String,
    pub session: u64,
    pub row: RowNo,
    pub chart: ChartNo,
    pub patient_id: String,
    pub kind: DraftKind,
    pub encounter_id: Option<String>,
    pub until_ms: i64,
}

impl Ticket {
    pub fn of(
        caller: &Caller,
        row: RowNo,
        chart: ChartNo,
        patient_id: &str,
        kind: &DraftKind,
        encounter_id: Option<&str>,
        now_ms: i64,
    ) -> Self {
        Self {
            user: caller.user().0,
            login: caller.login().to_owned(),
            session: caller.session(),
            row,
            chart,
            patient_id: patient_id.to_owned(),
            kind: kind.clone(),
            encounter_id: encounter_id.map(str::to_owned),
            until_ms: now_ms + TICKET_MS,
        }
    }

    pub fn seal(&self, key: &SealKey) -> Result<String, RecordError> {
        let mut out = Writer::default();
        for number in [self.user, self.session, self.row, self.chart, self.until_ms as u64] {
            out.number(number);
        }
        for text in [&self.login, &self.patient_id] {
            out.text(text)?;
        }
        write_aim(&mut out, &self.kind, self.encounter_id.as_deref())?;
        Ok(URL_SAFE_NO_PAD.encode(key.seal(AAD, &out.0)?))
    }

    /// `None` for what is no ticket of ours, or too old.
    pub fn open(text: &str, key: &SealKey, now_ms: i64) -> Option<Self> {
        if text.len() > TICKET_BYTES_MAX {
            return None;
        }
        let plain = key.open(AAD, &URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let mut at = Reader(&plain);
        let mut number = || at.number().ok();
        let (user, session, row, chart, until_ms) = (number()?, number()?, number()?, number()?, number()? as i64);
        let (login, patient_id) = (at.text().ok()?, at.text().ok()?);
        let (kind, encounter_id) = read_aim(&mut at).ok()?;
        let ticket = Self { user, login, session, row, chart, patient_id, kind, encounter_id, until_ms };
        (now_ms < until_ms).then_some(ticket)
    }
}
