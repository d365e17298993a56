//! Request bodies: read within their limit, and turned into a fault of the right shape when they are not what they should be.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::http::{HeaderMap, header};
use serde::Deserialize;

use super::fault::Fault;
use super::problem;

/// What the extractor of a body gives.
pub type RawBody = Result<Bytes, BytesRejection>;

/// The bytes, or why they could not be read.
///
/// # Errors
/// [`problem::BODY_TOO_LARGE`] beyond the route's limit, [`problem::BODY_UNREADABLE`] when the caller went away.
pub fn read(raw: RawBody) -> Result<Bytes, Fault> {
    raw.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            // What was not read still stands in the connection: nobody should send another request after it.
            Fault::new(&problem::BODY_TOO_LARGE).header(header::CONNECTION, "close")
        }
        _ => Fault::new(&problem::BODY_UNREADABLE),
    })
}

/// Reads JSON strictly: the content type must say so, unknown members are for the type to refuse, and nesting is limited to
/// 128 levels by the reader.
///
/// # Errors
/// [`problem::UNSUPPORTED_MEDIA_TYPE`], [`problem::MALFORMED_JSON`] with the place.
pub fn json<'a, T: Deserialize<'a>>(headers: &HeaderMap, bytes: &'a [u8]) -> Result<T, Fault> {
    if !is(headers, "application/json") {
        return Err(Fault::new(&problem::UNSUPPORTED_MEDIA_TYPE).detail("the content type must be application/json"));
    }
    serde_json::from_slice(bytes).map_err(|error| Fault::new(&problem::MALFORMED_JSON).detail(error.to_string()))
}

/// Fields of a form (`application/x-www-form-urlencoded`); the first of a name counts.
///
/// # Errors
/// [`problem::UNSUPPORTED_MEDIA_TYPE`], [`problem::BODY_UNREADABLE`] when it is not a form.
pub fn form(headers: &HeaderMap, bytes: &[u8]) -> Result<Fields, Fault> {
    if !is(headers, "application/x-www-form-urlencoded") {
        return Err(Fault::new(&problem::UNSUPPORTED_MEDIA_TYPE)
            .csc("invalid_request", "The content type must be application/x-www-form-urlencoded")
            .detail("the content type must be application/x-www-form-urlencoded"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::new(&problem::BODY_UNREADABLE))?;
    Ok(Fields::parse(text))
}

/// Whether the body's media type is `kind`, whatever its parameters.
pub fn is(headers: &HeaderMap, kind: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case(kind))
}

/// Names and values of a form or a query.
#[derive(Debug, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    pub fn parse(text: &str) -> Self {
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        };
        // A form of this service has a handful of fields.
        Self(text.split('&').take(32).filter_map(pair).collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// How often a name stands there.
    pub fn count(&self, name: &str) -> usize {
        self.0.iter().filter(|(key, _)| key == name).count()
    }
}

/// Undoes `+` and `%XX`; `None` when what remains is not UTF-8.
pub fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        out.push(match byte {
            b'+' => b' ',
            b'%' => digit(bytes.next())? << 4 | digit(bytes.next())?,
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn json_headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("Application/JSON; charset=utf-8"));
        headers
    }

    #[test]
    fn text_that_calls_itself_something_else_is_refused() {
        let fault = json::<serde_json::Value>(&HeaderMap::new(), b"{}").expect_err("refused");
        assert_eq!(fault.problem().code, "unsupported-media-type");
        assert!(json::<serde_json::Value>(&json_headers(), b"{}").is_ok());
    }

    #[test]
    fn nesting_without_end_is_a_fault_and_not_a_crash() {
        let deep = "[".repeat(100_000);
        let fault = json::<serde_json::Value>(&json_headers(), deep.as_bytes()).expect_err("refused");
        assert_eq!(fault.problem().code, "malformed-json");
    }

    #[test]
    fn forms_decode_plus_percent_and_accents() {
        let fields = Fields::parse("code=12%2034+56&name=%C3%81nh&broken=%zz&=&x");
        assert_eq!(fields.get("code"), Some("12 34 56"));
        assert_eq!(fields.get("name"), Some("Ánh"));
        assert_eq!(fields.get("broken"), None);
        assert_eq!(fields.get("x"), Some(""));
    }
}
