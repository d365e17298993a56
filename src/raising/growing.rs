//! A file that gets longer by one update after the other; what stood in it before never changes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::mapping::Mapped;

/// A copy of a document, mapped, so that memory does not grow with it. The caller owns the file and removes it.
pub struct Growing {
    path: PathBuf,
    /// Length of the document before anything was appended here.
    original_len: usize,
    map: Mapped,
}

impl Growing {
    /// Copies `document` to `path`, which must not exist yet.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn copy(document: &Path, path: &Path) -> io::Result<Self> {
        let (mut from, mut to) = (File::open(document)?, File::create_new(path)?);
        io::copy(&mut from, &mut to)?;
        let map = Mapped::open(path)?;
        Ok(Self { path: path.to_owned(), original_len: map.len(), map })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// What was appended so far.
    pub fn appended(&self) -> &[u8] {
        self.map.get(self.original_len..).unwrap_or_default()
    }

    /// Appends one update.
    ///
    /// # Errors
    /// Any I/O error; the file is cut back to what it was.
    pub fn append(&mut self, update: &[u8]) -> io::Result<()> {
        let before = self.map.len();
        // Nobody may look while the file changes.
        self.map = Mapped::default();
        let mut file = OpenOptions::new().append(true).open(&self.path)?;
        let written = file.write_all(update).and_then(|()| file.sync_data());
        if written.is_err() {
            file.set_len(u64::try_from(before).unwrap_or(u64::MAX))?;
        }
        self.map = Mapped::open(&self.path)?;
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_stays_and_what_came_is_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let (document, copy) = (dir.path().join("a.pdf"), dir.path().join("b.pdf"));
        std::fs::write(&document, b"document").expect("written");
        let mut growing = Growing::copy(&document, &copy).expect("copied");
        growing.append(b"+1").expect("appended");
        growing.append(b"+2").expect("appended");
        assert_eq!((growing.bytes(), growing.appended()), (&b"document+1+2"[..], &b"+1+2"[..]));
        assert_eq!(std::fs::read(&document).expect("there"), b"document");
        assert!(Growing::copy(&document, &copy).is_err(), "an existing file is not written over");
    }
}
