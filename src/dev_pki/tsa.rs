//! The time-stamping authority: one TimeStampReq in, one TimeStampResp out (RFC 3161, signing certificate as RFC 5816).

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNED_DATA};
use der::asn1::{BitString, GeneralizedTime, Int, OctetString, SetOfVec, Uint};
use der::{Any, Decode as _, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;
use time::OffsetDateTime;
use x509_cert::attr::Attribute;
use x509_cert::ext::Extensions;
use x509_cert::ext::pkix::name::GeneralName;

use super::DevPkiError;
use super::authority::{Identity, encoding, generalized_time};
use crate::crypto::{Digest, DigestAlgorithm};

const ID_CT_TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const ID_AA_SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
/// The authority's policy, in an arc reserved for documentation (RFC 5612).
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.23.2");
/// Longest request read, in bytes: a SHA-512 imprint, a policy and a nonce take some 150.
const MAX_REQUEST: usize = 1024;

/// ```text
/// TimeStampReq ::= SEQUENCE {
///   version         INTEGER { v1(1) },
///   messageImprint  MessageImprint,
///   reqPolicy       TSAPolicyId OPTIONAL,
///   nonce           INTEGER OPTIONAL,
///   certReq         BOOLEAN DEFAULT FALSE,
///   extensions  [0] IMPLICIT Extensions OPTIONAL }   -- RFC 3161 §2.4.1
/// ```
#[derive(Debug, Sequence)]
struct TimeStampReq {
    version: u8,
    message_imprint: MessageImprint,
    #[asn1(optional = "true")]
    req_policy: Option<ObjectIdentifier>,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
    #[asn1(default = "Default::default")]
    cert_req: bool,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

/// ```text
/// MessageImprint ::= SEQUENCE { hashAlgorithm AlgorithmIdentifier, hashedMessage OCTET STRING }
/// ```
#[derive(Debug, Clone, Sequence)]
struct MessageImprint {
    hash_algorithm: AlgorithmIdentifierOwned,
    hashed_message: OctetString,
}

/// ```text
/// TSTInfo ::= SEQUENCE {
///   version         INTEGER { v1(1) },
///   policy          TSAPolicyId,
///   messageImprint  MessageImprint,
///   serialNumber    INTEGER,
///   genTime         GeneralizedTime,
///   accuracy        Accuracy OPTIONAL,
///   ordering        BOOLEAN DEFAULT FALSE,
///   nonce           INTEGER OPTIONAL,
///   tsa         [0] GeneralName OPTIONAL,
///   extensions  [1] IMPLICIT Extensions OPTIONAL }   -- RFC 3161 §2.4.2
/// ```
#[derive(Debug, Sequence)]
struct TstInfo {
    version: u8,
    policy: ObjectIdentifier,
    message_imprint: MessageImprint,
    serial_number: Uint,
    gen_time: GeneralizedTime,
    accuracy: Accuracy,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    tsa: GeneralName,
}

/// ```text
/// Accuracy ::= SEQUENCE { seconds INTEGER OPTIONAL, millis [0] INTEGER OPTIONAL, micros [1] INTEGER OPTIONAL }
/// ```
#[derive(Debug, Sequence)]
struct Accuracy {
    seconds: u8,
}

/// ```text
/// TimeStampResp ::= SEQUENCE { status PKIStatusInfo, timeStampToken ContentInfo OPTIONAL }
/// ```
#[derive(Debug, Sequence)]
struct TimeStampResp {
    status: PkiStatusInfo,
    #[asn1(optional = "true")]
    time_stamp_token: Option<ContentInfo>,
}

/// ```text
/// PKIStatusInfo ::= SEQUENCE { status INTEGER, statusString PKIFreeText OPTIONAL, failInfo BIT STRING OPTIONAL }
/// ```
#[derive(Debug, Sequence)]
struct PkiStatusInfo {
    status: u8,
    #[asn1(optional = "true")]
    status_string: Option<Vec<String>>,
    #[asn1(optional = "true")]
    fail_info: Option<BitString>,
}

/// ```text
/// SigningCertificateV2 ::= SEQUENCE { certs SEQUENCE OF ESSCertIDv2, policies ... OPTIONAL }
/// ESSCertIDv2 ::= SEQUENCE { hashAlgorithm DEFAULT id-sha256, certHash OCTET STRING, issuerSerial OPTIONAL }  -- RFC 5035
/// ```
#[derive(Debug, Sequence)]
struct SigningCertificateV2 {
    certs: Vec<EssCertIdV2>,
}

#[derive(Debug, Sequence)]
struct EssCertIdV2 {
    cert_hash: OctetString,
}

/// How the authority behaves: so that others can see what happens when one fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TsaMode {
    #[default]
    Ok,
    /// Its token is about another hash.
    WrongImprint,
    /// Its token answers another request.
    WrongNonce,
    /// Its token is signed under a root nobody knows.
    UnknownSigner,
    /// It refuses every request: timeNotAvailable.
    Rejects,
}

/// Why a request is rejected; the number is the bit of PKIFailureInfo (RFC 3161 §2.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    BadAlg = 0,
    BadRequest = 2,
    BadDataFormat = 5,
    TimeNotAvailable = 14,
    UnacceptedPolicy = 15,
    UnacceptedExtension = 16,
}

