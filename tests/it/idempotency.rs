//! `Idempotency-Key`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use local::proxy::Fault;
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::engine::{Answer, Engine, OPTION, event, with_header};

const KEY: &str = "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"";

fn keyed(patch: &Value) -> Value {
    with_header(event(OPTION, patch), "Idempotency-Key", KEY)
}

fn append(value: i32) -> Value {
    json!([{"op": "add", "path": "/list/-", "value": value}])
}

/// A patch that is made of the option that was read: no update puts a stored value into a
/// new one.
fn rewrite(value: i32) -> Value {
    json!([{"op": "add", "path": "/list/-", "value": value},
           {"op": "add", "path": "/copy", "value": {}},
               {"op": "copy", "from": "/list", "path": "/copy/list"}])
}

/// What the answer tells of the version: nothing where no read and no `If-Match` has told it.
const UNKNOWN: Option<i32> = None;

#[track_caller]
fn assert_done(answer: &Answer, version: impl Into<Option<i32>>, replayed: bool) {
    assert_eq!((answer.status, &answer.body), (204, &Value::Null), "{answer:?}");
    let tag = version.into().map(|version| format!("\"{version}\""));
    assert_eq!(answer.headers.get("etag"), tag.as_ref());
    let header = answer.headers.get("idempotency-replayed").map(String::as_str);
    assert_eq!(header, replayed.then_some("true"));
}

const DUPLICATE: (i64, &str, &str) =
    (422, "Duplicate", "the `Idempotency-Key` was used with another request");

#[tokio::test]
async fn the_same_request_is_carried_out_once() {
    // One patch of each plan. The last of them could not be applied twice.
    for (patch, version) in [
        (append(3), UNKNOWN),
        (rewrite(0), Some(2)),
        (json!([{"op": "test", "path": "/count", "value": 1}]), Some(1)),
        (json!([{"op": "remove", "path": "/count"}]), UNKNOWN),
    ] {
        let engine = Engine::start().await;
        let first = engine.send(keyed(&patch)).await;
        assert_done(&first, version, false);
        // The replay does not depend on what has become of the option since.
        let other = json!([{"op": "add", "path": "/other", "value": 1}]);
        assert_eq!(engine.send(event(OPTION, &other)).await.status, 204);
        let before = engine.everything().await;
        for key in [KEY, KEY.trim_matches('"')] {
            let again = with_header(event(OPTION, &patch), "Idempotency-Key", key);
            assert_done(&engine.send(again).await, version, true);
        }
        assert_eq!(engine.everything().await, before);
    }
}

