//! Whether a field that was filled shows the value it holds: a machine reads /V, a person the appearance (ISO 32000-1 §12.7.3.3).
//!
//! A field without an appearance is drawn from its value, and one of a form that asks viewers for new appearances may keep its old
//! one. What is compared is text; shapes of an embedded font's glyphs, and marks in check boxes, are not.

use std::cell::RefCell;
use std::collections::HashMap;

use super::Facts;
use crate::formats::pdf::content;
use crate::formats::pdf::content::face::{self, Face};
use crate::formats::pdf::{Dict, Object, ObjectId, Pdf, Stream, fields, text};
use crate::validation::pdf_changes::forms::{FieldFacts, inherited};

/// Field flags (ISO 32000-1 tables 228 and 230).
const PASSWORD: i64 = 1 << 13;
const COMBO: i64 = 1 << 17;

/// Doubts by field name: several differences ask about one field.
#[derive(Default)]
pub(in crate::validation::pdf_changes) struct ShownValues(RefCell<HashMap<String, Option<&'static str>>>);

/// Why what the filled field shows cannot be taken for its value.
pub(super) fn doubt(node: ObjectId, facts: &Facts<'_, '_>) -> Option<&'static str> {
    let field = facts.forms.newest(node)?;
    if let Some(known) = facts.shown_values.0.borrow().get(&field.name) {
        return *known;
    }
    let found = field.widgets.iter().find_map(|widget| widget_doubt(*widget, field, facts));
    facts.shown_values.0.borrow_mut().insert(field.name.clone(), found);
    found
}

fn widget_doubt(id: ObjectId, field: &FieldFacts, facts: &Facts<'_, '_>) -> Option<&'static str> {
    let (widget, before) = (facts.new_dict(id), facts.old.get(id).ok());
    let before = before.as_ref().and_then(|object| object.as_dict()).unwrap_or(Dict::empty());
    match field.kind.as_deref() {
        Some("Btn") => button_doubt(&widget, before, field, facts),
        Some("Tx" | "Ch") => text_doubt(&widget, before, field, facts),
        _ => None,
    }
}

// ── text and choices ──

fn text_doubt(widget: &Dict, before: &Dict, field: &FieldFacts, facts: &Facts<'_, '_>) -> Option<&'static str> {
    let values = Values::read(widget, field, facts.new);
    if !values.rich_text_agrees(widget, facts.new) {
        return Some("the formatted text of a form field is not its value");
    }
    if !values.selection_agrees(widget, before, facts) {
        return Some("the selection of a list is not its value");
    }
    let form = fields::acro_form(facts.new).ok().flatten().map(|(_, form)| form).unwrap_or_default();
    let resources = facts.new.value(&form, "DR").ok().flatten().and_then(|r| r.as_dict().cloned()).unwrap_or_default();
    let colours = inherited(facts.new, widget, "DA").or_else(|| form.get("DA").cloned());
    let colours = colours.as_ref().and_then(Object::as_string).map(|da| da.bytes.clone()).unwrap_or_default();
    let turned = facts.new.value(widget, "MK").ok().flatten();
    let turned = turned.as_deref().and_then(Object::as_dict).is_some_and(|mk| mk.contains("R"));
    let redrawn = matches!(form.get("NeedAppearances"), Some(Object::Bool(true)));
    for kind in ["N", "R", "D"] {
        let Some(stream) = drawn(widget, kind, facts.new) else { continue };
        let as_signed = drawn(before, kind, facts.old).is_some_and(|before| before == stream);
        // Of the faces under the mouse only new ones are asked.
        if as_signed && (redrawn || kind != "N") {
            continue;
        }
        match face::read(facts.new, &stream, &resources, &colours, turned) {
            Face::Text { text, cut } if values.are_shown(&text, cut) => {}
            Face::Text { .. } => return Some("a form field was filled and shows something other than its value"),
            Face::Unreadable => {
                return Some("a form field was filled and draws what cannot be compared with its value");
            }
        }
    }
    None
}

