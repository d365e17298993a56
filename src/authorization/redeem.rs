//! The one place where [`AuthorizedHashes`] are minted: a confirmed transaction is turned into tokens for custody, after the
//! intent to sign stands in the database; and a signed one into the token for the seal on its receipt.

use super::{AuthorizationError, Result, SoleControl, sealed};
use crate::crypto::digest::sha256;
use crate::crypto::{Digest, SignatureAlgorithm};
use crate::custody::Activation;
use crate::domain::{
    AuditEvent, AuthMode, AuthorizedHashes, Credential, CredentialId, PortalId, Secret, StateKind, Transaction,
};
use crate::storage::receipts::ReceiptIntent;
use crate::storage::{Entry, Intent, LeftOut, Outcome};

impl SoleControl {
    /// Redeems a SAD for `hashes`: same portal, same credential, each hash authorised and not used before. The SAD's use is
    /// recorded before this returns, so it cannot be used again whatever happens next. With it comes what opens a key under a PIN.
    ///
    /// # Errors
    /// [`AuthorizationError::InvalidSad`] (unknown, another portal's or another credential's, used up),
    /// [`AuthorizationError::SadExpired`], [`AuthorizationError::NotAuthorized`].
    pub async fn redeem_sad(
        &self,
        sad: &Secret,
        portal: &PortalId,
        credential: &CredentialId,
        algorithm: SignatureAlgorithm,
        hashes: &[Digest],
    ) -> Result<(Transaction, AuthorizedHashes, Option<Activation>)> {
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
        let used: Vec<u32> = used.iter().map(|row| row.intent.ordinal).collect();
        let ordinals = match_hashes(&transaction, used, hashes)?;
        let intents = ordinals
            .iter()
            .zip(hashes)
            .map(|(&ordinal, digest)| Intent { ordinal, digest: digest.clone(), prepared: None })
            .collect();
        let tokens = self.redeem(&transaction, algorithm, intents, &[]).await?;
        Ok((transaction, tokens, activation))
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

    /// Lets the service's own seal sign the receipt of a transaction, once. No person confirms a receipt: what allows it is the
    /// transaction, which its signer confirmed and which is signed; the commit checks that it is, and that no other receipt was
    /// begun. The seal is a key of its own kind ([`AuthMode::Seal`]) that opens for nothing else, and a person's key never signs
    /// a receipt.
    ///
    /// # Errors
    /// [`AuthorizationError::NotAuthorized`] for any other credential, a transaction that is not signed, or a receipt that is
    /// sealed or was begun with other words.
    pub async fn redeem_receipt(
        &self,
        transaction: &Transaction,
        seal: &Credential,
        algorithm: SignatureAlgorithm,
        intent: &ReceiptIntent,
    ) -> Result<AuthorizedHashes> {
        if seal.auth != AuthMode::Seal || seal.id != intent.credential {
            return Err(AuthorizationError::NotAuthorized);
        }
        let event = AuditEvent::ReceiptIntended {
            transaction: transaction.id.clone(),
            credential: seal.id.clone(),
            hash: intent.digest.to_hex(),
        };
        let entry = Entry { at: self.clock.now(), event };
        if self.storage.intend_receipt(&transaction.id, intent, entry).await? == Outcome::Stale {
            return Err(AuthorizationError::NotAuthorized);
        }
        let hash = vec![(0, intent.digest.clone())];
        Ok(AuthorizedHashes::mint(&transaction.id, &seal.id, algorithm, hash))
    }

    async fn redeem(
        &self,
        transaction: &Transaction,
        algorithm: SignatureAlgorithm,
        intents: Vec<Intent>,
        left_out: &[LeftOut],
    ) -> Result<AuthorizedHashes> {
        let listed = intents.iter().map(|intent| intent.digest.to_hex()).collect();
        let event = AuditEvent::SigningIntended {
            transaction: transaction.id.clone(),
            hashes: listed,
            left_out: left_out.iter().map(LeftOut::name).collect(),
        };
        let entry = Entry { at: self.clock.now(), event };
        if self.storage.record_intents(&transaction.id, &intents, left_out, entry).await? == Outcome::Stale {
            return Err(AuthorizationError::NotAuthorized);
        }
        let hashes = intents.into_iter().map(|intent| (intent.ordinal, intent.digest)).collect();
        Ok(AuthorizedHashes::mint(&transaction.id, &transaction.credential, algorithm, hashes))
    }
}

/// Finds an unused item for each hash; the order is the caller's, equal hashes use up one item each.
fn match_hashes(transaction: &Transaction, mut used: Vec<u32>, hashes: &[Digest]) -> Result<Vec<u32>> {
    let mut ordinals = Vec::with_capacity(hashes.len());
    for hash in hashes {
        let free = |(ordinal, item): (u32, &crate::domain::Item)| {
            (item.digest == *hash && !used.contains(&ordinal)).then_some(ordinal)
        };
        let ordinal = (0u32..).zip(&transaction.items).find_map(free).ok_or(AuthorizationError::NotAuthorized)?;
        used.push(ordinal);
        ordinals.push(ordinal);
    }
    Ok(ordinals)
}
