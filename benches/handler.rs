//! One request from event to answer, against an engine in this process: its CPU time and its
//! allocations, the engine's included. Look at how both grow.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use divan::{AllocProfiler, Bencher};
use json_patch_dynamodb::to_attribute;
use local::{engine, sample, table};
use serde_json::{Value, json};
use tokio::{runtime::Runtime, time::Instant};
use update_organization_option::{
    Handler, Invocation,
    authorize::AccessRules,
    request::Event,
    store::{ATTEMPT_TIMEOUT, Store, StoreConfig, Trust, http_client, timeouts},
};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

struct Stage {
    runtime: Runtime,
    handler: Handler,
}

/// A handler and an option of about this many bytes.
fn stage(bytes: usize) -> Stage {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = runtime.block_on(async {
        let endpoint = engine::start().await.unwrap();
        let client =
            local::client(&endpoint, http_client(Trust::Anyone), timeouts(ATTEMPT_TIMEOUT));
        table::prepare(&client, "options").await.unwrap();
        let text = |n: usize| json!({"name": "x".repeat(80), "amount": n});
        let padding: Vec<_> = (0..bytes / 100).map(text).collect();
        let AttributeValue::M(item) = to_attribute(json!({
            "pk": format!("ORG#{}", sample::ORG),
            "sk": format!("OPTION#{}", sample::OPTION),
            "document": {"name": "Delivery", "list": [0], "padding": padding},
            "version": 1
        })) else {
            unreachable!()
        };
        client.put_item().table_name("options").set_item(Some(item)).send().await.unwrap();
        client
    });
    let handler =
        Handler::new(Store::new(client, StoreConfig::new("options")), AccessRules::default());
    Stage { runtime, handler }
}

fn event(patch: &Value, key: Option<&str>) -> Event {
    let mut event = json!({
        "pathParameters": {"org_guid": sample::ORG, "option_guid": sample::OPTION},
        "headers": {"Content-Type": "application/json-patch+json"},
        "body": patch.to_string(),
        "requestContext": {"authorizer": {"claims": {
            "sub": "ann", "custom:org_guid": sample::ORG, "scope": "options/write"
        }}}
    });
    if let Some(key) = key {
        event["headers"]["Idempotency-Key"] = json!(key);
    }
    serde_json::from_value(event).unwrap()
}

fn send(runtime: &Runtime, handler: &Handler, event: &Event) {
    let invocation = Invocation {
        request_id: "bench".into(),
        trace_id: None,
        deadline: Instant::now() + Duration::from_mins(1),
    };
    let answer = runtime.block_on(handler.handle(event, &invocation));
    assert_eq!(answer.status_code, 204);
}

fn bench(bencher: Bencher<'_, '_>, bytes: usize, patch: &Value) {
    let Stage { runtime, handler } = stage(bytes);
    let event = event(patch, None);
    bencher.bench_local(|| send(&runtime, &handler, &event));
}

const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 380_000];

#[divan::bench(args = SIZES)]
fn direct_by_document_size(bencher: Bencher<'_, '_>, bytes: usize) {
    bench(bencher, bytes, &json!([{"op": "replace", "path": "/name", "value": "Pickup"}]));
}

#[divan::bench(args = SIZES)]
fn rewrite_by_document_size(bencher: Bencher<'_, '_>, bytes: usize) {
    bench(bencher, bytes, &rewrite(1));
}

#[divan::bench(args = [1_usize, 10, 100, 1_000])]
fn rewrite_by_operations(bencher: Bencher<'_, '_>, count: usize) {
    bench(bencher, 1_000, &rewrite(count));
}

/// As many operations, of which the last puts a stored value into what another has made. No single
/// update says that.
fn rewrite(count: usize) -> Value {
    let mut operations =
        vec![json!({"op": "replace", "path": "/list", "value": [{}]}); count.max(2) - 1];
    operations.push(json!({"op": "copy", "from": "/name", "path": "/list/0/name"}));
    operations.into()
}

/// Whether the request has an `Idempotency-Key`, a new one each time.
#[divan::bench(args = [false, true])]
fn direct_with_a_key(bencher: Bencher<'_, '_>, has_key: bool) {
    let Stage { runtime, handler } = stage(1_000);
    let patch = json!([{"op": "replace", "path": "/name", "value": "Pickup"}]);
    let mut number = 0;
    bencher.bench_local(|| {
        number += 1;
        let key = has_key.then(|| format!("key-{number}"));
        send(&runtime, &handler, &event(&patch, key.as_deref()));
    });
}
