//! An option keeps its rules in every way in which it can be changed, and without a read wherever the
//! place that is changed is enough to tell. That the rules mean what JSON Schema says is tested in
//! `crates/proof/tests`.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use update_organization_option::{authorize::AccessRules, rules::OptionRules};

use crate::{
    answers::{dry, operations, watched},
    engine::{Engine, OPTION, event, with_header},
};

/// These rules for every option.
fn rules(schema: &Value) -> OptionRules {
    OptionRules::of_files(&[("default", &schema.to_string())]).unwrap()
}

async fn with(schema: &Value, document: &Value) -> Engine {
    let engine = Engine::start().await.with(AccessRules::default(), rules(schema));
    engine.put_option(OPTION, document.clone()).await;
    engine
}

fn form() -> Value {
    json!({
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "maxLength": 10},
            "count": {"type": "integer", "maximum": 5},
            "list": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3},
            "id": {"readOnly": true},
            "from": {"type": "string"},
            "to": {"type": "string"}
        },
        "dependentRequired": {"from": ["to"]},
        "additionalProperties": false
    })
}

fn document() -> Value {
    json!({"name": "Delivery", "count": 1, "list": [1, 2], "id": 7})
}

fn add(path: &str, value: &Value) -> Value {
    json!({"op": "add", "path": path, "value": value})
}

fn replace(path: &str, value: &Value) -> Value {
    json!({"op": "replace", "path": path, "value": value})
}

/// Patches that keep the rules, the requests that each takes, and what is asked of the stored document
/// for the rules.
#[tokio::test]
async fn a_change_that_keeps_the_rules_is_one_request() {
    let update = "UpdateItem";
    let both = ["GetItem", "UpdateItem"];
    for (patch, expected, asked) in [
        (json!([replace("/name", &json!("Pickup"))]), &[update][..], &[][..]),
        (json!([add("/count", &json!(5))]), &[update], &[]),
        (json!([add("/list/-", &json!(3))]), &[update], &["size(#document.#0)<=:1"]),
        (json!([replace("/list/0", &json!(3))]), &[update], &[]),
        (json!([add("/to", &json!("x"))]), &[update], &[]),
        (json!([add("/from", &json!("x")), add("/to", &json!("y"))]), &[update], &[]),
        (json!({"name": "Pickup", "count": null}), &[update], &[]),
        (json!([{"op": "remove", "path": "/list/0"}]), &[update], &["size(#document.#0)>=:0"]),
        (json!([{"op": "move", "from": "/list/0", "path": "/list/1"}]), &[update], &[]),
        // A stored value comes to other rules.
        (json!([{"op": "copy", "from": "/name", "path": "/to"}]), &both, &[]),
        // It is what it was.
        (json!([replace("/id", &json!(7))]), &both, &[]),
    ] {
        let (engine, requests) = watched().await;
        let engine = engine.with(AccessRules::default(), rules(&form()));
        engine.put_option(OPTION, document()).await;
        requests.lock().unwrap().clear();
        let answer = engine.send(event(OPTION, &patch)).await;
        assert_eq!(answer.status, 204, "{patch}: {answer:?}");
        let sent = requests.lock().unwrap().last().unwrap().1.clone();
        for condition in asked {
            let text = sent["ConditionExpression"].as_str().unwrap();
            assert!(text.contains(condition), "{patch}: {text}");
        }
        assert_eq!(operations(&requests), expected, "{patch}");
    }
}

#[tokio::test]
async fn a_change_that_breaks_a_rule_is_refused_and_named() {
    let (invalid, forbidden) = ("RequestIsNotValid", "NotAllowed");
    for (patch, code, info) in [
        (
            json!([replace("/count", &json!(2)), replace("/name", &json!(1))]),
            invalid,
            "operation 1 (`replace` `/name`): `/name` breaks the rule `type` \"string\"",
        ),
        (
            json!([{"op": "remove", "path": "/name"}]),
            invalid,
            "operation 0 (`remove` `/name`): the document breaks the rule `required` [\"name\"]: \
             `name` is missing",
        ),
        (
            json!([add("/list/-", &json!(3)), add("/list/-", &json!(4))]),
            invalid,
            "operation 1 (`add` `/list/-`): `/list` breaks the rule `maxItems` 3",
        ),
        (
            json!([{"op": "remove", "path": "/list/1"}, {"op": "remove", "path": "/list/0"}]),
            invalid,
            "operation 1 (`remove` `/list/0`): `/list` breaks the rule `minItems` 1",
        ),
        (
            json!([add("/from", &json!("x"))]),
            invalid,
            "operation 0 (`add` `/from`): the document breaks the rule `dependentRequired` \
             {\"from\":[\"to\"]}",
        ),
        (
            json!([add("/other", &json!(1))]),
            invalid,
            "operation 0 (`add` `/other`): the document breaks the rule `additionalProperties` false: \
             `other` is not allowed",
        ),
        (
            json!({"name": "far too long", "count": 6}),
            invalid,
            "`/count` breaks the rule `maximum` 5, and 1 more",
        ),
        (
            json!([replace("/name", &json!(1)), {"op": "remove", "path": "/id"}]),
            forbidden,
            "operation 1 (`remove` `/id`): `/id` is read-only, and 1 more",
        ),
        (json!({"id": 8}), forbidden, "`/id` is read-only"),
        (
            json!([{"op": "move", "from": "/id", "path": "/count"}]),
            forbidden,
            "operation 0 (`move` `/count`): `/id` is read-only, and 1 more",
        ),
    ] {
        // A patch that is tried answers alike, and so does one with a key.
        for kind in ["", "dry", "keyed"] {
            let engine = with(&form(), &document()).await;
            let event = match (kind, event(OPTION, &patch)) {
                ("dry", event) => dry(event),
                ("keyed", event) => with_header(event, "Idempotency-Key", "\"key\""),
                (_, event) => event,
            };
            engine.refuses(event, (422, code, info)).await;
            assert_eq!(engine.stored(OPTION).await, (document(), "1".into()), "{patch}");
        }
    }
}

