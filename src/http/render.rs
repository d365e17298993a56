//! Pages of documents as pictures and as text, drawn and read by worker processes.
//!
//! A document comes from outside, so it is never opened in this process: `kyso render-page` draws it in one of its own, with
//! limits on memory, time and output, and without an environment. Results are kept by the document's hash, so a page is
//! drawn once however often it is looked at; what cannot be drawn is remembered too, and the citizen is told.
//!
//! What it does not do: read PDF, decide what may be signed.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::sync::Semaphore;

use crate::formats::pdf::active::Active;

/// How pages are drawn.
#[derive(Debug, Clone)]
pub struct RenderSettings {
    /// The `kyso` executable.
    pub program: PathBuf,
    /// A page that takes longer is given up.
    pub timeout: Duration,
    /// Workers at a time.
    pub workers: usize,
    /// Bytes of pictures kept.
    pub cache_bytes: usize,
}

impl RenderSettings {
    /// 10 seconds a page, two workers, 64 MB of pictures: about a thousand pages.
    pub fn new(program: PathBuf) -> Self {
        Self { program, timeout: Duration::from_secs(10), workers: 2, cache_bytes: 64 * 1024 * 1024 }
    }
}

/// Draws pages; cheap to clone.
#[derive(Clone)]
pub struct Renderer(Arc<Inner>);

struct Inner {
    settings: RenderSettings,
    workers: Semaphore,
    cache: Mutex<Cache>,
}

/// Widths in pixels a page is drawn at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Width {
    /// In the page: sharp on a phone, below 150 kB.
    Reading,
    /// Opened by itself, to zoom into.
    Large,
}

impl Width {
    fn pixels(self) -> u16 {
        match self {
            Self::Reading => 900,
            Self::Large => 1600,
        }
    }
}

/// Size of a page in points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize {
    pub width: u32,
    pub height: u32,
}

/// A document at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    pub pages: Vec<PageSize>,
    pub holds: Active,
}

/// The text of a document's pages, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    pub pages: Vec<String>,
    /// There is more than is told.
    pub cut: bool,
}

/// What came of drawing a page.
#[derive(Debug, Clone)]
pub enum Drawn {
    /// PNG.
    Whole(Bytes),
    /// PNG on which something is missing: a font, a picture, an annotation's appearance.
    InPart(Bytes),
    Failed,
}

/// The document cannot be looked into at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the document cannot be drawn")]
pub struct NotDrawable;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Outline(String),
    Texts(String),
    Page(String, u32, Width),
}

#[derive(Debug, Clone)]
enum Kept {
    Outline(Result<Arc<Outline>, NotDrawable>),
    Texts(Result<Arc<Texts>, NotDrawable>),
    Page(Drawn),
}

/// Largest picture read from a worker: a coloured photograph at [`Width::Large`] has 8 MB.
const MAX_PICTURE: u64 = 32 * 1024 * 1024;
/// Most pages believed.
const MAX_PAGES: usize = 5_000;

impl Renderer {
    pub fn new(settings: RenderSettings) -> Self {
        let cache = Mutex::new(Cache::new(settings.cache_bytes));
        let workers = Semaphore::new(settings.workers.max(1));
        Self(Arc::new(Inner { settings, workers, cache }))
    }

    /// Sizes of all pages, and what the document holds besides. `document` is the hash of the file at `path`.
    ///
    /// # Errors
    /// [`NotDrawable`] when it is no PDF for the worker.
    pub async fn outline(&self, document: &str, path: &Path) -> Result<Arc<Outline>, NotDrawable> {
        let key = Key::Outline(document.to_owned());
        if let Some(Kept::Outline(kept)) = self.cache().get(&key) {
            return kept;
        }
        let Ok(_worker) = self.0.workers.acquire().await else { return Err(NotDrawable) };
        let arguments = [path.as_os_str(), "--count".as_ref()];
        let outline = match self.run(&arguments).await {
            Ran::NotStarted => return Err(NotDrawable),
            Ran::TimedOut => Err(NotDrawable),
            Ran::Ended(status, text) => {
                parse_outline(&text).filter(|_| status.success()).map(Arc::new).ok_or(NotDrawable)
            }
        };
        self.cache().put(key, Kept::Outline(outline.clone()));
        outline
    }

