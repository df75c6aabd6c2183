//! `Accept`: whether a client would rather have errors as problem details (RFC 9457).

use super::{Event, list::split};

const PROBLEM: [&str; 2] = ["application", "problem+json"];
const JSON: [&str; 2] = ["application", "json"];

/// Whether `Accept` gives `application/problem+json` a higher weight than `application/json`
/// (RFC 9110 12.5.1). A client that names neither, or both alike, has what the API page says.
#[must_use]
pub fn prefers_problem(event: &Event) -> bool {
    let Some(header) = event.header("Accept") else { return false };
    weight(&header, PROBLEM) > weight(&header, JSON)
}

/// The weight of a media type in thousandths: that of the most specific range that it is in, or 0.
fn weight(header: &str, media_type: [&str; 2]) -> u32 {
    let ranges = split(header, ',').filter_map(|range| {
        let mut parts = split(range, ';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let matches = |part: &str, with: &str| part.eq_ignore_ascii_case(with);
        let specificity = match (kind, subtype) {
            ("*", "*") => 0,
            (kind, "*") if matches(kind, media_type[0]) => 1,
            (kind, subtype) if matches(kind, media_type[0]) && matches(subtype, media_type[1]) => 2,
            _ => return None,
        };
        let weight = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()))
        });
        Some((specificity, weight.unwrap_or(1000)))
    });
    // Of ranges that are as specific the one with the highest weight.
    ranges.max().map_or(0, |(_, weight)| weight)
}

/// A weight as RFC 9110 12.4.2 writes it; what is none counts as 0.
fn thousandths(text: &str) -> u32 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_weight = matches!(whole, "0" | "1")
        && fraction.len() <= 3
        && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !is_weight {
        return 0;
    }
    let digits = format!("{whole}{fraction:0<3}");
    digits.parse().unwrap_or(0).min(1000)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn problems_have_to_be_preferred() {
        for (accept, expected) in [
            (None, false),
            (Some(""), false),
            (Some("*/*"), false),
            (Some("application/*"), false),
            (Some("text/html"), false),
            (Some("application/json"), false),
            (Some("application/json, application/problem+json"), false),
            (Some("application/problem+json;q=0"), false),
            (Some("application/problem+json;q=x"), false),
            (Some("application/problem+json;q=0.5, */*;q=0.6"), false),
            (Some("application/problem+json;q=2"), false),
            (Some("application/problem+json;q=0.1234"), false),
            (Some("application/problem+json;q=0.1a"), false),
            // What names another type says nothing.
            (Some("text/*, application/json;q=0.5"), false),
            (Some("application/*, application/json;q=0.5"), true),
            (Some("application/problem+json"), true),
            (Some("Application/Problem+JSON ; Q=0.001"), true),
            (Some("application/problem+json, */*;q=0.9"), true),
            (Some("application/json;q=0.5, application/problem+json"), true),
            (Some("application/problem+json;q=0.51;x=\",\", application/*;q=0.5"), true),
            (Some("nonsense, ;;, application/problem+json"), true),
        ] {
            let event: Event =
                serde_json::from_value(json!({"headers": {"accept": accept}})).expect("an event");
            assert_eq!(prefers_problem(&event), expected, "{accept:?}");
        }
    }
}
