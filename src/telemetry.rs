//! What an operator sees: one log line per request, and its metrics.
//!
//! Neither has bodies, stored values, pointers, `ClientExtensions`, tokens, or claims other than
//! `sub`. A panic has a line of its own, without what it says of values.

mod metrics;

use std::{
    cell::RefCell,
    io::{self, Write as _},
    panic,
    time::Duration,
};

use json_patch::PatchOperation;
use json_patch_dynamodb::{Change, Patch};
use tracing::Level;
use tracing_subscriber::{
    Layer as _, filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{
    config::{LogConfig, LogFormat},
    error::{Code, Failure},
    id::{OptionGuid, OrgGuid},
    invocation::Invocation,
    request::Client,
    response::summary,
    store::{Effort, Outcome, StoreError},
};

/// Writes log lines, and metrics where `config` asks for them, to standard output from now on.
///
/// Every line is written at once, so that nothing is left to flush when Lambda ends the process.
pub fn init(config: &LogConfig) {
    let targets = Targets::new()
        .with_default(config.others.min(config.level))
        .with_target(env!("CARGO_CRATE_NAME"), config.level);
    let lines = fmt::layer().with_target(false).with_writer(|| Output);
    let lines = match config.format {
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
        LogFormat::Text => lines.with_ansi(io::IsTerminal::is_terminal(&io::stdout())).boxed(),
    };
    // A second call, as in tests, keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(lines.with_filter(targets)).try_init();
    if let Some(deployed) = &config.metrics {
        metrics::enable(deployed.clone());
    }
}

/// Has a panic write a line instead of its message, which may hold a value.
pub fn log_panics() {
    panic::set_hook(Box::new(|panicked| {
        // A message that is put together may hold a value. One that stands in the code holds none.
        let cause = panicked.payload().downcast_ref::<&'static str>().copied();
        tracing::error!(cause, place = panicked.location().map(display), "the function panicked");
    }));
}

thread_local! {
    /// The metrics of the request whose line this thread writes next.
    static BESIDE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Standard output, to which [`write_line`] writes.
struct Output;

impl io::Write for Output {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        write_line(line).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // Standard output keeps nothing after the end of a line.
        Ok(())
    }
}

/// Writes a line and the metrics beside it by one call, so that no other line comes in between.
fn write_line(line: &[u8]) -> io::Result<()> {
    let beside = BESIDE.take();
    let mut output = io::stdout().lock();
    if beside.is_empty() {
        output.write_all(line)
    } else {
        output.write_all(&[line, &beside].concat())
    }
}

/// What one request's line says, filled in as the request goes on.
#[derive(Debug)]
#[expect(missing_docs, reason = "each field is the line's field of its name")]
pub struct Record<'i> {
    invocation: &'i Invocation,
    /// What DynamoDB was asked, and what that has cost.
    pub effort: Effort,
    /// Whether it is the first request of its process.
    cold_start: bool,
    pub org: Option<OrgGuid>,
    pub option: Option<OptionGuid>,
    pub sub: Option<String>,
    pub client: Client,
    pub operations: Operations,
    pub plan: Option<&'static str>,
    /// Why the plan is no single update.
    pub rewrite_reason: Option<&'static str>,
    pub dry_run: bool,
}

/// How many operations of each kind a patch has. A merge patch counts as one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the operation of its name")]
pub struct Operations {
    pub add: u32,
    pub remove: u32,
    pub replace: u32,
    pub r#move: u32,
    pub copy: u32,
    pub test: u32,
    pub merge: u32,
}

impl Operations {
    /// Counts the operations of `patch`.
    #[must_use]
    pub fn count(patch: &Patch) -> Self {
        let operations = match patch.change() {
            Change::Operations(operations) => operations,
            Change::Merge(_) => return Self { merge: 1, ..Self::default() },
        };
        let mut counts = Self::default();
        for operation in operations {
            let count = match operation {
                PatchOperation::Add(_) => &mut counts.add,
                PatchOperation::Remove(_) => &mut counts.remove,
                PatchOperation::Replace(_) => &mut counts.replace,
                PatchOperation::Move(_) => &mut counts.r#move,
                PatchOperation::Copy(_) => &mut counts.copy,
                PatchOperation::Test(_) => &mut counts.test,
            };
            *count += 1;
        }
        counts
    }
}

impl<'i> Record<'i> {
    /// The record of a request of which nothing is known yet.
    #[must_use]
    pub fn new(invocation: &'i Invocation, effort: Effort, cold_start: bool) -> Self {
        Self {
            invocation,
            effort,
            cold_start,
            org: None,
            option: None,
            sub: None,
            client: Client::default(),
            operations: Operations::default(),
            plan: None,
            rewrite_reason: None,
            dry_run: false,
        }
    }

