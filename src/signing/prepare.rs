//! First stage for a PDF: an update with the signature dictionary, its ByteRange, and a hole for the signature.
//!
//! ```text
//! original | newline | objects … /Contents <000…000> … | cross-reference section | %%EOF
//! [0 ------------------ b)                  gap       [c ----------------------- c+d)
//! ```

use std::ops::Range;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::dictionary::{Layout, Token, certification_reference, lock_reference};
use super::edit::Edit;
use super::embed::Prepared;
use super::error::SigningError;
use super::field::Target;
use super::permitted;
use super::visible::Draw;
use crate::crypto::DigestAlgorithm;
use crate::crypto::digest::Hasher;
use crate::formats::pdf::object::PdfString;
use crate::formats::pdf::permissions::{DocMdpPermission, FieldLock};
use crate::formats::pdf::{Dict, Object, ObjectId, Pdf, fields, text};

/// A CMS with a certificate is never smaller than 512 bytes; 1 MiB holds chains, revocation data and time-stamps.
const CAPACITY: Range<usize> = 512..(1 << 20) + 1;

/// Where the signature goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldChoice {
    /// An existing, empty signature field by its fully qualified name.
    Existing(String),
    /// A new field without appearance, named `Signature1` or the next free number.
    NewInvisible,
}

/// What is known before the document's digest: everything that stands in the signature dictionary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrepareRequest {
    pub field: FieldChoice,
    /// /M, the claimed signing time, written with its zone.
    #[serde(with = "time::serde::rfc3339")]
    pub signing_time: OffsetDateTime,
    /// /Name of the signer.
    pub name: Option<String>,
    pub reason: Option<String>,
    pub location: Option<String>,
    pub contact_info: Option<String>,
    /// Makes this a certification, which permits only such changes afterwards (DocMDP). Only a document's first signature
    /// certifies it.
    pub certify: Option<DocMdpPermission>,
    /// Form fields that may not change afterwards (FieldMDP), besides those an existing field's /Lock names.
    pub lock: Option<FieldLock>,
    /// Bytes reserved for the CMS.
    pub contents_capacity: usize,
}

/// Prepares a PAdES B-B signature (EN 319 142-1 §6.3): `/SubFilter /ETSI.CAdES.detached`.
///
/// # Errors
/// [`SigningError`] with the reason the document must not or cannot be signed.
pub fn prepare(pdf: &Pdf<'_>, request: &PrepareRequest) -> Result<Prepared, SigningError> {
    prepare_shown(pdf, request, None)
}

/// As [`prepare`], with `drawing` shown on the page: in the existing field, or in a new one where the drawing says.
///
/// # Errors
/// As [`prepare`]; [`SigningError::Appearance`] when it cannot be shown as asked.
pub fn prepare_visible(pdf: &Pdf<'_>, request: &PrepareRequest, drawing: &dyn Draw) -> Result<Prepared, SigningError> {
    prepare_shown(pdf, request, Some(drawing))
}

fn prepare_shown(
    pdf: &Pdf<'_>,
    request: &PrepareRequest,
    drawing: Option<&dyn Draw>,
) -> Result<Prepared, SigningError> {
    let mut edit = Edit::new(pdf)?;
    let form_fields = fields::fields(pdf)?;
    let target = match &request.field {
        FieldChoice::Existing(name) => Target::existing(pdf, &form_fields, name)?,
        FieldChoice::NewInvisible => Target::new(&form_fields, "Signature"),
    };
    if request.certify.is_some() {
        permitted::check_certification(pdf)?;
    }
    permitted::check(pdf, target.name())?;
    let signature = edit.update().allocate()?;
    target.hold(&mut edit, signature, request.lock.as_ref(), drawing)?;
    if request.certify.is_some() {
        certify(&mut edit, signature)?;
    }
    let mut references: Vec<Dict> = request.certify.map(certification_reference).into_iter().collect();
    references.extend(target.lock(pdf)?.iter().chain(&request.lock).map(lock_reference));
    // In an encrypted file the entries are encrypted like all other strings; /Contents is not.
    let entries = edit.update().sealed(signature, &Object::Dict(entries(request, references)));
    let layout = layout(Token::Signature, request.contents_capacity, entries.as_dict().unwrap_or(Dict::empty()))?;
    finish(edit, layout, signature, text::format_date(request.signing_time).as_bytes())
}

