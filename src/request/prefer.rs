//! `Prefer`: what a client would like to have in the answer (RFC 7240).

use super::{Event, list::split};

/// What a client would like to have in the answer to a change that was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preference {
    /// Nothing was said, or nothing that this function knows.
    #[default]
    None,
    /// No body (`return=minimal`).
    Minimal,
    /// The document as the change has left it (`return=representation`).
    Representation,
    /// The patch that takes the change back (`undo`). It comes before what `return` asks for.
    Undo,
}

impl Preference {
    /// Reads the header. What is malformed or not known is not an error: RFC 7240 2 lets a server
    /// ignore it.
    pub(super) fn parse(event: &Event) -> Self {
        let Some(header) = event.header("Prefer") else { return Self::None };
        let preferences: Vec<_> = split(&header, ',').map(preference).collect();
        // RFC 7240 2: of a preference that comes twice the first counts.
        let first = |name: &str| preferences.iter().find(|(known, _)| known == name);
        if first("undo").is_some_and(|(_, value)| value.is_empty()) {
            return Self::Undo;
        }
        match first("return").map(|(_, value)| &**value) {
            Some("representation") => Self::Representation,
            Some("minimal") => Self::Minimal,
            _ => Self::None,
        }
    }

    /// Whether it is for a body that shows what is stored.
    #[must_use]
    pub fn has_body(self) -> bool {
        matches!(self, Self::Representation | Self::Undo)
    }
}

/// The name, in lower case, and the value of a preference, without its parameters. A value that is
/// left out is the empty one.
fn preference(text: &str) -> (String, String) {
    let text = split(text, ';').next().unwrap_or_default();
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let value = value.trim();
    let value = match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
        // RFC 9110 5.6.4: a backslash stands for the character after it.
        Some(quoted) => quoted.replace('\\', ""),
        None => value.to_owned(),
    };
    (name.trim().to_ascii_lowercase(), value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_of_each_preference_that_is_known_counts() {
        for (values, expected) in [
            (json!([]), Preference::None),
            (json!(["return=representation"]), Preference::Representation),
            (json!(["return=minimal"]), Preference::Minimal),
            (json!(["undo"]), Preference::Undo),
            (json!([" Return = \"representation\" ; x=1"]), Preference::Representation),
            (json!(["respond-async, UNDO; foo=\"a,b\", wait=10"]), Preference::Undo),
            (json!(["wait=10", "return=minimal, return=representation"]), Preference::Minimal),
            (json!(["return=representation, undo"]), Preference::Undo),
            (json!(["return=\"re\\presentation\""]), Preference::Representation),
            // RFC 7240 2: an empty value is as none.
            (json!(["undo=\"\", return"]), Preference::Undo),
            (json!(["return=all, return=representation"]), Preference::None),
            (json!(["undo=1"]), Preference::None),
            (json!(["return=REPRESENTATION"]), Preference::None),
            (json!([",,;=\"\"", ""]), Preference::None),
            (json!(["x=\"return=minimal, undo"]), Preference::None),
        ] {
            let event = json!({"multiValueHeaders": {"prefer": values}});
            let event: Event = serde_json::from_value(event).expect("an event");
            assert_eq!(Preference::parse(&event), expected, "{values}");
            let shows = [Preference::Representation, Preference::Undo].contains(&expected);
            assert_eq!(expected.has_body(), shows);
        }
    }
}
