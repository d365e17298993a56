//! Files with one or many certificates or CRLs: DER, or PEM with several blocks (RFC 7468).

use super::{Certificate, X509Error};

/// Largest file read. The union of all European trusted lists is about 10 MB as PEM.
pub const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;

/// Most blocks read from one file.
const MAX_BLOCKS: usize = 50_000;

/// Reads the certificates of a DER or PEM file; PEM blocks of other kinds are passed over.
///
/// # Errors
/// [`X509Error`] when the file is too large, a block is damaged or is not a certificate.
pub fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, X509Error> {
    blocks(bytes, &["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"])?
        .iter()
        .map(|der| Certificate::from_der(der))
        .collect()
}

/// The decoded blocks with one of these labels; a file that does not look like PEM is taken as one DER block.
///
/// # Errors
/// [`X509Error`] when the file is too large or a block is damaged.
pub fn blocks(bytes: &[u8], labels: &[&str]) -> Result<Vec<Vec<u8>>, X509Error> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(X509Error::TooLarge(MAX_FILE_BYTES));
    }
    if bytes.first() == Some(&0x30) {
        return Ok(vec![bytes.to_vec()]);
    }
    let text = String::from_utf8_lossy(bytes);
    let mut found = Vec::new();
    let mut rest = text.as_ref();
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (label, after) = after.split_once("-----").ok_or(X509Error::Pem("a BEGIN line does not end"))?;
        let (body, after) = after.split_once("-----END ").ok_or(X509Error::Pem("a block does not end"))?;
        rest = after;
        if labels.contains(&label) {
            if found.len() >= MAX_BLOCKS {
                return Err(X509Error::Pem("the file has too many blocks"));
            }
            found.push(base64(body.as_bytes())?);
        }
    }
    if found.is_empty() { Err(X509Error::Pem("the file holds no such block")) } else { Ok(found) }
}

/// Standard alphabet, white space ignored, padding at the end only.
pub(crate) fn base64(text: &[u8]) -> Result<Vec<u8>, X509Error> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count, mut padding) = (0u32, 0u32, 0u32);
    for byte in text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()) {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding += 1;
                continue;
            }
            _ => return Err(X509Error::Pem("a character is not base64")),
        };
        if padding > 0 {
            return Err(X509Error::Pem("padding stands in the middle"));
        }
        bits = (bits << 6 | u32::from(digit)) & 0x00ff_ffff;
        count += 1;
        if count == 4 {
            out.extend_from_slice(bits.to_be_bytes().get(1..).unwrap_or_default());
            count = 0;
        }
    }
    match (count, padding) {
        (0, 0) => {}
        (2, 2) => out.extend(bits.checked_shr(4).and_then(|bits| u8::try_from(bits & 0xff).ok())),
        (3, 1) => {
            let [.., high, low] = (bits >> 2).to_be_bytes();
            out.extend_from_slice(&[high, low]);
        }
        _ => return Err(X509Error::Pem("the block has a wrong number of characters")),
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Issuer, pem};
    use super::*;

    #[test]
    fn bundle_with_text_between_gives_every_certificate() {
        let (a, b) = (Issuer::root("A").certificate, Issuer::root("B").certificate);
        let bundle = format!("# roots\n{}\nsubject: B\n{}", pem(a.der()), pem(b.der()));
        assert_eq!(certificates(bundle.as_bytes()), Ok(vec![a.clone(), b]));
        assert_eq!(certificates(a.der()), Ok(vec![a]));
    }

    #[test]
    fn damaged_bundles_are_refused() {
        let whole = pem(Issuer::root("A").certificate.der());
        let no_end = whole.split("-----END").next().expect("start");
        assert!(certificates(no_end.as_bytes()).is_err());
        assert!(certificates(whole.replacen("MI", "M!", 1).as_bytes()).is_err());
        assert!(certificates(b"nothing here").is_err());
    }

    #[test]
    fn base64_padding_is_exact() {
        for (text, bytes) in
            [("", &b""[..]), ("Zg==", b"f"), ("Zm8=", b"fo"), ("Zm9v", b"foo"), ("Zm9v\r\nYg==", b"foob")]
        {
            assert_eq!(base64(text.as_bytes()).as_deref(), Ok(bytes));
        }
        for text in ["Z", "Zg", "Zg=", "Zm8", "Zg==Zg==", "Zm9v="] {
            assert!(base64(text.as_bytes()).is_err(), "{text}");
        }
    }
}
