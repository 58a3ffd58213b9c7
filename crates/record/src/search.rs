//! Search: scope, candidates, the one matcher, a page, what it includes. Nothing is disclosed before its audit record.

mod include;
mod unless;
mod walk;

use std::borrow::Cow;
use std::sync::Arc;

use access::{Action, Caller, Labels, LastRuling, Permit, Scope, TypeRef};
use audit::event::Search as Asked;
use fhir::search::{Query, QueryOptions, SortKeys, Summary, Total, ValuesRef};
use store::{Backend, Disclosed, Keyword, RowNo};

use crate::cursor::{Cursor, Kind, Position, read_pairs, write_pairs};
use crate::evidence::{Deed, object};
use crate::head::Head;
use crate::open::has_apart;
use crate::request::{Pairs, ResourceKey, SearchRequest};
use crate::standing::Known;
use crate::tally::Tally;
use crate::{CANDIDATES_MAX, EntryMode, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, Page, Record, RecordError, types};

use unless::Answers;
pub use unless::Unless;
pub(crate) use walk::{Source, Walk};

/// A head that matched, with the leave to show it.
pub(crate) struct Hit {
    pub head: Arc<Head>,
    pub permit: Permit,
}

/// What matched, in order of row or of the sort keys.
pub(crate) struct Found {
    pub hits: Vec<Hit>,
    pub more: bool,
    /// Known when everything was looked at.
    pub total: Option<u64>,
    pub position: Position,
}

/// How much of the matches is wanted.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub from: Position,
    pub count: usize,
    /// Look at every candidate, for a total.
    pub total: bool,
}

impl<B: Backend> Record<B> {
    pub async fn search(&self, caller: &Caller, request: &SearchRequest<'_>) -> Result<Disclosed<Page>, RecordError> {
        self.search_unless(caller, request, None).await
    }

    /// A search without what was answered.
    pub async fn search_unless(
        &self,
        caller: &Caller,
        request: &SearchRequest<'_>,
        unless: Option<&Unless<'_>>,
    ) -> Result<Disclosed<Page>, RecordError> {
        let scope = match self.policies().scope(caller, Action::Search, request.kind) {
            Ok(scope) => scope,
            Err(denial) => return Err(self.refuse(caller, audit::Action::Search, None, &denial).await),
        };
        let mut compartment = request.compartment.clone();
        let mut position = Position::default();
        let mut pairs: Cow<'_, Pairs<'_>> = Cow::Borrowed(request.pairs);
        if let Some((_, text)) = request.pairs.iter().find(|(name, _)| name == "_cursor") {
            let cursor =
                Cursor::open(text, Kind::Search, &self.0.cursor, caller, scope.policy_version(), self.now_ms())?;
            let mut held = read_pairs(&cursor.question);
            if held.is_empty() || held.remove(0).1 != *request.kind.name {
                return Err(RecordError::Cursor);
            }
            compartment = match held.first() {
                Some((name, reference)) if name == "_compartment" => ResourceKey::parse_reference(reference),
                _ => None,
            };
            held.retain(|(name, _)| name != "_compartment");
            position = cursor.position;
            pairs = Cow::Owned(held);
        }
        let query = self.query(request.kind, &pairs, request.lenient)?;
        let hidden = visible(&scope, &query).err();
        if let Some(param) = hidden.or_else(|| hidden_compartment(&scope, compartment.as_ref(), request.kind)) {
            return Err(self.hidden(caller, request.kind, param).await);
        }
        let only_count = query.summary() == Some(Summary::Count);
        let count = if only_count { 0 } else { query.count() as usize };
        let wanted = Wanted { from: position, count, total: only_count || query.total() != Total::None };
        let mut tally = Tally::default();
        let answers = match unless {
            Some(unless) => {
                let kind = types::parse(unless.kind).ok_or(RecordError::Malformed("nothing of this type answers"))?;
                Some(Answers { unless, query: self.query(kind, unless.pairs, false)? })
            }
            None => None,
        };
        let within = compartment.as_ref();
        let found = self.matches_unless(&scope, &query, within, wanted, answers.as_ref(), &mut tally).await?;
        let included = match only_count {
            true => Vec::new(),
            false => self.included(caller, &query, &found.hits, &mut tally).await?,
        };

        let next = match found.more && !only_count {
            true => {
                let mut question = vec![(Cow::from("_kind"), Cow::from(request.kind.name))];
                if let Some(key) = &compartment {
                    question.push(("_compartment".into(), format!("{}/{}", key.kind.name, key.id).into()));
                }
                question.extend(pairs.iter().cloned());
                let question = write_pairs(&question);
                let cursor = Cursor { kind: Kind::Search, position: found.position, question };
                Some(cursor.seal(&self.0.cursor, caller, scope.policy_version(), self.now_ms())?)
            }
            false => None,
        };
        let mut asked = asked_text(compartment.as_ref(), &pairs);
        if let Some(unless) = unless {
            asked.push_str("&_unless=");
            asked.push_str(&asked_text(None, &[(unless.kind.into(), asked_text(None, unless.pairs).into())]));
        }
        let total = found.total;
        let hits: Vec<(EntryMode, Hit)> = found
            .hits
            .into_iter()
            .map(|hit| (EntryMode::Match, hit))
            .chain(included.into_iter().map(|hit| (EntryMode::Include, hit)))
            .collect();
        let search = Some(Asked { type_code: request.kind.code, query: &asked });
        let page = Page {
            entries: Vec::new(),
            total,
            next,
            ignored: query.ignored().to_vec(),
            summary: query.summary(),
            elements: query.elements().to_vec(),
        };
        self.disclose_page(caller, audit::Action::Search, search, hits, page, &tally).await
    }

