//! The hospitals beside the project: what goes in comes out, and searches find what a scan of the input finds.
//!
//! A sample of the files by default; all of them with `WARDSTONE_FULL=1`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use access::Role;
use fhir::Json;
use fhir::search::{HeadMeta, Query, QueryOptions, extract};
use record::{EntryAnswer, RecordError, ResourceKey, SearchRequest, types};

use crate::clinic::{BASE, Clinic, caller};

const FILES_SAMPLED: usize = 6;
const SEARCHES: usize = 1_000;

/// A resource as it should be found in the record.
struct Known {
    type_name: String,
    id: String,
    json: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shared_hospitals_come_back_equal_and_are_found_by_a_thousand_searches() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !data.is_dir() {
        println!("SKIP: shared data absent");
        return;
    }
    let clinic = Clinic::new().await;
    let mut known = Vec::new();
    for folder in ["synthea", "uscore-150", "uscore-rich"] {
        for file in files(&data.join(folder)) {
            import(&clinic, &file, &mut known).await;
        }
    }
    let integration = caller(Role::Integration);
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for resource in &known {
        *counts.entry(&resource.type_name).or_default() += 1;
        let key = ResourceKey::parse(&resource.type_name, &resource.id).unwrap();
        let read = clinic.record.read(&integration, &key).await.unwrap();
        let mut found = Json::parse(read.get().json()).unwrap();
        strip_server_meta(&mut found);
        assert!(canonical(&found) == resource.json, "{}/{} came back changed", resource.type_name, resource.id);
    }
    for (type_name, count) in counts {
        let pairs = [(Cow::from("_summary"), Cow::from("count"))];
        let kind = types::parse(type_name).unwrap();
        let request = SearchRequest { kind, compartment: None, pairs: &pairs, lenient: false };
        let page = clinic.record.search(&integration, &request).await.unwrap().into_inner();
        assert_eq!(page.total, Some(count), "{type_name}");
    }
    clinic.record.flush_index(1).await.unwrap();
    searches_agree(&clinic, &known).await;
}

async fn import(clinic: &Clinic, file: &Path, known: &mut Vec<Known>) {
    let text = std::fs::read(file).unwrap();
    let answer = clinic.record.bundle(&caller(Role::Integration), &text).await;
    let answer = answer.unwrap_or_else(|error| panic!("{}: {}", file.display(), explain(&error)));
    let bundle = Json::parse(&text).unwrap();
    let entries = bundle.get("entry").unwrap().items();
    let mut links = HashMap::new();
    for (entry, answer) in entries.iter().zip(&answer.entries) {
        let Ok(EntryAnswer::Written(written)) = &answer.result else { panic!("not written") };
        let full_url = entry.get("fullUrl").unwrap().as_str().unwrap();
        links.insert(full_url.to_owned(), (written.type_name, written.id.clone()));
    }
    for entry in entries {
        let (type_name, id) = &links[entry.get("fullUrl").unwrap().as_str().unwrap()];
        let mut resource = entry.get("resource").unwrap().clone();
        fhir::references::rewrite(&mut resource, |link| links.get(link).map(|(t, i)| format!("{t}/{i}")));
        let members = resource.as_object_mut().unwrap();
        members.set("id", Json::string(id.as_str()));
        // What the standard collection policy drops, and says so.
        if let Some(identifiers) = members.get_mut("identifier").and_then(Json::as_array_mut) {
            let is_ssn =
                |i: &Json<'_>| i.get("system").and_then(Json::as_str) == Some("http://hl7.org/fhir/sid/us-ssn");
            identifiers.retain(|i| !is_ssn(i));
        }
        strip_server_meta(&mut resource);
        known.push(Known { type_name: (*type_name).to_owned(), id: id.clone(), json: canonical(&resource) });
    }
}

/// Random searches made from what is in the data, against a scan of the data with the matcher alone.
async fn searches_agree(clinic: &Clinic, known: &[Known]) {
    let trees: Vec<Json<'_>> = known.iter().map(|k| Json::parse_str(&k.json).unwrap()).collect();
    let values: Vec<_> = trees.iter().map(extract).collect();
    let mut random = 42u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    let (mut done, mut found_some) = (0, 0);
    while done < SEARCHES {
        let at = next(known.len());
        let pairs = question(&trees[at], &known[at], &mut next);
        if pairs.is_empty() {
            continue;
        }
        done += 1;
        let options = QueryOptions { base_url: BASE, lenient: false, default_count: 20, count_max: 1_000, now_ms: 0 };
        let query = Query::parse(&known[at].type_name, &pairs, &options).unwrap();
        let expected: BTreeSet<&str> = known
            .iter()
            .zip(&values)
            .filter(|(k, v)| {
                let meta = HeadMeta { id: &k.id, last_updated_ms: 0 };
                k.type_name == known[at].type_name && query.matches(&meta, v.as_ref())
            })
            .map(|(k, _)| k.id.as_str())
            .collect();
        let kind = types::parse(&known[at].type_name).unwrap();
        let mut found = BTreeSet::new();
        let mut asked = pairs.clone();
        asked.push(("_count".into(), "1000".into()));
        loop {
            let request = SearchRequest { kind, compartment: None, pairs: &asked, lenient: false };
            let page = clinic.record.search(&caller(Role::Integration), &request).await.unwrap().into_inner();
            found.extend(page.entries.iter().map(|(_, v)| v.id().to_owned()));
            match page.next {
                Some(cursor) => asked = vec![("_cursor".into(), cursor.into())],
                None => break,
            }
        }
        found_some += usize::from(!found.is_empty());
        let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_ref()).collect();
        assert!(found.iter().map(String::as_str).eq(expected), "{} by {names:?}", known[at].type_name);
    }
    assert!(found_some > SEARCHES / 2, "only {found_some} searches found anything");
}

