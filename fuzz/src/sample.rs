//! The sample organization, as the local table has it.

/// The organization.
pub const ORG: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
/// An option of it.
pub const OPTION: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";
/// An option of it that has rules.
pub const RULED: &str = "b5a6c9d0-35d1-4f8e-8a4b-27c1a3f0e9d2";

/// Files of rules, by their names without `.json`.
pub const RULES: [(&str, &str); 1] =
    [(RULED, include_str!("../../examples/rules/b5a6c9d0-35d1-4f8e-8a4b-27c1a3f0e9d2.json"))];

/// The items of the table, as JSON.
pub const ITEMS: &str = include_str!("../../crates/local/src/sample.json");
