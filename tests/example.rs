//! The example runs as another program would, on a sample and on a file named on its command line.

use std::path::Path;
use std::process::Command;

#[test]
fn deferred_signing_ends_in_a_valid_document() {
    // Examples are built beside the tests: target/PROFILE/deps/example-… and target/PROFILE/examples/….
    let me = std::env::current_exe().expect("a path");
    let example = me.ancestors().nth(2).expect("the profile's folder").join("examples/deferred_signing");
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
