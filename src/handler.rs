//! The flow of one request, a line per stage.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use json_patch_dynamodb::Plan;
use lambda_http::{Context, aws_lambda_events::apigw::ApiGatewayProxyResponse};
use tokio::time::Instant;

use crate::{
    authorize::{AccessRules, Caller},
    error::Failure,
    messages::Language,
    request::{self, Client, Event, PatchRequest},
    response::{allow_origin, respond, status},
    store::{DOCUMENT, Done, Effort, Store},
    telemetry::{Operations, Record},
};

/// What is left of Lambda's time limit to write the answer in.
pub const TIME_TO_ANSWER: Duration = Duration::from_millis(500);

/// Answers requests.
#[derive(Debug)]
pub struct Handler {
    store: Store,
    rules: AccessRules,
    cors_origin: Option<String>,
    /// Whether a request has come yet.
    is_warm: AtomicBool,
}

/// What Lambda says about one invocation.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Unique; marks what this invocation writes.
    pub request_id: String,
    /// X-Ray's id of the trace that this invocation is part of.
    pub trace_id: Option<String>,
    /// When Lambda ends the invocation.
    pub deadline: Instant,
}

impl Invocation {
    /// The invocation that Lambda describes by `context`, of a function that has `timeout` for each.
    ///
    /// A deadline that has passed before the event came is none: `cargo lambda watch` sends such.
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

impl Handler {
    /// A handler of the options in `store` for callers who have access by `rules`.
    #[must_use]
    pub fn new(store: Store, rules: AccessRules) -> Self {
        Self { store, rules, cors_origin: None, is_warm: AtomicBool::new(false) }
    }

    /// The same, whose answers pages of `origin` may read (`*`: pages of any).
    #[must_use]
    pub fn with_cors_origin(self, origin: Option<String>) -> Self {
        Self { cors_origin: origin, ..self }
    }

    /// Answers the request in `event`, whatever it is, before the invocation's deadline.
    pub async fn handle(&self, event: &Event, invocation: &Invocation) -> ApiGatewayProxyResponse {
        let start = Instant::now();
        let cold_start = !self.is_warm.swap(true, Ordering::Relaxed);
        let mut record = Record { cold_start, ..Record::default() };
        let outcome = self.change_option(event, invocation, &mut record).await;
        let mut response = respond(&outcome, || Language::negotiate(event), &invocation.request_id);
        if let Some(origin) = &self.cors_origin {
            allow_origin(&mut response, origin);
        }
        record.write(
            &invocation.request_id,
            invocation.trace_id.as_deref(),
            &outcome,
            status(&outcome),
            start.elapsed(),
        );
        response
    }

    async fn change_option(
        &self,
        event: &Event,
        invocation: &Invocation,
        record: &mut Record,
    ) -> Result<Done, Failure> {
        // Who: a caller from elsewhere learns nothing about what exists or what is valid.
        let caller = Caller::of(event)?;
        record.sub = Some(caller.subject().to_owned());
        caller.check_scope(&self.rules)?;
        let org = request::organization(event)?;
        record.org = Some(org);
        let access = caller.access(org, &self.rules)?;

        // What.
        record.client = Client::parse(event)?;
        let request = PatchRequest::parse(event)?;
        record.option = Some(request.option);
        record.operations = Operations::count(request.patch.operations());
        let plan = Plan::of(&request.patch, DOCUMENT);
        record.plan = Some(plan.as_str());

        // Do it.
        let mut effort = Effort::until(invocation.deadline - TIME_TO_ANSWER);
        let outcome = async {
            if let Some(alias) = &request.alias {
                let owner = self.store.alias_owner(alias, &mut effort).await?;
                if owner.ok_or(Failure::AliasNotFound)? != org {
                    return Err(Failure::AliasOfAnother);
                }
            }
            self.store.change(&access, &request, &plan, &invocation.request_id, &mut effort).await
        }
        .await;
        record.effort = Some(effort);
        outcome
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
