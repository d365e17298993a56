//! Hostile answers of a responder: reading them, and judging them about their own certificates, must end without a panic.

#![no_main]

use kyso::formats::ocsp::OcspResponse;
use kyso::validation::Evidence;
use kyso::validation::fetched::{self, Question};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(response) = OcspResponse::from_der(data) else { return };
    assert_eq!(OcspResponse::from_der(&response.response_der()).as_ref(), Ok(&response));
    let evidence = Evidence::default();
    for certificate in response.certificates().iter().take(4) {
        let question =
            Question { certificate, issuers: response.certificates(), evidence: &evidence, time: response.produced_at() };
        let _ = fetched::ocsp(data, response.nonce(), question);
    }
});
