//! Fields of both states by object and by name.

use std::collections::HashMap;

use crate::formats::pdf::fields::{self, Field};
use crate::formats::pdf::{Dict, Object, ObjectId, Pdf, PdfError};

/// The form as signed and as it is now.
pub(super) struct Forms {
    old: Side,
    new: Side,
}

/// What the rules ask about one field.
#[derive(Debug, Clone)]
pub(super) struct FieldFacts {
    pub name: String,
    pub kind: Option<String>,
    /// Resolved /V.
    pub value: Option<Object>,
    /// /Ff, own or inherited.
    pub flags: i64,
    /// What draws the field.
    pub widgets: Vec<ObjectId>,
}

/// Field flag Pushbutton (ISO 32000-1 table 226).
const PUSH_BUTTON: i64 = 1 << 16;

impl FieldFacts {
    pub fn is_push_button(&self) -> bool {
        self.kind.as_deref() == Some("Btn") && self.flags & PUSH_BUTTON != 0
    }
}

#[derive(Default)]
struct Side {
    /// Index into `fields` by object number of the field or one of its widgets.
    by_object: HashMap<u32, usize>,
    by_name: HashMap<String, usize>,
    fields: Vec<FieldFacts>,
}

impl Side {
    fn read(pdf: &Pdf<'_>) -> Result<Self, PdfError> {
        let mut side = Self::default();
        for field in fields::fields(pdf)? {
            let facts = facts(pdf, &field);
            let index = side.fields.len();
            for id in field.id.iter().chain(&field.widgets) {
                side.by_object.entry(id.number).or_insert(index);
            }
            side.by_name.entry(facts.name.clone()).or_insert(index);
            side.fields.push(facts);
        }
        Ok(side)
    }

    fn of(&self, node: ObjectId) -> Option<&FieldFacts> {
        self.fields.get(*self.by_object.get(&node.number)?)
    }

    fn named(&self, name: &str) -> Option<&FieldFacts> {
        self.fields.get(*self.by_name.get(name)?)
    }
}

fn facts(pdf: &Pdf<'_>, field: &Field) -> FieldFacts {
    let value = field.value.as_ref().and_then(|value| pdf.resolve(value).ok()).map(|value| Object::clone(&value));
    let value = value.filter(|value| !value.is_null());
    let flags = inherited(pdf, &field.dict, "Ff").and_then(|flags| flags.as_integer()).unwrap_or(0);
    let widgets = field.widgets.clone();
    FieldFacts { name: field.name.clone(), kind: field.field_type.clone(), value, flags, widgets }
}

/// Levels of the field tree an inherited entry is looked for in; forms nest three or four deep.
const LEVELS: usize = 64;

/// An entry of a field or widget, its own or its nearest ancestor's.
pub(super) fn inherited(pdf: &Pdf<'_>, field: &Dict, key: &str) -> Option<Object> {
    let mut dict = field.clone();
    for _ in 0..LEVELS {
        if let Some(value) = pdf.value(&dict, key).ok().flatten().filter(|value| !value.is_null()) {
            return Some(Object::clone(&value));
        }
        dict = pdf.value(&dict, "Parent").ok().flatten().and_then(|parent| parent.as_dict().cloned())?;
    }
    None
}

impl Forms {
    /// # Errors
    /// [`PdfError`] when the form of one side cannot be read.
    pub fn read(old: &Pdf<'_>, new: &Pdf<'_>) -> Result<Self, PdfError> {
        Ok(Self { old: Side::read(old)?, new: Side::read(new)? })
    }

    /// Object numbers of all fields and widgets of the signed revision.
    pub fn signed_nodes(&self) -> impl Iterator<Item = u32> {
        self.old.by_object.keys().copied()
    }

    /// The field this object was, or was a widget of, when signed.
    pub fn before(&self, node: ObjectId) -> Option<&FieldFacts> {
        self.old.of(node)
    }

    /// The field this object is, or is a widget of, now.
    pub fn now(&self, node: ObjectId) -> Option<&FieldFacts> {
        self.new.of(node)
    }

    /// True when a field of this name was there when signed.
    pub fn existed(&self, name: &str) -> bool {
        self.old.named(name).is_some()
    }

    /// The field as it is now, asked for by one of its objects in either state.
    pub fn newest(&self, node: ObjectId) -> Option<&FieldFacts> {
        self.now(node).or_else(|| self.new.named(&self.before(node)?.name))
    }

    /// Values before and now of the field the object belongs to.
    pub fn values(&self, node: ObjectId) -> (Option<&Object>, Option<&Object>) {
        let before = self.before(node);
        let name = before.or_else(|| self.now(node)).map(|field| field.name.as_str()).unwrap_or_default();
        let now = self.now(node).or_else(|| self.new.named(name));
        (before.and_then(|field| field.value.as_ref()), now.and_then(|field| field.value.as_ref()))
    }

    pub fn value_changed(&self, node: ObjectId) -> bool {
        let (before, now) = self.values(node);
        before != now
    }

    pub fn is_signature(&self, node: ObjectId) -> bool {
        self.before(node).or_else(|| self.now(node)).is_some_and(|field| field.kind.as_deref() == Some("Sig"))
    }

    /// True when the object belongs to a signature field that was empty, or absent, and now holds a signature.
    pub fn newly_signed(&self, node: ObjectId) -> bool {
        let (before, now) = self.values(node);
        self.is_signature(node) && before.is_none() && now.is_some_and(|value| value.as_dict().is_some())
    }

    /// True when what the field holds now is a document time-stamp.
    pub fn holds_timestamp(&self, node: ObjectId) -> bool {
        self.values(node).1.and_then(Object::as_dict).is_some_and(|dict| dict.is_type("DocTimeStamp"))
    }
}
