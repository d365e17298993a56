//! Where signed files go. A file appears whole under its name or not at all: it is written beside its place and renamed.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// One document: where it comes from, what it is called, where its signed form goes.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    pub source: PathBuf,
    /// File name, as the citizen sees it.
    pub name: String,
    pub path: PathBuf,
}

/// The arguments do not say where to write.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    #[error("{0} has no file name")]
    NoName(PathBuf),
    #[error("with several files --out must be a folder that exists")]
    NotAFolder,
    #[error("two files would be written to {0}")]
    SameTarget(PathBuf),
    #[error("{0} would overwrite the original")]
    Overwrites(PathBuf),
}

/// Works out where each file's signed form goes.
///
/// # Errors
/// [`UsageError`] when that is not possible without losing a file.
pub fn targets(files: &[PathBuf], out: Option<&Path>) -> Result<Vec<Target>, UsageError> {
    let folder = out.filter(|out| out.is_dir());
    if let (Some(_), None, [_, _, ..]) = (out, folder, files) {
        return Err(UsageError::NotAFolder);
    }
    let mut seen = HashSet::new();
    let mut targets = Vec::with_capacity(files.len());
    for source in files {
        let file_name = source.file_name().ok_or_else(|| UsageError::NoName(source.clone()))?;
        let path = match (out, folder) {
            (Some(out), None) => out.to_owned(),
            (_, Some(folder)) => folder.join(signed_name(source)),
            (None, None) => source.with_file_name(signed_name(source)),
        };
        if path == *source {
            return Err(UsageError::Overwrites(path));
        }
        if !seen.insert(path.clone()) {
            return Err(UsageError::SameTarget(path));
        }
        targets.push(Target { source: source.clone(), name: file_name.to_string_lossy().into_owned(), path });
    }
    Ok(targets)
}

/// `NAME.signed.pdf` for `NAME.pdf`.
fn signed_name(source: &Path) -> OsString {
    let mut name = source.file_stem().unwrap_or_default().to_owned();
    name.push(".signed.pdf");
    name
}

impl Target {
    /// The original document.
    pub fn read(&self) -> anyhow::Result<Vec<u8>> {
        fs::read(&self.source).with_context(|| format!("cannot read {}", self.source.display()))
    }

    /// Writes `bytes` beside the place, durably.
    pub fn stage(&self, bytes: &[u8]) -> anyhow::Result<()> {
        let staged = self.staged();
        let write = || {
            let mut file = File::create(&staged)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        let written = write();
        if written.is_err() {
            let _ = fs::remove_file(&staged);
        }
        written.with_context(|| format!("cannot write {}", staged.display()))
    }

    /// Gives the staged file its name.
    pub fn publish(&self) -> anyhow::Result<()> {
        fs::rename(self.staged(), &self.path).with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn staged(&self) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(self.path.file_name().unwrap_or_default());
        name.push(format!(".{}.part", std::process::id()));
        self.path.with_file_name(name)
    }
}

/// What was staged and never published goes.
impl Drop for Target {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.staged());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn names_follow_the_original() {
        let targets = targets(&paths(&["x/to-khai.pdf", "y"]), None).expect("targets");
        assert_eq!(targets[0].path, Path::new("x/to-khai.signed.pdf"));
        assert_eq!(targets[1].path, Path::new("y.signed.pdf"));
        assert_eq!(targets[0].name, "to-khai.pdf");
    }

    #[test]
    fn several_files_never_go_to_one_place() {
        let folder = tempfile::tempdir().expect("folder");
        let two = paths(&["a/x.pdf", "b/x.pdf"]);
        assert_eq!(targets(&two, Some(Path::new("out.pdf"))), Err(UsageError::NotAFolder));
        let place = folder.path().join("x.signed.pdf");
        assert_eq!(targets(&two, Some(folder.path())), Err(UsageError::SameTarget(place)));
        let same = targets(&paths(&["a.pdf"]), Some(Path::new("a.pdf")));
        assert_eq!(same, Err(UsageError::Overwrites("a.pdf".into())));
    }

    #[test]
    fn a_file_that_is_staged_and_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().expect("folder");
        let out = folder.path().join("out.pdf");
        let given_up = targets(&paths(&["in.pdf"]), Some(&out)).expect("targets");
        given_up[0].stage(b"half").expect("staged");
        drop(given_up);
        assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 0);
        let kept = targets(&paths(&["in.pdf"]), Some(&out)).expect("targets");
        kept[0].stage(b"whole").expect("staged");
        kept[0].publish().expect("published");
        drop(kept);
        assert_eq!(fs::read(&out).expect("written"), b"whole");
        assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 1);
    }
}
