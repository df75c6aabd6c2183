//! The protocol of one change: what to ask of the table next, by what was heard from it.
//!
//! This is a machine without the SDK, a clock or a task. [`Change::begin`] gives the first [`Step`].
//! Whoever performs a step tells the value that came with it what was heard, and gets the next step,
//! until one is [`Step::End`]. The machine decides what a refusal may rest on, what a lost answer
//! means, and what is sent again; [`super::Store`] sends, reads and waits.
//!
//! The machine never looks into what is written (`W`) or into the reason of a refusal (`R`).
//!
//! # What was lost
//!
//! A write whose answer was lost may have been applied, may be applied at any later moment, or never.
//!
//! - A write that is bound to one version is sent again: it ends that version, so it cannot be applied
//!   twice. From then on the request remembers the loss. A refusal is certain only once the stored
//!   version is past the one that the lost write was bound to.
//! - A write that is bound to no version and has no key is not sent again. The machine looks for it in
//!   the table.
//! - With a key, every write brings the key's record with it, and its condition asks that the key has
//!   none. So it cannot be applied twice, and it is sent again whatever it is bound to. An item that is
//!   read together with the absence of the record shows that no write of this key had been applied. But
//!   the conditions of a write that is bound to no version can hold again at any time. So after the loss
//!   of such a write no refusal is certain, unless the key has a record.

#[cfg(test)]
mod model;

use crate::id::Version;

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Step<W, R> {
    /// Send this write; with a key, together with the key's record.
    Write(Write<W>, Writing),
    /// Read consistently.
    Read(Scope, Reading),
    /// Wait until it makes sense to try again, if there is time for that.
    Wait(Reason, Waiting<W, R>),
    /// The request has ended.
    End(End<W, R>),
}

/// A conditional write.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Write<W> {
    /// The plan's own update, on the plan's own conditions.
    Direct,
    /// What was made of the option that was seen, on the condition that it still is as it was.
    Rewrite(W),
    /// The write before, unchanged.
    Again,
}

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    /// The option.
    Option,
    /// The option and the key's record, each as it was at a moment of its own.
    OptionAndRecord,
    /// The option and the key's record, both as they were at one moment.
    Snapshot,
}

/// Why to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Reason {
    /// The error that was heard just now.
    Error,
    /// Another writer was faster.
    Contention,
}

/// How the request has ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum End<W, R> {
    /// It was carried out, by this request or by an earlier one with its key. A request that wrote
    /// nothing has what it made of the option.
    Done(Done, Option<W>),
    /// Nothing of it was applied, and nothing will be.
    Failed(NotDone<R>),
    /// Whether it was applied is not known. Had no answer been lost, it would have failed like this.
    Unknown(NotDone<R>),
}

/// A request that was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Done {
    /// The option's version after it, where it is known.
    pub version: Option<Version>,
    /// Whether that was done before, by another request with the same `Idempotency-Key`.
    pub replayed: bool,
}

impl Done {
    /// What this request has done.
    fn now(version: Option<Version>) -> Self {
        Self { version, replayed: false }
    }
}

/// Why a request was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum NotDone<R> {
    /// The option, or the key's record, gives this reason.
    Refused(R),
    /// The key has a record of another request.
    Duplicate,
    /// The option would be larger than an item can be.
    TooLarge,
    /// DynamoDB does not accept the write as it is.
    NotAccepted,
    /// What went wrong does not pass, or did not pass in time.
    GivenUp,
    /// The stored option does not tell what became of the writes that were lost.
    Untold,
    /// The write was lost, and it was not found in the table.
    Lost,
}

/// The option as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Seen<W, R> {
    /// The option's version, if there is an option, and if it has a version.
    pub(super) version: Option<Version>,
    /// Whether the last write of the option was this request's.
    pub(super) is_own: bool,
    /// What the request makes of the option, or why it is refused.
    pub(super) proposal: Result<Proposal<W>, R>,
}

