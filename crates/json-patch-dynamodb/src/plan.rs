//! How a patch reaches the table; pure and synchronous.

mod compile;
mod expression;
mod symbolic;

use json_patch::PatchOperation;

pub use expression::Update;

use crate::patch::Patch;

/// How a patch reaches the table.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan<'p> {
    /// Nothing to write: one consistent read, on which the patch's `test` operations are evaluated.
    Check,
    /// One conditional update that says the same as the patch, without a read.
    Direct(Update<'p>),
    /// Read, apply in memory, write on the condition that the version is still the one read.
    Rewrite,
}

impl<'p> Plan<'p> {
    /// The plan for `patch`, whose document is the item's `attribute`: the same for the same patch,
    /// whatever is stored.
    #[must_use]
    pub fn of(patch: &'p Patch, attribute: &str) -> Self {
        let is_test = |operation: &PatchOperation| matches!(operation, PatchOperation::Test(_));
        if patch.operations().iter().all(is_test) {
            return Self::Check;
        }
        compile::compile(patch, attribute).map_or(Self::Rewrite, Self::Direct)
    }

    /// The plan's name in the log.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Direct(_) => "direct",
            Self::Rewrite => "rewrite",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::limits::{MAX_EXPRESSION_BYTES, MAX_OPERATORS};

