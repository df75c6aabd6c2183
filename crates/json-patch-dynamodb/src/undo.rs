//! The patch that takes a change back.

use json_patch::{
    AddOperation, PatchOperation, RemoveOperation, ReplaceOperation, jsonptr::PointerBuf,
};
use serde_json::{Map, Value};

use crate::limits::Limits;

/// The patch that turns `after` back into `before`, within `limits`.
///
/// Each object and array is changed member by member, or is replaced where that takes less text. So
/// the patch is never longer than one that replaces the whole document. The same documents always
/// give the same patch. Equal documents give an empty one.
///
/// Both documents have canonical numbers, and `before` is an object.
#[must_use]
pub fn undo(after: &Value, before: &Value, limits: &Limits) -> json_patch::Patch {
    let mut operations = Vec::new();
    change(after, before, &mut PointerBuf::new(), &mut operations);
    if operations.len() > limits.operations {
        operations = vec![replace(&PointerBuf::new(), before)];
    }
    json_patch::Patch(operations)
}

/// Adds the operations that turn `from`, which is at `path`, into `to`.
fn change(from: &Value, to: &Value, path: &mut PointerBuf, operations: &mut Vec<PatchOperation>) {
    if from == to {
        return;
    }
    let first = operations.len();
    match (from, to) {
        (Value::Object(from), Value::Object(to)) => change_object(from, to, path, operations),
        (Value::Array(from), Value::Array(to)) => change_array(from, to, path, operations),
        _ => {}
    }
    let whole = replace(path, to);
    let parts = &operations[first..];
    if parts.is_empty() || parts.iter().map(text_bytes).sum::<usize>() > text_bytes(&whole) {
        operations.truncate(first);
        operations.push(whole);
    }
}

fn change_object(
    from: &Map<String, Value>,
    to: &Map<String, Value>,
    path: &mut PointerBuf,
    operations: &mut Vec<PatchOperation>,
) {
    for name in from.keys().filter(|name| !to.contains_key(*name)) {
        path.push_back(name);
        operations.push(PatchOperation::Remove(RemoveOperation { path: path.clone() }));
        path.pop_back();
    }
    for (name, to) in to {
        path.push_back(name);
        match from.get(name) {
            Some(from) => change(from, to, path, operations),
            None => operations.push(add(path, to)),
        }
        path.pop_back();
    }
}

/// Elements that are the same at the front and at the back stay. Of the elements between, pairs are
/// changed in place. The rest of the longer side is removed or added.
fn change_array(
    from: &[Value],
    to: &[Value],
    path: &mut PointerBuf,
    operations: &mut Vec<PatchOperation>,
) {
    let front = from.iter().zip(to).take_while(|(from, to)| from == to).count();
    let (from, to) = (&from[front..], &to[front..]);
    let back = from.iter().rev().zip(to.iter().rev()).take_while(|(from, to)| from == to).count();
    let (from, to) = (&from[..from.len() - back], &to[..to.len() - back]);
    for (index, (from, to)) in from.iter().zip(to).enumerate() {
        path.push_back(front + index);
        change(from, to, path, operations);
        path.pop_back();
    }
    // The last is removed first, so that every index is one of the array as it is.
    for index in (to.len()..from.len()).rev() {
        path.push_back(front + index);
        operations.push(PatchOperation::Remove(RemoveOperation { path: path.clone() }));
        path.pop_back();
    }
    for (index, to) in to.iter().enumerate().skip(from.len()) {
        path.push_back(front + index);
        operations.push(add(path, to));
        path.pop_back();
    }
}

fn add(path: &PointerBuf, value: &Value) -> PatchOperation {
    PatchOperation::Add(AddOperation { path: path.clone(), value: value.clone() })
}

fn replace(path: &PointerBuf, value: &Value) -> PatchOperation {
    PatchOperation::Replace(ReplaceOperation { path: path.clone(), value: value.clone() })
}

/// The bytes that the operation takes as text, with the comma after it.
fn text_bytes(operation: &PatchOperation) -> usize {
    serde_json::to_string(operation).map_or(usize::MAX / 2, |text| text.len() + 1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{apply::apply, patch::Patch};

    /// Longer than some operations.
    const LONG: &str = "a text that takes more bytes than two or three operations of a patch do, so \
                        that it is worth while not to send it again, whatever the names beside it";

    #[track_caller]
    fn undoes(after: &Value, before: &Value, expected: &Value) {
        let undo = undo(after, before, &Limits::DYNAMODB);
        assert_eq!(json!(undo), *expected);
        let patch = Patch::try_from(&undo).expect("a valid patch");
        assert_eq!(apply(&patch, after.clone()), Ok(before.clone()));
    }

    #[test]
    fn a_member_that_was_absent_is_absent_again() {
        undoes(
            &json!({"a": 1, "b": {"c": LONG, "d": null}}),
            &json!({"b": {"c": LONG}, "e": "text"}),
            &json!([
                {"op": "remove", "path": "/a"},
                {"op": "remove", "path": "/b/d"},
                {"op": "add", "path": "/e", "value": "text"}
            ]),
        );
    }

    #[test]
    fn elements_go_back_to_their_places() {
        undoes(
            &json!({"a": [LONG, 2, LONG, 9]}),
            &json!({"a": [LONG, 1, LONG, "nine"]}),
            &json!([{"op": "replace", "path": "/a/1", "value": 1},
                    {"op": "replace", "path": "/a/3", "value": "nine"}]),
        );
        undoes(
            &json!({"a": [LONG, 3, LONG]}),
            &json!({"a": [LONG, 1, 2, 3, LONG]}),
            &json!([{"op": "add", "path": "/a/1", "value": 1},
                    {"op": "add", "path": "/a/2", "value": 2}]),
        );
        undoes(
            &json!({"a": [LONG, 1, 2, 3, LONG]}),
            &json!({"a": [LONG, 3, LONG]}),
            &json!([{"op": "remove", "path": "/a/2"}, {"op": "remove", "path": "/a/1"}]),
        );
    }

    #[test]
    fn what_is_shorter_as_a_whole_is_replaced_as_a_whole() {
        undoes(
            &json!({"a": [1, 2, 3], "b": {"long name": 1, "longer name": 2}}),
            &json!({"a": [4, 5, 6], "b": {}}),
            &json!([{"op": "replace", "path": "", "value": {"a": [4, 5, 6], "b": {}}}]),
        );
        undoes(
            &json!({"a": [1, 2, 3], "b": LONG}),
            &json!({"a": [4, 5, 6], "b": LONG}),
            &json!([{"op": "replace", "path": "/a", "value": [4, 5, 6]}]),
        );
        undoes(&json!({"a~/": 1}), &json!({"a~/": 1}), &json!([]));
    }

    #[test]
    fn more_operations_than_a_patch_may_have_become_one() {
        let members = |value: i32| {
            let names = (0..1_001).map(|n| (format!("m{n}"), json!([value, "x".repeat(90)])));
            Value::Object(names.collect())
        };
        let undo = undo(&members(1), &members(2), &Limits::DYNAMODB);
        assert_eq!(json!(undo), json!([{"op": "replace", "path": "", "value": members(2)}]));
    }
}
