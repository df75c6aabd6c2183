//! From a patch to one conditional update, where one can say it.
//!
//! The patch is applied to a [`SymbolicDocument`], of which nothing is known except what the
//! conditions prove. What differs from the stored document in the end is the update. The update is
//! right under two rules. Whenever its conditions hold on the stored item, it leaves exactly the
//! document that RFC 6902 would. Whenever RFC 6902 fails, one of its conditions does not hold.

use json_patch::PatchOperation;

use super::{
    expression::{NotExpressible, Update},
    symbolic::{Node, SymbolicDocument},
};
use crate::patch::Patch;

/// The update that says the same as `patch`. There is none where no single update says that, or
/// where the patch fails on every document for which its first operations succeed.
pub(super) fn compile<'p>(patch: &'p Patch, attribute: &str) -> Option<Update<'p>> {
    let limits = patch.limits();
    let mut document = SymbolicDocument::new();
    let outcome = patch.operations().iter().try_for_each(|operation| run(&mut document, operation));
    let clauses = outcome.and_then(|()| document.into_clauses(limits));
    clauses.and_then(|clauses| clauses.render(attribute, limits)).ok()
}

fn run<'p>(
    document: &mut SymbolicDocument<'p>,
    operation: &'p PatchOperation,
) -> Result<(), NotExpressible> {
    match operation {
        PatchOperation::Add(add) => document.add(&add.path, Node::Value(&add.value)),
        PatchOperation::Remove(remove) => document.take(&remove.path).map(|_| ()),
        PatchOperation::Replace(replace) => document.replace(&replace.path, &replace.value),
        PatchOperation::Move(movement) if movement.from == movement.path => {
            document.check_exists(&movement.from)
        }
        // RFC 6902 4.4: a value cannot be moved into itself.
        PatchOperation::Move(movement) if movement.path.starts_with(&movement.from) => {
            Err(NotExpressible)
        }
        PatchOperation::Move(movement) => {
            let value = document.take(&movement.from)?;
            document.add(&movement.path, value)
        }
        PatchOperation::Copy(copy) => {
            let value = document.copy(&copy.from)?;
            document.add(&copy.path, value)
        }
        PatchOperation::Test(test) => document.test(&test.path, &test.value),
    }
}
