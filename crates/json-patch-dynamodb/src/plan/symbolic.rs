//! A document that is not known, except for what a patch has done to it.
//!
//! Every place of the document holds what the stored document has somewhere (its *origin*), or a
//! value of the patch, or nothing. What an operation needs of the stored document becomes a
//! condition. What is not where it came from in the end becomes an action.

use std::{borrow::Cow, collections::BTreeMap, rc::Rc};

use json_patch::jsonptr::{Pointer, Token};
use serde_json::{Map, Value};

use super::{
    elements::{Added, Elements, Layout, Source, Touched},
    expression::{Clauses, Lesson, ListEnd, Path, Stored, Type},
    guard::{self, Notes},
    obstacle::Obstacle,
};
use crate::{
    limits::Limits,
    pointer::index,
    rules::Rules,
    size::{CONTAINER_BYTES, ELEMENT_BYTES, depth, item_bytes, member_bytes},
};

/// About how many bytes a patch may take apart or copy while it is planned. Copies of copies double
/// the document. Past this limit the plan is Rewrite, which measures the document.
const MAX_COST: usize = 1024 * 1024;

/// About how many bytes one node takes in memory.
const NODE_COST: usize = 256;

/// The longest numeric token that is guessed to be an index. Longer ones are rather years and codes.
const MAX_GUESSED_DIGITS: usize = 3;

/// The most parts of one stored array that are kept apart. An expression holds about a hundred changes.
const MAX_PARTS: usize = 300;

/// An index past the end of every array: what is set there is appended ("Update expressions", DynamoDB
/// Developer Guide). Several are appended in the order of their indexes.
const PAST_THE_END: usize = 1_000_000;

