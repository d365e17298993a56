//! Challenge and confirmation: send a code for an exact set of hashes, and accept it once.

use super::channel::{ChannelError, CodeMessage};
use super::meter::Count;
use super::webauthn::Assertion;
use super::wording::Facts;
use super::{AuthorizationError, Result, SoleControl, code, sealed};
use crate::crypto::digest::{hex, sha256};
use crate::custody::Activation;
use crate::domain::binding::fingerprint;
use crate::domain::{AuditEvent, Binding, Item, Method, Origin, Portal, Secret, Signer, StateKind, Transaction, ports};
use crate::storage::{
    AuthenticatorUse, Challenge, CodeOutcome, Confirmation, Entry, MessageScope, SadRow, Sending, Spent,
};

/// What a signer proves possession with.
#[derive(Debug, Clone)]
pub enum Proof {
    /// The code of a message.
    Code(Secret),
    /// An app's code, and the control code of the page.
    Totp {
        code: Secret,
        control: Secret,
    },
    Passkey(Box<Assertion>),
}

/// What is held against the stored challenge.
struct Presented {
    mac: [u8; 32],
    authenticator: Option<AuthenticatorUse>,
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
    /// Sends a code to a registered destination of the signer; an older one of the same transaction dies. Without a `chosen`
    /// method the channels decide; when one fails, the next takes the same code.
    ///
    /// # Errors
    /// [`AuthorizationError::ResendTooSoon`], [`AuthorizationError::NoMoreCodes`], [`AuthorizationError::NotWaiting`],
    /// [`AuthorizationError::Spent`], [`AuthorizationError::Channel`] when no channel took the message.
    pub async fn send_code(
        &self,
        transaction: &Transaction,
        portal: &Portal,
        signer: &Signer,
        chosen: Option<Method>,
    ) -> Result<Challenge> {
        let now = self.clock.now();
        self.check_waiting(transaction)?;
        let sequence = self.next_code(transaction).await?;
        let routes = self.channels.routes(signer, chosen);
        // Asked before a code is drawn: when every breaker is open, nothing is used up.
        let mut routes = routes.into_iter().filter(|route| route.admits(now));
        let first = routes.next().ok_or_else(no_channel)?;
        let code = code::draw(self.policy.digits, self.entropy.as_ref());
        let mut challenge = self.new_challenge(transaction, sequence, first.method(), &code)?;
        self.store(transaction, &challenge, Some(first.scope())).await?;
        // Sent only after the code is on disk: a code that arrives always works, and a crash in between costs one resend.
        // A challenge of CSC may come before its hashes; one of OAuth without hashes never gets any.
        let at_least = usize::from(transaction.origin != Origin::Oauth);
        let facts = Facts {
            portal: portal.name.clone(),
            documents: transaction.items.len().max(at_least),
            fingerprint: transaction.items.first().map(|item| fingerprint(&item.digest)).unwrap_or_default(),
            minutes: self.policy.life.whole_minutes(),
        };
        let mut message = CodeMessage { to: first.to.clone(), code, facts, transaction: transaction.id.clone() };
        let mut failed = match first.send(&message, now).await {
            Ok(()) => return Ok(challenge),
            Err(failed) => failed,
        };
        for route in routes {
            tracing::warn!(channel = challenge.method.name(), %failed, "a code goes over the next channel");
            challenge.method = route.method();
            let entry = Entry { at: now, event: sent(&challenge) };
            let scope = route.scope();
            match self.storage.redirect_challenge(&challenge, (&scope, self.policy.messages), entry).await? {
                Sending::Stored => {}
                // Another code came meanwhile, or this channel's budget is used up: not over this one.
                Sending::Stale | Sending::Spent(_) => continue,
            }
            message.to.clone_from(&route.to);
            match route.send(&message, now).await {
                Ok(()) => return Ok(challenge),
                Err(again) => failed = again,
            }
        }
        let event = AuditEvent::CodeNotSent { transaction: transaction.id.clone(), sequence };
        self.storage.withdraw_challenge(&challenge, Entry { at: now, event }).await?;
        Err(failed.into())
    }

    pub(super) fn check_waiting(&self, transaction: &Transaction) -> Result<()> {
        match transaction.state.kind() {
            StateKind::Waiting if transaction.expires_at > self.clock.now() => Ok(()),
            StateKind::Waiting => Err(AuthorizationError::NotWaiting(StateKind::Expired)),
            other => Err(AuthorizationError::NotWaiting(other)),
        }
    }

