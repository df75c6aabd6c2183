//! The clauses of an update as values, and the one place that prints them.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
    fmt::Write as _,
    rc::Rc,
};

use serde_json::Value;

use crate::limits::{Limits, MAX_EXPRESSION_BYTES, MAX_OPERATORS};

/// The placeholder of the attribute that holds the document.
const DOCUMENT: &str = "#document";

/// Every clause is one comparison or one function, and the `AND` before it.
const OPERATORS_PER_CLAUSE: usize = 2;

/// A conditional update of the document, in the clauses of DynamoDB's expressions.
///
/// The same patch always gives the same text. Every path in the text begins with `#document`; the
/// other placeholders are `#0`, `#1` … and `:0`, `:1` ….
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Update<'p> {
    /// The actions of `SET`.
    pub set: Vec<String>,
    /// The paths of `REMOVE`.
    pub remove: Vec<String>,
    /// The conditions, all of which must hold on the stored item.
    pub conditions: Vec<String>,
    /// The name behind each placeholder: of the attribute, and of members of the document.
    pub names: BTreeMap<String, String>,
    /// The value behind `:n`, at index `n`.
    pub values: Vec<Cow<'p, Value>>,
}

impl Update<'_> {
    /// The update that sets the whole document, which is in `attribute`, on no condition.
    #[must_use]
    pub fn of_document(document: Value, attribute: &str) -> Self {
        let mut text = Text::new(attribute);
        text.action(&Action::Set(Path::default(), Cow::Owned(document)), &[]);
        text.update
    }

    /// The text of the update expression; empty where the update changes nothing.
    #[must_use]
    pub fn update_expression(&self) -> String {
        let clause = |keyword: &str, parts: &[String]| {
            (!parts.is_empty()).then(|| format!("{keyword} {}", parts.join(",")))
        };
        let clauses = [clause("SET", &self.set), clause("REMOVE", &self.remove)];
        clauses.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// The text of the condition expression; empty where the update has no condition.
    #[must_use]
    pub fn condition_expression(&self) -> String {
        self.conditions.join(" AND ")
    }
}

/// One update cannot say what the patch says, or the patch fails on every document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotExpressible;

/// A place in the stored document, by the names and indexes that lead to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Path(Vec<Step>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Member(Name),
    Element(usize),
}

/// A member name, by its number among the names that the plan has met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Name(usize);

impl Path {
    pub(super) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// How many objects and arrays the place lies in.
    pub(super) fn levels(&self) -> usize {
        self.0.len()
    }

    pub(super) fn member(&self, name: Name) -> Self {
        self.below(Step::Member(name))
    }

    pub(super) fn element(&self, index: usize) -> Self {
        self.below(Step::Element(index))
    }

    fn below(&self, step: Step) -> Self {
        let mut steps = Vec::with_capacity(self.0.len() + 1);
        steps.extend_from_slice(&self.0);
        steps.push(step);
        Self(steps)
    }
}

/// The types of a stored value that a condition asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Map,
    List,
}

/// What must hold on the stored item.
#[derive(Debug, Clone, PartialEq)]
enum Condition<'p> {
    /// Something is there.
    Exists(Path),
    /// What is there is of this type.
    IsOfType(Path, Type),
    /// What is there equals this value: maps and lists in depth, numbers by value.
    Equals(Path, &'p Value),
    /// The list or map there has this many entries, or the text this many bytes.
    HasSize(Path, usize),
}

/// What the update does. Every path is one of the stored document, as it was before the update.
#[derive(Debug, Clone, PartialEq)]
enum Action<'p> {
    /// Writes this value.
    Set(Path, Cow<'p, Value>),
    /// Writes to `to` what was at `from`.
    Copy { from: Path, to: Path },
    /// Appends the elements of this array.
    Append(Path, Value),
    /// Puts the elements of this array before the first one.
    Prepend(Path, Value),
    /// Removes what is there, if anything is.
    Remove(Path),
}

