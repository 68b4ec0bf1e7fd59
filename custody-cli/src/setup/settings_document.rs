use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use custody_core::Error;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use crate::azure::{AzureSettings, SettingsFile};
use crate::failure::Failure;
use crate::printable;

/// What a file that is not there yet begins as: the commented example.
const EXAMPLE: &str = include_str!("../../../docs/custody.example.toml");
/// Names and paths only: everybody may read it.
const FILE_MODE: u32 = 0o644;

/// A settings file that is looked at and changed member by member; comments, order and members that are not spoken of
/// stay as they are.
#[derive(Debug)]
pub(crate) struct SettingsDocument {
    path: PathBuf,
    /// What is there; `None` where nothing is.
    before: Option<String>,
    document: DocumentMut,
    changes: Vec<Change>,
}

/// A member that is to become something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Its name, with those of the tables that it is in.
    pub(crate) member: String,
    /// As it stands; `None` where it does not.
    pub(crate) before: Option<String>,
    /// As it is to be; `None` where it goes.
    pub(crate) after: Option<String>,
}

impl SettingsDocument {
    /// The file that is there, or the beginning of one.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        // A link is followed, so that what it leads to is written and not the link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let shown = shown(&path);
        let before = match fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Failure::system(&shown, "read", error)),
        };
        if let Some(text) = &before {
            // What cannot be understood is not written over.
            SettingsFile::of_text(&path, text)?;
        }
        let text = before.as_deref().unwrap_or(EXAMPLE);
        let document = text
            .parse::<DocumentMut>()
            .map_err(|error| Error::malformed(shown, error.message().to_owned()))?;
        Ok(Self {
            path,
            before,
            document,
            changes: Vec::new(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) const fn exists(&self) -> bool {
        self.before.is_some()
    }

    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// What stands in the file that is there; nothing where none is.
    pub(crate) fn standing(&self) -> Result<AzureSettings, Failure> {
        match &self.before {
            Some(text) => Ok(SettingsFile::of_text(&self.path, text)?.azure),
            None => Ok(AzureSettings::default()),
        }
    }

    /// What will stand in it.
    pub(crate) fn settings(&self) -> Result<AzureSettings, Failure> {
        Ok(SettingsFile::of_text(&self.path, &self.document.to_string())?.azure)
    }

    /// Makes a member of a table be this, or be left out.
    pub(crate) fn set(&mut self, tables: &[&str], name: &str, value: Option<Value>) {
        let member = tables.iter().copied().chain([name]).collect::<Vec<_>>().join(".");
        let fresh = self.before.is_none();
        let Some(table) = table_at(self.document.as_table_mut(), tables) else {
            return;
        };
        let standing = table.get(name).and_then(Item::as_value).map(plain);
        let wanted = value.as_ref().map(plain);
        let stood = standing.clone().filter(|_| !fresh);
        if standing != wanted {
            match value {
                Some(mut value) => match table.get_mut(name) {
                    // Not by inserting it anew: what is written above it belongs to its name.
                    Some(standing) => {
                        if let Some(old) = standing.as_value() {
                            *value.decor_mut() = old.decor().clone();
                        }
                        *standing = Item::Value(value);
                    }
                    None => drop(table.insert(name, Item::Value(value))),
                },
                None => drop(table.remove(name)),
            }
        }
        // Of a file that is made now, what the example says is news as well.
        if stood != wanted {
            self.changes.push(Change {
                member,
                before: stood,
                after: wanted,
            });
        }
    }

    /// Writes it, whole or not at all. What somebody else wrote meanwhile is not written over.
    pub(crate) fn write(&self) -> Result<(), Failure> {
        let shown = shown(&self.path);
        let failed = |operation| {
            let shown = shown.clone();
            move |error: io::Error| Failure::system(&shown, operation, error)
        };
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new("."));
        let mode = match fs::metadata(&self.path) {
            Ok(found) => found.permissions().mode() & 0o777,
            Err(_) => FILE_MODE,
        };
        let temporary = folder.join(format!(".custody.toml.{}", std::process::id()));
        let written = (|| -> Result<(), Failure> {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&temporary)
                .map_err(failed("write"))?;
            file.write_all(self.document.to_string().as_bytes())
                .and_then(|()| file.set_permissions(fs::Permissions::from_mode(mode)))
                .and_then(|()| file.sync_all())
                .map_err(failed("write"))?;
            self.put_in_place(&temporary)
        })();
        if written.is_err() && fs::remove_file(&temporary).is_err() {
            // It was never made, or it is in its place.
        }
        written
    }

    fn put_in_place(&self, temporary: &Path) -> Result<(), Failure> {
        let shown = shown(&self.path);
        let meanwhile = || {
            Failure::from(Error::Precondition {
                object: shown.clone(),
                expected: "what was read before".into(),
                actual: "something else: somebody wrote it meanwhile".into(),
            })
            .with_next("look at it, and run the command again")
        };
        let flags = match &self.before {
            None => RenameFlags::NOREPLACE,
            Some(before) => {
                if fs::read_to_string(&self.path).ok().as_ref() != Some(before) {
                    return Err(meanwhile());
                }
                RenameFlags::empty()
            }
        };
        match renameat_with(CWD, temporary, CWD, &self.path, flags) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::EXIST) => Err(meanwhile()),
            Err(error) => Err(Failure::system(&shown, "write", error.into())),
        }
    }
}

