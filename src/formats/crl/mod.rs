//! Certificate revocation lists: the received DER beside its parsed form.
//!
//! Reading order: [`CertificateList`], [`Scope`] and [`IssuingDistributionPoint`] (which certificates a list speaks
//! for, and its place in its series), [`Revocation`] (what it says about one), [`lists`] (files with one or many).
//!
//! What this folder does not do: decide whether a list may be relied on for a certificate at a time (that is
//! `validation`). Follows RFC 5280 §5.

use std::{fmt, ops::Range, sync::Arc};

use const_oid::ObjectIdentifier;
use time::OffsetDateTime;

use super::der::{DerError, Reader, Rules, Tlv, tag, value};
use super::x509::{
    GeneralName, Name, Signed, X509Error,
    extensions::{self, AccessMethod, Criticality, Extension},
    issuer_algorithm, pem,
};
use crate::crypto::{PublicKey, SignatureAlgorithm, Verified};

/// Most entries read from one list. The longest public lists have about a million.
const MAX_ENTRIES: usize = 4_000_000;

/// Why a CRL could not be read; always its maker's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    #[error("the CRL is not readable: {0}")]
    Encoding(#[from] DerError),
    #[error("the CRL is not readable: {0}")]
    Parts(#[from] X509Error),
    #[error("the CRL has more than {MAX_ENTRIES} entries")]
    TooManyEntries,
}

/// A parsed CRL together with the octets it was read from; cheap to clone.
///
/// ```text
/// CertificateList ::= SEQUENCE { tbsCertList TBSCertList, signatureAlgorithm AlgorithmIdentifier, signatureValue BIT STRING }
/// TBSCertList ::= SEQUENCE {
///   version INTEGER OPTIONAL, signature AlgorithmIdentifier, issuer Name, thisUpdate Time, nextUpdate Time OPTIONAL,
///   revokedCertificates SEQUENCE OF SEQUENCE { userCertificate INTEGER, revocationDate Time, crlEntryExtensions Extensions OPTIONAL } OPTIONAL,
///   crlExtensions [0] EXPLICIT Extensions OPTIONAL }   -- RFC 5280 §5.1
/// ```
///
/// Entries stay in their encoded form: a lookup walks them, so a list of a million entries costs no more memory than its octets.
#[derive(Clone)]
pub struct CertificateList(Arc<Inner>);

struct Inner {
    der: Vec<u8>,
    tbs: Range<usize>,
    issuer: Name,
    this_update: OffsetDateTime,
    next_update: Option<OffsetDateTime>,
    /// Content octets of revokedCertificates.
    entries: Vec<u8>,
    scope: Scope,
    inner_algorithm: Vec<u8>,
    outer_algorithm: Vec<u8>,
    signature: Vec<u8>,
}

/// What the extensions say about the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// cRLNumber (RFC 5280 §5.2.3).
    pub number: Option<CrlNumber>,
    /// deltaCRLIndicator: the list only holds changes since the list of this number (RFC 5280 §5.2.4).
    pub delta_base: Option<CrlNumber>,
    pub issuing_distribution_point: Option<IssuingDistributionPoint>,
    pub authority_key_identifier: Option<Vec<u8>>,
    /// Where the certificate of the list's signer is (authorityInfoAccess, RFC 5280 §5.2.7); empty when malformed.
    pub ca_issuers: Vec<String>,
    /// Critical extensions, of the list or of any entry, that this crate does not process: the list must not be used to
    /// tell that a certificate is good (RFC 5280 §5.2, §5.3).
    pub unknown_critical: Vec<ObjectIdentifier>,
}

/// A list's place in its series: content octets of a non-negative INTEGER without leading zeros (RFC 5280 §5.2.3 allows 20).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlNumber(Vec<u8>);

impl Ord for CrlNumber {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for CrlNumber {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// RFC 5280 §5.2.5.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssuingDistributionPoint {
    pub full_names: Vec<GeneralName>,
    pub relative_name: Option<Vec<u8>>,
    pub only_user_certs: bool,
    pub only_ca_certs: bool,
    /// The named bits of ReasonFlags, bit 0 highest; `None` for all reasons.
    pub only_some_reasons: Option<u16>,
    pub indirect: bool,
    pub only_attribute_certs: bool,
}

/// An entry of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    pub date: OffsetDateTime,
    pub reason: Reason,
}

