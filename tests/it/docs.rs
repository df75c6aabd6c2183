//! The documents say what the code does, and their links lead somewhere.

use std::{
    collections::BTreeSet,
    env, fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use json_patch_dynamodb::{Hints, Patch, Plan, RuleProblem, Rules};
use local::sample;
use serde_json::{Value, json};
use update_organization_option::{authorize::AccessRules, store::DOCUMENT};
use uuid::Uuid;

use crate::{
    command::run,
    engine::{Engine, OPTION, event, sample_rules},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(file)).unwrap()
}

/// The text under the heading of this name, up to the next heading.
pub(crate) fn section(file: &str, heading: &str) -> String {
    let text = read(file);
    let (_, rest) = text.split_once(&format!("\n## {heading}\n")).expect(heading);
    rest.split("\n## ").next().unwrap().to_owned()
}

/// The cells of the rows of the first table in `text`, without its head.
pub(crate) fn rows(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().skip_while(|line| !line.starts_with('|'));
    let lines = lines.take_while(|line| line.starts_with('|')).skip(2);
    let cells = |line: &str| {
        let row = line.strip_prefix('|').unwrap().strip_suffix('|').unwrap();
        row.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let rows: Vec<_> = lines.map(cells).collect();
    assert!(!rows.is_empty(), "no table");
    rows
}

/// The texts between backticks.
pub(crate) fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The fenced blocks of this language.
fn fenced<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
    let start = format!("\n```{language}\n");
    let blocks = text.split(&*start).skip(1);
    blocks.map(|rest| rest.split_once("\n```\n").expect("an end").0).collect()
}

/// The README's patch is sent as the README prints it, and does what the README says.
#[tokio::test]
async fn the_patch_of_the_readme_becomes_the_request_beside_it() {
    let text = section("README.md", "One patch");
    let blocks = fenced(&text, "json").into_iter().map(serde_json::from_str);
    let blocks: Vec<Value> = blocks.collect::<Result<_, _>>().unwrap();
    let [before, patch, after] = &*blocks else { panic!("{blocks:?}") };
    let [printed] = *fenced(&text, "yaml") else { panic!("expected one request") };
    let mut printed: Value = yaml_serde::from_str(printed).unwrap();

    let sent = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&sent);
    let watch = move |operation: &str, body: &[u8]| {
        sink.lock().unwrap().push((operation.to_owned(), body.to_vec()));
        None
    };
    let engine = Engine::start().await.behind(watch, Duration::from_mins(1)).await;
    assert_eq!(engine.stored(OPTION).await, (before.clone(), "1".into()));
    let answer = engine.send(event(OPTION, patch)).await;
    assert_eq!((answer.status, &*answer.headers["etag"]), (204, "\"2\""), "{answer:?}");
    assert!(text.contains("204 with `ETag: \"2\"`"));
    assert_eq!(engine.stored(OPTION).await, (after.clone(), "2".into()));

    let sent = sent.lock().unwrap();
    let [(operation, body)] = &**sent else { panic!("{} requests", sent.len()) };
    assert_eq!(operation, "UpdateItem");
    let sent: Value = serde_json::from_slice(body).unwrap();
    for expression in ["UpdateExpression", "ConditionExpression"] {
        // The README breaks the lines; here they are put together again.
        let words: Vec<_> = printed[expression].as_str().unwrap().split_whitespace().collect();
        printed[expression] = json!(words.join(" ").replace(", ", ","));
    }
    // These differ from one request to the next, or from one table to another.
    assert_eq!(printed["TableName"], "options");
    printed["TableName"] = json!(engine.table());
    let values = &sent["ExpressionAttributeValues"];
    let now = values[":updatedAt"]["S"].as_str().unwrap();
    let shown = printed["ExpressionAttributeValues"][":updatedAt"]["S"].as_str().unwrap();
    let shape = |time: &str| time.replace(|c: char| c.is_ascii_digit(), "0");
    assert_eq!(shape(shown), shape(now));
    assert_eq!(values[":lastWrite"]["S"], "request-0");
    for changing in [":updatedAt", ":lastWrite"] {
        assert!(printed["ExpressionAttributeValues"][changing]["S"].is_string());
        printed["ExpressionAttributeValues"][changing] = values[changing].clone();
    }
    assert_eq!(printed, sent);
}

