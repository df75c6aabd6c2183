//! A JSON Pointer (RFC 6901) in an error.

use std::borrow::Cow;

use json_patch::jsonptr::Pointer;

/// The longest pointer that an error quotes, in characters.
const MAX_QUOTED: usize = 256;

/// The pointer as an error shows it: a long one is cut.
pub(crate) fn quoted(pointer: &Pointer) -> Cow<'_, str> {
    let pointer = pointer.as_str();
    match pointer.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => Cow::Owned(format!("{}…", &pointer[..end])),
        None => Cow::Borrowed(pointer),
    }
}
