//! Text messages through whatever takes them over HTTPS: address, headers and body are the configuration's.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use compliance::{Cover, Party, Service};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::adapter::{Adapter, Failure, Sending};
use crate::authorities::authorities;
use crate::credentials::{self, Secret};
use crate::settings::{BodyForm, SmsSettings};
use crate::{MessageId, OutwardError, Recipient, Rendered};

const EXCHANGE_MAX: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 64 * 1024;
const DEPTH_MAX: usize = 8;
const USER_AGENT: &str = concat!("wardstone/", env!("CARGO_PKG_VERSION"));
const IDEMPOTENCY_KEY: &str = "idempotency-key";

pub struct HttpSms {
    tls: Arc<ClientConfig>,
    uri: Uri,
    host: String,
    port: u16,
    method: Method,
    headers: HeaderMap,
    body: BodyForm,
    fields: Value,
    party: Party,
}

/// The file of secrets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Secrets {
    headers: std::collections::BTreeMap<String, Secret>,
}

/// What stands for a message in the body's texts.
struct Values<'a> {
    to: &'a str,
    text: &'a str,
    id: &'a str,
}

impl HttpSms {
    pub(crate) fn check(settings: &SmsSettings) -> Result<(), OutwardError> {
        address(&settings.url)?;
        if !matches!(settings.method.as_str(), "POST" | "PUT") {
            return Err(OutwardError::Setting("sms.method is POST or PUT"));
        }
        let fields = serde_json::to_value(&settings.fields).map_err(|_| OutwardError::Setting("sms.fields"))?;
        let is_flat = fields.as_object().is_some_and(|map| map.values().all(Value::is_string));
        if settings.body == BodyForm::Form && !is_flat {
            return Err(OutwardError::Setting("sms.fields of a form are texts"));
        }
        let written = fields.to_string();
        if !(written.contains("{to}") && written.contains("{text}")) {
            return Err(OutwardError::Setting("sms.fields say where {to} and {text} stand"));
        }
        if depth(&fields) > DEPTH_MAX {
            return Err(OutwardError::Setting("sms.fields go too deep"));
        }
        Ok(())
    }

    /// Reads the file of secrets and the authorities. Blocks for the time of that; connects nowhere.
    pub fn open(settings: &SmsSettings) -> Result<HttpSms, OutwardError> {
        HttpSms::check(settings)?;
        let (uri, host, port) = address(&settings.url)?;
        let endpoint = settings.endpoint()?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(authorities(endpoint.ca_cert.as_deref())?);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| OutwardError::Setting("sms: TLS cannot be set up"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut headers = HeaderMap::new();
        if let Some(path) = &endpoint.credentials {
            let Secrets { headers: secrets } = credentials::read(path)?;
            for (name, value) in secrets {
                let malformed = || OutwardError::file(path, "has a header that is none");
                let name: HeaderName = name.parse().map_err(|_| malformed())?;
                let mut value = HeaderValue::from_str(&value.0).map_err(|_| malformed())?;
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        let method = if settings.method == "PUT" { Method::PUT } else { Method::POST };
        let fields = serde_json::to_value(&settings.fields).map_err(|_| OutwardError::Setting("sms.fields"))?;
        let party = endpoint.party;
        Ok(HttpSms { tls: Arc::new(tls), uri, host, port, method, headers, body: settings.body, fields, party })
    }

    fn request(&self, values: &Values<'_>) -> Result<Request<Full<Bytes>>, Failure> {
        let filled = filled(&self.fields, values);
        let (kind, body) = match self.body {
            BodyForm::Json => ("application/json", filled.to_string()),
            BodyForm::Form => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                for (name, value) in filled.as_object().into_iter().flatten() {
                    form.append_pair(name, value.as_str().unwrap_or_default());
                }
                ("application/x-www-form-urlencoded", form.finish())
            }
        };
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(path)
            .header(header::HOST, self.uri.authority().map_or(self.host.as_str(), |authority| authority.as_str()))
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::CONTENT_TYPE, kind)
            .header(IDEMPOTENCY_KEY, values.id)
            .body(Full::from(body))
            .map_err(|_| Failure::Refused("cannot be written".into()))?;
        request.headers_mut().extend(self.headers.clone());
        Ok(request)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<StatusCode, Failure> {
        let later = |reason: &str| Failure::Later(reason.to_owned());
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|_| later("no connection"))?;
        let name = ServerName::try_from(self.host.clone()).map_err(|_| later("no connection"))?;
        let stream = TlsConnector::from(self.tls.clone())
            .connect(name, stream)
            .await
            .map_err(|_| later("no TLS with a certificate that is trusted"))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|_| later("no HTTP"))?;
        let driver = tokio::spawn(connection);
        let answered = sender.send_request(request).await;
        let status = match answered {
            Ok(response) => {
                let status = response.status();
                // Read so that the other side sees it taken; what it says is of no use and may repeat a number.
                let _ = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
                Ok(status)
            }
            Err(_) => Err(later("broke off")),
        };
        driver.abort();
        status
    }
}

