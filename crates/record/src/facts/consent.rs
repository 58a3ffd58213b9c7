//! Consents and agreed restrictions, compiled from FHIR Consent to what a decision asks. docs/consents.md says which forms are
//! enforced and how; what is here errs towards closed: a refusal that is not understood in full refuses, a permission does not permit.

use access::{Caller, Labels, Object, Purpose, Relations, Use};
use fhir::Json;
use fhir::search::{Kind as ParamKind, parameters};

use super::gather::period;
use super::{Named, label_of};
use crate::head::Head;
use crate::types;

/// Provisions within provisions, and provisions of one consent.
const DEPTH_MAX: usize = 6;
const PROVISIONS_MAX: usize = 200;
const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const RESOURCE_TYPES: &str = "http://hl7.org/fhir/resource-types";

pub struct Consent {
    kind: Kind,
    root: Provision,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Refuses where it comes out as a denial (45 CFR 164.522(a)).
    Privacy,
    /// 42 CFR 2.31.
    Part2,
    /// 45 CFR 164.508.
    Research,
    /// 45 CFR 164.522(a)(1)(vi).
    SelfPay,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Permit,
    Deny,
}

/// One provision. What it does not name it does not narrow by.
struct Provision {
    effect: Option<Effect>,
    from_ms: i64,
    until_ms: i64,
    /// Bits by [`Purpose`]; none for any.
    purposes: u64,
    /// Rows of practitioners; none for anyone.
    actors: Option<Box<[u64]>>,
    labels: Labels,
    types: Box<[u16]>,
    data: Box<[Datum]>,
    /// It narrows by something that is not understood here.
    is_inexact: bool,
    exceptions: Box<[Provision]>,
}

/// A resource, and whether what refers to it is meant too.
struct Datum {
    type_name: &'static str,
    id: Box<str>,
    with_related: bool,
}

/// Resolves a reference to a practitioner; `None` for what is none.
pub type Resolve<'r> = dyn Fn(&str) -> Option<Named> + Sync + 'r;

pub fn relations(consents: &[Consent], caller: &Caller, object: &Object, head: Option<&Head>) -> Relations {
    let mut relations = Relations::NONE;
    // What a patient asks of others binds others.
    let is_of = |chart| object.chart.is_some() && (object.chart == Some(chart) || object.also == Some(chart));
    let is_own = caller.own_chart().is_some_and(is_of) || caller.proxies().iter().any(|grant| is_of(grant.chart));
    for consent in consents {
        let verdict = consent.root.verdict(caller, object, head);
        relations = relations.union(match (consent.kind, verdict) {
            (Kind::Privacy, Some(Effect::Deny)) if !is_own => Relations::CONSENT_DENIES,
            (Kind::SelfPay, Some(Effect::Deny)) => Relations::SELF_PAY,
            (Kind::Part2, Some(Effect::Permit)) if caller.purpose() != Purpose::Legal => Relations::PART2_CONSENT,
            (Kind::Research, Some(Effect::Permit)) if caller.purpose().uses().contains(&Use::Research) => {
                Relations::RESEARCH_CONSENT
            }
            _ => Relations::NONE,
        });
    }
    relations
}

impl Consent {
    /// `None` if it is not in force or says nothing that a decision asks.
    pub fn compile(consent: &Json<'_>, resolve: &Resolve<'_>) -> Option<Consent> {
        if consent.get("status").and_then(Json::as_str) != Some("active") {
            return None;
        }
        let policy_is = |code: &str| {
            let categories = consent.get("category").map_or(&[][..], Json::items);
            let concepts = categories.iter().chain(consent.get("policyRule"));
            concepts.flat_map(codings).any(|coding| is_coding(coding, ACT_CODE, code))
        };
        let is_research = consent.get("scope").into_iter().flat_map(codings).any(|c| code_of(c) == Some("research"));
        let mut count = 0;
        let empty = Json::Object(fhir::Object::new());
        let provision = consent.get("provision").unwrap_or(&empty);
        let mut root = Provision::compile(provision, resolve, DEPTH_MAX, &mut count);
        let (refuses, names_part2) = (root.effect == Some(Effect::Deny), root.names(Labels::PART2));
        let kind = if policy_is("HIPAASelfPay") || (refuses && for_payment(provision)) {
            // Who may not be told is not here to ask; whoever asks to bill is refused.
            (root.purposes, root.actors) = (0, None);
            root.effect = root.effect.or(Some(Effect::Deny));
            Kind::SelfPay
        } else if is_research {
            root.effect = root.effect.or(Some(Effect::Permit));
            Kind::Research
        } else if !refuses && (policy_is("42CFRPart2") || names_part2) {
            root.effect = root.effect.or(Some(Effect::Permit));
            root.default_to_care();
            Kind::Part2
        } else {
            if policy_is("OPTOUT") {
                root.effect = root.effect.or(Some(Effect::Deny));
            }
            Kind::Privacy
        };
        Some(Consent { kind, root })
    }