/// What the request makes of an option.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Proposal<W> {
    /// The version that the option had. One that has none counts as version 0.
    pub(super) version: Version,
    pub(super) write: W,
}

/// The record of the request's key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Record<R> {
    /// An equal request was carried out like this, perhaps by this very one.
    OfThis(Done),
    /// The key was used with another request.
    OfAnother,
    /// It counts no longer.
    Expired,
    /// It is not what this function writes.
    Unreadable(R),
}

/// What was heard of a write. But for `Applied` and `Lost` the write was not applied.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Written<W, R> {
    /// It made the option this version, where that is known.
    Applied(Option<Version>),
    /// The option is not one that the condition holds for. With a key, the key had no record at that
    /// moment.
    Superseded(Seen<W, R>),
    /// The key has a record.
    Recorded(Record<R>),
    /// The option would be too large.
    TooLarge,
    /// DynamoDB does not accept the request as it is.
    NotAccepted,
    /// An error, which may pass.
    Failed,
    /// It was applied, or may be at any later moment, or never: its answer was lost.
    Lost,
}

/// What was heard of a read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Found<W, R> {
    /// The option, and the key's record where there is one and it was read.
    Option(Seen<W, R>, Option<Record<R>>),
    /// An error, which may pass.
    Failed,
}

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Change {
    /// Whether the patch writes anything. A patch of `test` operations alone does not.
    writes: bool,
    /// Whether the request has an `Idempotency-Key`.
    has_key: bool,
    /// The writes whose answers were lost, until it is certain that none was or will be applied.
    lost: Option<Lost>,
}

/// Writes whose answers were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Lost {
    /// Each is bound to one version, of which this is the highest.
    Bound(Version),
    /// One of them, of a request with a key, is bound to no version.
    Unbound,
}

/// A change whose write was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Writing {
    change: Change,
    write: Sent,
}

/// The plan's own update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Direct {
    /// The one version of the option for which the condition can hold; none where it can hold for
    /// several.
    pub(super) bound: Option<Version>,
}

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sent {
    Direct(Direct),
    /// What was made of the option when it had this version.
    Rewrite(Version),
}

impl Sent {
    /// The one version of the option for which the condition can hold.
    fn bound(self) -> Option<Version> {
        match self {
            Self::Direct(direct) => direct.bound,
            Self::Rewrite(version) => Some(version),
        }
    }
}

/// A change that is being read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Reading {
    change: Change,
    purpose: Purpose,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Purpose {
    /// To begin with what is stored.
    Begin,
    /// To see option and record at one moment, as a refusal has to rest on that.
    Confirm,
    /// To see whether the key has a record, which an answer about the size may hide.
    ConfirmTooLarge,
    /// To see whether a write was applied that was lost and is bound to no version.
    Find,
    /// To see what would become of the request, which is a dry run.
    Look,
}

/// A change that waits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Waiting<W, R> {
    change: Change,
    then: Then<W, R>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Then<W, R> {
    Write(Sent),
    Read(Purpose),
    Consider(Seen<W, R>),
}

impl Change {
    /// Begins the change of a patch that `writes` or only tests, with a key or without.
    ///
    /// `direct` is there if the plan has an update of its own that can be sent without a read.
    pub(super) fn begin<W, R>(writes: bool, has_key: bool, direct: Option<Direct>) -> Step<W, R> {
        let change = Self { writes, has_key, lost: None };
        match direct {
            Some(direct) => {
                Step::Write(Write::Direct, Writing { change, write: Sent::Direct(direct) })
            }
            None => change.read(Purpose::Begin),
        }
    }

    /// Begins a dry run, which only looks what would become of the change.
    pub(super) fn look<W, R>(has_key: bool) -> Step<W, R> {
        Self { writes: false, has_key, lost: None }.read(Purpose::Look)
    }

