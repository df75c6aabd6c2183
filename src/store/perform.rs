//! What the protocol of one change asks for, performed: requests are sent and waits are waited.

use aws_sdk_dynamodb::{
    operation::transact_get_items::TransactGetItemsError,
    types::{Get, KeysAndAttributes, ReturnConsumedCapacity, TransactGetItem},
};
use json_patch_dynamodb::{Limits, Plan, Update, apply_within, from_attribute, item_bytes, undo};
use serde_json::Value;

use super::{
    Store,
    change::{
        Change, Direct, Done, End, Found, NotDone, Reason, Scope, Seen, Step, Write, Written,
    },
    effort::Effort,
    error::{Cause, StoreError, chain},
    item::{self, DOCUMENT, Item, Snapshot},
    record,
    send::{Answer, Request, Returned},
    send_error::SendError,
    shown::{Outcome, Shown},
    write::{Bound, Expressions, Target},
};
use crate::{
    id::Version,
    request::{MAX_BODY_BYTES, Preference},
};

/// One change that is being carried out.
pub(super) struct Performer<'a> {
    pub(super) store: &'a Store,
    pub(super) target: Target<'a>,
    pub(super) plan: &'a Plan<'a>,
    pub(super) effort: &'a mut Effort,
}

/// What a write was, as it was sent.
struct Sent {
    request: Request,
    /// What the document takes that it writes, where it writes a whole one.
    bytes: usize,
    /// The version of the option that it is for, and the one that it makes, where they are known.
    bound: Option<Version>,
    makes: Option<Version>,
    /// What it changes, where the client wants to see that.
    documents: Option<Documents>,
}

/// A document before a change, where that is known, and after it.
struct Documents {
    before: Option<Value>,
    after: Value,
}

/// What the machine of the protocol does not keep, as nothing depends on it but the words.
#[derive(Default)]
struct Heard {
    /// The error that has just come, for which the machine may want to wait.
    error: Option<SendError>,
    /// Why the last lost answer was lost.
    lost: Option<String>,
    /// Why there is no more waiting.
    given_up: Option<StoreError>,
    /// Why DynamoDB does not accept a write.
    not_accepted: Option<Cause>,
    /// The document that this request has left, where it was found in the table.
    found: Option<Value>,
}

