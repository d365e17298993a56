//! The key-encryption key: 32 bytes that never stand in the database, and the sub-keys derived from it.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Longest key file read, in bytes: the longest form (64 hexadecimal digits) with room for line ends.
const MAX_FILE: u64 = 128;

/// Why the key-encryption key could not be had; all are faults of the set-up, and no message holds key material.
#[derive(Debug, thiserror::Error)]
pub enum KekError {
    #[error("the key-encryption key file {path} cannot be used: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("the key-encryption key {0} is not a regular file")]
    NotAFile(PathBuf),
    /// Carries the permission bits found.
    #[error("the key-encryption key file {path} is open to group or others (mode {mode:04o}); run: chmod 600 {path}")]
    OpenToOthers { path: PathBuf, mode: u32 },
    #[error("a key-encryption key file stands at {0} already; it is never overwritten, for every wrapped key needs it")]
    Exists(PathBuf),
    #[error("a key-encryption key is 32 bytes, given as base64, as 64 hexadecimal digits, or (in a file) raw")]
    Malformed,
    #[error("the random generator failed")]
    NoRandomness,
}

/// The key that all wrapped keys hang from. Wiped when dropped; prints `***`.
pub struct KeyEncryptionKey(Zeroizing<[u8; 32]>);

impl KeyEncryptionKey {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads base64 (with or without padding) or 64 hexadecimal digits, e.g. the value of an environment variable.
    ///
    /// # Errors
    /// [`KekError::Malformed`] for anything that is not exactly 32 bytes.
    pub fn from_text(text: &str) -> Result<Self, KekError> {
        let text = text.trim();
        match text.len() {
            64 => from_hex(text).ok_or(KekError::Malformed),
            43 | 44 => {
                let decoded = STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text));
                Self::from_slice(&Zeroizing::new(decoded.map_err(|_| KekError::Malformed)?))
            }
            _ => Err(KekError::Malformed),
        }
    }

    /// Reads a key file: base64, 64 hexadecimal digits, or exactly 32 raw bytes.
    ///
    /// # Errors
    /// [`KekError`]: the file must be a regular one that neither group nor others may read or write. 32 bytes of plain
    /// text are refused: they are a password or half a key, not 256 random bits.
    pub fn read(path: &Path) -> Result<Self, KekError> {
        let io = |source| KekError::Io { path: path.to_owned(), source };
        // Looked at before it is opened too: opening a pipe would wait for its writer.
        check_file(path, &fs::metadata(path).map_err(io)?)?;
        let file = File::open(path).map_err(io)?;
        check_file(path, &file.metadata().map_err(io)?)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(256));
        file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(io)?;
        match bytes.len() {
            32 if !bytes.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~')) => {
                Self::from_slice(&bytes)
            }
            _ => Self::from_text(std::str::from_utf8(&bytes).map_err(|_| KekError::Malformed)?),
        }
    }

    /// Makes a fresh random key and writes it as base64 to a new file, mode 0600, durably.
    ///
    /// # Errors
    /// [`KekError::Exists`] when something stands at `path`; it is never overwritten.
    pub fn create(path: &Path) -> Result<Self, KekError> {
        let mut key = Zeroizing::new([0u8; 32]);
        aws_lc_rs::rand::fill(key.as_mut()).map_err(|_| KekError::NoRandomness)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => KekError::Exists(path.to_owned()),
            _ => KekError::Io { path: path.to_owned(), source },
        })?;
        write_durably(file, path, &key).map_err(|source| {
            // Half a key would only stand in the way of the next attempt; the file is ours, made above.
            let _ = fs::remove_file(path);
            KekError::Io { path: path.to_owned(), source }
        })?;
        Ok(Self(key))
    }

    /// A sub-key for one purpose: HKDF-SHA256 (RFC 5869) with `label` as info. Other labels tell nothing of this one.
    ///
    /// Labels in use: `kyso key wrapping v1`; a new purpose takes a new label.
    pub fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        let mut out = Zeroizing::new([0u8; 32]);
        let expanded = Hkdf::<Sha256>::new(Some(b"kyso key-encryption key v1"), self.0.as_ref())
            .expand(label.as_bytes(), out.as_mut());
        // HKDF-SHA256 gives up to 8160 bytes: 32 cannot be too many.
        debug_assert!(expanded.is_ok());
        out
    }

    fn from_slice(bytes: &[u8]) -> Result<Self, KekError> {
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| KekError::Malformed)?;
        Ok(Self(Zeroizing::new(*bytes)))
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyEncryptionKey(***)")
    }
}

