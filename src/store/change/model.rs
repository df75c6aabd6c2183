//! Every way in which two or three changes of one option can go, by exhaustive search.
//!
//! The machine of the protocol is the one that runs. Around it are an abstract table, clients that
//! perform what their machines ask for, an outsider who changes the option, and faults. The search
//! takes every step that any of them can take, in every order, and checks in every state that it
//! reaches:
//!
//! - *once*: a request is applied at most once, and so is a key, unless its record has expired;
//! - *done*: who is told that the request was carried out finds it in the table's history, at the
//!   version that was told;
//! - *failed*: a request that was refused or given up is not applied, now or later;
//! - *true*: a refusal was true of the table at some moment of the request;
//! - *ends*: without time to wait a request ends at once, and nothing waits for ever.
//!
//! The table itself makes every version the one after the last, as the update expression does.
//!
//! A record does not expire while a write is on its way: it is kept for hours, and a write that is late
//! is late by seconds.
//!
//! Each of these faults was put into the machine, and one of the searches below found it:
//!
//! | fault | found by |
//! |---|---|
//! | a lost write is forgotten | failed |
//! | a write that is bound to no version is sent again | failed |
//! | a version equal to the bound settles a loss with a key | failed, with one change and two outsiders |
//! | any later version settles a loss without a key | failed |
//! | a loss that nothing tells of is taken for none | failed |
//! | the request does not know its own write again | failed |
//! | a refusal rests on option and record read apart | true |
//! | a refusal is certain in spite of a loss | failed |
//! | time that is up is certain in spite of a loss | failed |
//! | with a key an answer about the size is believed | the list of what has to be met |
//! | a search that finds nothing is a failure | failed |
//! | a search that runs out of time is a failure | failed, with one change and two faults |
//! | a search takes any version for the request's own | done |
//! | the record is not looked at after a read | true |
//! | an expired record ends the request | true |
//! | a wait is not limited | ends |
//! | another request's record is taken for this one's | done |
//! | a lost write with a key that is bound to no version is taken for one that is bound | failed |
//! | the absence of the record settles the loss of such a write | failed |
//! | a bound loss takes the place of one that is bound to nothing | failed |

use std::{
    collections::{BTreeSet, HashSet},
    hash::{BuildHasher, Hash},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use foldhash::quality::FixedState;

use super::{
    Change, Direct, Done, End, Found, NotDone, Proposal, Reading, Record, Scope, Seen, Step,
    Waiting, Write, Writing, Written,
};
use crate::id::Version;

/// Who wrote what no client has written.
const OUTSIDER: u8 = u8::MAX;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Refusal {
    NotFound,
    Archived,
    Precondition,
    Patch,
    /// The key was used with another request.
    Duplicate,
    /// None of these; the key, if there is one, had no record of this request.
    Other,
}

/// What a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Profile {
    plan: Plan,
    /// Which request the client sends with the one key that there is.
    key: Option<u8>,
    /// The versions that `If-Match` names.
    if_match: Option<&'static [u8]>,
    /// Whether the patch, once applied, does not fit the document any more.
    is_single: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    Check,
    Direct,
    Rewrite,
}

/// How the patches fit the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Fit {
    /// A plan's own update can be applied.
    Direct,
    /// A patch can be applied, but the plan has guessed wrong.
    Rewrite,
    /// No patch can be applied.
    None,
}

/// An option in the table. Version 0 stands for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Item {
    version: u8,
    is_archived: bool,
    last_writer: u8,
    fit: Fit,
}

/// The key's record in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Stored {
    request: u8,
    writer: u8,
    /// The version that the request has made, where it was known.
    version: Option<u8>,
    is_expired: bool,
}

/// A write as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Sent {
    Direct,
    Rewrite(AsRead),
}

