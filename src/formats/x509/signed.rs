//! The envelope that certificates and revocation lists share.

use std::ops::Range;

use crate::formats::der::{DerError, Reader, Tlv, tag, value};

/// ```text
/// SIGNED { ToBeSigned } ::= SEQUENCE {
///   toBeSigned ToBeSigned, algorithmIdentifier AlgorithmIdentifier, signature BIT STRING }    -- RFC 5280 §4.1, §5.1
/// ```
pub(crate) struct Signed<'a> {
    /// What the issuer signed, as received.
    pub tbs: Tlv<'a>,
    /// Where `tbs` stands in the octets that were read.
    pub tbs_range: Range<usize>,
    /// DER of the outer AlgorithmIdentifier.
    pub algorithm: &'a [u8],
    pub signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Reads one envelope that fills `bytes`.
    ///
    /// # Errors
    /// [`DerError`] when it is not DER or not this structure.
    pub fn read(bytes: &'a [u8]) -> Result<Self, DerError> {
        let outer = Reader::single(bytes, tag::SEQUENCE)?;
        let mut fields = outer.reader()?;
        let tbs = fields.expect(tag::SEQUENCE)?;
        let algorithm = fields.expect(tag::SEQUENCE)?.raw();
        let signature = value::bit_string_octets(fields.next()?)?;
        fields.finish()?;
        let start = bytes.len().saturating_sub(outer.content().len());
        Ok(Self { tbs, tbs_range: start..start.saturating_add(tbs.raw().len()), algorithm, signature })
    }
}
