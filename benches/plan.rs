//! What a patch costs: the exact number of requests to DynamoDB, and the time to plan them.
//!
//! `corpus.json` holds patches of options as clients send them. Their shapes follow the examples in
//! the public documentation of the APIs named there; the documents and values are made up.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use divan::{Bencher, black_box};
use json_patch_dynamodb::{Hints, Patch, Plan, to_attribute};
use local::{engine, sample, table};
use serde_json::{Value, json};
use tokio::{runtime::Runtime, time::Instant};
use update_organization_option::{
    authorize::{AccessRules, Caller},
    request::{PatchRequest, Preconditions, Preference},
    store::{ATTEMPT_TIMEOUT, DOCUMENT, Effort, Store, StoreConfig, timeouts},
};

fn main() {
    Runtime::new().unwrap().block_on(print_requests());
    divan::main();
}

fn parse(operations: &Value) -> Patch {
    Patch::parse(operations.to_string().as_bytes()).unwrap()
}

async fn print_requests() {
    let endpoint = engine::start().await.unwrap();
    let client = local::client(&endpoint, timeouts(ATTEMPT_TIMEOUT));
    table::prepare(&client, "options").await.unwrap();
    let store = Store::new(client.clone(), StoreConfig::new("options"));
    let claims = json!({
        "sub": "ann", "custom:org_guid": sample::ORG, "scope": "options/write"
    });
    let event = json!({"requestContext": {"authorizer": {"claims": claims}}});
    let event = serde_json::from_value(event).unwrap();
    let caller = Caller::of(&event).unwrap();
    let access = caller.access(sample::ORG.parse().unwrap(), &AccessRules::default()).unwrap();

    let corpus: Value = serde_json::from_str(include_str!("corpus.json")).unwrap();
    let patches = corpus["patches"].as_array().unwrap();
    let mut by_plan: [(&str, u32, u32); 2] = [("direct", 0, 0), ("rewrite", 0, 0)];
    for entry in patches {
        let AttributeValue::M(item) = to_attribute(json!({
            "pk": format!("ORG#{}", sample::ORG),
            "sk": format!("OPTION#{}", sample::OPTION),
            "document": corpus["document"],
            "version": 1
        })) else {
            unreachable!()
        };
        client.put_item().table_name("options").set_item(Some(item)).send().await.unwrap();
        let option = sample::OPTION.parse().unwrap();
        let patch = parse(&entry["patch"]);
        let preconditions = Preconditions::default();
        let request = PatchRequest {
            option,
            alias: None,
            preconditions,
            key: None,
            preference: Preference::None,
            dry_run: false,
            patch,
        };
        let plan = Plan::of(&request.patch, DOCUMENT, Hints::none());
        let mut effort = Effort::until(Instant::now() + Duration::from_secs(10));
        store.change(&access, &request, &plan, "bench", &mut effort).await.unwrap();
        println!("{:<8} {} request(s)  {}", plan.as_str(), effort.requests, entry["does"]);
        let row = by_plan.iter_mut().find(|row| row.0 == plan.as_str()).unwrap();
        *row = (row.0, row.1 + 1, row.2 + effort.requests);
    }
    for (plan, count, requests) in by_plan {
        println!(
            "{plan}: {count} of {} patches, {:.2} DynamoDB requests per PATCH",
            patches.len(),
            f64::from(requests) / f64::from(count)
        );
    }
    assert!(by_plan[0].1 * 10 >= 9 * u32::try_from(patches.len()).unwrap());
}

const COUNTS: [usize; 4] = [1, 10, 100, 1_000];

/// Appends to one array. They fold into one action.
#[divan::bench(args = COUNTS)]
fn appends(bencher: Bencher<'_, '_>, count: usize) {
    let patch =
        parse(&(0..count).map(|n| json!({"op": "add", "path": "/list/-", "value": n})).collect());
    assert_eq!(Plan::of(&patch, DOCUMENT, Hints::none()).as_str(), "direct");
    bencher.bench_local(|| Plan::of(black_box(&patch), DOCUMENT, Hints::none()));
}

/// Writes to ten members in turn. The last write to each counts.
#[divan::bench(args = COUNTS)]
fn repeated_writes(bencher: Bencher<'_, '_>, count: usize) {
    let write = |n: usize| json!({"op": "replace", "path": format!("/m{}", n % 10), "value": n});
    let patch = parse(&(0..count).map(write).collect());
    assert_eq!(Plan::of(&patch, DOCUMENT, Hints::none()).as_str(), "direct");
    bencher.bench_local(|| Plan::of(black_box(&patch), DOCUMENT, Hints::none()));
}

/// A branch that the patch makes and fills. It is evaluated while planning.
#[divan::bench(args = COUNTS)]
fn writes_below_a_new_member(bencher: Bencher<'_, '_>, count: usize) {
    let mut operations = vec![json!({"op": "add", "path": "/new", "value": {}})];
    operations
        .extend((1..count).map(|n| json!({"op": "add", "path": format!("/new/m{n}"), "value": n})));
    let patch = parse(&json!(operations));
    assert_eq!(Plan::of(&patch, DOCUMENT, Hints::none()).as_str(), "direct");
    bencher.bench_local(|| Plan::of(black_box(&patch), DOCUMENT, Hints::none()));
}

/// Writes to as many members. Past some number they are no longer one expression.
#[divan::bench(args = COUNTS)]
fn writes_to_different_members(bencher: Bencher<'_, '_>, count: usize) {
    let write = |n| json!({"op": "replace", "path": format!("/m{n}"), "value": n});
    let patch = parse(&(0..count).map(write).collect());
    bencher.bench_local(|| Plan::of(black_box(&patch), DOCUMENT, Hints::none()));
}
