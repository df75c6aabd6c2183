//! The example that loads and shows options.

#[path = "../../examples/data/line.rs"]
mod line;
#[path = "../../examples/data/load.rs"]
mod load;
#[path = "../../examples/data/show.rs"]
mod show;

use std::{env, fs, path::PathBuf, time::Duration};

use serde_json::{Value, json};
use uuid::Uuid;

use self::{
    line::Entry,
    load::{Report, load},
};
use crate::{
    client,
    engine::{ABSENT, ARCHIVED, Engine, OPTION, ORG, OTHER_ORG, event, with_header},
    error::{self, CommandError},
    proxy::Fault,
};

/// A file that is gone with the test.
struct Lines(PathBuf);

impl Lines {
    fn of(lines: impl AsRef<[u8]>) -> Self {
        let path = env::temp_dir().join(format!("{}.jsonl", Uuid::new_v4()));
        fs::write(&path, lines).unwrap();
        Self(path)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

async fn try_load(engine: &Engine, lines: impl AsRef<[u8]>) -> Result<Report, CommandError> {
    let client = client::local(engine.address());
    load(&client, engine.table(), &Lines::of(lines).0, |_, _| {}).await
}

async fn run(engine: &Engine, lines: impl AsRef<[u8]>) -> Report {
    try_load(engine, lines).await.unwrap()
}

async fn show(engine: &Engine, option: &str) -> Result<Value, CommandError> {
    let client = client::local(engine.address());
    show::show(&client, engine.table(), ORG.parse().unwrap(), option.parse().unwrap()).await
}

#[track_caller]
fn assert_counts(report: &Report, loaded: u64, skipped: u64, refused: u64) {
    let counts = (report.loaded, report.skipped, report.refused);
    assert_eq!(counts, (loaded, skipped, refused), "{:?}", report.refusals);
}

fn option(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// This many options, a line each.
fn options(count: usize) -> Vec<String> {
    let line = |number| {
        let option = option(number);
        json!({"org": ORG, "option": option, "document": {"number": number}}).to_string()
    };
    (1..=count).map(line).collect()
}

#[tokio::test]
async fn options_and_aliases_are_loaded_and_shown() {
    let engine = Engine::start().await;
    let report = run(
        &engine,
        format!(
            "\u{feff}{{\"org\": \"{}\", \"option\": \"{ABSENT}\", \"document\": \
             {{\"n\": [12345678901234567890123456789012345678, 1.50]}}}}\r\n\n{{\"alias\": \" Ümbrella \", \
             \"org\": \"{ORG}\"}}",
            ORG.to_uppercase()
        ),
    )
    .await;
    assert_counts(&report, 2, 0, 0);

    let shown = show(&engine, ABSENT).await.unwrap();
    assert_eq!(
        shown["document"].to_string(),
        r#"{"n":[12345678901234567890123456789012345678,1.5]}"#
    );
    assert_eq!(shown["version"].to_string(), "1");
    assert_eq!(shown["updatedBy"], "load");
    humantime::parse_rfc3339(shown["updatedAt"].as_str().unwrap()).unwrap();
    let members: Vec<_> = shown.as_object().unwrap().keys().collect();
    assert_eq!(members, ["document", "updatedAt", "updatedBy", "version"]);
    assert!(!engine.item(ABSENT).await.unwrap().contains_key("lastWrite"));

    let patch =
        json!([{"op": "test", "path": "/n/1", "value": 1.5}, {"op": "remove", "path": "/n/0"}]);
    let patch = with_header(event(ABSENT, &patch), "OrganizationAlias", "ÜMBRELLA");
    let answer = engine.send(patch).await;
    assert_eq!((answer.status, &*answer.headers["etag"]), (204, "\"2\""), "{answer:?}");

    assert_eq!(show(&engine, ARCHIVED).await.unwrap()["archivedAt"], "2026-01-01T00:00:00.000Z");
    let why = show(&engine, &option(1)).await.unwrap_err().to_string();
    let table = engine.table();
    let expected =
        format!("option {}: not found in organization {ORG} of table `{table}`", option(1));
    assert_eq!(why, expected);
}

#[tokio::test]
async fn a_second_run_goes_on_and_keeps_what_clients_have_changed() {
    let engine = Engine::start().await;
    let lines = options(60);
    assert_counts(&run(&engine, lines[..30].join("\n")).await, 30, 0, 0);
    let patch = json!([{"op": "replace", "path": "/number", "value": "changed"}]);
    assert_eq!(engine.send(event(&option(7), &patch)).await.status, 204);
    let before = engine.item(&option(8)).await;

    assert_counts(&run(&engine, lines.join("\n")).await, 30, 30, 0);
    let changed = (json!({"number": "changed"}), "2".to_owned());
    assert_eq!(engine.stored(&option(7)).await, changed);
    assert_eq!(engine.item(&option(8)).await, before);
    assert_eq!(engine.stored(&option(60)).await.0, json!({"number": 60}));
    assert_counts(&run(&engine, lines.join("\n")).await, 0, 60, 0);
}

#[tokio::test]
async fn a_database_that_fails_ends_the_run_and_another_goes_on() {
    let last = option(60);
    let fails = move |operation: &str, body: &[u8]| {
        let found = String::from_utf8_lossy(body).contains(&last);
        (operation == "PutItem" && found).then_some(Fault::Refused(400, "AccessDeniedException"))
    };
    let engine = Engine::start().await.behind(fails, Duration::from_mins(1)).await;
    let lines = options(60);
    let why = try_load(&engine, lines.join("\n")).await.unwrap_err().to_string();
    assert!(why.starts_with("line 60: table `options-"), "{why}");
    assert!(why.ends_with("0 refused before that, run it again to go on"), "{why}");
    assert_counts(&run(&engine, lines[..59].join("\n")).await, 0, 59, 0);
}

#[tokio::test]
async fn bad_lines_are_refused_by_number() {
    let engine = Engine::start().await;
    let members = "expected the members `org`, `option` and `document`, with or without `version`, or `alias` and \
         `org`, and no others";
    let alias = "expected `alias` to be 1 to 256 characters without control characters";
    let document =
        |text: &str| format!(r#"{{"org": "{ORG}", "option": "{ABSENT}", "document": {text}}}"#);
    let nested = |levels: usize| {
        document(&format!("{}{{}}{}", r#"{"a":"#.repeat(levels - 1), "}".repeat(levels - 1)))
    };
    let named = |name: &str| document(&format!(r#"{{"a": {{"{name}": 1}}}}"#));
    let (digits, name) = ("9".repeat(39), "n".repeat(65_536));
    let cases = [
        ("{".to_owned(), "not JSON, at column 1"),
        ("[]".to_owned(), "expected an object"),
        ("{}".to_owned(), members),
        (format!(r#"{{"org": "{ORG}"}}"#), members),
        (format!(r#"{{"org": "{ORG}", "alias": "a", "x": 1}}"#), members),
        (format!(r#"{{"org": "{ORG}", "alias": "a", "option": "{ABSENT}"}}"#), members),
        (format!(r#"{{"org": "{ORG}", "alias": "a", "\ud800": 1}}"#), "a text is not Unicode"),
        (
            format!(r#"{{"org": "{ORG}", "alias": "a", "org": 1}}"#),
            "a member occurs more than once",
        ),
        (r#"{"org": "1", "alias": "a"}"#.to_owned(), "expected `org` to be a GUID"),
        (
            format!(r#"{{"org": "{ORG}", "option": 1, "document": {{}}}}"#),
            "expected `option` to be a GUID",
        ),
        (format!(r#"{{"org": "{ORG}", "alias": " "}}"#), alias),
        (format!(r#"{{"org": "{ORG}", "alias": "{}"}}"#, "a".repeat(257)), alias),
        (
            format!(r#"{{"org": "{OTHER_ORG}", "alias": "ACME"}}"#),
            "the alias is another organization's",
        ),
        (document("[]"), "expected `document` to be an object"),
        (nested(32), "`document`: nested deeper than 31 objects and arrays"),
        (document(&digits), "`document`: a number has more than 38 significant digits"),
        (document("1e126"), "`document`: a number is not between 1e-130 and 1e126"),
        (named(""), "`document`: an empty member name, which DynamoDB cannot hold"),
        (named(&name), "`document`: a member name of more than 65535 bytes"),
    ];
    let lines: Vec<_> = cases.iter().map(|(line, _)| &**line).collect();
    let before = engine.everything().await;
    let report = run(&engine, lines.join("\n")).await;
    let expected = (1..).zip(cases.iter().map(|(_, why)| (*why).to_owned())).collect();
    assert_eq!(report.refusals, expected);
    assert_counts(&report, 0, 0, cases.len() as u64);
    assert_eq!(engine.everything().await, before);

    // Others are loaded all the same.
    let large = |letters| document(&format!(r#"{{"a": "{}"}}"#, "a".repeat(letters)));
    let mut lines = [large(409_600), large(409_595).replace(ABSENT, &option(1)), large(5_000_000)]
        .join("\n")
        .into_bytes();
    lines.extend(b"\n\xff\n");
    let rest = [nested(31), document("{}"), format!(r#"{{"org": "{ORG}", "alias": "Acme"}}"#)];
    lines.extend(rest.join("\n").bytes());
    let report = run(&engine, lines).await;
    assert_counts(&report, 1, 1, 5);
    let [(1, first), (2, second), (3, third), (4, fourth), (6, sixth)] =
        &*report.refusals.iter().map(|(line, why)| (*line, &**why)).collect::<Vec<_>>()
    else {
        panic!("{:?}", report.refusals);
    };
    let about = "`document` would take about 409605 bytes, an option with its keys holds at most";
    assert!(first.starts_with(about), "{first}");
    // In the engine's own words: its keys make it too large.
    assert!(second.to_lowercase().contains("size"), "{second}");
    assert_eq!(*third, "expected at most 4194304 bytes, but found 5000121");
    assert_eq!((*fourth, *sixth), ("not UTF-8", "an earlier line has this option or alias"));
    assert_eq!(engine.stored(OPTION).await.1, "1");
}

/// Who makes an option anew starts above its last version.
#[tokio::test]
async fn an_option_may_be_loaded_with_a_version() {
    let engine = Engine::start().await;
    let line = |version: &str| {
        format!(
            r#"{{"org": "{ORG}", "option": "{ABSENT}", "document": {{}}, "version": {version}}}"#
        )
    };
    for version in ["0", "-1", "1.5", "\"2\"", "null", "[]", "1000000000000000001", "1e40"] {
        let report = run(&engine, line(version)).await;
        assert_counts(&report, 0, 0, 1);
        let why = "expected `version` to be a whole number from 1 to 1000000000000000000";
        assert_eq!(report.refusals[&1], why, "{version}");
    }
    let alias = format!(r#"{{"org": "{ORG}", "alias": "versioned", "version": 2}}"#);
    assert_counts(&run(&engine, alias).await, 0, 0, 1);
    assert_counts(&run(&engine, line("1.7e1")).await, 1, 0, 0);
    assert_eq!(engine.stored(ABSENT).await.1, "17");
    let patch = json!([{"op": "add", "path": "/a", "value": 1}]);
    let answer = engine.send(with_header(event(ABSENT, &patch), "If-Match", "\"17\"")).await;
    assert_eq!((answer.status, &*answer.headers["etag"]), (204, "\"18\""));
}

#[test]
fn a_member_named_like_a_serde_internal_is_a_member() {
    let line = format!(
        r#"{{"org": "{ORG}", "option": "{OPTION}",
            "document": {{"$serde_json::private::Number": "x"}}}}"#
    );
    let item = Entry::parse(line.as_bytes()).unwrap().into_item();
    let document = item["document"].as_m().unwrap();
    assert_eq!(document["$serde_json::private::Number"].as_s().unwrap(), "x");
}

#[tokio::test]
async fn of_many_bad_lines_the_first_are_listed() {
    let engine = Engine::start().await;
    let report = run(&engine, "1\n".repeat(1_000)).await;
    assert_counts(&report, 0, 0, 1_000);
    assert!(report.refusals.into_keys().eq(1..=20));
}
