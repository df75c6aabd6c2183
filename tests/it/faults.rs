//! What a client is told when DynamoDB misbehaves: a proxy between the SDK's client and the engine.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::json;
use tokio::net::TcpListener;

use crate::engine::{Engine, OPTION, event};

/// What happens to every `UpdateItem`.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// It is refused, as of too high a rate.
    Throttled,
    /// The first is applied, and answered by 500; the others are passed on.
    FirstAnswerLost,
    /// It is answered by 500, and not applied.
    Failing,
}

/// The address of a proxy to `endpoint` with this fault.
pub(crate) async fn proxy(endpoint: &str, fault: Fault) -> String {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let writes = Arc::new(AtomicU32::new(0));
    let endpoint = endpoint.to_owned();
    let router = Router::new().fallback(move |mut request: Request| {
        let (client, writes, endpoint) = (client.clone(), writes.clone(), endpoint.clone());
        async move {
            let target = request.headers()["x-amz-target"].to_str().unwrap();
            let is_write = target.ends_with(".UpdateItem");
            if is_write && matches!(fault, Fault::Throttled) {
                return error(StatusCode::BAD_REQUEST, "ThrottlingException");
            }
            if is_write && matches!(fault, Fault::Failing) {
                return error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError");
            }
            *request.uri_mut() = format!("{endpoint}/").parse::<Uri>().unwrap();
            let (head, body) = client.request(request).await.unwrap().into_parts();
            let body = to_bytes(Body::new(body), usize::MAX).await.unwrap();
            if is_write
                && matches!(fault, Fault::FirstAnswerLost)
                && writes.fetch_add(1, Ordering::Relaxed) == 0
            {
                return error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError");
            }
            Response::from_parts(head, Body::from(body))
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn error(status: StatusCode, name: &str) -> Response {
    let body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{name}"), "message": ""});
    (status, [("content-type", "application/x-amz-json-1.0")], body.to_string()).into_response()
}

fn append() -> serde_json::Value {
    event(OPTION, &json!([{"op": "add", "path": "/list/-", "value": 3}]))
}

/// Time for a few attempts beside the 500 ms that are kept for the answer.
const SHORT: Duration = Duration::from_millis(700);

#[tokio::test]
async fn throttling_is_answered_by_429_and_changes_nothing() {
    let engine = Engine::start().await.behind(Fault::Throttled, SHORT).await;
    let why = "the database limits the rate of requests; nothing was changed";
    let answer = engine.refuses(append(), (429, "TooManyRequests", why)).await;
    assert_eq!(answer.headers["retry-after"], "1");
}

#[tokio::test]
async fn an_unknown_outcome_is_answered_by_500() {
    let engine = Engine::start().await.behind(Fault::Failing, SHORT).await;
    let why = "the database did not answer in time; whether the change was made is not known";
    engine.refuses(append(), (500, "TryLater", why)).await;
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_applied_once() {
    let engine = Engine::start().await.behind(Fault::FirstAnswerLost, Duration::from_mins(1)).await;
    let answer = engine.send(append()).await;
    assert_eq!((answer.status, &*answer.headers["etag"]), (204, "\"2\""));
    let (document, version) = engine.stored(OPTION).await;
    assert_eq!((&document["list"], &*version), (&json!([1, 2, 3]), "2"));
}
