//! Why the store has not carried out what it was asked.

use std::error::Error;

use json_patch_dynamodb::{ApplyError, BrokenRules, Limits};

use crate::{id::Version, request::Unmet};

/// The cause of a failure, which only an operator may see.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Why the store has not carried out what it was asked.
///
/// The text of an error is for the developer of a client: in English, without a stored value. Its
/// [`source`](Error::source) says what else an operator needs.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The organization has no such option.
    #[error("the organization has no such option")]
    NotFound,
    /// The option is archived.
    #[error("the option is archived")]
    Archived {
        /// The version that the option has, where it can be read.
        version: Option<Version>,
    },
    /// The option's version does not meet the client's preconditions.
    #[error("{unmet}")]
    PreconditionFailed {
        /// The precondition that does not hold.
        unmet: Unmet,
        /// The version that the option has.
        version: Version,
    },
    /// The client's `Idempotency-Key` was used with another request.
    #[error("the `Idempotency-Key` was used with another request")]
    Duplicate,
    /// The patch does not fit the document, or passes a limit.
    #[error("{error}")]
    Patch {
        /// The operation that cannot be applied.
        error: ApplyError,
        /// The version of the option that it cannot be applied to.
        version: Version,
    },
    /// The patch would break rules that the option has to keep.
    #[error("{broken}")]
    Rules {
        /// The rules, and the operation that would break them.
        broken: Box<BrokenRules>,
        /// The version of the option that has kept them.
        version: Version,
    },
    /// DynamoDB says that the option would be larger than an item can be.
    #[error(
        "the option would take more than {} bytes, of which its document {bytes}",
        Limits::DYNAMODB.item_bytes
    )]
    TooLarge {
        /// How many bytes the document would take, by this function's own count.
        bytes: usize,
        /// The version of the option that the patch was applied to.
        version: Version,
    },
    /// DynamoDB throttled the request for as long as it was tried again.
    #[error("the database limits the rate of requests; nothing was changed")]
    Throttled(#[source] Cause),
    /// Other writers were faster for as long as the request was tried again.
    #[error("other changes of this option were faster; nothing was changed")]
    Contention,
    /// DynamoDB cannot be reached, or does not answer a read.
    #[error("the database failed to answer; nothing was changed")]
    Unreachable(#[source] Cause),
    /// DynamoDB's answer was lost, and whether it applied the change cannot be told.
    #[error("the database failed to answer; whether the change was made is not known")]
    OutcomeUnknown(#[source] Cause),
    /// Anything else.
    #[error("internal error")]
    Internal(#[source] Cause),
}

impl StoreError {
    /// An internal failure with this cause.
    pub(super) fn internal(cause: impl Into<Cause>) -> Self {
        Self::Internal(cause.into())
    }

    /// The version of the option that the error was decided on, where there is one.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        match self {
            Self::Archived { version } => *version,
            Self::PreconditionFailed { version, .. }
            | Self::Patch { version, .. }
            | Self::Rules { version, .. }
            | Self::TooLarge { version, .. } => Some(*version),
            _ => None,
        }
    }

    /// The texts of the causes from the outermost to the root. A refusal has none.
    #[must_use]
    pub fn cause_chain(&self) -> Option<String> {
        let (Self::Throttled(cause)
        | Self::Unreachable(cause)
        | Self::OutcomeUnknown(cause)
        | Self::Internal(cause)) = self
        else {
            return None;
        };
        Some(chain(cause))
    }

    /// What an operator is told of the error. A pointer is the client's, and is left out.
    pub(super) fn for_operator(&self) -> String {
        match self {
            Self::Patch { error, .. } => format!("operation {}: {}", error.operation, error.reason),
            Self::Rules { .. } => "a rule would be broken".into(),
            other => other.cause_chain().unwrap_or_else(|| other.to_string()),
        }
    }
}

/// The texts of `cause` and of its own causes, to the root.
pub(super) fn chain(cause: &Cause) -> String {
    let first: &dyn Error = &**cause;
    let chain = std::iter::successors(Some(first), |&error| error.source());
    let mut texts: Vec<String> = chain.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use json_patch_dynamodb::{Patch, apply};
    use serde_json::json;

    use super::*;

    #[test]
    fn the_operator_sees_the_causes_and_the_client_does_not() {
        let cause = std::io::Error::other(std::io::Error::other("socket closed"));
        let error = StoreError::internal(cause);
        assert_eq!(error.to_string(), "internal error");
        assert_eq!(error.cause_chain().as_deref(), Some("socket closed"));
        assert_eq!(StoreError::NotFound.cause_chain(), None);
    }

    #[test]
    fn the_operator_sees_no_pointer() {
        let patch = Patch::parse(br#"[{"op": "remove", "path": "/secret"}]"#).expect("a patch");
        let error = apply(&patch, json!({})).expect_err("no member");
        let error = StoreError::Patch { error, version: Version::new(1) };
        let told = "operation 0 (`remove` `/secret`): no such value in the document";
        assert_eq!(error.to_string(), told);
        assert_eq!(error.for_operator(), "operation 0: no such value in the document");
    }
}
