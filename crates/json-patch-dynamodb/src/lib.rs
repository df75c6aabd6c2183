#![doc = include_str!("../README.md")]

mod apply;
#[cfg(feature = "aws-sdk")]
mod attribute;
mod limits;
mod number;
mod patch;
mod plan;
mod pointer;
mod size;
mod value;

pub use apply::{ApplyError, Reason, apply};
#[cfg(feature = "aws-sdk")]
pub use attribute::{Unreadable, from_attribute, to_attribute};
pub use limits::{Limits, MAX_EXPRESSION_BYTES, MAX_NAME_BYTES, MAX_OPERATORS};
pub use number::{NumberError, canonical_number};
pub use patch::{Patch, PatchError, Problem};
pub use plan::{Plan, Update};
pub use size::{depth, item_bytes};
pub use value::{ValueError, parse_members, parse_value};
