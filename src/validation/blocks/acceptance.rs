//! Signature acceptance (EN 319 102-1 §5.2.8): attributes that must agree, and algorithms that still hold.

use const_oid::ObjectIdentifier;
use time::OffsetDateTime;

use super::crypto::CryptographicallyValid;
use crate::crypto::SignatureAlgorithm;
use crate::formats::cms::{SignedData, SignerInfo, oid};
use crate::formats::der::{Reader, Rules, value};
use crate::formats::tsp::TstInfo;
use crate::formats::x509::Certificate;
use crate::validation::policy::{Pkcs1, Policy};
use crate::validation::report::{Code, Finding, Message, SubIndication};

/// Attributes RFC 5652 §11, RFC 5035 and EN 319 122-1 allow once, with one value.
const SINGLE: [ObjectIdentifier; 6] = [
    oid::CONTENT_TYPE,
    oid::MESSAGE_DIGEST,
    oid::SIGNING_TIME,
    oid::SIGNING_CERTIFICATE,
    oid::SIGNING_CERTIFICATE_V2,
    oid::SIGNATURE_POLICY,
];

/// Checks the signed attributes.
///
/// # Errors
/// SIG_CONSTRAINTS_FAILURE when an attribute is missing, repeated, or contradicts the message.
pub fn attributes(
    signed_data: &SignedData<'_>,
    signer: &SignerInfo,
    messages: &mut Vec<Message>,
) -> Result<(), Finding> {
    let constraint = |code, detail: String| Finding::with(SubIndication::SigConstraintsFailure, code, detail);
    let Some(signed) = &signer.signed_attributes else {
        // "signedAttrs … MUST be present if the content type … is not id-data" (RFC 5652 §5.3).
        if signed_data.content_type != oid::DATA {
            return Err(Finding::new(SubIndication::SigConstraintsFailure, Code::SignedAttributesMissing));
        }
        messages.push(Message::warning(Code::SignedAttributesMissing));
        return Ok(());
    };
    for oid in SINGLE {
        signed.attributes.single(&oid).map_err(|error| constraint(Code::AttributeProblem, error.to_string()))?;
    }
    let content_type = signed.attributes.single(&oid::CONTENT_TYPE).ok().flatten();
    let named = content_type.and_then(|value| value::oid(Reader::new(value, Rules::Ber).next().ok()?).ok());
    match named {
        None => Err(constraint(Code::AttributeProblem, "content-type".to_owned())),
        Some(named) if named != signed_data.content_type => {
            Err(constraint(Code::ContentTypeMismatch, format!("{named}, {}", signed_data.content_type)))
        }
        Some(_) => {
            if signed.attributes.contains(&oid::SIGNATURE_POLICY) {
                messages.push(Message::warning(Code::PolicyNotChecked));
            }
            Ok(())
        }
    }
}

/// Checks the signed attributes of a counter-signature: "The signedAttributes field MUST NOT contain a content-type attribute"
/// (RFC 5652 §11.4).
///
/// # Errors
/// SIG_CONSTRAINTS_FAILURE when an attribute is repeated or does not belong there.
pub fn counter_attributes(counter: &SignerInfo) -> Result<(), Finding> {
    let Some(signed) = &counter.signed_attributes else { return Ok(()) };
    let problem = |detail: String| Finding::with(SubIndication::SigConstraintsFailure, Code::AttributeProblem, detail);
    for oid in SINGLE {
        signed.attributes.single(&oid).map_err(|error| problem(error.to_string()))?;
    }
    if signed.attributes.contains(&oid::CONTENT_TYPE) { Err(problem("content-type".to_owned())) } else { Ok(()) }
}

/// Checks that the signature's own algorithms held at the validation time (algorithm obsolescence).
///
/// # Errors
/// CRYPTO_CONSTRAINTS_FAILURE_NO_POE: without proof of an earlier time, a weak algorithm proves nothing.
pub fn algorithms(
    valid: &CryptographicallyValid,
    certificate: &Certificate,
    policy: Policy,
    time: OffsetDateTime,
) -> Result<(), Finding> {
    let suites = policy.suites;
    let refuse =
        |name: String| Err(Finding::with(SubIndication::CryptoConstraintsFailureNoPoe, Code::AlgorithmObsolete, name));
    if let Some(weak) = valid.digests.iter().find(|digest| !suites.digest(**digest).holds_at(time)) {
        return refuse(weak.name().to_owned());
    }
    let key = certificate.public_key().ok();
    let holds = key.as_ref().is_some_and(|key| suites.signature(valid.algorithm, key).holds_at(time));
    if holds {
        return Ok(());
    }
    let bits = key.map(|key| format!(", {} bit", key.bits())).unwrap_or_default();
    refuse(format!("{}{bits}", valid.algorithm.name()))
}

