//! The local server as a process: who gets in, and what its commands say.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
};

use axum::body::{Body, to_bytes};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    command::{example, fails, run},
    engine::{OPTION, ORG},
};

/// A server that is stopped when the test ends.
struct Local {
    process: Child,
    api: String,
    dynamodb: String,
}

impl Local {
    fn serve(arguments: &[&str]) -> Self {
        let mut command = example("local");
        command.args(["--port", "0", "--dynamodb-port", "0"]).args(arguments);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut ready = |what: &str| {
            let line = lines.next().unwrap().unwrap();
            line.strip_prefix(&format!("ready: {what} on ")).unwrap().to_owned()
        };
        let (dynamodb, api) = (ready("DynamoDB"), ready("API"));
        // The server's log has to go somewhere.
        std::thread::spawn(move || lines.count());
        Self { process, api, dynamodb }
    }

    fn port(&self) -> &str {
        self.api.rsplit_once(':').unwrap().1
    }

    /// The answer to a PATCH of the sample's option, or to a preflight of one.
    async fn answer(
        &self,
        method: Method,
        headers: &[(&str, &str)],
    ) -> (StatusCode, HeaderMap, Value) {
        let token = run("local", &["token", "--org", ORG]).stdout;
        let token = String::from_utf8(token).unwrap();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/orgs/{ORG}/options/{OPTION}", self.api))
            .header("Authorization", format!("Bearer {}", token.trim()))
            .header("Content-Type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(request.body(Body::from(r#"[{"op":"replace","path":"/name","value":"x"}]"#)).unwrap())
            .await
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

async fn send(request: Request<Body>) -> (StatusCode, HeaderMap, Value) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (head, body) = client.request(request).await.unwrap().into_parts();
    let body = to_bytes(Body::new(body), usize::MAX).await.unwrap();
    (head.status, head.headers, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn no_page_of_another_origin_gets_in() {
    let local = Local::serve(&[]);
    let own = format!("http://127.0.0.1:{}", local.port());
    let by_name = format!("localhost:{}", local.port());
    for headers in [&[][..], &[("Origin", &*own)], &[("Host", &*by_name)]] {
        let (status, answer, _) = local.answer(Method::PATCH, headers).await;
        assert_eq!(status, 204, "{headers:?}");
        assert!(!answer.contains_key("access-control-allow-origin"));
    }
    for headers in [
        &[("Origin", "http://localhost:5173")][..],
        &[("Origin", "null")],
        &[("Host", "rebound.example")],
        &[("Host", "rebound.example"), ("Origin", "http://rebound.example")],
        &[("Host", "127.0.0.1.rebound.example")],
        &[("Host", "localhost.rebound.example:3000")],
    ] {
        for method in [Method::PATCH, Method::GET, Method::OPTIONS] {
            let (status, answer, body) = local.answer(method, headers).await;
            assert_eq!(
                (status, &body["code"]),
                (StatusCode::FORBIDDEN, &json!("NoPermissions")),
                "{headers:?}"
            );
            assert!(!answer.contains_key("access-control-allow-origin"));
        }
        let scan = Request::builder().method(Method::POST).uri(&local.dynamodb);
        let scan = scan.header("X-Amz-Target", "DynamoDB_20120810.Scan");
        let scan = scan.header("Content-Type", "application/x-amz-json-1.0");
        let scan = headers.iter().fold(scan, |scan, (name, value)| scan.header(*name, *value));
        let (status, answer, body) =
            send(scan.body(Body::from(r#"{"TableName":"options"}"#)).unwrap()).await;
        assert_eq!(status, 403, "{headers:?} {body}");
        assert!(!answer.contains_key("access-control-allow-origin"));
    }
}

#[tokio::test]
async fn a_page_of_the_named_origin_gets_in_as_by_the_deployed_api() {
    let origin = "http://localhost:5173";
    let local = Local::serve(&["--cors-origin", origin]);
    let (status, headers, _) = local.answer(Method::OPTIONS, &[("Origin", origin)]).await;
    assert_eq!(status, 204);
    assert_eq!(headers["access-control-allow-origin"], origin);
    assert_eq!(headers["access-control-allow-methods"], "PATCH");
    assert_eq!(headers["access-control-max-age"], "3600");
    let allowed = headers["access-control-allow-headers"].to_str().unwrap();
    assert!(allowed.split(',').any(|name| name == "If-None-Match"), "{allowed}");

    let (status, headers, _) = local.answer(Method::PATCH, &[("Origin", origin)]).await;
    assert_eq!(
        (status, &headers["access-control-allow-origin"]),
        (StatusCode::NO_CONTENT, &origin.parse().unwrap())
    );
    assert!(headers["access-control-expose-headers"].to_str().unwrap().contains("ETag"));
    let other = [("Origin", "http://localhost:5174")];
    assert_eq!(local.answer(Method::PATCH, &other).await.0, 403);

    let open = Local::serve(&["--cors-origin", "*"]);
    let (status, headers, _) = open.answer(Method::PATCH, &other).await;
    assert_eq!(
        (status, &headers["access-control-allow-origin"]),
        (StatusCode::NO_CONTENT, &"*".parse().unwrap())
    );
}

#[tokio::test]
async fn the_item_is_shown_with_its_etag() {
    let local = Local::serve(&[]);
    let tag = local.answer(Method::PATCH, &[]).await.1["etag"].clone();
    let (status, headers, item) = local.answer(Method::GET, &[]).await;
    assert_eq!((status, &headers["etag"]), (StatusCode::OK, &tag));
    assert_eq!((&item["version"], &item["document"]["name"]), (&json!(2), &json!("x")));
    let again = local.answer(Method::PATCH, &[("If-Match", tag.to_str().unwrap())]).await;
    assert_eq!(again.0, 204);
}

#[test]
fn a_data_file_is_opened_by_one_server() {
    let file = env::temp_dir().join(Uuid::new_v4().to_string());
    let name = file.to_str().unwrap();
    let first = Local::serve(&["--data", name]);
    let why = "another process has it open; stop that one, or take another file";
    let second = ["--port", "0", "--dynamodb-port", "0", "--data", name];
    fails("local", &second, &format!("{name}: {why}"));
    drop(first);
    drop(Local::serve(&["--data", name]));
    for end in ["", "-lock", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{name}{end}"));
    }
}

#[test]
fn a_command_that_cannot_says_why_in_a_line() {
    for name in ["local", "data"] {
        let version = String::from_utf8(run(name, &["--version"]).stdout).unwrap();
        let expected = concat!("update-organization-option ", env!("CARGO_PKG_VERSION"), "\n");
        assert_eq!(version, expected, "{name}");
    }
    let no_address = "expected an address such as http://127.0.0.1:8000";
    let unreachable = "DynamoDB cannot be reached: Connection refused (os error 111); check the \
                       endpoint, and in an AWS account its region and credentials";
    for address in ["foo", "127.0.0.1:8000", "ftp://x", "http://", "http:// x"] {
        let why = format!("--dynamodb-endpoint {address}: {no_address}");
        fails("local", &["--port", "0", "--dynamodb-endpoint", address], &why);
    }
    let nowhere = "http://127.0.0.1:1";
    let why = format!("{nowhere}: table `options`: {unreachable}");
    fails("local", &["--port", "0", "--dynamodb-endpoint", nowhere], &why);
    for origin in ["localhost", "http://a/b", "ftp://a", ""] {
        let why = format!(
            "--cors-origin {origin}: expected `*` or an origin such as http://localhost:5173"
        );
        fails("local", &["--port", "0", "--dynamodb-port", "0", "--cors-origin", origin], &why);
    }

    let show = ["show", "--org", ORG, "--option", OPTION, "--endpoint"];
    let shown = |rest: &[&'static str]| [&show[..], rest].concat();
    fails("data", &shown(&["foo"]), &format!("--endpoint foo: {no_address}"));
    fails("data", &shown(&[nowhere]), &format!("table `options`: {unreachable}"));
    let lines = env::temp_dir().join(Uuid::new_v4().to_string());
    fs::write(&lines, format!(r#"{{"org":"{ORG}","option":"{OPTION}","document":{{}}}}"#)).unwrap();
    let local = Local::serve(&[]);
    let load = ["load", lines.to_str().unwrap(), "--endpoint"];
    let why = format!("line 1: table `options`: {unreachable}; nothing was loaded");
    fails("data", &[&load[..], &[nowhere]].concat(), &why);
    let why = "line 1: table `nope`: there is none; `cargo run --example local` makes a local one; \
               nothing was loaded";
    fails("data", &[&load[..], &[&local.dynamodb, "--table", "nope"]].concat(), why);
    let why = "line 1: table `options`: what answers there (404) is no DynamoDB; check the endpoint; \
               nothing was loaded";
    fails("data", &[&load[..], &[&local.api]].concat(), why);
    fs::remove_file(lines).unwrap();
    let taken = ["--port", local.port()];
    let why = format!(
        "127.0.0.1:{}: already in use, perhaps by another local server; take another by `--port` or \
         `--dynamodb-port`",
        local.port()
    );
    fails("local", &taken, &why);
}

#[test]
fn a_replay_of_a_server_error_shows_headers_and_cause() {
    let event = concat!(env!("CARGO_MANIFEST_DIR"), "/events/database-denies-access.json");
    let shown = String::from_utf8(run("local", &["invoke", event]).stdout).unwrap();
    for line in ["  500", "content-type: application/json", "AccessDeniedException", "  unchanged"]
    {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_patch_is_explained() {
    let folder = env::temp_dir().join(Uuid::new_v4().to_string());
    fs::create_dir(&folder).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let document = file("document", r#"{"list": [1, 2], "name": "a", "size": 1.0}"#);
    let large = json!({"list": "x".repeat(409_585)}).to_string();
    let explained = |patch: &str| {
        let patch = file("patch", patch);
        let output = run("local", &["explain", &patch, "--document", &document]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for (patch, lines) in [
        (
            r#"[{"op": "add", "path": "/list/1", "value": 3}]"#,
            &[
                "plan: direct, one update without a read",
                "with this document: two requests, as it is guessed wrong that",
                "  `/list` is an array of length 1",
                "once the function has seen the document: one request",
                "  SET #document.#0[1]=:2,#document.#0[1000000]=#document.#0[1]",
                r#"  {"list":[1,3,2],"name":"a","size":1}"#,
            ][..],
        ),
        (
            r#" {"name": null, "size": 1e2}"#,
            &[
                "  SET #document.#1=:0 REMOVE #document.#0",
                "with this document: one request",
                r#"  {"list":[1,2],"size":100}"#,
            ],
        ),
        (
            r#"[{"op": "test", "path": "/name", "value": "b"}]"#,
            &[
                "plan: check, one read; nothing is written",
                "the patch does not fit this document, which one request tells:",
                "  operation 0 (`test` `/name`): the value is not equal to the one in the document",
            ],
        ),
        (
            r#"[{"op": "copy", "from": "/list", "path": "/b"}, {"op": "remove", "path": "/b/0"}]"#,
            &[
                "plan: rewrite, a read and a write of what has changed",
                "because: operation 1: a stored value is changed in another place than its own \
                 (changed-elsewhere)",
                "with this document: two requests",
                "once the function has seen the document: two requests",
            ],
        ),
        (
            // What is seen of a text does not make the plan guess better.
            r#"{"name": {"x": 1}}"#,
            &[
                "with this document: two requests, as it is guessed wrong that",
                "  `/name` is an object",
                "once the function has seen the document: two requests",
            ],
        ),
        (
            r#"[{"op": "replace", "path": "/list/1", "value": 3}, {"op": "add", "path": "/list/1", "value": 4}]"#,
            &[
                "with this document: two requests",
                "once the function has seen the document: one request",
            ],
        ),
        (
            // The appended element is not where the plan looks for a stored one.
            r#"[{"op": "add", "path": "/list/-", "value": 5}, {"op": "remove", "path": "/list/2"}]"#,
            &["with this document: two requests, as an element is taken for another"],
        ),
        (
            r#"[{"op": "move", "from": "/name", "path": "/name"}]"#,
            &["update: nothing of the document changes", "with this document: one request"],
        ),
        (&large, &["the patch is refused: of 409600 bytes, the document would take 409606"]),
    ] {
        let text = explained(patch);
        let printed: Vec<_> = text.lines().collect();
        for line in lines {
            assert!(printed.contains(line), "{line}\n{text}");
        }
    }
    let patch = file("patch", "[{}]");
    let why = "operation 0: expected `op` to be one of `add`, `remove`, `replace`, `move`, `copy`, `test`";
    fails("local", &["explain", &patch], &format!("{patch}: {why}"));
    for (body, why) in [
        ("1", "expected an object, or an array of operations"),
        (&*" ".repeat(409_601), "expected a body of at most 409600 bytes"),
    ] {
        let patch = file("patch", body);
        fails("local", &["explain", &patch], &format!("{patch}: {why}"));
    }
    let patch = file("patch", "[]");
    for (text, why) in
        [("[]", "a document is an object"), ("{", "the document is not JSON, at line 1 column 1")]
    {
        let path = file("document", text);
        fails("local", &["explain", &patch, "--document", &path], &format!("{path}: {why}"));
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_folder_or_a_file_of_rules_that_cannot_be_kept_is_named() {
    let folder = env::temp_dir().join(Uuid::new_v4().to_string());
    fs::create_dir(&folder).unwrap();
    let file = folder.join("default.json");
    fs::write(&file, r#"{"items": {"type": "text"}}"#).unwrap();
    let path = folder.to_str().unwrap().to_owned();
    let why = "`type` at `/items`: expected `null`, `boolean`, `object`, `array`, `number`, `string` or \
               `integer`, or an array of these";
    let named = format!("--rules: {}: {why}", file.display());
    fails("local", &["--rules", &path], &named);
    let event = concat!(env!("CARGO_MANIFEST_DIR"), "/events/member-is-replaced.json");
    fails("local", &["invoke", event, "--rules", &path], &named);
    let patch = folder.join("patch");
    fs::write(&patch, "[]").unwrap();
    let (patch, file) = (patch.to_str().unwrap(), file.to_str().unwrap());
    fails("local", &["explain", patch, "--rules", file], &format!("{file}: {why}"));
    fs::write(file, r#"{"properties": {"name": {"minLength": 7}}}"#).unwrap();
    let output = run("local", &["invoke", event, "--rules", &path]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("`/name` breaks the rule `minLength` 7"), "{text}");
    // With a document it is told whether the rules refuse the patch.
    fs::write(patch, r#"[{"op": "replace", "path": "/name", "value": "long"}]"#).unwrap();
    let document = folder.join("document");
    fs::write(&document, r#"{"name": "Delivery"}"#).unwrap();
    let document = document.to_str().unwrap();
    let output = run("local", &["explain", patch, "--rules", file, "--document", document]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("`/name` `minLength` 7: a rule seems broken"), "{text}");
    assert!(
        text.contains("breaks rules of this document, which one request tells:\n  operation 0"),
        "{text}"
    );
    fs::remove_dir_all(folder).unwrap();
}
