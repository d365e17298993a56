//! Certificates, CRLs and OCSP responses that travel with a signature, wherever the formats keep them.

use super::{SignedData, SignerInfo, oid};
use crate::formats::crl::CertificateList;
use crate::formats::der::{DerError, Reader, Rules, Tlv, tag};
use crate::formats::ocsp::OcspResponse;
use crate::formats::x509::Certificate;

/// Most values read from one attribute.
const MAX_VALUES: usize = 256;

/// Unverified material; what could not be read is left out, as it only could have helped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValidationData {
    pub certificates: Vec<Certificate>,
    pub crls: Vec<CertificateList>,
    pub ocsps: Vec<OcspResponse>,
}

impl ValidationData {
    /// Everything the message brings for this signer: SignedData's certificates and crls (RFC 5652 §5.1), the unsigned
    /// attributes certificate-values and revocation-values (EN 319 122-1 §A.1.1) and Adobe's signed
    /// adbe-revocationInfoArchival (ISO 32000-2 §12.8.3.3.2).
    pub fn of(signed_data: &SignedData<'_>, signer: &SignerInfo) -> Self {
        let mut data = Self::of_message(signed_data);
        let unsigned = &signer.unsigned_attributes;
        for value in unsigned.values(&oid::CERTIFICATE_VALUES) {
            data.certificates.extend(certificate_values(value).unwrap_or_default());
        }
        let archived = signer.signed_attributes.iter();
        let archived = archived.flat_map(|signed| signed.attributes.values(&oid::REVOCATION_INFO_ARCHIVAL));
        for value in unsigned.values(&oid::REVOCATION_VALUES).chain(archived) {
            // What was read before a malformed part stays.
            let _ = data.revocation_values(value);
        }
        data
    }

    /// SignedData's certificates and crls alone.
    pub fn of_message(signed_data: &SignedData<'_>) -> Self {
        Self {
            certificates: signed_data.certificates.clone(),
            crls: signed_data.revocation.crls.clone(),
            ocsps: signed_data.revocation.ocsps.clone(),
        }
    }

    /// Adds a RevocationInfoChoice of SignedData's crls, when it can be read.
    pub fn add_choice(&mut self, der: &[u8]) {
        match Reader::new(der, Rules::Ber).next() {
            Ok(choice) if choice.tag() == tag::context_constructed(1) => {
                let response = super::signed_data::other_revocation(choice).ok();
                self.ocsps.extend(response.and_then(|der| OcspResponse::from_der(der).ok()));
            }
            _ => self.crls.extend(CertificateList::from_der(der).ok()),
        }
    }

    /// ```text
    /// RevocationValues ::= SEQUENCE { crlVals [0] EXPLICIT SEQUENCE OF CertificateList OPTIONAL,
    ///   ocspVals [1] EXPLICIT SEQUENCE OF BasicOCSPResponse OPTIONAL, otherRevVals [2] … OPTIONAL }
    /// RevocationInfoArchival ::= SEQUENCE { crl [0] EXPLICIT SEQUENCE OF CertificateList OPTIONAL,
    ///   ocsp [1] EXPLICIT SEQUENCE OF OCSPResponse OPTIONAL, otherRevInfo [2] … OPTIONAL }
    /// ```
    fn revocation_values(&mut self, der: &[u8]) -> Result<(), DerError> {
        let mut fields = Reader::new(der, Rules::Ber).expect(tag::SEQUENCE)?.reader()?;
        if let Some(explicit) = fields.optional(tag::context_constructed(0))? {
            let lists = list(explicit)?.into_iter().filter_map(|list| CertificateList::from_der(list.raw()).ok());
            self.crls.extend(lists);
        }
        if let Some(explicit) = fields.optional(tag::context_constructed(1))? {
            let responses = list(explicit)?.into_iter().filter_map(|item| OcspResponse::from_der(item.raw()).ok());
            self.ocsps.extend(responses);
        }
        Ok(())
    }
}

fn list(explicit: Tlv<'_>) -> Result<Vec<Tlv<'_>>, DerError> {
    explicit.reader()?.expect(tag::SEQUENCE)?.reader()?.all(MAX_VALUES, "revocation values")
}

/// `CertificateValues ::= SEQUENCE OF Certificate`
fn certificate_values(der: &[u8]) -> Result<Vec<Certificate>, DerError> {
    let values = Reader::new(der, Rules::Ber).expect(tag::SEQUENCE)?.reader()?.all(MAX_VALUES, "certificates")?;
    Ok(values.into_iter().filter_map(|value| Certificate::from_der(value.raw()).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::der::write;
    use crate::formats::x509::testing::{Answer, Issuer, Template};
    use time::macros::datetime;

    #[test]
    fn crls_and_responses_of_both_attributes_are_read() {
        let root = Issuer::root("Root");
        let leaf = root.issue(&Template::signer("An")).certificate;
        let (this, next) = (datetime!(2026-05-01 0:00 UTC), datetime!(2026-06-01 0:00 UTC));
        let crl = root.crl(this, next, &[], &[]);
        let ocsp = root.ocsp(&root, &leaf, Answer::Good, (this, next), &[]);
        let explicit = |n: u8, value: &[u8]| write::tlv(tag::context_constructed(n), &write::sequence(&[value]));
        let whole = write::sequence(&[&explicit(0, &crl), &explicit(1, &ocsp)]);
        let mut data = ValidationData::default();
        data.revocation_values(&whole).expect("values");
        assert_eq!((data.crls.len(), data.ocsps.len()), (1, 1));
        let basic = write::sequence(&[&explicit(1, data.ocsps[0].der())]);
        data.revocation_values(&basic).expect("values");
        assert_eq!(data.ocsps[0], data.ocsps[1]);
        assert!(data.revocation_values(b"").is_err());
    }

    #[test]
    fn unreadable_certificate_does_not_hide_the_others() {
        let root = Issuer::root("Root").certificate;
        let values = write::sequence(&[&write::sequence(&[]), root.der()]);
        assert_eq!(certificate_values(&values), Ok(vec![root]));
    }
}
