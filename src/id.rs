//! What names an option and its state: the identifiers of the path, and versions.

use std::{fmt, str::FromStr};

use uuid::Uuid;

/// The highest version that an option can be loaded with, or that a client can name. Above it an
/// option can be changed more often than it ever will be, and its version can still be counted.
pub const MAX_VERSION: u64 = 1_000_000_000_000_000_000;

/// The version of an option, to which each write adds 1. The default is 0: an option that was
/// loaded without a version counts as one of version 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version(u64);

impl Version {
    /// The version of this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The version as a number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// Whether there is a version after this one.
    #[must_use]
    pub const fn can_be_counted(self) -> bool {
        self.0 < u64::MAX
    }

    /// The version after one more write.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text is not a GUID in any of the forms that [`Uuid::try_parse`] reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a GUID")]
pub struct NotAGuid;

macro_rules! guid {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// It is read in any case, in the hyphenated, simple, braced and URN forms. It is displayed
        /// with hyphens in lower case, so that one identity has one spelling in keys and logs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(Uuid);

        impl FromStr for $name {
            type Err = NotAGuid;

            fn from_str(text: &str) -> Result<Self, NotAGuid> {
                Uuid::try_parse(text).map(Self).map_err(|_| NotAGuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    };
}

guid! {
    /// The GUID of an organization, the tenant.
    OrgGuid
}

guid! {
    /// The GUID of an option within an organization.
    OptionGuid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_identity_has_one_spelling() {
        for text in [
            "3F2504E0-4F89-41D3-9A0C-0305E82C3301",
            "3f2504e04f8941d39a0c0305e82c3301",
            "{3f2504e0-4f89-41d3-9a0c-0305e82c3301}",
            "urn:uuid:3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        ] {
            let guid: OptionGuid = text.parse().expect(text);
            assert_eq!(guid.to_string(), "3f2504e0-4f89-41d3-9a0c-0305e82c3301");
        }
    }

    #[test]
    fn the_last_version_has_none_after_it() {
        let last = Version::new(u64::MAX);
        assert_eq!((last.can_be_counted(), last.next()), (false, last));
        let before = Version::new(u64::MAX - 1);
        assert_eq!((before.can_be_counted(), before.next()), (true, last));
        assert_eq!(Version::new(7).to_string(), "7");
    }

    #[test]
    fn anything_else_is_not_a_guid() {
        for text in ["", "1", "3f2504e0-4f89-41d3-9a0c-0305e82c330", "/../", "ORG#", "\0"] {
            assert_eq!(text.parse::<OrgGuid>(), Err(NotAGuid), "{text:?}");
        }
    }
}
