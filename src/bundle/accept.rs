//! Which bundle may follow which: numbers and dates only grow, publishers hand over to successors they named.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::Refusal;
use super::signed::Bundle;

/// A bundle that may be installed; only [`accept`] mints it.
#[derive(Debug, Clone)]
pub struct Accepted(Bundle);

impl Accepted {
    pub fn bundle(&self) -> &Bundle {
        &self.0
    }
}

/// What came of an attempt to follow the installed bundle.
#[derive(Debug, Clone)]
pub enum Follow {
    Install(Accepted),
    /// The very content that is installed.
    InstalledAlready,
}

/// Decides whether `new` may take the place of `installed` at `now`. Whether its publisher may follow was decided when it was opened
/// with [`Bundle::may_follow`].
///
/// A bundle past its next_update may be installed: it may still be newer than the one there, and verification tells its age.
///
/// # Errors
/// [`Refusal::FromTheFuture`], [`Refusal::RolledBack`], [`Refusal::SameNumber`].
pub fn accept(new: Bundle, installed: Option<&Bundle>, now: OffsetDateTime) -> Result<Follow, Refusal> {
    let day = |time: OffsetDateTime| time.format(&Rfc3339).unwrap_or_default();
    let payload = new.payload();
    if payload.issued > now {
        return Err(Refusal::FromTheFuture(day(payload.issued)));
    }
    let Some(installed) = installed else { return Ok(Follow::Install(Accepted(new))) };
    let there = installed.payload();
    if payload.number < there.number {
        return Err(Refusal::RolledBack(format!("number {}, and {} is installed", payload.number, there.number)));
    }
    if payload.number == there.number {
        let same = new.sha256() == installed.sha256();
        return if same { Ok(Follow::InstalledAlready) } else { Err(Refusal::SameNumber(there.number)) };
    }
    if payload.issued < there.issued {
        let dates = format!("issued {}, and the installed one {}", day(payload.issued), day(there.issued));
        return Err(Refusal::RolledBack(dates));
    }
    Ok(Follow::Install(Accepted(new)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Payload;
    use crate::bundle::signed::open;
    use crate::bundle::testing::{ISSUED, NOW, Publisher, payload};
    use time::Duration;

    fn follow(new: &Payload, installed: &Payload) -> Result<Follow, Refusal> {
        let publisher = Publisher::new("Publisher");
        accept(publisher.bundle(new), Some(&publisher.bundle(installed)), NOW)
    }

    #[test]
    fn higher_number_follows_and_lower_is_refused() {
        assert!(matches!(follow(&payload(3), &payload(2)), Ok(Follow::Install(_))));
        let refusal = follow(&payload(2), &payload(3)).expect_err("refused");
        assert_eq!(refusal, Refusal::RolledBack("number 2, and 3 is installed".to_owned()));
    }

    #[test]
    fn same_number_is_no_change_or_refused() {
        assert!(matches!(follow(&payload(2), &payload(2)), Ok(Follow::InstalledAlready)));
        let other = Payload { publisher: "Khác".to_owned(), ..payload(2) };
        assert!(matches!(follow(&other, &payload(2)), Err(Refusal::SameNumber(2))));
    }

    #[test]
    fn earlier_date_under_a_higher_number_is_a_roll_back() {
        let earlier = Payload { issued: ISSUED - Duration::SECOND, ..payload(3) };
        assert!(matches!(follow(&earlier, &payload(2)), Err(Refusal::RolledBack(_))));
    }

    #[test]
    fn bundle_of_tomorrow_is_refused_and_one_of_now_is_not() {
        let publisher = Publisher::new("Publisher");
        let issued = |issued| accept(publisher.bundle(&Payload { issued, ..payload(1) }), None, NOW);
        assert!(matches!(issued(NOW), Ok(Follow::Install(_))));
        assert!(matches!(issued(NOW + Duration::SECOND), Err(Refusal::FromTheFuture(_))));
    }

    #[test]
    fn only_a_named_successor_takes_over_and_the_former_publisher_does_not_come_back() {
        let (first, second) = (Publisher::new("First"), Publisher::new("Second"));
        let unnamed = first.bundle(&payload(1));
        let next = second.sign(&payload(2));
        assert_eq!(open(&next, &unnamed.may_follow(), NOW).expect_err("refused").name(), "unknown-publisher");
        let naming = first.bundle(&Payload { successors: vec![second.fingerprint()], ..payload(1) });
        let taken = open(&next, &naming.may_follow(), NOW).expect("opens");
        assert!(matches!(accept(taken.clone(), Some(&naming), NOW), Ok(Follow::Install(_))));
        let back = open(&first.sign(&payload(3)), &taken.may_follow(), NOW).expect_err("refused");
        assert_eq!(back.name(), "unknown-publisher");
    }
}
