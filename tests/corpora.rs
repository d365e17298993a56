//! The whole program over corpora of real and hostile documents, when they stand beside the checkout. Without them each test is
//! skipped, saying so.
//!
//! Where a corpus expects something else than this program says, the row stands in a list with the reason; a row that is listed and
//! agrees fails too. The attack, limbo and PKITS corpora are judged by their own runners, whose closing lines are held here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A row this program sees otherwise, and why.
type Disagreement = (&'static str, &'static str);

/// EU DSS test documents. Their tests give certificates to trust, or switch checks off; here nothing is trusted and all are on.
const DSS: [Disagreement; 8] = [
    // Its certificate is only in the test's trusted store; nothing is identified without it (EN 319 102-1 §5.2.3).
    ("cades/cades__no-key-info-cert.pkcs7", "the signing certificate is in the test's own store"),
    ("cms/cades__cades-double-signing-certificate.p7m", "signing-certificate-v2 must stand there once (RFC 5035 §3)"),
    (
        "cades/cades__dss-1419__CAdES-BpB-att-SHA3_224-SHA3_224withRSA.p7m",
        "SHA3-224 is in no suite table of TS 119 312",
    ),
    (
        "cades/cades__evidence-record__C-E-ERS-basic-invalid-sig.p7m",
        "the signature is intact; its evidence record fails, proves nothing, and is told",
    ),
    // A FreeText, names and a language added after an approval signature: DSS warns (DocMDP only restricts certified documents),
    // here what nothing permits is forbidden (ISO 32000-2 §12.8.2.1: "changes … shall be detected").
    ("pdf/pades__pades-signed-annot-added.pdf", "content was added that no signature permits"),
    // The test asserts the signature alone; the copied token is not of the bytes it covers (RFC 3161 §2.4.2).
    ("pdf/pades__pades-t-duplicated-doctst.pdf", "the second document time-stamp is a copy of the first"),
    (
        "pdf/pades__pades-multiple-pages-annots-overlap.pdf",
        "links of the signed file overlap each other: no modification",
    ),
    ("pdf/pades__BadEncodedCMS.pdf", "the unreadable signature is counted"),
];

/// Documents of pyHanko's making.
const PYHANKO: [Disagreement; 1] = [
    // ISO 32000-1 table 254 permits annotations under P=3; this one is drawn over the text it falsifies (the evil annotation attack).
    ("mdp/certify-3-then-annot.pdf", "the annotation covers signed text: suspicious"),
];

fn corpus(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus").join(name);
    if !folder.is_dir() {
        eprintln!("skipped: the corpus {name:?} is not beside the checkout");
    }
    folder.canonicalize().ok()
}

