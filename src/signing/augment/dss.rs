//! The document security store: certificates, CRLs and OCSP responses put into the document (EN 319 142-1 §5.4.2).
//!
//! ```text
//! catalog /DSS << /Type /DSS /Certs [ … ] /CRLs [ … ] /OCSPs [ … ] /VRI << /KEY << /Cert [ … ] /CRL [ … ] /OCSP [ … ] >> >> >>
//! KEY: SHA-1 of the signature's /Contents, padding included, in upper-case hexadecimal digits
//! ```

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::super::edit::Edit;
use super::super::error::SigningError;
use crate::crypto::{Digest, DigestAlgorithm};
use crate::formats::cms::ValidationData;
use crate::formats::pdf::{Dict, Object, ObjectId, Pdf};

/// What the values of the store are called in the store itself, and in /VRI.
const KINDS: [(&str, &str); 3] = [("Certs", "Cert"), ("CRLs", "CRL"), ("OCSPs", "OCSP")];

/// The developer extension that announces the store in files before PDF 2.0 (EN 319 142-1 §5.5).
const EXTENSION: (&str, &str, i64) = ("ESIC", "1.7", 5);

/// What one signature or time-stamp is validated with.
#[derive(Debug, Clone)]
pub struct Material<'a> {
    /// Its /Contents, padding included; names the entry of /VRI.
    pub contents: &'a [u8],
    pub values: &'a ValidationData,
}

/// The update that brings this material into the document; `None` when all of it is there already. What the store holds stays.
///
/// # Errors
/// [`SigningError::Pdf`] when the document cannot be updated.
pub fn add(pdf: &Pdf<'_>, materials: &[Material<'_>]) -> Result<Option<Vec<u8>>, SigningError> {
    let mut edit = Edit::new(pdf)?;
    let catalog = edit.catalog()?;
    let mut store = Store::read(pdf, edit.nested(catalog, "DSS")?)?;
    for material in materials {
        store.take(&mut edit, material)?;
    }
    if !store.grew {
        return Ok(None);
    }
    let dss = store.written();
    match edit.current(catalog)?.as_dict().and_then(|dict| dict.get("DSS")).and_then(Object::as_ref_id) {
        Some(own) => edit.set(own, Object::Dict(dss)),
        None => {
            let id = edit.add(Object::Dict(dss))?;
            let above = edit.current(catalog)?.as_dict().cloned().unwrap_or_default();
            edit.set(catalog, Object::Dict(above.with("DSS", Object::Ref(id))));
        }
    }
    announce(&mut edit, catalog)?;
    let seed = DigestAlgorithm::Sha256.digest(pdf.data());
    Ok(Some(edit.finish(&[seed.as_bytes(), b"validation data"].concat())?.bytes))
}

/// The store as it grows.
struct Store {
    dict: Dict,
    vri: Dict,
    /// Where the value with this SHA-256 stands, by kind.
    known: [HashMap<Digest, ObjectId>; 3],
    lists: [Vec<Object>; 3],
    grew: bool,
}

impl Store {
    fn read(pdf: &Pdf<'_>, dict: Dict) -> Result<Self, SigningError> {
        let vri = pdf.value(&dict, "VRI")?.and_then(|vri| vri.as_dict().cloned()).unwrap_or_default();
        let mut store = Self { dict, vri, known: Default::default(), lists: Default::default(), grew: false };
        for (((key, _), list), known) in KINDS.iter().zip(&mut store.lists).zip(&mut store.known) {
            if let Some(items) = pdf.value(&store.dict, key)? {
                *list = items.as_array().unwrap_or_default().to_vec();
            }
            for id in list.iter().filter_map(Object::as_ref_id) {
                // A value that cannot be read is no reason to refuse: it is only not known.
                let bytes = pdf.get(id).ok().and_then(|object| pdf.decode(object.as_stream()?).ok());
                known.extend(bytes.map(|bytes| (DigestAlgorithm::Sha256.digest(&bytes), id)));
            }
        }
        Ok(store)
    }

    fn take(&mut self, edit: &mut Edit<'_, '_>, material: &Material<'_>) -> Result<(), SigningError> {
        let values = material.values;
        let mut entry = Dict::new();
        let all: [Vec<Cow<'_, [u8]>>; 3] = [
            values.certificates.iter().map(|certificate| certificate.der().into()).collect(),
            values.crls.iter().map(|crl| crl.der().into()).collect(),
            // The whole OCSPResponse, as PDF wants it (ISO 32000-2 table 261).
            values.ocsps.iter().map(|ocsp| ocsp.response_der().into()).collect(),
        ];
        for (kind, (values, (_, key))) in all.iter().zip(KINDS).enumerate() {
            let ids: Result<BTreeSet<ObjectId>, _> = values.iter().map(|value| self.place(edit, kind, value)).collect();
            let ids = ids?;
            if !ids.is_empty() {
                entry.set(key, Object::Array(ids.into_iter().map(Object::Ref).collect()));
            }
        }
        let key = DigestAlgorithm::Sha1.digest(material.contents).to_hex().to_uppercase();
        if !entry.is_empty() && !self.vri.contains(&key) {
            self.vri.set(&key, Object::Dict(entry));
            self.grew = true;
        }
        Ok(())
    }

    /// The object that holds the value; a new one when the store does not have it.
    fn place(&mut self, edit: &mut Edit<'_, '_>, kind: usize, value: &[u8]) -> Result<ObjectId, SigningError> {
        let (Some(known), Some(list)) = (self.known.get_mut(kind), self.lists.get_mut(kind)) else {
            return Err(SigningError::Capacity(kind));
        };
        let digest = DigestAlgorithm::Sha256.digest(value);
        if let Some(id) = known.get(&digest) {
            return Ok(*id);
        }
        let id = edit.update().allocate()?;
        let (dict, data) = compressed(value);
        edit.update().set_stream(id, dict, &data);
        known.insert(digest, id);
        list.push(Object::Ref(id));
        self.grew = true;
        Ok(id)
    }