/// What is at a place of the document.
#[derive(Debug, Clone)]
pub(super) enum Node<'p> {
    /// What the stored document has at `origin`, with all that has happened below it since. It is
    /// `in_place` unless a `copy` or a `move` has put it where it is.
    Stored { origin: Path, contents: Contents<'p>, in_place: bool },
    /// A value of the patch.
    Value(&'p Value),
    /// An object of which every member is known here.
    Object(BTreeMap<Rc<str>, Node<'p>>),
    /// An array of which every element is known here.
    Array(Vec<Node<'p>>),
}

/// What is known of a stored value, and what has happened to it.
#[derive(Debug, Clone)]
pub(super) enum Contents<'p> {
    /// Nothing has happened, and no operation has needed to know whether it is an object or an array.
    Unknown,
    /// It is an object. These members were looked at; a member that is gone is `None`.
    Members(BTreeMap<Rc<str>, Option<Node<'p>>>),
    /// It is an array.
    Elements(Elements<Node<'p>>),
}

#[derive(Debug)]
pub(super) struct SymbolicDocument<'p> {
    root: Node<'p>,
    clauses: Clauses<'p>,
    cost: usize,
}

impl<'p> SymbolicDocument<'p> {
    /// A stored document of which `clauses` says what is known.
    pub(super) fn new(clauses: Clauses<'p>) -> Self {
        // The document itself is always an object.
        let contents = Contents::Members(BTreeMap::new());
        let root = Node::Stored { origin: Path::default(), contents, in_place: true };
        Self { root, clauses, cost: 0 }
    }

    /// Adds `value` at `path` (RFC 6902 4.1).
    pub(super) fn add(&mut self, path: &Pointer, mut value: Node<'p>) -> Result<(), Obstacle> {
        if let Node::Stored { in_place, .. } = &mut value {
            *in_place = false;
        }
        let Some((parent, last)) = path.split_back() else {
            match &value {
                Node::Stored { origin, .. } => self.clauses.is_of_type(origin, Type::Map)?,
                Node::Value(Value::Object(_)) | Node::Object(_) => {}
                Node::Value(_) | Node::Array(_) => return Err(Obstacle::Contradiction),
            }
            self.root = value;
            return Ok(());
        };
        let last = last.decoded();
        let (parent, clauses) = self.open(parent)?;
        match parent {
            Node::Object(members) => {
                members.insert(last.into(), value);
            }
            Node::Array(elements) => match index(&last) {
                Some(index) if index <= elements.len() => elements.insert(index, value),
                None if last == "-" => elements.push(value),
                _ => return Err(Obstacle::Contradiction),
            },
            Node::Stored { origin, contents, .. } => {
                contents.open(origin, &last, true, clauses);
                match contents {
                    Contents::Members(members) => {
                        if !origin.is_root() {
                            clauses.is_of_type(origin, Type::Map)?;
                        }
                        members.insert(last.into(), Some(value));
                    }
                    Contents::Elements(elements) if last == "-" => {
                        clauses.is_of_type(origin, Type::List)?;
                        elements.append(value);
                    }
                    Contents::Elements(elements) => {
                        let Some(index) = index(&last) else {
                            return Err(clauses.is_no_list(origin));
                        };
                        if elements.guessed_end().is_some_and(|end| index > end) {
                            clauses.learn(origin, Lesson::GrowsWithin);
                        }
                        limit_parts(elements)?;
                        match elements.insert(index, value)? {
                            Added::Inserted { proof: Some(last) } => {
                                clauses.exists(&origin.element(last))?;
                            }
                            // All elements of the front are proven to be there, if there are any.
                            Added::Inserted { proof: None } if index == 0 => {
                                clauses.is_of_type(origin, Type::List)?;
                            }
                            Added::Inserted { proof: None } => {}
                            Added::OfLength(length) => clauses.is_list_of(origin, length)?,
                        }
                    }
                    Contents::Unknown => return Err(Obstacle::Contradiction),
                }
            }
            Node::Value(_) => return Err(Obstacle::Contradiction),
        }
        Ok(())
    }

    /// Replaces what is at `path` (RFC 6902 4.3).
    pub(super) fn replace(&mut self, path: &Pointer, value: &'p Value) -> Result<(), Obstacle> {
        *self.existing(path)? = Node::Value(value);
        Ok(())
    }

    /// Removes what is at `path`, and gives it back (RFC 6902 4.2 and 4.4).
    pub(super) fn take(&mut self, path: &Pointer) -> Result<Node<'p>, Obstacle> {
        let (parent, last) = path.split_back().ok_or(Obstacle::Contradiction)?;
        let (parent, clauses) = self.open(parent)?;
        entry(parent, &last, clauses)?.demand(clauses)?;
        let last = last.decoded();
        let value = match parent {
            Node::Object(members) => members.remove(&*last),
            Node::Array(elements) => index(&last).map(|index| elements.remove(index)),
            Node::Stored { contents: Contents::Members(members), .. } => {
                members.insert(last.into(), None).flatten()
            }
            Node::Stored { contents: Contents::Elements(elements), .. } => {
                index(&last).and_then(|index| elements.remove(index))
            }
            Node::Stored { contents: Contents::Unknown, .. } | Node::Value(_) => None,
        };
        value.ok_or(Obstacle::Contradiction)
    }

    /// A copy of what is at `path` (RFC 6902 4.5).
    pub(super) fn copy(&mut self, path: &Pointer) -> Result<Node<'p>, Obstacle> {
        let Self { root, clauses, cost } = self;
        let node = descend(root, path, clauses, cost)?;
        node.demand(clauses)?;
        // A copy of copies doubles, so it is counted before it is made.
        spend(cost, node.size() * NODE_COST)?;
        Ok(node.clone())
    }

    /// Whether `path` leads to a member of an object, or to the document itself. There a value takes
    /// the place of another.
    pub(super) fn is_member(&mut self, path: &Pointer) -> Result<bool, Obstacle> {
        let Some((parent, last)) = path.split_back() else { return Ok(true) };
        let (parent, clauses) = self.open(parent)?;
        Ok(match parent {
            Node::Object(_) => true,
            Node::Stored { origin, contents, .. } => {
                contents.open(origin, &last.decoded(), true, clauses);
                matches!(contents, Contents::Members(_))
            }
            Node::Array(_) | Node::Value(_) => false,
        })
    }

    pub(super) fn check_exists(&mut self, path: &Pointer) -> Result<(), Obstacle> {
        self.existing(path).map(|_| ())
    }

    /// Tests that what is at `path` equals `value` (RFC 6902 4.6).
    pub(super) fn test(&mut self, path: &Pointer, value: &'p Value) -> Result<(), Obstacle> {
        let (node, clauses) = self.walk(path)?;
        check_equal(node, value, clauses)
    }

    /// Merges an object into the document, to which nothing has happened yet (RFC 7396 2).
    pub(super) fn merge(&mut self, object: &'p Value) -> Result<(), Obstacle> {
        let Self { root, clauses, cost } = self;
        merge(root, object, clauses, cost)
    }

    /// Adds the actions that make this document of the stored one.
    pub(super) fn write(&mut self, limits: &Limits) -> Result<(), Obstacle> {
        Writer { clauses: &mut self.clauses, limits }.write(&self.root, Path::default())
    }

    /// Adds the conditions under which this document breaks no rule that the stored one keeps.
    /// `notes` take what has become of each rule.
    pub(super) fn keep(&mut self, rules: &Rules, notes: &mut impl Notes) -> Result<(), Obstacle> {
        guard::keep(rules, &self.root, &mut self.clauses, notes)
    }

    /// The clauses of the update from the stored document to this one.
    pub(super) fn into_clauses(self) -> Clauses<'p> {
        self.clauses
    }

    /// The value at `path`, of which a condition proves that it is there.
    fn existing(&mut self, path: &Pointer) -> Result<&mut Node<'p>, Obstacle> {
        let (node, clauses) = self.walk(path)?;
        node.demand(clauses)?;
        Ok(node)
    }

    /// The value at `path` as one whose members or elements can change one by one.
    fn open(&mut self, path: &Pointer) -> Result<(&mut Node<'p>, &mut Clauses<'p>), Obstacle> {
        let Self { root, clauses, cost } = self;
        let node = descend(root, path, clauses, cost)?;
        take_apart(node, cost)?;
        Ok((node, clauses))
    }

    fn walk(&mut self, path: &Pointer) -> Result<(&mut Node<'p>, &mut Clauses<'p>), Obstacle> {
        let Self { root, clauses, cost } = self;
        Ok((descend(root, path, clauses, cost)?, clauses))
    }
}

