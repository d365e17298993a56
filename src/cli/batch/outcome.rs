//! How files come out, one by one and counted.

/// How a file came out, worst last (exit codes 0, 3, 1, 4 and 70).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Passed,
    Indeterminate,
    Failed,
    Unreadable,
    Internal,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Passed, Self::Indeterminate, Self::Failed, Self::Unreadable, Self::Internal];

    pub fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Indeterminate => 3,
            Self::Failed => 1,
            Self::Unreadable => 4,
            Self::Internal => 70,
        }
    }
}

/// How many came out how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally([usize; 5]);

impl Tally {
    pub fn add(&mut self, outcome: Outcome) {
        for (count, kind) in self.0.iter_mut().zip(Outcome::ALL) {
            *count = count.saturating_add(usize::from(kind == outcome));
        }
    }

    pub fn of(&self, outcome: Outcome) -> usize {
        self.0.iter().zip(Outcome::ALL).find(|(_, kind)| *kind == outcome).map_or(0, |(count, _)| *count)
    }

    pub fn total(&self) -> usize {
        self.0.iter().sum()
    }

    /// The worst that occurred; a run without files passed nothing, and is unreadable.
    pub fn worst(&self) -> Outcome {
        let occurred = self.0.iter().zip(Outcome::ALL).filter(|(count, _)| **count > 0);
        occurred.map(|(_, outcome)| outcome).max().unwrap_or(Outcome::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worst_outcome_follows_the_contracts_order() {
        assert!(Outcome::ALL.is_sorted());
        assert_eq!(Outcome::ALL.map(Outcome::code), [0, 3, 1, 4, 70]);
        let mut tally = Tally::default();
        assert_eq!(tally.worst(), Outcome::Unreadable, "nothing verified is nothing valid");
        for (outcome, worst) in [
            (Outcome::Passed, Outcome::Passed),
            (Outcome::Failed, Outcome::Failed),
            (Outcome::Indeterminate, Outcome::Failed),
            (Outcome::Internal, Outcome::Internal),
            (Outcome::Unreadable, Outcome::Internal),
        ] {
            tally.add(outcome);
            assert_eq!(tally.worst(), worst);
        }
        assert_eq!((tally.total(), tally.of(Outcome::Failed)), (5, 1));
    }
}