    fn read<W, R>(self, purpose: Purpose) -> Step<W, R> {
        let scope = match purpose {
            Purpose::Begin if self.has_key => Scope::OptionAndRecord,
            Purpose::Look if self.has_key => Scope::Snapshot,
            Purpose::Begin | Purpose::Find | Purpose::Look => Scope::Option,
            Purpose::Confirm | Purpose::ConfirmTooLarge => Scope::Snapshot,
        };
        Step::Read(scope, Reading { change: self, purpose })
    }

    fn wait<W, R>(self, reason: Reason, then: Then<W, R>) -> Step<W, R> {
        Step::Wait(reason, Waiting { change: self, then })
    }

    /// Goes on by the option as it was `seen`, at a moment when the key had no record.
    fn consider<W, R>(mut self, seen: Seen<W, R>) -> Step<W, R> {
        match self.settle(&seen) {
            Settled::Applied(version) => return done(Some(version)),
            Settled::Untold => return Step::End(End::Unknown(NotDone::Untold)),
            Settled::Open => {}
        }
        match seen.proposal {
            Ok(proposal) => self.propose(proposal),
            Err(reason) => self.fail(NotDone::Refused(reason)),
        }
    }

    fn propose<W, R>(self, Proposal { version, write }: Proposal<W>) -> Step<W, R> {
        if self.writes || self.has_key {
            let sent = Sent::Rewrite(version);
            Step::Write(Write::Rewrite(write), Writing { change: self, write: sent })
        } else {
            Step::End(End::Done(Done::now(Some(version)), Some(write)))
        }
    }

    /// Learns from the option, as it was `seen`, what became of the writes that were lost.
    ///
    /// With a key, `seen` is of a moment when the key had no record. Had a lost write been applied by
    /// then, the key would have one. Without a key only `lastWrite` tells.
    fn settle<W, R>(&mut self, seen: &Seen<W, R>) -> Settled {
        let Some(Lost::Bound(bound)) = self.lost else { return Settled::Open };
        if self.has_key {
            // Versions only grow, so a lost write cannot be applied any more.
            if seen.version.is_some_and(|version| version > bound) {
                self.lost = None;
            }
            return Settled::Open;
        }
        match seen.version {
            Some(version) if seen.is_own => Settled::Applied(version),
            // The one write that has ended the version was another's. Behind two writes the lost one
            // could hide.
            Some(version) if version == bound.next() => {
                self.lost = None;
                Settled::Open
            }
            _ => Settled::Untold,
        }
    }

    /// Ends without success. A failure is certain only where no write is lost, but for one: what
    /// another request has done with the key.
    fn fail<W, R>(self, failure: NotDone<R>) -> Step<W, R> {
        Step::End(match (self.lost, failure) {
            (None, failure) | (Some(_), failure @ NotDone::Duplicate) => End::Failed(failure),
            (Some(_), failure) => End::Unknown(failure),
        })
    }

    /// Ends by the key's `record`; gives back the change where the record counts no longer.
    fn replay<W, R>(self, record: Record<R>) -> Result<Step<W, R>, Self> {
        match record {
            Record::OfThis(done) => Ok(Step::End(End::Done(done, None))),
            Record::OfAnother => Ok(self.fail(NotDone::Duplicate)),
            Record::Unreadable(reason) => Ok(self.fail(NotDone::Refused(reason))),
            Record::Expired => Err(self),
        }
    }
}

/// What became of the writes that were lost.
enum Settled {
    /// One was applied and made the option this version.
    Applied(Version),
    /// None was, or that is not known yet.
    Open,
    /// Nothing can tell.
    Untold,
}

fn done<W, R>(version: Option<Version>) -> Step<W, R> {
    Step::End(End::Done(Done::now(version), None))
}

