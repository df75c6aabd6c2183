//! Rules for what a document may hold: a JSON Schema (2020-12), of which nothing is ignored.
//!
//! A patch is refused where the document after it breaks a rule that the document before it does not
//! break. So a document that breaks rules already can still be changed, one place after the other.
//!
//! A violation is a pointer, and a keyword's place in the schema. The indexes in the pointer do not count,
//! but the violations do: an element takes those that it has with it where its array moves it, and of the
//! elements of an array there must not be more that break a rule than before.

mod check;
mod decimal;
mod format;
mod schema;

use std::{fmt, hash::RandomState, sync::Arc};

use json_patch::jsonptr::{Pointer, PointerBuf};
use serde_json::{Map, Value, value::RawValue};

use self::check::{Broken, Step, pointer};
pub(crate) use self::{
    check::{Evaluation, Seen, address, is_name_valid},
    schema::{Check, Id, MAX_IN_PLACE, Rule, Schemas},
};
use crate::{
    apply::apply_first,
    limits::Limits,
    patch::{Change, Patch, op_name},
    pointer::{cut, quoted},
    value::{MAX_RECURSION, ValueError, parse_members, parse_value},
};

/// The most broken rules that are told of one document.
const MAX_TOLD: usize = 10;

/// The keyword of what may not change.
pub(crate) const READ_ONLY: &str = "readOnly";

/// What a document may hold. [`Rules::default`] allows everything.
///
/// A clone is cheap.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// None where everything is allowed.
    schemas: Option<Arc<Schemas>>,
    ignores_read_only: bool,
}

/// Why a file is not a schema that this crate can keep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", at(.pointer, .keyword.as_deref()))]
pub struct RulesError {
    /// The schema in the file that is not right.
    pub pointer: PointerBuf,
    /// The keyword of this schema that is not right, if it is one.
    pub keyword: Option<String>,
    /// What is wrong.
    pub problem: RuleProblem,
}

/// What is wrong with a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleProblem {
    /// The file is not JSON.
    #[error("not JSON, at line {line} column {column}")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, from 1, in bytes.
        column: usize,
    },
    /// The file holds what no document can.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The keyword is not one of those that are kept.
    #[error("this keyword is not supported")]
    UnknownKeyword,
    /// The keyword's value is not one that it can have.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A regular expression that cannot be kept in linear time, or is none.
    #[error("not a supported regular expression: {0}")]
    Pattern(String),
    /// A regular expression with something that ECMA-262 does not have, or means otherwise.
    #[error("`{0}` is not what ECMA-262 takes it for")]
    Foreign(&'static str),
    /// Too many schemas apply to one value within each other.
    #[error("more than {MAX_IN_PLACE} schemas apply to one value within each other")]
    TooManyInPlace,
    /// `$ref` leads to no schema of the file.
    #[error("no schema of this file is there")]
    NoSuchSchema,
    /// `$ref` comes back to itself, for the same value.
    #[error("the reference comes back to itself without a step into the value")]
    EndlessReference,
    /// `readOnly` is in a schema of which only counts whether it holds.
    #[error("says nothing within `{0}`, of which only counts whether it holds")]
    ReadOnlySaysNothing(&'static str),
}

fn at(pointer: &Pointer, keyword: Option<&str>) -> String {
    match keyword {
        Some(keyword) if pointer.is_root() => format!("`{keyword}`: "),
        Some(keyword) => format!("`{keyword}` at `{}`: ", quoted(pointer)),
        None if pointer.is_root() => String::new(),
        None => format!("`{}`: ", quoted(pointer)),
    }
}

/// A rule that a document breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where the document breaks it.
    pub pointer: PointerBuf,
    /// The rule's keyword: `readOnly` where a value has changed that may not, and `false` where the
    /// schema is `false`.
    pub keyword: &'static str,
    /// The keyword's place in its file.
    pub place: PointerBuf,
    /// The keyword's value as JSON, unless it is a schema. A long one is cut.
    pub limit: Option<String>,
    /// The first member that is missing by `required`, or not allowed by `additionalProperties`.
    pub member: Option<String>,
}

/// Why a patch is refused: it breaks rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenRules {
    /// The operation that breaks the first of them; none of a merge patch.
    pub operation: Option<BrokenBy>,
    /// The rules, at least one and at most ten. Changes of what is read-only come first.
    pub violations: Vec<Violation>,
}

/// An operation that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenBy {
    /// The operation's index in the patch, from 0.
    pub index: usize,
    /// Its name.
    pub op: &'static str,
    /// Its `path`.
    pub path: PointerBuf,
}

