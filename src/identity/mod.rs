//! Who somebody is, on another's signed word: assertions of clients, and citizens who sign in through an OpenID Connect
//! provider (the shape of VNeID).
//!
//! Reading order: [`jwt`] (signed tokens), [`claims`] (what they say), [`provider`] (the sign-in itself).
//!
//! What this folder does not do: remember anything, decide what somebody may do, or do cryptography of its own: signatures are
//! checked by the crate `jsonwebtoken` on aws-lc. Standards: RFC 7515, RFC 7517, RFC 7519, RFC 8725, OpenID Connect Core 1.0.

pub mod claims;
pub mod jwt;
pub mod provider;

pub use claims::Claims;
pub use jwt::{JwtError, Keys};
pub use provider::{Provider, ProviderError, ProviderSettings};
