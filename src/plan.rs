//! How a patch reaches the table; pure and synchronous.

use json_patch::PatchOperation;

use crate::patch::Patch;

/// How a patch reaches the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Nothing to write: one consistent read, on which the patch's `test` operations are evaluated.
    Check,
    /// Read, apply in memory, write on the condition that the version is still the one read.
    Rewrite,
}

impl Plan {
    /// The plan for `patch`.
    #[must_use]
    pub fn of(patch: &Patch) -> Self {
        let only_tests =
            patch.operations().iter().all(|operation| matches!(operation, PatchOperation::Test(_)));
        if only_tests { Self::Check } else { Self::Rewrite }
    }

    /// The plan's name in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Rewrite => "rewrite",
        }
    }
}
