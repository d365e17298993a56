//! First stage for a PDF: an update with the signature dictionary, its ByteRange, and a hole for the signature.
//!
//! ```text
//! original | newline | objects … /Contents <000…000> … | cross-reference section | %%EOF
//! [0 ------------------ b)                  gap       [c ----------------------- c+d)
//! ```

use std::ops::Range;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::embed::Prepared;
use super::permitted;
use crate::crypto::DigestAlgorithm;
use crate::crypto::digest::Hasher;
use crate::formats::pdf::fields::{self, Field};
use crate::formats::pdf::incremental::WrittenUpdate;
use crate::formats::pdf::object::PdfString;
use crate::formats::pdf::permissions::FieldLock;
use crate::formats::pdf::{Dict, IncrementalUpdate, Object, ObjectId, Pdf, PdfError, pages, text};

/// Print and locked: a signature's widget stays where it is (ISO 32000-1 table 165).
const WIDGET_FLAGS: i64 = 4 + 128;
/// SignaturesExist and AppendOnly (table 219).
const SIG_FLAGS: i64 = 3;
/// Room for one number of /ByteRange: offsets have at most ten digits in a classic file.
const NUMBER_WIDTH: usize = 10;
/// A CMS with a certificate is never smaller than 512 bytes; 1 MiB holds chains, revocation data and time-stamps.
const CAPACITY: Range<usize> = 512..(1 << 20) + 1;

/// Why a document is not signed. All are the document's or the request's fault; nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    #[error(transparent)]
    Pdf(#[from] PdfError),
    /// A certification signature (DocMDP P=1) forbids any further change.
    #[error("the document is certified and permits no changes")]
    CertifiedNoChanges,
    /// An earlier signature locks the field.
    #[error("the field {field:?} is locked by the signature {by:?}")]
    FieldLocked { field: String, by: String },
    #[error("the document has no field {0:?}")]
    NoSuchField(String),
    #[error("the field {0:?} is not a signature field")]
    NotASignatureField(String),
    #[error("the field {0:?} is already signed")]
    AlreadySigned(String),
    /// The field stands directly in an array, where an update cannot reach it.
    #[error("the field {0:?} is not an indirect object")]
    FieldNotIndirect(String),
    /// The file is encrypted, opened with the user password, and its permissions forbid changes, annotations and the
    /// filling of fields altogether.
    #[error(
        "the document's permissions forbid signing; give its owner password, or ask its author for a copy that may be signed"
    )]
    NotPermitted,
    /// The space asked for in /Contents is out of bounds.
    #[error("a capacity of {0} bytes for the signature is out of bounds")]
    Capacity(usize),
    /// The finished signature does not fit; prepare again with more space.
    #[error("the signature needs {needed} bytes, {reserved} are reserved")]
    ContentsTooSmall { needed: usize, reserved: usize },
    /// The file at hand is not the one that was prepared.
    #[error("the document is not the one that was prepared")]
    WrongOriginal,
}

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
    /// Bytes reserved for the CMS.
    pub contents_capacity: usize,
}

/// Prepares a PAdES B-B signature (EN 319 142-1 §6.3): `/SubFilter /ETSI.CAdES.detached`.
///
/// # Errors
/// [`SigningError`] with the reason the document must not or cannot be signed.
pub fn prepare(pdf: &Pdf<'_>, request: &PrepareRequest) -> Result<Prepared, SigningError> {
    if !CAPACITY.contains(&request.contents_capacity) {
        return Err(SigningError::Capacity(request.contents_capacity));
    }
    let mut update = IncrementalUpdate::new(pdf)?;
    let form_fields = fields::fields(pdf)?;
    let target = Target::choose(pdf, &form_fields, &request.field)?;
    permitted::check(pdf, target.name())?;
    let signature = update.allocate()?;
    let lock = match &target {
        Target::Existing(field, id) => fill_field(pdf, &mut update, field, *id, signature)?,
        Target::New(name) => {
            add_field(pdf, &mut update, name, signature)?;
            None
        }
    };
    let layout = signature_dictionary(request, lock, |object| update.sealed(signature, object));
    update.set_raw(signature, layout.body.clone());
    let mut original = Hasher::new(DigestAlgorithm::Sha256);
    original.update(pdf.data());
    let mut seed = original.clone().finish().as_bytes().to_vec();
    seed.extend_from_slice(text::format_date(request.signing_time).as_bytes());
    let written = update.finish(&seed)?;
    layout.place(pdf.data().len(), written, signature, original)
}

enum Target<'f> {
    Existing(&'f Field, ObjectId),
    New(String),
}

