//! The encryption dictionary and its crypt filters (ISO 32000-2 tables 20, 21 and 25).
//!
//! ```text
//! << /Filter /Standard /V 4 /R 4 /Length 128 /O (…) /U (…) /P -1028 /EncryptMetadata true
//!    /CF << /StdCF << /CFM /AESV2 /AuthEvent /DocOpen >> >> /StmF /StdCF /StrF /StdCF /EFF /StdCF >>
//! ```

use super::standard::{MetadataStreams, Revision, Standard};
use crate::formats::pdf::object::{Dict, Name, Object};
use crate::formats::pdf::{PdfError, damaged};

/// How one string or stream is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Identity,
    Rc4,
    Aes128,
    Aes256,
}

/// The crypt filters in use.
#[derive(Debug)]
pub(super) struct Filters {
    pub streams: Method,
    pub strings: Method,
    pub embedded_files: Method,
    /// /CF: names with their /CFM; one that nothing uses may be of any kind.
    named: Vec<(Name, Option<Name>)>,
}

impl Filters {
    /// # Errors
    /// [`PdfError::SecurityHandler`] for an algorithm that is not supported, [`PdfError::Damaged`] for a filter that is
    /// named and not defined.
    pub fn read(dict: &Dict) -> Result<Self, PdfError> {
        match dict.get("V").and_then(Object::as_integer).unwrap_or(0) {
            1 | 2 => {
                Ok(Self { streams: Method::Rc4, strings: Method::Rc4, embedded_files: Method::Rc4, named: vec![] })
            }
            4 | 5 => Self::crypt_filters(dict),
            other => Err(PdfError::SecurityHandler(format!("/V {other}"))),
        }
    }

    fn crypt_filters(dict: &Dict) -> Result<Self, PdfError> {
        let method =
            |filter: &Object| filter.as_dict().and_then(|filter| filter.get("CFM")).and_then(Object::as_name).cloned();
        let defined = dict.get("CF").and_then(Object::as_dict).unwrap_or(Dict::empty()).iter();
        let named = defined.map(|(name, filter)| (name.clone(), method(filter))).collect();
        let mut filters =
            Self { streams: Method::Identity, strings: Method::Identity, embedded_files: Method::Identity, named };
        filters.streams = filters.named(dict.get("StmF").and_then(Object::as_name))?;
        filters.strings = filters.named(dict.get("StrF").and_then(Object::as_name))?;
        filters.embedded_files = match dict.get("EFF").and_then(Object::as_name) {
            Some(name) => filters.named(Some(name))?,
            None => filters.streams,
        };
        Ok(filters)
    }

    /// The method of a crypt filter; no name is /Identity.
    ///
    /// # Errors
    /// [`PdfError::Damaged`] when the dictionary does not define it.
    pub fn named(&self, name: Option<&Name>) -> Result<Method, PdfError> {
        match name {
            None => Ok(Method::Identity),
            Some(name) if name.is("Identity") => Ok(Method::Identity),
            Some(name) => match self.named.iter().find(|(known, _)| known == name) {
                Some((_, method)) => cfm(method.as_ref()),
                None => damaged("the encryption dictionary does not define a crypt filter in use", 0),
            },
        }
    }

    /// # Errors
    /// [`PdfError::SecurityHandler`] when a cipher in use cannot work with a file key of so many bytes.
    pub fn fit(&self, key_length: usize) -> Result<(), PdfError> {
        let fits = |method: &Method| match method {
            Method::Identity => true,
            Method::Rc4 => (5..=16).contains(&key_length),
            Method::Aes128 => key_length == 16,
            Method::Aes256 => key_length == 32,
        };
        let used = [self.streams, self.strings, self.embedded_files];
        // Without a key nothing but attachments is encrypted, and those are not read.
        match used.iter().filter(|_| key_length > 0).find(|method| !fits(method)) {
            Some(method) => Err(PdfError::SecurityHandler(format!("{method:?} with {} bits", key_length * 8))),
            None => Ok(()),
        }
    }

