//! What an expression, an item and a document have room for, at the limit and one beyond.

use json_patch_dynamodb::{
    Hints, Limits, MAX_EXPRESSION_BYTES, MAX_OPERATORS, Obstacle, Patch, Plan, Reason, Update,
    apply,
};
use serde_json::{Value, json};

use super::{
    engines::{self, Outcome},
    expressions::ATTRIBUTE,
};

/// Room in expressions for no clauses but those of the plan.
const NOTHING_RESERVED: Limits =
    Limits { reserved_expression_bytes: 0, reserved_operators: 0, ..Limits::DYNAMODB };

fn patch(body: &Value, limits: Limits) -> Patch {
    Patch::parse_within(body.to_string().as_bytes(), limits).unwrap()
}

/// The most that `reserve` can keep for the caller where the patch is still one update, and that update.
/// Past that, one expression has no room for it.
fn most_reserved(
    body: &Value,
    reserve: impl Fn(usize) -> Limits,
    most: usize,
) -> Option<(usize, Update<'static>)> {
    let is_direct =
        |reserved: usize| match Plan::of(&patch(body, reserve(reserved)), ATTRIBUTE, Hints::none())
        {
            Plan::Direct(update) => Some(engines::owned(update)),
            Plan::Rewrite(Obstacle::NoRoom) => None,
            plan => panic!("{plan:?}"),
        };
    // The first that does not fit.
    let (mut fits, mut fails) = (0, most + 1);
    is_direct(fits)?;
    while fails - fits > 1 {
        let middle = fits.midpoint(fails);
        if is_direct(middle).is_some() { fits = middle } else { fails = middle }
    }
    Some((fits, is_direct(fits)?))
}

/// Patches whose expressions are of various kinds and about as long as there is room for.
fn long_patches() -> Vec<Value> {
    let kinds: [&dyn Fn(usize) -> Value; 7] = [
        &|n| json!({"op": "add", "path": format!("/m{n}"), "value": n}),
        &|n| json!({"op": "replace", "path": format!("/m{n}"), "value": 1}),
        &|n| json!({"op": "remove", "path": format!("/m{n}")}),
        &|n| json!({"op": "test", "path": format!("/m{n}"), "value": n}),
        &|n| json!({"op": "add", "path": format!("/m{n}/{}", n % 5 + 1), "value": n}),
        &|n| json!({"op": "add", "path": format!("/m{n}/0"), "value": n}),
        &|n| json!({"op": "move", "from": format!("/m{n}"), "path": format!("/k{n}")}),
    ];
    let change = json!({"op": "add", "path": "/changed", "value": 1});
    let mut patches = Vec::new();
    for kind in kinds {
        for count in (1..=160).step_by(6) {
            let mut operations: Vec<_> = (0..count).map(kind).collect();
            operations.push(change.clone());
            patches.push(Value::from(operations));
        }
    }
    patches
}

#[test]
fn an_expression_is_as_long_as_there_is_room_for() {
    let reserve = |bytes| Limits { reserved_expression_bytes: bytes, ..NOTHING_RESERVED };
    let mut tried = 0;
    for body in long_patches() {
        let Some((reserved, update)) = most_reserved(&body, reserve, MAX_EXPRESSION_BYTES) else {
            continue;
        };
        let texts = [update.update_expression(), update.condition_expression()];
        let longest = texts.iter().map(String::len).max().unwrap();
        assert!(longest + reserved <= MAX_EXPRESSION_BYTES, "{longest} and {reserved}: {update:?}");
        // The room is used but for the words and marks between the clauses.
        assert!(longest + reserved + 16 > MAX_EXPRESSION_BYTES, "{longest} and {reserved}");
        tried += 1;
    }
    assert!(tried > 80, "{tried}");
}

/// Operators and functions as DynamoDB counts them: comparisons, `AND`, and functions.
fn operators(condition: &str) -> usize {
    let functions = condition.matches('(').count();
    functions + condition.matches('=').count() + condition.matches(" AND ").count()
}

#[test]
fn a_condition_has_as_many_operators_as_there_is_room_for() {
    let reserve = |operators| Limits { reserved_operators: operators, ..NOTHING_RESERVED };
    let mut tried = 0;
    for body in long_patches() {
        let Some((reserved, update)) = most_reserved(&body, reserve, MAX_OPERATORS) else {
            continue;
        };
        let used = operators(&update.condition_expression());
        assert!(used + reserved <= MAX_OPERATORS, "{used} and {reserved}: {update:?}");
        tried += 1;
    }
    assert!(tried > 80, "{tried}");
    // With the `AND` before each, of which the first has none.
    let tests = |count: usize| -> Value {
        let test = |n| json!({"op": "test", "path": format!("/{n}"), "value": 1});
        (0..count).map(test).chain([json!({"op": "add", "path": "/a", "value": 1})]).collect()
    };
    let plan = |count| {
        Plan::of(&patch(&tests(count), NOTHING_RESERVED), ATTRIBUTE, Hints::none()).as_str()
    };
    assert_eq!((plan(150), plan(151)), ("direct", "rewrite"));
}

