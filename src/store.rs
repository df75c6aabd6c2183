//! The table: the only user of the SDK's client.
//!
//! Architecture invariant: every change of an option is one conditional `UpdateItem`, and every
//! call demands an [`OrgAccess`] or touches no organization's data.

mod alias;
mod item;
mod trouble;

use std::{fmt, time::SystemTime};

use aws_config::{BehaviorVersion, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::{
    Client,
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use aws_smithy_http_client::tls;

pub use self::trouble::{ATTEMPT_TIMEOUT, CONNECT_TIMEOUT, Effort};
use self::{
    alias::AliasCache,
    item::{Item, Snapshot},
    trouble::Trouble,
};
use crate::{
    authorize::OrgAccess,
    document::{self, MAX_ITEM_BYTES, item_bytes},
    error::Failure,
    id::{OptionGuid, OrgGuid},
    patch::Patch,
    plan::Plan,
};

/// Where the options are.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The DynamoDB table's name.
    pub table: String,
}

/// How often an option has been written, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u64);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The table of options.
#[derive(Debug)]
pub struct Store {
    client: Client,
    table: String,
    aliases: AliasCache,
}

impl Store {
    /// A store that reaches DynamoDB as the environment says (region, credentials, endpoint).
    pub async fn connect(config: &StoreConfig) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let aws = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .timeout_config(timeouts)
            // The SDK would send again what may have been applied; what is sent again is decided here.
            .retry_config(RetryConfig::disabled())
            .load()
            .await;
        Self::new(Client::new(&aws), config.table.clone())
    }

    /// A store on `table`, reached by `client`, whose own retries are to be off.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table, aliases: AliasCache::default() }
    }

    /// The organization that has this alias (lower case).
    ///
    /// # Errors
    ///
    /// As DynamoDB answers, or does not.
    pub async fn alias_owner(
        &self,
        alias: &str,
        effort: &mut Effort,
    ) -> Result<Option<OrgGuid>, Failure> {
        if let Some(owner) = self.aliases.get(alias) {
            return Ok(Some(owner));
        }
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(format!("ALIAS#{alias}")))
            .key("sk", AttributeValue::S("ALIAS".into()));
        let found = loop {
            match effort.send(request.clone().send()).await {
                Ok(answer) => break answer.item,
                Err(trouble) => effort.again(trouble.of_a_read()).await?,
            }
        };
        let Some(item) = found else { return Ok(None) };
        let owner = item::alias_owner(&item).map_err(Failure::internal)?;
        self.aliases.insert(alias, owner);
        Ok(Some(owner))
    }

    /// Carries out `plan` for `patch` on an option: all of it or nothing. `write_id`, which no
    /// other request has, marks what this request writes.
    ///
    /// # Errors
    ///
    /// Nothing was written, except with [`Failure::OutcomeUnknown`].
    pub async fn change(
        &self,
        access: &OrgAccess,
        option: OptionGuid,
        (plan, patch): (Plan, &Patch),
        write_id: &str,
        effort: &mut Effort,
    ) -> Result<Version, Failure> {
        let mut item = self.read(access, option, effort).await?;
        loop {
            let Snapshot { version, document } = Snapshot::open(item)?;
            let document = document::apply(patch, document)?;
            if plan == Plan::Check {
                return Ok(version.unwrap_or(Version(0)));
            }
            let bytes = item_bytes(&document);
            let write = Write { access, option, id: write_id };
            let request = self.rewrite(&write, version, document);
            match self.send_write(request, &write, version, effort).await? {
                Written::Applied(version) => return Ok(version),
                Written::Superseded(newer) => {
                    effort.again(Trouble::Contention).await?;
                    item = newer;
                }
                // All of the request but the document is ours: it can only be too large.
                Written::Refused(_) if bytes > MAX_ITEM_BYTES / 4 * 3 => {
                    return Err(Failure::TooLarge { bytes });
                }
                Written::Refused(cause) => return Err(Failure::Internal(cause)),
            }
        }
    }

    async fn read(
        &self,
        access: &OrgAccess,
        option: OptionGuid,
        effort: &mut Effort,
    ) -> Result<Option<Item>, Failure> {
        let [pk, sk] = item::option_key(access.org(), option);
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", pk)
            .key("sk", sk)
            .consistent_read(true);
        loop {
            match effort.send(request.clone().send()).await {
                Ok(answer) => return Ok(answer.item),
                Err(trouble) => effort.again(trouble.of_a_read()).await?,
            }
        }
    }

    /// The whole document, on the condition that nobody has written since `version` was read.
    fn rewrite(
        &self,
        write: &Write<'_>,
        version: Option<Version>,
        document: serde_json::Value,
    ) -> UpdateItemFluentBuilder {
        let [pk, sk] = item::option_key(write.access.org(), write.option);
        let now = humantime::format_rfc3339_millis(SystemTime::now());
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", pk)
            .key("sk", sk)
            .update_expression(
                "SET #document = :document, #version = if_not_exists(#version, :zero) + :one, \
                 #updatedAt = :updatedAt, #updatedBy = :updatedBy, #lastWrite = :lastWrite",
            )
            .expression_attribute_names("#document", item::DOCUMENT)
            .expression_attribute_names("#version", item::VERSION)
            .expression_attribute_names("#updatedAt", item::UPDATED_AT)
            .expression_attribute_names("#updatedBy", item::UPDATED_BY)
            .expression_attribute_names("#lastWrite", item::LAST_WRITE)
            .expression_attribute_names("#archivedAt", item::ARCHIVED_AT)
            .expression_attribute_names("#pk", item::PK)
            .expression_attribute_values(":document", document::to_attribute(document))
            .expression_attribute_values(":zero", AttributeValue::N("0".into()))
            .expression_attribute_values(":one", AttributeValue::N("1".into()))
            .expression_attribute_values(":updatedAt", AttributeValue::S(now.to_string()))
            .expression_attribute_values(
                ":updatedBy",
                AttributeValue::S(write.access.subject().to_owned()),
            )
            .expression_attribute_values(":lastWrite", AttributeValue::S(write.id.to_owned()))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        // Holds while the option exists and is not archived …
        let open = "attribute_exists(#pk) AND attribute_not_exists(#archivedAt)";
        match version {
            // … and its version is the one that was read;
            Some(version) => request
                .expression_attribute_values(":read", AttributeValue::N(version.to_string()))
                .condition_expression(format!("{open} AND #version = :read")),
            // … or it still has none, as an item loaded without one.
            None => {
                request.condition_expression(format!("{open} AND attribute_not_exists(#version)"))
            }
        }
    }

    /// Sends the conditional write of `read` until its outcome is certain.
    ///
    /// To send it again is safe: its condition holds for one version, which it ends.
    async fn send_write(
        &self,
        request: UpdateItemFluentBuilder,
        write: &Write<'_>,
        read: Option<Version>,
        effort: &mut Effort,
    ) -> Result<Written, Failure> {
        let mut lost = None;
        loop {
            let trouble = match effort.send(request.clone().send()).await {
                Ok(answer) => {
                    let item = answer.attributes.unwrap_or_default();
                    let version = item::version(&item).map_err(Failure::internal)?;
                    return version.map(Written::Applied).ok_or_else(|| {
                        Failure::internal("DynamoDB returned no version of what it wrote")
                    });
                }
                Err(trouble) => trouble,
            };
            match trouble {
                Trouble::Service(UpdateItemError::ConditionalCheckFailedException(failed), _) => {
                    let item = failed.item;
                    let Some(lost) = lost else { return Ok(Written::Superseded(item)) };
                    return settle(item, write.id, read, lost);
                }
                Trouble::Invalid(cause) => return Ok(Written::Refused(cause)),
                Trouble::Ambiguous(cause) => {
                    // Once an answer is lost, running out of time means not to know.
                    effort.again(Trouble::Ambiguous(cause)).await?;
                    lost = Some("an earlier answer was lost");
                }
                other => match (effort.again(other.forget()).await, lost) {
                    (
                        Err(Failure::Throttled(_) | Failure::Contention | Failure::Unreachable(_)),
                        Some(lost),
                    ) => return Err(Failure::OutcomeUnknown(lost.into())),
                    (result, _) => result?,
                },
            }
        }
    }
}

/// What the item says about a write of version `read` whose first answer was `lost` and whose
/// repetition did not find that version any more.
fn settle(
    item: Option<Item>,
    write_id: &str,
    read: Option<Version>,
    lost: &'static str,
) -> Result<Written, Failure> {
    let unknown = || Failure::OutcomeUnknown(lost.into());
    let found = item.as_ref().ok_or_else(unknown)?;
    let version = item::version(found).map_err(Failure::internal)?.ok_or_else(unknown)?;
    if item::last_write(found) == Some(write_id) {
        return Ok(Written::Applied(version));
    }
    // The one write that ended the version was another's. Behind two writes ours could hide.
    let next = read.map_or(0, |read| read.0) + 1;
    if version.0 == next { Ok(Written::Superseded(item)) } else { Err(unknown()) }
}

struct Write<'a> {
    access: &'a OrgAccess,
    option: OptionGuid,
    id: &'a str,
}

enum Written {
    Applied(Version),
    /// Not applied: the item is no longer the one that was read.
    Superseded(Option<Item>),
    /// Not applied: DynamoDB does not accept the request.
    Refused(crate::error::Cause),
}
