//! Configuration: the only code here that reads the environment.

use std::{env, ops::RangeInclusive, time::Duration};

use tracing::level_filters::LevelFilter;

use crate::{
    authorize::AccessRules,
    store::{RETENTION, StoreConfig, Trust},
};

/// The function's configuration, as its environment gives it.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which claims give access.
    pub access: AccessRules,
    /// The origin whose pages may read answers, or `*`; none by default.
    pub cors_origin: Option<String>,
    /// Where the options are.
    pub store: StoreConfig,
    /// What is logged, and how.
    pub log: LogConfig,
    /// How long the function may take for a request, where Lambda names no deadline.
    pub timeout: Duration,
    /// Whether requests come at the same time (Lambda Managed Instances), rather than one by one.
    pub is_concurrent: bool,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// The least severe level that is written.
    pub level: LevelFilter,
    /// The same for lines of other crates.
    pub others: LevelFilter,
    /// How a line looks.
    pub format: LogFormat,
    /// The function whose metrics are written between the lines; none outside of Lambda.
    pub metrics: Option<Deployed>,
}

/// A function and its version. They tell the metrics of stacks and of versions apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// The function's name.
    pub function: String,
    /// Its version: a number, or `$LATEST`.
    pub version: String,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, as Lambda's log processing wants it.
    Json,
    /// For a person at a terminal.
    Text,
}

/// Why the environment gives no configuration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A variable without a default is not set, or is empty.
    #[error("the environment variable `{0}` is not set")]
    Missing(&'static str),
    /// A variable has a value that is not allowed.
    #[error("the environment variable `{name}` is `{value}`, expected {expected}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
}

impl Config {
    /// Reads the configuration from this process's environment.
    ///
    /// # Errors
    ///
    /// Names the first variable that is missing or cannot be understood.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(|name| env::var(name).ok())
    }

    /// Reads the configuration through `lookup`, which gives the value of a variable by its name.
    /// An empty value counts as none, because a template cannot leave a variable out.
    ///
    /// # Errors
    ///
    /// As [`Config::from_env`].
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &'static str| lookup(name).filter(|value| !value.is_empty());
        let rules = AccessRules::default();
        let deployed = get("AWS_LAMBDA_FUNCTION_NAME").map(|function| {
            let version = get("AWS_LAMBDA_FUNCTION_VERSION").unwrap_or_else(|| "$LATEST".into());
            Deployed { function, version }
        });
        let endpoint = get("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| get("AWS_ENDPOINT_URL"));
        let concurrency = get("AWS_LAMBDA_MAX_CONCURRENCY").and_then(|count| count.parse().ok());
        Ok(Self {
            timeout: timeout(get("TIMEOUT_SECONDS"))?,
            is_concurrent: concurrency.is_some_and(|count: u32| count > 1),
            access: AccessRules {
                organization_claim: get("ORGANIZATION_CLAIM").unwrap_or(rules.organization_claim),
                scope_claim: get("SCOPE_CLAIM").unwrap_or(rules.scope_claim),
                write_scope: get("WRITE_SCOPE").unwrap_or(rules.write_scope),
                read_scope: get("READ_SCOPE"),
                rules_scope: get("RULES_SCOPE"),
            },
            cors_origin: get("CORS_ORIGIN"),
            store: StoreConfig {
                table: get("TABLE_NAME").ok_or(ConfigError::Missing("TABLE_NAME"))?,
                trust: Trust::of(endpoint.as_deref(), get("AWS_REGION").as_deref()),
                retention: retention(get("IDEMPOTENCY_HOURS"))?,
            },
            log: LogConfig {
                level: level(get("AWS_LAMBDA_LOG_LEVEL").as_deref().unwrap_or("INFO"))?,
                // At a lower level the SDK's lines would show whole requests.
                others: LevelFilter::WARN,
                format: format(get("AWS_LAMBDA_LOG_FORMAT"), deployed.is_some())?,
                // CloudWatch reads metrics out of Lambda's logs.
                metrics: deployed,
            },
        })
    }
}

/// How long a request may take, unless configured. The template has the same default.
const TIMEOUT: Duration = Duration::from_secs(10);

fn timeout(seconds: Option<String>) -> Result<Duration, ConfigError> {
    // These are Lambda's own limits.
    let expected = "a number of seconds from 1 to 900";
    let seconds = number("TIMEOUT_SECONDS", seconds, 1..=900, expected)?;
    Ok(seconds.map_or(TIMEOUT, |seconds| Duration::from_secs(seconds.into())))
}

fn retention(hours: Option<String>) -> Result<Duration, ConfigError> {
    let expected = "a number of hours from 1 to 8760";
    let hours = number("IDEMPOTENCY_HOURS", hours, 1..=8760, expected)?;
    Ok(hours.map_or(RETENTION, |hours| Duration::from_hours(hours.into())))
}

/// The number in a variable, which is in `range`; none where the variable is not set.
fn number(
    name: &'static str,
    value: Option<String>,
    range: RangeInclusive<u32>,
    expected: &'static str,
) -> Result<Option<u32>, ConfigError> {
    let Some(value) = value else { return Ok(None) };
    match value.parse() {
        Ok(number) if range.contains(&number) => Ok(Some(number)),
        _ => Err(ConfigError::Invalid { name, value, expected }),
    }
}

