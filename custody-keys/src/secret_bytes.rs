use std::fmt;

use region::LockGuard;
use zeroize::{Zeroize as _, Zeroizing};

/// Bytes of a key, on memory pages of their own that the operating system is asked to keep out of swap, and that are
/// wiped before they are given back.
///
/// There is no `Clone` and nothing to serialise, and `Debug` says how many bytes there are. Whether the pages could be
/// locked is told by [`memory_lock`](Self::memory_lock): a limit (`ulimit -l`) refuses it to some processes, and the
/// bytes are then only wiped. Core dumps are the process's matter: see `docs/decisions/0023`.
pub struct SecretBytes {
    // Unlocked when this is dropped, which is before the pages are freed and after `drop` has wiped them.
    lock: Result<LockGuard, region::Error>,
    pages: Vec<u8>,
    start: usize,
    length: usize,
}

/// Whether the memory of a secret is kept out of swap.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it is locked, or it is not and why")]
pub enum MemoryLock {
    /// It is.
    Held,
    /// It is not: what the operating system said.
    Refused {
        /// What it said.
        reason: String,
    },
}

impl SecretBytes {
    /// This many zeros.
    #[must_use]
    pub fn zeroed(length: usize) -> Self {
        // Whole pages for these bytes alone: locks do not nest, so that a page shared with another secret would be
        // unlocked when either is dropped.
        let page = region::page::size();
        let own = length.div_ceil(page).max(1).saturating_mul(page);
        let pages = vec![0_u8; own.saturating_add(page)];
        let start = pages.as_ptr().align_offset(page).min(page);
        let lock = pages
            .get(start..)
            .map_or(Err(region::Error::InvalidParameter("no pages")), |pages| {
                region::lock(pages.as_ptr(), own)
            });
        Self {
            lock,
            pages,
            start,
            length,
        }
    }

    /// A copy of these bytes; the caller wipes its own.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut secret = Self::zeroed(bytes.len());
        secret.expose_mut().copy_from_slice(bytes);
        secret
    }

    /// How many bytes there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The bytes. Never print, log or store what this returns.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        // The range lies inside by construction.
        self.pages
            .get(self.start..self.start + self.length)
            .unwrap_or_default()
    }

    /// The bytes, to be written.
    #[must_use]
    pub fn expose_mut(&mut self) -> &mut [u8] {
        self.pages
            .get_mut(self.start..self.start + self.length)
            .unwrap_or_default()
    }

    /// Whether the memory is kept out of swap.
    #[must_use]
    pub fn memory_lock(&self) -> MemoryLock {
        match &self.lock {
            Ok(_) => MemoryLock::Held,
            Err(error) => MemoryLock::Refused {
                reason: error.to_string(),
            },
        }
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        self.pages.as_mut_slice().zeroize();
    }
}

impl From<Zeroizing<Vec<u8>>> for SecretBytes {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self::copy_of(&bytes)
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes, hidden)", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_lie_on_pages_of_their_own() {
        let page = region::page::size();
        for length in [0, 1, 32, page - 1, page, page + 1, 3 * page] {
            let mut secret = SecretBytes::zeroed(length);
            secret.expose_mut().fill(7);
            assert_eq!(secret.expose().len(), length);
            assert_eq!(secret.expose().as_ptr() as usize % page, 0);
            // The next page boundary after the bytes still belongs to the secret.
            assert!(secret.pages.len() - secret.start >= length.div_ceil(page) * page);
        }
    }

    #[test]
    fn pages_are_locked_while_the_secret_lives() {
        // What the kernel says of this process; other tests lock pages as well, so that only a lower bound holds.
        let locked = || -> u64 {
            let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("VmLck:"))
                .unwrap_or("0 kB");
            line.trim().trim_end_matches(" kB").trim().parse().unwrap_or(0)
        };
        let secret = SecretBytes::zeroed(1 << 20);
        match secret.memory_lock() {
            MemoryLock::Held => assert!(locked() >= 1024, "{} kB are locked", locked()),
            MemoryLock::Refused { reason } => assert!(!reason.is_empty()),
        }
    }

    #[test]
    fn debug_tells_the_length_alone() {
        let secret = SecretBytes::copy_of(b"CANARY-5f1e");
        assert_eq!(format!("{secret:?}"), "SecretBytes(11 bytes, hidden)");
    }
}
