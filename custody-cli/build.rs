//! Finds out which commit is built: `CUSTODY_COMMIT` is its id, with `-dirty` behind it when tracked files differ, or
//! `unknown` outside a repository.

use std::path::Path;
use std::process::Command;

/// What goes into the binary, seen from this crate: when one of them changes, the answer may.
const SOURCES: [&str; 7] = [
    "../Cargo.lock",
    "../Cargo.toml",
    "../custody-core/src",
    "../custody-hash/src",
    "../custody-keys/src",
    "../custody-local/src",
    "src",
];

fn main() {
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    for file in ["HEAD", "index", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", file]);
        if let Some(path) = path.filter(|path| Path::new(path).exists()) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    println!("cargo::rustc-env=CUSTODY_COMMIT={}", commit());
}

fn commit() -> String {
    let Some(commit) = git(&["rev-parse", "HEAD"]) else {
        return "unknown".into();
    };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit}-dirty"),
    }
}

/// What git prints; `None` where there is no git or no repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
