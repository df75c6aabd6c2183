//! Every file of `events/` is replayed: status, headers and body are as written here. What is
//! refused changes nothing. What is applied changes the document as written here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Duration,
};

use local::sample;
use serde_json::{Value, json};
use update_organization_option::authorize::AccessRules;

use crate::{
    docs,
    engine::{Engine, OPTION, event, sample_rules, with_header},
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/events");

/// Enough time for some attempts beside the 500 ms that are kept for the answer.
const TIME: Duration = Duration::from_secs(2);

/// The event's file, and the document that it leaves.
fn applied() -> Vec<(&'static str, Value)> {
    let renamed = || json!({"name": "Pickup", "list": [1, 2], "count": 1});
    vec![
        ("body-is-base64", renamed()),
        ("client-describes-itself", renamed()),
        ("etag-is-current", renamed()),
        ("http-api-event", renamed()),
        ("http-api-event-is-base64", renamed()),
        ("idempotency-key-is-new", renamed()),
        ("media-type-is-a-vendors-json", renamed()),
        ("media-type-is-text-json", renamed()),
        ("member-is-replaced", renamed()),
        ("members-are-merged", json!({"name": "Pickup", "list": [3], "hours": {"from": 9}})),
        ("merge-patch-is-an-array", renamed()),
        ("preference-is-unknown", renamed()),
        (
            "rules-are-kept",
            json!({
                "theme": "dark", "retries": 3, "plan": "basic",
                "recipients": ["ann@example.com", "ben@example.com", "cleo@example.com"]
            }),
        ),
        ("superfluous-members-are-ignored", json!({"name": "Pickup", "list": [1, 2]})),
        ("value-is-null", json!({"name": null, "list": [1, 2], "count": 1})),
        (
            "values-are-appended-copied-and-moved",
            json!({"name": "Delivery", "list": [2, 3], "copy": [1, 2, 3], "total": 1}),
        ),
    ]
}

/// The event's file, and what `Preference-Applied`, `ETag`, `Content-Type` and the body of its
/// answer are. The answer is 200, or 204 where there is no media type.
type Shown = (&'static str, &'static str, &'static str, &'static str, Value);

fn shown() -> Vec<Shown> {
    const JSON: &str = "application/json";
    const PATCH: &str = "application/json-patch+json";
    let (representation, minimal, undo) = ("return=representation", "return=minimal", "undo");
    let before = || json!({"name": "Delivery", "list": [1, 2], "count": 1});
    let after = || json!({"name": "Pickup", "list": [1, 2, 3], "count": 1});
    let whole = || json!([{"op": "replace", "path": "", "value": before()}]);
    let inserted = json!({"name": "Delivery", "list": [0, 1, 2], "count": 1});
    let count = json!([{"op": "add", "path": "/count", "value": 1}]);
    let name = json!([{"op": "replace", "path": "/name", "value": "Delivery"}]);
    vec![
        ("dry-run-shows-the-representation", representation, "\"1\"", JSON, after()),
        ("dry-run-shows-the-undo", undo, "\"1\"", PATCH, whole()),
        ("no-body-is-preferred", minimal, "\"2\"", "", Value::Null),
        ("representation-is-preferred", representation, "\"2\"", JSON, after()),
        ("representation-is-preferred-by-a-test-alone", representation, "\"1\"", JSON, before()),
        ("representation-of-an-insertion-is-preferred", representation, "\"2\"", JSON, inserted),
        ("undo-is-preferred", undo, "\"2\"", PATCH, count),
        ("undo-is-preferred-to-the-representation", undo, "\"2\"", PATCH, name),
        ("undo-of-a-merge-patch-is-preferred", undo, "\"2\"", PATCH, whole()),
    ]
}

/// The event's file, and the problem details that it is answered by.
fn problems() -> Vec<(&'static str, Value)> {
    let problem = |status: i64, title: &str, code: &str, message: &str, detail: &str| {
        json!({
            "type": "about:blank", "title": title, "status": status, "detail": detail,
            "code": code, "message": message
        })
    };
    let unprocessable =
        |code, message, detail| problem(422, "Unprocessable Content", code, message, detail);
    let with = |mut problem: Value, members: Value| {
        problem.as_object_mut().unwrap().append(&mut members.as_object().unwrap().clone());
        problem
    };
    let state = "The change does not fit the current state. Please reload and try again.";
    let invalid = "The request contains data that is not allowed.";
    vec![
        (
            "problem-details-are-of-a-stale-etag",
            problem(
                412,
                "Precondition Failed",
                "OperationCannotBePerformed",
                state,
                "the option's version is not one that `If-Match` names",
            ),
        ),
        (
            "problem-details-are-preferred",
            with(
                unprocessable(
                    "OperationCannotBePerformed",
                    state,
                    "operation 0 (`add` `/list/5`): the array index is out of range, the array \
                     has 2 elements",
                ),
                json!({"operation": 0, "pointer": "/list/5", "reason": "index-out-of-range"}),
            ),
        ),
        (
            "problem-details-name-a-limit",
            with(
                unprocessable(
                    "RequestIsNotValid",
                    invalid,
                    "operation 0: `value` at `path` is nested deeper than 31 objects and arrays",
                ),
                json!({"operation": 0, "reason": "too-deep", "limit": 31}),
            ),
        ),
        (
            "problem-details-name-a-member",
            with(
                unprocessable(
                    "RequestIsNotValid",
                    invalid,
                    "the member at `/name/text` occurs more than once",
                ),
                json!({"pointer": "/name/text", "reason": "member-repeated"}),
            ),
        ),
        (
            "problem-details-name-a-place",
            with(
                unprocessable(
                    "RequestIsNotValid",
                    invalid,
                    "operation 0: a member occurs more than once in `value`, as `/name/text` of \
                     the document",
                ),
                json!({"operation": 0, "pointer": "/name/text", "reason": "member-repeated"}),
            ),
        ),
        (
            "problem-details-name-the-rules",
            with(
                unprocessable(
                    "RequestIsNotValid",
                    invalid,
                    "operation 1 (`add` `/recipients/-`): `/recipients/2` breaks the rule `format` \
                     \"email\", and 1 more",
                ),
                json!({
                    "operation": 1, "pointer": "/recipients/2", "reason": "rule-broken",
                    "keyword": "format",
                    "violations": [
                        {"pointer": "/recipients/2", "reason": "rule-broken", "keyword": "format"},
                        {"pointer": "/retries", "reason": "rule-broken", "keyword": "maximum"}
                    ]
                }),
            ),
        ),
    ]
}

type Refused = (&'static str, i64, &'static str, &'static str, &'static str);

/// The event's file, status, code, message and info.
const REFUSED: &[Refused] = &[
    (
        "alias-is-of-another-organization",
        403,
        "NoPermissions",
        "You do not have permission to do this.",
        "the alias in `OrganizationAlias` is of another organization",
    ),
    (
        "alias-is-unknown",
        404,
        "AliasIsNotFound",
        "No organization with this alias was found.",
        "no organization has the alias in `OrganizationAlias`",
    ),
    (
        "body-is-latin-1",
        422,
        "BadRequest",
        "The request could not be read.",
        "the body holds the character U+FFFD, which may stand for bytes that were not UTF-8; JSON \
         can say it as `\\ufffd`",
    ),
    (
        "http-api-body-is-latin-1",
        422,
        "BadRequest",
        "The request could not be read.",
        "the body is not UTF-8, from byte 48",
    ),
    (
        "body-is-not-json",
        422,
        "BadRequest",
        "The request could not be read.",
        "the body is not JSON, at line 1 column 3",
    ),
    (
        "caller-is-anonymous",
        401,
        "Unauthorized",
        "Please sign in.",
        "the request carries no verified identity",
    ),
    (
        "caller-is-of-another-organization",
        403,
        "NoPermissions",
        "You do not have permission to do this.",
        "the caller does not belong to this organization",
    ),
    (
        "caller-lacks-the-write-scope",
        403,
        "NoPermissions",
        "You do not have permission to do this.",
        "the caller lacks the scope that permits changing options",
    ),
    (
        "client-identifier-is-unknown",
        422,
        "RequestIsNotValid",
        "The request contains data that is not allowed.",
        "expected the header `ClientIdentifier` to be one of Unknown, App, WebApp, Service, Android",
    ),
    (
        "database-denies-access",
        500,
        "InternalServerError",
        "Something went wrong on our side. Please try again later.",
        "request request-0",
    ),
    (
        "database-does-not-answer",
        500,
        "TryLater",
        "This could not be finished now. Please try again in a moment.",
        "the database failed to answer; whether the change was made is not known",
    ),
    (
        "dry-run-fails",
        422,
        "OperationCannotBePerformed",
        "The change does not fit the current state. Please reload and try again.",
        "operation 0 (`test` `/count`): the value is not equal to the one in the document",
    ),
    (
        "dry-run-has-a-key-of-another-request",
        422,
        "Duplicate",
        "This request has already been used for another change.",
        "the `Idempotency-Key` was used with another request",
    ),
    (
        "dry-run-is-malformed",
        422,
        "RequestIsNotValid",
        "The request contains data that is not allowed.",
        "expected the query parameter `dryRun` to be `All`, once",
    ),
    (
        "dry-run-is-repeated",
        422,
        "RequestIsNotValid",
        "The request contains data that is not allowed.",
        "expected the query parameter `dryRun` to be `All`, once",
    ),
    (
        "etag-is-excluded",
        412,
        "OperationCannotBePerformed",
        "The change does not fit the current state. Please reload and try again.",
        "the option's version is one that `If-None-Match` names",
    ),
    (
        "etag-is-stale",
        412,
        "OperationCannotBePerformed",
        "The change does not fit the current state. Please reload and try again.",
        "the option's version is not one that `If-Match` names",
    ),
    (
        "idempotency-key-is-malformed",
        422,
        "RequestIsNotValid",
        "The request contains data that is not allowed.",
        "expected the header `Idempotency-Key` to be a quoted string of 1 to 255 visible characters",
    ),
    (
        "idempotency-key-was-used-for-another-request",
        422,
        "Duplicate",
        "This request has already been used for another change.",
        "the `Idempotency-Key` was used with another request",
    ),
    (
        "if-match-is-malformed",
        422,
        "RequestIsNotValid",
        "The request contains data that is not allowed.",
        "expected the header `If-Match` to be `*`, or at most 99 entity tags",
    ),
    (
        "index-is-out-of-range",
        422,
        "OperationCannotBePerformed",
        "The change does not fit the current state. Please reload and try again.",
        "operation 0 (`add` `/list/5`): the array index is out of range, the array has 2 elements",
    ),
    (
        "media-type-is-not-json",
        422,
        "BadRequest",
        "The request could not be read.",
        "expected the content type `application/json-patch+json`, `application/merge-patch+json`, \
         `application/json`, `text/json` or `application/*+json`",
    ),
    (
        "merge-patch-is-not-an-object",
        422,
        "RequestIsNotValid",
        "The request contains data that is not allowed.",
        "expected an object, or an array of operations",
    ),
    (
        "member-occurs-twice",
        422,
        "RequestIsNotValid",
        "The request contains data that is not allowed.",
        "operation 0: a member occurs more than once",
    ),
    (
        "member-of-a-value-occurs-twice",
        422,
        "RequestIsNotValid",
        "The request contains data that is not allowed.",
        "operation 0: a member occurs more than once in `value`, as `/name/text` of the document",
    ),
    (
        "number-has-too-many-digits",
        422,
        "RequestIsNotValid",
        "The request contains data that is not allowed.",
        "operation 0: `value`: a number has more than 38 significant digits",
    ),
    (
        "option-does-not-exist",
        404,
        "NotFound",
        "This was not found. It may have been deleted.",
        "the organization has no such option",
    ),
    (
        "option-guid-is-not-a-guid",
        422,
        "RequestIsNotValid",
        "The request contains data that is not allowed.",
        "expected the path parameter `option_guid` to be a GUID",
    ),
    (
        "option-is-archived",
        422,
        "NotAllowedForArchived",
        "This is archived and can no longer be changed.",
        "the option is archived",
    ),
    (
        "option-is-contended",
        429,
        "TryLater",
        "This could not be finished now. Please try again in a moment.",
        "other changes of this option were faster; nothing was changed",
    ),
    (
        "option-is-throttled",
        429,
        "TooManyRequests",
        "There are too many requests at the moment. Please wait a little and try again.",
        "the database limits the rate of requests; nothing was changed",
    ),
    (
        "patch-lacks-a-value",
        422,
        "RequestIsNotValid",
        "The request contains data that is not allowed.",
        "operation 0: `value` is missing",
    ),
    (
        "path-is-missing-from-the-document",
        422,
        "OperationCannotBePerformed",
        "The change does not fit the current state. Please reload and try again.",
        "operation 0 (`remove` `/nope`): no such value in the document",
    ),
    (
        "problem-details-are-not-preferred",
        422,
        "OperationCannotBePerformed",
        "The change does not fit the current state. Please reload and try again.",
        "operation 0 (`test` `/count`): the value is not equal to the one in the document",
    ),
    (
        "rule-is-broken",
        422,
        "RequestIsNotValid",
        "The request contains data that is not allowed.",
        "operation 0 (`replace` `/theme`): `/theme` breaks the rule `enum` [\"light\",\"dark\"]",
    ),
    (
        "test-fails",
        422,
        "OperationCannotBePerformed",
        "The change does not fit the current state. Please reload and try again.",
        "operation 0 (`test` `/count`): the value is not equal to the one in the document",
    ),
    (
        "test-fails-in-russian",
        422,
        "OperationCannotBePerformed",
        "Изменение не подходит к текущему состоянию. Обновите данные и повторите попытку.",
        "operation 0 (`test` `/count`): the value is not equal to the one in the document",
    ),
    (
        "value-is-read-only",
        422,
        "NotAllowed",
        "This is not allowed.",
        "operation 0 (`replace` `/plan`): `/plan` is read-only",
    ),
];

/// The headers that the answer has beside its media type and language.
fn headers_of(name: &str, status: i64, code: &str) -> &'static [(&'static str, &'static str)] {
    match (status, code) {
        (401, _) => &[("www-authenticate", "Bearer")],
        (429, _) => &[("retry-after", "1")],
        // What was decided on the stored option says on which version.
        (412, _) | (422, "OperationCannotBePerformed" | "NotAllowedForArchived" | "NotAllowed") => {
            &[("etag", "\"1\"")]
        }
        _ if name == "rule-is-broken" || name == "problem-details-name-the-rules" => {
            &[("etag", "\"1\"")]
        }
        _ if name == "media-type-is-not-json" => &[(
            "accept-patch",
            "application/json-patch+json, application/merge-patch+json, application/json, text/json",
        )],
        _ => &[],
    }
}

