//! A JSON Patch (RFC 6902) or a merge patch (RFC 7396), parsed so that nothing later has to check it
//! again.
//!
//! A [`Patch`] keeps more rules than the RFCs have. It is within its [`Limits`]. It has no empty
//! member name, which DynamoDB cannot hold. It does not remove the document itself, and nothing that
//! is not an object takes the document's place. All its numbers are canonical.
//!
//! The body is cut into raw JSON texts, level by level, and is not deserialized at once. So a
//! member that occurs twice is seen, and an error names its operation. [`parse_value`] makes a
//! value of a raw text.

use std::collections::BTreeMap;

use json_patch::{
    AddOperation, CopyOperation, MoveOperation, PatchOperation, RemoveOperation, ReplaceOperation,
    TestOperation,
    jsonptr::{Pointer, PointerBuf},
};
use serde_json::{Map, Value, map::Entry, value::RawValue};

use crate::{
    limits::{Limits, MAX_NAME_BYTES},
    number::NumberError,
    pointer::quoted,
    size::item_bytes,
    value::{MAX_RECURSION, ValueError, check_name, parse_members, parse_value},
};

/// A valid patch, and the limits that it keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    change: Change,
    limits: Limits,
}

/// What a patch is.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A JSON Patch: operations, in order.
    Operations(Vec<PatchOperation>),
    /// A merge patch. It is an object.
    Merge(Value),
}

/// Why a body is not a patch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The body is not UTF-8.
    #[error("the body is not UTF-8, from byte {0}")]
    NotUtf8(usize),
    /// The body is not JSON.
    #[error("the body is not JSON, at line {line} column {column}")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, from 1, in bytes.
        column: usize,
    },
    /// The body is JSON, but no array.
    #[error("expected an array of operations")]
    NotAnArray,
    /// The body is JSON, but neither a merge patch that leaves an object nor an array.
    #[error("expected an object, or an array of operations")]
    NeitherObjectNorArray,
    /// One member of a merge patch is not valid.
    #[error("{}", of_member(.pointer, .problem))]
    Member {
        /// The member's place in the document.
        pointer: PointerBuf,
        /// What is wrong with it.
        problem: ValueError,
    },
    /// More operations than are allowed.
    #[error("expected at most {limit} operations, but found {found}")]
    TooManyOperations {
        /// How many the patch has.
        found: usize,
        /// The most.
        limit: usize,
    },
    /// One operation is not valid.
    #[error("operation {index}: {problem}")]
    Operation {
        /// The operation's index in the patch, from 0.
        index: usize,
        /// What is wrong with it.
        problem: Problem,
    },
}

