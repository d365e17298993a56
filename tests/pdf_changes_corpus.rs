//! Change analysis and ByteRange facts against the attack corpus: forged and honest PDFs with expectations.
//!
//! Uses the test corpus beside the repository and is skipped, saying so, when it is absent. Cryptography is not looked
//! at here: rows that only a digest or a certificate decides are left out.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kyso::formats::pdf::byte_range::Coverage;
use kyso::formats::pdf::{Limits, Pdf, PdfError, signature};
use kyso::validation::pdf_changes::{ChangeLimits, Changes, Modification, analyse};

/// What the structure of one file says.
#[derive(Debug)]
struct Seen {
    worst: Modification,
    sound: bool,
    whole_file: bool,
    text: String,
}

/// Rows this analysis sees differently.
const DISAGREEMENTS: [(&str, &str); 1] = [(
    "published/pyHanko__form-update-no-override-appearance-stream-ap-indirect-sneaky.pdf",
    "the catalog's /FooBar shares the old appearance object, which the update does not touch: nothing it shows changes",
)];

fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/attacks");
    folder.is_dir().then_some(folder)
}

fn look(file: &[u8]) -> Result<Option<Seen>, PdfError> {
    let pdf = Pdf::open(file, &Limits::default())?;
    let signatures = signature::signatures(&pdf)?;
    let mut seen: Option<Seen> = None;
    for signature in &signatures {
        let sound = signature.byte_range.is_sound();
        let changes = match signature.signed_revision(&pdf) {
            Ok(signed) if sound => analyse(&signed, &pdf, signature, &ChangeLimits::default())?,
            _ => Changes { modification: Modification::None, findings: Vec::new() },
        };
        let here = Seen {
            worst: changes.modification,
            sound,
            whole_file: signature.byte_range.coverage == Coverage::WholeFile,
            text: changes.findings.iter().take(4).map(|f| format!("\n      {f:?}")).collect(),
        };
        let before = seen.take();
        seen = Some(match before {
            None => here,
            Some(before) => Seen {
                worst: before.worst.max(here.worst),
                sound: before.sound && here.sound,
                whole_file: before.whole_file && here.whole_file,
                text: format!("{}{}", before.text, here.text),
            },
        });
    }
    Ok(seen)
}

fn name(modification: Modification) -> &'static str {
    match modification {
        Modification::None => "none",
        Modification::Allowed => "allowed",
        Modification::Suspicious => "suspicious",
        Modification::Forbidden => "forbidden",
    }
}

/// What disagrees with the row, if anything does.
fn disagreement(row: &serde_json::Value, result: &Result<Option<Seen>, PdfError>) -> Option<String> {
    let must = row["must"].as_str().unwrap_or_default();
    let listed: Vec<&str> = row["modification"].as_array().into_iter().flatten().filter_map(|m| m.as_str()).collect();
    let honest = matches!(must, "passed" | "mod-ok");
    let seen = match result {
        Ok(Some(seen)) => seen,
        Ok(None) => return honest.then(|| "no signature found".into()),
        Err(error) => return honest.then(|| error.to_string()),
    };
    let worst = name(seen.worst);
    let wrong = match must {
        "passed" | "mod-ok" if !seen.sound => Some("the ByteRange has defects".into()),
        "mod-ok" if seen.worst > Modification::Allowed => Some(format!("{worst}, not allowed")),
        "passed" if seen.worst == Modification::Forbidden => Some("forbidden".into()),
        "passed" if !listed.is_empty() && !listed.contains(&worst) => Some(format!("{worst} is not in {listed:?}")),
        // Where "allowed" is listed, only the certificate decides.
        "not-passed"
            if seen.sound
                && !listed.is_empty()
                && !listed.contains(&"allowed")
                && seen.worst != Modification::Forbidden =>
        {
            Some(format!("{worst}, not forbidden, of {listed:?}"))
        }
        "seen" if seen.whole_file && seen.worst == Modification::None => Some("unseen".into()),
        _ => None,
    };
    wrong.map(|text| format!("{text}{}", seen.text))
}

#[test]
fn attacks_are_found_and_honest_files_left_alone() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: the attack corpus is absent");
        return;
    };
    let manifest = std::fs::read_to_string(corpus.join("manifest.jsonl")).unwrap();
    let (mut total, mut wrong) = (0, Vec::new());
    for row in manifest.lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let file_name = row["file"].as_str().unwrap();
        if !file_name.ends_with(".pdf") {
            continue;
        }
        total += 1;
        let file = std::fs::read(corpus.join(file_name)).unwrap();
        let start = Instant::now();
        let result = look(&file);
        let took = start.elapsed();
        if std::env::var_os("KYSO_SHOW").is_some() {
            println!("{file_name} {} {took:?} {result:?}", row["must"]);
        }
        if took > Duration::from_secs(10) {
            wrong.push(format!("{file_name}: took {took:?}"));
        }
        let disagreement = disagreement(&row, &result);
        if let Some((_, why)) = DISAGREEMENTS.iter().find(|(name, _)| *name == file_name) {
            assert!(disagreement.is_some(), "{file_name} agrees now, though {why}");
            continue;
        }
        if let Some(text) = disagreement {
            wrong.push(format!("{file_name} ({}): {text}", row["must"]));
        }
    }
    println!("{} of {total} files agree", total - wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