#[test]
fn the_statuses_of_the_readme_are_those_of_the_reference() {
    let statuses = |file| rows(&section(file, "Answers")).into_iter().map(|row| row[0].clone());
    let of_the_readme: Vec<_> = statuses("README.md").collect();
    let mut of_the_reference: Vec<_> = statuses("docs/api.md").collect();
    of_the_reference.dedup();
    assert_eq!(of_the_readme, of_the_reference);
}

#[test]
fn the_figures_of_the_readme_are_measured() {
    let measured = read("docs/performance.md");
    for row in rows(&read("README.md")) {
        let row = format!("\n| {} |", row.join(" | "));
        assert!(measured.contains(&row), "not in docs/performance.md: {row}");
    }
}

/// The files of the repository that are read as pages.
fn pages() -> Vec<String> {
    let docs = fs::read_dir(Path::new(ROOT).join("docs")).unwrap();
    let docs = docs.map(|file| file.unwrap().file_name().into_string().unwrap());
    let docs = docs.filter(|name| Path::new(name).extension().is_some_and(|of| of == "md"));
    let docs = docs.map(|name| format!("docs/{name}"));
    let root = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"];
    let folders = ["crates/json-patch-dynamodb", "fuzz", "rules"];
    let readmes = folders.map(|folder| format!("{folder}/README.md"));
    docs.chain(root.map(str::to_owned)).chain(readmes).collect()
}

/// The anchors that GitHub makes of the headings of a page.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(page).unwrap();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let headings = headings.map(|line| line.trim_start_matches('#').trim_start());
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    headings
        .map(|heading| heading.to_lowercase().chars().filter(kept).collect::<String>())
        .map(|heading| heading.replace(' ', "-"))
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut links = 0;
    for page in pages() {
        let path = Path::new(ROOT).join(&page);
        for rest in read(&page).split("](").skip(1) {
            let (link, _) = rest.split_once(')').unwrap();
            if link.starts_with("https://") {
                continue;
            }
            links += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{page}: {link}");
            assert!(anchor.is_empty() || anchors(&target).contains(anchor), "{page}: {link}");
        }
    }
    assert!(links > 20, "{links} links");
}

/// But for `docs/aws.md`, which also names files of other projects.
#[test]
fn every_file_that_a_page_names_is_there() {
    let mut names = 0;
    for page in pages().into_iter().filter(|page| page != "docs/aws.md") {
        let path = Path::new(ROOT).join(&page);
        // A command in a block may make the file that it names.
        let text: String = read(&page)
            .lines()
            .filter(|line| !line.starts_with("    "))
            .flat_map(|line| [line, "\n"])
            .collect();
        for name in quoted(&text) {
            let folders =
                ["src/", "tests/", "crates/", "benches/", "examples/", "fuzz/", ".ci/", "docs/"];
            let is_name = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
            let is_in_folder = folders.iter().any(|folder| name.starts_with(folder));
            // A name in capitals stands for any.
            let is_any = ["TAG", "TARGET"].iter().any(|part| name.contains(part));
            if !is_in_folder || !name.chars().all(is_name) || is_any {
                continue;
            }
            names += 1;
            let is_there =
                [Path::new(ROOT), path.parent().unwrap()].iter().any(|at| at.join(&name).exists());
            assert!(is_there, "{page}: {name}");
        }
    }
    assert!(names > 50, "{names} names");
}

