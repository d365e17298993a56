//! The one place where [`AuthorizedHashes`] are minted: a confirmed transaction is turned into tokens for custody, after the
//! intent to sign stands in the database.

use time::OffsetDateTime;

use super::{AuthorizationError, Result, SoleControl, sealed};
use crate::crypto::digest::sha256;
use crate::crypto::{Digest, SignatureAlgorithm};
use crate::custody::Activation;
use crate::domain::{
    AuditEvent, AuthorizedHashes, CredentialId, Item, Operation, PortalId, Secret, StateKind, Transaction,
};
use crate::storage::{Entry, Intent, LeftOut, Outcome, SadRow};

/// A live SAD that fits: what it opens, found for each thing that is to be signed. Only [`SoleControl::open_sad`] makes one,
/// and redeeming takes it.
#[derive(Debug)]
pub struct OpenedSad {
    transaction: Transaction,
    sad_sha256: [u8; 32],
    ends: OffsetDateTime,
    activation: Option<Activation>,
    items: Vec<OpenedItem>,
}

/// An unused item of a SAD's transaction.
#[derive(Debug, Clone)]
struct OpenedItem {
    ordinal: u32,
    digest: Digest,
}

impl OpenedSad {
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// When the SAD ends.
    pub fn ends(&self) -> OffsetDateTime {
        self.ends
    }

    /// What opens a key under a PIN.
    pub fn activation(&self) -> Option<Activation> {
        self.activation.clone()
    }

    /// Positions in the transaction, in the caller's order.
    pub fn ordinals(&self) -> Vec<u32> {
        self.items.iter().map(|item| item.ordinal).collect()
    }

    fn intents(&self) -> Vec<Intent> {
        let intent = |item: &OpenedItem| Intent { ordinal: item.ordinal, digest: item.digest.clone(), prepared: None };
        self.items.iter().map(intent).collect()
    }
}

impl SoleControl {
    /// Looks at a SAD: same portal, same credential, alive, and for each of `wanted` an authorised hash not used before. Each of
    /// `wanted` is one thing, known by any of its hashes. Nothing is used up yet.
    ///
    /// # Errors
    /// [`AuthorizationError::InvalidSad`] (unknown, another portal's or another credential's, used up),
    /// [`AuthorizationError::SadExpired`], [`AuthorizationError::NotAuthorized`].
    pub async fn open_sad(
        &self,
        sad: &Secret,
        portal: &PortalId,
        credential: &CredentialId,
        wanted: &[Vec<Digest>],
    ) -> Result<OpenedSad> {
        let found = self.storage.by_sad(&sha256(sad.expose().as_bytes())).await?;
        let (transaction, kept) = found.ok_or(AuthorizationError::InvalidSad)?;
        let open = matches!(transaction.state.kind(), StateKind::Confirmed | StateKind::Signing);
        if &transaction.portal != portal || &transaction.credential != credential || !open {
            return Err(AuthorizationError::InvalidSad);
        }
        if kept.ends <= self.clock.now() {
            return Err(AuthorizationError::SadExpired);
        }
        let activation = kept.sealed.map(|sealed| {
            let opened = sealed::open(&self.pepper, sad, &transaction.id, &sealed);
            opened.ok_or(AuthorizationError::InvalidSad)
        });
        let activation = activation.transpose()?;
        let used = self.storage.signatures(&transaction.id).await?;
        let used = used.iter().map(|row| row.intent.ordinal).collect();
        let items = match_hashes(&transaction, used, wanted)?;
        Ok(OpenedSad { transaction, sad_sha256: kept.sha256, ends: kept.ends, activation, items })
    }

    /// Redeems a SAD for the hashes it was opened for. Their use is recorded before this returns, so they cannot be used again
    /// whatever happens next; with `operation`, what will be asked for later stands in the same commit.
    ///
    /// # Errors
    /// [`AuthorizationError::NotAuthorized`] when somebody used one of them meanwhile.
    pub async fn redeem_sad(
        &self,
        opened: &OpenedSad,
        algorithm: SignatureAlgorithm,
        operation: Option<&Operation>,
    ) -> Result<AuthorizedHashes> {
        let (transaction, intents) = (&opened.transaction, opened.intents());
        let Some(operation) = operation else { return self.redeem(transaction, algorithm, intents, &[]).await };
        let entry = self.intended(transaction, &intents, &[]);
        if self.storage.begin_operation(operation, &intents, entry).await? == Outcome::Stale {
            return Err(AuthorizationError::NotAuthorized);
        }
        Ok(mint(transaction, algorithm, intents))
    }

