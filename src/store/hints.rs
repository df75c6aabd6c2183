//! What options have shown of their shape, remembered for the next patch.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use json_patch_dynamodb::{Hints, Patch};
use serde_json::Value;

use crate::id::{OptionGuid, OrgGuid};

/// How many options are remembered: the hints of each take up to about 8 KiB.
const MAX_OPTIONS: usize = 64;

type Key = (OrgGuid, OptionGuid);

#[derive(Debug, Default)]
pub(super) struct HintsCache(Mutex<HashMap<Key, Arc<Hints>>>);

impl HintsCache {
    pub(super) fn get(&self, option: Key) -> Arc<Hints> {
        let options = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        options.get(&option).cloned().unwrap_or_default()
    }

    /// Remembers the shape of `document`, which the option has.
    pub(super) fn learn(&self, option: Key, document: &Value) {
        let hints = Arc::new(Hints::of(document));
        let mut options = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if options.len() >= MAX_OPTIONS && !options.contains_key(&option) {
            options.clear();
        }
        options.insert(option, hints);
    }

    /// Follows what `patch` has made of an option that is remembered.
    pub(super) fn follow(&self, option: Key, patch: &Patch) {
        let mut options = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hints) = options.get_mut(&option) {
            Arc::make_mut(hints).follow(patch);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_options_are_remembered() {
        let org: OrgGuid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301".parse().expect("a GUID");
        let option = |number: usize| {
            let guid = format!("6fa459ea-ee8a-4ca4-894e-{number:012}");
            (org, guid.parse().expect("a GUID"))
        };
        let (options, document) = (HintsCache::default(), json!({"a": [1]}));
        let is_known = |number: usize| !options.get(option(number)).is_empty();
        for number in 0..MAX_OPTIONS {
            options.learn(option(number), &document);
        }
        assert!((0..MAX_OPTIONS).all(is_known) && !is_known(MAX_OPTIONS));
        // One that is seen again takes no room.
        options.learn(option(0), &json!({}));
        assert!((0..MAX_OPTIONS).all(is_known));
        assert_eq!(*options.get(option(0)), Hints::of(&json!({})));
        // One more takes the room of all.
        options.learn(option(MAX_OPTIONS), &document);
        assert!(is_known(MAX_OPTIONS) && !(0..MAX_OPTIONS).any(is_known));
    }
}
