//! DynamoDB's expressions, evaluated on one document, as plainly as can be. The updates of the library
//! are compared with the RFCs through this. [`super::engines`] compares it with engines.
//!
//! It reads the text that is sent, and knows as much of DynamoDB's language as a plan uses. All else in
//! a text is an error. It shares nothing with the library but the struct of the texts.

use std::collections::{BTreeMap, BTreeSet};

use json_patch_dynamodb::Update;
use serde_json::Value;

/// The attribute that holds the document.
pub(crate) const ATTRIBUTE: &str = "document";

/// An update that was read. Its paths are those of the document, without the attribute.
pub(crate) struct Expressions {
    conditions: Vec<Condition>,
    action: Action,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Member(String),
    Element(usize),
}

type Path = Vec<Step>;

enum Condition {
    Exists(Path),
    IsOfType(Path, String),
    Equals(Path, Value),
    HasSize(Path, Comparison, u64),
}

enum Comparison {
    Equal,
    AtMost,
    AtLeast,
}

enum Operand {
    Stored(Path),
    Given(Value),
}

/// What becomes of one place. No two paths of an update overlap, so they are the branches of a tree.
enum Action {
    Set(Operand),
    /// Sets the elements of the first list and then those of the second.
    SetBoth(Operand, Operand),
    Remove,
    /// Changes members or elements. Without any, nothing changes.
    Change(BTreeMap<Step, Action>),
}

/// Why DynamoDB refuses an update, whatever the condition says (`Text`), or once the condition holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The text is wrong in itself.
    Text(String),
    /// A path leads through what is not there, or is of another type.
    Path,
    /// A value that is read is not there, or is no list.
    Operand,
}

impl Expressions {
    pub(crate) fn read(update: &Update<'_>) -> Result<Self, Refusal> {
        let (condition, actions) = (update.condition_expression(), update.update_expression());
        let mut text = Text { rest: &condition, update, used: BTreeSet::new() };
        let conditions = text.conditions()?;
        text.rest = &actions;
        let action = text.actions()?;
        // DynamoDB refuses a placeholder that no expression has.
        let values = (0..update.values.len()).map(|number| format!(":{number}"));
        match update.names.keys().cloned().chain(values).find(|each| !text.used.contains(each)) {
            Some(unused) => Err(wrong(&format!("{unused} is not used"))),
            None => Ok(Self { conditions, action }),
        }
    }

    /// Whether the condition holds on `document`.
    pub(crate) fn hold(&self, document: &Value) -> bool {
        self.conditions.iter().all(|condition| match condition {
            Condition::Exists(path) => find(document, path).is_some(),
            Condition::IsOfType(path, kind) => {
                find(document, path).is_some_and(|found| type_name(found) == kind)
            }
            Condition::Equals(path, value) => find(document, path) == Some(value),
            // What has no size makes the comparison false.
            Condition::HasSize(path, comparison, expected) => {
                find(document, path).and_then(size).is_some_and(|size| match comparison {
                    Comparison::Equal => size == *expected,
                    Comparison::AtMost => size <= *expected,
                    Comparison::AtLeast => size >= *expected,
                })
            }
        })
    }

    /// What the update makes of `document`, whether its condition holds or not.
    pub(crate) fn apply(&self, document: &Value) -> Result<Value, Refusal> {
        // The library never removes the document itself.
        self.action.apply(Some(document), document)?.ok_or(Refusal::Path)
    }
}

impl Action {
    /// What comes in the place of `old`, if anything does. All that is read is read from `document` as
    /// it was before the update.
    fn apply(&self, old: Option<&Value>, document: &Value) -> Result<Option<Value>, Refusal> {
        match (self, old) {
            (Self::Set(operand), _) => Ok(Some(operand.of(document)?.clone())),
            (Self::SetBoth(first, second), _) => {
                let lists = (first.of(document)?.as_array(), second.of(document)?.as_array());
                let (Some(first), Some(second)) = lists else { return Err(Refusal::Operand) };
                Ok(Some(Value::Array([&first[..], second].concat())))
            }
            (Self::Remove, _) => Ok(None),
            (Self::Change(parts), Some(Value::Object(old))) => {
                let mut members = old.clone();
                for (step, action) in parts {
                    let Step::Member(name) = step else { return Err(Refusal::Path) };
                    match action.apply(old.get(name), document)? {
                        Some(value) => members.insert(name.clone(), value),
                        None => members.remove(name),
                    };
                }
                Ok(Some(Value::Object(members)))
            }
            // Every index is one of the old list. What is set past its end is appended, in order.
            (Self::Change(parts), Some(Value::Array(old))) => {
                let mut elements: Vec<_> = old.iter().cloned().map(Some).collect();
                for (step, action) in parts {
                    let Step::Element(index) = step else { return Err(Refusal::Path) };
                    let value = action.apply(old.get(*index), document)?;
                    match elements.get_mut(*index).filter(|_| *index < old.len()) {
                        Some(element) => *element = value,
                        None => elements.push(value),
                    }
                }
                Ok(Some(Value::Array(elements.into_iter().flatten().collect())))
            }
            (Self::Change(_), _) => Err(Refusal::Path),
        }
    }

    /// Adds `action` at `path`.
    fn insert(&mut self, path: &[Step], action: Self) -> Result<(), Refusal> {
        let overlap = || wrong("two paths overlap, or take one place for two types");
        let Self::Change(parts) = self else { return Err(overlap()) };
        let Some((step, below)) = path.split_first() else {
            if !parts.is_empty() {
                return Err(overlap());
            }
            *self = action;
            return Ok(());
        };
        let is_member = |step: &Step| matches!(step, Step::Member(_));
        if parts.keys().any(|other| is_member(other) != is_member(step)) {
            return Err(overlap());
        }
        let part = parts.entry(step.clone()).or_insert_with(|| Self::Change(BTreeMap::new()));
        part.insert(below, action)
    }
}

