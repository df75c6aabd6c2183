//! The formats of text that a rule can ask for.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A format that `format` names ("JSON Schema Validation" 2020-12, 7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Uuid,
    Date,
    DateTime,
    Email,
    Uri,
}

impl Format {
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "uuid" => Self::Uuid,
            "date" => Self::Date,
            "date-time" => Self::DateTime,
            "email" => Self::Email,
            "uri" => Self::Uri,
            _ => return None,
        })
    }

    pub(super) fn allows(self, text: &str) -> bool {
        match self {
            Self::Uuid => is_uuid(text),
            Self::Date => is_date(text),
            Self::DateTime => is_date_time(text),
            Self::Email => is_email(text),
            Self::Uri => is_uri(text),
        }
    }
}

/// RFC 4122 3.
fn is_uuid(text: &str) -> bool {
    const LENGTHS: [usize; 5] = [8, 4, 4, 4, 12];
    let mut groups = text.split('-');
    let is_hex = |group: &str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    LENGTHS
        .iter()
        .all(|length| groups.next().is_some_and(|group| group.len() == *length && is_hex(group)))
        && groups.next().is_none()
}

/// The number of exactly `digits` digits at the front of `text`, and the rest.
fn number(text: &str, digits: usize) -> Option<(u32, &str)> {
    let (front, rest) = text.split_at_checked(digits)?;
    if front.bytes().all(|byte| byte.is_ascii_digit()) {
        Some((front.parse().ok()?, rest))
    } else {
        None
    }
}

/// `full-date` of RFC 3339 5.6.
fn is_date(text: &str) -> bool {
    let check = || {
        let (year, rest) = number(text, 4)?;
        let (month, rest) = number(rest.strip_prefix('-')?, 2)?;
        let (day, rest) = number(rest.strip_prefix('-')?, 2)?;
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 => 28 + u32::from(is_leap),
            _ => return None,
        };
        Some(rest.is_empty() && (1..=days).contains(&day))
    };
    check().unwrap_or(false)
}

/// `date-time` of RFC 3339 5.6.
fn is_date_time(text: &str) -> bool {
    let check = || {
        let (date, rest) = text.split_at_checked("2026-01-01".len())?;
        let (hour, rest) = number(rest.strip_prefix(['T', 't'])?, 2)?;
        let (minute, rest) = number(rest.strip_prefix(':')?, 2)?;
        let (second, mut rest) = number(rest.strip_prefix(':')?, 2)?;
        if let Some(fraction) = rest.strip_prefix('.') {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return None;
            }
            rest = &fraction[digits..];
        }
        // Minutes from this time back to UTC.
        let offset = if let "Z" | "z" = rest {
            0
        } else {
            let sign = if rest.starts_with('-') { 1 } else { -1 };
            let (hours, rest) = number(rest.strip_prefix(['+', '-'])?, 2)?;
            let (minutes, rest) = number(rest.strip_prefix(':')?, 2)?;
            if !rest.is_empty() || hours > 23 || minutes > 59 {
                return None;
            }
            sign * (i64::from(hours) * 60 + i64::from(minutes))
        };
        // A leap second is the last one of a day of UTC.
        let of_day = (i64::from(hour) * 60 + i64::from(minute) + offset).rem_euclid(24 * 60);
        let is_second = second <= 59 || second == 60 && of_day == 24 * 60 - 1;
        Some(is_date(date) && hour <= 23 && minute <= 59 && is_second)
    };
    check().unwrap_or(false)
}

/// A byte of an atom (RFC 5321 4.1.2, RFC 5322 3.2.3).
fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// `Mailbox` of RFC 5321 4.1.2.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_dotted =
        || local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_byte));
    let is_local = match local.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').is_some_and(is_quoted),
        None => is_dotted(),
    };
    let is_domain = match domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => match address.split_at_checked("IPv6:".len()) {
            Some((tag, address)) if tag.eq_ignore_ascii_case("IPv6:") => {
                address.parse::<Ipv6Addr>().is_ok()
            }
            _ => address.parse::<Ipv4Addr>().is_ok(),
        },
        None => domain.split('.').all(is_label),
    };
    // RFC 5321 4.5.3.1 bounds both.
    is_local && is_domain && local.len() <= 64 && domain.len() <= 255
}

/// The inside of a quoted local part.
fn is_quoted(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_allowed = match byte {
            b'\\' => bytes.next().is_some_and(|byte| (32..=126).contains(&byte)),
            b'"' => false,
            byte => (32..=126).contains(&byte),
        };
        if !is_allowed {
            return false;
        }
    }
    true
}

/// A label of a host name (RFC 1123 2.1).
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// `URI` of RFC 3986 3, so with a scheme.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (hierarchy, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_hierarchy = match hierarchy.strip_prefix("//") {
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            is_authority(authority) && has_only(path, b":@/")
        }
        None => has_only(hierarchy, b":@/"),
    };
    is_scheme && is_hierarchy && has_only(query, b":@/?") && has_only(fragment, b":@/?")
}

