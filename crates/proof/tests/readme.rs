//! What the README shows, on a real engine.
#![expect(clippy::unwrap_used, reason = "a test ends there")]

use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement};
use json_patch_dynamodb::{Hints, Patch, Plan, from_attribute};
use serde_json::{Value, json};
use update_organization_option::store::{Trust, http_client};

use aws_sdk_dynamodb::{Client, Error, types::AttributeValue};
use json_patch_dynamodb::{Update, to_attribute};

/// Sends `update` for the item `id`; false where its condition does not hold.
async fn send(client: &Client, id: &str, update: Update<'_>) -> Result<bool, Error> {
    let mut request = client
        .update_item()
        .table_name("items")
        .key("id", AttributeValue::S(id.to_owned()))
        .update_expression(update.update_expression())
        .set_expression_attribute_names(Some(update.names.clone().into_iter().collect()));
    if !update.conditions.is_empty() {
        request = request.condition_expression(update.condition_expression());
    }
    for (number, value) in update.values.iter().enumerate() {
        let value = to_attribute(value.clone().into_owned());
        request = request.expression_attribute_values(format!(":{number}"), value);
    }
    match request.send().await.map_err(Error::from) {
        Ok(_) => Ok(true),
        Err(Error::ConditionalCheckFailedException(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

const README: &str = include_str!("../../json-patch-dynamodb/README.md");

/// The README's block of this language.
fn block(language: &str) -> &'static str {
    let (_, rest) = README.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

/// A client of an engine in this process, whose table has one item, `one`, with this document.
async fn client(document: Value) -> Client {
    let endpoint = local::engine::start().await.unwrap();
    let client = local::client(&endpoint, http_client(Trust::Anyone), TimeoutConfig::disabled());
    let id = AttributeDefinition::builder().attribute_name("id").attribute_type("S".into());
    let key = KeySchemaElement::builder().attribute_name("id").key_type("HASH".into());
    let table = client.create_table().table_name("items").billing_mode(BillingMode::PayPerRequest);
    let table = table.attribute_definitions(id.build().unwrap()).key_schema(key.build().unwrap());
    table.send().await.unwrap();
    let put = client.put_item().table_name("items").item("id", AttributeValue::S("one".into()));
    put.item("document", to_attribute(document)).send().await.unwrap();
    client
}

async fn stored(client: &Client) -> Value {
    let get = client.get_item().table_name("items").consistent_read(true);
    let get = get.key("id", AttributeValue::S("one".into()));
    let mut item = get.send().await.unwrap().item.unwrap();
    from_attribute(item.remove("document").unwrap()).unwrap()
}

#[test]
fn the_readme_shows_what_is_tested_here() {
    let shown = block("rust");
    for part in shown.split("\n\n") {
        assert!(include_str!("readme.rs").contains(part.trim_end()), "{part}");
    }
}

#[tokio::test]
async fn the_readmes_patch_becomes_the_readmes_expressions_which_do_what_it_says() {
    let patch = Patch::parse(block("json").as_bytes()).unwrap();
    let Plan::Direct(update) = Plan::of(&patch, "document", Hints::none()) else {
        panic!("not direct")
    };
    let (update_expression, condition) = block("text").trim_end().split_once("\n\n").unwrap();
    assert_eq!(update.update_expression(), update_expression);
    assert_eq!(update.condition_expression(), condition);
    let names = [("#0", "count"), ("#1", "name"), ("#2", "list"), ("#document", "document")];
    assert!(update.names.iter().map(|(a, b)| (&**a, &**b)).eq(names));
    assert_eq!(json!(update.values), json!([1, "L", [3], "Pickup"]));

    let client = client(json!({"name": "Delivery", "list": [1, 2], "count": 1})).await;
    assert!(send(&client, "one", update.clone()).await.unwrap());
    let after = json!({"name": "Pickup", "list": [1, 2, 3], "count": 1});
    assert_eq!(stored(&client).await, after);

    let patch = Patch::parse(br#"[{"op":"replace","path":"/count","value":2}]"#).unwrap();
    let Plan::Direct(other) = Plan::of(&patch, "document", Hints::none()) else {
        panic!("not direct")
    };
    assert!(send(&client, "one", other).await.unwrap());
    let after = json!({"name": "Pickup", "list": [1, 2, 3], "count": 2});
    assert!(!send(&client, "one", update).await.unwrap());
    assert_eq!(stored(&client).await, after);
}
