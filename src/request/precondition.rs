//! `If-Match`: on which version of the option the client's change is based (RFC 9110 13.1.1).

use super::{Event, RequestError};

/// The most tags of a list: DynamoDB's limit on the operands of `IN`.
const MAX_TAGS: usize = 100;

const RULE: &str = "`*`, or at most 100 entity tags";

/// Which versions the change may be applied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// Whichever there is (`*`).
    Any,
    /// One of these, in order and each once.
    ///
    /// Comparison is strong: a weak tag names no version, and a tag that this function never gives
    /// out names none either. Without any, nothing matches.
    Versions(Vec<u64>),
}

impl IfMatch {
    /// Parses the header; an absent one is none.
    pub(super) fn parse(event: &Event) -> Result<Option<Self>, RequestError> {
        let Some(header) = event.header("If-Match") else { return Ok(None) };
        let header = header.trim_matches([' ', '\t']);
        if header == "*" {
            return Ok(Some(Self::Any));
        }
        let malformed = RequestError::Header { name: "If-Match", expected: RULE };
        let mut versions = Vec::new();
        let (mut rest, mut tags) = (header, 0);
        loop {
            // RFC 9110 5.6.1: a recipient ignores empty elements of a list.
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                break;
            }
            let Some((is_weak, tag, after)) = entity_tag(rest) else { return Err(malformed) };
            rest = after.trim_start_matches([' ', '\t']);
            tags += 1;
            if tags > MAX_TAGS || !(rest.is_empty() || rest.starts_with(',')) {
                return Err(malformed);
            }
            versions.extend(version(tag).filter(|_| !is_weak));
        }
        if tags == 0 {
            return Err(malformed);
        }
        versions.sort_unstable();
        versions.dedup();
        Ok(Some(Self::Versions(versions)))
    }

    /// Whether it holds for an option of this version (0: one that was loaded without).
    #[must_use]
    pub fn holds(&self, version: u64) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }
}

/// Weakness and content of the entity tag that `text` begins with, and the rest.
fn entity_tag(text: &str) -> Option<(bool, &str, &str)> {
    let (is_weak, quoted) = match text.strip_prefix("W/") {
        Some(quoted) => (true, quoted),
        None => (false, text),
    };
    let (tag, rest) = quoted.strip_prefix('"')?.split_once('"')?;
    // RFC 9110 8.8.3: no space and no control character.
    let valid = tag.chars().all(|c| c > ' ' && c != '\u{7f}');
    valid.then_some((is_weak, tag, rest))
}

/// The version that a tag of this function's own names.
fn version(tag: &str) -> Option<u64> {
    let number = tag.parse::<u64>().ok()?;
    (number.to_string() == tag).then_some(number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: &str) -> Result<Option<IfMatch>, RequestError> {
        let event = json!({"headers": {"if-match": value}});
        IfMatch::parse(&serde_json::from_value(event).expect("an event"))
    }

    #[test]
    fn tags_name_versions() {
        assert_eq!(IfMatch::parse(&Event::default()), Ok(None));
        assert_eq!(parse(" * "), Ok(Some(IfMatch::Any)));
        for (value, versions) in [
            ("\"7\"", &[7][..]),
            ("\"8\", \"7\",\t\"8\"", &[7, 8]),
            (",\"7\",,", &[7]),
            ("W/\"7\", \"8\"", &[8]),
            ("W/\"7\"", &[]),
            ("\"07\", \"+7\", \"x,y\", \"\", \"*\", \"99999999999999999999\"", &[]),
        ] {
            assert_eq!(parse(value), Ok(Some(IfMatch::Versions(versions.to_vec()))), "{value}");
        }
        assert!(!IfMatch::Versions(vec![]).holds(0));
        assert!(IfMatch::Versions(vec![0]).holds(0));
    }

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        let many = vec!["\"1\""; MAX_TAGS + 1].join(",");
        for value in [
            "",
            ",",
            "7",
            "\"7",
            "7\"",
            "\"7\"\"8\"",
            "\"7\" \"8\"",
            "*, \"7\"",
            "w/\"7\"",
            "W/7",
            "\"a b\"",
            "\"a\u{0}\"",
            &many,
        ] {
            let error = parse(value).unwrap_err().to_string();
            let rule = "expected the header `If-Match` to be `*`, or at most 100 entity tags";
            assert_eq!(error, rule, "{value}");
        }
    }
}