/// One to three conditions that the resource itself meets, some of them made to fail.
fn question(
    tree: &Json<'_>,
    known: &Known,
    next: &mut impl FnMut(usize) -> usize,
) -> Vec<(Cow<'static, str>, Cow<'static, str>)> {
    let mut pairs: Vec<(Cow<'static, str>, Cow<'static, str>)> = Vec::new();
    let text = |path: &[&str]| {
        let mut at = tree.clone();
        for name in path {
            at = at.items().first()?.get(name)?.clone();
        }
        at.items().first()?.as_str().map(str::to_owned)
    };
    for _ in 0..1 + next(3) {
        let pair = match next(12) {
            0 => text(&["code", "coding", "code"]).map(|code| {
                let system = text(&["code", "coding", "system"]).unwrap_or_default();
                ("code", if code.contains(',') { code } else { format!("{system}|{code}") })
            }),
            1 => text(&["subject", "reference"]).map(|r| ("subject", r)),
            2 => text(&["patient", "reference"]).map(|r| ("patient", r)),
            3 => text(&["encounter", "reference"]).map(|r| ("encounter", r)),
            4 => text(&["name", "family"]).map(|n| ("family", n.chars().take(1 + next(5)).collect())),
            5 => text(&["status"]).map(|s| ("status", s)),
            6 => identifier(tree, next).map(|v| ("identifier", v)),
            8 => text(&["status"]).map(|s| ("status:not", if next(2) == 0 { s } else { "draft".to_owned() })),
            9 => Some(("encounter:missing", ["true", "false"][next(2)].to_owned())),
            10 => tree
                .get("valueQuantity")
                .and_then(|q| q.get("value").map(|v| String::from_utf8(v.to_vec()).unwrap()))
                .map(|v| ("value-quantity", format!("{}{v}", ["", "ge", "lt", "ap"][next(4)]))),
            7 => text(&["effectiveDateTime"])
                .or_else(|| text(&["period", "start"]))
                .map(|d| ("date", format!("{}{}", ["", "ge", "lt", "sa"][next(4)], &d[..[4, 7, 10][next(3)]]))),
            _ => Some(("_id", known.id.clone())),
        };
        let Some((name, value)) = pair else { continue };
        let code = name.split(':').next().unwrap();
        if fhir::search::find(&known.type_name, code).is_none() && name != "_id" {
            continue;
        }
        pairs.push((name.into(), value.into()));
    }
    pairs
}

/// Any identifier of the resource, government numbers among them, with its system or without.
fn identifier(tree: &Json<'_>, next: &mut impl FnMut(usize) -> usize) -> Option<String> {
    let all = tree.get("identifier")?.items();
    let one = all.get(next(all.len().max(1)))?;
    let text = |name| one.get(name).and_then(Json::as_str).map(|text| text.replace(['|', ','], ""));
    let value = text("value")?;
    Some(match text("system").filter(|_| next(2) == 0) {
        Some(system) => format!("{system}|{value}"),
        None => value,
    })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    if std::env::var_os("WARDSTONE_FULL").is_none() {
        // The very large ones are for the full run.
        files.retain(|f| std::fs::metadata(f).unwrap().len() < 1_000_000);
        files.truncate(FILES_SAMPLED);
    }
    files
}

/// `versionId` and `lastUpdated` are the server's; a `meta` of nothing else is none.
fn strip_server_meta(resource: &mut Json<'_>) {
    let members = resource.as_object_mut().unwrap();
    let Some(meta) = members.get_mut("meta").and_then(Json::as_object_mut) else { return };
    meta.remove("versionId");
    meta.remove("lastUpdated");
    if meta.is_empty() {
        members.remove("meta");
    }
}

/// The JSON with members in order of name: equal text is equal JSON, decimals to the digit.
fn canonical(node: &Json<'_>) -> String {
    fn sorted<'a>(node: &Json<'a>) -> Json<'a> {
        match node {
            Json::Array(items) => Json::Array(items.iter().map(sorted).collect()),
            Json::Object(members) => {
                let mut list: Vec<(Cow<'a, str>, Json<'a>)> =
                    members.iter().map(|(k, v)| (Cow::Owned(k.to_owned()), sorted(v))).collect();
                list.sort_by(|a, b| a.0.cmp(&b.0));
                Json::Object(list.into_iter().collect())
            }
            other => other.clone(),
        }
    }
    String::from_utf8(sorted(node).to_vec()).unwrap()
}

fn explain(error: &RecordError) -> String {
    match error {
        RecordError::Entry { index, error } => format!("entry {index}: {}", explain(error)),
        RecordError::Invalid(issues) => issues.iter().take(3).map(|i| format!("{i}; ")).collect(),
        other => other.to_string(),
    }
}
