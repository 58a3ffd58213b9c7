//! What becomes of a message: tried, tried again, given up, never twice for one id, and never without an agreement.

use compliance::{ComplianceError, Party, Service};
use outward::{DeliveryState, Failure, Message, MessageId, OutwardError, TRIES_MAX, delay_ms};

use crate::house::{House, NOON_MS, Told, VENDOR, WORDS, invitation, officer, to_ana};

fn vendor() -> Party {
    Party::Vendor(VENDOR.into())
}

fn later() -> Result<(), Failure> {
    Err(Failure::Later("smtp 451".into()))
}

#[tokio::test]
async fn a_message_to_a_vendor_without_an_agreement_is_refused_at_the_door() {
    let house = House::new();
    let told = Told::to(vendor(), vec![Ok(())]);
    let outbox = house.outbox(told.adapters());
    let refused = outbox.put(invitation(1, to_ana())).await;
    let Err(OutwardError::Compliance(ComplianceError::NoAgreement { vendor, service })) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((vendor.as_str(), service), (VENDOR, "email"));
    assert_eq!(house.sent(), [format!("email by {VENDOR}: no agreement in force")]);
    assert_eq!((outbox.work().await.unwrap(), told.count()), (0, 0));
}

#[tokio::test]
async fn an_agreement_that_ends_stops_what_waits_until_there_is_another() {
    let house = House::new();
    let agreement = house.agree(&[Service::Email]).await;
    let told = Told::to(vendor(), vec![Ok(())]);
    let outbox = house.outbox(told.adapters());
    outbox.put(invitation(1, to_ana())).await.unwrap();
    house.register.end(&officer(), agreement, 1, WORDS).await.unwrap();
    outbox.work().await.unwrap();
    let delivery = outbox.delivery(MessageId([1; 16])).unwrap();
    assert_eq!((delivery.state, told.count()), (DeliveryState::Failed, 0));
    assert_eq!(delivery.reason.as_deref(), Some("no agreement in force"));
    house.agree(&[Service::Email]).await;
    house.advance(delay_ms(1));
    outbox.work().await.unwrap();
    assert_eq!(outbox.delivery(MessageId([1; 16])).unwrap().state, DeliveryState::Sent);
    let id = "01".repeat(16);
    let expected = [
        format!("email by {VENDOR}: no agreement in force"),
        format!("message {id} by email: try 2, by {VENDOR}, agreement 2"),
    ];
    assert_eq!(house.sent(), expected);
}

#[tokio::test]
async fn a_try_that_fails_is_made_again_ever_later_until_it_goes_well() {
    let house = House::new();
    let told = Told::to(Party::Own, vec![later(), later(), Ok(())]);
    let outbox = house.outbox(told.adapters());
    outbox.put(invitation(1, to_ana())).await.unwrap();
    for tries in 1..=2 {
        assert_eq!(outbox.work().await.unwrap(), 1);
        let delivery = outbox.delivery(MessageId([1; 16])).unwrap();
        assert_eq!((delivery.state, delivery.tries), (DeliveryState::Failed, tries));
        house.advance(delay_ms(tries) - 1);
        assert_eq!(outbox.work().await.unwrap(), 0, "too early");
        house.advance(1);
    }
    assert_eq!(outbox.work().await.unwrap(), 1);
    assert_eq!(outbox.delivery(MessageId([1; 16])).unwrap().state, DeliveryState::Sent);
    house.advance(30 * 60_000);
    assert_eq!((outbox.work().await.unwrap(), told.count()), (0, 3));
}

#[tokio::test]
async fn what_will_not_go_well_is_given_up_and_the_log_says_so() {
    let house = House::new();
    let told = Told::to(Party::Own, vec![Err(Failure::Refused("smtp 550".into())), later()]);
    let outbox = house.outbox(told.adapters());
    outbox.put(invitation(1, to_ana())).await.unwrap();
    outbox.work().await.unwrap();
    let delivery = outbox.delivery(MessageId([1; 16])).unwrap();
    assert_eq!((delivery.state, delivery.tries), (DeliveryState::GivenUp, 1));
    assert_eq!(house.sent().last().unwrap(), &format!("message {} by email: given up", "01".repeat(16)));

    let patient = Message { until_ms: i64::MAX, ..invitation(2, to_ana()) };
    outbox.put(patient).await.unwrap();
    for tries in 1..=TRIES_MAX {
        assert_eq!(outbox.work().await.unwrap(), 1, "{tries}");
        house.advance(delay_ms(tries));
    }
    let delivery = outbox.delivery(MessageId([2; 16])).unwrap();
    assert_eq!((delivery.state, delivery.tries), (DeliveryState::GivenUp, TRIES_MAX));
    assert_eq!(told.count() as u32, 1 + TRIES_MAX);

    let over = Message { until_ms: NOON_MS, ..invitation(3, to_ana()) };
    assert!(matches!(outbox.put(over).await, Err(OutwardError::TooLate)));
    let late = Message { until_ms: i64::MAX, ..invitation(3, to_ana()) };
    outbox.put(late).await.unwrap();
    assert_eq!(outbox.counts(), (1, 2));
    outbox.withdraw(MessageId([3; 16])).await.unwrap();
    assert_eq!((outbox.work().await.unwrap(), outbox.counts()), (0, (0, 3)));
}

