//! OCSP: what is asked of a responder, and its response, the received DER beside its parsed form.
//!
//! Reading order: [`OcspRequest`], [`OcspResponse`], [`SingleResponse`] (what it says about one certificate), [`CertId`] (which
//! certificate that is).
//!
//! What this folder does not do: decide whether the responder may speak for an issuer, or whether an answer may be relied on at a
//! time (that is `validation`); ask a responder. Follows RFC 6960 and RFC 9654 (nonces).

mod request;

use std::{fmt, ops::Range, sync::Arc};

use const_oid::ObjectIdentifier;
use time::OffsetDateTime;

use super::der::{DerError, Reader, Rules, Tlv, tag, value};
use super::x509::{
    Certificate, Name, X509Error,
    extensions::{self, Criticality},
    issuer_algorithm,
};
use crate::crypto::{DigestAlgorithm, PublicKey, SignatureAlgorithm, Verified};
use crate::formats::der::write;

pub use request::OcspRequest;

/// Largest response read, in bytes. With the responder's chain inside, honest ones stay below 20 kB.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// Most answers in one response; responders answer for one certificate, pre-produced responses for a few.
const MAX_ANSWERS: usize = 256;

/// Most certificates in one response: a responder's chain has at most six.
const MAX_CERTIFICATES: usize = 32;

/// id-pkix-ocsp-basic.
const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
/// id-pkix-ocsp-archive-cutoff (RFC 6960 §4.4.4).
const ARCHIVE_CUTOFF: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.6");
/// id-pkix-ocsp-nonce: binds a response to a request, which nobody who reads it later has.
const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");

/// Why an OCSP response could not be read; always its maker's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OcspError {
    #[error("the OCSP response is not readable: {0}")]
    Encoding(#[from] DerError),
    #[error("the OCSP response is not readable: {0}")]
    Parts(#[from] X509Error),
    /// A successful response without a BasicOCSPResponse.
    #[error("the OCSP response holds no answer")]
    NoAnswer,
    /// An error status: the responder answered nothing.
    #[error("the OCSP responder refused: {0}")]
    Refused(ErrorStatus),
    #[error("the OCSP response is larger than {MAX_RESPONSE_BYTES} bytes")]
    TooLarge,
}

/// OCSPResponseStatus other than successful (RFC 6960 §4.2.1, §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ErrorStatus {
    #[error("malformedRequest")]
    MalformedRequest,
    #[error("internalError")]
    InternalError,
    #[error("tryLater")]
    TryLater,
    #[error("sigRequired")]
    SigRequired,
    #[error("unauthorized")]
    Unauthorized,
    #[error("status {0}, which has no meaning")]
    Other(u32),
}

impl ErrorStatus {
    fn of(status: u32) -> Self {
        match status {
            1 => Self::MalformedRequest,
            2 => Self::InternalError,
            3 => Self::TryLater,
            5 => Self::SigRequired,
            6 => Self::Unauthorized,
            other => Self::Other(other),
        }
    }
}

/// A parsed BasicOCSPResponse together with the octets it was read from; cheap to clone.
///
/// ```text
/// OCSPResponse ::= SEQUENCE { responseStatus ENUMERATED, responseBytes [0] EXPLICIT SEQUENCE {
///   responseType OBJECT IDENTIFIER, response OCTET STRING } OPTIONAL }
/// BasicOCSPResponse ::= SEQUENCE {
///   tbsResponseData ResponseData, signatureAlgorithm AlgorithmIdentifier, signature BIT STRING,
///   certs [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL }
/// ResponseData ::= SEQUENCE {
///   version [0] EXPLICIT INTEGER DEFAULT v1, responderID ResponderID, producedAt GeneralizedTime,
///   responses SEQUENCE OF SingleResponse, responseExtensions [1] EXPLICIT Extensions OPTIONAL }   -- RFC 6960 §4.2.1
/// ```
#[derive(Clone)]
pub struct OcspResponse(Arc<Inner>);

