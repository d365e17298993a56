//! Authenticator apps: time-based one-time passwords (RFC 6238) of six digits, SHA-1 and 30 seconds, which every app knows.
//!
//! A code is taken for the step it is for and the two beside it, and no step twice. It is not made for a transaction; what
//! ties it to one is the control code that the page shows and the signer enters after it, see `challenge`.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use time::OffsetDateTime;
use zeroize::Zeroizing;

const STEP: i64 = 30;
const DIGITS: usize = 6;
/// Steps beside the current one, for clocks that differ and for people who type.
const WINDOW: u64 = 1;
/// Octets of a secret (RFC 4226 §4, R6: at least 128 bits, 160 recommended).
pub const SECRET_LEN: usize = 20;

/// The code of one step.
fn at_step(secret: &[u8], step: u64, digits: usize) -> Zeroizing<String> {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(secret).unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = usize::from(hash.last().copied().unwrap_or_default() & 0x0f);
    let four = hash.iter().skip(offset).take(4).fold(0u32, |value, byte| value << 8 | u32::from(*byte));
    let modulus = 10u32.checked_pow(u32::try_from(digits).unwrap_or(9)).unwrap_or(u32::MAX);
    Zeroizing::new(format!("{:0digits$}", (four & 0x7fff_ffff) % modulus))
}

/// The step `code` is for, if it lies in the window and after `used`.
pub fn fits(secret: &[u8], code: &str, now: OffsetDateTime, used: u64) -> Option<u64> {
    let current = u64::try_from(now.unix_timestamp().div_euclid(STEP)).ok()?;
    let steps = current.saturating_sub(WINDOW)..=current.saturating_add(WINDOW);
    // All are computed whatever fits, so that time tells nothing.
    let matches = steps.map(|step| {
        let equal = verify_slices_are_equal(at_step(secret, step, DIGITS).as_bytes(), code.as_bytes()).is_ok();
        (step, equal)
    });
    let matches: Vec<(u64, bool)> = matches.collect();
    matches.into_iter().find_map(|(step, equal)| (equal && step > used).then_some(step))
}

/// `otpauth://totp/…`, for a QR code or an app's link. The label is ASCII: apps differ in what else they read.
pub fn uri(secret: &[u8], account: &str) -> Zeroizing<String> {
    let secret = base32(secret);
    Zeroizing::new(format!("otpauth://totp/KYSO:{account}?secret={}&issuer=KYSO&digits=6&period=30", secret.as_str()))
}

/// RFC 4648 §6 without padding.
pub fn base32(bytes: &[u8]) -> Zeroizing<String> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for five in bytes.chunks(5) {
        let bits = five.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte)) << (8 * (5 - five.len()));
        for place in 0..(five.len() * 8).div_ceil(5) {
            let index = usize::try_from(bits >> (35 - 5 * place) & 31).unwrap_or_default();
            text.push(char::from(ALPHABET.get(index).copied().unwrap_or(b'A')));
        }
    }
    Zeroizing::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).expect("a time")
    }

    #[test]
    fn vectors_of_rfc_6238_appendix_b() {
        for (seconds, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000u64, "65353130"),
        ] {
            assert_eq!(at_step(SECRET, seconds / 30, 8).as_str(), code);
            assert_eq!(at_step(SECRET, seconds / 30, 6).as_str(), &code[2..]);
        }
    }

    #[test]
    fn code_is_taken_in_its_window_and_no_step_twice() {
        let code = at_step(SECRET, 100, 6);
        for (seconds, fitting) in [(2969, None), (2970, Some(100)), (3000, Some(100)), (3059, Some(100)), (3060, None)]
        {
            assert_eq!(fits(SECRET, &code, at(seconds), 0), fitting, "{seconds}");
        }
        assert_eq!(fits(SECRET, &code, at(3000), 100), None, "used");
        assert_eq!(fits(SECRET, &code, at(3000), 99), Some(100));
        for wrong in ["", "0", "0000000", "12345٣"] {
            assert_eq!(fits(SECRET, wrong, at(3000), 0), None);
        }
        assert_eq!(fits(b"another secret of 20", &code, at(3000), 0), None);
    }

    #[test]
    fn secrets_are_written_as_apps_read_them() {
        // RFC 4648 §10.
        for (bytes, text) in [(&b"foobar"[..], "MZXW6YTBOI"), (b"f", "MY"), (b"fooba", "MZXW6YTB"), (b"", "")] {
            assert_eq!(base32(bytes).as_str(), text);
        }
        let uri = uri(SECRET, "nguyen-van-an");
        assert_eq!(
            uri.as_str(),
            "otpauth://totp/KYSO:nguyen-van-an?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=KYSO&digits=6&period=30"
        );
    }
}
