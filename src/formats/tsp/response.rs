//! What a time-stamping authority answers: read, and not believed yet.

use std::fmt;

use crate::formats::der::{DerError, Reader, Rules, Tlv, tag, value};

/// Largest response read, in bytes. With the unit's chain inside, honest ones stay below 15 kB.
pub(super) const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// Most texts read from a status; authorities send one.
const MAX_TEXTS: usize = 16;
/// Longest explanation kept, in characters.
const MAX_TEXT: usize = 300;

/// Why octets could not be read as a response; always their maker's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    #[error("the time-stamp response is not readable: {0}")]
    Encoding(#[from] DerError),
    #[error("the time-stamp response is larger than {MAX_RESPONSE_BYTES} bytes")]
    TooLarge,
}

/// ```text
/// TimeStampResp ::= SEQUENCE { status PKIStatusInfo, timeStampToken ContentInfo OPTIONAL }
/// PKIStatusInfo ::= SEQUENCE { status INTEGER, statusString SEQUENCE OF UTF8String OPTIONAL, failInfo BIT STRING OPTIONAL }
///                                                                                                   -- RFC 3161 §2.4.2
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeStampResponse {
    pub status: PkiStatus,
    /// The TimeStampToken as received; unverified.
    pub token: Option<Vec<u8>>,
}

/// PKIStatus, in the two kinds that matter to who asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PkiStatus {
    /// granted or grantedWithMods.
    Granted,
    /// Any other; no token may be used.
    NotGranted(Rejection),
}

/// Why an authority gave no token, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// PKIStatus: 2 rejection, 3 waiting, 4 revocationWarning, 5 revocationNotification.
    pub status: u32,
    pub failure: Option<FailureInfo>,
    /// statusString, its lines joined; control characters are left out.
    pub text: String,
}

/// PKIFailureInfo (RFC 3161 §2.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureInfo {
    BadAlg,
    BadRequest,
    BadDataFormat,
    TimeNotAvailable,
    UnacceptedPolicy,
    UnacceptedExtension,
    AddInfoNotAvailable,
    SystemFailure,
    /// A bit the standard gives no meaning.
    Other,
}

impl FailureInfo {
    /// The first bit set; an authority names one.
    fn read(content: &[u8]) -> Result<Option<Self>, DerError> {
        let (_, octets) = content.split_first().ok_or(DerError::BadValue("a bit string is empty"))?;
        let set = |bit: usize| octets.get(bit / 8).is_some_and(|octet| octet & (0x80 >> (bit % 8)) != 0);
        let first = (0..octets.len().min(8).saturating_mul(8)).find(|bit| set(*bit));
        Ok(first.map(|bit| match bit {
            0 => Self::BadAlg,
            2 => Self::BadRequest,
            5 => Self::BadDataFormat,
            14 => Self::TimeNotAvailable,
            15 => Self::UnacceptedPolicy,
            16 => Self::UnacceptedExtension,
            17 => Self::AddInfoNotAvailable,
            25 => Self::SystemFailure,
            _ => Self::Other,
        }))
    }

    /// The standard's own words for it.
    pub fn text(self) -> &'static str {
        match self {
            Self::BadAlg => "badAlg: unrecognized or unsupported algorithm",
            Self::BadRequest => "badRequest: transaction not permitted or supported",
            Self::BadDataFormat => "badDataFormat: the data submitted has the wrong format",
            Self::TimeNotAvailable => "timeNotAvailable: the TSA's time source is not available",
            Self::UnacceptedPolicy => "unacceptedPolicy: the requested TSA policy is not supported",
            Self::UnacceptedExtension => "unacceptedExtension: the requested extension is not supported",
            Self::AddInfoNotAvailable => "addInfoNotAvailable: the additional information could not be understood",
            Self::SystemFailure => "systemFailure: the request cannot be handled due to system failure",
            Self::Other => "a failure the standard does not name",
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = self.failure.map_or("no failInfo", FailureInfo::text);
        write!(f, "status {}, {failure}", self.status)?;
        if self.text.is_empty() { Ok(()) } else { write!(f, " ({})", self.text) }
    }
}

