//! How a patch reaches the table. Planning is pure and synchronous.

mod compile;
mod elements;
mod explain;
mod expression;
mod guard;
mod obstacle;
mod symbolic;

pub use self::{
    explain::{Explanation, Guess, GuessedKind},
    expression::Update,
    guard::{Note, RuleOutcome},
    obstacle::Obstacle,
};

use crate::{hints::Hints, patch::Patch, rules::Rules};

/// How a patch reaches the table.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan<'p> {
    /// Nothing is to be written: one consistent read, on which the patch's `test` operations, if it
    /// has any, are evaluated.
    Check,
    /// One conditional update that says the same as the patch, without a read.
    Direct(Update<'p>),
    /// A read, the patch applied in memory, and a write on the condition that the item is still the
    /// one that was read.
    Rewrite(Obstacle),
}

impl<'p> Plan<'p> {
    /// The plan for `patch`. The document is the item's attribute `attribute`. `hints` tell how it
    /// looked when it was last seen, if it was. The same patch with the same hints always has the same
    /// plan, whatever is stored.
    #[must_use]
    pub fn of(patch: &'p Patch, attribute: &str, hints: &'p Hints) -> Self {
        Self::keeping(Rules::none(), patch, attribute, hints)
    }

    /// As [`Plan::of`], and a Direct plan's update breaks none of `rules` that the document keeps before
    /// it. After a Rewrite is made in memory, [`Rules::check`] has to be asked.
    #[must_use]
    pub fn keeping(rules: &Rules, patch: &'p Patch, attribute: &str, hints: &'p Hints) -> Self {
        if patch.is_check() {
            return Self::Check;
        }
        compile::compile(patch, hints, rules, &mut ())
            .and_then(|clauses| clauses.render(attribute, patch.limits()))
            .map_or_else(Self::Rewrite, Self::Direct)
    }

    /// The plan's name in the log.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Direct(_) => "direct",
            Self::Rewrite(_) => "rewrite",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::limits::{Limits, MAX_EXPRESSION_BYTES, MAX_OPERATORS};

    fn plan_of(patch: &Patch) -> Plan<'_> {
        Plan::of(patch, "document", Hints::none())
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
    fn every_operation_becomes_an_action_under_its_conditions() {
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
        // Names do not count as text.
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
        // A thousand elements that are put first are one action.
        let first: Value = (0..1_000)
            .map(|n| json!({"op": "add", "path": format!("/a/{}", n % 3), "value": n}))
            .collect();
        assert_eq!(plan_of(&patch(&first)).as_str(), "direct");
        // So are a thousand appends.
        let appends: Value =
            (0..1_000).map(|n| json!({"op": "add", "path": "/a/-", "value": n})).collect();
        assert_eq!(plan_of(&patch(&appends)).as_str(), "direct");
    }

    /// What is in the way of a Direct plan, if anything is.
    fn obstacle(patch: &Patch) -> Option<Obstacle> {
        obstacle_with(patch, Hints::none())
    }

    fn obstacle_with(patch: &Patch, hints: &Hints) -> Option<Obstacle> {
        match Plan::of(patch, "document", hints) {
            Plan::Rewrite(obstacle) => Some(obstacle),
            Plan::Direct(_) | Plan::Check => None,
        }
    }

    /// An object of so many members with names of eight letters.
    fn object(members: usize) -> Value {
        (0..members).map(|n| (format!("m{n:07}"), json!(1))).collect()
    }

    fn add(path: &str, value: &Value) -> Value {
        json!({"op": "add", "path": path, "value": value})
    }

    #[test]
    fn room_in_an_expression_is_left_to_the_caller() {
        // The one has the longer condition, the other the longer update.
        for (change, sizes) in [
            (
                json!([
                    {"op": "remove", "path": "/gone"},
                    {"op": "replace", "path": "/a", "value": 1},
                    {"op": "add", "path": "/b/2", "value": 1},
                    {"op": "add", "path": "/c/d", "value": 1}
                ]),
                1,
            ),
            (json!({"a": 1, "b": 2, "c": 3, "d": 4, "e": null, "f": null, "g": null}), 0),
        ] {
            let text = change.to_string();
            let is_direct = |bytes: usize, operators: usize| {
                let limits = Limits {
                    reserved_expression_bytes: bytes,
                    reserved_operators: operators,
                    ..Limits::DYNAMODB
                };
                let patch = Patch::parse_merge_within(text.as_bytes(), limits).expect("a patch");
                matches!(plan_of(&patch), Plan::Direct(_))
            };
            let patch = Patch::parse_merge(text.as_bytes()).expect("a patch");
            let Plan::Direct(update) = plan_of(&patch) else { panic!("not direct") };
            let lengths = [update.update_expression().len(), update.condition_expression().len()];
            let room = MAX_EXPRESSION_BYTES - lengths[0].max(lengths[1]);
            // A separator more is counted.
            let spare = " AND ".len();
            assert!(is_direct(room - spare, 0) && !is_direct(room + 1, 0), "{text}");
            // A size is a function and a comparison. All other clauses count as two operators, too.
            let clauses = (update.set.len() + update.remove.len()).max(update.conditions.len());
            let operators = clauses * 2 + sizes;
            assert!(is_direct(0, MAX_OPERATORS - operators), "{text}");
            assert!(!is_direct(0, MAX_OPERATORS - operators + 1), "{text}");
        }
    }

    #[test]
    fn the_work_of_planning_is_bounded() {
        // Each part takes 256 bytes, and its name, of 1 MiB.
        let array =
            |length: usize| json!([add("/a", &json!(vec![1; length])), add("/a/0", &json!(1))]);
        let object_of =
            |members: usize| json!([add("/a", &object(members)), add("/a/b", &json!(1))]);
        let merge = |members: usize| {
            let merge = json!({"a": object(members)});
            Patch::parse_merge(merge.to_string().as_bytes()).expect("a merge patch")
        };
        let much = Some(Obstacle::TooMuchWork);
        assert_eq!(obstacle(&patch(&array(4_096))), None);
        assert_eq!(obstacle(&patch(&array(4_097))), much);
        assert_eq!(obstacle(&patch(&object_of(3_971))), None);
        assert_eq!(obstacle(&patch(&object_of(3_972))), much);
        assert_eq!(obstacle(&merge(3_970)), Some(Obstacle::NoRoom));
        assert_eq!(obstacle(&merge(3_972)), much);
        // What is copied counts with all its parts.
        let copies = |first: &[Value], count: usize| {
            let copy = |n| json!({"op": "copy", "from": "/a", "path": format!("/c{n}")});
            let copies = (0..count).map(copy);
            patch(&json!(first.iter().cloned().chain(copies).collect::<Vec<_>>()))
        };
        let apart = [add("/a", &object(99)), add("/a/b", &json!(1))];
        let appended = vec![add("/a/-", &json!(1)); 100];
        for first in [&apart[..], &appended] {
            assert_eq!(obstacle(&copies(first, 39)), None);
            assert_eq!(obstacle(&copies(first, 41)), much);
        }
        // A member that was removed is remembered.
        let remove = |n| json!({"op": "remove", "path": format!("/a/m{n}")});
        let removed: Vec<_> = (0..99).map(remove).collect();
        assert_ne!(obstacle(&copies(&removed, 39)), much);
        assert_eq!(obstacle(&copies(&removed, 42)), much);
        // A copy of copies doubles.
        let mut operations = vec![add("/a", &json!({"x": 1}))];
        operations.extend(
            (0..30).map(|n| json!({"op": "copy", "from": "/a", "path": format!("/a/c{n}")})),
        );
        assert_eq!(obstacle(&patch(&json!(operations))), much);
    }

