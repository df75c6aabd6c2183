//! Texts that occur nowhere else, and where they come out.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use fastrand::Rng;
use memchr::memmem::Finder;

/// How much of a canary tells it: a part of a secret is one too.
const TELLING: usize = 8;
/// Numbers occur in every output, so that more of one is needed.
const TELLING_DIGITS: usize = 12;

/// Where a canary was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Place {
    /// The caller's `sub`.
    Subject,
    /// Another claim, or a member of the authorizer's context.
    Claim,
    /// A header that describes the client, by its name.
    Client(&'static str),
    /// Any other header: its value or its name. A token is in one.
    Header,
    /// The query or the path.
    Address,
    /// A valid `Idempotency-Key`, or a valid alias.
    Key,
    /// A member's name that the patch has, in a pointer or in a value.
    Name,
    /// A member's name that only the stored document has.
    StoredName,
    /// A text or a number of the patch or of the stored document.
    Value,
    /// A part of a body that is no patch.
    Broken,
    /// An attribute of the option beside its document.
    Attribute,
    /// Anything of another option or organization.
    Other,
    /// What DynamoDB says of an error.
    Database,
}

#[derive(Debug, Clone)]
pub(crate) struct Canary {
    pub(crate) place: Place,
    text: String,
    needles: Vec<Finder<'static>>,
}

/// All canaries of one case.
#[derive(Debug)]
pub(crate) struct Canaries {
    random: Rng,
    all: Vec<Canary>,
}

impl Canaries {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: Rng::with_seed(seed), all: Vec::new() }
    }

    /// A number below `end`, as random as the canaries are.
    pub(crate) fn random(&mut self, end: usize) -> usize {
        self.random.usize(..end)
    }

    /// A new canary of letters and digits.
    pub(crate) fn text(&mut self, place: Place) -> String {
        // The first letter is none of a hexadecimal number: ids are not taken for canaries.
        let first = self.random.char('g'..='z');
        let rest = std::iter::repeat_with(|| self.random.alphanumeric()).take(15);
        let text: String = std::iter::once(first).chain(rest).collect();
        self.add(place, &text, TELLING);
        text
    }

    /// A new canary that is a number.
    pub(crate) fn number(&mut self, place: Place) -> String {
        let text = format!("8{:015}", self.random.u64(..1_000_000_000_000_000));
        // A last zero would be trimmed.
        let text = format!("{text}7");
        self.add(place, &text, TELLING_DIGITS);
        text
    }

    /// A new canary that is a GUID.
    pub(crate) fn guid(&mut self, place: Place) -> String {
        let guid = uuid::Builder::from_random_bytes(self.random.u128(..).to_ne_bytes());
        let text = guid.into_uuid().to_string();
        // Nothing of less than a GUID is told by one.
        self.add(place, &text, text.len());
        text
    }

    /// A text that is a canary although it was not made here.
    pub(crate) fn known(&mut self, place: Place, text: &str) {
        self.add(place, text, TELLING);
    }

    fn add(&mut self, place: Place, text: &str, telling: usize) {
        let needles = needles(&text[..telling]);
        self.all.push(Canary { place, text: text.to_owned(), needles });
    }

    /// What stands for a name of the stored document stands for a name of the patch, if the patch has it.
    pub(crate) fn tell_names(&mut self, patch: &str) {
        for canary in &mut self.all {
            if canary.place == Place::StoredName && patch.contains(&canary.text) {
                canary.place = Place::Name;
            }
        }
    }

    /// The canaries that an output shows, as they are or encoded.
    pub(crate) fn found_in(&self, output: &str) -> impl Iterator<Item = &Canary> {
        let plain = decoded(output);
        let lower = plain.to_lowercase();
        self.all.iter().filter(move |canary| {
            let [text, encoded @ ..] = &*canary.needles else { return false };
            let is_in = |output: &str, needle: &Finder| needle.find(output.as_bytes()).is_some();
            is_in(&lower, text) || encoded.iter().any(|needle| is_in(&plain, needle))
        })
    }
}

/// The forms of `text`: in lower case, for a search that does not mind the case, and encoded.
fn needles(text: &str) -> Vec<Finder<'static>> {
    let lower = text.to_lowercase();
    let mut needles = vec![lower.clone()];
    for text in [text, &lower] {
        // Base64 of a longer text has one of three forms of this one within, whose ends depend on what is
        // around.
        for before in 0..3 {
            let encoded = STANDARD_NO_PAD.encode(format!("{}{text}", "-".repeat(before)));
            let begin = (before * 8).div_ceil(6);
            let end = (before + text.len()) * 8 / 6;
            needles.push(encoded[begin..end].to_owned());
        }
        needles.push(each_byte(text, |byte| format!("{byte:02x}")));
    }
    needles.iter().map(|needle| Finder::new(needle).into_owned()).collect()
}

fn each_byte(text: &str, form: impl Fn(u8) -> String) -> String {
    text.bytes().map(form).collect()
}

/// The output without the escapes of JSON and of URLs.
fn decoded(output: &str) -> String {
    let mut decoded = String::with_capacity(output.len());
    let mut rest = output;
    while let Some(at) = rest.find(['%', '\\']) {
        decoded += &rest[..at];
        rest = &rest[at..];
        let digits = if rest.starts_with('%') { 1..3 } else { 2..6 };
        let is_escape = rest.starts_with('%') || rest.starts_with("\\u");
        let code = rest.get(digits.clone()).and_then(|code| u32::from_str_radix(code, 16).ok());
        if let Some(c) = code.filter(|_| is_escape).and_then(char::from_u32) {
            decoded.push(c);
            rest = &rest[digits.end..];
        } else {
            decoded += &rest[..1];
            rest = &rest[1..];
        }
    }
    decoded + rest
}

#[test]
fn a_canary_is_found_in_every_form() {
    let mut canaries = Canaries::new(1);
    let text = canaries.text(Place::Value);
    let number = canaries.number(Place::Value);
    let part = &text[..TELLING];
    let escaped = each_byte(part, |byte| format!("\\u{byte:04x}"));
    let percent = each_byte(part, |byte| format!("%{byte:02X}"));
    let bytes = each_byte(part, |byte| format!("{byte:02x}"));
    for output in [
        text.clone(),
        part.to_owned(),
        part.to_uppercase(),
        format!("{{\"a\":\"{escaped}\"}}"),
        percent,
        bytes,
        STANDARD_NO_PAD.encode(&text),
        STANDARD_NO_PAD.encode(format!("a{text}")),
        STANDARD_NO_PAD.encode(format!("ab{text}c")),
        STANDARD_NO_PAD.encode(part.to_lowercase()),
        number[..TELLING_DIGITS].to_owned(),
    ] {
        let output = format!("before {output} after");
        assert_eq!(canaries.found_in(&output).count(), 1, "{output}");
    }
    for output in ["", "%", "\\u12", "100%", "{\"a\": \"\\n\\ud800\"}", &text[1..]] {
        assert_eq!(canaries.found_in(output).count(), 0, "{output}");
    }
}
