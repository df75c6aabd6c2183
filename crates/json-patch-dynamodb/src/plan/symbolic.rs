//! A document that is not known, except for what a patch has done to it.
//!
//! Every place of the document holds what the stored document has somewhere (its *origin*), or a
//! value of the patch, or nothing. What an operation needs of the stored document becomes a
//! condition. What is not where it came from in the end becomes an action.

use std::{borrow::Cow, collections::BTreeMap, rc::Rc};

use json_patch::jsonptr::{Pointer, Token};
use serde_json::{Map, Value};

use super::{
    elements::{Added, Elements, Layout, Source},
    expression::{Clauses, NotExpressible, Path, Type},
};
use crate::{
    limits::Limits,
    size::{depth, item_bytes},
};

/// About how many bytes a patch may take apart or copy while it is planned. Copies of copies double
/// the document. Past this limit the plan is Rewrite, which measures the document.
const MAX_COST: usize = 1024 * 1024;

/// About how many bytes one node takes in memory.
const NODE_COST: usize = 256;

/// The longest numeric token that is guessed to be an index: no item has room for more elements.
const MAX_INDEX_DIGITS: usize = 6;

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
    pub(super) fn new() -> Self {
        // The document itself is always an object.
        let contents = Contents::Members(BTreeMap::new());
        let root = Node::Stored { origin: Path::default(), contents, in_place: true };
        Self { root, clauses: Clauses::default(), cost: 0 }
    }

    /// Adds `value` at `path` (RFC 6902 4.1).
    pub(super) fn add(
        &mut self,
        path: &Pointer,
        mut value: Node<'p>,
    ) -> Result<(), NotExpressible> {
        if let Node::Stored { in_place, .. } = &mut value {
            *in_place = false;
        }
        let Some((parent, last)) = path.split_back() else {
            match &value {
                Node::Stored { origin, .. } => self.clauses.is_of_type(origin, Type::Map)?,
                Node::Value(Value::Object(_)) | Node::Object(_) => {}
                Node::Value(_) | Node::Array(_) => return Err(NotExpressible),
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
                _ => return Err(NotExpressible),
            },
            Node::Stored { origin, contents, .. } => {
                if last == "-" {
                    // `-` leads past the end of an array, and to nothing else (RFC 6901 4).
                    contents.become_array();
                } else {
                    contents.guess(&last);
                }
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
                        let index = index(&last).ok_or(NotExpressible)?;
                        match elements.insert(index, value).ok_or(NotExpressible)? {
                            Added::Inserted { proof: Some(last) } => {
                                clauses.exists(&origin.element(last))?;
                            }
                            // All elements of the front are proven to be there, if there are any.
                            Added::Inserted { proof: None } if index == 0 => {
                                clauses.is_of_type(origin, Type::List)?;
                            }
                            Added::Inserted { proof: None } => {}
                            Added::Appended { length } => {
                                clauses.is_of_type(origin, Type::List)?;
                                clauses.has_length(origin, length)?;
                            }
                        }
                    }
                    Contents::Unknown => return Err(NotExpressible),
                }
            }
            Node::Value(_) => return Err(NotExpressible),
        }
        Ok(())
    }

    /// Replaces what is at `path` (RFC 6902 4.3).
    pub(super) fn replace(
        &mut self,
        path: &Pointer,
        value: &'p Value,
    ) -> Result<(), NotExpressible> {
        *self.existing(path)? = Node::Value(value);
        Ok(())
    }

    /// Removes what is at `path`, and gives it back (RFC 6902 4.2 and 4.4).
    pub(super) fn take(&mut self, path: &Pointer) -> Result<Node<'p>, NotExpressible> {
        let (parent, last) = path.split_back().ok_or(NotExpressible)?;
        let (parent, clauses) = self.open(parent)?;
        let value = entry(parent, &last, clauses)?;
        value.demand(clauses)?;
        let value = value.clone();
        let last = last.decoded();
        match parent {
            Node::Object(members) => {
                members.remove(&*last);
            }
            Node::Array(elements) => {
                elements.remove(index(&last).ok_or(NotExpressible)?);
            }
            Node::Stored { contents: Contents::Members(members), .. } => {
                members.insert(last.into(), None);
            }
            Node::Stored { contents: Contents::Elements(elements), .. } => {
                elements.remove(index(&last).ok_or(NotExpressible)?);
            }
            Node::Stored { contents: Contents::Unknown, .. } | Node::Value(_) => {
                return Err(NotExpressible);
            }
        }
        self.count(&value)?;
        Ok(value)
    }

    /// A copy of what is at `path` (RFC 6902 4.5).
    pub(super) fn copy(&mut self, path: &Pointer) -> Result<Node<'p>, NotExpressible> {
        let value = self.existing(path)?.clone();
        self.count(&value)?;
        Ok(value)
    }

    pub(super) fn check_exists(&mut self, path: &Pointer) -> Result<(), NotExpressible> {
        self.existing(path).map(|_| ())
    }

    /// Tests that what is at `path` equals `value` (RFC 6902 4.6).
    pub(super) fn test(&mut self, path: &Pointer, value: &'p Value) -> Result<(), NotExpressible> {
        let (node, clauses) = self.walk(path)?;
        check_equal(node, value, clauses)
    }

    /// The clauses of the update from the stored document to this one.
    pub(super) fn into_clauses(mut self, limits: &Limits) -> Result<Clauses<'p>, NotExpressible> {
        Writer { clauses: &mut self.clauses, limits }.write(&self.root, Path::default())?;
        Ok(self.clauses)
    }

    /// The value at `path`, of which a condition proves that it is there.
    fn existing(&mut self, path: &Pointer) -> Result<&mut Node<'p>, NotExpressible> {
        let (node, clauses) = self.walk(path)?;
        node.demand(clauses)?;
        Ok(node)
    }

    /// The value at `path` as one whose members or elements can change one by one.
    fn open(
        &mut self,
        path: &Pointer,
    ) -> Result<(&mut Node<'p>, &mut Clauses<'p>), NotExpressible> {
        let Self { root, clauses, cost } = self;
        let node = descend(root, path, clauses, cost)?;
        take_apart(node, cost)?;
        Ok((node, clauses))
    }

    fn walk(
        &mut self,
        path: &Pointer,
    ) -> Result<(&mut Node<'p>, &mut Clauses<'p>), NotExpressible> {
        let Self { root, clauses, cost } = self;
        Ok((descend(root, path, clauses, cost)?, clauses))
    }

    /// Counts a copy that was made of `node`.
    fn count(&mut self, node: &Node<'_>) -> Result<(), NotExpressible> {
        spend(&mut self.cost, node.size() * NODE_COST)
    }
}

