//! Versions of an organization's policies: what may be one, and what it would have changed.

use wardstone_access::{
    Action, DecisionKey, Denial, Labels, Object, PackedKey, Policies, PolicySource, Purpose, Role, RoleSet, SAFEGUARDS,
    SOURCE_BYTES_MAX, SOURCE_FILES_MAX,
};

use crate::{GOOD, OTHER_CHART, caller, kind, policies};

fn edited(edit: impl Fn(&str, &str) -> String) -> Vec<(String, String)> {
    Policies::sources().iter().map(|source| (source.file.to_string(), edit(source.file, source.text))).collect()
}

fn version(number: u64, files: &[(String, String)]) -> Result<Policies, wardstone_access::AccessError> {
    let sources: Vec<PolicySource<'_>> = files.iter().map(|(file, text)| PolicySource { file, text }).collect();
    Policies::from_sources(number, &sources)
}

#[test]
fn an_organizations_version_is_read_back_as_it_was_written() {
    let files = edited(|file, text| match file {
        "nurse.cedar" => format!("// Ours.\n{text}"),
        _ => text.to_string(),
    });
    let ours = version(7, &files).unwrap();
    assert_eq!(ours.number(), 7);
    assert_ne!(ours.version(), policies().version());
    let held: Vec<(String, String)> = ours.files().map(|s| (s.file.to_string(), s.text.to_string())).collect();
    assert_eq!(held, files);
    assert_eq!(policies().number(), 0);
    assert_eq!(policies().files().count(), Policies::sources().len());
}

#[test]
fn no_version_leaves_out_a_safeguard_or_grows_without_bound() {
    let weaker = edited(|file, text| match file == SAFEGUARDS {
        true => text.replace("unless { context.mfa_fresh ||", "unless { true ||"),
        false => text.to_string(),
    });
    assert!(version(1, &weaker).is_err());
    let mut without = edited(|_, text| text.to_string());
    without.retain(|(file, _)| file != SAFEGUARDS);
    assert!(version(1, &without).is_err());
    let mut long = edited(|_, text| text.to_string());
    long[0].1.push_str(&" ".repeat(SOURCE_BYTES_MAX));
    assert!(version(1, &long).is_err());
    let mut many = edited(|_, text| text.to_string());
    many.extend((0..SOURCE_FILES_MAX).map(|n| (format!("{n}.cedar"), String::new())));
    assert!(version(1, &many).is_err());
    let blind = edited(|_, text| text.replacen("@view(\"care\")\n", "", 1));
    assert!(version(1, &blind).is_err(), "a permit without a view");
}

#[test]
fn a_replay_names_what_would_open_and_what_would_close() {
    let key = |role: Role, action, kind_name| DecisionKey {
        roles: RoleSet::of(role),
        action,
        kind: kind(kind_name),
        labels: Labels::NONE,
        traits: wardstone_access::Traits::CURRENT,
        relations: wardstone_access::Relations::TREATING,
        purpose: role.usual_purpose(),
        facts: GOOD,
        in_scope: true,
    };
    let made = [
        key(Role::Nurse, Action::Read, "Observation"),
        key(Role::Nurse, Action::Read, "Observation"),
        key(Role::Nurse, Action::Read, "ImagingStudy"),
        key(Role::Pharmacist, Action::Read, "MedicationRequest"),
        key(Role::Physician, Action::Read, "Observation"),
    ];
    let log = || made.iter().map(|key| (*key, policies().decide_key(key).is_ok(), 3));
    let same = policies().replay(log());
    assert_eq!((same.decisions, same.would_open.len(), same.would_close.len()), (15, 0, 0));

    let changed = edited(|file, text| match file {
        "nurse.cedar" => text.replace("Type::\"Observation\"", "Type::\"ImagingStudy\""),
        _ => text.to_string(),
    });
    let changed = version(2, &changed).unwrap().replay(log());
    let listed =
        |list: &[wardstone_access::Replayed]| list.iter().map(|r| (r.key.kind.name, r.count)).collect::<Vec<_>>();
    assert_eq!(listed(&changed.would_open), [("ImagingStudy", 3)]);
    assert_eq!(listed(&changed.would_close), [("Observation", 6)]);
    assert_eq!(changed.unlisted, 0);
}

#[test]
fn a_key_from_the_log_explains_itself() {
    let physician = caller(RoleSet::of(Role::Physician), Purpose::Treatment, GOOD);
    let note = Object::of(kind("Observation"), Some(1), Some(OTHER_CHART));
    let denial = policies().decide(&physician, Action::Read, &note).unwrap_err();
    let PackedKey(word) = denial.key();
    let key = DecisionKey::unpack(PackedKey(word), |_| Some(kind("Observation"))).unwrap();
    let again = policies().decide_key(&key).unwrap_err();
    assert!(matches!(again, Denial::Withheld(_)));
    assert_eq!(again.explain(), denial.explain());
    assert_eq!(again.explain().attributes, ["treating", "glass_broken"]);
}