struct Inner {
    /// The BasicOCSPResponse.
    der: Vec<u8>,
    tbs: Range<usize>,
    responder: ResponderId,
    produced_at: OffsetDateTime,
    answers: Vec<SingleResponse>,
    unknown_critical: Vec<ObjectIdentifier>,
    nonce: Option<Vec<u8>>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    certificates: Vec<Certificate>,
}

/// Who says to have signed; nothing is proven by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResponderId {
    Name(Box<Name>),
    /// SHA-1 of the responder's key.
    KeyHash(Vec<u8>),
}

/// What the response says about one certificate.
///
/// ```text
/// SingleResponse ::= SEQUENCE {
///   certID CertID, certStatus CertStatus, thisUpdate GeneralizedTime, nextUpdate [0] EXPLICIT GeneralizedTime OPTIONAL,
///   singleExtensions [1] EXPLICIT Extensions OPTIONAL }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SingleResponse {
    pub certificate: CertId,
    pub status: CertStatus,
    pub this_update: OffsetDateTime,
    pub next_update: Option<OffsetDateTime>,
    /// The responder keeps what it knows of certificates that expired after this time (RFC 6960 §4.4.4).
    pub archive_cutoff: Option<OffsetDateTime>,
    /// Critical extensions that are not processed: the answer must not be used.
    pub unknown_critical: Vec<ObjectIdentifier>,
}

/// `CertStatus ::= CHOICE { good [0] IMPLICIT NULL, revoked [1] IMPLICIT RevokedInfo, unknown [2] IMPLICIT NULL }`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertStatus {
    Good,
    Revoked {
        date: OffsetDateTime,
        /// CRLReason, when given.
        reason: Option<u32>,
    },
    Unknown,
}

/// ```text
/// CertID ::= SEQUENCE { hashAlgorithm AlgorithmIdentifier, issuerNameHash OCTET STRING, issuerKeyHash OCTET STRING,
///   serialNumber INTEGER }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertId {
    /// `None` when the hash is not implemented: no certificate is named then.
    hash: Option<DigestAlgorithm>,
    issuer_name_hash: Vec<u8>,
    issuer_key_hash: Vec<u8>,
    serial: Vec<u8>,
}

/// Proof that a response's signature verified with a key; only [`OcspResponse::verify_issued_with`] mints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OcspSigned {
    pub algorithm: SignatureAlgorithm,
    _verified: Verified,
}

impl OcspResponse {
    /// Reads one DER OCSPResponse, or the BasicOCSPResponse alone as CAdES stores it (EN 319 122-1 §A.1.1.2); it fills `bytes`.
    ///
    /// # Errors
    /// [`OcspError`] when it is not DER, no successful basic response, or passes a limit.
    pub fn from_der(bytes: &[u8]) -> Result<Self, OcspError> {
        if bytes.len() > MAX_RESPONSE_BYTES {
            return Err(OcspError::TooLarge);
        }
        let outer = Reader::single(bytes, tag::SEQUENCE)?;
        if outer.reader()?.peek() == Some(tag::ENUMERATED) { Self::basic(inside(outer)?) } else { Self::basic(bytes) }
    }

    fn basic(bytes: &[u8]) -> Result<Self, OcspError> {
        let outer = Reader::single(bytes, tag::SEQUENCE)?;
        let mut fields = outer.reader()?;
        let tbs = fields.expect(tag::SEQUENCE)?;
        let algorithm = fields.expect(tag::SEQUENCE)?.raw().to_vec();
        let signature = value::bit_string_octets(fields.next()?)?.to_vec();
        let certificates = match fields.optional(tag::context_constructed(0))? {
            Some(explicit) => certificates(explicit)?,
            None => Vec::new(),
        };
        fields.finish()?;
        let start = bytes.len().saturating_sub(outer.content().len());
        let range = start..start.saturating_add(tbs.raw().len());
        let inner =
            Inner { der: bytes.to_vec(), tbs: range, algorithm, signature, certificates, ..response_data(tbs)? };
        Ok(Self(Arc::new(inner)))
    }

