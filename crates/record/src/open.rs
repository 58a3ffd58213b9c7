//! Finding rows and opening what is sealed in them. Bodies and sensitive parts are opened only under a permit.

use std::sync::Arc;

use access::{Labels, Permit};
use crypto::Part;
use fhir::Json;
use store::{Backend, BodyRow, ChartNo, HeadRow, RowNo, Seq, Subject};

use crate::answer::Version;
use crate::head::{ChartHeads, Head};
use crate::prepare::{Element, Elements, Main, Plain, category};
use crate::{CHART_HEADS_MAX, Record, RecordError, ResourceKey, charts, pad, types};

/// Times a read starts over when a commit falls between its two look-ups.
const READ_AGAIN_MAX: usize = 8;

/// The current version of a row: its opened head, its sealed body.
pub struct Current {
    pub head: Arc<Head>,
    pub body: BodyRow,
}

/// What identifies a version of a row at rest.
pub type Place = (ChartNo, RowNo, u32, Seq);

impl<B: Backend> Record<B> {
    /// The row that a type and id name, deleted ones included; `None` if there never was one.
    pub(crate) async fn find(&self, key: &ResourceKey) -> Result<Option<Current>, RecordError> {
        if let Some(row) = self.0.ids.row(&key.id)
            && let Some(current) = self.current(row).await?
            && current.head.type_code == key.kind.code
        {
            return Ok(Some(current));
        }
        let Some(row) = self.0.store.locate(&self.locator(key)).await? else { return Ok(None) };
        match self.current(row).await? {
            // A locator that leads to another resource was put there by somebody.
            Some(current) if current.head.type_code != key.kind.code || current.head.id() != key.id => {
                Err(RecordError::Damaged)
            }
            current => Ok(current),
        }
    }

    /// The label under which a client's id is found again.
    pub(crate) fn locator(&self, key: &ResourceKey) -> store::Keyword {
        let mut input = key.kind.code.to_be_bytes().to_vec();
        input.extend_from_slice(key.id.as_bytes());
        self.0.locator.label(&input)
    }

    pub(crate) async fn current(&self, row: RowNo) -> Result<Option<Current>, RecordError> {
        for _ in 0..READ_AGAIN_MAX {
            let Some(body) = self.0.store.body(row).await? else { return Ok(None) };
            if let Some(head) = self.head(body.chart, row).await?
                && head.version == body.version
            {
                return Ok(Some(Current { head, body }));
            }
            // A commit is ahead of the cache for a moment; the store's own head tells.
            if let Some(sealed) = self.0.store.head(body.chart, row).await?
                && sealed.version == body.version
            {
                return Ok(Some(Current { head: Arc::new(self.open_head(&sealed).await?), body }));
            }
            tokio::task::yield_now().await;
        }
        Err(RecordError::Conflict)
    }

    /// The opened head of a row's current version, from memory if it is there.
    pub(crate) async fn head(&self, chart: ChartNo, row: RowNo) -> Result<Option<Arc<Head>>, RecordError> {
        let ticket = match self.0.heads.get(row) {
            Ok(head) => return Ok(Some(head)),
            Err(ticket) => ticket,
        };
        let Some(sealed) = self.0.store.head(chart, row).await? else { return Ok(None) };
        let head = Arc::new(self.open_head(&sealed).await?);
        self.0.heads.fill(row, head.clone(), head.bytes(), ticket);
        Ok(Some(head))
    }

    /// As [`head`](Self::head), for a posting that may name a chart the row has left.
    pub(crate) async fn head_moved(&self, row: RowNo) -> Result<Option<Arc<Head>>, RecordError> {
        match self.0.heads.get(row) {
            Ok(head) => Ok(Some(head)),
            Err(_) => match self.0.store.body(row).await? {
                Some(body) => self.head(body.chart, row).await,
                None => Ok(None),
            },
        }
    }