    /// Audits the hits, opens them, and makes the page.
    pub(crate) async fn disclose_page(
        &self,
        caller: &Caller,
        action: audit::Action,
        search: Option<Asked<'_>>,
        hits: Vec<(EntryMode, Hit)>,
        mut page: Page,
        tally: &Tally,
    ) -> Result<Disclosed<Page>, RecordError> {
        let objects: Vec<_> = hits.iter().map(|(_, hit)| object(&hit.head, hit.permit.view())).collect();
        let count = page.total.or(Some(objects.len() as u64));
        let deed = Deed { search, count, decisions: tally.decided(), ..Deed::of(action, &objects) };
        let receipt = self.attest(caller, &deed);
        let opened = async {
            let mut entries = Vec::with_capacity(hits.len());
            for (mode, hit) in &hits {
                entries.push((*mode, self.open_hit(hit).await?));
            }
            Ok::<_, RecordError>(entries)
        };
        let (receipt, entries) = tokio::join!(receipt, opened);
        page.entries = entries?;
        Ok(Disclosed::new(page, &receipt?)?)
    }

    /// Opens a hit as the version that was decided and audited.
    async fn open_hit(&self, hit: &Hit) -> Result<crate::Version, RecordError> {
        let head = &hit.head;
        match self.0.store.body(head.row).await? {
            Some(body) if body.version == head.version => self.open_version(&hit.permit, head, &body.body).await,
            // A commit came between: what was matched and audited is a past version now.
            _ => match self.0.store.past(head.row, head.version).await? {
                Some(past) => self.open_version(&hit.permit, head, &past.body).await,
                None => Err(RecordError::Conflict),
            },
        }
    }

    pub(crate) fn query(&self, kind: TypeRef, pairs: &Pairs<'_>, lenient: bool) -> Result<Query, RecordError> {
        let options = QueryOptions {
            base_url: &self.0.base_url,
            lenient,
            default_count: PAGE_SIZE_DEFAULT,
            count_max: PAGE_SIZE_MAX,
            now_ms: self.now_ms(),
        };
        Ok(Query::parse(kind.name, pairs, &options)?)
    }

    /// Finds what matches and may be seen.
    pub(crate) async fn matches(
        &self,
        scope: &Scope,
        query: &Query,
        compartment: Option<&ResourceKey>,
        wanted: Wanted,
        tally: &mut Tally,
    ) -> Result<Found, RecordError> {
        self.matches_unless(scope, query, compartment, wanted, None, tally).await
    }

