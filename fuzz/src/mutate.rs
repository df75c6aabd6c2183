//! Changes of inputs that are lines of JSON, so that most of them stay JSON.

use fastrand::Rng;
use serde_json::{Value, json};

/// Changes the first `size` bytes of `data`, of which it may use `most`. Returns how many there are then.
/// Every other time this is libFuzzer's own change, of bytes.
pub fn lines(data: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    let mut rng = Rng::with_seed(seed.into());
    let changed = std::str::from_utf8(&data[..size]).ok().and_then(|text| {
        let changed = rng.bool().then(|| change_a_line(text, &mut rng))??;
        (changed.len() <= most).then_some(changed)
    });
    match changed {
        Some(changed) => {
            data[..changed.len()].copy_from_slice(changed.as_bytes());
            changed.len()
        }
        None => libfuzzer_sys::fuzzer_mutate(data, size, most),
    }
}

fn change_a_line(text: &str, rng: &mut Rng) -> Option<String> {
    let lines: Vec<_> = text.split('\n').collect();
    let values: Vec<_> =
        lines.iter().map(|line| serde_json::from_str::<Value>(line).ok()).collect();
    let mut nodes = Vec::new();
    values.iter().flatten().for_each(|value| collect(value, "", &mut nodes));
    let places: Vec<_> = (0..lines.len()).filter(|&line| values[line].is_some()).collect();
    let line = *rng.choice(&places)?;
    let mut value = values[line].clone()?;
    for _ in 0..rng.usize(1..4) {
        change(&mut value, &nodes, rng);
    }
    let mut lines: Vec<_> = lines.into_iter().map(str::to_owned).collect();
    lines[line] = value.to_string();
    Some(lines.join("\n"))
}

/// Every value within `value`, with its pointer.
fn collect(value: &Value, place: &str, nodes: &mut Vec<(String, Value)>) {
    nodes.push((place.to_owned(), value.clone()));
    match value {
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                collect(element, &format!("{place}/{index}"), nodes);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let token = name.replace('~', "~0").replace('/', "~1");
                collect(member, &format!("{place}/{token}"), nodes);
            }
        }
        _ => {}
    }
}

/// Changes one value within `value`. `nodes` are all values of the input.
fn change(value: &mut Value, nodes: &[(String, Value)], rng: &mut Rng) {
    // A body is JSON within JSON.
    if let Value::String(text) = value
        && text.starts_with(['[', '{'])
        && let Ok(mut inner) = serde_json::from_str(text)
    {
        let mut inner_nodes = Vec::new();
        collect(&inner, "", &mut inner_nodes);
        change(&mut inner, &inner_nodes, rng);
        *text = inner.to_string();
        return;
    }
    // Half of the changes go on to a value further inside.
    match value {
        Value::Array(elements) if !elements.is_empty() && rng.u8(..4) > 0 => {
            let index = rng.usize(..elements.len());
            return change(&mut elements[index], nodes, rng);
        }
        Value::Object(members) if !members.is_empty() && rng.u8(..4) > 0 => {
            let index = rng.usize(..members.len());
            let member = members.values_mut().nth(index);
            return member.into_iter().for_each(|member| change(member, nodes, rng));
        }
        _ => {}
    }
    let node = |rng: &mut Rng| rng.choice(nodes).cloned().unwrap_or_default();
    match value {
        Value::Array(elements) => {
            let index = rng.usize(..=elements.len());
            match rng.u8(..4) {
                0 if index < elements.len() => drop(elements.remove(index)),
                1 if index < elements.len() => elements.insert(index, elements[index].clone()),
                2 => elements.insert(index, node(rng).1),
                _ => rng.shuffle(elements),
            }
        }
        Value::Object(members) => {
            let name = members.keys().nth(rng.usize(..=members.len())).cloned();
            match (rng.bool(), name) {
                (true, Some(name)) => drop(members.remove(&name)),
                _ => {
                    let names =
                        ["a", "b", "0", "1", "-", "a/b", "~", "op", "path", "from", "value"];
                    let name = rng.choice(names).unwrap_or_default();
                    members.insert(name.to_owned(), node(rng).1);
                }
            }
        }
        scalar => {
            *scalar = match rng.u8(..8) {
                0 => node(rng).1,
                1..5 if scalar.as_str().is_some_and(|text| text.starts_with('/')) => {
                    let end = rng.choice(["", "", "", "/-", "/0", "/1", "/3", "/a", "/b"]);
                    json!(node(rng).0 + end.unwrap_or_default())
                }
                1..5 if scalar.is_string() => {
                    let operations = ["add", "remove", "replace", "move", "copy", "test"];
                    json!(rng.choice(operations))
                }
                5 if let Some(text) = scalar.as_str() => {
                    let (from, to) = (rng.usize(..4), rng.usize(..=text.len()));
                    json!(text.chars().skip(from).take(to).collect::<String>())
                }
                _ => {
                    let number = "-12345678901234567890123456789012345678e-90";
                    let values = [
                        json!(null),
                        json!(true),
                        json!(0),
                        json!(1),
                        json!(1.50),
                        serde_json::from_str(number).unwrap_or_default(),
                        json!(""),
                        json!("a"),
                        json!([]),
                        json!({}),
                        json!([0, 1]),
                        json!({"a": 0, "1": []}),
                    ];
                    rng.choice(values).unwrap_or_default()
                }
            }
        }
    }
}
