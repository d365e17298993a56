//! What is asked of an OCSP responder.

use super::{CertId, NONCE};
use crate::formats::der::{tag, write};

/// Length of a nonce in octets: RFC 9654 §2.1 recommends 32, which responders of RFC 8954 take too.
const NONCE_LENGTH: usize = 32;

/// A question about one certificate.
///
/// ```text
/// OCSPRequest ::= SEQUENCE { tbsRequest TBSRequest, optionalSignature [0] EXPLICIT Signature OPTIONAL }
/// TBSRequest ::= SEQUENCE {
///   version [0] EXPLICIT INTEGER DEFAULT v1, requestorName [1] EXPLICIT GeneralName OPTIONAL,
///   requestList SEQUENCE OF SEQUENCE { reqCert CertID, singleRequestExtensions [0] EXPLICIT Extensions OPTIONAL },
///   requestExtensions [2] EXPLICIT Extensions OPTIONAL }   -- RFC 6960 §4.1.1
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OcspRequest {
    certificate: CertId,
    nonce: Option<[u8; NONCE_LENGTH]>,
}

impl OcspRequest {
    /// `nonce` is random; without one a pre-produced response may be given, which many responders only have (RFC 5019).
    pub fn new(certificate: CertId, nonce: Option<[u8; 32]>) -> Self {
        Self { certificate, nonce }
    }

    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_ref().map(<[u8; NONCE_LENGTH]>::as_slice)
    }

    /// The request, DER; `None` when the certificate is named with a hash that is not implemented.
    pub fn to_der(&self) -> Option<Vec<u8>> {
        let single = write::sequence(&[&self.certificate.to_der()?]);
        let extensions = self.nonce.as_ref().map(|nonce| {
            // extnValue holds the DER of Nonce ::= OCTET STRING.
            let value = write::octet_string(&write::octet_string(nonce));
            let nonce = write::sequence(&[&write::oid(&NONCE), &value]);
            write::tlv(tag::context_constructed(2), &write::sequence(&[&nonce]))
        });
        let list = write::sequence(&[&single]);
        Some(write::sequence(&[&write::sequence(&[&list, &extensions.unwrap_or_default()])]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::DigestAlgorithm;
    use crate::formats::x509::testing::{Issuer, Template};

    #[test]
    fn request_names_its_certificate_and_no_other() {
        let (root, other) = (Issuer::root("Root"), Issuer::root("Other"));
        let leaf = root.issue(&Template::signer("An")).certificate;
        for hash in [DigestAlgorithm::Sha1, DigestAlgorithm::Sha256] {
            let id = CertId::of(&leaf, &root.certificate, hash).expect("named");
            assert!(id.names(&leaf, &root.certificate) && !id.names(&leaf, &other.certificate));
            let der = OcspRequest::new(id, None).to_der().expect("DER");
            assert!(der.windows(leaf.serial().len()).any(|window| window == leaf.serial()));
        }
    }

    #[test]
    fn nonce_is_wrapped_twice() {
        let root = Issuer::root("Root");
        let leaf = root.issue(&Template::signer("An")).certificate;
        let id = CertId::of(&leaf, &root.certificate, DigestAlgorithm::Sha1).expect("named");
        let request = OcspRequest::new(id, Some([7; 32]));
        let wrapped = [&[0x04, 34, 0x04, 32][..], &[7; 32]].concat();
        assert!(request.to_der().expect("DER").ends_with(&wrapped));
        assert_eq!(request.nonce(), Some(&[7; 32][..]));
    }
}
