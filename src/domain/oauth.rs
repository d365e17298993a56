//! OAuth 2.0 as plain data: a portal as a client, what it asked for, and the tokens that came of it.
//!
//! An authorisation is one row that moves through stages: *pushed* (RFC 9126), *open* (the citizen looks at it), *granted* (a
//! code waits to be redeemed), *redeemed*. Each stage is entered with another secret, of which only the SHA-256 is kept, so
//! that what leads on is used up by using it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::ids::{CredentialId, PortalId, SignerId, TransactionId};
use crate::crypto::{Digest, DigestAlgorithm};

/// A portal in its role as a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    pub portal: PortalId,
    /// The live client secrets, the newest first: two while the portal changes over.
    pub secrets: Vec<ClientSecret>,
    pub auth: ClientAuth,
    /// Where citizens may be sent back to, as registered.
    pub redirect_uris: Vec<String>,
}

/// A live client secret, of which only the hash is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSecret {
    pub sha256: [u8; 32],
    pub created_at: OffsetDateTime,
    /// To the hour; none when it was never used.
    pub used_at: Option<OffsetDateTime>,
}

/// The one way in which a client proves who it is; no other is taken from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "kebab-case")]
pub enum ClientAuth {
    /// `client_secret_basic` or `client_secret_post` (RFC 6749 §2.3.1).
    Secret,
    /// Assertions signed with a private key (RFC 7523); the public keys as a JSON Web Key Set.
    PrivateKeyJwt { jwks: String },
    /// Mutual TLS with one of these certificates (RFC 8705 §2.2), each by the hex SHA-256 of its DER.
    Tls { certificates: Vec<String> },
}

impl ClientAuth {
    /// The word in commands and audit records.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::PrivateKeyJwt { .. } => "private-key-jwt",
            Self::Tls { .. } => "tls",
        }
    }
}

/// What a token is good for (CSC API v2.0.0.2 §8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Calling the API for one signer.
    Service,
    /// Using one credential for exactly the hashes its signer confirmed: the token serves as the SAD.
    Credential,
}

impl Scope {
    pub fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Credential => "credential",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Service, Self::Credential].into_iter().find(|scope| scope.name() == name)
    }
}

/// Whose names the client used, which decides `token_type`: `SAD` in v1, `Bearer` in v2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    V1,
    V2,
}

/// A checked authorisation request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// As the client sent it; it matched a registered one.
    pub redirect_uri: String,
    pub state: Option<String>,
    /// RFC 7636, method S256.
    pub code_challenge: String,
    /// `lang`, as sent.
    pub lang: Option<String>,
    /// Shown to the signer.
    pub description: String,
    /// `sub` of a checked `account_token`: who is signed in at the portal.
    pub account: Option<String>,
    /// What is to be signed; none for scope `service`.
    pub credential: Option<CredentialRequest>,
}

impl AuthorizationRequest {
    pub fn scope(&self) -> Scope {
        if self.credential.is_some() { Scope::Credential } else { Scope::Service }
    }
}

/// What scope `credential` asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialRequest {
    pub credential: CredentialId,
    pub num_signatures: u32,
    pub documents: Vec<DocumentHash>,
    pub dialect: Dialect,
    /// `type` of the authorisation detail (RFC 9396), when the request came as one.
    pub details_type: Option<String>,
}

/// A hash to be signed and what the client calls it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentHash {
    pub label: String,
    #[serde(with = "digest_as_text")]
    pub digest: Digest,
}

/// An authorisation under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Names the family of tokens that come of it.
    pub id: String,
    pub portal: PortalId,
    pub request: AuthorizationRequest,
    pub stage: AuthorizationStage,
    pub arrival: Arrival,
    /// Known from the credential, the portal's account, or once the citizen said so.
    pub signer: Option<SignerId>,
    pub transaction: Option<TransactionId>,
    /// The SAD, encrypted under the code that will be exchanged for it.
    pub sealed_sad: Option<Vec<u8>>,
    pub created_at: OffsetDateTime,
    /// End of the stage.
    pub expires_at: OffsetDateTime,
}

/// Where an authorisation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizationStage {
    Pushed,
    Open,
    Granted,
    Redeemed,
    /// Refused by the citizen, or ended.
    Ended,
}

impl AuthorizationStage {
    const ALL: [Self; 5] = [Self::Pushed, Self::Open, Self::Granted, Self::Redeemed, Self::Ended];

    pub fn name(self) -> &'static str {
        match self {
            Self::Pushed => "pushed",
            Self::Open => "open",
            Self::Granted => "granted",
            Self::Redeemed => "redeemed",
            Self::Ended => "ended",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

/// How the request came in: pushed by the authenticated client, or by any browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    Browser,
    Pushed,
}

/// What a bearer token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    pub portal: PortalId,
    pub holder: Holder,
    /// The authorisation it came of; none for client credentials.
    pub authorization: Option<String>,
    /// Hex SHA-256 of the certificate it is bound to (RFC 8705 §3).
    pub certificate: Option<String>,
    pub expires_at: OffsetDateTime,
}

/// For whom a token speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// The portal itself (client credentials): every signer it was granted.
    Portal,
    /// The portal for one signer.
    Signer(SignerId),
    /// The portal for one credential and the hashes of one confirmation.
    Credential { signer: SignerId, credential: CredentialId, transaction: TransactionId },
}

/// A refresh token: used once, replaced by the next of its family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    pub portal: PortalId,
    pub signer: SignerId,
    pub authorization: String,
    /// End of the whole family.
    pub expires_at: OffsetDateTime,
}

/// `sha-256:hex`.
mod digest_as_text {
    use super::{Digest, DigestAlgorithm};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{}:{}", digest.algorithm().name(), digest.to_hex()))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(deserializer)?;
        read(&text).ok_or_else(|| D::Error::custom("not a digest"))
    }

    fn read(text: &str) -> Option<Digest> {
        let (name, hex) = text.split_once(':')?;
        let value = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
        let bytes = (0..hex.len()).step_by(2).map(value).collect::<Option<Vec<u8>>>()?;
        Digest::from_bytes(DigestAlgorithm::from_name(name)?, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reads_back_from_its_row() {
        let request = AuthorizationRequest {
            redirect_uri: "https://portal.example/back".into(),
            state: Some("s".into()),
            code_challenge: "c".into(),
            lang: None,
            description: "Tờ khai".into(),
            account: None,
            credential: Some(CredentialRequest {
                credential: CredentialId::parse("ec").expect("id"),
                num_signatures: 1,
                documents: vec![DocumentHash {
                    label: "Tờ khai".into(), digest: DigestAlgorithm::Sha384.digest(b"x")
                }],
                dialect: Dialect::V2,
                details_type: None,
            }),
        };
        let json = serde_json::to_string(&request).expect("JSON");
        assert_eq!(serde_json::from_str::<AuthorizationRequest>(&json).expect("read"), request);
        assert!(serde_json::from_str::<AuthorizationRequest>(&json.replace("SHA-384:", "SHA-256:")).is_err());
        assert_eq!(request.scope(), Scope::Credential);
    }

    #[test]
    fn names_read_back() {
        assert!(AuthorizationStage::ALL.into_iter().all(|s| AuthorizationStage::from_name(s.name()) == Some(s)));
        assert_eq!(Scope::from_name("credential"), Some(Scope::Credential));
        assert_eq!(Scope::from_name("openid"), None);
    }
}