impl Rules {
    /// Rules that allow everything.
    #[must_use]
    pub fn none() -> &'static Self {
        static NONE: Rules = Rules { schemas: None, ignores_read_only: false };
        &NONE
    }

    /// Parses the text of a JSON Schema.
    ///
    /// # Errors
    ///
    /// Fails where the text is not JSON, not a schema of the draft 2020-12, or has a keyword that this
    /// crate does not keep.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        let whole = |problem| RulesError { pointer: PointerBuf::new(), keyword: None, problem };
        let raw: &RawValue = serde_json::from_str(text).map_err(|error| {
            whole(RuleProblem::NotJson { line: error.line(), column: error.column() })
        })?;
        let limits = Limits { depth: MAX_RECURSION, ..Limits::DYNAMODB };
        let schema = parse_value(raw, 0, &limits).map_err(|error| {
            let mut pointer = PointerBuf::new();
            find_odd(raw, &limits, &mut pointer);
            let keyword = pointer.pop_back().map(|token| token.decoded().into_owned());
            RulesError { pointer, keyword, problem: error.into() }
        })?;
        let schemas = Schemas::parse(&schema).map_err(|error| *error)?;
        Ok(Self { schemas: Some(Arc::new(schemas)), ignores_read_only: false })
    }

    /// The same rules for who may change what is read-only.
    #[must_use]
    pub fn ignoring_read_only(&self) -> Self {
        Self { ignores_read_only: true, ..self.clone() }
    }

    /// Whether everything is allowed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.schemas.is_none()
    }

    pub(crate) fn schemas(&self) -> Option<&Schemas> {
        self.schemas.as_deref()
    }

    pub(crate) fn ignores_read_only(&self) -> bool {
        self.ignores_read_only
    }

    /// The rules that `document` breaks, the first ten. Its numbers are canonical.
    #[must_use]
    pub fn violations(&self, document: &Value) -> Vec<Violation> {
        let Some(schemas) = &self.schemas else { return Vec::new() };
        let found = newly_broken(schemas, &RandomState::new(), None, document);
        found.into_iter().map(|(violation, _)| violation).collect()
    }

    /// Checks that the change from `before` to `after` breaks no rule that `before` does not break, and
    /// leaves alone what is read-only. `after` is what `patch` has made of `before`.
    ///
    /// # Errors
    ///
    /// Names the rules, and the operation that breaks the first of them.
    pub fn check(&self, patch: &Patch, before: &Value, after: &Value) -> Result<(), BrokenRules> {
        let Some(schemas) = &self.schemas else { return Ok(()) };
        let mut violations = Vec::new();
        if !self.ignores_read_only {
            violations = changed_read_only(schemas, before, after);
        }
        let state = RandomState::new();
        let broken = newly_broken(schemas, &state, Some(before), after);
        let operation = match (violations.first(), broken.first()) {
            (Some(first), _) => beginning(patch, before, &|document| {
                is_changed_read_only(schemas, before, document, &first.pointer)
            }),
            (None, Some((_, kind))) => {
                let of = |document: &Value| count(schemas, &state, document, *kind);
                let was = of(before);
                beginning(patch, before, &|document| of(document) > was)
            }
            (None, None) => return Ok(()),
        };
        violations.extend(broken.into_iter().map(|(violation, _)| violation));
        violations.truncate(MAX_TOLD);
        Err(BrokenRules { operation, violations })
    }
}

impl BrokenRules {
    /// The index of the operation that breaks the first rule, from 0; none of a merge patch.
    #[must_use]
    pub fn index(&self) -> Option<usize> {
        self.operation.as_ref().map(|operation| operation.index)
    }

    /// Whether the patch changes what is read-only.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.violations.first().is_some_and(Violation::is_read_only)
    }
}

impl Violation {
    fn of(schemas: &Schemas, steps: &[Step<'_>], broken: Broken<'_>) -> Self {
        Self {
            pointer: pointer(steps),
            keyword: broken.keyword,
            place: schemas.place_of(broken.schema, broken.keyword),
            limit: broken.limit.map(str::to_owned),
            member: None,
        }
    }

    /// The same, with the member of `after` that is missing or not allowed, rather one of which that is new.
    fn naming(mut self, rules: &[Rule], before: Option<&Value>, after: &Value) -> Self {
        let pointer = self.pointer.as_str();
        let (before, after) = (before.and_then(|all| all.pointer(pointer)), after.pointer(pointer));
        let has = |object: Option<&Value>, name: &str| {
            object.is_some_and(|object| object.get(name).is_some())
        };
        // Of a member that is not as it was, rather.
        let first = |names: &mut dyn Iterator<Item = &String>| {
            let mut first = None;
            for name in names {
                if has(before, name) != has(after, name) {
                    return Some(name.clone());
                }
                first = first.or(Some(name));
            }
            first.cloned()
        };
        for Rule { keyword, check, .. } in rules {
            self.member = match check {
                Check::Required(names) if self.keyword == *keyword => {
                    first(&mut names.iter().filter(|name| !has(after, name)))
                }
                Check::Members(members) if self.keyword == "additionalProperties" => {
                    let names = after.and_then(Value::as_object).into_iter().flat_map(Map::keys);
                    first(&mut names.filter(|name| members.forbid(name)))
                }
                _ => continue,
            };
        }
        self
    }

    /// Whether a value has changed that is read-only.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.keyword == READ_ONLY
    }

    /// The kind of violation as one word for a program, in kebab case.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self.keyword {
            READ_ONLY => "read-only",
            _ => "rule-broken",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_root() {
            f.write_str("the document")?;
        } else {
            write!(f, "`{}`", quoted(&self.pointer))?;
        }
        if self.is_read_only() {
            return f.write_str(" is read-only");
        }
        write!(f, " breaks the rule `{}`", self.keyword)?;
        if let Some(limit) = self.limit.as_ref().filter(|_| self.keyword != "false") {
            write!(f, " {limit}")?;
        }
        let Some(member) = &self.member else { return Ok(()) };
        let what = if self.keyword == "required" { "missing" } else { "not allowed" };
        write!(f, ": `{}` is {what}", cut(member))
    }
}

