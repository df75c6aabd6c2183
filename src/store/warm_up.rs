//! A connection that is opened before the first request.
//!
//! A small function has more CPU time at its start than afterwards, and a TLS handshake is most of
//! what a first request costs.

use std::{
    convert::Infallible,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{
        ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextMut,
    },
    error::BoxError,
    types::AttributeValue,
};
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt as _;
use tokio::sync::oneshot;

/// How long the first connection may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Sends a read of an item that does not exist, and waits until the read is on its way or has
/// failed.
///
/// By then the client has made all that a request needs. The answer is not waited for: a first
/// request that comes before it opens a connection of its own, which costs less than every start
/// would lose by waiting (docs/performance.md).
pub(super) async fn connect(client: &Client, table: &str) {
    let nothing = AttributeValue::S("-".into());
    let (read, is_read) = oneshot::channel();
    let request = client
        .get_item()
        .table_name(table)
        .key("pk", nothing.clone())
        .key("sk", nothing)
        .customize()
        .interceptor(BodyWatch(Mutex::new(Some(read))));
    tokio::spawn(async {
        let _ = tokio::time::timeout(TIMEOUT, request.send()).await;
    });
    // This ends when the sender is dropped: when the body is read, or is dropped itself.
    let _ = is_read.await;
}

/// Drops its sender when the body of the request is read. By then there is a connection.
#[derive(Debug)]
struct BodyWatch(Mutex<Option<oneshot::Sender<Infallible>>>);

impl Intercept for BodyWatch {
    fn name(&self) -> &'static str {
        "BodyWatch"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let body = context.request_mut().take_body().map_frame(move |frame| {
            drop(read.take());
            frame
        });
        *context.request_mut().body_mut() = SdkBody::from_body_1_x(body);
        Ok(())
    }
}
