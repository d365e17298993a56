//! File formats: bytes in, values out; no I/O.
//!
//! Reading order: [`der`] (the bounded reader and the writer everything else stands on), [`x509`] (certificates),
//! [`crl`] and [`ocsp`] (revocation lists and responses), [`cms`] (SignedData), [`tsp`] (what a time-stamp states); [`pdf`] stands beside them, [`level`] names the levels
//! signatures in them can have.
//!
//! Every parser keeps the bytes it was given: signatures are checked over what was received, never over a re-encoding.

pub mod cms;
pub mod crl;
pub mod der;
pub mod level;
pub mod ocsp;
pub mod pdf;
pub mod tsp;
pub mod x509;