/// Remarks on an algorithm the policy accepts and its source does not want for new signatures.
pub fn discouraged(valid: &CryptographicallyValid, policy: Policy, messages: &mut Vec<Message>) {
    if policy.pkcs1 == Pkcs1::Discouraged && matches!(valid.algorithm, SignatureAlgorithm::RsaPkcs1(_)) {
        messages.push(Message::warning(Code::AlgorithmDiscouraged).detail("RSASSA-PKCS1-v1_5"));
    }
}

/// Checks that what stands as signature-time-stamp is a time-stamp token at all; whether it proves anything is the
/// time-stamp process's work.
///
/// # Errors
/// SIG_CONSTRAINTS_FAILURE: EN 319 122-1 §5.3 allows only time-stamp tokens there, and a reader that shows such an attribute
/// as a time-stamp shows a forgery.
pub fn time_stamps(signer: &SignerInfo) -> Result<(), Finding> {
    for token in signer.unsigned_attributes.values(&oid::SIGNATURE_TIME_STAMP) {
        let states_time = SignedData::parse(token).is_ok_and(|token| {
            token.content_type == oid::TST_INFO && token.content.is_some_and(|info| TstInfo::from_der(&info).is_ok())
        });
        if !states_time {
            return Err(Finding::new(SubIndication::SigConstraintsFailure, Code::TimestampMalformed));
        }
    }
    Ok(())
}

/// Checks that a token's time lies within the validity of its unit's certificate: whoever holds a new unit's key could otherwise
/// prove any time of the past.
///
/// # Errors
/// SIG_CONSTRAINTS_FAILURE.
pub fn token_time(stated: Option<OffsetDateTime>, unit: &Certificate) -> Result<(), Finding> {
    match stated {
        Some(time) if !unit.validity().contains(time) => {
            let code = Code::TimestampOutsideValidity;
            Err(Finding::with(SubIndication::SigConstraintsFailure, code, format!("{time}, {}", unit.subject())))
        }
        _ => Ok(()),
    }
}

/// Warns when the claimed time cannot be right. The claim proves nothing either way.
pub fn claimed_time(claimed: Option<OffsetDateTime>, certificate: &Certificate, messages: &mut Vec<Message>) {
    if let Some(time) = claimed.filter(|time| !certificate.validity().contains(*time)) {
        messages.push(Message::warning(Code::SigningTimeOutsideValidity).detail(time.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::testing::p7s;

    #[test]
    fn honest_attributes_are_accepted() {
        let signed = p7s();
        let read = signed.read();
        assert_eq!(attributes(&read, &read.signers[0], &mut Vec::new()), Ok(()));
    }

    #[test]
    fn hash_that_does_not_hold_any_more_is_refused_without_proof_of_an_earlier_time() {
        use crate::crypto::DigestAlgorithm;
        use crate::validation::blocks::crypto::{self, SignedContent};
        let signed = p7s();
        let read = signed.read();
        let (certificate, content) = (&signed.signer.certificate, SignedContent::Parts(vec![b"content"]));
        let mut valid = crypto::verify(&read.signers[0], &content, certificate, &mut Vec::new()).expect("valid");
        let at = |valid: &CryptographicallyValid, time| {
            algorithms(valid, certificate, crate::validation::Policy::STRICT, time).map_err(|f| f.sub_indication)
        };
        let (then, now) = (time::macros::datetime!(2012-01-01 0:00 UTC), time::macros::datetime!(2026-06-01 0:00 UTC));
        assert_eq!(at(&valid, now), Ok(()));
        valid.digests.push(DigestAlgorithm::Sha1);
        assert_eq!(at(&valid, now), Err(SubIndication::CryptoConstraintsFailureNoPoe));
        assert_eq!(at(&valid, then), Ok(()));
    }

    #[test]
    fn content_type_other_than_the_contents_is_refused() {
        let signed = p7s();
        let mut read = signed.read();
        read.content_type = oid::TST_INFO;
        let signer = read.signers[0].clone();
        let finding = attributes(&read, &signer, &mut Vec::new()).expect_err("mismatch");
        assert_eq!(finding.message.code, Code::ContentTypeMismatch);
    }

    #[test]
    fn missing_attributes_are_refused_for_other_content_than_data() {
        let signed = p7s();
        let mut read = signed.read();
        let mut signer = read.signers[0].clone();
        signer.signed_attributes = None;
        let mut messages = Vec::new();
        assert_eq!(attributes(&read, &signer, &mut messages), Ok(()));
        assert_eq!(messages.len(), 1);
        read.content_type = oid::TST_INFO;
        assert!(attributes(&read, &signer, &mut messages).is_err());
    }
}
