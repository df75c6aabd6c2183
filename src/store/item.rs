//! The items of the table: their keys and attributes.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use json_patch_dynamodb::{Limits, apply_within, canonical_number, from_attribute, item_bytes};
use serde_json::Value;

use super::{
    change::{Proposal, Seen},
    error::StoreError,
    write::Target,
};
use crate::id::{OptionGuid, OrgGuid, Version};

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) const PK: &str = "pk";
const SK: &str = "sk";
/// The attribute that holds an option's document.
pub const DOCUMENT: &str = "document";
pub(super) const VERSION: &str = "version";
pub(super) const UPDATED_AT: &str = "updatedAt";
pub(super) const UPDATED_BY: &str = "updatedBy";
pub(super) const LAST_WRITE: &str = "lastWrite";
pub(super) const ARCHIVED_AT: &str = "archivedAt";

/// An attribute is not what this function writes.
#[derive(Debug, thiserror::Error)]
#[error("the stored item's `{0}` is missing or malformed")]
pub(super) struct Malformed(pub(super) &'static str);

/// The key of an item of this organization.
pub(super) fn key(org: OrgGuid, sort_key: String) -> Item {
    [
        (PK.to_owned(), AttributeValue::S(format!("ORG#{org}"))),
        (SK.to_owned(), AttributeValue::S(sort_key)),
    ]
    .into()
}

/// Partition and sort key of an option.
pub(super) fn option_key(org: OrgGuid, option: OptionGuid) -> Item {
    key(org, format!("OPTION#{option}"))
}

/// An option as it was when it was read, with what a request makes of its document.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The option's version; 0 if it has none.
    pub(super) version: Version,
    /// The attribute `lastWrite`, of whatever type it is.
    pub(super) last_write: Option<AttributeValue>,
    /// What a dry run counts: the bytes that the item would take beside the document.
    pub(super) other_bytes: usize,
    /// The document as it was.
    pub(super) before: Value,
    pub(super) document: Value,
}

impl Snapshot {
    /// The option in `item` as the request of `target` sees it. The patch is applied in memory within
    /// `limits`. `learn` is told the document as it is stored.
    pub(super) fn seen(
        item: Option<Item>,
        target: &Target<'_>,
        limits: &Limits,
        learn: impl FnOnce(&Value),
    ) -> Seen<Self, StoreError> {
        let Target { access, request, write_id, .. } = *target;
        let version = item.as_ref().and_then(|item| version(item).ok().flatten());
        let is_own = item.as_ref().and_then(last_write) == Some(write_id);
        let counted = item.as_ref().filter(|_| request.dry_run);
        let other_bytes = counted.map_or(0, |item| other_bytes(item, access.subject(), write_id));
        let patched = Self::open(item).and_then(|snapshot| {
            learn(&snapshot.document);
            snapshot.patched(target, limits)
        });
        let patched = patched.map(|snapshot| Self { other_bytes, ..snapshot });
        let proposal = patched.map(|write| Proposal { version: write.version, write });
        Seen { version, is_own, proposal }
    }

    /// The option in `item`, if it is there and open to changes.
    fn open(item: Option<Item>) -> Result<Self, StoreError> {
        let mut item = item.ok_or(StoreError::NotFound)?;
        let version = version(&item).map(Option::unwrap_or_default);
        if item.contains_key(ARCHIVED_AT) {
            return Err(StoreError::Archived { version: version.ok() });
        }
        let version = version.map_err(StoreError::internal)?;
        if !version.can_be_counted() {
            // The next version could not be counted.
            return Err(StoreError::internal(Malformed(VERSION)));
        }
        let document = match item.remove(DOCUMENT) {
            Some(map @ AttributeValue::M(_)) => from_attribute(map),
            _ => return Err(StoreError::internal(Malformed(DOCUMENT))),
        };
        let document = document.map_err(StoreError::internal)?;
        let last_write = item.remove(LAST_WRITE);
        Ok(Self { version, last_write, other_bytes: 0, before: Value::Null, document })
    }

