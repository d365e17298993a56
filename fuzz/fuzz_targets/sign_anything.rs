//! Whatever comes in is either refused, or signed so that its bytes stay as they are and our own verifier accepts the
//! signature. Encrypted and damaged files are among what is signed.

#![no_main]

#[path = "../../tests/support/signer.rs"]
mod signer;

use kyso::formats::pdf::Limits;
use kyso::validation::report::{Coverage, Indication};
use libfuzzer_sys::fuzz_target;
use signer::TestSigner;

thread_local! {
    static SIGNER: TestSigner = TestSigner::new();
}

fuzz_target!(|data: &[u8]| {
    // Small limits keep each run short; the code paths are the same.
    let limits = Limits { stream_bytes: 1 << 20, decoded_bytes: 4 << 20, ..Limits::default() };
    let Ok(pdf) = signer::open(data, &limits) else { return };
    SIGNER.with(|signer| {
        let Ok(update) = signer.sign(&pdf) else { return };
        let whole = [data, &update].concat();
        let report = signer.validate(&whole, None).expect("a signed file is readable");
        let ours = report.signatures.iter().find(|signature| signature.coverage == Coverage::WholeFile);
        let ours = ours.expect("our signature is found and covers the file");
        assert_eq!(ours.indication(), Indication::TotalPassed, "{:?}", ours.messages);
    });
});
