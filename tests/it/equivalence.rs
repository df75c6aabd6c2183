//! A patch through the store gives what it gives in memory: the same document, or the same error.
//! What it gives in memory is what RFC 6902 says, by an implementation that shares no code with it
//! ([`rfc6902`]).
//!
//! The documents and patches are random. `PROPERTY_CASES` is how many (5,000); `PROPERTY_SEED`
//! repeats a run.
//!
//! To see that the tests find errors, one rule of the planner at a time was taken out, and 20,000
//! cases each were run:
//!
//! | taken out | found by | the smallest patch shown |
//! |---|---|---|
//! | condition `attribute_exists` | both properties | `remove /b` of `{"a":0}` succeeds |
//! | condition `attribute_type(…, M)` | both: DynamoDB refuses the update's path, or a wrong error | `add /a/b` below a number |
//! | condition `attribute_type(…, L)` | both: DynamoDB refuses `list_append` | `add /a/-` to an object |
//! | condition of `test` | both properties | `add /a`, `test /b/a/a` of `{"b":{"a":0}}` succeeds |
//! | index of an element after a removal | both properties | `remove /b/1` twice removes one |
//! | a copy that was changed since is not just a copy | both properties | `copy /a /b`, `add /b/-` |
//! | no move into itself | equivalence | `move /b/0 /b/0/0` of a value of the patch |
//!
//! Other rules were changed in the same way:
//!
//! | changed | found by | a patch shown |
//! |---|---|---|
//! | a body's `replace` is read as `add` | both properties; neither, as long as `json_patch` was what memory was compared with | `replace /a/0` of `{"a":[0]}` |
//! | a number loses its exponent | all properties | `move /b/0 /a` of `{"b":[10e-1]}` |
//! | no move to a name that begins like the value's | equivalence | `move /a/0 /a/01/a` |
//! | a move is checked against the array that its value has not left | every short patch; the properties did not meet it | `move /a/0 /a/1/b` of `{"a":[1,2,{}]}` |
//! | RFC 6902 as it is here takes `01` for an index | every short patch, the conditions' property | `move /a/0 /a/01` |
//!
//! These are the rules for arrays:
//!
//! | taken out or changed | found by |
//! |---|---|
//! | no proof that the elements before an insertion are there | every short patch of an array |
//! | no proof of an array before an element is put first | the properties |
//! | the length is not asked for | every short patch of an array |
//! | the type is not asked for beside the length | the properties |
//! | all appended elements have one index | all |
//! | what is too much is not removed | every short patch of an array |
//! | elements that should move stay | every short patch of an array |
//! | the guessed length forgets what was appended | every short patch of an array |
//! | a moved element is taken for one in its place | every short patch of an array |
//! | elements after those that come first may have changed | every short patch of an array |
//! | removed elements are not removed | all |
//! | `list_append` beside other changes | all |
//!
//! These are the rules for whole values, for what is known or remembered of the stored document, for merge
//! patches and for what a rewrite sends:
//!
//! | taken out or changed | found by |
//! |---|---|
//! | what a tested value does not have counts as there | the properties |
//! | a length that was remembered is not asked for, once the array has grown | the equivalence property |
//! | the same, when an element is inserted | all, and the test of an option that was seen |
//! | the type is not asked for beside the length | the properties |
//! | what was appended is forgotten once the length is known | every short patch, the equivalence property |
//! | an element within an array needs no proof of those before it | every short patch of an array |
//! | a copied array is extended at the wrong end | every short patch, the equivalence property |
//! | a copied array forgets what else was done to it | every short patch, both properties |
//! | a value that was moved is not written where it came to | every short patch, both properties |
//! | a merge patch writes the members that are null | the property of merge patches |
//! | a rewrite does not remove | the properties |
//! | a rewrite does not write what differs below an object | all |
//!
//! Every path of an update is a path of the stored item. docs/aws.md says where that is recorded.

