//! No secret reaches a line of the log, a metric, an answer or the table.
//!
//! The requests are random, and so are the faults of the database and the panics of the function. At
//! every place that a client, an authorizer or a tenant fills there is a canary: a text that occurs
//! nowhere else. Whatever the function says is searched for them, also for parts of them and for encoded
//! ones. [`Channel::may_have`] lists the canaries that may come out, and where. `SECRETS_CASES` is how
//! many requests there are, `SECRETS_SEED` repeats a run.
//!
//! To see that the test finds leaks, one thing at a time was changed:
//!
//! | changed | found as |
//! |---|---|
//! | the body is logged, at the level `TRACE` | a name in another line |
//! | `User-Agent` is logged as `client_model` | a header in that field |
//! | `info` has the body | a value in `info` |
//! | `info` of an internal error has its cause | what the database says, in `info` |
//! | a dimension of the metrics is `ClientName` | a header in another line |
//! | a panic writes its message | a name in another line |
//! | a panic is left to the runtime | a name in the runtime's error |
//! | an answer's header has the document, in base64 | a stored name in the answer |
//! | `ClientExtensions` is stored, in `lastWrite` | a header in a request to DynamoDB |
//! | the owner of another's alias is logged | another organization in `client_model` |
//! | an event that cannot be read is told by its text | a header in another line |
//! | causes are logged as `Debug` prints them | a name in `cause` |
//! | the `sub` of the request before is logged | a `sub` of an earlier request |
//!
//! It has found two: the message of a panic in the log, and the pointer of a patch in the cause of an answer
//! that was lost.

mod canaries;
pub(crate) mod case;

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    fmt,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{
        ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextRef,
    },
    error::BoxError,
    types::AttributeValue,
};
use lambda_http::{LambdaEvent, service_fn};
use local::proxy::Fault;
use proptest::test_runner::{
    Config as Cases, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner,
};
use serde_json::Value;
use tokio::runtime::Runtime;
use update_organization_option::{
    Handler, Invocation,
    config::Config,
    request::Event,
    store::{ATTEMPT_TIMEOUT, Store, Trust, http_client, timeouts},
    telemetry,
};

use self::{
    canaries::{Canaries, Place},
    case::{Case, PANICS, Program, Request},
};
use crate::{
    bootstrap::{Answered, Bootstrap},
    engine::{Engine, sample_rules},
    telemetry::{FIELDS, METRICS},
};

const CASES: u32 = 1_000;

/// The time of an invocation: enough for a few attempts beside what is kept for the answer.
const TIME: Duration = Duration::from_secs(1);

/// How many requests before this one must not come out either.
const REMEMBERED: usize = 3;

/// Where something comes out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Channel {
    /// A field of the line of a request.
    Line(String),
    /// The line of a request as text.
    Text,
    /// Any other line, metrics too.
    OtherLine,
    /// The answer, but for its body.
    Answer,
    /// The body of a 200.
    Shown,
    /// A member of an error, and its code.
    Error(String, String),
    /// The error that the runtime reports in place of an answer.
    Unanswered,
    /// A request to DynamoDB.
    Database,
}

impl Channel {
    /// Whether a canary of this place may come out here.
    #[expect(clippy::match_same_arms, reason = "an arm is a rule")]
    fn may_have(&self, place: Place) -> bool {
        match (self, place) {
            (Self::Line(field), Place::Subject) => field == "sub",
            (Self::Line(field), Place::Client(header)) => case::LOGGED.contains(&(header, field)),
            (Self::Line(field), Place::Database) => field == "cause",
            (Self::Text, Place::Subject | Place::Client(_) | Place::Database) => true,
            (Self::Shown, Place::Name | Place::StoredName | Place::Value) => true,
            (Self::Error(member, _), Place::Name) => {
                matches!(&**member, "info" | "detail" | "pointer")
            }
            // A rule may be broken at any place of the document, where the patch has copied it to.
            (Self::Error(member, code), Place::StoredName) => {
                matches!(&**member, "info" | "detail" | "pointer")
                    && matches!(&**code, "RequestIsNotValid" | "NotAllowed")
            }
            (
                // A rewrite asks for the `lastWrite` that it has read.
                Self::Database,
                Place::Subject
                | Place::Key
                | Place::Name
                | Place::StoredName
                | Place::Value
                | Place::Attribute,
            ) => true,
            _ => false,
        }
    }
}

