//! What a one-time code is tied to, and the short fingerprint people compare.

use super::ids::{CredentialId, PortalId, SignerId};
use crate::crypto::{Digest, DigestAlgorithm};

/// Dynamic linking: the portal, the signer, the credential and the exact set of hashes, as one SHA-256 value.
/// Anything that changes makes another binding, and the code sent for the old one is dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding(Digest);

impl Binding {
    /// The order of `hashes` does not matter; how often each stands does.
    pub fn new(portal: &PortalId, signer: &SignerId, credential: &CredentialId, hashes: &[&Digest]) -> Self {
        let mut sorted = hashes.to_vec();
        sorted.sort();
        let mut canonical = b"kyso binding v1".to_vec();
        let mut field = |bytes: &[u8]| {
            // The length before each field keeps two different lists from running into the same bytes.
            canonical.extend((bytes.len() as u64).to_be_bytes());
            canonical.extend(bytes);
        };
        field(portal.as_str().as_bytes());
        field(signer.as_str().as_bytes());
        field(credential.as_str().as_bytes());
        for digest in sorted {
            field(digest.algorithm().name().as_bytes());
            field(digest.as_bytes());
        }
        Self(DigestAlgorithm::Sha256.digest(&canonical))
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// The first 60 bits of a digest as twelve characters in three groups, e.g. `7K3M-Q0ZD-12XB`.
/// The alphabet is Crockford's: no letter that is mistaken for a digit.
pub fn fingerprint(digest: &Digest) -> String {
    const ALPHABET: [char; 32] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'M', 'N',
        'P', 'Q', 'R', 'S', 'T', 'V', 'W', 'X', 'Y', 'Z',
    ];
    let bits = digest.as_bytes().iter().take(8).fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    let character = |i: u32| ALPHABET.get((bits >> (59 - 5 * i) & 31) as usize).copied().unwrap_or('?');
    let group = |g: u32| (4 * g..4 * g + 4).map(character).collect::<String>();
    [group(0), group(1), group(2)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids() -> (PortalId, SignerId, CredentialId) {
        (PortalId::parse("p").expect("id"), SignerId::parse("s").expect("id"), CredentialId::parse("c").expect("id"))
    }

    fn sha256(text: &str) -> Digest {
        DigestAlgorithm::Sha256.digest(text.as_bytes())
    }

    #[test]
    fn a_larger_batch_is_another_binding() {
        let (portal, signer, credential) = ids();
        let (a, b) = (sha256("a"), sha256("b"));
        let one = Binding::new(&portal, &signer, &credential, &[&a]);
        assert_ne!(one, Binding::new(&portal, &signer, &credential, &[&a, &b]));
        assert_ne!(one, Binding::new(&portal, &signer, &credential, &[&a, &a]));
        assert_eq!(
            Binding::new(&portal, &signer, &credential, &[&a, &b]),
            Binding::new(&portal, &signer, &credential, &[&b, &a])
        );
    }

    #[test]
    fn every_party_changes_the_binding() {
        let (portal, signer, credential) = ids();
        let a = sha256("a");
        let one = Binding::new(&portal, &signer, &credential, &[&a]);
        assert_ne!(one, Binding::new(&PortalId::parse("q").expect("id"), &signer, &credential, &[&a]));
        assert_ne!(one, Binding::new(&portal, &SignerId::parse("t").expect("id"), &credential, &[&a]));
        assert_ne!(one, Binding::new(&portal, &signer, &CredentialId::parse("d").expect("id"), &[&a]));
    }

    proptest! {
        #[test]
        fn any_other_hash_is_another_binding(first: [u8; 32], second: [u8; 32]) {
            let (portal, signer, credential) = ids();
            let digest = |bytes: &[u8]| Digest::from_bytes(DigestAlgorithm::Sha256, bytes).expect("32 bytes");
            let bind = |d: &Digest| Binding::new(&portal, &signer, &credential, &[d]);
            prop_assert_eq!(bind(&digest(&first)) == bind(&digest(&second)), first == second);
        }
    }

    #[test]
    fn fingerprint_of_zero_is_all_zeros() {
        let zero = Digest::from_bytes(DigestAlgorithm::Sha256, &[0; 32]).expect("32 bytes");
        assert_eq!(fingerprint(&zero), "0000-0000-0000");
        let ones = Digest::from_bytes(DigestAlgorithm::Sha256, &[255; 32]).expect("32 bytes");
        assert_eq!(fingerprint(&ones), "ZZZZ-ZZZZ-ZZZZ");
    }
}
