//! Metrics in the embedded metric format of Amazon `CloudWatch`: a metric is a line in the log, and
//! needs no request ("Specification: Embedded metric format", Amazon `CloudWatch` User Guide).
//!
//! Dimensions are bounded: the function, its version, a code of the contract, a kind of client, a
//! plan. None of them identifies who calls or what is changed.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Serialize, Serializer};
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};

use crate::config::Deployed;

const NAMESPACE: &str = "UpdateOrganizationOption";

/// What is the same in all lines.
struct Emf {
    deployed: Deployed,
    /// What is to be made of the figures of a request with a plan, as JSON.
    planned: Box<RawValue>,
    /// The same of a request without one. A line must have every dimension that its directives name.
    unplanned: Box<RawValue>,
}

static EMF: OnceLock<Emf> = OnceLock::new();

/// What is measured of one request.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Request {
    pub(super) code: &'static str,
    pub(super) client_identifier: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) plan: Option<&'static str>,
    #[serde(rename = "DryRuns", serialize_with = "as_number")]
    pub(super) dry_run: bool,
    #[serde(serialize_with = "as_milliseconds")]
    pub(super) duration: Duration,
    #[serde(rename = "DynamoDbRequests")]
    pub(super) dynamodb_requests: u32,
    pub(super) attempts: u32,
    #[serde(serialize_with = "as_number")]
    pub(super) cold_start: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Line<'l> {
    #[serde(rename = "_aws")]
    aws: Metadata<'l>,
    function_name: &'l str,
    executed_version: &'l str,
    #[serde(flatten)]
    request: &'l Request,
    requests: u32,
    #[serde(serialize_with = "as_number")]
    failed: bool,
    #[serde(serialize_with = "as_number")]
    refused: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'l> {
    /// In milliseconds since 1970.
    timestamp: u128,
    cloud_watch_metrics: &'l RawValue,
}

/// Lets [`line`] tell the metrics of the `deployed` function.
pub(super) fn enable(deployed: Deployed) {
    // Every metric has the function as its dimension. Some are written with one more dimension too.
    let directive = |dimensions: Value, metrics: Value| json!({"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics});
    let by = |dimension: &str, metric: &str| {
        directive(json!(["FunctionName", dimension]), json!([{"Name": metric}]))
    };
    let unplanned = vec![
        directive(
            json!(["FunctionName"]),
            json!([
                {"Name": "Requests"},
                {"Name": "Failed"},
                {"Name": "Refused"},
                {"Name": "Duration", "Unit": "Milliseconds"},
                {"Name": "DynamoDbRequests"},
                {"Name": "Attempts"},
                {"Name": "ColdStart"},
                {"Name": "DryRuns"}
            ]),
        ),
        by("Code", "Requests"),
        by("ClientIdentifier", "Requests"),
        // Alarms need zeros. A code that was not answered writes none, so these two have no code.
        by("ExecutedVersion", "Failed"),
        by("ExecutedVersion", "Refused"),
    ];
    let mut planned = unplanned.clone();
    planned.push(by("Plan", "DynamoDbRequests"));
    // Texts alone are always written. A second call, as in tests, keeps the first.
    if let (Ok(planned), Ok(unplanned)) = (to_raw_value(&planned), to_raw_value(&unplanned)) {
        let _ = EMF.set(Emf { deployed, planned, unplanned });
    }
}

/// The line of one request's metrics with its end, if metrics are wanted.
pub(super) fn line(request: &Request) -> Option<Vec<u8>> {
    let Emf { deployed, planned, unplanned } = EMF.get()?;
    let directives = if request.plan.is_some() { planned } else { unplanned };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let line = Line {
        aws: Metadata { timestamp: now.as_millis(), cloud_watch_metrics: directives },
        function_name: &deployed.function,
        executed_version: &deployed.version,
        request,
        requests: 1,
        failed: request.code == "InternalServerError",
        refused: matches!(request.code, "Unauthorized" | "NoPermissions"),
    };
    let mut line = serde_json::to_vec(&line).ok()?;
    line.push(b'\n');
    Some(line)
}

fn as_milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64() * 1e3)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes each field by reference")]
fn as_number<S: Serializer>(is_so: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8((*is_so).into())
}
