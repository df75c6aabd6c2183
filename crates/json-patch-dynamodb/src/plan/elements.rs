//! A stored array whose length is not known, with what a patch has done to it.

use std::ops::Range;

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
    /// After the last one. So the stored array has to have this length.
    Appended {
        /// The length of the stored array.
        length: usize,
    },
}

/// What makes the array of the stored one. Every index is one of the stored array.
#[derive(Debug, PartialEq)]
pub(super) enum Layout<'e, N> {
    /// These elements come before all others, which stay as they are.
    Prepended(Vec<&'e N>),
    /// Elements are set, then those of `removed` are removed, then those of `appended` come last.
    Changed { set: Vec<(usize, Source<'e, N>)>, removed: Vec<usize>, appended: &'e [N] },
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

impl<N> Default for Elements<N> {
    fn default() -> Self {
        Self { front: Vec::new(), covered: 0, appended: Vec::new(), length: None }
    }
}

impl<N> Part<N> {
    fn len(&self) -> usize {
        match self {
            Self::Run(run) => run.len(),
            Self::One { .. } => 1,
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

impl<N> Elements<N> {
    /// The element at `index`, which is `stored` of its index in the stored array if nothing has
    /// happened to it yet; none where it is certainly no stored element.
    pub(super) fn at(&mut self, index: usize, stored: impl FnOnce(usize) -> N) -> Option<&mut N> {
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
    pub(super) fn remove(&mut self, index: usize) {
        let place = self.split(index);
        self.front.remove(place);
    }

    /// Adds `node` at `index`; none where it cannot come there.
    ///
    /// Where elements were removed before, it takes the place of one of them, and those between move.
    /// Otherwise, after the front, it is guessed to come after the last element.
    pub(super) fn insert(&mut self, index: usize, node: N) -> Option<Added> {
        let front = self.front_len();
        let has_room = front < self.covered && index <= front + MAX_SHIFT;
        if index < front || index == 0 || has_room {
            let covered = self.covered;
            self.cover(index)?;
            let place = self.split(index);
            self.front.insert(place, Part::One { home: None, node });
            let proof = self.covered.checked_sub(1).filter(|_| self.covered > covered);
            return Some(Added::Inserted { proof });
        }
        let length = (index + self.covered).checked_sub(front + self.appended.len())?;
        if length < self.covered || self.length.is_some_and(|known| known != length) {
            return None;
        }
        self.length = Some(length);
        self.appended.push(node);
        Some(Added::Appended { length })
    }

    /// Adds `node` after the last element.
    pub(super) fn append(&mut self, node: N) {
        self.appended.push(node);
    }

    /// The nodes that the patch has touched or added.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &N> {
        let front = self.front.iter().filter_map(|part| match part {
            Part::One { node, .. } => Some(node),
            Part::Run(_) => None,
        });
        front.chain(&self.appended)
    }

    /// Whether the array is as it is stored, where `is_as_stored` says so of its touched elements.
    pub(super) fn are_unchanged(&self, is_as_stored: impl Fn(&N) -> bool) -> bool {
        self.appended.is_empty()
            && self.front_len() == self.covered
            && self.is_in_order()
            && self.nodes().all(is_as_stored)
    }

    /// What makes the array of the stored one, if one update can; `is_as_stored` says of an element
    /// whether nothing has happened to it.
    pub(super) fn layout(&self, is_as_stored: impl Fn(&N) -> bool) -> Option<Layout<'_, N>> {
        let appended = &*self.appended;
        if self.is_in_order() {
            // Every element is where it was, or gone.
            let mut set = Vec::new();
            let mut removed = Vec::new();
            let mut next = 0;
            for part in &self.front {
                let stored = part.stored()?;
                if let Part::One { node, .. } = part
                    && !is_as_stored(node)
                {
                    set.push((stored.start, Source::Own(node)));
                }
                removed.extend(next..stored.start);
                next = stored.end;
            }
            removed.extend(next..self.covered);
            return Some(Layout::Changed { set, removed, appended });
        }
        let front = self.front_len();
        if front > self.covered {
            return self.prepended(is_as_stored);
        }
        let mut set = Vec::new();
        let mut place = 0;
        for part in &self.front {
            match part {
                Part::Run(run) if run.start == place => {}
                Part::Run(run) if run.len() > MAX_MOVED => return None,
                Part::Run(run) => {
                    let moved = run.clone().enumerate();
                    set.extend(moved.map(|(n, from)| (place + n, Source::Stored(from))));
                }
                Part::One { home, node } if *home == Some(place) => {
                    if !is_as_stored(node) {
                        set.push((place, Source::Own(node)));
                    }
                }
                Part::One { home: Some(home), node } if is_as_stored(node) => {
                    set.push((place, Source::Stored(*home)));
                }
                Part::One { node, .. } => set.push((place, Source::Other(node))),
            }
            place += part.len();
        }
        let removed = (front..self.covered).collect();
        Some(Layout::Changed { set, removed, appended })
    }

    /// More elements than there were: only before the first one, and with nothing else.
    fn prepended(&self, is_as_stored: impl Fn(&N) -> bool) -> Option<Layout<'_, N>> {
        let new = self.front.iter().map_while(|part| match part {
            Part::One { home: None, node } => Some(node),
            _ => None,
        });
        let new: Vec<_> = new.collect();
        let mut next = 0;
        for part in &self.front[new.len()..] {
            match part {
                Part::Run(run) if run.start == next => {}
                Part::One { home, node } if *home == Some(next) && is_as_stored(node) => {}
                _ => return None,
            }
            next += part.len();
        }
        let is_alone = self.appended.is_empty() && self.length.is_none() && next == self.covered;
        is_alone.then_some(Layout::Prepended(new))
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

    /// Makes the front at least `length` long; none where the stored array is known to be shorter.
    fn cover(&mut self, length: usize) -> Option<()> {
        let more = length.saturating_sub(self.front_len());
        if more > 0 {
            let end = self.covered.checked_add(more)?;
            if self.length.is_some_and(|known| end > known) {
                return None;
            }
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
