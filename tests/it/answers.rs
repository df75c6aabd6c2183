//! What a client may ask an answer to show: the document, the way back, what would be answered, and
//! errors as problem details.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use local::proxy::Fault;
use serde_json::{Value, json};
use update_organization_option::{authorize::AccessRules, rules::OptionRules};

use crate::engine::{ARCHIVED, Answer, Engine, OPTION, event, with_header};

/// The operations and bodies of the requests that DynamoDB has got.
pub(crate) type Requests = Arc<Mutex<Vec<(String, Value)>>>;

/// An engine, and the requests that it gets from the handler.
pub(crate) async fn watched() -> (Engine, Requests) {
    let requests = Requests::default();
    let seen = requests.clone();
    let note = move |operation: &str, body: &[u8]| {
        let body = serde_json::from_slice(body).unwrap();
        seen.lock().unwrap().push((operation.to_owned(), body));
        None
    };
    (Engine::start().await.behind(note, Duration::from_mins(1)).await, requests)
}

pub(crate) fn operations(requests: &Requests) -> Vec<String> {
    requests.lock().unwrap().drain(..).map(|(operation, _)| operation).collect()
}

fn document() -> Value {
    json!({"name": "Delivery", "list": [1, 2], "count": 1})
}

fn prefer(preference: &str, patch: &Value) -> Value {
    with_header(event(OPTION, patch), "Prefer", preference)
}

/// The event as a dry run.
pub(crate) fn dry(mut event: Value) -> Value {
    event["queryStringParameters"] = json!({"dryRun": "All"});
    event["multiValueQueryStringParameters"] = json!({"dryRun": ["All"]});
    event
}

/// A patch with a plan of its own, and one that has to be made in memory.
fn patches() -> [(Value, Value); 2] {
    [
        (
            json!([{"op": "replace", "path": "/name", "value": "Pickup"}]),
            json!({"name": "Pickup", "list": [1, 2], "count": 1}),
        ),
        (
            json!([{"op": "add", "path": "/list/-", "value": 3},
                   {"op": "add", "path": "/copy", "value": {}},
               {"op": "copy", "from": "/list", "path": "/copy/list"}]),
            json!({"name": "Delivery", "list": [1, 2, 3], "count": 1, "copy": {"list": [1, 2, 3]}}),
        ),
    ]
}

#[track_caller]
fn shows(answer: &Answer, (applied, media_type, tag): (&str, &str, &str), body: &Value) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body, *body);
    let mut headers: Vec<_> =
        answer.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    headers.sort_unstable();
    let expected = [("content-type", media_type), ("etag", tag), ("preference-applied", applied)];
    assert_eq!(headers, expected);
}

const REPRESENTATION: (&str, &str, &str) = ("return=representation", "application/json", "\"2\"");
const UNDO: (&str, &str, &str) = ("undo", "application/json-patch+json", "\"2\"");

#[tokio::test]
async fn a_change_shows_the_document_that_it_has_left() {
    let (engine, requests) = watched().await;
    for (patch, after) in patches() {
        for (key, if_match) in [(false, false), (false, true), (true, false), (true, true)] {
            engine.put_option(OPTION, document()).await;
            let mut event = prefer("return=representation", &patch);
            if key {
                event = with_header(
                    event,
                    "Idempotency-Key",
                    &format!("{}{if_match}", patch[0]["op"].as_str().unwrap()),
                );
            }
            if if_match {
                event = with_header(event, "If-Match", "\"1\"");
            }
            operations(&requests);
            let answer = engine.send(event.clone()).await;
            shows(&answer, REPRESENTATION, &after);
            assert_eq!(engine.stored(OPTION).await, (after.clone(), "2".into()));
            // No more requests than without it, but where a transaction would tell nothing.
            assert!(operations(&requests).len() <= 2);
            if key {
                // What another request has done is not shown.
                let replay = engine.send(event).await;
                assert_eq!((replay.status, replay.body), (204, Value::Null));
                assert_eq!(replay.headers["idempotency-replayed"], "true");
                assert!(!replay.headers.contains_key("preference-applied"));
            }
        }
    }
}

