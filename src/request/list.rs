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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_in_quoted_strings_separate_nothing() {
        for (text, parts) in [
            ("", &[""][..]),
            ("a,b", &["a", "b"]),
            (r#"a,"b,c",d"#, &["a", r#""b,c""#, "d"]),
            // A backslash takes the meaning from the character after it, within quotes alone.
            (r#""a\",b","c""#, &[r#""a\",b""#, r#""c""#]),
            (r#""a\\",b"#, &[r#""a\\""#, "b"]),
            (r#"a\"b,c",d"#, &[r#"a\"b,c""#, "d"]),
            (r#""a,b"#, &[r#""a,b"#]),
        ] {
            assert_eq!(split(text, ',').collect::<Vec<_>>(), parts, "{text}");
        }
    }
}