impl<'p> Node<'p> {
    /// What the stored document has at `origin`, in its place.
    fn stored(origin: Path) -> Self {
        Self::Stored { origin, contents: Contents::Unknown, in_place: true }
    }

    /// Demands that the stored document has what this node refers to.
    fn demand(&self, clauses: &mut Clauses<'p>) -> Result<(), NotExpressible> {
        match self {
            Self::Stored { origin, .. } if !origin.is_root() => clauses.exists(origin),
            _ => Ok(()),
        }
    }

    /// How many nodes this one is made of, itself counted.
    fn size(&self) -> usize {
        1 + match self {
            Node::Value(_) | Node::Stored { contents: Contents::Unknown, .. } => 0,
            Node::Object(members) => members.values().map(Self::size).sum(),
            Node::Array(elements) => elements.iter().map(Self::size).sum(),
            Node::Stored { contents: Contents::Members(members), .. } => {
                members.values().flatten().map(Self::size).sum()
            }
            Node::Stored { contents: Contents::Elements(elements), .. } => {
                elements.nodes().map(Self::size).sum()
            }
        }
    }

    /// Whether the node is unchanged, and where its parent had it in the stored document.
    fn is_as_stored(&self) -> bool {
        matches!(self, Node::Stored { contents, in_place: true, .. } if contents.are_unchanged())
    }

    /// How many bytes the node takes in an item, as far as that is known. Above `limit` it is any
    /// number above `limit`.
    fn known_bytes(&self, limit: usize) -> usize {
        let sum = |entries: &mut dyn Iterator<Item = (usize, &Node<'p>)>| {
            let mut bytes = 0;
            while bytes <= limit
                && let Some((name, node)) = entries.next()
            {
                bytes += 1 + name + node.known_bytes(limit);
            }
            bytes
        };
        match self {
            Node::Value(value) => item_bytes(value),
            Node::Object(members) => {
                sum(&mut members.iter().map(|(name, node)| (name.len(), node)))
            }
            Node::Array(elements) => sum(&mut elements.iter().map(|node| (0, node))),
            Node::Stored { .. } => 0,
        }
    }

