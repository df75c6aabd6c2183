//! What a client is shown of a change that was carried out.

use serde_json::Value;

use super::change::Done;

/// A request that was carried out, and what of it the client wants to see.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What was done.
    pub done: Done,
    /// What the client is shown.
    pub shown: Shown,
}

/// What of a change its client is shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    /// Nothing: the client did not ask, or what it asked for is not known for certain.
    Nothing,
    /// Nothing, as the client prefers (`return=minimal`).
    Minimal,
    /// The document as this change has left it.
    Representation(Value),
    /// The text of the JSON Patch that takes this change back.
    Undo(String),
}