/// What a rewrite is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct AsRead {
    version: u8,
    last_writer: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum State {
    At(Step<AsRead, Refusal>),
    /// Option and record are read at two moments; one of them is there.
    HasOption(Reading, Option<Item>),
    HasRecord(Reading, Option<Stored>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Client {
    state: State,
    sent: Option<Sent>,
    has_begun: bool,
    waits: u8,
    /// How often it was applied, and the version that this made or, of a check, was found.
    applied: u8,
    version: u8,
    /// The refusals that were true at some moment since the request began.
    truths: u8,
    /// The versions at which the request could have been carried out since then.
    chances: u16,
}

impl Client {
    fn is_idle(&self) -> bool {
        !self.has_begun || matches!(self.state, State::At(Step::End(_)))
    }
}

/// What the table has, where everyone is, and what may still go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    item: Option<Item>,
    /// The highest version that there ever was.
    top: u8,
    record: Option<Stored>,
    /// The record that the key had before any of the clients began.
    earlier: Option<Stored>,
    expirations: u8,
    clients: Vec<Client>,
    /// Writes whose answers are lost, and that may still be applied.
    in_flight: Vec<(u8, Sent)>,
    outsiders: u8,
    faults: u8,
}

enum Outcome {
    Applied(Option<u8>),
    Superseded,
    Recorded(Stored),
}

/// What may happen in a search.
#[derive(Debug, Clone, Copy)]
struct Budget {
    /// How often each client may wait; then its time is up.
    waits: u8,
    /// What the outsider may do.
    outsiders: u8,
    /// How many requests go wrong.
    faults: u8,
}

impl Profile {
    fn begin(self) -> Step<AsRead, Refusal> {
        let one = match self.if_match {
            Some([version]) => Some(Version::new(u64::from(*version))),
            _ => None,
        };
        let direct = match self.plan {
            Plan::Direct => Some(Direct { bound: one }),
            Plan::Check | Plan::Rewrite => None,
        };
        Change::begin(self.plan != Plan::Check, self.key.is_some(), direct)
    }

    /// What the request makes of the option, or why it is refused.
    fn proposal(self, item: Option<Item>) -> Result<AsRead, Refusal> {
        let item = item.ok_or(Refusal::NotFound)?;
        if item.is_archived {
            Err(Refusal::Archived)
        } else if self.if_match.is_some_and(|versions| !versions.contains(&item.version)) {
            Err(Refusal::Precondition)
        } else if item.fit == Fit::None {
            Err(Refusal::Patch)
        } else {
            Ok(AsRead { version: item.version, last_writer: item.last_writer })
        }
    }
}

impl World {
    fn new(
        profiles: &[Profile],
        (item, record): (Option<Item>, Option<Stored>),
        budget: Budget,
    ) -> Self {
        let client = |profile: &Profile| Client {
            state: State::At(profile.begin()),
            sent: None,
            has_begun: false,
            waits: budget.waits,
            applied: 0,
            version: 0,
            truths: 0,
            chances: 0,
        };
        Self {
            item,
            top: item.map_or(0, |item| item.version),
            record,
            earlier: record,
            expirations: 0,
            clients: profiles.iter().map(client).collect(),
            in_flight: Vec::new(),
            outsiders: budget.outsiders,
            faults: budget.faults,
        }
    }

    /// Notes for every request that has begun what is true of the table now.
    fn note(&mut self, profiles: &[Profile]) {
        let (item, record) = (self.item, self.record.filter(|record| !record.is_expired));
        for (client, profile) in self.clients.iter_mut().zip(profiles) {
            if !client.has_begun {
                continue;
            }
            match (record, profile.key) {
                (Some(record), Some(request)) if record.request != request => {
                    client.truths |= 1 << Refusal::Duplicate as u8;
                }
                // Where its key has a record the request is not refused for what the option is.
                (Some(_), Some(_)) => {}
                _ => {
                    client.truths |= 1 << Refusal::Other as u8;
                    match profile.proposal(item) {
                        Ok(as_read) => client.chances |= 1 << as_read.version,
                        Err(refusal) => client.truths |= 1 << refusal as u8,
                    }
                }
            }
        }
    }

    fn seen(item: Option<Item>, who: usize, profile: Profile) -> Seen<AsRead, Refusal> {
        let version = |item: Item| Version::new(u64::from(item.version));
        Seen {
            version: item.filter(|item| item.version > 0).map(version),
            is_own: item.is_some_and(|item| usize::from(item.last_writer) == who),
            proposal: profile
                .proposal(item)
                .map(|write| Proposal { version: Version::new(u64::from(write.version)), write }),
        }
    }

    fn heard(record: Stored, who: usize, profile: Profile) -> Record<Refusal> {
        if record.is_expired {
            Record::Expired
        } else if Some(record.request) == profile.key {
            let version = record.version.map(|version| Version::new(u64::from(version)));
            Record::OfThis(Done { version, replayed: usize::from(record.writer) != who })
        } else {
            Record::OfAnother
        }
    }

    /// DynamoDB carries out a write, or not.
    fn write(&mut self, who: usize, sent: Sent, profile: Profile) -> Outcome {
        if let (Some(_), Some(record)) = (profile.key, self.record)
            && !record.is_expired
        {
            return Outcome::Recorded(record);
        }
        let Some(item) = &mut self.item else { return Outcome::Superseded };
        let holds = !item.is_archived
            && match sent {
                Sent::Direct => {
                    item.fit == Fit::Direct
                        && profile.if_match.is_none_or(|versions| versions.contains(&item.version))
                }
                Sent::Rewrite(AsRead { version, last_writer }) => {
                    (item.version, item.last_writer) == (version, last_writer)
                }
            };
        if !holds {
            return Outcome::Superseded;
        }
        let writer = u8::try_from(who).unwrap();
        if profile.plan != Plan::Check {
            item.version += 1;
            item.last_writer = writer;
            if profile.is_single {
                item.fit = Fit::None;
            }
        }
        let version = item.version;
        self.top = self.top.max(version);
        self.clients[who].applied += 1;
        self.clients[who].version = version;
        // A transaction returns nothing: the version is known where the write is bound to one.
        let is_bound = sent != Sent::Direct || matches!(profile.if_match, Some([_]));
        let told = (profile.key.is_none() || is_bound).then_some(version);
        if let Some(request) = profile.key {
            self.record = Some(Stored { request, writer, version: told, is_expired: false });
        }
        Outcome::Applied(told)
    }

    /// Everything that can happen next.
    fn successors(&self, profiles: &[Profile], sometimes: &mut BTreeSet<String>) -> Vec<Self> {
        let mut all = Vec::new();
        self.outsider(&mut all);
        for index in 0..self.in_flight.len() {
            // A write that is never applied is one that nobody waits for.
            let mut next = self.clone();
            let (who, sent) = next.in_flight.remove(index);
            next.write(usize::from(who), sent, profiles[usize::from(who)]);
            all.push(next);
        }
        for (who, profile) in profiles.iter().enumerate() {
            self.client(who, *profile, &mut all, sometimes);
        }
        for next in &mut all {
            next.note(profiles);
        }
        all
    }

    fn outsider(&self, all: &mut Vec<Self>) {
        if self.outsiders == 0 {
            return;
        }
        let mut next = self.clone();
        next.outsiders -= 1;
        let mut push = |item: Option<Item>| {
            let mut next = next.clone();
            next.item = item;
            next.top = next.top.max(item.map_or(0, |item| item.version));
            all.push(next);
        };
        if let Some(item) = self.item {
            push(None);
            push(Some(Item { is_archived: !item.is_archived, ..item }));
            for fit in [Fit::Direct, Fit::Rewrite, Fit::None] {
                push(Some(Item { version: item.version + 1, last_writer: OUTSIDER, fit, ..item }));
            }
        } else {
            let version = self.top + 1;
            push(Some(Item {
                version,
                is_archived: false,
                last_writer: OUTSIDER,
                fit: Fit::Direct,
            }));
        }
        // A record is kept for much longer than a request takes, and than a write is on its way.
        let is_over = self.clients.iter().all(Client::is_idle);
        let is_old =
            |record: &Stored| self.in_flight.is_empty() && (record.writer == OUTSIDER || is_over);
        if let Some(record) = self.record.filter(|record| !record.is_expired).filter(is_old) {
            next.record = Some(Stored { is_expired: true, ..record });
            next.expirations += 1;
            all.push(next);
        }
    }

    fn client(
        &self,
        who: usize,
        profile: Profile,
        all: &mut Vec<Self>,
        sometimes: &mut BTreeSet<String>,
    ) {
        let mut begun = self.clone();
        begun.clients[who].has_begun = true;
        // What is true when a request begins is true at a moment of the request.
        begun.note_one(who, profile);
        match &self.clients[who].state {
            State::At(Step::Write(write, writing)) => {
                begun.send(who, profile, (write, *writing), all, sometimes);
            }
            State::At(Step::Read(scope, reading)) => {
                sometimes.insert(format!("read {scope:?} to {:?}", reading.purpose));
                begun.read(who, profile, (*scope, *reading), all);
            }
            State::HasOption(reading, item) => {
                let record = self.record.map(|record| Self::heard(record, who, profile));
                let found = Found::Option(Self::seen(*item, who, profile), record);
                all.push(begun.at(who, reading.hear(found)));
            }
            State::HasRecord(reading, record) => {
                let record = record.map(|record| Self::heard(record, who, profile));
                let found = Found::Option(Self::seen(self.item, who, profile), record);
                all.push(begun.at(who, reading.hear(found)));
            }
            State::At(Step::Wait(reason, waiting)) => {
                sometimes.insert(format!("wait for {reason:?}"));
                begun.wait(who, waiting, all);
            }
            State::At(Step::End(end)) => {
                sometimes.insert(match end {
                    End::Done(done, _) => format!("done, replayed: {}", done.replayed),
                    End::Failed(NotDone::Refused(_)) => "refused".to_owned(),
                    End::Unknown(NotDone::Refused(_)) => "unknown, else refused".to_owned(),
                    End::Failed(why) => format!("failed: {why:?}"),
                    End::Unknown(why) => format!("unknown: {why:?}"),
                });
            }
        }
    }

    fn note_one(&mut self, who: usize, profile: Profile) {
        let mut alone = self.clone();
        alone.clients = vec![self.clients[who].clone()];
        alone.note(&[profile]);
        self.clients[who] = alone.clients.remove(0);
    }

    fn at(&self, who: usize, step: Step<AsRead, Refusal>) -> Self {
        let mut next = self.clone();
        next.clients[who].state = State::At(step);
        next
    }

    fn send(
        &self,
        who: usize,
        profile: Profile,
        (write, writing): (&Write<AsRead>, Writing),
        all: &mut Vec<Self>,
        sometimes: &mut BTreeSet<String>,
    ) {
        let mut sending = self.clone();
        let sent = match write {
            Write::Direct => Sent::Direct,
            Write::Rewrite(as_read) => Sent::Rewrite(*as_read),
            Write::Again => sending.clients[who].sent.expect("a write was sent"),
        };
        sometimes.insert(match write {
            Write::Direct => "write direct".to_owned(),
            Write::Rewrite(_) => "write rewrite".to_owned(),
            Write::Again => "write again".to_owned(),
        });
        sending.clients[who].sent = Some(sent);

        let mut next = sending.clone();
        let outcome = next.write(who, sent, profile);
        let heard = match outcome {
            Outcome::Applied(version) => {
                Written::Applied(version.map(|version| Version::new(u64::from(version))))
            }
            Outcome::Superseded => Written::Superseded(Self::seen(next.item, who, profile)),
            Outcome::Recorded(record) => {
                if next.outsiders > 0 && record.writer == OUTSIDER && next.in_flight.is_empty() {
                    // It expires before the client looks at it.
                    let mut next = next.clone();
                    next.outsiders -= 1;
                    next.expirations += 1;
                    next.record = Some(Stored { is_expired: true, ..record });
                    all.push(next.at(who, writing.hear(Written::Recorded(Record::Expired))));
                }
                Written::Recorded(Self::heard(record, who, profile))
            }
        };
        all.push(next.at(who, writing.hear(heard)));

        if sending.faults == 0 {
            return;
        }
        sending.faults -= 1;
        for heard in [Written::Failed, Written::TooLarge, Written::NotAccepted] {
            all.push(sending.at(who, writing.hear(heard)));
        }
        // Applied, if at all, before anything else happens.
        let mut next = sending.clone();
        next.write(who, sent, profile);
        all.push(next.at(who, writing.hear(Written::Lost)));
        // Applied later, or never.
        sending.in_flight.push((u8::try_from(who).unwrap(), sent));
        sending.in_flight.sort_unstable();
        all.push(sending.at(who, writing.hear(Written::Lost)));
    }

    fn read(
        &self,
        who: usize,
        profile: Profile,
        (scope, reading): (Scope, Reading),
        all: &mut Vec<Self>,
    ) {
        let record = self.record.map(|record| Self::heard(record, who, profile));
        let seen = || Self::seen(self.item, who, profile);
        match scope {
            Scope::Option => {
                all.push(self.at(who, reading.hear(Found::Option(seen(), None))));
            }
            Scope::Snapshot => {
                all.push(self.at(who, reading.hear(Found::Option(seen(), record))));
            }
            Scope::OptionAndRecord => {
                let mut next = self.clone();
                next.clients[who].state = State::HasOption(reading, self.item);
                all.push(next.clone());
                next.clients[who].state = State::HasRecord(reading, self.record);
                all.push(next);
            }
        }
        if self.faults > 0 {
            let mut next = self.at(who, reading.hear(Found::Failed));
            next.faults -= 1;
            all.push(next);
        }
    }

    fn wait(&self, who: usize, waiting: &Waiting<AsRead, Refusal>, all: &mut Vec<Self>) {
        if self.clients[who].waits > 0 {
            let mut next = self.at(who, waiting.clone().over(true));
            next.clients[who].waits -= 1;
            all.push(next);
        }
        let ended = waiting.clone().over(false);
        assert!(matches!(ended, Step::End(_)), "ends: {ended:?}");
        all.push(self.at(who, ended));
    }

    /// What must hold in every state.
    fn check(&self, profiles: &[Profile]) -> Result<(), String> {
        let with_key = || self.clients.iter().zip(profiles).filter(|(_, of)| of.key.is_some());
        let applied: u8 = with_key().map(|(client, _)| client.applied).sum();
        if applied + u8::from(self.earlier.is_some()) > 1 + self.expirations {
            return Err(format!("once: the key was applied {applied} times"));
        }
        for (who, (client, profile)) in self.clients.iter().zip(profiles).enumerate() {
            if client.applied > 1 {
                return Err(format!("once: client {who} was applied {} times", client.applied));
            }
            let State::At(Step::End(end)) = &client.state else { continue };
            match end {
                End::Done(Done { version, replayed }, _) => {
                    // A version that is not told is true of any.
                    let is = |of: u8| version.is_none_or(|told| told.number() == u64::from(of));
                    let is_earlier = |record: Stored| {
                        Some(record.request) == profile.key && record.version.is_none_or(is)
                    };
                    let is_true = if *replayed {
                        // By an earlier request, or another client, with the same key and request.
                        let mut others = self.clients.iter().zip(profiles);
                        client.applied == 0
                            && (self.earlier.is_some_and(is_earlier)
                                || others.any(|(by, of)| {
                                    of.key == profile.key && by.applied == 1 && is(by.version)
                                }))
                    } else if profile.plan == Plan::Check && profile.key.is_none() {
                        version.is_some_and(|version| client.chances & (1 << version.number()) != 0)
                    } else {
                        client.applied == 1 && is(client.version)
                    };
                    if version.is_none() && profile.key.is_none() {
                        return Err(format!("done: client {who} was told no version"));
                    }
                    if !is_true {
                        return Err(format!("done: client {who} was told version {version:?}"));
                    }
                }
                End::Failed(why) => {
                    if client.applied > 0 {
                        return Err(format!("failed: client {who} was told {why:?}"));
                    }
                    let claim = match why {
                        NotDone::Refused(refusal) => Some(*refusal),
                        NotDone::Duplicate => Some(Refusal::Duplicate),
                        NotDone::TooLarge => Some(Refusal::Other),
                        // No answer of 4xx but 429, which claims only that nothing was applied.
                        NotDone::NotAccepted
                        | NotDone::GivenUp
                        | NotDone::Untold
                        | NotDone::Lost => None,
                    };
                    if claim.is_some_and(|claim| client.truths & (1 << claim as u8) == 0) {
                        return Err(format!("true: client {who} was told {why:?}"));
                    }
                }
                End::Unknown(_) => {}
            }
        }
        Ok(())
    }
}

/// Searches all that can come of `first`, and counts the states.
fn search(profiles: &[Profile], first: World, sometimes: &mut BTreeSet<String>) -> usize {
    let hasher = FixedState::default();
    let hash = |world: &World| hasher.hash_one(world);
    let mut visited = HashSet::with_hasher(hasher.clone());
    visited.insert(hash(&first));
    let mut open = vec![first];
    while let Some(world) = open.pop() {
        if let Err(why) = world.check(profiles) {
            panic!("{why}\nprofiles: {profiles:#?}\n{world:#?}");
        }
        let successors = world.successors(profiles, sometimes);
        let is_over = |client: &Client| matches!(client.state, State::At(Step::End(_)));
        let goes_on = !successors.is_empty() || world.clients.iter().all(is_over);
        assert!(goes_on, "ends: nothing can happen\n{world:#?}");
        open.extend(successors.into_iter().filter(|next| visited.insert(hash(next))));
    }
    visited.len()
}

/// Every kind of request.
fn all_profiles() -> Vec<Profile> {
    let mut all = Vec::new();
    for plan in [Plan::Check, Plan::Direct, Plan::Rewrite] {
        for key in [None, Some(0), Some(1)] {
            let tags: [Option<&[u8]>; 4] = [None, Some(&[1]), Some(&[1, 3]), Some(&[2])];
            for if_match in tags {
                for is_single in [false, true] {
                    if plan != Plan::Check || !is_single {
                        all.push(Profile { plan, key, if_match, is_single });
                    }
                }
            }
        }
    }
    all
}

const ITEM: Item = Item { version: 1, is_archived: false, last_writer: OUTSIDER, fit: Fit::Direct };

/// No record of the key, and where a request has a key, one of an earlier request.
fn records(profiles: &[Profile]) -> Vec<Option<Stored>> {
    let earlier = Stored { request: 0, writer: OUTSIDER, version: Some(1), is_expired: false };
    let has_key = profiles.iter().any(|profile| profile.key.is_some());
    if has_key { vec![None, Some(earlier)] } else { vec![None] }
}

/// All mixtures of `count` profiles, each set once.
fn mixtures(profiles: &[Profile], count: usize) -> Vec<Vec<Profile>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let with_first = |(index, first): (usize, &Profile)| {
        let rest = mixtures(&profiles[index..], count - 1).into_iter();
        let first = *first;
        rest.map(move |rest| [vec![first], rest].concat())
    };
    profiles.iter().enumerate().flat_map(with_first).collect()
}