    /// The node's value, where no part of it is from the stored document.
    fn value(&self) -> Result<Cow<'p, Value>, NotExpressible> {
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
            Node::Stored { .. } => return Err(NotExpressible),
        })
    }
}

impl Contents<'_> {
    /// Takes an unknown value for an object or an array. `token`, which leads into the value,
    /// decides.
    ///
    /// A numeric token may be an index or a member name, and a pointer does not say which. Here is the
    /// only guess: digits are an index. DynamoDB's paths tell indexes from names, so the condition
    /// that comes with every use fails where the guess was wrong.
    fn guess(&mut self, token: &str) {
        if let Contents::Unknown = self {
            *self = match index(token) {
                Some(_) => Contents::Elements(Elements::default()),
                None => Contents::Members(BTreeMap::new()),
            };
        }
    }

    /// Takes an unknown value for an array.
    fn become_array(&mut self) {
        if let Contents::Unknown = self {
            *self = Contents::Elements(Elements::default());
        }
    }

    /// Whether nothing has happened, except that members or elements were looked at.
    fn are_unchanged(&self) -> bool {
        match self {
            Contents::Unknown => true,
            Contents::Members(members) => {
                members.values().all(|node| node.as_ref().is_some_and(Node::is_as_stored))
            }
            Contents::Elements(elements) => elements.are_unchanged(Node::is_as_stored),
        }
    }
}

/// The node at `path` below `node`.
fn descend<'n, 'p>(
    mut node: &'n mut Node<'p>,
    path: &Pointer,
    clauses: &mut Clauses<'p>,
    cost: &mut usize,
) -> Result<&'n mut Node<'p>, NotExpressible> {
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
) -> Result<&'n mut Node<'p>, NotExpressible> {
    let token = token.decoded();
    match node {
        Node::Object(members) => members.get_mut(&*token).ok_or(NotExpressible),
        Node::Array(elements) => {
            elements.get_mut(index(&token).ok_or(NotExpressible)?).ok_or(NotExpressible)
        }
        Node::Value(_) => Err(NotExpressible),
        Node::Stored { origin, contents, .. } => {
            contents.guess(&token);
            match contents {
                Contents::Elements(elements) => {
                    let index = index(&token).ok_or(NotExpressible)?;
                    let node = |stored| Node::stored(origin.element(stored));
                    elements.at(index, node).ok_or(NotExpressible)
                }
                Contents::Members(members) => {
                    let name = clauses.name(&token);
                    let node = || Some(Node::stored(origin.member(name)));
                    members.entry(token.into()).or_insert_with(node).as_mut().ok_or(NotExpressible)
                }
                Contents::Unknown => Err(NotExpressible),
            }
        }
    }
}

/// Makes an object or array of the patch one whose entries can change one by one.
fn take_apart(node: &mut Node<'_>, cost: &mut usize) -> Result<(), NotExpressible> {
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

fn spend(cost: &mut usize, more: usize) -> Result<(), NotExpressible> {
    *cost += more;
    if *cost > MAX_COST { Err(NotExpressible) } else { Ok(()) }
}

/// Proves that `node` equals `value`.
fn check_equal<'p>(
    node: &Node<'p>,
    value: &'p Value,
    clauses: &mut Clauses<'p>,
) -> Result<(), NotExpressible> {
    match (node, value) {
        (Node::Stored { origin, contents, .. }, _) if contents.are_unchanged() => {
            clauses.equals(origin, value)
        }
        (Node::Value(known), _) if *known == value => Ok(()),
        (Node::Object(members), Value::Object(expected)) if members.len() == expected.len() => {
            members.iter().try_for_each(|(name, node)| {
                check_equal(node, expected.get(&**name).ok_or(NotExpressible)?, clauses)
            })
        }
        (Node::Array(elements), Value::Array(expected)) if elements.len() == expected.len() => {
            let mut pairs = elements.iter().zip(expected);
            pairs.try_for_each(|(node, value)| check_equal(node, value, clauses))
        }
        _ => Err(NotExpressible),
    }
}

/// Turns a document into actions.
struct Writer<'c, 'p> {
    clauses: &'c mut Clauses<'p>,
    limits: &'c Limits,
}