    #[test]
    fn the_parts_of_an_array_are_bounded() {
        // The array is known, so that no condition is needed.
        let tests = |count: usize| {
            let array = json!(vec![1; 400]);
            let test =
                |path: String, value: &Value| json!({"op": "test", "path": path, "value": value});
            let mut operations = vec![test("/a".to_owned(), &array), add("/b", &json!(1))];
            operations.extend((0..count).map(|n| test(format!("/a/{n}"), &json!(1))));
            patch(&json!(operations))
        };
        assert_eq!(obstacle(&tests(300)), None);
        assert_eq!(obstacle(&tests(302)), Some(Obstacle::NoRoom));
    }

    #[test]
    fn not_too_many_elements_move() {
        let with_hint = |length: usize, operations: &Value| {
            obstacle_with(&patch(operations), &Hints::of(&json!({"a": vec![1; length]})))
        };
        let first = json!([add("/a/1", &json!(1))]);
        // The new one is put where another was, too.
        assert_eq!(with_hint(100, &first), None);
        assert_eq!(with_hint(101, &first), Some(Obstacle::ElementsMove));
        // What is appended moves nothing.
        let appends = (0..500).map(|n| add(&format!("/a/{}", 100 + n), &json!(1)));
        assert_eq!(with_hint(100, &appends.collect()), None);
    }

    #[test]
    fn a_long_patch_is_planned_once() {
        let late = |appends: usize| {
            let replace = |path: &str| json!({"op": "replace", "path": path, "value": 1});
            let mut operations = vec![replace("/a/0"), replace("/a/b")];
            operations.extend(vec![add("/c/-", &json!(1)); appends]);
            patch(&json!(operations))
        };
        assert_eq!(obstacle(&late(98)), None);
        assert_eq!(obstacle(&late(99)), Some(Obstacle::Contradiction));
    }

    #[test]
    fn values_that_no_item_holds_are_left_to_a_rewrite() {
        let limit = Limits::DYNAMODB.item_bytes;
        let text = |bytes: usize| json!("x".repeat(bytes));
        for (more, expected) in [(0, None), (1, Some(Obstacle::ValuesTooLarge))] {
            // Two values, one that takes all, and one that was put together, whose name and braces count.
            let two = [add("/a", &text(limit / 2)), add("/b", &text(limit / 2 + more))];
            let one = [add("/a", &text(limit + more))];
            let apart = [
                add("/a", &json!({"name": text(limit - 100)})),
                add("/a/other", &text(100 - 3 - 5 - 6 + more)),
            ];
            let array = [add("/a", &json!([text(limit - 100)])), add("/a/-", &text(95 + more))];
            for operations in [&two[..], &one, &apart, &array] {
                assert_eq!(obstacle(&patch(&json!(operations))), expected, "{more}");
            }
        }
        // A value that is moved deeper than the patch had it.
        let nested = |levels: usize| (0..levels).fold(json!(1), |value, _| json!([value]));
        for (path, levels) in [("/a/b", 2), ("/a/-", 2), ("/a/b/c/d", 4)] {
            let fitting = Limits::DYNAMODB.depth - levels;
            for (depth, expected) in
                [(fitting, None), (fitting + 1, Some(Obstacle::ValuesTooLarge))]
            {
                let movement = json!({"op": "move", "from": "/t", "path": path});
                let found = obstacle(&patch(&json!([add("/t", &nested(depth)), movement])));
                assert_eq!(found, expected, "{path} {depth}");
            }
        }
    }

    /// The expressions of a direct plan as one line, with the names and the values behind them.
    fn text(patch: &Patch, hints: &Hints) -> String {
        let update = match Plan::of(patch, "document", hints) {
            Plan::Direct(update) => update,
            Plan::Rewrite(obstacle) => return format!("rewrite: {}", obstacle.as_str()),
            Plan::Check => return "check".to_owned(),
        };
        let names = update.names.iter().filter(|(placeholder, _)| *placeholder != "#document");
        let names: Vec<_> =
            names.map(|(placeholder, name)| format!("{placeholder} {name}")).collect();
        let values = json!(update.values);
        let condition = update.condition_expression();
        format!("{} IF {condition} | {} | {values}", update.update_expression(), names.join(" "))
    }

