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
    operation::transact_get_items::TransactGetItemsError,
    types::{AttributeValue, Get, KeysAndAttributes, ReturnConsumedCapacity, TransactGetItem},
};

use json_patch_dynamodb::{Limits, Plan, Update, item_bytes};

use self::{
    alias::AliasCache,
    item::{Item, Snapshot},
    send::{Answer, Request},
    trouble::Trouble,
    write::{Basis, Expressions, Target},
};
pub use self::{
    connect::{Trust, timeouts},
    item::DOCUMENT,
    trouble::{ATTEMPT_TIMEOUT, CONNECT_TIMEOUT, Effort},
};
use crate::{
    authorize::OrgAccess,
    error::{self, Cause, Failure},
    id::OrgGuid,
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
    /// The option's version after it, where it is known.
    pub version: Option<Version>,
    /// Whether that was done before, by another request with the same `Idempotency-Key`.
    pub replayed: bool,
}

impl Done {
    /// What this request has done.
    fn now(version: Version) -> Self {
        Self { version: Some(version), replayed: false }
    }
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
    /// Nothing was written, nor will be, except with [`Failure::OutcomeUnknown`].
    pub async fn change(
        &self,
        access: &OrgAccess,
        request: &PatchRequest,
        plan: &Plan<'_>,
        write_id: &str,
        effort: &mut Effort,
    ) -> Result<Done, Failure> {
        let target = Target { access, request, write_id };
        let mut lost = None;
        match (self.carry_out(&target, plan, effort, &mut lost).await, lost) {
            // What another request with the key has done is certain all the same.
            (Err(failure), Some(lost)) if !matches!(failure, Failure::Duplicate) => {
                Err(lost.instead_of(&failure))
            }
            (outcome, _) => outcome,
        }
    }

    /// As [`Store::change`], but that a failure says nothing about the attempts that are `lost`.
    async fn carry_out(
        &self,
        target: &Target<'_>,
        plan: &Plan<'_>,
        effort: &mut Effort,
        lost: &mut Option<Lost>,
    ) -> Result<Done, Failure> {
        let request = target.request;
        let mut seen = None;
        if let (Plan::Direct(update), Some(basis)) = (plan, direct_basis(request)) {
            match self.write(target, Some(update.clone()), &basis, effort, lost).await? {
                Answer::Applied(version) => return Ok(Done::now(version)),
                Answer::Recorded(record) => match record::replay(&record, target)? {
                    Some(done) => return Ok(done),
                    // It has expired just now.
                    None => effort.again(Trouble::Contention).await?,
                },
                // Why a guard does not hold, the item tells: the patch fails, or the plan has
                // guessed wrong and it is a matter for Rewrite.
                Answer::Superseded(item) => seen = Some(Seen { item, is_whole: true }),
                // More than DynamoDB takes; of what, the whole document tells.
                Answer::TooLarge | Answer::Refused(_) => {}
            }
        }
        loop {
            let Seen { item, is_whole } = match seen.take() {
                Some(seen) => seen,
                None => match self.read(target, effort).await? {
                    Found::Option(seen) => seen,
                    Found::Recorded(done) => return Ok(done),
                },
            };
            if is_whole && let Some(version) = settle(lost, item.as_ref(), target)? {
                return Ok(Done::now(version));
            }
            let known = match Snapshot::open(item).and_then(|known| known.patched(request)) {
                Ok(known) => known,
                // What was read apart may be older than the key's record.
                Err(_) if !is_whole => match self.read_at_once(target, effort).await? {
                    Found::Option(whole) => {
                        seen = Some(whole);
                        continue;
                    }
                    Found::Recorded(done) => return Ok(done),
                },
                Err(refusal) => return Err(refusal),
            };
            let Snapshot { version, last_write, document } = known;
            let (update, bytes) = match plan {
                Plan::Check if request.key.is_none() => return Ok(Done::now(version)),
                Plan::Check => (None, 0),
                Plan::Direct(_) | Plan::Rewrite => {
                    let bytes = item_bytes(&document);
                    (Some(Update::of_document(document, DOCUMENT)), bytes)
                }
            };
            let basis = Basis::Read { version, last_write };
            match self.write(target, update, &basis, effort, lost).await? {
                Answer::Applied(version) => return Ok(Done::now(version)),
                Answer::Recorded(record) => {
                    if let Some(done) = record::replay(&record, target)? {
                        return Ok(done);
                    }
                    // It has expired just now.
                    effort.again(Trouble::Contention).await?;
                }
                Answer::Superseded(item) => {
                    if let Some(version) = settle(lost, item.as_ref(), target)? {
                        return Ok(Done::now(version));
                    }
                    effort.again(Trouble::Contention).await?;
                    seen = Some(Seen { item, is_whole: true });
                }
                Answer::Refused(cause) if bytes <= Limits::DYNAMODB.item_bytes => {
                    return Err(Failure::Internal(cause));
                }
                // Whatever its words are, that cannot be accepted.
                Answer::TooLarge | Answer::Refused(_) => {
                    // An answer about the size may hide that the key has a record.
                    if request.key.is_some()
                        && let Found::Recorded(done) = self.read_at_once(target, effort).await?
                    {
                        return Ok(done);
                    }
                    return Err(Failure::TooLarge { bytes });
                }
            }
        }
    }

