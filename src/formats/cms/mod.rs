//! Cryptographic Message Syntax: what a SignedData says, over the octets received.
//!
//! Reading order: [`SignedData`] (DER or BER in, facts out), [`SignerInfo`], [`Attributes`] (signed and unsigned, repeated ones
//! recorded), [`ess`] (the attribute that binds the signing certificate), [`ValidationData`] (certificates, CRLs and OCSP
//! responses that travel with a signature), [`Frame`] (the same message in its received parts, to add to it), [`mime`] (S/MIME and
//! bare base64 around a message).
//!
//! What this folder does not do: verify or judge. It keeps the received octets of every signed attribute, because those are
//! what was signed; a reader that encodes them again may verify something nobody signed.
//! Follows RFC 5652, RFC 5035 (ESS) and the profile of ETSI EN 319 122-1; PKCS #7 1.5 (RFC 2315) is read as far as it agrees.

mod archive;
mod attributes;
pub mod ess;
mod frame;
pub mod mime;
mod signed_data;
mod signer_info;
mod validation_data;

pub use archive::{Covered, HashIndex, SignedAttributesForm, imprint};
pub use attributes::{Attribute, AttributeProblem, Attributes, oid};
pub use frame::{Frame, SignerFrame};
pub use signed_data::{ContentEncoding, RevocationValues, SignedData, Trailing};
pub use signer_info::{MessageDigestProblem, SignedAttributes, SignerIdentifier, SignerInfo};
pub use validation_data::ValidationData;

use super::der::DerError;
use super::x509::X509Error;

/// Why octets could not be read as SignedData; always their maker's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CmsError {
    #[error("the CMS is not readable: {0}")]
    Encoding(#[from] DerError),
    #[error("the CMS is not readable: {0}")]
    Parts(#[from] X509Error),
    /// Carries the dotted content type.
    #[error("the CMS holds {0}, not SignedData")]
    NotSignedData(String),
    #[error("the CMS is larger than {0} bytes")]
    TooLarge(usize),
}
