//! CAdES: signatures over any file, and raising a finished one from level B-B to B-LTA, ours or anybody's (ETSI EN 319 122-1).
//!
//! Reading order: `enveloping` (the content inside the message; detached messages are made in [`super::cms`]), `parallel` (a
//! further signer), `raise` (unsigned attributes, the signature time-stamp, certificates and revocation values), `archive` (the
//! archive time-stamp over all of it, and its renewal).
//!
//! What this folder does not do: ask a time-stamping authority (imprints go out, tokens come in), judge what is added, or write
//! counter-signatures. What a signature or a time-stamp covers is never encoded anew.

mod archive;
mod enveloping;
mod parallel;
mod raise;

pub use archive::{ArchiveRequest, ArchivedContent, prepare_archive};
pub use enveloping::{Enveloping, assemble_enveloping};
pub use parallel::add_signer;
pub use raise::{
    RaiseError, signature_imprint, with_certificates_and_revocations, with_signature_time_stamp,
    with_unsigned_attribute,
};
