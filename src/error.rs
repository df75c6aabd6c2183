//! The contract's error codes, and every way a request can fail.

use std::error::Error;

use json_patch_dynamodb::{ApplyError, Limits};

use crate::{
    authorize::Denied,
    request::{RequestError, Unmet},
};

macro_rules! codes {
    ($($name:ident),+ $(,)?) => {
        /// The `code` of an error answer: the 34 values that clients of the whole API share, of
        /// which this operation produces some.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the contract gives the names and nothing else")]
        pub enum Code {
            $($name),+
        }

        impl Code {
            /// Every code, in the contract's order.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The code as the contract spells it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name)),+
                }
            }
        }
    };
}

codes! {
    InternalServerError,
    TooManyRequests,
    RequestIsNotValid,
    BadRequest,
    NoPermissions,
    Unauthorized,
    NotFound,
    ReferenceNotFound,
    Duplicate,
    NotUnique,
    NotNullOrUnique,
    NotAllowed,
    NotAllowedForArchived,
    TryLater,
    OperationCannotBePerformed,
    NotificationsAreOutOfService,
    TrySendCodeLater,
    UsernameIsAlreadyTaken,
    PhoneIsNotFound,
    PhoneIsNotFoundInOrganization,
    PhoneIsAlreadyTaken,
    InvalidConfirmationCode,
    ConfirmationCodeWasCanceled,
    ConfirmationCodeWasNotSend,
    UsernameDoesNotExist,
    WrongUsernameOrPassword,
    WrongActivationCode,
    TryActivateLater,
    AliasIsNotFound,
    AliasIsAlreadyTaken,
    NotAllowedForOwner,
    DealPositionHasInvalidQuantity,
    CheckMarkingCodeMustBeDisabled,
    LegalEntityCrptTokenNotSpecified,
}

/// The cause of a failure that only an operator may see.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Why a request was not answered by 204.
///
/// Displayed, a failure is the `info` of the answer: in English, for the developer of a client,
/// without a stored value. What else an operator needs is its [`source`](Error::source).
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The request cannot be understood.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// No organization has the alias that the request names.
    #[error("no organization has the alias in `OrganizationAlias`")]
    AliasNotFound,
    /// The alias that the request names is another organization's.
    #[error("the alias in `OrganizationAlias` is of another organization")]
    AliasOfAnother,
    /// The organization has no such option.
    #[error("the organization has no such option")]
    NotFound,
    /// The option is archived.
    #[error("the option is archived")]
    Archived,
    /// The option's version is not one that the client means.
    #[error(transparent)]
    PreconditionFailed(#[from] Unmet),
    /// The client's `Idempotency-Key` was used with another request.
    #[error("the `Idempotency-Key` was used with another request")]
    Duplicate,
    /// The patch does not fit the document, or makes it pass a limit.
    #[error(transparent)]
    Patch(#[from] ApplyError),
    /// DynamoDB says that the option would be larger than an item can be.
    #[error(
        "the option would take more than {} bytes, of which its document {bytes}",
        Limits::DYNAMODB.item_bytes
    )]
    TooLarge {
        /// What the document would take, by our own count.
        bytes: usize,
    },
    /// DynamoDB throttles until the time is up.
    #[error("the database limits the rate of requests; nothing was changed")]
    Throttled(#[source] Cause),
    /// Other writers were faster until the time was up.
    #[error("other changes of this option were faster; nothing was changed")]
    Contention,
    /// DynamoDB cannot be reached, or does not answer what only reads.
    #[error("the database failed to answer; nothing was changed")]
    Unreachable(#[source] Cause),
    /// DynamoDB's answer was lost, and whether it applied the change cannot be told.
    #[error("the database failed to answer; whether the change was made is not known")]
    OutcomeUnknown(#[source] Cause),
    /// Anything else.
    #[error("internal error")]
    Internal(#[source] Cause),
}

impl Failure {
    /// An internal failure with this cause.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::Internal(cause.into())
    }

    /// The contract's code for it.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Denied(Denied::NoIdentity) => Code::Unauthorized,
            Self::Denied(Denied::NoScope | Denied::OtherOrganization) | Self::AliasOfAnother => {
                Code::NoPermissions
            }
            Self::Request(error) if error.is_malformed() => Code::BadRequest,
            Self::Request(_) | Self::TooLarge { .. } => Code::RequestIsNotValid,
            Self::AliasNotFound => Code::AliasIsNotFound,
            Self::NotFound => Code::NotFound,
            Self::Archived => Code::NotAllowedForArchived,
            Self::Patch(error) if error.reason.is_limit() => Code::RequestIsNotValid,
            Self::Patch(_) | Self::PreconditionFailed(_) => Code::OperationCannotBePerformed,
            Self::Duplicate => Code::Duplicate,
            Self::Throttled(_) => Code::TooManyRequests,
            Self::Contention | Self::Unreachable(_) | Self::OutcomeUnknown(_) => Code::TryLater,
            Self::Internal(_) => Code::InternalServerError,
        }
    }

    /// The causes from the outermost to the root, for the operator; none for what the client did.
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
}

/// The texts of `cause` and of its own causes, to the root.
pub(crate) fn chain(cause: &Cause) -> String {
    let first: &dyn Error = &**cause;
    let chain = std::iter::successors(Some(first), |&error| error.source());
    let mut texts: Vec<String> = chain.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_34_codes() {
        assert_eq!(Code::ALL.len(), 34);
        assert_eq!(Code::ALL[0].as_str(), "InternalServerError");
        assert_eq!(Code::ALL[33].as_str(), "LegalEntityCrptTokenNotSpecified");
    }

    #[test]
    fn the_operator_sees_the_causes_and_the_client_does_not() {
        let cause = std::io::Error::other(std::io::Error::other("socket closed"));
        let failure = Failure::internal(cause);
        assert_eq!(failure.to_string(), "internal error");
        assert_eq!(failure.cause_chain().as_deref(), Some("socket closed"));
        assert_eq!(Failure::NotFound.cause_chain(), None);
    }
}
