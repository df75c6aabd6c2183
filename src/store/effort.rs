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

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::operation::get_item::GetItemError;

    use super::*;

    type Answer = Result<(), SdkError<GetItemError>>;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn effort(time: Duration) -> Effort {
        Effort::until(Instant::now() + time)
    }

    /// An answer after so long.
    async fn answer(after: Duration) -> Answer {
        sleep(after).await;
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_begins_only_where_time_for_it_is_left() {
        let mut late = effort(LEAST_TIME);
        assert!(matches!(late.send(answer(ms(1))).await, Err(SendError::NoTime)));
        assert_eq!(late.requests, 0);
        let mut in_time = effort(LEAST_TIME + ms(1));
        assert!(in_time.send(answer(ms(1))).await.is_ok());
        assert_eq!(in_time.requests, 1);
        // As long as the slowest attempt, and the slowest work before one.
        for (work, attempt, attempts) in [(0, 3_000, 3), (2_000, 1_000, 2), (0, 100, 98)] {
            let (start, mut slow) = (Instant::now(), effort(ms(10_000)));
            let last = loop {
                if work > 0 {
                    sleep(ms(work)).await;
                }
                if let Err(error) = slow.send(answer(ms(attempt))).await {
                    break error;
                }
                assert!(start.elapsed() <= ms(10_000));
            };
            assert!(matches!(last, SendError::NoTime));
            assert_eq!(slow.requests, attempts, "{work} {attempt}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_ends_with_the_time() {
        let (start, mut effort) = (Instant::now(), effort(ms(1_000)));
        let cut = effort.send(answer(ms(5_000))).await;
        assert!(matches!(cut, Err(SendError::Ambiguous(_))));
        assert_eq!(start.elapsed(), ms(1_000));
    }

    /// What `error` is given up as when it comes each time, and how long that takes.
    async fn given_up(error: impl Fn() -> SendError, time: Duration) -> (StoreError, Duration) {
        let (start, mut effort) = (Instant::now(), effort(time));
        for attempt in 1.. {
            assert_eq!(effort.attempts(), attempt);
            let before = Instant::now();
            if let Err(error) = effort.again(error()).await {
                return (error, start.elapsed());
            }
            let bound = LONGEST_WAIT.min(FIRST_WAIT * 2_u32.pow(attempt.min(10) - 1));
            // The clock counts milliseconds.
            assert!(before.elapsed() <= bound + ms(1), "{attempt}");
        }
        unreachable!()
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_is_given_up_when_it_has_lasted_too_long() {
        fastrand::seed(1);
        let long = ms(60_000);
        let (error, after) = given_up(|| SendError::Throttled("".into()), long).await;
        assert!(matches!(error, StoreError::Throttled(_)));
        assert!(after <= THROTTLING_PATIENCE && after + LONGEST_WAIT > THROTTLING_PATIENCE);
        let (error, after) = given_up(|| SendError::Contention, long).await;
        assert!(matches!(error, StoreError::Contention));
        assert!(after <= CONTENTION_PATIENCE && after + LONGEST_WAIT > CONTENTION_PATIENCE);
        for (error, is_known) in [
            (SendError::Unreachable as fn(_) -> _, true),
            (SendError::Ambiguous as fn(_) -> _, false),
        ] {
            let (error, after) = given_up(|| error("".into()), long).await;
            assert_eq!(matches!(error, StoreError::Unreachable(_)), is_known);
            assert_eq!(matches!(error, StoreError::OutcomeUnknown(_)), !is_known);
            assert!(after + LEAST_TIME < long && after + LEAST_TIME + LONGEST_WAIT > long);
        }
        for never in
            [SendError::Other("".into()), SendError::Invalid("".into()), SendError::TooLarge]
        {
            let (start, mut effort) = (Instant::now(), effort(long));
            assert!(matches!(effort.again(never).await, Err(StoreError::Internal(_))));
            assert_eq!((effort.attempts(), start.elapsed()), (1, Duration::ZERO));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waits_grow_and_are_random() {
        fastrand::seed(1);
        let mut effort = effort(ms(600_000));
        let mut waits = Vec::new();
        for _ in 0..40 {
            let before = Instant::now();
            effort.again(SendError::Unreachable("".into())).await.expect("time is left");
            waits.push(before.elapsed());
        }
        let longest = |waits: &[Duration]| waits.iter().copied().max().unwrap_or_default();
        assert!(longest(&waits[..3]) <= ms(41));
        assert!(longest(&waits[7..]) > ms(400));
        assert!(waits[7..].iter().min() < Some(&ms(100)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_time_is_told_by_what_began_last() {
        let (first, later) = (Instant::now(), Instant::now() + ms(1));
        for (throttled, contended, code) in [
            (None, None, "unreachable"),
            (Some(first), None, "throttled"),
            (None, Some(first), "contention"),
            (Some(later), Some(first), "throttled"),
            (Some(first), Some(later), "contention"),
            (Some(first), Some(first), "contention"),
        ] {
            let mut effort = effort(Duration::ZERO);
            (effort.throttled_since, effort.contended_since) = (throttled, contended);
            let told = match effort.again(SendError::NoTime).await {
                Err(StoreError::Throttled(_)) => "throttled",
                Err(StoreError::Contention) => "contention",
                Err(StoreError::Unreachable(_)) => "unreachable",
                _ => "something else",
            };
            assert_eq!(told, code);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_answers_have_cost_is_added() {
        let units = |units| ConsumedCapacity::builder().set_capacity_units(units).build();
        let mut effort = effort(ms(1));
        effort.charge(&Some(units(Some(0.5))));
        effort.charge(&[units(Some(1.0)), units(None), units(Some(2.0))]);
        effort.charge(&None);
        assert!((effort.capacity_units - 3.5).abs() < f64::EPSILON);
    }
}
