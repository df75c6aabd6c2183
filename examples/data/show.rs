//! One option, as the table has it.

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use json_patch_dynamodb::from_attribute;
use local::CommandError;
use serde_json::Value;
use update_organization_option::id::{OptionGuid, OrgGuid};

const SHOWN: [&str; 5] = ["document", "version", "updatedAt", "updatedBy", "archivedAt"];

/// What of [`SHOWN`] the option has.
///
/// # Errors
///
/// It does not exist, or cannot be read.
pub(crate) async fn show(
    client: &Client,
    table: &str,
    org: OrgGuid,
    option: OptionGuid,
) -> Result<Value, CommandError> {
    let get = client
        .get_item()
        .table_name(table)
        .consistent_read(true)
        .key("pk", AttributeValue::S(format!("ORG#{org}")))
        .key("sk", AttributeValue::S(format!("OPTION#{option}")));
    let answer = get.send().await.map_err(|error| CommandError::of_table(table, &error))?;
    let mut item = answer.item.ok_or_else(|| {
        let what = format!("option {option}");
        CommandError::of(what, format!("not found in organization {org} of table `{table}`"))
    })?;
    item.retain(|name, _| SHOWN.contains(&&**name));
    from_attribute(AttributeValue::M(item))
        .map_err(|error| CommandError::of(format!("option {option}"), error))
}
