//! Each portal's budget of calls: a bucket that fills steadily, told in `RateLimit-Policy` and `RateLimit`
//! (draft-ietf-httpapi-ratelimit-headers) on every answer to an authenticated call.
//!
//! Kept in this process's memory: a restart fills the buckets, and several processes each have their own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use time::{Duration, OffsetDateTime};

use crate::domain::PortalId;

use super::fault::Fault;
use super::problem;

const WINDOW: Duration = Duration::MINUTE;
/// Buckets kept before full ones, which say nothing, are thrown away.
const KEPT: usize = 10_000;

/// The buckets of all portals. A bucket is the time at which it will be full again (the generic cell rate algorithm).
#[derive(Debug)]
pub struct Budgets {
    per_minute: u32,
    full_at: Mutex<HashMap<PortalId, OffsetDateTime>>,
}

/// What is left after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    per_minute: u32,
    left: u32,
    /// Seconds until the bucket is full, or until the next call when it is empty.
    seconds: u32,
}

/// Where the call that is worked on leaves its standing, for the layer that writes headers.
#[derive(Debug, Clone, Default)]
pub struct Told(Arc<Mutex<Option<Standing>>>);

impl Told {
    fn set(&self, standing: Standing) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(standing);
    }

    /// Writes the two headers, when the call was counted.
    pub fn write(&self, headers: &mut HeaderMap) {
        let Some(standing) = *self.0.lock().unwrap_or_else(PoisonError::into_inner) else { return };
        let Standing { per_minute, left, seconds } = standing;
        let told = [
            ("ratelimit-policy", format!("\"portal\";q={per_minute};w={}", WINDOW.whole_seconds())),
            ("ratelimit", format!("\"portal\";r={left};t={seconds}")),
        ];
        for (name, value) in told {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

impl Budgets {
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute: per_minute.max(1), full_at: Mutex::default() }
    }

    /// Counts one call of a portal.
    ///
    /// # Errors
    /// [`problem::TOO_MANY_CALLS`] with the time to wait.
    pub fn take(&self, portal: &PortalId, now: OffsetDateTime, told: Option<&Told>) -> Result<(), Fault> {
        let a_call = WINDOW / self.per_minute;
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= KEPT {
            buckets.retain(|_, full_at| *full_at > now);
        }
        let full_at = buckets.entry(portal.clone()).or_insert(now);
        // A clock that was set back must not keep a portal out.
        *full_at = (*full_at).clamp(now, now + WINDOW);
        let next = *full_at + a_call;
        let over = next - now - WINDOW;
        let permitted = !over.is_positive();
        if permitted {
            *full_at = next;
        }
        let left = (now + WINDOW - *full_at).whole_nanoseconds() / a_call.whole_nanoseconds().max(1);
        let wait = if permitted { *full_at - now } else { over };
        let seconds = u32::try_from((wait.whole_milliseconds() + 999) / 1000).unwrap_or(u32::MAX);
        let standing = Standing { per_minute: self.per_minute, left: u32::try_from(left).unwrap_or_default(), seconds };
        if let Some(told) = told {
            told.set(standing);
        }
        match permitted {
            true => Ok(()),
            false => Err(Fault::new(&problem::TOO_MANY_CALLS).retry_after(seconds.max(1).into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-06-01 8:00 UTC);

    fn portal(id: &str) -> PortalId {
        PortalId::parse(id).expect("id")
    }

    #[test]
    fn an_empty_bucket_refuses_fills_with_time_and_is_nobody_elses() {
        let budgets = Budgets::new(60);
        let (told, one) = (Told::default(), portal("one"));
        let take = |portal: &PortalId, now| budgets.take(portal, now, Some(&told)).is_ok();
        assert!((0..60).all(|_| take(&one, NOW)) && !take(&one, NOW));
        let mut headers = HeaderMap::new();
        told.write(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"portal\";q=60;w=60");
        assert_eq!(headers["ratelimit"], "\"portal\";r=0;t=1");
        assert!(take(&portal("other"), NOW));
        assert!(take(&one, NOW + Duration::seconds(1)) && !take(&one, NOW + Duration::seconds(1)));
        assert!(!take(&one, NOW - Duration::hours(1)), "a clock that went back fills nothing");
        let later = NOW + Duration::hours(1);
        assert!((0..60).all(|_| take(&one, later)) && !take(&one, later), "never more than a bucket");
    }

    #[test]
    fn full_buckets_are_thrown_away_before_they_are_too_many() {
        let budgets = Budgets::new(60);
        let take = |n: usize, now| budgets.take(&portal(&n.to_string()), now, None).is_ok();
        assert!((0..KEPT).all(|n| take(n, NOW)));
        assert!(take(KEPT, NOW + Duration::MINUTE));
        assert_eq!(budgets.full_at.lock().expect("lock").len(), 1);
    }

    #[test]
    fn uncounted_answers_carry_no_headers() {
        let mut headers = HeaderMap::new();
        Told::default().write(&mut headers);
        assert!(headers.is_empty());
    }
}
