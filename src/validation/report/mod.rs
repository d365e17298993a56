//! What a validation answers: plain data, no formatting.
//!
//! Reading order: [`SignatureReport`], [`facts`] (what its verdict rests on), [`SubIndication`] (the standard's words), [`message`] (stable codes with their Vietnamese
//! and English text), [`phrases`] (the Vietnamese of their details). Turning a report into text or JSON is the caller's work.

pub mod facts;
pub mod message;
pub mod phrases;

pub use super::pdf_changes::Modification;
pub use crate::formats::level::Baseline;
pub use crate::formats::pdf::byte_range::Coverage;
pub use facts::Facts;
pub use message::{Code, Language, Message, Severity, told};

use time::OffsetDateTime;

use crate::formats::pdf::SignatureKind;

/// The main indications of EN 319 102-1 §5.1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Indication {
    TotalPassed,
    Indeterminate,
    TotalFailed,
}

impl Indication {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TotalPassed => "TOTAL-PASSED",
            Self::Indeterminate => "INDETERMINATE",
            Self::TotalFailed => "TOTAL-FAILED",
        }
    }
}

/// Why a signature did not pass; each word belongs to exactly one main indication (EN 319 102-1 §5.1.3, table 6).
///
/// Words of the table that nothing here leads to: NO_CERTIFICATE_CHAIN_FOUND_NO_POE (trust anchors have no end: the bundle that lists
/// them ends as a whole, which is TRY_LATER with its age), NO_POE (what past certificate validation answers past signature validation,
/// which then stands by the word it began with, §5.6.2), POLICY_PROCESSING_ERROR and SIGNATURE_POLICY_NOT_AVAILABLE (no constraint
/// asks for a signature policy: it is told).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubIndication {
    FormatFailure,
    HashFailure,
    SigCryptoFailure,
    Revoked,
    Expired,
    NotYetValid,
    SigConstraintsFailure,
    ChainConstraintsFailure,
    CertificateChainGeneralFailure,
    CryptoConstraintsFailure,
    CryptoConstraintsFailureNoPoe,
    NoSigningCertificateFound,
    NoCertificateChainFound,
    RevokedNoPoe,
    RevokedCaNoPoe,
    OutOfBoundsNotRevoked,
    OutOfBoundsNoPoe,
    RevocationOutOfBoundsNoPoe,
    TryLater,
    TimestampOrderFailure,
    SignedDataNotFound,
}

impl SubIndication {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FormatFailure => "FORMAT_FAILURE",
            Self::HashFailure => "HASH_FAILURE",
            Self::SigCryptoFailure => "SIG_CRYPTO_FAILURE",
            Self::Revoked => "REVOKED",
            Self::Expired => "EXPIRED",
            Self::NotYetValid => "NOT_YET_VALID",
            Self::SigConstraintsFailure => "SIG_CONSTRAINTS_FAILURE",
            Self::ChainConstraintsFailure => "CHAIN_CONSTRAINTS_FAILURE",
            Self::CertificateChainGeneralFailure => "CERTIFICATE_CHAIN_GENERAL_FAILURE",
            Self::CryptoConstraintsFailure => "CRYPTO_CONSTRAINTS_FAILURE",
            Self::CryptoConstraintsFailureNoPoe => "CRYPTO_CONSTRAINTS_FAILURE_NO_POE",
            Self::NoSigningCertificateFound => "NO_SIGNING_CERTIFICATE_FOUND",
            Self::NoCertificateChainFound => "NO_CERTIFICATE_CHAIN_FOUND",
            Self::RevokedNoPoe => "REVOKED_NO_POE",
            Self::RevokedCaNoPoe => "REVOKED_CA_NO_POE",
            Self::OutOfBoundsNotRevoked => "OUT_OF_BOUNDS_NOT_REVOKED",
            Self::OutOfBoundsNoPoe => "OUT_OF_BOUNDS_NO_POE",
            Self::RevocationOutOfBoundsNoPoe => "REVOCATION_OUT_OF_BOUNDS_NO_POE",
            Self::TryLater => "TRY_LATER",
            Self::TimestampOrderFailure => "TIMESTAMP_ORDER_FAILURE",
            Self::SignedDataNotFound => "SIGNED_DATA_NOT_FOUND",
        }
    }

    /// The main indication this word belongs to.
    pub fn indication(self) -> Indication {
        match self {
            Self::FormatFailure
            | Self::HashFailure
            | Self::SigCryptoFailure
            | Self::Revoked
            | Self::Expired
            | Self::NotYetValid => Indication::TotalFailed,
            _ => Indication::Indeterminate,
        }
    }
}

/// A check that was not met: the word it leads to, and what to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub sub_indication: SubIndication,
    pub message: Message,
}

impl Finding {
    pub fn new(sub_indication: SubIndication, code: Code) -> Self {
        Self { sub_indication, message: Message::error(code) }
    }

    pub fn with(sub_indication: SubIndication, code: Code, detail: impl Into<String>) -> Self {
        Self { sub_indication, message: Message::error(code).detail(detail) }
    }
}

