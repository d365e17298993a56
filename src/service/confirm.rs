//! The citizen's steps: look, ask for a code, confirm, refuse.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Answer, ConfirmationView, LiveCode, Result, Service, ServiceError, StepOutcome, links};
use crate::authorization::{Proof, Verdict};
use crate::custody::Activation;
use crate::domain::{AuditEvent, Factors, Method, Origin, Secret, State, StateKind, Transaction};
use crate::formats::x509::Certificate;
use crate::storage::{Challenge, Outcome};

/// How long the citizen's browser waits for the end of signing before it is shown the progress instead.
const PATIENCE: Duration = Duration::from_secs(4);

impl Service {
    /// What the citizen's page shows.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for any link this service did not make.
    pub async fn confirmation(&self, token: &Secret) -> Result<ConfirmationView> {
        let transaction = self.by_link(token).await?;
        let missing = |what: &str| ServiceError::Internal(format!("a {what} is missing"));
        let portal = self.storage().portal(&transaction.portal).await?.ok_or_else(|| missing("portal"))?;
        let signer = self.signer(&transaction.signer).await?;
        let credential =
            self.storage().credential(&transaction.credential).await?.ok_or_else(|| missing("credential"))?;
        let certificate = credential.certificates.first().and_then(|der| Certificate::from_der(der).ok());
        let live = match transaction.state {
            State::Waiting => self.storage().live_challenge(&transaction.id).await?,
            _ => None,
        };
        let code = match live.filter(|challenge| challenge.expires_at > self.now()) {
            Some(challenge) => Some(self.live_code(&transaction, &challenge).await?),
            None => None,
        };
        let authenticators = self.backends.sole_control.authenticators(&transaction.signer).await?;
        let documents = match transaction.state {
            State::Waiting => Vec::new(),
            _ => self.storage().item_states(&transaction.id).await?,
        };
        let (others, in_turn) = self.others(&transaction.id).await?;
        let spent = match transaction.state {
            State::Waiting => self.backends.sole_control.sending_spent(&transaction).await?,
            _ => None,
        };
        Ok(ConfirmationView {
            documents,
            others,
            in_turn,
            spent,
            authenticators,
            destinations: self.backends.sole_control.channels().offered(&signer),
            code_digits: self.backends.sole_control.policy().digits.count(),
            codes_left: self.backends.sole_control.codes_left(&transaction).await?,
            leaving: self.leave_unconfirmed(&transaction).await?,
            certificate_subject: certificate
                .map(|c| format!("{} ({})", c.subject().common_name(), c.serial_hex()))
                .unwrap_or_default(),
            factors: credential.factors,
            transaction,
            portal,
            signer,
            code,
        })
    }

