//! What a verdict rests on, as plain data for reports: certificates with their validity, what is said of their revocation,
//! time-stamps, changes, revisions. Nothing here is a verdict; the verdict has been reached without it.

use std::ops::Range;

use time::OffsetDateTime;

use super::Modification;

/// What one signature's verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    pub chain: Chain,
    /// Those that validated and cover the signature, oldest first.
    pub time_stamps: Vec<TimeStampFact>,
    /// What came after the signature, worst first; as many as messages tell of.
    pub changes: Vec<ChangeFact>,
    /// End of the octets a PDF signature covers, from the start of the file.
    pub covered_end: Option<usize>,
}

/// The signer's certificate and those above it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chain {
    /// Signer first. Empty when no signing certificate was identified.
    pub certificates: Vec<CertificateFact>,
    pub state: ChainState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChainState {
    /// The path validated, at the validation time or at a proven earlier one.
    Valid,
    /// It leads to an anchor and did not validate.
    Refused,
    /// As far up as issuers were found; no anchor is reached.
    #[default]
    Incomplete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Signer,
    Authority,
    /// Trusted as it is; its own validity period is not asked for.
    Anchor,
}

/// Where something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The document brought it along.
    Document,
    /// The caller handed it in.
    Given,
}

/// One certificate, unverified unless its [`Chain`] is valid. Texts come from the certificate and are not escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFact {
    pub role: Role,
    pub found: Found,
    /// RFC 4514, as everywhere in reports.
    pub subject: String,
    /// commonName, for people.
    pub name: String,
    /// organizationName and organizationalUnitName of the subject: who manages the holder.
    pub organization: Option<String>,
    pub unit: Option<String>,
    pub issuer: String,
    pub issuer_name: String,
    /// Hexadecimal.
    pub serial: String,
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
    /// SHA-256 of the DER, hexadecimal.
    pub fingerprint: String,
    /// What its issuer says of it, newest first; at most [`RevocationFact::MOST`].
    pub revocation: Vec<RevocationFact>,
}

/// A CRL or OCSP response whose signature verifies with the issuer's key, or with one the issuer certified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationFact {
    pub kind: RevocationKind,
    pub found: Found,
    /// commonName of who signed it.
    pub by: String,
    pub this_update: OffsetDateTime,
    pub next_update: Option<OffsetDateTime>,
    pub says: Says,
}

impl RevocationFact {
    /// Most facts kept of one certificate.
    pub const MOST: usize = 3;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationKind {
    Crl,
    Ocsp,
}

/// What revocation information says of one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    Good,
    Revoked(OffsetDateTime),
    OnHold(OffsetDateTime),
    /// The responder does not know the certificate.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StampKind {
    /// signature-time-stamp: inside the signature.
    Signature,
    /// archive-time-stamp-v3 of CAdES.
    Archive,
    /// A document time-stamp of the PDF.
    Document,
}

/// A time-stamp that validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeStampFact {
    pub kind: StampKind,
    /// genTime.
    pub time: OffsetDateTime,
    /// Until when the token itself proves something: the end of its unit's certificate or of its algorithms.
    pub lasts_until: OffsetDateTime,
    /// The time-stamping unit's certificate and those above it.
    pub chain: Vec<CertificateFact>,
}

/// One difference between the signed revision of a PDF and the whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeFact {
    pub modification: Modification,
    /// Name of the rule that explained it, or `unexplained`.
    pub rule: &'static str,
    /// Where in the object graph, e.g. `Root/AcroForm/Fields[2]/V`.
    pub path: String,
    /// One English sentence; [`super::told`] has its Vietnamese.
    pub text: String,
    /// The page it belongs to, from 1, where that can be told.
    pub page: Option<usize>,
}

/// One saved state of a PDF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionFact {
    /// From 1, oldest first.
    pub number: usize,
    /// The octets it added to the file.
    pub octets: Range<usize>,
    /// How many objects it defined for the first time, defined anew and marked free.
    pub added: usize,
    pub changed: usize,
    pub freed: usize,
    /// What it wrote, as far as the newest state tells, without repetition.
    pub wrote: Vec<Wrote>,
}

/// Kinds of objects people care for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrote {
    Pages,
    Fields,
    Annotations,
    /// The document security store.
    ValidationData,
}
