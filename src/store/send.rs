//! A conditional write as a request of the SDK, and what its answer says.

use aws_sdk_dynamodb::{
    Client,
    operation::{
        transact_write_items::{
            TransactWriteItemsError, builders::TransactWriteItemsFluentBuilder,
        },
        update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    },
    types::{
        AttributeValue, CancellationReason, ConditionCheck, Put, ReturnConsumedCapacity,
        ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
    },
};

use super::{
    effort::Effort,
    error::{Cause, StoreError},
    item::{self, Item},
    record,
    send_error::SendError,
    write::{Expressions, Target},
};
use crate::id::Version;

/// What an update has DynamoDB return, which is no more than is needed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Returned {
    /// Nothing, as this version is the one that the update makes.
    Nothing(Version),
    /// The version that the update has made.
    Version,
    /// The item as the update has left it.
    After,
    /// The item as the update has found it.
    Before,
}

/// A conditional write, which can be sent more than once.
pub(super) enum Request {
    Update(Box<UpdateItemFluentBuilder>, Returned),
    /// The write together with its key's record, and the option's version after it.
    Transaction(Box<TransactWriteItemsFluentBuilder>, Option<Version>),
}

/// What DynamoDB answers to a conditional write.
pub(super) enum Answer {
    /// With the item that was asked for.
    Applied(Option<Version>, Option<Item>),
    /// Not applied: the condition does not hold for this item. In a transaction, the key had no
    /// record at that moment.
    Superseded(Option<Item>),
    /// Not applied: the key has this record.
    Recorded(Item),
}

impl Request {
    /// The request that sends the expressions, which have an update.
    pub(super) fn update(
        client: &Client,
        table: &str,
        target: &Target<'_>,
        Expressions { update, condition, names, values }: Expressions,
        returned: Returned,
    ) -> Self {
        let return_values = match returned {
            Returned::Nothing(_) => ReturnValue::None,
            Returned::Version => ReturnValue::UpdatedNew,
            Returned::After => ReturnValue::AllNew,
            Returned::Before => ReturnValue::AllOld,
        };
        let request = client
            .update_item()
            .table_name(table)
            .set_key(Some(target.key()))
            .set_update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .return_values(return_values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Self::Update(Box::new(request), returned)
    }

    /// The request that sends the expressions and writes the `record`, both or neither. The option
    /// has `version` afterwards.
    pub(super) fn transaction(
        client: &Client,
        table: &str,
        target: &Target<'_>,
        Expressions { update, condition, names, values }: Expressions,
        record: Item,
        version: Option<Version>,
    ) -> Result<Self, StoreError> {
        const ALL_OLD: ReturnValuesOnConditionCheckFailure =
            ReturnValuesOnConditionCheckFailure::AllOld;
        let item = TransactWriteItem::builder();
        let change = match update {
            Some(update) => item.update(
                Update::builder()
                    .table_name(table)
                    .set_key(Some(target.key()))
                    .update_expression(update)
                    .condition_expression(condition)
                    .set_expression_attribute_names(Some(names))
                    .set_expression_attribute_values(Some(values))
                    .return_values_on_condition_check_failure(ALL_OLD)
                    .build()
                    .map_err(StoreError::internal)?,
            ),
            None => item.condition_check(
                ConditionCheck::builder()
                    .table_name(table)
                    .set_key(Some(target.key()))
                    .condition_expression(condition)
                    .set_expression_attribute_names(Some(names))
                    .set_expression_attribute_values(Some(values).filter(|all| !all.is_empty()))
                    .return_values_on_condition_check_failure(ALL_OLD)
                    .build()
                    .map_err(StoreError::internal)?,
            ),
        };
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(record))
            .condition_expression(record::UNUSED)
            .expression_attribute_values(":now", AttributeValue::N(record::now().to_string()))
            .return_values_on_condition_check_failure(ALL_OLD)
            .build()
            .map_err(StoreError::internal)?;
        let request = client
            .transact_write_items()
            .transact_items(change.build())
            .transact_items(TransactWriteItem::builder().put(put).build())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        Ok(Self::Transaction(Box::new(request), version))
    }

    /// Sends the write once.
    pub(super) async fn send(&self, effort: &mut Effort) -> Result<Answer, SendError> {
        match self {
            Self::Update(request, returned) => {
                match effort.send(Box::clone(request).send()).await {
                    Ok(answer) => {
                        effort.charge(&answer.consumed_capacity);
                        let item = answer.attributes.unwrap_or_default();
                        match (returned, item::version(&item)) {
                            (Returned::Nothing(version), _) => {
                                Ok(Answer::Applied(Some(*version), None))
                            }
                            (Returned::Version, Ok(Some(version))) => {
                                Ok(Answer::Applied(Some(version), None))
                            }
                            (Returned::After, Ok(Some(version))) => {
                                Ok(Answer::Applied(Some(version), Some(item)))
                            }
                            (Returned::Before, Ok(version))
                                if !item.is_empty()
                                    && version.unwrap_or_default().can_be_counted() =>
                            {
                                let version = version.unwrap_or_default().next();
                                Ok(Answer::Applied(Some(version), Some(item)))
                            }
                            // Something was written. Without a version, the answer does not
                            // tell whether it is what was asked for.
                            _ => Err(SendError::Ambiguous("no version of what was written".into())),
                        }
                    }
                    Err(SendError::Service(
                        UpdateItemError::ConditionalCheckFailedException(failed),
                        _,
                    )) => Ok(Answer::Superseded(failed.item)),
                    Err(error) => Err(error.forget()),
                }
            }
            Self::Transaction(request, version) => {
                match effort.send(Box::clone(request).send()).await {
                    Ok(answer) => {
                        effort.charge(answer.consumed_capacity());
                        Ok(Answer::Applied(*version, None))
                    }
                    Err(SendError::Service(
                        TransactWriteItemsError::TransactionCanceledException(canceled),
                        cause,
                    )) => canceled_for(canceled.cancellation_reasons.unwrap_or_default(), cause),
                    Err(error) => Err(error.forget()),
                }
            }
        }
    }
}

/// What the reasons say about a cancelled transaction. Each of its actions has one reason, in
/// order.
fn canceled_for(reasons: Vec<CancellationReason>, cause: Cause) -> Result<Answer, SendError> {
    let error = SendError::of_reasons(&reasons, cause);
    let mut failed = reasons.into_iter().map(|reason| {
        reason.code().is_some_and(|code| code == "ConditionalCheckFailed").then_some(reason.item)
    });
    let (change, record) = (failed.next().flatten(), failed.next().flatten());
    match (change, record, error) {
        // The record of a used key decides, whatever has become of the option since.
        (_, Some(Some(record)), _) => Ok(Answer::Recorded(record)),
        (.., error @ (SendError::Contention | SendError::Throttled(_))) => Err(error),
        (Some(item), ..) => Ok(Answer::Superseded(item)),
        (.., error) => Err(error),
    }
}
