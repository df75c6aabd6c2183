//! What never reaches a log line.

use std::{fs, time::Duration};

use serde_json::{Value, json};

use crate::{
    bootstrap::Bootstrap,
    engine::{Engine, OPTION, event},
    sample,
};

const CANARY: &str = "c4n4ry";

/// The event with a canary wherever a client or an authorizer can put a secret.
fn with_canaries(event: &Value) -> Value {
    let mut text = event.to_string();
    // The values of the events' patches, in bodies that are readable.
    text = text.replace("Pickup", CANARY);
    let mut event: Value = serde_json::from_str(&text).unwrap();
    for headers in ["headers", "multiValueHeaders"] {
        let Some(headers) = event[headers].as_object_mut() else { continue };
        let list = headers.values().any(Value::is_array);
        for name in ["Authorization", "ClientExtensions", "Cookie", "X-Unknown"] {
            let value = format!("Bearer {CANARY}");
            headers.insert(name.into(), if list { json!([value]) } else { json!(value) });
        }
    }
    for claims in ["/requestContext/authorizer/claims", "/requestContext/authorizer/jwt/claims"] {
        if let Some(claims) = event.pointer_mut(claims) {
            for name in ["email", "phone_number", "name"] {
                claims[name] = json!(CANARY);
            }
        }
    }
    event
}

async fn logs_of_all_events(variables: &[(&str, &str)]) -> String {
    let engine = Engine::start().await.behind(sample::fault, Duration::from_secs(10)).await;
    engine.put_option(OPTION, json!({"name": CANARY, "list": [CANARY], "count": CANARY})).await;
    let mut all =
        vec![("TABLE_NAME", engine.table()), ("AWS_ENDPOINT_URL_DYNAMODB", engine.address())];
    all.extend(variables);
    let mut bootstrap = Bootstrap::start(&all).await;
    for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/events")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let answer = bootstrap.invoke(with_canaries(&serde_json::from_str(&text).unwrap())).await;
        assert!(answer["statusCode"].is_u64(), "{answer}");
    }
    // Not JSON, not a patch, and operations that fail, with the canary in the way of each.
    let path = format!("/{CANARY}");
    for patch in [
        json!(CANARY),
        json!([CANARY]),
        json!([{"op": CANARY}]),
        json!([{"op": "add", "path": CANARY, "value": 1}]),
        json!([{"op": "remove", "path": path}]),
        json!([{"op": "move", "from": path, "path": "/x"}]),
        json!([{"op": "test", "path": "/name", "value": format!("{CANARY}2")}]),
    ] {
        let answer = bootstrap.invoke(event(OPTION, &patch)).await;
        assert_eq!(answer["statusCode"], 422, "{answer}");
    }
    bootstrap.end()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_reaches_a_log_line_in_json() {
    let logs = logs_of_all_events(&[("AWS_LAMBDA_LOG_LEVEL", "TRACE")]).await;
    assert!(!logs.contains(CANARY), "{logs}");
    let mut lines = logs.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert!(lines.clone().count() > 40);
    assert!(lines.all(|line| line["timestamp"].is_string() && line["level"].is_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_reaches_a_log_line_in_text() {
    let logs = logs_of_all_events(&[("AWS_LAMBDA_LOG_FORMAT", "Text")]).await;
    assert!(!logs.contains(CANARY), "{logs}");
    assert!(logs.lines().count() > 40);
}