impl Writing {
    /// The next step, by what was heard of the write.
    pub(super) fn hear<W, R>(self, heard: Written<W, R>) -> Step<W, R> {
        let Self { mut change, write } = self;
        match (heard, write) {
            (Written::Applied(version), _) => done(version),
            (Written::Recorded(record), _) => change.replay(record).unwrap_or_else(|change| {
                // The record has expired since the write's condition was evaluated.
                change.wait(Reason::Contention, Then::Read(Purpose::Begin))
            }),
            // The option tells why a condition does not hold: the request is refused, or the plan has
            // guessed wrong.
            (Written::Superseded(seen), Sent::Direct(_)) => change.consider(seen),
            (Written::Superseded(seen), Sent::Rewrite(_)) => match change.settle(&seen) {
                Settled::Applied(version) => done(Some(version)),
                Settled::Untold => Step::End(End::Unknown(NotDone::Untold)),
                Settled::Open => change.wait(Reason::Contention, Then::Consider(seen)),
            },
            // More than DynamoDB takes. The whole document tells what of it is too much.
            (Written::TooLarge | Written::NotAccepted, Sent::Direct(_)) => {
                change.read(Purpose::Begin)
            }
            (Written::TooLarge, Sent::Rewrite(_)) if change.has_key => {
                change.read(Purpose::ConfirmTooLarge)
            }
            (Written::TooLarge, Sent::Rewrite(_)) => change.fail(NotDone::TooLarge),
            (Written::NotAccepted, Sent::Rewrite(_)) => change.fail(NotDone::NotAccepted),
            (Written::Failed, write) => change.wait(Reason::Error, Then::Write(write)),
            (Written::Lost, write) => {
                let lost = match write.bound() {
                    Some(bound) => Lost::Bound(bound),
                    None if change.has_key => Lost::Unbound,
                    // Its conditions may hold again after it was applied, so it is not sent again.
                    None => return change.read(Purpose::Find),
                };
                change.lost = change.lost.max(Some(lost));
                change.wait(Reason::Error, Then::Write(write))
            }
        }
    }
}

impl Reading {
    /// The next step, by what was found.
    pub(super) fn hear<W, R>(self, found: Found<W, R>) -> Step<W, R> {
        let Self { change, purpose } = self;
        let (seen, record) = match found {
            Found::Option(seen, record) => (seen, record),
            Found::Failed => return change.wait(Reason::Error, Then::Read(purpose)),
        };
        if let Purpose::Find = purpose {
            return match seen.version {
                Some(version) if seen.is_own => done(Some(version)),
                // The write may have been applied before another one, or may still be on its way.
                _ => Step::End(End::Unknown(NotDone::Lost)),
            };
        }
        let change = match record.map_or(Err(change), |record| change.replay(record)) {
            Ok(end) => return end,
            Err(change) => change,
        };
        match purpose {
            Purpose::ConfirmTooLarge => change.fail(NotDone::TooLarge),
            // The option was read apart from the record and may be older than it: that is enough to
            // write on, but not to refuse.
            Purpose::Begin if change.has_key => match seen.proposal {
                Ok(proposal) => change.propose(proposal),
                Err(_) => change.read(Purpose::Confirm),
            },
            Purpose::Look => match seen.proposal {
                Ok(Proposal { version, write }) => {
                    Step::End(End::Done(Done::now(Some(version)), Some(write)))
                }
                Err(reason) => change.fail(NotDone::Refused(reason)),
            },
            Purpose::Begin | Purpose::Confirm | Purpose::Find => change.consider(seen),
        }
    }
}

impl<W, R> Waiting<W, R> {
    /// The next step: the time has passed, or there was no time left to wait.
    pub(super) fn over(self, is_time_left: bool) -> Step<W, R> {
        let Self { change, then } = self;
        match then {
            Then::Read(Purpose::Find) if !is_time_left => Step::End(End::Unknown(NotDone::Lost)),
            _ if !is_time_left => change.fail(NotDone::GivenUp),
            Then::Write(write) => Step::Write(Write::Again, Writing { change, write }),
            Then::Read(purpose) => change.read(purpose),
            Then::Consider(seen) => change.consider(seen),
        }
    }
}