/// The clauses of an update that is being made.
#[derive(Debug, Default)]
pub(super) struct Clauses<'p> {
    names: Vec<Rc<str>>,
    numbers_of_names: HashMap<Rc<str>, Name>,
    conditions: Vec<Condition<'p>>,
    /// Where a condition says already that something is there.
    proven: HashSet<Path>,
    actions: Vec<Action<'p>>,
    value_bytes: usize,
}

impl<'p> Clauses<'p> {
    /// The number of `name`; equal names share one.
    pub(super) fn name(&mut self, name: &str) -> Name {
        if let Some(number) = self.numbers_of_names.get(name) {
            return *number;
        }
        let (number, name) = (Name(self.names.len()), Rc::<str>::from(name));
        self.names.push(name.clone());
        self.numbers_of_names.insert(name, number);
        number
    }

    /// Demands that something is at `path`.
    pub(super) fn exists(&mut self, path: &Path) -> Result<(), NotExpressible> {
        if self.proven.contains(path) {
            return Ok(());
        }
        self.demand(path, Condition::Exists(path.clone()))
    }

    /// Demands that what is at `path` is of type `kind`.
    pub(super) fn is_of_type(&mut self, path: &Path, kind: Type) -> Result<(), NotExpressible> {
        self.demand(path, Condition::IsOfType(path.clone(), kind))
    }

    /// Demands that what is at `path` equals `value`.
    pub(super) fn equals(&mut self, path: &Path, value: &'p Value) -> Result<(), NotExpressible> {
        self.demand(path, Condition::Equals(path.clone(), value))
    }

    /// Demands that the list at `path` has `length` elements. Beside this the type has to be demanded:
    /// what else has a size can have the same.
    pub(super) fn has_length(&mut self, path: &Path, length: usize) -> Result<(), NotExpressible> {
        self.demand(path, Condition::HasSize(path.clone(), length))
    }

    /// Adds `condition`, which proves that something is at `path`. Fails once there are more
    /// conditions than any expression has room for.
    fn demand(&mut self, path: &Path, condition: Condition<'p>) -> Result<(), NotExpressible> {
        if self.conditions.contains(&condition) {
            return Ok(());
        }
        self.conditions.push(condition);
        self.proven.insert(path.clone());
        if self.conditions.len() > MAX_OPERATORS { Err(NotExpressible) } else { Ok(()) }
    }

    pub(super) fn set(&mut self, path: Path, value: Cow<'p, Value>) {
        self.actions.push(Action::Set(path, value));
    }

    pub(super) fn copy(&mut self, from: Path, to: Path) {
        self.actions.push(Action::Copy { from, to });
    }

    pub(super) fn prepend(&mut self, path: Path, elements: Value) {
        self.actions.push(Action::Prepend(path, elements));
    }

    pub(super) fn append(&mut self, path: Path, elements: Value) {
        self.actions.push(Action::Append(path, elements));
    }

    pub(super) fn remove(&mut self, path: Path) {
        self.actions.push(Action::Remove(path));
    }

    /// Counts `bytes` of values that are written, of which an item can hold `limit`.
    pub(super) fn count_value(&mut self, bytes: usize, limit: usize) -> Result<(), NotExpressible> {
        self.value_bytes += bytes;
        if self.value_bytes > limit { Err(NotExpressible) } else { Ok(()) }
    }

    /// The clauses as text, where one update has room for them.
    pub(super) fn render(
        &self,
        attribute: &str,
        limits: &Limits,
    ) -> Result<Update<'p>, NotExpressible> {
        let mut text = Text::new(attribute);
        let fits = |bytes: usize, operators: usize| {
            let is_room = bytes.saturating_add(limits.reserved_expression_bytes)
                <= MAX_EXPRESSION_BYTES
                && operators.saturating_add(limits.reserved_operators) <= MAX_OPERATORS;
            if is_room { Ok(()) } else { Err(NotExpressible) }
        };
        let (mut bytes, mut operators) = (0, 0);
        for condition in &self.conditions {
            bytes += text.condition(condition, &self.names) + " AND ".len();
            // A function, and beside it a comparison.
            let is_both = matches!(condition, Condition::HasSize(..));
            operators += OPERATORS_PER_CLAUSE + usize::from(is_both);
            fits(bytes, operators)?;
        }
        (bytes, operators) = (0, 0);
        for action in &self.actions {
            bytes += text.action(action, &self.names) + ",".len();
            operators += OPERATORS_PER_CLAUSE;
            fits(bytes, operators)?;
        }
        Ok(text.update)
    }
}