/// Runs one runner and gives what it printed.
fn run(script: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new("python3")
        .arg(corpus("run")?.join(script))
        .args(arguments)
        .env("KYSO", env!("CARGO_BIN_EXE_kyso"))
        .output()
        .expect("python3 runs");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The numbers of the closing line, `N passed, N failed`.
fn closing(printed: &str) -> (u32, u32) {
    let line = printed.lines().last().unwrap_or_default();
    let numbers: Vec<u32> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    match numbers[..] {
        [passed, failed, ..] => (passed, failed),
        _ => panic!("no closing line: {printed}"),
    }
}

#[test]
fn no_forged_document_passes_and_no_honest_one_is_refused() {
    let Some(printed) = run("run_attacks.py", &[]) else { return };
    let (passed, failed) = closing(&printed);
    assert!(passed > 500 && failed == 0, "{printed}");
}

#[test]
fn paths_are_judged_as_nist_asks() {
    let Some(printed) = run("run_pkits.py", &["--have", "crl,policy", "--tag", "all"]) else { return };
    let (passed, failed) = closing(&printed);
    // 4.1.4 and 4.1.5 use DSA, which nothing signs with any more (FIPS 186-5 §4 keeps it for verification only).
    assert!(passed > 200 && failed == 2 && printed.contains("dsa     0/2"), "{printed}");
    assert!(
        printed.lines().filter(|line| line.contains("false accepts")).all(|line| line.contains("false accepts 0")),
        "{printed}"
    );
}

#[test]
fn paths_are_judged_as_limbo_asks() {
    let Some(printed) = run("run_limbo.py", &[]) else { return };
    let core = printed.lines().find(|line| line.trim_start().starts_with("core")).expect("a line for the core");
    assert!(core.contains("false accepts 0, false rejects 0, errors 0"), "{printed}");
}

/// What `verify --json` answers.
struct Answer {
    error: bool,
    signatures: Vec<Value>,
}

impl Answer {
    fn of(arguments: &[&str], file: &Path) -> Self {
        let output = Command::new(env!("CARGO_BIN_EXE_kyso"))
            .args(["verify", "--json", "--lang", "en", "--revocation=if-present"])
            .args(arguments)
            .arg(file)
            .output()
            .expect("runs");
        assert!(matches!(output.status.code(), Some(0 | 1 | 3 | 4)), "{}: {:?}", file.display(), output.status);
        let line: Value = serde_json::from_slice(&output.stdout).expect("one JSON line");
        Self { error: !line["error"].is_null(), signatures: line["signatures"].as_array().cloned().unwrap_or_default() }
    }

    fn all(&self, key: &str) -> Vec<&str> {
        self.signatures.iter().map(|signature| signature[key].as_str().unwrap_or_default()).collect()
    }

    fn has(&self, key: &str, values: &[&str]) -> bool {
        self.all(key).iter().any(|found| values.contains(found))
    }

    /// Whether a message of some signature has a code that begins so.
    fn tells(&self, code: &str) -> bool {
        let messages =
            self.signatures.iter().flat_map(|signature| signature["messages"].as_array().into_iter().flatten());
        messages.into_iter().any(|message| message["code"].as_str().is_some_and(|found| found.starts_with(code)))
    }

    fn worst(&self) -> &'static str {
        let order = ["TOTAL-FAILED", "INDETERMINATE", "TOTAL-PASSED"];
        let unreadable = self.error || self.signatures.is_empty();
        order
            .into_iter()
            .find(|indication| unreadable || self.has("indication", &[indication]))
            .unwrap_or("TOTAL-FAILED")
    }

    fn failed(&self) -> bool {
        self.worst() == "TOTAL-FAILED" || self.has("integrity", &["broken"])
    }
}

