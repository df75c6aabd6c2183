//! Limits, hostile input and numbers.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::{
    bootstrap::Bootstrap,
    engine::{Engine, OPTION, event, with_header},
};

#[tokio::test]
async fn any_member_name_is_only_a_name() {
    let engine = Engine::start().await;
    let names = ["a.b", "#x", ":v", "__proto__", "a[0]", "size", "SELECT", "-", "0", "ключ", "a b"];
    let long = "k".repeat(10_000);
    for name in names.into_iter().chain([&*long]) {
        engine.put_option(OPTION, json!({})).await;
        let patch = json!([{"op": "add", "path": format!("/{name}"), "value": {name: 1}}]);
        let answer = engine.send(event(OPTION, &patch)).await;
        assert_eq!(answer.status, 204, "{name:.20}: {answer:?}");
        assert_eq!(engine.stored(OPTION).await.0, json!({name: {name: 1}}));
    }
}

#[tokio::test]
async fn numbers_come_back_digit_for_digit_and_compare_by_value() {
    let engine = Engine::start().await;
    let body = r#"[{"op":"add","path":"/n","value":[12345678901234567890123456789012345678,0.1234567890123456789,1e2]},
                   {"op":"test","path":"/n/2","value":100},{"op":"test","path":"/count","value":1.0}]"#;
    let mut exact = event(OPTION, &Value::Null);
    exact["body"] = json!(body);
    let answer = engine.send(exact).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(
        engine.stored(OPTION).await.0["n"].to_string(),
        "[12345678901234567890123456789012345678,0.1234567890123456789,100]"
    );
    for (number, why) in [
        ("9".repeat(39), "operation 0: `value`: a number has more than 38 significant digits"),
        ("1e126".into(), "operation 0: `value`: a number is not between 1e-130 and 1e126"),
    ] {
        let mut huge = event(OPTION, &Value::Null);
        huge["body"] = json!(format!(r#"[{{"op":"add","path":"/n","value":{number}}}]"#));
        engine.refuses(huge, (422, "RequestIsNotValid", why)).await;
    }
}

#[tokio::test]
async fn a_document_holds_at_most_what_an_item_does() {
    let engine = Engine::start().await;
    let text = "x".repeat(300_000);
    engine.put_option(OPTION, json!({"text": text})).await;
    let patch = json!([{"op": "add", "path": "/more", "value": "x".repeat(200_000)}]);
    let why = "the option would take more than 409600 bytes, of which its document 500013";
    engine.refuses(event(OPTION, &patch), (422, "RequestIsNotValid", why)).await;
    let copies: Vec<_> =
        (0..30).map(|n| json!({"op": "copy", "from": "", "path": format!("/c{n}")})).collect();
    let why = "operation 1 (`copy` `/c1`): the document would grow past 614400 bytes";
    engine.refuses(event(OPTION, &json!(copies)), (422, "RequestIsNotValid", why)).await;
}

/// DynamoDB says that an item is too large, whatever fills it.
#[tokio::test]
async fn what_is_too_large_is_refused_by_every_plan() {
    let keyed = |event| with_header(event, "Idempotency-Key", "key");
    let based = |event| with_header(event, "If-Match", "\"1\"");
    let as_it_is = |event| event;
    let requests: [&dyn Fn(Value) -> Value; 4] =
        [&as_it_is, &based, &keyed, &|event| keyed(based(event))];
    let engine = Engine::start().await;

    // Another program has put something into the item.
    engine.put_option(OPTION, json!({"list": []})).await;
    let note = AttributeValue::S("x".repeat(350_000));
    let update = engine.update_item(OPTION).update_expression("SET note=:note");
    update.expression_attribute_values(":note", note).send().await.unwrap();
    let text = "x".repeat(100_000);
    for patch in [
        json!([{"op": "add", "path": "/text", "value": text}]),
        json!([{"op": "add", "path": "/list/0", "value": text}]),
    ] {
        let bytes = if patch[0]["path"] == "/text" { 100_016 } else { 100_012 };
        let why =
            format!("the option would take more than 409600 bytes, of which its document {bytes}");
        for request in requests {
            let request = request(event(OPTION, &patch));
            engine.refuses(request, (422, "RequestIsNotValid", &*why)).await;
        }
    }

    // These numbers take more bytes than they have digits.
    let numbers = |count: usize| vec![json!(-1.5); count];
    engine.put_option(OPTION, json!({"list": numbers(60_000)})).await;
    let patch = json!([{"op": "add", "path": "/more", "value": numbers(25_000)}]);
    let why = "the option would take more than 409600 bytes, of which its document 425019";
    for request in requests {
        engine.refuses(request(event(OPTION, &patch)), (422, "RequestIsNotValid", why)).await;
    }
}

#[tokio::test]
async fn a_document_may_be_as_deep_as_the_limit_says() {
    let engine = Engine::start().await;
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    let patch = |levels| json!([{"op": "add", "path": "/deep", "value": nested(levels)}]);
    assert_eq!(engine.send(event(OPTION, &patch(30))).await.status, 204);
    let why = "operation 0: `value` at `path` is nested deeper than 31 objects and arrays";
    engine.refuses(event(OPTION, &patch(31)), (422, "RequestIsNotValid", why)).await;
}

/// A stored value is not lifted past the limit either, whatever the engine would take.
#[tokio::test]
async fn a_stored_value_may_not_get_too_deep() {
    let engine = Engine::start().await;
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!({"a": inner}));
    for (operation, why) in [
        (json!({"op": "copy", "from": "/deep", "path": "/more/deep"}), "(`copy` `/more/deep`)"),
        (json!({"op": "move", "from": "/deep", "path": "/more/deep"}), "(`move` `/more/deep`)"),
        (json!({"op": "copy", "from": "", "path": "/more"}), "(`copy` `/more`)"),
    ] {
        engine.put_option(OPTION, json!({"deep": nested(30), "more": {}})).await;
        let why = format!(
            "operation 0 {why}: the document would be nested deeper than 31 objects and arrays"
        );
        let patch = json!([operation]);
        engine.refuses(event(OPTION, &patch), (422, "RequestIsNotValid", why)).await;
        engine.put_option(OPTION, json!({"deep": nested(29), "more": {}})).await;
        assert_eq!(engine.send(event(OPTION, &patch)).await.status, 204);
    }
}

