//! The PDF object model (ISO 32000-1 §7.3).

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use super::write;

/// Number and generation of an indirect object, e.g. `12 0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    pub number: u32,
    pub generation: u16,
}

impl ObjectId {
    pub fn new(number: u32, generation: u16) -> Self {
        Self { number, generation }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.generation)
    }
}

/// One PDF object; equality is by content, with numbers compared as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    Null,
    Bool(bool),
    Integer(i64),
    /// A real number, or an integer beyond 64 bits, as its source text.
    Real(Box<[u8]>),
    String(PdfString),
    Name(Name),
    Array(Vec<Object>),
    Dict(Dict),
    Stream(Box<Stream>),
    Ref(ObjectId),
}

/// A string with its decoded bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PdfString {
    pub bytes: Vec<u8>,
    pub syntax: StringSyntax,
}

/// How a string was (or is to be) written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StringSyntax {
    /// `(…)`
    Literal,
    /// `<…>`
    Hex,
}

/// A name without its slash, `#xx` decoded.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Box<[u8]>);

/// A dictionary in the order of the file. Keys that occur twice are kept as a fact; the last one counts, as in most
/// readers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dict {
    entries: Vec<(Name, Object)>,
    duplicates: Vec<Name>,
}

/// A stream: its dictionary and where its raw (still encoded) bytes stand in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    pub dict: Dict,
    pub data: Range<usize>,
    /// The object it is: in an encrypted file the key depends on it.
    pub id: ObjectId,
}

impl Name {
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn is(&self, name: &str) -> bool {
        *self.0 == *name.as_bytes()
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        Self(name.as_bytes().into())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{self}")
    }
}

impl Object {
    pub fn name(name: &str) -> Self {
        Self::Name(name.into())
    }

    /// The object in PDF syntax.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        write::object(&mut bytes, self);
        bytes
    }

    /// All references inside the object; nesting is bounded by the parser.
    pub fn references(&self) -> Vec<ObjectId> {
        let mut found = Vec::new();
        self.collect_references(&mut found);
        found
    }

    /// How many values it is made of, names and keys among them; nesting is bounded by the parser.
    pub fn values(&self) -> usize {
        let entries = |dict: &Dict| dict.iter().map(|(_, value)| 1 + value.values()).sum::<usize>();
        match self {
            Self::Array(items) => 1 + items.iter().map(Self::values).sum::<usize>(),
            Self::Dict(dict) => 1 + entries(dict),
            Self::Stream(stream) => 1 + entries(&stream.dict),
            _ => 1,
        }
    }

    fn collect_references(&self, found: &mut Vec<ObjectId>) {
        match self {
            Self::Ref(id) => found.push(*id),
            Self::Array(items) => items.iter().for_each(|item| item.collect_references(found)),
            Self::Dict(dict) => dict.iter().for_each(|(_, value)| value.collect_references(found)),
            Self::Stream(stream) => stream.dict.iter().for_each(|(_, value)| value.collect_references(found)),
            _ => {}
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// The value of an integer or real.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => i32::try_from(*value).ok().map(f64::from),
            Self::Real(text) => std::str::from_utf8(text).ok()?.parse().ok(),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub fn as_name(&self) -> Option<&Name> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }

    pub fn is_name(&self, name: &str) -> bool {
        self.as_name().is_some_and(|n| n.is(name))
    }

    pub fn as_string(&self) -> Option<&PdfString> {
        match self {
            Self::String(string) => Some(string),
            _ => None,
        }
    }

    pub fn as_array(&self) -> Option<&[Object]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The dictionary itself, or that of a stream.
    pub fn as_dict(&self) -> Option<&Dict> {
        match self {
            Self::Dict(dict) => Some(dict),
            Self::Stream(stream) => Some(&stream.dict),
            _ => None,
        }
    }

    pub fn as_stream(&self) -> Option<&Stream> {
        match self {
            Self::Stream(stream) => Some(stream),
            _ => None,
        }
    }

    pub fn as_ref_id(&self) -> Option<ObjectId> {
        match self {
            Self::Ref(id) => Some(*id),
            _ => None,
        }
    }
}

impl Dict {
    /// A dictionary without entries, to read from where there is none.
    pub fn empty() -> &'static Self {
        static EMPTY: Dict = Dict { entries: Vec::new(), duplicates: Vec::new() };
        &EMPTY
    }

    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the entries as they stood in the file and notes keys that occur more than once.
    pub fn from_entries(entries: Vec<(Name, Object)>) -> Self {
        let mut seen = HashSet::with_capacity(entries.len());
        let duplicates = entries.iter().map(|(key, _)| key).filter(|key| !seen.insert(*key)).cloned().collect();
        Self { entries, duplicates }
    }

    /// The value of `key`; absent and null are the same (§7.3.9).
    pub fn get(&self, key: &str) -> Option<&Object> {
        self.get_name(key.as_bytes())
    }

    pub fn get_name(&self, key: &[u8]) -> Option<&Object> {
        let (_, value) = self.entries.iter().rev().find(|(name, _)| name.as_bytes() == key)?;
        (!value.is_null()).then_some(value)
    }

    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Entries in the order of the file, repeated keys included.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Object)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&Name, &mut Object)> {
        self.entries.iter_mut().map(|(key, value)| (&*key, value))
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Keys that occurred more than once when the dictionary was read.
    pub fn duplicate_keys(&self) -> &[Name] {
        &self.duplicates
    }

    /// Sets `key`, in place when it exists (all its repetitions are replaced by one).
    pub fn set(&mut self, key: &str, value: Object) {
        let position = self.entries.iter().position(|(name, _)| name.is(key));
        match position {
            Some(at) => {
                self.remove(key);
                self.entries.insert(at, (key.into(), value));
            }
            None => self.entries.push((key.into(), value)),
        }
    }

    pub fn remove(&mut self, key: &str) {
        self.entries.retain(|(name, _)| !name.is(key));
        self.duplicates.retain(|name| !name.is(key));
    }

    /// `self` with `key` set, for building dictionaries in one expression.
    pub fn with(mut self, key: &str, value: Object) -> Self {
        self.set(key, value);
        self
    }

    pub fn is_type(&self, name: &str) -> bool {
        self.get("Type").is_some_and(|value| value.is_name(name))
    }
}

impl PdfString {
    pub fn literal(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), syntax: StringSyntax::Literal }
    }

    pub fn hex(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), syntax: StringSyntax::Hex }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_key_is_recorded_and_the_last_one_counts() {
        let dict = Dict::from_entries(vec![("A".into(), Object::Integer(1)), ("A".into(), Object::Integer(2))]);
        assert_eq!(dict.get("A"), Some(&Object::Integer(2)));
        assert_eq!(dict.duplicate_keys(), &[Name::from("A")]);
    }

    #[test]
    fn setting_a_repeated_key_leaves_one() {
        let entries = vec![("A".into(), Object::Integer(1)), ("B".into(), Object::Null), ("A".into(), Object::Null)];
        let mut dict = Dict::from_entries(entries);
        dict.set("A", Object::Integer(3));
        assert_eq!((dict.len(), dict.get("A")), (2, Some(&Object::Integer(3))));
        assert!(dict.duplicate_keys().is_empty());
    }

    #[test]
    fn null_value_is_an_absent_key() {
        assert!(!Dict::from_entries(vec![("A".into(), Object::Null)]).contains("A"));
    }
}
