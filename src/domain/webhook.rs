//! Webhooks after the Standard Webhooks specification: what is told, how it is signed, when it is tried again.
//!
//! A message is thin: it names a request and its state, never a document. The signature is HMAC-SHA256 over
//! `{webhook-id}.{webhook-timestamp}.{body}`, written `v1,{base64}`; while a secret is replaced two signatures stand side by side.

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use sha2::Sha256;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::ids::{CredentialId, PortalId, TransactionId, WebhookId};
use super::secret::Secret;
use super::transaction::StateKind;
use crate::crypto::DigestAlgorithm;
use crate::formats::level::Baseline;

/// Bytes of a signing secret. The specification allows 24 to 64.
pub const SECRET_BYTES: usize = 32;
/// What secrets begin with, so that a leaked one is recognised.
const SECRET_PREFIX: &str = "whsec_";
/// How far a message's time may be off before a receiver refuses it.
pub const TOLERANCE: Duration = Duration::minutes(5);
/// How long the old secret signs beside the new one.
pub const ROTATION: Duration = Duration::hours(24);
/// Waits between the ten tries: 75 hours and 35 minutes together (the schedule of the specification).
const WAITS: [Duration; 9] = [
    Duration::seconds(5),
    Duration::minutes(5),
    Duration::minutes(30),
    Duration::hours(2),
    Duration::hours(5),
    Duration::hours(10),
    Duration::hours(14),
    Duration::hours(20),
    Duration::hours(24),
];
/// Tries before a message is put aside.
pub const TRIES: u32 = 10;
/// A receiver may ask for a later try, within reason.
const LONGEST_WAIT: Duration = Duration::hours(24);

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// Every signer has signed; the documents can be fetched.
    RequestSigned,
    RequestRefused,
    RequestExpired,
    /// Also when the portal cancelled it.
    RequestFailed,
    /// One of several signers has signed, and others have not yet.
    SignerSigned,
    /// A document released below its level has reached a higher one: fetch it again.
    DocumentRaised,
    /// Nothing: the address is tried out.
    Ping,
}

impl EventKind {
    pub const ALL: [Self; 7] = [
        Self::RequestSigned,
        Self::RequestRefused,
        Self::RequestExpired,
        Self::RequestFailed,
        Self::SignerSigned,
        Self::DocumentRaised,
        Self::Ping,
    ];

    /// The member `type` of a message.
    pub fn name(self) -> &'static str {
        match self {
            Self::RequestSigned => "request.signed",
            Self::RequestRefused => "request.refused",
            Self::RequestExpired => "request.expired",
            Self::RequestFailed => "request.failed",
            Self::SignerSigned => "signer.signed",
            Self::DocumentRaised => "document.raised",
            Self::Ping => "webhook.ping",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What a request's portal is told when it enters this state.
    pub fn of_state(state: StateKind) -> Option<Self> {
        match state {
            StateKind::Signed => Some(Self::RequestSigned),
            StateKind::Refused => Some(Self::RequestRefused),
            StateKind::Expired => Some(Self::RequestExpired),
            StateKind::Failed => Some(Self::RequestFailed),
            StateKind::Waiting | StateKind::Confirmed | StateKind::Signing => None,
        }
    }
}

/// The id of an event: the same whenever the same thing is told, so that a receiver recognises what it has seen.
pub fn event_id(kind: EventKind, transaction: &TransactionId, what: &str) -> String {
    let parts = [b"kyso event v1\n".as_slice(), kind.name().as_bytes(), b"\n", transaction.as_str().as_bytes(), b"\n"];
    let digest = DigestAlgorithm::Sha256.digest_parts(&[&parts.concat(), what.as_bytes()]);
    format!("evt_{}", digest.to_hex().get(..32).unwrap_or_default())
}

/// A portal's address for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    pub portal: PortalId,
    pub url: String,
    /// What it is told; everything when empty.
    pub events: Vec<EventKind>,
    pub state: WebhookState,
    /// Sealed by the service.
    pub secret: String,
    /// The secret before, and until when it signs too.
    pub old_secret: Option<(String, OffsetDateTime)>,
    pub created_at: OffsetDateTime,
}

/// Whether messages are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookState {
    /// Only pings are, until one is accepted: nobody is told of requests, or sent many messages, by a slip of the pen.
    Unverified,
    Active,
    /// The receiver answered 410 Gone, or the operator stopped it.
    Disabled,
}

