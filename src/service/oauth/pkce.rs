//! PKCE (RFC 7636), method S256 and no other.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::crypto::digest::sha256;
use crate::domain::Secret;

/// Whether this is the base64url of a SHA-256 value.
pub fn is_challenge(text: &str) -> bool {
    text.len() == 43 && URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

/// The challenge of a verifier.
pub fn challenge(verifier: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(sha256(verifier.expose().as_bytes()))
}

/// Whether the verifier is well-formed (§4.1) and belongs to the challenge.
pub fn fits(expected: &str, verifier: &Secret) -> bool {
    let text = verifier.expose();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let well_formed = (43..=128).contains(&text.len()) && text.chars().all(allowed);
    well_formed && verify_slices_are_equal(challenge(verifier).as_bytes(), expected.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_standards_example_fits_and_nothing_else_does() {
        assert!(is_challenge(CHALLENGE) && fits(CHALLENGE, &Secret::new(VERIFIER)));
        for bad in ["", CHALLENGE, &VERIFIER.to_lowercase(), &format!("{VERIFIER}="), &VERIFIER[..42], &"a".repeat(129)]
        {
            assert!(!fits(CHALLENGE, &Secret::new(bad)), "{bad}");
        }
        for bad in ["", VERIFIER.split_at(42).0, &format!("{CHALLENGE}="), &"+".repeat(43)] {
            assert!(!is_challenge(bad), "{bad}");
        }
    }
}
