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

use crate::{
    docs,
    engine::{Engine, OPTION},
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
        ("superfluous-members-are-ignored", json!({"name": "Pickup", "list": [1, 2]})),
        ("value-is-null", json!({"name": null, "list": [1, 2], "count": 1})),
        (
            "values-are-appended-copied-and-moved",
            json!({"name": "Delivery", "list": [2, 3], "copy": [1, 2, 3], "total": 1}),
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
        "expected the content type `application/json-patch+json`, `application/json`, `text/json` \
         or `application/*+json`",
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
];

/// The headers that the answer has beside its media type and language.
fn headers_of(code: &str, status: i64) -> &'static [(&'static str, &'static str)] {
    match (status, code) {
        (401, _) => &[("www-authenticate", "Bearer")],
        (429, _) => &[("retry-after", "1")],
        _ => &[],
    }
}

fn read(name: &str) -> Value {
    let text = fs::read_to_string(Path::new(FOLDER).join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

async fn engine() -> Engine {
    Engine::start().await.behind(sample::fault, TIME).await
}

#[test]
fn every_event_is_replayed() {
    let files = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().file_name());
    let files: BTreeSet<_> = files.map(|name| name.into_string().unwrap()).collect();
    let names = applied().into_iter().map(|each| each.0).chain(REFUSED.iter().map(|each| each.0));
    let names = names.chain(UNCHANGED.iter().map(|each| each.0));
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
    let replayed: BTreeMap<_, _> = succeeded.chain(refused).collect();

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
        assert_eq!(answer.headers, [("etag".into(), "\"2\"".into())].into(), "{name}");
        assert_eq!(engine.stored(OPTION).await, (document, "2".into()), "{name}");
    }
}

/// The event's file, and what its answer has beside an `ETag` of the same version.
const UNCHANGED: &[(&str, &[(&str, &str)])] = &[
    ("idempotency-key-was-used-for-this", &[("idempotency-replayed", "true")]),
    ("numbers-are-equal-by-value", &[]),
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
        headers.extend(headers_of(code, status));
        let headers = headers.into_iter().map(|(name, value)| (name.into(), value.into()));
        assert_eq!(answer.headers, headers.collect(), "{name}");
        assert_eq!(engine.everything().await, before, "{name}");
    }
}
