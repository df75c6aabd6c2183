//! From an API Gateway event to a [`PatchRequest`]: path, headers, media type and body.

mod accept;
mod client;
mod event;
mod idempotency;
mod list;
mod precondition;
mod prefer;

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use json_patch_dynamodb::{Patch, PatchError};

pub use accept::prefers_problem;
pub use client::{Client, ClientIdentifier, MAX_CLIENT_TEXT, MAX_EXTENSIONS};
pub use event::Event;
pub use idempotency::IdempotencyKey;
pub use precondition::{Preconditions, Tags, Unmet};
pub use prefer::Preference;

use crate::id::{OptionGuid, OrgGuid};

/// The most bytes of a body: as much as an item can hold.
pub const MAX_BODY_BYTES: usize = 400 * 1024;

/// The longest alias, in characters.
pub const MAX_ALIAS: usize = 256;

const ALIAS: &str = "OrganizationAlias";

/// What a client asks for, every part of it valid.
#[derive(Debug, Clone)]
pub struct PatchRequest {
    /// The option to change.
    pub option: OptionGuid,
    /// The organization's alias in lower case, if the client names one.
    pub alias: Option<String>,
    /// Which versions the change may be made to.
    pub preconditions: Preconditions,
    /// The key by which a repetition of this request is recognized.
    pub key: Option<IdempotencyKey>,
    /// What the client would like to have in the answer.
    pub preference: Preference,
    /// Whether the client only asks what would be answered.
    pub dry_run: bool,
    /// The change.
    pub patch: Patch,
}

/// Why an event is not a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// A path parameter is not a GUID.
    #[error("expected the path parameter `{0}` to be a GUID")]
    NotAGuid(&'static str),
    /// A header breaks its rule.
    #[error("expected the header `{name}` to be {expected}")]
    Header {
        /// The header.
        name: &'static str,
        /// Its rule.
        expected: &'static str,
    },
    /// The query parameter `dryRun` is not the one value that it can have.
    #[error("expected the query parameter `dryRun` to be `All`, once")]
    DryRun,
    /// The body's media type is not JSON.
    #[error(
        "expected the content type `application/json-patch+json`, `application/merge-patch+json`, \
         `application/json`, `text/json` or `application/*+json`"
    )]
    MediaType,
    /// The body's charset is not UTF-8.
    #[error("expected the charset UTF-8")]
    Charset,
    /// The body is too long.
    #[error("expected a body of at most {MAX_BODY_BYTES} bytes")]
    BodyTooLarge,
    /// The body holds U+FFFD itself, which API Gateway puts where a body was not UTF-8.
    #[error(
        "the body holds the character U+FFFD, which may stand for bytes that were not UTF-8; JSON \
         can say it as `\\ufffd`"
    )]
    ReplacementCharacter,
    /// The body is said to be base64, and is not.
    #[error("the body is not base64")]
    NotBase64,
    /// The body is not a patch.
    #[error(transparent)]
    Patch(#[from] PatchError),
}

impl RequestError {
    /// Whether the body cannot be read at all. Otherwise what was read breaks a rule.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        match self {
            Self::MediaType
            | Self::Charset
            | Self::BodyTooLarge
            | Self::ReplacementCharacter
            | Self::NotBase64
            | Self::Patch(PatchError::NotUtf8(_) | PatchError::NotJson { .. }) => true,
            Self::NotAGuid(_) | Self::Header { .. } | Self::DryRun | Self::Patch(_) => false,
        }
    }
}

/// The organization in the path.
///
/// It is parsed before the rest of the request, about which a caller from elsewhere learns nothing.
///
/// # Errors
///
/// [`RequestError::NotAGuid`] where it is not a GUID.
pub fn organization(event: &Event) -> Result<OrgGuid, RequestError> {
    path_guid(event, "org_guid")
}

/// Whether the request is a dry run: `?dryRun=All`, as Kubernetes spells it.
///
/// Parsed before the rest of the request, as a dry run asks for another permission.
///
/// # Errors
///
/// [`RequestError::DryRun`].
pub fn dry_run(event: &Event) -> Result<bool, RequestError> {
    const NAME: &str = "dryRun";
    // A misspelt name would make the change that the client only wants to try.
    let is_misspelt = |name: &str| {
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        name != NAME && letters.collect::<String>().eq_ignore_ascii_case(NAME)
    };
    match &event.query(NAME)[..] {
        _ if event.query_names().any(is_misspelt) => Err(RequestError::DryRun),
        [] => Ok(false),
        ["All"] => Ok(true),
        _ => Err(RequestError::DryRun),
    }
}

