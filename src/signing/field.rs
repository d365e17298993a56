//! The field a signature goes into: an existing empty one, or a new one with its widget.

use std::collections::HashSet;

use super::edit::{Edit, Owner};
use super::error::SigningError;
use super::visible::{Draw, Widget};
use crate::formats::pdf::fields::Field;
use crate::formats::pdf::permissions::FieldLock;
use crate::formats::pdf::{Dict, Object, ObjectId, Pdf, pages, text};

/// Print and locked: a signature's widget stays where it is (ISO 32000-1 table 165).
const WIDGET_FLAGS: i64 = 4 + 128;
/// SignaturesExist and AppendOnly (table 219).
const SIG_FLAGS: i64 = 3;

/// Where one signature will stand.
pub(super) enum Target<'f> {
    Existing(&'f Field, ObjectId),
    /// The name of a field to be made.
    New(String),
}

impl<'f> Target<'f> {
    /// An existing, empty signature field.
    pub fn existing(pdf: &Pdf<'_>, form_fields: &'f [Field], name: &str) -> Result<Self, SigningError> {
        let field = form_fields.iter().find(|field| field.name == *name);
        let field = field.ok_or_else(|| SigningError::NoSuchField(name.to_owned()))?;
        if !field.is_signature() {
            return Err(SigningError::NotASignatureField(name.to_owned()));
        }
        let signed = field.value.as_ref().map(|value| pdf.resolve(value)).transpose()?;
        if signed.is_some_and(|value| !value.is_null()) {
            return Err(SigningError::AlreadySigned(name.to_owned()));
        }
        let id = field.id.ok_or_else(|| SigningError::FieldNotIndirect(name.to_owned()))?;
        Ok(Self::Existing(field, id))
    }

    /// A new field with a name no other has: `prefix` and the first free number.
    pub fn new(form_fields: &[Field], prefix: &str) -> Self {
        let taken: HashSet<&str> = form_fields.iter().map(|field| field.name.as_str()).collect();
        let mut number = 1usize;
        loop {
            let name = format!("{prefix}{number}");
            if !taken.contains(name.as_str()) {
                return Self::New(name);
            }
            number += 1;
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Existing(field, _) => &field.name,
            Self::New(name) => name,
        }
    }

    /// What signing an existing field locks.
    pub fn lock(&self, pdf: &Pdf<'_>) -> Result<Option<FieldLock>, SigningError> {
        match self {
            Self::Existing(field, _) => Ok(field.lock(pdf)?.map(|(lock, _)| lock)),
            Self::New(_) => Ok(None),
        }
    }

    /// Lets the field hold `signature`, after making it when it is new.
    pub fn hold(
        &self,
        edit: &mut Edit<'_, '_>,
        signature: ObjectId,
        lock: Option<&FieldLock>,
        drawing: Option<&dyn Draw>,
    ) -> Result<(), SigningError> {
        match self {
            Self::Existing(field, id) => {
                if let Some(drawing) = drawing {
                    let widget = drawing.draw_into(edit.pdf(), edit.update(), field)?;
                    let shown = merged(edit.dict(Owner::Object(widget.on))?, &widget.entries);
                    edit.set(widget.on, Object::Dict(shown));
                }
                let field = edit.dict(Owner::Object(*id))?;
                edit.set(*id, Object::Dict(field.with("V", Object::Ref(signature))));
            }
            Self::New(name) => add_field(edit, name, signature, lock, drawing)?,
        }
        let form = edit.dict(Owner::Form)?;
        let flags = form.get("SigFlags").and_then(Object::as_integer).unwrap_or(0);
        if flags & SIG_FLAGS == SIG_FLAGS {
            return Ok(());
        }
        edit.set_dict(Owner::Form, form.with("SigFlags", Object::Integer(flags | SIG_FLAGS)))
    }
}

/// Adds a field to the form, merged with its widget: where the drawing stands, else invisibly on the first page. A document
/// without pages gets a field without widget.
fn add_field(
    edit: &mut Edit<'_, '_>,
    name: &str,
    signature: ObjectId,
    lock: Option<&FieldLock>,
    drawing: Option<&dyn Draw>,
) -> Result<(), SigningError> {
    let widget = match drawing {
        Some(drawing) => Some(drawing.draw(edit.pdf(), edit.update())?),
        None => pages::first_page(edit.pdf())?.map(|page| Widget { on: page.id, entries: invisible_rectangle() }),
    };
    let mut field = Dict::new()
        .with("FT", Object::name("Sig"))
        .with("T", Object::String(text::encode(name)))
        .with("V", Object::Ref(signature));
    if let Some(lock) = lock {
        field.set("Lock", Object::Dict(lock.to_dict().with("Type", Object::name("SigFieldLock"))));
    }
    if let Some(widget) = &widget {
        field = merged(merged(field, &annotation(widget.on)), &widget.entries);
    }
    let id = edit.add(Object::Dict(field))?;
    if let Some(widget) = &widget {
        edit.append(Owner::Object(widget.on), "Annots", id)?;
    }
    edit.append(Owner::Form, "Fields", id)
}

fn annotation(page: ObjectId) -> Dict {
    Dict::new()
        .with("Type", Object::name("Annot"))
        .with("Subtype", Object::name("Widget"))
        .with("P", Object::Ref(page))
        .with("F", Object::Integer(WIDGET_FLAGS))
}

fn invisible_rectangle() -> Dict {
    Dict::new().with("Rect", Object::Array(vec![Object::Integer(0); 4]))
}

fn merged(mut dict: Dict, entries: &Dict) -> Dict {
    for (key, value) in entries.iter() {
        dict.set(&key.to_string(), value.clone());
    }
    dict
}
