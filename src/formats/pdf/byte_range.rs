//! What a signature's /ByteRange covers (ISO 32000-1 §12.8.1; EN 319 142-1 §5.3).

use std::ops::Range;

use super::object::Object;

/// /ByteRange held against the file and against the /Contents of the same dictionary. Facts; the verdict is the
/// verifier's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByteRangeFacts {
    /// The four numbers `a b c d`, when there are exactly four that fit a file.
    pub ranges: Option<[usize; 4]>,
    /// Extent of the /Contents token of this dictionary, delimiters included.
    pub contents: Option<Range<usize>>,
    /// Everything that deviates from "two ranges from byte 0, around exactly the /Contents string".
    pub defects: Vec<ByteRangeDefect>,
    pub coverage: Coverage,
}

/// One deviation of a /ByteRange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ByteRangeDefect {
    /// The entry is absent or null.
    Missing,
    /// Not an array of integers.
    NotIntegers,
    /// An array of another length than four.
    NotFourNumbers,
    /// A number is negative.
    Negative,
    /// Offset plus length exceeds any file.
    Overflow,
    /// The first range does not begin at byte 0.
    StartsLate,
    /// A range is empty.
    EmptyRange,
    /// The second range begins inside or before the first.
    Overlap,
    /// The second range ends beyond the end of the file.
    PastEndOfFile,
    /// /Contents is absent, not a hexadecimal string, or not written in the file itself.
    ContentsUnusable,
    /// The gap between the ranges is not exactly the /Contents string.
    GapIsNotContents,
    /// The signature dictionary has this or another key twice.
    RepeatedKey,
}

/// How much of the file the ranges cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coverage {
    /// Everything but /Contents.
    WholeFile,
    /// Everything but /Contents up to the end of one of the file's revisions.
    WholeRevision,
    /// Less than a revision, or the ranges have a defect.
    Partial,
}

impl ByteRangeFacts {
    /// Absolute end of what is signed (`c + d`), when the ranges are usable.
    pub fn covered_end(&self) -> Option<usize> {
        let [_, _, c, d] = self.ranges?;
        c.checked_add(d)
    }

    /// The two signed parts of the file; `None` when the ranges do not lie in it, in order.
    pub fn parts<'a>(&self, data: &'a [u8]) -> Option<[&'a [u8]; 2]> {
        let [a, b, c, d] = self.ranges?;
        let first_end = a.checked_add(b)?;
        if c < first_end {
            return None;
        }
        Some([data.get(a..first_end)?, data.get(c..c.checked_add(d)?)?])
    }

    /// True when nothing deviates.
    pub fn is_sound(&self) -> bool {
        self.defects.is_empty()
    }
}

/// Compares the (resolved) /ByteRange with the extent of /Contents and the ends of the file's revisions.
pub(super) fn examine(
    byte_range: Option<&Object>,
    contents: Option<Range<usize>>,
    data: &[u8],
    revision_ends: &[Range<usize>],
) -> ByteRangeFacts {
    let mut defects = Vec::new();
    let ranges = numbers(byte_range, &mut defects);
    let hex = contents.clone().filter(|extent| data.get(extent.start) == Some(&b'<'));
    if hex.is_none() {
        defects.push(ByteRangeDefect::ContentsUnusable);
    }
    if let Some([a, b, c, d]) = ranges {
        compare(&mut defects, [a, b, c, d], hex, data.len());
    }
    let mut facts = ByteRangeFacts { ranges, contents, defects, coverage: Coverage::Partial };
    facts.coverage = coverage(&facts, data.len(), revision_ends);
    facts
}

fn numbers(byte_range: Option<&Object>, defects: &mut Vec<ByteRangeDefect>) -> Option<[usize; 4]> {
    let Some(object) = byte_range else {
        defects.push(ByteRangeDefect::Missing);
        return None;
    };
    let integers: Option<Vec<i64>> = object.as_array().and_then(|items| items.iter().map(Object::as_integer).collect());
    let Some(integers) = integers else {
        defects.push(ByteRangeDefect::NotIntegers);
        return None;
    };
    let &[a, b, c, d] = integers.as_slice() else {
        defects.push(ByteRangeDefect::NotFourNumbers);
        return None;
    };
    if [a, b, c, d].iter().any(|n| *n < 0) {
        defects.push(ByteRangeDefect::Negative);
        return None;
    }
    let fits = |n: i64| usize::try_from(n).ok();
    let ranges = [fits(a)?, fits(b)?, fits(c)?, fits(d)?];
    if a.checked_add(b).is_none() || c.checked_add(d).is_none() {
        defects.push(ByteRangeDefect::Overflow);
        return None;
    }
    Some(ranges)
}

