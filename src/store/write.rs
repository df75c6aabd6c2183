//! The expressions of the one conditional write that a change is.

use std::{collections::HashMap, time::SystemTime};

use aws_sdk_dynamodb::types::AttributeValue;
use json_patch_dynamodb::{Rules, Update, to_attribute};

use super::item::{self, Item};
use crate::{
    authorize::OrgAccess,
    id::{OptionGuid, OrgGuid, Version},
    request::{PatchRequest, Preconditions, Tags},
};

/// The option that is changed, and who changes it.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) access: &'a OrgAccess,
    pub(super) request: &'a PatchRequest,
    /// What the option has to keep.
    pub(super) rules: &'a Rules,
    /// Marks what this request writes. No other request has it.
    pub(super) write_id: &'a str,
}

impl Target<'_> {
    /// The option, by its organization and its own GUID.
    pub(super) fn option(&self) -> (OrgGuid, OptionGuid) {
        (self.access.org(), self.request.option)
    }

    /// Partition and sort key of the option.
    pub(super) fn key(&self) -> Item {
        item::option_key(self.access.org(), self.request.option)
    }
}

/// For which versions of the option the condition of a write can hold.
pub(super) enum Bound {
    /// For the one version that the client names. The write ends that version, so it is applied
    /// once even if it is sent twice.
    Version(Version),
    /// For the one version that was read, likewise. `last_write` is the `lastWrite` that was read:
    /// an option that was deleted and made anew may have the same version again.
    AsRead { version: Version, last_write: Option<AttributeValue> },
    /// For every version that the preconditions allow, where the plan's conditions hold.
    Conditions,
}

impl Bound {
    /// The bound of the plan's own update, where it can be sent without a read.
    pub(super) fn of_request(request: &PatchRequest) -> Option<Self> {
        let Preconditions { if_match, if_none_match } = &request.preconditions;
        match (if_match, if_none_match) {
            // These hold for no version. Only the option tells why the request is refused.
            (_, Some(Tags::Any)) => None,
            (Some(Tags::Versions(versions)), _) if versions.is_empty() => None,
            (Some(Tags::Versions(versions)), _) if versions.len() == 1 => {
                Some(Self::Version(versions[0]))
            }
            _ => Some(Self::Conditions),
        }
    }

    /// The one version that the condition can hold for, if it is only one.
    pub(super) fn version(&self) -> Option<Version> {
        match self {
            Self::Version(version) | Self::AsRead { version, .. } => Some(*version),
            Self::Conditions => None,
        }
    }
}

/// The expressions of a conditional write, with what their placeholders stand for.
pub(super) struct Expressions {
    /// The update; none where only the condition is checked.
    pub(super) update: Option<String>,
    pub(super) condition: String,
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl Expressions {
    /// The expressions of `update`; without an update, those of the condition alone.
    pub(super) fn new(update: Option<Update<'_>>, target: &Target<'_>, bound: &Bound) -> Self {
        let mut values = HashMap::new();
        let mut conditions = vec![
            // The option exists.
            "attribute_exists(#pk)".to_owned(),
            // The option is not archived.
            "attribute_not_exists(#archivedAt)".to_owned(),
        ];
        let preconditions = &target.request.preconditions;
        match (bound.version(), &preconditions.if_match) {
            // Its version is the one that the write is meant for. No version counts as version 0.
            (Some(version), _) if version == Version::default() => {
                conditions.push("(attribute_not_exists(#version) OR #version=:zero)".to_owned());
                values.insert(":zero".to_owned(), number(0));
            }
            (Some(version), _) => {
                values.insert(":read".to_owned(), number(version.number()));
                conditions.push("#version=:read".to_owned());
            }
            // Its version is one of those that the client knows.
            (None, Some(Tags::Versions(versions))) => {
                let mut any = is_one_of("m", versions, &mut values);
                if versions.contains(&Version::default()) {
                    any = format!("({any} OR attribute_not_exists(#version))");
                }
                conditions.push(any);
            }
            (None, Some(Tags::Any) | None) => {}
        }
        // Its last write is the one that was read.
        match bound {
            Bound::AsRead { last_write: Some(last_write), .. } => {
                values.insert(":lastRead".to_owned(), last_write.clone());
                conditions.push("#lastWrite=:lastRead".to_owned());
            }
            Bound::AsRead { last_write: None, .. } => {
                conditions.push("attribute_not_exists(#lastWrite)".to_owned());
            }
            Bound::Version(_) | Bound::Conditions => {}
        }
        // Its version is none of those that the client excludes. Where the option was read, that
        // was checked already.
        if let Some(Tags::Versions(versions)) = &preconditions.if_none_match
            && !versions.is_empty()
            && !matches!(bound, Bound::AsRead { .. })
        {
            conditions.push(format!("NOT {}", is_one_of("n", versions, &mut values)));
            if versions.contains(&Version::default()) {
                conditions.push("attribute_exists(#version)".to_owned());
            }
        }
        // The document is as the plan needs it.
        conditions.extend(update.iter().flat_map(|update| update.conditions.iter().cloned()));
        let condition = conditions.join(" AND ");

        let text = update.as_ref().map(|update| {
            let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
            values.extend(
                [
                    (":zero", number(0)),
                    (":one", number(1)),
                    (":updatedAt", AttributeValue::S(now)),
                    (":updatedBy", AttributeValue::S(target.access.subject().to_owned())),
                    (":lastWrite", AttributeValue::S(target.write_id.to_owned())),
                ]
                .map(|(placeholder, value)| (placeholder.to_owned(), value)),
            );
            let mut actions = vec![
                "#version=if_not_exists(#version,:zero)+:one",
                "#updatedAt=:updatedAt",
                "#updatedBy=:updatedBy",
                "#lastWrite=:lastWrite",
            ];
            actions.extend(update.set.iter().map(String::as_str));
            let mut text = format!("SET {}", actions.join(","));
            if !update.remove.is_empty() {
                text.push_str(" REMOVE ");
                text.push_str(&update.remove.join(","));
            }
            text
        });

        // DynamoDB refuses a name that is not used.
        let used = |name: &str| {
            condition.contains(name) || text.as_ref().is_some_and(|text| text.contains(name))
        };
        let mut names: HashMap<_, _> = [
            ("#version", item::VERSION),
            ("#updatedAt", item::UPDATED_AT),
            ("#updatedBy", item::UPDATED_BY),
            ("#lastWrite", item::LAST_WRITE),
            ("#archivedAt", item::ARCHIVED_AT),
            ("#pk", item::PK),
        ]
        .into_iter()
        .filter(|(placeholder, _)| used(placeholder))
        .map(|(placeholder, name)| (placeholder.to_owned(), name.to_owned()))
        .collect();
        if let Some(update) = update {
            names.extend(update.names);
            let own = update.values.into_iter().enumerate();
            values.extend(
                own.map(|(number, value)| (format!(":{number}"), to_attribute(value.into_owned()))),
            );
        }
        Self { update: text, condition, names, values }
    }
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The condition that there is a version, and that it is one of `versions`. Their placeholders
/// begin with `prefix`.
fn is_one_of(
    prefix: &str,
    versions: &[Version],
    values: &mut HashMap<String, AttributeValue>,
) -> String {
    let placeholders: Vec<_> = (0..versions.len()).map(|n| format!(":{prefix}{n}")).collect();
    let any = format!("#version IN ({})", placeholders.join(","));
    values.extend(
        placeholders.into_iter().zip(versions.iter().map(|version| number(version.number()))),
    );
    any
}
