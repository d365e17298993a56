//! Hostile certificates: reading one, and building a path from it through all others of the input, must end.
//!
//! Input: PEM, or DER certificates one after the other; the last is the trust anchor.

#![no_main]

use kyso::formats::der::{Reader, Rules};
use kyso::formats::x509::{Certificate, pem};
use kyso::validation::blocks::x509::policies::PolicyInputs;
use kyso::validation::blocks::x509::{Context, Purpose, validate};
use kyso::validation::{Evidence, Policy, RevocationPolicy};
use libfuzzer_sys::fuzz_target;
use time::macros::datetime;

fuzz_target!(|data: &[u8]| {
    let certificates = pem::certificates(data).unwrap_or_else(|_| one_after_the_other(data));
    for certificate in &certificates {
        assert_eq!(Certificate::from_der(certificate.der()).as_ref(), Ok(certificate));
        let _ = (certificate.subject().to_string(), certificate.issuer().common_name(), certificate.serial_hex());
        let _ = (certificate.public_key().is_ok(), certificate.signature_algorithm().is_ok());
        let _ = (certificate.extensions().crl_uris(), certificate.is_self_issued());
    }
    let Some((anchor, others)) = certificates.split_last() else { return };
    let Some((leaf, pool)) = others.split_first() else { return };
    let evidence =
        Evidence { anchors: vec![anchor.clone()], certificates: pool.to_vec(), ..Evidence::default() };
    let context = Context {
        evidence: &evidence,
        policy: Policy::strict_with(RevocationPolicy::IfPresent),
        time: datetime!(2026-06-01 0:00 UTC),
        purpose: Purpose::DocumentSigning,
        policies: PolicyInputs::default(),
    };
    if let Ok(path) = validate(leaf, context, &mut Default::default(), &mut Vec::new()) {
        let path = path.certificates();
        assert_eq!((path.first(), path.last()), (Some(leaf), Some(anchor)));
        for pair in path.windows(2) {
            let key = pair[1].public_key().expect("the key of an issuer in a valid path");
            assert!(pair[0].verify_issued_with(&key).is_ok(), "a link that nobody signed");
        }
    }
});

fn one_after_the_other(data: &[u8]) -> Vec<Certificate> {
    let mut reader = Reader::new(data, Rules::Der);
    let elements = std::iter::from_fn(|| reader.next().ok());
    elements.take(12).filter_map(|element| Certificate::from_der(element.raw()).ok()).collect()
}
