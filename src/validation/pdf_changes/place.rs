//! Where in a document a value stands, as far as it matters for what may change there.

use crate::formats::pdf::{Dict, Name};

/// Trailer entries that mean something for the document; /ID, /Size and /Prev describe the file.
pub(super) const TRAILER_KEYS: [&str; 3] = ["Root", "Info", "Encrypt"];

/// The role of a value on the path from the trailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Trailer,
    Catalog,
    /// The document information dictionary.
    Info,
    /// The catalog's XMP stream, private /PieceInfo, and the mark iText leaves in the page tree.
    Metadata,
    /// /DSS and below.
    SecurityStore,
    Extensions,
    Perms,
    PageTree,
    Page,
    /// The /Annots array of a page.
    Annotations,
    /// An annotation that is no widget.
    Annotation,
    AcroForm,
    /// /DR of the form.
    DefaultResources,
    /// One category of /DR, e.g. its fonts by name.
    ResourceCategory,
    /// /XObject of /DR: left there by signing software, drawn by nobody.
    ResourceForms,
    /// /Resources of pages and forms, and below: whatever stands there is drawn with.
    Resources,
    /// /Fields of the form or /Kids of a field.
    Fields,
    /// A field, a widget, or both merged.
    Field,
    /// /AP of a field or annotation, and below.
    Appearance,
    /// The signature dictionary in /V, and below.
    Signature,
    /// The value of any other field, and below.
    Value,
    /// The structure tree, and below.
    Structure,
    /// A reference back to a node that has its own place: only its identity counts.
    BackReference,
    /// Everything else: nothing may change.
    Content,
}

impl Place {
    /// The place of the value of `key` in a dictionary at this place.
    pub fn step(self, key: &Name, dict: &Dict) -> Self {
        match (self, key.as_bytes()) {
            (Self::Trailer, b"Root") => Self::Catalog,
            (Self::Trailer, b"Info") | (Self::Info, _) => Self::Info,
            (Self::Catalog, b"Pages") | (Self::PageTree, b"Kids") => Self::PageTree,
            (Self::Catalog, b"AcroForm") => Self::AcroForm,
            (Self::Catalog, b"DSS") | (Self::SecurityStore, _) => Self::SecurityStore,
            (Self::Catalog, b"Metadata" | b"PieceInfo") | (Self::Metadata, _) => Self::Metadata,
            (Self::Page, b"PieceInfo" | b"LastModified") | (Self::PageTree, b"ITXT") => Self::Metadata,
            (Self::Catalog, b"Extensions") | (Self::Extensions, _) => Self::Extensions,
            (Self::Catalog, b"Perms") => Self::Perms,
            (Self::Perms, _) => Self::Signature,
            (Self::Catalog, b"StructTreeRoot") => Self::Structure,
            (Self::Structure, b"P" | b"Pg" | b"Obj") => Self::BackReference,
            (Self::Structure, _) => Self::Structure,
            (Self::Page, b"Annots") => Self::Annotations,
            (Self::PageTree | Self::Page, b"Parent") => Self::BackReference,
            (Self::AcroForm, b"Fields") | (Self::Field, b"Kids") => Self::Fields,
            (Self::AcroForm, b"DR") => Self::DefaultResources,
            (Self::DefaultResources, b"XObject") => Self::ResourceForms,
            (Self::DefaultResources, _) => Self::ResourceCategory,
            (Self::ResourceCategory | Self::ResourceForms | Self::Resources, _) => Self::Resources,
            (Self::Page | Self::PageTree | Self::Content, b"Resources") => Self::Resources,
            (Self::Field | Self::Annotation, b"Parent" | b"P" | b"Popup" | b"IRT") => Self::BackReference,
            (Self::Field | Self::Annotation, b"AP") | (Self::Appearance, _) => Self::Appearance,
            (Self::Field, b"V") if is_signature(dict) => Self::Signature,
            (Self::Field, b"V" | b"RV") | (Self::Value, _) => Self::Value,
            (Self::Signature, b"Data") => Self::BackReference,
            (Self::Signature, _) => Self::Signature,
            (Self::BackReference, _) => Self::BackReference,
            _ => Self::Content,
        }
    }

    /// True where a reference is drawn with, whatever else it leads to: what a page, a field or an element of the structure tree
    /// may gain as such would be shown here.
    pub fn is_drawn(self) -> bool {
        matches!(
            self,
            Self::Resources | Self::DefaultResources | Self::ResourceCategory | Self::ResourceForms | Self::Appearance
        )
    }

    /// True where a reference must lead to the same object number: such references have no reason to change, and
    /// readers may identify what they lead to by that number.
    pub fn keeps_identity(self) -> bool {
        matches!(
            self,
            Self::Trailer | Self::Catalog | Self::PageTree | Self::Page | Self::Signature | Self::BackReference
        )
    }
}

fn is_signature(field: &Dict) -> bool {
    field.get("FT").is_some_and(|kind| kind.is_name("Sig"))
}
