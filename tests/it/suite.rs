//! The public test suite of JSON Patch, npm's `json-patch-test-suite`, through the handler and the
//! store.
//!
//! Every case runs in up to two forms. In one, the case's document is the member `doc` of the
//! option's document, and its pointers lead there. So documents that are arrays or scalars take
//! part. In the other, the case's document is the option's document. That form is for cases whose
//! documents are objects. The cases that the suite disables run too: most parsers cannot see an
//! operation with two members `op`, and this crate's can.

use std::{collections::BTreeSet, fs, path::Path};

use json_patch_dynamodb::parse_members;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    engine::{Engine, OPTION, event},
    rfc6902,
};

/// The variable that names the folder of the suite's files.
const FOLDER: &str = "JSON_PATCH_TEST_SUITE";

const FILES: [&str; 2] = ["spec_tests.json", "tests.json"];

/// The valid cases that are refused: their file, their number from 0, and their comment. Each has
/// an empty member name, which DynamoDB cannot hold.
const REFUSED: [&str; 4] = [
    "tests.json 11: Add, / target",
    "tests.json 12: Add, /foo/ deep target (trailing slash)",
    "tests.json 53: Empty-string element",
    // This case has no comment. Of the ten names in its document the second is empty.
    "tests.json 54",
];

/// The end of what a refusal of one of [`REFUSED`] says.
const WHY: &str = "has an empty member name, which DynamoDB cannot hold";

#[derive(Deserialize)]
struct Case {
    #[serde(skip)]
    name: String,
    comment: Option<String>,
    doc: Value,
    /// The patch's text, in which an operation may have a member twice.
    patch: Box<RawValue>,
    /// The document that the patch should make. A valid case without one has a patch that changes
    /// nothing.
    expected: Option<Value>,
    /// The error of a case whose patch is not valid or does not fit.
    error: Option<String>,
    #[serde(default)]
    disabled: bool,
}

impl Case {
    /// The document that the patch makes; none where the patch is to be refused.
    fn made(&self) -> Option<&Value> {
        match self.error {
            Some(_) => None,
            None => Some(self.expected.as_ref().unwrap_or(&self.doc)),
        }
    }
}

fn cases() -> Vec<Case> {
    let Ok(folder) = std::env::var(FOLDER) else {
        panic!(
            "expected `{FOLDER}` to name the folder of npm's json-patch-test-suite: run `.ci/steps/suite`"
        )
    };
    let mut cases = Vec::new();
    for file in FILES {
        let text = fs::read_to_string(Path::new(&folder).join(file)).expect(file);
        let of_file: Vec<Case> = serde_json::from_str(&text).expect(file);
        cases.extend(of_file.into_iter().enumerate().map(|(number, case)| {
            let comment = case.comment.iter().map(|comment| format!(": {comment}"));
            Case { name: format!("{file} {number}{}", comment.collect::<String>()), ..case }
        }));
    }
    cases
}

