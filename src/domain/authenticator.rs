//! What a signer has registered to confirm with, besides a telephone number and an address.

use time::OffsetDateTime;

use super::factor::Method;
use super::ids::SignerId;

/// A registered authenticator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticator {
    pub id: String,
    pub signer: SignerId,
    /// What its owner calls it.
    pub name: String,
    pub kind: AuthenticatorKind,
    /// The last time step used (TOTP), or the signature counter (passkey): it only grows.
    pub counter: u64,
    pub created_at: OffsetDateTime,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthenticatorKind {
    /// An app that shares a secret, here as it rests: sealed.
    Totp { sealed: Vec<u8> },
    /// A WebAuthn credential with the DER of its SubjectPublicKeyInfo.
    Passkey { credential: Vec<u8>, spki: Vec<u8> },
}

impl Authenticator {
    pub fn method(&self) -> Method {
        match self.kind {
            AuthenticatorKind::Totp { .. } => Method::Totp,
            AuthenticatorKind::Passkey { .. } => Method::Passkey,
        }
    }
}

/// A link by which one signer registers one authenticator, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// Of the link's token.
    pub sha256: [u8; 32],
    pub signer: SignerId,
    pub expires_at: OffsetDateTime,
}
