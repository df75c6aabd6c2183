//! What the client is answered; the only place that names a status code.

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
    store::Done,
};

/// How long a client should wait before it tries again, in seconds.
const RETRY_AFTER_SECONDS: &str = "1";

const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The status of a request that ended so.
#[must_use]
pub fn status(outcome: &Result<Done, Failure>) -> StatusCode {
    let Err(failure) = outcome else { return StatusCode::NO_CONTENT };
    match failure {
        Failure::Denied(Denied::NoIdentity) => StatusCode::UNAUTHORIZED,
        Failure::Denied(Denied::NoScope | Denied::OtherOrganization) | Failure::AliasOfAnother => {
            StatusCode::FORBIDDEN
        }
        Failure::NotFound | Failure::AliasNotFound => StatusCode::NOT_FOUND,
        Failure::PreconditionFailed(_) => StatusCode::PRECONDITION_FAILED,
        Failure::Request(_)
        | Failure::Archived
        | Failure::Duplicate
        | Failure::Patch(_)
        | Failure::TooLarge { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        Failure::Throttled(_) | Failure::Contention => StatusCode::TOO_MANY_REQUESTS,
        Failure::Unreachable(_) | Failure::OutcomeUnknown(_) | Failure::Internal(_) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

/// The answer to a request that ended so: 204 without a body, or `{code, message, info}`.
///
/// `request_id` is all that a client learns of an internal error; `language` is only needed for one.
#[must_use]
pub fn respond(
    outcome: &Result<Done, Failure>,
    language: impl FnOnce() -> Language,
    request_id: &str,
) -> ApiGatewayProxyResponse {
    let status = status(outcome);
    let mut headers = HeaderMap::new();
    let body = match outcome {
        Ok(Done { version, replayed }) => {
            if let Some(version) = version {
                insert(&mut headers, ETAG, &format!("\"{version}\""));
            }
            if *replayed {
                insert(&mut headers, IDEMPOTENCY_REPLAYED, "true");
            }
            Body::Empty
        }
        Err(failure) => {
            let language = language();
            insert(&mut headers, CONTENT_TYPE, "application/json");
            insert(&mut headers, CONTENT_LANGUAGE, language.tag());
            if status == StatusCode::UNAUTHORIZED {
                insert(&mut headers, WWW_AUTHENTICATE, "Bearer");
            }
            if status == StatusCode::TOO_MANY_REQUESTS {
                insert(&mut headers, RETRY_AFTER, RETRY_AFTER_SECONDS);
            }
            let code = failure.code();
            let info = match code {
                Code::InternalServerError => format!("request {request_id}"),
                _ => failure.to_string(),
            };
            let message = language.message(code);
            Body::Text(json!({"code": code.as_str(), "message": message, "info": info}).to_string())
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
    // Every value is ASCII that is written here, or a language tag.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
