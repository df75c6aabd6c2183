//! How far a command is: a bar on a terminal, else a line now and then.

use std::{
    cell::Cell,
    fmt::Display,
    fs,
    io::IsTerminal as _,
    path::Path,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use local::CommandError;

/// Between two lines.
const PAUSE: Duration = Duration::from_secs(5);

pub(crate) enum Progress {
    Bar(ProgressBar),
    Lines { total: u64, unit: &'static str, last: Cell<Instant> },
}

impl Progress {
    /// That of reading `file`, on standard error.
    pub(crate) fn of_file(file: &Path) -> Result<Self, CommandError> {
        let metadata =
            fs::metadata(file).map_err(|error| CommandError::of(file.display(), error))?;
        Self::new(metadata.len(), "bytes", "{total_bytes}")
    }

    /// That of reading a table of about so many items, on standard error.
    pub(crate) fn of_items(total: u64) -> Result<Self, CommandError> {
        Self::new(total, "items", "about {len} items")
    }

    fn new(total: u64, unit: &'static str, shown: &str) -> Result<Self, CommandError> {
        if !std::io::stderr().is_terminal() {
            return Ok(Self::Lines { total, unit, last: Cell::new(Instant::now()) });
        }
        let style = ProgressStyle::with_template(&format!(
            "{{bar:30}} {{percent:>3}} % of {shown}, {{eta}} to go: {{wide_msg}}"
        ));
        let style = style.map_err(|error| CommandError::of("progress bar", error))?;
        Ok(Self::Bar(ProgressBar::new(total).with_style(style)))
    }

    pub(crate) fn show(&self, report: &impl Display, done: u64) {
        match self {
            Self::Bar(bar) => {
                bar.set_message(report.to_string());
                bar.set_position(done);
            }
            Self::Lines { total, unit, last } if last.get().elapsed() >= PAUSE => {
                last.set(Instant::now());
                eprintln!("{done} of {total} {unit}: {report}");
            }
            Self::Lines { .. } => {}
        }
    }

    /// Prints a line of output, above the bar if there is one.
    pub(crate) fn print(&self, line: &str) {
        match self {
            Self::Bar(bar) => bar.suspend(|| println!("{line}")),
            Self::Lines { .. } => println!("{line}"),
        }
    }

    pub(crate) fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
