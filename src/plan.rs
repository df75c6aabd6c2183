//! How a patch reaches the table; pure and synchronous.

mod direct;
mod expression;
mod symbolic;

use json_patch::PatchOperation;

pub use expression::{DOCUMENT, MAX_EXPRESSION_BYTES, MAX_OPERATORS, Update};

use crate::patch::Patch;

/// How a patch reaches the table.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan<'p> {
    /// Nothing to write: one consistent read, on which the patch's `test` operations are evaluated.
    Check,
    /// One conditional update that says the same as the patch, without a read.
    Direct(Update<'p>),
    /// Read, apply in memory, write on the condition that the version is still the one read.
    Rewrite,
}

impl<'p> Plan<'p> {
    /// The plan for `patch`: the same for the same patch, whatever is stored.
    #[must_use]
    pub fn of(patch: &'p Patch) -> Self {
        let is_test = |operation: &PatchOperation| matches!(operation, PatchOperation::Test(_));
        if patch.operations().iter().all(is_test) {
            return Self::Check;
        }
        direct::compile(patch).map_or(Self::Rewrite, Self::Direct)
    }

    /// The plan's name in the log.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Direct(_) => "direct",
            Self::Rewrite => "rewrite",
        }
    }
}
