//! The examples as processes, run as a user runs them.

use std::{
    env,
    ffi::OsStr,
    fmt::Debug,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{LazyLock, mpsc},
    time::Duration,
};

/// How long a test waits for the end of a command at most.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a command that ends by itself has written.
#[track_caller]
pub(crate) fn run(name: &str, arguments: &[impl AsRef<OsStr> + Debug]) -> Output {
    let mut command = example(name);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    let process = command.spawn().unwrap();
    let id = process.id();
    let (sender, output) = mpsc::channel();
    std::thread::spawn(move || sender.send(process.wait_with_output().unwrap()));
    output.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        let _ = Command::new("kill").arg(id.to_string()).status();
        panic!("{name} {arguments:?} does not end")
    })
}

/// Checks that the command fails with this one line.
#[track_caller]
pub(crate) fn fails(name: &str, arguments: &[&str], expected: &str) {
    let output = run(name, arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text, format!("error: {expected}\n"), "{arguments:?}");
    assert!(!output.status.success());
}

/// The command of this example, not started yet.
pub(crate) fn example(name: &str) -> Command {
    let mut command = Command::new(examples().join(name));
    command.env("AWS_EC2_METADATA_DISABLED", "true").stdin(Stdio::null());
    command
}

/// The folder of the built examples. Cargo does not build them for one test alone.
fn examples() -> &'static Path {
    static EXAMPLES: LazyLock<PathBuf> = LazyLock::new(|| {
        // This is the folder of the program that Cargo has built for the tests.
        let profile = Path::new(env!("CARGO_BIN_EXE_bootstrap")).parent().unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--locked", "--examples", "--target-dir"]);
        cargo.arg(profile.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        // Cargo has set these for the test. Where they differ, the crate ring is compiled anew.
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if ["CARGO_MANIFEST_", "CARGO_PKG_", "OUT_DIR"].iter().any(|of| text.starts_with(of)) {
                cargo.env_remove(name);
            }
        }
        assert!(cargo.status().unwrap().success());
        profile.join("examples")
    });
    &EXAMPLES
}