impl<'f> Target<'f> {
    fn choose(pdf: &Pdf<'_>, form_fields: &'f [Field], choice: &FieldChoice) -> Result<Self, SigningError> {
        let FieldChoice::Existing(name) = choice else {
            return Ok(Self::New(free_name(form_fields)));
        };
        let field = form_fields.iter().find(|field| field.name == *name);
        let field = field.ok_or_else(|| SigningError::NoSuchField(name.clone()))?;
        if !field.is_signature() {
            return Err(SigningError::NotASignatureField(name.clone()));
        }
        let signed = field.value.as_ref().map(|value| pdf.resolve(value)).transpose()?;
        if signed.is_some_and(|value| !value.is_null()) {
            return Err(SigningError::AlreadySigned(name.clone()));
        }
        let id = field.id.ok_or_else(|| SigningError::FieldNotIndirect(name.clone()))?;
        Ok(Self::Existing(field, id))
    }

    fn name(&self) -> &str {
        match self {
            Self::Existing(field, _) => &field.name,
            Self::New(name) => name,
        }
    }
}

fn free_name(form_fields: &[Field]) -> String {
    let taken: std::collections::HashSet<&str> = form_fields.iter().map(|field| field.name.as_str()).collect();
    let mut number = 1usize;
    loop {
        let name = format!("Signature{number}");
        if !taken.contains(name.as_str()) {
            return name;
        }
        number += 1;
    }
}

/// Sets /V of an empty field; returns what signing it locks.
fn fill_field(
    pdf: &Pdf<'_>,
    update: &mut IncrementalUpdate<'_, '_>,
    field: &Field,
    id: ObjectId,
    signature: ObjectId,
) -> Result<Option<FieldLock>, SigningError> {
    update.set(id, &Object::Dict(field.dict.clone().with("V", Object::Ref(signature))));
    if let Some((form_id, form)) = fields::acro_form(pdf)? {
        let flagged = with_sig_flags(form.clone());
        if flagged != form {
            set_form(pdf, update, form_id, flagged)?;
        }
    }
    Ok(field.lock(pdf)?.map(|(lock, _)| lock))
}

/// Adds an invisible field to the form, merged with a widget on the first page. A document without pages gets a field
/// without widget.
fn add_field(
    pdf: &Pdf<'_>,
    update: &mut IncrementalUpdate<'_, '_>,
    name: &str,
    signature: ObjectId,
) -> Result<(), SigningError> {
    let id = update.allocate()?;
    let mut field = Dict::new()
        .with("FT", Object::name("Sig"))
        .with("T", Object::String(text::encode(name)))
        .with("V", Object::Ref(signature));
    if let Some(page) = pages::first_page(pdf)? {
        for (key, value) in invisible_widget(page.id).iter() {
            field.set(&key.to_string(), value.clone());
        }
        append(pdf, update, &page.dict, "Annots", id, |update, dict| {
            update.set(page.id, &Object::Dict(dict));
            Ok(())
        })?;
    }
    update.set(id, &Object::Dict(field));
    add_to_form(pdf, update, id)
}

fn invisible_widget(page: ObjectId) -> Dict {
    Dict::new()
        .with("Type", Object::name("Annot"))
        .with("Subtype", Object::name("Widget"))
        .with("P", Object::Ref(page))
        .with("F", Object::Integer(WIDGET_FLAGS))
        .with("Rect", Object::Array(vec![Object::Integer(0); 4]))
}

fn add_to_form(pdf: &Pdf<'_>, update: &mut IncrementalUpdate<'_, '_>, id: ObjectId) -> Result<(), SigningError> {
    match fields::acro_form(pdf)? {
        Some((form_id, form)) => {
            // The form is written in any case: /SigFlags and /Fields may both change.
            let flagged = with_sig_flags(form);
            let fields =
                append(pdf, update, &flagged, "Fields", id, |update, form| set_form(pdf, update, form_id, form))?;
            if fields == Appended::InOwnObject { set_form(pdf, update, form_id, flagged) } else { Ok(()) }
        }
        None => {
            let form = Dict::new().with("Fields", Object::Array(vec![Object::Ref(id)]));
            set_form(pdf, update, None, with_sig_flags(form))
        }
    }
}

#[derive(PartialEq)]
enum Appended {
    InOwnObject,
    InDictionary,
}

/// Appends a reference to the array `key` of `dict`: in the array's own object if it has one, else in the dictionary,
/// which `write` then writes.
fn append(
    pdf: &Pdf<'_>,
    update: &mut IncrementalUpdate<'_, '_>,
    dict: &Dict,
    key: &str,
    id: ObjectId,
    write: impl FnOnce(&mut IncrementalUpdate<'_, '_>, Dict) -> Result<(), SigningError>,
) -> Result<Appended, SigningError> {
    let array = pdf.value(dict, key)?;
    let mut items = array.as_deref().and_then(Object::as_array).unwrap_or_default().to_vec();
    items.push(Object::Ref(id));
    match array.filter(|array| array.as_array().is_some()).and_then(|array| array.id()) {
        Some(own) => {
            update.set(own, &Object::Array(items));
            Ok(Appended::InOwnObject)
        }
        None => {
            write(update, dict.clone().with(key, Object::Array(items)))?;
            Ok(Appended::InDictionary)
        }
    }
}

fn with_sig_flags(form: Dict) -> Dict {
    let flags = form.get("SigFlags").and_then(Object::as_integer).unwrap_or(0);
    form.with("SigFlags", Object::Integer(flags | SIG_FLAGS))
}