use std::{
    collections::HashSet,
    fs,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use aws_sdk_dynamodb::{error::SdkError, types::AttributeValue};
use json_patch_dynamodb::{
    ApplyError, Hints, Patch, PatchError, Plan, Rules, Update, apply, from_attribute, to_attribute,
};
use local::{generate, sample};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use serde_json::{Value, json};
use tokio::{runtime::Runtime, time::Instant};
use update_organization_option::{
    authorize::{AccessRules, Caller},
    request::PatchRequest,
    store::{self, DOCUMENT, Effort, StoreError},
};

use crate::{
    engine::{Engine, OPTION, ORG, event, with_header},
    rfc6902, rfc7396,
};

const CASES: u32 = 5_000;

/// Each worker runs its share of the cases.
const WORKERS: u32 = 2;

fn cases() -> u32 {
    std::env::var("PROPERTY_CASES").map_or(CASES, |cases| cases.parse().unwrap())
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Runs `check` on `cases` random documents and patches. Of the operations, `misses` in 100 do not
/// fit.
fn for_all(
    cases: u32,
    misses: u8,
    check: impl Fn(&Engine, &Runtime, &Value, &Value) -> Result<(), String> + Sync,
) {
    for_each(cases, || generate::document_and_patch(misses), check);
}

/// Runs `check` on `cases` random documents and merge patches.
fn for_all_merges(
    cases: u32,
    check: impl Fn(&Engine, &Runtime, &Value, &Value) -> Result<(), String> + Sync,
) {
    for_each(cases, generate::document_and_merge, check);
}

fn for_each<S: Strategy<Value = (Value, Value)>>(
    cases: u32,
    strategy: impl Fn() -> S + Sync,
    check: impl Fn(&Engine, &Runtime, &Value, &Value) -> Result<(), String> + Sync,
) {
    let seed: u64 = std::env::var("PROPERTY_SEED")
        .map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (check, strategy) = (&check, &strategy);
            scope.spawn(move || {
                let runtime = runtime();
                let engine = runtime.block_on(Engine::start());
                let mut bytes = [0; 32];
                bytes[..8].copy_from_slice(&(seed + u64::from(worker)).to_le_bytes());
                let config = Config {
                    cases: cases / WORKERS,
                    failure_persistence: None,
                    max_shrink_iters: 2_000,
                    ..Config::default()
                };
                let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
                let mut runner = TestRunner::new_with_rng(config, rng);
                let outcome = runner.run(&strategy(), |(document, patch)| {
                    check(&engine, &runtime, &document, &patch).map_err(TestCaseError::fail)
                });
                if let Err(TestError::Fail(why, (document, patch))) = outcome {
                    panic!("{why}\ndocument: {document}\npatch: {patch}\nPROPERTY_SEED={seed}");
                }
                assert_eq!(outcome.map_err(|error| error.to_string()), Ok(()));
            });
        }
    });
}

/// The document or the error that the patch gives in memory. Checks that the RFC gives the same
/// document, or that the same operation fails. The RFC does not know our limits: past one of them
/// it may go on.
fn in_memory(document: &Value, patch: &Patch, body: &Value) -> Result<Value, ApplyError> {
    let ours = apply(patch, canonical(document));
    if body.is_object() {
        let merged = ours.as_ref().unwrap();
        assert!(rfc6902::equal(merged, &rfc7396::apply(body, document)), "{merged}");
        return ours;
    }
    match (&ours, rfc6902::apply(body, document)) {
        (Ok(ours), Ok(theirs)) => {
            assert!(rfc6902::equal(ours, &theirs), "in memory: {ours}\nby RFC 6902: {theirs}");
        }
        (Err(ours), theirs) if ours.reason.is_limit() => {
            let goes_as_far = theirs.map_or_else(|theirs| theirs >= ours.operation, |_| true);
            assert!(goes_as_far, "by RFC 6902 the patch fails before {ours}");
        }
        (Err(ours), Err(theirs)) => assert_eq!(ours.operation, theirs, "{ours}"),
        (ours, theirs) => panic!("in memory: {ours:?}\nby RFC 6902: {theirs:?}"),
    }
    ours
}

