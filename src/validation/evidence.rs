//! What a judgement rests on besides the document: trust anchors, further certificates, CRLs.

use crate::formats::crl::CertificateList;
use crate::formats::x509::Certificate;
use crate::validation::known::KnownSignatures;

/// Facts handed in by the caller. Nothing is fetched while judging.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Certificates trusted as they are; a path ends at one of them.
    pub anchors: Vec<Certificate>,
    /// Certificates that may help to build a path.
    pub certificates: Vec<Certificate>,
    /// Revocation lists, unverified.
    pub crls: Vec<CertificateList>,
    /// Shared by everything judged with this evidence or a clone of it.
    pub known: KnownSignatures,
}

impl Evidence {
    /// These facts together with those a document brings along. What a document brings is never an anchor.
    #[must_use]
    pub fn with(&self, certificates: &[Certificate], crls: &[CertificateList]) -> Self {
        let mut all = self.clone();
        all.certificates.extend_from_slice(certificates);
        all.crls.extend_from_slice(crls);
        all
    }
}