impl Performer<'_> {
    /// Carries the change out.
    ///
    /// # Errors
    ///
    /// As [`Store::change`].
    pub(super) async fn perform(mut self) -> Result<Outcome, StoreError> {
        let request = self.target.request;
        let has_key = request.key.is_some();
        let writes = !matches!(self.plan, Plan::Check);
        let direct = match self.plan {
            Plan::Direct(_) if !request.shows_a_transaction() => {
                Bound::of_request(request).map(|bound| Direct { bound: bound.version() })
            }
            Plan::Check | Plan::Direct(_) | Plan::Rewrite(_) => None,
        };
        let mut step = if request.dry_run {
            Change::look(has_key)
        } else {
            Change::begin(writes, has_key, direct)
        };
        let mut heard = Heard::default();
        let mut last = None;
        loop {
            step = match step {
                Step::Write(write, writing) => {
                    let mut sent = match (write, last.take()) {
                        (Write::Direct, _) => self.direct()?,
                        (Write::Rewrite(snapshot), _) => self.rewrite(snapshot, writes)?,
                        (Write::Again, Some(sent)) => sent,
                        (Write::Again, None) => {
                            return Err(StoreError::internal("nothing to repeat"));
                        }
                    };
                    let written = self.write(&mut sent, &mut heard).await;
                    last = Some(sent);
                    writing.hear(written)
                }
                Step::Read(scope, reading) => reading.hear(self.read(scope, &mut heard).await?),
                Step::Wait(reason, waiting) => waiting.over(self.wait(reason, &mut heard).await),
                Step::End(End::Done(done, snapshot)) => {
                    return self.outcome(done, snapshot, last, heard);
                }
                Step::End(End::Failed(reason)) => return Err(heard.error(reason, last.as_ref())),
                Step::End(End::Unknown(reason)) => {
                    return Err(heard.unknown(reason, last.as_ref()));
                }
            }
        }
    }

    /// What is told of a request that was carried out, or of a dry run that could be.
    fn outcome(
        &self,
        done: Done,
        snapshot: Option<Snapshot>,
        last: Option<Sent>,
        heard: Heard,
    ) -> Result<Outcome, StoreError> {
        let documents = match snapshot {
            Some(Snapshot { version, before, document, other_bytes, .. }) => {
                if self.target.request.dry_run && !matches!(self.plan, Plan::Check) {
                    // DynamoDB does not say so, as nothing is written.
                    let bytes = item_bytes(&document);
                    if bytes + other_bytes > Limits::DYNAMODB.item_bytes {
                        return Err(StoreError::TooLarge { bytes, version });
                    }
                }
                Some(Documents { before: Some(before), after: document })
            }
            // Never what another request has done.
            None if done.replayed => None,
            // Of several writes whose answers were lost, the version tells which one was applied.
            None => match last {
                Some(Sent { makes, documents: Some(documents), .. }) if makes == done.version => {
                    Some(documents)
                }
                _ => heard.found.map(|after| Documents { before: None, after }),
            },
        };
        Ok(Outcome { done, shown: self.shown(documents) })
    }

    fn shown(&self, documents: Option<Documents>) -> Shown {
        match (self.target.request.preference, documents) {
            (Preference::Minimal, _) => Shown::Minimal,
            (Preference::Representation, Some(documents)) => Shown::Representation(documents.after),
            (Preference::Undo, Some(Documents { before: Some(before), after })) => {
                let patch = undo(&after, &before, self.target.request.patch.limits());
                let text = serde_json::to_string(&patch).unwrap_or_default();
                // A body with this character itself would be refused.
                let text = text.replace(char::REPLACEMENT_CHARACTER, "\\ufffd");
                // A patch that is longer than a body could not be sent.
                if text.len() <= MAX_BODY_BYTES { Shown::Undo(text) } else { Shown::Nothing }
            }
            _ => Shown::Nothing,
        }
    }

    /// The plan's own update.
    fn direct(&self) -> Result<Sent, StoreError> {
        let (Plan::Direct(update), Some(bound)) =
            (self.plan, Bound::of_request(self.target.request))
        else {
            return Err(StoreError::internal("the plan has no update of its own"));
        };
        let makes = bound.version().map(Version::next);
        let returned = match (self.target.request.preference, makes) {
            (Preference::Representation, _) => Returned::After,
            (Preference::Undo, _) => Returned::Before,
            (Preference::None | Preference::Minimal, Some(version)) => Returned::Nothing(version),
            (Preference::None | Preference::Minimal, None) => Returned::Version,
        };
        let request = self.request(Some(update.clone()), &bound, makes, returned)?;
        Ok(Sent { request, bytes: 0, bound: bound.version(), makes, documents: None })
    }

    /// The write of what was made of an option; without a document, of the key's record alone.
    fn rewrite(
        &self,
        Snapshot { version, last_write, before, document, .. }: Snapshot,
        writes: bool,
    ) -> Result<Sent, StoreError> {
        let bytes = if writes { item_bytes(&document) } else { 0 };
        let makes = if writes { version.next() } else { version };
        let documents = self
            .target
            .request
            .preference
            .has_body()
            .then(|| Documents { before: Some(before.clone()), after: document.clone() });
        let limits = self.target.request.patch.limits();
        let update = writes.then(|| Update::of_difference(&before, document, DOCUMENT, limits));
        let bound = Bound::AsRead { version, last_write };
        let request = self.request(update, &bound, Some(makes), Returned::Nothing(makes))?;
        Ok(Sent { request, bytes, bound: Some(version), makes: Some(makes), documents })
    }

    /// The request for a write that makes the version `makes`, where that is known.
    fn request(
        &self,
        update: Option<Update<'_>>,
        bound: &Bound,
        makes: Option<Version>,
        returned: Returned,
    ) -> Result<Request, StoreError> {
        let Store { client, table, retention, .. } = self.store;
        let target = &self.target;
        let expressions = Expressions::new(update, target, bound);
        let Some(key) = &target.request.key else {
            return Ok(Request::update(client, table, target, expressions, returned));
        };
        let record = record::record(target, key, makes, *retention);
        Request::transaction(client, table, target, expressions, record, makes)
    }

    async fn write(&mut self, sent: &mut Sent, heard: &mut Heard) -> Written<Snapshot, StoreError> {
        match sent.request.send(self.effort).await {
            Ok(Answer::Applied(version, item)) => {
                let patch = &self.target.request.patch;
                self.store.hints.follow(self.target.option(), patch);
                if let Some(item) = item {
                    sent.makes = version;
                    sent.documents = self.documents(item);
                }
                Written::Applied(version)
            }
            Ok(Answer::Superseded(item)) => Written::Superseded(self.seen(item, heard)),
            Ok(Answer::Recorded(record)) => {
                Written::Recorded(record::replay(&record, &self.target))
            }
            // Whatever DynamoDB's words are, that much cannot be accepted.
            Err(SendError::Invalid(_)) if sent.bytes > Limits::DYNAMODB.item_bytes => {
                Written::TooLarge
            }
            Err(SendError::TooLarge) => Written::TooLarge,
            Err(SendError::Invalid(cause)) => {
                heard.not_accepted = Some(cause);
                Written::NotAccepted
            }
            Err(SendError::Ambiguous(cause)) => {
                heard.lost = Some(chain(&cause));
                heard.error = Some(SendError::Ambiguous(cause));
                Written::Lost
            }
            Err(error) => {
                heard.error = Some(error);
                Written::Failed
            }
        }
    }

    async fn read(
        &mut self,
        scope: Scope,
        heard: &mut Heard,
    ) -> Result<Found<Snapshot, StoreError>, StoreError> {
        let read = match scope {
            Scope::Option => self.read_option().await.map(|item| (item, None)),
            Scope::OptionAndRecord => self.read_each().await?,
            Scope::Snapshot => self.read_together().await?,
        };
        Ok(match read {
            Ok((item, record)) => {
                let record = record.map(|record| record::replay(&record, &self.target));
                Found::Option(self.seen(item, heard), record)
            }
            Err(error) => {
                heard.error = Some(error);
                Found::Failed
            }
        })
    }

    async fn read_option(&mut self) -> Result<Option<Item>, SendError> {
        let request = self
            .store
            .client
            .get_item()
            .table_name(&self.store.table)
            .set_key(Some(self.target.key()))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = self.effort.send(request.send()).await.map_err(SendError::of_a_read)?;
        self.effort.charge(&answer.consumed_capacity);
        Ok(answer.item)
    }

    /// The option, and the key's record, each as it was at a moment of its own.
    async fn read_each(&mut self) -> Result<Result<OptionAndRecord, SendError>, StoreError> {
        let table = &self.store.table;
        let (option, record) = (self.target.key(), record::key_of(&self.target));
        let mut keys = KeysAndAttributes::builder().keys(option.clone()).consistent_read(true);
        if let Some(record) = &record {
            keys = keys.keys(record.clone());
        }
        let request = self
            .store
            .client
            .batch_get_item()
            .request_items(table, keys.build().map_err(StoreError::internal)?)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = match self.effort.send(request.send()).await {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(error.of_a_read())),
        };
        // What is not read for want of throughput is not an error to DynamoDB.
        if answer.unprocessed_keys().is_some_and(|keys| !keys.is_empty()) {
            return Ok(Err(SendError::Throttled("keys were left unprocessed".into())));
        }
        self.effort.charge(answer.consumed_capacity());
        let mut items: Vec<_> =
            answer.responses.unwrap_or_default().into_values().flatten().collect();
        let mut take = |key: Item| {
            let is_it = |item: &Item| key.iter().all(|(name, value)| item.get(name) == Some(value));
            items.iter().position(is_it).map(|index| items.swap_remove(index))
        };
        Ok(Ok((take(option), record.and_then(take))))
    }

    /// The option, and the key's record, as both were at one moment.
    async fn read_together(&mut self) -> Result<Result<OptionAndRecord, SendError>, StoreError> {
        let mut request = self
            .store
            .client
            .transact_get_items()
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        for key in [Some(self.target.key()), record::key_of(&self.target)].into_iter().flatten() {
            let get = Get::builder().table_name(&self.store.table).set_key(Some(key)).build();
            let get = get.map_err(StoreError::internal)?;
            request = request.transact_items(TransactGetItem::builder().get(get).build());
        }
        Ok(match self.effort.send(request.send()).await {
            Ok(answer) => {
                self.effort.charge(answer.consumed_capacity());
                // In the order of the request.
                let mut items = answer.responses.unwrap_or_default().into_iter();
                let mut next = || items.next().and_then(|response| response.item);
                Ok((next(), next()))
            }
            Err(SendError::Service(
                TransactGetItemsError::TransactionCanceledException(canceled),
                cause,
            )) => Err(SendError::of_reasons(canceled.cancellation_reasons(), cause)),
            Err(error) => Err(error.of_a_read()),
        })
    }

    /// What a direct update has changed, from the item that it has returned.
    fn documents(&self, item: Item) -> Option<Documents> {
        let document = document(item)?;
        if self.target.request.preference == Preference::Representation {
            return Some(Documents { before: None, after: document });
        }
        // The plan's promise: in memory the patch gives what the update has left.
        let patch = &self.target.request.patch;
        let after = apply_within(patch, document.clone(), self.limits()).ok()?;
        Some(Documents { before: Some(document), after })
    }

    /// The limits of the patch in memory. What one update can do is not refused for the room that it
    /// takes in memory. Otherwise a dry run would refuse what is applied.
    fn limits(&self) -> &Limits {
        // 64 MiB.
        const ROOM: usize = 67_108_864;
        const OF_ONE_UPDATE: Limits =
            Limits { working_bytes: ROOM, copied_bytes: ROOM, ..Limits::DYNAMODB };
        match self.plan {
            Plan::Direct(_) => &OF_ONE_UPDATE,
            Plan::Check | Plan::Rewrite(_) => self.target.request.patch.limits(),
        }
    }

    /// The option in `item`, with what the request makes of it.
    fn seen(&self, item: Option<Item>, heard: &mut Heard) -> Seen<Snapshot, StoreError> {
        let Target { request, write_id, .. } = self.target;
        if request.preference == Preference::Representation
            && let Some(item) = &item
            && item::last_write(item) == Some(write_id)
        {
            heard.found = document(item.clone());
        }
        let learn = |document: &Value| self.store.hints.learn(self.target.option(), document);
        Snapshot::seen(item, &self.target, self.limits(), learn)
    }

    /// Waits until it makes sense to try again; false where there is no time for that, or no sense.
    async fn wait(&mut self, reason: Reason, heard: &mut Heard) -> bool {
        let error = match (reason, heard.error.take()) {
            (Reason::Error, Some(error)) => error,
            (Reason::Error, None) | (Reason::Contention, _) => SendError::Contention,
        };
        match self.effort.again(error).await {
            Ok(()) => true,
            Err(error) => {
                heard.given_up = Some(error);
                false
            }
        }
    }
}

