//! What ends a command.

use std::{error::Error, fmt};

/// One line that says what is wrong.
#[derive(Debug)]
pub(crate) struct Trouble(pub(crate) String);

impl Trouble {
    pub(crate) fn of(what: impl fmt::Display, error: impl fmt::Display) -> Self {
        Self(format!("{what}: {error}"))
    }

    /// An error that says what is wrong in its sources.
    pub(crate) fn chain(what: impl fmt::Display, error: &dyn Error) -> Self {
        let causes = std::iter::successors(Some(error), |&error| error.source());
        Self::of(what, causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
    }
}
