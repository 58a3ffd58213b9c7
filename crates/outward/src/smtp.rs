//! E-mail over SMTP (RFC 5321), with TLS from the first byte or by STARTTLS, and never without.

use std::time::{Duration, UNIX_EPOCH};

use compliance::{Cover, Party, Service};
use lettre::message::{Mailbox, MultiPart, SinglePart, header};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters, TlsVersion};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use serde::Deserialize;
use telehealth::ics::{self, Invitation, Method};

use crate::adapter::{Adapter, Failure, Sending};
use crate::authorities::authorities;
use crate::credentials::{self, Secret};
use crate::letter::Calendar;
use crate::settings::{EmailSettings, Security};
use crate::{EmailAddress, MessageId, OutwardError, Recipient, Rendered};

/// For each answer of the other side.
const ANSWER_MAX: Duration = Duration::from_secs(30);
const SUBMISSION_TLS_PORT: u16 = 465;
const SUBMISSION_PORT: u16 = 587;

pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    party: Party,
}

/// The file of secrets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    user: Secret,
    password: Secret,
}

/// What programs put on what they send, so that no program answers it (RFC 3834, section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl header::Header for AutoSubmitted {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "auto-generated".into())
    }
}

impl Smtp {
    pub(crate) fn check(settings: &EmailSettings) -> Result<(), OutwardError> {
        settings.from.parse::<EmailAddress>().map_err(|_| OutwardError::Setting("email.from is no e-mail address"))?;
        let host = &settings.host;
        let is_host = !host.is_empty() && rustls::pki_types::ServerName::try_from(host.as_str()).is_ok();
        is_host.then_some(()).ok_or(OutwardError::Setting("email.host names no machine"))
    }

    /// Reads the file of secrets and the authorities. Blocks for the time of that; connects nowhere.
    pub fn open(settings: &EmailSettings) -> Result<Smtp, OutwardError> {
        Smtp::check(settings)?;
        let endpoint = settings.endpoint()?;
        let from: Mailbox =
            settings.from.parse().map_err(|_| OutwardError::Setting("email.from is no e-mail address"))?;
        let tls_failed = |_| OutwardError::Setting("email: TLS cannot be set up");
        // The authorities are ours to choose: the transport brings none.
        let mut tls = TlsParameters::builder(settings.host.clone())
            .certificate_store(CertificateStore::None)
            .set_min_tls_version(TlsVersion::Tlsv12);
        for certificate in authorities(endpoint.ca_cert.as_deref())? {
            tls = tls.add_root_certificate(Certificate::from_der(certificate.to_vec()).map_err(tls_failed)?);
        }
        let tls = tls.build_rustls().map_err(tls_failed)?;
        let (tls, port) = match settings.security {
            Security::Tls => (Tls::Wrapper(tls), SUBMISSION_TLS_PORT),
            Security::Starttls => (Tls::Required(tls), SUBMISSION_PORT),
        };
        // Its name warns of the builder's default, which is no TLS; the next line is not.
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .tls(tls)
            .port(settings.port.unwrap_or(port))
            .hello_name(ClientId::Domain(from.email.domain().to_owned()))
            .timeout(Some(ANSWER_MAX));
        if let Some(path) = &endpoint.credentials {
            let Account { user, password } = credentials::read(path)?;
            transport = transport.credentials(Credentials::new(user.0.to_string(), password.0.to_string()));
        }
        Ok(Smtp { transport: transport.build(), from, party: endpoint.party })
    }

    fn message(
        &self,
        id: MessageId,
        to: &EmailAddress,
        letter: &Rendered,
        now_ms: i64,
    ) -> Result<Message, lettre::error::Error> {
        let date = UNIX_EPOCH + Duration::from_millis(now_ms.max(0) as u64);
        let to = to.as_str().parse().map(|address| Mailbox::new(None, address));
        let builder = Message::builder()
            // The same for every try, so that who gets two of them sees one.
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .date(date)
            .from(self.from.clone())
            .to(to.map_err(|_| lettre::error::Error::MissingTo)?)
            .subject(&letter.subject)
            .header(AutoSubmitted);
        let Some(file) = letter.calendar.as_ref().and_then(|calendar| self.file(calendar, now_ms)) else {
            return builder.header(header::ContentType::TEXT_PLAIN).body(letter.text.to_string());
        };
        let parts = MultiPart::mixed().singlepart(SinglePart::plain(letter.text.to_string()));
        builder.multipart(parts.singlepart(file))
    }

    /// For the calendar of who gets it (RFC 5545): a time and the organization. Nobody answers it, so it is published (RFC 5546,
    /// 3.2.1), and the link is not in it: calendars are shared, and kept by others.
    fn file(&self, calendar: &Calendar, now_ms: i64) -> Option<SinglePart> {
        let uid: String = calendar.slot.uid.iter().map(|byte| format!("{byte:02x}")).collect();
        let invitation = Invitation {
            uid: &format!("{uid}@{}", self.from.email.domain()),
            sequence: calendar.slot.sequence,
            start_ms: calendar.slot.start_ms,
            end_ms: calendar.slot.end_ms,
            organization: &calendar.organization,
            organizer: &format!("mailto:{}", self.from.email),
            attendee: None,
            url: None,
        };
        let method = if calendar.is_cancelled { Method::Cancel } else { Method::Publish };
        // A letter without its file is better than none.
        let text = ics::calendar(method, &invitation, now_ms).ok()?;
        let kind = format!("text/calendar; charset=utf-8; method={}", method.word());
        let kind = header::ContentType::parse(&kind).ok()?;
        let shown = header::ContentDisposition::attachment("visit.ics");
        Some(SinglePart::builder().header(kind).header(shown).body(text))
    }
}

impl Adapter for Smtp {
    fn service(&self) -> Service {
        Service::Email
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
        now_ms: i64,
    ) -> Sending<'a> {
        Box::pin(async move {
            let Recipient::Email(to) = to else { return Err(Failure::Refused("no e-mail address".into())) };
            if !cover.is_for(&self.party, Service::Email) {
                return Err(Failure::not_covered());
            }
            let message =
                self.message(id, to, letter, now_ms).map_err(|_| Failure::Refused("cannot be written".into()))?;
            self.transport.send(message).await.map(drop).map_err(|error| failure(&error))
        })
    }
}

fn failure(error: &lettre::transport::smtp::Error) -> Failure {
    let code = error.status().map(|code| format!("smtp {code}"));
    match code {
        Some(code) if error.is_permanent() => Failure::Refused(code),
        Some(code) => Failure::Later(code),
        None if error.is_tls() => Failure::Later("no TLS with a certificate that is trusted".into()),
        None if error.is_timeout() => Failure::Later("no answer in time".into()),
        None => Failure::Later("no connection".into()),
    }
}