/// The patch for a document that is the member `doc` of another. A pointer that is none stays none,
/// and a member that occurs twice still does.
fn wrapped(patch: &RawValue) -> String {
    let operations: Vec<&RawValue> = serde_json::from_str(patch.get()).unwrap();
    let operations = operations.into_iter().map(|operation| {
        let members = parse_members(operation).unwrap().into_iter().map(|(name, value)| {
            let value = match &*name {
                "path" | "from" => below_doc(value),
                _ => value.get().to_owned(),
            };
            format!("{}:{value}", Value::from(name))
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    });
    format!("[{}]", operations.collect::<Vec<_>>().join(","))
}

fn below_doc(pointer: &RawValue) -> String {
    match serde_json::from_str(pointer.get()).unwrap() {
        Value::String(text) if text.is_empty() || text.starts_with('/') => {
            Value::from(format!("/doc{text}")).to_string()
        }
        no_pointer => no_pointer.to_string(),
    }
}

/// The document without its empty member names, as DynamoDB can hold it.
fn storable(document: &Value) -> Value {
    match document {
        Value::Object(members) => {
            let named = members.iter().filter(|(name, _)| !name.is_empty());
            Value::Object(named.map(|(name, value)| (name.clone(), storable(value))).collect())
        }
        Value::Array(elements) => elements.iter().map(storable).collect(),
        scalar => scalar.clone(),
    }
}

/// What became of the patch.
#[derive(Clone, Copy)]
enum Outcome {
    Applied,
    Refused,
    /// The patch is valid, but was refused for an empty member name.
    RefusedByName,
}

/// Sends the patch to an option of this document. The patch makes `made` of the document; without
/// `made` it is to be refused.
async fn send(
    engine: &Engine,
    name: &str,
    document: &Value,
    patch: &str,
    made: Option<&Value>,
) -> Outcome {
    engine.put_option(OPTION, storable(document)).await;
    let before = engine.item(OPTION).await;
    let mut event = event(OPTION, &Value::Null);
    event["body"] = json!(patch);
    let answer = engine.send(event).await;
    match (answer.status, made) {
        (204, Some(made)) => {
            let (stored, _) = engine.stored(OPTION).await;
            assert!(rfc6902::equal(&stored, made), "{name}: {stored}, expected {made}");
            return Outcome::Applied;
        }
        (422, None) => {}
        (422, Some(_)) => {
            let info = answer.body["info"].as_str().unwrap();
            assert!(info.ends_with(WHY), "{name}: {answer:?}");
        }
        _ => panic!("{name}: {answer:?}"),
    }
    assert_eq!(engine.item(OPTION).await, before, "{name}");
    if made.is_some() { Outcome::RefusedByName } else { Outcome::Refused }
}

/// The outcomes of one form of the cases.
#[derive(Default)]
struct Tally {
    applied: usize,
    refused: usize,
    refused_by_name: BTreeSet<String>,
}

impl Tally {
    fn count(&mut self, case: &Case, outcome: Outcome) {
        match outcome {
            Outcome::Applied => self.applied += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::RefusedByName => {
                self.refused_by_name.insert(case.name.clone());
            }
        }
    }

    #[track_caller]
    fn check(&self, form: &str, applied: usize, refused: usize) {
        let by_name = self.refused_by_name.len();
        eprintln!(
            "{form}: {} applied, {} refused, {by_name} valid ones refused for an empty member name",
            self.applied, self.refused
        );
        assert_eq!(self.refused_by_name, REFUSED.map(str::to_owned).into(), "{form}");
        assert!(self.applied >= applied && self.refused >= refused, "{form}: too few cases");
    }
}

#[tokio::test]
#[ignore = "needs the public suite, which `.ci/steps/suite` fetches"]
async fn every_case_ends_as_the_suite_says_but_those_with_an_empty_name() {
    let engine = Engine::start().await;
    let (mut as_member, mut as_option) = (Tally::default(), Tally::default());
    for case in cases() {
        let in_member = |document: &Value| json!({"doc": document});
        let made = case.made().map(in_member);
        let (document, patch) = (in_member(&case.doc), wrapped(&case.patch));
        let outcome = send(&engine, &case.name, &document, &patch, made.as_ref()).await;
        as_member.count(&case, outcome);

        if case.doc.is_object() && case.made().is_none_or(Value::is_object) {
            let (document, patch) = (&case.doc, case.patch.get());
            let outcome = send(&engine, &case.name, document, patch, case.made()).await;
            as_option.count(&case, outcome);
        }
    }
    as_member.check("as a member", 60, 25);
    as_option.check("as the option", 30, 10);
}

/// `rfc6902`, which patches in memory are compared with elsewhere, passes the suite itself, empty
/// names included.
#[test]
#[ignore = "needs the public suite, which `.ci/steps/suite` fetches"]
fn what_patches_are_compared_with_ends_every_case_as_the_suite_says() {
    let mut compared = 0;
    for case in cases().iter().filter(|case| !case.disabled) {
        let patch = serde_json::from_str(case.patch.get()).unwrap();
        match (rfc6902::apply(&patch, &case.doc), case.made()) {
            (Ok(document), Some(made)) => {
                assert!(rfc6902::equal(&document, made), "{}: {document}", case.name);
            }
            (Err(_), None) => {}
            (outcome, _) => panic!("{}: {outcome:?}", case.name),
        }
        compared += 1;
    }
    eprintln!("{compared} cases compared");
    assert!(compared >= 90, "{compared}");
}
