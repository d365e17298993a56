//! One-time codes: six digits from a CSPRNG, kept only as a MAC over everything the code is tied to.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::{Binding, Entropy, Secret, TransactionId, ports};

/// How long a code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Digits {
    /// One million values.
    #[default]
    Six,
    /// A hundred million, for services with very many signers.
    Eight,
}

impl Digits {
    pub fn count(self) -> usize {
        match self {
            Self::Six => 6,
            Self::Eight => 8,
        }
    }

    fn values(self) -> u32 {
        match self {
            Self::Six => 1_000_000,
            Self::Eight => 100_000_000,
        }
    }
}

/// Draws a code, each value equally likely.
pub(super) fn draw(digits: Digits, entropy: &dyn Entropy) -> Secret {
    let values = digits.values();
    // Values past the last whole multiple would make small codes likelier: draw again.
    let fair = u32::MAX - u32::MAX % values;
    loop {
        let value = u32::from_be_bytes(ports::random(entropy));
        if value < fair {
            return Secret::new(format!("{:0width$}", value % values, width = digits.count()));
        }
    }
}

/// HMAC-SHA256 over the transaction, the challenge, the binding and the code. A code entered for another set of hashes,
/// signer, credential or portal has another MAC.
pub(super) fn mac(
    pepper: &[u8; 32],
    id: &TransactionId,
    challenge: &str,
    binding: &Binding,
    code: &Secret,
) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(pepper).ok()?;
    for field in [b"kyso code v1".as_slice(), id.as_str().as_bytes(), challenge.as_bytes(), binding.as_bytes()] {
        mac.update(&(field.len() as u64).to_be_bytes());
        mac.update(field);
    }
    mac.update(normalized(code.expose()).as_bytes());
    Some(mac.finalize().into_bytes().into())
}

/// What people type around the digits does not count.
fn normalized(code: &str) -> String {
    code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::DigestAlgorithm;
    use crate::domain::{CredentialId, PortalId, SignerId};

    struct Counter(std::sync::atomic::AtomicU32);

    impl Entropy for Counter {
        fn fill(&self, buffer: &mut [u8]) {
            let next = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let values = [u32::MAX, 42];
            buffer.copy_from_slice(&values[next as usize % 2].to_be_bytes());
        }
    }

    fn binding(text: &str) -> Binding {
        let digest = DigestAlgorithm::Sha256.digest(text.as_bytes());
        let id = "x";
        Binding::new(
            &PortalId::parse(id).expect("id"),
            &SignerId::parse(id).expect("id"),
            &CredentialId::parse(id).expect("id"),
            &[&digest],
        )
    }

    #[test]
    fn unfair_draws_are_thrown_away_and_zeros_are_kept() {
        assert_eq!(draw(Digits::Six, &Counter(0.into())).expose(), "000042");
        assert_eq!(draw(Digits::Eight, &Counter(0.into())).expose(), "00000042");
    }

    #[test]
    fn a_code_for_one_document_does_not_fit_another() {
        let id = TransactionId::parse("t").expect("id");
        let code = Secret::new("123456");
        let of = |b: &Binding, challenge: &str, code: &Secret| mac(&[1; 32], &id, challenge, b, code);
        let right = of(&binding("a"), "c", &code);
        assert_eq!(right, of(&binding("a"), "c", &Secret::new(" 123 456 ")));
        assert_ne!(right, of(&binding("b"), "c", &code));
        assert_ne!(right, of(&binding("a"), "d", &code));
        assert_ne!(right, of(&binding("a"), "c", &Secret::new("123457")));
    }
}
