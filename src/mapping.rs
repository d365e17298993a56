//! Files mapped into memory: read without being copied, however large they are. The one module with `unsafe`.
//!
//! A mapping is only sound while nobody shortens the file: the service maps files it wrote itself, once, under names nobody
//! else knows; the command line maps files its user points at for the length of one check, and a user who truncates their own
//! file under a running check gets a stopped process, not a wrong verdict.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;

/// The bytes of a file.
#[derive(Debug, Default)]
pub struct Mapped(Option<memmap2::Mmap>);

impl Mapped {
    /// Maps a regular file for reading.
    ///
    /// # Errors
    /// When the file cannot be opened, is a folder or a device.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        if metadata.len() == 0 {
            // An empty mapping is not a thing on every system.
            return Ok(Self(None));
        }
        // SAFETY: the mapping is private to this process and read-only; see the module's first lines for who may change the
        // file meanwhile.
        #[allow(unsafe_code)]
        let map = unsafe { memmap2::Mmap::map(&file) }?;
        Ok(Self(Some(map)))
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_reads_as_its_bytes_an_empty_one_too_and_a_folder_not() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("a");
        std::fs::write(&file, b"abc").expect("written");
        assert_eq!(&*Mapped::open(&file).expect("mapped"), b"abc");
        std::fs::write(&file, b"").expect("written");
        assert_eq!(&*Mapped::open(&file).expect("mapped"), b"");
        assert!(Mapped::open(dir.path()).is_err());
    }
}
