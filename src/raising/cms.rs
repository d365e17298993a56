//! Raising a CMS message: time-stamps as unsigned attributes, validation material in its certificates and crls fields.

use super::inventory::Wanted;
use super::{RaiseError, Raised, Raiser};
use crate::crypto::Digest;
use crate::formats::cms::SignedData;
use crate::formats::level::Baseline;
use crate::signing::cades::{
    ArchivedContent, prepare_archive, signature_imprint, with_certificates_and_revocations, with_signature_time_stamp,
};
use crate::validation::blocks::x509::Purpose;

impl Raiser<'_> {
    /// Raises every signer of the message to `level` at least. `content` is what a detached signature covers. The raised
    /// message replaces `message` as far as it came.
    pub async fn cms(&self, message: &mut Vec<u8>, content: Option<&[u8]>, level: Baseline) -> Raised {
        let mut reached = Baseline::B;
        let problem = self.climb_cms(message, content, level, &mut reached).await.err();
        Raised { reached, problem }
    }

    async fn climb_cms(
        &self,
        message: &mut Vec<u8>,
        content: Option<&[u8]>,
        level: Baseline,
        reached: &mut Baseline,
    ) -> Result<(), RaiseError> {
        let signers = signers(message)?;
        if level >= Baseline::T && !Wanted::is_stamped(message) {
            for index in 0..signers {
                self.stamp_signature(message, index).await?;
            }
        }
        *reached = level.min(Baseline::T);
        if level < Baseline::Lt {
            return Ok(());
        }
        let wanted = Wanted::read(message, Purpose::DocumentSigning, None)?;
        *message = with_certificates_and_revocations(message, &self.material(&wanted).await?)?;
        *reached = Baseline::Lt;
        if level == Baseline::Lta {
            for index in 0..signers {
                self.archive(message, content, index).await?;
            }
            *reached = Baseline::Lta;
        }
        Ok(())
    }

    async fn stamp_signature(&self, message: &mut Vec<u8>, index: usize) -> Result<(), RaiseError> {
        let token = self.stamp_digest(signature_imprint(message, index, self.trust.settings().imprint)?).await?;
        *message = with_signature_time_stamp(message, index, token.der())?;
        Ok(())
    }

    async fn archive(&self, message: &mut Vec<u8>, content: Option<&[u8]>, index: usize) -> Result<(), RaiseError> {
        let content = content.map_or(ArchivedContent::Inside, ArchivedContent::Octets);
        let request = prepare_archive(message, index, content, self.trust.settings().imprint)?;
        let imprint = Digest::from_bytes(request.algorithm(), request.imprint());
        let imprint = imprint.ok_or_else(|| RaiseError::Unreadable("its archive imprint has no length".into()))?;
        let token = self.stamp_digest(imprint).await?;
        *message = request.embed(message, token.der())?;
        Ok(())
    }
}

fn signers(message: &[u8]) -> Result<usize, RaiseError> {
    let signed_data = SignedData::parse(message).map_err(|error| RaiseError::Unreadable(error.to_string()))?;
    match signed_data.signers.len() {
        0 => Err(RaiseError::NoSignature),
        signers => Ok(signers),
    }
}
