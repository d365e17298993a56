//! The rules, one a file; each explains the differences it knows and leaves the others alone.
//!
//! Order matters: what forbids comes first ([`locked_field`], [`ambiguous`]), then what is always permitted
//! ([`long_term`], [`metadata`]), then [`signing`], [`form_filling`], [`annotation`], [`structure`].
//! [`coverage`], [`mod@inherited`] and [`shown_value`] are questions of several rules; [`encryption`], [`signed_dictionary`] and [`mod@unexplained`] look at the file instead of single differences.

mod ambiguous;
mod annotation;
mod coverage;
pub(super) mod encryption;
mod form_filling;
mod inherited;
mod locked_field;
mod long_term;
mod metadata;
mod shown_value;
pub(super) mod signed_dictionary;
mod signing;
mod structure;
pub(super) mod unexplained;

pub(super) use coverage::SignedPages;
pub(super) use inherited::Inherited;
pub(super) use shown_value::ShownValues;

use super::forms::Forms;
use super::permission::{Class, Permissions};
use super::reach::Reach;
use super::walk::{Change, Difference};
use super::{Finding, describe};
use crate::formats::pdf::{Dict, Object, ObjectId, Pdf};

/// Both states and what was read from them.
pub(super) struct Facts<'p, 'a> {
    pub old: &'p Pdf<'a>,
    pub new: &'p Pdf<'a>,
    pub forms: Forms,
    pub permissions: Permissions,
    pub reach: &'p Reach,
    pub signed_pages: SignedPages,
    pub inherited: Inherited,
    pub shown_values: ShownValues,
}

impl Facts<'_, '_> {
    /// True when the object is a widget in either state, or a field.
    pub fn is_widget(&self, id: ObjectId) -> bool {
        let widget = |pdf: &Pdf<'_>| {
            pdf.get(id).is_ok_and(|object| {
                object.as_dict().is_some_and(|dict| dict.get("Subtype").is_some_and(|s| s.is_name("Widget")))
            })
        };
        self.forms.before(id).is_some() || widget(self.old) || widget(self.new)
    }

    /// The newest dictionary of an object; empty when it has none.
    pub fn new_dict(&self, id: ObjectId) -> Dict {
        self.new.get(id).ok().and_then(|object| object.as_dict().cloned()).unwrap_or_default()
    }

    /// True when the number meant nothing in the signed revision.
    pub fn is_new_object(&self, id: ObjectId) -> bool {
        self.old.entry(id.number).is_none()
    }
}

/// What a difference is for, in the view of one rule.
pub(super) struct Explanation {
    pub rule: &'static str,
    pub class: Class,
    pub text: String,
}

impl Explanation {
    fn new(rule: &'static str, class: Class, text: impl Into<String>) -> Option<Self> {
        Some(Self { rule, class, text: text.into() })
    }
}

type Rule = fn(&Difference, &Facts<'_, '_>) -> Option<Explanation>;

const RULES: [Rule; 8] = [
    ambiguous::explain,
    locked_field::explain,
    long_term::explain,
    metadata::explain,
    signing::explain,
    form_filling::explain,
    annotation::explain,
    structure::explain,
];

/// The first rule that knows the difference decides what it is for; the permissions decide whether that is permitted.
pub(super) fn judge(difference: &Difference, facts: &Facts<'_, '_>) -> Finding {
    let explanation = RULES.iter().find_map(|rule| rule(difference, facts));
    let explanation = explanation.unwrap_or_else(|| unexplained(difference));
    Finding {
        rule: explanation.rule,
        modification: facts.permissions.judge(explanation.class),
        path: difference.path.clone(),
        text: explanation.text,
    }
}

fn unexplained(difference: &Difference) -> Explanation {
    let shown = |object: &Option<Object>| object.as_ref().map(describe).unwrap_or_else(|| "other content".into());
    let text = match difference.change {
        Change::Added => format!("{} was added", shown(&difference.new)),
        Change::Removed => format!("{} was removed", shown(&difference.old)),
        Change::Changed if difference.old.is_none() => "the content was changed".into(),
        Change::Changed => format!("{} was replaced by {}", shown(&difference.old), shown(&difference.new)),
        Change::Reordered => "the order was changed".into(),
        Change::Repeated => "a key was repeated".into(),
        Change::Unreadable => "the object cannot be read any more".into(),
    };
    Explanation { rule: "unexplained", class: Class::Undefined, text }
}
