//! Where a request comes from, and the request as pages see it.

use std::net::IpAddr;
use std::sync::OnceLock;

use bytes::Bytes;
use http::header;
use http::request::Parts;
use identity::{Connection, Renewed};

use crate::Web;
use crate::clinic::day::clock;
use crate::route::Ids;

/// What the listener knows of the other side.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    pub address: IpAddr,
    /// The number of the TLS connection: never used twice while the process runs.
    pub connection: u64,
}

/// A request, read.
pub(crate) struct Asked<'r> {
    pub web: &'r Web,
    pub parts: &'r Parts,
    /// What stands in the address where its route has `{}`.
    pub ids: Ids<'r>,
    pub from: Connection<'r>,
    pub body: Bytes,
    /// Roles changed since the cookie was given: the answer brings a new one.
    pub renewed: OnceLock<Renewed>,
}

impl Client {
    pub(crate) fn connection<'p>(&self, parts: &'p Parts, request_id: u128) -> Connection<'p> {
        Connection { number: self.connection, address: self.address, user_agent: user_agent(parts), request_id }
    }
}

impl Asked<'_> {
    /// `09:41` of now, at the clinic.
    pub fn clock(&self) -> String {
        clock(self.web.record().now_ms(), self.web.zone())
    }

    /// What people recognize a device by in their list: browser and system, no more.
    pub fn device_label(&self) -> String {
        let agent = self.from.user_agent;
        let first =
            |known: &[(&str, &'static str)]| known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, is)| *is);
        let browser = first(&[("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrom", "Chromium"), ("Safari/", "Safari")]);
        let systems =
            [("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "Mac")];
        let system = first(&systems).or(first(&[("Linux", "Linux")]));
        match (browser, system) {
            (Some(browser), Some(system)) => format!("{browser} on {system}"),
            (Some(one), None) | (None, Some(one)) => one.to_owned(),
            (None, None) => "Unknown browser".to_owned(),
        }
    }
}

fn user_agent(parts: &Parts) -> &str {
    parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
