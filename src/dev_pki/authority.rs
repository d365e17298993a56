//! A certification authority of the development PKI: its key, its certificate, and the two things it signs.
//!
//! `Profile` says what a certificate is for; the extensions follow from it (RFC 5280 §4.2, RFC 6960 §4.2.2.2, RFC 3161 §2.3).

use const_oid::db::rfc5280::{
    ANY_POLICY, ID_AD_CA_ISSUERS, ID_AD_OCSP, ID_KP_CLIENT_AUTH, ID_KP_EMAIL_PROTECTION, ID_KP_OCSP_SIGNING,
    ID_KP_TIME_STAMPING,
};
use const_oid::{AssociatedOid, ObjectIdentifier};
use der::asn1::{BitString, GeneralizedTime, Ia5String, Null, OctetString};
use der::{Decode as _, Encode, EncodePem as _};
use signature::{Keypair, Signer};
use spki::{
    AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier, EncodePublicKey, SignatureBitStringEncoding,
    SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef,
};
use time::{Duration, OffsetDateTime};
use x509_cert::builder::{Builder as _, CertificateBuilder, profile::BuilderProfile};
use x509_cert::certificate::TbsCertificate;
use x509_cert::crl::{CertificateList, RevokedCert, TbsCertList};
use x509_cert::ext::pkix::certpolicy::PolicyInformation;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies,
    CrlDistributionPoints, CrlNumber, CrlReason, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension as _};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};
use x509_cert::{Certificate, Version};

use super::DevPkiError;
use super::ledger::Revocation;
use crate::custody::software::engine::PrivateKey;

/// id-kp-documentSigning (RFC 9336).
const ID_KP_DOCUMENT_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36");
/// id-pkix-ocsp-nocheck (RFC 6960 §4.2.2.2.1).
const ID_PKIX_OCSP_NOCHECK: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.5");

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Profile {
    Root,
    /// Issues to subscribers only: pathLenConstraint 0.
    IssuingCa,
    /// Carries the policy of the specification.
    Subscriber(ObjectIdentifier),
    OcspResponder,
    TimeStamping,
}

/// Where the certificates of one issuer say its CRL, its certificate and its responder are.
#[derive(Debug, Clone)]
pub(super) struct Locations {
    pub crl: String,
    pub certificate: String,
    /// None where no responder speaks for the issuer.
    pub ocsp: Option<String>,
}

/// A key with its certificate.
pub(super) struct Identity {
    pub key: PrivateKey,
    pub certificate: Certificate,
}

/// What goes into a certificate besides its profile.
pub(super) struct Subject {
    pub name: Name,
    pub public_key: SubjectPublicKeyInfoOwned,
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
}

impl Identity {
    /// Makes a self-signed root.
    pub fn self_signed(key: PrivateKey, subject: Subject) -> Result<Self, DevPkiError> {
        let issuer = subject.name.clone();
        let certificate = sign_certificate(&key, issuer, subject, Profile::Root, None)?;
        Ok(Self { key, certificate })
    }

    /// Issues a certificate.
    pub fn issue(&self, subject: Subject, profile: Profile, at: &Locations) -> Result<Certificate, DevPkiError> {
        let issuer = self.certificate.tbs_certificate().subject().clone();
        sign_certificate(&self.key, issuer, subject, profile, Some(at))
    }

    /// Makes a complete CRL (RFC 5280 §5), numbered by the time it is made.
    pub fn crl<'a>(
        &self,
        revoked: impl Iterator<Item = &'a Revocation>,
        now: OffsetDateTime,
        validity: Duration,
    ) -> Result<CertificateList, DevPkiError> {
        let issuer = self.certificate.tbs_certificate().subject().clone();
        let entries = revoked.map(|entry| crl_entry(entry, &issuer)).collect::<Result<Vec<_>, _>>()?;
        let number = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).map_err(|_| DevPkiError::Time)?;
        let key_identifier = AuthorityKeyIdentifier {
            key_identifier: Some(key_identifier(&self.certificate)?),
            ..AuthorityKeyIdentifier::default()
        };
        let signature = self.signature_identifier()?;
        let tbs_cert_list = TbsCertList {
            version: Version::V2,
            signature: signature.clone(),
            this_update: x509_time(now)?,
            next_update: Some(x509_time(now + validity)?),
            // An empty list is left out: RFC 5280 §5.1.2.6.
            revoked_certificates: (!entries.is_empty()).then_some(entries),
            crl_extensions: Some(vec![
                extension(false, &key_identifier)?,
                extension(false, &CrlNumber::try_from(number).map_err(encoding)?)?,
            ]),
            issuer,
        };
        let value = self.sign(&tbs_cert_list.to_der().map_err(encoding)?)?;
        Ok(CertificateList { tbs_cert_list, signature_algorithm: signature, signature: value })
    }

    /// Signs `message` with the algorithm of [`PrivateKey::certificate_signature`].
    pub fn sign(&self, message: &[u8]) -> Result<BitString, DevPkiError> {
        let value = self.key.sign(self.key.certificate_signature(), message)?;
        BitString::from_bytes(&value.0).map_err(encoding)
    }

    /// The identifier of what [`Self::sign`] makes.
    pub fn signature_identifier(&self) -> Result<AlgorithmIdentifierOwned, DevPkiError> {
        self.key.certificate_signature().to_identifier().map_err(encoding)
    }

    pub fn der(&self) -> Result<Vec<u8>, DevPkiError> {
        self.certificate.to_der().map_err(encoding)
    }

    pub fn pem(&self) -> Result<String, DevPkiError> {
        self.certificate.to_pem(der::pem::LineEnding::LF).map_err(encoding)
    }

    pub fn not_after(&self) -> Result<OffsetDateTime, DevPkiError> {
        let seconds = self.certificate.tbs_certificate().validity().not_after.to_unix_duration().as_secs();
        i64::try_from(seconds)
            .ok()
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
            .ok_or(DevPkiError::Time)
    }
}

