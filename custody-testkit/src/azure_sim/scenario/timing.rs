use serde::{Deserialize, Serialize};

/// How long things take.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Timing {
    /// ARM's long operations.
    pub long_running: LongRunning,
    /// Server-side copies: bytes a second, each copy by itself. None: the number of polls below decides.
    pub copy_bytes_per_second: Option<u64>,
    /// How often a copy answers `pending` when no speed is given.
    pub copy_polls: u32,
    /// How much `completionPercent` of a background copy grows with each look at it.
    pub completion_percent_per_poll: u32,
    /// Life of a token, in seconds.
    pub token_seconds: u64,
    /// How often the metadata service answers 404 before its first token.
    pub metadata_misses: u32,
    /// How late an event shows in the Activity Log, in seconds.
    pub activity_delay_seconds: u64,
    /// Whether each export of a snapshot has a footer of its own.
    pub renew_footer: bool,
}

/// How ARM's long operations behave.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LongRunning {
    /// How often an operation answers that it is still running.
    pub polls: u32,
    /// How an operation tells its outcome.
    pub style: LroStyle,
    /// Whether its addresses are about 5 kB long, as they have been since 2024.
    pub long_urls: bool,
    /// The `Retry-After` of running operations, in seconds; the disk provider's recorded answers have none.
    pub retry_after: Option<u64>,
}

/// How an operation tells its outcome. Each of them has been met in the field.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum LroStyle {
    /// Both addresses; the status has the result in `properties.output`.
    #[default]
    Output,
    /// Only `Location`, which ends with the bare result.
    Location,
    /// Both addresses; the first finished status has no output, asking again for access answers it at once.
    OutputMissingOnce,
    /// No operation at all: 200 with the result.
    Direct,
}

/// How fast answers are sent. Requests are read as fast as they come.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Bandwidth {
    /// Bytes a second of one answer.
    pub per_answer: Option<u64>,
    /// Bytes a second of all answers of one host together.
    pub per_host: Option<u64>,
    /// Bytes a second of everything together: the link.
    pub total: Option<u64>,
}

impl Default for LongRunning {
    fn default() -> Self {
        Self {
            polls: 1,
            style: LroStyle::Output,
            long_urls: true,
            retry_after: None,
        }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            long_running: LongRunning::default(),
            copy_bytes_per_second: None,
            copy_polls: 1,
            completion_percent_per_poll: 50,
            token_seconds: 3599,
            metadata_misses: 0,
            activity_delay_seconds: 0,
            renew_footer: true,
        }
    }
}

impl Timing {
    /// How often a long operation answers that it is running.
    #[must_use]
    pub fn with_operation_polls(mut self, polls: u32) -> Self {
        self.long_running.polls = polls;
        self
    }

    /// How an operation tells its outcome.
    #[must_use]
    pub fn with_style(mut self, style: LroStyle) -> Self {
        self.long_running.style = style;
        self
    }

    /// How fast a copy is, in bytes a second.
    #[must_use]
    pub fn with_copy_speed(mut self, bytes_per_second: u64) -> Self {
        self.copy_bytes_per_second = Some(bytes_per_second);
        self
    }

    /// How often a copy answers `pending`.
    #[must_use]
    pub fn with_copy_polls(mut self, polls: u32) -> Self {
        self.copy_bytes_per_second = None;
        self.copy_polls = polls;
        self
    }
}

impl Bandwidth {
    /// A link of that many bytes a second.
    #[must_use]
    pub fn link(bytes_per_second: u64) -> Self {
        Self {
            total: Some(bytes_per_second),
            ..Self::default()
        }
    }
}
