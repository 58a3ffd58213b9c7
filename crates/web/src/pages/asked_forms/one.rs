//! What a patient answered in a form: questions and answers, who filled it in, when, and for which visit. To be read and printed.

use askama::Template;
use fhir::Json;
use http::StatusCode;
use record::PART2_NOTICE;

use crate::answer;
use crate::assets::{Asset, FORMS_CSS, Frame, PRINT};
use crate::client::Asked;
use crate::clinic::ask::Asking;
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::day::{Day, clock};
use crate::clinic::form_task::{OF_VISIT, named};
use crate::clinic::head::Head;
use crate::clinic::names::Names;
use crate::clinic::questionnaire::{Line, Questionnaire, told};
use crate::clinic::read::{extension, reference, text};
use crate::clinic::shell::{Place, Shell};
use crate::clinic::time;
use crate::pages::patients::asking;
use crate::pages::{Answer, closed};
use crate::refusal::Refusal;

const KIND: &str = "QuestionnaireResponse";

#[derive(Template)]
#[template(path = "form_answers.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    css: &'static Asset,
    script: &'static Asset,
    banner: Banner,
    title: String,
    by: String,
    when: String,
    visit: Option<String>,
    caution: Option<&'static str>,
    lines: Vec<Line>,
    part2_notice: Option<&'static str>,
    opened: String,
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    if !asking.ever(KIND) {
        return Err(Refusal::NotYours);
    }
    let patient_id = asked.ids[0];
    let Some(head) = Head::of(asked.web, &session, &asking, patient_id, (KIND, false)).await? else {
        return Ok(closed(asked));
    };
    let held = asking.read(KIND, asked.ids[1]).await?;
    let is_part2 = head.is_part2 || held.get().is_part2();
    let response = held.get().tree()?;
    asking.whose(&response, patient_id).await?;
    let form = match text(&response, "questionnaire") {
        Some(canonical) => named(&asking, canonical).await?,
        None => None,
    };
    let form = form.and_then(|form| Questionnaire::read(&form).ok());
    let title = form.as_ref().map_or("Form", |form| &form.title).to_owned();
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, &session, Place::Patients),
        css: &FORMS_CSS,
        script: &PRINT,
        banner: head.banner,
        title,
        by: by(&asking, &response, patient_id).await?,
        when: text(&response, "authored").map(|at| moment(asked, at)).unwrap_or_default(),
        visit: visit(asked, &asking, &response).await?,
        caution: caution(&response),
        lines: told(&response, form.as_ref()),
        part2_notice: is_part2.then_some(PART2_NOTICE),
        opened: asked.clock(),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

async fn by(asking: &Asking<'_>, response: &Json<'_>, patient_id: &str) -> Result<String, Refusal> {
    let Some(author) = response.get("author").or_else(|| response.get("source")) else {
        return Ok("not recorded".to_owned());
    };
    if let Some(("Patient", id)) = reference(author) {
        let is_theirs = asking.is_one_patient(patient_id, id).await?;
        return Ok(if is_theirs { "the patient" } else { "another patient" }.to_owned());
    }
    let names = Names::of(asking, std::slice::from_ref(response), std::iter::empty()).await?;
    Ok(names.name(author).unwrap_or_else(|| "somebody else".to_owned()))
}

/// In the clinic's time.
fn moment(asked: &Asked<'_>, fhir: &str) -> String {
    let zone = asked.web.zone();
    match time::instant_ms(fhir) {
        Some(at_ms) if fhir.len() > 10 => format!("{} {}", Day::of(at_ms, zone).title(), clock(at_ms, zone)),
        _ => time::day(fhir),
    }
}

/// The appointment that it was filled in for, as far as who looks may see it.
async fn visit(asked: &Asked<'_>, asking: &Asking<'_>, response: &Json<'_>) -> Result<Option<String>, Refusal> {
    let appointment = extension(response, OF_VISIT, "valueReference").and_then(reference);
    let Some(("Appointment", id)) = appointment else { return Ok(None) };
    let found = asking.search_if_ever("Appointment", &[("_id", id)]).await?;
    let start = found.resources().first().and_then(|one| text(one, "start").map(|at| moment(asked, at)));
    Ok(start)
}

fn caution(response: &Json<'_>) -> Option<&'static str> {
    match text(response, "status") {
        Some("completed" | "amended") => None,
        Some("entered-in-error") => Some("This was entered by mistake. Do not rely on it."),
        _ => Some("This form is not finished."),
    }
}
