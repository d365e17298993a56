//! Use cases: what a portal, a citizen and an operator can ask for, one file each.
//!
//! This folder owns the order *record the intent, sign, record the result, commit*. Reading order: [`views`] (what goes in and
//! out), [`error`], [`clients`] (tokens), [`credentials`], [`requests`] (a portal's documents), [`confirm`] (the citizen's
//! steps), `stage` and [`sign`] (documents), [`levels`]
//! (above B-B), [`hashes`],
//! [`sign_documents`], [`operations`] and [`hash_requests`] (CSC and what is like it), [`admin`], [`settle`] (what a crash or the clock left).
//!
//! What it does not do: speak HTTP or SQL, touch key material, or decide alone who may sign.

pub mod admin;
pub mod clients;
pub mod confirm;
pub mod credentials;
pub mod error;
pub mod hash_requests;
pub mod hashes;
pub mod levels;
mod links;
pub mod operations;
pub mod requests;
mod sealed;
pub mod settle;
pub mod sign;
pub mod sign_documents;
mod stage;
pub mod views;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use crate::authorization::SoleControl;
use crate::authorization::challenge::binding;
use crate::crypto::digest::hex;
use crate::custody::KeyCustody;
use crate::domain::{AuditEvent, Clock, Entropy, Transaction, TransactionId};
use crate::storage::documents::DocumentStore;
use crate::storage::{Entry, Storage};

pub use error::{DocumentProblem, ServiceError};
pub use levels::{LevelServices, WhenDown};
pub use operations::{Documents, MadeDocument, OperationResult};
pub use sign_documents::{Certify, SignDocuments, Subject, ToSign, ValidationInfo};
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
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// Keys the MAC in confirmation links.
    pub link_key: Zeroizing<[u8; 32]>,
    /// Encrypts the passwords of waiting documents.
    pub password_key: Zeroizing<[u8; 32]>,
    pub limits: Limits,
    /// Absent where the operator configured no time-stamping authority: B-B is all there is then.
    pub levels: Option<LevelServices>,
}

/// All use cases over one set of backends. Cheap to share behind an [`Arc`].
pub struct Service {
    backends: Backends,
    /// Transactions whose keys are being used right now, by this process.
    in_hand: Mutex<HashSet<TransactionId>>,
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

impl Service {
    pub fn new(backends: Backends) -> Arc<Self> {
        Arc::new(Self { backends, in_hand: Mutex::default(), token_size: tokio::sync::OnceCell::new() })
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
        vec![("database", database), ("documents", folder)]
    }

    /// Takes a transaction in hand; `None` when somebody in this process has it.
    fn take_in_hand(&self, id: &TransactionId) -> Option<InHand<'_>> {
        let new = self.in_hand.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
        new.then(|| InHand { all: &self.in_hand, id: id.clone() })
    }

    fn storage(&self) -> &dyn Storage {
        self.backends.storage.as_ref()
    }

    fn now(&self) -> OffsetDateTime {
        self.backends.clock.now()
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
