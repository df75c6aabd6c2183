//! Bearer tokens of the local gateway: JSON Web Tokens (RFC 7519) under HS256, signed with a key that
//! is no secret. Of the RFC only what this file writes is read.

use std::{
    fmt::Display,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Value, json};

const KEY: &[u8] = b"the local gateway's key, known to all";
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const LIFETIME: Duration = Duration::from_hours(24);

/// A token of this caller, good for a day.
#[must_use]
pub fn sign(org: impl Display, scope: &str, sub: &str) -> String {
    let expires = now() + LIFETIME.as_secs();
    let claims = json!({
        "sub": sub, "scope": scope, "custom:org_guid": org.to_string(), "exp": expires
    });
    let [header, claims] = [HEADER, &claims.to_string()].map(|part| URL_SAFE_NO_PAD.encode(part));
    let signed = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key(), signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// The claims of a token that [`sign`] made and that has not expired.
#[must_use]
pub fn verify(token: &str) -> Option<Value> {
    let (signed, signature) = token.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    hmac::verify(&key(), signed.as_bytes(), &signature).ok()?;
    // Whoever signs with the key writes this header and no other.
    let (header, claims) = signed.split_once('.')?;
    if URL_SAFE_NO_PAD.decode(header).ok()? != HEADER.as_bytes() {
        return None;
    }
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    (claims.get("exp")?.as_u64()? > now()).then_some(claims)
}

fn key() -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, KEY)
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
