//! A body, with the content type and the headers that the letters of the first line name.
//!
//! `m` is a merge patch, `j` plain JSON, `t` text; `r` and `u` prefer the representation and the undo
//! patch; `k` is a key, `i` and `n` are preconditions that hold, `p` prefers problem details, `o` is the
//! option that has rules.
#![no_main]

use fuzz::{Table, mutate, sample, table};
use json_patch_dynamodb::Patch;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use serde_json::json;

fuzz_target!(|data: &[u8]| {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else { return };
    let (letters, body) = (&data[..end], &data[end + 1..]);
    let has = |letter: u8| letters.contains(&letter);
    let mut headers = json!({});
    let kinds =
        [(b'm', "application/merge-patch+json"), (b'j', "application/json"), (b't', "text/plain")];
    let kind = kinds.iter().find(|(letter, _)| has(*letter));
    headers["Content-Type"] = json!(kind.map_or("application/json-patch+json", |(_, kind)| kind));
    for (letter, name, value) in [
        (b'r', "Prefer", "return=representation"),
        (b'u', "Prefer", "undo"),
        (b'k', "Idempotency-Key", "key"),
        (b'i', "If-Match", "\"1\""),
        (b'n', "If-None-Match", "\"2\""),
        (b'p', "Accept", "application/problem+json"),
    ] {
        if has(letter) {
            headers[name] = json!(value);
        }
    }
    let option = if has(b'o') { sample::RULED } else { sample::OPTION };
    let event = table::event(option, &headers, &json!(null), body);
    let patch = if has(b'm') { Patch::parse_merge(body) } else { Patch::parse(body) };
    Table::with(|table| {
        let answer = table::change_is_right(table, option, &event, patch.ok().as_ref());
        assert!(answer.status < 500, "{answer:?}");
    });
});

fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    mutate::lines(data, size, most, seed)
});