impl TimeStampResponse {
    /// Reads one response that fills `bytes`.
    ///
    /// # Errors
    /// [`ResponseError`] when it is malformed or larger than 64 KiB.
    pub fn parse(bytes: &[u8]) -> Result<Self, ResponseError> {
        if bytes.len() > MAX_RESPONSE_BYTES {
            return Err(ResponseError::TooLarge);
        }
        // The token inside may be BER (RFC 5652), and so may what is around it.
        let mut reader = Reader::new(bytes, Rules::Ber);
        let mut fields = reader.expect(tag::SEQUENCE)?.reader()?;
        reader.finish()?;
        let status = status(fields.expect(tag::SEQUENCE)?)?;
        let token = fields.optional(tag::SEQUENCE)?.map(|token| token.raw().to_vec());
        fields.finish()?;
        Ok(Self { status, token })
    }
}

fn status(element: Tlv<'_>) -> Result<PkiStatus, DerError> {
    let mut fields = element.reader()?;
    let status = value::small(value::integer(fields.next()?)?)?;
    let texts = fields.optional(tag::SEQUENCE)?.map(texts).transpose()?.unwrap_or_default();
    let failure = match fields.optional(tag::BIT_STRING)? {
        Some(bits) => FailureInfo::read(bits.content())?,
        None => None,
    };
    fields.finish()?;
    Ok(match status {
        0 | 1 => PkiStatus::Granted,
        status => PkiStatus::NotGranted(Rejection { status, failure, text: texts }),
    })
}

fn texts(list: Tlv<'_>) -> Result<String, DerError> {
    let lines = list.reader()?.all(MAX_TEXTS, "status texts")?.into_iter().filter_map(value::text);
    let joined = lines.collect::<Vec<_>>().join("; ");
    Ok(joined.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::der::write;

    fn response(status: u8, rest: &[&[u8]], token: &[u8]) -> Vec<u8> {
        let info = write::sequence(&[&write::small_integer(status), &rest.concat()]);
        write::sequence(&[&info, token])
    }

    #[test]
    fn granted_responses_keep_their_token_as_received() {
        let token = write::sequence(&[&write::small_integer(1)]);
        for status in [0, 1] {
            let read = TimeStampResponse::parse(&response(status, &[], &token)).expect("response");
            assert_eq!(read, TimeStampResponse { status: PkiStatus::Granted, token: Some(token.clone()) });
        }
    }

    #[test]
    fn rejection_keeps_the_failure_and_the_text_without_control_characters() {
        let text = write::sequence(&[&write::tlv(tag::UTF8_STRING, "hết\r\nhạn".as_bytes())]);
        let read = TimeStampResponse::parse(&response(2, &[&text, &[3, 3, 0, 0, 1]], &[])).expect("response");
        let PkiStatus::NotGranted(rejection) = read.status else { panic!("granted") };
        assert_eq!(rejection.failure, Some(FailureInfo::UnacceptedPolicy));
        assert_eq!((rejection.status, rejection.text.as_str()), (2, "hếthạn"));
        assert!(rejection.to_string().contains("unacceptedPolicy"));
    }

    #[test]
    fn system_failure_stands_beyond_the_second_octet() {
        assert_eq!(FailureInfo::read(&[6, 0, 0, 0, 0x40]), Ok(Some(FailureInfo::SystemFailure)));
        assert_eq!(FailureInfo::read(&[0, 0, 0]), Ok(None));
        assert!(FailureInfo::read(&[]).is_err());
    }

    #[test]
    fn garbage_trailing_octets_and_large_responses_are_refused() {
        assert!(TimeStampResponse::parse(b"").is_err());
        assert!(TimeStampResponse::parse(b"<html>").is_err());
        let mut trailing = response(0, &[], &[]);
        trailing.push(0);
        assert!(TimeStampResponse::parse(&trailing).is_err());
        assert_eq!(TimeStampResponse::parse(&[0x30; MAX_RESPONSE_BYTES + 1]), Err(ResponseError::TooLarge));
    }
}
