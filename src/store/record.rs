//! Idempotency records: which requests have been carried out, so that none is carried out twice.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use json_patch_dynamodb::Change;
use sha2::{Digest as _, Sha256};

use super::{
    change::{Done, Record},
    error::StoreError,
    item::{self, Item, Malformed},
    write::Target,
};
use crate::{
    id::Version,
    request::{IdempotencyKey, PatchRequest, Tags},
};

const FINGERPRINT: &str = "fingerprint";
const WRITE_ID: &str = "writeId";
const EXPIRES_AT: &str = "expiresAt";

/// The condition that the key has no record that still counts. DynamoDB removes an expired record
/// late ("Using time to live in DynamoDB": typically within days), so the condition looks at the
/// time of expiry.
pub(super) const UNUSED: &str = "attribute_not_exists(pk) OR expiresAt<=:now";

/// Partition and sort key of the record of the request's key, if the request has one.
pub(super) fn key_of(target: &Target<'_>) -> Option<Item> {
    target.request.key.as_ref().map(|each| key(target, each))
}

/// Partition and sort key of the record of `key`. The caller is part of it, as two callers may use
/// the same key.
fn key(target: &Target<'_>, key: &IdempotencyKey) -> Item {
    let caller = URL_SAFE_NO_PAD.encode(Sha256::digest(target.access.subject()));
    item::key(target.access.org(), format!("REQUEST#{}#{key}#{caller}", target.request.option))
}

/// The record of a request that leaves the option at `version`, where that is known.
pub(super) fn record(
    target: &Target<'_>,
    key: &IdempotencyKey,
    version: Option<Version>,
    retention: Duration,
) -> Item {
    let mut record = self::key(target, key);
    let expires = now() + retention.as_secs();
    record.insert(FINGERPRINT.into(), AttributeValue::S(fingerprint(target.request)));
    if let Some(version) = version {
        record.insert(item::VERSION.into(), AttributeValue::N(version.to_string()));
    }
    record.insert(WRITE_ID.into(), AttributeValue::S(target.write_id.to_owned()));
    record.insert(EXPIRES_AT.into(), AttributeValue::N(expires.to_string()));
    record
}

/// The time, in seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// What `record` says about the request.
///
/// A record without a version was written where the version was not known: the answer then names
/// none. A record without a `writeId` counts as another request's.
pub(super) fn replay(record: &Item, target: &Target<'_>) -> Record<StoreError> {
    read(record, target)
        .unwrap_or_else(|malformed| Record::Unreadable(StoreError::internal(malformed)))
}

fn read(record: &Item, target: &Target<'_>) -> Result<Record<StoreError>, Malformed> {
    let expires = record.get(EXPIRES_AT).and_then(|expires| expires.as_n().ok());
    let expires = expires.and_then(|expires| expires.parse::<u64>().ok());
    if expires.ok_or(Malformed(EXPIRES_AT))? <= now() {
        return Ok(Record::Expired);
    }
    let text = |name| record.get(name).and_then(|value| value.as_s().ok());
    if *text(FINGERPRINT).ok_or(Malformed(FINGERPRINT))? != fingerprint(target.request) {
        return Ok(Record::OfAnother);
    }
    let version = item::version(record)?;
    let is_own = text(WRITE_ID).is_some_and(|id| id == target.write_id);
    Ok(Record::OfThis(Done { version, replayed: !is_own }))
}

/// A digest of what decides a request's outcome: the patch, in canonical form, and the
/// preconditions.
fn fingerprint(request: &PatchRequest) -> String {
    let mut hash = Sha256::new();
    match request.patch.change() {
        Change::Operations(operations) => {
            for operation in operations {
                hash.update(serde_json::to_string(operation).unwrap_or_default());
                hash.update("\n");
            }
        }
        Change::Merge(merge) => hash.update(merge.to_string()),
    }
    let tags = |tags: &Tags| match tags {
        Tags::Any => "*".to_owned(),
        Tags::Versions(versions) => {
            format!("{:?}", versions.iter().map(|version| version.number()).collect::<Vec<_>>())
        }
    };
    if let Some(if_match) = &request.preconditions.if_match {
        hash.update(tags(if_match));
    }
    if let Some(if_none_match) = &request.preconditions.if_none_match {
        hash.update("!");
        hash.update(tags(if_none_match));
    }
    URL_SAFE_NO_PAD.encode(hash.finalize())
}
