//! Events replayed, each on a fresh store.

use std::{fs, io::IsTerminal as _, net::Ipv4Addr, path::PathBuf, time::Duration};

use local::{
    CommandError,
    engine::{self, Database},
    table,
};
use serde_json::Value;
use tracing::level_filters::LevelFilter;
use update_organization_option::{
    config::{LogConfig, LogFormat},
    request::Event,
    rules::OptionRules,
    store::{ATTEMPT_TIMEOUT, Trust, http_client, timeouts},
    telemetry,
};

use crate::gateway;

const TABLE: &str = "options";

/// Less than the function has, as some events use all of it.
const TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) async fn invoke(files: &[PathBuf], rules: &OptionRules) -> Result<(), CommandError> {
    let colour = std::io::stdout().is_terminal();
    let paint = |code: &str, text: &str| {
        if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    };
    // All are read first: a file that is no event stops before anything is replayed.
    let mut events = Vec::new();
    for file in files {
        let failed = |error: &dyn std::fmt::Display| CommandError::of(file.display(), error);
        let text = fs::read_to_string(file).map_err(|error| failed(&error))?;
        let event: Value = serde_json::from_str(&text).map_err(|error| failed(&error))?;
        if !event["requestContext"].is_object() {
            return Err(failed(&"not an API Gateway event: `requestContext` is missing"));
        }
        let event: Event = serde_json::from_value(event).map_err(|error| failed(&error))?;
        events.push((file, event));
    }
    // What a client is not told: the cause of an answer of 5xx.
    let (level, others) = (LevelFilter::ERROR, LevelFilter::ERROR);
    telemetry::init(&LogConfig { level, others, format: LogFormat::Text, metrics: None });
    for (file, event) in events {
        let listener = gateway::listen(Ipv4Addr::LOCALHOST, 0).await?;
        let endpoint = engine::serve(listener, Database::in_memory()?).await?;
        let client =
            local::client(&endpoint, http_client(Trust::Anyone), timeouts(ATTEMPT_TIMEOUT));
        table::prepare(&client, TABLE).await?;
        let [org, option] = ["org_guid", "option_guid"]
            .map(|name| event.path_parameter(name).unwrap_or_default().to_owned());
        let before = gateway::item(&client, TABLE, &org, &option).await;
        let handler = gateway::handler(&client, TABLE, rules.clone());
        let answer = handler.handle(&event, &gateway::invocation(TIMEOUT)).await;
        let after = gateway::item(&client, TABLE, &org, &option).await;

        let status = answer.status_code.to_string();
        let status = paint(if answer.status_code < 300 { "32" } else { "31" }, &status);
        println!("{}\n  {status}", paint("1", &file.display().to_string()));
        for (name, value) in &answer.headers {
            println!("  {name}: {}", String::from_utf8_lossy(value.as_bytes()));
        }
        if let Some(lambda_http::Body::Text(body)) = &answer.body {
            println!("  {body}");
        }
        if before == after {
            println!("  unchanged");
        }
        let names = [&before, &after].into_iter().flatten().filter_map(Value::as_object);
        let names: std::collections::BTreeSet<_> = names.flat_map(|item| item.keys()).collect();
        for name in names {
            let [old, new] =
                [&before, &after].map(|item| item.as_ref().and_then(|item| item.get(name)));
            if old != new {
                for (sign, code, value) in [("-", "31", old), ("+", "32", new)] {
                    if let Some(value) = value {
                        println!("  {}", paint(code, &format!("{sign} {name}: {value}")));
                    }
                }
            }
        }
    }
    Ok(())
}
