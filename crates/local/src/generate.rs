//! Random documents, and random patches that mostly fit them.

use json_patch::jsonptr::Pointer;
use json_patch_dynamodb::{Change, Patch};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

/// Names that could be mistaken for an index, for `-`, for a path or for a placeholder.
const NAMES: [&str; 14] =
    ["a", "b", "c", "0", "0", "1", "1", "2", "-", "a.b", "#0", "~/", "ключ", "01"];

/// A name. `odd` in 8 of the names could be an index or `-`.
fn name(odd: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        8 - odd => select(&NAMES[..3]),
        odd => select(&NAMES[3..]),
    ]
    .prop_map(str::to_owned)
}

/// A number. Some are equal by value and not by text.
fn number() -> impl Strategy<Value = Value> {
    const TEXTS: [&str; 10] =
        ["0", "-0", "1", "1.0", "10e-1", "2", "100", "1e2", "1.5", "0.1234567890123456789"];
    select(&TEXTS[..]).prop_map(|text| serde_json::from_str(text).unwrap_or_default())
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => number(),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        2 => select(&["", "x", "ü"][..]).prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((name(7), inner), 1..4).prop_map(object),
        ]
    })
}

fn object(members: Vec<(String, Value)>) -> Value {
    members.into_iter().collect::<serde_json::Map<_, _>>().into()
}

/// The choices of one operation, made before the document is known.
#[derive(Debug, Clone)]
struct Choice {
    op: u8,
    path: usize,
    from: usize,
    name: String,
    value: Value,
    /// A number below 100: it decides whether the operation is made without regard to the document.
    luck: u8,
}

fn choice() -> impl Strategy<Value = Choice> {
    (0..100_u8, any::<u16>(), any::<u16>(), name(1), value(), 0..100_u8).prop_map(
        |(op, path, from, name, value, luck)| {
            let (path, from) = (usize::from(path), usize::from(from));
            Choice { op, path, from, name, value, luck }
        },
    )
}

/// A document, and the body of a patch that fits it, except for `misses` of 100 operations.
pub fn document_and_patch(misses: u8) -> impl Strategy<Value = (Value, Value)> {
    let document = vec((name(2), value()), 1..5).prop_map(object);
    (document, vec(choice(), 1..5)).prop_map(move |(document, choices)| {
        let mut now = document.clone();
        let mut patch = Vec::new();
        for choice in choices {
            let operation = operation(&now, choice, misses);
            // An operation that does not apply stays in the patch, which then fails there.
            let body = json!([operation]).to_string();
            if let Ok(parsed) = Patch::parse(body.as_bytes())
                && let Change::Operations(operations) = parsed.change()
            {
                let _ = json_patch::patch_unsafe(&mut now, operations);
            }
            patch.push(operation);
        }
        (document, Value::from(patch))
    })
}

/// A document, and a merge patch of some of its members and of new ones.
pub fn document_and_merge() -> impl Strategy<Value = (Value, Value)> {
    let document = vec((name(2), value()), 1..5).prop_map(object);
    (document, vec(choice(), 0..5)).prop_map(|(document, choices)| {
        let mut places = Vec::new();
        list_places(&document, "", &mut places);
        let mut merge = json!({});
        for Choice { op, path, name, value, .. } in choices {
            let (place, kind) = &places[path % places.len()];
            let pointer = Pointer::parse(place).unwrap_or_default();
            let mut tokens: Vec<_> = pointer.tokens().collect();
            // Some members are new, and what is no object gets some too.
            if tokens.is_empty() || op < 30 && *kind != Kind::Scalar || op < 5 {
                tokens.push(name.into());
            }
            let mut at = &mut merge;
            for token in &tokens {
                if !at.is_object() {
                    *at = json!({});
                }
                at = &mut at[&*token.decoded()];
            }
            *at = match op % 10 {
                0..3 => Value::Null,
                3..5 => json!({}),
                _ => value,
            };
        }
        (document, merge)
    })
}

fn operation(document: &Value, choice: Choice, misses: u8) -> Value {
    let Choice { op, path, from, name, value, luck } = choice;
    let mut places = Vec::new();
    list_places(document, "", &mut places);
    let token = name.replace('~', "~0").replace('/', "~1");
    let at = |number: usize| -> String {
        if luck < misses {
            // This place is near one that exists, but most likely does not exist.
            return format!("{}/{token}", places[number % places.len()].0);
        }
        // The document itself comes first, and is chosen less often.
        let first = usize::from(!number.is_multiple_of(16) && places.len() > 1);
        places[first + number % (places.len() - first)].0.clone()
    };
    let new_place = |number: usize, from_elsewhere: bool| {
        // A stored value is put into an array less often than into an object.
        let arrays = !from_elsewhere || number.is_multiple_of(8);
        let is_container = |kind: &Kind| match kind {
            Kind::Scalar => false,
            Kind::Object => true,
            Kind::Array(_) => arrays,
        };
        let containers: Vec<_> = places.iter().filter(|place| is_container(&place.1)).collect();
        let (parent, kind) = containers[number % containers.len()];
        match kind {
            Kind::Array(_) if !number.is_multiple_of(16) => format!("{parent}/-"),
            Kind::Array(length) if luck >= misses => format!("{parent}/{}", number % (length + 1)),
            _ => format!("{parent}/{token}"),
        }
    };
    match op {
        0..30 => json!({"op": "add", "path": new_place(path, false), "value": value}),
        30..45 => json!({"op": "remove", "path": at(path)}),
        45..65 => json!({"op": "replace", "path": at(path), "value": value}),
        65..75 => json!({"op": "move", "from": at(from), "path": new_place(path, true)}),
        75..85 => json!({"op": "copy", "from": at(from), "path": new_place(path, true)}),
        _ => {
            let path = at(path);
            let there = document.pointer(&path).filter(|_| luck >= misses);
            json!({"op": "test", "path": path, "value": there.unwrap_or(&value)})
        }
    }
}

#[derive(PartialEq)]
enum Kind {
    Scalar,
    Object,
    Array(usize),
}

/// Every place of `value`, by its pointer, the outermost first.
fn list_places(value: &Value, place: &str, places: &mut Vec<(String, Kind)>) {
    let kind = match value {
        Value::Object(_) => Kind::Object,
        Value::Array(elements) => Kind::Array(elements.len()),
        _ => Kind::Scalar,
    };
    places.push((place.to_owned(), kind));
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let token = name.replace('~', "~0").replace('/', "~1");
                list_places(member, &format!("{place}/{token}"), places);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                list_places(element, &format!("{place}/{index}"), places);
            }
        }
        _ => {}
    }
}
