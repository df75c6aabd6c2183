//! The table: the only user of the SDK's client.
//!
//! Architecture invariant: every change of an option is one conditional write, and every
//! call demands an [`OrgAccess`] or touches no organization's data.

mod alias;
mod connect;
mod item;
mod record;
mod send;
mod trouble;
mod warm_up;
mod write;

use std::{fmt, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity},
};

use self::{
    alias::AliasCache,
    item::{Item, Snapshot},
    send::{Answer, Request},
    trouble::Trouble,
    write::{Basis, Expressions, Target, replacement},
};
pub use self::{
    connect::{Trust, timeouts},
    trouble::{ATTEMPT_TIMEOUT, CONNECT_TIMEOUT, Effort},
};
use crate::{
    authorize::OrgAccess,
    document::{self, MAX_ITEM_BYTES, item_bytes},
    error::{Cause, Failure},
    id::OrgGuid,
    plan::{Plan, Update},
    request::{PatchRequest, Preconditions, Tags},
};

/// Where the options are.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The DynamoDB table's name.
    pub table: String,
    /// How long an `Idempotency-Key` is remembered.
    pub retention: Duration,
    /// What is trusted to be DynamoDB.
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

/// How often an option has been written, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u64);

impl Version {
    /// That of an item which was loaded without one.
    const NONE: Self = Self(0);

    fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A request that was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// The option's version after it.
    pub version: Version,
    /// Whether that was done before, by a request with the same `Idempotency-Key`.
    pub replayed: bool,
}

/// The table of options.
#[derive(Debug)]
pub struct Store {
    client: Client,
    table: String,
    retention: Duration,
    aliases: AliasCache,
}

impl Store {
    /// A store that reaches DynamoDB as the environment says (region, credentials, endpoint).
    pub async fn connect(config: &StoreConfig) -> Self {
        Self::new(connect::client(config.trust).await, config.clone())
    }

    /// Opens a connection; whether that works does not matter here.
    pub async fn warm_up(&self) {
        warm_up::connect(&self.client, &self.table).await;
    }

    /// The configured store, reached by `client`, whose own retries are to be off.
    #[must_use]
    pub fn new(client: Client, StoreConfig { table, retention, .. }: StoreConfig) -> Self {
        Self { client, table, retention, aliases: AliasCache::default() }
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
            .key("sk", AttributeValue::S("ALIAS".into()))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let found = loop {
            match effort.send(request.clone().send()).await {
                Ok(answer) => {
                    effort.charge(&answer.consumed_capacity);
                    break answer.item;
                }
                Err(trouble) => effort.again(trouble.of_a_read()).await?,
            }
        };
        let Some(item) = found else { return Ok(None) };
        let owner = item::alias_owner(&item).map_err(Failure::internal)?;
        self.aliases.insert(alias, owner);
        Ok(Some(owner))
    }

