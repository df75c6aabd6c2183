//! A patch applied in memory, one operation at a time. An error says which operation failed, and
//! why.

use std::borrow::Cow;

use json_patch::{
    PatchOperation,
    jsonptr::{Pointer, PointerBuf, Token, index::Index},
};
use serde_json::Value;

use crate::{
    limits::Limits,
    patch::{Change, Patch, op_name},
    pointer::quoted,
    size::{ELEMENT_BYTES, depth, item_bytes, member_bytes},
};

/// An operation that cannot be applied to the document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("operation {operation} (`{op}` `{}`): {reason}", quoted(.pointer))]
pub struct ApplyError {
    /// The operation's index in the patch, from 0.
    pub operation: usize,
    /// The operation's name.
    pub op: &'static str,
    /// The pointer that does not work: the operation's `from` or `path`.
    pub pointer: PointerBuf,
    /// What is wrong with it.
    pub reason: Reason,
}

/// Why an operation cannot be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The pointer leads to nothing.
    #[error("no such value in the document")]
    Missing,
    /// What the new value would be added to does not exist.
    #[error("the value to add to does not exist")]
    ParentMissing,
    /// What the new value would be added to is neither an object nor an array.
    #[error("the value to add to is neither an object nor an array")]
    ParentIsScalar,
    /// The last token is not an index of the array.
    #[error("expected an array index without leading zeros, or `-`")]
    NotAnIndex,
    /// The index is past the end of the array.
    #[error("the array index is out of range, the array has {length} elements")]
    IndexOutOfRange {
        /// The array's length.
        length: usize,
    },
    /// A value would be moved into itself.
    #[error("a value cannot be moved into itself")]
    IntoItself,
    /// A `test` found another value.
    #[error("the value is not equal to the one in the document")]
    TestFailed,
    /// The document itself would be replaced by something that is not an object.
    #[error("the document must stay an object")]
    RootNotObject,
    /// The document would have more levels than DynamoDB takes.
    #[error("the document would be nested deeper than {limit} objects and arrays")]
    TooDeep {
        /// The most levels.
        limit: usize,
    },
    /// The document would be too large after the operation.
    #[error("the document would grow past {limit} bytes")]
    TooLarge {
        /// The most bytes.
        limit: usize,
    },
    /// The patch would copy and move too much.
    #[error("the patch would copy and move more than {limit} bytes")]
    TooMuchCopied {
        /// The most bytes.
        limit: usize,
    },
}

impl Reason {
    /// The reason as one word for a program, in kebab case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "path-missing",
            Self::ParentMissing => "parent-missing",
            Self::ParentIsScalar => "parent-not-container",
            Self::NotAnIndex => "not-an-index",
            Self::IndexOutOfRange { .. } => "index-out-of-range",
            Self::IntoItself => "moved-into-itself",
            Self::TestFailed => "test-failed",
            Self::RootNotObject => "document-not-object",
            Self::TooDeep { .. } => "too-deep",
            Self::TooLarge { .. } => "too-large",
            Self::TooMuchCopied { .. } => "too-much-copied",
        }
    }

    /// The limit that was passed, if the reason is one.
    #[must_use]
    pub fn limit(self) -> Option<usize> {
        match self {
            Self::TooDeep { limit } | Self::TooLarge { limit } | Self::TooMuchCopied { limit } => {
                Some(limit)
            }
            _ => None,
        }
    }

    /// Whether the patch passes a limit. Otherwise the patch does not fit the document.
    #[must_use]
    pub fn is_limit(self) -> bool {
        matches!(
            self,
            Self::RootNotObject
                | Self::TooDeep { .. }
                | Self::TooLarge { .. }
                | Self::TooMuchCopied { .. }
        )
    }
}

/// Applies `patch` to `document`: every operation, in order, or every member of a merge patch.
///
/// # Errors
///
/// Names the first operation that cannot be applied. The document is dropped with it, so that
/// nothing half-patched can be written.
pub fn apply(patch: &Patch, document: Value) -> Result<Value, ApplyError> {
    apply_within(patch, document, patch.limits())
}

