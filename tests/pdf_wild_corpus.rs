//! Ordinary PDFs of many producers: what must be signed is prepared, the rest is refused with a reason.
//!
//! Uses the test corpus beside the repository and is skipped, saying so, when it is absent. With `KYSO_WILD_OUT` set to
//! a folder the prepared files are left there for other tools to look at.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kyso::crypto::DigestAlgorithm;
use kyso::formats::pdf::byte_range::Coverage;
use kyso::formats::pdf::{Limits, Pdf, signature};
use kyso::signing::{FieldChoice, PrepareRequest, SigningError, embed, prepare};
use time::macros::datetime;

/// XFA-only forms: their pages are a placeholder ("please wait"), so a signature on them would be on nothing the citizen
/// saw. The corpus wants them signed; kyso refuses by name.
const REFUSED_ON_PURPOSE: [&str; 2] = ["files/pdfium__bug_1055869.pdf", "files/pdfium__resolve_nodes_1.pdf"];

fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/wild");
    folder.is_dir().then_some(folder)
}

/// Prepares, embeds a pretended CMS and reads the result back.
fn sign(file: &[u8]) -> Result<Vec<u8>, SigningError> {
    let request = PrepareRequest {
        field: FieldChoice::NewInvisible,
        signing_time: datetime!(2026-01-02 03:04:05 +07:00),
        name: Some("Nguyễn Văn An".into()),
        reason: None,
        location: None,
        contact_info: None,
        certify: None,
        lock: None,
        contents_capacity: 4096,
    };
    let prepared = prepare(&Pdf::open(file, &Limits::default())?, &request)?;
    prepared.digest(file, DigestAlgorithm::Sha256)?;
    let signed = [file, &embed(&prepared, &[0; 16])?].concat();
    let pdf = Pdf::open(&signed, &Limits::default())?;
    let signatures = signature::signatures(&pdf)?;
    let covers = signatures.iter().any(|s| s.byte_range.is_sound() && s.byte_range.coverage == Coverage::WholeFile);
    assert!(covers, "the signature read back does not cover the file");
    Ok(signed)
}

#[test]
fn ordinary_files_are_prepared_and_damaged_ones_are_refused() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: the wild corpus is absent");
        return;
    };
    let out = std::env::var_os("KYSO_WILD_OUT").map(PathBuf::from);
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    let (mut counts, mut wrong) = (std::collections::BTreeMap::new(), Vec::new());
    for row in manifest.lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let (name, class) = (row["file"].as_str().unwrap(), row["class"].as_str().unwrap());
        let file = std::fs::read(corpus.join(name)).unwrap();
        let start = Instant::now();
        let result = sign(&file);
        let took = start.elapsed();
        let state = if result.is_ok() { "signed" } else { "refused" };
        *counts.entry(format!("{class} {state}")).or_insert(0) += 1;
        if let (Some(out), Ok(signed)) = (&out, &result) {
            std::fs::write(out.join(Path::new(name).file_name().unwrap()), signed).unwrap();
        }
        if REFUSED_ON_PURPOSE.contains(&name) {
            assert_eq!(result.err(), Some(SigningError::XfaOnly), "{name}");
            continue;
        }
        match &result {
            Err(error) if class == "ok" => wrong.push(format!("{name}: {error}")),
            Err(error) if class != "encrypted" => println!("{class}: {name}: {error}"),
            _ => {}
        }
        if took > Duration::from_secs(2) {
            wrong.push(format!("{name}: took {took:?}"));
        }
    }
    println!("{counts:#?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
