//! What can come between a request and its answer.

use std::{convert::Infallible, error::Error};

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    types::CancellationReason,
};
use hyper_util::client::legacy;

use super::error::Cause;

/// What came between a request and its answer. `E` is the operation's own errors.
#[derive(Debug)]
pub(super) enum SendError<E = Infallible> {
    /// An error that is the operation's own.
    Service(E, Cause),
    /// Not applied: DynamoDB limits the rate.
    Throttled(Cause),
    /// Not applied: others write the same item.
    Contention,
    /// Not applied: the item would be larger than DynamoDB takes.
    TooLarge,
    /// Not applied: DynamoDB does not accept the request as it is.
    Invalid(Cause),
    /// Not applied, as nothing was sent: there was no connection.
    Unreachable(Cause),
    /// Not applied, as nothing was sent: the time left is less than an attempt may take.
    NoTime,
    /// Applied or not: the answer was lost, or DynamoDB does not know itself.
    Ambiguous(Cause),
    /// Not applied, and sending it again will not help.
    Other(Cause),
}

impl<E> SendError<E>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    pub(super) fn of(error: SdkError<E>) -> Self {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let code = error.code().unwrap_or_default();
        match code {
            "ProvisionedThroughputExceededException"
            | "ThrottlingException"
            | "RequestLimitExceeded" => Self::Throttled(error.into()),
            "TransactionConflictException"
            | "ReplicatedWriteConflictException"
            | "TransactionInProgressException" => Self::Contention,
            "ValidationException" if error.message().is_some_and(is_about_size) => Self::TooLarge,
            "ValidationException" => Self::Invalid(error.into()),
            "ConditionalCheckFailedException" | "TransactionCanceledException" => match error {
                SdkError::ServiceError(context) => {
                    let cause = context.err().to_string();
                    Self::Service(context.into_err(), cause.into())
                }
                other => Self::Other(other.into()),
            },
            _ => match error {
                SdkError::ConstructionFailure(_) => Self::Other(error.into()),
                SdkError::ServiceError(_) if status.is_some_and(|status| status < 500) => {
                    Self::Other(error.into())
                }
                SdkError::DispatchFailure(ref failure)
                    if failure
                        .as_connector_error()
                        .is_some_and(|error| was_never_sent(error, failure.is_other())) =>
                {
                    Self::Unreachable(error.into())
                }
                _ => Self::Ambiguous(error.into()),
            },
        }
    }
}

/// Whether a message says that the item is, or would become, too large: "Item size has exceeded the
/// maximum allowed size" and "Item size to update has exceeded …" (DynamoDB Local, dynoxide;
/// recorded on AWS by nubo-db/dynamodb-conformance).
fn is_about_size(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("item size") && message.contains("exceeded the maximum allowed size")
}

impl SendError {
    /// Why a transaction was cancelled, by the reasons of its actions. Conditions that do not hold
    /// are left out.
    pub(super) fn of_reasons(reasons: &[CancellationReason], cause: Cause) -> Self {
        let has = |codes: &[&str]| {
            reasons.iter().filter_map(CancellationReason::code).any(|code| codes.contains(&code))
        };
        let is_about_size =
            reasons.iter().filter_map(CancellationReason::message).any(is_about_size);
        if has(&["TransactionConflict"]) {
            Self::Contention
        } else if has(&["ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded"])
        {
            Self::Throttled(cause)
        } else if has(&["ValidationError"]) && is_about_size {
            Self::TooLarge
        } else if has(&["ValidationError", "ItemCollectionSizeLimitExceeded"]) {
            Self::Invalid(cause)
        } else {
            Self::Other(cause)
        }
    }
}

impl<E> SendError<E> {
    /// The error as one of a read: a lost answer has changed nothing.
    pub(super) fn of_a_read(self) -> SendError {
        match self {
            Self::Ambiguous(cause) => SendError::Unreachable(cause),
            other => other.forget(),
        }
    }

    /// The same error, without the type of the operation's own errors.
    pub(super) fn forget(self) -> SendError {
        match self {
            Self::Service(_, cause) | Self::Other(cause) => SendError::Other(cause),
            Self::Throttled(cause) => SendError::Throttled(cause),
            Self::Contention => SendError::Contention,
            Self::TooLarge => SendError::TooLarge,
            Self::Invalid(cause) => SendError::Invalid(cause),
            Self::Unreachable(cause) => SendError::Unreachable(cause),
            Self::NoTime => SendError::NoTime,
            Self::Ambiguous(cause) => SendError::Ambiguous(cause),
        }
    }
}

