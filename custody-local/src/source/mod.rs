//! Image files and block devices as sources of evidence.
//!
//! [`LocalSources`] is the machine whose disks they are: raw images, fixed and dynamic VHD, VHDX, qcow2
//! and other containers (any file is taken whole, byte for byte), split raw sets as one item, and
//! block devices. Everything is opened read-only, nothing is written.
//!
//! # Failing media
//! A read that fails is repeated in halves down to one logical sector, past the page cache. What reads well is
//! data; a sector that fails every time is [`custody_core::extent::Extent::Unread`] or ends the capture,
//! as [`SourceOptions::on_read_error`] says. A bad run of *n* sectors costs about *n* x (1 + retries) reads of
//! one sector.
//!
//! A device that is *gone* is never recorded as bad sectors: `ENODEV`, `ENXIO`, `ENOMEDIUM`, `ESTALE`,
//! `ENOTCONN` and `ESHUTDOWN`, or a length that is 0 after a failure, end the read with
//! [`custody_core::Error::NotFound`]. When 128 sectors in a row failed, sectors that were read before (or the
//! first, the middle and the last one) are read once more; if none answers, the device has failed as a
//! whole and the read ends with [`custody_core::Error::Provider`]. Where the file system offers no `O_DIRECT`
//! that last rule can be misled by the page cache, and sectors are lost a page (4096 bytes) at a time.
//!
//! # Holes
//! Zeros that were not read are reported on the file system's word (`SEEK_HOLE`), from 64 KiB on. File
//! systems have been wrong about it; who distrusts them reads everything, which is the caller's choice.

mod aligned;
mod block_device;
mod description;
mod device_use;
mod errno;
#[cfg(test)]
mod failing_medium;
mod file_medium;
mod format;
mod health;
mod image;
mod item;
mod kernel_tree;
mod local_sources;
mod medium;
mod opened;
mod opening;
mod options;
mod reading;
mod recovery;
#[cfg(test)]
mod recovery_tests;
mod spans;
mod split_set;
mod state;
mod vhd_footer;

pub use local_sources::LocalSources;
pub use options::{MountedDevices, OnReadError, SourceOptions};
