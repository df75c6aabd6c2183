//! The example that loads and shows options, run as a command.

use std::{
    collections::BTreeMap,
    env, fs,
    path::PathBuf,
    process::Output,
    sync::{Arc, Mutex},
    time::Duration,
};

use local::proxy::Fault;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    command,
    engine::{ABSENT, ARCHIVED, Engine, OPTION, ORG, OTHER_ORG, event, option, with_header},
};

/// What a run that came to the end of its file says.
#[derive(Debug)]
struct Report {
    /// Its one line of output.
    counts: String,
    exit_status: i32,
    /// The refused lines that it lists, and why.
    refusals: BTreeMap<u64, String>,
    /// How many more it has counted.
    more: Option<String>,
}

async fn load(engine: &Engine, lines: impl AsRef<[u8]>) -> Report {
    let output = try_load(engine, lines).await;
    let said = text(output.stderr);
    let refusal = |line: &str| {
        let (number, why) = line.strip_prefix("line ")?.split_once(": ")?;
        Some((number.parse().unwrap(), why.to_owned()))
    };
    let more = said.lines().find_map(|line| line.strip_prefix("and ")?.strip_suffix(" more"));
    Report {
        counts: text(output.stdout),
        exit_status: output.status.code().unwrap(),
        refusals: said.lines().filter_map(refusal).collect(),
        more: more.map(str::to_owned),
    }
}

#[track_caller]
fn assert_counts(report: &Report, loaded: u64, skipped: u64, refused: u64) {
    let counts = format!("{loaded} loaded, {skipped} already there, {refused} refused\n");
    assert_eq!(report.counts, counts, "{report:?}");
    assert_eq!(report.exit_status, if refused == 0 { 0 } else { 2 });
}

async fn try_load(engine: &Engine, lines: impl AsRef<[u8]>) -> Output {
    let file = Lines::of(lines);
    data(engine, &["load", file.0.to_str().unwrap()]).await
}

/// A file that is removed when the test ends.
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

