//! Certificates: the received DER beside its parsed form.
//!
//! Reading order: [`Certificate`], [`name`] (distinguished names and how they are shown and compared), [`extensions`]
//! (typed values of the extensions a path needs), [`policies`] (those of certificate policies), [`pem`] (files with one or many certificates),
//! [`development`] (certificates that production never trusts).
//!
//! What this folder does not do: build paths or judge a certificate (that is `validation`). It reads and compares, and
//! checks one certificate's signature with one key.
//! Follows RFC 5280; a certificate that is not DER is refused.

mod certificate;
pub mod development;
pub mod extensions;
pub mod name;
pub mod pem;
pub mod policies;
mod signed;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use certificate::issuer_algorithm;
pub use certificate::{Certificate, IssuedBy, Validity};
pub use extensions::{
    AuthorityKeyIdentifier, BasicConstraints, Extension, Extensions, GeneralName, KeyUsage, NameConstraints,
};
pub use name::Name;
pub(crate) use signed::Signed;

use super::der::DerError;
use crate::crypto::CryptoError;

/// Why a certificate could not be read, or its signature not be relied on; always its maker's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum X509Error {
    #[error("the certificate is not readable: {0}")]
    Encoding(#[from] DerError),
    /// RFC 5280 §4.2: "A certificate MUST NOT include more than one instance of a particular extension."
    #[error("the certificate has the extension {0} twice")]
    DuplicateExtension(const_oid::ObjectIdentifier),
    /// RFC 5280 §4.1.1.2: both fields "MUST contain the same algorithm identifier".
    #[error("the algorithm inside the certificate differs from the one outside")]
    AlgorithmMismatch,
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    #[error("the file is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the PEM text is not readable: {0}")]
    Pem(&'static str),
}