/// What goes wrong with the requests to DynamoDB, and what they were.
#[derive(Default)]
struct Database {
    fault: Option<(String, Fault)>,
    /// Whether it goes wrong each time, or once.
    is_lasting: bool,
    happened: Vec<String>,
    requests: Vec<String>,
}

struct World {
    runtime: Runtime,
    engine: Engine,
    /// Reaches the engine without faults.
    client: Client,
    database: Arc<Mutex<Database>>,
    programs: BTreeMap<Program, Bootstrap>,
    before: VecDeque<Canaries>,
    has_failed: bool,
    /// How often each thing has happened.
    counts: BTreeMap<String, usize>,
}

impl World {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let database = Arc::new(Mutex::new(Database::default()));
        let (engine, client, programs) = runtime.block_on(async {
            let engine = Engine::start().await;
            let client = local::client(
                engine.address(),
                http_client(Trust::Anyone),
                timeouts(ATTEMPT_TIMEOUT),
            );
            let shared = database.clone();
            let decide = move |_: &str, body: &[u8]| {
                let mut database = shared.lock().unwrap();
                database.requests.push(String::from_utf8_lossy(body).into_owned());
                let lasting = database.is_lasting.then(|| database.fault.clone()).flatten();
                let (name, fault) = lasting.or_else(|| database.fault.take())?;
                database.happened.push(name);
                Some(fault)
            };
            let engine = engine.behind(decide, TIME).await;
            let programs = BTreeMap::from([
                (Program::Deployed, start(&engine, Program::Deployed).await),
                (Program::DeployedWithText, start(&engine, Program::DeployedWithText).await),
                (Program::Panicking, start(&engine, Program::Panicking).await),
            ]);
            (engine, client, programs)
        });
        let (before, counts) = (VecDeque::new(), BTreeMap::new());
        let has_failed = false;
        Self { runtime, engine, client, database, programs, before, has_failed, counts }
    }

    fn count(&mut self, what: impl fmt::Display) {
        *self.counts.entry(what.to_string()).or_default() += 1;
    }

    async fn fill(&self, request: &Request) {
        for item in &request.items {
            let put = self.client.put_item().table_name(self.engine.table());
            put.set_item(Some(item.clone())).send().await.unwrap();
        }
        for (pk, sk) in &request.absent {
            let delete = self.client.delete_item().table_name(self.engine.table());
            let delete = delete.key("pk", AttributeValue::S(pk.clone()));
            delete.key("sk", AttributeValue::S(sk.clone())).send().await.unwrap();
        }
    }

    /// Sends the request, and checks all that comes out.
    fn check(&mut self, case: &Case) -> Result<(), String> {
        let request = case.request();
        let runtime = self.runtime.handle().clone();
        let mut outputs = Vec::new();
        for event in &request.events {
            runtime.block_on(self.fill(&request));
            {
                let mut database = self.database.lock().unwrap();
                let faults = case::faults();
                database.fault = case.fault.map(|(number, _)| faults[number].clone());
                database.is_lasting = case.fault.is_some_and(|(_, is_lasting)| is_lasting);
                database.requests.clear();
            }
            let program = self.programs.get_mut(&case.program).unwrap();
            let (answered, lines) = runtime.block_on(answer(program, event));
            runtime.block_on(self.engine.late_writes());
            self.count(outcome(&answered));
            for line in &lines {
                if line.contains("panicked") {
                    self.count("a panic");
                }
                outputs.extend(of_line(line, case.program)?);
            }
            outputs.extend(of_answer(answered));
            let mut database = self.database.lock().unwrap();
            let requests = database.requests.drain(..);
            outputs.extend(requests.map(|body| (Channel::Database, body)));
            let happened = std::mem::take(&mut database.happened);
            drop(database);
            for fault in happened {
                self.count(fault);
            }
        }
        let result = self.search(&outputs, &request.canaries);
        // After a failure come smaller forms of the same request, with the same canaries.
        self.has_failed |= result.is_err();
        self.before.push_back(request.canaries);
        if self.before.len() > REMEMBERED {
            self.before.pop_front();
        }
        if self.has_failed {
            self.before.clear();
        }
        result
    }

    fn search(&mut self, outputs: &[(Channel, String)], canaries: &Canaries) -> Result<(), String> {
        let mut seen = Vec::new();
        for (channel, text) in outputs {
            for canary in canaries.found_in(text) {
                if !channel.may_have(canary.place) {
                    return Err(format!("{canary:?} in {channel:?}: {text}"));
                }
                seen.push(format!("{:?} in {channel:?}", canary.place));
            }
            for canary in self.before.iter().flat_map(|before| before.found_in(text)) {
                if canary.place != Place::Database {
                    return Err(format!("{canary:?} of an earlier request in {channel:?}: {text}"));
                }
            }
        }
        for each in seen {
            self.count(each);
        }
        Ok(())
    }
}

