// The README's example needs the SDK.
#![cfg_attr(feature = "aws-sdk", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "aws-sdk"),
    doc = "Compiles a JSON Patch (RFC 6902) or merge patch (RFC 7396) to one conditional DynamoDB update."
)]

mod apply;
#[cfg(feature = "aws-sdk")]
mod attribute;
mod hints;
mod limits;
mod number;
mod patch;
mod plan;
mod pointer;
mod rules;
mod size;
mod undo;
mod value;

pub use apply::{ApplyError, Reason, apply, apply_within};
#[cfg(feature = "aws-sdk")]
pub use attribute::{Unreadable, from_attribute, to_attribute};
pub use hints::Hints;
pub use limits::{Limits, MAX_EXPRESSION_BYTES, MAX_NAME_BYTES, MAX_OPERATORS};
pub use number::{NumberError, canonical_number};
pub use patch::{Change, Patch, PatchError, Problem};
pub use plan::{Explanation, Guess, GuessedKind, Note, Obstacle, Plan, RuleOutcome, Update};
pub use rules::{BrokenBy, BrokenRules, RuleProblem, Rules, RulesError, Violation};
pub use size::{depth, item_bytes};
pub use undo::undo;
pub use value::{ValueError, parse_members, parse_value};