impl Adapter for HttpSms {
    fn service(&self) -> Service {
        Service::Sms
    }

    fn party(&self) -> &Party {
        &self.party
    }

    fn send<'a>(
        &'a self,
        cover: Cover,
        id: MessageId,
        to: &'a Recipient,
        letter: &'a Rendered,
        _now_ms: i64,
    ) -> Sending<'a> {
        Box::pin(async move {
            let Recipient::Sms(to) = to else { return Err(Failure::Refused("no telephone number".into())) };
            if !cover.is_for(&self.party, Service::Sms) {
                return Err(Failure::not_covered());
            }
            let id = id.to_string();
            let request = self.request(&Values { to: to.as_str(), text: &letter.short, id: &id })?;
            match tokio::time::timeout(EXCHANGE_MAX, self.exchange(request)).await {
                Ok(answered) => judged(answered?),
                Err(_) => Err(Failure::Later("no answer in time".into())),
            }
        })
    }
}

/// No redirection is followed: where a message goes is the configuration's to say.
fn judged(status: StatusCode) -> Result<(), Failure> {
    let reason = format!("http {}", status.as_u16());
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            Err(Failure::Later(reason))
        }
        status if status.is_server_error() => Err(Failure::Later(reason)),
        _ => Err(Failure::Refused(reason)),
    }
}

fn address(url: &str) -> Result<(Uri, String, u16), OutwardError> {
    let bad = || OutwardError::Setting("sms.url is an address that starts with https://");
    let uri: Uri = url.parse().map_err(|_| bad())?;
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(bad)?;
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let port = authority.port_u16().unwrap_or(443);
    if uri.scheme_str() != Some("https") || ServerName::try_from(host.clone()).is_err() {
        return Err(bad());
    }
    Ok((uri, host, port))
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn filled(value: &Value, values: &Values<'_>) -> Value {
    match value {
        Value::String(text) => Value::String(filled_text(text, values)),
        Value::Array(items) => items.iter().map(|item| filled(item, values)).collect(),
        Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), filled(value, values))).collect(),
        other => other.clone(),
    }
}

/// In one pass, so that what is filled in is never taken for a placeholder.
fn filled_text(template: &str, values: &Values<'_>) -> String {
    let (mut out, mut rest) = (String::new(), template);
    let known = [("{to}", values.to), ("{text}", values.text), ("{id}", values.id)];
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match known.iter().find(|(name, _)| rest.starts_with(name)) {
            Some((name, value)) => {
                out.push_str(value);
                rest = &rest[name.len()..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_filled_in_once() {
        let values = Values { to: "+1555", text: "say {to} {x}", id: "9" };
        assert_eq!(filled_text("{text}|{to}|{id}|{other}|{", &values), "say {to} {x}|+1555|9|{other}|{");
    }

    #[test]
    fn what_may_go_well_later_is_told_from_what_will_not() {
        let judge = |code: u16| judged(StatusCode::from_u16(code).unwrap_or_default());
        assert_eq!(judge(202), Ok(()));
        for code in [408, 429, 500, 503] {
            assert!(matches!(judge(code), Err(Failure::Later(_))), "{code}");
        }
        for code in [302, 400, 401, 404] {
            assert!(matches!(judge(code), Err(Failure::Refused(_))), "{code}");
        }
    }

    #[test]
    fn an_endpoint_is_reached_over_tls_or_not_at_all() {
        for url in ["http://sms.example/send", "sms.example", "https://user@sms.example/", "https://"] {
            assert!(address(url).is_err(), "{url}");
        }
        assert!(address("https://sms.example:8443/v1/send?x=1").is_ok());
    }
}