fn check_file(path: &Path, metadata: &fs::Metadata) -> Result<(), KekError> {
    if !metadata.is_file() {
        return Err(KekError::NotAFile(path.to_owned()));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KekError::OpenToOthers { path: path.to_owned(), mode });
    }
    Ok(())
}

fn write_durably(mut file: File, path: &Path, key: &[u8; 32]) -> io::Result<()> {
    let mut text = Zeroizing::new(STANDARD.encode(key));
    text.push('\n');
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    // The name of a new file is durable only once its directory is.
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

fn from_hex(text: &str) -> Option<KeyEncryptionKey> {
    let mut key = Zeroizing::new([0u8; 32]);
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    (text.len() == 64).then_some(KeyEncryptionKey(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn file(bytes: &[u8], mode: u32) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("kek");
        fs::write(&path, bytes).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode");
        (dir, path)
    }

    #[test]
    fn base64_hex_and_raw_forms_are_the_same_key() {
        let raw = [0xA7u8; 32];
        let expected = KeyEncryptionKey::from_bytes(raw).derive("x");
        for bytes in [
            raw.to_vec(),
            format!("{}\n", STANDARD.encode(raw)).into_bytes(),
            STANDARD_NO_PAD.encode(raw).into_bytes(),
            "a7".repeat(32).into_bytes(),
            format!("{}\r\n", "A7".repeat(32)).into_bytes(),
        ] {
            let (_dir, path) = file(&bytes, 0o600);
            assert_eq!(KeyEncryptionKey::read(&path).expect("read").derive("x"), expected);
        }
    }

    #[test]
    fn a_file_others_may_read_or_write_is_refused() {
        for mode in [0o604, 0o640, 0o644, 0o620, 0o602] {
            let (_dir, path) = file(&[0xA7; 32], mode);
            let refused = KeyEncryptionKey::read(&path).expect_err("refused");
            assert!(matches!(refused, KekError::OpenToOthers { mode: found, .. } if found == mode), "{refused}");
            assert!(refused.to_string().contains("chmod 600"), "{refused}");
        }
    }

    #[test]
    fn a_directory_or_a_missing_file_is_refused() {
        let dir = tempfile::tempdir().expect("directory");
        assert!(matches!(KeyEncryptionKey::read(dir.path()), Err(KekError::NotAFile(_))));
        assert!(matches!(KeyEncryptionKey::read(&dir.path().join("none")), Err(KekError::Io { .. })));
    }

    #[test]
    fn short_long_and_textual_keys_are_refused() {
        for bytes in
            [&[0xA7u8; 31][..], &[0xA7; 33], b"", b"a password of thirty-two letters", &[b'a'; 65], &[b'!'; 44]]
        {
            let (_dir, path) = file(bytes, 0o600);
            assert!(matches!(KeyEncryptionKey::read(&path), Err(KekError::Malformed)), "{bytes:?}");
        }
        assert!(matches!(KeyEncryptionKey::from_text(&"g".repeat(64)), Err(KekError::Malformed)));
        assert!(matches!(KeyEncryptionKey::from_text(&"é".repeat(32)), Err(KekError::Malformed)));
    }

    #[test]
    fn a_created_key_is_private_reads_back_and_is_never_overwritten() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("kek");
        let made = KeyEncryptionKey::create(&path).expect("created");
        assert_eq!(fs::metadata(&path).expect("file").mode() & 0o777, 0o600);
        assert_eq!(KeyEncryptionKey::read(&path).expect("read").derive("x"), made.derive("x"));
        assert!(matches!(KeyEncryptionKey::create(&path), Err(KekError::Exists(_))));
        assert_eq!(KeyEncryptionKey::read(&path).expect("read").derive("x"), made.derive("x"));
    }

    #[test]
    fn each_label_has_its_own_key() {
        let kek = KeyEncryptionKey::from_bytes([1; 32]);
        assert_ne!(kek.derive("a"), kek.derive("b"));
        assert_ne!(*kek.derive("a"), [0; 32]);
        assert_eq!(format!("{kek:?}"), "KeyEncryptionKey(***)");
    }
}
