//! Hostile CMS, bare or as mail carries it: reading it, and judging it against itself, must end without a panic.

#![no_main]

use kyso::formats::cms::{SignedData, mime};
use kyso::validation::{Evidence, Policy, Setting, validate_cms};
use libfuzzer_sys::fuzz_target;
use time::OffsetDateTime;

fuzz_target!(|data: &[u8]| {
    judge(data);
    if let Ok(entity) = mime::read(data) {
        judge(&entity.message);
    }
});

fn judge(data: &[u8]) {
    if let Ok(read) = SignedData::parse(data) {
        // A document's own certificates as anchors: the path search has something to search.
        let evidence = Evidence { anchors: read.certificates.clone(), ..Evidence::default() };
        let setting = Setting { evidence: &evidence, policy: Policy::default(), time: OffsetDateTime::UNIX_EPOCH };
        let report = validate_cms(data, Some(b"content"), setting);
        assert!(report.is_ok());
    }
}