    pub fn bytes(&self) -> usize {
        self.root.bytes()
    }
}

impl Provision {
    fn compile(json: &Json<'_>, resolve: &Resolve<'_>, depth: usize, count: &mut usize) -> Provision {
        *count += 1;
        let items = |name: &str| json.get(name).map_or(&[][..], Json::items);
        let mut is_inexact = !items("action").is_empty() && !items("action").iter().flat_map(codings).all(is_use);
        let mut purposes = 0u64;
        for coding in items("purpose") {
            match code_of(coding).and_then(Purpose::from_name) {
                Some(purpose) => purposes |= covered(purpose),
                None => is_inexact = true,
            }
        }
        let mut labels = Labels::NONE;
        let sensitive = items("securityLabel").iter().chain(items("code").iter().flat_map(codings));
        for coding in sensitive {
            let found = label_of(coding);
            is_inexact |= found.is_empty();
            labels = labels.union(found);
        }
        let mut type_codes = Vec::new();
        for coding in items("class") {
            let kind = code_of(coding).filter(|_| is_of_system(coding, RESOURCE_TYPES)).and_then(types::parse);
            match kind {
                Some(kind) => type_codes.push(kind.code),
                None => is_inexact = true,
            }
        }
        let mut data = Vec::new();
        for item in items("data") {
            let reference = item.get("reference").and_then(|r| r.get("reference")).and_then(Json::as_str);
            let with_related = item.get("meaning").and_then(Json::as_str) != Some("instance");
            match reference.and_then(crate::ResourceKey::parse_reference) {
                Some(key) => data.push(Datum { type_name: key.kind.name, id: key.id.into(), with_related }),
                None => is_inexact = true,
            }
        }
        let actors = (!items("actor").is_empty()).then(|| {
            let references =
                items("actor").iter().filter_map(|actor| actor.get("reference")?.get("reference")?.as_str());
            let rows = references.filter_map(|reference| match resolve(reference)? {
                Named::Practitioner(row) => Some(row),
                Named::Unknown => None,
            });
            rows.collect()
        });
        let exceptions = items("provision");
        let too_much = depth == 0 || *count + exceptions.len() > PROVISIONS_MAX;
        let (from_ms, until_ms) = period(json.get("period"));
        Provision {
            effect: match json.get("type").and_then(Json::as_str) {
                Some("permit") => Some(Effect::Permit),
                Some(_) => Some(Effect::Deny),
                None => None,
            },
            from_ms,
            until_ms,
            purposes,
            actors,
            labels,
            types: type_codes.into(),
            data: data.into(),
            is_inexact: is_inexact || (too_much && !exceptions.is_empty()),
            exceptions: match too_much {
                true => Box::default(),
                false => exceptions.iter().map(|e| Provision::compile(e, resolve, depth - 1, count)).collect(),
            },
        }
    }

    /// The narrowest provision that applies decides; of several, a denial.
    fn verdict(&self, caller: &Caller, object: &Object, head: Option<&Head>) -> Option<Effect> {
        if !self.applies(caller, object, head) {
            return None;
        }
        let mut found = None;
        for exception in &self.exceptions {
            match exception.verdict(caller, object, head) {
                Some(Effect::Deny) => return Some(Effect::Deny),
                Some(Effect::Permit) => found = Some(Effect::Permit),
                None => {}
            }
        }
        found.or(self.effect)
    }

    fn applies(&self, caller: &Caller, object: &Object, head: Option<&Head>) -> bool {
        if self.is_inexact && self.effect == Some(Effect::Permit) {
            return false;
        }
        let time_ms = caller.time_ms();
        let for_purpose = self.purposes == 0 || self.purposes & 1 << caller.purpose() as u64 != 0;
        let for_actor =
            self.actors.as_ref().is_none_or(|rows| caller.practitioner().is_some_and(|p| rows.contains(&p)));
        // A restriction that hid itself could be neither kept nor ended.
        let of_type = match self.types.is_empty() {
            true => object.kind.name != "Consent",
            false => self.types.contains(&object.kind.code),
        };
        self.from_ms <= time_ms
            && time_ms < self.until_ms
            && for_purpose
            && for_actor
            && of_type
            && (self.labels.is_empty() || self.labels.intersects(object.labels))
            && (self.data.is_empty() || head.is_some_and(|head| self.data.iter().any(|datum| datum.means(head))))
    }

