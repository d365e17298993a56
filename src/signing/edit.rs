//! Objects of a file while they are changed: each is read once, changed as often as needed, and written once.

use std::collections::BTreeMap;

use super::error::SigningError;
use crate::formats::pdf::incremental::WrittenUpdate;
use crate::formats::pdf::{Dict, IncrementalUpdate, Object, ObjectId, Pdf, PdfError};

/// One update in the making.
pub(super) struct Edit<'p, 'a> {
    pdf: &'p Pdf<'a>,
    update: IncrementalUpdate<'p, 'a>,
    changed: BTreeMap<ObjectId, Object>,
}

/// A dictionary that is changed: an object of its own, or the form inside the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Object(ObjectId),
    /// The AcroForm, wherever it stands; made when there is none.
    Form,
}

impl<'p, 'a> Edit<'p, 'a> {
    /// # Errors
    /// As [`IncrementalUpdate::new`].
    pub fn new(pdf: &'p Pdf<'a>) -> Result<Self, SigningError> {
        Ok(Self { pdf, update: IncrementalUpdate::new(pdf)?, changed: BTreeMap::new() })
    }

    pub fn pdf(&self) -> &'p Pdf<'a> {
        self.pdf
    }

    /// For objects written as they are: streams, and bodies whose layout matters.
    pub fn update(&mut self) -> &mut IncrementalUpdate<'p, 'a> {
        &mut self.update
    }

    /// Adds a new object.
    pub fn add(&mut self, object: Object) -> Result<ObjectId, SigningError> {
        let id = self.update.allocate()?;
        self.changed.insert(id, object);
        Ok(id)
    }

    /// Replaces an object.
    pub fn set(&mut self, id: ObjectId, object: Object) {
        self.changed.insert(id, object);
    }

    /// The object as it is by now.
    pub fn current(&self, id: ObjectId) -> Result<Object, SigningError> {
        match self.changed.get(&id) {
            Some(object) => Ok(object.clone()),
            None => Ok((*self.pdf.get(id)?).clone()),
        }
    }

    /// The document catalog's object.
    pub fn catalog(&self) -> Result<ObjectId, SigningError> {
        let root = self.pdf.trailer().get("Root").and_then(Object::as_ref_id);
        let missing = PdfError::Damaged { what: "the trailer has no /Root", offset: self.pdf.startxref() };
        root.ok_or(missing.into())
    }

    /// A dictionary as it is by now; empty when the object is none.
    pub fn dict(&self, owner: Owner) -> Result<Dict, SigningError> {
        match owner {
            Owner::Object(id) => Ok(self.current(id)?.as_dict().cloned().unwrap_or_default()),
            Owner::Form => self.nested(self.catalog()?, "AcroForm"),
        }
    }

    /// The dictionary under `key` of the object `holder`, direct or not; empty when there is none.
    pub fn nested(&self, holder: ObjectId, key: &str) -> Result<Dict, SigningError> {
        let holder = self.dict(Owner::Object(holder))?;
        match holder.get(key) {
            Some(Object::Ref(id)) => self.dict(Owner::Object(*id)),
            Some(other) => Ok(other.as_dict().cloned().unwrap_or_default()),
            None => Ok(Dict::new()),
        }
    }

    /// Replaces a dictionary where it stands.
    pub fn set_dict(&mut self, owner: Owner, dict: Dict) -> Result<(), SigningError> {
        match owner {
            Owner::Object(id) => self.set(id, Object::Dict(dict)),
            Owner::Form => self.set_nested(self.catalog()?, "AcroForm", dict)?,
        }
        Ok(())
    }

    /// Replaces the dictionary under `key` of the object `holder`: in its own object if it has one.
    pub fn set_nested(&mut self, holder: ObjectId, key: &str, dict: Dict) -> Result<(), SigningError> {
        let above = self.dict(Owner::Object(holder))?;
        match above.get(key).and_then(Object::as_ref_id) {
            Some(own) => self.set(own, Object::Dict(dict)),
            None => self.set(holder, Object::Dict(above.with(key, Object::Dict(dict)))),
        }
        Ok(())
    }

    /// Appends a reference to the array `key` of a dictionary: in the array's own object if it has one, else in the dictionary.
    pub fn append(&mut self, owner: Owner, key: &str, id: ObjectId) -> Result<(), SigningError> {
        let dict = self.dict(owner)?;
        let own = self.pdf.value(&dict, key)?.filter(|array| array.as_array().is_some()).and_then(|array| array.id());
        let array = match own {
            Some(own) => self.current(own)?,
            None => dict.get(key).cloned().unwrap_or(Object::Null),
        };
        let mut items = array.as_array().unwrap_or_default().to_vec();
        items.push(Object::Ref(id));
        match own {
            Some(own) => self.set(own, Object::Array(items)),
            None => self.set_dict(owner, dict.with(key, Object::Array(items)))?,
        }
        Ok(())
    }

    /// Writes everything as one update.
    ///
    /// # Errors
    /// As [`IncrementalUpdate::finish`].
    pub fn finish(mut self, seed: &[u8]) -> Result<WrittenUpdate, SigningError> {
        for (id, object) in std::mem::take(&mut self.changed) {
            self.update.set(id, &object);
        }
        Ok(self.update.finish(seed)?)
    }
}
