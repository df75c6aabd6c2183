//! Rules against an implementation of JSON Schema that others have written, on random schemas,
//! documents and patches. `RULES_CASES` is how many.
//!
//! To see that the tests find errors, one thing at a time was taken out or changed, and 20,000 random cases
//! were run, and all of two operations on small arrays:
//!
//! | taken out or changed | found by |
//! |---|---|
//! | a stored value that was moved may break any rule | random |
//! | `maxItems` asks for one element too many | random |
//! | what is removed needs no condition | random |
//! | `required` does not see what is removed | random |
//! | `dependentRequired` asks for nothing | random |
//! | what `dependentRequired` needs may be removed | random |
//! | elements that move may break any rule | random |
//! | an element that was copied counts as moved | random |
//! | elements may move to `prefixItems` | small arrays |
//! | elements behind those that move are forgotten | small arrays |
//! | an appended element is not looked at | random |
//! | `uniqueItems` and `contains` do not look at the array | random |
//! | `enum` does not look at the whole | random |
//! | `if` looks at nothing | random |
//! | `anyOf` looks at nothing | random |
//! | a schema that is judged does not see what is removed | random |
//! | `readOnly` below a new value is forgotten | random |
//! | a read-only member may be removed | random |
//! | names of new members are not looked at | random |
//! | `additionalProperties: false` lets new members in | random |
//! | a member that is removed makes room, were it there or not | random |
//! | in memory: only places that are read-only after the change count | random |
//! | in memory: old violations count as new | random |
//! | in memory: indexes count | random |
//! | in memory: a new violation is told at an old place | random |
//! | in memory: a violation of another schema makes up for one | a unit test of `rules.rs`; not the random ones |
//! | in memory: `prefixItems` follow the rules of `items` | random |
//! | in memory: `else` follows the rules of `then` where only the outcome counts | random |
//! | `multipleOf` forgets powers of ten | a unit test of `decimal.rs`; not the random ones |
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test")]

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use json_patch_dynamodb::{
    BrokenRules, Explanation, Hints, Limits, Patch, Plan, Rules, apply, from_attribute,
    parse_value, to_attribute,
};
use jsonschema::{Draft, Validator, error::ValidationErrorKind};
use local::{engine, generate, sample, table};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngSeed, TestRunner},
};
use serde_json::{Value, json, value::RawValue};
use tokio::time::Instant;
use update_organization_option::{
    authorize::{AccessRules, Caller, OrgAccess},
    request::{Event, PatchRequest},
    store::{
        ATTEMPT_TIMEOUT, DOCUMENT, Effort, Store, StoreConfig, StoreError, Trust, http_client,
        timeouts,
    },
};

fn canonical(value: &Value) -> Value {
    let text = value.to_string();
    let raw: &RawValue = serde_json::from_str(&text).unwrap();
    parse_value(raw, 0, &Limits::DYNAMODB).unwrap()
}

fn oracle(schema: &Value) -> Validator {
    let options = jsonschema::options().with_draft(Draft::Draft202012);
    options.should_validate_formats(true).build(schema).unwrap()
}

/// Pointers, and the places of the keywords that are broken there.
type Places = BTreeSet<(String, String)>;

fn broken(oracle: &Validator, document: &Value) -> Places {
    let errors = oracle.iter_errors(document).filter(|error| match error.kind() {
        // jsonschema 0.60 also says so of a member that is there, where it is the only one of `required`,
        // `properties` does not name it and `additionalProperties` is `false`.
        ValidationErrorKind::Required { property } => {
            let object = document.pointer(error.instance_path().as_str());
            property.as_str().is_none_or(|name| object.is_none_or(|all| all.get(name).is_none()))
        }
        _ => true,
    });
    let place = |error: jsonschema::ValidationError<'_>| {
        (error.instance_path().to_string(), error.schema_path().to_string())
    };
    errors.map(place).collect()
}

/// A pointer with a star in place of each index, and the place of a keyword.
type Kind = (String, String);

fn kind(document: &Value, pointer: &str, place: &str) -> Kind {
    let (mut at, mut starred) = (document, String::new());
    for token in pointer.split('/').skip(1) {
        let is_index = at.is_array();
        at = at.pointer(&format!("/{token}")).unwrap();
        starred = format!("{starred}/{}", if is_index { "*" } else { token });
    }
    (starred, place.to_owned())
}

