//! The examples run as other programs would, on samples and on files named on their command lines.

#[path = "support/signer.rs"]
mod signer;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kyso::formats::pdf::{Limits, Pdf};

/// Examples are built beside the tests: target/PROFILE/deps/example-… and target/PROFILE/examples/….
fn example(name: &str) -> PathBuf {
    let me = std::env::current_exe().expect("a path");
    me.ancestors().nth(2).expect("the profile's folder").join("examples").join(name)
}

#[test]
fn deferred_signing_ends_in_a_valid_document() {
    let example = example("deferred_signing");
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("signed.pdf");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/hop-dong-dich-vu.pdf");
    let run = |arguments: &[&Path]| Command::new(&example).args(arguments).output().expect("the example is built");
    for arguments in [&[][..], &[&*sample, &*out]] {
        let output = run(arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("verdict       TOTAL-PASSED") && said.contains("integrity     intact"), "{said}");
    }
    let (original, signed) = (std::fs::read(&sample).expect("a sample"), std::fs::read(&out).expect("written"));
    assert!(signed.starts_with(&original) && signed.len() > original.len());
    assert!(!run(&[Path::new("nothing.pdf")]).status.success());
}

#[test]
fn verify_offline_tells_an_honest_file_from_a_changed_and_an_unsigned_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let sample =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/hop-dong-dich-vu.pdf")).expect("a sample");
    let signer = signer::TestSigner::new();
    let update = signer.sign(&Pdf::open(&sample, &Limits::default()).expect("a PDF")).expect("signed");
    let signed = [sample.as_slice(), &update].concat();
    let mut changed = signed.clone();
    let at = changed.windows(4).position(|window| window == b"595.").expect("a page box");
    changed[at] ^= 1;
    let root = folder.path().join("root.der");
    std::fs::write(&root, signer.root().der()).expect("written");
    let run = |file: &[u8]| -> Output {
        let path = folder.path().join("file.pdf");
        std::fs::write(&path, file).expect("written");
        Command::new(example("verify_offline")).args([&path, &root]).output().expect("the example is built")
    };
    let said = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    let honest = run(&signed);
    assert!(said(&honest).contains("covers      whole-file"), "{}", said(&honest));
    // Outside the validity of the signer's certificate, the verdict depends on the day the test runs.
    let verdict = said(&honest);
    assert!(
        verdict.contains("TOTAL-PASSED") == honest.status.success() && !verdict.contains("TOTAL-FAILED"),
        "{verdict}"
    );
    let changed = run(&changed);
    assert!(said(&changed).contains("TOTAL-FAILED HASH_FAILURE") && !changed.status.success(), "{}", said(&changed));
    assert!(String::from_utf8_lossy(&run(&sample).stderr).contains("holds no signature"));
    assert!(!run(b"rubbish").status.success());
}
