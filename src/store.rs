//! The table. Only this module uses the SDK's client.
//!
//! Two rules hold for all of it. Every change of an option is one conditional write. Every call
//! demands an [`OrgAccess`], or touches no organization's data.

mod alias;
mod change;
mod connect;
mod effort;
mod error;
mod hints;
mod item;
mod perform;
mod record;
mod send;
mod send_error;
mod shown;
mod warm_up;
mod write;

use std::{sync::Arc, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, ReturnConsumedCapacity},
};
use json_patch_dynamodb::{Hints, Plan, Rules};

use self::{alias::AliasCache, hints::HintsCache, perform::Performer, write::Target};
pub use self::{
    change::Done,
    connect::{Trust, http_client, timeouts},
    effort::{ATTEMPT_TIMEOUT, CONNECT_TIMEOUT, Effort},
    error::{Cause, StoreError},
    item::DOCUMENT,
    shown::{Outcome, Shown},
};
use crate::{
    authorize::OrgAccess,
    id::{OptionGuid, OrgGuid},
    request::PatchRequest,
};

/// Where the options are.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The DynamoDB table's name.
    pub table: String,
    /// How long an `Idempotency-Key` is remembered.
    pub retention: Duration,
    /// Who is trusted to be DynamoDB.
    pub trust: Trust,
}

impl StoreConfig {
    /// The table of this name, with defaults for the rest.
    #[must_use]
    pub fn new(table: impl Into<String>) -> Self {
        Self { table: table.into(), retention: RETENTION, trust: Trust::Amazon }
    }
}

/// How long an `Idempotency-Key` is remembered, unless configured.
pub const RETENTION: Duration = Duration::from_hours(24);

/// The table of options.
#[derive(Debug)]
pub struct Store {
    client: Client,
    table: String,
    retention: Duration,
    aliases: AliasCache,
    hints: HintsCache,
}

impl Store {
    /// A store that reaches DynamoDB as the environment says (region, credentials, endpoint).
    pub async fn connect(config: &StoreConfig) -> Self {
        Self::new(connect::client(config.trust).await, config.clone())
    }

    /// Opens a connection. Where that fails, the first request opens one.
    pub async fn warm_up(&self) {
        warm_up::connect(&self.client, &self.table).await;
    }

    /// The configured store, reached by `client`. The client's own retries must be off.
    #[must_use]
    pub fn new(client: Client, StoreConfig { table, retention, .. }: StoreConfig) -> Self {
        let (aliases, hints) = (AliasCache::default(), HintsCache::default());
        Self { client, table, retention, aliases, hints }
    }

    /// The organization that has this alias (lower case).
    ///
    /// # Errors
    ///
    /// Fails where DynamoDB does not answer in time, refuses the request, or has an item that
    /// cannot be read.
    pub async fn alias_owner(
        &self,
        alias: &str,
        effort: &mut Effort,
    ) -> Result<Option<OrgGuid>, StoreError> {
        if let Some(owner) = self.aliases.get(alias) {
            return Ok(Some(owner));
        }
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(format!("ALIAS#{alias}")))
            .key("sk", AttributeValue::S("ALIAS".into()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let found = loop {
            match effort.send(request.clone().send()).await {
                Ok(answer) => {
                    effort.charge(&answer.consumed_capacity);
                    break answer.item;
                }
                Err(error) => effort.again(error.of_a_read()).await?,
            }
        };
        let Some(item) = found else { return Ok(None) };
        let owner = item::alias_owner(&item).map_err(StoreError::internal)?;
        self.aliases.insert(alias, owner);
        Ok(Some(owner))
    }

    /// What the option has shown of its shape when it was last seen, for the plan of a patch.
    #[must_use]
    pub fn hints(&self, access: &OrgAccess, option: OptionGuid) -> Arc<Hints> {
        self.hints.get((access.org(), option))
    }

    /// Carries out `request`, all of it or nothing. `plan` is the plan of its patch, keeping `rules`.
    /// `write_id` marks what this request writes, and no other request has it.
    ///
    /// # Errors
    ///
    /// After an error nothing was written, and nothing will be. Only after
    /// [`StoreError::OutcomeUnknown`] that is not known.
    pub async fn change(
        &self,
        access: &OrgAccess,
        request: &PatchRequest,
        rules: &Rules,
        plan: &Plan<'_>,
        write_id: &str,
        effort: &mut Effort,
    ) -> Result<Outcome, StoreError> {
        let target = Target { access, request, rules, write_id };
        Performer { store: self, target, plan, effort }.perform().await
    }
}