    /// The BasicOCSPResponse as received.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The whole OCSPResponse around it, as PDF's document security store keeps it (EN 319 142-1 §5.4.2.2).
    pub fn response_der(&self) -> Vec<u8> {
        let bytes = write::sequence(&[&write::oid(&BASIC), &write::octet_string(self.der())]);
        write::sequence(&[&write::tlv(tag::ENUMERATED, &[0]), &write::tlv(tag::context_constructed(0), &bytes)])
    }

    /// The nonce of the request, when the responder repeats it: the octets inside its OCTET STRING.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.0.nonce.as_deref()
    }

    pub fn responder(&self) -> &ResponderId {
        &self.0.responder
    }

    pub fn produced_at(&self) -> OffsetDateTime {
        self.0.produced_at
    }

    /// Critical extensions of the whole response that are not processed: it must not be used (RFC 6960 §4.4).
    pub fn unknown_critical(&self) -> &[ObjectIdentifier] {
        &self.0.unknown_critical
    }

    /// Certificates the responder sent along; unverified.
    pub fn certificates(&self) -> &[Certificate] {
        &self.0.certificates
    }

    /// What the response says about `certificate`, issued by `issuer`; several answers are possible.
    pub fn answers<'a>(
        &'a self,
        certificate: &'a Certificate,
        issuer: &'a Certificate,
    ) -> impl Iterator<Item = &'a SingleResponse> {
        self.0.answers.iter().filter(move |answer| answer.certificate.names(certificate, issuer))
    }

    /// Whether the responder's identifier fits this certificate.
    pub fn names_responder(&self, certificate: &Certificate) -> bool {
        match &self.0.responder {
            ResponderId::Name(name) => certificate.subject() == name.as_ref(),
            ResponderId::KeyHash(hash) => key_hash(certificate, DigestAlgorithm::Sha1).as_ref() == Some(hash),
        }
    }

    /// The algorithm of the response's signature.
    ///
    /// # Errors
    /// [`X509Error::Crypto`] when it is not supported.
    pub fn signature_algorithm(&self) -> Result<SignatureAlgorithm, X509Error> {
        issuer_algorithm(&self.0.algorithm, &self.0.algorithm)
    }

    /// Checks the response's signature over the received ResponseData with the responder's key.
    ///
    /// # Errors
    /// [`X509Error`] when the algorithm is not supported or the value does not verify.
    pub fn verify_issued_with(&self, responder_key: &PublicKey) -> Result<OcspSigned, X509Error> {
        let algorithm = self.signature_algorithm()?;
        let tbs = self.0.der.get(self.0.tbs.clone()).unwrap_or_default();
        let verified = responder_key.verify(algorithm, tbs, &self.0.signature)?;
        Ok(OcspSigned { algorithm, _verified: verified })
    }
}

impl PartialEq for OcspResponse {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for OcspResponse {}

impl fmt::Debug for OcspResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OcspResponse(producedAt {}, {} answers)", self.produced_at(), self.0.answers.len())
    }
}

impl CertId {
    /// Names a certificate of `issuer`; `None` when the issuer's key cannot be read.
    ///
    /// SHA-1 only abbreviates the issuer here, and is what every responder understands (RFC 5019 §2.1.1).
    pub fn of(certificate: &Certificate, issuer: &Certificate, hash: DigestAlgorithm) -> Option<Self> {
        Some(Self {
            hash: Some(hash),
            issuer_name_hash: hash.digest(certificate.issuer().der()).as_bytes().to_vec(),
            issuer_key_hash: key_hash(issuer, hash)?,
            serial: certificate.serial().to_vec(),
        })
    }

