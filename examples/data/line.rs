//! One line of a file: an option or an alias.

use std::{collections::HashMap, time::SystemTime};

use aws_sdk_dynamodb::types::AttributeValue;
use json_patch_dynamodb::{
    Limits, ValueError, Violation, canonical_number, item_bytes, parse_members, parse_value,
    to_attribute,
};
use serde_json::value::RawValue;
use update_organization_option::{
    id::{MAX_VERSION, NotAGuid, OptionGuid, OrgGuid},
    request::{MAX_ALIAS, canonical_alias},
    rules::OptionRules,
};

/// Who has written what was loaded.
const LOADER: &str = "load";

/// Why a line is neither.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    #[error("not UTF-8")]
    NotUtf8,
    #[error("not JSON, at column {0}")]
    NotJson(usize),
    #[error("expected an object")]
    NotAnObject,
    #[error(
        "expected the members `org`, `option` and `document`, with or without `version`, or `alias` \
         and `org`, and no others"
    )]
    Members,
    #[error("a member occurs more than once")]
    DuplicateMember,
    #[error("expected `{0}` to be a GUID")]
    NotAGuid(&'static str),
    #[error("expected `alias` to be 1 to {MAX_ALIAS} characters without control characters")]
    Alias,
    #[error("expected `version` to be a whole number from 1 to {MAX_VERSION}")]
    Version,
    #[error("expected `document` to be an object")]
    DocumentNotObject,
    #[error("`document`: {0}")]
    Document(ValueError),
    #[error(
        "`document` would take about {0} bytes, an option with its keys holds at most \
         {most}",
        most = Limits::DYNAMODB.item_bytes
    )]
    TooLarge(usize),
    #[error("`document`: {first}{more}", more = and_more(*.others))]
    Rules { first: Violation, others: usize },
    #[error(transparent)]
    Text(#[from] ValueError),
}

/// An item of the table, and its key.
pub(crate) struct Entry {
    pub(crate) pk: String,
    pub(crate) sk: String,
    attributes: Vec<(&'static str, AttributeValue)>,
}

impl Entry {
    /// Parses a line.
    ///
    /// # Errors
    ///
    /// Where the line is neither an option nor an alias that the table can hold, or its option breaks
    /// `rules`.
    pub(crate) fn parse(line: &[u8], rules: &OptionRules) -> Result<Self, LineError> {
        let text = std::str::from_utf8(line).map_err(|_| LineError::NotUtf8)?;
        let raw: &RawValue =
            serde_json::from_str(text).map_err(|error| LineError::NotJson(error.column()))?;
        if !raw.get().starts_with('{') {
            return Err(LineError::NotAnObject);
        }
        let (mut org, mut option, mut document, mut version, mut alias) =
            (None, None, None, None, None);
        for (name, value) in parse_members(raw)? {
            let member = match &*name {
                "org" => &mut org,
                "option" => &mut option,
                "document" => &mut document,
                "version" => &mut version,
                "alias" => &mut alias,
                _ => return Err(LineError::Members),
            };
            if member.replace(value).is_some() {
                return Err(LineError::DuplicateMember);
            }
        }
        match (org, option, document, version, alias) {
            (Some(org), Some(option), Some(document), version, None) => {
                let org = guid::<OrgGuid>("org", org)?;
                let version = version.map_or(Ok(1), self::version)?;
                Self::option(org, guid("option", option)?, document, version, rules)
            }
            (Some(org), None, None, None, Some(alias)) => Self::alias(alias, guid("org", org)?),
            _ => Err(LineError::Members),
        }
    }

    fn option(
        org: OrgGuid,
        option: OptionGuid,
        document: &RawValue,
        version: u64,
        rules: &OptionRules,
    ) -> Result<Self, LineError> {
        let document = parse_value(document, 0, &Limits::DYNAMODB).map_err(LineError::Document)?;
        if !document.is_object() {
            return Err(LineError::DocumentNotObject);
        }
        let bytes = item_bytes(&document);
        if bytes > Limits::DYNAMODB.item_bytes {
            return Err(LineError::TooLarge(bytes));
        }
        if let [first, others @ ..] = &*rules.of(option).violations(&document) {
            return Err(LineError::Rules { first: first.clone(), others: others.len() });
        }
        let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        Ok(Self {
            pk: format!("ORG#{org}"),
            sk: format!("OPTION#{option}"),
            attributes: vec![
                ("document", to_attribute(document)),
                ("version", AttributeValue::N(version.to_string())),
                ("updatedAt", AttributeValue::S(now)),
                ("updatedBy", AttributeValue::S(LOADER.into())),
            ],
        })
    }

    fn alias(alias: &RawValue, org: OrgGuid) -> Result<Self, LineError> {
        let text: String = serde_json::from_str(alias.get()).map_err(|_| LineError::Alias)?;
        let alias = canonical_alias(&text).ok().flatten().ok_or(LineError::Alias)?;
        Ok(Self {
            pk: format!("ALIAS#{alias}"),
            sk: "ALIAS".into(),
            attributes: vec![("orgGuid", AttributeValue::S(org.to_string()))],
        })
    }

    /// The organization that has the alias, where it is one.
    pub(crate) fn alias_owner(&self) -> Option<&AttributeValue> {
        self.attributes.iter().find(|(name, _)| *name == "orgGuid").map(|(_, owner)| owner)
    }

    pub(crate) fn into_item(self) -> HashMap<String, AttributeValue> {
        let attributes = self.attributes.into_iter();
        attributes
            .chain([("pk", AttributeValue::S(self.pk)), ("sk", AttributeValue::S(self.sk))])
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

/// How many rules are broken beside the first one.
pub(crate) fn and_more(others: usize) -> String {
    if others > 0 { format!(", and {others} more") } else { String::new() }
}

fn guid<T: std::str::FromStr<Err = NotAGuid>>(
    name: &'static str,
    raw: &RawValue,
) -> Result<T, LineError> {
    let text: Option<String> = serde_json::from_str(raw.get()).ok();
    text.and_then(|text| text.parse().ok()).ok_or(LineError::NotAGuid(name))
}

/// A version that can be written, by its value: `2`, `2.0` and `2e0` are one.
fn version(raw: &RawValue) -> Result<u64, LineError> {
    let number = canonical_number(raw.get()).ok();
    let version = number.and_then(|number| number.as_str().parse().ok());
    version.filter(|version| (1..=MAX_VERSION).contains(version)).ok_or(LineError::Version)
}
