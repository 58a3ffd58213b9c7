//! The compact binary form of an event (version 1): fixed fields, a set of flags, what the flags announce, the rows.
//! A row that follows a row of the same chart and type costs two or three bytes.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::AuditError;
use crate::codec::{Reader, put_delta, put_text, put_varint};
use crate::event::{Action, Decided, Event, Object, Outcome, Purpose, Search, Whence, Who};

/// Ids, roles, views, policy names, request ids.
pub const TEXT_BYTES_MAX: usize = 512;
/// Queries, break-glass reasons, user agents.
pub const LONG_TEXT_BYTES_MAX: usize = 16 * 1024;
/// Rows named by one event: more are several events.
pub const OBJECTS_MAX: usize = 10_000;
/// Distinct decisions of one event; those beyond are not kept.
pub const DECISIONS_MAX: usize = 64;
/// No event encodes to more than this: rows cost at most 26 bytes.
pub const DETAIL_BYTES_MAX: usize = 512 * 1024;

const EVENT_VERSION: u8 = 1;

const OUTCOME_SUCCESS: u8 = 0;
const OUTCOME_DENIED: u8 = 1;
const OUTCOME_FAILED: u8 = 2;

const HAS_SESSION: u16 = 1;
const HAS_ON_BEHALF_OF: u16 = 1 << 1;
const HAS_ADDRESS_4: u16 = 1 << 2;
const HAS_ADDRESS_6: u16 = 1 << 3;
const HAS_COUNTRY: u16 = 1 << 4;
const HAS_DEVICE: u16 = 1 << 5;
const HAS_USER_AGENT: u16 = 1 << 6;
const HAS_REQUEST_ID: u16 = 1 << 7;
const HAS_SEARCH: u16 = 1 << 8;
const HAS_COUNT: u16 = 1 << 9;
const HAS_VIEW: u16 = 1 << 10;
const HAS_BREAK_GLASS: u16 = 1 << 11;
const HAS_SUBJECT: u16 = 1 << 12;
const HAS_OBJECTS: u16 = 1 << 13;
const HAS_DECISIONS: u16 = 1 << 14;
const FLAGS_KNOWN: u16 = (1 << 15) - 1;

const ROW_CHART: u8 = 1;
const ROW_TYPE: u8 = 2;
const ROW_VERSION: u8 = 4;
const ROW_PART: u8 = 8;

impl<'a> Event<'a> {
    pub fn encode(&self) -> Result<Vec<u8>, AuditError> {
        let mut out = Vec::with_capacity(192 + 4 * self.objects.len());
        self.encode_into(&mut out)?;
        Ok(out)
    }

