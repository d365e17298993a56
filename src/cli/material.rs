//! What the offline commands read: certificates and revocation lists from files and folders, and the clock.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use zeroize::Zeroizing;

use crate::formats::pdf::Password;
use crate::formats::x509::{Certificate, pem};
use crate::mapping::Mapped;
use crate::validation::Evidence;

/// Most files taken from folders: a guard against pointing at a whole disk by mistake.
const MAX_FILES: usize = 1_000_000;

/// Deepest folder nesting followed.
const MAX_FOLDER_DEPTH: usize = 32;

/// The certificates of PEM or DER files and of folders of them. `command` begins the warnings.
///
/// # Errors
/// When a named file cannot be read or used. Of a folder, such files are only warned of.
pub fn certificates(paths: &[PathBuf], command: &str) -> anyhow::Result<Vec<Certificate>> {
    Ok(certificates_by_file(paths, command)?.into_iter().flat_map(|(_, found)| found).collect())
}

/// As [`certificates`], each file's by themselves.
///
/// # Errors
/// As [`certificates`].
pub fn certificates_by_file(paths: &[PathBuf], command: &str) -> anyhow::Result<Vec<(PathBuf, Vec<Certificate>)>> {
    let mut found = Vec::new();
    each_file(paths, &["pem", "crt", "cer", "der"], command, |path, bytes| {
        found.push((path.to_owned(), pem::certificates(bytes)?));
        Ok(())
    })?;
    Ok(found)
}

/// Adds the revocation lists (PEM or DER) and OCSP responses (DER) of files and of folders of them. `command` begins the warnings.
///
/// # Errors
/// When a named file cannot be read or used. Of a folder, such files are only warned of.
pub fn revocation(paths: &[PathBuf], command: &str, evidence: &mut Evidence) -> anyhow::Result<()> {
    each_file(paths, &["crl", "pem", "der", "ocsp", "ors"], command, |_, bytes| Ok(evidence.add_revocation(bytes)?))
}

/// A password stands in a file, since arguments are seen by every process of the machine.
///
/// # Errors
/// When the file cannot be read.
pub fn password(path: &Path) -> anyhow::Result<Password> {
    Ok(Password::new(first_line(path)?.as_str()))
}

/// The first line of a file with a secret in it.
///
/// # Errors
/// When the file cannot be read.
pub fn first_line(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

#[expect(clippy::disallowed_methods, reason = "the command line is where the clock is read")]
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// A time of `--at`.
///
/// # Errors
/// When the text is not RFC 3339.
pub fn parse_time(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|error| error.to_string())
}

/// Hands every named file to `read`; of folders, the files with one of these extensions.
fn each_file(
    paths: &[PathBuf],
    extensions: &[&str],
    command: &str,
    mut read: impl FnMut(&Path, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut load = |path: &Path| -> anyhow::Result<()> {
        let bytes = Mapped::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        read(path, &bytes).with_context(|| format!("cannot use {}", path.display()))
    };
    for path in paths {
        if !path.is_dir() {
            load(path)?;
            continue;
        }
        for file in files_below(path, extensions)? {
            if let Err(error) = load(&file) {
                eprintln!("{command}: {error:#}");
            }
        }
    }
    Ok(())
}

/// Files below a folder in the order of their names; links to folders are not followed.
///
/// # Errors
/// When a folder cannot be read, lies too deep, or holds too many files.
fn files_below(folder: &Path, extensions: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    walk(folder, extensions, 0, &mut found)?;
    Ok(found)
}

fn walk(folder: &Path, extensions: &[&str], depth: usize, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if depth > MAX_FOLDER_DEPTH {
        bail!("{} lies more than {MAX_FOLDER_DEPTH} folders deep", folder.display());
    }
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            walk(&path, extensions, depth.saturating_add(1), found)?;
        } else if path
            .extension()
            .is_some_and(|found| extensions.iter().any(|wanted| found.eq_ignore_ascii_case(wanted)))
        {
            if found.len() >= MAX_FILES {
                bail!("more than {MAX_FILES} files");
            }
            found.push(path);
        }
    }
    Ok(())
}