/// How many violations there are of each kind.
fn kinds(document: &Value, places: &Places) -> BTreeMap<Kind, i64> {
    let mut kinds = BTreeMap::new();
    for (pointer, place) in places {
        *kinds.entry(kind(document, pointer, place)).or_default() += 1;
    }
    kinds
}

/// How many violations there are more than before, of the kinds of which there are more.
fn more(
    before: &Value,
    broken_before: &Places,
    after: &Value,
    broken_after: &Places,
) -> BTreeMap<Kind, i64> {
    let before = kinds(before, broken_before);
    let mut more = kinds(after, broken_after);
    for (kind, count) in &mut more {
        *count -= before.get(kind).copied().unwrap_or_default();
    }
    more.retain(|_, count| *count > 0);
    more
}

fn told(rules: &Rules, document: &Value) -> Places {
    let violations = rules.violations(document).into_iter();
    violations.map(|each| (each.pointer.to_string(), each.place.to_string())).collect()
}

/// Compares a list of ten at most with all that there is.
fn same(told: &Places, all: &Places) -> bool {
    if all.len() < 10 { told == all } else { told.len() <= 10 && told.is_subset(all) }
}

/// Marks the index of an element in a pointer, as a member may have the same name.
const INDEX: char = '\u{1}';

/// What is at a pointer with marked indexes.
fn at_marked<'d>(document: &'d Value, pointer: &str) -> Option<&'d Value> {
    pointer.split('/').skip(1).try_fold(document, |value, token| match token.strip_prefix(INDEX) {
        Some(index) => value.as_array()?.get(index.parse::<usize>().unwrap()),
        None => value.as_object()?.get(&token.replace("~1", "/").replace("~0", "~")),
    })
}

/// The places that are read-only in `document`, by walking the schema's text.
fn read_only(
    root: &Value,
    schema: &Value,
    document: &Value,
    at: &str,
    found: &mut BTreeSet<String>,
) {
    let mut below = |schema: &Value, part: &Value, at: &str| {
        read_only(root, schema, part, at, found);
    };
    let is_valid = |schema: &Value, part: &Value| {
        let mut alone = schema.clone();
        if let Some(members) = alone.as_object_mut() {
            members.insert("$defs".into(), root["$defs"].clone());
        }
        oracle(&alone).is_valid(part)
    };
    for schema in schema["allOf"].as_array().into_iter().flatten() {
        below(schema, document, at);
    }
    for keyword in ["anyOf", "oneOf"] {
        for schema in schema[keyword].as_array().into_iter().flatten() {
            if is_valid(schema, document) {
                below(schema, document, at);
            }
        }
    }
    if let Some(condition) = schema.get("if") {
        let branch = if is_valid(condition, document) { "then" } else { "else" };
        below(&schema[branch], document, at);
    }
    if let Some(reference) = schema["$ref"].as_str() {
        below(root.pointer(&reference[1..]).unwrap(), document, at);
    }
    for (name, part) in document.as_object().into_iter().flatten() {
        let token = name.replace('~', "~0").replace('/', "~1");
        let at = format!("{at}/{token}");
        let mut is_named = false;
        if let Some(schema) = schema["properties"].get(name) {
            is_named = true;
            below(schema, part, &at);
        }
        for (pattern, schema) in schema["patternProperties"].as_object().into_iter().flatten() {
            if regex_lite::Regex::new(pattern).unwrap().is_match(name) {
                is_named = true;
                below(schema, part, &at);
            }
        }
        if !is_named {
            below(&schema["additionalProperties"], part, &at);
        }
    }
    for (index, part) in document.as_array().into_iter().flatten().enumerate() {
        let own = schema["prefixItems"].get(index).unwrap_or(&schema["items"]);
        below(own, part, &format!("{at}/{INDEX}{index}"));
    }
    if schema["readOnly"] == true {
        found.insert(at.to_owned());
    }
}

