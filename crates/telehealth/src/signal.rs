//! The words of a visit, version 1: what a client may say, parsed strictly, and what the server answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::turn::IceServer;

pub const VERSION: u64 = 1;
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;
pub const BEAT_MS: i64 = 10_000;
const KEY_CHARS_MAX: usize = 128;
const WORD_CHARS_MAX: usize = 64;
const DETAIL_CHARS_MAX: usize = 200;
pub const MEMBERS_MAX: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The host.
    Clinician,
    Patient,
    Proxy,
    Interpreter,
    Family,
    Guest,
}

impl Role {
    pub fn is_host(self) -> bool {
        self == Self::Clinician
    }

    /// For whom the visit is: their coming and going moves the visit's status.
    pub fn is_visited(self) -> bool {
        matches!(self, Self::Patient | Self::Proxy)
    }
}

/// 16 hex digits, given by the server for one visit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ParticipantId(String);

impl ParticipantId {
    pub fn new(random: [u8; 8]) -> Self {
        Self(format!("{:016x}", u64::from_be_bytes(random)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for ParticipantId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(text))
        } else {
            Err(serde::de::Error::custom("participant id"))
        }
    }
}

/// Public keys of one browser for one visit, base64url. The server passes them on and trusts none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    pub sign: String,
    pub seal: String,
    /// SHA-256 of the nonce that is revealed later.
    pub commit: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaState {
    pub audio: bool,
    pub video: bool,
    pub screen: bool,
    pub modality: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roster {
    pub epoch: u64,
    pub members: Vec<Value>,
    pub signature: String,
}

/// What a client may report for the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    E2eeFailed,
    FingerprintMismatch,
    RosterForged,
    Ghost,
    SasConfirmed,
    SasRefused,
    /// A passkey signed other keys than those that came to the host.
    PasskeyMismatch,
    SwitchedToAudio,
    Reconnected,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum FromClient {
    Hello { ticket: Option<String>, resume: Option<String>, keys: Keys },
    Signal { to: ParticipantId, body: Value },
    Say { r#box: String },
    Beat {},
    Leave {},
    Admit { who: ParticipantId },
    Hold { who: ParticipantId },
    Remove { who: ParticipantId },
    Lock { on: bool },
    End {},
    Roster { epoch: u64, members: Vec<Value>, signature: String },
    State { audio: bool, video: bool, screen: bool, modality: String, reason: Option<String> },
    Event { what: Report, detail: Option<String> },
}

/// Codes of `error`, a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    TooLarge,
    Malformed,
    Version,
    Sequence,
    HelloFirst,
    /// Ticket or resume token: unknown, used, too old, or of somebody who was removed. Which, nobody is told.
    Ticket,
    Locked,
    Full,
    NotHost,
    NotAdmitted,
    /// A visit of high risk, and no passkey vouches for the keys of who is to be let in.
    Risk,
    Absent,
    Epoch,
    Rate,
    Replaced,
    Silent,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Member {
    pub id: ParticipantId,
    pub role: Role,
    pub label: String,
    pub keys: Keys,
    pub admitted: bool,
    /// Their line is gone, and their place is kept: a phone that rings, a page that sleeps.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub away: bool,
}

/// A passkey signed these keys of this participant: `risk::KeysDigest` as text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Vouch {
    pub who: ParticipantId,
    pub keys: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ToClient {
    /// Whether this is a visit of high risk, whether all of what it asks was done, and for whom a passkey vouches.
    Risk {
        high: bool,
        clear: bool,
        vouched: Vec<Vouch>,
    },
    Welcome {
        you: ParticipantId,
        role: Role,
        resume: String,
        ice: Vec<IceServer>,
        relay_only: bool,
        high_risk: bool,
        beat_ms: i64,
        visit: String,
        /// The last number that was heard of whom this place is, on any line before.
        heard: u64,
    },
    /// The answer to each beat: the line lives, and everything up to `heard` was heard.
    Beat {
        heard: u64,
    },
    Waiting {
        place: u16,
        late_minutes: u16,
    },
    /// `epoch` is the last that was relayed, so that a host who refreshed goes on from it.
    Present {
        members: Vec<Member>,
        epoch: u64,
        locked: bool,
    },
    Signal {
        from: ParticipantId,
        body: Value,
    },
    /// `n` rises in the room: a late comer tells what they have already.
    Say {
        from: ParticipantId,
        n: u64,
        r#box: String,
    },
    Roster {
        from: ParticipantId,
        #[serde(flatten)]
        roster: Roster,
    },
    State {
        from: ParticipantId,
        #[serde(flatten)]
        state: MediaState,
    },
    Ice {
        servers: Vec<IceServer>,
    },
    Ended {
        reason: &'static str,
    },
    Removed,
    Error {
        code: Refusal,
    },
}

impl ToClient {
    pub fn text(&self, seq: u64) -> String {
        #[derive(Serialize)]
        struct Envelope<'a> {
            v: u64,
            seq: u64,
            #[serde(flatten)]
            message: &'a ToClient,
        }
        // INVARIANT: maps with text keys, numbers and text: nothing here can fail to serialize.
        serde_json::to_string(&Envelope { v: VERSION, seq, message: self }).unwrap_or_default()
    }
}

#[derive(Debug, PartialEq)]
pub struct Parsed {
    pub seq: u64,
    pub message: FromClient,
}

/// One text message of a client, or why not. `seq` is compared by the room, which knows the last one.
pub fn parse(text: &str) -> Result<Parsed, Refusal> {
    if text.len() > MESSAGE_BYTES_MAX {
        return Err(Refusal::TooLarge);
    }
    let value: Value = serde_json::from_str(text).map_err(|_| Refusal::Malformed)?;
    let Value::Object(mut fields) = value else { return Err(Refusal::Malformed) };
    if fields.remove("v").and_then(|v| v.as_u64()) != Some(VERSION) {
        return Err(Refusal::Version);
    }
    let seq = fields.remove("seq").and_then(|seq| seq.as_u64()).ok_or(Refusal::Sequence)?;
    let message: FromClient = serde_json::from_value(Value::Object(fields)).map_err(|_| Refusal::Malformed)?;
    check(&message)?;
    Ok(Parsed { seq, message })
}

fn check(message: &FromClient) -> Result<(), Refusal> {
    let fits = match message {
        FromClient::Hello { ticket, resume, keys } => {
            ticket.is_some() != resume.is_some()
                && [&keys.sign, &keys.seal, &keys.commit].into_iter().all(|key| is_base64url(key, KEY_CHARS_MAX))
        }
        FromClient::Say { r#box } => !r#box.is_empty() && r#box.bytes().all(|byte| byte.is_ascii_graphic()),
        FromClient::Roster { epoch, members, signature } => {
            *epoch > 0 && members.len() <= MEMBERS_MAX && is_base64url(signature, KEY_CHARS_MAX)
        }
        FromClient::State { modality, reason, .. } => is_word(modality) && reason.as_deref().is_none_or(is_word),
        FromClient::Event { detail, .. } => detail.as_deref().is_none_or(is_detail),
        _ => true,
    };
    if fits { Ok(()) } else { Err(Refusal::Malformed) }
}

fn is_base64url(text: &str, chars_max: usize) -> bool {
    !text.is_empty()
        && text.len() <= chars_max
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn is_word(text: &str) -> bool {
    text.len() <= WORD_CHARS_MAX && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// A code or a count, and perhaps whom it is about; no sentences: it goes into the audit trail.
fn is_detail(text: &str) -> bool {
    text.len() <= DETAIL_CHARS_MAX
        && text.bytes().filter(|byte| *byte == b' ').count() <= 1
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'=' | b'.' | b' '))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_of_the_protocol_is_refused() {
        let cases = [
            (r#"{"v":1,"seq":1,"type":"beat"}"#, None),
            (r#"{"v":2,"seq":1,"type":"beat"}"#, Some(Refusal::Version)),
            (r#"{"seq":1,"type":"beat"}"#, Some(Refusal::Version)),
            (r#"{"v":1,"type":"beat"}"#, Some(Refusal::Sequence)),
            (r#"{"v":1,"seq":-1,"type":"beat"}"#, Some(Refusal::Sequence)),
            (r#"{"v":1,"seq":1,"type":"beat","from":"0011223344556677"}"#, Some(Refusal::Malformed)),
            (r#"{"v":1,"seq":1,"type":"become-host"}"#, Some(Refusal::Malformed)),
            (r#"{"v":1,"seq":1,"type":"admit","who":"../../etc"}"#, Some(Refusal::Malformed)),
            (r#"{"v":1,"seq":1,"type":"event","what":"anything"}"#, Some(Refusal::Malformed)),
            (r#"{"v":1,"seq":1,"type":"event","what":"ghost","detail":"Ana: \n"}"#, Some(Refusal::Malformed)),
            (r#"{"v":1,"seq":1,"type":"hello","keys":{"sign":"a","seal":"b","commit":"c"}}"#, Some(Refusal::Malformed)),
            (r#"[1]"#, Some(Refusal::Malformed)),
        ];
        for (text, refusal) in cases {
            assert_eq!(parse(text).err(), refusal, "{text}");
        }
        assert_eq!(parse(&" ".repeat(MESSAGE_BYTES_MAX + 1)).err(), Some(Refusal::TooLarge));
    }

    #[test]
    fn an_answer_has_version_sequence_type_and_from() {
        let from = ParticipantId::new([0xab; 8]);
        let state = MediaState { audio: true, video: false, screen: false, modality: "video".into(), reason: None };
        let text = ToClient::State { from, state }.text(7);
        let expected = r#"{"v":1,"seq":7,"type":"state","from":"abababababababab","audio":true,"video":false,"screen":false,"modality":"video"}"#;
        assert_eq!(text, expected);
        assert_eq!(ToClient::Removed.text(1), r#"{"v":1,"seq":1,"type":"removed"}"#);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "\\PC{0,300}") {
            let _ = parse(&text);
            let _ = parse(&format!(r#"{{"v":1,"seq":1,"type":"signal","to":"0011223344556677","body":{text}}}"#));
        }
    }
}