/// What an option broke before holds up nobody who changes something else, or mends it.
#[tokio::test]
async fn an_old_violation_is_no_obstacle() {
    let broken = json!({"name": "far too long", "count": 9, "list": [1, 2, 3, 4], "extra": 1});
    let engine = with(&form(), &broken).await;
    for patch in [
        json!([add("/to", &json!("x"))]),
        // It stays broken, by the same rule.
        json!([replace("/count", &json!(8))]),
        json!([add("/other", &json!(1))]),
        json!([{"op": "remove", "path": "/list/0"}]),
        json!([replace("/name", &json!("Pickup")), {"op": "remove", "path": "/extra"}]),
    ] {
        assert_eq!(engine.send(event(OPTION, &patch)).await.status, 204, "{patch}");
    }
    let info = "operation 0 (`replace` `/name`): `/name` breaks the rule `maxLength` 10";
    let patch = json!([replace("/name", &json!("far too long"))]);
    engine.refuses(event(OPTION, &patch), (422, "RequestIsNotValid", info)).await;
}

/// The rules have become stricter after the change: its undo patch is a patch like any other.
#[tokio::test]
async fn an_undo_patch_keeps_the_rules_too() {
    let engine = with(&json!(true), &document()).await;
    let patch = json!([replace("/name", &json!("Pickup"))]);
    let answer = engine.send(with_header(event(OPTION, &patch), "Prefer", "undo")).await;
    assert_eq!(answer.body, json!([replace("/name", &json!("Delivery"))]));
    let stricter = json!({"properties": {"name": {"maxLength": 6}}});
    let engine = engine.with(AccessRules::default(), rules(&stricter));
    let info = "operation 0 (`replace` `/name`): `/name` breaks the rule `maxLength` 6";
    engine.refuses(event(OPTION, &answer.body), (422, "RequestIsNotValid", info)).await;
}

#[tokio::test]
async fn who_holds_the_rules_scope_may_change_what_is_read_only() {
    let with_scope = |scope: &str| {
        let mut event = event(OPTION, &json!([replace("/id", &json!(8))]));
        event["requestContext"]["authorizer"]["claims"]["scope"] = json!(scope);
        event
    };
    let refusal = (422, "NotAllowed", "operation 0 (`replace` `/id`): `/id` is read-only");
    let engine = with(&form(), &document()).await;
    // Without the configuration nobody may.
    engine.refuses(with_scope("options/write options/rules"), refusal).await;
    let access =
        AccessRules { rules_scope: Some("options/rules".into()), ..AccessRules::default() };
    let (watched, requests) = watched().await;
    let engine = watched.with(access, rules(&form()));
    engine.put_option(OPTION, document()).await;
    engine.refuses(with_scope("options/write"), refusal).await;
    requests.lock().unwrap().clear();
    let answer = engine.send(with_scope("options/write options/rules")).await;
    assert_eq!((answer.status, operations(&requests)), (204, vec!["UpdateItem".to_owned()]));
    // They keep the other rules.
    let mut other = event(OPTION, &json!([replace("/count", &json!(6))]));
    other["requestContext"]["authorizer"]["claims"]["scope"] = json!("options/write options/rules");
    let info = "operation 0 (`replace` `/count`): `/count` breaks the rule `maximum` 5";
    engine.refuses(other, (422, "RequestIsNotValid", info)).await;
}

/// The condition that a rule has become fails, or the document changes between read and write: the
/// document that is there decides.
#[tokio::test]
async fn a_race_breaks_no_rule() {
    let schema = json!({"properties": {"list": {"maxItems": 10}}, "maxProperties": 6});
    let engine = with(&schema, &json!({"list": []})).await;
    let patches = (0..20).map(|n| {
        if n % 2 == 0 {
            json!([add("/list/-", &json!(n))])
        } else {
            json!([add(&format!("/m{n}"), &json!(n))])
        }
    });
    let engine = Arc::new(engine);
    let mut tasks = JoinSet::new();
    for patch in patches {
        let engine = Arc::clone(&engine);
        tasks.spawn(async move { engine.send(event(OPTION, &patch)).await.status });
    }
    let answers = tasks.join_all().await;
    let applied = answers.iter().filter(|status| **status == 204).count();
    let (document, version) = engine.stored(OPTION).await;
    assert_eq!(document["list"].as_array().unwrap().len(), 10);
    assert_eq!(document.as_object().unwrap().len(), 6);
    assert_eq!((applied, &*version), (15, "16"));
}

/// Ten violations are told, and a document of many does not take long or much memory.
#[tokio::test]
async fn of_many_violations_ten_are_told() {
    let schema = json!({"properties": {"list": {"items": {"type": "string"}}}});
    let engine = with(&schema, &json!({"list": []})).await;
    let elements = vec![1; 100_000];
    let patch = json!([add("/list", &json!(elements))]);
    let preferred = with_header(event(OPTION, &patch), "Accept", "application/problem+json");
    let answer = engine.send(preferred).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.body["violations"].as_array().unwrap().len(), 10);
}