/// The level by Lambda's name of it. Lambda's `FATAL` is above `ERROR`, and nothing here is logged
/// above `ERROR`, so both mean errors only.
fn level(value: &str) -> Result<LevelFilter, ConfigError> {
    Ok(match value.to_ascii_uppercase().as_str() {
        "TRACE" => LevelFilter::TRACE,
        "DEBUG" => LevelFilter::DEBUG,
        "INFO" => LevelFilter::INFO,
        "WARN" => LevelFilter::WARN,
        "ERROR" | "FATAL" => LevelFilter::ERROR,
        _ => {
            return Err(ConfigError::Invalid {
                name: "AWS_LAMBDA_LOG_LEVEL",
                value: value.to_owned(),
                expected: "TRACE, DEBUG, INFO, WARN, ERROR or FATAL",
            });
        }
    })
}

/// The format that Lambda's setting names. Without a setting it is JSON inside Lambda and text
/// anywhere else.
fn format(setting: Option<String>, in_lambda: bool) -> Result<LogFormat, ConfigError> {
    match setting {
        None if in_lambda => Ok(LogFormat::Json),
        None => Ok(LogFormat::Text),
        Some(value) if value.eq_ignore_ascii_case("json") => Ok(LogFormat::Json),
        Some(value) if value.eq_ignore_ascii_case("text") => Ok(LogFormat::Text),
        Some(value) => Err(ConfigError::Invalid {
            name: "AWS_LAMBDA_LOG_FORMAT",
            value,
            expected: "JSON or Text",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn only_the_table_has_no_default() {
        let config = read(&[("TABLE_NAME", "options")]).expect("a table is enough");
        assert_eq!(config.store.table, "options");
        assert_eq!(config.access.organization_claim, "custom:org_guid");
        assert_eq!(config.access.scope_claim, "scope");
        assert_eq!(config.access.write_scope, "options/write");
        let (level, others) = (LevelFilter::INFO, LevelFilter::WARN);
        let format = LogFormat::Text;
        assert_eq!(config.log, LogConfig { level, others, format, metrics: None });
        assert_eq!(config.store.retention, Duration::from_hours(24));
        assert_eq!(config.store.trust, Trust::Amazon);
        assert!(!config.is_concurrent);
        let managed = read(&[("TABLE_NAME", "options"), ("AWS_LAMBDA_MAX_CONCURRENCY", "8")]);
        assert!(managed.unwrap().is_concurrent);
        let single = read(&[("TABLE_NAME", "options"), ("AWS_LAMBDA_MAX_CONCURRENCY", "1")]);
        assert!(!single.unwrap().is_concurrent);
        for table in [&[][..], &[("TABLE_NAME", "")]] {
            assert_eq!(read(table).unwrap_err(), ConfigError::Missing("TABLE_NAME"));
        }
    }

    #[test]
    fn a_retention_is_a_number_of_hours() {
        let retention = |value| {
            let config = read(&[("TABLE_NAME", "options"), ("IDEMPOTENCY_HOURS", value)]);
            config.map(|config| config.store.retention)
        };
        assert_eq!(retention("48"), Ok(Duration::from_hours(48)));
        for value in ["0", "-1", "1.5", "8761", "day"] {
            assert_eq!(
                retention(value).unwrap_err().to_string(),
                format!(
                    "the environment variable `IDEMPOTENCY_HOURS` is `{value}`, expected a number \
                     of hours from 1 to 8760"
                )
            );
        }
    }

    #[test]
    fn a_timeout_is_a_number_of_seconds() {
        let timeout = |value| {
            let config = read(&[("TABLE_NAME", "options"), ("TIMEOUT_SECONDS", value)]);
            config.map(|config| config.timeout)
        };
        assert_eq!(timeout(""), Ok(Duration::from_secs(10)));
        assert_eq!(timeout("28"), Ok(Duration::from_secs(28)));
        for value in ["0", "-1", "1.5", "901", "minute"] {
            assert_eq!(
                timeout(value).unwrap_err().to_string(),
                format!(
                    "the environment variable `TIMEOUT_SECONDS` is `{value}`, expected a number of \
                     seconds from 1 to 900"
                )
            );
        }
    }

    #[test]
    fn logging_obeys_lambda() {
        let log = |variables: &[(&str, &str)]| {
            read(&[&[("TABLE_NAME", "options")], variables].concat()).map(|config| config.log)
        };
        let inside = ("AWS_LAMBDA_FUNCTION_NAME", "f");
        assert_eq!(log(&[inside]).unwrap().format, LogFormat::Json);
        let text = log(&[inside, ("AWS_LAMBDA_LOG_FORMAT", "Text")]);
        assert_eq!(text.unwrap().format, LogFormat::Text);
        let json = log(&[("AWS_LAMBDA_LOG_FORMAT", "JSON")]);
        assert_eq!(json.unwrap().format, LogFormat::Json);
        assert_eq!(
            log(&[("AWS_LAMBDA_LOG_FORMAT", "XML")]).unwrap_err().to_string(),
            "the environment variable `AWS_LAMBDA_LOG_FORMAT` is `XML`, expected JSON or Text"
        );
        for (name, level) in [
            ("trace", LevelFilter::TRACE),
            ("Debug", LevelFilter::DEBUG),
            ("INFO", LevelFilter::INFO),
            ("warn", LevelFilter::WARN),
            ("ERROR", LevelFilter::ERROR),
            ("FATAL", LevelFilter::ERROR),
        ] {
            assert_eq!(log(&[("AWS_LAMBDA_LOG_LEVEL", name)]).unwrap().level, level, "{name}");
        }
        assert_eq!(
            log(&[("AWS_LAMBDA_LOG_LEVEL", "LOUD")]).unwrap_err().to_string(),
            "the environment variable `AWS_LAMBDA_LOG_LEVEL` is `LOUD`, expected TRACE, DEBUG, \
             INFO, WARN, ERROR or FATAL"
        );
    }
}
