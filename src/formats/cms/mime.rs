//! CMS messages as mail programs and portals hand them on: S/MIME entities, and base64 without any frame.
//!
//! Read are `application/pkcs7-mime` (the message in the body) and `multipart/signed` (the content, then the message in a part of its
//! own). Follows RFC 8551 §3.4, §3.5 and RFC 1847 §2.1. What this file does not do: decode the content, or look into other multiparts.

use std::borrow::Cow;

use super::CmsError;
use crate::crypto::DigestAlgorithm;
use crate::formats::cms::SignedData;
use crate::formats::x509::pem;

/// Header lines are looked for in this much of a part; mail programs write some kilobytes.
const HEADERS: usize = 64 * 1024;

/// A message taken out of its frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity<'a> {
    /// The CMS message.
    pub message: Vec<u8>,
    /// What a detached signature of a `multipart/signed` covers; `None` when the message carries its content or comes alone.
    pub content: Option<Cow<'a, [u8]>>,
}

/// Whether the file has the form of what [`read`] reads.
pub fn looks_signed(bytes: &[u8]) -> bool {
    part(bytes).is_some_and(|part| part.is_message() || part.boundary().is_some()) || is_base64(bytes)
}

/// Takes the message out of an S/MIME entity or of bare base64.
///
/// # Errors
/// [`CmsError`] when the entity holds no message, or one that is not base64.
pub fn read(bytes: &[u8]) -> Result<Entity<'_>, CmsError> {
    let Some(whole) = part(bytes).filter(|part| part.is_message() || part.boundary().is_some()) else {
        return Ok(Entity { message: decode(bytes)?, content: None });
    };
    let Some(boundary) = whole.boundary() else {
        return Ok(Entity { message: whole.message()?, content: None });
    };
    let mut parts = split(whole.body, boundary.as_bytes());
    let missing = || CmsError::NotSignedData("a multipart without two parts".to_owned());
    let content = parts.next().ok_or_else(missing)?;
    let signature = parts.next().and_then(part).ok_or_else(missing)?;
    let message = signature.message()?;
    let content = signed_form(content, &message);
    Ok(Entity { message, content: Some(content) })
}

/// The content in the form that was signed: "canonicalized", its lines ended by CR LF (RFC 8551 §3.1.1), or, as programs told to sign
/// binary data do, as it stands.
fn signed_form<'a>(content: &'a [u8], message: &[u8]) -> Cow<'a, [u8]> {
    let fits = |form: &[u8]| {
        SignedData::parse(message).is_ok_and(|read| {
            read.signers.iter().any(|signer| {
                let digest = signer.digest_algorithm().map(|algorithm: DigestAlgorithm| algorithm.digest(form));
                let signed =
                    signer.signed_attributes.as_ref().and_then(|signed| signed.message_digest().ok().flatten());
                digest.is_ok_and(|digest| signed.as_deref() == Some(digest.as_bytes()))
            })
        })
    };
    let canonical = canonical(content);
    if fits(&canonical) || !fits(content) { Cow::Owned(canonical) } else { Cow::Borrowed(content) }
}

fn canonical(content: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(content.len());
    let mut before = 0;
    for byte in content {
        if *byte == b'\n' && before != b'\r' {
            lines.push(b'\r');
        }
        lines.push(*byte);
        before = *byte;
    }
    lines
}

/// Headers and body of an entity; `None` when the octets do not begin with header lines.
struct Part<'a> {
    content_type: String,
    base64: bool,
    body: &'a [u8],
}

fn part(bytes: &[u8]) -> Option<Part<'_>> {
    let mut content_type = None;
    let mut encoding = String::new();
    let mut at = 0;
    let mut header = String::new();
    loop {
        let rest = bytes.get(at..HEADERS.min(bytes.len()))?;
        let end = memchr::memchr(b'\n', rest)?;
        let line = std::str::from_utf8(rest.get(..end)?).ok()?.trim_end_matches('\r');
        at += end + 1;
        if line.starts_with([' ', '\t']) {
            header.push_str(line);
            continue;
        }
        if let Some((name, value)) = header.split_once(':') {
            match name.trim().to_ascii_lowercase().as_str() {
                "content-type" => content_type = Some(value.trim().to_owned()),
                "content-transfer-encoding" => encoding = value.trim().to_ascii_lowercase(),
                _ => {}
            }
        } else if !header.is_empty() {
            return None;
        }
        header = line.to_owned();
        if line.is_empty() {
            let body = bytes.get(at..)?;
            return Some(Part { content_type: content_type?, base64: encoding == "base64", body });
        }
    }
}

