//! Identification of the signing certificate (EN 319 102-1 §5.2.3).

use crate::formats::cms::{
    CmsError, SignerInfo,
    ess::{self, Comparison, EssCertId},
    oid,
};
use crate::formats::x509::Certificate;
use crate::validation::report::{Code, Finding, Message, SubIndication};

/// The certificate the signature is to be verified with; only [`identify`] mints it.
#[derive(Debug, Clone)]
pub struct SigningCertificate {
    certificate: Certificate,
    binding: Binding,
}

/// What ties the signature to the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// signing-certificate-v2.
    V2,
    /// signing-certificate (SHA-1).
    V1,
    /// Only the unsigned SignerIdentifier: a plain CMS or PKCS #7 signature.
    IdentifierOnly,
}

impl SigningCertificate {
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub fn binding(&self) -> Binding {
        self.binding
    }
}

/// Finds the signer's certificate among `candidates`: those of the message first, then those given.
///
/// # Errors
/// NO_SIGNING_CERTIFICATE_FOUND when none fits. FORMAT_FAILURE when the SignerInfo names a certificate that is there
/// and the signed attribute names another: RFC 5035 §5 asks to treat such a signature as invalid.
pub fn identify<'a>(
    signer: &SignerInfo,
    candidates: impl Iterator<Item = &'a Certificate> + Clone,
    messages: &mut Vec<Message>,
) -> Result<SigningCertificate, Finding> {
    let mut named = candidates.clone().filter(|certificate| signer.identifier.names(certificate));
    let Some((binding, reference)) = signed_reference(signer)? else {
        let certificate = named.next().ok_or(not_found())?.clone();
        return Ok(SigningCertificate { certificate, binding: Binding::IdentifierOnly });
    };
    let mut mismatch = None;
    for certificate in named {
        match compare(&reference, certificate) {
            Ok(()) => return Ok(SigningCertificate { certificate: certificate.clone(), binding }),
            Err(finding) => mismatch = Some(finding),
        }
    }
    if let Some(finding) = mismatch {
        return Err(finding);
    }
    let same = |certificate: &&Certificate| reference.compare(certificate) == Ok(Comparison::Same);
    let certificate = candidates.clone().find(same).ok_or(not_found())?.clone();
    messages.push(Message::warning(Code::SignerIdentifierMismatch));
    Ok(SigningCertificate { certificate, binding })
}

/// Compares the signed reference with a certificate the SignerInfo names.
fn compare(reference: &EssCertId, named: &Certificate) -> Result<(), Finding> {
    let comparison = reference.compare(named).map_err(|error| {
        Finding::with(SubIndication::CryptoConstraintsFailure, Code::AlgorithmUnsupported, error.to_string())
    })?;
    let mismatch =
        |detail: String| Err(Finding::with(SubIndication::FormatFailure, Code::SigningCertificateMismatch, detail));
    match comparison {
        Comparison::Same => Ok(()),
        Comparison::OtherHash => mismatch(format!("SignerInfo: {}", named.subject())),
        Comparison::OtherIssuerSerial => mismatch("issuerSerial".to_owned()),
    }
}

/// The first reference is the signer's (RFC 5035 §5); v2 is preferred when both attributes stand there.
fn signed_reference(signer: &SignerInfo) -> Result<Option<(Binding, EssCertId)>, Finding> {
    let Some(signed) = &signer.signed_attributes else { return Ok(None) };
    let problem = |text: String| Finding::with(SubIndication::SigConstraintsFailure, Code::AttributeProblem, text);
    let read = |oid, parse: fn(&[u8]) -> Result<Vec<EssCertId>, CmsError>| {
        let Some(value) = signed.attributes.single(&oid).map_err(|error| problem(error.to_string()))? else {
            return Ok(None);
        };
        let references = parse(value).map_err(|error| problem(format!("signing-certificate: {error}")))?;
        Ok(references.into_iter().next())
    };
    if let Some(reference) = read(oid::SIGNING_CERTIFICATE_V2, ess::signing_certificate_v2)? {
        return Ok(Some((Binding::V2, reference)));
    }
    Ok(read(oid::SIGNING_CERTIFICATE, ess::signing_certificate)?.map(|reference| (Binding::V1, reference)))
}

fn not_found() -> Finding {
    Finding::new(SubIndication::NoSigningCertificateFound, Code::SigningCertificateNotFound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::testing::{Signed, p7s};

    fn run(signed: &Signed, candidates: &[Certificate]) -> Result<SigningCertificate, Finding> {
        let read = signed.read();
        identify(&read.signers[0], candidates.iter(), &mut Vec::new())
    }

    #[test]
    fn signer_is_found_by_its_attribute() {
        let signed = p7s();
        let found = run(&signed, &[signed.root.certificate.clone(), signed.signer.certificate.clone()]).expect("found");
        assert_eq!(found.binding(), Binding::V2);
        assert_eq!(found.certificate(), &signed.signer.certificate);
    }

    #[test]
    fn absent_certificate_is_told() {
        let signed = p7s();
        let finding = run(&signed, std::slice::from_ref(&signed.root.certificate)).expect_err("absent");
        assert_eq!(finding.sub_indication, SubIndication::NoSigningCertificateFound);
    }

    #[test]
    fn another_certificate_with_the_same_name_and_serial_is_refused() {
        let signed = p7s();
        let mut twin = crate::formats::x509::testing::Template::signer("An");
        twin.key_seed = "another key".to_owned();
        let twin = signed.root.issue(&twin).certificate;
        let finding = run(&signed, &[twin]).expect_err("twin");
        assert_eq!(finding.message.code, Code::SigningCertificateMismatch);
    }
}
