//! All small documents and patches: whenever the condition of a Direct plan holds, its update leaves
//! the document that the RFC gives, and `apply` gives what the RFC gives.
//!
//! The RFCs are `tests/it/rfc6902.rs` and `rfc7396.rs`, which share nothing with the library. What an
//! update does is told by [`expressions`], which reads the text that is sent. [`engines`] compares
//! [`expressions`] with engines.
//!
//! `SMALL_WORLDS` is how large the worlds are: `few` (the default) takes seconds, `many` is 10⁸ pairs
//! of a document and a patch, `all` is 10¹⁰. `SMALL_WORLDS_PART` is `3/100` for the third of a hundred
//! parts, each of which has every hundredth patch. `.ci/small-worlds` tries all parts.
//!
//! To see that the tests find errors, one thing at a time was taken out or changed, and the pairs of `few`
//! were tried:
//!
//! | taken out or changed | found by |
//! |---|---|
//! | `attribute_exists` is not asked for | one operation |
//! | an object is not asked for before a member is added | one operation |
//! | an array is not asked for before `-` | one operation |
//! | the length of an array is not asked for | one operation |
//! | the type is not asked for beside the length | one operation |
//! | a length from hints is not asked for | one operation |
//! | no proof that the elements before an insertion are there | one operation |
//! | elements are put at the wrong end | one operation |
//! | elements that were removed stay | one operation |
//! | a value may be moved into itself | one operation |
//! | a value that was moved counts as one in its place | one operation |
//! | a name has the placeholder of another | one operation |
//! | a test asks for nothing | two operations |
//! | what a tested value lacks counts as there | two operations |
//! | all appended elements have one index | two operations |
//! | a merge patch writes the members that are null | merge patches |
//! | `maxItems` forgets what is new | rules |
//! | `minItems` forgets what is gone | rules |
//! | the comparison of `maxItems` is the wrong one | rules |
//! | of an array that gets shorter, the last element may be read-only | rules, of `many` |
//! | in memory: a move is checked against the array that its value has not left | one operation |
//! | in memory: an error names the first operation | two operations |
//! | a rewrite does not remove | changes taken back |
//! | an undo patch may be longer than the document | changes taken back |
//! | the words of an expression do not count as its text | a test of [`limits`] |
//!
//! What an undo patch is made of cannot be wrong unseen: it is applied before it is given, and otherwise it
//! is the document as a whole.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test"
)]

mod engines;
mod expressions;
mod limits;
#[path = "../../../../tests/it/rfc6902.rs"]
mod rfc6902;
#[path = "../../../../tests/it/rfc7396.rs"]
mod rfc7396;
mod values;

use std::{
    fmt,
    ops::AddAssign,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Instant,
};

use json_patch_dynamodb::{Hints, Limits, Patch, Plan, Rules, Update, apply, parse_value, undo};
use local::generate;
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json, value::RawValue};

use self::expressions::{ATTRIBUTE, Expressions};

const WORKERS: usize = 2;

/// How large the worlds are.
#[derive(Clone, Copy, PartialEq)]
enum Size {
    Few,
    Many,
    All,
}

impl Size {
    fn of_environment() -> Self {
        match std::env::var("SMALL_WORLDS").as_deref() {
            Err(_) | Ok("few") => Self::Few,
            Ok("many") => Self::Many,
            Ok("all") => Self::All,
            Ok(other) => panic!("SMALL_WORLDS={other}"),
        }
    }

    fn pick<T>(self, [few, many, all]: [T; 3]) -> T {
        match self {
            Self::Few => few,
            Self::Many => many,
            Self::All => all,
        }
    }
}

/// Which patches are tried: every `of`th, from `number` on.
#[derive(Clone, Copy)]
struct Part {
    number: usize,
    of: usize,
}

impl Part {
    fn of_environment() -> Self {
        let Ok(part) = std::env::var("SMALL_WORLDS_PART") else { return Self { number: 0, of: 1 } };
        let (number, of) = part.split_once('/').unwrap();
        let (number, of): (usize, usize) = (number.parse().unwrap(), of.parse().unwrap());
        assert!((1..=of).contains(&number), "SMALL_WORLDS_PART={part}");
        Self { number: number - 1, of }
    }

