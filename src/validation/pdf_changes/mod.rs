//! What happened to a PDF after a signature: every difference between the signed revision and the whole file, explained
//! by a rule or forbidden.
//!
//! Reading order: [`reach`] (which objects changed, and what leads to them), [`place`] (where in the document a value
//! stands), [`walk`] (the two object graphs side by side: differences), [`forms`] (fields before and after), [`rules`] (one
//! small rule a file: what a difference is for), [`permission`] (whether DocMDP of the signed revision permits that).
//!
//! Differences are facts found by path, not by cross-reference lists, so an object that serves two purposes is judged
//! for each of them. What no rule explains is forbidden.
//!
//! What this folder does not do: render, check signatures, look at states between the signed revision and the newest.
//! Follows ISO 32000-1 §12.8.2 (DocMDP, FieldMDP), ISO 32000-2 §12.8.2.2 (DSS and time-stamps after P=1) and
//! EN 319 142-1 §5.4.

mod forms;
mod permission;
mod place;
mod reach;
mod rules;
mod walk;

use std::collections::HashSet;

use crate::formats::pdf::{Object, Pdf, PdfError, SignatureDictionary, signature};

use forms::Forms;
use permission::Permissions;
use reach::Reach;
use rules::{Facts, Inherited, ShownValues, SignedPages};

/// The worst that happened after a signature; ordered from harmless to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Modification {
    /// Nothing but white space follows.
    None,
    /// Only what is always allowed or what DocMDP and FieldMDP of the signed revision permit.
    Allowed,
    /// Permitted by the letter, or of no visible effect, but worth a look.
    Suspicious,
    /// A change nothing permits.
    Forbidden,
}

/// One difference with its explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the rule that explained the difference, or `unexplained`.
    pub rule: &'static str,
    pub modification: Modification,
    /// Where, e.g. `Root/AcroForm/Fields[2]/V`.
    pub path: String,
    /// One sentence for the report.
    pub text: String,
}

/// The result of [`analyse`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    pub modification: Modification,
    pub findings: Vec<Finding>,
}

/// The rule of a comparison that was given up at a limit.
pub const LIMIT: &str = "limit";

/// Numbers that bound the comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeLimits {
    /// Pairs of objects compared. Only paths that lead to a changed object are walked; a signature on a form of 10,000
    /// fields visits some 50,000 pairs.
    pub pairs: usize,
    /// Values (numbers, names, strings) that differences keep of both states: 64 MiB of memory. An honest update changes a page's
    /// dictionary or a field's value, some hundred values.
    pub values: usize,
    /// Findings kept; the worst ones are kept in any case.
    pub findings: usize,
}

impl Default for ChangeLimits {
    fn default() -> Self {
        Self { pairs: 2_000_000, values: 2_000_000, findings: 200 }
    }
}

