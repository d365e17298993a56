//! What a judgement rests on besides the signature: trust anchors, further certificates, CRLs, OCSP responses.

use crate::formats::cms::ValidationData;
use crate::formats::crl::{self, CertificateList, CrlError};
use crate::formats::ocsp::OcspResponse;
use crate::formats::pdf::dss::SecurityStore;
use crate::formats::x509::{Certificate, NameConstraints};
use crate::validation::known::KnownSignatures;
use crate::validation::report::Message;

/// Facts handed in by the caller. Nothing is fetched while judging.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Certificates trusted as they are; a path ends at one of them.
    pub anchors: Vec<Certificate>,
    /// Certificates that may help to build a path.
    pub certificates: Vec<Certificate>,
    /// Revocation lists, unverified.
    pub crls: Vec<CertificateList>,
    /// OCSP responses, unverified.
    pub ocsps: Vec<OcspResponse>,
    /// Limits on anchors besides those that stand in their certificates.
    pub anchor_limits: Vec<AnchorLimit>,
    /// Why it is not known whether the anchors are still trusted, e.g. because the list they come from is out of date: every path that
    /// would be valid is then TRY_LATER, with this message.
    pub anchors_in_doubt: Option<Message>,
    /// Shared by everything judged with this evidence or a clone of it.
    pub known: KnownSignatures,
}

/// What an anchor may vouch for, as whoever trusts it decided (RFC 5937).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorLimit {
    pub anchor: Certificate,
    pub names: NameConstraints,
}

impl Evidence {
    /// These facts together with those a document brings along. What a document brings is never an anchor.
    #[must_use]
    pub fn with(&self, brought: &ValidationData) -> Self {
        let mut all = self.clone();
        all.certificates.extend_from_slice(&brought.certificates);
        all.certificates.extend(brought.ocsps.iter().flat_map(|response| response.certificates().iter().cloned()));
        all.crls.extend_from_slice(&brought.crls);
        all.ocsps.extend_from_slice(&brought.ocsps);
        all
    }

    /// Adds the CRLs of a DER or PEM file, or its one DER OCSP response.
    ///
    /// # Errors
    /// [`CrlError`] when it is neither.
    pub fn add_revocation(&mut self, bytes: &[u8]) -> Result<(), CrlError> {
        match (crl::lists(bytes), OcspResponse::from_der(bytes)) {
            (Ok(lists), _) => self.crls.extend(lists),
            (Err(_), Ok(response)) => self.ocsps.push(response),
            (Err(error), Err(_)) => return Err(error),
        }
        Ok(())
    }

    /// The same for judging one file: what its signatures may cost is counted anew.
    #[must_use]
    pub fn for_one_file(&self) -> Self {
        Self { known: self.known.for_one_file(), ..self.clone() }
    }

    /// Only the trust anchors: what a document brings can then be judged by itself.
    #[must_use]
    pub fn anchors_alone(&self) -> Self {
        Self {
            anchors: self.anchors.clone(),
            anchor_limits: self.anchor_limits.clone(),
            anchors_in_doubt: self.anchors_in_doubt.clone(),
            known: self.known.clone(),
            ..Self::default()
        }
    }
}

/// Reads the values of a document security store; unreadable ones are left out, as they only could have helped.
pub fn of_store(store: &SecurityStore) -> ValidationData {
    ValidationData {
        certificates: store.certificates.iter().filter_map(|der| Certificate::from_der(der).ok()).collect(),
        crls: store.crls.iter().filter_map(|der| CertificateList::from_der(der).ok()).collect(),
        ocsps: store.ocsps.iter().filter_map(|der| OcspResponse::from_der(der).ok()).collect(),
    }
}