impl Part<'_> {
    fn kind(&self) -> String {
        self.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    fn is_message(&self) -> bool {
        let known = ["pkcs7-mime", "x-pkcs7-mime", "pkcs7-signature", "x-pkcs7-signature"];
        self.kind().strip_prefix("application/").is_some_and(|kind| known.contains(&kind))
    }

    fn boundary(&self) -> Option<String> {
        let parameters = self.content_type.split(';').skip(1);
        let boundary = parameters.filter_map(|parameter| parameter.split_once('=')).find_map(|(name, value)| {
            name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"').to_owned())
        });
        boundary.filter(|boundary| self.kind() == "multipart/signed" && !boundary.is_empty())
    }

    fn message(&self) -> Result<Vec<u8>, CmsError> {
        if !self.is_message() {
            return Err(CmsError::NotSignedData(self.content_type.clone()));
        }
        if self.base64 { decode(self.body) } else { Ok(self.body.to_vec()) }
    }
}

/// The parts between the delimiter lines; the line end before a delimiter belongs to it (RFC 2046 §5.1.1).
fn split<'a>(body: &'a [u8], boundary: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    let delimiter = [b"--", boundary].concat();
    let starts_line = |at: &usize| *at == 0 || body.get(at.wrapping_sub(1)) == Some(&b'\n');
    let delimiters: Vec<usize> = memchr::memmem::find_iter(body, &delimiter).filter(starts_line).collect();
    let length = delimiter.len();
    let ends = delimiters.clone().into_iter().skip(1);
    delimiters.into_iter().zip(ends).filter_map(move |(start, end)| {
        let start = start + length;
        let line = memchr::memchr(b'\n', body.get(start..end)?)?;
        let part = body.get(start + line + 1..end)?;
        let part = part.strip_suffix(b"\n").unwrap_or(part);
        Some(part.strip_suffix(b"\r").unwrap_or(part))
    })
}

/// A SEQUENCE in base64 begins with these two letters when it is at least 128 octets long or indefinite.
fn is_base64(bytes: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\r' | b'\n' | b' ');
    bytes.starts_with(b"MI") && bytes.iter().all(letter)
}

fn decode(text: &[u8]) -> Result<Vec<u8>, CmsError> {
    Ok(pem::base64(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An empty SEQUENCE of 128 octets' length in base64, and decoded.
    const MESSAGE: &str = "MIGAAAAA";

    fn multipart(content: &str, boundary: &str) -> String {
        format!(
            "MIME-Version: 1.0\nContent-Type: multipart/signed; micalg=sha-256;\n protocol=\"application/x-pkcs7-signature\";\n \
             boundary={boundary}\n\nThis is an S/MIME signed message\n\n--AB\n{content}\n--AB\n\
             Content-Type: application/x-pkcs7-signature; name=\"smime.p7s\"\nContent-Transfer-Encoding: base64\n\n{MESSAGE}\n\n--AB--\n"
        )
    }

    #[test]
    fn message_in_the_body_is_decoded() {
        let text = format!(
            "MIME-Version: 1.0\r\nContent-Disposition: attachment\r\nContent-Type: application/pkcs7-mime;\r\n\tsmime-type=signed-data\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{MESSAGE}\r\n"
        );
        assert!(looks_signed(text.as_bytes()));
        assert_eq!(read(text.as_bytes()), Ok(Entity { message: vec![0x30, 0x81, 0x80, 0, 0, 0], content: None }));
    }

    #[test]
    fn content_of_a_multipart_is_everything_up_to_the_line_end_before_the_delimiter() {
        for boundary in ["AB", "\"AB\""] {
            let text = multipart("Content-Type: text/plain\n\npay 100\n", boundary);
            let entity = read(text.as_bytes()).expect("entity");
            assert_eq!(entity.message.len(), 6);
            let expected = b"Content-Type: text/plain\r\n\r\npay 100\r\n".to_vec();
            assert_eq!(entity.content.as_deref(), Some(&*expected), "lines end in CR LF");
        }
    }

    #[test]
    fn delimiter_inside_a_line_is_content() {
        let entity = multipart("a --AB b", "AB");
        assert_eq!(read(entity.as_bytes()).expect("entity").content.as_deref(), Some(&b"a --AB b"[..]));
    }

    #[test]
    fn bare_base64_is_decoded_and_other_text_is_not_taken() {
        assert!(looks_signed(b"MIGA\nAAAA\n") && !looks_signed(b"MIGA<html>") && !looks_signed(b"hello: world\n\n"));
        assert_eq!(read(b"MIGA\nAAAA\n").map(|entity| entity.message.len()), Ok(6));
    }

    #[test]
    fn multipart_without_a_signature_part_is_refused() {
        let text = multipart("x", "AB").replace("application/x-pkcs7-signature; name", "text/plain; name");
        assert!(read(text.as_bytes()).is_err());
        let one = "Content-Type: multipart/signed; boundary=AB\n\n--AB\nx\n--AB--\n";
        assert!(read(one.as_bytes()).is_err());
        assert!(!looks_signed(b"Content-Type: multipart/mixed; boundary=AB\n\n--AB\n"));
    }
}
