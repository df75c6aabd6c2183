//! A document that is not known, with what a patch has done to it.
//!
//! Every place is what the stored document has somewhere (its *origin*), or a value of the patch,
//! or gone. What an operation needs of the stored document becomes a guard; what is not where it
//! came from in the end becomes an action.
//!
//! A numeric token may be an array index or a member name, and the pointer does not say which. A
//! guess is made when the token is first met; as an index and a member name are different paths to
//! DynamoDB, the guard that comes with every use fails where the guess was wrong.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use json_patch::jsonptr::Pointer;
use serde_json::{Map, Value};

use super::expression::{Clauses, DOCUMENT, Update};
use crate::document::{MAX_DEPTH, MAX_ITEM_BYTES, depth, item_bytes};

/// One update cannot say it, or the patch fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beyond;

/// How many bytes, about, a patch may take apart or copy while it is planned. Copies of copies
/// double; past this the plan is Rewrite, which measures the document.
const MAX_COST: usize = 1024 * 1024;

/// What a node takes, about.
const NODE_COST: usize = 256;

/// The longest numeric token that is guessed to be an index: no item has room for more elements.
const MAX_INDEX_DIGITS: usize = 6;

/// What is at a place of the document.
#[derive(Debug, Clone)]
pub(super) enum Node<'p> {
    /// What the stored document has at `origin`, inside of `levels` objects and arrays, but for what
    /// has happened below it since; `in_place` where it still has the place in its parent that it
    /// had there.
    Old { origin: String, levels: usize, below: Below<'p>, in_place: bool },
    /// A value of the patch.
    Known(&'p Value),
    /// An object whose members are all known here.
    Object(BTreeMap<Rc<str>, Node<'p>>),
    /// An array whose elements are all known here.
    Array(Vec<Node<'p>>),
}

/// What has happened below a place.
#[derive(Debug, Clone)]
pub(super) enum Below<'p> {
    /// Nothing, and whether it is an object or an array was not needed yet.
    Untouched,
    /// Of an object: the members that were looked at, none where it is gone.
    Members(BTreeMap<Rc<str>, Option<Node<'p>>>),
    /// Of an array.
    Elements(Elements<'p>),
}

/// Elements of a stored array, by their index there.
#[derive(Debug, Clone, Default)]
pub(super) struct Elements<'p> {
    looked_at: BTreeMap<usize, Node<'p>>,
    removed: BTreeSet<usize>,
    appended: Vec<Node<'p>>,
}

impl Elements<'_> {
    /// The index in the stored array of what is at `index` now.
    fn stored_index(&self, index: usize) -> usize {
        self.removed.iter().fold(index, |index, removed| index + usize::from(*removed <= index))
    }
}

#[derive(Debug)]
pub(super) struct Symbolic<'p> {
    root: Node<'p>,
    clauses: Clauses<'p>,
    cost: usize,
}

impl<'p> Symbolic<'p> {
    pub(super) fn new() -> Self {
        // The document itself is always an object.
        let below = Below::Members(BTreeMap::new());
        let root = Node::Old { origin: DOCUMENT.to_owned(), levels: 0, below, in_place: true };
        Self { root, clauses: Clauses::default(), cost: 0 }
    }

    /// RFC 6902 4.1.
    pub(super) fn add(&mut self, path: &Pointer, mut value: Node<'p>) -> Result<(), Beyond> {
        if let Node::Old { in_place, .. } = &mut value {
            *in_place = false;
        }
        let Some((parent, last)) = path.split_back() else {
            match &value {
                Node::Old { origin, .. } => self.clauses.is_object(origin)?,
                Node::Known(Value::Object(_)) | Node::Object(_) => {}
                Node::Known(_) | Node::Array(_) => return Err(Beyond),
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
                _ => return Err(Beyond),
            },
            Node::Old { origin, below, .. } => {
                if matches!(below, Below::Untouched) && last == "-" {
                    *below = Below::Elements(Elements::default());
                } else if matches!(below, Below::Untouched) && index(&last).is_none() {
                    *below = Below::Members(BTreeMap::new());
                }
                match below {
                    Below::Members(members) => {
                        if origin != DOCUMENT {
                            clauses.is_object(origin)?;
                        }
                        members.insert(last.into(), Some(value));
                    }
                    Below::Elements(elements) if last == "-" => {
                        clauses.is_array(origin)?;
                        elements.appended.push(value);
                    }
                    // An insertion, which no expression says.
                    Below::Elements(_) | Below::Untouched => return Err(Beyond),
                }
            }
            Node::Known(_) => return Err(Beyond),
        }
        Ok(())
    }

    /// RFC 6902 4.3.
    pub(super) fn replace(&mut self, path: &Pointer, value: &'p Value) -> Result<(), Beyond> {
        *self.existing(path)? = Node::Known(value);
        Ok(())
    }

    /// What is at `path`, which is there no longer (RFC 6902 4.2 and 4.4).
    pub(super) fn take(&mut self, path: &Pointer) -> Result<Node<'p>, Beyond> {
        let value = self.existing(path)?.clone();
        // A place of the stored document is proven; below known values a copy was made.
        let (parent, last) = path.split_back().ok_or(Beyond)?;
        let last = last.decoded();
        let (parent, _) = self.open(parent)?;
        match parent {
            Node::Object(members) => {
                members.remove(&*last);
            }
            Node::Array(elements) => {
                elements.remove(index(&last).ok_or(Beyond)?);
            }
            Node::Old { below: Below::Members(members), .. } => {
                members.insert(last.into(), None);
            }
            Node::Old { below: Below::Elements(elements), .. } => {
                let stored = elements.stored_index(index(&last).ok_or(Beyond)?);
                elements.looked_at.remove(&stored);
                elements.removed.insert(stored);
            }
            Node::Old { below: Below::Untouched, .. } | Node::Known(_) => return Err(Beyond),
        }
        self.count(&value)?;
        Ok(value)
    }

    /// What is at `path`, and stays there (RFC 6902 4.5).
    pub(super) fn copy(&mut self, path: &Pointer) -> Result<Node<'p>, Beyond> {
        let value = self.existing(path)?.clone();
        self.count(&value)?;
        Ok(value)
    }

    pub(super) fn check_exists(&mut self, path: &Pointer) -> Result<(), Beyond> {
        self.existing(path).map(|_| ())
    }

    /// RFC 6902 4.6.
    pub(super) fn test(&mut self, path: &Pointer, value: &'p Value) -> Result<(), Beyond> {
        let (node, clauses) = self.walk(path)?;
        check_equal(node, value, clauses)
    }

    /// The update from the stored document to this one.
    pub(super) fn into_update(mut self) -> Result<Update<'p>, Beyond> {
        write(&self.root, DOCUMENT, 0, &mut self.clauses)?;
        Ok(self.clauses.finish())
    }

    /// The value at `path`, which is proven to be there.
    fn existing(&mut self, path: &Pointer) -> Result<&mut Node<'p>, Beyond> {
        let (node, clauses) = self.walk(path)?;
        match node {
            Node::Old { origin, .. } if origin != DOCUMENT => clauses.exists(origin)?,
            _ => {}
        }
        Ok(node)
    }

    /// The value at `path` as one that has something below it.
    fn open(&mut self, path: &Pointer) -> Result<(&mut Node<'p>, &mut Clauses<'p>), Beyond> {
        let Self { root, clauses, cost } = self;
        let node = descend(root, path, clauses, cost)?;
        take_apart(node, cost)?;
        Ok((node, clauses))
    }

    fn walk(&mut self, path: &Pointer) -> Result<(&mut Node<'p>, &mut Clauses<'p>), Beyond> {
        let Self { root, clauses, cost } = self;
        Ok((descend(root, path, clauses, cost)?, clauses))
    }

    /// Counts the copy of `node` that was made.
    fn count(&mut self, node: &Node<'_>) -> Result<(), Beyond> {
        spend(&mut self.cost, node.size() * NODE_COST)
    }
}

