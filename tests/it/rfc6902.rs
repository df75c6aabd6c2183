//! RFC 6902 by its text, as plainly as can be. The code under test is compared with this.
//!
//! This module shares nothing with that code, nor with the crates that parse and apply patches
//! there. It reads the JSON of a patch itself, and has its own pointers (RFC 6901) and its own
//! equality.

use serde_json::{Value, json};

/// The document that `patch`, an array of operations, makes of `document`, or the index of the
/// operation that fails, from 0.
pub(crate) fn apply(patch: &Value, document: &Value) -> Result<Value, usize> {
    let mut document = document.clone();
    // Section 3: the operations are applied in order, each to what the one before it has made.
    for (index, operation) in patch.as_array().expect("an array of operations").iter().enumerate() {
        // Section 5: the first operation that fails ends the patch.
        apply_one(operation, &mut document).ok_or(index)?;
    }
    Ok(document)
}

/// None where the operation fails. The document may then be anything.
fn apply_one(operation: &Value, document: &mut Value) -> Option<()> {
    // Section 4: an operation is an object, whose members have no order. A member that is not
    // defined for the operation is ignored.
    let member = |name| operation.as_object()?.get(name);
    let pointer = |name| tokens(member(name)?.as_str()?);
    // Section 4: every operation has an `op` and a `path`.
    let path = pointer("path")?;
    match member("op")?.as_str()? {
        // Section 4.1: an `add` needs a `value`.
        "add" => add(document, &path, member("value")?.clone()),
        // Section 4.2.
        "remove" => remove(document, &path).map(drop),
        // Section 4.3: a `replace` needs a `value`, and its target must exist.
        "replace" => {
            *find(document, &path)? = member("value")?.clone();
            Some(())
        }
        // Section 4.4: a `move` is a removal at `from`, which must exist and must not be a proper
        // prefix of `path`, and an addition at `path`.
        "move" => {
            let from = pointer("from")?;
            if path == from {
                // The value is added in the place that it was removed from.
                return find(document, &from).map(drop);
            }
            if path.starts_with(&from) {
                return None;
            }
            let value = remove(document, &from)?;
            add(document, &path, value)
        }
        // Section 4.5: a `copy` is an addition, at `path`, of what is at `from`, which must exist.
        "copy" => {
            let value = find(document, &pointer("from")?)?.clone();
            add(document, &path, value)
        }
        // Section 4.6: a `test` needs a `value`, to which its target must be equal.
        "test" => equal(find(document, &path)?, member("value")?).then_some(()),
        // Section 4: `op` is one of the six above; anything else is an error.
        _ => None,
    }
}

/// Section 4.1: an `add`.
fn add(document: &mut Value, path: &[String], value: Value) -> Option<()> {
    let Some((last, parent)) = path.split_last() else {
        // At the root the value becomes the whole document.
        *document = value;
        return Some(());
    };
    // The object or array that holds the target must exist.
    match find(document, parent)? {
        // A member that exists is replaced. Another one is added.
        Value::Object(members) => {
            members.insert(last.clone(), value);
        }
        // An element is inserted before the one at the index, which is at most the number of
        // elements; `-` appends.
        Value::Array(elements) => {
            let index = if last == "-" { elements.len() } else { index(last)? };
            if index > elements.len() {
                return None;
            }
            elements.insert(index, value);
        }
        _ => return None,
    }
    Some(())
}

/// Section 4.2: the target must exist, and the elements after it move to the left.
fn remove(document: &mut Value, path: &[String]) -> Option<Value> {
    // Without the root there would be no document. The RFC says nothing about that; here it fails.
    let (last, parent) = path.split_last()?;
    match find(document, parent)? {
        Value::Object(members) => members.remove(last),
        Value::Array(elements) => {
            let index = index(last)?;
            (index < elements.len()).then(|| elements.remove(index))
        }
        _ => None,
    }
}

/// RFC 6901, section 3: a pointer is empty, or its tokens follow a `/` each.
fn tokens(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    pointer.strip_prefix('/')?.split('/').map(unescaped).collect()
}

/// RFC 6901, section 3: `~` stands only in `~0`, which is `~`, and in `~1`, which is `/`.
fn unescaped(token: &str) -> Option<String> {
    let mut text = String::new();
    let mut characters = token.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '~' => match characters.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(text)
}

/// RFC 6901, section 4: a token names a member of an object, or an element of an array by its index.
fn find<'d>(document: &'d mut Value, tokens: &[String]) -> Option<&'d mut Value> {
    let mut place = document;
    for token in tokens {
        place = match place {
            Value::Object(members) => members.get_mut(token)?,
            Value::Array(elements) => elements.get_mut(index(token)?)?,
            _ => return None,
        };
    }
    Some(place)
}

