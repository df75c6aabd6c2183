//! The public JSON-Schema-Test-Suite, each case of a keyword that rules may have.

#![expect(clippy::print_stdout, reason = "a test")]

use std::{env, fs, path::PathBuf};

use json_patch_dynamodb::{Limits, Rules, parse_value};
use serde_json::{Value, value::RawValue};

/// The suite's files for draft 2020-12: one of each keyword.
const FILES: [&str; 40] = [
    "additionalProperties",
    "allOf",
    "anyOf",
    "boolean_schema",
    "const",
    "contains",
    "default",
    "defs",
    "dependentRequired",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "if-then-else",
    "infinite-loop-detection",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "ref",
    "required",
    "type",
    "uniqueItems",
    "optional/format/date",
    "optional/format/date-time",
    "optional/format/email",
    "optional/format/uri",
    "optional/format/uuid",
];

#[test]
#[ignore = "needs the suite: JSON_SCHEMA_TEST_SUITE is its folder"]
fn every_case_of_the_suite_holds() {
    let folder = PathBuf::from(env::var("JSON_SCHEMA_TEST_SUITE").unwrap());
    let (mut cases, mut refused) = (0, Vec::new());
    for file in FILES {
        let path = folder.join("draft2020-12").join(format!("{file}.json"));
        let groups: Vec<Value> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        for group in groups {
            let title = format!("{file}: {}", group["description"].as_str().unwrap());
            let tests = group["tests"].as_array().unwrap();
            let rules = match Rules::parse(&group["schema"].to_string()) {
                Ok(rules) => rules,
                Err(error) => {
                    refused.push(format!("{title}: {error} ({} cases)", tests.len()));
                    continue;
                }
            };
            for test in tests {
                let text = test["data"].to_string();
                let raw: &RawValue = serde_json::from_str(&text).unwrap();
                let Ok(data) = parse_value(raw, 0, &Limits::DYNAMODB) else {
                    refused.push(format!("{title}: {text} is no value of DynamoDB"));
                    continue;
                };
                let expected = test["valid"].as_bool().unwrap();
                let violations = rules.violations(&data);
                assert_eq!(
                    violations.is_empty(),
                    expected,
                    "{title}: {}: {violations:?}",
                    test["description"]
                );
                cases += 1;
            }
        }
    }
    for line in &refused {
        println!("not kept: {line}");
    }
    println!("{cases} cases");
    // What is not kept: keywords that rules cannot have, other files, an empty name, a huge number.
    assert_eq!((cases, refused.len()), (856, 27));
}