    /// The part of this part that `worker` tries.
    fn of_worker(self, worker: usize) -> Self {
        Self { number: self.number + self.of * worker, of: self.of * WORKERS }
    }

    fn numbers(self, count: usize) -> impl Iterator<Item = usize> {
        (self.number..count).step_by(self.of)
    }
}

/// What was tried.
#[derive(Default, Clone, Copy)]
struct Tally {
    patches: u64,
    /// Pairs of a patch and a document.
    pairs: u64,
    /// Those of them for which one of the patch's plans is Direct.
    direct: u64,
    /// Those of them on which the condition of such a plan holds.
    held: u64,
    /// Those of them of which the condition of the plan without hints does not hold.
    hinted: u64,
    /// The pairs that were tried in memory too.
    in_memory: u64,
    /// Those of them that apply.
    applied: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.patches += other.patches;
        self.pairs += other.pairs;
        self.direct += other.direct;
        self.held += other.held;
        self.hinted += other.hinted;
        self.in_memory += other.in_memory;
        self.applied += other.applied;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { patches, pairs, direct, held, hinted, in_memory, applied } = self;
        write!(
            f,
            "{pairs} pairs of {patches} patches, {direct} direct, {held} held, {hinted} by hints; \
             {in_memory} in memory, {applied} applied"
        )
    }
}

impl Tally {
    /// Checks that at least so many percent of the direct pairs hold, and so many percent of those that
    /// were tried in memory apply.
    #[track_caller]
    fn has_at_least(self, held: u64, applied: u64) {
        assert!(self.held * 100 >= self.direct * held && self.held > 0, "{self}");
        assert!(self.applied * 100 >= self.in_memory * applied && self.applied > 0, "{self}");
    }
}

/// A patch with its plans, none of which is twice here.
struct Planned<'p> {
    body: &'p Value,
    patch: &'p Patch,
    rules: &'p Rules,
    direct: Vec<Direct<'p>>,
    is_check: bool,
}

struct Direct<'p> {
    update: Update<'p>,
    expressions: Expressions,
    is_hinted: bool,
}

impl<'p> Planned<'p> {
    fn new(
        body: &'p Value,
        patch: &'p Patch,
        rules: &'p Rules,
        hints: impl IntoIterator<Item = &'p Hints>,
    ) -> Self {
        let mut planned = Self { body, patch, rules, direct: Vec::new(), is_check: false };
        for hints in [Hints::none()].into_iter().chain(hints) {
            match Plan::keeping(rules, patch, ATTRIBUTE, hints) {
                Plan::Direct(update) => {
                    if !planned.direct.iter().any(|other| other.update == update) {
                        let expressions = Expressions::read(&update)
                            .unwrap_or_else(|refusal| panic!("{refusal:?}\n{body}\n{update:?}"));
                        let is_hinted = !hints.is_empty();
                        planned.direct.push(Direct { update, expressions, is_hinted });
                    }
                }
                Plan::Check => planned.is_check = true,
                Plan::Rewrite(_) => {}
            }
        }
        planned
    }

    /// Tries the patch on `document`, also in memory if `in_memory`.
    fn check(&self, document: &Value, in_memory: bool, tally: &mut Tally) {
        tally.pairs += 1;
        tally.direct += u64::from(!self.direct.is_empty());
        let mut expected = None;
        let (mut held, mut hinted) = (false, true);
        for Direct { update, expressions, is_hinted } in &self.direct {
            if !expressions.hold(document) {
                continue;
            }
            held = true;
            hinted &= is_hinted;
            let expected = expected.get_or_insert_with(|| self.by_rfc(document));
            let made = expressions.apply(document);
            let is_right = match (&made, &*expected) {
                (Ok(made), Ok(expected)) => {
                    made.is_object()
                        && are_equal(made, expected)
                        && self.rules.check(self.patch, document, made).is_ok()
                }
                _ => false,
            };
            assert!(
                is_right,
                "document {document}\npatch {}\n{update:?}\nmakes {made:?}\nexpected {expected:?}",
                self.body
            );
        }
        tally.held += u64::from(held);
        tally.hinted += u64::from(held && hinted);
        if in_memory {
            let expected = expected.unwrap_or_else(|| self.by_rfc(document));
            self.check_in_memory(document, &expected, tally);
        }
    }