async fn show(engine: &Engine, option: &str) -> Value {
    let output = try_show(engine, option).await;
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn try_show(engine: &Engine, option: &str) -> Output {
    data(engine, &["show", "--org", ORG, "--option", option]).await
}

/// The command on the engine's table.
async fn data(engine: &Engine, arguments: &[&str]) -> Output {
    let place = ["--endpoint", engine.address(), "--table", engine.table()];
    let arguments: Vec<_> = [arguments, &place].concat().into_iter().map(str::to_owned).collect();
    // The engine runs on the thread of the test, which must not be held up.
    tokio::task::spawn_blocking(move || command::run("data", &arguments)).await.unwrap()
}

/// The one line of a command that has failed.
#[track_caller]
fn error(output: Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = text(output.stderr);
    let line = text.strip_prefix("error: ").and_then(|line| line.strip_suffix('\n'));
    line.unwrap_or_else(|| panic!("{text}")).to_owned()
}

fn text(output: Vec<u8>) -> String {
    String::from_utf8(output).unwrap()
}

/// Lines of this many options, one option a line.
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
    let report = load(
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

    let shown = show(&engine, ABSENT).await;
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

    assert_eq!(show(&engine, ARCHIVED).await["archivedAt"], "2026-01-01T00:00:00.000Z");
    let why = error(try_show(&engine, &option(1)).await);
    let table = engine.table();
    let expected =
        format!("option {}: not found in organization {ORG} of table `{table}`", option(1));
    assert_eq!(why, expected);
}

#[tokio::test]
async fn a_second_run_goes_on_and_keeps_what_clients_have_changed() {
    let engine = Engine::start().await;
    let lines = options(60);
    assert_counts(&load(&engine, lines[..30].join("\n")).await, 30, 0, 0);
    let patch = json!([{"op": "replace", "path": "/number", "value": "changed"}]);
    assert_eq!(engine.send(event(&option(7), &patch)).await.status, 204);
    let before = engine.item(&option(8)).await;

    assert_counts(&load(&engine, lines.join("\n")).await, 30, 30, 0);
    let changed = (json!({"number": "changed"}), "2".to_owned());
    assert_eq!(engine.stored(&option(7)).await, changed);
    assert_eq!(engine.item(&option(8)).await, before);
    assert_eq!(engine.stored(&option(60)).await.0, json!({"number": 60}));
    assert_counts(&load(&engine, lines.join("\n")).await, 0, 60, 0);
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
    let why = error(try_load(&engine, lines.join("\n")).await);
    assert!(why.starts_with("line 60: table `options-"), "{why}");
    assert!(why.ends_with("0 refused before that, run it again to go on"), "{why}");
    // The failure may overtake the puts that are on their way, which are 15 at most.
    let rest = load(&engine, lines[..59].join("\n")).await;
    let (loaded, _) = rest.counts.split_once(' ').unwrap();
    let loaded = loaded.parse().unwrap();
    assert!(loaded < 16, "{rest:?}");
    assert_counts(&rest, loaded, 59 - loaded, 0);
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
    let report = load(&engine, lines.join("\n")).await;
    let expected = (1..).zip(cases.iter().map(|(_, why)| (*why).to_owned())).collect();
    assert_eq!(report.refusals, expected);
    assert_counts(&report, 0, 0, cases.len() as u64);
    assert_eq!(engine.everything().await, before);

    // The other lines are loaded all the same.
    let large = |letters| document(&format!(r#"{{"a": "{}"}}"#, "a".repeat(letters)));
    let mut lines = [large(409_600), large(409_595).replace(ABSENT, &option(1)), large(5_000_000)]
        .join("\n")
        .into_bytes();
    lines.extend(b"\n\xff\n");
    let rest = [nested(31), document("{}"), format!(r#"{{"org": "{ORG}", "alias": "Acme"}}"#)];
    lines.extend(rest.join("\n").bytes());
    let report = load(&engine, lines).await;
    assert_counts(&report, 1, 1, 5);
    let [(1, first), (2, second), (3, third), (4, fourth), (6, sixth)] =
        &*report.refusals.iter().map(|(line, why)| (*line, &**why)).collect::<Vec<_>>()
    else {
        panic!("{:?}", report.refusals);
    };
    let about = "`document` would take about 409605 bytes, an option with its keys holds at most";
    assert!(first.starts_with(about), "{first}");
    // These are the engine's own words: the item is too large because of its keys.
    assert!(second.to_lowercase().contains("size"), "{second}");
    assert_eq!(*third, "expected at most 4194304 bytes, but found 5000121");
    assert_eq!((*fourth, *sixth), ("not UTF-8", "an earlier line has this option or alias"));
    assert_eq!(engine.stored(OPTION).await.1, "1");
}

/// An option that is made anew starts above its last version.
#[tokio::test]
async fn an_option_may_be_loaded_with_a_version() {
    let engine = Engine::start().await;
    let line = |version: &str| {
        format!(
            r#"{{"org": "{ORG}", "option": "{ABSENT}", "document": {{}}, "version": {version}}}"#
        )
    };
    for version in ["0", "-1", "1.5", "\"2\"", "null", "[]", "1000000000000000001", "1e40"] {
        let report = load(&engine, line(version)).await;
        assert_counts(&report, 0, 0, 1);
        let why = "expected `version` to be a whole number from 1 to 1000000000000000000";
        assert_eq!(report.refusals[&1], why, "{version}");
    }
    let alias = format!(r#"{{"org": "{ORG}", "alias": "versioned", "version": 2}}"#);
    assert_counts(&load(&engine, alias).await, 0, 0, 1);
    assert_counts(&load(&engine, line("1.7e1")).await, 1, 0, 0);
    assert_eq!(engine.stored(ABSENT).await.1, "17");
    let patch = json!([{"op": "add", "path": "/a", "value": 1}]);
    let answer = engine.send(with_header(event(ABSENT, &patch), "If-Match", "\"17\"")).await;
    assert_eq!((answer.status, &*answer.headers["etag"]), (204, "\"18\""));
}

#[tokio::test]
async fn a_member_named_like_a_serde_internal_is_a_member() {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&sent);
    let watch = move |operation: &str, body: &[u8]| {
        if operation == "PutItem" {
            sink.lock().unwrap().push(String::from_utf8_lossy(body).into_owned());
        }
        None
    };
    let engine = Engine::start().await.behind(watch, Duration::from_mins(1)).await;
    let line = format!(
        r#"{{"org": "{ORG}", "option": "{ABSENT}", "document": {{"$serde_json::private::Number": "x"}}}}"#
    );
    // What becomes of it there is the engine's affair: not every one can read such a name.
    load(&engine, line).await;
    let sent = sent.lock().unwrap();
    let [body] = &**sent else { panic!("{sent:?}") };
    assert!(
        body.contains(r#""document":{"M":{"$serde_json::private::Number":{"S":"x"}}}"#),
        "{body}"
    );
}

#[tokio::test]
async fn of_many_bad_lines_the_first_are_listed() {
    let engine = Engine::start().await;
    let report = load(&engine, "1\n".repeat(1_000)).await;
    assert_counts(&report, 0, 0, 1_000);
    assert!(report.refusals.into_keys().eq(1..=20));
    assert_eq!(report.more.as_deref(), Some("980"));
}

/// A folder of these files of rules, which is removed when the test ends.
struct Rules(PathBuf);

impl Rules {
    fn of(files: &[(&str, Value)]) -> Self {
        let folder = env::temp_dir().join(Uuid::new_v4().to_string());
        fs::create_dir(&folder).unwrap();
        for (name, schema) in files {
            fs::write(folder.join(name), schema.to_string()).unwrap();
        }
        Self(folder)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Rules {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[tokio::test]
async fn a_line_that_breaks_a_rule_is_refused() {
    let engine = Engine::start().await;
    let rules = Rules::of(&[
        ("default.json", json!({"properties": {"number": {"maximum": 2}}, "maxProperties": 0})),
        (&format!("{}.json", option(3)), json!(true)),
        ("notes.txt", json!("this is no file of rules")),
    ]);
    let file = Lines::of(options(4).join("\n"));
    let output = data(&engine, &["load", file.0.to_str().unwrap(), "--rules", rules.path()]).await;
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(output.stdout), "1 loaded, 0 already there, 3 refused\n");
    assert_eq!(
        text(output.stderr),
        "line 1: `document`: the document breaks the rule `maxProperties` 0\n\
         line 2: `document`: the document breaks the rule `maxProperties` 0\n\
         line 4: `document`: the document breaks the rule `maxProperties` 0, and 1 more\n"
    );
    // Without the folder nothing is refused.
    assert_counts(&load(&engine, options(4).join("\n")).await, 3, 1, 0);
}

#[tokio::test]
async fn stored_options_that_break_rules_are_listed() {
    let engine = Engine::start().await;
    assert_counts(&load(&engine, options(30).join("\n")).await, 30, 0, 0);
    engine.put_option(ABSENT, json!({"text": "x".repeat(300_000)})).await;
    let rules = Rules::of(&[
        ("default.json", json!({"properties": {"number": {"maximum": 28}}})),
        (&format!("{OPTION}.json"), json!({"required": ["nothing"], "maxProperties": 1})),
    ]);
    let check = |folder: Rules| async move {
        (data(&engine, &["check", "--rules", folder.path()]).await, engine)
    };
    let (output, engine) = check(rules).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let printed = text(output.stdout);
    let mut lines: Vec<_> = printed.lines().collect();
    let sum = lines.pop().unwrap();
    lines.sort_unstable();
    let mut expected = vec![
        format!("{ORG} {}: `/number` breaks the rule `maximum` 28", option(29)),
        format!("{ORG} {}: `/number` breaks the rule `maximum` 28", option(30)),
        format!("{ORG} {OPTION}: the document breaks the rule `maxProperties` 1, and 1 more"),
    ];
    expected.sort_unstable();
    assert_eq!(lines, expected);
    let count = engine.everything().await.len();
    assert!(sum.starts_with("3 of ") && sum.ends_with(" options break rules"), "{sum}");
    assert!(count > 30);

    let free = Rules::of(&[("default.json", json!({"type": "object"}))]);
    let output = data(&engine, &["check", "--rules", free.path()]).await;
    assert!(output.status.success(), "{output:?}");
    let none = data(&engine, &["check"]).await;
    assert_eq!(error(none), "rules/: this build has none; name a folder by --rules");
    let empty = Rules::of(&[]);
    let none = data(&engine, &["check", "--rules", empty.path()]).await;
    let expected = format!("--rules: {}: expected files of rules, as `default.json`", empty.path());
    assert_eq!(error(none), expected);
    let missing = data(&engine, &["check", "--rules", "/no/such/folder"]).await;
    assert!(error(missing).starts_with("--rules: /no/such/folder: "));
    let wrong = Rules::of(&[("default.json", json!({"minContains": 1}))]);
    let refused = error(data(&engine, &["check", "--rules", wrong.path()]).await);
    let expected = format!(
        "--rules: {}/default.json: `minContains`: this keyword is not supported",
        wrong.path()
    );
    assert_eq!(refused, expected);
}
