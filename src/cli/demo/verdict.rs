//! The end of the demonstration: `kyso verify` as a process of its own, which knows the files, the root and the CRL, and no service.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use serde_json::Value;

use super::Left;

/// Prints a line for each file; the exit code is the verifier's.
pub fn tell(left: &Left) -> Result<ExitCode> {
    let program = std::env::current_exe().context("this program's own file is not known")?;
    let mut command = Command::new(program);
    command.arg("verify").arg("--json").arg("--trust").arg(&left.root).arg("--crl").arg(&left.crl).args(&left.signed);
    let output = command.output().context("the verifier cannot be started")?;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        show(&serde_json::from_str(line).context("the verifier's report cannot be read")?);
    }
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        println!("   {line}");
    }
    Ok(output.status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn show(report: &Value) {
    let text =
        |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let file = text(report, "/file");
    let name = Path::new(&file).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or(file.clone());
    println!("   {name}");
    if let Some(error) = report["error"].as_str() {
        println!("     ✗ {error}");
    }
    let signatures = report["signatures"].as_array().into_iter().flatten();
    for signature in signatures.filter(|signature| signature["kind"] == "signature") {
        let indication = text(signature, "/indication");
        let mark = if indication == "TOTAL-PASSED" { '✓' } else { '✗' };
        let subject = text(signature, "/signer/subject");
        let name = subject.split(',').find_map(|part| part.strip_prefix("CN=")).unwrap_or(&subject);
        println!("     {mark} {indication:<12} {:<12} {name}", text(signature, "/level"));
    }
}