fn compare(defects: &mut Vec<ByteRangeDefect>, [a, b, c, d]: [usize; 4], hex: Option<Range<usize>>, len: usize) {
    let mut note = |found: bool, defect| {
        if found {
            defects.push(defect);
        }
    };
    let gap = a.saturating_add(b)..c;
    note(a != 0, ByteRangeDefect::StartsLate);
    note(b == 0 || d == 0, ByteRangeDefect::EmptyRange);
    note(c < gap.start, ByteRangeDefect::Overlap);
    note(c.saturating_add(d) > len, ByteRangeDefect::PastEndOfFile);
    note(hex.is_some_and(|hex| hex != gap), ByteRangeDefect::GapIsNotContents);
}

fn coverage(facts: &ByteRangeFacts, len: usize, revision_ends: &[Range<usize>]) -> Coverage {
    let Some(end) = facts.covered_end().filter(|_| facts.is_sound()) else { return Coverage::Partial };
    if end == len {
        Coverage::WholeFile
    } else if revision_ends.iter().any(|range| range.start <= end && end <= range.end) {
        Coverage::WholeRevision
    } else {
        Coverage::Partial
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"0123456789<abcd>6789012345";

    fn facts(numbers: &[i64]) -> ByteRangeFacts {
        let array = Object::Array(numbers.iter().map(|n| Object::Integer(*n)).collect());
        examine(Some(&array), Some(10..16), FILE, std::slice::from_ref(&(20..21)))
    }

    fn defects(numbers: &[i64]) -> Vec<ByteRangeDefect> {
        facts(numbers).defects
    }

    #[test]
    fn exact_gap_to_the_end_of_the_file_is_whole_file() {
        let facts = facts(&[0, 10, 16, 10]);
        assert_eq!((facts.defects.as_slice(), facts.coverage), (&[][..], Coverage::WholeFile));
        assert_eq!(facts.parts(FILE), Some([&b"0123456789"[..], b"6789012345"]));
    }

    #[test]
    fn end_of_a_revision_is_whole_revision_and_any_other_end_partial() {
        assert_eq!(facts(&[0, 10, 16, 4]).coverage, Coverage::WholeRevision);
        assert_eq!(facts(&[0, 10, 16, 5]).coverage, Coverage::WholeRevision);
        assert_eq!(facts(&[0, 10, 16, 6]).coverage, Coverage::Partial);
    }

    #[test]
    fn each_defect_is_named() {
        use ByteRangeDefect::*;
        assert_eq!(defects(&[0, 10, 17, 9]), [GapIsNotContents]);
        assert_eq!(defects(&[0, 9, 16, 10]), [GapIsNotContents]);
        assert_eq!(defects(&[1, 9, 16, 10]), [StartsLate]);
        assert_eq!(defects(&[0, 10, 16, 11]), [PastEndOfFile]);
        assert_eq!(defects(&[0, 10, 16, 0]), [EmptyRange]);
        assert_eq!(defects(&[0, 10, 5, 10]), [Overlap, GapIsNotContents]);
        assert_eq!(defects(&[0, 10, 16]), [NotFourNumbers]);
        assert_eq!(defects(&[0, 4, 6, 4, 16, 10]), [NotFourNumbers]);
        assert_eq!(defects(&[0, 10, -16, 10]), [Negative]);
        assert_eq!(defects(&[0, 10, 16, i64::MAX]), [Overflow]);
        assert_eq!(examine(None, Some(10..16), FILE, &[]).defects, [Missing]);
        assert_eq!(examine(Some(&Object::Null), None, FILE, &[]).defects, [NotIntegers, ContentsUnusable]);
    }

    #[test]
    fn contents_that_is_not_hexadecimal_is_a_defect() {
        let array = Object::Array([0, 10, 16, 10].map(Object::Integer).to_vec());
        let facts = examine(Some(&array), Some(9..15), FILE, &[]);
        assert_eq!(facts.defects, [ByteRangeDefect::ContentsUnusable]);
    }
}
