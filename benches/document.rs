//! What a document's size and a patch's length cost in memory: time and allocations.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use divan::{AllocProfiler, Bencher, counter::BytesCount};
use json_patch_dynamodb::{Patch, apply, from_attribute, item_bytes, to_attribute};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// Sizes of the document, in bytes of an item.
const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 400_000];

const COUNTS: [usize; 4] = [1, 10, 100, 1_000];

/// A document of about this size: prices by zone, some levels deep.
fn document(bytes: usize) -> Value {
    let zone = |n: usize| json!({"name": format!("zone {n}"), "amount": n, "from": 0.5, "days": ["monday", "sunday"]});
    let one = item_bytes(&zone(100)) + 10;
    let zones = (0..bytes / one).map(|n| (format!("zone{n}"), zone(n)));
    json!({"name": "Delivery", "zones": Value::Object(zones.collect()), "log": []})
}

fn patch(operations: &Value) -> Patch {
    Patch::parse(operations.to_string().as_bytes()).unwrap()
}

#[divan::bench(args = SIZES)]
fn json_to_attributes(bencher: Bencher<'_, '_>, bytes: usize) {
    let document = document(bytes);
    bencher
        .counter(BytesCount::new(bytes))
        .with_inputs(|| document.clone())
        .bench_values(to_attribute);
}

#[divan::bench(args = SIZES)]
fn attributes_to_json(bencher: Bencher<'_, '_>, bytes: usize) {
    let attributes = to_attribute(document(bytes));
    bencher
        .counter(BytesCount::new(bytes))
        .with_inputs(|| attributes.clone())
        .bench_values(|attributes| from_attribute(attributes).unwrap());
}

#[divan::bench(args = SIZES)]
fn one_operation_applied(bencher: Bencher<'_, '_>, bytes: usize) {
    let document = document(bytes);
    let patch = patch(&json!([{"op": "replace", "path": "/name", "value": "Pickup"}]));
    bencher
        .counter(BytesCount::new(bytes))
        .with_inputs(|| document.clone())
        .bench_values(|document| apply(&patch, document).unwrap());
}

#[divan::bench(args = COUNTS)]
fn operations_applied(bencher: Bencher<'_, '_>, count: usize) {
    let document = document(10_000);
    let add = |n| json!({"op": "add", "path": "/log/0", "value": n});
    let patch = patch(&(0..count).map(add).collect());
    bencher
        .with_inputs(|| document.clone())
        .bench_values(|document| apply(&patch, document).unwrap());
}

#[divan::bench(args = SIZES)]
fn a_body_parsed(bencher: Bencher<'_, '_>, bytes: usize) {
    let body = json!([{"op": "add", "path": "/new", "value": document(bytes * 2 / 3)}]).to_string();
    bencher
        .counter(BytesCount::new(body.len()))
        .bench_local(|| Patch::parse(black_box(body.as_bytes())).unwrap());
}

#[divan::bench(args = COUNTS)]
fn operations_parsed(bencher: Bencher<'_, '_>, count: usize) {
    let add = |n| json!({"op": "add", "path": "/log/0", "value": n});
    let body = Value::Array((0..count).map(add).collect()).to_string();
    bencher.bench_local(|| Patch::parse(black_box(body.as_bytes())).unwrap());
}
