//! The passkey of who comes by a link into a visit of high risk: it is enrolled after the check of who they are, and signs the keys that
//! their browser has in this call.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use identity::{EnrolRefusal, NONCE_BYTES, SignInRefusal, VisitPatient};
use serde::Deserialize;
use serde_json::{Value, json};
use telehealth::risk::KeysDigest;
use telehealth::room::Audit;
use telehealth::sheets::{Patient, Signed};
use telehealth::signal::{ParticipantId, Role};

use super::Answer;
use super::guest::{REFUSED, kept, refused};
use crate::answer;
use crate::client::Asked;
use crate::refusal::Refusal;

const AGAIN: &str = "this passkey did not fit: try again";

#[derive(Deserialize)]
struct Answered {
    credential: Value,
}

/// Who came, for whom, and with which keys they wait.
struct Comer {
    visit: String,
    person: String,
    role: Role,
    patient: Patient,
    id: ParticipantId,
    keys: KeysDigest,
}

impl Comer {
    async fn of(asked: &Asked<'_>) -> Result<Self, Refusal> {
        asked.sent_by_our_page()?;
        let (link, binding) = kept(asked).ok_or(Refusal::Invalid(REFUSED))?;
        let (visit, invite) = asked.web.guests().entry(&link, &binding).await.map_err(refused)?;
        let sheet = asked.web.sheets().of(&visit).map_err(super::unread)?;
        let Some(patient) = sheet.patient.filter(|_| invite.role.is_visited()) else {
            return Err(Refusal::Invalid("no passkey is asked of you in this visit"));
        };
        let (id, keys) = asked
            .web
            .hall()
            .keys_of(&visit, &invite.person)
            .ok_or(Refusal::Invalid("knock at the door first: the passkey signs the keys of this call"))?;
        Ok(Self { visit, person: invite.person, role: invite.role, patient, id, keys })
    }

    fn patient(&self) -> VisitPatient<'_> {
        VisitPatient { id: &self.patient.id, chart: self.patient.chart, is_proxy: self.role == Role::Proxy }
    }

    fn challenge(&self) -> impl Fn(&[u8; NONCE_BYTES]) -> [u8; 32] {
        let keys = self.keys;
        move |nonce| keys.challenge(nonce)
    }

    fn refused(&self, asked: &Asked<'_>) -> Refusal {
        asked.web.hall().note(&self.visit, self.role, Audit::VouchRefused, self.person.clone());
        Refusal::Invalid(AGAIN)
    }
}

/// Options for the browser: `prove` where a passkey is known, `enrol` where none is.
pub async fn passkey(asked: &Asked<'_>) -> Answer {
    let comer = Comer::of(asked).await?;
    let identity = asked.web.identity();
    let json = |options: &str| serde_json::from_str::<Value>(options).map_err(|_| Refusal::Defect);
    let told = if identity.has_visit_passkey(comer.patient())? {
        let (options, nonce) = identity.begin_visit_proof(comer.patient(), &comer.person, comer.challenge())?;
        json!({ "prove": json(&options)?, "nonce": URL_SAFE_NO_PAD.encode(nonce) })
    } else {
        json!({ "enrol": json(&identity.begin_visit_enrolment(comer.patient(), &comer.person)?)? })
    };
    Ok(answer::json(StatusCode::OK, &told))
}

pub async fn enrol(asked: &Asked<'_>) -> Answer {
    let comer = Comer::of(asked).await?;
    let sent: Answered = asked.json()?;
    let (identity, answered) = (asked.web.identity(), sent.credential.to_string());
    match identity.finish_visit_enrolment(comer.patient(), &comer.person, &answered, &asked.from).await {
        Ok(()) => Ok(answer::json(StatusCode::OK, &json!({}))),
        Err(EnrolRefusal::Unavailable(error)) => Err(error.into()),
        Err(_) => Err(Refusal::Invalid(AGAIN)),
    }
}

pub async fn prove(asked: &Asked<'_>) -> Answer {
    let comer = Comer::of(asked).await?;
    let sent: Answered = asked.json()?;
    let (identity, answered) = (asked.web.identity(), sent.credential.to_string());
    let finished =
        identity.finish_visit_proof(comer.patient(), &comer.person, &answered, comer.challenge(), &asked.from).await;
    let proof = match finished {
        Ok(proof) => proof,
        Err(SignInRefusal::Unavailable(error)) => return Err(error.into()),
        Err(_) => return Err(comer.refused(asked)),
    };
    // The room first: what the panel says of a passkey is never more than what the room holds.
    if !asked.web.hall().vouch(&comer.visit, &comer.id, comer.keys) {
        return Err(comer.refused(asked));
    }
    let at_ms = asked.web.record().now_ms();
    let signed = Signed { role: comer.role, at_ms, known_ms: proof.known_ms, of_account: proof.of_account };
    let changed = asked.web.sheets().change(&comer.visit, |sheet| {
        sheet.steps.passkey = true;
        sheet.passkey = Some(signed);
    });
    changed.map_err(super::unread)?;
    Ok(answer::json(StatusCode::OK, &json!({})))
}
