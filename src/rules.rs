//! Which rules the options keep. A deployed build has those of the folder `rules/`.

use std::{fs, io, path::Path};

use json_patch_dynamodb::{Rules, RulesError};

use crate::id::OptionGuid;

/// The name, without `.json`, of the file with the rules of every option that has no file of its own.
const DEFAULT: &str = "default";

// `const FILES`: name without `.json`, and text, of the files in `rules/`, which build.rs has checked.
include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// The rules of each option. By default there are none.
#[derive(Debug, Clone, Default)]
pub struct OptionRules {
    default: Rules,
    own: Vec<(OptionGuid, Rules)>,
}

/// Why a folder has no rules that can be kept.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct OptionRulesError {
    /// The file or folder.
    pub file: String,
    /// What is wrong with it.
    #[source]
    pub problem: FileProblem,
}

/// What is wrong with a file of rules.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// The folder has no file of rules.
    #[error("expected files of rules, as `default.json`")]
    NoFile,
    /// It is named neither `default.json` nor like an option.
    #[error("expected the name `default.json`, or an option's GUID with `.json`")]
    Name,
    /// Another file has rules of the same option.
    #[error("another file has rules of the same option")]
    Repeated,
    /// It is no schema that can be kept.
    #[error(transparent)]
    Rules(#[from] RulesError),
}

impl OptionRules {
    /// The rules in the files that this build has; none where they cannot be kept, which `build.rs` would
    /// have said.
    #[must_use]
    pub fn of_this_build() -> Option<Self> {
        let mut all = Self::default();
        for (name, text) in FILES {
            all.add(name, text).ok()?;
        }
        Some(all)
    }

    /// The rules in the files of `folder` that end in `.json`.
    ///
    /// # Errors
    ///
    /// Names the first file that cannot be read, is named otherwise, or is no schema that can be kept. There
    /// has to be one.
    pub fn of_folder(folder: &Path) -> Result<Self, OptionRulesError> {
        let unreadable = |path: &Path, error: io::Error| failed(&path.display(), error);
        let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| unreadable(folder, error))?.path();
            if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
                files.push(path);
            }
        }
        if files.is_empty() {
            return Err(failed(&folder.display(), FileProblem::NoFile));
        }
        files.sort_unstable();
        let mut all = Self::default();
        for path in files {
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            all.add(&name, &text).map_err(|problem| failed(&path.display(), problem))?;
        }
        Ok(all)
    }

    /// The rules in files, by their names without `.json` and their texts.
    ///
    /// # Errors
    ///
    /// As [`OptionRules::of_folder`].
    pub fn of_files(files: &[(&str, &str)]) -> Result<Self, OptionRulesError> {
        let mut all = Self::default();
        for (name, text) in files {
            all.add(name, text).map_err(|problem| failed(&format_args!("{name}.json"), problem))?;
        }
        Ok(all)
    }

    /// Adds the rules in a file, by its name without `.json` and its text.
    fn add(&mut self, name: &str, text: &str) -> Result<(), FileProblem> {
        let rules = Rules::parse(text)?;
        if name == DEFAULT {
            self.default = rules;
            return Ok(());
        }
        let option = name.parse().map_err(|_| FileProblem::Name)?;
        if self.own(option).is_some() {
            return Err(FileProblem::Repeated);
        }
        self.own.push((option, rules));
        Ok(())
    }

    /// The rules of this option.
    #[must_use]
    pub fn of(&self, option: OptionGuid) -> &Rules {
        self.own(option).unwrap_or(&self.default)
    }

    fn own(&self, option: OptionGuid) -> Option<&Rules> {
        self.own.iter().find(|(each, _)| *each == option).map(|(_, rules)| rules)
    }

    /// Whether no option has rules.
    #[must_use]
    pub fn are_none(&self) -> bool {
        self.default.is_empty() && self.own.is_empty()
    }

    /// These rules, and of the options that have none of their own those of `others`.
    #[must_use]
    pub fn or(mut self, others: Self) -> Self {
        for (option, rules) in others.own {
            if self.own(option).is_none() {
                self.own.push((option, rules));
            }
        }
        self
    }
}

fn failed(file: &impl ToString, problem: impl Into<FileProblem>) -> OptionRulesError {
    OptionRulesError { file: file.to_string(), problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OPTION: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

    fn of(files: &[(&str, &str)]) -> Result<OptionRules, String> {
        OptionRules::of_files(files).map_err(|error| error.to_string())
    }

    #[test]
    fn an_option_has_its_own_rules_or_those_of_all() {
        let rules = of(&[("default", r#"{"maxProperties": 0}"#), (OPTION, "true")]).unwrap();
        let document = json!({"a": 1});
        let breaks =
            |option: &str| !rules.of(option.parse().unwrap()).violations(&document).is_empty();
        assert!(!breaks(OPTION));
        assert!(breaks("7d444840-9dc0-41d1-b245-5ffdce74fad2"));
        assert!(of(&[]).unwrap().of(OPTION.parse().unwrap()).is_empty());
        assert!(of(&[]).unwrap().are_none());
        for file in ["default", OPTION] {
            assert!(!of(&[(file, r#"{"maxProperties": 0}"#)]).unwrap().are_none(), "{file}");
        }
    }

    #[test]
    fn rules_add_to_those_of_other_options() {
        const OTHER: &str = "7d444840-9dc0-41d1-b245-5ffdce74fad2";
        let no_member = r#"{"maxProperties": 0}"#;
        let own = of(&[(OPTION, "true")]).unwrap();
        let all =
            own.or(of(&[("default", no_member), (OPTION, no_member), (OTHER, no_member)]).unwrap());
        let breaks =
            |option: &str| !all.of(option.parse().unwrap()).violations(&json!({"a": 1})).is_empty();
        assert!(!breaks(OPTION));
        assert!(breaks(OTHER));
        // The rules of all are not among those of others.
        assert!(!breaks("00000000-0000-4000-8000-000000000000"));
    }

    #[test]
    fn a_file_that_cannot_be_kept_is_named() {
        let braced = format!("{{{OPTION}}}");
        for (files, expected) in [
            (
                &[("options", "true")][..],
                "options.json: expected the name `default.json`, or an option's GUID with `.json`",
            ),
            (
                &[(OPTION, "true"), (&braced, "true")],
                "{6fa459ea-ee8a-4ca4-894e-db77e160355e}.json: another file has rules of the same \
                 option",
            ),
            (
                &[("default", r#"{"properties": {"a": {"pattern": "(?=a)"}}}"#)],
                "default.json: `pattern` at `/properties/a`: not a supported regular expression: ",
            ),
        ] {
            let error = of(files).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        let missing = OptionRules::of_folder(Path::new("/no/such/folder")).unwrap_err();
        assert!(missing.to_string().starts_with("/no/such/folder: "), "{missing}");
    }

    #[test]
    fn this_build_has_rules_that_can_be_kept() {
        OptionRules::of_this_build().unwrap();
    }
}
