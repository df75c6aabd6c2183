//! The clauses of an update as values, and the one place that prints them.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    ops::RangeInclusive,
    rc::Rc,
};

use json_patch::jsonptr::{PointerBuf, Token};
use serde_json::Value;

use super::{
    explain::{Guess, GuessedKind},
    obstacle::Obstacle,
};
use crate::{
    hints::{Hints, MAX_BYTES as MAX_HINTED_BYTES, Shape},
    limits::{Limits, MAX_EXPRESSION_BYTES, MAX_OPERATORS},
    size::item_bytes,
};

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
    /// The update that sets the whole document.
    fn of_document(document: Value, attribute: &str) -> Self {
        let mut text = Text::new(attribute);
        text.action(&Action::Set(Path::default(), Cow::Owned(document)), &[]);
        text.update
    }

    /// The update that makes `after` of `before`, the document in `attribute`, on no condition: for an
    /// item that is certainly still as it was read.
    ///
    /// It sets and removes the members that differ, or sets the whole document where that is less or
    /// one update has no room for the members. Both documents are objects.
    #[must_use]
    pub fn of_difference(before: &Value, after: Value, attribute: &str, limits: &Limits) -> Self {
        let mut clauses = Clauses::new(Hints::none(), Vec::new());
        let bytes = clauses.differ(before, &after, &Path::default());
        let members = if bytes < item_bytes(&after) {
            clauses.render(attribute, limits).ok().map(Update::into_owned)
        } else {
            None
        };
        members.unwrap_or_else(|| Self::of_document(after, attribute))
    }

    fn into_owned<'o>(self) -> Update<'o> {
        let Self { set, remove, conditions, names, values } = self;
        let values = values.into_iter().map(|value| Cow::Owned(value.into_owned())).collect();
        Update { set, remove, conditions, names, values }
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

    /// The index of this element of `array`, if it is one.
    pub(super) fn index_in(&self, array: &Self) -> Option<usize> {
        match self.0.strip_prefix(&*array.0) {
            Some([Step::Element(index)]) => Some(*index),
            _ => None,
        }
    }

    /// An element that is appended, whatever its index will be.
    pub(super) fn appended(&self) -> Self {
        self.below(Step::Element(usize::MAX))
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

/// The end of a list at which elements are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListEnd {
    Front,
    Back,
}

/// What the conditions say of one place of the stored document.
#[derive(Debug, Default)]
struct Fact<'p> {
    /// What is there is of this type.
    kind: Option<Type>,
    /// What is there equals this value.
    value: Option<&'p Value>,
    /// How many entries it has.
    length: Option<usize>,
    /// It has at least so many elements.
    least: usize,
    /// Something is there, as a condition says in so many words.
    exists: bool,
}

/// What a stored value is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    Map,
    List {
        /// Its length, where the conditions say so.
        length: Option<usize>,
        /// The length that it is said to have.
        hinted: Option<usize>,
        /// Whether what is added to it at an index is not guessed to come last.
        grows_within: bool,
    },
}

/// What a patch tells of a stored value later than it was guessed. The patch is then planned anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lesson {
    /// It is an object: a name leads into it.
    IsObject,
    /// It is an array that has elements behind one that is added at an index.
    GrowsWithin,
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
    /// The list or map there has so many entries at most.
    HasAtMost(Path, usize),
    /// The list or map there has so many entries at least.
    HasAtLeast(Path, usize),
}

/// What the update does. Every path is one of the stored document, as it was before the update.
#[derive(Debug, Clone, PartialEq)]
enum Action<'p> {
    /// Writes this value.
    Set(Path, Cow<'p, Value>),
    /// Writes to `to` what was at `from`.
    Copy { from: Path, to: Path },
    /// Writes to `to` the list that was at `from`, with the elements of an array at one end.
    Extend { from: Path, to: Path, end: ListEnd, elements: Value },
    /// Removes what is there, if anything is.
    Remove(Path),
}

impl Type {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Object(_) => Some(Self::Map),
            Value::Array(_) => Some(Self::List),
            _ => None,
        }
    }
}