fn read(name: &str) -> Value {
    let text = fs::read_to_string(Path::new(FOLDER).join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

async fn engine() -> Engine {
    let engine = Engine::start().await.with(AccessRules::default(), sample_rules());
    engine.behind(sample::fault, TIME).await
}

#[test]
fn every_event_is_replayed() {
    let files = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().file_name());
    let files: BTreeSet<_> = files.map(|name| name.into_string().unwrap()).collect();
    let names = applied().into_iter().map(|each| each.0).chain(REFUSED.iter().map(|each| each.0));
    let names = names.chain(UNCHANGED.iter().map(|each| each.0));
    let names = names.chain(shown().into_iter().map(|each| each.0));
    let names = names.chain(problems().into_iter().map(|each| each.0));
    assert_eq!(files, names.map(|name| format!("{name}.json")).collect());
}

/// The rows of `docs/api.md` name every event once, beside the status and code that it is replayed
/// to here.
#[test]
fn every_event_is_in_the_row_of_its_answer() {
    let applied = applied().into_iter().map(|each| each.0);
    let succeeded = applied.chain(UNCHANGED.iter().map(|each| each.0));
    let succeeded = succeeded.map(|name| (name.to_owned(), (204, String::new())));
    let refused = REFUSED
        .iter()
        .map(|&(name, status, code, ..)| (name.to_owned(), (status, code.to_owned())));
    let shown = shown().into_iter().map(|(name, _, _, media_type, _)| {
        let status = if media_type.is_empty() { 204 } else { 200 };
        (name.to_owned(), (status, String::new()))
    });
    let problems = problems().into_iter().map(|(name, problem)| {
        let code = problem["code"].as_str().unwrap().to_owned();
        (name.to_owned(), (problem["status"].as_i64().unwrap(), code))
    });
    let replayed: BTreeMap<_, _> = succeeded.chain(shown).chain(refused).chain(problems).collect();

    let mut documented = BTreeMap::new();
    let mut answers = BTreeSet::new();
    for row in docs::rows(&docs::section("docs/api.md", "Answers")) {
        let [status, code, _, names] = &*row else { panic!("{row:?}") };
        let answer = (status.parse::<i64>().unwrap(), code.clone());
        assert!(answers.insert(answer.clone()), "two rows of {answer:?}");
        let names = docs::quoted(names);
        assert!(!names.is_empty(), "no event for {answer:?}");
        for name in names {
            let twice = documented.insert(name.clone(), answer.clone());
            assert_eq!(twice, None, "{name} is in two rows");
        }
    }
    assert_eq!(documented, replayed);
}

#[tokio::test]
async fn what_is_applied_is_answered_by_204_and_the_new_version() {
    for (name, document) in applied() {
        let engine = engine().await;
        let answer = engine.send(read(name)).await;
        assert_eq!((answer.status, &answer.body), (204, &Value::Null), "{name}: {answer:?}");
        // A transaction without `If-Match` does not tell the version.
        let tag = (name != "idempotency-key-is-new").then(|| ("etag".into(), "\"2\"".into()));
        assert_eq!(answer.headers, tag.into_iter().collect(), "{name}");
        let option = read(name)["pathParameters"]["option_guid"].clone();
        let stored = engine.stored(option.as_str().unwrap()).await;
        assert_eq!(stored, (document, "2".into()), "{name}");
    }
}

/// The event's file, and what its answer has beside an `ETag` of the same version.
const UNCHANGED: &[(&str, &[(&str, &str)])] = &[
    ("dry-run-has-a-key-that-is-new", &[]),
    ("dry-run-has-a-key-that-was-used", &[("idempotency-replayed", "true")]),
    ("dry-run-succeeds", &[]),
    ("http-api-event-is-a-dry-run", &[]),
    ("idempotency-key-was-used-for-this", &[("idempotency-replayed", "true")]),
    ("numbers-are-equal-by-value", &[]),
    // The first answer is not kept, and a later writer's document must not be shown for it.
    ("representation-of-a-replay-is-preferred", &[("idempotency-replayed", "true")]),
];

#[tokio::test]
async fn what_changes_nothing_is_answered_by_204_and_the_same_version() {
    for (name, headers) in UNCHANGED {
        let engine = engine().await;
        let before = engine.everything().await;
        let answer = engine.send(read(name)).await;
        assert_eq!((answer.status, &answer.body), (204, &Value::Null), "{name}: {answer:?}");
        let headers = headers.iter().chain(&[("etag", "\"1\"")]);
        let headers = headers.map(|&(name, value)| (name.into(), value.into()));
        assert_eq!(answer.headers, headers.collect(), "{name}");
        assert_eq!(engine.everything().await, before, "{name}");
    }
}

/// A change is shown as it is stored afterwards, and its undo patch takes it back. What is not a
/// change leaves everything as it was.
#[tokio::test]
async fn what_is_preferred_is_shown_of_the_change() {
    for (name, applied, etag, media_type, body) in shown() {
        let engine = engine().await;
        let (everything, before) = (engine.everything().await, engine.stored(OPTION).await);
        let answer = engine.send(read(name)).await;
        let status = if media_type.is_empty() { 204 } else { 200 };
        assert_eq!((answer.status, &answer.body), (status, &body), "{name}: {answer:?}");
        let mut headers = vec![("etag", etag), ("preference-applied", applied)];
        headers.extend((!media_type.is_empty()).then_some(("content-type", media_type)));
        let headers = headers.into_iter().map(|(name, value)| (name.into(), value.into()));
        assert_eq!(answer.headers, headers.collect(), "{name}");
        if etag == "\"1\"" {
            assert_eq!(engine.everything().await, everything, "{name}");
            continue;
        }
        let after = engine.stored(OPTION).await;
        assert_eq!(after.1, "2", "{name}");
        match applied {
            "return=representation" => assert_eq!(after.0, body, "{name}"),
            "undo" => {
                let undo = with_header(event(OPTION, &body), "If-Match", etag);
                assert_eq!(engine.send(undo).await.status, 204, "{name}");
                assert_eq!(engine.stored(OPTION).await, (before.0, "3".into()), "{name}");
            }
            _ => assert_ne!(after.0, before.0, "{name}"),
        }
    }
}

#[tokio::test]
async fn what_is_refused_is_explained_by_problem_details_where_they_are_preferred() {
    for (name, problem) in problems() {
        let engine = engine().await;
        let before = engine.everything().await;
        let answer = engine.send(read(name)).await;
        let (status, code) = (answer.status, problem["code"].as_str().unwrap());
        assert_eq!((json!(status), &answer.body), (problem["status"].clone(), &problem), "{name}");
        let mut headers =
            vec![("content-type", "application/problem+json"), ("content-language", "en")];
        headers.extend(headers_of(name, status, code));
        let headers = headers.into_iter().map(|(name, value)| (name.into(), value.into()));
        assert_eq!(answer.headers, headers.collect(), "{name}");
        assert_eq!(engine.everything().await, before, "{name}");
    }
}

#[tokio::test]
async fn what_is_refused_is_explained_and_changes_nothing() {
    for &(name, status, code, message, info) in REFUSED {
        let engine = engine().await;
        let before = engine.everything().await;
        let answer = engine.send(read(name)).await;
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        let expected = json!({"code": code, "message": message, "info": info});
        assert_eq!(answer.body, expected, "{name}");
        let language = if name == "test-fails-in-russian" { "ru" } else { "en" };
        let mut headers =
            vec![("content-type", "application/json"), ("content-language", language)];
        headers.extend(headers_of(name, status, code));
        let headers = headers.into_iter().map(|(name, value)| (name.into(), value.into()));
        assert_eq!(answer.headers, headers.collect(), "{name}");
        assert_eq!(engine.everything().await, before, "{name}");
    }
}