/// Starts one of the programs.
async fn start(engine: &Engine, program: Program) -> Bootstrap {
    let format = if program == Program::DeployedWithText { "Text" } else { "JSON" };
    let variables = [
        ("TABLE_NAME", engine.table()),
        ("AWS_ENDPOINT_URL_DYNAMODB", engine.address()),
        ("AWS_LAMBDA_LOG_LEVEL", "TRACE"),
        ("AWS_LAMBDA_LOG_FORMAT", format),
    ];
    if program != Program::Panicking {
        return Bootstrap::start_with(&variables, TIME).await;
    }
    let mut this = Command::new(std::env::current_exe().unwrap());
    this.args(["--exact", "secrets::function_that_panics", "--ignored", "--nocapture"]);
    Bootstrap::run(this, &variables, TIME).await
}

/// What the program answers to the event, and the lines that it writes meanwhile.
async fn answer(program: &mut Bootstrap, event: &Value) -> (Answered, Vec<String>) {
    program.send(event.clone()).await;
    let answered = program.answer_of_any_kind().await;
    // The metrics of a request are the last that it writes. What is no request has none: the runtime
    // says why.
    let is_last = |line: &str| match &*answered.kind {
        "response" => line.contains("\"_aws\""),
        _ => line.contains("The handler will not be called") || line.contains("handler panicked"),
    };
    let mut lines = Vec::new();
    loop {
        let line = program.line().await;
        lines.push(line);
        if is_last(&lines[lines.len() - 1]) {
            return (answered, lines);
        }
    }
}

/// The status and the code.
fn outcome(answered: &Answered) -> String {
    let body = answered.body["body"].as_str().unwrap_or_default();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    match &*answered.kind {
        "response" => {
            let code = body.get("code").and_then(Value::as_str).unwrap_or_default();
            format!("{} {code}", answered.body["statusCode"]).trim_end().to_owned()
        }
        other => other.to_owned(),
    }
}

/// What a line of the program says, and where.
fn of_line(line: &str, program: Program) -> Result<Vec<(Channel, String)>, String> {
    let parsed: Option<Value> = serde_json::from_str(line).ok();
    let Some(Value::Object(fields)) = parsed else {
        let is_text = program == Program::DeployedWithText && line.contains("PATCH option");
        let channel = if is_text { Channel::Text } else { Channel::OtherLine };
        return Ok(vec![(channel, line.to_owned())]);
    };
    let is_metrics = fields.contains_key("_aws");
    if !is_metrics && !fields.contains_key("status") {
        return Ok(vec![(Channel::OtherLine, line.to_owned())]);
    }
    let allowed = if is_metrics { METRICS } else { FIELDS };
    if let Some(name) = fields.keys().find(|name| !allowed.contains(&name.as_str())) {
        return Err(format!("the field {name} in {line}"));
    }
    let channel = |name: String| if is_metrics { Channel::OtherLine } else { Channel::Line(name) };
    Ok(fields.into_iter().map(|(name, value)| (channel(name), value.to_string())).collect())
}

/// What an answer says, and where.
fn of_answer(Answered { kind, mut body, .. }: Answered) -> Vec<(Channel, String)> {
    if kind != "response" {
        return vec![(Channel::Unanswered, body.to_string())];
    }
    let text = body["body"].take();
    let mut outputs = vec![(Channel::Answer, body.to_string())];
    let Some(text) = text.as_str() else { return outputs };
    if body["statusCode"] == 200 {
        outputs.push((Channel::Shown, text.to_owned()));
        return outputs;
    }
    let Ok(Value::Object(mut error)) = serde_json::from_str(text) else {
        outputs.push((Channel::Answer, text.to_owned()));
        return outputs;
    };
    let code = error["code"].as_str().unwrap_or_default().to_owned();
    let violations = error.remove("violations").unwrap_or_default();
    let violations = violations.as_array().into_iter().flatten().filter_map(Value::as_object);
    for (name, member) in violations.flatten().chain(&error) {
        outputs.push((Channel::Error(name.clone(), code.clone()), member.to_string()));
        outputs.push((Channel::Answer, name.clone()));
    }
    outputs
}

