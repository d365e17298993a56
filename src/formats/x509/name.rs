//! Distinguished names.

use std::fmt;

use const_oid::ObjectIdentifier;

use super::X509Error;
use crate::formats::der::{DerError, Reader, Rules, Tlv, tag, value, write};

/// Most attributes read from one name. Long real ones have about fifteen.
const MAX_ATTRIBUTES: usize = 64;

/// A distinguished name: the received DER, and its attributes.
///
/// ```text
/// Name ::= SEQUENCE OF SET OF SEQUENCE { type OBJECT IDENTIFIER, value ANY }   -- RFC 5280 §4.1.2.4
/// ```
///
/// `==` compares as RFC 5280 §7.1 asks: letter case and the amount of white space inside a value do not matter, nor
/// which string type encodes it. `Display` writes RFC 4514, most specific part first, with non-ASCII letters as they are.
#[derive(Clone, Eq)]
pub struct Name {
    der: Vec<u8>,
    rdns: Vec<Vec<NameAttribute>>,
}

/// One attribute of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameAttribute {
    pub oid: ObjectIdentifier,
    /// The value's text; `None` when it is not a character string.
    pub text: Option<String>,
    /// The value as received.
    pub der: Vec<u8>,
}

impl Name {
    /// Reads a Name that fills `bytes`.
    ///
    /// # Errors
    /// [`X509Error`] when malformed.
    pub fn from_der(bytes: &[u8]) -> Result<Self, X509Error> {
        Self::read(Reader::single(bytes, tag::SEQUENCE)?)
    }

    pub(crate) fn read(element: Tlv<'_>) -> Result<Self, X509Error> {
        let mut rdns = Vec::new();
        let mut left = MAX_ATTRIBUTES;
        for set in element.expect(tag::SEQUENCE)?.reader()?.all(MAX_ATTRIBUTES, "parts of a name")? {
            let attributes = set.expect(tag::SET)?.reader()?.all(left, "attributes of a name")?;
            left = left.saturating_sub(attributes.len());
            rdns.push(attributes.into_iter().map(read_attribute).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(Self { der: element.raw().to_vec(), rdns })
    }

    /// This name with one more part below it: `rdn` holds the content of a RelativeDistinguishedName, as in
    /// nameRelativeToCRLIssuer (RFC 5280 §4.2.1.13).
    ///
    /// # Errors
    /// [`X509Error`] when the part is malformed.
    pub fn with_relative(&self, rdn: &[u8]) -> Result<Self, X509Error> {
        let content = Reader::single(&self.der, tag::SEQUENCE)?.content();
        Self::from_der(&write::tlv(tag::SEQUENCE, &[content, &write::tlv(tag::SET, rdn)].concat()))
    }

    /// The name as received.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub fn is_empty(&self) -> bool {
        self.rdns.is_empty()
    }

    /// The relative distinguished names, root first.
    pub fn rdns(&self) -> &[Vec<NameAttribute>] {
        &self.rdns
    }

    /// Text of the first attribute of this type, most specific part first.
    pub fn attribute(&self, oid: &ObjectIdentifier) -> Option<&str> {
        self.rdns.iter().rev().flatten().find(|attribute| attribute.oid == *oid)?.text.as_deref()
    }

    /// What a person calls the holder: commonName, else organization, else the whole name.
    pub fn common_name(&self) -> String {
        [COMMON_NAME, ORGANIZATION]
            .iter()
            .find_map(|oid| self.attribute(oid))
            .map_or_else(|| self.to_string(), str::to_owned)
    }

    /// Whether `self` lies in the subtree below `base` (RFC 5280 §4.2.1.10, directoryName).
    pub fn is_within(&self, base: &Self) -> bool {
        base.rdns.len() <= self.rdns.len() && base.rdns.iter().zip(&self.rdns).all(|(a, b)| same_rdn(a, b))
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
            || (self.rdns.len() == other.rdns.len() && self.rdns.iter().zip(&other.rdns).all(|(a, b)| same_rdn(a, b)))
    }
}

fn same_rdn(a: &[NameAttribute], b: &[NameAttribute]) -> bool {
    a.len() == b.len() && a.iter().all(|x| b.iter().any(|y| same_attribute(x, y)))
}

fn same_attribute(a: &NameAttribute, b: &NameAttribute) -> bool {
    a.oid == b.oid
        && match (&a.text, &b.text) {
            (Some(a), Some(b)) => folded(a).eq(folded(b)),
            _ => a.der == b.der,
        }
}

/// Lower-cased words joined by single spaces.
fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    let words = text.split_whitespace().enumerate();
    words
        .flat_map(|(index, word)| (index > 0).then_some(' ').into_iter().chain(word.chars()))
        .flat_map(char::to_lowercase)
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, rdn) in self.rdns.iter().rev().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            for (index, attribute) in rdn.iter().enumerate() {
                if index > 0 {
                    f.write_str("+")?;
                }
                write_attribute(f, attribute)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

fn read_attribute(element: Tlv<'_>) -> Result<NameAttribute, X509Error> {
    let mut fields = element.expect(tag::SEQUENCE)?.reader()?;
    let oid = value::oid(fields.next()?)?;
    let value = fields.next()?;
    fields.finish()?;
    Ok(NameAttribute { oid, text: value::text(value), der: value.raw().to_vec() })
}

fn write_attribute(f: &mut fmt::Formatter<'_>, attribute: &NameAttribute) -> fmt::Result {
    match SHORT_NAMES.iter().find(|(oid, _)| *oid == attribute.oid) {
        Some((_, short)) => write!(f, "{short}=")?,
        None => write!(f, "{}=", attribute.oid)?,
    }
    match &attribute.text {
        Some(text) => write_escaped(f, text),
        None => {
            f.write_str("#")?;
            attribute.der.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        }
    }
}

/// RFC 4514 §2.4; control characters are shown as hexadecimal pairs so that a name cannot move a terminal's cursor, and so
/// are the marks that turn the writing direction, which can make one name look like another.
fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let last = text.chars().count().saturating_sub(1);
    for (index, character) in text.chars().enumerate() {
        let edge_space = character == ' ' && (index == 0 || index == last);
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{character}")?,
            '#' if index == 0 => f.write_str("\\#")?,
            _ if edge_space => f.write_str("\\ ")?,
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                write_hex_pairs(f, character)?
            }
            _ if character.is_control() => write_hex_pairs(f, character)?,
            _ => write!(f, "{character}")?,
        }
    }
    Ok(())
}

