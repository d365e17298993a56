//! Many files in one run: on several threads, reported in the order they were given, whatever happens to one of them.
//!
//! Reading order: [`run`], [`files`] (which files, in which order), [`outcome`] (what comes of one, counted), [`journal`] (what an
//! interrupted run had done already), [`progress`] (what the person waiting sees).
//!
//! Memory does not grow with the number of files, their paths apart: no thread runs further ahead of the report than
//! [`AHEAD`] files, so what waits to be printed is bounded.
//!
//! What this folder does not do: open or judge a file; that is its caller's [`Judge`].

pub mod files;
pub mod journal;
pub mod outcome;
pub mod progress;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, PoisonError, mpsc};

pub use files::Item;
pub use outcome::{Outcome, Tally};
use progress::Progress;

/// How many files may be done before the one whose turn it is: one large file among small ones does not stall the threads.
const AHEAD: usize = 256;

/// Stack of a verifying thread in bytes. The parsers' own nesting limits stay far below a tenth of it.
const STACK: usize = 8 << 20;

/// What came of one file, ready to be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub text: String,
    pub outcome: Outcome,
}

/// Whoever verifies one file.
pub trait Judge: Sync {
    fn judge(&self, item: &Item) -> Judged;

    /// What is told of a file on which [`Self::judge`] panicked: a defect of this program.
    fn crashed(&self, item: &Item) -> Judged;
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub tally: Tally,
    /// Why the report broke off; the files after that were not verified.
    pub broken_off: Option<io::Error>,
}

/// Verifies the items on `jobs` threads and writes what comes of them to `out` in their order.
pub fn run(items: &[Item], jobs: usize, judge: &impl Judge, out: &mut impl Write, progress: &mut Progress) -> Ended {
    let queue = Queue::default();
    let (send, receive) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            let (send, queue) = (send.clone(), &queue);
            let work = move || {
                while let Some((position, item)) = queue.claim(items) {
                    let judged = catch_unwind(AssertUnwindSafe(|| judge.judge(item)));
                    let judged = judged.unwrap_or_else(|_| judge.crashed(item));
                    if send.send((position, judged)).is_err() {
                        break;
                    }
                }
            };
            if let Err(error) = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work) {
                eprintln!("kyso verify: a thread could not be started: {error}");
            }
        }
        drop(send);
        let ended = print_in_order(items.len(), &receive, &queue, out, progress);
        queue.stop();
        ended
    })
}

fn print_in_order(
    total: usize,
    receive: &mpsc::Receiver<(usize, Judged)>,
    queue: &Queue,
    out: &mut impl Write,
    progress: &mut Progress,
) -> Ended {
    let mut waiting = BTreeMap::new();
    let mut tally = Tally::default();
    for (position, judged) in receive {
        waiting.insert(position, judged);
        while let Some(judged) = waiting.remove(&tally.total()) {
            tally.add(judged.outcome);
            progress.clear();
            let written = out.write_all(judged.text.as_bytes()).and_then(|()| out.flush());
            if let Err(error) = written {
                return Ended { tally, broken_off: Some(error) };
            }
            queue.printed(tally.total());
        }
        progress.show(&tally, total);
    }
    progress.clear();
    let broken_off = (tally.total() < total).then(|| io::Error::other("no thread is left to verify the rest"));
    Ended { tally, broken_off }
}

/// Which item is next, and how far ahead of the report that may be.
#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Default)]
struct State {
    next: usize,
    printed: usize,
    stopped: bool,
}

impl Queue {
    /// The next item; waits while the report is too far behind. `None` at the end, or when the run was stopped.
    fn claim<'i>(&self, items: &'i [Item]) -> Option<(usize, &'i Item)> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let too_far = |state: &mut State| !state.stopped && state.next >= state.printed.saturating_add(AHEAD);
        let mut state = self.moved.wait_while(state, too_far).unwrap_or_else(PoisonError::into_inner);
        let position = state.next;
        let item = items.get(position).filter(|_| !state.stopped)?;
        state.next = position.saturating_add(1);
        Some((position, item))
    }

    fn printed(&self, count: usize) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).printed = count;
        self.moved.notify_all();
    }

    fn stop(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stopped = true;
        self.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn items(count: usize) -> Vec<Item> {
        (0..count).map(|n| Item { path: format!("{n}").into(), trouble: None }).collect()
    }

    fn judged(item: &Item, outcome: Outcome) -> Judged {
        Judged { text: format!("{}\n", item.path.display()), outcome }
    }

    /// Panics on every seventh file, and counts how many were asked for.
    #[derive(Default)]
    struct Clumsy(AtomicUsize);

    impl Judge for Clumsy {
        fn judge(&self, item: &Item) -> Judged {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            assert!(!item.path.to_string_lossy().ends_with('7'), "on purpose");
            // Threads overtake each other.
            if number.is_multiple_of(3) {
                std::thread::yield_now();
            }
            judged(item, Outcome::Passed)
        }

        fn crashed(&self, item: &Item) -> Judged {
            judged(item, Outcome::Internal)
        }
    }

    #[test]
    fn order_is_kept_and_a_panic_costs_one_file_whatever_the_jobs() {
        let items = items(3 * AHEAD);
        let expected: String = (0..items.len()).map(|n| format!("{n}\n")).collect();
        for jobs in [1, 2, 7] {
            let mut out = Vec::new();
            let ended = run(&items, jobs, &Clumsy::default(), &mut out, &mut Progress::off());
            assert_eq!(String::from_utf8(out).expect("UTF-8"), expected);
            assert!(ended.broken_off.is_none());
            let sevens = items.iter().filter(|item| item.path.to_string_lossy().ends_with('7')).count();
            assert_eq!((ended.tally.of(Outcome::Internal), ended.tally.total()), (sevens, items.len()));
            assert_eq!(ended.tally.worst().code(), 70);
        }
    }

    /// Takes three lines, then is gone like the reader of a pipe.
    struct Gone(usize);

    impl Write for Gone {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn reader_that_goes_away_ends_the_run_instead_of_verifying_for_nobody() {
        let (items, judge) = (items(100 * AHEAD), Clumsy::default());
        let ended = run(&items, 2, &judge, &mut Gone(3), &mut Progress::off());
        assert_eq!(ended.broken_off.map(|error| error.kind()), Some(io::ErrorKind::BrokenPipe));
        assert!(judge.0.load(Ordering::Relaxed) <= 2 * AHEAD, "no thread runs far ahead");
    }
}
