//! `GET /v1/requests/{id}/documents/{n}`: the signed document, streamed.

use std::io::Cursor;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;

use crate::domain::settings::SignatureFormat;
use crate::service::SignedDocument;

use super::super::auth::Authenticated;
use super::super::fault::Fault;
use super::super::{AppState, problem};
use super::transaction_id;

pub async fn download(
    State(state): State<AppState>,
    Authenticated(caller): Authenticated,
    Path((id, n)): Path<(String, String)>,
) -> Result<Response, Fault> {
    let number = n.parse().map_err(|_| Fault::new(&problem::NOT_FOUND).detail("no such document"))?;
    let document = state.service.signed_document(&caller, &transaction_id(&id)?, number).await?;
    stream(document).await
}

/// The original as it came, then the update: never more than one buffer of the original in memory. A file that got
/// shorter breaks the connection, because the promised length is not reached; it never passes for a whole document.
async fn stream(document: SignedDocument) -> Result<Response, Fault> {
    let unreadable = |error: std::io::Error| Fault::new(&problem::STORAGE).cause(&error).retry_after(10);
    let original = tokio::fs::File::open(&document.original).await.map_err(unreadable)?;
    let update_len = u64::try_from(document.update.len()).unwrap_or(u64::MAX);
    let length = document.original_len.saturating_add(update_len);
    let reader = original.take(document.original_len).chain(Cursor::new(document.update));
    let headers = [
        (header::CONTENT_TYPE, media_type(document.format).to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CONTENT_DISPOSITION, attachment(&document.name)),
    ];
    Ok((headers, Body::from_stream(ReaderStream::with_capacity(reader, 64 * 1024))).into_response())
}

fn media_type(format: SignatureFormat) -> &'static str {
    match format {
        SignatureFormat::Pdf => "application/pdf",
        SignatureFormat::Cms | SignatureFormat::PdfHash | SignatureFormat::CmsHash => "application/pkcs7-signature",
        SignatureFormat::CmsEnveloping => "application/pkcs7-mime",
    }
}

/// `Content-Disposition` with an ASCII name for old clients and the real one in RFC 8187 form (RFC 6266 §4.3).
pub fn attachment(name: &str) -> String {
    use std::fmt::Write as _;
    let plain = |c: char| if c.is_ascii_alphanumeric() || " .-_()".contains(c) { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    let encoded = name.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b".-_~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    });
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_quotes_line_breaks_and_accents_stays_one_parameter() {
        let value = attachment("Tờ khai\"\r\nX: y.pdf");
        assert_eq!(
            value,
            "attachment; filename=\"T_ khai___X_ y.pdf\"; filename*=UTF-8''T%E1%BB%9D%20khai%22%0D%0AX%3A%20y.pdf"
        );
        assert!(axum::http::HeaderValue::from_str(&value).is_ok());
    }

    #[tokio::test]
    async fn original_and_update_arrive_in_order_with_their_length() {
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), "original, and bytes after its length").expect("written");
        let document = SignedDocument {
            name: "a.pdf".into(),
            format: SignatureFormat::Pdf,
            original: file.path().to_owned(),
            original_len: 8,
            update: b"+update".to_vec(),
        };
        let response = stream(document).await.expect("streams");
        assert_eq!(response.headers()[header::CONTENT_LENGTH], "15");
        let bytes = axum::body::to_bytes(response.into_body(), 100).await.expect("bytes");
        assert_eq!(bytes.as_ref(), b"original+update");
    }
}
