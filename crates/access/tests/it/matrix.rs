//! Who may do what, with whose data, from where: checked in for people to read, so that a change of policy is seen in review.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::OnceLock;

use wardstone_access::{
    Action, Caller, CallerParts, Denial, Facts, Labels, Object, Policies, ProxyGrant, Relations, Role, RoleSet, Traits,
    resource_types,
};

use crate::{GOOD, OTHER_CHART, OWN_CHART, PRACTITIONER_ROW, WARD, caller_with, kind, policies};

/// Set to write the table instead of comparing it.
const BLESS: &str = "WARDSTONE_BLESS";

#[test]
fn the_matrix_is_the_one_checked_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/cases/matrix.snapshot");
    let matrix = matrix();
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, &matrix).unwrap();
    }
    let held = std::fs::read_to_string(&path).unwrap();
    assert!(
        held == matrix,
        "policy changed: run with {BLESS}=1 and review the difference in policies/cases/matrix.snapshot"
    );
}

const HEAD: &str = "\
# Who may do what, in the role's usual purpose. Made by the matrix test, for people to read.
#
# For each role three tables:
# 1. At best: standing as close to the chart as the role can (treating, own chart, ward, consented), nothing labelled, second factor
#    fresh, licensed, on a verified device, in the organization's network, within its hours. In brackets the view shown, if not all.
#    Types of a group that are not listed are closed. A type that no policy names stands as its group's \"others\".
# 2. By relationship and label: what becomes of each action where table 1 opens it. \"withheld\": told that it exists, offered to break
#    the glass. \"hidden\": as if it were not there. \"refused\": the role does not do it. Labels of one outcome are joined.
# 3. By session: which of hours, network, device, second factor and licence close what table 1 opens. Within hours is what identity
#    made of the clock and the organization's calendar: a Tuesday at 10:00 is within, a Sunday at 3:00 is after hours.
";

fn matrix() -> String {
    let mut matrix = String::from(HEAD);
    for role in Role::ALL {
        let best: Vec<Cell> = kinds().into_iter().flat_map(|kind| open_cells(*role, kind)).collect();
        let _ = writeln!(matrix, "\n==== {} ({})", role.name(), role.usual_purpose().name());
        at_best(&mut matrix, &best);
        by_relationship(&mut matrix, *role, &best);
        by_session(&mut matrix, *role, &best);
    }
    matrix
}

/// What policy can tell apart: the types that it names, and one of each group for the others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    group: &'static str,
    name: &'static str,
    is_named: bool,
}

fn kinds() -> Vec<Kind> {
    static KINDS: OnceLock<Vec<Kind>> = OnceLock::new();
    KINDS.get_or_init(told_apart).clone()
}

fn told_apart() -> Vec<Kind> {
    let mut others = BTreeMap::new();
    let mut kinds = Vec::new();
    for (name, group) in resource_types() {
        let mark = format!("Type::\"{name}\"");
        if Policies::sources().iter().any(|source| source.text.contains(&mark)) {
            kinds.push(Kind { group, name, is_named: true });
        } else {
            others.entry(group).or_insert(Kind { group, name, is_named: false });
        }
    }
    kinds.extend(others.into_values());
    kinds.sort_unstable();
    kinds
}

/// An action that is open at best, and in which view.
struct Cell {
    kind: Kind,
    action: Action,
    view: String,
}

fn open_cells(role: Role, of: Kind) -> Vec<Cell> {
    let caller = who(role, GOOD);
    let decided = |action: &Action| {
        let permit = standings(role).into_iter().find_map(|standing| {
            let object = standing.object(of, Labels::NONE);
            policies().decide(&caller, *action, &object).ok()
        })?;
        let names: Vec<_> = permit.view().names().collect();
        let shows_all = permit.view().of_type(of.name).is_full();
        let view = if shows_all { String::new() } else { format!("({})", names.join("+")) };
        Some(Cell { kind: of, action: *action, view })
    };
    Action::ALL.iter().filter_map(decided).collect()
}

fn at_best(out: &mut String, best: &[Cell]) {
    let mut by_kind: BTreeMap<Kind, String> = BTreeMap::new();
    for cell in best {
        let _ = write!(by_kind.entry(cell.kind).or_default(), " {}{}", cell.action.name(), cell.view);
    }
    let mut rows: BTreeMap<(&str, String), Vec<Kind>> = BTreeMap::new();
    for (kind, open) in by_kind {
        rows.entry((kind.group, open)).or_default().push(kind);
    }
    for ((_, open), kinds) in rows {
        let _ = writeln!(out, "  {}\n     {open}", names(kinds));
    }
}

