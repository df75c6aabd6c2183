//! The text of an update's expressions, with placeholders for every name and value.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
};

use serde_json::Value;

use super::symbolic::Beyond;
use crate::document::MAX_ITEM_BYTES;

/// The placeholder of the attribute that holds the document.
pub const DOCUMENT: &str = "#document";

/// DynamoDB's limit on the text of one expression ("Quotas in Amazon DynamoDB").
pub const MAX_EXPRESSION_BYTES: usize = 4 * 1024;

/// DynamoDB's limit on the operators and functions of one expression. DynamoDB Local enforces it in
/// conditions, dynoxide does not.
pub const MAX_OPERATORS: usize = 300;

/// What is left for the clauses that every write has beside its patch's, and as a margin.
const RESERVED_BYTES: usize = 512;
const RESERVED_OPERATORS: usize = 30;

/// A guard is a comparison or a function, and an `AND`.
const OPERATORS_PER_CLAUSE: usize = 2;

/// A conditional update of the document, in the clauses of DynamoDB's expressions.
///
/// The same patch always gives the same text. A path begins with [`DOCUMENT`]; the names in it are
/// placeholders `#0`, `#1` …, the values `:0`, `:1` ….
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Update<'p> {
    /// The actions of `SET`.
    pub set: Vec<String>,
    /// The paths of `REMOVE`.
    pub remove: Vec<String>,
    /// What must hold on the stored item, all of it.
    pub guards: Vec<String>,
    /// The member name behind `#n`.
    pub names: BTreeMap<usize, String>,
    /// The value behind `:n`.
    pub values: Vec<Cow<'p, Value>>,
}

/// The clauses of an update that is being made, within DynamoDB's limits.
#[derive(Debug, Default)]
pub(super) struct Clauses<'p> {
    update: Update<'p>,
    numbers_of_names: HashMap<String, usize>,
    numbers_of_values: HashMap<String, usize>,
    guarded: HashSet<String>,
    guard_bytes: usize,
    action_bytes: usize,
    value_bytes: usize,
}

impl<'p> Clauses<'p> {
    /// The path of the member `name` of the object at `parent`.
    pub(super) fn member(&mut self, parent: &str, name: &str) -> String {
        let next = self.numbers_of_names.len();
        let number = if let Some(number) = self.numbers_of_names.get(name) {
            *number
        } else {
            self.numbers_of_names.insert(name.to_owned(), next);
            next
        };
        format!("{parent}.#{number}")
    }

    /// Holds where something is at `path`.
    pub(super) fn exists(&mut self, path: &str) -> Result<(), Beyond> {
        if self.guarded.contains(path) {
            return Ok(());
        }
        self.guarded.insert(path.to_owned());
        self.guard(format!("attribute_exists({path})"))
    }

    /// Holds where an object is at `path`.
    pub(super) fn is_object(&mut self, path: &str) -> Result<(), Beyond> {
        self.is_of_type(path, "M")
    }

    /// Holds where an array is at `path`.
    pub(super) fn is_array(&mut self, path: &str) -> Result<(), Beyond> {
        self.is_of_type(path, "L")
    }

    fn is_of_type(&mut self, path: &str, kind: &str) -> Result<(), Beyond> {
        let value = self.value(Cow::Owned(Value::String(kind.to_owned())));
        self.guard(format!("attribute_type({path},{value})"))?;
        self.guarded.insert(path.to_owned());
        Ok(())
    }

    /// Holds where what is at `path` equals `value`, in depth and numbers by value.
    pub(super) fn equals(&mut self, path: &str, value: &'p Value) -> Result<(), Beyond> {
        let value = self.value(Cow::Borrowed(value));
        self.guard(format!("{path}={value}"))?;
        self.guarded.insert(path.to_owned());
        Ok(())
    }

    fn guard(&mut self, guard: String) -> Result<(), Beyond> {
        if !self.guarded.insert(guard.clone()) {
            return Ok(());
        }
        self.guard_bytes += guard.len() + " AND ".len();
        self.update.guards.push(guard);
        check(self.guard_bytes, self.update.guards.len())
    }

    /// Writes `value` to `path`.
    pub(super) fn set(&mut self, path: &str, value: Cow<'p, Value>) -> Result<(), Beyond> {
        let value = self.value(value);
        self.action(format!("{path}={value}"))
    }

    /// Writes to `path` what was at `origin` before the update.
    pub(super) fn set_from(&mut self, path: &str, origin: &str) -> Result<(), Beyond> {
        self.action(format!("{path}={origin}"))
    }

    /// Appends `values`, an array, to the array at `path`.
    pub(super) fn append(&mut self, path: &str, values: Value) -> Result<(), Beyond> {
        let values = self.value(Cow::Owned(values));
        self.action(format!("{path}=list_append({path},{values})"))
    }

    fn action(&mut self, action: String) -> Result<(), Beyond> {
        self.action_bytes += action.len() + 1;
        self.update.set.push(action);
        self.check_actions()
    }

    /// Removes what is at `path`, if anything is.
    pub(super) fn remove(&mut self, path: String) -> Result<(), Beyond> {
        self.action_bytes += path.len() + 1;
        self.update.remove.push(path);
        self.check_actions()
    }

    fn check_actions(&self) -> Result<(), Beyond> {
        check(self.action_bytes, self.update.set.len() + self.update.remove.len())
    }

    /// Counts the bytes of a value that is written.
    pub(super) fn count_value(&mut self, bytes: usize) -> Result<(), Beyond> {
        self.value_bytes += bytes;
        if self.value_bytes > MAX_ITEM_BYTES { Err(Beyond) } else { Ok(()) }
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

    /// The update, with the names that its text needs: DynamoDB refuses one that is not used.
    pub(super) fn finish(mut self) -> Update<'p> {
        let update = &self.update;
        let texts = update.set.iter().chain(&update.remove).chain(&update.guards);
        let used: HashSet<usize> = texts.flat_map(|text| numbers_in(text)).collect();
        let names = self.numbers_of_names.into_iter().map(|(name, number)| (number, name));
        self.update.names = names.filter(|(number, _)| used.contains(number)).collect();
        self.update
    }
}

fn check(bytes: usize, clauses: usize) -> Result<(), Beyond> {
    let fits = bytes <= MAX_EXPRESSION_BYTES - RESERVED_BYTES
        && clauses * OPERATORS_PER_CLAUSE <= MAX_OPERATORS - RESERVED_OPERATORS;
    if fits { Ok(()) } else { Err(Beyond) }
}

/// The numbers of the names in an expression's text.
fn numbers_in(text: &str) -> impl Iterator<Item = usize> {
    text.split('#').skip(1).filter_map(|after| {
        let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        after[..end].parse().ok()
    })
}
