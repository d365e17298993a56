//! Making signatures: from a document's digest to a finished container, with the private key somewhere else.
//!
//! Reading order: [`mod@prepare`] (a PDF gets its signature dictionary with a hole, the ByteRange and the document's digest;
//! `permitted` says when it must not), [`attributes`] (what is signed, and its hash, the DTBSR; `extras` is
//! what a signer may add), [`cms`] (the signature
//! value comes back and becomes a SignedData), [`cades`] (levels above B-B), [`mod@embed`] (the SignedData goes into the hole). [`visible`] says
//! how a signature is to be shown; `appearance`, a feature of its own, draws it.
//!
//! What this folder does not do: hold keys, ask anybody, read a clock. Each stage is a small value, so that the process may
//! stop between the hash and the signature. Follows RFC 5652, RFC 5035, ETSI EN 319 122-1 and EN 319 142-1.

#[cfg(feature = "appearance")]
pub mod appearance;
pub mod attributes;
pub mod augment;
pub mod cades;
pub mod cms;
mod dictionary;
mod edit;
pub mod embed;
pub mod error;
pub mod extras;
mod field;
mod permitted;
pub mod prepare;
pub mod visible;

pub use embed::{Prepared, embed};
pub use error::SigningError;
pub use prepare::{FieldChoice, PrepareRequest, prepare, prepare_time_stamp, prepare_visible};