impl WebhookState {
    pub const ALL: [Self; 3] = [Self::Unverified, Self::Active, Self::Disabled];

    pub fn name(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What a message says of a request: ids, states and levels, no names and no contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    pub request_id: TransactionId,
    /// The request's state as its portal sees it.
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<&'static str>,
    pub documents: Vec<ToldDocument>,
    /// Only when there are several signers, in the portal's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<ToldSigner>,
}

/// A document, numbered from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToldDocument {
    pub number: u32,
    /// The level its (newest) signature has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Baseline>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToldSigner {
    pub credential: CredentialId,
    pub state: &'static str,
}

/// The body of a message.
///
/// ```json
/// {"type":"request.signed","timestamp":"2026-06-01T08:00:00Z","sequence":7,
///  "data":{"request_id":"…","state":"signed","documents":[{"number":1,"level":"B-LTA"}]}}
/// ```
pub fn body(kind: EventKind, at: OffsetDateTime, sequence: u64, told: Option<&Told>) -> String {
    let timestamp = at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default();
    let data = told.map_or_else(|| serde_json::json!({}), |told| serde_json::json!(told));
    serde_json::json!({"type": kind.name(), "timestamp": timestamp, "sequence": sequence, "data": data}).to_string()
}

/// The key two sides share, as `whsec_` and base64.
#[derive(Debug, Clone)]
pub struct WebhookSecret(Secret);

/// Why a message is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAuthentic {
    #[error("the secret is not whsec_ followed by the base64 of 24 to 64 bytes")]
    Secret,
    #[error("the header webhook-timestamp is not a time")]
    Timestamp,
    #[error("the message is more than five minutes old, or from the future")]
    Stale,
    #[error("no signature of the header webhook-signature fits")]
    Signature,
}

impl WebhookSecret {
    pub fn new(key: &[u8; SECRET_BYTES]) -> Self {
        Self(Secret::new(format!("{SECRET_PREFIX}{}", Base64::encode_string(key))))
    }

    /// # Errors
    /// [`NotAuthentic::Secret`].
    pub fn parse(text: &str) -> Result<Self, NotAuthentic> {
        let secret = Self(Secret::new(text));
        secret.key().map(|_| secret)
    }

    pub fn text(&self) -> &Secret {
        &self.0
    }

    /// One entry of the header `webhook-signature`.
    ///
    /// # Errors
    /// [`NotAuthentic::Secret`].
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> Result<String, NotAuthentic> {
        Ok(format!("v1,{}", Base64::encode_string(&self.mac(id, timestamp, body)?.finalize().into_bytes())))
    }

    /// Checks a message as it was received: three headers and the body's very bytes.
    ///
    /// # Errors
    /// [`NotAuthentic`].
    pub fn verify(
        &self,
        (id, timestamp, signatures): (&str, &str, &str),
        body: &[u8],
        now: OffsetDateTime,
    ) -> Result<(), NotAuthentic> {
        let seconds: i64 = timestamp.parse().map_err(|_| NotAuthentic::Timestamp)?;
        if (now.unix_timestamp() - seconds).unsigned_abs() > TOLERANCE.whole_seconds().unsigned_abs() {
            return Err(NotAuthentic::Stale);
        }
        let mac = self.mac(id, seconds, body)?;
        let values = signatures.split(' ').filter_map(|entry| entry.strip_prefix("v1,"));
        let fits = |value: &str| Base64::decode_vec(value).is_ok_and(|bytes| mac.clone().verify_slice(&bytes).is_ok());
        if values.take(10).any(fits) { Ok(()) } else { Err(NotAuthentic::Signature) }
    }

    fn key(&self) -> Result<zeroize::Zeroizing<Vec<u8>>, NotAuthentic> {
        let encoded = self.0.expose().strip_prefix(SECRET_PREFIX).ok_or(NotAuthentic::Secret)?;
        let key = Base64::decode_vec(encoded).map_err(|_| NotAuthentic::Secret)?;
        if (24..=64).contains(&key.len()) { Ok(key.into()) } else { Err(NotAuthentic::Secret) }
    }