impl<'p> Node<'p> {
    /// What the stored document has at `origin`, in its place.
    fn stored(origin: Path) -> Self {
        Self::Stored { origin, contents: Contents::Unknown, in_place: true }
    }

    /// Whether this is what the stored document has at `place`, whatever has happened below it.
    pub(super) fn is_stored_at(&self, place: &Path) -> bool {
        matches!(self, Self::Stored { origin, .. } if origin == place)
    }

    /// Whether a `copy` or a `move` has put a stored value where it is.
    pub(super) fn has_moved(&self) -> bool {
        matches!(self, Self::Stored { in_place: false, .. })
    }

    /// Demands that the stored document has what this node refers to.
    fn demand(&self, clauses: &mut Clauses<'p>) -> Result<(), Obstacle> {
        match self {
            Self::Stored { origin, .. } if !origin.is_root() => clauses.exists(origin),
            _ => Ok(()),
        }
    }

    /// How many parts this node has in memory, itself counted.
    fn size(&self) -> usize {
        1 + match self {
            Node::Value(_) | Node::Stored { contents: Contents::Unknown, .. } => 0,
            Node::Object(members) => members.values().map(Self::size).sum(),
            Node::Array(elements) => elements.iter().map(Self::size).sum(),
            Node::Stored { contents: Contents::Members(members), .. } => {
                // A member that is gone is remembered too.
                members.values().map(|node| node.as_ref().map_or(1, Self::size)).sum()
            }
            Node::Stored { contents: Contents::Elements(elements), .. } => {
                elements.stored_parts() + elements.nodes().map(Self::size).sum::<usize>()
            }
        }
    }

    /// How many bytes the node takes in an item, as far as that is known. Above `limit` it is any
    /// number above `limit`.
    fn known_bytes(&self, limit: usize) -> usize {
        let sum = |entries: &mut dyn Iterator<Item = (usize, &Node<'p>)>| {
            let mut bytes = CONTAINER_BYTES;
            while bytes <= limit
                && let Some((entry, node)) = entries.next()
            {
                bytes += entry + node.known_bytes(limit);
            }
            bytes
        };
        match self {
            Node::Value(value) => item_bytes(value),
            Node::Object(members) => {
                sum(&mut members.iter().map(|(name, node)| (member_bytes(name, 0), node)))
            }
            Node::Array(elements) => sum(&mut elements.iter().map(|node| (ELEMENT_BYTES, node))),
            Node::Stored { .. } => 0,
        }
    }

    /// The node's value, where no part of it is from the stored document.
    pub(super) fn value(&self) -> Result<Cow<'p, Value>, Obstacle> {
        Ok(match self {
            Node::Value(value) => Cow::Borrowed(*value),
            Node::Object(members) => {
                let members = members
                    .iter()
                    .map(|(name, node)| Ok((name.to_string(), node.value()?.into_owned())));
                Cow::Owned(Value::Object(members.collect::<Result<Map<_, _>, _>>()?))
            }
            Node::Array(elements) => {
                let elements = elements.iter().map(|node| Ok(node.value()?.into_owned()));
                Cow::Owned(Value::Array(elements.collect::<Result<_, _>>()?))
            }
            Node::Stored { .. } => return Err(Obstacle::StoredInNew),
        })
    }
}