/// Whether nothing of the request can have left, because there was no connection to send it on.
///
/// Three kinds of failure are like that. A connection could not be opened: a name does not resolve,
/// a port refuses, a TLS handshake fails, or all of it takes too long. A connection was closed
/// before the first byte of the request was written. Something failed before the HTTP client was
/// asked, such as the search for credentials. A request that fails later may have arrived.
///
/// `is_other` says that the SDK knows no kind of the failure.
fn was_never_sent(error: &(dyn Error + 'static), is_other: bool) -> bool {
    let chain = || std::iter::successors(Some(error), |&error| error.source());
    let connecting = || chain().find_map(|error| error.downcast_ref::<legacy::Error>());
    let sending = || chain().find_map(|error| error.downcast_ref::<hyper::Error>());
    connecting().is_some_and(legacy::Error::is_connect)
        || sending().is_some_and(hyper::Error::is_canceled)
        || is_other && connecting().is_none() && sending().is_none()
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::{error::ErrorMetadata, operation::update_item::UpdateItemError};
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn kind(error: &SendError<impl std::fmt::Debug>) -> String {
        let text = format!("{error:?}");
        text.split('(').next().unwrap_or_default().to_owned()
    }

    #[test]
    fn an_error_of_dynamodb_is_told_by_its_code_and_status() {
        for (status, code, message, expected) in [
            (400, "ThrottlingException", "slow down", "Throttled"),
            (400, "ProvisionedThroughputExceededException", "", "Throttled"),
            (400, "RequestLimitExceeded", "", "Throttled"),
            (400, "TransactionConflictException", "", "Contention"),
            (400, "ReplicatedWriteConflictException", "", "Contention"),
            (400, "TransactionInProgressException", "", "Contention"),
            (
                400,
                "ValidationException",
                "Item size has exceeded the maximum allowed size",
                "TooLarge",
            ),
            (400, "ValidationException", "Item size is what it is", "Invalid"),
            (400, "ValidationException", "A name has exceeded the maximum allowed size", "Invalid"),
            (400, "ConditionalCheckFailedException", "", "Service"),
            (400, "TransactionCanceledException", "", "Service"),
            (400, "AccessDeniedException", "", "Other"),
            (499, "", "", "Other"),
            (500, "InternalServerError", "", "Ambiguous"),
            (503, "", "", "Ambiguous"),
        ] {
            let metadata = ErrorMetadata::builder().code(code).message(message).build();
            let status = status.try_into().expect("a status");
            let response = HttpResponse::new(status, SdkBody::empty());
            let error = SdkError::service_error(UpdateItemError::generic(metadata), response);
            assert_eq!(kind(&SendError::of(error)), expected, "{code} {message}");
        }
    }

    #[test]
    fn what_could_not_be_built_was_not_sent() {
        let error = SdkError::<UpdateItemError>::construction_failure("no value");
        assert_eq!(kind(&SendError::of(error)), "Other");
        let error = SdkError::<UpdateItemError>::timeout_error("no answer");
        assert_eq!(kind(&SendError::of(error)), "Ambiguous");
    }

    /// The SDK knows no kind of what fails before the HTTP client is asked.
    #[test]
    fn a_failure_of_a_known_kind_may_have_been_sent() {
        let error = std::io::Error::other("broken");
        assert!(was_never_sent(&error, true));
        assert!(!was_never_sent(&error, false));
    }

    #[test]
    fn a_transaction_is_told_by_all_its_reasons() {
        let size = "Item size to update has exceeded the maximum allowed size";
        for (reasons, expected) in [
            (&[("ValidationError", ""), ("TransactionConflict", "")][..], "Contention"),
            (&[("None", ""), ("ThrottlingError", "")], "Throttled"),
            (&[("ProvisionedThroughputExceeded", "")], "Throttled"),
            (&[("RequestLimitExceeded", "")], "Throttled"),
            (&[("ValidationError", size)], "TooLarge"),
            (&[("ValidationError", "a name is missing")], "Invalid"),
            (&[("ItemCollectionSizeLimitExceeded", size)], "Invalid"),
            (&[("None", "")], "Other"),
        ] {
            let reasons: Vec<_> = reasons
                .iter()
                .map(|(code, text)| {
                    CancellationReason::builder().code(*code).message(*text).build()
                })
                .collect();
            assert_eq!(
                kind(&SendError::of_reasons(&reasons, "why".into())),
                expected,
                "{reasons:?}"
            );
        }
    }
}
