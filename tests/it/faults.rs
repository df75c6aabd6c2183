//! What a client is told when DynamoDB misbehaves, and what was written then. A proxy between the
//! SDK's client and the engine makes the faults.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::types::AttributeValue;
use local::proxy::Fault;
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpSocket},
    sync::Semaphore,
};

use crate::{
    bootstrap::Bootstrap,
    engine::{Answer, Engine, OPTION, event, with_header},
};

/// Enough time for a few attempts beside the 500 ms that are kept for the answer.
const SHORT: Duration = Duration::from_millis(1_500);

/// Enough time for one connection, which may take a second, but not for two, beside what is kept.
const TIME_TO_CONNECT: Duration = Duration::from_millis(1_700);

const WHY_UNKNOWN: &str = "the database failed to answer; whether the change was made is not known";
const WHY_UNREACHABLE: &str = "the database failed to answer; nothing was changed";

/// Makes this fault of every request of these operations.
fn every(
    operations: &'static [&'static str],
    fault: Fault,
) -> impl Fn(&str, &[u8]) -> Option<Fault> {
    move |operation, _| operations.contains(&operation).then(|| fault.clone())
}

/// Makes this fault of one request of the operation: the one of this number, from 0.
fn nth(
    operation: &'static str,
    number: u32,
    fault: Fault,
) -> impl Fn(&str, &[u8]) -> Option<Fault> {
    let seen = AtomicU32::new(0);
    move |this, _| {
        let is_it = this == operation && seen.fetch_add(1, Ordering::Relaxed) == number;
        is_it.then(|| fault.clone())
    }
}

/// A patch whose plan is Direct.
fn append() -> Value {
    event(OPTION, &json!([{"op": "add", "path": "/list/-", "value": 3}]))
}

/// A patch whose plan is Rewrite.
fn insert() -> Value {
    let append = json!({"op": "add", "path": "/list/-", "value": 3});
    event(
        OPTION,
        &json!([append, {"op": "add", "path": "/copy", "value": {}},
               {"op": "copy", "from": "/list", "path": "/copy/list"}]),
    )
}

fn keyed(event: Value) -> Value {
    with_header(event, "Idempotency-Key", "key")
}

const WRITES: [&str; 2] = ["UpdateItem", "TransactWriteItems"];

/// What certainly was not applied is sent again, and is applied once in the end.
#[tokio::test]
async fn what_was_not_applied_is_sent_again() {
    for (operation, request) in [
        ("UpdateItem", append as fn() -> Value),
        ("UpdateItem", insert),
        ("GetItem", insert),
        ("BatchGetItem", || keyed(insert())),
        ("TransactWriteItems", || keyed(append())),
    ] {
        for error in [
            "ThrottlingException",
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "TransactionConflictException",
            "ReplicatedWriteConflictException",
        ] {
            let fault = nth(operation, 0, Fault::Refused(400, error));
            let engine = Engine::start().await.behind(fault, Duration::from_mins(1)).await;
            applied_once(&engine, request()).await;
        }
    }
}

async fn applied_once(engine: &Engine, request: Value) -> Answer {
    // A transaction without `If-Match` does not tell the version.
    let may_be_unknown = request["headers"].get("Idempotency-Key").is_some();
    let answer = engine.send(request).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    match answer.headers.get("etag") {
        Some(tag) => assert_eq!(tag, "\"2\""),
        None => assert!(may_be_unknown),
    }
    let (document, version) = engine.stored(OPTION).await;
    assert_eq!((&document["list"], &*version), (&json!([1, 2, 3]), "2"));
    answer
}

#[tokio::test]
async fn a_write_whose_answer_stops_halfway_is_applied_once() {
    for request in [append(), insert()] {
        let stuck = nth("UpdateItem", 0, Fault::AnswerStuck);
        let engine = Engine::start().await.hastily_behind(stuck, Duration::from_mins(1)).await;
        applied_once(&engine, request).await;
    }
}