/// Searches every mixture on every core, and says how many states there are and what was met.
fn explore(what: &str, mixtures: &[Vec<Profile>], budget: Budget) -> BTreeSet<String> {
    let next = AtomicUsize::new(0);
    let states = AtomicUsize::new(0);
    let all = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let mut sometimes = BTreeSet::new();
                while let Some(profiles) = mixtures.get(next.fetch_add(1, Relaxed)) {
                    for record in records(profiles) {
                        let world = World::new(profiles, (Some(ITEM), record), budget);
                        states.fetch_add(search(profiles, world, &mut sometimes), Relaxed);
                    }
                }
                all.lock().expect("no search has failed").extend(sometimes);
            });
        }
    });
    let states = states.load(Relaxed);
    eprintln!("{what}: {states} states of {} mixtures, {budget:?}", mixtures.len());
    all.into_inner().expect("no search has failed")
}

/// All that a search has to meet: every step, every reason for it, and every end.
const SOMETIMES: [&str; 21] = [
    "done, replayed: false",
    "done, replayed: true",
    "failed: Duplicate",
    "failed: GivenUp",
    "failed: NotAccepted",
    "failed: TooLarge",
    "read Option to Begin",
    "read Option to Find",
    "read OptionAndRecord to Begin",
    "read Snapshot to Confirm",
    "read Snapshot to ConfirmTooLarge",
    "refused",
    "unknown, else refused",
    "unknown: GivenUp",
    "unknown: Lost",
    "unknown: Untold",
    "wait for Contention",
    "wait for Error",
    "write again",
    "write direct",
    "write rewrite",
];