#[test]
fn no_secret_comes_out() {
    let seed: u64 = std::env::var("SECRETS_SEED")
        .map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    let cases = std::env::var("SECRETS_CASES").map_or(CASES, |cases| cases.parse().unwrap());
    let config =
        Cases { cases, failure_persistence: None, max_shrink_iters: 300, ..Cases::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let world = RefCell::new(World::new());
    let outcome = TestRunner::new_with_rng(config, rng)
        .run(&case::cases(), |case| world.borrow_mut().check(&case).map_err(TestCaseError::fail));
    if let Err(TestError::Fail(why, case)) = outcome {
        panic!("{why}\n{case:#?}\nSECRETS_SEED={seed}");
    }
    assert_eq!(outcome.map_err(|error| error.to_string()), Ok(()));
    let mut world = world.into_inner();
    for (name, program) in std::mem::take(&mut world.programs) {
        let errors = program.end();
        assert!(!errors.contains("FAILED"), "{name:?}");
    }
    eprintln!("{:#?}\nSECRETS_SEED={seed}", world.counts);
    // The property says something only where everything has happened.
    let faults = case::faults().into_iter().map(|(name, _)| name);
    let missing: Vec<_> = HAPPENS
        .iter()
        .map(|each| (*each).to_owned())
        .chain(faults)
        .filter(|each| !world.counts.contains_key(each))
        .collect();
    assert_eq!(missing, [""; 0], "SECRETS_SEED={seed}");
}

/// All that happens in a run, beside the faults.
const HAPPENS: &[&str] = &[
    "200",
    "204",
    "401 Unauthorized",
    "403 NoPermissions",
    "404 NotFound",
    "404 AliasIsNotFound",
    "412 OperationCannotBePerformed",
    "422 BadRequest",
    "422 RequestIsNotValid",
    "422 OperationCannotBePerformed",
    "422 NotAllowed",
    "422 NotAllowedForArchived",
    "422 Duplicate",
    "429 TooManyRequests",
    "429 TryLater",
    "500 TryLater",
    "500 InternalServerError",
    "error",
    "a panic",
    // A canary is found where it may be.
    "Subject in Line(\"sub\")",
    "Subject in Text",
    "Client(\"ClientModel\") in Line(\"client_model\")",
    "Database in Line(\"cause\")",
    "Name in Shown",
    "StoredName in Shown",
    "Value in Shown",
    "Name in Error(\"info\", \"OperationCannotBePerformed\")",
    "Name in Error(\"detail\", \"OperationCannotBePerformed\")",
    "Name in Error(\"pointer\", \"OperationCannotBePerformed\")",
    "Name in Error(\"info\", \"RequestIsNotValid\")",
    "Key in Database",
    "Subject in Database",
    "Value in Database",
];

/// The handler as the deployed program runs it, with rules and panics.
#[tokio::test]
#[ignore = "the property starts it, as a program"]
async fn function_that_panics() {
    let config = Config::from_env().unwrap();
    telemetry::init(&config.log);
    telemetry::log_panics();
    let endpoint = std::env::var("AWS_ENDPOINT_URL_DYNAMODB").unwrap();
    let client = local::client(&endpoint, http_client(Trust::Anyone), timeouts(ATTEMPT_TIMEOUT));
    let client = Client::from_conf(client.config().to_builder().interceptor(Panics).build());
    let store = Store::new(client, config.store);
    let handler = Handler::new(store, config.access).with_rules(sample_rules());
    let handler: &'static _ = Box::leak(Box::new(handler));
    let service = service_fn(move |event: LambdaEvent<Event>| async move {
        let invocation = Invocation::new(&event.context, config.timeout);
        Ok::<_, std::convert::Infallible>(handler.handle(&event.payload, &invocation).await)
    });
    Box::pin(lambda_runtime::run_concurrent(service)).await.unwrap();
}

/// Panics at a write, in the way that the caller's `sub` names, which the write has.
#[derive(Debug)]
struct Panics;

impl Intercept for Panics {
    fn name(&self) -> &'static str {
        "Panics"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.request().body().bytes().unwrap_or_default();
        let body = String::from_utf8_lossy(body).into_owned();
        match (0..PANICS).find(|way| body.contains(&case::panic_mark(*way))) {
            Some(0) => panic!("the request is {body}"),
            Some(1) => drop(body[body.len() + 1..].to_owned()),
            Some(2) => body.parse::<u8>().map_err(|_| &*body).map(drop).unwrap(),
            Some(_) => std::panic::panic_any(body),
            None => {}
        }
        Ok(())
    }
}
