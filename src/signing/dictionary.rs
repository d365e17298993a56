//! The signature dictionary in PDF syntax, with blanks where its ByteRange and its hole go.

use std::ops::Range;

use super::embed::Prepared;
use super::error::SigningError;
use crate::crypto::digest::Hasher;
use crate::formats::pdf::incremental::WrittenUpdate;
use crate::formats::pdf::permissions::{DocMdpPermission, FieldLock};
use crate::formats::pdf::{Dict, Object, ObjectId, PdfError};

/// Room for one number of /ByteRange: offsets have at most ten digits in a classic file.
const NUMBER_WIDTH: usize = 10;

/// The dictionary's text before its place in the file is known.
pub(super) struct Layout {
    pub body: Vec<u8>,
    /// `[…]` of /ByteRange in `body`.
    byte_range: Range<usize>,
    /// `<…>` of /Contents in `body`.
    contents: Range<usize>,
}

/// Which kind of token the hole is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// A detached CMS signature (EN 319 142-1 §6.3).
    Signature,
    /// A time-stamp token over the document (EN 319 142-1 §5.4.3).
    TimeStamp,
}

impl Layout {
    /// The dictionary with `capacity` bytes of hole, and these further entries.
    pub fn new(token: Token, capacity: usize, entries: &Dict) -> Self {
        let (kind, sub_filter) = match token {
            Token::Signature => ("Sig", "ETSI.CAdES.detached"),
            Token::TimeStamp => ("DocTimeStamp", "ETSI.RFC3161"),
        };
        let head = format!("<< /Type /{kind} /Filter /Adobe.PPKLite /SubFilter /{sub_filter}\n/ByteRange ");
        let mut body = head.into_bytes();
        let start = body.len();
        body.resize(start + "[0   ]".len() + 3 * NUMBER_WIDTH, b' ');
        let byte_range = start..body.len();
        body.extend_from_slice(b"\n/Contents ");
        let start = body.len();
        body.push(b'<');
        body.resize(start + 1 + 2 * capacity, b'0');
        body.push(b'>');
        let contents = start..body.len();
        body.push(b'\n');
        for (key, value) in entries.iter() {
            body.extend_from_slice(format!("/{key} ").as_bytes());
            body.extend_from_slice(&value.to_bytes());
            body.push(b'\n');
        }
        body.extend_from_slice(b">>");
        Self { body, byte_range, contents }
    }

    /// Computes the ByteRange now that the place of every byte is known.
    pub fn place(
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
        let slot =
            slot.filter(|slot| slot.len() == numbers.len()).ok_or(PdfError::too_large("file size", 9_999_999_999))?;
        slot.copy_from_slice(numbers.as_bytes());
        Ok(Prepared::new(written.bytes, hole, original_len, original))
    }
}

/// A field with a /Lock is signed with the same lock as FieldMDP (ISO 32000-1 §12.7.4.5).
pub(super) fn lock_reference(lock: &FieldLock) -> Dict {
    reference("FieldMDP", lock.to_dict())
}

/// What a certification permits afterwards (ISO 32000-1 §12.8.2.2).
pub(super) fn certification_reference(permission: DocMdpPermission) -> Dict {
    reference("DocMDP", Dict::new().with("P", Object::Integer(permission.level().into())))
}

fn reference(method: &str, parameters: Dict) -> Dict {
    let parameters = parameters.with("Type", Object::name("TransformParams")).with("V", Object::name("1.2"));
    Dict::new()
        .with("Type", Object::name("SigRef"))
        .with("TransformMethod", Object::name(method))
        .with("TransformParams", Object::Dict(parameters))
}