impl Touched for Node<'_> {
    fn is_as_stored(&self) -> bool {
        matches!(self, Node::Stored { contents, in_place: true, .. } if contents.are_unchanged())
    }

    fn is_value(&self) -> bool {
        match self {
            Node::Value(_) => true,
            Node::Object(members) => members.values().all(Self::is_value),
            Node::Array(elements) => elements.iter().all(Self::is_value),
            Node::Stored { .. } => false,
        }
    }
}

impl Contents<'_> {
    /// Takes the unknown value that is stored at `origin` for an object or an array, as `token` leads
    /// into it. With `end`, `-` leads past the end of an array, and to nothing else (RFC 6901 4).
    ///
    /// A numeric token may be an index or a member name, and a pointer does not say which: this is the
    /// only guess. DynamoDB's paths tell indexes from names, so the condition that comes with every
    /// use fails where the guess was wrong.
    fn open(&mut self, origin: &Path, token: &str, end: bool, clauses: &mut Clauses<'_>) {
        if let Contents::Unknown = self {
            let is_index = index(token).is_some();
            let is_end = end && token == "-";
            let default = if is_end || is_index && token.len() <= MAX_GUESSED_DIGITS {
                Type::List
            } else {
                Type::Map
            };
            *self = match clauses.take_for(origin, default, !is_end && !is_index) {
                Stored::Map => Contents::Members(BTreeMap::new()),
                Stored::List { length, hinted, grows_within } => {
                    Contents::Elements(Elements::new(length, hinted, grows_within))
                }
            };
        }
    }

    /// Whether nothing has happened, except that members or elements were looked at.
    pub(super) fn are_unchanged(&self) -> bool {
        match self {
            Contents::Unknown => true,
            Contents::Members(members) => {
                members.values().all(|node| node.as_ref().is_some_and(Touched::is_as_stored))
            }
            Contents::Elements(elements) => elements.are_unchanged(),
        }
    }
}

/// The node at `path` below `node`.
fn descend<'n, 'p>(
    mut node: &'n mut Node<'p>,
    path: &Pointer,
    clauses: &mut Clauses<'p>,
    cost: &mut usize,
) -> Result<&'n mut Node<'p>, Obstacle> {
    for token in path.tokens() {
        take_apart(node, cost)?;
        node = entry(node, &token, clauses)?;
    }
    Ok(node)
}

/// The member or element `token` of `node`, which was taken apart.
fn entry<'n, 'p>(
    node: &'n mut Node<'p>,
    token: &Token<'_>,
    clauses: &mut Clauses<'p>,
) -> Result<&'n mut Node<'p>, Obstacle> {
    let token = token.decoded();
    match node {
        Node::Object(members) => members.get_mut(&*token).ok_or(Obstacle::Contradiction),
        Node::Array(elements) => elements
            .get_mut(index(&token).ok_or(Obstacle::Contradiction)?)
            .ok_or(Obstacle::Contradiction),
        Node::Value(_) => Err(Obstacle::Contradiction),
        Node::Stored { origin, contents, .. } => {
            contents.open(origin, &token, false, clauses);
            match contents {
                Contents::Elements(elements) => {
                    let Some(index) = index(&token) else {
                        return Err(clauses.is_no_list(origin));
                    };
                    if elements.guessed_end().is_some_and(|end| index >= end) {
                        clauses.learn(origin, Lesson::GrowsWithin);
                    }
                    limit_parts(elements)?;
                    let node = |stored| Node::stored(origin.element(stored));
                    elements.at(index, node).ok_or(Obstacle::Contradiction)
                }
                Contents::Members(members) => {
                    let name = clauses.name(&token);
                    let node = || Some(Node::stored(origin.member(name)));
                    members
                        .entry(token.into())
                        .or_insert_with(node)
                        .as_mut()
                        .ok_or(Obstacle::Contradiction)
                }
                Contents::Unknown => Err(Obstacle::Contradiction),
            }
        }
    }
}

/// Ends the planning where more of a stored array has changed than one expression has room for.
fn limit_parts(elements: &Elements<Node<'_>>) -> Result<(), Obstacle> {
    if elements.stored_parts() > MAX_PARTS { Err(Obstacle::NoRoom) } else { Ok(()) }
}

