//! The token that opens the key door.
//!
//! Custody signs nothing but an [`AuthorizedHash`], and takes it by value, so it is used once. Tokens are minted in one file
//! of the authorisation folder, after the intent to sign is durably recorded; a test reads the sources and fails when another
//! file calls [`AuthorizedHashes::mint`].

use super::ids::{CredentialId, TransactionId};
use crate::crypto::{Digest, SignatureAlgorithm};

/// One hash the signer authorised, whose intent is on disk. Not `Clone`: using it consumes it.
#[derive(Debug)]
pub struct AuthorizedHash {
    transaction: TransactionId,
    ordinal: u32,
    credential: CredentialId,
    algorithm: SignatureAlgorithm,
    digest: Digest,
    message: Option<Vec<u8>>,
}

/// A message was given whose hash is not the authorised one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message is not the one whose hash was authorised")]
pub struct WrongMessage;

impl AuthorizedHash {
    /// A token without an authorisation, for tests of custody backends alone.
    #[cfg(test)]
    pub fn for_test(credential: &CredentialId, algorithm: SignatureAlgorithm, digest: Digest) -> Self {
        let transaction = TransactionId::parse("test").expect("id");
        Self { transaction, ordinal: 0, credential: credential.clone(), algorithm, digest, message: None }
    }

    /// Adds the message that was hashed. Pure schemes (Ed25519, ML-DSA) sign it and not its hash; the authorisation stays
    /// bound to the hash, so no other message comes through the door.
    ///
    /// # Errors
    /// [`WrongMessage`] when it hashes to something else; the token is used up then.
    pub fn with_message(self, message: Vec<u8>) -> Result<Self, WrongMessage> {
        if self.digest.algorithm().digest(&message) == self.digest {
            Ok(Self { message: Some(message), ..self })
        } else {
            Err(WrongMessage)
        }
    }

    pub fn transaction(&self) -> &TransactionId {
        &self.transaction
    }

    /// Position in the transaction, from 0.
    pub fn ordinal(&self) -> u32 {
        self.ordinal
    }

    pub fn credential(&self) -> &CredentialId {
        &self.credential
    }

    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    /// The data to be signed representation (DTBSR).
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What hashes to [`Self::digest`], if it was given.
    pub fn message(&self) -> Option<&[u8]> {
        self.message.as_deref()
    }
}

/// The authorised hashes of one call, in the order they were asked for.
#[derive(Debug)]
pub struct AuthorizedHashes(Vec<AuthorizedHash>);

impl AuthorizedHashes {
    /// Mints tokens for `(ordinal, digest)` pairs whose intents have just been committed. For authorisation alone.
    pub fn mint(
        transaction: &TransactionId,
        credential: &CredentialId,
        algorithm: SignatureAlgorithm,
        hashes: Vec<(u32, Digest)>,
    ) -> Self {
        let token = |(ordinal, digest)| AuthorizedHash {
            transaction: transaction.clone(),
            ordinal,
            credential: credential.clone(),
            algorithm,
            digest,
            message: None,
        };
        Self(hashes.into_iter().map(token).collect())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for AuthorizedHashes {
    type Item = AuthorizedHash;
    type IntoIter = std::vec::IntoIter<AuthorizedHash>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::DigestAlgorithm;

    #[test]
    fn only_the_message_that_was_hashed_can_be_added() {
        let credential = CredentialId::parse("c").expect("id");
        let digest = DigestAlgorithm::Sha512.digest(b"this");
        let token = || AuthorizedHash::for_test(&credential, SignatureAlgorithm::Ed25519, digest.clone());
        assert_eq!(token().message(), None);
        let added = token().with_message(b"this".to_vec()).expect("the message");
        assert_eq!(added.message(), Some(&b"this"[..]));
        assert_eq!(token().with_message(b"that".to_vec()).err(), Some(WrongMessage));
    }
}
