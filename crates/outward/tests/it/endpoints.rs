//! Messages over real sockets and TLS: what arrives, and what never leaves.

use compliance::Service;
use outward::{DeliveryState, MessageId, Outbox, OutwardError, Recipient, Settings, Slot, delay_ms};

use crate::fake_http::FakeHttp;
use crate::fake_smtp::{Begins, FakeSmtp};
use crate::house::{House, VENDOR, invitation, to_ana};

const ID: MessageId = MessageId([1; 16]);

fn to_phone() -> Recipient {
    Recipient::Sms("+1 555 555 0123".parse().unwrap())
}

fn settings(text: &str) -> Result<Settings, OutwardError> {
    let settings: Settings = toml::from_str(text).unwrap();
    settings.check().map(|()| settings)
}

fn smtp(house: &House, server: &FakeSmtp, ca_cert: &str, security: &str) -> Outbox {
    let account = house.secret("smtp.toml", "user = 'clinic'\npassword = 'cold harbor'\n");
    let text = format!(
        "[email]\nhost = 'localhost'\nport = {}\nsecurity = '{security}'\nfrom = 'visits@clinic.example'\n\
         vendor = '{VENDOR}'\ncredentials = '{}'\nca_cert = '{ca_cert}'\n",
        server.address.port(),
        account.display()
    );
    house.outbox(settings(&text).unwrap().open().unwrap())
}

#[tokio::test]
async fn an_e_mail_arrives_over_tls_with_a_link_and_nothing_of_the_record() {
    for (begins, security) in [(Begins::WithTls, "tls"), (Begins::WithStarttls, "starttls")] {
        let house = House::new();
        house.agree(&[Service::Email]).await;
        let (acceptor, ca_cert) = house.tls();
        let server = FakeSmtp::start(acceptor, begins, "250 ok").await;
        let outbox = smtp(&house, &server, ca_cert.to_str().unwrap(), security);
        outbox.put(invitation(1, to_ana())).await.unwrap();
        outbox.work().await.unwrap();
        let delivery = outbox.delivery(ID).unwrap();
        assert_eq!((delivery.state, delivery.reason), (DeliveryState::Sent, None), "{security}");
        let taken = server.taken.lock().unwrap();
        assert_eq!(taken.recipients, ["RCPT TO:<ana.rivera@mail.example>"]);
        assert_eq!(taken.auth.len(), 1);
        assert!(
            taken.in_clear.iter().all(|said| said.starts_with("EHLO") || said == "STARTTLS"),
            "{:?}",
            taken.in_clear
        );
        // Quoted-printable breaks and escapes lines.
        let message = taken.messages[0].replace("=\r\n", "").replace("=3D", "=");
        let id = "01".repeat(16);
        for part in [
            format!("Message-ID: <{id}@clinic.example>"),
            "From: visits@clinic.example".to_owned(),
            "To: ana.rivera@mail.example".to_owned(),
            "Date: Thu, 26 Nov 2026 12:00:00 +0000".to_owned(),
            "Auto-Submitted: auto-generated".to_owned(),
            "Harbor Clinic invites you to a video visit on Thursday, 26 November 2026 at 15:00 (UTC).".to_owned(),
            "https://clinic.example/visit#k=AQEB".to_owned(),
        ] {
            assert!(message.contains(&part), "{part} is not in\n{message}");
        }
    }
}

