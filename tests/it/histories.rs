//! Histories of many clients under random faults, checked for linearizability.
//!
//! Every patch appends an id of its own to `/log`. So the final document tells which requests were
//! applied, how often, and in which order. As the order is known, a history needs no search.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use fastrand::Rng;
use json_patch_dynamodb::{Patch, apply};
use local::proxy::Fault;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::engine::{Engine, event, option, with_header};

const REQUESTS: usize = 1_200;
const CLIENTS: usize = 8;

/// Options that clients change at one time: few enough for clients to meet, and more than one to keep the
/// logs short. After `REQUESTS` requests others follow, as a long log makes every request slow.
const OPTIONS: usize = 8;

/// The options of a history.
fn options() -> impl Iterator<Item = String> {
    (1..=requests().div_ceil(REQUESTS) * OPTIONS).map(option)
}

/// One of the options that are changed when request `id` is sent.
fn random_option(random: &mut Rng, id: usize) -> String {
    option(id / REQUESTS * OPTIONS + random.usize(1..=OPTIONS))
}

/// How many of 100 requests to DynamoDB go wrong.
const FAULTS_IN_100: u8 = 8;

/// The time of a request: room for a few attempts of 150 ms.
const TIME: Duration = Duration::from_millis(1_300);

fn requests() -> usize {
    std::env::var("HISTORY").map_or(REQUESTS, |count| count.parse().unwrap())
}

fn seed() -> u64 {
    let seed = std::env::var("HISTORY_SEED");
    seed.map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap())
}

fn random_fault(random: &mut Rng) -> Option<Fault> {
    if random.u8(..100) >= FAULTS_IN_100 {
        return None;
    }
    Some(match random.u8(..10) {
        0 => Fault::Refused(400, "ThrottlingException"),
        1 => Fault::Refused(400, "ProvisionedThroughputExceededException"),
        2 => Fault::Refused(400, "TransactionConflictException"),
        3 => Fault::Refused(500, "InternalServerError"),
        4 => Fault::Refused(503, "ServiceUnavailable"),
        5 => Fault::AppliedThenRefused(500, "InternalServerError"),
        6 => Fault::Dropped,
        7 => Fault::AnswerDropped,
        8 => Fault::AnswerCut,
        _ => Fault::AppliedLate(Duration::from_millis(random.u64(160..400))),
    })
}

/// One request, and its answer.
#[derive(Debug)]
struct Call {
    option: String,
    patch: Value,
    start: Instant,
    end: Instant,
    status: i64,
    code: Value,
    version: Option<u64>,
    /// What the client prefers, and what it was shown.
    preference: &'static str,
    shown: Option<Value>,
}

impl Call {
    fn is_done(&self) -> bool {
        matches!(self.status, 200 | 204)
    }
}

/// A patch of one of several kinds. Some plans are Direct, some are Rewrite.
fn random_patch(random: &mut Rng, id: usize, counter: u64) -> Value {
    let log = json!({"op": "add", "path": "/log/-", "value": id});
    match random.u8(..5) {
        0 => json!([log]),
        1 => json!([log, {"op": "add", "path": "/inserted/0", "value": id}]),
        2 => json!([
            log,
            {"op": "add", "path": "/copy", "value": {}},
            {"op": "copy", "from": "/log", "path": "/copy/log"}
        ]),
        3 => json!([
            {"op": "test", "path": "/counter", "value": counter},
            {"op": "replace", "path": "/counter", "value": counter + 1},
            log
        ]),
        _ => {
            let (from, to) = if random.bool() { ("a", "b") } else { ("b", "a") };
            json!([{"op": "move", "from": format!("/{from}/token"), "path": format!("/{to}/token")}, log])
        }
    }
}

fn first_document() -> Value {
    json!({"log": [], "inserted": [], "counter": 0, "a": {"token": "t"}, "b": {}})
}

struct Faulty {
    engine: Engine,
    injected: Arc<Mutex<BTreeMap<String, usize>>>,
}

