//! The Lambda function's entry: configuration, client, run.

use std::process::ExitCode;

use lambda_http::{LambdaEvent, service_fn};
use update_organization_option::{Handler, Invocation, config::Config, store::Store, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => {
            // Nothing is configured yet, the log format included; Lambda reports the exit status.
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    telemetry::init(&config.log);
    let handler = &Handler::new(Store::connect(&config.store).await, config.access);
    let serve = |event: LambdaEvent<_>| async move {
        let invocation = Invocation::from(&event.context);
        Ok::<_, std::convert::Infallible>(handler.handle(&event.payload, &invocation).await)
    };
    match Box::pin(lambda_runtime::run(service_fn(serve))).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = &*error, "the Lambda runtime ended");
            ExitCode::FAILURE
        }
    }
}
