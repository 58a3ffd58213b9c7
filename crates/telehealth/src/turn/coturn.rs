//! The configuration file of an external coturn, for sites whose relay is a machine of its own.

use std::fmt::{Display, Write};
use std::net::IpAddr;
use std::path::Path;

use super::TurnSecrets;
use super::peer::DENIED;
use crate::TelehealthError;

/// Relayed ports and users of one credential.
const QUOTA_PER_CREDENTIAL: u32 = 12;
/// Below are ports of other services.
const PORT_MIN: u16 = 1024;
const FLAGS: [&str; 11] = [
    "use-auth-secret",
    "fingerprint",
    "no-cli",
    "no-multicast-peers",
    "no-tcp-relay",
    "no-tlsv1",
    "no-tlsv1_1",
    "no-software-attribute",
    "secure-stun",
    // User names are opaque; addresses of patients need no second place.
    "no-stdout-log",
    "syslog",
];

#[derive(Debug, Clone)]
pub struct Coturn<'a> {
    pub realm: &'a str,
    /// Of the machine that coturn runs on.
    pub listen: IpAddr,
    /// As the internet sees it, when the machine is behind a translation of addresses.
    pub advertised: Option<IpAddr>,
    pub port: u16,
    /// None: no TLS is offered.
    pub tls: Option<CoturnTls<'a>>,
    pub relay_ports: (u16, u16),
    pub total_allocations_max: u32,
}

/// Paths are those of the machine that coturn runs on.
#[derive(Debug, Clone)]
pub struct CoturnTls<'a> {
    pub port: u16,
    pub certificate: &'a str,
    pub private_key: &'a str,
}

/// What stands for the secret that coturn and the server share.
pub enum SecretLine<'a> {
    /// Itself: the text is for a file of its owner alone.
    Written(&'a TurnSecrets),
    /// Where it lies, in a comment: the text may be shown, and does not work before the line is there.
    Named(&'a Path),
}

impl Coturn<'_> {
    /// The text of `turnserver.conf`.
    pub fn configuration(&self, secret: &SecretLine<'_>) -> Result<String, TelehealthError> {
        self.check()?;
        let mut out = String::from("# Made by wardstone. Do not edit: make it again.\n");
        self.addresses(&mut out);
        match secret {
            // Both hold while the previous one is turned over: coturn takes the option more than once.
            SecretLine::Written(secrets) => {
                for secret in secrets.both() {
                    line(&mut out, "static-auth-secret", &secret.text());
                }
            }
            SecretLine::Named(path) => {
                let _ = writeln!(out, "# static-auth-secret=(the text of {})", path.display());
            }
        }
        line(&mut out, "user-quota", &QUOTA_PER_CREDENTIAL);
        line(&mut out, "total-quota", &self.total_allocations_max);
        line(&mut out, "stale-nonce", &600);
        line(&mut out, "max-allocate-lifetime", &3600);
        for (first, last) in DENIED {
            line(&mut out, "denied-peer-ip", &format!("{first}-{last}"));
        }
        for flag in FLAGS {
            let _ = writeln!(out, "{flag}");
        }
        Ok(out)
    }

    fn check(&self) -> Result<(), TelehealthError> {
        let files = self.tls.iter().flat_map(|tls| [tls.certificate, tls.private_key]);
        for value in std::iter::once(self.realm).chain(files) {
            if value.is_empty() || value.chars().any(|c| c.is_control() || c.is_whitespace() || c == '#') {
                return Err(TelehealthError::Relay("a value is empty or has spaces"));
            }
        }
        if self.listen.is_unspecified() || self.listen.is_multicast() {
            return Err(TelehealthError::Relay("coturn listens on one address of its machine"));
        }
        if self.relay_ports.0 < PORT_MIN || self.relay_ports.0 > self.relay_ports.1 {
            return Err(TelehealthError::Relay("relayed ports are a range above 1023"));
        }
        Ok(())
    }

    fn addresses(&self, out: &mut String) {
        line(out, "listening-ip", &self.listen);
        line(out, "listening-port", &self.port);
        line(out, "relay-ip", &self.listen);
        if let Some(advertised) = self.advertised {
            line(out, "external-ip", &format!("{advertised}/{}", self.listen));
        }
        line(out, "min-port", &self.relay_ports.0);
        line(out, "max-port", &self.relay_ports.1);
        line(out, "realm", &self.realm);
        match &self.tls {
            Some(tls) => {
                line(out, "tls-listening-port", &tls.port);
                line(out, "cert", &tls.certificate);
                line(out, "pkey", &tls.private_key);
            }
            None => out.push_str("no-tls\nno-dtls\n"),
        }
    }
}

fn line(out: &mut String, key: &str, value: &dyn Display) {
    let _ = writeln!(out, "{key}={value}");
}
