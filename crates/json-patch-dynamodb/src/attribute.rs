//! JSON ↔ DynamoDB attribute values.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use crate::number::canonical_number;

/// A stored attribute is not JSON: a set, binary data, or a number outside DynamoDB's own range.
///
/// [`to_attribute`] makes none of these. Another program has written it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored document holds {0}, which is not JSON")]
pub struct Unreadable(&'static str);

/// The attribute value of `value`, whose numbers are canonical.
#[must_use]
pub fn to_attribute(value: Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(flag) => AttributeValue::Bool(flag),
        Value::Number(number) => AttributeValue::N(number.as_str().to_owned()),
        Value::String(text) => AttributeValue::S(text),
        Value::Array(elements) => {
            AttributeValue::L(elements.into_iter().map(to_attribute).collect())
        }
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| (name, to_attribute(value)));
            AttributeValue::M(members.collect::<HashMap<_, _>>())
        }
    }
}

/// The JSON of `attribute`, its numbers in canonical form.
///
/// # Errors
///
/// Fails where `attribute` is or holds something that JSON does not have, or a number outside
/// DynamoDB's range.
pub fn from_attribute(attribute: AttributeValue) -> Result<Value, Unreadable> {
    Ok(match attribute {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(flag) => Value::Bool(flag),
        AttributeValue::N(text) => {
            Value::Number(canonical_number(&text).map_err(|_| Unreadable("an odd number"))?)
        }
        AttributeValue::S(text) => Value::String(text),
        AttributeValue::L(elements) => {
            Value::Array(elements.into_iter().map(from_attribute).collect::<Result<_, _>>()?)
        }
        AttributeValue::M(members) => {
            let members =
                members.into_iter().map(|(name, value)| Ok((name, from_attribute(value)?)));
            Value::Object(members.collect::<Result<_, _>>()?)
        }
        AttributeValue::B(_) => return Err(Unreadable("binary data")),
        AttributeValue::Bs(_) | AttributeValue::Ns(_) | AttributeValue::Ss(_) => {
            return Err(Unreadable("a set"));
        }
        _ => return Err(Unreadable("a type unknown here")),
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::primitives::Blob;
    use serde_json::json;

    use super::*;

    #[test]
    fn json_survives_the_way_there_and_back() {
        let value = json!({"a": [null, true, "", {"b": {}}], "n": -1.5, "": {"-": []}});
        assert_eq!(from_attribute(to_attribute(value.clone())), Ok(value));
    }

    #[test]
    fn stored_numbers_are_read_in_canonical_form() {
        let stored = AttributeValue::L(vec![AttributeValue::N("1.2300E+5".into())]);
        assert_eq!(from_attribute(stored), Ok(json!([123_000])));
    }

    #[test]
    fn what_json_does_not_have_is_refused() {
        for (attribute, what) in [
            (AttributeValue::Ss(vec!["x".into()]), "a set"),
            (AttributeValue::B(Blob::new("x")), "binary data"),
            (AttributeValue::N("1e200".into()), "an odd number"),
        ] {
            let stored = AttributeValue::M([("a".into(), attribute)].into());
            assert_eq!(
                from_attribute(stored).unwrap_err().to_string(),
                format!("the stored document holds {what}, which is not JSON")
            );
        }
    }
}
