//! `If-Match` and `If-None-Match`: to which versions of the option the change may be made (RFC 9110
//! 13.1.1 and 13.1.2).

use super::{Event, RequestError};
use crate::id::{MAX_VERSION, Version};

/// The most tags of a list: as many operands as `IN` has been seen to take on AWS (scylladb,
/// `test/alternator/test_condition_expression.py`; DynamoDB's page says 100).
const MAX_TAGS: usize = 99;

const RULE: &str = "`*`, or at most 99 entity tags";

/// The client's rules for the version that its change may be made to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preconditions {
    /// `If-Match`: the version is one of these. Comparison is strong: a weak tag names none.
    pub if_match: Option<Tags>,
    /// `If-None-Match`: the version is none of these. Comparison is weak: a weak tag names the same
    /// version as the strong one.
    pub if_none_match: Option<Tags>,
}

/// The versions that a header names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// Every version (`*`).
    Any,
    /// These versions, in ascending order, each once. A tag that this function never gives out
    /// names no version.
    Versions(Vec<Version>),
}

/// A precondition that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unmet {
    /// `If-Match` does not name the option's version.
    #[error("the option's version is not one that `If-Match` names")]
    IfMatch,
    /// `If-None-Match` names the option's version.
    #[error("the option's version is one that `If-None-Match` names")]
    IfNoneMatch,
}

impl Preconditions {
    /// Parses the headers. An absent header demands nothing.
    pub(super) fn parse(event: &Event) -> Result<Self, RequestError> {
        Ok(Self {
            if_match: Tags::parse(event, "If-Match", |is_weak| !is_weak)?,
            if_none_match: Tags::parse(event, "If-None-Match", |_| true)?,
        })
    }

    /// Checks that they hold for an option of this version, in the order of RFC 9110 13.2.2.
    ///
    /// # Errors
    ///
    /// Names the first one that does not hold.
    pub fn check(&self, version: Version) -> Result<(), Unmet> {
        if self.if_match.as_ref().is_some_and(|tags| !tags.name(version)) {
            return Err(Unmet::IfMatch);
        }
        if self.if_none_match.as_ref().is_some_and(|tags| tags.name(version)) {
            return Err(Unmet::IfNoneMatch);
        }
        Ok(())
    }
}

impl Tags {
    fn parse(
        event: &Event,
        name: &'static str,
        counts: impl Fn(bool) -> bool,
    ) -> Result<Option<Self>, RequestError> {
        let Some(header) = event.header(name) else { return Ok(None) };
        // `*` is one item and no list. So it may be repeated like any header of one item.
        if header.split(',').all(|item| item.trim_matches([' ', '\t']) == "*") {
            return Ok(Some(Self::Any));
        }
        let malformed = RequestError::Header { name, expected: RULE };
        let mut versions = Vec::new();
        let (mut rest, mut tags) = (&*header, 0);
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
            versions.extend(version(tag).filter(|_| counts(is_weak)));
        }
        if tags == 0 {
            return Err(malformed);
        }
        versions.sort_unstable();
        versions.dedup();
        Ok(Some(Self::Versions(versions)))
    }

    /// Whether they name this version.
    fn name(&self, version: Version) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.binary_search(&version).is_ok(),
        }
    }
}

/// The entity tag that `text` begins with: whether it is weak, its content, and the text after it.
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

/// The version that `tag` names. Only a tag that this function could have given out names one.
fn version(tag: &str) -> Option<Version> {
    let number = tag.parse::<u64>().ok().filter(|number| *number <= MAX_VERSION)?;
    (number.to_string() == tag).then_some(Version::new(number))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(name: &str, value: &str) -> Result<Preconditions, String> {
        let event = json!({"headers": {name: value}});
        let event = serde_json::from_value(event).expect("an event");
        Preconditions::parse(&event).map_err(|error| error.to_string())
    }

    fn tags_of(versions: &[u64]) -> Tags {
        Tags::Versions(versions.iter().copied().map(Version::new).collect())
    }

    #[test]
    fn tags_name_versions() {
        assert_eq!(Preconditions::parse(&Event::default()), Ok(Preconditions::default()));
        for any in [" * ", "*,*"] {
            assert_eq!(parse("if-match", any).unwrap().if_match, Some(Tags::Any));
            assert_eq!(parse("if-none-match", any).unwrap().if_none_match, Some(Tags::Any));
        }
        let as_many_as_may_be = vec!["\"7\""; MAX_TAGS].join(",");
        for (value, strong, weak) in [
            (&*as_many_as_may_be, &[7][..], &[7][..]),
            ("\"7\"", &[7], &[7]),
            ("\"8\", \"7\",\t\"8\"", &[7, 8], &[7, 8]),
            (",\"7\",,", &[7], &[7]),
            ("W/\"7\", \"8\"", &[8], &[7, 8]),
            ("W/\"7\"", &[], &[7]),
            ("\"07\", \"+7\", \"x,y\", \"\", \"*\", \"99999999999999999999\"", &[], &[]),
            ("\"1000000000000000000\"", &[MAX_VERSION], &[MAX_VERSION]),
            ("\"1000000000000000001\", \"18446744073709551615\"", &[], &[]),
        ] {
            let versions = |versions: &[u64]| Some(tags_of(versions));
            assert_eq!(parse("if-match", value).unwrap().if_match, versions(strong), "{value}");
            let parsed = parse("if-none-match", value).unwrap();
            assert_eq!(parsed.if_none_match, versions(weak), "{value}");
        }
    }

    #[test]
    fn both_are_checked_in_the_order_of_the_rfc() {
        let tags = |versions: &[u64]| Some(tags_of(versions));
        let any = || Some(Tags::Any);
        for (if_match, if_none_match, version, checked) in [
            (None, None, 0, Ok(())),
            (any(), None, 0, Ok(())),
            (tags(&[]), None, 0, Err(Unmet::IfMatch)),
            (tags(&[0]), None, 0, Ok(())),
            (tags(&[1, 7]), None, 7, Ok(())),
            (tags(&[1, 7]), None, 2, Err(Unmet::IfMatch)),
            (None, any(), 7, Err(Unmet::IfNoneMatch)),
            (None, tags(&[]), 7, Ok(())),
            (None, tags(&[6]), 7, Ok(())),
            (None, tags(&[6, 7]), 7, Err(Unmet::IfNoneMatch)),
            (tags(&[7]), tags(&[6]), 7, Ok(())),
            (tags(&[7]), tags(&[7]), 7, Err(Unmet::IfNoneMatch)),
            (tags(&[6]), tags(&[7]), 7, Err(Unmet::IfMatch)),
        ] {
            let preconditions = Preconditions { if_match, if_none_match };
            assert_eq!(
                preconditions.check(Version::new(version)),
                checked,
                "{preconditions:?} {version}"
            );
        }
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
            for name in ["If-Match", "If-None-Match"] {
                let rule =
                    format!("expected the header `{name}` to be `*`, or at most 99 entity tags");
                assert_eq!(parse(name, value), Err(rule), "{value}");
            }
        }
    }
}
