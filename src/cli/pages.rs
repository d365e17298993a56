//! The pages of a PDF before and after a change: each drawn by `kyso render-page` in a process of its own, then compared.
//!
//! What it does not do: decide whether a change is permitted. Pages that look alike may still differ in what they do.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::differences::{Pixels, regions};
use crate::formats::pdf::{Limits, Pdf, PdfError};
use crate::mapping::Mapped;
use crate::report::Drawn;
use crate::report::drawn::{Comparison, Limit, PagePair, Picture, Side};
use crate::validation::report::{FileReport, Format, Kind, Modification, SignatureReport};

/// Width of the pictures in pixels: text of 10 points can be read on two beside each other.
const WIDTH: &str = "760";
/// Most signatures whose revisions are compared with the file, the worst first.
const MAX_COMPARISONS: usize = 3;
/// Most pages compared for one signature. Those a change names come first.
const MAX_PAGES: usize = 10;
/// After this time no further page of a file is drawn. A worker ends itself after 15 seconds of processor time.
const MAX_TIME: Duration = Duration::from_secs(30);
/// Most bytes of pictures in all reports of a run.
const MAX_BYTES: usize = 48 * 1024 * 1024;
/// Largest picture read from a worker; the tallest page in true colour has 32 MB before it is compressed.
const MAX_PICTURE: u64 = 32 * 1024 * 1024;

/// Draws pages for all reports of a run.
#[derive(Debug, Default)]
pub struct Pages {
    /// Bytes of pictures handed out.
    spent: AtomicUsize,
}

/// Pages could not be drawn at all.
struct NotDrawable;

impl Pages {
    /// Compares the revisions of the worst changed signatures with the file.
    pub fn compare(&self, file: &Path, report: &FileReport) -> Drawn {
        let mut changed: Vec<&SignatureReport> = report.signatures.iter().filter(|s| worth_drawing(s)).collect();
        if report.format != Format::Pdf || changed.is_empty() {
            return Drawn::Nothing;
        }
        changed.sort_by_key(|signature| (std::cmp::Reverse(signature.modification), signature.index));
        let Ok(drawing) = Drawing::open(file, &self.spent) else { return Drawn::NotDrawable };
        let compared: Result<Vec<_>, _> =
            changed.into_iter().take(MAX_COMPARISONS).map(|signature| drawing.compare(signature)).collect();
        match compared {
            Ok(compared) => Drawn::Compared(compared),
            Err(NotDrawable) if drawing.needs_password() => Drawn::NeedsPassword,
            Err(NotDrawable) => Drawn::NotDrawable,
        }
    }
}

/// Validation data has no looks; a change with a page, or one nothing permits, may.
fn worth_drawing(signature: &SignatureReport) -> bool {
    let facts = &signature.facts;
    let shown = facts.changes.iter().any(|change| change.page.is_some());
    signature.kind == Kind::Signature
        && facts.covered_end.is_some()
        && (shown || signature.modification > Modification::Allowed)
}

/// One file that is being drawn.
struct Drawing<'d> {
    file: &'d Path,
    bytes: Mapped,
    program: PathBuf,
    /// Holds the signed revisions while they are drawn.
    folder: tempfile::TempDir,
    started: Instant,
    spent: &'d AtomicUsize,
    /// `None` when they cannot be counted.
    pages: Option<usize>,
}

impl<'d> Drawing<'d> {
    fn open(file: &'d Path, spent: &'d AtomicUsize) -> Result<Self, NotDrawable> {
        let program = std::env::current_exe().map_err(|_| NotDrawable)?;
        let folder = tempfile::tempdir().map_err(|_| NotDrawable)?;
        let bytes = Mapped::open(file).map_err(|_| NotDrawable)?;
        let pages = count(&program, file);
        Ok(Self { file, bytes, program, folder, started: Instant::now(), spent, pages })
    }

    fn needs_password(&self) -> bool {
        matches!(Pdf::open(&self.bytes, &Limits::default()), Err(PdfError::PasswordNeeded))
    }