/// The read-only places at which the two documents differ.
fn changed(schema: &Value, before: &Value, after: &Value) -> BTreeSet<String> {
    let mut places = BTreeSet::new();
    read_only(schema, schema, before, "", &mut places);
    read_only(schema, schema, after, "", &mut places);
    places.retain(|place| at_marked(before, place) != at_marked(after, place));
    places.into_iter().map(|place| place.replace(INDEX, "")).collect()
}

/// What became of the cases.
#[derive(Debug, Default)]
struct Counts {
    /// Schemas that are not kept, and patches that do not apply.
    skipped: u32,
    refused: u32,
    refused_as_read_only: u32,
    /// Applied although the document breaks rules before.
    ratcheted: u32,
    /// Direct plans whose condition holds; the others are decided in memory.
    direct: u32,
    guarded: u32,
    in_memory: u32,
}

/// A schema, as it is kept and as others keep it.
struct Schema {
    text: Value,
    rules: Rules,
    oracle: Validator,
}

impl Schema {
    /// None of a schema that is not kept.
    fn of(schema: &Value) -> Option<Self> {
        let text = canonical(schema);
        let rules = Rules::parse(&text.to_string()).ok()?;
        let oracle = oracle(&text);
        Some(Self { text, rules, oracle })
    }
}

fn check(
    counts: &mut Counts,
    Schema { text: schema, rules, oracle }: &Schema,
    document: &Value,
    body: &Value,
    ignores_read_only: bool,
    are_hinted: bool,
) {
    let document = canonical(document);
    let rules = if ignores_read_only { rules.ignoring_read_only() } else { rules.clone() };
    let before = broken(oracle, &document);
    assert!(
        same(&told(&rules, &document), &before),
        "{schema}\n{document}\n{:?}\n{before:?}",
        told(&rules, &document)
    );
    let Ok(patch) = Patch::parse_merge(body.to_string().as_bytes()) else {
        return counts.skipped += 1;
    };
    let Ok(after) = apply(&patch, document.clone()) else {
        return counts.skipped += 1;
    };
    let context = || format!("schema {schema}\ndocument {document}\npatch {body}\nafter {after}");

    // What read, apply, compare says.
    let broken_after = broken(oracle, &after);
    let more = more(&document, &before, &after, &broken_after);
    let new: Places = broken_after.difference(&before).cloned().collect();
    let read_only =
        if ignores_read_only { BTreeSet::new() } else { changed(schema, &document, &after) };
    let is_allowed = more.is_empty() && read_only.is_empty();

    // The same in memory.
    match rules.check(&patch, &document, &after) {
        Ok(()) => assert!(is_allowed, "{}\nnew {new:?}, read-only {read_only:?}", context()),
        Err(BrokenRules { operation, violations }) => {
            assert!(!is_allowed, "{}\n{violations:?}", context());
            let places = |are_read_only: bool| {
                let those = violations.iter().filter(|each| each.is_read_only() == are_read_only);
                those.map(|each| (each.pointer.to_string(), each.place.to_string())).collect()
            };
            let (protected, others): (Places, Places) = (places(true), places(false));
            assert!(others.is_subset(&new), "{}", context());
            // As many of each kind as there are more.
            let told = kinds(&after, &others);
            let is_told = |(kind, count): (&Kind, &i64)| told.get(kind) == Some(count);
            assert!(violations.len() == 10 || more.iter().all(is_told), "{}", context());
            assert!(told.iter().all(|(kind, count)| more[kind] >= *count), "{}", context());
            // Of places within each other only the outer one is told.
            assert_eq!(protected.is_empty(), read_only.is_empty(), "{}", context());
            assert!(protected.iter().all(|(at, _)| read_only.contains(at)), "{}", context());
            assert_eq!(violations[0].is_read_only(), !protected.is_empty());
            if let Some(operation) = operation {
                // Before it the first violation is not there, and after it it is.
                let Value::Array(operations) = body else { panic!("{}", context()) };
                let states = [operation.index, operation.index + 1].map(|count| {
                    let first = Value::from(operations[..count].to_vec());
                    let first = Patch::parse(first.to_string().as_bytes()).unwrap();
                    let state = apply(&first, document.clone()).unwrap();
                    let first = &violations[0];
                    if first.is_read_only() {
                        changed(schema, &document, &state).contains(&first.pointer.to_string())
                    } else {
                        let kind =
                            kind(&after, &first.pointer.to_string(), &first.place.to_string());
                        let count = |document: &Value| {
                            let kinds = kinds(document, &broken(oracle, document));
                            kinds.get(&kind).copied().unwrap_or_default()
                        };
                        count(&state) > count(&document)
                    }
                });
                assert_eq!(states, [false, true], "{}", context());
                assert_eq!(operations[operation.index]["op"], operation.op);
            } else {
                assert!(body.is_object());
            }
            counts.refused += 1;
            counts.refused_as_read_only += u32::from(!protected.is_empty());
        }
    }
    counts.ratcheted += u32::from(is_allowed && !before.is_empty());

    // And without the document.
    let hints = if are_hinted { Hints::of(&document) } else { Hints::default() };
    let free = Explanation::of(&patch, "document", &hints);
    let kept = Explanation::keeping(&rules, &patch, "document", &hints);
    match (&free.plan, &kept.plan) {
        (Plan::Direct(free_update), Plan::Direct(update)) => {
            assert_eq!(free_update.set.len(), update.set.len());
            assert_eq!(free_update.remove, update.remove);
            assert!(update.conditions.starts_with(&free_update.conditions));
            if kept.holds(&document) {
                assert!(
                    is_allowed,
                    "direct: {}\nnew {new:?}, read-only {read_only:?}\n{update:?}",
                    context()
                );
                counts.direct += 1;
                counts.guarded += u32::from(update.conditions.len() > free_update.conditions.len());
            } else {
                counts.in_memory += 1;
            }
        }
        (Plan::Check, Plan::Check) => {}
        (Plan::Direct(_) | Plan::Rewrite(_), Plan::Rewrite(_)) => counts.in_memory += 1,
        (free, kept) => panic!("{free:?} {kept:?}"),
    }
}

