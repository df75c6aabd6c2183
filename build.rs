//! Lists the translations of `src/messages/`, so that adding a language is adding a file.

use std::{env, error::Error, fmt::Write, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("src/messages");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "ftl"));
    // English is what everything else falls back to, so it comes first.
    files.sort_by_key(|path| (path.file_stem().is_none_or(|tag| tag != "en"), path.clone()));
    let mut list = String::from("const FILES: &[(&str, &str)] = &[\n");
    for path in &files {
        let tag = path.file_stem().and_then(|stem| stem.to_str()).ok_or("a tag is ASCII")?;
        writeln!(list, "({tag:?}, include_str!({:?})),", path.display().to_string())?;
    }
    list.push_str("];\n");
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("languages.rs"), list)?;
    Ok(())
}
