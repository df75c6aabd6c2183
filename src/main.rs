//! The Lambda function's entry: configuration, client, run.

use std::{convert::Infallible, process::ExitCode};

use lambda_http::{LambdaEvent, service_fn};
use tokio::runtime::{Builder, LocalOptions};
use update_organization_option::{
    Handler, Invocation, config::Config, rules::OptionRules, store::Store, telemetry,
};

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
    telemetry::log_panics();
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = &*error, "the Lambda runtime ended");
            ExitCode::FAILURE
        }
    }
}

fn run(config: Config) -> Result<(), lambda_runtime::Error> {
    if config.is_concurrent {
        return Builder::new_multi_thread().enable_all().build()?.block_on(serve(config));
    }
    // One request at a time needs one thread: more threads cost CPU time on every wake-up. The
    // service runs as a task: a task is woken without a system call, the future that a runtime
    // blocks on is not.
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(runtime.spawn_local(serve(config)))?
}

async fn serve(config: Config) -> Result<(), lambda_runtime::Error> {
    let timeout = config.timeout;
    let store = Store::connect(&config.store).await;
    store.warm_up().await;
    // `build.rs` has checked the files, and would say what is wrong.
    let rules = OptionRules::of_this_build().ok_or("the rules of this build cannot be kept")?;
    // The service may run in tasks, which may borrow only what lives as long as the process.
    let handler: &'static _ = Box::leak(Box::new(
        Handler::new(store, config.access).with_rules(rules).with_cors_origin(config.cors_origin),
    ));
    let service = service_fn(move |event: LambdaEvent<_>| async move {
        let invocation = Invocation::new(&event.context, timeout);
        Ok::<_, Infallible>(handler.handle(&event.payload, &invocation).await)
    });
    // The runtime takes one event after the other, unless the environment says that they come at
    // the same time.
    Box::pin(lambda_runtime::run_concurrent(service)).await
}
