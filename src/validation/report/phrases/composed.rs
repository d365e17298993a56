//! Details made of other texts.

use super::Phrase;

/// Tried first: where, what, by which rule. The damaged file is here because it has the same form.
pub(super) const FIRST: &[Phrase] = &[
    ("the PDF is damaged: {p} (at byte {})", "tệp PDF bị hỏng: {} (tại byte {})"),
    ("{p}: {p} ({})", "{}: {} ({})"),
    ("{}: {p} ({})", "{}: {} ({})"),
];

/// Tried along with the simple ones.
pub(super) const CHANGES: &[Phrase] = &[
    ("{a} was replaced by {a}", "{} đã bị thay bằng {}"),
    ("{a} was added", "{} đã được thêm"),
    ("{a} was removed", "{} đã bị xóa"),
];

/// Tried last, since nearly everything fits them.
pub(super) const LAST: &[Phrase] = &[
    // What a process made of another finding.
    ("{}; {c}: {p}", "{}; {}: {}"),
    ("{}; {c}: {}", "{}; {}: {}"),
    ("{c} {p}", "{}: {}"),
    ("{c} {}", "{}: {}"),
    ("{c}", "{}"),
    ("{} ({p})", "{} ({})"),
    ("{p} (at most {})", "{} (tối đa {})"),
    ("{p}, {}", "{}, {}"),
    ("{}: {p}", "{}: {}"),
    ("{p}: {}", "{}: {}"),
];