/// What the field holds and how it may be shown.
struct Values {
    /// Each selected option, or the one text, made comparable.
    shown: Vec<String>,
    /// All options of a list box, one after the other.
    options: Option<String>,
    /// The display text of each option by position.
    by_index: Vec<String>,
    flags: i64,
    /// A script of the signed form writes numbers in its own way (§12.6.3, /F of /AA).
    formatted: bool,
    rtl: bool,
}

impl Values {
    fn read(widget: &Dict, field: &FieldFacts, pdf: &Pdf<'_>) -> Self {
        let texts: Vec<String> = match &field.value {
            Some(Object::Array(items)) => items.iter().filter_map(|item| plain(item, pdf)).collect(),
            Some(value) => plain(value, pdf).into_iter().collect(),
            None => Vec::new(),
        };
        let choice = field.kind.as_deref() == Some("Ch");
        let options = if choice { options(widget, pdf) } else { Vec::new() };
        let display = |text: &String| {
            let known = options.iter().find(|(export, _)| export == text);
            face::letters(known.map_or(text, |(_, display)| display))
        };
        let shown: Vec<String> = texts.iter().map(display).collect();
        let by_index: Vec<String> = options.iter().map(|(_, display)| face::letters(display)).collect();
        let actions = inherited(pdf, widget, "AA");
        let rtl =
            |letter: char| matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}');
        Self {
            rtl: shown.iter().any(|text| text.chars().any(rtl)),
            shown,
            options: (choice && field.flags & COMBO == 0).then(|| by_index.concat()),
            by_index,
            flags: field.flags,
            formatted: actions.as_ref().and_then(Object::as_dict).is_some_and(|actions| actions.contains("F")),
        }
    }

    fn are_shown(&self, text: &str, cut: bool) -> bool {
        if let Some(options) = &self.options {
            return options.contains(text) && self.shown.iter().all(|selected| text.contains(selected.as_str()));
        }
        let value = self.shown.concat();
        if self.flags & PASSWORD != 0 {
            return text.chars().all(|mark| text.starts_with(mark));
        }
        let reversed = || value.chars().rev().collect::<String>();
        text == value
            || (cut && value.contains(text))
            || (self.rtl && text == reversed())
            || (self.formatted && same_number(text, &value))
    }

    /// /RV is the value with mark-up (§12.7.3.4).
    fn rich_text_agrees(&self, widget: &Dict, pdf: &Pdf<'_>) -> bool {
        let rich = inherited(pdf, widget, "RV").and_then(|rich| plain(&rich, pdf));
        rich.is_none_or(|rich| face::letters(&without_markup(&rich)) == self.shown.concat())
    }

    /// /I repeats which options are selected; viewers go by the value when they differ, so that only a new one says anything.
    fn selection_agrees(&self, widget: &Dict, before: &Dict, facts: &Facts<'_, '_>) -> bool {
        let Some(indices) = inherited(facts.new, widget, "I") else { return true };
        if inherited(facts.old, before, "I").as_ref() == Some(&indices) {
            return true;
        }
        let at = |index: &Object| self.by_index.get(usize::try_from(index.as_integer()?).ok()?).cloned();
        let mut selected: Vec<Option<String>> = indices.as_array().unwrap_or_default().iter().map(at).collect();
        let mut values: Vec<Option<String>> = self.shown.iter().cloned().map(Some).collect();
        selected.sort();
        values.sort();
        selected == values
    }
}

/// A text string, or a stream of one.
fn plain(value: &Object, pdf: &Pdf<'_>) -> Option<String> {
    match &*pdf.resolve(value).ok()? {
        Object::String(string) => Some(text::decode(&string.bytes)),
        Object::Stream(stream) => pdf.decode(stream).ok().map(|bytes| text::decode(&bytes)),
        Object::Name(name) => Some(name.to_string()),
        _ => None,
    }
}

/// /Opt: export value and display text of each option (§12.7.4.4).
fn options(widget: &Dict, pdf: &Pdf<'_>) -> Vec<(String, String)> {
    let list = inherited(pdf, widget, "Opt");
    let option = |item: &Object| {
        let item = pdf.resolve(item).ok()?;
        match item.as_array() {
            Some([export, display, ..]) => Some((plain(export, pdf)?, plain(display, pdf)?)),
            _ => plain(&item, pdf).map(|both| (both.clone(), both)),
        }
    };
    list.as_ref().and_then(Object::as_array).unwrap_or_default().iter().filter_map(option).collect()
}

