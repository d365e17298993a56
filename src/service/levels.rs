//! Levels above B-B: asked of the trust services while signing, or later from the queue when they are down.

use std::sync::Arc;
use time::{Duration, OffsetDateTime};

use super::credentials::UsableCredential;
use super::sign::{blocking, settings};
use super::stage::{Content, Stage, Task};
use super::{Result, Service, ServiceError};
use crate::crypto::Digest;
use crate::custody::SignatureValue;
use crate::domain::settings::{ContentTimeStamp, SignatureFormat};
use crate::domain::{AuditEvent, SignatureSettings, Transaction};
use crate::formats::level::Baseline;
use crate::formats::tsp::Nonce;
use crate::mapping::Mapped;
use crate::raising::{Growing, RaiseError, Raised, Raiser, USUAL_TOKEN};
use crate::signing::cades::{signature_imprint, with_signature_time_stamp};
use crate::storage::{DueRaise, Intent, Outcome, Output, Raise, SignatureRow};
use crate::trust::TrustServices;

/// Trust services, and what their failure means.
#[derive(Clone)]
pub struct LevelServices {
    pub trust: Arc<TrustServices>,
    pub when_down: WhenDown,
}

/// What happens to a signature whose level cannot be reached now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenDown {
    /// It is released at the level it has, its portal is told, and the level is raised from the queue.
    #[default]
    RaiseLater,
    /// Nothing is released, and the request says why.
    Refuse,
}

/// Raises taken from the queue at a time.
const AT_A_TIME: u32 = 16;
/// Waits before the next attempts; the last one repeats.
const WAITS: [Duration; 5] =
    [Duration::minutes(1), Duration::minutes(5), Duration::minutes(30), Duration::hours(2), Duration::hours(6)];
/// Longest error kept for people, in characters.
const ERROR_CHARACTERS: usize = 500;

fn next_attempt(attempts: u32, now: OffsetDateTime) -> OffsetDateTime {
    let index = usize::try_from(attempts).unwrap_or(usize::MAX).min(WAITS.len() - 1);
    now + WAITS.get(index).copied().unwrap_or(Duration::hours(6))
}

impl Service {
    /// Checks that what the request asks for is offered.
    ///
    /// # Errors
    /// [`ServiceError::NoTrustServices`].
    pub(super) fn check_level(&self, settings: &SignatureSettings) -> Result<()> {
        let stamps = settings.options.level > Baseline::B
            || settings.options.content_time_stamp == ContentTimeStamp::BeforeSigning;
        if stamps && self.backends.levels.is_none() { Err(ServiceError::NoTrustServices) } else { Ok(()) }
    }

    /// Whether levels above B-B and time-stamps can be asked for.
    pub fn has_trust_services(&self) -> bool {
        self.backends.levels.is_some()
    }

    /// A time-stamp token over a hash, DER, with the caller's nonce if it has one.
    ///
    /// # Errors
    /// [`ServiceError::NoTrustServices`], [`ServiceError::TrustService`].
    pub async fn timestamp(&self, digest: Digest, nonce: Option<&[u8]>) -> Result<Vec<u8>> {
        let levels = self.backends.levels.as_ref().ok_or(ServiceError::NoTrustServices)?;
        let token = levels.trust.timestamp_with(digest, nonce.map(Nonce::of)).await;
        Ok(token.map_err(|error| ServiceError::TrustService(error.to_string()))?.der().to_vec())
    }

