//! Lists by pages: `limit` and an opaque `cursor`, which names the last entry seen, so that nothing is shown twice or left out
//! when new entries come meanwhile.

use axum::extract::RawQuery;

use super::body::Fields;
use super::fault::Fault;
use super::problem;

/// Entries of a page, unless the caller asks for fewer or more.
const USUAL: u32 = 20;
/// Entries of a page at most.
pub const MOST: u32 = 100;

/// The fields of a query.
pub fn fields(RawQuery(query): &RawQuery) -> Fields {
    Fields::parse(query.as_deref().unwrap_or_default())
}

/// The member `limit`.
///
/// # Errors
/// [`problem::INVALID`].
pub fn limit(fields: &Fields) -> Result<u32, Fault> {
    number(fields, "limit").and_then(|limit| match limit {
        None => Ok(USUAL),
        Some(limit) => u32::try_from(limit)
            .ok()
            .filter(|limit| (1..=MOST).contains(limit))
            .ok_or_else(|| invalid("limit: 1 to 100")),
    })
}

/// A whole number; `None` when it is not given.
///
/// # Errors
/// [`problem::INVALID`] names the field.
pub fn number(fields: &Fields, name: &str) -> Result<Option<u64>, Fault> {
    let bad = || invalid(format!("{name}: not a whole number"));
    fields.get(name).map(|text| text.parse().map_err(|_| bad())).transpose()
}

pub fn invalid(detail: impl Into<String>) -> Fault {
    Fault::new(&problem::INVALID).detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_at_most_a_hundred_entries_and_at_least_one() {
        let of = |query: &str| limit(&Fields::parse(query)).ok();
        assert_eq!((of(""), of("limit=1"), of("limit=100")), (Some(20), Some(1), Some(100)));
        for bad in ["limit=0", "limit=101", "limit=-1", "limit=x", "limit=99999999999999999999", "limit="] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
