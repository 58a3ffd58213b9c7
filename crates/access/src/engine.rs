//! Cedar: loads policies strictly and decides one key.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context, Decision, Effect, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicyId, PolicySet,
    Request, RestrictedExpression, Schema, ValidationMode, Validator,
};

use crate::action::Action;
use crate::caller::{Role, RoleSet};
use crate::error::AccessError;
use crate::key::{DecisionKey, Relations, Traits};
use crate::labels::Labels;
use crate::outcome::{Closed, ClosedKind, PolicyNo, Reason};
use crate::policies::PolicySource;
use crate::purpose::{Purpose, Use};
use crate::types::{group_of, resource_types};
use crate::views::View;

/// One bit each in a ruling.
const POLICIES_MAX: usize = 128;

/// What policy says to a key. Small and Copy: this is what the cache holds.
#[derive(Clone, Copy)]
pub(crate) enum Ruling {
    Open { view: View, categories: Labels, policy: PolicyNo },
    Closed(Closed),
}

pub(crate) struct Engine {
    authorizer: Authorizer,
    schema: Schema,
    policies: PolicySet,
    entities: Entities,
    rules: Vec<Rule>,
    numbers: HashMap<PolicyId, PolicyNo>,
    words: Words,
}

struct Rule {
    id: String,
    description: String,
    view: View,
    categories: Labels,
}

/// Names of everything a key can hold, parsed once.
struct Words {
    callers: Vec<EntityUid>,
    actions: Vec<EntityUid>,
    types: HashMap<&'static str, EntityUid>,
    purposes: Vec<RestrictedExpression>,
    labels: Vec<RestrictedExpression>,
}

