//! How deep a value is nested, and how many bytes it takes in an item.

use serde_json::Value;

use crate::number::number_bytes;

/// How deep objects and arrays are nested in `value`, itself counted; 0 for any other value.
#[must_use]
pub fn depth(value: &Value) -> usize {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// How many bytes `value` takes in an item ("DynamoDB item sizes and formats"). Its numbers must be
/// canonical.
///
/// Text takes its length in UTF-8. A number takes what AWS was measured to count. An object or
/// array takes three bytes and one for each entry.
#[must_use]
pub fn item_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 1,
        Value::Number(number) => number_bytes(number),
        Value::String(text) => text.len(),
        Value::Array(elements) => {
            CONTAINER_BYTES
                + elements.iter().map(|each| ELEMENT_BYTES + item_bytes(each)).sum::<usize>()
        }
        Value::Object(members) => {
            CONTAINER_BYTES
                + members
                    .iter()
                    .map(|(name, each)| member_bytes(name, item_bytes(each)))
                    .sum::<usize>()
        }
    }
}

/// The bytes of an object or array without entries.
pub(crate) const CONTAINER_BYTES: usize = 3;

/// The bytes that an element adds to its array beside its own.
pub(crate) const ELEMENT_BYTES: usize = 1;

/// The bytes that a member adds to its object, its value of `value_bytes` included.
pub(crate) fn member_bytes(name: &str, value_bytes: usize) -> usize {
    1 + name.len() + value_bytes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn depth_counts_objects_and_arrays() {
        for (value, expected) in
            [(json!(1), 0), (json!({}), 1), (json!({"a": [1, {"b": []}], "c": {}}), 4)]
        {
            assert_eq!(depth(&value), expected, "{value}");
        }
    }

    #[test]
    fn size_follows_dynamodbs_rules() {
        for (value, expected) in [
            (json!(null), 1),
            (json!("ä"), 2),
            (json!(12), 2),
            (json!(-123), 4),
            (json!(1.5), 3),
            (json!([]), 3),
            (json!({"ab": [true, "x"]}), 3 + 1 + 2 + 3 + 2 + 2),
        ] {
            assert_eq!(item_bytes(&value), expected, "{value}");
        }
    }
}