/// The patch that a body is: an object is a merge patch.
fn parse(body: &Value) -> Result<Patch, PatchError> {
    let text = body.to_string();
    if body.is_object() {
        Patch::parse_merge(text.as_bytes())
    } else {
        Patch::parse(text.as_bytes())
    }
}

struct Outcome {
    answer: Result<Value, String>,
    requests: u32,
}

/// Sends the patch, planned by `hints`, to an option with this document, with a key if there is one.
async fn through_the_store(
    engine: &Engine,
    document: &Value,
    body: &Value,
    hints: &Hints,
    key: Option<String>,
) -> Outcome {
    engine.put_option(OPTION, document.clone()).await;
    let mut event = event(OPTION, body);
    let is_keyed = key.is_some();
    if let Some(key) = key {
        event["headers"]["Idempotency-Key"] = json!(key);
    }
    let event = serde_json::from_value(event).unwrap();
    let caller = Caller::of(&event).unwrap();
    let access = caller.access(ORG.parse().unwrap(), &AccessRules::default()).unwrap();
    let mut effort = Effort::until(Instant::now() + Duration::from_secs(20));
    let request = PatchRequest::parse(&event).unwrap();
    let plan = Plan::of(&request.patch, DOCUMENT, hints);
    let change =
        engine.store().change(&access, &request, Rules::none(), &plan, "write", &mut effort);
    let outcome = change.await;
    let (stored, version) = engine.stored(OPTION).await;
    let answer = match outcome {
        Ok(store::Outcome { done, .. }) => {
            // A transaction without `If-Match` does not tell the version.
            let may_be_unknown = is_keyed && matches!(plan, Plan::Direct(_));
            let told = done.version.map(|version| version.to_string());
            assert!(told.as_ref() == Some(&version) || told.is_none() && may_be_unknown);
            assert!(!done.replayed);
            let expected = if plan == Plan::Check { "1" } else { "2" };
            assert_eq!(version, expected);
            Ok(stored)
        }
        Err(StoreError::Patch { error, .. }) => {
            assert_eq!((stored, &*version), (canonical(document), "1"));
            Err(error.to_string())
        }
        Err(other) => Err(format!("{other}: {:?}", other.cause_chain())),
    };
    Outcome { answer, requests: effort.requests }
}

/// The document as it is stored: with canonical numbers.
fn canonical(document: &Value) -> Value {
    from_attribute(to_attribute(document.clone())).unwrap()
}

