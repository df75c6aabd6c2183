//! Takes what lies in folders into the build: the translations of `src/messages/`, so that adding a language
//! is adding a file, and the rules of `rules/`, after it has checked them.

use std::{
    collections::BTreeSet,
    env,
    error::Error,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

use fluent_syntax::{
    ast::{Entry, PatternElement},
    parser,
};
use json_patch_dynamodb::Rules;
use uuid::Uuid;

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let mut languages = files(&root.join("src/messages"), "ftl")?;
    // English is what everything else falls back to, so it comes first.
    languages.sort_by_key(|(tag, _)| tag != "en");
    write("languages.rs", &translations(&languages)?)?;
    let rules = files(&root.join("rules"), "json")?;
    check(&rules)?;
    write("rules.rs", &list(&rules)?)
}

/// The files in `folder` that end in `extension`, by their names without it, in order.
fn files(folder: &Path, extension: &str) -> Result<Vec<(String, PathBuf)>, Box<dyn Error>> {
    // A folder that is not there yet is looked for again in each build.
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension)) {
            let name = path.file_stem().and_then(|stem| stem.to_str());
            files.push((name.ok_or("a file's name is not UTF-8")?.to_owned(), path));
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Checks that the function will be able to keep these rules.
fn check(files: &[(String, PathBuf)]) -> Result<(), Box<dyn Error>> {
    let mut options = BTreeSet::new();
    for (name, path) in files {
        let file = path.display();
        if name != "default" {
            let option = Uuid::try_parse(name).map_err(|_| {
                format!(
                    "{file}: expected the name `default.json`, or an option's GUID with `.json`"
                )
            })?;
            if !options.insert(option) {
                return Err(format!("{file}: another file has rules of the same option").into());
            }
        }
        Rules::parse(&fs::read_to_string(path)?).map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(())
}

/// The languages as Rust: their tags, and their messages by the code that each is for.
fn translations(files: &[(String, PathBuf)]) -> Result<String, Box<dyn Error>> {
    let mut text = String::from("const LANGUAGES: &[Language] = &[\n");
    for (tag, path) in files {
        let file = path.display();
        let source = fs::read_to_string(path)?;
        let parsed = parser::parse(&*source);
        let resource = parsed.map_err(|(_, errors)| format!("{file}: {:?}", errors.first()))?;
        writeln!(text, "Language {{ tag: {tag:?}, messages: &[")?;
        for entry in &resource.body {
            let message = match entry {
                Entry::Message(message) => message,
                Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => continue,
                Entry::Term(_) | Entry::Junk { .. } => {
                    return Err(format!("{file}: expected nothing but messages").into());
                }
            };
            let code = message.id.name;
            let elements = message.value.as_ref().map(|pattern| &pattern.elements);
            let parts = elements.into_iter().flatten().map(|element| match element {
                PatternElement::TextElement { value } => Some(*value),
                PatternElement::Placeable { .. } => None,
            });
            let told = parts.collect::<Option<String>>().filter(|told| !told.is_empty());
            let told = told.ok_or_else(|| format!("{file}: expected `{code}` to be a text"))?;
            writeln!(text, "({code:?}, {told:?}),")?;
        }
        text.push_str("] },\n");
    }
    text.push_str("];\n");
    Ok(text)
}

/// A list of the files as Rust, of which the compiler then takes the texts.
fn list(files: &[(String, PathBuf)]) -> Result<String, Box<dyn Error>> {
    let mut text = String::from("const FILES: &[(&str, &str)] = &[\n");
    for (name, path) in files {
        writeln!(text, "({name:?}, include_str!({:?})),", path.display().to_string())?;
    }
    text.push_str("];\n");
    Ok(text)
}

fn write(file: &str, text: &str) -> Result<(), Box<dyn Error>> {
    Ok(fs::write(PathBuf::from(env::var("OUT_DIR")?).join(file), text)?)
}
