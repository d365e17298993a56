//! Confirmation links: the transaction's id and a MAC over it. Nothing is stored, so nothing about links can leak from the
//! database, and the portal gets the same link each time it asks.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::crypto::digest::hex;
use crate::domain::{Secret, TransactionId};

/// Hex characters of the MAC in a link: 128 bits.
const MAC_CHARACTERS: usize = 32;

/// The token of a transaction's link.
pub(super) fn token(key: &[u8; 32], id: &TransactionId) -> Secret {
    Secret::new(format!("{id}{}", mac(key, id)))
}

/// The transaction a token belongs to; `None` for anything this service did not make.
pub(super) fn transaction(key: &[u8; 32], token: &Secret) -> Option<TransactionId> {
    let text = token.expose();
    let (id, presented) = text.split_at_checked(text.len().checked_sub(MAC_CHARACTERS)?)?;
    let id = TransactionId::parse(id).ok()?;
    verify_slices_are_equal(mac(key, &id).as_bytes(), presented.as_bytes()).ok()?;
    Some(id)
}

fn mac(key: &[u8; 32], id: &TransactionId) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    mac.update(b"kyso link v1");
    mac.update(id.as_str().as_bytes());
    let bytes = mac.finalize().into_bytes();
    hex(&bytes).chars().take(MAC_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_link_opens_nothing() {
        let id = TransactionId::parse("0123456789abcdef0123456789abcdef").expect("id");
        let made = token(&[1; 32], &id);
        assert_eq!(transaction(&[1; 32], &made), Some(id));
        assert_eq!(transaction(&[2; 32], &made), None);
        let changed = made.expose().replacen('0', "1", 1);
        assert_eq!(transaction(&[1; 32], &Secret::new(changed)), None);
        for bad in ["", "x", "é".repeat(40).as_str(), &"a".repeat(200)] {
            assert_eq!(transaction(&[1; 32], &Secret::new(bad)), None);
        }
    }
}