impl fmt::Display for BrokenRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(BrokenBy { index, op, path }) = &self.operation {
            write!(f, "operation {index} (`{op}` `{}`): ", quoted(path))?;
        }
        if let Some(first) = self.violations.first() {
            write!(f, "{first}")?;
        }
        match self.violations.len() {
            0 | 1 => Ok(()),
            MAX_TOLD => write!(f, ", and at least {} more", MAX_TOLD - 1),
            several => write!(f, ", and {} more", several - 1),
        }
    }
}

/// Leads `pointer` to the innermost value that is no part of a document.
fn find_odd(raw: &RawValue, limits: &Limits, pointer: &mut PointerBuf) {
    let members = if raw.get().starts_with('{') { parse_members(raw) } else { Ok(Vec::new()) };
    let elements: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
    let elements = elements.into_iter().enumerate().map(|(index, raw)| (index.to_string(), raw));
    for (name, raw) in members.unwrap_or_default().into_iter().chain(elements) {
        if name.is_empty() || parse_value(raw, 0, limits).is_err() {
            pointer.push_back(&name);
            return find_odd(raw, limits, pointer);
        }
    }
}

/// What tells violations apart that count together.
type Kind = (Id, usize);

/// The first rules that `after` breaks and `before` does not break.
fn newly_broken(
    schemas: &Schemas,
    state: &RandomState,
    before: Option<&Value>,
    after: &Value,
) -> Vec<(Violation, Kind)> {
    let evaluation = || Evaluation::alike(schemas, state);
    // How many there are more than before.
    let mut more = Seen::new();
    evaluation().visit(Schemas::ROOT, after, &mut |at, broken| {
        *more.entry(at.kind(broken)).or_default() += 1;
        false
    });
    if more.is_empty() {
        return Vec::new();
    }
    if let Some(before) = before {
        Evaluation::alike(schemas, state).visit(Schemas::ROOT, before, &mut |at, broken| {
            more.entry(at.kind(broken)).and_modify(|more| *more -= 1);
            false
        });
    }
    let mut told = Vec::new();
    if more.values().all(|more| *more < 1) {
        return told;
    }
    let mut was = Evaluation::new(schemas);
    evaluation().visit(Schemas::ROOT, after, &mut |at, broken| {
        if let Some(more) = more.get_mut(&at.kind(broken))
            && *more > 0
            // At least as many are at places that did not break the rule before.
            && !before.is_some_and(|before| is_broken(&mut was, before, at.steps, broken))
        {
            *more -= 1;
            let violation = Violation::of(schemas, at.steps, broken);
            let violation = violation.naming(&schemas[broken.schema].rules, before, after);
            told.push((violation, at.kind(broken)));
        }
        told.len() == MAX_TOLD
    });
    told
}

/// How many violations of this kind the document has.
fn count(schemas: &Schemas, state: &RandomState, document: &Value, of: Kind) -> usize {
    let mut count = 0;
    Evaluation::alike(schemas, state).visit(Schemas::ROOT, document, &mut |at, broken| {
        count += usize::from(at.kind(broken) == of);
        false
    });
    count
}

/// Whether the document breaks this rule where `steps` lead.
fn is_broken<'v>(
    evaluation: &mut Evaluation<'_, 'v>,
    document: &'v Value,
    steps: &[Step<'_>],
    rule: Broken<'_>,
) -> bool {
    evaluation.visit_at(Schemas::ROOT, document, steps, &mut |_, broken| broken == rule)
}

/// The first read-only places that do not have the same after as before; none below another of them.
fn changed_read_only(schemas: &Schemas, before: &Value, after: &Value) -> Vec<Violation> {
    let mut told: Vec<Violation> = Vec::new();
    visit_changed_read_only(schemas, before, after, &mut |steps, broken| {
        if told.len() == MAX_TOLD {
            return false;
        }
        let violation = Violation::of(schemas, steps, broken);
        if !told.contains(&violation) {
            told.push(violation);
        }
        false
    });
    told
}

/// Whether what is at `place` is read-only, by whichever keyword, and not the same after as before.
fn is_changed_read_only(schemas: &Schemas, before: &Value, after: &Value, place: &Pointer) -> bool {
    let mut is_changed = false;
    visit_changed_read_only(schemas, before, after, &mut |steps, _| {
        is_changed |= pointer(steps) == place;
        true
    });
    is_changed
}

