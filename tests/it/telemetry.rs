//! The line and the metrics of a request.

use std::{fs, time::Duration};

use local::sample;
use serde_json::{Value, json};

use crate::{bootstrap::Bootstrap, engine::Engine};

/// All lines of a function that was sent all events.
pub(crate) async fn logs_of_all_events(variables: &[(&str, &str)]) -> String {
    let engine = Engine::start().await.behind(sample::fault, Duration::from_secs(10)).await;
    let mut all =
        vec![("TABLE_NAME", engine.table()), ("AWS_ENDPOINT_URL_DYNAMODB", engine.address())];
    all.extend(variables);
    let mut bootstrap = Bootstrap::start(&all).await;
    for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/events")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let answer = bootstrap.invoke(serde_json::from_str(&text).unwrap()).await;
        assert!(answer["statusCode"].is_u64(), "{answer}");
    }
    bootstrap.end()
}

/// All fields that a line may have.
pub(crate) const FIELDS: &[&str] = &[
    "timestamp",
    "level",
    "message",
    "request_id",
    "trace_id",
    "org",
    "option",
    "sub",
    "client_identifier",
    "client_type",
    "client_name",
    "client_os_name",
    "client_os_version",
    "client_screen_resolution",
    "client_model",
    "client_depersonalized_extensions",
    "operations_add",
    "operations_remove",
    "operations_replace",
    "operations_move",
    "operations_copy",
    "operations_test",
    "operations_merge",
    "plan",
    "rewrite_reason",
    "dry_run",
    "attempts",
    "dynamodb_requests",
    "consumed_capacity_units",
    "status",
    "code",
    "failed_operation",
    "cause",
    "version",
    "replayed",
    "cold_start",
    "duration_ms",
];

/// All fields that a line of metrics may have.
pub(crate) const METRICS: &[&str] = &[
    "_aws",
    "FunctionName",
    "ExecutedVersion",
    "Code",
    "Failed",
    "Refused",
    "ClientIdentifier",
    "Plan",
    "Requests",
    "Duration",
    "DynamoDbRequests",
    "Attempts",
    "ColdStart",
    "DryRuns",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_has_a_line_and_its_metrics() {
    let logs = logs_of_all_events(&[("AWS_LAMBDA_LOG_LEVEL", "TRACE")]).await;
    let lines: Vec<Value> = logs.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (metrics, lines): (Vec<_>, Vec<_>) =
        lines.into_iter().partition(|line| line.get("_aws").is_some());
    let of_requests = || lines.iter().filter(|line| line.get("status").is_some());
    assert!(of_requests().count() > 40);
    assert_eq!(metrics.len(), of_requests().count());
    assert_eq!(of_requests().filter(|line| line["cold_start"] == true).count(), 1);
    for (lines, allowed) in [(&lines, FIELDS), (&metrics, METRICS)] {
        for line in lines {
            for name in line.as_object().unwrap().keys() {
                // The runtime's own lines have an `error`, which is not about a request.
                let runtime = name == "error" && line.get("request_id").is_none();
                assert!(allowed.contains(&name.as_str()) || runtime, "{name}: {line}");
            }
        }
    }
    for line in &lines {
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
    }
    let written = of_requests().find(|line| line["plan"] == "direct" && line["status"] == 204);
    let written = written.unwrap();
    assert_eq!((&written["attempts"], &written["dynamodb_requests"]), (&json!(1), &json!(1)));
    assert_eq!(written["consumed_capacity_units"].to_string().parse::<f64>().ok(), Some(1.0));
    // A replay that is to be shown is no single update.
    let reasons: Vec<_> = of_requests().map(|line| &line["rewrite_reason"]).collect();
    assert!(reasons.contains(&&json!("shows-a-transaction")), "{reasons:?}");
    assert!(written["rewrite_reason"].is_null());
    for request in &metrics {
        let directives = request["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        let dimensions: Vec<_> = directives.iter().map(|each| &each["Dimensions"]).collect();
        let expected = [
            json!([["FunctionName"]]),
            json!([["FunctionName", "Code"]]),
            json!([["FunctionName", "ClientIdentifier"]]),
            json!([["FunctionName", "Plan"]]),
            json!([["FunctionName", "ExecutedVersion"]]),
            json!([["FunctionName", "ExecutedVersion"]]),
        ];
        assert_eq!(dimensions, expected.iter().collect::<Vec<_>>(), "{request}");
        assert!(directives.iter().all(|each| each["Namespace"] == "UpdateOrganizationOption"));
    }
}
