//! A plan. Lines: which of [`RULES`], a document, a patch (an object is a merge patch), and a document
//! whose shape the plan takes for the stored one's, if it is to take any.
//!
//! Whenever the condition of a direct plan holds, its update leaves what the patch makes in memory, and
//! breaks no rule. So does what a rewrite sends, and the undo patch leads back.
#![no_main]

use std::sync::LazyLock;

use aws_sdk_dynamodb::{error::SdkError, types::AttributeValue};
use fuzz::{
    Table, mutate, sample,
    table::{OF_ONE_UPDATE, TABLE},
    within_limits,
};
use json_patch_dynamodb::{
    Explanation, Hints, Limits, Patch, Plan, Rules, Update, apply, apply_within, parse_value,
    to_attribute, undo,
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use serde_json::{Value, json, value::RawValue};

/// What the document may have to keep.
static RULES: LazyLock<[Rules; 4]> = LazyLock::new(|| {
    [
        r"{}",
        r#"{"properties": {"a": {"type": ["object", "array"], "maxItems": 3}, "b": {"minLength": 2}},
            "additionalProperties": {"not": {"const": 0}}}"#,
        r#"{"required": ["a"], "properties": {"a": {"readOnly": true}, "c": {"items": {"type":
            "number", "maximum": 10, "multipleOf": 0.5}, "uniqueItems": true}}, "maxProperties": 4}"#,
        r#"{"if": {"properties": {"a": {"const": 1}}}, "then": {"required": ["b"]},
            "dependentRequired": {"c": ["d"]}, "propertyNames": {"pattern": "^[a-z0-9]*$"}}"#,
    ]
    .map(|text| Rules::parse(text).unwrap())
});

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let (rules, document, body, hints) = (next(), next(), next(), next());
    let rules = &RULES[rules.bytes().next().map_or(0, usize::from) % RULES.len()];
    let Some(document) = parse(document).filter(Value::is_object) else { return };
    let patch = if body.trim_start().starts_with('{') {
        Patch::parse_merge(body.as_bytes())
    } else {
        Patch::parse(body.as_bytes())
    };
    let Ok(patch) = patch else { return };
    let hints = parse(hints).map(|value| Hints::of(&value)).unwrap_or_default();
    // An explanation is for a person, and tries the patch without its last operation, again and again.
    if body.len() < 2_000 {
        let _ = Explanation::keeping(rules, &patch, "document", &hints);
    }
    let (plan, after) = within_limits(|| {
        let mut followed = hints.clone();
        followed.follow(&patch);
        (
            Plan::keeping(rules, &patch, "document", &hints),
            apply_within(&patch, document.clone(), &OF_ONE_UPDATE),
        )
    });
    let allowed = after
        .as_ref()
        .is_ok_and(|after| within_limits(|| rules.check(&patch, &document, after).is_ok()));
    Table::with(|table| {
        if let Plan::Direct(update) = &plan
            && let Some(stored) = stored_after(table, &document, update)
        {
            assert_eq!(Ok(&stored), after.as_ref(), "{update:?}");
            assert!(allowed, "{update:?} breaks a rule");
        }
        let Ok(after) = after else { return };
        let (rewrite, back) = within_limits(|| {
            let limits = Limits::DYNAMODB;
            (
                Update::of_difference(&document, after.clone(), "document", &limits),
                undo(&after, &document, &limits),
            )
        });
        if let Some(stored) = stored_after(table, &document, &rewrite) {
            assert_eq!(stored, after, "{rewrite:?}");
        }
        let back = serde_json::to_vec(&back).unwrap();
        assert_eq!(apply(&Patch::parse(&back).unwrap(), after), Ok(document));
    });
});

/// A value that a document can have.
fn parse(text: &str) -> Option<Value> {
    let raw: &RawValue = serde_json::from_str(text).ok()?;
    parse_value(raw, 0, &Limits::DYNAMODB).ok()
}

/// The document that the update leaves of `document`; none where its condition does not hold, or where
/// DynamoDB does not take it.
fn stored_after(table: &Table, document: &Value, update: &Update<'_>) -> Option<Value> {
    let AttributeValue::M(item) = to_attribute(json!({
        "pk": format!("ORG#{}", sample::ORG), "sk": format!("OPTION#{}", sample::OPTION),
        "document": document
    })) else {
        return None;
    };
    table.run(async {
        let client = table.client();
        client.put_item().table_name(TABLE).set_item(Some(item)).send().await.ok()?;
        let mut request = client.update_item().table_name(TABLE);
        request = request.key("pk", AttributeValue::S(format!("ORG#{}", sample::ORG)));
        request = request.key("sk", AttributeValue::S(format!("OPTION#{}", sample::OPTION)));
        request = request.expression_attribute_names("#touched", "touched");
        request = request.expression_attribute_values(":touched", AttributeValue::Bool(true));
        for (placeholder, name) in &update.names {
            request = request.expression_attribute_names(placeholder, name);
        }
        for (number, value) in update.values.iter().enumerate() {
            let value = to_attribute(value.clone().into_owned());
            request = request.expression_attribute_values(format!(":{number}"), value);
        }
        if !update.conditions.is_empty() {
            request = request.condition_expression(update.condition_expression());
        }
        let mut text = String::from("SET #touched=:touched");
        for action in &update.set {
            text = text + "," + action;
        }
        if !update.remove.is_empty() {
            text = text + " REMOVE " + &update.remove.join(",");
        }
        match request.update_expression(text).send().await.map_err(SdkError::into_service_error) {
            Ok(_) => Some(()),
            Err(error) => {
                assert!(error.meta().code() != Some("InternalServerError"), "{error:?}");
                None
            }
        }
    })?;
    table.document(sample::OPTION)
}

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    mutate::lines(data, size, most, seed)
});
