//! The letter of a referral, to be printed and handed over or sent by whoever prints it: nothing is transmitted from here.

use askama::Template;
use fhir::Json;
use http::StatusCode;
use jiff::tz::TimeZone;
use record::{PART2_NOTICE, RecordError};

use super::{ABOUT, asking, closed};
use crate::answer;
use crate::assets::{Asset, Frame, ORDERS_CSS};
use crate::client::Asked;
use crate::clinic::addenda;
use crate::clinic::ask::{Asking, Sheet};
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::day::{self, Day};
use crate::clinic::head::Head;
use crate::clinic::names::Names;
use crate::clinic::note::runs;
use crate::clinic::orders::Order;
use crate::clinic::orders::catalogue::{Specialty, specialty};
use crate::clinic::read::{all, reference, text, words_of};
use crate::clinic::shell::{Place, Shell};
use crate::pages::{Answer, medicines_said, problems_said, written};
use crate::refusal::Refusal;

#[derive(Template)]
#[template(path = "order_letter.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    style: &'static Asset,
    banner: Banner,
    order: Order,
    specialty: Option<&'static Specialty>,
    today: String,
    problems: Option<Vec<String>>,
    medicines: Option<Vec<String>>,
    notes: Vec<Note>,
    part2_notice: Option<&'static str>,
}

struct Note {
    title: String,
    paragraphs: Vec<String>,
    /// Why there is no text of it here.
    elsewhere: Option<String>,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    if !asking.ever("ServiceRequest") {
        return Err(Refusal::NotYours);
    }
    let [patient_id, order_id] = asked.ids;
    let Some(mut head) = Head::of(asked.web, &session, &asking, patient_id, ABOUT).await? else {
        return Ok(closed(asked));
    };
    let of = ("patient", patient_id);
    let found = asking.search("ServiceRequest", &[of, ("_id", order_id)]).await?;
    let resources = found.resources();
    let one = resources.first().ok_or(RecordError::NotFound)?;
    let names = Names::of(&asking, &[], std::iter::once(&found)).await?;
    let order = Order::of(one, &names, asked.web.zone());
    if !order.is_referral() || order.status == "draft" {
        return Err(RecordError::NotFound.into());
    }
    let conditions =
        asking.search_if_ever("Condition", &[of, ("category:not", "encounter-diagnosis"), ("_count", "200")]).await?;
    let prescribed =
        asking.search_if_ever("MedicationRequest", &[of, ("status", "active,on-hold"), ("_count", "100")]).await?;
    let documents = documents(&asking, patient_id, one).await?;
    let sheets = [&found, &conditions, &prescribed, &documents];
    head.is_part2 |= sheets.iter().any(|sheet| sheet.is_part2());
    let names = Names::of(&asking, &[], std::iter::once(&prescribed)).await?;
    let notes = documents.resources();
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, &session, Place::Patients),
        style: &ORDERS_CSS,
        specialty: specialty(&order.specialty),
        banner: head.banner,
        today: Day::of(asking.record.now_ms(), asked.web.zone()).short(),
        problems: asking.ever("Condition").then(|| problems_said(&conditions.resources())),
        medicines: asking.ever("MedicationRequest").then(|| medicines_said(&prescribed.resources(), &names)),
        notes: notes.iter().map(|one| Note::of(one, asked.web.zone())).collect(),
        order,
        part2_notice: head.is_part2.then_some(PART2_NOTICE),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// What the order names to go along.
async fn documents(asking: &Asking<'_>, patient_id: &str, order: &Json<'_>) -> Result<Sheet, Refusal> {
    let ids = all(order, "supportingInfo").iter().filter_map(reference);
    let ids: Vec<&str> = ids.filter(|(kind, _)| *kind == "DocumentReference").map(|(_, id)| id).collect();
    if ids.is_empty() {
        return Ok(Sheet::default());
    }
    asking
        .search_if_ever("DocumentReference", &[("patient", patient_id), ("_id", &ids.join(",")), ("_count", "50")])
        .await
}

impl Note {
    fn of(document: &Json<'_>, zone: &TimeZone) -> Self {
        let title = text(document, "description").map(str::to_owned).or_else(|| words_of(document, "type"));
        let day = text(document, "date").map(|at| day::day_of(at, zone)).unwrap_or_default();
        let (body, elsewhere) = match written(document) {
            Ok(body) => (body, None),
            Err(_) => {
                (String::new(), Some("Not a text: print it from Documents and put it beside this letter.".to_owned()))
            }
        };
        let plain = |part: &str| runs(part).into_iter().map(|run| run.text).collect::<String>();
        Self {
            title: format!("{}, {day}", addenda::titled(document, title.unwrap_or_else(|| "Document".to_owned()))),
            paragraphs: body.split("\n\n").map(str::trim).filter(|part| !part.is_empty()).map(plain).collect(),
            elsewhere,
        }
    }
}
