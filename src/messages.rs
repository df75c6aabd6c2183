//! What an error answer says to a person, in their language.
//!
//! Every file of `src/messages/` is a language. The file is named by the language's BCP 47 tag, and
//! has one message for each [`Code`] in Mozilla's Fluent syntax. To add a language is to add a
//! file.

use std::sync::{LazyLock, OnceLock};

use fluent_bundle::{FluentResource, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;

use crate::{error::Code, request::Event};

// build.rs writes `FILES: &[(&str, &str)]`: the tags and the contents, English first.
include!(concat!(env!("OUT_DIR"), "/languages.rs"));

struct Translation {
    tag: LanguageIdentifier,
    tag_text: &'static str,
    text: &'static str,
    bundle: OnceLock<FluentBundle<FluentResource>>,
}

impl Translation {
    /// The parsed file. It is parsed when a message in this language is first needed, not at start.
    fn bundle(&self) -> &FluentBundle<FluentResource> {
        self.bundle.get_or_init(|| {
            // A file with an error still gives its other messages. The tests accept no file with an
            // error.
            let resource = FluentResource::try_new(self.text.to_owned());
            let resource = resource.unwrap_or_else(|(partial, _)| partial);
            let mut bundle = FluentBundle::new_concurrent(vec![self.tag.clone()]);
            bundle.add_resource_overriding(resource);
            bundle
        })
    }
}

static TRANSLATIONS: LazyLock<Vec<Translation>> = LazyLock::new(|| {
    let translation = |&(tag_text, text): &(&'static str, &'static str)| {
        Some(Translation { tag: tag_text.parse().ok()?, tag_text, text, bundle: OnceLock::new() })
    };
    FILES.iter().filter_map(translation).collect()
});

/// A language that there is a translation for.
#[derive(Clone, Copy)]
pub struct Language(&'static Translation);

impl Language {
    /// The best language for the request's `Language` header, else its `Accept-Language`, else
    /// English. A language without a translation is passed over.
    ///
    /// Both headers are lists of language ranges, with or without weights (RFC 9110 12.5.4). Ranges
    /// are looked up as RFC 4647 3.4 says: `ru-RU-u-mu-celsius` finds `ru`, and `*` leaves the
    /// choice to what comes after it. An underscore, as Java writes it, is read as a hyphen.
    #[must_use]
    pub fn negotiate(event: &Event) -> Self {
        let headers = ["Language", "Accept-Language"].map(|name| event.header(name));
        let headers = headers.map(|header| header.map(|header| header.replace('_', "-")));
        let headers: Vec<_> =
            headers.iter().flatten().map(|header| Ranges::parse(header)).collect();
        let wanted = headers.iter().enumerate().find_map(|(index, ranges)| {
            let accepts = |tag: &str| headers[..=index].iter().all(|ranges| ranges.accept(tag));
            ranges.wanted.iter().find_map(|range| lookup(range, accepts))
        });
        let is_accepted =
            |each: &&Translation| headers.iter().all(|ranges| ranges.accept(each.tag_text));
        let default = || TRANSLATIONS.iter().find(is_accepted).unwrap_or(&TRANSLATIONS[0]);
        Self(wanted.unwrap_or_else(default))
    }

    /// The language's BCP 47 tag.
    #[must_use]
    pub fn tag(self) -> &'static str {
        self.0.tag_text
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

/// The language ranges of a header.
struct Ranges<'h> {
    /// The ranges that are wanted: the heaviest first, equal ones in the order of the header.
    wanted: Vec<&'h str>,
    /// The ranges of weight 0.
    refused: Vec<&'h str>,
}

impl<'h> Ranges<'h> {
    fn parse(header: &'h str) -> Self {
        let mut weighted = Vec::new();
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let range = parts.next().unwrap_or_default();
            let weight = parts
                .filter_map(|parameter| parameter.split_once('='))
                .find(|(name, _)| name.eq_ignore_ascii_case("q"))
                .map_or(Some(1000), |(_, weight)| thousandths(weight));
            // A range whose weight cannot be read is left out.
            weighted.extend(weight.map(|weight| (weight, range)));
        }
        weighted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let wanted = weighted.iter().filter(|(weight, _)| *weight > 0).map(|(_, range)| *range);
        let refused = weighted.iter().filter(|(weight, _)| *weight == 0).map(|(_, range)| *range);
        Self { wanted: wanted.collect(), refused: refused.collect() }
    }

    /// Whether no range of weight 0 covers the language, as RFC 4647 3.3.1 says.
    fn accept(&self, tag: &str) -> bool {
        !self.refused.iter().any(|range| {
            let begins =
                tag.get(..range.len()).is_some_and(|start| start.eq_ignore_ascii_case(range));
            begins && matches!(tag.as_bytes().get(range.len()), None | Some(b'-'))
        })
    }
}

/// A weight in thousandths. RFC 9110 12.4.2 writes it as 0 to 1, with at most three decimals.
fn thousandths(weight: &str) -> Option<u16> {
    let (whole, decimals) = weight.split_once('.').unwrap_or((weight, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let decimals = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(decimals),
        "1" if decimals == 0 => Some(1000),
        _ => None,
    }
}

/// The translation that a language range finds (RFC 4647 3.4). Subtags are taken from the end of
/// the range until a translation has just that tag. `*` names no language, so it finds none.
fn lookup(mut range: &str, accepts: impl Fn(&str) -> bool) -> Option<&'static Translation> {
    loop {
        let find = |each: &&Translation| each.tag_text.eq_ignore_ascii_case(range);
        if let Some(found) = TRANSLATIONS.iter().find(find).filter(|each| accepts(each.tag_text)) {
            return Some(found);
        }
        range = range.rsplit_once('-')?.0;
        // The single character that begins an extension goes with the extension.
        while let Some((rest, singleton)) = range.rsplit_once('-')
            && singleton.len() == 1
        {
            range = rest;
        }
    }
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
        negotiated("ru;q=0.9, en;q=0.95", "", "en");
        negotiated("en ; Q=0.5 , ru ; Q=0.9", "", "ru");
        negotiated("en;q=0.123,ru;q=0.124", "", "ru");
        negotiated("en;q=1.000,ru;q=1", "", "en");
        negotiated("", "de, ru;q=0.1", "ru");
    }

    /// BCP 47 tags as Android and others send them.
    #[test]
    fn a_range_is_looked_up_by_its_beginning() {
        for range in [
            "ru-RU-u-mu-celsius",
            "ru-Cyrl-RU",
            "ru-u-nu-latn-x-a",
            "ru-x-private",
            "ru-t-en-m0-true",
            "ru-petr1708-x-1-2",
            "ru-a-b-c-d-e",
            "ru_RU",
        ] {
            negotiated(range, "en", "ru");
        }
        // The beginning must be whole subtags, the first one included.
        for range in ["rue", "run-RU", "r", "x-ru", "i-ru", "-ru", "ru.UTF-8"] {
            negotiated(range, "", "en");
        }
    }

    #[test]
    fn a_range_of_weight_0_is_refused() {
        negotiated("ru;q=0, en", "", "en");
        negotiated("ru;q=0.000, ru-RU", "", "en");
        negotiated("en;q=0", "", "ru");
        negotiated("en;q=0, *", "", "ru");
        negotiated("en-US;q=0", "", "en");
        negotiated("*;q=0, ru;q=0.5", "", "ru");
        // Where all languages are refused, there is an answer all the same.
        negotiated("en;q=0, ru;q=0", "", "en");
        // The second header refuses nothing for the first. The first refuses for the second.
        negotiated("ru", "ru;q=0", "ru");
        negotiated("ru;q=0", "ru", "en");
        negotiated("de", "en;q=0", "ru");
    }

    #[test]
    fn any_language_is_whichever_comes_next() {
        negotiated("*", "", "en");
        negotiated("*, ru", "", "ru");
        negotiated("*", "ru", "ru");
        negotiated("*;q=0.5, ru;q=0.1", "", "ru");
        negotiated("*-RU", "", "en");
    }

    #[test]
    fn a_language_without_a_translation_falls_back() {
        for odd in [
            "",
            "tlh",
            ";;,,q=",
            "ru;q=nan",
            "ru;q=2",
            "ru;q=-1",
            "ru;q=1.001",
            "ru;q=0.1234",
            "ru;q=",
            "ru;q=.5",
            "ru;q=0.5e0",
            "\0",
            "../ru",
            &"ж".repeat(50_000),
            &"a-".repeat(50_000),
        ] {
            negotiated(odd, "", "en");
        }
        negotiated("tlh", "ru", "ru");
        negotiated(&"tlh,".repeat(1_000), "ru", "ru");
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