    /// Appends the encoding. On an error `out` holds a part of it and must be cut back by the caller.
    pub fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), AuditError> {
        out.extend_from_slice(&[EVENT_VERSION, self.action as u8, self.purpose as u8]);
        put_varint(out, self.time_ms);
        match self.outcome {
            Outcome::Success => out.push(OUTCOME_SUCCESS),
            Outcome::Denied { policy } => {
                out.push(OUTCOME_DENIED);
                put_text(out, "policy", policy, TEXT_BYTES_MAX)?;
            }
            Outcome::Failed { code } => {
                out.push(OUTCOME_FAILED);
                put_varint(out, code.into());
            }
        }
        out.extend_from_slice(&self.flags().to_be_bytes());
        put_text(out, "user", self.who.user, TEXT_BYTES_MAX)?;
        put_text(out, "role", self.who.role, TEXT_BYTES_MAX)?;
        put_optional(out, "session", self.who.session, TEXT_BYTES_MAX)?;
        put_optional(out, "on behalf of", self.who.on_behalf_of, TEXT_BYTES_MAX)?;
        match self.whence.address {
            Some(IpAddr::V4(address)) => out.extend_from_slice(&address.octets()),
            Some(IpAddr::V6(address)) => out.extend_from_slice(&address.octets()),
            None => {}
        }
        if let Some(country) = self.whence.country {
            out.extend_from_slice(&country);
        }
        put_optional(out, "device", self.whence.device, TEXT_BYTES_MAX)?;
        put_optional(out, "user agent", self.whence.user_agent, LONG_TEXT_BYTES_MAX)?;
        put_optional(out, "request id", self.whence.request_id, TEXT_BYTES_MAX)?;
        if let Some(search) = self.search {
            put_varint(out, search.type_code.into());
            put_text(out, "query", search.query, LONG_TEXT_BYTES_MAX)?;
        }
        if let Some(count) = self.count {
            put_varint(out, count);
        }
        put_optional(out, "view", self.view, TEXT_BYTES_MAX)?;
        put_optional(out, "break-glass reason", self.break_glass, LONG_TEXT_BYTES_MAX)?;
        put_optional(out, "subject", self.subject, TEXT_BYTES_MAX)?;
        if !self.objects.is_empty() {
            put_objects(out, &self.objects)?;
        }
        if !self.decisions.is_empty() {
            put_decisions(out, &self.decisions)?;
        }
        Ok(())
    }

    pub fn decode(bytes: &'a [u8]) -> Result<Self, AuditError> {
        let mut reader = Reader::new("event", bytes);
        let version = reader.u8()?;
        if version != EVENT_VERSION {
            return Err(AuditError::Unknown { what: "event version", found: version.into() });
        }
        let action = Action::from_code(reader.u8()?)?;
        let purpose = Purpose::from_code(reader.u8()?)?;
        let time_ms = reader.varint()?;
        let outcome = take_outcome(&mut reader)?;
        let flags = u16::from_be_bytes(reader.array()?);
        if flags & !FLAGS_KNOWN != 0 || flags & HAS_ADDRESS_4 != 0 && flags & HAS_ADDRESS_6 != 0 {
            return Err(AuditError::Malformed("event"));
        }
        let has = |flag| flags & flag != 0;
        let who = Who {
            user: reader.text("user", TEXT_BYTES_MAX)?,
            role: reader.text("role", TEXT_BYTES_MAX)?,
            session: take_optional(&mut reader, has(HAS_SESSION), TEXT_BYTES_MAX)?,
            on_behalf_of: take_optional(&mut reader, has(HAS_ON_BEHALF_OF), TEXT_BYTES_MAX)?,
        };
        let address = if has(HAS_ADDRESS_4) {
            Some(IpAddr::from(reader.array::<4>()?))
        } else if has(HAS_ADDRESS_6) {
            Some(IpAddr::from(reader.array::<16>()?))
        } else {
            None
        };
        let whence = Whence {
            address,
            country: if has(HAS_COUNTRY) { Some(reader.array()?) } else { None },
            device: take_optional(&mut reader, has(HAS_DEVICE), TEXT_BYTES_MAX)?,
            user_agent: take_optional(&mut reader, has(HAS_USER_AGENT), LONG_TEXT_BYTES_MAX)?,
            request_id: take_optional(&mut reader, has(HAS_REQUEST_ID), TEXT_BYTES_MAX)?,
        };
        let search = if has(HAS_SEARCH) {
            Some(Search { type_code: narrow(reader.varint()?)?, query: reader.text("query", LONG_TEXT_BYTES_MAX)? })
        } else {
            None
        };
        let event = Event {
            time_ms,
            action,
            outcome,
            purpose,
            who,
            whence,
            search,
            count: if has(HAS_COUNT) { Some(reader.varint()?) } else { None },
            view: take_optional(&mut reader, has(HAS_VIEW), TEXT_BYTES_MAX)?,
            break_glass: take_optional(&mut reader, has(HAS_BREAK_GLASS), LONG_TEXT_BYTES_MAX)?,
            subject: take_optional(&mut reader, has(HAS_SUBJECT), TEXT_BYTES_MAX)?,
            objects: Cow::Owned(if has(HAS_OBJECTS) { take_objects(&mut reader)? } else { Vec::new() }),
            decisions: Cow::Owned(if has(HAS_DECISIONS) { take_decisions(&mut reader)? } else { Vec::new() }),
        };
        reader.end()?;
        Ok(event)
    }

    fn flags(&self) -> u16 {
        let mut flags = match self.whence.address {
            Some(IpAddr::V4(_)) => HAS_ADDRESS_4,
            Some(IpAddr::V6(_)) => HAS_ADDRESS_6,
            None => 0,
        };
        for (present, flag) in [
            (self.who.session.is_some(), HAS_SESSION),
            (self.who.on_behalf_of.is_some(), HAS_ON_BEHALF_OF),
            (self.whence.country.is_some(), HAS_COUNTRY),
            (self.whence.device.is_some(), HAS_DEVICE),
            (self.whence.user_agent.is_some(), HAS_USER_AGENT),
            (self.whence.request_id.is_some(), HAS_REQUEST_ID),
            (self.search.is_some(), HAS_SEARCH),
            (self.count.is_some(), HAS_COUNT),
            (self.view.is_some(), HAS_VIEW),
            (self.break_glass.is_some(), HAS_BREAK_GLASS),
            (self.subject.is_some(), HAS_SUBJECT),
            (!self.objects.is_empty(), HAS_OBJECTS),
            (!self.decisions.is_empty(), HAS_DECISIONS),
        ] {
            if present {
                flags |= flag;
            }
        }
        flags
    }
}

