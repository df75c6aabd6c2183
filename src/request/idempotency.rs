//! `Idempotency-Key`: the key by which a repetition of a request is recognized
//! (draft-ietf-httpapi-idempotency-key-header).

use std::fmt;

use super::{Event, RequestError};

/// The longest key, in characters.
const MAX_KEY: usize = 255;

/// A key: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl IdempotencyKey {
    /// Parses the header. Without the header there is no key.
    ///
    /// The draft wants a quoted string (RFC 8941 3.3.3). Many clients send the key without quotes;
    /// that is the same key.
    pub(super) fn parse(event: &Event) -> Result<Option<Self>, RequestError> {
        let Some(header) = event.item("Idempotency-Key") else { return Ok(None) };
        let header = header.trim_matches([' ', '\t']);
        let key = if header.starts_with('"') { unquote(header) } else { bare(header) };
        let visible = |key: &String| {
            (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let key = key.filter(visible).ok_or(RequestError::Header {
            name: "Idempotency-Key",
            expected: "a quoted string of 1 to 255 visible characters",
        })?;
        Ok(Some(Self(key)))
    }
}

/// The key in a text without quotes. A list, or a text with parameters, is no key.
fn bare(text: &str) -> Option<String> {
    (!text.contains(['"', '\\', ',', ';'])).then(|| text.to_owned())
}

fn unquote(text: &str) -> Option<String> {
    let mut characters = text.strip_prefix('"')?.chars();
    let mut key = String::new();
    loop {
        match characters.next()? {
            '"' => return characters.as_str().is_empty().then_some(key),
            '\\' => key.push(characters.next().filter(|c| matches!(c, '"' | '\\'))?),
            other => key.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: &str) -> Result<Option<IdempotencyKey>, RequestError> {
        let event = json!({"headers": {"idempotency-key": value}});
        IdempotencyKey::parse(&serde_json::from_value(event).expect("an event"))
    }

    #[test]
    fn a_key_is_quoted_or_bare() {
        assert_eq!(IdempotencyKey::parse(&Event::default()), Ok(None));
        let longest = "k".repeat(MAX_KEY);
        for (value, key) in [
            ("\"8e03978e\"", "8e03978e"),
            (" 8e03978e ", "8e03978e"),
            ("\"a\\\"b\\\\c,;\"", "a\"b\\c,;"),
            ("a/b+c==", "a/b+c=="),
            (&longest, &longest),
            (&format!("\"{longest}\""), &longest),
        ] {
            assert_eq!(parse(value), Ok(Some(IdempotencyKey(key.into()))), "{value}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = "k".repeat(MAX_KEY + 1);
        for value in [
            "",
            " ",
            "\"\"",
            "\"a",
            "a\"",
            "\"a\"b",
            "\"a\";p=1",
            "\"a\", \"b\"",
            "a, b",
            "a b",
            "\"a b\"",
            "\"a\\b\"",
            "\"a\\",
            "ä",
            "\"ä\"",
            "a\u{0}",
            "\"\u{7f}\"",
            &long,
        ] {
            assert!(parse(value).is_err(), "{value}");
        }
    }
}
