//! Hostile answers of a time-stamping authority: reading them, and holding them against a request, must end without a panic.

#![no_main]

use kyso::crypto::DigestAlgorithm;
use kyso::formats::tsp::{Nonce, TimeStampRequest, TimeStampResponse, TstInfo};
use libfuzzer_sys::fuzz_target;
use time::{Duration, OffsetDateTime};

fuzz_target!(|data: &[u8]| {
    let _ = TstInfo::from_der(data);
    let Ok(response) = TimeStampResponse::parse(data) else { return };
    // What the seeds answer.
    let digest = DigestAlgorithm::Sha256.digest(b"seed");
    let request = TimeStampRequest { digest, nonce: Nonce::new([1; 16]), policy: None };
    if let Ok(token) = response.check(&request, OffsetDateTime::UNIX_EPOCH, Duration::MAX) {
        assert_eq!(token.info().imprint, request.digest.as_bytes());
        assert!(token.certificates().contains(token.unit()));
    }
});