    /// The text of all pages.
    ///
    /// # Errors
    /// [`NotDrawable`] when it is no PDF for the worker.
    pub async fn texts(&self, document: &str, path: &Path) -> Result<Arc<Texts>, NotDrawable> {
        let key = Key::Texts(document.to_owned());
        if let Some(Kept::Texts(kept)) = self.cache().get(&key) {
            return kept;
        }
        let Ok(_worker) = self.0.workers.acquire().await else { return Err(NotDrawable) };
        let texts = match self.run(&[path.as_os_str(), "--text".as_ref()]).await {
            Ran::NotStarted => return Err(NotDrawable),
            Ran::TimedOut => Err(NotDrawable),
            Ran::Ended(status, text) => parse_texts(status.code(), text).map(Arc::new).ok_or(NotDrawable),
        };
        self.cache().put(key, Kept::Texts(texts.clone()));
        texts
    }

    /// Draws page `number`, from 1.
    pub async fn draw(&self, document: &str, path: &Path, number: u32, width: Width) -> Drawn {
        let key = Key::Page(document.to_owned(), number, width);
        if let Some(Kept::Page(kept)) = self.cache().get(&key) {
            return kept;
        }
        let Ok(_worker) = self.0.workers.acquire().await else { return Drawn::Failed };
        // Somebody else may have drawn it while this call waited for a worker.
        if let Some(Kept::Page(kept)) = self.cache().get(&key) {
            return kept;
        }
        let (page, pixels) = (number.to_string(), width.pixels().to_string());
        let arguments = [path.as_os_str(), page.as_ref(), "--width".as_ref(), pixels.as_ref()];
        let drawn = match self.run(&arguments).await {
            // No word on the document: another time it may be drawn.
            Ran::NotStarted => return Drawn::Failed,
            Ran::TimedOut => Drawn::Failed,
            Ran::Ended(status, png) => judge(status, png),
        };
        self.cache().put(key, Kept::Page(drawn.clone()));
        drawn
    }

    /// Whether a page looked at before could not be shown whole.
    pub fn known_incomplete(&self, document: &str, number: u32) -> bool {
        let key = Key::Page(document.to_owned(), number, Width::Reading);
        matches!(self.cache().get(&key), Some(Kept::Page(Drawn::InPart(_) | Drawn::Failed)))
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        // A panic while the cache was held leaves at worst a page to be drawn again.
        self.0.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a worker. Dropping the child kills it.
    async fn run(&self, arguments: &[&std::ffi::OsStr]) -> Ran {
        let spawned = Command::new(&self.0.settings.program)
            .arg("render-page")
            .args(arguments)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => {
                tracing::error!(%error, "cannot start a drawing process");
                return Ran::NotStarted;
            }
        };
        let Some(stdout) = child.stdout.take() else { return Ran::NotStarted };
        let work = async {
            let mut out = Vec::new();
            stdout.take(MAX_PICTURE).read_to_end(&mut out).await?;
            Ok::<_, std::io::Error>((child.wait().await?, out))
        };
        match tokio::time::timeout(self.0.settings.timeout, work).await {
            Ok(Ok((status, out))) => Ran::Ended(status, out),
            Ok(Err(_)) => Ran::NotStarted,
            Err(_) => {
                tracing::warn!("a page took too long to draw");
                Ran::TimedOut
            }
        }
    }
}

/// How a worker ended.
enum Ran {
    Ended(ExitStatus, Vec<u8>),
    TimedOut,
    NotStarted,
}

fn judge(status: ExitStatus, png: Vec<u8>) -> Drawn {
    const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
    match status.code() {
        Some(0) if png.starts_with(SIGNATURE) => Drawn::Whole(png.into()),
        Some(3) if png.starts_with(SIGNATURE) => Drawn::InPart(png.into()),
        _ => Drawn::Failed,
    }
}

/// The number of pages and words for what else there is, then `width height` a line.
fn parse_outline(text: &[u8]) -> Option<Outline> {
    let mut lines = std::str::from_utf8(text).ok()?.lines();
    let mut first = lines.next()?.split(' ');
    let count: usize = first.next()?.parse().ok().filter(|count| (1..=MAX_PAGES).contains(count))?;
    let mut holds = Active::default();
    for word in first {
        match word {
            "scripts" => holds.scripts = true,
            "layers" => holds.layers = true,
            "attachments" => holds.attachments = true,
            "fields" => holds.fields = true,
            _ => return None,
        }
    }
    let size = |line: &str| {
        let (width, height) = line.split_once(' ')?;
        Some(PageSize { width: width.parse().ok()?, height: height.parse().ok()? })
    };
    let pages: Vec<_> = lines.map(size).collect::<Option<_>>()?;
    (pages.len() == count).then_some(Outline { pages, holds })
}