#[tokio::test]
async fn a_patch_that_is_the_same_but_for_its_text_is_the_same() {
    let engine = Engine::start().await;
    let mut first = keyed(&json!([]));
    first["body"] = json!(r#"[{"op":"add","path":"/new","value":{"a":1,"b":100}}]"#);
    assert_done(&engine.send(first.clone()).await, UNKNOWN, false);
    first["body"] =
        json!(r#"[ {"value":{"b":1e2,"a":1.0}, "path":"/new", "op":"add", "from":null} ]"#);
    assert_done(&engine.send(first).await, UNKNOWN, true);
}

#[tokio::test]
async fn a_key_is_of_one_request() {
    let engine = Engine::start().await;
    assert_done(&engine.send(keyed(&append(3))).await, UNKNOWN, false);
    engine.refuses(keyed(&append(4)), DUPLICATE).await;
    let based = with_header(keyed(&append(3)), "If-Match", "\"1\"");
    engine.refuses(based, DUPLICATE).await;
}

#[tokio::test]
async fn a_key_is_of_one_caller_and_one_option() {
    let engine = Engine::start().await;
    assert_done(&engine.send(keyed(&append(3))).await, UNKNOWN, false);
    let mut other_caller = keyed(&append(4));
    other_caller["requestContext"]["authorizer"]["claims"]["sub"] = json!("bob");
    assert_done(&engine.send(other_caller).await, UNKNOWN, false);
    let other = "b1f0a2c4-5d6e-4f70-8a9b-0c1d2e3f4a5b";
    engine.put_option(other, json!({"list": []})).await;
    let other_option = with_header(event(other, &append(4)), "Idempotency-Key", KEY);
    assert_done(&engine.send(other_option).await, UNKNOWN, false);
}

#[tokio::test]
async fn what_fails_is_not_recorded() {
    let engine = Engine::start().await;
    let failing = json!([{"op": "remove", "path": "/nope"}]);
    let why = "operation 0 (`remove` `/nope`): no such value in the document";
    let before = engine.everything().await;
    engine.refuses(keyed(&failing), (422, "OperationCannotBePerformed", why)).await;
    assert_eq!(engine.everything().await, before);
    assert_done(&engine.send(keyed(&append(3))).await, UNKNOWN, false);
}

#[tokio::test]
async fn a_record_that_has_expired_is_not_trusted() {
    let engine = Engine::start().await;
    assert_done(&engine.send(keyed(&append(3))).await, UNKNOWN, false);
    // DynamoDB removes an expired record when it pleases. Until then it is there.
    engine.expire_records().await;
    assert_done(&engine.send(keyed(&append(4))).await, UNKNOWN, false);
    let day = Duration::from_hours(24).as_secs();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    engine
        .change_records(|record| {
            let expires: u64 = record["expiresAt"].as_n().unwrap().parse().unwrap();
            assert!((now + day - 60..=now + day).contains(&expires), "{expires}, and now is {now}");
        })
        .await;
    engine.expire_records().await;
    let based =
        |version: i32| with_header(keyed(&append(5)), "If-Match", &format!("\"{version}\""));
    assert_done(&engine.send(based(3)).await, 4, false);
    assert_done(&engine.send(based(3)).await, 4, true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_identical_requests_at_once_one_applies() {
    let engine = Arc::new(Engine::start().await);
    for round in 0..20 {
        let mut tasks = JoinSet::new();
        for _ in 0..8 {
            let engine = engine.clone();
            let key = format!("round-{round}");
            tasks.spawn(async move {
                engine
                    .send(with_header(event(OPTION, &append(round)), "Idempotency-Key", &key))
                    .await
            });
        }
        let answers = tasks.join_all().await;
        let replays =
            answers.iter().filter(|answer| answer.headers.contains_key("idempotency-replayed"));
        assert_eq!(replays.count(), 7);
        for answer in &answers {
            assert_eq!((answer.status, answer.headers.get("etag")), (204, None));
        }
    }
    let list: Vec<i32> = [1, 2].into_iter().chain(0..20).collect();
    assert_eq!(engine.stored(OPTION).await.0["list"], json!(list));
}

/// A request that has made its own document finds that an identical one was faster. What that one has shown
/// is not shown again.
#[tokio::test]
async fn a_replay_shows_nothing_also_where_it_comes_late() {
    let (came, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (is_here, held, writes) = (came.clone(), gate.clone(), AtomicU32::new(0));
    let decide = move |operation: &str, _: &[u8]| {
        if operation != "TransactWriteItems" || writes.fetch_add(1, Ordering::Relaxed) > 0 {
            return None;
        }
        is_here.add_permits(1);
        Some(Fault::Held(held.clone()))
    };
    let engine = Arc::new(Engine::start().await.behind(decide, Duration::from_mins(1)).await);
    let request = with_header(keyed(&rewrite(3)), "Prefer", "return=representation");
    let late = tokio::spawn({
        let (engine, request) = (engine.clone(), request.clone());
        async move { engine.send(request).await }
    });
    came.acquire().await.unwrap().forget();
    let first = engine.send(request).await;
    assert_eq!((first.status, &first.body), (200, &engine.stored(OPTION).await.0));
    gate.add_permits(1);
    assert_done(&late.await.unwrap(), 2, true);
    assert_eq!(engine.stored(OPTION).await.1, "2");
}

/// A read of several items is not of one moment. It may miss the record although it shows the
/// option as the request has left it.
#[tokio::test]
async fn a_refusal_is_not_based_on_a_record_that_was_missed() {
    let torn =
        |operation: &str, _: &[u8]| (operation == "BatchGetItem").then_some(Fault::WithoutRecords);
    let if_match = |event| with_header(event, "If-Match", "\"1\", \"7\"");
    let remove = json!([{"op": "remove", "path": "/count"}]);
    for (request, version) in [
        (keyed(&remove), UNKNOWN),
        (if_match(keyed(&append(3))), UNKNOWN),
        (if_match(keyed(&rewrite(3))), Some(2)),
        (keyed(&json!([{"op": "test", "path": "/count", "value": 1}])), Some(1)),
    ] {
        let engine = Engine::start().await.behind(torn, Duration::from_mins(1)).await;
        assert_done(&engine.send(request.clone()).await, version, false);
        if version == Some(1) {
            // The test no longer holds. It held when the key was used.
            assert_eq!(engine.send(event(OPTION, &remove)).await.status, 204);
        }
        assert_done(&engine.send(request).await, version, true);
        // Without a record the refusal stands.
        let other = with_header(event(OPTION, &remove), "Idempotency-Key", "other");
        let answer = engine.send(other).await;
        let missing = "operation 0 (`remove` `/count`): no such value in the document";
        assert!(answer.status == 204 || answer.body["info"] == missing, "{answer:?}");
    }
}

/// The read of one moment conflicts with whoever writes the option. It is repeated as a write is.
/// Where that does not help in time, the client may repeat the request.
#[tokio::test]
async fn a_conflict_of_the_read_that_confirms_is_contention() {
    let why = "operation 3 (`remove` `/nope`): no such value in the document";
    let mut refused = rewrite(1);
    refused.as_array_mut().unwrap().push(json!({"op": "remove", "path": "/nope"}));
    let reads = Arc::new(AtomicU32::new(0));
    for (code, conflicts, expected) in [
        ("TransactionConflict", 2, (422, "OperationCannotBePerformed", why)),
        ("ThrottlingError", 2, (422, "OperationCannotBePerformed", why)),
        (
            "TransactionConflict",
            u32::MAX,
            (429, "TryLater", "other changes of this option were faster; nothing was changed"),
        ),
        (
            "ThrottlingError",
            u32::MAX,
            (
                429,
                "TooManyRequests",
                "the database limits the rate of requests; nothing was changed",
            ),
        ),
    ] {
        reads.store(0, Ordering::Relaxed);
        let count = reads.clone();
        let conflicting = move |operation: &str, _: &[u8]| {
            let is_it = operation == "TransactGetItems"
                && count.fetch_add(1, Ordering::Relaxed) < conflicts;
            is_it.then_some(Fault::Cancelled(code))
        };
        let engine = Engine::start().await.behind(conflicting, Duration::from_secs(1)).await;
        engine.refuses(keyed(&refused), expected).await;
        assert!(reads.load(Ordering::Relaxed) > 2);
    }
}

/// An answer that the item is too large may hide that the key has a record.
#[tokio::test]
async fn what_would_be_too_large_a_second_time_is_a_replay() {
    let torn =
        |operation: &str, _: &[u8]| (operation == "BatchGetItem").then_some(Fault::WithoutRecords);
    let engine = Engine::start().await.behind(torn, Duration::from_mins(1)).await;
    let text = "x".repeat(250_000);
    let add = json!({"op": "add", "path": "/list/-", "value": text});
    let of_new = json!([add, {"op": "add", "path": "/new", "value": {}},
                        {"op": "copy", "from": "/name", "path": "/new/name"}]);
    for (patch, key, version) in [(json!([add]), "direct", UNKNOWN), (of_new, "rewrite", Some(4))] {
        let request = with_header(event(OPTION, &patch), "Idempotency-Key", key);
        assert_done(&engine.send(request.clone()).await, version, false);
        assert_done(&engine.send(request).await, version, true);
        let back = json!([{"op": "replace", "path": "/list", "value": [1, 2]}]);
        assert_eq!(engine.send(event(OPTION, &back)).await.status, 204);
    }
}

/// DynamoDB may refuse what is too large in words that nobody knows. Then the size tells.
#[tokio::test]
async fn a_refusal_in_unknown_words_is_told_by_the_size() {
    let (is_refusing, requests) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let (refuses, sent) = (is_refusing.clone(), requests.clone());
    let decide = move |operation: &str, _: &[u8]| {
        sent.fetch_add(1, Ordering::Relaxed);
        match operation {
            "BatchGetItem" => Some(Fault::WithoutRecords),
            "TransactWriteItems" if refuses.load(Ordering::Relaxed) => {
                Some(Fault::Cancelled("ValidationError"))
            }
            "UpdateItem" if refuses.load(Ordering::Relaxed) => {
                Some(Fault::Refused(400, "ValidationException"))
            }
            _ => None,
        }
    };
    let engine = Engine::start().await.behind(decide, Duration::from_mins(1)).await;
    let large = json!([{"op": "add", "path": "/list/-", "value": "x".repeat(250_000)},
                       {"op": "add", "path": "/new", "value": {}},
                       {"op": "copy", "from": "/name", "path": "/new/name"}]);
    assert_done(&engine.send(keyed(&large)).await, 2, false);
    is_refusing.store(true, Ordering::Relaxed);
    // With a key, it may be that the request was carried out already.
    assert_done(&engine.send(keyed(&large)).await, 2, true);
    // Without one, no further request could tell more.
    requests.store(0, Ordering::Relaxed);
    let why = "the option would take more than 409600 bytes, of which its document 500060";
    engine.refuses(event(OPTION, &large), (422, "RequestIsNotValid", why)).await;
    assert_eq!(requests.load(Ordering::Relaxed), 2);
    // What is small enough is refused for another reason.
    let small = json!([{"op": "add", "path": "/new", "value": {}},
                       {"op": "copy", "from": "/name", "path": "/new/name"}]);
    let small = event(OPTION, &small);
    for request in [small.clone(), with_header(small, "Idempotency-Key", "other")] {
        let answer = engine.send(request).await;
        assert_eq!((answer.status, &answer.body["code"]), (500, &json!("InternalServerError")));
    }
}

/// An older or a newer release may have written the record.
#[tokio::test]
async fn a_record_without_a_version_or_a_write_id_is_read() {
    for (member, etag) in [("version", None), ("writeId", Some("\"2\""))] {
        let engine = Engine::start().await;
        assert_done(&engine.send(keyed(&rewrite(3))).await, 2, false);
        engine.change_records(|record| assert!(record.remove(member).is_some(), "{member}")).await;
        let before = engine.everything().await;
        let answer = engine.send(keyed(&rewrite(3))).await;
        assert_eq!((answer.status, &answer.body), (204, &Value::Null), "{answer:?}");
        assert_eq!(answer.headers.get("etag").map(String::as_str), etag);
        assert_eq!(answer.headers["idempotency-replayed"], "true");
        engine.refuses(keyed(&rewrite(4)), DUPLICATE).await;
        assert_eq!(engine.everything().await, before);
    }
}

/// The function finds its own record where the answer from DynamoDB was lost. Its client is told no
/// replay.
#[tokio::test]
async fn a_request_that_finds_its_own_record_is_no_replay() {
    for (request, version) in [
        (keyed(&append(3)), UNKNOWN),
        (keyed(&rewrite(3)), Some(2)),
        (with_header(keyed(&append(3)), "If-Match", "\"1\""), Some(2)),
    ] {
        let writes = AtomicU32::new(0);
        let lost = move |operation: &str, _: &[u8]| {
            let is_first =
                operation == "TransactWriteItems" && writes.fetch_add(1, Ordering::Relaxed) == 0;
            is_first.then_some(Fault::AnswerDropped)
        };
        let engine = Engine::start().await.behind(lost, Duration::from_mins(1)).await;
        assert_done(&engine.send(request.clone()).await, version, false);
        assert_done(&engine.send(request).await, version, true);
    }
}

#[tokio::test]
async fn a_change_with_a_key_is_one_transaction() {
    let no_reads = |operation: &str, _: &[u8]| {
        (operation != "TransactWriteItems").then_some(Fault::Refused(400, "AccessDeniedException"))
    };
    let engine = Engine::start().await.behind(no_reads, Duration::from_mins(1)).await;
    for (request, version) in [
        (keyed(&append(3)), UNKNOWN),
        (with_header(event(OPTION, &append(4)), "Idempotency-Key", "other"), UNKNOWN),
        (with_header(keyed(&append(3)), "If-Match", "\"2\", \"3\""), UNKNOWN),
    ] {
        let request = match version {
            UNKNOWN if request["headers"].get("If-Match").is_some() => {
                with_header(request, "Idempotency-Key", "third")
            }
            _ => request,
        };
        assert_done(&engine.send(request.clone()).await, version, false);
        assert_done(&engine.send(request).await, version, true);
    }
    let based = with_header(event(OPTION, &append(5)), "Idempotency-Key", "fourth");
    let based = with_header(based, "If-Match", "\"4\"");
    assert_done(&engine.send(based.clone()).await, 5, false);
    assert_done(&engine.send(based).await, 5, true);
}
