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

use std::{collections::HashMap, fmt, hash::RandomState, sync::Arc};

use json_patch::jsonptr::{Pointer, PointerBuf};
use serde_json::{Value, value::RawValue};

use self::check::{At, Broken, Step, pointer};
pub(crate) use self::{
    check::{Evaluation, is_name_valid},
    schema::{Check, Id, Rule, Schemas},
};
use crate::{
    apply::apply,
    limits::Limits,
    patch::{Change, Patch, op_name},
    pointer::quoted,
    value::{MAX_RECURSION, ValueError, parse_value},
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
    /// `$ref` leads to no schema of the file.
    #[error("no schema of this file is there")]
    NoSuchSchema,
    /// `$ref` comes back to itself, for the same value.
    #[error("the reference comes back to itself without a step into the value")]
    EndlessReference,
    /// `readOnly` is in a schema whose outcome only is asked for.
    #[error("`readOnly` says nothing here")]
    ReadOnlySaysNothing,
}

fn at(pointer: &Pointer, keyword: Option<&str>) -> String {
    match keyword {
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
        let schema = parse_value(raw, 0, &limits).map_err(|error| whole(error.into()))?;
        let schemas = Schemas::parse(&schema)?;
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
            (Some(first), _) => {
                let pointer = first.pointer.as_str();
                let was = before.pointer(pointer);
                beginning(patch, before, |document| document.pointer(pointer) != was)
            }
            (None, Some((_, kind))) => {
                let of = |document: &Value| count(schemas, &state, document, *kind);
                let was = of(before);
                beginning(patch, before, |document| of(document) > was)
            }
            (None, None) => return Ok(()),
        };
        violations.extend(broken.into_iter().map(|(violation, _)| violation));
        violations.truncate(MAX_TOLD);
        Err(BrokenRules { operation, violations })
    }
}

impl BrokenRules {
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
        }
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
        match &self.limit {
            Some(limit) if self.keyword != "false" => write!(f, " {limit}"),
            _ => Ok(()),
        }
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
            more => write!(f, ", and {} more", more - 1),
        }
    }
}

/// What tells violations apart that count together.
type Kind = (u64, Id, &'static str);

fn kind(at: At<'_, '_>, broken: Broken<'_>) -> Kind {
    (at.hash, broken.schema, broken.keyword)
}

/// The first rules that `after` breaks and `before` does not break.
fn newly_broken(
    schemas: &Schemas,
    state: &RandomState,
    before: Option<&Value>,
    after: &Value,
) -> Vec<(Violation, Kind)> {
    let evaluation = || Evaluation::alike(schemas, state);
    // How many there are more than before.
    let mut more = HashMap::<Kind, i64>::new();
    evaluation().visit(Schemas::ROOT, after, &mut |at, broken| {
        *more.entry(kind(at, broken)).or_default() += 1;
        false
    });
    if more.is_empty() {
        return Vec::new();
    }
    if let Some(before) = before {
        Evaluation::alike(schemas, state).visit(Schemas::ROOT, before, &mut |at, broken| {
            more.entry(kind(at, broken)).and_modify(|more| *more -= 1);
            false
        });
    }
    more.retain(|_, more| *more > 0);
    let mut told = Vec::new();
    if more.is_empty() {
        return told;
    }
    let mut was = Evaluation::new(schemas);
    evaluation().visit(Schemas::ROOT, after, &mut |at, broken| {
        if let Some(more) = more.get_mut(&kind(at, broken))
            && *more > 0
            // At least as many are at places that did not break the rule before.
            && !before.is_some_and(|before| is_broken(&mut was, before, at.steps, broken))
        {
            *more -= 1;
            told.push((Violation::of(schemas, at.steps, broken), kind(at, broken)));
        }
        told.len() == MAX_TOLD
    });
    told
}

/// How many violations of this kind the document has.
fn count(schemas: &Schemas, state: &RandomState, document: &Value, of: Kind) -> usize {
    let mut count = 0;
    Evaluation::alike(schemas, state).visit(Schemas::ROOT, document, &mut |at, broken| {
        count += usize::from(kind(at, broken) == of);
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

/// The first read-only places that do not have the same after as before.
fn changed_read_only(schemas: &Schemas, before: &Value, after: &Value) -> Vec<Violation> {
    let mut told: Vec<Violation> = Vec::new();
    for (one, other) in [(after, before), (before, after)] {
        Evaluation::new(schemas).visit_read_only(
            Schemas::ROOT,
            one,
            Some(other),
            &mut |steps: &[Step<'_>], broken| {
                if told.len() < MAX_TOLD {
                    let violation = Violation::of(schemas, steps, broken);
                    if !told.contains(&violation) {
                        told.push(violation);
                    }
                }
            },
        );
    }
    told
}

/// The operation with which a condition of the document begins to hold. Before the patch it does not hold,
/// after the patch it does.
fn beginning(patch: &Patch, before: &Value, holds: impl Fn(&Value) -> bool) -> Option<BrokenBy> {
    let Change::Operations(operations) = patch.change() else { return None };
    // It does not hold after `without` operations, and holds after `with`.
    let (mut without, mut with) = (0, operations.len());
    while with - without > 1 {
        let middle = without.midpoint(with);
        let first = patch.with_operations(operations[..middle].to_vec());
        if apply(&first, before.clone()).is_ok_and(|document| holds(&document)) {
            with = middle;
        } else {
            without = middle;
        }
    }
    let operation = operations.get(without)?;
    Some(BrokenBy { index: without, op: op_name(operation), path: operation.path().to_buf() })
}
