//! The function at home: a gateway and an embedded DynamoDB in one process.
#![expect(clippy::print_stdout, reason = "a command's output")]

mod explain;
mod gateway;
mod origin;
mod replay;

use std::{net::Ipv4Addr, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use local::{CommandError, sample, token};
use update_organization_option::{id::OrgGuid, rules::OptionRules};

/// Run the function without Docker, Java or an AWS account.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API and an embedded DynamoDB until Ctrl-C (the default).
    Serve(Serve),
    /// Replay API Gateway events, each on a fresh store.
    Invoke {
        /// Files of one event each.
        #[arg(required = true)]
        events: Vec<PathBuf>,
        #[command(flatten)]
        rules: Folder,
    },
    /// Print what a patch is planned as: the expressions, the guesses, or why it is no single update.
    Explain {
        /// A file with a JSON Patch, or with a merge patch.
        patch: PathBuf,
        /// A file with a document: print also what the patch does to it.
        #[arg(long)]
        document: Option<PathBuf>,
        /// A file with the rules of the option: print also what becomes of them.
        #[arg(long)]
        rules: Option<PathBuf>,
    },
    /// Print a bearer token that the local gateway accepts.
    Token {
        /// The caller's organization.
        #[arg(long)]
        org: String,
        /// The caller's scopes.
        #[arg(long, default_value = "options/write")]
        scope: String,
        /// The caller.
        #[arg(long, default_value = "local-user")]
        sub: String,
    },
}

#[derive(clap::Args, Clone)]
struct Serve {
    /// The gateway's port.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// The embedded DynamoDB's port.
    #[arg(long, default_value_t = 8000)]
    dynamodb_port: u16,
    /// The address the embedded DynamoDB listens on; Docker's bridge, 172.17.0.1, lets containers
    /// reach it.
    #[arg(long, default_value_t = Ipv4Addr::LOCALHOST)]
    dynamodb_address: Ipv4Addr,
    /// Keep the embedded DynamoDB's data in this file, rather than in memory.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Use the DynamoDB at this address, rather than the embedded one.
    #[arg(long, conflicts_with_all = ["dynamodb_port", "dynamodb_address", "data"])]
    dynamodb_endpoint: Option<String>,
    /// The origin whose pages may call the API, or `*`; without it only the API's own page may.
    #[arg(long)]
    cors_origin: Option<String>,
    /// The table; created where it does not exist, and filled with the sample where it is empty.
    #[arg(long, default_value = "options")]
    table: String,
    #[command(flatten)]
    rules: Folder,
}

#[derive(clap::Args, Clone)]
struct Folder {
    /// Keep the rules in this folder, rather than those of this build and of the sample.
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
}

impl Folder {
    fn read(&self) -> Result<OptionRules, CommandError> {
        let Some(folder) = &self.rules else {
            let own = OptionRules::of_this_build();
            let own =
                own.ok_or_else(|| CommandError::of("rules", "this build has none to keep"))?;
            let sample = OptionRules::of_files(&sample::RULES);
            return sample
                .map(|sample| own.or(sample))
                .map_err(|error| CommandError::of("sample", error));
        };
        let rules = OptionRules::of_folder(folder);
        rules.map_err(|error| CommandError::of("--rules", error))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { command, serve } = Arguments::parse();
    let result = match command.unwrap_or(Command::Serve(serve)) {
        Command::Serve(serve) => gateway::serve(serve).await,
        Command::Invoke { events, rules } => match rules.read() {
            Ok(rules) => Box::pin(replay::invoke(&events, &rules)).await,
            Err(error) => Err(error),
        },
        Command::Explain { patch, document, rules } => {
            explain::explain(&patch, document.as_deref(), rules.as_deref())
        }
        Command::Token { org, scope, sub } => match org.parse::<OrgGuid>() {
            Ok(org) => {
                println!("{}", token::sign(org, &scope, &sub));
                Ok(())
            }
            Err(error) => Err(CommandError::of(format!("--org {org}"), error)),
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
