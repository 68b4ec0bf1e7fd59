use serde_json::json;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::local_ports::engine;
use crate::tool::Tool;

/// Version, commit and the digest of the running program.
pub(super) fn run() -> Result<Answer, Failure> {
    let tool = Tool::observe(&engine()?);
    let executable = tool.executable.map(|digest| digest.to_string());
    let text = format!(
        "{} {}\ncommit      {}\nexecutable  SHA-256 {}\n",
        tool.name,
        tool.version,
        tool.commit.unwrap_or("unknown"),
        executable.as_deref().unwrap_or("could not be read"),
    );
    let document = json!({
        "tool": tool.name,
        "version": tool.version,
        "commit": tool.commit,
        "executable_sha256": executable,
        "hash_backend": custody_hash::backend_name(),
    });
    Ok(Answer::new(text, document))
}
