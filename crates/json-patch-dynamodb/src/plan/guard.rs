//! What rules ask of the stored document, so that an update breaks none that was kept before.
//!
//! Only what the patch has changed is looked at: what is where it was breaks what it broke before, and
//! nothing else. A value of the patch is checked here. Of a stored object or array that changes in its
//! own place, the rules that ask for a number of entries or for another member become conditions. Where
//! only the whole value tells, or where something seems broken that may have been broken before, there
//! is no such update.

use std::ops::Range;

use json_patch::jsonptr::PointerBuf;

use super::{
    elements::{Elements, NowAt, Parts, Touched as _},
    expression::{Clauses, Path},
    obstacle::Obstacle,
    symbolic::{Contents, Node},
};
use crate::rules::{
    Check, Evaluation, Id, READ_ONLY, Rule, Rules, Schemas, Seen, address, is_name_valid,
};

/// Adds the conditions under which `document`, made of the stored one, breaks no rule that the stored one
/// keeps.
///
/// # Errors
///
/// [`Obstacle::RuleMayBreak`] or [`Obstacle::RuleNeedsDocument`].
pub(super) fn keep<'p>(
    rules: &Rules,
    document: &Node<'p>,
    clauses: &mut Clauses<'p>,
    notes: &mut impl Notes,
) -> Result<(), Obstacle> {
    let Some(schemas) = rules.schemas() else { return Ok(()) };
    let ignores_read_only = rules.ignores_read_only();
    let (visited, looked) = (Seen::new(), Seen::new());
    let mut guard = Guard { schemas, ignores_read_only, clauses, visited, looked, notes };
    guard.keep(Schemas::ROOT, document, &Path::default())
}

/// Where notes go. `()` takes none, and none are made for it.
pub(super) trait Notes {
    /// Takes a note.
    fn take(&mut self, _note: impl FnOnce() -> Note) {}
}

impl Notes for () {}

impl Notes for Vec<Note> {
    fn take(&mut self, note: impl FnOnce() -> Note) {
        self.push(note());
    }
}

struct Guard<'g, 'p, N> {
    schemas: &'g Schemas,
    ignores_read_only: bool,
    clauses: &'g mut Clauses<'p>,
    /// Which nodes were checked against schemas that are referred to.
    visited: Seen,
    /// Which schemas that are referred to were asked whether they look at what has changed in a node.
    looked: Seen,
    /// What is told of each rule.
    notes: &'g mut N,
}

/// What has become of one rule of a place that a patch changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The place in the document. A last token `-` is an element that is appended.
    pub pointer: PointerBuf,
    /// The rule's keyword.
    pub keyword: &'static str,
    /// The keyword's place in its file.
    pub place: PointerBuf,
    /// The keyword's value as JSON, unless it is a schema. A long one is cut.
    pub limit: Option<String>,
    /// What has become of it.
    pub outcome: RuleOutcome,
}

/// What becomes of a rule when a patch is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleOutcome {
    /// The patch keeps it, whatever is stored.
    Kept,
    /// The patch keeps it where these conditions hold, by their indexes in the update.
    Conditions(Range<usize>),
    /// Only the stored document tells.
    NeedsDocument(Obstacle),
}

/// A member of a stored object that the patch has touched.
struct Member<'n, 'p> {
    name: &'n str,
    place: Path,
    /// What is there now, if anything is.
    node: Option<&'n Node<'p>>,
    /// Whether what is there was there before, though something below it may have changed.
    is_kept: bool,
    /// Whether something was there before for certain.
    was_there: bool,
}

impl Member<'_, '_> {
    fn may_be_new(&self) -> bool {
        self.node.is_some() && !self.is_kept && !self.was_there
    }
}

