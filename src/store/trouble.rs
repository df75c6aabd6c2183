//! What can come between a request and its answer, and how long it is worth trying again.

use std::{convert::Infallible, error::Error, time::Duration};

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    types::{CancellationReason, ConsumedCapacity},
};
use hyper_util::client::legacy;
use tokio::time::{Instant, sleep, timeout_at};

use crate::error::{Cause, Failure};

/// How long opening a connection may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long DynamoDB may take for one request, connecting included.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// The upper bound of the first wait, doubled with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(10);

/// The upper bound of every wait.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// What must be left of the time for one more attempt, at least: one that was cut off by the end of
/// the time would leave its outcome unknown.
const LEAST_TIME: Duration = Duration::from_millis(250);

/// For how long a request is sent again that DynamoDB throttles. While it is held it takes one of the
/// executions that an account has at a time.
const THROTTLING_PATIENCE: Duration = Duration::from_secs(2);

/// For how long a request is sent again that others were faster than.
const CONTENTION_PATIENCE: Duration = Duration::from_secs(5);

/// What came between a request and its answer. `E` is the operation's own errors.
#[derive(Debug)]
pub(super) enum Trouble<E = Infallible> {
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
    /// Not applied, and will not be however often it is sent.
    Other(Cause),
}

impl<E> Trouble<E>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    fn of(error: SdkError<E>) -> Self {
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

impl Trouble {
    /// Why a transaction was cancelled, by the reasons of its actions other than their conditions.
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

impl<E> Trouble<E> {
    /// As this was a read, a lost answer has changed nothing.
    pub(super) fn of_a_read(self) -> Trouble {
        match self {
            Self::Ambiguous(cause) => Trouble::Unreachable(cause),
            other => other.forget(),
        }
    }

    /// The trouble without the operation's own error.
    pub(super) fn forget(self) -> Trouble {
        match self {
            Self::Service(_, cause) | Self::Other(cause) => Trouble::Other(cause),
            Self::Throttled(cause) => Trouble::Throttled(cause),
            Self::Contention => Trouble::Contention,
            Self::TooLarge => Trouble::TooLarge,
            Self::Invalid(cause) => Trouble::Invalid(cause),
            Self::Unreachable(cause) => Trouble::Unreachable(cause),
            Self::NoTime => Trouble::NoTime,
            Self::Ambiguous(cause) => Trouble::Ambiguous(cause),
        }
    }
}

/// Whether nothing of the request can have left: there was no connection to send it on.
///
/// That is every failure while one is opened (a name that does not resolve, a refusal, a TLS
/// handshake, the time limit on all of it), that of a request whose connection was closed before its
/// first byte was written, and what has failed before the HTTP client was asked (no credentials).
/// What fails later may have arrived.
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

/// The time one invocation has, and what it has cost so far.
#[derive(Debug)]
pub struct Effort {
    deadline: Instant,
    waits: u32,
    /// When the last attempt, or the wait after it, has ended.
    idle_since: Instant,
    /// How long the slowest attempt has taken, and the slowest work before one.
    slowest: Duration,
    slowest_work: Duration,
    /// When DynamoDB has throttled first, and when another was faster first.
    throttled_since: Option<Instant>,
    contended_since: Option<Instant>,
    /// Requests sent to DynamoDB.
    pub requests: u32,
    /// Read and write units that DynamoDB says it has charged.
    pub capacity_units: f64,
}

impl Effort {
    /// An effort that begins now and ends at `deadline`.
    #[must_use]
    pub fn until(deadline: Instant) -> Self {
        Self {
            deadline,
            waits: 0,
            idle_since: Instant::now(),
            slowest: Duration::ZERO,
            slowest_work: Duration::ZERO,
            throttled_since: None,
            contended_since: None,
            requests: 0,
            capacity_units: 0.0,
        }
    }

    /// How often something was tried: once, and again after each wait.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.waits + 1
    }

