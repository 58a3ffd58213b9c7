//! Filed documents that nobody signed, of all patients whom one sees: those that lie longest first, each with its owner.

use askama::Template;
use fhir::Json;
use http::StatusCode;
use identity::Session;
use record::PART2_NOTICE;

use super::Row;
use crate::answer;
use crate::assets::{Asset, Frame, WORK, WORK_CSS};
use crate::client::Asked;
use crate::clinic::ask::{Asking, Sheet};
use crate::clinic::day;
use crate::clinic::duty::{LIMITS, List, Owner, Standing};
use crate::clinic::names::Names;
use crate::clinic::owners::{self, Said};
use crate::clinic::read::{all, reference, text};
use crate::clinic::reports::{Subject, age, by_id, covers};
use crate::clinic::shell::{Place, Shell, signs_documents};
use crate::clinic::time;
use crate::pages::Answer;
use crate::pages::results::{Covering, Tab, chosen, covering, tabs};
use crate::refusal::Refusal;

/// Documents that are taken into view; the next come up as these are signed.
const LOOKED_AT_MAX: &str = "300";
const SHOWN_MAX: usize = 100;
const MINUTE_MS: i64 = 60_000;
/// What nobody has signed, and nobody has taken back (R5 has `doc-status`, and so do we).
const UNSIGNED: [(&str, &str); 2] = [("doc-status", "preliminary"), ("status", "current")];

#[derive(Template)]
#[template(path = "documents_unsigned.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    style: &'static Asset,
    script: &'static Asset,
    tabs: Vec<Tab>,
    here: List,
    documents: Vec<Unsigned>,
    /// In the list that is shown.
    count: usize,
    late: usize,
    is_cut: bool,
    covering: Vec<Covering>,
    as_of: String,
    part2_notice: Option<&'static str>,
}

struct Unsigned {
    row: Row,
    patient: Option<Subject>,
    age: String,
    standing: Standing,
    said: Said,
    filed_ms: i64,
}

impl Unsigned {
    /// In the chart of whose it is; none where policy does not say whose.
    fn address(&self) -> Option<String> {
        Some(format!("/patients/{}/documents/{}", self.patient.as_ref()?.id, self.row.id))
    }
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    let own = asking.record.own_practitioner(asking.caller).await?;
    let (zone, now_ms) = (asked.web.zone(), asking.record.now_ms());
    let found = asking
        .search("DocumentReference", &[&UNSIGNED[..], &[("_sort", "_lastUpdated"), ("_count", LOOKED_AT_MAX)]].concat())
        .await?;
    let resources = found.resources();
    let ids = |of: &dyn Fn(&Json<'_>) -> Vec<String>| resources.iter().flat_map(of).collect::<Vec<_>>();
    let patients = asking.by_ids("Patient", &ids(&|one| subject(one).map(str::to_owned).into_iter().collect())).await?;
    let orders = asking.by_ids("ServiceRequest", &ids(&orders_of)).await?;
    let (patients_by, orders_by) = (by_id(&patients), by_id(&orders));
    let owners = owners::of(&asking, &resources, orders_of, (&orders_by, &patients_by)).await?;
    let (cover_sheet, covers) = covers(&asking).await?;
    let known = owners.iter().flatten().map(|id| crate::clinic::task::refer("Practitioner", id)).collect::<Vec<_>>();
    let names = Names::of(&asking, &known, [&found, &cover_sheet].into_iter()).await?;
    let lies = format!("Not signed for over {} days", LIMITS.other_days);
    let unsigned = |(one, owner): (&Json<'_>, Option<String>)| {
        let updated = one.get("meta").and_then(|meta| text(meta, "lastUpdated"));
        let filed_ms = text(one, "date").or(updated).and_then(time::instant_ms).unwrap_or(now_ms);
        let owner = owner.map_or(Owner::Pool, Owner::Person);
        let standing = Standing::of(owner, filed_ms, false, &covers, now_ms, LIMITS);
        Unsigned {
            row: Row::of(one, &names, zone),
            patient: subject(one).and_then(|id| patients_by.get(id)).map(|patient| Subject::of(patient, now_ms)),
            age: age(((now_ms - filed_ms) / MINUTE_MS).max(0)),
            said: Said::of(&standing, &names, &lies),
            standing,
            filed_ms,
        }
    };
    let mut documents: Vec<Unsigned> = resources.iter().zip(owners).map(unsigned).collect();
    documents.sort_by_key(|one| one.filed_ms);
    let count = |list| documents.iter().filter(|one| one.standing.is_in(list, own.as_deref())).count();
    let here = chosen(&crate::pages::today::query(asked), |list| count(list) > 0)?;
    let tabs = tabs(here, count);
    documents.retain(|one| one.standing.is_in(here, own.as_deref()));
    let (count, late) = (documents.len(), documents.iter().filter(|one| one.said.escalated.is_some()).count());
    documents.truncate(SHOWN_MAX);
    let is_part2 = [&found].into_iter().chain(&patients).chain(&orders).any(Sheet::is_part2);
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, &session, Place::Results),
        style: &WORK_CSS,
        script: &WORK,
        tabs,
        here,
        documents,
        count,
        late,
        is_cut: found.next().is_some(),
        covering: covering(&covers, own.as_deref(), now_ms, zone, |id| names.person(id)),
        as_of: day::clock(now_ms, zone),
        part2_notice: is_part2.then_some(PART2_NOTICE),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// How many there are, of what whoever looks may see.
pub async fn count(asking: &Asking<'_>) -> Result<Option<u64>, Refusal> {
    let pairs = [&UNSIGNED[..], &[("_summary", "count")]].concat();
    Ok(asking.search("DocumentReference", &pairs).await?.total())
}

/// Nobody else learns that there is such a page.
fn asking<'a>(asked: &Asked<'a>, session: &'a Session) -> Result<Asking<'a>, Refusal> {
    let caller = session.caller.as_ref().filter(|caller| signs_documents(asked.web, caller));
    Ok(Asking { record: asked.web.record(), caller: caller.ok_or(Refusal::NotFound)? })
}

fn subject<'j>(one: &'j Json<'_>) -> Option<&'j str> {
    one.get("subject").and_then(reference).map(|(_, id)| id)
}

/// The orders that a document answers.
pub fn orders_of(one: &Json<'_>) -> Vec<String> {
    let related = one.get("context").map_or(&[][..], |context| all(context, "related"));
    let orders = related.iter().filter_map(reference).filter(|(kind, _)| *kind == "ServiceRequest");
    orders.map(|(_, id)| id.to_owned()).collect()
}