/// As [`apply`], within other limits than those that the patch was parsed within.
///
/// # Errors
///
/// As [`apply`].
pub fn apply_within(patch: &Patch, document: Value, limits: &Limits) -> Result<Value, ApplyError> {
    apply_metered(patch, usize::MAX, document, limits).map(|(document, _)| document)
}

/// As [`apply`], but only the first `count` operations, or a merge patch.
///
/// # Errors
///
/// As [`apply`].
pub(crate) fn apply_first(
    patch: &Patch,
    count: usize,
    document: Value,
) -> Result<Value, ApplyError> {
    apply_metered(patch, count, document, patch.limits()).map(|(document, _)| document)
}

/// As [`apply_first`], within `limits`, with what was measured.
fn apply_metered<'l>(
    patch: &Patch,
    count: usize,
    mut document: Value,
    limits: &'l Limits,
) -> Result<(Value, Meter<'l>), ApplyError> {
    let operations = match patch.change() {
        Change::Operations(operations) => operations,
        Change::Merge(merge) => {
            // It fits every object, and makes the document larger by no more than a body.
            json_patch::merge(&mut document, merge);
            let bytes = item_bytes(&document);
            return Ok((document, Meter { bytes, copied: 0, limits }));
        }
    };
    let mut meter = Meter { bytes: item_bytes(&document), copied: 0, limits };
    for (index, operation) in operations.iter().take(count).enumerate() {
        let fail = |pointer: &Pointer, reason| ApplyError {
            operation: index,
            op: op_name(operation),
            pointer: pointer.to_buf(),
            reason,
        };
        check(operation, &document, &mut meter).map_err(|(at, reason)| fail(at, reason))?;
        if matches!(operation, PatchOperation::Move(to) if to.from == to.path) {
            // Nothing moves. `json_patch` would take away a document that is moved onto itself.
            continue;
        }
        // `check` has already looked for every reason to fail, to give it this crate's words.
        // Whether the operation has worked is still for `json_patch` to say.
        json_patch::patch_unsafe(&mut document, std::slice::from_ref(operation))
            .map_err(|_| fail(operation.path(), Reason::Missing))?;
    }
    Ok((document, meter))
}

type Refusal<'p> = (&'p Pointer, Reason);

fn check<'p>(
    operation: &'p PatchOperation,
    document: &Value,
    meter: &mut Meter<'_>,
) -> Result<(), Refusal<'p>> {
    match operation {
        PatchOperation::Add(add) => {
            check_addable(document, &add.path)?;
            let overwritten = overwritten(document, &add.path);
            let overhead = overhead(document, &add.path);
            meter.put(&add.path, overhead, overwritten, item_bytes(&add.value))
        }
        PatchOperation::Remove(remove) => {
            let value = existing(document, &remove.path)?;
            meter.bytes -= overhead(document, &remove.path) + item_bytes(value);
            Ok(())
        }
        PatchOperation::Replace(replace) => {
            let replaced = item_bytes(existing(document, &replace.path)?);
            let overhead = overhead(document, &replace.path);
            meter.put(&replace.path, overhead, Some(replaced), item_bytes(&replace.value))
        }
        PatchOperation::Move(movement) => {
            let value = existing(document, &movement.from)?;
            if movement.path == movement.from {
                return Ok(());
            }
            if movement.path.starts_with(&movement.from) {
                return Err((&movement.path, Reason::IntoItself));
            }
            let bytes = item_bytes(value);
            meter.copy(&movement.path, bytes)?;
            check_fits(&movement.path, value, meter.limits)?;
            let path = check_addable_after_removal(document, &movement.path, &movement.from)?;
            let left = overhead(document, &movement.from) + bytes;
            meter.bytes -= left;
            let mut overwritten = overwritten(document, &path);
            if movement.from.starts_with(&path) {
                // What is overwritten no longer holds what was moved out of it.
                overwritten = overwritten.map(|bytes| bytes - left);
            }
            meter.put(&movement.path, overhead(document, &path), overwritten, bytes)
        }
        PatchOperation::Copy(copy) => {
            let value = existing(document, &copy.from)?;
            check_addable(document, &copy.path)?;
            let bytes = item_bytes(value);
            meter.copy(&copy.path, bytes)?;
            check_fits(&copy.path, value, meter.limits)?;
            let overwritten = overwritten(document, &copy.path);
            meter.put(&copy.path, overhead(document, &copy.path), overwritten, bytes)
        }
        PatchOperation::Test(test) => {
            let found = existing(document, &test.path)?;
            if *found == test.value { Ok(()) } else { Err((&test.path, Reason::TestFailed)) }
        }
    }
}

