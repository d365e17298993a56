//! A response held against its request (RFC 3161 §2.2: "the requesting entity SHALL verify that …").

use time::{Duration, OffsetDateTime};

use super::response::{PkiStatus, Rejection, ResponseError, TimeStampResponse};
use super::{TimeStampRequest, TstInfo};
use crate::formats::cms::ess::{self, Comparison, EssCertId};
use crate::formats::cms::{SignedAttributes, SignedData, SignerInfo, oid};
use crate::formats::x509::Certificate;
use crate::formats::x509::extensions::{Criticality, EXTENDED_KEY_USAGE};

/// id-kp-timeStamping.
const TIME_STAMPING: const_oid::ObjectIdentifier = const_oid::ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");

/// The rule a response breaks; always the authority's fault, or that of whoever stands between.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    #[error("the time-stamping authority refused: {0}")]
    NotGranted(Rejection),
    #[error(transparent)]
    Response(#[from] ResponseError),
    #[error("the time-stamp response says granted and holds no token")]
    NoToken,
    #[error("the time-stamp token is malformed: {0}")]
    Malformed(String),
    /// RFC 3161 §2.4.2: eContentType is id-ct-TSTInfo.
    #[error("the token's content is not a TSTInfo")]
    NotTstInfo,
    /// RFC 3161 §2.4.2: "The time-stamp token MUST NOT contain any signatures other than the signature of the TSA."
    #[error("the token has {0} signers instead of one")]
    NotOneSigner(usize),
    #[error("the token's imprint is not the hash that was sent")]
    WrongImprint,
    #[error("the token's nonce is not the one that was sent")]
    WrongNonce,
    #[error("the token's policy {0} is not the one that was asked for")]
    WrongPolicy(const_oid::ObjectIdentifier),
    /// The request asked for it (certReq).
    #[error("the token does not bring its signer's certificate")]
    NoCertificate,
    /// RFC 3161 §2.4.2, RFC 5816: the signing-certificate attribute is required and names the unit.
    #[error("the token's signing-certificate attribute is missing, malformed or names another certificate")]
    SigningCertificate,
    /// RFC 3161 §2.3: extKeyUsage is critical and holds id-kp-timeStamping alone.
    #[error("the token's signer is not certified for time-stamping alone")]
    Purpose,
    #[error("the token's signature does not verify")]
    BadSignature,
    #[error("the token's genTime {gen_time} is too far from the time here, {now}")]
    TimeOff { gen_time: OffsetDateTime, now: OffsetDateTime },
}

/// A token that answers its request and whose signature verifies with the certificate it names; only
/// [`TimeStampResponse::check`] mints it. Whether that certificate is trusted is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedToken {
    der: Vec<u8>,
    info: TstInfo,
    unit: Certificate,
    certificates: Vec<Certificate>,
}

impl CheckedToken {
    /// The TimeStampToken (a ContentInfo) as received.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub fn info(&self) -> &TstInfo {
        &self.info
    }

    /// The time-stamping unit's certificate.
    pub fn unit(&self) -> &Certificate {
        &self.unit
    }

    /// Every certificate the token brings, the unit's among them; unverified.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }
}

impl TimeStampResponse {
    /// Holds the response against its request. `now` is the time here, from which genTime may differ by `tolerance` either way.
    ///
    /// # Errors
    /// [`TokenRefusal`] names the first rule it breaks.
    pub fn check(
        self,
        request: &TimeStampRequest,
        now: OffsetDateTime,
        tolerance: Duration,
    ) -> Result<CheckedToken, TokenRefusal> {
        if let PkiStatus::NotGranted(rejection) = self.status {
            return Err(TokenRefusal::NotGranted(rejection));
        }
        let der = self.token.ok_or(TokenRefusal::NoToken)?;
        let signed_data = SignedData::parse(&der).map_err(malformed)?;
        if signed_data.content_type != oid::TST_INFO {
            return Err(TokenRefusal::NotTstInfo);
        }
        let [signer] = signed_data.signers.as_slice() else {
            return Err(TokenRefusal::NotOneSigner(signed_data.signers.len()));
        };
        let content = signed_data.content.as_deref().ok_or(TokenRefusal::NotTstInfo)?;
        let info = TstInfo::from_der(content).map_err(malformed)?;
        answers(&info, request)?;
        let unit = unit(signer, &signed_data.certificates)?;
        verify(signer, content, &unit)?;
        if (info.gen_time - now).abs() > tolerance {
            return Err(TokenRefusal::TimeOff { gen_time: info.gen_time, now });
        }
        let certificates = signed_data.certificates.clone();
        Ok(CheckedToken { info, unit, certificates, der })
    }
}