/// Compares the signed revision with the whole file.
///
/// `signed` is the file up to the end of the signature's ByteRange, `newest` the whole file, `signature` the dictionary
/// as found in `newest`.
///
/// # Errors
/// [`PdfError`] when form or signatures of one side cannot be read at all.
pub fn analyse(
    signed: &Pdf<'_>,
    newest: &Pdf<'_>,
    signature: &SignatureDictionary,
    limits: &ChangeLimits,
) -> Result<Changes, PdfError> {
    let mut findings = Findings::new(limits.findings);
    let gaps = rules::unexplained::bytes(signed, newest)?;
    let reach = Reach::compute(signed, newest)?;
    let signed_signatures = signature::signatures(signed)?;
    rules::signed_dictionary::check(signed, newest, &signed_signatures, signature, &mut findings);
    if !reach.nothing_changed() || trailers_differ(signed, newest) {
        let permissions = Permissions::read(signed, &signed_signatures)?;
        let forms = Forms::read(signed, newest)?;
        let facts = Facts {
            old: signed,
            new: newest,
            forms,
            permissions,
            reach: &reach,
            signed_pages: SignedPages::default(),
            inherited: Inherited::default(),
            shown_values: ShownValues::default(),
        };
        let differences = walk::differences(&facts, limits);
        for difference in &differences.found {
            findings.push(rules::judge(difference, &facts));
        }
        if differences.incomplete {
            let text =
                format!("the comparison exceeds its limits of {} objects and {} values", limits.pairs, limits.values);
            findings.forbid(LIMIT, "Root", &text);
        }
        rules::unexplained::orphans(&facts, &mut findings)?;
        for number in reach.misnamed() {
            let text = "the object has another generation than the references to it";
            findings.forbid("generation", &format!("object {number}"), text);
        }
        if findings.is_empty() {
            findings.allow("rewritten", "Root", "objects were written anew without a change");
        }
    }
    rules::unexplained::chain(signed, newest, &mut findings);
    rules::encryption::check(signed, newest, &mut findings);
    for finding in gaps {
        findings.push(finding);
    }
    if findings.is_empty() && appended(signed, newest) {
        findings.allow("empty-update", "", "an update without changes follows");
    }
    Ok(findings.finish())
}

fn trailers_differ(old: &Pdf<'_>, new: &Pdf<'_>) -> bool {
    place::TRAILER_KEYS.iter().any(|key| old.trailer().get(key) != new.trailer().get(key))
}

/// True when more than white space follows the signed revision.
fn appended(old: &Pdf<'_>, new: &Pdf<'_>) -> bool {
    let tail = new.data().get(old.data().len()..).unwrap_or_default();
    tail.iter().any(|byte| !matches!(byte, b'\r' | b'\n' | b' ' | b'\t' | 0))
}

/// Collects findings, each path and rule once, and keeps the worst modification beyond the limit.
struct Findings {
    list: Vec<Finding>,
    seen: HashSet<(&'static str, String)>,
    worst: Modification,
    limit: usize,
}

impl Findings {
    fn new(limit: usize) -> Self {
        Self { list: Vec::new(), seen: HashSet::new(), worst: Modification::None, limit }
    }

    fn push(&mut self, finding: Finding) {
        let worse = finding.modification > self.worst;
        self.worst = self.worst.max(finding.modification);
        let fresh = self.seen.len() < self.limit && self.seen.insert((finding.rule, finding.path.clone()));
        if fresh || worse {
            self.list.push(finding);
        }
    }

    fn forbid(&mut self, rule: &'static str, path: &str, text: &str) {
        self.add(Modification::Forbidden, rule, path, text);
    }

    fn suspect(&mut self, rule: &'static str, path: &str, text: &str) {
        self.add(Modification::Suspicious, rule, path, text);
    }

    fn allow(&mut self, rule: &'static str, path: &str, text: &str) {
        self.add(Modification::Allowed, rule, path, text);
    }

    fn add(&mut self, modification: Modification, rule: &'static str, path: &str, text: &str) {
        self.push(Finding { rule, modification, path: path.into(), text: text.into() });
    }

    fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn finish(mut self) -> Changes {
        self.list.sort_by_key(|finding| std::cmp::Reverse(finding.modification));
        Changes { modification: self.worst, findings: self.list }
    }
}

/// A short text of a value for messages: names, numbers and kinds, never document text.
fn describe(object: &Object) -> String {
    match object {
        Object::Name(name) => format!("/{name}"),
        Object::Integer(value) => value.to_string(),
        Object::Bool(value) => value.to_string(),
        Object::Ref(id) => format!("object {id}"),
        Object::Array(items) => format!("an array of {}", items.len()),
        Object::Dict(_) => "a dictionary".into(),
        Object::Stream(_) => "a stream".into(),
        Object::String(_) => "a string".into(),
        Object::Real(_) => "a number".into(),
        Object::Null => "null".into(),
    }
}

#[cfg(test)]
mod tests;
