//! The house's structure, read from the sources: imports run one way, the key door is narrow, unsafe stands in one module.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder may import only folders of lower rank; equal ranks never import each other.
const RANKS: &[(&str, u32)] = &[
    ("crypto", 10),
    ("formats", 20),
    ("validation", 30),
    ("signing", 30),
    ("domain", 40),
    ("bundle", 40),
    ("report", 45),
    ("installed", 50),
    ("custody", 50),
    ("identity", 50),
    ("storage", 50),
    ("raising", 55),
    ("trust", 50),
    ("authorization", 60),
    ("service", 70),
    ("dev_pki", 70),
    ("http", 80),
    ("app", 90),
    ("cli", 95),
];

/// The one module outside the ranks: files mapped into memory, for whoever does I/O.
const MAPPING: &str = "mapping";
/// Folders that do no I/O and so may not map files.
const PURE_CORE: &[&str] = &["crypto", "formats", "validation", "signing", "domain", "bundle", "report"];
/// Inside formats: der serves x509 and all others; the pdf folder stands beside them, importing none.
const FORMATS: &[(&str, u32)] = &[("der", 1), ("x509", 2), ("crl", 3), ("ocsp", 3), ("cms", 4), ("tsp", 5), ("pdf", 1)];

struct Source {
    /// Below `src`, e.g. `crypto/digest.rs`.
    name: String,
    text: String,
}

impl Source {
    fn folder(&self) -> &str {
        self.name.split(['/', '.']).next().unwrap_or_default()
    }

    /// The code without comments and without its unit tests, which stand last.
    fn code(&self) -> String {
        let body = self.text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let uncommented = |line: &&str| !line.trim_start().starts_with("//");
        body.lines().filter(uncommented).collect::<Vec<_>>().join("\n")
    }

    /// Every `crate::a::b` path, as its segments; groups `crate::{a, b}` are opened.
    fn paths(&self) -> Vec<Vec<String>> {
        let code = self.code();
        let mut found = Vec::new();
        for (at, _) in code.match_indices("crate::") {
            let preceded = code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$');
            let rest = &code[at + "crate::".len()..];
            if preceded {
                continue;
            }
            if let Some(group) = rest.strip_prefix('{') {
                let inner = group.split("};").next().unwrap_or_default();
                found.extend(inner.split(',').map(|part| vec![first_word(part.trim()).to_owned()]));
            } else {
                found.push(rest.splitn(3, "::").map(|part| first_word(part).to_owned()).collect());
            }
        }
        found
    }
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default()
}

fn sources() -> Vec<Source> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.sort();
    let read = |path: &PathBuf| Source {
        name: path.strip_prefix(&root).expect("below src").to_string_lossy().into_owned(),
        text: fs::read_to_string(path).expect("readable"),
    };
    paths.iter().map(read).collect()
}

fn rank(folder: &str) -> Option<u32> {
    RANKS.iter().find(|(name, _)| *name == folder).map(|(_, rank)| *rank)
}

fn breaches(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| !matches!(source.folder(), "lib" | "main" | MAPPING)) {
        let own = source.folder();
        let Some(own_rank) = rank(own) else {
            found.push(format!("{}: the folder has no rank", source.name));
            continue;
        };
        for path in source.paths() {
            let target = path.first().map(String::as_str).unwrap_or_default();
            let allowed = match rank(target) {
                Some(target_rank) => target == own || target_rank < own_rank,
                None => target == MAPPING && !PURE_CORE.contains(&own),
            };
            if !allowed {
                found.push(format!("{} imports crate::{}", source.name, path.join("::")));
            }
        }
    }
    found
}

#[test]
fn imports_run_one_way() {
    assert_eq!(breaches(&sources()), Vec::<String>::new());
}

#[test]
fn an_import_upwards_is_found() {
    let upward = |name: &str, text: &str| breaches(&[Source { name: name.into(), text: text.into() }]).len();
    assert_eq!(upward("crypto/x.rs", "use crate::domain::Portal;"), 1);
    assert_eq!(upward("signing/x.rs", "use crate::validation::policy;"), 1, "equal ranks");
    assert_eq!(upward("crypto/x.rs", "fn f() { crate::service::go() }"), 1, "paths without use");
    assert_eq!(upward("formats/x.rs", "use crate::mapping::Mapped;"), 1, "the pure core maps no files");
    assert_eq!(upward("service/x.rs", "use crate::{crypto, http};"), 1, "groups");
    assert_eq!(upward("service/x.rs", "use crate::storage::Storage;\n// crate::http"), 0);
}

#[test]
fn formats_build_on_each_other_in_one_order() {
    let ranks: BTreeMap<&str, u32> = FORMATS.iter().copied().collect();
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| source.folder() == "formats" && source.name.matches('/').count() > 1)
    {
        let own = source.name.split('/').nth(1).unwrap_or_default().to_owned();
        for path in source.paths().into_iter().filter(|path| path.first().is_some_and(|first| first == "formats")) {
            let target = path.get(1).cloned().unwrap_or_default();
            let lower = matches!((ranks.get(own.as_str()), ranks.get(target.as_str())), (Some(a), Some(b)) if b < a);
            if target != own && !(lower && own != "pdf" && target != "pdf") {
                found.push(format!("{} imports crate::{}", source.name, path.join("::")));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn only_redeem_mints_the_tokens_that_open_the_key_door() {
    let minting: Vec<_> =
        sources().into_iter().filter(|s| s.code().contains("AuthorizedHashes::mint(")).map(|s| s.name).collect();
    assert_eq!(minting, ["authorization/redeem.rs"]);
}

#[test]
fn unsafe_code_stands_in_one_module() {
    let with_unsafe: Vec<_> = sources().into_iter().filter(|s| s.code().contains("unsafe {")).map(|s| s.name).collect();
    assert_eq!(with_unsafe, ["mapping.rs"]);
}

#[test]
fn features_gate_module_declarations_only() {
    let mut found = Vec::new();
    for source in sources() {
        let code = source.code();
        let lines: Vec<&str> = code.lines().map(str::trim).collect();
        for pair in lines.windows(2) {
            let gate = pair[0].contains("cfg(feature")
                || pair[0].contains("cfg(any(feature")
                || pair[0].contains("cfg(all(feature");
            let module = pair[1].starts_with("mod ") || pair[1].starts_with("pub mod ") || pair[1].starts_with("#[");
            if gate && !module {
                found.push(format!("{}: {}", source.name, pair[1]));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_pure_core_has_no_clock_randomness_files_or_sockets() {
    const BANNED: &[&str] =
        &["std::fs", "std::net", "std::env", "SystemTime::now", "now_utc", "getrandom::", "tokio::", "tracing::"];
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| PURE_CORE.contains(&source.folder())) {
        let code = source.code();
        found.extend(BANNED.iter().filter(|word| code.contains(*word)).map(|word| format!("{}: {word}", source.name)));
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn files_stay_small_enough_to_read() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|source| (source.code().lines().count(), source.name))
        .filter(|(lines, name)| *lines > 700 && !name.ends_with("tests.rs"))
        .collect();
    assert_eq!(long, []);
}
