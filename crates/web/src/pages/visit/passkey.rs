//! The passkey of who comes by a link into a visit of high risk: it is made after the check of who they are, in the device check or in the
//! waiting room, and signs the keys that their browser has in this call. Having made one proves nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use identity::{EnrolRefusal, NONCE_BYTES, SignInRefusal, VisitPatient};
use serde::Deserialize;
use serde_json::{Value, json};
use telehealth::Secret;
use telehealth::guests::Known;
use telehealth::link::Purpose;
use telehealth::risk::KeysDigest;
use telehealth::room::Audit;
use telehealth::sheets::{Enrolled, Patient, Signed};
use telehealth::signal::{ParticipantId, Role};

use super::Answer;
use super::guest::{REFUSED, kept, refused};
use crate::answer;
use crate::client::Asked;
use crate::refusal::Refusal;

const AGAIN: &str = "this passkey did not fit: try again";
const KNOCK: Refusal = Refusal::Invalid("knock at the door first: the passkey signs the keys of this call");

#[derive(Deserialize)]
struct Answered {
    credential: Value,
}

/// Who came and for whom; who they are was checked, and they agreed.
struct Comer {
    link: Secret,
    visit: String,
    person: String,
    role: Role,
    patient: Patient,
    /// A passkey is asked of them: the visit is of high risk, and no reason stands in for it.
    is_asked: bool,
}

/// Their place in the room, and the keys with which they are there.
struct Keys {
    id: ParticipantId,
    digest: KeysDigest,
}

impl Comer {
    async fn of(asked: &Asked<'_>) -> Result<Self, Refusal> {
        asked.sent_by_our_page()?;
        let (link, binding) = kept(asked).ok_or(Refusal::Invalid(REFUSED))?;
        let (visit, invite) = asked.web.guests().entry(&link, &binding).await.map_err(refused)?;
        let sheet = asked.web.sheets().of(&visit).map_err(super::unread)?;
        let is_asked = sheet.settings(&visit).high_risk;
        let Some(patient) = sheet.patient.filter(|_| invite.role.is_visited()) else {
            return Err(Refusal::Invalid("no passkey is asked of you in this visit"));
        };
        Ok(Self { link, visit, person: invite.person, role: invite.role, patient, is_asked })
    }

    fn patient(&self) -> VisitPatient<'_> {
        VisitPatient { id: &self.patient.id, chart: self.patient.chart, is_proxy: self.role == Role::Proxy }
    }

    /// None before they knocked.
    fn keys(&self, asked: &Asked<'_>) -> Option<Keys> {
        let (id, digest) = asked.web.hall().keys_of(&self.visit, &self.person)?;
        Some(Keys { id, digest })
    }

    /// In a visit that asks for none nobody makes one, and not in any number.
    fn may_enrol(&self) -> Result<(), Refusal> {
        if self.is_asked { Ok(()) } else { Err(Refusal::Invalid("no passkey is asked of you in this visit")) }
    }

    fn refused(&self, asked: &Asked<'_>) -> Refusal {
        asked.web.hall().note(&self.visit, self.role, Audit::VouchRefused, self.person.clone());
        Refusal::Invalid(AGAIN)
    }
}

impl Keys {
    fn challenge(&self) -> impl Fn(&[u8; NONCE_BYTES]) -> [u8; 32] {
        let keys = self.digest;
        move |nonce| keys.challenge(nonce)
    }
}

