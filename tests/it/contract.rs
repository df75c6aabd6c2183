//! The rows of the contract's table.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::engine::{ABSENT, ARCHIVED, Engine, OPTION, ORG, OTHER_ORG, event, with_header};

fn rename() -> Value {
    json!([{"op": "replace", "path": "/name", "value": "Pickup"}])
}

#[tokio::test]
async fn a_patch_is_applied_and_answered_by_its_version() {
    let engine = Engine::start().await;
    let answer = engine.send(event(OPTION, &rename())).await;
    assert_eq!((answer.status, &answer.body), (204, &Value::Null));
    assert_eq!(answer.headers.len(), 1);
    assert_eq!(answer.headers["etag"], "\"2\"");
    let document = json!({"name": "Pickup", "list": [1, 2], "count": 1});
    assert_eq!(engine.stored(OPTION).await, (document, "2".into()));
    let item = engine.item(OPTION).await.unwrap();
    assert_eq!(item["updatedBy"].as_s().unwrap(), "ann");
    assert_eq!(item["updatedAt"].as_s().unwrap().len(), "2026-01-01T00:00:00.000Z".len());
    assert!(item.contains_key("lastWrite"));
}

#[tokio::test]
async fn http_api_events_and_base64_bodies_are_read_too() {
    let engine = Engine::start().await;
    let body = STANDARD.encode(rename().to_string());
    let answer = engine
        .send(json!({
            "version": "2.0",
            "pathParameters": {"org_guid": ORG.to_uppercase(), "option_guid": OPTION},
            "headers": {"content-type": "text/json"},
            "body": body,
            "isBase64Encoded": true,
            "requestContext": {"authorizer": {"jwt": {
                "claims": {"sub": "ann", "custom:org_guid": format!("[{OTHER_ORG} {ORG}]")},
                "scopes": ["options/write"]
            }}}
        }))
        .await;
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(engine.stored(OPTION).await.0["name"], "Pickup");
}

#[tokio::test]
async fn tests_alone_write_nothing() {
    let engine = Engine::start().await;
    let before = engine.item(OPTION).await;
    for patch in [json!([]), json!([{"op": "test", "path": "/count", "value": 1.0}])] {
        let answer = engine.send(event(OPTION, &patch)).await;
        assert_eq!((answer.status, &*answer.headers["etag"]), (204, "\"1\""));
    }
    assert_eq!(engine.item(OPTION).await, before);
}

#[tokio::test]
async fn a_caller_without_identity_is_asked_for_one() {
    let engine = Engine::start().await;
    let mut anonymous = event(OPTION, &rename());
    anonymous["requestContext"] = Value::Null;
    let why = "the request carries no verified identity";
    let answer = engine.refuses(anonymous, (401, "Unauthorized", why)).await;
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
    assert_eq!(answer.body["message"], "Please sign in.");
}

#[tokio::test]
async fn a_caller_from_elsewhere_learns_nothing() {
    let engine = Engine::start().await;
    let mut foreign = event(ABSENT, &json!("not a patch"));
    foreign["requestContext"]["authorizer"]["claims"]["custom:org_guid"] = json!(OTHER_ORG);
    let why = "the caller does not belong to this organization";
    engine.refuses(foreign, (403, "NoPermissions", why)).await;
    let mut reader = event(OPTION, &rename());
    reader["requestContext"]["authorizer"]["claims"]["scope"] = json!("options/read");
    let why = "the caller lacks the scope that permits changing options";
    engine.refuses(reader, (403, "NoPermissions", why)).await;
}

#[tokio::test]
async fn an_alias_must_be_the_organizations_own() {
    let engine = Engine::start().await;
    let named = |alias| with_header(event(OPTION, &rename()), "OrganizationAlias", alias);
    let why = "no organization has the alias in `OrganizationAlias`";
    engine.refuses(named("nobody"), (404, "AliasIsNotFound", why)).await;
    let why = "the alias in `OrganizationAlias` is of another organization";
    engine.refuses(named("umbrella"), (403, "NoPermissions", why)).await;
    assert_eq!(engine.send(named("ACME")).await.status, 204);
}

