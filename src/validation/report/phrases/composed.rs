//! Details made of other texts; tried last, since nearly everything fits them.

use super::Phrase;

pub(super) const TABLE: &[Phrase] = &[
    ("{p} was added", "{} đã được thêm"),
    ("{p} was removed", "{} đã bị xóa"),
    ("{p} was replaced by {p}", "{} đã bị thay bằng {}"),
    // A change: where, what, by which rule.
    ("{p}: {p} ({})", "{}: {} ({})"),
    ("{}: {p} ({})", "{}: {} ({})"),
    // What a process made of another finding.
    ("{}; {c}: {p}", "{}; {}: {}"),
    ("{}; {c}: {}", "{}; {}: {}"),
    ("{c} {p}", "{}: {}"),
    ("{c} {}", "{}: {}"),
    ("{c}", "{}"),
    ("{} ({p})", "{} ({})"),
    ("{p}, {}", "{}, {}"),
    ("{}: {p}", "{}: {}"),
    ("{p}: {}", "{}: {}"),
];