    /// Every current head of a chart, by row.
    pub(crate) async fn heads_of_chart(&self, chart: ChartNo) -> Result<Arc<ChartHeads>, RecordError> {
        let ticket = match self.0.chart_heads.get(chart) {
            Ok(heads) => return Ok(heads),
            Err(ticket) => ticket,
        };
        let sealed = self.0.store.heads_of_chart(chart, CHART_HEADS_MAX).await?;
        if sealed.len() == CHART_HEADS_MAX {
            return Err(RecordError::TooCostly { limit: CHART_HEADS_MAX });
        }
        let mut heads = Vec::with_capacity(sealed.len());
        for row in &sealed {
            heads.push(Arc::new(self.open_head(row).await?));
        }
        let heads = Arc::new(ChartHeads::new(heads));
        self.0.chart_heads.fill(chart, heads.clone(), heads.bytes(), ticket);
        Ok(heads)
    }

    pub(crate) async fn open_head(&self, row: &HeadRow) -> Result<Head, RecordError> {
        self.open_head_of((row.chart, row.row, row.version, row.seq), &row.head).await
    }

    pub(crate) async fn open_head_of(&self, place: Place, sealed: &[u8]) -> Result<Head, RecordError> {
        let (chart, row, version, _) = place;
        let key = charts::key(self.0.store.as_ref(), &self.0.keyring, chart).await?;
        let plain = self.0.keyring.open(&key, row, version, Part::Head, sealed)?;
        Head::decode(place, plain, |row| Ok(self.0.ids.id(row)?))
    }

    /// Opens a version's content and projects it to what the permit shows.
    pub(crate) async fn open_version(&self, permit: &Permit, head: &Head, body: &[u8]) -> Result<Version, RecordError> {
        let json = match head.deleted() {
            true => Vec::new(),
            false => {
                let plain = self.open_plain(permit, head, body).await?;
                project(permit, head, &plain)?
            }
        };
        Ok(version(head, permit, json))
    }

    async fn open_plain(&self, permit: &Permit, head: &Head, body: &[u8]) -> Result<Plain, RecordError> {
        let (main, elements) = head.split(body)?;
        let mut plain = match Main::part(head) {
            None => Plain::decode(self.open_part(head, Part::Body, main).await?)?,
            Some(label) => {
                if !permit.categories().contains(label) {
                    // Access permitted the resource and not its category: the two disagree, so nothing opens.
                    return Err(RecordError::Denied(crate::Refusal::Absent));
                }
                Main::decode(self.open_part(head, category(label), main).await?)?.body
            }
        };
        if let Some(elements) = elements
            && permit.categories().contains(Labels::GOVERNMENT_ID)
        {
            let opened = self.open_part(head, category(Labels::GOVERNMENT_ID), elements).await?;
            plain.elements = Elements::decode(&opened)?.items;
        }
        Ok(plain)
    }

    /// The elements of a version that are sealed apart, for a writer who does not see them and so must not lose them.
    pub(crate) async fn hidden_elements(&self, head: &Head, body: &[u8]) -> Result<Vec<Element>, RecordError> {
        match head.split(body)?.1 {
            Some(elements) => {
                let opened = self.open_part(head, category(Labels::GOVERNMENT_ID), elements).await?;
                Ok(Elements::decode(&opened)?.items)
            }
            None => Ok(Vec::new()),
        }
    }

    /// The search values that are sealed with the body, if the permit opens them: those of a resource sealed as a whole,
    /// and, where `identifiers` are asked for, those with the government numbers of one that keeps them apart. `None`: the
    /// head's own are what there is to see.
    pub(crate) async fn apart_values(
        &self,
        permit: &Permit,
        head: &Head,
        identifiers: bool,
    ) -> Result<Option<Vec<u8>>, RecordError> {
        let opens = |label| permit.categories().contains(label);
        let main = Main::part(head);
        let with_elements = identifiers && head.has_elements() && opens(Labels::GOVERNMENT_ID);
        if main.is_some_and(|label| !opens(label)) || (main.is_none() && !with_elements) {
            return Ok(None);
        }
        let Some(body) = self.body_of(head).await? else { return Ok(None) };
        let (sealed, elements) = head.split(&body)?;
        if with_elements && let Some(elements) = elements {
            let opened = self.open_part(head, category(Labels::GOVERNMENT_ID), elements).await?;
            let values = Elements::decode(&opened)?.values;
            if !values.is_empty() {
                return Ok(Some(values));
            }
        }
        match main {
            Some(label) => Ok(Some(Main::decode(self.open_part(head, category(label), sealed).await?)?.values)),
            None => Ok(None),
        }
    }