/// Answers `request` in the way `mode` says; `now` is the genTime. A request that cannot be answered gets a rejection, which is a response too.
///
/// # Errors
/// [`DevPkiError`] when the authority itself fails.
pub(super) fn respond(
    tsa: &Identity,
    issuing: &Identity,
    mode: TsaMode,
    request: &[u8],
    now: OffsetDateTime,
) -> Result<Vec<u8>, DevPkiError> {
    let checked = match mode {
        TsaMode::Rejects => Err(Failure::TimeNotAvailable),
        _ => check(request),
    };
    let response = match checked {
        Ok(mut request) => {
            falsify(&mut request, mode)?;
            let certificates = if request.cert_req { vec![tsa, issuing] } else { Vec::new() };
            let info = tst_info(tsa, request, now)?;
            TimeStampResp { status: granted(), time_stamp_token: Some(token(tsa, &certificates, &info)?) }
        }
        Err(failure) => TimeStampResp { status: rejection(failure)?, time_stamp_token: None },
    };
    response.to_der().map_err(encoding)
}

/// Turns the question into another one, whose answer is then a wrong one.
fn falsify(request: &mut TimeStampReq, mode: TsaMode) -> Result<(), DevPkiError> {
    match mode {
        TsaMode::WrongImprint => {
            let mut hash = request.message_imprint.hashed_message.as_bytes().to_vec();
            hash.iter_mut().for_each(|octet| *octet = !*octet);
            request.message_imprint.hashed_message = OctetString::new(hash).map_err(encoding)?;
        }
        TsaMode::WrongNonce => request.nonce = Some(Int::new(&[0x2a]).map_err(encoding)?),
        TsaMode::Ok | TsaMode::UnknownSigner | TsaMode::Rejects => {}
    }
    Ok(())
}

fn check(request: &[u8]) -> Result<TimeStampReq, Failure> {
    if request.len() > MAX_REQUEST {
        return Err(Failure::BadDataFormat);
    }
    let request = TimeStampReq::from_der(request).map_err(|_| Failure::BadDataFormat)?;
    if request.version != 1 {
        return Err(Failure::BadRequest);
    }
    let imprint = &request.message_imprint;
    let hash = DigestAlgorithm::from_oid(&imprint.hash_algorithm.oid).map_err(|_| Failure::BadAlg)?;
    if hash < DigestAlgorithm::Sha256 {
        return Err(Failure::BadAlg);
    }
    if Digest::from_bytes(hash, imprint.hashed_message.as_bytes()).is_none() {
        return Err(Failure::BadDataFormat);
    }
    if request.req_policy.is_some_and(|policy| policy != POLICY) {
        return Err(Failure::UnacceptedPolicy);
    }
    if request.extensions.is_some() {
        return Err(Failure::UnacceptedExtension);
    }
    Ok(request)
}

fn tst_info(tsa: &Identity, request: TimeStampReq, now: OffsetDateTime) -> Result<Vec<u8>, DevPkiError> {
    let mut serial = [0u8; 16];
    aws_lc_rs::rand::fill(&mut serial).map_err(|_| DevPkiError::NoRandomness)?;
    let info = TstInfo {
        version: 1,
        policy: POLICY,
        message_imprint: request.message_imprint,
        serial_number: Uint::new(&serial).map_err(encoding)?,
        gen_time: generalized_time(now)?,
        accuracy: Accuracy { seconds: 1 },
        nonce: request.nonce,
        tsa: GeneralName::DirectoryName(tsa.certificate.tbs_certificate().subject().clone()),
    };
    info.to_der().map_err(encoding)
}

/// The TimeStampToken: SignedData around the TSTInfo, one SignerInfo (RFC 3161 §2.4.2).
fn token(tsa: &Identity, certificates: &[&Identity], info: &[u8]) -> Result<ContentInfo, DevPkiError> {
    let sha256 = AlgorithmIdentifierOwned { oid: DigestAlgorithm::Sha256.oid(), parameters: None };
    let choices = certificates.iter().map(|identity| CertificateChoices::Certificate(identity.certificate.clone()));
    let choices: Vec<_> = choices.collect();
    let signed = SignedData {
        version: CmsVersion::V3,
        digest_algorithms: SetOfVec::from_iter([sha256.clone()]).map_err(encoding)?,
        encap_content_info: EncapsulatedContentInfo {
            econtent_type: ID_CT_TST_INFO,
            econtent: Some(Any::encode_from(&OctetString::new(info).map_err(encoding)?).map_err(encoding)?),
        },
        certificates: match choices.is_empty() {
            true => None,
            false => Some(CertificateSet::try_from(choices).map_err(encoding)?),
        },
        crls: None,
        signer_infos: SignerInfos::try_from(vec![signer_info(tsa, sha256, info)?]).map_err(encoding)?,
    };
    Ok(ContentInfo { content_type: ID_SIGNED_DATA, content: Any::encode_from(&signed).map_err(encoding)? })
}

