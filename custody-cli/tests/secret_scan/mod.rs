//! Looks for secrets where none may be: in what is printed, in files, in the arguments and the environment of what runs.
//! Memory is not looked at.

mod forms;
pub(crate) mod process;

use std::fs;
use std::path::{Path, PathBuf};

use memchr::memmem::Finder;

/// Halves that are shorter could stand anywhere by chance: of a short secret only the whole is looked for.
const SHORTEST_HALF: usize = 12;
/// What tokens and signatures have about them, whoever made them; the first as the simulator's tokens begin.
const MARKS: [&str; 4] = ["eyJ0eXAiOiJKV1Qi", "sig=", "sig%3D", "Bearer "];
/// What stands in the place of something that was taken out.
const TAKEN_OUT: &str = "…";

/// What may be seen nowhere: secrets, in every form in which the whole or a half of them could be seen.
pub(crate) struct Needles(Vec<Needle>);

struct Needle {
    /// What it is, in words that do not hold it.
    what: String,
    finder: Finder<'static>,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Secret,
    /// Text that stands before a secret; it may stand before what shows that the secret was taken out.
    Mark,
}

impl Needles {
    /// What marks tokens and signatures.
    pub(crate) fn new() -> Self {
        MARKS.into_iter().fold(Self(Vec::new()), Self::with_mark)
    }

    /// And text behind which a secret stands.
    pub(crate) fn with_mark(self, text: &str) -> Self {
        self.with(text.to_owned(), text.as_bytes(), Kind::Mark)
    }

    /// And a secret, which is called so.
    pub(crate) fn with_secret(self, name: &str, secret: &[u8]) -> Self {
        let (first, second) = secret.split_at(secret.len() / 2);
        let parts = if first.len() < SHORTEST_HALF {
            vec![("", secret)]
        } else {
            // The whole has both in it, in every form.
            vec![("the first half of ", first), ("the second half of ", second)]
        };
        parts.into_iter().fold(self, |needles, (which, part)| {
            forms::of(part)
                .into_iter()
                .fold(needles, |needles, (form, bytes)| {
                    needles.with(format!("{which}{name} {form}"), &bytes, Kind::Secret)
                })
        })
    }

    fn with(mut self, what: String, bytes: &[u8], kind: Kind) -> Self {
        let finder = Finder::new(bytes).into_owned();
        self.0.push(Needle { what, finder, kind });
        self
    }

    /// Which of them is in these bytes, and where; never what it is.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<String> {
        self.0.iter().find_map(|needle| {
            let at = needle.place_in(bytes)?;
            Some(format!("{} at byte {at}", needle.what))
        })
    }

    /// Which of them is in a file below a folder, or in a name there, but for these files; and where.
    pub(crate) fn find_below(&self, folder: &Path, but: &[PathBuf]) -> Option<String> {
        let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| !but.contains(path)).find_map(|path| {
            if let Some(found) = self.find(path.file_name().unwrap().as_encoded_bytes()) {
                return Some(format!("the name of a file in {}: {found}", folder.display()));
            }
            if path.is_dir() {
                return self.find_below(&path, but);
            }
            let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let found = self.find(&bytes)?;
            Some(format!("{}: {found}", path.display()))
        })
    }
}

impl Needle {
    fn place_in(&self, bytes: &[u8]) -> Option<usize> {
        let mut places = self.finder.find_iter(bytes);
        match self.kind {
            Kind::Secret => places.next(),
            Kind::Mark => places.find(|at| {
                let behind = &bytes[at + self.finder.needle().len()..];
                !behind.starts_with(TAKEN_OUT.as_bytes())
            }),
        }
    }
}