    /// Redeems a SAD for documents: `children` sign them, and count as confirmed by whoever confirmed the SAD. Using up the SAD
    /// and creating them is one commit.
    ///
    /// # Errors
    /// [`AuthorizationError::NotAuthorized`] when somebody used one of the hashes meanwhile.
    pub async fn redeem_sad_for_documents(
        &self,
        opened: &OpenedSad,
        children: Vec<(Transaction, Entry)>,
        operation: &Operation,
    ) -> Result<()> {
        let (intents, at) = (opened.intents(), self.clock.now());
        let event = AuditEvent::Delegated {
            transaction: opened.transaction.id.clone(),
            hashes: intents.iter().map(|intent| intent.digest.to_hex()).collect(),
            to: children.iter().map(|(child, _)| child.id.clone()).collect(),
        };
        let confirmed = |(child, created): (Transaction, Entry)| {
            let event = AuditEvent::Confirmed { transaction: child.id.clone(), method: "sad".to_owned() };
            (child, [created, Entry { at, event }])
        };
        let children: Vec<_> = children.into_iter().map(confirmed).collect();
        match self.storage.delegate(operation, &intents, &children, Entry { at, event }).await? {
            Outcome::Done => Ok(()),
            Outcome::Stale => Err(AuthorizationError::NotAuthorized),
        }
    }

    /// Gives another SAD for what an opened one still opens; the old one is dead. It ends when the old one would have.
    ///
    /// # Errors
    /// [`AuthorizationError::InvalidSad`] when another took its place meanwhile.
    pub async fn replace_sad(&self, opened: &OpenedSad) -> Result<Secret> {
        let old = SadRow { sha256: opened.sad_sha256, ends: opened.ends, sealed: None };
        self.replace(&opened.transaction, &old, opened.activation.as_ref()).await
    }

    /// Gives the SAD of a confirmed transaction to whoever asked for it: the signer confirmed elsewhere, or the first answer was
    /// lost. An earlier one is dead. With its end.
    ///
    /// # Errors
    /// [`AuthorizationError::NotWaiting`] unless the transaction is confirmed and nothing of it used, and for a key under a PIN:
    /// what opens it is sealed under the SAD that was given, and under no other. [`AuthorizationError::SadExpired`].
    pub async fn collect_sad(&self, transaction: &Transaction) -> Result<(Secret, OffsetDateTime)> {
        let kind = transaction.state.kind();
        let issued = self.storage.sad_of(&transaction.id).await?.filter(|_| kind == StateKind::Confirmed);
        let old = issued.filter(|sad| sad.sealed.is_none()).ok_or(AuthorizationError::NotWaiting(kind))?;
        if old.ends <= self.clock.now() {
            return Err(AuthorizationError::SadExpired);
        }
        Ok((self.replace(transaction, &old, None).await?, old.ends))
    }

    async fn replace(
        &self,
        transaction: &Transaction,
        old: &SadRow,
        activation: Option<&Activation>,
    ) -> Result<Secret> {
        let sad = self.draw_sad();
        let new = SadRow { ends: old.ends, ..self.sad_row(transaction, &sad, activation)? };
        let event = AuditEvent::SadReplaced { transaction: transaction.id.clone() };
        let entry = Entry { at: self.clock.now(), event };
        match self.storage.replace_sad(&transaction.id, &old.sha256, &new, entry).await? {
            Outcome::Done => Ok(sad),
            Outcome::Stale => Err(AuthorizationError::InvalidSad),
        }
    }

