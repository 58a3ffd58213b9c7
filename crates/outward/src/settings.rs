//! `[outward]` of the configuration: which endpoints there are, whose they are, and where their secrets lie.

use std::path::PathBuf;
use std::sync::Arc;

use compliance::{Party, Service};
use serde::{Deserialize, Serialize};

use crate::{Adapters, HttpSms, OutwardError, Smtp};

/// Nothing goes out unless it is set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailSettings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sms: Option<SmsSettings>,
}

/// Whose machine it is, and how it is known.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub party: Party,
    pub credentials: Option<PathBuf>,
    pub ca_cert: Option<PathBuf>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailSettings {
    pub host: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(default)]
    pub security: Security,
    pub from: String,
    /// Whose machine it is, as the register of agreements names them: this, or `own = true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// The organization's own machine.
    #[serde(default)]
    pub own: bool,
    /// A file of secrets, readable by its owner alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<PathBuf>,
    /// A PEM file of authorities, in place of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_cert: Option<PathBuf>,
}

/// How TLS begins. Without it nothing is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// From the first byte (RFC 8314), port 465.
    #[default]
    Tls,
    /// By STARTTLS, port 587; a server that does not offer it gets nothing.
    Starttls,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsSettings {
    /// `https://…`
    pub url: String,
    /// `POST` or `PUT`.
    #[serde(default = "post")]
    pub method: String,
    #[serde(default)]
    pub body: BodyForm,
    /// Whose machine it is, as the register of agreements names them: this, or `own = true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// The organization's own machine.
    #[serde(default)]
    pub own: bool,
    /// A file of secrets, readable by its owner alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<PathBuf>,
    /// A PEM file of authorities, in place of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_cert: Option<PathBuf>,
    /// The body: `{to}`, `{text}` and `{id}` in its texts are filled in.
    pub fields: toml::Table,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BodyForm {
    #[default]
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
}

fn post() -> String {
    "POST".into()
}

impl EmailSettings {
    pub fn endpoint(&self) -> Result<Endpoint, OutwardError> {
        let (credentials, ca_cert) = (self.credentials.clone(), self.ca_cert.clone());
        Ok(Endpoint { party: party(self.vendor.as_deref(), self.own)?, credentials, ca_cert })
    }
}

impl SmsSettings {
    pub fn endpoint(&self) -> Result<Endpoint, OutwardError> {
        let (credentials, ca_cert) = (self.credentials.clone(), self.ca_cert.clone());
        Ok(Endpoint { party: party(self.vendor.as_deref(), self.own)?, credentials, ca_cert })
    }
}

fn party(vendor: Option<&str>, own: bool) -> Result<Party, OutwardError> {
    let neither = OutwardError::Setting("an endpoint names its vendor, or says own = true, and not both");
    Party::declared(vendor, own).ok_or(neither)
}

impl Settings {
    /// Opens what is configured: reads its files, connects nowhere.
    pub fn open(&self) -> Result<Adapters, OutwardError> {
        let mut adapters = Adapters::default();
        if let Some(email) = &self.email {
            adapters.email = Some(Arc::new(Smtp::open(email)?));
        }
        if let Some(sms) = &self.sms {
            adapters.sms = Some(Arc::new(HttpSms::open(sms)?));
        }
        Ok(adapters)
    }

    /// What can be said without reading any file.
    pub fn check(&self) -> Result<(), OutwardError> {
        self.parties().map(drop)?;
        if let Some(email) = &self.email {
            Smtp::check(email)?;
        }
        if let Some(sms) = &self.sms {
            HttpSms::check(sms)?;
        }
        Ok(())
    }

    /// Each service that is configured, and whose machine does it.
    pub fn parties(&self) -> Result<Vec<(Service, Party)>, OutwardError> {
        let email = self.email.iter().map(|email| (Service::Email, email.endpoint()));
        let sms = self.sms.iter().map(|sms| (Service::Sms, sms.endpoint()));
        email.chain(sms).map(|(service, endpoint)| Ok((service, endpoint?.party))).collect()
    }
}
