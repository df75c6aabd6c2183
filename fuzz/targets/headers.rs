//! A request's headers, path and query, a line each: `Name: value`, where `:org`, `:option` and `:body`
//! are no headers, and what begins with `?` is of the query. An event of an HTTP API, where the input
//! begins with a space, joins the values of a header.
#![no_main]

use fuzz::{Table, sample, table};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let is_http_api = text.starts_with(' ');
    let body = br#"[{"op":"replace","path":"/name","value":"Pickup"}]"#;
    let mut event = table::event(sample::OPTION, &json!({}), &json!({}), body);
    let (mut headers, mut query) = (json!({}), json!({}));
    for line in text.trim_start().lines() {
        let Some((name, value)) = line.split_once(": ") else { continue };
        match name {
            ":org" => event["pathParameters"]["org_guid"] = json!(value),
            ":option" => event["pathParameters"]["option_guid"] = json!(value),
            ":body" => event["body"] = json!(value),
            _ => {
                let (map, name) = match name.strip_prefix('?') {
                    Some(name) => (&mut query, name),
                    None => (&mut headers, name),
                };
                match &mut map[name] {
                    Value::String(values) if is_http_api => {
                        *values = format!("{values},{value}");
                    }
                    Value::Array(values) => values.push(json!(value)),
                    none if is_http_api => *none = json!(value),
                    none => *none = json!([value]),
                }
            }
        }
    }
    let [single, multiple] = [
        ["headers", "queryStringParameters"],
        ["multiValueHeaders", "multiValueQueryStringParameters"],
    ];
    let [headers_name, query_name] = if is_http_api { single } else { multiple };
    (event[headers_name], event[query_name]) = (headers, query);
    Table::with(|table| {
        let answer = table.send(&table.handler(), event.to_string().as_bytes());
        let answer = answer.expect("an event");
        assert!(answer.status < 500, "{answer:?}");
    });
});
