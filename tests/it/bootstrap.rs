//! The deployed program, as Lambda runs it: a process that asks a runtime API for its next event.
//!
//! The runtime API is here the part of Lambda's that an invocation at a time needs ("Using the
//! Lambda runtime API", AWS Lambda Developer Guide).

use std::{
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
};

/// The time of an invocation. It is enough for a few attempts beside the 500 ms that are kept for
/// the answer.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long a test waits for an answer at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many events, and how many answers, can wait.
const CAPACITY: usize = 16;

pub(crate) struct Bootstrap {
    process: Child,
    events: mpsc::Sender<Value>,
    answers: mpsc::Receiver<Answered>,
    lines: mpsc::UnboundedReceiver<String>,
    output: Vec<JoinHandle<String>>,
}

/// What the program said of an invocation.
#[derive(Debug)]
pub(crate) struct Answered {
    /// The id of the invocation: `request-0`, `request-1` …
    pub(crate) id: String,
    /// `response`, or `error` where the runtime reports one in its place.
    pub(crate) kind: String,
    pub(crate) body: Value,
}

struct Api {
    events: Mutex<mpsc::Receiver<Value>>,
    answers: mpsc::Sender<Answered>,
    /// How many invocations were handed out. Each has its number in its id.
    invocations: AtomicU32,
    timeout: Duration,
}

impl Bootstrap {
    /// Starts the program with these variables and no others.
    pub(crate) async fn start(variables: &[(&str, &str)]) -> Self {
        Self::start_with(variables, TIMEOUT).await
    }

    /// Starts the program with these variables and no others. An invocation has this time.
    pub(crate) async fn start_with(variables: &[(&str, &str)], timeout: Duration) -> Self {
        Self::run(Command::new(env!("CARGO_BIN_EXE_bootstrap")), variables, timeout).await
    }

    /// Starts a program with these variables and no others. An invocation has this time.
    pub(crate) async fn run(
        mut program: Command,
        variables: &[(&str, &str)],
        timeout: Duration,
    ) -> Self {
        let (events, to_process) = mpsc::channel(CAPACITY);
        let (from_process, answers) = mpsc::channel(CAPACITY);
        let invocations = AtomicU32::new(0);
        let events_of_api = Mutex::new(to_process);
        let api = Api { events: events_of_api, answers: from_process, invocations, timeout };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{kind}", post(answered))
            .with_state(Arc::new(api));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut process = program
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "UpdateOrganizationOption")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (line, lines) = mpsc::unbounded_channel();
        let output = vec![
            collect(process.stdout.take().unwrap(), line.clone()),
            collect(process.stderr.take().unwrap(), line),
        ];
        Self { process, events, answers, lines, output }
    }

    /// What the program answers to the event.
    pub(crate) async fn invoke(&mut self, event: Value) -> Value {
        self.send(event).await;
        self.answer().await.1
    }

    /// Lets the program have the event when it next asks for one.
    pub(crate) async fn send(&self, event: Value) {
        self.events.send(event).await.unwrap();
    }

    /// The program's next answer, with the id of its invocation: `request-0`, `request-1` …
    pub(crate) async fn answer(&mut self) -> (String, Value) {
        let Answered { id, kind, body } = self.answer_of_any_kind().await;
        assert_eq!(kind, "response", "{body}");
        (id, body)
    }

    /// The program's next answer, or the error that the runtime reports in its place.
    pub(crate) async fn answer_of_any_kind(&mut self) -> Answered {
        let answer = tokio::time::timeout(PATIENCE, self.answers.recv()).await;
        answer.expect("an answer in time").expect("an answer")
    }

    /// The next line that the program has written to either output.
    pub(crate) async fn line(&mut self) -> String {
        let line = tokio::time::timeout(PATIENCE, self.lines.recv()).await;
        line.expect("a line in time").expect("a line")
    }

    /// A figure of the process in KiB, by its name in `/proc/PID/status`.
    #[cfg(target_os = "linux")]
    pub(crate) fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap().trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Ends the program, and gives all that it has written.
    pub(crate) fn end(mut self) -> String {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.output.drain(..).map(|each| each.join().unwrap()).collect()
    }
}

impl Drop for Bootstrap {
    fn drop(&mut self) {
        // After `end` the process is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn collect(
    pipe: impl Read + Send + 'static,
    lines: mpsc::UnboundedSender<String>,
) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        for line in BufReader::new(pipe).lines() {
            let line = line.unwrap();
            text += &line;
            text.push('\n');
            // Most tests do not look at single lines, and may be gone.
            let _ = lines.send(line);
        }
        text
    })
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    let event = api.events.lock().await.recv().await;
    let Some(event) = event else { return StatusCode::GONE.into_response() };
    let number = api.invocations.fetch_add(1, Ordering::Relaxed);
    let deadline = SystemTime::now() + api.timeout;
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap().as_millis();
    let headers = [
        ("lambda-runtime-aws-request-id", format!("request-{number}")),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:123456789012:function:UpdateOrganizationOption".to_owned(),
        ),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700".to_owned()),
    ];
    (headers, Json(event)).into_response()
}

/// A response, or an error that the runtime reports in its place.
async fn answered(
    State(api): State<Arc<Api>>,
    Path((id, kind)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let body = serde_json::from_slice(&body).unwrap();
    api.answers.send(Answered { id, kind, body }).await.unwrap();
    StatusCode::ACCEPTED
}
