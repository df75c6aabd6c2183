//! The answer to a client. Only this module names a status code.

use json_patch::jsonptr::Pointer;
use json_patch_dynamodb::{BrokenRules, Limits, Violation};
use lambda_http::{
    Body,
    aws_lambda_events::apigw::ApiGatewayProxyResponse,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CONTENT_LANGUAGE,
            CONTENT_TYPE, ETAG, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE,
        },
    },
};
use serde_json::{Value, json};

use crate::{
    authorize::Denied,
    error::{Code, Failure},
    id::Version,
    messages::Language,
    request::{Event, MAX_BODY_BYTES, RequestError, prefers_problem},
    store::{Outcome, Shown, StoreError},
};

/// How long a client should wait before it tries again, in seconds.
const RETRY_AFTER_SECONDS: &str = "1";

/// The media types of a patch that `Accept-Patch` can name (RFC 5789 3.1); it has no wildcards.
pub const ACCEPTED: &str =
    "application/json-patch+json, application/merge-patch+json, application/json, text/json";

const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The status and the code of a request that ended with `failure`.
#[must_use]
pub fn status_and_code(failure: &Failure) -> (StatusCode, Code) {
    const UNPROCESSABLE: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
    const FAILED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
    match failure {
        Failure::Denied(Denied::NoIdentity) => (StatusCode::UNAUTHORIZED, Code::Unauthorized),
        Failure::Denied(Denied::NoScope | Denied::OtherOrganization | Denied::NoReadScope)
        | Failure::AliasOfAnother => (StatusCode::FORBIDDEN, Code::NoPermissions),
        Failure::Request(error) if error.is_malformed() => (UNPROCESSABLE, Code::BadRequest),
        Failure::Request(_) => (UNPROCESSABLE, Code::RequestIsNotValid),
        Failure::AliasNotFound => (StatusCode::NOT_FOUND, Code::AliasIsNotFound),
        Failure::Store(error) => match error {
            StoreError::NotFound => (StatusCode::NOT_FOUND, Code::NotFound),
            StoreError::Archived { .. } => (UNPROCESSABLE, Code::NotAllowedForArchived),
            StoreError::PreconditionFailed { .. } => {
                (StatusCode::PRECONDITION_FAILED, Code::OperationCannotBePerformed)
            }
            StoreError::Duplicate => (UNPROCESSABLE, Code::Duplicate),
            StoreError::Patch { error, .. } if error.reason.is_limit() => {
                (UNPROCESSABLE, Code::RequestIsNotValid)
            }
            StoreError::Patch { .. } => (UNPROCESSABLE, Code::OperationCannotBePerformed),
            StoreError::Rules { broken, .. } if broken.is_read_only() => {
                (UNPROCESSABLE, Code::NotAllowed)
            }
            StoreError::Rules { .. } | StoreError::TooLarge { .. } => {
                (UNPROCESSABLE, Code::RequestIsNotValid)
            }
            StoreError::Throttled(_) => (StatusCode::TOO_MANY_REQUESTS, Code::TooManyRequests),
            StoreError::Contention => (StatusCode::TOO_MANY_REQUESTS, Code::TryLater),
            StoreError::Unreachable(_) | StoreError::OutcomeUnknown(_) => (FAILED, Code::TryLater),
            StoreError::Internal(_) => (FAILED, Code::InternalServerError),
        },
    }
}

/// The status and the code of a request that ended with `outcome`. A request that was carried out
/// has no code.
#[must_use]
pub fn summary(outcome: &Result<Outcome, Failure>) -> (StatusCode, Option<Code>) {
    match outcome {
        Ok(Outcome { shown: Shown::Nothing | Shown::Minimal, .. }) => {
            (StatusCode::NO_CONTENT, None)
        }
        Ok(Outcome { shown: Shown::Representation(_) | Shown::Undo(_), .. }) => {
            (StatusCode::OK, None)
        }
        Err(failure) => {
            let (status, code) = status_and_code(failure);
            (status, Some(code))
        }
    }
}

