//! Time-stamps from several authorities, tried in order; one that failed is left alone for a while, longer each time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration as StdDuration;

use const_oid::ObjectIdentifier;
use time::{Duration, OffsetDateTime};

use super::fetch::{Authorization, Fetch, FetchError, Limits, Method, Origin, Request};
use crate::formats::tsp::{CheckedToken, TimeStampRequest, TimeStampResponse, TokenRefusal};

/// Largest answer read, in bytes: the parser's own limit.
const MAX_BYTES: usize = 64 * 1024;

/// How long an authority is left alone after its first failure, and at most.
const FIRST_PAUSE: Duration = Duration::seconds(5);
const LONGEST_PAUSE: Duration = Duration::minutes(5);

/// A time-stamping authority of the configuration.
#[derive(Debug, Clone)]
pub struct Tsa {
    pub url: String,
    pub authorization: Option<Authorization>,
    /// Under which policy to ask; `None` leaves it to the authority.
    pub policy: Option<ObjectIdentifier>,
    pub timeout: StdDuration,
}

/// Why one authority gave no usable token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TsaProblem {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Token(#[from] TokenRefusal),
    /// Its chain does not end at an anchor of the configuration; carries the validation's finding.
    #[error("the token's signer is not trusted: {0}")]
    UnknownSigner(String),
    #[error("it failed before, and is not asked again before {0}")]
    Paused(OffsetDateTime),
}

/// No authority gave a token: each with its reason, in the order asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoTimeStamp(pub Vec<(String, TsaProblem)>);

/// A token with where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    checked: CheckedToken,
    authority: String,
}

impl Token {
    pub(super) fn new(checked: CheckedToken, authority: &str) -> Self {
        Self { checked, authority: authority.to_owned() }
    }

    /// The TimeStampToken, DER or BER as received.
    pub fn der(&self) -> &[u8] {
        self.checked.der()
    }

    pub fn gen_time(&self) -> OffsetDateTime {
        self.checked.info().gen_time
    }

    pub fn checked(&self) -> &CheckedToken {
        &self.checked
    }

    /// Address of the authority.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

/// How an authority fared lately.
#[derive(Debug, Clone, Copy, Default)]
struct Record {
    failures: u32,
    until: Option<OffsetDateTime>,
}

/// Which authorities to leave alone.
#[derive(Debug)]
pub(super) struct Breaker(Mutex<Vec<Record>>);

impl Breaker {
    pub fn new(authorities: usize) -> Self {
        Self(Mutex::new(vec![Record::default(); authorities]))
    }

    /// Until when the authority is left alone; `None` when it may be asked. A pause that ends too far ahead stems from a clock that
    /// went back since.
    pub fn paused(&self, index: usize, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let until = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(index)?.until?;
        (now < until && until - now <= LONGEST_PAUSE).then_some(until)
    }

    pub fn failed(&self, index: usize, now: OffsetDateTime) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = records.get_mut(index) {
            let doubled = FIRST_PAUSE * 2i32.pow(record.failures.min(10));
            record.until = Some(now + doubled.min(LONGEST_PAUSE));
            record.failures = record.failures.saturating_add(1);
        }
    }

    pub fn succeeded(&self, index: usize) {
        if let Some(record) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(index) {
            *record = Record::default();
        }
    }
}

/// Asks one authority and holds its answer against the question.
pub(super) async fn ask(
    fetch: &dyn Fetch,
    tsa: &Tsa,
    request: &TimeStampRequest,
    now: impl Fn() -> OffsetDateTime,
    tolerance: Duration,
) -> Result<CheckedToken, TsaProblem> {
    let method = Method::Post { content_type: "application/timestamp-query", body: request.to_der() };
    let question = Request {
        url: tsa.url.clone(),
        method,
        origin: Origin::Operator,
        authorization: tsa.authorization.clone(),
        limits: Limits { bytes: MAX_BYTES, timeout: tsa.timeout },
    };
    let response = TimeStampResponse::parse(&fetch.fetch(&question).await?).map_err(TokenRefusal::from)?;
    Ok(response.check(request, now(), tolerance)?)
}

impl std::fmt::Display for NoTimeStamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no time-stamping authority is configured");
        }
        f.write_str("no time-stamping authority gave a usable token")?;
        for (index, (url, problem)) in self.0.iter().enumerate() {
            write!(f, "{} {url}: {problem}", if index == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl std::error::Error for NoTimeStamp {}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

    #[test]
    fn pauses_grow_end_and_are_forgotten_after_a_success() {
        let breaker = Breaker::new(1);
        assert_eq!(breaker.paused(0, NOW), None);
        for expected in [5, 10, 20, 40, 80, 160, 300, 300] {
            breaker.failed(0, NOW);
            assert_eq!(breaker.paused(0, NOW), Some(NOW + Duration::seconds(expected)));
        }
        assert_eq!(breaker.paused(0, NOW + LONGEST_PAUSE), None);
        assert_eq!(breaker.paused(0, NOW - Duration::days(1)), None, "the clock went back");
        breaker.succeeded(0);
        breaker.failed(0, NOW);
        assert_eq!(breaker.paused(0, NOW), Some(NOW + FIRST_PAUSE));
    }

    #[test]
    fn nothing_configured_is_said_so() {
        assert!(NoTimeStamp(Vec::new()).to_string().contains("configured"));
    }
}