/// Judges every row, and holds what disagrees against the list.
fn hold(
    folder: &Path,
    listed: &[Disagreement],
    least: usize,
    wanted: impl Fn(&Value) -> bool,
    judge: impl Fn(&Value) -> Option<String>,
) {
    let manifest = std::fs::read_to_string(folder.join("manifest.jsonl")).expect("a manifest");
    let rows = manifest.lines().map(|line| serde_json::from_str::<Value>(line).expect("a row"));
    let rows: Vec<Value> = rows.filter(wanted).collect();
    assert!(rows.len() >= least, "{} rows", rows.len());
    let mut listed: BTreeMap<&str, &str> = listed.iter().copied().collect();
    let mut wrong = Vec::new();
    for row in &rows {
        let file = row["file"].as_str().expect("a file");
        match (judge(row), listed.remove(file)) {
            (Some(_), Some(_)) | (None, None) => {}
            (Some(found), None) => wrong.push(format!("{file}: {found}")),
            (None, Some(why)) => wrong.push(format!("{file}: agrees now, though it is listed: {why}")),
        }
    }
    wrong.extend(listed.keys().map(|file| format!("{file}: is listed and not in the corpus")));
    assert!(wrong.is_empty(), "{} disagree:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn documents_of_dss_are_judged_as_its_tests_ask() {
    let Some(folder) = corpus("dss") else { return };
    let read = |row: &Value| matches!(row["format"].as_str(), Some("pdf" | "cms" | "cades"));
    hold(&folder, &DSS, 130, read, |row| {
        let content = row["detached"].as_array().and_then(|list| list.first()).and_then(|name| name.as_str());
        let content = content.map(|name| folder.join(name).display().to_string());
        let arguments: Vec<&str> = content.iter().flat_map(|path| ["--content", path.as_str()]).collect();
        let answer = Answer::of(&arguments, &folder.join(row["file"].as_str()?));
        dss_disagreement(row, &answer)
    });
}

fn dss_disagreement(row: &Value, answer: &Answer) -> Option<String> {
    let expect = &row["expect"];
    let modification = &expect["modification"];
    let seen =
        format!("{:?} {:?} {:?}", answer.all("indication"), answer.all("sub_indication"), answer.all("modification"));
    let detected = modification["detected"] == true;
    let cryptography = expect["indication_crypto_only"].as_str();
    // A spoofed dictionary or a removed page is a failure of the format, whatever the digests say.
    if cryptography == Some("PASS") && !detected && answer.failed() {
        return Some(format!("refused: {seen}"));
    }
    if cryptography == Some("FAIL") && !answer.failed() {
        return Some(format!("not refused: {seen}"));
    }
    if detected && !answer.has("modification", &["suspicious", "forbidden"]) {
        return Some(format!("unseen: {seen}"));
    }
    if modification["undefined_changes"] == false && answer.has("modification", &["forbidden"]) {
        return Some(format!("no change is undefined: {seen}"));
    }
    let broken_range = modification["byte_range"].as_str().is_some_and(|text| text.contains("INVALID"));
    if broken_range && !(answer.error || answer.tells("byte-range") || answer.tells("signature-dictionary")) {
        return Some(format!("the ByteRange is invalid: {seen}"));
    }
    if modification["dictionary_consistent"] == false && !answer.has("modification", &["forbidden"]) {
        return Some(format!("the dictionary was replaced: {seen}"));
    }
    if modification["page_difference_pages"].is_array() && !answer.has("sub_indication", &["FORMAT_FAILURE"]) {
        return Some(format!("pages differ: {seen}"));
    }
    let count = row["signatures"].as_u64();
    let found = answer.all("kind").into_iter().filter(|kind| *kind == "signature").count();
    if count.is_some_and(|count| count != found as u64) && !answer.signatures.is_empty() {
        return Some(format!("{found} signatures"));
    }
    let off_profile =
        expect["level"].as_str().is_some_and(|level| level.ends_with("NOT_ETSI") || level.starts_with("PKCS7"));
    if off_profile && !answer.has("level", &["PKCS7"]) {
        return Some(format!("level {:?}", answer.all("level")));
    }
    None
}

#[test]
fn documents_of_pyhanko_are_judged_as_designed() {
    let Some(folder) = corpus("pyhanko") else { return };
    let (root, lists) = (folder.join("pki/trust/root.pem"), folder.join("pki/trust-crl/crls"));
    let (root, lists) = (root.display().to_string(), format!("--crl={}", lists.display()));
    hold(
        &folder,
        &PYHANKO,
        88,
        |_| true,
        |row| {
            let at = row["validate_at"].as_str()?;
            let (_password, password) = password(row);
            let arguments =
                ["--trust", &root, &lists, "--at", at].into_iter().chain(password.iter().map(String::as_str));
            let answer = Answer::of(&arguments.collect::<Vec<_>>(), &folder.join(row["file"].as_str()?));
            let (worst, designed) = (answer.worst(), row["designed"]["overall"].as_str()?);
            // Contested rows are right either way, but never failed.
            let agrees = worst == designed || (!row["contested"].is_null() && worst != "TOTAL-FAILED");
            if !agrees {
                let seen = answer.all("sub_indication");
                return Some(format!("{worst} {seen:?}, designed {designed} ({})", row["designed"]["why"]));
            }
            let level = row["designed"]["level"].as_str()?;
            let level = if level == "not-pades" { "PKCS7" } else { level };
            let reached = answer.all("level").iter().any(|found| found.ends_with(level));
            (!reached).then(|| format!("level {:?}, designed {level}", answer.all("level")))
        },
    );
}

/// The row's password in a file, and the argument that names it.
fn password(row: &Value) -> (Option<tempfile::NamedTempFile>, Option<String>) {
    let Some(password) = row["password"].as_str() else { return (None, None) };
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), password).expect("written");
    let argument = format!("--password-file={}", file.path().display());
    (Some(file), Some(argument))
}
