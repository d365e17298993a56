//! Requests with several signers: whose turn it is, and where the request as a whole stands.
//!
//! Each signer has a transaction of their own, which follows its own state machine. All confirm the same originals; each signs them
//! together with the signatures that are there by then, appended one after the other.

use super::ids::{CredentialId, SignerId, TransactionId};
use super::transaction::{FailureReason, State, StateKind};

/// Signers of one request at most.
pub const SIGNERS: usize = 20;

/// One signer's part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub transaction: TransactionId,
    pub signer: SignerId,
    pub credential: CredentialId,
    /// Parts of a lower turn come first; those of one turn in any order.
    pub turn: u32,
    pub state: State,
    /// Which signature of the documents it became, from 1.
    pub signed_as: Option<u32>,
}

/// A request with several signers, in the portal's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joint {
    /// The request's id: its first signer's transaction.
    pub request: TransactionId,
    /// Of the request as a whole.
    pub state: State,
    pub parts: Vec<Part>,
}

impl Joint {
    pub fn part(&self, transaction: &TransactionId) -> Option<&Part> {
        self.parts.iter().find(|part| part.transaction == *transaction)
    }

    /// Whether everybody who comes before has signed. Once true it stays so.
    pub fn in_turn(&self, transaction: &TransactionId) -> bool {
        let Some(own) = self.part(transaction) else { return false };
        self.parts.iter().all(|part| part.turn >= own.turn || part.state.kind() == StateKind::Signed)
    }

    /// Those who have signed, in the order of their signatures.
    pub fn signed(&self) -> Vec<&Part> {
        let mut signed: Vec<&Part> = self.parts.iter().filter(|part| part.signed_as.is_some()).collect();
        signed.sort_by_key(|part| part.signed_as);
        signed
    }

    /// Where the parts together stand. The first bad end is the request's; it is confirmed once nobody has to be waited for.
    pub fn overall(&self) -> State {
        let states = || self.parts.iter().map(|part| &part.state);
        let caused = |state: &&State| {
            matches!(state, State::Refused { .. } | State::Expired { .. })
                || matches!(state, State::Failed { reason, .. } if *reason != FailureReason::AnotherSigner)
        };
        if let Some(end) = states().filter(caused).min_by_key(|state| state.since()) {
            return end.clone();
        }
        let at = states().filter_map(State::since).max();
        let all = |good: fn(StateKind) -> bool| states().all(|state| good(state.kind()));
        match at {
            Some(at) if all(|kind| kind == StateKind::Signed) => State::Signed { at },
            Some(at) if all(|kind| kind != StateKind::Waiting) => State::Confirmed { at },
            _ => State::Waiting,
        }
    }
}

/// How the others end when one part has come to a bad end.
pub fn ends_with(end: &State) -> Option<State> {
    match end {
        State::Expired { at } => Some(State::Expired { at: *at }),
        State::Failed { at, reason: FailureReason::Cancelled } => {
            Some(State::Failed { at: *at, reason: FailureReason::Cancelled })
        }
        State::Refused { at } | State::Failed { at, .. } => {
            Some(State::Failed { at: *at, reason: FailureReason::AnotherSigner })
        }
        State::Waiting | State::Confirmed { .. } | State::Signing { .. } | State::Signed { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::OffsetDateTime;
    use time::macros::datetime;

    const AT: OffsetDateTime = datetime!(2026-06-01 8:00 UTC);

    fn joint(parts: &[(u32, State)]) -> Joint {
        let part = |(n, (turn, state)): (usize, &(u32, State))| Part {
            transaction: TransactionId::parse(&format!("t{n}")).expect("id"),
            signer: SignerId::parse("s").expect("id"),
            credential: CredentialId::parse("c").expect("id"),
            turn: *turn,
            state: state.clone(),
            signed_as: None,
        };
        let parts: Vec<_> = parts.iter().enumerate().map(part).collect();
        Joint { request: parts[0].transaction.clone(), state: State::Waiting, parts }
    }

    #[test]
    fn nobody_is_in_turn_before_those_before_have_signed() {
        let turns = |joint: &Joint| joint.parts.iter().map(|part| joint.in_turn(&part.transaction)).collect::<Vec<_>>();
        let begun = joint(&[(1, State::Waiting), (2, State::Waiting), (2, State::Waiting)]);
        assert_eq!(turns(&begun), [true, false, false]);
        let confirmed = joint(&[(1, State::Signing { at: AT }), (2, State::Waiting)]);
        assert_eq!(turns(&confirmed), [true, false]);
        let signed = joint(&[(1, State::Signed { at: AT }), (2, State::Waiting), (2, State::Waiting)]);
        assert_eq!(turns(&signed), [true, true, true]);
    }

    #[test]
    fn the_request_waits_for_everybody_and_never_goes_back() {
        let (signed, signing) = (State::Signed { at: AT }, State::Signing { at: AT });
        for (parts, kind) in [
            ([State::Waiting, State::Waiting], StateKind::Waiting),
            ([signing.clone(), State::Waiting], StateKind::Waiting),
            ([signed.clone(), State::Waiting], StateKind::Waiting),
            ([signed.clone(), signing.clone()], StateKind::Confirmed),
            ([signed.clone(), signed.clone()], StateKind::Signed),
            ([signed.clone(), State::Refused { at: AT }], StateKind::Refused),
            ([signing, State::Refused { at: AT }], StateKind::Refused),
        ] {
            assert_eq!(joint(&parts.map(|state| (1, state))).overall().kind(), kind);
        }
    }

    #[test]
    fn the_first_bad_end_names_the_reason() {
        let later = AT + time::Duration::seconds(1);
        let reason = FailureReason::KeyUnavailable;
        let failed = State::Failed { at: AT, reason };
        let others = ends_with(&failed).expect("an end");
        assert_eq!(others, State::Failed { at: AT, reason: FailureReason::AnotherSigner });
        assert_eq!(joint(&[(1, others), (1, failed.clone()), (1, State::Refused { at: later })]).overall(), failed);
        assert_eq!(ends_with(&State::Signed { at: AT }), None);
    }
}