impl Operand {
    fn of<'v>(&'v self, document: &'v Value) -> Result<&'v Value, Refusal> {
        match self {
            Self::Stored(path) => find(document, path).ok_or(Refusal::Operand),
            Self::Given(value) => Ok(value),
        }
    }
}

fn find<'d>(document: &'d Value, path: &[Step]) -> Option<&'d Value> {
    path.iter().try_fold(document, |value, step| match step {
        Step::Member(name) => value.as_object()?.get(name),
        Step::Element(index) => value.as_array()?.get(*index),
    })
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NULL",
        Value::Bool(_) => "BOOL",
        Value::Number(_) => "N",
        Value::String(_) => "S",
        Value::Array(_) => "L",
        Value::Object(_) => "M",
    }
}

fn size(value: &Value) -> Option<u64> {
    let size = match value {
        Value::String(text) => text.len(),
        Value::Array(elements) => elements.len(),
        Value::Object(members) => members.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    u64::try_from(size).ok()
}

fn wrong(what: &str) -> Refusal {
    Refusal::Text(what.to_owned())
}

/// The text that is left to read.
struct Text<'t> {
    rest: &'t str,
    update: &'t Update<'t>,
    /// The placeholders that were read.
    used: BTreeSet<String>,
}

impl<'t> Text<'t> {
    fn conditions(&mut self) -> Result<Vec<Condition>, Refusal> {
        let mut conditions = Vec::new();
        while !self.rest.is_empty() {
            if !conditions.is_empty() {
                self.expect(" AND ")?;
            }
            conditions.push(self.condition()?);
        }
        Ok(conditions)
    }

    fn condition(&mut self) -> Result<Condition, Refusal> {
        if self.eats("attribute_exists(") {
            let path = self.path()?;
            self.expect(")")?;
            return Ok(Condition::Exists(path));
        }
        if self.eats("attribute_type(") {
            let path = self.path()?;
            self.expect(",")?;
            let Value::String(kind) = self.value()? else { return Err(wrong("a type is text")) };
            self.expect(")")?;
            return Ok(Condition::IsOfType(path, kind));
        }
        if self.eats("size(") {
            let path = self.path()?;
            self.expect(")")?;
            let comparison = match () {
                () if self.eats("<=") => Comparison::AtMost,
                () if self.eats(">=") => Comparison::AtLeast,
                () => {
                    self.expect("=")?;
                    Comparison::Equal
                }
            };
            let size = self.value()?.as_u64().ok_or_else(|| wrong("a size is a number"))?;
            return Ok(Condition::HasSize(path, comparison, size));
        }
        let path = self.path()?;
        self.expect("=")?;
        Ok(Condition::Equals(path, self.value()?))
    }

    fn actions(&mut self) -> Result<Action, Refusal> {
        let mut actions = Action::Change(BTreeMap::new());
        if self.eats("SET ") {
            self.list(|text| {
                let path = text.path()?;
                text.expect("=")?;
                let action = if text.eats("list_append(") {
                    let first = text.operand()?;
                    text.expect(",")?;
                    let second = text.operand()?;
                    text.expect(")")?;
                    Action::SetBoth(first, second)
                } else {
                    Action::Set(text.operand()?)
                };
                actions.insert(&path, action)
            })?;
            if !self.rest.is_empty() {
                self.expect(" ")?;
            }
        }
        if self.eats("REMOVE ") {
            self.list(|text| actions.insert(&text.path()?, Action::Remove))?;
        }
        if self.rest.is_empty() { Ok(actions) } else { Err(wrong(self.rest)) }
    }

    fn list(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        each(self)?;
        while self.eats(",") {
            each(self)?;
        }
        Ok(())
    }

    fn operand(&mut self) -> Result<Operand, Refusal> {
        if self.rest.starts_with(':') {
            Ok(Operand::Given(self.value()?))
        } else {
            Ok(Operand::Stored(self.path()?))
        }
    }

    fn path(&mut self) -> Result<Path, Refusal> {
        if self.name()? != ATTRIBUTE {
            return Err(wrong("a path outside of the document"));
        }
        let mut path = Vec::new();
        loop {
            if self.eats(".") {
                path.push(Step::Member(self.name()?));
            } else if self.eats("[") {
                path.push(Step::Element(self.word().parse().map_err(|_| wrong("an index"))?));
                self.expect("]")?;
            } else {
                return Ok(path);
            }
        }
    }

    /// The name behind the placeholder that comes next.
    fn name(&mut self) -> Result<String, Refusal> {
        self.expect("#")?;
        let placeholder = format!("#{}", self.word());
        let name = self.update.names.get(&placeholder).cloned();
        self.used.insert(placeholder);
        name.ok_or_else(|| wrong("a name is not defined"))
    }

    /// The value behind the placeholder that comes next.
    fn value(&mut self) -> Result<Value, Refusal> {
        self.expect(":")?;
        let number = self.word();
        self.used.insert(format!(":{number}"));
        let value = number.parse().ok().and_then(|number: usize| self.update.values.get(number));
        value.map(|value| value.clone().into_owned()).ok_or_else(|| wrong("a value is not defined"))
    }

    fn word(&mut self) -> &'t str {
        let end = self.rest.find(|each: char| !each.is_ascii_alphanumeric());
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }

    fn eats(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, text: &str) -> Result<(), Refusal> {
        if self.eats(text) {
            Ok(())
        } else {
            Err(wrong(&format!("{text} in place of {}", self.rest)))
        }
    }
}
