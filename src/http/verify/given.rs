//! What a call brings: the signed file as it is, or in JSON with what stands beside it; the choices in the query.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::body::{self, Fields};
use super::super::fault::Fault;
use super::super::problem;
use crate::domain::Secret;

/// Media types of a body that is the signed file itself. What it really is, its first bytes tell.
const RAW: [&str; 6] = [
    "application/pdf",
    "application/pkcs7-signature",
    "application/pkcs7-mime",
    "application/x-pkcs7-signature",
    "application/cms",
    "application/octet-stream",
];

/// Longest name of a file, in bytes, as file systems have it.
const MAX_NAME: usize = 255;

/// One file to verify.
#[derive(Debug)]
pub struct Given {
    /// What the report calls it.
    pub name: String,
    pub file: Vec<u8>,
    /// What a detached signature covers.
    pub content: Option<Vec<u8>>,
    pub password: Option<Secret>,
    pub language: &'static str,
    pub revocation: &'static str,
    /// The validation time; now when not given.
    pub at: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    name: Option<String>,
    /// Base64 of the signed file.
    content: String,
    /// Base64 of what a detached signature covers.
    detached_content: Option<String>,
    password: Option<String>,
}

impl Given {
    /// # Errors
    /// [`problem::UNSUPPORTED_MEDIA_TYPE`], [`problem::MALFORMED_JSON`], [`problem::INVALID`] naming the member or parameter.
    pub fn read(headers: &HeaderMap, query: Option<&str>, bytes: &[u8]) -> Result<Self, Fault> {
        let fields = Fields::parse(query.unwrap_or_default());
        let (name, file, content, password) = if RAW.iter().any(|kind| body::is(headers, kind)) {
            (None, bytes.to_vec(), None, None)
        } else if body::is(headers, "application/json") {
            let body: Body = body::json(headers, bytes)?;
            let content = body.detached_content.as_deref().map(|text| decoded("detached_content", text)).transpose()?;
            (body.name, decoded("content", &body.content)?, content, body.password.map(Secret::new))
        } else {
            let detail = format!("send the signed file as {}, or application/json", RAW.join(", "));
            return Err(Fault::new(&problem::UNSUPPORTED_MEDIA_TYPE).detail(detail));
        };
        Ok(Self {
            name: checked_name(name.as_deref().or_else(|| fields.get("name")))?,
            file,
            content,
            password,
            language: choice(&fields, "lang", ["vi", "en"])?,
            revocation: choice(&fields, "revocation", ["require", "if-present"])?,
            at: fields.get("at").map(time).transpose()?,
        })
    }
}

fn invalid(detail: impl Into<String>) -> Fault {
    Fault::new(&problem::INVALID).detail(detail)
}

fn decoded(member: &str, text: &str) -> Result<Vec<u8>, Fault> {
    // Many encoders break lines.
    let joined: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(joined).map_err(|_| invalid(format!("{member}: not base64")))
}

/// A name is only printed, never opened.
fn checked_name(name: Option<&str>) -> Result<String, Fault> {
    let name = name.unwrap_or("document");
    let sane = !name.is_empty() && name.len() <= MAX_NAME && !name.chars().any(char::is_control);
    if sane { Ok(name.to_owned()) } else { Err(invalid("name: 1 to 255 bytes without control characters")) }
}

/// One of two words, the first when none is given.
fn choice(fields: &Fields, name: &str, words: [&'static str; 2]) -> Result<&'static str, Fault> {
    let [first, second] = words;
    let Some(given) = fields.get(name) else { return Ok(first) };
    let known = words.into_iter().find(|word| *word == given);
    known.ok_or_else(|| invalid(format!("{name}: {first} or {second}")))
}

fn time(text: &str) -> Result<OffsetDateTime, Fault> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| invalid("at: a time as in 2026-06-01T00:00:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderValue, header};

    fn read(kind: &'static str, query: &str, bytes: &[u8]) -> Result<Given, &'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        Given::read(&headers, Some(query), bytes).map_err(|fault| fault.problem().code)
    }

    #[test]
    fn raw_file_is_taken_as_it_is_with_the_strict_choices() {
        let given = read("application/pdf", "", b"%PDF").expect("read");
        assert_eq!((given.name.as_str(), given.file.as_slice()), ("document", b"%PDF".as_slice()));
        assert_eq!((given.language, given.revocation, given.at), ("vi", "require", None));
        let query = "name=T%E1%BB%9D+khai.pdf&lang=en&revocation=if-present&at=2026-06-01T00:00:00Z";
        let given = read("application/octet-stream", query, b"").expect("read");
        assert_eq!((given.name.as_str(), given.language, given.revocation), ("Tờ khai.pdf", "en", "if-present"));
        assert!(given.at.is_some());
    }

    #[test]
    fn json_brings_what_stands_beside_the_file() {
        let json = br#"{"name":"a.p7s","content":"MA\nA=","detached_content":"YQ==","password":"p"}"#;
        let json = String::from_utf8_lossy(json).replace("MA\nA=", "MAA=");
        let given = read("application/json; charset=utf-8", "", json.as_bytes()).expect("read");
        assert_eq!((given.file, given.content), (vec![0x30, 0], Some(b"a".to_vec())));
        assert_eq!(given.password.map(|password| password.expose().to_owned()).as_deref(), Some("p"));
    }

    #[test]
    fn misspelt_members_words_and_media_types_are_refused_by_name() {
        for (kind, query, body, code) in [
            ("text/plain", "", "x", "unsupported-media-type"),
            ("application/json", "", r#"{"content":"","contnet":""}"#, "malformed-json"),
            ("application/json", "", r#"{"content":"*"}"#, "invalid-field"),
            ("application/json", "", r#"{"content":"","detached_content":"*"}"#, "invalid-field"),
            ("application/json", "", r#"{"content":"","name":"a\nb"}"#, "invalid-field"),
            ("application/pdf", "lang=fr", "", "invalid-field"),
            ("application/pdf", "revocation=never", "", "invalid-field"),
            ("application/pdf", "at=yesterday", "", "invalid-field"),
        ] {
            assert_eq!(read(kind, query, body.as_bytes()).expect_err(kind), code, "{kind} {query} {body}");
        }
    }
}