impl PatchRequest {
    /// Parses the rest of the request.
    ///
    /// # Errors
    ///
    /// Names the first rule of the contract that the request breaks, in this order: path, headers,
    /// media type, body.
    pub fn parse(event: &Event) -> Result<Self, RequestError> {
        let option = path_guid(event, "option_guid")?;
        let alias = alias(event)?;
        let preconditions = Preconditions::parse(event)?;
        let key = IdempotencyKey::parse(event)?;
        let preference = Preference::parse(event);
        let dry_run = dry_run(event)?;
        let kind = patch_kind(event.item("Content-Type").as_deref())?;
        let body = body(event)?;
        let patch = match kind {
            PatchKind::Json => Patch::parse(&body)?,
            PatchKind::Merge => Patch::parse_merge(&body)?,
        };
        Ok(Self { option, alias, preconditions, key, preference, dry_run, patch })
    }

    /// Whether the answer is to show what a transaction has changed. A transaction returns nothing of
    /// that, so the change is made of what was read.
    #[must_use]
    pub fn shows_a_transaction(&self) -> bool {
        self.key.is_some() && self.preference.has_body()
    }
}

fn path_guid<T: std::str::FromStr>(event: &Event, name: &'static str) -> Result<T, RequestError> {
    let text = event.path_parameter(name).unwrap_or_default();
    text.parse().map_err(|_| RequestError::NotAGuid(name))
}

fn alias(event: &Event) -> Result<Option<String>, RequestError> {
    event.item(ALIAS).map_or(Ok(None), |alias| canonical_alias(&alias))
}

/// The one spelling of an alias: in lower case, as aliases are the same in any case. An empty alias
/// is none.
///
/// # Errors
///
/// [`RequestError::Header`] where the alias is too long or has a control character.
pub fn canonical_alias(text: &str) -> Result<Option<String>, RequestError> {
    let alias = client::free_text(ALIAS, text.trim(), MAX_ALIAS)?;
    Ok(alias.map(|text| text.to_lowercase()))
}

/// What a body is, by its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PatchKind {
    /// A JSON Patch.
    Json,
    /// A merge patch, unless it is an array.
    Merge,
}

/// What the body is by its media type. A body without one is read as JSON.
fn patch_kind(content_type: Option<&str>) -> Result<PatchKind, RequestError> {
    let Some(content_type) = content_type.filter(|text| !text.trim().is_empty()) else {
        return Ok(PatchKind::Json);
    };
    let mut parts = list::split(content_type, ';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    let kind = match media_type.split_once('/') {
        Some(("application", "merge-patch+json")) => PatchKind::Merge,
        Some(("application" | "text", "json")) => PatchKind::Json,
        Some(("application", subtype))
            if subtype
                .strip_suffix("+json")
                .is_some_and(|name| !name.is_empty() && name.bytes().all(is_token_byte)) =>
        {
            PatchKind::Json
        }
        _ => return Err(RequestError::MediaType),
    };
    let mut charsets = parts
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .map(|(_, value)| value.trim().trim_matches('"'));
    let utf8 = |value: &str| ["utf-8", "utf8"].iter().any(|name| value.eq_ignore_ascii_case(name));
    if charsets.all(utf8) { Ok(kind) } else { Err(RequestError::Charset) }
}

