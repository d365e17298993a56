//! Issuer signatures that have been checked already: authorities and revocation lists are the same for every file of a run.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::crypto::DigestAlgorithm;
use crate::formats::crl::CertificateList;
use crate::formats::ocsp::OcspResponse;
use crate::formats::x509::Certificate;

/// Most signatures remembered: the authorities of every hierarchy in use, in some hundred kilobytes. As many refusals: the
/// material of a hostile document is tried for each of its signatures and time-stamps.
const MAX_KNOWN: usize = 4_096;

/// A memory that clones share. It only saves work: what it answers is what checking again would answer, and it holds nothing
/// but SHA-256 hashes over the whole signed object and the whole key.
#[derive(Debug, Clone, Default)]
pub struct KnownSignatures(Arc<Mutex<Memory>>);

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
    /// Whether `issuer`'s key signed the certificate. Only authorities are remembered: signers are too many, and seldom return.
    pub fn issued(&self, certificate: &Certificate, issuer: &Certificate) -> bool {
        let verify = || issuer.public_key().is_ok_and(|key| certificate.verify_issued_with(&key).is_ok());
        let authority = certificate.extensions().basic_constraints.is_some_and(|constraints| constraints.ca);
        if authority { self.check(certificate.der(), issuer, verify) } else { verify() }
    }

    /// Whether `issuer`'s key signed the list.
    pub fn listed(&self, crl: &CertificateList, issuer: &Certificate) -> bool {
        self.check(crl.der(), issuer, || issuer.public_key().is_ok_and(|key| crl.verify_issued_with(&key).is_ok()))
    }

    /// Whether `responder`'s key signed the response.
    pub fn answered(&self, ocsp: &OcspResponse, responder: &Certificate) -> bool {
        self.check(ocsp.der(), responder, || {
            responder.public_key().is_ok_and(|key| ocsp.verify_issued_with(&key).is_ok())
        })
    }

    fn check(&self, signed: &[u8], issuer: &Certificate, verify: impl FnOnce() -> bool) -> bool {
        let Some(name) = name(signed, issuer.spki_der()) else { return verify() };
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).answer(&name) {
            return known;
        }
        let verified = verify();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).note(name, verified);
        verified
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
            let memory = known.0.lock().expect("not poisoned");
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
        assert!(known.0.lock().expect("not poisoned").bad.len() <= MAX_KNOWN);
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
