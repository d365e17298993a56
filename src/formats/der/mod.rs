//! A bounded reader for DER and BER, and a small DER writer.
//!
//! Reading order: [`Reader`] and [`Tlv`] (walk the received bytes without copying), [`value`] (integers, times, strings),
//! [`write`](mod@write) (build DER).
//!
//! A verifier has to hash and compare the octets it received, so this reader hands out slices of the input with every
//! element. It does not know any structure: those are read in `x509`, `crl` and `cms`.
//! Follows ITU-T X.690 (2021).

mod reader;
pub mod value;
pub mod write;

pub use reader::{Reader, Rules, Tlv};

/// Identifier octets this crate meets.
pub mod tag {
    pub const BOOLEAN: u8 = 0x01;
    pub const INTEGER: u8 = 0x02;
    pub const BIT_STRING: u8 = 0x03;
    pub const OCTET_STRING: u8 = 0x04;
    /// OCTET STRING in BER's constructed form: a list of segments (X.690 §8.7.3).
    pub const OCTET_STRING_CONSTRUCTED: u8 = 0x24;
    pub const NULL: u8 = 0x05;
    pub const OID: u8 = 0x06;
    pub const ENUMERATED: u8 = 0x0a;
    pub const UTF8_STRING: u8 = 0x0c;
    pub const PRINTABLE_STRING: u8 = 0x13;
    pub const IA5_STRING: u8 = 0x16;
    pub const UTC_TIME: u8 = 0x17;
    pub const GENERALIZED_TIME: u8 = 0x18;
    pub const SEQUENCE: u8 = 0x30;
    pub const SET: u8 = 0x31;

    /// `[n]` primitive (an IMPLICIT tag over a primitive type); `n` below 31.
    pub const fn context(n: u8) -> u8 {
        0x80 | (n & 0x1f)
    }

    /// `[n]` constructed (EXPLICIT, or IMPLICIT over SEQUENCE and SET); `n` below 31.
    pub const fn context_constructed(n: u8) -> u8 {
        0xa0 | (n & 0x1f)
    }
}

/// The received octets are not the encoding they should be; always the sender's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DerError {
    #[error("the encoding ends in the middle of an element")]
    Truncated,
    #[error("a length is not encoded as DER asks")]
    NotDer,
    #[error("a length cannot be represented")]
    LengthTooLong,
    #[error("elements are nested more than {} deep", reader::MAX_DEPTH)]
    TooDeep,
    #[error("expected tag {expected:#04x}, found {found:#04x}")]
    UnexpectedTag { expected: u8, found: u8 },
    #[error("an element is missing, expected tag {0:#04x}")]
    Missing(u8),
    #[error("unexpected octets follow the last element")]
    Trailing,
    #[error("{0}")]
    BadValue(&'static str),
    #[error("more than {limit} {what}")]
    TooMany { what: &'static str, limit: usize },
}