    async fn matches_unless(
        &self,
        scope: &Scope,
        query: &Query,
        compartment: Option<&ResourceKey>,
        wanted: Wanted,
        answers: Option<&Answers<'_>>,
        tally: &mut Tally,
    ) -> Result<Found, RecordError> {
        let within = compartment.map(|key| Within::new(key, query, scope.view()));
        let matched_on = query.matched_on().flat_map(|param| param.elements()).copied().collect();
        let mut sieve =
            Sieve { scope, query, matched_on, compartment: within, answers, known: None, last: LastRuling::default() };
        // Who sorts or counts looks at all of it, whichever page is asked for.
        let after = if query.is_sorted() || wanted.total { 0 } else { wanted.from.row };
        let source = self.source(scope, query, compartment, after).await?;
        if query.is_sorted() {
            return self.sorted(sieve, source, wanted, tally).await;
        }
        let mut found = Found { hits: Vec::new(), more: false, total: None, position: Position::default() };
        let mut total = 0;
        let mut looked_at = 0;
        let mut walk = Walk::new(source, after);
        while let Some(head) = walk.next(self).await? {
            looked_at += 1;
            if looked_at > CANDIDATES_MAX {
                return Err(RecordError::TooCostly { limit: CANDIDATES_MAX });
            }
            let Some(permit) = self.sift(&mut sieve, head, tally).await? else { continue };
            total += 1;
            if head.row <= wanted.from.row {
                continue;
            }
            if found.hits.len() < wanted.count {
                found.hits.push(Hit { head: head.clone(), permit });
            } else {
                found.more = true;
                if !wanted.total {
                    break;
                }
            }
        }
        // Without a further page and from the beginning, everything was looked at.
        if wanted.total || (!found.more && wanted.from.row == 0) {
            found.total = Some(total);
        }
        found.position.row = found.hits.last().map_or(wanted.from.row, |hit| hit.head.row);
        Ok(found)
    }

    async fn sorted(
        &self,
        mut sieve: Sieve<'_>,
        source: Source,
        wanted: Wanted,
        tally: &mut Tally,
    ) -> Result<Found, RecordError> {
        let mut all: Vec<(SortKeys, Hit)> = Vec::new();
        let order = |a: &(SortKeys, Hit), b: &(SortKeys, Hit)| a.0.cmp(&b.0).then(a.1.head.row.cmp(&b.1.head.row));
        // Of a first page, what certainly comes behind it is counted and let go.
        let kept_max = if wanted.from.row == 0 { wanted.count.max(1) } else { usize::MAX };
        let mut total = 0;
        let mut walk = Walk::new(source, 0);
        let mut looked_at = 0;
        while let Some(head) = walk.next(self).await? {
            looked_at += 1;
            if looked_at > CANDIDATES_MAX {
                return Err(RecordError::TooCostly { limit: CANDIDATES_MAX });
            }
            let Some(permit) = self.sift(&mut sieve, head, tally).await? else { continue };
            total += 1;
            let apart = match has_apart(head, sieve.looks_at_identifiers()) {
                true => self.apart_values(&permit, head, sieve.looks_at_identifiers()).await?,
                false => None,
            };
            let keys = sieve.query.sort_key(&head.search_meta(), values_of(head, apart.as_deref()));
            all.push((keys, Hit { head: head.clone(), permit }));
            if all.len() >= kept_max.saturating_mul(2) {
                all.select_nth_unstable_by(kept_max - 1, order);
                all.truncate(kept_max);
            }
        }
        all.sort_by(order);
        // Behind the last row of the page before, wherever it stands now.
        let from = match wanted.from.row {
            0 => 0,
            row => all.iter().position(|(_, hit)| hit.head.row == row).map_or(wanted.from.offset as usize, |at| at + 1),
        };
        let hits: Vec<Hit> = all.into_iter().skip(from).take(wanted.count).map(|(_, hit)| hit).collect();
        let offset = (from + hits.len()) as u64;
        let row = hits.last().map_or(wanted.from.row, |hit| hit.head.row);
        let position = Position { row, seq: 0, offset };
        Ok(Found { more: offset < total, total: Some(total), hits, position })
    }

