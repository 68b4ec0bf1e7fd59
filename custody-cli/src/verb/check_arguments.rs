use clap::Args;

/// What of `--check` can be chosen, under the names that `sha256sum` has for it.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "With --check")]
pub(crate) struct CheckArguments {
    /// Pass over files that are not there
    #[arg(long, requires = "check")]
    ignore_missing: bool,

    /// Do not print OK for files that match
    #[arg(long, requires = "check", overrides_with_all = ["status", "warn"])]
    quiet: bool,

    /// Print no verdicts: the exit code tells
    #[arg(long, requires = "check", overrides_with_all = ["quiet", "warn"])]
    status: bool,

    /// Fail on lines that are malformed, too
    #[arg(long, requires = "check")]
    strict: bool,

    /// Name each line that is malformed
    #[arg(long, short = 'w', requires = "check", overrides_with_all = ["quiet", "status"])]
    warn: bool,
}

/// What is said of a check on its way. The last that was asked for holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Talk {
    Verdicts,
    /// And each malformed line.
    VerdictsAndLines,
    OnlyFailures,
    Nothing,
}

/// What a listed file comes to that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    IsUnreadable,
    IsPassedOver,
}

/// What malformed lines come to, beside others that are well formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Malformed {
    IsTold,
    Fails,
}

impl CheckArguments {
    pub(super) const fn talk(self) -> Talk {
        match (self.quiet, self.status, self.warn) {
            (true, ..) => Talk::OnlyFailures,
            (_, true, _) => Talk::Nothing,
            (_, _, true) => Talk::VerdictsAndLines,
            _ => Talk::Verdicts,
        }
    }

    pub(super) const fn missing(self) -> Missing {
        if self.ignore_missing {
            Missing::IsPassedOver
        } else {
            Missing::IsUnreadable
        }
    }

    pub(super) const fn malformed(self) -> Malformed {
        if self.strict {
            Malformed::Fails
        } else {
            Malformed::IsTold
        }
    }
}
