//! The patch that takes a change back.

use std::io;

use json_patch::{
    AddOperation, PatchOperation, RemoveOperation, ReplaceOperation, jsonptr::PointerBuf,
};
use serde_json::{Map, Value};

use crate::{apply::apply, limits::Limits, patch::Patch};

/// The patch that makes `before` of `after`, within `limits`.
///
/// Each object and array is changed part by part, or replaced where that takes less text. So the patch
/// is never longer than one that replaces the whole document, and neither its making nor its size needs
/// more memory than that. The same documents always give the same patch. Equal documents give an empty
/// one.
///
/// Both documents are within `limits`, their numbers are canonical, and `before` is an object.
#[must_use]
pub fn undo(after: &Value, before: &Value, limits: &Limits) -> json_patch::Patch {
    let mut undo = Undo {
        operations: Vec::new(),
        bytes: 0,
        most_bytes: usize::MAX,
        most_operations: limits.operations.max(1),
    };
    let path = &mut PointerBuf::new();
    // With the whole document there is room for one operation in any case.
    let _ = undo.change(after, before, path);
    let patch = json_patch::Patch(undo.operations);
    // A patch that adds before it removes may need more room on the way than there is.
    let text = serde_json::to_vec(&patch).unwrap_or_default();
    let leads_back = Patch::parse_within(&text, *limits)
        .is_ok_and(|patch| apply(&patch, after.clone()).as_ref() == Ok(before));
    if leads_back { patch } else { json_patch::Patch(vec![replace(path, before)]) }
}

/// A patch that is being made.
struct Undo {
    operations: Vec<PatchOperation>,
    /// What the operations take as text.
    bytes: usize,
    /// The most that they may take together.
    most_bytes: usize,
    /// The most operations.
    most_operations: usize,
}

/// The operations would take more than they may.
struct TooLong;

impl Undo {
    /// Adds the operations that make `to` of `from`, which is at `path`.
    fn change(&mut self, from: &Value, to: &Value, path: &mut PointerBuf) -> Result<(), TooLong> {
        if from == to {
            return Ok(());
        }
        let (count, bytes, most_bytes) = (self.operations.len(), self.bytes, self.most_bytes);
        let levels = path.count();
        // The parts may take as much as the whole does, and no more than there is room for.
        self.most_bytes = most_bytes.min(bytes + text_bytes("replace", path, Some(to)));
        let parts = match (from, to) {
            (Value::Object(from), Value::Object(to)) => self.change_object(from, to, path),
            (Value::Array(from), Value::Array(to)) => self.change_array(from, to, path),
            _ => Err(TooLong),
        };
        self.most_bytes = most_bytes;
        parts.or_else(|TooLong| {
            self.operations.truncate(count);
            self.bytes = bytes;
            while path.count() > levels {
                path.pop_back();
            }
            self.count(text_bytes("replace", path, Some(to)))?;
            self.operations.push(replace(path, to));
            Ok(())
        })
    }

    fn change_object(
        &mut self,
        from: &Map<String, Value>,
        to: &Map<String, Value>,
        path: &mut PointerBuf,
    ) -> Result<(), TooLong> {
        for name in from.keys().filter(|name| !to.contains_key(*name)) {
            path.push_back(name);
            self.remove(path)?;
            path.pop_back();
        }
        for (name, to) in to {
            path.push_back(name);
            match from.get(name) {
                Some(from) => self.change(from, to, path)?,
                None => self.add(path, to)?,
            }
            path.pop_back();
        }
        Ok(())
    }

    /// Elements that are the same at the front and at the back stay. Of those between, pairs are
    /// changed in place, and what one side has more is removed or added.
    fn change_array(
        &mut self,
        from: &[Value],
        to: &[Value],
        path: &mut PointerBuf,
    ) -> Result<(), TooLong> {
        let front = from.iter().zip(to).take_while(|(from, to)| from == to).count();
        let (from, to) = (&from[front..], &to[front..]);
        let back = from.iter().rev().zip(to.iter().rev());
        let back = back.take_while(|(from, to)| from == to).count();
        let (from, to) = (&from[..from.len() - back], &to[..to.len() - back]);
        for (index, (from, to)) in from.iter().zip(to).enumerate() {
            path.push_back(front + index);
            self.change(from, to, path)?;
            path.pop_back();
        }
        // The last is removed first, so that every index is one of the array as it is.
        for index in (to.len()..from.len()).rev() {
            path.push_back(front + index);
            self.remove(path)?;
            path.pop_back();
        }
        for (index, to) in to.iter().enumerate().skip(from.len()) {
            path.push_back(front + index);
            self.add(path, to)?;
            path.pop_back();
        }
        Ok(())
    }