    /// Carries out `request`, whose patch has this `plan`: all of it or nothing. `write_id`, which
    /// no other request has, marks what this request writes.
    ///
    /// # Errors
    ///
    /// Nothing was written, except with [`Failure::OutcomeUnknown`].
    pub async fn change(
        &self,
        access: &OrgAccess,
        request: &PatchRequest,
        plan: &Plan<'_>,
        write_id: &str,
        effort: &mut Effort,
    ) -> Result<Done, Failure> {
        let target = Target { access, request, write_id };
        let applied = |version| Done { version, replayed: false };
        let mut first = match (plan, direct_basis(request)) {
            (Plan::Direct(update), Some(basis)) => Some((update, basis)),
            _ => None,
        };
        let mut item = None;
        loop {
            let (update, basis, bytes);
            if let Some((direct, direct_basis)) = first {
                (update, basis, bytes) = (Some(direct.clone()), direct_basis, 0);
            } else {
                let known = match item.take() {
                    Some(item) => item,
                    None => match self.read(&target, effort).await? {
                        Found::Option(item) => item,
                        Found::Recorded(done) => return Ok(done),
                    },
                };
                let Snapshot { version, document } = Snapshot::open(known)?;
                request.preconditions.check(version.0)?;
                let document = document::apply(&request.patch, document)?;
                if *plan == Plan::Check {
                    if request.key.is_none() {
                        return Ok(applied(version));
                    }
                    (update, bytes) = (None, 0);
                } else {
                    bytes = item_bytes(&document);
                    update = Some(replacement(document));
                }
                basis = Basis::Version(version);
            }
            match self.write(&target, update, basis, effort).await? {
                Written::Applied(version) => return Ok(applied(version)),
                Written::Recorded(record) => match record::replay(&record, request)? {
                    Some(done) => return Ok(done),
                    // It has expired just now.
                    None => effort.again(Trouble::Contention).await?,
                },
                // Why a guard does not hold, the item tells: the patch fails, or the plan has
                // guessed wrong and it is a matter for Rewrite.
                Written::Superseded(newer) if first.is_some() => item = Some(newer),
                Written::Superseded(newer) => {
                    effort.again(Trouble::Contention).await?;
                    item = Some(newer);
                }
                // More than DynamoDB takes; of what, the whole document tells.
                Written::Refused(_) if first.is_some() => {}
                // All of the request but the document is ours: it can only be too large.
                Written::Refused(_) if bytes > MAX_ITEM_BYTES / 4 * 3 => {
                    return Err(Failure::TooLarge { bytes });
                }
                Written::Refused(cause) => return Err(Failure::Internal(cause)),
            }
            first = None;
        }
    }

    /// The option, or what its key says was done with it before.
    async fn read(&self, target: &Target<'_>, effort: &mut Effort) -> Result<Found, Failure> {
        let Some(key) = &target.request.key else {
            return self.read_option(target, effort).await.map(Found::Option);
        };
        let (option_key, record_key) = (target.key(), record::key(target, key));
        let keys = KeysAndAttributes::builder()
            .keys(option_key.clone())
            .keys(record_key.clone())
            .consistent_read(true)
            .build()
            .map_err(Failure::internal)?;
        let request = self
            .client
            .batch_get_item()
            .request_items(&self.table, keys)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        loop {
            let trouble = match effort.send(request.clone().send()).await {
                // What is not read for want of throughput is not an error to DynamoDB.
                Ok(answer) if answer.unprocessed_keys().is_some_and(|keys| !keys.is_empty()) => {
                    Trouble::Throttled("keys were left unprocessed".into())
                }
                Ok(answer) => {
                    effort.charge(answer.consumed_capacity());
                    let tables = answer.responses.unwrap_or_default();
                    let items: Vec<_> = tables.into_values().flatten().collect();
                    let find = |key: &Item| {
                        items.iter().find(|item| {
                            key.iter().all(|(name, value)| item.get(name) == Some(value))
                        })
                    };
                    if let Some(record) = find(&record_key)
                        && let Some(done) = record::replay(record, target.request)?
                    {
                        return Ok(Found::Recorded(done));
                    }
                    return Ok(Found::Option(find(&option_key).cloned()));
                }
                Err(trouble) => trouble.of_a_read(),
            };
            effort.again(trouble).await?;
        }
    }

