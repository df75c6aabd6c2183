//! The stored item of an option, in DynamoDB's JSON, and on the second line a patch. An item that
//! another program may have written is changed, or refused by 500 where the function cannot read it.
#![no_main]

use fuzz::{
    Table, mutate, sample,
    table::{self, REQUEST_ID},
};
use json_patch_dynamodb::Patch;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use serde_json::{Value, json};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((item, body)) = text.split_once('\n') else { return };
    let Ok(mut item) = serde_json::from_str::<Value>(item) else { return };
    let Some(attributes) = item.as_object_mut() else { return };
    // No item has the id of an invocation to come.
    if attributes.get("lastWrite") == Some(&json!({"S": REQUEST_ID})) {
        return;
    }
    attributes.insert("pk".to_owned(), json!({"S": format!("ORG#{}", sample::ORG)}));
    attributes.insert("sk".to_owned(), json!({"S": format!("OPTION#{}", sample::OPTION)}));
    let headers = json!({"Content-Type": "application/json-patch+json"});
    let event = table::event(sample::OPTION, &headers, &json!(null), body.as_bytes());
    let patch = Patch::parse(body.as_bytes()).ok();
    Table::with(|table| {
        if !table.put(&item) {
            return;
        }
        let is_readable = has_version(&item)
            && table.document(sample::OPTION).is_some_and(|document| document.is_object());
        if is_readable {
            let answer = table::change_is_right(table, sample::OPTION, &event, patch.as_ref());
            assert!(answer.status < 500, "{answer:?}");
            return;
        }
        // What the function cannot read it may change all the same, where one update does not touch it.
        // A dry run reads it all, so the answers may differ.
        let event = event.to_string();
        let answer = table.send(&table.handler(), event.as_bytes()).expect("an event");
        // A version that is no whole number may be counted on before it is seen: then it is `TryLater`.
        let codes = [json!("InternalServerError"), json!("TryLater")];
        let is_known = answer.status == 500 && codes.contains(&answer.body["code"]);
        assert!(answer.status < 500 || is_known, "{answer:?}");
    });
});

/// Whether the item has a version that can be counted on, or none.
fn has_version(item: &Value) -> bool {
    let Some(version) = item.get("version") else { return true };
    let number = version["N"].as_str().and_then(|text| text.parse::<u64>().ok());
    number.is_some_and(|number| number < 1 << 53)
}

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    mutate::lines(data, size, most, seed)
});