impl Condition<'_> {
    /// Whether the condition can hold where `value` is at `place`.
    fn allows(&self, place: &Path, value: &Value, names: &[Rc<str>]) -> bool {
        let (Self::Exists(path)
        | Self::IsOfType(path, _)
        | Self::Equals(path, _)
        | Self::HasSize(path, _)
        | Self::HasAtMost(path, _)
        | Self::HasAtLeast(path, _)) = self;
        let Some(below) = path.0.strip_prefix(&*place.0) else {
            return true;
        };
        let found = walk(value, below, names);
        found.is_some_and(|found| match self {
            Self::Exists(_) => true,
            Self::IsOfType(_, kind) => Type::of(found) == Some(*kind),
            Self::Equals(_, expected) => found == *expected,
            Self::HasSize(_, size) => entries(found).is_none_or(|found| found == *size),
            Self::HasAtMost(_, most) => entries(found).is_none_or(|found| found <= *most),
            Self::HasAtLeast(_, least) => entries(found).is_none_or(|found| found >= *least),
        })
    }
}

/// How many entries an array or object has.
fn entries(value: &Value) -> Option<usize> {
    match value {
        Value::Array(elements) => Some(elements.len()),
        Value::Object(members) => Some(members.len()),
        _ => None,
    }
}

/// What is known of the value at a place.
enum Known<'p> {
    /// The value.
    Value(&'p Value),
    /// That there is none.
    Missing,
    /// Nothing.
    Nothing,
}

/// What is at `steps` below `value`.
fn walk<'p>(value: &'p Value, steps: &[Step], names: &[Rc<str>]) -> Option<&'p Value> {
    steps.iter().try_fold(value, |value, step| match step {
        Step::Member(Name(number)) => value.as_object()?.get(&*names[*number]),
        Step::Element(index) => value.as_array()?.get(*index),
    })
}

fn agree(do_agree: bool) -> Result<(), Obstacle> {
    if do_agree { Ok(()) } else { Err(Obstacle::Contradiction) }
}

/// The clauses of an update that is being made.
#[derive(Debug)]
pub(super) struct Clauses<'p> {
    names: Vec<Rc<str>>,
    numbers_of_names: HashMap<Rc<str>, Name>,
    conditions: Vec<Condition<'p>>,
    facts: HashMap<Path, Fact<'p>>,
    hints: &'p Hints,
    /// What stored values were taken for where nothing says so.
    guesses: Vec<(Path, Type)>,
    /// Whether a condition says what some value is.
    has_values: bool,
    /// What the patch has told too late, in plannings before this one. Their places are pointers, as
    /// each planning gives its own numbers to names.
    lessons: Vec<(PointerBuf, Lesson)>,
    actions: Vec<Action<'p>>,
    value_bytes: usize,
}

impl<'p> Clauses<'p> {
    /// No clauses yet.
    pub(super) fn new(hints: &'p Hints, lessons: Vec<(PointerBuf, Lesson)>) -> Self {
        Self {
            names: Vec::new(),
            numbers_of_names: HashMap::new(),
            conditions: Vec::new(),
            facts: HashMap::new(),
            hints,
            guesses: Vec::new(),
            has_values: false,
            lessons,
            actions: Vec::new(),
            value_bytes: 0,
        }
    }

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

    /// What the value that is stored at `path`, which some token leads into, is taken for: what the
    /// conditions or the hints say, or else `default`, which is a guess unless `is_certain`.
    pub(super) fn take_for(&mut self, path: &Path, default: Type, is_certain: bool) -> Stored {
        let hint = if self.can_be_hinted(path) {
            self.hints.at(self.pointer(path).as_str())
        } else {
            None
        };
        let hinted = match hint {
            Some(Shape::Array(length)) => Some(length),
            Some(Shape::Object) | None => None,
        };
        let (said, length) = self.said(path);
        let kind = match said {
            Some(kind) => kind,
            None if is_certain => default,
            None => {
                let kind = match hint {
                    _ if self.has_learned(path, Lesson::IsObject) => Type::Map,
                    Some(Shape::Object) => Type::Map,
                    Some(Shape::Array(_)) => Type::List,
                    None => default,
                };
                self.guesses.push((path.clone(), kind));
                kind
            }
        };
        match kind {
            Type::Map => Stored::Map,
            Type::List => {
                let grows_within = self.has_learned(path, Lesson::GrowsWithin);
                Stored::List { length, hinted, grows_within }
            }
        }
    }

