//! Many writers of one option.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tokio::task::JoinSet;

use crate::engine::{Engine, OPTION, event};

const TASKS: usize = 16;
const INSERTIONS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_insertion_is_lost_and_versions_have_no_gap() {
    let reads = Arc::new(AtomicUsize::new(0));
    let writes = Arc::new(AtomicUsize::new(0));
    let counters = (reads.clone(), writes.clone());
    let count = move |operation: &str, _: &[u8]| {
        let counter = if operation == "GetItem" { &counters.0 } else { &counters.1 };
        counter.fetch_add(1, Ordering::Relaxed);
        None
    };
    let engine = Arc::new(Engine::start().await.behind(count, Duration::from_mins(1)).await);
    engine.put_option(OPTION, json!({"list": []})).await;
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let engine = engine.clone();
        tasks.spawn(async move {
            for insertion in 0..INSERTIONS {
                let value = task * INSERTIONS + insertion;
                let patch = json!([{"op": "add", "path": "/list/0", "value": value}]);
                let answer = engine.send(event(OPTION, &patch)).await;
                assert_eq!(answer.status, 204, "{answer:?}");
            }
        });
    }
    tasks.join_all().await;
    let (document, version) = engine.stored(OPTION).await;
    let list = document["list"].as_array().unwrap();
    let values: BTreeSet<_> = list.iter().map(|value| value.as_u64().unwrap()).collect();
    assert_eq!((list.len(), values.len()), (TASKS * INSERTIONS, TASKS * INSERTIONS));
    assert_eq!(version, (1 + TASKS * INSERTIONS).to_string());
    // Writers meet, and none of them reads again: a failed condition returns the item.
    assert_eq!(reads.load(Ordering::Relaxed), TASKS * INSERTIONS);
    assert!(writes.load(Ordering::Relaxed) > TASKS * INSERTIONS);
}
