//! Every stored option against rules.

use std::{collections::HashMap, fmt};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use json_patch_dynamodb::from_attribute;
use local::CommandError;
use serde_json::Value;
use update_organization_option::{rules::OptionRules, store::DOCUMENT};

use crate::{line::and_more, progress::Progress};

/// How far a table is.
#[derive(Default)]
pub(crate) struct Report {
    /// Options that were checked.
    checked: u64,
    /// Those that break rules.
    broken: u64,
    /// Those that cannot be read.
    unreadable: u64,
}

impl Report {
    pub(crate) fn is_clean(&self) -> bool {
        self.broken == 0 && self.unreadable == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { checked, broken, unreadable } = self;
        write!(f, "{broken} of {checked} options break rules")?;
        if *unreadable > 0 { write!(f, ", {unreadable} cannot be read") } else { Ok(()) }
    }
}

/// Prints the options of `table` that break `rules`, a line each, page by page of the table. Archived
/// options are among them. Each option is as it was at some moment of the command.
///
/// # Errors
///
/// The table cannot be read.
pub(crate) async fn check(
    client: &Client,
    table: &str,
    rules: &OptionRules,
) -> Result<Report, CommandError> {
    let described = client.describe_table().table_name(table).send().await;
    let described = described.map_err(|error| CommandError::of_table(table, &error))?;
    // DynamoDB counts the items every six hours or so.
    let items = described.table.and_then(|table| table.item_count).unwrap_or_default();
    let progress = Progress::of_items(items.try_into().unwrap_or_default())?;
    let mut report = Report::default();
    let (mut read, mut from) = (0, None);
    loop {
        let scan = client
            .scan()
            .table_name(table)
            .filter_expression("begins_with(sk, :option)")
            .expression_attribute_values(":option", AttributeValue::S("OPTION#".into()))
            .expression_attribute_names("#document", DOCUMENT)
            .projection_expression("pk, sk, #document")
            .set_exclusive_start_key(from);
        let page = scan.send().await.map_err(|error| CommandError::of_table(table, &error));
        let page = page.inspect_err(|_| progress.end())?;
        read += u64::try_from(page.scanned_count).unwrap_or_default();
        for item in page.items.unwrap_or_default() {
            let why = why(item, rules, &mut report);
            if let Some(why) = why {
                progress.print(&why);
            }
        }
        progress.show(&report, read);
        from = page.last_evaluated_key;
        if from.is_none() {
            progress.end();
            return Ok(report);
        }
    }
}

/// The line about an option that is not as it should be.
fn why(
    mut item: HashMap<String, AttributeValue>,
    rules: &OptionRules,
    report: &mut Report,
) -> Option<String> {
    let after = |name: &str, prefix: &str| {
        let text = item.get(name)?.as_s().ok()?;
        text.strip_prefix(prefix).map(str::to_owned)
    };
    let (org, option) = (after("pk", "ORG#")?, after("sk", "OPTION#")?);
    report.checked += 1;
    let document = item.remove(DOCUMENT).and_then(|map| from_attribute(map).ok());
    let (Some(document @ Value::Object(_)), Ok(guid)) = (document, option.parse()) else {
        report.unreadable += 1;
        return Some(format!("{org} {option}: cannot be read"));
    };
    let violations = rules.of(guid).violations(&document);
    let (first, others) = violations.split_first()?;
    report.broken += 1;
    Some(format!("{org} {option}: {first}{}", and_more(others.len())))
}