type OptionAndRecord = (Option<Item>, Option<Item>);

fn document(mut item: Item) -> Option<Value> {
    from_attribute(item.remove(DOCUMENT)?).ok()
}

impl Heard {
    /// The error of a request that may have been carried out.
    fn unknown(mut self, reason: NotDone<StoreError>, last: Option<&Sent>) -> StoreError {
        let mut why = self.lost.take().unwrap_or_default();
        if !matches!(reason, NotDone::Lost) {
            let other = self.error(reason, last).for_operator();
            if other != why {
                why = format!("{why}; then {other}");
            }
        }
        StoreError::OutcomeUnknown(why.into())
    }

    /// The error of a request that was not carried out, nor will be.
    fn error(self, reason: NotDone<StoreError>, last: Option<&Sent>) -> StoreError {
        match reason {
            NotDone::Refused(error) => error,
            NotDone::Duplicate => StoreError::Duplicate,
            NotDone::TooLarge => match last {
                Some(Sent { bytes, bound: Some(version), .. }) => {
                    StoreError::TooLarge { bytes: *bytes, version: *version }
                }
                _ => StoreError::internal("too large, but nothing was sent"),
            },
            NotDone::NotAccepted => {
                StoreError::Internal(self.not_accepted.unwrap_or_else(|| "not accepted".into()))
            }
            NotDone::GivenUp => self.given_up.unwrap_or(StoreError::Contention),
            NotDone::Untold | NotDone::Lost => {
                StoreError::OutcomeUnknown("the item does not tell".into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_outcome_has_each_cause_once() {
        let unknown = |reason, given_up: Option<&'static str>| {
            let given_up = given_up.map(StoreError::internal);
            let heard = Heard { lost: Some("no answer".into()), given_up, ..Heard::default() };
            heard.unknown(reason, None).for_operator()
        };
        assert_eq!(unknown(NotDone::Lost, None), "no answer");
        assert_eq!(unknown(NotDone::GivenUp, Some("no answer")), "no answer");
        assert_eq!(unknown(NotDone::GivenUp, Some("denied")), "no answer; then denied");
        assert_eq!(unknown(NotDone::Untold, None), "no answer; then the item does not tell");
    }
}
