//! What is said of the shape of a stored document.

use std::collections::{BTreeMap, VecDeque};

use json_patch::{
    PatchOperation,
    jsonptr::{Pointer, PointerBuf, Token},
};
use serde_json::Value;

use crate::{
    patch::{Change, Patch},
    pointer::index,
};

/// The most places that are remembered of one document.
const MAX_PLACES: usize = 64;

/// The most bytes that the pointers to these places take together.
pub(crate) const MAX_BYTES: usize = 4 * 1024;

/// The most objects and arrays of a document that are looked at. Each below the first has a pointer of at
/// most [`MAX_BYTES`] meanwhile.
const MAX_VALUES: usize = 512;

/// The most operations or members of a patch that are followed.
const MAX_FOLLOWED: usize = 100;

/// What a document has shown of its shape when it was last seen: how long its arrays are, and what is an
/// object, as the name of a member may look like the index of an element.
///
/// A plan rests on no hint. Where a plan follows one, a condition asks for what the hint says, so a
/// wrong hint costs what a wrong guess costs. The default says nothing.
///
/// At most 64 places are remembered, the outer ones first, by pointers of 4 KiB together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hints {
    places: BTreeMap<String, Shape>,
    bytes: usize,
}

/// What is said to be at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An object.
    Object,
    /// An array of so many elements.
    Array(usize),
}

impl Hints {
    /// The hints that say nothing.
    #[must_use]
    pub fn none() -> &'static Self {
        static NONE: Hints = Hints { places: BTreeMap::new(), bytes: 0 };
        &NONE
    }

    /// The shape of `document`.
    #[must_use]
    pub fn of(document: &Value) -> Self {
        let mut hints = Self::default();
        hints.add(Pointer::root(), document);
        hints
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Follows what `patch` has made of the document, as far as that is easy to tell.
    pub fn follow(&mut self, patch: &Patch) {
        if self.is_empty() {
            return;
        }
        match patch.change() {
            Change::Operations(operations) if operations.len() <= MAX_FOLLOWED => {
                self.follow_operations(operations);
            }
            Change::Merge(merge) if members(merge, MAX_FOLLOWED) <= MAX_FOLLOWED => {
                self.follow_merge(&mut PointerBuf::new(), merge);
            }
            Change::Operations(_) | Change::Merge(_) => *self = Self::default(),
        }
    }

    fn follow_merge(&mut self, place: &mut PointerBuf, merge: &Value) {
        for (name, value) in merge.as_object().into_iter().flatten() {
            place.push_back(name);
            if value.is_object() {
                self.follow_merge(place, value);
            } else {
                self.forget(place.as_str());
                self.add(place, value);
            }
            place.pop_back();
        }
    }

    fn follow_operations(&mut self, operations: &[PatchOperation]) {
        for operation in operations {
            match operation {
                PatchOperation::Add(add) => self.enter(&add.path, Some(&add.value)),
                PatchOperation::Replace(replace) => {
                    self.forget(replace.path.as_str());
                    self.add(&replace.path, &replace.value);
                }
                PatchOperation::Remove(remove) => self.leave(&remove.path),
                PatchOperation::Move(movement) if movement.from == movement.path => {}
                PatchOperation::Move(movement) => {
                    self.leave(&movement.from);
                    self.enter(&movement.path, None);
                }
                PatchOperation::Copy(copy) => self.enter(&copy.path, None),
                PatchOperation::Test(_) => {}
            }
        }
    }

    /// Something is at `path` that was not there before; `value`, if that is known.
    fn enter(&mut self, path: &Pointer, value: Option<&Value>) {
        let array = path.split_back().and_then(|(parent, last)| {
            let Shape::Array(length) = self.places.get_mut(parent.as_str())? else { return None };
            let is_last = last.encoded() == "-" || index(&last.decoded()) == Some(*length);
            *length += 1;
            Some((parent.with_trailing_token(*length - 1), is_last))
        });
        let path = match array {
            // The elements after it have moved.
            Some((last, false)) => {
                return self.forget_below(last.parent().unwrap_or(path).as_str());
            }
            Some((last, true)) => last,
            None => path.to_buf(),
        };
        self.forget(path.as_str());
        if let Some(value) = value {
            self.add(&path, value);
        }
    }

    /// What was at `path` is gone.
    fn leave(&mut self, path: &Pointer) {
        let parent = path.parent().map_or("", Pointer::as_str);
        if let Some(Shape::Array(length)) = self.places.get_mut(parent) {
            *length = length.saturating_sub(1);
            self.forget_below(parent);
        } else {
            self.forget(path.as_str());
        }
    }

    fn forget(&mut self, place: &str) {
        self.places.remove(place);
        self.forget_below(place);
    }

    fn forget_below(&mut self, place: &str) {
        let below = format!("{place}/");
        self.places.retain(|each, _| !each.starts_with(&below));
        self.bytes = self.places.keys().map(String::len).sum();
    }

    /// What is said to be at `place`, which is a pointer.
    pub(crate) fn at(&self, place: &str) -> Option<Shape> {
        self.places.get(place).copied()
    }

    /// Remembers that `shape` is at `place`, where there is room for it.
    fn insert(&mut self, place: String, shape: Shape) {
        if let Some(known) = self.places.get_mut(&place) {
            *known = shape;
        } else if self.places.len() < MAX_PLACES && self.bytes + place.len() <= MAX_BYTES {
            self.bytes += place.len();
            self.places.insert(place, shape);
        }
    }

    /// Remembers the shape of `value`, which is at `place`. Objects without a name that looks like an
    /// index come last, as they are seldom taken for arrays.
    fn add(&mut self, place: &Pointer, value: &Value) {
        let mut others = Vec::new();
        let mut values = VecDeque::from([(place.to_buf(), value)]);
        let mut room = MAX_VALUES;
        while let Some((place, value)) = values.pop_front() {
            let mut below = |token: Token<'_>, value| {
                if room > 0 && place.as_str().len() + token.encoded().len() < MAX_BYTES {
                    room -= 1;
                    values.push_back((place.with_trailing_token(token), value));
                }
            };
            match value {
                Value::Object(members) => {
                    for (name, value) in members.iter().filter(|(_, value)| is_container(value)) {
                        below(name.into(), value);
                    }
                    if members.keys().any(|name| index(name).is_some()) {
                        self.insert(place.to_string(), Shape::Object);
                    } else {
                        others.push(place);
                    }
                }
                Value::Array(elements) => {
                    let each = elements.iter().enumerate();
                    for (index, value) in each.filter(|(_, value)| is_container(value)) {
                        below(index.into(), value);
                    }
                    self.insert(place.to_string(), Shape::Array(elements.len()));
                }
                _ => {}
            }
        }
        for place in others {
            self.insert(place.to_string(), Shape::Object);
        }
    }
}

