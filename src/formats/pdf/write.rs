//! Objects to bytes.

use super::lexer::{is_delimiter, is_white};
use super::object::{Dict, Name, Object, StringSyntax};

/// Appends the object in PDF syntax. A stream is written as its dictionary: its data is the caller's.
pub(super) fn object(out: &mut Vec<u8>, object: &Object) {
    match object {
        Object::Null => out.extend_from_slice(b"null"),
        Object::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Object::Integer(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Object::Real(text) => out.extend_from_slice(text),
        Object::String(string) => match string.syntax {
            StringSyntax::Literal => literal(out, &string.bytes),
            StringSyntax::Hex => hex(out, &string.bytes),
        },
        Object::Name(value) => name(out, value),
        Object::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b' ');
                }
                self::object(out, item);
            }
            out.push(b']');
        }
        Object::Dict(value) => dict(out, value),
        Object::Stream(stream) => dict(out, &stream.dict),
        Object::Ref(id) => out.extend_from_slice(format!("{id} R").as_bytes()),
    }
}

pub(super) fn dict(out: &mut Vec<u8>, dict: &Dict) {
    out.extend_from_slice(b"<<");
    for (key, value) in dict.iter() {
        out.push(b' ');
        name(out, key);
        out.push(b' ');
        object(out, value);
    }
    out.extend_from_slice(b" >>");
}

fn name(out: &mut Vec<u8>, name: &Name) {
    out.push(b'/');
    for &byte in name.as_bytes() {
        if byte == b'#' || !(0x21..=0x7e).contains(&byte) || is_delimiter(byte) || is_white(byte) {
            out.extend_from_slice(format!("#{byte:02x}").as_bytes());
        } else {
            out.push(byte);
        }
    }
}

fn literal(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'(');
    for &byte in bytes {
        match byte {
            b'(' | b')' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\r' => out.extend_from_slice(b"\\r"),
            _ => out.push(byte),
        }
    }
    out.push(b')');
}

/// `<…>` in lower-case digits.
pub(super) fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    out.push(b'<');
    for &byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            out.extend(DIGITS.get(usize::from(nibble)).map(|digit| *digit as u8));
        }
    }
    out.push(b'>');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::Limits;
    use crate::formats::pdf::parser::Parser;

    #[test]
    fn what_is_written_reads_back_equal() {
        let source = b"<</A#20b [1 -2.50 true null (a\\(\\)\\\\\\r\n\\200) <00ff> 7 0 R /#23] /B <</C (x)>>>>";
        let read = |bytes: &[u8]| Parser::new(bytes, 0, &Limits::default()).object().unwrap();
        let first = read(source);
        let mut out = Vec::new();
        object(&mut out, &first);
        assert_eq!(read(&out), first);
    }
}
