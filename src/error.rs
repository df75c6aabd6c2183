//! The contract's error codes, and every way a request can fail.

use crate::{authorize::Denied, id::Version, request::RequestError, store::StoreError};

macro_rules! codes {
    ($($name:ident),+ $(,)?) => {
        /// The `code` of an error answer: one of the 34 values that the whole API shares. This
        /// operation answers some of them.
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

/// Why a request was not answered by 204.
///
/// The text of a failure is the `info` of the answer: in English, for the developer of a client,
/// without a stored value. Its [`source`](std::error::Error::source) says what else an operator
/// needs.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The caller may not change the option.
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
    /// The store has not carried the request out.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure {
    /// The version of the option that the failure was decided on, where there is one.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        match self {
            Self::Store(error) => error.version(),
            Self::Denied(_) | Self::Request(_) | Self::AliasNotFound | Self::AliasOfAnother => None,
        }
    }

    /// The texts of the causes from the outermost to the root, for the operator. A refusal has
    /// none.
    #[must_use]
    pub fn cause_chain(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.cause_chain(),
            Self::Denied(_) | Self::Request(_) | Self::AliasNotFound | Self::AliasOfAnother => None,
        }
    }
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
}
