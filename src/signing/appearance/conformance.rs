//! What the document's archival standard permits (ISO 19005), as far as an appearance touches it.

use crate::formats::pdf::{Dict, Object, Pdf};

/// How colours and transparency may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    pub colours: Colours,
    pub alpha: Alpha,
    /// PDF/A-1 asks for the set of characters of a subset font (ISO 19005-1 §6.3.5).
    pub cid_set: CidSet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colours {
    /// DeviceRGB: no archival standard, or an RGB output intent.
    Device,
    /// CalRGB with sRGB's primaries: independent of any output intent.
    Calibrated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alpha {
    /// A soft mask.
    Soft,
    /// No transparency: mixed with white, and fully transparent places left out by a stencil.
    Stencil,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CidSet {
    Written,
    Left,
}

impl Rules {
    /// Reads the document's XMP metadata and output intents.
    pub fn of(pdf: &Pdf<'_>) -> Self {
        let Some(part) = part(pdf) else {
            return Self { colours: Colours::Device, alpha: Alpha::Soft, cid_set: CidSet::Left };
        };
        let intent = output_components(pdf);
        Self {
            colours: if intent == Some(3) { Colours::Device } else { Colours::Calibrated },
            // Later parts allow transparency where an output intent says in which colours it blends.
            alpha: if part == 1 || intent.is_none() { Alpha::Stencil } else { Alpha::Soft },
            cid_set: if part == 1 { CidSet::Written } else { CidSet::Left },
        }
    }
}

/// The value of pdfaid:part, as element or attribute.
fn part(pdf: &Pdf<'_>) -> Option<u8> {
    let catalog = pdf.catalog().ok()?;
    let metadata = pdf.value(catalog.as_dict()?, "Metadata").ok()??;
    let xmp = pdf.decode(metadata.as_stream()?).ok()?;
    let xmp = String::from_utf8_lossy(&xmp);
    let (_, after) = xmp.split_once("pdfaid:part")?;
    after.trim_start_matches(['=', '"', '\'', '>', ' ', '\n', '\r', '\t']).chars().next()?.to_digit(10)?.try_into().ok()
}

/// Components of the first PDF/A output intent's profile.
fn output_components(pdf: &Pdf<'_>) -> Option<i64> {
    let catalog = pdf.catalog().ok()?;
    let intents = pdf.value(catalog.as_dict()?, "OutputIntents").ok()??;
    intents.as_array()?.iter().find_map(|intent| {
        let intent = pdf.resolve(intent).ok()?;
        let intent: &Dict = intent.as_dict()?;
        intent.get("S").filter(|s| s.is_name("GTS_PDFA1"))?;
        let profile = pdf.value(intent, "DestOutputProfile").ok()??;
        profile.as_dict()?.get("N").and_then(Object::as_integer)
    })
}
