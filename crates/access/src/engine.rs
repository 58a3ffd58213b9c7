//! Cedar: loads policies strictly and decides one key.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use cedar_policy::{
    ActionConstraint, Authorizer, Context, Decision, Effect, Entities, Entity, EntityId, EntityTypeName, EntityUid,
    PolicyId, PolicySet, PrincipalConstraint, Request, RestrictedExpression, Schema, ValidationMode, Validator,
};

use crate::action::Action;
use crate::caller::RoleSet;
use crate::error::AccessError;
use crate::key::{DecisionKey, Relations, Traits};
use crate::labels::Labels;
use crate::outcome::{Closed, PolicyNo};
use crate::policies::PolicySource;
use crate::purpose::{Purpose, Use};
use crate::types::{group_of, resource_types};
use crate::views::View;

/// One bit each in a ruling.
const POLICIES_MAX: usize = 128;
/// Sets of roles held ready. An organization has a dozen; a set more than these costs one more building.
const ROLE_SETS_MAX: usize = 64;

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
    /// Types and purposes in their groups: what is the same for every caller.
    entities: Entities,
    callers: RwLock<HashMap<RoleSet, Arc<Principal>>>,
    rules: Vec<Rule>,
    numbers: HashMap<PolicyId, PolicyNo>,
    words: Words,
}

/// A set of roles as Cedar sees it: one entity below its roles, beside all that is the same for everybody; and, by action, the
/// policies whose heads do not rule the roles or the action out. The others could neither permit nor forbid.
struct Principal {
    uid: EntityUid,
    entities: Entities,
    by_action: Vec<PolicySet>,
}

struct Rule {
    id: String,
    description: String,
    view: View,
    categories: Labels,
}

/// Names of everything a key can hold, parsed once.
struct Words {
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
        let (entities, callers) = (entities(&schema)?, RwLock::default());
        Ok(Engine { authorizer: Authorizer::new(), schema, policies, entities, callers, rules, numbers, words })
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
        let Ok(principal) = self.principal(key.roles) else { return Err(0) };
        let Some(request) = self.request(key, &principal.uid) else { return Err(0) };
        let response =
            self.authorizer.is_authorized(&request, &principal.by_action[key.action as usize], &principal.entities);
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

    pub(crate) fn allowed(&self, key: &DecisionKey) -> bool {
        self.ask(key).is_ok()
    }

    fn principal(&self, roles: RoleSet) -> Result<Arc<Principal>, AccessError> {
        if let Some(principal) = self.callers.read().unwrap_or_else(PoisonError::into_inner).get(&roles) {
            return Ok(principal.clone());
        }
        let uid = uid("Caller", &roles.bits().to_string())?;
        let entity = Entity::new_no_attrs(uid.clone(), under("Role", roles.iter().map(|role| role.name()))?);
        let entities = self.entities.clone().add_entities([entity], Some(&self.schema));
        let entities = entities.map_err(|error| AccessError::Schema(error.to_string()))?;
        let by_action = self.words.actions.iter().map(|action| self.concerning(roles, action));
        let by_action = by_action.collect::<Result<_, _>>()?;
        let principal = Arc::new(Principal { uid, entities, by_action });
        let mut callers = self.callers.write().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= ROLE_SETS_MAX {
            callers.clear();
        }
        callers.insert(roles, principal.clone());
        Ok(principal)
    }

    fn concerning(&self, roles: RoleSet, action: &EntityUid) -> Result<PolicySet, AccessError> {
        let roles = under("Role", roles.iter().map(|role| role.name()))?;
        let is_below = |group: &EntityUid| group == action || self.entities.is_ancestor_of(group, action);
        let policies = self.policies.policies().filter(|policy| {
            let by_role = match policy.principal_constraint() {
                PrincipalConstraint::In(role) => roles.contains(&role),
                _ => true,
            };
            by_role
                && match policy.action_constraint() {
                    ActionConstraint::Any => true,
                    ActionConstraint::Eq(one) => one == *action,
                    ActionConstraint::In(groups) => groups.iter().any(is_below),
                }
        });
        PolicySet::from_policies(policies.cloned()).map_err(|error| AccessError::Validation(error.to_string()))
    }

    fn request(&self, key: &DecisionKey, principal: &EntityUid) -> Option<Request> {
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
        let action = self.words.actions[key.action as usize].clone();
        let kind = self.words.types.get(key.kind.name)?.clone();
        Request::new(principal.clone(), action, kind, context, Some(&self.schema)).ok()
    }
}

impl Words {
    fn new() -> Result<Words, AccessError> {
        let reference =
            |kind: &str, id: &str| Ok::<_, AccessError>(RestrictedExpression::new_entity_uid(uid(kind, id)?));
        Ok(Words {
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

type Read = (PolicySet, Vec<Rule>, HashMap<PolicyId, PolicyNo>);

fn read(sources: &[PolicySource<'_>]) -> Result<Read, AccessError> {
    let (mut policies, mut rules, mut numbers) = (PolicySet::new(), Vec::new(), HashMap::new());
    for source in sources {
        let fail = |reason: String| AccessError::Policy { file: source.file.to_string(), reason };
        if let Some(unknown) = named(source.text, "Type").find(|name| group_of(name).is_none()) {
            return Err(fail(format!("unknown resource type {unknown}")));
        }
        if let Some(unknown) = named(source.text, "Purpose").find(|name| Purpose::from_name(name).is_none()) {
            return Err(fail(format!("unknown purpose {unknown}")));
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

/// The types or purposes that policy text names; the schema cannot check them, for both are open entity types.
fn named<'t>(text: &'t str, kind: &str) -> impl Iterator<Item = &'t str> {
    text.split(&format!("{kind}::\"")).skip(1).filter_map(|rest| rest.split('"').next()).collect::<Vec<_>>().into_iter()
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

/// What stands in a hierarchy whoever asks. It never changes: a request brings its principal and its context.
fn entities(schema: &Schema) -> Result<Entities, AccessError> {
    let mut entities = Vec::new();
    for (name, group) in resource_types() {
        entities.push(Entity::new_no_attrs(uid("Type", name)?, under("Group", [group])?));
    }
    for purpose in Purpose::ALL {
        let uses = purpose.uses().iter().map(|use_of| Use::name(*use_of));
        entities.push(Entity::new_no_attrs(uid("Purpose", purpose.name())?, under("Use", uses)?));
    }
    Entities::from_entities(entities, Some(schema)).map_err(|error| AccessError::Schema(error.to_string()))
}

fn under<'n>(kind: &str, names: impl IntoIterator<Item = &'n str>) -> Result<HashSet<EntityUid>, AccessError> {
    names.into_iter().map(|name| uid(kind, name)).collect()
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, AccessError> {
    let kind = EntityTypeName::from_str(kind).map_err(|error| AccessError::Schema(error.to_string()))?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}
