//! The address of a DynamoDB, as options of commands name it.

use crate::CommandError;

/// The address that is the value of `option`.
///
/// # Errors
///
/// `text` is no such address.
pub fn parse(option: &str, text: &str) -> Result<String, CommandError> {
    let is_address = text.split_once("://").is_some_and(|(scheme, rest)| {
        let authority = rest.trim_end_matches('/').parse::<hyper::http::uri::Authority>();
        matches!(scheme, "http" | "https") && authority.is_ok()
    });
    if is_address {
        Ok(text.to_owned())
    } else {
        let expected = "expected an address such as http://127.0.0.1:8000";
        Err(CommandError::of(format!("{option} {text}"), expected))
    }
}