/// The answer to the request in `event`, which ended with `outcome`.
///
/// `request_id` is all that a client learns about an internal error.
#[must_use]
pub fn respond(
    outcome: &Result<Outcome, Failure>,
    event: &Event,
    request_id: &str,
) -> ApiGatewayProxyResponse {
    let mut headers = HeaderMap::new();
    let body = match outcome {
        Ok(outcome) => success(outcome, &mut headers),
        Err(failure) => Body::Text(error(failure, event, request_id, &mut headers)),
    };
    let (status, _) = summary(outcome);
    let mut response = ApiGatewayProxyResponse::default();
    response.status_code = i64::from(status.as_u16());
    response.headers = headers;
    response.body = Some(body);
    response
}

/// 204 without a body, or 200 with what the client wants to see.
fn success(Outcome { done, shown }: &Outcome, headers: &mut HeaderMap) -> Body {
    if let Some(version) = done.version {
        insert(headers, ETAG, &entity_tag(version));
    }
    if done.replayed {
        insert(headers, IDEMPOTENCY_REPLAYED, "true");
    }
    let (applied, media_type, body) = match shown {
        Shown::Nothing => return Body::Empty,
        Shown::Minimal => ("return=minimal", None, Body::Empty),
        Shown::Representation(document) => {
            let text = Body::Text(document.to_string());
            ("return=representation", Some("application/json"), text)
        }
        Shown::Undo(patch) => {
            ("undo", Some("application/json-patch+json"), Body::Text(patch.clone()))
        }
    };
    insert(headers, PREFERENCE_APPLIED, applied);
    if let Some(media_type) = media_type {
        insert(headers, CONTENT_TYPE, media_type);
    }
    body
}

/// `{code, message, info}`, or problem details where the client prefers them.
fn error(failure: &Failure, event: &Event, request_id: &str, headers: &mut HeaderMap) -> String {
    let (status, code) = status_and_code(failure);
    let language = Language::negotiate(event);
    insert(headers, CONTENT_LANGUAGE, language.tag());
    if status == StatusCode::UNAUTHORIZED {
        insert(headers, WWW_AUTHENTICATE, "Bearer");
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        insert(headers, RETRY_AFTER, RETRY_AFTER_SECONDS);
    }
    if let Some(version) = failure.version() {
        insert(headers, ETAG, &entity_tag(version));
    }
    if let Failure::Request(RequestError::MediaType) = failure {
        insert(headers, ACCEPT_PATCH, ACCEPTED);
    }
    let info = match code {
        Code::InternalServerError => format!("request {request_id}"),
        _ => failure.to_string(),
    };
    let (code, message) = (code.as_str(), language.message(code));
    if prefers_problem(event) {
        insert(headers, CONTENT_TYPE, "application/problem+json");
        problem(failure, status, json!({"detail": info, "code": code, "message": message}))
    } else {
        insert(headers, CONTENT_TYPE, "application/json");
        json!({"code": code, "message": message, "info": info}).to_string()
    }
}

/// The problem details of `failure` (RFC 9457), of which `body` has the texts.
fn problem(failure: &Failure, status: StatusCode, mut body: Value) -> String {
    body["type"] = "about:blank".into();
    // RFC 9457 4.2.1: the title of a problem without a type of its own.
    body["title"] = title(status).into();
    body["status"] = status.as_u16().into();
    let (operation, pointer, reason, limit) = match failure {
        Failure::Store(StoreError::Patch { error, .. }) => (
            Some(error.operation),
            Some(error.pointer.as_str()),
            Some(error.reason.as_str()),
            error.reason.limit(),
        ),
        Failure::Store(StoreError::Rules { broken, .. }) => {
            tell_rules(broken, &mut body);
            (broken.index(), None, None, None)
        }
        Failure::Store(StoreError::TooLarge { .. }) => {
            (None, None, Some("too-large"), Some(Limits::DYNAMODB.item_bytes))
        }
        Failure::Request(RequestError::Patch(error)) => (
            error.operation(),
            error.pointer().map(Pointer::as_str),
            Some(error.reason()),
            error.limit(),
        ),
        Failure::Request(RequestError::BodyTooLarge) => {
            (None, None, Some("body-too-large"), Some(MAX_BODY_BYTES))
        }
        _ => (None, None, None, None),
    };
    if let Some(operation) = operation {
        body["operation"] = operation.into();
    }
    if let Some(pointer) = pointer {
        body["pointer"] = pointer.into();
    }
    if let Some(reason) = reason {
        body["reason"] = reason.into();
    }
    if let Some(limit) = limit {
        body["limit"] = limit.into();
    }
    body.to_string()
}