fn cases(default: u32) -> u32 {
    std::env::var("RULES_CASES").map_or(default, |cases| cases.parse().unwrap())
}

/// Each worker runs its share of the cases.
const WORKERS: u32 = 2;

#[test]
fn rules_are_kept_as_another_implementation_says() {
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            scope.spawn(move || {
                let mut counts = Counts::default();
                let patches = prop_oneof![
                    3 => generate::document_and_patch(0),
                    1 => generate::document_and_merge(),
                ];
                let strategy = (generate::schema(), patches, any::<[bool; 2]>());
                // The same seed in each would make the same cases in each.
                let mut config = Config { failure_persistence: None, ..Config::default() };
                if let RngSeed::Fixed(seed) = &mut config.rng_seed {
                    *seed = seed.wrapping_add(worker.into());
                }
                let mut runner = TestRunner::new(config);
                for _ in 0..cases(5_000) / WORKERS {
                    let (schema, (document, body), [ignores_read_only, are_hinted]) =
                        strategy.new_tree(&mut runner).unwrap().current();
                    let Some(schema) = Schema::of(&schema) else {
                        counts.skipped += 1;
                        continue;
                    };
                    check(&mut counts, &schema, &document, &body, ignores_read_only, are_hinted);
                }
                println!("{counts:?}");
                assert!(counts.direct > counts.skipped, "{counts:?}");
            });
        }
    });
}

