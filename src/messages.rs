//! What an error answer says to a person, in their language.
//!
//! Every file of `src/messages/` is a language: named by its BCP 47 tag, holding one message per
//! [`Code`] in Mozilla's Fluent syntax. Adding a language is adding a file.

use std::sync::{LazyLock, OnceLock};

use fluent_bundle::{FluentResource, concurrent::FluentBundle};
use fluent_langneg::{NegotiationStrategy, negotiate_languages};
use unic_langid::LanguageIdentifier;

use crate::{error::Code, request::Event};

/// How much of a header is looked at, in bytes: more than any browser sends.
const MAX_HEADER_BYTES: usize = 256;

// `FILES: &[(&str, &str)]`, tag and content, English first; written by build.rs.
include!(concat!(env!("OUT_DIR"), "/languages.rs"));

struct Translation {
    tag: LanguageIdentifier,
    text: &'static str,
    bundle: OnceLock<FluentBundle<FluentResource>>,
}

impl Translation {
    /// Parsed when a message in this language is first needed, which is not at start.
    fn bundle(&self) -> &FluentBundle<FluentResource> {
        self.bundle.get_or_init(|| {
            // A file with an error still gives the messages outside of it; the tests take none.
            let resource = FluentResource::try_new(self.text.to_owned());
            let resource = resource.unwrap_or_else(|(partial, _)| partial);
            let mut bundle = FluentBundle::new_concurrent(vec![self.tag.clone()]);
            bundle.add_resource_overriding(resource);
            bundle
        })
    }
}

static TRANSLATIONS: LazyLock<Vec<Translation>> = LazyLock::new(|| {
    let translation = |&(tag, text): &(&str, &'static str)| {
        Some(Translation { tag: tag.parse().ok()?, text, bundle: OnceLock::new() })
    };
    FILES.iter().filter_map(translation).collect()
});

/// A language that there is a translation for.
#[derive(Clone, Copy)]
pub struct Language(&'static Translation);

impl Language {
    /// The best language for the request's `Language` header, else its `Accept-Language`, else
    /// English. A language without a translation falls back and never fails.
    ///
    /// Both headers are lists of language ranges, weighted or not (RFC 9110 12.5.4).
    #[must_use]
    pub fn negotiate(event: &Event) -> Self {
        let ranges = ["Language", "Accept-Language"].iter().filter_map(|name| event.header(name));
        let requested: Vec<_> = ranges.flat_map(|header| parse_ranges(&header)).collect();
        let available: Vec<_> = TRANSLATIONS.iter().map(|each| &each.tag).collect();
        let best = negotiate_languages(&requested, &available, None, NegotiationStrategy::Lookup);
        let index = best.first().and_then(|tag| available.iter().position(|each| each == *tag));
        Self(&TRANSLATIONS[index.unwrap_or(0)])
    }

    /// The language's BCP 47 tag.
    #[must_use]
    pub fn tag(self) -> String {
        self.0.tag.to_string()
    }

    /// The message of `code`.
    #[must_use]
    pub fn message(self, code: Code) -> String {
        let find = |language: &'static Translation| {
            let bundle = language.bundle();
            let pattern = bundle.get_message(code.as_str())?.value()?;
            Some(bundle.format_pattern(pattern, None, &mut Vec::new()).into_owned())
        };
        find(self.0).or_else(|| find(&TRANSLATIONS[0])).unwrap_or_else(|| code.as_str().to_owned())
    }
}

/// The language ranges of a header, the heaviest first.
fn parse_ranges(header: &str) -> Vec<LanguageIdentifier> {
    let mut weighted: Vec<(f32, LanguageIdentifier)> = header
        .get(..header.floor_char_boundary(MAX_HEADER_BYTES))
        .unwrap_or_default()
        .split(',')
        .filter_map(|range| {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, "q=1"));
            let weight = parameters.trim().strip_prefix("q=").and_then(|q| q.parse().ok());
            Some((weight.unwrap_or(1.0), tag.trim().parse().ok()?))
        })
        .filter(|(weight, _)| *weight > 0.0)
        .collect();
    weighted.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    weighted.into_iter().map(|(_, tag)| tag).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[track_caller]
    fn negotiated(language: &str, accept: &str, expected: &str) {
        let event = json!({"headers": {"Language": language, "Accept-Language": accept}});
        let event = serde_json::from_value(event).expect("an event");
        assert_eq!(Language::negotiate(&event).tag(), expected, "{language:.80} {accept:.80}");
    }

    #[test]
    fn the_best_language_is_found() {
        negotiated("ru", "en", "ru");
        negotiated("RU-ru", "", "ru");
        negotiated("en;q=0.5, ru;q=0.9", "", "ru");
        negotiated("ru;q=0, en", "", "en");
        negotiated("", "de, ru;q=0.1", "ru");
    }

    #[test]
    fn a_language_without_a_translation_falls_back() {
        for odd in ["", "tlh", "*", ";;,,q=", "ru;q=nan", "\0", "../ru", &"ж".repeat(50_000)] {
            negotiated(odd, "", "en");
        }
        negotiated("tlh", "ru", "ru");
    }

    #[test]
    fn every_language_has_a_message_for_every_code_and_no_other() {
        assert!(FILES.len() >= 2);
        assert_eq!(FILES[0].0, "en");
        let codes: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        for (tag, text) in FILES {
            assert!(FluentResource::try_new((*text).to_owned()).is_ok(), "{tag}");
            let ids = text.lines().filter_map(|line| Some(line.split_once(" = ")?.0));
            assert_eq!(ids.clone().count(), codes.len(), "{tag}");
            assert_eq!(ids.collect::<BTreeSet<_>>(), codes, "{tag}");
        }
        for translation in TRANSLATIONS.iter() {
            let messages = Code::ALL.iter().map(|code| Language(translation).message(*code));
            assert_eq!(messages.collect::<BTreeSet<_>>().len(), codes.len(), "all different");
        }
    }
}
