//! Why a patch is not one update.

/// What keeps a patch from being one update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// No document has all that the operations ask for, or none of which the guesses hold.
    #[error("what the operations ask of the stored document contradicts itself")]
    Contradiction,
    /// Elements of a stored array would have to move, and how many is not known.
    #[error("elements of a stored array would move, and its length is not known")]
    ElementsMove,
    /// A stored value is changed, and is not where it was stored.
    #[error("a stored value is changed in another place than its own")]
    ChangedElsewhere,
    /// A new value would have a stored one in it.
    #[error("a new object or array would have a stored value in it")]
    StoredInNew,
    /// A stored value is tested that the patch has changed a part of.
    #[error("a stored value is tested after a part of it has changed")]
    TestedAfterChange,
    /// The expressions would be too long, or have too many operators.
    #[error("one expression has no room for it")]
    NoRoom,
    /// The values are too large or too deep for any item.
    #[error("an item has no room for the values")]
    ValuesTooLarge,
    /// The planning would take too much work.
    #[error("the planning would take too much work")]
    TooMuchWork,
    /// The patch seems to break a rule. Whether the document broke the rule before only the document
    /// tells.
    #[error("a rule seems broken, and may have been broken before")]
    RuleMayBreak,
    /// Whether a rule is kept depends on stored values that the patch does not tell.
    #[error("whether a rule is kept depends on stored values")]
    RuleNeedsDocument,
}

impl Obstacle {
    /// The obstacle as one word for a program, in kebab case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contradiction => "contradiction",
            Self::ElementsMove => "elements-move",
            Self::ChangedElsewhere => "changed-elsewhere",
            Self::StoredInNew => "stored-in-new",
            Self::TestedAfterChange => "tested-after-change",
            Self::NoRoom => "no-room",
            Self::ValuesTooLarge => "values-too-large",
            Self::TooMuchWork => "too-much-work",
            Self::RuleMayBreak => "rule-may-break",
            Self::RuleNeedsDocument => "rule-needs-document",
        }
    }
}
