//! Ordinary PDFs of many producers: every sound one is signed and passes our own verifier, the others are signed likewise or
//! refused with a reason.
//!
//! Uses the test corpus beside the repository and is skipped, saying so, when it is absent. With `KYSO_WILD_OUT` set to
//! a folder the signed files are left there for other tools to look at.

#[path = "support/signer.rs"]
mod signer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kyso::formats::pdf::Limits;
use kyso::signing::SigningError;
use kyso::validation::report::{Coverage, Indication};
use signer::TestSigner;

fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/wild");
    folder.is_dir().then_some(folder)
}

/// The signed file, and what is wrong with it in the eyes of our own verifier.
fn sign(signer: &TestSigner, file: &[u8]) -> Result<(Vec<u8>, Option<String>), SigningError> {
    let limits = Limits::default();
    let pdf = signer::open(file, &limits)?;
    let signed = [file, &signer.sign(&pdf)?].concat();
    let wrong = match signer.validate(&signed, None) {
        Err(error) => Some(format!("our verifier: {error}")),
        // The file may hold forged signatures besides ours, which is the one that covers all of it.
        Ok(report) => match report.signatures.iter().find(|s| s.coverage == Coverage::WholeFile) {
            Some(ours) if ours.indication() == Indication::TotalPassed => None,
            other => Some(format!("our verifier: {:?}", other.map(|ours| &ours.messages))),
        },
    };
    Ok((signed, wrong))
}

#[test]
fn ordinary_files_are_signed_and_verified_and_damaged_ones_never_crash() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: the wild corpus is absent");
        return;
    };
    let out = std::env::var_os("KYSO_WILD_OUT").map(PathBuf::from);
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    let (mut counts, mut wrong) = (BTreeMap::new(), Vec::new());
    let signer = TestSigner::new();
    for row in manifest.lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let (name, class) = (row["file"].as_str().unwrap(), row["class"].as_str().unwrap());
        let file = std::fs::read(corpus.join(name)).unwrap();
        let start = Instant::now();
        let result = sign(&signer, &file);
        let took = start.elapsed();
        let state = if result.is_ok() { "signed" } else { "refused" };
        *counts.entry(format!("{class} {state}")).or_insert(0) += 1;
        match result {
            Err(error) if class == "ok" => wrong.push(format!("{name}: {error}")),
            Err(error) => println!("{class}: {name}: {error}"),
            Ok((signed, fault)) => {
                wrong.extend(fault.map(|fault| format!("{class}: {name}: {fault}")));
                if let Some(out) = &out {
                    std::fs::write(out.join(Path::new(name).file_name().unwrap()), signed).unwrap();
                }
            }
        }
        if took > Duration::from_secs(5) {
            wrong.push(format!("{name}: took {took:?}"));
        }
    }
    println!("{counts:#?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
