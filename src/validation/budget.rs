//! Limits on the work hostile input can cause.

/// Most signature values checked while looking for the path of one signer. An honest path of five certificates with a CRL
/// each takes nine; a pool of re-issued authorities a few dozen. 512 RSA-4096 checks stay below half a second.
const SIGNATURE_CHECKS: u32 = 512;

/// Most complete paths judged for one signer. Honest cross-certified authorities give fewer than ten.
const PATHS: u32 = 64;

/// Longest path, anchor included. Public hierarchies have at most six certificates.
pub const MAX_PATH_LENGTH: usize = 16;

/// What is left to spend on one signer.
#[derive(Debug, Clone)]
pub struct Budget {
    signature_checks: u32,
    paths: u32,
    exhausted: bool,
}

/// A limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted;

impl Default for Budget {
    fn default() -> Self {
        Self { signature_checks: SIGNATURE_CHECKS, paths: PATHS, exhausted: false }
    }
}

impl Budget {
    /// # Errors
    /// [`Exhausted`] when no check is left.
    pub fn spend_signature_check(&mut self) -> Result<(), Exhausted> {
        let spent = spend(&mut self.signature_checks);
        self.exhausted |= spent.is_err();
        spent
    }

    /// # Errors
    /// [`Exhausted`] when no path is left.
    pub fn spend_path(&mut self) -> Result<(), Exhausted> {
        let spent = spend(&mut self.paths);
        self.exhausted |= spent.is_err();
        spent
    }

    /// Whether something was left undone for lack of budget; then nothing may pass, since it may have spoken against the signer.
    pub fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// The limits, for messages.
    pub fn limits() -> String {
        format!("at most {PATHS} paths and {SIGNATURE_CHECKS} signature checks for one signer")
    }
}

fn spend(left: &mut u32) -> Result<(), Exhausted> {
    *left = left.checked_sub(1).ok_or(Exhausted)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budget_ends() {
        let mut budget = Budget { signature_checks: 1, paths: 0, exhausted: false };
        assert_eq!(budget.spend_signature_check(), Ok(()));
        assert_eq!(budget.spend_signature_check(), Err(Exhausted));
        assert_eq!(budget.spend_path(), Err(Exhausted));
        assert!(budget.is_exhausted() && !Budget::default().is_exhausted());
    }
}
