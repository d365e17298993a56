//! What the person waiting sees on standard error: a bar while files are verified, a summary at the end.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use super::outcome::{Outcome, Tally};
use crate::validation::report::Language;

/// A terminal's line is drawn anew at most this often; a log file gets a line as seldom as [`LOG_PAUSE`].
const DRAW_PAUSE: Duration = Duration::from_millis(100);
const LOG_PAUSE: Duration = Duration::from_secs(5);
/// Signs of the bar.
const WIDTH: usize = 20;

/// When progress is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// On a terminal only.
    Auto,
    /// Also into a file or a pipe, a line at a time.
    Always,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Off,
    Bar,
    Lines,
}

/// The bar of one run.
pub struct Progress {
    form: Form,
    language: Language,
    began: Instant,
    shown: Option<Instant>,
    /// Whether the bar stands on the terminal's last line.
    standing: bool,
}

impl Progress {
    pub fn new(wish: Wish, language: Language) -> Self {
        let form = match (io::stderr().is_terminal(), wish) {
            (true, _) => Form::Bar,
            (false, Wish::Always) => Form::Lines,
            (false, Wish::Auto) => Form::Off,
        };
        Self { form, language, began: Instant::now(), shown: None, standing: false }
    }

    #[cfg(test)]
    pub fn off() -> Self {
        Self { form: Form::Off, language: Language::English, began: Instant::now(), shown: None, standing: false }
    }

    /// Shows how far the run is, unless that was shown a moment ago.
    pub fn show(&mut self, tally: &Tally, total: usize) {
        let pause = match self.form {
            Form::Off => return,
            Form::Bar => DRAW_PAUSE,
            Form::Lines => LOG_PAUSE,
        };
        // A single file is its own progress.
        let recent = self.shown.unwrap_or(self.began).elapsed() < pause;
        if total < 2 || (recent && tally.total() < total) {
            return;
        }
        self.shown = Some(Instant::now());
        let line = bar(tally, total, self.began.elapsed(), self.language);
        // Whoever cannot be told is not told.
        let _ = match self.form {
            Form::Bar => write!(io::stderr(), "\r\x1b[K{line}"),
            Form::Lines | Form::Off => writeln!(io::stderr(), "{line}"),
        };
        self.standing = self.form == Form::Bar;
    }

    /// Takes the bar away, so that something else can be written there.
    pub fn clear(&mut self) {
        if self.standing {
            let _ = write!(io::stderr(), "\r\x1b[K");
            self.standing = false;
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

fn bar(tally: &Tally, total: usize, elapsed: Duration, language: Language) -> String {
    let done = tally.total();
    let filled = (done.saturating_mul(WIDTH) / total.max(1)).min(WIDTH);
    let mut line = format!("[{}{}] {done}/{total}", "#".repeat(filled), "·".repeat(WIDTH.saturating_sub(filled)));
    let _ = write!(line, "  ✓ {}  ✗ {}", tally.of(Outcome::Passed), tally.of(Outcome::Failed));
    let other = tally.of(Outcome::Unreadable).saturating_add(tally.of(Outcome::Internal));
    let _ = write!(line, "  ? {}  ! {other}", tally.of(Outcome::Indeterminate));
    if let Some(left) = left(done, total, elapsed) {
        let word = match language {
            Language::Vietnamese => "còn",
            Language::English => "left",
        };
        let _ = write!(line, "  {word} {}:{:02}", left / 60, left % 60);
    }
    line
}

/// Seconds the rest takes if it is like what is done.
fn left(done: usize, total: usize, elapsed: Duration) -> Option<u64> {
    let (done, rest) = (u32::try_from(done).ok()?, u32::try_from(total.saturating_sub(done)).ok()?);
    let each = elapsed.checked_div(done)?;
    each.checked_mul(rest).map(|left| left.as_secs())
}

/// One line that says how the files came out and how long that took.
pub fn summary(tally: &Tally, recalled: usize, elapsed: Duration, language: Language) -> String {
    let (total, seconds) = (tally.total(), elapsed.as_secs_f64());
    let of = |outcome| tally.of(outcome);
    let tenths = format!("{seconds:.1}");
    let mut line = match language {
        Language::Vietnamese => format!(
            "{total} tệp trong {} giây: {} hợp lệ, {} không hợp lệ, {} chưa đủ căn cứ kết luận, {} không kiểm tra được",
            tenths.replace('.', ","),
            of(Outcome::Passed),
            of(Outcome::Failed),
            of(Outcome::Indeterminate),
            of(Outcome::Unreadable),
        ),
        Language::English => format!(
            "{total} files in {tenths} s: {} valid, {} not valid, {} cannot tell, {} could not be checked",
            of(Outcome::Passed),
            of(Outcome::Failed),
            of(Outcome::Indeterminate),
            of(Outcome::Unreadable),
        ),
    };
    let internal = of(Outcome::Internal);
    let extra = |count: usize, vietnamese: &str, english: &str| match (count, language) {
        (0, _) => String::new(),
        (_, Language::Vietnamese) => format!(", {count} {vietnamese}"),
        (_, Language::English) => format!(", {count} {english}"),
    };
    line.push_str(&extra(internal, "lỗi nội bộ", "internal errors"));
    line.push_str(&extra(recalled, "lấy từ nhật ký", "taken from the journal"));
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(passed: usize, failed: usize) -> Tally {
        let mut tally = Tally::default();
        (0..passed).for_each(|_| tally.add(Outcome::Passed));
        (0..failed).for_each(|_| tally.add(Outcome::Failed));
        tally
    }

    #[test]
    fn bar_fits_a_line_of_eighty_and_says_what_is_left() {
        let line = bar(&tally(240, 10), 1000, Duration::from_secs(10), Language::English);
        assert_eq!(line, "[#####···············] 250/1000  ✓ 240  ✗ 10  ? 0  ! 0  left 0:30");
        assert!(bar(&tally(0, 0), 0, Duration::ZERO, Language::English).contains("0/0"));
        assert!(line.chars().count() < 80);
    }

    #[test]
    fn summary_counts_every_outcome_in_both_languages() {
        let mut tally = tally(2, 1);
        tally.add(Outcome::Internal);
        assert_eq!(
            summary(&tally, 0, Duration::from_millis(1_250), Language::English),
            "4 files in 1.2 s: 2 valid, 1 not valid, 0 cannot tell, 0 could not be checked, 1 internal errors"
        );
        let vietnamese = summary(&tally, 3, Duration::from_millis(1_250), Language::Vietnamese);
        assert!(vietnamese.starts_with("4 tệp trong 1,2 giây: 2 hợp lệ, 1 không hợp lệ"), "{vietnamese}");
        assert!(vietnamese.ends_with("1 lỗi nội bộ, 3 lấy từ nhật ký"), "{vietnamese}");
    }
}