/// Prepares a document time-stamp (EN 319 142-1 §5.4.3) in an invisible field of its own. It is permitted whatever earlier
/// signatures say (ISO 32000-2 §12.8.2.2.2).
///
/// # Errors
/// [`SigningError`] with the reason the document cannot be updated.
pub fn prepare_time_stamp(pdf: &Pdf<'_>, capacity: usize) -> Result<Prepared, SigningError> {
    let mut edit = Edit::new(pdf)?;
    let target = Target::new(&fields::fields(pdf)?, "DocTimeStamp");
    let signature = edit.update().allocate()?;
    target.hold(&mut edit, signature, None, None)?;
    let layout = layout(Token::TimeStamp, capacity, Dict::empty())?;
    finish(edit, layout, signature, b"document time-stamp")
}

fn layout(token: Token, capacity: usize, entries: &Dict) -> Result<Layout, SigningError> {
    if !CAPACITY.contains(&capacity) {
        return Err(SigningError::Capacity(capacity));
    }
    Ok(Layout::new(token, capacity, entries))
}

/// The entries besides those every signature has.
fn entries(request: &PrepareRequest, references: Vec<Dict>) -> Dict {
    let mut entries =
        Dict::new().with("M", Object::String(PdfString::literal(text::format_date(request.signing_time))));
    let texts = [
        ("Name", &request.name),
        ("Reason", &request.reason),
        ("Location", &request.location),
        ("ContactInfo", &request.contact_info),
    ];
    for (key, value) in texts {
        if let Some(value) = value {
            entries.set(key, Object::String(text::encode(value)));
        }
    }
    if !references.is_empty() {
        entries.set("Reference", Object::Array(references.into_iter().map(Object::Dict).collect()));
    }
    entries
}

/// The catalog names the certification: /Perms << /DocMDP … >> (ISO 32000-1 §12.8.4).
fn certify(edit: &mut Edit<'_, '_>, signature: ObjectId) -> Result<(), SigningError> {
    let catalog = edit.catalog()?;
    let permissions = edit.nested(catalog, "Perms")?.with("DocMDP", Object::Ref(signature));
    edit.set_nested(catalog, "Perms", permissions)
}

