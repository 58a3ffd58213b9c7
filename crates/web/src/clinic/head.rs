//! The top of a page about one patient: whether the caller stands where the page needs it, and the banner that goes with it.

use fhir::Json;
use identity::Session;
use record::{Facet, Refusal as Denied};

use super::ask::{Asking, Sheet, known};
use super::banner::{Allergies, Banner, Glass};
use super::names::Names;
use super::orders::confirm::{self, Identifier};
use super::read::{all, text};
use super::{time, visit};
use crate::Web;
use crate::client::Asked;
use crate::refusal::Refusal;

pub struct Head {
    pub banner: Banner,
    pub birth: Option<String>,
    /// On one line, as a letter has it.
    pub address: Option<String>,
    pub is_part2: bool,
    /// What who signs for this patient types again.
    pub identifiers: Option<[Identifier; 2]>,
}

impl Head {
    /// None where the chart does not open to the caller for what the page is about: the chart's own page says why.
    pub async fn of(
        web: &Web,
        session: &Session,
        asking: &Asking<'_>,
        patient_id: &str,
        about: (&str, bool),
    ) -> Result<Option<Self>, Refusal> {
        let patient = match asking.read("Patient", patient_id).await {
            Ok(patient) => patient,
            Err(record::RecordError::Denied(Denied::Withheld)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let facet = |(kind, is_vital_sign)| Ok(Facet { kind: known(kind)?, is_vital_sign });
        let facets = [about, ("AllergyIntolerance", false), ("Flag", false)].map(facet);
        let facets = facets.into_iter().collect::<Result<Vec<_>, Refusal>>()?;
        let outlook = asking.record.outlook(asking.caller, patient.get(), &facets).await?;
        let [Ok(()), allergies, flags] = outlook.facets[..] else { return Ok(None) };
        let json = patient.get().tree()?;
        let mut banner = Banner::of(&json, time::today(asking.record.now_ms()));
        banner.glass = Glass::of(web, session, outlook.chart);
        banner.note = visit::writing(asking, patient_id).await?.map(|note| note.id);
        let mut is_part2 = patient.get().is_part2();
        let mut ask = async |kind: &str, stands: Result<(), Denied>| -> Result<Option<Sheet>, Refusal> {
            if stands.is_err() {
                return Ok(None);
            }
            let sheet = asking.search_if_ever(kind, &[("patient", patient_id), ("_count", "100")]).await?;
            is_part2 |= sheet.is_part2();
            Ok(Some(sheet))
        };
        let (allergies, flags) = (ask("AllergyIntolerance", allergies).await?, ask("Flag", flags).await?);
        if let Some(sheet) = allergies {
            let names = Names::of(asking, &[], std::iter::once(&sheet)).await?;
            banner.allergies = Allergies::of(&sheet.resources(), &names, web.zone());
        }
        if let Some(sheet) = flags {
            banner.add_flags(&sheet.resources());
        }
        let birth = text(&json, "birthDate").map(str::to_owned);
        let (address, identifiers) = (address(&json), confirm::asked(&json));
        Ok(Some(Self { banner, birth, address, is_part2, identifiers }))
    }
}

/// The top of a page about things of one kind, and what there is of them. Who never sees the kind is told so before anything is read.
pub async fn opened(
    asked: &Asked<'_>,
    session: &Session,
    asking: &Asking<'_>,
    about: (&'static str, bool),
    pairs: &[(&str, &str)],
) -> Result<Option<(Head, Sheet)>, Refusal> {
    if !asking.ever(about.0) {
        return Err(Refusal::NotYours);
    }
    let Some(mut head) = Head::of(asked.web, session, asking, asked.ids[0], about).await? else { return Ok(None) };
    let sheet = asking.search(about.0, &[&[("patient", asked.ids[0])], pairs].concat()).await?;
    head.is_part2 |= sheet.is_part2();
    Ok(Some((head, sheet)))
}

fn address(patient: &Json<'_>) -> Option<String> {
    let held = all(patient, "address");
    let one = held.iter().find(|one| !matches!(text(one, "use"), Some("old" | "temp"))).or(held.first())?;
    let street = all(one, "line").iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", ");
    let region = [text(one, "state"), text(one, "postalCode")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let parts = [street.as_str(), text(one, "city").unwrap_or_default(), &region];
    let line = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    Some(line).filter(|line| !line.is_empty())
}
