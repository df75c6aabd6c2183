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