/// The answer is lost, in every way that there is. The write was applied, and is not applied again.
#[tokio::test]
async fn a_write_whose_answer_was_lost_is_applied_once() {
    for fault in [
        Fault::AppliedThenRefused(500, "InternalServerError"),
        Fault::AppliedThenRefused(503, "ServiceUnavailable"),
        Fault::AnswerDropped,
        Fault::AnswerCut,
    ] {
        for request in [append(), insert(), with_header(append(), "If-Match", "\"1\"")] {
            let lost = nth("UpdateItem", 0, fault.clone());
            let engine = Engine::start().await.behind(lost, Duration::from_mins(1)).await;
            applied_once(&engine, request).await;
        }
        for request in [append(), insert(), with_header(append(), "If-Match", "\"1\"")] {
            let lost = nth("TransactWriteItems", 0, fault.clone());
            let engine = Engine::start().await.behind(lost, Duration::from_mins(1)).await;
            applied_once(&engine, keyed(request)).await;
        }
    }
}

/// The answer is lost, and then the first read fails that looks for what was written. It is read again.
#[tokio::test]
async fn what_was_lost_is_looked_for_again() {
    for request in [append(), insert(), keyed(append())] {
        let lost = WRITES.map(|write| nth(write, 0, Fault::AnswerDropped));
        let (is_lost, is_refused) = (AtomicBool::new(false), AtomicBool::new(false));
        let faults = move |operation: &str, body: &[u8]| {
            if let Some(fault) = lost.iter().find_map(|lost| lost(operation, body)) {
                is_lost.store(true, Ordering::Relaxed);
                return Some(fault);
            }
            let is_first = !WRITES.contains(&operation)
                && is_lost.load(Ordering::Relaxed)
                && !is_refused.swap(true, Ordering::Relaxed);
            is_first.then_some(Fault::Refused(400, "ThrottlingException"))
        };
        let engine = Engine::start().await.behind(faults, Duration::from_mins(1)).await;
        applied_once(&engine, request).await;
    }
}

/// The write never arrives. A write that is bound to a version is sent again. Another one could
/// still be on its way.
#[tokio::test]
async fn a_write_that_was_lost_is_sent_again_only_where_it_cannot_apply_twice() {
    for fault in [Fault::Dropped, Fault::Refused(500, "InternalServerError")] {
        for request in [insert(), with_header(append(), "If-Match", "\"1\"")] {
            let lost = nth("UpdateItem", 0, fault.clone());
            let engine = Engine::start().await.behind(lost, Duration::from_mins(1)).await;
            applied_once(&engine, request).await;
        }
        let lost = nth("TransactWriteItems", 0, fault.clone());
        let engine = Engine::start().await.behind(lost, Duration::from_mins(1)).await;
        applied_once(&engine, keyed(append())).await;

        let lost = nth("UpdateItem", 0, fault.clone());
        let engine = Engine::start().await.behind(lost, Duration::from_mins(1)).await;
        engine.refuses(append(), (500, "TryLater", WHY_UNKNOWN)).await;
    }
}

#[tokio::test]
async fn throttling_is_answered_by_429_and_changes_nothing() {
    let why = "the database limits the rate of requests; nothing was changed";
    let throttled = Fault::Refused(400, "ThrottlingException");
    for (operations, request) in [
        (&WRITES[..], append()),
        (&WRITES, insert()),
        (&WRITES, keyed(append())),
        (&["GetItem"], insert()),
        (&["BatchGetItem"], keyed(insert())),
    ] {
        let engine =
            Engine::start().await.behind(every(operations, throttled.clone()), SHORT).await;
        let answer = engine.refuses(request, (429, "TooManyRequests", why)).await;
        assert_eq!(answer.headers["retry-after"], "1");
    }
}

/// A request that is held takes an execution from all others. So it is given up long before its
/// time is over.
#[tokio::test]
async fn what_does_not_pass_is_given_up_before_the_time_is_over() {
    for (fault, code) in [
        (Fault::Refused(400, "ThrottlingException"), "TooManyRequests"),
        (Fault::Refused(400, "TransactionConflictException"), "TryLater"),
    ] {
        let engine =
            Engine::start().await.behind(every(&WRITES, fault), Duration::from_mins(1)).await;
        let answer = tokio::time::timeout(Duration::from_secs(20), engine.send(append())).await;
        let answer = answer.expect("an answer well before the minute is over");
        assert_eq!((answer.status, &answer.body["code"]), (429, &json!(code)));
    }
}