/// Checks a value that comes from elsewhere in the document. At the root it must be an object, and
/// nowhere may it lie too deep.
fn check_fits<'p>(path: &'p Pointer, value: &Value, limits: &Limits) -> Result<(), Refusal<'p>> {
    if path.is_root() && !value.is_object() {
        return Err((path, Reason::RootNotObject));
    }
    if path.count() + depth(value) > limits.depth {
        return Err((path, Reason::TooDeep { limit: limits.depth }));
    }
    Ok(())
}

/// What the document takes after the operations so far, and what these have copied.
struct Meter<'l> {
    /// The document's size, as [`item_bytes`] counts it.
    bytes: usize,
    /// The bytes that were copied and moved.
    copied: usize,
    limits: &'l Limits,
}

impl Meter<'_> {
    /// Counts a value of `bytes` that is written to `path`, where any value takes `overhead` more.
    /// It may take the place of a value of `overwritten` bytes.
    fn put<'p>(
        &mut self,
        path: &'p Pointer,
        overhead: usize,
        overwritten: Option<usize>,
        bytes: usize,
    ) -> Result<(), Refusal<'p>> {
        let before = overwritten.map_or(0, |overwritten| overhead + overwritten);
        self.bytes = self.bytes + overhead + bytes - before;
        let limit = self.limits.working_bytes;
        if self.bytes > limit { Err((path, Reason::TooLarge { limit })) } else { Ok(()) }
    }

    /// Counts a value of `bytes` that is copied or moved to `path`.
    fn copy<'p>(&mut self, path: &'p Pointer, bytes: usize) -> Result<(), Refusal<'p>> {
        self.copied += bytes;
        let limit = self.limits.copied_bytes;
        if self.copied > limit { Err((path, Reason::TooMuchCopied { limit })) } else { Ok(()) }
    }
}

/// The bytes that a value at `path` takes beside its own.
fn overhead(document: &Value, path: &Pointer) -> usize {
    let Some((parent, name)) = path.split_back() else { return 0 };
    match document.pointer(parent.as_str()) {
        Some(Value::Object(_)) => member_bytes(&name.decoded(), 0),
        _ => ELEMENT_BYTES,
    }
}

/// The bytes of the value whose place an `add` to `path` takes. In an array it takes none: the
/// other elements make room.
fn overwritten(document: &Value, path: &Pointer) -> Option<usize> {
    let parent = path.parent().and_then(|parent| document.pointer(parent.as_str()));
    if parent.is_some_and(Value::is_array) {
        return None;
    }
    document.pointer(path.as_str()).map(item_bytes)
}

fn existing<'d, 'p>(document: &'d Value, path: &'p Pointer) -> Result<&'d Value, Refusal<'p>> {
    document.pointer(path.as_str()).ok_or_else(|| {
        // An index past the end of an array has a reason of its own.
        let parent = path.split_back().and_then(|(parent, last)| {
            Some((document.pointer(parent.as_str())?.as_array()?, last))
        });
        let reason = match parent {
            Some((array, last)) => array_reason(array.len(), &last, false),
            None => None,
        };
        (path, reason.unwrap_or(Reason::Missing))
    })
}

fn check_addable<'p>(document: &Value, path: &'p Pointer) -> Result<(), Refusal<'p>> {
    let Some((parent, last)) = path.split_back() else { return Ok(()) };
    match document.pointer(parent.as_str()) {
        Some(Value::Object(_)) => Ok(()),
        Some(Value::Array(array)) => match array_reason(array.len(), &last, true) {
            Some(reason) => Err((path, reason)),
            None => Ok(()),
        },
        Some(_) => Err((path, Reason::ParentIsScalar)),
        None => Err((path, Reason::ParentMissing)),
    }
}

