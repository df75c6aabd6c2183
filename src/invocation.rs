//! What Lambda says about one invocation.

use std::time::{Duration, SystemTime};

use lambda_http::Context;
use tokio::time::Instant;

/// What Lambda says about one invocation.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The id of the invocation, which no other has. It marks what the invocation writes.
    pub request_id: String,
    /// X-Ray's id of the trace that this invocation is part of.
    pub trace_id: Option<String>,
    /// When Lambda ends the invocation.
    pub deadline: Instant,
}

impl Invocation {
    /// The invocation that Lambda describes by `context`, of a function whose invocations may take
    /// `timeout`.
    ///
    /// A deadline that is past counts as none, and `timeout` counts from now: `cargo lambda watch`
    /// sends deadlines that are past.
    #[must_use]
    pub fn new(context: &Context, timeout: Duration) -> Self {
        let left = context.deadline().duration_since(SystemTime::now()).ok();
        let left = left.filter(|left| !left.is_zero()).unwrap_or(timeout);
        Self {
            request_id: context.request_id.clone(),
            trace_id: context.xray_trace_id.clone(),
            deadline: Instant::now() + left,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_deadline_that_has_passed_is_none() {
        let timeout = Duration::from_secs(10);
        let left = |deadline: SystemTime| {
            let mut context = Context::default();
            let deadline = deadline.duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
            context.deadline = u64::try_from(deadline).expect("milliseconds");
            Invocation::new(&context, timeout).deadline - Instant::now()
        };
        let second = Duration::from_secs(1);
        for passed in [UNIX_EPOCH, SystemTime::now() - second, SystemTime::now()] {
            let left = left(passed);
            assert!(left <= timeout && left + second >= timeout, "{passed:?}: {left:?}");
        }
        let three = left(SystemTime::now() + second * 3);
        assert!((second * 2..=second * 3).contains(&three), "{three:?}");
    }
}