fn is_authority(authority: &str) -> bool {
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let is_host = if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        is_port && (address.parse::<Ipv6Addr>().is_ok() || is_future_address(address))
    } else {
        let (name, port) = host.split_once(':').unwrap_or((host, ""));
        has_only(name, b"") && is_port(port)
    };
    has_only(user, b":") && is_host
}

/// `IPvFuture` of RFC 3986 3.2.2.
fn is_future_address(address: &str) -> bool {
    let rest = address.strip_prefix(['v', 'V']).and_then(|rest| rest.split_once('.'));
    rest.is_some_and(|(version, rest)| {
        !version.is_empty()
            && version.bytes().all(|byte| byte.is_ascii_hexdigit())
            && !rest.is_empty()
            && !rest.contains('%')
            && has_only(rest, b":")
    })
}

/// Whether `text` has nothing but unreserved characters, `sub-delims`, percent-encoded bytes (RFC 3986
/// 2) and these `others`.
fn has_only(text: &str, others: &[u8]) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_allowed = match byte {
            b'%' => {
                let mut is_hex = || bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit());
                is_hex() && is_hex()
            }
            byte => {
                byte.is_ascii_alphanumeric()
                    || b"-._~!$&'()*+,;=".contains(&byte)
                    || others.contains(&byte)
            }
        };
        if !is_allowed {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn tells_apart(name: &str, allowed: &[&str], refused: &[&str]) {
        let format = Format::of(name).unwrap();
        for text in allowed {
            assert!(format.allows(text), "{name}: {text:?} is refused");
        }
        for text in refused {
            assert!(!format.allows(text), "{name}: {text:?} is allowed");
        }
    }

    #[test]
    fn a_uuid_is_five_groups_of_digits_of_base_16() {
        let guid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
        tells_apart(
            "uuid",
            &[guid, &guid.to_uppercase(), "00000000-0000-0000-0000-000000000000"],
            &[
                "",
                &guid[1..],
                &format!("{guid}0"),
                &format!("{guid}-"),
                &guid.replace('-', ""),
                &guid.replace('f', "g"),
                "3f2504e-04f89-41d3-9a0c-0305e82c3301",
            ],
        );
    }

    #[test]
    fn a_date_is_one_of_the_calendar() {
        tells_apart(
            "date",
            &[
                "2026-01-31",
                "2026-03-31",
                "2026-04-30",
                "2026-05-31",
                "2026-06-30",
                "2026-07-31",
                "2026-08-31",
                "2026-09-30",
                "2026-10-31",
                "2026-11-30",
                "2026-12-31",
                "2026-02-28",
                "2024-02-29",
                "2000-02-29",
                "2026-01-01",
                "0000-02-29",
                "9999-12-31",
            ],
            &[
                "2026-01-32",
                "2026-03-32",
                "2026-04-31",
                "2026-05-32",
                "2026-06-31",
                "2026-07-32",
                "2026-08-32",
                "2026-09-31",
                "2026-10-32",
                "2026-11-31",
                "2026-12-32",
                "2026-02-29",
                "2024-02-30",
                "1900-02-29",
                "2026-01-00",
                "2026-00-01",
                "2026-13-01",
                "",
                "2026",
                "2026-01",
                "2026-01-0",
                "2026-1-01",
                "26-01-01",
                "02026-01-01",
                "2026-01-011",
                "2026/01-01",
                "2026-01/01",
                "2026-01-1x",
                "+026-01-01",
                "2026-01-৪",
            ],
        );
    }

    #[test]
    fn a_time_is_one_of_a_day() {
        tells_apart(
            "date-time",
            &[
                "2026-01-31T00:00:00Z",
                "2026-01-31t23:59:59z",
                "2026-01-31T12:30:45.5Z",
                "2026-01-31T12:30:45.123456789+01:30",
                "2026-01-31T12:30:45+23:59",
                "2026-01-31T12:30:45-23:59",
                "2026-01-31T12:30:45-00:00",
                // Leap seconds.
                "2016-12-31T23:59:60Z",
                "2016-12-31T23:59:60.9Z",
                "2017-01-01T00:59:60+01:00",
                "2017-01-01T08:59:60+09:00",
                "2016-12-31T15:59:60-08:00",
                "2016-12-31T18:29:60-05:30",
            ],
            &[
                "",
                "2026-01-31",
                "2026-01-31 12:30:45Z",
                "2026-02-30T12:30:45Z",
                "2026-01-31T24:00:00Z",
                "2026-01-31T12:60:00Z",
                "2026-01-31T12:30:61Z",
                "2026-01-31T12:30:60Z",
                "2026-01-31T12:30:45",
                "2026-01-31T12:30Z",
                "2026-01-31T12-30:45Z",
                "2026-01-31T12:30-45Z",
                "2026-01-31T2:30:45Z",
                "2026-01-31T12:30:45.Z",
                "2026-01-31T12:30:45.x",
                "2026-01-31T12:30:45ZZ",
                "2026-01-31T12:30:45.5",
                "2026-01-31T12:30:45+24:00",
                "2026-01-31T12:30:45+12:60",
                "2026-01-31T12:30:45+1230",
                "2026-01-31T12:30:45+12:301",
                "2026-01-31T12:30:45 12:30",
                // No last seconds of a day of UTC.
                "2016-12-31T22:59:60+01:00",
                "2016-12-31T23:59:60+01:00",
                "2016-12-31T23:59:60-08:00",
                "2016-12-31T16:29:60-08:00",
            ],
        );
    }

    #[test]
    fn an_email_address_is_a_local_part_and_a_domain() {
        let part = "x".repeat(63);
        let domain = format!("{part}.{part}.{part}.{part}");
        let longer = format!("{}.{}", &domain[..253], "yz");
        assert_eq!((domain.len(), longer.len()), (255, 256));
        tells_apart(
            "email",
            &[
                "joe@example.com",
                "j.o.e@a.b.example",
                "!#$%&'*+-/=?^_`{|}~@example.com",
                "joe@localhost",
                "joe@e-x.0com",
                r#""joe bloggs"@example.com"#,
                r#""joe..bloggs"@example.com"#,
                r#""joe@bloggs"@example.com"#,
                r#""joe\"bloggs\\"@example.com"#,
                r#""\ \~"@example.com"#,
                r#""~"@example.com"#,
                r#"""@example.com"#,
                "joe@[127.0.0.1]",
                "joe@[IPv6:::1]",
                "joe@[ipv6:2001:db8::1]",
                &format!("{}@example.com", "x".repeat(64)),
                &format!("joe@{part}.com"),
                &format!("joe@{domain}"),
            ],
            &[
                "",
                "joe",
                "@",
                "@example.com",
                "joe@",
                ".joe@example.com",
                "joe.@example.com",
                "jo..e@example.com",
                "joe bloggs@example.com",
                "jo(e@example.com",
                "joé@example.com",
                "joe@bloggs@example.com",
                r#""joe@example.com"#,
                r#"joe"@example.com"#,
                r#""""@example.com"#,
                r#""joe"bloggs"@example.com"#,
                r#""joe\"@example.com"#,
                "\"joe\u{1f}\"@example.com",
                "\"joe\u{7f}\"@example.com",
                "\"joe\\\u{1f}\"@example.com",
                "\"joe\\\u{7f}\"@example.com",
                "joe@.com",
                "joe@example..com",
                "joe@-example.com",
                "joe@example-.com",
                "joe@exam_ple.com",
                "joe@[127.0.0.300]",
                "joe@[::1]",
                "joe@[IPv4:127.0.0.1]",
                "joe@[IPv6:127.0.0.1]",
                "joe@[IPv6:]",
                "joe@[127.0.0.1",
                "joe@127.0.0.1]",
                &format!("{}@example.com", "x".repeat(65)),
                &format!("joe@{part}x.com"),
                &format!("joe@{longer}"),
            ],
        );
    }

    #[test]
    fn a_uri_has_a_scheme_and_reserves_some_characters() {
        tells_apart(
            "uri",
            &[
                "https://example.com/a/b;c=1,2?d=e/f?g#h/i?j",
                "a:",
                "urn:uuid:3f2504e0-4f89-41d3-9a0c-0305e82c3301",
                "a1+-.:b",
                "mailto:joe@example.com",
                "file:///etc/hosts",
                "http://",
                "http://joe:secret:s@example.com:8080/",
                "http://example.com:/",
                "http://example.com/%20%aF",
                "http://%41.com",
                "http://-._~!$&'()*+,;=@-._~!$&'()*+,;=/-._~!$&'()*+,;=:@?-._~!$&'()*+,;=:@#-._~!$&'()*+,;=:@",
                "http://[::1]",
                "http://[2001:db8::1]:80/a",
                "http://[::1]:",
                "http://[v1.a:b]",
                "http://[VfF.~]",
            ],
            &[
                "",
                "a",
                "//example.com",
                "/a",
                ":a",
                "1a:b",
                "+a:b",
                "a_b:c",
                "ä:b",
                "a:b c",
                "a:b\"",
                "a:<b>",
                "a:\\b",
                "a:ä",
                "a:%",
                "a:%4",
                "a:%4g",
                "a:%g4",
                "a:?%zz",
                "a:?a b",
                "a:#a b",
                "a:#b#c",
                "http://exa mple.com",
                "http://example.com:80a/",
                "http://example.com:80:80/",
                "http://a b@example.com/",
                "http://joe@bloggs@example.com/",
                "http://[::1",
                "http://::1]",
                "http://[::g]",
                "http://[]",
                "http://[::1]80",
                "http://[::1]:8a",
                "http://[v.a]",
                "http://[v1.]",
                "http://[v1a]",
                "http://[vg.a]",
                "http://[v1.%41]",
                "http://[v1.a@b]",
                "http://[1.a]",
            ],
        );
    }

    #[test]
    fn no_other_name_is_a_format() {
        assert_eq!(Format::of("time"), None);
        assert_eq!(Format::of("UUID"), None);
    }
}