    fn plan_of(patch: &Patch) -> Plan<'_> {
        Plan::of(patch, "document")
    }

    fn patch(operations: &Value) -> Patch {
        Patch::parse(operations.to_string().as_bytes()).expect("a valid patch")
    }

    /// Set, remove, conditions, names and values.
    type Texts<'t> = (&'t [&'t str], &'t [&'t str], &'t [&'t str], &'t [&'t str], Value);

    #[track_caller]
    fn compiles(operations: &Value, (set, remove, conditions, names, values): Texts<'_>) {
        let patch = patch(operations);
        let Plan::Direct(update) = plan_of(&patch) else { panic!("{operations} is not direct") };
        assert_eq!(plan_of(&patch), Plan::Direct(update.clone()));
        assert_eq!(update.set, set);
        assert_eq!(update.remove, remove);
        assert_eq!(update.conditions, conditions);
        let numbered = update.names.iter().map(|(number, name)| format!("{number} {name}"));
        let mut numbered: Vec<_> = numbered.collect();
        assert_eq!(numbered.pop().as_deref(), Some("#document document"));
        assert_eq!(numbered, names);
        assert_eq!(json!(update.values), values);
    }

    #[test]
    fn every_operation_becomes_an_action_under_its_guards() {
        compiles(
            &json!([
                {"op": "test", "path": "/n", "value": 1},
                {"op": "replace", "path": "/n", "value": 2},
                {"op": "remove", "path": "/gone"},
                {"op": "add", "path": "/deep/new.name", "value": 1},
                {"op": "add", "path": "/list/-", "value": "x"},
                {"op": "add", "path": "/list/-", "value": "y"},
                {"op": "copy", "from": "/n2/0", "path": "/copy"},
                {"op": "move", "from": "/old", "path": "/moved"}
            ]),
            (
                &[
                    "#document.#6=#document.#4[0]",
                    "#document.#2.#7=:0",
                    "#document.#3=list_append(#document.#3,:3)",
                    "#document.#8=#document.#5",
                    "#document.#0=:4",
                ],
                &["#document.#1", "#document.#5"],
                &[
                    "#document.#0=:0",
                    "attribute_exists(#document.#1)",
                    "attribute_type(#document.#2,:1)",
                    "attribute_type(#document.#3,:2)",
                    "attribute_exists(#document.#4[0])",
                    "attribute_exists(#document.#5)",
                ],
                &[
                    "#0 n",
                    "#1 gone",
                    "#2 deep",
                    "#3 list",
                    "#4 n2",
                    "#5 old",
                    "#6 copy",
                    "#7 new.name",
                    "#8 moved",
                ],
                json!([1, "M", "L", ["x", "y"], 2]),
            ),
        );
    }

    #[test]
    fn values_and_names_have_one_placeholder_each() {
        compiles(
            &json!([
                {"op": "add", "path": "/a", "value": {"x": [1.0]}},
                {"op": "add", "path": "/b", "value": {"x": [1]}},
                {"op": "add", "path": "/a/b", "value": {"x": [1]}},
                {"op": "replace", "path": "/c/a", "value": {"x": [1]}}
            ]),
            (
                &["#document.#0=:0", "#document.#2=:1", "#document.#1.#0=:1"],
                &[],
                &["attribute_exists(#document.#1.#0)"],
                &["#0 a", "#1 c", "#2 b"],
                json!([{"x": [1], "b": {"x": [1]}}, {"x": [1]}]),
            ),
        );
    }

    #[test]
    fn what_an_expression_has_no_room_for_is_rewritten() {
        let members = |count: usize, length: usize| {
            let name = |n| format!("/{n:0length$}");
            let add = |n| json!({"op": "add", "path": name(n), "value": n % 2});
            patch(&(0..count).map(add).collect())
        };
        assert_eq!(plan_of(&members(100, 3)).as_str(), "direct");
        assert_eq!(plan_of(&members(200, 3)).as_str(), "rewrite");
        // Names are beside the text.
        assert_eq!(plan_of(&members(100, 1_000)).as_str(), "direct");
        let replaced = |count: usize| {
            let replace = |n| json!({"op": "replace", "path": format!("/m{n}"), "value": 1});
            patch(&(0..count).map(replace).collect())
        };
        for count in 1..=200 {
            let patch = replaced(count);
            let Plan::Direct(update) = plan_of(&patch) else { continue };
            // The store's own clauses need less than what is left.
            assert!(update.conditions.join(" AND ").len() <= MAX_EXPRESSION_BYTES - 512, "{count}");
            assert!(update.set.join(",").len() <= MAX_EXPRESSION_BYTES - 512, "{count}");
            assert!(2 * update.conditions.len() <= MAX_OPERATORS - 30, "{count}");
        }
        assert_eq!(plan_of(&replaced(60)).as_str(), "direct");
        assert_eq!(plan_of(&replaced(200)).as_str(), "rewrite");
        // A thousand appends are one action.
        let appends: Value =
            (0..1_000).map(|n| json!({"op": "add", "path": "/a/-", "value": n})).collect();
        assert_eq!(plan_of(&patch(&appends)).as_str(), "direct");
    }

    /// How deep a stored value is nested the plan does not know, only how deep it can be.
    #[test]
    fn a_stored_value_is_not_put_deeper_than_it_was() {
        for (from, path, plan) in [
            ("/a", "/b", "direct"),
            ("/a/b", "/c/d", "direct"),
            ("/a/b/c", "/d", "direct"),
            ("/a/b/c", "", "direct"),
            ("/a/0", "/b", "direct"),
            ("/a/0/b", "/c/d/e", "direct"),
            ("/a", "/b/c", "rewrite"),
            ("/a/b", "/c/0/d", "rewrite"),
            ("/a/0", "/b/c/d", "rewrite"),
            ("", "/a", "rewrite"),
        ] {
            let copy = patch(&json!([{"op": "copy", "from": from, "path": path}]));
            assert_eq!(plan_of(&copy).as_str(), plan, "{from} {path}");
        }
    }

    #[test]
    fn copies_of_copies_end_the_planning() {
        let mut operations = vec![json!({"op": "add", "path": "/a", "value": {"x": 1}})];
        operations.extend(
            (0..30).map(|n| json!({"op": "copy", "from": "/a", "path": format!("/a/c{n}")})),
        );
        assert_eq!(plan_of(&patch(&json!(operations))).as_str(), "rewrite");
    }
}