/// As [`check_addable`], for the document as it will be without the value at `from`. Returns the
/// path of that place in the document as it still is. The two paths differ where the value leaves
/// an array, as the elements after it move.
fn check_addable_after_removal<'p>(
    document: &Value,
    path: &'p Pointer,
    from: &Pointer,
) -> Result<Cow<'p, Pointer>, Refusal<'p>> {
    let place = before_removal(document, path, from).map_or(Cow::Borrowed(path), Cow::Owned);
    match check_addable(document, &place) {
        Ok(()) => Ok(place),
        Err((_, Reason::IndexOutOfRange { length })) if place.parent() == from.parent() => {
            Err((path, Reason::IndexOutOfRange { length: length - 1 }))
        }
        Err((_, reason)) => Err((path, reason)),
    }
}

/// The path in `document` of the place that `path` leads to once the element at `from` has left its
/// array; none where it is `path` itself.
fn before_removal(document: &Value, path: &Pointer, from: &Pointer) -> Option<PointerBuf> {
    let (array, removed) = from.split_back()?;
    let Ok(Index::Num(removed)) = removed.to_index() else { return None };
    if !path.starts_with(array) || !document.pointer(array.as_str())?.is_array() {
        return None;
    }
    let depth = array.count();
    let index = match path.get(depth)?.to_index() {
        Ok(Index::Num(index)) if index >= removed => index.checked_add(1)?,
        _ => return None,
    };
    let mut tokens: Vec<_> = path.tokens().collect();
    tokens[depth] = Token::from(index);
    Some(PointerBuf::from_tokens(tokens))
}