    /// `None` when the hash is not implemented.
    fn to_der(&self) -> Option<Vec<u8>> {
        Some(write::sequence(&[
            &write::sequence(&[&write::oid(&self.hash?.oid()), &write::tlv(tag::NULL, &[])]),
            &write::octet_string(&self.issuer_name_hash),
            &write::octet_string(&self.issuer_key_hash),
            &write::tlv(tag::INTEGER, &self.serial),
        ]))
    }

    /// Hashes of the issuer's name and key, and the serial number, must all fit.
    pub fn names(&self, certificate: &Certificate, issuer: &Certificate) -> bool {
        let Some(hash) = self.hash.filter(|_| self.serial == certificate.serial()) else { return false };
        hash.digest(certificate.issuer().der()).as_bytes() == self.issuer_name_hash
            && key_hash(issuer, hash).as_ref() == Some(&self.issuer_key_hash)
    }
}

/// Hash of the subjectPublicKey's octets, without tag, length and unused bits (RFC 6960 §4.1.1).
fn key_hash(certificate: &Certificate, hash: DigestAlgorithm) -> Option<Vec<u8>> {
    let mut fields = Reader::single(certificate.spki_der(), tag::SEQUENCE).ok()?.reader().ok()?;
    fields.expect(tag::SEQUENCE).ok()?;
    let key = value::bit_string_octets(fields.next().ok()?).ok()?;
    Some(hash.digest(key).as_bytes().to_vec())
}

/// The BasicOCSPResponse inside an OCSPResponse.
fn inside(outer: Tlv<'_>) -> Result<&[u8], OcspError> {
    let mut fields = outer.reader()?;
    let status = value::small(fields.expect(tag::ENUMERATED)?.content())?;
    if status != 0 {
        return Err(OcspError::Refused(ErrorStatus::of(status)));
    }
    let bytes = fields.optional(tag::context_constructed(0))?.ok_or(OcspError::NoAnswer)?;
    fields.finish()?;
    let mut bytes = bytes.reader()?.expect(tag::SEQUENCE)?.reader()?;
    if value::oid(bytes.next()?)? != BASIC {
        return Err(OcspError::NoAnswer);
    }
    Ok(bytes.expect(tag::OCTET_STRING)?.content())
}

fn certificates(explicit: Tlv<'_>) -> Result<Vec<Certificate>, OcspError> {
    let list = explicit.reader()?.expect(tag::SEQUENCE)?.reader()?.all(MAX_CERTIFICATES, "certificates")?;
    Ok(list.into_iter().filter_map(|certificate| Certificate::from_der(certificate.raw()).ok()).collect())
}

fn response_data(tbs: Tlv<'_>) -> Result<Inner, OcspError> {
    let mut fields = tbs.reader()?;
    fields.optional(tag::context_constructed(0))?;
    let responder = responder_id(fields.next()?)?;
    let produced_at = value::time(fields.expect(tag::GENERALIZED_TIME)?)?;
    let list = fields.expect(tag::SEQUENCE)?.reader()?.all(MAX_ANSWERS, "OCSP answers")?;
    let answers = list.into_iter().map(single_response).collect::<Result<_, _>>()?;
    let (mut unknown_critical, mut nonce) = (Vec::new(), None);
    if let Some(explicit) = fields.optional(tag::context_constructed(1))? {
        let read = read_extensions(explicit)?;
        (unknown_critical, nonce) = (read.unknown_critical, read.nonce);
    }
    fields.finish()?;
    Ok(Inner {
        responder,
        produced_at,
        answers,
        unknown_critical,
        nonce,
        der: Vec::new(),
        tbs: 0..0,
        algorithm: Vec::new(),
        signature: Vec::new(),
        certificates: Vec::new(),
    })
}

