//! What an error answer says to a person, in their language.
//!
//! Every file of `src/messages/` is a language. The file is named by the language's BCP 47 tag, and
//! has one message for each [`Code`] in Mozilla's Fluent syntax, which is read when the function is
//! built. To add a language is to add a file.

use crate::{error::Code, request::Event};

// build.rs writes `LANGUAGES: &[Language]`, English first.
include!(concat!(env!("OUT_DIR"), "/languages.rs"));

/// A language that there is a translation for.
#[derive(Debug)]
pub struct Language {
    tag: &'static str,
    /// Each code with its message.
    messages: &'static [(&'static str, &'static str)],
}

impl Language {
    /// The best language for the request's `Language` header, else its `Accept-Language`, else
    /// English. A language without a translation is passed over.
    ///
    /// Both headers are lists of language ranges, with or without weights (RFC 9110 12.5.4). Ranges
    /// are looked up as RFC 4647 3.4 says: `ru-RU-u-mu-celsius` finds `ru`, and `*` leaves the
    /// choice to what comes after it. An underscore, as Java writes it, is read as a hyphen.
    #[must_use]
    pub fn negotiate(event: &Event) -> &'static Self {
        let headers = ["Language", "Accept-Language"].map(|name| event.header(name));
        let headers = headers.map(|header| header.map(|header| header.replace('_', "-")));
        let headers: Vec<_> =
            headers.iter().flatten().map(|header| Ranges::parse(header)).collect();
        let wanted = headers.iter().enumerate().find_map(|(index, ranges)| {
            let accepts = |tag: &str| headers[..=index].iter().all(|ranges| ranges.accept(tag));
            ranges.wanted.iter().find_map(|range| lookup(range, accepts))
        });
        let is_accepted = |each: &&Self| headers.iter().all(|ranges| ranges.accept(each.tag));
        let default = || LANGUAGES.iter().find(is_accepted).unwrap_or(&LANGUAGES[0]);
        wanted.unwrap_or_else(default)
    }

    /// The language's BCP 47 tag.
    #[must_use]
    pub fn tag(&self) -> &'static str {
        self.tag
    }

    /// The message of `code`.
    #[must_use]
    pub fn message(&self, code: Code) -> &'static str {
        let code = code.as_str();
        self.messages.iter().find(|(of, _)| *of == code).map_or(code, |(_, message)| message)
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
fn lookup(mut range: &str, accepts: impl Fn(&str) -> bool) -> Option<&'static Language> {
    loop {
        let find = |each: &&Language| each.tag.eq_ignore_ascii_case(range);
        if let Some(found) = LANGUAGES.iter().find(find).filter(|each| accepts(each.tag)) {
            return Some(found);
        }
        // A range that now ends in the beginning of an extension has no translation.
        range = range.rsplit_once('-')?.0;
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
        negotiated("en;q=0.9,ru;q=1", "", "ru");
        negotiated("en;q=0.9,ru;q=1.00", "", "ru");
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
        negotiated("ru-RU;q=0", "", "en");
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
        assert!(LANGUAGES.len() >= 2);
        assert_eq!(LANGUAGES[0].tag, "en");
        let codes: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        for language in LANGUAGES {
            let of: BTreeSet<_> = language.messages.iter().map(|(code, _)| *code).collect();
            assert_eq!(of, codes, "{language:?}");
            assert_eq!(language.messages.len(), codes.len(), "{language:?}: a code twice");
            let told: BTreeSet<_> = Code::ALL.iter().map(|code| language.message(*code)).collect();
            assert_eq!(told.len(), codes.len(), "{language:?}: all different");
        }
    }
}