impl<'p> Node<'p> {
    /// What the stored document has at `origin`, inside of `levels` objects and arrays, in its place.
    fn stored(origin: String, levels: usize) -> Self {
        Self::Old { origin, levels, below: Below::Untouched, in_place: true }
    }

    /// How many nodes it is made of.
    fn size(&self) -> usize {
        1 + match self {
            Node::Known(_) | Node::Old { below: Below::Untouched, .. } => 0,
            Node::Object(members) => members.values().map(Self::size).sum(),
            Node::Array(elements) => elements.iter().map(Self::size).sum(),
            Node::Old { below: Below::Members(members), .. } => {
                members.values().flatten().map(Self::size).sum()
            }
            Node::Old { below: Below::Elements(elements), .. } => {
                let nodes = elements.looked_at.values().chain(&elements.appended);
                nodes.map(Self::size).sum::<usize>() + elements.removed.len()
            }
        }
    }

    /// Whether it is what the stored document has where its parent came from.
    fn is_as_stored(&self) -> bool {
        matches!(self, Node::Old { below, in_place: true, .. } if below.is_untouched())
    }

    /// How many bytes it takes in an item, as far as that is known, or some number above `limit`.
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
            Node::Known(value) => item_bytes(value),
            Node::Object(members) => {
                sum(&mut members.iter().map(|(name, node)| (name.len(), node)))
            }
            Node::Array(elements) => sum(&mut elements.iter().map(|node| (0, node))),
            Node::Old { .. } => 0,
        }
    }

    /// Its value, where no part of it is the stored document's.
    fn value(&self) -> Result<Cow<'p, Value>, Beyond> {
        Ok(match self {
            Node::Known(value) => Cow::Borrowed(*value),
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
            Node::Old { .. } => return Err(Beyond),
        })
    }
}

