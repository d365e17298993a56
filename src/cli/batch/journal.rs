//! The journal of a run: what was verified already, so that a run that was killed goes on where it stopped.
//!
//! JSON Lines, only ever appended to. The first line says what the run was made with and its validation time; every other is
//! one verdict, found again by the file's path and the SHA-256 of its content, so a file that was changed or exchanged
//! meanwhile is verified anew. Files that could not be read or hit a defect are not noted: another time they may be better.
//!
//! ```text
//! {"journal":"kyso-verify-1","settings":"<SHA-256>","time":"2026-06-01T00:00:00Z"}
//! {"key":"<SHA-256>","file":"a.pdf","outcome":"passed","report":"…as it was printed…"}
//! ```

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Judged, Outcome};
use crate::crypto::digest::{hex, sha256};

/// Name and version of the format.
const KIND: &str = "kyso-verify-1";

/// Longest line believed, in bytes: a report with embedded pictures has some megabytes.
const MAX_LINE: u64 = 64 << 20;

/// Names one file with its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

impl Key {
    pub fn of(path: &Path, content: &[u8]) -> Self {
        // The content's hash has a fixed length, so no two pairs run together.
        Self(sha256(&[sha256(content).as_slice(), path.as_os_str().as_encoded_bytes()].concat()))
    }
}

#[derive(Serialize, Deserialize)]
struct Head {
    journal: String,
    settings: String,
    #[serde(with = "time::serde::rfc3339")]
    time: OffsetDateTime,
}

#[derive(Serialize, Deserialize)]
struct Record {
    key: String,
    /// For people who look into the journal.
    file: String,
    outcome: Noted,
    report: String,
}

/// The outcomes that are kept.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Noted {
    Passed,
    Indeterminate,
    Failed,
}

impl Noted {
    fn of(outcome: Outcome) -> Option<Self> {
        match outcome {
            Outcome::Passed => Some(Self::Passed),
            Outcome::Indeterminate => Some(Self::Indeterminate),
            Outcome::Failed => Some(Self::Failed),
            Outcome::Unreadable | Outcome::Internal => None,
        }
    }

    fn outcome(self) -> Outcome {
        match self {
            Self::Passed => Outcome::Passed,
            Self::Indeterminate => Outcome::Indeterminate,
            Self::Failed => Outcome::Failed,
        }
    }
}

/// An open journal. In memory it holds 40 bytes a file; the reports stay on the disk.
#[derive(Debug)]
pub struct Journal {
    file: File,
    /// Where the line of a key begins.
    lines: HashMap<[u8; 32], u64>,
    end: u64,
    time: OffsetDateTime,
    recalled: usize,
}

impl Journal {
    /// Opens the journal of a run with these settings (a hash over everything that decides a verdict or its wording), or
    /// begins one whose validation time is `time`. What a killed run left half-written is cut off.
    ///
    /// # Errors
    /// When another run holds it, it was made with other settings, or the file is something else.
    pub fn open(path: &Path, settings: &str, time: OffsetDateTime) -> anyhow::Result<Self> {
        let shown = path.display();
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
        let file = file.with_context(|| format!("cannot open the journal {shown}"))?;
        file.try_lock().with_context(|| format!("another run uses the journal {shown}"))?;
        let mut journal = Self { file, lines: HashMap::new(), end: 0, time, recalled: 0 };
        let read = journal.read().with_context(|| format!("cannot read the journal {shown}"))?;
        match read {
            First::Absent => {
                let head = Head { journal: KIND.to_owned(), settings: settings.to_owned(), time };
                journal.append(&head).with_context(|| format!("cannot write the journal {shown}"))?;
            }
            First::Foreign => bail!("{shown} is not a journal of this program; name another file"),
            First::Head(head) if head.settings != settings => bail!(
                "{shown} was begun with other options, trust anchors or revocation data, or by another version; \
                 repeat them exactly, or name another file"
            ),
            First::Head(head) => journal.time = head.time,
        }
        Ok(journal)
    }

    /// The validation time of the run, also when it was begun earlier.
    pub fn time(&self) -> OffsetDateTime {
        self.time
    }

    /// How many verdicts were taken from the journal.
    pub fn recalled(&self) -> usize {
        self.recalled
    }

    /// What came of this file with this content, if that was noted and can be read.
    pub fn recall(&mut self, key: Key) -> Option<Judged> {
        let at = *self.lines.get(&key.0)?;
        let mut line = String::new();
        self.file.seek(SeekFrom::Start(at)).ok()?;
        BufReader::new(&self.file).take(MAX_LINE).read_line(&mut line).ok()?;
        let record: Record = serde_json::from_str(&line).ok().filter(|record: &Record| record.key == hex(&key.0))?;
        self.recalled = self.recalled.saturating_add(1);
        Some(Judged { text: record.report, outcome: record.outcome.outcome() })
    }

