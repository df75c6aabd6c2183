//! What a plan rests on, for a person.

use std::fmt;

use json_patch::jsonptr::PointerBuf;
use serde_json::Value;

use super::{Plan, compile::compile, expression::Clauses, guard::Note};
use crate::{
    hints::Hints,
    patch::{Change, Patch},
    pointer::quoted,
    rules::Rules,
};

/// A plan, and what it rests on.
#[derive(Debug)]
pub struct Explanation<'p> {
    /// The plan.
    pub plan: Plan<'p>,
    /// What the plan takes the stored document for where the patch does not say it. The condition asks
    /// for each.
    pub guesses: Vec<Guess>,
    /// What has become of the rules of the places that the patch changes. Of a Rewrite they end where the
    /// document is needed.
    pub rules: Vec<Note>,
    /// Of a Rewrite, the index of the operation up to which the patch would have been one update, from 0;
    /// none of a merge patch.
    pub operation: Option<usize>,
    /// The clauses of a Direct plan.
    clauses: Option<Clauses<'p>>,
}

/// What a stored value is taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    /// The value's place in the document.
    pub pointer: PointerBuf,
    /// What it is taken for.
    pub kind: GuessedKind,
}

/// What a stored value may be taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuessedKind {
    /// An object.
    Object,
    /// An array.
    Array,
    /// An array of so many elements.
    ArrayOf(usize),
}

impl<'p> Explanation<'p> {
    /// Explains the plan that [`Plan::of`] gives.
    #[must_use]
    pub fn of(patch: &'p Patch, attribute: &str, hints: &'p Hints) -> Self {
        Self::keeping(Rules::none(), patch, attribute, hints)
    }

    /// Explains the plan that [`Plan::keeping`] gives.
    #[must_use]
    pub fn keeping(rules: &Rules, patch: &'p Patch, attribute: &str, hints: &'p Hints) -> Self {
        let plan = Plan::keeping(rules, patch, attribute, hints);
        let mut notes = Vec::new();
        let clauses = match plan {
            Plan::Check => None,
            Plan::Direct(_) | Plan::Rewrite(_) => compile(patch, hints, rules, &mut notes).ok(),
        };
        let clauses = clauses.filter(|_| matches!(plan, Plan::Direct(_)));
        let guesses = clauses.as_ref().map(Clauses::guesses).unwrap_or_default();
        let operation = match (&plan, patch.change()) {
            (Plan::Rewrite(_), Change::Operations(operations)) => {
                let is_one_update = |count: &usize| {
                    let first = patch.with_operations(operations[..*count].to_vec());
                    let plan = Plan::keeping(rules, &first, attribute, hints);
                    !matches!(plan, Plan::Rewrite(_))
                };
                (0..operations.len()).rev().find(is_one_update)
            }
            _ => None,
        };
        Self { plan, guesses, rules: notes, operation, clauses }
    }

    /// Whether a Direct plan's condition holds on `document`.
    #[must_use]
    pub fn holds(&self, document: &Value) -> bool {
        self.clauses.as_ref().is_some_and(|clauses| clauses.hold(document))
    }
}

impl Guess {
    /// Whether the guess is right of `document`.
    #[must_use]
    pub fn holds(&self, document: &Value) -> bool {
        match (document.pointer(self.pointer.as_str()), self.kind) {
            (Some(Value::Object(_)), GuessedKind::Object)
            | (Some(Value::Array(_)), GuessedKind::Array) => true,
            (Some(Value::Array(elements)), GuessedKind::ArrayOf(length)) => {
                elements.len() == length
            }
            _ => false,
        }
    }
}

