//! The API Gateway event, read so that nothing a client sends can make it unreadable.
//!
//! `lambda_http` rebuilds an `http::Request` from the event. Where a client's `Host`, header value
//! or base64 cannot be part of one, it fails, in places by a panic, and the client gets the
//! gateway's 502. Here text stays text until the stage that can refuse it with a coded answer.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};
use serde_json::{Value, value::RawValue};

/// How many equal values of a header are recognized where only their joined text is known.
const MAX_REPEATS: usize = 8;

/// What the function reads of a REST API proxy event (version 1.0) or an HTTP API event (2.0).
///
/// Both spell these members the same way. A member that is missing or null counts as empty:
/// an event that is not from a gateway carries no identity and is refused as anonymous.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    #[serde(deserialize_with = "lenient")]
    path_parameters: BTreeMap<String, Value>,
    #[serde(deserialize_with = "lenient")]
    headers: BTreeMap<String, Value>,
    #[serde(deserialize_with = "lenient")]
    multi_value_headers: BTreeMap<String, Value>,
    #[serde(deserialize_with = "lenient")]
    query_string_parameters: BTreeMap<String, Value>,
    #[serde(deserialize_with = "lenient")]
    multi_value_query_string_parameters: BTreeMap<String, Value>,
    /// The body as the gateway passes it: as text, or as base64 where the gateway took it for
    /// binary.
    #[serde(deserialize_with = "lenient")]
    pub body: Option<String>,
    /// Whether `body` is base64.
    #[serde(deserialize_with = "lenient")]
    pub is_base64_encoded: bool,
    #[serde(deserialize_with = "lenient")]
    request_context: RequestContext,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RequestContext {
    #[serde(deserialize_with = "lenient")]
    authorizer: Value,
}

/// Reads a member. Null, or a type that no gateway sends, counts as empty. A member that cannot be
/// read at all is an error: a precondition must not be lost with the header beside it.
///
/// The member is read through its text. So only the wanted part of it is built, and the runtime
/// does not keep track of the place in the event for each part.
fn lenient<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + DeserializeOwned,
{
    let text = Box::<RawValue>::deserialize(deserializer)?;
    match serde_json::from_str(text.get()) {
        Err(error) if !error.is_data() => Err(D::Error::custom(error)),
        read => Ok(read.unwrap_or_default()),
    }
}

impl Event {
    /// The path parameter of this name, decoded by the gateway.
    #[must_use]
    pub fn path_parameter(&self, name: &str) -> Option<&str> {
        self.path_parameters.get(name)?.as_str()
    }

    /// The values of the query parameter `name`, decoded by the gateway. An HTTP API joins the values
    /// of a repeated one by commas.
    #[must_use]
    pub fn query(&self, name: &str) -> Vec<&str> {
        // In a version 1.0 event `queryStringParameters` holds only the last of repeated values.
        let repeated = self.multi_value_query_string_parameters.get(name);
        match repeated.and_then(Value::as_array) {
            Some(values) if !values.is_empty() => {
                values.iter().map(|value| value.as_str().unwrap_or_default()).collect()
            }
            _ => {
                let one = self.query_string_parameters.get(name).filter(|one| !one.is_null());
                one.map(|value| value.as_str().unwrap_or_default()).into_iter().collect()
            }
        }
    }

    /// The names of the query parameters.
    pub fn query_names(&self) -> impl Iterator<Item = &str> {
        let names = self.query_string_parameters.keys();
        names.chain(self.multi_value_query_string_parameters.keys()).map(String::as_str)
    }

    /// The value of the header `name`, whose value is a list. The case of the name does not matter.
    /// Repeated values are joined by commas, as RFC 9110 5.3 allows. HTTP APIs join them
    /// themselves.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        joined(&self.values(name))
    }

    /// The value of the header `name`, whose value is one item. The case of the name does not
    /// matter. A header that comes several times with the same value has that value. Different
    /// values are joined as those of a list.
    #[must_use]
    pub fn item(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut values = self.values(name);
        values.dedup();
        // An HTTP API has joined repeated values itself.
        if self.multi_value_headers.is_empty()
            && let [joined] = &mut values[..]
        {
            *joined = repeated_part(joined);
        }
        joined(&values)
    }

    fn values(&self, name: &str) -> Vec<&str> {
        // In a version 1.0 event `headers` holds only the last of repeated values.
        let repeated = named(&self.multi_value_headers, name).filter_map(Value::as_array);
        let values: Vec<_> = repeated.flatten().filter_map(Value::as_str).collect();
        if values.is_empty() {
            return named(&self.headers, name).filter_map(Value::as_str).collect();
        }
        values
    }

    /// What the gateway's authorizer found out about the caller; null without an authorizer.
    #[must_use]
    pub fn authorizer(&self) -> &Value {
        &self.request_context.authorizer
    }
}

fn joined<'v>(values: &[&'v str]) -> Option<Cow<'v, str>> {
    match values {
        [] => None,
        [one] => Some(Cow::Borrowed(one)),
        _ => Some(Cow::Owned(values.join(", "))),
    }
}

/// The part that `text` repeats, with commas between; `text` itself where it repeats none.
fn repeated_part(text: &str) -> &str {
    let part = |count: usize, separator: &str| {
        let length =
            (text.len() + separator.len()).checked_div(count)?.checked_sub(separator.len())?;
        let part = text.get(..length).filter(|part| !part.is_empty())?;
        (vec![part; count].join(separator) == text).then_some(part)
    };
    let mut parts = (2..=MAX_REPEATS).rev().flat_map(|count| [part(count, ","), part(count, ", ")]);
    parts.find_map(|part| part).unwrap_or(text)
}

