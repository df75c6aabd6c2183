//! Limits, hostile input and numbers.

use serde_json::{Value, json};

use crate::engine::{Engine, OPTION, event};

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
    let why = "the document would take about 500013 bytes, an option holds at most 409600";
    engine.refuses(event(OPTION, &patch), (422, "RequestIsNotValid", why)).await;
    let copies: Vec<_> =
        (0..30).map(|n| json!({"op": "copy", "from": "", "path": format!("/c{n}")})).collect();
    let why = "operation 1 (`copy` `/c1`): the document would grow past 614400 bytes";
    engine.refuses(event(OPTION, &json!(copies)), (422, "RequestIsNotValid", why)).await;
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
