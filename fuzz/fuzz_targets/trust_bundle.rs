//! Hostile trust bundles and policies: a signed file from anybody, and content as if its publisher had signed it, must be refused or
//! read back as the very same octets.

#![no_main]

use kyso::bundle::{Fingerprint, Payload, changes, open};
use kyso::formats::cms::SignedData;
use kyso::validation::NamedPolicy;
use libfuzzer_sys::fuzz_target;
use time::macros::datetime;

fuzz_target!(|data: &[u8]| {
    // Whoever signed it is trusted: the content is read too.
    let certificates = SignedData::parse(data).map(|read| read.certificates).unwrap_or_default();
    let trusted: Vec<Fingerprint> = certificates.iter().map(Fingerprint::of).collect();
    if let Ok(bundle) = open(data, &trusted, datetime!(2026-06-01 0:00 UTC)) {
        assert!(trusted.contains(&Fingerprint::of(bundle.publisher())));
    }
    if let Ok(payload) = Payload::from_canonical(data) {
        assert_eq!(payload.to_canonical(), data, "one content, one form");
        assert!(changes::between(Some(&payload), &payload).is_empty());
        assert!(!payload.evidence().anchors.is_empty());
    }
    if let Ok(policy) = NamedPolicy::from_json(data) {
        let again = NamedPolicy::from_json(policy.canonical().as_bytes());
        assert_eq!(again.as_ref(), Ok(&policy), "the canonical form reads back");
    }
});
