//! Saying who one is: the birth date and one thing more, all asked at once, so that nobody learns which of them was right.

use compliance::{ComplianceError, Service};
use http::StatusCode;
use outward::{Letter, Message, MessageId, OutwardError, Recipient};
use serde::Deserialize;
use serde_json::json;
use telehealth::guests::Known;
use telehealth::identity_check::{CODE_MS, Channel, Second};
use telehealth::link::Purpose;
use telehealth::sheets::Sheet;

use super::{brought, refused, shown, turned};
use crate::answer;
use crate::client::Asked;
use crate::clinic::time;
use crate::pages::Answer;
use crate::pages::visit::unread;
use crate::refusal::Refusal;

/// One of the three beside the birth date.
#[derive(Deserialize)]
struct Who {
    birth_date: String,
    #[serde(default)]
    number: String,
    /// The id of a choice.
    #[serde(default)]
    day: String,
    #[serde(default)]
    code: String,
}

#[derive(Deserialize)]
struct Wanted {
    /// `email` or `sms`.
    by: String,
}

pub async fn check(asked: &Asked<'_>) -> Answer {
    let (link, binding) = brought(asked)?;
    let sent: Who = asked.json()?;
    let Some(birth_date) = time::typed(sent.birth_date.trim()).filter(|date| date.len() == 10) else {
        return Err(Refusal::Invalid("type the whole birth date, such as 14-Jul-1968; this was not counted"));
    };
    let second = match (sent.day.as_str(), sent.code.as_str()) {
        ("", "") => Second::PatientId(&sent.number),
        (day, "") => Second::Appointment(day),
        (_, code) => Second::Code(code),
    };
    let checked = asked.web.guests().check(&link, &binding, &birth_date, &second).await;
    let known = checked.map_err(|error| turned(asked, error))?;
    note(asked, &known)?;
    shown(asked, &known, (&link, &binding)).await
}

/// How they were known goes to the clinician's page; who stands for the patient does not take the patient's place there.
pub fn note(asked: &Asked<'_>, known: &Known) -> Result<(), Refusal> {
    let Some(verified) = &known.verified else { return Ok(()) };
    let is_patient = known.purpose == Purpose::Patient;
    let change = |sheet: &mut Sheet| {
        if is_patient || sheet.identity.is_none() {
            sheet.identify(verified);
        }
    };
    asked.web.sheets().change(&known.visit, change).map_err(unread)
}

/// A one-time code to what is on file, which is never shown.
pub async fn code(asked: &Asked<'_>) -> Answer {
    let (link, binding) = brought(asked)?;
    let sent: Wanted = asked.json()?;
    let (channel, service) = match sent.by.as_str() {
        "email" => (Channel::Email, Service::Email),
        "sms" => (Channel::Sms, Service::Sms),
        _ => return Err(Refusal::Invalid("codes are sent by e-mail or as a text message")),
    };
    if !asked.web.outbox().has(service) {
        return Err(Refusal::Invalid(NOT_FROM_HERE));
    }
    let coded = asked.web.guests().code(&link, &binding, channel).await.map_err(|error| turned(asked, error))?;
    let to = match channel {
        Channel::Email => coded.address.parse().map(Recipient::Email),
        _ => coded.address.parse().map(Recipient::Sms),
    };
    let letter = Letter::code(&coded.digits).map_err(|_| Refusal::Defect)?;
    let until_ms = asked.web.record().now_ms() + CODE_MS;
    let put = match to {
        Ok(to) => asked.web.outbox().put(Message { id: MessageId(coded.id), to, letter, until_ms }).await,
        Err(error) => Err(error),
    };
    if let Err(error) = put {
        asked.web.guests().unsent(&link, &binding).await.map_err(refused)?;
        return Err(Refusal::Invalid(match error {
            OutwardError::NotConfigured(_) | OutwardError::Address(_) => NOT_FROM_HERE,
            // That there is no agreement in force is the clinic's affair; that no code comes is the guest's.
            OutwardError::Compliance(ComplianceError::NoAgreement { .. }) => NOT_FROM_HERE,
            error => {
                tracing::error!(%error, "a code could not be sent");
                NOT_FROM_HERE
            }
        }));
    }
    let said = match channel {
        Channel::Email => "A code is on its way to the e-mail address on file. It works for ten minutes.",
        _ => "A code is on its way to the telephone number on file. It works for ten minutes.",
    };
    Ok(answer::json(StatusCode::OK, &json!({ "said": said })))
}

const NOT_FROM_HERE: &str =
    "the clinic cannot send a code now: say who you are in another way, or call the clinic; this was not counted";