    /// The patch needs a member of what was taken for a list. If that was a guess, the next planning
    /// takes it for an object.
    pub(super) fn is_no_list(&mut self, path: &Path) -> Obstacle {
        if self.guesses.contains(&(path.clone(), Type::List)) {
            self.learn(path, Lesson::IsObject);
        }
        Obstacle::Contradiction
    }

    /// Remembers for the next planning what the patch has told of the value at `path` just now.
    pub(super) fn learn(&mut self, path: &Path, lesson: Lesson) {
        if !self.has_learned(path, lesson) {
            self.lessons.push((self.pointer(path), lesson));
        }
    }

    fn has_learned(&self, path: &Path, lesson: Lesson) -> bool {
        !self.lessons.is_empty() && self.lessons.contains(&(self.pointer(path), lesson))
    }

    /// Whether hints can say anything of `path`. They have no long pointers.
    fn can_be_hinted(&self, path: &Path) -> bool {
        let name_bytes = path.0.iter().map(|step| match step {
            Step::Member(Name(number)) => self.names[*number].len(),
            Step::Element(_) => 1,
        });
        !self.hints.is_empty() && name_bytes.sum::<usize>() <= MAX_HINTED_BYTES
    }

    pub(super) fn lessons(&self) -> &[(PointerBuf, Lesson)] {
        &self.lessons
    }

    pub(super) fn into_lessons(self) -> Vec<(PointerBuf, Lesson)> {
        self.lessons
    }

    /// What the conditions say of the type of what is stored at `path`, and of its length.
    fn said(&self, path: &Path) -> (Option<Type>, Option<usize>) {
        match self.known(path) {
            Known::Value(value) => (Type::of(value), value.as_array().map(Vec::len)),
            Known::Missing => (None, None),
            Known::Nothing => {
                self.facts.get(path).map_or((None, None), |fact| (fact.kind, fact.length))
            }
        }
    }

    /// Takes what is stored at `path` for an object, which is a guess.
    pub(super) fn guess_object(&mut self, path: &Path) {
        self.guesses.push((path.clone(), Type::Map));
    }

    /// Whether all conditions hold on `document`.
    pub(super) fn hold(&self, document: &Value) -> bool {
        let root = Path::default();
        self.conditions.iter().all(|condition| condition.allows(&root, document, &self.names))
    }

    /// What the plan rests on that the patch does not say.
    pub(super) fn guesses(&self) -> Vec<Guess> {
        let guesses = self.guesses.iter().map(|(path, kind)| {
            let length = self.conditions.iter().find_map(|condition| match condition {
                Condition::HasSize(of, length) if of == path => Some(*length),
                _ => None,
            });
            let kind = match (kind, length) {
                (Type::Map, _) => GuessedKind::Object,
                (Type::List, None) => GuessedKind::Array,
                (Type::List, Some(length)) => GuessedKind::ArrayOf(length),
            };
            Guess { pointer: self.pointer(path), kind }
        });
        guesses.collect()
    }

    /// The pointer that leads to `path`.
    pub(super) fn pointer(&self, path: &Path) -> PointerBuf {
        let tokens = path.0.iter().map(|step| match step {
            Step::Element(usize::MAX) => Token::new("-"),
            Step::Member(Name(number)) => Token::new(&*self.names[*number]),
            Step::Element(index) => Token::from(*index),
        });
        PointerBuf::from_tokens(tokens)
    }

    /// Demands that something is at `path`.
    pub(super) fn exists(&mut self, path: &Path) -> Result<(), Obstacle> {
        match self.known(path) {
            Known::Value(_) => return Ok(()),
            Known::Missing => return Err(Obstacle::Contradiction),
            Known::Nothing => {}
        }
        if self.facts.get(path).is_some_and(|fact| fact.exists) {
            return Ok(());
        }
        self.demand(path, Condition::Exists(path.clone()))
    }