/// Merges `object` into `node`, a stored value to which nothing has happened. It is guessed to be an
/// object. What is none would be replaced by one.
fn merge<'p>(
    node: &mut Node<'p>,
    object: &'p Value,
    clauses: &mut Clauses<'p>,
    cost: &mut usize,
) -> Result<(), Obstacle> {
    let (Node::Stored { origin, contents, .. }, Value::Object(object)) = (node, object) else {
        return Err(Obstacle::Contradiction);
    };
    spend(cost, object.keys().map(|name| NODE_COST + name.len()).sum())?;
    if !origin.is_root() {
        clauses.guess_object(origin);
        // The condition of an object below says that this one is there.
        if !object.values().any(Value::is_object) {
            clauses.is_of_type(origin, Type::Map)?;
        }
    }
    let mut members = BTreeMap::new();
    for (name, value) in object {
        let node = match value {
            Value::Null => None,
            Value::Object(_) => {
                let mut node = Node::stored(origin.member(clauses.name(name)));
                merge(&mut node, value, clauses, cost)?;
                Some(node)
            }
            value => Some(Node::Value(value)),
        };
        members.insert(name.as_str().into(), node);
    }
    *contents = Contents::Members(members);
    Ok(())
}

/// Makes an object or array of the patch one whose entries can change one by one.
fn take_apart(node: &mut Node<'_>, cost: &mut usize) -> Result<(), Obstacle> {
    let apart = match node {
        Node::Value(Value::Object(members)) => {
            spend(cost, members.keys().map(|name| NODE_COST + name.len()).sum())?;
            let members =
                members.iter().map(|(name, value)| (name.as_str().into(), Node::Value(value)));
            Node::Object(members.collect())
        }
        Node::Value(Value::Array(elements)) => {
            spend(cost, elements.len() * NODE_COST)?;
            Node::Array(elements.iter().map(Node::Value).collect())
        }
        _ => return Ok(()),
    };
    *node = apart;
    Ok(())
}

fn spend(cost: &mut usize, more: usize) -> Result<(), Obstacle> {
    *cost += more;
    if *cost > MAX_COST { Err(Obstacle::TooMuchWork) } else { Ok(()) }
}

/// Proves that `node` equals `value`.
fn check_equal<'p>(
    node: &Node<'p>,
    value: &'p Value,
    clauses: &mut Clauses<'p>,
) -> Result<(), Obstacle> {
    match (node, value) {
        (Node::Stored { origin, contents, .. }, _) if contents.are_unchanged() => {
            clauses.equals(origin, value)
        }
        (Node::Value(known), _) if *known == value => Ok(()),
        (Node::Object(members), Value::Object(expected)) if members.len() == expected.len() => {
            members.iter().try_for_each(|(name, node)| {
                check_equal(node, expected.get(&**name).ok_or(Obstacle::Contradiction)?, clauses)
            })
        }
        (Node::Array(elements), Value::Array(expected)) if elements.len() == expected.len() => {
            let mut pairs = elements.iter().zip(expected);
            pairs.try_for_each(|(node, value)| check_equal(node, value, clauses))
        }
        (Node::Stored { .. }, _) => Err(Obstacle::TestedAfterChange),
        _ => Err(Obstacle::Contradiction),
    }
}

/// Turns a document into actions.
struct Writer<'c, 'p> {
    clauses: &'c mut Clauses<'p>,
    limits: &'c Limits,
}

