//! How far a file is: a bar on a terminal, else a line now and then.

use std::{
    cell::Cell,
    fs,
    io::IsTerminal as _,
    path::Path,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use local::CommandError;

use crate::load::Report;

/// Between two lines.
const PAUSE: Duration = Duration::from_secs(5);

pub(crate) enum Progress {
    Bar(ProgressBar),
    Lines { total: u64, last: Cell<Instant> },
}

impl Progress {
    /// That of `file`, on standard error.
    pub(crate) fn of(file: &Path) -> Result<Self, CommandError> {
        let metadata =
            fs::metadata(file).map_err(|error| CommandError::of(file.display(), error))?;
        let total = metadata.len();
        if !std::io::stderr().is_terminal() {
            return Ok(Self::Lines { total, last: Cell::new(Instant::now()) });
        }
        let style = ProgressStyle::with_template(
            "{bar:30} {percent:>3} % of {total_bytes}, {eta} to go: {wide_msg}",
        );
        let style = style.map_err(|error| CommandError::of("progress bar", error))?;
        Ok(Self::Bar(ProgressBar::new(total).with_style(style)))
    }

    pub(crate) fn show(&self, report: &Report, bytes: u64) {
        match self {
            Self::Bar(bar) => {
                bar.set_message(report.to_string());
                bar.set_position(bytes);
            }
            Self::Lines { total, last } if last.get().elapsed() >= PAUSE => {
                last.set(Instant::now());
                eprintln!("{bytes} of {total} bytes: {report}");
            }
            Self::Lines { .. } => {}
        }
    }

    pub(crate) fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