/// The digests and the signature value alone, whatever the trust anchors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    Intact,
    /// Also when a digest or value cannot be checked: nothing shows that the document is what was signed.
    Broken,
}

/// The word for a coverage in JSON.
pub fn coverage_str(coverage: Coverage) -> &'static str {
    match coverage {
        Coverage::WholeFile => "whole-file",
        Coverage::WholeRevision => "whole-revision",
        Coverage::Partial => "partial",
    }
}

/// The word for a modification in JSON.
pub fn modification_str(modification: Modification) -> &'static str {
    match modification {
        Modification::None => "none",
        Modification::Allowed => "allowed",
        Modification::Suspicious => "suspicious",
        Modification::Forbidden => "forbidden",
    }
}

/// The profile and level a signature conforms to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Pades(Baseline),
    Cades(Baseline),
    /// A CMS signature that is off-profile; a message names the rule.
    Pkcs7,
    /// A document time-stamp is no signature level.
    DocumentTimeStamp,
}

impl Level {
    /// The same profile at another baseline level; off-profile signatures and time-stamps have none.
    #[must_use]
    pub fn at(self, baseline: Baseline) -> Self {
        match self {
            Self::Pades(_) => Self::Pades(baseline),
            Self::Cades(_) => Self::Cades(baseline),
            other => other,
        }
    }

    /// The name in JSON; `None` for a document time-stamp.
    pub fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Pades(Baseline::B) => Some("PAdES-B-B"),
            Self::Pades(Baseline::T) => Some("PAdES-B-T"),
            Self::Pades(Baseline::Lt) => Some("PAdES-B-LT"),
            Self::Pades(Baseline::Lta) => Some("PAdES-B-LTA"),
            Self::Cades(Baseline::B) => Some("CAdES-B-B"),
            Self::Cades(Baseline::T) => Some("CAdES-B-T"),
            Self::Cades(Baseline::Lt) => Some("CAdES-B-LT"),
            Self::Cades(Baseline::Lta) => Some("CAdES-B-LTA"),
            Self::Pkcs7 => Some("PKCS7"),
            Self::DocumentTimeStamp => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Signature,
    DocumentTimestamp,
}

impl From<SignatureKind> for Kind {
    fn from(kind: SignatureKind) -> Self {
        match kind {
            SignatureKind::Signature => Self::Signature,
            SignatureKind::DocumentTimestamp => Self::DocumentTimestamp,
        }
    }
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::DocumentTimestamp => "document-timestamp",
        }
    }
}

/// Who signed, as the signing certificate says; unverified unless the signature passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    pub subject: String,
    /// commonName, for people.
    pub name: String,
    pub issuer: String,
    pub issuer_name: String,
    pub serial: String,
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
}

/// The answer for one signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureReport {
    /// From 1, in the order of signing.
    pub index: usize,
    pub kind: Kind,
    /// Full name of the PDF field.
    pub field: Option<String>,
    /// `None` when TOTAL-PASSED.
    pub sub_indication: Option<SubIndication>,
    pub integrity: Integrity,
    pub level: Level,
    pub coverage: Coverage,
    pub modification: Modification,
    pub signer: Option<Signer>,
    /// What the signer claims (/M or signing-time), or the time a document time-stamp states.
    pub claimed_signing_time: Option<OffsetDateTime>,
    /// Earliest time the signature is proven to have existed; `None` without a validated time-stamp.
    pub best_signature_time: Option<OffsetDateTime>,
    /// When the outermost proof ends: before this time a newer time-stamp has to cover the signature.
    pub renew_by: Option<OffsetDateTime>,
    pub signature_algorithm: Option<String>,
    pub digest_algorithm: Option<String>,
    pub messages: Vec<Message>,
    pub facts: Facts,
}

impl SignatureReport {
    pub fn indication(&self) -> Indication {
        self.sub_indication.map_or(Indication::TotalPassed, SubIndication::indication)
    }

    /// Tells that a budget ended before everything was looked at; what would have passed is INDETERMINATE then.
    pub fn cut_short(&mut self, limit: String) {
        let message = Message::error(Code::BudgetExceeded).detail(limit);
        if self.sub_indication.is_none() {
            self.sub_indication = Some(SubIndication::CertificateChainGeneralFailure);
            self.best_signature_time = None;
            self.messages.insert(0, message);
        } else if !self.messages.contains(&message) {
            self.messages.push(message);
        }
    }
}

/// The answer for one file that could be processed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    pub format: Format,
    pub signatures: Vec<SignatureReport>,
    /// Number of revisions of a PDF; 1 for other formats.
    pub revisions: usize,
    /// The revisions of a PDF, oldest first; of a long history only the newest are kept.
    pub history: Vec<facts::RevisionFact>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Pdf,
    Cms,
}

impl Format {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Cms => "cms",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_and_doubts_have_their_own_main_indication() {
        assert_eq!(SubIndication::HashFailure.indication(), Indication::TotalFailed);
        assert_eq!(SubIndication::TryLater.indication(), Indication::Indeterminate);
        assert!(
            Indication::TotalPassed < Indication::Indeterminate && Indication::Indeterminate < Indication::TotalFailed
        );
    }
}
