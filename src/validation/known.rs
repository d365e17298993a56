//! Issuer signatures that have been checked already: authorities and revocation lists are the same for every file of a run.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::crypto::{DigestAlgorithm, PublicKey};
use crate::formats::crl::CertificateList;
use crate::formats::ocsp::OcspResponse;
use crate::formats::x509::Certificate;

/// Most signatures remembered: the authorities of every hierarchy in use, in some hundred kilobytes. As many refusals: the
/// material of a hostile document is tried for each of its signatures and time-stamps.
const MAX_KNOWN: usize = 4_096;

/// What the issuer signatures of one file may cost, in checks of RSA-2048 or P-256; some 0.15 ms each. A contract with fifty
/// signatures of as many authorities, each with time-stamp and revocation data, takes some six hundred; what is remembered is free.
const EFFORT: u32 = 4_096;

/// A memory that clones share. It only saves work: what it answers is what checking again would answer, and it holds nothing
/// but SHA-256 hashes over the whole signed object and the whole key.
#[derive(Debug, Clone)]
pub struct KnownSignatures {
    memory: Arc<Mutex<Memory>>,
    effort_left: Arc<AtomicU32>,
}

impl Default for KnownSignatures {
    fn default() -> Self {
        Self { memory: Arc::default(), effort_left: Arc::new(AtomicU32::new(EFFORT)) }
    }
}

#[derive(Debug, Default)]
struct Memory {
    good: HashSet<[u8; 32]>,
    /// Starts anew when it is full: bad signatures are as many as somebody cares to make.
    bad: HashSet<[u8; 32]>,
}

impl Memory {
    fn answer(&self, name: &[u8; 32]) -> Option<bool> {
        if self.good.contains(name) { Some(true) } else { self.bad.contains(name).then_some(false) }
    }

    fn note(&mut self, name: [u8; 32], verified: bool) {
        if !verified && self.bad.len() >= MAX_KNOWN {
            self.bad.clear();
        }
        if !verified {
            self.bad.insert(name);
        } else if self.good.len() < MAX_KNOWN {
            self.good.insert(name);
        }
    }
}

impl KnownSignatures {
    /// The same memory, with the effort of a new file.
    #[must_use]
    pub fn for_one_file(&self) -> Self {
        Self { memory: Arc::clone(&self.memory), ..Self::default() }
    }

    /// How many checks a file may cost, once it cost them: from then on no further signature is found good, and nothing that is
    /// judged may pass.
    pub fn exhausted(&self) -> Option<u32> {
        (self.effort_left.load(Ordering::Relaxed) == 0).then_some(EFFORT)
    }

    /// Whether `issuer`'s key signed the certificate. Only authorities are remembered: signers are too many, and seldom return.
    pub fn issued(&self, certificate: &Certificate, issuer: &Certificate) -> bool {
        let verify = || self.verify(issuer, |key| certificate.verify_issued_with(key).is_ok());
        let authority = certificate.extensions().basic_constraints.is_some_and(|constraints| constraints.ca);
        if authority { self.check(certificate.der(), issuer, verify) } else { verify() }
    }

    /// Whether `issuer`'s key signed the list.
    pub fn listed(&self, crl: &CertificateList, issuer: &Certificate) -> bool {
        self.check(crl.der(), issuer, || self.verify(issuer, |key| crl.verify_issued_with(key).is_ok()))
    }

    /// Whether `responder`'s key signed the response.
    pub fn answered(&self, ocsp: &OcspResponse, responder: &Certificate) -> bool {
        self.check(ocsp.der(), responder, || self.verify(responder, |key| ocsp.verify_issued_with(key).is_ok()))
    }

    /// Checks a value with the issuer's key, if the file's effort still allows it.
    fn verify(&self, issuer: &Certificate, signed: impl FnOnce(&PublicKey) -> bool) -> bool {
        // Told first: reading keys is no free work either.
        let Some(key) = self.exhausted().is_none().then(|| issuer.public_key().ok()).flatten() else { return false };
        let cost = cost(&key);
        let take = |left: u32| Some(left.saturating_sub(cost));
        let left = self.effort_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).unwrap_or(0);
        left > cost && signed(&key)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, signed: &[u8], issuer: &Certificate, verify: impl FnOnce() -> bool) -> bool {
        let Some(name) = name(signed, issuer.spki_der()) else { return verify() };
        if let Some(known) = self.memory().answer(&name) {
            return known;
        }
        let verified = verify();
        // What was not checked any more must not be remembered as bad.
        if self.exhausted().is_none() {
            self.memory().note(name, verified);
        }
        verified
    }
}