fn visit_changed_read_only(
    schemas: &Schemas,
    before: &Value,
    after: &Value,
    visit: &mut dyn FnMut(&[Step<'_>], Broken<'_>) -> bool,
) {
    for (one, other) in [(after, before), (before, after)] {
        Evaluation::new(schemas).visit_read_only(Schemas::ROOT, one, Some(other), visit);
    }
}

/// The operation with which a condition of the document begins to hold. Before the patch it does not hold,
/// after the patch it does.
fn beginning(patch: &Patch, before: &Value, holds: &dyn Fn(&Value) -> bool) -> Option<BrokenBy> {
    let Change::Operations(operations) = patch.change() else { return None };
    // It does not hold after `without` operations, and holds after `with`.
    let (mut without, mut with) = (0, operations.len());
    while with - without > 1 {
        let middle = without.midpoint(with);
        if apply_first(patch, middle, before.clone()).is_ok_and(|document| holds(&document)) {
            with = middle;
        } else {
            without = middle;
        }
    }
    let operation = operations.get(without)?;
    Some(BrokenBy { index: without, op: op_name(operation), path: operation.path().to_buf() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apply::apply;

    fn rules(schema: &Value) -> Rules {
        Rules::parse(&schema.to_string()).expect("rules")
    }

    #[track_caller]
    fn refused(schema: &Value, expected: &str) {
        let error = Rules::parse(&schema.to_string()).expect_err("no rules");
        assert_eq!(error.to_string(), expected, "{schema}");
    }

    #[test]
    fn what_cannot_be_kept_is_named() {
        let at_a = |schema: Value| json!({"properties": {"a": schema}});
        refused(&json!({"minContains": 1}), "`minContains`: this keyword is not supported");
        refused(
            &at_a(json!({"type": "text"})),
            "`type` at `/properties/a`: expected `null`, `boolean`, `object`, `array`, `number`, \
             `string` or `integer`, or an array of these",
        );
        refused(&at_a(json!(1)), "`/properties/a`: expected an object, `true` or `false`");
        refused(&json!([]), "expected an object, `true` or `false`");
        for types in [json!([]), json!(["text"]), json!(1)] {
            refused(
                &json!({"type": types}),
                "`type`: expected `null`, `boolean`, `object`, `array`, `number`, `string` or \
                 `integer`, or an array of these",
            );
        }
        refused(
            &at_a(json!({"multipleOf": 0})),
            "`multipleOf` at `/properties/a`: expected a number above 0",
        );
        refused(
            &at_a(json!({"maxItems": -1})),
            "`maxItems` at `/properties/a`: expected a whole number from 0",
        );
        refused(
            &at_a(json!({"format": "hostname"})),
            "`format` at `/properties/a`: expected `uuid`, `date`, `date-time`, `email` or `uri`",
        );
        refused(&json!({"anyOf": []}), "`anyOf`: expected an array of schemas, not empty");
        refused(
            &json!({"$schema": "http://json-schema.org/draft-07/schema#"}),
            "`$schema`: expected `https://json-schema.org/draft/2020-12/schema`",
        );
        for reference in ["#/$defs/b", "#/properties", "#/properties/a/enum/0"] {
            let schema = json!({"properties": {"a": {"enum": [true], "$ref": reference}}});
            refused(&schema, "`$ref` at `/properties/a`: no schema of this file is there");
        }
        refused(
            &at_a(json!({"$ref": "other.json"})),
            "`$ref` at `/properties/a`: expected `#` and a JSON Pointer, as in `#/$defs/name`",
        );
        for keyword in ["not", "contains", "propertyNames", "if"] {
            let schema =
                json!({"$defs": {"a": {"readOnly": true}}, (keyword): {"$ref": "#/$defs/a"}});
            let why =
                format!("says nothing within `{keyword}`, of which only counts whether it holds");
            refused(&schema, &format!("`readOnly` at `/$defs/a`: {why}"));
        }
        for (pattern, what) in [
            (r"\<b\>", r"\<"),
            (r"a\z", r"\z"),
            ("(?i)a", "(?"),
            ("(?P<n>a)", "(?"),
            ("[[:alpha:]]", "[:"),
            ("[]a]", "[]"),
        ] {
            let expected = format!("`pattern`: `{what}` is not what ECMA-262 takes it for");
            refused(&json!({"pattern": pattern}), &expected);
        }
        for pattern in
            [r"^[:\-]$", r"\\<", "[(?]", "[a(?]", r"(?<year>\d{4})", r"a\[[b]", "(?:a|b)"]
        {
            rules(&json!({"pattern": pattern}));
        }
        for pattern in ["(?=a)", r"(a)\1", r"\p{L}", "["] {
            let error = Rules::parse(&json!({"pattern": pattern}).to_string()).expect_err(pattern);
            let text = error.to_string();
            assert!(text.starts_with("`pattern`: not a supported regular expression: "), "{text}");
        }
        assert_eq!(
            Rules::parse("{").expect_err("no JSON").to_string(),
            "not JSON, at line 1 column 1"
        );
        let twice = r#"{"properties": {"a": true, "a": false}}"#;
        let twice = Rules::parse(twice).expect_err("a name twice").to_string();
        assert_eq!(twice, "`properties`: the member at `/properties/a` occurs more than once");
        refused(
            &at_a(
                json!({"enum": [1, {"b": serde_json::from_str::<Value>("1e200").expect("JSON")}]}),
            ),
            "`b` at `/properties/a/enum/1`: a number is not between 1e-130 and 1e126",
        );
        refused(
            &json!({"properties": {"": true}}),
            "`` at `/properties`: an empty member name, which DynamoDB cannot hold",
        );
    }

    /// One value that is allowed, and one that is not, of each keyword's value.
    #[test]
    fn each_keyword_means_what_json_schema_says() {
        for (schema, allowed, refused) in [
            (json!({"type": "integer"}), json!(1), json!(1.5)),
            (json!({"type": "number"}), json!(1.5), json!("1")),
            (json!({"type": ["string", "integer"]}), json!(2), json!(2.5)),
            (json!({"enum": [1, "x"]}), json!("x"), json!("y")),
            (json!({"const": {"x": [1]}}), json!({"x": [1]}), json!({"x": [2]})),
            (json!(false), Value::Null, json!(1)),
            (json!({"multipleOf": 3}), json!(6), json!(7)),
            (json!({"minimum": 3}), json!(3), json!(2)),
            (json!({"maximum": 3}), json!(3), json!(4)),
            (json!({"exclusiveMinimum": 3}), json!(4), json!(3)),
            (json!({"exclusiveMaximum": 3}), json!(2), json!(3)),
            (json!({"minLength": 2}), json!("ää"), json!("ä")),
            (json!({"maxLength": 2}), json!("ää"), json!("äää")),
            (json!({"pattern": "^a"}), json!("ab"), json!("ba")),
            (json!({"minItems": 2}), json!([1, 2]), json!([1])),
            (json!({"maxItems": 2}), json!([1, 2]), json!([1, 2, 3])),
            (json!({"uniqueItems": true}), json!([1, 2]), json!([1, 2, 1])),
            (json!({"uniqueItems": false}), json!([1, 1]), Value::Null),
            (json!({"contains": {"minimum": 3}}), json!([1, 3]), json!([1, 2])),
            (json!({"items": {"minimum": 3}}), json!([3, 4]), json!([3, 2])),
            (json!({"prefixItems": [{"minimum": 3}]}), json!([3, 1]), json!([2])),
            (json!({"prefixItems": [true], "items": {"minimum": 3}}), json!([1, 3]), json!([3, 1])),
            (json!({"minProperties": 1}), json!({"x": 1}), json!({})),
            (json!({"maxProperties": 1}), json!({"x": 1}), json!({"x": 1, "y": 1})),
            (json!({"required": ["x"]}), json!({"x": 1}), json!({"y": 1})),
            (json!({"dependentRequired": {"x": ["y"]}}), json!({"z": 1}), json!({"x": 1})),
            (json!({"propertyNames": {"maxLength": 1}}), json!({"x": 1}), json!({"xy": 1})),
            (json!({"patternProperties": {"^x": false}}), json!({"y": 1}), json!({"xy": 1})),
            (json!({"additionalProperties": {"minimum": 3}}), json!({"x": 3}), json!({"x": 2})),
            (json!({"additionalProperties": false}), json!({}), json!({"x": 2})),
            (json!({"allOf": [{"minimum": 3}, {"maximum": 5}]}), json!(4), json!(6)),
            (json!({"anyOf": [{"minimum": 3}, {"maximum": 1}]}), json!(1), json!(2)),
            (json!({"oneOf": [{"minimum": 3}, {"maximum": 5}]}), json!(6), json!(4)),
            (json!({"not": {"minimum": 3}}), json!(2), json!(3)),
            (json!({"if": {"minimum": 3}, "then": {"minimum": 5}}), json!(5), json!(4)),
            (json!({"if": {"minimum": 3}, "else": {"maximum": 1}}), json!(3), json!(2)),
            (json!({"$ref": "#/$defs/%61%20b~1c"}), json!(3), json!(2)),
            // What is found twice was found before.
            (
                json!({"anyOf": [
                    {"allOf": [{"$ref": "#/$defs/a%20b~1c"}, {"minimum": 9}]},
                    {"$ref": "#/$defs/a%20b~1c"}
                ]}),
                json!(3),
                json!(2),
            ),
        ] {
            // Both as the value itself, and where only counts whether the schema holds.
            for (within, allowed, refused) in [
                (schema.clone(), &allowed, &refused),
                (json!({"not": {"not": schema}}), &allowed, &refused),
                (json!({"not": schema}), &refused, &allowed),
            ] {
                let all = json!({
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    "properties": {"a": within},
                    "$defs": {"a b/c": {"minimum": 3}}
                });
                let ruled = rules(&all);
                for (value, is_allowed) in [(allowed, true), (refused, false)] {
                    if !value.is_null() {
                        let broken = ruled.violations(&json!({"a": value}));
                        assert_eq!(broken.is_empty(), is_allowed, "{within} {value}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_reference_that_comes_back_takes_a_step() {
        rules(&json!({"properties": {"a": {"$ref": "#"}}, "items": {"$ref": "#"}}));
        let endless = "the reference comes back to itself without a step into the value";
        for (schema, place) in [
            (json!({"$ref": "#"}), ""),
            (json!({"allOf": [{"$ref": "#"}]}), "/allOf/0"),
            (
                json!({
                    "properties": {"a": {"$ref": "#/$defs/a"}},
                    "$defs": {"a": {"anyOf": [{"not": {"$ref": "#/$defs/a"}}]}}
                }),
                "/$defs/a/anyOf/0/not",
            ),
        ] {
            let at = if place.is_empty() { String::new() } else { format!(" at `{place}`") };
            refused(&schema, &format!("`$ref`{at}: {endless}"));
        }
    }

    #[test]
    fn not_too_many_schemas_apply_to_one_value() {
        let chain = |length: usize| {
            let mut schema = json!({"type": "object"});
            for _ in 1..length {
                schema = json!({"allOf": [schema]});
            }
            schema
        };
        rules(&chain(64));
        let why = "more than 64 schemas apply to one value within each other";
        let error = Rules::parse(&json!({"not": chain(64)}).to_string()).expect_err("too many");
        assert_eq!(error.to_string(), why);
        // A chain that another one was found to end in.
        let referring = |length: usize| {
            let mut schema = json!({"$ref": "#/$defs/a"});
            for _ in 0..length {
                schema = json!({"allOf": [schema]});
            }
            json!({"properties": {"a": {"$ref": "#/$defs/a"}, "b": schema}, "$defs": {"a": chain(60)}})
        };
        rules(&referring(3));
        Rules::parse(&referring(4).to_string()).expect_err("too many");
    }

    fn checked(rules: &Rules, patch: &Value, before: &Value) -> Result<(), BrokenRules> {
        let patch = Patch::parse_merge(patch.to_string().as_bytes()).expect("a patch");
        let after = apply(&patch, before.clone()).expect("it applies");
        rules.check(&patch, before, &after)
    }

    #[track_caller]
    fn breaks(schema: &Value, patch: &Value, before: &Value, expected: &str) {
        let broken = checked(&rules(schema), patch, before).expect_err("broken");
        assert_eq!(broken.to_string(), expected);
    }

    #[test]
    fn violations_of_other_schemas_do_not_make_up_for_each_other() {
        let schema = json!({"properties": {"a": {"allOf": [{"minimum": 5}, {"minimum": -5}]}}});
        // One rule is broken before and after, another one only after.
        let patch = json!([{"op": "replace", "path": "/a", "value": -6}]);
        let expected = "operation 0 (`replace` `/a`): `/a` breaks the rule `minimum` -5";
        breaks(&schema, &patch, &json!({"a": 1}), expected);
        // One is mended, the other one broken.
        let schema = json!({
            "properties": {"a": {"allOf": [{"enum": [1]}, {"enum": [2]}]}, "b": {"enum": [1]}}
        });
        let patch = json!([{"op": "replace", "path": "/a", "value": 1}]);
        let expected = "operation 0 (`replace` `/a`): `/a` breaks the rule `enum` [2]";
        breaks(&schema, &patch, &json!({"a": 2, "b": 1}), expected);
        let schema = json!({"properties": {"a": {"minimum": 1}, "b": {"minimum": 1}}});
        let of_one = json!({
            "properties": {"a": {"$ref": "#/$defs/c"}, "b": {"$ref": "#/$defs/c"}},
            "$defs": {"c": {"minimum": 1}}
        });
        for schema in [schema, of_one] {
            let patch = json!([{"op": "move", "from": "/a", "path": "/b"}]);
            let expected = "operation 0 (`move` `/b`): `/b` breaks the rule `minimum` 1";
            breaks(&schema, &patch, &json!({"a": 0}), expected);
        }
    }

    #[test]
    fn a_name_that_breaks_a_rule_above_is_no_reason_to_break_it_below() {
        let schema = json!({"propertyNames": {"maxLength": 2}, "properties": {"a": {"$ref": "#"}}});
        let patch = json!([{"op": "add", "path": "/a/long", "value": 1}]);
        let expected = "operation 0 (`add` `/a/long`): `/a` breaks the rule `maxLength` 2";
        breaks(&schema, &patch, &json!({"long": 1, "a": {}}), expected);
    }

    #[test]
    fn no_more_violations_are_told_than_there_are() {
        let schema = json!({"properties": {"a": {"items": {"type": "string"}}}});
        // Two elements are where none broke the rule, but one of them only has moved.
        let patch = json!([
            {"op": "add", "path": "/a/0", "value": "x"},
            {"op": "replace", "path": "/a/3", "value": 3}
        ]);
        let expected = "operation 1 (`replace` `/a/3`): `/a/2` breaks the rule `type` \"string\"";
        breaks(&schema, &patch, &json!({"a": [1, 2, "y"]}), expected);
    }

    #[test]
    fn the_member_is_named_that_the_patch_has_changed() {
        // The rule applies only after the patch, and another member breaks it too.
        let then = |schema: Value| json!({"if": {"required": ["t"]}, "then": schema});
        let patch = json!([
            {"op": "remove", "path": "/b"},
            {"op": "add", "path": "/c", "value": 1},
            {"op": "add", "path": "/t", "value": 1}
        ]);
        let before = json!({"aa": 1, "b": 1});
        for (schema, expected) in [
            (json!({"required": ["a", "b"]}), r#"`required` ["a","b"]: `b` is missing"#),
            (
                json!({"properties": {"t": true}, "additionalProperties": false}),
                "`additionalProperties` false: `c` is not allowed",
            ),
            // Another rule names no member.
            (json!({"required": ["a"], "maxProperties": 2}), "`maxProperties` 2, and 1 more"),
        ] {
            let expected =
                format!("operation 2 (`add` `/t`): the document breaks the rule {expected}");
            breaks(&then(schema), &patch, &before, &expected);
        }
    }

    #[test]
    fn what_is_told_can_be_told_apart_by_a_program() {
        let schema = json!({
            "properties": {"a": {"readOnly": true, "maximum": 5}, "b": false}
        });
        let ruled = rules(&schema);
        assert!(!ruled.is_empty() && Rules::none().is_empty());
        let patch = json!([
            {"op": "add", "path": "/c", "value": 1},
            {"op": "add", "path": "/a", "value": 6},
            {"op": "add", "path": "/b", "value": 6}
        ]);
        let told = |rules: &Rules, patch: &Value| {
            let broken = checked(rules, patch, &json!({})).expect_err("broken");
            let each = broken.violations.iter().map(|violation| {
                let place = violation.place.to_string();
                (violation.reason(), violation.pointer.to_string(), place, violation.is_read_only())
            });
            (broken.index(), broken.is_read_only(), each.collect::<Vec<_>>())
        };
        let of = |reason, pointer: &str, place: &str, is_read_only| {
            (reason, pointer.to_owned(), place.to_owned(), is_read_only)
        };
        let read_only = of("read-only", "/a", "/properties/a/readOnly", true);
        let too_large = of("rule-broken", "/a", "/properties/a/maximum", false);
        let not_allowed = of("rule-broken", "/b", "/properties/b", false);
        let (rest, all) =
            (vec![too_large.clone(), not_allowed.clone()], vec![read_only, too_large, not_allowed]);
        assert_eq!(told(&ruled, &patch), (Some(1), true, all.clone()));
        assert_eq!(told(&ruled.ignoring_read_only(), &patch), (Some(1), false, rest));
        assert_eq!(told(&ruled, &json!({"a": 6, "b": 6})), (None, true, all));
    }

    #[test]
    fn an_element_takes_what_it_breaks_with_it() {
        let schema = json!({"properties": {"a": {"items": {"type": "string"}}}});
        let before = json!({"a": ["x", 1, "y"]});
        for patch in [
            json!([{"op": "remove", "path": "/a/0"}]),
            json!([{"op": "move", "from": "/a/1", "path": "/a/2"}]),
            json!([{"op": "replace", "path": "/a/1", "value": 2}]),
            json!([{"op": "add", "path": "/a/0", "value": 2}, {"op": "remove", "path": "/a/2"}]),
        ] {
            assert_eq!(checked(&rules(&schema), &patch, &before), Ok(()), "{patch}");
        }
        let copy = json!([{"op": "copy", "from": "/a/1", "path": "/a/-"}]);
        let expected = "operation 0 (`copy` `/a/-`): `/a/3` breaks the rule `type` \"string\"";
        breaks(&schema, &copy, &before, expected);
        // Of two that break it, the one is told that is at a new place.
        let add = json!([
            {"op": "remove", "path": "/a/0"},
            {"op": "add", "path": "/a/0", "value": 2},
            {"op": "test", "path": "/a/1", "value": 1}
        ]);
        let expected = "operation 1 (`add` `/a/0`): `/a/0` breaks the rule `type` \"string\"";
        breaks(&schema, &add, &before, expected);
    }

    #[test]
    fn the_operation_is_told_that_broke_the_rule() {
        let schema = json!({"properties": {"a": {"maximum": 5}}});
        let replace = |value: i64| json!({"op": "replace", "path": "/a", "value": value});
        for (values, index) in
            [(&[6][..], 0), (&[1, 6, 7], 1), (&[6, 1, 6], 0), (&[1, 2, 3, 4, 5, 6, 7, 8, 9], 5)]
        {
            let patch = values.iter().map(|value| replace(*value)).collect();
            let broken = checked(&rules(&schema), &patch, &json!({"a": 1})).expect_err("broken");
            let operation = broken.operation.expect("an operation");
            assert_eq!((operation.index, operation.op), (index, "replace"), "{values:?}");
        }
    }

    #[test]
    fn the_operation_is_told_that_changed_what_another_keyword_made_read_only() {
        let schema = json!({
            "properties": {"a": {
                "oneOf": [{"type": "boolean", "readOnly": true}, {"type": "array"}]
            }},
            "patternProperties": {"a": {"readOnly": true}}
        });
        let patch = json!([
            {"op": "remove", "path": "/a/0"},
            {"op": "replace", "path": "/a", "value": true}
        ]);
        let expected = "operation 0 (`remove` `/a/0`): `/a` is read-only, and 1 more";
        breaks(&schema, &patch, &json!({"a": [1]}), expected);
        // What was changed before it is not it.
        let mut after_another = vec![json!({"op": "add", "path": "/b", "value": 1})];
        after_another.extend_from_slice(patch.as_array().expect("operations"));
        let expected = "operation 1 (`remove` `/a/0`): `/a` is read-only, and 1 more";
        breaks(&schema, &json!(after_another), &json!({"a": [1]}), expected);
    }

    #[test]
    fn what_is_read_only_is_the_same_after_as_before() {
        let schema = json!({
            "properties": {
                "a": {"readOnly": true},
                "b": {"properties": {"c": {"readOnly": true}}},
                "d": {"oneOf": [
                    {"type": "string", "readOnly": true},
                    {"type": "number"}
                ]}
            },
            "if": {"required": ["closed"]},
            "then": {"properties": {"e": {"readOnly": true}}}
        });
        let before = json!({"a": [1], "b": {"c": 1}, "d": "x", "e": 1});
        let set = |path: &str, value: Value| json!([{"op": "add", "path": path, "value": value}]);
        let ruled = rules(&schema);
        for patch in [
            set("/a", json!([1])),
            set("/b", json!({"c": 1, "f": 1})),
            set("/e", json!(2)),
            json!([{"op": "remove", "path": "/a"}, {"op": "add", "path": "/a", "value": [1]}]),
        ] {
            assert_eq!(checked(&ruled, &patch, &before), Ok(()), "{patch}");
        }
        // An element is not what a member of the same pointer was.
        let schema_of_names =
            json!({"properties": {"a": {"properties": {"0": {"readOnly": true}}}}});
        let patch = json!([
            {"op": "replace", "path": "/a", "value": [1]},
            {"op": "add", "path": "/b", "value": 1}
        ]);
        let expected = "operation 0 (`replace` `/a`): `/a/0` is read-only";
        breaks(&schema_of_names, &patch, &json!({"a": {"0": 1}}), expected);
        for (patch, expected) in [
            (set("/a/-", json!(2)), "operation 0 (`add` `/a/-`): `/a` is read-only"),
            (set("/b", json!(1)), "operation 0 (`add` `/b`): `/b/c` is read-only"),
            (set("/d", json!(1)), "operation 0 (`add` `/d`): `/d` is read-only"),
            (json!({"closed": true, "e": 2}), "`/e` is read-only"),
        ] {
            breaks(&schema, &patch, &before, expected);
            assert_eq!(checked(&ruled.ignoring_read_only(), &patch, &before), Ok(()), "{patch}");
        }
    }

    #[test]
    fn what_is_read_only_is_found_through_each_keyword() {
        let read_only = json!({"readOnly": true});
        for (schema, place) in [
            (json!({"allOf": [true, read_only]}), "/a"),
            (json!({"anyOf": [{"type": "string"}, read_only]}), "/a"),
            (json!({"oneOf": [{"type": "string"}, read_only]}), "/a"),
            (json!({"if": true, "then": read_only}), "/a"),
            (json!({"if": false, "else": read_only}), "/a"),
            (json!({"$ref": "#/$defs/a"}), "/a"),
            // Two that refer to one are asked once.
            (json!({"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}), "/a"),
            // None below another.
            (json!({"readOnly": true, "properties": {"b": read_only}}), "/a"),
            (json!({"properties": {"b": read_only}}), "/a/b"),
            (json!({"properties": {"c": true}, "additionalProperties": read_only}), "/a/b"),
            (json!({"properties": {"c": {"items": read_only}}}), "/a/c/0"),
            (json!({"properties": {"c": {"prefixItems": [read_only]}}}), "/a/c/0"),
        ] {
            let all = json!({"properties": {"a": schema}, "$defs": {"a": {"readOnly": true}}});
            let patch = json!([{"op": "replace", "path": "/a", "value": {"b": 2, "c": [2]}}]);
            let expected = format!("operation 0 (`replace` `/a`): `{place}` is read-only");
            breaks(&all, &patch, &json!({"a": {"b": 1, "c": [1]}}), &expected);
        }
        let schema =
            json!({"properties": {"a": {"anyOf": [true, {"required": ["x"], "readOnly": true}]}}});
        let patch = json!([{"op": "replace", "path": "/a/y", "value": 2}]);
        assert_eq!(checked(&rules(&schema), &patch, &json!({"a": {"y": 1}})), Ok(()));
    }

    /// Without a memory each level would double the work.
    #[test]
    fn schemas_that_refer_to_each_other_do_not_multiply() {
        let node = json!({"$ref": "#"});
        let both =
            |schema: &Value| json!([{"properties": {"a": schema}}, {"properties": {"a": schema}}]);
        let mut document = json!({"b": 1});
        for _ in 0..30 {
            document = json!({ "a": document });
        }
        let read_only = json!({"z": {"readOnly": true}});
        for keyword in ["allOf", "anyOf", "oneOf"] {
            let schema =
                json!({"required": ["a"], "properties": read_only, (keyword): both(&node)});
            let ruled = rules(&schema);
            let _ = ruled.violations(&document);
            let mut path = "/a".repeat(30);
            path.push_str("/b");
            let patch = json!([{"op": "replace", "path": path, "value": 2}]);
            let _ = checked(&ruled, &patch, &document);
            let patch = Patch::parse(patch.to_string().as_bytes()).expect("a patch");
            let hints = crate::hints::Hints::none();
            let _ = crate::plan::Plan::keeping(&ruled, &patch, "document", hints);
        }
    }

    #[test]
    fn the_member_is_named_that_is_missing_or_not_allowed() {
        let schema = json!({
            "properties": {"a": true, "b": true}, "required": ["a", "b"], "additionalProperties": false
        });
        let before = json!({"a": 1, "b": 1});
        breaks(
            &schema,
            &json!({"b": null}),
            &before,
            "the document breaks the rule `required` [\"a\",\"b\"]: `b` is missing",
        );
        breaks(
            &schema,
            &json!({"c": 1}),
            &before,
            "the document breaks the rule `additionalProperties` false: `c` is not allowed",
        );
        let of_any = rules(&schema).violations(&json!({"z": 1}));
        let members: Vec<_> = of_any.iter().map(|each| each.member.as_deref()).collect();
        assert_eq!(members, [Some("a"), Some("z")]);
    }

    /// Without a memory each violation would look through the whole array for the condition.
    #[test]
    fn many_old_violations_do_not_multiply() {
        let of = |kind: &str| json!({"properties": {"a": {"items": {"type": kind}}}});
        let mut schema = of("string");
        schema["allOf"] = json!([{"if": of("number"), "then": {"required": ["t"]}}]);
        let before = json!({"a": vec![1; 20_000], "t": 1});
        let patch = json!([{"op": "add", "path": "/a/-", "value": 1}]);
        let expected = "operation 0 (`add` `/a/-`): `/a/20000` breaks the rule `type` \"string\"";
        breaks(&schema, &patch, &before, expected);
    }

    #[test]
    fn a_long_limit_is_cut() {
        let schema = json!({"enum": ["ü".repeat(1_000)]});
        let violation = &rules(&schema).violations(&json!({}))[0];
        let limit = violation.limit.as_deref().expect("a limit");
        assert_eq!((limit.chars().count(), limit.ends_with('…')), (201, true));
    }
}