    /// The sealed body of the version that a head is of, also when a commit has replaced it meanwhile.
    async fn body_of(&self, head: &Head) -> Result<Option<Vec<u8>>, RecordError> {
        match self.0.store.body(head.row).await? {
            Some(body) if body.version == head.version => Ok(Some(body.body)),
            _ => Ok(self.0.store.past(head.row, head.version).await?.map(|past| past.body)),
        }
    }

    async fn open_part(&self, head: &Head, part: Part, sealed: &[u8]) -> Result<Vec<u8>, RecordError> {
        let key = charts::key(self.0.store.as_ref(), &self.0.keyring, head.chart).await?;
        let opened = self.0.keyring.open(&key, head.row, head.version, part, sealed)?;
        pad::strip(opened).ok_or(RecordError::Damaged)
    }
}

/// A version that is shown as `json` under `permit`.
pub fn version(head: &Head, permit: &Permit, json: Vec<u8>) -> Version {
    Version {
        subject: Subject { row: head.row, version: head.version, view: permit.view().id() },
        kind: types::reference(head.type_code),
        id: head.id().into(),
        last_updated_ms: head.last_updated_ms(),
        deleted: head.deleted(),
        labels: if head.deleted() { Labels::NONE } else { head.labels },
        writer: head.writer(),
        json,
    }
}

/// The answer's bytes: the stored JSON with `meta` spliced in; parsed only when a view hides something or sealed elements
/// come back in.
pub fn project(permit: &Permit, head: &Head, plain: &Plain) -> Result<Vec<u8>, RecordError> {
    let meta = meta_json(head.version, head.last_updated_ms(), head.meta());
    let mut out = Vec::with_capacity(plain.json.len() + meta.len() + 8);
    out.extend_from_slice(&plain.json[..plain.splice]);
    out.extend_from_slice(b",\"meta\":");
    out.extend_from_slice(meta.as_bytes());
    out.extend_from_slice(&plain.json[plain.splice..]);
    let view = permit.view().of_type(types::name(head.type_code));
    if view.is_full() && plain.elements.is_empty() {
        return Ok(out);
    }
    let mut tree = Json::parse(&out).map_err(|_| RecordError::Damaged)?;
    for element in &plain.elements {
        element.put_back(&mut tree)?;
    }
    if !view.shows_labels()
        && let Some(meta) = tree.as_object_mut().and_then(|members| members.get_mut("meta")?.as_object_mut())
    {
        meta.remove("security");
    }
    match view.is_full() {
        true => Ok(tree.to_vec()),
        false => Ok(fhir::project::view(&tree, |name| view.allows(name)).to_vec()),
    }
}

/// Whether any search values are sealed with the body at all, of those that are asked for.
pub fn has_apart(head: &Head, identifiers: bool) -> bool {
    Main::part(head).is_some() || (identifiers && head.has_elements())
}

fn meta_json(version: u32, last_updated_ms: i64, rest: &str) -> String {
    let comma = if rest.is_empty() { "" } else { "," };
    format!("{{\"versionId\":\"{version}\",\"lastUpdated\":\"{}\"{comma}{rest}}}", instant(last_updated_ms))
}

/// A FHIR `instant` in UTC with milliseconds.
pub fn instant(ms: i64) -> String {
    let days = ms.div_euclid(86_400_000);
    let in_day = ms.rem_euclid(86_400_000);
    // Days to civil date, with years that begin in March (proleptic Gregorian; era of 400 years).
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        in_day / 3_600_000,
        in_day / 60_000 % 60,
        in_day / 1_000 % 60,
        in_day % 1_000
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn instants_are_civil_dates_in_utc() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_348_799_999, "2026-11-22T11:59:59.999Z"),
            (4_102_444_800_001, "2100-01-01T00:00:00.001Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(super::instant(ms), text);
        }
    }
}
