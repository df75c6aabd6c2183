//! Numbers by their value, exact at DynamoDB's 38 digits.

use std::cmp::Ordering;

use serde_json::Number;

/// The number `digits` × 10^`exponent`. Its digits do not end in 0, unless it is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    is_negative: bool,
    digits: u128,
    exponent: i32,
}

impl Decimal {
    /// The value of a number that DynamoDB can hold; none of another.
    pub(super) fn of(number: &Number) -> Option<Self> {
        let text = number.as_str();
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse().ok()?),
            None => (unsigned, 0_i32),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        let digits = all.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Self { is_negative: false, digits: 0, exponent: 0 });
        }
        let zeros = i32::try_from(all.len() - digits.len()).ok()?;
        let places = i32::try_from(fraction.len()).ok()?;
        Some(Self {
            is_negative: text.len() > unsigned.len(),
            digits: digits.parse().ok()?,
            exponent: exponent.checked_add(zeros)?.checked_sub(places)?,
        })
    }

    pub(super) fn is_integer(self) -> bool {
        self.exponent >= 0
    }

    pub(super) fn is_positive(self) -> bool {
        !self.is_negative && self.digits > 0
    }

    /// The number as a count, where it is a whole number and not negative. A huge one is the largest
    /// count.
    pub(super) fn to_count(self) -> Option<usize> {
        if self.is_negative || !self.is_integer() {
            return None;
        }
        let power = 10_u128.checked_pow(self.exponent.unsigned_abs());
        let count = power.and_then(|power| self.digits.checked_mul(power));
        Some(count.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX))
    }

    /// Whether the number divided by `divisor`, which is above 0, is a whole number.
    pub(super) fn is_multiple_of(self, divisor: Self) -> bool {
        let Ok(tens) = u32::try_from(self.exponent - divisor.exponent) else {
            // The divisor has factors of ten that the digits do not have.
            return self.digits == 0;
        };
        let modulus = divisor.digits;
        // Both are below the modulus, so their sum is below 2 × 10^38, which has room.
        let add = |a: u128, b: u128| (a + b) % modulus;
        let mut rest = self.digits % modulus;
        for _ in 0..tens {
            let double = add(rest, rest);
            let four = add(double, double);
            rest = add(add(four, four), double);
            if rest == 0 {
                break;
            }
        }
        rest == 0
    }

    fn cmp_magnitude(self, other: Self) -> Ordering {
        let least = self.exponent.min(other.exponent);
        // The number with the smaller exponent keeps its digits, at most 38. If the other one overflows, it
        // is larger.
        let aligned = |number: Self| {
            let tens = number.exponent.abs_diff(least);
            number.digits.saturating_mul(10_u128.saturating_pow(tens))
        };
        aligned(self).cmp(&aligned(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.is_negative, other.is_negative) {
            (false, false) => self.cmp_magnitude(*other),
            (true, true) => other.cmp_magnitude(*self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::canonical_number;

    fn decimal(text: &str) -> Decimal {
        Decimal::of(&canonical_number(text).expect("a number")).expect("a value")
    }

    #[test]
    fn numbers_are_ordered_by_value() {
        let ascending = [
            "-9.9e125",
            "-12345678901234567890123456789012345678",
            "-12345678901234567890123456789012345677",
            "-1e-130",
            "0",
            "1e-130",
            "0.1",
            "0.10000000000000000000000000000000000001",
            "1",
            "9",
            "10",
            "10.5",
            "12345678901234567890123456789012345677",
            "12345678901234567890123456789012345678",
            "9.9e125",
        ];
        for (place, text) in ascending.iter().enumerate() {
            for (other_place, other) in ascending.iter().enumerate() {
                let found = decimal(text).cmp(&decimal(other));
                assert_eq!(found, place.cmp(&other_place), "{text} {other}");
            }
        }
        assert_eq!(decimal("1e2"), decimal("100.0"));
        assert_eq!(decimal("-0"), decimal("0"));
    }

    #[test]
    fn a_multiple_is_exact() {
        for (number, divisor, is_multiple) in [
            ("9", "3", true),
            ("10", "3", false),
            ("0", "7", true),
            ("-4.5", "1.5", true),
            ("0.3", "0.1", true),
            ("0.0075", "0.0001", true),
            ("0.00751", "0.0001", false),
            ("1e125", "3", false),
            ("3e125", "3", true),
            ("1e125", "0.01", true),
            ("1", "10", false),
            ("12345678901234567890123456789012345678", "2", true),
            ("12345678901234567890123456789012345677", "2", false),
            (
                "99999999999999999999999999999999999998",
                "99999999999999999999999999999999999999",
                false,
            ),
            ("1e125", "1e-130", true),
            ("10", "2", true),
            ("10", "4", false),
            ("100", "4", true),
        ] {
            let found = decimal(number).is_multiple_of(decimal(divisor));
            assert_eq!(found, is_multiple, "{number} {divisor}");
        }
    }

    #[test]
    fn zero_is_not_positive() {
        for (text, is_positive) in [("1e-130", true), ("0", false), ("-1", false)] {
            assert_eq!(decimal(text).is_positive(), is_positive, "{text}");
        }
    }

    #[test]
    fn a_count_is_a_whole_number() {
        for (text, count) in [
            ("0", Some(0)),
            ("3", Some(3)),
            ("2.0", Some(2)),
            ("1e3", Some(1000)),
            ("1e30", Some(usize::MAX)),
            ("1e125", Some(usize::MAX)),
            ("1.5", None),
            ("-1", None),
        ] {
            assert_eq!(decimal(text).to_count(), count, "{text}");
        }
    }
}
