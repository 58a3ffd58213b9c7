//! A demo's users, in one small sealed file, and the credentials file written from it.

use std::path::Path;

use access::Role;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::Keyring;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::directory::{ACCOUNTS_FILE, DataDirectory};
use crate::{ServerError, files};

const PURPOSE: &str = "wardstone/accounts/v1";
const TOKEN_BYTES: usize = 32;
/// RFC 4226, section 4: 160 bits.
const TOTP_SECRET_BYTES: usize = 20;
const PASSWORD_BYTES: usize = 10;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

#[derive(Default, Serialize, Deserialize)]
pub struct Accounts {
    pub users: Vec<Account>,
    /// Of the integration client.
    pub api_token: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub struct Account {
    pub username: String,
    pub name: String,
    pub password: String,
    /// Base 32 (RFC 4648) without padding.
    pub totp_secret: String,
    pub role: String,
    pub token: String,
    /// Id, and number of the chart, of the Patient who this user is.
    pub patient_id: Option<String>,
    pub own_chart: Option<u64>,
    /// Number of the chart of the patient whom this user stands for; `patient_id` is that patient's then.
    #[serde(default)]
    pub proxy_chart: Option<u64>,
    /// Row of the Practitioner who this user is.
    pub practitioner: Option<u64>,
}

impl Account {
    /// With fresh secrets.
    pub fn new(username: String, name: String, role: &str) -> Result<Self, ServerError> {
        Ok(Self {
            username,
            name,
            password: base32(&crypto::random_array::<PASSWORD_BYTES>()?).to_lowercase(),
            totp_secret: base32(&crypto::random_array::<TOTP_SECRET_BYTES>()?),
            role: role.to_owned(),
            token: new_token()?,
            patient_id: None,
            own_chart: None,
            proxy_chart: None,
            practitioner: None,
        })
    }
}

pub fn new_token() -> Result<String, ServerError> {
    Ok(URL_SAFE_NO_PAD.encode(crypto::random_array::<TOKEN_BYTES>()?))
}

impl Accounts {
    /// `None` if the directory has none.
    pub fn load(directory: &DataDirectory, keyring: &Keyring) -> Result<Option<Self>, ServerError> {
        let path = directory.join(ACCOUNTS_FILE);
        let sealed = match std::fs::read(&path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ServerError::io("cannot be read", &path)(error)),
        };
        let malformed = |reason: String| ServerError::Malformed { path: path.display().to_string(), reason };
        let plain = keyring
            .seal_key(PURPOSE)
            .open_secret(PURPOSE.as_bytes(), &sealed)
            .map_err(|error| malformed(error.to_string()))?;
        serde_json::from_slice(&plain).map(Some).map_err(|_| malformed("not the accounts that were sealed".into()))
    }

    pub fn save(&self, directory: &DataDirectory, keyring: &Keyring) -> Result<(), ServerError> {
        let path = directory.join(ACCOUNTS_FILE);
        let plain =
            Zeroizing::new(serde_json::to_vec(self).map_err(|error| ServerError::Malformed {
                path: path.display().to_string(),
                reason: error.to_string(),
            })?);
        files::replace_secret(&path, &keyring.seal_key(PURPOSE).seal(PURPOSE.as_bytes(), &plain)?)
    }

    /// The contract with whoever drives a demo: where it is and how each user gets in.
    pub fn write_credentials(&self, path: &Path, base_url: &str, authority: &Path) -> Result<(), ServerError> {
        let users: Vec<serde_json::Value> = self.users.iter().map(credentials).collect();
        let text = serde_json::json!({
            "base_url": base_url,
            "fhir_url": format!("{base_url}/fhir"),
            "ca_cert": authority.display().to_string(),
            "users": users,
            "api_token": self.api_token,
        });
        files::replace_secret(path, format!("{text:#}\n").as_bytes())
    }
}

fn credentials(account: &Account) -> serde_json::Value {
    let mut user = serde_json::json!({
        "username": account.username,
        "name": account.name,
        "password": account.password,
        "totp_secret": account.totp_secret,
        "role": account.role,
        "token": account.token,
    });
    let Some(fields) = user.as_object_mut() else { return user };
    if let Some(id) = &account.patient_id {
        fields.insert("patient".into(), format!("Patient/{id}").into());
    }
    // A program has its token and nothing else.
    if account.role == Role::Research.name() {
        fields.remove("password");
        fields.remove("totp_secret");
    }
    user
}

fn base32(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut bits) = (0u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(BASE32[(held >> bits) as usize & 31]));
        }
    }
    if bits > 0 {
        out.push(char::from(BASE32[(held << (5 - bits)) as usize & 31]));
    }
    out
}

/// None for what is not base 32.
pub fn from_base32(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 5 / 8);
    let (mut held, mut bits) = (0u32, 0);
    for byte in text.bytes() {
        let value = BASE32.iter().position(|letter| *letter == byte.to_ascii_uppercase())?;
        held = held << 5 | value as u32;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push((held >> bits) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_is_that_of_rfc_4648() {
        for (plain, encoded) in [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foobar", "MZXW6YTBOI")] {
            assert_eq!(base32(plain.as_bytes()), encoded);
            assert_eq!(from_base32(encoded).as_deref(), Some(plain.as_bytes()));
        }
    }
}
