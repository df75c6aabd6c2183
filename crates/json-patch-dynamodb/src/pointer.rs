//! JSON Pointers (RFC 6901) and their tokens.

use std::borrow::Cow;

use json_patch::jsonptr::Pointer;

/// The longest pointer that an error quotes, in characters.
const MAX_QUOTED: usize = 256;

/// The pointer as an error shows it: a long one is cut.
pub(crate) fn quoted(pointer: &Pointer) -> Cow<'_, str> {
    cut(pointer.as_str())
}

/// The text as an error shows it.
pub(crate) fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// The longest token that may be an array index: no item has room for more elements.
const MAX_INDEX_DIGITS: usize = 6;

/// The array index that `token` may be.
pub(crate) fn index(token: &str) -> Option<usize> {
    let canonical = token.len() <= MAX_INDEX_DIGITS
        && token.bytes().all(|byte| byte.is_ascii_digit())
        && (token == "0" || !token.starts_with('0'));
    if canonical { token.parse().ok() } else { None }
}
