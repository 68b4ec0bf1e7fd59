use crate::custody_log::SealedObject;

/// What `sha256sum` prints for these objects and `sha256sum -c` checks: digest, two spaces, name.
///
/// Stored names never need `sha256sum`'s escapes.
#[must_use]
pub fn sums(objects: &[SealedObject]) -> String {
    objects
        .iter()
        .map(|object| format!("{}  {}\n", object.sha256, object.file))
        .collect()
}