async fn faulty(seed: u64) -> Faulty {
    let injected = Arc::new(Mutex::new(BTreeMap::new()));
    let random = Mutex::new(Rng::with_seed(seed));
    let count = injected.clone();
    let decide = move |_: &str, _: &[u8]| {
        let fault = random_fault(&mut random.lock().unwrap())?;
        let kind = match &fault {
            Fault::AppliedLate(_) => "AppliedLate".into(),
            other => format!("{other:?}"),
        };
        *count.lock().unwrap().entry(kind).or_insert(0) += 1;
        Some(fault)
    };
    let engine = Engine::start().await;
    for option in options() {
        engine.put_option(&option, first_document()).await;
    }
    Faulty { engine: engine.hastily_behind(decide, TIME).await, injected }
}

/// The ids in the log of a document, in order.
fn log(document: &Value) -> Vec<usize> {
    let ids = document["log"].as_array().unwrap().iter();
    ids.map(|id| usize::try_from(id.as_u64().unwrap()).unwrap()).collect()
}

/// What is wrong with the calls of one option, given its document and version in the end.
fn violations(calls: &HashMap<usize, &Call>, document: &Value, version: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let log = log(document);
    if version != (log.len() + 1).to_string() {
        wrong.push(format!("version {version} after {} writes", log.len()));
    }
    let versions: HashMap<usize, u64> = log.iter().copied().zip(2..).collect();
    if versions.len() != log.len() {
        wrong.push("a request was applied twice".into());
    }
    for (id, call) in calls {
        match (call.status, versions.get(id)) {
            (200 | 204, at) if at != call.version.as_ref() => {
                wrong.push(format!("{id}: applied as {at:?}: {call:?}"));
            }
            (200 | 204 | 500, _) | (_, None) => {}
            (_, Some(_)) => wrong.push(format!("{id}: refused and applied: {call:?}")),
        }
    }
    // What was answered before another request began was applied before it. So no request may have
    // begun after the answer to one that comes later in the log.
    let mut first_end: Option<Instant> = None;
    for id in log.iter().rev() {
        let call = calls[id];
        if first_end.is_some_and(|end| call.start > end) {
            wrong.push(format!("{id}: applied before what was answered before it began"));
        }
        if call.is_done() {
            first_end = Some(first_end.map_or(call.end, |end| end.min(call.end)));
        }
    }
    // In memory, the writes one after the other give the same document. What a client was shown is
    // what its own write has left, or leads back from there.
    let mut replayed = first_document();
    for id in &log {
        let patch = Patch::parse(calls[id].patch.to_string().as_bytes()).unwrap();
        match apply(&patch, replayed.clone()) {
            Ok(document) => {
                if let Some(shown) = &calls[id].shown
                    && !is_shown_truly(calls[id].preference, shown, &replayed, &document)
                {
                    wrong.push(format!("{id}: shown {shown}, from {replayed} to {document}"));
                }
                replayed = document;
            }
            Err(error) => wrong.push(format!("{id}: applied, but {error}")),
        }
    }
    if replayed != *document {
        wrong.push(format!("{document} is not {replayed}"));
    }
    wrong
}