    fn check_in_memory(
        &self,
        document: &Value,
        expected: &Result<Value, usize>,
        tally: &mut Tally,
    ) {
        tally.in_memory += 1;
        let made = apply(self.patch, document.clone());
        let is_right = match (&made, expected) {
            (Ok(made), Ok(expected)) => {
                are_equal(made, expected) && (!self.is_check || made == document)
            }
            // The RFC does not know that the document stays an object: it may go on.
            (Err(error), expected) if error.reason.is_limit() => {
                expected.as_ref().map_or_else(|failed| *failed >= error.operation, |_| true)
            }
            (Err(error), Err(failed)) => error.operation == *failed,
            (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
        };
        assert!(
            is_right,
            "document {document}\npatch {}\nin memory {made:?}\nexpected {expected:?}",
            self.body
        );
        tally.applied += u64::from(made.is_ok());
    }

    fn by_rfc(&self, document: &Value) -> Result<Value, usize> {
        if self.body.is_object() {
            Ok(rfc7396::apply(self.body, document))
        } else {
            rfc6902::apply(self.body, document)
        }
    }
}

/// By value: what is equal by its text need not be looked at.
fn are_equal(one: &Value, other: &Value) -> bool {
    one == other || rfc6902::equal(one, other)
}

/// The value with canonical numbers, as it is stored.
fn canonical(value: &Value) -> Value {
    let text = value.to_string();
    let raw: &RawValue = serde_json::from_str(&text).unwrap();
    parse_value(raw, 0, &Limits::DYNAMODB).unwrap()
}

/// Patches, each of which is tried on all documents.
struct World<'w> {
    documents: &'w [Value],
    /// How many patches there are, and each by its number.
    count: usize,
    body: &'w (dyn Fn(usize) -> Value + Sync),
    /// With the hints of how many documents each patch is planned. Of two documents of one shape the
    /// hints are the same.
    hints: usize,
    /// Of how many pairs one is tried in memory.
    memory: usize,
    rules: &'w Rules,
}

impl World<'_> {
    fn run(&self, part: Part) -> Tally {
        let mut shapes: Vec<Hints> = Vec::new();
        for document in self.documents {
            let hints = Hints::of(document);
            if !shapes.contains(&hints) {
                shapes.push(hints);
            }
        }
        on_workers(|worker, tally| {
            for number in part.of_worker(worker).numbers(self.count) {
                let body = (self.body)(number);
                let Ok(patch) = Patch::parse_merge(body.to_string().as_bytes()) else { continue };
                let hints = self.hints.min(shapes.len());
                // The shapes take turns.
                let hints = (0..hints).map(|each| &shapes[(number * hints + each) % shapes.len()]);
                let planned = Planned::new(&body, &patch, self.rules, hints);
                tally.patches += 1;
                for (place, document) in self.documents.iter().enumerate() {
                    let in_memory = (number + place).is_multiple_of(self.memory);
                    planned.check(document, in_memory, tally);
                }
            }
        })
    }
}

fn on_workers(work: impl Fn(usize, &mut Tally) + Sync) -> Tally {
    let mut sum = Tally::default();
    std::thread::scope(|scope| {
        let work = &work;
        let spawn = |worker| {
            scope.spawn(move || {
                let mut tally = Tally::default();
                work(worker, &mut tally);
                tally
            })
        };
        for worker in (0..WORKERS).map(spawn).collect::<Vec<_>>() {
            sum += worker.join().unwrap();
        }
    });
    sum
}

