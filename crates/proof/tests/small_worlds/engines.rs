//! The evaluator of expressions against an engine: dynoxide in this process, or the one at
//! `DYNAMODB_ENDPOINT`. Half of the updates are those of plans. The other half are random texts, of
//! which many are refused. `SMALL_WORLDS_UPDATES` is how many (1,000).

use std::{borrow::Cow, collections::HashMap};

use aws_sdk_dynamodb::{
    Client,
    config::timeout::TimeoutConfig,
    error::{ProvideErrorMetadata as _, SdkError},
    types::{AttributeValue, PutRequest, ReturnValue, WriteRequest},
};
use fastrand::Rng;
use json_patch_dynamodb::{Hints, Patch, Plan, Update, from_attribute, to_attribute};
use local::{engine, generate};
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::TestRunner,
};
use serde_json::{Value, json};
use update_organization_option::store::{Trust, http_client};

use super::{
    canonical,
    expressions::{ATTRIBUTE, Expressions},
    values,
};

/// The most items of one `BatchWriteItem`.
const BATCH: usize = 25;

/// A table of its own.
pub(crate) struct Table {
    client: Client,
    name: String,
}

/// What becomes of an update.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    Written(Value),
    ConditionFailed,
    Refused,
}

/// Whether an engine may do this with an update of the document.
fn is_right(made: &Outcome, update: &Update<'_>, document: &Value) -> bool {
    match Expressions::read(update) {
        Ok(expressions) if expressions.hold(document) => {
            *made == expressions.apply(document).map_or(Outcome::Refused, Outcome::Written)
        }
        Ok(_) => *made == Outcome::ConditionFailed,
        // DynamoDB refuses it. dynoxide sees some overlaps only once the condition holds.
        Err(_) => !matches!(made, Outcome::Written(_)),
    }
}

#[tokio::test]
async fn an_engine_does_what_the_evaluator_does() {
    let count = std::env::var("SMALL_WORLDS_UPDATES").map_or(1_000, |count| count.parse().unwrap());
    let table = table("updates").await;
    let documents = values::two_names(&values::some());
    let mut rng = Rng::with_seed(1);
    let mut runner = TestRunner::deterministic();
    let patches = generate::document_and_patch(30);
    let mut counts: [usize; 3] = [0; 3];
    for _ in 0..count / BATCH {
        let planned = std::iter::repeat_with(|| {
            let (document, body) = patches.new_tree(&mut runner).unwrap().current();
            let document = canonical(&document);
            let patch = Patch::parse(body.to_string().as_bytes()).ok()?;
            let hints = if rng.bool() { Hints::of(&document) } else { Hints::default() };
            let Plan::Direct(update) = Plan::of(&patch, ATTRIBUTE, &hints) else { return None };
            // An engine takes no update without a clause.
            (!update.update_expression().is_empty()).then(|| (document, owned(update)))
        });
        let mut cases: Vec<_> = planned.flatten().take(BATCH / 2).collect();
        while cases.len() < BATCH {
            let document = rng.choice(&documents).unwrap();
            cases.push((document.clone(), random(&mut rng, document)));
        }
        put(&table, cases.iter().map(|(document, _)| document)).await;
        for (number, (document, update)) in cases.iter().enumerate() {
            let made = send(&table, number, update).await;
            assert!(is_right(&made, update, document), "{update:?}\ndocument {document}\n{made:?}");
            let kind = match made {
                Outcome::Written(_) => 0,
                Outcome::ConditionFailed => 1,
                Outcome::Refused => 2,
            };
            counts[kind] += 1;
        }
    }
    let [written, failed, refused] = counts;
    println!(
        "updates on the engine: {written} written, {failed} whose condition fails, {refused} refused"
    );
    assert!(counts.iter().all(|each| each * 10 > counts.iter().sum()));
}