    fn names(&self, label: Labels) -> bool {
        self.labels.contains(label) || self.exceptions.iter().any(|e| e.names(label))
    }

    /// One consent for all future uses covers treatment, payment and operations (42 CFR 2.31(a)(5)(iii)) and nothing else.
    fn default_to_care(&mut self) {
        if self.purposes == 0 {
            let care = [Purpose::Treatment, Purpose::Payment, Purpose::Operations];
            self.purposes = care.into_iter().fold(0, |bits, purpose| bits | covered(purpose));
        }
    }

    fn bytes(&self) -> usize {
        let data: usize = self.data.iter().map(|datum| size_of::<Datum>() + datum.id.len()).sum();
        let actors = self.actors.as_ref().map_or(0, |rows| size_of_val(&**rows));
        let exceptions: usize = self.exceptions.iter().map(Provision::bytes).sum();
        size_of::<Self>() + size_of_val(&*self.types) + data + actors + exceptions
    }
}

impl Datum {
    fn means(&self, head: &Head) -> bool {
        if head.type_name() == self.type_name && head.id() == &*self.id {
            return true;
        }
        let Some(values) = head.values().filter(|_| self.with_related) else { return false };
        parameters(head.type_name())
            .filter(|param| param.kind == ParamKind::Reference)
            .any(|param| values.references(param).any(|(name, id)| name == self.type_name && id == &*self.id))
    }
}

/// The purposes that naming one covers: in v3-ActReason the broad ones stand above the narrow.
fn covered(named: Purpose) -> u64 {
    let above = match named {
        Purpose::Treatment => Some(Use::Treatment),
        Purpose::Payment => Some(Use::Payment),
        Purpose::Operations => Some(Use::Operations),
        Purpose::Research => Some(Use::Research),
        Purpose::PublicHealth => Some(Use::PublicHealth),
        _ => None,
    };
    let is_covered =
        |purpose: &Purpose| *purpose == named || above.is_some_and(|above| purpose.uses().contains(&above));
    Purpose::ALL.iter().filter(|purpose| is_covered(purpose)).fold(0, |bits, purpose| bits | 1 << *purpose as u64)
}

/// A refusal of payment and operations to organizations alone: the health plan is not to know what the patient paid for.
fn for_payment(provision: &Json<'_>) -> bool {
    let items = |name: &str| provision.get(name).map_or(&[][..], Json::items);
    let uses = [Use::Payment, Use::Operations];
    let purposes = || items("purpose").iter().map(|coding| code_of(coding).and_then(Purpose::from_name));
    let actors = items("actor").iter().map(|actor| actor.get("reference").and_then(|r| r.get("reference")));
    let mut actors = actors.map(|reference| reference.and_then(Json::as_str).unwrap_or_default()).peekable();
    let is_payment = |purpose: Purpose| purpose.uses().iter().any(|of| uses.contains(of));
    purposes().any(|purpose| purpose.is_some_and(|purpose| purpose.uses().contains(&Use::Payment)))
        && purposes().all(|purpose| purpose.is_some_and(is_payment))
        && actors.peek().is_some()
        && actors.all(|reference| reference.contains("Organization"))
}

/// `collect`, `access`, `use`, `disclose`: doing anything at all with data here is one of them.
fn is_use(coding: &Json<'_>) -> bool {
    matches!(code_of(coding), Some("access" | "use" | "disclose" | "collect"))
}

fn codings<'j>(concept: &'j Json<'_>) -> impl Iterator<Item = &'j Json<'j>> {
    concept.get("coding").map_or(&[][..], Json::items).iter()
}

fn code_of<'j>(coding: &'j Json<'_>) -> Option<&'j str> {
    coding.get("code")?.as_str()
}

fn is_of_system(coding: &Json<'_>, system: &str) -> bool {
    coding.get("system").and_then(Json::as_str) == Some(system)
}

fn is_coding(coding: &Json<'_>, system: &str, code: &str) -> bool {
    code_of(coding) == Some(code) && is_of_system(coding, system)
}
