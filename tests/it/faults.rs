//! What a client is told when DynamoDB misbehaves: a proxy between the SDK's client and the engine.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use serde_json::json;

use crate::{
    engine::{Engine, OPTION, event},
    proxy::Fault,
};

/// The fault for every write.
fn writes(fault: Fault) -> impl Fn(&str, &[u8]) -> Option<Fault> {
    move |operation, _| (operation == "UpdateItem").then_some(fault)
}

/// The fault for the first write.
fn first_write(fault: Fault) -> impl Fn(&str, &[u8]) -> Option<Fault> {
    let writes = AtomicU32::new(0);
    move |operation, _| {
        let first = operation == "UpdateItem" && writes.fetch_add(1, Ordering::Relaxed) == 0;
        first.then_some(fault)
    }
}

fn append() -> serde_json::Value {
    event(OPTION, &json!([{"op": "add", "path": "/list/-", "value": 3}]))
}

/// Time for a few attempts beside the 500 ms that are kept for the answer.
const SHORT: Duration = Duration::from_millis(700);

#[tokio::test]
async fn throttling_is_answered_by_429_and_changes_nothing() {
    let engine = Engine::start()
        .await
        .behind(writes(Fault::Refused(400, "ThrottlingException")), SHORT)
        .await;
    let why = "the database limits the rate of requests; nothing was changed";
    let answer = engine.refuses(append(), (429, "TooManyRequests", why)).await;
    assert_eq!(answer.headers["retry-after"], "1");
}

#[tokio::test]
async fn an_unknown_outcome_is_answered_by_500() {
    let engine = Engine::start()
        .await
        .behind(writes(Fault::Refused(500, "InternalServerError")), SHORT)
        .await;
    let why = "the database did not answer in time; whether the change was made is not known";
    engine.refuses(append(), (500, "TryLater", why)).await;
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_applied_once() {
    let fault = first_write(Fault::AppliedThenRefused(500, "InternalServerError"));
    let engine = Engine::start().await.behind(fault, Duration::from_mins(1)).await;
    let answer = engine.send(append()).await;
    assert_eq!((answer.status, &*answer.headers["etag"]), (204, "\"2\""));
    let (document, version) = engine.stored(OPTION).await;
    assert_eq!((&document["list"], &*version), (&json!([1, 2, 3]), "2"));
}