/// The subjectKeyIdentifier of a certificate.
pub(super) fn key_identifier(certificate: &Certificate) -> Result<OctetString, DevPkiError> {
    let spki = certificate.tbs_certificate().subject_public_key_info().to_der().map_err(encoding)?;
    let spki = SubjectPublicKeyInfoRef::from_der(&spki).map_err(encoding)?;
    SubjectKeyIdentifier::try_from(spki).map(|id| id.0).map_err(encoding)
}

pub(super) fn encoding(error: impl std::fmt::Display) -> DevPkiError {
    DevPkiError::Encoding(error.to_string())
}

/// Whole seconds, as RFC 3161 and RFC 6960 write times.
pub(super) fn generalized_time(at: OffsetDateTime) -> Result<GeneralizedTime, DevPkiError> {
    let seconds = u64::try_from(at.unix_timestamp()).map_err(|_| DevPkiError::Time)?;
    GeneralizedTime::from_unix_duration(std::time::Duration::from_secs(seconds)).map_err(|_| DevPkiError::Time)
}

/// UTCTime until 2049, GeneralizedTime after (RFC 5280 §4.1.2.5); whole seconds.
pub(super) fn x509_time(at: OffsetDateTime) -> Result<Time, DevPkiError> {
    let seconds = u64::try_from(at.unix_timestamp()).map_err(|_| DevPkiError::Time)?;
    let date = der::DateTime::from_unix_duration(std::time::Duration::from_secs(seconds));
    date.map(Time::from).map_err(|_| DevPkiError::Time)
}

fn sign_certificate(
    key: &PrivateKey,
    issuer: Name,
    subject: Subject,
    profile: Profile,
    at: Option<&Locations>,
) -> Result<Certificate, DevPkiError> {
    let extensions = Extensions { issuer, subject: subject.name, profile, at: at.cloned() };
    let validity = Validity::new(x509_time(subject.not_before)?, x509_time(subject.not_after)?);
    let builder = CertificateBuilder::new(extensions, random_serial()?, validity, subject.public_key);
    let signer = SigningCa::new(key)?;
    builder.and_then(|builder| builder.build::<_, RawSignature>(&signer)).map_err(encoding)
}

/// 127 random bits behind a leading one: always positive, always 16 bytes.
fn random_serial() -> Result<SerialNumber, DevPkiError> {
    let mut bytes = [0u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| DevPkiError::NoRandomness)?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::new(&bytes).map_err(encoding)
}

fn crl_entry(entry: &Revocation, issuer: &Name) -> Result<RevokedCert, DevPkiError> {
    let reason = CrlReason::KeyCompromise.to_extension(issuer, &[]).map_err(encoding)?;
    Ok(RevokedCert {
        serial_number: SerialNumber::new(&entry.serial).map_err(encoding)?,
        revocation_date: x509_time(entry.at)?,
        crl_entry_extensions: Some(vec![reason]),
    })
}

struct Extensions {
    issuer: Name,
    subject: Name,
    profile: Profile,
    at: Option<Locations>,
}

impl BuilderProfile for Extensions {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        spki: SubjectPublicKeyInfoRef<'_>,
        issuer_spki: SubjectPublicKeyInfoRef<'_>,
        _tbs: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        let mut list = vec![extension_der(false, &SubjectKeyIdentifier::try_from(spki)?)?];
        if self.profile != Profile::Root {
            list.push(extension_der(false, &AuthorityKeyIdentifier::try_from(issuer_spki)?)?);
        }
        list.extend(self.constraints()?);
        list.extend(self.key_purposes()?);
        if let Some(at) = &self.at {
            list.extend(self.locations(at)?);
        }
        Ok(list)
    }
}

