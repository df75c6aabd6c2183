//! The one conditional write that every change is.

use std::{borrow::Cow, collections::HashMap, time::SystemTime};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use super::{Version, item};
use crate::{
    authorize::OrgAccess,
    document,
    id::OptionGuid,
    plan::{DOCUMENT, Update},
};

/// What a change is of, and who makes it.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) access: &'a OrgAccess,
    pub(super) option: OptionGuid,
    /// Marks what this request writes; no other request has it.
    pub(super) write_id: &'a str,
}

impl Target<'_> {
    /// Partition and sort key of the option.
    pub(super) fn key(&self) -> HashMap<String, AttributeValue> {
        item::option_key(self.access.org(), self.option)
    }
}

/// The expressions of a conditional update, with what their placeholders stand for.
pub(super) struct Expressions {
    pub(super) update: String,
    pub(super) condition: String,
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
}

/// The update that replaces the whole document.
pub(super) fn replacement(document: Value) -> Update<'static> {
    Update {
        set: vec![format!("{DOCUMENT}=:0")],
        values: vec![Cow::Owned(document)],
        ..Update::default()
    }
}

impl Expressions {
    /// `update`, on an option that is open to changes and, where `read` says so, still has the
    /// version that was read (none: an item that was loaded without one).
    pub(super) fn new(
        update: &Update<'_>,
        target: &Target<'_>,
        read: Option<Option<Version>>,
    ) -> Self {
        let mut names: HashMap<_, _> = [
            (DOCUMENT, item::DOCUMENT),
            ("#version", item::VERSION),
            ("#updatedAt", item::UPDATED_AT),
            ("#updatedBy", item::UPDATED_BY),
            ("#lastWrite", item::LAST_WRITE),
            ("#archivedAt", item::ARCHIVED_AT),
            ("#pk", item::PK),
        ]
        .map(|(placeholder, name)| (placeholder.to_owned(), name.to_owned()))
        .into();
        let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let mut values: HashMap<_, _> = [
            (":zero", AttributeValue::N("0".into())),
            (":one", AttributeValue::N("1".into())),
            (":updatedAt", AttributeValue::S(now)),
            (":updatedBy", AttributeValue::S(target.access.subject().to_owned())),
            (":lastWrite", AttributeValue::S(target.write_id.to_owned())),
        ]
        .map(|(placeholder, value)| (placeholder.to_owned(), value))
        .into();

        let mut conditions = vec![
            // Holds while the option exists …
            "attribute_exists(#pk)",
            // … and is not archived …
            "attribute_not_exists(#archivedAt)",
        ];
        match read {
            // … and its version is the one that was read …
            Some(Some(version)) => {
                values.insert(":read".into(), AttributeValue::N(version.to_string()));
                conditions.push("#version=:read");
            }
            // … or it still has none …
            Some(None) => conditions.push("attribute_not_exists(#version)"),
            None => {}
        }
        // … and the document is as the plan takes it to be.
        conditions.extend(update.guards.iter().map(String::as_str));

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

        let uses_document =
            text.contains(DOCUMENT) || update.guards.iter().any(|guard| guard.contains(DOCUMENT));
        if !uses_document {
            names.remove(DOCUMENT);
        }
        names
            .extend(update.names.iter().map(|(number, name)| (format!("#{number}"), name.clone())));
        let own = update.values.iter().enumerate();
        values.extend(own.map(|(number, value)| {
            (format!(":{number}"), document::to_attribute(value.clone().into_owned()))
        }));
        Self { update: text, condition: conditions.join(" AND "), names, values }
    }
}
