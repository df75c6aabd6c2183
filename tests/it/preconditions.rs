//! `If-Match`.

use serde_json::{Value, json};

use crate::engine::{ABSENT, ARCHIVED, Engine, OPTION, event, with_header};

fn on(tags: &str, patch: &Value) -> Value {
    with_header(event(OPTION, patch), "If-Match", tags)
}

const STALE: (i64, &str, &str) =
    (412, "OperationCannotBePerformed", "the option's version is not one that `If-Match` names");

/// A patch of each plan.
fn plans() -> [Value; 3] {
    [
        json!([{"op": "replace", "path": "/name", "value": "Pickup"}]),
        json!([{"op": "add", "path": "/list/0", "value": 0}]),
        json!([{"op": "test", "path": "/name", "value": "Delivery"}]),
    ]
}

#[tokio::test]
async fn a_change_is_made_only_to_a_version_that_is_named() {
    for patch in plans() {
        for tags in ["\"1\"", "\"7\", \"1\"", "*", "W/\"1\", \"1\""] {
            let engine = Engine::start().await;
            assert_eq!(engine.send(on(tags, &patch)).await.status, 204, "{tags} {patch}");
        }
        let engine = Engine::start().await;
        for tags in ["\"2\"", "\"7\", \"2\"", "W/\"1\"", "\"01\"", "\"x\""] {
            engine.refuses(on(tags, &patch), STALE).await;
        }
    }
}

#[tokio::test]
async fn the_etag_of_an_answer_is_the_next_requests_precondition() {
    let engine = Engine::start().await;
    let [rename, ..] = plans();
    let mut tag = "\"1\"".to_owned();
    for version in 2..5 {
        let stale = tag.clone();
        tag = engine.send(on(&tag, &rename)).await.headers["etag"].clone();
        assert_eq!(tag, format!("\"{version}\""));
        engine.refuses(on(&stale, &rename), STALE).await;
    }
}

#[tokio::test]
async fn it_is_asked_after_existence_and_before_the_patch() {
    let engine = Engine::start().await;
    let failing = json!([{"op": "remove", "path": "/nope"}]);
    engine.refuses(on("\"2\"", &failing), STALE).await;
    let archived = with_header(event(ARCHIVED, &failing), "If-Match", "\"2\"");
    let why = (422, "NotAllowedForArchived", "the option is archived");
    engine.refuses(archived, why).await;
    let absent = with_header(event(ABSENT, &failing), "If-Match", "*");
    engine.refuses(absent, (404, "NotFound", "the organization has no such option")).await;
    let malformed = (
        422,
        "RequestIsNotValid",
        "expected the header `If-Match` to be `*`, or at most 100 entity tags",
    );
    engine.refuses(on("1", &failing), malformed).await;
}