/// Every patch of one operation.
fn one_operation(size: Size, part: Part) -> Tally {
    let scalars = json!([1, "xx", null]);
    let scalars = scalars.as_array().unwrap();
    let documents = values::two_names(&size.pick([
        values::some(),
        values::two_levels(scalars, 2),
        values::two_levels(scalars, 3),
    ]));
    let paths = size.pick([
        [values::pointers(&["a", "0", "1", "-"], 2), vec!["/a/0/a".into(), "/a/1/a".into()]]
            .concat(),
        values::pointers(&["a", "0", "1", "-"], 3),
        values::pointers(&["a", "0", "1", "2", "-", "01"], 3),
    ]);
    let added = json!([1, "xx", null, {}, [], {"a": 1.0}, [1]]);
    let operations = values::operations(&paths, added.as_array().unwrap(), &paths);
    World {
        documents: &documents,
        count: operations.len(),
        body: &|number| json!([operations[number]]),
        hints: 3,
        memory: size.pick([1, 64, 1_024]),
        rules: Rules::none(),
    }
    .run(part)
}

/// Every patch of one operation, planned with the hints of every document.
fn all_hints(size: Size, part: Part) -> Tally {
    let documents = values::two_names(&values::some());
    let paths = size.pick([
        values::pointers(&["a", "0", "1"], 2),
        values::pointers(&["a", "0", "1", "2", "-"], 2),
        values::pointers(&["a", "0", "1", "2", "-"], 3),
    ]);
    let ends = values::pointers(&["a", "0", "1", "-"], 2);
    let operations = values::operations(&paths, &[json!(1), json!({"a": 1})], &ends);
    World {
        documents: &documents,
        count: operations.len(),
        body: &|number| json!([operations[number]]),
        hints: size.pick([16, usize::MAX, usize::MAX]),
        memory: size.pick([16, 1, 1]),
        rules: Rules::none(),
    }
    .run(part)
}

/// Every patch of two operations.
fn two_operations(size: Size, part: Part) -> Tally {
    let numbers = [json!(1), json!("xx")];
    let documents = values::two_names(&size.pick([
        values::some()[3..9].to_vec(),
        values::some(),
        values::two_levels(&numbers, 2),
    ]));
    let paths = size.pick([
        values::pointers(&["0", "1"], 2),
        values::pointers(&["a", "0", "1", "-"], 2),
        values::pointers(&["a", "0", "1", "2", "-"], 2),
    ]);
    let added = json!([1, {"a": 1}, [1]]);
    let added = &added.as_array().unwrap()[..size.pick([2, 2, 3])];
    let ends = size.pick([
        vec!["/0".to_owned(), "/0/0".to_owned(), "/0/1".to_owned()],
        ["", "/a", "/0", "/a/0", "/a/1", "/a/-", "/a/a", "/0/0", "/0/1"]
            .map(str::to_owned)
            .to_vec(),
        paths.clone(),
    ]);
    let operations = values::operations(&paths, added, &ends);
    let count = operations.len();
    World {
        documents: &documents,
        count: count * count,
        body: &|number| json!([operations[number / count], operations[number % count]]),
        hints: size.pick([4, 12, 3]),
        memory: size.pick([8, 64, 4_096]),
        rules: Rules::none(),
    }
    .run(part)
}

/// Every merge patch of one to three levels.
fn merges(size: Size, part: Part) -> Tally {
    let scalars = [json!(1), json!("xx"), Value::Null];
    let values = size.pick([
        values::some(),
        values::two_levels(&scalars, 1),
        values::two_levels(&scalars, 2),
    ]);
    let documents = values::two_names(&values);
    World {
        documents: &documents,
        count: documents.len(),
        body: &|number| documents[number].clone(),
        hints: 3,
        memory: size.pick([8, 16, 16]),
        rules: Rules::none(),
    }
    .run(part)
}

/// Arrays of all lengths up to some that are longer than a plan moves elements of.
fn long_arrays(size: Size, part: Part) -> Tally {
    let longest = size.pick([20, 120, 120]);
    let documents: Vec<_> =
        (0..=longest).map(|length| json!({"a": (0..length).collect::<Vec<usize>>()})).collect();
    let mut bodies = Vec::new();
    for index in 0..=longest {
        let at = format!("/a/{index}");
        let add = json!({"op": "add", "path": at, "value": "x"});
        let first = json!({"op": "remove", "path": "/a/0"});
        bodies.extend([
            json!([add]),
            json!([add, add]),
            json!([first, add]),
            json!([add, first]),
            json!([{"op": "remove", "path": at}]),
            json!([{"op": "remove", "path": at}, {"op": "add", "path": "/a/1", "value": 1}]),
            json!([{"op": "move", "from": "/a/0", "path": at}]),
            json!([{"op": "move", "from": at, "path": "/a/0"}]),
            json!([{"op": "copy", "from": at, "path": "/a/1"}]),
            json!([{"op": "add", "path": "/a/-", "value": 1}, add]),
        ]);
    }
    World {
        documents: &documents,
        count: bodies.len(),
        body: &|number| bodies[number].clone(),
        hints: usize::MAX,
        memory: 8,
        rules: Rules::none(),
    }
    .run(part)
}

