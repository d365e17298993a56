//! Original documents as files: `DIR/{transaction}/{n}.pdf`, written once, durable before the transaction that names them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::domain::TransactionId;

/// What names of scratch folders begin with: no transaction's id does.
const SCRATCH: &str = ".scratch-";

/// A folder of original documents. Calls block; run them off the event loop.
#[derive(Debug, Clone)]
pub struct DocumentStore {
    root: PathBuf,
}

impl DocumentStore {
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        Ok(Self { root: root.to_owned() })
    }

    /// Path of the `n`-th document, from 1.
    pub fn path(&self, transaction: &TransactionId, n: u32) -> PathBuf {
        self.folder(transaction).join(format!("{n}.pdf"))
    }

    /// Writes all documents of a transaction and syncs them and their folder to disk.
    ///
    /// # Errors
    /// Any I/O error; what was written is removed again.
    pub fn put(&self, transaction: &TransactionId, documents: &[&[u8]]) -> io::Result<()> {
        let folder = self.folder(transaction);
        fs::create_dir(&folder)?;
        let written = (1u32..).zip(documents).try_for_each(|(n, bytes)| {
            let mut file = File::create_new(self.path(transaction, n))?;
            file.write_all(bytes)?;
            file.sync_all()
        });
        let synced = written.and_then(|()| sync_folder(&folder)).and_then(|()| sync_folder(&self.root));
        if synced.is_err() {
            // The first error is the one to report; what stays behind is swept at the next start.
            let _ = fs::remove_dir_all(&folder);
        }
        synced
    }

    /// Forgets a transaction's documents.
    ///
    /// # Errors
    /// Any I/O error except that they are gone already.
    pub fn remove(&self, transaction: &TransactionId) -> io::Result<()> {
        match fs::remove_dir_all(self.folder(transaction)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Transactions that have documents here, whether or not the database knows them.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn transactions(&self) -> io::Result<Vec<TransactionId>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            if let Some(id) = entry?.file_name().to_str().and_then(|name| TransactionId::parse(name).ok()) {
                found.push(id);
            }
        }
        Ok(found)
    }

    /// A folder for copies that are worked on; it goes away when dropped, or at the next [`Self::clear_scratch`].
    ///
    /// # Errors
    /// Any I/O error.
    pub fn scratch(&self) -> io::Result<tempfile::TempDir> {
        tempfile::Builder::new().prefix(SCRATCH).tempdir_in(&self.root)
    }

    /// Removes what a killed process left of scratch folders.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn clear_scratch(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(SCRATCH) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    fn folder(&self, transaction: &TransactionId) -> PathBuf {
        self.root.join(transaction.as_str())
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_back_and_a_second_put_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = DocumentStore::open(dir.path()).expect("opens");
        let id = TransactionId::parse("t1").expect("id");
        store.put(&id, &[b"one", b"two"]).expect("written");
        assert_eq!(fs::read(store.path(&id, 2)).expect("there"), b"two");
        assert!(store.put(&id, &[b"other"]).is_err());
        assert_eq!(fs::read(store.path(&id, 1)).expect("there"), b"one");
        assert_eq!(store.transactions().expect("listed"), std::slice::from_ref(&id));
        store.remove(&id).expect("removed");
        store.remove(&id).expect("removing twice is no error");
        assert!(store.transactions().expect("listed").is_empty());
    }
}
