//! File formats: bytes in, values out; no I/O.

pub mod cms;
pub mod crl;
pub mod pdf;
pub mod x509;
