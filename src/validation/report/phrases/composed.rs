//! Details made of other texts.

use super::Phrase;

/// Tried first, the longer before those they hold: "object {}" would fit all of "object 7 0 was added".
pub(super) const FIRST: &[Phrase] = &[
    ("the PDF is damaged: {p} (at byte {})", "tệp PDF bị hỏng: {} (tại byte {})"),
    // A change: where, what, by which rule.
    ("{p}: {p} ({})", "{}: {} ({})"),
    ("{}: {p} ({})", "{}: {} ({})"),
    ("{p} was replaced by {p}", "{} đã bị thay bằng {}"),
    ("{p} was added", "{} đã được thêm"),
    ("{p} was removed", "{} đã bị xóa"),
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