impl<'p, N: Notes> Guard<'_, 'p, N> {
    /// Checks what is at `place` now.
    fn keep(&mut self, schema: Id, node: &Node<'p>, place: &Path) -> Result<(), Obstacle> {
        let own = &self.schemas[schema];
        match node {
            Node::Stored { contents, .. } if node.is_stored_at(place) => {
                if contents.are_unchanged() {
                    return Ok(());
                }
                if own.is_read_only && !self.ignores_read_only {
                    return self.needs_document(schema, READ_ONLY, place);
                }
                let members = self.members(contents, place);
                for rule in &own.rules {
                    let conditions = self.clauses.count();
                    let of_parts = match contents {
                        Contents::Members(_) => {
                            self.keep_members(schema, &rule.check, &members, place)
                        }
                        Contents::Elements(elements) => {
                            self.keep_elements(&rule.check, elements, place)
                        }
                        Contents::Unknown => Ok(()),
                    };
                    let kept = of_parts.and_then(|()| self.keep_whole(&rule.check, node, place));
                    self.note(schema, rule, place, conditions, kept);
                    kept?;
                }
                Ok(())
            }
            // What it is, and what it broke where it was, only the stored document tells.
            Node::Stored { .. } if own.is_trivial() => Ok(()),
            Node::Stored { .. } => {
                let needed = Err(Obstacle::RuleNeedsDocument);
                match own.rules.first() {
                    Some(rule) => self.note(schema, rule, place, self.clauses.count(), needed),
                    None => self.needs_document(schema, READ_ONLY, place)?,
                }
                needed
            }
            Node::Value(_) | Node::Object(_) | Node::Array(_) => {
                if self.is_protected(schema) {
                    return self.needs_document(schema, READ_ONLY, place);
                }
                let value = node.value()?;
                let mut evaluation = Evaluation::new(self.schemas);
                for rule in &own.rules {
                    let kept = broken_if(!evaluation.holds(&rule.check, &value));
                    self.note(schema, rule, place, self.clauses.count(), kept);
                    kept?;
                }
                Ok(())
            }
        }
    }

    fn needs_document(
        &mut self,
        schema: Id,
        keyword: &'static str,
        place: &Path,
    ) -> Result<(), Obstacle> {
        let needed = Obstacle::RuleNeedsDocument;
        self.add_note(schema, keyword, None, place, RuleOutcome::NeedsDocument(needed));
        Err(needed)
    }

    /// Notes what has become of a rule. Before it there were so many `conditions`.
    fn note(
        &mut self,
        schema: Id,
        rule: &Rule,
        place: &Path,
        conditions: usize,
        kept: Result<(), Obstacle>,
    ) {
        let outcome = match kept {
            Err(obstacle) => RuleOutcome::NeedsDocument(obstacle),
            Ok(()) if self.clauses.count() > conditions => {
                RuleOutcome::Conditions(conditions..self.clauses.count())
            }
            Ok(()) => RuleOutcome::Kept,
        };
        // Of rules for parts of the value, the parts tell.
        if !rule.check.is_of_parts() {
            self.add_note(schema, rule.keyword, rule.limit.as_ref(), place, outcome);
        }
    }

    fn add_note(
        &mut self,
        schema: Id,
        keyword: &'static str,
        limit: Option<&String>,
        place: &Path,
        outcome: RuleOutcome,
    ) {
        let Self { notes, clauses, schemas, .. } = self;
        notes.take(|| {
            let pointer = clauses.pointer(place);
            let place = schemas.place_of(schema, keyword);
            Note { pointer, keyword, place, limit: limit.cloned(), outcome }
        });
    }

    /// Whether something at or below the place of this schema is read-only.
    fn is_protected(&self, schema: Id) -> bool {
        !self.ignores_read_only && self.schemas[schema].has_read_only
    }

    fn members<'n>(&mut self, contents: &'n Contents<'p>, place: &Path) -> Vec<Member<'n, 'p>> {
        let Contents::Members(members) = contents else { return Vec::new() };
        let touched = members.iter().map(|(name, node)| {
            let place = place.member(self.clauses.name(name));
            let node = node.as_ref();
            let is_kept = node.is_some_and(|node| node.is_stored_at(&place));
            let was_there = self.clauses.is_proven(&place);
            Member { name, place, node, is_kept, was_there }
        });
        // What was only looked at is as it was.
        touched.filter(|member| member.node.is_none_or(|node| !node.is_as_stored())).collect()
    }

    /// Checks a rule of an object of which these members have changed.
    fn keep_members(
        &mut self,
        schema: Id,
        check: &Check,
        changed: &[Member<'_, 'p>],
        place: &Path,
    ) -> Result<(), Obstacle> {
        match check {
            Check::MaxProperties(most) => {
                let new = changed.iter().filter(|member| member.may_be_new()).count();
                let gone =
                    changed.iter().filter(|member| member.node.is_none() && member.was_there);
                self.at_most(place, *most, new.saturating_sub(gone.count()))
            }
            Check::MinProperties(least) => {
                let gone = changed.iter().filter(|member| member.node.is_none()).count();
                self.at_least(place, *least, gone)
            }
            Check::Required(names) => {
                let is_gone =
                    |member: &Member<'_, '_>| member.node.is_none() && is_in(names, member.name);
                broken_if(changed.iter().any(is_gone))
            }
            Check::DependentRequired(names) => {
                for (name, others) in names {
                    let of = |name: &str| changed.iter().find(|member| member.name == name);
                    let trigger = of(name);
                    if trigger.is_some_and(|member| member.node.is_none()) {
                        continue;
                    }
                    let is_new = trigger.is_some_and(|member| !member.is_kept);
                    for other in others {
                        match of(other) {
                            Some(member) => broken_if(member.node.is_none())?,
                            None if is_new => {
                                let place = place.member(self.clauses.name(other));
                                self.clauses.exists(&place).map_err(broken)?;
                            }
                            None => {}
                        }
                    }
                }
                Ok(())
            }
            Check::PropertyNames(schema) => {
                let is_wrong = |member: &Member<'_, '_>| {
                    member.may_be_new() && !is_name_valid(self.schemas, *schema, member.name)
                };
                broken_if(changed.iter().any(is_wrong))
            }
            Check::Members(members) => {
                for member in changed {
                    if member.may_be_new() && members.forbid(member.name) {
                        let (keyword, limit) = ("additionalProperties", Some("false".to_owned()));
                        let outcome = RuleOutcome::NeedsDocument(Obstacle::RuleMayBreak);
                        self.add_note(schema, keyword, limit.as_ref(), place, outcome);
                        return Err(Obstacle::RuleMayBreak);
                    }
                    for schema in members.of(member.name) {
                        match member.node {
                            Some(node) => self.keep(schema, node, &member.place)?,
                            None if self.is_protected(schema) => {
                                return self.needs_document(schema, READ_ONLY, &member.place);
                            }
                            None => {}
                        }
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Checks a rule of an array that has changed.
    fn keep_elements(
        &mut self,
        check: &Check,
        elements: &Elements<Node<'p>>,
        place: &Path,
    ) -> Result<(), Obstacle> {
        let parts = elements.parts();
        match check {
            Check::MaxItems(most) => self.at_most(place, *most, parts.grown),
            Check::MinItems(least) => self.at_least(place, *least, parts.shrunk),
            Check::UniqueItems | Check::Contains(_) => Err(Obstacle::RuleNeedsDocument),
            Check::Elements { first, others } => self.keep_each(first, *others, &parts, place),
            _ => Ok(()),
        }
    }

    /// Checks the elements of an array that has changed. An element that stays in the array takes what it
    /// breaks with it, so it may move to where the same rules are.
    fn keep_each(
        &mut self,
        first: &[Id],
        others: Option<Id>,
        parts: &Parts<'_, Node<'p>>,
        place: &Path,
    ) -> Result<(), Obstacle> {
        // The rules of the elements that have these indexes.
        let of = |indexes: Range<usize>| {
            let own = indexes.start.min(first.len())..indexes.end.min(first.len());
            first[own].iter().copied().chain(others.filter(|_| indexes.end > first.len()))
        };
        let behind = |index: usize| index..usize::MAX;
        let has_own_rules = |indexes: &Range<usize>| indexes.start < first.len();
        let move_to = |guard: &mut Self, from: Range<usize>, to: Range<usize>| {
            let is_free =
                of(from.clone()).chain(of(to.clone())).all(|id| guard.schemas[id].is_trivial());
            let is_same = !has_own_rules(&from)
                && !has_own_rules(&to)
                && !others.is_some_and(|schema| guard.is_protected(schema));
            if is_free || is_same {
                Ok(())
            } else {
                let schema = of(to).next().or(of(from).next()).unwrap_or(Schemas::ROOT);
                guard.needs_document(schema, "items", place)
            }
        };
        for part in &parts.front {
            if let NowAt::Stored { at, stored } = part
                && *at != stored.start
            {
                move_to(self, stored.clone(), *at..at + stored.len())?;
            }
        }
        if parts.are_others_shifted {
            move_to(self, behind(parts.covered), behind(parts.others_from))?;
        }
        // Of an array that has become shorter, the last indexes have nothing.
        if parts.shrunk > 0
            && let Some(schema) = of(behind(parts.others_from)).find(|id| self.is_protected(*id))
        {
            return self.needs_document(schema, READ_ONLY, place);
        }
        let nodes = parts.front.iter().filter_map(|part| match part {
            NowAt::Node { at, node } => Some((*at..at + 1, place.element(*at), *node)),
            NowAt::Stored { .. } => None,
        });
        let appended = parts.appended.iter();
        let appended = appended.map(|node| (behind(parts.others_from), place.appended(), node));
        for (at, now, node) in nodes.chain(appended) {
            // What has happened to an element that has moved is written where it was.
            let (indexes, place) = match home(node, parts, place) {
                Some(home) => {
                    if at != (home..home + 1) {
                        move_to(self, home..home + 1, at)?;
                    }
                    (home..home + 1, place.element(home))
                }
                // A copy, perhaps at the very index that the element had, is one element more.
                None if node.has_moved() => (at, place.appended()),
                None => (at, now),
            };
            for schema in of(indexes) {
                self.keep(schema, node, &place)?;
            }
        }
        Ok(())
    }

    /// Checks a rule of a value, which has changed in its own place, that is not only one of its members
    /// or elements.
    fn keep_whole(&mut self, check: &Check, node: &Node<'p>, place: &Path) -> Result<(), Obstacle> {
        match check {
            Check::Enum(_) | Check::Const(_) => Err(Obstacle::RuleNeedsDocument),
            Check::AllOf(all) => all.iter().try_for_each(|schema| self.keep(*schema, node, place)),
            Check::Ref(schema) => {
                if self.visited.insert((*schema, address(node)), 1).is_none() {
                    self.keep(*schema, node, place)?;
                }
                Ok(())
            }
            Check::AnyOf(some) | Check::OneOf(some) => {
                some.iter().try_for_each(|schema| self.judge(*schema, node, place))
            }
            Check::Not(schema) => self.judge(*schema, node, place),
            Check::If { condition, then, otherwise } => {
                self.judge(*condition, node, place)?;
                // Which of the two holds is as it was.
                then.iter().chain(otherwise).try_for_each(|schema| self.keep(*schema, node, place))
            }
            _ => Ok(()),
        }
    }

    /// Checks a schema of which only counts whether it holds: it must not look at what has changed.
    fn judge(&mut self, schema: Id, node: &Node<'p>, place: &Path) -> Result<(), Obstacle> {
        if self.looks_at(schema, node, place) || self.is_protected(schema) {
            Err(Obstacle::RuleNeedsDocument)
        } else {
            Ok(())
        }
    }

    /// Whether the schema may hold before the change and not after it, or the other way round.
    fn looks_at(&mut self, schema: Id, node: &Node<'p>, place: &Path) -> bool {
        let own = &self.schemas[schema];
        if own.is_trivial() || node.is_stored_at(place) && node.is_as_stored() {
            return false;
        }
        let Node::Stored { contents, .. } = node else { return true };
        if !node.is_stored_at(place) {
            return true;
        }
        let changed = self.members(contents, place);
        own.rules.iter().any(|rule| match (&rule.check, contents) {
            (Check::Enum(_) | Check::Const(_), _)
            | (
                Check::MinItems(_)
                | Check::MaxItems(_)
                | Check::UniqueItems
                | Check::Contains(_)
                | Check::Elements { .. },
                Contents::Elements(_),
            ) => true,
            (Check::AllOf(some) | Check::AnyOf(some) | Check::OneOf(some), _) => {
                some.iter().any(|schema| self.looks_at(*schema, node, place))
            }
            (Check::Not(schema), _) => self.looks_at(*schema, node, place),
            // A schema that looks at the change ends the planning. So one that was asked before does not look.
            (Check::Ref(schema), _) => {
                self.looked.insert((*schema, address(node)), 1).is_none()
                    && self.looks_at(*schema, node, place)
            }
            (Check::If { condition, then, otherwise }, _) => {
                let all = [Some(*condition), *then, *otherwise];
                all.into_iter().flatten().any(|schema| self.looks_at(schema, node, place))
            }
            (Check::MinProperties(_) | Check::MaxProperties(_), Contents::Members(_)) => {
                changed.iter().any(|member| member.node.is_none() || member.may_be_new())
            }
            (Check::Required(names), Contents::Members(_)) => changed.iter().any(|member| {
                is_in(names, member.name) && (member.node.is_none() || member.may_be_new())
            }),
            (Check::DependentRequired(names), Contents::Members(_)) => {
                changed.iter().any(|member| {
                    names
                        .iter()
                        .any(|(name, others)| name == member.name || is_in(others, member.name))
                })
            }
            (Check::PropertyNames(_), Contents::Members(_)) => {
                changed.iter().any(|member| member.node.is_none() || member.may_be_new())
            }
            (Check::Members(members), Contents::Members(_)) => changed.iter().any(|member| {
                members.forbid(member.name) && !member.is_kept
                    || members.of(member.name).any(|schema| match member.node {
                        Some(node) => self.looks_at(schema, node, &member.place),
                        None => !self.schemas[schema].is_trivial(),
                    })
            }),
            _ => false,
        })
    }

    /// Of the place, which gets at most `new` entries more.
    fn at_most(&mut self, place: &Path, most: usize, new: usize) -> Result<(), Obstacle> {
        if new == 0 {
            return Ok(());
        }
        let room = most.checked_sub(new).ok_or(Obstacle::RuleMayBreak)?;
        self.clauses.has_at_most(place, room).map_err(broken)
    }

    /// Of the place, which loses at most `gone` entries.
    fn at_least(&mut self, place: &Path, least: usize, gone: usize) -> Result<(), Obstacle> {
        if gone == 0 || least == 0 {
            return Ok(());
        }
        self.clauses.has_at_least(place, least.saturating_add(gone)).map_err(broken)
    }
}

fn is_in(names: &[String], name: &str) -> bool {
    names.iter().any(|each| each == name)
}

fn broken_if(is_broken: bool) -> Result<(), Obstacle> {
    if is_broken { Err(Obstacle::RuleMayBreak) } else { Ok(()) }
}

/// What the conditions say already breaks the rule.
fn broken(obstacle: Obstacle) -> Obstacle {
    match obstacle {
        Obstacle::Contradiction => Obstacle::RuleMayBreak,
        other => other,
    }
}

/// The index in the stored array of an element that is still in it.
fn home<'p>(node: &Node<'p>, parts: &Parts<'_, Node<'p>>, array: &Path) -> Option<usize> {
    let origin = |node: &Node<'p>| match node {
        Node::Stored { origin, .. } => origin.index_in(array),
        _ => None,
    };
    let home = origin(node)?;
    let nodes = parts.front.iter().filter_map(|part| match part {
        NowAt::Node { node, .. } => Some(*node),
        NowAt::Stored { .. } => None,
    });
    let same = nodes.chain(parts.appended).filter(|node| origin(node) == Some(home));
    let is_left = parts.front.iter().any(|part| match part {
        NowAt::Stored { stored, .. } => stored.contains(&home),
        NowAt::Node { .. } => false,
    });
    // Otherwise it was copied.
    (same.count() == 1 && !is_left && home < parts.covered).then_some(home)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Explanation, Hints, Patch, Plan};

    /// A patch: operations as in `add /a/x 1; move /a/y /a/z`, or a merge patch.
    fn patch(text: &str) -> Patch {
        if text.starts_with('{') {
            return Patch::parse_merge(text.as_bytes()).expect("a merge patch");
        }
        let operation = |text: &str| {
            let words: Vec<_> = text.splitn(3, ' ').collect();
            match *words {
                [op, path] => json!({"op": op, "path": path}),
                [op @ ("move" | "copy"), from, path] => {
                    json!({"op": op, "from": from, "path": path})
                }
                [op, path, value] => {
                    let value = serde_json::from_str::<Value>(value).expect("JSON");
                    json!({"op": op, "path": path, "value": value})
                }
                _ => json!(text),
            }
        };
        let operations: Value = text.split("; ").map(operation).collect();
        Patch::parse(operations.to_string().as_bytes()).expect("a patch")
    }

    /// The conditions of a Direct plan with their names and values in place, or what is in its way. Then
    /// what has become of each rule.
    fn planned(rules: &Rules, patch: &Patch, hints: &Hints) -> String {
        let explanation = Explanation::keeping(rules, patch, "document", hints);
        assert_eq!(explanation.plan, Plan::keeping(rules, patch, "document", hints));
        let plan = match &explanation.plan {
            Plan::Direct(update) => {
                let mut text = update.condition_expression();
                for (number, value) in update.values.iter().enumerate().rev() {
                    text = text.replace(&format!(":{number}"), &value.to_string());
                }
                for (placeholder, name) in update.names.iter().rev() {
                    text = text.replace(&format!(".{placeholder}"), &format!("/{name}"));
                }
                if text.is_empty() { "always".to_owned() } else { text.replace("#document", "") }
            }
            Plan::Rewrite(obstacle) => obstacle.as_str().to_owned(),
            Plan::Check => "check".to_owned(),
        };
        let mut parts = vec![plan];
        for note in &explanation.rules {
            let outcome = match &note.outcome {
                RuleOutcome::Kept => "kept".to_owned(),
                RuleOutcome::Conditions(range) => format!("{range:?}"),
                RuleOutcome::NeedsDocument(obstacle) => obstacle.as_str().to_owned(),
            };
            parts.push(format!("{} {} {outcome}", note.pointer, note.keyword));
        }
        parts.join(" | ")
    }

    /// `guard.txt` says how it is read.
    #[test]
    fn each_keyword_asks_for_what_it_needs() {
        let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let (mut rules, mut hints, mut plan) = (Rules::default(), Hints::default(), None);
        for (line, number) in include_str!("guard.txt").lines().zip(1..) {
            match line.split_once(' ').unwrap_or((line, "")) {
                ("rules", schema) => {
                    let node = json!({"$ref": "#/$defs/node"});
                    let node = json!({"properties": {"n": {"maximum": 5}, "next": node}});
                    let schema =
                        json!({"properties": {"a": json(schema)}, "$defs": {"node": node}});
                    rules = Rules::parse(&schema.to_string()).expect("rules");
                    hints = Hints::default();
                }
                ("ignoring", READ_ONLY) => rules = rules.ignoring_read_only(),
                ("hints", array) => hints = Hints::of(&json!({"a": json(array)})),
                ("patch", text) => {
                    let before = plan.replace(planned(&rules, &patch(text), &hints));
                    assert_eq!(before, None, "line {number}: the patch before has no plan");
                }
                ("plan", expected) => {
                    assert_eq!(plan.take().as_deref(), Some(expected), "line {number}");
                }
                (start, _) => assert!(["", "#"].contains(&start), "line {number}"),
            }
        }
        assert_eq!(plan, None, "the last patch has no plan");
    }
}