    fn compare(&self, signature: &SignatureReport) -> Result<Comparison, NotDrawable> {
        let end = signature.facts.covered_end.ok_or(NotDrawable)?;
        let signed = self.folder.path().join("signed.pdf");
        let revision = self.bytes.get(..end).ok_or(NotDrawable)?;
        std::fs::write(&signed, revision).map_err(|_| NotDrawable)?;
        let before = count(&self.program, &signed);
        if before.or(self.pages).is_none() {
            return Err(NotDrawable);
        }
        let mut comparison = Comparison {
            signature: signature.index,
            page_counts: before.zip(self.pages),
            compared: Vec::new(),
            failed: Vec::new(),
            different: Vec::new(),
            left_out: None,
        };
        let wanted = wanted(signature, before.max(self.pages).unwrap_or(0));
        comparison.left_out = (wanted.len() > MAX_PAGES).then_some(Limit::Pages);
        for number in wanted.into_iter().take(MAX_PAGES) {
            if self.started.elapsed() > MAX_TIME {
                comparison.left_out = Some(Limit::Time);
                break;
            }
            if self.spent.load(Ordering::Relaxed) > MAX_BYTES {
                comparison.left_out = Some(Limit::Size);
                break;
            }
            self.page(number, (&signed, before), &mut comparison);
        }
        comparison.compared.sort_unstable();
        comparison.failed.sort_unstable();
        comparison.different.sort_by_key(|pair| pair.number);
        Ok(comparison)
    }

    fn page(&self, number: usize, signed: (&Path, Option<usize>), comparison: &mut Comparison) {
        let (before, after) = (self.side(number, signed), self.side(number, (self.file, self.pages)));
        let regions = match (&before, &after) {
            (Looks::Drawn(_, before), Looks::Drawn(_, after)) => regions(before, after),
            (Looks::NotDrawn, Looks::NotDrawn) => {
                comparison.failed.push(number);
                return;
            }
            _ => Vec::new(),
        };
        comparison.compared.push(number);
        let both = matches!((&before, &after), (Looks::Drawn(..), Looks::Drawn(..)));
        if both && regions.is_empty() {
            return;
        }
        let pair = PagePair { number, before: before.into(), after: after.into(), regions };
        let pictures = [&pair.before, &pair.after].into_iter().filter_map(Side::picture);
        self.spent.fetch_add(pictures.map(|picture| picture.png.len()).sum(), Ordering::Relaxed);
        comparison.different.push(pair);
    }

    fn side(&self, number: usize, (file, pages): (&Path, Option<usize>)) -> Looks {
        if pages.is_some_and(|pages| number > pages) {
            return Looks::Absent;
        }
        draw(&self.program, file, number).map_or(Looks::NotDrawn, |(picture, pixels)| Looks::Drawn(picture, pixels))
    }
}

/// One side of a page, with the pixels to compare.
enum Looks {
    Drawn(Picture, Pixels),
    Absent,
    NotDrawn,
}

impl From<Looks> for Side {
    fn from(looks: Looks) -> Self {
        match looks {
            Looks::Drawn(picture, _) => Self::Shown(picture),
            Looks::Absent => Self::Absent,
            Looks::NotDrawn => Self::NotDrawn,
        }
    }
}

/// The pages changes name; where something is wrong also all others, in order.
fn wanted(signature: &SignatureReport, pages: usize) -> Vec<usize> {
    let named = signature.facts.changes.iter().filter_map(|change| change.page);
    let last = if signature.modification > Modification::Allowed { pages } else { 0 };
    let mut wanted: Vec<usize> = Vec::new();
    for number in named.chain(1..=last).filter(|number| *number <= pages) {
        if !wanted.contains(&number) {
            wanted.push(number);
        }
        // One more than are drawn tells that some are left out.
        if wanted.len() > MAX_PAGES {
            break;
        }
    }
    wanted
}

/// The number of pages, as the drawing code sees it.
fn count(program: &Path, file: &Path) -> Option<usize> {
    let (code, answer) = run(program, &[file.as_os_str(), "--count".as_ref()])?;
    let text = String::from_utf8(answer).ok()?;
    text.lines().next()?.parse().ok().filter(|_| code == 0)
}

/// Draws one page.
fn draw(program: &Path, file: &Path, number: usize) -> Option<(Picture, Pixels)> {
    let number = number.to_string();
    let arguments = [file.as_os_str(), number.as_ref(), "--width".as_ref(), WIDTH.as_ref()];
    // 3 is a page on which something could not be shown; the rest of it still tells.
    let (_, png) = run(program, &arguments).filter(|(code, _)| matches!(code, 0 | 3))?;
    let pixels = Pixels::decode(&png)?;
    Some((Picture { width: pixels.width(), height: pixels.height(), png }, pixels))
}

/// Runs a worker without an environment; its exit code and what it wrote.
fn run(program: &Path, arguments: &[&std::ffi::OsStr]) -> Option<(i32, Vec<u8>)> {
    let mut child = Command::new(program)
        .arg("render-page")
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut answer = Vec::new();
    let read = child.stdout.take().map(|out| out.take(MAX_PICTURE).read_to_end(&mut answer));
    if !matches!(read, Some(Ok(_))) {
        let _ = child.kill();
    }
    let status = child.wait().ok()?;
    Some((status.code()?, answer))
}
