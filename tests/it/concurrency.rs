//! Many writers of one option.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::json;
use tokio::task::JoinSet;

use crate::engine::{Engine, OPTION, event};

const TASKS: usize = 16;
const APPENDS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_append_is_lost_and_versions_have_no_gap() {
    let engine = Arc::new(Engine::start().await);
    engine.put_option(OPTION, json!({"list": []})).await;
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let engine = engine.clone();
        tasks.spawn(async move {
            for append in 0..APPENDS {
                let value = task * APPENDS + append;
                let patch = json!([{"op": "add", "path": "/list/-", "value": value}]);
                let answer = engine.send(event(OPTION, &patch)).await;
                assert_eq!(answer.status, 204, "{answer:?}");
            }
        });
    }
    tasks.join_all().await;
    let (document, version) = engine.stored(OPTION).await;
    let list = document["list"].as_array().unwrap();
    let values: BTreeSet<_> = list.iter().map(|value| value.as_u64().unwrap()).collect();
    assert_eq!((list.len(), values.len()), (TASKS * APPENDS, TASKS * APPENDS));
    assert_eq!(version, (1 + TASKS * APPENDS).to_string());
}