    /// The option, or what its key says was done with it before.
    async fn read(&self, target: &Target<'_>, effort: &mut Effort) -> Result<Found, Failure> {
        let Some(key) = &target.request.key else {
            let item = self.read_option(target, effort).await?;
            return Ok(Found::Option(Seen { item, is_whole: true }));
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
                    let mut items: Vec<_> = tables.into_values().flatten().collect();
                    let mut take = |key: &Item| {
                        let is_it = |item: &Item| {
                            key.iter().all(|(name, value)| item.get(name) == Some(value))
                        };
                        items.iter().position(is_it).map(|index| items.swap_remove(index))
                    };
                    return found(take(&option_key), take(&record_key), false, target);
                }
                Err(trouble) => trouble.of_a_read(),
            };
            effort.again(trouble).await?;
        }
    }

    /// The option and the key's record as both were at one instant.
    async fn read_at_once(
        &self,
        target: &Target<'_>,
        effort: &mut Effort,
    ) -> Result<Found, Failure> {
        let mut request = self
            .client
            .transact_get_items()
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let record = target.request.key.as_ref().map(|key| record::key(target, key));
        for key in [Some(target.key()), record].into_iter().flatten() {
            let get = Get::builder().table_name(&self.table).set_key(Some(key)).build();
            let get = get.map_err(Failure::internal)?;
            request = request.transact_items(TransactGetItem::builder().get(get).build());
        }
        loop {
            let trouble = match effort.send(request.clone().send()).await {
                Ok(answer) => {
                    effort.charge(answer.consumed_capacity());
                    // In the order of the request.
                    let mut items = answer.responses.unwrap_or_default().into_iter();
                    let mut next = || items.next().and_then(|response| response.item);
                    return found(next(), next(), true, target);
                }
                Err(Trouble::Service(
                    TransactGetItemsError::TransactionCanceledException(canceled),
                    cause,
                )) => Trouble::of_reasons(canceled.cancellation_reasons(), cause),
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

    /// Sends the conditional write, and with a key its record, until it is answered.
    async fn write(
        &self,
        target: &Target<'_>,
        update: Option<Update<'_>>,
        basis: &Basis,
        effort: &mut Effort,
        lost: &mut Option<Lost>,
    ) -> Result<Answer, Failure> {
        let writes = update.is_some();
        let expressions = Expressions::new(update, target, basis);
        let request = match (&target.request.key, basis.version()) {
            (Some(key), Some(version)) => {
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
        loop {
            let trouble = match request.send(effort).await {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            match (trouble, basis.version()) {
                // Its guards may hold again after it was applied, so it is not sent again.
                (Trouble::Ambiguous(cause), None) => {
                    return self.look_for(target, cause, effort).await;
                }
                (Trouble::Ambiguous(cause), Some(version)) => {
                    let bound = lost.as_ref().map_or(version, |lost| lost.bound.max(version));
                    *lost = Some(Lost { bound, why: error::chain(&cause) });
                    effort.again(Trouble::Ambiguous(cause)).await?;
                }
                (other, _) => effort.again(other).await?,
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
    ) -> Result<Answer, Failure> {
        let item = match self.read_option(target, effort).await {
            Ok(Some(item)) if item::last_write(&item) == Some(target.write_id) => item,
            _ => return Err(Failure::OutcomeUnknown(cause)),
        };
        let version = item::version(&item).ok().flatten();
        version.map(Answer::Applied).ok_or(Failure::OutcomeUnknown(cause))
    }
}

/// Attempts to write whose answer was lost. One may have been applied, and one that was not may
/// still be, at any later moment, for as long as its condition can hold.
struct Lost {
    /// The highest version that one of them was bound to: its condition holds for no other.
    bound: Version,
    /// The cause of the last loss.
    why: String,
}

impl Lost {
    /// The failure in place of `other`, which would be true only if nothing had been lost.
    fn instead_of(self, other: &Failure) -> Failure {
        let other = other.cause_chain().unwrap_or_else(|| other.to_string());
        let why = if other == self.why { other } else { format!("{}; then {other}", self.why) };
        Failure::OutcomeUnknown(why.into())
    }
}

/// What the `item` tells about the attempts that were `lost`: the version that one of them has made,
/// or that none ever will, so that they can be forgotten, or nothing yet.
///
/// With a key, `item` is as it was when the key had no record: had an attempt been applied, the key
/// would have one. Without a key only `lastWrite` tells.
///
/// # Errors
///
/// [`Failure::OutcomeUnknown`] where nothing later can tell either.
fn settle(
    lost: &mut Option<Lost>,
    item: Option<&Item>,
    target: &Target<'_>,
) -> Result<Option<Version>, Failure> {
    let Some(Lost { bound, .. }) = lost else { return Ok(None) };
    let version = item.and_then(|item| item::version(item).ok()?);
    if target.request.key.is_some() {
        // An attempt that was not applied cannot be any more: versions only grow.
        if version.is_some_and(|version| version > *bound) {
            *lost = None;
        }
        return Ok(None);
    }
    if item.and_then(item::last_write) == Some(target.write_id) && version.is_some() {
        return Ok(version);
    }
    // The one write that ended the version was another's. Behind two writes ours could hide.
    if version == Some(bound.next()) {
        *lost = None;
        return Ok(None);
    }
    Err(Failure::OutcomeUnknown("the item does not tell".into()))
}

/// The option as it was seen.
struct Seen {
    item: Option<Item>,
    /// Whether the request's key, if it has one, had no record at that very instant.
    is_whole: bool,
}

enum Found {
    Option(Seen),
    /// The key's record is of the same request.
    Recorded(Done),
}

/// What was read of the option and of the key's record.
///
/// # Errors
///
/// As [`record::replay`].
fn found(
    item: Option<Item>,
    record: Option<Item>,
    is_whole: bool,
    target: &Target<'_>,
) -> Result<Found, Failure> {
    let replayed = record.map_or(Ok(None), |record| record::replay(&record, target))?;
    Ok(replayed.map_or(Found::Option(Seen { item, is_whole }), Found::Recorded))
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
