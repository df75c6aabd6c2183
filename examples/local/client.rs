//! A client of a local DynamoDB.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    config::{
        BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig, retry::RetryConfig,
    },
};
use update_organization_option::store::{ATTEMPT_TIMEOUT, timeouts};

/// A client of a local DynamoDB, which takes any credentials, with the deployed one's time limits.
pub(crate) fn local(endpoint: &str) -> Client {
    local_with(endpoint, ATTEMPT_TIMEOUT)
}

/// The same, with this time for one request.
pub(crate) fn local_with(endpoint: &str, attempt: Duration) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts(attempt))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .endpoint_url(endpoint)
        .build();
    Client::from_conf(config)
}
