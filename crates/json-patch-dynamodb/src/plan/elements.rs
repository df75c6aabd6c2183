//! A stored array whose length is not known, with what a patch has done to it.

use std::ops::Range;

use super::obstacle::Obstacle;

/// The most elements that are moved because others were inserted or removed before them.
const MAX_MOVED: usize = 100;

/// The most elements after the front that move for one that is added after them. For one that is added
/// farther behind it is guessed that it comes after the last.
const MAX_SHIFT: usize = 16;

/// The elements of a stored array. `N` is what is known of one that a patch has touched.
#[derive(Debug, Clone)]
pub(super) struct Elements<N> {
    /// The front of the array in its present order. What comes after it is as it is stored.
    front: Vec<Part<N>>,
    /// How many elements of the stored array the front stands for.
    covered: usize,
    /// What comes after the stored elements.
    appended: Vec<N>,
    /// The length of the stored array, where a condition asks for it.
    length: Option<usize>,
    /// The length that the stored array is said to have. No condition asks for it yet.
    hinted: Option<usize>,
    /// Whether the front is the whole array, what was appended included. Then its length is known.
    is_whole: bool,
    /// Whether what is added at an index is not guessed to come last.
    grows_within: bool,
    /// Whether the length is a guess.
    is_guessed: bool,
}

#[derive(Debug, Clone)]
enum Part<N> {
    /// Elements that nothing has happened to, by their indexes in the stored array.
    Run(Range<usize>),
    /// An element that was touched. `home` is its index in the stored array, if it has one there.
    One { home: Option<usize>, node: N },
}

/// How an element came into the array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    /// Between elements, or before the first one.
    Inserted {
        /// An element of the stored array that has to be there for that: with it are all before it.
        proof: Option<usize>,
    },
    /// Where it can come only if the stored array has this length.
    OfLength(usize),
}

/// What makes the array of the stored one. Every index is one of the stored array.
#[derive(Debug, PartialEq)]
pub(super) struct Layout<'e, N> {
    /// These come before all others, which stay as they are.
    pub(super) prepended: Vec<&'e N>,
    /// These elements are set.
    pub(super) set: Vec<(usize, Source<'e, N>)>,
    /// These are removed.
    pub(super) removed: Vec<usize>,
    /// These come after all others.
    pub(super) appended: Vec<Source<'e, N>>,
}

/// What a stored array has become, by the indexes that its elements have now.
pub(super) struct Parts<'e, N> {
    /// Its front.
    pub(super) front: Vec<NowAt<'e, N>>,
    /// How many stored elements the front stands for. Those after it follow the front.
    pub(super) covered: usize,
    /// The index of the first element after the front.
    pub(super) others_from: usize,
    /// Whether the stored elements after the front had other indexes.
    pub(super) are_others_shifted: bool,
    /// What comes after all of them.
    pub(super) appended: &'e [N],
    /// How many elements there are more than before.
    pub(super) grown: usize,
    /// How many there are less.
    pub(super) shrunk: usize,
}

/// What is at some indexes of an array now.
pub(super) enum NowAt<'e, N> {
    /// Stored elements, from the index `at` on. `stored` are the indexes that they had.
    Stored { at: usize, stored: Range<usize> },
    /// An element that the patch has touched or added.
    Node { at: usize, node: &'e N },
}

/// An element that a patch has touched.
pub(super) trait Touched {
    /// Whether the element is unchanged, and where its array had it in the stored document.
    fn is_as_stored(&self) -> bool;

    /// Whether no part of the element is from the stored document.
    fn is_value(&self) -> bool;
}