impl Engine {
    pub(crate) fn load(schema: &str, sources: &[PolicySource<'_>]) -> Result<Engine, AccessError> {
        let (schema, warnings) =
            Schema::from_cedarschema_str(schema).map_err(|error| AccessError::Schema(error.to_string()))?;
        if let Some(warning) = { warnings }.next() {
            return Err(AccessError::Schema(warning.to_string()));
        }
        let (policies, rules, numbers) = read(sources)?;
        validate(&schema, &policies)?;
        let words = Words::new()?;
        let entities = entities(&schema, &words)?;
        Ok(Engine { authorizer: Authorizer::new(), schema, policies, entities, rules, numbers, words })
    }

    /// Decides a key, and on denial what the caller may be told.
    pub(crate) fn rule(&self, key: &DecisionKey) -> Ruling {
        match self.ask(key) {
            Ok(open) => open,
            Err(policies) => Ruling::Closed(self.close(key, policies)),
        }
    }

    pub(crate) fn id_of(&self, policy: PolicyNo) -> Option<&str> {
        self.rules.get(usize::from(policy.0)).map(|rule| rule.id.as_str())
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = (&str, &str)> {
        self.rules.iter().map(|rule| (rule.id.as_str(), rule.description.as_str()))
    }

    /// One Cedar decision: what is open, or the policies that closed it.
    fn ask(&self, key: &DecisionKey) -> Result<Ruling, u128> {
        let Some(request) = self.request(key) else { return Err(0) };
        let response = self.authorizer.is_authorized(&request, &self.policies, &self.entities);
        let determining = response.diagnostics().reason().filter_map(|id| self.numbers.get(id).copied());
        // A policy that fails to evaluate might have been a forbid.
        if response.decision() != Decision::Allow || response.diagnostics().errors().next().is_some() {
            return Err(determining.fold(0, |bits, policy| bits | 1 << policy.0));
        }
        let on_resource = key.labels.without(Labels::OF_ELEMENTS);
        let (mut view, mut categories, mut first, mut too_narrow) = (View::NOTHING, Labels::NONE, None, 0);
        for policy in determining {
            let rule = &self.rules[usize::from(policy.0)];
            // A policy counts only if it opens every category of the resource by itself: one role's view never widens another
            // role's categories.
            if rule.categories.contains(on_resource) {
                view = view.union(rule.view);
                categories = categories.union(rule.categories);
                first = Some(first.map_or(policy, |first: PolicyNo| first.min(policy)));
            } else {
                too_narrow |= 1 << policy.0;
            }
        }
        match first {
            Some(policy) => Ok(Ruling::Open { view, categories, policy }),
            None => Err(too_narrow),
        }
    }

    fn allowed(&self, key: &DecisionKey) -> bool {
        self.ask(key).is_ok()
    }

    fn close(&self, key: &DecisionKey, policies: u128) -> Closed {
        let unlabelled = DecisionKey { labels: Labels::NONE, ..*key };
        let possible = self.allowed(&unlabelled)
            || self.allowed(&DecisionKey { relations: Relations::ALL.without(Relations::CLOSING), ..unlabelled });
        if !possible {
            return Closed { kind: ClosedKind::Never, policies };
        }
        // Only "very restricted" may be told of: that a Part 2 or psychotherapy record exists is itself protected.
        let offered = DecisionKey { labels: key.labels.without(Labels::VERY_RESTRICTED), ..*key };
        let withheld = key.labels.contains(Labels::VERY_RESTRICTED)
            && !key.facts.glass_broken
            && self.allowed(&offered)
            && self.allowed(&with_fact(key, Reason::GlassBroken));
        Closed { kind: if withheld { ClosedKind::Withheld } else { ClosedKind::Absent }, policies }
    }

    /// Which single change would have opened a key that was denied. Asks policy again for each; only an explanation pays for that.
    pub(crate) fn reasons(&self, key: &DecisionKey) -> Vec<Reason> {
        if group_of(key.kind.name).is_none() {
            return vec![Reason::Type];
        }
        let mut reasons = Vec::new();
        // A key that is allowed was denied in a list, where a label narrowed the view.
        if self.allowed(key) || self.allowed(&DecisionKey { labels: Labels::NONE, ..*key }) {
            reasons.push(Reason::Labels);
        }
        if self.allowed(&DecisionKey { relations: Relations::ALL.without(Relations::CLOSING), ..*key }) {
            reasons.push(Reason::Relation);
        }
        let purposes = [
            Purpose::Treatment,
            Purpose::Payment,
            Purpose::Operations,
            Purpose::Compliance,
            Purpose::PatientRequest,
            Purpose::Threat,
        ];
        if purposes.iter().any(|purpose| self.allowed(&DecisionKey { purpose: *purpose, ..*key })) {
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

    /// Facts whose lack alone, or else together, closes a key.
    pub(crate) fn lacking_facts(&self, key: &DecisionKey) -> Vec<Reason> {
        let facts = [
            (Reason::MfaFresh, key.facts.mfa_fresh),
            (Reason::DeviceVerified, key.facts.device_verified),
            (Reason::WithinHours, key.facts.within_hours),
        ];
        let missing: Vec<Reason> = facts.iter().filter(|(_, holds)| !holds).map(|(fact, _)| *fact).collect();
        let alone: Vec<Reason> = missing.iter().copied().filter(|fact| self.allowed(&with_fact(key, *fact))).collect();
        if !alone.is_empty() {
            return alone;
        }
        let all = missing.iter().fold(*key, |key, fact| with_fact(&key, *fact));
        if self.allowed(&all) { missing } else { Vec::new() }
    }

    fn request(&self, key: &DecisionKey) -> Option<Request> {
        let labels = key.labels.iter().map(|label| self.words.labels[label.bits().trailing_zeros() as usize].clone());
        let flag = |name: &str, holds: bool| (name.to_string(), RestrictedExpression::new_bool(holds));
        let context = Context::from_pairs([
            ("purpose".to_string(), self.words.purposes[key.purpose as usize].clone()),
            ("labels".to_string(), RestrictedExpression::new_set(labels)),
            flag("self_chart", key.relations.contains(Relations::SELF_CHART)),
            flag("originator", key.relations.contains(Relations::ORIGINATOR)),
            flag("part2_consent", key.relations.contains(Relations::PART2_CONSENT)),
            flag("mfa_fresh", key.facts.mfa_fresh),
            flag("device_verified", key.facts.device_verified),
            flag("within_hours", key.facts.within_hours),
            flag("glass_broken", key.facts.glass_broken),
            flag("treating", key.relations.contains(Relations::TREATING)),
            flag("unassigned", key.relations.contains(Relations::UNASSIGNED)),
            flag("proxy", key.relations.contains(Relations::PROXY)),
            flag("adolescent", key.relations.contains(Relations::ADOLESCENT)),
            flag("consent_denies", key.relations.contains(Relations::CONSENT_DENIES)),
            flag("self_pay", key.relations.contains(Relations::SELF_PAY)),
            flag("research_consent", key.relations.contains(Relations::RESEARCH_CONSENT)),
            flag("phishing_resistant", key.facts.phishing_resistant),
            flag("network_trusted", key.facts.network_trusted),
            flag("licensed", key.facts.licensed),
            flag("current", key.traits.contains(Traits::CURRENT)),
            flag("vital_signs", key.traits.contains(Traits::VITAL_SIGNS)),
            flag("vip", key.traits.contains(Traits::VIP)),
            flag("employee", key.traits.contains(Traits::EMPLOYEE)),
            flag("same_name", key.traits.contains(Traits::SAME_NAME)),
            flag("in_scope", key.in_scope),
        ])
        .ok()?;
        let caller = self.words.callers.get(usize::from(key.roles.bits()))?.clone();
        let action = self.words.actions[key.action as usize].clone();
        let kind = self.words.types.get(key.kind.name)?.clone();
        Request::new(caller, action, kind, context, Some(&self.schema)).ok()
    }
}

impl Words {
    fn new() -> Result<Words, AccessError> {
        let reference =
            |kind: &str, id: &str| Ok::<_, AccessError>(RestrictedExpression::new_entity_uid(uid(kind, id)?));
        Ok(Words {
            callers: (0..1u32 << Role::ALL.len())
                .map(|bits| uid("Caller", &bits.to_string()))
                .collect::<Result<_, _>>()?,
            actions: Action::ALL.iter().map(|action| uid("Action", action.name())).collect::<Result<_, _>>()?,
            types: resource_types()
                .map(|(name, _)| Ok((name, uid("Type", name)?)))
                .collect::<Result<_, AccessError>>()?,
            purposes: Purpose::ALL
                .iter()
                .map(|purpose| reference("Purpose", purpose.name()))
                .collect::<Result<_, _>>()?,
            labels: Labels::ALL.names().map(|name| reference("Label", name)).collect::<Result<_, _>>()?,
        })
    }
}

fn with_fact(key: &DecisionKey, fact: Reason) -> DecisionKey {
    let mut key = *key;
    match fact {
        Reason::MfaFresh => key.facts.mfa_fresh = true,
        Reason::DeviceVerified => key.facts.device_verified = true,
        Reason::WithinHours => key.facts.within_hours = true,
        Reason::GlassBroken => key.facts.glass_broken = true,
        Reason::Role | Reason::Type | Reason::Labels | Reason::Relation | Reason::Purpose => {}
    }
    key
}

type Read = (PolicySet, Vec<Rule>, HashMap<PolicyId, PolicyNo>);

fn read(sources: &[PolicySource<'_>]) -> Result<Read, AccessError> {
    let (mut policies, mut rules, mut numbers) = (PolicySet::new(), Vec::new(), HashMap::new());
    for source in sources {
        let fail = |reason: String| AccessError::Policy { file: source.file.to_string(), reason };
        if let Some(unknown) = type_names(source.text).find(|name| group_of(name).is_none()) {
            return Err(fail(format!("unknown resource type {unknown}")));
        }
        let set = PolicySet::from_str(source.text).map_err(|error| fail(error.to_string()))?;
        if set.templates().next().is_some() {
            return Err(fail("templates are not used".to_string()));
        }
        for policy in set.policies() {
            let annotation = |name: &str| policy.annotation(name);
            let id = annotation("id").ok_or_else(|| fail("a policy has no @id".to_string()))?;
            let description = annotation("description").ok_or_else(|| fail(format!("{id} has no @description")))?;
            let (mut view, mut categories) = (View::NOTHING, Labels::NONE);
            if policy.effect() == Effect::Permit {
                view = annotation("view")
                    .and_then(View::from_name)
                    .ok_or_else(|| fail(format!("{id} names no known @view")))?;
                for name in annotation("categories").unwrap_or("").split(',').map(str::trim).filter(|n| !n.is_empty()) {
                    let label = Labels::from_name(name).ok_or_else(|| fail(format!("{id} names no known category")))?;
                    categories = categories.union(label);
                }
            }
            let number = PolicyNo(u16::try_from(rules.len()).unwrap_or(u16::MAX));
            if rules.len() == POLICIES_MAX {
                return Err(fail(format!("more than {POLICIES_MAX} policies")));
            }
            let policy_id = PolicyId::new(id);
            policies.add(policy.new_id(policy_id.clone())).map_err(|error| fail(error.to_string()))?;
            numbers.insert(policy_id, number);
            rules.push(Rule { id: id.to_string(), description: description.to_string(), view, categories });
        }
    }
    Ok((policies, rules, numbers))
}

/// The resource types that policy text names; the schema cannot check them, for `Type` is an open entity type.
fn type_names(text: &str) -> impl Iterator<Item = &str> {
    text.split("Type::\"").skip(1).filter_map(|rest| rest.split('"').next())
}

fn validate(schema: &Schema, policies: &PolicySet) -> Result<(), AccessError> {
    let result = Validator::new(schema.clone()).validate(policies, ValidationMode::Strict);
    let findings: Vec<String> = result
        .validation_errors()
        .map(ToString::to_string)
        .chain(result.validation_warnings().map(ToString::to_string))
        .collect();
    if findings.is_empty() { Ok(()) } else { Err(AccessError::Validation(findings.join("; "))) }
}

/// Everything that stands in a hierarchy. It never changes: a request brings only its context.
fn entities(schema: &Schema, words: &Words) -> Result<Entities, AccessError> {
    let under = |kind: &str, names: &[&str]| {
        names.iter().map(|name| uid(kind, name)).collect::<Result<HashSet<EntityUid>, AccessError>>()
    };
    let mut entities = Vec::new();
    for (bits, caller) in (0..=u16::MAX).zip(&words.callers) {
        let roles: Vec<&str> =
            RoleSet::from_bits(bits).unwrap_or(RoleSet::EMPTY).iter().map(|role| role.name()).collect();
        entities.push(Entity::new_no_attrs(caller.clone(), under("Role", &roles)?));
    }
    for (name, group) in resource_types() {
        entities.push(Entity::new_no_attrs(uid("Type", name)?, under("Group", &[group])?));
    }
    for purpose in Purpose::ALL {
        let uses: Vec<&str> = purpose.uses().iter().map(|use_of| Use::name(*use_of)).collect();
        entities.push(Entity::new_no_attrs(uid("Purpose", purpose.name())?, under("Use", &uses)?));
    }
    Entities::from_entities(entities, Some(schema)).map_err(|error| AccessError::Schema(error.to_string()))
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, AccessError> {
    let kind = EntityTypeName::from_str(kind).map_err(|error| AccessError::Schema(error.to_string()))?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}
