//! The Lambda function's entry: configuration, client, run.

use std::{convert::Infallible, process::ExitCode};

use lambda_http::{LambdaEvent, service_fn};
use tokio::runtime::Builder;
use update_organization_option::{Handler, Invocation, config::Config, store::Store, telemetry};

fn main() -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => {
            // Nothing is configured yet, the log format included; Lambda reports the exit status.
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    telemetry::init(&config.log);
    // One request at a time needs one thread, and threads cost CPU time on every wake-up.
    let mut builder = if config.is_concurrent {
        Builder::new_multi_thread()
    } else {
        Builder::new_current_thread()
    };
    let outcome = match builder.enable_all().build() {
        Ok(runtime) => runtime.block_on(serve(config)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = &*error, "the Lambda runtime ended");
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: Config) -> Result<(), lambda_runtime::Error> {
    let store = Store::connect(&config.store).await;
    store.warm_up().await;
    // Needed to the end of the process, and by tasks that the compiler cannot see the end of.
    let handler: &'static _ = Box::leak(Box::new(
        Handler::new(store, config.access).with_cors_origin(config.cors_origin),
    ));
    let service = service_fn(move |event: LambdaEvent<_>| async move {
        let invocation = Invocation::from(&event.context);
        Ok::<_, Infallible>(handler.handle(&event.payload, &invocation).await)
    });
    if config.is_concurrent {
        Box::pin(lambda_runtime::run_concurrent(service)).await
    } else {
        Box::pin(lambda_runtime::run(service)).await
    }
}