/// Patches of one and of two operations under each of these rules.
fn rules(size: Size, part: Part) -> Tally {
    let schemas = [
        json!({"properties": {"a": {"type": ["object", "null"]}}}),
        json!({"properties": {"a": {"maxItems": 2}, "0": {"minItems": 1}}}),
        json!({"properties": {"a": {"maxProperties": 1}, "0": {"minProperties": 1}}}),
        json!({"required": ["a"], "maxProperties": 1}),
        json!({"dependentRequired": {"a": ["0"]}}),
        json!({"properties": {"a": {"dependentRequired": {"0": ["a"]}}}}),
        json!({"properties": {"a": {"items": {"type": "number"}}}}),
        json!({"properties": {"a": {"prefixItems": [{"type": "number"}], "items": {"type": "object"}}}}),
        json!({"properties": {"a": {"readOnly": true}}}),
        json!({"properties": {"a": {"items": {"readOnly": true}}}}),
        json!({"properties": {"a": {"prefixItems": [true, {"readOnly": true}]}}}),
        json!({"properties": {"a": {"properties": {"0": {"readOnly": true}}}}}),
        json!({"properties": {"a": true}, "additionalProperties": false}),
        json!({"properties": {"a": {"additionalProperties": {"type": "number"}}}}),
        json!({"properties": {"a": {"propertyNames": {"const": "a"}}}}),
        json!({"properties": {"a": {"enum": [1, [1], {"a": 1}]}}}),
        json!({"properties": {"a": {"uniqueItems": true}}}),
        json!({"properties": {"a": {"contains": {"const": 1}}}}),
        json!({"if": {"required": ["0"]}, "then": {"properties": {"a": {"type": "array"}}}}),
        json!({"anyOf": [{"required": ["a"]}, {"properties": {"0": {"minItems": 2}}}]}),
        json!({"properties": {"a": {"not": {"maxItems": 1}}}}),
        json!({
            "$defs": {"n": {"items": {"$ref": "#/$defs/n"}, "maxItems": 2}},
            "properties": {"a": {"$ref": "#/$defs/n"}}
        }),
    ];
    let documents = values::two_names(&values::some()[size.pick([4..9, 0..16, 0..16])]);
    let paths = values::pointers(&["a", "0", "1", "-"], 2);
    let added = [json!(1), json!([2, 1]), json!({"a": 1})];
    let ends = ["/a", "/0", "/a/0", "/a/1", "/0/0", "/a/a"].map(str::to_owned);
    let alone = values::operations(&paths, &added, &ends[..4]);
    let paths = ["/a", "/0", "/a/0", "/a/1", "/a/-", "/a/a"].map(str::to_owned);
    let two = values::operations(
        &paths[..size.pick([3, 6, 6])],
        &added[..size.pick([2, 2, 3])],
        &ends[..size.pick([2, 4, 6])],
    );
    let mut tally = Tally::default();
    for schema in schemas {
        let rules = Rules::parse(&schema.to_string()).unwrap();
        tally += World {
            documents: &documents,
            count: alone.len() + two.len() * two.len(),
            body: &|number| match number.checked_sub(alone.len()) {
                None => json!([alone[number]]),
                Some(number) => json!([two[number / two.len()], two[number % two.len()]]),
            },
            hints: 3,
            memory: 64,
            rules: &rules,
        }
        .run(part);
    }
    tally
}

