//! The time that one invocation has, and how long it is worth trying again.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    types::ConsumedCapacity,
};
use tokio::time::{Instant, sleep, timeout_at};

use super::{error::StoreError, send_error::SendError};

/// How long opening a connection may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long DynamoDB may take for one request, connecting included.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// The upper bound of the first wait, doubled with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(10);

/// The upper bound of every wait.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// The least time that must be left for one more attempt. An attempt that the end of the time cuts
/// off would leave its outcome unknown.
const LEAST_TIME: Duration = Duration::from_millis(250);

/// How long a request is sent again while DynamoDB throttles it. A request that is held takes one
/// of the executions that an account can have at a time.
const THROTTLING_PATIENCE: Duration = Duration::from_secs(2);

/// How long a request is sent again while other writers are faster.
const CONTENTION_PATIENCE: Duration = Duration::from_secs(5);

/// The time one invocation has, and what it has cost so far.
#[derive(Debug)]
pub struct Effort {
    deadline: Instant,
    waits: u32,
    /// When the last attempt, or the wait after it, ended.
    idle_since: Instant,
    /// How long the slowest attempt has taken, and the slowest work before an attempt.
    slowest: Duration,
    slowest_work: Duration,
    /// When DynamoDB first throttled, and when another writer was first faster.
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

    /// How often the request was tried: once, and again after each wait.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.waits + 1
    }

    /// Adds what an answer says it has cost.
    pub(super) fn charge<'c>(&mut self, consumed: impl IntoIterator<Item = &'c ConsumedCapacity>) {
        self.capacity_units +=
            consumed.into_iter().filter_map(ConsumedCapacity::capacity_units).sum::<f64>();
    }

    /// Whether an attempt that begins after this time can end before the deadline. The attempt, and
    /// the work around it, are taken to last as long as the slowest so far.
    fn is_time_left(&self, after: Duration) -> bool {
        let reserve = (self.slowest + self.slowest_work).max(LEAST_TIME);
        Instant::now() + after + reserve < self.deadline
    }

    /// The answer to a request, if it comes in time.
    ///
    /// # Errors
    ///
    /// [`SendError::NoTime`] where no time was left to send the request. Any other error says what
    /// came between the request and its answer.
    pub(super) async fn send<T, E>(
        &mut self,
        request: impl Future<Output = Result<T, SdkError<E>>>,
    ) -> Result<T, SendError<E>>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let start = Instant::now();
        self.slowest_work = self.slowest_work.max(start - self.idle_since);
        if !self.is_time_left(Duration::ZERO) {
            return Err(SendError::NoTime);
        }
        self.requests += 1;
        let answer = timeout_at(self.deadline, request).await;
        self.idle_since = Instant::now();
        self.slowest = self.slowest.max(self.idle_since - start);
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(SendError::of(error)),
            Err(elapsed) => Err(SendError::Ambiguous(elapsed.into())),
        }
    }

    /// Waits until the request may be sent again. The wait is random, below a bound that grows, so
    /// that writers of one option spread out ("full jitter", AWS Architecture Blog).
    ///
    /// # Errors
    ///
    /// Fails where waiting does not help, where the error has lasted too long, or where no time is
    /// left for an attempt that takes as long as the slowest so far.
    pub(super) async fn again(&mut self, error: SendError) -> Result<(), StoreError> {
        let now = Instant::now();
        self.slowest_work = self.slowest_work.max(now - self.idle_since);
        let (given_up, held_for, patience) = match error {
            SendError::Service(never, _) => match never {},
            SendError::Other(cause) | SendError::Invalid(cause) => {
                return Err(StoreError::Internal(cause));
            }
            SendError::TooLarge => {
                return Err(StoreError::internal("a read was refused for its size"));
            }
            SendError::NoTime => return Err(self.out_of_time()),
            SendError::Throttled(cause) => {
                let since = *self.throttled_since.get_or_insert(now);
                (StoreError::Throttled(cause), now - since, THROTTLING_PATIENCE)
            }
            SendError::Contention => {
                let since = *self.contended_since.get_or_insert(now);
                (StoreError::Contention, now - since, CONTENTION_PATIENCE)
            }
            SendError::Unreachable(cause) => {
                (StoreError::Unreachable(cause), Duration::ZERO, Duration::MAX)
            }
            SendError::Ambiguous(cause) => {
                (StoreError::OutcomeUnknown(cause), Duration::ZERO, Duration::MAX)
            }
        };
        let bound = LONGEST_WAIT.min(FIRST_WAIT * 2_u32.saturating_pow(self.waits.min(16)));
        self.waits += 1;
        let wait = bound.mul_f64(fastrand::f64());
        if held_for + wait > patience || !self.is_time_left(wait) {
            return Err(given_up);
        }
        sleep(wait).await;
        self.idle_since = Instant::now();
        Ok(())
    }

    /// Why the request is given up when no time is left to send it. Nothing of it was done.
    fn out_of_time(&self) -> StoreError {
        const WHY: &str = "no time was left for an attempt";
        match (self.throttled_since, self.contended_since) {
            (Some(throttled), contended) if contended.is_none_or(|since| since < throttled) => {
                StoreError::Throttled(WHY.into())
            }
            (_, Some(_)) => StoreError::Contention,
            _ => StoreError::Unreachable(WHY.into()),
        }
    }
}
