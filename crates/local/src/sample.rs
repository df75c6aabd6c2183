//! The sample organization, in the local table and in `events/`.

use crate::proxy::Fault;

/// The organization.
pub const ORG: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
/// An option of it.
pub const OPTION: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

/// An option of it that has rules.
pub const RULED: &str = "b5a6c9d0-35d1-4f8e-8a4b-27c1a3f0e9d2";

/// Files of rules, by their names without `.json`.
pub const RULES: [(&str, &str); 1] =
    [(RULED, include_str!("../../../examples/rules/b5a6c9d0-35d1-4f8e-8a4b-27c1a3f0e9d2.json"))];

/// The items that an empty table is filled with, as JSON.
pub const ITEMS: &str = include_str!("sample.json");

/// Options whose writes fail, so that a client can meet every answer.
const FAILING: [(&str, Fault); 4] = [
    ("02fee5dd-2b24-4b3d-b6f8-e9a5caf275c2", Fault::Refused(400, "ThrottlingException")),
    ("466115e7-3dfe-4675-a97a-d26b0d63b013", Fault::Refused(400, "TransactionConflictException")),
    ("646769f8-a6d5-441b-8b20-036ca9ae38bd", Fault::Refused(500, "InternalServerError")),
    ("dfb6d521-4a29-48ba-841d-2593cd85e824", Fault::Refused(400, "AccessDeniedException")),
];

/// What happens to a request of the embedded DynamoDB.
#[must_use]
pub fn fault(operation: &str, body: &[u8]) -> Option<Fault> {
    if !matches!(operation, "UpdateItem" | "TransactWriteItems") {
        return None;
    }
    let body = String::from_utf8_lossy(body);
    FAILING
        .iter()
        .find(|(option, _)| body.contains(&format!("OPTION#{option}")))
        .map(|each| each.1.clone())
}