pub(crate) fn owned(update: Update<'_>) -> Update<'static> {
    let Update { set, remove, conditions, names, values } = update;
    let values = values.into_iter().map(|value| Cow::Owned(value.into_owned()));
    Update { set, remove, conditions, names, values: values.collect() }
}

/// Some clauses, many of which do not fit the document, or each other.
fn random(rng: &mut Rng, document: &Value) -> Update<'static> {
    let mut update = Update::default();
    for _ in 0..rng.usize(1..=3) {
        let (to, from) = (path(rng, document), path(rng, document));
        let values = &mut update.values;
        let mut value = |value: Value| placeholder(values, value);
        match rng.u8(..8) {
            0 | 1 => update.set.push(format!("{to}={}", value(json!({"v": [1]})))),
            2 | 3 => update.set.push(format!("{to}={from}")),
            4 => update.set.push(format!("{to}=list_append({from},{})", value(json!([1, "x"])))),
            5 => update.set.push(format!("{to}=list_append({},{from})", value(json!(["x"])))),
            _ => update.remove.push(to),
        }
    }
    for _ in 0..rng.usize(..3) {
        let of = path(rng, document);
        let values = &mut update.values;
        let mut value = |value: Value| placeholder(values, value);
        let condition = match rng.u8(..5) {
            0 => format!("attribute_exists({of})"),
            1 => format!(
                "attribute_type({of},{})",
                value(json!(*rng.choice(&["M", "L", "N", "S"]).unwrap()))
            ),
            2 => format!("{of}={}", value(rng.choice(&values::some()).unwrap().clone())),
            _ => {
                let comparison = rng.choice(&["=", "<=", ">="]).unwrap();
                format!("size({of}){comparison}{}", value(json!(rng.u8(..3))))
            }
        };
        update.conditions.push(condition);
    }
    let text = format!("{} {}", update.update_expression(), update.condition_expression());
    let names = [("#document", ATTRIBUTE), ("#a", "a"), ("#b", "b"), ("#0", "0")];
    let used = names.iter().filter(|(placeholder, _)| text.contains(placeholder));
    update.names =
        used.map(|(placeholder, name)| ((*placeholder).into(), (*name).into())).collect();
    update
}

/// Adds a value, and gives its placeholder.
fn placeholder(values: &mut Vec<Cow<'_, Value>>, value: Value) -> String {
    values.push(Cow::Owned(value));
    format!(":{}", values.len() - 1)
}

/// A path that mostly leads to something.
fn path(rng: &mut Rng, document: &Value) -> String {
    let (mut path, mut at) = ("#document".to_owned(), document);
    loop {
        // Some steps do not fit what they lead into.
        let fits = rng.u8(..8) > 0;
        if at.is_array() == fits {
            let index = *rng.choice(&[0, 0, 1, 2, 3, 1_000_000]).unwrap();
            path = format!("{path}[{index}]");
            at = at.get(index).unwrap_or(&Value::Null);
        } else {
            let name = *rng.choice(&["a", "0", "a", "0", "b"]).unwrap();
            path = format!("{path}.#{name}");
            at = at.get(name).unwrap_or(&Value::Null);
        }
        let is_end = !at.is_array() && !at.is_object();
        if rng.u8(..if is_end { 8 } else { 3 }) != 1 && (is_end || rng.bool()) {
            return path;
        }
    }
}

/// A new table that has `name` in its name.
pub(crate) async fn table(name: &str) -> Table {
    let endpoint = match std::env::var("DYNAMODB_ENDPOINT") {
        Ok(endpoint) => endpoint,
        Err(_) => engine::start().await.unwrap(),
    };
    let client = local::client(&endpoint, http_client(Trust::Anyone), TimeoutConfig::disabled());
    let table = format!("{name}-{}", std::process::id());
    local::table::prepare(&client, &table).await.unwrap();
    Table { client, name: table }
}

fn key(number: usize) -> HashMap<String, AttributeValue> {
    let text = |text: String| AttributeValue::S(text);
    [("pk".to_owned(), text("case".to_owned())), ("sk".to_owned(), text(number.to_string()))].into()
}

/// Puts these documents, each with its number.
pub(crate) async fn put(table: &Table, documents: impl Iterator<Item = &Value>) {
    let puts = documents.enumerate().map(|(number, document)| {
        let put = PutRequest::builder().set_item(Some(key(number)));
        let put = put.item(ATTRIBUTE, to_attribute(document.clone())).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    });
    let request = table.client.batch_write_item().request_items(&*table.name, puts.collect());
    let unprocessed = request.send().await.unwrap().unprocessed_items;
    assert!(unprocessed.is_none_or(|items| items.is_empty()));
}

pub(crate) async fn send(table: &Table, number: usize, update: &Update<'_>) -> Outcome {
    let mut request = table
        .client
        .update_item()
        .table_name(&*table.name)
        .set_key(Some(key(number)))
        .return_values(ReturnValue::AllNew)
        .update_expression(update.update_expression())
        .set_expression_attribute_names(Some(update.names.clone().into_iter().collect()));
    if !update.conditions.is_empty() {
        request = request.condition_expression(update.condition_expression());
    }
    for (number, value) in update.values.iter().enumerate() {
        let value = to_attribute(value.clone().into_owned());
        request = request.expression_attribute_values(format!(":{number}"), value);
    }
    match request.send().await.map_err(SdkError::into_service_error) {
        Ok(answer) => {
            let mut item = answer.attributes.unwrap();
            Outcome::Written(from_attribute(item.remove(ATTRIBUTE).unwrap()).unwrap())
        }
        Err(error) if error.is_conditional_check_failed_exception() => Outcome::ConditionFailed,
        Err(error) if error.code() == Some("ValidationException") => Outcome::Refused,
        Err(error) => panic!("{error:?}\n{update:?}"),
    }
}
