//! The table as `template.yaml` defines it, with the sample organization in it.

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
        ScalarAttributeType,
    },
};
use json_patch_dynamodb::to_attribute;
use serde_json::Value;

use crate::{CommandError, sample};

const TEMPLATE: &str = include_str!("../../../template.yaml");

/// Creates the table where it does not exist, and fills it with the sample where it is empty.
///
/// # Errors
///
/// DynamoDB refuses, or cannot be reached.
pub async fn prepare(client: &Client, table: &str) -> Result<(), CommandError> {
    let tables = client.list_tables().send().await;
    let tables = tables.map_err(|error| CommandError::of_table(table, &error))?;
    if !tables.table_names().iter().any(|name| name == table) {
        create(client, table).await?;
    }
    let scan = client.scan().table_name(table).limit(1).send().await;
    let scan = scan.map_err(|error| CommandError::of_table(table, &error))?;
    if !scan.items().is_empty() {
        return Ok(());
    }
    let sample: Value = serde_json::from_str(sample::ITEMS)
        .map_err(|error| CommandError::of("sample.json", error))?;
    for item in sample["items"].as_array().into_iter().flatten() {
        let AttributeValue::M(item) = to_attribute(item.clone()) else { continue };
        let put = client.put_item().table_name(table).set_item(Some(item));
        put.send().await.map_err(|error| CommandError::of_table(table, &error))?;
    }
    Ok(())
}

/// What is deployed, `template.yaml`.
///
/// # Errors
///
/// It is not YAML.
pub fn template() -> Result<Value, CommandError> {
    yaml_serde::from_str(TEMPLATE).map_err(|error| CommandError::of("template.yaml", error))
}

async fn create(client: &Client, table: &str) -> Result<(), CommandError> {
    let odd =
        |error: &dyn std::fmt::Display| CommandError::of("template.yaml, OptionsTable", error);
    let template = template()?;
    let properties = &template["Resources"]["OptionsTable"]["Properties"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |name: &str| properties[name].as_array().cloned().unwrap_or_default();
    let mut request = client
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::from(&*text(&properties["BillingMode"])));
    for attribute in list("AttributeDefinitions") {
        let kind = ScalarAttributeType::from(&*text(&attribute["AttributeType"]));
        let definition = AttributeDefinition::builder()
            .attribute_name(text(&attribute["AttributeName"]))
            .attribute_type(kind);
        request = request.attribute_definitions(definition.build().map_err(|error| odd(&error))?);
    }
    for key in list("KeySchema") {
        let element = KeySchemaElement::builder()
            .attribute_name(text(&key["AttributeName"]))
            .key_type(KeyType::from(&*text(&key["KeyType"])));
        request = request.key_schema(element.build().map_err(|error| odd(&error))?);
    }
    request.send().await.map_err(|error| CommandError::of_table(table, &error))?;
    Ok(())
}