/// Every patch of two operations of an array of at most three elements, some of which break the rules.
#[test]
fn rules_of_elements_are_kept_by_all_that_two_operations_do() {
    let (text, number) = (json!({"type": "string"}), json!({"type": "number"}));
    let schemas = [
        json!({"items": text}),
        json!({"prefixItems": [text], "items": number}),
        json!({"prefixItems": [text, number]}),
        json!({"items": text, "minItems": 1, "maxItems": 2}),
        json!({"items": {"readOnly": true}}),
        json!({"prefixItems": [true, {"readOnly": true}]}),
        json!({"items": {"properties": {"b": text}, "minProperties": 1}}),
    ];
    let values = [json!("x"), json!(1)];
    let mut documents = vec![vec![]];
    for length in 0..3 {
        let longer = documents.iter().filter(|document: &&Vec<Value>| document.len() == length);
        let longer = longer.flat_map(|document| {
            values.iter().map(|value| [&document[..], std::slice::from_ref(value)].concat())
        });
        documents.extend(longer.collect::<Vec<_>>());
    }
    let (text, number) = (json!({"b": "x"}), json!({"b": 1}));
    documents.extend([
        vec![text.clone()],
        vec![number.clone()],
        vec![text.clone(), number.clone()],
        vec![number.clone(), text],
        vec![json!("x"), number],
    ]);
    let mut operations = Vec::new();
    for at in 0..3 {
        let path = format!("/a/{at}");
        operations.push(json!({"op": "remove", "path": path}));
        operations.push(json!({"op": "add", "path": format!("{path}/b"), "value": 1}));
        operations.push(json!({"op": "remove", "path": format!("{path}/b")}));
        for value in &values {
            operations.push(json!({"op": "add", "path": path, "value": value}));
            operations.push(json!({"op": "replace", "path": path, "value": value}));
        }
        for from in 0..3 {
            let from = format!("/a/{from}");
            operations.push(json!({"op": "move", "from": from, "path": path}));
            operations.push(json!({"op": "copy", "from": from, "path": path}));
        }
    }
    operations.push(json!({"op": "add", "path": "/a/-", "value": 1}));
    operations.push(json!({"op": "copy", "from": "/a/0", "path": "/a/-"}));
    let mut counts = Counts::default();
    for schema in schemas {
        let schema = Schema::of(&json!({"properties": {"a": schema}})).unwrap();
        for document in &documents {
            let document = json!({"a": document});
            for (number, first) in operations.iter().enumerate() {
                for (other, second) in operations.iter().enumerate() {
                    let (body, are_hinted) = (json!([first, second]), (number + other) % 2 == 0);
                    check(&mut counts, &schema, &document, &body, false, are_hinted);
                }
            }
        }
    }
    println!("{counts:?}");
    assert!(counts.direct > 10_000 && counts.refused > 10_000, "{counts:?}");
}

/// The function's store, on a table of its own.
struct Table {
    client: Client,
    name: String,
    store: Store,
    access: OrgAccess,
}

fn event(body: &Value) -> Event {
    let claims = json!({
        "sub": "ann", "custom:org_guid": sample::ORG, "scope": "options/write"
    });
    let event = json!({
        "pathParameters": {"org_guid": sample::ORG, "option_guid": sample::OPTION},
        "headers": {"Content-Type": "application/merge-patch+json"},
        "body": body.to_string(),
        "requestContext": {"authorizer": {"claims": claims}}
    });
    serde_json::from_value(event).unwrap()
}

impl Table {
    async fn start() -> Self {
        let endpoint = match std::env::var("DYNAMODB_ENDPOINT") {
            Ok(endpoint) => endpoint,
            Err(_) => engine::start().await.unwrap(),
        };
        let client =
            local::client(&endpoint, http_client(Trust::Anyone), timeouts(ATTEMPT_TIMEOUT));
        let name = format!("rules-{}", std::process::id());
        table::prepare(&client, &name).await.unwrap();
        let store = Store::new(client.clone(), StoreConfig::new(&*name));
        let event = event(&json!([]));
        let caller = Caller::of(&event).unwrap();
        let access = caller.access(sample::ORG.parse().unwrap(), &AccessRules::default()).unwrap();
        Self { client, name, store, access }
    }

    fn key() -> HashMap<String, AttributeValue> {
        let key = json!({
            "pk": format!("ORG#{}", sample::ORG), "sk": format!("OPTION#{}", sample::OPTION)
        });
        to_attribute(key).as_m().unwrap().clone()
    }

    async fn put(&self, document: &Value) {
        let mut item = Self::key();
        item.insert("document".into(), to_attribute(document.clone()));
        item.insert("version".into(), AttributeValue::N("1".into()));
        self.client.put_item().table_name(&self.name).set_item(Some(item)).send().await.unwrap();
    }

    /// The stored document, and its version.
    async fn stored(&self) -> (Value, String) {
        let get = self.client.get_item().table_name(&self.name).set_key(Some(Self::key()));
        let mut item = get.consistent_read(true).send().await.unwrap().item.unwrap();
        let document = from_attribute(item.remove("document").unwrap()).unwrap();
        (document, item["version"].as_n().unwrap().clone())
    }