/// The longest expressions that a plan makes where nothing is reserved, and the deepest values.
#[tokio::test]
async fn an_engine_takes_what_is_at_a_limit() {
    let table = engines::table("limits").await;
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    let deep = json!([
        {"op": "add", "path": "/deep", "value": nested(28)},
        {"op": "copy", "from": "/deep", "path": "/m/n/deep"}
    ]);
    let stored: serde_json::Map<_, _> = (0..160).map(|n| (format!("m{n}"), json!(n))).collect();
    let mut sent = 0;
    for (body, document) in long_patches()
        .chunk_by(|one, other| one[0]["op"] == other[0]["op"])
        .filter_map(|patches| {
            let fits = |body: &&Value| most_reserved(body, |_| NOTHING_RESERVED, 0).is_some();
            patches.iter().rfind(fits).cloned()
        })
        .map(|body| (body, Value::Object(stored.clone())))
        .chain([(deep, json!({"m": {"n": {}}}))])
    {
        let patch = patch(&body, NOTHING_RESERVED);
        let Plan::Direct(update) = Plan::of(&patch, ATTRIBUTE, Hints::none()) else {
            panic!("{body}")
        };
        engines::put(&table, [&document].into_iter()).await;
        let made = engines::send(&table, 0, &update).await;
        match apply(&patch, document) {
            Ok(expected) => assert_eq!(made, Outcome::Written(expected), "{update:?}"),
            Err(_) => assert_eq!(made, Outcome::ConditionFailed, "{update:?}"),
        }
        sent += 1;
    }
    assert!(sent >= 6, "{sent}");
}

/// Of a patch with values that take `bytes` in an item.
fn plan_of_bytes(bytes: usize) -> (Patch, Value) {
    let half = "x".repeat(200_000);
    let rest = "x".repeat(bytes - half.len());
    let body = json!([
        {"op": "add", "path": "/a", "value": half}, {"op": "add", "path": "/b", "value": rest}
    ]);
    (patch(&body, Limits::DYNAMODB), body)
}

#[test]
fn values_are_as_large_as_an_item() {
    for (bytes, is_direct) in [(409_600, true), (409_601, false)] {
        let (patch, _) = plan_of_bytes(bytes);
        match Plan::of(&patch, ATTRIBUTE, Hints::none()) {
            Plan::Direct(_) => assert!(is_direct),
            plan => assert_eq!((is_direct, plan), (false, Plan::Rewrite(Obstacle::ValuesTooLarge))),
        }
    }
}

#[test]
fn a_document_is_as_large_on_the_way_as_the_limit_says() {
    // The document takes 3 bytes, and each of its two members 2 and its value.
    for (bytes, fits) in [(614_400 - 7, true), (614_400 - 6, false)] {
        let (patch, _) = plan_of_bytes(bytes);
        let made = apply(&patch, json!({})).map(|_| ()).map_err(|error| error.reason);
        assert_eq!(made, if fits { Ok(()) } else { Err(Reason::TooLarge { limit: 614_400 }) });
    }
}

#[test]
fn what_is_moved_and_copied_is_as_deep_as_the_limit_says() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    for op in ["move", "copy"] {
        for (levels, fits) in [(28, true), (29, false)] {
            // A value of the patch, to a place in three objects.
            let body = json!([
                {"op": "add", "path": "/deep", "value": nested(levels)},
                {"op": op, "from": "/deep", "path": "/m/n/deep"}
            ]);
            let patch = patch(&body, Limits::DYNAMODB);
            let plan = Plan::of(&patch, ATTRIBUTE, Hints::none());
            let made = apply(&patch, json!({"m": {"n": {}}})).map_err(|error| error.reason);
            if fits {
                assert_eq!((plan.as_str(), made.is_ok()), ("direct", true));
            } else {
                assert_eq!(plan, Plan::Rewrite(Obstacle::ValuesTooLarge));
                assert_eq!(made, Err(Reason::TooDeep { limit: 31 }));
            }
        }
    }
    // What is appended lies in its array.
    for (levels, is_valid) in [(29, true), (30, false)] {
        let body = json!([{"op": "add", "path": "/list/-", "value": nested(levels)}]).to_string();
        assert_eq!(Patch::parse(body.as_bytes()).is_ok(), is_valid);
    }
}

#[test]
fn a_name_is_as_long_as_the_limit_says() {
    for (bytes, is_valid) in [(65_535, true), (65_536, false)] {
        let name = "n".repeat(bytes);
        let body =
            json!([{"op": "add", "path": format!("/{name}"), "value": {&*name: 1}}]).to_string();
        let merge = json!({name: 1}).to_string();
        assert_eq!(Patch::parse(body.as_bytes()).is_ok(), is_valid);
        assert_eq!(Patch::parse_merge(merge.as_bytes()).is_ok(), is_valid);
    }
}

/// An index that no item has room for is a name.
#[test]
fn an_index_has_as_many_digits_as_the_limit_says() {
    let plan = |token: &str| {
        let body = json!([
            {"op": "test", "path": "/a", "value": [1]},
            {"op": "add", "path": format!("/a/{token}"), "value": 2}
        ]);
        let patch = patch(&body, Limits::DYNAMODB);
        Plan::of(&patch, ATTRIBUTE, Hints::none()).as_str()
    };
    assert_eq!(
        [plan("1"), plan("2"), plan("01"), plan("999999"), plan("1000000")],
        ["direct", "rewrite", "rewrite", "rewrite", "rewrite"]
    );
}
