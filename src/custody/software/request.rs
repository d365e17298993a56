//! PKCS#10 certification requests (RFC 2986): the proof that the key is held.

use std::str::FromStr as _;

use der::asn1::{BitString, Ia5StringRef, PrintableStringRef, Utf8StringRef};
use der::{Decode as _, Encode as _, Tag, Tagged as _};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo, Version};

use super::engine::PrivateKey;
use crate::crypto::{DigestAlgorithm, SignatureAlgorithm};
use crate::custody::CustodyError;

/// Longest subject text, in bytes: twice what the fields of a Vietnamese certificate add up to at their upper bounds
/// (RFC 5280 Appendix A.1 ends each at 64 to 128 characters).
const MAX_SUBJECT: usize = 2048;

/// Reads a subject in RFC 4514 form, e.g. `CN=Nguyễn Văn An,UID=CCCD:001085000001,ST=Hà Nội,C=VN`; the last part of the
/// text becomes the first RDN. Values are UTF8String, except `C` and `serialNumber` (PrintableString).
///
/// # Errors
/// [`CustodyError::Subject`] says what is wrong.
pub(crate) fn parse_subject(text: &str) -> Result<Name, CustodyError> {
    if text.len() > MAX_SUBJECT {
        return Err(CustodyError::Subject("it is longer than 2048 bytes"));
    }
    let name = Name::from_str(text).map_err(|_| CustodyError::Subject("it is not an RFC 4514 name"))?;
    if name.is_empty() {
        return Err(CustodyError::Subject("it is empty"));
    }
    for attribute in name.iter() {
        let value = &attribute.value;
        // Escapes such as \ff can put bytes into a value that its string type does not hold.
        let text = match value.tag() {
            Tag::Utf8String => Utf8StringRef::try_from(value).map(|s| s.as_str()),
            Tag::PrintableString => PrintableStringRef::try_from(value).map(|s| s.as_str()),
            Tag::Ia5String => Ia5StringRef::try_from(value).map(|s| s.as_str()),
            _ => return Err(CustodyError::Subject("a value is not a text")),
        }
        .map_err(|_| CustodyError::Subject("a value does not fit its string type"))?;
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            return Err(CustodyError::Subject("a value is empty or holds control characters"));
        }
    }
    Ok(name)
}

/// Makes and signs a request: sha256WithRSAEncryption for RSA, ECDSA with the hash of the curve's length, Ed25519, ML-DSA.
///
/// # Errors
/// [`CustodyError::Engine`].
pub(super) fn certification_request(key: &PrivateKey, subject: Name) -> Result<Vec<u8>, CustodyError> {
    let failed = |_| CustodyError::Engine("the certification request could not be encoded");
    let public_key = SubjectPublicKeyInfoOwned::from_der(&key.spki()?).map_err(failed)?;
    let info = CertReqInfo { version: Version::V1, subject, public_key, attributes: Default::default() };
    let algorithm = key.certificate_signature();
    let value = key.sign(algorithm, &info.to_der().map_err(failed)?)?;
    let request = CertReq {
        info,
        algorithm: algorithm.to_identifier().map_err(|_| CustodyError::Unsupported(algorithm.name()))?,
        signature: BitString::from_bytes(&value.0).map_err(failed)?,
    };
    request.to_der().map_err(failed)
}

impl PrivateKey {
    /// What certificates, requests, CRLs and responses are signed with: the form every reader knows.
    pub(crate) fn certificate_signature(&self) -> SignatureAlgorithm {
        match self.algorithm() {
            rsa if rsa.is_rsa() => SignatureAlgorithm::RsaPkcs1(DigestAlgorithm::Sha256),
            other => other.default_signature(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vietnamese_subject_keeps_its_accents_and_order() {
        let text = "CN=Nguyễn Văn An,UID=CCCD:001085000001,L=Quận Ba Đình,ST=Hà Nội,C=VN";
        let name = parse_subject(text).expect("subject");
        assert_eq!(name.to_string(), text);
        let tags: Vec<Tag> = name.iter().map(|attribute| attribute.value.tag()).collect();
        assert_eq!(tags[0], Tag::PrintableString);
        assert!(tags[1..].iter().all(|tag| *tag == Tag::Utf8String));
        let uid = const_oid::ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.1");
        assert!(name.iter().any(|attribute| attribute.oid == uid));
    }

    #[test]
    fn malformed_subjects_are_refused() {
        for text in [
            "",
            "An",
            "CN=",
            "CN=a,",
            "XYZZY=a",
            "CN=\\ff",
            "C=Việt Nam",
            "CN=a\\00b",
            &format!("CN={}", "x".repeat(3000)),
        ] {
            assert!(matches!(parse_subject(text), Err(CustodyError::Subject(_))), "{text:?}");
        }
    }
}