/// What a valid patch has cost: the name of its plan, and the requests.
type Cost = (&'static str, u32);

fn check_equivalent(
    engine: &Engine,
    runtime: &Runtime,
    document: &Value,
    body: &Value,
    hints: &Hints,
) -> Result<Option<Cost>, String> {
    let Ok(patch) = parse(body) else { return Ok(None) };
    let expected = in_memory(document, &patch, body).map_err(|error| error.to_string());
    let outcome = runtime.block_on(through_the_store(engine, document, body, hints, None));
    let plan = Plan::of(&patch, DOCUMENT, hints);
    if outcome.answer != expected {
        return Err(format!(
            "{plan:?}\nthrough the store: {:?}\nin memory: {expected:?}",
            outcome.answer
        ));
    }
    let plan = plan.as_str();
    let expected_requests = match (plan, &expected) {
        // A failed condition returns the item that tells why.
        (_, Err(_)) | ("check", Ok(_)) => 1..=1,
        ("direct", Ok(_)) => 1..=2,
        (_, Ok(_)) => 2..=2,
    };
    assert!(expected_requests.contains(&outcome.requests), "{plan}: {} requests", outcome.requests);
    Ok(expected.is_ok().then_some((plan, outcome.requests)))
}

/// Checks the patch without hints, with those of `document` and with those of another document.
fn check_with_hints(
    engine: &Engine,
    runtime: &Runtime,
    document: &Value,
    body: &Value,
    other: &Value,
) -> Result<[Option<Cost>; 3], String> {
    let hints = [Hints::default(), Hints::of(document), Hints::of(other)];
    let plan_by = |hints| {
        let patch = parse(body).ok()?;
        Some(format!("{:?}", Plan::of(&patch, DOCUMENT, hints)))
    };
    let plans = hints.each_ref().map(plan_by);
    let mut costs = [None; 3];
    for (number, plan) in plans.iter().enumerate() {
        // What is planned alike is sent once.
        costs[number] = match plans[..number].iter().position(|other| other == plan) {
            Some(alike) => costs[alike],
            None => check_equivalent(engine, runtime, document, body, &hints[number])?,
        };
    }
    Ok(costs)
}

/// How valid patches were carried out.
#[derive(Default)]
struct Shares {
    valid: AtomicU32,
    direct: AtomicU32,
    fell_back: AtomicU32,
}

impl Shares {
    fn count(&self, (plan, requests): Cost) {
        self.valid.fetch_add(1, Relaxed);
        match (plan, requests) {
            ("direct", 1) => self.direct.fetch_add(1, Relaxed),
            ("direct", _) => self.fell_back.fetch_add(1, Relaxed),
            _ => 0,
        };
    }

    /// The shares, in percent, of those that were one update, and of those that should have been one.
    fn told(&self, hints: &str) -> (f64, f64) {
        let valid = self.valid.load(Relaxed);
        let share = |count: &AtomicU32| f64::from(count.load(Relaxed)) * 100.0 / f64::from(valid);
        let (direct, fell_back) = (share(&self.direct), share(&self.fell_back));
        eprintln!(
            "{hints}: of {valid} valid patches {direct:.1} % direct in one request, {fell_back:.1} % \
             fell back from direct to rewrite, the others rewrite or check"
        );
        (direct, fell_back)
    }
}

#[test]
fn a_patch_through_the_store_equals_one_in_memory() {
    let [without, right, wrong]: [Shares; 3] = Default::default();
    // The document of the case before says wrong things of the next one.
    let other = Mutex::new(Value::Null);
    for_all(cases(), 4, |engine, runtime, document, body| {
        let before = std::mem::replace(&mut *other.lock().unwrap(), document.clone());
        let costs = check_with_hints(engine, runtime, document, body, &before)?;
        for (cost, shares) in costs.into_iter().zip([&without, &right, &wrong]) {
            if let Some(cost) = cost {
                shares.count(cost);
            }
        }
        Ok(())
    });
    let (direct, fell_back) = without.told("without hints");
    let (hinted, _) = right.told("with hints");
    let (_, misled) = wrong.told("with wrong hints");
    // There is enough of each for the run to mean something. Of few cases a share says nothing.
    let enough = direct >= 65.0 && hinted >= 75.0 && fell_back >= 10.0 && misled >= 10.0;
    assert!(enough || cases() < 5_000);
}

/// Every patch of one or two operations between some places of a document, in memory. Some are
/// patches that chance seldom makes, such as a move from before the element that it leads through.
#[test]
fn every_short_patch_in_memory_ends_as_rfc_6902_says() {
    let document = json!({"a": [1, 2, {"b": [3]}], "c": {"0": 4}});
    let places = ["", "/a", "/a/-", "/a/0", "/a/01", "/a/1", "/a/1/b", "/a/2/b", "/c", "/c/0"];
    let mut operations = Vec::new();
    for path in places {
        operations.push(json!({"op": "remove", "path": path}));
        for op in ["add", "replace", "test"] {
            operations.push(json!({"op": op, "path": path, "value": {"b": 2.0}}));
        }
        for from in places {
            operations.push(json!({"op": "move", "from": from, "path": path}));
            operations.push(json!({"op": "copy", "from": from, "path": path}));
        }
    }
    let fits = |body: &Value| {
        let patch = parse(body);
        patch.is_ok_and(|patch| in_memory(&document, &patch, body).is_ok())
    };
    let firsts = operations.iter().filter(|first| fits(&json!([first])));
    let pairs = firsts.flat_map(|first| operations.iter().map(move |second| (first, second)));
    let applied = pairs.filter(|(first, second)| fits(&json!([first, second]))).count();
    assert!(applied > 9_000, "{applied}");
}

/// Checks each of these patches, and says how many are valid and fit the document.
fn count_equivalent<'b>(document: &Value, bodies: impl IntoIterator<Item = &'b Value>) -> usize {
    let runtime = runtime();
    let engine = runtime.block_on(Engine::start());
    let mut applied = 0;
    for body in bodies {
        let [cost, _, _] = check_with_hints(&engine, &runtime, document, body, &Value::Null)
            .unwrap_or_else(|why| panic!("{why}\ndocument: {document}\npatch: {body}"));
        applied += usize::from(cost.is_some());
    }
    applied
}