/// CRLReason of RFC 5280 §5.3.1, in the two kinds that judge differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// certificateHold: may come back.
    OnHold,
    /// Any other; the code as listed, `None` when the entry gives none.
    Final(Option<u32>),
}

/// Proof that a CRL's signature verified with a key; only [`CertificateList::verify_issued_with`] mints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrlSigned {
    pub algorithm: SignatureAlgorithm,
    _verified: Verified,
}

impl CertificateList {
    /// Reads one DER CRL that fills `bytes`.
    ///
    /// # Errors
    /// [`CrlError`] when it is not DER, not a CRL, or too long.
    pub fn from_der(bytes: &[u8]) -> Result<Self, CrlError> {
        if bytes.len() > pem::MAX_FILE_BYTES {
            return Err(X509Error::TooLarge(pem::MAX_FILE_BYTES).into());
        }
        let signed = Signed::read(bytes)?;
        Ok(Self(Arc::new(Inner {
            der: bytes.to_vec(),
            tbs: signed.tbs_range,
            outer_algorithm: signed.algorithm.to_vec(),
            signature: signed.signature.to_vec(),
            ..read_tbs(signed.tbs)?
        })))
    }

    /// The list as received.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    pub fn issuer(&self) -> &Name {
        &self.0.issuer
    }

    pub fn this_update(&self) -> OffsetDateTime {
        self.0.this_update
    }

    /// Missing in lists that never promised a successor.
    pub fn next_update(&self) -> Option<OffsetDateTime> {
        self.0.next_update
    }

    pub fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// The entry for a certificate's issuer and the content octets of its serial number, if the list has one. Entries speak of
    /// the list's own issuer until one names another, which then holds for those after it (RFC 5280 §5.3.3).
    pub fn revocation(&self, issuer: &Name, serial: &[u8]) -> Option<Revocation> {
        let mut entries = Reader::new(&self.0.entries, Rules::Der);
        let mut concerns_issuer = issuer == self.issuer();
        while !entries.is_empty() {
            let entry = Entry::read(entries.next().ok()?).ok()?;
            if let Some(names) = entry.certificate_issuer {
                concerns_issuer =
                    names.iter().any(|name| matches!(name, GeneralName::Directory(name) if name == issuer));
            }
            if concerns_issuer && entry.serial == serial {
                return Some(entry.revocation);
            }
        }
        None
    }

    /// The algorithm of the list's signature.
    ///
    /// # Errors
    /// [`X509Error::AlgorithmMismatch`] when its two places disagree, [`X509Error::Crypto`] when it is not supported.
    pub fn signature_algorithm(&self) -> Result<SignatureAlgorithm, X509Error> {
        issuer_algorithm(&self.0.inner_algorithm, &self.0.outer_algorithm)
    }

    /// Checks the list's signature over the received TBSCertList with the issuer's key.
    ///
    /// # Errors
    /// [`X509Error`] when the algorithms disagree or the value does not verify.
    pub fn verify_issued_with(&self, issuer_key: &PublicKey) -> Result<CrlSigned, X509Error> {
        let algorithm = self.signature_algorithm()?;
        let tbs = self.0.der.get(self.0.tbs.clone()).unwrap_or_default();
        let verified = issuer_key.verify(algorithm, tbs, &self.0.signature)?;
        Ok(CrlSigned { algorithm, _verified: verified })
    }
}

impl PartialEq for CertificateList {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for CertificateList {}

impl fmt::Debug for CertificateList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateList({}, thisUpdate {})", self.issuer(), self.this_update())
    }
}

/// Reads the CRLs of a DER or PEM file.
///
/// # Errors
/// [`CrlError`] when the file is too large, a block is damaged or is not a CRL.
pub fn lists(bytes: &[u8]) -> Result<Vec<CertificateList>, CrlError> {
    pem::blocks(bytes, &["X509 CRL"])?.iter().map(|der| CertificateList::from_der(der)).collect()
}

