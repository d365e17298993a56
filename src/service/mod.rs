//! Use cases: what a portal, a citizen and an operator can ask for, one file each.
//!
//! This folder owns the order *record the intent, sign, record the result, commit*. Reading order: [`views`] (what goes in and
//! out), [`error`], [`oauth`] (who calls, and for whom), [`credentials`], [`requests`] (a portal's documents), [`joint`] (several signers), [`confirm`] (the citizen's
//! steps), [`authenticators`] (apps and passkeys), `stage` and [`sign`] (documents), [`levels`]
//! (above B-B), [`hashes`] (CSC), [`webhooks`], [`admin`], [`settle`] (what a crash or the clock left).
//!
//! What it does not do: speak HTTP or SQL, touch key material, or decide alone who may sign.

pub mod admin;
pub mod authenticators;
pub mod citizens;
pub mod confirm;
pub mod credentials;
pub mod error;
pub mod hashes;
pub mod joint;
pub mod levels;
mod links;
pub mod oauth;
pub mod requests;
mod sealed;
pub mod settle;
pub mod sign;
mod stage;
pub mod views;
pub mod webhooks;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use crate::authorization::challenge::binding;
use crate::authorization::{Alarm, Readings, SignatureActivation, SoleControl};
use crate::crypto::digest::hex;
use crate::custody::KeyCustody;
use crate::domain::{AuditEvent, Clock, Entropy, PortalId, Secret, Transaction, TransactionId, ports};
use crate::storage::documents::DocumentStore;
use crate::storage::{Entry, Storage};
use crate::trust::deliver::Deliver;

pub use error::{DocumentProblem, ServiceError};
pub use levels::{LevelServices, WhenDown};
pub use views::*;

pub type Result<T> = std::result::Result<T, ServiceError>;

/// Bounds of what a caller may ask. Each protects memory, disk or the signer's patience.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Documents a request may hold: what a person can be expected to look through on one page.
    pub documents: usize,
    /// Bytes of one document.
    pub document_bytes: u64,
    /// Life of a request when its portal names none, and the longest it may name.
    pub request_life: Duration,
    pub longest_request_life: Duration,
    /// Life of an access token.
    pub token_life: Duration,
    /// Waiting CSC transactions of one portal for one credential.
    pub waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            documents: 200,
            document_bytes: 64 << 20,
            request_life: Duration::minutes(15),
            longest_request_life: Duration::days(7),
            token_life: Duration::hours(1),
            waiting: 20,
        }
    }
}

/// What the use cases stand on.
pub struct Backends {
    pub storage: Arc<dyn Storage>,
    pub custody: Arc<dyn KeyCustody>,
    pub documents: DocumentStore,
    pub sole_control: SoleControl,
    /// From factors to signatures: [`SoleControl`] again, or a certified module in its place.
    pub activation: Arc<dyn SignatureActivation>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// Keys the MAC in confirmation links.
    pub link_key: Zeroizing<[u8; 32]>,
    /// Encrypts the passwords of waiting documents, and webhooks' secrets.
    pub password_key: Zeroizing<[u8; 32]>,
    /// Keys what OAuth seals and derives.
    pub oauth_key: Zeroizing<[u8; 32]>,
    pub limits: Limits,
    /// Absent where the operator configured no time-stamping authority: B-B is all there is then.
    pub levels: Option<LevelServices>,
    /// The way to portals' webhooks.
    pub deliver: Arc<dyn Deliver>,
}

/// All use cases over one set of backends. Cheap to share behind an [`Arc`].
pub struct Service {
    backends: Backends,
    /// Transactions whose keys are being used right now, by this process.
    in_hand: Mutex<HashSet<TransactionId>>,
    /// Idempotency keys of calls that are being worked on.
    keys_in_flight: Mutex<HashSet<(PortalId, String)>>,
    /// Who of a request's several signers may sign now: one lock for all requests whose hash begins alike.
    turns: Box<[tokio::sync::Mutex<()>; 256]>,
    /// Octets of a time-stamp token, once one was seen.
    token_size: tokio::sync::OnceCell<usize>,
}

