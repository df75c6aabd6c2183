//! What a patch is planned as, and what it would do to a document.

use std::path::Path;

use json_patch_dynamodb::{Explanation, Hints, Limits, Patch, Plan, Update, apply, parse_value};
use local::CommandError;
use serde_json::value::RawValue;
use update_organization_option::store::DOCUMENT;

/// Prints the plan of the patch in the file `patch`, and what it does to the document in the other file.
pub(crate) fn explain(patch: &Path, document: Option<&Path>) -> Result<(), CommandError> {
    let refused = |path: &Path, error: &dyn std::error::Error| {
        CommandError::of(path.display().to_string(), error.to_string())
    };
    // An object is a merge patch.
    let body = read(patch)?;
    let parsed = if body.trim_start().starts_with('{') {
        Patch::parse_merge(body.as_bytes())
    } else {
        Patch::parse(body.as_bytes())
    };
    let parsed = parsed.map_err(|error| refused(patch, &error))?;
    let explanation = Explanation::of(&parsed, DOCUMENT, Hints::none());
    match &explanation.plan {
        Plan::Check => println!("plan: check, one read; nothing is written"),
        Plan::Direct(update) => {
            println!("plan: direct, one update without a read");
            print_update(update);
            print_all("guesses", explanation.guesses.iter().map(ToString::to_string));
        }
        Plan::Rewrite(obstacle) => {
            println!("plan: rewrite, a read and a write of what has changed");
            let operation = explanation.operation.map(|index| format!("operation {index}: "));
            println!(
                "because: {}{obstacle} ({})",
                operation.unwrap_or_default(),
                obstacle.as_str()
            );
        }
    }
    let Some(path) = document else { return Ok(()) };
    let text = read(path)?;
    let raw: &RawValue = serde_json::from_str(&text).map_err(|error| refused(path, &error))?;
    let document = parse_value(raw, 0, &Limits::DYNAMODB).map_err(|error| refused(path, &error))?;
    if !document.is_object() {
        return Err(CommandError::of(path.display().to_string(), "a document is an object"));
    }
    let wrong: Vec<_> =
        explanation.guesses.iter().filter(|guess| !guess.holds(&document)).collect();
    let outcome = apply(&parsed, document.clone());
    println!();
    match (&explanation.plan, &outcome) {
        (Plan::Check, _) | (_, Err(_)) => {}
        (Plan::Rewrite(_), Ok(_)) => println!("with this document: two requests"),
        (Plan::Direct(_), Ok(_)) if wrong.is_empty() => {
            println!("with this document: one request");
        }
        (Plan::Direct(_), Ok(_)) => {
            println!("with this document: two requests, as the plan guesses wrong that");
            for guess in wrong {
                println!("  {guess}");
            }
            let hints = Hints::of(&document);
            if let Plan::Direct(update) = Plan::of(&parsed, DOCUMENT, &hints) {
                println!("once the document was seen: one request");
                print_update(&update);
            }
        }
    }
    match outcome {
        Ok(document) => println!("the document becomes:\n  {document}"),
        Err(error) => println!("the patch does not fit this document:\n  {error}"),
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, CommandError> {
    let text = std::fs::read_to_string(path);
    text.map_err(|error| CommandError::of(path.display().to_string(), error))
}

fn print_update(update: &Update<'_>) {
    let texts = |text: String| (!text.is_empty()).then_some(text).into_iter();
    print_all("update", texts(update.update_expression()));
    print_all("condition", texts(update.condition_expression()));
    let names = update.names.iter();
    print_all("names", names.map(|(placeholder, name)| format!("{placeholder} = {name}")));
    let values = update.values.iter().enumerate();
    print_all("values", values.map(|(number, value)| format!(":{number} = {value}")));
}

/// Prints `lines` under a title, if there are any.
fn print_all(title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<_> = lines.collect();
    if !lines.is_empty() {
        println!("{title}:");
        for line in lines {
            println!("  {line}");
        }
    }
}