    /// Path of the `n`-th original document, from 1, for drawing its pages: the very bytes that will be hashed.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn confirmation_document(&self, token: &Secret, n: u32) -> Result<PathBuf> {
        let transaction = self.by_link(token).await?;
        let known = usize::try_from(n).is_ok_and(|n| (1..=transaction.items.len()).contains(&n));
        let is_request = matches!(transaction.origin, Origin::Request { .. });
        if !known || !is_request {
            return Err(ServiceError::NotFound("document"));
        }
        // Several signers confirm the same originals, which the first one's folder holds.
        let joint = self.storage().joint(&transaction.id).await?;
        let holder = joint.map_or(transaction.id, |joint| joint.request);
        Ok(self.backends.documents.path(&holder, n))
    }

    /// Sends a (new) code to the signer's registered number; the old one dies.
    ///
    /// # Errors
    /// [`ServiceError::ResendTooSoon`], [`ServiceError::NoMoreCodes`], [`ServiceError::State`], [`ServiceError::ChannelDown`].
    pub async fn send_code(&self, token: &Secret) -> Result<LiveCode> {
        self.send_code_by(token, None).await
    }

    /// The same by a method the signer chose.
    ///
    /// # Errors
    /// As [`Self::send_code`].
    pub async fn send_code_by(&self, token: &Secret, chosen: Option<Method>) -> Result<LiveCode> {
        let view = self.confirmation(token).await?;
        if !view.in_turn {
            return Err(ServiceError::NotYet);
        }
        let sent = self.backends.sole_control.send_code(&view.transaction, &view.portal, &view.signer, chosen).await;
        let challenge = sent?;
        self.live_code(&view.transaction, &challenge).await
    }

    /// Checks the code and, when it fits, signs. Signing goes on in its own task if the caller goes away.
    ///
    /// # Errors
    /// [`ServiceError::WrongPin`], [`ServiceError::WrongAuthenticationData`], [`ServiceError::Locked`],
    /// [`ServiceError::CodeExpired`], [`ServiceError::GuessesSpent`], [`ServiceError::State`].
    pub async fn submit_code(self: &Arc<Self>, token: &Secret, code: &Secret) -> Result<StepOutcome> {
        self.submit(token, Answer { proof: Proof::Code(code.clone()), pin: None }).await
    }

    /// The same for every factor there is.
    ///
    /// # Errors
    /// As [`Self::submit_code`].
    pub async fn submit(self: &Arc<Self>, token: &Secret, answer: Answer) -> Result<StepOutcome> {
        let transaction = self.by_link(token).await?;
        if transaction.state.kind() != StateKind::Waiting {
            return Err(ServiceError::State(transaction.state.kind()));
        }
        self.check_turn(&transaction.id).await?;
        // The PIN first: a mistake in it does not use up the code.
        let activation = self.prove_pin(&transaction, answer.pin.as_ref()).await?;
        let service = self.clone();
        let work = async move {
            let module = &service.backends.activation;
            let verdict = module.confirm(&transaction, &answer.proof, activation.as_ref()).await;
            match verdict? {
                // Only bare hashes are opened by a SAD; documents are signed right here.
                Verdict::Confirmed { sad: Some(sad) } => {
                    let leaving = Some(service.grant_confirmed(&transaction, &sad).await?);
                    let state = State::Confirmed { at: service.now() };
                    Ok(StepOutcome { state, return_url: None, leaving })
                }
                Verdict::Confirmed { sad: None } => {
                    service.sign_request(&transaction.id, activation).await.map(outcome)
                }
                Verdict::Wrong { tries_left } => Err(ServiceError::WrongAuthenticationData { tries_left }),
                Verdict::Locked => Err(ServiceError::Locked),
                Verdict::NoLiveCode => Err(ServiceError::CodeExpired),
                Verdict::Spent { seconds } => Err(ServiceError::GuessesSpent { seconds }),
            }
        };
        let signing = tokio::spawn(work);
        match tokio::time::timeout(PATIENCE, signing).await {
            Ok(signed) => signed.map_err(|error| ServiceError::Internal(error.to_string()))?,
            // A large batch goes on in its task; the page shows how far it is.
            Err(_) => Ok(outcome(self.by_link(token).await?)),
        }
    }

    /// What opens the key, for a credential that asks for a PIN.
    async fn prove_pin(&self, transaction: &Transaction, pin: Option<&Secret>) -> Result<Option<Activation>> {
        let credential = self.stored_credential(transaction).await?;
        if credential.factors == Factors::Code {
            return Ok(None);
        }
        let signer = self.signer(&transaction.signer).await?;
        let pin = pin.ok_or(ServiceError::WrongPin)?;
        let proven = self.backends.activation.check_pin(&transaction.portal, &signer, &credential, pin).await;
        Ok(proven?)
    }

    /// The signer does not want to sign.
    ///
    /// # Errors
    /// [`ServiceError::State`] when the transaction no longer waits.
    pub async fn refuse(&self, token: &Secret) -> Result<StepOutcome> {
        let transaction = self.by_link(token).await?;
        let event = AuditEvent::Refused { transaction: transaction.id.clone() };
        let refused = State::Refused { at: self.now() };
        let moved = self.storage().advance(&transaction.id, StateKind::Waiting, &refused, self.entry(event)).await?;
        let transaction = self.by_link(token).await?;
        // A second click finds the refusal already there.
        if moved == Outcome::Stale && transaction.state.kind() != StateKind::Refused {
            return Err(ServiceError::State(transaction.state.kind()));
        }
        let leaving = self.leave_unconfirmed(&transaction).await?;
        Ok(StepOutcome { leaving, ..outcome(transaction) })
    }

    pub(super) async fn by_link(&self, token: &Secret) -> Result<Transaction> {
        let id = links::transaction(&self.backends.link_key, token).ok_or(ServiceError::NotFound("link"))?;
        let found = self.storage().transaction(&id).await?.ok_or(ServiceError::NotFound("link"))?;
        self.expire_if_due(found).await
    }

    pub(super) async fn live_code(&self, transaction: &Transaction, challenge: &Challenge) -> Result<LiveCode> {
        let control = &self.backends.sole_control;
        Ok(LiveCode {
            control: (challenge.method == Method::Totp).then(|| control.control_code(transaction, challenge)),
            passkey: match challenge.method {
                Method::Passkey => Some(control.passkey_request(transaction, challenge).await?),
                _ => None,
            },
            method: challenge.method,
            tries_left: challenge.tries_left,
            expires_at: challenge.expires_at,
            resend_at: challenge.created_at + self.backends.sole_control.policy().wait_after(challenge.sequence),
        })
    }
}

fn outcome(transaction: Transaction) -> StepOutcome {
    let return_url = match transaction.origin {
        Origin::Request { return_url, .. } => return_url,
        Origin::Csc | Origin::Oauth => None,
    };
    StepOutcome { state: transaction.state, return_url, leaving: None }
}
