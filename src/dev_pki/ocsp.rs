//! The OCSP responder of the issuing CA: one OCSPRequest in, one OCSPResponse out (RFC 6960).

use const_oid::ObjectIdentifier;
use der::asn1::{BitString, GeneralizedTime, Null, OctetString};
use der::{Any, Choice, Decode as _, Encode as _, Enumerated, Sequence};
use spki::AlgorithmIdentifierOwned;
use time::{Duration, OffsetDateTime};
use x509_cert::Certificate;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::ext::{Extension, Extensions};
use x509_cert::serial_number::SerialNumber;

use super::DevPkiError;
use super::authority::{Identity, encoding, generalized_time, key_identifier};
use super::ledger::{Ledger, Standing};
use crate::crypto::DigestAlgorithm;

const ID_PKIX_OCSP_BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
const ID_PKIX_OCSP_NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");
/// From thisUpdate to nextUpdate.
const FRESH_FOR: Duration = Duration::days(1);
/// Longest request read, in bytes: twenty certificates with a nonce take some 2,000.
const MAX_REQUEST: usize = 4096;
/// Most certificates asked for at once.
const MAX_CERTIFICATES: usize = 20;
/// Longest nonce echoed, with its OCTET STRING header, in bytes (RFC 9654 §2.1 allows 128).
const MAX_NONCE: usize = 131;

/// ```text
/// OCSPRequest ::= SEQUENCE { tbsRequest TBSRequest, optionalSignature [0] EXPLICIT Signature OPTIONAL }
/// ```
#[derive(Debug, Sequence)]
struct OcspRequest {
    tbs_request: TbsRequest,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    optional_signature: Option<Any>,
}

/// ```text
/// TBSRequest ::= SEQUENCE {
///   version           [0] EXPLICIT Version DEFAULT v1,
///   requestorName     [1] EXPLICIT GeneralName OPTIONAL,
///   requestList           SEQUENCE OF Request,
///   requestExtensions [2] EXPLICIT Extensions OPTIONAL }   -- RFC 6960 §4.1.1
/// ```
#[derive(Debug, Sequence)]
struct TbsRequest {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", default = "Default::default")]
    version: u8,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    requestor_name: Option<Any>,
    request_list: Vec<Request>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    request_extensions: Option<Extensions>,
}

#[derive(Debug, Sequence)]
struct Request {
    req_cert: CertId,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    single_request_extensions: Option<Extensions>,
}

/// ```text
/// CertID ::= SEQUENCE {
///   hashAlgorithm AlgorithmIdentifier, issuerNameHash OCTET STRING, issuerKeyHash OCTET STRING,
///   serialNumber CertificateSerialNumber }
/// ```
#[derive(Debug, Clone, Sequence)]
struct CertId {
    hash_algorithm: AlgorithmIdentifierOwned,
    issuer_name_hash: OctetString,
    issuer_key_hash: OctetString,
    serial_number: SerialNumber,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumerated)]
#[repr(u8)]
enum ResponseStatus {
    Successful = 0,
    MalformedRequest = 1,
    TryLater = 3,
}

/// ```text
/// OCSPResponse ::= SEQUENCE { responseStatus ENUMERATED, responseBytes [0] EXPLICIT ResponseBytes OPTIONAL }
/// ```
#[derive(Debug, Sequence)]
struct OcspResponse {
    response_status: ResponseStatus,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    response_bytes: Option<ResponseBytes>,
}

#[derive(Debug, Sequence)]
struct ResponseBytes {
    response_type: ObjectIdentifier,
    response: OctetString,
}

/// ```text
/// BasicOCSPResponse ::= SEQUENCE {
///   tbsResponseData ResponseData, signatureAlgorithm AlgorithmIdentifier, signature BIT STRING,
///   certs [0] EXPLICIT SEQUENCE OF Certificate OPTIONAL }
/// ```
#[derive(Debug, Sequence)]
struct BasicOcspResponse {
    tbs_response_data: ResponseData,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    certs: Option<Vec<Certificate>>,
}

/// ```text
/// ResponseData ::= SEQUENCE {
///   version [0] EXPLICIT Version DEFAULT v1, responderID ResponderID, producedAt GeneralizedTime,
///   responses SEQUENCE OF SingleResponse, responseExtensions [1] EXPLICIT Extensions OPTIONAL }   -- RFC 6960 §4.2.1
/// ```
#[derive(Debug, Sequence)]
struct ResponseData {
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT")]
    responder_key: OctetString,
    produced_at: GeneralizedTime,
    responses: Vec<SingleResponse>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    response_extensions: Option<Extensions>,
}

#[derive(Debug, Sequence)]
struct SingleResponse {
    cert_id: CertId,
    cert_status: CertStatus,
    this_update: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    next_update: Option<GeneralizedTime>,
}

