//! The trust bundle installed on this machine: one folder, changed atomically.
//!
//! ```text
//! DIR/installed.json          the commit point, replaced by rename: pinned publisher, number, which file, when imported
//! DIR/bundle-SHA256.p7m       the bundle as received
//! DIR/lock                    held while importing
//! ```
//!
//! Reading order: [`Store::import`] (refuse, or write and commit), [`Store::load`] (read and check again). The bundle's signature is
//! checked each time it is loaded, so a damaged disk is noticed; whoever may write to the folder may replace everything in it, which is
//! why a folder that everybody may write to is refused.
//!
//! What this folder does not do: decide (that is [`crate::bundle`]) or know the time.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::bundle::accept::{self, Follow};
use crate::bundle::{Bundle, Fingerprint, MAX_BUNDLE_BYTES, Refusal, open};
use crate::crypto::DigestAlgorithm;
use crate::crypto::digest::hex;

const FORMAT: &str = "kyso-trust-store-1";
const STATE: &str = "installed.json";
const SCRATCH: &str = ".new";
const LOCK: &str = "lock";

/// How often a bundle is looked for that an import took away between reading the state and reading the file.
const ATTEMPTS: u32 = 3;

/// A folder that holds the installed bundle, or none yet.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// Why the store could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot use {}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error(
        "the installed trust bundle in {} is damaged ({why}); remove the folder and import a bundle anew, naming its publisher",
        folder.display()
    )]
    Damaged { folder: PathBuf, why: String },
    #[error("everybody may write to {}, so what is installed there proves nothing; take that right away", .0.display())]
    WritableByAll(PathBuf),
    #[error("the publisher named is not the one pinned here ({pinned}) nor a successor it named")]
    PinnedToAnother { pinned: Fingerprint },
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// What an import did.
#[derive(Debug)]
pub enum Imported {
    Installed { new: Bundle, before: Option<Bundle> },
    InstalledAlready(Bundle),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    format: String,
    /// SHA-256 of the certificate that signed the bundle.
    publisher: Fingerprint,
    number: u64,
    /// SHA-256 of the file.
    file: Fingerprint,
    #[serde(with = "time::serde::rfc3339")]
    imported: OffsetDateTime,
}