    /// A rule in words, a patch, and its plan. A direct plan is shown by its update, as `text`
    /// prints it.
    const RULES: [(&str, &str, &str); 117] = [
        (
            "a member of the document needs no condition",
            r#"[{"op": "add", "path": "/a", "value": 1}]"#,
            "SET #document.#0=:0 IF  | #0 a | [1]",
        ),
        (
            "a member of another object needs that object",
            r#"[{"op": "add", "path": "/a/b", "value": 1}]"#,
            r#"SET #document.#0.#1=:1 IF attribute_type(#document.#0,:0) | #0 a #1 b | ["M",1]"#,
        ),
        (
            "a member that is added is there for what follows",
            r#"[{"op": "add", "path": "/a", "value": 1}, {"op": "replace", "path": "/a", "value": 2}]"#,
            "SET #document.#0=:0 IF  | #0 a | [2]",
        ),
        (
            "the document is replaced as a whole",
            r#"[{"op": "add", "path": "", "value": {"a": 1}}]"#,
            r#"SET #document=:0 IF  |  | [{"a":1}]"#,
        ),
        (
            "a stored value becomes the document only where it is an object",
            r#"[{"op": "copy", "from": "/a", "path": ""}]"#,
            r#"SET #document=#document.#0 IF attribute_exists(#document.#0) AND attribute_type(#document.#0,:0) | #0 a | ["M"]"#,
        ),
        (
            "nothing but an object becomes the document",
            r#"[{"op": "add", "path": "/a", "value": 1}, {"op": "copy", "from": "/a", "path": ""}]"#,
            "rewrite: contradiction",
        ),
        (
            "what is appended goes into one action",
            r#"[{"op": "add", "path": "/a/-", "value": 1}, {"op": "add", "path": "/a/-", "value": [2]}]"#,
            r#"SET #document.#0=list_append(#document.#0,:1) IF attribute_type(#document.#0,:0) | #0 a | ["L",[1,[2]]]"#,
        ),
        (
            "`-` names a member where the parent is an object",
            r#"[{"op": "add", "path": "/a/b", "value": 1}, {"op": "add", "path": "/a/-", "value": 2}]"#,
            r#"SET #document.#0.#1=:1,#document.#0.#2=:2 IF attribute_type(#document.#0,:0) | #0 a #1 - #2 b | ["M",2,1]"#,
        ),
        (
            "`-` names a member on the way to a value",
            r#"[{"op": "replace", "path": "/a/-/b", "value": 1}]"#,
            "SET #document.#0.#1.#2=:0 IF attribute_exists(#document.#0.#1.#2) | #0 a #1 - #2 b | [1]",
        ),
        (
            "a member is inserted into an object of the patch",
            r#"[{"op": "add", "path": "/a", "value": {}}, {"op": "add", "path": "/a/b", "value": 1}]"#,
            r#"SET #document.#0=:0 IF  | #0 a | [{"b":1}]"#,
        ),
        (
            "an element is inserted into an array of the patch",
            r#"[{"op": "add", "path": "/a", "value": [1, 3]}, {"op": "add", "path": "/a/1", "value": 2}, {"op": "add", "path": "/a/-", "value": 4}]"#,
            "SET #document.#0=:0 IF  | #0 a | [[1,2,3,4]]",
        ),
        (
            "past the end of an array of the patch nothing is inserted",
            r#"[{"op": "add", "path": "/a", "value": [1]}, {"op": "add", "path": "/a/2", "value": 2}]"#,
            "rewrite: contradiction",
        ),
        (
            "nothing is added to a scalar of the patch",
            r#"[{"op": "add", "path": "/a", "value": 1}, {"op": "add", "path": "/a/b", "value": 2}]"#,
            "rewrite: contradiction",
        ),
        (
            "digits lead to an element",
            r#"[{"op": "replace", "path": "/a/0/b", "value": 1}]"#,
            "SET #document.#0[0].#1=:0 IF attribute_exists(#document.#0[0].#1) | #0 a #1 b | [1]",
        ),
        (
            "digits lead to a member of what is known to be an object",
            r#"[{"op": "replace", "path": "/a/b", "value": 1}, {"op": "replace", "path": "/a/0", "value": 2}]"#,
            "SET #document.#0.#2=:0,#document.#0.#1=:1 IF attribute_exists(#document.#0.#1) AND attribute_exists(#document.#0.#2) | #0 a #1 b #2 0 | [2,1]",
        ),
        (
            "digits are a member of the document",
            r#"[{"op": "replace", "path": "/0", "value": 1}]"#,
            "SET #document.#0=:0 IF attribute_exists(#document.#0) | #0 0 | [1]",
        ),
        (
            "a leading zero is of no index",
            r#"[{"op": "replace", "path": "/a/01", "value": 1}]"#,
            "SET #document.#0.#1=:0 IF attribute_exists(#document.#0.#1) | #0 a #1 01 | [1]",
        ),
        (
            "more than three digits are rather a name",
            r#"[{"op": "replace", "path": "/a/2024", "value": 1}]"#,
            "SET #document.#0.#1=:0 IF attribute_exists(#document.#0.#1) | #0 a #1 2024 | [1]",
        ),
        (
            "a name shows that digits before it are a name too",
            r#"[{"op": "replace", "path": "/a/0", "value": 1}, {"op": "replace", "path": "/a/b", "value": 1}]"#,
            "SET #document.#0.#1=:0,#document.#0.#2=:0 IF attribute_exists(#document.#0.#1) AND attribute_exists(#document.#0.#2) | #0 a #1 0 #2 b | [1]",
        ),
        (
            "what is replaced has to be there",
            r#"[{"op": "replace", "path": "/a/b", "value": 1}]"#,
            "SET #document.#0.#1=:0 IF attribute_exists(#document.#0.#1) | #0 a #1 b | [1]",
        ),
        (
            "what is removed has to be there",
            r#"[{"op": "remove", "path": "/a/b"}]"#,
            "REMOVE #document.#0.#1 IF attribute_exists(#document.#0.#1) | #0 a #1 b | []",
        ),
        (
            "what was removed is not there",
            r#"[{"op": "remove", "path": "/a"}, {"op": "remove", "path": "/a"}]"#,
            "rewrite: contradiction",
        ),
        (
            "what was removed can be added again",
            r#"[{"op": "remove", "path": "/a"}, {"op": "add", "path": "/a", "value": 1}]"#,
            "SET #document.#0=:0 IF attribute_exists(#document.#0) | #0 a | [1]",
        ),
        (
            "what was added and removed leaves a removal",
            r#"[{"op": "add", "path": "/a", "value": 1}, {"op": "remove", "path": "/a"}]"#,
            "REMOVE #document.#0 IF  | #0 a | []",
        ),
        (
            "elements that follow a removed one are counted in the stored array",
            r#"[{"op": "remove", "path": "/a/1"}, {"op": "remove", "path": "/a/1"}, {"op": "remove", "path": "/a/0"}]"#,
            "REMOVE #document.#0[0],#document.#0[1],#document.#0[2] IF attribute_exists(#document.#0[1]) AND attribute_exists(#document.#0[2]) AND attribute_exists(#document.#0[0]) | #0 a | []",
        ),
        (
            "elements are replaced one by one",
            r#"[{"op": "replace", "path": "/a/2", "value": 1}, {"op": "replace", "path": "/a/0", "value": 2}]"#,
            "SET #document.#0[0]=:0,#document.#0[2]=:1 IF attribute_exists(#document.#0[2]) AND attribute_exists(#document.#0[0]) | #0 a | [2,1]",
        ),
        (
            "an element is put before the first one",
            r#"[{"op": "add", "path": "/a/0", "value": 1}]"#,
            r#"SET #document.#0=list_append(:1,#document.#0) IF attribute_type(#document.#0,:0) | #0 a | ["L",[1]]"#,
        ),
        (
            "elements that are put before the first one go into one action",
            r#"[{"op": "add", "path": "/a/0", "value": 1}, {"op": "add", "path": "/a/0", "value": 2}, {"op": "add", "path": "/a/1", "value": 3}]"#,
            r#"SET #document.#0=list_append(:1,#document.#0) IF attribute_type(#document.#0,:0) | #0 a | ["L",[2,3,1]]"#,
        ),
        (
            "an index is guessed to be the length of the array",
            r#"[{"op": "add", "path": "/a/3", "value": 1}]"#,
            r#"SET #document.#0=list_append(#document.#0,:2) IF attribute_type(#document.#0,:0) AND size(#document.#0)=:1 | #0 a | ["L",3,[1]]"#,
        ),
        (
            "indexes one after the other are all appended",
            r#"[{"op": "add", "path": "/a/3", "value": 1}, {"op": "add", "path": "/a/4", "value": 2}]"#,
            r#"SET #document.#0=list_append(#document.#0,:2) IF attribute_type(#document.#0,:0) AND size(#document.#0)=:1 | #0 a | ["L",3,[1,2]]"#,
        ),
        (
            "an index after an append counts what was appended",
            r#"[{"op": "add", "path": "/a/-", "value": 1}, {"op": "add", "path": "/a/4", "value": 2}]"#,
            r#"SET #document.#0=list_append(#document.#0,:2) IF attribute_type(#document.#0,:0) AND size(#document.#0)=:1 | #0 a | ["L",3,[1,2]]"#,
        ),
        (
            "indexes that cannot both be the length are rewritten",
            r#"[{"op": "add", "path": "/a/3", "value": 1}, {"op": "add", "path": "/a/9", "value": 2}]"#,
            "rewrite: elements-move",
        ),
        (
            "an index after a replacement is guessed to be the length",
            r#"[{"op": "replace", "path": "/a/1", "value": 1}, {"op": "add", "path": "/a/2", "value": 2}]"#,
            r#"SET #document.#0[1]=:2,#document.#0[1000000]=:1 IF attribute_exists(#document.#0[1]) AND attribute_type(#document.#0,:0) AND size(#document.#0)=:1 | #0 a | ["L",2,1]"#,
        ),
        (
            "elements are removed, replaced and appended at once",
            r#"[{"op": "remove", "path": "/a/0"}, {"op": "replace", "path": "/a/0", "value": 1}, {"op": "add", "path": "/a/-", "value": 2}, {"op": "add", "path": "/a/-", "value": 3}]"#,
            r#"SET #document.#0[1]=:1,#document.#0[1000000]=:2,#document.#0[1000001]=:3 REMOVE #document.#0[0] IF attribute_exists(#document.#0[0]) AND attribute_exists(#document.#0[1]) AND attribute_type(#document.#0,:0) | #0 a | ["L",1,2,3]"#,
        ),
        (
            "an element enters before one that leaves after it",
            r#"[{"op": "add", "path": "/a/1", "value": 1}, {"op": "remove", "path": "/a/3"}]"#,
            "SET #document.#0[1]=:0,#document.#0[2]=#document.#0[1] IF attribute_exists(#document.#0[0]) AND attribute_exists(#document.#0[2]) | #0 a | [1]",
        ),
        (
            "an element enters before one that is replaced, and another leaves",
            r#"[{"op": "add", "path": "/a/1", "value": 1}, {"op": "replace", "path": "/a/3", "value": 2}, {"op": "remove", "path": "/a/5"}]"#,
            "SET #document.#0[1]=:0,#document.#0[2]=#document.#0[1],#document.#0[3]=:1,#document.#0[4]=#document.#0[3] IF attribute_exists(#document.#0[0]) AND attribute_exists(#document.#0[2]) AND attribute_exists(#document.#0[4]) | #0 a | [1,2]",
        ),
        (
            "an element takes the place of one that was removed",
            r#"[{"op": "remove", "path": "/a/2"}, {"op": "add", "path": "/a/2", "value": 1}]"#,
            "SET #document.#0[2]=:0 IF attribute_exists(#document.#0[2]) | #0 a | [1]",
        ),
        (
            "an element that enters before one that left moves those between",
            r#"[{"op": "remove", "path": "/a/2"}, {"op": "add", "path": "/a/0", "value": 1}]"#,
            r#"SET #document.#0[0]=:1,#document.#0[1]=#document.#0[0],#document.#0[2]=#document.#0[1] IF attribute_exists(#document.#0[2]) AND attribute_type(#document.#0,:0) | #0 a | ["L",1]"#,
        ),
        (
            "an element moves back",
            r#"[{"op": "move", "from": "/a/0", "path": "/a/2"}]"#,
            "SET #document.#0[0]=#document.#0[1],#document.#0[1]=#document.#0[2],#document.#0[2]=#document.#0[0] IF attribute_exists(#document.#0[0]) AND attribute_exists(#document.#0[2]) | #0 a | []",
        ),
        (
            "an element moves to the front",
            r#"[{"op": "move", "from": "/a/2", "path": "/a/0"}]"#,
            r#"SET #document.#0[0]=#document.#0[2],#document.#0[1]=#document.#0[0],#document.#0[2]=#document.#0[1] IF attribute_exists(#document.#0[2]) AND attribute_type(#document.#0,:0) | #0 a | ["L"]"#,
        ),
        (
            "two elements change places",
            r#"[{"op": "move", "from": "/a/0", "path": "/a/1"}]"#,
            "SET #document.#0[0]=#document.#0[1],#document.#0[1]=#document.#0[0] IF attribute_exists(#document.#0[0]) AND attribute_exists(#document.#0[1]) | #0 a | []",
        ),
        (
            "an element moves to the end",
            r#"[{"op": "move", "from": "/a/0", "path": "/a/-"}]"#,
            r#"SET #document.#0[1000000]=#document.#0[0] REMOVE #document.#0[0] IF attribute_exists(#document.#0[0]) AND attribute_type(#document.#0,:0) | #0 a | ["L"]"#,
        ),
        (
            "an element moves to another array",
            r#"[{"op": "move", "from": "/a/0", "path": "/b/-"}]"#,
            r#"SET #document.#1[1000000]=#document.#0[0] REMOVE #document.#0[0] IF attribute_exists(#document.#0[0]) AND attribute_type(#document.#1,:0) | #0 a #1 b | ["L"]"#,
        ),
        (
            "a stored element is appended to another array",
            r#"[{"op": "copy", "from": "/a/1", "path": "/b/-"}]"#,
            r#"SET #document.#1[1000000]=#document.#0[1] IF attribute_exists(#document.#0[1]) AND attribute_type(#document.#1,:0) | #0 a #1 b | ["L"]"#,
        ),
        (
            "two leave and one enters",
            r#"[{"op": "remove", "path": "/a/3"}, {"op": "remove", "path": "/a/0"}, {"op": "add", "path": "/a/1", "value": 1}]"#,
            "SET #document.#0[0]=#document.#0[1],#document.#0[1]=:0 REMOVE #document.#0[3] IF attribute_exists(#document.#0[3]) AND attribute_exists(#document.#0[0]) | #0 a | [1]",
        ),
        (
            "an element comes to where one has left, also where the length is guessed meanwhile",
            r#"[{"op": "remove", "path": "/a/0"}, {"op": "add", "path": "/a/20", "value": 1}, {"op": "add", "path": "/a/5", "value": 2}]"#,
            r#"SET #document.#0[0]=#document.#0[1],#document.#0[1]=#document.#0[2],#document.#0[2]=#document.#0[3],#document.#0[3]=#document.#0[4],#document.#0[4]=#document.#0[5],#document.#0[5]=:2,#document.#0[1000000]=:3 IF attribute_exists(#document.#0[0]) AND attribute_type(#document.#0,:0) AND size(#document.#0)=:1 | #0 a | ["L",21,2,1]"#,
        ),
        (
            "an insertion that nothing makes room for is no action",
            r#"[{"op": "replace", "path": "/a/3", "value": 1}, {"op": "add", "path": "/a/1", "value": 2}]"#,
            "rewrite: elements-move",
        ),
        (
            "an element inside of one that has moved is not changed",
            r#"[{"op": "move", "from": "/a/0", "path": "/a/2"}, {"op": "replace", "path": "/a/2/b", "value": 1}]"#,
            "rewrite: changed-elsewhere",
        ),
        (
            "an element inside of one that has stayed is changed",
            r#"[{"op": "move", "from": "/a/0", "path": "/a/1"}, {"op": "replace", "path": "/a/2/b", "value": 1}]"#,
            "SET #document.#0[0]=#document.#0[1],#document.#0[1]=#document.#0[0],#document.#0[2].#1=:0 IF attribute_exists(#document.#0[0]) AND attribute_exists(#document.#0[1]) AND attribute_exists(#document.#0[2].#1) | #0 a #1 b | [1]",
        ),
        (
            "what is put first and removed again leaves nothing",
            r#"[{"op": "add", "path": "/a/0", "value": 1}, {"op": "remove", "path": "/a/0"}]"#,
            r#" IF attribute_type(#document.#0,:0) | #0 a | ["L"]"#,
        ),
        (
            "before the first one and after the last one is rewritten",
            r#"[{"op": "add", "path": "/a/0", "value": 1}, {"op": "add", "path": "/a/-", "value": 2}]"#,
            "rewrite: elements-move",
        ),
        (
            "what is put first leaves alone what was looked at",
            r#"[{"op": "add", "path": "/a/0", "value": 1}, {"op": "test", "path": "/a/3", "value": 9}]"#,
            r#"SET #document.#0=list_append(:2,#document.#0) IF attribute_type(#document.#0,:0) AND #document.#0[2]=:1 | #0 a | ["L",9,[1]]"#,
        ),
        (
            "what is put first comes not before elements that change places",
            r#"[{"op": "test", "path": "/a/5", "value": 1}, {"op": "add", "path": "/a/0", "value": 1}, {"op": "move", "from": "/a/1", "path": "/a/2"}]"#,
            "rewrite: elements-move",
        ),
        (
            "what is put first comes not before an element that changes",
            r#"[{"op": "add", "path": "/a/0", "value": 1}, {"op": "replace", "path": "/a/1/b", "value": 2}]"#,
            "rewrite: elements-move",
        ),
        (
            "an array of the patch loses an element",
            r#"[{"op": "add", "path": "/a", "value": [1, 2]}, {"op": "remove", "path": "/a/0"}]"#,
            "SET #document.#0=:0 IF  | #0 a | [[2]]",
        ),
        (
            "the whole is written where it is replaced below",
            r#"[{"op": "replace", "path": "/a/b", "value": 1}, {"op": "replace", "path": "/a", "value": 2}]"#,
            "SET #document.#0=:0 IF attribute_exists(#document.#0.#1) AND attribute_exists(#document.#0) | #0 a #1 b | [2]",
        ),
        (
            "a copy is taken from where the value was before",
            r#"[{"op": "copy", "from": "/a", "path": "/b"}, {"op": "replace", "path": "/a", "value": 1}]"#,
            "SET #document.#0=:0,#document.#1=#document.#0 IF attribute_exists(#document.#0) | #0 a #1 b | [1]",
        ),
        (
            "a copy of a copy is taken from the first place",
            r#"[{"op": "copy", "from": "/a", "path": "/b"}, {"op": "copy", "from": "/b", "path": "/c"}]"#,
            "SET #document.#1=#document.#0,#document.#2=#document.#0 IF attribute_exists(#document.#0) | #0 a #1 b #2 c | []",
        ),
        (
            "a copy of a value of the patch is a value",
            r#"[{"op": "add", "path": "/a", "value": [1]}, {"op": "copy", "from": "/a", "path": "/b"}]"#,
            "SET #document.#0=:0,#document.#1=:0 IF  | #0 a #1 b | [[1]]",
        ),
        (
            "a move removes where it came from",
            r#"[{"op": "move", "from": "/a", "path": "/b"}]"#,
            "SET #document.#1=#document.#0 REMOVE #document.#0 IF attribute_exists(#document.#0) | #0 a #1 b | []",
        ),
        (
            "two members change places",
            r#"[{"op": "move", "from": "/a", "path": "/x"}, {"op": "move", "from": "/b", "path": "/a"}, {"op": "move", "from": "/x", "path": "/b"}]"#,
            "SET #document.#0=#document.#1,#document.#1=#document.#0 REMOVE #document.#2 IF attribute_exists(#document.#0) AND attribute_exists(#document.#1) | #0 a #1 b #2 x | []",
        ),
        (
            "a move back to its place leaves it there",
            r#"[{"op": "move", "from": "/a", "path": "/b"}, {"op": "move", "from": "/b", "path": "/a"}]"#,
            "REMOVE #document.#1 IF attribute_exists(#document.#0) | #0 a #1 b | []",
        ),
        (
            "a move onto itself only has to find it",
            r#"[{"op": "move", "from": "/a", "path": "/a"}]"#,
            " IF attribute_exists(#document.#0) | #0 a | []",
        ),
        (
            "nothing is moved into itself",
            r#"[{"op": "move", "from": "/a", "path": "/a/b"}]"#,
            "rewrite: contradiction",
        ),
        (
            "no element is moved into itself, and not into the one after it",
            r#"[{"op": "move", "from": "/a/0", "path": "/a/0/b"}]"#,
            "rewrite: contradiction",
        ),
        (
            "the document is not moved",
            r#"[{"op": "move", "from": "", "path": "/a"}]"#,
            "rewrite: contradiction",
        ),
        (
            "a stored value is not changed where it was copied to",
            r#"[{"op": "copy", "from": "/a", "path": "/b"}, {"op": "add", "path": "/b/c", "value": 1}]"#,
            "rewrite: changed-elsewhere",
        ),
        (
            "a changed value is not copied",
            r#"[{"op": "add", "path": "/a/b", "value": 1}, {"op": "copy", "from": "/a", "path": "/c"}]"#,
            "rewrite: changed-elsewhere",
        ),
        (
            "a stored value is put deeper",
            r#"[{"op": "copy", "from": "/a", "path": "/b/c"}]"#,
            r#"SET #document.#1.#2=#document.#0 IF attribute_exists(#document.#0) AND attribute_type(#document.#1,:0) | #0 a #1 b #2 c | ["M"]"#,
        ),
        (
            "a stored value is appended",
            r#"[{"op": "copy", "from": "/a", "path": "/b/-"}]"#,
            r#"SET #document.#1[1000000]=#document.#0 IF attribute_exists(#document.#0) AND attribute_type(#document.#1,:0) | #0 a #1 b | ["L"]"#,
        ),
        (
            "a stored value is not put into one of the patch",
            r#"[{"op": "add", "path": "/a", "value": {}}, {"op": "copy", "from": "/b", "path": "/a/b"}]"#,
            "rewrite: stored-in-new",
        ),
        (
            "a test of what is stored is a condition",
            r#"[{"op": "test", "path": "/a/0", "value": {"b": [1.0]}}, {"op": "remove", "path": "/b"}]"#,
            r#"REMOVE #document.#1 IF #document.#0[0]=:0 AND attribute_exists(#document.#1) | #0 a #1 b | [{"b":[1]}]"#,
        ),
        (
            "a test proves that the value is there",
            r#"[{"op": "test", "path": "/a", "value": 1}, {"op": "remove", "path": "/a"}]"#,
            "REMOVE #document.#0 IF #document.#0=:0 | #0 a | [1]",
        ),
        (
            "an equal condition is said once",
            r#"[{"op": "test", "path": "/a", "value": 1}, {"op": "test", "path": "/a", "value": 1.0}, {"op": "remove", "path": "/b"}]"#,
            "REMOVE #document.#1 IF #document.#0=:0 AND attribute_exists(#document.#1) | #0 a #1 b | [1]",
        ),
        (
            "a test of a value of the patch is decided here",
            r#"[{"op": "add", "path": "/a", "value": {"b": [1]}}, {"op": "test", "path": "/a/b", "value": [1]}]"#,
            r#"SET #document.#0=:0 IF  | #0 a | [{"b":[1]}]"#,
        ),
        (
            "a test that fails here fails everywhere",
            r#"[{"op": "add", "path": "/a", "value": 1}, {"op": "test", "path": "/a", "value": 2}]"#,
            "rewrite: contradiction",
        ),
        (
            "a test sees into what the patch has put together",
            r#"[{"op": "add", "path": "/a", "value": {}}, {"op": "add", "path": "/a/b", "value": 1}, {"op": "test", "path": "/a", "value": {"b": 1}}]"#,
            r#"SET #document.#0=:0 IF  | #0 a | [{"b":1}]"#,
        ),
        (
            "a test of a copy asks where it came from",
            r#"[{"op": "copy", "from": "/a", "path": "/b"}, {"op": "test", "path": "/b", "value": 1}]"#,
            "SET #document.#1=#document.#0 IF attribute_exists(#document.#0) AND #document.#0=:0 | #0 a #1 b | [1]",
        ),
        (
            "a changed object is not tested as a whole",
            r#"[{"op": "add", "path": "/a/b", "value": 1}, {"op": "test", "path": "/a", "value": {"b": 1}}]"#,
            "rewrite: tested-after-change",
        ),
        (
            "the document is copied below itself",
            r#"[{"op": "copy", "from": "", "path": "/a"}]"#,
            "SET #document.#0=#document IF  | #0 a | []",
        ),
        (
            "a document that was changed is not copied",
            r#"[{"op": "add", "path": "/a", "value": 1}, {"op": "copy", "from": "", "path": "/b"}]"#,
            "rewrite: changed-elsewhere",
        ),
        (
            "a copy of the document to its own place is nothing",
            r#"[{"op": "add", "path": "/a", "value": 1}, {"op": "copy", "from": "", "path": ""}]"#,
            "SET #document.#0=:0 IF  | #0 a | [1]",
        ),
        (
            "a copy of a member to its own place only has to find it",
            r#"[{"op": "copy", "from": "/a", "path": "/a"}]"#,
            " IF attribute_exists(#document.#0) | #0 a | []",
        ),
        (
            "a changed member is copied to its own place",
            r#"[{"op": "add", "path": "/a/b", "value": 1}, {"op": "copy", "from": "/a", "path": "/a"}]"#,
            r#"SET #document.#0.#1=:1 IF attribute_type(#document.#0,:0) | #0 a #1 b | ["M",1]"#,
        ),
        (
            "a copy of an element to its own place is put before it",
            r#"[{"op": "remove", "path": "/a/3"}, {"op": "copy", "from": "/a/1", "path": "/a/1"}]"#,
            "SET #document.#0[2]=#document.#0[1],#document.#0[3]=#document.#0[2] IF attribute_exists(#document.#0[3]) AND attribute_exists(#document.#0[1]) | #0 a | []",
        ),
        (
            "a copy of an element of the patch to its own place is put before it",
            r#"[{"op": "add", "path": "/a", "value": [1, 2]}, {"op": "copy", "from": "/a/0", "path": "/a/0"}]"#,
            "SET #document.#0=:0 IF  | #0 a | [[1,1,2]]",
        ),
        (
            "an array is copied and extended",
            r#"[{"op": "copy", "from": "/a", "path": "/b"}, {"op": "add", "path": "/b/-", "value": 1}, {"op": "add", "path": "/b/-", "value": 2}]"#,
            r#"SET #document.#1=list_append(#document.#0,:1) IF attribute_exists(#document.#0) AND attribute_type(#document.#0,:0) | #0 a #1 b | ["L",[1,2]]"#,
        ),
        (
            "an array is moved and extended at its front",
            r#"[{"op": "move", "from": "/a", "path": "/b"}, {"op": "add", "path": "/b/0", "value": 1}]"#,
            r#"SET #document.#1=list_append(:1,#document.#0) REMOVE #document.#0 IF attribute_exists(#document.#0) AND attribute_type(#document.#0,:0) | #0 a #1 b | ["L",[1]]"#,
        ),
        (
            "an array is extended and copied",
            r#"[{"op": "add", "path": "/a/-", "value": 1}, {"op": "copy", "from": "/a", "path": "/b"}]"#,
            r#"SET #document.#0=list_append(#document.#0,:1),#document.#1=list_append(#document.#0,:1) IF attribute_type(#document.#0,:0) | #0 a #1 b | ["L",[1]]"#,
        ),
        (
            "a copied array is not changed in another way",
            r#"[{"op": "copy", "from": "/a", "path": "/b"}, {"op": "replace", "path": "/b/0", "value": 1}]"#,
            "rewrite: changed-elsewhere",
        ),
        (
            "what overwrites a change needs no more than the guard of that change",
            r#"[{"op": "add", "path": "/a/b", "value": 1}, {"op": "copy", "from": "/x", "path": "/a"}]"#,
            r#"SET #document.#0=#document.#1 IF attribute_type(#document.#0,:0) AND attribute_exists(#document.#1) | #0 a #1 x | ["M"]"#,
        ),
        (
            "a value that became the document is an object",
            r#"[{"op": "copy", "from": "/a", "path": ""}, {"op": "test", "path": "/0", "value": 1}]"#,
            r#"SET #document=#document.#0 IF attribute_exists(#document.#0) AND attribute_type(#document.#0,:0) AND #document.#0.#1=:1 | #0 a #1 0 | ["M",1]"#,
        ),
        (
            "what was tested for being an object is no array",
            r#"[{"op": "test", "path": "/a", "value": {"b": 1}}, {"op": "add", "path": "/a/-", "value": 1}, {"op": "add", "path": "/a/0", "value": 1}]"#,
            r#"SET #document.#0.#1=:1,#document.#0.#2=:1 IF #document.#0=:0 | #0 a #1 - #2 0 | [{"b":1},1]"#,
        ),
        (
            "of an array that was tested the length is known",
            r#"[{"op": "test", "path": "/a", "value": [1, 2]}, {"op": "add", "path": "/a/1", "value": 3}]"#,
            "SET #document.#0[1]=:1,#document.#0[1000000]=#document.#0[1] IF #document.#0=:0 | #0 a | [[1,2],3]",
        ),
        (
            "what was tested is there in all its parts",
            r#"[{"op": "test", "path": "/a", "value": {"b": [1]}}, {"op": "replace", "path": "/a/b/0", "value": 2}]"#,
            r#"SET #document.#0.#1[0]=:1 IF #document.#0=:0 | #0 a #1 b | [{"b":[1]},2]"#,
        ),
        (
            "what a tested value does not have is not there",
            r#"[{"op": "test", "path": "/a", "value": {"b": 1}}, {"op": "remove", "path": "/a/c"}]"#,
            "rewrite: contradiction",
        ),
        (
            "a scalar that was tested has nothing in it",
            r#"[{"op": "test", "path": "/a", "value": 1}, {"op": "add", "path": "/a/b", "value": 1}]"#,
            "rewrite: contradiction",
        ),
        (
            "two tests of one value cannot both hold",
            r#"[{"op": "test", "path": "/a", "value": 1}, {"op": "test", "path": "/a", "value": 2}, {"op": "remove", "path": "/a"}]"#,
            "rewrite: contradiction",
        ),
        (
            "a test of a whole and one of its part cannot both hold",
            r#"[{"op": "test", "path": "/a/b", "value": 1}, {"op": "test", "path": "/a", "value": {"b": 2}}, {"op": "remove", "path": "/a"}]"#,
            "rewrite: contradiction",
        ),
        (
            "what is known of a value is known of its copies",
            r#"[{"op": "copy", "from": "/a", "path": "/b"}, {"op": "add", "path": "/a/c", "value": 1}, {"op": "copy", "from": "/b/0", "path": "/d"}]"#,
            r#"SET #document.#0.#3=:1,#document.#1=#document.#0,#document.#4=#document.#0.#2 IF attribute_exists(#document.#0) AND attribute_type(#document.#0,:0) AND attribute_exists(#document.#0.#2) | #0 a #1 b #2 0 #3 c #4 d | ["M",1]"#,
        ),
        (
            "an element past the length that was asked for is not there",
            r#"[{"op": "copy", "from": "/a", "path": "/b"}, {"op": "add", "path": "/a/2", "value": 1}, {"op": "replace", "path": "/b/2", "value": 1}]"#,
            "rewrite: contradiction",
        ),
        (
            "members of a merge patch are set and removed",
            r#"{"a": 1, "b": null, "c": [null, {"d": null}]}"#,
            r#"SET #document.#0=:0,#document.#2=:1 REMOVE #document.#1 IF  | #0 a #1 b #2 c | [1,[null,{"d":null}]]"#,
        ),
        (
            "members below another are merged where that is an object",
            r#"{"a": {"b": {"c": 1}, "d": null}}"#,
            r#"SET #document.#0.#1.#2=:1 REMOVE #document.#0.#3 IF attribute_type(#document.#0.#1,:0) | #0 a #1 b #2 c #3 d | ["M",1]"#,
        ),
        (
            "an object without members asks for an object",
            r#"{"a": {}}"#,
            r#" IF attribute_type(#document.#0,:0) | #0 a | ["M"]"#,
        ),
        (
            "digits are a name in a merge patch",
            r#"{"a": {"0": 1}}"#,
            r#"SET #document.#0.#1=:1 IF attribute_type(#document.#0,:0) | #0 a #1 0 | ["M",1]"#,
        ),
        ("a merge patch without members changes nothing", "{}", "check"),
        (
            "names that come late are learned one after the other",
            r#"[{"op": "replace", "path": "/p/0", "value": 1}, {"op": "replace", "path": "/q/1", "value": 1}, {"op": "replace", "path": "/q/n", "value": 1}, {"op": "replace", "path": "/p/n", "value": 1}]"#,
            "SET #document.#0.#1=:0,#document.#0.#4=:0,#document.#2.#3=:0,#document.#2.#4=:0 IF attribute_exists(#document.#0.#1) AND attribute_exists(#document.#2.#3) AND attribute_exists(#document.#2.#4) AND attribute_exists(#document.#0.#4) | #0 p #1 0 #2 q #3 1 #4 n | [1]",
        ),
        (
            "what is learned of one place is not held against another",
            r#"[{"op": "replace", "path": "/p/0", "value": 1}, {"op": "replace", "path": "/q/0", "value": 1}, {"op": "replace", "path": "/q/n", "value": 1}, {"op": "replace", "path": "/p/n", "value": 1}, {"op": "replace", "path": "/0/0", "value": 1}]"#,
            "SET #document.#1[0]=:0,#document.#0.#1=:0,#document.#0.#3=:0,#document.#2.#1=:0,#document.#2.#3=:0 IF attribute_exists(#document.#0.#1) AND attribute_exists(#document.#2.#1) AND attribute_exists(#document.#2.#3) AND attribute_exists(#document.#0.#3) AND attribute_exists(#document.#1[0]) | #0 p #1 0 #2 q #3 n | [1]",
        ),
        (
            "a name does not lead into an array of the patch",
            r#"[{"op": "add", "path": "/a", "value": [1]}, {"op": "add", "path": "/a/b", "value": 2}]"#,
            "rewrite: contradiction",
        ),
        (
            "a test of an object of the patch asks for all its members",
            r#"[{"op": "add", "path": "/a", "value": {}}, {"op": "add", "path": "/a/b", "value": 1}, {"op": "test", "path": "/a", "value": {"b": 1, "c": 2}}]"#,
            "rewrite: contradiction",
        ),
        (
            "a test of an array of the patch asks for all its elements",
            r#"[{"op": "add", "path": "/a", "value": [1]}, {"op": "add", "path": "/a/-", "value": 2}, {"op": "test", "path": "/a", "value": [1, 2, 3]}]"#,
            "rewrite: contradiction",
        ),
        (
            "an array of the patch is tested",
            r#"[{"op": "add", "path": "/a", "value": [1]}, {"op": "add", "path": "/a/-", "value": 2}, {"op": "test", "path": "/a", "value": [1, 2]}]"#,
            "SET #document.#0=:0 IF  | #0 a | [[1,2]]",
        ),
        (
            "elements are appended one after the other, also where another place is learned of",
            r#"[{"op": "add", "path": "/a/3", "value": 1}, {"op": "add", "path": "/a/4", "value": 2}, {"op": "replace", "path": "/p/0", "value": 1}, {"op": "replace", "path": "/p/n", "value": 1}]"#,
            r#"SET #document.#0=list_append(#document.#0,:2),#document.#1.#2=:3,#document.#1.#3=:3 IF attribute_type(#document.#0,:0) AND size(#document.#0)=:1 AND attribute_exists(#document.#1.#2) AND attribute_exists(#document.#1.#3) | #0 a #1 p #2 0 #3 n | ["L",3,[1,2],1]"#,
        ),
        (
            "an element of a copy is there where the length says so",
            r#"[{"op": "copy", "from": "/a", "path": "/b"}, {"op": "test", "path": "/b/0", "value": 1}, {"op": "add", "path": "/a/2", "value": 1}, {"op": "test", "path": "/b/1", "value": 2}]"#,
            r#"SET #document.#0=list_append(#document.#0,:3),#document.#1=#document.#0 IF attribute_exists(#document.#0) AND #document.#0[0]=:0 AND attribute_type(#document.#0,:1) AND size(#document.#0)=:2 AND #document.#0[1]=:2 | #0 a #1 b | [1,"L",2,[1]]"#,
        ),
        (
            "an element of a copy is not there where the length says so",
            r#"[{"op": "copy", "from": "/a", "path": "/b"}, {"op": "test", "path": "/b/0", "value": 1}, {"op": "add", "path": "/a/2", "value": 1}, {"op": "test", "path": "/b/2", "value": 2}]"#,
            "rewrite: contradiction",
        ),
        (
            "an array is as long as the elements of its copy say",
            r#"[{"op": "copy", "from": "/a", "path": "/b"}, {"op": "test", "path": "/b/5", "value": 1}, {"op": "add", "path": "/a/6", "value": 1}]"#,
            r#"SET #document.#0=list_append(#document.#0,:3),#document.#1=#document.#0 IF attribute_exists(#document.#0) AND #document.#0[5]=:0 AND attribute_type(#document.#0,:1) AND size(#document.#0)=:2 | #0 a #1 b | [1,"L",6,[1]]"#,
        ),
        (
            "an array is not shorter than the elements of its copy say",
            r#"[{"op": "copy", "from": "/a", "path": "/b"}, {"op": "test", "path": "/b/5", "value": 1}, {"op": "add", "path": "/a/5", "value": 1}]"#,
            "rewrite: contradiction",
        ),
    ];