#[tokio::test]
async fn a_message_is_not_sent_when_it_is_of_no_use_any_more() {
    let house = House::new();
    let told = Told::to(Party::Own, vec![Ok(())]);
    let outbox = house.outbox(told.adapters());
    outbox.put(invitation(1, to_ana())).await.unwrap();
    house.advance(5 * 86_400_000);
    outbox.work().await.unwrap();
    let delivery = outbox.delivery(MessageId([1; 16])).unwrap();
    assert_eq!((delivery.state, delivery.reason.as_deref()), (DeliveryState::GivenUp, Some("too late")));
    assert_eq!(told.count(), 0);
}

#[tokio::test]
async fn one_id_is_one_message_also_after_a_restart_and_another_message_is_refused() {
    let house = House::new();
    let told = Told::to(Party::Own, vec![Ok(())]);
    let outbox = house.outbox(told.adapters());
    outbox.put(invitation(1, to_ana())).await.unwrap();
    outbox.put(invitation(1, to_ana())).await.unwrap();
    outbox.work().await.unwrap();
    assert_eq!(outbox.put(invitation(1, to_ana())).await.unwrap().state, DeliveryState::Sent);
    let other = Message { id: MessageId([1; 16]), ..invitation(2, to_ana()) };
    assert!(matches!(outbox.put(other.clone()).await, Err(OutwardError::OtherMessage)));
    drop(outbox);
    let house = house.reopen();
    let outbox = house.outbox(told.adapters());
    assert_eq!(outbox.put(invitation(1, to_ana())).await.unwrap().state, DeliveryState::Sent);
    assert!(matches!(outbox.put(other).await, Err(OutwardError::OtherMessage)));
    assert_eq!((outbox.work().await.unwrap(), told.count()), (0, 1));
    house.advance(31 * 86_400_000);
    outbox.work().await.unwrap();
    assert_eq!(outbox.delivery(MessageId([1; 16])), None, "forgotten");
    assert!(house.desk.load(store::Shelf::Outbox).unwrap().is_empty());
}

#[tokio::test]
async fn what_waits_survives_a_restart_with_its_tries_and_what_is_settled_keeps_no_address() {
    let house = House::new();
    let told = Told::to(Party::Own, vec![later(), Ok(())]);
    let outbox = house.outbox(told.adapters());
    outbox.put(invitation(1, to_ana())).await.unwrap();
    outbox.work().await.unwrap();
    let lies = |house: &House| {
        let held = house.desk.load(store::Shelf::Outbox).unwrap();
        String::from_utf8(held[0].plain.to_vec()).unwrap().contains("ana.rivera")
    };
    assert!(lies(&house));
    drop(outbox);
    let house = house.reopen();
    let outbox = house.outbox(told.adapters());
    assert_eq!(outbox.delivery(MessageId([1; 16])).unwrap().tries, 1);
    house.advance(delay_ms(1));
    outbox.work().await.unwrap();
    assert_eq!(outbox.delivery(MessageId([1; 16])).unwrap().state, DeliveryState::Sent);
    assert!(!lies(&house), "the address goes with the last try");
    for entry in std::fs::read_dir(house.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(10).any(|bytes| bytes == b"ana.rivera"), "{}", path.display());
        }
    }
    assert!(house.sent().iter().all(|said| !said.contains("ana") && !said.contains("mail.example")));
}

#[tokio::test]
async fn nothing_is_sent_that_the_log_cannot_tell_of() {
    let house = House::new();
    let told = Told::to(Party::Own, vec![Ok(())]);
    let outbox = house.outbox(told.adapters());
    outbox.put(invitation(1, to_ana())).await.unwrap();
    house.log.close();
    assert!(outbox.work().await.is_err());
    assert_eq!(told.count(), 0);
    assert_eq!(outbox.delivery(MessageId([1; 16])).unwrap().state, DeliveryState::Queued);
}

#[tokio::test]
async fn what_has_no_endpoint_is_refused_by_name() {
    let house = House::new();
    let outbox = house.outbox(Told::to(Party::Own, vec![Ok(())]).adapters());
    let phone = outward::Recipient::Sms("+15555550123".parse().unwrap());
    assert!(matches!(outbox.put(invitation(1, phone)).await, Err(OutwardError::NotConfigured("sms"))));
}

#[tokio::test]
async fn a_worker_sends_soon_and_ends_when_it_is_told() {
    let house = House::new();
    let told = Told::to(Party::Own, vec![Ok(())]);
    let outbox = house.outbox(told.adapters());
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let worker = tokio::spawn(outbox.clone().run(stopped));
    outbox.put(invitation(1, to_ana())).await.unwrap();
    let sent = async {
        while outbox.delivery(MessageId([1; 16])).unwrap().state != DeliveryState::Sent {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), sent).await.unwrap();
    stop.send(true).unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(10), worker).await.unwrap().unwrap();
}
