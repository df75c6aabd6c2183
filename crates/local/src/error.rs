//! What ends a command.

use std::{error::Error, fmt};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// One line that says what was wanted, what was found, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CommandError(String);

impl CommandError {
    /// What is the matter with `what`.
    pub fn of(what: impl fmt::Display, error: impl fmt::Display) -> Self {
        Self(format!("{what}: {error}"))
    }

    /// What DynamoDB, or what there is in its place, answers to a request for `table`.
    pub fn of_table<E>(table: &str, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let what = format!("table `{table}`");
        if error.code() == Some("ResourceNotFoundException") {
            return Self::of(what, "there is none; `cargo run --example local` makes a local one");
        }
        // DynamoDB gives each answer an id.
        if let Some(answer) = error.raw_response()
            && answer.headers().get("x-amzn-requestid").is_none()
        {
            let status = answer.status();
            let why = format!("what answers there ({status}) is no DynamoDB; check the endpoint");
            return Self::of(what, why);
        }
        match error {
            SdkError::ServiceError(_) | SdkError::ResponseError(_) => {
                let text = error.message().or(error.code());
                Self::of(what, text.unwrap_or("what answers is no DynamoDB"))
            }
            _ => {
                let first: &dyn Error = error;
                let root = std::iter::successors(Some(first), |&error| error.source()).last();
                let root = root.unwrap_or(first);
                Self::of(
                    what,
                    format!(
                        "DynamoDB cannot be reached: {root}; check the endpoint, and in an AWS \
                         account its region and credentials"
                    ),
                )
            }
        }
    }
}
