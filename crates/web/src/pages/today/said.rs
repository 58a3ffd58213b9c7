//! What was done just now with an appointment of the list: the address says which, and the list itself who, so that no name is in it.

use jiff::tz::TimeZone;

use crate::clinic::book::{Status, Visit};
use crate::clinic::day::Day;
use crate::pages::visit::Told;

/// None of an appointment that is not in the list, or is off again.
pub fn of<'v>(
    query: &[(String, String)],
    mut visits: impl Iterator<Item = &'v Visit>,
    zone: &TimeZone,
) -> Option<String> {
    let words = |name: &str| match name {
        "booked" => Some("Booked"),
        "moved" => Some("Moved"),
        "stands" => Some("It stands there already, and nothing was changed"),
        "rebooked" => Some("Booked again"),
        "cancelled" => Some("Cancelled"),
        _ => None,
    };
    let (done, id) = query.iter().find_map(|(name, id)| Some((words(name)?, id)))?;
    let told = query.iter().find(|(name, _)| name == "told").map_or("", |(_, how)| how);
    let is_off = done == "Cancelled";
    let visit = visits.find(|visit| visit.id == *id).filter(|visit| visit.status.holds_time() != is_off)?;
    let done = if done == "Booked" && visit.status != Status::Expected { "Let in" } else { done };
    let who = visit.patient.as_ref().map_or("a patient whom you may not see now", |patient| &patient.name);
    let with: Vec<&str> = visit.clinicians.iter().map(|one| one.name.as_str()).collect();
    let with = if with.is_empty() { String::new() } else { format!(" with {}", with.join(", ")) };
    let kind = if visit.is_video { ", by video" } else { "" };
    let links = match done {
        "Booked again" if visit.is_video => " Links that were made before are closed; make new ones.",
        "Moved" | "Cancelled" if visit.is_video => Told::words(told),
        _ => "",
    };
    Some(format!("{done}: {who}, {} {}{with}{kind}.{links}", Day::of(visit.start_ms, zone).title(), visit.time))
}
