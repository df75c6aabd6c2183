//! The headers by which a client describes itself.

use super::{Event, RequestError};

/// The longest free text, in characters.
pub const MAX_CLIENT_TEXT: usize = 256;

/// The longest `ClientExtensions` or `ClientDepersonalizedExtensions`, in characters.
pub const MAX_EXTENSIONS: usize = 4_096;

const TEXT_RULE: &str = "at most 256 characters without control characters";
const EXTENSIONS_RULE: &str = "at most 4096 characters";

/// The kind of client, as the client names it. The set is bounded, so it can be a metric's
/// dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the contract gives the names and nothing else")]
pub enum ClientIdentifier {
    #[default]
    Unknown,
    App,
    WebApp,
    Service,
    Android,
}

impl ClientIdentifier {
    /// The identifier as the contract spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::App => "App",
            Self::WebApp => "WebApp",
            Self::Service => "Service",
            Self::Android => "Android",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::Unknown, Self::App, Self::WebApp, Self::Service, Self::Android];
        all.into_iter().find(|each| each.as_str() == text)
    }
}

/// A client's description of itself, for the log.
///
/// `ClientExtensions` is checked and forgotten: it may hold personal data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the header of its name")]
pub struct Client {
    pub identifier: ClientIdentifier,
    pub client_type: Option<String>,
    pub name: Option<String>,
    pub os_name: Option<String>,
    pub os_version: Option<String>,
    pub screen_resolution: Option<String>,
    pub model: Option<String>,
    pub depersonalized_extensions: Option<String>,
}

impl Client {
    /// Parses the client headers, each by its rule. A header that is absent or empty says nothing.
    ///
    /// # Errors
    ///
    /// [`RequestError::Header`] names the first header that breaks its rule.
    pub fn parse(event: &Event) -> Result<Self, RequestError> {
        let text = |name| match event.item(name) {
            Some(value) => free_text(name, &value, MAX_CLIENT_TEXT),
            None => Ok(None),
        };
        let identifier = match event.item("ClientIdentifier").as_deref() {
            None | Some("") => ClientIdentifier::default(),
            Some(value) => ClientIdentifier::parse(value).ok_or(RequestError::Header {
                name: "ClientIdentifier",
                expected: "one of Unknown, App, WebApp, Service, Android",
            })?,
        };
        extensions(event, "ClientExtensions")?;
        Ok(Self {
            identifier,
            client_type: text("ClientType")?,
            name: text("ClientName")?,
            os_name: text("ClientOSName")?,
            os_version: text("ClientOSVersion")?,
            screen_resolution: text("ClientScreenResolution")?,
            model: text("ClientModel")?,
            depersonalized_extensions: extensions(event, "ClientDepersonalizedExtensions")?,
        })
    }
}

/// A text of at most `limit` characters without control characters; an empty one is none. Every
/// header has the limit of 256 characters that [`TEXT_RULE`] names.
pub(super) fn free_text(
    name: &'static str,
    value: &str,
    limit: usize,
) -> Result<Option<String>, RequestError> {
    if value.chars().nth(limit).is_some() || value.chars().any(char::is_control) {
        return Err(RequestError::Header { name, expected: TEXT_RULE });
    }
    Ok((!value.is_empty()).then(|| value.to_owned()))
}

fn extensions(event: &Event, name: &'static str) -> Result<Option<String>, RequestError> {
    let Some(value) = event.item(name) else { return Ok(None) };
    if value.chars().nth(MAX_EXTENSIONS).is_some() {
        return Err(RequestError::Header { name, expected: EXTENSIONS_RULE });
    }
    Ok((!value.is_empty()).then(|| value.into_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(name: &str, value: &str) -> Result<Client, String> {
        let event = serde_json::from_value(json!({"headers": {name: value}})).expect("an event");
        Client::parse(&event).map_err(|error| error.to_string())
    }

    #[test]
    fn a_client_describes_itself() {
        for known in ["Unknown", "App", "WebApp", "Service", "Android"] {
            assert_eq!(parse("clientidentifier", known).unwrap().identifier.as_str(), known);
        }
        assert_eq!(parse("ClientModel", "Ö").unwrap().model.as_deref(), Some("Ö"));
        assert_eq!(parse("ClientName", "").unwrap(), Client::default());
        assert_eq!(parse("ClientExtensions", "secret").unwrap(), Client::default());
        assert_eq!(parse("ClientDepersonalizedExtensions", "").unwrap(), Client::default());
        let full = "ä".repeat(MAX_CLIENT_TEXT);
        assert_eq!(parse("ClientType", &full).unwrap().client_type, Some(full));
        let most = "ä\n".repeat(MAX_EXTENSIONS / 2);
        let parsed = parse("ClientDepersonalizedExtensions", &most).unwrap();
        assert_eq!(parsed.depersonalized_extensions, Some(most));
    }

    #[test]
    fn a_header_that_breaks_its_rule_is_named() {
        for (name, value, rule) in [
            (
                "ClientIdentifier",
                "android".to_owned(),
                "one of Unknown, App, WebApp, Service, Android",
            ),
            ("ClientType", "x".repeat(257), TEXT_RULE),
            ("ClientName", "x".repeat(100_000), TEXT_RULE),
            ("ClientOSName", "a\0b".to_owned(), TEXT_RULE),
            ("ClientOSVersion", "a\r\nb".to_owned(), TEXT_RULE),
            ("ClientScreenResolution", "\u{7f}".to_owned(), TEXT_RULE),
            ("ClientModel", "\u{85}".to_owned(), TEXT_RULE),
            ("ClientExtensions", "x".repeat(4_097), EXTENSIONS_RULE),
            ("ClientDepersonalizedExtensions", "x".repeat(4_097), EXTENSIONS_RULE),
        ] {
            let expected = format!("expected the header `{name}` to be {rule}");
            assert_eq!(parse(name, &value), Err(expected));
        }
    }
}
