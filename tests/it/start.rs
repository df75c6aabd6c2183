//! How the deployed program starts and runs.

use std::{collections::BTreeMap, time::Duration};

use local::proxy::Fault;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    net::TcpListener,
    time::Instant,
};
use update_organization_option::store::{
    ATTEMPT_TIMEOUT, Effort, Store, StoreConfig, Trust, http_client, timeouts,
};

use crate::{
    bootstrap::Bootstrap,
    engine::{Engine, OPTION, event},
};

const SLOW: &str = "00000000-0000-4000-8000-00000000005a";

/// An engine that never answers writes of one option.
async fn engine() -> Engine {
    let engine = Engine::start().await;
    engine.put_option(SLOW, json!({})).await;
    let hangs = |operation: &str, body: &[u8]| {
        let is_slow = operation == "UpdateItem" && String::from_utf8_lossy(body).contains(SLOW);
        is_slow.then_some(Fault::Hanging)
    };
    engine.behind(hangs, Duration::from_mins(1)).await
}

/// The order in which two events are answered. The first is slow, the second is not.
async fn order(concurrency: &str) -> Vec<(String, i64)> {
    let engine = engine().await;
    let mut bootstrap = Bootstrap::start(&[
        ("TABLE_NAME", engine.table()),
        ("AWS_ENDPOINT_URL_DYNAMODB", engine.address()),
        ("AWS_LAMBDA_MAX_CONCURRENCY", concurrency),
    ])
    .await;
    let rename = json!([{"op": "add", "path": "/name", "value": "Pickup"}]);
    bootstrap.send(event(SLOW, &rename)).await;
    bootstrap.send(event(OPTION, &rename)).await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        let (id, answer) = bootstrap.answer().await;
        answers.push((id, answer["statusCode"].as_i64().unwrap()));
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_answered_one_by_one() {
    let answers = order("").await;
    assert_eq!(answers, [("request-0".into(), 500), ("request-1".into(), 204)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_written_where_the_level_leaves_out_the_line() {
    let engine = engine().await;
    let mut bootstrap = Bootstrap::start(&[
        ("TABLE_NAME", engine.table()),
        ("AWS_ENDPOINT_URL_DYNAMODB", engine.address()),
        ("AWS_LAMBDA_LOG_LEVEL", "ERROR"),
    ])
    .await;
    let rename = json!([{"op": "add", "path": "/name", "value": "Pickup"}]);
    for _ in 0..2 {
        assert_eq!(bootstrap.invoke(event(OPTION, &rename)).await["statusCode"], 204);
    }
    let output = bootstrap.end();
    let metrics: Vec<Value> =
        output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(metrics.len(), 2, "{output}");
    assert!(metrics.iter().all(|line| line["Code"] == "Success"), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn managed_instances_answer_requests_at_the_same_time() {
    let answers = order("4").await;
    assert_eq!(answers, [("request-1".into(), 204), ("request-0".into(), 500)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connection_is_there_before_the_first_event() {
    let engine = Engine::start().await;
    let (seen, mut requests) = tokio::sync::mpsc::unbounded_channel();
    let watch = move |operation: &str, _: &[u8]| {
        seen.send(operation.to_owned()).unwrap();
        None
    };
    let engine = engine.behind(watch, Duration::from_mins(1)).await;
    let _bootstrap = Bootstrap::start(&[
        ("TABLE_NAME", engine.table()),
        ("AWS_ENDPOINT_URL_DYNAMODB", engine.address()),
    ])
    .await;
    assert_eq!(requests.recv().await.as_deref(), Some("GetItem"));
}

/// A first request does not wait for the answer to the read of the start. It takes a connection of
/// its own.
#[tokio::test]
async fn the_connection_is_waited_for_but_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let database = async {
        let (mut first, _) = listener.accept().await.unwrap();
        assert_eq!(first.read(&mut [0; 4]).await.unwrap(), 4);
        let mut rest = Vec::new();
        tokio::select! {
            biased;
            _ = listener.accept() => true,
            _ = first.read_to_end(&mut rest) => false,
        }
    };
    let store = Store::new(
        local::client(&endpoint, http_client(Trust::Anyone), timeouts(ATTEMPT_TIMEOUT)),
        StoreConfig::new("options"),
    );
    let requests = async {
        store.warm_up().await;
        let mut effort = Effort::until(Instant::now() + Duration::from_mins(1));
        store.alias_owner("acme", &mut effort).await
    };
    tokio::select! {
        was_open = database => assert!(was_open, "the start has given up before"),
        answer = requests => panic!("nobody answers, but {answer:?}"),
    }
}

/// What the SDK says about itself is said once, and the same each time. Nothing counts attempts, as the SDK
/// makes one.
#[tokio::test]
async fn a_request_has_the_headers_that_dynamodb_needs_and_one_user_agent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let _bootstrap = Bootstrap::start(&[
        ("TABLE_NAME", "options"),
        ("AWS_ENDPOINT_URL_DYNAMODB", &endpoint),
        ("AWS_SDK_UA_APP_ID", "orders"),
    ])
    .await;
    let (connection, _) = listener.accept().await.unwrap();
    let mut lines = BufReader::new(connection).lines();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "POST / HTTP/1.1");
    let mut headers = BTreeMap::new();
    while let Some(line) = lines.next_line().await.unwrap().filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap();
        assert!(headers.insert(name.to_owned(), value.to_owned()).is_none(), "{line}");
    }
    let names: Vec<_> = headers.keys().map(String::as_str).collect();
    let expected = [
        "authorization",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "x-amz-date",
        "x-amz-target",
    ];
    assert_eq!(names, expected);
    let agent = &headers["user-agent"];
    assert!(agent.starts_with("aws-sdk-rust/") && agent.ends_with(" app/orders"), "{agent}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_not_there_does_not_keep_it_from_starting() {
    let mut bootstrap = Bootstrap::start(&[
        ("TABLE_NAME", "options"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1"),
    ])
    .await;
    let answer = bootstrap.invoke(json!({})).await;
    assert_eq!(answer["statusCode"], 401, "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_that_is_configured_may_read_answers() {
    for (origin, allowed) in
        [("https://app.example", json!("https://app.example")), ("", json!(null))]
    {
        let mut bootstrap = Bootstrap::start(&[
            ("TABLE_NAME", "options"),
            ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1"),
            ("CORS_ORIGIN", origin),
        ])
        .await;
        let answer = bootstrap.invoke(json!({})).await;
        assert_eq!(answer["headers"]["access-control-allow-origin"], allowed, "{answer}");
    }
}
