//! Time-stamp tokens: the statement inside (TSTInfo). The token around it is a [`super::cms::SignedData`].
//!
//! What this folder does not do: judge a token or its time-stamping unit. Follows RFC 3161 §2.4.2.

use time::OffsetDateTime;

use super::der::{DerError, Reader, Rules, tag, value};
use crate::crypto::{CryptoError, DigestAlgorithm};

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
        value::oid(fields.next()?)?;
        let mut message_imprint = fields.expect(tag::SEQUENCE)?.reader()?;
        let algorithm = value::oid(message_imprint.expect(tag::SEQUENCE)?.reader()?.next()?)?;
        let imprint = message_imprint.next()?.octets()?.into_owned();
        value::integer(fields.next()?)?;
        let gen_time = value::time(fields.expect(tag::GENERALIZED_TIME)?)?;
        Ok(Self { imprint_algorithm: DigestAlgorithm::from_oid(&algorithm), imprint, gen_time })
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
        ])
    }

    #[test]
    fn imprint_and_time_are_read() {
        let info = TstInfo::from_der(&tst(1, b"20260601120000.5Z")).expect("TSTInfo");
        assert_eq!(info.imprint_algorithm, Ok(DigestAlgorithm::Sha256));
        assert_eq!((info.imprint, info.gen_time), (vec![7; 32], datetime!(2026-06-01 12:00 UTC)));
    }

    #[test]
    fn other_versions_and_local_times_are_refused() {
        assert!(TstInfo::from_der(&tst(2, b"20260601120000Z")).is_err());
        assert!(TstInfo::from_der(&tst(1, b"20260601120000+0700")).is_err());
        assert!(TstInfo::from_der(&[]).is_err());
    }
}
