//! The document that clients patch: its JSON text, its form in DynamoDB, its limits, and a patch
//! applied to it in memory.
//!
//! Every number in a document is in one canonical form, brought to it at both doors (a request's
//! body, a stored item), so that equality of [`Value`]s is the numeric equality of RFC 6902 4.6.

mod apply;
mod attribute;
mod number;
mod parse;

use serde_json::Value;

#[cfg(test)]
pub(crate) use apply::op_name;
pub(crate) use apply::quoted;
pub use apply::{ApplyError, Reason, apply};
pub use attribute::{Unreadable, from_attribute, to_attribute};
pub use number::{NumberError, canonical_number};
pub use parse::{ValueError, parse_members, parse_value};

/// How many objects and arrays may lie in each other, the document itself counted.
///
/// DynamoDB speaks of 32 levels, of which an item takes one.
pub const MAX_DEPTH: usize = 31;

/// The most bytes of a DynamoDB item, names and values together.
pub const MAX_ITEM_BYTES: usize = 400 * 1024;

/// The most bytes a document may take between two operations of a patch.
///
/// Above [`MAX_ITEM_BYTES`], so that a patch may add before it removes; low enough that a chain of
/// `copy` operations, each doubling the document, ends long before memory does.
pub const MAX_WORKING_BYTES: usize = MAX_ITEM_BYTES + MAX_ITEM_BYTES / 2;

/// The most bytes that the `copy` and `move` operations of a patch may move in memory, together.
///
/// A patch of 40 KB could else make a second's work of copying one large value again and again.
pub const MAX_COPIED_BYTES: usize = 16 * 1024 * 1024;

/// The longest member name, in bytes (DynamoDB's limit on an attribute name).
pub const MAX_NAME_BYTES: usize = 65_535;

/// How many objects and arrays lie in each other in `value`; 0 for anything else.
#[must_use]
pub fn depth(value: &Value) -> usize {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// How many bytes `value`, whose numbers are canonical, takes in an item ("DynamoDB item sizes and
/// formats"): text its UTF-8 length, a number what AWS was measured to count, an object or array
/// three bytes and one per entry.
#[must_use]
pub fn item_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 1,
        Value::Number(number) => number::number_bytes(number),
        Value::String(text) => text.len(),
        Value::Array(elements) => {
            3 + elements.iter().map(|each| ELEMENT_BYTES + item_bytes(each)).sum::<usize>()
        }
        Value::Object(members) => {
            3 + members
                .iter()
                .map(|(name, each)| member_bytes(name, item_bytes(each)))
                .sum::<usize>()
        }
    }
}

/// What an element adds to its array beside its own bytes.
const ELEMENT_BYTES: usize = 1;

/// What a member adds to its object.
fn member_bytes(name: &str, value_bytes: usize) -> usize {
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
