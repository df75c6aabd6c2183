//! Metrics in the embedded metric format of Amazon `CloudWatch`: a metric is a line in the log, and
//! needs no request.
//!
//! Dimensions are bounded: the function, its version, a code of the contract, a kind of client, a
//! plan. None of them identifies who calls or what is changed.

use std::{
    io::{self, Write as _},
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, SystemTime},
};

use metrique_writer_core::{Entry, EntryWriter, Unit, format::Format as _};
use metrique_writer_format_emf::{Emf, MetricDefinition, MetricDirective};

use crate::config::Deployed;

const NAMESPACE: &str = "UpdateOrganizationOption";

static EMF: OnceLock<(Mutex<Emf>, Deployed)> = OnceLock::new();

/// What is measured of one request.
pub(super) struct Request {
    pub(super) code: &'static str,
    pub(super) client_identifier: &'static str,
    pub(super) plan: Option<&'static str>,
    pub(super) dry_run: bool,
    pub(super) duration: Duration,
    pub(super) dynamodb_requests: u32,
    pub(super) attempts: u32,
    pub(super) cold_start: bool,
}

struct Line<'r>(&'r Request, &'r Deployed);

impl Entry for Line<'_> {
    fn write<'a>(&'a self, writer: &mut impl EntryWriter<'a>) {
        let Self(request, deployed) = self;
        writer.timestamp(SystemTime::now());
        writer.value("FunctionName", deployed.function.as_str());
        writer.value("ExecutedVersion", deployed.version.as_str());
        writer.value("Code", request.code);
        writer.value("ClientIdentifier", request.client_identifier);
        writer.value("Plan", &request.plan);
        writer.value("Requests", &1_u32);
        writer.value("Failed", &(request.code == "InternalServerError"));
        writer.value("Refused", &matches!(request.code, "Unauthorized" | "NoPermissions"));
        writer.value("Duration", &request.duration);
        writer.value("DynamoDbRequests", &request.dynamodb_requests);
        writer.value("Attempts", &request.attempts);
        writer.value("ColdStart", &request.cold_start);
        writer.value("DryRuns", &request.dry_run);
    }
}

/// Lets [`write`] write the metrics of the `deployed` function.
pub(super) fn enable(deployed: Deployed) {
    // Every metric has the function as its dimension. Some are written with one more dimension too.
    let by = |dimensions: &[&'static str], metric| MetricDirective {
        namespace: NAMESPACE,
        dimensions: vec![[&["FunctionName"][..], dimensions].concat()],
        metrics: vec![MetricDefinition {
            name: metric,
            unit: Unit::None,
            storage_resolution: None,
        }],
    };
    let emf = Emf::builder(NAMESPACE.to_owned(), vec![vec!["FunctionName".to_owned()]])
        .directive(by(&["Code"], "Requests"))
        .directive(by(&["ClientIdentifier"], "Requests"))
        .directive(by(&["Plan"], "DynamoDbRequests"))
        // Alarms need zeros. A code that was not answered writes none, so these two have no code.
        .directive(by(&["ExecutedVersion"], "Failed"))
        .directive(by(&["ExecutedVersion"], "Refused"))
        .skip_all_validations(true)
        .build();
    // A second call, as in tests, keeps the first.
    let _ = EMF.set((Mutex::new(emf), deployed));
}

/// Writes the metrics of one request, if they are wanted.
pub(super) fn write(request: &Request) {
    let Some((emf, deployed)) = EMF.get() else { return };
    let entry = Line(request, deployed);
    let mut line = Vec::new();
    let formatted = emf.lock().unwrap_or_else(PoisonError::into_inner).format(&entry, &mut line);
    // One call writes the whole line, so that no line of the log comes in between.
    let written = formatted.is_ok() && io::stdout().lock().write_all(&line).is_ok();
    if !written {
        tracing::warn!("the metrics of a request could not be written");
    }
}
