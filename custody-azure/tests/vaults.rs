//! Keys from the owners' vaults, escrow and digests in the center's own, against simulated key vaults.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
