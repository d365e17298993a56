//! The document security store: validation material kept in the catalog (ISO 32000-2 §12.8.4.3, EN 319 142-1 §5.4.2).
//!
//! ```text
//! << /Type /DSS /Certs [ streams ] /CRLs [ streams ] /OCSPs [ streams ]
//!    /VRI << /SHA1-OF-CONTENTS << /Cert [ … ] /CRL [ … ] /OCSP [ … ] >> … >> >>
//! ```

use std::collections::HashSet;

use super::object::{Dict, Object, ObjectId};
use super::reader::Pdf;

/// Most streams read. A contract renewed for decades with dozens of signers holds some hundred values.
const MAX_VALUES: usize = 1_000;

/// Most /VRI entries walked, one for each signature.
const MAX_VRI: usize = 1_000;

/// Decoded streams of the store, each once; what they hold is not looked at here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecurityStore {
    pub certificates: Vec<Vec<u8>>,
    pub crls: Vec<Vec<u8>>,
    pub ocsps: Vec<Vec<u8>>,
    /// Values that could not be read, or were more than the limit.
    pub unreadable: usize,
}

impl SecurityStore {
    /// Reads the catalog's /DSS; `None` when there is none. What cannot be read is counted and passed over, as it only could
    /// have helped.
    pub fn read(pdf: &Pdf<'_>) -> Option<Self> {
        let catalog = pdf.catalog().ok()?;
        let dss = pdf.value(catalog.as_dict()?, "DSS").ok()??;
        let dss = dss.as_dict()?;
        let mut collector = Collector { pdf, seen: HashSet::new(), store: Self::default(), left: MAX_VALUES };
        collector.take(dss, ["Certs", "CRLs", "OCSPs"]);
        if let Ok(Some(vri)) = pdf.value(dss, "VRI") {
            for (_, entry) in vri.as_dict()?.iter().take(MAX_VRI) {
                if let Some(entry) = pdf.resolve(entry).ok().as_ref().and_then(|entry| entry.as_dict()) {
                    collector.take(entry, ["Cert", "CRL", "OCSP"]);
                }
            }
        }
        Some(collector.store)
    }
}

struct Collector<'p, 'a> {
    pdf: &'p Pdf<'a>,
    seen: HashSet<ObjectId>,
    store: SecurityStore,
    left: usize,
}

impl Collector<'_, '_> {
    /// The streams of the arrays under these keys: certificates, CRLs, OCSP responses.
    fn take(&mut self, dict: &Dict, keys: [&str; 3]) {
        let [certificates, crls, ocsps] = keys.map(|key| self.streams(dict, key));
        self.store.certificates.extend(certificates);
        self.store.crls.extend(crls);
        self.store.ocsps.extend(ocsps);
    }

    fn streams(&mut self, dict: &Dict, key: &str) -> Vec<Vec<u8>> {
        let Ok(Some(list)) = self.pdf.value(dict, key) else { return Vec::new() };
        let items = list.as_array().unwrap_or_default();
        let fresh = items.iter().filter(|item| item.as_ref_id().is_none_or(|id| self.seen.insert(id)));
        let fresh: Vec<&Object> = fresh.take(self.left.saturating_add(1)).collect();
        let mut found = Vec::new();
        for item in fresh {
            match self.left.checked_sub(1).and_then(|left| Some((left, self.decode(item)?))) {
                Some((left, bytes)) => {
                    self.left = left;
                    found.push(bytes);
                }
                None => self.store.unreadable = self.store.unreadable.saturating_add(1),
            }
        }
        found
    }

    fn decode(&self, item: &Object) -> Option<Vec<u8>> {
        let stream = self.pdf.resolve(item).ok()?;
        self.pdf.decode(stream.as_stream()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::Limits;
    use crate::formats::pdf::samples::Sample;

    fn read(file: &[u8]) -> Option<SecurityStore> {
        SecurityStore::read(&Pdf::open(file, &Limits::default()).expect("PDF"))
    }

    #[test]
    fn values_of_store_and_vri_are_read_once() {
        let file = Sample::new()
            .object(1, "<</Type/Catalog/Pages 2 0 R/DSS 5 0 R>>")
            .object(5, "<</Certs[6 0 R 7 0 R]/CRLs[8 0 R]/VRI<</AB<</Cert[6 0 R]/OCSP[7 0 R 9 0 R]>>>>>>")
            .object(6, "<</Length 1>>stream\na\nendstream")
            .object(7, "<</Length 1>>stream\nb\nendstream")
            .object(8, "<</Length 1>>stream\nc\nendstream")
            .object(9, "<</Length 1>>stream\nd\nendstream")
            .finish();
        let store = read(&file).expect("store");
        assert_eq!(store.certificates, [b"a", b"b"]);
        assert_eq!((store.crls, store.ocsps), (vec![b"c".to_vec()], vec![b"d".to_vec()]));
        assert_eq!(store.unreadable, 0);
    }

    #[test]
    fn absent_store_and_values_of_other_types_are_told_apart() {
        assert_eq!(read(&Sample::new().finish()), None);
        let file = Sample::new().object(1, "<</Type/Catalog/Pages 2 0 R/DSS<</Certs[1 0 R 77 0 R]/CRLs 3>>>>").finish();
        let store = read(&file).expect("store");
        assert_eq!((store.certificates.len(), store.unreadable), (0, 2));
    }
}