/// Pages with a form feed after each.
fn parse_texts(code: Option<i32>, text: Vec<u8>) -> Option<Texts> {
    let cut = match code? {
        0 => false,
        3 => true,
        _ => return None,
    };
    let text = String::from_utf8(text).ok()?;
    Some(Texts { pages: text.split_terminator('\x0c').map(str::to_owned).collect(), cut })
}

/// Results by key, the oldest dropped first.
struct Cache {
    kept: HashMap<Key, Kept>,
    order: VecDeque<Key>,
    bytes: usize,
    limit: usize,
}

impl Cache {
    fn new(limit: usize) -> Self {
        Self { kept: HashMap::new(), order: VecDeque::new(), bytes: 0, limit }
    }

    fn get(&self, key: &Key) -> Option<Kept> {
        self.kept.get(key).cloned()
    }

    fn put(&mut self, key: Key, value: Kept) {
        let size = value.size();
        if size > self.limit {
            return;
        }
        if let Some(old) = self.kept.insert(key.clone(), value) {
            self.bytes -= old.size();
        } else {
            self.order.push_back(key);
        }
        self.bytes += size;
        while self.bytes > self.limit {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(old) = self.kept.remove(&oldest) {
                self.bytes -= old.size();
            }
        }
    }
}

impl Kept {
    /// Bytes held, with something for the entry itself.
    fn size(&self) -> usize {
        const ENTRY: usize = 256;
        ENTRY
            + match self {
                Self::Outline(Ok(outline)) => outline.pages.len() * size_of::<PageSize>(),
                Self::Texts(Ok(texts)) => texts.pages.iter().map(|page| page.len() + size_of::<String>()).sum(),
                Self::Page(Drawn::Whole(png) | Drawn::InPart(png)) => png.len(),
                Self::Outline(Err(_)) | Self::Texts(Err(_)) | Self::Page(Drawn::Failed) => 0,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(bytes: usize) -> Kept {
        Kept::Page(Drawn::Whole(vec![0; bytes].into()))
    }

    fn key(n: u32) -> Key {
        Key::Page("d".into(), n, Width::Reading)
    }

    #[test]
    fn the_cache_never_holds_more_than_its_limit() {
        let mut cache = Cache::new(10_000);
        for n in 0..50 {
            cache.put(key(n), page(1_000));
            assert!(cache.bytes <= 10_000);
        }
        cache.put(key(99), page(20_000));
        assert!(cache.get(&key(99)).is_none() && cache.get(&key(0)).is_none() && cache.get(&key(49)).is_some());
        let total: usize = cache.kept.values().map(Kept::size).sum();
        assert_eq!(total, cache.bytes);
    }

    #[test]
    fn a_workers_answer_that_does_not_add_up_is_not_believed() {
        let (pages, none) = (vec![PageSize { width: 595, height: 842 }], Active::default());
        assert_eq!(parse_outline(b"1\n595 842\n"), Some(Outline { pages: pages.clone(), holds: none }));
        let holds = Active { scripts: true, fields: true, ..none };
        assert_eq!(parse_outline(b"1 scripts fields\n595 842\n"), Some(Outline { pages, holds }));
        for bad in ["", "0\n", "2\n595 842\n", "1\n595\n", "x\n", "999999\n", "1 other\n595 842\n"] {
            assert_eq!(parse_outline(bad.as_bytes()), None, "{bad:?}");
        }
        let texts = |cut| Some(Texts { pages: vec!["a\n".into(), String::new()], cut });
        assert_eq!(parse_texts(Some(0), b"a\n\x0c\x0c".to_vec()), texts(false));
        assert_eq!(parse_texts(Some(3), b"a\n\x0c\x0c".to_vec()), texts(true));
        assert_eq!(
            [parse_texts(Some(1), b"a".to_vec()), parse_texts(Some(0), vec![0xff]), parse_texts(None, vec![])],
            [None, None, None]
        );
    }

    #[tokio::test]
    async fn a_program_that_hangs_or_is_not_there_gives_a_failed_page() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("folder");
        let program = folder.path().join("hangs");
        std::fs::write(&program, "#!/bin/sh\nexec sleep 60\n").expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("executable");
        let timeout = Duration::from_millis(100);
        for (program, remembered) in [(program, true), (folder.path().join("absent"), false)] {
            let renderer = Renderer::new(RenderSettings { timeout, ..RenderSettings::new(program) });
            let drawn = renderer.draw("d", Path::new("/nothing"), 1, Width::Reading).await;
            assert!(matches!(drawn, Drawn::Failed));
            assert_eq!(renderer.known_incomplete("d", 1), remembered);
            assert_eq!(renderer.outline("d", Path::new("/nothing")).await, Err(NotDrawable));
        }
    }
}