/// An update that is being printed.
struct Text<'p> {
    update: Update<'p>,
    attribute: String,
    numbers_of_values: HashMap<String, usize>,
}

impl<'p> Text<'p> {
    fn new(attribute: &str) -> Self {
        Self {
            update: Update::default(),
            attribute: attribute.to_owned(),
            numbers_of_values: HashMap::new(),
        }
    }

    /// Prints `condition`, and says how long its text is.
    fn condition(&mut self, condition: &Condition<'p>, names: &[Rc<str>]) -> usize {
        let text = match condition {
            Condition::Exists(path) => format!("attribute_exists({})", self.path(path, names)),
            Condition::IsOfType(path, kind) => {
                let name = match kind {
                    Type::Map => "M",
                    Type::List => "L",
                };
                let value = self.value(Cow::Owned(name.into()));
                format!("attribute_type({},{value})", self.path(path, names))
            }
            Condition::HasSize(path, size) => {
                let value = self.value(Cow::Owned((*size).into()));
                format!("size({})={value}", self.path(path, names))
            }
            Condition::Equals(path, expected) => {
                let value = self.value(Cow::Borrowed(expected));
                format!("{}={value}", self.path(path, names))
            }
        };
        let bytes = text.len();
        self.update.conditions.push(text);
        bytes
    }

    /// Prints `action`, and says how long its text is.
    fn action(&mut self, action: &Action<'p>, names: &[Rc<str>]) -> usize {
        let text = match action {
            Action::Set(path, value) => {
                let value = self.value(value.clone());
                format!("{}={value}", self.path(path, names))
            }
            Action::Copy { from, to } => {
                format!("{}={}", self.path(to, names), self.path(from, names))
            }
            Action::Prepend(path, elements) => {
                let elements = self.value(Cow::Owned(elements.clone()));
                let path = self.path(path, names);
                format!("{path}=list_append({elements},{path})")
            }
            Action::Append(path, elements) => {
                let elements = self.value(Cow::Owned(elements.clone()));
                let path = self.path(path, names);
                format!("{path}=list_append({path},{elements})")
            }
            Action::Remove(path) => self.path(path, names),
        };
        let bytes = text.len();
        match action {
            Action::Remove(_) => self.update.remove.push(text),
            _ => self.update.set.push(text),
        }
        bytes
    }

    /// The text of `path`. DynamoDB refuses a name that no expression uses, so a name is defined
    /// when it is printed.
    fn path(&mut self, path: &Path, names: &[Rc<str>]) -> String {
        let mut text = DOCUMENT.to_owned();
        self.define(DOCUMENT, &self.attribute.clone());
        for step in &path.0 {
            // To write to a `String` cannot fail.
            let _ = match step {
                Step::Element(index) => write!(text, "[{index}]"),
                Step::Member(Name(number)) => {
                    self.define(&format!("#{number}"), &names[*number]);
                    write!(text, ".#{number}")
                }
            };
        }
        text
    }

    fn define(&mut self, placeholder: &str, name: &str) {
        if !self.update.names.contains_key(placeholder) {
            self.update.names.insert(placeholder.to_owned(), name.to_owned());
        }
    }

    /// The placeholder of `value`; equal values share one.
    fn value(&mut self, value: Cow<'p, Value>) -> String {
        let next = self.update.values.len();
        let number = *self.numbers_of_values.entry(value.to_string()).or_insert(next);
        if number == next {
            self.update.values.push(value);
        }
        format!(":{number}")
    }
}