fn read_tbs(tbs: Tlv<'_>) -> Result<Inner, CrlError> {
    let mut fields = tbs.reader()?;
    fields.optional(tag::INTEGER)?;
    let inner_algorithm = fields.expect(tag::SEQUENCE)?.raw().to_vec();
    let issuer = Name::from_der(fields.expect(tag::SEQUENCE)?.raw())?;
    let this_update = value::time(fields.next()?)?;
    let next_update = match fields.peek() {
        Some(tag::UTC_TIME | tag::GENERALIZED_TIME) => Some(value::time(fields.next()?)?),
        _ => None,
    };
    let mut scope = Scope::default();
    let entries = match fields.optional(tag::SEQUENCE)? {
        Some(list) => {
            check_entries(list, &mut scope)?;
            list.content().to_vec()
        }
        None => Vec::new(),
    };
    if let Some(explicit) = fields.optional(tag::context_constructed(0))? {
        read_extensions(explicit.reader()?.expect(tag::SEQUENCE)?, &mut scope)?;
    }
    fields.finish()?;
    let indirect = scope.issuing_distribution_point.as_ref().is_some_and(|point| point.indirect);
    if indirect {
        scope.unknown_critical.retain(|oid| *oid != CERTIFICATE_ISSUER);
    }
    Ok(Inner {
        issuer,
        this_update,
        next_update,
        entries,
        scope,
        inner_algorithm,
        der: Vec::new(),
        tbs: 0..0,
        outer_algorithm: Vec::new(),
        signature: Vec::new(),
    })
}

/// Walks every entry once, so that a later lookup cannot stop at a malformed one.
fn check_entries(list: Tlv<'_>, scope: &mut Scope) -> Result<(), CrlError> {
    let mut entries = list.reader()?;
    let mut count = 0usize;
    while !entries.is_empty() {
        count = count.saturating_add(1);
        if count > MAX_ENTRIES {
            return Err(CrlError::TooManyEntries);
        }
        for oid in Entry::read(entries.next()?)?.unknown_critical {
            if !scope.unknown_critical.contains(&oid) {
                scope.unknown_critical.push(oid);
            }
        }
    }
    Ok(())
}

struct Entry<'a> {
    serial: &'a [u8],
    revocation: Revocation,
    certificate_issuer: Option<Vec<GeneralName>>,
    /// certificateIssuer among them: it only has a meaning in indirect lists.
    unknown_critical: Vec<ObjectIdentifier>,
}

impl<'a> Entry<'a> {
    fn read(element: Tlv<'a>) -> Result<Self, CrlError> {
        let mut fields = element.expect(tag::SEQUENCE)?.reader()?;
        let serial = value::integer(fields.next()?)?;
        let date = value::time(fields.next()?)?;
        let extensions = fields.optional(tag::SEQUENCE)?.map(extensions::list).transpose()?.unwrap_or_default();
        fields.finish()?;
        let mut reason = Reason::Final(None);
        let mut certificate_issuer = None;
        let mut unknown_critical = Vec::new();
        for extension in extensions {
            match extension.oid {
                REASON_CODE => reason = read_reason(&extension)?,
                CERTIFICATE_ISSUER => {
                    certificate_issuer =
                        Some(extensions::general_names(Reader::single(&extension.value, tag::SEQUENCE)?)?);
                    unknown_critical.push(CERTIFICATE_ISSUER);
                }
                oid if extension.criticality == Criticality::Critical => unknown_critical.push(oid),
                _ => {}
            }
        }
        Ok(Self { serial, revocation: Revocation { date, reason }, certificate_issuer, unknown_critical })
    }
}

fn read_reason(extension: &Extension) -> Result<Reason, CrlError> {
    let code = value::small(Reader::single(&extension.value, tag::ENUMERATED)?.content())?;
    Ok(if code == 6 { Reason::OnHold } else { Reason::Final(Some(code)) })
}

