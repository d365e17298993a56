//! What was fetched and is still valid, in memory: a restart only costs fetching again.
//!
//! Kept by address and question; an OCSP response until its nextUpdate, a CRL likewise, an authority's certificate for a fixed
//! time, and all no longer than [`CacheLimits::max_age`], so that a fresh revocation is not overlooked for a list's whole life.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use crate::crypto::digest::sha256;

/// Bounds of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheLimits {
    pub entries: usize,
    pub bytes: usize,
    /// Longest time an OCSP response or a CRL is used without asking again.
    pub max_age: Duration,
    /// How long an authority's certificate is used without asking again; it does not change.
    pub certificate_age: Duration,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self { entries: 4_096, bytes: 64 << 20, max_age: Duration::hours(1), certificate_age: Duration::days(1) }
    }
}

/// A memory of answers; shared by reference.
#[derive(Debug)]
pub struct Cache {
    limits: CacheLimits,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    entries: HashMap<Key, Entry>,
    bytes: usize,
}

/// SHA-256 over the address and the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

#[derive(Debug)]
struct Entry {
    bytes: Vec<u8>,
    stored: OffsetDateTime,
    until: OffsetDateTime,
}

impl Key {
    /// `question` is what was sent besides the address; its random parts left out.
    pub fn new(url: &str, question: &[u8]) -> Self {
        Self(sha256(&[url.as_bytes(), &[0], question].concat()))
    }
}

impl Cache {
    pub fn new(limits: CacheLimits) -> Self {
        Self { limits, held: Mutex::default() }
    }

    pub fn limits(&self) -> &CacheLimits {
        &self.limits
    }

    /// What is kept and valid at `now`. A clock that went back makes nothing valid again.
    pub fn get(&self, key: Key, now: OffsetDateTime) -> Option<Vec<u8>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = held.entries.get(&key).filter(|entry| entry.stored <= now && now < entry.until);
        entry.map(|entry| entry.bytes.clone())
    }

    /// Keeps `bytes` until a time; what is closest to its end gives way.
    pub fn put(&self, key: Key, bytes: &[u8], now: OffsetDateTime, until: OffsetDateTime) {
        if until <= now || bytes.len() > self.limits.bytes || self.limits.entries == 0 {
            return;
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.remove(key);
        while held.entries.len() >= self.limits.entries || held.bytes.saturating_add(bytes.len()) > self.limits.bytes {
            let Some(first) = held.entries.iter().min_by_key(|(_, entry)| entry.until).map(|(key, _)| *key) else {
                return;
            };
            held.remove(first);
        }
        held.bytes = held.bytes.saturating_add(bytes.len());
        held.entries.insert(key, Entry { bytes: bytes.to_vec(), stored: now, until });
    }

    /// Forgets what turned out to be of no use.
    pub fn forget(&self, key: Key) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

impl Held {
    fn remove(&mut self, key: Key) {
        if let Some(entry) = self.entries.remove(&key) {
            self.bytes = self.bytes.saturating_sub(entry.bytes.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);
    const HOUR: Duration = Duration::hours(1);

    #[test]
    fn entry_ends_with_its_validity_and_with_a_clock_that_goes_back() {
        let cache = Cache::new(CacheLimits::default());
        let key = Key::new("http://ca/ocsp", b"question");
        cache.put(key, b"answer", NOW, NOW + HOUR);
        assert_eq!(cache.get(key, NOW), Some(b"answer".to_vec()));
        assert_eq!(cache.get(key, NOW + HOUR), None);
        assert_eq!(cache.get(key, NOW - HOUR), None);
        assert_eq!(cache.get(Key::new("http://ca/ocsp", b"other"), NOW), None);
        cache.forget(key);
        assert_eq!(cache.get(key, NOW), None);
    }

    #[test]
    fn cache_stays_within_its_count_and_its_bytes() {
        let key = |n: u8| Key::new("http://ca", &[n]);
        let limits = CacheLimits { entries: 2, bytes: 10, ..CacheLimits::default() };
        let cache = Cache::new(limits);
        cache.put(key(1), b"1111", NOW, NOW + HOUR * 3);
        cache.put(key(2), b"2222", NOW, NOW + HOUR);
        cache.put(key(3), b"3333", NOW, NOW + HOUR * 2);
        assert_eq!(cache.get(key(2), NOW), None, "the one closest to its end gave way");
        cache.put(key(4), b"44444444", NOW, NOW + HOUR * 4);
        let left: Vec<u8> = (1..=4).filter(|n| cache.get(key(*n), NOW).is_some()).collect();
        assert_eq!(left, [4]);
        cache.put(key(5), &[5; 11], NOW, NOW + HOUR);
        assert_eq!(cache.get(key(5), NOW), None);
    }
}