impl Store {
    /// Nothing is read or made yet.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The installed bundle, checked; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError`] when there is one that cannot be relied on: never as if there were none.
    pub fn load(&self) -> Result<Option<Bundle>, StoreError> {
        let mut attempt = 1;
        loop {
            let Some(state) = self.state()? else { return Ok(None) };
            let path = self.bundle_file(&state.file);
            match read_bounded(&path) {
                Ok(bytes) => return self.check(&state, &bytes).map(Some),
                Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => attempt += 1,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(self.damaged("its file is missing"));
                }
                Err(error) => return Err(StoreError::Io { path, error }),
            }
        }
    }

    /// Installs the bundle if it may follow the one there, from one of its possible publishers; `expected` narrows them, and the first
    /// bundle needs it. When this returns, what it returns is on disk; a crash leaves the former or the new bundle, never a mixture.
    ///
    /// # Errors
    /// [`StoreError`]; nothing has changed then.
    pub fn import(
        &self,
        bytes: &[u8],
        expected: Option<Fingerprint>,
        now: OffsetDateTime,
    ) -> Result<Imported, StoreError> {
        fs::create_dir_all(&self.folder).map_err(|error| self.io(&self.folder, error))?;
        let _lock = self.lock()?;
        let before = self.load()?;
        let new = open(bytes, &publishers(before.as_ref(), expected)?, now)?;
        let accepted = match accept::accept(new, before.as_ref(), now)? {
            Follow::InstalledAlready => match before {
                Some(installed) => return Ok(Imported::InstalledAlready(installed)),
                None => return Err(self.damaged("it is not there")),
            },
            Follow::Install(accepted) => accepted,
        };
        let bundle = accepted.bundle();
        let digest = hex(DigestAlgorithm::Sha256.digest(bytes).as_bytes());
        let file = Fingerprint::parse(&digest).ok_or_else(|| self.damaged("its digest has no 32 octets"))?;
        let (publisher, number) = (Fingerprint::of(bundle.publisher()), bundle.payload().number);
        let state = State { format: FORMAT.to_owned(), publisher, number, file, imported: now };
        self.write(&self.bundle_file(&file), bytes)?;
        // Strings and numbers: serialising them cannot fail.
        self.write(&self.folder.join(STATE), &serde_json::to_vec_pretty(&state).unwrap_or_default())?;
        self.remove_all_but(&file);
        Ok(Imported::Installed { new: bundle.clone(), before })
    }

    fn state(&self) -> Result<Option<State>, StoreError> {
        let path = self.folder.join(STATE);
        let bytes = match read_bounded(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::Io { path, error }),
        };
        self.refuse_writable_by_all()?;
        let state: State = serde_json::from_slice(&bytes).map_err(|error| self.damaged(error.to_string()))?;
        if state.format == FORMAT { Ok(Some(state)) } else { Err(self.damaged("its form is not known")) }
    }

    fn check(&self, state: &State, bytes: &[u8]) -> Result<Bundle, StoreError> {
        let bundle = open(bytes, &[state.publisher], state.imported);
        let bundle = bundle.map_err(|refusal| self.damaged(refusal.to_string()))?;
        if bundle.payload().number == state.number { Ok(bundle) } else { Err(self.damaged("its number differs")) }
    }

    fn bundle_file(&self, digest: &Fingerprint) -> PathBuf {
        self.folder.join(format!("bundle-{digest}.p7m"))
    }

    /// One import at a time.
    fn lock(&self) -> Result<File, StoreError> {
        let path = self.folder.join(LOCK);
        let lock = || {
            let file = File::options().create(true).truncate(false).write(true).open(&path)?;
            file.lock().map(|()| file)
        };
        lock().map_err(|error| self.io(&path, error))
    }

    /// The whole file or nothing, durable when this returns.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let scratch = self.folder.join(SCRATCH);
        let written = || {
            let mut file = File::create(&scratch)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&scratch, path)?;
            File::open(&self.folder)?.sync_all()
        };
        written().map_err(|error| self.io(path, error))
    }

    /// Former bundles take room only; one that cannot be removed does no harm.
    fn remove_all_but(&self, kept: &Fingerprint) {
        let kept = self.bundle_file(kept);
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let former = entry.file_name().to_str().is_some_and(|name| name.starts_with("bundle-"));
            if former && entry.path() != kept {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    #[cfg(unix)]
    fn refuse_writable_by_all(&self) -> Result<(), StoreError> {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&self.folder).map_err(|error| self.io(&self.folder, error))?.permissions().mode();
        if mode & 0o002 == 0 { Ok(()) } else { Err(StoreError::WritableByAll(self.folder.clone())) }
    }

    #[cfg(not(unix))]
    fn refuse_writable_by_all(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn io(&self, path: &Path, error: io::Error) -> StoreError {
        StoreError::Io { path: path.to_owned(), error }
    }

    fn damaged(&self, why: impl Into<String>) -> StoreError {
        StoreError::Damaged { folder: self.folder.clone(), why: why.into() }
    }
}

/// Whose signature counts: those the installed bundle lets follow, narrowed to the one expected.
fn publishers(installed: Option<&Bundle>, expected: Option<Fingerprint>) -> Result<Vec<Fingerprint>, StoreError> {
    match (installed, expected) {
        (None, expected) => Ok(expected.into_iter().collect()),
        (Some(installed), None) => Ok(installed.may_follow()),
        (Some(installed), Some(expected)) if installed.may_follow().contains(&expected) => Ok(vec![expected]),
        (Some(installed), Some(_)) => {
            Err(StoreError::PinnedToAnother { pinned: Fingerprint::of(installed.publisher()) })
        }
    }
}

/// A file no larger than a bundle may be, and one octet more, so that longer ones are refused and not cut.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::Read as _;
    let limit = u64::try_from(MAX_BUNDLE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Payload;
    use crate::bundle::testing::{NOW, Publisher, payload};

    struct World {
        _folder: tempfile::TempDir,
        store: Store,
        publisher: Publisher,
    }

    impl World {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("folder");
            let store = Store::at(folder.path().join("trust"));
            Self { _folder: folder, store, publisher: Publisher::new("Publisher") }
        }

        fn import(&self, payload: &Payload) -> Result<Imported, StoreError> {
            self.store.import(&self.publisher.sign(payload), Some(self.publisher.fingerprint()), NOW)
        }

        fn number(&self) -> Option<u64> {
            self.store.load().expect("loads").map(|bundle| bundle.payload().number)
        }

        fn files(&self) -> Vec<String> {
            let entries = fs::read_dir(self.store.folder()).expect("folder");
            let mut names: Vec<String> =
                entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        }
    }

    #[test]
    fn first_import_pins_and_later_ones_replace_the_file() {
        let world = World::new();
        assert_eq!(world.number(), None);
        assert!(matches!(world.import(&payload(1)), Ok(Imported::Installed { before: None, .. })));
        let next = world.publisher.sign(&payload(2));
        assert!(matches!(world.store.import(&next, None, NOW), Ok(Imported::Installed { before: Some(_), .. })));
        assert_eq!(world.number(), Some(2));
        let files = world.files();
        assert_eq!(files.iter().filter(|name| name.starts_with("bundle-")).count(), 1, "{files:?}");
        assert!(matches!(world.import(&payload(2)), Ok(Imported::InstalledAlready(_))));
    }

    #[test]
    fn refused_imports_change_nothing() {
        let world = World::new();
        world.import(&payload(5)).expect("installed");
        let before = world.files();
        let other = Publisher::new("Other");
        assert!(matches!(world.import(&payload(4)), Err(StoreError::Refused(Refusal::RolledBack(_)))));
        let foreign = world.store.import(&other.sign(&payload(6)), None, NOW);
        assert!(matches!(foreign, Err(StoreError::Refused(Refusal::UnknownPublisher { .. }))));
        let named = world.store.import(&other.sign(&payload(6)), Some(other.fingerprint()), NOW);
        assert!(matches!(named, Err(StoreError::PinnedToAnother { .. })));
        assert_eq!((world.number(), world.files()), (Some(5), before));
    }

    #[test]
    fn first_bundle_without_a_named_publisher_is_refused() {
        let world = World::new();
        let refused = world.store.import(&world.publisher.sign(&payload(1)), None, NOW);
        assert!(matches!(refused, Err(StoreError::Refused(Refusal::UnknownPublisher { .. }))));
        assert_eq!(world.number(), None);
    }

    #[test]
    fn named_successor_takes_over_and_is_pinned_then() {
        let (world, second) = (World::new(), Publisher::new("Second"));
        world.import(&Payload { successors: vec![second.fingerprint()], ..payload(1) }).expect("installed");
        world.store.import(&second.sign(&payload(2)), None, NOW).expect("handed over");
        let back = world.store.import(&world.publisher.sign(&payload(3)), None, NOW);
        assert!(matches!(back, Err(StoreError::Refused(Refusal::UnknownPublisher { .. }))));
        assert_eq!(world.number(), Some(2));
    }

    #[test]
    fn damaged_swapped_and_missing_files_are_told_and_never_taken_for_none() {
        let world = World::new();
        world.import(&payload(1)).expect("installed");
        let state = world.store.state().expect("state").expect("there");
        let file = world.store.bundle_file(&state.file);
        let swapped = Publisher::new("Other").sign(&payload(9));
        for content in [&b"junk"[..], &swapped, &world.publisher.sign(&payload(2))] {
            fs::write(&file, content).expect("written");
            assert!(matches!(world.store.load(), Err(StoreError::Damaged { .. })));
        }
        fs::remove_file(&file).expect("removed");
        assert!(matches!(world.store.load(), Err(StoreError::Damaged { .. })));
        fs::write(world.store.folder().join(STATE), "{}").expect("written");
        assert!(matches!(world.store.load(), Err(StoreError::Damaged { .. })));
    }

    #[test]
    fn import_that_stopped_half_way_leaves_the_former_bundle() {
        let world = World::new();
        world.import(&payload(1)).expect("installed");
        let next = world.publisher.sign(&payload(2));
        fs::write(world.store.folder().join(SCRATCH), &next[..100]).expect("written");
        let digest = Fingerprint::parse(&hex(DigestAlgorithm::Sha256.digest(&next).as_bytes())).expect("digest");
        fs::write(world.store.bundle_file(&digest), &next).expect("written");
        assert_eq!(world.number(), Some(1));
        world.import(&payload(2)).expect("installed");
        assert_eq!(world.number(), Some(2));
    }

    #[cfg(unix)]
    #[test]
    fn folder_that_everybody_may_write_to_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let world = World::new();
        world.import(&payload(1)).expect("installed");
        fs::set_permissions(world.store.folder(), fs::Permissions::from_mode(0o777)).expect("mode");
        assert!(matches!(world.store.load(), Err(StoreError::WritableByAll(_))));
    }
}