/// RFC 6901, section 4: an index is digits without leading zeros. `-` is the place after the last
/// element, so it is no element that exists.
fn index(token: &str) -> Option<usize> {
    let is_index = token == "0" || !token.starts_with('0');
    if !is_index || !token.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Without digits there is no index. An index too large for a `usize` is past the end of any
    // array.
    token.parse().ok()
}

/// Section 4.6, for two values of documents.
pub(crate) fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(one), Value::Bool(other)) => one == other,
        // Strings are equal if they have the same characters.
        (Value::String(one), Value::String(other)) => one == other,
        (Value::Number(one), Value::Number(other)) => {
            decimal(one.as_str()) == decimal(other.as_str())
        }
        // Arrays are equal if they have as many elements, equal in order.
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        // Objects are equal if they have as many members, each equal to the member of its name in
        // the other, in whatever order.
        (Value::Object(one), Value::Object(other)) => {
            let is_in_other = |(name, one): (&String, &Value)| {
                other.get(name).is_some_and(|other| equal(one, other))
            };
            one.len() == other.len() && one.iter().all(is_in_other)
        }
        _ => false,
    }
}

/// Section 4.6: numbers are compared by value. The value is the integer of these digits, which
/// neither begin nor end with 0, times ten to this power. True means that it is below zero.
fn decimal(text: &str) -> (bool, String, i64) {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        // Zero has neither sign nor power.
        return (false, String::new(), 0);
    }
    let length = |text: &str| i64::try_from(text.len()).unwrap();
    let power: i64 = exponent.parse().expect("an exponent that a document can hold");
    let power = power - length(fraction) + length(&digits) - length(significant);
    (text.starts_with('-'), significant.trim_start_matches('0').to_owned(), power)
}

#[track_caller]
fn check(document: &Value, patch: &Value, expected: &Result<Value, usize>) {
    let made = apply(patch, document);
    let is_expected = match (&made, expected) {
        (Ok(made), Ok(expected)) => equal(made, expected),
        (made, expected) => made == expected,
    };
    assert!(is_expected, "{patch} of {document}: {made:?}, expected {expected:?}");
}