fn finish(mut edit: Edit<'_, '_>, layout: Layout, signature: ObjectId, seed: &[u8]) -> Result<Prepared, SigningError> {
    let data = edit.pdf().data();
    edit.update().set_raw(signature, layout.body.clone());
    let mut original = Hasher::new(DigestAlgorithm::Sha256);
    original.update(data);
    let seed = [original.clone().finish().as_bytes(), seed].concat();
    let written = edit.finish(&seed)?;
    layout.place(data.len(), written, signature, original)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::byte_range::Coverage;
    use crate::formats::pdf::crypt::testing::{Protection, SCHEMES, Scheme};
    use crate::formats::pdf::samples::Sample;
    use crate::formats::pdf::{Limits, pages, permissions, signature};
    use crate::signing::embed;
    use time::macros::datetime;

    fn request(field: FieldChoice) -> PrepareRequest {
        PrepareRequest {
            field,
            signing_time: datetime!(2026-01-02 03:04:05 +07:00),
            name: Some("Nguyễn Văn An".into()),
            reason: Some("Đồng ý".into()),
            location: None,
            contact_info: None,
            certify: None,
            lock: None,
            contents_capacity: 1024,
        }
    }

    fn open(file: &[u8]) -> Pdf<'_> {
        Pdf::open(file, &Limits::default()).unwrap()
    }

    fn prepared(file: &[u8], field: FieldChoice) -> Result<Prepared, SigningError> {
        prepare(&open(file), &request(field))
    }

    /// Signs with a pretended CMS and checks what a verifier would see.
    fn sign(file: &[u8], field: FieldChoice) -> Vec<u8> {
        let prepared = prepared(file, field).unwrap();
        let signed = [file, &embed(&prepared, b"\x30\x03cms").unwrap()].concat();
        let pdf = open(&signed);
        let signatures = signature::signatures(&pdf).unwrap();
        let last = signatures.last().unwrap();
        assert_eq!(last.byte_range.defects, []);
        assert_eq!(last.byte_range.coverage, Coverage::WholeFile);
        assert_eq!(last.byte_range.ranges.map(|r| r.map(|n| n as u64)), Some(prepared.byte_range()));
        assert!(last.contents.starts_with(b"\x30\x03cms\0") && last.contents.len() == 1024);
        let parts = last.byte_range.parts(&signed).unwrap();
        for algorithm in [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384] {
            assert_eq!(prepared.digest(file, algorithm).unwrap(), algorithm.digest_parts(&parts));
        }
        assert_eq!(pdf.anomalies(), []);
        signed
    }

    fn with_form(form: &str) -> Sample {
        Sample::new().object(1, &format!("<</Type/Catalog/Pages 2 0 R/AcroForm {form}>>"))
    }

    const EMPTY_FIELD: &str = "<</Type/Annot/Subtype/Widget/FT/Sig/T(Citizen)/Rect[0 0 0 0]/F 132/P 3 0 R>>";

    #[test]
    fn document_without_form_gets_field_widget_and_form() {
        for file in [Sample::minimal(), Sample::object_streams(), Sample::hybrid()] {
            let signed = sign(&file, FieldChoice::NewInvisible);
            let pdf = open(&signed);
            let signature = &signature::signatures(&pdf).unwrap()[0];
            assert_eq!(signature.field_name, "Signature1");
            assert_eq!(signature.sub_filter.as_deref(), Some("ETSI.CAdES.detached"));
            assert_eq!(signature.signing_time, Some(datetime!(2026-01-02 03:04:05 +07:00)));
            assert_eq!(signature.name.as_deref(), Some("Nguyễn Văn An"));
            let page = pages::first_page(&pdf).unwrap().unwrap();
            let annotations = page.dict.get("Annots").and_then(Object::as_array).unwrap();
            assert_eq!(annotations.last(), signature.field.map(Object::Ref).as_ref());
            let (_, form) = fields::acro_form(&pdf).unwrap().unwrap();
            assert_eq!(form.get("SigFlags"), Some(&Object::Integer(3)));
        }
    }

    #[test]
    fn document_without_pages_gets_a_field_without_widget() {
        sign(&Sample::new().object(2, "<</Type/Pages/Kids[]/Count 0>>").finish(), FieldChoice::NewInvisible);
    }

    #[test]
    fn second_signature_takes_the_next_name_and_covers_the_first() {
        let once = sign(&Sample::minimal(), FieldChoice::NewInvisible);
        let twice = sign(&once, FieldChoice::NewInvisible);
        let pdf = open(&twice);
        let signatures = signature::signatures(&pdf).unwrap();
        assert_eq!(signatures.iter().map(|s| s.field_name.as_str()).collect::<Vec<_>>(), ["Signature1", "Signature2"]);
        assert_eq!(signatures[0].byte_range.coverage, Coverage::WholeRevision);
    }

    #[test]
    fn arrays_in_their_own_objects_are_extended_there() {
        let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Annots 8 0 R>>";
        let file = with_form("5 0 R").object(5, "<</Fields 6 0 R>>").object(6, "[]").object(8, "[]").object(3, page);
        let signed = sign(&file.finish(), FieldChoice::NewInvisible);
        let pdf = open(&signed);
        assert_eq!(pdf.get(ObjectId::new(8, 0)).unwrap().as_array().unwrap().len(), 1);
        assert_eq!(pdf.get(ObjectId::new(6, 0)).unwrap().as_array().unwrap().len(), 1);
        assert_eq!(fields::acro_form(&pdf).unwrap().unwrap().1.get("SigFlags"), Some(&Object::Integer(3)));
    }

    #[test]
    fn existing_empty_field_is_filled_and_its_lock_is_signed() {
        let field = EMPTY_FIELD.replace("/F 132", "/F 132/Lock<</Action/Include/Fields[(a)]>>");
        let file = with_form("<</Fields[5 0 R]>>").object(5, &field).finish();
        let signed = sign(&file, FieldChoice::Existing("Citizen".into()));
        let signatures = signature::signatures(&open(&signed)).unwrap();
        assert_eq!(signatures[0].transforms.field_mdp, [FieldLock::Include(vec!["a".into()])]);
        let again = prepared(&signed, FieldChoice::Existing("Citizen".into()));
        assert_eq!(again.err(), Some(SigningError::AlreadySigned("Citizen".into())));
    }

    #[test]
    fn field_whose_widget_is_a_kid_is_filled_at_the_field() {
        let file = with_form("<</Fields[5 0 R]/SigFlags 3>>")
            .object(5, "<</FT/Sig/T(Citizen)/Kids[6 0 R]>>")
            .object(6, "<</Type/Annot/Subtype/Widget/Parent 5 0 R/Rect[0 0 9 9]>>")
            .finish();
        sign(&file, FieldChoice::Existing("Citizen".into()));
    }

    #[test]
    fn missing_and_foreign_fields_are_refused() {
        let file = with_form("<</Fields[5 0 R]>>").object(5, "<</FT/Tx/T(Citizen)>>").finish();
        let refuse = |name: &str| prepared(&file, FieldChoice::Existing(name.into())).err();
        assert_eq!(refuse("x"), Some(SigningError::NoSuchField("x".into())));
        assert_eq!(refuse("Citizen"), Some(SigningError::NotASignatureField("Citizen".into())));
    }

    fn earlier_signature(dictionary: &str) -> Vec<u8> {
        with_form("<</Fields[5 0 R 7 0 R]>>")
            .object(5, "<</FT/Sig/T(First)/V 6 0 R>>")
            .object(6, dictionary)
            .object(7, EMPTY_FIELD)
            .finish()
    }

    fn transform(method: &str, parameters: &str) -> String {
        format!("<</Type/Sig/Reference[<</TransformMethod/{method}/TransformParams<<{parameters}>>>>]>>")
    }

    fn certifying(file: &[u8], permission: DocMdpPermission) -> Result<Prepared, SigningError> {
        let request = PrepareRequest { certify: Some(permission), ..request(FieldChoice::NewInvisible) };
        prepare(&open(file), &request)
    }

    #[test]
    fn certification_is_declared_twice_and_comes_first_only() {
        for permission in [DocMdpPermission::NoChanges, DocMdpPermission::FormFilling, DocMdpPermission::Annotating] {
            let file = Sample::minimal();
            let prepared = certifying(&file, permission).unwrap();
            let certified = [file, embed(&prepared, b"\x30\x03cms").unwrap()].concat();
            let pdf = open(&certified);
            assert_eq!(permissions::certification(&pdf), Ok(Some(permission)));
            assert_eq!(signature::signatures(&pdf).unwrap()[0].transforms.doc_mdp, Some(permission));
            let again = certifying(&certified, permission).err();
            assert_eq!(again, Some(SigningError::AlreadyCertified(permission)));
        }
        let signed = sign(&Sample::minimal(), FieldChoice::NewInvisible);
        let late = certifying(&signed, DocMdpPermission::FormFilling).err();
        assert_eq!(late, Some(SigningError::NotFirst("Signature1".into())));
    }

    #[test]
    fn asked_lock_stands_in_field_and_signature() {
        let lock = FieldLock::Exclude(vec!["ghi chú".into()]);
        let file = Sample::minimal();
        let request = PrepareRequest { lock: Some(lock.clone()), ..request(FieldChoice::NewInvisible) };
        let prepared = prepare(&open(&file), &request).unwrap();
        let signed = [file, embed(&prepared, b"\x30\x03cms").unwrap()].concat();
        let signatures = signature::signatures(&open(&signed)).unwrap();
        assert_eq!(signatures[0].transforms.field_mdp, std::slice::from_ref(&lock));
        assert_eq!(signatures[0].lock.as_ref().map(|(lock, _)| lock), Some(&lock));
    }

    #[test]
    fn time_stamp_is_added_even_where_a_certification_forbids_changes() {
        let file = earlier_signature(&transform("DocMDP", "/P 1"));
        let prepared = prepare_time_stamp(&open(&file), 1024).unwrap();
        let stamped = [file, embed(&prepared, b"\x30\x03tst").unwrap()].concat();
        let signatures = signature::signatures(&open(&stamped)).unwrap();
        let last = signatures.last().unwrap();
        assert_eq!((last.kind, last.signing_time), (signature::SignatureKind::DocumentTimestamp, None));
        assert_eq!(last.sub_filter.as_deref(), Some("ETSI.RFC3161"));
        assert_eq!((last.byte_range.coverage, last.field_name.as_str()), (Coverage::WholeFile, "DocTimeStamp1"));
    }

    #[test]
    fn certification_without_changes_is_refused_and_with_forms_is_not() {
        let refuse = |p: &str| prepared(&earlier_signature(&transform("DocMDP", p)), FieldChoice::NewInvisible).err();
        assert_eq!(refuse("/P 1"), Some(SigningError::CertifiedNoChanges));
        assert_eq!(refuse("/P 2"), None);
        assert_eq!(refuse(""), None);
    }

    #[test]
    fn locked_field_is_refused_and_another_is_not() {
        let existing = || FieldChoice::Existing("Citizen".into());
        let locked = |p: &str, field| prepared(&earlier_signature(&transform("FieldMDP", p)), field).err();
        let error = SigningError::FieldLocked { field: "Citizen".into(), by: "First".into() };
        assert_eq!(locked("/Action/Include/Fields[(Citizen)]", existing()), Some(error.clone()));
        assert_eq!(locked("/Action/All", existing()), Some(error));
        assert_eq!(locked("/Action/Include/Fields[(other)]", existing()), None);
        assert_eq!(locked("/Action/Exclude/Fields[(Citizen)]", existing()), None);
        assert!(locked("/Action/All", FieldChoice::NewInvisible).is_some());
    }

    #[test]
    fn xfa_forms_get_an_ordinary_signature_field() {
        for form in ["<</XFA(x)/Fields[]>>", "<</XFA(x)>>"] {
            let signed = sign(&with_form(form).finish(), FieldChoice::NewInvisible);
            assert!(fields::needs_xfa(&open(&signed)).unwrap());
        }
        let both = with_form("<</XFA(x)/Fields[5 0 R]>>").object(5, "<</FT/Tx/T(a)>>").finish();
        assert!(!fields::needs_xfa(&open(&both)).unwrap());
    }

    #[test]
    fn encrypted_document_is_signed_in_kind() {
        for scheme in SCHEMES {
            let file = Sample::new().finish_encrypted(Protection::open(scheme));
            let signed = sign(&file, FieldChoice::NewInvisible);
            assert!(!signed.windows(10).any(|window| window == b"D:20260102"), "/M is encrypted: {scheme:?}");
            sign(&signed, FieldChoice::NewInvisible);
        }
    }

    #[test]
    fn permissions_that_forbid_any_change_are_respected_for_the_user_only() {
        let refuse = |protection| {
            let file = Sample::new().finish_encrypted(protection);
            prepared(&file, FieldChoice::NewInvisible).err()
        };
        let open = Protection::open(Scheme::Aes256R6);
        assert_eq!(refuse(Protection { permissions: -3904, ..open }), Some(SigningError::NotPermitted));
        assert_eq!(refuse(Protection { permissions: -3904 | 256, ..open }), None);
        // Opened as the owner, whose password is empty too.
        assert_eq!(refuse(Protection { permissions: -3904, owner: "", ..open }), None);
    }

    #[test]
    fn signature_larger_than_its_hole_is_refused_never_cut() {
        let prepared = prepared(&Sample::minimal(), FieldChoice::NewInvisible).unwrap();
        assert!(embed(&prepared, &[0x30; 1024]).is_ok());
        let error = SigningError::ContentsTooSmall { needed: 1025, reserved: 1024 };
        assert_eq!(embed(&prepared, &[0x30; 1025]), Err(error));
    }

    #[test]
    fn stored_value_comes_back_and_notices_another_document() {
        let file = Sample::minimal();
        let prepared = prepared(&file, FieldChoice::NewInvisible).unwrap();
        let stored = serde_json::to_string(&prepared).unwrap();
        let back: Prepared = serde_json::from_str(&stored).unwrap();
        assert_eq!(back, prepared);
        let digest = |p: &Prepared, file: &[u8]| p.digest(file, DigestAlgorithm::Sha256);
        assert_eq!(digest(&back, &file), digest(&prepared, &file));
        let mut other = file.clone();
        other[20] ^= 1;
        assert_eq!(digest(&back, &other), Err(SigningError::WrongOriginal));
        assert_eq!(digest(&prepared, &file[1..]), Err(SigningError::WrongOriginal));
        assert!(serde_json::from_str::<Prepared>(&stored.replacen("0a", "zz", 1)).is_err());
    }
}
