//! Bytes to tokens (ISO 32000-1 §7.2, §7.3).

use std::sync::LazyLock;

use super::object::{Name, PdfString, StringSyntax};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Eof,
    Integer(i64),
    Real(&'a [u8]),
    String(PdfString),
    Name(Name),
    ArrayStart,
    ArrayEnd,
    DictStart,
    DictEnd,
    /// Any other run of regular characters, e.g. `obj`, `R`, `null`; empty for a stray delimiter.
    Keyword(&'a [u8]),
}

/// A cursor over the file. Positions count from the first byte of `data`.
#[derive(Clone)]
pub(super) struct Lexer<'a> {
    data: &'a [u8],
    pos: usize,
}

pub(super) fn is_white(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

pub(super) fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

fn is_regular(byte: u8) -> bool {
    !is_white(byte) && !is_delimiter(byte)
}

pub(super) fn hex_value(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// The value of each digit, 255 for every other byte.
static DIGITS: LazyLock<[u8; 256]> =
    LazyLock::new(|| std::array::from_fn(|byte| u8::try_from(byte).ok().and_then(hex_value).unwrap_or(0xff)));

/// Decodes as many digits as stand in pairs without anything between, and returns the rest. Signature values are megabytes of
/// digits that every revision of the file is read over again.
fn hex_pairs(digits: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut bytes = Vec::with_capacity(digits.len() / 2 + 1);
    let table = &*DIGITS;
    let digit = |byte: u8| table.get(usize::from(byte)).copied().unwrap_or(0xff);
    let pairs = digits.as_chunks::<2>().0.iter().map_while(|[high, low]| {
        let (high, low) = (digit(*high), digit(*low));
        (high | low < 16).then_some(high << 4 | low)
    });
    bytes.extend(pairs);
    let rest = digits.get(bytes.len() * 2..).unwrap_or_default();
    (bytes, rest)
}

impl<'a> Lexer<'a> {
    pub fn new(data: &'a [u8], pos: usize) -> Self {
        Self { data, pos }
    }

    pub fn pos(&self) -> usize {
        self.pos
    }

    pub fn seek(&mut self, pos: usize) {
        self.pos = pos;
    }

    pub fn peek(&self) -> Option<u8> {
        self.data.get(self.pos).copied()
    }

    fn bump(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.pos += 1;
        Some(byte)
    }

    pub fn skip_white(&mut self) {
        while self.peek().is_some_and(is_white) {
            self.pos += 1;
        }
    }

    /// Skips white space and comments.
    pub fn skip_space(&mut self) {
        loop {
            self.skip_white();
            if self.peek() != Some(b'%') {
                return;
            }
            while self.peek().is_some_and(|byte| byte != b'\n' && byte != b'\r') {
                self.pos += 1;
            }
        }
    }

    /// Takes `text` when it stands exactly here.
    pub fn take(&mut self, text: &[u8]) -> bool {
        let here = self.data.get(self.pos..).is_some_and(|rest| rest.starts_with(text));
        if here {
            self.pos += text.len();
        }
        here
    }

    /// The next token, or `None` for a malformed string.
    pub fn token(&mut self) -> Option<Token<'a>> {
        self.skip_space();
        let Some(byte) = self.peek() else { return Some(Token::Eof) };
        match byte {
            b'[' => self.single(Token::ArrayStart),
            b']' => self.single(Token::ArrayEnd),
            b'/' => self.name(),
            b'(' => self.literal_string(),
            b'<' if self.take(b"<<") => Some(Token::DictStart),
            b'<' => self.hex_string(),
            b'>' if self.take(b">>") => Some(Token::DictEnd),
            b'>' | b'{' | b'}' | b')' => self.single(Token::Keyword(b"")),
            _ => Some(self.regular()),
        }
    }

    fn single(&mut self, token: Token<'a>) -> Option<Token<'a>> {
        self.pos += 1;
        Some(token)
    }

    fn regular_run(&mut self) -> &'a [u8] {
        let start = self.pos;
        while self.peek().is_some_and(is_regular) {
            self.pos += 1;
        }
        self.data.get(start..self.pos).unwrap_or_default()
    }

    fn regular(&mut self) -> Token<'a> {
        let run = self.regular_run();
        if !run.first().is_some_and(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.')) {
            return Token::Keyword(run);
        }
        if let Some(value) = std::str::from_utf8(run).ok().and_then(|text| text.parse().ok()) {
            return Token::Integer(value);
        }
        let numeric = run.iter().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.'));
        if numeric { Token::Real(run) } else { Token::Keyword(run) }
    }

    fn name(&mut self) -> Option<Token<'a>> {
        self.pos += 1;
        let run = self.regular_run();
        if !run.contains(&b'#') {
            return Some(Token::Name(Name::new(run)));
        }
        let mut decoded = Vec::with_capacity(run.len());
        let mut rest = run;
        while let Some((&byte, tail)) = rest.split_first() {
            rest = tail;
            match (byte, tail) {
                (b'#', [high, low, after @ ..]) if hex_value(*high).is_some() && hex_value(*low).is_some() => {
                    decoded.push(hex_value(*high)? << 4 | hex_value(*low)?);
                    rest = after;
                }
                _ => decoded.push(byte),
            }
        }
        Some(Token::Name(Name::new(decoded)))
    }

    fn literal_string(&mut self) -> Option<Token<'a>> {
        self.pos += 1;
        let mut bytes = Vec::new();
        let mut open = 1usize;
        loop {
            match self.bump()? {
                b'(' => {
                    open += 1;
                    bytes.push(b'(');
                }
                b')' => {
                    open -= 1;
                    if open == 0 {
                        return Some(Token::String(PdfString { bytes, syntax: StringSyntax::Literal }));
                    }
                    bytes.push(b')');
                }
                b'\\' => self.escape(&mut bytes)?,
                b'\r' => {
                    self.take(b"\n");
                    bytes.push(b'\n');
                }
                byte => bytes.push(byte),
            }
        }
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) -> Option<()> {
        match self.bump()? {
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'b' => bytes.push(8),
            b'f' => bytes.push(12),
            b'\n' => {}
            b'\r' => {
                self.take(b"\n");
            }
            digit @ b'0'..=b'7' => {
                let mut value = digit - b'0';
                for _ in 0..2 {
                    match self.peek() {
                        Some(next @ b'0'..=b'7') => {
                            value = value.wrapping_shl(3) | (next - b'0');
                            self.pos += 1;
                        }
                        _ => break,
                    }
                }
                bytes.push(value);
            }
            other => bytes.push(other),
        }
        Some(())
    }

    fn hex_string(&mut self) -> Option<Token<'a>> {
        self.pos += 1;
        let rest = self.data.get(self.pos..)?;
        let len = memchr::memchr(b'>', rest)?;
        let digits = rest.get(..len)?;
        self.pos += len + 1;
        let (mut bytes, digits) = hex_pairs(digits);
        let mut high = None;
        for &byte in digits.iter().filter(|b| !is_white(**b)) {
            let value = hex_value(byte)?;
            match high.take() {
                None => high = Some(value),
                Some(high) => bytes.push(high << 4 | value),
            }
        }
        if let Some(high) = high {
            bytes.push(high << 4);
        }
        Some(Token::String(PdfString { bytes, syntax: StringSyntax::Hex }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &[u8]) -> Vec<Token<'_>> {
        let mut lexer = Lexer::new(text, 0);
        let mut tokens = Vec::new();
        while let Some(token) = lexer.token().filter(|t| *t != Token::Eof) {
            tokens.push(token);
        }
        tokens
    }

    #[test]
    fn numbers_keep_their_source_text_unless_they_are_integers() {
        assert_eq!(
            tokens(b"0017 -3 +4 1. -.5 99999999999999999999"),
            [
                Token::Integer(17),
                Token::Integer(-3),
                Token::Integer(4),
                Token::Real(b"1."),
                Token::Real(b"-.5"),
                Token::Real(b"99999999999999999999")
            ]
        );
    }

    #[test]
    fn strings_are_decoded() {
        assert_eq!(
            tokens(b"(a(b)\\)\\101\\\n\r\nz) <4a4 B5>"),
            [Token::String(PdfString::literal(*b"a(b))A\nz")), Token::String(PdfString::hex(*b"JKP"))]
        );
    }

    #[test]
    fn unbalanced_string_is_malformed() {
        assert!(Lexer::new(b"((((abc)", 0).token().is_none());
        assert!(Lexer::new(b"<41", 0).token().is_none());
        assert!(Lexer::new(b"<4x>", 0).token().is_none());
    }

    #[test]
    fn names_are_decoded_and_comments_skipped() {
        assert_eq!(
            tokens(b"/A#20B%c\n/C#zz>>"),
            [Token::Name("A B".into()), Token::Name("C#zz".into()), Token::DictEnd]
        );
    }
}