    /// Writes the line, and the metrics, of a request that ended with `outcome`.
    pub fn write(&self, outcome: &Result<Outcome, Failure>, duration: Duration) {
        let (failure, done) = (outcome.as_ref().err(), outcome.as_ref().ok());
        let done = done.map(|outcome| outcome.done);
        let (status, code) = summary(outcome);
        let code = code.map(Code::as_str);
        let failed_operation = failure.and_then(operation);
        let (client, operations) = (&self.client, &self.operations);
        let effort = (self.effort.requests > 0).then_some(&self.effort);
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    $level,
                    request_id = self.invocation.request_id,
                    trace_id = self.invocation.trace_id,
                    org = self.org.map(display),
                    option = self.option.map(display),
                    sub = self.sub,
                    client_identifier = client.identifier.as_str(),
                    client_type = client.client_type,
                    client_name = client.name,
                    client_os_name = client.os_name,
                    client_os_version = client.os_version,
                    client_screen_resolution = client.screen_resolution,
                    client_model = client.model,
                    client_depersonalized_extensions = client.depersonalized_extensions,
                    operations_add = some(operations.add),
                    operations_remove = some(operations.remove),
                    operations_replace = some(operations.replace),
                    operations_move = some(operations.r#move),
                    operations_copy = some(operations.copy),
                    operations_test = some(operations.test),
                    operations_merge = some(operations.merge),
                    plan = self.plan,
                    rewrite_reason = self.rewrite_reason,
                    dry_run = self.dry_run.then_some(true),
                    attempts = effort.map(Effort::attempts),
                    dynamodb_requests = effort.map(|effort| effort.requests),
                    consumed_capacity_units = effort.map(|effort| effort.capacity_units),
                    status = status.as_u16(),
                    code,
                    failed_operation,
                    cause = failure.and_then(Failure::cause_chain),
                    version = done.and_then(|done| done.version).map(display),
                    replayed = done.map(|done| done.replayed),
                    cold_start = self.cold_start,
                    duration_ms = (duration.as_secs_f64() * 1e6).round() / 1e3,
                    "PATCH option: {}",
                    status.as_u16()
                )
            };
        }
        let metrics = metrics::line(&metrics::Request {
            code: code.unwrap_or("Success"),
            client_identifier: client.identifier.as_str(),
            plan: self.plan,
            dry_run: self.dry_run,
            duration,
            dynamodb_requests: effort.map_or(0, |effort| effort.requests),
            attempts: effort.map_or(0, Effort::attempts),
            cold_start: self.cold_start,
        });
        BESIDE.set(metrics.unwrap_or_default());
        match status.as_u16() {
            500.. => line!(Level::ERROR),
            429 => line!(Level::WARN),
            _ => line!(Level::INFO),
        }
        // The level may leave out the line, not the metrics.
        let _ = write_line(&[]);
    }
}

/// The index of the operation that failed. Its pointer is the client's and is not logged.
fn operation(failure: &Failure) -> Option<usize> {
    match failure {
        Failure::Store(StoreError::Patch { error, .. }) => Some(error.operation),
        Failure::Store(StoreError::Rules { broken, .. }) => broken.index(),
        _ => None,
    }
}

/// The count, unless it is 0.
fn some(count: u32) -> Option<u32> {
    (count > 0).then_some(count)
}

#[cfg(test)]
mod tests {
    use json_patch_dynamodb::{Rules, apply};
    use serde_json::json;

    use super::*;
    use crate::id::Version;

    #[test]
    fn the_operation_that_failed_is_told_by_its_index() {
        let patch = br#"[{"op": "test", "path": "", "value": {}}, {"op": "add", "path": "/a", "value": 1}]"#;
        let patch = Patch::parse(patch).expect("a patch");
        let (version, before) = (Version::default(), json!({}));
        let after = apply(&patch, before.clone()).expect("a document");
        let rules = Rules::parse(r#"{"maxProperties": 0}"#).expect("rules");
        let broken = Box::new(rules.check(&patch, &before, &after).expect_err("broken rules"));
        assert_eq!(operation(&Failure::Store(StoreError::Rules { broken, version })), Some(1));
        let error = apply(&patch, json!({"b": 1})).expect_err("a failed test");
        assert_eq!(operation(&Failure::Store(StoreError::Patch { error, version })), Some(0));
        assert_eq!(operation(&Failure::AliasNotFound), None);
    }

    #[test]
    fn operations_are_counted_by_kind() {
        let patch = json!([
            {"op": "add", "path": "/a", "value": 1},
            {"op": "add", "path": "/a", "value": 1},
            {"op": "remove", "path": "/a"},
            {"op": "replace", "path": "/a", "value": 1},
            {"op": "move", "from": "/a", "path": "/b"},
            {"op": "copy", "from": "/a", "path": "/b"},
            {"op": "test", "path": "/a", "value": 1},
        ]);
        let patch = Patch::parse(patch.to_string().as_bytes()).expect("a patch");
        let expected =
            Operations { add: 2, remove: 1, replace: 1, r#move: 1, copy: 1, test: 1, merge: 0 };
        assert_eq!(Operations::count(&patch), expected);
        let patch = Patch::parse_merge(br#"{"a": 1, "b": null}"#).expect("a merge patch");
        assert_eq!(Operations::count(&patch), Operations { merge: 1, ..Operations::default() });
    }
}
