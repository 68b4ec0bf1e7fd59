use std::fmt;

/// How the content of a volume is encrypted, by the number that is stored.
///
/// Source: libbde, "BitLocker Drive Encryption (BDE) format specification", sections "Encryption methods" and "Full Volume
/// Encryption Key (FVEK)"; AES-256-XTS by dissect.fve. Read 2026-11-28.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Method(u16);

/// A number, the method's name, and the bytes of the key that it takes. With the diffuser there are two keys, each with
/// room for 32 bytes.
const KNOWN: &[(u16, &str, usize)] = &[
    (0x8000, "AES-128-CBC with the Elephant diffuser", 64),
    (0x8001, "AES-256-CBC with the Elephant diffuser", 64),
    (0x8002, "AES-128-CBC", 16),
    (0x8003, "AES-256-CBC", 32),
    (0x8004, "AES-128-XTS", 32),
    (0x8005, "AES-256-XTS", 64),
];

impl Method {
    pub(crate) const fn of(number: u16) -> Self {
        Self(number)
    }

    fn known(self) -> Option<(&'static str, usize)> {
        let known = KNOWN.iter().find(|(number, ..)| *number == self.0);
        known.map(|(_, name, key_bytes)| (*name, *key_bytes))
    }

    /// The method's name, where it has one.
    pub(crate) fn name(self) -> Option<&'static str> {
        self.known().map(|(name, _)| name)
    }

    /// Whether a key of this length is too short for it; of a method that is not known nobody can tell.
    pub(crate) fn wants_more_than(self, key_bytes: usize) -> bool {
        self.known().is_some_and(|(_, needed)| key_bytes < needed)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "a method that is not known, number {:#06x}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_have_the_names_and_key_lengths_of_their_numbers() {
        assert_eq!(
            Method::of(0x8000).to_string(),
            "AES-128-CBC with the Elephant diffuser"
        );
        assert_eq!(Method::of(0x8005).to_string(), "AES-256-XTS");
        assert_eq!(
            Method::of(0x8006).to_string(),
            "a method that is not known, number 0x8006"
        );
        assert!(Method::of(0x8005).wants_more_than(32) && !Method::of(0x8004).wants_more_than(32));
        assert!(!Method::of(0x8006).wants_more_than(0));
    }
}
