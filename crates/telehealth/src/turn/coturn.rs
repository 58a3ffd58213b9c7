//! The configuration file of an external coturn, for sites whose relay is a machine of its own.

use std::fmt::Write;
use std::net::IpAddr;

use super::TurnSecrets;
use super::peer::DENIED;
use crate::TelehealthError;

/// Relayed ports and users of one credential.
const QUOTA_PER_CREDENTIAL: u32 = 12;

#[derive(Debug, Clone)]
pub struct Coturn<'a> {
    pub realm: &'a str,
    pub listen: IpAddr,
    /// As the internet sees it, when the machine is behind a translation of addresses.
    pub advertised: Option<IpAddr>,
    pub port: u16,
    pub tls_port: u16,
    pub relay_ports: (u16, u16),
    pub certificate: &'a str,
    pub private_key: &'a str,
    pub total_allocations_max: u32,
}

impl Coturn<'_> {
    /// The text of `turnserver.conf`. It holds the secrets: mode 0600.
    pub fn configuration(&self, secrets: &TurnSecrets) -> Result<String, TelehealthError> {
        for value in [self.realm, self.certificate, self.private_key] {
            if value.is_empty() || value.chars().any(|c| c.is_control() || c.is_whitespace() || c == '#') {
                return Err(TelehealthError::Relay("a value is empty or has spaces"));
            }
        }
        if self.relay_ports.0 < 1024 || self.relay_ports.0 > self.relay_ports.1 {
            return Err(TelehealthError::Relay("relay ports"));
        }
        let mut out = String::from("# Made by wardstone. Do not edit: it is written again.\n");
        let mut line = |key: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(out, "{key}={value}");
        };
        line("listening-ip", &self.listen);
        line("listening-port", &self.port);
        line("tls-listening-port", &self.tls_port);
        line("relay-ip", &self.listen);
        if let Some(advertised) = self.advertised {
            line("external-ip", &format!("{advertised}/{}", self.listen));
        }
        line("min-port", &self.relay_ports.0);
        line("max-port", &self.relay_ports.1);
        line("realm", &self.realm);
        line("cert", &self.certificate);
        line("pkey", &self.private_key);
        // Both hold while the previous one is turned over: coturn takes the option more than once.
        for secret in secrets.both() {
            line("static-auth-secret", &secret.text());
        }
        line("user-quota", &QUOTA_PER_CREDENTIAL);
        line("total-quota", &self.total_allocations_max);
        line("stale-nonce", &600);
        line("max-allocate-lifetime", &3600);
        for (first, last) in DENIED {
            line("denied-peer-ip", &format!("{first}-{last}"));
        }
        for flag in [
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
        ] {
            let _ = writeln!(out, "{flag}");
        }
        Ok(out)
    }
}
