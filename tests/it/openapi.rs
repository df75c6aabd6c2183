//! `openapi.yaml` says what the code does.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::Duration,
};

use axum::http::StatusCode;
use json_patch_dynamodb::Limits;
use local::sample;
use serde_json::{Map, Value, json};
use update_organization_option::{
    authorize::AccessRules,
    error::Code,
    request::{MAX_ALIAS, MAX_CLIENT_TEXT, MAX_EXTENSIONS},
};

use crate::{
    docs,
    engine::{Engine, sample_rules},
    secrets,
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(file: &str) -> String {
    fs::read_to_string(format!("{ROOT}/{file}")).unwrap()
}

/// A source file without its unit tests.
fn source(file: &str) -> String {
    read(file).split("#[cfg(test)]").next().unwrap().to_owned()
}

struct Document(Value);

impl Document {
    fn read() -> Self {
        Self(yaml_serde::from_str(&read("openapi.yaml")).unwrap())
    }

    /// What `value` refers to, or itself.
    fn resolve<'d>(&'d self, value: &'d Value) -> &'d Value {
        match value["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
            None => value,
        }
    }

    fn operation(&self) -> &Value {
        &self.0["paths"]["/orgs/{org_guid}/options/{option_guid}"]["patch"]
    }

    fn responses(&self) -> BTreeMap<u16, &Value> {
        let responses = self.operation()["responses"].as_object().unwrap().iter();
        responses.map(|(status, each)| (status.parse().unwrap(), self.resolve(each))).collect()
    }

    /// The header parameters.
    fn headers(&self) -> BTreeMap<&str, &Value> {
        self.parameters("header")
    }

    /// The names and schemas of the parameters that are there.
    fn parameters(&self, place: &str) -> BTreeMap<&str, &Value> {
        let parameters = self.operation()["parameters"].as_array().unwrap().iter();
        let parameters =
            parameters.map(|each| self.resolve(each)).filter(|each| each["in"] == place);
        parameters
            .map(|each| (each["name"].as_str().unwrap(), self.resolve(&each["schema"])))
            .collect()
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|each| each.as_str().unwrap()).collect()
}

#[test]
fn the_codes_are_the_contracts() {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(texts(&Document::read().0["components"]["schemas"]["Code"]["enum"]), codes);
}

#[test]
fn the_statuses_are_those_that_are_answered() {
    let source = source("src/response.rs");
    let names = source.split("StatusCode::").skip(1).filter_map(|rest| {
        let name: String =
            rest.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
        (name.len() > 1).then_some(name)
    });
    let number = |name: String| {
        let reason = |status: &StatusCode| {
            let reason = status.canonical_reason().unwrap_or_default();
            reason.to_uppercase().replace(' ', "_") == name
        };
        let mut all = (100..600).map(|number| StatusCode::from_u16(number).unwrap());
        all.find(reason).unwrap_or_else(|| panic!("{name} is no status")).as_u16()
    };
    let answered: BTreeSet<u16> = names.map(number).collect();
    assert_eq!(answered, [200, 204, 401, 403, 404, 412, 422, 429, 500].into());
    assert_eq!(Document::read().responses().into_keys().collect::<BTreeSet<_>>(), answered);
}

/// The headers that are no parameters in `OpenAPI`.
const OF_CONTENT: [&str; 2] = ["Accept", "Content-Type"];

#[test]
fn the_headers_are_those_that_are_read() {
    let document = Document::read();
    let headers = document.headers();
    let mut documented: BTreeSet<_> = headers.keys().copied().collect();
    documented.extend(texts(&headers["ClientIdentifier"]["enum"]));
    documented.extend(texts(&document.parameters("query")["dryRun"]["enum"]));
    // OpenAPI ignores parameters of these names. It tells of them by the types of the body and of the
    // answers, which `the_media_types_are_the_contracts` and `every_error_is_offered_in_both_types` check.
    documented.extend(OF_CONTENT);

    // Quoted words with a capital are headers, or the values of a parameter.
    let files = fs::read_dir(format!("{ROOT}/src/request")).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<_> = files.map(|name| format!("src/request/{name}")).collect();
    files.extend(["src/request.rs".into(), "src/messages.rs".into()]);
    let sources: String = files.iter().map(|file| source(file)).collect();
    let read: BTreeSet<_> = sources
        .split('"')
        .filter(|text| text.starts_with(|c: char| c.is_ascii_uppercase()))
        .filter(|text| text.chars().all(|c| c.is_ascii_alphabetic() || c == '-'))
        .collect();
    assert_eq!(read, documented);
}

/// What no header may let out is tried with each of them.
#[test]
fn the_headers_are_all_searched_for_secrets() {
    let document = Document::read();
    let mut headers = document.headers().into_keys().chain(OF_CONTENT);
    assert_eq!(headers.find(|header| !secrets::case::HEADERS.contains(header)), None);
}

#[test]
fn the_headers_are_all_in_the_reference() {
    let document = Document::read();
    let headers = document.headers();
    let expected = headers.keys().copied().chain(OF_CONTENT).map(str::to_owned);
    let rows = docs::rows(&docs::section("docs/api.md", "Headers"));
    let told: Vec<_> = rows.iter().flat_map(|row| docs::quoted(&row[0])).collect();
    let names: BTreeSet<_> = told.iter().cloned().collect();
    assert_eq!(names.len(), told.len(), "a header twice");
    assert_eq!(names, expected.collect());
}

#[test]
fn the_limits_are_those_that_are_enforced() {
    let document = Document::read();
    let headers = document.headers();
    for (name, limit) in [
        ("ClientName", MAX_CLIENT_TEXT),
        ("OrganizationAlias", MAX_ALIAS),
        ("ClientExtensions", MAX_EXTENSIONS),
        ("ClientDepersonalizedExtensions", MAX_EXTENSIONS),
    ] {
        assert_eq!(headers[name]["maxLength"], json!(limit), "{name}");
    }
    let patch = &document.0["components"]["schemas"]["Patch"];
    assert_eq!(patch["maxItems"], json!(Limits::DYNAMODB.operations));
}

#[test]
fn the_media_types_are_the_contracts() {
    let document = Document::read();
    let content = document.operation()["requestBody"]["content"].as_object().unwrap();
    let types: BTreeSet<_> = content.keys().map(String::as_str).collect();
    let contract =
        ["application/*+json", "application/json", "application/json-patch+json", "text/json"];
    let types_beyond = ["application/merge-patch+json"];
    assert_eq!(types, contract.into_iter().chain(types_beyond).collect());
}

#[test]
fn every_error_is_offered_in_both_types() {
    let document = Document::read();
    for (status, response) in document.responses() {
        let content = response["content"].as_object();
        let types =
            content.into_iter().flatten().map(|(of, each)| (&**of, &each["schema"]["$ref"]));
        let types: Vec<_> = types.map(|(of, schema)| (of, schema.as_str().unwrap())).collect();
        let expected: &[_] = match status {
            204 => &[],
            200 => &[
                ("application/json", "#/components/schemas/Document"),
                ("application/json-patch+json", "#/components/schemas/Patch"),
            ],
            _ => &[
                ("application/json", "#/components/schemas/Error"),
                ("application/problem+json", "#/components/schemas/Problem"),
            ],
        };
        assert_eq!(types, expected, "{status}");
    }
}

/// The texts in quotes of each function in `file` that begins with `start`, between `before` and the
/// next quote.
fn words(file: &str, start: &str, before: &str) -> BTreeSet<String> {
    let source = source(file);
    let functions = source.split(start).skip(1);
    let functions = functions.map(|rest| rest.split("\n    }\n").next().unwrap());
    let functions = functions.map(|rest| rest.split("\n}\n").next().unwrap());
    let words = functions.flat_map(|function| function.split(before).skip(1));
    let words: BTreeSet<_> = words.map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
    let is_word =
        |word: &String| word.bytes().all(|c| c.is_ascii_lowercase() || b"-8".contains(&c));
    assert!(!words.is_empty() && words.iter().all(is_word), "{file}: {words:?}");
    words
}

#[test]
fn the_reasons_are_those_that_are_answered() {
    const LIBRARY: &str = "crates/json-patch-dynamodb/src";
    let mut answered = words(&format!("{LIBRARY}/apply.rs"), "fn as_str(", "=> \"");
    assert_eq!(answered.len(), 11, "{answered:?}");
    answered.append(&mut words(&format!("{LIBRARY}/patch.rs"), "fn reason(", "=> \""));
    answered.append(&mut words(&format!("{LIBRARY}/rules.rs"), "fn reason(", "=> \""));
    answered.append(&mut words("src/response.rs", "fn problem(", "Some(\""));

    let document = Document::read();
    let schemas = &document.0["components"]["schemas"];
    let reason = document.resolve(&schemas["Problem"]["properties"]["reason"]);
    let documented = texts(&reason["enum"]);
    let names: BTreeSet<_> = documented.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(names.len(), documented.len(), "a reason twice");
    assert_eq!(names, answered);

    let section = docs::section("docs/api.md", "Problem details");
    let rows = docs::rows(&section[section.find("\n| reason |").unwrap()..]);
    let told: Vec<_> = rows.iter().flat_map(|row| docs::quoted(&row[0])).collect();
    assert_eq!(told, documented, "the reference");
}

#[test]
fn the_reasons_of_a_rewrite_are_those_that_are_logged() {
    let mut logged =
        words("crates/json-patch-dynamodb/src/plan/obstacle.rs", "fn as_str(", "=> \"");
    logged.insert("shows-a-transaction".into());
    let section = docs::section("docs/operations.md", "Cost of a million PATCHes");
    let rows = docs::rows(&section[section.find("\n| `rewrite_reason` |").unwrap()..]);
    let told: BTreeSet<_> = rows.iter().flat_map(|row| docs::quoted(&row[0])).collect();
    assert_eq!(told, logged);
}

#[tokio::test]
async fn the_answers_to_the_events_are_documented_and_the_examples_are_among_them() {
    let document = Document::read();
    let responses = document.responses();
    let mut examples = BTreeSet::new();
    let mut codes = BTreeMap::<_, BTreeSet<_>>::new();
    for (status, response) in &responses {
        for (media_type, content) in response["content"].as_object().into_iter().flatten() {
            for example in content["examples"].as_object().into_iter().flat_map(Map::values) {
                examples.insert((*status, media_type.clone(), shown(&example["value"])));
                codes.entry(*status).or_default().insert(example["value"]["code"].to_string());
            }
        }
    }
    let problem = &document.0["components"]["schemas"]["Problem"];

    let mut answered = BTreeSet::new();
    for file in fs::read_dir(format!("{ROOT}/events")).unwrap() {
        let path = file.unwrap().path();
        let event = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let engine = Engine::start().await.with(AccessRules::default(), sample_rules());
        let engine = engine.behind(sample::fault, Duration::from_secs(2)).await;
        let answer = engine.send(event).await;
        let status = u16::try_from(answer.status).unwrap();
        let response = responses[&status];
        let headers = response["headers"].as_object().unwrap();
        for (name, value) in answer.headers.iter().filter(|(name, _)| *name != "content-type") {
            let mut known = headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name));
            let (_, header) = known.next().unwrap_or_else(|| panic!("{path:?}: {name}"));
            let schema = &document.resolve(header)["schema"];
            let is_known = schema["enum"].is_null() || texts(&schema["enum"]).contains(&&**value);
            let is_const = schema["const"].is_null() || schema["const"] == **value;
            assert!(is_known && is_const, "{path:?}: {name}: {value}");
        }
        for (name, header) in headers {
            let sent = answer.headers.contains_key(&name.to_lowercase());
            assert!(sent || document.resolve(header)["required"] != true, "{path:?}: {name}");
        }
        if !answer.body.is_null() {
            let media_type = &answer.headers["content-type"];
            assert!(!response["content"][media_type].is_null(), "{path:?}: {media_type}");
            assert!(codes[&status].contains(&answer.body["code"].to_string()), "{path:?}");
            if media_type == "application/problem+json" {
                let members = answer.body.as_object().unwrap();
                let required = texts(&problem["required"]);
                assert!(required.iter().all(|name| members.contains_key(*name)), "{path:?}");
                let known = members.keys().all(|name| !problem["properties"][name].is_null());
                assert!(known, "{path:?}: {members:?}");
            }
            answered.insert((status, media_type.clone(), shown(&answer.body)));
        }
    }
    let invented: Vec<_> = examples.difference(&answered).collect();
    assert!(invented.is_empty(), "{invented:?}");
}

/// An answer as an example shows it. The id of a request may be any.
fn shown(body: &Value) -> String {
    let mut body = body.clone();
    if body["code"] == "InternalServerError" {
        body["info"] = json!("request id");
    }
    body.to_string()
}