#[tokio::test]
async fn what_is_too_long_or_too_deep_is_refused() {
    let engine = Engine::start().await;
    let with_body = |body: String| {
        let mut event = event(OPTION, &Value::Null);
        event["body"] = json!(body);
        event
    };
    let long = with_body(" ".repeat(409_601));
    let why = "expected a body of at most 409600 bytes";
    engine.refuses(long, (422, "BadRequest", why)).await;

    let many = vec![json!({"op": "remove", "path": "/name"}); 1_001];
    let why = "expected at most 1000 operations, but found 1001";
    engine.refuses(event(OPTION, &json!(many)), (422, "RequestIsNotValid", why)).await;

    let deep = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let why = "operation 0: expected an object";
    engine.refuses(with_body(deep(10_000)), (422, "RequestIsNotValid", why)).await;
    let value = format!(r#"[{{"op":"add","path":"/deep","value":{}}}]"#, deep(10_000));
    let why = "operation 0: `value` at `path` is nested deeper than 31 objects and arrays";
    engine.refuses(with_body(value), (422, "RequestIsNotValid", why)).await;
    let why = "the body is not JSON, at line 1 column 10000";
    engine.refuses(with_body("[".repeat(10_000)), (422, "BadRequest", why)).await;

    let empty = json!([{"op": "add", "path": "/", "value": 1}]);
    let why = "operation 0: `path` has an empty member name, which DynamoDB cannot hold";
    engine.refuses(event(OPTION, &empty), (422, "RequestIsNotValid", why)).await;
}

#[tokio::test]
async fn a_header_that_breaks_its_rule_is_refused() {
    let engine = Engine::start().await;
    let rename = json!([{"op": "replace", "path": "/name", "value": "Pickup"}]);
    for (name, value, rule) in [
        ("ClientModel", "x".repeat(100_000), "at most 256 characters without control characters"),
        ("ClientName", "a\u{0}b".into(), "at most 256 characters without control characters"),
        ("OrganizationAlias", "a\r\nb".into(), "at most 256 characters without control characters"),
        ("ClientExtensions", "x".repeat(100_000), "at most 4096 characters"),
    ] {
        let event = with_header(event(OPTION, &rename), name, &value);
        let why = format!("expected the header `{name}` to be {rule}");
        engine.refuses(event, (422, "RequestIsNotValid", why)).await;
    }
    let answer =
        engine.send(with_header(event(OPTION, &rename), "Language", &"ru,".repeat(40_000))).await;
    assert_eq!(answer.status, 204, "{answer:?}");
}

/// Patches that would make much out of little, each with the end of its answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(target_os = "linux")]
async fn a_patch_that_makes_much_of_little_takes_no_memory() {
    let text = "x".repeat(350_000);
    let names: serde_json::Map<_, _> = (0..5)
        .map(|n| (format!("{n}{}", "n".repeat(60_000)), json!(1)))
        .chain([("z".to_owned(), json!(1))])
        .collect();
    let copies = |first: Value, then: &dyn Fn(usize) -> Vec<Value>, count: usize| {
        json!([first].into_iter().chain((0..count).flat_map(then)).collect::<Vec<_>>())
    };
    let appended = copies(
        json!({"op": "add", "path": "/a", "value": text}),
        &|_| vec![json!({"op": "copy", "from": "/a", "path": "/list/-"})],
        999,
    );
    let changed = copies(
        json!({"op": "add", "path": "/a", "value": {"t": text, "z": 0}}),
        &|n| {
            vec![
                json!({"op": "copy", "from": "/a", "path": format!("/b{n}")}),
                json!({"op": "replace", "path": format!("/b{n}/z"), "value": n}),
            ]
        },
        130,
    );
    let named = copies(
        json!({"op": "add", "path": "/a", "value": names}),
        &|n| {
            vec![
                json!({"op": "test", "path": "/a/z", "value": 1}),
                json!({"op": "copy", "from": "/a", "path": format!("/b{n}")}),
            ]
        },
        400,
    );
    for patch in [appended, changed, named] {
        let info = refused_in_little_memory(&Engine::start().await, &patch).await;
        assert!(info.ends_with("the document would grow past 614400 bytes"), "{info}");
    }
}

/// What is planned is copied before the document is known, and what is remembered of a document's shape
/// has its names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(target_os = "linux")]
async fn neither_planning_nor_remembering_takes_memory() {
    let removals = (0..290).map(|n| json!({"op": "remove", "path": format!("/a/m{n}")}));
    let doublings =
        (0..13).map(|n| json!({"op": "copy", "from": "/a", "path": format!("/a/x{n}")}));
    let patch: Vec<_> = removals.chain(doublings).collect();
    let info = refused_in_little_memory(&Engine::start().await, &json!(patch)).await;
    assert_eq!(info, "operation 0 (`remove` `/a/m0`): no such value in the document");

    let engine = Engine::start().await;
    let mut document = json!(vec![json!([]); 4_096]);
    for n in 0..20 {
        document = json!({format!("{n}{}", "n".repeat(16_000)): document});
    }
    engine.put_option(OPTION, document).await;
    let patch = json!([{"op": "remove", "path": "/nope"}]);
    let info = refused_in_little_memory(&engine, &patch).await;
    assert_eq!(info, "operation 0 (`remove` `/nope`): no such value in the document");
}

/// 30 doublings would make a terabyte of a kilobyte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(target_os = "linux")]
async fn a_chain_of_doubling_copies_takes_no_memory() {
    let engine = Engine::start().await;
    engine.put_option(OPTION, json!({"a": {"text": "x".repeat(1_000)}})).await;
    let copies: Vec<_> =
        (0..30).map(|n| json!({"op": "copy", "from": "/a", "path": format!("/a/c{n}")})).collect();
    let info = refused_in_little_memory(&engine, &json!(copies)).await;
    let why = "operation 9 (`copy` `/a/c9`): the document would grow past 614400 bytes";
    assert_eq!(info, why);
}

/// The `info` with which the deployed program refuses the patch. The patch takes less than 64 MiB
/// more than the program does when idle.
#[cfg(target_os = "linux")]
async fn refused_in_little_memory(engine: &Engine, patch: &Value) -> String {
    const ALLOWED_KIB: u64 = 64 * 1024;
    let mut bootstrap = Bootstrap::start(&[
        ("TABLE_NAME", engine.table()),
        ("AWS_ENDPOINT_URL_DYNAMODB", engine.address()),
    ])
    .await;
    // The program is idle, but its connection is open.
    let nothing = bootstrap.invoke(event(OPTION, &json!([]))).await;
    assert_eq!(nothing["statusCode"], 204, "{nothing}");
    let idle = bootstrap.memory("VmRSS");
    let answer = bootstrap.invoke(event(OPTION, patch)).await;
    assert_eq!(answer["statusCode"], 422, "{answer}");
    let peak = bootstrap.memory("VmHWM");
    assert!(peak - idle < ALLOWED_KIB, "idle {idle} KiB, then {peak} KiB");
    eprintln!("idle {idle} KiB, at most {peak} KiB");
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    body["info"].as_str().unwrap().to_owned()
}
