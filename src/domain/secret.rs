//! Text that must not leak: one-time codes, PINs, SADs, client secrets, access tokens, confirmation links.

use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret text: prints `***`, is wiped when dropped, and has to be asked for by name.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself; call it only where it leaves for its one destination.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints_itself() {
        assert_eq!(format!("{:?}", Secret::new("123456")), "***");
    }
}