    /// The shape that hints tell of, a rule in words, a patch, and its plan with these hints.
    const HINTED_RULES: [(&str, &str, &str, &str); 13] = [
        (
            r#"{"a": {"0": 1}}"#,
            "digits that were a name are taken for one",
            r#"[{"op": "replace", "path": "/a/0", "value": 1}]"#,
            "SET #document.#0.#1=:0 IF attribute_exists(#document.#0.#1) | #0 a #1 0 | [1]",
        ),
        (
            r#"{"a": {"b": 1}}"#,
            "`-` is a name in what was an object",
            r#"[{"op": "add", "path": "/a/-", "value": 1}]"#,
            r#"SET #document.#0.#1=:1 IF attribute_type(#document.#0,:0) | #0 a #1 - | ["M",1]"#,
        ),
        (
            r#"{"a": [1, 2, 3]}"#,
            "an element is inserted where the length is known",
            r#"[{"op": "add", "path": "/a/1", "value": 4}]"#,
            r#"SET #document.#0[1]=:2,#document.#0[2]=#document.#0[1],#document.#0[1000000]=#document.#0[2] IF attribute_type(#document.#0,:0) AND size(#document.#0)=:1 | #0 a | ["L",3,4]"#,
        ),
        (
            r#"{"a": [1, 2, 3]}"#,
            "an element is inserted before the first one without asking for the length",
            r#"[{"op": "add", "path": "/a/0", "value": 4}]"#,
            r#"SET #document.#0=list_append(:1,#document.#0) IF attribute_type(#document.#0,:0) | #0 a | ["L",[4]]"#,
        ),
        (
            r#"{"a": [1, 2]}"#,
            "elements come before the first one and after the last one",
            r#"[{"op": "add", "path": "/a/0", "value": 1}, {"op": "add", "path": "/a/-", "value": 2}]"#,
            r#"SET #document.#0[0]=:2,#document.#0[1]=#document.#0[0],#document.#0[1000000]=#document.#0[1],#document.#0[1000001]=:1 IF attribute_type(#document.#0,:0) AND size(#document.#0)=:1 | #0 a | ["L",2,1]"#,
        ),
        (
            r#"{"a": [1, 2]}"#,
            "a stored value is put before the first element",
            r#"[{"op": "move", "from": "/b/c", "path": "/a/0"}]"#,
            r#"SET #document.#2[0]=#document.#0.#1,#document.#2[1]=#document.#2[0],#document.#2[1000000]=#document.#2[1] REMOVE #document.#0.#1 IF attribute_exists(#document.#0.#1) AND attribute_type(#document.#2,:0) AND size(#document.#2)=:1 | #0 b #1 c #2 a | ["L",2]"#,
        ),
        (
            r#"{"a": [1, 2, 3]}"#,
            "an element is inserted after a replacement",
            r#"[{"op": "replace", "path": "/a/2", "value": 1}, {"op": "add", "path": "/a/1", "value": 2}]"#,
            r#"SET #document.#0[1]=:2,#document.#0[2]=#document.#0[1],#document.#0[1000000]=:3 IF attribute_exists(#document.#0[2]) AND attribute_type(#document.#0,:0) AND size(#document.#0)=:1 | #0 a | ["L",3,2,1]"#,
        ),
        (
            r#"{"a": [1, 2, 3]}"#,
            "the length that was known is the one to append at",
            r#"[{"op": "add", "path": "/a/3", "value": 4}]"#,
            r#"SET #document.#0=list_append(#document.#0,:2) IF attribute_type(#document.#0,:0) AND size(#document.#0)=:1 | #0 a | ["L",3,[4]]"#,
        ),
        (
            r#"{"a": [1]}"#,
            "an index past the known length is guessed to be the length",
            r#"[{"op": "add", "path": "/a/3", "value": 4}]"#,
            r#"SET #document.#0=list_append(#document.#0,:2) IF attribute_type(#document.#0,:0) AND size(#document.#0)=:1 | #0 a | ["L",3,[4]]"#,
        ),
        (
            r#"{"a": [1, 2, 3]}"#,
            "what the patch itself says comes before a hint",
            r#"[{"op": "test", "path": "/a", "value": {"0": 1}}, {"op": "replace", "path": "/a/0", "value": 2}]"#,
            r#"SET #document.#0.#1=:1 IF #document.#0=:0 | #0 a #1 0 | [{"0":1},2]"#,
        ),
        (
            r#"{"a": {"0": [1, 2]}}"#,
            "a hint tells of what lies below another",
            r#"[{"op": "add", "path": "/a/0/1", "value": 3}]"#,
            r#"SET #document.#0.#1[1]=:2,#document.#0.#1[1000000]=#document.#0.#1[1] IF attribute_type(#document.#0.#1,:0) AND size(#document.#0.#1)=:1 | #0 a #1 0 | ["L",2,3]"#,
        ),
        (
            r#"{"a": [1, 2, 3]}"#,
            "what moves there and back leaves its array as it was",
            r#"[{"op": "add", "path": "/a/1", "value": 4}, {"op": "remove", "path": "/a/1"}, {"op": "remove", "path": "/b"}]"#,
            r#"REMOVE #document.#1 IF attribute_type(#document.#0,:0) AND size(#document.#0)=:1 AND attribute_exists(#document.#1) | #0 a #1 b | ["L",3]"#,
        ),
        (
            r#"{"a": [1, 2, 3]}"#,
            "hints do not decide what is refused for passing a limit on the way",
            r#"[{"op": "add", "path": "/a/1", "value": 4}, {"op": "copy", "from": "/b", "path": "/c"}]"#,
            r#"SET #document.#0=list_append(#document.#0,:2),#document.#2=#document.#1 IF attribute_type(#document.#0,:0) AND size(#document.#0)=:1 AND attribute_exists(#document.#1) | #0 a #1 b #2 c | ["L",1,[4]]"#,
        ),
    ];

    #[test]
    fn each_rule_of_the_symbolic_document_holds() {
        let none = |&(rule, operations, expected)| ("{}", rule, operations, expected);
        for (shape, rule, operations, expected) in RULES.iter().map(none).chain(HINTED_RULES) {
            let shape = serde_json::from_str(shape).expect("JSON");
            let hints = if shape == json!({}) { Hints::default() } else { Hints::of(&shape) };
            let patch = Patch::parse_merge(operations.as_bytes()).expect("a valid patch");
            assert_eq!(text(&patch, &hints), expected, "{rule}: {operations}");
        }
    }
}
