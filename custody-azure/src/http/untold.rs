//! Operations that the service took and does not tell the end of: only the resource itself can.

use custody_core::Error;

/// What is called so in errors when the service does not know an operation any more.
pub(crate) const POLLING: &str = "asking how the operation goes on";

/// The rights to ask how operations go on, by the kind of their address. Whether the service demands them of whoever has
/// an address with a signed token in it is not verified.
///
/// Source: Azure's built-in role "VM Restore Operator" names that on disk operations, read 2026-11-28; the other one is as
/// commonly known, and was not read again here.
pub(crate) const READ_OPERATION: &str = "Microsoft.Compute/locations/operations/read";
pub(crate) const READ_DISK_OPERATION: &str = "Microsoft.Compute/locations/diskOperations/read";

/// Whether an act was taken, and how it ended was not told: it may have been carried out, or may be later.
pub(crate) fn is_untold(error: &Error) -> bool {
    match error.meaning() {
        Error::PermissionDenied { operation, .. } => {
            matches!(*operation, READ_OPERATION | READ_DISK_OPERATION)
        }
        Error::Provider { operation, .. } => *operation == POLLING,
        _ => false,
    }
}