/// The values of the headers of this name, in any case.
fn named<'h>(headers: &'h BTreeMap<String, Value>, name: &str) -> impl Iterator<Item = &'h Value> {
    headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn event(value: Value) -> Event {
        serde_json::from_value(value).expect("an event")
    }

    #[test]
    fn a_header_is_found_in_any_case_and_repeats_are_joined() {
        let event = event(json!({
            "headers": {"language": "ru", "X": "last", "gone": null},
            "multiValueHeaders": {"x": ["first", "last"], "empty": [], "none": null}
        }));
        assert!(matches!(event.header("Language"), Some(Cow::Borrowed("ru"))));
        assert_eq!(event.header("X").as_deref(), Some("first, last"));
        for absent in ["gone", "empty", "none", "other"] {
            assert_eq!(event.header(absent), None, "{absent}");
        }
    }

    #[test]
    fn query_parameters_are_found_in_each_version_of_an_event() {
        let event = event(json!({
            "queryStringParameters": {"a": "last", "b": "one", "gone": null, "odd": 1},
            "multiValueQueryStringParameters": {"a": ["first", "last"], "b": [], "c": ["x", null]}
        }));
        for (name, values) in [
            ("a", &["first", "last"][..]),
            ("b", &["one"]),
            ("c", &["x", ""]),
            ("odd", &[""]),
            ("gone", &[]),
            ("A", &[]),
        ] {
            assert_eq!(event.query(name), values, "{name}");
        }
        let names: BTreeSet<_> = event.query_names().collect();
        assert_eq!(names, BTreeSet::from(["a", "b", "c", "gone", "odd"]));
    }

    #[test]
    fn an_item_that_is_repeated_is_one() {
        let rest = event(json!({
            "headers": {"same": "x"},
            "multiValueHeaders": {
                "same": ["x", "x"], "other": ["x", "y"], "Split": ["x"], "split": ["x"], "one": ["x,x"]
            }
        }));
        for (name, item) in [("same", "x"), ("split", "x"), ("other", "x, y"), ("one", "x,x")] {
            assert_eq!(rest.item(name).as_deref(), Some(item), "{name}");
        }
        assert_eq!(rest.item("none"), None);

        for (joined, item) in [
            ("x", "x"),
            ("x,x", "x"),
            ("x, x, x", "x"),
            ("x,x, x", "x,x, x"),
            ("x,y", "x,y"),
            ("\"a,b\",\"a,b\"", "\"a,b\""),
            ("\"a, a\"", "\"a, a\""),
            ("ä,ä", "ä"),
            ("", ""),
            (",", ","),
            (",,", ",,"),
            (&["x"; 8].join(","), "x"),
        ] {
            let http = event(json!({"headers": {"name": joined}}));
            assert_eq!(http.item("name").as_deref(), Some(item), "{joined}");
        }
    }

    #[test]
    fn whatever_a_client_puts_into_an_event_can_be_read() {
        let event = event(json!({
            "path": "/prod/orgs//../x",
            "headers": {"Host": "[", "X-Forwarded-Proto": "://", "bad name": "a\u{0}\r\nb"},
            "multiValueHeaders": null,
            "pathParameters": {"org_guid": "/../"},
            "body": "%%%",
            "isBase64Encoded": true,
            "requestContext": {"authorizer": {"claims": {"n": 1, "list": ["a"]}}}
        }));
        assert_eq!(event.header("BAD NAME").as_deref(), Some("a\u{0}\r\nb"));
        assert_eq!(event.path_parameter("org_guid"), Some("/../"));
        assert_eq!(event.path_parameter("option_guid"), None);
    }

    #[test]
    fn what_no_gateway_sends_counts_as_empty() {
        let event = event(json!({
            "headers": {"X": 5, "Language": "ru", "language": "en"},
            "multiValueHeaders": {"X": "a", "Y": [null], "Language": []},
            "pathParameters": {"org_guid": 5},
            "body": {},
            "isBase64Encoded": "true",
            "requestContext": 5
        }));
        assert_eq!(event.header("Language").as_deref(), Some("ru, en"));
        for name in ["X", "Y"] {
            assert_eq!(event.header(name), None);
        }
        assert_eq!(event.path_parameter("org_guid"), None);
        assert_eq!((&event.body, event.is_base64_encoded), (&None, false));
        assert_eq!(event.authorizer(), &Value::Null);
    }

    #[test]
    fn a_member_that_cannot_be_read_is_not_taken_for_empty() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for unreadable in [r#""\ud800""#, r#""\udc00x""#, &deep] {
            for member in ["headers", "multiValueHeaders", "requestContext", "pathParameters"] {
                let text = format!(r#"{{"{member}": {{"If-Match": "\"1\"", "x": {unreadable}}}}}"#);
                let read = serde_json::from_str::<Event>(&text);
                // Only the authorizer is read of the request's context.
                assert_eq!(read.is_ok(), member == "requestContext", "{text}");
            }
            // A claim that cannot be read gives nobody an identity.
            let claim =
                format!(r#"{{"requestContext": {{"authorizer": {{"sub": {unreadable}}}}}}}"#);
            let event = serde_json::from_str::<Event>(&claim).expect("an event");
            assert_eq!(event.authorizer(), &Value::Null, "{claim}");
        }
        assert!(serde_json::from_str::<Event>(r#"{"body": "\ud800"}"#).is_err());
    }

    #[test]
    fn an_event_of_something_else_is_anonymous() {
        for value in [json!({}), json!({"requestContext": null, "headers": null})] {
            assert_eq!(event(value).authorizer(), &Value::Null);
        }
    }
}