/// How many members `merge` has at all levels; past `limit`, any number above it.
fn members(merge: &Value, limit: usize) -> usize {
    let mut count = 0;
    for value in merge.as_object().into_iter().flat_map(|members| members.values()) {
        if count > limit {
            break;
        }
        count += 1 + members(value, limit);
    }
    count
}

fn is_container(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn says(hints: &Hints, expected: &[(&str, Shape)]) {
        let expected: Vec<_> =
            expected.iter().map(|(place, shape)| ((*place).to_owned(), *shape)).collect();
        assert_eq!(hints.places.clone().into_iter().collect::<Vec<_>>(), expected);
        assert_eq!(hints.bytes, hints.places.keys().map(String::len).sum::<usize>());
    }

    #[test]
    fn arrays_and_objects_are_remembered_by_their_pointers() {
        let document = json!({"a": [1, [2], {"x": 1}], "m/n": {"0": {}}, "scalar": 1});
        says(
            &Hints::of(&document),
            &[
                ("", Shape::Object),
                ("/a", Shape::Array(3)),
                ("/a/1", Shape::Array(1)),
                ("/a/2", Shape::Object),
                ("/m~1n", Shape::Object),
                ("/m~1n/0", Shape::Object),
            ],
        );
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let wide: Value = (0..100).map(|n| (format!("m{n:02}"), json!([[n]]))).collect();
        let hints = Hints::of(&wide);
        assert_eq!(hints.places.len(), MAX_PLACES);
        // The outer ones come first.
        assert!(hints.places.keys().all(|place| place.matches('/').count() == 1));
        let long: Value =
            (0..3).map(|n| (format!("{n}{}", "x".repeat(2_000)), json!([]))).collect();
        assert_eq!(Hints::of(&long).places.len(), 3);
        assert!(Hints::of(&long).bytes <= MAX_BYTES);
        let large = json!(vec![json!({"a": [1]}); 100_000]);
        assert_eq!(Hints::of(&large).places.len(), MAX_PLACES);
        // The last object or array that is looked at.
        for (objects, is_seen) in [(MAX_VALUES - 1, true), (MAX_VALUES, false)] {
            let mut wide: Value = (0..objects).map(|n| (format!("m{n:03}"), json!({}))).collect();
            wide["n"] = json!([]);
            assert_eq!(Hints::of(&wide).at("/n").is_some(), is_seen, "{objects}");
        }
        // What has too long a pointer does not count.
        let mut wide: Value =
            (0..MAX_VALUES - 1).map(|n| (format!("m{n:03}"), json!({}))).collect();
        wide["a".repeat(MAX_BYTES)] = json!([]);
        wide["n"] = json!([]);
        assert!(Hints::of(&wide).at("/n").is_some());
        // Other values do not count.
        let scalars: Value = (0..1_000).map(|n| (format!("m{n:03}"), json!(n))).collect();
        assert!(Hints::of(&json!({"a": scalars, "b": [[]]})).at("/b/0").is_some());
        // The longest pointer that is remembered, in one step and in two.
        let (half, rest) = ("x".repeat(MAX_BYTES / 2 - 1), "y".repeat(MAX_BYTES / 2 - 1));
        for (more, is_seen) in [("", true), ("y", false)] {
            let (one, two) = (format!("{half}/{rest}{more}"), format!("{rest}{more}"));
            let document = json!({(&*one.replace('/', "z")): []});
            assert_eq!(Hints::of(&document).places.len(), 1 + usize::from(is_seen));
            let document = json!({(&*half): {(&*two): []}});
            assert_eq!(Hints::of(&document).at(&format!("/{one}")).is_some(), is_seen);
        }
    }

    #[test]
    fn a_long_patch_is_not_followed() {
        for (length, is_followed) in [(MAX_FOLLOWED, true), (MAX_FOLLOWED + 1, false)] {
            let removals = vec![json!({"op": "remove", "path": "/a/0"}); length];
            let removals = Patch::parse(json!(removals).to_string().as_bytes());
            let flat: Value = (0..length).map(|n| (format!("m{n}"), json!(n))).collect();
            let nested: Value = (0..length - 4).map(|n| (format!("m{n}"), json!(n))).collect();
            let nested = json!({"m": {"m": 1, "n": nested, "o": 1}});
            let merge = |merge: &Value| Patch::parse_merge(merge.to_string().as_bytes());
            for patch in [removals, merge(&flat), merge(&nested)] {
                let mut hints = Hints::of(&json!({"a": vec![0; 200], "b": [1]}));
                hints.follow(&patch.expect("a patch"));
                assert_eq!(hints.at("/b").is_some(), is_followed, "{length}");
                assert_eq!(hints.is_empty(), !is_followed);
            }
        }
        assert!(Hints::none().is_empty());
    }

    #[test]
    fn what_a_patch_has_done_is_followed() {
        let document = json!({"a": [[1], [2], [3]], "b": {"0": 1, "c": [1]}});
        for (operations, expected) in [
            (
                json!([{"op": "add", "path": "/a/-", "value": [4, 5]}]),
                json!({"a": [[1], [2], [3], [4, 5]], "b": {"0": 1, "c": [1]}}),
            ),
            (
                json!([{"op": "add", "path": "/a/3", "value": 4}]),
                json!({"a": [[1], [2], [3], 4], "b": {"0": 1, "c": [1]}}),
            ),
            // The elements have moved.
            (
                json!([{"op": "add", "path": "/a/0", "value": [4, 5]}]),
                json!({"a": [0, 1, 2, 3], "b": {"0": 1, "c": [1]}}),
            ),
            (
                json!([{"op": "remove", "path": "/a/2"}]),
                json!({"a": [0, 1], "b": {"0": 1, "c": [1]}}),
            ),
            (json!([{"op": "remove", "path": "/b"}]), json!({"a": [[1], [2], [3]]})),
            (
                json!([{"op": "replace", "path": "/b", "value": [1]}]),
                json!({"a": [[1], [2], [3]], "b": [1]}),
            ),
            (
                json!([{"op": "move", "from": "/b", "path": "/a/-"}]),
                json!({"a": [[1], [2], [3], 4]}),
            ),
            (
                json!([{"op": "copy", "from": "/a", "path": "/b/c"}]),
                json!({"a": [[1], [2], [3]], "b": {"0": 1}}),
            ),
            (json!([{"op": "add", "path": "", "value": {"d": [1]}}]), json!({"d": [1]})),
            (json!([{"op": "test", "path": "/a", "value": 1}]), document.clone()),
            (json!([{"op": "move", "from": "/a/1", "path": "/a/1"}]), document.clone()),
        ] {
            let patch = Patch::parse(operations.to_string().as_bytes()).expect("a valid patch");
            let mut hints = Hints::of(&document);
            hints.follow(&patch);
            assert_eq!(hints, Hints::of(&expected), "{operations}");
        }
        let merge = br#"{"a": [1], "b": {"c": null}}"#;
        let mut hints = Hints::of(&document);
        hints.follow(&Patch::parse_merge(merge).expect("a merge patch"));
        assert_eq!(hints, Hints::of(&json!({"a": [1], "b": {"0": 1}})));
    }
}
