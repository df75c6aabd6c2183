//! The bearer tokens of the local gateway.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use local::token::{sign, verify};
use serde_json::{Value, json};

use crate::engine::{ORG, OTHER_ORG};

/// The token in which this part takes the place of its own header, claims or signature.
fn with_part(token: &str, index: usize, part: &str) -> String {
    let mut parts: Vec<_> = token.split('.').collect();
    parts[index] = part;
    parts.join(".")
}

#[test]
fn a_token_says_who_has_it() {
    let claims = verify(&sign(ORG, "options/write", "ann")).unwrap();
    let told = (&claims["sub"], &claims["scope"], &claims["custom:org_guid"]);
    assert_eq!(told, (&json!("ann"), &json!("options/write"), &json!(ORG)));
}

#[test]
fn what_was_not_signed_is_no_token() {
    let token = sign(ORG, "options/write", "ann");
    let other = sign(OTHER_ORG, "options/write", "ann");
    let claims_of_other = other.split('.').nth(1).unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    for forged in [
        with_part(&token, 1, claims_of_other),
        with_part(&token, 0, &none),
        with_part(&with_part(&token, 0, &none), 2, ""),
        with_part(&token, 2, ""),
        with_part(&token, 2, "AAAA"),
        with_part(&token, 2, "%"),
        format!("{token}.{token}"),
        format!("{token}A"),
        token[..token.len() - 2].to_owned(),
        ".".to_owned(),
        "..".to_owned(),
        String::new(),
    ] {
        assert_eq!(verify(&forged), None, "{forged}");
    }
}

/// A token has the parts that every reader of JSON Web Tokens reads.
#[test]
fn a_token_is_a_json_web_token() {
    let token = sign(ORG, "s", "ann");
    let parts: Vec<_> =
        token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    assert_eq!(parts.len(), 3);
    let header: Value = serde_json::from_slice(&parts[0]).unwrap();
    assert_eq!(header, json!({"alg": "HS256", "typ": "JWT"}));
    assert_eq!(parts[2].len(), 32);
}