fn read_extensions(element: Tlv<'_>, scope: &mut Scope) -> Result<(), CrlError> {
    for extension in extensions::list(element)? {
        match extension.oid {
            DELTA_CRL_INDICATOR => scope.delta_base = Some(number(&extension)?),
            ISSUING_DISTRIBUTION_POINT => {
                scope.issuing_distribution_point = Some(issuing_distribution_point(&extension.value)?);
            }
            // Never critical, says the RFC; where it is, it stays unknown.
            extensions::AUTHORITY_INFO_ACCESS if extension.criticality == Criticality::NonCritical => {
                let uris = extensions::access_uris(&extension.value, AccessMethod::CaIssuers);
                scope.ca_issuers = uris.unwrap_or_default();
            }
            extensions::AUTHORITY_KEY_IDENTIFIER => {
                let mut fields = Reader::single(&extension.value, tag::SEQUENCE)?.reader()?;
                scope.authority_key_identifier = fields.optional(tag::context(0))?.map(|id| id.content().to_vec());
            }
            CRL_NUMBER => scope.number = Some(number(&extension)?),
            oid if extension.criticality == Criticality::Critical => scope.unknown_critical.push(oid),
            _ => {}
        }
    }
    Ok(())
}

/// `CRLNumber ::= INTEGER (0..MAX)`, and BaseCRLNumber alike.
fn number(extension: &Extension) -> Result<CrlNumber, CrlError> {
    let octets = value::integer(Reader::single(&extension.value, tag::INTEGER)?)?;
    if octets.first().is_some_and(|first| *first >= 0x80) {
        return Err(DerError::BadValue("a CRL number is negative").into());
    }
    Ok(CrlNumber(octets.iter().copied().skip_while(|octet| *octet == 0).collect()))
}

/// ```text
/// IssuingDistributionPoint ::= SEQUENCE {
///   distributionPoint [0] DistributionPointName OPTIONAL, onlyContainsUserCerts [1] BOOLEAN DEFAULT FALSE,
///   onlyContainsCACerts [2] BOOLEAN DEFAULT FALSE, onlySomeReasons [3] ReasonFlags OPTIONAL,
///   indirectCRL [4] BOOLEAN DEFAULT FALSE, onlyContainsAttributeCerts [5] BOOLEAN DEFAULT FALSE }
/// ```
fn issuing_distribution_point(der: &[u8]) -> Result<IssuingDistributionPoint, CrlError> {
    let mut fields = Reader::single(der, tag::SEQUENCE)?.reader()?;
    let mut point = IssuingDistributionPoint::default();
    if let Some(name) = fields.optional(tag::context_constructed(0))? {
        (point.full_names, point.relative_name) = extensions::distribution_point_name(name)?;
    }
    point.only_user_certs = flag(&mut fields, 1)?;
    point.only_ca_certs = flag(&mut fields, 2)?;
    point.only_some_reasons =
        fields.optional(tag::context(3))?.map(|reasons| value::named_bits(reasons.content())).transpose()?;
    point.indirect = flag(&mut fields, 4)?;
    point.only_attribute_certs = flag(&mut fields, 5)?;
    fields.finish()?;
    Ok(point)
}

fn flag(fields: &mut Reader<'_>, number: u8) -> Result<bool, CrlError> {
    match fields.optional(tag::context(number))?.map(|element| element.content()) {
        None | Some([0x00]) => Ok(false),
        Some([0xff]) => Ok(true),
        Some(_) => Err(DerError::BadValue("a boolean is neither 00 nor FF").into()),
    }
}

const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
const REASON_CODE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");
const CERTIFICATE_ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.29");
const DELTA_CRL_INDICATOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");
const ISSUING_DISTRIBUTION_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");

#[cfg(test)]
mod tests {
    use super::super::x509::testing::{Issuer, critical, entry, extension};
    use super::*;
    use crate::formats::der::write;
    use time::macros::datetime;

    const THIS: OffsetDateTime = datetime!(2026-03-01 0:00 UTC);
    const NEXT: OffsetDateTime = datetime!(2026-04-01 0:00 UTC);

    fn crl(root: &Issuer, extensions: &[Vec<u8>]) -> CertificateList {
        let der = root.crl(THIS, NEXT, &[(7, datetime!(2026-02-01 0:00 UTC)), (9, THIS)], extensions);
        CertificateList::from_der(&der).expect("CRL")
    }

