//! Hostile revocation lists: reading them, looking a certificate up in them, and judging with them must end.
//!
//! Input: PEM or DER, as `--crl` takes it.

#![no_main]

#[path = "../../tests/support/signer.rs"]
mod signer;

use kyso::formats::crl::{self, CertificateList};
use kyso::validation::blocks::x509::policies::PolicyInputs;
use kyso::validation::blocks::x509::{Context, Purpose, validate};
use kyso::validation::{Evidence, Policy, RevocationPolicy};
use libfuzzer_sys::fuzz_target;
use signer::{NOW, TestSigner};

thread_local! {
    static SIGNER: TestSigner = TestSigner::new();
}

fuzz_target!(|data: &[u8]| {
    let Ok(lists) = crl::lists(data) else { return };
    for list in &lists {
        assert_eq!(CertificateList::from_der(list.der()).as_ref(), Ok(list));
        let _ = (list.issuer().to_string(), list.this_update(), list.next_update(), list.scope());
    }
    SIGNER.with(|signer| {
        let (root, leaf) = (signer.root(), signer.certificate());
        for list in &lists {
            let _ = list.revocation(leaf.issuer(), leaf.serial());
        }
        // The root signed no list: none of these may count, for or against.
        let signed = lists.iter().any(|list| root.public_key().is_ok_and(|key| list.verify_issued_with(&key).is_ok()));
        let evidence = Evidence { anchors: vec![root.clone()], crls: lists, ..Evidence::default() };
        for (revocation, valid) in [(RevocationPolicy::IfPresent, true), (RevocationPolicy::Require, false)] {
            let context = Context {
                evidence: &evidence,
                policy: Policy::strict_with(revocation),
                time: NOW,
                purpose: Purpose::DocumentSigning,
                policies: PolicyInputs::default(),
            };
            let judged = validate(leaf, context, &mut Default::default(), &mut Vec::new());
            assert!(signed || judged.is_ok() == valid, "a list that nobody signed changed the verdict");
        }
    });
});
