//! JSON text → values whose numbers are canonical.
//!
//! The text is cut into raw JSON texts, level by level, and is not deserialized at once. So nesting
//! ends at the limit and not at the end of the stack, and numbers keep their digits. A member that
//! is named like one of `serde_json`'s internal markers for numbers is a member like any other.

use std::fmt;

use json_patch::jsonptr::{PointerBuf, Token};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value, map::Entry, value::RawValue};

use crate::{
    limits::{Limits, MAX_NAME_BYTES},
    number::{NumberError, canonical_number},
    pointer::quoted,
};

/// How deep values may be nested whatever the limits say: functions here call themselves for each level.
pub(crate) const MAX_RECURSION: usize = 128;

/// Why a JSON text is no part of a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// A member occurs twice. One of the two would be lost.
    #[error("the member at `{}` occurs more than once", quoted(.0))]
    DuplicateMember(PointerBuf),
    /// A string in the text has an escape that is no Unicode text.
    #[error("a text is not Unicode")]
    NotUnicode,
    /// The value would lie deeper than any document goes.
    #[error("nested deeper than {limit} objects and arrays")]
    TooDeep {
        /// The most levels.
        limit: usize,
    },
    /// A member name is empty.
    #[error("an empty member name, which DynamoDB cannot hold")]
    EmptyName,
    /// A member name is too long.
    #[error("a member name of more than {MAX_NAME_BYTES} bytes")]
    LongName,
    /// A number that DynamoDB cannot hold.
    #[error(transparent)]
    Number(#[from] NumberError),
}

impl ValueError {
    /// The error as one word for a program, in kebab case.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::DuplicateMember(_) => "member-repeated",
            Self::NotUnicode => "text-not-unicode",
            Self::TooDeep { .. } => "too-deep",
            Self::EmptyName => "name-empty",
            Self::LongName => "name-too-long",
            Self::Number(_) => "number-not-storable",
        }
    }

    /// The limit that was passed.
    pub(crate) fn limit(&self) -> Option<usize> {
        match self {
            Self::TooDeep { limit } => Some(*limit),
            Self::LongName => Some(MAX_NAME_BYTES),
            _ => None,
        }
    }

    /// The same error, told of the value that holds this one as its member or element `token`.
    fn below<'t>(mut self, token: impl Into<Token<'t>>) -> Self {
        if let Self::DuplicateMember(at) = &mut self {
            at.push_front(token);
        }
        self
    }
}

/// The value of a JSON text that lies in `levels` objects and arrays; 0 for the document itself.
///
/// # Errors
///
/// Fails where DynamoDB cannot hold the value there.
pub fn parse_value(raw: &RawValue, levels: usize, limits: &Limits) -> Result<Value, ValueError> {
    let text = raw.get();
    let limit = limits.depth.min(MAX_RECURSION);
    if text.starts_with(['[', '{']) && levels >= limit {
        return Err(ValueError::TooDeep { limit });
    }
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let mut members = Map::new();
            for (name, raw) in parse_members(raw)? {
                check_name(&name)?;
                let value =
                    parse_value(raw, levels + 1, limits).map_err(|error| error.below(&name))?;
                match members.entry(name) {
                    Entry::Vacant(entry) => entry.insert(value),
                    Entry::Occupied(entry) => {
                        let at = PointerBuf::from_tokens([entry.key()]);
                        return Err(ValueError::DuplicateMember(at));
                    }
                };
            }
            Value::Object(members)
        }
        Some(b'[') => {
            let elements: Vec<&RawValue> = from_valid(text)?;
            let elements = elements.into_iter().enumerate().map(|(index, raw)| {
                parse_value(raw, levels + 1, limits).map_err(|error| error.below(index))
            });
            Value::Array(elements.collect::<Result<_, _>>()?)
        }
        Some(b'"') => Value::String(from_valid(text)?),
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'n') => Value::Null,
        _ => Value::Number(canonical_number(text)?),
    })
}

/// Checks that a member can have this name.
///
/// # Errors
///
/// Fails where the name is empty or too long.
pub(crate) fn check_name(name: &str) -> Result<(), ValueError> {
    match name.len() {
        0 => Err(ValueError::EmptyName),
        bytes if bytes > MAX_NAME_BYTES => Err(ValueError::LongName),
        _ => Ok(()),
    }
}

/// The members of an object's JSON text, in order, repeated ones included.
///
/// # Errors
///
/// [`ValueError::NotUnicode`] where a name is no text.
pub fn parse_members(raw: &RawValue) -> Result<Vec<(String, &RawValue)>, ValueError> {
    from_valid(raw.get()).map(|Members(members)| members)
}

/// Reads a text whose syntax is known to be right. Only a lone surrogate can still be wrong in it.
fn from_valid<'r, T: Deserialize<'r>>(text: &'r str) -> Result<T, ValueError> {
    serde_json::from_str(text).map_err(|_| ValueError::NotUnicode)
}

struct Members<'r>(Vec<(String, &'r RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}