    /// Demands that what is at `path` is of type `kind`.
    pub(super) fn is_of_type(&mut self, path: &Path, kind: Type) -> Result<(), Obstacle> {
        if let Known::Value(value) = self.known(path) {
            return agree(Type::of(value) == Some(kind));
        }
        self.note_type(path, kind)?;
        self.demand(path, Condition::IsOfType(path.clone(), kind))
    }

    /// Demands that what is at `path` equals `value`.
    pub(super) fn equals(&mut self, path: &Path, value: &'p Value) -> Result<(), Obstacle> {
        if let Known::Value(known) = self.known(path) {
            return agree(known == value);
        }
        // What was said of the place and of those below it has to be true of the value.
        agree(self.conditions.iter().all(|condition| condition.allows(path, value, &self.names)))?;
        if let Some(kind) = Type::of(value) {
            self.note_type(path, kind)?;
        }
        self.demand(path, Condition::Equals(path.clone(), value))?;
        self.facts.entry(path.clone()).or_default().value = Some(value);
        self.has_values = true;
        Ok(())
    }

    /// Demands that a list with `length` elements is at `path`.
    pub(super) fn is_list_of(&mut self, path: &Path, length: usize) -> Result<(), Obstacle> {
        // What is no list may have the same size.
        self.is_of_type(path, Type::List)?;
        if let Known::Value(value) = self.known(path) {
            return agree(value.as_array().is_some_and(|array| array.len() == length));
        }
        let fact = self.facts.entry(path.clone()).or_default();
        agree(fact.length.is_none_or(|known| known == length) && fact.least <= length)?;
        fact.length = Some(length);
        self.demand(path, Condition::HasSize(path.clone(), length))
    }

    /// Demands that the list or map at `path` has `most` entries at most.
    pub(super) fn has_at_most(&mut self, path: &Path, most: usize) -> Result<(), Obstacle> {
        self.has_entries(path, Condition::HasAtMost(path.clone(), most), 0..=most)
    }

    /// Demands that the list or map at `path` has `least` entries at least.
    pub(super) fn has_at_least(&mut self, path: &Path, least: usize) -> Result<(), Obstacle> {
        self.has_entries(path, Condition::HasAtLeast(path.clone(), least), least..=usize::MAX)
    }

    fn has_entries(
        &mut self,
        path: &Path,
        condition: Condition<'p>,
        range: RangeInclusive<usize>,
    ) -> Result<(), Obstacle> {
        let known = match self.known(path) {
            Known::Value(value) => entries(value),
            Known::Missing | Known::Nothing => self.facts.get(path).and_then(|fact| fact.length),
        };
        match known {
            Some(entries) => agree(range.contains(&entries)),
            None => self.demand(path, condition),
        }
    }

    /// How many conditions there are.
    pub(super) fn count(&self) -> usize {
        self.conditions.len()
    }

    /// Whether the conditions say that something is at `path`.
    pub(super) fn is_proven(&self, path: &Path) -> bool {
        match self.known(path) {
            Known::Value(_) => true,
            Known::Missing => false,
            // What has a length, or elements, has a type.
            Known::Nothing => {
                self.facts.get(path).is_some_and(|fact| fact.exists || fact.kind.is_some())
            }
        }
    }

