//! A proxy before a DynamoDB, at which requests go wrong on purpose.

use std::{future::pending, io, net::IpAddr, sync::Arc, time::Duration};

use axum::body::{Body, Bytes, to_bytes};
use futures_util::stream::{self, StreamExt as _};
use hyper::{
    HeaderMap, Request, Response, StatusCode, Uri,
    body::Incoming,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN},
    http::uri::Authority,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, sync::Semaphore, time::sleep};
use tokio_util::task::TaskTracker;

/// What happens to one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It is answered by this error, and not passed on.
    Refused(u16, &'static str),
    /// It is a transaction that is cancelled for this reason, each of its actions, and not passed on.
    Cancelled(&'static str),
    /// Its connection is closed, and it is not passed on.
    Dropped,
    /// It is passed on, and answered by this error.
    AppliedThenRefused(u16, &'static str),
    /// It is passed on, and its connection closed without an answer.
    AnswerDropped,
    /// It is passed on, and half of the answer comes back.
    AnswerCut,
    /// It is passed on, and half of the answer comes back, but never the rest.
    AnswerStuck,
    /// It is passed on, and the answer comes back as this makes it.
    AnswerGarbled(fn(&str) -> String),
    /// It is passed on after this time, and never answered.
    AppliedLate(Duration),
    /// It is passed on once the gate has a permit, also where its client has gone meanwhile.
    Held(Arc<Semaphore>),
    /// It is a read, and what it answers is of two moments: idempotency records as before the first.
    WithoutRecords,
    /// It is not passed on, and never answered.
    Hanging,
}

/// A request's operation (`UpdateItem`, `GetItem` …) and its body to what happens to it; none where
/// it is passed on as it is.
pub type Decide = dyn Fn(&str, &[u8]) -> Option<Fault> + Send + Sync;

/// Passes what `listener` accepts on to `endpoint`, but for what `decide` says. What is passed on late
/// is one of the tasks that `late` keeps track of.
pub async fn serve(
    listener: TcpListener,
    endpoint: String,
    decide: Arc<Decide>,
    late: TaskTracker,
) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let proxy = Arc::new(Proxy { client, endpoint, late });
    while let Ok((stream, _)) = listener.accept().await {
        let (proxy, decide) = (proxy.clone(), decide.clone());
        let answer = service_fn(move |request| answer(proxy.clone(), decide.clone(), request));
        // An error is a connection that ended: by a fault, or by the client.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

struct Proxy {
    client: Client<HttpConnector, Body>,
    endpoint: String,
    late: TaskTracker,
}

/// An error closes the connection.
async fn answer(
    proxy: Arc<Proxy>,
    decide: Arc<Decide>,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let (mut head, body) = request.into_parts();
    // No page has business with a database.
    if head.headers.contains_key(ORIGIN) || !is_own_host(&head.headers) {
        return error(403, "AccessDeniedException", &Value::Null);
    }
    let body = to_bytes(Body::new(body), usize::MAX).await.map_err(io::Error::other)?;
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.split('.').next_back()).unwrap_or_default();
    let fault = decide(operation, &body);
    head.uri = format!("{}/", proxy.endpoint).parse::<Uri>().map_err(io::Error::other)?;
    let request = Request::from_parts(head, Body::from(body));
    let late = proxy.late.clone();
    // What is passed on is carried out even where the client has gone meanwhile.
    let pass_on = |delay: Duration| {
        tokio::spawn(async move {
            sleep(delay).await;
            let answer = proxy.client.request(request).await.map_err(io::Error::other)?;
            let (head, body) = answer.into_parts();
            let body = to_bytes(Body::new(body), usize::MAX).await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((head, body))
        })
    };
    match fault {
        None => {
            let (head, body) = pass_on(Duration::ZERO).await??;
            Ok(Response::from_parts(head, Body::from(body)))
        }
        Some(Fault::Refused(status, name)) => error(status, name, &Value::Null),
        Some(Fault::Cancelled(code)) => {
            let reason = json!({"Code": code, "Message": "injected"});
            error(400, "TransactionCanceledException", &json!([reason, reason]))
        }
        Some(Fault::Dropped) => Err(io::ErrorKind::ConnectionReset.into()),
        Some(Fault::AppliedThenRefused(status, name)) => {
            pass_on(Duration::ZERO).await??;
            error(status, name, &Value::Null)
        }
        Some(Fault::AnswerDropped) => {
            pass_on(Duration::ZERO).await??;
            Err(io::ErrorKind::ConnectionReset.into())
        }
        Some(fault @ (Fault::AnswerCut | Fault::AnswerStuck)) => {
            let (head, body) = pass_on(Duration::ZERO).await??;
            let half = stream::iter([Ok(body.slice(..body.len() / 2))]);
            let end = stream::once(async move {
                match fault {
                    Fault::AnswerCut => Err::<Bytes, _>(io::ErrorKind::ConnectionReset.into()),
                    _ => pending::<io::Result<_>>().await,
                }
            });
            Ok(Response::from_parts(head, Body::from_stream(half.chain(end))))
        }
        Some(Fault::AnswerGarbled(garble)) => {
            let (mut head, body) = pass_on(Duration::ZERO).await??;
            // Of the answer as it was.
            head.headers.remove(CONTENT_LENGTH);
            head.headers.remove("x-amz-crc32");
            Ok(Response::from_parts(head, Body::from(garble(&String::from_utf8_lossy(&body)))))
        }
        Some(Fault::AppliedLate(delay)) => {
            late.spawn(pass_on(delay));
            pending().await
        }
        Some(Fault::Held(gate)) => {
            let answer = late.spawn(async move {
                gate.acquire().await.map_err(io::Error::other)?.forget();
                pass_on(Duration::ZERO).await?
            });
            let (head, body) = answer.await??;
            Ok(Response::from_parts(head, Body::from(body)))
        }
        Some(Fault::WithoutRecords) => {
            let (mut head, body) = pass_on(Duration::ZERO).await??;
            let mut answer: Value = serde_json::from_slice(&body)?;
            for items in answer["Responses"].as_object_mut().into_iter().flat_map(Map::values_mut) {
                let Some(items) = items.as_array_mut() else { continue };
                items.retain(|item| item.get("fingerprint").is_none());
            }
            // Of the answer as it was.
            head.headers.remove(CONTENT_LENGTH);
            head.headers.remove("x-amz-crc32");
            Ok(Response::from_parts(head, Body::from(answer.to_string())))
        }
        Some(Fault::Hanging) => pending().await,
    }
}

/// An error as DynamoDB writes it.
fn error(status: u16, name: &str, reasons: &Value) -> io::Result<Response<Body>> {
    let mut body = json!({
        "__type": format!("com.amazonaws.dynamodb.v20120810#{name}"),
        "message": "injected"
    });
    if !reasons.is_null() {
        body["CancellationReasons"] = reasons.clone();
    }
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, "application/x-amz-json-1.0".parse().map_err(io::Error::other)?);
    Ok(response)
}

/// Where a container finds this machine.
const HOST_OF_CONTAINERS: &str = "host.docker.internal";

/// Whether a request's `Host` is an address, or a name that is always this machine's. A page that
/// rebinds its own name to this machine's address calls by that name.
#[must_use]
pub fn is_own_host(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.eq_ignore_ascii_case(HOST_OF_CONTAINERS)
        || address.parse::<IpAddr>().is_ok()
}
