//! Where somebody was who has to go to the door: a page of ours, whose it was, and how far down. They come back to it, nobody else.

use std::fmt::{self, Display, Formatter};

use access::UserId;
use http::Method;
use identity::Identity;

use crate::client::Asked;
use crate::guard::{COOKIE, NEXT_COOKIE};
use crate::route::{Route, is_id};

/// Who signs out leaves this: what is asked for next in that browser leads nobody anywhere.
pub(crate) const NOWHERE: &str = "-";
/// Parts of a query that say which of our lists somebody looked at; a query with anything else is left behind.
const QUERY: &[&str] = &["day", "who", "show", "team", "addendum", "version", "move", "patient"];
const QUERY_BYTES_MAX: usize = 256;

/// `/patients/p1`, `/today?day=2027-01-04`; with whose it is before it, and with `~` and where the browser keeps how far down behind.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    whose: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    scroll: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub fn parse(text: &'a str) -> Option<Self> {
        let at = text.find('/')?;
        let (whose, rest) = text.split_at(at);
        let (address, scroll) = rest.split_once('~').map_or((rest, None), |(address, scroll)| (address, Some(scroll)));
        let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
        let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let is_page = Route::parse(&Method::GET, path).is_ok_and(|found| found.route.is_place());
        let scroll = scroll.filter(|key| is_id(key));
        (is_word(whose) && is_page).then(|| Self { whose, path, query: query.filter(|query| is_ours(query)), scroll })
    }

    /// Marked as somebody's. Nobody takes over what is marked already.
    pub fn of(self, label: &'a str) -> Option<Self> {
        (self.whose.is_empty() || self.whose == label).then_some(Self { whose: label, ..self })
    }

    pub fn is_somebodys(&self) -> bool {
        !self.whose.is_empty()
    }

    /// Where this person goes on.
    pub fn address(&self, identity: &Identity, user: UserId) -> Option<String> {
        if self.is_somebodys() && self.whose != identity.place_label(user) {
            return None;
        }
        let anchor = self.scroll.map_or_else(String::new, |key| format!("#at-{key}"));
        Some(format!("{}{anchor}", Plain(self)))
    }

    /// For the address of another page.
    pub fn as_query(&self) -> String {
        let text = self.to_string();
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        format!("?next={encoded}")
    }
}

struct Plain<'p, 'a>(&'p Place<'a>);

impl Display for Plain<'_, '_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.path)?;
        self.0.query.map_or(Ok(()), |query| write!(f, "?{query}"))
    }
}

impl Display for Place<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.whose, Plain(self))?;
        self.scroll.map_or(Ok(()), |key| write!(f, "~{key}"))
    }
}

impl Asked<'_> {
    /// What the address names as the place to go on at.
    pub fn named_place(&self) -> Option<String> {
        let query = self.parts.uri.query().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "next").map(|(_, place)| place.into_owned())
    }

    /// Where somebody goes who has just signed in: back to where they were, or to their first page.
    pub fn next_for(&self, user: UserId) -> String {
        let named = self.named_place();
        let place = named.as_deref().or_else(|| self.cookie(NEXT_COOKIE)).and_then(Place::parse);
        place.and_then(|place| place.address(self.web.identity(), user)).unwrap_or_else(|| "/".to_owned())
    }

    /// Whose session the cookie was.
    pub fn ended(&self) -> Option<identity::Ended> {
        self.cookie(COOKIE).and_then(|cookie| self.web.identity().ended(cookie))
    }
}

fn is_ours(query: &str) -> bool {
    query.len() <= QUERY_BYTES_MAX
        && query.split('&').all(|pair| {
            pair.split_once('=')
                .is_some_and(|(name, value)| QUERY.contains(&name) && (value.is_empty() || is_id(value)))
        })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_page_of_ours_and_nothing_else() {
        for text in ["/patients/p1", "/today?day=2027-01-04&who=all", "label-_9/me", "/results~k1", "x/patients/p1~k1"]
        {
            assert_eq!(Place::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "-",
            "/",
            "//evil.example",
            "https://evil.example/me",
            "/nowhere",
            "/signin",
            "/lock",
            "/stepup",
            "/me/events",
            "/assets/door.js",
            "/patients/p1/glass",
            "/patients/p 1",
            "%2fme",
            "a b/me",
        ] {
            assert!(Place::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_query_that_could_say_anything_is_left_behind() {
        for query in ["name=adeyemi", "day=2027-01-04&note=x", "day=a%20b", "registered", "day=a b"] {
            assert_eq!(Place::parse(&format!("/today?{query}")).unwrap().to_string(), "/today", "{query}");
        }
        assert_eq!(Place::parse("/today?day=2027-01-04~<b>").unwrap().to_string(), "/today?day=2027-01-04");
    }

    #[test]
    fn what_is_somebodys_is_not_taken_over() {
        let place = Place::parse("ana/me").unwrap();
        assert!(place.of("ben").is_none() && place.of("ana").is_some());
        assert_eq!(Place::parse("/me").unwrap().of("ben").unwrap().to_string(), "ben/me");
    }
}