/// What a check with this key costs beside one with RSA-2048 or P-256.
fn cost(key: &PublicKey) -> u32 {
    match key {
        PublicKey::P256(_) | PublicKey::Ed25519(_) => 1,
        PublicKey::Rsa(_) => 2,
        PublicKey::P384(_) | PublicKey::MlDsa(_) => 4,
        PublicKey::P521(_) => 8,
    }
}

/// Both parts are DER, which tells its own length: no two pairs run together to the same octets.
fn name(signed: &[u8], key: &[u8]) -> Option<[u8; 32]> {
    DigestAlgorithm::Sha256.digest_parts(&[signed, key]).as_bytes().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::x509::testing::{Issuer, Template};

    #[test]
    fn remembered_signature_stays_good_and_vouches_for_no_other_key_or_certificate() {
        let (root, other) = (Issuer::root("Root"), Issuer::root("Other"));
        let (first, second) = (root.issue(&Template::authority("CA")), other.issue(&Template::authority("CA")));
        let known = KnownSignatures::default();
        for _ in 0..2 {
            assert!(known.issued(&first.certificate, &root.certificate));
            assert!(!known.issued(&first.certificate, &other.certificate));
            assert!(!known.issued(&second.certificate, &root.certificate));
        }
        let held = |known: &KnownSignatures| {
            let memory = known.memory();
            (memory.good.len(), memory.bad.len())
        };
        assert_eq!(held(&known), (1, 2), "good and bad ones are remembered apart");
        let leaf = first.issue(&Template::signer("An"));
        assert!(
            known.issued(&leaf.certificate, &first.certificate) && !known.issued(&leaf.certificate, &other.certificate)
        );
        assert_eq!(held(&known), (1, 2), "signers are not");
        assert!(known.clone().check(first.certificate.der(), &root.certificate, || false), "clones share it");
    }

    #[test]
    fn refusal_is_not_checked_again_and_the_memory_of_refusals_stays_small() {
        let root = Issuer::root("Root").certificate;
        let known = KnownSignatures::default();
        assert!(!known.check(b"forged", &root, || false));
        assert!(!known.check(b"forged", &root, || panic!("checked again")));
        for number in 0..=MAX_KNOWN {
            known.check(&number.to_be_bytes(), &root, || false);
        }
        assert!(known.memory().bad.len() <= MAX_KNOWN);
    }

    #[test]
    fn effort_of_a_file_ends_and_the_next_file_starts_anew() {
        let (root, other) = (Issuer::root("Root"), Issuer::root("Other"));
        let leaf = root.issue(&Template::signer("An")).certificate;
        let known = KnownSignatures::default();
        let first = known.for_one_file();
        let mut checks: u32 = 0;
        while first.exhausted().is_none() {
            assert!(!first.issued(&leaf, &other.certificate));
            checks += 1;
        }
        assert!((EFFORT / 8..=EFFORT).contains(&checks));
        assert!(!first.issued(&leaf, &root.certificate), "nothing is found good any more");
        assert!(known.for_one_file().issued(&leaf, &root.certificate) && known.exhausted().is_none());
        let ca = root.issue(&Template::authority("CA")).certificate;
        assert!(!first.issued(&ca, &root.certificate));
        assert!(known.issued(&ca, &root.certificate), "nor remembered as bad");
    }

    #[test]
    fn changed_octet_is_checked_anew() {
        let root = Issuer::root("Root");
        let ca = root.issue(&Template::authority("CA")).certificate;
        let known = KnownSignatures::default();
        assert!(known.issued(&ca, &root.certificate));
        let mut der = ca.der().to_vec();
        if let Some(last) = der.last_mut() {
            *last ^= 1;
        }
        let changed = Certificate::from_der(&der).expect("still a certificate");
        assert!(!known.issued(&changed, &root.certificate));
    }
}