impl<'p> Writer<'_, 'p> {
    /// Adds the actions that make what is stored at `place` what `node` says.
    fn write(&mut self, node: &Node<'p>, place: Path) -> Result<(), NotExpressible> {
        match node {
            Node::Stored { contents, in_place: true, .. } if contents.are_unchanged() => Ok(()),
            Node::Stored { in_place: false, .. }
            | Node::Value(_)
            | Node::Object(_)
            | Node::Array(_) => self.put(node, place),
            // Nothing has happened to an unknown value in its place.
            Node::Stored { contents: Contents::Unknown, .. } => Ok(()),
            Node::Stored { contents: Contents::Members(members), .. } => {
                members.iter().try_for_each(|(name, node)| {
                    let place = place.member(self.clauses.name(name));
                    if let Some(node) = node {
                        return self.write(node, place);
                    }
                    self.clauses.remove(place);
                    Ok(())
                })
            }
            Node::Stored { contents: Contents::Elements(elements), .. } => {
                self.write_elements(elements, &place)
            }
        }
    }

    /// Adds the actions that make the array that is stored at `place` what `elements` says.
    fn write_elements(
        &mut self,
        elements: &Elements<Node<'p>>,
        place: &Path,
    ) -> Result<(), NotExpressible> {
        match elements.layout(Node::is_as_stored).ok_or(NotExpressible)? {
            Layout::Prepended(nodes) => {
                let values = self.values(nodes.into_iter(), place.levels() + 1)?;
                self.clauses.prepend(place.clone(), values);
            }
            Layout::Changed { set, removed, appended } => {
                let is_list_append = set.is_empty()
                    && removed.is_empty()
                    && appended.iter().all(|node| node.value().is_ok());
                for (index, source) in set {
                    let to = place.element(index);
                    match source {
                        Source::Own(node) => self.write(node, to)?,
                        Source::Other(node) => self.put(node, to)?,
                        Source::Stored(from) => self.clauses.copy(place.element(from), to),
                    }
                }
                // Every index in one `REMOVE` is an index of the stored array.
                for index in removed {
                    self.clauses.remove(place.element(index));
                }
                if is_list_append {
                    if !appended.is_empty() {
                        let values = self.values(appended.iter(), place.levels() + 1)?;
                        self.clauses.append(place.clone(), values);
                    }
                } else {
                    // `list_append` would overlap with the other paths. An index past the end appends.
                    for (number, node) in appended.iter().enumerate() {
                        self.put(node, place.element(PAST_THE_END + number))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes `node` to `place`, wherever it comes from.
    fn put(&mut self, node: &Node<'p>, place: Path) -> Result<(), NotExpressible> {
        match node {
            Node::Stored { origin, contents, .. } if contents.are_unchanged() => {
                // How deep the value is nested in itself is not known. In a deeper place it could
                // pass the limit.
                if place.levels() > origin.levels() {
                    return Err(NotExpressible);
                }
                self.clauses.copy(origin.clone(), place);
            }
            // A value cannot be put somewhere and changed there by one update: the paths would overlap.
            Node::Stored { .. } => return Err(NotExpressible),
            Node::Value(_) | Node::Object(_) | Node::Array(_) => {
                let value = self.limited(node, place.levels())?;
                self.clauses.set(place, value);
            }
        }
        Ok(())
    }

    /// An array of values that lie in `levels` objects and arrays.
    fn values<'n>(
        &mut self,
        nodes: impl Iterator<Item = &'n Node<'p>>,
        levels: usize,
    ) -> Result<Value, NotExpressible>
    where
        'p: 'n,
    {
        let values = nodes.map(|node| Ok(self.limited(node, levels)?.into_owned()));
        Ok(Value::Array(values.collect::<Result<_, _>>()?))
    }

    /// The value of `node`, which will lie in `levels` objects and arrays. Fails where the value is
    /// too deep for any item, or too large with all else that is written. Rewrite then tells which
    /// of the two it is.
    fn limited(
        &mut self,
        node: &Node<'p>,
        levels: usize,
    ) -> Result<Cow<'p, Value>, NotExpressible> {
        let most = self.limits.item_bytes;
        self.clauses.count_value(node.known_bytes(most), most)?;
        let value = node.value()?;
        if levels + depth(&value) > self.limits.depth { Err(NotExpressible) } else { Ok(value) }
    }
}

/// The array index that `token` may be.
fn index(token: &str) -> Option<usize> {
    let canonical = token.len() <= MAX_INDEX_DIGITS
        && token.bytes().all(|byte| byte.is_ascii_digit())
        && (token == "0" || !token.starts_with('0'));
    if canonical { token.parse().ok() } else { None }
}