    /// Whether a head matches and may be seen. Deciding comes first: who may not see it learns nothing from matching.
    async fn sift<'q>(
        &self,
        sieve: &mut Sieve<'q>,
        head: &Head,
        tally: &mut Tally,
    ) -> Result<Option<Permit>, RecordError> {
        if head.deleted() || head.type_code != sieve.scope.kind().code {
            return Ok(None);
        }
        let caller = sieve.scope.caller();
        let object = match sieve.known.as_ref().and_then(|known| known.decided(caller, head)) {
            Some(object) => object,
            None => self.decided_of(caller, head, &mut sieve.known).await?,
        };
        let decision = sieve.scope.permits_after(&mut sieve.last, &object, &sieve.matched_on);
        let Ok(permit) = tally.judged(decision) else { return Ok(None) };
        let apart = match has_apart(head, sieve.looks_at_identifiers()) {
            true => self.apart_values(&permit, head, sieve.looks_at_identifiers()).await?,
            false => None,
        };
        let values = values_of(head, apart.as_deref());
        let is_within = sieve.compartment.as_ref().is_none_or(|within| within.holds(head, values, permit.view()));
        if !is_within || !sieve.query.matches(&head.search_meta(), values) {
            return Ok(None);
        }
        match sieve.answers {
            Some(answers) if self.is_answered(answers, head).await? => Ok(None),
            _ => Ok(Some(permit)),
        }
    }

    /// The narrowest complete source of candidates.
    async fn source(
        &self,
        scope: &Scope,
        query: &Query,
        compartment: Option<&ResourceKey>,
        after: RowNo,
    ) -> Result<Source, RecordError> {
        if let Some(ids) = query.ids() {
            let mut heads = Vec::new();
            for id in ids {
                let Some(key) = ResourceKey::parse(query.resource_type(), id) else { continue };
                if let Some(current) = self.find(&key).await? {
                    heads.push(current.head);
                }
            }
            return Ok(Source::Rows(heads));
        }
        if let access::Charts::Only(reached) = scope.charts() {
            let mut charts = Vec::new();
            for chart in reached {
                // Also what lies in other records of the same patient.
                charts.extend(self.group(chart.0).await?.into_iter().map(|(chart, _)| chart));
            }
            return self.charts_source(&charts, scope.kind().code).await;
        }
        if let Some(patients) = query.owner_references() {
            let mut charts = Vec::new();
            for id in patients {
                charts.extend(self.chart_of_patient(id).await?);
            }
            return self.charts_source(&charts, scope.kind().code).await;
        }
        if let Some(key) = compartment {
            return self.compartment_source(query, key).await;
        }
        let keywords = self.best(&query.keywords());
        Ok(Source::Keywords(self.candidates(&keywords, after)))
    }

    /// A chart holds many types; what cannot match is not taken along.
    async fn charts_source(&self, charts: &[store::ChartNo], type_code: u16) -> Result<Source, RecordError> {
        if let [chart] = charts {
            return Ok(Source::Chart { heads: self.heads_of_chart(*chart).await?, type_code });
        }
        let mut all = Vec::new();
        for chart in charts {
            let heads = self.heads_of_chart(*chart).await?;
            all.extend(heads.iter().filter(|head| head.type_code == type_code).cloned());
        }
        Ok(Source::Charts(all))
    }

    /// A compartment's own chart, and what lies in other charts but refers to it.
    async fn compartment_source(&self, query: &Query, key: &ResourceKey) -> Result<Source, RecordError> {
        let chart = match key.kind.name {
            "Patient" => self.chart_of_patient(&key.id).await?,
            _ => None,
        };
        let mut heads = match chart {
            Some(chart) => self.heads_of_chart(chart).await?.to_vec(),
            None => Vec::new(),
        };
        let owner = fhir::search::owner_params(query.resource_type());
        for param in fhir::search::compartment_params(key.kind.name, query.resource_type()) {
            if chart.is_some() && owner.contains(param) {
                continue;
            }
            let pair = (Cow::from(*param), Cow::from(format!("{}/{}", key.kind.name, key.id)));
            let Some(kind) = types::parse(query.resource_type()) else { continue };
            let Ok(narrowed) = self.query(kind, &[pair], false) else { continue };
            let keywords = self.best(&narrowed.keywords());
            let mut walk = Walk::new(Source::Keywords(self.candidates(&keywords, 0)), 0);
            let mut looked_at = 0;
            while let Some(head) = walk.next(self).await? {
                looked_at += 1;
                if looked_at > CANDIDATES_MAX {
                    return Err(RecordError::TooCostly { limit: CANDIDATES_MAX });
                }
                heads.push(head.clone());
            }
        }
        Ok(Source::Charts(heads))
    }

    /// The chart that a patient's id names.
    pub(crate) async fn chart_of_patient(&self, id: &str) -> Result<Option<store::ChartNo>, RecordError> {
        let Some(key) = ResourceKey::parse("Patient", id) else { return Ok(None) };
        if let Some(row) = self.0.ids.row(id)
            && let Ok(head) = self.0.heads.get(row)
            && head.type_code == key.kind.code
        {
            return Ok(Some(head.chart));
        }
        Ok(self.find(&key).await?.map(|current| current.head.chart))
    }

    /// The labels of the most selective of several lists that are each complete: they come best first.
    pub(crate) fn best(&self, lists: &[Vec<fhir::search::Keyword>]) -> Vec<Keyword> {
        lists.first().into_iter().flatten().map(|k| self.0.index.label(k)).collect()
    }

    pub(crate) async fn hidden(&self, caller: &Caller, kind: TypeRef, param: &'static str) -> RecordError {
        let deed = Deed {
            outcome: audit::event::Outcome::Denied { policy: "view" },
            search: Some(Asked { type_code: kind.code, query: param }),
            ..Deed::of(audit::Action::Search, &[])
        };
        match self.attest(caller, &deed).await {
            Ok(_) => RecordError::HiddenParameter { param: param.to_owned() },
            Err(error) => error,
        }
    }
}

