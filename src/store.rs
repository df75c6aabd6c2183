//! The table: the only user of the SDK's client.
//!
//! Architecture invariant: every change of an option is one conditional `UpdateItem`, and every
//! call demands an [`OrgAccess`] or touches no organization's data.

mod alias;
mod item;
mod trouble;
mod write;

use std::fmt;

use aws_config::{BehaviorVersion, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::{
    Client,
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use aws_smithy_http_client::tls;

pub use self::trouble::{ATTEMPT_TIMEOUT, CONNECT_TIMEOUT, Effort};
use self::{
    alias::AliasCache,
    item::{Item, Snapshot},
    trouble::Trouble,
    write::{Expressions, Target, replacement},
};
use crate::{
    authorize::OrgAccess,
    document::{self, MAX_ITEM_BYTES, item_bytes},
    error::{Cause, Failure},
    id::{OptionGuid, OrgGuid},
    patch::Patch,
    plan::{Plan, Update},
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

    /// Carries out `plan`, which is that of `patch`, on an option: all of it or nothing.
    /// `write_id`, which no other request has, marks what this request writes.
    ///
    /// # Errors
    ///
    /// Nothing was written, except with [`Failure::OutcomeUnknown`].
    pub async fn change(
        &self,
        access: &OrgAccess,
        option: OptionGuid,
        (plan, patch): (&Plan<'_>, &Patch),
        write_id: &str,
        effort: &mut Effort,
    ) -> Result<Version, Failure> {
        let target = Target { access, option, write_id };
        let mut item = match plan {
            Plan::Direct(update) => match self.write(update, &target, None, effort).await? {
                Written::Applied(version) => return Ok(version),
                // Why a guard does not hold, the item tells: the patch fails, or the plan has
                // guessed wrong and it is a matter for Rewrite.
                Written::Superseded(item) => item,
                // More than DynamoDB takes; of what, the whole document tells.
                Written::Refused(_) => self.read(&target, effort).await?,
            },
            Plan::Check | Plan::Rewrite => self.read(&target, effort).await?,
        };
        loop {
            let Snapshot { version, document } = Snapshot::open(item)?;
            let document = document::apply(patch, document)?;
            if *plan == Plan::Check {
                return Ok(version.unwrap_or(Version(0)));
            }
            let bytes = item_bytes(&document);
            let update = replacement(document);
            match self.write(&update, &target, Some(version), effort).await? {
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
        target: &Target<'_>,
        effort: &mut Effort,
    ) -> Result<Option<Item>, Failure> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(target.key()))
            .consistent_read(true);
        loop {
            match effort.send(request.clone().send()).await {
                Ok(answer) => return Ok(answer.item),
                Err(trouble) => effort.again(trouble.of_a_read()).await?,
            }
        }
    }

    /// Sends the conditional write until its outcome is certain: on the version that was `read`,
    /// or on the update's own guards alone.
    async fn write(
        &self,
        update: &Update<'_>,
        target: &Target<'_>,
        read: Option<Option<Version>>,
        effort: &mut Effort,
    ) -> Result<Written, Failure> {
        let Expressions { update, condition, names, values } =
            Expressions::new(update, target, read);
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(target.key()))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
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
            match (trouble, read) {
                (
                    Trouble::Service(UpdateItemError::ConditionalCheckFailedException(failed), _),
                    _,
                ) => {
                    let item = failed.item;
                    let (Some(lost), Some(read)) = (lost, read) else {
                        return Ok(Written::Superseded(item));
                    };
                    return settle(item, target.write_id, read, lost);
                }
                (Trouble::Invalid(cause), _) => return Ok(Written::Refused(cause)),
                // Its guards may hold again after it was applied, so it is not sent again.
                (Trouble::Ambiguous(cause), None) => {
                    return self.look_for(target, cause, effort).await;
                }
                // To send it again is safe: its condition holds for one version, which it ends.
                (Trouble::Ambiguous(cause), Some(_)) => {
                    // Once an answer is lost, running out of time means not to know.
                    effort.again(Trouble::Ambiguous(cause)).await?;
                    lost = Some("an earlier answer was lost");
                }
                (other, _) => match (effort.again(other.forget()).await, lost) {
                    (
                        Err(Failure::Throttled(_) | Failure::Contention | Failure::Unreachable(_)),
                        Some(lost),
                    ) => return Err(Failure::OutcomeUnknown(lost.into())),
                    (result, _) => result?,
                },
            }
        }
    }

    /// Whether the item was last written by this request, whose answer was lost for `cause`.
    ///
    /// Where it was not, that write may have been applied before another one, or may be still on
    /// its way.
    async fn look_for(
        &self,
        target: &Target<'_>,
        cause: Cause,
        effort: &mut Effort,
    ) -> Result<Written, Failure> {
        let item = match self.read(target, effort).await {
            Ok(Some(item)) if item::last_write(&item) == Some(target.write_id) => item,
            _ => return Err(Failure::OutcomeUnknown(cause)),
        };
        let version = item::version(&item).map_err(Failure::internal)?;
        version.map(Written::Applied).ok_or(Failure::OutcomeUnknown(cause))
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

enum Written {
    Applied(Version),
    /// Not applied: the item is no longer the one that was read.
    Superseded(Option<Item>),
    /// Not applied: DynamoDB does not accept the request.
    Refused(Cause),
}