    /// Redeems the confirmation of a request: one DTBSR for each of its documents, computed from the very bytes whose hash the
    /// signer confirmed. Documents that cannot be signed after all are left out, by name and reason.
    ///
    /// # Errors
    /// [`AuthorizationError::NotAuthorized`] when the transaction is not confirmed, or was begun by somebody else.
    pub async fn redeem_request(
        &self,
        transaction: &Transaction,
        algorithm: SignatureAlgorithm,
        intents: Vec<Intent>,
        left_out: &[LeftOut],
    ) -> Result<AuthorizedHashes> {
        let accounted = intents.len().saturating_add(left_out.len());
        if transaction.state.kind() != StateKind::Confirmed || accounted != transaction.items.len() {
            return Err(AuthorizationError::NotAuthorized);
        }
        self.redeem(transaction, algorithm, intents, left_out).await
    }

    /// Takes up a request that stopped after its intents were recorded: tokens for the stored DTBSRs that have no result yet,
    /// and for no others. The resumption is recorded first.
    ///
    /// # Errors
    /// [`AuthorizationError::NotAuthorized`] when the transaction is not signing.
    pub async fn resume(&self, transaction: &Transaction, algorithm: SignatureAlgorithm) -> Result<AuthorizedHashes> {
        if transaction.state.kind() != StateKind::Signing {
            return Err(AuthorizationError::NotAuthorized);
        }
        let open = self.storage.signatures(&transaction.id).await?.into_iter().filter(|row| row.signature.is_none());
        let hashes: Vec<(u32, Digest)> = open.map(|row| (row.intent.ordinal, row.intent.digest)).collect();
        let listed = hashes.iter().map(|(_, digest)| digest.to_hex()).collect();
        let event = AuditEvent::SigningResumed { transaction: transaction.id.clone(), hashes: listed };
        // No new intents: only the record that the old ones are taken up, in a transaction that is signing.
        let outcome =
            self.storage.record_intents(&transaction.id, &[], &[], Entry { at: self.clock.now(), event }).await?;
        if outcome == Outcome::Stale {
            return Err(AuthorizationError::NotAuthorized);
        }
        Ok(AuthorizedHashes::mint(&transaction.id, &transaction.credential, algorithm, hashes))
    }

    async fn redeem(
        &self,
        transaction: &Transaction,
        algorithm: SignatureAlgorithm,
        intents: Vec<Intent>,
        left_out: &[LeftOut],
    ) -> Result<AuthorizedHashes> {
        let entry = self.intended(transaction, &intents, left_out);
        if self.storage.record_intents(&transaction.id, &intents, left_out, entry).await? == Outcome::Stale {
            return Err(AuthorizationError::NotAuthorized);
        }
        Ok(mint(transaction, algorithm, intents))
    }

    fn intended(&self, transaction: &Transaction, intents: &[Intent], left_out: &[LeftOut]) -> Entry {
        let event = AuditEvent::SigningIntended {
            transaction: transaction.id.clone(),
            hashes: intents.iter().map(|intent| intent.digest.to_hex()).collect(),
            left_out: left_out.iter().map(LeftOut::name).collect(),
        };
        Entry { at: self.clock.now(), event }
    }
}

/// After the commit of the intents, never before.
fn mint(transaction: &Transaction, algorithm: SignatureAlgorithm, intents: Vec<Intent>) -> AuthorizedHashes {
    let hashes = intents.into_iter().map(|intent| (intent.ordinal, intent.digest)).collect();
    AuthorizedHashes::mint(&transaction.id, &transaction.credential, algorithm, hashes)
}

/// Finds an unused item for each thing, by any of its hashes; the order is the caller's, equal hashes use up one item each.
fn match_hashes(transaction: &Transaction, mut used: Vec<u32>, wanted: &[Vec<Digest>]) -> Result<Vec<OpenedItem>> {
    let mut found = Vec::with_capacity(wanted.len());
    for hashes in wanted {
        let free = |(ordinal, item): (u32, &Item)| {
            let fits = hashes.contains(&item.digest) && !used.contains(&ordinal);
            fits.then(|| OpenedItem { ordinal, digest: item.digest.clone() })
        };
        let item = (0u32..).zip(&transaction.items).find_map(free).ok_or(AuthorizationError::NotAuthorized)?;
        used.push(item.ordinal);
        found.push(item);
    }
    Ok(found)
}
