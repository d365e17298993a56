//! ToUnicode CMaps (ISO 32000-1 §9.10.3): codes to text.

use std::collections::HashMap;

use super::super::lexer::{Lexer, Token};

/// Codes of one font: two bytes name at most 65,536.
const CODES: usize = 70_000;
/// UTF-16 bytes one code may stand for; ligatures have a handful of letters.
const TEXT: usize = 64;

/// What a ToUnicode stream says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ToUnicode {
    pub texts: HashMap<u32, String>,
    /// Bytes of a code as the code space says; `None` when it says nothing.
    pub code_bytes: Option<usize>,
}

enum Operand {
    Text(Vec<u8>),
    List(Vec<Vec<u8>>),
}

/// Reads what can be read; the rest is left out.
pub(super) fn read(bytes: &[u8]) -> ToUnicode {
    let mut map = ToUnicode::default();
    let mut lexer = Lexer::new(bytes, 0);
    let (mut operands, mut list) = (Vec::new(), None);
    loop {
        let before = lexer.pos();
        match lexer.token() {
            None => lexer.seek(before + 1),
            Some(Token::Eof) => return map,
            Some(Token::ArrayStart) => list = Some(Vec::new()),
            Some(Token::ArrayEnd) => operands.extend(list.take().map(Operand::List)),
            Some(Token::String(string)) => match &mut list {
                Some(list) => list.push(string.bytes),
                None => operands.push(Operand::Text(string.bytes)),
            },
            Some(Token::Keyword(keyword)) => {
                map.section(keyword, &operands);
                operands.clear();
            }
            Some(_) => {}
        }
    }
}

impl ToUnicode {
    fn section(&mut self, keyword: &[u8], operands: &[Operand]) {
        match keyword {
            b"endcodespacerange" => {
                if let Some(Operand::Text(low)) = operands.first() {
                    self.code_bytes = Some(low.len());
                }
            }
            b"endbfchar" => {
                for pair in operands.chunks_exact(2) {
                    if let [Operand::Text(code), Operand::Text(text)] = pair {
                        self.add(number(code), text, 0);
                    }
                }
            }
            b"endbfrange" => operands.chunks_exact(3).for_each(|triple| self.range(triple)),
            _ => {}
        }
    }

    fn range(&mut self, triple: &[Operand]) {
        let [Operand::Text(low), Operand::Text(high), to] = triple else { return };
        let (low, high) = (number(low), number(high));
        match to {
            Operand::List(texts) => (low..=high).zip(texts).for_each(|(code, text)| self.add(code, text, 0)),
            Operand::Text(first) => {
                for code in (low..=high).take(CODES) {
                    self.add(code, first, code - low);
                }
            }
        }
    }

    /// Adds a code whose text is `utf16` with its last unit raised by `step`.
    fn add(&mut self, code: u32, utf16: &[u8], step: u32) {
        if self.texts.len() >= CODES || utf16.len() > TEXT {
            return;
        }
        let units = utf16.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(u16::from_be_bytes);
        let mut units: Vec<u16> = units.collect();
        if let (Some(last), Ok(step)) = (units.last_mut(), u16::try_from(step)) {
            *last = last.wrapping_add(step);
        }
        self.texts.insert(code, String::from_utf16_lossy(&units));
    }
}

fn number(code: &[u8]) -> u32 {
    code.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_ranges_and_lists_are_read() {
        let map = read(
            b"1 begincodespacerange <0000> <ffff> endcodespacerange 2 beginbfchar <0003> <1EC7> <0004> <00660069> endbfchar
              2 beginbfrange <0010> <0012> <0041> <0020> <0021> [<0061> <1EA1>] endbfrange",
        );
        let text = |code: u32| map.texts.get(&code).map(String::as_str);
        assert_eq!((text(3), text(4), text(0x12), text(0x21)), (Some("ệ"), Some("fi"), Some("C"), Some("ạ")));
        assert_eq!((map.texts.len(), map.code_bytes), (7, Some(2)));
    }

    #[test]
    fn endless_ranges_and_torn_maps_end() {
        assert!(read(b"beginbfrange <00000000> <ffffffff> <0041> endbfrange").texts.len() <= CODES);
        assert_eq!(read(b"beginbfrange <00> [ <"), ToUnicode::default());
    }
}
