//! Which files a run looks at, in an order that depends on their names alone.

use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};

use anyhow::bail;

/// Endings of signed files, whatever their case.
pub const ENDINGS: [&str; 3] = ["pdf", "p7s", "p7m"];

/// Most files of one run: a guard against pointing at a whole disk by mistake. A million paths take some 150 MB.
const MAX_FILES: usize = 1_000_000;

/// Deepest folder nesting entered.
const MAX_DEPTH: usize = 64;

/// Something to report on: a file, or a folder that cannot be looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub path: PathBuf,
    /// Why it is not opened at all, as one sentence.
    pub trouble: Option<String>,
}

impl Item {
    fn file(path: PathBuf) -> Self {
        Self { path, trouble: None }
    }

    fn trouble(path: &Path, trouble: impl Into<String>) -> Self {
        Self { path: path.to_owned(), trouble: Some(trouble.into()) }
    }
}

/// The files of a command line: those named as they are named, and of folders all signed files below them, by name. A folder
/// that cannot be read, or holds nothing to verify, is an item that says so and stops nothing.
///
/// # Errors
/// When there are more than a million.
pub fn listed(paths: &[PathBuf]) -> anyhow::Result<Vec<Item>> {
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() {
            found.push(Item::file(path.clone()));
            continue;
        }
        let before = found.len();
        walk(path, 0, &mut found)?;
        if found.len() == before {
            found.push(Item::trouble(path, "the folder holds no .pdf, .p7s or .p7m"));
        }
    }
    Ok(found)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<Item>) -> anyhow::Result<()> {
    if depth > MAX_DEPTH {
        found.push(Item::trouble(folder, format!("the folder lies more than {MAX_DEPTH} folders deep")));
        return Ok(());
    }
    let entries = fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<DirEntry>, _>>());
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => {
            found.push(Item::trouble(folder, format!("the folder cannot be read: {error}")));
            return Ok(());
        }
    };
    entries.sort_by_key(DirEntry::file_name);
    for entry in entries.iter().filter(|entry| !is_hidden(&entry.file_name())) {
        let path = entry.path();
        // The type of the entry itself: a link is neither, so links to folders lead nowhere and cannot loop.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, depth.saturating_add(1), found)?;
        } else if is_signed(&path) && !path.is_dir() {
            if found.len() >= MAX_FILES {
                bail!("more than {MAX_FILES} files");
            }
            found.push(Item::file(path));
        }
    }
    Ok(())
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().first() == Some(&b'.')
}

fn is_signed(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ENDINGS.iter().any(|wanted| ending.eq_ignore_ascii_case(wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("folder");
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
            fs::write(path, b"").expect("file");
        }
        folder
    }

    fn names(folder: &Path) -> Vec<String> {
        let items = listed(&[folder.to_owned()]).expect("few");
        let name = |item: &Item| item.path.strip_prefix(folder).expect("below").display().to_string();
        items.iter().map(name).collect()
    }

    #[test]
    fn folders_give_their_signed_files_by_name_and_nothing_hidden() {
        let folder =
            made(&["b.PDF", "a/c.p7s", "a.pdf", "note.txt", ".hidden.pdf", ".git/x.pdf", "ký/số.p7m", "B.pdf"]);
        assert_eq!(names(folder.path()), ["B.pdf", "a/c.p7s", "a.pdf", "b.PDF", "ký/số.p7m"]);
    }

    #[test]
    #[cfg(unix)]
    fn links_to_folders_are_not_entered_and_links_to_files_are_files() {
        let folder = made(&["a/x.pdf"]);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/loop")).expect("link");
        std::os::unix::fs::symlink(folder.path(), folder.path().join("a/loop.pdf")).expect("link");
        std::os::unix::fs::symlink("x.pdf", folder.path().join("a/y.pdf")).expect("link");
        assert_eq!(names(folder.path()), ["a/x.pdf", "a/y.pdf"]);
    }

    #[test]
    fn folder_without_signed_files_is_an_item_of_its_own_and_stops_nothing() {
        let (empty, full) = (made(&["note.txt"]), made(&["x.pdf"]));
        let items = listed(&[empty.path().to_owned(), full.path().to_owned(), "missing.pdf".into()]).expect("few");
        let troubled: Vec<bool> = items.iter().map(|item| item.trouble.is_some()).collect();
        assert_eq!(troubled, [true, false, false]);
    }
}