/// Whether a token may have this byte (RFC 9110 5.6.2).
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn body(event: &Event) -> Result<Cow<'_, [u8]>, RequestError> {
    let text = event.body.as_deref().unwrap_or_default();
    let body = if event.is_base64_encoded {
        // Four characters hold three bytes. A text that must hold too many bytes is not decoded at
        // all.
        if text.len() > MAX_BODY_BYTES.div_ceil(3) * 4 {
            return Err(RequestError::BodyTooLarge);
        }
        Cow::Owned(STANDARD.decode(text).map_err(|_| RequestError::NotBase64)?)
    } else {
        Cow::Borrowed(text.as_bytes())
    };
    if body.len() > MAX_BODY_BYTES {
        return Err(RequestError::BodyTooLarge);
    }
    // A REST API hands a body on as text and writes U+FFFD for what was not UTF-8 (recorded against
    // AWS: localstack, `tests/aws/services/apigateway/test_apigateway_s3.py`). If the function
    // stored such a body, it would silently change what the client has sent.
    if !event.is_base64_encoded && text.contains(char::REPLACEMENT_CHARACTER) {
        return Err(RequestError::ReplacementCharacter);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_dry_run_is_spelt_in_one_way() {
        for (query, expected) in [
            (json!({}), Ok(false)),
            (json!({"other": ["All"]}), Ok(false)),
            (json!({"dryRun": ["All"]}), Ok(true)),
            (json!({"dryRun": ["all"]}), Err(RequestError::DryRun)),
            (json!({"dryRun": [""]}), Err(RequestError::DryRun)),
            (json!({"dryRun": ["All", "All"]}), Err(RequestError::DryRun)),
            (json!({"dryrun": ["All"]}), Err(RequestError::DryRun)),
            (json!({"dry_run": ["All"]}), Err(RequestError::DryRun)),
            (json!({"dryRun": ["All"], "Dry-Run": ["All"]}), Err(RequestError::DryRun)),
        ] {
            let event = json!({"multiValueQueryStringParameters": query});
            let event = serde_json::from_value(event).expect("an event");
            assert_eq!(dry_run(&event), expected, "{query}");
        }
    }

    #[test]
    fn json_types_are_accepted_in_any_case_with_parameters() {
        for accepted in [
            None,
            Some(""),
            Some("application/json-patch+json"),
            Some("Application/JSON; Charset=\"UTF-8\""),
            Some("text/json;charset=utf8"),
            Some("application/vnd.example.v1+json; profile=x"),
            Some("application/json; profile=\"a;charset=latin1\""),
        ] {
            assert_eq!(patch_kind(accepted), Ok(PatchKind::Json), "{accepted:?}");
        }
        let merge = "Application/Merge-Patch+JSON; charset=UTF-8";
        assert_eq!(patch_kind(Some(merge)), Ok(PatchKind::Merge));
        for refused in [
            "text/plain",
            "text/merge-patch+json",
            "application/xml",
            "application/+json",
            "json",
            "text/x+json",
            "application/a b+json",
            "application/json-seq",
        ] {
            assert_eq!(patch_kind(Some(refused)), Err(RequestError::MediaType), "{refused}");
        }
        for charset in [
            "application/json; charset=latin1",
            "text/json;charset=",
            "text/json; charset=utf-8; charset=utf-16",
        ] {
            assert_eq!(patch_kind(Some(charset)), Err(RequestError::Charset), "{charset}");
        }
    }

    fn read(event: Value) -> Result<Vec<u8>, RequestError> {
        let event: Event = serde_json::from_value(event).expect("an event");
        body(&event).map(Cow::into_owned)
    }

    #[test]
    fn a_header_of_one_item_may_be_sent_twice() {
        const GUID: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
        let headers = |second: bool, values: [&str; 4]| {
            let names =
                ["Content-Type", "ClientIdentifier", "OrganizationAlias", "Idempotency-Key"];
            let twice = names.iter().zip(values).map(|(name, value)| {
                let other = if second { "other" } else { value };
                ((*name).to_owned(), json!([value, other]))
            });
            json!({
                "pathParameters": {"option_guid": GUID},
                "multiValueHeaders": twice.collect::<serde_json::Map<_, _>>(),
                "body": "[]"
            })
        };
        let values = ["application/json; charset=utf-8", "Android", "acme", "\"key\""];
        let event: Event = serde_json::from_value(headers(false, values)).unwrap();
        let request = PatchRequest::parse(&event).unwrap();
        assert_eq!(request.alias.as_deref(), Some("acme"));
        assert_eq!(request.key.unwrap().to_string(), "key");
        assert_eq!(Client::parse(&event).unwrap().identifier, ClientIdentifier::Android);
        let event: Event = serde_json::from_value(headers(true, values)).unwrap();
        assert!(PatchRequest::parse(&event).is_err());
        assert!(Client::parse(&event).is_err());
    }

    #[test]
    fn the_body_is_measured_after_decoding() {
        let text = |bytes: usize| json!({"body": " ".repeat(bytes)});
        assert_eq!(read(text(MAX_BODY_BYTES)).unwrap().len(), MAX_BODY_BYTES);
        assert_eq!(read(text(MAX_BODY_BYTES + 1)), Err(RequestError::BodyTooLarge));
        let base64 = |bytes: usize| json!({"body": STANDARD.encode(vec![b' '; bytes]), "isBase64Encoded": true});
        assert_eq!(read(base64(MAX_BODY_BYTES)).unwrap().len(), MAX_BODY_BYTES);
        assert_eq!(read(base64(MAX_BODY_BYTES + 1)), Err(RequestError::BodyTooLarge));
        assert_eq!(read(base64(6_000_000)), Err(RequestError::BodyTooLarge));
        let broken = json!({"body": "W10", "isBase64Encoded": true});
        assert_eq!(read(broken), Err(RequestError::NotBase64));
        assert_eq!(read(json!({"body": null})).unwrap(), b"");
    }

    #[test]
    fn a_body_that_may_have_lost_bytes_is_refused() {
        let replaced = "[\"\u{fffd}\"]";
        assert_eq!(read(json!({"body": replaced})), Err(RequestError::ReplacementCharacter));
        // As an escape, or as its own three bytes, it is what the client has sent.
        let escaped = r#"["\ufffd"]"#;
        assert_eq!(read(json!({"body": escaped})).unwrap(), escaped.as_bytes());
        let base64 = json!({"body": STANDARD.encode(replaced), "isBase64Encoded": true});
        assert_eq!(read(base64).unwrap(), replaced.as_bytes());
    }
}
