//! Bearer tokens of the local gateway, signed with a key that is no secret.

use std::{
    fmt::Display,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde_json::{Value, json};

use crate::trouble::Trouble;

const KEY: &[u8] = b"the local gateway's key, known to all";
const LIFETIME: Duration = Duration::from_hours(24);

pub(crate) fn sign(org: impl Display, scope: &str, sub: &str) -> Result<String, Trouble> {
    let expires = (SystemTime::now() + LIFETIME).duration_since(UNIX_EPOCH).unwrap_or_default();
    let claims = json!({
        "sub": sub, "scope": scope, "custom:org_guid": org.to_string(), "exp": expires.as_secs()
    });
    let key = EncodingKey::from_secret(KEY);
    encode(&Header::default(), &claims, &key).map_err(|error| Trouble::of("token", error))
}

/// The claims of a token that [`sign`] made and that has not expired.
pub(crate) fn verify(token: &str) -> Option<Value> {
    let key = DecodingKey::from_secret(KEY);
    let verified = decode::<Value>(token, &key, &Validation::default()).ok()?;
    Some(verified.claims)
}