/// `ResponderID ::= CHOICE { byName [1] EXPLICIT Name, byKey [2] EXPLICIT OCTET STRING }`
fn responder_id(element: Tlv<'_>) -> Result<ResponderId, OcspError> {
    let mut inside = element.reader()?;
    match element.tag() {
        found if found == tag::context_constructed(1) => {
            Ok(ResponderId::Name(Box::new(Name::from_der(inside.next()?.raw())?)))
        }
        found if found == tag::context_constructed(2) => {
            Ok(ResponderId::KeyHash(inside.expect(tag::OCTET_STRING)?.content().to_vec()))
        }
        _ => Err(DerError::BadValue("a ResponderID is malformed").into()),
    }
}

fn single_response(element: Tlv<'_>) -> Result<SingleResponse, OcspError> {
    let mut fields = element.expect(tag::SEQUENCE)?.reader()?;
    let certificate = cert_id(fields.expect(tag::SEQUENCE)?)?;
    let status = cert_status(fields.next()?)?;
    let this_update = value::time(fields.expect(tag::GENERALIZED_TIME)?)?;
    let next_update = match fields.optional(tag::context_constructed(0))? {
        Some(explicit) => Some(value::time(explicit.reader()?.expect(tag::GENERALIZED_TIME)?)?),
        None => None,
    };
    let extensions = fields.optional(tag::context_constructed(1))?.map(read_extensions).transpose()?;
    let ExtensionValues { archive_cutoff, unknown_critical, .. } = extensions.unwrap_or_default();
    fields.finish()?;
    Ok(SingleResponse { certificate, status, this_update, next_update, archive_cutoff, unknown_critical })
}

fn cert_id(element: Tlv<'_>) -> Result<CertId, OcspError> {
    let mut fields = element.reader()?;
    let algorithm = value::oid(fields.expect(tag::SEQUENCE)?.reader()?.next()?)?;
    let issuer_name_hash = fields.expect(tag::OCTET_STRING)?.content().to_vec();
    let issuer_key_hash = fields.expect(tag::OCTET_STRING)?.content().to_vec();
    let serial = value::integer(fields.next()?)?.to_vec();
    fields.finish()?;
    Ok(CertId { hash: DigestAlgorithm::from_oid(&algorithm).ok(), issuer_name_hash, issuer_key_hash, serial })
}

/// `RevokedInfo ::= SEQUENCE { revocationTime GeneralizedTime, revocationReason [0] EXPLICIT CRLReason OPTIONAL }`
fn cert_status(element: Tlv<'_>) -> Result<CertStatus, OcspError> {
    match element.tag() {
        found if found == tag::context(0) => Ok(CertStatus::Good),
        found if found == tag::context(2) => Ok(CertStatus::Unknown),
        found if found == tag::context_constructed(1) => {
            let mut fields = element.reader()?;
            let date = value::time(fields.expect(tag::GENERALIZED_TIME)?)?;
            let reason = match fields.optional(tag::context_constructed(0))? {
                Some(explicit) => Some(value::small(explicit.reader()?.expect(tag::ENUMERATED)?.content())?),
                None => None,
            };
            fields.finish()?;
            Ok(CertStatus::Revoked { date, reason })
        }
        _ => Err(DerError::BadValue("a CertStatus is malformed").into()),
    }
}

/// What the extensions of a response or of one answer hold.
#[derive(Default)]
struct ExtensionValues {
    archive_cutoff: Option<OffsetDateTime>,
    nonce: Option<Vec<u8>>,
    /// Critical ones nobody here processes.
    unknown_critical: Vec<ObjectIdentifier>,
}