#[test]
fn every_plan_of_the_architecture_is_the_patchs_own() {
    let text = read("ARCHITECTURE.md");
    let rows = text.lines().filter_map(|line| {
        let (_, row) = line.split_once(" | `")?;
        let (patch, plan) = row.split_once("` | ")?;
        patch.starts_with(['[', '{']).then_some((patch, plan.trim_end_matches(" |")))
    });
    let mut count = 0;
    for (operations, plan) in rows {
        let patch = Patch::parse_merge(operations.as_bytes()).unwrap();
        assert_eq!(Plan::of(&patch, DOCUMENT, Hints::none()).as_str(), plan, "{operations}");
        count += 1;
    }
    assert_eq!(count, 27);
}

/// Runs the command `explain` of a document with these further arguments on the patch that stands before it.
#[track_caller]
fn explains(file: &str, arguments: &[&str]) {
    let text = read(file);
    let (_, rest) = text.split_once("    echo '").unwrap();
    let (patch, rest) = rest.split_once("' > ").unwrap();
    let (command, rest) = rest.split_once("```text\n").unwrap();
    assert!(arguments.iter().all(|argument| command.contains(argument)), "{command}");
    let (expected, _) = rest.split_once("```").unwrap();
    let path = env::temp_dir().join(Uuid::new_v4().to_string());
    fs::write(&path, patch).unwrap();
    let output = run("local", &[&["explain", path.to_str().unwrap()], arguments].concat());
    fs::remove_file(path).unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn the_explanations_in_the_documents_are_what_is_printed() {
    explains("README.md", &[]);
    let rules = format!("examples/rules/{}.json", sample::RULED);
    explains("docs/rules.md", &["--rules", &rules]);
}

/// The example is the sample's, and is answered as the document says.
#[tokio::test]
async fn the_example_of_the_rules_is_answered_as_it_says() {
    let text = section("docs/rules.md", "An example");
    let blocks = fenced(&text, "json").into_iter().map(serde_json::from_str);
    let blocks: Vec<Value> = blocks.collect::<Result<_, _>>().unwrap();
    let [schema, document, patch, answer] = &*blocks else { panic!("{blocks:?}") };
    assert_eq!(*schema, serde_json::from_str::<Value>(sample::RULES[0].1).unwrap());
    let engine = Engine::start().await.with(AccessRules::default(), sample_rules());
    assert_eq!(engine.stored(sample::RULED).await.0, *document);
    let found = engine.send(event(sample::RULED, patch)).await;
    assert_eq!((found.status, &found.body), (422, answer));
}

/// Every keyword of JSON Schema 2020-12.
const KEYWORDS: &str = "$id $schema $ref $anchor $dynamicRef $dynamicAnchor $vocabulary $comment $defs allOf \
    anyOf oneOf not if then else dependentSchemas prefixItems items contains properties patternProperties \
    additionalProperties propertyNames unevaluatedItems unevaluatedProperties type enum const multipleOf \
    maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems minItems \
    uniqueItems maxContains minContains maxProperties minProperties required dependentRequired title \
    description default deprecated readOnly writeOnly examples format contentEncoding contentMediaType \
    contentSchema";

#[test]
fn the_keywords_of_the_rules_are_those_that_are_kept() {
    let documented = rows(&section("docs/rules.md", "Keywords"));
    let documented: BTreeSet<_> = documented.iter().flat_map(|row| quoted(&row[1])).collect();
    let is_kept = |keyword: &&str| {
        let schema = json!({ *keyword: null }).to_string();
        let refused = Rules::parse(&schema).map_err(|error| error.problem);
        !matches!(refused, Err(RuleProblem::UnknownKeyword))
    };
    let kept: BTreeSet<_> =
        KEYWORDS.split_whitespace().filter(is_kept).map(str::to_owned).collect();
    let others = ["uuid", "date", "date-time", "email", "uri", "true", "false"];
    let formats = others.map(str::to_owned).into();
    assert_eq!(documented.difference(&formats).cloned().collect::<BTreeSet<_>>(), kept);
}