    fn mac(&self, id: &str, timestamp: i64, body: &[u8]) -> Result<Hmac<Sha256>, NotAuthentic> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key()?).map_err(|_| NotAuthentic::Secret)?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        Ok(mac)
    }
}

/// When a message is tried again after `failed` tries; `None` when it has had its last. `random` spreads the tries of many
/// messages, a tenth of the wait to either side; `asked` is the receiver's `Retry-After`.
pub fn next_try(failed: u32, asked: Option<Duration>, random: u8, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let index = usize::try_from(failed.checked_sub(1)?).ok()?;
    let wait = *WAITS.get(index)?;
    let spread = wait * (f64::from(random) / 255.0 * 0.2 - 0.1);
    let wait = (wait + spread).max(asked.unwrap_or_default().min(LONGEST_WAIT));
    Some(now + wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2021-02-25 9:58:35 UTC);

    /// The example of the specification's reference libraries.
    #[test]
    fn the_specifications_vector_is_signed_alike() {
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", br#"{"test": 2432232314}"#);
        let made = secret.sign(id, 1_614_265_330, body).expect("signed");
        assert_eq!(made, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let now = OffsetDateTime::from_unix_timestamp(1_614_265_330).expect("a time");
        let headers = (id, "1614265330", made.as_str());
        assert_eq!(secret.verify(headers, body, now), Ok(()));
        let two = format!("v1,AAAA v1a,x {made}");
        assert_eq!(secret.verify((id, "1614265330", &two), body, now), Ok(()), "the old secret beside the new");
    }

    #[test]
    fn changed_old_and_foreign_messages_are_refused() {
        let secret = WebhookSecret::new(&[7; SECRET_BYTES]);
        let made = secret.sign("evt_1", NOW.unix_timestamp(), b"{}").expect("signed");
        let stamp = NOW.unix_timestamp().to_string();
        let check = |id, stamp, signature, body: &[u8], now| secret.verify((id, stamp, signature), body, now);
        assert_eq!(check("evt_1", &stamp, &made, b"{}", NOW), Ok(()));
        for (id, body) in [("evt_2", b"{}".as_slice()), ("evt_1", b"{ }")] {
            assert_eq!(check(id, &stamp, &made, body, NOW), Err(NotAuthentic::Signature));
        }
        for late in [Duration::minutes(6), -Duration::minutes(6)] {
            assert_eq!(check("evt_1", &stamp, &made, b"{}", NOW + late), Err(NotAuthentic::Stale));
        }
        assert_eq!(check("evt_1", "soon", &made, b"{}", NOW), Err(NotAuthentic::Timestamp));
        let other = WebhookSecret::new(&[8; SECRET_BYTES]);
        assert_eq!(other.verify(("evt_1", &stamp, &made), b"{}", NOW), Err(NotAuthentic::Signature));
        for bad in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(WebhookSecret::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ten_tries_take_seventy_five_hours_and_then_it_is_over() {
        let mut at = NOW;
        let mut tries = 1;
        while let Some(next) = next_try(tries, None, 127, at) {
            assert!(next > at);
            (at, tries) = (next, tries + 1);
        }
        assert_eq!(tries, TRIES);
        assert!((Duration::hours(75)..Duration::hours(77)).contains(&(at - NOW)), "{}", at - NOW);
    }

    #[test]
    fn tries_are_spread_and_a_receiver_may_ask_for_later_within_a_day() {
        let wait = |asked, random| next_try(2, asked, random, NOW).expect("a try") - NOW;
        assert!(wait(None, 0) < wait(None, 255) && wait(None, 0) >= Duration::seconds(269));
        assert_eq!(wait(Some(Duration::hours(1)), 0), Duration::hours(1));
        assert_eq!(wait(Some(Duration::days(400)), 0), LONGEST_WAIT);
    }

    #[test]
    fn an_event_has_one_id_and_no_two_share_it() {
        let id = TransactionId::parse("t1").expect("id");
        let one = event_id(EventKind::RequestSigned, &id, "");
        assert_eq!(one, event_id(EventKind::RequestSigned, &id, ""));
        assert_ne!(one, event_id(EventKind::RequestFailed, &id, ""));
        assert_ne!(one, event_id(EventKind::RequestSigned, &id, "1"));
        assert!(EventKind::ALL.into_iter().all(|kind| EventKind::from_name(kind.name()) == Some(kind)));
    }
}
