//! Events survive encoding, are small, and no bytes make the decoder panic.

use std::net::IpAddr;

use audit::event::{Decided, OBJECTS_MAX, clip};
use audit::{Action, AuditError, Event, Object, Outcome, Purpose, Search, Whence, Who};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

#[test]
fn a_page_of_twenty_rows_costs_less_than_a_hundred_bytes() {
    let who = Who { user: "u-7f3a", role: "clinician", ..Who::default() };
    let mut event = Event::new(1_795_341_600_000, Action::Search, Purpose::Treatment, who);
    let empty = event.encode().unwrap().len();
    let objects: Vec<Object> = (0..20)
        .map(|i| Object {
            row: 9_000_000 + 37 * i,
            chart: 812_345,
            version: 1 + (i % 3) as u32,
            type_code: 96,
            part: 0,
        })
        .collect();
    event.objects = objects.into();
    let added = event.encode().unwrap().len() - empty;
    assert!(added < 100, "twenty rows took {added} bytes");
}

#[test]
fn too_much_is_refused_and_never_cut_silently() {
    let who = Who { user: "u", role: "r", ..Who::default() };
    let mut event = Event::new(0, Action::Read, Purpose::Treatment, who);
    event.objects = vec![Object { row: 1, chart: 1, version: 1, type_code: 1, part: 0 }; OBJECTS_MAX + 1].into();
    assert_eq!(event.encode(), Err(AuditError::TooLong { what: "list of rows", limit: OBJECTS_MAX }));
    assert_eq!(clip("naïve", 3), "na");
}

#[test]
fn debug_output_names_nothing() {
    let who = Who { user: "secret-user", role: "r", ..Who::default() };
    let event = Event::new(0, Action::Read, Purpose::Treatment, who);
    assert!(!format!("{event:?}").contains("secret-user"));
}

#[derive(Debug, Clone)]
struct Draw {
    texts: Vec<String>,
    optional: Vec<Option<String>>,
    address: Option<IpAddr>,
    numbers: (u64, u16, u32, Option<u64>),
    codes: (usize, usize, u8),
    rows: Vec<(u64, u64, u32, u16, u8)>,
}

fn draw() -> impl Strategy<Value = Draw> {
    (
        vec(".{0,20}", 4),
        vec(option::of(".{0,40}"), 8),
        option::of(any::<IpAddr>()),
        (any::<u64>(), any::<u16>(), any::<u32>(), option::of(any::<u64>())),
        (0..Action::ALL.len(), 0..Purpose::ALL.len(), 0u8..3),
        vec((any::<u64>(), 0..5u64, any::<u32>(), 0..3u16, any::<u8>()), 0..40),
    )
        .prop_map(|(texts, optional, address, numbers, codes, rows)| Draw {
            texts,
            optional,
            address,
            numbers,
            codes,
            rows,
        })
}

fn event(draw: &Draw) -> Event<'_> {
    let optional = |i: usize| draw.optional[i].as_deref();
    let rows = draw.rows.iter();
    let rows = rows.map(|&(row, chart, version, type_code, part)| Object { row, chart, version, type_code, part });
    Event {
        time_ms: draw.numbers.0,
        action: Action::ALL[draw.codes.0],
        outcome: match draw.codes.2 {
            0 => Outcome::Success,
            1 => Outcome::Denied { policy: &draw.texts[2] },
            _ => Outcome::Failed { code: draw.numbers.2 },
        },
        purpose: Purpose::ALL[draw.codes.1],
        who: Who { user: &draw.texts[0], role: &draw.texts[1], session: optional(0), on_behalf_of: optional(1) },
        whence: Whence {
            address: draw.address,
            country: optional(2).map(|_| *b"AT"),
            device: optional(3),
            user_agent: optional(4),
            request_id: optional(5),
        },
        objects: rows.collect(),
        search: optional(6).map(|query| Search { type_code: draw.numbers.1, query }),
        count: draw.numbers.3,
        view: optional(7),
        break_glass: optional(2),
        subject: optional(1),
        decisions: draw
            .numbers
            .3
            .map(|count| Decided { key: u128::from(count) << 77, allowed: count % 2 == 0, count: 3 })
            .into_iter()
            .collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn an_event_survives_encoding(draw in draw()) {
        let event = event(&draw);
        let bytes = event.encode().unwrap();
        prop_assert!(Event::decode(&bytes).unwrap() == event);
        for end in 0..bytes.len() {
            prop_assert!(Event::decode(&bytes[..end]).is_err(), "a cut event was accepted");
        }
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(mut bytes in vec(any::<u8>(), 0..200), draw in draw(), at in any::<usize>()) {
        let _ = Event::decode(&bytes);
        bytes = event(&draw).encode().unwrap();
        let at = at % bytes.len();
        bytes[at] = bytes[at].wrapping_add(1);
        let _ = Event::decode(&bytes);
    }
}
