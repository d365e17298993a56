//! What in a message has to be provable for long: its signer, and the units of the time-stamps in it.

use time::OffsetDateTime;

use crate::formats::cms::{SignedData, SignerInfo, ValidationData, oid};
use crate::formats::tsp::TstInfo;
use crate::formats::x509::Certificate;
use crate::validation::blocks::x509::Purpose;

use super::RaiseError;

/// One certificate whose path has to be proven, and since when it is.
pub(super) struct Proof {
    pub certificate: Certificate,
    pub purpose: Purpose<'static>,
    /// genTime of the earliest time-stamp over what the certificate signed; `None` while there is none.
    pub proven: Option<OffsetDateTime>,
}

impl Proof {
    /// The time the path has to be valid at.
    pub fn time(&self, now: OffsetDateTime) -> OffsetDateTime {
        self.proven.unwrap_or(now)
    }
}

/// What one signature or time-stamp needs.
#[derive(Default)]
pub(super) struct Wanted {
    pub proofs: Vec<Proof>,
    /// What the message brings along.
    pub known: ValidationData,
}

impl Wanted {
    /// Reads a message: a signature with its time-stamps, or a time-stamp token. `proven` is when a later time-stamp saw it.
    pub fn read(message: &[u8], purpose: Purpose<'static>, proven: Option<OffsetDateTime>) -> Result<Self, RaiseError> {
        let unreadable = |error: &dyn std::fmt::Display| RaiseError::Unreadable(error.to_string());
        let signed_data = SignedData::parse(message).map_err(|error| unreadable(&error))?;
        let mut wanted = Self::default();
        for signer in &signed_data.signers {
            wanted.signer(&signed_data, signer, purpose, proven)?;
        }
        Ok(wanted)
    }

    fn signer(
        &mut self,
        signed_data: &SignedData<'_>,
        signer: &SignerInfo,
        purpose: Purpose<'static>,
        proven: Option<OffsetDateTime>,
    ) -> Result<(), RaiseError> {
        super::add(&mut self.known, ValidationData::of(signed_data, signer));
        let tokens = || time_stamps(signer);
        let stamped = tokens().filter_map(gen_time).chain(proven).min();
        let named = signed_data.certificates.iter().find(|certificate| signer.identifier.names(certificate));
        let certificate = named.ok_or_else(|| RaiseError::Unreadable("it lacks its signer's certificate".into()))?;
        self.proofs.push(Proof { certificate: certificate.clone(), purpose, proven: stamped });
        for token in tokens() {
            // An archive time-stamp proves the tokens before it.
            let own = gen_time(token);
            let later = archives(signer).filter_map(gen_time).filter(|time| own.is_none_or(|own| *time > own));
            let inner = Self::read(token, Purpose::TimeStamping, later.chain(proven).min())?;
            self.proofs.extend(inner.proofs);
            super::add(&mut self.known, inner.known);
        }
        Ok(())
    }

    /// Whether a time-stamp over the signature is in the message itself.
    pub fn is_stamped(message: &[u8]) -> bool {
        SignedData::parse(message).is_ok_and(|signed_data| {
            !signed_data.signers.is_empty()
                && signed_data.signers.iter().all(|signer| time_stamps(signer).next().is_some())
        })
    }
}

/// Time-stamps over a signature value, and over everything around it.
fn time_stamps(signer: &SignerInfo) -> impl Iterator<Item = &[u8]> {
    let kinds = [oid::SIGNATURE_TIME_STAMP, oid::ARCHIVE_TIME_STAMP_V3];
    kinds.into_iter().flat_map(|kind| signer.unsigned_attributes.values(&kind).collect::<Vec<_>>())
}

fn archives(signer: &SignerInfo) -> impl Iterator<Item = &[u8]> {
    signer.unsigned_attributes.values(&oid::ARCHIVE_TIME_STAMP_V3)
}

/// When a token says it was made.
pub(super) fn gen_time(token: &[u8]) -> Option<OffsetDateTime> {
    let signed_data = SignedData::parse(token).ok()?;
    Some(TstInfo::from_der(signed_data.content.as_deref()?).ok()?.gen_time)
}
