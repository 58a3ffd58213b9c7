//! What a denial may say, and what it hangs on: asked of policy again, one change at a time.

use crate::engine::Engine;
use crate::key::{DecisionKey, Relations, Traits};
use crate::labels::Labels;
use crate::outcome::{Closed, ClosedKind, Reason};
use crate::purpose::Purpose;
use crate::types::group_of;

impl Engine {
    /// How a denied key is told of. Whether it is never permitted depends on nothing of the resource but its type, so that "never"
    /// tells nothing of what is there.
    pub(crate) fn close(&self, key: &DecisionKey, policies: u128) -> Closed {
        if !nearest(key).iter().any(|near| self.allowed(near)) {
            return Closed { kind: ClosedKind::Never, policies };
        }
        // Told of is what only a missing relationship or "very restricted" closes: that a Part 2 or psychotherapy record exists is
        // itself protected, and so is what a consent refuses.
        let offered = DecisionKey {
            labels: key.labels.without(Labels::VERY_RESTRICTED),
            relations: key.relations.union(Relations::TREATING),
            ..*key
        };
        let withheld =
            !key.facts.glass_broken && self.allowed(&offered) && self.allowed(&with_fact(key, Reason::GlassBroken));
        Closed { kind: if withheld { ClosedKind::Withheld } else { ClosedKind::Absent }, policies }
    }

    /// Which single change would have opened a key that was denied. Only an explanation pays for asking about each.
    pub(crate) fn reasons(&self, key: &DecisionKey) -> Vec<Reason> {
        if group_of(key.kind.name).is_none() {
            return vec![Reason::Type];
        }
        // A key that is allowed was denied in a list: the search looked at what this hit's view hides.
        if self.allowed(key) {
            return vec![Reason::View];
        }
        let mut reasons = Vec::new();
        let mut ask = |reason: Reason, changed: DecisionKey| {
            if changed != *key && self.allowed(&changed) {
                reasons.push(reason);
            }
            reasons.contains(&reason)
        };
        ask(Reason::Labels, DecisionKey { labels: Labels::NONE, ..*key });
        let mut related = false;
        for (reason, relation) in [
            (Reason::Treating, Relations::TREATING),
            (Reason::Part2Consent, Relations::PART2_CONSENT),
            (Reason::ResearchConsent, Relations::RESEARCH_CONSENT),
            (Reason::Proxy, Relations::PROXY),
        ] {
            related |= ask(reason, DecisionKey { relations: key.relations.union(relation), ..*key });
        }
        for relations in [Relations::OPENING, Relations::OPENING.without(Relations::SELF_CHART)] {
            related =
                related || ask(Reason::Relation, DecisionKey { relations: key.relations.union(relations), ..*key });
        }
        for (reason, relation) in [
            (Reason::Consent, Relations::CONSENT_DENIES),
            (Reason::SelfPay, Relations::SELF_PAY),
            (Reason::Adolescent, Relations::ADOLESCENT),
            (Reason::OwnChart, Relations::SELF_CHART),
        ] {
            ask(reason, DecisionKey { relations: key.relations.without(relation), ..*key });
        }
        for (reason, held) in [(Reason::Current, Traits::CURRENT), (Reason::VitalSigns, Traits::VITAL_SIGNS)] {
            ask(reason, DecisionKey { traits: key.traits.union(held), ..*key });
        }
        let purposes = USUAL_PURPOSES.iter().map(|purpose| DecisionKey { purpose: *purpose, ..*key });
        if { purposes }.any(|changed| changed != *key && self.allowed(&changed)) {
            reasons.push(Reason::Purpose);
        }
        reasons.extend(self.lacking_facts(key));
        if !key.facts.glass_broken && self.allowed(&with_fact(key, Reason::GlassBroken)) {
            reasons.push(Reason::GlassBroken);
        }
        if reasons.is_empty() {
            reasons.push(Reason::Role);
        }
        reasons
    }

    /// What the session or token lacks, whose lack alone, or else together, closes a key.
    pub(crate) fn lacking_facts(&self, key: &DecisionKey) -> Vec<Reason> {
        let facts = [
            (Reason::Scope, key.in_scope),
            (Reason::MfaFresh, key.facts.mfa_fresh),
            (Reason::DeviceVerified, key.facts.device_verified),
            (Reason::WithinHours, key.facts.within_hours),
            (Reason::NetworkTrusted, key.facts.network_trusted),
            (Reason::Licensed, key.facts.licensed),
        ];
        let missing: Vec<Reason> = facts.iter().filter(|(_, holds)| !holds).map(|(fact, _)| *fact).collect();
        let alone: Vec<Reason> = missing.iter().copied().filter(|fact| self.allowed(&with_fact(key, *fact))).collect();
        if !alone.is_empty() {
            return alone;
        }
        let all = missing.iter().fold(*key, |key, fact| with_fact(&key, *fact));
        if self.allowed(&all) { missing } else { Vec::new() }
    }

    /// As [`Engine::lacking_facts`], of any resource of the type: it tells nothing of this one.
    pub(crate) fn lacking_facts_ever(&self, key: &DecisionKey) -> Vec<Reason> {
        nearest(key).iter().map(|near| self.lacking_facts(near)).find(|lacking| !lacking.is_empty()).unwrap_or_default()
    }
}

const USUAL_PURPOSES: [Purpose; 7] = [
    Purpose::Treatment,
    Purpose::Payment,
    Purpose::Operations,
    Purpose::Compliance,
    Purpose::PatientRequest,
    Purpose::Research,
    Purpose::Threat,
];

/// The keys of an object of this type to which the caller could not stand closer. Two, for what one may do to anybody's chart may be
/// forbidden in the own.
fn nearest(key: &DecisionKey) -> [DecisionKey; 2] {
    let near = |relations| DecisionKey {
        labels: Labels::NONE,
        traits: key.traits.union(Traits::CURRENT).union(Traits::VITAL_SIGNS),
        relations,
        ..*key
    };
    [near(Relations::OPENING), near(Relations::OPENING.without(Relations::SELF_CHART))]
}

fn with_fact(key: &DecisionKey, fact: Reason) -> DecisionKey {
    let mut key = *key;
    match fact {
        Reason::Scope => key.in_scope = true,
        Reason::MfaFresh => key.facts.mfa_fresh = true,
        Reason::DeviceVerified => key.facts.device_verified = true,
        Reason::WithinHours => key.facts.within_hours = true,
        Reason::NetworkTrusted => key.facts.network_trusted = true,
        Reason::Licensed => key.facts.licensed = true,
        Reason::GlassBroken => key.facts.glass_broken = true,
        _ => {}
    }
    key
}
