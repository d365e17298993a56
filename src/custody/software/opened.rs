//! The keys opened last, so that a signer who signs often does not pay for decrypting and checking a key each time (some
//! 0.1 ms for RSA).
//!
//! It gives nobody a key: what is found here was opened with exactly the same credential, algorithm, public key and wrapped
//! key, compared byte by byte. A process whose memory is read has lost the key-encryption key already, and with it every
//! key; this makes it no worse. The engine wipes a key's memory when the last user lets it go.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::engine::PrivateKey;
use crate::custody::KeyRef;
use crate::domain::{CredentialId, KeyAlgorithm};

/// A bounded set of opened keys; the one used longest ago makes room.
pub(super) struct OpenedKeys {
    capacity: usize,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    by_credential: HashMap<CredentialId, Opened>,
    /// Counts uses.
    now: u64,
}

struct Opened {
    algorithm: KeyAlgorithm,
    spki: Vec<u8>,
    wrapped: Vec<u8>,
    key: Arc<PrivateKey>,
    used: u64,
}

impl OpenedKeys {
    /// `capacity` 0 keeps nothing.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, keys: Mutex::default() }
    }

    pub fn get(&self, key: &KeyRef<'_>) -> Option<Arc<PrivateKey>> {
        let keys = &mut *self.keys();
        keys.now += 1;
        let opened = keys.by_credential.get_mut(key.credential)?;
        let same = opened.algorithm == key.algorithm && opened.spki == key.spki && opened.wrapped == key.wrapped.0;
        same.then(|| {
            opened.used = keys.now;
            opened.key.clone()
        })
    }

    pub fn put(&self, key: &KeyRef<'_>, private: &Arc<PrivateKey>) {
        if self.capacity == 0 {
            return;
        }
        let keys = &mut *self.keys();
        let full = keys.by_credential.len() >= self.capacity && !keys.by_credential.contains_key(key.credential);
        let oldest = keys.by_credential.iter().min_by_key(|(_, opened)| opened.used).map(|(id, _)| id.clone());
        if let Some(oldest) = oldest.filter(|_| full) {
            keys.by_credential.remove(&oldest);
        }
        let opened = Opened {
            algorithm: key.algorithm,
            spki: key.spki.to_vec(),
            wrapped: key.wrapped.0.clone(),
            key: private.clone(),
            used: keys.now,
        };
        keys.by_credential.insert(key.credential.clone(), opened);
    }

    /// Lets a key go.
    pub fn forget(&self, credential: &CredentialId) {
        self.keys().by_credential.remove(credential);
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        // Entries are put in and taken out whole, so the map is sound even after a panic elsewhere.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::WrappedKey;

    struct Held {
        credential: CredentialId,
        wrapped: WrappedKey,
        spki: Vec<u8>,
    }

    impl Held {
        fn new(name: &str) -> Self {
            let credential = CredentialId::parse(name).expect("id");
            Self { credential, wrapped: WrappedKey(vec![1, 2]), spki: vec![3, 4] }
        }

        fn key(&self) -> KeyRef<'_> {
            KeyRef {
                credential: &self.credential,
                algorithm: KeyAlgorithm::P256,
                wrapped: &self.wrapped,
                spki: &self.spki,
                activation: None,
            }
        }
    }

    fn private() -> Arc<PrivateKey> {
        Arc::new(PrivateKey::generate(KeyAlgorithm::P256).expect("generated"))
    }

    #[test]
    fn a_key_is_found_only_under_everything_it_was_opened_with() {
        let (keys, held, private) = (OpenedKeys::new(2), Held::new("a"), private());
        keys.put(&held.key(), &private);
        assert!(keys.get(&held.key()).is_some_and(|found| Arc::ptr_eq(&found, &private)));
        let (other, changed) = (Held::new("b"), WrappedKey(vec![1, 3]));
        assert!(keys.get(&other.key()).is_none());
        assert!(keys.get(&KeyRef { wrapped: &changed, ..held.key() }).is_none());
        assert!(keys.get(&KeyRef { spki: &[3], ..held.key() }).is_none());
        assert!(keys.get(&KeyRef { algorithm: KeyAlgorithm::P384, ..held.key() }).is_none());
    }

    #[test]
    fn the_key_used_longest_ago_makes_room() {
        let (keys, private) = (OpenedKeys::new(2), private());
        let (a, b, c) = (Held::new("a"), Held::new("b"), Held::new("c"));
        keys.put(&a.key(), &private);
        keys.get(&a.key());
        keys.put(&b.key(), &private);
        keys.get(&b.key());
        keys.get(&a.key());
        keys.put(&c.key(), &private);
        assert!(keys.get(&a.key()).is_some() && keys.get(&c.key()).is_some());
        assert!(keys.get(&b.key()).is_none());
        assert_eq!(Arc::strong_count(&private), 3, "the key that made room is let go");
    }

    #[test]
    fn without_capacity_nothing_is_kept() {
        let (keys, held) = (OpenedKeys::new(0), Held::new("a"));
        keys.put(&held.key(), &private());
        assert!(keys.get(&held.key()).is_none());
    }
}
