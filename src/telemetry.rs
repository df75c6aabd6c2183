//! Logs: one line per request, for the operator.
//!
//! Never in a line: bodies, stored values, pointers, `ClientExtensions`, tokens, and claims other
//! than `sub`.

use std::time::Duration;

use lambda_http::http::StatusCode;
use tracing::Level;
use tracing_subscriber::{
    Layer as _, filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{
    config::{LogConfig, LogFormat},
    error::Failure,
    id::{OptionGuid, OrgGuid},
    request::Client,
    store::Done,
};

/// Writes log lines to standard output from now on, as `config` says.
///
pub fn init(config: &LogConfig) {
    let targets = Targets::new()
        .with_default(config.others.min(config.level))
        .with_target(env!("CARGO_CRATE_NAME"), config.level);
    let lines = fmt::layer().with_target(false);
    let lines = match config.format {
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
        LogFormat::Text => {
            lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stdout())).boxed()
        }
    };
    // A second call, as in tests, keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(lines.with_filter(targets)).try_init();
}

/// What one request's line says, filled in as the request goes on.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "each field is the line's field of its name")]
pub struct Record {
    pub org: Option<OrgGuid>,
    pub option: Option<OptionGuid>,
    pub sub: Option<String>,
    pub client: Client,
    pub operations: Option<usize>,
    pub plan: Option<&'static str>,
    pub dynamodb_requests: u32,
}

impl Record {
    /// Writes the line of a request that ended with `outcome`.
    pub fn write(
        &self,
        request_id: &str,
        trace_id: Option<&str>,
        outcome: &Result<Done, Failure>,
        status: StatusCode,
        duration: Duration,
    ) {
        let failure = outcome.as_ref().err();
        // Which operation failed is told by its index; its pointer is the client's.
        let failed_operation = match failure {
            Some(Failure::Patch(error)) => Some(error.operation),
            _ => None,
        };
        let client = &self.client;
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    $level,
                    request_id,
                    trace_id,
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
                    operations = self.operations,
                    plan = self.plan,
                    dynamodb_requests = self.dynamodb_requests,
                    status = status.as_u16(),
                    code = failure.map(|failure| failure.code().as_str()),
                    failed_operation,
                    cause = failure.and_then(Failure::cause_chain),
                    version = outcome.as_ref().ok().map(|done| display(done.version)),
                    replayed = outcome.as_ref().ok().map(|done| done.replayed),
                    duration_ms = (duration.as_secs_f64() * 1e6).round() / 1e3,
                    "PATCH option: {}",
                    status.as_u16()
                )
            };
        }
        match status.as_u16() {
            500.. => line!(Level::ERROR),
            429 => line!(Level::WARN),
            _ => line!(Level::INFO),
        }
    }
}
