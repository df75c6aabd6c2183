//! A program beside a runtime API and a DynamoDB whose answers are always the same, on another core.
#![expect(clippy::missing_panics_doc, reason = "a measurement ends with whatever goes wrong")]
#![expect(clippy::expect_used, reason = "a measurement ends with whatever goes wrong")]

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
};

const EVENT: &str = include_str!("../../../events/member-is-replaced.json");

/// Which core the programs have. All else is on the first.
const CORE: usize = 1;

/// How long a program may take for its start or an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process, the runtime API that it asks, and the DynamoDB that it reaches.
#[derive(Debug)]
pub struct Program {
    process: Child,
    /// When the process first asked for an event, counted from its start.
    pub init: Duration,
    events: mpsc::Sender<()>,
    answers: mpsc::Receiver<()>,
}

struct Api {
    events: Mutex<mpsc::Receiver<()>>,
    is_ready: mpsc::Sender<Instant>,
    answers: mpsc::Sender<()>,
}

impl Program {
    /// Starts the program. DynamoDB takes `delay` for the answer to an update.
    pub async fn start(file: &Path, delay: Duration) -> Self {
        let (events, to_process) = mpsc::channel(1);
        let (from_process, answers) = mpsc::channel(1);
        let (is_ready, mut ready) = mpsc::channel(1);
        let api = Api { events: Mutex::new(to_process), is_ready, answers: from_process };
        let runtime_api = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
            .with_state(Arc::new(api));
        let dynamodb = Router::new().route("/", post(dynamodb)).with_state(delay);
        let mut addresses = Vec::new();
        for router in [runtime_api, dynamodb] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            addresses.push(listener.local_addr().expect("an address").to_string());
            tokio::spawn(axum::serve(listener, router).into_future());
        }
        let start = Instant::now();
        on_core(CORE);
        let process = Command::new(file)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", &addresses[0])
            .env("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{}", addresses[1]))
            .env("AWS_LAMBDA_FUNCTION_NAME", "UpdateOrganizationOption")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
            .env("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023")
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("TABLE_NAME", "options")
            .stdout(Stdio::null())
            .spawn()
            .expect("a program");
        on_core(0);
        let asked = tokio::time::timeout(PATIENCE, ready.recv()).await.expect("a start in time");
        let init = asked.expect("a first event") - start;
        Self { process, init, events, answers }
    }

    /// From event to answer.
    pub async fn invoke(&mut self) -> Duration {
        let start = Instant::now();
        self.events.send(()).await.expect("a process");
        let answer = tokio::time::timeout(PATIENCE, self.answers.recv()).await;
        answer.expect("an answer in time").expect("an answer");
        start.elapsed()
    }

    /// The CPU time that the process has had, all its threads together.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.process.id()));
        let nanoseconds = threads.expect("threads").map(|thread| {
            let file = thread.expect("a thread").path().join("schedstat");
            let text = fs::read_to_string(file).expect("its figures");
            text.split(' ').next().expect("a figure").parse::<u64>().expect("a figure")
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// The most memory that the process has had, in KiB.
    #[must_use]
    pub fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.expect("its figures");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let figure = line.expect("a figure").trim().trim_end_matches(" kB");
        figure.parse().expect("a figure")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Elsewhere the measurement ends here: what it reads is Linux's too.
#[cfg(not(target_os = "linux"))]
pub fn on_core(_: usize) {
    unimplemented!("this measures on Linux alone");
}

/// Where this thread runs from now on, and what it starts.
#[cfg(target_os = "linux")]
pub fn on_core(core: usize) {
    use rustix::thread::{CpuSet, sched_setaffinity};

    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).expect("a machine of two cores");
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    let _ = api.is_ready.try_send(Instant::now());
    if api.events.lock().await.recv().await.is_none() {
        return StatusCode::GONE.into_response();
    }
    let deadline = SystemTime::now() + PATIENCE;
    let deadline = deadline.duration_since(UNIX_EPOCH).expect("a time after 1970").as_millis();
    let arn = "arn:aws:lambda:eu-central-1:123456789012:function:UpdateOrganizationOption";
    let headers = [
        ("content-type", "application/json"),
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", &deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", arn),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"),
    ];
    (headers, EVENT).into_response()
}

async fn answered(State(api): State<Arc<Api>>, body: String) -> StatusCode {
    assert!(body.contains("\"statusCode\":204"), "{body}");
    api.answers.send(()).await.expect("a measurement that goes on");
    StatusCode::ACCEPTED
}

async fn dynamodb(State(delay): State<Duration>, headers: HeaderMap) -> Response {
    let is_update = headers["x-amz-target"] == "DynamoDB_20120810.UpdateItem";
    let answer = if is_update {
        tokio::time::sleep(delay).await;
        r#"{"Attributes":{"version":{"N":"2"}},"ConsumedCapacity":{"CapacityUnits":1.0,"TableName":"options"}}"#
    } else {
        "{}"
    };
    ([("content-type", "application/x-amz-json-1.0")], answer).into_response()
}
