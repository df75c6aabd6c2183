//! The compiler: a patch to one conditional update, where one can say it.
//!
//! The patch is applied to a [`Symbolic`] document, which knows nothing of the stored one but what
//! the guards will have proven; what has changed in the end is the update. Right means: whenever
//! the guards hold on the stored item, the update leaves exactly the document that RFC 6902 would,
//! and whenever RFC 6902 fails, a guard does not hold.

use json_patch::PatchOperation;

use super::{
    expression::Update,
    symbolic::{Beyond, Node, Symbolic},
};
use crate::patch::Patch;

/// The update that says the same as `patch`; none where no single one does, or where the patch
/// fails on every document for which its first operations succeed.
pub(super) fn compile(patch: &Patch) -> Option<Update<'_>> {
    let mut document = Symbolic::new();
    let outcome = patch.operations().iter().try_for_each(|operation| run(&mut document, operation));
    outcome.and_then(|()| document.into_update()).ok()
}

fn run<'p>(document: &mut Symbolic<'p>, operation: &'p PatchOperation) -> Result<(), Beyond> {
    match operation {
        PatchOperation::Add(add) => document.add(&add.path, Node::Known(&add.value)),
        PatchOperation::Remove(remove) => document.take(&remove.path).map(|_| ()),
        PatchOperation::Replace(replace) => document.replace(&replace.path, &replace.value),
        PatchOperation::Move(movement) if movement.from == movement.path => {
            document.check_exists(&movement.from)
        }
        // RFC 6902 4.4: a value cannot be moved into itself.
        PatchOperation::Move(movement) if movement.path.starts_with(&movement.from) => Err(Beyond),
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