    /// The same option, with the document that the request makes of it.
    fn patched(self, target: &Target<'_>, limits: &Limits) -> Result<Self, StoreError> {
        let Target { request, rules, .. } = *target;
        let version = self.version;
        let preconditions = request.preconditions.check(version);
        preconditions.map_err(|unmet| StoreError::PreconditionFailed { unmet, version })?;
        let before = self.document.clone();
        let document = apply_within(&request.patch, self.document, limits);
        let document = document.map_err(|error| StoreError::Patch { error, version })?;
        let checked = rules.check(&request.patch, &before, &document);
        checked.map_err(|broken| StoreError::Rules { broken: Box::new(broken), version })?;
        Ok(Self { before, document, ..self })
    }
}

/// What the attributes beside the document take after a write of `subject`, names included.
fn other_bytes(item: &Item, subject: &str, write_id: &str) -> usize {
    let written = [
        (UPDATED_AT, "2026-01-01T00:00:00.000Z".len()),
        (UPDATED_BY, subject.len()),
        (LAST_WRITE, write_id.len()),
        // About as much as a version of a few digits.
        (VERSION, 3),
    ];
    let sum: usize = written.iter().map(|(name, bytes)| name.len() + bytes).sum();
    let is_written = |name: &str| written.iter().any(|(each, _)| *each == name);
    let others = item.iter().filter(|(name, _)| *name != DOCUMENT && !is_written(name));
    let others = others.map(|(name, value)| {
        // A set, or binary data, which another writer has added, is not counted.
        name.len() + from_attribute(value.clone()).map_or(0, |value| item_bytes(&value))
    });
    DOCUMENT.len() + sum + others.sum::<usize>()
}

pub(super) fn version(item: &Item) -> Result<Option<Version>, Malformed> {
    let Some(attribute) = item.get(VERSION) else { return Ok(None) };
    // Another program may have loaded the item and written `1E+2`.
    let number = attribute.as_n().ok().and_then(|text| canonical_number(text).ok());
    let number = number.and_then(|number| number.as_str().parse().ok());
    number.map(|number| Some(Version::new(number))).ok_or(Malformed(VERSION))
}

pub(super) fn last_write(item: &Item) -> Option<&str> {
    item.get(LAST_WRITE)?.as_s().ok().map(String::as_str)
}

pub(super) fn alias_owner(item: &Item) -> Result<OrgGuid, Malformed> {
    let guid = item.get("orgGuid").and_then(|attribute| attribute.as_s().ok());
    guid.and_then(|text| text.parse().ok()).ok_or(Malformed("orgGuid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a write replaces counts as it will be, what others have added as it is.
    #[test]
    fn all_that_is_beside_the_document_counts() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let document = AttributeValue::M([("name".to_owned(), text("Delivery"))].into());
        let item = [
            (PK, text("ORG#1")),
            (DOCUMENT, document),
            (UPDATED_BY, text("who was before")),
            (VERSION, AttributeValue::N("12345678901234".to_owned())),
            ("note", text("new")),
        ];
        let item = item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let written =
            ["updatedAt2026-01-01T00:00:00.000Z", "updatedByme", "lastWriteid", "version123"];
        let counted = [&["pkORG#1", "document", "notenew"][..], &written].concat();
        assert_eq!(other_bytes(&item, "me", "id"), counted.concat().len());
    }

    #[test]
    fn a_version_is_a_number_that_can_be_counted_on() {
        let read = |text: &str| {
            let item = [(VERSION.to_owned(), AttributeValue::N(text.to_owned()))].into();
            version(&item).map(|version| version.map(Version::number)).map_err(|_| ())
        };
        assert_eq!(version(&Item::new()).map_err(|_| ()), Ok(None));
        for (text, number) in [("0", 0), ("1", 1), ("1E+2", 100), ("7.0", 7)] {
            assert_eq!(read(text), Ok(Some(number)), "{text}");
        }
        assert_eq!(read(&u64::MAX.to_string()), Ok(Some(u64::MAX)));
        for text in ["18446744073709551616", "1E+30", "-1", "1.5", ""] {
            assert_eq!(read(text), Err(()), "{text}");
        }
        let text = [(VERSION.to_owned(), AttributeValue::S("1".into()))].into();
        assert!(version(&text).is_err());
    }
}