/// Every patch of two or three operations on one array. What leaves, enters and moves there is made one
/// update by rules that chance seldom meets together.
#[test]
fn every_short_patch_of_an_array_equals_one_in_memory() {
    let on = |op: &str, path: &str| json!({"op": op, "path": format!("/a/{path}")});
    let with = |op: &str, path: &str, value: i32| {
        let mut operation = on(op, path);
        operation["value"] = json!(value);
        operation
    };
    let from = |op: &str, from: &str, path: &str| {
        let mut operation = on(op, path);
        operation["from"] = json!(format!("/a/{from}"));
        operation
    };
    let operations = [
        with("add", "0", 10),
        with("add", "1", 11),
        with("add", "3", 12),
        with("add", "-", 13),
        with("replace", "1", 14),
        with("test", "1", 2),
        on("remove", "0"),
        on("remove", "2"),
        on("remove", "4"),
        from("move", "0", "2"),
        from("move", "2", "0"),
        from("copy", "1", "-"),
    ];
    let mut bodies = Vec::new();
    for first in &operations {
        for second in &operations {
            bodies.push(json!([first, second]));
            bodies.extend(operations.iter().map(|third| json!([first, second, third])));
        }
    }
    let mut applied = 0;
    for length in [1, 2, 3, 5] {
        let elements: Vec<_> = (1..=length).collect();
        applied += count_equivalent(&json!({"a": elements}), &bodies);
    }
    assert!(applied > 3_000, "{applied}");
}

/// Every patch of two operations that puts stored values elsewhere, changes them and tests them.
#[test]
fn every_short_patch_of_stored_values_equals_one_in_memory() {
    let document = json!({"a": {"b": 1, "0": [2]}, "c": [3, {"b": 4}]});
    let mut operations = vec![
        json!({"op": "add", "path": "/a/b", "value": 5}),
        json!({"op": "add", "path": "/c/-", "value": 6}),
        json!({"op": "add", "path": "/c/0", "value": 7}),
        json!({"op": "replace", "path": "/c/1/b", "value": 8}),
        json!({"op": "test", "path": "/a", "value": {"b": 1.0, "0": [2]}}),
        json!({"op": "test", "path": "/c", "value": [3, {"b": 4}]}),
        json!({"op": "test", "path": "/a/b", "value": 5}),
        json!({"op": "remove", "path": "/a"}),
        json!({"op": "replace", "path": "", "value": {"a": {}}}),
    ];
    for from in ["", "/a", "/c"] {
        for path in ["", "/a", "/a/b", "/c/-", "/d"] {
            for op in ["copy", "move"] {
                operations.push(json!({"op": op, "from": from, "path": path}));
            }
        }
    }
    let pairs =
        operations.iter().flat_map(|first| operations.iter().map(move |second| (first, second)));
    let bodies: Vec<_> = pairs.map(|(first, second)| json!([first, second])).collect();
    let applied = count_equivalent(&document, &bodies);
    assert!(applied > 600, "{applied}");
}