    #[test]
    fn listed_serial_is_revoked_and_others_are_not() {
        let list = crl(&Issuer::root("Root"), &[]);
        assert_eq!(list.revocation(list.issuer(), &[7]).expect("listed").date, datetime!(2026-02-01 0:00 UTC));
        assert_eq!(list.revocation(list.issuer(), &[8]), None);
        assert_eq!(list.revocation(Issuer::root("Other").certificate.subject(), &[7]), None);
        assert_eq!((list.this_update(), list.next_update()), (THIS, Some(NEXT)));
    }

    #[test]
    fn signature_of_another_issuer_is_refused() {
        let root = Issuer::root("Root");
        let list = crl(&root, &[]);
        assert!(list.verify_issued_with(&root.certificate.public_key().expect("key")).is_ok());
        let other = Issuer::root("Other").certificate.public_key().expect("key");
        assert!(list.verify_issued_with(&other).is_err());
    }

    #[test]
    fn delta_and_unknown_critical_extensions_are_told() {
        let list = crl(&Issuer::root("Root"), &[critical("2.5.29.27", &[2, 1, 1]), critical("1.2.3", &[5, 0])]);
        assert_eq!(list.scope().delta_base, Some(CrlNumber(vec![1])));
        assert_eq!(list.scope().unknown_critical.len(), 1);
        let plain = crl(&Issuer::root("Root"), &[extension("1.2.3", &[5, 0])]);
        assert_eq!(plain.scope(), &Scope::default());
    }

    #[test]
    fn issuing_distribution_point_is_read() {
        let value = [0x30, 3, 0x81, 1, 0xff];
        let list = crl(&Issuer::root("Root"), &[critical("2.5.29.28", &value)]);
        let point = list.scope().issuing_distribution_point.clone().expect("point");
        assert!(point.only_user_certs && !point.only_ca_certs && !point.indirect);
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let number = |octets: &[u8]| {
            crl(&Issuer::root("Root"), &[extension("2.5.29.20", &write::tlv(2, octets))]).scope().number.clone()
        };
        assert!(number(&[0x7f]) < number(&[0x00, 0x80]) && number(&[0x00, 0xff]) < number(&[0x01, 0x00]));
        assert_eq!(number(&[0, 5]), number(&[5]));
        let root = Issuer::root("Root");
        let negative = root.crl(THIS, NEXT, &[], &[extension("2.5.29.20", &[2, 1, 0x80])]);
        assert!(CertificateList::from_der(&negative).is_err());
    }

    #[test]
    fn entry_names_the_issuer_for_itself_and_those_after() {
        let (root, other) = (Issuer::root("Root"), Issuer::root("Other"));
        let name = write::sequence(&[&write::tlv(0xa4, other.certificate.subject().der())]);
        let entries =
            [entry(1, THIS, &[]), entry(2, THIS, &[critical("2.5.29.29", &name)]), entry(3, THIS, &[])].concat();
        let indirect = critical("2.5.29.28", &[0x30, 3, 0x84, 1, 0xff]);
        let list = CertificateList::from_der(&root.crl_of(THIS, NEXT, &entries, &[indirect])).expect("CRL");
        let listed = |issuer: &Issuer, serial| list.revocation(issuer.certificate.subject(), &[serial]).is_some();
        assert!(listed(&root, 1) && !listed(&root, 2) && !listed(&root, 3));
        assert!(!listed(&other, 1) && listed(&other, 2) && listed(&other, 3));
        assert!(list.scope().unknown_critical.is_empty());
        let direct = CertificateList::from_der(&root.crl_of(THIS, NEXT, &entries, &[])).expect("CRL");
        assert_eq!(direct.scope().unknown_critical, [CERTIFICATE_ISSUER]);
    }

    #[test]
    fn malformed_entry_makes_the_list_unreadable() {
        let root = Issuer::root("Root");
        let mut der = root.crl(THIS, NEXT, &[(7, THIS)], &[]);
        // The entry's serial number: INTEGER 7 followed by a UTCTime.
        let at = der.windows(4).position(|w| w == [2, 1, 7, 0x17]).expect("entry");
        der[at] = 0x04;
        assert!(CertificateList::from_der(&der).is_err());
    }
}