    fn remove(&mut self, path: &PointerBuf) -> Result<(), TooLong> {
        self.count(text_bytes("remove", path, None))?;
        self.operations.push(PatchOperation::Remove(RemoveOperation { path: path.clone() }));
        Ok(())
    }

    fn add(&mut self, path: &PointerBuf, value: &Value) -> Result<(), TooLong> {
        self.count(text_bytes("add", path, Some(value)))?;
        let (path, value) = (path.clone(), value.clone());
        self.operations.push(PatchOperation::Add(AddOperation { path, value }));
        Ok(())
    }

    /// Counts one more operation that takes `bytes`.
    fn count(&mut self, bytes: usize) -> Result<(), TooLong> {
        self.bytes += bytes;
        let fits = self.bytes <= self.most_bytes && self.operations.len() < self.most_operations;
        if fits { Ok(()) } else { Err(TooLong) }
    }
}

fn replace(path: &PointerBuf, value: &Value) -> PatchOperation {
    PatchOperation::Replace(ReplaceOperation { path: path.clone(), value: value.clone() })
}

/// What an operation takes as text, with the comma after it.
fn text_bytes(op: &str, path: &PointerBuf, value: Option<&Value>) -> usize {
    let mut count = Count(r#"{"op":"","path":},"#.len() + op.len());
    // To count cannot fail.
    let _ = serde_json::to_writer(&mut count, path.as_str());
    if let Some(value) = value {
        count.0 += r#","value":"#.len();
        let _ = serde_json::to_writer(&mut count, value);
    }
    count.0
}

/// Counts bytes.
struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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

    /// What is larger first and smaller afterwards may pass the limit on the way.
    #[test]
    fn a_patch_that_would_not_apply_is_none() {
        let text = |letter: &str, bytes: usize| letter.repeat(bytes);
        let before = json!({"x": [text("x", 300_000), 1], "y": [1], "z": text("z", 2_000)});
        let after = json!({"x": [1], "y": [text("y", 390_000), 1], "z": text("z", 2_000)});
        undoes(&after, &before, &json!([{"op": "replace", "path": "", "value": before}]));
    }

    /// Every element differs, and each operation of its own would repeat the long name.
    #[test]
    fn a_long_path_is_not_repeated_for_every_element() {
        let name = "n".repeat(10_000);
        let rotated = |by: usize| {
            let elements = (0..50_000).map(|index| (index + by) % 2);
            json!({&*name: elements.collect::<Vec<_>>()})
        };
        let undo = undo(&rotated(1), &rotated(0), &Limits::DYNAMODB);
        let [PatchOperation::Replace(replace)] = &*undo.0 else { panic!("one replacement") };
        assert_eq!((replace.path.count(), &replace.value), (1, &rotated(0)[&name]));
    }

    #[test]
    fn more_operations_than_a_patch_may_have_become_one() {
        let members = |value: i32| {
            let names = (0..1_001).map(|n| (format!("m{n}"), json!([value, "x".repeat(90)])));
            Value::Object(names.collect())
        };
        for path in ["", "/a"] {
            // Beside another member, that stays as it is.
            let document = |value: i32| match path {
                "" => members(value),
                _ => json!({"a": members(value), "b": LONG}),
            };
            let undo = undo(&document(1), &document(2), &Limits::DYNAMODB);
            assert_eq!(json!(undo), json!([{"op": "replace", "path": path, "value": members(2)}]));
        }
    }

    /// The whole takes more with each letter, until the parts take less.
    #[test]
    fn the_shorter_one_of_both_is_made() {
        for (after, before, parts) in [
            (json!(1), json!(2), json!({"op": "replace", "value": 2})),
            (json!(1), Value::Null, json!({"op": "remove"})),
            (Value::Null, json!(2), json!({"op": "add", "value": 2})),
        ] {
            let parts = ["/a", "/c"].map(|path| {
                let mut part = parts.clone();
                part["path"] = json!(path);
                part
            });
            let parts = json!(parts);
            let mut made = [false, false];
            for letters in 0..60 {
                let document = |value: &Value| {
                    let mut document = json!({"b": "x".repeat(letters)});
                    if !value.is_null() {
                        document["a"] = value.clone();
                        document["c"] = value.clone();
                    }
                    document
                };
                let (after, before) = (document(&after), document(&before));
                let whole = json!([{"op": "replace", "path": "", "value": before}]);
                let is_whole = whole.to_string().len() < parts.to_string().len();
                undoes(&after, &before, if is_whole { &whole } else { &parts });
                made[usize::from(is_whole)] = true;
            }
            assert_eq!(made, [true, true]);
        }
    }
}
