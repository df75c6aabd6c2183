//! The flow of one request, a line per stage.

use std::{
    borrow::Cow,
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::FutureExt as _;
use json_patch_dynamodb::Plan;
use lambda_http::aws_lambda_events::apigw::ApiGatewayProxyResponse;
use tokio::time::Instant;

use crate::{
    authorize::{AccessRules, Caller, Denied},
    error::Failure,
    invocation::Invocation,
    request::{self, Client, Event, PatchRequest, Preference},
    response::{allow_origin, respond},
    rules::OptionRules,
    store::{DOCUMENT, Effort, Outcome, Store, StoreError},
    telemetry::{Operations, Record},
};

/// How much of Lambda's time limit is kept for writing the answer.
pub const TIME_TO_ANSWER: Duration = Duration::from_millis(500);

/// Answers requests.
#[derive(Debug)]
pub struct Handler {
    store: Store,
    access: AccessRules,
    rules: OptionRules,
    cors_origin: Option<String>,
    /// Whether a request has come before.
    is_warm: AtomicBool,
}

impl Handler {
    /// A handler of the options in `store` for callers who have access by `access`.
    #[must_use]
    pub fn new(store: Store, access: AccessRules) -> Self {
        let (rules, is_warm) = (OptionRules::default(), AtomicBool::new(false));
        Self { store, access, rules, cors_origin: None, is_warm }
    }

    /// The same handler, of options that keep these rules.
    #[must_use]
    pub fn with_rules(self, rules: OptionRules) -> Self {
        Self { rules, ..self }
    }

    /// The same handler, with answers that pages of `origin` may read; `*` is any origin.
    #[must_use]
    pub fn with_cors_origin(self, origin: Option<String>) -> Self {
        Self { cors_origin: origin, ..self }
    }

    /// Answers the request in `event`, whatever it is, before the invocation's deadline.
    pub async fn handle(&self, event: &Event, invocation: &Invocation) -> ApiGatewayProxyResponse {
        let start = Instant::now();
        let cold_start = !self.is_warm.swap(true, Ordering::Relaxed);
        let effort = Effort::until(invocation.deadline - TIME_TO_ANSWER);
        let mut record = Record::new(invocation, effort, cold_start);
        // The runtime would tell its caller the message of a panic, which may hold a value.
        let change = AssertUnwindSafe(self.change_option(event, invocation, &mut record));
        let panicked = |_| Err(StoreError::Internal("the function panicked".into()).into());
        let outcome = change.catch_unwind().await.unwrap_or_else(panicked);
        let mut response = respond(&outcome, event, &invocation.request_id);
        if let Some(origin) = &self.cors_origin {
            allow_origin(&mut response, origin);
        }
        record.write(&outcome, start.elapsed());
        response
    }

    async fn change_option(
        &self,
        event: &Event,
        invocation: &Invocation,
        record: &mut Record<'_>,
    ) -> Result<Outcome, Failure> {
        // Who calls. This comes first: a caller from elsewhere learns nothing about what exists or
        // what is valid.
        let caller = Caller::of(event)?;
        record.sub = Some(caller.subject().to_owned());
        caller.check_scope(&self.access)?;
        let org = request::organization(event)?;
        record.org = Some(org);
        let access = caller.access(org, &self.access)?;
        record.dry_run = request::dry_run(event)?;
        if record.dry_run && !access.may_read() {
            return Err(Denied::NoReadScope.into());
        }

        // What is to be changed.
        record.client = Client::parse(event)?;
        let mut request = PatchRequest::parse(event)?;
        if request.preference.has_body() && !access.may_read() {
            request.preference = Preference::None;
        }
        record.option = Some(request.option);
        record.operations = Operations::count(&request.patch);
        let hints = self.store.hints(&access, request.option);
        let rules = self.rules.of(request.option);
        let rules = if access.may_change_read_only() {
            Cow::Owned(rules.ignoring_read_only())
        } else {
            Cow::Borrowed(rules)
        };
        let plan = Plan::keeping(&rules, &request.patch, DOCUMENT, &hints);
        (record.plan, record.rewrite_reason) = match &plan {
            Plan::Direct(_) if request.shows_a_transaction() => {
                (Some("rewrite"), Some("shows-a-transaction"))
            }
            Plan::Rewrite(obstacle) => (Some(plan.as_str()), Some(obstacle.as_str())),
            Plan::Check | Plan::Direct(_) => (Some(plan.as_str()), None),
        };

        // The change.
        let effort = &mut record.effort;
        if let Some(alias) = &request.alias {
            let owner = self.store.alias_owner(alias, effort).await?;
            if owner.ok_or(Failure::AliasNotFound)? != org {
                return Err(Failure::AliasOfAnother);
            }
        }
        let write_id = &invocation.request_id;
        Ok(self.store.change(&access, &request, &rules, &plan, write_id, effort).await?)
    }
}