/// What the device check says of a passkey: `make` where one is asked for and none is known, `known` where one is, nothing where none is
/// asked for. Only who was checked and agreed is told.
pub fn before(asked: &Asked<'_>, known: &Known) -> Result<Option<&'static str>, Refusal> {
    let is_visited = known.purpose.is_visited();
    if known.is_to_check || known.is_to_agree || !is_visited {
        return Ok(None);
    }
    let sheet = asked.web.sheets().of(&known.visit).map_err(super::unread)?;
    let is_asked = sheet.settings(&known.visit).high_risk;
    let Some(patient) = sheet.patient.filter(|_| is_asked) else { return Ok(None) };
    let is_proxy = known.purpose == Purpose::Proxy;
    let patient = VisitPatient { id: &patient.id, chart: patient.chart, is_proxy };
    Ok(Some(if asked.web.identity().has_visit_passkey(patient)? { "known" } else { "make" }))
}

/// Options for the browser: `prove` where a passkey is known, `enrol` where none is. Before they knocked there is nothing to prove.
pub async fn passkey(asked: &Asked<'_>) -> Answer {
    let comer = Comer::of(asked).await?;
    let identity = asked.web.identity();
    let json = |options: &str| serde_json::from_str::<Value>(options).map_err(|_| Refusal::Defect);
    let told = if identity.has_visit_passkey(comer.patient())? {
        let keys = comer.keys(asked).ok_or(KNOCK)?;
        let (options, nonce) = identity.begin_visit_proof(comer.patient(), &comer.person, keys.challenge())?;
        json!({ "prove": json(&options)?, "nonce": URL_SAFE_NO_PAD.encode(nonce) })
    } else {
        comer.may_enrol()?;
        asked.web.guests().try_passkey(&comer.link).map_err(refused)?;
        json!({ "enrol": json(&identity.begin_visit_enrolment(comer.patient(), &comer.person)?)? })
    };
    Ok(answer::json(StatusCode::OK, &told))
}

pub async fn enrol(asked: &Asked<'_>) -> Answer {
    let comer = Comer::of(asked).await?;
    comer.may_enrol()?;
    let sent: Answered = asked.json()?;
    let (identity, answered) = (asked.web.identity(), sent.credential.to_string());
    let at_ms = match identity.finish_visit_enrolment(comer.patient(), &comer.person, &answered, &asked.from).await {
        Ok(at_ms) => at_ms,
        Err(EnrolRefusal::Unavailable(error)) => return Err(error.into()),
        Err(_) => return Err(comer.refused(asked)),
    };
    asked.web.hall().note(&comer.visit, comer.role, Audit::Enrolled, comer.person.clone());
    let made = Enrolled { role: comer.role, at_ms };
    asked.web.sheets().change(&comer.visit, |sheet| sheet.enrolled.push(made)).map_err(super::unread)?;
    Ok(answer::json(StatusCode::OK, &json!({})))
}

pub async fn prove(asked: &Asked<'_>) -> Answer {
    let comer = Comer::of(asked).await?;
    let keys = comer.keys(asked).ok_or(KNOCK)?;
    let sent: Answered = asked.json()?;
    let (identity, answered) = (asked.web.identity(), sent.credential.to_string());
    let finished =
        identity.finish_visit_proof(comer.patient(), &comer.person, &answered, keys.challenge(), &asked.from).await;
    let proof = match finished {
        Ok(proof) => proof,
        Err(SignInRefusal::Unavailable(error)) => return Err(error.into()),
        Err(_) => return Err(comer.refused(asked)),
    };
    // The room first: what the panel says of a passkey is never more than what the room holds.
    if !asked.web.hall().vouch(&comer.visit, &keys.id, keys.digest) {
        return Err(comer.refused(asked));
    }
    let at_ms = asked.web.record().now_ms();
    let (role, person) = (comer.role, comer.person.clone());
    let signed = Signed { role, person, at_ms, known_ms: proof.known_ms, of_account: proof.of_account };
    asked.web.sheets().change(&comer.visit, |sheet| sheet.sign(signed)).map_err(super::unread)?;
    // Removed while it signed: whoever removed it told a room that knew nothing of it yet.
    if !identity.has_visit_passkey(comer.patient())? {
        super::access::unvouch(asked, &comer.visit, comer.role)?;
        return Err(comer.refused(asked));
    }
    Ok(answer::json(StatusCode::OK, &json!({})))
}