#[test]
fn a_patch_of_the_corpus_equals_one_in_memory() {
    let corpus: Value = serde_json::from_str(include_str!("../../benches/corpus.json")).unwrap();
    let patches = corpus["patches"].as_array().unwrap();
    let bodies = patches.iter().map(|each| &each["patch"]);
    assert_eq!(count_equivalent(&corpus["document"], bodies), patches.len());
    assert!(patches.len() >= 30);
}

#[test]
fn a_patch_of_an_event_equals_one_in_memory() {
    let items: Value = serde_json::from_str(sample::ITEMS).unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/events");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let bodies: HashSet<Value> = files
        .filter_map(|path| {
            let event: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            let body = event["body"].as_str().unwrap();
            // A body in base64 is also in another event as text. U+FFFD is refused before it is a
            // patch.
            if body.contains('\u{fffd}') { None } else { serde_json::from_str(body).ok() }
        })
        .collect();
    let applied = count_equivalent(&items["items"][0]["document"], &bodies);
    assert!(applied >= 6 && bodies.len() >= applied + 4, "{applied} of {}", bodies.len());
}

#[test]
fn a_merge_patch_through_the_store_equals_one_in_memory() {
    let [shares, _, _]: [Shares; 3] = Default::default();
    for_all_merges(cases() / 2, |engine, runtime, document, body| {
        if let [Some(cost), _, _] = check_with_hints(engine, runtime, document, body, document)? {
            shares.count(cost);
        }
        Ok(())
    });
    let (direct, fell_back) = shares.told("merge patches");
    // What is merged into is often no object here, which is a wrong guess.
    assert!(direct >= 15.0 && fell_back >= 40.0 || cases() < 5_000);
}

#[test]
fn a_patch_with_a_key_is_answered_as_one_without() {
    for_all(cases() / 4, 15, answered_with_a_key());
    for_all_merges(cases() / 8, answered_with_a_key());
}

fn answered_with_a_key() -> impl Fn(&Engine, &Runtime, &Value, &Value) -> Result<(), String> + Sync
{
    let number = AtomicU32::new(0);
    move |engine, runtime, document, body| {
        let Ok(patch) = parse(body) else {
            return Ok(());
        };
        let key = format!("case-{}", number.fetch_add(1, Relaxed));
        let expected = in_memory(document, &patch, body).map_err(|error| error.to_string());
        let hints = if key.ends_with('0') { Hints::of(document) } else { Hints::default() };
        let outcome =
            runtime.block_on(through_the_store(engine, document, body, &hints, Some(key)));
        if outcome.answer == expected {
            Ok(())
        } else {
            Err(format!("with a key: {:?}\nin memory: {expected:?}", outcome.answer))
        }
    }
}