impl Below<'_> {
    /// Whether nothing has happened, other than being looked at.
    fn is_untouched(&self) -> bool {
        match self {
            Below::Untouched => true,
            Below::Members(members) => {
                members.values().all(|node| node.as_ref().is_some_and(Node::is_as_stored))
            }
            Below::Elements(elements) => {
                elements.removed.is_empty()
                    && elements.appended.is_empty()
                    && elements.looked_at.values().all(Node::is_as_stored)
            }
        }
    }
}

/// The node at `path` below `node`.
fn descend<'n, 'p>(
    mut node: &'n mut Node<'p>,
    path: &Pointer,
    clauses: &mut Clauses<'p>,
    cost: &mut usize,
) -> Result<&'n mut Node<'p>, Beyond> {
    for token in path.tokens() {
        let token = token.decoded();
        take_apart(node, cost)?;
        node = match node {
            Node::Object(members) => members.get_mut(&*token).ok_or(Beyond)?,
            Node::Array(elements) => {
                elements.get_mut(index(&token).ok_or(Beyond)?).ok_or(Beyond)?
            }
            Node::Known(_) => return Err(Beyond),
            Node::Old { origin, levels, below, .. } => {
                let levels = *levels + 1;
                if let Below::Untouched = below {
                    *below = match index(&token) {
                        Some(_) => Below::Elements(Elements::default()),
                        None => Below::Members(BTreeMap::new()),
                    };
                }
                match below {
                    Below::Elements(elements) => {
                        let stored = elements.stored_index(index(&token).ok_or(Beyond)?);
                        let node = || Node::stored(format!("{origin}[{stored}]"), levels);
                        elements.looked_at.entry(stored).or_insert_with(node)
                    }
                    Below::Members(members) => {
                        let path = clauses.member(origin, &token);
                        let node = || Some(Node::stored(path, levels));
                        members.entry(token.into()).or_insert_with(node).as_mut().ok_or(Beyond)?
                    }
                    Below::Untouched => return Err(Beyond),
                }
            }
        };
    }
    Ok(node)
}

/// Makes a known object or array one whose entries can change one by one.
fn take_apart(node: &mut Node<'_>, cost: &mut usize) -> Result<(), Beyond> {
    let Node::Known(value) = *node else { return Ok(()) };
    match value {
        Value::Object(members) => {
            spend(cost, members.keys().map(|name| NODE_COST + name.len()).sum())?;
        }
        Value::Array(elements) => spend(cost, elements.len() * NODE_COST)?,
        _ => return Ok(()),
    }
    let apart = match value {
        Value::Object(members) => Node::Object(
            members
                .iter()
                .map(|(name, value)| (name.as_str().into(), Node::Known(value)))
                .collect(),
        ),
        Value::Array(elements) => Node::Array(elements.iter().map(Node::Known).collect()),
        _ => return Ok(()),
    };
    *node = apart;
    Ok(())
}

fn spend(cost: &mut usize, more: usize) -> Result<(), Beyond> {
    *cost += more;
    if *cost > MAX_COST { Err(Beyond) } else { Ok(()) }
}

