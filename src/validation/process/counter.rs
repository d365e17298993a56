//! Counter-signatures of a signature (RFC 5652 §11.4, EN 319 122-1 §5.2.7): each is judged like a signature of its own over the
//! signature value, and told; the verdict on the document does not depend on it.

use crate::formats::cms::{SignerInfo, ValidationData, oid};
use crate::validation::blocks::crypto::{self, SignedContent};
use crate::validation::blocks::x509::{self, Purpose, policies::PolicyInputs};
use crate::validation::blocks::{acceptance, signing_certificate};
use crate::validation::budget::Budget;
use crate::validation::process::basic::{Setting, Subject};
use crate::validation::report::{Code, Finding, Message, SubIndication};

/// Most counter-signatures of one signature that are judged: each costs a path of its own. A notary and a registry are two.
const MAX_COUNTER_SIGNATURES: usize = 4;

/// Judges the counter-signatures of `subject` and tells the outcome of each.
pub fn tell(subject: &Subject<'_>, setting: Setting<'_>, messages: &mut Vec<Message>) {
    let values = subject.signer.unsigned_attributes.values(&oid::COUNTER_SIGNATURE);
    for (position, value) in values.enumerate() {
        if position == MAX_COUNTER_SIGNATURES {
            return messages.push(Message::warning(Code::CounterSignatureNotValid).detail("too many"));
        }
        let (who, outcome) = match SignerInfo::from_octets(value) {
            Ok(signer) => judge(&signer, subject, setting),
            Err(error) => {
                (None, Err(Finding::with(SubIndication::FormatFailure, Code::CmsUnreadable, error.to_string())))
            }
        };
        let who = who.unwrap_or_else(|| "?".to_owned());
        messages.push(match outcome {
            Ok(()) => Message::info(Code::CounterSignatureValid).detail(who),
            Err(finding) => {
                let why = finding.message.detail.as_deref().unwrap_or_default();
                let detail = format!(
                    "{who}, {} {}: {} {why}",
                    finding.sub_indication.indication().as_str(),
                    finding.sub_indication.as_str(),
                    finding.message.code.as_str()
                );
                Message::warning(Code::CounterSignatureNotValid).detail(detail.trim_end())
            }
        });
    }
}

/// The counter-signer, when the certificate is known, and the first finding of its basic validation (EN 319 102-1 §5.3).
fn judge(counter: &SignerInfo, subject: &Subject<'_>, setting: Setting<'_>) -> (Option<String>, Result<(), Finding>) {
    let candidates = subject.signed_data.certificates.iter().chain(&setting.evidence.certificates);
    let candidates = candidates.chain(&setting.evidence.anchors);
    let identified = match signing_certificate::identify(counter, candidates, &mut Vec::new()) {
        Ok(identified) => identified,
        Err(finding) => return (None, Err(finding)),
    };
    let certificate = identified.certificate();
    let outcome = || -> Result<(), Finding> {
        let content = SignedContent::Parts(vec![&subject.signer.signature]);
        let valid = crypto::verify(counter, &content, certificate, &mut Vec::new())?;
        acceptance::counter_attributes(counter)?;
        acceptance::algorithms(&valid, certificate, setting.policy, setting.time)?;
        let evidence = setting.evidence.with(&ValidationData::of(subject.signed_data, counter));
        let (policies, purpose) = (PolicyInputs::default(), Purpose::DocumentSigning);
        let context =
            x509::Context { evidence: &evidence, policy: setting.policy, time: setting.time, purpose, policies };
        x509::validate(certificate, context, &mut Budget::default(), &mut Vec::new()).map(|_| ())
    };
    (Some(certificate.subject().to_string()), outcome())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::x509::testing::{Issuer, Template};
    use crate::validation::report::{Indication, SignatureReport};
    use crate::validation::testing::{Builder, attribute, counter_signature};
    use crate::validation::{Evidence, Policy, RevocationPolicy, validate_cms};
    use time::macros::datetime;

    type Make<'a> = &'a dyn Fn(&Issuer, &[u8]) -> Vec<u8>;

    /// The report on a signature with a counter-signature that `make` gets from the root and the signature value.
    fn run(make: Make<'_>) -> SignatureReport {
        let unsigned = |root: &Issuer, value: &[u8]| vec![attribute(&oid::COUNTER_SIGNATURE, make(root, value))];
        let signed = Builder { unsigned: &unsigned, ..Builder::default() }.build();
        let second = signed.root.issue(&second()).certificate;
        let evidence = Evidence {
            anchors: vec![signed.root.certificate.clone()],
            certificates: vec![second],
            ..Evidence::default()
        };
        let policy = Policy::strict_with(RevocationPolicy::IfPresent);
        let setting = Setting { evidence: &evidence, policy, time: datetime!(2026-06-01 0:00 UTC) };
        validate_cms(&signed.der, Some(b"content"), setting).expect("readable").signatures.remove(0)
    }

    fn second() -> Template {
        Template { serial: 9, ..Template::signer("Bình") }
    }

    fn told(report: &SignatureReport) -> Vec<(Code, String)> {
        let about = [Code::CounterSignatureValid, Code::CounterSignatureNotValid];
        let told = report.messages.iter().filter(|message| about.contains(&message.code));
        told.map(|message| (message.code, message.detail.as_deref().unwrap_or_default().to_owned())).collect()
    }

    #[test]
    fn counter_signature_is_told_and_is_no_signature_of_the_document() {
        let report = run(&|root, value| counter_signature(&root.issue(&second()), value, &[]));
        assert_eq!(report.indication(), Indication::TotalPassed);
        assert_eq!(told(&report), [(Code::CounterSignatureValid, "CN=Bình".to_owned())]);
    }

    #[test]
    fn counter_signature_of_another_value_is_told_and_changes_no_verdict() {
        let report = run(&|root, _| counter_signature(&root.issue(&second()), b"another value", &[]));
        assert_eq!(report.indication(), Indication::TotalPassed);
        let (code, detail) = told(&report).remove(0);
        assert_eq!(code, Code::CounterSignatureNotValid);
        assert!(detail.contains("TOTAL-FAILED HASH_FAILURE"), "{detail}");
    }

    #[test]
    fn untrusted_malformed_and_typed_counter_signatures_are_not_valid() {
        let stranger = Issuer::root("Other").issue(&second());
        let content_type = attribute(&oid::CONTENT_TYPE, crate::formats::der::write::oid(&oid::DATA));
        let typed = |root: &Issuer, value: &[u8]| {
            counter_signature(&root.issue(&second()), value, std::slice::from_ref(&content_type))
        };
        let cases: [Make<'_>; 3] =
            [&|_, value| counter_signature(&stranger, value, &[]), &|_, _| vec![0x30, 0], &typed];
        for make in cases {
            let report = run(make);
            assert_eq!(report.indication(), Indication::TotalPassed);
            assert_eq!(told(&report).first().map(|(code, _)| *code), Some(Code::CounterSignatureNotValid));
        }
    }
}
