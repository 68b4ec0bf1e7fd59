use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use custody_core::{Error, Result, visible};

use super::errno;

/// The files that make up one image: a split set such as `disk.001`, `disk.002`, … or `disk.raw.000`, …,
/// given by its first part, or just the file that was named.
///
/// A name begins a set when its extension is the number 0 or 1 with two digits or more (`00`, `001`) and
/// a file with a higher number of that form lies beside it. Names such as `disk.1` or `backup.2026` are no sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SplitSet {
    /// In the order in which their bytes follow each other; at least one.
    pub(super) parts: Vec<PathBuf>,
}

/// `stem.NNN` taken apart.
struct Numbered<'a> {
    stem: &'a [u8],
    digits: usize,
    number: u64,
}

impl SplitSet {
    /// The set that begins with this file.
    ///
    /// # Errors
    /// `NotFound` when a part in the middle is missing, with its name; `Refused` when the file is a later part of a
    /// set, with the name of the first. Otherwise when the folder cannot be listed.
    pub(super) fn of(path: &Path, object: &str) -> Result<Self> {
        let alone = Self {
            parts: vec![path.to_owned()],
        };
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(alone);
        };
        let Some(named) = Numbered::parse(name).filter(|named| named.digits >= 2) else {
            return Ok(alone);
        };
        let present = numbers_beside(folder, &named).map_err(|error| {
            errno::of_path(
                &visible::escape_bytes(folder.as_os_str().as_bytes()),
                "list the folder of a split set",
                error,
            )
        })?;
        let Some(first) = present.iter().next().copied().filter(|first| *first <= 1) else {
            return Ok(alone);
        };
        // 1 begins a set as well as 0 does, unless there is a 0.
        if named.number != first {
            return Err(Error::Refused {
                object: object.to_owned(),
                reason: format!(
                    "it is a part of a split set; name its first part, {:?}",
                    named.visible_sibling(first)
                ),
            });
        }
        let last = present.iter().next_back().copied().unwrap_or(first);
        for number in first..=last {
            if !present.contains(&number) {
                let missing = folder.join(named.sibling(number));
                return Err(Error::NotFound {
                    object: format!(
                        "{} (a part of the split set {object}, which goes on to {:?}; find it, or move away what \
                         does not belong to the set)",
                        visible::escape_bytes(missing.as_os_str().as_bytes()),
                        named.visible_sibling(last)
                    ),
                });
            }
        }
        let parts = (first..=last)
            .map(|number| folder.join(named.sibling(number)))
            .collect();
        Ok(Self { parts })
    }

    /// The name of the whole: of a set its parts' name without the number.
    pub(super) fn name(&self) -> OsString {
        let first = self.parts.first().and_then(|path| path.file_name());
        let name = first.unwrap_or_default();
        match Numbered::parse(name) {
            Some(numbered) if self.parts.len() > 1 && !numbered.stem.is_empty() => {
                OsString::from_vec(numbered.stem.to_vec())
            }
            _ => name.to_owned(),
        }
    }
}

impl<'a> Numbered<'a> {
    fn parse(name: &'a OsStr) -> Option<Self> {
        let name = name.as_bytes();
        let dot = name.iter().rposition(|byte| *byte == b'.')?;
        let (stem, extension) = name.split_at(dot);
        let extension = std::str::from_utf8(extension.get(1..)?).ok()?;
        let plain = !extension.is_empty() && extension.bytes().all(|byte| byte.is_ascii_digit());
        Some(Self {
            stem,
            digits: extension.len(),
            number: plain.then(|| extension.parse().ok())??,
        })
    }

    /// The name with another number: as many digits at least, more when the number needs them.
    fn sibling(&self, number: u64) -> OsString {
        let mut name = self.stem.to_vec();
        name.extend_from_slice(format!(".{number:0digits$}", digits = self.digits).as_bytes());
        OsString::from_vec(name)
    }

    fn visible_sibling(&self, number: u64) -> String {
        visible::escape_bytes(self.sibling(number).as_bytes())
    }
}

/// The numbers of the files in the folder that are named as this one but for the number.
fn numbers_beside(folder: &Path, named: &Numbered<'_>) -> std::io::Result<BTreeSet<u64>> {
    let mut numbers = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        if let Some(other) = Numbered::parse(&name)
            && other.stem == named.stem
            && named.sibling(other.number) == name
        {
            numbers.insert(other.number);
        }
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        folder
    }

    fn names(folder: &tempfile::TempDir, first: &str) -> Result<Vec<String>> {
        let set = SplitSet::of(&folder.path().join(first), first)?;
        let name = |part: &PathBuf| part.file_name().unwrap().to_str().unwrap().to_owned();
        Ok(set.parts.iter().map(name).collect())
    }

    #[test]
    fn a_set_is_found_by_its_first_part_in_the_order_of_its_numbers() {
        let files = folder(&["d.001", "d.002", "d.003", "d.0004", "e.002", "d.raw"]);
        assert_eq!(names(&files, "d.001").unwrap(), ["d.001", "d.002", "d.003"]);
        let files = folder(&["d.raw.000", "d.raw.001"]);
        assert_eq!(names(&files, "d.raw.000").unwrap(), ["d.raw.000", "d.raw.001"]);
        let set = SplitSet::of(&files.path().join("d.raw.000"), "x").unwrap();
        assert_eq!(set.name(), "d.raw");
    }

    #[test]
    fn a_set_goes_on_past_the_digits_of_its_first_part() {
        let all: Vec<String> = (0..=101).map(|n| format!("d.{n:02}")).collect();
        let files = folder(&all.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(names(&files, "d.00").unwrap(), all);
    }

    #[test]
    fn a_missing_part_in_the_middle_is_refused_by_its_name() {
        let files = folder(&["d.001", "d.002", "d.004"]);
        let error = names(&files, "d.001").unwrap_err().to_string();
        assert!(error.contains("/d.003 (a part of"), "{error}");
        assert!(error.contains("goes on to \"d.004\""), "{error}");
        let files = folder(&["d.001", "d.003"]);
        let error = names(&files, "d.001").unwrap_err().to_string();
        assert!(error.contains("/d.002 (a part of"), "{error}");
    }

    #[test]
    fn a_later_part_is_refused_with_the_name_of_the_first() {
        let files = folder(&["d.000", "d.001", "d.002"]);
        for later in ["d.001", "d.002"] {
            let error = names(&files, later).unwrap_err().to_string();
            assert!(error.contains("name its first part, \"d.000\""), "{error}");
        }
    }

    #[test]
    fn numbers_that_are_no_parts_make_no_set() {
        for (files, named) in [
            (&["b.2025", "b.2026"][..], "b.2026"),
            (&["d.1", "d.2"], "d.1"),
            (&["d.001"], "d.001"),
            (&["d.007", "d.008"], "d.008"),
            (&["plain", "plain.001"], "plain"),
        ] {
            assert_eq!(names(&folder(files), named).unwrap(), [named]);
        }
    }
}