/// A.13 is an operation with two members `op`. A [`Value`] can hold only one of them, so the
/// example is not here.
#[test]
fn the_examples_of_rfc_6902_come_out_as_they_are_printed() {
    for (document, operation, expected) in [
        // A.1
        (
            json!({"foo": "bar"}),
            json!({"op": "add", "path": "/baz", "value": "qux"}),
            Ok(json!({"baz": "qux", "foo": "bar"})),
        ),
        // A.2
        (
            json!({"foo": ["bar", "baz"]}),
            json!({"op": "add", "path": "/foo/1", "value": "qux"}),
            Ok(json!({"foo": ["bar", "qux", "baz"]})),
        ),
        // A.3
        (
            json!({"baz": "qux", "foo": "bar"}),
            json!({"op": "remove", "path": "/baz"}),
            Ok(json!({"foo": "bar"})),
        ),
        // A.4
        (
            json!({"foo": ["bar", "qux", "baz"]}),
            json!({"op": "remove", "path": "/foo/1"}),
            Ok(json!({"foo": ["bar", "baz"]})),
        ),
        // A.5
        (
            json!({"baz": "qux", "foo": "bar"}),
            json!({"op": "replace", "path": "/baz", "value": "boo"}),
            Ok(json!({"baz": "boo", "foo": "bar"})),
        ),
        // A.6
        (
            json!({"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}}),
            json!({"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}),
            Ok(json!({"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}})),
        ),
        // A.7
        (
            json!({"foo": ["all", "grass", "cows", "eat"]}),
            json!({"op": "move", "from": "/foo/1", "path": "/foo/3"}),
            Ok(json!({"foo": ["all", "cows", "eat", "grass"]})),
        ),
        // A.9
        (json!({"baz": "qux"}), json!({"op": "test", "path": "/baz", "value": "bar"}), Err(0)),
        // A.10
        (
            json!({"foo": "bar"}),
            json!({"op": "add", "path": "/child", "value": {"grandchild": {}}}),
            Ok(json!({"foo": "bar", "child": {"grandchild": {}}})),
        ),
        // A.11
        (
            json!({"foo": "bar"}),
            json!({"op": "add", "path": "/baz", "value": "qux", "xyz": 123}),
            Ok(json!({"foo": "bar", "baz": "qux"})),
        ),
        // A.12
        (json!({"foo": "bar"}), json!({"op": "add", "path": "/baz/bat", "value": "qux"}), Err(0)),
        // A.14
        (
            json!({"/": 9, "~1": 10}),
            json!({"op": "test", "path": "/~01", "value": 10}),
            Ok(json!({"/": 9, "~1": 10})),
        ),
        // A.15
        (json!({"/": 9, "~1": 10}), json!({"op": "test", "path": "/~01", "value": "10"}), Err(0)),
        // A.16
        (
            json!({"foo": ["bar"]}),
            json!({"op": "add", "path": "/foo/-", "value": ["abc", "def"]}),
            Ok(json!({"foo": ["bar", ["abc", "def"]]})),
        ),
    ] {
        check(&document, &json!([operation]), &expected);
    }
    // A.8
    let document = json!({"baz": "qux", "foo": ["a", 2, "c"]});
    let patch = json!([
        {"op": "test", "path": "/baz", "value": "qux"},
        {"op": "test", "path": "/foo/1", "value": 2},
    ]);
    check(&document, &patch, &Ok(document.clone()));
}

#[test]
fn the_operation_that_fails_is_told_by_its_index() {
    let document = json!({"a": [1, 2], "b": {"c": 1}, "text": "x"});
    for operation in [
        json!(5),
        json!({}),
        json!({"op": "spam", "path": "/a"}),
        json!({"op": "remove"}),
        json!({"op": "remove", "path": "a"}),
        json!({"op": "add", "path": "/d"}),
        json!({"op": "replace", "path": "/a"}),
        json!({"op": "test", "path": "/a"}),
        json!({"op": "copy", "path": "/d"}),
        json!({"op": "move", "path": "/d"}),
        json!({"op": "add", "path": "/a/3", "value": 1}),
        json!({"op": "add", "path": "/a/01", "value": 1}),
        json!({"op": "add", "path": "/a/+1", "value": 1}),
        json!({"op": "add", "path": "/a/", "value": 1}),
        json!({"op": "add", "path": "/text/0", "value": 1}),
        json!({"op": "remove", "path": "/a/2"}),
        json!({"op": "remove", "path": "/a/-"}),
        json!({"op": "remove", "path": "/a/18446744073709551616"}),
        json!({"op": "replace", "path": "/d", "value": 1}),
        json!({"op": "move", "from": "/b", "path": "/b/c"}),
        json!({"op": "move", "from": "/d", "path": "/d"}),
        json!({"op": "move", "from": "/a/0", "path": "/a/2"}),
    ] {
        let fits = json!({"op": "test", "path": "/a/0", "value": 1});
        check(&document, &json!([fits, operation, fits]), &Err(1));
    }
    let patch = json!([
        {"op": "move", "from": "", "path": ""},
        {"op": "move", "from": "/a/0", "path": "/a/1"},
        {"op": "copy", "from": "/b", "path": "/b/d"},
        {"op": "replace", "path": "/text", "value": null},
    ]);
    let made = json!({"a": [2, 1], "b": {"c": 1, "d": {"c": 1}}, "text": null});
    check(&document, &patch, &Ok(made));
    check(&document, &json!([{"op": "add", "path": "", "value": 1}]), &Ok(json!(1)));
}

#[test]
fn a_pointer_is_tokens_as_rfc_6901_says() {
    for (pointer, expected) in [
        ("", Some(vec![])),
        ("/", Some(vec![""])),
        ("/foo/0", Some(vec!["foo", "0"])),
        ("/a~1b/m~0n", Some(vec!["a/b", "m~n"])),
        ("/~01/", Some(vec!["~1", ""])),
        ("foo", None),
        ("/~", None),
        ("/~2", None),
    ] {
        let expected: Option<Vec<String>> =
            expected.map(|tokens| tokens.into_iter().map(str::to_owned).collect());
        assert_eq!(tokens(pointer), expected, "{pointer}");
    }
}

#[test]
fn values_are_equal_as_section_4_6_says() {
    let parse = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    for (one, other, expected) in [
        ("1", "1.0", true),
        ("1", "10e-1", true),
        ("100", "1E+2", true),
        ("-0", "0e9", true),
        ("0.10", "1e-1", true),
        ("1", "-1", false),
        ("1", "10", false),
        ("0.1", "0.01", false),
        ("1", "1.0000000000000000000000000000000000001", false),
        (
            "12345678901234567890123456789012345678",
            "1.2345678901234567890123456789012345678e37",
            true,
        ),
        ("12345678901234567890123456789012345678", "12345678901234567890123456789012345679", false),
        ("1", "\"1\"", false),
        ("0", "false", false),
        ("null", "false", false),
        ("\"\\u00e4\"", "\"ä\"", true),
        ("\"\\u00e4\"", "\"a\\u0308\"", false),
        ("[1,[2]]", "[1.0,[2]]", true),
        ("[1,2]", "[2,1]", false),
        ("[1]", "[1,1]", false),
        (r#"{"a":1,"b":[]}"#, r#"{"b":[],"a":1e0}"#, true),
        (r#"{"a":1}"#, r#"{"a":1,"b":1}"#, false),
        (r#"{"a":1}"#, r#"{"b":1}"#, false),
        ("[]", "{}", false),
    ] {
        let (first, second) = (parse(one), parse(other));
        assert_eq!(equal(&first, &second), expected, "{one} {other}");
        assert_eq!(equal(&second, &first), expected, "{other} {one}");
    }
}