impl Extensions {
    fn constraints(&self) -> der::Result<Vec<Extension>> {
        let path_len = |path_len_constraint| BasicConstraints { ca: true, path_len_constraint };
        let ca_usage = KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign);
        Ok(match self.profile {
            Profile::Root => vec![extension_der(true, &path_len(None))?, extension_der(true, &ca_usage)?],
            Profile::IssuingCa => vec![
                extension_der(true, &path_len(Some(0)))?,
                extension_der(true, &ca_usage)?,
                extension_der(false, &policies(ANY_POLICY))?,
            ],
            Profile::Subscriber(policy) => vec![
                extension_der(true, &KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation))?,
                extension_der(false, &policies(policy))?,
            ],
            Profile::OcspResponder | Profile::TimeStamping => {
                vec![extension_der(true, &KeyUsage(KeyUsages::DigitalSignature.into()))?]
            }
        })
    }

    fn key_purposes(&self) -> der::Result<Vec<Extension>> {
        let purposes = |list: &[ObjectIdentifier]| ExtendedKeyUsage(list.to_vec());
        Ok(match self.profile {
            Profile::Root | Profile::IssuingCa => Vec::new(),
            Profile::Subscriber(_) => {
                let list = [ID_KP_DOCUMENT_SIGNING, ID_KP_EMAIL_PROTECTION, ID_KP_CLIENT_AUTH];
                vec![extension_der(false, &purposes(&list))?]
            }
            Profile::OcspResponder => {
                let no_check = Extension {
                    extn_id: ID_PKIX_OCSP_NOCHECK,
                    critical: false,
                    extn_value: OctetString::new(Null.to_der()?)?,
                };
                vec![extension_der(false, &purposes(&[ID_KP_OCSP_SIGNING]))?, no_check]
            }
            // Critical and alone: RFC 3161 §2.3.
            Profile::TimeStamping => vec![extension_der(true, &purposes(&[ID_KP_TIME_STAMPING]))?],
        })
    }

    fn locations(&self, at: &Locations) -> der::Result<Vec<Extension>> {
        let ca_issuers = access(ID_AD_CA_ISSUERS, &at.certificate)?;
        if self.profile == Profile::OcspResponder {
            // No revocation is asked for a responder's certificate: it says nocheck.
            return Ok(vec![extension_der(false, &AuthorityInfoAccessSyntax(vec![ca_issuers]))?]);
        }
        let crl = DistributionPoint {
            distribution_point: Some(DistributionPointName::FullName(vec![uri(&at.crl)?])),
            reasons: None,
            crl_issuer: None,
        };
        let ocsp = at.ocsp.iter().map(|url| access(ID_AD_OCSP, url));
        let access = ocsp.chain([Ok(ca_issuers)]).collect::<der::Result<_>>()?;
        Ok(vec![
            extension_der(false, &CrlDistributionPoints(vec![crl]))?,
            extension_der(false, &AuthorityInfoAccessSyntax(access))?,
        ])
    }
}

fn policies(policy: ObjectIdentifier) -> CertificatePolicies {
    CertificatePolicies(vec![PolicyInformation { policy_identifier: policy, policy_qualifiers: None }])
}

fn access(method: ObjectIdentifier, location: &str) -> der::Result<AccessDescription> {
    Ok(AccessDescription { access_method: method, access_location: uri(location)? })
}

fn uri(text: &str) -> der::Result<GeneralName> {
    Ia5String::new(text).map(GeneralName::UniformResourceIdentifier)
}

fn extension<T: AssociatedOid + Encode>(critical: bool, value: &T) -> Result<Extension, DevPkiError> {
    extension_der(critical, value).map_err(encoding)
}

fn extension_der<T: AssociatedOid + Encode>(critical: bool, value: &T) -> der::Result<Extension> {
    Ok(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
}

/// Fits the signing engine to the certificate builder.
struct SigningCa<'a> {
    key: &'a PrivateKey,
    public_key: EncodedKey,
}

#[derive(Clone)]
struct EncodedKey(Vec<u8>);

struct RawSignature(Vec<u8>);

impl<'a> SigningCa<'a> {
    fn new(key: &'a PrivateKey) -> Result<Self, DevPkiError> {
        Ok(Self { key, public_key: EncodedKey(key.spki()?) })
    }
}

impl Keypair for SigningCa<'_> {
    type VerifyingKey = EncodedKey;

    fn verifying_key(&self) -> EncodedKey {
        self.public_key.clone()
    }
}

impl EncodePublicKey for EncodedKey {
    fn to_public_key_der(&self) -> spki::Result<der::Document> {
        der::Document::try_from(self.0.clone()).map_err(spki::Error::Asn1)
    }
}

impl DynSignatureAlgorithmIdentifier for SigningCa<'_> {
    fn signature_algorithm_identifier(&self) -> spki::Result<AlgorithmIdentifierOwned> {
        self.key.certificate_signature().to_identifier().map_err(|_| spki::Error::AlgorithmParametersMissing)
    }
}

impl Signer<RawSignature> for SigningCa<'_> {
    fn try_sign(&self, message: &[u8]) -> Result<RawSignature, signature::Error> {
        let value = self.key.sign(self.key.certificate_signature(), message);
        value.map(|value| RawSignature(value.0)).map_err(signature::Error::from_source)
    }
}

impl SignatureBitStringEncoding for RawSignature {
    fn to_bitstring(&self) -> der::Result<BitString> {
        BitString::from_bytes(&self.0)
    }
}
