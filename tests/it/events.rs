//! Every file of `events/`, replayed.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use crate::engine::Engine;

const EXPECTED: &[(&str, i64, &str)] = &[
    ("alias-is-of-another-organization", 403, "NoPermissions"),
    ("alias-is-unknown", 404, "AliasIsNotFound"),
    ("body-is-base64", 204, ""),
    ("body-is-not-json", 422, "BadRequest"),
    ("caller-is-anonymous", 401, "Unauthorized"),
    ("caller-is-of-another-organization", 403, "NoPermissions"),
    ("caller-lacks-the-write-scope", 403, "NoPermissions"),
    ("client-identifier-is-unknown", 422, "RequestIsNotValid"),
    ("http-api-event", 204, ""),
    ("media-type-is-not-json", 422, "BadRequest"),
    ("member-is-replaced", 204, ""),
    ("numbers-are-equal-by-value", 204, ""),
    ("option-does-not-exist", 404, "NotFound"),
    ("option-guid-is-not-a-guid", 422, "RequestIsNotValid"),
    ("option-is-archived", 422, "NotAllowedForArchived"),
    ("patch-lacks-a-value", 422, "RequestIsNotValid"),
    ("path-is-missing-from-the-document", 422, "OperationCannotBePerformed"),
    ("test-fails", 422, "OperationCannotBePerformed"),
    ("test-fails-in-russian", 422, "OperationCannotBePerformed"),
];

#[tokio::test]
async fn every_event_is_answered_as_its_name_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("events");
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
    let names: BTreeSet<_> = files.map(|name| name.into_string().unwrap()).collect();
    let expected = EXPECTED.iter().map(|(name, ..)| format!("{name}.json"));
    assert_eq!(names, expected.collect::<BTreeSet<_>>());
    for &(name, status, code) in EXPECTED {
        let engine = Engine::start().await;
        let text = fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        let before = engine.everything().await;
        let answer = engine.send(serde_json::from_str(&text).unwrap()).await;
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        if status == 204 {
            assert_eq!(answer.body, Value::Null, "{name}");
        } else {
            assert_eq!(answer.body["code"], code, "{name}");
            assert_eq!(engine.everything().await, before, "{name}");
        }
    }
}
