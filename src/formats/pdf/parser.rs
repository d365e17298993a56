//! Tokens to objects, with bounded nesting and size.

use std::ops::Range;

use super::lexer::{Lexer, Token};
use super::object::{Dict, Name, Object, ObjectId};
use super::{Limits, PdfError, damaged};

/// Reads objects at a position of a buffer (the file or a decoded object stream).
pub(super) struct Parser<'a> {
    pub lexer: Lexer<'a>,
    nesting: usize,
    values: usize,
    values_left: usize,
}

impl<'a> Parser<'a> {
    pub fn new(data: &'a [u8], pos: usize, limits: &Limits) -> Self {
        Self {
            lexer: Lexer::new(data, pos),
            nesting: limits.nesting,
            values: limits.values,
            values_left: limits.values,
        }
    }

    pub fn pos(&self) -> usize {
        self.lexer.pos()
    }

    /// `N G obj`; leaves the position after it.
    pub fn object_header(&mut self) -> Option<ObjectId> {
        let id = self.two_integers()?;
        (self.lexer.token()? == Token::Keyword(b"obj")).then_some(id)
    }

    /// Any object; a reference is recognised by looking two tokens ahead.
    pub fn object(&mut self) -> Result<Object, PdfError> {
        let start = self.pos();
        if let Some(id) = self.reference() {
            return Ok(Object::Ref(id));
        }
        self.lexer.seek(start);
        let token = self.token()?;
        self.value(token, 0)
    }

    /// The entries of the dictionary that starts here, each with the byte range of its value.
    pub fn dict_value_spans(&mut self) -> Result<Vec<(Name, Range<usize>)>, PdfError> {
        if self.token()? != Token::DictStart {
            return damaged("a dictionary was expected", self.pos());
        }
        let mut spans = Vec::new();
        loop {
            match self.token()? {
                Token::DictEnd => return Ok(spans),
                Token::Name(key) => {
                    self.lexer.skip_space();
                    let start = self.pos();
                    self.object()?;
                    spans.push((key, start..self.pos()));
                }
                _ => return damaged("a dictionary key is not a name", self.pos()),
            }
        }
    }

    fn two_integers(&mut self) -> Option<ObjectId> {
        match (self.lexer.token()?, self.lexer.token()?) {
            (Token::Integer(number), Token::Integer(generation)) => object_id(number, generation),
            _ => None,
        }
    }

    fn reference(&mut self) -> Option<ObjectId> {
        let digit = |b: u8| b.is_ascii_digit();
        self.lexer.skip_space();
        if !self.lexer.peek().is_some_and(digit) {
            return None;
        }
        let id = self.two_integers()?;
        (self.lexer.token()? == Token::Keyword(b"R")).then_some(id)
    }

    fn token(&mut self) -> Result<Token<'a>, PdfError> {
        let at = self.pos();
        self.lexer.token().ok_or(PdfError::Damaged { what: "a string is malformed", offset: at })
    }

    fn value(&mut self, token: Token<'a>, depth: usize) -> Result<Object, PdfError> {
        self.values_left =
            self.values_left.checked_sub(1).ok_or(PdfError::too_large("values in one object", self.values))?;
        Ok(match token {
            Token::Integer(value) => Object::Integer(value),
            Token::Real(text) => Object::Real(text.into()),
            Token::String(string) => Object::String(string),
            Token::Name(name) => Object::Name(name),
            Token::Keyword(b"null") => Object::Null,
            Token::Keyword(b"true") => Object::Bool(true),
            Token::Keyword(b"false") => Object::Bool(false),
            Token::ArrayStart => Object::Array(self.items(&Token::ArrayEnd, depth)?),
            Token::DictStart => Object::Dict(self.dict(depth)?),
            Token::Eof => return Err(PdfError::Truncated("it ends inside an object")),
            Token::Keyword(_) | Token::ArrayEnd | Token::DictEnd => {
                return damaged("unexpected token in an object", self.pos());
            }
        })
    }

    /// Objects up to `end`. `R` turns the two integers before it into a reference, so no lookahead is needed.
    fn items(&mut self, end: &Token<'a>, depth: usize) -> Result<Vec<Object>, PdfError> {
        if depth >= self.nesting {
            return Err(PdfError::too_large("nesting of objects", self.nesting));
        }
        let mut items = Vec::new();
        loop {
            match self.token()? {
                token if token == *end => return Ok(items),
                Token::Keyword(b"R") => {
                    let id = match (items.pop(), items.pop()) {
                        (Some(Object::Integer(generation)), Some(Object::Integer(number))) => {
                            object_id(number, generation)
                        }
                        _ => None,
                    };
                    let Some(id) = id else { return damaged("R without a number and generation", self.pos()) };
                    items.push(Object::Ref(id));
                }
                token => items.push(self.value(token, depth + 1)?),
            }
        }
    }

    fn dict(&mut self, depth: usize) -> Result<Dict, PdfError> {
        let start = self.pos();
        let items = self.items(&Token::DictEnd, depth)?;
        let mut entries = Vec::with_capacity(items.len() / 2);
        let mut items = items.into_iter();
        while let Some(key) = items.next() {
            let (Object::Name(key), Some(value)) = (key, items.next()) else {
                return damaged("a dictionary is not made of names and values", start);
            };
            entries.push((key, value));
        }
        Ok(Dict::from_entries(entries))
    }
}

fn object_id(number: i64, generation: i64) -> Option<ObjectId> {
    Some(ObjectId { number: u32::try_from(number).ok()?, generation: u16::try_from(generation).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> Result<Object, PdfError> {
        Parser::new(text, 0, &Limits::default()).object()
    }

    #[test]
    fn references_and_integers_mix_in_arrays() {
        let expected = vec![Object::Integer(1), Object::Ref(ObjectId::new(2, 0)), Object::Integer(3)];
        assert_eq!(parse(b"[1 2 0 R 3]"), Ok(Object::Array(expected)));
        assert_eq!(parse(b"7 0 R"), Ok(Object::Ref(ObjectId::new(7, 0))));
        assert_eq!(parse(b"7 0 obj"), Ok(Object::Integer(7)));
    }

    #[test]
    fn hundred_thousand_nested_arrays_hit_the_limit() {
        assert_eq!(parse(&b"[".repeat(100_000)), Err(PdfError::too_large("nesting of objects", 200)));
        assert_eq!(parse(&b"<</A".repeat(100_000)), Err(PdfError::too_large("nesting of objects", 200)));
    }

    #[test]
    fn key_without_value_is_damaged() {
        assert!(parse(b"<</A 1/Contents/M(x)>>").is_err());
        assert!(parse(b"<</A>>").is_err());
        assert!(parse(b"<</A R>>").is_err());
        assert!(parse(b"<</A 1").is_err());
    }

    #[test]
    fn value_spans_point_at_the_exact_token() {
        let text = b"<< /A 1 0 R /Contents <00ff> /B [1] >>";
        let spans = Parser::new(text, 0, &Limits::default()).dict_value_spans().unwrap();
        let values: Vec<_> = spans.iter().map(|(_, span)| &text[span.clone()]).collect();
        assert_eq!(values, [&b"1 0 R"[..], b"<00ff>", b"[1]"]);
    }
}