    fn raiser(&self) -> Result<Raiser<'_>> {
        let levels = self.backends.levels.as_ref().ok_or(ServiceError::NoTrustServices)?;
        let (trust, anchors) = (levels.trust.as_ref(), levels.trust.settings().anchors.as_slice());
        Ok(Raiser { trust, anchors, now: self.now(), password: None })
    }

    /// Octets to reserve for the time-stamps the settings ask for, from the size of one real token. When the authorities do
    /// not answer, a usual size; it is asked again then.
    pub(super) async fn token_octets(&self, settings: &SignatureSettings) -> usize {
        let content = settings.options.content_time_stamp == ContentTimeStamp::BeforeSigning;
        let tokens = usize::from(settings.options.level > Baseline::B) + usize::from(content);
        let Ok(raiser) = self.raiser() else { return 0 };
        if tokens == 0 {
            return 0;
        }
        let known = self.token_size.get_or_try_init(|| raiser.token_capacity()).await;
        tokens * known.copied().unwrap_or(USUAL_TOKEN)
    }

    /// The intents of prepared documents, with a time-stamp over each content where one is asked for.
    pub(super) async fn intents(&self, task: &Task, contents: Vec<Content>) -> Result<Vec<Intent>> {
        let mut intents = Vec::with_capacity(contents.len());
        for content in contents {
            let token = match task.settings.options.content_time_stamp {
                ContentTimeStamp::Without => None,
                ContentTimeStamp::BeforeSigning => {
                    let token = self.raiser()?.trust.timestamp(content.digest().clone()).await;
                    Some(token.map_err(|error| ServiceError::TrustService(error.to_string()))?.der().to_vec())
                }
            };
            intents.push(content.intent(task, token)?);
        }
        Ok(intents)
    }

    /// What is released for one document: the signature at the level asked for, or what the policy says when it cannot be
    /// reached now.
    pub(super) async fn release(
        &self,
        transaction: &Transaction,
        ordinal: u32,
        stage: Stage,
        value: &SignatureValue,
        credential: &UsableCredential,
    ) -> Result<Output> {
        let settings = settings(transaction)?;
        let path = self.backends.documents.signed_over(&transaction.id, ordinal.saturating_add(1));
        let (value, credential, original) = (value.clone(), credential.clone(), path);
        let (stage, mut cms) = blocking(move || {
            let cms = stage.assemble(&value, &credential, &original)?;
            Ok::<_, ServiceError>((stage, cms))
        })
        .await??;
        let level = settings.options.level;
        let mut raised = Raised { reached: Baseline::B, problem: None };
        if level > Baseline::B {
            match self.stamped(&cms).await {
                Ok(stamped) if stage.holds(&stamped) => {
                    cms = stamped;
                    raised.reached = Baseline::T;
                }
                // A token that has grown since the space was reserved: a document time-stamp does the same.
                Ok(_) => {}
                Err(error) => raised.problem = Some(error),
            }
        }
        let mut bytes = stage.embed(cms)?;
        if raised.problem.is_none() && raised.reached < level {
            (bytes, raised) = self.raise(transaction, ordinal, bytes).await?;
        }
        self.decide(bytes, raised, level, 0)
    }

    /// The message with a time-stamp over its signature value.
    async fn stamped(&self, cms: &[u8]) -> std::result::Result<Vec<u8>, RaiseError> {
        let Ok(Raiser { trust, .. }) = self.raiser() else { return Err(RaiseError::NoSignature) };
        let token = trust.timestamp(signature_imprint(cms, 0, trust.settings().imprint)?).await?;
        Ok(with_signature_time_stamp(cms, 0, token.der())?)
    }

    /// Raises what was made for a document as far as it goes.
    async fn raise(&self, transaction: &Transaction, ordinal: u32, bytes: Vec<u8>) -> Result<(Vec<u8>, Raised)> {
        let settings = settings(transaction)?;
        let path = self.backends.documents.signed_over(&transaction.id, ordinal.saturating_add(1));
        let format = settings.options.format;
        let password = self.unseal(&transaction.id, settings.sealed_password.as_deref())?;
        let (raiser, level) = (Raiser { password: password.as_ref(), ..self.raiser()? }, settings.options.level);
        let unusable = |error: std::io::Error| ServiceError::Internal(format!("documents: {error}"));
        match format {
            SignatureFormat::Pdf => {
                // Dropping it removes the copy.
                let scratch = self.backends.documents.scratch().map_err(unusable)?;
                let copy = scratch.path().join("document.pdf");
                let started = move || {
                    let mut document = Growing::copy(&path, &copy)?;
                    document.append(&bytes)?;
                    Ok(document)
                };
                let mut document = blocking(started).await?.map_err(unusable)?;
                let raised = raiser.pdf(&mut document, level).await;
                Ok((document.appended().to_vec(), raised))
            }
            SignatureFormat::PdfHash | SignatureFormat::CmsHash => {
                let mut message = bytes;
                let raised = raiser.cms(&mut message, None, level).await;
                Ok((message, raised))
            }
            SignatureFormat::Cms | SignatureFormat::CmsEnveloping => {
                let content = Mapped::open(&path).map_err(unusable)?;
                let content = (format == SignatureFormat::Cms).then_some(&*content);
                let mut message = bytes;
                let raised = raiser.cms(&mut message, content, level).await;
                Ok((message, raised))
            }
        }
    }

    /// What a level that was not reached means.
    fn decide(&self, bytes: Vec<u8>, raised: Raised, wanted: Baseline, attempts: u32) -> Result<Output> {
        let Raised { reached, problem } = raised;
        let Some(problem) = problem else { return Ok(Output { bytes, level: reached, raise: None }) };
        let later = self.backends.levels.as_ref().is_some_and(|levels| levels.when_down == WhenDown::RaiseLater);
        match problem {
            RaiseError::NotValid { .. } => Err(ServiceError::CertificateNotValid),
            problem if later && problem.is_temporary() => {
                tracing::warn!(error = %problem, %wanted, %reached, "released at a lower level");
                let (next_at, last_error) = (next_attempt(attempts, self.now()), told(&problem));
                let raise = Some(Raise { wanted, attempts, next_at, last_error });
                Ok(Output { bytes, level: reached, raise })
            }
            problem => Err(ServiceError::TrustService(problem.to_string())),
        }
    }

    /// Raises what is due in the queue; gives how many documents got further. Call it now and then.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn raise_due(self: &Arc<Self>) -> Result<u32> {
        let mut further = 0;
        for due in self.storage().due_raises(self.now(), AT_A_TIME).await? {
            let joint = self.storage().joint(&due.transaction).await?;
            let _turn = match &joint {
                Some(joint) => self.turn_to_sign(joint).await,
                None => None,
            };
            let Some(_in_hand) = self.take_in_hand(&due.transaction) else { continue };
            match self.raise_one(&due).await {
                Ok(true) => further += 1,
                Ok(false) => {}
                Err(error @ ServiceError::Storage(_)) => return Err(error),
                Err(error) => self.postpone(&due, error.to_string()).await?,
            }
        }
        Ok(further)
    }

    async fn raise_one(&self, due: &DueRaise) -> Result<bool> {
        let transaction = self.storage().transaction(&due.transaction).await?;
        let transaction = transaction.ok_or(ServiceError::NotFound("request"))?;
        let rows = self.storage().signatures(&due.transaction).await?;
        let row = rows.into_iter().find(|row| row.intent.ordinal == due.ordinal);
        let Some(SignatureRow { output: Some(bytes), level: Some(before), .. }) = row else {
            return Err(ServiceError::Internal("a result is missing".into()));
        };
        let (bytes, raised) = self.raise(&transaction, due.ordinal, bytes).await?;
        let (reached, wanted) = (raised.reached, due.raise.wanted);
        if reached <= before {
            let problem = raised.problem.map_or_else(String::new, |problem| problem.to_string());
            self.postpone(due, problem).await?;
            return Ok(false);
        }
        let raise = raised.problem.as_ref().map(|problem| {
            let (next_at, last_error) = (next_attempt(0, self.now()), told(problem));
            Raise { wanted, attempts: 0, next_at, last_error }
        });
        let output = Output { bytes, level: reached, raise };
        let event =
            AuditEvent::LevelRaised { transaction: due.transaction.clone(), ordinal: due.ordinal, level: reached };
        let recorded = self.storage().record_raised(&due.transaction, due.ordinal, &output, self.entry(event)).await?;
        Ok(recorded == Outcome::Done)
    }

    async fn postpone(&self, due: &DueRaise, problem: String) -> Result<()> {
        let attempts = due.raise.attempts.saturating_add(1);
        tracing::warn!(error = problem, transaction = %due.transaction, attempts, "a level could not be raised");
        let last_error = problem.chars().take(ERROR_CHARACTERS).collect();
        let raise =
            Raise { attempts, next_at: next_attempt(attempts, self.now()), last_error, wanted: due.raise.wanted };
        Ok(self.storage().postpone_raise(&DueRaise { raise, ..due.clone() }).await?)
    }
}

fn told(problem: &RaiseError) -> String {
    problem.to_string().chars().take(ERROR_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn attempts_come_less_and_less_often_and_never_stop() {
        let now = datetime!(2026-06-01 0:00 UTC);
        let waits: Vec<_> = [0, 1, 4, 5, u32::MAX].map(|attempts| next_attempt(attempts, now) - now).to_vec();
        let (minute, hours) = (Duration::minutes(1), Duration::hours(6));
        assert_eq!(waits, [minute, Duration::minutes(5), hours, hours, hours]);
    }
}
