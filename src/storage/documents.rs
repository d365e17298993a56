//! Original documents as files: `DIR/{transaction}/{n}.pdf`, written once, durable before the transaction that names them; and
//! beside them `{n}.base.pdf`, what one of several signers signs: the original with the updates of those before.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::crypto::{Digest, DigestAlgorithm};
use crate::domain::TransactionId;

/// What names of scratch folders begin with: no transaction's id does.
const SCRATCH: &str = ".scratch-";

/// What was put together for a signer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// SHA-256 of the original that stands first.
    pub original: Digest,
    /// SHA-256 of the whole, and its length in bytes.
    pub whole: Digest,
    pub len: u64,
}

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

    /// What is signed, or was: the base that was laid for one of several signers, else the original.
    pub fn signed_over(&self, transaction: &TransactionId, n: u32) -> PathBuf {
        let base = self.base(transaction, n);
        if base.exists() { base } else { self.path(transaction, n) }
    }

    /// Puts together the `n`-th document of `first` and what others have appended to it, for `own` to sign. Durable when this
    /// returns; laying it again replaces it.
    ///
    /// # Errors
    /// Any I/O error.
    pub fn lay(&self, first: &TransactionId, own: &TransactionId, n: u32, updates: &[Vec<u8>]) -> io::Result<Base> {
        let folder = self.folder(own);
        fs::create_dir_all(&folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&folder)?;
        let mut original = File::open(self.path(first, n))?;
        let (mut hash, mut len, mut buffer) = (Sha256::new(), 0u64, vec![0; 1 << 16]);
        loop {
            let read = original.read(&mut buffer)?;
            let Some(chunk) = buffer.get(..read).filter(|chunk| !chunk.is_empty()) else { break };
            hash.update(chunk);
            file.write_all(chunk)?;
            len = len.saturating_add(chunk.len() as u64);
        }
        let digest = |hash: Sha256| Digest::from_bytes(DigestAlgorithm::Sha256, &hash.finalize());
        let unknown = || io::Error::other("a hash of the wrong length");
        let original = digest(hash.clone()).ok_or_else(unknown)?;
        for update in updates {
            hash.update(update);
            file.write_all(update)?;
            len = len.saturating_add(update.len() as u64);
        }
        file.as_file().sync_all()?;
        file.persist(self.base(own, n)).map_err(|error| error.error)?;
        sync_folder(&folder)?;
        sync_folder(&self.root)?;
        Ok(Base { original, whole: digest(hash).ok_or_else(unknown)?, len })
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

    fn base(&self, transaction: &TransactionId, n: u32) -> PathBuf {
        self.folder(transaction).join(format!("{n}.base.pdf"))
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
    fn base_is_the_original_and_the_updates_in_their_order_and_can_be_laid_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let store = DocumentStore::open(dir.path()).expect("opens");
        let (first, own) = (TransactionId::parse("t1").expect("id"), TransactionId::parse("t2").expect("id"));
        store.put(&first, &[b"original"]).expect("written");
        assert_eq!(store.signed_over(&first, 1), store.path(&first, 1));
        for updates in [vec![b"+a".to_vec()], vec![b"+a".to_vec(), b"+b".to_vec()]] {
            let base = store.lay(&first, &own, 1, &updates).expect("laid");
            let whole = [b"original".as_slice(), &updates.concat()].concat();
            assert_eq!(fs::read(store.signed_over(&own, 1)).expect("there"), whole);
            assert_eq!((base.len, base.whole), (whole.len() as u64, DigestAlgorithm::Sha256.digest(&whole)));
            assert_eq!(base.original, DigestAlgorithm::Sha256.digest(b"original"));
        }
        store.lay(&first, &first, 1, &[b"+b".to_vec()]).expect("the first signer may come second");
        assert_eq!(fs::read(store.path(&first, 1)).expect("there"), b"original");
    }

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
