//! ESS signing-certificate and signing-certificate-v2: the certificate, bound by its hash inside what is signed.

use crate::crypto::{CryptoError, DigestAlgorithm};
use crate::formats::der::{DerError, Reader, Rules, Tlv, tag, value};
use crate::formats::x509::{Certificate, GeneralName, extensions::general_names_from_der};

use super::CmsError;

/// Most certificates listed. The first is the signer's; the rest may repeat the chain.
const MAX_CERT_IDS: usize = 64;

/// A reference to one certificate.
///
/// ```text
/// SigningCertificateV2 ::= SEQUENCE { certs SEQUENCE OF ESSCertIDv2, policies SEQUENCE OF PolicyInformation OPTIONAL }
/// ESSCertIDv2 ::= SEQUENCE {
///   hashAlgorithm AlgorithmIdentifier DEFAULT sha256, certHash OCTET STRING,
///   issuerSerial SEQUENCE { issuer GeneralNames, serialNumber INTEGER } OPTIONAL }     -- RFC 5035 §4
/// ESSCertID ::= SEQUENCE { certHash OCTET STRING (SHA-1), issuerSerial IssuerSerial OPTIONAL }   -- RFC 2634 §5.4.1
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EssCertId {
    /// `Err` when the hash is not implemented.
    pub algorithm: Result<DigestAlgorithm, CryptoError>,
    pub hash: Vec<u8>,
    pub issuer_serial: Option<IssuerSerial>,
}

/// Issuer names and the serial number's content octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerSerial {
    pub issuer: Vec<GeneralName>,
    pub serial: Vec<u8>,
}

/// How a reference compares with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Same,
    /// The hash is of another certificate.
    OtherHash,
    /// The hash fits, issuer or serial number do not.
    OtherIssuerSerial,
}

impl EssCertId {
    /// Compares the reference with a certificate.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedAlgorithm`] when the hash is not implemented.
    pub fn compare(&self, certificate: &Certificate) -> Result<Comparison, CryptoError> {
        let algorithm = self.algorithm.clone()?;
        if certificate.fingerprint(algorithm).as_bytes() != self.hash {
            return Ok(Comparison::OtherHash);
        }
        Ok(match &self.issuer_serial {
            Some(named) if !named.fits(certificate) => Comparison::OtherIssuerSerial,
            _ => Comparison::Same,
        })
    }
}

impl IssuerSerial {
    fn fits(&self, certificate: &Certificate) -> bool {
        let issuer = |name: &GeneralName| matches!(name, GeneralName::Directory(name) if name == certificate.issuer());
        self.serial == certificate.serial() && self.issuer.iter().any(issuer)
    }
}

/// Reads a SigningCertificateV2 value.
///
/// # Errors
/// [`CmsError`] when malformed or empty.
pub fn signing_certificate_v2(der: &[u8]) -> Result<Vec<EssCertId>, CmsError> {
    cert_ids(der, cert_id_v2)
}

/// Reads a SigningCertificate value (SHA-1).
///
/// # Errors
/// [`CmsError`] when malformed or empty.
pub fn signing_certificate(der: &[u8]) -> Result<Vec<EssCertId>, CmsError> {
    cert_ids(der, |element| {
        let mut fields = element.expect(tag::SEQUENCE)?.reader()?;
        rest_of_cert_id(Ok(DigestAlgorithm::Sha1), &mut fields)
    })
}

fn cert_ids(der: &[u8], read: impl Fn(Tlv<'_>) -> Result<EssCertId, CmsError>) -> Result<Vec<EssCertId>, CmsError> {
    let mut fields = Reader::new(der, Rules::Ber).expect(tag::SEQUENCE)?.reader()?;
    let items = fields.expect(tag::SEQUENCE)?.reader()?.all(MAX_CERT_IDS, "certificate references")?;
    if items.is_empty() {
        return Err(DerError::BadValue("the list of certificate references is empty").into());
    }
    items.into_iter().map(read).collect()
}

fn cert_id_v2(element: Tlv<'_>) -> Result<EssCertId, CmsError> {
    let mut fields = element.expect(tag::SEQUENCE)?.reader()?;
    let algorithm = match fields.optional(tag::SEQUENCE)? {
        Some(identifier) => DigestAlgorithm::from_oid(&value::oid(identifier.reader()?.next()?)?),
        None => Ok(DigestAlgorithm::Sha256),
    };
    rest_of_cert_id(algorithm, &mut fields)
}

fn rest_of_cert_id(
    algorithm: Result<DigestAlgorithm, CryptoError>,
    fields: &mut Reader<'_>,
) -> Result<EssCertId, CmsError> {
    let hash = fields.next()?.octets()?.into_owned();
    let issuer_serial = fields.optional(tag::SEQUENCE)?.map(issuer_serial).transpose()?;
    Ok(EssCertId { algorithm, hash, issuer_serial })
}

fn issuer_serial(element: Tlv<'_>) -> Result<IssuerSerial, CmsError> {
    let mut fields = element.reader()?;
    let issuer = general_names_from_der(fields.expect(tag::SEQUENCE)?.raw())?;
    let serial = value::integer(fields.next()?)?.to_vec();
    Ok(IssuerSerial { issuer, serial })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::der::write;
    use crate::formats::x509::testing::{Issuer, Template};

    fn v2(hash: &[u8], issuer_serial: &[u8]) -> Vec<EssCertId> {
        let id = write::sequence(&[&write::octet_string(hash), issuer_serial]);
        signing_certificate_v2(&write::sequence(&[&write::sequence(&[&id])])).expect("attribute")
    }

    fn issuer_serial_of(certificate: &Certificate, serial: u8) -> Vec<u8> {
        let names = write::sequence(&[&write::tlv(0xa4, certificate.issuer().der())]);
        write::sequence(&[&names, &write::small_integer(serial)])
    }

    #[test]
    fn hash_of_another_certificate_is_told() {
        let root = Issuer::root("Root");
        let leaf = root.issue(&Template::signer("An")).certificate;
        let hash = leaf.fingerprint(DigestAlgorithm::Sha256);
        let id = v2(hash.as_bytes(), &[]).remove(0);
        assert_eq!(id.compare(&leaf), Ok(Comparison::Same));
        assert_eq!(id.compare(&root.certificate), Ok(Comparison::OtherHash));
    }

    #[test]
    fn issuer_serial_that_contradicts_the_hash_is_told() {
        let leaf = Issuer::root("Root").issue(&Template::signer("An")).certificate;
        let hash = leaf.fingerprint(DigestAlgorithm::Sha256);
        assert_eq!(v2(hash.as_bytes(), &issuer_serial_of(&leaf, 7))[0].compare(&leaf), Ok(Comparison::Same));
        assert_eq!(
            v2(hash.as_bytes(), &issuer_serial_of(&leaf, 8))[0].compare(&leaf),
            Ok(Comparison::OtherIssuerSerial)
        );
    }

    #[test]
    fn empty_list_is_malformed() {
        assert!(signing_certificate_v2(&write::sequence(&[&write::sequence(&[])])).is_err());
        assert!(signing_certificate(b"").is_err());
    }
}