    pub(super) fn new_challenge(
        &self,
        transaction: &Transaction,
        sequence: u32,
        method: Method,
        code: &Secret,
    ) -> Result<Challenge> {
        let now = self.clock.now();
        let id = hex(&ports::random::<16>(self.entropy.as_ref()));
        let mac = self.mac(transaction, &transaction.items, &id, code)?;
        Ok(Challenge {
            id,
            transaction: transaction.id.clone(),
            sequence,
            method,
            mac,
            tries_left: self.policy.tries,
            created_at: now,
            expires_at: (now + self.policy.life).min(transaction.expires_at),
        })
    }

    pub(super) async fn store(
        &self,
        transaction: &Transaction,
        challenge: &Challenge,
        to: Option<MessageScope>,
    ) -> Result<()> {
        let entry = Entry { at: challenge.created_at, event: sent(challenge) };
        let limits = self.policy.send_limits(to);
        match self.storage.put_challenge(challenge, &limits, entry).await? {
            Sending::Stored => {
                self.meter.count(Count::Sent);
                Ok(())
            }
            Sending::Stale => Err(self.why_stale(transaction).await?),
            Sending::Spent(spent) => {
                self.meter.count(Count::Refused);
                Err(self.spent(spent))
            }
        }
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
        let sad = (transaction.origin == Origin::Oauth).then(|| (self.new_sad(), activation));
        let (code, assertion) = match proof {
            Proof::Code(code) => return self.try_code(transaction, &transaction.items, code, Vec::new(), sad).await,
            Proof::Totp { code, control } => (Some((code, control)), None),
            Proof::Passkey(assertion) => (None, Some(assertion)),
        };
        let live = self.live(transaction).await?;
        let Some(challenge) = live else { return Ok(Verdict::NoLiveCode) };
        let (mac, used) = match (challenge.method, code, assertion) {
            (Method::Totp, Some((code, control)), _) => {
                let mac = self.mac(transaction, &transaction.items, &challenge.id, control)?;
                (mac, self.judge_totp(&transaction.signer, code).await?)
            }
            (Method::Passkey, _, Some(assertion)) => {
                let mac = self.passkey_mac(transaction, &transaction.items, &challenge.id)?;
                (mac, self.judge_passkey(transaction, &challenge, assertion).await?)
            }
            _ => return Ok(Verdict::NoLiveCode),
        };
        let presented = Presented { mac, authenticator: Some(used) };
        self.decide(transaction, &challenge, presented, Vec::new(), sad).await
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
        let live = self.live(transaction).await?.filter(|challenge| challenge.method.is_message());
        let Some(challenge) = live else { return Ok(Verdict::NoLiveCode) };
        let presented = self.mac(transaction, bound, &challenge.id, code)?;
        self.decide(transaction, &challenge, Presented { mac: presented, authenticator: None }, late, sad).await
    }

    async fn live(&self, transaction: &Transaction) -> Result<Option<Challenge>> {
        if transaction.expires_at <= self.clock.now() {
            return Ok(None);
        }
        Ok(self.storage.live_challenge(&transaction.id).await?)
    }

    /// The commit that counts the try and, when all fits, confirms.
    async fn decide(
        &self,
        transaction: &Transaction,
        challenge: &Challenge,
        presented: Presented,
        late: Vec<Item>,
        sad: Option<(Secret, Option<&Activation>)>,
    ) -> Result<Verdict> {
        let Presented { mac, authenticator } = presented;
        let now = self.clock.now();
        let kept = sad.as_ref().map(|(sad, activation)| self.sad_row(transaction, sad, *activation)).transpose()?;
        let sad = sad.map(|(sad, _)| sad);
        let method = challenge.method.name().to_owned();
        let guesses = self.policy.guesses_through(&transaction.portal);
        let confirmation = Confirmation { at: now, method, sad: kept, items: late, guesses, authenticator };
        let verdict = match self.storage.try_code(challenge, &mac, confirmation).await? {
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

    pub(super) fn mac(
        &self,
        transaction: &Transaction,
        items: &[Item],
        challenge: &str,
        code: &Secret,
    ) -> Result<[u8; 32]> {
        let binding = binding(transaction, items);
        code::mac(&self.pepper, &transaction.id, challenge, &binding, code)
            .ok_or(AuthorizationError::Internal("the code cannot be authenticated"))
    }
}

fn sent(challenge: &Challenge) -> AuditEvent {
    AuditEvent::CodeSent {
        transaction: challenge.transaction.clone(),
        channel: challenge.method.name().to_owned(),
        sequence: challenge.sequence,
    }
}

fn no_channel() -> AuthorizationError {
    ChannelError("no channel reaches the signer now".to_owned()).into()
}

/// The binding of a transaction to a set of hashes.
pub fn binding(transaction: &Transaction, items: &[Item]) -> Binding {
    let hashes: Vec<_> = items.iter().map(|item| &item.digest).collect();
    Binding::new(&transaction.portal, &transaction.signer, &transaction.credential, &hashes)
}
