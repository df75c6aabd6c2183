//! The time to plan a patch.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

use divan::{Bencher, black_box};
use json_patch_dynamodb::{Hints, Patch, Plan, Rules};
use serde_json::{Value, json};
use update_organization_option::store::DOCUMENT;

fn main() {
    divan::main();
}

fn parse(operations: &Value) -> Patch {
    Patch::parse(operations.to_string().as_bytes()).unwrap()
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

/// The edits of forms that a diff library has made patches of, without rules and with those of
/// `form-rules.json`.
#[divan::bench(args = [false, true])]
fn edits_of_forms(bencher: Bencher<'_, '_>, with_rules: bool) {
    let edits: Value = serde_json::from_str(include_str!("edits.json")).unwrap();
    let edits = edits["form"].as_array().unwrap();
    let patches: Vec<_> = edits.iter().map(|edit| parse(&edit["fast-json-patch"])).collect();
    let text = if with_rules { include_str!("form-rules.json") } else { "true" };
    let rules = Rules::parse(text).unwrap();
    bencher.bench_local(|| {
        for patch in &patches {
            black_box(Plan::keeping(&rules, black_box(patch), DOCUMENT, Hints::none()));
        }
    });
}

/// Rules from their text, as at the start of the function.
#[divan::bench]
fn rules_of_forms(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| Rules::parse(black_box(include_str!("form-rules.json"))).unwrap());
}
