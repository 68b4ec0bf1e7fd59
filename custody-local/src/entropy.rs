use std::fmt;

use custody_core::port::Entropy;
use custody_core::{Error, Result};
use rustix::io::Errno;
use rustix::rand::GetRandomFlags;

/// The kernel's random generator (`getrandom`). Waits until the generator is seeded, early in a boot.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SystemEntropy;

impl SystemEntropy {
    /// The kernel's generator.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl fmt::Display for SystemEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("system entropy")
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::rand::getrandom(&mut *rest, GetRandomFlags::empty()) {
                Ok(filled) => rest = rest.get_mut(filled..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(errno) => {
                    return Err(Error::Provider {
                        object: "system entropy".into(),
                        operation: "getrandom",
                        source: Some(std::io::Error::from(errno).into()),
                    });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_fills_differ_to_the_last_byte() {
        let (mut one, mut other) = ([0_u8; 1000], [0_u8; 1000]);
        SystemEntropy.fill(&mut one).unwrap();
        SystemEntropy.fill(&mut other).unwrap();
        assert_ne!(one, other);
        let (_, end) = one.split_at(968);
        assert_ne!(end, [0; 32], "32 zero bytes at the end: the fill was short");
    }
}