/// For all two documents, the patch that takes the change from one to the other back, and the write of
/// a Rewrite that makes the change.
fn changes(size: Size, part: Part) -> Tally {
    let documents = values::two_names(&values::long()[..size.pick([7, 17, 17])]);
    let limits = &Limits::DYNAMODB;
    let parts = AtomicU64::new(0);
    let tally = on_workers(|worker, tally| {
        for number in part.of_worker(worker).numbers(documents.len() * documents.len()) {
            let (before, after) =
                (&documents[number / documents.len()], &documents[number % documents.len()]);
            let write = Update::of_difference(before, after.clone(), ATTRIBUTE, limits);
            let written = Expressions::read(&write).unwrap().apply(before);
            assert_eq!(written.as_ref(), Ok(after), "document {before}\n{write:?}");

            let back = undo(after, before, limits);
            let patch = Patch::try_from(&back).unwrap();
            let whole = json!([{"op": "replace", "path": "", "value": before}]);
            assert!(json!(back).to_string().len() <= whole.to_string().len(), "{back}");
            let (body, shape) = (json!(back), Hints::of(after));
            let planned = Planned::new(&body, &patch, Rules::none(), [&shape]);
            assert_eq!(
                planned.by_rfc(after).as_ref(),
                Ok(before),
                "document {after}\npatch {body}"
            );
            tally.patches += 1;
            parts.fetch_add(u64::from(body != whole), Relaxed);
            // What the patch was not made for is changed as the RFC says, or not at all.
            let others = documents.iter().skip(number % 7).step_by(documents.len() / 4);
            for document in [after].into_iter().chain(others) {
                planned.check(document, true, tally);
            }
        }
    });
    // Many do not replace the document as a whole, which is what an undo patch falls back to.
    let parts = parts.into_inner();
    assert!(parts * 4 >= tally.patches, "{parts} of {tally}");
    tally
}

/// Random patches of one to four operations, and merge patches, on the document that they were made
/// for and on some others.
fn random(size: Size, part: Part) -> Tally {
    const OTHERS: usize = 12;
    let count = size.pick([1_000, 100_000, 4_000_000]) / part.of / WORKERS;
    on_workers(|worker, tally| {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&(part.of_worker(worker).number as u64).to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let patches = prop_oneof![
            4 => generate::document_and_patch(4),
            1 => generate::document_and_merge(),
        ];
        let mut documents: Vec<Value> = Vec::new();
        for number in 0..count {
            let (document, body) = patches.new_tree(&mut runner).unwrap().current();
            documents.truncate(OTHERS);
            documents.insert(0, canonical(&document));
            let Ok(patch) = Patch::parse_merge(body.to_string().as_bytes()) else { continue };
            let hints: Vec<_> = documents.iter().take(3).map(Hints::of).collect();
            let planned = Planned::new(&body, &patch, Rules::none(), &hints);
            tally.patches += 1;
            for (place, document) in documents.iter().enumerate() {
                planned.check(document, place == 0 || (number + place) % 8 == 0, tally);
            }
        }
    })
}

#[test]
fn every_small_patch_of_every_small_document_ends_as_the_rfc_says() {
    let (size, part) = (Size::of_environment(), Part::of_environment());
    let mut all = Tally::default();
    let begin = Instant::now();
    // Each world, and the least percentages of what holds and of what applies in memory.
    let worlds: [(_, fn(_, _) -> _, _, _); 8] = [
        ("one operation", one_operation, 1, 1),
        ("one operation, all hints", all_hints, 5, 5),
        ("two operations", two_operations, 2, 2),
        ("merge patches", merges, 30, 100),
        ("long arrays", long_arrays, 40, 40),
        ("rules", rules, 15, 15),
        ("changes taken back", changes, 50, 50),
        ("random", random, 12, 40),
    ];
    for (name, world, held, applied) in worlds {
        let tally = world(size, part);
        println!("{name}: {tally}");
        // A part has operations of some kinds more than others.
        if size != Size::All {
            tally.has_at_least(held, applied);
        }
        all += tally;
    }
    println!("all: {all}, in {} s", begin.elapsed().as_secs());
    let least = size.pick([1_000_000, 100_000_000, 10_000_000_000]) / part.of as u64;
    assert!(all.pairs >= least, "{all}");
}
