//! The organizations that aliases are of, remembered for a while.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

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

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn owner() -> OrgGuid {
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301".parse().expect("a GUID")
    }

    #[tokio::test(start_paused = true)]
    async fn an_alias_is_remembered_for_a_minute() {
        let (aliases, owner) = (AliasCache::default(), owner());
        assert_eq!(aliases.get("a"), None);
        aliases.insert("a", owner);
        advance(Duration::from_secs(59)).await;
        assert_eq!((aliases.get("a"), aliases.get("b")), (Some(owner), None));
        advance(Duration::from_secs(1)).await;
        assert_eq!(aliases.get("a"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_a_thousand_are_remembered() {
        let (aliases, owner) = (AliasCache::default(), owner());
        for number in 0..MAX_ALIASES {
            aliases.insert(&number.to_string(), owner);
        }
        assert_eq!(aliases.get("0"), Some(owner));
        aliases.insert("new", owner);
        assert_eq!((aliases.get("0"), aliases.get("new")), (None, Some(owner)));
    }
}