fn shown(path: &Path) -> String {
    format!("settings file {}", printable::path(path))
}

/// A value without the spaces and comments around it.
fn plain(value: &Value) -> String {
    let mut value = value.clone();
    value.decor_mut().clear();
    value.to_string()
}

/// The table of this name, made where it is missing; `None` where something else stands in its place, which a file
/// that was understood does not have.
fn table_at<'a>(root: &'a mut Table, names: &[&str]) -> Option<&'a mut dyn TableLike> {
    let mut table: &mut dyn TableLike = root;
    for (depth, name) in (1..).zip(names) {
        let made = || {
            let mut table = Table::new();
            // Only the last one of them gets a head of its own.
            table.set_implicit(depth < names.len());
            Item::Table(table)
        };
        table = table.entry(name).or_insert_with(made).as_table_like_mut()?;
    }
    Some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> (tempfile::TempDir, SettingsDocument) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("custody.toml");
        fs::write(&path, text).unwrap();
        let document = SettingsDocument::open(&path).unwrap();
        (folder, document)
    }

    #[test]
    fn what_is_not_spoken_of_stays_with_its_comments() {
        let text = "# ours\n[azure]\ncloud = \"china\" # since May\n\n[azure.store]\n# the new one\ncontainer = \"a\" # b\n";
        let (_folder, mut document) = document(text);
        document.set(&["azure", "store"], "container", Some("b".into()));
        document.set(&["azure", "snapshots"], "resource-group", Some("s".into()));
        document.set(&["azure"], "cloud", Some("china".into()));
        document.write().unwrap();
        let written = fs::read_to_string(document.path()).unwrap();
        assert_eq!(
            written,
            format!(
                "{}\n[azure.snapshots]\nresource-group = \"s\"\n",
                text.replace("container = \"a\"", "container = \"b\"")
            )
        );
        assert_eq!(document.changes().len(), 2);
        let first = document.changes().first().unwrap();
        assert_eq!(
            (first.before.as_deref(), first.after.as_deref()),
            (Some("\"a\""), Some("\"b\""))
        );
    }

    #[test]
    fn tables_in_any_notation_are_changed_in_place() {
        for text in [
            "azure.store.container = \"a\"\n",
            "azure = { store = { container = \"a\" } }\n",
            "[azure]\nstore = { container = \"a\" }\n",
        ] {
            let (_folder, mut document) = document(text);
            document.set(&["azure", "store"], "container", Some("b".into()));
            document.set(&["azure", "store"], "protection", Some("none".into()));
            let settings = document.settings().unwrap();
            assert_eq!(settings.store.container.as_deref(), Some("b"), "{text}");
        }
    }

    #[test]
    fn what_somebody_wrote_meanwhile_is_not_written_over() {
        let (_folder, mut there) = document("[azure]\n");
        there.set(&["azure"], "cloud", Some("public".into()));
        fs::write(there.path(), "[azure]\ncloud = \"china\"\n").unwrap();
        assert!(there.write().is_err());
        assert!(fs::read_to_string(there.path()).unwrap().contains("china"));

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("custody.toml");
        let fresh = SettingsDocument::open(&path).unwrap();
        fs::write(&path, "[azure]\n").unwrap();
        assert!(fresh.write().is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "[azure]\n");
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn a_file_that_is_not_understood_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("custody.toml");
        fs::write(&path, "[azure]\nsecret = \"x\"\n").unwrap();
        let text = format!("{:?}", SettingsDocument::open(&path).unwrap_err());
        assert!(text.contains("line 2"), "{text}");
    }
}
