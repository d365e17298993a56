//! How the documents of a request are signed.

use serde::{Deserialize, Serialize};

use crate::crypto::SignatureAlgorithm;
use crate::formats::level::Baseline;
use crate::formats::pdf::permissions::{DocMdpPermission, FieldLock};
use crate::signing::extras::{Extras, Reason};
use crate::signing::visible::VisibleSignature;

/// The signature algorithm and everything the portal asks for besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignatureSettings {
    pub algorithm: SignatureAlgorithm,
    /// Password of encrypted documents, sealed by the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_password: Option<String>,
    #[serde(flatten)]
    pub options: SignatureOptions,
}

/// What a portal may ask for; by default a PAdES B-B signature without appearance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SignatureOptions {
    pub format: SignatureFormat,
    pub level: Baseline,
    /// `/Reason` of the signature dictionary; PDF only.
    pub reason: Option<String>,
    /// `/Location` of the signature dictionary; PDF only.
    pub location: Option<String>,
    /// `/ContactInfo` of the signature dictionary; PDF only.
    pub contact_info: Option<String>,
    /// Empty signature field to fill; a new one when absent.
    pub field: Option<String>,
    /// How the signature is shown on a page; invisible when absent. PDF only.
    pub appearance: Option<Box<VisibleSignature>>,
    /// Makes the signature a certification (DocMDP); PDF only.
    pub certify: Option<DocMdpPermission>,
    /// Fields that may not change afterwards (FieldMDP); PDF only.
    pub lock: Option<FieldLock>,
    /// Signed attributes beside those of the baseline. Its content time-stamp is made by the service, see
    /// [`Self::content_time_stamp`].
    pub extras: Extras,
    pub content_time_stamp: ContentTimeStamp,
}

/// What the signature becomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureFormat {
    /// PAdES: an incremental update of the PDF.
    #[default]
    Pdf,
    /// CAdES, detached: a `.p7s` beside any file.
    Cms,
    /// CAdES, enveloping: a `.p7m` with the file inside.
    CmsEnveloping,
    /// The message of a PAdES signature over the hash of a PDF's ByteRange; whoever has the PDF embeds it.
    PdfHash,
    /// CAdES, detached, over the hash of any file.
    CmsHash,
}

/// Whether the content is time-stamped before it is signed (EN 319 122-1 §5.2.8).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContentTimeStamp {
    #[default]
    Without,
    BeforeSigning,
}

impl SignatureFormat {
    /// What can be made of a whole file.
    pub const ALL: [Self; 3] = [Self::Pdf, Self::Cms, Self::CmsEnveloping];

    /// Whether nothing but the hash of the file is known.
    pub fn is_of_hash(self) -> bool {
        matches!(self, Self::PdfHash | Self::CmsHash)
    }

    /// The name in commands and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Cms => "cms",
            Self::CmsEnveloping => "cms-enveloping",
            Self::PdfHash => "pdf-hash",
            Self::CmsHash => "cms-hash",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

impl SignatureSettings {
    /// The default options with this algorithm.
    pub fn new(algorithm: SignatureAlgorithm) -> Self {
        Self { algorithm, sealed_password: None, options: SignatureOptions::default() }
    }
}

impl SignatureOptions {
    /// Whether the signature dictionary says why it was signed.
    pub fn stated_reason(&self) -> Reason {
        if self.reason.is_some() { Reason::Stated } else { Reason::Absent }
    }

    /// The first option that only a PDF can have; for refusing it with another format.
    pub fn pdf_only(&self) -> Option<&'static str> {
        let options = [
            ("reason", self.reason.is_some()),
            ("location", self.location.is_some()),
            ("contact_info", self.contact_info.is_some()),
            ("field", self.field.is_some()),
            ("certify", self.certify.is_some()),
            ("lock", self.lock.is_some()),
            ("appearance", self.appearance.is_some()),
        ];
        options.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::KeyAlgorithm;

    #[test]
    fn settings_read_back_and_old_rows_get_defaults() {
        let mut settings = SignatureSettings::new(KeyAlgorithm::P256.default_signature());
        settings.options.level = Baseline::Lta;
        settings.options.lock = Some(FieldLock::Include(vec!["a".into()]));
        let json = serde_json::to_string(&settings).expect("JSON");
        assert_eq!(serde_json::from_str::<SignatureSettings>(&json).expect("read"), settings);
        let bare = serde_json::json!({"algorithm": settings.algorithm, "reason": null, "location": null, "field": "f"});
        let read: SignatureSettings = serde_json::from_value(bare).expect("read");
        assert_eq!((read.options.field.as_deref(), read.options.level), (Some("f"), Baseline::B));
    }

    #[test]
    fn options_of_a_pdf_are_named() {
        assert_eq!(SignatureOptions::default().pdf_only(), None);
        let options = SignatureOptions { certify: Some(DocMdpPermission::NoChanges), ..SignatureOptions::default() };
        assert_eq!(options.pdf_only(), Some("certify"));
    }
}