fn by_relationship(out: &mut String, role: Role, best: &[Cell]) {
    // (relationship, action, outcome by label) → kinds
    let mut rows: BTreeMap<(usize, String), BTreeMap<Kind, Vec<&str>>> = BTreeMap::new();
    let standings = relationships(role);
    for cell in best.iter().filter(|cell| SHOWN.contains(&cell.action) && is_of_charts(cell.kind)) {
        for (at, standing) in standings.iter().enumerate() {
            let caller = who_with(role, Facts { glass_broken: standing.glass, ..GOOD }, standing.adolescent);
            let outcome = outcome_by_label(&caller, cell, standing);
            rows.entry((at, outcome)).or_default().entry(cell.kind).or_default().push(cell.action.name());
        }
    }
    let mut last = usize::MAX;
    for ((at, outcome), kinds) in rows {
        if at != last {
            let _ = writeln!(out, "  -- {}", standings[at].words);
            last = at;
        }
        let mut by_actions: BTreeMap<String, Vec<Kind>> = BTreeMap::new();
        for (kind, actions) in kinds {
            by_actions.entry(actions.join(" ")).or_default().push(kind);
        }
        let _ = writeln!(out, "     {outcome}");
        for (actions, kinds) in by_actions {
            let _ = writeln!(out, "        {actions}: {}", names(kinds));
        }
    }
}

fn outcome_by_label(caller: &Caller, cell: &Cell, standing: &Standing) -> String {
    let mut labels_of: Vec<(&'static str, Vec<&'static str>)> = Vec::new();
    let none = ("unlabelled", Labels::NONE);
    let each = Labels::ALL.without(Labels::OF_ELEMENTS).iter().map(|one| (one.names().next().unwrap_or(""), one));
    for (name, labels) in std::iter::once(none).chain(each) {
        let object = standing.object(cell.kind, labels);
        let outcome = match policies().decide(caller, cell.action, &object) {
            Ok(_) => "open",
            Err(Denial::Never(_)) => "refused",
            Err(Denial::Absent(_)) => "hidden",
            Err(Denial::Withheld(_)) => "withheld",
        };
        match labels_of.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, names)) => names.push(name),
            None => labels_of.push((outcome, vec![name])),
        }
    }
    if let [(outcome, _)] = labels_of.as_slice() {
        return format!("{outcome}, whatever the label");
    }
    let words = labels_of.iter().map(|(outcome, names)| format!("{outcome}: {}", names.join(" ")));
    words.collect::<Vec<_>>().join(" | ")
}

fn by_session(out: &mut String, role: Role, best: &[Cell]) {
    let mut rows: BTreeMap<String, BTreeMap<Kind, Vec<&str>>> = BTreeMap::new();
    for cell in best {
        let closed: Vec<&str> = SESSIONS
            .iter()
            .filter(|(_, facts)| {
                let caller = who(role, *facts);
                !standings(role).iter().any(|standing| {
                    policies().decide(&caller, cell.action, &standing.object(cell.kind, Labels::NONE)).is_ok()
                })
            })
            .map(|(words, _)| *words)
            .collect();
        if !closed.is_empty() {
            rows.entry(closed.join(", ")).or_default().entry(cell.kind).or_default().push(cell.action.name());
        }
    }
    for (closed, kinds) in rows {
        let _ = writeln!(out, "  closed {closed}:");
        let mut by_actions: BTreeMap<String, Vec<Kind>> = BTreeMap::new();
        for (kind, actions) in kinds {
            by_actions.entry(actions.join(" ")).or_default().push(kind);
        }
        for (actions, kinds) in by_actions {
            let _ = writeln!(out, "        {actions}: {}", names(kinds));
        }
    }
}

/// Those of which the second table is made; the others of their action group fare alike.
const SHOWN: [Action; 10] = [
    Action::Read,
    Action::Search,
    Action::HistoryType,
    Action::Create,
    Action::Update,
    Action::Delete,
    Action::Everything,
    Action::Export,
    Action::BreakGlass,
    Action::Label,
];

const SESSIONS: [(&str, Facts); 5] = [
    ("after hours", Facts { within_hours: false, ..GOOD }),
    ("outside the network", Facts { network_trusted: false, ..GOOD }),
    ("on an unverified device", Facts { device_verified: false, ..GOOD }),
    ("without a fresh second factor", Facts { mfa_fresh: false, ..GOOD }),
    ("without a licence", Facts { licensed: false, ..GOOD }),
];

#[derive(Clone, Copy)]
struct Standing {
    words: &'static str,
    relations: Relations,
    own: bool,
    originator: bool,
    glass: bool,
    adolescent: bool,
    traits: Traits,
}