#[tokio::test]
async fn a_patch_that_changes_nothing_shows_what_is_stored() {
    let (engine, requests) = watched().await;
    let tests = json!([{"op": "test", "path": "/count", "value": 1}]);
    for (patch, key) in [(json!([]), None), (tests.clone(), None), (tests, Some("key"))] {
        engine.put_option(OPTION, document()).await;
        let read = |preference: &str| {
            let event = prefer(preference, &patch);
            match key {
                Some(key) => with_header(event, "Idempotency-Key", &format!("{key}{preference}")),
                None => event,
            }
        };
        operations(&requests);
        let answer = engine.send(read("return=representation")).await;
        shows(&answer, ("return=representation", "application/json", "\"1\""), &document());
        let expected: &[&str] =
            if key.is_some() { &["BatchGetItem", "TransactWriteItems"] } else { &["GetItem"] };
        assert_eq!(operations(&requests), expected);
        let answer = engine.send(read("undo")).await;
        shows(&answer, ("undo", "application/json-patch+json", "\"1\""), &json!([]));
    }
}

#[tokio::test]
async fn a_document_is_shown_as_it_is_stored() {
    let engine = Engine::start().await;
    let number = "12345678901234567890.123456789012345678";
    let text = format!(r#"{{"z":{number},"a":-0.00000000000000000000001,"m":{{"b":1,"a":[]}}}}"#);
    let patch = format!(r#"[{{"op":"replace","path":"","value":{text}}}]"#);
    let mut event = prefer("return=representation", &json!([]));
    event["body"] = json!(patch);
    let answer = engine.send(event).await;
    let sorted = format!(r#"{{"a":-1e-23,"m":{{"a":[],"b":1}},"z":{number}}}"#);
    assert_eq!(answer.text, sorted);
}

#[tokio::test]
async fn no_more_is_asked_of_dynamodb_than_is_needed() {
    let (engine, requests) = watched().await;
    let [(patch, _), (rewrite, _)] = patches();
    let plain = |patch: &Value| event(OPTION, patch);
    let bound = |event| with_header(event, "If-Match", "\"1\"");
    for (event, expected) in [
        (plain(&patch), "UPDATED_NEW"),
        (bound(plain(&patch)), "NONE"),
        (plain(&rewrite), "NONE"),
        (prefer("return=minimal", &patch), "UPDATED_NEW"),
        (prefer("return=representation", &patch), "ALL_NEW"),
        (bound(prefer("return=representation", &patch)), "ALL_NEW"),
        (prefer("return=representation", &rewrite), "NONE"),
        (prefer("undo", &patch), "ALL_OLD"),
        (prefer("undo", &rewrite), "NONE"),
    ] {
        engine.put_option(OPTION, document()).await;
        operations(&requests);
        let answer = engine.send(event).await;
        assert_eq!(answer.headers["etag"], "\"2\"");
        let last = requests.lock().unwrap().pop().unwrap();
        assert_eq!((&*last.0, last.1["ReturnValues"].as_str()), ("UpdateItem", Some(expected)));
    }
}

#[tokio::test]
async fn a_change_is_taken_back_by_the_patch_that_it_shows() {
    let engine = Engine::start().await;
    let back = [
        json!([{"op": "replace", "path": "/name", "value": "Delivery"}]),
        json!([{"op": "remove", "path": "/copy"}, {"op": "remove", "path": "/list/2"}]),
    ];
    for ((patch, _), back) in patches().into_iter().zip(back) {
        for key in [None, Some("key")] {
            engine.put_option(OPTION, document()).await;
            let mut event = prefer("return=representation, undo", &patch);
            if let Some(key) = key {
                event = with_header(
                    event,
                    "Idempotency-Key",
                    &format!("{key}{}", patch[0]["op"].as_str().unwrap()),
                );
            }
            let answer = engine.send(event).await;
            shows(&answer, UNDO, &back);
            let event = with_header(super::engine::event(OPTION, &back), "If-Match", "\"2\"");
            assert_eq!(engine.send(event).await.status, 204);
            assert_eq!(engine.stored(OPTION).await, (document(), "3".into()));
        }
    }
}

/// A body with the character U+FFFD itself is refused, as it may stand for lost bytes.
#[tokio::test]
async fn an_undo_patch_can_be_sent_whatever_characters_it_has() {
    let engine = Engine::start().await;
    let before = json!({"a": 1, "\u{fffd}": "\u{fffd}\\\"\u{0}ü"});
    engine.put_option(OPTION, before.clone()).await;
    let patch = json!([{"op": "remove", "path": "/a"}]);
    let mut changes = prefer("undo", &patch);
    changes["body"] = json!(r#"[{"op":"replace","path":"","value":{}}]"#);
    let answer = engine.send(changes).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text.is_ascii() || !answer.text.contains('\u{fffd}'), "{}", answer.text);
    let mut back = with_header(event(OPTION, &patch), "If-Match", "\"2\"");
    back["body"] = json!(answer.text);
    assert_eq!(engine.send(back).await.status, 204);
    assert_eq!(engine.stored(OPTION).await, (before, "3".into()));
}

#[tokio::test]
async fn a_preference_that_is_not_met_is_not_acknowledged() {
    let engine = Engine::start().await;
    let [(patch, _), _] = patches();
    for (preference, applied) in [
        ("return=minimal", Some("return=minimal")),
        ("respond-async, wait=10", None),
        ("return=headers-only", None),
    ] {
        engine.put_option(OPTION, document()).await;
        let answer = engine.send(prefer(preference, &patch)).await;
        assert_eq!((answer.status, &answer.body), (204, &Value::Null));
        assert_eq!(answer.headers.get("preference-applied").map(String::as_str), applied);
        assert_eq!(answer.headers["etag"], "\"2\"");
    }
    // An error has none.
    let event = prefer("return=minimal", &json!([{"op": "remove", "path": "/nope"}]));
    assert!(!engine.send(event).await.headers.contains_key("preference-applied"));
}

#[tokio::test]
async fn a_dry_run_answers_as_the_request_would_and_writes_nothing() {
    let (engine, requests) = watched().await;
    let fails = json!([{"op": "test", "path": "/count", "value": 2},
                       {"op": "remove", "path": "/name"}]);
    let large = json!([{"op": "add", "path": "/text", "value": "x".repeat(409_400)}]);
    let [(direct, after), (rewrite, after_rewrite)] = patches();
    let with_tag = |event, tag| with_header(event, "If-Match", tag);
    engine.put_option(OPTION, document()).await;
    for (event, status, code, body) in [
        (event(OPTION, &direct), 204, None, None),
        (prefer("return=representation", &direct), 200, None, Some(after)),
        (prefer("return=representation", &rewrite), 200, None, Some(after_rewrite)),
        (
            prefer("undo", &direct),
            200,
            None,
            Some(json!([{"op": "replace", "path": "/name", "value": "Delivery"}])),
        ),
        (event(OPTION, &json!([])), 204, None, None),
        (event(OPTION, &fails), 422, Some("OperationCannotBePerformed"), None),
        (event(OPTION, &large), 422, Some("RequestIsNotValid"), None),
        (with_tag(event(OPTION, &direct), "\"1\""), 204, None, None),
        (with_tag(event(OPTION, &direct), "\"7\""), 412, Some("OperationCannotBePerformed"), None),
        (event(ARCHIVED, &direct), 422, Some("NotAllowedForArchived"), None),
        (event(super::engine::ABSENT, &direct), 404, Some("NotFound"), None),
    ] {
        for key in [None, Some("key")] {
            let event = match key {
                Some(key) => with_header(event.clone(), "Idempotency-Key", key),
                None => event.clone(),
            };
            let before = engine.everything().await;
            operations(&requests);
            let answer = engine.send(dry(event.clone())).await;
            let expected = if key.is_some() { "TransactGetItems" } else { "GetItem" };
            assert_eq!(operations(&requests), [expected]);
            assert_eq!(answer.status, status, "{answer:?}");
            assert_eq!(answer.body.get("code").and_then(Value::as_str), code);
            if let Some(body) = &body {
                assert_eq!(answer.body, *body);
            }
            assert_eq!(engine.everything().await, before);
            // The version that was looked at.
            let tag = if status == 404 { None } else { Some("\"1\"") };
            if !event["path"].as_str().unwrap().contains(ARCHIVED) {
                assert_eq!(answer.headers.get("etag").map(String::as_str), tag);
            }
        }
        // The request itself is answered alike, and by the next version.
        let answer = engine.send(event).await;
        assert_eq!(answer.status, status, "{answer:?}");
        engine.put_option(OPTION, document()).await;
    }
}

#[tokio::test]
async fn a_dry_run_of_a_key_that_was_used_is_answered_by_its_record() {
    let engine = Engine::start().await;
    let [(patch, _), (other, _)] = patches();
    engine.put_option(OPTION, document()).await;
    let with_key = |event| with_header(event, "Idempotency-Key", "key");
    let first = with_key(event(OPTION, &patch));
    assert_eq!(engine.send(first.clone()).await.status, 204);
    let before = engine.everything().await;
    let replay = engine.send(dry(first)).await;
    assert_eq!((replay.status, &*replay.headers["idempotency-replayed"]), (204, "true"));
    let duplicate = engine.send(dry(with_key(event(OPTION, &other)))).await;
    assert_eq!((duplicate.status, &duplicate.body["code"]), (422, &json!("Duplicate")));
    assert_eq!(engine.everything().await, before);
}

#[tokio::test]
async fn a_dry_run_is_asked_for_in_one_way() {
    let engine = Engine::start().await;
    let [(patch, _), _] = patches();
    for parameters in [
        json!({"queryStringParameters": {"dryRun": "all"}}),
        json!({"queryStringParameters": {"dryRun": ""}}),
        json!({"queryStringParameters": {"dryRun": "All,All"}}),
        json!({"queryStringParameters": {"dryrun": "All"}}),
        json!({"queryStringParameters": {"dry_run": "All"}}),
        json!({"multiValueQueryStringParameters": {"dryRun[]": ["All"]}}),
        json!({"queryStringParameters": {"dryRun": "All", "DryRun": "All"}}),
        json!({"queryStringParameters": {"dryRun": "All"},
               "multiValueQueryStringParameters": {"dryRun": ["All", "All"]}}),
        json!({"queryStringParameters": {"dryRun": "All"},
               "multiValueQueryStringParameters": {"dryRun": ["None", "All"]}}),
    ] {
        let mut event = event(OPTION, &patch);
        for (name, value) in parameters.as_object().unwrap() {
            event[name] = value.clone();
        }
        let info = "expected the query parameter `dryRun` to be `All`, once";
        engine.refuses(event, (422, "RequestIsNotValid", info)).await;
    }
    let mut event = event(OPTION, &patch);
    event["queryStringParameters"] = json!({"dry": "x", "fieldManager": "y"});
    assert_eq!(engine.send(event).await.status, 204);
}

#[tokio::test]
async fn a_problem_says_what_failed_where_and_why() {
    let engine = Engine::start().await;
    engine.put_option(OPTION, document()).await;
    let mut nested = json!(0);
    for _ in 0..31 {
        nested = json!([nested]);
    }
    let deep = json!([{"op": "add", "path": "/a", "value": nested}]);
    let accepted = "application/problem+json, application/json;q=0.9";
    for (patch, expected) in [
        (
            json!([{"op": "remove", "path": "/name"}, {"op": "test", "path": "/list/1", "value": 3}]),
            json!({
                "type": "about:blank", "title": "Unprocessable Content", "status": 422,
                "detail": "operation 1 (`test` `/list/1`): the value is not equal to the one in the document",
                "code": "OperationCannotBePerformed",
                "operation": 1, "pointer": "/list/1", "reason": "test-failed"
            }),
        ),
        (
            deep,
            json!({
                "type": "about:blank", "title": "Unprocessable Content", "status": 422,
                "detail": "operation 0: `value` at `path` is nested deeper than 31 objects and arrays",
                "code": "RequestIsNotValid", "operation": 0, "reason": "too-deep", "limit": 31
            }),
        ),
        (
            json!(1),
            json!({
                "type": "about:blank", "title": "Unprocessable Content", "status": 422,
                "detail": "expected an array of operations",
                "code": "RequestIsNotValid", "reason": "not-an-array"
            }),
        ),
        (
            json!([{"op": "add", "path": "/t", "value": "x".repeat(409_400)}]),
            json!({
                "type": "about:blank", "title": "Unprocessable Content", "status": 422,
                "detail": "the option would take more than 409600 bytes, of which its document 409440",
                "code": "RequestIsNotValid", "reason": "too-large", "limit": 409_600
            }),
        ),
    ] {
        let event = event(OPTION, &patch);
        let mut problem = engine.send(with_header(event.clone(), "Accept", accepted)).await;
        assert_eq!(problem.headers["content-type"], "application/problem+json");
        let plain = engine.send(event).await;
        assert_eq!(plain.headers["content-type"], "application/json");
        let message = problem.body.as_object_mut().unwrap().remove("message");
        assert_eq!(message.as_ref(), Some(&plain.body["message"]));
        assert_eq!(problem.body, expected);
        let members: Vec<_> = plain.body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["code", "info", "message"]);
    }
}

#[tokio::test]
async fn a_refusal_tells_the_version_that_it_was_decided_on() {
    let engine = Engine::start().await;
    let [(patch, _), _] = patches();
    let fails = json!([{"op": "remove", "path": "/nope"}]);
    let tag = |answer: &Answer| answer.headers.get("etag").cloned();
    for (version, expected) in [(Some(7), "\"7\""), (None, "\"0\"")] {
        engine.put_option_of(OPTION, document(), version).await;
        for key in [None, Some("key")] {
            let with_key = |event| match key {
                Some(key) => with_header(event, "Idempotency-Key", key),
                None => event,
            };
            let answer = engine.send(with_key(event(OPTION, &fails))).await;
            assert_eq!((answer.status, tag(&answer)), (422, Some(expected.to_owned())));
            let stale = with_header(with_key(event(OPTION, &patch)), "If-Match", "\"3\"");
            let answer = engine.send(stale).await;
            assert_eq!((answer.status, tag(&answer)), (412, Some(expected.to_owned())));
        }
    }
    let archived = engine.send(event(ARCHIVED, &patch)).await;
    let version = engine.stored(ARCHIVED).await.1;
    assert_eq!((archived.status, tag(&archived)), (422, Some(format!("\"{version}\""))));
    // What was not decided on an option has none.
    for event in [event(super::engine::ABSENT, &patch), event(OPTION, &json!(null))] {
        assert_eq!(tag(&engine.send(event).await), None);
    }
}

#[tokio::test]
async fn a_refused_media_type_tells_which_are_taken() {
    let engine = Engine::start().await;
    let event = with_header(event(OPTION, &json!([])), "Content-Type", "text/plain");
    let answer = engine.send(event).await;
    assert_eq!((answer.status, &answer.body["code"]), (422, &json!("BadRequest")));
    let expected =
        "application/json-patch+json, application/merge-patch+json, application/json, text/json";
    assert_eq!(answer.headers["accept-patch"], expected);
}

#[tokio::test]
async fn who_may_not_read_is_shown_nothing() {
    let read_scope = Some("options/read".to_owned());
    let access = AccessRules { read_scope, ..AccessRules::default() };
    let engine = Engine::start().await.with(access, OptionRules::default());
    let [(patch, after), _] = patches();
    for preference in ["return=representation", "undo"] {
        engine.put_option(OPTION, document()).await;
        let answer = engine.send(prefer(preference, &patch)).await;
        assert_eq!((answer.status, &answer.body), (204, &Value::Null));
        assert!(!answer.headers.contains_key("preference-applied"));
        assert_eq!(engine.stored(OPTION).await.0, after);
    }
    let info = "the caller lacks the scope that permits seeing options, as a dry run does";
    let dry_run = dry(event(OPTION, &patch));
    engine.refuses(dry_run.clone(), (403, "NoPermissions", info)).await;
    // The permission comes before the shape of the rest.
    let mut malformed = dry_run.clone();
    malformed["body"] = json!("[");
    engine.refuses(malformed, (403, "NoPermissions", info)).await;

    let reader = |mut event: Value| {
        let claims = &mut event["requestContext"]["authorizer"]["claims"];
        claims["scope"] = json!("options/write options/read");
        event
    };
    engine.put_option(OPTION, document()).await;
    assert_eq!(engine.send(reader(dry_run)).await.status, 204);
    let answer = engine.send(reader(prefer("return=representation", &patch))).await;
    shows(&answer, REPRESENTATION, &after);
}

/// What takes more room in memory than in the item.
#[tokio::test]
async fn what_one_update_can_do_is_answered_alike_in_every_way() {
    let engine = Engine::start().await;
    let text = |letter: &str, bytes: usize| letter.repeat(bytes);
    let copies = vec![json!({"op": "copy", "from": "/a", "path": "/b"}); 80];
    let many = [copies, vec![json!({"op": "remove", "path": "/b"})]].concat();
    for (before, patch) in [
        (
            json!({"a": text("a", 380_000)}),
            json!([{"op": "add", "path": "/b", "value": text("b", 380_000)},
                   {"op": "remove", "path": "/a"}]),
        ),
        (json!({"a": text("a", 250_000)}), json!(many)),
    ] {
        let bound = |event| with_header(event, "If-Match", "\"1\"");
        let keyed = |event, key: &str| {
            let key = format!("{key}-{}", patch[0]["op"].as_str().unwrap());
            with_header(bound(event), "Idempotency-Key", &key)
        };
        for (request, status) in [
            (event(OPTION, &patch), 204),
            (dry(event(OPTION, &patch)), 204),
            (dry(prefer("undo", &patch)), 200),
            (prefer("return=representation", &patch), 200),
            (prefer("undo", &patch), 200),
            (keyed(event(OPTION, &patch), "1"), 204),
            (keyed(prefer("return=representation", &patch), "2"), 200),
            (keyed(prefer("undo", &patch), "3"), 200),
        ] {
            engine.put_option(OPTION, before.clone()).await;
            let answer = engine.send(request).await;
            assert_eq!(answer.status, status, "{:.300}", answer.text);
        }
    }
}

#[tokio::test]
async fn an_undo_patch_applies_also_where_there_is_little_room() {
    let engine = Engine::start().await;
    let before = json!({"x": ["x".repeat(300_000), 1], "y": [1], "z": "z".repeat(2_000)});
    engine.put_option(OPTION, before.clone()).await;
    let patch = json!([{"op": "remove", "path": "/x/0"},
                       {"op": "add", "path": "/y/0", "value": "y".repeat(390_000)}]);
    let answer = engine.send(prefer("undo", &patch)).await;
    assert_eq!(answer.status, 200, "{:.300}", answer.text);
    let back = with_header(event(OPTION, &answer.body), "If-Match", "\"2\"");
    assert_eq!(engine.send(back).await.status, 204);
    assert_eq!(engine.stored(OPTION).await.0, before);
}

#[tokio::test]
async fn a_dry_run_counts_the_item_that_would_be_written() {
    let engine = Engine::start().await;
    let full = json!({"t": "x".repeat(409_470)});
    engine.put_option(OPTION, full).await;
    // Nothing is written, however full the item is.
    for patch in
        [json!([]), json!([{"op": "test", "path": "", "value": {"t": "x".repeat(409_470)}}])]
    {
        assert_eq!(engine.send(dry(event(OPTION, &patch))).await.status, 204);
    }
    // The caller's name is a part of the item.
    engine.put_option(OPTION, json!({"t": ""})).await;
    let patch = json!([{"op": "replace", "path": "/t", "value": "x".repeat(407_900)}]);
    let mut request = event(OPTION, &patch);
    request["requestContext"]["authorizer"]["claims"]["sub"] = json!("s".repeat(2_000));
    assert_eq!(engine.send(dry(request.clone())).await.status, 422);
    assert_eq!(engine.send(request).await.status, 422);
}

/// An answer that is lost, and what another writer does meanwhile.
#[tokio::test]
async fn what_is_shown_is_this_requests_own_also_where_an_answer_was_lost() {
    for (patch, after) in patches() {
        for (preference, header) in [
            ("return=representation", None),
            ("return=representation", Some("Idempotency-Key")),
            ("return=representation", Some("If-Match")),
            ("undo", None),
            ("undo", Some("Idempotency-Key")),
            ("undo", Some("If-Match")),
        ] {
            let count = Arc::new(Mutex::new(0));
            let first_write = move |operation: &str, _: &[u8]| {
                let is_write = matches!(operation, "UpdateItem" | "TransactWriteItems");
                let mut count = count.lock().unwrap();
                *count += i32::from(is_write);
                (is_write && *count == 1).then_some(Fault::AnswerDropped)
            };
            let engine = Engine::start().await.behind(first_write, Duration::from_mins(1)).await;
            engine.put_option(OPTION, document()).await;
            let mut event = prefer(preference, &patch);
            if let Some(header) = header {
                event = with_header(event, header, "\"1\"");
            }
            let answer = engine.send(event).await;
            assert_eq!(engine.stored(OPTION).await, (after.clone(), "2".into()));
            let is_rewrite = patch[0]["op"] == "add";
            match preference {
                "return=representation" => shows(&answer, REPRESENTATION, &after),
                // The document before is in memory only where it was read.
                _ if is_rewrite || header == Some("Idempotency-Key") => {
                    assert_eq!(answer.status, 200, "{answer:?}");
                }
                _ => {
                    assert_eq!((answer.status, &*answer.headers["etag"]), (204, "\"2\""));
                    assert!(!answer.headers.contains_key("preference-applied"));
                }
            }
        }
    }
}
