//! The line and the metrics of a request.

use std::{
    collections::BTreeSet,
    fs,
    time::{Duration, Instant, UNIX_EPOCH},
};

use local::sample;
use serde_json::{Value, json};

use crate::{bootstrap::Bootstrap, engine::Engine};

/// The function with the engine's table, and these variables beside.
async fn start(engine: &Engine, variables: &[(&str, &str)]) -> Bootstrap {
    let mut all =
        vec![("TABLE_NAME", engine.table()), ("AWS_ENDPOINT_URL_DYNAMODB", engine.address())];
    all.extend(variables);
    Bootstrap::start(&all).await
}

/// All lines of a function that was sent all events.
pub(crate) async fn logs_of_all_events(variables: &[(&str, &str)]) -> String {
    let engine = Engine::start().await.behind(sample::fault, Duration::from_secs(10)).await;
    let mut bootstrap = start(&engine, variables).await;
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
    let level = |status: u64| match status {
        500 => "ERROR",
        429 => "WARN",
        _ => "INFO",
    };
    let mut levels = BTreeSet::new();
    for line in of_requests() {
        assert_eq!(line["level"], level(line["status"].as_u64().unwrap()), "{line}");
        levels.insert(line["level"].as_str().unwrap());
    }
    assert_eq!(levels, ["ERROR", "INFO", "WARN"].into());
    // A replay that is to be shown is no single update.
    let reasons: Vec<_> = of_requests().map(|line| &line["rewrite_reason"]).collect();
    assert!(reasons.contains(&&json!("shows-a-transaction")), "{reasons:?}");
    assert!(written["rewrite_reason"].is_null());
    let planned = metrics.iter().filter(|request| request.get("Plan").is_some()).count();
    assert!(planned > 0 && planned < metrics.len(), "{planned} of {}", metrics.len());
    for request in &metrics {
        let directives = request["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        let dimensions: Vec<_> = directives.iter().map(|each| &each["Dimensions"]).collect();
        let mut expected = vec![
            json!([["FunctionName"]]),
            json!([["FunctionName", "Code"]]),
            json!([["FunctionName", "ClientIdentifier"]]),
            json!([["FunctionName", "ExecutedVersion"]]),
            json!([["FunctionName", "ExecutedVersion"]]),
        ];
        if request.get("Plan").is_some() {
            expected.push(json!([["FunctionName", "Plan"]]));
        }
        assert_eq!(dimensions, expected.iter().collect::<Vec<_>>(), "{request}");
        // What a directive names must be there.
        for directive in directives {
            let metrics = directive["Metrics"].as_array().unwrap().iter();
            let dimensions = directive["Dimensions"][0].as_array().unwrap().iter();
            for name in metrics.map(|metric| &metric["Name"]).chain(dimensions) {
                assert!(request.get(name.as_str().unwrap()).is_some(), "{name}: {request}");
            }
        }
        assert!(directives.iter().all(|each| each["Namespace"] == "UpdateOrganizationOption"));
    }
}

/// All that the two lines say, but when it was and how long it took.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lines_say_who_asked_for_what_and_what_came_of_it() {
    let engine = Engine::start().await;
    let mut bootstrap = start(&engine, &[]).await;
    let event = include_str!("../../events/client-describes-itself.json");
    let start = Instant::now();
    bootstrap.invoke(serde_json::from_str(event).unwrap()).await;
    let milliseconds = start.elapsed().as_secs_f64() * 1e3;
    let lines = bootstrap.end();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [mut line, mut metrics] = <[Value; 2]>::try_from(lines).unwrap();

    let mut take = |name| line.as_object_mut().unwrap().remove(name).unwrap();
    let (time, duration) = (take("timestamp"), take("duration_ms").to_string());
    let time = humantime::parse_rfc3339(time.as_str().unwrap()).unwrap();
    let duration: f64 = duration.parse().unwrap();
    assert!(duration > 0.0 && duration < milliseconds, "{duration} of {milliseconds}");
    assert_eq!(
        line,
        json!({
            "level": "INFO",
            "message": "PATCH option: 204",
            "request_id": "request-0",
            "trace_id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
            "org": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            "option": "6fa459ea-ee8a-4ca4-894e-db77e160355e",
            "sub": "2d8f2a52-7f0e-4f0c-9f5a-0a4be1b0a111",
            "client_identifier": "Android",
            "client_type": "tablet",
            "client_name": "Example POS",
            "client_os_name": "Android",
            "client_os_version": "15",
            "client_screen_resolution": "1920x1200",
            "client_model": "Example T1",
            "client_depersonalized_extensions": r#"{"build": 17}"#,
            "operations_replace": 1,
            "plan": "direct",
            "attempts": 1,
            // The owner of the alias is read before the option is changed.
            "dynamodb_requests": 2,
            "consumed_capacity_units": 1.5,
            "status": 204,
            "version": "2",
            "replayed": false,
            "cold_start": true,
        })
    );

    let metrics = metrics.as_object_mut().unwrap();
    let aws = metrics.remove("_aws").unwrap();
    let written = UNIX_EPOCH + Duration::from_millis(aws["Timestamp"].as_u64().unwrap());
    let apart = written.duration_since(time).unwrap_or_else(|error| error.duration());
    assert!(apart < Duration::from_secs(1), "{apart:?}");
    let same: f64 = metrics.remove("Duration").unwrap().to_string().parse().unwrap();
    assert!((same - duration).abs() < 0.001, "{same} is not {duration}");
    let expected = json!({
        "FunctionName": "UpdateOrganizationOption",
        "ExecutedVersion": "$LATEST",
        "Code": "Success",
        "ClientIdentifier": "Android",
        "Plan": "direct",
        "DryRuns": 0,
        "DynamoDbRequests": 2,
        "Attempts": 1,
        "ColdStart": 1,
        "Requests": 1,
        "Failed": 0,
        "Refused": 0,
    });
    assert_eq!(Some(&*metrics), expected.as_object());
}

/// A line has no field for what has not happened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_tells_of_dynamodb_only_where_it_was_asked() {
    let engine = Engine::start().await;
    let mut bootstrap = start(&engine, &[]).await;
    for event in [
        include_str!("../../events/caller-is-anonymous.json"),
        include_str!("../../events/path-is-missing-from-the-document.json"),
    ] {
        bootstrap.invoke(serde_json::from_str(event).unwrap()).await;
    }
    let lines = bootstrap.end();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let lines: Vec<_> = lines.filter(|line| line.get("status").is_some()).collect();
    let told = |line: &Value| {
        let fields = ["status", "attempts", "dynamodb_requests", "consumed_capacity_units"];
        fields.map(|field| line[field].to_string())
    };
    assert_eq!(told(&lines[0]), ["401", "null", "null", "null"]);
    // DynamoDB does not say what a write has cost whose condition failed.
    assert_eq!(told(&lines[1]), ["422", "1", "1", "0.0"]);
    assert_eq!(
        (&lines[0]["failed_operation"], &lines[1]["failed_operation"]),
        (&Value::Null, &json!(0))
    );
}
