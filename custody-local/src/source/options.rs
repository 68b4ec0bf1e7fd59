use std::collections::BTreeMap;

use custody_core::ids::Statement;
use custody_core::{Error, Result};

const ON_READ_ERROR: &str = "on-read-error";
const RETRIES: &str = "retries";
const MOUNTED: &str = "mounted-devices";
const WRITE_BLOCKER: &str = "write-blocker";

/// What becomes of a sector that cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third choice")]
pub enum OnReadError {
    /// It is reported as [`custody_core::extent::Extent::Unread`], and reading goes on.
    #[default]
    Fill,
    /// The read fails with [`custody_core::Error::Unreadable`].
    Stop,
}

impl OnReadError {
    /// The word for it in records and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fill => "fill",
            Self::Stop => "stop",
        }
    }
}

/// Whether a block device that is mounted, or that something holds, is read all the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third choice")]
pub enum MountedDevices {
    /// It is refused: its content can change while it is read, so that the copy would show no one state of it.
    #[default]
    Refuse,
    /// It is read, and the record says that it was in use.
    Allow,
}

impl MountedDevices {
    /// The word for it in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Allow => "allow",
        }
    }
}

/// How local sources are read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceOptions {
    /// How often a sector that failed is tried again.
    pub retries: u32,
    /// What becomes of a sector that fails every time.
    pub on_read_error: OnReadError,
    /// Whether a block device in use is read.
    pub mounted: MountedDevices,
    /// The write blocker that the examiner says is in place. Recorded as stated; nothing here checks it.
    pub write_blocker: Option<Statement>,
}

impl Default for SourceOptions {
    /// Two retries, unread sectors reported and passed, devices in use refused, no write blocker stated.
    fn default() -> Self {
        Self {
            retries: 2,
            on_read_error: OnReadError::default(),
            mounted: MountedDevices::default(),
            write_blocker: None,
        }
    }
}

impl SourceOptions {
    /// Sets how often a sector that failed is tried again.
    #[must_use]
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Sets what becomes of a sector that fails every time.
    #[must_use]
    pub fn with_on_read_error(mut self, on_read_error: OnReadError) -> Self {
        self.on_read_error = on_read_error;
        self
    }

    /// Sets whether a block device in use is read.
    #[must_use]
    pub fn with_mounted(mut self, mounted: MountedDevices) -> Self {
        self.mounted = mounted;
        self
    }

    /// States the write blocker.
    #[must_use]
    pub fn with_write_blocker(mut self, statement: Option<Statement>) -> Self {
        self.write_blocker = statement;
        self
    }

    /// The options as a journal keeps them (`AcquisitionSettings::provider`), so that a resumed
    /// process reads as the first one did.
    #[must_use]
    pub fn to_settings(&self) -> BTreeMap<String, String> {
        let mut settings = BTreeMap::from([
            (RETRIES.to_owned(), self.retries.to_string()),
            (ON_READ_ERROR.to_owned(), self.on_read_error.as_str().to_owned()),
            (MOUNTED.to_owned(), self.mounted.as_str().to_owned()),
        ]);
        if let Some(statement) = &self.write_blocker {
            settings.insert(WRITE_BLOCKER.to_owned(), statement.to_string());
        }
        settings
    }

    /// The options that [`to_settings`](Self::to_settings) wrote. What is not there has its default;
    /// what is not known is left to whoever else writes into the same map.
    ///
    /// # Errors
    /// [`Error::Malformed`] for a value that `to_settings` never writes.
    pub fn from_settings(settings: &BTreeMap<String, String>) -> Result<Self> {
        let mut options = Self::default();
        if let Some(value) = settings.get(RETRIES) {
            options.retries = value.parse().ok().ok_or_else(|| unknown(RETRIES, value))?;
        }
        if let Some(value) = settings.get(ON_READ_ERROR) {
            options.on_read_error = [OnReadError::Fill, OnReadError::Stop]
                .into_iter()
                .find(|known| known.as_str() == value)
                .ok_or_else(|| unknown(ON_READ_ERROR, value))?;
        }
        if let Some(value) = settings.get(MOUNTED) {
            options.mounted = [MountedDevices::Refuse, MountedDevices::Allow]
                .into_iter()
                .find(|known| known.as_str() == value)
                .ok_or_else(|| unknown(MOUNTED, value))?;
        }
        if let Some(value) = settings.get(WRITE_BLOCKER) {
            options.write_blocker = Some(value.parse()?);
        }
        Ok(options)
    }
}

fn unknown(setting: &str, value: &str) -> Error {
    let value = custody_core::visible::escape(value);
    Error::malformed(
        format!("source setting {setting}"),
        format!("{value:?} is not known"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_back_from_the_settings_they_wrote() {
        let options = SourceOptions::default()
            .with_retries(7)
            .with_on_read_error(OnReadError::Stop)
            .with_mounted(MountedDevices::Allow)
            .with_write_blocker(Some("Tableau T35u, serial 1".parse().unwrap()));
        assert_eq!(
            SourceOptions::from_settings(&options.to_settings()).unwrap(),
            options
        );
        let none = SourceOptions::from_settings(&BTreeMap::new()).unwrap();
        assert_eq!(none, SourceOptions::default());
    }

    #[test]
    fn a_setting_with_an_unknown_value_is_named() {
        let settings = BTreeMap::from([(ON_READ_ERROR.to_owned(), "shrug\n".to_owned())]);
        let error = SourceOptions::from_settings(&settings).unwrap_err().to_string();
        assert!(
            error.contains("on-read-error") && error.contains("shrug"),
            "{error}"
        );
        assert!(!error.contains('\n'), "{error}");
    }
}
