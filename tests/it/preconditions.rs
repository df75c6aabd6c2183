//! `If-Match` and `If-None-Match`.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::{
    concurrency,
    engine::{ABSENT, ARCHIVED, Engine, OPTION, event, with_header},
};

fn on(tags: &str, patch: &Value) -> Value {
    with_header(event(OPTION, patch), "If-Match", tags)
}

const STALE: (i64, &str, &str) =
    (412, "OperationCannotBePerformed", "the option's version is not one that `If-Match` names");

/// One patch of each plan.
fn plans() -> [Value; 3] {
    [
        json!([{"op": "replace", "path": "/name", "value": "Pickup"}]),
        json!([{"op": "add", "path": "/list/-", "value": 0},
               {"op": "add", "path": "/copy", "value": {}},
               {"op": "copy", "from": "/list", "path": "/copy/list"}]),
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

const NAMED: (i64, &str, &str) =
    (412, "OperationCannotBePerformed", "the option's version is one that `If-None-Match` names");

fn keyed(event: Value) -> Value {
    with_header(event, "Idempotency-Key", "key")
}

#[tokio::test]
async fn a_change_is_made_only_to_a_version_that_is_not_excluded() {
    let unless =
        |tags: &str, patch: &Value| with_header(event(OPTION, patch), "If-None-Match", tags);
    for patch in plans() {
        for with_key in [false, true] {
            let may_be_keyed = |event| if with_key { keyed(event) } else { event };
            for tags in ["\"2\"", "W/\"2\", \"7\"", "\"01\"", "\"x\"", "\"0\""] {
                let engine = Engine::start().await;
                let answer = engine.send(may_be_keyed(unless(tags, &patch))).await;
                assert_eq!(answer.status, 204, "{tags} {patch}: {answer:?}");
            }
            let engine = Engine::start().await;
            for tags in ["\"1\"", "\"7\", \"1\"", "*", "W/\"1\""] {
                engine.refuses(may_be_keyed(unless(tags, &patch)), NAMED).await;
            }
            let both = with_header(unless("\"1\"", &patch), "If-Match", "\"1\"");
            engine.refuses(may_be_keyed(both), NAMED).await;
            let both = with_header(unless("\"1\"", &patch), "If-Match", "\"2\"");
            engine.refuses(may_be_keyed(both), STALE).await;
            let both = with_header(unless("\"2\"", &patch), "If-Match", "\"1\"");
            assert_eq!(engine.send(may_be_keyed(both)).await.status, 204);
        }
    }
}

#[tokio::test]
async fn as_many_tags_as_the_limit_says_can_be_sent() {
    for name in ["If-Match", "If-None-Match"] {
        let tags: Vec<_> = (2..=100).map(|version| format!("\"{version}\"")).collect();
        for patch in plans() {
            let engine = Engine::start().await;
            let on = |tags: &[String]| with_header(event(OPTION, &patch), name, &tags.join(","));
            let most = if name == "If-Match" {
                engine.refuses(on(&tags), STALE).await.status
            } else {
                engine.send(on(&tags)).await.status
            };
            assert_eq!(most, if name == "If-Match" { 412 } else { 204 });
            let why = format!("expected the header `{name}` to be `*`, or at most 99 entity tags");
            let more = [tags.clone(), vec!["\"1\"".into()]].concat();
            engine.refuses(on(&more), (422, "RequestIsNotValid", why)).await;
        }
    }
}

/// An option that was loaded without a version, or with 0, counts as one of version 0. Every plan
/// can change it, and it is of version 1 then.
#[tokio::test]
async fn an_option_without_a_version_can_be_changed() {
    let other = json!([{"op": "add", "path": "/name/0", "value": 0}]);
    let [rename, insert, test] = plans();
    // In order: Direct, Rewrite, a wrong guess, Check.
    let wrong_guess = json!([{"op": "add", "path": "/members/1", "value": 1}]);
    for version in [None, Some(0)] {
        for with_key in [false, true] {
            for if_match in [None, Some("*"), Some("\"0\""), Some("\"0\", \"7\"")] {
                let engine = Engine::start().await;
                let event = |patch: &Value| {
                    let event = event(OPTION, patch);
                    let event = if with_key { keyed(event) } else { event };
                    if_match.map_or(event.clone(), |tags| with_header(event, "If-Match", tags))
                };
                let put = || async {
                    let document = json!({"name": "Delivery", "list": [1, 2], "members": {}});
                    engine.put_option_of(OPTION, document, version).await;
                    engine.expire_records().await;
                };
                for patch in [&rename, &insert, &wrong_guess] {
                    put().await;
                    let answer = engine.send(event(patch)).await;
                    let what = format!("{version:?} {with_key} {if_match:?} {patch}");
                    assert_eq!(answer.status, 204, "{what}: {answer:?}");
                    assert_eq!(engine.stored(OPTION).await.1, "1", "{what}");
                }
                put().await;
                let answer = engine.send(event(&test)).await;
                assert_eq!(answer.status, 204, "{answer:?}");
                assert_eq!(answer.headers["etag"], "\"0\"");
                put().await;
                let why = "operation 0 (`add` `/name/0`): the value to add to is neither an object nor an array";
                engine.refuses(event(&other), (422, "OperationCannotBePerformed", why)).await;
                let excluded = with_header(event(&rename), "If-None-Match", "\"0\"");
                engine.refuses(excluded, NAMED).await;
                let stale = with_header(event(&rename), "If-Match", "\"1\"");
                engine.refuses(stale, STALE).await;
            }
        }
    }
}

/// An option of the highest version that can be loaded is changed like any other.
#[tokio::test]
async fn the_highest_version_can_be_changed() {
    const HIGHEST: u64 = 1_000_000_000_000_000_000;
    for patch in &plans()[..2] {
        for with_key in [false, true] {
            let engine = Engine::start().await;
            let document = json!({"name": "Delivery", "list": [1, 2]});
            engine.put_option_of(OPTION, document, Some(HIGHEST)).await;
            let request = on(&format!("\"{HIGHEST}\""), patch);
            let request = if with_key { keyed(request) } else { request };
            let answer = engine.send(request.clone()).await;
            assert_eq!(answer.status, 204, "{answer:?}");
            assert_eq!(answer.headers["etag"], format!("\"{}\"", HIGHEST + 1));
            if with_key {
                assert_eq!(engine.send(request).await.headers["idempotency-replayed"], "true");
            }
        }
    }
}

/// This is the tag of the largest number. No version could be counted after it.
#[tokio::test]
async fn the_largest_tag_names_no_version() {
    for patch in plans() {
        let engine = Engine::start().await;
        for largest in [u64::MAX, u64::MAX - 1, 1_000_000_000_000_000_000] {
            let largest = format!("\"{largest}\"");
            engine.refuses(on(&largest, &patch), STALE).await;
            engine.refuses(keyed(on(&largest, &patch)), STALE).await;
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
        "expected the header `If-Match` to be `*`, or at most 99 entity tags",
    );
    engine.refuses(on("1", &failing), malformed).await;
}

/// No version has such a tag. A read alone tells that the option is there, and so that it is 412.
#[tokio::test]
async fn a_tag_of_no_version_takes_one_read() {
    let (engine, [reads, writes]) = concurrency::counted().await;
    let patch = json!([{"op": "replace", "path": "/name", "value": "Pickup"}]);
    let answer = engine.send(on("\"none\"", &patch)).await;
    assert_eq!(answer.status, 412, "{answer:?}");
    assert_eq!((reads.load(Ordering::Relaxed), writes.load(Ordering::Relaxed)), (1, 0));
}