fn malformed(error: impl std::fmt::Display) -> TokenRefusal {
    TokenRefusal::Malformed(error.to_string())
}

/// The statement is about what was asked.
fn answers(info: &TstInfo, request: &TimeStampRequest) -> Result<(), TokenRefusal> {
    let same_algorithm = info.imprint_algorithm.as_ref().is_ok_and(|found| *found == request.digest.algorithm());
    if !same_algorithm || info.imprint != request.digest.as_bytes() {
        return Err(TokenRefusal::WrongImprint);
    }
    if info.nonce.as_deref() != Some(request.nonce.octets()) {
        return Err(TokenRefusal::WrongNonce);
    }
    match request.policy {
        Some(wanted) if wanted != info.policy => Err(TokenRefusal::WrongPolicy(info.policy)),
        _ => Ok(()),
    }
}

/// The unit's certificate: the one the signed attribute names, certified for time-stamping.
fn unit(signer: &SignerInfo, certificates: &[Certificate]) -> Result<Certificate, TokenRefusal> {
    if !certificates.iter().any(|certificate| signer.identifier.names(certificate)) {
        return Err(TokenRefusal::NoCertificate);
    }
    let reference = signer.signed_attributes.as_ref().and_then(reference).ok_or(TokenRefusal::SigningCertificate)?;
    let is_unit = |certificate: &&Certificate| {
        signer.identifier.names(certificate) && reference.compare(certificate) == Ok(Comparison::Same)
    };
    let unit = certificates.iter().find(is_unit).ok_or(TokenRefusal::SigningCertificate)?;
    let extensions = unit.extensions();
    let critical = extensions.get(&EXTENDED_KEY_USAGE).is_some_and(|e| e.criticality == Criticality::Critical);
    if !critical || extensions.extended_key_usage.as_deref() != Some(&[TIME_STAMPING]) {
        return Err(TokenRefusal::Purpose);
    }
    Ok(unit.clone())
}

/// The first reference of signing-certificate-v2, else of signing-certificate (SHA-1, RFC 3161 as first published).
fn reference(signed: &SignedAttributes) -> Option<EssCertId> {
    let first = |references: Vec<EssCertId>| references.into_iter().next();
    if let Some(value) = signed.attributes.single(&oid::SIGNING_CERTIFICATE_V2).ok()? {
        return first(ess::signing_certificate_v2(value).ok()?);
    }
    first(ess::signing_certificate(signed.attributes.single(&oid::SIGNING_CERTIFICATE).ok()??).ok()?)
}