#[test]
fn two_changes_keep_every_promise() {
    let is_typical = |profile: &Profile| {
        let is_one_or_none = profile.if_match.is_none_or(|versions| versions.len() == 1);
        is_one_or_none && (profile.is_single || profile.plan == Plan::Check)
    };
    let profiles: Vec<_> = all_profiles().into_iter().filter(is_typical).collect();
    let budget = Budget { waits: 1, outsiders: 1, faults: 1 };
    let met = explore("two changes", &mixtures(&profiles, 2), budget);
    assert_eq!(met.iter().map(String::as_str).collect::<Vec<_>>(), SOMETIMES);
}

#[test]
fn one_change_under_many_faults_keeps_every_promise() {
    let budget = Budget { waits: 2, outsiders: 2, faults: 2 };
    explore("one change", &mixtures(&all_profiles(), 1), budget);
}

#[test]
#[ignore = "takes minutes; `.ci/steps/model` runs it"]
fn more_changes_under_more_faults_keep_every_promise() {
    let profiles = all_profiles();
    let budget = Budget { waits: 2, outsiders: 1, faults: 2 };
    explore("two changes", &mixtures(&profiles, 2), budget);
    let budget = Budget { waits: 1, outsiders: 2, faults: 1 };
    explore("two changes", &mixtures(&profiles, 2), budget);
    let is_typical = |profile: &Profile| {
        let is_one_or_none = profile.if_match.is_none_or(|versions| *versions == [1]);
        is_one_or_none && profile.is_single
    };
    let profiles: Vec<_> = profiles.into_iter().filter(is_typical).collect();
    let budget = Budget { waits: 1, outsiders: 1, faults: 1 };
    explore("three changes", &mixtures(&profiles, 3), budget);
}
