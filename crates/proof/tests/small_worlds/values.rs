//! All small documents, pointers and operations.

use serde_json::{Map, Value, json};

/// The members of a document: a name, and one that may be an index.
const NAMES: [&str; 2] = ["a", "0"];

/// All objects whose members `a` and `0` are each absent or one of `values`.
pub(crate) fn two_names(values: &[Value]) -> Vec<Value> {
    let mut objects = vec![Map::new()];
    for name in NAMES {
        for object in objects.clone() {
            objects.extend(values.iter().map(|value| {
                let mut object = object.clone();
                object.insert(name.to_owned(), value.clone());
                object
            }));
        }
    }
    objects.into_iter().map(Value::Object).collect()
}

/// `first`, and all that `grow` makes of it in at most so many steps.
fn grown<T>(first: T, steps: usize, grow: impl Fn(&T) -> Vec<T>) -> Vec<T> {
    let mut all = vec![first];
    let mut from = 0;
    for _ in 0..steps {
        let end = all.len();
        for number in from..end {
            all.extend(grow(&all[number]));
        }
        from = end;
    }
    all
}

/// All arrays of at most `longest` of `values`.
fn arrays(values: &[Value], longest: usize) -> Vec<Value> {
    let arrays = grown(Vec::new(), longest, |array: &Vec<Value>| {
        values.iter().map(|value| [&array[..], std::slice::from_ref(value)].concat()).collect()
    });
    arrays.into_iter().map(Value::Array).collect()
}

/// All values of two levels above `scalars`, with arrays of at most `longest` elements.
pub(crate) fn two_levels(scalars: &[Value], longest: usize) -> Vec<Value> {
    let inner = [scalars, &[json!({}), json!([])]].concat();
    [scalars, &two_names(&inner), &arrays(&inner, longest)].concat()
}

/// Values of each kind, down to three levels.
pub(crate) fn some() -> Vec<Value> {
    let values = json!([
        1, "xx", {}, [], {"a": 1}, {"0": 1}, {"a": {"0": 1}}, [1], [2, 1], [{"a": 1}], [[1]],
        {"0": [1]}, {"a": 1, "0": 2}, [1, 2, {}], [1, {"0": 1}, 2], null
    ]);
    values.as_array().unwrap().clone()
}

/// The elements of arrays that differ from each other, and long text.
pub(crate) fn long() -> Vec<Value> {
    let text = "x".repeat(150);
    let values = json!([
        text, 1, {"a": text}, {"a": text, "0": 1}, {"a": 1, "0": text}, {"a": [text, 1], "0": text},
        [text], [text, 1], [1, text], [text, 1, text], [text, 2, text], [1, 2, text], [text, 1, 2],
        [1, 2, 3, text], [text, 3, text, 4], {"a": {"a": text, "0": 1}}, {"a": [text], "0": text}
    ]);
    values.as_array().unwrap().clone()
}

/// All pointers of at most `depth` of `tokens`.
pub(crate) fn pointers(tokens: &[&str], depth: usize) -> Vec<String> {
    grown(String::new(), depth, |pointer| {
        tokens.iter().map(|token| format!("{pointer}/{token}")).collect()
    })
}

/// All operations at `paths` with `values`, and all copies and moves between `ends`.
pub(crate) fn operations(paths: &[String], values: &[Value], ends: &[String]) -> Vec<Value> {
    let mut operations = Vec::new();
    for path in paths {
        operations.push(json!({"op": "remove", "path": path}));
        for op in ["add", "replace", "test"] {
            operations
                .extend(values.iter().map(|value| json!({"op": op, "path": path, "value": value})));
        }
    }
    for op in ["move", "copy"] {
        for from in ends {
            operations
                .extend(ends.iter().map(|path| json!({"op": op, "from": from, "path": path})));
        }
    }
    operations
}
