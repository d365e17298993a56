//! Verify a signed PDF or CMS file inside your own program, without a network, a clock or a file in the engine.
//!
//! ```text
//! the file      ─┐
//! trust anchors ─┤
//! CRLs, OCSP    ─┼──▶ validate_file ──▶ FileReport: one verdict a signature, with its reasons
//! policy, time  ─┘
//! ```
//!
//! Run it with `cargo run --example verify_offline --no-default-features -- SIGNED ROOT [CRL…]`: the signed file, the certificate
//! that is trusted (PEM or DER), and revocation lists or OCSP responses.

use std::error::Error;
use std::path::PathBuf;

use kyso::formats::x509::pem;
use kyso::validation::report::{Indication, Language, coverage_str, modification_str};
use kyso::validation::{Beside, Evidence, Policy, RevocationPolicy, Setting, validate_file};

#[expect(clippy::disallowed_methods, reason = "the edge of a program is where the clock is read")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [signed, root, lists @ ..] = arguments.as_slice() else {
        return Err("usage: verify_offline SIGNED ROOT [CRL…]".into());
    };

    // 1. What the judgement may rest on. The engine fetches nothing: what is missing, the report names.
    let mut evidence = Evidence { anchors: pem::certificates(&std::fs::read(root)?)?, ..Evidence::default() };
    for list in lists {
        evidence.add_revocation(&std::fs::read(list)?)?;
    }

    // 2. The choices. `Require` is the standard's: a certificate whose status nobody tells is not accepted.
    let revocation = if lists.is_empty() { RevocationPolicy::IfPresent } else { RevocationPolicy::Require };
    let setting =
        Setting { evidence: &evidence, policy: Policy::strict_with(revocation), time: time::OffsetDateTime::now_utc() };

    // 3. The judgement. An error means that the file could not be processed; a bad signature is a verdict.
    let report = validate_file(&std::fs::read(signed)?, Beside::default(), setting)?;

    // 4. The answer: a file is as good as its worst signature, and one without signatures is not good at all.
    for signature in &report.signatures {
        let sub = signature.sub_indication.map(|sub| sub.as_str()).unwrap_or_default();
        println!("signature {}   {} {sub}", signature.index, signature.indication().as_str());
        println!("  signer      {}", signature.signer.as_ref().map_or("?", |signer| signer.subject.as_str()));
        println!("  covers      {}", coverage_str(signature.coverage));
        println!("  since then  {}", modification_str(signature.modification));
        for message in &signature.messages {
            println!(
                "  {:<11} {}: {}",
                message.severity.as_str(),
                message.code.as_str(),
                message.text(Language::English)
            );
        }
    }
    let worst = report.signatures.iter().map(|signature| signature.indication()).max();
    match worst {
        Some(Indication::TotalPassed) => Ok(()),
        Some(_) => Err("not every signature is valid".into()),
        None => Err("the file holds no signature".into()),
    }
}