/// An attempt that the end of the time cuts off would leave its outcome unknown. So none begins.
#[tokio::test]
async fn an_attempt_without_time_to_end_is_not_begun() {
    let sent = Arc::new(AtomicU32::new(0));
    let count = sent.clone();
    let counted = move |_: &str, _: &[u8]| {
        count.fetch_add(1, Ordering::Relaxed);
        None
    };
    // 240 of these 740 ms are left beside the 500 that are kept for the answer.
    let engine = Engine::start().await.behind(counted, Duration::from_millis(740)).await;
    for request in [append(), insert(), keyed(append())] {
        engine.refuses(request, (500, "TryLater", WHY_UNREACHABLE)).await;
    }
    assert_eq!(sent.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_unknown_outcome_is_answered_by_500() {
    for fault in [
        Fault::Refused(500, "InternalServerError"),
        Fault::Refused(503, "ServiceUnavailable"),
        Fault::Dropped,
        Fault::Hanging,
    ] {
        for request in [append(), insert(), keyed(append())] {
            let engine = Engine::start().await.behind(every(&WRITES, fault.clone()), SHORT).await;
            engine.refuses(request, (500, "TryLater", WHY_UNKNOWN)).await;
        }
    }
}

/// An answer that lacks the item does not tell which version was written. The item itself does.
#[tokio::test]
async fn an_answer_without_the_item_tells_nothing() {
    for preference in ["undo", "return=representation"] {
        let fault = nth("UpdateItem", 0, Fault::AnswerGarbled(|_| "{}".to_owned()));
        let engine = Engine::start().await.behind(fault, Duration::from_mins(1)).await;
        let answer = engine.send(with_header(append(), "Prefer", preference)).await;
        assert!(matches!(answer.status, 200 | 204), "{answer:?}");
        assert_eq!(answer.headers["etag"], "\"2\"");
        assert_eq!(engine.stored(OPTION).await.1, "2");
    }
}

#[tokio::test]
async fn what_was_only_read_has_changed_nothing() {
    let fault = Fault::Refused(500, "InternalServerError");
    for (operation, request) in [(&["GetItem"], insert()), (&["BatchGetItem"], keyed(insert()))] {
        let engine = Engine::start().await.behind(every(operation, fault.clone()), SHORT).await;
        engine.refuses(request, (500, "TryLater", WHY_UNREACHABLE)).await;
    }
}

/// A request could leave on no connection: the port refuses, the name does not resolve, the other
/// side does not speak TLS, or it says nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_not_there_was_not_written_to() {
    // The socket is bound, so its port is nobody else's. It does not listen, so it refuses.
    let not_listening = TcpSocket::new_v4().unwrap();
    not_listening.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let refusing = not_listening.local_addr().unwrap();
    let garbling = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let no_tls = garbling.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = garbling.accept().await.unwrap();
            // The connection may have been closed already.
            let _ = stream.write_all(b"this is no handshake").await;
        }
    });
    // The system takes connections for it, and nothing is read.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let says_nothing = silent.local_addr().unwrap();
    for (endpoint, cause) in [
        (format!("http://{refusing}"), "Connection refused"),
        ("http://no-such-host.invalid:8000".to_owned(), "failed to lookup address information"),
        (format!("https://{no_tls}"), "InvalidContentType"),
        (format!("https://{says_nothing}"), "timeout"),
    ] {
        let mut bootstrap = Bootstrap::start_with(
            &[("TABLE_NAME", "options"), ("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)],
            TIME_TO_CONNECT,
        )
        .await;
        for request in [append(), insert(), keyed(append())] {
            let answer = bootstrap.invoke(request).await;
            let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
            let told = (&answer["statusCode"], &body["code"], &body["info"]);
            let expected = (&json!(500), &json!("TryLater"), &json!(WHY_UNREACHABLE));
            assert_eq!(told, expected, "{endpoint}");
        }
        let log = bootstrap.end();
        assert!(log.contains(cause), "{endpoint}: {log}");
    }
}

/// Without credentials nothing is signed, and nothing is sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_signed_was_not_written() {
    let mut bootstrap = Bootstrap::start(&[
        ("TABLE_NAME", "options"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1"),
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ])
    .await;
    for request in [append(), with_header(append(), "If-Match", "\"1\""), keyed(append())] {
        let answer = bootstrap.invoke(request).await;
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        let told = (&answer["statusCode"], &body["code"], &body["info"]);
        assert_eq!(told, (&json!(500), &json!("TryLater"), &json!(WHY_UNREACHABLE)));
    }
}

/// A write comes late, after its client has gone. It was sent again meanwhile.
#[tokio::test]
async fn a_late_write_does_not_apply_twice() {
    for (operation, request) in [
        ("UpdateItem", insert()),
        ("UpdateItem", with_header(append(), "If-Match", "\"1\"")),
        ("TransactWriteItems", keyed(append())),
    ] {
        let late = nth(operation, 0, Fault::AppliedLate(Duration::from_millis(400)));
        let engine = Engine::start().await.hastily_behind(late, Duration::from_mins(1)).await;
        applied_once(&engine, request).await;
        engine.late_writes().await;
        assert_eq!(engine.stored(OPTION).await.1, "2");
    }
}

/// An engine with two gates before it. The first write waits at one until its client loses
/// patience. The second waits at the other.
struct Gates {
    engine: Arc<Engine>,
    /// Has a permit when the first write waits.
    first_came: Arc<Semaphore>,
    first: Arc<Semaphore>,
    second: Arc<Semaphore>,
}

impl Gates {
    async fn before(engine: Engine) -> Self {
        let [first_came, first, second] = [(); 3].map(|()| Arc::new(Semaphore::new(0)));
        let gates = [first_came.clone(), first.clone(), second.clone()];
        let writes = AtomicU32::new(0);
        let decide = move |operation: &str, _: &[u8]| {
            let [first_came, first, second] = &gates;
            if !WRITES.contains(&operation) {
                return None;
            }
            match writes.fetch_add(1, Ordering::Relaxed) {
                0 => {
                    first_came.add_permits(1);
                    Some(Fault::Held(first.clone()))
                }
                1 => Some(Fault::Held(second.clone())),
                _ => None,
            }
        };
        let engine = Arc::new(engine.hastily_behind(decide, Duration::from_mins(1)).await);
        Self { engine, first_came, first, second }
    }

    /// The answer to a request whose first attempt is lost, and whose second one comes after
    /// `meanwhile`.
    async fn answer(&self, request: Value, meanwhile: impl AsyncFnOnce(&Engine)) -> Answer {
        let engine = self.engine.clone();
        let answer = tokio::spawn(async move { engine.send(request).await });
        self.first_came.acquire().await.unwrap().forget();
        meanwhile(&self.engine).await;
        self.second.add_permits(1);
        answer.await.unwrap()
    }

    /// The version of the option in the end: after `in_between`, and then the lost attempt, which
    /// comes after all.
    async fn version_in_the_end(&self, in_between: impl AsyncFnOnce(&Engine)) -> String {
        in_between(&self.engine).await;
        self.first.add_permits(1);
        self.engine.late_writes().await;
        self.engine.stored(OPTION).await.1
    }
}

/// Does what an operator does by hand: archives the option, or opens it again.
async fn archive(engine: &Engine, is_archived: bool) {
    let update = engine.update_item(OPTION);
    let update = if is_archived {
        let now = AttributeValue::S("2026-01-01T00:00:00.000Z".into());
        update.update_expression("SET archivedAt=:now").expression_attribute_values(":now", now)
    } else {
        update.update_expression("REMOVE archivedAt")
    };
    update.send().await.unwrap();
}

/// Does what another client does: the option gets the next version, and this document.
async fn overwrite(engine: &Engine, document: Value) {
    let version = engine.stored(OPTION).await.1.parse::<u64>().unwrap() + 1;
    engine.put_option_of(OPTION, document, Some(version)).await;
}

/// A refusal after a lost attempt would be false: the attempt may land when the option is open
/// again.
#[tokio::test]
async fn a_lost_write_may_land_after_the_option_was_archived() {
    for request in [insert(), keyed(insert()), with_header(keyed(append()), "If-Match", "\"1\"")] {
        let gates = Gates::before(Engine::start().await).await;
        let answer = gates.answer(request, async |engine| archive(engine, true).await).await;
        assert_unknown(&answer);
        let version = gates.version_in_the_end(async |engine| archive(engine, false).await).await;
        assert_eq!(version, "2", "the lost attempt has landed");
    }
}

/// A refusal would be false too where the version that the client names comes only later.
#[tokio::test]
async fn a_lost_write_may_land_after_its_precondition_has_failed() {
    for request in [append(), keyed(append())] {
        let request = with_header(request, "If-Match", "\"2\"");
        let gates = Gates::before(Engine::start().await).await;
        let answer = gates.answer(request, async |_| {}).await;
        assert_unknown(&answer);
        let document = json!({"list": [1, 2]});
        let version =
            gates.version_in_the_end(async |engine| overwrite(engine, document).await).await;
        assert_eq!(version, "3", "the lost attempt has landed");
    }
}

/// It would be false too where the option was deleted and is made anew. Here it is made with the
/// version that it had, against the rule. A write after a read is bound to what it has read, so it
/// does not land.
#[tokio::test]
async fn a_lost_write_does_not_land_in_an_option_that_was_made_anew() {
    for (request, list) in [(insert(), json!([7, 8])), (keyed(insert()), json!([7, 8, 3]))] {
        let engine = Engine::start().await;
        engine.send(event(OPTION, &json!([{"op": "add", "path": "/list", "value": [1, 2]}]))).await;
        let is_keyed = request["headers"].get("Idempotency-Key").is_some();
        let gates = Gates::before(engine).await;
        let anew = async |engine: &Engine| {
            engine.put_option_of(OPTION, json!({"list": [7, 8]}), Some(2)).await;
        };
        let answer = gates.answer(request, anew).await;
        if is_keyed {
            // With a key, the key's record keeps the lost attempt from landing too.
            assert_eq!((answer.status, &*answer.headers["etag"]), (204, "\"3\""), "{answer:?}");
        } else {
            assert_unknown(&answer);
        }
        gates.version_in_the_end(async |_| {}).await;
        assert_eq!(gates.engine.stored(OPTION).await.0["list"], list);
    }
}

/// Once the version that a lost attempt was bound to is past, the attempt certainly does not land.
#[tokio::test]
async fn a_lost_write_does_not_land_after_another() {
    for request in [insert(), keyed(insert()), with_header(keyed(append()), "If-Match", "\"1\"")] {
        let is_based = request["headers"].get("If-Match").is_some();
        let gates = Gates::before(Engine::start().await).await;
        let other = async |engine: &Engine| overwrite(engine, json!({"other": 1})).await;
        let answer = gates.answer(request, other).await;
        assert_eq!(answer.status, if is_based { 412 } else { 422 }, "{answer:?}");
        assert_eq!(answer.body["code"], "OperationCannotBePerformed");
        assert_eq!(gates.version_in_the_end(async |_| {}).await, "2");
        assert_eq!(gates.engine.stored(OPTION).await.0, json!({"other": 1}));
    }
}

/// In the end the patch is applied to what another has written, and only once.
#[tokio::test]
async fn a_lost_write_is_made_anew_after_another() {
    for request in [insert(), keyed(insert())] {
        let gates = Gates::before(Engine::start().await).await;
        let other = async |engine: &Engine| overwrite(engine, json!({"list": [5, 6]})).await;
        let answer = gates.answer(request, other).await;
        assert_eq!((answer.status, &*answer.headers["etag"]), (204, "\"3\""), "{answer:?}");
        assert_eq!(gates.version_in_the_end(async |_| {}).await, "3");
        assert_eq!(gates.engine.stored(OPTION).await.0["list"], json!([5, 6, 3]));
    }
}

#[track_caller]
fn assert_unknown(answer: &Answer) {
    let told = (answer.status, &answer.body["code"], &answer.body["info"]);
    assert_eq!(told, (500, &json!("TryLater"), &json!(WHY_UNKNOWN)));
}

/// How much later than its deadline an answer may come.
const TOLERANCE: Duration = Duration::from_millis(100);

/// DynamoDB hangs, at each step. The answer is there before the invocation's end.
#[tokio::test]
async fn no_request_outlives_its_deadline() {
    let alias = || with_header(append(), "OrganizationAlias", "acme");
    let steps: [(&str, &[&str], Value); 8] = [
        ("the alias is read", &["GetItem"], alias()),
        ("a direct write", &["UpdateItem"], append()),
        (
            "a direct write of one version",
            &["UpdateItem"],
            with_header(append(), "If-Match", "\"1\""),
        ),
        ("the option is read", &["GetItem"], insert()),
        ("the document is written", &["UpdateItem"], insert()),
        ("a lost write is looked for", &["UpdateItem", "GetItem"], append()),
        ("option and record are read", &["BatchGetItem"], keyed(insert())),
        ("option and record are written", &["TransactWriteItems"], keyed(append())),
    ];
    for (step, operations, request) in steps {
        let engine =
            Engine::start().await.hastily_behind(every(operations, Fault::Hanging), SHORT).await;
        let start = Instant::now();
        let answer = engine.send(request).await;
        let took = start.elapsed();
        assert_eq!((answer.status, &answer.body["code"]), (500, &json!("TryLater")), "{step}");
        assert!(took < SHORT + TOLERANCE, "{step}: {took:?}");
    }
}