    /// True when crypt filters are in use.
    pub fn pad_short_keys(&self) -> bool {
        !self.named.is_empty()
    }

    /// True when reading the document itself takes no key.
    pub fn none_needed(&self) -> bool {
        self.streams == Method::Identity && self.strings == Method::Identity
    }
}

fn cfm(name: Option<&Name>) -> Result<Method, PdfError> {
    match name.map(Name::as_bytes) {
        Some(b"V2") => Ok(Method::Rc4),
        Some(b"AESV2") => Ok(Method::Aes128),
        Some(b"AESV3") => Ok(Method::Aes256),
        // /None: the application decrypts by means of its own.
        other => {
            let other = other.map_or_else(|| "None".to_owned(), |name| String::from_utf8_lossy(name).into_owned());
            Err(PdfError::SecurityHandler(format!("/CFM /{}", other.escape_debug())))
        }
    }
}

/// The standard handler's values; more than one where writers disagree about the length of the key.
///
/// # Errors
/// [`PdfError::SecurityHandler`] for another handler or revision, [`PdfError::Damaged`] when an entry is missing.
pub(super) fn standard(dict: &Dict, file_id: &[u8]) -> Result<Vec<Standard>, PdfError> {
    match dict.get("Filter").and_then(Object::as_name) {
        Some(name) if name.is("Standard") => {}
        Some(other) => return Err(PdfError::SecurityHandler(format!("/{}", other.to_string().escape_debug()))),
        None => return damaged("the encryption dictionary has no /Filter", 0),
    }
    let version = dict.get("V").and_then(Object::as_integer).unwrap_or(0);
    let revision = match dict.get("R").and_then(Object::as_integer) {
        Some(2) => Revision::R2,
        Some(3) => Revision::R3,
        Some(4) => Revision::R4,
        Some(5) => Revision::R5,
        Some(6) => Revision::R6,
        other => return Err(PdfError::SecurityHandler(format!("/R {}", other.unwrap_or(0)))),
    };
    if (version == 5) != (revision >= Revision::R5) {
        return damaged("/V and /R of the encryption dictionary contradict each other", 0);
    }
    let string = |key| dict.get(key).and_then(Object::as_string).map(|string| string.bytes.clone());
    let (Some(owner), Some(user)) = (string("O"), string("U")) else {
        return damaged("the encryption dictionary lacks /O or /U", 0);
    };
    let metadata = match dict.get("EncryptMetadata").and_then(Object::as_bool) {
        Some(false) => MetadataStreams::Plain,
        _ => MetadataStreams::Encrypted,
    };
    let standard = |key_length| Standard {
        revision,
        key_length,
        owner: owner.clone(),
        user: user.clone(),
        owner_key: string("OE").unwrap_or_default(),
        user_key: string("UE").unwrap_or_default(),
        permissions: permissions(dict),
        metadata,
        file_id: file_id.to_vec(),
    };
    Ok(key_lengths(version, revision, dict).into_iter().map(standard).collect())
}

/// /P is a signed number of 32 bits; some write it unsigned.
fn permissions(dict: &Dict) -> i32 {
    let value = dict.get("P").and_then(Object::as_integer).unwrap_or(-1);
    let low = value.rem_euclid(1 << 32);
    u32::try_from(low).map_or(-1, u32::cast_signed)
}

/// Lengths of the file key in bytes, likeliest first. /Length counts bits; some writers give bytes, and with crypt filters
/// some leave it at its default of 40 and mean 128.
fn key_lengths(version: i64, revision: Revision, dict: &Dict) -> Vec<usize> {
    if version == 5 {
        return vec![32];
    }
    if version == 1 || revision == Revision::R2 {
        return vec![5];
    }
    let stated = dict.get("Length").and_then(Object::as_integer).unwrap_or(40);
    let stated = if stated < 40 { stated } else { stated / 8 };
    let stated = usize::try_from(stated).unwrap_or(0).clamp(5, 16);
    let mut lengths = if version == 4 { vec![16, stated] } else { vec![stated, 16] };
    lengths.dedup();
    lengths
}
