//! How a code reaches the signer: channels behind one trait, tried in order, and left alone for a while when they fail.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use time::{Duration, OffsetDateTime};

use super::wording::Facts;
use crate::domain::{Method, Secret, Signer, TransactionId};
use crate::storage::MessageScope;

/// A code on its way.
#[derive(Debug, Clone)]
pub struct CodeMessage {
    /// Registered number, E.164, or registered address.
    pub to: String,
    pub code: Secret,
    pub facts: Facts,
    pub transaction: TransactionId,
}

/// The message was not handed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message channel does not answer: {0}")]
pub struct ChannelError(pub String);

/// A way to reach a signer's registered destination.
#[async_trait]
pub trait MessageChannel: Send + Sync {
    fn method(&self) -> Method;

    /// Whether messages to this destination may be sent at all: numbers of other countries, for instance, are not.
    fn reaches(&self, to: &str) -> bool {
        let _ = to;
        true
    }

    /// Hands the message over.
    ///
    /// # Errors
    /// [`ChannelError`] when it was surely not accepted.
    async fn send(&self, message: &CodeMessage) -> std::result::Result<(), ChannelError>;
}

/// Failures in a row that open a breaker.
const FAILURES: u32 = 3;
/// How long an open breaker keeps messages away; it doubles while the channel goes on failing.
const PAUSE: Duration = Duration::seconds(30);
const LONGEST_PAUSE: Duration = Duration::minutes(5);

/// Channels in the order they are tried.
#[derive(Clone, Default)]
pub struct Channels(Arc<[Guarded]>);

struct Guarded {
    channel: Arc<dyn MessageChannel>,
    breaker: Mutex<Breaker>,
}

/// Keeps messages away from a channel that fails: each would only make a citizen wait for the next one.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Breaker {
    failures: u32,
    open_until: Option<OffsetDateTime>,
}

impl Breaker {
    /// Whether a message may be tried. After the pause one may: the others wait for how it fares.
    fn admits(&mut self, now: OffsetDateTime) -> bool {
        match self.open_until {
            Some(until) if now < until => false,
            Some(_) => {
                self.open_until = Some(now + PAUSE);
                true
            }
            None => true,
        }
    }

    fn report(&mut self, handed_over: Result<(), ()>, now: OffsetDateTime) {
        if handed_over.is_ok() {
            *self = Self::default();
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if let Some(more) = self.failures.checked_sub(FAILURES) {
            let pause = PAUSE * 2i32.pow(more.min(4));
            self.open_until = Some(now + pause.min(LONGEST_PAUSE));
        }
    }
}

/// A channel that may be tried now, and where it leads for one signer.
pub(super) struct Route<'a> {
    guarded: &'a Guarded,
    pub to: String,
}

impl Route<'_> {
    pub fn method(&self) -> Method {
        self.guarded.channel.method()
    }

    /// Which budget a message counts against: the first five characters of a number, or the domain of an address.
    pub fn scope(&self) -> MessageScope {
        scope(self.method(), &self.to)
    }

    /// Whether the breaker lets a message through now.
    pub fn admits(&self, now: OffsetDateTime) -> bool {
        self.guarded.breaker().admits(now)
    }

    pub async fn send(&self, message: &CodeMessage, now: OffsetDateTime) -> Result<(), ChannelError> {
        let sent = self.guarded.channel.send(message).await;
        self.guarded.breaker().report(sent.as_ref().map(drop).map_err(drop), now);
        sent
    }
}

impl Guarded {
    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channels {
    pub fn new(channels: Vec<Arc<dyn MessageChannel>>) -> Self {
        let guarded = |channel| Guarded { channel, breaker: Mutex::default() };
        Self(channels.into_iter().map(guarded).collect())
    }

    pub fn one(channel: Arc<dyn MessageChannel>) -> Self {
        Self::new(vec![channel])
    }

    /// Ways to the signer's registered destinations, the preferred one first. One that the signer chose goes before.
    pub(super) fn routes(&self, signer: &Signer, chosen: Option<Method>) -> Vec<Route<'_>> {
        let route = |guarded| {
            let to = destination(signer, Guarded::method(guarded))?;
            guarded.channel.reaches(&to).then_some(Route { guarded, to })
        };
        let mut routes: Vec<Route<'_>> = self.0.iter().filter_map(route).collect();
        routes.sort_by_key(|route| Some(route.method()) != chosen);
        routes
    }

    /// Methods by which messages reach the signer, each with the masked destination.
    pub fn offered(&self, signer: &Signer) -> Vec<(Method, String)> {
        let mut offered: Vec<(Method, String)> = Vec::new();
        for route in self.routes(signer, None) {
            if !offered.iter().any(|(method, _)| *method == route.method()) {
                offered.push((route.method(), signer.masked(route.method())));
            }
        }
        offered
    }

    /// # Errors
    /// Names the methods when every channel has failed of late.
    pub fn health(&self, now: OffsetDateTime) -> Result<(), String> {
        let open = |guarded: &&Guarded| guarded.breaker().open_until.is_some_and(|until| until > now);
        let failing: Vec<_> = self.0.iter().filter(open).map(|guarded| guarded.method().name()).collect();
        let all = !self.0.is_empty() && failing.len() == self.0.len();
        if all { Err(format!("no channel takes messages: {}", failing.join(", "))) } else { Ok(()) }
    }
}

impl Guarded {
    fn method(&self) -> Method {
        self.channel.method()
    }
}

fn destination(signer: &Signer, method: Method) -> Option<String> {
    match method {
        Method::Sms => Some(signer.phone.clone()),
        Method::Email => signer.email.clone(),
        Method::Totp | Method::Passkey => None,
    }
}

fn scope(method: Method, to: &str) -> MessageScope {
    let prefix = match to.rsplit_once('@') {
        Some((_, domain)) => domain.to_ascii_lowercase(),
        None => to.chars().take(5).collect(),
    };
    MessageScope { channel: method.name(), prefix }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-01-01 0:00 UTC);

    #[test]
    fn breaker_opens_after_failures_in_a_row_and_lets_one_through_after_its_pause() {
        let mut breaker = Breaker::default();
        breaker.report(Err(()), NOW);
        breaker.report(Err(()), NOW);
        breaker.report(Ok(()), NOW);
        for _ in 0..FAILURES {
            assert!(breaker.admits(NOW));
            breaker.report(Err(()), NOW);
        }
        assert!(!breaker.admits(NOW + Duration::seconds(29)));
        let later = NOW + Duration::seconds(30);
        assert!(breaker.admits(later));
        assert!(!breaker.admits(later), "the others wait for how the first fares");
        breaker.report(Err(()), later);
        assert!(!breaker.admits(later + Duration::seconds(59)), "the pause has doubled");
        let last = later + Duration::seconds(60);
        assert!(breaker.admits(last));
        breaker.report(Ok(()), last);
        assert_eq!(breaker, Breaker::default());
        for _ in 0..40 {
            breaker.report(Err(()), NOW);
        }
        assert!(breaker.admits(NOW + LONGEST_PAUSE));
    }

    #[test]
    fn messages_count_by_prefix_and_by_domain() {
        assert_eq!(scope(Method::Sms, "+84912345678").prefix, "+8491");
        assert_eq!(scope(Method::Email, "An@Example.VN").prefix, "example.vn");
    }
}