#[tokio::test]
async fn an_option_must_be_there_and_not_archived() {
    let engine = Engine::start().await;
    let why = "the organization has no such option";
    engine.refuses(event(ABSENT, &rename()), (404, "NotFound", why)).await;
    let archived = (422, "NotAllowedForArchived", "the option is archived");
    engine.refuses(event(ARCHIVED, &rename()), archived).await;
}

#[tokio::test]
async fn a_body_must_be_json_of_a_json_type() {
    let engine = Engine::start().await;
    let ok = event(OPTION, &rename());
    let mut no_json = ok.clone();
    no_json["body"] = json!("[{]");
    let why = "the body is not JSON, at line 1 column 3";
    engine.refuses(no_json, (422, "BadRequest", why)).await;
    let mut latin1 = ok.clone();
    latin1["body"] = json!(STANDARD.encode(b"[\"\xe4\"]"));
    latin1["isBase64Encoded"] = json!(true);
    let why = "the body is not UTF-8, from byte 2";
    engine.refuses(latin1, (422, "BadRequest", why)).await;
    let mut no_base64 = ok.clone();
    no_base64["isBase64Encoded"] = json!(true);
    engine.refuses(no_base64, (422, "BadRequest", "the body is not base64")).await;
    let charset = with_header(ok.clone(), "Content-Type", "application/json; charset=latin1");
    engine.refuses(charset, (422, "BadRequest", "expected the charset UTF-8")).await;
    let answer = engine.send(with_header(ok, "Content-Type", "text/plain")).await;
    assert_eq!((answer.status, &answer.body["code"]), (422, &json!("BadRequest")));
}

#[tokio::test]
async fn a_patch_must_be_valid() {
    let engine = Engine::start().await;
    let patch = json!([{"op": "add", "path": "/a"}]);
    let why = "operation 0: `value` is missing";
    engine.refuses(event(OPTION, &patch), (422, "RequestIsNotValid", why)).await;
    let mut path = event(OPTION, &rename());
    path["pathParameters"]["option_guid"] = json!("/../");
    let why = "expected the path parameter `option_guid` to be a GUID";
    engine.refuses(path, (422, "RequestIsNotValid", why)).await;
    let client = with_header(event(OPTION, &rename()), "clientidentifier", "Toaster");
    let why = "expected the header `ClientIdentifier` to be one of Unknown, App, WebApp, Service, \
               Android";
    engine.refuses(client, (422, "RequestIsNotValid", why)).await;
}

#[tokio::test]
async fn a_patch_must_fit_the_document_and_is_all_or_nothing() {
    let engine = Engine::start().await;
    for (last, why) in [
        (
            json!({"op": "remove", "path": "/nope"}),
            "(`remove` `/nope`): no such value in the document",
        ),
        (
            json!({"op": "test", "path": "/count", "value": 2}),
            "(`test` `/count`): the value is not equal to the one in the document",
        ),
        (
            json!({"op": "add", "path": "/list/9", "value": 2}),
            "(`add` `/list/9`): the array index is out of range, the array has 2 elements",
        ),
    ] {
        let patch = json!([{"op": "replace", "path": "/name", "value": "Pickup"}, last]);
        let why = format!("operation 1 {why}");
        engine.refuses(event(OPTION, &patch), (422, "OperationCannotBePerformed", why)).await;
    }
}

#[tokio::test]
async fn a_message_is_in_the_callers_language() {
    let engine = Engine::start().await;
    let why = "the organization has no such option";
    for (header, value, language, message) in [
        ("Language", "ru-RU", "ru", "Запись не найдена. Возможно, она была удалена."),
        (
            "Accept-Language",
            "de;q=0.9, ru;q=0.1",
            "ru",
            "Запись не найдена. Возможно, она была удалена.",
        ),
        ("Language", "tlh", "en", "This was not found. It may have been deleted."),
    ] {
        let event = with_header(event(ABSENT, &rename()), header, value);
        let answer = engine.refuses(event, (404, "NotFound", why)).await;
        assert_eq!(answer.headers["content-language"], language);
        assert_eq!(answer.body["message"], message);
    }
}