fn read_extensions(explicit: Tlv<'_>) -> Result<ExtensionValues, OcspError> {
    let mut read = ExtensionValues::default();
    for extension in extensions::list(explicit.reader()?.expect(tag::SEQUENCE)?)? {
        match extension.oid {
            ARCHIVE_CUTOFF => {
                let cutoff = Reader::new(&extension.value, Rules::Der).expect(tag::GENERALIZED_TIME)?;
                read.archive_cutoff = Some(value::time(cutoff)?);
            }
            // Old responders repeat the octets without an OCTET STRING around them: nobody who only reads needs them.
            NONCE => {
                let octets = Reader::single(&extension.value, tag::OCTET_STRING);
                read.nonce = Some(octets.map_or_else(|_| extension.value.clone(), |octets| octets.content().to_vec()));
            }
            oid if extension.criticality == Criticality::Critical => read.unknown_critical.push(oid),
            _ => {}
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::super::x509::testing::{Answer, Issuer, Template};
    use super::*;
    use crate::formats::der::write;
    use time::macros::datetime;

    const THIS: OffsetDateTime = datetime!(2026-05-01 0:00 UTC);
    const NEXT: OffsetDateTime = datetime!(2026-05-02 0:00 UTC);

    #[test]
    fn answer_names_its_certificate_and_no_other() {
        let (root, other) = (Issuer::root("Root"), Issuer::root("Other"));
        let leaf = root.issue(&Template::signer("An")).certificate;
        let twin = other.issue(&Template::signer("An")).certificate;
        let der = root.ocsp(&root, &leaf, Answer::Good, (THIS, NEXT), &[]);
        let response = OcspResponse::from_der(&der).expect("response");
        let answers: Vec<_> = response.answers(&leaf, &root.certificate).collect();
        assert_eq!(answers.len(), 1);
        assert_eq!((answers[0].status, answers[0].this_update), (CertStatus::Good, THIS));
        assert_eq!(answers[0].next_update, Some(NEXT));
        assert_eq!(response.answers(&twin, &other.certificate).count(), 0);
        assert!(response.names_responder(&root.certificate) && !response.names_responder(&leaf));
    }

    #[test]
    fn revocation_and_its_reason_are_read() {
        let root = Issuer::root("Root");
        let leaf = root.issue(&Template::signer("An")).certificate;
        let der = root.ocsp(&root, &leaf, Answer::Revoked(THIS, 6), (THIS, NEXT), &[]);
        let response = OcspResponse::from_der(&der).expect("response");
        let status = response.answers(&leaf, &root.certificate).next().expect("answer").status;
        assert_eq!(status, CertStatus::Revoked { date: THIS, reason: Some(6) });
    }

    #[test]
    fn basic_response_alone_is_read_like_the_whole() {
        let root = Issuer::root("Root");
        let leaf = root.issue(&Template::signer("An")).certificate;
        let der = root.ocsp(&root, &leaf, Answer::Good, (THIS, NEXT), &[]);
        let whole = OcspResponse::from_der(&der).expect("whole");
        assert_eq!(OcspResponse::from_der(whole.der()).expect("basic"), whole);
        assert_eq!(whole.response_der(), der);
    }

    #[test]
    fn signature_is_checked_over_the_received_octets() {
        let (root, other) = (Issuer::root("Root"), Issuer::root("Other"));
        let leaf = root.issue(&Template::signer("An")).certificate;
        let der = root.ocsp(&root, &leaf, Answer::Good, (THIS, NEXT), &[]);
        let response = OcspResponse::from_der(&der).expect("response");
        let key = |issuer: &Issuer| issuer.certificate.public_key().expect("key");
        assert!(response.verify_issued_with(&key(&root)).is_ok());
        assert!(response.verify_issued_with(&key(&other)).is_err());
    }

    #[test]
    fn error_status_and_junk_are_refused() {
        let try_later = write::sequence(&[&[0x0a, 1, 3]]);
        let refused = Some(OcspError::Refused(ErrorStatus::TryLater));
        assert_eq!(OcspResponse::from_der(&try_later).err(), refused);
        let empty = write::sequence(&[&[0x0a, 1, 0]]);
        assert_eq!(OcspResponse::from_der(&empty).err(), Some(OcspError::NoAnswer));
        assert!(OcspResponse::from_der(b"").is_err());
        assert!(OcspResponse::from_der(&write::sequence(&[])).is_err());
        assert_eq!(OcspResponse::from_der(&vec![0x30; MAX_RESPONSE_BYTES + 1]).err(), Some(OcspError::TooLarge));
    }
}
