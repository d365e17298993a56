//! Writes HTML that is well-formed XML as well: elements are closures, so each one closes, and every text and attribute is escaped. There
//! is no way to write markup past it.

use std::fmt::Write as _;

/// HTML under construction.
#[derive(Debug, Default)]
pub struct Markup(String);

/// Attributes of an element; names are the program's own, values may be anything.
pub type Attributes<'a> = &'a [(&'a str, &'a str)];

impl Markup {
    /// An element with what `content` writes inside.
    pub fn element(&mut self, name: &'static str, attributes: Attributes<'_>, content: impl FnOnce(&mut Self)) {
        self.open(name, attributes);
        self.0.push('>');
        content(self);
        let _ = write!(self.0, "</{name}>");
    }

    /// An element with nothing but text inside.
    pub fn line(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) {
        self.element(name, attributes, |inside| inside.text(text));
    }

    /// An element that is always empty: `<meta/>`, `<rect/>`.
    pub fn empty(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.open(name, attributes);
        self.0.push_str("/>");
    }

    pub fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(if is_harmless(c) { c } else { '\u{fffd}' }),
            }
        }
    }

    /// A style sheet: the program's own text, which must not hold `<` or `&`.
    pub(super) fn style(&mut self, css: &'static str) {
        debug_assert!(!css.contains(['<', '&']), "the style sheet must be fit for XML");
        let _ = write!(self.0, "<style>{css}</style>");
    }

    pub fn finish(self) -> String {
        self.0
    }

    fn open(&mut self, name: &'static str, attributes: Attributes<'_>) {
        let _ = write!(self.0, "<{name}");
        for (name, value) in attributes {
            let _ = write!(self.0, " {name}=\"");
            self.text(value);
            self.0.push('"');
        }
    }
}

/// Characters that neither steer a terminal, nor turn the writing direction, nor are forbidden in XML.
pub(super) fn is_harmless(c: char) -> bool {
    let steers = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !steers && !matches!(c, '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_cannot_become_markup() {
        let mut markup = Markup::default();
        markup.element("p", &[("title", "\"><script>")], |p| p.text("<script>alert('x')</script> & \u{202e}\u{0}"));
        assert_eq!(
            markup.finish(),
            "<p title=\"&quot;&gt;&lt;script&gt;\">&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; \u{fffd}\u{fffd}</p>"
        );
    }
}