/// Writes the form where it is: its own object, or inside the catalog.
fn set_form(
    pdf: &Pdf<'_>,
    update: &mut IncrementalUpdate<'_, '_>,
    form_id: Option<ObjectId>,
    form: Dict,
) -> Result<(), SigningError> {
    if let Some(id) = form_id {
        update.set(id, &Object::Dict(form));
        return Ok(());
    }
    let root = pdf.trailer().get("Root").and_then(Object::as_ref_id);
    let root = root.ok_or(PdfError::Damaged { what: "the trailer has no /Root", offset: pdf.startxref() })?;
    let catalog = pdf.catalog()?;
    let catalog = catalog.as_dict().unwrap_or(Dict::empty()).clone();
    update.set(root, &Object::Dict(catalog.with("AcroForm", Object::Dict(form))));
    Ok(())
}

/// The signature dictionary in PDF syntax with blank numbers and zeroed /Contents.
struct Layout {
    body: Vec<u8>,
    /// `[…]` of /ByteRange in `body`.
    byte_range: Range<usize>,
    /// `<…>` of /Contents in `body`.
    contents: Range<usize>,
}

/// `seal` gives the values as they must be written.
fn signature_dictionary(
    request: &PrepareRequest,
    lock: Option<FieldLock>,
    mut seal: impl FnMut(&Object) -> Object,
) -> Layout {
    let mut body = b"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached\n/ByteRange ".to_vec();
    let start = body.len();
    body.resize(start + "[0   ]".len() + 3 * NUMBER_WIDTH, b' ');
    let byte_range = start..body.len();
    body.extend_from_slice(b"\n/Contents ");
    let start = body.len();
    body.push(b'<');
    body.resize(start + 1 + 2 * request.contents_capacity, b'0');
    body.push(b'>');
    let contents = start..body.len();
    let mut rest = Dict::new().with("M", Object::String(PdfString::literal(text::format_date(request.signing_time))));
    let texts = [
        ("Name", &request.name),
        ("Reason", &request.reason),
        ("Location", &request.location),
        ("ContactInfo", &request.contact_info),
    ];
    for (key, value) in texts {
        if let Some(value) = value {
            rest.set(key, Object::String(text::encode(value)));
        }
    }
    if let Some(lock) = lock {
        rest.set("Reference", Object::Array(vec![Object::Dict(lock_reference(lock))]));
    }
    body.push(b'\n');
    for (key, value) in rest.iter() {
        body.extend_from_slice(format!("/{key} ").as_bytes());
        body.extend_from_slice(&seal(value).to_bytes());
        body.push(b'\n');
    }
    body.extend_from_slice(b">>");
    Layout { body, byte_range, contents }
}

/// A field with a /Lock is signed with the same lock as FieldMDP (ISO 32000-1 §12.7.4.5).
fn lock_reference(lock: FieldLock) -> Dict {
    let (action, names) = match lock {
        FieldLock::All => ("All", None),
        FieldLock::Include(names) => ("Include", Some(names)),
        FieldLock::Exclude(names) => ("Exclude", Some(names)),
    };
    let mut parameters = Dict::new().with("Type", Object::name("TransformParams")).with("Action", Object::name(action));
    if let Some(names) = names {
        let names = names.iter().map(|name| Object::String(text::encode(name))).collect();
        parameters.set("Fields", Object::Array(names));
    }
    Dict::new()
        .with("Type", Object::name("SigRef"))
        .with("TransformMethod", Object::name("FieldMDP"))
        .with("TransformParams", Object::Dict(parameters.with("V", Object::name("1.2"))))
}

impl Layout {
    /// Computes the ByteRange now that the place of every byte is known.
    fn place(
        self,
        original_len: usize,
        mut written: WrittenUpdate,
        signature: ObjectId,
        original: Hasher,
    ) -> Result<Prepared, SigningError> {
        let lost =
            || PdfError::Damaged { what: "the prepared update lacks its signature dictionary", offset: original_len };
        let body = written.bodies.get(&signature.number).ok_or_else(lost)?.start;
        let hole = body + self.contents.start..body + self.contents.end;
        let first = original_len + hole.start;
        let second = original_len + hole.end;
        let rest = written.bytes.len() - hole.end;
        let numbers = format!("[0 {first:<NUMBER_WIDTH$} {second:<NUMBER_WIDTH$} {rest:<NUMBER_WIDTH$}]");
        let slot = written.bytes.get_mut(body + self.byte_range.start..body + self.byte_range.end);
        let slot = slot.filter(|slot| slot.len() == numbers.len()).ok_or(PdfError::TooLarge("file size"))?;
        slot.copy_from_slice(numbers.as_bytes());
        Ok(Prepared::new(written.bytes, hole, original_len, original))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::byte_range::Coverage;
    use crate::formats::pdf::crypt::testing::{Protection, SCHEMES, Scheme};
    use crate::formats::pdf::samples::Sample;
    use crate::formats::pdf::{Limits, signature};
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
