//! What DynamoDB can hold, and what a patch may cost.

/// The longest member name, in bytes: DynamoDB's limit on an attribute name.
pub const MAX_NAME_BYTES: usize = 65_535;

/// The most bytes of the text of one expression ("Quotas in Amazon DynamoDB").
pub const MAX_EXPRESSION_BYTES: usize = 4 * 1024;

/// The most operators and functions of one expression ("Quotas in Amazon DynamoDB"). DynamoDB Local
/// enforces this limit in conditions; dynoxide does not enforce it.
pub const MAX_OPERATORS: usize = 300;

/// The limits that a patch, its plan and its application in memory keep.
///
/// [`Limits::DYNAMODB`] is for an item with little beside the document, and for few clauses of the
/// caller's own. A caller with more of either sets other limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most operations of one patch; at least 1.
    pub operations: usize,
    /// How deep objects and arrays may be nested, the document itself counted; at most 128.
    pub depth: usize,
    /// The most bytes of an item, names and values together.
    pub item_bytes: usize,
    /// The most bytes that a document may take between two operations of a patch. Where this is
    /// above `item_bytes`, a patch may add before it removes. The limit also ends a chain of `copy`
    /// operations, each of which doubles the document, long before memory ends.
    pub working_bytes: usize,
    /// The most bytes that the `copy` and `move` operations of one patch may copy in memory, together.
    /// A patch of 40 KB could otherwise take a second of work by copying one large value again and
    /// again.
    pub copied_bytes: usize,
    /// The bytes of each expression that a plan leaves to the caller's own clauses.
    pub reserved_expression_bytes: usize,
    /// The operators of each expression that a plan leaves to the caller's own clauses.
    pub reserved_operators: usize,
}

impl Limits {
    /// DynamoDB's own limits on an item whose document is one attribute, limits on the work for one
    /// patch, and room for some clauses of the caller.
    pub const DYNAMODB: Self = Self {
        operations: 1_000,
        // DynamoDB takes 32 levels, of which the item itself is one.
        depth: 31,
        item_bytes: 400 * 1024,
        working_bytes: 600 * 1024,
        copied_bytes: 16 * 1024 * 1024,
        reserved_expression_bytes: 512,
        reserved_operators: 30,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DYNAMODB
    }
}