/// Holds a transaction in hand until dropped.
struct InHand<'a> {
    all: &'a Mutex<HashSet<TransactionId>>,
    id: TransactionId,
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// Holds an idempotency key until dropped.
struct KeyInFlight<'a> {
    all: &'a Mutex<HashSet<(PortalId, String)>>,
    key: (PortalId, String),
}

impl Drop for KeyInFlight<'_> {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Service {
    pub fn new(backends: Backends) -> Arc<Self> {
        Arc::new(Self {
            backends,
            in_hand: Mutex::default(),
            keys_in_flight: Mutex::default(),
            turns: Box::new(std::array::from_fn(|_| tokio::sync::Mutex::default())),
            token_size: tokio::sync::OnceCell::new(),
        })
    }

    pub fn limits(&self) -> &Limits {
        &self.backends.limits
    }

    /// One line a dependency for `/readyz`: name and, when it is not well, why.
    pub async fn health(&self) -> Vec<(&'static str, std::result::Result<(), String>)> {
        let database = self.storage().probe().await.map_err(|error| error.to_string());
        let documents = self.backends.documents.clone();
        let folder = tokio::task::spawn_blocking(move || documents.transactions().map(drop)).await;
        let folder = folder.map_err(|error| error.to_string()).and_then(|read| read.map_err(|error| error.to_string()));
        let messages = self.backends.sole_control.channels().health(self.now());
        vec![("database", database), ("documents", folder), ("messages", messages)]
    }

    /// Looks at how many codes fail over all signers. Call it now and then.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn watch_failures(&self) -> Result<Alarm> {
        Ok(self.backends.sole_control.watch_failures().await?)
    }

    /// How codes fared in this process.
    pub fn code_readings(&self) -> Readings {
        self.backends.sole_control.meter().read()
    }

    /// Takes a transaction in hand; `None` when somebody in this process has it.
    fn take_in_hand(&self, id: &TransactionId) -> Option<InHand<'_>> {
        let new = self.in_hand.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
        new.then(|| InHand { all: &self.in_hand, id: id.clone() })
    }

    /// Takes an idempotency key for one call.
    fn take_key(&self, caller: &Caller, key: Option<&str>) -> Result<Option<KeyInFlight<'_>>> {
        let Some(key) = key else { return Ok(None) };
        let key = (caller.portal.clone(), key.to_owned());
        let new = self.keys_in_flight.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        if new {
            Ok(Some(KeyInFlight { all: &self.keys_in_flight, key }))
        } else {
            Err(ServiceError::IdempotencyInFlight)
        }
    }

    fn storage(&self) -> &dyn Storage {
        self.backends.storage.as_ref()
    }

    fn now(&self) -> OffsetDateTime {
        self.backends.clock.now()
    }

    /// 256 random bits as hex.
    fn random_text(&self) -> Secret {
        let bytes: [u8; 32] = ports::random(self.backends.entropy.as_ref());
        Secret::new(hex(&bytes))
    }

    /// 128 random bits as hex.
    fn random_id(&self) -> String {
        let bytes: [u8; 16] = ports::random(self.backends.entropy.as_ref());
        hex(&bytes)
    }

    /// The record of a new transaction, with what its codes will be tied to.
    fn created(&self, transaction: &Transaction) -> Entry {
        self.entry(AuditEvent::TransactionCreated {
            transaction: transaction.id.clone(),
            portal: transaction.portal.clone(),
            signer: transaction.signer.clone(),
            credential: transaction.credential.clone(),
            binding: hex(binding(transaction, &transaction.items).as_bytes()),
        })
    }

    fn entry(&self, event: AuditEvent) -> Entry {
        Entry { at: self.now(), event }
    }
}
