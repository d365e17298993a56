//! Passwords and the bytes they stand for.

use std::borrow::Cow;
use std::fmt;

use zeroize::Zeroizing;

use crate::formats::pdf::text;

/// A password that opens an encrypted document, the user's or the owner's. Wiped from memory when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The password most protected documents open with: none.
    pub(super) fn empty() -> Self {
        Self::new("")
    }

    /// What revisions 2 to 4 may hash: PDFDocEncoding as the standard asks, and UTF-8, which many writers use for what
    /// lies outside it.
    pub(super) fn legacy(&self) -> Vec<Zeroizing<Vec<u8>>> {
        let utf8 = Zeroizing::new(self.0.as_bytes().to_vec());
        let mut forms: Vec<_> = text::encode_pdf_doc(&self.0).map(Zeroizing::new).into_iter().collect();
        if !forms.contains(&utf8) {
            forms.push(utf8);
        }
        forms
    }

    /// What revisions 5 and 6 hash: UTF-8 after SASLprep (ISO 32000-2 algorithm 2.A step a), cut to 127 bytes; and the
    /// text as it came, which some writers use unprepared.
    pub(super) fn modern(&self) -> Vec<Zeroizing<Vec<u8>>> {
        let prepared = stringprep::saslprep(&self.0).unwrap_or(Cow::Borrowed(self.0.as_str()));
        let cut = |text: &str| Zeroizing::new(text.bytes().take(127).collect::<Vec<u8>>());
        let mut forms = vec![cut(&prepared)];
        if *prepared != **self.0 {
            forms.push(cut(&self.0));
        }
        forms
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_never_printed() {
        assert_eq!(format!("{:?}", Password::new("secret")), "Password(***)");
    }

    #[test]
    fn old_revisions_take_one_byte_a_letter_and_new_ones_prepared_utf8() {
        assert_eq!(Password::new("é€").legacy()[0].as_slice(), [0xe9, 0xa0]);
        // No-break space becomes a space, the ligature its letters (RFC 4013 §2.1, NFKC).
        assert_eq!(Password::new("a\u{a0}\u{fb01}").modern()[0].as_slice(), b"a fi");
        assert_eq!(Password::new("ệ").legacy().len(), 1);
        assert_eq!(Password::new("x".repeat(200)).modern()[0].len(), 127);
    }
}