    /// What the conditions say of the value that is stored at `path`.
    fn known(&self, path: &Path) -> Known<'p> {
        if !self.has_values {
            return Known::Nothing;
        }
        for levels in 0..=path.0.len() {
            let (above, below) = path.0.split_at(levels);
            let fact = self.facts.get(&Path(above.to_vec()));
            if let Some(value) = fact.and_then(|fact| fact.value) {
                return match walk(value, below, &self.names) {
                    Some(value) => Known::Value(value),
                    None => Known::Missing,
                };
            }
        }
        Known::Nothing
    }

    /// Adds `condition`, which proves that something is at `path`. Fails where no document is like
    /// that, or where there are so many conditions that no expression has room for them.
    fn demand(&mut self, path: &Path, condition: Condition<'p>) -> Result<(), Obstacle> {
        if self.conditions.contains(&condition) {
            return Ok(());
        }
        // What the place lies in are objects and arrays.
        for levels in 1..path.0.len() {
            let (above, below) = path.0.split_at(levels);
            let above = Path(above.to_vec());
            match below[0] {
                Step::Member(_) => self.note_type(&above, Type::Map)?,
                Step::Element(index) => {
                    self.note_type(&above, Type::List)?;
                    let fact = self.facts.entry(above).or_default();
                    agree(fact.length.is_none_or(|length| index < length))?;
                    fact.least = fact.least.max(index + 1);
                }
            }
        }
        self.conditions.push(condition);
        self.facts.entry(path.clone()).or_default().exists = true;
        if self.conditions.len() == MAX_OPERATORS { Err(Obstacle::NoRoom) } else { Ok(()) }
    }

    /// Learns that what is stored at `path` is of type `kind`.
    fn note_type(&mut self, path: &Path, kind: Type) -> Result<(), Obstacle> {
        let known = *self.facts.entry(path.clone()).or_default().kind.get_or_insert(kind);
        agree(known == kind)
    }

    /// Adds the actions that make `after` of `before`, which is stored at `path`. Says about how many
    /// bytes they take.
    fn differ(&mut self, before: &Value, after: &'p Value, path: &Path) -> usize {
        /// About what the text of an action takes.
        const TEXT_BYTES: usize = 16;
        if before == after {
            return 0;
        }
        let (Value::Object(before), Value::Object(after)) = (before, after) else {
            self.set(path.clone(), Cow::Borrowed(after));
            return TEXT_BYTES + item_bytes(after);
        };
        let mut bytes = 0;
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            let place = path.member(self.name(name));
            self.remove(place);
            bytes += TEXT_BYTES + name.len();
        }
        for (name, value) in after {
            match before.get(name) {
                Some(before) if before == value => {}
                Some(before) => {
                    let place = path.member(self.name(name));
                    bytes += name.len() + self.differ(before, value, &place);
                }
                None => {
                    let place = path.member(self.name(name));
                    self.set(place, Cow::Borrowed(value));
                    bytes += TEXT_BYTES + name.len() + item_bytes(value);
                }
            }
        }
        bytes
    }

    pub(super) fn set(&mut self, path: Path, value: Cow<'p, Value>) {
        self.actions.push(Action::Set(path, value));
    }

    pub(super) fn copy(&mut self, from: Path, to: Path) {
        self.actions.push(Action::Copy { from, to });
    }

    pub(super) fn extend(&mut self, from: Path, to: Path, end: ListEnd, elements: Value) {
        self.actions.push(Action::Extend { from, to, end, elements });
    }

    pub(super) fn remove(&mut self, path: Path) {
        self.actions.push(Action::Remove(path));
    }

    /// Counts `bytes` of values that are written, of which an item can hold `limit`.
    pub(super) fn count_value(&mut self, bytes: usize, limit: usize) -> Result<(), Obstacle> {
        self.value_bytes += bytes;
        if self.value_bytes > limit { Err(Obstacle::ValuesTooLarge) } else { Ok(()) }
    }

    /// The clauses as text, where one update has room for them.
    pub(super) fn render(&self, attribute: &str, limits: &Limits) -> Result<Update<'p>, Obstacle> {
        let mut text = Text::new(attribute);
        let fits = |bytes: usize, operators: usize| {
            let is_room = bytes.saturating_add(limits.reserved_expression_bytes)
                <= MAX_EXPRESSION_BYTES
                && operators.saturating_add(limits.reserved_operators) <= MAX_OPERATORS;
            if is_room { Ok(()) } else { Err(Obstacle::NoRoom) }
        };
        let (mut bytes, mut operators) = (0, 0);
        for condition in &self.conditions {
            bytes += text.condition(condition, &self.names) + " AND ".len();
            // A function, and beside it a comparison.
            let is_both = matches!(
                condition,
                Condition::HasSize(..) | Condition::HasAtMost(..) | Condition::HasAtLeast(..)
            );
            operators += OPERATORS_PER_CLAUSE + usize::from(is_both);
            fits(bytes, operators)?;
        }
        (bytes, operators) = ("SET ".len() + " REMOVE ".len(), 0);
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
            Condition::HasSize(path, size) => self.size(path, "=", *size, names),
            Condition::HasAtMost(path, most) => self.size(path, "<=", *most, names),
            Condition::HasAtLeast(path, least) => self.size(path, ">=", *least, names),
            Condition::Equals(path, expected) => {
                let value = self.value(Cow::Borrowed(expected));
                format!("{}={value}", self.path(path, names))
            }
        };
        let bytes = text.len();
        self.update.conditions.push(text);
        bytes
    }

    fn size(&mut self, path: &Path, comparison: &str, size: usize, names: &[Rc<str>]) -> String {
        let value = self.value(Cow::Owned(size.into()));
        format!("size({}){comparison}{value}", self.path(path, names))
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
            Action::Extend { from, to, end, elements } => {
                let elements = self.value(Cow::Owned(elements.clone()));
                let (from, to) = (self.path(from, names), self.path(to, names));
                match end {
                    ListEnd::Front => format!("{to}=list_append({elements},{from})"),
                    ListEnd::Back => format!("{to}=list_append({from},{elements})"),
                }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn differs(before: &Value, after: &Value, expected: &(&str, Value)) {
        let update = Update::of_difference(before, after.clone(), "document", &Limits::DYNAMODB);
        assert_eq!((&*update.update_expression(), json!(update.values)), *expected);
        assert!(update.conditions.is_empty());
    }

    #[test]
    fn what_differs_is_written() {
        let long = json!("x".repeat(100));
        differs(
            &json!({"long": long, "a": 1, "b": {"c": 1, "d": long}, "gone": 1}),
            &json!({"long": long, "a": [2], "b": {"c": 2, "d": long, "e": 3}}),
            &(
                "SET #document.#1=:0,#document.#2.#3=:1,#document.#2.#4=:2 REMOVE #document.#0",
                json!([[2], 2, 3]),
            ),
        );
        differs(&json!({"long": long}), &json!({"long": long}), &("", json!([])));
        // An array is written as a whole, and so is what was of another type.
        differs(
            &json!({"long": long, "a": [1, 2], "b": 1}),
            &json!({"long": long, "a": [1, 3], "b": {"c": 1}}),
            &("SET #document.#0=:0,#document.#1=:1", json!([[1, 3], {"c": 1}])),
        );
    }

    #[test]
    fn the_length_of_names_counts_once() {
        let (name, filler) = ("n".repeat(100), "x".repeat(200));
        let document = |member: Value| match member {
            Value::Null => json!({"filler": filler}),
            member => json!({"filler": filler, (&*name): member}),
        };
        let (none, one, two, long) = (Value::Null, json!(1), json!(2), json!("x".repeat(150)));
        let within = |value| json!({"a": value, "b": filler});
        for (before, after, expression, values) in [
            (&one, &none, "REMOVE #document.#0", json!([])),
            (&none, &long, "SET #document.#0=:0", json!([long])),
            (&one, &two, "SET #document.#0=:0", json!([2])),
            (&within(1), &within(2), "SET #document.#0.#1=:0", json!([2])),
        ] {
            differs(&document(before.clone()), &document(after.clone()), &(expression, values));
        }
        // To remove many takes more than to write what is left.
        let mut many = document(none.clone());
        for n in 0..100 {
            many[format!("m{n}")] = json!(n);
        }
        let left = document(none);
        differs(&many, &left, &("SET #document=:0", json!([left])));
    }

    #[test]
    fn the_whole_document_is_written_where_that_is_less() {
        // About as much counts as not less.
        let document = |value: i32| json!({"a": value, "b": "x".repeat(10)});
        differs(&document(1), &document(2), &("SET #document=:0", json!([document(2)])));
        let after = json!({"a": 2, "b": 3});
        differs(&json!({"a": 1, "b": 2}), &after, &("SET #document=:0", json!([after])));
        // There is more to set than one expression holds.
        let members = |value: i32| -> Value {
            (0..500).map(|n| (format!("m{n}"), json!(vec![value; 30]))).collect()
        };
        let mut after = members(2);
        after["long"] = json!("x".repeat(20_000));
        let mut before = members(1);
        before["long"] = after["long"].clone();
        differs(&before, &after, &("SET #document=:0", json!([after])));
    }
}
