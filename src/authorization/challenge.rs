//! Challenge and confirmation: send a code for an exact set of hashes, and accept it once.

use super::meter::Count;
use super::{AuthorizationError, Result, SoleControl, channel, code, sealed};
use crate::crypto::digest::{hex, sha256};
use crate::custody::Activation;
use crate::domain::binding::fingerprint;
use crate::domain::{AuditEvent, Binding, Item, Origin, Portal, Secret, Signer, StateKind, Transaction, ports};
use crate::storage::{Challenge, CodeOutcome, Confirmation, Entry, MessageScope, SadRow, Sending, Spent};

/// What a signer proves possession with.
#[derive(Debug, Clone)]
pub enum Proof {
    /// The code of a message.
    Code(Secret),
}

/// What came of an entered code.
#[derive(Debug)]
pub enum Verdict {
    /// The signer confirmed; for CSC transactions with the SAD that opens exactly the confirmed hashes.
    Confirmed {
        sad: Option<Secret>,
    },
    Wrong {
        tries_left: u32,
    },
    /// The last try of this code: the transaction has ended.
    Locked,
    /// The signer's wrong entries of the day are used up; nothing was compared.
    Spent {
        seconds: u64,
    },
    /// The code expired, was replaced or was used.
    NoLiveCode,
}

impl SoleControl {
    /// Sends a code to the signer's registered number; an older one of the same transaction dies.
    ///
    /// # Errors
    /// [`AuthorizationError::ResendTooSoon`], [`AuthorizationError::NoMoreCodes`], [`AuthorizationError::NotWaiting`],
    /// [`AuthorizationError::Spent`], [`AuthorizationError::Channel`] when the message was not handed over.
    pub async fn send_code(&self, transaction: &Transaction, portal: &Portal, signer: &Signer) -> Result<Challenge> {
        let now = self.clock.now();
        if transaction.state.kind() != StateKind::Waiting {
            return Err(AuthorizationError::NotWaiting(transaction.state.kind()));
        }
        if transaction.expires_at <= now {
            return Err(AuthorizationError::NotWaiting(StateKind::Expired));
        }
        let sequence = self.next_code(transaction).await?;
        let method = self.channel.method();
        let code = code::draw(self.policy.digits, self.entropy.as_ref());
        let id = hex(&ports::random::<16>(self.entropy.as_ref()));
        let mac = self.mac(transaction, &transaction.items, &id, &code)?;
        let expires_at = (now + self.policy.life).min(transaction.expires_at);
        let tries_left = self.policy.tries;
        let challenge = Challenge {
            id,
            transaction: transaction.id.clone(),
            sequence,
            method,
            mac,
            tries_left,
            created_at: now,
            expires_at,
        };
        let channel = method.name().to_owned();
        let event = AuditEvent::CodeSent { transaction: transaction.id.clone(), channel, sequence };
        let scope = channel::scope(method, &signer.phone);
        let limits = self.policy.send_limits(Some(scope));
        match self.storage.put_challenge(&challenge, &limits, Entry { at: now, event }).await? {
            Sending::Stored => {}
            Sending::Stale => return Err(self.why_stale(transaction).await?),
            Sending::Spent(spent) => {
                self.meter.count(Count::Refused);
                return Err(self.spent(spent));
            }
        }
        self.meter.count(Count::Sent);
        // Sent only after the code is on disk: a code that arrives always works, and a crash in between costs one resend.
        let first = transaction.items.first().map(|item| fingerprint(&item.digest)).unwrap_or_default();
        // A challenge of CSC may come before its hashes; one of OAuth without hashes never gets any.
        let documents =
            if transaction.origin == Origin::Oauth { transaction.items.len() } else { transaction.items.len().max(1) };
        let text = channel::sms_text(&code, portal, documents, &first, self.policy.life.whole_minutes());
        let message =
            channel::CodeMessage { to: signer.phone.clone(), code, text, transaction: transaction.id.clone() };
        self.channel.send(&message).await?;
        Ok(challenge)
    }

    /// How many more codes the transaction may ask for.
    ///
    /// # Errors
    /// [`AuthorizationError::Storage`].
    pub async fn codes_left(&self, transaction: &Transaction) -> Result<u32> {
        Ok(self.policy.codes.saturating_sub(self.storage.codes_sent(&transaction.id).await?))
    }

    /// What keeps a code from being sent now, besides its transaction's own budget and the day's messages.
    ///
    /// # Errors
    /// [`AuthorizationError::Storage`].
    pub async fn sending_spent(&self, transaction: &Transaction) -> Result<Option<Spent>> {
        let scope = MessageScope { channel: "", prefix: String::new() };
        let limits = self.policy.send_limits(Some(scope));
        Ok(self.storage.sending_spent(transaction, &limits, self.clock.now()).await?)
    }

    /// The number of the next code, if the budget has one and the wait is over. The commit that stores the code holds the
    /// number to it, so calls at the same time cannot both be the next.
    async fn next_code(&self, transaction: &Transaction) -> Result<u32> {
        let sent = self.storage.codes_sent(&transaction.id).await?;
        if sent >= self.policy.codes {
            return Err(AuthorizationError::NoMoreCodes);
        }
        if let Some(live) = self.storage.live_challenge(&transaction.id).await? {
            let wait = live.created_at + self.policy.wait_after(live.sequence) - self.clock.now();
            if wait.is_positive() {
                return Err(AuthorizationError::ResendTooSoon { seconds: wait.whole_seconds().unsigned_abs() + 1 });
            }
        }
        Ok(sent + 1)
    }