    /// Notes a verdict; what is no verdict is not noted.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&mut self, key: Key, path: &Path, judged: &Judged) -> io::Result<()> {
        let Some(outcome) = Noted::of(judged.outcome) else { return Ok(()) };
        let file = path.display().to_string();
        let at = self.end;
        self.append(&Record { key: hex(&key.0), file, outcome, report: judged.text.clone() })?;
        self.lines.insert(key.0, at);
        Ok(())
    }

    /// One line in one write, so that a run that is killed leaves a whole line or none but the last.
    fn append(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.file.seek(SeekFrom::Start(self.end))?;
        let written = self.file.write_all(&line);
        if written.is_err() {
            // Half a line must not become the beginning of the next.
            self.file.set_len(self.end)?;
        }
        written?;
        self.end = self.end.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Finds the lines and cuts off a torn last one.
    fn read(&mut self) -> io::Result<First> {
        let mut first = First::Absent;
        let mut reader = BufReader::new(&self.file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                let torn_head = matches!(first, First::Absent) && br#"{"journal":""#.starts_with(head_of(&line));
                if matches!(first, First::Absent) && read > 0 && !torn_head {
                    return Ok(First::Foreign);
                }
                break;
            }
            match &first {
                First::Absent => match serde_json::from_slice::<Head>(&line) {
                    Ok(head) if head.journal == KIND => first = First::Head(head),
                    _ => return Ok(First::Foreign),
                },
                // A line that a failing disk garbled is a file to verify again.
                _ => {
                    let key = serde_json::from_slice::<Record>(&line).ok().and_then(|record| unhex(&record.key));
                    self.lines.extend(key.map(|key| (key, self.end)));
                }
            }
            self.end = self.end.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        }
        self.file.set_len(self.end)?;
        Ok(first)
    }
}

/// As much of a line as tells a journal from something else.
fn head_of(line: &[u8]) -> &[u8] {
    line.get(..12).unwrap_or(line)
}

enum First {
    Absent,
    Foreign,
    Head(Head),
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut key = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(*pair.first()?)? << 4 | digit(*pair.last()?)?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOON: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);
    const LATER: OffsetDateTime = datetime!(2026-06-02 12:00 UTC);

    fn key(content: &[u8]) -> Key {
        Key::of(Path::new("a.pdf"), content)
    }

    fn judged(text: &str) -> Judged {
        Judged { text: text.to_owned(), outcome: Outcome::Failed }
    }

    fn note(journal: &mut Journal, content: &[u8], text: &str) {
        journal.note(key(content), Path::new("a.pdf"), &judged(text)).expect("written");
    }

    #[test]
    fn verdicts_come_back_with_the_first_runs_time_and_changed_content_does_not() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("j");
        let mut journal = Journal::open(&path, "s", NOON).expect("begun");
        note(&mut journal, b"1", "một\n\"2\"\n");
        assert!(Journal::open(&path, "s", NOON).is_err(), "held by another run");
        drop(journal);
        let mut journal = Journal::open(&path, "s", LATER).expect("goes on");
        assert_eq!(journal.time(), NOON);
        assert_eq!(journal.recall(key(b"1")), Some(judged("một\n\"2\"\n")));
        assert_eq!(journal.recall(key(b"2")), None, "other content");
        assert_eq!(journal.recall(Key::of(Path::new("b.pdf"), b"1")), None, "another path");
        note(&mut journal, b"2", "hai");
        assert_eq!((journal.recall(key(b"2")), journal.recalled()), (Some(judged("hai")), 2));
    }

    #[test]
    fn last_line_torn_anywhere_is_cut_off_and_the_rest_survives() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("j");
        let mut journal = Journal::open(&path, "s", NOON).expect("begun");
        note(&mut journal, b"1", "one");
        let kept = journal.end;
        note(&mut journal, b"2", "two");
        drop(journal);
        let whole = std::fs::read(&path).expect("written");
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).expect("torn");
            let mut journal = Journal::open(&path, "s", NOON).expect("survives");
            let expected = (u64::try_from(length).expect("small") >= kept).then(|| judged("one"));
            assert_eq!(journal.recall(key(b"1")), expected, "{length}");
            assert_eq!(journal.recall(key(b"2")), None, "{length}");
            note(&mut journal, b"3", "three");
            drop(journal);
            let mut journal = Journal::open(&path, "s", NOON).expect("goes on");
            assert_eq!(journal.recall(key(b"3")), Some(judged("three")), "{length}");
        }
    }

    #[test]
    fn garbled_line_is_a_file_to_verify_again() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("j");
        let mut journal = Journal::open(&path, "s", NOON).expect("begun");
        journal.append(&"not a record").expect("written");
        note(&mut journal, b"1", "one");
        drop(journal);
        let mut journal = Journal::open(&path, "s", NOON).expect("goes on");
        assert_eq!(journal.recall(key(b"1")), Some(judged("one")));
    }

    #[test]
    fn other_settings_and_other_files_are_refused_and_stay_as_they_are() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("j");
        drop(Journal::open(&path, "s", NOON).expect("begun"));
        assert!(Journal::open(&path, "t", NOON).expect_err("refused").to_string().contains("other options"));
        for foreign in ["%PDF-1.7\n1 0 obj", "no line end", "{\"journal\":\"kyso-verify-99\"}\n"] {
            std::fs::write(&path, foreign).expect("written");
            assert!(Journal::open(&path, "s", NOON).expect_err("refused").to_string().contains("not a journal"));
            assert_eq!(std::fs::read_to_string(&path).expect("there"), foreign);
        }
    }

    #[test]
    fn what_is_no_verdict_is_not_noted() {
        let folder = tempfile::tempdir().expect("folder");
        let mut journal = Journal::open(&folder.path().join("j"), "s", NOON).expect("begun");
        for outcome in [Outcome::Unreadable, Outcome::Internal] {
            let judged = Judged { text: "no".to_owned(), outcome };
            journal.note(key(b"1"), Path::new("a.pdf"), &judged).expect("nothing to write");
        }
        assert_eq!(journal.recall(key(b"1")), None);
    }
}
