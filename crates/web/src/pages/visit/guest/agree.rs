//! Agreement to a visit by video, and where the patient is while it lasts: kept for the clinician, in the log without a word of it.

use serde::Deserialize;
use telehealth::consent::{self, Language, Missing, Typed};
use telehealth::sheets::Consent;

use super::{brought, refused, shown, turned};
use crate::client::Asked;
use crate::pages::Answer;
use crate::pages::visit::unread;
use crate::refusal::Refusal;

#[derive(Deserialize)]
struct Agreed {
    version: u16,
    language: Language,
    #[serde(default)]
    agrees: bool,
    /// What brings them, if they like.
    #[serde(default)]
    brings: String,
    #[serde(flatten)]
    place: Typed,
}

pub async fn agree(asked: &Asked<'_>) -> Answer {
    let (link, binding) = brought(asked)?;
    let sent: Agreed = asked.json()?;
    if !sent.agrees {
        return Err(Refusal::Invalid(
            "without your agreement there is no visit by video: call the clinic for another way",
        ));
    }
    let at_ms = asked.web.record().now_ms();
    let place = sent.place.whereabouts(at_ms).map_err(missing)?;
    let brings = consent::brings(&sent.brings).map_err(missing)?;
    let agreed = asked.web.guests().agree(&link, &binding, sent.version, sent.language).await;
    let (known, role) = agreed.map_err(|error| turned(asked, error))?;
    let consent = Consent { version: sent.version.to_string(), language: sent.language.tag().to_owned(), role, at_ms };
    let kept = asked.web.sheets().change(&known.visit, |sheet| sheet.agree(consent, place, brings));
    if let Err(error) = kept {
        // What the clinician does not see was not said.
        asked.web.guests().disagree(&link, &binding).await.map_err(refused)?;
        return Err(unread(error));
    }
    shown(asked, &known, (&link, &binding)).await
}

fn missing(what: Missing) -> Refusal {
    Refusal::Invalid(match what {
        Missing::Address => "say where you are now, as you would tell an ambulance",
        Missing::State => "choose the state you are in",
        Missing::Country => "choose the country you are in",
        Missing::Number => "say which number reaches an ambulance where you are",
        Missing::Contact => "say whom to call in an emergency",
        Missing::Phone => "give a telephone number of who to call in an emergency, with 7 to 15 digits",
        Missing::Brings => "say what brings you in at most 2,000 letters",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words and version go together: who changes what people agree to raises `VERSION`, and says so here.
    #[test]
    fn the_words_are_those_of_their_version() {
        let words = [
            include_str!("../../../../templates/consent_en.html"),
            include_str!("../../../../templates/consent_es.html"),
        ];
        let sum = words
            .concat()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        assert_eq!((consent::VERSION, format!("{sum:016x}").as_str()), (1, "1cc3d3524e441dbf"));
    }
}
