//! How far an import has come: a bar on a terminal, else a line every few seconds.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// So often a line is printed where there is no terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// Shown on stderr.
pub(super) struct Progress {
    /// `None` where stderr is no terminal.
    bar: Option<ProgressBar>,
    total: u64,
    /// Where this run began, in bytes of the file.
    from: u64,
    began: Instant,
    last_line: Instant,
    pieces: u64,
}

impl Progress {
    /// For a file of `total` bytes; nothing is shown where `quiet`.
    pub(super) fn of(total: u64, quiet: bool) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template(
                "{bar:32} {percent:>3} %  {msg}  {elapsed} so far, {eta} left",
            );
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        if let Some(bar) = bar.as_ref().filter(|_| quiet) {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let now = Instant::now();
        Progress {
            bar: bar.or_else(|| quiet.then(ProgressBar::hidden)),
            total,
            from: 0,
            began: now,
            last_line: now,
            pieces: 0,
        }
    }

    /// Begins at byte `at`: what lies before was done earlier and says nothing about the rate.
    pub(super) fn begin_at(&mut self, at: u64) {
        self.from = at;
        self.began = Instant::now();
        if let Some(bar) = &self.bar {
            bar.set_position(at);
            bar.reset_eta();
        }
    }

    /// Goes on to byte `at`, with so many pieces more.
    pub(super) fn advance(&mut self, at: u64, pieces: usize) {
        self.pieces += u64::try_from(pieces).unwrap_or(0);
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} records, {}/s", self.pieces, self.rate()));
            bar.set_position(at);
            return;
        }
        if self.last_line.elapsed() < BETWEEN_LINES {
            return;
        }
        self.last_line = Instant::now();
        let percent = at.saturating_mul(100) / self.total.max(1);
        eprintln!(
            "{percent} %: {} records, {}/s, about {} s left",
            self.pieces,
            self.rate(),
            self.seconds_left(at)
        );
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// How long it took and how many pieces a second that were.
    pub(super) fn took(&self) -> (Duration, u64) {
        (self.began.elapsed(), self.rate())
    }

    fn rate(&self) -> u64 {
        let millis = self.began.elapsed().as_millis().max(1);
        u64::try_from(u128::from(self.pieces) * 1000 / millis).unwrap_or(u64::MAX)
    }

    fn seconds_left(&self, at: u64) -> u64 {
        let done = u128::from(at.saturating_sub(self.from).max(1));
        let left = u128::from(self.total.saturating_sub(at));
        let seconds = self.began.elapsed().as_millis() * left / done / 1000;
        u64::try_from(seconds).unwrap_or(u64::MAX)
    }
}
