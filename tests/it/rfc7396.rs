//! A merge patch applied as RFC 7396, section 2, says, by code that shares nothing with the library.

use serde_json::{Value, json};

/// What `merge` makes of `target`.
pub(crate) fn apply(merge: &Value, target: &Value) -> Value {
    let Value::Object(merge) = merge else { return merge.clone() };
    let mut merged = if target.is_object() { target.clone() } else { json!({}) };
    for (name, value) in merge {
        let members = merged.as_object_mut().unwrap();
        if value.is_null() {
            members.remove(name);
        } else {
            let before = members.get(name).cloned().unwrap_or_default();
            members.insert(name.clone(), apply(value, &before));
        }
    }
    merged
}
