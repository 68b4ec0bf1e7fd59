//! Folders and files of this host, handled so that no link and no other user can redirect a write.

mod attributes;
mod exact_io;
mod failure;
mod folder;
mod line_file;
mod line_reader;
mod partial_file;
mod trusted_owner;

pub(crate) use attributes::{Attributes, Wanted};
pub(crate) use exact_io::{read_up_to, write_all_at};
pub(crate) use failure::{failed, lock_within};
pub(crate) use folder::{Branch, Folder, same_file};
pub(crate) use line_file::{Ending, LineFile};
pub(crate) use line_reader::lines;
pub(crate) use partial_file::{PARTIAL_PREFIX, PartialFile};
pub(crate) use trusted_owner::check_ours;