fn is_shown_truly(preference: &str, shown: &Value, before: &Value, after: &Value) -> bool {
    match preference {
        "undo" => {
            let patch = Patch::parse(shown.to_string().as_bytes()).unwrap();
            apply(&patch, after.clone()).as_ref() == Ok(before)
        }
        _ => shown == after,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_history_is_linearizable() {
    let seed = seed();
    let Faulty { engine, injected } = faulty(seed).await;
    let engine = Arc::new(engine);
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (engine, next) = (engine.clone(), next.clone());
        clients.spawn(async move {
            let mut random = Rng::with_seed(seed ^ client as u64);
            let mut counters = HashMap::new();
            let mut calls = Vec::new();
            loop {
                let id = next.fetch_add(1, Relaxed);
                if id >= requests() {
                    return calls;
                }
                let option = random_option(&mut random, id);
                let counter = counters.entry(option.clone()).or_insert(0);
                let patch = random_patch(&mut random, id, *counter);
                let preference =
                    ["respond-async", "return=representation", "undo"][random.usize(..3)];
                let event = with_header(event(&option, &patch), "Prefer", preference);
                let start = Instant::now();
                let answer = engine.send(event).await;
                let end = Instant::now();
                let version = answer.headers.get("etag");
                let version = version.map(|tag| tag.trim_matches('"').parse().unwrap());
                let (status, code) = (answer.status, answer.body.get("code").cloned());
                let shown = (status == 200).then_some(answer.body);
                let code = code.unwrap_or_default();
                let call =
                    Call { option, patch, start, end, status, code, version, preference, shown };
                if !call.is_done() {
                    // Another client has counted on. Its count is read past all faults.
                    let document = engine.stored(&call.option).await.0;
                    *counter = document["counter"].as_u64().unwrap();
                }
                calls.push((id, call));
            }
        });
    }
    let calls: Vec<_> = clients.join_all().await.into_iter().flatten().collect();
    engine.late_writes().await;

    let mut wrong = Vec::new();
    for option in options() {
        let of_option = calls.iter().filter(|(_, call)| call.option == option);
        let of_option: HashMap<_, _> = of_option.map(|(id, call)| (*id, call)).collect();
        let (document, version) = engine.stored(&option).await;
        wrong.extend(violations(&of_option, &document, &version));
    }
    let mut answers = BTreeMap::new();
    for (_, call) in &calls {
        *answers.entry(format!("{} {}", call.status, call.code)).or_insert(0) += 1;
    }
    let injected = injected.lock().unwrap();
    eprintln!("{} requests\n  answers: {answers:?}\n  faults: {injected:?}", calls.len());
    assert_eq!(calls.len(), requests());
    assert!(wrong.is_empty(), "HISTORY_SEED={seed}\n{}", wrong.join("\n"));
    // The run means something only with faults of all kinds, and with most requests answered.
    assert!(injected.len() == 10 || requests() < REQUESTS);
    assert!(answers["204 null"] + answers["200 null"] > requests() / 10);
    assert!(answers["200 null"] > requests() / 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_key_every_request_is_carried_out_once() {
    let seed = seed();
    let Faulty { engine, injected } = faulty(seed).await;
    let engine = Arc::new(engine);
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (engine, next) = (engine.clone(), next.clone());
        clients.spawn(async move {
            let mut random = Rng::with_seed(seed ^ client as u64);
            let mut done = Vec::new();
            let mut retries = 0;
            loop {
                let id = next.fetch_add(1, Relaxed);
                if id >= requests() {
                    return (done, retries);
                }
                let option = random_option(&mut random, id);
                let patch = json!([{"op": "add", "path": "/log/-", "value": id}]);
                let request =
                    with_header(event(&option, &patch), "Idempotency-Key", &format!("k{id}"));
                let answer = loop {
                    let answer = engine.send(request.clone()).await;
                    if !matches!(answer.status, 429 | 500) {
                        break answer;
                    }
                    retries += 1;
                };
                assert_eq!(answer.status, 204, "{answer:?}");
                done.push((option, id, answer.headers.get("etag").cloned()));
            }
        });
    }
    let (done, retries): (Vec<_>, Vec<_>) = clients.join_all().await.into_iter().unzip();
    engine.late_writes().await;

    let done: Vec<_> = done.into_iter().flatten().collect();
    for option in options() {
        let (document, version) = engine.stored(&option).await;
        let log = log(&document);
        assert_eq!(version, (log.len() + 1).to_string(), "HISTORY_SEED={seed}");
        assert_eq!(log.iter().collect::<HashSet<_>>().len(), log.len(), "HISTORY_SEED={seed}");
        let versions: HashMap<_, _> = log.into_iter().zip(2..).collect();
        for (_, id, tag) in done.iter().filter(|(of, ..)| *of == option) {
            let version = format!("\"{}\"", versions[id]);
            let is_true = tag.as_ref().is_none_or(|tag| *tag == version);
            assert!(is_true, "{id}: {tag:?}, HISTORY_SEED={seed}");
        }
        assert_eq!(versions.len(), done.iter().filter(|(of, ..)| *of == option).count());
    }
    let retries: usize = retries.iter().sum();
    let injected = injected.lock().unwrap();
    eprintln!("{} requests with a key, {retries} sent again\n  faults: {injected:?}", done.len());
    assert_eq!(done.len(), requests());
}