/// Proves that `node` equals `value`.
fn check_equal<'p>(
    node: &Node<'p>,
    value: &'p Value,
    clauses: &mut Clauses<'p>,
) -> Result<(), Beyond> {
    match (node, value) {
        (Node::Old { origin, below, .. }, _) if below.is_untouched() => {
            clauses.equals(origin, value)
        }
        (Node::Known(known), _) if *known == value => Ok(()),
        (Node::Object(members), Value::Object(expected)) if members.len() == expected.len() => {
            members.iter().try_for_each(|(name, node)| {
                check_equal(node, expected.get(&**name).ok_or(Beyond)?, clauses)
            })
        }
        (Node::Array(elements), Value::Array(expected)) if elements.len() == expected.len() => {
            let mut pairs = elements.iter().zip(expected);
            pairs.try_for_each(|(node, value)| check_equal(node, value, clauses))
        }
        _ => Err(Beyond),
    }
}

/// The actions that make what is stored at `place`, inside of `levels` objects and arrays, what
/// `node` says.
fn write<'p>(
    node: &Node<'p>,
    place: &str,
    levels: usize,
    clauses: &mut Clauses<'p>,
) -> Result<(), Beyond> {
    match node {
        Node::Old { below, in_place: true, .. } if below.is_untouched() => Ok(()),
        Node::Old { origin, levels: before, below, in_place: false } if below.is_untouched() => {
            // How deep it is nested in itself is not known: deeper than it was, it could pass the
            // limit.
            if levels > *before { Err(Beyond) } else { clauses.set_from(place, origin) }
        }
        // It cannot be put somewhere and changed there in one update: the paths would overlap.
        Node::Old { in_place: false, .. } | Node::Old { below: Below::Untouched, .. } => {
            Err(Beyond)
        }
        Node::Old { below: Below::Members(members), .. } => {
            members.iter().try_for_each(|(name, node)| {
                let place = clauses.member(place, name);
                match node {
                    Some(node) => write(node, &place, levels + 1, clauses),
                    None => clauses.remove(place),
                }
            })
        }
        Node::Old { below: Below::Elements(elements), .. } => {
            write_elements(elements, place, levels + 1, clauses)
        }
        Node::Known(_) | Node::Object(_) | Node::Array(_) => {
            let value = limited(node, levels, clauses)?;
            clauses.set(place, value)
        }
    }
}

fn write_elements<'p>(
    Elements { looked_at, removed, appended }: &Elements<'p>,
    place: &str,
    levels: usize,
    clauses: &mut Clauses<'p>,
) -> Result<(), Beyond> {
    let changed = !looked_at.values().all(Node::is_as_stored);
    match (changed, removed.is_empty(), appended.is_empty()) {
        (true, true, true) => looked_at.iter().try_for_each(|(index, node)| {
            write(node, &format!("{place}[{index}]"), levels, clauses)
        }),
        // Several indexes in one `REMOVE` are all indexes of the stored array.
        (false, false, true) => {
            removed.iter().try_for_each(|index| clauses.remove(format!("{place}[{index}]")))
        }
        (false, true, false) => {
            let values =
                appended.iter().map(|node| Ok(limited(node, levels, clauses)?.into_owned()));
            let values = values.collect::<Result<_, _>>()?;
            clauses.append(place, Value::Array(values))
        }
        (false, true, true) => Ok(()),
        // Their paths would overlap, or an element be meant that has moved.
        _ => Err(Beyond),
    }
}

/// The value of `node` where it is not too deep for any item, or too large with all else that is
/// written; Rewrite says which.
fn limited<'p>(
    node: &Node<'p>,
    levels: usize,
    clauses: &mut Clauses<'p>,
) -> Result<Cow<'p, Value>, Beyond> {
    clauses.count_value(node.known_bytes(MAX_ITEM_BYTES))?;
    let value = node.value()?;
    if levels + depth(&value) > MAX_DEPTH { Err(Beyond) } else { Ok(value) }
}

/// The array index that `token` may be.
fn index(token: &str) -> Option<usize> {
    let canonical = token.len() <= MAX_INDEX_DIGITS
        && token.bytes().all(|byte| byte.is_ascii_digit())
        && (token == "0" || !token.starts_with('0'));
    if canonical { token.parse().ok() } else { None }
}
