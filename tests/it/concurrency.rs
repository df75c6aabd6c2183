//! Many writers of one option.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use json_patch_dynamodb::{Patch, apply};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::engine::{Engine, OPTION, event};

const TASKS: usize = 16;
/// How many patches each task sends: so many that tasks meet, but a list of all of them stays short.
const PATCHES: usize = 10;

/// An engine, and counters of the reads and the writes that it was sent.
pub(crate) async fn counted() -> (Arc<Engine>, [Arc<AtomicUsize>; 2]) {
    let counters = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
    let [reads, writes] = counters.clone();
    let count = move |operation: &str, _: &[u8]| {
        let counter = if operation == "GetItem" { &reads } else { &writes };
        counter.fetch_add(1, Ordering::Relaxed);
        None
    };
    (Arc::new(Engine::start().await.behind(count, Duration::from_mins(1)).await), counters)
}

/// Sends each task's patches one after the other, all tasks at once. A patch that is answered 429
/// because others were faster is sent again. Returns how often that was.
async fn send_all(
    engine: &Arc<Engine>,
    patch: impl Fn(usize, usize) -> Value + Copy + Send + 'static,
) -> usize {
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let engine = engine.clone();
        tasks.spawn(async move {
            let mut repeats = 0;
            for number in 0..PATCHES {
                loop {
                    let answer = engine.send(event(OPTION, &patch(task, number))).await;
                    if answer.status == 204 {
                        break;
                    }
                    assert_eq!((answer.status, &answer.body["code"]), (429, &json!("TryLater")));
                    repeats += 1;
                }
            }
            repeats
        });
    }
    tasks.join_all().await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_rewrite_is_lost_and_versions_have_no_gap() {
    let (engine, [reads, writes]) = counted().await;
    engine.put_option(OPTION, json!({"list": []})).await;
    let repeats = send_all(
        &engine,
        // A stored value is put into a new one, which no update says.
        |task, number| {
            json!([{"op": "add", "path": "/list/-", "value": task * PATCHES + number},
                   {"op": "add", "path": "/copy", "value": {}},
               {"op": "copy", "from": "/list", "path": "/copy/list"}])
        },
    )
    .await;
    check_list(&engine).await;
    // Writers meet. None of them reads again, as a failed condition returns the item.
    assert_eq!(reads.load(Ordering::Relaxed), TASKS * PATCHES + repeats);
    assert!(writes.load(Ordering::Relaxed) > TASKS * PATCHES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_do_not_conflict() {
    let (engine, [reads, writes]) = counted().await;
    engine.put_option(OPTION, json!({"list": []})).await;
    let repeats = send_all(
        &engine,
        |task, number| json!([{"op": "add", "path": "/list/-", "value": task * PATCHES + number}]),
    )
    .await;
    assert_eq!(repeats, 0);
    check_list(&engine).await;
    let requests = [&reads, &writes].map(|counter| counter.load(Ordering::Relaxed));
    assert_eq!(requests, [0, TASKS * PATCHES]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patches_of_different_members_do_not_conflict() {
    let (engine, [reads, writes]) = counted().await;
    let members = (0..TASKS).map(|task| (format!("m{task}"), json!(null)));
    engine.put_option(OPTION, Value::Object(members.collect())).await;
    let repeats = send_all(
        &engine,
        |task, number| json!([{"op": "replace", "path": format!("/m{task}"), "value": number}]),
    )
    .await;
    assert_eq!(repeats, 0);
    let last = (0..TASKS).map(|task| (format!("m{task}"), json!(PATCHES - 1)));
    let version = (1 + TASKS * PATCHES).to_string();
    assert_eq!(engine.stored(OPTION).await, (Value::Object(last.collect()), version));
    let requests = [&reads, &writes].map(|counter| counter.load(Ordering::Relaxed));
    assert_eq!(requests, [0, TASKS * PATCHES]);
}

/// Every task's values are there once, and every write has a version.
async fn check_list(engine: &Engine) {
    let (document, version) = engine.stored(OPTION).await;
    let list = document["list"].as_array().unwrap();
    let values: BTreeSet<_> = list.iter().map(|value| value.as_u64().unwrap()).collect();
    assert_eq!((list.len(), values.len()), (TASKS * PATCHES, TASKS * PATCHES));
    assert_eq!(version, (1 + TASKS * PATCHES).to_string());
}

/// What a wrong guess has shown of an option is known when the next patch is planned.
#[tokio::test]
async fn an_option_that_was_seen_is_changed_by_one_request() {
    let (engine, [reads, writes]) = counted().await;
    engine.put_option(OPTION, json!({"list": [1, 2], "codes": {"1": "a"}})).await;
    let requests = || {
        let counts = [&reads, &writes].map(|counter| counter.swap(0, Ordering::Relaxed));
        (counts[0], counts[1])
    };
    let send = async |patch: Value| {
        assert_eq!(engine.send(event(OPTION, &patch)).await.status, 204, "{patch}");
    };
    let insert = json!([{"op": "add", "path": "/list/1", "value": 3}]);
    let rename = json!([{"op": "replace", "path": "/codes/1", "value": "b"}]);
    // The guess that the element comes last is wrong. The item that comes back tells.
    send(insert.clone()).await;
    assert_eq!(requests(), (0, 2));
    for _ in 0..3 {
        send(insert.clone()).await;
        assert_eq!(requests(), (0, 1));
        send(rename.clone()).await;
        assert_eq!(requests(), (0, 1));
    }
    assert_eq!(engine.stored(OPTION).await.0["list"], json!([1, 3, 3, 3, 3, 2]));
    // Another writer makes the array longer. What was remembered is wrong, once.
    engine.put_option(OPTION, json!({"list": [1, 2, 3], "codes": {"1": "a"}})).await;
    send(insert.clone()).await;
    assert_eq!(requests(), (0, 2));
    send(insert).await;
    assert_eq!(requests(), (0, 1));
    assert_eq!(engine.stored(OPTION).await.0["list"], json!([1, 3, 3, 2, 3]));
}

/// A rewrite sends the members that have changed, not what lies beside them.
#[tokio::test]
async fn a_rewrite_sends_no_more_than_has_changed() {
    let sent = Arc::new(AtomicUsize::new(0));
    let bytes = sent.clone();
    let count = move |operation: &str, body: &[u8]| {
        if operation == "UpdateItem" {
            bytes.store(body.len(), Ordering::Relaxed);
        }
        None
    };
    let engine = Engine::start().await.behind(count, Duration::from_mins(1)).await;
    let large = "x".repeat(150_000);
    for (rewrite, least, most) in [
        (
            json!([{"op": "add", "path": "/new", "value": {}},
                {"op": "copy", "from": "/name", "path": "/new/name"},
                {"op": "remove", "path": "/gone"}]),
            0,
            2_000,
        ),
        // The large one is in what has changed.
        (
            json!([{"op": "add", "path": "/new", "value": []},
                {"op": "copy", "from": "/large", "path": "/new/0"}]),
            150_000,
            160_000,
        ),
    ] {
        let document = json!({"large": [large], "name": "a", "gone": 1});
        engine.put_option(OPTION, document.clone()).await;
        let patch = rewrite.to_string();
        let expected = apply(&Patch::parse(patch.as_bytes()).unwrap(), document).unwrap();
        let answer = engine.send(event(OPTION, &rewrite)).await;
        assert_eq!((answer.status, &*answer.headers["etag"]), (204, "\"2\""));
        assert_eq!(engine.stored(OPTION).await.0, expected);
        let sent = sent.load(Ordering::Relaxed);
        assert!((least..most).contains(&sent), "{sent} bytes");
    }
}
