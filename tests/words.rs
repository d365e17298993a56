//! Every sentence the engine may say stands in both languages: the sources are read, so that a new one cannot be forgotten.

use std::fs;
use std::path::{Path, PathBuf};

use kyso::validation::report::phrases;

/// Sources whose sentences can reach a verifier's report.
const SPEAKING: &[&str] = &["src/validation", "src/formats", "src/crypto"];

/// Files whose texts never do: what only signing, fetching, repairing or drawing says, the table of codes (which has both languages
/// by construction), and the phrases themselves.
const SILENT: &[&str] = &[
    "/tests/",
    "validation/report/",
    "validation/fetched.rs",
    "validation/missing.rs",
    "validation/policy/",
    "validation/testing.rs",
    "formats/tsp/check.rs",
    "formats/tsp/response.rs",
    "formats/pdf/incremental.rs",
    "formats/pdf/repair.rs",
    "formats/pdf/write.rs",
    "formats/pdf/samples.rs",
    "formats/pdf/content/",
    "formats/x509/testing.rs",
    "formats/x509/name.rs",
    "formats/pdf/crypt/testing.rs",
    "crypto/suites.rs",
    "tests.rs",
];

/// Texts of the remaining files that are no sentences for a reader.
const NO_SENTENCE: &[&str] = &[
    "256-bit key",
    "whole blocks",
    "cannot be encoded",
    "kyso initialisation vector",
    "RSASSA-PSS-params cannot be encoded",
    "an element may fail to parse; `Iterator` would hide the end",
    "(stream data)",
    // what `Debug` writes
    "Certificate({}, serial {})",
    "OcspResponse(producedAt {}, {} answers)",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The string literals of the code, without comments and unit tests.
fn literals(text: &str) -> Vec<String> {
    let body = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut rest = body.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '/' if rest.peek() == Some(&'/') => while rest.next_if(|c| *c != '\n').is_some() {},
            '\'' => {
                // A character, or a lifetime, which has no closing quote.
                let escaped = rest.next_if_eq(&'\\').is_some();
                rest.next();
                while escaped && rest.peek().is_some_and(|c| *c != '\'') {
                    rest.next();
                }
                rest.next_if_eq(&'\'');
            }
            '"' => {
                let mut literal = String::new();
                while let Some(c) = rest.next().filter(|c| *c != '"') {
                    if c == '\\' {
                        rest.next();
                    } else {
                        literal.push(c);
                    }
                }
                found.push(literal);
            }
            _ => {}
        }
    }
    found
}

/// Words with blanks between them; patterns of other text, such as `{named}, {}`, have none.
fn is_sentence(text: &str) -> bool {
    let mut bare = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        bare.push_str(before);
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    bare.push_str(rest);
    let plain = |word: &str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    text.contains(' ') && bare.split_whitespace().any(|word| plain(word.trim_end_matches([':', ',', ';', '.'])))
}

fn spoken() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in SPEAKING {
        sources(&root.join(folder), &mut paths);
    }
    paths.sort();
    let name = |path: &Path| path.strip_prefix(root).expect("inside").display().to_string();
    paths
        .iter()
        .map(|path| (name(path), fs::read_to_string(path).expect("readable")))
        .filter(|(name, _)| !SILENT.iter().any(|silent| name.contains(silent)))
        .flat_map(|(name, text)| literals(&text).into_iter().map(move |literal| (name.clone(), literal)))
        .filter(|(name, text)| is_sentence(text) && !name.is_empty())
        .filter(|(_, text)| !NO_SENTENCE.contains(&text.as_str()))
        .collect()
}

#[test]
fn no_sentence_of_the_engine_lacks_its_vietnamese() {
    let spoken = spoken();
    assert!(spoken.len() > 150, "the sources were not read: {}", spoken.len());
    let missing: Vec<_> = spoken.into_iter().filter(|(_, text)| !phrases::has(text)).collect();
    assert!(missing.is_empty(), "add these to validation/report/phrases:\n{missing:#?}");
}

#[test]
fn a_forgotten_sentence_would_be_noticed() {
    let code = "fn f() -> &'static str { let c = '\"'; \"the moon is made of cheese\" } // \"not this\"";
    assert_eq!(literals(code), ["the moon is made of cheese"]);
    assert!(is_sentence("the moon is made of cheese") && !phrases::has("the moon is made of cheese"));
    assert!(!is_sentence("{named}, {}") && !is_sentence("signing-time") && is_sentence("{count} bytes stand there"));
}