impl fmt::Display for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = quoted(&self.pointer);
        match self.kind {
            GuessedKind::Object => write!(f, "`{pointer}` is an object"),
            GuessedKind::Array => write!(f, "`{pointer}` is an array"),
            GuessedKind::ArrayOf(length) => {
                write!(f, "`{pointer}` is an array of length {length}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn explains(body: &Value, hints: &Hints, (operation, guesses): (Option<usize>, &[&str])) {
        let patch = Patch::parse_merge(body.to_string().as_bytes()).expect("a valid patch");
        let explanation = Explanation::of(&patch, "document", hints);
        let told: Vec<_> = explanation.guesses.iter().map(Guess::to_string).collect();
        assert_eq!(
            (explanation.operation, told),
            (operation, guesses.iter().map(ToString::to_string).collect())
        );
    }

    #[test]
    fn guesses_are_told_and_nothing_else() {
        let none = Hints::none();
        let add = |path: &str| json!([{"op": "add", "path": path, "value": 1}]);
        explains(&add("/a/b"), none, (None, &[]));
        explains(&add("/a/-"), none, (None, &["`/a` is an array"]));
        explains(&add("/a/3"), none, (None, &["`/a` is an array of length 3"]));
        let other = json!({"op": "add", "path": "/b/-", "value": 1});
        explains(
            &json!([add("/a/3")[0], other]),
            none,
            (None, &["`/a` is an array of length 3", "`/b` is an array"]),
        );
        explains(&add("/a/2024"), none, (None, &["`/a` is an object"]));
        explains(&add("/a/1/b"), none, (None, &["`/a` is an array"]));
        explains(
            &add("/a/1"),
            &Hints::of(&json!({"a": [1, 2]})),
            (None, &["`/a` is an array of length 2"]),
        );
        explains(
            &json!({"a": {"b": {"c": 1}}}),
            none,
            (None, &["`/a` is an object", "`/a/b` is an object"]),
        );
        // What the patch itself says is no guess.
        let test = json!({"op": "test", "path": "/a", "value": [1, 2]});
        explains(&json!([test, {"op": "add", "path": "/a/1", "value": 3}]), none, (None, &[]));
    }

    #[test]
    fn a_rewrite_is_told_by_its_operation() {
        let none = Hints::none();
        let remove = json!({"op": "remove", "path": "/x"});
        let copy = json!({"op": "copy", "from": "/a", "path": "/b"});
        let change = json!({"op": "add", "path": "/b/c", "value": 1});
        explains(&json!([remove, copy, change, remove]), none, (Some(2), &[]));
        // A change that is taken back is no reason.
        let back = json!({"op": "replace", "path": "/b", "value": 1});
        explains(&json!([copy, change, back, copy, change]), none, (Some(4), &[]));
        explains(&json!([copy, change, back]), none, (None, &[]));
    }

    #[test]
    fn the_condition_is_compared_with_a_document() {
        let rules = json!({"properties": {"a": {"maxItems": 3, "minItems": 1}}});
        let rules = Rules::parse(&rules.to_string()).expect("rules");
        let (one, two) = (json!({"a": [1, 2]}), json!({"a": [1]}));
        for (operation, hint, holding, others) in [
            (r#"{"op": "remove", "path": "/a"}"#, json!({}), &[r#"{"a": 1}"#][..], &["{}"][..]),
            (
                r#"{"op": "add", "path": "/a/b", "value": 1}"#,
                json!({}),
                &[r#"{"a": {}}"#],
                &[r#"{"a": []}"#, r#"{"a": 1}"#, "{}"],
            ),
            // The array, and how many elements more there may be.
            (
                r#"{"op": "add", "path": "/a/-", "value": 1}"#,
                json!({}),
                &[r#"{"a": []}"#, r#"{"a": [1, 2]}"#],
                &[r#"{"a": [1, 2, 3]}"#, r#"{"a": {}}"#],
            ),
            // How many are left at least.
            (
                r#"{"op": "remove", "path": "/a/0"}"#,
                json!({}),
                &[r#"{"a": [1, 2]}"#, r#"{"a": [1, 2, 3]}"#],
                &[r#"{"a": [1]}"#, r#"{"a": []}"#],
            ),
            // How many there are.
            (
                r#"{"op": "add", "path": "/a/1", "value": 1}"#,
                json!({"a": [1, 2]}),
                &[r#"{"a": [3, 4]}"#],
                &[r#"{"a": [3]}"#, r#"{"a": [1, 2, 3]}"#, r#"{"a": {"b": 1, "c": 2}}"#],
            ),
        ] {
            let patch = Patch::parse(format!("[{operation}]").as_bytes()).expect("a patch");
            let hints = Hints::of(&hint);
            let explanation = Explanation::keeping(&rules, &patch, "document", &hints);
            assert_eq!(explanation.plan.as_str(), "direct");
            for (documents, holds) in [(holding, true), (others, false)] {
                for document in documents {
                    let document = serde_json::from_str(document).expect("JSON");
                    assert_eq!(explanation.holds(&document), holds, "{operation} {document}");
                }
            }
        }
        let test = format!(
            r#"[{{"op": "test", "path": "", "value": {one}}}, {{"op": "remove", "path": "/a"}}]"#
        );
        let patch = Patch::parse(test.as_bytes()).expect("a patch");
        let explanation = Explanation::of(&patch, "document", Hints::none());
        assert!(explanation.holds(&one) && !explanation.holds(&two));
        // Nothing but a Direct plan has a condition.
        let patch = Patch::parse(br#"[{"op": "test", "path": "", "value": {}}]"#).expect("a patch");
        assert!(!Explanation::of(&patch, "document", Hints::none()).holds(&json!({})));
    }

    #[test]
    fn a_guess_is_compared_with_a_document() {
        let document = json!({"a": {"b": [1, 2]}});
        let guess = |pointer: &str, kind| Guess {
            pointer: PointerBuf::parse(pointer).expect("a pointer"),
            kind,
        };
        for (pointer, kind, holds) in [
            ("/a", GuessedKind::Object, true),
            ("/a", GuessedKind::Array, false),
            ("/a/b", GuessedKind::Array, true),
            ("/a/b", GuessedKind::ArrayOf(2), true),
            ("/a/b", GuessedKind::ArrayOf(3), false),
            ("/a/c", GuessedKind::Object, false),
        ] {
            assert_eq!(guess(pointer, kind).holds(&document), holds, "{pointer} {kind:?}");
        }
    }
}