/// Content type and digest among the signed attributes (RFC 5652 §5.3), then the value over them.
fn verify(signer: &SignerInfo, content: &[u8], unit: &Certificate) -> Result<(), TokenRefusal> {
    let signed = signer.signed_attributes.as_ref().ok_or(TokenRefusal::BadSignature)?;
    let content_type = signed.attributes.single(&oid::CONTENT_TYPE).map_err(malformed)?;
    if content_type != Some(&crate::formats::der::write::oid(&oid::TST_INFO)) {
        return Err(TokenRefusal::NotTstInfo);
    }
    let digest = signer.digest_algorithm().map_err(malformed)?.digest(content);
    let stated = signed.message_digest().map_err(malformed)?;
    if stated.as_deref() != Some(digest.as_bytes()) {
        return Err(TokenRefusal::BadSignature);
    }
    let algorithm = signer.signature_algorithm().map_err(malformed)?;
    let key = unit.public_key().map_err(malformed)?;
    match key.verify(algorithm, signed.signed_octets(), &signer.signature) {
        Ok(_) => Ok(()),
        Err(_) => Err(TokenRefusal::BadSignature),
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::Nonce;
    use super::*;
    use crate::crypto::DigestAlgorithm;
    use crate::formats::der::{tag, write};
    use crate::formats::x509::testing::{Issuer, Template, ecdsa_sha256, generalized, purposes};
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);
    const MINUTE: Duration = Duration::minutes(1);

    fn request() -> TimeStampRequest {
        TimeStampRequest { digest: DigestAlgorithm::Sha256.digest(b"x"), nonce: Nonce::new([1; 16]), policy: None }
    }

    /// A hand-made authority, so that each rule can be broken alone.
    struct Maker {
        template: Template,
        imprint: Vec<u8>,
        nonce: Vec<u8>,
        gen_time: OffsetDateTime,
        content_type: const_oid::ObjectIdentifier,
        /// Whose hash the signing-certificate attribute holds; the unit's when empty.
        named: Vec<u8>,
        certificates: Certificates,
        signers: usize,
        flip: bool,
    }

    enum Certificates {
        Unit,
        None,
    }

    impl Default for Maker {
        fn default() -> Self {
            Self {
                template: Template::time_stamping("TSA"),
                imprint: DigestAlgorithm::Sha256.digest(b"x").as_bytes().to_vec(),
                nonce: request().nonce.octets().to_vec(),
                gen_time: NOW,
                content_type: oid::TST_INFO,
                named: Vec::new(),
                certificates: Certificates::Unit,
                signers: 1,
                flip: false,
            }
        }
    }

    fn sha256() -> Vec<u8> {
        write::sequence(&[&write::oid(&DigestAlgorithm::Sha256.oid())])
    }

    fn attribute(oid: &const_oid::ObjectIdentifier, value: Vec<u8>) -> Vec<u8> {
        write::sequence(&[&write::oid(oid), &write::set_of(vec![value])])
    }

    impl Maker {
        fn response(&self) -> TimeStampResponse {
            TimeStampResponse { status: PkiStatus::Granted, token: Some(self.token()) }
        }

        fn token(&self) -> Vec<u8> {
            let root = Issuer::root("Root");
            let unit = root.issue(&self.template);
            let info = write::sequence(&[
                &write::small_integer(1),
                &write::oid(&const_oid::ObjectIdentifier::new_unwrap("1.2.3")),
                &write::sequence(&[&sha256(), &write::octet_string(&self.imprint)]),
                &write::small_integer(5),
                &generalized(self.gen_time),
                &write::tlv(tag::INTEGER, &self.nonce),
            ]);
            let content =
                write::sequence(&[&write::oid(&self.content_type), &write::tlv(0xa0, &write::octet_string(&info))]);
            let certificates = match self.certificates {
                Certificates::Unit => write::tlv(0xa0, unit.certificate.der()),
                Certificates::None => Vec::new(),
            };
            let signed = write::sequence(&[
                &write::small_integer(3),
                &write::set_of(vec![sha256()]),
                &content,
                &certificates,
                &write::tlv(tag::SET, &self.signer(&root, &unit, &info).repeat(self.signers)),
            ]);
            write::sequence(&[&write::oid(&oid::SIGNED_DATA), &write::tlv(0xa0, &signed)])
        }

        fn signer(&self, root: &Issuer, unit: &Issuer, info: &[u8]) -> Vec<u8> {
            let fingerprint = unit.certificate.fingerprint(DigestAlgorithm::Sha256);
            let named = if self.named.is_empty() { fingerprint.as_bytes().to_vec() } else { self.named.clone() };
            let reference = write::sequence(&[&write::sequence(&[&write::sequence(&[&write::octet_string(&named)])])]);
            let attributes = write::set_of(vec![
                attribute(&oid::CONTENT_TYPE, write::oid(&oid::TST_INFO)),
                attribute(&oid::MESSAGE_DIGEST, write::octet_string(DigestAlgorithm::Sha256.digest(info).as_bytes())),
                attribute(&oid::SIGNING_CERTIFICATE_V2, reference),
            ]);
            let mut value = unit.sign(&attributes);
            if let Some(last) = value.last_mut().filter(|_| self.flip) {
                *last ^= 1;
            }
            let mut implicit = attributes;
            implicit[0] = 0xa0;
            let sid = write::sequence(&[
                root.certificate.subject().der(),
                &write::tlv(tag::INTEGER, unit.certificate.serial()),
            ]);
            write::sequence(&[
                &write::small_integer(1),
                &sid,
                &sha256(),
                &implicit,
                &ecdsa_sha256(),
                &write::octet_string(&value),
            ])
        }
    }

    fn refusal(maker: &Maker) -> TokenRefusal {
        maker.response().check(&request(), NOW, MINUTE).expect_err("refused")
    }

    #[test]
    fn honest_token_is_checked_and_kept_as_received() {
        let token = Maker::default().response().check(&request(), NOW, MINUTE).expect("checked");
        assert_eq!(token.der(), Maker::default().response().token.expect("token"));
        assert_eq!((token.info().gen_time, token.unit().subject().to_string()), (NOW, "CN=TSA".to_owned()));
        assert_eq!(token.certificates().len(), 1);
    }

    #[test]
    fn answers_to_another_question_are_refused() {
        assert_eq!(refusal(&Maker { imprint: vec![7; 32], ..Maker::default() }), TokenRefusal::WrongImprint);
        assert_eq!(refusal(&Maker { nonce: vec![2], ..Maker::default() }), TokenRefusal::WrongNonce);
        let sha512 = TimeStampRequest { digest: DigestAlgorithm::Sha512.digest(b"x"), ..request() };
        assert_eq!(Maker::default().response().check(&sha512, NOW, MINUTE), Err(TokenRefusal::WrongImprint));
        let policy = Some(const_oid::ObjectIdentifier::new_unwrap("1.2.4"));
        let other = TimeStampRequest { policy, ..request() };
        assert!(matches!(Maker::default().response().check(&other, NOW, MINUTE), Err(TokenRefusal::WrongPolicy(_))));
    }

    #[test]
    fn clock_of_the_authority_may_differ_by_the_tolerance_only() {
        for (off, good) in [(MINUTE, true), (-MINUTE, true), (MINUTE * 2, false), (-MINUTE * 2, false)] {
            let maker = Maker { gen_time: NOW + off, ..Maker::default() };
            assert_eq!(maker.response().check(&request(), NOW, MINUTE).is_ok(), good, "{off}");
        }
    }

    #[test]
    fn unit_must_be_there_be_named_and_be_certified_for_time_stamping_alone() {
        let absent = Maker { certificates: Certificates::None, ..Maker::default() };
        assert_eq!(refusal(&absent), TokenRefusal::NoCertificate);
        assert_eq!(refusal(&Maker { named: vec![7; 32], ..Maker::default() }), TokenRefusal::SigningCertificate);
        let plain = Maker { template: Template::signer("TSA"), ..Maker::default() };
        assert_eq!(refusal(&plain), TokenRefusal::Purpose);
        let responder = Template { extra: vec![purposes("1.3.6.1.5.5.7.3.9")], ..Template::signer("TSA") };
        assert_eq!(refusal(&Maker { template: responder, ..Maker::default() }), TokenRefusal::Purpose);
    }

    #[test]
    fn token_with_a_broken_signature_or_several_signers_is_refused() {
        assert_eq!(refusal(&Maker { flip: true, ..Maker::default() }), TokenRefusal::BadSignature);
        assert_eq!(refusal(&Maker { signers: 2, ..Maker::default() }), TokenRefusal::NotOneSigner(2));
        assert_eq!(refusal(&Maker { signers: 0, ..Maker::default() }), TokenRefusal::NotOneSigner(0));
        assert_eq!(refusal(&Maker { content_type: oid::DATA, ..Maker::default() }), TokenRefusal::NotTstInfo);
    }

    #[test]
    fn rejection_empty_grant_and_junk_are_told_apart() {
        let check = |response: TimeStampResponse| response.check(&request(), NOW, MINUTE).expect_err("refused");
        let rejection = Rejection { status: 2, failure: None, text: String::new() };
        let refused = TimeStampResponse { status: PkiStatus::NotGranted(rejection.clone()), token: None };
        assert_eq!(check(refused), TokenRefusal::NotGranted(rejection));
        let status = PkiStatus::Granted;
        assert_eq!(check(TimeStampResponse { status: status.clone(), token: None }), TokenRefusal::NoToken);
        let junk = TimeStampResponse { status, token: Some(write::sequence(&[])) };
        assert!(matches!(check(junk), TokenRefusal::Malformed(_)));
    }
}
