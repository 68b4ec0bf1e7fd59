use std::process::ExitCode;

/// How a command ended, as its exit code tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "scripts decide on every code; a new one must break them"
)]
pub enum Exit {
    /// 0: done, or proven.
    Done,
    /// 1: nothing is wrong, and not everything is proven.
    NotProven,
    /// 2: the command was not understood.
    Usage,
    /// 3: something could not be checked, or not be completed.
    Incomplete,
    /// 4: something is not what it must be.
    Integrity,
}

impl Exit {
    /// The exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::NotProven => 1,
            Self::Usage => 2,
            Self::Incomplete => 3,
            Self::Integrity => 4,
        }
    }

    /// The exit of what core says in an exit code of its own.
    pub(crate) const fn of_code(code: u8) -> Self {
        match code {
            0 => Self::Done,
            1 => Self::NotProven,
            2 => Self::Usage,
            4 => Self::Integrity,
            _ => Self::Incomplete,
        }
    }

    /// The one that outranks the other: 4, then 3, then 2, then 1.
    pub(crate) const fn worst(self, other: Self) -> Self {
        if other.code() > self.code() { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