fn write_hex_pairs(f: &mut fmt::Formatter<'_>, character: char) -> fmt::Result {
    let mut buffer = [0; 4];
    character.encode_utf8(&mut buffer).bytes().try_for_each(|byte| write!(f, "\\{byte:02X}"))
}

/// id-at-commonName.
pub const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
/// id-at-organizationName.
pub const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
pub const ORGANIZATIONAL_UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");
/// userId; Vietnamese certificates carry `CCCD:…` or `MST:…` here (citizen or tax number).
pub const USER_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.1");

const SHORT_NAMES: [(ObjectIdentifier, &str); 16] = [
    (COMMON_NAME, "CN"),
    (ObjectIdentifier::new_unwrap("2.5.4.4"), "SN"),
    (ObjectIdentifier::new_unwrap("2.5.4.5"), "serialNumber"),
    (ObjectIdentifier::new_unwrap("2.5.4.6"), "C"),
    (ObjectIdentifier::new_unwrap("2.5.4.7"), "L"),
    (ObjectIdentifier::new_unwrap("2.5.4.8"), "ST"),
    (ObjectIdentifier::new_unwrap("2.5.4.9"), "STREET"),
    (ORGANIZATION, "O"),
    (ObjectIdentifier::new_unwrap("2.5.4.11"), "OU"),
    (ObjectIdentifier::new_unwrap("2.5.4.12"), "title"),
    (ObjectIdentifier::new_unwrap("2.5.4.42"), "GN"),
    (ObjectIdentifier::new_unwrap("2.5.4.97"), "organizationIdentifier"),
    (USER_ID, "UID"),
    (ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.25"), "DC"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1"), "emailAddress"),
    (ObjectIdentifier::new_unwrap("2.5.4.65"), "pseudonym"),
];

/// Reads a name whose tag an IMPLICIT `[n]` replaced, e.g. nameRelativeToCRLIssuer's parent structures hand over content only.
pub(crate) fn single_name(content: &[u8]) -> Result<Name, X509Error> {
    let mut reader = Reader::new(content, Rules::Der);
    let name = Name::read(reader.next()?)?;
    reader.finish().map_err(|_: DerError| DerError::Trailing)?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    fn name(parts: &[(&str, u8, &str)]) -> Name {
        Name::from_der(&testing::name(parts)).expect("name")
    }

    const CN: &str = "2.5.4.3";
    const UID: &str = "0.9.2342.19200300.100.1.1";

    #[test]
    fn vietnamese_and_citizen_number_are_shown_as_written() {
        let name = name(&[("2.5.4.6", 0x13, "VN"), (CN, 0x0c, "Nguyễn Văn An"), (UID, 0x0c, "CCCD:001099012345")]);
        assert_eq!(name.to_string(), "UID=CCCD:001099012345,CN=Nguyễn Văn An,C=VN");
        assert_eq!(name.common_name(), "Nguyễn Văn An");
    }

    #[test]
    fn special_and_control_characters_are_escaped() {
        assert_eq!(name(&[(CN, 0x0c, "#a,b+ c ")]).to_string(), "CN=\\#a\\,b\\+ c\\ ");
        assert_eq!(name(&[(CN, 0x0c, "a\u{1b}[2J\u{202e}b")]).to_string(), "CN=a\\1B[2J\\E2\\80\\AEb");
    }

    #[test]
    fn case_spaces_and_string_type_do_not_matter() {
        assert!(name(&[(CN, 0x0c, "Root  CA")]) == name(&[(CN, 0x13, "root ca ")]));
        assert!(name(&[(CN, 0x0c, "RootCA")]) != name(&[(CN, 0x0c, "Root CA")]));
        assert!(name(&[(CN, 0x0c, "a")]) != name(&[("2.5.4.10", 0x0c, "a")]));
    }

    #[test]
    fn relative_part_is_appended() {
        let base = name(&[("2.5.4.10", 0x0c, "A")]);
        let full = name(&[("2.5.4.10", 0x0c, "A"), (CN, 0x0c, "crl 1")]);
        let part = testing::name(&[(CN, 0x0c, "crl 1")]);
        let rdn = &Reader::single(&part, tag::SEQUENCE).expect("name").content()[2..];
        assert!(base.with_relative(rdn).is_ok_and(|name| name == full));
        assert!(base.with_relative(b"x").is_err());
    }

    #[test]
    fn subtree_is_a_prefix_of_parts() {
        let base = name(&[("2.5.4.6", 0x13, "VN"), ("2.5.4.10", 0x0c, "Bộ A")]);
        let inside = name(&[("2.5.4.6", 0x13, "VN"), ("2.5.4.10", 0x0c, "Bộ A"), (CN, 0x0c, "x")]);
        assert!(inside.is_within(&base));
        assert!(!base.is_within(&inside));
        assert!(!name(&[("2.5.4.6", 0x13, "LA"), ("2.5.4.10", 0x0c, "Bộ A")]).is_within(&base));
    }
}
