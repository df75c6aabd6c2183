//! The SDK's client as the function needs it: it starts quickly, and sends nothing again by itself.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_runtime::{
    invocation_id::InvocationIdInterceptor,
    request_info::RequestInfoInterceptor,
    service_clock_skew::ServiceClockSkewInterceptor,
    user_agent::{ApiMetadata, AwsUserAgent, UserAgentInterceptor},
};
use aws_sdk_dynamodb::{
    Client,
    config::{
        self, ConfigBag, Intercept, RuntimeComponents, SharedHttpClient,
        StalledStreamProtectionConfig,
        interceptors::{
            BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
        },
    },
    error::BoxError,
    meta::PKG_VERSION,
};
use aws_smithy_http_client::{
    Builder,
    tls::{self, TlsContext, TrustStore, rustls_provider::CryptoMode},
};

use aws_smithy_runtime_api::client::interceptors::{disable_interceptor, dyn_dispatch_hint};

use super::{ATTEMPT_TIMEOUT, CONNECT_TIMEOUT};

/// The certificates that sign those of AWS's endpoints ("Amazon Trust Services repository"; the
/// files are those of Mozilla's list).
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// How long an unused connection is kept. DynamoDB keeps it longer: a request on a connection that
/// is just being closed may or may not have arrived.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Who is trusted to be DynamoDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Amazon's own certificate authorities. Amazon's public endpoints need no others, and the
    /// system's would have to be parsed at every start.
    Amazon,
    /// The system's certificate authorities.
    System,
    /// Whoever answers, in clear text: an engine on this machine.
    Anyone,
}

impl Trust {
    /// Who is to be trusted at the configured endpoint, or else at the region's.
    #[must_use]
    pub fn of(endpoint: Option<&str>, region: Option<&str>) -> Self {
        let partition_is_aws = !["cn-", "us-gov-", "us-iso", "eu-isoe", "eusc-"]
            .iter()
            .any(|prefix| region.is_some_and(|region| region.starts_with(prefix)));
        match endpoint {
            Some(url) if url.starts_with("http://") => Self::Anyone,
            Some(url) => {
                let host = url.trim_start_matches("https://").split(['/', ':']).next();
                let is_aws = host.is_some_and(|host| host.ends_with(".amazonaws.com"));
                if is_aws && partition_is_aws { Self::Amazon } else { Self::System }
            }
            None if partition_is_aws => Self::Amazon,
            None => Self::System,
        }
    }
}

/// The client's time limits: `attempt` for one request, connecting included.
/// [`Effort`](super::Effort) limits all attempts together.
#[must_use]
pub fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT.min(attempt))
        .operation_attempt_timeout(attempt)
        .build()
}

/// A client that reaches DynamoDB as the environment says (region, credentials, endpoint).
pub(super) async fn client(trust: Trust) -> Client {
    let aws = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client(trust))
        .timeout_config(timeouts(ATTEMPT_TIMEOUT))
        // This would end slow transfers. The limit on an attempt ends them already.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        // The SDK would send again what may have been applied. The store decides what is sent
        // again.
        .retry_config(RetryConfig::disabled())
        .load()
        .await;
    let config = config::Builder::from(&aws).interceptor(SameHeaders::of(&aws)).build();
    Client::from_conf(config)
}

/// Gives each request the same `User-Agent`, which the SDK would put together for each, and send in two
/// headers. It also leaves out what is of use only where the SDK sends a request again, the number of the
/// attempt and an id that all attempts have in common, and the correction of a wrong clock: a signature holds
/// for 5 minutes, and Lambda's clock is right (docs/aws.md).
#[derive(Debug)]
struct SameHeaders {
    user_agent: String,
}

impl SameHeaders {
    #[expect(clippy::default_trait_access, reason = "nothing else needs the type's crate")]
    fn of(aws: &SdkConfig) -> Self {
        let api = ApiMetadata::new("dynamodb", PKG_VERSION);
        let mut user_agent = AwsUserAgent::new_from_environment(Default::default(), api);
        if let Some(name) = aws.app_name() {
            user_agent.set_app_name(name.clone());
        }
        Self { user_agent: user_agent.ua_header() }
    }
}

#[dyn_dispatch_hint]
impl Intercept for SameHeaders {
    fn name(&self) -> &'static str {
        "SameHeaders"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let state = bag.interceptor_state();
        state.store_put(disable_interceptor::<UserAgentInterceptor>("it is the same each time"));
        state.store_put(disable_interceptor::<InvocationIdInterceptor>("there is one attempt"));
        state.store_put(disable_interceptor::<RequestInfoInterceptor>("there is one attempt"));
        state.store_put(disable_interceptor::<ServiceClockSkewInterceptor>(
            "Lambda's clock is right",
        ));
        Ok(())
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        context.request_mut().headers_mut().try_insert("user-agent", self.user_agent.clone())?;
        Ok(())
    }
}

/// The connections to DynamoDB.
#[must_use]
pub fn http_client(trust: Trust) -> SharedHttpClient {
    let builder = Builder::new().pool_idle_timeout(IDLE_TIMEOUT);
    let store = match trust {
        Trust::Anyone => return builder.build_http(),
        Trust::System => TrustStore::default(),
        Trust::Amazon => TrustStore::empty().with_pem_certificate(AMAZON_ROOTS),
    };
    let https = builder.tls_provider(tls::Provider::Rustls(CryptoMode::Ring));
    // A context could be wrong only by certificates that a caller brings. Nobody brings any here.
    match TlsContext::builder().with_trust_store(store).build() {
        Ok(context) => https.tls_context(context).build_https(),
        Err(_) => https.build_https(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_amazons_public_endpoints_are_trusted_by_amazons_authorities() {
        for (endpoint, region, trust) in [
            (None, Some("eu-central-1"), Trust::Amazon),
            (None, None, Trust::Amazon),
            (None, Some("cn-north-1"), Trust::System),
            (None, Some("us-gov-west-1"), Trust::System),
            (
                Some("https://dynamodb.eu-central-1.amazonaws.com"),
                Some("eu-central-1"),
                Trust::Amazon,
            ),
            (
                Some("https://dynamodb.us-gov-west-1.amazonaws.com"),
                Some("us-gov-west-1"),
                Trust::System,
            ),
            (
                Some("https://dynamodb.cn-north-1.amazonaws.com.cn"),
                Some("cn-north-1"),
                Trust::System,
            ),
            (Some("https://evilamazonaws.com/.amazonaws.com"), Some("eu-central-1"), Trust::System),
            (Some("https://localhost:8000"), Some("eu-central-1"), Trust::System),
            (Some("http://host.docker.internal:8000"), Some("eu-central-1"), Trust::Anyone),
        ] {
            assert_eq!(Trust::of(endpoint, region), trust, "{endpoint:?} {region:?}");
        }
    }

    #[tokio::test]
    async fn a_client_can_be_made_for_each() {
        for trust in [Trust::Amazon, Trust::System, Trust::Anyone] {
            // A certificate that cannot be read would panic here.
            let _ = http_client(trust);
        }
    }
}