/// Text between tags, with the five entities of XML.
fn without_markup(rich: &str) -> String {
    let parts = rich.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    let text: String = parts.collect();
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#13;", ""), ("&amp;", "&")];
    entities.iter().fold(text, |text, (entity, letter)| text.replace(entity, letter))
}

/// Whether both have the same digits, but for separators and up to two noughts as the decimals of the shown one.
fn same_number(shown: &str, value: &str) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let signs = |text: &str| text.chars().any(|sign| matches!(sign, '-' | '\u{2212}' | '('));
    let (number, wanted) = (digits(shown), digits(value));
    let decimals =
        shown.rsplit(['.', ',']).next().filter(|end| end.len() < shown.len()).map(digits).unwrap_or_default();
    let padding = number.strip_prefix(wanted.as_str()).is_some_and(|rest| {
        rest.len() <= 2
            && rest.len() <= decimals.len()
            && decimals.len() <= 2
            && rest.bytes().all(|digit| digit == b'0')
    });
    !wanted.is_empty() && signs(shown) == signs(value) && padding
}

/// The appearance of this kind a viewer draws.
fn drawn(widget: &Dict, kind: &str, pdf: &Pdf<'_>) -> Option<Stream> {
    match entry(widget, kind, pdf)? {
        Object::Dict(states) => state(widget).and_then(|state| appearance(&states, &state, pdf)),
        other => other.as_stream().cloned(),
    }
}

fn entry(widget: &Dict, kind: &str, pdf: &Pdf<'_>) -> Option<Object> {
    let appearances = pdf.value(widget, "AP").ok()??;
    pdf.value(appearances.as_dict()?, kind).ok()?.map(|entry| Object::clone(&entry))
}

fn state(widget: &Dict) -> Option<String> {
    widget.get("AS").and_then(Object::as_name).map(ToString::to_string)
}

fn appearance(states: &Dict, state: &str, pdf: &Pdf<'_>) -> Option<Stream> {
    pdf.value(states, state).ok()??.as_stream().cloned()
}

// ── buttons ──

/// A check box or radio button shows the state its value names, drawn with one sign at most.
fn button_doubt(widget: &Dict, before: &Dict, field: &FieldFacts, facts: &Facts<'_, '_>) -> Option<&'static str> {
    let Some(Object::Dict(states)) = entry(widget, "N", facts.new) else { return None };
    let value = field.value.as_ref().and_then(|value| plain(value, facts.new));
    let value = value.filter(|value| states.contains(value)).unwrap_or_else(|| "Off".into());
    let shown = state(widget).unwrap_or_else(|| "Off".into());
    if shown != value && (states.contains(&shown) || value != "Off") {
        return Some("a button shows another state than its value");
    }
    let Some(stream) = appearance(&states, &shown, facts.new) else { return None };
    let known = match entry(before, "N", facts.old) {
        Some(Object::Dict(states)) => appearance(&states, &shown, facts.old),
        _ => None,
    };
    if known.is_some_and(|known| known == stream) {
        return None;
    }
    let plain = if shown == "Off" { draws_nothing(&stream, facts.new) } else { draws_a_sign(&stream, facts.new) };
    (!plain).then_some("the mark of a button was drawn anew and shows more than a mark")
}

fn draws_nothing(stream: &Stream, pdf: &Pdf<'_>) -> bool {
    face::read(pdf, stream, Dict::empty(), &[], true) == Face::nothing()
}

fn draws_a_sign(stream: &Stream, pdf: &Pdf<'_>) -> bool {
    let painted = content::form(pdf, stream);
    let pictures = pdf.value(&stream.dict, "Resources").ok().flatten();
    let pictures = pictures.as_deref().and_then(Object::as_dict).is_some_and(|resources| resources.contains("XObject"));
    let sign = |text: &content::Rectangle| text.right - text.left <= 2.0 * (text.top - text.bottom);
    !pictures && painted.text.len() <= 1 && painted.text.iter().all(sign)
}
