//! What a patch is planned as, and what it would do to a document.

use std::{error::Error, fmt::Display, path::Path};

use json_patch_dynamodb::{
    Explanation, Hints, Limits, Note, Patch, Plan, RuleOutcome, Rules, Update, apply, item_bytes,
    parse_value,
};
use local::CommandError;
use serde_json::{Value, value::RawValue};
use update_organization_option::{
    request::{MAX_BODY_BYTES, RequestError},
    store::DOCUMENT,
};

/// Prints the plan of the patch in the file `patch`, and what it does to the document in the other file.
///
/// With a file of rules it prints what becomes of those that the patch touches.
pub(crate) fn explain(
    patch: &Path,
    document: Option<&Path>,
    rules: Option<&Path>,
) -> Result<(), CommandError> {
    let rules = rules.map_or(Ok(Rules::default()), read_rules)?;
    let refused = |error: &dyn Error| CommandError::of(patch.display(), error);
    let body = read(patch)?;
    if body.len() > MAX_BODY_BYTES {
        return Err(refused(&RequestError::BodyTooLarge));
    }
    // An object is a merge patch, an array a JSON Patch.
    let patch = Patch::parse_merge(body.as_bytes()).map_err(|error| refused(&error))?;
    let explanation = Explanation::keeping(&rules, &patch, DOCUMENT, Hints::none());
    match &explanation.plan {
        Plan::Check => println!("plan: check, one read; nothing is written"),
        Plan::Direct(update) => {
            println!("plan: direct, one update without a read");
            print_update(update);
            print_all("guesses:", explanation.guesses.iter().map(ToString::to_string));
            print_rules(&explanation.rules, &update.conditions);
        }
        Plan::Rewrite(obstacle) => {
            println!("plan: rewrite, a read and a write of what has changed");
            let operation = explanation.operation.map(|index| format!("operation {index}: "));
            println!(
                "because: {}{obstacle} ({})",
                operation.unwrap_or_default(),
                obstacle.as_str()
            );
            print_rules(&explanation.rules, &[]);
        }
    }
    let Some(path) = document else { return Ok(()) };
    let document = read_document(path)?;
    println!();
    match apply(&patch, document.clone()) {
        Err(error) => {
            println!("the patch does not fit this document, which one request tells:\n  {error}");
        }
        Ok(changed) => {
            if let Err(broken) = rules.check(&patch, &document, &changed) {
                println!(
                    "the patch breaks rules of this document, which one request tells:\n  {broken}"
                );
                return Ok(());
            }
            print_requests(&rules, &patch, &explanation, &document);
            let (bytes, limit) = (item_bytes(&changed), Limits::DYNAMODB.item_bytes);
            if bytes > limit {
                println!("the patch is refused: of {limit} bytes, the document would take {bytes}");
            }
            println!("the document becomes:\n  {changed}");
        }
    }
    Ok(())
}

/// Prints in how many requests the patch is applied to `document`.
fn print_requests(rules: &Rules, patch: &Patch, first: &Explanation<'_>, document: &Value) {
    let misguessed = first.guesses.iter().filter(|guess| !guess.holds(document));
    let misguessed: Vec<_> = misguessed.map(ToString::to_string).collect();
    match &first.plan {
        Plan::Check => return println!("with this document: one request"),
        Plan::Direct(_) if first.holds(document) => {
            return println!("with this document: one request");
        }
        Plan::Direct(_) if misguessed.is_empty() => {
            println!("with this document: two requests, as an element is taken for another");
        }
        Plan::Direct(_) => {
            print_all("with this document: two requests, as it is guessed wrong that", misguessed);
        }
        Plan::Rewrite(_) => println!("with this document: two requests"),
    }
    let hints = Hints::of(document);
    let second = Explanation::keeping(rules, patch, DOCUMENT, &hints);
    match &second.plan {
        Plan::Direct(update) if second.holds(document) => {
            println!("once the function has seen the document: one request");
            print_update(update);
        }
        _ => println!("once the function has seen the document: two requests"),
    }
}

fn print_rules(notes: &[Note], conditions: &[String]) {
    let line = |Note { pointer, keyword, limit, outcome, .. }: &Note| {
        let limit = limit.as_ref().map(|limit| format!(" {limit}")).unwrap_or_default();
        let outcome = match outcome {
            RuleOutcome::Kept => "kept, whatever is stored".to_owned(),
            RuleOutcome::Conditions(indexes) => {
                let texts = conditions.get(indexes.clone()).unwrap_or_default();
                match texts.join(" AND ") {
                    // Those of a rewrite are not sent.
                    texts if texts.is_empty() => "would be a condition".to_owned(),
                    texts => format!("asks for {texts}"),
                }
            }
            RuleOutcome::NeedsDocument(obstacle) => obstacle.to_string(),
        };
        let place = match pointer.as_str() {
            "" => "the document".to_owned(),
            pointer => format!("`{pointer}`"),
        };
        format!("{place} `{keyword}`{limit}: {outcome}")
    };
    print_all("rules:", notes.iter().map(line));
}

fn read_rules(path: &Path) -> Result<Rules, CommandError> {
    Rules::parse(&read(path)?).map_err(|error| CommandError::of(path.display(), error))
}

fn read_document(path: &Path) -> Result<Value, CommandError> {
    let refused = |why: &dyn Display| CommandError::of(path.display(), why);
    let text = read(path)?;
    let raw: &RawValue = serde_json::from_str(&text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        refused(&format!("the document is not JSON, at line {line} column {column}"))
    })?;
    let document = parse_value(raw, 0, &Limits::DYNAMODB).map_err(|error| refused(&error))?;
    if document.is_object() { Ok(document) } else { Err(refused(&"a document is an object")) }
}

fn read(path: &Path) -> Result<String, CommandError> {
    let text = std::fs::read_to_string(path);
    text.map_err(|error| CommandError::of(path.display(), error))
}

fn print_update(update: &Update<'_>) {
    match update.update_expression() {
        text if text.is_empty() => println!("update: nothing of the document changes"),
        text => print_all("update:", [text]),
    }
    match update.condition_expression() {
        text if text.is_empty() => {}
        text => print_all("condition:", [text]),
    }
    let names = update.names.iter();
    print_all("names:", names.map(|(placeholder, name)| format!("{placeholder} = {name}")));
    let values = update.values.iter().enumerate();
    print_all("values:", values.map(|(number, value)| format!(":{number} = {value}")));
}

/// Prints `lines` under a title, if there are any.
fn print_all(title: &str, lines: impl IntoIterator<Item = String>) {
    let mut lines = lines.into_iter().peekable();
    if lines.peek().is_some() {
        println!("{title}");
    }
    for line in lines {
        println!("  {line}");
    }
}
