use std::io;

use custody_core::extent::ByteRange;
use custody_core::{BoxError, Error};
use rustix::io::Errno;

/// What a failed read says of the medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Some sectors of the range are bad: smaller reads may succeed.
    Sectors,
    /// The whole medium is gone.
    Gone,
    /// The way of reading is not offered (an alignment that `O_DIRECT` wants).
    Way,
    /// The host failed, and says nothing of the medium (no memory, no right).
    Host,
}

/// What the kernel means by this error of a read.
///
/// Block layer errors reach us as the kernel's `blk_errors` table maps them: a medium error is
/// `ENODATA`, a target's `EREMOTEIO`, a protection failure `EILSEQ`, a device that went offline `ENODEV`,
/// all others `EIO`. File systems add `EBADMSG` and `EUCLEAN` for a bad sum, network file systems `ESTALE`.
///
/// Source: Linux 6.12, `block/blk-core.c`, `blk_errors`; `include/uapi/asm-generic/errno.h`.
pub(super) const fn meaning(errno: Errno) -> Meaning {
    match errno {
        Errno::IO
        | Errno::NODATA
        | Errno::REMOTEIO
        | Errno::ILSEQ
        | Errno::TIMEDOUT
        | Errno::NOLINK
        | Errno::BADE
        | Errno::BADMSG
        | Errno::UCLEAN => Meaning::Sectors,
        Errno::NODEV | Errno::NXIO | Errno::NOMEDIUM | Errno::STALE | Errno::NOTCONN | Errno::SHUTDOWN => {
            Meaning::Gone
        }
        Errno::INVAL | Errno::OPNOTSUPP => Meaning::Way,
        _ => Meaning::Host,
    }
}

/// The error's name as C programs know it (`EIO`), or its number.
pub(super) fn name(errno: Errno) -> String {
    let known = match errno {
        Errno::IO => "EIO",
        Errno::NODATA => "ENODATA",
        Errno::REMOTEIO => "EREMOTEIO",
        Errno::ILSEQ => "EILSEQ",
        Errno::TIMEDOUT => "ETIMEDOUT",
        Errno::NOLINK => "ENOLINK",
        Errno::BADE => "EBADE",
        Errno::BADMSG => "EBADMSG",
        Errno::UCLEAN => "EUCLEAN",
        Errno::NODEV => "ENODEV",
        Errno::NXIO => "ENXIO",
        Errno::NOMEDIUM => "ENOMEDIUM",
        Errno::STALE => "ESTALE",
        Errno::NOTCONN => "ENOTCONN",
        Errno::SHUTDOWN => "ESHUTDOWN",
        other => return format!("errno {}", other.raw_os_error()),
    };
    known.to_owned()
}

/// The error of a call on a path: gone, forbidden, or failed.
pub(super) fn of_path(object: &str, operation: &'static str, error: io::Error) -> Error {
    let object = object.to_owned();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::NotFound { object },
        io::ErrorKind::PermissionDenied => Error::PermissionDenied {
            object,
            operation,
            source: Some(error.into()),
        },
        _ => Error::Provider {
            object,
            operation,
            source: Some(error.into()),
        },
    }
}

/// The error of a read whose medium is gone.
pub(super) fn vanished(object: &str, range: ByteRange, why: &str) -> Error {
    Error::NotFound {
        object: format!("{object} (vanished while bytes {range} were read: {why})"),
    }
}

/// The error of a read that failed for a reason on this host.
pub(super) fn failed_read(object: &str, errno: Errno) -> Error {
    let cause: BoxError = io::Error::from(errno).into();
    Error::Provider {
        object: object.to_owned(),
        operation: "read",
        source: Some(cause),
    }
}