impl<'p> Writer<'_, 'p> {
    /// Adds the actions that make what is stored at `place` what `node` says.
    fn write(&mut self, node: &Node<'p>, place: Path) -> Result<(), Obstacle> {
        match node {
            Node::Stored { origin, contents, .. } if *origin == place => match contents {
                // Nothing has happened to an unknown value in its place.
                Contents::Unknown => Ok(()),
                Contents::Members(members) => members.iter().try_for_each(|(name, node)| {
                    let place = place.member(self.clauses.name(name));
                    match node {
                        Some(node) => self.write(node, place)?,
                        None => self.clauses.remove(place),
                    }
                    Ok(())
                }),
                Contents::Elements(elements) => self.write_elements(elements, &place),
            },
            _ => self.put(node, place),
        }
    }

    /// Adds the actions that make the array that is stored at `place` what `elements` says.
    fn write_elements(
        &mut self,
        elements: &Elements<Node<'p>>,
        place: &Path,
    ) -> Result<(), Obstacle> {
        let mut elements = Cow::Borrowed(elements);
        if let Some(length) = elements.length_to_ask_for() {
            elements.to_mut().become_whole(length).ok_or(Obstacle::ElementsMove)?;
            self.clauses.is_list_of(place, length)?;
        }
        let layout = elements.layout().ok_or(Obstacle::ElementsMove)?;
        if let Some((end, nodes)) = extension(&layout) {
            return self.extend(place, place.clone(), end, &nodes);
        }
        for (index, source) in layout.set {
            let to = place.element(index);
            match source {
                Source::Own(node) => self.write(node, to)?,
                ref source => self.put_element(source, place, to)?,
            }
        }
        // Every index in one `REMOVE` is an index of the stored array.
        for index in layout.removed {
            self.clauses.remove(place.element(index));
        }
        // `list_append` would overlap with the other paths. An index past the end appends.
        for (number, source) in layout.appended.iter().enumerate() {
            self.put_element(source, place, place.element(PAST_THE_END + number))?;
        }
        Ok(())
    }

    /// Writes an element of the array that is stored at `array` to `place`.
    fn put_element(
        &mut self,
        source: &Source<'_, Node<'p>>,
        array: &Path,
        place: Path,
    ) -> Result<(), Obstacle> {
        match source {
            Source::Own(node) | Source::Other(node) => self.put(node, place),
            Source::Stored(from) => {
                self.clauses.copy(array.element(*from), place);
                Ok(())
            }
        }
    }

    /// Writes `node` to `place`, wherever it comes from.
    fn put(&mut self, node: &Node<'p>, place: Path) -> Result<(), Obstacle> {
        match node {
            // How deep the value is nested in itself is not known. DynamoDB refuses the update where
            // that is too deep.
            Node::Stored { origin, contents, .. } if contents.are_unchanged() => {
                if *origin != place {
                    self.clauses.copy(origin.clone(), place);
                }
                Ok(())
            }
            Node::Stored { origin, contents: Contents::Elements(elements), .. } => {
                let layout = elements.layout().ok_or(Obstacle::ChangedElsewhere)?;
                let (end, nodes) = extension(&layout).ok_or(Obstacle::ChangedElsewhere)?;
                self.extend(origin, place, end, &nodes)
            }
            // A value cannot be put somewhere and changed there by one update: the paths would overlap.
            Node::Stored { .. } => Err(Obstacle::ChangedElsewhere),
            Node::Value(_) | Node::Object(_) | Node::Array(_) => {
                let value = self.limited(node, place.levels())?;
                self.clauses.set(place, value);
                Ok(())
            }
        }
    }

    /// Writes the array that is stored at `origin` to `place`, with the values of `nodes` at one end.
    fn extend(
        &mut self,
        origin: &Path,
        place: Path,
        end: ListEnd,
        nodes: &[&Node<'p>],
    ) -> Result<(), Obstacle> {
        let levels = place.levels() + 1;
        let values = nodes.iter().map(|node| Ok(self.limited(node, levels)?.into_owned()));
        let values = Value::Array(values.collect::<Result<_, _>>()?);
        self.clauses.extend(origin.clone(), place, end, values);
        Ok(())
    }

    /// The value of `node`, which will lie in `levels` objects and arrays. Fails where the value is
    /// too deep for any item, or too large with all else that is written. Rewrite then tells which
    /// of the two it is.
    fn limited(&mut self, node: &Node<'p>, levels: usize) -> Result<Cow<'p, Value>, Obstacle> {
        let most = self.limits.item_bytes;
        self.clauses.count_value(node.known_bytes(most), most)?;
        let value = node.value()?;
        if levels + depth(&value) > self.limits.depth {
            Err(Obstacle::ValuesTooLarge)
        } else {
            Ok(value)
        }
    }
}

/// The end of the stored array at which `layout` adds values, where it does nothing else, and these.
fn extension<'n, 'p>(layout: &Layout<'n, Node<'p>>) -> Option<(ListEnd, Vec<&'n Node<'p>>)> {
    if !layout.prepended.is_empty() {
        return Some((ListEnd::Front, layout.prepended.clone()));
    }
    let is_all = layout.set.is_empty() && layout.removed.is_empty();
    let values = layout.appended.iter().map(|source| match source {
        Source::Other(node) if node.is_value() => Some(*node),
        _ => None,
    });
    let values: Vec<_> = values.collect::<Option<_>>()?;
    (is_all && !values.is_empty()).then_some((ListEnd::Back, values))
}