/// Every element that a search looks at, sorts by or includes by must be one that the caller sees; who is shown no
/// government numbers is told so rather than answered that there are none.
pub(crate) fn visible(scope: &Scope, query: &Query) -> Result<(), &'static str> {
    if !scope.categories().contains(Labels::GOVERNMENT_ID)
        && query.systems("identifier").any(|system| access::is_government_id(system, []))
    {
        return Err("identifier");
    }
    if scope.view().is_full() {
        return Ok(());
    }
    for param in query.params() {
        // A reverse include looks at another type, which its own scope decides.
        let own = fhir::search::find(query.resource_type(), param.code).is_some_and(|p| p.id == param.id);
        if own && !shows(scope.view(), query.resource_type(), param) {
            return Err(param.code);
        }
    }
    Ok(())
}

/// Whether everything that a parameter looks at may be seen in a view of its type.
pub(crate) fn shows(view: access::View, type_name: &str, param: &fhir::search::Param) -> bool {
    param.elements().iter().all(|element| view.allows(type_name, element))
}

/// Being in a compartment tells what its parameters refer to, so only those count that the caller sees; where none is
/// left the search is refused.
fn hidden_compartment(scope: &Scope, compartment: Option<&ResourceKey>, kind: TypeRef) -> Option<&'static str> {
    let codes = fhir::search::compartment_params(compartment?.kind.name, kind.name);
    let mut params = codes.iter().filter_map(|code| fhir::search::find(kind.name, code)).peekable();
    let first = params.peek()?.code;
    (!params.any(|param| shows(scope.view(), kind.name, param))).then_some(first)
}

/// What a candidate has to pass.
struct Sieve<'q> {
    scope: &'q Scope,
    query: &'q Query,
    /// Elements that the search filters or sorts by: each hit has to show them.
    matched_on: Vec<&'static str>,
    compartment: Option<Within<'q>>,
    answers: Option<&'q Answers<'q>>,
    /// What the chart of the last candidate says.
    known: Option<Known<'q>>,
    /// How the last candidate was decided.
    last: LastRuling,
}

impl Sieve<'_> {
    /// Government numbers, sealed apart, are identifiers: who looks at none need not open them.
    fn looks_at_identifiers(&self) -> bool {
        self.matched_on.contains(&"identifier")
    }
}

/// Membership of a compartment: any of its parameters refers to its root, or the resource is the root.
struct Within<'q> {
    key: &'q ResourceKey,
    params: Vec<&'static fhir::search::Param>,
}

impl<'q> Within<'q> {
    fn new(key: &'q ResourceKey, query: &Query, view: access::View) -> Self {
        let type_name = query.resource_type();
        let codes = fhir::search::compartment_params(key.kind.name, type_name);
        let params = codes.iter().filter_map(|code| fhir::search::find(type_name, code));
        Self { key, params: params.filter(|param| shows(view, type_name, param)).collect() }
    }

    /// As far as the hit's own view shows what it refers to.
    fn holds(&self, head: &Head, values: ValuesRef<'_>, view: access::View) -> bool {
        let (name, id) = (self.key.kind.name, self.key.id.as_str());
        let shown = self.params.iter().filter(|param| shows(view, head.type_name(), param));
        (head.type_name() == name && head.id() == id) || { shown }
            .any(|param| values.references(param).any(|(t, i)| t == name && i == id))
    }
}

pub(crate) fn values_of<'h>(head: &'h Head, apart: Option<&'h [u8]>) -> ValuesRef<'h> {
    match apart {
        Some(bytes) => ValuesRef::new(bytes).unwrap_or(ValuesRef::EMPTY),
        None => head.values().unwrap_or(ValuesRef::EMPTY),
    }
}

/// The search as its audit record keeps it.
pub(crate) fn asked_text(compartment: Option<&ResourceKey>, pairs: &Pairs<'_>) -> String {
    let mut out = String::new();
    if let Some(key) = compartment {
        out.push_str(key.kind.name);
        out.push('/');
        out.push_str(&key.id);
        out.push('?');
    }
    for (i, (name, value)) in pairs.iter().enumerate() {
        if i > 0 {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        out.push_str(value);
    }
    audit::event::clip(&out, audit::event::LONG_TEXT_BYTES_MAX).to_owned()
}
