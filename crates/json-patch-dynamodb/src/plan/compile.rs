//! From a patch to one conditional update, where one can say it.
//!
//! The patch is applied to a [`SymbolicDocument`], of which nothing is known except what the
//! conditions prove. What differs from the stored document in the end is the update. The update is
//! right under two rules. Whenever its conditions hold on the stored item, it leaves exactly the
//! document that RFC 6902 would, or RFC 7396, and that document breaks no rule that the stored one
//! keeps. Whenever RFC 6902 fails, one of its conditions does not hold.

use json_patch::PatchOperation;

use super::{
    expression::Clauses,
    guard::Notes,
    obstacle::Obstacle,
    symbolic::{Node, SymbolicDocument},
};
use crate::{
    hints::Hints,
    patch::{Change, Patch},
    rules::Rules,
};

/// How often a patch is planned at most, as it tells some things later than they are guessed.
const MAX_ATTEMPTS: usize = 8;

/// The most operations of a patch that is planned more than once.
const MAX_REPLANNED: usize = 100;

/// The clauses of the update that says the same as `patch`, or why there is none. What `hints` say
/// comes before what would be guessed.
pub(super) fn compile<'p>(
    patch: &'p Patch,
    hints: &'p Hints,
    rules: &Rules,
    notes: &mut impl Notes,
) -> Result<Clauses<'p>, Obstacle> {
    // What a plan of several requests refuses on the way, one update may do. Hints must not decide which.
    let hints = if !hints.is_empty() && patch.may_pass_limits() { Hints::none() } else { hints };
    let attempts = match patch.change() {
        Change::Operations(operations) if operations.len() <= MAX_REPLANNED => MAX_ATTEMPTS,
        Change::Operations(_) | Change::Merge(_) => 1,
    };
    let mut lessons = Vec::new();
    for _ in 0..attempts {
        let known = lessons.len();
        let mut document = SymbolicDocument::new(Clauses::new(hints, lessons));
        let outcome = match patch.change() {
            Change::Operations(operations) => {
                operations.iter().try_for_each(|operation| run(&mut document, operation))
            }
            Change::Merge(merge) => document.merge(merge),
        };
        // A planning that learns something late has failed before this line. So only the last one takes
        // notes.
        let outcome = outcome
            .and_then(|()| document.write(patch.limits()))
            .and_then(|()| document.keep(rules, notes));
        let clauses = document.into_clauses();
        match outcome {
            Ok(()) => return Ok(clauses),
            Err(obstacle) if clauses.lessons().len() == known => return Err(obstacle),
            Err(_) => lessons = clauses.into_lessons(),
        }
    }
    Err(Obstacle::Contradiction)
}

fn run<'p>(
    document: &mut SymbolicDocument<'p>,
    operation: &'p PatchOperation,
) -> Result<(), Obstacle> {
    match operation {
        PatchOperation::Add(add) => document.add(&add.path, Node::Value(&add.value)),
        PatchOperation::Remove(remove) => document.take(&remove.path).map(|_| ()),
        PatchOperation::Replace(replace) => document.replace(&replace.path, &replace.value),
        PatchOperation::Move(movement) if movement.from == movement.path => {
            document.check_exists(&movement.from)
        }
        // RFC 6902 4.4: a value cannot be moved into itself.
        PatchOperation::Move(movement) if movement.path.starts_with(&movement.from) => {
            Err(Obstacle::Contradiction)
        }
        PatchOperation::Move(movement) => {
            let value = document.take(&movement.from)?;
            document.add(&movement.path, value)
        }
        PatchOperation::Copy(copy)
            if copy.from == copy.path && document.is_member(&copy.path)? =>
        {
            document.check_exists(&copy.path)
        }
        PatchOperation::Copy(copy) => {
            let value = document.copy(&copy.from)?;
            document.add(&copy.path, value)
        }
        PatchOperation::Test(test) => document.test(&test.path, &test.value),
    }
}
