//! The organizations that aliases are of, remembered for a while.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::id::OrgGuid;

/// How long an alias is remembered. Access never rests on an alias.
const TIME_TO_LIVE: Duration = Duration::from_mins(1);

/// How many aliases are remembered. Clients choose them, so there must be a bound.
const MAX_ALIASES: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct AliasCache(Mutex<HashMap<String, (OrgGuid, Instant)>>);

impl AliasCache {
    pub(super) fn get(&self, alias: &str) -> Option<OrgGuid> {
        let aliases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (owner, learned) = aliases.get(alias)?;
        (learned.elapsed() < TIME_TO_LIVE).then_some(*owner)
    }

    pub(super) fn insert(&self, alias: &str, owner: OrgGuid) {
        let mut aliases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if aliases.len() >= MAX_ALIASES {
            aliases.clear();
        }
        aliases.insert(alias.to_owned(), (owner, Instant::now()));
    }
}