/// The front of a text that fits, cut between characters: for what a client sends (user agents, request ids).
pub fn clip(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

fn put_optional(out: &mut Vec<u8>, what: &'static str, text: Option<&str>, limit: usize) -> Result<(), AuditError> {
    match text {
        Some(text) => put_text(out, what, text, limit),
        None => Ok(()),
    }
}

fn take_optional<'a>(reader: &mut Reader<'a>, present: bool, limit: usize) -> Result<Option<&'a str>, AuditError> {
    if present { reader.text("event text", limit).map(Some) } else { Ok(None) }
}

fn take_outcome<'a>(reader: &mut Reader<'a>) -> Result<Outcome<'a>, AuditError> {
    match reader.u8()? {
        OUTCOME_SUCCESS => Ok(Outcome::Success),
        OUTCOME_DENIED => Ok(Outcome::Denied { policy: reader.text("policy", TEXT_BYTES_MAX)? }),
        OUTCOME_FAILED => Ok(Outcome::Failed { code: narrow(reader.varint()?)? }),
        found => Err(AuditError::Unknown { what: "outcome", found: found.into() }),
    }
}

fn put_objects(out: &mut Vec<u8>, objects: &[Object]) -> Result<(), AuditError> {
    if objects.len() > OBJECTS_MAX {
        return Err(AuditError::TooLong { what: "list of rows", limit: OBJECTS_MAX });
    }
    put_varint(out, objects.len() as u64);
    let mut last = FIRST;
    for object in objects {
        let mut fields = 0;
        for (differs, field) in [
            (object.chart != last.chart, ROW_CHART),
            (object.type_code != last.type_code, ROW_TYPE),
            (object.version != 1, ROW_VERSION),
            (object.part != 0, ROW_PART),
        ] {
            if differs {
                fields |= field;
            }
        }
        out.push(fields);
        put_delta(out, last.row, object.row);
        if fields & ROW_CHART != 0 {
            put_delta(out, last.chart, object.chart);
        }
        if fields & ROW_TYPE != 0 {
            put_varint(out, object.type_code.into());
        }
        if fields & ROW_VERSION != 0 {
            put_varint(out, object.version.into());
        }
        if fields & ROW_PART != 0 {
            out.push(object.part);
        }
        last = *object;
    }
    Ok(())
}

fn take_objects(reader: &mut Reader<'_>) -> Result<Vec<Object>, AuditError> {
    let count = reader.varint()?;
    if count == 0 || count > OBJECTS_MAX as u64 {
        return Err(AuditError::Malformed("list of rows"));
    }
    let mut objects = Vec::with_capacity(count as usize);
    let mut last = FIRST;
    for _ in 0..count {
        let fields = reader.u8()?;
        if fields & !(ROW_CHART | ROW_TYPE | ROW_VERSION | ROW_PART) != 0 {
            return Err(AuditError::Malformed("list of rows"));
        }
        let object = Object {
            row: reader.delta(last.row)?,
            chart: if fields & ROW_CHART != 0 { reader.delta(last.chart)? } else { last.chart },
            type_code: if fields & ROW_TYPE != 0 { narrow(reader.varint()?)? } else { last.type_code },
            version: if fields & ROW_VERSION != 0 { narrow(reader.varint()?)? } else { 1 },
            part: if fields & ROW_PART != 0 { reader.u8()? } else { 0 },
        };
        objects.push(object);
        last = object;
    }
    Ok(objects)
}

fn put_decisions(out: &mut Vec<u8>, decisions: &[Decided]) -> Result<(), AuditError> {
    if decisions.len() > DECISIONS_MAX {
        return Err(AuditError::TooLong { what: "list of decisions", limit: DECISIONS_MAX });
    }
    put_varint(out, decisions.len() as u64);
    for decided in decisions {
        out.extend_from_slice(&decided.key.to_be_bytes());
        out.push(u8::from(decided.allowed));
        put_varint(out, decided.count.into());
    }
    Ok(())
}

fn take_decisions(reader: &mut Reader<'_>) -> Result<Vec<Decided>, AuditError> {
    let count = reader.varint()?;
    if count == 0 || count > DECISIONS_MAX as u64 {
        return Err(AuditError::Malformed("list of decisions"));
    }
    (0..count)
        .map(|_| {
            let key = u128::from_be_bytes(reader.array()?);
            let allowed = match reader.u8()? {
                0 => false,
                1 => true,
                _ => return Err(AuditError::Malformed("list of decisions")),
            };
            Ok(Decided { key, allowed, count: narrow(reader.varint()?)? })
        })
        .collect()
}

const FIRST: Object = Object { row: 0, chart: 0, version: 1, type_code: 0, part: 0 };

fn narrow<T: TryFrom<u64>>(value: u64) -> Result<T, AuditError> {
    T::try_from(value).map_err(|_| AuditError::Malformed("event number"))
}
