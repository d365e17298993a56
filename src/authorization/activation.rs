//! The signature activation module (EN 419 241-1 §5.10, EN 419 241-2), as an interface: everything between a signer's factors
//! and the use of the key, and nothing else.
//!
//! Whatever stands behind it keeps five promises. A confirmation counts for exactly the hashes its challenge was made for
//! (SRA_SAP.2.3). Factors are counted before they are compared. A SAD is opaque, belongs to one portal, signer, credential and
//! set of hashes, and each hash is used once. The use is recorded before the key is touched. A key whose credential asks for a
//! PIN opens with it only. [`SoleControl`] keeps them in software over the database and [`KeyCustody`](crate::custody); a
//! certified module takes its place by implementing this trait, with keys and factors inside.

use async_trait::async_trait;
use time::OffsetDateTime;

use super::{OpenedSad, Proof, Result, SoleControl, Verdict};
use crate::crypto::{Digest, SignatureAlgorithm};
use crate::custody::{Activation, CustodyError, KeyRef, SignatureValue};
use crate::domain::{
    AuthorizedHash, AuthorizedHashes, Credential, CredentialId, Item, Operation, PortalId, Secret, Signer, Transaction,
};
use crate::storage::{Entry, Intent, LeftOut};

/// From factors to signatures. Errors mean that nothing was authorised, or signed.
#[async_trait]
pub trait SignatureActivation: Send + Sync {
    /// Compares the PIN; gives what opens the key where the credential asks for a PIN.
    async fn check_pin(
        &self,
        portal: &PortalId,
        signer: &Signer,
        credential: &Credential,
        pin: &Secret,
    ) -> Result<Option<Activation>>;

    /// Judges a proof of possession given on the service's own page, for the transaction's hashes. A client's bare hashes get
    /// the SAD that opens exactly these.
    async fn confirm(
        &self,
        transaction: &Transaction,
        proof: &Proof,
        activation: Option<&Activation>,
    ) -> Result<Verdict>;

    /// Judges a code given in band for `items`, and issues the SAD that opens exactly these.
    async fn confirm_hashes(
        &self,
        transaction: &Transaction,
        items: &[Item],
        code: &Secret,
        activation: Option<&Activation>,
    ) -> Result<Verdict>;

    /// Looks at a SAD and finds what it opens for each thing that is to be signed; nothing is used up yet.
    async fn open_sad(
        &self,
        sad: &Secret,
        portal: &PortalId,
        credential: &CredentialId,
        wanted: &[Vec<Digest>],
    ) -> Result<OpenedSad>;

    /// Uses up a SAD's hashes.
    async fn redeem_sad(
        &self,
        opened: &OpenedSad,
        algorithm: SignatureAlgorithm,
        operation: Option<&Operation>,
    ) -> Result<AuthorizedHashes>;

    /// Uses up a SAD's hashes for the documents they are of.
    async fn redeem_sad_for_documents(
        &self,
        opened: &OpenedSad,
        children: Vec<(Transaction, Entry)>,
        operation: &Operation,
    ) -> Result<()>;

    /// Gives another SAD for what an opened one still opens; the old one is dead.
    async fn replace_sad(&self, opened: &OpenedSad) -> Result<Secret>;

    /// Gives the SAD of hashes that were confirmed elsewhere, with its end.
    async fn collect_sad(&self, transaction: &Transaction) -> Result<(Secret, OffsetDateTime)>;

    /// Uses up the confirmation of a request.
    async fn redeem_request(
        &self,
        transaction: &Transaction,
        algorithm: SignatureAlgorithm,
        intents: Vec<Intent>,
        left_out: &[LeftOut],
    ) -> Result<AuthorizedHashes>;

    /// Takes up a request that stopped after its intents were recorded.
    async fn resume(&self, transaction: &Transaction, algorithm: SignatureAlgorithm) -> Result<AuthorizedHashes>;

    /// Signs the one hash that `authorized` allows. Blocks for the time of a signature.
    ///
    /// # Errors
    /// [`CustodyError`]; nothing was signed then.
    fn sign(
        &self,
        credential: &Credential,
        activation: Option<&Activation>,
        authorized: AuthorizedHash,
    ) -> std::result::Result<SignatureValue, CustodyError>;
}

/// The software module. The methods are described where they stand.
#[async_trait]
impl SignatureActivation for SoleControl {
    async fn check_pin(
        &self,
        portal: &PortalId,
        signer: &Signer,
        credential: &Credential,
        pin: &Secret,
    ) -> Result<Option<Activation>> {
        Self::check_pin(self, portal, signer, credential, pin).await
    }

    async fn confirm(
        &self,
        transaction: &Transaction,
        proof: &Proof,
        activation: Option<&Activation>,
    ) -> Result<Verdict> {
        Self::confirm(self, transaction, proof, activation).await
    }

    async fn confirm_hashes(
        &self,
        transaction: &Transaction,
        items: &[Item],
        code: &Secret,
        activation: Option<&Activation>,
    ) -> Result<Verdict> {
        Self::confirm_hashes(self, transaction, items, code, activation).await
    }

    async fn open_sad(
        &self,
        sad: &Secret,
        portal: &PortalId,
        credential: &CredentialId,
        wanted: &[Vec<Digest>],
    ) -> Result<OpenedSad> {
        Self::open_sad(self, sad, portal, credential, wanted).await
    }

    async fn redeem_sad(
        &self,
        opened: &OpenedSad,
        algorithm: SignatureAlgorithm,
        operation: Option<&Operation>,
    ) -> Result<AuthorizedHashes> {
        Self::redeem_sad(self, opened, algorithm, operation).await
    }

    async fn redeem_sad_for_documents(
        &self,
        opened: &OpenedSad,
        children: Vec<(Transaction, Entry)>,
        operation: &Operation,
    ) -> Result<()> {
        Self::redeem_sad_for_documents(self, opened, children, operation).await
    }

    async fn replace_sad(&self, opened: &OpenedSad) -> Result<Secret> {
        Self::replace_sad(self, opened).await
    }

    async fn collect_sad(&self, transaction: &Transaction) -> Result<(Secret, OffsetDateTime)> {
        Self::collect_sad(self, transaction).await
    }

    async fn redeem_request(
        &self,
        transaction: &Transaction,
        algorithm: SignatureAlgorithm,
        intents: Vec<Intent>,
        left_out: &[LeftOut],
    ) -> Result<AuthorizedHashes> {
        Self::redeem_request(self, transaction, algorithm, intents, left_out).await
    }

    async fn resume(&self, transaction: &Transaction, algorithm: SignatureAlgorithm) -> Result<AuthorizedHashes> {
        Self::resume(self, transaction, algorithm).await
    }

    fn sign(
        &self,
        credential: &Credential,
        activation: Option<&Activation>,
        authorized: AuthorizedHash,
    ) -> std::result::Result<SignatureValue, CustodyError> {
        self.custody.sign(&KeyRef::of(credential, activation), authorized)
    }
}
