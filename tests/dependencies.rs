//! The offline verifier is built from few crates: none that opens a socket, runs tasks or speaks to a database.

use std::process::Command;

/// Names of the crates `cargo tree` lists for these features.
fn tree(features: &str) -> Vec<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--offline", "--no-default-features", "--features", features])
        .args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn offline_verifier_has_no_runtime_database_or_socket() {
    let crates = tree("cli");
    assert!(crates.iter().any(|name| name == "clap"), "the listing is not what it should be: {crates:?}");
    for forbidden in ["tokio", "sqlx", "axum", "reqwest", "hyper", "rustls", "mio", "socket2", "aws-lc-rs", "openssl"] {
        assert!(!crates.iter().any(|name| name == forbidden), "{forbidden} is in the verifier's dependencies");
    }
}

/// `bench` lets benchmarks sign without the key door: nobody gets it who did not name it.
#[test]
fn what_is_for_benchmarks_alone_is_in_no_other_feature() {
    let manifest = include_str!("../Cargo.toml");
    let features = manifest.split("[features]").nth(1).and_then(|rest| rest.split("\n[").next()).expect("features");
    let naming: Vec<&str> = features.lines().filter(|line| line.contains("bench") && !line.starts_with('#')).collect();
    assert_eq!(naming, ["bench = [\"custody\"]"]);
}
