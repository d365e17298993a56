//! Cryptographic verification (EN 319 102-1 §5.2.7): the content's digest, then the signature value.

use crate::crypto::{CryptoError, DigestAlgorithm, SignatureAlgorithm, Verified};
use crate::formats::cms::{Attributes, SignerInfo};
use crate::formats::der::{Reader, Rules, tag};
use crate::formats::x509::Certificate;
use crate::validation::report::{Code, Finding, Message, SubIndication};

/// What the signature is said to cover.
#[derive(Debug, Clone)]
pub enum SignedContent<'a> {
    /// Octets, in parts that follow each other.
    Parts(Vec<&'a [u8]>),
    /// adbe.pkcs7.sha1: the message carries the document's SHA-1 digest as its content (ISO 32000-1 §12.8.3.3.1).
    DigestInside { parts: Vec<&'a [u8]>, inside: &'a [u8] },
    /// A detached signature without its content.
    Missing,
}

/// Proof that digest and value are right for this content and key; only [`verify`] mints it.
#[derive(Debug, Clone)]
pub struct CryptographicallyValid {
    pub algorithm: SignatureAlgorithm,
    /// Every hash that stands between the content and the signature value.
    pub digests: Vec<DigestAlgorithm>,
    _verified: Verified,
}

/// Checks the content's digest and the signature value.
///
/// # Errors
/// SIGNED_DATA_NOT_FOUND, HASH_FAILURE, SIG_CRYPTO_FAILURE; FORMAT_FAILURE when attributes RFC 5652 §5.3 requires are
/// missing or ambiguous; CRYPTO_CONSTRAINTS_FAILURE for algorithms that are not supported.
pub fn verify(
    signer: &SignerInfo,
    content: &SignedContent<'_>,
    certificate: &Certificate,
    messages: &mut Vec<Message>,
) -> Result<CryptographicallyValid, Finding> {
    let algorithm = signer.signature_algorithm().map_err(unsupported)?;
    let digest_algorithm = signer.digest_algorithm().map_err(unsupported)?;
    if algorithm.digest().is_some_and(|own| own != digest_algorithm) {
        messages
            .push(Message::warning(Code::AlgorithmsDiffer).detail(format!("{digest_algorithm}, {}", algorithm.name())));
    }
    let key = certificate.public_key().map_err(unsupported)?;
    let parts = content_parts(content)?;
    let content_digest = digest_algorithm.digest_parts(&parts);
    let verified = match &signer.signed_attributes {
        Some(signed) => {
            let value = message_digest(signed)?;
            if value != content_digest.as_bytes() {
                return Err(Finding::new(SubIndication::HashFailure, Code::DigestMismatch));
            }
            let verified = key.verify(algorithm, signed.signed_octets(), &signer.signature);
            if verified.is_err() && key.verify(algorithm, signed.received_octets(), &signer.signature).is_ok() {
                messages.push(Message::error(Code::SignedAttributesNotDer));
            }
            verified
        }
        None => {
            refuse_attributes_as_content(&parts)?;
            match algorithm.digest() {
                Some(hash) => key.verify_digest(algorithm, &hash.digest_parts(&parts), &signer.signature),
                None => key.verify(algorithm, &parts.concat(), &signer.signature),
            }
        }
    };
    let verified = verified.map_err(|error| match error {
        CryptoError::BadSignature | CryptoError::KeyMismatch => {
            Finding::new(SubIndication::SigCryptoFailure, Code::SignatureValueInvalid)
        }
        other => unsupported(other),
    })?;
    let mut digests = vec![digest_algorithm];
    if matches!(content, SignedContent::DigestInside { .. }) {
        digests.push(DigestAlgorithm::Sha1);
    }
    Ok(CryptographicallyValid { algorithm, digests, _verified: verified })
}

fn content_parts<'a>(content: &SignedContent<'a>) -> Result<Vec<&'a [u8]>, Finding> {
    match content {
        SignedContent::Parts(parts) => Ok(parts.clone()),
        SignedContent::Missing => Err(Finding::new(SubIndication::SignedDataNotFound, Code::SignedContentMissing)),
        SignedContent::DigestInside { parts, inside } => {
            let document = DigestAlgorithm::Sha1.digest_parts(parts);
            if document.as_bytes() != *inside {
                return Err(Finding::new(SubIndication::HashFailure, Code::DigestMismatch));
            }
            Ok(vec![inside])
        }
    }
}

