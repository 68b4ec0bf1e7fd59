use serde::{Deserialize, Serialize};

use super::checked_text;

const MAX_NAME_BYTES: usize = 100;

/// Lower-case letters, digits, dots and hyphens, with a letter or digit at either end.
fn plain(text: &str) -> Result<(), String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = [text.bytes().next(), text.bytes().next_back()];
    let fits = text.len() <= MAX_NAME_BYTES
        && ends.iter().all(|byte| byte.is_some_and(is_plain))
        && text
            .bytes()
            .all(|byte| is_plain(byte) || matches!(byte, b'.' | b'-'));
    if fits {
        return Ok(());
    }
    Err(format!(
        "{:?} is not 1 to {MAX_NAME_BYTES} of a-z 0-9 . - with a letter or digit at either end",
        crate::visible::escape(text)
    ))
}

/// The name of a machine record: the provider's own word for what the record tells, `virtual-machine.json`, never a
/// name that somebody outside gave.
///
/// Invariants: 1 to 100 bytes of `a-z 0-9 . -`; a letter or digit at either end. So two names that differ stay
/// different on every file system.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordName(String);
checked_text!(RecordName, "machine record's name", plain);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_plain_file_name_that_no_file_system_folds() {
        for good in ["a", "vm.json", "network-interface-2.json", &"x".repeat(100)] {
            assert!(good.parse::<RecordName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            ".vm",
            "vm.",
            "-vm",
            "VM.json",
            "vm_1",
            "a/b",
            "a b",
            "ä",
            &"x".repeat(101),
        ] {
            assert!(bad.parse::<RecordName>().is_err(), "{bad}");
        }
    }
}
