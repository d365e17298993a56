//! What citizens do for themselves: "this was not me", freezing, and the page of their own with what they signed.
//!
//! Freezing is one commit, and from it on no commit that leads to a signature of theirs succeeds: no code is sent or taken, no
//! intent is recorded. Only the operator lifts it. Whoever holds a link to one of their requests can freeze, and so can they
//! on their own page: it is the direction in which nothing is lost.
//!
//! The own page opens with a code to the registered number, counted by the budgets of all codes and by tighter ones of its own,
//! since anybody may ask for one; or with the identity provider's word. It answers alike for numbers that are registered and
//! not.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use super::oauth::access::e164;
use super::{Result, Service, ServiceError, links};
use crate::authorization::{Proof, Verdict};
use crate::crypto::digest::sha256;
use crate::domain::party::OWN_PORTAL;
use crate::domain::{
    AuditEvent, FailureReason, Method, Origin, PortalId, Secret, Signer, SignerId, State, StateKind, Transaction,
    TransactionId,
};
use crate::formats::x509::Certificate;
use crate::storage::Outcome;
use crate::storage::citizens::{Access, OpeningLimits, Signing};

/// Codes for the own page that nobody entered, within an hour. Two of the five a signer may have, so that strangers who know
/// the number do not use up what signing needs.
const OPENING: OpeningLimits = OpeningLimits { window: Duration::hours(1), unconfirmed: 2 };
/// How long the page may lie unused, and how long it stays open at most.
const IDLE: Duration = Duration::minutes(10);
const SESSION: Duration = Duration::hours(1);
/// Entries of a page.
const PAGE: u32 = 20;

/// How a signer came to freeze their signature; the word of the audit record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrozenBy {
    /// "This was not me", on a request's page.
    Link,
    /// On their own page.
    OwnPage,
}

impl FrozenBy {
    fn name(self) -> &'static str {
        match self {
            Self::Link => "request",
            Self::OwnPage => "own-page",
        }
    }
}

/// A signer's own page.
#[derive(Debug)]
pub struct OwnPage {
    pub signer: Signer,
    /// Newest first.
    pub entries: Vec<OwnEntry>,
    /// Where the next page begins.
    pub next: Option<TransactionId>,
    pub accesses: Vec<Access>,
}

/// What the signer was asked to sign, and what became of it.
#[derive(Debug)]
pub struct OwnEntry {
    pub transaction: Transaction,
    pub portal_name: String,
    pub confirmed_by: Option<Method>,
    /// Serial number of the certificate, hexadecimal.
    pub serial: Option<String>,
    /// Path of the request's page, with its receipt.
    pub link: Secret,
}

impl Service {
    /// The signer says that they did not ask for this request: it ends, their signature is frozen, and so end all others that
    /// wait for them. Saying it twice changes nothing.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for any link this service did not make.
    pub async fn disown(&self, token: &Secret) -> Result<()> {
        let transaction = self.by_link(token).await?;
        self.freeze_signer(&transaction.signer, FrozenBy::Link, Some(&transaction.id)).await
    }