/// The most bytes that the pointers of several violations take together.
const MAX_POINTERS: usize = 64 * 1024;

/// Tells `body` which rules are broken: the first one, and if there are several all of them.
fn tell_rules(broken: &BrokenRules, body: &mut Value) {
    let tell = |violation: &Violation| {
        json!({
            "pointer": violation.pointer,
            "reason": violation.reason(),
            "keyword": violation.keyword
        })
    };
    if let [first, ..] = &*broken.violations {
        let Value::Object(first) = tell(first) else { return };
        body.as_object_mut().into_iter().for_each(|body| body.extend(first.clone()));
    }
    // Pointers may be long, and Lambda's answer has a limit.
    let mut bytes = 0;
    let told = broken.violations.iter().take_while(|violation| {
        bytes += violation.pointer.len();
        bytes <= MAX_POINTERS
    });
    let told: Vec<_> = told.map(tell).collect();
    if told.len() > 1 {
        body["violations"] = told.into();
    }
}

/// The reason phrase of RFC 9110 15.
fn title(status: StatusCode) -> Option<&'static str> {
    match status {
        // The `http` crate has the older name.
        StatusCode::UNPROCESSABLE_ENTITY => Some("Unprocessable Content"),
        other => other.canonical_reason(),
    }
}

fn entity_tag(version: Version) -> String {
    format!("\"{version}\"")
}

/// Lets pages of `origin` read the answer, its headers included (WHATWG Fetch, "CORS protocol").
pub fn allow_origin(response: &mut ApiGatewayProxyResponse, origin: &str) {
    insert(&mut response.headers, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let exposed = "Accept-Patch, ETag, Idempotency-Replayed, Preference-Applied, Retry-After";
    insert(&mut response.headers, ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // A value is ASCII of this module, a language tag, or the configured origin. An origin that
    // cannot be a header's value is left out.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use json_patch::jsonptr::PointerBuf;

    use super::*;

    /// The problem details of a patch that breaks rules at these pointers.
    fn broken(pointers: &[&str]) -> Value {
        let violation = |pointer: &&str| Violation {
            pointer: PointerBuf::parse(*pointer).expect("a pointer"),
            keyword: "maximum",
            place: PointerBuf::new(),
            limit: None,
            member: None,
        };
        let violations = pointers.iter().map(violation).collect();
        let broken = Box::new(BrokenRules { operation: None, violations });
        let failure = Failure::Store(StoreError::Rules { broken, version: Version::default() });
        let text = problem(&failure, StatusCode::UNPROCESSABLE_ENTITY, json!({}));
        serde_json::from_str(&text).expect("JSON")
    }

    #[test]
    fn one_broken_rule_is_told_once() {
        let told = broken(&["/a"]);
        assert_eq!((&told["pointer"], &told["keyword"]), (&json!("/a"), &json!("maximum")));
        assert!(told.get("violations").is_none(), "{told}");
    }

    #[test]
    fn broken_rules_are_told_as_far_as_their_pointers_have_room() {
        let half = format!("/{}", "a".repeat(32 * 1024 - 1));
        let more = format!("{half}a");
        for (pointers, told) in
            [(vec!["/a", "/b"], 2), (vec![&*half, &half, "/b"], 2), (vec![&half, "/b", &more], 2)]
        {
            let violations = broken(&pointers)["violations"].as_array().map(Vec::len);
            assert_eq!(violations, Some(told));
        }
        assert!(broken(&[&half, &more]).get("violations").is_none());
    }

    #[test]
    fn a_body_that_is_too_large_is_told_by_its_limit() {
        let failure = Failure::Request(RequestError::BodyTooLarge);
        let told = problem(&failure, StatusCode::UNPROCESSABLE_ENTITY, json!({}));
        let told: Value = serde_json::from_str(&told).expect("JSON");
        assert_eq!((&told["reason"], &told["limit"]), (&json!("body-too-large"), &json!(409_600)));
        assert_eq!(
            (&told["status"], &told["title"]),
            (&json!(422), &json!("Unprocessable Content"))
        );
    }
}