    /// A code could not be stored: the transaction has moved on, or another code was sent just now.
    async fn why_stale(&self, transaction: &Transaction) -> Result<AuthorizationError> {
        let now = self.storage.transaction(&transaction.id).await?.map_or(StateKind::Expired, |t| t.state.kind());
        let seconds = self.policy.resend_after.whole_seconds().unsigned_abs();
        Ok(match now {
            StateKind::Waiting => AuthorizationError::ResendTooSoon { seconds },
            moved_on => AuthorizationError::NotWaiting(moved_on),
        })
    }

    /// Checks a code typed on the hosted page. Documents are signed right away; bare hashes, which an OAuth client brings,
    /// get a SAD, under which `activation` waits.
    ///
    /// # Errors
    /// [`AuthorizationError::Storage`].
    pub async fn confirm(
        &self,
        transaction: &Transaction,
        proof: &Proof,
        activation: Option<&Activation>,
    ) -> Result<Verdict> {
        let Proof::Code(code) = proof;
        let sad = (transaction.origin == Origin::Oauth).then(|| (self.new_sad(), activation));
        self.try_code(transaction, &transaction.items, code, Vec::new(), sad).await
    }

    /// Checks a code passed in band for `items`, and issues the SAD when it fits. Items of another transaction have another
    /// binding, so their code is wrong here.
    ///
    /// # Errors
    /// [`AuthorizationError::Storage`].
    pub async fn confirm_hashes(
        &self,
        transaction: &Transaction,
        items: &[Item],
        code: &Secret,
        activation: Option<&Activation>,
    ) -> Result<Verdict> {
        // A challenge that was asked for before its hashes were known takes them now, in the commit that confirms.
        let (bound, late) = if transaction.items.is_empty() { (&[][..], items.to_vec()) } else { (items, Vec::new()) };
        self.try_code(transaction, bound, code, late, Some((self.new_sad(), activation))).await
    }

    fn new_sad(&self) -> Secret {
        Secret::new(hex(&ports::random::<32>(self.entropy.as_ref())))
    }

    async fn try_code(
        &self,
        transaction: &Transaction,
        bound: &[Item],
        code: &Secret,
        late: Vec<Item>,
        sad: Option<(Secret, Option<&Activation>)>,
    ) -> Result<Verdict> {
        let now = self.clock.now();
        let Some(challenge) = self.storage.live_challenge(&transaction.id).await? else {
            return Ok(Verdict::NoLiveCode);
        };
        if transaction.expires_at <= now {
            return Ok(Verdict::NoLiveCode);
        }
        let presented = self.mac(transaction, bound, &challenge.id, code)?;
        let kept = sad.as_ref().map(|(sad, activation)| self.sad_row(transaction, sad, *activation)).transpose()?;
        let sad = sad.map(|(sad, _)| sad);
        let method = challenge.method.name().to_owned();
        let confirmation = Confirmation { at: now, method, sad: kept, items: late, guesses: self.policy.guesses };
        let verdict = match self.storage.try_code(&challenge, &presented, confirmation).await? {
            CodeOutcome::Accepted => Verdict::Confirmed { sad },
            CodeOutcome::Wrong { tries_left } => Verdict::Wrong { tries_left },
            CodeOutcome::Locked => Verdict::Locked,
            CodeOutcome::NoLiveCode => Verdict::NoLiveCode,
            CodeOutcome::Spent { until } => Verdict::Spent { seconds: self.seconds_until(until) },
        };
        match &verdict {
            Verdict::Confirmed { .. } => self.meter.count(Count::Right),
            Verdict::Wrong { .. } | Verdict::Locked => self.meter.count(Count::Wrong),
            Verdict::Spent { .. } => self.meter.count(Count::Refused),
            Verdict::NoLiveCode => {}
        }
        Ok(verdict)
    }

    fn sad_row(&self, transaction: &Transaction, sad: &Secret, activation: Option<&Activation>) -> Result<SadRow> {
        let sealed = activation.map(|activation| {
            let sealed = sealed::seal(&self.pepper, sad, &transaction.id, activation);
            sealed.ok_or(AuthorizationError::Internal("the activation cannot be sealed"))
        });
        Ok(SadRow {
            sha256: sha256(sad.expose().as_bytes()),
            ends: self.clock.now() + self.policy.sad_life,
            sealed: sealed.transpose()?,
        })
    }

    fn mac(&self, transaction: &Transaction, items: &[Item], challenge: &str, code: &Secret) -> Result<[u8; 32]> {
        let binding = binding(transaction, items);
        code::mac(&self.pepper, &transaction.id, challenge, &binding, code)
            .ok_or(AuthorizationError::Internal("the code cannot be authenticated"))
    }
}

/// The binding of a transaction to a set of hashes.
pub fn binding(transaction: &Transaction, items: &[Item]) -> Binding {
    let hashes: Vec<_> = items.iter().map(|item| &item.digest).collect();
    Binding::new(&transaction.portal, &transaction.signer, &transaction.credential, &hashes)
}