    fn written(self) -> Dict {
        let mut dict = self.dict.with("Type", Object::name("DSS"));
        for ((key, _), list) in KINDS.into_iter().zip(self.lists) {
            if !list.is_empty() {
                dict.set(key, Object::Array(list));
            }
        }
        if self.vri.is_empty() { dict } else { dict.with("VRI", Object::Dict(self.vri)) }
    }
}

/// Revocation lists shrink to a fraction; certificates hardly, and then stay as they are.
fn compressed(value: &[u8]) -> (Dict, Vec<u8>) {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let packed = encoder.write_all(value).and_then(|()| encoder.finish());
    match packed {
        Ok(packed) if packed.len() < value.len() => (Dict::new().with("Filter", Object::name("FlateDecode")), packed),
        _ => (Dict::new(), value.to_vec()),
    }
}

/// Declares the extension where it is not declared.
fn announce(edit: &mut Edit<'_, '_>, catalog: ObjectId) -> Result<(), SigningError> {
    if edit.pdf().data().get(edit.pdf().base()..).is_some_and(|data| data.starts_with(b"%PDF-2")) {
        return Ok(());
    }
    let (name, base, level) = EXTENSION;
    let extensions = edit.nested(catalog, "Extensions")?;
    if extensions.contains(name) {
        return Ok(());
    }
    let extension = Dict::new().with("BaseVersion", Object::name(base)).with("ExtensionLevel", Object::Integer(level));
    edit.set_nested(catalog, "Extensions", extensions.with(name, Object::Dict(extension)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::Limits;
    use crate::formats::pdf::dss::SecurityStore;
    use crate::formats::pdf::samples::Sample;
    use crate::formats::x509::testing::{Issuer, Template};

    fn open(file: &[u8]) -> Pdf<'_> {
        Pdf::open(file, &Limits::default()).expect("PDF")
    }

    fn certificates(names: &[&str]) -> ValidationData {
        let root = Issuer::root("Root");
        let issue = |name: &&str| root.issue(&Template::signer(name)).certificate;
        ValidationData { certificates: names.iter().map(issue).collect(), ..ValidationData::default() }
    }

    fn added(file: &[u8], contents: &[u8], values: &ValidationData) -> Option<Vec<u8>> {
        let update = add(&open(file), &[Material { contents, values }]).expect("update")?;
        Some([file, &update].concat())
    }

    #[test]
    fn values_are_stored_once_and_named_by_signature() {
        let (one, two) = (certificates(&["An"]), certificates(&["An", "Bình"]));
        for file in [Sample::minimal(), Sample::object_streams(), Sample::hybrid()] {
            let first = added(&file, b"a", &one).expect("grows");
            assert_eq!(SecurityStore::read(&open(&first)).expect("store").certificates.len(), 1);
            assert_eq!(added(&first, b"a", &one), None);
            let second = added(&first, b"b", &two).expect("grows");
            assert!(second.starts_with(&first));
            let pdf = open(&second);
            let store = SecurityStore::read(&pdf).expect("store");
            assert_eq!((store.certificates.len(), store.unreadable), (2, 0));
            let catalog = pdf.catalog().expect("catalog");
            let dss = pdf.value(catalog.as_dict().expect("dict"), "DSS").expect("read").expect("present");
            let vri = dss.as_dict().and_then(|dss| dss.get("VRI")).and_then(Object::as_dict).expect("VRI");
            // SHA-1 of "b".
            let entry = vri.get("E9D71F5EE7C92D6DC9E92FFDAD17B8BD49418F98").and_then(Object::as_dict).expect("entry");
            assert_eq!(entry.get("Cert").and_then(Object::as_array).map(<[_]>::len), Some(2));
            assert_eq!(pdf.anomalies(), []);
        }
    }

    #[test]
    fn extension_is_announced_once_and_not_in_pdf_2() {
        let extension = |file: &[u8]| {
            let catalog = open(file).catalog().expect("catalog");
            catalog.as_dict().and_then(|dict| dict.get("Extensions")).is_some()
        };
        let values = certificates(&["An"]);
        let old = Sample::minimal();
        assert!(extension(&added(&old, b"a", &values).expect("grows")));
        let mut new = old;
        new[5] = b'2';
        assert!(!extension(&added(&new, b"a", &values).expect("grows")));
    }

    #[test]
    fn store_of_another_program_is_kept() {
        let file = Sample::new()
            .object(1, "<</Type/Catalog/Pages 2 0 R/DSS 5 0 R>>")
            .object(5, "<</Certs 7 0 R/CRLs[6 0 R]/VRI<</AB<</CRL[6 0 R]/TU(D:2026)>>>>>>")
            .object(6, "<</Length 1>>stream\na\nendstream")
            .object(7, "[6 0 R]")
            .finish();
        let grown = added(&file, b"a", &certificates(&["An"])).expect("grows");
        let store = SecurityStore::read(&open(&grown)).expect("store");
        // The foreign value stands in two lists but is one object.
        assert_eq!((store.certificates.len(), store.crls.len()), (2, 0));
        let dss = open(&grown).get(ObjectId::new(5, 0)).expect("store");
        let vri = dss.as_dict().and_then(|dss| dss.get("VRI")).and_then(Object::as_dict).expect("VRI");
        assert!(vri.contains("AB") && vri.len() == 2);
    }
}