    /// Adds what an answer says it has cost.
    pub(super) fn charge<'c>(&mut self, consumed: impl IntoIterator<Item = &'c ConsumedCapacity>) {
        self.capacity_units +=
            consumed.into_iter().filter_map(ConsumedCapacity::capacity_units).sum::<f64>();
    }

    /// Whether an attempt that begins `after` this time can end before the deadline, if it takes as
    /// long as the slowest so far, and so does the work around it.
    fn is_time_left(&self, after: Duration) -> bool {
        let reserve = (self.slowest + self.slowest_work).max(LEAST_TIME);
        Instant::now() + after + reserve < self.deadline
    }

    /// The answer to a request, if it comes in time.
    ///
    /// # Errors
    ///
    /// [`Trouble::NoTime`] where it was not sent, and what has come between else.
    pub(super) async fn send<T, E>(
        &mut self,
        request: impl Future<Output = Result<T, SdkError<E>>>,
    ) -> Result<T, Trouble<E>>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let start = Instant::now();
        self.slowest_work = self.slowest_work.max(start - self.idle_since);
        if !self.is_time_left(Duration::ZERO) {
            return Err(Trouble::NoTime);
        }
        self.requests += 1;
        let answer = timeout_at(self.deadline, request).await;
        self.idle_since = Instant::now();
        self.slowest = self.slowest.max(self.idle_since - start);
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(Trouble::of(error)),
            Err(elapsed) => Err(Trouble::Ambiguous(elapsed.into())),
        }
    }

    /// Waits until the request may be sent again: a random time below a bound that grows, so that
    /// writers of one option spread out ("full jitter", AWS Architecture Blog).
    ///
    /// # Errors
    ///
    /// Where the trouble does not pass by waiting, has lasted too long, or there is no time left for
    /// an attempt that takes as long as the slowest so far.
    pub(super) async fn again(&mut self, trouble: Trouble) -> Result<(), Failure> {
        let now = Instant::now();
        let (failure, held_for, patience) = match trouble {
            Trouble::Service(never, _) => match never {},
            Trouble::Other(cause) | Trouble::Invalid(cause) => {
                return Err(Failure::Internal(cause));
            }
            Trouble::TooLarge => return Err(Failure::internal("a read was refused for its size")),
            Trouble::NoTime => return Err(self.out_of_time()),
            Trouble::Throttled(cause) => {
                let since = *self.throttled_since.get_or_insert(now);
                (Failure::Throttled(cause), now - since, THROTTLING_PATIENCE)
            }
            Trouble::Contention => {
                let since = *self.contended_since.get_or_insert(now);
                (Failure::Contention, now - since, CONTENTION_PATIENCE)
            }
            Trouble::Unreachable(cause) => {
                (Failure::Unreachable(cause), Duration::ZERO, Duration::MAX)
            }
            Trouble::Ambiguous(cause) => {
                (Failure::OutcomeUnknown(cause), Duration::ZERO, Duration::MAX)
            }
        };
        let bound = LONGEST_WAIT.min(FIRST_WAIT * 2_u32.saturating_pow(self.waits.min(16)));
        self.waits += 1;
        let wait = bound.mul_f64(fastrand::f64());
        if held_for + wait > patience || !self.is_time_left(wait) {
            return Err(failure);
        }
        sleep(wait).await;
        self.idle_since = Instant::now();
        Ok(())
    }

    /// Why the request is given up that was not sent for want of time: nothing of it was done.
    fn out_of_time(&self) -> Failure {
        const WHY: &str = "no time was left for an attempt";
        match (self.throttled_since, self.contended_since) {
            (Some(throttled), contended) if contended.is_none_or(|since| since < throttled) => {
                Failure::Throttled(WHY.into())
            }
            (_, Some(_)) => Failure::Contention,
            _ => Failure::Unreachable(WHY.into()),
        }
    }
}