fn signer_info(tsa: &Identity, digest_alg: AlgorithmIdentifierOwned, info: &[u8]) -> Result<SignerInfo, DevPkiError> {
    let octets = |digest: Digest| OctetString::new(digest.as_bytes()).map_err(encoding);
    let message_digest = octets(DigestAlgorithm::Sha256.digest(info))?;
    let cert_hash = octets(DigestAlgorithm::Sha256.digest(&tsa.der()?))?;
    let signing_certificate = SigningCertificateV2 { certs: vec![EssCertIdV2 { cert_hash }] };
    let signed_attrs = SetOfVec::from_iter([
        attribute(ID_CONTENT_TYPE, &ID_CT_TST_INFO)?,
        attribute(ID_MESSAGE_DIGEST, &message_digest)?,
        attribute(ID_AA_SIGNING_CERTIFICATE_V2, &signing_certificate)?,
    ])
    .map_err(encoding)?;
    let signature = tsa.sign(&signed_attrs.to_der().map_err(encoding)?)?;
    let tbs = tsa.certificate.tbs_certificate();
    Ok(SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: tbs.issuer().clone(),
            serial_number: tbs.serial_number().clone(),
        }),
        digest_alg,
        signed_attrs: Some(signed_attrs),
        signature_algorithm: tsa.signature_identifier()?,
        signature: OctetString::new(signature.raw_bytes()).map_err(encoding)?,
        unsigned_attrs: None,
    })
}

fn attribute(oid: ObjectIdentifier, value: &(impl Encode + der::Tagged)) -> Result<Attribute, DevPkiError> {
    let value = Any::from_der(&value.to_der().map_err(encoding)?).map_err(encoding)?;
    Ok(Attribute { oid, values: SetOfVec::from_iter([value]).map_err(encoding)? })
}

fn granted() -> PkiStatusInfo {
    PkiStatusInfo { status: 0, status_string: None, fail_info: None }
}

fn rejection(failure: Failure) -> Result<PkiStatusInfo, DevPkiError> {
    let bit = failure as u8;
    // A named bit list ends with its last one bit (X.690 §11.2.2).
    let mut bytes = vec![0u8; usize::from(bit / 8)];
    bytes.push(0x80 >> (bit % 8));
    let fail_info = BitString::new(7 - bit % 8, bytes).map_err(encoding)?;
    Ok(PkiStatusInfo { status: 2, status_string: None, fail_info: Some(fail_info) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(change: impl FnOnce(&mut TimeStampReq)) -> Vec<u8> {
        let imprint = MessageImprint {
            hash_algorithm: AlgorithmIdentifierOwned { oid: DigestAlgorithm::Sha256.oid(), parameters: None },
            hashed_message: OctetString::new([7; 32]).expect("octets"),
        };
        let mut request = TimeStampReq {
            version: 1,
            message_imprint: imprint,
            req_policy: None,
            nonce: None,
            cert_req: true,
            extensions: None,
        };
        change(&mut request);
        request.to_der().expect("DER")
    }

    #[test]
    fn each_fault_of_a_request_has_its_failure() {
        let failure = |change: fn(&mut TimeStampReq)| check(&request(change)).map(|_| ()).err();
        assert_eq!(failure(|_| ()), None);
        assert_eq!(failure(|r| r.version = 2), Some(Failure::BadRequest));
        assert_eq!(failure(|r| r.req_policy = Some(ID_CT_TST_INFO)), Some(Failure::UnacceptedPolicy));
        assert_eq!(failure(|r| r.req_policy = Some(POLICY)), None);
        assert_eq!(failure(|r| r.extensions = Some(Vec::new())), Some(Failure::UnacceptedExtension));
        let sha1 = |r: &mut TimeStampReq| r.message_imprint.hash_algorithm.oid = DigestAlgorithm::Sha1.oid();
        assert_eq!(failure(sha1), Some(Failure::BadAlg));
        let sha512 = |r: &mut TimeStampReq| r.message_imprint.hash_algorithm.oid = DigestAlgorithm::Sha512.oid();
        assert_eq!(failure(sha512), Some(Failure::BadDataFormat));
        assert_eq!(check(&[0x30; MAX_REQUEST + 1]).map(|_| ()), Err(Failure::BadDataFormat));
        assert_eq!(check(b"").map(|_| ()), Err(Failure::BadDataFormat));
    }

    #[test]
    fn a_rejection_names_its_bit() {
        let info = rejection(Failure::UnacceptedPolicy).expect("status").fail_info.expect("bits");
        assert_eq!((info.unused_bits(), info.raw_bytes()), (0, &[0x00, 0x01][..]));
        let info = rejection(Failure::BadAlg).expect("status").fail_info.expect("bits");
        assert_eq!((info.unused_bits(), info.raw_bytes()), (7, &[0x80][..]));
    }
}