    /// Freezes a signer's signature.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn freeze(&self, signer: &SignerId, by: FrozenBy) -> Result<()> {
        self.freeze_signer(signer, by, None).await
    }

    /// The freeze is committed first: whatever fails afterwards, nothing more can be signed. Requests that still wait then end.
    async fn freeze_signer(&self, id: &SignerId, by: FrozenBy, disowned: Option<&TransactionId>) -> Result<()> {
        let event = AuditEvent::SignerFrozen { signer: id.clone(), by: by.name().to_owned() };
        // Stale: it was frozen before, and stays so.
        let _ = self.storage().freeze(id, self.entry(event)).await?;
        for waiting in self.storage().waiting_of(id).await? {
            let reason = match disowned {
                Some(disowned) if *disowned == waiting.id => FailureReason::NotRequested,
                _ => FailureReason::Frozen,
            };
            let event = AuditEvent::Failed { transaction: waiting.id.clone(), reason: reason.name().to_owned() };
            let failed = State::Failed { at: self.now(), reason };
            let _ = self.storage().advance(&waiting.id, StateKind::Waiting, &failed, self.entry(event)).await?;
        }
        Ok(())
    }

    /// Lifts a freeze: the operator's step, after making sure who asks.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an unknown signer, and for one who is not frozen.
    pub async fn unfreeze(&self, signer: &SignerId) -> Result<()> {
        let event = AuditEvent::SignerUnfrozen { signer: signer.clone() };
        match self.storage().unfreeze(signer, self.entry(event)).await? {
            Outcome::Done => Ok(()),
            Outcome::Stale => Err(ServiceError::NotFound("frozen signer")),
        }
    }

    /// Digits of a code, for the field it is typed into.
    pub fn code_digits(&self) -> usize {
        self.backends.sole_control.policy().digits.count()
    }

    /// Sends a code to the signer with this registered number, if there is one. The cookie of the browser comes back either way.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn begin_own_page(self: &Arc<Self>, phone: &str) -> Result<Secret> {
        let cookie = self.random_text();
        let Some(signer) = self.signer_with_phone(phone).await? else { return Ok(cookie) };
        let Some(transaction) = self.own_transaction(&signer).await? else { return Ok(cookie) };
        let key = sha256(cookie.expose().as_bytes());
        let created = self.created(&transaction);
        if self.storage().begin_own_session(&key, &transaction, OPENING, created).await? == Outcome::Stale {
            return Ok(cookie);
        }
        let portal = self.storage().portal(&transaction.portal).await?;
        let portal = portal.ok_or_else(|| ServiceError::Internal("the service's own portal is missing".into()))?;
        // In the background: an answer that takes longer would tell that a message was sent.
        let service = self.clone();
        tokio::spawn(async move {
            let sent = service.backends.sole_control.send_code(&transaction, &portal, &signer, Some(Method::Sms)).await;
            if let Err(error) = sent {
                tracing::warn!(%error, "no code was sent for a signer's own page");
            }
        });
        Ok(cookie)
    }

    /// The right code opens the page; the browser goes on with another cookie, so one that was planted is worth nothing.
    ///
    /// # Errors
    /// [`ServiceError::WrongAuthenticationData`] for any other, also when none was sent.
    pub async fn open_own_page(&self, cookie: &Secret, code: &Secret) -> Result<Secret> {
        let wrong = || ServiceError::WrongAuthenticationData { tries_left: 0 };
        let key = sha256(cookie.expose().as_bytes());
        let transaction = self.storage().opening(&key).await?.ok_or_else(wrong)?;
        if transaction.state.kind() != StateKind::Waiting {
            return Err(wrong());
        }
        match self.backends.activation.confirm(&transaction, &Proof::Code(code.clone()), None).await? {
            // Its SAD opens no hash and is forgotten here.
            Verdict::Confirmed { .. } => {}
            Verdict::Wrong { .. } | Verdict::Locked | Verdict::NoLiveCode | Verdict::Spent { .. } => {
                return Err(wrong());
            }
        }
        let (next, now) = (self.random_text(), self.now());
        let opened = sha256(next.expose().as_bytes());
        match self.storage().open_own_session(&key, &opened, now + IDLE, now + SESSION).await? {
            Outcome::Done => Ok(next),
            Outcome::Stale => Err(wrong()),
        }
    }

    /// Whose page is open in the browser with this cookie.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn own_signer(&self, cookie: &Secret) -> Result<Option<SignerId>> {
        Ok(self.storage().own_session(&sha256(cookie.expose().as_bytes()), self.now(), IDLE).await?)
    }

    /// # Errors
    /// When storage does not answer.
    pub async fn close_own_page(&self, cookie: &Secret) -> Result<()> {
        Ok(self.storage().end_own_session(&sha256(cookie.expose().as_bytes())).await?)
    }

    /// One page of a signer's history, from the entry after `after` on, which is one of theirs.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn own_page(&self, signer: &SignerId, after: Option<&TransactionId>) -> Result<OwnPage> {
        let signer = self.signer(signer).await?;
        let mut found = self.storage().signings(&signer.id, after, PAGE + 1).await?;
        let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
        let more = found.len() > page;
        found.truncate(page);
        let next = found.last().filter(|_| more).map(|last| last.transaction.id.clone());
        let accesses = self.storage().accesses(&signer.id, self.now()).await?;
        let entries = found.into_iter().map(|signing| self.own_entry(signing)).collect();
        Ok(OwnPage { signer, entries, next, accesses })
    }

    /// A portal may no longer act for the signer, until they let it in again.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn withdraw_access(&self, signer: &SignerId, portal: &PortalId) -> Result<()> {
        let event = AuditEvent::AccessRevoked { portal: portal.clone(), reason: format!("withdrawn by {signer}") };
        // Stale: there is nothing left to end.
        let _ = self.storage().end_accesses(signer, portal, self.entry(event)).await?;
        Ok(())
    }

    fn own_entry(&self, signing: Signing) -> OwnEntry {
        let Signing { transaction, portal_name, confirmed_by, certificate } = signing;
        let certificate = certificate.and_then(|der| Certificate::from_der(&der).ok());
        let token = links::token(&self.backends.link_key, &transaction.id);
        OwnEntry {
            serial: certificate.map(|certificate| certificate.serial_hex()),
            link: Secret::new(format!("/c/{}", token.expose())),
            portal_name,
            confirmed_by,
            transaction,
        }
    }

    /// The one signer with this number: one that two share says nothing about who holds the telephone.
    async fn signer_with_phone(&self, phone: &str) -> Result<Option<Signer>> {
        let Some(phone) = e164(phone) else { return Ok(None) };
        let mut found = self.storage().signers_with_phone(&phone).await?;
        match (found.pop(), found.is_empty()) {
            (Some(only), true) => self.signer(&only).await.map(Some),
            _ => Ok(None),
        }
    }

    /// A transaction without hashes, for the code that proves who the citizen is; none for a signer who never had a key.
    async fn own_transaction(&self, signer: &Signer) -> Result<Option<Transaction>> {
        let credentials = self.storage().credentials_of(&signer.id).await?;
        let Some(credential) = credentials.into_iter().next() else { return Ok(None) };
        let portal = PortalId::parse(OWN_PORTAL).map_err(|error| ServiceError::Internal(error.to_string()))?;
        let now: OffsetDateTime = self.now();
        Ok(Some(Transaction {
            id: self.new_transaction_id()?,
            portal,
            signer: signer.id.clone(),
            credential: credential.id,
            origin: Origin::Oauth,
            description: String::new(),
            created_at: now,
            expires_at: now + self.backends.sole_control.policy().life,
            items: Vec::new(),
            state: State::Waiting,
        }))
    }
}