/// ```text
/// CertStatus ::= CHOICE { good [0] IMPLICIT NULL, revoked [1] IMPLICIT RevokedInfo, unknown [2] IMPLICIT NULL }
/// ```
#[derive(Debug, Choice)]
enum CertStatus {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    Good(Null),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Revoked(RevokedInfo),
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT")]
    Unknown(Null),
}

#[derive(Debug, Sequence)]
struct RevokedInfo {
    revocation_time: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    revocation_reason: Option<CrlReason>,
}

/// How the responder behaves: so that others can see what happens when one fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OcspMode {
    #[default]
    Ok,
    /// It knows no certificate.
    Unknown,
    /// It asks to be asked later.
    TryLater,
}

/// Answers `request` in the way `mode` says. Certificates of other issuers, and serial numbers never issued, are `unknown`.
///
/// # Errors
/// [`DevPkiError`] when the responder itself fails; a malformed request gets a response that says so.
pub(super) fn respond(
    responder: &Identity,
    issuing: &Identity,
    ledger: &Ledger,
    (mode, request): (OcspMode, &[u8]),
    now: OffsetDateTime,
) -> Result<Vec<u8>, DevPkiError> {
    let error = |status| OcspResponse { response_status: status, response_bytes: None }.to_der().map_err(encoding);
    if mode == OcspMode::TryLater {
        return error(ResponseStatus::TryLater);
    }
    let Some(request) = read(request) else { return error(ResponseStatus::MalformedRequest) };
    let nobody = Ledger::default();
    let ledger = if mode == OcspMode::Unknown { &nobody } else { ledger };
    let responses = request.request_list.into_iter().map(|single| answer(issuing, ledger, single.req_cert, now));
    let tbs_response_data = ResponseData {
        responder_key: key_identifier(&responder.certificate)?,
        produced_at: generalized_time(now)?,
        responses: responses.collect::<Result<_, _>>()?,
        response_extensions: nonce(request.request_extensions).map(|nonce| vec![nonce]),
    };
    let signature = responder.sign(&tbs_response_data.to_der().map_err(encoding)?)?;
    let basic = BasicOcspResponse {
        tbs_response_data,
        signature_algorithm: responder.signature_identifier()?,
        signature,
        certs: Some(vec![responder.certificate.clone()]),
    };
    let response = OctetString::new(basic.to_der().map_err(encoding)?).map_err(encoding)?;
    let response_bytes = Some(ResponseBytes { response_type: ID_PKIX_OCSP_BASIC, response });
    OcspResponse { response_status: ResponseStatus::Successful, response_bytes }.to_der().map_err(encoding)
}

fn read(request: &[u8]) -> Option<TbsRequest> {
    if request.len() > MAX_REQUEST {
        return None;
    }
    let request = OcspRequest::from_der(request).ok()?.tbs_request;
    let count = request.request_list.len();
    (request.version == 0 && (1..=MAX_CERTIFICATES).contains(&count)).then_some(request)
}

fn answer(
    issuing: &Identity,
    ledger: &Ledger,
    cert_id: CertId,
    now: OffsetDateTime,
) -> Result<SingleResponse, DevPkiError> {
    let standing = match names_issuer(&cert_id, issuing)? {
        true => ledger.standing(cert_id.serial_number.as_bytes()),
        false => Standing::Unknown,
    };
    let cert_status = match standing {
        Standing::Good => CertStatus::Good(Null),
        Standing::Unknown => CertStatus::Unknown(Null),
        Standing::Revoked(at) => CertStatus::Revoked(RevokedInfo {
            revocation_time: generalized_time(at)?,
            revocation_reason: Some(CrlReason::KeyCompromise),
        }),
    };
    let next_update = Some(generalized_time(now + FRESH_FOR)?);
    Ok(SingleResponse { cert_id, cert_status, this_update: generalized_time(now)?, next_update })
}

/// SHA-1 is taken here too: it only names the issuer, and most clients use it.
fn names_issuer(cert_id: &CertId, issuing: &Identity) -> Result<bool, DevPkiError> {
    let Ok(hash) = DigestAlgorithm::from_oid(&cert_id.hash_algorithm.oid) else { return Ok(false) };
    let tbs = issuing.certificate.tbs_certificate();
    let name = tbs.subject().to_der().map_err(encoding)?;
    let key = tbs.subject_public_key_info().subject_public_key.raw_bytes();
    Ok(hash.digest(&name).as_bytes() == cert_id.issuer_name_hash.as_bytes()
        && hash.digest(key).as_bytes() == cert_id.issuer_key_hash.as_bytes())
}

fn nonce(extensions: Option<Extensions>) -> Option<Extension> {
    let is_nonce = |e: &Extension| e.extn_id == ID_PKIX_OCSP_NONCE && e.extn_value.as_bytes().len() <= MAX_NONCE;
    extensions?.into_iter().find(is_nonce)
}