/// What an element is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source<'e, N> {
    /// What has become of the element in its own place.
    Own(&'e N),
    /// An element from elsewhere.
    Other(&'e N),
    /// The element that is stored at this index.
    Stored(usize),
}

impl<N> Part<N> {
    fn len(&self) -> usize {
        match self {
            Self::Run(run) => run.len(),
            Self::One { .. } => 1,
        }
    }

    /// The element, if it came from elsewhere.
    fn new_node(&self) -> Option<&N> {
        match self {
            Self::One { home: None, node } => Some(node),
            _ => None,
        }
    }

    /// Which elements of the stored array these are; none of one that came from elsewhere.
    fn stored(&self) -> Option<Range<usize>> {
        match self {
            Self::Run(run) => Some(run.clone()),
            Self::One { home, .. } => home.map(|home| home..home + 1),
        }
    }
}

impl<N: Touched> Elements<N> {
    /// A stored array to which nothing has happened. `length` is its length where a condition asks for
    /// it, `hinted` where it is only said to be that.
    pub(super) fn new(length: Option<usize>, hinted: Option<usize>, grows_within: bool) -> Self {
        Self {
            front: Vec::new(),
            covered: 0,
            appended: Vec::new(),
            length,
            hinted,
            is_whole: false,
            grows_within,
            is_guessed: false,
        }
    }

    /// How many elements there are now, where the stored array has the length that was guessed.
    pub(super) fn guessed_end(&self) -> Option<usize> {
        let length = self.length.filter(|_| self.is_guessed)?;
        Some((self.front_len() + self.appended.len() + length).saturating_sub(self.covered))
    }

    /// The element at `index`, which is `stored` of its index in the stored array if nothing has
    /// happened to it yet; none where it is certainly no stored element.
    pub(super) fn at(&mut self, index: usize, stored: impl FnOnce(usize) -> N) -> Option<&mut N> {
        if let Some(length) = self.length {
            self.become_whole(length)?;
        }
        self.cover(index.checked_add(1)?)?;
        let place = self.split(index);
        self.split(index + 1);
        if let Part::Run(run) = &self.front[place] {
            let home = run.start;
            self.front[place] = Part::One { home: Some(home), node: stored(home) };
        }
        match &mut self.front[place] {
            Part::One { node, .. } => Some(node),
            Part::Run(_) => None,
        }
    }

    /// Removes the element at `index`, which [`Elements::at`] has looked at.
    pub(super) fn remove(&mut self, index: usize) -> Option<N> {
        let place = self.split(index);
        match self.front.remove(place) {
            Part::One { node, .. } => Some(node),
            Part::Run(_) => None,
        }
    }

    /// How many parts of the stored array are kept apart.
    pub(super) fn stored_parts(&self) -> usize {
        self.front.iter().filter(|part| part.new_node().is_none()).count()
    }

    /// Adds `node` at `index`.
    ///
    /// Where elements were removed before, it takes the place of one of them, and those between move.
    /// Otherwise, after the front, all that follow have to move, for which the length has to be known.
    /// Where it is not even hinted at, the element is guessed to come after the last one.
    pub(super) fn insert(&mut self, index: usize, node: N) -> Result<Added, Obstacle> {
        let front = self.front_len();
        // The length that the stored array has if the element comes after the last one.
        let guessed = (index + self.covered).checked_sub(front + self.appended.len());
        let has_room = self.length.is_none() && front < self.covered && index <= front + MAX_SHIFT;
        if index < front || index == 0 || has_room {
            return self.insert_within(index, node);
        }
        if let Some(length) = self.length.or(self.hinted)
            && guessed.is_none_or(|guessed| guessed < length)
        {
            self.become_whole(length).ok_or(Obstacle::Contradiction)?;
            self.put(index, node);
            return Ok(Added::OfLength(length));
        }
        match guessed {
            Some(length) if length >= self.covered && !self.grows_within => {
                if self.length.is_some_and(|known| known != length) {
                    return Err(Obstacle::Contradiction);
                }
                self.is_guessed |= self.length.is_none();
                self.length = Some(length);
                self.append(node);
                Ok(Added::OfLength(length))
            }
            _ => self.insert_within(index, node),
        }
    }

    /// Adds `node` before another element.
    fn insert_within(&mut self, index: usize, node: N) -> Result<Added, Obstacle> {
        let covered = self.covered;
        self.cover(index).ok_or(Obstacle::Contradiction)?;
        self.put(index, node);
        let proof = self.covered.checked_sub(1).filter(|_| self.covered > covered);
        Ok(Added::Inserted { proof })
    }

    fn put(&mut self, index: usize, node: N) {
        let place = self.split(index);
        self.front.insert(place, Part::One { home: None, node });
    }

    /// Adds `node` after the last element.
    pub(super) fn append(&mut self, node: N) {
        if self.is_whole {
            self.front.push(Part::One { home: None, node });
        } else {
            self.appended.push(node);
        }
    }

    /// Takes the stored array for one of `length` elements; none where it cannot be.
    pub(super) fn become_whole(&mut self, length: usize) -> Option<()> {
        self.length = Some(length);
        if length < self.covered {
            return None;
        }
        if self.covered < length {
            self.front.push(Part::Run(self.covered..length));
            self.covered = length;
        }
        let appended = self.appended.drain(..);
        self.front.extend(appended.map(|node| Part::One { home: None, node }));
        self.is_whole = true;
        Some(())
    }

    /// The nodes that the patch has touched or added.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &N> {
        let front = self.front.iter().filter_map(|part| match part {
            Part::One { node, .. } => Some(node),
            Part::Run(_) => None,
        });
        front.chain(&self.appended)
    }

    /// What the array has become, from its first element to its last.
    pub(super) fn parts(&self) -> Parts<'_, N> {
        let mut index = 0;
        let front = self.front.iter().map(|part| {
            let at = index;
            index += part.len();
            match part {
                Part::Run(run) => NowAt::Stored { at, stored: run.clone() },
                Part::One { node, .. } => NowAt::Node { at, node },
            }
        });
        let front = front.collect();
        let are_others_shifted = index != self.covered && !self.is_whole;
        let length = index + self.appended.len();
        Parts {
            front,
            covered: self.covered,
            others_from: index,
            are_others_shifted,
            appended: &self.appended,
            grown: length.saturating_sub(self.covered),
            shrunk: self.covered.saturating_sub(length),
        }
    }

    /// Whether the array is as it is stored.
    pub(super) fn are_unchanged(&self) -> bool {
        self.appended.is_empty()
            && self.front_len() == self.covered
            && self.is_in_order()
            && self.nodes().all(N::is_as_stored)
    }

    /// The length that the stored array has to have for one update to make what it has become, where
    /// no condition asks for it yet. Then the array has to become whole.
    pub(super) fn length_to_ask_for(&self) -> Option<usize> {
        let has_grown = self.front_len() > self.covered && !self.is_prepended();
        if has_grown && !self.is_whole { self.length.or(self.hinted) } else { None }
    }

    /// What makes the array of the stored one, if one update can.
    pub(super) fn layout(&self) -> Option<Layout<'_, N>> {
        let prepended = Vec::new();
        let (mut set, mut removed) = (Vec::new(), Vec::new());
        let mut appended: Vec<_> = self.appended.iter().map(Source::Other).collect();
        if self.is_in_order() {
            // Every element is where it was, or gone.
            let mut next = 0;
            for part in &self.front {
                let stored = part.stored()?;
                if let Part::One { node, .. } = part
                    && !node.is_as_stored()
                {
                    set.push((stored.start, Source::Own(node)));
                }
                removed.extend(next..stored.start);
                next = stored.end;
            }
            removed.extend(next..self.covered);
            return Some(Layout { prepended, set, removed, appended });
        }
        let front = self.front_len();
        if self.is_prepended() {
            let prepended = self.front.iter().map_while(Part::new_node).collect();
            return Some(Layout { prepended, set, removed, appended });
        }
        if front > self.covered && !self.is_whole {
            return None;
        }
        let mut moved = 0;
        let mut put = |place: usize, source| {
            moved += 1;
            if place < self.covered {
                set.push((place, source));
            } else {
                appended.push(source);
            }
            moved <= MAX_MOVED
        };
        let mut place = 0;
        for part in &self.front {
            let do_fit = match part {
                Part::Run(run) if run.start == place => true,
                Part::Run(run) => {
                    run.clone().zip(place..).all(|(from, to)| put(to, Source::Stored(from)))
                }
                Part::One { home, node } if *home == Some(place) => {
                    node.is_as_stored() || put(place, Source::Own(node))
                }
                Part::One { node, .. } => put(place, Source::Other(node)),
            };
            if !do_fit {
                return None;
            }
            place += part.len();
        }
        removed.extend(front.min(self.covered)..self.covered);
        Some(Layout { prepended, set, removed, appended })
    }

    /// Whether values came before the first one, and nothing else has happened.
    fn is_prepended(&self) -> bool {
        let new =
            self.front.iter().map_while(Part::new_node).take_while(|node| node.is_value()).count();
        let mut next = 0;
        for part in &self.front[new..] {
            match part {
                // Runs keep their order. The comparison below tells whether an element is missing.
                Part::Run(_) => {}
                Part::One { home, node } if *home == Some(next) && node.is_as_stored() => {}
                Part::One { .. } => return false,
            }
            next += part.len();
        }
        self.appended.is_empty() && next == self.covered
    }

    /// Whether each element of the front is a stored one, and they are in their stored order.
    fn is_in_order(&self) -> bool {
        let mut next = 0;
        self.front.iter().all(|part| {
            let Some(stored) = part.stored() else {
                return false;
            };
            let is_later = stored.start >= next;
            next = stored.end;
            is_later
        })
    }

    fn front_len(&self) -> usize {
        self.front.iter().map(Part::len).sum()
    }

    /// Makes the front at least `length` long. Fails where the length of the stored array is known: then
    /// the front is all of it.
    fn cover(&mut self, length: usize) -> Option<()> {
        let more = length.saturating_sub(self.front_len());
        if more > 0 {
            if self.length.is_some() {
                return None;
            }
            let end = self.covered.checked_add(more)?;
            self.front.push(Part::Run(self.covered..end));
            self.covered = end;
        }
        Some(())
    }

    /// The number of parts before `index`, between two of which it lies afterwards.
    fn split(&mut self, index: usize) -> usize {
        let mut before = 0;
        for place in 0..self.front.len() {
            if before == index {
                return place;
            }
            let end = before + self.front[place].len();
            if let Part::Run(run) = &self.front[place]
                && index < end
            {
                let (start, middle, end) = (run.start, run.start + (index - before), run.end);
                self.front[place] = Part::Run(start..middle);
                self.front.insert(place + 1, Part::Run(middle..end));
                return place + 1;
            }
            before = end;
        }
        self.front.len()
    }
}