#[tokio::test]
async fn an_invitation_brings_a_file_for_the_calendar_that_says_when_and_with_whom() {
    let house = House::new();
    house.agree(&[Service::Email]).await;
    let (acceptor, ca_cert) = house.tls();
    let server = FakeSmtp::start(acceptor, Begins::WithTls, "250 ok").await;
    let outbox = smtp(&house, &server, ca_cert.to_str().unwrap(), "tls");
    let mut message = invitation(1, to_ana());
    let (start_ms, end_ms) = (1_795_705_200_000, 1_795_706_400_000);
    message.letter = message.letter.with_slot(Slot { start_ms, end_ms, uid: [0xab; 16], sequence: 0 });
    outbox.put(message).await.unwrap();
    outbox.work().await.unwrap();
    assert_eq!(outbox.delivery(ID).unwrap().state, DeliveryState::Sent);
    let taken = server.taken.lock().unwrap();
    let message = taken.messages[0].replace("=\r\n", "").replace("=3D", "=");
    assert!(message.contains("multipart/mixed") && message.contains("Harbor Clinic invites you"), "{message}");
    assert!(message.contains("Content-Type: text/calendar; charset=utf-8; method=PUBLISH"), "{message}");
    assert!(message.contains(r#"Content-Disposition: attachment; filename="visit.ics""#), "{message}");
    let file = &message[message.find("BEGIN:VCALENDAR").unwrap()..message.find("END:VCALENDAR").unwrap()];
    for line in [
        "METHOD:PUBLISH",
        &format!("UID:{}@clinic.example", "ab".repeat(16)),
        "DTSTART:20261126T150000Z",
        "DTEND:20261126T152000Z",
        "SUMMARY:Appointment with Harbor Clinic",
        "ORGANIZER:mailto:visits@clinic.example",
    ] {
        assert!(file.lines().any(|held| held == line), "{line} is not in\n{file}");
    }
    assert!(!file.contains("#k=") && !file.contains("ana"), "neither the link nor who is invited:\n{file}");
}

#[tokio::test]
async fn an_e_mail_never_leaves_in_clear_or_to_a_server_that_nobody_vouches_for() {
    let house = House::new();
    house.agree(&[Service::Email]).await;
    let (acceptor, ca_cert) = house.tls();
    let server = FakeSmtp::start(acceptor.clone(), Begins::InClear, "250 ok").await;
    let outbox = smtp(&house, &server, ca_cert.to_str().unwrap(), "starttls");
    outbox.put(invitation(1, to_ana())).await.unwrap();
    outbox.work().await.unwrap();
    assert_eq!(outbox.delivery(ID).unwrap().state, DeliveryState::Failed);
    {
        let taken = server.taken.lock().unwrap();
        assert!(taken.in_clear.iter().all(|said| said.starts_with("EHLO") || said == "QUIT"), "{:?}", taken.in_clear);
    }
    let another = House::new();
    another.agree(&[Service::Email]).await;
    let (_, stranger) = another.tls();
    let server = FakeSmtp::start(acceptor, Begins::WithTls, "250 ok").await;
    let outbox = smtp(&another, &server, stranger.to_str().unwrap(), "tls");
    outbox.put(invitation(1, to_ana())).await.unwrap();
    outbox.work().await.unwrap();
    assert_eq!(outbox.delivery(ID).unwrap().state, DeliveryState::Failed);
    let taken = server.taken.lock().unwrap();
    assert!(taken.recipients.is_empty() && taken.auth.is_empty() && taken.messages.is_empty());
}

#[tokio::test]
async fn a_mailbox_that_is_not_there_is_given_up_and_one_that_is_busy_is_tried_again() {
    for (answer, state, reason) in [
        ("550 no such mailbox ana.rivera@mail.example", DeliveryState::GivenUp, "smtp 550"),
        ("451 greylisted", DeliveryState::Failed, "smtp 451"),
    ] {
        let house = House::new();
        house.agree(&[Service::Email]).await;
        let (acceptor, ca_cert) = house.tls();
        let server = FakeSmtp::start(acceptor, Begins::WithTls, answer).await;
        let outbox = smtp(&house, &server, ca_cert.to_str().unwrap(), "tls");
        outbox.put(invitation(1, to_ana())).await.unwrap();
        outbox.work().await.unwrap();
        let delivery = outbox.delivery(ID).unwrap();
        assert_eq!((delivery.state, delivery.reason.as_deref()), (state, Some(reason)), "what it wrote is not kept");
    }
}

fn gateway(house: &House, server: &FakeHttp, ca_cert: &str, body: &str) -> Outbox {
    let headers = house.secret("sms.toml", "[headers]\nAuthorization = 'Bearer a-secret'\n");
    let text = format!(
        "[sms]\nurl = 'https://localhost:{}/v1/messages?fast=1'\nvendor = '{VENDOR}'\ncredentials = '{}'\n\
         ca_cert = '{ca_cert}'\n{body}",
        server.address.port(),
        headers.display()
    );
    house.outbox(settings(&text).unwrap().open().unwrap())
}

#[tokio::test]
async fn a_text_message_arrives_as_the_configuration_forms_it() {
    let json =
        "body = 'json'\n[sms.fields]\nfrom = 'Harbor'\nmessages = [{to = '{to}', content = {text = '{text}'}}]\n";
    let form = "body = 'form'\n[sms.fields]\nTo = '{to}'\nBody = '{text}'\nRef = '{id}'\n";
    for (body, kind) in [(json, "application/json"), (form, "application/x-www-form-urlencoded")] {
        let house = House::new();
        house.agree(&[Service::Sms]).await;
        let (acceptor, ca_cert) = house.tls();
        let server = FakeHttp::start(acceptor, vec![503, 202]).await;
        let outbox = gateway(&house, &server, ca_cert.to_str().unwrap(), body);
        outbox.put(invitation(1, to_phone())).await.unwrap();
        outbox.work().await.unwrap();
        let delivery = outbox.delivery(ID).unwrap();
        assert_eq!((delivery.state, delivery.reason.as_deref()), (DeliveryState::Failed, Some("http 503")));
        house.advance(delay_ms(1));
        outbox.work().await.unwrap();
        assert_eq!(outbox.delivery(ID).unwrap().state, DeliveryState::Sent);
        let got = server.got.lock().unwrap().clone();
        assert_eq!(got.len(), 2);
        assert_eq!(got[0].line, "POST /v1/messages?fast=1");
        assert_eq!(
            (&got[0].headers["authorization"], &got[0].headers["content-type"]),
            (&"Bearer a-secret".parse().unwrap(), &kind.parse().unwrap())
        );
        let key = |at: usize| got[at].headers["idempotency-key"].to_str().unwrap().to_owned();
        assert_eq!((key(0), key(1)), ("01".repeat(16), "01".repeat(16)), "a gateway can tell that it has it");
        if kind == "application/json" {
            let body: serde_json::Value = serde_json::from_str(&got[0].body).unwrap();
            assert_eq!((&body["from"], &body["messages"][0]["to"]), (&"Harbor".into(), &"+15555550123".into()));
            let text = body["messages"][0]["content"]["text"].as_str().unwrap();
            assert!(text.starts_with("Harbor Clinic invites you") && text.contains("/visit#k="), "{text}");
        } else {
            let to = "To=%2B15555550123";
            assert!(got[0].body.contains(to) && got[0].body.contains("Body=Harbor+Clinic+invites"), "{}", got[0].body);
        }
    }
}

#[tokio::test]
async fn a_gateway_that_points_elsewhere_is_not_followed() {
    let house = House::new();
    house.agree(&[Service::Sms]).await;
    let (acceptor, ca_cert) = house.tls();
    let server = FakeHttp::start(acceptor, vec![307]).await;
    let fields = "[sms.fields]\nto = '{to}'\ntext = '{text}'\n";
    let outbox = gateway(&house, &server, ca_cert.to_str().unwrap(), fields);
    outbox.put(invitation(1, to_phone())).await.unwrap();
    outbox.work().await.unwrap();
    let delivery = outbox.delivery(ID).unwrap();
    assert_eq!((delivery.state, delivery.reason.as_deref()), (DeliveryState::GivenUp, Some("http 307")));
}

#[test]
fn settings_that_would_send_in_clear_or_in_nobodys_name_are_refused() {
    let email = "[email]\nhost = 'mail.example'\nfrom = 'visits@clinic.example'\n";
    let sms = "[sms]\nown = true\nfields = {to = '{to}', text = '{text}'}\n";
    for good in
        [format!("{email}own = true"), format!("{email}vendor = 'V'"), format!("{sms}url = 'https://a.example/'")]
    {
        assert!(settings(&good).is_ok(), "{good}");
    }
    for wrong in [
        email.to_owned(),
        format!("{email}own = true\nvendor = 'V'"),
        format!("{email}vendor = ' '"),
        "[email]\nhost = 'mail.example'\nfrom = 'clinic'\nown = true".to_owned(),
        format!("{sms}url = 'http://a.example/'"),
        format!("{sms}url = 'https://a.example/'\nmethod = 'GET'"),
        "[sms]\nown = true\nurl = 'https://a.example/'\nfields = {to = '{to}'}".to_owned(),
    ] {
        assert!(settings(&wrong).is_err(), "{wrong}");
    }
    for unknown in [format!("{email}own = true\nsecurity = 'none'"), format!("{email}own = true\nsecurty = 'tls'")] {
        assert!(toml::from_str::<Settings>(&unknown).is_err(), "{unknown}");
    }
}

#[test]
fn a_file_of_secrets_that_others_can_read_is_not_read() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new();
    let (_, ca_cert) = house.tls();
    let account = house.secret("smtp.toml", "user = 'clinic'\npassword = 'cold harbor'\n");
    std::fs::set_permissions(&account, std::fs::Permissions::from_mode(0o640)).unwrap();
    let text = format!(
        "[email]\nhost = 'localhost'\nfrom = 'visits@clinic.example'\nown = true\ncredentials = '{}'\nca_cert = '{}'\n",
        account.display(),
        ca_cert.display()
    );
    let refused = settings(&text).unwrap().open().err().unwrap().to_string();
    assert!(refused.contains("chmod 600"), "{refused}");
    let broken = house.secret("smtp.toml", "user = 'clinic'\npassword = cold harbor\n");
    std::fs::set_permissions(&broken, std::fs::Permissions::from_mode(0o600)).unwrap();
    let refused = settings(&text).unwrap().open().err().unwrap().to_string();
    assert!(!refused.contains("harbor"), "{refused}");
}
