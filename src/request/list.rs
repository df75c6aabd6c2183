//! The lists and parameters of header values (RFC 9110 5.6).

/// The parts of `text` between separators that are in no quoted string.
pub(super) fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |c| {
        let escapes = is_quoted && c == '\\' && !is_escaped;
        is_quoted ^= c == '"' && !is_escaped;
        is_escaped = escapes;
        c == separator && !is_quoted
    })
}
