//! A file of whatever kind: its format is told by its first bytes.

use crate::formats::cms::{CmsError, mime};
use crate::formats::pdf::{Password, PdfError};
use crate::formats::x509::{X509Error, pem};
use crate::validation::process::basic::Setting;
use crate::validation::process::{validate_cms, validate_pdf_with};
use crate::validation::report::{FileReport, Format};

/// What comes beside a signed file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// The content a detached CMS signature covers.
    pub content: Option<&'a [u8]>,
    /// Of an encrypted PDF.
    pub password: Option<&'a Password>,
}

/// Why a file could not be processed at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    #[error("the file is neither a PDF nor a CMS signature")]
    UnknownFormat,
    #[error(transparent)]
    Pdf(#[from] PdfError),
    #[error(transparent)]
    Cms(#[from] CmsError),
    /// The file is PEM and cannot be decoded, or holds no CMS.
    #[error(transparent)]
    Pem(#[from] X509Error),
}

/// Validates every signature of a PDF or CMS file; a CMS may be BER, DER, PEM, S/MIME or bare base64.
///
/// # Errors
/// [`FileError`] when the file is neither, or cannot be read as what it is. A file without signatures is a report without any.
pub fn validate_file(bytes: &[u8], beside: Beside<'_>, setting: Setting<'_>) -> Result<FileReport, FileError> {
    match Kind::of(bytes) {
        Some(Kind::Pdf) => Ok(validate_pdf_with(bytes, beside.password, setting)?),
        Some(Kind::Cms) => Ok(validate_cms(bytes, beside.content, setting)?),
        Some(Kind::CmsPem) => {
            let blocks = pem::blocks(bytes, &["CMS", "PKCS7"])?;
            Ok(validate_cms(blocks.first().map(Vec::as_slice).unwrap_or_default(), beside.content, setting)?)
        }
        Some(Kind::CmsText) => {
            let entity = mime::read(bytes)?;
            Ok(validate_cms(&entity.message, beside.content.or(entity.content.as_deref()), setting)?)
        }
        None => Err(FileError::UnknownFormat),
    }
}

/// What the file is by its first bytes; `None` when it is neither a PDF nor a CMS.
pub fn format(bytes: &[u8]) -> Option<Format> {
    Kind::of(bytes).map(|kind| match kind {
        Kind::Pdf => Format::Pdf,
        Kind::Cms | Kind::CmsPem | Kind::CmsText => Format::Cms,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pdf,
    Cms,
    CmsPem,
    /// S/MIME, or base64 without any frame.
    CmsText,
}

/// The identifier id-signedData as it stands near the start of every CMS signature.
const SIGNED_DATA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];

impl Kind {
    /// A CMS may carry a PDF, so it is looked for first; the `%PDF-` header may stand anywhere in the first 1024 bytes.
    fn of(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..1024).unwrap_or(bytes);
        let opening = bytes.get(..24).unwrap_or(bytes);
        if head.first() == Some(&0x30) && opening.windows(SIGNED_DATA.len()).any(|window| window == SIGNED_DATA) {
            Some(Self::Cms)
        } else if head.windows(5).any(|window| window == b"%PDF-") {
            Some(Self::Pdf)
        } else if head.first() == Some(&0x30) {
            Some(Self::Cms)
        } else if head.windows(11).any(|window| window == b"-----BEGIN ") {
            Some(Self::CmsPem)
        } else if mime::looks_signed(bytes) {
            Some(Self::CmsText)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::testing::{p7s, pdf};
    use crate::validation::{Evidence, Policy};
    use time::macros::datetime;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        assert_eq!(Kind::of(b"junk\n%PDF-1.7"), Some(Kind::Pdf));
        assert_eq!(Kind::of(&[0x30, 0x80]), Some(Kind::Cms));
        assert_eq!(Kind::of(b"-----BEGIN PKCS7-----"), Some(Kind::CmsPem));
        assert_eq!((Kind::of(b"hello"), Kind::of(b"")), (None, None));
    }

    #[test]
    fn cms_that_carries_a_pdf_is_a_cms() {
        let mut bytes = vec![0x30, 0x82, 0x10, 0x00];
        bytes.extend(SIGNED_DATA);
        bytes.extend(b"%PDF-1.7");
        assert_eq!(Kind::of(&bytes), Some(Kind::Cms));
    }

    #[test]
    fn every_kind_reaches_its_own_reader_and_garbage_none() {
        let evidence = Evidence::default();
        let setting = Setting { evidence: &evidence, policy: Policy::default(), time: datetime!(2026-06-01 0:00 UTC) };
        let judge = |bytes: &[u8]| validate_file(bytes, Beside::default(), setting);
        assert_eq!(judge(&pdf("").1).expect("readable").format, Format::Pdf);
        assert_eq!(judge(&p7s().der).expect("readable").format, Format::Cms);
        assert_eq!(judge(b"hello"), Err(FileError::UnknownFormat));
        assert_eq!(
            judge(b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"),
            Err(FileError::Pem(X509Error::Pem("the file holds no such block")))
        );
        assert!(matches!(judge(b"%PDF-1.7"), Err(FileError::Pdf(_))));
        assert!(matches!(judge(&[0x30, 0x00]), Err(FileError::Cms(_))));
    }
}