    /// Checks that the store answers, and leaves, what read, apply, compare and write would.
    async fn check(
        &self,
        schema: &Value,
        document: &Value,
        body: &Value,
        are_hinted: bool,
    ) -> bool {
        let (schema, document) = (canonical(schema), canonical(document));
        let (Ok(rules), Ok(request)) =
            (Rules::parse(&schema.to_string()), PatchRequest::parse(&event(body)))
        else {
            return false;
        };
        self.put(&document).await;
        let hints = if are_hinted { Hints::of(&document) } else { Hints::default() };
        let plan = Plan::keeping(&rules, &request.patch, DOCUMENT, &hints);
        let mut effort = Effort::until(Instant::now() + Duration::from_secs(20));
        let change = self.store.change(&self.access, &request, &rules, &plan, "write", &mut effort);
        let outcome = change.await;
        let stored = self.stored().await;

        let context = || format!("schema {schema}\ndocument {document}\npatch {body}\n{plan:?}");
        let after = apply(&request.patch, document.clone());
        let is_allowed = after.as_ref().is_ok_and(|after| {
            let oracle = oracle(&schema);
            let (broken_before, broken_after) =
                (broken(&oracle, &document), broken(&oracle, after));
            more(&document, &broken_before, after, &broken_after).is_empty()
                && changed(&schema, &document, after).is_empty()
        });
        match (outcome, after) {
            (Ok(_), Ok(after)) => {
                assert!(is_allowed, "{}", context());
                let version = if plan == Plan::Check { "1" } else { "2" };
                assert_eq!(stored, (after, version.into()), "{}", context());
            }
            (Err(StoreError::Rules { broken, .. }), Ok(after)) => {
                assert!(!is_allowed, "{}", context());
                let is_read_only = !changed(&schema, &document, &after).is_empty();
                assert_eq!(broken.is_read_only(), is_read_only, "{}", context());
                assert_eq!(stored, (document.clone(), "1".into()), "{}", context());
            }
            (Err(StoreError::Patch { .. }), Err(_)) => {
                assert_eq!(stored, (document.clone(), "1".into()), "{}", context());
            }
            (outcome, after) => panic!("{outcome:?} {after:?}\n{}", context()),
        }
        assert!(effort.requests <= 2, "{}", context());
        true
    }
}

#[tokio::test]
async fn an_engine_is_left_as_another_implementation_says() {
    let table = Table::start().await;
    let patches = prop_oneof![
        3 => generate::document_and_patch(3),
        1 => generate::document_and_merge(),
    ];
    let strategy = (generate::schema(), patches, any::<bool>());
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let mut checked = 0;
    for _ in 0..cases(2_000) {
        let (schema, (document, body), are_hinted) =
            strategy.new_tree(&mut runner).unwrap().current();
        checked += u32::from(table.check(&schema, &document, &body, are_hinted).await);
    }
    println!("{checked} checked");
    assert!(checked * 2 > cases(2_000));
}

/// A copy of an element that comes to the very index that the element had is one element more.
#[test]
fn a_copy_of_an_element_is_counted() {
    let of = |schema: Value| Schema::of(&json!({"properties": {"a": {"items": schema}}})).unwrap();
    let (text, object) =
        (of(json!({"type": "string"})), of(json!({"properties": {"x": {"type": "string"}}})));
    let mut counts = Counts::default();
    for kind in ["move", "copy"] {
        let body = json!([
            {"op": "copy", "from": "/a", "path": "/b"},
            {"op": "remove", "path": "/a/0"},
            {"op": kind, "from": "/b/1", "path": "/a/1"},
            {"op": "remove", "path": "/b"}
        ]);
        check(&mut counts, &text, &json!({"a": ["x", 1]}), &body, false, false);
    }
    let body = json!([
        {"op": "copy", "from": "/a", "path": "/b"},
        {"op": "copy", "from": "/b/1", "path": "/a/2"},
        {"op": "move", "from": "/a/0", "path": "/c"}
    ]);
    check(&mut counts, &object, &json!({"a": ["x", {"x": 1}]}), &body, false, true);
    assert_eq!((counts.refused, counts.in_memory), (3, 3));
}
