//! What somebody looked for. No name stands in an address: that of a list has a number which tells nothing, and what was typed is held
//! here, in memory, for the session that typed it and until that ends. Going back or reloading asks the record anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use identity::Session;

use crate::client::Asked;
use crate::forms::Form;
use crate::refusal::Refusal;

const SEARCHES_MAX: usize = 4_096;
/// Of one session; the oldest makes room.
const OF_ONE_MAX: usize = 16;
const KEPT_MS: i64 = 30 * 60_000;
/// Names and numbers as people have them, and where a list goes on.
const BYTES_MAX: usize = 4_096;
const PARAMETER: &str = "asked";
/// What a page says that is asked for a search which is not held any more.
pub(crate) const GONE: &str = "That search is no longer kept. Search again.";

#[derive(Default)]
pub struct Searches(Mutex<HashMap<String, Search>>);

struct Search {
    session: u64,
    form: Arc<Form>,
    at_ms: i64,
}

/// What an address asks for.
pub(crate) enum Searched {
    /// It names no search.
    None,
    Gone,
    For(Arc<Form>),
}

impl Searches {
    fn put(&self, reference: String, search: Search) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, one| search.at_ms < one.at_ms + KEPT_MS);
        let session = search.session;
        make_room(&mut held, OF_ONE_MAX, |one| one.session == session);
        make_room(&mut held, SEARCHES_MAX, |_| true);
        held.insert(reference, search);
    }

    fn of(&self, session: u64, reference: &str, now_ms: i64) -> Option<Arc<Form>> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = held.get(reference).filter(|one| one.session == session && now_ms < one.at_ms + KEPT_MS)?;
        Some(one.form.clone())
    }

    fn has_any(&self, session: u64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().any(|one| one.session == session)
    }

    fn forget(&self, session: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, one| one.session != session);
    }
}

/// For one more of these.
fn make_room(held: &mut HashMap<String, Search>, most: usize, counts: impl Fn(&Search) -> bool) {
    let theirs = || held.iter().filter(|(_, one)| counts(one));
    if theirs().count() < most {
        return;
    }
    let oldest = theirs().min_by_key(|(_, one)| one.at_ms).map(|(reference, _)| reference.clone());
    oldest.map(|reference| held.remove(&reference));
}

impl Asked<'_> {
    /// Holds these fields of the form for its session. The answer is what an address says of them.
    pub fn keep_search(&self, session: &Session, form: &Form, fields: &[&str]) -> Result<String, Refusal> {
        let form = form.only(fields);
        if form.fields().map(|(_, value)| value.len()).sum::<usize>() > BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        let reference = format!("{:032x}", (self.web.0.request_id)());
        let searches = self.web.searches();
        if !searches.has_any(session.number) {
            let (searches, session) = (searches.clone(), session.clone());
            tokio::spawn(async move {
                session.ended().await;
                searches.forget(session.number);
            });
        }
        let at_ms = self.web.record().now_ms();
        searches.put(reference.clone(), Search { session: session.number, form: Arc::new(form), at_ms });
        Ok(format!("{PARAMETER}={reference}"))
    }

    pub fn searched(&self, session: &Session) -> Searched {
        let query = self.parts.uri.query().unwrap_or_default();
        let Some((_, reference)) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == PARAMETER) else {
            return Searched::None;
        };
        let now_ms = self.web.record().now_ms();
        self.web.searches().of(session.number, &reference, now_ms).map_or(Searched::Gone, Searched::For)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn search(session: u64, at_ms: i64) -> Search {
        let typed = vec![("name".to_owned(), format!("n{at_ms}").into())];
        Search { session, form: Arc::new(Form::of(typed)), at_ms }
    }

    #[test]
    fn a_search_is_its_sessions_for_a_while_and_the_oldest_makes_room() {
        let searches = Searches::default();
        for number in 0..=OF_ONE_MAX as i64 {
            searches.put(format!("a{number}"), search(1, number));
        }
        searches.put("b".to_owned(), search(2, 5));
        assert!(searches.of(1, "a0", 5).is_none(), "it made room");
        assert_eq!(searches.of(1, "a1", 5).unwrap().text("name"), "n1");
        assert!(searches.of(2, "a1", 5).is_none() && searches.of(1, "b", 5).is_none(), "another session's");
        assert!(searches.of(2, "b", 5 + KEPT_MS - 1).is_some() && searches.of(2, "b", 5 + KEPT_MS).is_none());
        searches.forget(1);
        assert!(!searches.has_any(1) && searches.has_any(2));
    }

    #[test]
    fn there_is_room_for_so_many_and_no_more() {
        let searches = Searches::default();
        for number in 0..SEARCHES_MAX as i64 + 10 {
            searches.put(format!("{number}"), search(number as u64, number));
        }
        assert_eq!(searches.0.lock().unwrap().len(), SEARCHES_MAX);
    }
}