fn message_digest(signed: &crate::formats::cms::SignedAttributes) -> Result<Vec<u8>, Finding> {
    let problem = |detail: String| Finding::with(SubIndication::FormatFailure, Code::AttributeProblem, detail);
    signed.message_digest().map_err(|error| problem(error.to_string()))?.ok_or(problem("message-digest".to_owned()))
}

/// Without signed attributes the value covers the content itself. If that content has the form of signed attributes, the
/// value may stem from another signature whose attributes these are (the confusion RFC 5652 §5.3 and its errata leave open).
fn refuse_attributes_as_content(parts: &[&[u8]]) -> Result<(), Finding> {
    if parts.first().and_then(|part| part.first()) != Some(&tag::SET) {
        return Ok(());
    }
    let joined = parts.concat();
    let mut reader = Reader::new(&joined, Rules::Ber);
    let looks_signed =
        reader.next().is_ok_and(|set| Attributes::read(set).is_ok_and(|list| list.iter().next().is_some()));
    if looks_signed {
        Err(Finding::new(SubIndication::SigConstraintsFailure, Code::ContentIsSignedAttributes))
    } else {
        Ok(())
    }
}

fn unsupported(error: CryptoError) -> Finding {
    Finding::with(SubIndication::CryptoConstraintsFailure, Code::AlgorithmUnsupported, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::testing::p7s;

    fn run(content: &SignedContent<'_>) -> Result<CryptographicallyValid, SubIndication> {
        let signed = p7s();
        let read = signed.read();
        verify(&read.signers[0], content, &signed.signer.certificate, &mut Vec::new()).map_err(|f| f.sub_indication)
    }

    #[test]
    fn content_in_parts_verifies() {
        let proof = run(&SignedContent::Parts(vec![b"con", b"tent"])).expect("valid");
        assert_eq!(proof.algorithm.name(), "ecdsa-with-SHA256");
    }

    #[test]
    fn other_content_is_hash_failure_and_none_is_not_found() {
        assert_eq!(run(&SignedContent::Parts(vec![b"Content"])).err(), Some(SubIndication::HashFailure));
        assert_eq!(run(&SignedContent::Missing).err(), Some(SubIndication::SignedDataNotFound));
    }

    #[test]
    fn digest_inside_brings_its_sha1_along() {
        let inside = DigestAlgorithm::Sha1.digest(b"document");
        let signed = crate::validation::testing::signed(inside.as_bytes(), &[]);
        let read = signed.read();
        let outcome = |parts: Vec<&'static [u8]>| {
            let content = SignedContent::DigestInside { parts, inside: inside.as_bytes() };
            verify(&read.signers[0], &content, &signed.signer.certificate, &mut Vec::new())
        };
        let valid = outcome(vec![b"docu", b"ment"]).expect("valid");
        assert_eq!(valid.digests, [DigestAlgorithm::Sha256, DigestAlgorithm::Sha1]);
        assert_eq!(outcome(vec![b"other"]).expect_err("other").sub_indication, SubIndication::HashFailure);
    }

    #[test]
    fn value_of_another_key_is_sig_crypto_failure() {
        let signed = p7s();
        let read = signed.read();
        let content = SignedContent::Parts(vec![b"content"]);
        let finding =
            verify(&read.signers[0], &content, &signed.root.certificate, &mut Vec::new()).expect_err("other key");
        assert_eq!(finding.sub_indication, SubIndication::SigCryptoFailure);
    }

    #[test]
    fn attributes_replayed_as_content_are_refused() {
        let signed = p7s();
        let read = signed.read();
        let mut signer = read.signers[0].clone();
        let attributes = signer.signed_attributes.take().expect("attributes");
        let content = SignedContent::Parts(vec![attributes.signed_octets()]);
        let finding = verify(&signer, &content, &signed.signer.certificate, &mut Vec::new()).expect_err("replay");
        assert_eq!(finding.message.code, Code::ContentIsSignedAttributes);
    }
}