/// What is wrong with one operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not a JSON object.
    #[error("expected an object")]
    NotAnObject,
    /// A string in the operation has an escape that is no Unicode text.
    #[error("a text is not Unicode")]
    NotUnicode,
    /// A member occurs twice (RFC 6902 A.13).
    #[error("a member occurs more than once")]
    DuplicateMember,
    /// A member occurs twice in `value`. One of the two would be lost.
    #[error("a member occurs more than once in `value`, as `{}` of the document", quoted(.0))]
    DuplicateInValue(PointerBuf),
    /// `op` is missing or unknown.
    #[error("expected `op` to be one of `add`, `remove`, `replace`, `move`, `copy`, `test`")]
    UnknownOp,
    /// The operation lacks a member that it needs.
    #[error("`{0}` is missing")]
    MissingMember(&'static str),
    /// `path` or `from` is not a JSON Pointer.
    #[error("expected `{0}` to be a JSON Pointer (RFC 6901)")]
    NotAPointer(&'static str),
    /// A token of `path` or `from` is empty.
    #[error("`{0}` has an empty member name, which DynamoDB cannot hold")]
    EmptyToken(&'static str),
    /// A token of `path` or `from` is too long.
    #[error("`{0}` has a member name of more than {MAX_NAME_BYTES} bytes")]
    LongToken(&'static str),
    /// `path` or `from` leads deeper than any document goes.
    #[error("`{member}` is nested deeper than {limit} objects and arrays")]
    DeepPointer {
        /// The member of the operation.
        member: &'static str,
        /// The most levels.
        limit: usize,
    },
    /// `value` at `path` would lie deeper than any document goes.
    #[error("`value` at `path` is nested deeper than {limit} objects and arrays")]
    DeepValue {
        /// The most levels.
        limit: usize,
    },
    /// A member name in `value` is empty.
    #[error("`value` has an empty member name, which DynamoDB cannot hold")]
    EmptyName,
    /// A member name in `value` is too long.
    #[error("`value` has a member name of more than {MAX_NAME_BYTES} bytes")]
    LongName,
    /// A number that DynamoDB cannot hold.
    #[error("`value`: {0}")]
    Number(NumberError),
    /// The document itself would be removed.
    #[error("the document itself cannot be removed")]
    RemovesRoot,
    /// The document itself would become something other than an object.
    #[error("the document itself must be an object")]
    RootNotObject,
}

impl PatchError {
    /// The reason as one word for a program, in kebab case.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotUtf8(_) => "not-utf8",
            Self::NotJson { .. } => "not-json",
            Self::NotAnArray => "not-an-array",
            Self::NeitherObjectNorArray => "document-not-object",
            Self::Member { problem, .. } => problem.reason(),
            Self::TooManyOperations { .. } => "too-many-operations",
            Self::Operation { problem, .. } => problem.reason(),
        }
    }

    /// The index of the operation that is not valid, from 0.
    #[must_use]
    pub fn operation(&self) -> Option<usize> {
        match self {
            Self::Operation { index, .. } => Some(*index),
            _ => None,
        }
    }

    /// The place in the document that the operation or member means, where that is what is wrong.
    #[must_use]
    pub fn pointer(&self) -> Option<&Pointer> {
        match self {
            Self::Operation { problem: Problem::DuplicateInValue(pointer), .. }
            | Self::Member { pointer, .. } => Some(pointer),
            _ => None,
        }
    }

    /// The limit that was passed.
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        match self {
            Self::TooManyOperations { limit, .. } => Some(*limit),
            Self::Member { problem, .. } => problem.limit(),
            Self::Operation { problem, .. } => match problem {
                Problem::DeepPointer { limit, .. } | Problem::DeepValue { limit } => Some(*limit),
                Problem::LongToken(_) | Problem::LongName => Some(MAX_NAME_BYTES),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Problem {
    fn reason(&self) -> &'static str {
        match self {
            Self::NotAnObject => "operation-not-object",
            Self::NotUnicode => "text-not-unicode",
            Self::DuplicateMember | Self::DuplicateInValue(_) => "member-repeated",
            Self::UnknownOp => "operation-unknown",
            Self::MissingMember(_) => "member-missing",
            Self::NotAPointer(_) => "not-a-pointer",
            Self::EmptyToken(_) | Self::EmptyName => "name-empty",
            Self::LongToken(_) | Self::LongName => "name-too-long",
            Self::DeepPointer { .. } | Self::DeepValue { .. } => "too-deep",
            Self::Number(_) => "number-not-storable",
            Self::RemovesRoot => "document-removed",
            Self::RootNotObject => "document-not-object",
        }
    }

    /// What is wrong with a value that is meant for `path`.
    fn of_value(error: ValueError, path: &Pointer) -> Self {
        match error {
            ValueError::DuplicateMember(at) => Self::DuplicateInValue(path.concat(&at)),
            ValueError::NotUnicode => Self::NotUnicode,
            ValueError::TooDeep { limit } => Self::DeepValue { limit },
            ValueError::EmptyName => Self::EmptyName,
            ValueError::LongName => Self::LongName,
            ValueError::Number(error) => Self::Number(error),
        }
    }
}

impl Patch {
    /// Parses a request's body.
    ///
    /// Members that an operation does not use are ignored, `from: null` among them. A missing
    /// `value` is not a `value` of null.
    ///
    /// # Errors
    ///
    /// Fails where the body is not JSON, or is no valid patch within the limits.
    pub fn parse(body: &[u8]) -> Result<Self, PatchError> {
        Self::parse_within(body, Limits::DYNAMODB)
    }

    /// Parses a request's body within `limits`. The patch's plan and [`apply`](crate::apply) keep
    /// these limits too.
    ///
    /// # Errors
    ///
    /// Fails where the body is not JSON, or is no valid patch within the limits.
    pub fn parse_within(body: &[u8], limits: Limits) -> Result<Self, PatchError> {
        let raw = json(body)?;
        if !raw.get().starts_with('[') {
            return Err(PatchError::NotAnArray);
        }
        Self::of_array(raw, limits)
    }

    /// Parses a request's body of the type `application/merge-patch+json`: an object is a merge patch,
    /// an array a JSON Patch.
    ///
    /// # Errors
    ///
    /// As [`Patch::parse`].
    pub fn parse_merge(body: &[u8]) -> Result<Self, PatchError> {
        Self::parse_merge_within(body, Limits::DYNAMODB)
    }

    /// As [`Patch::parse_merge`], within `limits`.
    ///
    /// # Errors
    ///
    /// As [`Patch::parse`].
    pub fn parse_merge_within(body: &[u8], limits: Limits) -> Result<Self, PatchError> {
        let raw = json(body)?;
        match raw.get().as_bytes().first() {
            Some(b'[') => Self::of_array(raw, limits),
            Some(b'{') => {
                let merge = merge(raw, &mut PointerBuf::new(), 0, &limits)?;
                Ok(Self { change: Change::Merge(merge), limits })
            }
            // It would take the document's place (RFC 7396 1).
            _ => Err(PatchError::NeitherObjectNorArray),
        }
    }

    fn of_array(raw: &RawValue, limits: Limits) -> Result<Self, PatchError> {
        let items: Vec<&RawValue> =
            serde_json::from_str(raw.get()).map_err(|error| not_json(&error))?;
        if items.len() > limits.operations {
            let (found, limit) = (items.len(), limits.operations);
            return Err(PatchError::TooManyOperations { found, limit });
        }
        let operations = items.into_iter().enumerate().map(|(index, item)| {
            operation(item, &limits).map_err(|problem| PatchError::Operation { index, problem })
        });
        let change = Change::Operations(operations.collect::<Result<_, _>>()?);
        Ok(Self { change, limits })
    }

    /// What the patch is.
    #[must_use]
    pub fn change(&self) -> &Change {
        &self.change
    }

    /// A patch of these operations, which are of this one.
    pub(crate) fn with_operations(&self, operations: Vec<PatchOperation>) -> Self {
        Self { change: Change::Operations(operations), limits: self.limits }
    }

    /// Whether the patch may pass a limit on its way and keep it in the end: it copies, it moves a value
    /// to a deeper place, or its values are more than there is room for beside an item.
    pub(crate) fn may_pass_limits(&self) -> bool {
        let Change::Operations(operations) = &self.change else { return false };
        let room = self.limits.working_bytes.saturating_sub(self.limits.item_bytes);
        let mut bytes = 0;
        operations.iter().any(|operation| match operation {
            PatchOperation::Copy(_) => true,
            PatchOperation::Move(movement) => movement.path.count() > movement.from.count(),
            PatchOperation::Add(AddOperation { value, .. })
            | PatchOperation::Replace(ReplaceOperation { value, .. }) => {
                bytes += item_bytes(value);
                bytes > room
            }
            PatchOperation::Remove(_) | PatchOperation::Test(_) => false,
        })
    }

    /// Whether the patch changes nothing: it has no operations but `test`, or no members.
    #[must_use]
    pub fn is_check(&self) -> bool {
        match &self.change {
            Change::Operations(operations) => {
                operations.iter().all(|operation| matches!(operation, PatchOperation::Test(_)))
            }
            Change::Merge(members) => members.as_object().is_some_and(Map::is_empty),
        }
    }

    /// The limits that the patch was parsed within.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A patch of operations that no body has room for.
    #[cfg(test)]
    pub(crate) fn from_operations(operations: Vec<serde_json::Value>) -> Self {
        let parse = |each| serde_json::from_value(each).expect("an operation");
        let change = Change::Operations(operations.into_iter().map(parse).collect());
        Self { change, limits: Limits::DYNAMODB }
    }
}

impl TryFrom<&json_patch::Patch> for Patch {
    type Error = PatchError;

    /// Takes a patch that was read elsewhere, within DynamoDB's limits.
    fn try_from(patch: &json_patch::Patch) -> Result<Self, PatchError> {
        // The patch is read through its text, so that one place says what is valid.
        let text = serde_json::to_vec(patch).map_err(|error| not_json(&error))?;
        Self::parse(&text)
    }
}

/// The operation's name in RFC 6902.
pub(crate) fn op_name(operation: &PatchOperation) -> &'static str {
    match operation {
        PatchOperation::Add(_) => "add",
        PatchOperation::Remove(_) => "remove",
        PatchOperation::Replace(_) => "replace",
        PatchOperation::Move(_) => "move",
        PatchOperation::Copy(_) => "copy",
        PatchOperation::Test(_) => "test",
    }
}

fn of_member(pointer: &Pointer, problem: &ValueError) -> String {
    match problem {
        ValueError::DuplicateMember(_) => {
            format!("the member at `{}` occurs more than once", quoted(pointer))
        }
        problem => format!("the member at `{}`: {problem}", quoted(pointer)),
    }
}

/// The JSON text of a body.
fn json(body: &[u8]) -> Result<&RawValue, PatchError> {
    let text =
        std::str::from_utf8(body).map_err(|error| PatchError::NotUtf8(error.valid_up_to()))?;
    // RFC 8259 8.1 lets a parser ignore a byte order mark, which some clients send.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str(text).map_err(|error| not_json(&error))
}

/// The merge patch in the text of an object, which is meant for `place`, and lies in `levels` objects.
fn merge(
    raw: &RawValue,
    place: &mut PointerBuf,
    levels: usize,
    limits: &Limits,
) -> Result<Value, PatchError> {
    let fail = |place: &Pointer, problem: ValueError| {
        let pointer = match &problem {
            ValueError::DuplicateMember(at) => place.concat(at),
            _ => place.to_buf(),
        };
        PatchError::Member { pointer, problem }
    };
    let mut merged = Map::new();
    for (name, raw) in parse_members(raw).map_err(|problem| fail(place, problem))? {
        place.push_back(&name);
        check_name(&name).map_err(|problem| fail(place, problem))?;
        let value = if raw.get().starts_with('{') && levels + 1 < limits.depth.min(MAX_RECURSION) {
            merge(raw, place, levels + 1, limits)?
        } else {
            parse_value(raw, levels + 1, limits).map_err(|problem| fail(place, problem))?
        };
        match merged.entry(name) {
            Entry::Vacant(entry) => entry.insert(value),
            Entry::Occupied(_) => {
                return Err(fail(place, ValueError::DuplicateMember(PointerBuf::new())));
            }
        };
        place.pop_back();
    }
    Ok(Value::Object(merged))
}

fn not_json(error: &serde_json::Error) -> PatchError {
    PatchError::NotJson { line: error.line(), column: error.column() }
}

fn operation(raw: &RawValue, limits: &Limits) -> Result<PatchOperation, Problem> {
    if !raw.get().starts_with('{') {
        return Err(Problem::NotAnObject);
    }
    let members = parse_members(raw).map_err(|_| Problem::NotUnicode)?;
    let mut by_name = BTreeMap::new();
    for (name, value) in &members {
        if by_name.insert(&**name, *value).is_some() {
            return Err(Problem::DuplicateMember);
        }
    }
    let get = |name: &'static str| by_name.get(name).ok_or(Problem::MissingMember(name));
    let pointer = |name: &'static str| pointer(name, get(name)?, limits);
    // A value is nested in as many objects and arrays as its pointer has tokens.
    let any_value_at = |path: &Pointer| {
        let value = parse_value(get("value")?, path.count(), limits);
        value.map_err(|error| Problem::of_value(error, path))
    };
    let value_at = |path: &Pointer| {
        let value = any_value_at(path)?;
        if path.is_root() && !value.is_object() { Err(Problem::RootNotObject) } else { Ok(value) }
    };

    let op: Option<String> = by_name.get("op").and_then(|op| serde_json::from_str(op.get()).ok());
    Ok(match op.as_deref() {
        Some("add") => {
            let path = pointer("path")?;
            PatchOperation::Add(AddOperation { value: value_at(&path)?, path })
        }
        Some("remove") => {
            let path = pointer("path")?;
            if path.is_root() {
                return Err(Problem::RemovesRoot);
            }
            PatchOperation::Remove(RemoveOperation { path })
        }
        Some("replace") => {
            let path = pointer("path")?;
            PatchOperation::Replace(ReplaceOperation { value: value_at(&path)?, path })
        }
        Some("move") => {
            PatchOperation::Move(MoveOperation { from: pointer("from")?, path: pointer("path")? })
        }
        Some("copy") => {
            PatchOperation::Copy(CopyOperation { from: pointer("from")?, path: pointer("path")? })
        }
        Some("test") => {
            let path = pointer("path")?;
            let value = any_value_at(&path)?;
            PatchOperation::Test(TestOperation { path, value })
        }
        _ => return Err(Problem::UnknownOp),
    })
}

fn pointer(name: &'static str, raw: &RawValue, limits: &Limits) -> Result<PointerBuf, Problem> {
    let text: String = serde_json::from_str(raw.get()).map_err(|_| Problem::NotAPointer(name))?;
    let pointer = PointerBuf::parse(text).map_err(|_| Problem::NotAPointer(name))?;
    for token in pointer.tokens() {
        match token.decoded().len() {
            0 => return Err(Problem::EmptyToken(name)),
            bytes if bytes > MAX_NAME_BYTES => return Err(Problem::LongToken(name)),
            _ => {}
        }
    }
    let limit = limits.depth;
    if pointer.count() > limit {
        Err(Problem::DeepPointer { member: name, limit })
    } else {
        Ok(pointer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn refused(body: &str, expected: &str) {
        assert_eq!(Patch::parse(body.as_bytes()).unwrap_err().to_string(), expected, "{body:.200}");
    }

    fn operations(patch: &Patch) -> &[PatchOperation] {
        let Change::Operations(operations) = patch.change() else { panic!("no operations") };
        operations
    }

    #[track_caller]
    fn one(body: &str) -> PatchOperation {
        let patch = Patch::parse(body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"));
        let [operation] = operations(&patch) else { panic!("{body}: expected one operation") };
        operation.clone()
    }

    #[test]
    fn every_operation_is_read() {
        let patch = Patch::parse(
            br#"[{"op":"add","path":"/a","value":1},{"op":"remove","path":"/a"},
                 {"op":"replace","path":"/a","value":null},{"op":"move","from":"/a","path":"/b"},
                 {"op":"copy","from":"/a","path":"/b"},{"op":"test","path":"","value":1}]"#,
        );
        let names = operations(&patch.unwrap()).iter().map(op_name).collect::<Vec<_>>();
        assert_eq!(names, ["add", "remove", "replace", "move", "copy", "test"]);
        assert!(operations(&Patch::parse(b"\xef\xbb\xbf [] ").unwrap()).is_empty());
    }

    #[test]
    fn a_patch_of_json_patch_is_read_as_its_text_is() {
        let read = |operations: Value| {
            let patch: json_patch::Patch = serde_json::from_value(operations).expect("a patch");
            Patch::try_from(&patch).map_err(|error| error.to_string())
        };
        let operations = json!([{"op": "move", "from": "/a~1b", "path": "/c"},
                                {"op": "test", "path": "/n", "value": 10.0}]);
        assert_eq!(
            read(operations),
            Patch::parse(br#"[{"op":"move","from":"/a~1b","path":"/c"},{"op":"test","path":"/n","value":1e1}]"#)
                .map_err(|error| error.to_string())
        );
        assert_eq!(
            read(json!([{"op": "remove", "path": "/a/"}])),
            Err("operation 0: `path` has an empty member name, which DynamoDB cannot hold".into())
        );
    }

    #[test]
    fn superfluous_members_are_ignored() {
        for body in [
            r#"[{"op":"remove","path":"/a","value":1,"from":null}]"#,
            r#"[{"op":"remove","path":"/a","from":7,"x":[1]}]"#,
        ] {
            assert!(matches!(one(body), PatchOperation::Remove(_)), "{body}");
        }
    }

    #[test]
    fn a_value_of_null_is_not_a_missing_value() {
        let PatchOperation::Add(add) = one(r#"[{"op":"add","path":"/a","value":null}]"#) else {
            panic!("expected an add");
        };
        assert_eq!(add.value, Value::Null);
        refused(r#"[{"op":"add","path":"/a"}]"#, "operation 0: `value` is missing");
    }

    #[test]
    fn what_is_not_json_is_told_by_its_place() {
        refused("", "the body is not JSON, at line 1 column 0");
        refused("[\n{]", "the body is not JSON, at line 2 column 2");
        refused("[] []", "the body is not JSON, at line 1 column 4");
        let latin1 = b"[{\"op\":\"add\",\"path\":\"/\xe4\",\"value\":1}]";
        assert_eq!(Patch::parse(latin1), Err(PatchError::NotUtf8(22)));
    }

    #[test]
    fn what_is_not_a_patch_is_told_by_its_operation() {
        refused(r#"{"op":"remove","path":"/a"}"#, "expected an array of operations");
        refused("5", "expected an array of operations");
        let unknown =
            "expected `op` to be one of `add`, `remove`, `replace`, `move`, `copy`, `test`";
        for (operation, problem) in [
            ("5", "expected an object"),
            ("null", "expected an object"),
            ("{}", unknown),
            (r#"{"op":5}"#, unknown),
            (r#"{"op":"ADD"}"#, unknown),
            (r#"{"op":"remove"}"#, "`path` is missing"),
            (r#"{"op":"move","path":"/a"}"#, "`from` is missing"),
            (
                r#"{"op":"move","path":"/a","from":null}"#,
                "expected `from` to be a JSON Pointer (RFC 6901)",
            ),
            (r#"{"op":"remove","path":"a"}"#, "expected `path` to be a JSON Pointer (RFC 6901)"),
            (r#"{"op":"remove","path":"/~2"}"#, "expected `path` to be a JSON Pointer (RFC 6901)"),
            (r#"{"op":"remove","path":""}"#, "the document itself cannot be removed"),
            (r#"{"op":"replace","path":"","value":[]}"#, "the document itself must be an object"),
            (r#"{"op":"remove","path":"/a","path":"/b"}"#, "a member occurs more than once"),
            (r#"{"op":"remove","path":"/a","p\u0061th":"/a"}"#, "a member occurs more than once"),
            (r#"{"op":"remove","path":"/a","x":1,"x":1}"#, "a member occurs more than once"),
            (
                r#"{"op":"remove","path":"/a//b"}"#,
                "`path` has an empty member name, which DynamoDB cannot hold",
            ),
            (
                r#"{"op":"add","path":"/a","value":[{"":1}]}"#,
                "`value` has an empty member name, which DynamoDB cannot hold",
            ),
            (
                r#"{"op":"add","path":"/a","value":{"b":1,"b":1}}"#,
                "a member occurs more than once in `value`, as `/a/b` of the document",
            ),
            (
                r#"{"op":"test","path":"","value":[{},{"x/y":[{"~":{"c":1,"\u0063":2}}]}]}"#,
                "a member occurs more than once in `value`, as `/1/x~1y/0/~0/c` of the document",
            ),
            (r#"{"op":"add","path":"/a","value":"\ud800"}"#, "a text is not Unicode"),
            (r#"{"op":"add","path":"/a","\ud800":1}"#, "a text is not Unicode"),
            (
                r#"{"op":"add","path":"/a","value":{"b":1e126}}"#,
                "`value`: a number is not between 1e-130 and 1e126",
            ),
        ] {
            refused(
                &format!(r#"[{{"op":"remove","path":"/x"}},{operation}]"#),
                &format!("operation 1: {problem}"),
            );
        }
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        refused(
            &format!(r#"[{{"op":"remove","path":"/{long}"}}]"#),
            "operation 0: `path` has a member name of more than 65535 bytes",
        );
        refused(
            &format!(r#"[{{"op":"add","path":"/a","value":{{"{long}":1}}}}]"#),
            "operation 0: `value` has a member name of more than 65535 bytes",
        );
    }

    #[test]
    fn a_name_may_be_as_long_as_dynamodb_takes() {
        let longest = "x".repeat(MAX_NAME_BYTES);
        one(&format!(r#"[{{"op":"add","path":"/{longest}","value":{{"{longest}":1}}}}]"#));
    }

    #[test]
    fn the_limits_that_a_patch_was_parsed_within_are_its_own() {
        let limits = Limits { operations: 1, depth: 7, ..Limits::DYNAMODB };
        let body = br#"[{"op":"remove","path":"/a"}]"#;
        assert_eq!(Patch::parse_within(body, limits).unwrap().limits(), &limits);
        assert_eq!(Patch::parse_merge_within(b"{}", limits).unwrap().limits(), &limits);
        assert_eq!(Patch::parse(body).unwrap().limits(), &Limits::DYNAMODB);
    }

    /// Such a patch is planned without hints.
    #[test]
    fn a_copy_a_move_inwards_and_large_values_may_pass_limits() {
        let may = |operation: Value| {
            let add = json!({"op": "add", "path": "/a", "value": "x".repeat(1_000)});
            let limits = Limits { item_bytes: 10_000, working_bytes: 12_000, ..Limits::DYNAMODB };
            let mut patch = Patch::from_operations(vec![add, operation]);
            patch.limits = limits;
            patch.may_pass_limits()
        };
        let value = |bytes| json!({"op": "replace", "path": "/b", "value": "x".repeat(bytes)});
        // There is room for 2,000 bytes beside an item.
        assert!(!may(value(1_000)));
        assert!(may(value(1_001)));
        assert!(may(value(1_500)));
        assert!(may(json!({"op": "copy", "from": "/a/b", "path": "/c"})));
        assert!(may(json!({"op": "move", "from": "/a/b", "path": "/c/d/e"})));
        assert!(!may(json!({"op": "move", "from": "/a/b", "path": "/c/d"})));
        assert!(!may(json!({"op": "move", "from": "/a/b", "path": "/c"})));
        assert!(!may(json!({"op": "remove", "path": "/a"})));
    }

    #[test]
    fn operations_are_counted() {
        let removals =
            |count| format!("[{}]", vec![r#"{"op":"remove","path":"/a"}"#; count].join(","));
        assert_eq!(operations(&Patch::parse(removals(1000).as_bytes()).unwrap()).len(), 1000);
        refused(&removals(1001), "expected at most 1000 operations, but found 1001");
    }

    #[test]
    fn a_merge_patch_is_an_object() {
        let parse = |body: &str| Patch::parse_merge(body.as_bytes());
        let patch = parse(r#" {"a": {"b": 1.0, "c": null}, "d": [1e0, null]} "#).unwrap();
        let expected = json!({"a": {"b": 1, "c": null}, "d": [1, null]});
        assert_eq!(patch.change(), &Change::Merge(expected));
        // An array is a JSON Patch, whatever the media type says.
        let removal = r#"[{"op":"remove","path":"/a"}]"#;
        assert_eq!(parse(removal), Patch::parse(removal.as_bytes()));
        assert!(parse("{}").unwrap().is_check() && !patch.is_check());
    }

    #[test]
    fn what_is_not_a_merge_patch_is_told_by_its_member() {
        let deep = |levels| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
        assert!(Patch::parse_merge(deep(31).as_bytes()).is_ok());
        let deepest = "/a".repeat(31);
        for (body, expected) in [
            ("null", "expected an object, or an array of operations"),
            ("{", "the body is not JSON, at line 1 column 1"),
            (r#"[{"op":"test"}]"#, "operation 0: `path` is missing"),
            (
                r#"{"a":{"b":1e126}}"#,
                "the member at `/a/b`: a number is not between 1e-130 and 1e126",
            ),
            (
                r#"{"a":{"b":[1e126]}}"#,
                "the member at `/a/b`: a number is not between 1e-130 and 1e126",
            ),
            (r#"{"a":{"b":1,"b":2}}"#, "the member at `/a/b` occurs more than once"),
            (r#"{"a":[{"b":1,"b":2}]}"#, "the member at `/a/0/b` occurs more than once"),
            (
                r#"{"a":{"":1}}"#,
                "the member at `/a/`: an empty member name, which DynamoDB cannot hold",
            ),
            (r#"{"a":"\ud800"}"#, "the member at `/a`: a text is not Unicode"),
            (r#"{"\ud800":1}"#, "the member at ``: a text is not Unicode"),
            (
                &deep(32),
                &format!("the member at `{deepest}`: nested deeper than 31 objects and arrays"),
            ),
            (
                &deep(10_000),
                &format!("the member at `{deepest}`: nested deeper than 31 objects and arrays"),
            ),
        ] {
            let error = Patch::parse_merge(body.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), expected, "{body:.200}");
        }
    }

    #[test]
    fn nesting_ends_at_the_limit() {
        let add = |path: &str, levels: usize| {
            let value = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
            format!(r#"[{{"op":"add","path":"{path}","value":{value}}}]"#)
        };
        one(&add("/a", 30));
        one(&add(&"/a".repeat(30), 1));
        let deep = "operation 0: `value` at `path` is nested deeper than 31 objects and arrays";
        refused(&add("/a", 31), deep);
        let objects = |levels: usize| {
            let value = format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
            format!(r#"[{{"op":"add","path":"/a","value":{value}}}]"#)
        };
        one(&objects(30));
        refused(&objects(31), deep);
        refused(&add(&"/a".repeat(30), 2), deep);
        refused(&add("/a", 10_000), deep);
        refused(
            &format!(r#"[{{"op":"remove","path":"{}"}}]"#, "/a".repeat(32)),
            "operation 0: `path` is nested deeper than 31 objects and arrays",
        );
        refused(&"[".repeat(10_000), "the body is not JSON, at line 1 column 10000");
    }

    #[test]
    fn a_program_is_told_by_a_word_a_place_and_a_limit() {
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        let deep = "/a".repeat(32);
        let operation = |members: &str| format!("[{{{members}}}]");
        for (body, reason, operation, pointer, limit) in [
            ("[5]", "operation-not-object", Some(0), None, None),
            ("[{}]", "operation-unknown", Some(0), None, None),
            (&*operation(r#""op":"remove""#), "member-missing", Some(0), None, None),
            (&operation(r#""op":"remove","path":5"#), "not-a-pointer", Some(0), None, None),
            (&operation(r#""op":"a","op":"b""#), "member-repeated", Some(0), None, None),
            (&operation(r#""\ud800":1"#), "text-not-unicode", Some(0), None, None),
            (&operation(r#""op":"remove","path":"/""#), "name-empty", Some(0), None, None),
            (&operation(r#""op":"remove","path":"""#), "document-removed", Some(0), None, None),
            (
                &operation(r#""op":"add","path":"","value":1"#),
                "document-not-object",
                Some(0),
                None,
                None,
            ),
            (
                &operation(r#""op":"add","path":"/a","value":{"b":1,"b":1}"#),
                "member-repeated",
                Some(0),
                Some("/a/b"),
                None,
            ),
            (
                &operation(r#""op":"add","path":"/a","value":1e126"#),
                "number-not-storable",
                Some(0),
                None,
                None,
            ),
            (
                &operation(&format!(r#""op":"remove","path":"/{long}""#)),
                "name-too-long",
                Some(0),
                None,
                Some(MAX_NAME_BYTES),
            ),
            (
                &operation(&format!(r#""op":"add","path":"/a","value":{{"{long}":1}}"#)),
                "name-too-long",
                Some(0),
                None,
                Some(MAX_NAME_BYTES),
            ),
            (
                &operation(&format!(r#""op":"remove","path":"{deep}""#)),
                "too-deep",
                Some(0),
                None,
                Some(31),
            ),
            (
                &operation(&format!(r#""op":"test","path":"{}","value":[]"#, &deep[2..])),
                "too-deep",
                Some(0),
                None,
                Some(31),
            ),
            ("5", "not-an-array", None, None, None),
            ("", "not-json", None, None, None),
            (&format!("[{}5]", "5,".repeat(1000)), "too-many-operations", None, None, Some(1000)),
        ] {
            let error = Patch::parse(body.as_bytes()).unwrap_err();
            let told = (error.reason(), error.operation(), error.pointer(), error.limit());
            let pointer = pointer.map(Pointer::from_static);
            assert_eq!(told, (reason, operation, pointer, limit), "{body:.200}");
        }
        assert_eq!(Patch::parse(b"\xff").unwrap_err().reason(), "not-utf8");

        for (body, reason, pointer, limit) in [
            (r#"{"a":{"b":1,"b":2}}"#, "member-repeated", "/a/b", None),
            (r#"{"a":"\ud800"}"#, "text-not-unicode", "/a", None),
            (r#"{"a":{"":1}}"#, "name-empty", "/a/", None),
            (r#"{"a":1e126}"#, "number-not-storable", "/a", None),
            (&format!(r#"{{"a":[{{"{long}":1}}]}}"#), "name-too-long", "/a", Some(MAX_NAME_BYTES)),
            (
                &format!(r#"{{"a":{}{}}}"#, "[".repeat(31), "]".repeat(31)),
                "too-deep",
                "/a",
                Some(31),
            ),
        ] {
            let error = Patch::parse_merge(body.as_bytes()).unwrap_err();
            let told = (error.reason(), error.operation(), error.pointer(), error.limit());
            let pointer = Some(Pointer::from_static(pointer));
            assert_eq!(told, (reason, None, pointer, limit), "{body:.200}");
        }
        assert_eq!(Patch::parse_merge(b"5").unwrap_err().reason(), "document-not-object");
    }

    #[test]
    fn numbers_keep_their_digits() {
        let PatchOperation::Add(add) = one(
            r#"[{"op":"add","path":"/a","value":[12345678901234567890123456789012345678,0.1234567890123456789,1.0]}]"#,
        ) else {
            panic!("expected an add");
        };
        assert_eq!(
            add.value.to_string(),
            "[12345678901234567890123456789012345678,0.1234567890123456789,1]"
        );
    }

    #[test]
    fn members_named_like_serde_internals_are_members() {
        for name in ["Number", "RawValue"] {
            let name = format!("$serde_json::private::{name}");
            let body = format!(r#"[{{"op":"add","path":"/a","value":{{"{name}":"[1]"}}}}]"#);
            let PatchOperation::Add(add) = one(&body) else { panic!("expected an add") };
            assert_eq!(add.value.as_object().unwrap().get(&name), Some(&json!("[1]")));
        }
    }
}
