//! Imports run one way: a module uses only those before it in its crate's list.

use std::{collections::BTreeSet, fs, path::Path};

const FUNCTION: [&str; 13] = [
    "id",
    "rules",
    "request",
    "authorize",
    "store",
    "error",
    "messages",
    "response",
    "invocation",
    "config",
    "telemetry",
    "handler",
    "main",
];

const LIBRARY: [&str; 12] = [
    "limits",
    "number",
    "pointer",
    "size",
    "value",
    "patch",
    "apply",
    "rules",
    "attribute",
    "hints",
    "plan",
    "undo",
];

/// The modules at the top of the crate that `source` names after `crate::`, but for its tests and its
/// comments.
fn imported(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let mut modules = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        // One path, or a list of paths in braces.
        let mut depth = 0;
        let list: String = rest
            .chars()
            .take_while(|c| {
                depth += i32::from(*c == '{') - i32::from(*c == '}');
                *c != ';' && (depth > 0 || c.is_alphanumeric() || matches!(c, '_' | '}'))
            })
            .collect();
        let mut depth = 0;
        let names = list.split(|c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            matches!(c, '{' | '}') || c == ',' && depth <= 1
        });
        for name in names {
            let name = name.trim().split("::").next().unwrap();
            modules.insert(name.to_owned());
        }
    }
    modules
}

#[track_caller]
fn run_one_way(folder: &str, modules: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut imports = 0;
    let mut open = vec![folder.clone()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let file = path.strip_prefix(&folder).unwrap().with_extension("");
        let module = file.iter().next().unwrap().to_str().unwrap().to_owned();
        if module == "lib" {
            continue;
        }
        let place = modules.iter().position(|each| *each == module);
        let place = place.unwrap_or_else(|| panic!("`{module}` is not in the list"));
        for import in imported(&fs::read_to_string(&path).unwrap()) {
            let Some(other) = modules.iter().position(|each| *each == import) else { continue };
            assert!(other <= place, "{}: `{import}` comes after `{module}`", path.display());
            imports += usize::from(other < place);
        }
    }
    assert!(imports >= modules.len() - 1, "{imports} imports were found");
}

#[test]
fn imports_of_the_function_run_one_way() {
    run_one_way("src", &FUNCTION);
}

#[test]
fn imports_of_the_library_run_one_way() {
    run_one_way("crates/json-patch-dynamodb/src", &LIBRARY);
}
