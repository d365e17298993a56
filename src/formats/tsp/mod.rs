//! Time-stamps: what is asked of an authority, what it answers, and the statement inside its token (TSTInfo). The token around that is
//! a [`super::cms::SignedData`].
//!
//! Reading order: [`TimeStampRequest`], [`TimeStampResponse`] (read, nothing believed), [`CheckedToken`] (the response held against
//! its request), [`TstInfo`], [`evidence_record`] (time-stamps over hash trees, RFC 4998).
//!
//! What this folder does not do: ask an authority, or judge whether its unit is trusted (that is `validation`). Follows RFC 3161
//! and RFC 5816.

mod check;
pub mod evidence_record;
mod request;
mod response;

use const_oid::ObjectIdentifier;
use time::OffsetDateTime;

use super::der::{DerError, Reader, Rules, tag, value};
use crate::crypto::{CryptoError, DigestAlgorithm};

pub use check::{CheckedToken, TokenRefusal};
pub use request::{Nonce, TimeStampRequest};
pub use response::{FailureInfo, PkiStatus, Rejection, ResponseError, TimeStampResponse};

/// What a time-stamping unit states.
///
/// ```text
/// TSTInfo ::= SEQUENCE {
///   version INTEGER, policy OBJECT IDENTIFIER,
///   messageImprint SEQUENCE { hashAlgorithm AlgorithmIdentifier, hashedMessage OCTET STRING },
///   serialNumber INTEGER, genTime GeneralizedTime, accuracy …, ordering …, nonce …, tsa …, extensions … }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TstInfo {
    /// Under which of its policies the authority speaks.
    pub policy: ObjectIdentifier,
    /// Content octets of the token's serial number.
    pub serial: Vec<u8>,
    /// Content octets of the request's nonce, when it had one.
    pub nonce: Option<Vec<u8>>,
    /// `Err` when the hash is not implemented.
    pub imprint_algorithm: Result<DigestAlgorithm, CryptoError>,
    pub imprint: Vec<u8>,
    pub gen_time: OffsetDateTime,
}

impl TstInfo {
    /// Reads the eContent of a token.
    ///
    /// # Errors
    /// [`DerError`] when malformed or of another version than 1.
    pub fn from_der(bytes: &[u8]) -> Result<Self, DerError> {
        let mut reader = Reader::new(bytes, Rules::Ber);
        let mut fields = reader.expect(tag::SEQUENCE)?.reader()?;
        reader.finish()?;
        if value::small(value::integer(fields.next()?)?)? != 1 {
            return Err(DerError::BadValue("a TSTInfo has another version than 1"));
        }
        let policy = value::oid(fields.next()?)?;
        let mut message_imprint = fields.expect(tag::SEQUENCE)?.reader()?;
        let algorithm = value::oid(message_imprint.expect(tag::SEQUENCE)?.reader()?.next()?)?;
        let imprint = message_imprint.next()?.octets()?.into_owned();
        let serial = value::integer(fields.next()?)?.to_vec();
        let gen_time = value::time(fields.expect(tag::GENERALIZED_TIME)?)?;
        fields.optional(tag::SEQUENCE)?;
        fields.optional(tag::BOOLEAN)?;
        let nonce = fields.optional(tag::INTEGER)?.map(value::integer).transpose()?.map(<[u8]>::to_vec);
        Ok(Self { policy, serial, nonce, imprint_algorithm: DigestAlgorithm::from_oid(&algorithm), imprint, gen_time })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::der::write;
    use time::macros::datetime;

    fn tst(version: u8, gen_time: &[u8]) -> Vec<u8> {
        let algorithm = write::sequence(&[&write::oid(&DigestAlgorithm::Sha256.oid())]);
        let imprint = write::sequence(&[&algorithm, &write::octet_string(&[7; 32])]);
        let policy = write::oid(&const_oid::ObjectIdentifier::new_unwrap("1.2.3"));
        write::sequence(&[
            &write::small_integer(version),
            &policy,
            &imprint,
            &write::small_integer(5),
            &write::tlv(tag::GENERALIZED_TIME, gen_time),
            &write::sequence(&[&write::small_integer(1)]),
            &[1, 1, 0xff],
            &write::small_integer(9),
        ])
    }

    #[test]
    fn imprint_and_time_are_read() {
        let info = TstInfo::from_der(&tst(1, b"20260601120000.5Z")).expect("TSTInfo");
        assert_eq!(info.imprint_algorithm, Ok(DigestAlgorithm::Sha256));
        assert_eq!((info.imprint, info.gen_time), (vec![7; 32], datetime!(2026-06-01 12:00 UTC)));
        assert_eq!((info.policy.to_string(), info.serial, info.nonce), ("1.2.3".into(), vec![5], Some(vec![9])));
    }

    #[test]
    fn other_versions_and_local_times_are_refused() {
        assert!(TstInfo::from_der(&tst(2, b"20260601120000Z")).is_err());
        assert!(TstInfo::from_der(&tst(1, b"20260601120000+0700")).is_err());
        assert!(TstInfo::from_der(&[]).is_err());
    }
}
