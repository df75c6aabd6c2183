//! The answer to a client. Only this module names a status code.

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
use serde_json::json;

use crate::{
    authorize::Denied,
    error::{Code, Failure},
    messages::Language,
    store::{Done, StoreError},
};

/// How long a client should wait before it tries again, in seconds.
const RETRY_AFTER_SECONDS: &str = "1";

const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The status and the code of a request that ended with `failure`.
#[must_use]
pub fn status_and_code(failure: &Failure) -> (StatusCode, Code) {
    const UNPROCESSABLE: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
    const FAILED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;
    match failure {
        Failure::Denied(Denied::NoIdentity) => (StatusCode::UNAUTHORIZED, Code::Unauthorized),
        Failure::Denied(Denied::NoScope | Denied::OtherOrganization) | Failure::AliasOfAnother => {
            (StatusCode::FORBIDDEN, Code::NoPermissions)
        }
        Failure::Request(error) if error.is_malformed() => (UNPROCESSABLE, Code::BadRequest),
        Failure::Request(_) => (UNPROCESSABLE, Code::RequestIsNotValid),
        Failure::AliasNotFound => (StatusCode::NOT_FOUND, Code::AliasIsNotFound),
        Failure::Store(error) => match error {
            StoreError::NotFound => (StatusCode::NOT_FOUND, Code::NotFound),
            StoreError::Archived => (UNPROCESSABLE, Code::NotAllowedForArchived),
            StoreError::PreconditionFailed(_) => {
                (StatusCode::PRECONDITION_FAILED, Code::OperationCannotBePerformed)
            }
            StoreError::Duplicate => (UNPROCESSABLE, Code::Duplicate),
            StoreError::Patch(error) if error.reason.is_limit() => {
                (UNPROCESSABLE, Code::RequestIsNotValid)
            }
            StoreError::Patch(_) => (UNPROCESSABLE, Code::OperationCannotBePerformed),
            StoreError::TooLarge { .. } => (UNPROCESSABLE, Code::RequestIsNotValid),
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
pub fn summary(outcome: &Result<Done, Failure>) -> (StatusCode, Option<Code>) {
    match outcome {
        Ok(_) => (StatusCode::NO_CONTENT, None),
        Err(failure) => {
            let (status, code) = status_and_code(failure);
            (status, Some(code))
        }
    }
}

/// The answer to a request that ended with `outcome`: 204 without a body, or an error as JSON.
///
/// `request_id` is all that a client learns about an internal error. `language` is called for an
/// error only.
#[must_use]
pub fn respond(
    outcome: &Result<Done, Failure>,
    language: impl FnOnce() -> Language,
    request_id: &str,
) -> ApiGatewayProxyResponse {
    let mut headers = HeaderMap::new();
    let (status, body) = match outcome {
        Ok(Done { version, replayed }) => {
            if let Some(version) = version {
                insert(&mut headers, ETAG, &format!("\"{version}\""));
            }
            if *replayed {
                insert(&mut headers, IDEMPOTENCY_REPLAYED, "true");
            }
            (StatusCode::NO_CONTENT, Body::Empty)
        }
        Err(failure) => {
            let (status, code) = status_and_code(failure);
            let language = language();
            insert(&mut headers, CONTENT_TYPE, "application/json");
            insert(&mut headers, CONTENT_LANGUAGE, language.tag());
            if status == StatusCode::UNAUTHORIZED {
                insert(&mut headers, WWW_AUTHENTICATE, "Bearer");
            }
            if status == StatusCode::TOO_MANY_REQUESTS {
                insert(&mut headers, RETRY_AFTER, RETRY_AFTER_SECONDS);
            }
            let info = match code {
                Code::InternalServerError => format!("request {request_id}"),
                _ => failure.to_string(),
            };
            let message = language.message(code);
            let body = json!({"code": code.as_str(), "message": message, "info": info});
            (status, Body::Text(body.to_string()))
        }
    };
    let mut response = ApiGatewayProxyResponse::default();
    response.status_code = i64::from(status.as_u16());
    response.headers = headers;
    response.body = Some(body);
    response
}

/// Lets pages of `origin` read the answer, its headers included (WHATWG Fetch, "CORS protocol").
pub fn allow_origin(response: &mut ApiGatewayProxyResponse, origin: &str) {
    insert(&mut response.headers, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let exposed = "ETag, Idempotency-Replayed, Retry-After";
    insert(&mut response.headers, ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // A value is ASCII of this module, a language tag, or the configured origin. An origin that
    // cannot be a header's value is left out.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