/// What is wrong with `token` as an index of an array of `length` elements. With `inclusive` the
/// place after the last element is right too.
fn array_reason(length: usize, token: &Token<'_>, inclusive: bool) -> Option<Reason> {
    match token.to_index() {
        Err(_) => Some(Reason::NotAnIndex),
        Ok(Index::Next) => (!inclusive).then_some(Reason::IndexOutOfRange { length }),
        Ok(Index::Num(index)) => {
            let bound = if inclusive { length + 1 } else { length };
            (index >= bound).then_some(Reason::IndexOutOfRange { length })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LIMITS: Limits = Limits::DYNAMODB;

    #[track_caller]
    fn check(patch: &Value, document: Value, expected: Result<Value, &str>) {
        let patch = Patch::parse(patch.to_string().as_bytes()).expect("a valid patch");
        let answer = apply(&patch, document).map_err(|error| error.to_string());
        assert_eq!(answer, expected.map_err(str::to_owned));
    }

    #[test]
    fn operations_apply_in_order() {
        check(
            &json!([
                {"op": "test", "path": "/a", "value": 1.0},
                {"op": "add", "path": "/b", "value": []},
                {"op": "add", "path": "/b/-", "value": 1},
                {"op": "add", "path": "/b/0", "value": 0},
                {"op": "copy", "from": "/b", "path": "/c"},
                {"op": "move", "from": "/a", "path": "/b/1"},
                {"op": "replace", "path": "/b/0", "value": "x"},
                {"op": "remove", "path": "/b/2"}
            ]),
            json!({"a": 1}),
            Ok(json!({"b": ["x", 1], "c": [0, 1]})),
        );
    }

    #[test]
    fn an_error_names_the_operation_its_pointer_and_the_reason() {
        let document = json!({"list": [1, 2], "text": "x", "object": {"of": [3, 4]}});
        for (operation, expected) in [
            (
                json!({"op": "remove", "path": "/nope"}),
                "operation 0 (`remove` `/nope`): no such value in the document",
            ),
            (
                json!({"op": "add", "path": "/nope/a", "value": 1}),
                "operation 0 (`add` `/nope/a`): the value to add to does not exist",
            ),
            (
                json!({"op": "add", "path": "/text/a", "value": 1}),
                "operation 0 (`add` `/text/a`): the value to add to is neither an object nor an \
                 array",
            ),
            (
                json!({"op": "add", "path": "/list/x", "value": 1}),
                "operation 0 (`add` `/list/x`): expected an array index without leading zeros, or \
                 `-`",
            ),
            (
                json!({"op": "add", "path": "/list/01", "value": 1}),
                "operation 0 (`add` `/list/01`): expected an array index without leading zeros, or \
                 `-`",
            ),
            (
                json!({"op": "add", "path": "/list/3", "value": 1}),
                "operation 0 (`add` `/list/3`): the array index is out of range, the array has 2 \
                 elements",
            ),
            (
                json!({"op": "replace", "path": "/list/-", "value": 1}),
                "operation 0 (`replace` `/list/-`): the array index is out of range, the array has \
                 2 elements",
            ),
            (
                json!({"op": "move", "from": "/list/0", "path": "/list/2"}),
                "operation 0 (`move` `/list/2`): the array index is out of range, the array has 1 \
                 elements",
            ),
            (
                json!({"op": "move", "from": "/list/0", "path": "/object/of/3"}),
                "operation 0 (`move` `/object/of/3`): the array index is out of range, the array has 2 \
                 elements",
            ),
            (
                json!({"op": "move", "from": "/object", "path": "/object/a"}),
                "operation 0 (`move` `/object/a`): a value cannot be moved into itself",
            ),
            (
                json!({"op": "move", "from": "", "path": "/a"}),
                "operation 0 (`move` `/a`): a value cannot be moved into itself",
            ),
            (
                json!({"op": "copy", "from": "/nope", "path": "/a"}),
                "operation 0 (`copy` `/nope`): no such value in the document",
            ),
            (
                json!({"op": "copy", "from": "/text", "path": ""}),
                "operation 0 (`copy` ``): the document must stay an object",
            ),
            (
                json!({"op": "test", "path": "/text", "value": "y"}),
                "operation 0 (`test` `/text`): the value is not equal to the one in the document",
            ),
        ] {
            check(&json!([operation]), document.clone(), Err(expected));
        }
    }

    #[test]
    fn a_move_sees_the_array_its_value_has_left() {
        let document = json!({"list": [{"a": 1}, {"b": 2}]});
        check(
            &json!([{"op": "move", "from": "/list/0", "path": "/list/0/c"}]),
            document.clone(),
            Err("operation 0 (`move` `/list/0/c`): a value cannot be moved into itself"),
        );
        check(
            &json!([{"op": "move", "from": "/list/0", "path": "/list/1/c"}]),
            document.clone(),
            Err("operation 0 (`move` `/list/1/c`): the value to add to does not exist"),
        );
        check(
            &json!([{"op": "move", "from": "/list/1", "path": "/list/0/c"}]),
            document.clone(),
            Ok(json!({"list": [{"a": 1, "c": {"b": 2}}]})),
        );
        check(
            &json!([{"op": "move", "from": "", "path": ""}, {"op": "move", "from": "/list/0", "path": "/list/0"}]),
            document.clone(),
            Ok(document),
        );
    }

    #[test]
    fn a_move_to_a_name_that_begins_like_the_arrays_is_not_below_it() {
        check(
            &json!([{"op": "move", "from": "/a/1", "path": "/a.b/c"}]),
            json!({"a": [1, 2], "a.b": {}}),
            Ok(json!({"a": [1], "a.b": {"c": 2}})),
        );
    }

    #[test]
    fn an_index_may_be_as_large_as_it_likes() {
        check(
            &json!([{"op": "move", "from": "/a/0", "path": "/a/18446744073709551615/b"}]),
            json!({"a": [[1], 2]}),
            Err(
                "operation 0 (`move` `/a/18446744073709551615/b`): the value to add to does not exist",
            ),
        );
    }

    #[test]
    fn what_is_replaced_makes_room() {
        let text = |letter: &str| letter.repeat(310_000);
        let large = |letter: &str| json!({"t": text(letter)});
        for patch in [
            json!([{"op": "replace", "path": "/t", "value": text("b")}]),
            json!([{"op": "add", "path": "/t", "value": text("b")}]),
            json!([{"op": "replace", "path": "", "value": large("b")}]),
            json!([{"op": "add", "path": "/u", "value": text("b")},
                   {"op": "remove", "path": "/t"},
                   {"op": "move", "from": "/u", "path": "/t"}]),
        ] {
            let operations = patch.as_array().cloned().unwrap();
            let again = operations.iter().chain(&operations).cloned().collect();
            let patch = Patch::from_operations(again);
            let document = apply(&patch, large("a"));
            if operations.len() == 1 {
                assert_eq!(document, Ok(large("b")));
            } else {
                assert_eq!(document.unwrap_err().reason, Reason::TooLarge { limit: 614_400 });
            }
        }
    }

    #[test]
    fn what_is_copied_again_and_again_is_counted() {
        let mut operations = vec![json!({"op": "copy", "from": "/a", "path": "/b"}); 100];
        operations.push(json!({"op": "remove", "path": "/nope"}));
        check(
            &json!(operations),
            json!({"a": "x".repeat(200_000)}),
            Err(
                "operation 83 (`copy` `/b`): the patch would copy and move more than 16777216 bytes",
            ),
        );
    }

    #[test]
    fn a_long_pointer_is_quoted_in_part() {
        let path = format!("/{}", "ä".repeat(10_000));
        let patch = json!([{"op": "remove", "path": path}]).to_string();
        let error = apply(&Patch::parse(patch.as_bytes()).unwrap(), json!({})).unwrap_err();
        assert_eq!(error.pointer, path);
        assert!(error.to_string().chars().count() < 350, "{error}");
    }

    #[test]
    fn a_chain_of_doubling_copies_stops_at_the_limit() {
        let copies = (0..30).map(|n| json!({"op": "copy", "from": "", "path": format!("/c{n}")}));
        check(
            &Value::Array(copies.collect()),
            json!({"text": "x".repeat(1000)}),
            Err("operation 9 (`copy` `/c9`): the document would grow past 614400 bytes"),
        );
    }

    /// After every patch of one or two operations between some places of a document, the meter says
    /// what the document takes.
    #[test]
    fn the_meter_shows_the_size_of_the_document() {
        let document = json!({
            "a": [1, "text", {"b": [2, 3]}, [4]],
            "long": {"b": {"c": 5}},
            "numbers": {"0": "x", "1": [6]}
        });
        let paths = [
            "",
            "/numbers/0",
            "/numbers/1",
            "/a",
            "/a/-",
            "/a/0",
            "/a/1",
            "/a/2",
            "/a/2/b",
            "/a/2/b/0",
            "/a/2/x",
            "/a/3",
            "/a/3/0",
            "/long",
            "/long/b",
            "/long/b/c",
            "/long/longer",
        ];
        let mut operations = Vec::new();
        for path in paths {
            let value = if path.is_empty() { json!({"v": -1.5}) } else { json!("value") };
            operations.push(json!({"op": "add", "path": path, "value": value}));
            operations.push(json!({"op": "replace", "path": path, "value": value}));
            if !path.is_empty() {
                operations.push(json!({"op": "remove", "path": path}));
            }
            for from in paths {
                operations.push(json!({"op": "move", "from": from, "path": path}));
                operations.push(json!({"op": "copy", "from": from, "path": path}));
            }
        }
        let mut applied = 0;
        for first in &operations {
            let patch = Patch::from_operations(vec![first.clone()]);
            let Ok((document, meter)) =
                apply_metered(&patch, usize::MAX, document.clone(), patch.limits())
            else {
                continue;
            };
            assert_eq!(meter.bytes, item_bytes(&document), "{first}");
            for second in &operations {
                let patch = Patch::from_operations(vec![second.clone()]);
                let Ok((document, meter)) =
                    apply_metered(&patch, usize::MAX, document.clone(), patch.limits())
                else {
                    continue;
                };
                assert_eq!(meter.bytes, item_bytes(&document), "{first} {second}");
                applied += 1;
            }
        }
        assert!(applied > 10_000, "{applied}");
    }

    #[test]
    fn what_was_removed_makes_room_again() {
        let text = "x".repeat(250_000);
        let add = json!({"op": "add", "path": "/a", "value": "x"});
        let mut replace = add.clone();
        replace["value"] = json!(text);
        let patch = json!([replace, add, replace, add, replace]);
        let parsed: Vec<_> = patch.as_array().unwrap().clone();
        let patch = Patch::from_operations(parsed);
        assert_eq!(apply(&patch, json!({})), Ok(json!({"a": text})));
    }

    /// The examples of RFC 7396, appendix A: a value, a merge patch, and the result. As a document is
    /// an object, each is a member of one.
    #[test]
    fn a_merge_patch_does_what_rfc_7396_says() {
        for (original, merge, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let patch = Patch::parse_merge(json!({"member": merge}).to_string().as_bytes());
            let patch = patch.expect("a merge patch");
            let merged = apply(&patch, json!({"member": original}));
            assert_eq!(merged, Ok(json!({"member": result})), "{merge}");
        }
        // The one example of a patch that is null.
        let patch = Patch::parse_merge(br#"{"member": null}"#).expect("a merge patch");
        assert_eq!(apply(&patch, json!({"member": {"a": "foo"}})), Ok(json!({})));
    }

    #[test]
    fn a_program_is_told_by_a_word_and_a_limit() {
        let document = json!({"list": [1], "text": "x", "object": {"o": {}}});
        let limits = Limits { depth: 3, working_bytes: 60, copied_bytes: 20, ..LIMITS };
        for (operation, word, limit) in [
            (json!({"op": "remove", "path": "/nope"}), "path-missing", None),
            (json!({"op": "add", "path": "/nope/a", "value": 1}), "parent-missing", None),
            (json!({"op": "add", "path": "/text/a", "value": 1}), "parent-not-container", None),
            (json!({"op": "add", "path": "/list/x", "value": 1}), "not-an-index", None),
            (json!({"op": "add", "path": "/list/2", "value": 1}), "index-out-of-range", None),
            (json!({"op": "move", "from": "/list", "path": "/list/0"}), "moved-into-itself", None),
            (json!({"op": "test", "path": "/text", "value": "y"}), "test-failed", None),
            (json!({"op": "copy", "from": "/text", "path": ""}), "document-not-object", None),
            (json!({"op": "copy", "from": "/object", "path": "/object/p"}), "too-deep", Some(3)),
            (json!({"op": "add", "path": "/a", "value": "x".repeat(60)}), "too-large", Some(60)),
            (json!({"op": "copy", "from": "", "path": "/a"}), "too-much-copied", Some(20)),
        ] {
            let patch = Patch::from_operations(vec![operation.clone()]);
            let error = apply_within(&patch, document.clone(), &limits).unwrap_err();
            assert_eq!((error.reason.as_str(), error.reason.limit()), (word, limit), "{operation}");
            assert_eq!(error.reason.is_limit(), limit.is_some() || word == "document-not-object");
        }
    }

    /// Each limit is one that can be reached.
    #[test]
    fn a_limit_is_passed_by_one_more() {
        let document = json!({"a": {"b": {"c": []}}, "d": {"e": "text"}});
        let within = |operation: Value, limits: &Limits| {
            let patch = Patch::from_operations(vec![operation]);
            apply_within(&patch, document.clone(), limits).map_err(|error| error.reason)
        };
        let large = json!({"op": "add", "path": "/f", "value": "xyz"});
        let bytes = item_bytes(&within(large.clone(), &LIMITS).unwrap());
        let of = |working_bytes| Limits { working_bytes, ..LIMITS };
        assert!(within(large.clone(), &of(bytes)).is_ok());
        assert_eq!(within(large, &of(bytes - 1)), Err(Reason::TooLarge { limit: bytes - 1 }));

        let copied = item_bytes(&document["a"]);
        for op in ["copy", "move"] {
            let copy = json!({"op": op, "from": "/a", "path": "/d/f"});
            let of = |copied_bytes| Limits { copied_bytes, ..LIMITS };
            assert!(within(copy.clone(), &of(copied)).is_ok());
            let limit = copied - 1;
            assert_eq!(within(copy.clone(), &of(limit)), Err(Reason::TooMuchCopied { limit }));

            // `a` has three levels, and lies in two others.
            let of = |depth| Limits { depth, ..LIMITS };
            assert!(within(copy.clone(), &of(5)).is_ok());
            assert_eq!(within(copy, &of(4)), Err(Reason::TooDeep { limit: 4 }));
        }
    }

    #[test]
    fn a_copy_may_not_nest_too_deep() {
        let mut deep = json!({});
        for _ in 1..LIMITS.depth - 1 {
            deep = json!({"a": deep});
        }
        let document = json!({"d": deep, "e": {}});
        check(
            &json!([{"op": "copy", "from": "/d", "path": "/e/d"}]),
            document,
            Err(
                "operation 0 (`copy` `/e/d`): the document would be nested deeper than 31 objects \
                 and arrays",
            ),
        );
    }
}
