//! Options and aliases into a table, one option out of it, and all of them against rules.
#![expect(clippy::print_stdout, reason = "a command's output")]

mod check;
mod line;
mod load;
mod progress;
mod show;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, retry::RetryConfig},
};
use clap::{Parser, Subcommand};
use local::{CommandError, endpoint};
use update_organization_option::{
    id::{OptionGuid, OrgGuid},
    rules::{OptionRules, OptionRulesError},
    store::{Trust, http_client, timeouts},
};

use crate::{load::Report, progress::Progress};

/// What one request has: more than the function's, as the line from here may be slow.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Sent so often before the command gives up, as a new table takes a while to take many writes.
const ATTEMPTS: u32 = 6;

/// Load options and aliases into a table, look at an option, or check all against rules.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Put what the table does not have yet; after an interruption, run it again.
    Load {
        /// A line each: `{"org": GUID, "option": GUID, "document": {…}}`, where the option was there
        /// before also its `"version"`, or `{"alias": TEXT, "org": GUID}`.
        file: PathBuf,
        /// Refuse the options that break the rules in this folder.
        #[arg(long, value_name = "DIR")]
        rules: Option<PathBuf>,
        #[command(flatten)]
        table: Table,
    },
    /// List the stored options that break rules, as before these rules are deployed.
    Check {
        /// The rules in this folder, rather than those of this build.
        #[arg(long, value_name = "DIR")]
        rules: Option<PathBuf>,
        #[command(flatten)]
        table: Table,
    },
    /// Print an option as JSON.
    Show {
        /// The option's organization.
        #[arg(long)]
        org: OrgGuid,
        /// The option.
        #[arg(long)]
        option: OptionGuid,
        #[command(flatten)]
        table: Table,
    },
}

#[derive(clap::Args)]
struct Table {
    /// The table.
    #[arg(long, default_value = "options")]
    table: String,
    /// A local DynamoDB, rather than the one of the AWS account and region in the environment.
    #[arg(long)]
    endpoint: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Load { file, rules, table } => load(file, rules, table).await,
        Command::Check { rules, table } => check(rules, table).await,
        Command::Show { org, option, table } => {
            let shown = async {
                show::show(&client(table.endpoint).await?, &table.table, org, option).await
            };
            shown.await.map(|option| {
                println!("{option:#}");
                ExitCode::SUCCESS
            })
        }
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

/// Exit status 2 says that lines were refused.
async fn load(
    file: PathBuf,
    rules: Option<PathBuf>,
    table: Table,
) -> Result<ExitCode, CommandError> {
    let rules = match rules {
        Some(folder) => rules_of(OptionRules::of_folder(&folder))?,
        None => OptionRules::default(),
    };
    let client = client(table.endpoint).await?;
    let progress = Progress::of_file(&file)?;
    let loaded = load::load(&client, &table.table, &file, &rules, |report, bytes| {
        progress.show(report, bytes);
    })
    .await;
    progress.end();
    let report = loaded?;
    println!("{report}");
    let Report { refused, refusals, .. } = report;
    for (line, why) in &refusals {
        eprintln!("line {line}: {why}");
    }
    match refused - refusals.len() as u64 {
        0 => {}
        more => eprintln!("and {more} more"),
    }
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// Exit status 2 says that options break rules.
async fn check(rules: Option<PathBuf>, table: Table) -> Result<ExitCode, CommandError> {
    let rules = match rules {
        Some(folder) => rules_of(OptionRules::of_folder(&folder))?,
        None => {
            OptionRules::of_this_build().filter(|rules| !rules.are_none()).ok_or_else(|| {
                CommandError::of("rules/", "this build has none; name a folder by --rules")
            })?
        }
    };
    let client = client(table.endpoint).await?;
    let report = check::check(&client, &table.table, &rules).await?;
    println!("{report}");
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn rules_of(rules: Result<OptionRules, OptionRulesError>) -> Result<OptionRules, CommandError> {
    rules.map_err(|error| CommandError::of("--rules", error))
}

async fn client(endpoint: Option<String>) -> Result<Client, CommandError> {
    let timeouts = timeouts(ATTEMPT_TIMEOUT);
    if let Some(endpoint) = endpoint {
        // One on this machine is there, or is not.
        let endpoint = endpoint::parse("--endpoint", &endpoint)?;
        return Ok(local::client(&endpoint, http_client(Trust::Anyone), timeouts));
    }
    let aws = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client(Trust::System))
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .load()
        .await;
    Ok(Client::new(&aws))
}