    async fn read_option(
        &self,
        target: &Target<'_>,
        effort: &mut Effort,
    ) -> Result<Option<Item>, Failure> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(target.key()))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        loop {
            match effort.send(request.clone().send()).await {
                Ok(answer) => {
                    effort.charge(&answer.consumed_capacity);
                    return Ok(answer.item);
                }
                Err(trouble) => effort.again(trouble.of_a_read()).await?,
            }
        }
    }

    /// Sends the conditional write, and with a key its record, until the outcome is certain.
    async fn write(
        &self,
        target: &Target<'_>,
        update: Option<Update<'_>>,
        basis: Basis,
        effort: &mut Effort,
    ) -> Result<Written, Failure> {
        let writes = update.is_some();
        let expressions = Expressions::new(update, target, basis);
        let request = match (&target.request.key, basis) {
            (Some(key), Basis::Version(version)) => {
                let version = if writes { version.next() } else { version };
                let record = record::record(target, key, version, self.retention);
                Request::transaction(
                    &self.client,
                    &self.table,
                    target,
                    expressions,
                    record,
                    version,
                )?
            }
            _ => Request::update(&self.client, &self.table, target, expressions),
        };
        let mut lost = None;
        loop {
            let trouble = match request.send(effort).await {
                Ok(Answer::Applied(version)) => return Ok(Written::Applied(version)),
                Ok(Answer::Recorded(record)) => return Ok(Written::Recorded(record)),
                Ok(Answer::Superseded(item)) => {
                    return match (lost, basis) {
                        // Without a key no record tells whether an earlier attempt was applied.
                        (Some(lost), Basis::Version(version)) if target.request.key.is_none() => {
                            settle(item, target.write_id, version, lost)
                        }
                        _ => Ok(Written::Superseded(item)),
                    };
                }
                Err(trouble) => trouble,
            };
            match (trouble, basis) {
                (Trouble::Invalid(cause), _) => return Ok(Written::Refused(cause)),
                // Its guards may hold again after it was applied, so it is not sent again.
                (Trouble::Ambiguous(cause), Basis::Guards) => {
                    return self.look_for(target, cause, effort).await;
                }
                (Trouble::Ambiguous(cause), Basis::Version(_)) => {
                    // Once an answer is lost, running out of time means not to know.
                    effort.again(Trouble::Ambiguous(cause)).await?;
                    lost = Some("an earlier answer was lost");
                }
                (other, _) => match (effort.again(other).await, lost) {
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
        let item = match self.read_option(target, effort).await {
            Ok(Some(item)) if item::last_write(&item) == Some(target.write_id) => item,
            _ => return Err(Failure::OutcomeUnknown(cause)),
        };
        let version = item::version(&item).ok().flatten();
        version.map(Written::Applied).ok_or(Failure::OutcomeUnknown(cause))
    }
}

/// For which versions the patch's own plan is sent without a read; none where one is needed.
fn direct_basis(request: &PatchRequest) -> Option<Basis> {
    let Preconditions { if_match, if_none_match } = &request.preconditions;
    match (if_match, if_none_match, &request.key) {
        // They hold for no version; why the request is refused, the option tells.
        (_, Some(Tags::Any), _) => None,
        (Some(Tags::Versions(versions)), ..) if versions.is_empty() => None,
        (Some(Tags::Versions(versions)), ..) if versions.len() == 1 => {
            Some(Basis::Version(Version(versions[0])))
        }
        (.., None) => Some(Basis::Guards),
        // A key's record holds the version that the request makes, and a transaction returns
        // nothing: the version must be known before.
        (.., Some(_)) => None,
    }
}

/// What the item says about a write of version `read` whose first answer was `lost` and whose
/// repetition did not find that version any more.
fn settle(
    item: Option<Item>,
    write_id: &str,
    read: Version,
    lost: &'static str,
) -> Result<Written, Failure> {
    let unknown = || Failure::OutcomeUnknown(lost.into());
    let found = item.as_ref().ok_or_else(unknown)?;
    let version = item::version(found).map_err(Failure::internal)?.ok_or_else(unknown)?;
    if item::last_write(found) == Some(write_id) {
        return Ok(Written::Applied(version));
    }
    // The one write that ended the version was another's. Behind two writes ours could hide.
    if version == read.next() { Ok(Written::Superseded(item)) } else { Err(unknown()) }
}

enum Found {
    Option(Option<Item>),
    /// The key's record is of the same request.
    Recorded(Done),
}

enum Written {
    Applied(Version),
    /// Not applied: the key has a record.
    Recorded(Item),
    /// Not applied: the item is not, or no longer, one that the condition holds for.
    Superseded(Option<Item>),
    /// Not applied: DynamoDB does not accept the request.
    Refused(Cause),
}