const STRANGER: Standing = Standing {
    words: "no relationship",
    relations: Relations::NONE,
    own: false,
    originator: false,
    glass: false,
    adolescent: false,
    traits: Traits::CURRENT.union(Traits::VITAL_SIGNS),
};

/// The closest of each kind, for table 1: each opens what only it opens.
fn standings(role: Role) -> [Standing; 4] {
    let close = Relations::TREATING.union(Relations::PART2_CONSENT).union(Relations::RESEARCH_CONSENT);
    let own = matches!(role, Role::Patient | Role::Proxy);
    [
        Standing { relations: close, own, ..STRANGER },
        Standing { relations: close, own, originator: true, ..STRANGER },
        Standing { relations: Relations::UNASSIGNED, own, ..STRANGER },
        STRANGER,
    ]
}

fn relationships(role: Role) -> Vec<Standing> {
    let with = |words, relations| Standing { words, relations, ..STRANGER };
    let treating = Relations::TREATING;
    match role {
        Role::Patient => vec![STRANGER, Standing { words: "own chart", own: true, ..STRANGER }],
        Role::Proxy => vec![
            STRANGER,
            Standing { words: "ward, all granted", own: true, ..STRANGER },
            Standing { words: "ward, adolescent, all granted", own: true, adolescent: true, ..STRANGER },
            Standing {
                words: "ward, all granted, consent denies",
                own: true,
                relations: Relations::CONSENT_DENIES,
                ..STRANGER
            },
        ],
        Role::Research => vec![STRANGER, with("participant", Relations::RESEARCH_CONSENT)],
        Role::Billing => vec![
            STRANGER,
            with("Part 2 consent", Relations::PART2_CONSENT),
            with("consent denies", Relations::CONSENT_DENIES),
            with("paid by the patient", Relations::SELF_PAY),
        ],
        Role::Physician | Role::Psychiatrist | Role::Nurse | Role::MedicalAssistant | Role::Pharmacist => vec![
            STRANGER,
            with("nobody attributed", Relations::UNASSIGNED),
            with("treating", treating),
            Standing {
                words: "treating, not current, no vital sign",
                traits: Traits::NONE,
                relations: treating,
                ..STRANGER
            },
            with("treating, Part 2 consent", treating.union(Relations::PART2_CONSENT)),
            with("treating, consent denies", treating.union(Relations::CONSENT_DENIES)),
            Standing { words: "no relationship, wrote it", originator: true, ..STRANGER },
            Standing { words: "no relationship, glass broken", glass: true, ..STRANGER },
        ],
        _ => vec![STRANGER, with("consent denies", Relations::CONSENT_DENIES)],
    }
}

impl Standing {
    fn object(&self, of: Kind, labels: Labels) -> Object {
        let chart = if self.own { OWN_CHART } else { OTHER_CHART };
        let chart = (is_of_charts(of) || of.group == "security").then_some(chart);
        Object {
            labels,
            traits: self.traits,
            relations: self.relations,
            originator: self.originator.then_some(PRACTITIONER_ROW),
            ..Object::of(kind(of.name), Some(1), chart)
        }
    }
}

fn is_of_charts(of: Kind) -> bool {
    ["patient", "clinical", "medication", "document", "governance", "billing", "scheduling"].contains(&of.group)
}

fn who(role: Role, facts: Facts) -> Caller {
    who_with(role, facts, false)
}

fn who_with(role: Role, facts: Facts, adolescent: bool) -> Caller {
    let ward = ProxyGrant { labels: Labels::ALL, adolescent, ..WARD };
    let granted = |parts: &mut CallerParts| parts.proxies.iter_mut().for_each(|grant| *grant = ward);
    caller_with(RoleSet::of(role), role.usual_purpose(), facts, granted)
}

/// Kinds by group: all of it, all but a few, or one by one.
fn names(mut some: Vec<Kind>) -> String {
    some.sort_unstable();
    let mut words = Vec::new();
    for group in some.chunk_by(|one, next| one.group == next.group) {
        let whole: Vec<Kind> = kinds().into_iter().filter(|kind| kind.group == group[0].group).collect();
        let missing: Vec<String> = whole.iter().filter(|kind| !group.contains(kind)).map(word).collect();
        words.push(match missing.len() {
            0 => format!("{} (all)", group[0].group),
            few if few * 2 < group.len() => format!("{} (all but {})", group[0].group, missing.join(" ")),
            _ => format!("{} ({})", group[0].group, group.iter().map(word).collect::<Vec<_>>().join(" ")),
        });
    }
    words.join(", ")
}

fn word(kind: &Kind) -> String {
    if kind.is_named { kind.name.to_string() } else { "others".to_string() }
}
