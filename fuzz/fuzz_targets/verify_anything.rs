//! The whole of verifying: whatever comes in is answered, and nothing passes that no trust anchor vouches for.
//!
//! Input: one octet of choices, a big-endian length in two octets and that much evidence (a certificate, a CRL or an OCSP response),
//! then the file, a PDF or CMS. How long and how much memory an answer may take, the fuzzer itself watches.

#![no_main]

#[path = "../../tests/support/signer.rs"]
mod signer;

use kyso::formats::pdf::Password;
use kyso::formats::x509::Certificate;
use kyso::validation::report::{Indication, Language};
use kyso::validation::{Beside, Evidence, Policy, RevocationPolicy, Setting, validate_file};
use libfuzzer_sys::fuzz_target;
use signer::{NOW, TestSigner};

/// Most messages about one signature; a report is for people.
const MAX_MESSAGES: usize = 2_000;

thread_local! {
    static SIGNER: TestSigner = TestSigner::new();
}

fuzz_target!(|data: &[u8]| {
    let Some((&[choices, high, low], rest)) = data.split_first_chunk::<3>() else { return };
    let Some((given, file)) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low]))) else { return };
    let mut evidence = Evidence::default();
    if evidence.add_revocation(given).is_err() {
        evidence.certificates.extend(Certificate::from_der(given));
    }
    let password = Password::new("user");
    let beside = Beside {
        content: (choices & 1 != 0).then_some(b"content".as_slice()),
        password: (choices & 2 != 0).then_some(&password),
    };
    let revocation = if choices & 4 != 0 { RevocationPolicy::Require } else { RevocationPolicy::IfPresent };
    let trusting = choices & 8 != 0;
    if trusting {
        SIGNER.with(|signer| evidence.anchors.push(signer.root().clone()));
    }
    let setting = Setting { evidence: &evidence, policy: Policy::strict_with(revocation), time: NOW };
    let Ok(report) = validate_file(file, beside, setting) else { return };
    for signature in &report.signatures {
        let passed = signature.indication() == Indication::TotalPassed;
        assert!(trusting || !passed, "passed without a trust anchor: {:?}", signature.messages);
        assert!(passed || !signature.messages.is_empty(), "a refusal without a reason");
        assert!(signature.messages.len() <= MAX_MESSAGES, "{} messages", signature.messages.len());
        for message in &signature.messages {
            assert!(!message.text(Language::Vietnamese).is_empty());
        }
    }
});
