//! Each person's own favourites among the orders of the catalogue: a List that lies in no chart and names no patient.

use access::Action;
use fhir::Json;
use record::RecordError;

use crate::clinic::ask::Asking;
use crate::clinic::moves::{Change, object, transaction};
use crate::clinic::orders::catalogue::{Item, item};
use crate::clinic::orders::version_of;
use crate::clinic::orders::write::{identifier, list, owned, refer};
use crate::clinic::read::{all, text};
use crate::refusal::Refusal;

/// By the id of the Practitioner.
const SYSTEM: &str = "urn:wardstone:favourite-orders";
/// An entry, by the name that the catalogue has for it.
const ITEM_SYSTEM: &str = "urn:wardstone:order-catalogue";
/// Times it is written again when the same person was faster in another tab.
const ATTEMPTS_MAX: usize = 4;

/// The list as it is held: id, version, and what is on it.
struct Held {
    id: String,
    version: u32,
    items: Vec<&'static Item>,
}

pub async fn of(asking: &Asking<'_>, practitioner: Option<&str>) -> Result<Vec<&'static Item>, Refusal> {
    let Some(practitioner) = practitioner else { return Ok(Vec::new()) };
    Ok(held(asking, practitioner).await?.map_or_else(Vec::new, |held| held.items))
}

/// Puts an order of the catalogue on the list, or takes it off; either is the same if done twice.
pub async fn put(asking: &Asking<'_>, practitioner: &str, wanted: &'static Item, is_on: bool) -> Result<(), Refusal> {
    for _ in 0..ATTEMPTS_MAX {
        let held = held(asking, practitioner).await?;
        let mut items = held.as_ref().map(|held| held.items.clone()).unwrap_or_default();
        if items.iter().any(|one| one.id == wanted.id) == is_on {
            return Ok(());
        }
        items.retain(|one| one.id != wanted.id);
        if is_on {
            items.push(wanted);
        }
        let change = match &held {
            Some(held) => Change {
                method: "PUT",
                url: format!("List/{}", held.id),
                if_match: Some(held.version),
                is_new: false,
                resource: resource(Some(&held.id), practitioner, &items),
            },
            None => Change {
                method: "POST",
                url: "List".to_owned(),
                if_match: None,
                is_new: false,
                resource: resource(None, practitioner, &items),
            },
        };
        match asking.transact(&transaction(vec![change])).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_overtaken() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(RecordError::Conflict.into())
}

/// The oldest, should two tabs have begun one each.
async fn held(asking: &Asking<'_>, practitioner: &str) -> Result<Option<Held>, Refusal> {
    if !asking.may_ever(Action::Create, "List") {
        return Ok(None);
    }
    let name = format!("{SYSTEM}|{practitioner}");
    let found = asking.search("List", &[("identifier", &name), ("_sort", "_lastUpdated"), ("_count", "1")]).await?;
    let resources = found.resources();
    let Some(list) = resources.first() else { return Ok(None) };
    let named = |entry: &Json<'_>| item(text(entry.get("item")?.get("identifier")?, "value")?);
    let items = all(list, "entry").iter().filter_map(named).collect();
    Ok(Some(Held { id: text(list, "id").unwrap_or_default().to_owned(), version: version_of(list), items }))
}

fn resource(id: Option<&str>, practitioner: &str, items: &[&'static Item]) -> Json<'static> {
    let entry = |item: &&'static Item| {
        let named = object([("identifier", identifier(ITEM_SYSTEM, item.id)), ("display", Json::string(item.name))]);
        object([("item", named)])
    };
    let mut members = vec![("resourceType", Json::string("List"))];
    members.extend(id.map(|id| ("id", owned(id))));
    members.extend([
        ("identifier", list([identifier(SYSTEM, practitioner)])),
        ("status", Json::string("current")),
        ("mode", Json::string("working")),
        ("title", Json::string("Favourite orders")),
        ("source", refer(format!("Practitioner/{practitioner}"))),
    ]);
    if !items.is_empty() {
        members.push(("entry", Json::Array(items.iter().map(entry).collect())));
    }
    object(members)
}
