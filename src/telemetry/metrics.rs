//! Metrics in the embedded metric format of Amazon `CloudWatch`: a line in the log, and no request.
//!
//! Dimensions are bounded: a code of the contract, a kind of client, a plan. None is an identifier.

use std::{
    io::{self, Write as _},
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, SystemTime},
};

use metrique_writer_core::{Entry, EntryWriter, Unit, format::Format as _};
use metrique_writer_format_emf::{Emf, MetricDefinition, MetricDirective};

const NAMESPACE: &str = "UpdateOrganizationOption";

static EMF: OnceLock<Mutex<Emf>> = OnceLock::new();

/// What is measured of one request.
pub(super) struct Request {
    pub(super) code: &'static str,
    pub(super) client_identifier: &'static str,
    pub(super) plan: Option<&'static str>,
    pub(super) duration: Duration,
    pub(super) dynamodb_requests: u32,
    pub(super) attempts: u32,
    pub(super) cold_start: bool,
}

impl Entry for Request {
    fn write<'a>(&'a self, writer: &mut impl EntryWriter<'a>) {
        writer.timestamp(SystemTime::now());
        writer.value("Code", self.code);
        writer.value("ClientIdentifier", self.client_identifier);
        writer.value("Plan", &self.plan);
        writer.value("Requests", &1_u32);
        writer.value("Duration", &self.duration);
        writer.value("DynamoDbRequests", &self.dynamodb_requests);
        writer.value("Attempts", &self.attempts);
        writer.value("ColdStart", &self.cold_start);
    }
}

/// Lets [`write`] write.
pub(super) fn enable() {
    // Every metric by itself, and some of them by one dimension too.
    let by = |dimension, metric| MetricDirective {
        namespace: NAMESPACE,
        dimensions: vec![vec![dimension]],
        metrics: vec![MetricDefinition {
            name: metric,
            unit: Unit::None,
            storage_resolution: None,
        }],
    };
    let emf = Emf::builder(NAMESPACE.to_owned(), vec![vec![]])
        .directive(by("Code", "Requests"))
        .directive(by("ClientIdentifier", "Requests"))
        .directive(by("Plan", "DynamoDbRequests"))
        .skip_all_validations(true)
        .build();
    // Once is enough.
    let _ = EMF.set(Mutex::new(emf));
}

/// Writes the metrics of one request, if they are wanted.
pub(super) fn write(request: &Request) {
    let Some(emf) = EMF.get() else { return };
    let mut line = Vec::new();
    let formatted = emf.lock().unwrap_or_else(PoisonError::into_inner).format(request, &mut line);
    // In one call, lest a line of the log comes in between.
    let written = formatted.is_ok() && io::stdout().lock().write_all(&line).is_ok();
    if !written {
        tracing::warn!("the metrics of a request could not be written");
    }
}