/// What a patch that applies has made is shown to who asks for it, and taken back by the patch that is
/// shown to who asks for that.
#[test]
fn what_a_patch_has_made_is_shown_and_taken_back() {
    let [shown, taken_back] = [const { AtomicU32::new(0) }; 2];
    let number = AtomicU32::new(0);
    for_all(cases() / 4, 4, |engine, runtime, document, body| {
        let Ok(patch) = parse(body) else { return Ok(()) };
        let Ok(expected) = in_memory(document, &patch, body) else { return Ok(()) };
        let number = number.fetch_add(1, Relaxed);
        let is_keyed = number.is_multiple_of(3);
        let send = |preference: &str, body: &Value, tag: Option<&str>| {
            let mut event = with_header(event(OPTION, body), "Prefer", preference);
            if is_keyed {
                event = with_header(event, "Idempotency-Key", &format!("{number}-{preference}"));
            }
            if let Some(tag) = tag {
                event = with_header(event, "If-Match", tag);
            }
            runtime.block_on(engine.send(event))
        };
        // One of them with a tag.
        let tag = number.is_multiple_of(2).then_some("\"1\"");
        runtime.block_on(engine.put_option(OPTION, document.clone()));
        let answer = send("return=representation", body, tag);
        let applied = answer.headers.get("preference-applied").map(String::as_str);
        if (answer.status, applied) != (200, Some("return=representation"))
            || canonical(&answer.body) != expected
        {
            return Err(format!("shown: {answer:?}"));
        }
        shown.fetch_add(1, Relaxed);

        runtime.block_on(engine.put_option(OPTION, document.clone()));
        let answer = send("undo", body, tag);
        let applied = answer.headers.get("preference-applied").map(String::as_str);
        if (answer.status, applied) != (200, Some("undo")) {
            return Err(format!("undo: {answer:?}"));
        }
        let (stored, _) = runtime.block_on(engine.stored(OPTION));
        if stored != expected {
            return Err(format!("stored: {stored}"));
        }
        let longest = json!([{"op": "replace", "path": "", "value": canonical(document)}]);
        if answer.body.to_string().len() > longest.to_string().len() {
            return Err(format!("longer than the document: {}", answer.body));
        }
        let back = send("return=minimal", &answer.body, Some(&answer.headers["etag"]));
        let (stored, _) = runtime.block_on(engine.stored(OPTION));
        if back.status != 204 || stored != canonical(document) {
            return Err(format!("taken back by {}: {back:?}, {stored}", answer.body));
        }
        taken_back.fetch_add(1, Relaxed);
        Ok(())
    });
    let [shown, taken_back] = [shown, taken_back].map(AtomicU32::into_inner);
    assert!(shown == taken_back && shown >= cases() / 8, "{shown} {taken_back}");
}

/// The update alone, as its clauses say, without the store's own.
async fn send_alone(engine: &Engine, update: &Update<'_>) -> bool {
    let mut text = String::from("SET #touched=:touched");
    for action in &update.set {
        text = text + "," + action;
    }
    if !update.remove.is_empty() {
        text = text + " REMOVE " + &update.remove.join(",");
    }
    let mut request = engine.update_item(OPTION).expression_attribute_names("#touched", "touched");
    for (placeholder, name) in &update.names {
        request = request.expression_attribute_names(placeholder, name);
    }
    for (number, value) in update.values.iter().enumerate() {
        let value = to_attribute(value.clone().into_owned());
        request = request.expression_attribute_values(format!(":{number}"), value);
    }
    request = request.expression_attribute_values(":touched", AttributeValue::Bool(true));
    if !update.conditions.is_empty() {
        request = request.condition_expression(update.condition_expression());
    }
    match request.update_expression(text).send().await.map_err(SdkError::into_service_error) {
        Ok(_) => true,
        Err(error) if error.is_conditional_check_failed_exception() => false,
        Err(error) => panic!("{error:?}"),
    }
}

#[test]
fn where_the_conditions_hold_no_error_was_due() {
    for_all(cases() / 4, 30, |engine, runtime, document, body| {
        let Ok(patch) = parse(body) else {
            return Ok(());
        };
        for hints in [Hints::default(), Hints::of(document)] {
            let Plan::Direct(update) = Plan::of(&patch, DOCUMENT, &hints) else { continue };
            let (held, stored) = runtime.block_on(async {
                engine.put_option(OPTION, document.clone()).await;
                (send_alone(engine, &update).await, engine.stored(OPTION).await.0)
            });
            match in_memory(document, &patch, body) {
                Ok(expected) if held && stored != expected => {
                    return Err(format!("{update:?} gives {stored}, expected {expected}"));
                }
                Err(error) if held => return Err(format!("{update:?} holds, but {error}")),
                _ => {}
            }
        }
        Ok(())
    });
}
