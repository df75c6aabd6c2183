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

/// A schema of a document, which tells something of most of the places that [`document_and_patch`] has.
pub fn schema() -> impl Strategy<Value = Value> {
    (rules_of_object(any_rules()), vec((definition(), any_rules()), 2)).prop_map(
        |(mut root, definitions)| {
            root["$defs"] = object(
                definitions.into_iter().map(|(name, rules)| (name.to_owned(), rules)).collect(),
            );
            root
        },
    )
}

fn definition() -> impl Strategy<Value = &'static str> {
    select(&["d", "e"][..])
}

/// Some rules, by the names of their keywords. A later one of the same name counts.
fn rules(each: impl Strategy<Value = (&'static str, Value)>) -> impl Strategy<Value = Value> {
    vec(each, 0..4).prop_map(|rules| {
        object(rules.into_iter().map(|(keyword, value)| (keyword.to_owned(), value)).collect())
    })
}

fn rule_of_scalar() -> impl Strategy<Value = (&'static str, Value)> {
    const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "string", "integer"];
    let kind = || select(&TYPES[..]);
    let limit = || select(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"][..]);
    prop_oneof![
        3 => kind().prop_map(|kind| ("type", kind.into())),
        3 => vec(kind(), 2..5).prop_map(|mut kinds| {
            kinds.sort_unstable();
            kinds.dedup();
            ("type", kinds.into())
        }),
        1 => vec(value(), 1..4).prop_map(|values| ("enum", values.into())),
        1 => value().prop_map(|value| ("const", value)),
        2 => (limit(), number()),
        1 => select(&["0.5", "2", "1e-19"][..])
            .prop_map(|text| ("multipleOf", serde_json::from_str(text).unwrap_or_default())),
        1 => (select(&["minLength", "maxLength"][..]), (0..3_u8).prop_map(Value::from)),
        1 => select(&["^x", "ü$", "^$", "[a-x]"][..]).prop_map(|text| ("pattern", text.into())),
        1 => select(&["date", "uuid", "email", "uri", "date-time"][..])
            .prop_map(|format| ("format", format.into())),
    ]
}

fn names() -> impl Strategy<Value = Vec<String>> {
    vec(name(2), 1..3).prop_map(|mut names| {
        names.sort_unstable();
        names.dedup();
        names
    })
}

fn members<S: Strategy<Value = Value>>(inner: S) -> impl Strategy<Value = Value> {
    vec((name(3), inner), 1..4).prop_map(object)
}

fn rule_of_object<S>(inner: S) -> impl Strategy<Value = (&'static str, Value)>
where
    S: Strategy<Value = Value> + Clone + 'static,
{
    let pattern = || select(&["^[ab]$", "[0-9]", "^-"][..]);
    prop_oneof![
        6 => members(inner.clone()).prop_map(|members| ("properties", members)),
        1 => (pattern(), inner.clone()).prop_map(|(pattern, inner)| {
            ("patternProperties", json!({pattern: inner}))
        }),
        1 => prop_oneof![Just(Value::Bool(false)), inner.clone()]
            .prop_map(|inner| ("additionalProperties", inner)),
        2 => names().prop_map(|names| ("required", names.into())),
        1 => (name(2), names()).prop_map(|(name, names)| {
            ("dependentRequired", json!({name: names}))
        }),
        1 => prop_oneof![
            Just(json!({"maxLength": 1})),
            Just(json!({"pattern": "^[a-c0-9]"})),
            Just(json!({"enum": ["a", "b", "0", "1"]})),
        ]
        .prop_map(|inner| ("propertyNames", inner)),
        2 => (0..3_u8).prop_map(|count| ("minProperties", count.into())),
        2 => (1..5_u8).prop_map(|count| ("maxProperties", count.into())),
    ]
}

fn rule_of_array<S>(inner: S) -> impl Strategy<Value = (&'static str, Value)>
where
    S: Strategy<Value = Value> + Clone + 'static,
{
    prop_oneof![
        3 => inner.clone().prop_map(|inner| ("items", inner)),
        1 => vec(inner.clone(), 1..3).prop_map(|first| ("prefixItems", first.into())),
        1 => inner.prop_map(|inner| ("contains", inner)),
        2 => (0..3_u8).prop_map(|count| ("minItems", count.into())),
        2 => (1..5_u8).prop_map(|count| ("maxItems", count.into())),
        1 => Just(("uniqueItems", true.into())),
    ]
}

fn rule_of_several<S>(inner: S) -> impl Strategy<Value = (&'static str, Value)>
where
    S: Strategy<Value = Value> + Clone + 'static,
{
    let some = || vec(inner.clone(), 1..3).prop_map(Value::from);
    prop_oneof![
        2 => some().prop_map(|some| ("allOf", some)),
        1 => some().prop_map(|some| ("anyOf", some)),
        1 => some().prop_map(|some| ("oneOf", some)),
        1 => inner.clone().prop_map(|inner| ("not", inner)),
        1 => inner.clone().prop_map(|inner| ("if", inner)),
        1 => inner.clone().prop_map(|inner| ("then", inner)),
        1 => inner.clone().prop_map(|inner| ("else", inner)),
        3 => (inner.clone(), inner.clone(), inner).prop_map(|(condition, then, other)| {
            ("allOf", json!([{"if": condition, "then": then, "else": other}]))
        }),
    ]
}

fn any_rules() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        8 => rules(rule_of_scalar()),
        1 => any::<bool>().prop_map(Value::from),
        2 => definition().prop_map(|name| json!({"$ref": format!("#/$defs/{name}")})),
        1 => rules(rule_of_scalar()).prop_map(|mut rules| {
            rules["readOnly"] = true.into();
            rules
        }),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        rules(prop_oneof![
            2 => rule_of_scalar(),
            4 => rule_of_object(inner.clone()),
            3 => rule_of_array(inner.clone()),
            2 => rule_of_several(inner.clone()),
            1 => Just(("readOnly", true.into())),
        ])
    })
    .boxed()
}

/// Rules of which some are certainly about an object's members.
fn rules_of_object(inner: BoxedStrategy<Value>) -> impl Strategy<Value = Value> {
    let others =
        rules(prop_oneof![3 => rule_of_object(inner.clone()), 1 => rule_of_several(inner.clone())]);
    (members(inner), others).prop_map(|(members, mut rules)| {
        rules["properties"] = members;
        rules
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
