//! What is asked of a time-stamping authority.

use const_oid::ObjectIdentifier;

use crate::crypto::Digest;
use crate::formats::der::{tag, write};

/// One wish for a time-stamp. The authority's certificate is always asked for: without it the token could not be judged later.
///
/// ```text
/// TimeStampReq ::= SEQUENCE {
///   version INTEGER { v1(1) }, messageImprint SEQUENCE { hashAlgorithm AlgorithmIdentifier, hashedMessage OCTET STRING },
///   reqPolicy TSAPolicyId OPTIONAL, nonce INTEGER OPTIONAL, certReq BOOLEAN DEFAULT FALSE,
///   extensions [0] IMPLICIT Extensions OPTIONAL }   -- RFC 3161 §2.4.1
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeStampRequest {
    /// Hash of what is to be time-stamped.
    pub digest: Digest,
    pub nonce: Nonce,
    /// Under which policy; `None` leaves the choice to the authority.
    pub policy: Option<ObjectIdentifier>,
}

/// A random number that ties a response to its request: sixteen octets, read as a positive INTEGER in its shortest form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nonce(Vec<u8>);

impl Nonce {
    /// From random octets.
    pub fn new(random: [u8; 16]) -> Self {
        Self::of(&random)
    }

    /// From octets that somebody else chose: a big-endian number.
    pub fn of(octets: &[u8]) -> Self {
        let mut octets: Vec<u8> = octets.iter().copied().skip_while(|octet| *octet == 0).collect();
        if octets.first().is_none_or(|first| *first >= 0x80) {
            octets.insert(0, 0);
        }
        Self(octets)
    }

    /// Content octets of the INTEGER.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl TimeStampRequest {
    /// The request, DER.
    pub fn to_der(&self) -> Vec<u8> {
        let algorithm = write::sequence(&[&write::oid(&self.digest.algorithm().oid()), &write::tlv(tag::NULL, &[])]);
        let imprint = write::sequence(&[&algorithm, &write::octet_string(self.digest.as_bytes())]);
        let policy = self.policy.as_ref().map(write::oid).unwrap_or_default();
        let nonce = write::tlv(tag::INTEGER, self.nonce.octets());
        write::sequence(&[&write::small_integer(1), &imprint, &policy, &nonce, &[tag::BOOLEAN, 1, 0xff]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::DigestAlgorithm;

    #[test]
    fn nonce_is_positive_and_in_its_shortest_form() {
        let with = |first: &[u8]| {
            let mut random = [7; 16];
            random[..first.len()].copy_from_slice(first);
            Nonce::new(random)
        };
        assert_eq!(with(&[0x80]).octets()[..2], [0, 0x80]);
        assert_eq!(with(&[0x7f]).octets()[..1], [0x7f]);
        assert_eq!(with(&[0, 0, 0x7f]).octets().len(), 14);
        assert_eq!(with(&[0, 0, 0xff]).octets()[..2], [0, 0xff]);
        assert_eq!(Nonce::new([0; 16]).octets(), [0]);
    }

    #[test]
    fn request_asks_for_the_certificate_and_names_its_policy() {
        let digest = DigestAlgorithm::Sha256.digest(b"x");
        let policy = Some(ObjectIdentifier::new_unwrap("1.2.3"));
        let plain = TimeStampRequest { digest: digest.clone(), nonce: Nonce::new([1; 16]), policy: None };
        assert!(plain.to_der().ends_with(&[1, 1, 0xff]));
        let named = TimeStampRequest { policy, ..plain.clone() };
        assert_eq!(named.to_der().len(), plain.to_der().len() + 4);
    }
}
